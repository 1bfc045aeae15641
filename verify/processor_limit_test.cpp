// A solver's limit is processor time: it does not get less on a busy machine.
#include "verify/processor_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "verify/prover.h"

namespace assay::verify {
namespace {

// No two numbers of half the bits have a prime as their product; to find out takes hours.
z3::expr hard(z3::context& context) {
  const z3::expr a = context.bv_const("a", 64), b = context.bv_const("b", 64);
  const z3::expr limit = context.bv_val(uint64_t{1} << 32, 64), one = context.bv_val(1, 64);
  return z3::ult(a, limit) && z3::ult(b, limit) && z3::ugt(a, one) && z3::ugt(b, one) &&
         a * b == context.bv_val(uint64_t{18446744073709551557u}, 64);
}

TEST(ProcessorLimit, OthersDoNotUseItUp) {
  std::atomic<bool> is_over = false;
  std::vector<std::thread> others;
  for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); ++i) {
    others.emplace_back([&] {
      while (!is_over) continue;
    });
  }
  z3::context context;
  z3::solver solver(context, "QF_BV");
  solver.add(hard(context));
  const double begin = thread_seconds();
  EXPECT_EQ(check_within(solver, 400), z3::unknown);
  const double used = thread_seconds() - begin;
  is_over = true;
  for (std::thread& other : others) other.join();
  EXPECT_GE(used, 0.4);
  EXPECT_LT(used, 4);
}

TEST(ProcessorLimit, TheContextGoesOn) {
  z3::context context;
  for (unsigned i = 0; i < 3; ++i) {
    z3::solver solver(context, "QF_BV");
    solver.add(hard(context));
    EXPECT_EQ(check_within(solver, 20), z3::unknown);
    z3::solver other = (z3::tactic(context, "simplify") & z3::tactic(context, "qfbv")).mk_solver();
    const z3::expr x = context.bv_const("x", 32);
    other.add(x + x == 6);
    EXPECT_EQ(check_within(other, 2000), z3::sat);
    z3::expr_vector assumed(context);
    assumed.push_back((x & 1) == 0);
    assumed.push_back(x < 4);
    assumed.push_back(x > 0);
    EXPECT_EQ(check_within(other, assumed, 2000), z3::unsat);
  }
}

TEST(ProcessorLimit, ManyAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<unsigned> given_up = 0;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      z3::context context;
      z3::solver solver(context, "QF_BV");
      solver.add(hard(context));
      given_up += check_within(solver, 30 + 40 * i) == z3::unknown;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(given_up, 4u);
}

}  // namespace
}  // namespace assay::verify
