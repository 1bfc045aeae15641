// See triage.h. This file reproduces, reduces, observes and decides on the stage; the steps are in triage_*.cpp.
#include "fuzz/triage.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "compiler/ir/printer.h"
#include "compiler/isa/registry.h"
#include "compiler/opt/optimize.h"
#include "fuzz/crash_trace.h"
#include "fuzz/optimize_case.h"
#include "fuzz/reduce_edits.h"
#include "fuzz/triage_parts.h"
#include "fuzz/worker_report.h"
#include "oracles/worker_pool.h"

namespace assay::fuzz {

using oracles::Finding;
using oracles::FindingKind;
using oracles::HarnessOptions;

const char* name(TriageStage stage) {
  constexpr const char* kNames[] = {"none", "interpreter", "optimized", "virtual", "allocated", "bytes", "executor"};
  return kNames[size_t(stage)];
}

const char* name(CulpritKind kind) {
  constexpr const char* kNames[] = {"rule", "rule compiler", "operation", "instruction", "function", "executor"};
  return kNames[size_t(kind)];
}

const char* name(Severity severity) {
  constexpr const char* kNames[] = {"none", "refuses",      "wrong value",   "wrong trap",
                                    "hang", "abi violated", "reads outside", "writes outside"};
  return kNames[size_t(severity)];
}

void TriageContext::blame(CulpritKind kind, std::string name, std::string file, uint32_t line, std::string reason) {
  const auto known =
      std::ranges::find_if(result.culprits, [&](const Culprit& c) { return c.kind == kind && c.name == name; });
  if (known != result.culprits.end()) return;
  if (line == 0) line = line_of(file, name);
  result.culprits.push_back({kind, std::move(name), std::move(file), line, std::move(reason)});
}

void TriageContext::blame(Decision decision, std::string reason) {
  DecisionPlace place = place_of(decision, isa);
  blame(CulpritKind::Function, std::move(place.function), std::move(place.file), 0, std::move(reason));
}

namespace {

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// What one ISA at one level shows: the verdict of every executor that ran.
struct Sight {
  IsaKind isa{};
  machine::OptLevel level{};
  uint64_t choice_seed = 0;
  std::map<std::string, std::string> verdicts;  // by executor; empty: agrees
  std::vector<Finding> findings;
  std::string refusal;    // the compiler's complaint
  std::string complaint;  // of the allocation's checker

