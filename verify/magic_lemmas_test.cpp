// The lemmas of compiler/opt/magic.h, on which division by constants rests, proven for all widths, divisors and
// dividends at once: over the integers, in the steps that a proof on paper has.
//
//   W > x bounds the dividend, K = 2^p / W, P = 2^p = K*W, m*d = P + e, x = q*d + r with 0 <= r < d: q is floor(x / d),
//   M = m*x. For a negative dividend -x, rounded towards zero: floor(-M / P) + 1 = -q.
#include <gtest/gtest.h>
#include <z3++.h>

#include <vector>

namespace assay::verify {
namespace {

struct Integers {
  z3::context c;
  z3::expr W = c.int_const("W"), K = c.int_const("K"), P = c.int_const("P"), e = c.int_const("e"), x = c.int_const("x");
  z3::expr E = c.int_const("E"), M = c.int_const("M"), m = c.int_const("m"), d = c.int_const("d"), q = c.int_const("q");
  z3::expr r = c.int_const("r");

  z3::check_result can_hold(const std::vector<z3::expr>& facts) {
    z3::solver solver(c, "QF_NIA");
    z3::params params(c);
    params.set("timeout", 30'000u);
    solver.set(params);
    for (const z3::expr& fact : facts) solver.add(fact);
    return solver.check();
  }
  void prove(std::vector<z3::expr> facts, const z3::expr& claim) {
    EXPECT_EQ(can_hold(facts), z3::sat) << "facts that contradict each other prove anything";
    facts.push_back(!claim);
    EXPECT_EQ(can_hold(facts), z3::unsat) << claim;
  }
};

TEST(MagicLemmas, TheErrorStaysBelowThePower) {
  Integers i;
  i.prove({i.W > 0, i.K > 0, i.e >= 0, i.e <= i.K, i.x >= 0, i.x < i.W}, i.e * i.x < i.K * i.W);
  i.prove({i.W > 0, i.K > 0, i.e > 0, i.e <= i.K, i.x > 0, i.x <= i.W}, i.e * i.x > 0 && i.e * i.x <= i.K * i.W);
}

TEST(MagicLemmas, TheProductIsTheQuotientAndARest) {
  Integers i;
  // An identity of polynomials, with P written as m*d - e: sums of monomials tell without a search.
  const z3::expr x = i.q * i.d + i.r, P = i.m * i.d - i.e;
  const z3::expr difference = i.d * (i.m * x) - (P * i.q * i.d + P * i.r + i.e * x);
  z3::params sums(i.c);
  sums.set("som", true);
  EXPECT_TRUE(difference.simplify(sums).is_numeral()) << difference.simplify(sums);
  EXPECT_TRUE((difference.simplify(sums) == 0).simplify().is_true());
  EXPECT_FALSE((difference + i.r).simplify(sums).is_numeral()) << "anything would do";
}

// x = q*d + r, |r| < |d|, r with the sign of x: that is what a quotient rounded towards zero is, and -q is one of -d.
TEST(MagicLemmas, TheOtherDivisorGivesTheOtherQuotient) {
  Integers i;
  z3::params sums(i.c);
  sums.set("som", true);
  EXPECT_TRUE((i.q * i.d + i.r - ((-i.q) * (-i.d) + i.r)).simplify(sums).is_numeral());
  EXPECT_FALSE((i.q * i.d + i.r - (i.q * (-i.d) + i.r)).simplify(sums).is_numeral()) << "anything would do";
  const z3::expr size = z3::ite(i.d < 0, -i.d, i.d), other = z3::ite(-i.d < 0, i.d, -i.d);
  i.prove({i.d != 0, i.r > -size, i.r < size}, i.r > -other && i.r < other);
}

TEST(MagicLemmas, ItsHighPartIsTheQuotient) {
  Integers i;
  const std::vector<z3::expr> product = {i.d > 0, i.P > 0, i.r >= 0, i.r < i.d,
                                         i.d * i.M == i.P * i.q * i.d + i.P * i.r + i.E};
  std::vector<z3::expr> facts = product;
  facts.push_back(i.E >= 0 && i.E < i.P);
  i.prove(facts, i.P * i.q <= i.M && i.M < i.P * (i.q + 1));
  // Of a negative dividend: floor(-M / P) = -(q + 1).
  facts = product;
  facts.push_back(i.E > 0 && i.E <= i.P);
  i.prove(facts, i.P * i.q < i.M && i.M <= i.P * (i.q + 1));
  // With an error that may be as large as the power, or 0 below zero, it is not.
  facts.back() = i.E >= 0 && i.E <= i.P;
  EXPECT_NE(i.can_hold({facts[0], facts[1], facts[2], facts[3], facts[4], facts[5], i.M >= i.P * (i.q + 1)}),
            z3::unsat);
}

}  // namespace
}  // namespace assay::verify
