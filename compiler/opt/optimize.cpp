// See optimize.h. One walk over the dominator tree fills the e-graph and merges; elaborate() puts the function
// together.
#include "compiler/opt/optimize.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/loops.h"
#include "compiler/ir/unreachable.h"
#include "compiler/ir/verifier.h"
#include "compiler/opt/changes.h"
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
  if (info.variable_results || info.is_terminator() || f.inst(inst).calls.count != 0 || !f.has_results(inst))
    return false;
  return info.effects == 0 || info.effects == (ir::kCanTrap | ir::kSideEffectsIdempotent);
}

constexpr size_t kMaxEqual = 8;

// For whoever counts steps: that what was made so far is no function tells more than what comes of it.
bool is_broken(const Function& f, Steps* steps) {
  if (steps == nullptr || ir::verify(f).empty()) return false;
  steps->set_broken();
  return true;
}

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
  Memory memory;
  std::vector<Block> preorder;
  std::vector<uint8_t> extensions;                       // by value that a load gives: how it is extended (Walk)
  std::vector<uint8_t> used;                             // by value of the function
  std::vector<Value> classes;                            // by value of the function: its class
  std::unordered_map<uint64_t, std::vector<Inst>> seen;  // merged operations, by hash
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
  loads_extended += other.loads_extended;
  memory.loads_shared += other.memory.loads_shared;
  memory.loads_forwarded += other.memory.loads_forwarded;
  memory.stores_dropped += other.memory.stores_dropped;
  merged += other.merged;
  control.branches_folded += other.control.branches_folded;
  control.traps_folded += other.control.traps_folded;
  control.threaded += other.control.threaded;
  control.params_removed += other.control.params_removed;
  control.conditional_traps += other.control.conditional_traps;
  control.blocks_joined += other.control.blocks_joined;
  control.blocks_removed += other.control.blocks_removed;
  unroll.unrolled += other.unroll.unrolled;
  unroll.unrolled_all += other.unroll.unrolled_all;
  return *this;
}

std::vector<std::pair<std::string_view, uint64_t>> named(const OptimizeStats& s) {
  return {
      {"nodes", s.graph.nodes},
      {"shared", s.graph.shared},
      {"unions", s.graph.unions},
      {"depth_limit", s.graph.depth_limit},
      {"class_limit", s.graph.class_limit},
      {"placed", s.elaboration.placed},
      {"hoisted", s.elaboration.hoisted},
      {"duplicated", s.elaboration.duplicated},
      {"merged", s.merged},
      {"loads_extended", s.loads_extended},
      {"loads_shared", s.memory.loads_shared},
      {"loads_forwarded", s.memory.loads_forwarded},
      {"stores_dropped", s.memory.stores_dropped},
      {"branches_folded", s.control.branches_folded},
      {"traps_folded", s.control.traps_folded},
      {"threaded", s.control.threaded},
      {"params_removed", s.control.params_removed},
      {"conditional_traps", s.control.conditional_traps},
      {"blocks_joined", s.control.blocks_joined},
      {"blocks_removed", s.control.blocks_removed},
      {"unrolled", s.unroll.unrolled},
      {"unrolled_all", s.unroll.unrolled_all},
  };
}

// The walk over the blocks: what is pure becomes nodes, what stays gets its operands and is compared with what came
// before.
class Optimizer::Walk {
 public:
  Walk(Optimizer& optimizer, Function& function, const OptimizeOptions& options)
      : s_(*optimizer.state_), f_(function), options_(options), stats_(optimizer.stats_) {}

  void run() {
    s_.classes.assign(f_.value_count(), {});
    s_.seen.clear();
    find_extensions();
    find_used();
    for (const Block block : s_.preorder) {
      s_.graph.set_block(block);
      block_ = block;
      if (options_.memory) s_.memory.enter(block);
      for (Inst inst = f_.first_inst(block), next; !inst.is_none(); inst = next) {
        next = f_.next_inst(inst);
        f_.for_each_use_mutable(inst, [&](Value& use) { use = class_of(use); });
        take(inst);
      }
    }
  }

 private:
  Value class_of(Value v) const {
    return v.index < s_.classes.size() && !s_.classes[v.index].is_none() ? s_.classes[v.index] : v;
  }

