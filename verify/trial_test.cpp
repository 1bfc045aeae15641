// What trials find is checked by Z3's search, over random terms of all operators: where the graph says that conditions
// cannot hold, they cannot, and what is found to hold does.
#include "verify/trial.h"

#include <gtest/gtest.h>

#include <random>

namespace assay::verify {
namespace {

constexpr unsigned kWidth = 5;

class Random {
 public:
  Random(z3::context& context, uint64_t seed) : context_(context), random_(seed) {}

  z3::expr number(unsigned depth) {
    if (depth == 0) {
      if (random_() % 3 == 0) return context_.bv_val(static_cast<unsigned>(random_() % 32), kWidth);
      return context_.bv_const(std::string(1, static_cast<char>('a' + random_() % 3)).c_str(), kWidth);
    }
    const z3::expr x = number(depth - 1), y = number(depth - 1);
    switch (random_() % 26) {
      case 0:
        return x + y;
      case 1:
        return x - y;
      case 2:
        return x * y;
      case 3:
        return z3::udiv(x, y);
      case 4:
        return x / y;
      case 5:
        return z3::urem(x, y);
      case 6:
        return z3::srem(x, y);
      case 7:
        return x & y;
      case 8:
        return x | y;
      case 9:
        return x ^ y;
      case 10:
        return z3::shl(x, y);
      case 11:
        return z3::lshr(x, y);
      case 12:
        return z3::ashr(x, y);
      case 13:
        return ~x;
      case 14:
        return -x;
      case 15:
        return z3::ite(boolean(depth - 1), x, y);
      case 16:
        return z3::concat(x, y).extract(6, 2);
      case 17:
        return z3::concat(x, y).extract(kWidth - 1, 0);
      case 18:
        return z3::concat(x, y).extract(2 * kWidth - 1, kWidth);
      case 19:
        return z3::sext(x.extract(2, 0), 2);
      case 20:
        return z3::zext(x.extract(2, 0), 2);
      case 21:
        return z3::concat(x.extract(4, 3), x.extract(2, 0));
      case 22:
        return z3::concat(context_.bv_val(0, 2), x.extract(4, 2));
      case 23:
        return z3::zext(x, 3).extract(7, 3);
      case 24:
        return z3::expr(context_, Z3_mk_ext_rotate_left(context_, x, y));
      default:
        return z3::expr(context_, Z3_mk_ext_rotate_right(context_, x, y));
    }
  }

  z3::expr boolean(unsigned depth) {
    const z3::expr x = number(depth), y = number(depth);
    switch (random_() % 14) {
      case 0:
        return x == y;
      case 1:
        return x != y;
      case 2:
        return z3::ult(x, y);
      case 3:
        return z3::ule(x, y);
      case 4:
        return z3::ugt(x, y);
      case 5:
        return z3::uge(x, y);
      case 6:
        return z3::slt(x, y);
      case 7:
        return z3::sle(x, y);
      case 8:
        return z3::sgt(x, y);
      case 9:
        return z3::sge(x, y);
      case 10:
        return depth == 0 ? x == y : boolean(depth - 1) && boolean(depth - 1);
      case 11:
        return depth == 0 ? x == y : boolean(depth - 1) || !boolean(depth - 1);
      case 12:
        return depth == 0 ? x == y : z3::implies(boolean(depth - 1), boolean(depth - 1));
      default:
        return depth == 0 ? x == y : boolean(depth - 1) == boolean(depth - 1);
    }
  }

 private:
  z3::context& context_;
  std::mt19937_64 random_;
};

TEST(Trial, AgreesWithZ3) {
  unsigned found = 0, impossible = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    z3::context context;
    Random random(context, seed);
    const std::vector<z3::expr> conditions = {random.boolean(2), random.boolean(1)};
    Trial trial(conditions);
    z3::solver solver(context, "QF_BV");
    for (const z3::expr& e : conditions) solver.add(e);
    if (trial.is_impossible()) {
      ++impossible;
      EXPECT_EQ(solver.check(), z3::unsat) << seed;
    } else if (const auto equations = trial.find(1000)) {
      ++found;
      for (const z3::expr& e : *equations) solver.add(e);
      EXPECT_EQ(solver.check(), z3::sat) << seed;
    } else {
      EXPECT_EQ(solver.check(), z3::unsat)
          << seed;  // three variables of five bits: a thousand tries find what there is
    }
  }
  EXPECT_GT(found, 200u);
  EXPECT_GT(impossible, 5u);
}

TEST(Trial, OrderOfOperandsDoesNotMatter) {
  z3::context context;
  const z3::expr x = context.bv_const("x", 64), y = context.bv_const("y", 64), z = context.bv_const("z", 64);
  EXPECT_TRUE(Trial({((x & y) | z) * (y + x) != (x + y) * (z | (y & x))}).is_impossible());
  EXPECT_FALSE(Trial({x - y != y - x}).is_impossible());
}

TEST(Trial, WideNumbers) {
  z3::context context;
  const z3::expr x = context.bv_const("x", 128);
  const z3::expr big = context.bv_val("200000000000000000000000000", 128);
  const auto found = Trial({x == big}).find();
  ASSERT_TRUE(found);
  EXPECT_TRUE(z3::eq((*found)[0].arg(1).simplify(), big));
}

TEST(Trial, TwoInputs) {
  z3::context context;
  const z3::expr x = context.bv_const("x", 8), y = context.bv_const("y", 8);
  EXPECT_TRUE(Trial({z3::ult(x, context.bv_val(2, 8))}, {x}).has_two());
  EXPECT_FALSE(Trial({x == context.bv_val(2, 8)}, {x}).has_two());
  EXPECT_FALSE(Trial({x == context.bv_val(2, 8), y == y}, {x}).has_two());
  EXPECT_TRUE(Trial({x == context.bv_val(2, 8), z3::ugt(y, x)}, {y}).has_two());
}

TEST(Trial, FunctionsAreNotTried) {
  z3::context context;
  const z3::expr x = context.bv_const("x", 8);
  const z3::func_decl f = context.function("f", x.get_sort(), x.get_sort());
  EXPECT_FALSE(Trial({f(x) == x}).find());
}

}  // namespace
}  // namespace assay::verify