  bool differs(const std::string& prefix) const {
    return std::ranges::any_of(
        verdicts, [&](const auto& entry) { return entry.first.starts_with(prefix) && !entry.second.empty(); });
  }
  bool ran(const std::string& prefix) const {
    return std::ranges::any_of(verdicts, [&](const auto& entry) { return entry.first.starts_with(prefix); });
  }
  static bool is_stage(const std::string& executor) {
    return executor.starts_with("virtual") || executor.starts_with("allocated");
  }
  bool bytes_differ() const {
    return std::ranges::any_of(verdicts,
                               [](const auto& entry) { return !is_stage(entry.first) && !entry.second.empty(); });
  }
  bool some_bytes_agree() const {
    return std::ranges::any_of(verdicts,
                               [](const auto& entry) { return !is_stage(entry.first) && entry.second.empty(); });
  }
  bool differs() const {
    return !refusal.empty() || !complaint.empty() ||
           std::ranges::any_of(verdicts, [](const auto& entry) { return !entry.second.empty(); });
  }
};

// In a process of its own, as what runs there may be anything.
Sight look(const Case& given, HarnessOptions options, IsaKind isa, machine::OptLevel level, uint64_t choice_seed,
           bool qemu) {
  Case test = given;
  test.choice_seed = choice_seed;
  options.isas = {isa};
  options.opt_levels = {level};
  options.stages = true;
  options.qemu = qemu;
  options.confirm = false;
  const auto run = [&](bool checks) {
    options.check_allocation = options.verify_machine = checks;
    return oracles::run_isolated([&] {
      oracles::Harness harness(options);
      std::vector<Finding> found;
      check_case(harness, test, found);
      // With random choices the plain code runs, too, perhaps where the other cannot, for want of a feature.
      oracles::Harness plain(options);
      if (choice_seed != 0) {
        Case without = test;
        without.choice_seed = 0;
        std::vector<Finding> ignored;
        check_case(plain, without, ignored);
      }
      nlohmann::json executors = nlohmann::json::array();
      for (const auto& [executor, stats] : harness.stats().executors) {
        const auto known = plain.stats().executors.find(executor);
        const uint64_t runs_of_plain = known == plain.stats().executors.end() ? 0 : known->second.runs;
        if (stats.runs > runs_of_plain) executors.push_back(executor);
      }
      return nlohmann::json{{"executors", executors}, {"findings", encode(found)}}.dump(
          -1, ' ', false, nlohmann::json::error_handler_t::replace);
    });
  };
  Sight sight{.isa = isa, .level = level, .choice_seed = choice_seed};
  const auto take = [&](const Expected<std::string>& text) {
    if (!text) {
      sight.refusal = text.error().message;
      return;
    }
    const nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
    if (json.is_discarded()) return;
    for (const std::string executor : json["executors"]) sight.verdicts[executor];
    sight.findings = decode_findings(json["findings"].get<std::string>());
    // With random choices the plain code was compiled and run, too; that has a sight of its own.
    std::erase_if(sight.findings, [&](const Finding& finding) { return finding.choice_seed != choice_seed; });
    for (const Finding& finding : sight.findings) {
      if (finding.kind == FindingKind::Compiler) {
        const bool is_check = finding.text.find("stage check:") != std::string::npos;
        (is_check ? sight.complaint : sight.refusal) = finding.text;
      } else if (sight.verdicts[finding.executor].empty()) {
        sight.verdicts[finding.executor] = finding.text;
      }
    }
  };
  take(run(true));
  // What a check complains about goes on to run without it, to see what it would do.
  if (!sight.complaint.empty()) {
    const std::string complaint = sight.complaint;
    take(run(false));
    sight.complaint = complaint;
    sight.refusal.clear();  // of what was allocated wrong
  }
  return sight;
}

class Triage {
 public:
  Triage(const Case& test, const std::string& file, const TriageOptions& options)
      : given_(test), options_(options), start_(cpu_seconds()) {
    result_.file = file;
  }

  TriageResult run() {
    if (reproduce()) {
      reduce_case();
      observe();
      decide();
      finish();
    }
    result_.cpu_seconds = cpu_seconds() - start_;
    return std::move(result_);
  }

 private:
  std::vector<Finding> findings_of(const Case& test, const HarnessOptions& options) const {
    oracles::Harness harness(options);
    std::vector<Finding> findings;
    check_isolated(harness, test, findings);
    return findings;
  }

  // Once it has failed, that input is enough, if it fails alone.
  void keep_failing_input(const Finding& finding) {
    if (!finding.input || *finding.input >= given_.inputs.size() || given_.inputs.size() < 2) return;
    Case one = given_;
    one.inputs = {given_.inputs[*finding.input]};
    if (!findings_of(one, harness_).empty()) given_ = std::move(one);
  }

  bool reproduce() {
    harness_ = options_.harness;
    std::vector<Finding> first;
    for (unsigned i = 0; i < std::max(options_.repeats, 1u); ++i) {
      const std::vector<Finding> findings = findings_of(given_, harness_);
      ++result_.runs;
      if (findings.empty()) continue;
      ++result_.failures;
      if (!first.empty()) continue;
      first = findings;
      keep_failing_input(first[0]);
    }
    if (first.empty()) {
      // Perhaps what differs was excused as an executor's known mistake, or differs before there are bytes only.
      HarnessOptions severe = harness_;
      severe.confirm = false;
      severe.stages = true;
      first = findings_of(given_, severe);
      if (first.empty()) return false;
      harness_ = severe;
      result_.evidence.push_back(
          "only found when executors' known mistakes are not excused and the stages before bytes run, too");
    } else if (result_.failures != result_.runs) {
      result_.is_flaky = true;
      result_.evidence.push_back("flaky: fails " + std::to_string(result_.failures) + " of " +
                                 std::to_string(result_.runs) + " times");
    }
    result_.fails = true;
    result_.key = first[0].key();
    result_.finding = oracles::describe(first[0]);
    return true;
  }

