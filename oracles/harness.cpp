// See harness.h.
#include "oracles/harness.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "compiler/ir/printer.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/expand_division.h"
#include "compiler/machine/features.h"
#include "oracles/abi_facts.h"

namespace assay::oracles {

namespace {

class Stopwatch {
 public:
  uint64_t nanoseconds() const {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start_).count());
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

const char* level_name(machine::OptLevel level) { return machine::name(level).data(); }

// "%f, v3 = sdiv v1, v2"
std::string place(const TestCase& test, uint32_t function, uint32_t inst) {
  if (function >= test.functions.size()) return "an unknown function";
  const ir::Function& f = *test.functions[function];
  std::string out = ir::to_string(f.name);
  if (inst < f.inst_count()) {
    out += ", `" + ir::print_inst(f, ir::Inst(inst)) + "`";
  } else {
    out += ", no instruction of it";
  }
  return out;
}

bool has_calls(const ir::Function& f) {
  for (const ir::Block block : f.blocks()) {
    for (const ir::Inst inst : f.insts(block)) {
      if (f.info(inst).is_call()) return true;
    }
  }
  return false;
}

std::string values(std::span<const ir::DataValue> values) {
  std::string out;
  for (size_t i = 0; i < values.size(); ++i) out += (i == 0 ? "" : ", ") + ir::to_string(values[i]);
  return out;
}

std::string describe(const TestCase& test, const interpreter::Outcome& outcome) {
  switch (outcome.kind) {
    case interpreter::OutcomeKind::Returned:
      return outcome.results.empty() ? "returned" : "returned " + values(outcome.results);
    case interpreter::OutcomeKind::Trapped:
      return "trapped " + ir::to_string(outcome.trap) + " in " + place(test, outcome.function, outcome.inst.index);
    default:
      return interpreter::describe(outcome);
  }
}

std::string describe(const TestCase& test, MachineSession& session, const Outcome& outcome) {
  switch (outcome.kind) {
    case OutcomeKind::Returned: {
      const auto& layout = session.layout(test.entry);
      const auto results = layout ? machine_results(*layout, outcome) : std::vector<ir::DataValue>();
      return results.empty() ? "returned" : "returned " + values(results);
    }
    case OutcomeKind::Trapped:
      return "trapped " + ir::to_string(ir::TrapCode{outcome.trap_code}) + " in " +
             place(test, outcome.trap_function, outcome.trap_inst);
    default:
      return oracles::describe(outcome);
  }
}

// A complaint without what is particular to one program: quoted code, and the numbers in words (v12, 0x1f, -5).
std::string sort_of(std::string_view text) {
  constexpr size_t kLongest = 160;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_word = [&](char c) { return is_digit(c) || c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); };
  std::string out;
  for (size_t i = 0; i < text.size() && out.size() < kLongest; ++i) {
    const char c = text[i];
    if (const size_t end = text.find('`', i + 1); c == '`' && end != std::string_view::npos) {
      out += "`…`";
      i = end;
    } else if (c == '-' && i + 1 < text.size() && is_digit(text[i + 1])) {
      continue;
    } else if (is_digit(c)) {
      out += '#';
      while (i + 1 < text.size() && is_word(text[i + 1])) ++i;
    } else {
      out += c;
    }
  }
  return out;
}

// Is this trap the interpreter's own limit, not one the program asks for? A machine's stack ends elsewhere.
bool ran_out_of_stack(const TestCase& test, const interpreter::Outcome& outcome) {
  if (outcome.kind != interpreter::OutcomeKind::Trapped || !(outcome.trap == ir::kStackOverflow)) return false;
  if (outcome.inst.is_none()) return true;
  const ir::Function& function = *test.functions[outcome.function];
  return function.info(outcome.inst).is_call();
}

}  // namespace

