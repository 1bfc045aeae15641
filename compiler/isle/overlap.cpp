// Overlap and reachability. Two rules of equal priority that may match the same input are an error (which one applies
// would be an accident), and so is a rule that a rule of higher priority always precedes.
//
// Rules of a multi term all apply, so they are not checked. To stay linear in practice, rules are compared only with
// those that agree on the first test both have (see buckets below); the worst case is bounded by kMaxPairs a program,
// after which a term is reported as too large to check.
#include <algorithm>

#include "compiler/isle/checker.h"
#include "compiler/isle/match.h"

namespace assay::isle {
namespace {

constexpr size_t kMaxPairs = 2'000'000;

std::string describe(const Program& program, const MatchRule& rule) {
  return "'" + program.rules[rule.rule].name + "' at " + render_position(program, rule.position);
}

void check_pair(Checker& checker, const MatchRule& a, const MatchRule& b, std::vector<uint8_t>& is_reported) {
  if (!may_overlap(a, b)) return;
  const Program& program = checker.program;
  if (a.priority == b.priority) {
    if (is_reported[b.number]) return;
    is_reported[b.number] = true;
    checker.error(
        b.position,
        "rule '" + program.rules[b.rule].name + "' overlaps with " + describe(program, a) + " of the same priority",
        "give the more specific one a higher priority");
    return;
  }
  const MatchRule& high = a.priority > b.priority ? a : b;
  const MatchRule& low = &high == &a ? b : a;
  if (is_reported[low.number] || !is_subset(low, high)) return;
  is_reported[low.number] = true;
  checker.error(low.position,
                "rule '" + program.rules[low.rule].name + "' can never apply: " + describe(program, high) +
                    " has a higher priority and matches whenever it does",
                "");
}

// Pairs within `rules` that may overlap, without looking at pairs that the most common test tells apart. Iterative:
// groups to look at are kept on a list.
void check_term(Checker& checker, const MatchTerm& term, size_t& pairs) {
  bool is_given_up = pairs > kMaxPairs;
  std::vector<uint8_t> is_reported(checker.program.terms[term.term].rules.size(), 0);
  struct Group {
    std::vector<const MatchRule*> rules;
    std::vector<BindingId> used;  // tests that have been used to split
  };
  std::vector<Group> groups(1);
  for (const MatchRule& rule : term.rules) groups[0].rules.push_back(&rule);
  auto compare = [&](const MatchRule& a, const MatchRule& b) {
    if (++pairs <= kMaxPairs) check_pair(checker, a, b, is_reported);
  };
  while (!groups.empty()) {
    Group group = std::move(groups.back());
    groups.pop_back();
    std::map<BindingId, size_t> counts;
    if (group.rules.size() > 8) {
      for (const MatchRule* rule : group.rules) {
        for (auto [binding, index] : rule->test_of) {
          Test::Kind kind = rule->tests[index].kind;
          if (kind != Test::Kind::Matched && kind != Test::Kind::Each) counts[binding]++;
        }
      }
    }
    for (BindingId used : group.used) counts.erase(used);
    auto best = std::max_element(counts.begin(), counts.end(),
                                 [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best == counts.end() || best->second < 4) {
      for (size_t i = 0; i < group.rules.size(); i++) {
        for (size_t j = i + 1; j < group.rules.size(); j++) compare(*group.rules[i], *group.rules[j]);
      }
      continue;
    }
    // Split by the value tested; rules without the test may overlap with any.
    BindingId binding = best->first;
    std::map<std::tuple<Test::Kind, Int128, ConstantId>, std::vector<const MatchRule*>> buckets;
    std::vector<const MatchRule*> without;
    for (const MatchRule* rule : group.rules) {
      auto it = rule->test_of.find(binding);
      if (it == rule->test_of.end()) {
        without.push_back(rule);
      } else {
        const Test& test = rule->tests[it->second];
        buckets[{test.kind, test.value, test.constant}].push_back(rule);
      }
    }
    for (auto& [key, rules] : buckets) {
      for (const MatchRule* a : rules) {
        for (const MatchRule* b : without) compare(a->number < b->number ? *a : *b, a->number < b->number ? *b : *a);
      }
      Group next{std::move(rules), group.used};
      next.used.push_back(binding);
      groups.push_back(std::move(next));
    }
    Group next{std::move(without), group.used};
    next.used.push_back(binding);
    groups.push_back(std::move(next));
  }
  if (pairs > kMaxPairs && !is_given_up) {
    checker.error(checker.program.terms[term.term].position,
                  "the rules of '" + checker.program.terms[term.term].name + "' are too many to check for overlap");
  }
}

}  // namespace

void check_overlap(Checker& checker) {
  size_t pairs = 0;
  for (uint32_t i = 0; i < checker.program.terms.size(); i++) {
    const Term& term = checker.program.terms[TermId(i)];
    if (!term.has_rules()) continue;
    MatchTerm match = match_term(checker.program, TermId(i), &checker.errors);
    if (!term.flags.is_multi) check_term(checker, match, pairs);
  }
}

}  // namespace assay::isle
