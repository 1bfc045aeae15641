// See witness.h.
#include "verify/witness.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <sstream>

#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"
#include "compiler/opt/optimize.h"
#include "interpreter/interpreter.h"
#include "oracles/filetest_directive.h"
#include "oracles/harness.h"
#include "verify/processor_limit.h"
#include "verify/rule_sources.h"
#include "verify/rule_users.h"
#include "verify/witness_function.h"

namespace assay::verify {

namespace {

constexpr unsigned kMilliseconds = 2000;  // a query
constexpr unsigned kTries = 6;            // models per instantiation until its rule fires
constexpr unsigned kInputs = 3;           // calls per function
constexpr unsigned kFailures = 400;       // instantiations of a rule that may fail to make it fire
constexpr unsigned kSamples = 60000;      // runs at random for a helper rule

// Numbers of all sizes and signs: what rules tell apart is mostly how many bits a number needs.
uint64_t candidate(std::mt19937_64& random, unsigned width) {
  const uint64_t mask = width >= 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
  const unsigned bits = static_cast<unsigned>(random() % width);
  switch (random() % 8) {
    case 0:
      return random() % 10;
    case 4:
      return mask;
    case 5:
      return mask >> 1;
    case 1:
      return uint64_t(1) << bits;
    case 2:
      return ((uint64_t(1) << bits) - 1) & mask;
    case 3:
      return (uint64_t(0) - (random() & ((uint64_t(2) << bits) - 1))) & mask;
    default:
      return random() & ((uint64_t(2) << bits) - 1) & mask;
  }
}

// Of 128 bits: an extended one, or two words.
unsigned __int128 wide_candidate(std::mt19937_64& random, unsigned width) {
  if (width <= 64) return candidate(random, width);
  const uint64_t low = candidate(random, 64);
  const unsigned __int128 high = random() % 4 == 0 ? uint64_t(0) - (low >> 63) : candidate(random, 64);
  return high << 64 | low;
}

// Of each kind of call, with the rule's name for NAME and its CONVENTION: what it calls, and the function that does it.
constexpr const char* kCallee = R"(function %NAME_callee(i64, i8) -> i64 CONVENTION {
block0(v0: i64, v1: i8):
    v2 = sextend.i64 v1
    v3 = isub v0, v2
    return v3
}
function %NAME_caller(i64, i8) -> i64 CONVENTION {
    sig0 = (i64, i8) -> i64 CONVENTION
    fn0 = %NAME_callee(i64, i8) -> i64 CONVENTION
block0(v0: i64, v1: i8):
    v2 = func_addr.i64 fn0
)";
constexpr std::pair<const char*, const char*> kCallers[] = {
    {"call", "    v3 = call fn0(v0, v1)\n    v4 = bxor v3, v0\n    return v4\n"},
    {"call_indirect", "    v3 = call_indirect sig0, v2(v0, v1)\n    v4 = bxor v3, v0\n    return v4\n"},
    {"return_call", "    v3 = bnot v0\n    return_call fn0(v3, v1)\n"},
    {"return_call_indirect", "    v3 = bnot v0\n    return_call_indirect sig0, v2(v3, v1)\n"},
    {"try_call",
     "    try_call fn0(v0, v1), sig0, block1(ret0), [ default: block1(exn0) ]\n"
     "block1(v3: i64):\n    v4 = bxor v3, v0\n    return v4\n"},
    {"try_call_indirect",
     "    try_call_indirect v2(v0, v1), sig0, block1(ret0), [ default: block1(exn0) ]\n"
     "block1(v3: i64):\n    v4 = bxor v3, v0\n    return v4\n"},
    {"get_exception_handler_address",
     "    v3 = get_exception_handler_address.i64 block0, 0\n    v4 = icmp_imm eq v3, 0\n    v5 = uextend.i64 v4\n"
     "    try_call fn0(v0, v1), sig0, block1(ret0), [ default: block1(exn0) ]\n"
     "block1(v6: i64):\n    v7 = bxor v6, v5\n    return v7\n"},
};

// Functions to be compiled and run; the last one is called.
struct Test {
  std::vector<ir::Function> functions;
  std::vector<oracles::RegionDirective> regions;
  std::vector<oracles::TestInput> inputs;
};

// The functions of a text, verified.
Expected<Test> make_test(const std::string& text, const std::string& name) {
  auto file = ir::parse_file(text, name);
  if (!file) return std::unexpected(file.error().front());
  Test test;
  for (ir::ParsedFunction& parsed : file->functions) {
    if (const auto errors = ir::verify(parsed, name); !errors.empty()) return std::unexpected(errors.front());
    test.functions.push_back(std::move(parsed.function));
  }
  return test;
}

void check(oracles::Harness& harness, const Test& test, std::vector<oracles::Finding>& findings) {
  std::vector<const ir::Function*> functions;
  for (const ir::Function& function : test.functions) functions.push_back(&function);
  std::vector<oracles::Region> regions;
  for (const oracles::RegionDirective& region : test.regions) regions.push_back(oracles::make_region(region));
  harness.check({.functions = functions,
                 .entry = static_cast<uint32_t>(functions.size() - 1),
                 .regions = regions,
                 .inputs = test.inputs},
                findings);
}

// Of rules of the mid-end: their functions call nothing and touch no memory.
interpreter::Outcome interpret(const Test& test, const oracles::TestInput& input) {
  interpreter::Program program;
  for (const ir::Function& function : test.functions) program.add(function);
  program.link();
  interpreter::Interpreter interpreter;
  return interpreter.run(program, static_cast<uint32_t>(test.functions.size() - 1), input.args);
}

// Whether a function with the first outcome may be replaced by one with the second.
bool may_become(const interpreter::Outcome& before, const interpreter::Outcome& now) {
  using interpreter::OutcomeKind;
  if (before.kind != OutcomeKind::Returned && before.kind != OutcomeKind::Trapped) return true;
  if (now.kind != before.kind || now.results.size() != before.results.size()) return false;
  if (now.kind == OutcomeKind::Trapped && now.trap != before.trap) return false;
  for (size_t i = 0; i < now.results.size(); ++i) {
    if (!interpreter::allows(before, i, now.results[i])) return false;
  }
  return true;
}

// With the interpreter's outcomes of the last check() of this very test, where it has any to offer.
std::string print(const Test& test, const oracles::Harness& harness) {
  std::string out;
  for (const ir::Function& function : test.functions) {
    out += "\n";
    ir::print(function, out);
  }
  for (const oracles::RegionDirective& region : test.regions) out += "; " + oracles::to_string(region) + "\n";
  for (size_t i = 0; i < test.inputs.size(); ++i) {
    const interpreter::Outcome& outcome = harness.references()[i].outcome;
    if (outcome.kind == interpreter::OutcomeKind::Unsupported) continue;
    const auto directive = oracles::directive_for(test.functions.back().name, test.inputs[i].args, &outcome);
    out += "; " + oracles::to_string(directive) + "\n";
  }
  return out;
}

class Search {
 public:
  // `isa`: whose rules; null: the mid-end's.
  Search(const machine::TargetIsa* isa, const WitnessOptions& options, std::unique_ptr<Definitions> definitions)
      : isa_(isa),
        options_(options),
        definitions_(std::move(definitions)),
        program_(definitions_->program()),
        terms_(context_),
        harness_(harness_options(isa, options)),
        fired_(program_.rules.size()),
        several_inputs_(program_.rules.size()),
        reasons_(program_.rules.size()) {
    report_.unit = isa != nullptr ? isa->name : "opt";
    // The compiler counts by its own numbers of rules; names are unique.
    std::map<std::string_view, isle::RuleId> by_name;
    const std::span<const isle::RuleInfo> infos = rule_state().rules();
    for (uint32_t i = 0; i < infos.size(); ++i) by_name[infos[i].name] = isle::RuleId(i);
    for (const isle::Rule& rule : program_.rules) {
      const auto it = by_name.find(rule.name);
      counter_.push_back(it == by_name.end() ? isle::RuleId() : it->second);
      if (rule.name == options.without) rule_state().enable_rule(counter_.back(), false);
    }
  }

