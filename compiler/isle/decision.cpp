// See decision.h.
#include "compiler/isle/decision.h"

#include <algorithm>
#include <numeric>

namespace assay::isle {
namespace {

class Builder {
 public:
  Builder(const Program& program, const MatchTerm& term)
      : program_(program), term_(term), is_multi_(program.terms[term.term].flags.is_multi) {
    compute_guards();
    applied_.resize(term.bindings.size(), 0);
  }

  DecisionNode build() {
    std::vector<uint32_t> rules(term_.rules.size());
    std::iota(rules.begin(), rules.end(), 0);
    std::sort(rules.begin(), rules.end(), [&](uint32_t a, uint32_t b) {
      if (rule(a).priority != rule(b).priority) return rule(a).priority > rule(b).priority;
      return a < b;
    });
    return node(std::move(rules));
  }

 private:
  const MatchRule& rule(uint32_t index) const { return term_.rules[index]; }

  // guards_[b]: the bindings whose tests must have succeeded before b can be computed.
  void compute_guards() {
    guards_.resize(term_.bindings.size());
    for (uint32_t i = 0; i < term_.bindings.size(); i++) {
      const Binding& binding = term_.bindings[BindingId(i)];
      std::vector<BindingId>& guards = guards_[BindingId(i)];
      for (BindingId source : binding.sources) {
        guards.insert(guards.end(), guards_[source].begin(), guards_[source].end());
      }
      if (is_guarded(binding)) guards.push_back(binding.sources[0]);
      std::sort(guards.begin(), guards.end());
      guards.erase(std::unique(guards.begin(), guards.end()), guards.end());
    }
  }

  bool is_guarded(const Binding& binding) const {
    const Term* term = binding.term ? &program_.terms[binding.term] : nullptr;
    if (binding.kind == Binding::Kind::Field) return program_.types[term->result].kind == Type::Kind::Enum;
    if (binding.kind != Binding::Kind::Output) return false;
    bool is_extract = term_.bindings[binding.sources[0]].kind == Binding::Kind::Extract;
    return term->flags.is_multi || !is_extract || !term->extractor_is_infallible;
  }

  bool can_compute(BindingId binding) const {
    for (BindingId guard : guards_[binding]) {
      if (!applied_[guard]) return false;
    }
    return true;
  }

  bool is_equal_applied(const Test& test) const {
    return std::find(equal_applied_.begin(), equal_applied_.end(), std::pair(test.binding, test.other)) !=
           equal_applied_.end();
  }

  bool is_done(const Test& test) const {
    return test.kind == Test::Kind::Equal ? is_equal_applied(test) : applied_[test.binding];
  }

  bool can_make(const Test& test) const {
    return !is_done(test) && can_compute(test.binding) && (!test.other || can_compute(test.other));
  }

  // How many rules of a list could make a test now: of a value test by its binding, of an equality by both.
  using Counts = std::map<std::pair<BindingId, BindingId>, uint32_t>;

  void count(const std::vector<uint32_t>& rules, uint32_t by, Counts& counts) const {
    for (uint32_t index : rules) {
      for (const Test& test : rule(index).tests) {
        if (can_make(test)) counts[{test.binding, test.other}] += by;
      }
    }
  }

  // The test that the most rules share, the first of them in the rule's text; null if none is left.
  const Test* best_test(const MatchRule& candidate, const Counts& counts) const {
    const Test* best = nullptr;
    uint32_t best_count = 0;
    for (const Test& test : candidate.tests) {
      if (!can_make(test)) continue;
      uint32_t own = counts.at({test.binding, test.other});
      if (own > best_count) {
        best = &test;
        best_count = own;
      }
    }
    return best;
  }

