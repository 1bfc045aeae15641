// See optimize.h. One walk over the dominator tree fills the e-graph and merges; elaborate() puts the function together.
#include "compiler/opt/optimize.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/loops.h"
#include "compiler/opt/context.h"

namespace assay::opt {
namespace {

using ir::Block;
using ir::Function;
using ir::Inst;
using ir::Value;

// Whether a second execution, with the first one having come through, changes nothing and gives the same.
bool may_merge(const Function& f, Inst inst) {
  const ir::OperationInfo& info = f.info(inst);
  if (info.variable_results || info.is_terminator() || f.inst(inst).calls.count != 0 || !f.has_results(inst)) return false;
  return info.effects == 0 || info.effects == (ir::kCanTrap | ir::kSideEffectsIdempotent);
}

constexpr size_t kMaxEqual = 8;

uint64_t mix(uint64_t h, uint64_t word) {
  h = (h ^ word) * 0x9e3779b97f4a7c15u;
  return h ^ (h >> 29);
}

}  // namespace

struct Optimizer::State {
  EGraph graph;
  ir::ControlFlowGraph cfg;
  ir::DominatorTree dominators;
  ir::LoopForest loops;
  std::vector<Block> preorder;
  std::vector<Value> classes;                             // by value of the function: its class
  std::unordered_map<uint64_t, std::vector<Inst>> seen;   // merged operations, by hash
};

Optimizer::Optimizer() : rules_(std::make_unique<isle::RuleState>(opt_rules())), state_(std::make_unique<State>()) {}
Optimizer::~Optimizer() = default;

OptimizeStats& OptimizeStats::operator+=(const OptimizeStats& other) {
  graph.nodes += other.graph.nodes;
  graph.shared += other.graph.shared;
  graph.unions += other.graph.unions;
  graph.depth_limit += other.graph.depth_limit;
  graph.class_limit += other.graph.class_limit;
  elaboration.placed += other.elaboration.placed;
  elaboration.hoisted += other.elaboration.hoisted;
  elaboration.duplicated += other.elaboration.duplicated;
  merged += other.merged;
  unreachable_blocks += other.unreachable_blocks;
  return *this;
}

void Optimizer::run(Function& f, const OptimizeOptions& options) {
  State& s = *state_;
  if (f.entry_block().is_none()) return;
  f.resolve_all_aliases();
  s.cfg.compute(f);
  for (Block block = f.first_block(), next; !block.is_none(); block = next) {
    next = f.next_block(block);
    if (s.cfg.is_reachable(block)) continue;
    f.remove_block(block);
    ++stats_.unreachable_blocks;
  }
  s.dominators.compute(f, s.cfg);
  s.loops.compute(f, s.cfg, s.dominators);
  s.preorder.assign(s.cfg.reverse_postorder().begin(), s.cfg.reverse_postorder().end());
  std::ranges::sort(s.preorder, {}, [&](Block b) { return s.dominators.preorder(b); });

  s.graph.begin(f, s.dominators, *rules_, options.rewrite);
  s.classes.assign(f.value_count(), {});
  s.seen.clear();
  const auto class_of = [&](Value v) {
    return v.index < s.classes.size() && !s.classes[v.index].is_none() ? s.classes[v.index] : v;
  };
  for (Block block : s.preorder) {
    s.graph.set_block(block);
    for (Inst inst = f.first_inst(block), next; !inst.is_none(); inst = next) {
      next = f.next_inst(inst);
      f.for_each_use_mutable(inst, [&](Value& use) { use = class_of(use); });
      if (NodeData::is_node(f.inst(inst).opcode)) {
        const Value result = f.result(inst);
        f.remove_inst(inst);
        s.classes[result.index] = s.graph.add_inst(inst);
      } else if (may_merge(f, inst)) {
        const ir::InstData& data = f.inst(inst);
        uint64_t h = mix(uint64_t(data.opcode) | uint64_t(data.code) << 8 | uint64_t(data.type.number()) << 16, data.imm);
        for (Value arg : f.args(inst)) h = mix(h, arg.index);
        std::vector<Inst>& equal = s.seen[h];
        const auto first = std::ranges::find_if(equal, [&](Inst other) {
          const ir::InstData& o = f.inst(other);
          return o.opcode == data.opcode && o.code == data.code && o.type == data.type && o.imm == data.imm &&
                 o.entity == data.entity && o.flags == data.flags && std::ranges::equal(f.args(other), f.args(inst)) &&
                 s.dominators.dominates(f.inst_block(other), block);
        });
        if (first == equal.end()) {
          // Few are looked at: with many, most are in blocks that have been left.
          if (equal.size() == kMaxEqual) equal.erase(equal.begin());
          equal.push_back(inst);
          continue;
        }
        for (size_t i = 0; i < f.results(inst).size(); ++i) s.classes[f.results(inst)[i].index] = f.results(*first)[i];
        f.remove_inst(inst);
        ++stats_.merged;
      }
    }
  }
  elaborate(s.graph, s.preorder, s.dominators, s.loops, options.hoist, stats_.elaboration);
  EGraphStats& made = s.graph.stats();
  OptimizeStats now;
  now.graph = made;
  stats_ += now;
  made = {};
}

}  // namespace assay::opt
