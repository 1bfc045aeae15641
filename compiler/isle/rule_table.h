// What generated code, the contexts it runs in, and tools need to know of the rules at run time: their names and
// places, how often each was applied, and which are switched off. Lean: every generated file includes it.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "compiler/support/entity.h"

namespace assay::isle {

struct RuleTag;
using RuleId = Entity<RuleTag>;  // index into the unit's rule table

// One row of the table that islec emits for a unit (`<unit>_rules()`).
struct RuleInfo {
  std::string_view name;  // given, or <term>_<file stem>_<line>
  std::string_view file;
  uint32_t line = 0;
  int64_t priority = 0;
  std::string_view term;
};

// Counts rule applications, and holds which rules are switched off. A context inherits or holds one and forwards
// rule_fired and rule_enabled to it. Not thread-safe: one per context.
class RuleState {
 public:
  // Applications are also counted by column, what the rules work on just then; the context says what a column is.
  static constexpr uint32_t kColumns = 32;

  explicit RuleState(std::span<const RuleInfo> rules)
      : rules_(rules), counts_(rules.size()), enabled_(rules.size(), kOn), cells_(rules.size() * kColumns) {}

  void set_column(uint8_t column) { column_ = column; }
  void rule_fired(RuleId rule) {
    counts_[rule.index]++;
    const uint32_t cell = rule.index * kColumns + column_;
    if (cells_[cell]++ == 0) touched_.push_back(cell);
  }
  // Asked when a rule has matched, each time.
  bool rule_enabled(RuleId rule) {
    const uint8_t state = enabled_[rule.index];
    return state == kOn || (state == kOnButOnce && until_passed_over_-- != 0);
  }

  void enable_rule(RuleId rule, bool enabled) { enabled_[rule.index] = enabled ? kOn : kOff; }
  void enable_all() { enabled_.assign(enabled_.size(), kOn); }
  // From now on the rule is applied wherever it matches but the time after the next `times` times, until enable_rule()
  // or enable_all(). For one rule at a time.
  void pass_over_once(RuleId rule, uint64_t times) {
    enabled_[rule.index] = kOnButOnce;
    until_passed_over_ = times;
  }
  uint64_t count(RuleId rule) const { return counts_[rule.index]; }
  void reset_counts() { counts_.assign(counts_.size(), 0); }
  // Calls `take(rule, column, count)` for what has fired since the last call.
  template <class Take>
  void take_cells(const Take& take) {
    for (uint32_t cell : touched_) {
      take(RuleId(cell / kColumns), static_cast<uint8_t>(cell % kColumns), std::exchange(cells_[cell], 0));
    }
    touched_.clear();
  }

  std::span<const RuleInfo> rules() const { return rules_; }
  // The default id if there is none of that name.
  RuleId find_rule(std::string_view name) const {
    for (uint32_t i = 0; i < rules_.size(); i++) {
      if (rules_[i].name == name) return RuleId(i);
    }
    return RuleId();
  }

 private:
  enum : uint8_t { kOff, kOn, kOnButOnce };

  std::span<const RuleInfo> rules_;
  std::vector<uint64_t> counts_;
  std::vector<uint8_t> enabled_;
  uint64_t until_passed_over_ = 0;  // wraps round after that: it will not come back
  std::vector<uint32_t> cells_;     // by rule and column, since the last take_cells()
  std::vector<uint32_t> touched_;   // cells that are not 0
  uint8_t column_ = 0;
};

// A context may have rule_done() to learn when a rule that fired has computed its result: rules nest, so what is
// emitted in between comes from the innermost that is not done.
template <class Context>
void tell_rule_done(Context& context) {
  if constexpr (requires { context.rule_done(); }) context.rule_done();
}

// Lives while a rule that matched computes its result.
template <class Context>
class RuleScope {
 public:
  RuleScope(Context& context, RuleId rule) : context_(context) { context.rule_fired(rule); }
  ~RuleScope() { tell_rule_done(context_); }
  RuleScope(const RuleScope&) = delete;
  RuleScope& operator=(const RuleScope&) = delete;

 private:
  Context& context_;
};

// What a multi term yields: any number of values, of which at most kMaxResults are kept.
inline constexpr size_t kMaxResults = 64;

template <class T>
class Results {
 public:
  void push(T value) {
    if (values_.size() < kMaxResults) values_.push_back(std::move(value));
  }
  bool full() const { return values_.size() >= kMaxResults; }
  bool empty() const { return values_.empty(); }
  size_t size() const { return values_.size(); }
  const T& operator[](size_t i) const { return values_[i]; }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }
  void clear() { values_.clear(); }

 private:
  std::vector<T> values_;
};

// Thrown by a generated constructor that is not partial when no rule matches (rules were switched off, or the rules do
// not cover an input). Whoever calls generated code from outside catches it: it does not leave the library.
class NoRuleMatched : public std::exception {
 public:
  explicit NoRuleMatched(const char* term) : term_(term) {}
  const char* what() const noexcept override { return "no rule matched"; }
  const char* term() const { return term_; }

 private:
  const char* term_;
};

// An external enum is a C++ `enum class`, or a class with `enum class Kind` and `Kind kind() const`.
template <class T>
struct KindOf {
  using type = typename T::Kind;
};
template <class T>
  requires std::is_enum_v<T>
struct KindOf<T> {
  using type = T;
};
template <class T>
using Kind = typename KindOf<T>::type;

template <class T>
constexpr Kind<T> kind_of(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return value;
  } else {
    return value.kind();
  }
}

}  // namespace assay::isle
