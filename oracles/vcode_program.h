// Machine code that has no bytes yet, made ready to run: every instruction with the meaning its definition gives it.
//
// A module of VCode (over virtual registers, or over physical ones with frames) becomes a flat list of steps: the typed
// semantics of each instruction and where its inputs and results live. What definitions leave to others (calls,
// returns, arguments, jumps, jump tables) are steps of their own kind. vcode_executor.h runs it.
//
// P1  The step of instruction i of a function has the number function.first_step + i, which is also its "offset" in the
//     image and its trap site's: pc = memory_map::kCodeBase + number.
// P2  Register 31 of AArch64 is zero or the stack pointer as the instruction's own assembly text prints it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/isle/notation/inst_eval.h"
#include "compiler/machine/isa.h"
#include "compiler/machine/vcode.h"
#include "oracles/executor.h"

namespace assay::oracles {

enum class VCodeStage : uint8_t {
  Virtual,    // as lowered
  Allocated,  // over physical registers, moves inserted, the frame laid out
};

// A function at a stage: copies of what machine::CompileOptions::observe shows.
struct VCodeFunction {
  std::string name;     // as symbols spell it
  uint32_t number = 0;  // that trap sites and traces give it
  machine::VCode code;
  // Virtual code runs in any frame; in the one that its allocated code has, addresses are the same in both.
  std::optional<machine::FrameLayout> frame;
  uint32_t room = 0;                           // steps to leave for it at least, for the same reason
  std::vector<uint32_t> origins;               // Allocated: by instruction, its index in the virtual code, or kNoSource
  std::vector<machine::ValueRegs> value_regs;  // Virtual: by CLIF value, its registers or none
};

// Meanings of one ISA's instructions; made once and kept.
class VCodeMeanings {
 public:
  explicit VCodeMeanings(const machine::TargetIsa& isa);

  const machine::TargetIsa& isa() const { return isa_; }
  // Empty if the definitions can be used.
  const std::string& problem() const { return problem_; }
  const notation::InstDef& definition(uint16_t opcode) const { return definitions_.insts[opcode]; }
  const notation::Semantics* semantics(uint16_t opcode, std::span<const machine::Operand> operands) {
    return evaluator_.semantics(opcode, operands);
  }
  // Whether physical register number 31 (or whichever reads as zero on this ISA) in this slot means zero.
  bool is_zero(uint16_t opcode, std::span<const machine::Operand> operands, unsigned slot);

 private:
  bool prints_stack_pointer(const notation::InstDef& inst, std::span<const machine::Operand> operands,
                            unsigned slot) const;

  const machine::TargetIsa& isa_;
  notation::Definitions definitions_;
  notation::InstEvaluator evaluator_;
  std::string problem_;
};

class VCodeProgram {
 public:
  // Registers: physical ones by their code, then (Virtual) those of the running function's frame.
  static constexpr uint32_t kPhysical = 64 * machine::kRegClasses;

  enum class Kind : uint8_t {
    Invalid,  // between functions
    Plain,    // the meaning alone
    Branch,   // and if it is taken, on to `target`
    Jump,
    JumpTable,
    Call,
    CallHost,  // of a function that is not in the program
    CallIndirect,
    TailCall,
    TailCallIndirect,
    Return,
    Args,
    Nothing,  // has no effect
    Breakpoint,
  };

  struct Input {
    enum class Kind : uint8_t { Register, Constant, Undefined } kind = Kind::Constant;
    uint16_t width = 0;
    uint32_t index = 0;  // of the register, or into constants
  };
  struct Output {
    uint32_t reg = 0;
    uint32_t node = 0;  // of the semantics
    uint16_t operand = 0;
  };
  // A fixed register's part in a call, return or the arguments: both are registers.
  struct Transfer {
    uint32_t to = 0;
    uint32_t from = 0;
    uint16_t operand = 0;
  };
  template <class T>
  struct Range {
    uint32_t first = 0, count = 0;
    std::span<const T> of(const std::vector<T>& all) const { return {all.data() + first, count}; }
  };

  struct Step {
    Kind kind = Kind::Invalid;
    const notation::Semantics* semantics = nullptr;
    Range<Input> inputs;
    Range<Output> outputs;
    Range<Transfer> before;  // Call: arguments; Return: results; Args: what arrives
    Range<Transfer> after;   // Call: results
    uint32_t clobbers = 0;   // index into clobber_sets
    uint32_t target =
        0;  // Branch, Jump: index into edges; JumpTable: the first of them; Call: function; CallHost: step
    uint32_t targets = 0;  // JumpTable: how many; calls: bytes that the callee pops; TailCall: of its stack arguments
    uint32_t address = 0;  // CallIndirect, TailCallIndirect, JumpTable: register
  };
  // A way from one block to another, with the arguments to pass.
  struct Edge {
    uint32_t step = 0;
    uint32_t block = 0;
    Range<Transfer> arguments;
  };

  struct Function {
    uint32_t number = 0;
    uint32_t first_step = 0;
    uint32_t registers = 0;  // virtual ones
    machine::FrameLayout frame;
  };

  // Overwrites what was there. `hosts` are the names of functions outside of the program, which get a step each, in the
  // order of Image::host_stubs. Fails if an instruction has no meaning that could be run.
  Expected<void> build(VCodeMeanings& meanings, VCodeStage stage, std::span<const VCodeFunction* const> functions,
                       std::span<const std::string> hosts = {});

  VCodeStage stage = VCodeStage::Virtual;
  const machine::TargetIsa* isa = nullptr;
  std::vector<Function> functions;
  std::vector<Step> steps;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<Transfer> transfers;
  std::vector<Edge> edges;
  std::vector<notation::Bits> constants;
  std::vector<machine::PRegSet> clobber_sets;  // [0] is empty
  Image image;  // for load(): trap sites and entries; the bytes are those of constants, else zero
  // The function that begins at this step; nothing for others.
  const Function* function_at(uint32_t step) const;
  // The function a step belongs to. Precondition: it is a step of one.
  const Function& function_of(uint32_t step) const;

 private:
  struct Builder;
};

}  // namespace assay::oracles
