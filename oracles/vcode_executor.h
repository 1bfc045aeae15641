// Runs machine code that has no bytes yet, straight from the instruction definitions' own meaning: over virtual
// registers or over physical ones. What makes the middle of the pipeline executable.
//
// An executor like the others (executor.h): the same memory, plans and outcomes, the same judgement of what the calling
// convention promises. A frame is laid out as the real one is; of prologue and epilogue their effect is modelled: the
// stack pointer moves, saved registers and linkage are stored in their places and loaded from there again.
//
// V1  Registers that an instruction clobbers hold a pattern afterwards (allocated code), so that reading them shows.
// V2  Bits that definitions leave open are pseudo-random numbers, counted through the run: the virtual and the
//     allocated code of one function see the same.
// V3  Fuel counts blocks entered and calls.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "oracles/machine_executor.h"
#include "oracles/vcode_program.h"

namespace assay::oracles {

// A register that a step has written. `operand` numbers the instruction's operands.
struct VCodeValue {
  machine::Reg reg;
  uint16_t operand = 0;
  notation::Bits value;
};

// Told of every instruction after it has been executed; of calls when they have returned.
class VCodeTrace {
 public:
  virtual ~VCodeTrace() = default;
  // `function` is VCodeFunction::number, `inst` the index of the instruction, `depth` the number of callers.
  virtual void executed(uint32_t function, uint32_t inst, uint32_t depth, std::span<const VCodeValue> defined) = 0;
  // Parameters of the block entered have got values (virtual code); `operand` numbers the parameters.
  virtual void entered(uint32_t function, uint32_t block, uint32_t depth, std::span<const VCodeValue> params) = 0;
};

class VCodeExecutor final : public MachineExecutor {
 public:
  VCodeExecutor(IsaKind isa, VCodeStage stage);
  ~VCodeExecutor() override;

  const char* name() const override { return name_.c_str(); }  // "virtual-x64", "allocated-x64"
  std::string unavailable() const override { return {}; }
  // Gives it a program of its ISA and stage, which must stay alive, and memory. Fails as Executor::load does.
  Expected<void> load_program(const VCodeProgram& program, std::span<const Region> regions);
  // For the runs that follow; null: none. `open_bits` chooses V2's numbers.
  void set_trace(VCodeTrace* trace, uint64_t open_bits = 0) {
    trace_ = trace;
    open_bits_ = open_bits;
  }
  // Instructions executed by the last run.
  uint64_t executed() const { return executed_; }

 protected:
  Expected<void> install() override;
  Event execute(uint64_t entry, MachineState& state, std::span<const RegisterId> wanted, const Limits& limits,
                bool precise) override;
  uint64_t return_address() const override;

 private:
  class Run;

  VCodeStage stage_;
  std::string name_;
  const VCodeProgram* program_ = nullptr;
  VCodeTrace* trace_ = nullptr;
  uint64_t open_bits_ = 0;
  uint64_t executed_ = 0;
  std::unique_ptr<Run> run_;  // while a host function is being called
  std::unique_ptr<uint8_t, void (*)(void*)> stack_;
  std::vector<std::vector<uint8_t>> memory_;  // of regions
  std::vector<notation::Bits> registers_;     // physical ones, then those of all frames
  std::vector<notation::Bits> inputs_, passed_;
  std::vector<VCodeValue> defined_;
  notation::Evaluation evaluation_;
};

}  // namespace assay::oracles
