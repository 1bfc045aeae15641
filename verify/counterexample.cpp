// See counterexample.h.
#include "verify/counterexample.h"

#include <algorithm>
#include <chrono>
#include <sstream>

#include "compiler/ir/immediates.h"
#include "verify/processor_limit.h"
#include "verify/rule_users.h"
#include "verify/source_text.h"
#include "verify/witness_function.h"

namespace assay::verify {

namespace {

constexpr unsigned kCalls = 3;            // of a function
constexpr unsigned kMilliseconds = 5000;  // a query
constexpr double kSecondsOfSearch = 5;    // for a function of a helper rule
constexpr unsigned kSamples = 20'000;
constexpr unsigned kSmallTable = 16;  // entries
constexpr unsigned kNearStart = 56;   // bytes of the region that may have to be spelt out

std::string number_text(const z3::expr& value) {
  if (value.is_bool()) return value.is_true() ? "true" : "false";
  uint64_t number = 0;
  if (value.is_bv() && value.is_numeral_u64(number)) {
    char text[64];
    std::snprintf(text, sizeof text, "0x%0*llx (i%u)", static_cast<int>((value.get_sort().bv_size() + 3) / 4),
                  static_cast<unsigned long long>(number), value.get_sort().bv_size());
    return text;
  }
  return value.to_string();
}

// The rule as it stands in its file, each line two columns further in.
std::string rule_text(const isle::Program& program, const isle::Rule& rule) {
  const SourceText source(program.files.at(rule.position.file).text);
  const size_t begin = source.offset(rule.position);
  std::string out = "  ";
  for (const char c : source.text().substr(begin, source.end_of(begin) - begin)) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out + "\n";
}

// The rules of helper terms that have a part in it, any of which may be to blame.
std::string helpers_text(const isle::Program& program, const isle::Rule& rule, const Instantiation& instantiation) {
  std::string out;
  for (const uint32_t index : instantiation.rules) {
    if (index != rule.id.index) out += (out.empty() ? "  using " : ", ") + program.rules[isle::RuleId(index)].name;
  }
  return out.empty() ? out : out + "\n";
}

std::string values_text(const Instantiation& instantiation, const z3::model& model) {
  std::ostringstream text;
  text << "  with " << instantiation.description << "\n";
  for (const NamedTerm& variable : instantiation.variables) {
    text << "    " << variable.name << " = " << number_text(model.eval(variable.term, true)) << "\n";
  }
  for (const NamedTerm& outcome : instantiation.outcomes) {
    text << "    " << outcome.name << ": " << number_text(model.eval(outcome.term, true)) << "\n";
  }
  for (size_t i = 0; i < instantiation.goals.size(); ++i) {
    if (model.eval(instantiation.goals[i], true).is_false()) {
      text << "  does not hold: " << instantiation.goal_names[i] << "\n";
    }
  }
  return text.str();
}

// The search for a function: from hard constraints to wishes, each of which is kept if it can be had.
class FunctionSearch {
 public:
  // `fails`: the assumptions hold and a goal does not.
  FunctionSearch(Definitions& definitions, Terms& terms, const isle::Rule& rule, const Instantiation& instantiation,
                 const z3::expr_vector& fails)
      : terms_(terms), rule_(rule), instantiation_(instantiation), function_(definitions, terms, instantiation) {
    for (const z3::expr& e : fails) asserted_.push_back(e);
  }

  // Empty if `obstacle` says why there is none.
  std::string run(std::string& obstacle) {
    obstacle = function_.obstacle();
    if (!obstacle.empty()) return "";
    for (const z3::expr& e : function_.constraints()) asserted_.push_back(e);
    const auto& table_size = instantiation_.clif.table_size;
    if (table_size) asserted_.push_back(z3::ule(*table_size, terms_.bv(32, kSmallTable)));
    if (!check()) {
      obstacle = "its values are none that CLIF can write, or were not found in time";
      return "";
    }
    wish(fails_visibly());
    place_in_memory();
    first_ = model_;
    std::string text = function_.print(rule_.name, *first_, true);
    if (function_.touches_memory()) text += region(*first_);
    fix_constants();
    for (unsigned i = 0; i < kCalls; ++i) {
      text += "; " + directive(*model_) + "\n";
      if (!differ_from(*model_) || !check()) break;
    }
    return text;
  }

