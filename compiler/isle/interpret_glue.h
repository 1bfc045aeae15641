// Helpers of the code that islec generates to run a unit's rules by the rule interpreter in the unit's real context
// (<unit>_isle_interpret.cpp): C++ values in and out of RuleValue.
#pragma once

#include <optional>
#include <tuple>
#include <vector>

#include "compiler/isle/rule_interpreter.h"

namespace assay::isle {

// The values of one opaque C++ type that the interpreter has handles of.
template <class T>
class Boxes {
 public:
  RuleValue put(const T& value) {
    items_.push_back(value);
    return RuleValue::of_handle(items_.size() - 1);
  }
  const T& get(const RuleValue& value) const { return items_[value.handle]; }

 private:
  std::vector<T> items_;
};

// Only where rules compare is `==` needed; what is never compared may lack it.
template <class A, class B>
bool equal_values(const A& a, const B& b) {
  if constexpr (requires { static_cast<bool>(a == b); }) {
    return a == b;
  } else {
    return false;
  }
}

template <class T>
bool equals_literal(const T& value, Int128 literal) {
  if constexpr (requires { T(static_cast<int64_t>(literal)); }) {
    return equal_values(value, T(static_cast<int64_t>(literal)));
  } else {
    return false;
  }
}

template <class T>
std::optional<T> value_of_literal(Int128 literal) {
  if constexpr (requires { T(static_cast<int64_t>(literal)); }) {
    return T(static_cast<int64_t>(literal));
  } else {
    return std::nullopt;
  }
}

// Throws what has failed, as generated constructors do.
inline void throw_if_failed(const RuleResult& result, const Program& program) {
  if (result.status != RuleResult::Status::Failed) return;
  throw NoRuleMatched(result.unmatched ? program.terms[result.unmatched].name.c_str() : "rule interpreter's limits");
}

}  // namespace assay::isle
