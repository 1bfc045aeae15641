// Differential testing: one module of CLIF, compiled for every machine, run everywhere on the same inputs, and every
// outcome held against the reference interpreter's. What `assay test`, `fuzz` and `reduce` are made of.
//
// Compared: results (and their promised extensions), trap code and the CLIF instruction it struck, every byte of every
// region, calls of host functions with their arguments (interpreter/host_function.h), and what the executors check
// themselves (preserved registers, stack pointer, the caller's frame). Not compared are inputs on which CLIF promises
// nothing: undefined behaviour, more steps than the fuel, a stack that overflowed, operations the interpreter does not
// know, and outcomes that depend on where the stack or functions are, or on what fresh stack slots hold (the
// interpreter runs such programs twice, with different addresses and contents, to find out), or on bits of NaNs. All
// are counted. Bits of a NaN in a result or in memory are compared but for those that CLIF leaves open, which the
// interpreter tells one by one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/data_value.h"
#include "compiler/ir/function.h"
#include "compiler/machine/compile.h"
#include "compiler/machine/isa_kind.h"
#include "interpreter/interpreter.h"
#include "oracles/executor.h"
#include "oracles/machine_session.h"

namespace assay::oracles {

struct HarnessOptions {
  std::vector<IsaKind> isas = {std::begin(kAllIsas), std::end(kAllIsas)};
  bool optimize = true;                                   // the mid-end above OptLevel::None
  std::array<machine::FeatureSet, kIsaCount> features{};  // CompileOptions::features, by ISA
  std::vector<machine::OptLevel> opt_levels = {machine::OptLevel::None, machine::OptLevel::Speed};
  bool unicorn = true;
  bool native = true;   // x64 also on the host
  bool qemu = false;    // every ISA also under QEMU; without it only code that needs features the others lack
  bool stages = false;  // code over virtual and over physical registers also before there are bytes (vcode_executor.h)
  // Before a difference that an executor's known mistakes could explain (exclusions.h) becomes a finding, QEMU is
  // asked.
  bool confirm = true;
  bool check_allocation = true;
  bool verify_machine = true;
  unsigned max_registers = 0;  // CompileOptions::max_registers
  // For tests of the harness itself: may spoil the linked code before it is loaded.
  std::function<void(IsaKind, Image&)> tamper;
  uint64_t fuel = 50'000;  // interpreter's steps per input
  // With how many other addresses and stack contents (interpreter::Config::layout_seed) each input is interpreted
  // before machines run it; before a difference becomes a finding it is tried with Harness::kLayouts.
  unsigned layouts = 1;
  uint32_t milliseconds = 1000;  // machine's time per input
  // Of Harness::references(); machines are held against references in their own.
  ir::Endianness order = ir::Endianness::kLittle;
};

struct TestInput {
  std::vector<ir::DataValue> args;  // of the entry function's parameter types
  uint64_t seed = 1;                // of the bits that nothing is promised about
};

struct TestCase {
  std::span<const ir::Function* const> functions;  // verified
  uint32_t entry = 0;
  std::span<const Region> regions;  // as Executor::load wants them: page-aligned, by rising address, a page apart
  std::span<const TestInput> inputs;
  // Not 0: compiled once more at the highest level with the compiler's choices made from this seed
  // (CompileOptions::choice_seed).
  uint64_t choice_seed = 0;
  std::optional<IsaKind> only_isa;  // of those of the options; none: all
  bool is_for(IsaKind isa) const { return !only_isa || *only_isa == isa; }
};

enum class FindingKind : uint8_t {
  Result,    // other values, or not extended
  Outcome,   // trapped or not, with which code, where
  Memory,    // other bytes
  Fault,     // an access or instruction that no trap site explains
  Abi,       // what the calling convention promises
  Hang,      // did not end, where the interpreter did
  Compiler,  // a check of the compiler complained
  Crash,     // the process that compiled and ran the case died; found by those who watch it, not by the harness
  Calls,     // of host functions: others, or with other arguments
  Meaning,   // two versions of a program that mean the same differ on the interpreter; found by fuzz/mutate_case.h
};
const char* name(FindingKind kind);

struct Finding {
  FindingKind kind{};
  IsaKind isa{};
  std::string executor;  // "unicorn-x64"; "compiler" for FindingKind::Compiler
  machine::OptLevel opt_level{};
  uint64_t choice_seed = 0;     // of the code that differs
  std::optional<size_t> input;  // which; none for FindingKind::Compiler
  std::string text;             // both sides at the first divergence, one line
  std::string sort;             // of what differs: "trap code"; without numbers

