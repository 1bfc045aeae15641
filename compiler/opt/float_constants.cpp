// See float_constants.h.
#include "compiler/opt/float_constants.h"

#include <bit>
#include <cfenv>
#include <cmath>
#include <type_traits>

#include "compiler/opt/constants.h"

namespace assay::opt {

namespace {

using ir::rules::FloatCC;
using ir::rules::Ieee32;
using ir::rules::Ieee64;

// The host's type of the same format.
template <class F>
using Host = std::conditional_t<std::is_same_v<F, Ieee32>, float, double>;

template <class F>
Host<F> number(F a) {
  return std::bit_cast<Host<F>>(a.bits);
}
Ieee32 bits(float a) { return {std::isnan(a) ? 0x7fc00000 : std::bit_cast<uint32_t>(a)}; }
Ieee64 bits(double a) { return {std::isnan(a) ? 0x7ff8000000000000 : std::bit_cast<uint64_t>(a)}; }

// Calls it in the default environment. Through a volatile pointer: nothing that it computes is moved out of it.
template <class Result, class... Parameters>
Result in_default_environment(Result (*function)(Parameters...), Parameters... arguments) {
  std::fenv_t around;
  std::fegetenv(&around);
  std::fesetenv(FE_DFL_ENV);
  Result (*volatile opaque)(Parameters...) = function;
  const Result result = opaque(arguments...);
  std::fesetenv(&around);
  return result;
}

template <class F>
F operate(FloatOperation operation, F a, F b, F c) {
  const Host<F> x = number(a), y = number(b);
  switch (operation) {
    case FloatOperation::Add:
      return bits(x + y);
    case FloatOperation::Sub:
      return bits(x - y);
    case FloatOperation::Mul:
      return bits(x * y);
    case FloatOperation::Div:
      return bits(x / y);
    case FloatOperation::Min:  // of equal ones, which may be zeros, that with the sign
      if (std::isnan(x) || std::isnan(y)) return bits(x + y);
      return x < y ? a : y < x ? b : F{a.bits | b.bits};
    case FloatOperation::Max:
      if (std::isnan(x) || std::isnan(y)) return bits(x + y);
      return y < x ? a : x < y ? b : F{a.bits & b.bits};
    case FloatOperation::Fma:
      return bits(std::fma(x, y, number(c)));
    case FloatOperation::Sqrt:
      return bits(std::sqrt(x));
    case FloatOperation::Ceil:
      return bits(std::ceil(x));
    case FloatOperation::Floor:
      return bits(std::floor(x));
    case FloatOperation::Trunc:
      return bits(std::trunc(x));
    case FloatOperation::Nearest:
      return bits(std::nearbyint(x));
  }
  return {};
}

template <class F>
bool compare(FloatCC condition, F a, F b) {
  const Host<F> x = number(a), y = number(b);
  switch (condition) {
    case FloatCC::Ordered:
      return !std::isnan(x) && !std::isnan(y);
    case FloatCC::Unordered:
      return std::isnan(x) || std::isnan(y);
    case FloatCC::Equal:
      return x == y;
    case FloatCC::NotEqual:
      return !(x == y);
    case FloatCC::OrderedNotEqual:
      return x < y || y < x;
    case FloatCC::UnorderedOrEqual:
      return !(x < y || y < x);
    case FloatCC::LessThan:
      return x < y;
    case FloatCC::LessThanOrEqual:
      return x <= y;
    case FloatCC::GreaterThan:
      return x > y;
    case FloatCC::GreaterThanOrEqual:
      return x >= y;
    case FloatCC::UnorderedOrLessThan:
      return !(x >= y);
    case FloatCC::UnorderedOrLessThanOrEqual:
      return !(x > y);
    case FloatCC::UnorderedOrGreaterThan:
      return !(x <= y);
    case FloatCC::UnorderedOrGreaterThanOrEqual:
      return !(x < y);
  }
  return false;
}

Ieee64 promote(Ieee32 a) { return bits(static_cast<double>(number(a))); }
Ieee32 demote(Ieee64 a) { return bits(static_cast<float>(number(a))); }

template <class F>
F from_int(ir::Type type, uint64_t a, bool is_signed) {
  if (is_signed) return bits(static_cast<Host<F>>(as_signed(type, a)));
  return bits(static_cast<Host<F>>(low_bits(type, a)));
}

template <class F>
std::optional<uint64_t> to_int(ir::Type type, F a, bool is_signed) {
  const Host<F> whole = std::trunc(number(a));
  const Host<F> end = std::ldexp(Host<F>{1}, static_cast<int>(type.bits()) - (is_signed ? 1 : 0));
  if (!(whole < end) || !(whole >= (is_signed ? -end : Host<F>{0}))) return {};
  if (is_signed) return low_bits(type, static_cast<uint64_t>(static_cast<int64_t>(whole)));
  return static_cast<uint64_t>(whole);
}

template <class F>
uint64_t to_int_saturated(ir::Type type, F a, bool is_signed) {
  if (const auto fits = to_int(type, a, is_signed)) return *fits;
  if (std::isnan(number(a))) return 0;
  const uint64_t largest = low_bits(type, ~uint64_t{0}) >> (is_signed ? 1 : 0);
  if (number(a) > 0) return largest;
  return is_signed ? largest + 1 : 0;
}

}  // namespace

template <class F>
F fold_float(FloatOperation operation, F a, F b, F c) {
  return in_default_environment(&operate<F>, operation, a, b, c);
}
template <class F>
bool fold_fcmp(FloatCC condition, F a, F b) {
  return in_default_environment(&compare<F>, condition, a, b);
}
Ieee64 fold_fpromote(Ieee32 a) { return in_default_environment(&promote, a); }
Ieee32 fold_fdemote(Ieee64 a) { return in_default_environment(&demote, a); }
template <class F>
F fold_from_int(ir::Type type, uint64_t a, bool is_signed) {
  return in_default_environment(&from_int<F>, type, a, is_signed);
}
template <class F>
std::optional<uint64_t> fold_to_int(ir::Type type, F a, bool is_signed) {
  return in_default_environment(&to_int<F>, type, a, is_signed);
}
template <class F>
uint64_t fold_to_int_saturated(ir::Type type, F a, bool is_signed) {
  return in_default_environment(&to_int_saturated<F>, type, a, is_signed);
}

template Ieee32 fold_float(FloatOperation, Ieee32, Ieee32, Ieee32);
template Ieee64 fold_float(FloatOperation, Ieee64, Ieee64, Ieee64);
template bool fold_fcmp(FloatCC, Ieee32, Ieee32);
template bool fold_fcmp(FloatCC, Ieee64, Ieee64);
template Ieee32 fold_from_int(ir::Type, uint64_t, bool);
template Ieee64 fold_from_int(ir::Type, uint64_t, bool);
template std::optional<uint64_t> fold_to_int(ir::Type, Ieee32, bool);
template std::optional<uint64_t> fold_to_int(ir::Type, Ieee64, bool);
template uint64_t fold_to_int_saturated(ir::Type, Ieee32, bool);
template uint64_t fold_to_int_saturated(ir::Type, Ieee64, bool);

}  // namespace assay::opt