  WitnessReport run() {
    const auto begin = std::chrono::steady_clock::now();
    const RuleUsers users(program_);
    std::vector<const isle::Rule*> wanted;
    for (const isle::Rule& rule : program_.rules) {
      if (users.reached(rule.term) && selected(rule) && !has_tag(program_.terms[rule.term], "node")) {
        wanted.push_back(&rule);
      }
    }
    for (const isle::Rule* rule : wanted) {
      if (is_entry(*rule) && by_hand(*rule) == nullptr) expand(*rule);
    }
    for (const isle::Rule* rule : wanted) {
      if (!fired_[rule->id.index]) call(*rule);
    }
    for (const isle::Rule* rule : wanted) {
      if (!fired_[rule->id.index]) sample(*rule);
    }
    report_.rules = wanted.size();
    for (const isle::Rule* rule : wanted) {
      const uint32_t i = rule->id.index;
      const char* exception = witness_exception(report_.unit, rule->name);
      if (fired_[i]) {
        if (exception != nullptr) report_.mismatches.push_back(note(*rule, "fires, but is listed as one that cannot"));
        ++report_.witnessed;
        if (is_entry(*rule) && !several_inputs_[i] && tried_inputs_.contains(i)) {
          report_.one_input.push_back(note(*rule, "its assumptions hold for one input only"));
        }
      } else if (exception != nullptr) {
        report_.excused.push_back(note(*rule, exception));
      } else {
        report_.missing.push_back(note(*rule, reasons_[i].empty() ? "no instantiation was found" : reasons_[i]));
      }
    }
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return std::move(report_);
  }

