// The context of testdata/divided.isle.
#pragma once

#include <cstdint>
#include <optional>

#include "compiler/isle/rule_table.h"
#include "isle/divided/divided_isle.h"

namespace assay::isle::divided {

class Context {
 public:
  void rule_fired(RuleId rule) { rules.rule_fired(rule); }
  bool rule_enabled(RuleId rule) { return rules.rule_enabled(rule); }

  std::optional<uint8_t> is_small(uint8_t x) const { return x < 16 ? std::optional<uint8_t>(x) : std::nullopt; }
  uint8_t sum(uint8_t x, uint8_t y) const { return static_cast<uint8_t>(x + y); }
  std::optional<uint8_t> halve(uint8_t x) const { return x % 2 == 0 ? std::optional<uint8_t>(x / 2) : std::nullopt; }
  void divisor(uint8_t x, Results<uint8_t>& out) const {
    for (uint8_t d : {2, 3, 5, 7}) {
      if (x % d == 0) out.push(d);
    }
  }

  RuleState rules{divided_rules()};
};

}  // namespace assay::isle::divided
