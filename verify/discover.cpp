// See discover.h.
#include "verify/discover.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "compiler/ir/parser.h"
#include "compiler/opt/optimize.h"
#include "interpreter/interpreter.h"
#include "verify/rule_sources.h"
#include "verify/verify.h"

namespace assay::verify {
namespace {

using opt::Cost;

// A variable, a constant or an operation on earlier terms.
struct Term {
  enum class Kind : uint8_t { kVariable, kConstant, kOperation } kind = Kind::kVariable;
  int64_t number = 0;  // of the variable; the constant
  ir::Opcode opcode{};
  uint32_t args[2] = {};
  uint8_t arg_count = 0;
  uint8_t operations = 0;
  Cost cost = 0;
};

bool commutes(std::string_view name) {
  for (const char* other :
       {"iadd", "imul", "band", "bor", "bxor", "umin", "umax", "smin", "smax", "umulhi", "smulhi"}) {
    if (name == other) return true;
  }
  return false;
}

class Discovery {
 public:
  explicit Discovery(const DiscoverOptions& options) : options_(options) {}

  Expected<DiscoverResult> run() {
    if (auto ready = find_operations(); !ready) return std::unexpected(ready.error());
    enumerate();
    result_.groups = groups_.size();
    propose();
    if (auto proven = prove(); !proven) return std::unexpected(proven.error());
    std::ranges::sort(result_.rules, [](const Discovered& a, const Discovered& b) {
      return a.gain != b.gain ? a.gain > b.gain : a.rule < b.rule;
    });
    return std::move(result_);
  }

 private:
  using Signature = std::vector<uint64_t>;

  Expected<void> find_operations() {
    for (const std::string& name : options_.operations) {
      const std::optional<ir::Opcode> opcode = ir::parse_opcode(name);
      if (!opcode) return fail("no operation is called " + name);
      const ir::OperationInfo& info = ir::operation_info(*opcode);
      const bool fits = opt::NodeData::is_node(*opcode) && info.effects == 0 && info.inputs.size() <= 2 &&
                        info.inputs.size() >= 1 && std::ranges::all_of(info.inputs, [](const ir::OperandInfo& operand) {
                          return operand.kind == ir::OperandKind::kValue;
                        });
      if (!fits || !parse(name, static_cast<unsigned>(info.inputs.size()))) {
        return fail(name + " is not an operation of one or two integers that gives one of their type and cannot trap");
      }
      operations_.push_back({*opcode, static_cast<uint8_t>(info.inputs.size()), commutes(name)});
    }
    return {};
  }
  // Does `name` take and give values of one type?
  static bool parse(const std::string& name, unsigned args) {
    const std::string operands = args == 1 ? "v0" : "v0, v1";
    const auto file = ir::parse_file("function %f(i16, i16) -> i16 {\nblock0(v0: i16, v1: i16):\n  v2 = " + name + " " +
                                         operands + "\n  return v2\n}\n",
                                     "");
    return file && file->functions.size() == 1 && file->functions[0].function.value_type(ir::Value(2)) == ir::kI16;
  }

  // -- Terms --

  void enumerate() {
    for (int64_t variable : {0, 1}) add({.kind = Term::Kind::kVariable, .number = variable});
    for (int64_t constant : {0, 1, -1}) add({.kind = Term::Kind::kConstant, .number = constant, .cost = 1});
    settle(0);
    for (unsigned size = 1; size <= options_.max_operations; ++size) {
      const size_t first = terms_.size();
      const std::vector<uint32_t> blocks = best_;  // D1
      for (const Operation& operation : operations_) {
        for (const uint32_t a : blocks) {
          if (operation.arg_count == 1) {
            if (terms_[a].operations + 1u == size) add(make(operation, a, a));
            continue;
          }
          for (const uint32_t b : blocks) {
            if (terms_[a].operations + terms_[b].operations + 1u != size || (operation.commutes && a > b)) continue;
            add(make(operation, a, b));
          }
        }
      }
      settle(first);
    }
    result_.terms = terms_.size();
  }

