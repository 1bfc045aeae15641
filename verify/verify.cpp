// See verify.h.
#include "verify/verify.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "verify/prover.h"
#include "verify/rule_sources.h"
#include "verify/rule_users.h"

namespace assay::verify {

namespace {

// A rule that rests on a lemma is no better than the rules that are to prove it. `results` by rule index, null for
// those that were not asked for.
void chain_lemmas(const isle::Program& program, const std::vector<Tally>& tallies, std::vector<RuleResult*>& results) {
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t i = 0; i < results.size(); ++i) {
      if (results[i] == nullptr || results[i]->state != RuleState::Proven) continue;
      for (const uint32_t lemma : tallies[i].lemmas) {
        for (const isle::RuleId rule : program.terms[isle::TermId(lemma)].rules) {
          const RuleResult* base = results[rule.index];
          if (base == nullptr || base->state == RuleState::Proven) continue;
          results[i]->state = RuleState::Unknown;
          results[i]->reason = "rests on the spec of " + program.terms[isle::TermId(lemma)].name + ", whose rule " +
                               base->name + " is not proven";
          changed = true;
        }
      }
    }
  }
}

// What a file that shows a rule's mistake begins with.
std::string test_header(const std::string& unit) {
  if (unit != "opt") return "test interpret\ntest run\nset mid_end=false\ntarget " + (unit == "x64" ? "x86_64" : unit);
  return "test interpret\ntest run\nset opt_level=speed\ntarget x86_64\ntarget aarch64\ntarget riscv64\ntarget s390x";
}

Expected<UnitResult> verify_unit(const std::string& unit_name, const RuleSources& sources,
                                 const VerifyOptions& options);

}  // namespace

const char* to_string(RuleState state) {
  switch (state) {
    case RuleState::Proven:
      return "proven";
    case RuleState::Trusted:
      return "trusted";
    case RuleState::Failed:
      return "failed";
    case RuleState::Unknown:
      return "unknown";
  }
  return "?";
}

Expected<UnitResult> verify_isa(IsaKind isa, const VerifyOptions& options) {
  const RuleSources* sources = rule_sources(isa);
  if (sources == nullptr) return fail(std::string("no rules for ") + name(isa) + " in this build");
  return verify_sources(isa, *sources, options);
}

Expected<UnitResult> verify_sources(IsaKind isa, const RuleSources& sources, const VerifyOptions& options) {
  return verify_unit(name(isa), sources, options);
}

Expected<UnitResult> verify_optimizer(const RuleSources& sources, const VerifyOptions& options) {
  return verify_unit("opt", sources, options);
}

