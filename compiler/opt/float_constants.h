// What operations give of float constants: the helpers fold_* of rules/float_constants.isle. Computed by this
// processor, in the environment that IEEE 754 begins with, whatever rounding, flushing and traps the program has chosen
// around us. A NaN is the canonical one.
#pragma once

#include <cstdint>
#include <optional>

#include "compiler/ir/rule_types.h"
#include "compiler/ir/types.h"

namespace assay::opt {

enum class FloatOperation : uint8_t { Add, Sub, Mul, Div, Min, Max, Fma, Sqrt, Ceil, Floor, Trunc, Nearest };

// F is Ieee32 or Ieee64. Operands that the operation does not have are ignored.
template <class F>
F fold_float(FloatOperation operation, F a, F b, F c);
template <class F>
bool fold_fcmp(ir::rules::FloatCC condition, F a, F b);

ir::rules::Ieee64 fold_fpromote(ir::rules::Ieee32 a);
ir::rules::Ieee32 fold_fdemote(ir::rules::Ieee64 a);
// The number is of an integer type of at most 64 bits.
template <class F>
F fold_from_int(ir::Type type, uint64_t a, bool is_signed);
// Towards zero; none if it is not in the type's range, which then `saturated` is what it gives.
template <class F>
std::optional<uint64_t> fold_to_int(ir::Type type, F a, bool is_signed);
template <class F>
uint64_t fold_to_int_saturated(ir::Type type, F a, bool is_signed);

}  // namespace assay::opt
