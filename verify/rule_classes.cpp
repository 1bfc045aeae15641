// See rule_classes.h.
#include "verify/rule_classes.h"

#include <z3++.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "compiler/ir/operations.h"
#include "compiler/opt/egraph.h"
#include "verify/rule_sources.h"
#include "verify/rule_terms.h"

namespace assay::verify {

namespace {

using Kind = RuleTerm::Kind;

std::string operation_of(const RuleTerm& term) { return term.kind == Kind::Constant ? "iconst" : term.operation; }

// What has a weight: an operation with its condition code and the width of its result. Any of them: on left sides only,
// where it stands for the lightest.
struct Symbol {
  std::string operation, code;
  RuleTerm::Width width = RuleTerm::Width::Any;
  auto operator<=>(const Symbol&) const = default;

  std::string name() const { return operation + "." + code + "." + std::to_string(int(width)); }
  bool covers(const Symbol& other) const {
    return operation == other.operation && (code.empty() || code == other.code) &&
           (width == RuleTerm::Width::Any || width == other.width);
  }
};
using Counts = std::map<Symbol, int>;
Symbol symbol_of(const RuleTerm& term) {
  if (term.kind == Kind::Constant) return {.operation = "iconst", .code = ""};
  return {.operation = term.operation, .code = term.code, .width = term.width};
}

opt::Cost cost_of(const RuleTerm& term) {
  if (term.kind == Kind::Variable) return 0;
  const auto opcode = ir::parse_opcode(operation_of(term));
  opt::Cost cost = opcode ? opt::operation_cost(*opcode) : 0;
  for (const RuleTerm& arg : term.args) cost += cost_of(arg);
  return cost;
}

void count_variables(const RuleTerm& term, std::map<uint32_t, int>& counts) {
  if (term.kind == Kind::Variable) ++counts[term.variable];
  for (const RuleTerm& arg : term.args) count_variables(arg, counts);
}

void count_operations(const RuleTerm& term, int sign, Counts& counts) {
  if (term.kind != Kind::Variable) counts[symbol_of(term)] += sign;
  for (const RuleTerm& arg : term.args) count_operations(arg, sign, counts);
}

// Does `right` use each variable at most as often as `left`?
bool keeps_variables(const RuleTerm& left, const RuleTerm& right) {
  std::map<uint32_t, int> before, after;
  count_variables(left, before);
  count_variables(right, after);
  return std::ranges::all_of(after, [&](const auto& use) {
    const auto found = before.find(use.first);
    return found != before.end() && found->second >= use.second;
  });
}

bool same(const RuleTerm& a, const RuleTerm& b) {
  return a.kind == b.kind && a.variable == b.variable && a.number == b.number && a.operation == b.operation &&
         a.code == b.code && a.width == b.width && std::ranges::equal(a.args, b.args, same);
}

void collect_made(const RuleTerm& term, std::vector<const RuleTerm*>& out) {
  if (term.kind == Kind::Operation && term.is_made) out.push_back(&term);
  for (const RuleTerm& arg : term.args) collect_made(arg, out);
}

// F1 for an operand: may a member of its class be what the pattern matches?
bool may_be(const RuleTerm& operand, const RuleTerm& pattern) {
  const bool is_new_constant = operand.kind == Kind::Constant && operand.is_made;
  switch (pattern.kind) {
    case Kind::Variable:
      return !(pattern.never_constant && operand.kind == Kind::Constant);
    case Kind::Constant:
      if (operand.kind == Kind::Variable) return !operand.never_constant;
      // Numbers that are the same in all types.
      return !(is_new_constant && operand.number && pattern.number && *operand.number < 0x80 &&
               *pattern.number < 0x80 && *operand.number != *pattern.number);
    case Kind::Operation:
      return operand.kind != Kind::Constant;
  }
  return true;
}

bool feeds(const RuleTerm& made, const RuleTerm& pattern) {
  if (pattern.kind != Kind::Operation || !symbol_of(pattern).covers(symbol_of(made))) return false;
  for (size_t i = 0; i < made.args.size() && i < pattern.args.size(); ++i) {
    if (!may_be(made.args[i], pattern.args[i])) return false;
  }
  return true;
}

// How often each variable stands on each side.
using Uses = std::map<uint32_t, std::pair<int, int>>;

// What a side is like up to the order of operands, condition codes and the names of variables.
std::string shape(const RuleTerm& term, const Uses& uses) {
  if (term.kind == Kind::Variable) {
    const auto [left, right] = uses.at(term.variable);
    return "x" + std::to_string(left) + std::to_string(right);
  }
  if (term.kind == Kind::Constant) return term.number ? "#" + std::to_string(*term.number) : "#";
  std::vector<std::string> args;
  for (const RuleTerm& arg : term.args) args.push_back(shape(arg, uses));
  std::ranges::sort(args);
  std::string out = (term.operation.ends_with("const") ? "fconst" : operation_of(term)) + "(";
  for (const std::string& arg : args) out += arg + " ";
  return out + ")";
}

std::string family_of(const RuleSides& sides) {
  std::map<uint32_t, int> left, right;
  count_variables(sides.left, left);
  count_variables(sides.right, right);
  Uses uses;
  for (const auto& [variable, count] : left) uses[variable].first = count;
  for (const auto& [variable, count] : right) uses[variable].second = count;
  return shape(sides.left, uses) + " = " + shape(sides.right, uses);
}

// A rule at one choice of condition codes and types, and a node that it makes there.
struct Step {
  uint32_t rule = 0;   // index into RuleClasses::rules
  uint32_t sides = 0;  // index into Classifier::sides_
  const RuleTerm* made = nullptr;
};

class Classifier {
 public:
  Classifier(const isle::Program& program, RuleClasses& out) : program_(program), out_(out) {}

