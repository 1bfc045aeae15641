// Floats as terms: bit vectors to Z3's floats, the operation, and back with the canonical NaN for any NaN (floats.h).
// Comparisons are made of bits; smt_test holds them against the evaluator. On the way:
//   N8  A saturating conversion to less than 64 bits is the one to 64 bits, saturated.
//   N9  A conversion from less than 64 bits is that of the extended number, signed.
//   N10 The sign of a product is that of either factor: the first one's holds both.
//   N11 Where a conversion to 64 bits saturates. An unsigned one is a signed one, of what is above 2^63 less that.
//   N13 The sum of a number and 0 is the number; of a zero it is 0.
//   N12 A conversion from 64 bits, unsigned, of 2^63 or more is twice that of the half, rounded to odd.
// What is known beside of functions that stand for float operations comes as facts(), true of the operations:
//   F1  Rounding to an integer keeps the sign. It leaves alone what is 2^(digits - 1) or more, and what was rounded; it
//       gives no more than that of what is less.
//   F2  Rounding up and down is to add or subtract one from what was cut off, if that is below or above; to nearest it
//       is to add 2^(digits - 1) and to subtract it again.
//   F4  An integer that a float was cut to has its sign, or is 0; of what is between -1 and 1 it is.
//   F3  An integer of 64 bits that a float was cut to gives the float cut off, but for the sign of zero.
#include <array>
#include <cmath>
#include <vector>

#include "compiler/isle/notation/floats.h"
#include "verify/smt.h"

namespace assay::verify {

namespace {

using notation::Op;
using notation::Rounding;

class Floats {
 public:
  explicit Floats(z3::context& context) : c_(context) {}

  z3::expr apply(Op op, uint32_t aux, unsigned width, std::span<const z3::expr> args) {
    switch (op) {
      case Op::FAdd:
        return bits(Z3_mk_fpa_add(c_, nearest(), number(args[0]), number(args[1])), width);
      case Op::FSub:
        return bits(Z3_mk_fpa_sub(c_, nearest(), number(args[0]), number(args[1])), width);
      case Op::FMul:
        return bits(Z3_mk_fpa_mul(c_, nearest(), number(args[0]), number(args[1])), width);
      case Op::FDiv:
        return bits(Z3_mk_fpa_div(c_, nearest(), number(args[0]), number(args[1])), width);
      case Op::FSqrt:
        return bits(Z3_mk_fpa_sqrt(c_, nearest(), number(args[0])), width);
      case Op::FMulAdd:
        return bits(Z3_mk_fpa_fma(c_, nearest(), number(args[0]), number(args[1]), number(args[2])), width);
      case Op::FRound:
        return bits(Z3_mk_fpa_round_to_integral(c_, way(static_cast<Rounding>(aux)), number(args[0])), width);
      case Op::FConvert:
        return bits(Z3_mk_fpa_to_fp_float(c_, nearest(), number(args[0]), sort(width)), width);
      case Op::FFromSInt:
        return bits(Z3_mk_fpa_to_fp_signed(c_, nearest(), args[0], sort(width)), width);
      case Op::FFromUInt:
        return bits(Z3_mk_fpa_to_fp_unsigned(c_, nearest(), args[0], sort(width)), width);
      default:
        return to_integer(op == Op::FToSInt, width, args[0]);
    }
  }

