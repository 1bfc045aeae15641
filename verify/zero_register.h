// Which register operands read zero when they name the machine's zero register.
#pragma once

#include <algorithm>

#include "compiler/isle/notation/definition.h"

namespace assay::verify {

// AArch64's register 31 is zero in some operands and the stack pointer in others: the text tells, which a disassembler
// judges with that register too (encoding_check.h).
inline bool reads_zero(const notation::Definitions& definitions, const notation::InstDef& inst,
                       const notation::OperandDef& operand) {
  if (definitions.isa.name == "riscv64") return true;
  if (definitions.isa.name != "aarch64") return false;
  const auto prints_zero = [&](const notation::AsmPiece& piece) {
    return piece.name == operand.name &&
           (piece.set == "W" || piece.set == "X" || (!piece.set_param.empty() && piece.set.empty()));
  };
  return std::all_of(inst.texts.begin(), inst.texts.end(), [&](const notation::AsmText& text) {
    return std::any_of(text.pieces.begin(), text.pieces.end(), prints_zero);
  });
}

}  // namespace assay::verify