machine::CompileOptions compile_options(const HarnessOptions& given, std::span<const ir::Function* const> functions,
                                        IsaKind isa, machine::OptLevel level, uint64_t choice_seed) {
  machine::CompileOptions options;
  options.opt_level = level;
  options.features = given.features[static_cast<size_t>(isa)];
  options.optimize = given.optimize;
  options.choice_seed = choice_seed;
  options.verify_ir = false;
  options.verify_machine = options.verify_optimized = given.verify_machine;
  options.check_allocation = given.check_allocation;
  options.max_registers = given.max_registers;
  options.pinned_register = std::ranges::any_of(functions, [](const auto* f) { return uses_pinned_register(*f); });
  return options;
}

template <class Is>
static bool any_instruction(const ir::Function& f, const Is& is) {
  for (uint32_t i = 0; i < f.inst_count(); ++i) {
    if (is(f.inst(ir::Inst(i)))) return true;
  }
  return false;
}

ir::Endianness byte_order(IsaKind isa) {
  return endianness(isa) == std::endian::big ? ir::Endianness::kBig : ir::Endianness::kLittle;
}

bool uses_pinned_register(const ir::Function& f) {
  return any_instruction(f, [](const ir::InstData& inst) {
    return inst.opcode == ir::Opcode::kGetPinnedReg || inst.opcode == ir::Opcode::kSetPinnedReg;
  });
}

const char* name(FindingKind kind) {
  switch (kind) {
    case FindingKind::Result:
      return "result";
    case FindingKind::Outcome:
      return "outcome";
    case FindingKind::Memory:
      return "memory";
    case FindingKind::Fault:
      return "fault";
    case FindingKind::Abi:
      return "abi";
    case FindingKind::Hang:
      return "hang";
    case FindingKind::Compiler:
      return "compiler";
    case FindingKind::Crash:
      return "crash";
    case FindingKind::Calls:
      return "calls";
    case FindingKind::Meaning:
      return "meaning";
  }
  return "?";
}

std::string Finding::key() const {
  if (kind == FindingKind::Crash || kind == FindingKind::Meaning) return std::string(oracles::name(kind)) + ": " + sort;
  return std::string(oracles::name(kind)) + " " + assay::name(isa) + ": " + sort;
}

std::string describe(const Finding& finding) {
  if (finding.kind == FindingKind::Crash) return "crash: " + finding.text;
  if (finding.kind == FindingKind::Meaning) return "meaning: " + finding.text;
  std::string out = std::string(name(finding.kind)) + ": " + name(finding.isa) + " " + finding.executor + " " +
                    level_name(finding.opt_level);
  if (finding.choice_seed != 0) {
    out += " with choices " + std::to_string(finding.choice_seed);
    if (const machine::TargetIsa* target = isa::find_isa(finding.isa)) {
      const machine::FeatureSet chosen = chosen_features(*target->insts, {.choice_seed = finding.choice_seed});
      if (chosen != 0) out += " (" + machine::feature_names(*target->insts, chosen) + ")";
    }
  }
  if (finding.input) out += ", input " + std::to_string(*finding.input);
  return out + ": " + finding.text;
}

bool may_be_partly_written(const ir::Function& function, ir::Inst inst, uint64_t fault_address, uint64_t address) {
  const ir::InstData& data = function.inst(inst);
  uint64_t size = 0;
  switch (data.opcode) {
    case ir::Opcode::kIstore8:
      return false;
    case ir::Opcode::kIstore16:
      size = 2;
      break;
    case ir::Opcode::kIstore32:
      size = 4;
      break;
    case ir::Opcode::kStore:
    case ir::Opcode::kAtomicStore:  // of atomic ones those that are not aligned
    case ir::Opcode::kAtomicRmw:
    case ir::Opcode::kAtomicCas:
      size = data.type.bytes();
      break;
    default:
      return false;
  }
  const uint64_t second_page = (fault_address / memory_map::kPage + 1) * memory_map::kPage;
  return fault_address + size > second_page && address >= fault_address && address < second_page;
}

