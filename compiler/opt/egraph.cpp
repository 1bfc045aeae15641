// See egraph.h.
#include "compiler/opt/egraph.h"

#include <algorithm>
#include <utility>

#include "compiler/opt/changes.h"
#include "compiler/opt/context.h"
#include "compiler/support/random_choices.h"

namespace assay::opt {

Cost operation_cost(Opcode opcode, bool small) {
  if (small) {
    // Nearly all are one instruction; a constant may be part of another one.
    switch (opcode) {
      case Opcode::kIconst:
        return 2;
      case Opcode::kPopcnt:
      case Opcode::kBitrev:
      case Opcode::kCls:
        return 24;
      case Opcode::kUdiv:
      case Opcode::kSdiv:
      case Opcode::kUrem:
      case Opcode::kSrem:
        return 10;
      default:
        return 4;
    }
  }
  switch (opcode) {
    case Opcode::kIconst:
    case Opcode::kF32const:
    case Opcode::kF64const:
    case Opcode::kF16const:
      return 1;
    case Opcode::kUextend:
    case Opcode::kSextend:
    case Opcode::kIreduce:
    case Opcode::kIconcat:
    case Opcode::kBitcast:
      return 2;
    case Opcode::kImul:
      return 6;
    case Opcode::kUmulhi:
    case Opcode::kSmulhi:
      return 8;
    case Opcode::kPopcnt:
    case Opcode::kBitrev:
    case Opcode::kCls:
      return 8;
    case Opcode::kSqrt:
    case Opcode::kFdiv:
      return 20;
    case Opcode::kUdiv:
    case Opcode::kSdiv:
    case Opcode::kUrem:
    case Opcode::kSrem:
      // More than any way round it: costs of shared operands count once for each use.
      return 1000;
    default:
      return 4;
  }
}

void EGraph::begin(ir::Function& function, const ir::DominatorTree& dominators, isle::RuleState& rules,
                   const OptimizeOptions& options) {
  options_ = options;
  RandomChoices ties(options.choice_seed, RandomChoices::kForTies);
  is_last_best_ = ties.active() && ties.one_in(2);
  dominators_ = &dominators;
  block_ = function.entry_block();
  function_ = &function;
  rules_ = &rules;
  nodes_.clear();
  blocks_.clear();
  best_.clear();
  unions_.clear();
  parents_.clear();
  classes_.clear();
  table_.assign(64, {});
  table_used_ = 0;
  depth_ = 0;
  subsuming_ = {};
}

void EGraph::grow(Value v) {
  if (v.index < nodes_.size()) return;
  const size_t size = std::max<size_t>(function_->value_count(), v.index + 1);
  nodes_.resize(size);
  blocks_.resize(size);
  best_.resize(size);
  unions_.resize(size);
  parents_.resize(size);
  classes_.resize(size);
}

// The root of a class, with path halving.
Value EGraph::canonical(Value v) {
  grow(v);
  while (!parents_[v.index].is_none()) {
    const Value up = parents_[v.index];
    if (!parents_[up.index].is_none()) parents_[v.index] = parents_[up.index];
    v = up;
  }
  return v;
}

NodeData EGraph::data(ir::Inst inst) const {
  const ir::InstData& from = function_->inst(inst);
  NodeData node;
  node.opcode = from.opcode;
  node.code = from.code;
  node.flags = from.flags;
  node.entity = from.entity;
  node.imm = from.imm;
  for (Value arg : function_->args(inst)) node.args[node.arg_count++] = arg;
  return node;
}

uint64_t EGraph::hash(ir::Inst inst) {
  const ir::InstData& data = function_->inst(inst);
  uint64_t h = uint64_t(data.opcode) | uint64_t(data.code) << 8 | uint64_t(data.type.number()) << 16;
  const auto add = [&h](uint64_t word) {
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  };
  add(data.imm);
  add(data.entity);
  for (Value arg : function_->args(inst)) add(canonical(arg).index);
  return h;
}

bool EGraph::equal(ir::Inst a, ir::Inst b) {
  const ir::InstData& x = function_->inst(a);
  const ir::InstData& y = function_->inst(b);
  if (x.opcode != y.opcode || x.code != y.code || x.type != y.type || x.imm != y.imm || x.entity != y.entity ||
      x.flags != y.flags) {
    return false;
  }
  if (function_->value_type(function_->result(a)) != function_->value_type(function_->result(b))) return false;
  const auto left = function_->args(a), right = function_->args(b);
  return std::ranges::equal(left, right, [&](Value p, Value q) { return canonical(p) == canonical(q); });
}

std::optional<Word128> EGraph::constant(Value v) const {
  const ir::Inst inst = node(best(v));
  if (inst.is_none()) return {};
  const ir::InstData& data = function_->inst(inst);
  const auto args = function_->args(inst);
  switch (data.opcode) {
    case Opcode::kIconst:
    case Opcode::kF16const:
    case Opcode::kF32const:
    case Opcode::kF64const:
      return data.imm;
    case Opcode::kUextend:
      return constant(args[0]);
    case Opcode::kSextend: {
      const auto narrow = constant(args[0]);
      const Type to = function_->value_type(v), from = function_->value_type(args[0]);
      return narrow ? std::optional(low_bits(to, static_cast<Word128>(as_signed(from, *narrow)))) : std::nullopt;
    }
    case Opcode::kIconcat: {
      const auto low = constant(args[0]), high = constant(args[1]);
      if (!low || !high) return {};
      return *low | *high << function_->value_type(args[0]).bits();
    }
    default:
      return {};
  }
}

void EGraph::rehash() {
  std::vector<ir::Inst> old = std::exchange(table_, std::vector<ir::Inst>(table_.size() * 2));
  for (ir::Inst inst : old) {
    if (inst.is_none()) continue;
    size_t at = hash(inst) & (table_.size() - 1);
    while (!table_[at].is_none()) at = (at + 1) & (table_.size() - 1);
    table_[at] = inst;
  }
}

// The node's result, or that of an equal node made before.
Value EGraph::find_or_register(ir::Inst inst, bool& is_new) {
  if (table_used_ * 2 >= table_.size()) rehash();
  size_t at = hash(inst) & (table_.size() - 1);
  for (; !table_[at].is_none(); at = (at + 1) & (table_.size() - 1)) {
    if (!equal(table_[at], inst)) continue;
    const Value first = function_->result(table_[at]);
    // Blocks come in pre-order: one that does not dominate this one will not dominate any later one.
    if (!dominators_->dominates(blocks_[first.index], block_)) break;
    if (!may_take(options_.steps, [&] { return answers_for_sharing(table_[at], inst); })) break;
    ++stats_.shared;
    is_new = false;
    return first;
  }
  if (table_[at].is_none()) ++table_used_;
  table_[at] = inst;
  ++stats_.nodes;
  const Value v = function_->result(inst);
  grow(v);
  blocks_[v.index] = function_->args(inst).empty() ? function_->entry_block() : block_;
  nodes_[v.index] = inst;
  uint64_t cost = cost_alone(inst);
  for (Value arg : function_->args(inst)) cost += this->cost(arg);
  best_[v.index] = {v, static_cast<Cost>(std::min<uint64_t>(cost, kInfiniteCost))};
  is_new = true;
  return v;
}

// Of nodes: everything but where they were made.
Responsible EGraph::answers_for_sharing(ir::Inst first, ir::Inst inst) {
  const ir::InstData& x = function_->inst(first);
  const ir::InstData& y = function_->inst(inst);
  bool same = x.opcode == y.opcode && x.code == y.code && x.type == y.type && x.imm == y.imm && x.entity == y.entity &&
              x.flags == y.flags && function_->args(first).size() == function_->args(inst).size() &&
              function_->value_type(function_->result(first)) == function_->value_type(function_->result(inst));
  for (size_t i = 0; same && i < function_->args(inst).size(); ++i) {
    same = canonical(function_->args(first)[i]) == canonical(function_->args(inst)[i]);
  }
  if (!same) return {kEqualNodes.function, true};
  return {kSharing.function, !dominators_->dominates(blocks_[function_->result(first).index], block_)};
}

Value EGraph::add_inst(ir::Inst inst) {
  bool is_new = false;
  const Value v = find_or_register(inst, is_new);
  if (is_new) classes_[v.index] = simplify(v, v);
  return classes_[v.index].is_none() ? v : classes_[v.index];
}

Value EGraph::replacement(ir::Inst inst, unsigned result, bool alone) {
  const Value v = function_->result(inst, result);
  grow(v);
  nodes_[v.index] = inst;
  alone_ = alone;
  const Value made = simplify(v, Value());
  alone_ = false;
  nodes_[v.index] = {};
  return made;
}

Value EGraph::add_node(Type type, const NodeData& data) { return add_inst(make_inst(type, data)); }

Value EGraph::add_equal(Type type, const NodeData& data, Value other) {
  bool is_new = false;
  const Value v = find_or_register(make_inst(type, data), is_new);
  if (is_new) classes_[v.index] = simplify(v, v);
  Value known = classes_[v.index].is_none() ? v : classes_[v.index];
  if (canonical(known) != canonical(other)) known = unite(known, other);
  return classes_[v.index] = known;
}

ir::Inst EGraph::make_inst(Type type, const NodeData& data) {
  const ir::OperationInfo& info = ir::operation_info(data.opcode);
  ir::InstData inst_data;
  inst_data.opcode = data.opcode;
  inst_data.code = data.code;
  inst_data.flags = data.flags;
  inst_data.entity = data.entity;
  inst_data.imm = data.imm;
  if (info.polymorphic) {
    inst_data.type = info.infers_type ? function_->value_type(data.args[info.type_operand]) : type;
  }
  inst_data.args = function_->make_values({data.args, data.arg_count});
  const ir::Inst inst = function_->make_inst(inst_data);
  function_->make_results(inst);
  assert(function_->value_type(function_->result(inst)) == type);
  return inst;
}

// Fires the rules on a node; `united` and what they make, as one class.
Value EGraph::simplify(Value v, Value united) {
  // A rule is proven for scalars.
  const Type type = function_->value_type(v);
  if (!options_.rewrite || type.is_vector() || type.is_dynamic_vector()) return united;
  if (depth_ >= kMaxDepth) {
    ++stats_.depth_limit;
    return united;
  }
  ++depth_;
  isle::Results<Value> results;
  Context context(*this);
  const Value outer = std::exchange(subsuming_, Value());
  constructor_simplify(context, v, results);
  const Value subsuming = std::exchange(subsuming_, outer);
  --depth_;
  unsigned taken = 0;
  for (Value result : results) {
    assert(function_->value_type(result) == function_->value_type(v));
    // Nothing is better than a constant either, and rules may rely on a constant's class having nothing else.
    if ((!subsuming.is_none() && result == subsuming) || is_constant(result)) {
      const Value a = canonical(v), b = canonical(result);
      if (a != b) parents_[a.index] = b;
      return result;
    }
    if (united.is_none()) {
      united = result;
      continue;
    }
    if (canonical(result) == canonical(united)) continue;
    if (taken++ == kMaxRewrites) {
      ++stats_.class_limit;
      break;
    }
    united = unite(united, result);
  }
  return united;
}

bool EGraph::is_constant(Value v) const {
  const ir::Inst node = this->node(best(v));
  return !node.is_none() && function_->inst(node).opcode == Opcode::kIconst;
}

// What the same operation costs at the same type does not depend on what else there is: leaving out a step changes
// nothing beside it.
Cost EGraph::cost_alone(ir::Inst inst) const {
  constexpr Cost kMost = 64;
  const Opcode opcode = function_->inst(inst).opcode;
  const Cost usual = operation_cost(opcode, options_.small);
  if (options_.choice_seed == 0 || function_->args(inst).empty()) return usual;
  const uint64_t which = uint64_t(opcode) << 16 | function_->value_type(function_->result(inst)).bits();
  RandomChoices choices(options_.choice_seed + (which << 32), RandomChoices::kForCosts);
  return choices.one_in(3) ? usual : 1 + choices.below(kMost);
}

Value EGraph::unite(Value a, Value b) {
  const Value v = function_->make_undefined_value();
  function_->set_value_type(v, function_->value_type(a));
  grow(v);
  unions_[v.index] = {a, b};
  const bool is_b = is_last_best_ ? cost(b) <= cost(a) : cost(b) < cost(a);
  best_[v.index] = is_b ? Best{best(b), cost(b)} : Best{best(a), cost(a)};
  parents_[canonical(a).index] = v;
  if (const Value root = canonical(b); root != v) parents_[root.index] = v;
  ++stats_.unions;
  return v;
}

}  // namespace assay::opt
