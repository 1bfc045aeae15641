// See parallel_move.h.
#include "compiler/regalloc/parallel_move.h"

#include <cassert>

namespace assay::regalloc {

namespace {
constexpr uint32_t kNone = 0xffffffffu;
constexpr uint32_t kRegisterNodes = 256;
}  // namespace

ParallelMoveResolver::Node& ParallelMoveResolver::node(Location location) {
  const uint32_t id = location.is_reg() ? location.preg().code : kRegisterNodes + location.slot_index();
  if (id >= nodes_.size()) nodes_.resize(id + 64);
  Node& node = nodes_[id];
  if (node.stamp != stamp_) node = {stamp_, 0, kNone};
  return node;
}

void ParallelMoveResolver::emit(Location from, Location to, PReg scratch, std::vector<ParallelMove>& out) {
  if (from.is_slot() && to.is_slot()) {
    assert(scratch);
    out.push_back({from, Location::reg(scratch)});
    out.push_back({Location::reg(scratch), to});
  } else {
    out.push_back({from, to});
  }
}

bool ParallelMoveResolver::resolve(std::span<const ParallelMove> moves, PReg scratch, Location spare,
                                   std::vector<ParallelMove>& out) {
  if (moves.size() == 1) {
    if (moves[0].from != moves[0].to) emit(moves[0].from, moves[0].to, scratch, out);
    return false;
  }
  if (++stamp_ == 0) {
    nodes_.clear();
    stamp_ = 1;
  }
  pending_.clear();
  for (const ParallelMove& move : moves) {
    if (move.from == move.to) continue;
    Node& to = node(move.to);
    if (to.writer != kNone) {
      assert(pending_[to.writer].from == move.from);
      continue;
    }
    to.writer = static_cast<uint32_t>(pending_.size());
    pending_.push_back(move);
    ++node(move.from).readers;  // after the last use of `to`: nodes_ may have grown
  }

  done_.assign(pending_.size(), 0);
  ready_.clear();
  for (uint32_t i = 0; i < pending_.size(); ++i) {
    if (node(pending_[i].to).readers == 0) ready_.push_back(i);
  }
  while (!ready_.empty()) {
    const uint32_t i = ready_.back();
    ready_.pop_back();
    done_[i] = 1;
    emit(pending_[i].from, pending_[i].to, scratch, out);
    Node& from = node(pending_[i].from);
    if (--from.readers == 0 && from.writer != kNone) ready_.push_back(from.writer);
  }

  bool used_spare = false;
  for (uint32_t i = 0; i < pending_.size(); ++i) {
    if (!done_[i]) used_spare |= break_cycle(i, scratch, spare, out);
  }
  return used_spare;
}

// The cycle first: a -> b is `first`; the move into a, the move into its source, ... lead back to b.
bool ParallelMoveResolver::break_cycle(uint32_t start, PReg scratch, Location spare, std::vector<ParallelMove>& out) {
  uint32_t slot_to_slot = 0;
  uint32_t first = start;
  for (uint32_t i = start;;) {
    if (pending_[i].from.is_slot() && pending_[i].to.is_slot()) {
      ++slot_to_slot;
      first = i;
    }
    i = node(pending_[i].from).writer;
    if (i == start) break;
  }
  // The first move goes through the parking place anyway, so one slot-to-slot move is free.
  const bool needs_spare = slot_to_slot > 1;
  const Location parking = needs_spare ? spare : Location::reg(scratch);
  assert(scratch);
  emit(pending_[first].from, parking, scratch, out);
  done_[first] = 1;
  for (uint32_t i = node(pending_[first].from).writer; i != first; i = node(pending_[i].from).writer) {
    emit(pending_[i].from, pending_[i].to, scratch, out);
    done_[i] = 1;
  }
  emit(parking, pending_[first].to, scratch, out);
  return needs_spare;
}

}  // namespace assay::regalloc
