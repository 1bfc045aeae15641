// libFuzzer target: each pair of bytes is one move of a parallel set (destination, source; the top bit makes it a
// slot); the sequence must have the effect of all moves at once. Links assay_regalloc.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <vector>

#include "compiler/regalloc/parallel_move.h"

namespace {

using namespace assay::regalloc;

const PReg kScratch(RegClass::Gpr, 63);
const Location kSpare = Location::slot(200);

Location location_of(uint8_t byte) {
  return byte & 0x80 ? Location::slot(byte & 0x3f) : Location::reg(PReg(RegClass::Gpr, (byte & 0x3f) % 63));
}

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "moves_fuzzer: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::map<Location, Location> expected;
  std::vector<ParallelMove> moves;
  for (size_t i = 0; i + 1 < size; i += 2) {
    const Location to = location_of(data[i]);
    moves.push_back({expected.try_emplace(to, location_of(data[i + 1])).first->second, to});
  }
  static ParallelMoveResolver resolver;
  std::vector<ParallelMove> sequence;
  resolver.resolve(moves, kScratch, kSpare, sequence);

  std::map<Location, Location> contents;
  const auto read = [&](Location location) {
    const auto it = contents.find(location);
    return it == contents.end() ? location : it->second;
  };
  for (const ParallelMove& step : sequence) {
    require(!(step.from.is_slot() && step.to.is_slot()), "a move from slot to slot");
    const Location value = read(step.from);
    contents[step.to] = value;
  }
  for (const auto& [to, from] : expected) require(read(to) == from, "a destination has the wrong value");
  for (const auto& [location, value] : contents) {
    require(location == kSpare || location == Location::reg(kScratch) || expected.contains(location),
            "a location outside of the set was written");
  }
  return 0;
}
