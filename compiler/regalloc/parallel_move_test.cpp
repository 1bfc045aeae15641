// Parallel moves: every assignment of sources to up to four locations, registers and slots mixed; random ones beyond.
#include "compiler/regalloc/parallel_move.h"

#include <gtest/gtest.h>

#include <map>

#include "compiler/regalloc/random_vcode.h"

namespace assay::regalloc {
namespace {

const PReg kScratch(RegClass::Gpr, 40);
const Location kSpare = Location::slot(1000);

void expect_equivalent(const std::vector<ParallelMove>& moves, ParallelMoveResolver& resolver) {
  std::vector<ParallelMove> sequence;
  const bool used_spare = resolver.resolve(moves, kScratch, kSpare, sequence);
  std::map<Location, Location> contents;  // location -> whose original value it holds
  const auto read = [&](Location location) {
    const auto it = contents.find(location);
    return it == contents.end() ? location : it->second;
  };
  bool touches_spare = false;
  for (const ParallelMove& step : sequence) {
    ASSERT_FALSE(step.from.is_slot() && step.to.is_slot());
    ASSERT_NE(step.from, step.to);
    touches_spare |= step.to == kSpare;
    contents[step.to] = read(step.from);
  }
  ASSERT_EQ(used_spare, touches_spare);
  std::map<Location, Location> expected;
  for (const ParallelMove& move : moves) expected[move.to] = move.from;
  for (const auto& [to, from] : expected) ASSERT_EQ(read(to), from);
  for (const auto& [location, value] : contents) {
    if (location == kSpare || location == Location::reg(kScratch)) continue;
    ASSERT_TRUE(expected.count(location)) << "a location outside was written";
  }
  ASSERT_LE(sequence.size(), moves.size() * 2 + 4 * (moves.size() / 2));
}

TEST(ParallelMove, AllAssignmentsOfUpToFourLocations) {
  ParallelMoveResolver resolver;
  uint32_t tried = 0;
  for (uint32_t n = 1; n <= 4; ++n) {
    for (uint32_t slots = 0; slots < (1u << n); ++slots) {  // which of the locations are slots
      const auto location = [&](uint32_t i) {
        return slots >> i & 1 ? Location::slot(i) : Location::reg(PReg(RegClass::Gpr, i));
      };
      // For each location: n means no move to it, otherwise the source.
      uint32_t assignments = 1;
      for (uint32_t i = 0; i < n; ++i) assignments *= n + 1;
      for (uint32_t code = 0; code < assignments; ++code) {
        std::vector<ParallelMove> moves;
        for (uint32_t i = 0, rest = code; i < n; ++i, rest /= n + 1) {
          if (rest % (n + 1) != n) moves.push_back({location(rest % (n + 1)), location(i)});
        }
        expect_equivalent(moves, resolver);
        if (HasFatalFailure()) return;
        ++tried;
      }
    }
  }
  EXPECT_EQ(tried, 2u * 2 + 4 * 9 + 8 * 64 + 16 * 625);
}

TEST(ParallelMove, RandomSets) {
  ParallelMoveResolver resolver;
  for (uint64_t seed = 0; seed < 20000; ++seed) {
    RandomSource random(seed);
    const uint32_t n = 2 + random.below(40);
    const uint32_t slot_percent = random.below(101);
    std::vector<Location> locations;
    for (uint32_t i = 0; i < n; ++i) {
      locations.push_back(random.chance(slot_percent) ? Location::slot(i) : Location::reg(PReg(RegClass::Gpr, i % 39)));
    }
    std::map<Location, Location> sources;
    std::vector<ParallelMove> moves;
    for (uint32_t i = 0; i < n; ++i) {
      // Permutation-like: cycles are frequent.
      const Location from = random.chance(80) ? locations[(i + 1 + random.below(2)) % n] : locations[random.below(n)];
      const Location to = locations[i];
      const auto [it, is_new] = sources.try_emplace(to, from);
      if (is_new || random.chance(50)) moves.push_back({it->second, to});
    }
    expect_equivalent(moves, resolver);
    if (HasFatalFailure()) return;
  }
}

TEST(ParallelMove, ACycleOfSlotsNeedsTheSpareSlot) {
  ParallelMoveResolver resolver;
  std::vector<ParallelMove> sequence;
  const Location a = Location::slot(0), b = Location::slot(1), r = Location::reg(PReg(RegClass::Gpr, 3));
  EXPECT_TRUE(resolver.resolve(std::vector<ParallelMove>{{a, b}, {b, a}}, kScratch, kSpare, sequence));
  sequence.clear();
  // One slot-to-slot move in a cycle with a register: the scratch register is enough.
  EXPECT_FALSE(resolver.resolve(std::vector<ParallelMove>{{a, b}, {b, r}, {r, a}}, kScratch, kSpare, sequence));
  sequence.clear();
  EXPECT_FALSE(resolver.resolve(std::vector<ParallelMove>{{r, r}, {a, a}}, kScratch, kSpare, sequence));
  EXPECT_TRUE(sequence.empty());
}

}  // namespace
}  // namespace assay::regalloc