  // Of the first call.
  const z3::model& model() const { return *first_; }

 private:
  // A new solver each time: with the same one Z3 would leave out its bit vectors' preprocessing.
  bool check() {
    z3::solver solver(terms_.context(), instantiation_.uses_floats ? "QF_FPBV" : "QF_BV");
    for (const z3::expr& e : asserted_) solver.add(e);
    if (check_within(solver, kMilliseconds) != z3::sat) return false;
    model_ = solver.get_model();
    return true;
  }
  void wish(const z3::expr& condition) {
    asserted_.push_back(condition);
    // It may hold as it is.
    if (!model_->eval(condition, true).is_true() && !check()) asserted_.pop_back();
  }

  // A goal about results, traps, memory or targets fails: that an instruction's operand is out of range, say, need not
  // show.
  z3::expr fails_visibly() const {
    z3::expr all = terms_.boolean(true);
    for (size_t i = 0; i < instantiation_.observable; ++i) all = all && instantiation_.goals[i];
    return !all;
  }

  z3::expr near_start(const z3::expr& address) const {
    const z3::expr region = terms_.bv(64, WitnessFunction::kRegion);
    return z3::uge(address, region) && z3::ule(address, region + terms_.bv(64, kNearStart));
  }

  // An access that is too wide shows at the end of the region, any other mistake by what is read.
  void place_in_memory() {
    const ClifSide& clif = instantiation_.clif;
    if (!function_.touches_memory() || clif.addresses.empty()) return;
    const unsigned bits = clif.contents[0].get_sort().bv_size();
    const z3::expr region = terms_.bv(64, WitnessFunction::kRegion);
    const z3::expr at_end = clif.addresses[0] == region + terms_.bv(64, WitnessFunction::kRegionSize - bits / 8);
    const bool wrong_size =
        std::ranges::any_of(instantiation_.goals, [](const z3::expr& goal) { return goal.is_false(); });
    if (wrong_size) wish(at_end);
    for (const z3::expr& e : function_.in_memory()) wish(e);
    wish(near_start(clif.addresses[0]));
    is_loaded_ = clif.contents[0].is_const() && !clif.contents[0].is_numeral();
    if (is_loaded_) {
      // Elsewhere than near its start the region is full of one byte.
      z3::expr fill = terms_.bv(8, kFill);
      for (unsigned i = 8; i < bits; i += 8) fill = z3::concat(terms_.bv(8, kFill), fill);
      wish(near_start(clif.addresses[0]) || clif.contents[0] == fill);
    }
    const z3::expr word = terms_.bv(64, 0x8877665544332211);
    wish(clif.contents[0] == z3::concat(terms_.bv(64, 0xffeeddccbbaa9900), word).extract(bits - 1, 0));
    wish(clif.contents[0] != terms_.bv(bits, 0));
  }

  // What the region holds: what is loaded, where it is loaded.
  std::string region(const z3::model& model) {
    const ClifSide& clif = instantiation_.clif;
    std::string text =
        "; region: " + hex(WitnessFunction::kRegion) + " " + std::to_string(WitnessFunction::kRegionSize);
    if (!is_loaded_) return text + "\n";
    const uint64_t offset = number_of(model, clif.addresses[0]) - WitnessFunction::kRegion;
    if (offset > kNearStart) return text + " fill " + hex(kFill) + "\n";
    text += " bytes " + std::string(2 * offset, '0');
    const unsigned bits = clif.contents[0].get_sort().bv_size();
    const unsigned __int128 contents = wide_number_of(model, clif.contents[0]);
    for (unsigned i = 0; i < bits; i += 8) {
      char byte[4];
      std::snprintf(byte, sizeof byte, "%02x", static_cast<unsigned>(contents >> i & 0xff));
      text += byte;
    }
    return text + "\n";
  }

