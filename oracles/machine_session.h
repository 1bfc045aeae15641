// One ISA's way from CLIF functions to a machine that runs them: compiler, linker, executors and call plans, kept from
// module to module.
//
// A module is a list of functions that call each other by name. Those that the backend does not support, or fails on,
// take down those that call them, directly or not, and no others: the rest is linked and can be called.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/machine/compile.h"
#include "compiler/machine/isa_kind.h"
#include "oracles/call_plan.h"
#include "oracles/disassembler.h"
#include "oracles/executor.h"
#include "oracles/host_calls.h"
#include "oracles/vcode_executor.h"

namespace assay::oracles {

enum class ExecutorKind : uint8_t {
  Unicorn,
  Native,
  Qemu,
  Virtual,    // code over virtual registers, by the instructions' own meaning (vcode_executor.h)
  Allocated,  // likewise over physical registers
};
inline constexpr size_t kExecutorKinds = 5;
inline constexpr ExecutorKind kAllExecutorKinds[] = {ExecutorKind::Unicorn, ExecutorKind::Native, ExecutorKind::Qemu,
                                                     ExecutorKind::Virtual, ExecutorKind::Allocated};
// Does it run a stage before there are bytes?
inline constexpr bool is_stage(ExecutorKind kind) {
  return kind == ExecutorKind::Virtual || kind == ExecutorKind::Allocated;
}

class MachineSession {
 public:
  // `target`: compile for this one instead of the registry's.
  explicit MachineSession(IsaKind isa, const machine::TargetIsa* target = nullptr);
  ~MachineSession();

  IsaKind isa() const { return isa_; }
  // Is its backend part of this build?
  bool has_backend() const { return compiler_ != nullptr; }
  // Precondition: has_backend().
  machine::Compiler& compiler() { return *compiler_; }

  struct Status {
    enum class Kind : uint8_t { Ready, NotSupported, Broken };
    Kind kind = Kind::Ready;
    std::string reason;     // "not supported on x64: fadd.f32", or what a check of the compiler found
    uint32_t function = 0;  // the one that is to blame: this one, or one it calls
  };

  // Compiles and links a module in place of the one before. The functions must have passed the verifier and stay alive
  // until the next prepare(). With `keep_stages`, what Virtual and Allocated run is kept.
  void prepare(std::span<const ir::Function* const> functions, const machine::CompileOptions& options,
               bool keep_stages = false);
  const Status& status(uint32_t function) const { return status_[function]; }
  // Of function, if it is Ready.
  const machine::CompiledFunction& compiled(uint32_t function) const { return compiled_[linked_index_[function]]; }
  // Where it begins in the image.
  uint32_t entry_offset(uint32_t function) const { return entry_offsets_[function]; }
  // Its code at a stage, if stages were kept.
  const VCodeFunction& stage(ExecutorKind kind, uint32_t function) const {
    return stages_[stage_index(kind)][function];
  }
  // The "offset" of its first instruction there, once loaded (vcode_program.h).
  uint32_t entry_step(ExecutorKind kind, uint32_t function) const {
    return stage_entries_[stage_index(kind)][function];
  }
  // Told of the instructions that Virtual or Allocated executes, until told otherwise; null: nobody. What bits are that
  // definitions leave open depends on `open_bits`.
  void set_trace(ExecutorKind kind, VCodeTrace* trace, uint64_t open_bits = 0);
  // Instructions that Virtual or Allocated executed in its last run.
  uint64_t executed(ExecutorKind kind) { return stage_executor(kind).executed(); }
  const Image& image() const { return image_; }
  Image& image() { return image_; }
  // What all functions of the module together cost to compile; those that failed not counted.
  const machine::CompileStats& compile_stats() const { return compile_stats_; }

  // Gives the module and its memory to an executor. An error says why it cannot run here, or what is wrong with the
  // image.
  Expected<void> load(ExecutorKind kind, std::span<const Region> regions);
  // Calls a Ready function; load() comes first. Trap sites in the outcome name functions by their number in the module.
  // An error says why the call cannot be planned: "not supported on …".
  Expected<void> run(ExecutorKind kind, uint32_t function, std::span<const ir::DataValue> args, uint64_t seed,
                     const Limits& limits, Outcome& outcome);
  // Of host functions, in the last run.
  const std::vector<interpreter::HostCall>& host_calls() const { return host_.calls(); }
  // Which features that the linked code needs does this executor lack? Empty: none.
  std::string lacking(ExecutorKind kind) const;
  // How the function is called.
  const Expected<CallLayout>& layout(uint32_t function);
  // Does the linked code use an instruction that this executor is known to get wrong (exclusions.h)? Then a difference
  // must be confirmed by another one before it counts.
  bool may_be_wrong(ExecutorKind kind);
  // "unicorn-x64"
  const char* executor_name(ExecutorKind kind);
  // Whether this kind exists for this ISA: native code only for x64.
  static bool exists(ExecutorKind kind, IsaKind isa) { return kind != ExecutorKind::Native || isa == IsaKind::x64; }

 private:
  static size_t stage_index(ExecutorKind kind) { return kind == ExecutorKind::Virtual ? 0 : 1; }
  void compile_all(const machine::CompileOptions& options);
  void keep_stages_of(uint32_t function, machine::CompileOptions& options);
  Expected<void> build_stage(ExecutorKind kind);
  VCodeExecutor& stage_executor(ExecutorKind kind);
  void spread_failures();
  // Makes `name`, which `caller` refers to, a host function. False: it cannot be one.
  bool add_host(const std::string& name, uint32_t caller);
  bool add_thread_local(const std::string& name);
  bool add_library(interpreter::LibraryFunction routine, uint32_t caller);
  void link();
  Executor& executor(ExecutorKind kind);

  IsaKind isa_;
  std::unique_ptr<machine::Compiler> compiler_;
  std::array<std::unique_ptr<Executor>, kExecutorKinds> executors_;
  std::unique_ptr<Disassembler> disassembler_;

  std::vector<const ir::Function*> functions_;
  std::vector<Status> status_;
  std::vector<uint32_t> linked_index_;  // by function: index into compiled_
  std::vector<machine::CompiledFunction> compiled_;
  std::vector<uint32_t> module_index_;   // by index into compiled_: the function
  std::vector<uint32_t> entry_offsets_;  // by function
  std::vector<std::optional<Expected<CallLayout>>> layouts_;
  std::unordered_set<std::string> names_;
  machine::CompileStats compile_stats_;
  std::array<std::vector<VCodeFunction>, 2> stages_;  // by stage_index, function
  std::array<VCodeProgram, 2> programs_;
  std::array<std::optional<Expected<void>>, 2> built_;
  std::array<std::vector<uint32_t>, 2> stage_entries_;  // by stage_index, function: its first step
  std::unique_ptr<VCodeMeanings> meanings_;
  HostFunctions host_;
  std::vector<ir::Signature> host_signatures_;  // parallel to host_
  Image image_;
  Plan plan_;
  bool has_pinned_ = false;  // CLIF's pinned register is there
};

}  // namespace assay::oracles
