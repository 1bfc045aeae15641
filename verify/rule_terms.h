// The two sides of a mid-end rule as plain terms: what rule_classes.h compares.
//
// A rule is read at each choice of its condition codes, whose helper terms are computed, and of its types, of which
// only is told whether they are wider than a register (Width): what of i128 becomes halves. The values of constants and
// all other conditions are left out, so that the terms stand for at least what the rule does. A value that a pattern
// asks to be several nodes at once is the first of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/isle/sema.h"

namespace assay::verify {

struct RuleTerm {
  enum class Kind : uint8_t { Variable, Constant, Operation };
  enum class Width : uint8_t { Any, Narrow, Wide };  // Any: on the left only
  Kind kind = Kind::Variable;
  Width width = Width::Any;        // of the value
  uint32_t variable = 0;           // Variable: the same number on both sides
  bool never_constant = false;     // Variable: the rule asks that no constant is known to equal it
  std::optional<uint64_t> number;  // Constant: where the rule spells it
  bool is_made = false;            // Constant or Operation: the right side makes it; else a pattern has found it
  std::string operation;           // Operation: "iadd"
  std::string code;                // of a comparison: "Equal"; empty: any, on the left only, or there is none
  std::vector<RuleTerm> args;
  std::vector<uint32_t> names;  // of the left side: the variables of the rule that stand for it
};

struct RuleSides {
  RuleTerm left, right;
};

// Empty with the reason if there is something that terms do not say. `rule` is one of `simplify`, of a program with its
// macros expanded.
std::vector<RuleSides> read_sides(const isle::Program& program, const isle::Rule& rule, std::string& reason);

}  // namespace assay::verify
