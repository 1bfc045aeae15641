// See interpreter.h. Here are the beginning and the end of a run, calls, frames and exceptions; execute.cpp runs steps.
#include "interpreter/interpreter.h"

#include <algorithm>
#include <cstring>

#include "interpreter/free_bits.h"

namespace assay::interpreter {

namespace {

// Of all frames together; a function of a million values must not take the host's memory.
constexpr size_t kMaxSlots = size_t{1} << 24;
// From function_base on: where functions lie, then the library's, then where calls return to, then handlers.
constexpr uint64_t kLibrary = 0x007f'0000, kReturnAddresses = 0x0080'0000, kHandlers = 0x00c0'0000,
                   kCodeSize = 0x0100'0000;
constexpr uint64_t kStructAlign = 16;

}  // namespace

// ---- addresses ----

Interpreter::Layout Interpreter::layout_of(const Config& config, std::span<const Region> regions) {
  Layout layout{.stack_base = config.stack_base,
                .function_base = config.function_base,
                .symbol_base = config.symbol_base,
                .stack_fill = config.stack_fill};
  if (config.layout_seed == 0) return layout;
  RandomChoices random(config.layout_seed, RandomChoices::kForLayout);
  // Anywhere, but not where a region is, nor across the middle or the end of the address space: an address and the next
  // compare as one would expect.
  const auto place = [&](uint64_t size) {
    constexpr uint64_t kApart = uint64_t(1) << 32;
    while (true) {
      const uint64_t base = random.next() & ~uint64_t(15);
      const auto reaches = [&](uint64_t address, uint64_t length) {
        return base < address + length + kApart && address < base + size + kApart;
      };
      if (base < kApart || base >= -kApart - size || reaches(uint64_t(1) << 63, 0)) continue;
      if (std::ranges::any_of(regions, [&](const Region& r) { return reaches(r.address, r.bytes.size()); })) continue;
      return base;
    }
  };
  // Not every machine aligns its stack to 16 bytes.
  layout.stack_base = place(config.stack_size) + 8 * (config.layout_seed % 2);
  layout.function_base = place(kCodeSize);
  layout.symbol_base = place(kCodeSize);
  layout.function_size = 16 * (1 + random.below(4));
  layout.call_size = 4 * (1 + random.below(16));
  layout.frame_size = 16 * (1 + random.below(16));
  layout.stack_pointer = 16 * random.below(16);
  layout.stack_fill = static_cast<uint8_t>(random.next());
  return layout;
}

uint64_t Interpreter::frame_pointer(size_t frame) const {
  return layout_.stack_base + config_->stack_size - layout_.frame_size * (frame + 1);
}

// How far it lies below the frame pointer is a machine's affair.
uint64_t Interpreter::stack_pointer() const { return frame_pointer(frames_.size() - 1) - layout_.stack_pointer; }

uint64_t Interpreter::return_address() const {
  uint64_t step = 0;  // of the outermost frame: none
  if (frames_.size() > 1) {
    const Frame& caller = frames_[frames_.size() - 2];
    step = program_->function(caller.function).first_step + caller.pc;
  }
  const uint64_t places = (kHandlers - kReturnAddresses) / layout_.call_size - 1;
  return layout_.function_base + kReturnAddresses + step % places * layout_.call_size;
}

uint64_t Interpreter::address_of(uint32_t function) const {
  return layout_.function_base + (function < kFirstLibraryFunction
                                      ? function * layout_.function_size
                                      : kLibrary + (function - kFirstLibraryFunction) * layout_.function_size);
}

uint64_t Interpreter::address_of(const DecodedFunction& f, uint32_t place) const {
  constexpr uint64_t kSize = 4, kPlaces = (kCodeSize - kHandlers) / kSize;
  return layout_.function_base + kHandlers + (uint64_t{f.first_place} + place) % kPlaces * kSize;
}

uint32_t Interpreter::function_at(uint64_t address) const {
  const uint64_t offset = address - layout_.function_base;
  if (offset < kLibrary) {
    const uint64_t function = offset / layout_.function_size;
    const bool exists =
        offset % layout_.function_size == 0 && function < program_->size() + program_->host_functions().size();
    return exists ? static_cast<uint32_t>(function) : kNoFunction;
  }
  const uint64_t routine = (offset - kLibrary) / layout_.function_size;
  const bool exists = (offset - kLibrary) % layout_.function_size == 0 && routine < kLibraryFunctionCount;
  return exists ? kFirstLibraryFunction + static_cast<uint32_t>(routine) : kNoFunction;
}

// ---- frames ----

bool Interpreter::enter(uint32_t function) {
  const DecodedFunction& f = program_->function(function);
  if (frames_.size() >= config_->max_depth) return false;
  size_t base = 0;
  if (!frames_.empty()) base = frames_.back().base + program_->function(frames_.back().function).slots;
  if (base + f.slots > kMaxSlots) return false;
  Frame frame{
      .function = function, .base = base, .open_slots = memory_.slot_count(), .stack_slots = slot_addresses_.size()};
  for (const StackSlot& slot : f.stack_slots) {
    const uint64_t address = memory_.push_slot(slot.size, slot.align);
    if (address == 0) {
      memory_.pop_slots(frame.open_slots);
      slot_addresses_.resize(frame.stack_slots);
      return false;
    }
    slot_addresses_.push_back(address);
  }
  if (values_.size() < base + f.slots) values_.resize(std::max(base + f.slots, values_.size() * 2));
  if (tracks_ && free_.size() < values_.size()) free_.resize(values_.size());
  size_t next = 0;
  for (size_t i = 0; i < f.param_slots.size(); ++i) {
    const size_t count = f.params[i].bits() <= 64 ? 1 : 2;
    for (size_t n = 0; n < count && next < scratch_.size(); ++n, ++next) {
      values_[base + f.param_slots[i] + n] = scratch_[next];
      if (tracks_) free_[base + f.param_slots[i] + n] = scratch_free_[next];
    }
  }
  frame.activation = activations_++;
  frames_.push_back(frame);
  deepest_ = std::max(deepest_, static_cast<uint32_t>(frames_.size()));
  return true;
}

void Interpreter::leave() {
  memory_.pop_slots(frames_.back().open_slots);
  slot_addresses_.resize(frames_.back().stack_slots);
  frames_.pop_back();
}

bool Interpreter::copy_struct_arguments(const DecodedFunction& caller, const CallSite& site) {
  const Frame& frame = frames_.back();
  const DecodedFunction& callee = program_->function(frame.function);
  for (uint32_t i = 0; i < site.struct_arguments_count; ++i) {
    const StructArgument& argument = caller.struct_arguments[site.struct_arguments_begin + i];
    uint64_t& pointer = values_[frame.base + callee.param_slots[argument.parameter]];
    const uint64_t copy = memory_.push_slot(argument.size, kStructAlign);
    const Memory::Found from = memory_.find(pointer, argument.size, false);
    if (copy == 0 || from.access != Memory::Access::kOk) return false;
    const Memory::Found to = memory_.find(copy, argument.size, true);
    std::memcpy(to.bytes, from.bytes, argument.size);
    if (tracks_) std::memcpy(to.free, from.free, argument.size);
    pointer = copy;
  }
  return true;
}

std::optional<bool> Interpreter::takes(const Handler& handler, size_t frame, LibraryFunction function) const {
  if (function == LibraryFunction::kResume) {
    return address_of(program_->function(frames_[frame].function), handler.place) == scratch_[1];
  }
  if (handler.any_tag) return true;
  if (handler.tag != static_cast<uint32_t>(scratch_[3])) return false;
  if (function != LibraryFunction::kThrowInContext) return true;
  bool same = true;
  for (uint32_t n = 0; n < handler.context_slots; ++n) {
    const size_t slot = frames_[frame].base + handler.context + n;
    if (tracks_ && (free_[slot] | scratch_free_[6]) != 0) return std::nullopt;
    same = same && values_[slot] == (n == 0 ? scratch_[6] : 0);
  }
  return same;
}

Interpreter::LibraryOutcome Interpreter::unwind(LibraryFunction function, uint32_t& edge) {
  const bool resumes = function == LibraryFunction::kResume;
  const auto is_free = [&](size_t argument) { return tracks_ && scratch_free_[argument] != 0; };
  if (is_free(0) || is_free(1) || (!resumes && is_free(3))) return LibraryOutcome::kUndetermined;
  const auto frame_of = [&](uint64_t pointer) {
    const uint64_t above = layout_.stack_base + config_->stack_size - pointer;
    return above % layout_.frame_size == 0 ? above / layout_.frame_size - 1 : frames_.size();
  };
  // How many frames are not unwound, and how many are open for it.
  const uint64_t from = scratch_[resumes ? 0 : 1];
  const uint64_t count = from == 0 ? frames_.size() : frame_of(from) + 1;
  const uint64_t kept = resumes ? count - 1 : scratch_[0] == 0 ? 0 : frame_of(scratch_[0]) + 1;
  const size_t payload = resumes ? 2 : 4;  // which argument
  if (count > frames_.size() || kept >= count) return LibraryOutcome::kUndefined;
  for (size_t n = count; n-- > kept;) {
    const Frame& frame = frames_[n];
    const DecodedFunction& f = program_->function(frame.function);
    const Step& step = f.steps[frame.pc - 1];
    if (step.kind != StepKind::kTryCall && step.kind != StepKind::kTryCallIndirect) continue;
    const CallSite& site = f.calls[step.c];
    for (uint32_t i = 0; i < site.handlers_count; ++i) {
      const Handler& handler = f.handlers[site.handlers_begin + i];
      const std::optional<bool> is_taken = takes(handler, n, function);
      if (!is_taken) return LibraryOutcome::kUndetermined;
      if (!*is_taken) continue;
      const size_t to = frame.base + site.payload;
      while (frames_.size() > n + 1) leave();
      for (size_t word = 0; word < 2; ++word) {
        values_[to + word] = scratch_[payload + word];
        if (tracks_) free_[to + word] = scratch_free_[payload + word];
      }
      edge = handler.edge;
      return LibraryOutcome::kThrown;
    }
  }
  return LibraryOutcome::kUndefined;
}

// ---- the library ----

Interpreter::LibraryOutcome Interpreter::copy_or_compare(LibraryFunction function, uint64_t& fuel) {
  const uint64_t to = scratch_[0], size = scratch_[2];
  if ((scratch_free_[0] | scratch_free_[2]) != 0) return LibraryOutcome::kUndetermined;
  if (function != LibraryFunction::kMemset && scratch_free_[1] != 0) return LibraryOutcome::kUndetermined;
  if (fuel <= size / 16) return LibraryOutcome::kOutOfFuel;
  fuel -= size / 16;
  const bool writes = function != LibraryFunction::kMemcmp;
  uint64_t result = writes ? to : 0;
  const bool backwards = writes && scratch_[1] < to;  // right for overlapping memory
  for (uint64_t n = 0; n < size; ++n) {
    const uint64_t at = backwards ? size - 1 - n : n;
    const Memory::Found left = memory_.find(to + at, 1, writes);
    if (left.access != Memory::Access::kOk) return LibraryOutcome::kUndefined;
    if (function == LibraryFunction::kMemset) {
      *left.bytes = static_cast<uint8_t>(scratch_[1]);
      if (tracks_) *left.free = static_cast<uint8_t>(scratch_free_[1]);
      continue;
    }
    const Memory::Found right = memory_.find(scratch_[1] + at, 1, false);
    if (right.access != Memory::Access::kOk) return LibraryOutcome::kUndefined;
    if (writes) {
      *left.bytes = *right.bytes;
      if (tracks_) *left.free = *right.free;
    } else if (tracks_ && (*left.free | *right.free) != 0) {
      return LibraryOutcome::kUndetermined;
    } else if (*left.bytes != *right.bytes) {
      // Only the sign is promised.
      result = *left.bytes < *right.bytes ? 0xffff'ffff : 1;
      break;
    }
  }
  scratch_.assign(1, result);
  scratch_free_.assign(1, 0);
  return LibraryOutcome::kReturned;
}

Interpreter::LibraryOutcome Interpreter::call_library(LibraryFunction function, uint64_t& fuel) {
  const LibraryFunctionInfo& info = library_function(function);
  scratch_free_.resize(scratch_.size());
  if (!info.is_operation()) {
    return scratch_.size() == info.arguments ? copy_or_compare(function, fuel) : LibraryOutcome::kUndefined;
  }
  const size_t slots = info.from.bits() == 128 ? 2 : 1;
  if (scratch_.size() != info.arguments * slots) return LibraryOutcome::kUndefined;
  const ScalarOperation operation = info.operation();
  const auto at = [&](const std::vector<uint64_t>& list, size_t i) {
    return slots == 2 ? static_cast<Word128>(list[2 * i + 1]) << 64 | list[2 * i] : truncate(list[i], info.from.bits());
  };
  Known args[3];
  bool free = false;
  for (size_t i = 0; i < info.arguments; ++i) {
    args[i] = {at(scratch_, i), at(scratch_free_, i)};
    free = free || args[i].free != 0;
  }
  // Such a routine follows the machine's rules for NaNs, which CLIF's contain.
  const FloatResult result = evaluate_float(operation, args[0].value, args[1].value, args[2].value);
  const Word128 result_free = free ? spread(operation, args[0], args[1], args[2], false).value : result.free;
  const auto give = [&](std::vector<uint64_t>& list, Word128 value) {
    list.assign(1, static_cast<uint64_t>(value));
    if (info.to.bits() == 128) list.push_back(static_cast<uint64_t>(value >> 64));
  };
  give(scratch_, result.value);
  give(scratch_free_, result_free);
  return LibraryOutcome::kReturned;
}

bool Interpreter::call_host_function(const HostFunction& function) {
  // What it does depends on all bits of its arguments, and on memory that it does not tell.
  const auto is_free = [](auto mask) { return mask != 0; };
  if (tracks_ && std::any_of(scratch_free_.begin(), scratch_free_.end(), is_free)) return false;
  if (tracks_ && !host_memory_.empty()) {
    const auto free = memory_.free_bits(host_region_).first(kHostMemory);
    if (std::any_of(free.begin(), free.end(), is_free)) return false;
  }
  outcome_->calls.push_back({function.name, scratch_});
  call_host(outcome_->calls.back(), host_memory_, function.result_bits, scratch_);
  scratch_free_.assign(scratch_.size(), 0);
  return true;
}

// ---- a run ----

void Interpreter::stop(OutcomeKind kind, const DecodedFunction& f, uint32_t pc, std::string_view text) {
  outcome_->kind = kind;
  outcome_->text = text;
  if (kind == OutcomeKind::OutOfFuel) return;
  outcome_->function = static_cast<uint32_t>(&f - &program_->function(0));
  if (pc != 0) outcome_->inst = ir::Inst(f.steps[pc - 1].inst);
}

void Interpreter::start_tracking() {
  tracks_ = true;
  free_.assign(values_.size(), 0);
  scratch_free_.assign(scratch_.size(), 0);
  memory_.start_tracking();
}

void Interpreter::run(const Program& program, uint32_t function, std::span<const ir::DataValue> args,
                      std::span<const Region> regions, const Config& config, Outcome& outcome) {
  program_ = &program;
  config_ = &config;
  outcome_ = &outcome;
  outcome.kind = OutcomeKind::OutOfFuel;
  outcome.results.clear();
  outcome.free_bits.clear();
  outcome.calls.clear();
  outcome.trap = {};
  outcome.function = 0;
  outcome.inst = {};
  outcome.text.clear();
  executed_ = 0;
  deepest_ = 0;
  fault_address_ = 0;
  pinned_ = 0;
  pinned_free_ = ~uint64_t(0);  // what it holds at first is the caller's affair
  tracks_ = false;
  activations_ = 0;
  regions_.clear();
  frames_.clear();
  slot_addresses_.clear();
  memory_.set_regions(regions, config.reserved);
  const auto serves_host = [](const Region& r) { return r.writable && r.bytes.size() >= kHostMemory; };
  host_region_ = static_cast<size_t>(std::find_if(regions.begin(), regions.end(), serves_host) - regions.begin());
  host_address_ = host_region_ == regions.size() ? 0 : regions[host_region_].address;
  host_memory_ = host_region_ == regions.size() ? std::span<uint8_t>() : regions[host_region_].bytes;
  assert(config.layout_seed == 0 || config.strict_stack);
  layout_ = layout_of(config, regions);
  memory_.set_code({layout_.function_base, layout_.function_base + kCodeSize});
  memory_.reset_stack({layout_.stack_base, layout_.stack_base + config.stack_size}, layout_.stack_fill,
                      config.strict_stack, config.layout_seed);

  Cursor cursor{.f = &program.function(function), .fuel = config.fuel};
  scratch_.clear();
  for (const ir::DataValue& arg : args) {
    if (arg.type().bits() > 128) {
      return stop(OutcomeKind::Unsupported, *cursor.f, 0, "argument." + arg.type().to_string());
    }
    scratch_.push_back(static_cast<uint64_t>(arg.bits()));
    if (arg.type().bits() > 64) scratch_.push_back(static_cast<uint64_t>(arg.bits() >> 64));
  }
  if (!enter(function)) {
    outcome.trap = ir::kStackOverflow;
    return stop(OutcomeKind::Trapped, *cursor.f, 0);
  }
  if (!execute<false>(cursor)) {
    start_tracking();
    execute<true>(cursor);
  }
}

}  // namespace assay::interpreter