  void take(Inst inst) {
    const ir::Opcode opcode = f_.inst(inst).opcode;
    if (NodeData::is_node(opcode) && may_take(options_.steps, kNodes.function)) {
      const Value result = f_.result(inst);
      f_.remove_inst(inst);
      s_.classes[result.index] = s_.graph.add_inst(inst);
      return;
    }
    if (NodeData::may_trap(opcode) && replace(inst, s_.graph.replacement(inst))) return;
    if (NodeData::has_two_results(opcode) && replace_both(inst)) return;
    if (Memory::is_load(opcode) || Memory::is_store(opcode)) {
      if (options_.memory) access(inst, opcode);
      return;
    }
    if (may_merge(f_, inst) && merge(inst)) return;
    if (options_.memory) s_.memory.passed(inst);
  }

  // False if there is no value to replace the result by.
  bool replace(Inst inst, Value value) {
    if (value.is_none()) return false;
    s_.classes[f_.result(inst).index] = value;
    f_.remove_inst(inst);
    return true;
  }

  // True if no result that is used needs the instruction. A result that costs nothing is replaced in any case.
  bool replace_both(Inst inst) {
    const std::array<Value, 2> results = {f_.result(inst, 0), f_.result(inst, 1)};
    const std::array<bool, 2> used = {s_.used[results[0].index] != 0, s_.used[results[1].index] != 0};
    std::array<Value, 2> made;
    for (unsigned i = 0; i < 2; ++i) {
      if (used[i]) made[i] = s_.graph.replacement(inst, i, !used[1 - i]);
    }
    const bool all = (!used[0] || !made[0].is_none()) && (!used[1] || !made[1].is_none());
    for (unsigned i = 0; i < 2; ++i) {
      if (made[i].is_none()) continue;
      if (all || s_.graph.cost(made[i]) <= operation_cost(ir::Opcode::kIconst)) s_.classes[results[i].index] = made[i];
    }
    if (all) f_.remove_inst(inst);
    return all;
  }

  void find_used() {
    s_.used.assign(f_.value_count(), 0);
    for (const Block block : s_.preorder) {
      for (const Inst inst : f_.insts(block)) f_.for_each_use(inst, [&](Value use) { s_.used[use.index] = 1; });
    }
  }

  void access(Inst inst, ir::Opcode opcode) {
    if (Memory::is_load(opcode)) {
      const Value address = s_.graph.canonical(f_.arg(inst, 0));
      if (replace(inst, s_.memory.known(inst, address, options_.steps))) return;
      const Value value = f_.result(inst);
      const ir::Type type = f_.value_type(value);
      uint8_t extensions = s_.extensions[value.index];
      if (extensions != 0 && !may_take(options_.steps, [&] { return answers_for_extending(value); })) extensions = 0;
      const Value narrow = extensions == 0 ? value : extend(value, extensions);
      s_.memory.passed(inst, address, narrow);
      if (extensions != 0) make_extending(inst, type, (extensions & kZero) != 0);
      if (extensions != 0 && options_.steps != nullptr) audit_extending(inst, type, (extensions & kZero) != 0);
      return;
    }
    const Value value = f_.arg(inst, 0), address = s_.graph.canonical(f_.arg(inst, 1));
    if (const Inst before = s_.memory.needless(inst, address, options_.steps); !before.is_none()) {
      f_.remove_inst(before);
      f_.args(before)[0] = value;
      f_.insert_inst_before(before, inst);
      f_.remove_inst(inst);
      ++s_.memory.stats().stores_dropped;
      inst = before;
    }
    s_.memory.passed(inst, address, value);
  }

  // -- Loads whose value is extended: machines have loads that do it, and rules cannot know what loads give. --

  // What extensions of a value there are: to which widths, and from zeros or the sign.
  static constexpr uint8_t kTo16 = 1, kTo32 = 2, kTo64 = 4, kZero = 8, kSign = 16;

