// The allocator's second phase: pieces of live ranges, in the order of their starts, get registers.
//
// At most one piece sits in a register at a time (pieces have no holes, so there is no set of inactive ones), which
// makes a step cost at most the number of registers. A piece takes, in this order:
//   1. a register free to its end, hinted ones first;
//   2. a register free for a part that has uses; the rest is cut off and comes back later. But if that costs more than
//      evicting a piece from a register it could stay in to its end, that;
//   3. if it must have a register, or is worth more than what sits in one, the register of the piece
//      cheapest to evict: that piece's rest goes to its slot up to its next use, outside of loops it is not in now;
//   4. its slot, up to its next use.
// The cost of evicting is the frequency of the reload it causes, over the distance to it. With
// AllocateOptions::choice_seed costs, the order of registers and whether hints are heeded are random: the result is
// worse, and as right.
#include <algorithm>

#include "compiler/regalloc/state.h"

namespace assay::regalloc {

namespace {

constexpr uint64_t kLaterBit = uint64_t(1) << 31;

double frequency(uint32_t depth) {
  static constexpr double kPowers[] = {1, 8, 64, 512, 4096, 32768, 262144};
  return kPowers[std::min<uint32_t>(depth, 6)];
}

class Scan {
 public:
  explicit Scan(AllocatorState& state) : s_(state) {}

  Expected<void> run() {
    for (unsigned c = 0; c < machine::kRegClasses; ++c) {
      const auto& all = s_.env->allocatable[c];
      const size_t count = s_.max_registers == 0 ? all.size() : std::min<size_t>(all.size(), s_.max_registers);
      order_[c] = std::span(all).first(count);
      if (s_.choices.active() && count != 0) {
        shuffled_[c].assign(all.begin(), all.end());
        s_.choices.shuffle(std::span(shuffled_[c]));
        order_[c] = std::span(shuffled_[c]).first(count);
      }
      for (PReg reg : order_[c]) allowed_.add(reg);
    }
    for (uint8_t reg : s_.reserved_used) ahead_[reg] = static_cast<uint32_t>(s_.reserved[reg].size());

    for (Value& value : s_.values) value.use_cursor = value.first_use;
    s_.queue.clear();
    s_.heap.clear();
    if (s_.pieces.size() >= kLaterBit) return fail("the function is too large for the register allocator");
    for (uint32_t p = 0; p < s_.pieces.size(); ++p) s_.queue.push_back(key(p));
    std::sort(s_.queue.begin(), s_.queue.end());
    size_t next = 0;
    while (next < s_.queue.size() || !s_.heap.empty()) {
      uint64_t item;
      if (s_.heap.empty() || (next < s_.queue.size() && s_.queue[next] < s_.heap.front())) {
        item = s_.queue[next++];
      } else {
        std::pop_heap(s_.heap.begin(), s_.heap.end(), std::greater<>());
        item = s_.heap.back();
        s_.heap.pop_back();
      }
      process(static_cast<uint32_t>(item & (kLaterBit - 1)));
      if (failed_at_ != kNone) {
        return fail(instruction_place(s_.inst_at(failed_at_)), "the instruction needs more registers than there are");
      }
      if (s_.pieces.size() >= kLaterBit) return fail("the function is too large for the register allocator");
    }
    return {};
  }

 private:
  // Pieces are processed by start; at one start, the strict ones come last, when the places of what they may be tied to
  // are known. They have less choice than the others, whom they may displace.
  uint64_t key(uint32_t p) const {
    return uint64_t(s_.pieces[p].from) << 32 | (s_.pieces[p].strict ? kLaterBit : 0) | p;
  }

  // Whether the value must be in a register at the start of the piece, and if so up to where.
  struct Need {
    bool now = false;
    uint32_t until = 0;
  };
  Need need_at_start(const Piece& piece) {
    Need need;
    if (piece.must_until != 0) need = {true, piece.must_until};
    for (uint32_t u = next_must(piece.value, piece.from);
         u != kNone && s_.uses[u].earliest <= piece.from && s_.uses[u].position < piece.to; u = following_must(u)) {
      need.now = true;
      need.until = std::max(need.until, s_.uses[u].position + 1);
    }
    return need;
  }

