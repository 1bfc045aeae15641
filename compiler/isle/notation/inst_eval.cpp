// See inst_eval.h.
#include "compiler/isle/notation/inst_eval.h"

namespace assay::notation {

uint64_t InstInputs::address(unsigned, const machine::Operand&) { return 0; }
Bits InstInputs::constant(unsigned, const machine::Operand&, unsigned) { return {}; }
int64_t InstInputs::frame(unsigned, const machine::Operand& operand) { return operand.imm; }
Bits InstInputs::undefined(unsigned, unsigned) { return {}; }

const Semantics* InstEvaluator::semantics(uint16_t opcode, std::span<const machine::Operand> operands) {
  if (opcode >= definitions_.insts.size()) return nullptr;
  const InstDef& inst = definitions_.insts[opcode];
  if (operands.size() < inst.slot_count) return nullptr;
  // An enumeration has at most 256 enumerators and an instruction with more than six parameters is not cached apart:
  // the key then is made of all of them by mixing.
  uint64_t key = opcode;
  std::vector<unsigned> params;
  for (size_t i = 0; i < inst.params.size(); ++i) {
    const size_t count = definitions_.library.enums[static_cast<size_t>(inst.params[i].enumeration)].enumerators.size();
    if (operands[i].kind != machine::OperandKind::Imm || operands[i].imm < 0 ||
        static_cast<size_t>(operands[i].imm) >= count) {
      return nullptr;
    }
    params.push_back(static_cast<unsigned>(operands[i].imm));
    key = key * 257 + params.back() + 1;
  }
  auto [it, inserted] = known_.try_emplace(key);
  if (!inserted) return it->second.get();
  if (!inst.has_sem && inst.sem.traps.empty()) return nullptr;
  auto semantics = std::make_unique<Semantics>();
  Diagnostics errors;
  if (instantiate(definitions_, inst, params, *semantics, errors)) it->second = std::move(semantics);
  return it->second.get();
}

bool InstEvaluator::evaluate(uint16_t opcode, std::span<const machine::Operand> operands, InstInputs& inputs,
                             Memory* memory, InstOutcome& out) {
  const Semantics* semantics = this->semantics(opcode, operands);
  if (semantics == nullptr) return false;
  const InstDef& inst = definitions_.insts[opcode];
  input_values_.clear();
  for (const Input& input : semantics->inputs) {
    if (input.kind == InputKind::Undefined) {
      input_values_.push_back(truncated(inputs.undefined(input.id, input.width), input.width));
      continue;
    }
    const unsigned slot = input.id == kFlagsId ? static_cast<unsigned>(inst.flags_use_slot) : input.id;
    const machine::Operand& operand = operands[slot];
    Bits value;
    switch (input.kind) {
      case InputKind::Value:
        // An absent register (no index, no base) counts as 0.
        if (operand.kind != machine::OperandKind::None) value = truncated(inputs.reg(slot, operand), input.width);
        break;
      case InputKind::Imm:
        value = Bits(static_cast<uint64_t>(operand.kind == machine::OperandKind::Frame ? inputs.frame(slot, operand)
                                                                                       : operand.imm));
        break;
      case InputKind::Constant:
        value = truncated(inputs.constant(slot, operand, input.width), input.width);
        break;
      case InputKind::Address:
        value = Bits(inputs.address(slot, operand));
        break;
      case InputKind::Bool:
      case InputKind::Undefined:
        break;
    }
    input_values_.push_back(value);
  }
  notation::evaluate(*semantics, input_values_, memory, out.evaluation);
  out.status = out.evaluation.status;
  out.branch_taken = out.evaluation.branch_taken;
  out.results.clear();
  if (out.status != EvaluateStatus::Done) return true;
  for (const Assignment& result : semantics->results) {
    const uint32_t slot =
        result.id == kFlagsId && inst.flags_def_slot >= 0 ? static_cast<uint32_t>(inst.flags_def_slot) : result.id;
    out.results.emplace_back(slot, out.evaluation.values[result.value]);
  }
  return true;
}

}  // namespace assay::notation