  void run() {
    read();
    find_feeds();
    std::vector<uint32_t> all(steps_.size());
    for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
    settle(std::move(all));
    std::ranges::sort(out_.cycles, {}, &RuleCycle::rules);
    out_.families = static_cast<unsigned>(families_.size());
    for (const ClassifiedRule& row : out_.rules) {
      if (row.law.empty()) out_.lawless.push_back(row.name);
    }
  }

 private:
  void read() {
    for (const isle::Rule& rule : program_.rules) {
      if (program_.terms[rule.term].name != "simplify") continue;
      const auto index = static_cast<uint32_t>(out_.rules.size());
      ClassifiedRule& row = out_.rules.emplace_back(ClassifiedRule{.name = rule.name});
      const std::vector<RuleSides> sides = read_sides(program_, rule, row.reason);
      std::string family;
      row.rule_class = sides.empty() ? RuleClass::Growing : RuleClass::Shrinking;
      for (const RuleSides& s : sides) {
        row.left_cost = cost_of(s.left);
        row.right_cost = cost_of(s.right);
        const bool keeps = keeps_variables(s.left, s.right);
        if (!keeps || row.right_cost > row.left_cost) {
          row.rule_class = RuleClass::Growing;
          row.reason = keeps ? "the right side costs more" : "a variable is used more often on the right side";
        } else if (row.right_cost == row.left_cost && row.rule_class == RuleClass::Shrinking) {
          row.rule_class = RuleClass::Reordering;
        }
        if (family.empty()) family = family_of(s);
        owners_.push_back(index);
        sides_.push_back(s);
      }
      row.law = law(rule, family);
      families_.insert(family.empty() ? row.name : std::move(family));
      out_.shrinking += row.rule_class == RuleClass::Shrinking;
      out_.reordering += row.rule_class == RuleClass::Reordering;
      out_.growing += row.rule_class == RuleClass::Growing;
    }
  }

  // The comment directly above the rule, or that of the rule directly above if both are one family. A law is an
  // equation.
  std::string law(const isle::Rule& rule, const std::string& family) {
    const isle::SourceFile& file = program_.files[rule.position.file];
    if (lines_of_ != rule.position.file || lines_.empty()) {
      lines_ = lines(file.text);
      lines_of_ = rule.position.file;
      law_.clear();
    }
    uint32_t line = rule.position.line - 1;  // from 0
    std::string text;
    while (line > 0 && lines_[line - 1].starts_with(";;") && !lines_[line - 1].starts_with(";;;;")) {
      text = std::string(lines_[--line].substr(2)) + text;
    }
    const bool follows = line > 0 && !lines_[line - 1].empty() && !lines_[line - 1].starts_with(";");
    if (text.empty() && follows && family == family_above_) text = law_;
    family_above_ = family;
    return law_ = text.find('=') == std::string::npos ? "" : text.substr(text.find_first_not_of(' '));
  }
  static std::vector<std::string_view> lines(std::string_view text) {
    std::vector<std::string_view> out;
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      out.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return out;
  }

  void find_feeds() {
    std::map<std::string, std::vector<uint32_t>> by_root;  // sides, by the left side's operation
    for (uint32_t i = 0; i < sides_.size(); ++i) by_root[operation_of(sides_[i].left)].push_back(i);
    steps_of_.resize(sides_.size());
    for (uint32_t i = 0; i < sides_.size(); ++i) {
      std::vector<const RuleTerm*> made;
      collect_made(sides_[i].right, made);
      for (const RuleTerm* node : made) {
        // The same node again: an instruction that may trap becomes a node that does not.
        if (same(*node, sides_[i].left)) continue;
        steps_of_[i].push_back(static_cast<uint32_t>(steps_.size()));
        steps_.push_back({owners_[i], i, node});
      }
    }
    fed_.resize(steps_.size());
    for (uint32_t i = 0; i < steps_.size(); ++i) {
      const auto found = by_root.find(operation_of(*steps_[i].made));
      if (found == by_root.end()) continue;
      for (const uint32_t sides : found->second) {
        if (feeds(*steps_[i].made, sides_[sides].left)) fed_[i].push_back(sides);
      }
      out_.feeds += fed_[i].size();
    }
    out_.steps = steps_.size();
  }

