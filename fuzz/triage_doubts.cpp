// Which C++ function of the stage that differs is to blame, by doubting the decisions it makes (doubts.h).
#include <algorithm>
#include <cmath>

#include "compiler/ir/printer.h"
#include "compiler/isa/registry.h"
#include "compiler/opt/changes.h"
#include "compiler/opt/optimize.h"
#include "fuzz/doubts.h"
#include "fuzz/optimize_case.h"
#include "fuzz/triage_parts.h"

namespace assay::fuzz {

namespace {

using oracles::Finding;

// Of the programs that fail and of those that pass, what the true culprit mends and spoils.
constexpr double kLeastMended = 0.85, kMostSpoiled = 0.05;
constexpr double kClearly = 0.025;  // of scores

// Programs on one ISA at one level, as far as the stage in question.
class StageJudge {
 public:
  StageJudge(oracles::HarnessOptions options, IsaKind isa, machine::OptLevel level, TriageStage stage, const Case& test)
      : options_(std::move(options)), isa_(isa), level_(level), stage_(stage) {
    options_.isas = {isa};
    options_.opt_levels = {level};
    options_.stages = true;
    options_.native = options_.qemu = options_.confirm = false;
    options_.unicorn = stage == TriageStage::Bytes;
    options_.check_allocation = stage == TriageStage::Allocated;
    passes_ = machine::mid_end_options({.opt_level = level, .choice_seed = test.choice_seed});
    if (stage != TriageStage::Optimized) return;
    options_.isas.clear();
    sees_more_ = judge(test) == DoubtVerdict::Passes;
  }

  DoubtVerdict judge(const Case& test) const {
    oracles::Harness harness(options_);
    std::vector<Finding> findings;
    if (stage_ == TriageStage::Optimized) {
      opt::Optimizer optimizer;
      check_optimized(harness, test, optimizer, passes_, findings);
      bool fails = !findings.empty();
      if (!fails && sees_more_) {
        std::string error;
        const Case optimized = optimize_case(test, optimizer, passes_, error);
        fails = leaves_more_open(test, optimized) || no_longer_ends(test, optimized);
      }
      return fails ? DoubtVerdict::Fails : DoubtVerdict::Passes;
    }
    check_case(harness, test, findings);
    const auto differs_in = [&](const char* executor) {
      return std::ranges::any_of(findings, [&](const Finding& f) { return f.executor.starts_with(executor); });
    };
    const bool refused = std::ranges::any_of(
        findings, [](const Finding& finding) { return finding.kind == oracles::FindingKind::Compiler; });
    if (refused) return DoubtVerdict::Fails;
    if (findings.empty()) {
      const bool ran = std::ranges::any_of(harness.stats().executors, [&](const auto& entry) {
        const bool is_virtual = entry.first.starts_with("virtual"), is_allocated = entry.first.starts_with("allocated");
        const bool is_of_stage = stage_ == TriageStage::Virtual     ? is_virtual
                                 : stage_ == TriageStage::Allocated ? is_allocated
                                                                    : !is_virtual && !is_allocated;
        return is_of_stage && entry.second.runs != 0;
      });
      return ran ? DoubtVerdict::Passes : DoubtVerdict::Void;
    }
    if (stage_ != TriageStage::Virtual && differs_in("virtual")) return DoubtVerdict::Void;
    return DoubtVerdict::Fails;
  }

  std::string code(const Case& test) const {
    std::string out;
    if (stage_ == TriageStage::Optimized) {
      opt::Optimizer optimizer;
      std::string error;
      for (const ir::Function& f : optimize_case(test, optimizer, passes_, error).functions) out += ir::print(f);
      return out;
    }
    machine::Compiler compiler(*isa::find_isa(isa_));
    const auto options =
        oracles::compile_options(options_, pointers_to(test.functions), isa_, level_, test.choice_seed);
    for (const ir::Function& f : test.functions) {
      if (const auto compiled = compiler.compile(f, options)) {
        out.append(compiled->code.bytes.begin(), compiled->code.bytes.end());
      }
    }
    return out;
  }

  static bool is_emission(const std::string& file) {
    return file.starts_with("compiler/machine/emit") || file.starts_with("compiler/machine/frame");
  }
  bool has_file(const std::string& file) const {
    switch (stage_) {
      case TriageStage::Optimized:
        return file.starts_with("compiler/opt/");
      case TriageStage::Allocated:
        return file.starts_with("compiler/regalloc/");
      case TriageStage::Virtual:
        return (file.starts_with("compiler/machine/") || file.starts_with("compiler/isa/")) && !is_emission(file);
      default:
        return is_emission(file) || file.starts_with("compiler/isa/");
    }
  }