 private:
  static oracles::HarnessOptions harness_options(const machine::TargetIsa* isa, const WitnessOptions& options) {
    if (isa == nullptr)
      return {.opt_levels = {machine::OptLevel::Speed}, .native = options.native, .tamper = options.tamper};
    // The mid-end would leave nothing to do for many a rule.
    return {.isas = {isa->kind}, .optimize = false, .native = options.native, .tamper = options.tamper};
  }
  isle::RuleState& rule_state() {
    return isa_ != nullptr ? harness_.compiler(isa_->kind)->rules() : optimizer_.rules();
  }

  // What the mid-end makes of the test's functions, held against them.
  void optimize(const isle::Rule& rule, const Test& test, const std::string& text) {
    Test after{test.functions, test.regions, test.inputs};
    for (ir::Function& function : after.functions) {
      optimizer_.run(function);
      for (const Diagnostic& error : ir::verify(function)) {
        report_.mismatches.push_back(note(rule, "the mid-end's result is not valid: " + error.message + "\n" + text));
      }
    }
    for (const oracles::TestInput& input : test.inputs) {
      const interpreter::Outcome before = interpret(test, input), now = interpret(after, input);
      if (!may_become(before, now)) {
        report_.mismatches.push_back(note(rule, "the interpreter gives " + interpreter::describe(before) +
                                                    ", and of what the mid-end has made " + interpreter::describe(now) +
                                                    "\n" + text));
      }
    }
  }

  bool selected(const isle::Rule& rule) const {
    return options_.rules.empty() || std::ranges::any_of(options_.rules, [&](const std::string& part) {
             return rule.name.find(part) != std::string::npos;
           });
  }
  bool is_entry(const isle::Rule& rule) const {
    const std::string& term = program_.terms[rule.term].name;
    return term == "lower" || term == "lower_branch" || term == "simplify";
  }
  RuleNote note(const isle::Rule& rule, std::string reason) const {
    const Place place = program_.place(rule.position);
    return {rule.name, place.file, place.line, std::move(reason)};
  }

  // All instantiations of a rule of lower, in the prover's order, until enough were kept and all helper rules that can
  // be seen in them have fired.
  void expand(const isle::Rule& rule) {
    unsigned kept = 0, failures = 0;
    expand_rule(
        *definitions_, terms_, rule.id,
        [&](Instantiation& instantiation) {
          const bool news = std::ranges::any_of(instantiation.rules, [&](uint32_t i) { return !fired_[i]; });
          if (kept >= options_.functions_per_rule && !news) return true;
          if (attempt(rule, instantiation)) {
            ++kept;
          } else {
            ++failures;
          }
          return failures < kFailures;
        },
        [&](const std::string& reason, bool, const std::set<uint32_t>&) {
          if (reasons_[rule.id.index].empty()) reasons_[rule.id.index] = reason;
        });
  }

