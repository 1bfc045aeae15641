// The proof cache: verdicts outlive the program, keys are of the query's structure, wrong verdicts are noticed.
#include "verify/proof_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "verify/query_key.h"

namespace assay::verify {
namespace {

class ProofCacheFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("assay_cache_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + "_" +
               std::to_string(getpid()));
    path_ = folder_ / "deep" / "proofs.sqlite";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_, path_;
};

TEST_F(ProofCacheFile, VerdictsOutliveTheProgram) {
  const QueryKey proven{1, ~uint64_t(0)}, applies{2, 3};
  {
    auto cache = ProofCache::open(path_);
    ASSERT_TRUE(cache.has_value()) << cache.error().message;
    EXPECT_FALSE((*cache)->find(proven).has_value());
    (*cache)->add(proven, false, "iadd: i32", "z3 1", 0.5);
    (*cache)->add(applies, true, "iadd: i64", "z3 1", 0.5);
    EXPECT_EQ((*cache)->find(proven), std::optional(false));
    EXPECT_EQ((*cache)->error(), "");
  }
  auto cache = ProofCache::open(path_);
  ASSERT_TRUE(cache.has_value());
  EXPECT_EQ((*cache)->find(proven), std::optional(false));
  EXPECT_EQ((*cache)->find(applies), std::optional(true));
  EXPECT_FALSE((*cache)->find({3, 2}).has_value());
}

TEST_F(ProofCacheFile, TwoProgramsMayWrite) {
  auto first = ProofCache::open(path_), second = ProofCache::open(path_);
  ASSERT_TRUE(first.has_value() && second.has_value());
  (*first)->add({1, 1}, false, "a", "z3", 0);
  (*second)->add({2, 2}, false, "b", "z3", 0);
  EXPECT_EQ((*first)->error() + (*second)->error(), "");
  auto third = ProofCache::open(path_);
  EXPECT_TRUE((*third)->find({1, 1}) && (*third)->find({2, 2}));
}

TEST_F(ProofCacheFile, WhatIsNoCacheIsAnError) {
  std::filesystem::create_directories(path_.parent_path());
  std::ofstream(path_) << "this is a text, and long enough not to be taken for an empty database file of SQLite";
  const auto cache = ProofCache::open(path_);
  ASSERT_FALSE(cache.has_value());
  EXPECT_NE(cache.error().message.find("cannot use the proof cache"), std::string::npos);
  EXPECT_FALSE(ProofCache::open("/dev/null/proofs.sqlite").has_value());
}

TEST(QueryKey, IsOfTheStructure) {
  z3::context context;
  const z3::expr x = context.bv_const("x", 8), y = context.bv_const("y", 8), z = context.bv_const("z", 8);
  const auto key = [](const z3::expr& e) { return CanonicalQuery({e}).key("z3"); };
  // Operands that may be exchanged.
  EXPECT_EQ(key(x + y == z), key(z == y + x));
  EXPECT_EQ(CanonicalQuery({x == y, y == z}).key("z3"), CanonicalQuery({y == z, x == y}).key("z3"));
  // Everything else counts: order, operator, names, widths, numbers, parameters, the solver.
  const z3::expr others[] = {x - y == z,
                             y - x == z,
                             x + x == z,
                             (x & y) == z,
                             x + y == context.bv_val(1, 8),
                             x + y == context.bv_val(2, 8),
                             z3::ult(x, y),
                             z3::ult(y, x),
                             x.extract(3, 0) == context.bv_val(1, 4),
                             x.extract(4, 1) == context.bv_val(1, 4),
                             context.bv_const("x", 16) == context.bv_val(1, 16),
                             z3::sext(x, 8) == context.bv_val(1, 16),
                             z3::zext(x, 8) == context.bv_val(1, 16)};
  for (const z3::expr& a : others) {
    for (const z3::expr& b : others) EXPECT_EQ(key(a) == key(b), z3::eq(a, b)) << a << " and " << b;
  }
  EXPECT_NE(CanonicalQuery({x == y}).key("z3 1"), CanonicalQuery({x == y}).key("z3 2"));
  // Numbers that are floats, which are neither numbers to Z3's interface nor parameters.
  const z3::expr real = context.fpa_const("real", 8, 24);
  const z3::expr floats[] = {real == context.fpa_val(1.0f), real == context.fpa_val(-1.0f),
                             real == context.fpa_val(2.0f), real == context.fpa_nan(context.fpa_sort(8, 24)),
                             real == context.fpa_inf(context.fpa_sort(8, 24), false)};
  for (const z3::expr& a : floats) {
    for (const z3::expr& b : floats) EXPECT_EQ(key(a) == key(b), z3::eq(a, b)) << a << " and " << b;
  }
  // Nothing is known of functions.
  const z3::func_decl f = context.function("f", x.get_sort(), x.get_sort(), x.get_sort());
  EXPECT_NE(key(f(x, y) == z), key(f(y, x) == z));
}

}  // namespace
}  // namespace assay::verify
