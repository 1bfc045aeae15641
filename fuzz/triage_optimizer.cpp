// Which rule or change of the mid-end is to blame. Everything that it does beyond what it must is a step with a name
// (support/steps.h): all steps of one name are left out, and of those with which a name goes wrong one by one; and all
// steps from some number on, to find the first with which the function goes wrong. Of several that make a difference,
// the solver is asked about the rules.
#include <algorithm>
#include <utility>

#include "compiler/ir/printer.h"
#include "compiler/opt/changes.h"
#include "compiler/opt/optimize.h"
#include "fuzz/optimize_case.h"
#include "fuzz/reduce_edits.h"
#include "fuzz/triage_parts.h"
#include "oracles/worker_pool.h"

namespace assay::fuzz {

namespace {

class StepSearch {
 public:
  StepSearch(const Case& test, const TriageOptions& options, const opt::OptimizeOptions& passes, TriageResult& result,
             bool sees_open_bits = false)
      : test_(test),
        options_(options),
        passes_(passes),
        result_(result),
        harness_(interpreter_only()),
        sees_open_bits_(sees_open_bits) {}

  bool run() {
    Steps all;
    if (!fails(&all)) return false;
    const std::string first = difference_;
    note("the interpreter sees a difference between the functions and what the mid-end makes of them");
    leave_out_names(all.asked());
    if (Steps none(0); fails(&none)) {
      note("they differ, too, if the mid-end leaves out everything that it may");
      blame("Optimizer::run", "it is what the mid-end does in any case");
    } else {
      decide(first_wrong_step(all.asked()), all.at_fault());
    }
    describe(first);
    return true;
  }

  void blame(std::string_view name, const std::string& reason) {
    if (is_rule(name)) {
      const isle::RuleInfo& rule = rules()[optimizer_.rules().find_rule(name).index];
      result_.culprits.push_back(
          {CulpritKind::Rule, std::string(rule.name), std::string(rule.file), rule.line, reason});
      return;
    }
    const opt::Change* change = opt::find_change(name);
    const std::string file(change != nullptr ? change->file : "compiler/opt/optimize.cpp");
    result_.culprits.push_back(
        {CulpritKind::Function, std::string(name), file, line_of(file, std::string(name)), reason});
  }

 private:
  struct Suspect {
    std::string_view name;
    std::string reason;
    bool is_rule = false;
    unsigned rank = 0;  // the lower, the more likely
    size_t place = 0;
  };

  static oracles::HarnessOptions interpreter_only() {
    oracles::HarnessOptions options;
    options.isas.clear();
    return options;
  }
  void note(std::string text) { result_.evidence.push_back(std::move(text)); }

  opt::OptimizeOptions with(Steps* steps) const {
    opt::OptimizeOptions out = passes_;
    out.steps = steps;
    return out;
  }
  bool fails(Steps* steps) {
    if (result_.key.starts_with("hang")) return hangs(steps);
    Steps again = *steps;
    std::vector<oracles::Finding> findings;
    check_optimized(harness_, test_, optimizer_, with(steps), findings);
    if (!findings.empty()) difference_ = findings[0].text;
    return !findings.empty() || (sees_open_bits_ && promises_less(again));
  }
  bool promises_less(Steps& steps) {
    std::string error;
    if (!leaves_more_open(test_, optimize_case(test_, optimizer_, with(&steps), error))) return false;
    difference_ = "the optimised functions leave bits of a result open that the functions do not";
    return true;
  }
  // What does not end is not compared by check_optimized().
  bool hangs(Steps* steps) {
    std::string error;
    const Case optimized = optimize_case(test_, optimizer_, with(steps), error);
    difference_ = "the optimised functions do not end";
    return error.empty() && no_longer_ends(test_, optimized);
  }
  bool passes_without(uint64_t begin, uint64_t end, std::string_view only = {}) {
    Steps steps(begin, end, only);
    return !fails(&steps);
  }

