// See rule_shapes.h. Depth of the patterns is bounded by the rule reader, so recursion is safe.
#include "fuzz/rule_shapes.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "compiler/ir/operations.h"
#include "compiler/support/text.h"
#include "fuzz/function_generator.h"
#include "verify/rule_sources.h"

namespace assay::fuzz {

namespace {

using isle::Pattern;
using isle::Program;
using Kind = ShapeNode::Kind;

// One plan.
class Planner {
 public:
  Planner(const Program& program, Random& random, std::span<const ir::Type> types)
      : program_(program), random_(random), types_(types) {}

  // False if the choices led nowhere.
  bool plan(const Pattern& root) { return value(root, {}).has_value(); }
  std::vector<ShapeNode> take() { return std::move(nodes_); }

 private:
  bool is_allowed(ir::Type type) const { return std::ranges::find(types_, type) != types_.end(); }

  const isle::Term& term_of(const Pattern& p) const { return program_.terms[p.term]; }
  bool is_term(const Pattern& p, std::string_view name) const {
    return p.kind == Pattern::Kind::Term && term_of(p).name == name;
  }

  // ---- types ----

  // Does a pattern of a type admit this one? What it binds stays bound.
  bool admits(const Pattern& p, ir::Type type) {
    switch (p.kind) {
      case Pattern::Kind::Wildcard:
        return true;
      case Pattern::Kind::Bind:
        if (!admits(p.children[0], type)) return false;
        bound_types_[p.variable.index] = type;
        return true;
      case Pattern::Kind::Variable:
        return bound_types_.contains(p.variable.index) && bound_types_.at(p.variable.index) == type;
      case Pattern::Kind::Constant: {
        std::string name = program_.constants[p.constant].name;  // "I8"
        if (!name.empty()) name[0] = static_cast<char>(name[0] - 'A' + 'a');
        return name == type.to_string();
      }
      case Pattern::Kind::Term: {
        const std::string& name = term_of(p).name;
        if (name == "fits_in_64" && (type.bits() > 64 || type.is_float())) return false;
        if (name == "wide" && type != ir::kI128) return false;
        if (name == "ty_int" && !type.is_int()) return false;
        return std::ranges::all_of(p.children, [&](const Pattern& child) { return admits(child, type); });
      }
      case Pattern::Kind::And:
        return std::ranges::all_of(p.children, [&](const Pattern& child) { return admits(child, type); });
      default:
        return false;
    }
  }

  // One of the types that are possible, at random; invalid if there is none. Binds nothing.
  template <class IsPossible>
  ir::Type any_type(const IsPossible& is_possible) {
    std::vector<ir::Type> possible;
    const auto before = bound_types_;
    for (const ir::Type type : types_) {
      if (is_possible(type)) possible.push_back(type);
      bound_types_ = before;
    }
    return possible.empty() ? ir::Type() : possible[random_.below(static_cast<uint32_t>(possible.size()))];
  }

  // Could the value that a pattern matches have the type, as far as its own type says?
  bool admits_value(const Pattern& p, ir::Type type) {
    switch (p.kind) {
      case Pattern::Kind::Bind:
        return admits_value(p.children[0], type);
      case Pattern::Kind::Variable:
        return !bound_values_.contains(p.variable.index) || nodes_[bound_values_.at(p.variable.index)].type == type;
      case Pattern::Kind::And:
        return std::ranges::all_of(p.children, [&](const Pattern& child) { return admits_value(child, type); });
      case Pattern::Kind::Term:
        if (is_term(p, "second_node")) return type == ir::kI8;
        if (is_term(p, "node") || is_term(p, "value_type")) return admits(p.children[0], type);
        return true;
      default:
        return true;
    }
  }

  // ---- values ----

  // The node for a pattern of a value; of the type, if one is given.
  std::optional<uint32_t> value(const Pattern& p, ir::Type type) {
    switch (p.kind) {
      case Pattern::Kind::Bind: {
        const auto node = value(p.children[0], type);
        if (node) bound_values_[p.variable.index] = *node;
        return node;
      }
      case Pattern::Kind::Variable: {
        const auto known = bound_values_.find(p.variable.index);
        if (known == bound_values_.end()) return leaf(type);
        return !type.is_valid() || nodes_[known->second].type == type ? std::optional(known->second) : std::nullopt;
      }
      case Pattern::Kind::And: {
        std::optional<uint32_t> node;
        for (const Pattern& child : p.children) {  // one of them says how it is made, the others of what type it is
          if (!admits_value(child, type)) return {};
          if (!node && makes(child) && !(node = value(child, type))) return {};
        }
        return node ? node : leaf(type);
      }
      case Pattern::Kind::Term:
        if (is_term(p, "node")) return operation(p.children[0], p.children[1], type);
        if (is_term(p, "second_node")) {
          const auto node = operation(p.children[0], p.children[1], {});
          if (!node || nodes_[*node].kind != Kind::Operation) return {};
          nodes_[*node].is_second_result = true;
          nodes_[*node].type = ir::kI8;
          return node;
        }
        if (is_term(p, "value_type") && type.is_valid() && !admits(p.children[0], type)) return {};
        return leaf(type);
      default:
        return leaf(type);
    }
  }