  void reduce_case() {
    result_.reduced = given_;
    if (!result_.is_flaky) {
      auto reduced = reduce(harness_, given_, {.seconds = options_.seconds / 2, .any_symptom = true});
      if (reduced) {
        result_.reduced = std::move(reduced->reduced);
        result_.key = reduced->key;
        result_.finding = reduced->finding;
      }
    }
    // One input is enough for all that follows, if it shows the failure.
    for (size_t i = 0; result_.reduced.inputs.size() > 1 && i < result_.reduced.inputs.size(); ++i) {
      Case one = result_.reduced;
      one.inputs = {result_.reduced.inputs[i]};
      if (!findings_of(one, harness_).empty()) result_.reduced = std::move(one);
    }
    result_.instructions = count_instructions(result_.reduced);
  }

  void observe() {
    for (IsaKind isa : options_.harness.isas) {
      for (machine::OptLevel level : options_.harness.opt_levels) observe(isa, level, 0);
      if (result_.reduced.choice_seed != 0 && !options_.harness.opt_levels.empty()) {
        observe(isa, std::ranges::max(options_.harness.opt_levels), result_.reduced.choice_seed);
      }
    }
  }
  void observe(IsaKind isa, machine::OptLevel level, uint64_t choice_seed) {
    Sight sight = look(result_.reduced, harness_, isa, level, choice_seed, false);
    // Only bytes differ: more executors are asked.
    if (sight.bytes_differ() && !sight.differs("virtual") && !sight.differs("allocated")) {
      sight = look(result_.reduced, harness_, isa, level, choice_seed, true);
    }
    for (const auto& [executor, text] : sight.verdicts) {
      result_.observations.push_back({isa, level, choice_seed, executor, text.empty(), text});
    }
    if (sight.differs() && std::ranges::find(result_.isas, isa) == result_.isas.end()) result_.isas.push_back(isa);
    sights_.push_back(std::move(sight));
  }

  const Sight* first_sight() const {
    const auto found = std::ranges::find_if(sights_, [](const Sight& sight) { return sight.differs(); });
    return found == sights_.end() ? nullptr : &*found;
  }

  void decide() {
    const Sight* sight = first_sight();
    if (sight == nullptr) {
      result_.evidence.push_back("the reduced case no longer fails when its stages are run one by one");
      return;
    }
    isa_ = sight->isa;
    level_ = sight->level;
    choice_seed_ = sight->choice_seed;
    if (choice_seed_ != 0) {
      result_.evidence.push_back("only with the compiler's choices made at random, from seed " +
                                 std::to_string(choice_seed_));
    }
    subject_ = result_.reduced;
    inner_ = options_;
    if (result_.key.starts_with("crash")) return decide_crash(*sight);
    // Do all machines of this byte order differ from the interpreter, before anything was allocated?
    const ir::Endianness order = byte_order(isa_);
    const bool everywhere = std::ranges::all_of(sights_, [&](const Sight& s) {
      return byte_order(s.isa) != order || (s.refusal.empty() && (!s.ran("virtual") || s.differs("virtual")));
    });
    if (everywhere && blame_reference(result_.reduced, options_, order, result_)) {
      result_.stage = TriageStage::Interpreter;
      result_.evidence.push_back("every machine differs from the interpreter, before and after register allocation");
      return;
    }
    const machine::CompileOptions compile{.opt_level = level_, .choice_seed = choice_seed_};
    if (harness_.optimize && machine::will_optimize(compile)) {
      const opt::OptimizeOptions passes = machine::mid_end_options(compile);
      if (blame_optimizer(result_.reduced, options_, passes, result_)) {
        result_.stage = TriageStage::Optimized;
        return;
      }
      // What follows looks at what was lowered.
      opt::Optimizer optimizer;
      std::string error;
      subject_ = optimize_case(result_.reduced, optimizer, passes, error);
      HarnessOptions plain = harness_;
      plain.optimize = false;
      // Machines do what the interpreter says of the optimised functions: those promise less.
      if (findings_of(subject_, plain).empty() && blame_optimizer(result_.reduced, options_, passes, result_, true)) {
        result_.stage = TriageStage::Optimized;
        return;
      }
      harness_.optimize = inner_.harness.optimize = false;
    }
    StageTraces traces(subject_, isa_, level_, choice_seed_, harness_);
    TriageContext context{subject_, inner_, isa_, level_, interpret(subject_, byte_order(isa_)), traces, result_};
    const auto refused_in = [&](const char* stage) {
      return sight->refusal.find(std::string("stage ") + stage) != std::string::npos;
    };
    // Nothing is wrong before there are bytes: what each instruction is written as is asked before anything else.
    const bool is_of_bytes = sight->refusal.empty() && !sight->differs("virtual") && !sight->differs("allocated") &&
                             sight->complaint.empty() && traces.problem().empty();
    constexpr size_t kMostInstructions = 30;
    if ((is_of_bytes || refused_in("emit")) &&
        blame_definitions(context, oracles::ExecutorKind::Allocated, kMostInstructions)) {
      result_.stage = TriageStage::Bytes;
      result_.divergence = result_.culprits[0].reason;
      return;
    }
    if (blame_contract(context)) return;
    if (refused_in("allocate")) {
      result_.stage = TriageStage::Allocated;
      context.note("the allocator gives up: " + sight->refusal);
      blame_allocation(context, sight->refusal);
    } else if (!sight->refusal.empty()) {
      context.note("the compiler refuses its own code: " + sight->refusal);
      result_.stage = TriageStage::Bytes;
      if (refused_in("emit")) blame_emission(context, sight->refusal);
      if (result_.culprits.empty()) {
        // An operand that an instruction cannot have was put there by a rule.
        result_.stage = TriageStage::Virtual;
        blame_refused(context, sight->refusal);
      }
    } else if (sight->differs("virtual")) {
      result_.stage = TriageStage::Virtual;
      blame_lowering(context);
    } else if (sight->differs("allocated") || !sight->complaint.empty()) {
      result_.stage = TriageStage::Allocated;
      blame_allocation(context, sight->complaint);
    } else if (sight->some_bytes_agree()) {
      result_.stage = TriageStage::Executor;
      for (const auto& [executor, text] : sight->verdicts) {
        if (text.empty() || Sight::is_stage(executor)) continue;
        context.blame(CulpritKind::Executor, executor, "", 0,
                      "others that run the same bytes agree with the interpreter and the instructions' definitions");
        result_.divergence += executor + ": " + text + "\n";
      }
    } else {
      result_.stage = TriageStage::Bytes;
      blame_bytes(context);
    }
  }