  // What the rules of calls do is a contract without a model (verify.h), and a handler's address has a model but needs
  // a call that has handlers: their functions are written by hand. Null: this rule's is not.
  static const char* by_hand(const isle::Rule& rule) {
    const auto* caller = std::ranges::find(kCallers, rule.name, &std::pair<const char*, const char*>::first);
    return caller == std::end(kCallers) ? nullptr : caller->second;
  }
  void call(const isle::Rule& rule) {
    const std::string& name = rule.name;
    const char* const caller = by_hand(rule);
    if (caller == nullptr) return;
    std::string text = std::string(kCallee) + caller + "}\n";
    const auto replace = [&](std::string_view mark, std::string_view with) {
      for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark))
        text.replace(at, mark.size(), with);
    };
    replace("NAME", name);
    replace("CONVENTION", name.starts_with("call") ? "fast" : "tail");  // fast: no tail calls, no unwinding
    auto test = make_test(text, name);
    if (!test) {
      mistake(rule, test.error().message, text);
      return;
    }
    for (const uint64_t argument : {1, -1, 1000}) {
      test->inputs.push_back({{{ir::Type::integer(64), argument}, {ir::Type::integer(8), argument ^ 0x81}}});
    }
    keep_if_fires(rule, {.description = "by hand"}, *test, std::vector<WitnessFunction::Outcome>(test->inputs.size()),
                  text, reasons_[rule.id.index]);
  }

  // A helper rule that no witness so far has made fire, perhaps because its term's spec stands for it in the rules that
  // use it: looked for by runs at random that prefer the rules that lead to it.
  void sample(const isle::Rule& rule) {
    const LeadingRules leads(program_, rule);
    if (leads.entries.empty()) {
      reasons_[rule.id.index] = "no rule of lower leads to it";
      return;
    }
    unsigned failures = 0;
    const unsigned samples = witness_exception(report_.unit, rule.name) == nullptr ? kSamples : kSamples / 20;
    for (unsigned i = 0; i < samples && failures < kFailures / 4 && !fired_[rule.id.index]; ++i) {
      Instantiation instantiation;
      if (!sample_rule(*definitions_, terms_, leads.entries[i % leads.entries.size()], i, leads.preferred,
                       instantiation))
        continue;
      if (!instantiation.rules.contains(rule.id.index)) continue;
      if (!attempt(rule, instantiation)) ++failures;
    }
  }

  // Gives `term` one of a few random values that the assumptions allow, if they allow one.
  void pin(z3::solver& solver, const z3::expr& term) {
    for (unsigned i = 0; i < 3; ++i) {
      const unsigned width = term.get_sort().bv_size();
      const unsigned __int128 number = wide_candidate(random_, width);
      const z3::expr low = terms_.bv(std::min(width, 64u), static_cast<uint64_t>(number));
      const z3::expr equal =
          term == (width <= 64 ? low : z3::concat(terms_.bv(width - 64, static_cast<uint64_t>(number >> 64)), low));
      z3::expr_vector assumed(context_);
      assumed.push_back(equal);
      if (check_within(solver, assumed, kMilliseconds) != z3::sat) continue;
      solver.add(equal);
      return;
    }
  }

  // Small tables first, then ever larger ones.
  void pin_table_size(z3::solver& solver, const z3::expr& size, unsigned number) {
    for (uint64_t least = number < 2 ? 3 : 4100; least != 0; least /= 2) {
      const z3::expr equal = size == terms_.bv(32, least + number);
      z3::expr_vector assumed(context_);
      assumed.push_back(equal);
      if (check_within(solver, assumed, kMilliseconds) != z3::sat) continue;
      solver.add(equal);
      return;
    }
  }

  // Several models of the instantiation, until the rule fires on one. False if it does not; the reason is kept.
  bool attempt(const isle::Rule& rule, const Instantiation& instantiation) {
    std::string& reason = reasons_[rule.id.index];
    WitnessFunction function(*definitions_, terms_, instantiation);
    if (!function.obstacle().empty()) {
      if (reason.empty()) reason = function.obstacle();
      return false;
    }
    z3::solver solver(context_, "QF_BV");
    z3::params params(context_);
    params.set("random_seed", 1u);
    solver.set(params);
    for (const z3::expr& e : instantiation.assumptions) solver.add(e);
    for (const z3::expr& e : function.constraints()) solver.add(e);
    if (check_within(solver, kMilliseconds) != z3::sat) {
      if (reason.empty()) reason = "the assumptions of all instantiations contradict each other";
      return false;
    }
    random_.seed(rule.id.index * 1000003ull + attempts_++);
    for (unsigned i = 0; i < kTries; ++i) {
      z3::expr_vector constants(context_);
      solver.push();
      const bool fired = attempt_model(rule, instantiation, function, i, solver, constants, reason);
      solver.pop();
      if (fired) {
        if (!several_inputs_[rule.id.index]) count_inputs(rule, function, solver);
        return true;
      }
      // Another rule takes these constants.
      if (constants.empty() && !instantiation.clif.table_size) return false;
      z3::expr other = context_.bool_val(instantiation.clif.table_size.has_value());
      for (size_t k = 0; k < constants.size(); ++k) {
        other = other || function.immediates()[k] != constants[static_cast<unsigned>(k)];
      }
      solver.add(other);
      if (check_within(solver, kMilliseconds) != z3::sat) return false;
    }
    return false;
  }

  // Is there a second input? Constants and parameters are the input.
  void count_inputs(const isle::Rule& rule, const WitnessFunction& function, z3::solver& solver) {
    if (check_within(solver, kMilliseconds) != z3::sat) return;
    const z3::model model = solver.get_model();
    z3::expr other = context_.bool_val(false);
    bool any = false;
    for (const auto& parameter : function.parameters()) {
      any = true;
      other = parameter.term ? other || *parameter.term != model.eval(*parameter.term, true) : context_.bool_val(true);
    }
    for (const z3::expr& immediate : function.immediates()) {
      any = true;
      other = other || immediate != model.eval(immediate, true);
    }
    if (!any) return;
    tried_inputs_.insert(rule.id.index);
    z3::expr_vector assumed(context_);
    assumed.push_back(other);
    if (check_within(solver, assumed, kMilliseconds) == z3::sat) several_inputs_[rule.id.index] = true;
  }

  // One model; `immediates` is what it gives the function's constants.
  bool attempt_model(const isle::Rule& rule, const Instantiation& instantiation, WitnessFunction& function,
                     unsigned number, z3::solver& solver, z3::expr_vector& immediates, std::string& reason) {
    z3::expr_vector in_memory(context_);
    for (const z3::expr& e : function.in_memory()) in_memory.push_back(e);
    if (!in_memory.empty() && check_within(solver, in_memory, kMilliseconds) == z3::sat) {
      for (const z3::expr& e : function.in_memory()) solver.add(e);
    }
    if (instantiation.clif.table_size) pin_table_size(solver, *instantiation.clif.table_size, number);
    for (const z3::expr& immediate : function.immediates()) pin(solver, immediate);
    if (check_within(solver, kMilliseconds) != z3::sat) return false;
    const z3::model constants = solver.get_model();
    const std::string text = function.print(rule.name + "_" + std::to_string(report_.witnesses.size()), constants);
    for (const z3::expr& immediate : function.immediates()) immediates.push_back(constants.eval(immediate, true));
    // The constants stay; parameters differ from call to call.
    for (const z3::expr& immediate : function.immediates()) solver.add(immediate == constants.eval(immediate, true));
    if (instantiation.clif.table_size) {
      solver.add(*instantiation.clif.table_size == constants.eval(*instantiation.clif.table_size, true));
    }

    auto test = make_test(text, rule.name);
    if (!test) return mistake(rule, test.error().message, text);
    if (function.touches_memory()) {
      test->regions.push_back({.address = WitnessFunction::kRegion,
                               .size = WitnessFunction::kRegionSize,
                               .fill = oracles::RegionDirective::Fill::kSeed,
                               .value = 7});
    }
    std::vector<WitnessFunction::Outcome> outcomes;
    const unsigned calls = function.parameters().empty() ? 1 : kInputs;
    // Calls go to different targets, or trap and do not.
    const std::optional<z3::expr>& decision =
        instantiation.clif.target ? instantiation.clif.target : instantiation.clif.trap_code;
    z3::expr_vector undecided(context_);
    for (unsigned i = 0; i < calls; ++i) {
      solver.push();
      if (i != 0 && decision && check_within(solver, undecided, kMilliseconds) == z3::sat) {
        for (const z3::expr& e : undecided) solver.add(e);
      }
      for (const auto& parameter : function.parameters()) {
        if (parameter.term) pin(solver, *parameter.term);
      }
      if (check_within(solver, kMilliseconds) == z3::sat) {
        const z3::model model = solver.get_model();
        oracles::TestInput input;
        for (const auto& parameter : function.parameters()) {
          const unsigned __int128 value = parameter.term ? wide_number_of(model, *parameter.term)
                                                         : wide_candidate(random_, type_width(parameter.type));
          input.args.emplace_back(*ir::Type::parse(type_name(parameter.type)), value);
        }
        input.seed = i + 1;
        test->inputs.push_back(std::move(input));
        outcomes.push_back(function.outcome(model));
        if (decision) undecided.push_back(*decision != model.eval(*decision, true));
      }
      solver.pop();
    }
    return keep_if_fires(rule, instantiation, *test, outcomes, text, reason);
  }

  bool mistake(const isle::Rule& rule, const std::string& what, const std::string& text) {
    report_.mismatches.push_back(note(rule, "the function is not valid: " + what + "\n" + text));
    return false;
  }

  bool keep_if_fires(const isle::Rule& rule, const Instantiation& instantiation, const Test& test,
                     const std::vector<WitnessFunction::Outcome>& outcomes, const std::string& text,
                     std::string& reason) {
    isle::RuleState& counts = rule_state();
    counts.reset_counts();
    const auto fires = [&](const isle::Rule& which) {
      const isle::RuleId counter = counter_[which.id.index];
      return counter && counts.count(counter) != 0;
    };
    std::vector<oracles::Finding> findings;
    if (isa_ != nullptr) {
      harness_.set_features(isa_->kind, instantiation.features);
    } else {
      optimize(rule, test, text);
    }
    if (isa_ != nullptr || fires(rule)) check(harness_, test, findings);
    if (!fires(rule)) {
      reason = "instead, for " + instantiation.description + ":";
      for (const isle::Rule& other : program_.rules) {
        if (fires(other) && other.name != "return" && (other.term == rule.term || is_entry(other))) {
          reason += " " + other.name;
        }
      }
      for (const oracles::Finding& finding : findings) reason += "; " + oracles::describe(finding);
      return false;
    }
    Witness witness{.rule = rule.name,
                    .description = instantiation.description,
                    .features = isa_ != nullptr ? machine::feature_names(*isa_->insts, instantiation.features) : ""};
    for (const isle::Rule& other : program_.rules) {
      if (!fires(other) || fired_[other.id.index]) continue;
      fired_[other.id.index] = true;
      witness.first.push_back(other.name);
    }
    for (const oracles::Finding& finding : findings) {
      report_.mismatches.push_back(note(rule, oracles::describe(finding) + "\n" + text));
    }
    hold_against_model(rule, test, outcomes, text);
    witness.text = print(test, harness_);
    report_.witnesses.push_back(std::move(witness));
    return true;
  }

  void hold_against_model(const isle::Rule& rule, const Test& test,
                          const std::vector<WitnessFunction::Outcome>& outcomes, const std::string& text) {
    const auto references = harness_.references();
    for (size_t i = 0; i < test.inputs.size(); ++i) {
      ++report_.inputs;
      const interpreter::Outcome& outcome = references[i].outcome;
      std::string difference;
      if (outcome.kind == interpreter::OutcomeKind::Unsupported) {
        report_.unjudged.push_back(note(rule, interpreter::describe(outcome)));
      } else if (const char* why = why_not_judged(report_.unit, rule.name);
                 why != nullptr && !references[i].comparable) {
        report_.unjudged.push_back(note(rule, why));
      } else if (!references[i].comparable) {
        difference = "nothing to compare with: " + interpreter::describe(outcome);
      } else if (outcomes[i].known) {
        ++report_.foreseen;
        const bool trapped = outcome.kind == interpreter::OutcomeKind::Trapped;
        std::vector<unsigned __int128> results;
        for (const ir::DataValue& value : outcome.results) results.push_back(value.bits());
        if ((trapped ? outcome.trap.code : 0) != outcomes[i].trap || (!trapped && results != outcomes[i].results)) {
          difference = "the solver foretold";
          if (outcomes[i].trap != 0) difference += " trap " + ir::to_string(ir::TrapCode{outcomes[i].trap});
          for (const auto result : outcomes[i].results) {
            difference += " " + ir::to_string(ir::DataValue(ir::kI128, result));
          }
          difference += ", the interpreter: " + interpreter::describe(outcome);
        }
      }
      if (difference.empty()) continue;
      std::string args;
      for (const ir::DataValue& value : test.inputs[i].args) args += (args.empty() ? "" : ", ") + ir::to_string(value);
      report_.mismatches.push_back(note(rule, "(" + args + "): " + difference + "\n" + text));
    }
  }

  const machine::TargetIsa* isa_;
  const WitnessOptions& options_;
  std::unique_ptr<Definitions> definitions_;
  const isle::Program& program_;
  z3::context context_;
  Terms terms_;
  oracles::Harness harness_;
  opt::Optimizer optimizer_;
  std::mt19937_64 random_;
  uint64_t attempts_ = 0;
  std::vector<isle::RuleId> counter_;         // by rule
  std::vector<bool> fired_, several_inputs_;  // by rule
  std::set<uint32_t> tried_inputs_;
  std::vector<std::string> reasons_;  // by rule: why the last attempt failed
  WitnessReport report_;
};

}  // namespace

