// Floats as terms: bit vectors to Z3's floats, the operation, and back with the canonical NaN for any NaN (floats.h).
#include <array>
#include <cmath>

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
      case Op::FAdd: return bits(Z3_mk_fpa_add(c_, nearest(), number(args[0]), number(args[1])), width);
      case Op::FSub: return bits(Z3_mk_fpa_sub(c_, nearest(), number(args[0]), number(args[1])), width);
      case Op::FMul: return bits(Z3_mk_fpa_mul(c_, nearest(), number(args[0]), number(args[1])), width);
      case Op::FDiv: return bits(Z3_mk_fpa_div(c_, nearest(), number(args[0]), number(args[1])), width);
      case Op::FSqrt: return bits(Z3_mk_fpa_sqrt(c_, nearest(), number(args[0])), width);
      case Op::FMulAdd:
        return bits(Z3_mk_fpa_fma(c_, nearest(), number(args[0]), number(args[1]), number(args[2])), width);
      case Op::FRound: return bits(Z3_mk_fpa_round_to_integral(c_, way(static_cast<Rounding>(aux)), number(args[0])), width);
      case Op::FEq: return expr(Z3_mk_fpa_eq(c_, number(args[0]), number(args[1])));
      case Op::FLt: return expr(Z3_mk_fpa_lt(c_, number(args[0]), number(args[1])));
      case Op::FLe: return expr(Z3_mk_fpa_leq(c_, number(args[0]), number(args[1])));
      case Op::FConvert: return bits(Z3_mk_fpa_to_fp_float(c_, nearest(), number(args[0]), sort(width)), width);
      case Op::FFromSInt: return bits(Z3_mk_fpa_to_fp_signed(c_, nearest(), args[0], sort(width)), width);
      case Op::FFromUInt: return bits(Z3_mk_fpa_to_fp_unsigned(c_, nearest(), args[0], sort(width)), width);
      default: return to_integer(op == Op::FToSInt, width, args[0]);
    }
  }

 private:
  z3::expr expr(Z3_ast ast) { return z3::expr(c_, ast); }
  z3::expr nearest() { return expr(Z3_mk_fpa_rne(c_)); }
  z3::expr way(Rounding rounding) {
    switch (rounding) {
      case Rounding::NearestEven: return nearest();
      case Rounding::Up: return expr(Z3_mk_fpa_rtp(c_));
      case Rounding::Down: return expr(Z3_mk_fpa_rtn(c_));
      case Rounding::Zero: break;
    }
    return expr(Z3_mk_fpa_rtz(c_));
  }
  z3::sort sort(unsigned width) { return z3::sort(c_, width == 32 ? Z3_mk_fpa_sort_32(c_) : Z3_mk_fpa_sort_64(c_)); }
  // The float of these bits.
  z3::expr number(const z3::expr& bits) { return expr(Z3_mk_fpa_to_fp_bv(c_, bits, sort(bits.get_sort().bv_size()))); }
  z3::expr bits(Z3_ast result, unsigned width) {
    const z3::expr value = expr(result);
    return z3::ite(expr(Z3_mk_fpa_is_nan(c_, value)), c_.bv_val(notation::canonical_nan(width), width),
                   expr(Z3_mk_fpa_to_ieee_bv(c_, value)));
  }
  z3::expr to_integer(bool is_signed, unsigned width, const z3::expr& arg) {
    const z3::expr x = number(arg), toward_zero = way(Rounding::Zero);
    const z3::expr whole = expr(Z3_mk_fpa_round_to_integral(c_, toward_zero, x));
    const auto power = [&](double sign) {
      const double value = sign * std::ldexp(1.0, static_cast<int>(is_signed ? width - 1 : width));
      return expr(Z3_mk_fpa_numeral_double(c_, value, x.get_sort()));
    };
    const z3::expr end = power(1), begin = is_signed ? power(-1) : power(0);
    const z3::expr zero = c_.bv_val(0, width), ones = ~zero, one = c_.bv_val(1, width);
    const z3::expr least = is_signed ? z3::shl(one, c_.bv_val(width - 1, width)) : zero;
    const z3::expr most = is_signed ? ~least : ones;
    const z3::expr inside = expr(is_signed ? Z3_mk_fpa_to_sbv(c_, toward_zero, x, width)
                                           : Z3_mk_fpa_to_ubv(c_, toward_zero, x, width));
    return z3::ite(expr(Z3_mk_fpa_is_nan(c_, x)), zero,
                   z3::ite(expr(Z3_mk_fpa_lt(c_, whole, begin)), least,
                           z3::ite(expr(Z3_mk_fpa_geq(c_, whole, end)), most, inside)));
  }

  z3::context& c_;
};

}  // namespace

z3::expr Terms::float_operation(const notation::Node& node, std::span<const z3::expr> args) {
  if (mode_ == ArithmeticMode::Exact || node.width == 0) {
    return Floats(context_).apply(node.op, node.aux, node.width, args);
  }
  functions_seen_ = true;
  std::string name = notation::name(node.op);
  if (node.op == Op::FRound) name += std::to_string(node.aux);
  z3::sort_vector sorts(context_);
  z3::expr_vector values(context_);
  for (const z3::expr& arg : args) {
    name += "_" + std::to_string(arg.get_sort().bv_size());
    sorts.push_back(arg.get_sort());
    values.push_back(arg);
  }
  name += "_" + std::to_string(node.width);
  return context_.function(name.c_str(), sorts, context_.bv_sort(node.width))(values);
}

}  // namespace assay::verify