  bool makes(const Pattern& p) const {
    if (p.kind == Pattern::Kind::Bind) return makes(p.children[0]);
    return p.kind == Pattern::Kind::Variable || is_term(p, "node") || is_term(p, "second_node");
  }

  std::optional<uint32_t> leaf(ir::Type type) {
    if (!type.is_valid()) return {};
    // Operands that happen to be equal matter, too.
    if (random_.chance(10)) {
      for (uint32_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].kind == Kind::Leaf && nodes_[i].type == type) return i;
      }
    }
    return push({.kind = Kind::Leaf, .type = type, .operands = {}});
  }

  uint32_t push(ShapeNode node) {
    nodes_.push_back(std::move(node));
    return static_cast<uint32_t>(nodes_.size() - 1);
  }

  std::optional<uint32_t> operation(const Pattern& type_pattern, const Pattern& data, ir::Type type) {
    if (data.kind != Pattern::Kind::Term || !term_of(data).is_variant()) return {};
    const std::optional<ir::Opcode> opcode = ir::parse_opcode(snake_case(program_.variant_of(term_of(data)).name));
    if (!opcode) return {};
    const ir::OperationInfo& info = ir::operation_info(*opcode);
    if (info.results.empty()) return {};
    if (!type.is_valid()) {
      type = any_type([&](ir::Type t) { return controls(info, t).is_valid() && admits(type_pattern, t); });
      if (!type.is_valid()) return {};
    }
    if (!admits(type_pattern, type)) return {};
    if (info.value_operands == 0) {
      const bool is_constant = *opcode == ir::Opcode::kIconst || type.is_float();
      return is_constant ? std::optional(constant(data, type)) : std::nullopt;
    }

    ShapeNode node{.kind = Kind::Operation, .type = type, .opcode = *opcode, .operands = {}};
    if (info.polymorphic) {
      node.controlling = controls(info, type);
      // Of a comparison, the operands say.
      if (info.results[0].type.kind != ir::TypeConstraint::Kind::kControlling) {
        const Pattern& operand = data.children[first_value(data)];
        node.controlling =
            any_type([&](ir::Type t) { return info.controlling.contains(t) && admits_value(operand, t); });
      }
      if (!node.controlling.is_valid()) return {};
    }
    size_t child = 0;
    for (const ir::OperandInfo& input : info.inputs) {
      if (child == data.children.size()) break;
      const Pattern& p = data.children[child++];
      if (input.kind == ir::OperandKind::kValue) {
        ir::Type wanted = input.type.resolve(node.controlling);
        if (!wanted.is_valid()) {
          wanted = any_type([&](ir::Type t) {
            return input.type.allows(t, node.controlling) &&
                   (*opcode != ir::Opcode::kBitcast || t.bits() == type.bits()) && admits_value(p, t);
          });
        }
        if (!wanted.is_valid() || !is_allowed(wanted)) return {};
        const auto made = value(p, wanted);
        if (!made) return {};
        node.operands.push_back(*made);
      } else if (input.kind == ir::OperandKind::kIntCC || input.kind == ir::OperandKind::kFloatCC) {
        const auto code = condition(p, input.kind == ir::OperandKind::kIntCC ? ir::kIntCCCount : ir::kFloatCCCount);
        if (!code) return {};
        node.code = *code;
      } else if (input.kind == ir::OperandKind::kTrapCode) {
        node.code = static_cast<uint8_t>(random_.between(1, 250));
      } else if (input.kind != ir::OperandKind::kMemFlags) {
        return {};
      }
    }
    return push(std::move(node));
  }

  size_t first_value(const Pattern& data) const {
    for (size_t i = 0; i < data.children.size(); ++i) {
      if (program_.types[data.children[i].type].name == "Value") return i;
    }
    return 0;
  }

