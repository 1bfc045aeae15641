// The acyclic e-graph (aegraph; Fallin, "The acyclic e-graph: Cranelift's mid-end optimizer", 2023): pure operations as
// nodes of classes of equal values.
//
// Nodes are instructions of the function that stand in no block. A class is named by a Value: a leaf (a block parameter
// or the result of an instruction that stays in its block), the result of a node, or a union of two classes, for which
// the function has a value without definition.
//
// E1  A node's arguments exist before it does, and a union's sides before the union: there are no cycles.
// E2  Equal nodes (same operation, type, immediates, classes of arguments) are one node, where the block for which the
//     first was made dominates that of the second. A class may have members that need what only that block knows.
// E3  Rules fire once for each node, when it is made. What a rule makes is a node like any other, up to kMaxDepth rules
//     deep; a class takes up to kMaxRewrites results of one node's rules. Limits that bite are counted.
//     One that may trap or has two results has no nodes of its own: what rules make of it has been proven to follow if
//     it cannot trap. What equals a constant is that constant only.
// E4  The cheapest node of a class is known as soon as the class exists.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/ir/dominators.h"
#include "compiler/ir/function.h"
#include "compiler/isle/rule_table.h"
#include "compiler/opt/node.h"
#include "compiler/opt/options.h"
#include "compiler/support/softfloat.h"

namespace assay::opt {

struct EGraphStats {
  uint64_t nodes = 0;   // made: from the function and by rules
  uint64_t shared = 0;  // found instead of made (global value numbering)
  uint64_t unions = 0;
  uint64_t depth_limit = 0;  // nodes whose rules were not tried for E3's sake
  uint64_t class_limit = 0;  // results of rules that were dropped
};

// The cost of computing something once; sums saturate.
using Cost = uint32_t;
inline constexpr Cost kInfiniteCost = 0xffffffffu;
// Of the operation alone: about the time it takes, or, if `small`, the code.
Cost operation_cost(Opcode opcode, bool small = false);

class EGraph {
 public:
  static constexpr unsigned kMaxDepth = 5;
  static constexpr unsigned kMaxRewrites = 5;
  static constexpr unsigned kMaxClass = 64;  // nodes of a class that rules look at

  // Starts with a function without aliases. `rules` counts, and says which are off. All must outlive the graph's use.
  void begin(ir::Function& function, const ir::DominatorTree& dominators, isle::RuleState& rules,
             const OptimizeOptions& options = {});

  // For which block nodes are made from now on. Blocks come in pre-order of the dominator tree.
  void set_block(ir::Block block) { block_ = block; }

  // A pure instruction of the function, its arguments classes already: the class of its result. The instruction must
  // have been taken out of its block.
  Value add_inst(ir::Inst inst);
  // What the rules make of an instruction that stays in its block because it may trap or has two results: the class of
  // values that a result of it equals, if it then cannot trap; else none. `alone`: its other result is not used.
  Value replacement(ir::Inst inst, unsigned result = 0, bool alone = false);
  // A node that a rule makes; `type` is that of its result. It cannot trap.
  Value add_node(Type type, const NodeData& data);
  // A node that is known to equal `other` from what is no rule's to know: its class, which has both.
  Value add_equal(Type type, const NodeData& data, Value other);

  // The cheapest node or leaf of a class. Because of E1 the best ones need each other in no circle.
  Value best(Value v) const {
    return v.index < best_.size() && !best_[v.index].value.is_none() ? best_[v.index].value : v;
  }
  Cost cost(Value v) const {
    return v.index < best_.size() && !best_[v.index].value.is_none() ? best_[v.index].cost : 0;
  }
  // The node that a value (not a union) is the result of, or none: a leaf.
  ir::Inst node(Value v) const { return v.index < nodes_.size() ? nodes_[v.index] : ir::Inst(); }

  // The bits of a value that is known to be a constant, zero-extended: an iconst, a float constant, or an i128 that
  // puts together or extends constants.
  std::optional<Word128> constant(Value v) const;

  // One name for all classes that have been found equal so far.
  Value canonical(Value v);

  // Calls visit(value) for each leaf and node of a class, at most kMaxClass.
  template <class Visit>
  void for_each_member(Value v, Visit&& visit) const;

  NodeData data(ir::Inst inst) const;
  ir::Function& function() { return *function_; }
  const ir::Function& function() const { return *function_; }
  isle::RuleState& rules() { return *rules_; }
  bool is_alone() const { return alone_; }
  EGraphStats& stats() { return stats_; }
  Steps* steps() { return options_.steps; }

  // What a rule marks as better than everything else in its class: other members are dropped.
  void subsume(Value v) { subsuming_ = v; }

 private:
  struct Best {
    Value value;  // none: not computed, a leaf of cost 0
    Cost cost = 0;
  };
  struct Union {
    Value a, b;  // none: not a union
  };

  ir::Inst make_inst(Type type, const NodeData& data);
  Value find_or_register(ir::Inst inst, bool& is_new);
  // Of the two being one node; only for whoever counts steps.
  Responsible answers_for_sharing(ir::Inst first, ir::Inst inst);
  Value simplify(Value v, Value united);
  Value unite(Value a, Value b);
  bool is_constant(Value v) const;
  void grow(Value v);
  Cost cost_alone(ir::Inst inst) const;
  uint64_t hash(ir::Inst inst);
  bool equal(ir::Inst a, ir::Inst b);
  void rehash();

  ir::Function* function_ = nullptr;
  isle::RuleState* rules_ = nullptr;
  const ir::DominatorTree* dominators_ = nullptr;
  ir::Block block_;
  std::vector<ir::Inst> nodes_;    // by value
  std::vector<ir::Block> blocks_;  // by value of a node: for which it was made
  std::vector<Best> best_;         // by value
  std::vector<Union> unions_;      // by value
  std::vector<Value> parents_;     // by value: the union-find forest of classes
  std::vector<Value> classes_;     // by value of a node: its class once its rules have fired
  std::vector<ir::Inst> table_;    // open addressing; a power of two
  size_t table_used_ = 0;
  OptimizeOptions options_;
  bool is_last_best_ = false;  // of equally cheap ones
  bool alone_ = false;         // see replacement()
  unsigned depth_ = 0;
  Value subsuming_;
  EGraphStats stats_;
};

template <class Visit>
void EGraph::for_each_member(Value v, Visit&& visit) const {
  Value stack[kMaxClass];
  unsigned size = 0, seen = 0;
  stack[size++] = v;
  while (size != 0 && seen < kMaxClass) {
    const Value top = stack[--size];
    if (top.index < unions_.size() && !unions_[top.index].a.is_none()) {
      stack[size++] = unions_[top.index].b;
      if (size < kMaxClass) stack[size++] = unions_[top.index].a;
      continue;
    }
    ++seen;
    visit(top);
  }
}

}  // namespace assay::opt
