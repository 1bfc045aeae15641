// The context of testdata/example.isle: simple functions over bytes, so that a test can try every input.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "compiler/isle/rule_table.h"
#include "compiler/isle/testdata/example_types.h"
#include "isle/example/example_isle.h"

namespace assay::isle::example {

class Context {
 public:
  Context() : rules(example_rules()) {}

  void rule_fired(RuleId rule) { rules.rule_fired(rule); }
  bool rule_enabled(RuleId rule) { return rules.rule_enabled(rule); }

  const Op& node_op(Node node) const { return nodes[node.index].op; }
  Width width_of(Node node) const { return nodes[node.index].width; }
  std::optional<uint8_t> small(uint8_t x) const { return x < 16 ? std::optional<uint8_t>(x) : std::nullopt; }
  bool is_even(uint8_t x) const { return x % 2 == 0; }
  std::optional<std::tuple<uint8_t, uint8_t>> nibbles(uint8_t x) const {
    if (x == 0) return std::nullopt;
    return std::tuple(uint8_t(x >> 4), uint8_t(x & 15));
  }
  uint8_t plus(uint8_t x, uint8_t y) const { return static_cast<uint8_t>(x + y); }
  std::optional<uint8_t> half(uint8_t x) const { return x % 2 == 0 ? std::optional<uint8_t>(x / 2) : std::nullopt; }
  Unit emit(const Operand& operand) {
    emitted.push_back(operand.kind() == Operand::Kind::Reg ? operand.as_Reg().reg : 255);
    return {};
  }
  void divisor(uint8_t x, Results<uint8_t>& out) const {
    for (uint8_t d : {2, 3, 5, 7}) {
      if (x % d == 0) out.push(d);
    }
  }
  void neighbour(uint8_t x, Results<uint8_t>& out) const {
    out.push(static_cast<uint8_t>(x - 1));
    out.push(static_cast<uint8_t>(x + 1));
  }

  struct NodeData {
    Op op;
    Width width;
  };
  std::vector<NodeData> nodes;
  std::vector<uint8_t> emitted;
  RuleState rules;
};

}  // namespace assay::isle::example