namespace {

Expected<WitnessReport> search(const machine::TargetIsa* isa, const RuleSources& sources,
                               const WitnessOptions& options) {
  Diagnostics errors;
  auto definitions = load_definitions(sources, errors);
  if (definitions == nullptr) return std::unexpected(errors.front());
  try {
    return Search(isa, options, std::move(definitions)).run();
  } catch (const z3::exception& error) {
    return fail(std::string("Z3: ") + error.msg(), "this is a mistake in Assay's prover");
  }
}

}  // namespace

Expected<WitnessReport> find_witnesses(IsaKind isa, const WitnessOptions& options) {
  const RuleSources* sources = rule_sources(isa);
  const machine::TargetIsa* target = isa::find_isa(isa);
  if (sources == nullptr || target == nullptr) return fail(std::string("no rules for ") + name(isa) + " in this build");
  return search(target, *sources, options);
}

Expected<WitnessReport> find_optimizer_witnesses(const WitnessOptions& options) {
  return search(nullptr, optimizer_sources(), options);
}

std::map<std::string, std::string> to_filetests(const WitnessReport& report) {
  std::map<std::string, std::string> files;
  const bool is_lowering = report.unit != "opt";
  const std::string targets = is_lowering ? "target " + (report.unit == "x64" ? "x86_64" : report.unit)
                                          : "set opt_level=speed\ntarget x86_64\ntarget aarch64\ntarget riscv64\n"
                                            "target s390x";
  const auto file_for = [&](const std::string& features) -> std::string& {
    std::string& out = files[features];
    if (out.empty()) {
      out = "; A function for each " + (is_lowering ? "lowering rule of " + report.unit : "rule of the mid-end") +
            " that makes it fire. Written by `assay verify --witnesses`.\ntest interpret\ntest run\n" + targets +
            (features.empty() ? "" : " ") + features + "\n";
    }
    return out;
  };
  file_for("");
  for (const Witness& witness : report.witnesses) {
    file_for(witness.features) += "\n; rule " + witness.rule + ", " + witness.description + witness.text;
  }
  return files;
}

std::string describe(const WitnessReport& report) {
  std::ostringstream out;
  out.precision(1);
  out << std::fixed << report.unit << ": " << report.witnessed << " of " << report.rules << " rules witnessed by "
      << report.witnesses.size() << " functions, " << report.inputs << " calls (" << report.foreseen
      << " held against the model's outcome), " << report.mismatches.size() << " mismatches, " << report.seconds
      << " s\n";
  const auto list = [&](const std::vector<RuleNote>& notes, const char* what) {
    for (const RuleNote& note : notes) {
      out << note.file << ":" << note.line << ": rule " << note.rule << what << note.reason << "\n";
    }
  };
  list(report.missing, " not witnessed: ");
  list(report.excused, " cannot fire: ");
  list(report.unjudged, " fires, not judged: ");
  list(report.one_input, ": ");
  list(report.mismatches, ": ");
  return out.str();
}

}  // namespace assay::verify