  // -- Cycles --

  // The parts of `steps` in which each step feeds, over others, every one: Tarjan's algorithm without recursion.
  std::vector<std::vector<uint32_t>> components(const std::vector<uint32_t>& steps) const {
    std::vector<uint8_t> inside(steps_.size());
    for (const uint32_t s : steps) inside[s] = 1;
    std::vector<uint32_t> number(steps_.size()), low(steps_.size()), stack;
    std::vector<uint8_t> on_stack(steps_.size());
    std::vector<std::vector<uint32_t>> out;
    uint32_t next = 0;
    struct Frame {
      uint32_t step;
      std::vector<uint32_t> next;
      size_t at = 0;
    };
    const auto successors = [&](uint32_t step) {
      std::vector<uint32_t> result;
      for (const uint32_t sides : fed_[step]) {
        for (const uint32_t other : steps_of_[sides]) {
          if (inside[other] != 0) result.push_back(other);
        }
      }
      return result;
    };
    for (const uint32_t start : steps) {
      if (number[start] != 0) continue;
      std::vector<Frame> frames;
      const auto enter = [&](uint32_t step) {
        number[step] = low[step] = ++next;
        stack.push_back(step);
        on_stack[step] = 1;
        frames.push_back({step, successors(step)});
      };
      enter(start);
      while (!frames.empty()) {
        Frame& frame = frames.back();
        if (frame.at < frame.next.size()) {
          const uint32_t to = frame.next[frame.at++];
          if (number[to] == 0) {
            enter(to);
          } else if (on_stack[to] != 0) {
            low[frame.step] = std::min(low[frame.step], number[to]);
          }
          continue;
        }
        const uint32_t step = frame.step;
        const bool feeds_itself = std::ranges::find(frame.next, step) != frame.next.end();
        frames.pop_back();
        if (!frames.empty()) low[frames.back().step] = std::min(low[frames.back().step], low[step]);
        if (low[step] != number[step]) continue;
        std::vector<uint32_t> component;
        for (uint32_t top = ~step; top != step;) {
          top = stack.back();
          stack.pop_back();
          on_stack[top] = 0;
          component.push_back(top);
        }
        if (component.size() > 1 || feeds_itself) out.push_back(std::move(component));
      }
    }
    return out;
  }

  // F2 of these steps, until no cycle is left or nothing more can be shown.
  void settle(std::vector<uint32_t> steps) {
    std::vector<std::vector<uint32_t>> work = components(steps);
    while (!work.empty()) {
      std::vector<uint32_t> component = std::move(work.back());
      work.pop_back();
      std::vector<uint32_t> rest = heavy(component);
      if (rest.size() == component.size()) {
        report(component);
        continue;
      }
      out_.ended += static_cast<unsigned>(component.size() - rest.size());
      for (auto& part : components(rest)) work.push_back(std::move(part));
    }
  }

  // The steps that do not become lighter by the weights that make most of them do.
  std::vector<uint32_t> heavy(const std::vector<uint32_t>& component) const {
    z3::context z3;
    z3::optimize solver(z3);
    std::map<Symbol, z3::expr> weights;
    const auto weight = [&](const Symbol& symbol) {
      const auto found = weights.find(symbol);
      if (found != weights.end()) return found->second;
      const z3::expr w = z3.real_const(symbol.name().c_str());
      solver.add(w >= 0);
      weights.emplace(symbol, w);
      return w;
    };
    const auto lighter_by = [&](const RuleTerm& left, const RuleTerm& right) {
      Counts counts;
      count_operations(left, 1, counts);
      count_operations(right, -1, counts);
      z3::expr sum = z3.real_val(0);
      for (const auto& [symbol, count] : counts) {
        if (count != 0) sum = sum + z3.real_val(count) * weight(symbol);
      }
      return sum;
    };
    z3::expr all = z3.real_val(0);
    std::vector<std::pair<uint32_t, z3::expr>> lighter;
    for (const uint32_t i : component) {
      const RuleSides& sides = sides_[steps_[i].sides];
      if (!keeps_variables(sides.left, *steps_[i].made)) return component;
      const z3::expr amount = z3.real_const(("step " + std::to_string(i)).c_str());
      solver.add(amount >= 0 && amount <= 1 && lighter_by(sides.left, *steps_[i].made) >= amount);
      all = all + amount;
      lighter.emplace_back(i, amount);
    }
    for (const uint32_t i : usable(component)) {
      if (!keeps_variables(sides_[i].left, sides_[i].right)) return component;
      solver.add(lighter_by(sides_[i].left, sides_[i].right) >= 0);
    }
    for (const auto& [any, w] : weights) {
      for (const auto& [one, other] : weights) {
        if (any != one && any.covers(one)) solver.add(w <= other);
      }
    }
    solver.maximize(all);
    if (solver.check() != z3::sat) return component;
    const z3::model model = solver.get_model();
    std::vector<uint32_t> rest;
    for (const auto& [i, amount] : lighter) {
      if (z3::expr value = model.eval(amount, true);
          !value.is_numeral() || value.numerator().is_numeral() == false || value.get_decimal_string(3) == "0") {
        rest.push_back(i);
      }
    }
    return rest;
  }

