// See smt.h.
#include "verify/smt.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace assay::verify {

using notation::Node;
using notation::Op;

namespace {

constexpr const char* kProduct = "mul";
// Narrower products are decided at once with their real meaning.
constexpr unsigned kLeastFunctionWidth = 32;
constexpr size_t kMostRemembered = 1 << 16;

unsigned width_of(const z3::expr& e) { return e.get_sort().bv_size(); }

bool is_zero(const z3::expr& e) {
  uint64_t value = 0;
  return e.is_numeral() && e.is_numeral_u64(value) && value == 0;
}

// The shortest term of which `e` (simplified) is structurally the zero extension.
z3::expr without_leading_zeros(const z3::expr& e) {
  if (e.is_app() && e.decl().decl_kind() == Z3_OP_CONCAT && is_zero(e.arg(0))) {
    if (e.num_args() == 2) return e.arg(1);
    z3::expr_vector rest(e.ctx());
    for (unsigned i = 1; i < e.num_args(); ++i) rest.push_back(e.arg(i));
    return z3::concat(rest);
  }
  uint64_t value = 0;
  if (e.is_numeral() && e.is_numeral_u64(value)) {
    unsigned needed = 1;
    while (needed < width_of(e) && needed < 64 && (value >> needed) != 0) ++needed;
    return e.ctx().bv_val(value, needed);
  }
  return e;
}

// The term of which `e` is the sign extension, if `e` is sign_extend(n, x) or repeats x's top bit n times by concat.
z3::expr without_sign_copies(const z3::expr& e) {
  if (e.is_app() && e.decl().decl_kind() == Z3_OP_SIGN_EXT) return e.arg(0);
  if (e.is_app() && e.decl().decl_kind() == Z3_OP_CONCAT) {
    // concat(extract(k,k,x), …, extract(k,k,x), x…): Z3's simplified form of a sign extension.
    const unsigned n = e.num_args();
    const z3::expr top = e.arg(0);
    if (width_of(top) != 1 || !top.is_app() || top.decl().decl_kind() != Z3_OP_EXTRACT) return e;
    unsigned copies = 1;
    while (copies < n && z3::eq(e.arg(copies), top)) ++copies;
    if (copies == n) return e;
    z3::expr_vector rest(e.ctx());
    for (unsigned i = copies; i < n; ++i) rest.push_back(e.arg(i));
    const z3::expr low = n - copies == 1 ? e.arg(copies) : z3::concat(rest);
    const unsigned w = width_of(low);
    if (z3::eq(low.extract(w - 1, w - 1).simplify(), top)) return low;
  }
  int64_t value = 0;
  if (e.is_numeral() && width_of(e) <= 64 && Z3_get_numeral_int64(e.ctx(), e, &value)) {
    const unsigned full = width_of(e);
    const int64_t extended = static_cast<int64_t>(static_cast<uint64_t>(value) << (64 - full)) >> (64 - full);
    unsigned needed = 1;
    while (needed < full && (extended >> (needed - 1)) != 0 && (extended >> (needed - 1)) != -1) ++needed;
    return e.ctx().bv_val(static_cast<int64_t>(extended), needed);
  }
  return e;
}

// Whether `e` chooses among few terms, one of them a quotient: what N2 makes of a division.
bool chooses_quotient(const z3::expr& e, unsigned depth = 0) {
  if (!e.is_app()) return false;
  if (e.decl().decl_kind() == Z3_OP_ITE) {
    return depth < 4 && (chooses_quotient(e.arg(1), depth + 1) || chooses_quotient(e.arg(2), depth + 1));
  }
  if (depth == 0) return false;
  z3::expr term = without_sign_copies(without_leading_zeros(e));
  while (term.is_app() && term.decl().decl_kind() == Z3_OP_EXTRACT) term = term.arg(0);
  if (!term.is_app() || term.num_args() != 2) return false;
  switch (term.decl().decl_kind()) {
    case Z3_OP_UNINTERPRETED:
    case Z3_OP_BUDIV:
    case Z3_OP_BSDIV:
    case Z3_OP_BUDIV_I:
    case Z3_OP_BSDIV_I:
      return true;
    default:
      return false;
  }
}

// `e` where `condition` holds: the number, if the condition says that `e` (or what it extends) is that number.
z3::expr known_if(const z3::expr& condition, const z3::expr& e) {
  if (!condition.is_app() || condition.decl().decl_kind() != Z3_OP_EQ) return e;
  for (unsigned side = 0; side < 2; ++side) {
    const z3::expr number = condition.arg(side), other = condition.arg(1 - side);
    if (!number.is_numeral()) continue;
    if (z3::eq(other, e)) return number;
    if (z3::eq(other, without_sign_copies(e))) return z3::sext(number, width_of(e) - width_of(number)).simplify();
    if (z3::eq(other, without_leading_zeros(e))) return z3::zext(number, width_of(e) - width_of(number)).simplify();
  }
  return e;
}

}  // namespace

