// See mutants.h.
#include "verify/mutants.h"

#include <fnmatch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "compiler/isa/registry.h"
#include "compiler/isle/sema.h"
#include "compiler/support/text.h"
#include "verify/expand.h"
#include "verify/helper_check.h"
#include "verify/helper_table.h"
#include "verify/mutants_instructions.h"
#include "verify/mutate_instructions.h"
#include "verify/proof_cache.h"
#include "verify/rule_equivalence.h"
#include "verify/sides.h"
#include "verify/totality.h"
#include "verify/verify.h"

namespace assay::verify {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

bool matches(const std::string& pattern, const std::string& text) {
  return fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

// A rule that is slow to prove is given so much more time, with and without the edit.
constexpr unsigned kPatience = 12;

// Proven, or the contract's own rule: an edit of that no longer fits the contract.
bool is_settled(const RuleResult& rule) { return rule.state == RuleState::Proven || rule.state == RuleState::Trusted; }

bool is_settled(const UnitResult& unit, const std::string& rule) {
  return std::any_of(unit.rules.begin(), unit.rules.end(),
                     [&](const RuleResult& r) { return r.name == rule && is_settled(r); });
}

// Whose rules: an ISA's, or, without one, the mid-end's.
using Unit = std::optional<IsaKind>;
std::string name_of(Unit unit) { return unit ? name(*unit) : "opt"; }

Expected<UnitResult> verify_rules(Unit unit, const RuleSources& sources, const VerifyOptions& options) {
  return unit ? verify_sources(*unit, sources, options) : verify_optimizer(sources, options);
}

// What the original rules give, asked for when it matters; and how long each took.
class Originals {
 public:
  Originals(Unit unit, const RuleSources& sources, unsigned timeout_ms)
      : unit_(unit), sources_(sources), timeout_ms_(timeout_ms) {
    if (auto cache = ProofCache::open(":memory:")) proofs_ = *std::move(cache);
  }

  // What has been proven so far: of what an edit does not touch, nothing is asked again.
  const std::shared_ptr<ProofCache>& proofs() const { return proofs_; }
  // The least time limit, of the given one and kPatience times that, with which the rule is settled; 0: with neither.
  unsigned timeout_for(const std::string& rule) {
    const std::lock_guard lock(mutex_);
    const auto it = timeouts_.find(rule);
    if (it != timeouts_.end()) return it->second;
    for (const unsigned timeout_ms : {timeout_ms_, kPatience * timeout_ms_}) {
      VerifyOptions asked{.jobs = 1, .timeout_ms = timeout_ms, .rules = {rule}, .functions = false};
      asked.shared_cache = proofs_;
      const auto result = verify_rules(unit_, sources_, asked);
      if (result && is_settled(*result, rule)) return timeouts_[rule] = timeout_ms;
    }
    return timeouts_[rule] = 0;
  }
  void add_cost(const std::string& rule, double seconds) {
    const std::lock_guard lock(mutex_);
    costs_.try_emplace(rule, seconds);
  }
  // Cheap ones first: most mistakes show everywhere.
  void sort_by_cost(std::vector<std::string>& rules) {
    const std::lock_guard lock(mutex_);
    const auto cost = [&](const std::string& rule) {
      const auto it = costs_.find(rule);
      return it == costs_.end() ? 0.05 : it->second;
    };
    std::sort(rules.begin(), rules.end(), [&](const std::string& a, const std::string& b) {
      return std::pair(cost(a), a) < std::pair(cost(b), b);
    });
  }

  // The first operation at the types that the original rules cover and these do not; empty if there is none.
  std::string not_in(const Totality& totality) {
    const std::lock_guard lock(mutex_);
    if (!covered_) {
      const auto original = check_totality(sources_);
      covered_ = original ? original->covered : std::vector<std::string>();
    }
    const std::set<std::string> covered(totality.covered.begin(), totality.covered.end());
    const auto lost = std::find_if(covered_->begin(), covered_->end(),
                                   [&](const std::string& what) { return !covered.contains(what); });
    return lost == covered_->end() ? "" : *lost;
  }

 private:
  Unit unit_;
  const RuleSources& sources_;
  unsigned timeout_ms_;
  std::shared_ptr<ProofCache> proofs_;
  std::mutex mutex_;
  std::optional<std::vector<std::string>> covered_;  // of the original rules; not asked yet
  std::map<std::string, unsigned> timeouts_;
  std::map<std::string, double> costs_;
};

class Judge {
 public:
  Judge(Unit unit, const RuleSources& sources, const MutantOptions& options, Originals& originals)
      : unit_(unit), sources_(sources), options_(options), originals_(originals) {}

  void judge(MutantResult& out) {
    const auto begin = Clock::now();
    decide(out);
    out.seconds = seconds_since(begin);
  }

 private:
  void decide(MutantResult& out) {
    const Mutant& mutant = out.mutant;
    if (mutant.is_equivalent) {
      out.state = MutantState::Equivalent;
      return;
    }
    std::vector<RuleSource> rules(sources_.rules.begin(), sources_.rules.end());
    std::vector<RuleSource> instructions(sources_.instructions.begin(), sources_.instructions.end());
    std::vector<RuleSource>& mutated = is_of_instruction(mutant.kind) ? instructions : rules;
    const std::string text = mutated_text(mutant, mutated[mutant.file].text);
    mutated[mutant.file].text = text;
    const RuleSources sources{rules, instructions, sources_.operations};
    std::vector<std::string> judges = mutant.judges;
    std::string declarations;
    if (is_of_instruction(mutant.kind)) {
      if (!instruction_judge_) instruction_judge_ = std::make_unique<InstructionJudge>(*unit_, sources_);
      if (instruction_judge_->judge(out, text, declarations)) return;
      if (const int at = declarations_of(sources); at >= 0) rules[static_cast<size_t>(at)].text = declarations;
      if (out.state == MutantState::Survived) return survive(rules, out);
      judges = instruction_judge_->rules_of(mutant.judges);
    }
    if (mutant.is_external && refuted_by_code(sources, out)) return;

    Diagnostics errors;
    const std::shared_ptr<Definitions> definitions = load_definitions(sources, errors);
    if (definitions == nullptr) {
      const bool refused = errors.front().place.line != 0;
      out.state = refused ? MutantState::Invalid : MutantState::Noticed;
      out.reason = errors.front().message;
      return;
    }
    originals_.sort_by_cost(judges);
    bool any_judge = false, helper_used = !mutant.is_helper;
    // A few first: one that notices is enough.
    size_t size = 2;
    for (size_t done = 0; done < judges.size(); done += size, size *= 4) {
      const std::set<std::string> batch(
          judges.begin() + static_cast<std::ptrdiff_t>(done),
          judges.begin() + static_cast<std::ptrdiff_t>(std::min(done + size, judges.size())));
      std::vector<std::string> names(batch.begin(), batch.end());
      if (mutant.is_helper) names.push_back(mutant.subject);
      VerifyOptions asked{.jobs = 1, .rules = names, .functions = false, .only_trials = true};
      asked.definitions = definitions;
      asked.shared_cache = originals_.proofs();
      const auto tried = verify_rules(unit_, sources, asked);
      if (tried && refuted(*tried, batch, out)) return;
      asked.only_trials = false;
      for (unsigned timeout_ms = options_.timeout_ms; timeout_ms != 0;) {
        asked.timeout_ms = timeout_ms;
        const auto unit = verify_rules(unit_, sources, asked);
        if (!unit) {
          out.state = MutantState::Noticed;
          out.reason = unit.error().message;
          return;
        }
        if (hold(*unit, batch, timeout_ms, out, any_judge, helper_used)) return;
      }
    }
    if (!any_judge && !is_of_instruction(mutant.kind)) {
      out.state = MutantState::Unjudged;
      out.reason = "not proven without the edit: " + (judges.empty() ? mutant.subject : judges.front());
    } else if (!helper_used) {
      out.state = MutantState::Noticed;
      out.judge = mutant.subject;
      out.reason = "no rule that is proven uses it";
    } else {
      survive(rules, out);
    }
  }

  // Held against the C++ that the spec speaks of.
  bool refuted_by_code(const RuleSources& sources, MutantResult& out) {
    const machine::TargetIsa* isa = unit_ ? isa::find_isa(*unit_) : nullptr;
    if (unit_ && isa == nullptr) return false;
    const HelperCheckOptions only{.only = {out.mutant.subject}};
    const auto rows =
        unit_ ? check_helpers(*isa, sources, helper_table(*unit_), only) : check_optimizer_helpers(sources, only);
    if (!rows) return false;  // the prover says it again
    for (const Judgement& row : *rows) {
      if (row.name != out.mutant.subject || row.state != JudgementState::Fails) continue;
      out.state = row.reason.starts_with("spec: ") ? MutantState::Invalid : MutantState::Refuted;
      out.judge = "C++";
      out.reason = row.reason;
      return true;
    }
    return false;
  }

  // By one of the batch.
  static bool refuted(const UnitResult& unit, const std::set<std::string>& batch, MutantResult& out) {
    const auto failed = std::find_if(unit.rules.begin(), unit.rules.end(), [&](const RuleResult& rule) {
      return rule.state == RuleState::Failed && batch.contains(rule.name);
    });
    if (failed == unit.rules.end()) return false;
    out.state = MutantState::Refuted;
    out.judge = failed->name;
    return true;
  }

  // True if the mutant is noticed. Otherwise `timeout_ms` becomes what the batch should be tried with again, or 0.
  bool hold(const UnitResult& unit, const std::set<std::string>& batch, unsigned& timeout_ms, MutantResult& out,
            bool& any_judge, bool& helper_used) {
    const unsigned used = std::exchange(timeout_ms, 0);
    const RuleResult* unknown = nullptr;
    if (refuted(unit, batch, out)) return true;
    for (const RuleResult& rule : unit.rules) {
      if (out.mutant.is_helper && rule.name == out.mutant.subject) helper_used |= rule.state == RuleState::Proven;
      if (!batch.contains(rule.name)) continue;
      if (is_settled(rule)) {
        any_judge = true;
        originals_.add_cost(rule.name, rule.seconds);
        continue;
      }
      const unsigned enough = originals_.timeout_for(rule.name);
      if (enough > used) timeout_ms = enough;
      if (enough != 0 && enough <= used && unknown == nullptr) unknown = &rule;
    }
    if (unknown == nullptr) return false;
    // A spec has no type checker but its evaluation.
    const bool is_typed = !is_of_spec(out.mutant.kind) ||
                          !(unknown->reason.starts_with("spec of ") || unknown->reason.starts_with("a spec gives "));
    out.state = is_typed ? MutantState::Noticed : MutantState::Invalid;
    out.judge = unknown->name;
    out.reason = unknown->reason;
    return true;
  }

  void survive(const std::vector<RuleSource>& rules, MutantResult& out) {
    if (!unit_ && !is_of_spec(out.mutant.kind)) {
      const Sides sides = compare_sides({rules, {}, sources_.operations}, out.mutant.judges);
      if (sides.compared != 0 && sides.difference.empty()) {
        out.state = MutantState::Equivalent;
        out.judge = "interpreter";
        out.reason = "another right rule: both sides are equal";
        return;
      }
      out.reason = sides.difference;
    }
    using Answer = RuleEquivalence::Answer;
    const Answer answer = is_of_instruction(out.mutant.kind) ? Answer::No : does_the_same(rules, out.mutant);
    const bool may_be_noticed = unit_ && !is_of_instruction(out.mutant.kind) && answer != Answer::Everywhere;
    if (may_be_noticed && noticed_beside_proofs(rules, out)) return;
    if (is_of_instruction(out.mutant.kind) && instruction_judge_->narrows()) {
      out.state = MutantState::Equivalent;
      out.judge = "encoder";
      out.reason = "encodes fewer operands, and all that the rules ask for";
      return;
    }
    if (answer != Answer::No) {
      out.state = MutantState::Equivalent;
      out.judge = "solver";
      out.reason = "does what the original does";
      return;
    }
    out.state = MutantState::Survived;
    for (const Explanation& explanation : options_.explanations) {
      if (!matches(explanation.unit, name_of(unit_)) || !matches(explanation.subject, out.mutant.subject) ||
          !matches(explanation.kind, to_string(out.mutant.kind)) || !matches(explanation.change, out.mutant.change)) {
        continue;
      }
      out.state = MutantState::Explained;
      out.reason = explanation.reason;
      return;
    }
  }

  RuleEquivalence::Answer does_the_same(const std::vector<RuleSource>& rules, const Mutant& mutant) {
    if (!equivalence_) equivalence_ = std::make_unique<RuleEquivalence>(sources_, options_.timeout_ms);
    const RuleSources mutated{rules, sources_.instructions, sources_.operations};
    if (is_of_spec(mutant.kind)) {
      const bool same = equivalence_->specs_say_the_same(mutated, mutant.subject);
      return same ? RuleEquivalence::Answer::WhereApplied : RuleEquivalence::Answer::No;
    }
    return equivalence_->rules_do_the_same(mutated, mutant.judges, mutant.is_helper ? mutant.subject : "");
  }

  // By totality, or by the rule compiler's question for overlaps.
  bool noticed_beside_proofs(const std::vector<RuleSource>& rules, MutantResult& out) {
    const auto totality = check_totality({rules, sources_.instructions, sources_.operations}, options_.timeout_ms);
    if (totality && !totality->holes.empty()) {
      out.state = MutantState::Noticed;
      out.judge = "totality";
      out.reason = totality->holes.front().what + ": " + totality->holes.front().reason;
      return true;
    }
    if (const std::string lost = totality ? originals_.not_in(*totality) : ""; !lost.empty()) {
      out.state = MutantState::Noticed;
      out.judge = "totality";
      out.reason = "no rule is left for " + lost;
      return true;
    }
    std::vector<isle::SourceFile> files;
    for (const RuleSource& source : rules) files.push_back({source.name, std::string(source.text)});
    const isle::CheckResult checked = isle::check_program(std::move(files));
    if (checked.ok()) return false;
    out.state = MutantState::Noticed;
    out.judge = "overlap";
    out.reason = "the rule compiler: " + checked.errors.front().message;
    return true;
  }

  Unit unit_;
  const RuleSources& sources_;
  const MutantOptions& options_;
  Originals& originals_;
  std::unique_ptr<InstructionJudge> instruction_judge_;  // made when the first mutant asks for it
  std::unique_ptr<RuleEquivalence> equivalence_;         // likewise
};

// A random choice in the order of the texts, the same for the same seed.
void choose(std::vector<Mutant>& mutants, size_t count, uint64_t seed) {
  if (count == 0 || count >= mutants.size()) return;
  std::vector<size_t> order(mutants.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::mt19937_64 random(seed);
  for (size_t i = 0; i < count; ++i) std::swap(order[i], order[i + random() % (order.size() - i)]);
  order.resize(count);
  std::sort(order.begin(), order.end());
  std::vector<Mutant> chosen;
  for (const size_t i : order) chosen.push_back(std::move(mutants[i]));
  mutants = std::move(chosen);
}

}  // namespace

const char* to_string(MutantState state) {
  switch (state) {
    case MutantState::Invalid:
      return "invalid";
    case MutantState::Refuted:
      return "refuted";
    case MutantState::Noticed:
      return "noticed";
    case MutantState::Equivalent:
      return "equivalent";
    case MutantState::Explained:
      return "survived, explained";
    case MutantState::Survived:
      return "survived";
    case MutantState::Unjudged:
      return "unjudged";
  }
  return "?";
}

size_t MutantReport::count(MutantState state) const {
  return static_cast<size_t>(
      std::count_if(results.begin(), results.end(), [&](const MutantResult& r) { return r.state == state; }));
}

double MutantReport::killed() const {
  const size_t killed = count(MutantState::Refuted) + count(MutantState::Noticed);
  const size_t all = killed + count(MutantState::Explained) + count(MutantState::Survived);
  return all == 0 ? 1 : static_cast<double>(killed) / static_cast<double>(all);
}

Expected<std::vector<Explanation>> parse_explanations(const std::string& file, std::string_view text) {
  std::vector<Explanation> out;
  uint32_t line = 0;
  while (!text.empty()) {
    ++line;
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view rest = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (trimmed(rest).empty() || trimmed(rest)[0] == '#') continue;
    std::vector<std::string> fields;
    for (int i = 0; i < 4; ++i) {
      const size_t bar = rest.find(" | ");
      if (bar == std::string_view::npos) break;
      fields.emplace_back(trimmed(rest.substr(0, bar)));
      rest.remove_prefix(bar + 3);
    }
    fields.emplace_back(trimmed(rest));
    if (fields.size() != 5 || std::any_of(fields.begin(), fields.end(), [](const auto& f) { return f.empty(); })) {
      return fail(Place{.file = file, .line = line}, "not an explanation",
                  "unit | rule or term | kind | change | reason");
    }
    out.push_back({fields[0], fields[1], fields[2], fields[3], fields[4]});
  }
  return out;
}

namespace {

Expected<MutantReport> judge_unit(Unit unit, const RuleSources& sources, const MutantOptions& options) {
  const auto begin = Clock::now();
  auto derived = derive_mutants(sources, options.kinds);
  if (!derived) return std::unexpected(derived.error());
  if (options.kinds.encodings) {
    auto more = derive_instruction_mutants(sources.instructions);
    if (!more) return std::unexpected(more.error());
    std::move(more->begin(), more->end(), std::back_inserter(*derived));
  }
  std::vector<Mutant> mutants;
  for (Mutant& mutant : *derived) {
    const bool wanted = options.subjects.empty() ||
                        std::any_of(options.subjects.begin(), options.subjects.end(),
                                    [&](const auto& part) { return mutant.subject.find(part) != std::string::npos; });
    if (wanted) mutants.push_back(std::move(mutant));
  }
  MutantReport report{.unit = name_of(unit), .derived = mutants.size()};
  choose(mutants, options.count, options.seed);
  for (Mutant& mutant : mutants) report.results.push_back({.mutant = std::move(mutant)});

  Originals originals(unit, sources, options.timeout_ms);
  std::atomic<size_t> next{0};
  std::mutex mutex;
  const auto work = [&] {
    Judge judge(unit, sources, options, originals);
    for (size_t i = next++; i < report.results.size(); i = next++) {
      judge.judge(report.results[i]);
      if (!options.progress) continue;
      const std::lock_guard lock(mutex);
      options.progress(report.results[i]);
    }
  };
  if (!options.derive_only) {
    const unsigned jobs = options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < jobs; ++i) threads.emplace_back(work);
    for (std::thread& thread : threads) thread.join();
  }
  report.seconds = seconds_since(begin);
  return report;
}

}  // namespace

Expected<MutantReport> judge_mutants(IsaKind isa, const RuleSources& sources, const MutantOptions& options) {
  return judge_unit(isa, sources, options);
}

Expected<MutantReport> judge_optimizer_mutants(const RuleSources& sources, const MutantOptions& options) {
  return judge_unit({}, sources, options);
}

}  // namespace assay::verify