  void leave_out_names(const std::vector<std::string_view>& asked) {
    std::vector<std::string_view> seen;
    for (const std::string_view name : asked) {
      if (std::ranges::find(seen, name) != seen.end()) continue;
      seen.push_back(name);
      // Without nodes no rule fires and nothing moves.
      if (name == opt::kNodes.function || !passes_without(0, Steps::kNever, name)) continue;
      const uint64_t count = static_cast<uint64_t>(std::ranges::count(asked, name));
      std::string reason = "without it the functions do the same";
      for (uint64_t n = 0; count > 1 && n < std::min(count, kMostApplications); ++n) {
        if (!passes_without(n, n + 1, name)) continue;
        reason += application_that_matters(count, n + 1);
        break;
      }
      suspects_.push_back({name, std::move(reason), is_rule(name)});
    }
  }

  // With the steps before it the functions still do the same, with it they do not.
  std::string_view first_wrong_step(const std::vector<std::string_view>& asked) {
    size_t good = 0, bad = asked.size();
    while (good + 1 < bad) {
      const size_t middle = good + (bad - good) / 2;
      (passes_without(middle, Steps::kNever) ? good : bad) = middle;
    }
    note("step " + std::to_string(bad) + " of the mid-end's " + std::to_string(asked.size()) +
         " is the first with which they differ: " + std::string(asked[bad - 1]));
    return asked[bad - 1];
  }

  void decide(std::string_view first_wrong, const std::vector<std::string_view>& at_fault) {
    const std::string reason = "the first step with which the functions differ";
    result_.is_audited = !at_fault.empty();
    for (const std::string_view name : at_fault) {
      std::erase_if(suspects_, [&](const Suspect& suspect) { return suspect.name == name; });
      blame(name, std::string("the audit of the mid-end's steps works out once more what it decides, and comes to ") +
                      "something else" + (name == first_wrong ? "; " + reason : ""));
    }
    const auto known = std::ranges::find(suspects_, first_wrong, &Suspect::name);
    if (known != suspects_.end()) {
      known->reason += "; " + reason;
    } else if (std::ranges::find(at_fault, first_wrong) == at_fault.end()) {
      suspects_.push_back({first_wrong, reason, is_rule(first_wrong)});
    }
    for (Suspect& suspect : suspects_) {
      // Everything goes through nodes and their sharing: what else makes a difference says more.
      const bool is_passage = suspect.name == opt::kNodes.function || suspect.name == opt::kSharing.function;
      suspect.rank = is_passage ? 5 : suspect.name == first_wrong ? 1 : suspect.is_rule ? 2 : 3;
      if (!suspect.is_rule || !options_.prove_mid_end_rule) continue;
      const Opinion opinion = options_.prove_mid_end_rule(std::string(suspect.name));
      if (!opinion.asked) continue;
      suspect.rank = opinion.holds ? 4 : 0;
      suspect.reason += opinion.holds ? "; its proof stands" : "; the solver refutes it";
      note("rule " + std::string(suspect.name) + (opinion.holds ? " is proven: " : " is refuted: ") + opinion.text);
    }
    for (size_t i = 0; i < suspects_.size(); ++i) suspects_[i].place = i;
    std::ranges::sort(suspects_, {}, [](const Suspect& s) { return std::pair(s.rank, s.place); });
    result_.rules_stand = !suspects_.empty() && !result_.is_audited && suspects_[0].rank == 4;
    if (!suspects_.empty() && suspects_[0].is_rule && suspects_[0].rank < 4)
      blame_helper(std::string(suspects_[0].name));
    for (const Suspect& suspect : suspects_) blame(suspect.name, suspect.reason);
  }

  // A rule that goes wrong may only use one that does; those are no steps.
  void blame_helper(const std::string& rule) {
    if (!options_.wrong_helper_rule) return;
    optimizer_.rules().reset_counts();
    Steps all;
    fails(&all);
    std::vector<std::string> helpers;
    for (uint32_t r = 0; r < rules().size(); ++r) {
      const bool fired = optimizer_.rules().count(isle::RuleId(r)) != 0;
      if (fired && rules()[r].term != "simplify") helpers.emplace_back(rules()[r].name);
    }
    const std::string wrong = options_.wrong_helper_rule(rule, helpers);
    if (!wrong.empty()) blame(wrong, "the solver refutes " + rule + ", which uses it, and others that do");
  }