  void find_extensions() {
    s_.extensions.assign(f_.value_count(), 0);
    if (!options_.rewrite) return;
    for (const Block block : s_.preorder) {
      for (const Inst inst : f_.insts(block)) {
        const ir::Opcode opcode = f_.inst(inst).opcode;
        if (opcode != ir::Opcode::kUextend && opcode != ir::Opcode::kSextend) continue;
        const Value from = f_.arg(inst, 0);
        const Inst load = f_.def_inst(from);
        if (load.is_none() || f_.inst(load).opcode != ir::Opcode::kLoad) continue;
        const ir::Type to = f_.value_type(f_.result(inst));
        if (!to.is_int() || to.bits() > 64) continue;
        const uint8_t kind = opcode == ir::Opcode::kUextend ? kZero : kSign;
        // A load extends in one way; the others remain.
        uint8_t& known = s_.extensions[from.index];
        if ((known & (kZero | kSign) & ~kind) != 0) continue;
        known |= static_cast<uint8_t>(kind | (to.bits() == 16 ? kTo16 : to.bits() == 32 ? kTo32 : kTo64));
      }
    }
  }

  // From now on `value` is the widest of its extensions. Returns the class of what it was, the narrow value; its
  // extensions are known to the graph.
  Value extend(Value value, uint8_t extensions) {
    const ir::Type narrow = f_.value_type(value);
    const bool only_64 = narrow == ir::kI32 || (extensions & kTo64) != 0;
    const ir::Type wide = only_64 ? ir::kI64 : (extensions & kTo32) != 0 ? ir::kI32 : ir::kI16;
    f_.set_value_type(value, wide);
    const auto unary = [](ir::Opcode opcode, Value arg) {
      NodeData node;
      node.opcode = opcode;
      node.args[node.arg_count++] = arg;
      return node;
    };
    const Value was = s_.graph.add_node(narrow, unary(ir::Opcode::kIreduce, value));
    const ir::Opcode opcode = (extensions & kZero) != 0 ? ir::Opcode::kUextend : ir::Opcode::kSextend;
    for (const auto& [to, bit] : {std::pair{ir::kI16, kTo16}, {ir::kI32, kTo32}, {ir::kI64, kTo64}}) {
      if ((extensions & bit) == 0) continue;
      const Value same = to == wide ? value : s_.graph.add_node(to, unary(ir::Opcode::kIreduce, value));
      s_.graph.add_equal(to, unary(opcode, was), same);
    }
    s_.classes[value.index] = was;
    ++stats_.loads_extended;
    return was;
  }

  // The load itself stays what it is to whoever asks where something trapped.
  void make_extending(Inst inst, ir::Type narrow, bool zeros) {
    ir::InstData& data = f_.inst(inst);
    data.opcode = narrow == ir::kI8    ? (zeros ? ir::Opcode::kUload8 : ir::Opcode::kSload8)
                  : narrow == ir::kI16 ? (zeros ? ir::Opcode::kUload16 : ir::Opcode::kSload16)
                                       : (zeros ? ir::Opcode::kUload32 : ir::Opcode::kSload32);
    data.type = f_.info(inst).polymorphic ? f_.value_type(f_.result(inst)) : ir::Type();
  }

  // True if an equal instruction dominates it, whose results it then has.
  bool merge(Inst inst) {
    const ir::InstData& data = f_.inst(inst);
    uint64_t h = mix(uint64_t(data.opcode) | uint64_t(data.code) << 8 | uint64_t(data.type.number()) << 16, data.imm);
    for (Value arg : f_.args(inst)) h = mix(h, arg.index);
    std::vector<Inst>& equal = s_.seen[h];
    const auto first = std::ranges::find_if(equal, [&](Inst other) {
      const ir::InstData& o = f_.inst(other);
      return o.opcode == data.opcode && o.code == data.code && o.type == data.type && o.imm == data.imm &&
             o.entity == data.entity && o.flags == data.flags && std::ranges::equal(f_.args(other), f_.args(inst)) &&
             s_.dominators.dominates(f_.inst_block(other), block_);
    });
    if (first == equal.end() || !may_take(options_.steps, [&] { return answers_for_merging(*first, inst); })) {
      // Few are looked at: with many, most are in blocks that have been left.
      if (equal.size() == kMaxEqual) equal.erase(equal.begin());
      equal.push_back(inst);
      return false;
    }
    for (size_t i = 0; i < f_.results(inst).size(); ++i) {
      Value& known = s_.classes[f_.results(inst)[i].index];
      if (known.is_none()) known = f_.results(*first)[i];
    }
    f_.remove_inst(inst);
    ++stats_.merged;
    return true;
  }

  // -- What changes rest on, worked out once more for whoever counts steps --

