// Numbers of rule chains: equal chains have one, suspended applications do not count, and too many have none.
#include "compiler/machine/rule_chains.h"

#include <gtest/gtest.h>

namespace assay::machine {
namespace {

using isle::RuleId;

TEST(RuleChains, EqualChainsAreOne) {
  RuleChains chains;
  std::vector<RuleChain> list;
  chains.begin(list, true);
  EXPECT_EQ(chains.current(), kNoRuleChain);
  uint16_t inner[2] = {}, outer[2] = {};
  for (int i = 0; i < 2; ++i) {
    chains.enter(RuleId(7));
    chains.enter(RuleId(9));
    inner[i] = chains.current();
    chains.leave();
    outer[i] = chains.current();
    chains.leave();
  }
  EXPECT_EQ(inner[0], inner[1]);
  EXPECT_EQ(outer[0], outer[1]);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[inner[0]], (RuleChain{RuleId(9), outer[0]}));
  EXPECT_EQ(list[outer[0]], (RuleChain{RuleId(7), kNoRuleChain}));
}

TEST(RuleChains, WhatIsSuspendedIsNotPartOfTheChain) {
  RuleChains chains;
  std::vector<RuleChain> list;
  chains.begin(list, true);
  chains.enter(RuleId(1));
  const size_t before = chains.suspend();
  EXPECT_EQ(chains.current(), kNoRuleChain);
  chains.enter(RuleId(2));
  EXPECT_EQ(list.at(chains.current()), (RuleChain{RuleId(2), kNoRuleChain}));
  chains.leave();
  chains.resume(before);
  EXPECT_EQ(list.at(chains.current()), (RuleChain{RuleId(1), kNoRuleChain}));
}

TEST(RuleChains, ManyAreFoundAgainAndTooManyHaveNone) {
  RuleChains chains;
  std::vector<RuleChain> list;
  chains.begin(list, true);
  for (int round = 0; round < 2; ++round) {
    for (uint32_t i = 0; i < 70'000; ++i) {
      chains.enter(RuleId(i));
      EXPECT_EQ(chains.current(), i < kNoRuleChain ? i : kNoRuleChain);
      chains.leave();
    }
  }
  EXPECT_EQ(list.size(), kNoRuleChain);
}

TEST(RuleChains, NobodyWatches) {
  RuleChains chains;
  std::vector<RuleChain> list;
  chains.begin(list, false);
  chains.enter(RuleId(1));
  EXPECT_EQ(chains.current(), kNoRuleChain);
  chains.leave();
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace assay::machine