  // What two findings have in common that are "the same failure": kind, ISA and sort of difference; not the numbers,
  // the input, the executor, the level.
  std::string key() const;
};
// "x64 unicorn-x64 speed, input 2: result 0 is 5, should be 6"
std::string describe(const Finding& finding);

// Of accesses on this machine that name none.
ir::Endianness byte_order(IsaKind isa);

// Cases with such a function are compiled with `enable_pinned_reg`.
bool uses_pinned_register(const ir::Function& function);

// How the harness compiles a case of these functions for an ISA at a level, with the compiler's choices of a seed.
machine::CompileOptions compile_options(const HarnessOptions& options, std::span<const ir::Function* const> functions,
                                        IsaKind isa, machine::OptLevel level, uint64_t choice_seed);

// After a trap of `inst`, an access of [fault_address, …): may a machine have written the byte at `address` although
// the interpreter has not? A store that traps in its second page may have written the part in the first, on some
// machines; nothing else may.
bool may_be_partly_written(const ir::Function& function, ir::Inst inst, uint64_t fault_address, uint64_t address);

struct ExecutorStats {
  uint64_t runs = 0;
  uint64_t nanoseconds = 0;  // loading and running
};

struct HarnessStats {
  uint64_t cases = 0;
  uint64_t functions = 0;   // of all cases
  uint64_t compiles = 0;    // functions × ISAs × levels
  uint64_t executions = 0;  // of all executors, the interpreter included
  // What became of inputs on the interpreter. `depends` is the number given up because the outcome depends on addresses
  // or on fresh stack contents; these are not in `interpreted`.
  std::array<uint64_t, interpreter::kOutcomeKinds> interpreted{};  // by interpreter::OutcomeKind
  uint64_t depends = 0;
  uint64_t steps = 0;  // of the interpreter
  uint64_t interpreter_nanoseconds = 0;
  std::array<machine::CompileStats, kIsaCount> compile{};
  std::array<uint64_t, kIsaCount> compile_nanoseconds{};  // linking included
  std::map<std::string, ExecutorStats> executors;         // by name
  std::map<std::string, uint64_t> not_run;                // why executors did not run (reasons, in inputs)
  uint64_t excused = 0;  // differences that turned out to be an executor's known mistake

  HarnessStats& operator+=(const HarnessStats& other);
};

// Keeps compilers, engines and buffers from case to case. One thread at a time.
class Harness {
 public:
  // One other layout may agree by chance in the few bits that a program looks at; that many do not.
  static constexpr unsigned kLayouts = 23;

  explicit Harness(HarnessOptions options = {});
  ~Harness();

  const HarnessOptions& options() const { return options_; }

  // Appends what it finds. With `stop_at_first`, what follows the first finding is not run.
  void check(const TestCase& test, std::vector<Finding>& findings, bool stop_at_first = false);

  // The interpreter's outcome for each input of the last check(), for statistics and expectations in reports: of a
  // little-endian machine. `comparable` says whether machines were held against it.
  struct Reference {
    interpreter::Outcome outcome;
    bool comparable = false;
    bool depends = false;                      // on addresses or on what fresh stack holds; then it is not comparable
    std::vector<std::vector<uint8_t>> memory;  // of each region afterwards
    std::vector<std::vector<uint8_t>> free_memory;  // the bits of it that CLIF leaves open; of a region: empty if none
    uint64_t steps = 0;
    uint32_t deepest = 0;        // nesting of calls
    uint64_t fault_address = 0;  // of the load or store that trapped
  };
  std::span<const Reference> references() const { return {references_.data(), reference_count_}; }

  const HarnessStats& stats() const { return stats_; }
  void clear_stats() { stats_ = {}; }
  // For rule counts and switches. Null if the ISA is not among the options' or has no backend.
  machine::Compiler* compiler(IsaKind isa);
  // From now on, code for this ISA is compiled for these (HarnessOptions::features).
  void set_features(IsaKind isa, machine::FeatureSet features) {
    options_.features[static_cast<size_t>(isa)] = features;
  }

 private:
  void interpret(const TestCase& test);
  // One run into `reference`, with addresses and stack contents of this seed (interpreter::Config).
  void interpret_once(const TestCase& test, const TestInput& input, ir::Endianness order, uint64_t layout_seed,
                      Reference& reference);
  // Does a run with the addresses and stack contents of one of these seeds end otherwise?
  bool depends_on_layout(const TestCase& test, const TestInput& input, ir::Endianness order, uint64_t first_seed,
                         uint64_t last_seed, const Reference& reference);
  // Lets an input go whose outcome depends on addresses or stack contents.
  void let_go(size_t input);
  struct Level {
    machine::OptLevel opt_level{};
    uint64_t choice_seed = 0;
  };
  void check_isa(const TestCase& test, MachineSession& session, const Level& level, std::vector<Finding>& findings,
                 bool stop_at_first);
  // One executor on all inputs. False: stop.
  bool check_executor(const TestCase& test, MachineSession& session, ExecutorKind kind, const Level& level,
                      std::vector<Finding>& findings, bool stop_at_first);
  // Nothing, or a finding of which kind and text are filled in.
  std::optional<Finding> compare(const TestCase& test, MachineSession& session, const Reference& reference,
                                 const Outcome& outcome) const;
  bool is_excused(const TestCase& test, MachineSession& session, ExecutorKind kind, const TestInput& input,
                  const Reference& reference, const Limits& limits);
  // Why this input must not be run by this executor although the interpreter's outcome is known; empty if it may.
  std::string obstacle(MachineSession& session, ExecutorKind kind, const Reference& reference) const;
  const Reference& reference_for(IsaKind isa, size_t input) const;

  HarnessOptions options_;
  std::vector<std::unique_ptr<MachineSession>> sessions_;
  interpreter::Program program_;
  interpreter::Interpreter interpreter_;
  std::vector<interpreter::AddressRange> reserved_;
  std::vector<interpreter::Region> memory_;
  std::vector<Reference> references_;      // little-endian; the first reference_count_
  std::vector<Reference> big_references_;  // big-endian, if that makes a difference
  size_t reference_count_ = 0;
  bool has_big_references_ = false;
  bool has_wide_divisions_ = false;
  Reference variant_;
  Outcome outcome_;
  Image previous_image_;  // of the level before
  HarnessStats stats_;
};

}  // namespace assay::oracles