  // `value` is what a load gives: it is extended in the ways that are noted, in one of them only.
  Responsible answers_for_extending(Value value) const {
    uint8_t asked = 0;
    for (const Block block : s_.preorder) {
      for (const Inst inst : f_.insts(block)) {
        const ir::Opcode opcode = f_.inst(inst).opcode;
        const bool zeros = opcode == ir::Opcode::kUextend, sign = opcode == ir::Opcode::kSextend;
        if (!(zeros || sign) || f_.arg(inst, 0) != value) continue;
        const unsigned bits = f_.value_type(f_.result(inst)).bits();
        asked |= static_cast<uint8_t>((zeros ? kZero : kSign) | (bits == 16 ? kTo16 : bits == 32 ? kTo32 : kTo64));
      }
    }
    const uint8_t noted = s_.extensions[value.index];
    const bool is_asked = (noted & ~asked) == 0 && (noted & (kZero | kSign)) != (kZero | kSign);
    return is_asked ? Responsible{kExtending.function} : Responsible{kExtensions.function, true};
  }

  void audit_extending(Inst load, ir::Type narrow, bool zeros) const {
    if (f_.info(load).name == (zeros ? "uload" : "sload") + std::to_string(narrow.bits())) return;
    options_.steps->find_fault(kExtending.function);
  }

  Responsible answers_for_merging(Inst first, Inst inst) const {
    const ir::InstData& a = f_.inst(first);
    const ir::InstData& b = f_.inst(inst);
    const ir::OperationInfo& info = f_.info(inst);
    const bool may = !info.variable_results && !info.is_terminator() && b.calls.count == 0 &&
                     (info.effects & ~(ir::kCanTrap | ir::kSideEffectsIdempotent)) == 0 &&
                     (info.effects == 0 || (info.effects & ir::kSideEffectsIdempotent) != 0);
    if (!may) return {kMayMerge.function, true};
    const bool same = a.opcode == b.opcode && a.code == b.code && a.type == b.type && a.imm == b.imm &&
                      a.entity == b.entity && a.flags == b.flags && std::ranges::equal(f_.args(first), f_.args(inst));
    return {kMerging.function, !same || !s_.dominators.dominates(f_.inst_block(first), block_)};
  }

  State& s_;
  Function& f_;
  const OptimizeOptions& options_;
  OptimizeStats& stats_;
  Block block_;
};

void Optimizer::run(Function& f, const OptimizeOptions& options) {
  State& s = *state_;
  if (f.entry_block().is_none()) return;
  first_new_ = Inst(static_cast<uint32_t>(f.inst_count()));
  copied_from_.clear();
  f.resolve_all_aliases();
  const auto remove_unreachable = [&] {
    s.cfg.compute(f);
    stats_.control.blocks_removed += ir::remove_unreachable_blocks(f, s.cfg);
  };
  if (options.control) simplify_control(f, stats_.control, options.steps);
  remove_unreachable();
  if (is_broken(f, options.steps)) return;
  if (options.unroll && !options.small) {
    const uint64_t before = stats_.unroll.sum();
    unroll_loops(f, first_new_, copied_from_, stats_.unroll, options.steps);
    if (stats_.unroll.sum() != before) {
      if (options.control) simplify_control(f, stats_.control, options.steps);
      remove_unreachable();
      if (is_broken(f, options.steps)) return;
    }
  }
  s.dominators.compute(f, s.cfg);
  s.loops.compute(f, s.cfg, s.dominators);
  s.preorder.assign(s.cfg.reverse_postorder().begin(), s.cfg.reverse_postorder().end());
  std::ranges::sort(s.preorder, {}, [&](Block b) { return s.dominators.preorder(b); });

  s.graph.begin(f, s.dominators, *rules_, options);
  if (options.memory) s.memory.analyze(f, s.cfg, s.dominators);
  Walk(*this, f, options).run();
  elaborate(s.graph, s.preorder, s.dominators, s.loops, options.hoist, stats_.elaboration, options.steps);
  // Of conditions that turned out to be constant.
  if (options.control && options.rewrite) simplify_control(f, stats_.control, options.steps);
  OptimizeStats now;
  now.graph = std::exchange(s.graph.stats(), {});
  now.memory = std::exchange(s.memory.stats(), {});
  stats_ += now;
}

}  // namespace assay::opt
