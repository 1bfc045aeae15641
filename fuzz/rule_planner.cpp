// See rule_planner.h. Depth of the patterns is bounded by the rule reader, so recursion is safe.
#include "fuzz/rule_planner.h"

#include <algorithm>
#include <string>
#include <utility>

#include "compiler/support/text.h"
#include "fuzz/function_generator.h"

namespace assay::fuzz {

using ir::OperandKind;
using ir::OperationInfo;
using isle::Expr;
using isle::Pattern;
using isle::Term;

namespace {

bool is_pointer(const ir::OperandInfo& input) { return input.kind == OperandKind::kValue && input.name == "p"; }

}  // namespace

bool can_plan(ir::Opcode opcode) {
  const OperationInfo& info = ir::operation_info(opcode);
  if (info.results.empty() && info.value_operands == 0) return false;
  if (info.is_call() || info.is_return() || info.variable_args || opcode == ir::Opcode::kBrTable) return false;
  return std::ranges::all_of(info.inputs, [](const ir::OperandInfo& input) {
    switch (input.kind) {
      case OperandKind::kValue:
      case OperandKind::kImm64:
      case OperandKind::kOffset32:
      case OperandKind::kIeee16:
      case OperandKind::kIeee32:
      case OperandKind::kIeee64:
      case OperandKind::kIntCC:
      case OperandKind::kFloatCC:
      case OperandKind::kAtomicRmwOp:
      case OperandKind::kTrapCode:
      case OperandKind::kMemFlags:
      case OperandKind::kBlockThen:
      case OperandKind::kBlockElse:
        return true;
      default:
        return false;
    }
  });
}

std::optional<ir::Opcode> opcode_of(const isle::Program& program, const Term& term) {
  if (!term.is_variant()) return {};
  const std::string& type = program.types[term.result].name;
  if (type != "InstructionData" && type != "NodeData") return {};
  return ir::parse_opcode(snake_case(program.variant_of(term).name));
}

// ---- the chain ----

bool RulePlanner::plan(std::span<const RuleLink> chain) {
  chain_ = chain;
  for (const RuleLink& link : chain) known_.emplace_back(link.rule->variables.size());
  for (uint32_t i = 0; i + 1 < chain.size(); ++i) {
    if (!pass(chain[i], *chain[i + 1].rule, i)) return false;
  }
  const Asking root{&chain[0].rule->arguments[0], 0};
  return value(collect({&root, 1}), {}).has_value();
}

// Arguments of a call, to the patterns of the rule that is called. False if they surely do not match.
bool RulePlanner::pass(const RuleLink& link, const isle::Rule& called, uint32_t number) {
  for (size_t i = 0; i < link.call->children.size(); ++i) {
    const Expr& argument = link.call->children[i];
    const Pattern& pattern = called.arguments[i];
    if (argument.kind == Expr::Kind::Variable) {
      asked_[number << 16 | argument.variable.index].push_back({&pattern, number + 1});
    } else if (const auto known = conditions_.evaluate(argument, known_[number])) {
      if (conditions_.matches(pattern, *known, known_[number + 1]) == false) return false;
    }
  }
  return true;
}

bool RulePlanner::conditions_hold() {
  for (size_t i = 0; i < chain_.size(); ++i) {
    if (!conditions_.hold(*chain_[i].rule, known_[i])) return false;
    if (i + 1 == chain_.size()) break;
    for (size_t k = 0; k < chain_[i].call->children.size(); ++k) {
      const auto value = conditions_.evaluate(chain_[i].call->children[k], known_[i]);
      if (!value || conditions_.matches(chain_[i + 1].rule->arguments[k], *value, known_[i + 1]) == false) return false;
    }
  }
  return true;
}

// Mostly one that the conditions have computed, or what is left of it.
RulePlanner::Bits RulePlanner::another_number(const FreeConstant& constant) {
  const std::span<const uint64_t> seen = conditions_.seen();
  const ir::Type type = nodes_[constant.node].type;
  if (seen.empty() || random_.chance(25)) return any_number(type);
  const auto any_seen = [&] { return Bits(seen[random_.below(static_cast<uint32_t>(seen.size()))]); };
  switch (random_.below(8)) {
    case 0:
      return ~any_seen();
    case 1:
      return -any_seen();
    case 2:
      return any_seen() - any_seen();
    case 3:
      return any_seen() + 1 - 2 * Bits(random_.below(2));
    default:
      return any_seen();
  }
}

bool RulePlanner::meet_conditions() {
  constexpr unsigned kSteps = 16;
  for (unsigned step = 0;; ++step) {
    conditions_.forget_seen();
    if (conditions_hold()) return true;
    if (free_.empty() || step == kSteps) return false;
    const FreeConstant& constant = free_[random_.below(static_cast<uint32_t>(free_.size()))];
    set(constant, another_number(constant));
  }
}

void RulePlanner::shake() {
  if (free_.empty()) return;
  const FreeConstant& constant = free_[random_.below(static_cast<uint32_t>(free_.size()))];
  set(constant, nodes_[constant.node].bits + (random_.chance(50) ? 1 : ~Bits(0)));
}

// ---- what is asked ----

void RulePlanner::collect(const Asking& asking, Asked& asked) const {
  const Pattern& p = *asking.pattern;
  switch (p.kind) {
    case Pattern::Kind::Bind:
      collect({&p.children[0], asking.rule}, asked);
      if (program_.types[p.type].name == "Value") asked.names.push_back(key(asking));
      if (const auto more = asked_.find(key(asking)); more != asked_.end()) {
        for (const Asking& one : more->second) collect(one, asked);
      }
      return;
    case Pattern::Kind::Variable:
      if (const auto made = values_.find(key(asking)); made != values_.end()) {
        asked.is_impossible = asked.is_impossible || (asked.node && *asked.node != made->second);
        asked.node = made->second;
      }
      return;
    case Pattern::Kind::And:
      for (const Pattern& child : p.children) collect({&child, asking.rule}, asked);
      return;
    case Pattern::Kind::Term: {
      const Term& term = program_.terms[p.term];
      const auto child = [&](size_t i) { return Asking{&p.children[i], asking.rule}; };
      if (term.name == "node" || term.name == "second_node") {  // of the mid-end
        asked.types.push_back(child(0));
        asked.is_second_result = term.name == "second_node";
        asked.data.push_back(child(1));
      } else if (term.name == "value_type" || term.name == "result_type") {
        asked.types.push_back(child(0));
      } else if (term.name == "def_inst") {
        collect(child(0), asked);
      } else if (term.name == "inst_data") {
        asked.data.push_back(child(0));
      } else if (term.name == "iconst_zext") {
        asked.unsigned_numbers.push_back(child(0));
      } else if (term.name == "iconst_sext") {
        asked.signed_numbers.push_back(child(0));
      }
      return;
    }
    default:
      return;
  }
}

RulePlanner::Asked RulePlanner::collect(std::span<const Asking> askings) const {
  Asked asked;
  for (const Asking& asking : askings) collect(asking, asked);
  // One operation, or a constant.
  for (const Asking& data : asked.data) {
    const bool is_one = data.pattern->kind == Pattern::Kind::Term && data.pattern->term == asked.data[0].pattern->term;
    asked.is_impossible = asked.is_impossible || !is_one;
  }
  return asked;
}

std::vector<RulePlanner::Asking> RulePlanner::children(std::span<const Asking> askings, size_t child) {
  std::vector<Asking> out;
  for (const Asking& asking : askings) out.push_back({&asking.pattern->children[child], asking.rule});
  return out;
}

// ---- types ----

bool RulePlanner::is_allowed(ir::Type type) const { return std::ranges::find(types_, type) != types_.end(); }

// Does a pattern of a type admit this one?
bool RulePlanner::admits(const Asking& asking, ir::Type type) const {
  const Pattern& p = *asking.pattern;
  const auto inner = [&](const Pattern& child) { return admits({&child, asking.rule}, type); };
  switch (p.kind) {
    case Pattern::Kind::Wildcard:
      return true;
    case Pattern::Kind::Bind: {
      const auto more = asked_.find(key(asking));
      return inner(p.children[0]) && (more == asked_.end() || std::ranges::all_of(more->second, [&](const Asking& one) {
                                        return admits(one, type);
                                      }));
    }
    case Pattern::Kind::Variable: {
      const Known& other = known_[asking.rule][p.variable.index];
      return other.kind != Known::Kind::Type || other.type == type;
    }
    case Pattern::Kind::Constant:
      return is_loose_ || type_of_constant(program_.constants[p.constant]) == type;
    case Pattern::Kind::Term:
      return (is_loose_ || fuzz::admits(program_.terms[p.term].name, type)) && std::ranges::all_of(p.children, inner);
    case Pattern::Kind::And:
      return std::ranges::all_of(p.children, inner);
    default:
      return false;
  }
}

bool RulePlanner::admits(const Asked& asked, ir::Type type) const {
  return std::ranges::all_of(asked.types, [&](const Asking& asking) { return admits(asking, type); });
}

// What is asked of a type, a number or a code is now known.
void RulePlanner::bind(const Asking& asking, const Known& value) {
  const Pattern& p = *asking.pattern;
  if (p.kind == Pattern::Kind::Bind) {
    known(asking) = value;
    if (const auto more = asked_.find(key(asking)); more != asked_.end()) {
      for (const Asking& one : more->second) bind(one, value);
    }
  }
  for (const Pattern& child : p.children) bind({&child, asking.rule}, value);
}

// One of the types that are possible, at random; invalid if there is none.
template <class IsPossible>
ir::Type RulePlanner::any_type(const IsPossible& is_possible) {
  std::vector<ir::Type> possible;
  std::ranges::copy_if(types_, std::back_inserter(possible), is_possible);
  return possible.empty() ? ir::Type() : possible[random_.below(static_cast<uint32_t>(possible.size()))];
}

ir::Type RulePlanner::first_result(const OperationInfo& info, ir::Type controlling) const {
  return info.results.empty() ? ir::Type() : info.results[0].type.resolve(controlling);
}

// Could the value have the type, as far as its own operation says?
bool RulePlanner::is_possible(const Asked& asked, ir::Type type) const {
  if (asked.is_impossible) return false;
  if (asked.node && nodes_[*asked.node].type != type) return false;
  if (!asked.signed_numbers.empty() || !asked.unsigned_numbers.empty()) {
    if (!type.is_int() || type.bits() > 64) return false;
  }
  if (asked.is_second_result) return type == ir::kI8;
  if (!asked.data.empty()) {
    const Pattern& data = *asked.data[0].pattern;
    const auto opcode =
        data.kind == Pattern::Kind::Term ? opcode_of(program_, program_.terms[data.term]) : std::nullopt;
    if (!opcode) return false;
    const OperationInfo& info = ir::operation_info(*opcode);
    const bool has_type = std::ranges::any_of(types_, [&](ir::Type controlling) {
      return (!info.polymorphic || info.controlling.contains(controlling)) && first_result(info, controlling) == type;
    });
    if (!has_type) return false;
  }
  return admits(asked, type);
}

// ---- values ----

uint32_t RulePlanner::push(ShapeNode node) {
  nodes_.push_back(std::move(node));
  return static_cast<uint32_t>(nodes_.size() - 1);
}

// The node for a value; of the type, if one is given.
std::optional<uint32_t> RulePlanner::value(const Asked& asked, ir::Type type) {
  if (asked.is_impossible) return {};
  if (type.is_valid() && !is_possible(asked, type)) return {};
  std::optional<uint32_t> node;
  if (asked.node) {
    node = asked.node;
  } else if (!asked.unsigned_numbers.empty() || !asked.signed_numbers.empty()) {
    node = constant(asked.unsigned_numbers, asked.signed_numbers, type);
  } else if (!asked.data.empty()) {
    node = operation(asked, type);
  } else {
    node = leaf(type);
  }
  if (!node) return {};
  if (!asked.is_second_result && nodes_[*node].type.is_valid()) {
    for (const Asking& one : asked.types) bind(one, Known::of(nodes_[*node].type));
  }
  for (const uint32_t name : asked.names) values_[name] = *node;
  return node;
}

std::optional<uint32_t> RulePlanner::leaf(ir::Type type) {
  if (!type.is_valid()) return {};
  // Operands that happen to be equal matter, too.
  if (random_.chance(10)) {
    for (uint32_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].kind == Kind::Leaf && nodes_[i].type == type) return i;
    }
  }
  return push({.kind = Kind::Leaf, .type = type, .operands = {}});
}

