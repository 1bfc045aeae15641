// See rule_repair.h.
#include "verify/rule_repair.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "verify/expand.h"
#include "verify/mutate.h"
#include "verify/proof_cache.h"
#include "verify/rule_users.h"
#include "verify/verify.h"

namespace assay::verify {

namespace {

constexpr size_t kMostJudges = 10;  // of a rule: those that fail, and some that hold

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Types of patterns; those of what the rule makes are something else.
bool takes_away(const Mutant& mutant) {
  const bool is_of_pattern = mutant.change.find("_type ") != std::string::npos;
  return mutant.kind == MutationKind::Guard || mutant.kind == MutationKind::Unwrap ||
         (mutant.kind == MutationKind::Type && is_of_pattern);
}

// What integers of rules mostly are, and what is easily taken for them.
std::vector<std::string> other_integers() { return {"0", "1", "7", "8", "15", "16", "31", "32", "63", "64", "128"}; }

class Repair {
 public:
  Repair(IsaKind isa, const RuleSources& sources, const RepairOptions& options)
      : isa_(isa), sources_(sources), options_(options), end_(cpu_seconds() + options.seconds) {
    if (auto cache = ProofCache::open(":memory:")) proofs_ = *std::move(cache);
  }

  std::vector<RuleRepair> run(const std::vector<std::string>& rules) {
    auto derived = derive_mutants(sources_, {.rules = true, .specs = false});
    if (!derived) return {};
    std::erase_if(*derived,
                  [&](const Mutant& mutant) { return std::ranges::find(rules, mutant.subject) == rules.end(); });
    add_integers(*derived);
    std::map<std::string, std::vector<const Mutant*>> mutants;
    for (const Mutant& mutant : *derived) {
      // That is how the yardstick switches a mistake on (fuzz/seeded_weave.h).
      const bool is_switch = mutant.change.find("(fault ") != std::string::npos;
      if (!mutant.is_equivalent && !is_switch) mutants[mutant.subject].push_back(&mutant);
    }
    std::set<std::string> asked;
    for (const auto& [rule, all] : mutants) asked.insert(all[0]->judges.begin(), all[0]->judges.end());
    const auto original = verify(sources_, nullptr, {asked.begin(), asked.end()}, false);
    for (const RuleResult& rule : original) {
      if (rule.state == RuleState::Failed && asked.contains(rule.name)) failing_.push_back(rule.name);
      if (rule.state == RuleState::Proven && asked.contains(rule.name)) holding_.push_back(rule.name);
    }
    std::vector<RuleRepair> out;
    if (failing_.empty()) return out;
    for (const std::string& rule : rules) {
      if (mutants.contains(rule)) add_repair(mutants[rule], out);
    }
    return out;
  }

 private:
  // At each place where an integer was changed: more of them.
  void add_integers(std::vector<Mutant>& mutants) const {
    const size_t count = mutants.size();
    std::set<std::pair<uint32_t, size_t>> seen;
    for (size_t i = 0; i < count; ++i) {
      if (mutants[i].kind != MutationKind::Integer) continue;
      if (!seen.emplace(mutants[i].file, mutants[i].begin).second) continue;
      for (const std::string& integer : other_integers()) {
        Mutant more = mutants[i];
        const std::string_view now = sources_.rules[more.file].text.substr(more.begin, more.end - more.begin);
        const std::string before = more.change.substr(0, more.change.find(" => "));
        more.change = before + " with " + integer + " for " + std::string(now);
        more.replacement = integer;
        mutants.push_back(std::move(more));
      }
    }
  }

  std::vector<RuleResult> verify(const RuleSources& sources, const std::shared_ptr<Definitions>& definitions,
                                 const std::vector<std::string>& rules, bool only_trials) const {
    VerifyOptions asked{.jobs = 1, .timeout_ms = options_.timeout_ms, .rules = rules};
    asked.whole_names = true;
    asked.functions = false;
    asked.only_trials = only_trials;
    asked.definitions = definitions;
    asked.shared_cache = proofs_;
    auto unit = verify_sources(isa_, sources, asked);
    return unit ? std::move(unit->rules) : std::vector<RuleResult>();
  }

