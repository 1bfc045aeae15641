// See symmetry.h.
#include "verify/symmetry.h"

#include <algorithm>
#include <map>

namespace assay::verify {

namespace {

using notation::Node;
using notation::NodeId;
using notation::Op;

bool commutes(Op op) {
  switch (op) {
    case Op::Add:
    case Op::Mul:
    case Op::And:
    case Op::Or:
    case Op::Xor:
    case Op::Eq:
      return true;
    default:
      return false;
  }
}

// Numbers the nodes of a graph such that equal numbers mean equal values, with inputs renamed by `rename`.
std::vector<uint32_t> numbered(const notation::Semantics& sem, const std::vector<uint32_t>& rename,
                               std::map<std::vector<uint32_t>, uint32_t>& numbers) {
  std::vector<uint32_t> out;
  const auto of = [&](NodeId id) { return id == notation::kNoNode ? notation::kNoNode : out[id]; };
  for (const Node& node : sem.nodes) {
    uint32_t a = of(node.a), b = of(node.b);
    if (commutes(node.op) && b < a) std::swap(a, b);
    const uint32_t aux = node.op == Op::Input ? rename[node.aux] : node.aux;
    const auto next = static_cast<uint32_t>(numbers.size());
    out.push_back(numbers.try_emplace({uint32_t(node.op), node.width, a, b, of(node.c), aux}, next).first->second);
  }
  return out;
}

// What the instruction does, as numbers that can be compared.
std::vector<uint32_t> outcome(const notation::Semantics& sem, const std::vector<uint32_t>& number) {
  const auto of = [&](NodeId id) { return id == notation::kNoNode ? id : number[id]; };
  std::vector<uint32_t> out;
  for (const auto& result : sem.results) out.insert(out.end(), {result.id, of(result.value)});
  for (const auto& event : sem.events) out.insert(out.end(), {of(event.address), of(event.value)});
  for (const auto& trap : sem.traps) out.push_back(of(trap.condition));
  for (const NodeId required : sem.required) out.push_back(of(required));
  out.push_back(of(sem.branch));
  return out;
}

// The expression with two variables exchanged, operands of commutative operators in order.
std::string canonical(const isle::ast::SpecExpr& e, const std::string& first, const std::string& second) {
  using Kind = isle::ast::SpecExpr::Kind;
  switch (e.kind) {
    case Kind::Int:
      return std::to_string(static_cast<int64_t>(e.value));
    case Kind::BitVector:
      return std::to_string(e.width) + "#" + std::to_string(static_cast<uint64_t>(e.value));
    case Kind::Bool:
      return e.value != 0 ? "true" : "false";
    case Kind::Variable:
      return e.name.text == first ? second : e.name.text == second ? first : e.name.text;
    case Kind::Op:
      break;
    default:
      return "?" + std::to_string(e.position.line) + ":" + std::to_string(e.position.column) + first;
  }
  std::vector<std::string> operands;
  for (const auto& child : e.children) operands.push_back(canonical(child, first, second));
  static constexpr const char* kCommutative[] = {"=",     "and",  "or",    "bvadd", "bvmul",
                                                 "bvand", "bvor", "bvxor", "+",     "*"};
  if (std::find(std::begin(kCommutative), std::end(kCommutative), e.name.text) != std::end(kCommutative)) {
    std::sort(operands.begin(), operands.end());
  }
  std::string out = "(" + e.name.text;
  for (const std::string& operand : operands) out += " " + operand;
  return out + ")";
}

std::string canonical(const isle::ast::Spec& spec, const std::string& first, const std::string& second) {
  std::string out;
  for (const auto& e : spec.provides) out += canonical(e, first, second);
  for (const auto& e : spec.requirements) out += canonical(e, first, second);
  return out;
}

}  // namespace

Symmetry::Symmetry(const isle::Program& program, const notation::Definitions& instructions)
    : program_(program), instructions_(instructions) {
  for (size_t i = 0; i < instructions.insts.size(); ++i) {
    instruction_by_term_[instructions.insts[i].term] = i;
    instruction_by_term_[instructions.insts[i].term + "_multi"] = i;
  }
}

bool Symmetry::instruction_symmetric(const notation::InstDef& def, size_t first, size_t second) const {
  if (!def.has_sem || first < def.params.size() || second < def.params.size()) return false;
  unsigned slots[2];
  for (int side = 0; side < 2; ++side) {
    const size_t argument = (side == 0 ? first : second) - def.params.size();
    if (argument >= def.arguments.size() || def.arguments[argument].kind != notation::TermArgument::Kind::Operand) {
      return false;
    }
    const notation::OperandDef& operand = def.operands[def.arguments[argument].operand];
    if (operand.kind != notation::OperandDefKind::Reg || operand.fixed >= 0) return false;
    slots[side] = operand.slot;
  }
  bool all = true;
  notation::for_each_param_combination(instructions_, def, [&](std::span<const unsigned> params) {
    notation::Semantics sem;
    Diagnostics errors;
    if (!all || !notation::instantiate(instructions_, def, params, sem, errors)) {
      all = false;
      return;
    }
    std::vector<uint32_t> same, swapped;
    for (uint32_t i = 0; i < sem.inputs.size(); ++i) same.push_back(i);
    swapped = same;
    for (uint32_t i = 0; i < sem.inputs.size(); ++i) {
      for (uint32_t j = 0; j < sem.inputs.size(); ++j) {
        if (sem.inputs[i].id == slots[0] && sem.inputs[j].id == slots[1]) std::swap(swapped[i], swapped[j]);
      }
    }
    std::map<std::vector<uint32_t>, uint32_t> numbers;
    const auto as_is = numbered(sem, same, numbers);
    all = outcome(sem, as_is) == outcome(sem, numbered(sem, swapped, numbers)) && swapped != same;
  });
  return all;
}

bool Symmetry::symmetric(isle::TermId id, size_t first, size_t second) const {
  const isle::Term& term = program_.terms[id];
  if (const auto it = instruction_by_term_.find(term.name); it != instruction_by_term_.end()) {
    return instruction_symmetric(instructions_.insts[it->second], first, second);
  }
  if (term.specs.empty() || term.specs[0]->arguments.size() != term.arguments.size()) return false;
  const isle::ast::Spec& spec = *term.specs[0];
  const std::string &a = spec.arguments[first].text, &b = spec.arguments[second].text;
  return canonical(spec, a, a) == canonical(spec, a, b);
}

}  // namespace assay::verify