std::optional<uint32_t> RulePlanner::operation(const Asked& asked, ir::Type type) {
  const Pattern& data = *asked.data[0].pattern;
  if (data.kind != Pattern::Kind::Term) return {};
  const std::optional<ir::Opcode> opcode = opcode_of(program_, program_.terms[data.term]);
  if (!opcode || !can_plan(*opcode)) return {};
  const OperationInfo& info = ir::operation_info(*opcode);

  // What is asked of the operands, as far as is known before any of them is made.
  std::vector<std::pair<const ir::OperandInfo*, Asked>> operands;
  for (size_t i = 0; i < std::min(info.inputs.size(), data.children.size()); ++i) {
    if (info.inputs[i].kind != OperandKind::kValue || is_pointer(info.inputs[i])) continue;
    operands.emplace_back(&info.inputs[i], collect(children(asked.data, i)));
  }
  const auto suits = [&](ir::Type controlling) {
    if (info.polymorphic && !info.controlling.contains(controlling)) return false;
    const ir::Type result = first_result(info, controlling);
    if (result.is_valid() && !admits(asked, result)) return false;
    if (type.is_valid() && result != type && !asked.is_second_result) return false;
    const bool has_pointers = std::ranges::all_of(info.inputs, [&](const ir::OperandInfo& input) {
      const ir::Type wanted = input.type.resolve(controlling);
      return !is_pointer(input) || !wanted.is_valid() || wanted == ir::kI64;
    });
    if (!has_pointers) return false;
    return std::ranges::all_of(operands, [&](const auto& operand) {
      const ir::Type wanted = operand.first->type.resolve(controlling);
      return !wanted.is_valid() || (is_allowed(wanted) && is_possible(operand.second, wanted));
    });
  };
  ShapeNode node{.kind = Kind::Operation, .opcode = *opcode, .operands = {}};
  if (info.polymorphic) {
    node.controlling = any_type(suits);
    if (!node.controlling.is_valid()) return {};
  } else if (!suits({})) {
    return {};
  }
  node.type = first_result(info, node.controlling);
  for (const Asking& one : asked.types) {
    if (node.type.is_valid()) bind(one, Known::of(node.type));
  }
  if (info.value_operands == 0) {
    const bool is_constant = *opcode == ir::Opcode::kIconst || node.type.is_float();
    if (!is_constant || !is_allowed(node.type)) return {};
    return constant(data.children.empty() ? asked.data : children(asked.data, 0), {}, node.type);
  }

  for (size_t i = 0; i < std::min(info.inputs.size(), data.children.size()); ++i) {
    const ir::OperandInfo& input = info.inputs[i];
    const std::vector<Asking> askings = children(asked.data, i);
    if (is_pointer(input)) {
      node.operands.push_back(push({.kind = Kind::Address, .type = ir::kI64, .operands = {}}));
    } else if (input.kind == OperandKind::kValue) {
      const Asked operand = collect(askings);
      ir::Type wanted = input.type.resolve(node.controlling);
      if (!wanted.is_valid()) {
        wanted = any_type([&](ir::Type t) {
          return input.type.allows(t, node.controlling) &&
                 (*opcode != ir::Opcode::kBitcast || t.bits() == node.type.bits()) && is_possible(operand, t);
        });
      }
      if (!wanted.is_valid() || !is_allowed(wanted)) return {};
      const auto made = value(operand, wanted);
      if (!made) return {};
      node.operands.push_back(*made);
    } else if (input.kind == OperandKind::kIntCC || input.kind == OperandKind::kFloatCC ||
               input.kind == OperandKind::kAtomicRmwOp) {
      const auto chosen = code(askings, input.kind == OperandKind::kIntCC     ? ir::kIntCCCount
                                        : input.kind == OperandKind::kFloatCC ? ir::kFloatCCCount
                                                                              : ir::kAtomicRmwOpCount);
      if (!chosen) return {};
      node.code = *chosen;
      for (const Asking& one : askings) bind(one, Known::of_code(*chosen));
    } else if (input.kind == OperandKind::kTrapCode) {
      node.code = static_cast<uint8_t>(random_.between(1, 250));
    }
  }
  node.is_second_result = asked.is_second_result;
  if (node.is_second_result) node.type = info.results[1].type.resolve(node.controlling);
  return push(std::move(node));
}