  // The cursor follows the scan, which never goes back.
  uint32_t next_use(uint32_t v, uint32_t position) {
    Value& value = s_.values[v];
    while (value.use_cursor != kNone && s_.uses[value.use_cursor].position < position) {
      value.last_use = s_.uses[value.use_cursor].position;
      value.use_cursor = s_.uses[value.use_cursor].next;
    }
    return value.use_cursor;
  }
  uint32_t next_must(uint32_t v, uint32_t position) {
    const uint32_t u = next_use(v, position);
    return u == kNone ? kNone : s_.uses[u].next_must;
  }
  uint32_t following_must(uint32_t u) const {
    const uint32_t next = s_.uses[u].next;
    return next == kNone ? kNone : s_.uses[next].next_must;
  }
  // The first use at or after a position that may lie ahead of the scan, from a use known to be near.
  bool has_use_before(uint32_t u, uint32_t from, uint32_t limit) const {
    while (u != kNone && s_.uses[u].position < from) u = s_.uses[u].next;
    return u != kNone && s_.uses[u].position < limit;
  }

  // The first position in [from, limit) where the register is reserved for somebody else, or kNone.
  uint32_t next_reservation(PReg reg, uint32_t v, uint32_t from, uint32_t limit) {
    const auto& list = s_.reserved[reg.code];
    if (list.empty()) return kNone;
    uint32_t& ahead = ahead_[reg.code];
    while (ahead > 0 && list[ahead - 1].position < from) --ahead;
    for (uint32_t i = ahead; i > 0 && list[i - 1].position < limit; --i) {
      if (list[i - 1].owner != v) return list[i - 1].position;
    }
    return kNone;
  }

  void expire(unsigned c, uint32_t position) {
    for (uint64_t bits = busy_[c]; bits != 0; bits &= bits - 1) {
      const unsigned number = static_cast<unsigned>(__builtin_ctzll(bits));
      if (s_.pieces[occupant_[c * 64 + number]].to <= position) busy_[c] &= ~(uint64_t(1) << number);
    }
  }
  bool is_busy(PReg reg) const { return (busy_[reg.code >> 6] >> reg.number()) & 1; }

  void process(uint32_t p) {
    const Piece piece = s_.pieces[p];
    const uint32_t v = piece.value;
    const unsigned c = unsigned(s_.values[v].reg_class);
    const uint32_t first = next_use(v, piece.from);
    const Need need = need_at_start(piece);
    expire(c, piece.from);

    const bool at_def = p == s_.values[v].def_piece;
    const bool misplaced = !at_def && !s_.is_gap(piece.from);
    if (need.now && misplaced) {
      failed_at_ = piece.from;
      return;
    }
    if (!need.now) {
      const bool comes_from_memory = !at_def && !piece.is_reload && s_.values[v].in_memory;
      if (misplaced || comes_from_memory) return to_memory(p);
    }

    const bool heeds_hints = !s_.choices.active() || !s_.choices.one_in(4);
    if (PReg hint = heeds_hints ? free_hint(p, piece) : PReg(); hint) return assign(p, hint);
    PReg best;
    uint32_t best_until = 0;
    for (PReg reg : order_[c]) {
      if (is_busy(reg)) continue;
      const uint32_t until = next_reservation(reg, v, piece.from, piece.to);
      if (until == kNone) return assign(p, reg);
      if (until > best_until) {
        best_until = until;
        best = reg;
      }
    }
    const uint32_t needed = need.now ? need.until : piece.from + 1;
    if (best && best_until >= needed && (need.now || has_use_before(first, piece.from, best_until))) {
      if (evict_instead(p, best_until)) return;
      // Staying where it is saves a move, if that is as good.
      const PReg last = s_.values[v].last_register;
      if (last && last != best && allowed_.contains(last) && !is_busy(last) &&
          next_reservation(last, v, piece.from, piece.to) == best_until) {
        best = last;
      }
      return assign_part(p, best, best_until, need, first);
    }
    evict_for(p, need, first);
  }

  PReg free_hint(uint32_t p, const Piece& piece) {
    const Value& value = s_.values[piece.value];
    const bool at_def = p == value.def_piece;
    PReg hints[6];
    unsigned count = 0;
    if (at_def) {
      if (value.def_kind == DefKind::Fixed) hints[count++] = value.fixed_def;
      if (value.tied_to != kNone) hints[count++] = s_.values[value.tied_to].last_register;
    }
    hints[count++] = value.last_register;  // at the def, too: blocks before it in the code may have seen the value
    hints[count++] = value.preferred;
    if (value.partner != kNone) hints[count++] = s_.values[value.partner].last_register;
    hints[count++] = s_.values[s_.find_group(piece.value)].group_register;
    for (unsigned i = 0; i < count; ++i) {
      const PReg hint = hints[i];
      if (hint && allowed_.contains(hint) && !is_busy(hint) &&
          next_reservation(hint, piece.value, piece.from, piece.to) == kNone) {
        return hint;
      }
    }
    return {};
  }

