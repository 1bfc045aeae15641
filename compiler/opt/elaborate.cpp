// See elaborate.h.
#include "compiler/opt/elaborate.h"

#include <array>
#include <vector>

#include "compiler/opt/changes.h"

namespace assay::opt {
namespace {

using ir::Block;
using ir::Inst;
using ir::Loop;
using ir::Value;

class Elaborator {
 public:
  Elaborator(EGraph& graph, const ir::DominatorTree& dominators, const ir::LoopForest& loops, bool hoist,
             ElaborationStats& stats, Steps* steps)
      : graph_(graph),
        f_(graph.function()),
        dominators_(dominators),
        loops_(loops),
        hoist_(hoist),
        stats_(stats),
        steps_(steps),
        left_(loops.size()) {}

  void run(std::span<const Block> preorder) {
    for (Block block : preorder) {
      leave_scopes(block);
      scopes_.push_back({block, {}});
      for (Inst inst = f_.first_inst(block), next; !inst.is_none(); inst = next) {
        next = f_.next_inst(inst);
        // Placing makes instructions, which may move the operands: first all values, then into their places.
        uses_.clear();
        f_.for_each_use(inst, [&](Value use) { uses_.push_back(use); });
        for (Value& use : uses_) use = elaborate(use, inst, block);
        size_t n = 0;
        f_.for_each_use_mutable(inst, [&](Value& use) { use = uses_[n++]; });
      }
    }
    leave_scopes(Block());
  }

 private:
  struct Placed {
    Value value;  // none: not in scope
    Block block;  // where it stands
  };
  struct Scope {
    Block block;
    std::vector<uint32_t> placed;  // values to forget at its end
  };
  struct Frame {
    Value node;
    unsigned next_arg = 0;
    std::array<Placed, NodeData::kMaxArgs> args{};
  };

  // Ends the scopes of blocks that do not dominate `block`; of all, if there is none.
  void leave_scopes(Block block) {
    while (!scopes_.empty() && (block.is_none() || !dominators_.dominates(scopes_.back().block, block))) {
      for (uint32_t v : scopes_.back().placed) placed_[v] = {};
      scopes_.pop_back();
    }
  }

  void remember(Value node, Placed placed) {
    if (placed_.size() <= node.index) placed_.resize(f_.value_count());
    placed_[node.index] = placed;
    // The scope of the block where it stands is open: that block dominates this one.
    for (size_t i = scopes_.size(); i-- > 0;) {
      if (scopes_[i].block == placed.block) {
        scopes_[i].placed.push_back(node.index);
        return;
      }
    }
  }

  // Where a leaf is defined.
  Block block_of_leaf(Value v) const {
    const ir::ValueDef def = f_.value_def(v);
    return def.kind == ir::ValueKind::kParam ? def.block : f_.inst_block(def.inst);
  }

  // A value that needs no work: a leaf, or one that stands in scope.
  bool known(Value v, Placed& out) const {
    if (graph_.node(v).is_none()) {
      out = {v, block_of_leaf(v)};
      return true;
    }
    if (v.index >= placed_.size() || placed_[v.index].value.is_none()) return false;
    out = placed_[v.index];
    return true;
  }

  // `use` is a class; returns a value that stands before `before` in `block` or dominates it.
  Value elaborate(Value use, Inst before, Block block) {
    Placed result;
    const Value wanted = graph_.best(use);
    if (known(wanted, result)) return result.value;
    frames_.push_back({wanted});
    while (!frames_.empty()) {
      // Best nodes need each other in no circle (egraph.h, E1). If these do, the graph is broken: what comes of it
      // is for the verifier to refuse; nothing grows for ever.
      if (frames_.size() > f_.value_count()) {
        frames_.clear();
        return wanted;
      }
      Frame& frame = frames_.back();
      const auto args = arguments(graph_.node(frame.node));
      if (frame.next_arg < args.size()) {
        const Value arg = graph_.best(args[frame.next_arg]);
        if (known(arg, frame.args[frame.next_arg])) {
          ++frame.next_arg;
        } else {
          frames_.push_back({arg});
        }
        continue;
      }
      result = place(frame, before, block);
      remember(frame.node, result);
      frames_.pop_back();
    }
    return result.value;
  }

  // A node's arguments as classes. Those of a node that has been placed are in `arguments_`.
  std::span<const Value> arguments(Inst node) const {
    if (node.index < arguments_.size() && arguments_[node.index].is_placed) {
      return {arguments_[node.index].args.data(), f_.args(node).size()};
    }
    return f_.args(node);
  }