  void decide_crash(const Sight& sight) {
    const machine::TargetIsa* isa = isa::find_isa(isa_);
    if (isa == nullptr) return;
    const CrashTrace crash = trace_compiler_crash(
        result_.reduced, *isa,
        oracles::compile_options(harness_, pointers_to(result_.reduced.functions), isa_, level_, choice_seed_));
    result_.severity = Severity::Refuses;
    result_.divergence = sight.refusal;
    if (!crash.crashed) {
      result_.stage = TriageStage::Bytes;
      result_.evidence.push_back("the compiler survives; whoever runs the code does not");
      return;
    }
    result_.stage = crash.stage == machine::Stage::Optimize   ? TriageStage::Optimized
                    : crash.stage == machine::Stage::Lower    ? TriageStage::Virtual
                    : crash.stage == machine::Stage::Allocate ? TriageStage::Allocated
                                                              : TriageStage::Bytes;
    result_.evidence.push_back("the compiler crashes in or after the stage " + std::string(machine::name(crash.stage)));
    for (const SourceFrame& frame : crash.frames) {
      result_.divergence += "\n  " + frame.function + (frame.place.empty() ? "" : " at " + frame.place);
    }
    const auto passes = machine::mid_end_options({.opt_level = level_, .choice_seed = choice_seed_});
    if (crash.stage == machine::Stage::Optimize && blame_optimizer_crash(result_.reduced, passes, result_)) return;
    for (const SourceFrame& frame : crash.frames) {
      std::string function = plain_function(frame.function);
      if (function.empty()) continue;
      result_.culprits.push_back(
          {CulpritKind::Function, std::move(function), frame.place, 0, "the innermost frame of the crash"});
      break;
    }
  }

