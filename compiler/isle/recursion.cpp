// Terms whose rules lead back to themselves must be declared `rec`: the strongly connected components of the graph of
// calls between terms with rules (Tarjan's algorithm, without recursion, linear).
#include <algorithm>

#include "compiler/isle/checker.h"

namespace assay::isle {
namespace {

void collect_calls(const Program& program, const Expr& expr, std::vector<TermId>& out) {
  if (expr.kind == Expr::Kind::Term && program.terms[expr.term].has_rules()) out.push_back(expr.term);
  for (const Let& let : expr.lets) collect_calls(program, let.value, out);
  for (const Expr& child : expr.children) collect_calls(program, child, out);
}

std::vector<TermId> calls_of(const Program& program, const Term& term) {
  std::vector<TermId> calls;
  for (RuleId id : term.rules) {
    const Rule& rule = program.rules[id];
    for (const IfLet& if_let : rule.if_lets) collect_calls(program, if_let.value, calls);
    collect_calls(program, rule.result, calls);
  }
  std::sort(calls.begin(), calls.end());
  calls.erase(std::unique(calls.begin(), calls.end()), calls.end());
  return calls;
}

struct Tarjan {
  struct Frame {
    TermId term;
    size_t next;
  };
  const Program& program;
  Table<TermId, std::vector<TermId>> calls;
  Table<TermId, uint32_t> number;  // 0: not visited
  Table<TermId, uint32_t> lowest;
  Table<TermId, uint8_t> is_open;
  std::vector<TermId> open;
  std::vector<Frame> stack;
  uint32_t count = 0;

  void enter(TermId id) {
    number[id] = lowest[id] = ++count;
    open.push_back(id);
    is_open[id] = true;
    stack.push_back({id, 0});
  }

  template <class OnComponent>
  void run(TermId start, OnComponent on_component) {
    enter(start);
    while (!stack.empty()) {
      Frame& frame = stack.back();
      TermId id = frame.term;
      if (frame.next < calls[id].size()) {
        TermId callee = calls[id][frame.next++];
        if (number[callee] == 0) {
          enter(callee);
        } else if (is_open[callee]) {
          lowest[id] = std::min(lowest[id], number[callee]);
        }
        continue;
      }
      stack.pop_back();
      if (!stack.empty()) lowest[stack.back().term] = std::min(lowest[stack.back().term], lowest[id]);
      if (lowest[id] != number[id]) continue;
      auto first = std::find(open.rbegin(), open.rend(), id).base() - 1;
      std::vector<TermId> component(first, open.end());
      open.erase(first, open.end());
      for (TermId member : component) is_open[member] = false;
      on_component(component);
    }
  }
};

}  // namespace

void check_recursion(Checker& checker) {
  const Program& program = checker.program;
  size_t count = program.terms.size();
  Tarjan tarjan{program,
                Table<TermId, std::vector<TermId>>(count),
                Table<TermId, uint32_t>(count, 0),
                Table<TermId, uint32_t>(count, 0),
                Table<TermId, uint8_t>(count, 0),
                {},
                {}};
  for (uint32_t i = 0; i < count; i++) {
    if (program.terms[TermId(i)].has_rules()) tarjan.calls[TermId(i)] = calls_of(program, program.terms[TermId(i)]);
  }
  auto on_component = [&](const std::vector<TermId>& component) {
    TermId first = component[0];
    const auto& calls = tarjan.calls[first];
    bool is_cycle = component.size() > 1 || std::find(calls.begin(), calls.end(), first) != calls.end();
    if (!is_cycle) return;
    for (TermId id : component) {
      const Term& term = program.terms[id];
      if (term.flags.is_recursive) continue;
      std::string others;
      for (TermId other : component) {
        if (other != id && others.size() < 100) others += (others.empty() ? "" : ", ") + program.terms[other].name;
      }
      checker.error(term.position, "term '" + term.name + "' is recursive but not declared rec",
                    others.empty() ? "its rules use it" : "the cycle goes through " + others);
    }
  };
  for (uint32_t i = 0; i < count; i++) {
    if (program.terms[TermId(i)].has_rules() && tarjan.number[TermId(i)] == 0) tarjan.run(TermId(i), on_component);
  }
}

}  // namespace assay::isle
