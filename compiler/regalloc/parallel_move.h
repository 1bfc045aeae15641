// Parallel moves: a set of copies that happen at once becomes a sequence with the same effect.
//
// Copies whose destination nobody reads any more go first; what then remains is disjoint cycles. A cycle is broken by
// parking one value in the scratch register; if the cycle itself needs the scratch register, to copy one slot to
// another, the value is parked in a spare slot instead. Linear in the number of moves.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/regalloc/allocation.h"

namespace assay::regalloc {

struct ParallelMove {
  Location from;
  Location to;
  bool operator==(const ParallelMove&) const = default;
};

// Keeps its memory between calls.
class ParallelMoveResolver {
 public:
  // Appends the sequence to `out`: no slot-to-slot move, none to itself. All locations are of one register class;
  // `scratch` and `spare` are not among them. A destination may be named twice only with the same source. Returns
  // whether `spare` (a slot) is used. A scratch of none is allowed if no cycle and no slot-to-slot copy occurs.
  bool resolve(std::span<const ParallelMove> moves, PReg scratch, Location spare, std::vector<ParallelMove>& out);

 private:
  // Per location in use: how many pending moves read it, and the move that writes it.
  struct Node {
    uint32_t stamp = 0;
    uint32_t readers = 0;
    uint32_t writer = 0;
  };
  Node& node(Location location);
  void emit(Location from, Location to, PReg scratch, std::vector<ParallelMove>& out);
  bool break_cycle(uint32_t start, PReg scratch, Location spare, std::vector<ParallelMove>& out);

  uint32_t stamp_ = 0;
  std::vector<Node> nodes_;  // registers by code, then slots
  std::vector<ParallelMove> pending_;
  std::vector<uint8_t> done_;
  std::vector<uint32_t> ready_;
};

}  // namespace assay::regalloc
