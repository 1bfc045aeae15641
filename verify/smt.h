// A thin layer over Z3: terms, and the translation of typed semantics to them.
//
// Semantics come from compiler/isle/notation (instructions and CLIF operations alike), so there is one translation,
// node by node. Some rewrites are made on the way, because bit-blasting division and wide multiplication does not end
// otherwise; each is an identity for all arguments (by SMT-LIB's definition of division by zero), and smt_test.cpp
// proves each at small widths:
//   N1  a %u b = a - (a /u b) * b, and the same for %s and /s.
//   N2  zext(a) /u zext(b) = zext(a /u b) unless b = 0; sext(a) /s sext(b) = sext(a /s b) unless b = 0 or b = -1;
//       likewise for the remainders. a /s -1 = -a.
//   N3  zext(a) * zext(b), with a and b of k bits, is the zero-extended product at 2k bits; likewise for sext.
//   N4  the low bits of a sum, difference or product are those of the low bits of its operands.
//   N5  a % (if c then b else d) = if c then a % b else a % d, where b or d is a number; a % 1 = 0.
//   N6  (if c then a else b) * d = if c then a * d else b * d, where a or b is a quotient; likewise for their low bits.
//   N7  sext(a) * sext(b) at twice the width of a and b: the low half is a * b, the high half that of zext(a) *
//       zext(b), less b if a is negative, less a if b is. So signed and unsigned high products are told from one
//       product.
//   N8  products of more than 64 bits by 64 are sums of products of their halves, shifted (product_by_halves).
// Only verify/ includes this header: z3++.h is slow to compile.
#pragma once

#include <z3++.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/isle/notation/floats.h"
#include "compiler/isle/notation/semantics.h"

namespace assay::verify {

// What a prover may put for float arithmetic, and for divisions and wide products that the rewrites leave.
enum class ArithmeticMode : uint8_t {
  Exact,         // Z3's own bvmul, bvudiv, bvsdiv
  Uninterpreted  // functions of which only congruence is known: what is proven holds for the real ones too
};

class Terms {
 public:
  explicit Terms(z3::context& context) : context_(context) {}

  z3::context& context() { return context_; }
  // Names of fresh() start over: the same steps give the same names.
  void begin() {
    counter_ = 0;
    facts_.clear();
    known_.clear();
  }
  // Z3's simplification, each term once until forget(): runs of one rule build the same terms over and over.
  z3::expr simplify(const z3::expr& e);
  // Lets go of what simplify() remembers.
  void forget() { simplified_.clear(); }
  // What holds of the functions that were put for float operations since (F1 and on, smt_float.cpp).
  const std::vector<z3::expr>& facts() const { return facts_; }
  // How many were made since.
  unsigned made() const { return counter_; }
  // Whether it stands for products (ArithmeticMode::Uninterpreted).
  static bool is_product(const z3::func_decl& function);
  z3::expr bv(unsigned width, uint64_t value) { return context_.bv_val(value, width); }
  z3::expr fresh(const std::string& name, unsigned width);
  z3::expr boolean(bool value) { return context_.bool_val(value); }

  // Widths change to `width` (which may be smaller or equal as well).
  z3::expr zext(const z3::expr& e, unsigned width);
  z3::expr sext(const z3::expr& e, unsigned width);

  // N1–N8 applied.
  z3::expr udiv(const z3::expr& a, const z3::expr& b);
  z3::expr sdiv(const z3::expr& a, const z3::expr& b);
  z3::expr urem(const z3::expr& a, const z3::expr& b) { return remainder(false, a, b); }
  z3::expr srem(const z3::expr& a, const z3::expr& b) { return remainder(true, a, b); }
  z3::expr mul(const z3::expr& a, const z3::expr& b);
  // N8: a * b; of operands that are zero extensions of half as many bits all four products of their halves matter.
  z3::expr product_by_halves(const z3::expr& a, const z3::expr& b);
  z3::expr low_bits(const z3::expr& e, unsigned width);
  z3::expr rotl(const z3::expr& a, const z3::expr& amount);
  z3::expr rotr(const z3::expr& a, const z3::expr& amount);
  z3::expr popcnt(const z3::expr& a);
  z3::expr clz(const z3::expr& a);
  z3::expr ctz(const z3::expr& a);
  z3::expr cls(const z3::expr& a);
  z3::expr bitrev(const z3::expr& a);
  z3::expr bswap(const z3::expr& a);
  // FAdd … FToUInt of floats.h on bit vectors; comparisons give a boolean. Functions, but for comparisons, if the mode
  // is Uninterpreted.
  z3::expr float_operation(const notation::Node& node, std::span<const z3::expr> args);
  z3::expr ite(const z3::expr& c, const z3::expr& a, const z3::expr& b) { return z3::ite(c, a, b); }

  void set_mode(ArithmeticMode mode) { mode_ = mode; }
  ArithmeticMode mode() const { return mode_; }
  // Whether Z3's floats were made use of since the last call.
  bool take_floats_seen() { return std::exchange(floats_seen_, false); }
  // A function was put for a division or product since the last call.
  bool take_functions_seen() {
    const bool seen = functions_seen_;
    functions_seen_ = false;
    return seen;
  }

 private:
  z3::expr remainder(bool is_signed, const z3::expr& a, const z3::expr& b);
  z3::expr narrow_urem(const z3::expr& a, const z3::expr& b);
  z3::expr narrow_srem(const z3::expr& a, const z3::expr& b);
  // As the mode says.
  z3::expr divide(bool is_signed, const z3::expr& a, const z3::expr& b);
  z3::expr product(const z3::expr& a, const z3::expr& b);
  z3::expr function(const std::string& name, const z3::expr& a, const z3::expr& b);
  z3::expr as_function(const notation::Node& node, std::span<const z3::expr> args);  // of a float operation
  z3::expr operation(notation::Op op, uint32_t aux, const z3::expr& x, const std::optional<z3::expr>& y = {},
                     unsigned width = 0);
  bool first_time(const z3::expr& function);
  void know_rounding(notation::Rounding rounding, const z3::expr& x, const z3::expr& rounded, const z3::expr& small,
                     const z3::expr& limit);

  z3::context& context_;
  unsigned counter_ = 0;
  ArithmeticMode mode_ = ArithmeticMode::Exact;
  bool functions_seen_ = false;
  bool floats_seen_ = false;
  std::vector<z3::expr> facts_, known_;
  std::unordered_map<unsigned, std::pair<z3::expr, z3::expr>> simplified_;  // by the first's id
};

// The graph's nodes as terms. `input(i)` gives the term of Semantics::inputs[i]; `load(event, address)` the value that
// Semantics::events[event] reads. Node k's term is at index k of the result.
z3::expr_vector translate(Terms& terms, const notation::Semantics& semantics,
                          const std::function<z3::expr(uint32_t)>& input,
                          const std::function<z3::expr(uint32_t, const z3::expr&)>& load);

}  // namespace assay::verify
