// Which rule is to blame: each that fired is switched off by itself; ties are settled by small random programs.
#include <algorithm>
#include <cmath>

#include "compiler/machine/compile.h"
#include "compiler/machine/print_vcode.h"
#include "fuzz/rule_case.h"
#include "fuzz/triage_parts.h"

namespace assay::fuzz {

namespace {

oracles::HarnessOptions on_virtual_registers(const TriageContext& context) {
  oracles::HarnessOptions options = context.options.harness;
  options.isas = {context.isa};
  options.opt_levels = {context.level};
  options.unicorn = options.native = options.qemu = false;
  options.stages = true;
  options.check_allocation = false;
  return options;
}

bool is_of_lowering(const oracles::Finding& finding) {
  return finding.executor.starts_with("virtual") || finding.kind == oracles::FindingKind::Compiler;
}

bool fails(oracles::Harness& harness, const Case& test) {
  std::vector<oracles::Finding> findings;
  check_case(harness, test, findings);
  return std::ranges::any_of(findings, is_of_lowering);
}

bool was_refused(const oracles::Harness& harness) {
  return std::ranges::any_of(harness.stats().not_run,
                             [](const auto& entry) { return entry.first.starts_with("not supported on "); });
}

// How well "the rule fired" tells failing from passing programs (Ochiai's coefficient): small random ones, and some
// that are made for each of the rules in question.
class Spectrum {
 public:
  Spectrum(const TriageContext& context, std::span<const isle::RuleId> suspects)
      : context_(context), harness_(on_virtual_registers(context)) {
    const std::span<const isle::RuleInfo> rules = harness_.compiler(context.isa)->rules().rules();
    failed_with_.assign(rules.size(), 0);
    passed_with_.assign(rules.size(), 0);
    Random random(1);
    GenerateOptions generator;
    generator.max_instructions = 6;
    generator.inputs = 3;
    for (unsigned i = 0; i < kPrograms; ++i) {
      Program program;
      generate(random, generator, program);
      Case test;
      test.functions = program.functions;
      test.entry = static_cast<uint32_t>(test.functions.size() - 1);
      test.regions = program.regions;
      for (auto& args : program.inputs) test.inputs.push_back({.args = args, .seed = input_seed(args)});
      run(std::move(test));
    }
    const RuleShapes* shapes = RuleShapes::of_machine(context.isa);
    if (shapes == nullptr) return;
    static constexpr ir::Type kTypes[] = {ir::kI8,  ir::kI16, ir::kI32, ir::kI64, ir::kI128,
                                          ir::kF16, ir::kF32, ir::kF64, ir::kF128};
    for (const isle::RuleId suspect : suspects) {
      for (unsigned i = 0; i < kForEach; ++i) {
        const RulePlan plan = shapes->plan_for(rules[suspect.index].name, random, kTypes);
        if (!plan.nodes.empty()) run(case_of(plan, 6, random));
      }
    }
  }
  // The share of all programs in which the rule fired and nothing failed.
  double innocence(isle::RuleId rule) const { return passed_with_[rule.index] / double(programs_); }
  double of(isle::RuleId rule) const {
    const double with = failed_with_[rule.index], all = with + passed_with_[rule.index];
    return with == 0 ? 0 : with / std::sqrt(double(failed_) * all);
  }

 private:
  static constexpr unsigned kPrograms = 200, kForEach = 24;

  void run(Case test) {
    test.choice_seed = context_.test.choice_seed;
    isle::RuleState& rules = harness_.compiler(context_.isa)->rules();
    rules.reset_counts();
    const bool failed = fails(harness_, test);
    ++programs_;
    failed_ += failed;
    for (uint32_t r = 0; r < failed_with_.size(); ++r) {
      if (rules.count(isle::RuleId(r)) != 0) ++(failed ? failed_with_ : passed_with_)[r];
    }
  }