 private:
  z3::expr expr(Z3_ast ast) { return z3::expr(c_, ast); }
  z3::expr nearest() { return expr(Z3_mk_fpa_rne(c_)); }
  z3::expr way(Rounding rounding) {
    switch (rounding) {
      case Rounding::NearestEven:
        return nearest();
      case Rounding::Up:
        return expr(Z3_mk_fpa_rtp(c_));
      case Rounding::Down:
        return expr(Z3_mk_fpa_rtn(c_));
      case Rounding::Zero:
        break;
    }
    return expr(Z3_mk_fpa_rtz(c_));
  }
  z3::sort sort(unsigned width) {
    return z3::sort(c_, width == 16   ? Z3_mk_fpa_sort_16(c_)
                        : width == 32 ? Z3_mk_fpa_sort_32(c_)
                                      : Z3_mk_fpa_sort_64(c_));
  }
  // The float of these bits.
  z3::expr number(const z3::expr& bits) { return expr(Z3_mk_fpa_to_fp_bv(c_, bits, sort(bits.get_sort().bv_size()))); }
  z3::expr bits(Z3_ast result, unsigned width) {
    const z3::expr value = expr(result);
    return z3::ite(expr(Z3_mk_fpa_is_nan(c_, value)), c_.bv_val(notation::canonical_nan(width), width),
                   expr(Z3_mk_fpa_to_ieee_bv(c_, value)));
  }
  z3::expr to_integer(bool is_signed, unsigned width, const z3::expr& arg) {
    // No integer type ends where a float of 16 bits does.
    const z3::expr given = number(arg), toward_zero = way(Rounding::Zero);
    const z3::expr x =
        arg.get_sort().bv_size() == 16 ? expr(Z3_mk_fpa_to_fp_float(c_, nearest(), given, sort(64))) : given;
    const z3::expr whole = expr(Z3_mk_fpa_round_to_integral(c_, toward_zero, x));
    const auto power = [&](double sign) {
      const double value = sign * std::ldexp(1.0, static_cast<int>(is_signed ? width - 1 : width));
      return expr(Z3_mk_fpa_numeral_double(c_, value, x.get_sort()));
    };
    const z3::expr end = power(1), begin = is_signed ? power(-1) : power(0);
    const z3::expr zero = c_.bv_val(0, width), ones = ~zero, one = c_.bv_val(1, width);
    const z3::expr least = is_signed ? z3::shl(one, c_.bv_val(width - 1, width)) : zero;
    const z3::expr most = is_signed ? ~least : ones;
    const z3::expr inside =
        expr(is_signed ? Z3_mk_fpa_to_sbv(c_, toward_zero, x, width) : Z3_mk_fpa_to_ubv(c_, toward_zero, x, width));
    return z3::ite(expr(Z3_mk_fpa_is_nan(c_, x)), zero,
                   z3::ite(expr(Z3_mk_fpa_lt(c_, whole, begin)), least,
                           z3::ite(expr(Z3_mk_fpa_geq(c_, whole, end)), most, inside)));
  }