// A condition, or what an atomic operation does.
std::optional<uint8_t> RulePlanner::code(std::span<const Asking> askings, unsigned count) const {
  std::optional<uint32_t> found;
  bool is_possible = true;
  const auto look = [&](const auto& self, const Asking& asking) -> void {
    const Pattern& p = *asking.pattern;
    std::optional<uint32_t> here;
    if (p.kind == Pattern::Kind::Term && program_.terms[p.term].is_variant()) here = program_.terms[p.term].variant;
    if (p.kind == Pattern::Kind::Variable) {
      const Known& other = known_[asking.rule][p.variable.index];
      if (other.kind == Known::Kind::Code) here = other.variant;
    }
    if (p.kind == Pattern::Kind::Bind || p.kind == Pattern::Kind::And) {
      for (const Pattern& child : p.children) self(self, {&child, asking.rule});
    }
    if (p.kind == Pattern::Kind::Bind) {
      if (const auto more = asked_.find(key(asking)); more != asked_.end()) {
        for (const Asking& one : more->second) self(self, one);
      }
    }
    if (here) {
      is_possible = is_possible && (!found || *found == *here);
      found = here;
    }
  };
  for (const Asking& asking : askings) look(look, asking);
  if (!is_possible) return {};
  return static_cast<uint8_t>(found ? *found : random_.below(count));
}

