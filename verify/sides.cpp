// See sides.h.
#include "verify/sides.h"

#include <algorithm>
#include <random>

#include "compiler/ir/parser.h"
#include "compiler/ir/verifier.h"
#include "interpreter/interpreter.h"
#include "verify/processor_limit.h"
#include "verify/witness_function.h"

namespace assay::verify {

namespace {

constexpr unsigned kMilliseconds = 1000;  // a query
constexpr unsigned kInstantiations = 12;  // of a rule
constexpr unsigned kInputs = 6;           // of an instantiation

class Comparison {
 public:
  explicit Comparison(Definitions& definitions) : definitions_(definitions), terms_(context_) {}

  void compare(isle::RuleId rule) {
    unsigned compared = 0;
    expand_rule(
        definitions_, terms_, rule,
        [&](Instantiation& instantiation) {
          compared += compare(instantiation);
          return compared < kInstantiations && out_.difference.empty();
        },
        [](const std::string&, bool, const std::set<uint32_t>&) {});
  }
  const Sides& result() const { return out_; }

 private:
  // False: there is no function or no input for it.
  bool compare(const Instantiation& instantiation) {
    if (instantiation.result.kind != Symbol::Kind::Value) return false;
    WitnessFunction function(definitions_, terms_, instantiation, true);
    if (!function.obstacle().empty()) return false;
    z3::solver solver(context_, instantiation.uses_floats ? "QF_FPBV" : "QF_BV");
    for (const z3::expr& e : instantiation.assumptions) solver.add(e);
    for (const z3::expr& e : function.constraints()) solver.add(e);
    bool any = false;
    for (unsigned i = 0; i < kInputs; ++i) {
      solver.push();
      // The first inputs are the solver's choice, the others lie near values of interest where they can.
      for (const z3::expr& immediate : function.immediates()) nudge(solver, immediate, i);
      for (const auto& parameter : function.parameters()) {
        if (parameter.term) nudge(solver, *parameter.term, i);
      }
      const bool found = check_within(solver, kMilliseconds) == z3::sat;
      if (found) any |= run(function, solver.get_model());
      solver.pop();
      if (!found || !out_.difference.empty()) break;
    }
    return any;
  }

  void nudge(z3::solver& solver, const z3::expr& term, unsigned number) {
    if (number == 0 || !term.is_bv()) return;
    const unsigned width = term.get_sort().bv_size();
    const uint64_t edges[] = {0, 1, ~uint64_t{0}, uint64_t{1} << (std::min(width, 64u) - 1), random_(), random_() % 64};
    const uint64_t value = edges[random_() % std::size(edges)];
    const z3::expr equal =
        width <= 64 ? term == terms_.bv(width, value)
                    : term == z3::concat(terms_.bv(width - 64, random_() % 2 ? value : 0), terms_.bv(64, value));
    z3::expr_vector assumed(context_);
    assumed.push_back(equal);
    if (check_within(solver, assumed, kMilliseconds) == z3::sat) solver.add(equal);
  }

  bool run(WitnessFunction& function, const z3::model& model) {
    const std::string text = function.print("sides", model);
    auto parsed = ir::parse_file(text, "");
    if (!parsed || !ir::verify(parsed->functions[0], "").empty()) {
      out_.difference = "the function is not valid:\n" + text;
      return false;
    }
    interpreter::Program program;
    program.add(parsed->functions[0].function);
    program.link();
    std::vector<ir::DataValue> args;
    std::string shown;
    for (const auto& parameter : function.parameters()) {
      const unsigned __int128 value = parameter.term ? wide_number_of(model, *parameter.term) : random_();
      args.emplace_back(*ir::Type::parse(type_name(parameter.type)), value);
      shown += (shown.empty() ? "" : ", ") + ir::to_string(args.back());
    }
    const interpreter::Outcome outcome = interpreter_.run(program, 0, args);
    // Of a NaN's open bits nobody can say whether they are equal; that a rule takes a trap away is a goal of its own.
    if (outcome.kind != interpreter::OutcomeKind::Returned || outcome.results.size() != 2) return false;
    if (std::ranges::any_of(outcome.free_bits, [](const auto& bits) { return bits != 0; })) return false;
    ++out_.compared;
    if (outcome.results[0].bits() != outcome.results[1].bits()) {
      out_.difference = "(" + shown + "): " + interpreter::describe(outcome) + "\n" + text;
    }
    return true;
  }

  Definitions& definitions_;
  z3::context context_;
  Terms terms_;
  interpreter::Interpreter interpreter_;
  std::mt19937_64 random_{7};
  Sides out_;
};

}  // namespace

Sides compare_sides(const RuleSources& sources, const std::vector<std::string>& rules) {
  Diagnostics errors;
  const auto definitions = load_definitions(sources, errors);
  if (definitions == nullptr) return {};
  const isle::Program& program = definitions->program();
  Comparison comparison(*definitions);
  try {
    for (const std::string& name : rules) {
      const isle::RuleId rule = program.find_rule(name);
      if (rule && program.terms[program.rules[rule].term].name == "simplify") comparison.compare(rule);
    }
  } catch (const z3::exception&) {
    return {};
  }
  return comparison.result();
}

}  // namespace assay::verify