  bool is_rule(std::string_view name) { return optimizer_.rules().find_rule(name).index < rules().size(); }
  std::span<const isle::RuleInfo> rules() { return optimizer_.rules().rules(); }

  void describe(const std::string& first) {
    std::string error;
    const Case optimized = optimize_case(test_, optimizer_, passes_, error);
    result_.divergence += first + "\noptimised:\n";
    for (const ir::Function& function : optimized.functions) result_.divergence += ir::print(function) + "\n";
  }

  const Case& test_;
  const TriageOptions options_;
  const opt::OptimizeOptions passes_;
  TriageResult& result_;
  oracles::Harness harness_;
  bool sees_open_bits_;
  opt::Optimizer optimizer_;
  std::vector<Suspect> suspects_;
  std::string difference_;
};

}  // namespace

// In processes of their own: with the first so many steps it survives, with one more it does not.
bool blame_optimizer_crash(const Case& test, const opt::OptimizeOptions& passes, TriageResult& result) {
  constexpr uint64_t kMostSteps = 1u << 20;
  constexpr char kBroken[] = "broken";
  // The names of the steps up to number `count`, which is the first not to be taken; nothing if it crashes before, or
  // what is made is no longer a function: what comes after may rely on that.
  const auto steps_up_to = [&](uint64_t count, std::string_view only = {}) -> std::optional<std::string> {
    const auto text = oracles::run_isolated([&]() -> std::string {
      opt::Optimizer optimizer;
      Steps steps(count, Steps::kNever, only);
      Case optimized = test;
      opt::OptimizeOptions how = passes;
      how.steps = &steps;
      for (ir::Function& function : optimized.functions) optimizer.run(function, how);
      if (steps.is_broken()) return kBroken;
      std::string names;
      for (size_t i = 0; i <= count && i < steps.asked().size(); ++i) names += std::string(steps.asked()[i]) + "\n";
      return names;
    });
    return text && *text != kBroken ? std::optional(*text) : std::nullopt;
  };
  if (!steps_up_to(0)) return false;
  uint64_t good = 0, bad = 1;
  while (bad < kMostSteps && steps_up_to(bad)) good = std::exchange(bad, 2 * bad);
  if (bad >= kMostSteps) return false;
  while (good + 1 < bad) {
    const uint64_t middle = good + (bad - good) / 2;
    (steps_up_to(middle) ? good : bad) = middle;
  }
  const auto text = steps_up_to(good);
  if (!text || text->empty()) return false;
  std::vector<std::string> names;
  for (size_t at = 0; at < text->size(); at = text->find('\n', at) + 1) {
    names.push_back(text->substr(at, text->find('\n', at) - at));
  }
  const std::string last = names.back();
  result.evidence.push_back("it crashes from step " + std::to_string(bad) + " of the mid-end on: " + last);
  // Before it a step may have gone wrong without a crash.
  StepSearch blamer(test, {}, passes, result);
  const bool is_passage = last == opt::kNodes.function || last == opt::kSharing.function;
  if (!is_passage) blamer.blame(last, "the first step with which the mid-end crashes, or what it makes is broken");
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    if (name == last || name == opt::kNodes.function || name == opt::kSharing.function) continue;
    if (steps_up_to(0, name)) blamer.blame(name, "without it the mid-end does not crash");
  }
  if (is_passage) blamer.blame(last, "the first step with which the mid-end crashes");
  return true;
}

bool blame_optimizer(const Case& test, const TriageOptions& options, const opt::OptimizeOptions& passes,
                     TriageResult& result, bool sees_open_bits) {
  return StepSearch(test, options, passes, result, sees_open_bits).run();
}

}  // namespace assay::fuzz