  void assign(uint32_t p, PReg reg) {
    Piece& piece = s_.pieces[p];
    Value& value = s_.values[piece.value];
    piece.reg = reg;
    value.last_register = reg;
    value.in_memory = false;
    s_.values[s_.find_group(piece.value)].group_register = reg;
    occupant_[reg.code] = p;
    busy_[reg.code >> 6] |= uint64_t(1) << reg.number();
  }

  // Assigns the part of the piece before `until`, and cuts off the rest.
  void assign_part(uint32_t p, PReg reg, uint32_t until, Need need, uint32_t first) {
    const uint32_t from = s_.pieces[p].from;
    const uint32_t least = need.now ? need.until : from + 1;
    uint32_t cut = s_.gap_at(until);
    if (cut < least) cut = until;
    // Nothing reads it before it must leave: no reason to keep the register.
    if (need.now && !has_use_before(first, least, until)) cut = least;
    assign(p, reg);
    push(cut_at(p, cut));
  }

  uint32_t cut_at(uint32_t p, uint32_t position) {
    Piece rest = s_.pieces[p];
    assert(rest.from < position && position < rest.to);
    rest.from = position;
    rest.must_until = 0;
    rest.strict = rest.is_reload = false;
    rest.reg = PReg();
    const uint32_t index = static_cast<uint32_t>(s_.pieces.size());
    s_.pieces[p].to = position;
    s_.pieces[p].next = index;
    s_.pieces.push_back(rest);
    ++s_.result->splits;
    return index;
  }

  void push(uint32_t p) {
    s_.heap.push_back(key(p));
    std::push_heap(s_.heap.begin(), s_.heap.end(), std::greater<>());
  }

  // Puts a piece that needs no register at its start into the slot, up to its next use that does.
  void to_memory(uint32_t p) {
    Piece& piece = s_.pieces[p];
    Value& value = s_.values[piece.value];
    value.spilled = true;
    value.in_memory = true;
    piece.reg = PReg();
    const uint32_t u = next_must(piece.value, piece.from);
    if (u == kNone || s_.uses[u].position >= piece.to) return;
    uint32_t reload = s_.uses[u].earliest;
    if (reload <= piece.from) {
      failed_at_ = piece.from;
      return;
    }
    for (uint32_t loop = s_.innermost_loop(reload); loop != kNone && s_.loops[loop].start > piece.from;
         loop = s_.loops[loop].parent) {
      reload = s_.loops[loop].start;
    }
    const uint32_t rest = cut_at(p, reload);
    s_.pieces[rest].is_reload = true;
    push(rest);
  }

  // How much it costs to have the value in memory from `position` on, per position gained. The piece is active there,
  // or will be.
  double cost(uint32_t p, uint32_t position) {
    if (s_.choices.active()) return s_.choices.below(1000);
    const Piece& piece = s_.pieces[p];
    const Value& value = s_.values[piece.value];
    uint32_t last = value.last_use;
    uint32_t u = value.use_cursor;
    for (; u != kNone && s_.uses[u].position < position; u = s_.uses[u].next) last = s_.uses[u].position;
    uint32_t target = u != kNone && s_.uses[u].position < piece.to ? s_.uses[u].position : piece.to;
    double price = 0;
    const uint32_t here = s_.innermost_loop(position);
    if (here != kNone && target >= s_.loops[here].end && last != kNone && last >= s_.loops[here].start) {
      target = s_.loops[here].end;  // the next iteration needs it
      price = frequency(s_.loops[here].depth);
    } else {
      uint32_t loop = s_.innermost_loop(std::min(target, s_.block_end(s_.block_tail.size() - 1) - 1));
      while (loop != kNone && s_.loops[loop].start > position) loop = s_.loops[loop].parent;
      price = frequency(loop == kNone ? 0 : s_.loops[loop].depth);
    }
    if (!value.spilled) {
      const uint32_t loop = s_.innermost_loop(value.def_position);
      price += frequency(loop == kNone ? 0 : s_.loops[loop].depth);
    }
    return price / (target - position + 1);
  }

  // Whether the piece in a register can give it up for its slot at a position.
  bool is_evictable(uint32_t p, uint32_t position) {
    const Piece& piece = s_.pieces[p];
    if (piece.must_until > position) return false;
    const uint32_t u = next_must(piece.value, position);
    return u == kNone || s_.uses[u].position >= piece.to || s_.uses[u].earliest > position;
  }