// ---- constants ----

std::optional<uint32_t> RulePlanner::constant(std::span<const Asking> unsigned_numbers,
                                              std::span<const Asking> signed_numbers, ir::Type type) {
  if (!type.is_valid()) return {};
  const Bits mask = type.bits() == 128 ? ~Bits(0) : (Bits(1) << type.bits()) - 1;
  std::optional<Bits> bits;
  for (const auto& numbers : {unsigned_numbers, signed_numbers}) {
    for (const Asking& asking : numbers) {
      const auto spelled = number(asking);
      if (!spelled) continue;
      if (bits && ((*bits ^ *spelled) & mask) != 0) return {};
      bits = spelled;
    }
  }
  const bool is_free = !bits;
  bits = (bits ? *bits : any_number(type)) & mask;
  numbers_.push_back(*bits);
  const FreeConstant made{push({.kind = Kind::Constant, .type = type, .operands = {}}),
                          {unsigned_numbers.begin(), unsigned_numbers.end()},
                          {signed_numbers.begin(), signed_numbers.end()}};
  set(made, *bits);
  if (is_free && type.is_int()) free_.push_back(made);
  return made.node;
}

void RulePlanner::set(const FreeConstant& constant, Bits bits) {
  ShapeNode& node = nodes_[constant.node];
  const unsigned width = node.type.bits(), above = width < 64 ? 64 - width : 0;
  node.bits = width == 128 ? bits : bits & ((Bits(1) << width) - 1);
  const auto zext = static_cast<uint64_t>(node.bits);
  for (const Asking& one : constant.unsigned_numbers) bind(one, Known::of(zext));
  for (const Asking& one : constant.signed_numbers) {
    bind(one, Known::of(static_cast<uint64_t>(static_cast<int64_t>(zext << above) >> above)));
  }
}