  struct Operation {
    ir::Opcode opcode;
    uint8_t arg_count;
    bool commutes;
  };

  Term make(const Operation& operation, uint32_t a, uint32_t b) const {
    Term term{
        .kind = Term::Kind::kOperation, .opcode = operation.opcode, .args = {a, b}, .arg_count = operation.arg_count};
    term.operations =
        static_cast<uint8_t>(1 + terms_[a].operations + (operation.arg_count == 2 ? terms_[b].operations : 0));
    term.cost =
        opt::operation_cost(operation.opcode) + terms_[a].cost + (operation.arg_count == 2 ? terms_[b].cost : 0);
    return term;
  }

  void add(const Term& term) {
    if (terms_.size() >= options_.max_terms) {
      ++result_.dropped;
      return;
    }
    terms_.push_back(term);
  }

  // CLIF that computes a term of that type.
  std::string function(uint32_t root, const std::string& type, const std::string& name) const {
    std::string body;
    uint32_t next = 2;
    const auto value = [&](const auto& self, uint32_t t) -> std::string {  // as deep as terms are
      const Term& term = terms_[t];
      if (term.kind == Term::Kind::kVariable) return "v" + std::to_string(term.number);
      std::string text;
      if (term.kind == Term::Kind::kConstant) {
        text = "iconst." + type + " " + std::to_string(term.number);
      } else {
        text = std::string(ir::operation_info(term.opcode).name) + " " + self(self, term.args[0]);
        if (term.arg_count == 2) text += ", " + self(self, term.args[1]);
      }
      const std::string v = "v" + std::to_string(next++);
      body += "  " + v + " = " + text + "\n";
      return v;
    };
    const std::string last = value(value, root);
    return "function %" + name + "(" + type + ", " + type + ") -> " + type + " {\nblock0(v0: " + type +
           ", v1: " + type + "):\n" + body + "  return " + last + "\n}\n";
  }

  // What a term gives for the test inputs, at both widths.
  Signature run_on_inputs(uint32_t t) {
    Signature signature;
    for (const ir::Type type : {ir::kI8, ir::kI64}) {
      const auto file = ir::parse_file(function(t, type.to_string(), "f"), "");
      interpreter::Program program;
      program.add(file->functions[0].function);
      program.link();
      uint64_t state = 1;
      const auto next = [&state] {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return state ^ state >> 31;
      };
      static constexpr uint64_t kEdges[] = {0, 1, ~uint64_t{0}, uint64_t{1} << 63, ~uint64_t{0} >> 1, 0x80, 0x7f};
      std::vector<std::pair<uint64_t, uint64_t>> inputs;
      for (const uint64_t a : kEdges) {
        for (const uint64_t b : kEdges) inputs.emplace_back(a, b);
      }
      for (int i = 0; i < 30; ++i) inputs.emplace_back(next(), next());
      const uint64_t mask = type == ir::kI8 ? 0xff : ~uint64_t{0};
      for (const auto& [a, b] : inputs) {
        const ir::DataValue args[] = {ir::DataValue(type, a & mask), ir::DataValue(type, b & mask)};
        interpreter_.run(program, 0, args, {}, {}, outcome_);
        signature.push_back(outcome_.results.empty() ? 0 : static_cast<uint64_t>(outcome_.results[0].bits()));
      }
    }
    return signature;
  }

  // Puts the terms from `first` on into their groups.
  void settle(size_t first) {
    for (uint32_t t = static_cast<uint32_t>(first); t < terms_.size(); ++t) {
      auto& group = groups_[run_on_inputs(t)];
      group.push_back(t);
    }
    best_.clear();
    for (auto& [signature, group] : groups_) {
      std::ranges::sort(group, {}, [&](uint32_t t) { return std::pair(terms_[t].cost, t); });
      best_.push_back(group[0]);
    }
    std::ranges::sort(best_);
  }

  // -- Proposals --

  struct Proposal {
    uint32_t left, right;
  };