  // Which of the rules can share an item for the test (see decision.h).
  std::vector<uint32_t> joined(const std::vector<uint32_t>& rules, const Test& test, const Counts& counts) const {
    std::vector<uint32_t> result, skipped;
    for (uint32_t index : rules) {
      const Test* best = best_test(rule(index), counts);
      if (!best || best->binding != test.binding || best->other != test.other || is_blocked(index, skipped)) {
        skipped.push_back(index);
      } else {
        result.push_back(index);
      }
    }
    return result;
  }

  bool is_blocked(uint32_t index, const std::vector<uint32_t>& skipped) const {
    if (is_multi_) return false;
    for (uint32_t other : skipped) {
      if (rule(other).priority == rule(index).priority) break;  // sorted: the rest has the same priority
      if (may_overlap(rule(other), rule(index))) return true;
    }
    return false;
  }

  DecisionNode node(std::vector<uint32_t> rules) {
    DecisionNode result;
    Counts counts;
    count(rules, 1, counts);
    while (!rules.empty()) {
      const Test* best = best_test(rule(rules[0]), counts);
      DecisionItem item;
      if (!best) {
        item.rule = rules[0];
        rules.erase(rules.begin());
      } else {
        std::vector<uint32_t> members = joined(rules, *best, counts);
        count(members, uint32_t(-1), counts);
        std::vector<uint32_t> rest;
        std::set_difference(rules.begin(), rules.end(), members.begin(), members.end(), std::back_inserter(rest),
                            Order{this});
        item = split(*best, members);
        rules = std::move(rest);
      }
      result.items.push_back(std::move(item));
    }
    return result;
  }

  struct Order {
    const Builder* builder;
    bool operator()(uint32_t a, uint32_t b) const {
      int64_t pa = builder->rule(a).priority, pb = builder->rule(b).priority;
      return pa != pb ? pa > pb : a < b;
    }
  };

  DecisionItem split(const Test& test, const std::vector<uint32_t>& rules) {
    DecisionItem item;
    item.binding = test.binding;
    item.other = test.other;
    if (test.kind == Test::Kind::Equal) {
      item.kind = DecisionItem::Kind::Equal;
      equal_applied_.emplace_back(test.binding, test.other);
      item.arms.push_back({test, node(rules)});
      equal_applied_.pop_back();
      return item;
    }
    item.kind = test.kind == Test::Kind::Each ? DecisionItem::Kind::Each : DecisionItem::Kind::Switch;
    std::vector<std::pair<Test, std::vector<uint32_t>>> groups;
    std::map<std::tuple<Test::Kind, Int128, ConstantId>, size_t> group_of;
    for (uint32_t index : rules) {
      const Test& own = rule(index).tests[rule(index).test_of.at(test.binding)];
      auto [it, is_new] = group_of.emplace(std::tuple(own.kind, own.value, own.constant), groups.size());
      if (is_new) groups.emplace_back(own, std::vector<uint32_t>());
      groups[it->second].second.push_back(index);
    }
    applied_[test.binding] = 1;
    for (auto& [own, members] : groups) item.arms.push_back({own, node(std::move(members))});
    applied_[test.binding] = 0;
    return item;
  }

  const Program& program_;
  const MatchTerm& term_;
  bool is_multi_;
  Table<BindingId, std::vector<BindingId>> guards_;
  Table<BindingId, uint8_t> applied_;
  std::vector<std::pair<BindingId, BindingId>> equal_applied_;
};

void collect_leaves(const DecisionNode& node, std::vector<uint32_t>& out) {
  for (const DecisionItem& item : node.items) {
    if (item.kind == DecisionItem::Kind::Leaf) out.push_back(item.rule);
    for (const DecisionArm& arm : item.arms) collect_leaves(arm.node, out);
  }
}

}  // namespace

DecisionNode build_decisions(const Program& program, const MatchTerm& term) { return Builder(program, term).build(); }

std::vector<uint32_t> leaves_of(const DecisionNode& node) {
  std::vector<uint32_t> result;
  collect_leaves(node, result);
  return result;
}

}  // namespace assay::isle
