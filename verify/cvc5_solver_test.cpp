// cvc5 reads each operator as Z3 does: the value that Z3 computes for it is the only one.
#include "verify/cvc5_solver.h"

#include <gtest/gtest.h>

#include <functional>

namespace assay::verify {
namespace {

using Verdict = Cvc5Answer::Verdict;

TEST(Cvc5, OperatorsMeanTheSame) {
  z3::context context;
  Terms terms(context);
  const z3::expr x = context.bv_const("x", 8), y = context.bv_const("y", 8);
  const auto bit = [&](const z3::expr& c) { return z3::ite(c, terms.bv(8, 1), terms.bv(8, 0)); };
  const std::pair<const char*, z3::expr> operators[] = {{"add", x + y},
                                                        {"sub", x - y},
                                                        {"mul", x * y},
                                                        {"neg", -x},
                                                        {"not", ~x},
                                                        {"and", x & y},
                                                        {"or", x | y},
                                                        {"xor", x ^ y},
                                                        {"udiv", z3::udiv(x, y)},
                                                        {"sdiv", x / y},
                                                        {"urem", z3::urem(x, y)},
                                                        {"srem", z3::srem(x, y)},
                                                        {"shl", z3::shl(x, y)},
                                                        {"lshr", z3::lshr(x, y)},
                                                        {"ashr", z3::ashr(x, y)},
                                                        {"ult", bit(z3::ult(x, y))},
                                                        {"ule", bit(z3::ule(x, y))},
                                                        {"ugt", bit(z3::ugt(x, y))},
                                                        {"uge", bit(z3::uge(x, y))},
                                                        {"slt", bit(z3::slt(x, y))},
                                                        {"sle", bit(z3::sle(x, y))},
                                                        {"sgt", bit(z3::sgt(x, y))},
                                                        {"sge", bit(z3::sge(x, y))},
                                                        {"eq", bit(x == y)},
                                                        {"ne", bit(x != y)},
                                                        {"implies", bit(z3::implies(x == y, z3::ult(x, y)))},
                                                        {"boolean xor", bit((x == y) != z3::ult(x, terms.bv(8, 9)))},
                                                        {"zext", z3::zext(x, 8).extract(11, 4)},
                                                        {"sext", z3::sext(x, 8).extract(11, 4)},
                                                        {"concat", z3::concat(x, y).extract(11, 4)},
                                                        {"rotl", terms.rotl(x, y)},
                                                        {"popcnt", terms.popcnt(x)},
                                                        {"clz", terms.clz(x)}};
  const std::pair<unsigned, unsigned> inputs[] = {{0x9c, 3}, {0x80, 0xff}, {7, 0}, {0x55, 0x55}, {0x13, 0x88}};
  for (const auto& [name, e] : operators) {
    for (const auto& [a, b] : inputs) {
      z3::expr_vector from(context), to(context);
      from.push_back(x);
      from.push_back(y);
      to.push_back(terms.bv(8, a));
      to.push_back(terms.bv(8, b));
      z3::expr copy = e;
      const z3::expr value = copy.substitute(from, to).simplify();
      ASSERT_TRUE(value.is_numeral()) << name;
      for (const z3::expr& term : {e, e.simplify()}) {
        const std::vector<z3::expr> given = {x == terms.bv(8, a), y == terms.bv(8, b)};
        auto wrong = given, right = given;
        wrong.push_back(term != value);
        right.push_back(term == value);
        EXPECT_EQ(ask_cvc5(wrong, Cvc5Strategy::BitVectors, 10'000).verdict, Verdict::Unsatisfiable)
            << name << " " << a << " " << b;
        EXPECT_EQ(ask_cvc5(right, Cvc5Strategy::BitVectors, 10'000).verdict, Verdict::Satisfiable)
            << name << " " << a << " " << b;
      }
    }
  }
}

TEST(Cvc5, FunctionsAreFunctions) {
  z3::context context;
  Terms terms(context);
  terms.set_mode(ArithmeticMode::Uninterpreted);
  const z3::expr a = context.bv_const("a", 64), b = context.bv_const("b", 64), c = context.bv_const("c", 64);
  const z3::expr ab = terms.udiv(a, b), ac = terms.udiv(a, c);
  EXPECT_EQ(ask_cvc5({b == c, ab != ac}, Cvc5Strategy::BitVectors, 10'000).verdict, Verdict::Unsatisfiable);
  EXPECT_EQ(ask_cvc5({ab != ac}, Cvc5Strategy::BitVectors, 10'000).verdict, Verdict::Satisfiable);
}

// What bit-blasting at 64 bits does not decide in seconds.
TEST(Cvc5, DividesAsIntegers) {
  z3::context context;
  const z3::expr a = context.bv_const("a", 64), b = context.bv_const("b", 64), zero = context.bv_val(0, 64);
  const z3::expr quotient = z3::udiv(a, b);
  EXPECT_EQ(ask_cvc5({b != zero, z3::urem(a, b) != a - quotient * b}, Cvc5Strategy::Integers, 20'000).verdict,
            Verdict::Unsatisfiable);
}

TEST(Cvc5, SaysWhatItCannotRead) {
  z3::context context;
  const z3::expr f = context.fpa_const("f", 8, 24);
  const Cvc5Answer answer = ask_cvc5({f < f}, Cvc5Strategy::BitVectors, 1'000);
  EXPECT_EQ(answer.verdict, Verdict::Unknown);
  EXPECT_NE(answer.reason, "");
}

}  // namespace
}  // namespace assay::verify