HarnessStats& HarnessStats::operator+=(const HarnessStats& other) {
  cases += other.cases;
  functions += other.functions;
  compiles += other.compiles;
  executions += other.executions;
  for (size_t i = 0; i < interpreted.size(); ++i) interpreted[i] += other.interpreted[i];
  depends += other.depends;
  steps += other.steps;
  interpreter_nanoseconds += other.interpreter_nanoseconds;
  for (size_t i = 0; i < compile.size(); ++i) {
    compile[i] += other.compile[i];
    compile_nanoseconds[i] += other.compile_nanoseconds[i];
  }
  for (const auto& [name, stats] : other.executors) {
    executors[name].runs += stats.runs;
    executors[name].nanoseconds += stats.nanoseconds;
  }
  for (const auto& [reason, count] : other.not_run) not_run[reason] += count;
  excused += other.excused;
  return *this;
}

Harness::Harness(HarnessOptions options) : options_(std::move(options)) {
  for (IsaKind isa : options_.isas) sessions_.push_back(std::make_unique<MachineSession>(isa));
}

Harness::~Harness() = default;

machine::Compiler* Harness::compiler(IsaKind isa) {
  for (auto& session : sessions_) {
    if (session->isa() == isa && session->has_backend()) return &session->compiler();
  }
  return nullptr;
}

// ---- the reference ----

void Harness::interpret_once(const TestCase& test, const TestInput& input, ir::Endianness order, uint64_t layout_seed,
                             Reference& reference) {
  reference.memory.resize(test.regions.size());
  memory_.clear();
  for (size_t i = 0; i < test.regions.size(); ++i) {
    reference.memory[i].assign(test.regions[i].bytes.begin(), test.regions[i].bytes.end());
    memory_.push_back({test.regions[i].address, reference.memory[i], test.regions[i].writable});
  }
  interpreter::Config config;
  config.fuel = options_.fuel;
  config.byte_order = order;
  config.reserved = reserved_;
  config.stack_base = memory_map::kStackLow;
  config.stack_size = memory_map::kStackSize;
  config.function_base = memory_map::kCodeBase;
  config.layout_seed = layout_seed;
  interpreter_.run(program_, test.entry, input.args, memory_, config, reference.outcome);
  reference.free_memory.resize(test.regions.size());
  for (size_t i = 0; i < test.regions.size(); ++i) {
    const auto free = interpreter_.free_memory(i);
    reference.free_memory[i].assign(free.begin(), free.end());
  }
  reference.steps = interpreter_.executed();
  reference.deepest = interpreter_.deepest();
  reference.fault_address = interpreter_.fault_address();
  const interpreter::OutcomeKind kind = reference.outcome.kind;
  reference.comparable = (kind == interpreter::OutcomeKind::Returned || kind == interpreter::OutcomeKind::Trapped) &&
                         !ran_out_of_stack(test, reference.outcome);
  reference.depends = false;
  ++stats_.executions;
  stats_.steps += reference.steps;
}

bool Harness::depends_on_layout(const TestCase& test, const TestInput& input, ir::Endianness order, uint64_t first_seed,
                                uint64_t last_seed, const Reference& reference) {
  if (!program_.sees_addresses() || !reference.comparable) return false;
  for (uint64_t seed = first_seed; seed <= last_seed; ++seed) {
    interpret_once(test, input, order, seed, variant_);
    if (!(variant_.outcome == reference.outcome) || variant_.memory != reference.memory) return true;
  }
  return false;
}

static bool converts_to_integers(const ir::Function* f) {
  return any_instruction(*f, [](const ir::InstData& inst) {
    return inst.opcode == ir::Opcode::kFcvtToSintSat || inst.opcode == ir::Opcode::kFcvtToUintSat;
  });
}

