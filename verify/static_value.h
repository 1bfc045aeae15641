// Values of static expressions (docs/notation.md): what an encoder computes from parameters, immediates and distances.
//
// Computed from the syntax tree; the generated encoders compile the same expressions to C++ (notation/static_expr.h).
// The definitions must be free of errors: what they checked is not checked again.
#pragma once

#include <cstdint>
#include <span>

#include "compiler/isle/notation/definition.h"
#include "compiler/machine/inst.h"

namespace assay::verify {

struct StaticValues {
  const notation::Definitions& definitions;
  const notation::InstDef* inst = nullptr;     // null: the text of an addressing mode, over base, index, shift, disp
  std::span<const machine::Operand> operands;  // of the instruction; of an addressing mode its four
  std::span<const int64_t> distances = {};     // of labels and constants, by operand of the definition
  bool registers = false;                      // are known by their numbers: `m.base` is one, not whether there is one

  // Integers wrap at 64 bits; a parameter counts as its enumerator's number, a condition as 0 or 1.
  int64_t value(notation::ExprId expr) const;
  bool holds(notation::ExprId expr) const { return expr == notation::kNoExpr || value(expr) != 0; }
};

}  // namespace assay::verify
