// What operations give of constant floats: the helpers fold_* of rules/float_constants.isle. Numbers as in constants.h.
// Rounded to nearest, whatever the processor around us is set to: integers alone compute it (softfloat.h). A NaN is the
// canonical one.
#pragma once

#include <optional>

#include "compiler/ir/rule_types.h"
#include "compiler/ir/types.h"
#include "compiler/support/softfloat.h"

namespace assay::opt {

struct FloatFolding {
  using Type = ir::Type;

  static Word128 fold_fadd(Type type, Word128 a, Word128 b);
  static Word128 fold_fsub(Type type, Word128 a, Word128 b);
  static Word128 fold_fmul(Type type, Word128 a, Word128 b);
  static Word128 fold_fdiv(Type type, Word128 a, Word128 b);
  static Word128 fold_fmin(Type type, Word128 a, Word128 b);
  static Word128 fold_fmax(Type type, Word128 a, Word128 b);
  static Word128 fold_fma(Type type, Word128 a, Word128 b, Word128 c);
  static Word128 fold_sqrt(Type type, Word128 a);
  static Word128 fold_ceil(Type type, Word128 a);
  static Word128 fold_floor(Type type, Word128 a);
  static Word128 fold_trunc(Type type, Word128 a);
  static Word128 fold_nearest(Type type, Word128 a);
  static Word128 fold_fneg(Type type, Word128 a);
  static Word128 fold_fabs(Type type, Word128 a);
  static Word128 fold_fcopysign(Type type, Word128 a, Word128 b);
  static Word128 fold_fcmp(Type type, ir::rules::FloatCC condition, Word128 a, Word128 b);

  static Word128 fold_fpromote(Type to, Type from, Word128 a);
  static Word128 fold_fdemote(Type to, Type from, Word128 a) { return fold_fpromote(to, from, a); }
  static Word128 fold_fcvt_from_uint(Type to, Type from, Word128 a);
  static Word128 fold_fcvt_from_sint(Type to, Type from, Word128 a);
  static Word128 fold_fcvt_to_uint_sat(Type to, Type from, Word128 a);
  static Word128 fold_fcvt_to_sint_sat(Type to, Type from, Word128 a);
  // None, where it traps.
  static std::optional<Word128> fold_fcvt_to_uint(Type to, Type from, Word128 a);
  static std::optional<Word128> fold_fcvt_to_sint(Type to, Type from, Word128 a);
};

}  // namespace assay::opt