void Harness::interpret(const TestCase& test) {
  has_wide_divisions_ = std::ranges::any_of(test.functions, [](const ir::Function* f) {
    return any_instruction(*f, [](const ir::InstData& inst) { return machine::is_wide_division(inst); });
  });
  const Stopwatch watch;
  program_.clear();
  for (const ir::Function* function : test.functions) program_.add(*function);
  program_.link();

  reserved_.clear();
  reserved_.push_back({memory_map::kCodeBase, memory_map::kCodeBase + memory_map::kCodeSize});
  reserved_.push_back({memory_map::kStackLow, memory_map::kStackLow + memory_map::kStackSize});
  for (const Region& region : test.regions) {
    // A machine maps whole pages.
    const uint64_t end = region.address + region.bytes.size();
    const uint64_t mapped_end = (end + memory_map::kPage - 1) / memory_map::kPage * memory_map::kPage;
    if (mapped_end != end) reserved_.push_back({end, mapped_end});
  }

  const bool has_big_endian = std::any_of(options_.isas.begin(), options_.isas.end(), [&](IsaKind isa) {
    return test.is_for(isa) && endianness(isa) == std::endian::big;
  });
  has_big_references_ = has_big_endian && program_.depends_on_byte_order();
  reference_count_ = test.inputs.size();
  if (references_.size() < reference_count_) references_.resize(reference_count_);
  if (big_references_.size() < reference_count_) big_references_.resize(reference_count_);

  for (size_t i = 0; i < test.inputs.size(); ++i) {
    Reference& reference = references_[i];
    interpret_once(test, test.inputs[i], options_.order, 0, reference);
    bool depends = depends_on_layout(test, test.inputs[i], options_.order, 1, options_.layouts, reference);
    if (has_big_references_) {
      interpret_once(test, test.inputs[i], ir::Endianness::kBig, 0, big_references_[i]);
      depends = depends ||
                depends_on_layout(test, test.inputs[i], ir::Endianness::kBig, 1, options_.layouts, big_references_[i]);
    }
    ++stats_.interpreted[static_cast<size_t>(reference.outcome.kind)];
    if (depends) let_go(i);
  }
  stats_.interpreter_nanoseconds += watch.nanoseconds();
}

void Harness::let_go(size_t input) {
  references_[input].comparable = false;
  references_[input].depends = true;
  if (has_big_references_) big_references_[input].comparable = false;
  --stats_.interpreted[static_cast<size_t>(references_[input].outcome.kind)];
  ++stats_.depends;
}

const Harness::Reference& Harness::reference_for(IsaKind isa, size_t input) const {
  return has_big_references_ && endianness(isa) == std::endian::big ? big_references_[input] : references_[input];
}

// ---- machines ----

void Harness::check(const TestCase& test, std::vector<Finding>& findings, bool stop_at_first) {
  assert(test.entry < test.functions.size());
  ++stats_.cases;
  stats_.functions += test.functions.size();
  interpret(test);
  const size_t before = findings.size();
  for (auto& session : sessions_) {
    if (!test.is_for(session->isa())) continue;
    previous_image_.bytes.clear();
    for (machine::OptLevel level : options_.opt_levels) {
      check_isa(test, *session, {level, 0}, findings, stop_at_first);
      if (stop_at_first && findings.size() != before) return;
    }
    if (test.choice_seed == 0 || options_.opt_levels.empty()) continue;
    const machine::OptLevel highest = *std::ranges::max_element(options_.opt_levels);
    check_isa(test, *session, {highest, test.choice_seed}, findings, stop_at_first);
    if (stop_at_first && findings.size() != before) return;
  }
}