  void propose() {
    for (const auto& [signature, group] : groups_) {
      for (const uint32_t t : group) {
        if (terms_[t].cost <= terms_[group[0]].cost || terms_[t].kind != Term::Kind::kOperation) continue;
        if (!seen_.insert(up_to_names(t, group[0])).second) {
          ++result_.renamed;
          continue;
        }
        ++result_.equal;
        if (derived(t, terms_[group[0]].cost)) {
          ++result_.derived;
        } else {
          proposals_.push_back({t, group[0]});
        }
      }
    }
    std::ranges::sort(proposals_, {}, [&](const Proposal& p) {
      return std::tuple(terms_[p.left].operations, constants(p.left), p.left);
    });
    if (proposals_.size() > options_.max_proposals) {
      result_.not_asked = proposals_.size() - options_.max_proposals;
      proposals_.resize(options_.max_proposals);
    }
  }

  unsigned constants(uint32_t t) const {
    const Term& term = terms_[t];
    unsigned sum = term.kind == Term::Kind::kConstant ? 1 : 0;
    for (unsigned i = 0; i < term.arg_count; ++i) sum += constants(term.args[i]);
    return sum;
  }

  // Both sides, the same whichever variable is called x and in whichever order operands stand that commute.
  std::string up_to_names(uint32_t left, uint32_t right) const {
    const auto print = [&](const auto& self, uint32_t t, int64_t x) -> std::string {
      const Term& term = terms_[t];
      if (term.kind == Term::Kind::kVariable) return term.number == x ? "x" : "y";
      if (term.kind == Term::Kind::kConstant) return std::to_string(term.number);
      const std::string_view name = ir::operation_info(term.opcode).name;
      std::string a = self(self, term.args[0], x), b = term.arg_count == 2 ? self(self, term.args[1], x) : "";
      if (commutes(name) && b < a) a.swap(b);
      return std::string(name) + "(" + a + " " + b + ")";
    };
    const auto both = [&](int64_t x) { return print(print, left, x) + " = " + print(print, right, x); };
    return std::min(both(0), both(1));
  }

  // Does the mid-end, as it is, make the term as cheap?
  bool derived(uint32_t t, Cost target) {
    auto file = ir::parse_file(function(t, "i32", "f"), "");
    ir::Function& f = file->functions[0].function;
    optimizer_.run(f);
    uint64_t cost = 0;
    for (const ir::Block block : f.blocks()) {
      for (const ir::Inst inst : f.insts(block)) {
        if (!f.info(inst).is_terminator()) cost += opt::operation_cost(f.inst(inst).opcode);
      }
    }
    return cost <= target;
  }

  // `left`: in a pattern, where -1 needs a condition.
  std::string text(uint32_t root, bool left, bool& has_constant, bool& has_ones) const {
    const auto print = [&](const auto& self, uint32_t t) -> std::string {
      const Term& term = terms_[t];
      if (term.kind == Term::Kind::kVariable) return term.number == 0 ? "x" : "y";
      if (term.kind == Term::Kind::kConstant) {
        has_constant = true;
        if (term.number >= 0) return "(k ty " + std::to_string(term.number) + ")";
        has_ones = true;
        return left ? "(k ty ones)" : "(k ty 0xffffffffffffffff)";
      }
      std::string out = "(" + std::string(ir::operation_info(term.opcode).name) + " ty " + self(self, term.args[0]);
      if (term.arg_count == 2) out += " " + self(self, term.args[1]);
      return out + ")";
    };
    return print(print, root);
  }

  std::string rule(const Proposal& p, size_t number) const {
    bool constant = false, ones = false, ignored = false;
    std::string left = text(p.left, true, constant, ones);
    const std::string right = text(p.right, false, constant, ignored);
    if (constant) left.replace(left.find(" ty"), 3, " (fits_in_64 ty)");
    // A variable that is only on the right cannot be: equal terms have the same ones, or need none.
    return "(rule discovered_" + std::to_string(number) + " (simplify " + left + ")" +
           (ones ? " (if-let true (u64_eq ones (ty_mask ty)))" : "") + " (subsume " + right + "))";
  }

