// C++ for static expressions: what the encoder computes from parameters and immediates (`when`, `if` of encodings and
// assembly, `(expr):width` in bits). Internal to the notation library and instgen.
#pragma once

#include <optional>
#include <string>

#include "compiler/isle/notation/definition.h"

namespace assay::notation {

enum class StaticType : uint8_t { Integer, Boolean };

struct StaticScope {
  const InstDef* inst = nullptr;  // null: an addressing mode's text, over base, index, shift, disp
  const AmodeDef* amode = nullptr;
  // Labels and constants are readable, as the variables `distance_NAME`.
  bool distances = false;
  // Registers are readable, as their numbers; `m.base` and `m.index`, too.
  bool registers = false;
};

// A C++ expression over `o`, the operands (`const Operand*`), of type int64_t or bool; integers wrap at 64 bits.
// Reports what is no static expression. Enumerators' numbers and attributes come from tables `kNumber_ENUM` and
// `kAttribute_ENUM_NAME`.
std::optional<std::string> static_cpp(const Definitions& definitions, const StaticScope& scope, ExprId expr,
                                      StaticType wanted, Diagnostics& errors);

// Names of labels and constants that the expression reads.
void collect_names(const Ast& ast, ExprId expr, std::vector<std::string>& names);

}  // namespace assay::notation