// What a pattern of a number says it is, if it does.
std::optional<RulePlanner::Bits> RulePlanner::number(const Asking& asking) const {
  const Pattern& p = *asking.pattern;
  if (p.kind == Pattern::Kind::Int) return static_cast<Bits>(p.value);
  if (p.kind == Pattern::Kind::Variable) {
    const Known& other = known_[asking.rule][p.variable.index];
    return other.kind == Known::Kind::Number ? std::optional<Bits>(other.number) : std::nullopt;
  }
  for (const Pattern& child : p.children) {
    if (const auto inner = number({&child, asking.rule})) return inner;
  }
  if (p.kind == Pattern::Kind::Bind) {
    if (const auto more = asked_.find(key(asking)); more != asked_.end()) {
      for (const Asking& one : more->second) {
        if (const auto inner = number(one)) return inner;
      }
    }
  }
  return {};
}

// Rules compare constants with each other, with the width, and with limits of their own.
RulePlanner::Bits RulePlanner::any_number(ir::Type type) {
  if (type.is_float()) return random_float_bits(random_, type.bits());
  const unsigned width = type.bits(), what = random_.below(100);
  if (what < 20 && !numbers_.empty()) {
    const Bits other = numbers_[random_.below(static_cast<uint32_t>(numbers_.size()))];
    switch (random_.below(6)) {
      case 0:
        return ~other;
      case 1:
        return -other;
      case 2:
        return std::max(8u, width) - other;
      default:
        return other;
    }
  }
  if (what < 45) {
    const std::span<const uint64_t> limits = chain_[random_.below(static_cast<uint32_t>(chain_.size()))].limits;
    if (!limits.empty()) {
      const auto limit = static_cast<int64_t>(limits[random_.below(static_cast<uint32_t>(limits.size()))]);
      const Bits near = static_cast<Bits>(limit) + (random_.chance(50) ? 0 : random_.below(3) - Bits(1));
      return random_.chance(15) ? -near : random_.chance(10) ? near << random_.below(4) : near;
    }
  }
  if (what < 66) return random_.below(width + 2);
  if (what < 74) {
    const Bits greatest = (Bits(1) << (width - 1)) - 1;
    const Bits edges[] = {0, 1, ~Bits(0), greatest, greatest + 1};
    return edges[random_.below(static_cast<uint32_t>(std::size(edges)))];
  }
  if (what < 80) return (Bits(1) << random_.below(width)) + random_.below(3) - 1;
  if (what < 86) {
    // A run of ones, wherever it begins and ends, or all but that; as a mask for each half of a type, too.
    const unsigned half = random_.chance(30) && width >= 16 ? width / 2 : width;
    const unsigned length = random_.between(1, half), from = random_.below(half);
    const Bits all = half == 128 ? ~Bits(0) : (Bits(1) << half) - 1;
    const Bits ones = length == 128 ? all : (Bits(1) << length) - 1;
    Bits run = ((ones << from) | (from == 0 ? 0 : ones >> (half - from))) & all;
    if (half != width) run |= random_.chance(50) ? run << half : all << half;
    return random_.chance(30) ? ~run : run;
  }
  return random_bits(random_, width);
}

}  // namespace assay::fuzz