 private:
  oracles::HarnessOptions options_;
  IsaKind isa_;
  machine::OptLevel level_;
  TriageStage stage_;
  opt::OptimizeOptions passes_;
  bool sees_more_ = false;  // what is not compared otherwise
};

std::string percent(double share) { return std::to_string(std::lround(100 * share)) + " %"; }

std::string in_words(const DoubtedFunction& function) {
  const DoubtedFunction::Tally& tally = function.tally;
  return function.change + ", " + percent(tally.mends) + " of the programs like this one pass" +
         (tally.spoils == 0 ? "" : ", " + percent(tally.spoils) + " of others fail") + ", " + percent(tally.alters) +
         " of others become other code";
}

}  // namespace

void doubt_culprits(const Case& test, const TriageOptions& options, IsaKind isa, machine::OptLevel level,
                    TriageResult& result) {
  const bool is_of_compiler = result.stage == TriageStage::Optimized || result.stage == TriageStage::Virtual ||
                              result.stage == TriageStage::Allocated || result.stage == TriageStage::Bytes;
  std::vector<Culprit>& culprits = result.culprits;
  const bool is_function = culprits.empty() || culprits[0].kind == CulpritKind::Function || result.rules_stand;
  if (!options.doubt || !is_of_compiler || !is_function || result.is_audited || result.is_flaky ||
      result.key.starts_with("crash"))
    return;
  if (!can_doubt()) {
    result.evidence.push_back(
        "which of the stage's functions is to blame was not asked: `assay-what-if` does, which builds with clang 19 "
        "have");
    return;
  }
  // Nobody knows of the rules that any is wrong: it may be a function as well.
  const std::string named_file = culprits.empty() || result.rules_stand ? "" : culprits[0].file;
  const StageJudge stage(options.harness, isa, level, result.stage, test);
  const bool is_refused = result.finding.find("stage emit") != std::string::npos;
  Doubts doubts = doubt_functions(
      test, {[&](const Case& c) { return stage.judge(c); }, [&](const Case& c) { return stage.code(c); },
             [&](const std::string& file) {
               return stage.has_file(file) || file == named_file || (is_refused && StageJudge::is_emission(file));
             }});
  // Audits found nothing wrong with what they look at, and changes that make no difference are no mistake.
  if (result.stage == TriageStage::Optimized) {
    std::erase_if(doubts.functions, [&](const DoubtedFunction& function) {
      return opt::find_change(function.name) != nullptr &&
             std::ranges::find(culprits, function.name, &Culprit::name) == culprits.end();
    });
  }
  constexpr size_t kMostShown = 4;
  for (size_t i = 0; i < doubts.functions.size() && i < kMostShown && !doubts.functions[i].change.empty(); ++i) {
    result.evidence.push_back("what if? " + doubts.functions[i].name + ", " + in_words(doubts.functions[i]));
  }
  if (doubts.functions.empty()) return;
  const DoubtedFunction& best = doubts.functions.front();
  if (best.tally.mends < kLeastMended || best.tally.spoils > kMostSpoiled) return;
  // Nothing is known of a file without places.
  const bool is_known = std::ranges::any_of(
      doubts.functions, [&](const DoubtedFunction& function) { return function.file == named_file; });
  if (!named_file.empty() && !is_known) return;
  const DoubtedFunction* named = culprits.empty() ? nullptr : doubts.find(culprits[0].name);
  // Where several functions that every compilation runs do as well, it is only that they turn all of it off.
  const auto turns_all_off = std::ranges::count_if(doubts.functions, [&](const DoubtedFunction& f) {
    return f.is_everywhere && f.tally.score() == best.tally.score();
  });
  if (best.is_one_of_many && turns_all_off > 1) return;
  // What a judge has named stays if programs hardly tell it from the best.
  const bool is_as_good = named != nullptr && named->tally.score() + kClearly >= best.tally.score();
  if (is_as_good) return;
  std::string reason = in_words(best);
  const auto known = std::ranges::find(culprits, best.name, &Culprit::name);
  if (known != culprits.end()) {
    reason = known->reason + "; " + reason;
    culprits.erase(known);
  }
  culprits.insert(culprits.begin(),
                  {CulpritKind::Function, best.name, best.file, line_of(best.file, best.name), std::move(reason)});
  // What was refused had been right until it was to be written.
  const bool is_frame = StageJudge::is_emission(best.file) || best.file.ends_with("/abi.cpp");
  if (is_refused && is_frame) result.stage = TriageStage::Bytes;
}

}  // namespace assay::fuzz
