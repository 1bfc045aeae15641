// See function_generator.h. Here: accesses that meet, so that what is known of memory must be forgotten in time.
#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <tuple>

#include "fuzz/function_generator.h"

namespace assay::fuzz {

namespace {

constexpr uint32_t kBytes = 24;  // that most accesses are to

}  // namespace

// Accesses of all widths to a few bytes, what one stores seen or covered by another, or by a callee. The address is one
// value, or made anew with another share of it in the displacement. Now and then one is in the other byte order, names
// no region, is as far away as displacements of few bits do not tell, is at a place that differs in its base only, is
// atomic, or is on one of two ways.
void FunctionGenerator::overlapping() {
  const bool has_far = random_.chance(30), has_ways = random_.chance(35), has_atomics = random_.chance(25);
  const uint32_t distance = has_far ? 256u << random_.below(3) : 0;
  const auto some_place = [&](uint32_t bytes) { return has_atomics ? aligned_place(bytes) : place(bytes); };
  std::array<Place, 2> places;  // the second is often the first
  places[0] = places[1] = some_place(kBytes + distance);
  if (random_.chance(30)) places[1] = some_place(kBytes);
  if (!has_far && !has_atomics && random_.chance(20)) alike_in_slots(kBytes, places);
  const std::array<MemFlags, 2> usual = {mem_flags(places[0]), mem_flags(places[1])};
  struct Spot {
    size_t place = 0;
    Value address;  // none: nothing was accessed
    int32_t offset = 0;
    uint32_t within = 0;  // the bytes
  };
  Spot spot;  // of the last access
  Type type;
  bool whole = true;
  uint32_t which = 0;  // of the narrower widths
  const auto around = [&](uint32_t bytes) -> Spot {
    if (!spot.address.is_none() && random_.chance(40) && spot.within + bytes <= kBytes) return spot;
    const size_t n = random_.chance(65) ? 0 : 1;
    const Place& at = places[n];
    const uint32_t within = random_.chance(50) ? 8 : random_.below(kBytes - bytes + 1);
    const int32_t offset = at.offset + static_cast<int32_t>(within);
    if (random_.chance(75)) return {n, at.address, offset, within};
    const uint64_t share = random_.below(9);
    const Value address = binary(Opcode::kIadd, at.address, constant_of(kI64, share));
    return {n, address, offset - static_cast<int32_t>(share), within};
  };
  const auto flags_now = [&] {
    MemFlags flags = usual[spot.place];
    if (random_.chance(12)) {
      const bool is_big = flags.endianness() == Endianness::kBig;
      flags = flags.with_endianness(is_big ? Endianness::kLittle : Endianness::kBig);
    }
    if (const AliasRegion region = places[spot.place].region; !region.is_none() && random_.chance(30)) {
      flags = flags.with_region(flags.region().is_none() ? region : AliasRegion());
    }
    return flags;
  };
  static constexpr Opcode kLoads[] = {Opcode::kUload8,  Opcode::kSload8,  Opcode::kUload16,
                                      Opcode::kSload16, Opcode::kUload32, Opcode::kSload32};
  static constexpr Opcode kStores[] = {Opcode::kIstore8, Opcode::kIstore16, Opcode::kIstore32};
  std::vector<Value> seen;
  // Of the same bytes as the last access, if those are aligned.
  const auto atomic_one = [&] {
    type = narrow_type();
    whole = true;
    which = 0;
    const uint32_t bytes = type.bytes();
    const bool is_again = !spot.address.is_none() && spot.within % bytes == 0 && spot.within + bytes <= kBytes;
    if (!is_again || random_.chance(30)) spot.within = random_.below(kBytes / bytes) * bytes;
    const Place& at = places[spot.place];
    spot.address = at.address;
    spot.offset = at.offset + static_cast<int32_t>(spot.within);
    const Value address = binary(Opcode::kIadd, at.address, constant_of(kI64, static_cast<uint64_t>(spot.offset)));
    seen.push_back(atomic_access(type, address, usual[spot.place]));
  };
  const auto access_one = [&](bool reads) {
    if (has_atomics && random_.chance(25)) return atomic_one();
    const bool is_again = !spot.address.is_none() && random_.chance(40);  // of just what the last was
    if (!is_again) {
      if (!type.is_valid() || random_.chance(50)) type = any_value_type();
      whole = random_.chance(60) || type.is_float() || type == kI128 || type == kI8;
      const auto narrower = static_cast<uint32_t>(std::countr_zero(type.bytes()));  // so many widths are
      which = whole ? 0 : random_.below(narrower);
    }
    const Value value = reads ? Value() : pick(type);
    if (!is_again) spot = around(whole ? type.bytes() : 1u << which);
    const bool is_far = has_far && spot.place == 0 && random_.chance(30);
    const int32_t offset = spot.offset + (is_far ? static_cast<int32_t>(distance) : 0);
    if (!reads) return store(whole ? Opcode::kStore : kStores[which], type, flags_now(), value, spot.address, offset);
    seen.push_back(emit1({.opcode = whole ? Opcode::kLoad : kLoads[2 * which + random_.below(2)],
                          .type = type,
                          .flags = flags_now(),
                          .args = f_.make_values({&spot.address, 1}),
                          .imm = static_cast<uint64_t>(static_cast<int64_t>(offset))}));
  };
  // Accesses on one of two ways, or different ones on both; what is read there is used there.
  const auto on_two_ways = [&] {
    const Block one = new_block(), join = new_block(), other = random_.chance(50) ? new_block() : join;
    const BlockCall calls[] = {f_.make_block_call(one), f_.make_block_call(other)};
    branch(Opcode::kBrif, condition(), calls);
    const auto before = std::tuple(spot, type, whole, which);
    for (const Block way : {one, other}) {
      if (way == join) continue;
      const Scope scope = open();
      const size_t seen_before = seen.size();
      enter(way);
      std::tie(spot, type, whole, which) = before;
      for (unsigned n = random_.between(1, 2); n != 0; --n) access_one(random_.chance(40));
      if (seen.size() > seen_before) {
        keep_in_memory(mix(std::vector<Value>(seen.begin() + static_cast<std::ptrdiff_t>(seen_before), seen.end())));
        seen.resize(seen_before);
      }
      jump(join);
      close(scope);
    }
    std::tie(spot, type, whole, which) = before;
    enter_join(join, {});
  };
  for (unsigned n = random_.between(3, 8); n != 0; --n) {
    access_one(random_.chance(50));
    if (random_.chance(10)) conditional_trap();
    if (!f_.functions.empty() && random_.chance(10)) call();
    if (has_ways && random_.chance(30)) on_two_ways();
  }
  for (Value v : seen) add(v);
}

void FunctionGenerator::memory_shape() {
  const unsigned what = random_.below(100);
  if (what < 25 && !f_.functions.empty()) {
    memory_across_call();
  } else if (what < 60) {
    overlapping();
  } else {
    odd_loop();
  }
}

// At the same number of two slots, if two have so many bytes.
void FunctionGenerator::alike_in_slots(uint32_t bytes, std::array<Place, 2>& places) {
  std::array<uint32_t, 2> slots;
  size_t found = 0;
  for (uint32_t slot = 0; slot < initialised_.size() && found < slots.size(); ++slot) {
    if (initialised_[slot].bytes >= bytes) slots[found++] = slot;
  }
  if (found < slots.size()) return;
  const uint32_t part = random_.below(std::min(initialised_[slots[0]].begin, initialised_[slots[1]].begin) + 1);
  for (size_t i = 0; i < slots.size(); ++i) {
    const Value address = emit1({.opcode = Opcode::kStackAddr, .type = kI64, .entity = slots[i], .imm = part});
    const auto offset = static_cast<int32_t>(initialised_[slots[i]].begin - part);
    places[i] = {address, offset, true, alias_region(program_.regions.size())};
  }
}

// In a region, for accesses of all widths.
FunctionGenerator::Place FunctionGenerator::aligned_place(uint32_t bytes) {
  constexpr uint32_t kUnit = 16;
  const uint32_t number = random_.below(static_cast<uint32_t>(program_.regions.size()));
  const oracles::RegionDirective& region = program_.regions[number];
  const uint32_t at = random_.below(static_cast<uint32_t>(region.size) - bytes) / kUnit * kUnit;
  return {opaque(constant_of(kI64, region.address + at)), 0, true, alias_region(number)};
}

}  // namespace assay::fuzz