  void add_repair(const std::vector<const Mutant*>& mutants, std::vector<RuleRepair>& out) {
    // What fails without it is not its fault.
    const std::vector<std::string>& users = mutants[0]->judges;
    const auto uses = [&](const std::string& rule) { return std::ranges::find(users, rule) != users.end(); };
    if (!std::ranges::all_of(failing_, uses)) return;
    std::vector<std::string> judges = failing_;
    for (const std::string& rule : holding_) {
      if (judges.size() < std::max(kMostJudges, failing_.size()) && uses(rule)) judges.push_back(rule);
    }
    for (const bool less : {false, true}) {
      for (const Mutant* mutant : mutants) {
        if (cpu_seconds() > end_) return;
        if (takes_away(*mutant) != less || !repairs(*mutant, judges)) continue;
        out.push_back({mutant->subject, mutant->change, less});
        return;
      }
    }
  }

  bool repairs(const Mutant& mutant, const std::vector<std::string>& judges) const {
    std::vector<RuleSource> rules(sources_.rules.begin(), sources_.rules.end());
    const std::string text = mutated_text(mutant, rules[mutant.file].text);
    rules[mutant.file].text = text;
    const RuleSources sources{rules, sources_.instructions, sources_.operations};
    Diagnostics errors;
    const std::shared_ptr<Definitions> definitions = load_definitions(sources, errors);
    if (definitions == nullptr) return false;
    std::vector<std::string> names = failing_;
    if (mutant.is_helper) names.push_back(mutant.subject);
    const auto fails = [](const RuleResult& rule) { return rule.state == RuleState::Failed; };
    if (std::ranges::any_of(verify(sources, definitions, names, true), fails)) return false;
    names = judges;
    if (mutant.is_helper) names.push_back(mutant.subject);
    const std::vector<RuleResult> results = verify(sources, definitions, names, false);
    return std::ranges::all_of(names, [&](const std::string& name) {
      const auto result = std::ranges::find(results, name, &RuleResult::name);
      return result != results.end() && result->state == RuleState::Proven;
    });
  }

  IsaKind isa_;
  const RuleSources& sources_;
  const RepairOptions& options_;
  double end_;
  std::shared_ptr<ProofCache> proofs_;
  std::vector<std::string> failing_, holding_;
};

}  // namespace

std::vector<RuleRepair> repair_rules(IsaKind isa, const RuleSources& sources, const std::vector<std::string>& rules,
                                     const RepairOptions& options) {
  return Repair(isa, sources, options).run(rules);
}

std::string wrong_helper_rule(const RuleSources& sources, const std::string& rule,
                              const std::vector<std::string>& helpers) {
  constexpr size_t kMostUsers = 6;
  Diagnostics errors;
  const std::unique_ptr<Definitions> definitions = load_definitions(sources, errors);
  if (definitions == nullptr) return {};
  const isle::Program& program = definitions->program();
  const RuleUsers rules(program);
  VerifyOptions options;
  options.jobs = 1;
  options.timeout_ms = 1000;
  options.functions = false;
  options.whole_names = true;
  for (const std::string& helper : helpers) {
    const auto found = std::ranges::find(program.rules, helper, &isle::Rule::name);
    if (found == program.rules.end()) continue;
    std::vector<std::string> users = rules.judges_of_rule(*found);
    if (std::erase(users, rule) == 0 || users.empty()) continue;
    if (users.size() > kMostUsers) users.resize(kMostUsers);
    options.rules = users;
    const auto unit = verify_optimizer(sources, options);
    if (!unit) continue;
    const auto failed = std::ranges::count(unit->rules, RuleState::Failed, &RuleResult::state);
    if (2 * static_cast<size_t>(failed) >= users.size()) return helper;
  }
  return {};
}

}  // namespace assay::verify
