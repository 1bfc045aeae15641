// What rules compute of constants, types and condition codes before they fire, for plans that are to meet or just to
// miss the conditions beside a pattern: `(if-let k (signed_fits 12 n))`. What depends on more is unknown, and so is
// whatever follows from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/ir/types.h"
#include "compiler/isle/sema.h"

namespace assay::fuzz {

// A value of a rule.
struct Known {
  enum class Kind : uint8_t { Unknown, Number, Type, Code };
  Kind kind = Kind::Unknown;
  uint64_t number = 0;   // Number: the low 64 bits
  uint32_t variant = 0;  // Code: of an enum whose variant has no fields
  ir::Type type;         // Type

  static Known of(uint64_t number) { return {.kind = Kind::Number, .number = number}; }
  static Known of(ir::Type type) { return {.kind = Kind::Type, .type = type}; }
  static Known of_code(uint32_t variant) { return {.kind = Kind::Code, .variant = variant}; }
  bool operator==(const Known&) const = default;
};
using KnownVariables = std::vector<Known>;  // of one rule, by variable

class RuleConditions {
 public:
  explicit RuleConditions(const isle::Program& program) : program_(program) {}

  // Nothing if a partial term in it yields nothing.
  std::optional<Known> evaluate(const isle::Expr& expr, KnownVariables& variables);
  // Does the pattern match the value? Nothing: that is not known. What it binds is bound.
  std::optional<bool> matches(const isle::Pattern& pattern, const Known& value, KnownVariables& variables);
  // Do all conditions of the rule hold, as far as is known?
  bool hold(const isle::Rule& rule, KnownVariables& variables);

  // The numbers that evaluation has come across, since they were forgotten: what a constant is compared with, say.
  const std::vector<uint64_t>& seen() const { return seen_; }
  void forget_seen() { seen_.clear(); }

  // Numbers at which conditions change: those that a rule spells, and the limits of the ranges it asks for; also those
  // of the terms that it calls before it fires.
  std::vector<uint64_t> limits(const isle::Rule& rule) const;

 private:
  std::optional<Known> external(const isle::Term& term, const std::vector<Known>& arguments) const;
  std::optional<Known> apply(const isle::Term& term, const std::vector<Known>& arguments);
  void limits(const isle::Pattern& pattern, std::vector<uint64_t>& out) const;
  void limits(const isle::Expr& expr, unsigned depth, std::vector<uint64_t>& out) const;

  const isle::Program& program_;
  unsigned depth_ = 0;  // of the calls being evaluated
  std::vector<uint64_t> seen_;
};

// The type that an external constant like I8 names, if it does.
std::optional<ir::Type> type_of_constant(const isle::Constant& constant);
// Is the type one that an extractor of types like fits_in_64 admits? Extractors that are not known admit every type.
bool admits(const std::string& extractor, ir::Type type);

}  // namespace assay::fuzz
