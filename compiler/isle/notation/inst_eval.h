// Runs one machine instruction from its definition: register values, flags, traps, the branch decision, memory.
//
// Typed semantics are made once for each (opcode, parameters) and kept. An evaluator belongs to one thread.
#pragma once

#include <memory>
#include <unordered_map>

#include "compiler/isle/notation/definition.h"
#include "compiler/isle/notation/evaluate.h"

namespace assay::notation {

// Where an instruction's inputs come from.
class InstInputs {
 public:
  virtual ~InstInputs() = default;
  // The value of a register operand, and (with the slot of `flags use`) of the flags; bits above its width are ignored.
  virtual Bits reg(unsigned slot, const machine::Operand& operand) = 0;
  // The address of a symbol, constant or label. Default: 0.
  virtual uint64_t address(unsigned slot, const machine::Operand& operand);
  // The first `bits` bits of a constant-pool entry. Default: 0.
  virtual Bits constant(unsigned slot, const machine::Operand& operand, unsigned bits);
  // A place in the frame, relative to the base operand beside it. Default: the offset as it stands.
  virtual int64_t frame(unsigned slot, const machine::Operand& operand);
  // Bits that the definition leaves open; `index` counts them. Default: 0.
  virtual Bits undefined(unsigned index, unsigned bits);
};

struct InstOutcome {
  EvaluateStatus status = EvaluateStatus::Done;
  // Of Done: new values by operand slot (flags: the slot of `flags def`, or kFlagsId if they have none).
  std::vector<std::pair<uint32_t, Bits>> results;
  bool branch_taken = false;
  Evaluation evaluation;  // scratch; its values are the graph's
};

class InstEvaluator {
 public:
  // `definitions` must outlive the evaluator and be free of errors.
  explicit InstEvaluator(const Definitions& definitions) : definitions_(definitions) {}

  // The typed semantics for the operands' parameters; null if the instruction has no `sem` and no `trap`, or the
  // operands are malformed.
  const Semantics* semantics(uint16_t opcode, std::span<const machine::Operand> operands);
  // False if semantics() is null. `memory` may be null for instructions that touch none.
  bool evaluate(uint16_t opcode, std::span<const machine::Operand> operands, InstInputs& inputs, Memory* memory,
                InstOutcome& out);

 private:
  const Definitions& definitions_;
  std::unordered_map<uint64_t, std::unique_ptr<Semantics>> known_;  // null: no meaning
  std::vector<Bits> input_values_;
};

}  // namespace assay::notation
