// Memory: which loads give what is known already, which stores nobody sees.
//
// M1  A state of memory is named by the last instruction that may have changed it, or by a block where several meet.
//     Where two accesses see the same state and the first dominates the second, nothing has been written in between.
// M2  There is a state for each of the first kRegions alias regions and one for all other accesses. A write of a region
//     changes the region's state and that of all other accesses; any other write, a call, a fence, an atomic access
//     changes all.
// M3  A load that sees what a load or store with the same address, offset, operation, type and byte order has seen or
//     left gives the same value. It is taken away: the earlier access has come through at that address.
// M4  A store is dropped if the next instruction that has any effect is a store to the same place, of the same size and
//     with the same flags. The later one takes its identity, so that what traps is still the first.
//
// The first part, analyze(), is over the control-flow graph; the second goes along with the walk that fills the
// e-graph, where addresses are classes. Linear but for the number of regions.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/function.h"
#include "compiler/support/steps.h"

namespace assay::opt {

struct MemoryStats {
  uint64_t loads_shared = 0;     // give what an earlier load gave
  uint64_t loads_forwarded = 0;  // give what was stored
  uint64_t stores_dropped = 0;
};

class Memory {
 public:
  static constexpr unsigned kRegions = 4;

  // Of the function's reachable blocks.
  void analyze(const ir::Function& function, const ir::ControlFlowGraph& cfg, const ir::DominatorTree& dominators);

  // The walk comes to a block; to each of its instructions that stays, in order. Blocks come in pre-order of the
  // dominator tree.
  void enter(ir::Block block);
  // What the load gives, if it is known: a value. `address` names the class of its address, one name for all members.
  ir::Value known(ir::Inst load, ir::Value address, Steps* steps = nullptr);
  // The store that this one makes needless, or none. Has to be asked before passed().
  ir::Inst needless(ir::Inst store, ir::Value address, Steps* steps = nullptr) const;
  // The instruction is passed. For loads and stores: `address` as above, `value` what is loaded or stored.
  void passed(ir::Inst inst, ir::Value address = {}, ir::Value value = {});
  MemoryStats& stats() { return stats_; }

  // A plain load or store: the only ones that known() and needless() are for.
  static bool is_load(ir::Opcode opcode);
  static bool is_store(ir::Opcode opcode);

 private:
  using State = uint32_t;  // 0: not known yet; else an instruction's or a block's number
  using States = std::array<State, kRegions + 1>;
  struct Key {
    State state;
    uint32_t address;
    uint64_t offset;
    uint32_t what;  // operation, byte order
    uint16_t type;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  struct Known {
    ir::Value value;
    ir::Block block;
    bool is_stored = false;
    ir::Inst inst;  // the access that it is known from, and what that was then
    ir::Opcode opcode{};
  };

  static bool writes(const ir::OperationInfo& info);
  void apply(ir::Inst inst, States& states) const;
  // Who answers for the two accesses being taken for one: worked out once more, from M2 to M4 and not from states. Not
  // linear; only for whoever counts steps.
  Responsible answers_for(ir::Inst load, const Known& known) const;
  Responsible answers_for_drop(ir::Inst store) const;
  std::string_view forgets(ir::Inst write, ir::Inst load) const;
  bool is_state_of_inst(State state) const;
  Key key(ir::Inst inst, ir::Value address, ir::Type type) const;
  unsigned region(ir::Inst inst) const;

  const ir::Function* function_ = nullptr;
  const ir::ControlFlowGraph* cfg_ = nullptr;
  const ir::DominatorTree* dominators_ = nullptr;
  ir::Block block_;
  States now_{};
  std::vector<States> at_entry_;  // by block
  std::unordered_map<Key, Known, KeyHash> known_;
  ir::Inst pending_;  // a store that nothing has happened since
  ir::Value pending_address_;
  MemoryStats stats_;
};

}  // namespace assay::opt
