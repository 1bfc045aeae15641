// What steering.h promises: weights follow what was told; programs are tilted; more that is rare is reached.
#include "fuzz/steering.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "compiler/ir/verifier.h"
#include "fuzz/coverage.h"
#include "fuzz/repair.h"

namespace assay::fuzz {
namespace {

using ir::Opcode;

TEST(Steering, WhatBroughtSomethingNewIsChosenMore) {
  Steering steering;
  Random random(1);
  uint32_t next = 0;
  const auto count = [&] {
    unsigned chosen = 0;
    for (unsigned i = 0; i < 2000; ++i) {
      const Tilt tilt = steering.choose(random);
      chosen += tilt.is_set() && tilt.operation == Opcode::kBswap && tilt.type == ir::kI32;
    }
    return chosen;
  };
  const unsigned before = count();
  for (unsigned i = 0; i < 3000; ++i) {
    const Tilt tilt = steering.choose(random);
    std::vector<uint32_t> features = {1, 2, 3};
    if (tilt.is_set() && tilt.operation == Opcode::kBswap && tilt.type == ir::kI32) features.push_back(1000 + next++);
    steering.learn(tilt, features);
  }
  EXPECT_GT(count(), 4 * before + 20);
}

TEST(Steering, WhatIsWantedIsChosenMore) {
  Steering steering;
  steering.want(Opcode::kUmulhi, ir::kI16, 200);
  Random random(1);
  std::map<std::string, unsigned> chosen;
  for (unsigned i = 0; i < 1000; ++i) ++chosen[to_string(steering.choose(random))];
  unsigned wanted = 0;
  for (const auto& [name, count] : chosen) wanted += name.starts_with("umulhi.i16 ") ? count : 0;
  EXPECT_GT(wanted, 200u);
}

TEST(Steering, EveryTiltMakesValidProgramsFullOfIt) {
  Random random(3);
  for (const Opcode operation : tilt_operations()) {
    for (const ir::Type type : {ir::kI8, ir::kI16, ir::kI32, ir::kI64}) {
      if (!has_type(operation, type)) continue;
      unsigned count = 0;
      for (unsigned n = 0; n < 3; ++n) {
        const Case test = generate_case(random, {.tilt = {operation, type, Opcode::kIadd}});
        for (const ir::Function& f : test.functions) {
          ASSERT_TRUE(ir::verify(f).empty()) << render(ir::verify(f)[0]);
          for (ir::Block block : f.blocks()) {
            for (ir::Inst inst : f.insts(block)) count += f.inst(inst).opcode == operation && f.inst(inst).type == type;
          }
        }
      }
      EXPECT_GE(count, 2u) << to_string(Tilt{operation, type, Opcode::kIadd});
    }
  }
}

// Rules at types that are reached with so many programs; compiled only.
size_t reached(bool steered, uint64_t seed, unsigned programs) {
  oracles::Harness harness({.opt_levels = {machine::OptLevel::Speed},
                            .unicorn = false,
                            .native = false,
                            .check_allocation = false,
                            .verify_machine = false,
                            .fuel = 10});
  Steering steering;
  std::set<uint32_t> features;
  for (unsigned n = 0; n < programs; ++n) {
    Random random(seed * 1000003 + n);
    const Tilt tilt = steered ? steering.choose(random) : Tilt{};
    const Case test = generate_case(random, {.max_functions = 1, .max_instructions = 12, .inputs = 1, .tilt = tilt});
    std::vector<oracles::Finding> findings;
    check_case(harness, test, findings);
    std::vector<FeatureCount> all;
    take_features(harness, test, all);
    std::vector<uint32_t> now;
    for (const FeatureCount& feature : all) {
      if (feature.feature.kind() == FeatureKind::Rule) now.push_back(feature.feature.bits());
    }
    steering.learn(tilt, now);
    features.insert(now.begin(), now.end());
  }
  return features.size();
}

TEST(Steering, ReachesMoreRulesAtTypes) {
  size_t with = 0, without = 0;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    with += reached(true, seed, 300);
    without += reached(false, seed, 300);
  }
  RecordProperty("with", static_cast<int>(with));
  RecordProperty("without", static_cast<int>(without));
  std::printf("rules at types reached by 300 small programs, three times: %zu with steering, %zu without\n", with,
              without);
  EXPECT_GT(with, without);
}

}  // namespace
}  // namespace assay::fuzz