  void judge_severity() {
    std::string text;
    for (const Sight& sight : sights_) {
      for (const Finding& finding : sight.findings) {
        Severity severity = Severity::WrongValue;
        const auto mentions = [&](const char* what) { return finding.text.find(what) != std::string::npos; };
        switch (finding.kind) {
          case FindingKind::Abi:
            severity =
                mentions("written") || mentions("frame") || mentions("stack") ? Severity::WritesOutside : Severity::Abi;
            break;
          case FindingKind::Fault:
            severity = finding.sort.starts_with("write")  ? Severity::WritesOutside
                       : finding.sort.starts_with("read") ? Severity::ReadsOutside
                                                          : Severity::WrongTrap;
            break;
          case FindingKind::Hang:
            severity = Severity::Hang;
            break;
          case FindingKind::Outcome:
            severity = Severity::WrongTrap;
            break;
          case FindingKind::Compiler:
          case FindingKind::Crash:
            severity = Severity::Refuses;
            break;
          default:
            break;
        }
        result_.severity = std::max(result_.severity, severity);
      }
    }
    switch (result_.severity) {
      case Severity::WritesOutside:
        text = "yes: seen to write outside of what it was given";
        break;
      case Severity::ReadsOutside:
        text = "it reads outside of what it was given; a store at such an address would write there";
        break;
      case Severity::Abi:
        text = "its caller goes on with a wrong register, which may be an address";
        break;
      case Severity::WrongTrap:
        text = "if the trap guards an access, yes: what should have stopped goes on, or the reverse";
        break;
      case Severity::WrongValue:
      case Severity::Hang:
        text = "only through the wrong value: as an address or a bound it can";
        break;
      default:
        text = "no: no code is produced";
    }
    if (result_.stage == TriageStage::Interpreter || result_.stage == TriageStage::Executor) {
      text = "no: the compiler's code is not to blame";
    }
    result_.severity_text = text;
  }

  void finish() {
    const bool is_optimized = result_.stage == TriageStage::Optimized;
    doubt_culprits(is_optimized ? result_.reduced : subject_, is_optimized ? options_ : inner_, isa_, level_, result_);
    judge_severity();
    result_.group = name(result_.stage);
    if (!result_.culprits.empty()) {
      const Culprit& culprit = result_.culprits[0];
      const bool is_of_isa = culprit.kind == CulpritKind::Rule || culprit.kind == CulpritKind::Instruction;
      result_.group += std::string(" ") + name(culprit.kind) + " " +
                       (is_of_isa ? std::string(assay::name(isa_)) + " " : std::string()) + culprit.name;
    } else {
      result_.group += " " + result_.key;
    }
    HarnessOptions shown = options_.harness;
    if (!result_.isas.empty()) shown.isas = result_.isas;
    result_.clif = print_crashing_case(result_.reduced, shown, {"found by triage: " + result_.group, result_.finding});
    describe_code();
  }

  void describe_code() {
    if (result_.key.starts_with("crash") || result_.isas.empty()) return;
    StageTraces traces(subject_, isa_, level_, choice_seed_, harness_);
    if (!traces.problem().empty()) return;
    const machine::VCode& code = traces.code(oracles::ExecutorKind::Virtual).code;
    for (uint32_t b = 0; b < code.blocks.size(); ++b) {
      result_.vcode += "block" + std::to_string(b) + ":\n";
      for (uint32_t i = code.blocks[b].first_inst; i < code.blocks[b].end_inst; ++i) {
        std::string line = "  " + traces.print(oracles::ExecutorKind::Virtual, i);
        std::string rules;
        for (isle::RuleId rule : traces.rules_of(i)) {
          rules += (rules.empty() ? "" : " < ") + std::string(traces.isa().rules[rule.index].name);
        }
        if (!rules.empty()) {
          if (line.size() < 44) line.resize(44, ' ');
          line += " ; " + rules;
        }
        result_.vcode += line + "\n";
      }
    }
    result_.disassembly = traces.emitted().listing;
  }

  Case given_;
  const TriageOptions& options_;
  double start_;
  HarnessOptions harness_;
  TriageOptions inner_;  // for the steps: of `subject_`
  Case subject_;         // the reduced case as it is lowered
  std::vector<Sight> sights_;
  IsaKind isa_{};
  machine::OptLevel level_{};
  uint64_t choice_seed_ = 0;
  TriageResult result_;
};

}  // namespace

TriageResult triage(const Case& test, const std::string& file, const TriageOptions& options) {
  return Triage(test, file, options).run();
}

std::vector<std::vector<const TriageResult*>> group_by_cause(const std::vector<TriageResult>& results) {
  std::vector<std::vector<const TriageResult*>> groups;
  for (const TriageResult& result : results) {
    if (!result.fails) continue;
    const auto known =
        std::ranges::find_if(groups, [&](const auto& group) { return group.front()->group == result.group; });
    if (known == groups.end()) {
      groups.push_back({&result});
    } else {
      known->push_back(&result);
    }
  }
  return groups;
}

}  // namespace assay::fuzz