  void evict_for(uint32_t p, Need need, uint32_t first) {
    const Piece piece = s_.pieces[p];
    const unsigned c = unsigned(s_.values[piece.value].reg_class);
    uint32_t needed = need.now ? need.until : piece.from + 1;
    if (!need.now) {
      // A register is worth having only to the first use.
      if (first == kNone || s_.uses[first].position >= piece.to) return to_memory(p);
      needed = std::max(s_.uses[first].position, piece.from + 1);
    }
    PReg best;
    uint32_t best_until = 0;
    double best_cost = need.now ? 1e300 : cost(p, piece.from);
    for (PReg reg : order_[c]) {
      if (!is_busy(reg)) continue;
      const uint32_t until = next_reservation(reg, piece.value, piece.from, piece.to);
      if (until < needed) continue;
      const uint32_t occupant = occupant_[reg.code];
      if (!is_evictable(occupant, piece.from)) continue;
      const double price = cost(occupant, piece.from);
      if (price < best_cost) {
        best_cost = price;
        best = reg;
        best_until = until;
      }
    }
    if (best) {
      evict(occupant_[best.code], piece.from);
    } else if (!need.now) {
      return to_memory(p);
    } else if (!displace_for(p, need, best, best_until)) {
      failed_at_ = piece.from;
      return;
    }
    if (best_until == kNone) return assign(p, best);
    assign_part(p, best, best_until, need, first);
  }

  // A piece that would soon have to leave the register it can get may be worth more than what sits in one it could stay
  // in (a callee-saved one, mostly).
  bool evict_instead(uint32_t p, uint32_t until) {
    const Piece piece = s_.pieces[p];
    double best_cost = cost(p, until);
    PReg best;
    for (PReg reg : order_[unsigned(s_.values[piece.value].reg_class)]) {
      if (!is_busy(reg)) continue;
      const uint32_t occupant = occupant_[reg.code];
      if (s_.pieces[occupant].from == piece.from || !is_evictable(occupant, piece.from)) continue;
      const double price = cost(occupant, piece.from);
      if (price >= best_cost || next_reservation(reg, piece.value, piece.from, piece.to) != kNone) continue;
      best_cost = price;
      best = reg;
    }
    if (!best) return false;
    evict(occupant_[best.code], piece.from);
    assign(p, best);
    return true;
  }

  void evict(uint32_t p, uint32_t position) {
    busy_[s_.pieces[p].reg.code >> 6] &= ~(uint64_t(1) << s_.pieces[p].reg.number());
    to_memory(s_.pieces[p].from == position ? p : cut_at(p, position));
  }

  // A strict piece may push one that is merely read by the instruction to another register. There is one: the
  // other has all registers to choose from but those of fixed uses and strict pieces, and it displaces nobody.
  bool displace_for(uint32_t p, Need need, PReg& reg, uint32_t& until) {
    const Piece piece = s_.pieces[p];
    if (!piece.strict) return false;
    for (PReg candidate : order_[unsigned(s_.values[piece.value].reg_class)]) {
      if (!is_busy(candidate)) continue;
      const uint32_t occupant = occupant_[candidate.code];
      if (s_.pieces[occupant].must_until > piece.from) continue;  // another strict piece
      const bool is_new = s_.pieces[occupant].from == piece.from;
      if (!is_new && !s_.is_gap(piece.from)) continue;
      until = next_reservation(candidate, piece.value, piece.from, piece.to);
      if (until < need.until) continue;
      busy_[candidate.code >> 6] &= ~(uint64_t(1) << candidate.number());
      if (is_new) s_.pieces[occupant].reg = PReg();
      push(is_new ? occupant : cut_at(occupant, piece.from));
      reg = candidate;
      return true;
    }
    return false;
  }

  AllocatorState& s_;
  std::span<const PReg> order_[machine::kRegClasses];
  std::vector<PReg> shuffled_[machine::kRegClasses];  // if choices are made at random
  PRegSet allowed_;
  uint64_t busy_[machine::kRegClasses] = {};
  uint32_t occupant_[machine::kRegClasses * 64];  // valid where busy
  uint32_t ahead_[machine::kRegClasses * 64];     // reservations not passed, valid where there are any
  uint32_t failed_at_ = kNone;
};

}  // namespace

Expected<void> scan_pieces(AllocatorState& state) { return Scan(state).run(); }

}  // namespace assay::regalloc