bool Terms::is_product(const z3::func_decl& function) {
  return function.decl_kind() == Z3_OP_UNINTERPRETED && function.arity() == 2 &&
         function.name().str().starts_with(kProduct);
}

z3::expr Terms::fresh(const std::string& name, unsigned width) {
  const std::string full = name + "!" + std::to_string(counter_++);
  return width == 0 ? context_.bool_const(full.c_str()) : context_.bv_const(full.c_str(), width);
}

z3::expr Terms::simplify(const z3::expr& e) {
  if (e.num_args() == 0) return e;
  if (const auto it = simplified_.find(e.id()); it != simplified_.end()) return it->second.second;
  if (simplified_.size() > kMostRemembered) forget();
  const z3::expr simple = e.simplify();
  simplified_.emplace(e.id(), std::pair(e, simple));
  if (simple.num_args() != 0) simplified_.emplace(simple.id(), std::pair(simple, simple));
  return simple;
}

z3::expr Terms::zext(const z3::expr& e, unsigned width) {
  const unsigned from = width_of(e);
  if (from == width) return e;
  return from < width ? z3::zext(e, width - from) : low_bits(e, width);
}

z3::expr Terms::sext(const z3::expr& e, unsigned width) {
  const unsigned from = width_of(e);
  if (from == width) return e;
  return from < width ? z3::sext(e, width - from) : low_bits(e, width);
}

z3::expr Terms::function(const std::string& name, const z3::expr& a, const z3::expr& b) {
  const std::string full = name + std::to_string(width_of(a));
  return context_.function(full.c_str(), a.get_sort(), a.get_sort(), a.get_sort())(a, b);
}

z3::expr Terms::divide(bool is_signed, const z3::expr& a, const z3::expr& b) {
  if (mode_ == ArithmeticMode::Uninterpreted) functions_seen_ = true;
  if (mode_ == ArithmeticMode::Exact) return is_signed ? a / b : z3::udiv(a, b);
  return function(is_signed ? "sdiv" : "udiv", a, b);
}

z3::expr Terms::product(const z3::expr& a, const z3::expr& b) {
  if (mode_ == ArithmeticMode::Exact || a.is_numeral() || b.is_numeral() || width_of(a) < kLeastFunctionWidth)
    return a * b;
  functions_seen_ = true;
  // Not by a number that depends on what else was made: the same query has the same form in every run.
  const unsigned of_a = a.hash(), of_b = b.hash();
  const bool in_order = of_a != of_b ? of_a < of_b : a.to_string() <= b.to_string();
  return in_order ? function(kProduct, a, b) : function(kProduct, b, a);
}

z3::expr Terms::udiv(const z3::expr& a_in, const z3::expr& b_in) {
  const z3::expr a = simplify(a_in), b = simplify(b_in);
  const unsigned w = width_of(a);
  const z3::expr short_a = without_leading_zeros(a), short_b = without_leading_zeros(b);
  const unsigned k = std::max(width_of(short_a), width_of(short_b));
  if (k >= w) return divide(false, a, b);
  const z3::expr na = simplify(zext(short_a, k)), nb = simplify(zext(short_b, k));
  return z3::ite(nb == bv(k, 0), ~context_.bv_val(0, w), zext(divide(false, na, nb), w));
}