void Harness::check_isa(const TestCase& test, MachineSession& session, const Level& level,
                        std::vector<Finding>& findings, bool stop_at_first) {
  const auto isa = static_cast<size_t>(session.isa());
  const machine::CompileOptions options =
      compile_options(options_, test.functions, session.isa(), level.opt_level, level.choice_seed);
  const Stopwatch watch;
  session.prepare(test.functions, options, options_.stages);
  stats_.compile_nanoseconds[isa] += watch.nanoseconds();
  stats_.compile[isa] += session.compile_stats();
  stats_.compiles += test.functions.size();

  const size_t before = findings.size();
  for (uint32_t i = 0; i < test.functions.size(); ++i) {
    const MachineSession::Status& status = session.status(i);
    if (status.kind != MachineSession::Status::Kind::Broken || status.function != i) continue;
    Finding finding{.kind = FindingKind::Compiler,
                    .isa = session.isa(),
                    .executor = "compiler",
                    .opt_level = level.opt_level,
                    .choice_seed = level.choice_seed};
    finding.text = ir::to_string(test.functions[i]->name) + ": " + status.reason;
    finding.sort = sort_of(status.reason);
    findings.push_back(std::move(finding));
  }
  for (uint32_t i = 0; i < test.functions.size(); ++i) {
    if (session.status(i).kind != MachineSession::Status::Kind::Ready) continue;
    // Without a frame there are no calls but in code that is never reached.
    const uint32_t frame = session.compiled(i).frame_size;
    if (frame == 0 || is_aligned_frame(session.isa(), frame) || !has_calls(*test.functions[i])) continue;
    Finding finding{.kind = FindingKind::Abi,
                    .isa = session.isa(),
                    .executor = "compiler",
                    .opt_level = level.opt_level,
                    .choice_seed = level.choice_seed};
    finding.text = ir::to_string(test.functions[i]->name) + ": a frame of " + std::to_string(frame) +
                   " bytes leaves the stack pointer misaligned at its calls";
    finding.sort = "misaligned stack";
    findings.push_back(std::move(finding));
  }
  if (stop_at_first && findings.size() != before) return;
  const MachineSession::Status& entry = session.status(test.entry);
  if (entry.kind != MachineSession::Status::Kind::Ready) {
    if (entry.kind == MachineSession::Status::Kind::NotSupported) stats_.not_run[entry.reason] += test.inputs.size();
    return;
  }
  if (options_.tamper) options_.tamper(session.isa(), session.image());
  // The same code again would do the same again.
  const Image& image = session.image();
  const auto same_site = [](const TrapSite& a, const TrapSite& b) {
    return a.offset == b.offset && a.code == b.code && a.inst == b.inst && a.function == b.function;
  };
  if (!previous_image_.bytes.empty() && previous_image_.bytes == image.bytes &&
      std::equal(previous_image_.traps.begin(), previous_image_.traps.end(), image.traps.begin(), image.traps.end(),
                 same_site)) {
    return;
  }
  previous_image_.bytes = image.bytes;
  previous_image_.traps = image.traps;

  // Whether the instructions are all known to run as they should takes a disassembler: asked of one image in eight, and
  // of every second one for s390x with conversions to integers, which Unicorn gets wrong for every NaN.
  const bool converts = session.isa() == IsaKind::s390x && std::ranges::any_of(test.functions, converts_to_integers);
  const unsigned share = converts ? 2 : 8;
  const bool is_sample =
      !image.bytes.empty() && (image.bytes.size() / 2 + image.bytes[image.bytes.size() / 2]) % share == 0;
  bool is_run = false, lacks = false;  // on the processors before; for want of features, or of trust
  for (ExecutorKind kind : kAllExecutorKinds) {
    const bool wanted = kind == ExecutorKind::Unicorn  ? options_.unicorn
                        : kind == ExecutorKind::Native ? options_.native
                        : kind == ExecutorKind::Qemu   ? options_.qemu || (lacks && !is_run)
                                                       : options_.stages;
    if (!wanted || !MachineSession::exists(kind, session.isa())) continue;
    if (!is_stage(kind)) {
      const bool has_all = session.lacking(kind).empty() && !(is_sample && session.may_be_wrong(kind));
      (has_all ? is_run : lacks) = true;
    }
    if (!check_executor(test, session, kind, level, findings, stop_at_first)) return;
  }
}

std::string Harness::obstacle(MachineSession& session, ExecutorKind kind, const Reference& reference) const {
  // A machine's frames are larger than the interpreter's.
  constexpr uint64_t kLinkage = 256;
  uint64_t frame = 0;
  for (uint32_t i = 0; i < program_.size(); ++i) {
    if (session.status(i).kind != MachineSession::Status::Kind::Ready) continue;
    frame = std::max<uint64_t>(frame, session.compiled(i).frame_size);
  }
  if (reference.deepest * (frame + kLinkage) + memory_map::kCallerFrame > memory_map::kStackSize) {
    return "calls nested too deeply for the machine's stack";
  }
  // Executors that share an address space with something else may only be led astray close to the regions.
  if ((kind == ExecutorKind::Native || kind == ExecutorKind::Qemu) &&
      reference.outcome.kind == interpreter::OutcomeKind::Trapped && reference.fault_address > 0xffff &&
      (reference.fault_address < memory_map::kRegionsBegin - memory_map::kPage ||
       reference.fault_address > memory_map::kRegionsEnd)) {
    return "a wild address, where this executor may have mapped something";
  }
  return {};
}

