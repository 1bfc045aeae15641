// See float_constants.h.
#include "compiler/opt/float_constants.h"

#include "compiler/opt/constants.h"

namespace assay::opt {

namespace {

using ir::rules::FloatCC;

FloatFormat format_of(ir::Type type) { return float_format(type.bits()); }

// What `compute` gives of numbers; of a NaN, the canonical one.
template <class Compute, class... Operands>
Word128 unless_nan(ir::Type type, const Compute& compute, Operands... operands) {
  const FloatFormat format = format_of(type);
  if ((format.is_nan(operands) || ...)) return format.canonical_nan();
  return compute(format, operands...);
}

Word128 rounded(ir::Type type, Word128 a, RoundTo direction) {
  return unless_nan(type, [direction](FloatFormat format, Word128 x) { return soft_round(format, x, direction); }, a);
}

// Of numbers. Zeros are ordered by their signs.
bool is_less(FloatFormat format, Word128 a, Word128 b) {
  if (format.is_zero(a) && format.is_zero(b)) return format.is_negative(a) && !format.is_negative(b);
  return soft_less(format, a, b);
}

struct Truncation {
  bool is_nan = false;
  bool fits = false;
  Word128 value = 0;  // what is nearest to it in the type
};
Truncation truncated(ir::Type to, ir::Type from, Word128 a, bool is_signed) {
  const FloatFormat format = format_of(from);
  if (format.is_nan(a)) return {.is_nan = true};
  const Truncated whole = soft_to_integer(format, a);
  const Word128 all = low_bits(to, ~Word128{0}), largest = is_signed ? all >> 1 : all;
  const Word128 limit = !whole.negative ? largest : is_signed ? largest + 1 : 0;
  const bool fits = !whole.too_large && whole.magnitude <= limit;
  const Word128 magnitude = fits ? whole.magnitude : limit;
  return {.fits = fits, .value = low_bits(to, whole.negative ? 0 - magnitude : magnitude)};
}
std::optional<Word128> if_it_fits(ir::Type to, ir::Type from, Word128 a, bool is_signed) {
  if (!to.is_int() || to.bits() > 64 || !from.is_float() || from.bits() > 64) return {};
  const Truncation result = truncated(to, from, a, is_signed);
  return result.fits ? std::optional(result.value) : std::nullopt;
}

}  // namespace

Word128 FloatFolding::fold_fadd(Type type, Word128 a, Word128 b) { return unless_nan(type, soft_add, a, b); }
Word128 FloatFolding::fold_fsub(Type type, Word128 a, Word128 b) {
  return fold_fadd(type, a, format_of(type).is_nan(b) ? b : fold_fneg(type, b));
}
Word128 FloatFolding::fold_fmul(Type type, Word128 a, Word128 b) { return unless_nan(type, soft_multiply, a, b); }
Word128 FloatFolding::fold_fdiv(Type type, Word128 a, Word128 b) { return unless_nan(type, soft_divide, a, b); }
Word128 FloatFolding::fold_fmin(Type type, Word128 a, Word128 b) {
  return unless_nan(type, [](FloatFormat f, Word128 x, Word128 y) { return is_less(f, y, x) ? y : x; }, a, b);
}
Word128 FloatFolding::fold_fmax(Type type, Word128 a, Word128 b) {
  return unless_nan(type, [](FloatFormat f, Word128 x, Word128 y) { return is_less(f, x, y) ? y : x; }, a, b);
}
Word128 FloatFolding::fold_fma(Type type, Word128 a, Word128 b, Word128 c) {
  return unless_nan(type, soft_multiply_add, a, b, c);
}
Word128 FloatFolding::fold_sqrt(Type type, Word128 a) { return unless_nan(type, soft_square_root, a); }
Word128 FloatFolding::fold_ceil(Type type, Word128 a) { return rounded(type, a, RoundTo::kUp); }
Word128 FloatFolding::fold_floor(Type type, Word128 a) { return rounded(type, a, RoundTo::kDown); }
Word128 FloatFolding::fold_trunc(Type type, Word128 a) { return rounded(type, a, RoundTo::kZero); }
Word128 FloatFolding::fold_nearest(Type type, Word128 a) { return rounded(type, a, RoundTo::kNearestEven); }

Word128 FloatFolding::fold_fneg(Type type, Word128 a) { return low_bits(type, a) ^ format_of(type).sign_bit(); }
Word128 FloatFolding::fold_fabs(Type type, Word128 a) { return low_bits(type, a) & ~format_of(type).sign_bit(); }
Word128 FloatFolding::fold_fcopysign(Type type, Word128 a, Word128 b) {
  return fold_fabs(type, a) | (b & format_of(type).sign_bit());
}

Word128 FloatFolding::fold_fcmp(Type type, FloatCC condition, Word128 a, Word128 b) {
  const FloatFormat format = format_of(type);
  const bool unordered = format.is_nan(a) || format.is_nan(b);
  const bool less = !unordered && soft_less(format, a, b), greater = !unordered && soft_less(format, b, a);
  switch (condition) {
    case FloatCC::Ordered:
      return !unordered;
    case FloatCC::Unordered:
      return unordered;
    case FloatCC::Equal:
      return !unordered && !less && !greater;
    case FloatCC::NotEqual:
      return unordered || less || greater;
    case FloatCC::OrderedNotEqual:
      return less || greater;
    case FloatCC::UnorderedOrEqual:
      return !less && !greater;
    case FloatCC::LessThan:
      return less;
    case FloatCC::LessThanOrEqual:
      return !unordered && !greater;
    case FloatCC::GreaterThan:
      return greater;
    case FloatCC::GreaterThanOrEqual:
      return !unordered && !less;
    case FloatCC::UnorderedOrLessThan:
      return unordered || less;
    case FloatCC::UnorderedOrLessThanOrEqual:
      return !greater;
    case FloatCC::UnorderedOrGreaterThan:
      return unordered || greater;
    case FloatCC::UnorderedOrGreaterThanOrEqual:
      return !less;
  }
  return 0;
}

Word128 FloatFolding::fold_fpromote(Type to, Type from, Word128 a) {
  if (format_of(from).is_nan(a)) return format_of(to).canonical_nan();
  return soft_convert(format_of(from), format_of(to), a);
}
Word128 FloatFolding::fold_fcvt_from_uint(Type to, Type from, Word128 a) {
  return soft_from_integer(format_of(to), false, low_bits(from, a));
}
Word128 FloatFolding::fold_fcvt_from_sint(Type to, Type from, Word128 a) {
  return soft_from_integer(format_of(to), as_signed(from, a) < 0, IntegerFolding::fold_iabs(from, a));
}
Word128 FloatFolding::fold_fcvt_to_uint_sat(Type to, Type from, Word128 a) {
  return truncated(to, from, a, false).value;
}
Word128 FloatFolding::fold_fcvt_to_sint_sat(Type to, Type from, Word128 a) {
  return truncated(to, from, a, true).value;
}
std::optional<Word128> FloatFolding::fold_fcvt_to_uint(Type to, Type from, Word128 a) {
  return if_it_fits(to, from, a, false);
}
std::optional<Word128> FloatFolding::fold_fcvt_to_sint(Type to, Type from, Word128 a) {
  return if_it_fits(to, from, a, true);
}

}  // namespace assay::opt