z3::expr Terms::sdiv(const z3::expr& a_in, const z3::expr& b_in) {
  const z3::expr a = simplify(a_in), b = simplify(b_in);
  const unsigned w = width_of(a);
  const z3::expr short_a = without_sign_copies(a), short_b = without_sign_copies(b);
  const unsigned k = std::max(width_of(short_a), width_of(short_b));
  if (k >= w) return z3::ite(b == ~context_.bv_val(0, w), -a, divide(true, a, b));
  const z3::expr na = simplify(sext(short_a, k)), nb = simplify(sext(short_b, k));
  const z3::expr zero = context_.bv_val(0, k);
  const z3::expr by_zero = z3::ite(z3::slt(na, zero), context_.bv_val(1, w), ~context_.bv_val(0, w));
  return z3::ite(nb == zero, by_zero, z3::ite(nb == ~zero, -sext(na, w), sext(divide(true, na, nb), w)));
}

z3::expr Terms::remainder(bool is_signed, const z3::expr& a, const z3::expr& b_in) {
  const z3::expr b = simplify(b_in);
  if (b.is_numeral() && b.get_decimal_string(0) == "1") return context_.bv_val(0, width_of(b));
  const bool cut = b.is_app() && b.decl().decl_kind() == Z3_OP_EXTRACT;
  const z3::expr choice = cut ? b.arg(0) : b;
  if (choice.is_app() && choice.decl().decl_kind() == Z3_OP_ITE) {
    auto arm = [&](unsigned i) { return simplify(cut ? choice.arg(i).extract(b.hi(), b.lo()) : choice.arg(i)); };
    const z3::expr then = arm(1), otherwise = arm(2);
    if (then.is_numeral() || otherwise.is_numeral()) {
      return z3::ite(choice.arg(0), remainder(is_signed, a, then), remainder(is_signed, a, otherwise));
    }
  }
  return is_signed ? narrow_srem(a, b) : narrow_urem(a, b);
}

z3::expr Terms::mul(const z3::expr& a_in, const z3::expr& b_in) {
  const z3::expr a = simplify(a_in), b = simplify(b_in);
  const unsigned w = width_of(a);
  if (chooses_quotient(a)) return z3::ite(a.arg(0), mul(a.arg(1), known_if(a.arg(0), b)), mul(a.arg(2), b));
  if (chooses_quotient(b)) return z3::ite(b.arg(0), mul(known_if(b.arg(0), a), b.arg(1)), mul(a, b.arg(2)));
  const z3::expr ua = without_leading_zeros(a), ub = without_leading_zeros(b);
  const unsigned uk = std::max(width_of(ua), width_of(ub));
  if (2 * uk < w && !a.is_numeral() && !b.is_numeral()) return zext(product(zext(ua, 2 * uk), zext(ub, 2 * uk)), w);
  const z3::expr sa = without_sign_copies(a), sb = without_sign_copies(b);
  const unsigned sk = std::max(width_of(sa), width_of(sb));
  if (2 * sk <= w && !a.is_numeral() && !b.is_numeral()) {
    const z3::expr na = sext(sa, sk), nb = sext(sb, sk);
    const auto if_negative = [&](const z3::expr& x, const z3::expr& then) {
      return z3::ite(z3::slt(x, bv(sk, 0)), then, bv(sk, 0));
    };
    const z3::expr high = mul(zext(na, 2 * sk), zext(nb, 2 * sk)).extract(2 * sk - 1, sk);
    return sext(z3::concat(high - if_negative(na, nb) - if_negative(nb, na), mul(na, nb)), w);
  }
  const bool has_words = w == 256 ? uk <= 128 : w == 128 && uk > 64;
  return has_words && !a.is_numeral() && !b.is_numeral() ? product_by_halves(a, b) : product(a, b);
}