  Expected<void> prove() {
    if (proposals_.empty()) return {};
    std::string all;
    for (size_t i = 0; i < proposals_.size(); ++i) all += rule(proposals_[i], i) + "\n";
    // The prelude and CLIF's operations come first.
    std::vector<RuleSource> rules(optimizer_sources().rules.begin(), optimizer_sources().rules.begin() + 2);
    rules.push_back({"discovered.isle", all});
    const auto unit = verify_optimizer(
        {rules, {}, optimizer_sources().operations},
        {.jobs = options_.jobs, .timeout_ms = options_.timeout_ms, .rules = {"discovered_"}, .functions = false});
    if (!unit) return std::unexpected(unit.error());
    optimize_functions();
    std::map<size_t, const RuleResult*> results;
    for (const RuleResult& result : unit->rules) {
      results[std::stoul(result.name.substr(std::string("discovered_").size()))] = &result;
    }
    for (const auto& [number, answer] : results) {
      const RuleResult& result = *answer;
      if (result.state == RuleState::Failed) {
        ++result_.refuted;
        continue;
      }
      if (result.state == RuleState::Proven) {
        if (follows(proposals_[number])) {
          ++result_.following;
          continue;
        }
        shown_.push_back(proposals_[number]);
      }
      Discovered found{rule(proposals_[number], number), to_string(result.state), 0, 0};
      if (result.state != RuleState::Proven) found.status += ": " + result.reason;
      found.matches = count(proposals_[number].left);
      found.gain = found.matches * (terms_[proposals_[number].left].cost - terms_[proposals_[number].right].cost);
      result_.rules.push_back(std::move(found));
    }
    return {};
  }

  // -- What follows from what is shown (D3) --

  bool same(uint32_t a, uint32_t b) const {
    const Term &s = terms_[a], &t = terms_[b];
    if (s.kind != t.kind || s.number != t.number || s.arg_count != t.arg_count) return false;
    if (s.kind == Term::Kind::kOperation && s.opcode != t.opcode) return false;
    for (unsigned i = 0; i < s.arg_count; ++i) {
      if (!same(s.args[i], t.args[i])) return false;
    }
    return true;
  }

  using Binding = std::array<std::optional<uint32_t>, 2>;  // by variable: a term

  bool matches(uint32_t pattern, uint32_t t, Binding& binding) const {
    const Term &p = terms_[pattern], &term = terms_[t];
    if (p.kind == Term::Kind::kVariable) {
      auto& bound = binding[static_cast<size_t>(p.number)];
      if (bound) return same(*bound, t);
      bound = t;
      return true;
    }
    if (p.kind != term.kind || p.number != term.number) return false;
    if (p.kind == Term::Kind::kConstant) return true;
    if (p.opcode != term.opcode) return false;
    const Binding before = binding;
    const auto in_order = [&](unsigned a, unsigned b) {
      binding = before;
      return matches(p.args[0], term.args[a], binding) &&
             (p.arg_count == 1 || matches(p.args[1], term.args[b], binding));
    };
    return in_order(0, 1) || (p.arg_count == 2 && commutes(ir::operation_info(p.opcode).name) && in_order(1, 0));
  }

  uint32_t make_term(ir::Opcode opcode, uint8_t arg_count, uint32_t a, uint32_t b) {
    terms_.push_back(make({opcode, arg_count, false}, a, b));
    return static_cast<uint32_t>(terms_.size() - 1);
  }

  uint32_t substituted(uint32_t t, const Binding& binding) {
    const Term term = terms_[t];
    if (term.kind == Term::Kind::kVariable) return binding[static_cast<size_t>(term.number)].value_or(t);
    if (term.kind == Term::Kind::kConstant) return t;
    const uint32_t a = substituted(term.args[0], binding);
    return make_term(term.opcode, term.arg_count, a, term.arg_count == 2 ? substituted(term.args[1], binding) : a);
  }

