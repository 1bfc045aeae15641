// The second opinion on rules: applies them straight from the typed syntax, one after the other, as the language
// reference says. It shares no code with match.h, decision.h and the generator, so that comparing the two tests both.
//
//   RuleInterpreter interpreter(program, externs);
//   RuleResult result = interpreter.apply(program.find_term("lower"), {inst});
//
// Values are type-erased; what external functions, constants and external enums are is up to the embedder (Externs).
// Guarantees: terminates within the given fuel, host recursion is bounded, any error is a value. Speed is not a goal.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/isle/sema.h"

namespace assay::isle {

// A value of an ISLE type.
struct RuleValue {
  enum class Kind : uint8_t {
    Int,      // bool and integer types; canonical for its type (canonical_int)
    Handle,   // anything of the embedder's
    Variant,  // an enum or struct with its fields
  };
  Kind kind = Kind::Int;
  uint32_t variant = 0;
  Int128 integer = 0;
  uint64_t handle = 0;
  std::shared_ptr<const std::vector<RuleValue>> fields;  // null: none

  static RuleValue of_int(Int128 value);
  static RuleValue of_handle(uint64_t handle);
  static RuleValue of_variant(uint32_t variant, std::vector<RuleValue> fields);

  std::span<const RuleValue> field_values() const { return fields ? std::span(*fields) : std::span<const RuleValue>(); }
  bool operator==(const RuleValue& other) const;
};

using RuleValues = std::vector<RuleValue>;

// What the embedder provides. Functions are called by the name in `(extern …)`: term.constructor_function,
// term.extractor_function.
class Externs {
 public:
  virtual ~Externs() = default;

  // The values that an external constructor yields: one; none or one if it is partial; any number if it is multi.
  virtual std::vector<RuleValue> construct(const Term& term, std::span<const RuleValue> arguments) = 0;

  // The matches of an external extractor: each is the list of its outputs. None or one unless it is multi.
  virtual std::vector<RuleValues> extract(const Term& term, const RuleValue& value) = 0;

  virtual RuleValue constant(const Constant& constant) = 0;

  // A value of an enum or struct type as Kind::Variant. Only called for values of other kinds.
  virtual RuleValue view(const Type& type, const RuleValue& value);

  // Whether two values of a type are equal, and whether an opaque value equals an integer literal.
  virtual bool equal(const Type& type, const RuleValue& a, const RuleValue& b);
  virtual bool equals_int(const Type& type, const RuleValue& value, Int128 literal);
  // An integer literal as a value of an opaque type.
  virtual RuleValue literal(const Type& type, Int128 value);

  virtual bool rule_enabled(const Rule& rule);
  // Before a rule that matched computes its result, and after.
  virtual void rule_fired(const Rule& rule);
  virtual void rule_done(const Rule& rule);
};

struct RuleResult {
  enum class Status : uint8_t {
    Value,    // values: one; of a multi term any number
    NoMatch,  // a partial term without a value
    Failed,   // error: no rule of a total term matched, or out of fuel or depth
  };
  Status status = Status::NoMatch;
  std::vector<RuleValue> values;
  std::string error;
  TermId unmatched;  // Failed: the total term without a matching rule, if that is why
};

class RuleInterpreter {
 public:
  struct Limits {
    uint64_t fuel = 1'000'000;  // pattern and expression nodes
    uint32_t depth = 200;       // nested rule applications
    uint32_t nesting = 2000;    // nested patterns and expressions, over all applications
  };

  RuleInterpreter(const Program& program, Externs& externs) : RuleInterpreter(program, externs, Limits()) {}
  RuleInterpreter(const Program& program, Externs& externs, Limits limits);

  // Applies the rules of a term that has rules.
  RuleResult apply(TermId term, std::vector<RuleValue> arguments);

 private:
  // The variables of a rule, by VariableId. A rule of a multi term is in several states at once, one a combination of
  // the results of its multi calls.
  using State = std::vector<RuleValue>;

  std::vector<RuleValue> apply_rules(TermId term, const std::vector<RuleValue>& arguments);
  std::vector<State> match_rule(const Rule& rule, const std::vector<RuleValue>& arguments);
  std::vector<State> match(const Pattern& pattern, const RuleValue& value, const State& state);
  std::vector<State> match_term(const Pattern& pattern, const RuleValue& value, const State& state);
  std::vector<State> match_all(const std::vector<Pattern>& patterns, std::span<const RuleValue> values,
                               const State& state);

  // An expression's values, each with the state after it (a let binds variables).
  struct Evaluated {
    RuleValue value;
    State state;
  };
  std::vector<Evaluated> evaluate(const Expr& expr, const State& state);
  std::vector<Evaluated> evaluate_term(const Expr& expr, const State& state);
  std::vector<RuleValue> call(const Term& term, TermId id, const std::vector<RuleValue>& arguments);

  bool has_failed() const { return !error_.empty(); }
  void fail(std::string error) {
    if (error_.empty()) error_ = std::move(error);
  }
  bool spend();

  struct Nested {
    explicit Nested(RuleInterpreter& owner) : owner(owner) { owner.nesting_++; }
    ~Nested() { owner.nesting_--; }
    RuleInterpreter& owner;
  };

  const Program& program_;
  Externs& externs_;
  Limits limits_;
  uint64_t fuel_ = 0;
  uint32_t depth_ = 0;
  uint32_t nesting_ = 0;
  std::string error_;
  TermId unmatched_;
  std::unordered_map<TermId, std::vector<RuleId>> sorted_rules_;  // by priority; filled on demand
};

}  // namespace assay::isle