  Placed place(Frame& frame, Inst before, Block block) {
    Inst inst = graph_.node(frame.node);
    const unsigned count = static_cast<unsigned>(f_.args(inst).size());
    Block target = block;
    if (hoist_ && !is_constant(f_.inst(inst).opcode)) target = hoisted(frame, count, block);
    if (target != block && !may_take(steps_, kHoisting.function)) target = block;
    if (target != block) {
      note_hoisted(block, target);
      before = f_.terminator(target);
      ++stats_.hoisted;
      for (unsigned i = 0; i < count; ++i) {
        if (!dominates(frame.args[i], target)) frame.args[i] = constant_before(frame.args[i].value, before, target);
      }
    }
    if (arguments_.size() <= inst.index) arguments_.resize(f_.inst_count());
    Arguments& original = arguments_[inst.index];
    Value value = frame.node;
    if (original.is_placed) {
      inst = f_.copy_inst(inst);
      f_.make_results(inst);
      value = f_.result(inst);
      ++stats_.duplicated;
    } else {
      original.is_placed = true;
      for (unsigned i = 0; i < count; ++i) original.args[i] = f_.args(inst)[i];
    }
    for (unsigned i = 0; i < count; ++i) f_.args(inst)[i] = frame.args[i].value;
    f_.insert_inst_before(inst, before);
    ++stats_.placed;
    return {value, target};
  }

  // Another one of a constant that stands too deep for an operation that leaves a loop.
  Placed constant_before(Value constant, Inst before, Block target) {
    const Inst copy = f_.copy_inst(f_.def_inst(constant));
    f_.make_results(copy);
    f_.insert_inst_before(copy, before);
    ++stats_.placed;
    ++stats_.duplicated;
    return {f_.result(copy), target};
  }

  bool is_constant(Value v) const {
    const Inst def = f_.def_inst(v);
    return !def.is_none() && is_constant(f_.inst(def).opcode);
  }
  static bool is_constant(ir::Opcode opcode) {
    return opcode == ir::Opcode::kIconst || opcode == ir::Opcode::kF32const || opcode == ir::Opcode::kF64const ||
           opcode == ir::Opcode::kF16const;
  }

  void note_hoisted(Block from, Block target) {
    for (Loop loop = loops_.innermost(from); !loop.is_none(); loop = loops_.parent(loop)) {
      if (loops_.depth(loop) <= loops_.depth(target)) break;
      ++left_[loop.index];
    }
  }

  // The outermost block before a loop around `block` in which all operands are known.
  Block hoisted(const Frame& frame, unsigned count, Block block) const {
    Block target = block;
    for (Loop loop = loops_.innermost(block); !loop.is_none(); loop = loops_.parent(loop)) {
      if (left_[loop.index] == kMaxHoisted) break;
      const Block outside = dominators_.immediate_dominator(loops_.header(loop));
      if (outside.is_none() || loops_.depth(outside) >= loops_.depth(loop)) break;
      for (unsigned i = 0; i < count; ++i) {
        if (!dominates(frame.args[i], outside) && !is_constant(frame.args[i].value)) return target;
      }
      target = outside;
    }
    return target;
  }

  bool dominates(const Placed& value, Block block) const { return dominators_.dominates(value.block, block); }

  // What leaves a loop lives all through it: a register, or a place on the stack, for each.
  static constexpr uint32_t kMaxHoisted = 64;

  struct Arguments {
    std::array<Value, NodeData::kMaxArgs> args{};
    bool is_placed = false;
  };

  EGraph& graph_;
  ir::Function& f_;
  const ir::DominatorTree& dominators_;
  const ir::LoopForest& loops_;
  const bool hoist_;
  ElaborationStats& stats_;
  Steps* const steps_;
  std::vector<uint32_t> left_;  // by loop: how many have left it
  std::vector<Scope> scopes_;
  std::vector<Placed> placed_;        // by value of a node
  std::vector<Arguments> arguments_;  // by node
  std::vector<Frame> frames_;
  std::vector<Value> uses_;
};

}  // namespace

void elaborate(EGraph& graph, std::span<const ir::Block> preorder, const ir::DominatorTree& dominators,
               const ir::LoopForest& loops, bool hoist, ElaborationStats& stats, Steps* steps) {
  Elaborator(graph, dominators, loops, hoist, stats, steps).run(preorder);
}

}  // namespace assay::opt