  z3::context& c_;
};

}  // namespace

namespace {

z3::expr magnitude(const z3::expr& x) {
  return x & x.ctx().bv_val(~uint64_t{0} >> (65 - x.get_sort().bv_size()), x.get_sort().bv_size());
}
z3::expr is_negative(const z3::expr& x) { return z3::slt(x, x.ctx().bv_val(0, x.get_sort().bv_size())); }
uint64_t infinity(unsigned width) {
  return width == 16 ? 0x7c00u : width == 32 ? 0x7f80'0000u : 0x7ff0'0000'0000'0000u;
}
z3::expr is_nan(const z3::expr& x) {
  const unsigned width = x.get_sort().bv_size();
  return z3::ugt(magnitude(x), x.ctx().bv_val(infinity(width), width));
}

// 2^n as a float of the width, infinity if there is none.
uint64_t power(unsigned width, unsigned n) {
  if (width == 16) return n > 15 ? infinity(width) : uint64_t{15 + n} << 10;
  return width == 32 ? uint64_t{127 + n} << 23 : uint64_t{1023 + n} << 52;
}
unsigned fraction_bits(unsigned width) { return width == 16 ? 10 : width == 32 ? 23 : 52; }

z3::expr compare(Op op, const z3::expr& x, const z3::expr& y) {
  const z3::expr zero = x.ctx().bv_val(0, x.get_sort().bv_size());
  const z3::expr ordered = !is_nan(x) && !is_nan(y), both_zero = magnitude(x | y) == zero;
  if (op == Op::FEq) return ordered && (x == y || both_zero);
  const z3::expr x_negative = is_negative(x), y_negative = is_negative(y);
  const z3::expr less =
      z3::ite(x_negative, z3::ite(y_negative, z3::ugt(x, y), !both_zero), !y_negative && z3::ult(x, y));
  return op == Op::FLt ? ordered && less : ordered && (less || x == y || both_zero);
}

}  // namespace

z3::expr Terms::float_operation(const notation::Node& node, std::span<const z3::expr> args) {
  constexpr unsigned kWord = 64;
  const auto again = [&](Op op, unsigned width, const z3::expr& arg) {
    notation::Node other = node;
    other.op = op;
    other.width = width;
    return float_operation(other, {&arg, 1});
  };
  switch (node.op) {
    case Op::FEq:
    case Op::FLt:
    case Op::FLe:
      return compare(node.op, args[0], args[1]);
    case Op::FToSInt: {
      if (node.width == kWord) break;
      const z3::expr whole = again(node.op, kWord, args[0]);
      const z3::expr most = bv(kWord, (uint64_t{1} << (node.width - 1)) - 1), least = ~most;
      return z3::ite(z3::slt(whole, least), least, z3::ite(z3::sgt(whole, most), most, whole))
          .extract(node.width - 1, 0);
    }
    case Op::FToUInt: {
      if (node.width == kWord && mode_ == ArithmeticMode::Exact) break;
      if (node.width == kWord) {
        const z3::expr& x = args[0];
        const unsigned width = x.get_sort().bv_size();
        const z3::expr half = bv(width, power(width, 63)), end = bv(width, power(width, 64));
        const z3::expr above = again(Op::FToSInt, kWord, operation(Op::FSub, 0, x, half));
        return z3::ite(is_nan(x) || is_negative(x), bv(kWord, 0),
                       z3::ite(z3::ult(x, half), again(Op::FToSInt, kWord, x),
                               z3::ite(z3::ult(x, end), above | bv(kWord, uint64_t{1} << 63), ~bv(kWord, 0))));
      }
      const z3::expr whole = again(node.op, kWord, args[0]);
      const z3::expr most = bv(kWord, (uint64_t{1} << node.width) - 1);
      return z3::ite(z3::ugt(whole, most), most, whole).extract(node.width - 1, 0);
    }
    case Op::FFromSInt:
      if (args[0].get_sort().bv_size() == kWord) break;
      return again(node.op, node.width, sext(args[0], kWord));
    case Op::FFromUInt:
      if (args[0].get_sort().bv_size() < kWord) return again(Op::FFromSInt, node.width, zext(args[0], kWord));
      if (mode_ == ArithmeticMode::Uninterpreted) {
        const z3::expr& x = args[0];
        const z3::expr one = bv(kWord, 1), half = again(Op::FFromSInt, node.width, z3::lshr(x, one) | (x & one));
        return z3::ite(is_negative(x), operation(Op::FAdd, 0, half, half), again(Op::FFromSInt, node.width, x));
      }
      break;
    case Op::FMulAdd: {
      if (mode_ == ArithmeticMode::Exact) break;
      const z3::expr sign = args[1] ^ magnitude(args[1]);
      const z3::expr product_and_sum[] = {args[0] ^ sign, magnitude(args[1]), args[2]};
      return as_function(node, product_and_sum);
    }
    default:
      break;
  }
  if (mode_ == ArithmeticMode::Exact) {
    floats_seen_ = true;
    return Floats(context_).apply(node.op, node.aux, node.width, args);
  }
  return as_function(node, args);
}

z3::expr Terms::operation(notation::Op op, uint32_t aux, const z3::expr& x, const std::optional<z3::expr>& y,
                          unsigned width) {
  notation::Node node;
  node.op = op;
  node.aux = aux;
  node.width = static_cast<decltype(node.width)>(width != 0 ? width : x.get_sort().bv_size());
  std::vector<z3::expr> args{x};
  if (y) args.push_back(*y);
  return float_operation(node, args);
}

bool Terms::first_time(const z3::expr& function) {
  for (const z3::expr& known : known_) {
    if (z3::eq(known, function)) return false;
  }
  known_.push_back(function);
  return true;
}

// F1, F2. `rounded` is x rounded that way, `small` whether x is less than `limit`.
void Terms::know_rounding(notation::Rounding rounding, const z3::expr& x, const z3::expr& rounded,
                          const z3::expr& small, const z3::expr& limit) {
  const unsigned width = x.get_sort().bv_size();
  facts_.push_back(z3::implies(small, z3::ule(magnitude(rounded), limit)));
  const z3::expr one = bv(width, power(width, 0)), sign = x ^ magnitude(x);
  if (rounding == Rounding::Zero) return;
  const auto zero_way = static_cast<uint32_t>(Rounding::Zero);
  facts_.push_back(z3::implies(!is_nan(x), operation(Op::FRound, zero_way, rounded) == rounded));
  const bool is_nearest = rounding == Rounding::NearestEven;
  const z3::expr cut = is_nearest ? x : operation(Op::FRound, zero_way, x);
  z3::expr other = cut;
  switch (rounding) {
    case Rounding::Up:
      other = z3::ite(compare(Op::FLt, cut, x), operation(Op::FAdd, 0, cut, one), cut);
      break;
    case Rounding::Down:
      other = z3::ite(compare(Op::FLt, x, cut), operation(Op::FSub, 0, cut, one), cut);
      break;
    default:
      other = sign | magnitude(operation(Op::FSub, 0, operation(Op::FAdd, 0, magnitude(x), limit), limit));
  }
  facts_.push_back(z3::implies(small, rounded == other));
}

z3::expr Terms::as_function(const notation::Node& node, std::span<const z3::expr> args) {
  functions_seen_ = true;
  std::string name = notation::name(node.op);
  if (node.op == Op::FRound) name += std::to_string(node.aux);
  const bool from_integer = node.op == Op::FFromSInt || node.op == Op::FFromUInt;
  const bool to_integer = node.op == Op::FToSInt || node.op == Op::FToUInt;
  z3::expr nan_in = boolean(false);
  z3::sort_vector sorts(context_);
  z3::expr_vector values(context_);
  for (const z3::expr& arg : args) {
    name += "_" + std::to_string(arg.get_sort().bv_size());
    sorts.push_back(arg.get_sort());
    values.push_back(simplify(arg));  // so that equal arguments mostly look equal
    if (!from_integer) nan_in = nan_in || is_nan(arg);
  }
  name += "_" + std::to_string(node.width);
  // What is known of every such function: what NaNs make, and which NaN is made.
  const z3::expr result = context_.function(name.c_str(), sorts, context_.bv_sort(node.width))(values);
  if (from_integer) return result;
  if (to_integer) {
    const z3::expr& x = args[0];
    const unsigned width = x.get_sort().bv_size();
    const z3::expr least = bv(node.width, uint64_t{1} << 63);
    const z3::expr inside = z3::ult(magnitude(x), bv(width, power(width, 63)));
    const z3::expr integer =
        z3::ite(nan_in, bv(64, 0), z3::ite(inside, result, z3::ite(is_negative(x), least, ~least)));
    if (first_time(result)) {
      const z3::expr whole = operation(Op::FRound, static_cast<uint32_t>(Rounding::Zero), x);
      const z3::expr back = operation(Op::FFromSInt, 0, integer, {}, width);
      const z3::expr zero = bv(width, 0);
      facts_.push_back(
          z3::implies(inside, z3::ite(is_negative(x), z3::sle(integer, bv(64, 0)), z3::sge(integer, bv(64, 0)))));
      facts_.push_back(z3::implies(z3::ult(magnitude(x), bv(width, power(width, 0))), integer == bv(64, 0)));
      facts_.push_back(z3::implies(inside, back == z3::ite(magnitude(whole) == zero, zero, whole)));
    }
    return integer;
  }
  if (node.op == Op::FRound) {
    const z3::expr& x = args[0];
    const z3::expr limit = bv(node.width, power(node.width, fraction_bits(node.width)));
    const z3::expr sign = x ^ magnitude(x), small = z3::ult(magnitude(x), limit);
    const z3::expr rounded = z3::ite(nan_in, bv(node.width, notation::canonical_nan(node.width)),
                                     z3::ite(small, sign | magnitude(result), x));
    if (first_time(result)) know_rounding(static_cast<Rounding>(node.aux), x, rounded, small, limit);
    return rounded;
  }
  const z3::expr nan = bv(node.width, notation::canonical_nan(node.width));
  if (node.op == Op::FAdd && simplify(args[1] == bv(node.width, 0)).is_true()) {
    // N13: adding zero changes nothing but the sign of zero.
    return z3::ite(nan_in, nan, z3::ite(magnitude(args[0]) == bv(node.width, 0), bv(node.width, 0), args[0]));
  }
  return z3::ite(nan_in || is_nan(result), nan, result);
}

}  // namespace assay::verify