  // The controlling type with which the first result has this one; any valid one if that does not depend on it.
  ir::Type controls(const ir::OperationInfo& info, ir::Type result) const {
    if (!info.polymorphic) return info.results[0].type.fixed == result ? result : ir::Type();
    for (const ir::Type type : types_) {
      if (info.controlling.contains(type) && info.results[0].type.resolve(type) == result) return type;
    }
    return {};
  }

  std::optional<uint8_t> condition(const Pattern& p, unsigned count) {
    if (p.kind == Pattern::Kind::Term && term_of(p).is_variant()) return static_cast<uint8_t>(term_of(p).variant);
    if (p.kind == Pattern::Kind::Bind) {
      const auto code = condition(p.children[0], count);
      if (code) bound_codes_[p.variable.index] = *code;
      return code;
    }
    if (p.kind == Pattern::Kind::Variable) {
      return bound_codes_.contains(p.variable.index) ? std::optional(bound_codes_.at(p.variable.index)) : std::nullopt;
    }
    return static_cast<uint8_t>(random_.below(count));
  }

  // ---- constants ----

  uint32_t constant(const Pattern& data, ir::Type type) {
    const Bits mask = type.bits() == 128 ? ~Bits(0) : (Bits(1) << type.bits()) - 1;
    const Bits bits = number(data.children.empty() ? data : data.children[0], type) & mask;
    numbers_.push_back(bits);
    return push({.kind = Kind::Constant, .type = type, .bits = bits, .operands = {}});
  }

  Bits number(const Pattern& p, ir::Type type) {
    switch (p.kind) {
      case Pattern::Kind::Int:
        return static_cast<Bits>(p.value);
      case Pattern::Kind::Bind:
        if (p.children[0].kind != Pattern::Kind::Wildcard) return number(p.children[0], type);
        return bound_numbers_.emplace(p.variable.index, any_number(type)).first->second;
      case Pattern::Kind::Variable:
        return bound_numbers_.contains(p.variable.index) ? bound_numbers_.at(p.variable.index) : any_number(type);
      case Pattern::Kind::Term:
        return p.children.size() == 1 ? number(p.children[0], type) : any_number(type);
      default:
        return any_number(type);
    }
  }

  // Rules compare constants with each other and with the width.
  Bits any_number(ir::Type type) {
    if (type.is_float()) return random_float_bits(random_, type.bits());
    const unsigned what = random_.below(100);
    if (what < 25 && !numbers_.empty()) {
      const Bits known = numbers_[random_.below(static_cast<uint32_t>(numbers_.size()))];
      const Bits width = std::max(8u, type.bits());
      switch (random_.below(6)) {
        case 0:
          return ~known;
        case 1:
          return -known;
        case 2:
          return width - known;
        default:
          return known;
      }
    }
    if (what < 60) return random_.below(type.bits() + 2);
    if (what < 70) return (Bits(1) << random_.below(type.bits())) - random_.below(2);
    return random_bits(random_, type.bits());
  }

  const Program& program_;
  Random& random_;
  std::span<const ir::Type> types_;
  std::vector<ShapeNode> nodes_;
  std::vector<Bits> numbers_;  // of the constants so far
  std::map<uint32_t, uint32_t> bound_values_;
  std::map<uint32_t, ir::Type> bound_types_;
  std::map<uint32_t, uint8_t> bound_codes_;
  std::map<uint32_t, Bits> bound_numbers_;
};

}  // namespace

RuleShapes::RuleShapes() {
  std::vector<isle::SourceFile> files;
  for (const verify::RuleSource& source : verify::optimizer_sources().rules) {
    files.push_back({source.name, std::string(source.text)});
  }
  checked_ = isle::check_program(std::move(files), {.check_overlap = false});
  assert(checked_.ok());  // the mid-end was made of the same text
  const isle::Program& program = *checked_.program;
  for (const isle::RuleId id : program.terms[program.term_by_name.at("simplify")].rules) rules_.push_back(id);
}

const RuleShapes& RuleShapes::of_optimizer() {
  static const RuleShapes shapes;
  return shapes;
}

std::vector<ShapeNode> RuleShapes::plan(Random& random, std::span<const ir::Type> types) const {
  const isle::Rule& rule = checked_.program->rules[rules_[random.below(static_cast<uint32_t>(rules_.size()))]];
  Planner planner(*checked_.program, random, types);
  return planner.plan(rule.arguments[0]) ? planner.take() : std::vector<ShapeNode>();
}

}  // namespace assay::fuzz