  // The rules that operands made by these steps may set off, and what these make in turn: as sides.
  std::set<uint32_t> usable(const std::vector<uint32_t>& component) const {
    std::set<uint32_t> out;
    std::vector<uint32_t> work;
    const auto add = [&](uint32_t step) {
      for (const uint32_t sides : fed_[step]) {
        if (out.insert(sides).second) work.push_back(sides);
      }
    };
    for (const uint32_t i : component) {
      for (const uint32_t other : steps_of_[steps_[i].sides]) {
        if (steps_[other].made != steps_[i].made && is_below(*steps_[other].made, *steps_[i].made)) add(other);
      }
    }
    while (!work.empty()) {
      const uint32_t sides = work.back();
      work.pop_back();
      for (const uint32_t step : steps_of_[sides]) add(step);
    }
    return out;
  }
  static bool is_below(const RuleTerm& term, const RuleTerm& root) {
    return std::ranges::any_of(root.args, [&](const RuleTerm& arg) { return &arg == &term || is_below(term, arg); });
  }

  // The shortest cycle among these steps, as rules.
  void report(const std::vector<uint32_t>& component) {
    const std::set<uint32_t> inside(component.begin(), component.end());
    std::vector<uint32_t> shortest;
    for (const uint32_t start : component) {
      std::map<uint32_t, uint32_t> from;
      std::vector<uint32_t> queue = {start};
      for (size_t at = 0; at < queue.size() && !from.contains(start); ++at) {
        for (const uint32_t sides : fed_[queue[at]]) {
          for (const uint32_t to : steps_of_[sides]) {
            if (inside.contains(to) && from.try_emplace(to, queue[at]).second) queue.push_back(to);
          }
        }
      }
      if (!from.contains(start)) continue;
      std::vector<uint32_t> cycle = {start};
      for (uint32_t s = from.at(start); s != start; s = from.at(s)) cycle.push_back(s);
      std::ranges::reverse(cycle);
      if (shortest.empty() || cycle.size() < shortest.size()) shortest = std::move(cycle);
    }
    RuleCycle cycle;
    for (const uint32_t step : shortest) cycle.rules.push_back(out_.rules[steps_[step].rule].name);
    for (const uint32_t step : component) {
      if (out_.rules[steps_[step].rule].rule_class == RuleClass::Growing) cycle.rule_class = RuleClass::Growing;
    }
    out_.cycles.push_back(std::move(cycle));
  }

  const isle::Program& program_;
  RuleClasses& out_;
  std::vector<RuleSides> sides_;
  std::vector<uint32_t> owners_;  // by sides
  std::vector<Step> steps_;
  std::vector<std::vector<uint32_t>> steps_of_;  // by sides
  std::vector<std::vector<uint32_t>> fed_;       // by step: sides
  std::set<std::string> families_;
  std::vector<std::string_view> lines_;  // of the file that is read
  uint32_t lines_of_ = 0;
  std::string family_above_, law_;
};

}  // namespace

const char* to_string(RuleClass c) {
  switch (c) {
    case RuleClass::Shrinking:
      return "shrinking";
    case RuleClass::Reordering:
      return "reordering";
    case RuleClass::Growing:
      return "growing";
  }
  return "?";
}

Expected<RuleClasses> classify_rules(const RuleSources& sources) {
  std::vector<isle::SourceFile> files;
  for (const RuleSource& source : sources.rules) files.push_back({source.name, std::string(source.text)});
  const isle::CheckResult checked = isle::check_program(std::move(files), {.check_overlap = false});
  if (!checked.ok()) return std::unexpected(checked.errors.front());
  RuleClasses out;
  try {
    Classifier(*checked.program, out).run();
  } catch (const z3::exception& error) {
    return fail(std::string("Z3: ") + error.msg());
  }
  return out;
}

}  // namespace assay::verify