  const TriageContext& context_;
  oracles::Harness harness_;
  unsigned programs_ = 0, failed_ = 0;
  std::vector<unsigned> failed_with_, passed_with_;
};

}  // namespace

bool fails_before_allocation(const TriageContext& context, const Case& test) {
  oracles::Harness harness(on_virtual_registers(context));
  return fails(harness, test);
}

std::vector<RuleSuspect> bisect_rules(const TriageContext& context) {
  oracles::Harness harness(on_virtual_registers(context));
  machine::Compiler* compiler = harness.compiler(context.isa);
  std::vector<RuleSuspect> suspects;
  if (compiler == nullptr) return suspects;
  isle::RuleState& rules = compiler->rules();
  rules.reset_counts();
  if (!fails(harness, context.test)) return suspects;
  for (uint32_t i = 0; i < rules.rules().size(); ++i) {
    const isle::RuleId rule(i);
    if (rules.count(rule) != 0) suspects.push_back({.rule = rule, .times = rules.count(rule)});
  }
  for (RuleSuspect& suspect : suspects) {
    rules.enable_rule(suspect.rule, false);
    harness.clear_stats();
    const bool still = fails(harness, context.test);
    suspect.verdict = still ? RuleVerdict::Innocent : was_refused(harness) ? RuleVerdict::Refused : RuleVerdict::Fixes;
    const bool is_asked = suspect.verdict == RuleVerdict::Fixes && suspect.times > 1;
    for (uint64_t n = 0; is_asked && n < std::min(suspect.times, kMostApplications) && suspect.decisive == 0; ++n) {
      rules.pass_over_once(suspect.rule, n);
      if (!fails(harness, context.test)) suspect.decisive = n + 1;
    }
    rules.enable_rule(suspect.rule, true);
  }
  return suspects;
}

bool blame_rules(TriageContext& context, std::span<const RuleSuspect> suspects, std::span<const isle::RuleId> emitted,
                 std::span<const isle::RuleId> concerned) {
  const std::span<const isle::RuleInfo> rules = context.traces.isa().rules;
  struct Ranked {
    RuleSuspect suspect;
    double score = 0;
    double share = 0;
    std::string reason;
  };
  std::vector<Ranked> ranked;
  for (const RuleSuspect& suspect : suspects) {
    Ranked entry{.suspect = suspect, .reason = {}};
    const bool made_it = std::ranges::find(emitted, suspect.rule) != emitted.end();
    const bool is_near = std::ranges::find(concerned, suspect.rule) != concerned.end();
    if (suspect.verdict == RuleVerdict::Innocent) continue;
    if (suspect.verdict == RuleVerdict::Fixes) {
      entry.score += 4;
      entry.reason = kFixesCase;
      if (suspect.decisive != 0) entry.reason += application_that_matters(suspect.times, suspect.decisive);
    } else {
      // It may have passed its operand on without code of its own.
      if (!made_it && !is_near) entry.score -= 1;
      entry.reason = "without it the function does not compile";
    }
    if (made_it) {
      entry.score += 2;
      entry.reason += "; it made the first wrong value";
    } else if (is_near) {
      entry.score += 1;
      entry.reason += "; it made code for the same CLIF instruction";
    }
    ranked.push_back(std::move(entry));
  }
  if (ranked.empty()) return false;
  if (ranked.size() > 1) {
    std::vector<isle::RuleId> asked;
    for (const Ranked& entry : ranked) asked.push_back(entry.suspect.rule);
    const Spectrum spectrum(context, asked);
    for (Ranked& entry : ranked) {
      const double share = spectrum.of(entry.suspect.rule);
      entry.share = share;
      entry.score += 4 * share - 0.5 * spectrum.innocence(entry.suspect.rule);
      if (share > 0) {
        char text[80];
        std::snprintf(text, sizeof text, "; small random programs fail where it fires (%.2f)", share);
        entry.reason += text;
      }
    }
  }
  std::ranges::sort(ranked, [](const Ranked& a, const Ranked& b) {
    return std::pair(-a.score, a.suspect.rule.index) < std::pair(-b.score, b.suspect.rule.index);
  });
  constexpr size_t kMost = 60;  // judges choose among them
  for (size_t i = 0; i < ranked.size() && i < kMost; ++i) {
    const isle::RuleInfo& rule = rules[ranked[i].suspect.rule.index];
    context.blame(CulpritKind::Rule, std::string(rule.name), std::string(rule.file), rule.line, ranked[i].reason);
    context.result.culprits.back().share = ranked[i].share;
  }
  return true;
}

bool blame_selection(TriageContext& context) {
  if (!context.options.interpreted) return false;
  const std::unique_ptr<machine::TargetIsa> other = context.options.interpreted(context.isa);
  if (other == nullptr) return false;
  machine::Compiler trees(context.traces.isa()), rules(*other);
  const auto lower = [&](machine::Compiler& compiler, const ir::Function& f) {
    std::string text;
    machine::CompileOptions options = context.traces.options();
    options.want_listing = false;
    options.choice_seed = 0;
    options.dump = [&](machine::Stage stage, const std::string& dumped) {
      if (stage == machine::Stage::Lower) text = dumped;
    };
    const auto compiled = compiler.compile(f, options);
    return text.empty() && !compiled ? compiled.error().message : text;
  };
  for (const ir::Function& f : context.test.functions) {
    const std::string by_trees = lower(trees, f), by_rules = lower(rules, f);
    if (by_trees == by_rules) continue;
    std::string fired;
    for (uint32_t i = 0; i < context.traces.isa().rules.size(); ++i) {
      const isle::RuleInfo& rule = context.traces.isa().rules[i];
      if (rule.term.starts_with("lower") &&
          trees.rules().count(isle::RuleId(i)) != rules.rules().count(isle::RuleId(i)))
        fired += (fired.empty() ? "" : ", ") + std::string(rule.name);
    }
    context.note("the generated decision trees and the rule interpreter lower " + ir::to_string(f.name) +
                 " differently" + (fired.empty() ? "" : ": " + fired));
    if (fired.empty()) {
      context.blame(CulpritKind::RuleCompiler, "TermWriter::expr", "compiler/isle/codegen_term.cpp", 0,
                    "the same rules are selected; what they construct differs from what the rule interpreter makes");
    } else {
      context.blame(CulpritKind::RuleCompiler, "Builder::is_blocked", "compiler/isle/decision.cpp", 0,
                    "the decision tree selects other rules than the rule interpreter: " + fired);
    }
    context.result.divergence = "by the decision trees:\n" + by_trees + "\nby the rule interpreter:\n" + by_rules;
    return true;
  }
  return false;
}

}  // namespace assay::fuzz
