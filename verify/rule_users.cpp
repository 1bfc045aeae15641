// See rule_users.h. Depth of the trees is bounded by the rule reader, so recursion is safe.
#include "verify/rule_users.h"

#include <algorithm>

#include "verify/expand.h"
#include "verify/rule_sources.h"

namespace assay::verify {

using isle::Expr;
using isle::Pattern;
using isle::TermId;

void collect_terms(const Expr& expr, std::set<uint32_t>& terms) {
  if (expr.kind == Expr::Kind::Term) terms.insert(expr.term.index);
  for (const isle::Let& let : expr.lets) collect_terms(let.value, terms);
  for (const Expr& child : expr.children) collect_terms(child, terms);
}

void collect_terms(const Pattern& pattern, std::set<uint32_t>& terms) {
  if (pattern.kind == Pattern::Kind::Term) terms.insert(pattern.term.index);
  for (const Pattern& child : pattern.children) collect_terms(child, terms);
}

bool is_entry(const isle::Term& term) {
  return term.name == "lower" || term.name == "lower_branch" || term.name == "simplify";
}

LeadingRules::LeadingRules(const isle::Program& program, const isle::Rule& rule) : preferred(program.rules.size()) {
  std::set<uint32_t> terms = {rule.term.index};
  const auto add = [&](const isle::Rule& leads) {
    preferred[leads.id.index] = true;
    if (is_entry(program.terms[leads.term])) entries.push_back(leads.id);
  };
  add(rule);
  for (bool changed = true; changed;) {
    changed = false;
    for (const isle::Rule& other : program.rules) {
      if (preferred[other.id.index] || other.term == rule.term) continue;
      std::set<uint32_t> builds;
      collect_terms(other.result, builds);
      for (const isle::IfLet& if_let : other.if_lets) collect_terms(if_let.value, builds);
      if (std::ranges::none_of(builds, [&](uint32_t term) { return terms.contains(term); })) continue;
      terms.insert(other.term.index);
      add(other);
      changed = true;
    }
  }
}

RuleUsers::RuleUsers(const isle::Program& program)
    : program_(program),
      built_by_(program.terms.size()),
      matched_by_(program.terms.size()),
      reached_(program.terms.size()) {
  std::vector<std::set<uint32_t>> builds(program.rules.size());
  for (const isle::Rule& rule : program.rules) {
    std::set<uint32_t> matches;
    for (const Pattern& argument : rule.arguments) collect_terms(argument, matches);
    for (const isle::IfLet& if_let : rule.if_lets) {
      collect_terms(if_let.pattern, matches);
      collect_terms(if_let.value, builds[rule.id.index]);
    }
    collect_terms(rule.result, builds[rule.id.index]);
    for (const uint32_t term : builds[rule.id.index]) built_by_[term].push_back(rule.id);
    for (const uint32_t term : matches) matched_by_[term].push_back(rule.id);
  }
  std::vector<uint32_t> work;
  for (uint32_t i = 0; i < program.terms.size(); ++i) {
    if (is_entry(program.terms[TermId(i)])) work.push_back(i);
  }
  while (!work.empty()) {
    const uint32_t term = work.back();
    work.pop_back();
    if (reached_[term]) continue;
    reached_[term] = true;
    for (const isle::RuleId rule : program.terms[TermId(term)].rules) {
      work.insert(work.end(), builds[rule.index].begin(), builds[rule.index].end());
    }
  }
}

bool RuleUsers::is_root(TermId id) const {
  const isle::Term& term = program_.terms[id];
  return is_entry(term) || !term.specs.empty();
}

std::vector<std::string> RuleUsers::judges_of_rule(const isle::Rule& rule) const {
  if (is_root(rule.term)) return {rule.name};
  return names(roots_over(built_by_[rule.term.index]));
}

std::vector<std::string> RuleUsers::judges_of_spec(TermId id) const {
  std::vector<isle::RuleId> users = built_by_[id.index];
  users.insert(users.end(), matched_by_[id.index].begin(), matched_by_[id.index].end());
  std::set<uint32_t> roots = roots_over(users);
  if (!roots.empty() || reached_[id.index]) {
    for (const isle::RuleId rule : program_.terms[id].rules) roots.insert(rule.index);
  }
  return names(roots);
}

std::set<uint32_t> RuleUsers::roots_over(std::vector<isle::RuleId> work) const {
  std::set<uint32_t> roots, seen;
  while (!work.empty()) {
    const isle::Rule& rule = program_.rules[work.back()];
    work.pop_back();
    if (!seen.insert(rule.id.index).second || !reached_[rule.term.index]) continue;
    if (is_root(rule.term)) {
      roots.insert(rule.id.index);
    } else {
      const auto& users = built_by_[rule.term.index];
      work.insert(work.end(), users.begin(), users.end());
    }
  }
  return roots;
}

std::vector<std::string> RuleUsers::names(const std::set<uint32_t>& rules) const {
  std::vector<std::string> out;
  for (const uint32_t rule : rules) out.push_back(program_.rules[isle::RuleId(rule)].name);
  return out;
}

std::vector<std::string> judges_of_rule(std::optional<IsaKind> isa, const std::string& rule) {
  const RuleSources* sources = isa ? rule_sources(*isa) : &optimizer_sources();
  if (sources == nullptr) return {};
  Diagnostics errors;
  const std::unique_ptr<Definitions> definitions = load_definitions(*sources, errors);
  if (definitions == nullptr) return {};
  const isle::Program& program = definitions->program();
  const auto found = std::ranges::find_if(program.rules, [&](const isle::Rule& r) { return r.name == rule; });
  return found == program.rules.end() ? std::vector<std::string>() : RuleUsers(program).judges_of_rule(*found);
}

}  // namespace assay::verify
