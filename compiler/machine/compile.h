// The pipeline: from a CLIF function to bytes.
//
//   verify → optimize → lower → allocate → check → apply → lay out the frame → emit
//
// Each stage can be dumped and is timed. A Compiler keeps the memory of all stages for the next function: compile many
// functions with one. It belongs to one thread; results are independent of what was compiled before.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/isle/rule_table.h"
#include "compiler/machine/coverage.h"
#include "compiler/machine/emit.h"
#include "compiler/machine/isa.h"
#include "compiler/opt/options.h"
#include "compiler/regalloc/allocation.h"
#include "compiler/support/diagnostic.h"

namespace assay::opt {
class Optimizer;
}

namespace assay::machine {

enum class Stage : uint8_t { Verify, Optimize, Lower, VerifyMachine, Allocate, Check, Apply, Emit };
inline constexpr unsigned kStageCount = 8;
std::string_view name(Stage stage);

enum class OptLevel : uint8_t {
  None,   // rules see one operation at a time (and constants)
  Speed,  // the mid-end runs (compiler/opt); rules combine operations
  SpeedAndSize,
};
// "none", "speed", "speed_and_size".
std::string_view name(OptLevel level);
std::optional<OptLevel> opt_level_from_name(std::string_view name);

// What an observer of the pipeline is shown. All of it lives until compile() goes on: copy what is to be kept.
struct StageView {
  Stage stage;                            // Lower, Allocate or Apply
  const ir::Function& function;           // as lowered: optimised
  const VCode& vcode;                     // over virtual registers; Apply: over physical ones
  std::span<const ValueRegs> value_regs;  // Lower: by CLIF value, its virtual registers; none if it has none of its own
  const regalloc::Allocation* allocation = nullptr;  // Allocate
  std::span<const uint32_t> origins = {};            // Apply: by instruction, its index before; kNoSource: a move
  const FrameLayout* frame = nullptr;                // Apply
};

struct CompileOptions {
  OptLevel opt_level = OptLevel::Speed;
  FeatureSet features = 0;      // of the ISA, beyond its baseline (features.h)
  FeatureSet left_out = 0;      // features that neither `features` nor a choice_seed turns on
  bool optimize = true;         // the mid-end, above OptLevel::None; off if the caller has had it run
  opt::OptimizeOptions passes;  // of the mid-end
  bool canonical_nans = false;  // NaNs that arithmetic makes are canonical (enable_nan_canonicalization)
  bool verify_ir = true;        // the function given; off if the caller has verified it
#ifdef NDEBUG
  bool verify_optimized = false;  // what the mid-end has made
#else
  bool verify_optimized = true;
#endif
  bool verify_machine = true;    // VCode, after lowering
  bool check_allocation = true;  // the symbolic checker
  unsigned max_registers = 0;    // allocate with at most so many registers of a class (0: all)
  // Not 0: where any choice is right, one is made at random from this seed: the order of blocks, a rule of lower
  // priority that matches too, registers, spills, sometimes max_registers if that is 0, more features, the mid-end's
  // passes and which of equal values it takes. For testing.
  uint64_t choice_seed = 0;
  bool pinned_register = false;          // no value lives in the register that get_pinned_reg and set_pinned_reg mean
  bool preserve_frame_pointers = false;  // every function has a frame with a frame pointer
  uint8_t probe_log2 = 0;                // not 0: prologues touch every page of 2 to this many bytes
  bool want_listing = false;             // fill EmittedCode::listing
  // Called after a stage with its text: Optimize (CLIF), Lower and Apply (VCode), Allocate (figures), Emit (the
  // listing).
  std::function<void(Stage, const std::string& text)> dump;
  // Called after Lower, Allocate and Apply. Only then are Inst::rules known.
  std::function<void(const StageView&)> observe;
};

// The features that code is compiled for: those given, and with a choice_seed sometimes others.
FeatureSet chosen_features(const InstSet& insts, const CompileOptions& options);
// What of them the register allocator is told.
regalloc::AllocateOptions allocate_options(const CompileOptions& options);
// The registers that it gives out then: without the pinned one, if there is one.
regalloc::RegisterEnv allocatable_registers(const TargetIsa& isa, const CompileOptions& options);
// Does the mid-end run with these options? With a choice_seed that is one of the choices.
bool will_optimize(const CompileOptions& options);
// What the mid-end is told then. With a choice_seed passes are left out sometimes, and operations cost something else.
opt::OptimizeOptions mid_end_options(const CompileOptions& options);

struct CompileStats {
  std::array<uint64_t, kStageCount> nanoseconds{};
  uint32_t clif_insts = 0;
  uint32_t vcode_insts = 0;  // after lowering
  uint32_t virtual_registers = 0;
  uint32_t moves = 0;          // inserted by the allocator
  uint32_t spilled = 0;        // values with a spill slot
  uint32_t machine_insts = 0;  // emitted

  CompileStats& operator+=(const CompileStats& other);
};

// A frame as an unwinder sees it; offsets from the stack pointer as it is in the function's body.
struct UnwindFacts {
  uint32_t size = 0;           // of the frame: up to the stack pointer at entry, with what was made room for
  int64_t return_address = 0;  // where it is, if the function has calls
  int64_t frame_pointer = 0;   // what the frame pointer holds (s390x has none: the stack pointer at entry)
  uint32_t popped = 0;         // what a return adds to `size` and the return address
};

// A debug tag at a place in the code: the user's number, or where a stack slot begins, from the stack pointer as it is
// in the function's body.
struct EmittedTag {
  bool is_slot = false;
  int64_t value = 0;
  bool operator==(const EmittedTag&) const = default;
};
struct TaggedPlace {
  uint32_t offset = 0;  // of a call: where it returns to
  std::vector<EmittedTag> tags;
};
// "12: <5, sp+16>"
std::string to_string(const TaggedPlace& place);

struct CompiledFunction {
  std::string name;  // as printed in CLIF: %f, u0:3
  EmittedCode code;
  std::vector<TaggedPlace> debug_tags;  // by offset
  std::vector<Symbol> symbols;          // what code.relocations refer to
  uint32_t frame_size = 0;
  UnwindFacts unwind;
  CompileStats stats;
};

class Compiler {
 public:
  explicit Compiler(const TargetIsa& isa);
  ~Compiler();
  Compiler(const Compiler&) = delete;
  Compiler& operator=(const Compiler&) = delete;

  // Fails with what the verifier says, "not supported on <isa>: …", or the mistake that a check found. The message of
  // the latter begins with "internal error".
  Expected<CompiledFunction> compile(const ir::Function& function, const CompileOptions& options);

  const TargetIsa& isa() const { return isa_; }
  // Which rules are on (rule by rule), and how often each has fired in this Compiler's life.
  isle::RuleState& rules() { return *rules_; }
  // The mid-end, with its rules and figures.
  opt::Optimizer& optimizer() { return *optimizer_; }
  // What else has happened in it. Rules by type: rules().take_cells(), a column is a type_class().
  Coverage& coverage() { return coverage_; }

 private:
  struct State;
  const TargetIsa& isa_;
  std::unique_ptr<isle::RuleState> rules_;
  std::unique_ptr<opt::Optimizer> optimizer_;
  Coverage coverage_;
  std::unique_ptr<State> state_;
};

// One function with a fresh Compiler.
Expected<CompiledFunction> compile(const ir::Function& function, const TargetIsa& isa,
                                   const CompileOptions& options = {});

}  // namespace assay::machine