z3::expr Terms::product_by_halves(const z3::expr& a, const z3::expr& b) {
  const unsigned w = width_of(a);
  const z3::expr short_a = without_leading_zeros(a), short_b = without_leading_zeros(b);
  const bool extended = std::max(width_of(short_a), width_of(short_b)) <= w / 2;
  const unsigned k = extended ? w / 4 : w / 2;  // of a half
  const z3::expr x = extended ? zext(short_a, 2 * k) : a, y = extended ? zext(short_b, 2 * k) : b;
  const auto half = [&](const z3::expr& e, bool high) {
    return simplify(high ? e.extract(2 * k - 1, k) : low_bits(e, k));
  };
  const auto whole = [&](bool high_x, bool high_y) {
    const z3::expr p = simplify(zext(half(x, high_x), 2 * k)), q = simplify(zext(half(y, high_y), 2 * k));
    // Where simplification hides the zeros above, mul would come back here.
    const bool narrow = std::max(width_of(without_leading_zeros(p)), width_of(without_leading_zeros(q))) <= k;
    return narrow || 2 * k < w ? mul(p, q) : product(p, q);
  };
  const z3::expr low = whole(false, false);
  if (extended) {
    // Half by half, as machines add: sums of three wide numbers in another order are hard for solvers.
    const z3::expr left = whole(false, true), right = whole(true, false), top = whole(true, true);
    z3::expr carry = context_.bv_val(0, 1);
    const auto add = [&](const z3::expr& x, const z3::expr& y) {
      const z3::expr sum = zext(x, k + 1) + zext(y, k + 1) + zext(carry, k + 1);
      carry = sum.extract(k, k);
      return sum.extract(k - 1, 0);
    };
    const auto first = [&](const z3::expr& e) { return low_bits(e, k); };
    const auto second = [&](const z3::expr& e) { return e.extract(2 * k - 1, k); };
    const z3::expr a = add(first(left), first(right)), b = add(second(left), second(right));
    const z3::expr beyond = zext(carry, k);
    carry = context_.bv_val(0, 1);
    const z3::expr c = add(a, second(low)), d = add(b, first(top));
    return z3::concat(beyond + second(top) + zext(carry, k), z3::concat(d, z3::concat(c, first(low))));
  }
  const z3::expr high =
      low.extract(2 * k - 1, k) + mul(half(x, false), half(y, true)) + mul(half(x, true), half(y, false));
  return z3::concat(high, low_bits(low, k));
}

z3::expr Terms::narrow_urem(const z3::expr& a_in, const z3::expr& b_in) {
  const z3::expr a = simplify(a_in), b = simplify(b_in);
  const unsigned w = width_of(a);
  const z3::expr short_a = without_leading_zeros(a), short_b = without_leading_zeros(b);
  const unsigned k = std::max(width_of(short_a), width_of(short_b));
  if (k >= w) return a - mul(divide(false, a, b), b);
  const z3::expr na = simplify(zext(short_a, k)), nb = simplify(zext(short_b, k));
  return z3::ite(nb == context_.bv_val(0, k), a, zext(na - mul(divide(false, na, nb), nb), w));
}

z3::expr Terms::narrow_srem(const z3::expr& a_in, const z3::expr& b_in) {
  const z3::expr a = simplify(a_in), b = simplify(b_in);
  const unsigned w = width_of(a);
  const z3::expr short_a = without_sign_copies(a), short_b = without_sign_copies(b);
  const unsigned k = std::max(width_of(short_a), width_of(short_b));
  // By -1 the remainder is 0; said apart, because nothing is known of an uninterpreted division.
  if (k >= w) return z3::ite(b == ~context_.bv_val(0, w), context_.bv_val(0, w), a - mul(divide(true, a, b), b));
  const z3::expr na = simplify(sext(short_a, k)), nb = simplify(sext(short_b, k));
  const z3::expr zero = context_.bv_val(0, k);
  // Where the narrow division overflows the divisor is -1, and the remainder 0.
  return z3::ite(nb == zero, a,
                 z3::ite(nb == ~zero, context_.bv_val(0, w), sext(na - mul(divide(true, na, nb), nb), w)));
}

