#include "oracles/machine_executor.h"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstring>

namespace assay::oracles {
namespace {

namespace map = memory_map;

// Every run finds this many bytes below the caller's SP in the same state, so that reading an unwritten stack slot
// is reproducible at least in small frames; deeper bytes keep what earlier runs left.
constexpr uint64_t kFreshBelow = 0x1000;
constexpr uint64_t kTopBegin = map::kCallerSp - kFreshBelow;
constexpr uint64_t kTopSize = kFreshBelow + map::kCallerFrame;

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

// Recognisable, different for each register, no bits that a truncation to 32 or 16 bits would keep.
constexpr uint64_t canary(RegisterClass cls, int number) {
  const uint64_t kind = cls == RegisterClass::Integer ? 0x0a55'a7c0'de00'0000 : 0x0a55'a7f1'0a70'0000;
  return (kind | static_cast<uint64_t>(number) << 8 | 0x5b) ^ static_cast<uint64_t>(number) * 0x0101'0000'1001'0000;
}

uint64_t stack_pattern(uint64_t address) { return 0x5ac3'f00d'0000'0000 ^ address * 0x1'0000'0001; }

void fill_pattern(uint8_t* to, uint64_t address, size_t size) {
  for (size_t i = 0; i < size; i += 8) {
    const uint64_t word = stack_pattern(address + i);
    std::memcpy(to + i, &word, 8);
  }
}

void put64(uint8_t* to, uint64_t value, std::endian order) {
  if (order != std::endian::native) value = __builtin_bswap64(value);
  std::memcpy(to, &value, 8);
}

bool is_float_in_high_half(IsaKind isa, RegisterId id) {
  return isa == IsaKind::s390x && id.cls == RegisterClass::Float;
}

}  // namespace

RegisterBits get_register(IsaKind isa, const MachineState& state, RegisterId id) {
  assert(is_register(isa, id));
  if (id.cls == RegisterClass::Integer) return {state.integer[id.number], 0};
  const RegisterBits bits = state.vector[id.number];
  if (id.cls == RegisterClass::Vector) return bits;
  return {is_float_in_high_half(isa, id) ? bits.high : bits.low, 0};
}

void set_register(IsaKind isa, MachineState& state, RegisterId id, RegisterBits bits) {
  assert(is_register(isa, id));
  if (id.cls == RegisterClass::Integer) {
    state.integer[id.number] = bits.low;
  } else if (id.cls == RegisterClass::Vector) {
    state.vector[id.number] = bits;
  } else if (is_float_in_high_half(isa, id)) {
    state.vector[id.number].high = bits.low;
  } else {
    state.vector[id.number].low = bits.low;
  }
}

size_t MachineExecutor::mapped_size(const Region& region) const {
  return (std::max<size_t>(region.bytes.size(), 1) + map::kPage - 1) / map::kPage * map::kPage;
}

Expected<void> MachineExecutor::load(const Image& image, std::span<const Region> regions) {
  loaded_ = false;
  if (const std::string reason = unavailable(); !reason.empty()) return fail(reason);
  if (image.bytes.empty() || image.bytes.size() > map::kCodeSize - map::kPage) {
    return fail("image has " + std::to_string(image.bytes.size()) + " bytes of code",
                "at least 1 and less than 16 MiB");
  }
  for (const CodeRange& range : image.functions) {
    if (range.begin > range.end || range.end > image.bytes.size()) return fail("code range lies outside the image");
  }
  for (const TrapSite& site : image.traps) {
    if (site.offset >= image.bytes.size()) return fail("trap site lies outside the image");
  }
  for (const uint32_t offset : image.host_stubs) {
    if (offset >= image.bytes.size()) return fail("host function lies outside the image");
  }
  std::vector<const Region*> sorted;
  for (const Region& region : regions) sorted.push_back(&region);
  std::ranges::sort(sorted, {}, [](const Region* region) { return region->address; });
  uint64_t free_from = map::kRegionsBegin;
  for (const Region* region : sorted) {
    if (region->address % map::kPage != 0 || region->address < free_from || region->address >= map::kRegionsEnd ||
        mapped_size(*region) + map::kPage > map::kRegionsEnd - region->address) {
      return fail("region at " + hex(region->address) + " overlaps or touches another, or is misplaced",
                  "at least a page apart; addresses are multiples of 4096 between 0x20000000 and 0x30000000");
    }
    free_from = region->address + mapped_size(*region) + map::kPage;
  }
  image_ = image;
  std::ranges::sort(image_.traps, {}, &TrapSite::offset);
  regions_.assign(regions.begin(), regions.end());
  auto lock = acquire();
  if (!lock) return std::unexpected(lock.error());
  if (auto installed = install(); !installed) return installed;
  assert(view_.stack != nullptr && view_.regions.size() == regions_.size());
  for (size_t i = 0; i < regions_.size(); ++i) {
    const Region& region = regions_[i];
    if (region.bytes.empty()) continue;
    std::memcpy(view_.regions[i], region.bytes.data(), region.bytes.size());
  }
  loaded_ = true;
  return {};
}

Expected<void> MachineExecutor::set_memory(std::span<const Region> regions) {
  if (!loaded_) return fail("nothing is loaded");
  if (regions.size() != regions_.size()) return fail("the number of regions differs from the loaded one");
  for (size_t i = 0; i < regions.size(); ++i) {
    if (regions[i].address != regions_[i].address || regions[i].bytes.size() != regions_[i].bytes.size()) {
      return fail("region " + std::to_string(i) + " differs from the loaded one in place or size");
    }
    if (regions_[i].writable) regions_[i].bytes = regions[i].bytes;
  }
  return {};
}

bool MachineExecutor::check_plan(const Plan& plan, Outcome& outcome) const {
  auto refuse = [&](std::string why) {
    outcome.kind = OutcomeKind::Unsupported;
    outcome.text = std::move(why);
    return false;
  };
  if (!loaded_) {
    const std::string reason = unavailable();
    return refuse(reason.empty() ? "no image is loaded" : reason);
  }
  if (plan.entry >= image_.bytes.size()) return refuse("the entry lies outside the image");
  const uint64_t result_end = uint64_t{plan.result_stack_offset} + plan.result_stack_bytes;
  if (plan.stack_arguments.size() > map::kMaxStackArguments || result_end > map::kMaxStackArguments ||
      plan.callee_pops > map::kMaxStackArguments) {
    return refuse("more than 4096 bytes of stack arguments or results");
  }
  for (const auto& [id, bits] : plan.registers) {
    if (!is_register(isa_, id)) return refuse("no register " + register_name(isa_, id) + " in this executor");
    if (id == integer_register(abi_facts(isa_).stack_pointer)) return refuse("a plan cannot set the stack pointer");
  }
  for (RegisterId id : plan.result_registers) {
    if (!is_register(isa_, id)) return refuse("no register " + register_name(isa_, id) + " in this executor");
  }
  return true;
}

void MachineExecutor::prepare(const Plan& plan) {
  const AbiFacts& facts = abi_facts(isa_);
  before_ = MachineState{};
  for (int i = 0; i < facts.integer_registers; ++i) before_.integer[i] = canary(RegisterClass::Integer, i);
  for (int i = 0; i < 32; ++i) {
    before_.vector[i] = {canary(RegisterClass::Float, i), canary(RegisterClass::Vector, i) + 1};
  }
  for (const auto& [id, bits] : plan.registers) set_register(isa_, before_, id, bits);
  before_.integer[facts.stack_pointer] = map::entry_sp(isa_);
  if (facts.link >= 0) before_.integer[facts.link] = return_address();
  if (isa_ == IsaKind::riscv64) before_.integer[0] = 0;

  wanted_.assign(1, integer_register(facts.stack_pointer));
  if (plan.preserved != nullptr) {
    wanted_.insert(wanted_.end(), plan.preserved->begin(), plan.preserved->end());
  } else if (plan.preserves == Preserves::CAbi) {
    for (uint8_t number : facts.preserved_integer) wanted_.push_back(integer_register(number));
    for (uint8_t number : facts.preserved_float) wanted_.push_back(float_register(number));
  } else {
    wanted_.push_back(integer_register(facts.frame_pointer));
  }
  wanted_.insert(wanted_.end(), plan.result_registers.begin(), plan.result_registers.end());

  if (stack_top_.empty()) {
    stack_top_.resize(kTopSize);
    fill_pattern(stack_top_.data(), kTopBegin, kTopSize);
  } else {
    fill_pattern(stack_top_.data() + owned_begin_, kTopBegin + owned_begin_, owned_end_ - owned_begin_);
  }
  owned_begin_ = static_cast<size_t>(map::entry_sp(isa_) - kTopBegin);
  const size_t arguments = static_cast<size_t>(map::stack_arguments(isa_) - kTopBegin);
  const size_t owned = std::max<size_t>(
      {plan.stack_arguments.size(), plan.callee_pops, size_t{plan.result_stack_offset} + plan.result_stack_bytes});
  owned_end_ = (arguments + owned + 7) / 8 * 8;
  if (facts.link < 0) put64(stack_top_.data() + owned_begin_, return_address(), endianness(isa_));
  if (!plan.stack_arguments.empty()) {
    std::memcpy(stack_top_.data() + arguments, plan.stack_arguments.data(), plan.stack_arguments.size());
  }
}

void MachineExecutor::reset_memory() {
  std::memcpy(view_.stack + (kTopBegin - map::kStackLow), stack_top_.data(), kTopSize);
  for (size_t i = 0; i < regions_.size(); ++i) {
    const Region& region = regions_[i];
    if (!region.writable || region.bytes.empty()) continue;
    std::memcpy(view_.regions[i], region.bytes.data(), region.bytes.size());
  }
}

const TrapSite* MachineExecutor::find_trap(uint64_t pc) const {
  if (pc < map::kCodeBase || pc - map::kCodeBase >= image_.bytes.size()) return nullptr;
  const auto offset = static_cast<uint32_t>(pc - map::kCodeBase);
  auto found = std::ranges::lower_bound(image_.traps, offset, {}, &TrapSite::offset);
  return found != image_.traps.end() && found->offset == offset ? &*found : nullptr;
}

bool MachineExecutor::is_host_stub(uint64_t pc) const {
  return pc >= map::kCodeBase && pc - map::kCodeBase < image_.bytes.size() &&
         std::ranges::binary_search(image_.host_stubs, static_cast<uint32_t>(pc - map::kCodeBase));
}

Event MachineExecutor::run_through(const Plan& plan, const Limits& limits, bool precise, std::string& violation) {
  constexpr unsigned kMostCalls = 4096;
  constexpr size_t kHostRegion = 128;
  reset_memory();
  state_ = before_;
  if (plan.host != nullptr) plan.host->begin();
  Event event = execute(map::kCodeBase + plan.entry, state_, wanted_, limits, precise);
  for (unsigned calls = 0; plan.host != nullptr && event.kind == Event::Kind::Fault && is_host_stub(event.pc);
       ++calls) {
    if (calls == kMostCalls) return {.kind = Event::Kind::OutOfFuel};
    HostContext context{.state = state_, .stack = view_.stack, .memory = {}};
    for (size_t i = 0; i < regions_.size(); ++i) {
      if (!regions_[i].writable || regions_[i].bytes.size() < kHostRegion) continue;
      context.memory = {view_.regions[i], regions_[i].bytes.size()};
      break;
    }
    const auto stub = std::ranges::lower_bound(image_.host_stubs, static_cast<uint32_t>(event.pc - map::kCodeBase));
    violation = plan.host->call(static_cast<size_t>(stub - image_.host_stubs.begin()), context);
    if (!violation.empty()) return event;
    event = execute(context.pc, state_, wanted_, limits, precise);
  }
  return event;
}

// Everything outside frame, arguments and regions that the callee could reach must be as before.
bool MachineExecutor::check_memory(Outcome& outcome) const {
  auto violated = [&](std::string what) {
    outcome.kind = OutcomeKind::AbiViolated;
    outcome.text = std::move(what);
    return false;
  };
  const uint8_t* top = view_.stack + (kTopBegin - map::kStackLow);
  if (std::memcmp(top + owned_end_, stack_top_.data() + owned_end_, kTopSize - owned_end_) != 0) {
    size_t at = owned_end_;
    while (top[at] == stack_top_[at]) ++at;
    const uint64_t distance = kTopBegin + at - map::entry_sp(isa_);
    return violated("wrote into the caller's frame, " + std::to_string(distance) + " bytes above the entry SP");
  }
  if (view_.code != nullptr && std::memcmp(view_.code, image_.bytes.data(), image_.bytes.size()) != 0) {
    return violated("wrote over the code");
  }
  for (size_t i = 0; i < regions_.size(); ++i) {
    const Region& region = regions_[i];
    const uint8_t* now = view_.regions[i];
    if (!region.writable && !region.bytes.empty() && std::memcmp(now, region.bytes.data(), region.bytes.size()) != 0) {
      std::memcpy(view_.regions[i], region.bytes.data(), region.bytes.size());
      return violated("wrote into the read-only region at " + hex(region.address));
    }
    const size_t mapped = mapped_size(region);
    for (size_t k = region.bytes.size(); k < mapped; ++k) {
      if (now[k] == 0) continue;
      std::memset(view_.regions[i] + region.bytes.size(), 0, mapped - region.bytes.size());
      return violated("wrote at " + hex(region.address + k) + ", past the end of a region");
    }
  }
  return true;
}

bool MachineExecutor::check_registers(const Plan& plan, Outcome& outcome) const {
  auto violated = [&](std::string what) {
    outcome.kind = OutcomeKind::AbiViolated;
    outcome.text = std::move(what);
    return false;
  };
  const AbiFacts& facts = abi_facts(isa_);
  const uint64_t sp = state_.integer[facts.stack_pointer];
  const uint64_t expected_sp = map::kCallerSp + plan.callee_pops;
  if (sp != expected_sp) {
    return violated("stack pointer is " + hex(sp) + " after the return instead of " + hex(expected_sp));
  }
  auto same = [&](RegisterId id) {
    const RegisterBits was = get_register(isa_, before_, id), is = get_register(isa_, state_, id);
    if (was == is) return true;
    return violated("preserved register " + register_name(isa_, id) + " changed from " + hex(was.low) + " to " +
                    hex(is.low) + (was.low == is.low ? " in its upper half" : ""));
  };
  if (plan.preserved != nullptr) return std::ranges::all_of(*plan.preserved, same) && check_flags(outcome);
  if (plan.preserves == Preserves::FramePointerOnly) {
    if (!same(integer_register(facts.frame_pointer))) return false;
  } else {
    for (uint8_t number : facts.preserved_integer) {
      if (!same(integer_register(number))) return false;
    }
    for (uint8_t number : facts.preserved_float) {
      if (!same(float_register(number))) return false;
    }
  }
  return check_flags(outcome);
}

bool MachineExecutor::check_flags(Outcome& outcome) const {
  constexpr uint64_t kDirectionFlag = 0x400;
  if (isa_ != IsaKind::x64 || (state_.flags & kDirectionFlag) == 0) return true;
  outcome.kind = OutcomeKind::AbiViolated;
  outcome.text = "direction flag is set";
  return false;
}

void MachineExecutor::copy_memory(Outcome& outcome) const {
  outcome.memory.resize(regions_.size());
  for (size_t i = 0; i < regions_.size(); ++i) {
    if (regions_[i].writable) {
      outcome.memory[i].assign(view_.regions[i], view_.regions[i] + regions_[i].bytes.size());
    } else {
      outcome.memory[i].clear();
    }
  }
}

void MachineExecutor::run(const Plan& plan, const Limits& limits, Outcome& outcome) {
  // Keeps the capacity of the vectors: a campaign runs millions of these.
  outcome.kind = OutcomeKind::Unsupported;
  outcome.results.clear();
  outcome.stack_results.clear();
  outcome.trap_code = 0;
  outcome.trap_inst = outcome.trap_function = 0;
  outcome.fault = FaultKind::None;
  outcome.fault_pc = outcome.fault_address = 0;
  outcome.text.clear();
  if (!check_plan(plan, outcome)) {
    outcome.memory.clear();
    return;
  }
  auto lock = acquire();
  if (!lock) {
    outcome.text = lock.error().message;
    outcome.memory.clear();
    return;
  }
  prepare(plan);
  std::string violation;
  Event event = run_through(plan, limits, false, violation);
  if (event.imprecise && violation.empty()) event = run_through(plan, limits, true, violation);
  if (event.kind == Event::Kind::Unsupported || event.kind == Event::Kind::OutOfFuel) {
    outcome.kind = event.kind == Event::Kind::OutOfFuel ? OutcomeKind::OutOfFuel : OutcomeKind::Unsupported;
    outcome.text = event.text;
    outcome.memory.clear();
    return;
  }
  copy_memory(outcome);
  if (!violation.empty()) {
    outcome.kind = OutcomeKind::AbiViolated;
    outcome.text = std::move(violation);
    return;
  }
  if (!check_memory(outcome)) return;
  if (event.kind == Event::Kind::Fault) {
    if (const TrapSite* site = find_trap(event.pc)) {
      outcome.kind = OutcomeKind::Trapped;
      outcome.trap_code = site->code;
      outcome.trap_inst = site->inst;
      outcome.trap_function = site->function;
    } else {
      outcome.kind = OutcomeKind::Faulted;
      outcome.fault = event.fault;
      outcome.fault_pc = event.pc;
      outcome.fault_address = event.address;
    }
    return;
  }
  if (!check_registers(plan, outcome)) return;
  outcome.kind = OutcomeKind::Returned;
  for (RegisterId id : plan.result_registers) outcome.results.push_back(get_register(isa_, state_, id));
  const uint8_t* results = view_.stack + (map::stack_arguments(isa_) - map::kStackLow) + plan.result_stack_offset;
  outcome.stack_results.assign(results, results + plan.result_stack_bytes);
}

}  // namespace assay::oracles
