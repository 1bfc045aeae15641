// Steps: what a compiler does although it need not (applying a rule, folding a branch, hoisting a value), counted one
// by one. Each asks first; from some number on, or for some numbers only, the answer is no. Bisection then finds the
// one step that makes a difference (fuzz/triage_optimizer.cpp).
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace assay {

// Who answers for a step. `is_at_fault`: an audit, which works out once more what the step rests on, has found that
// this function decided against its own rule.
struct Responsible {
  std::string_view name;  // of the rule or function; outlives the steps
  bool is_at_fault = false;
};

class Steps {
 public:
  static constexpr uint64_t kNever = ~uint64_t(0);

  // Steps with numbers from `begin` to before `end` are not taken. If `only` is given, steps of other names are taken
  // and have no number.
  explicit Steps(uint64_t begin = kNever, uint64_t end = kNever, std::string_view only = {})
      : begin_(begin), end_(end), only_(only) {}

  // Whether the next step may be taken. `name`, of the rule or function, must outlive this.
  bool take(std::string_view name) {
    if (!only_.empty() && name != only_) return true;
    names_.push_back(name);
    return names_.size() <= begin_ || names_.size() > end_;
  }
  bool take(Responsible responsible) {
    if (responsible.is_at_fault) find_fault(responsible.name);
    return take(responsible.name);
  }
  // What was done was done wrongly, by this function.
  void find_fault(std::string_view name) {
    if (std::ranges::find(at_fault_, name) == at_fault_.end()) at_fault_.push_back(name);
  }

  // The names of all that asked, in order.
  const std::vector<std::string_view>& asked() const { return names_; }
  // The functions that audits found at fault, in order, each once.
  const std::vector<std::string_view>& at_fault() const { return at_fault_; }

  // What the steps so far have made is broken: nobody need go on with it.
  void set_broken() { is_broken_ = true; }
  bool is_broken() const { return is_broken_; }

 private:
  uint64_t begin_, end_;
  std::string_view only_;
  std::vector<std::string_view> names_, at_fault_;
  bool is_broken_ = false;
};

// For the usual case, that nobody counts.
inline bool may_take(Steps* steps, std::string_view name) { return steps == nullptr || steps->take(name); }
// `responsible` works out who answers for it.
template <std::invocable Audit>
bool may_take(Steps* steps, Audit&& responsible) {
  return steps == nullptr || steps->take(responsible());
}

}  // namespace assay