namespace {

Expected<UnitResult> verify_unit(const std::string& unit_name, const RuleSources& sources,
                                 const VerifyOptions& options) {
  const auto begin = std::chrono::steady_clock::now();

  std::shared_ptr<ProofCache> cache = options.shared_cache;
  if (cache == nullptr && !options.cache.empty()) {
    auto opened = ProofCache::open(options.cache);
    if (!opened) return std::unexpected(opened.error());
    cache = *std::move(opened);
  }
  unsigned jobs = options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  if (options.definitions != nullptr) jobs = 1;
  std::vector<std::unique_ptr<Prover>> provers;
  for (unsigned i = 0; i < jobs; ++i) {
    Diagnostics errors;
    std::shared_ptr<Definitions> definitions = options.definitions;
    if (definitions == nullptr) definitions = load_definitions(sources, errors);
    if (definitions == nullptr) return std::unexpected(errors.front());
    provers.push_back(std::make_unique<Prover>(options, std::move(definitions), cache.get()));
  }

  const isle::Program& program = provers[0]->program();
  const RuleUsers users(program);
  const auto named = [&](const isle::Rule& rule) {
    return std::any_of(options.rules.begin(), options.rules.end(), [&](const std::string& part) {
      return options.whole_names ? rule.name == part : rule.name.find(part) != std::string::npos;
    });
  };
  std::set<std::string> using_rules;
  for (const isle::Rule& rule : program.rules) {
    if (!options.with_users || users.is_root(rule.term) || !users.reached(rule.term) || !named(rule)) continue;
    for (std::string& user : users.judges_of_rule(rule)) using_rules.insert(std::move(user));
  }
  const auto selected = [&](const isle::Rule& rule) {
    // How a node is written is no claim.
    if (!users.reached(rule.term) || has_tag(program.terms[rule.term], "node")) return false;
    return options.rules.empty() || named(rule) || using_rules.contains(rule.name);
  };
  std::atomic<uint32_t> next{0};
  std::mutex mutex;
  std::string internal_error;
  std::vector<double> cpu(jobs);
  const auto work = [&](unsigned worker) {
    Prover& prover = *provers[worker];
    try {
      for (uint32_t i = next++; i < program.rules.size(); i = next++) {
        const isle::Rule& rule = prover.program().rules[isle::RuleId(i)];
        if (!users.is_root(rule.term) || !selected(rule)) continue;
        prover.prove(isle::RuleId(i));
        if (options.progress) {
          const Tally& tally = prover.tallies()[i];
          RuleResult result{.name = rule.name, .term = prover.program().terms[rule.term].name};
          result.state = tally.state(true);
          result.applicable = tally.applicable;
          result.seconds = tally.seconds;
          const std::lock_guard lock(mutex);
          options.progress(result);
        }
      }
    } catch (const z3::exception& error) {
      const std::lock_guard lock(mutex);
      internal_error = std::string("Z3: ") + error.msg();
    } catch (const std::runtime_error& error) {
      const std::lock_guard lock(mutex);
      internal_error = error.what();
    }
    cpu[worker] = thread_seconds();
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < jobs; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  if (!internal_error.empty()) return fail(internal_error, "this is a mistake in Assay's prover");
  if (cache != nullptr && !cache->error().empty()) {
    return std::unexpected(
        Diagnostic{{.file = options.cache}, "cannot write the proof cache: " + cache->error(), "use --no-cache"});
  }

  UnitResult unit{.unit = unit_name};
  std::vector<Tally> totals(program.rules.size());
  for (const isle::Rule& rule : program.rules) {
    if (!selected(rule)) continue;
    Tally& total = totals[rule.id.index];
    for (const auto& prover : provers) total.add(prover->tallies()[rule.id.index]);
    const bool is_root = users.is_root(rule.term);
    const Place place = program.place(rule.position);
    RuleResult result{.name = rule.name,
                      .term = program.terms[rule.term].name,
                      .file = place.file,
                      .line = place.line,
                      .state = total.state(is_root),
                      .applicable = total.applicable,
                      .inapplicable = total.inapplicable,
                      .failed = total.failed,
                      .solvers = {total.solvers.begin(), total.solvers.end()},
                      .seconds = total.seconds};
    for (const uint32_t lemma : total.lemmas) result.lemmas.push_back(program.terms[isle::TermId(lemma)].name);
    if (result.state == RuleState::Failed) {
      result.counterexample = total.counterexample;
      result.obstacle = total.obstacle;
      if (!total.function.empty()) {
        result.function =
            test_header(unit_name) + total.features + "\n\n; rule " + rule.name + " does not hold\n" + total.function;
      }
    }
    if (result.state == RuleState::Trusted || result.state == RuleState::Unknown) {
      result.reason = !total.reason.empty()                ? total.reason
                      : is_root || total.inapplicable != 0 ? "no instantiation applies"
                                                           : "no rule that is proven uses it";
    }
    result.has_one_input = is_root && total.applicable != 0 && !total.has_several_inputs;
    unit.rules.push_back(std::move(result));
  }
  std::vector<RuleResult*> by_rule(program.rules.size());
  size_t next_result = 0;
  for (const isle::Rule& rule : program.rules) {
    if (selected(rule)) by_rule[rule.id.index] = &unit.rules[next_result++];
  }
  chain_lemmas(program, totals, by_rule);
  for (const RuleResult& rule : unit.rules) {
    unit.proven += rule.state == RuleState::Proven;
    unit.trusted += rule.state == RuleState::Trusted;
    unit.failed += rule.state == RuleState::Failed;
    unit.unknown += rule.state == RuleState::Unknown;
  }
  for (const auto& prover : provers) prover->add_counts(unit);
  for (double seconds : cpu) unit.cpu_seconds += seconds;
  unit.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return unit;
}

}  // namespace

}  // namespace assay::verify