// N4, a few levels deep.
z3::expr Terms::low_bits(const z3::expr& e, unsigned width) {
  const unsigned from = width_of(e);
  if (from == width) return e;
  if (e.is_app() && e.num_args() == 2) {
    const Z3_decl_kind kind = e.decl().decl_kind();
    if (kind == Z3_OP_BMUL || is_product(e.decl())) return mul(low_bits(e.arg(0), width), low_bits(e.arg(1), width));
    if (kind == Z3_OP_BADD) return low_bits(e.arg(0), width) + low_bits(e.arg(1), width);
    if (kind == Z3_OP_BSUB) return low_bits(e.arg(0), width) - low_bits(e.arg(1), width);
  }
  if (e.is_app() && (e.decl().decl_kind() == Z3_OP_SIGN_EXT || e.decl().decl_kind() == Z3_OP_ZERO_EXT) &&
      width_of(e.arg(0)) >= width) {
    return low_bits(e.arg(0), width);
  }
  if (chooses_quotient(e)) return z3::ite(e.arg(0), low_bits(e.arg(1), width), low_bits(e.arg(2), width));
  return e.extract(width - 1, 0);
}

// By shifts: Z3's own rotation by a variable amount divides. Widths that are no power of two keep it.
z3::expr Terms::rotl(const z3::expr& a, const z3::expr& amount) {
  const unsigned w = width_of(a);
  if ((w & (w - 1)) != 0) return z3::expr(context_, Z3_mk_ext_rotate_left(context_, a, amount));
  const z3::expr mask = context_.bv_val(w - 1, w);
  return z3::shl(a, amount & mask) | z3::lshr(a, (-amount) & mask);
}

z3::expr Terms::rotr(const z3::expr& a, const z3::expr& amount) {
  const unsigned w = width_of(a);
  if ((w & (w - 1)) != 0) return z3::expr(context_, Z3_mk_ext_rotate_right(context_, a, amount));
  const z3::expr mask = context_.bv_val(w - 1, w);
  return z3::lshr(a, amount & mask) | z3::shl(a, (-amount) & mask);
}

z3::expr Terms::popcnt(const z3::expr& a) {
  // A balanced tree of additions: shorter carry chains than a linear sum.
  const unsigned w = width_of(a);
  std::vector<z3::expr> sums;
  for (unsigned i = 0; i < w; ++i) sums.push_back(zext(a.extract(i, i), w));
  while (sums.size() > 1) {
    std::vector<z3::expr> next;
    for (size_t i = 0; i + 1 < sums.size(); i += 2) next.push_back(sums[i] + sums[i + 1]);
    if (sums.size() % 2 != 0) next.push_back(sums.back());
    sums = std::move(next);
  }
  return sums[0];
}

z3::expr Terms::clz(const z3::expr& a) {
  const unsigned w = width_of(a);
  z3::expr result = context_.bv_val(w, w);
  for (unsigned i = 0; i < w; ++i) {
    result = z3::ite(a.extract(i, i) == bv(1, 1), context_.bv_val(w - 1 - i, w), result);
  }
  return result;
}

z3::expr Terms::ctz(const z3::expr& a) {
  const unsigned w = width_of(a);
  z3::expr result = context_.bv_val(w, w);
  for (unsigned i = w; i-- > 0;) result = z3::ite(a.extract(i, i) == bv(1, 1), context_.bv_val(i, w), result);
  return result;
}

z3::expr Terms::cls(const z3::expr& a) {
  const unsigned w = width_of(a);
  const z3::expr folded = a ^ z3::ashr(a, context_.bv_val(w - 1, w));
  return clz(folded) - context_.bv_val(1, w);
}

z3::expr Terms::bitrev(const z3::expr& a) {
  const unsigned w = width_of(a);
  if (w == 1) return a;
  z3::expr_vector parts(context_);
  for (unsigned i = 0; i < w; ++i) parts.push_back(a.extract(i, i));
  return z3::concat(parts);
}

z3::expr Terms::bswap(const z3::expr& a) {
  const unsigned w = width_of(a);
  if (w == 8) return a;
  z3::expr_vector parts(context_);
  for (unsigned i = 0; i < w; i += 8) parts.push_back(a.extract(i + 7, i));
  return z3::concat(parts);
}

