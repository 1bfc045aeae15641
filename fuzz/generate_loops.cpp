// See function_generator.h. Here: small loops that count in ways that loops in programs seldom do.
#include <iterator>
#include <optional>

#include "fuzz/function_generator.h"

namespace assay::fuzz {

// A loop whose "counter" is the number less itself: on one side of the limit first, then on the other.
void FunctionGenerator::turned_loop() {
  static constexpr IntCC kFromAbove[] = {IntCC::kUgt, IntCC::kSgt}, kFromBelow[] = {IntCC::kUlt, IntCC::kSlt};
  const Type type = narrow_type();
  const bool is_above = random_.chance(60);
  const unsigned limit = random_.between(20, 27), below = random_.below(limit), above = limit + random_.between(1, 40);
  const Value starts[] = {constant_of(type, is_above ? above : below), pick(type)};
  const Block header = new_block(), body = new_block(), exit = new_block();
  jump(header, starts);
  const Scope scope = open();
  enter(header);
  const Value counter = f_.append_block_param(header, type), sum = f_.append_block_param(header, type);
  const Value stay = compare((is_above ? kFromAbove : kFromBelow)[random_.below(2)], counter, constant_of(type, limit));
  const Value leaving[] = {sum};
  const BlockCall calls[] = {f_.make_block_call(body), f_.make_block_call(exit, leaving)};
  branch(Opcode::kBrif, stay, calls);
  enter(body);
  const Value again[] = {binary(Opcode::kIsub, constant_of(type, above + below), counter),
                         binary(Opcode::kIadd, sum, counter)};
  jump(header, again);
  close(scope);
  enter(exit);
  add(f_.append_block_param(exit, type));
}

// A loop that counts by any step, or towards a limit that comes nearer, or is entered with different starts, or counts
// otherwise on one of two ways back. It ends: the counter meets its limit after some rounds, and no condition made here
// holds then; a limit that moves, or that steps may pass, is one that is not met from behind. Now and then every round
// goes through memory.
void FunctionGenerator::odd_loop() {
  enum Kind : uint8_t { kAnyStep, kMovingLimit, kTwoStarts, kTwoWaysBack };
  static constexpr IntCC kUp[] = {IntCC::kNe, IntCC::kUlt, IntCC::kSlt};
  static constexpr IntCC kDown[] = {IntCC::kNe, IntCC::kUgt, IntCC::kSgt};
  static constexpr Opcode kSums[] = {Opcode::kIadd, Opcode::kBxor, Opcode::kIsub, Opcode::kImul};
  const auto kind = static_cast<Kind>(random_.below(4));
  const Type type = narrow_type();
  const bool moves = kind == kMovingLimit || kind == kTwoWaysBack;
  const bool is_short = kind != kAnyStep || random_.chance(50);
  const bool is_back = kind == kAnyStep && is_short && random_.chance(40);
  // The counter is the condition, and the loop is left as soon as it is not 0: it runs once at most.
  const bool ends_at_once = kind == kAnyStep && is_short && random_.chance(15);
  const Bits length = ends_at_once ? 1 : is_short ? Bits(random_.between(1, 3)) : random_bits(random_, type.bits()) | 1;
  const Bits step = is_back ? 0 - length : length;
  const unsigned rounds = random_.between(1, 12);
  const Bits distance = moves ? Bits(rounds) : step * rounds;
  const Bits first = ends_at_once ? 0 - distance
                     : moves      ? Bits(20 + random_.below(8))
                                  : random_bits(random_, type.bits());
  const bool is_known = random_.chance(50);
  // About the least and the greatest numbers limits wrap.
  const auto at_edge = [&] {
    const Bits edge = (random_.chance(70) ? Bits(1) << (type.bits() - 1) : 0) - (random_.chance(40) ? 8 : 0);
    return binary(Opcode::kIadd, binary(Opcode::kBand, pick(type), constant_of(type, 7)), constant_of(type, edge));
  };
  const Value start = is_known             ? constant_of(type, first)
                      : moves              ? binary(Opcode::kBand, pick(type), constant_of(type, 15))
                      : random_.chance(30) ? at_edge()
                                           : pick(type);
  const Value least = moves && !is_known ? binary(Opcode::kIadd, start, constant_of(type, 16)) : start;
  const Value limit = is_known && random_.chance(60) ? constant_of(type, first + distance)
                                                     : binary(Opcode::kIadd, least, constant_of(type, distance));
  std::optional<Place> shared;
  MemFlags flags;
  if (random_.chance(40)) {
    shared = place(type.bytes());
    flags = mem_flags(*shared);
    // What is known before the loop no longer is in its second round.
    if (random_.chance(60)) {
      store(Opcode::kStore, type, flags, pick(type), shared->address, shared->offset);
    }
  }
  const Block header = new_block(), body = new_block(), exit = new_block();
  if (kind == kTwoStarts) {
    const Value earlier =
        is_known ? constant_of(type, first - step) : binary(Opcode::kIsub, start, constant_of(type, step));
    const Value one[] = {earlier, pick(type), limit}, other[] = {start, pick(type), limit};
    const BlockCall entries[] = {f_.make_block_call(header, one), f_.make_block_call(header, other)};
    branch(Opcode::kBrif, condition(), entries);
  } else {
    const Value only[] = {start, pick(type), limit};
    jump(header, only);
  }
  const Scope scope = open();
  enter(header);
  const Value counter = f_.append_block_param(header, type), sum = f_.append_block_param(header, type);
  const Value bound = f_.append_block_param(header, type);
  const IntCC stays =
      moves ? (random_.chance(50) ? IntCC::kSlt : IntCC::kUlt) : (is_back ? kDown : kUp)[random_.below(3)];
  const Value stay = compare(stays, counter, moves ? bound : limit);
  const Value leaving[] = {sum};
  BlockCall calls[] = {f_.make_block_call(body), f_.make_block_call(exit, leaving)};
  if (ends_at_once) std::swap(calls[0], calls[1]);
  branch(Opcode::kBrif, ends_at_once ? counter : stay, calls);
  enter(body);
  const Value next_sum = binary(kSums[random_.below(std::size(kSums))], sum, counter);
  Value shown = binary(Opcode::kIadd, next_sum, constant_of(type, 3));
  if (shared) {
    const Value before = emit1({.opcode = Opcode::kLoad,
                                .type = type,
                                .flags = flags,
                                .args = f_.make_values({&shared->address, 1}),
                                .imm = static_cast<uint64_t>(static_cast<int64_t>(shared->offset))});
    shown = binary(Opcode::kIadd, shown, before);
    const auto write = [&](Value v) { store(Opcode::kStore, type, flags, v, shared->address, shared->offset); };
    random_.chance(30) ? few_rounds([&] { write(shown); }) : write(shown);
  }
  const Value next = random_.chance(60) ? binary(Opcode::kIadd, counter, constant_of(type, step))
                                        : binary(Opcode::kIsub, counter, constant_of(type, 0 - step));
  const bool comes_nearer = kind == kMovingLimit;
  const Value nearer = comes_nearer ? binary(Opcode::kIsub, bound, constant_of(type, random_.below(3))) : bound;
  const Value again[] = {next, shown, nearer};
  if (kind == kTwoWaysBack) {
    const Value further = binary(Opcode::kIadd, counter, constant_of(type, step + 1 + random_.below(2)));
    const Value other[] = {further, binary(Opcode::kIadd, shown, constant_of(type, 5)), nearer};
    const BlockCall ways[] = {f_.make_block_call(header, again), f_.make_block_call(header, other)};
    const Value which = random_.chance(60) ? binary(Opcode::kBand, shown, constant_of(type, 1)) : condition();
    branch(Opcode::kBrif, which, ways);
  } else {
    jump(header, again);
  }
  close(scope);
  enter(exit);
  add(f_.append_block_param(exit, type));
}

// What `body` emits, up to three times.
void FunctionGenerator::few_rounds(const std::function<void()>& body) {
  const Value rounds = binary(Opcode::kBand, pick(kI32), constant_of(kI32, 3)), entry[] = {rounds};
  const Block header = new_block(), inside = new_block(), exit = new_block();
  jump(header, entry);
  enter(header);
  const Value left = f_.append_block_param(header, kI32);
  const BlockCall calls[] = {f_.make_block_call(inside), f_.make_block_call(exit)};
  branch(Opcode::kBrif, left, calls);
  enter(inside);
  body();
  const Value again[] = {binary(Opcode::kIsub, left, constant_of(kI32, 1))};
  jump(header, again);
  enter(exit);
}

}  // namespace assay::fuzz