  // The function stays, and where and what it loads or stores; its parameters may change.
  void fix_constants() {
    for (const z3::expr& immediate : function_.immediates()) keep(immediate);
    if (const auto& size = instantiation_.clif.table_size) keep(*size);
    for (const z3::expr& address : instantiation_.clif.addresses) keep(address);
    if (is_loaded_) keep(instantiation_.clif.contents[0]);
  }
  void keep(const z3::expr& term) { asserted_.push_back(term == first_->eval(term, true)); }

  bool differ_from(const z3::model& model) {
    z3::expr other = terms_.boolean(false);
    for (const auto& parameter : function_.parameters()) {
      if (parameter.term) other = other || *parameter.term != model.eval(*parameter.term, true);
    }
    asserted_.push_back(other);
    return !other.simplify().is_false();
  }

  std::string directive(const z3::model& model) const {
    std::string call = "%" + rule_.name + "(";
    const auto& parameters = function_.parameters();
    for (size_t i = 0; i < parameters.size(); ++i) {
      call += (i == 0 ? "" : ", ") + hex(parameters[i].term ? wide_number_of(model, *parameters[i].term) : 0);
    }
    call += ")";
    const WitnessFunction::Outcome outcome = function_.outcome(model, true);
    if (!outcome.known) return "print: " + call;
    if (outcome.trap != 0) return "run: " + call + " traps " + ir::to_string(ir::TrapCode{outcome.trap});
    std::string results;
    for (const auto result : outcome.results) results += (results.empty() ? "" : ", ") + hex(result);
    return "run: " + call + " == " + (outcome.results.size() == 1 ? results : "[" + results + "]");
  }

  static std::string hex(unsigned __int128 value) {
    const auto low = static_cast<unsigned long long>(value), high = static_cast<unsigned long long>(value >> 64);
    char text[40];
    if (high == 0) {
      std::snprintf(text, sizeof text, "0x%llx", low);
    } else {
      std::snprintf(text, sizeof text, "0x%llx%016llx", high, low);
    }
    return text;
  }

  static constexpr uint8_t kFill = 0xa5;

  Terms& terms_;
  const isle::Rule& rule_;
  const Instantiation& instantiation_;
  WitnessFunction function_;
  std::vector<z3::expr> asserted_;
  std::optional<z3::model> model_, first_;  // the last; of the first call
  bool is_loaded_ = false;                  // what the region holds
};

}  // namespace

Counterexample make_counterexample(Definitions& definitions, Terms& terms, const isle::Rule& rule,
                                   const Instantiation& instantiation, z3::solver& solver, bool wants_function) {
  Counterexample out;
  const z3::model model = solver.get_model();
  out.text = rule_text(definitions.program(), rule) + helpers_text(definitions.program(), rule, instantiation);
  if (!wants_function) {
    out.text += values_text(instantiation, model);
    return out;
  }
  FunctionSearch search(definitions, terms, rule, instantiation, solver.assertions());
  out.function = search.run(out.obstacle);
  out.text += values_text(instantiation, out.function.empty() ? model : search.model());
  return out;
}

std::string find_counterexample_function(Definitions& definitions, Terms& terms, const isle::Rule& rule) {
  const auto begin = std::chrono::steady_clock::now();
  const LeadingRules leads(definitions.program(), rule);
  for (unsigned i = 0; i < kSamples && !leads.entries.empty(); ++i) {
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() > kSecondsOfSearch) break;
    Instantiation instantiation;
    if (!sample_rule(definitions, terms, leads.entries[i % leads.entries.size()], i, leads.preferred, instantiation))
      continue;
    if (!instantiation.rules.contains(rule.id.index) || instantiation.observable == 0) continue;
    z3::expr all = terms.boolean(true);
    for (size_t k = 0; k < instantiation.observable; ++k) all = all && instantiation.goals[k];
    if (all.simplify().is_true()) continue;
    z3::expr_vector fails(terms.context());
    for (const z3::expr& e : instantiation.assumptions) fails.push_back(e);
    fails.push_back(!all);
    std::string obstacle;
    std::string text = FunctionSearch(definitions, terms, rule, instantiation, fails).run(obstacle);
    if (!text.empty()) return text;
  }
  return "";
}

}  // namespace assay::verify