z3::expr_vector translate(Terms& terms, const notation::Semantics& semantics,
                          const std::function<z3::expr(uint32_t)>& input,
                          const std::function<z3::expr(uint32_t, const z3::expr&)>& load) {
  z3::context& c = terms.context();
  z3::expr_vector out(c);
  for (const Node& n : semantics.nodes) {
    const auto a = [&] { return out[n.a]; };
    const auto b = [&] { return out[n.b]; };
    const unsigned w = n.width;
    std::optional<z3::expr> e;
    switch (n.op) {
      case Op::Input:
        e = input(n.aux);
        break;
      case Op::Constant: {
        const notation::Bits& bits = semantics.constants[n.aux];
        if (w == 0) {
          e = c.bool_val(!bits.is_zero());
        } else {
          std::optional<z3::expr> value;
          for (unsigned low = 0; low < w; low += 64) {
            const z3::expr word = c.bv_val(static_cast<uint64_t>(bits.words[low / 64]), std::min(64u, w - low));
            value = value ? z3::concat(word, *value) : word;
          }
          e = *value;
        }
        break;
      }
      case Op::Not:
        e = w == 0 ? !a() : ~a();
        break;
      case Op::Neg:
        e = -a();
        break;
      case Op::Clz:
        e = terms.clz(a());
        break;
      case Op::Ctz:
        e = terms.ctz(a());
        break;
      case Op::Cls:
        e = terms.cls(a());
        break;
      case Op::Popcnt:
        e = terms.popcnt(a());
        break;
      case Op::BitRev:
        e = terms.bitrev(a());
        break;
      case Op::BSwap:
        e = terms.bswap(a());
        break;
      case Op::Add:
        e = a() + b();
        break;
      case Op::Sub:
        e = a() - b();
        break;
      case Op::Mul:
        e = terms.mul(a(), b());
        break;
      case Op::UDiv:
        e = terms.udiv(a(), b());
        break;
      case Op::SDiv:
        e = terms.sdiv(a(), b());
        break;
      case Op::URem:
        e = terms.urem(a(), b());
        break;
      case Op::SRem:
        e = terms.srem(a(), b());
        break;
      case Op::And:
        e = w == 0 ? (a() && b()) : (a() & b());
        break;
      case Op::Or:
        e = w == 0 ? (a() || b()) : (a() | b());
        break;
      case Op::Xor:
        e = w == 0 ? (a() != b()) : (a() ^ b());
        break;
      case Op::Shl:
        e = z3::shl(a(), b());
        break;
      case Op::LShr:
        e = z3::lshr(a(), b());
        break;
      case Op::AShr:
        e = z3::ashr(a(), b());
        break;
      case Op::Rotl:
        e = terms.rotl(a(), b());
        break;
      case Op::Rotr:
        e = terms.rotr(a(), b());
        break;
      case Op::Eq:
        e = a() == b();
        break;
      case Op::Ult:
        e = z3::ult(a(), b());
        break;
      case Op::Ule:
        e = z3::ule(a(), b());
        break;
      case Op::Slt:
        e = z3::slt(a(), b());
        break;
      case Op::Sle:
        e = z3::sle(a(), b());
        break;
      case Op::If:
        e = z3::ite(a(), b(), out[n.c]);
        break;
      case Op::Slice:
        e = n.aux == 0 ? terms.low_bits(a(), w) : a().extract(n.aux + w - 1, n.aux);
        break;
      case Op::Concat:
        e = z3::concat(a(), b());
        break;
      case Op::ZExt:
        e = terms.zext(a(), w);
        break;
      case Op::SExt:
        e = terms.sext(a(), w);
        break;
      case Op::Load:
        e = load(n.aux, a());
        break;
      default: {
        std::vector<z3::expr> args;
        for (const notation::NodeId id : {n.a, n.b, n.c}) {
          if (id != notation::kNoNode) args.push_back(out[id]);
        }
        e = terms.float_operation(n, args);
      }
    }
    out.push_back(*e);
  }
  return out;
}

}  // namespace assay::verify