  // Each term that one use of a rule that is shown makes of `t`.
  void rewritten(uint32_t t, std::vector<uint32_t>& out) {
    for (const Proposal& rule : shown_) {
      Binding binding;
      if (matches(rule.left, t, binding)) out.push_back(substituted(rule.right, binding));
    }
    const Term term = terms_[t];
    for (unsigned i = 0; i < term.arg_count; ++i) {
      std::vector<uint32_t> parts;
      rewritten(term.args[i], parts);
      for (const uint32_t part : parts) {
        out.push_back(
            make_term(term.opcode, term.arg_count, i == 0 ? part : term.args[0], i == 1 ? part : term.args[1]));
      }
    }
  }

  bool follows(const Proposal& p) {
    constexpr size_t kMost = 64;
    const Cost target = terms_[p.right].cost;
    std::vector<uint32_t> known = {p.left};
    for (size_t i = 0; i < known.size() && known.size() < kMost; ++i) {
      std::vector<uint32_t> next;
      rewritten(known[i], next);
      for (const uint32_t t : next) {
        if (std::ranges::any_of(known, [&](uint32_t other) { return same(other, t); })) continue;
        if (terms_[t].cost <= target || derived(t, target)) return true;
        known.push_back(t);
      }
    }
    return false;
  }

  // -- Gains --

  void optimize_functions() {
    for (const ir::Function* function : options_.functions) {
      optimized_.push_back(*function);
      optimizer_.run(optimized_.back());
    }
  }

  uint64_t count(uint32_t left) const {
    uint64_t matches = 0;
    for (const ir::Function& f : optimized_) {
      for (const ir::Block block : f.blocks()) {
        for (const ir::Inst inst : f.insts(block)) {
          std::optional<ir::Value> variables[2];
          if (f.has_results(inst) && is(f, f.result(inst), left, variables)) ++matches;
        }
      }
    }
    return matches;
  }

  bool is(const ir::Function& f, ir::Value v, uint32_t t, std::optional<ir::Value> (&variables)[2]) const {
    const Term& term = terms_[t];
    if (term.kind == Term::Kind::kVariable) {
      auto& bound = variables[term.number];
      if (bound) return *bound == v;
      bound = v;
      return true;
    }
    const ir::Inst def = f.def_inst(v);
    if (def.is_none()) return false;
    if (term.kind == Term::Kind::kConstant) {
      const unsigned width = f.value_type(v).bits();
      const uint64_t mask = width >= 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
      return f.inst(def).opcode == ir::Opcode::kIconst &&
             ((f.inst(def).imm ^ static_cast<uint64_t>(term.number)) & mask) == 0;
    }
    if (f.inst(def).opcode != term.opcode) return false;
    const auto old = std::pair(variables[0], variables[1]);
    const auto matches = [&](unsigned a, unsigned b) {
      if (is(f, f.arg(def, a), term.args[0], variables) &&
          (term.arg_count == 1 || is(f, f.arg(def, b), term.args[1], variables))) {
        return true;
      }
      std::tie(variables[0], variables[1]) = old;
      return false;
    };
    if (matches(0, 1)) return true;
    return term.arg_count == 2 && commutes(ir::operation_info(term.opcode).name) && matches(1, 0);
  }

  const DiscoverOptions& options_;
  DiscoverResult result_;
  std::vector<Operation> operations_;
  std::vector<Term> terms_;
  std::map<Signature, std::vector<uint32_t>> groups_;  // by cost
  std::vector<uint32_t> best_;                         // of each group
  std::vector<Proposal> proposals_;
  std::vector<Proposal> shown_;  // proven
  std::set<std::string> seen_;   // up_to_names
  interpreter::Interpreter interpreter_;
  interpreter::Outcome outcome_;
  opt::Optimizer optimizer_;
  std::vector<ir::Function> optimized_;
};

}  // namespace

Expected<DiscoverResult> discover(const DiscoverOptions& options) { return Discovery(options).run(); }

}  // namespace assay::verify