bool Harness::check_executor(const TestCase& test, MachineSession& session, ExecutorKind kind, const Level& level,
                             std::vector<Finding>& findings, bool stop_at_first) {
  const Stopwatch watch;
  ExecutorStats& stats = stats_.executors[session.executor_name(kind)];
  const auto count_time = [&] { stats.nanoseconds += watch.nanoseconds(); };
  const auto loaded = session.load(kind, test.regions);
  if (!loaded) {
    stats_.not_run[loaded.error().message] += test.inputs.size();
    count_time();
    return true;
  }
  bool go_on = true;
  for (size_t i = 0; i < test.inputs.size() && go_on; ++i) {
    const Reference& reference = reference_for(session.isa(), i);
    if (!reference.comparable) continue;
    if (std::string reason = obstacle(session, kind, reference); !reason.empty()) {
      ++stats_.not_run[reason];
      continue;
    }
    // Machines count blocks, or time; where the interpreter took n steps, right code takes no more than a few n blocks,
    // or as many as a division of 128 bits has.
    const uint64_t blocks = has_wide_divisions_ ? 150 : 4;
    const Limits limits{.fuel = blocks * reference.steps + 10'000, .milliseconds = options_.milliseconds};
    auto ran = session.run(kind, test.entry, test.inputs[i].args, test.inputs[i].seed, limits, outcome_);
    if (ran && outcome_.kind == OutcomeKind::OutOfFuel &&
        (kind == ExecutorKind::Native || kind == ExecutorKind::Qemu)) {
      // These are stopped by the clock, and the host may have been busy with other things.
      const Limits patient{.fuel = limits.fuel, .milliseconds = 20 * limits.milliseconds};
      ran = session.run(kind, test.entry, test.inputs[i].args, test.inputs[i].seed, patient, outcome_);
    }
    if (!ran || outcome_.kind == OutcomeKind::Unsupported) {
      ++stats_.not_run[ran ? std::string(session.executor_name(kind)) + ": " + outcome_.text : ran.error().message];
      continue;
    }
    ++stats.runs;
    ++stats_.executions;
    std::optional<Finding> finding = compare(test, session, reference, outcome_);
    if (!finding) continue;
    if (depends_on_layout(test, test.inputs[i], byte_order(session.isa()), options_.layouts + 1, kLayouts, reference)) {
      let_go(i);
      continue;
    }
    if (options_.confirm && is_excused(test, session, kind, test.inputs[i], reference, limits)) {
      ++stats_.excused;
      continue;
    }
    finding->isa = session.isa();
    finding->executor = session.executor_name(kind);
    finding->opt_level = level.opt_level;
    finding->choice_seed = level.choice_seed;
    finding->input = i;
    findings.push_back(std::move(*finding));
    go_on = !stop_at_first;
  }
  count_time();
  return go_on;
}

// The first place from `at` on where they differ, or their size: they are as long. Most never do.
static size_t first_difference(std::span<const uint8_t> left, std::span<const uint8_t> right, size_t at) {
  constexpr size_t kBlock = 256;
  while (at < left.size()) {
    const size_t end = std::min(left.size(), (at / kBlock + 1) * kBlock);
    if (std::memcmp(&left[at], &right[at], end - at) != 0) {
      while (left[at] == right[at]) ++at;
      return at;
    }
    at = end;
  }
  return at;
}

std::optional<Finding> Harness::compare(const TestCase& test, MachineSession& session, const Reference& reference,
                                        const Outcome& outcome) const {
  const interpreter::Outcome& expected = reference.outcome;
  const auto differs = [&](FindingKind kind, std::string sort, std::string text) {
    Finding finding;
    finding.kind = kind;
    finding.sort = std::move(sort);
    finding.text = std::move(text);
    return finding;
  };
  const auto both_sides = [&] {
    return "machine " + describe(test, session, outcome) + "; interpreter " + describe(test, expected);
  };
  const bool should_return = expected.kind == interpreter::OutcomeKind::Returned;
  const std::string should = should_return ? ", should return" : ", should trap";
  switch (outcome.kind) {
    case OutcomeKind::Faulted:
      return differs(FindingKind::Fault, name(outcome.fault) + should, both_sides());
    case OutcomeKind::AbiViolated:
      return differs(FindingKind::Abi, sort_of(outcome.text), both_sides());
    case OutcomeKind::OutOfFuel:
      return differs(FindingKind::Hang, "goes on" + should, both_sides());
    case OutcomeKind::Unsupported:
      return std::nullopt;
    case OutcomeKind::Returned: {
      if (!should_return) return differs(FindingKind::Outcome, "returned" + should, both_sides());
      const auto wrong = compare_results(*session.layout(test.entry), expected.results, outcome, expected.free_bits);
      if (!wrong) break;
      const bool value = wrong->find("is not extended") == std::string::npos;
      return differs(FindingKind::Result, value ? "value" : "extension", *wrong);
    }
    case OutcomeKind::Trapped:
      if (should_return) return differs(FindingKind::Outcome, "trapped" + should, both_sides());
      if (outcome.trap_code != expected.trap.code) return differs(FindingKind::Outcome, "trap code", both_sides());
      if (outcome.trap_function != expected.function || outcome.trap_inst != expected.inst.index) {
        return differs(FindingKind::Outcome, "place of a trap", both_sides());
      }
      break;
  }
  if (const auto& calls = session.host_calls(); calls != expected.calls) {
    size_t n = 0;
    while (n < calls.size() && n < expected.calls.size() && calls[n] == expected.calls[n]) ++n;
    const bool more = n == expected.calls.size(), fewer = n == calls.size();
    const std::string text = "call " + std::to_string(n) + " of a host function is " +
                             (fewer ? "missing" : interpreter::describe(calls[n])) + ", should be " +
                             (more ? "none" : interpreter::describe(expected.calls[n]));
    return differs(FindingKind::Calls, more ? "one too many" : fewer ? "missing" : "arguments or order", text);
  }
  for (size_t i = 0; i < test.regions.size(); ++i) {
    if (!test.regions[i].writable || i >= outcome.memory.size()) continue;
    const std::vector<uint8_t>& left = outcome.memory[i];
    const std::vector<uint8_t>& right = reference.memory[i];
    if (left.size() != right.size()) return differs(FindingKind::Memory, "size", "a region has another size");
    for (size_t at = 0; (at = first_difference(left, right, at)) < left.size(); ++at) {
      const std::vector<uint8_t>& free = reference.free_memory[i];
      if (!free.empty() && ((left[at] ^ right[at]) & ~free[at]) == 0) continue;
      const uint64_t address = test.regions[i].address + at;
      if (outcome.kind == OutcomeKind::Trapped && reference.fault_address != 0 &&
          may_be_partly_written(*test.functions[expected.function], expected.inst, reference.fault_address, address)) {
        continue;
      }
      return differs(FindingKind::Memory, "bytes",
                     "the byte at " + hex(address) + " is " + hex(left[at]) + ", should be " + hex(right[at]));
    }
  }
  return std::nullopt;
}

bool Harness::is_excused(const TestCase& test, MachineSession& session, ExecutorKind kind, const TestInput& input,
                         const Reference& reference, const Limits& limits) {
  if (!session.may_be_wrong(kind)) return false;
  if (kind == ExecutorKind::Qemu) return true;
  // The referee decides; if there is none, nobody does.
  Outcome second;
  if (!session.load(ExecutorKind::Qemu, test.regions)) return true;
  const auto ran = session.run(ExecutorKind::Qemu, test.entry, input.args, input.seed, limits, second);
  if (!ran || second.kind == OutcomeKind::Unsupported) return true;
  return !compare(test, session, reference, second);
}

}  // namespace assay::oracles
