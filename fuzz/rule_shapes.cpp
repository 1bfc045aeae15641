// See rule_shapes.h. Depth of the patterns is bounded by the rule reader, so recursion is safe.
#include "fuzz/rule_shapes.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <string>
#include <utility>

#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"
#include "fuzz/rule_planner.h"
#include "verify/rule_sources.h"

namespace assay::fuzz {

using isle::Expr;
using isle::Pattern;
using isle::Rule;
using isle::RuleId;
using isle::TermId;

namespace {

constexpr unsigned kTries = 5;
constexpr unsigned kDetour = 2;  // calls beyond those of the shortest way

template <class Take>
void each_call(const Expr& e, const Take& take) {
  for (const isle::Let& let : e.lets) each_call(let.value, take);
  if (e.kind == Expr::Kind::Term) take(e);
  for (const Expr& child : e.children) each_call(child, take);
}

// The pattern of the operation that an entry's rule begins with; null: none.
const Pattern* root_operation(const isle::Program& program, const Pattern& p) {
  if (p.kind == Pattern::Kind::Term && opcode_of(program, program.terms[p.term])) return &p;
  for (const Pattern& child : p.children) {
    if (const Pattern* found = root_operation(program, child)) return found;
  }
  return nullptr;
}

std::vector<isle::SourceFile> files_of(const verify::RuleSources& sources) {
  std::vector<isle::SourceFile> files;
  for (const verify::RuleSource& source : sources.rules) files.push_back({source.name, std::string(source.text)});
  return files;
}

}  // namespace

bool RuleShapes::can_begin(const Rule& rule) const {
  const Pattern* root = root_operation(*checked_.program, rule.arguments[0]);
  return root != nullptr && can_plan(*opcode_of(*checked_.program, checked_.program->terms[root->term]));
}

RuleShapes::RuleShapes(std::vector<isle::SourceFile> files, std::span<const std::string_view> entries,
                       const machine::TargetIsa* isa) {
  checked_ = isle::check_program(std::move(files), {.check_overlap = false});
  assert(checked_.ok());  // the program was made of the same text
  const isle::Program& program = *checked_.program;

  // What is reached from the entries, nearest first.
  std::vector<TermId> reached;
  for (const std::string_view name : entries) {
    reached.push_back(program.find_term(name));
    distance_[reached.back()] = 0;
  }
  for (size_t i = 0; i < reached.size(); ++i) {
    const uint32_t distance = distance_.at(reached[i]);
    for (const RuleId id : program.terms[reached[i]].rules) {
      const Rule& rule = program.rules[id];
      if (distance == 0 && !can_begin(rule)) continue;
      rules_.push_back(id);
      limits_[id] = RuleConditions(program).limits(rule);
      const auto take = [&](const Expr& call) {
        if (!program.terms[call.term].has_rules()) return;
        calls_[call.term].push_back({id, &call});
        if (distance_.emplace(call.term, distance + 1).second) reached.push_back(call.term);
      };
      const auto look = [&](const Expr& call) {
        take(call);
        if (isa != nullptr && machine::features_by_name(*isa->insts, program.terms[call.term].name) != 0) {
          needing_features_.insert(id);
        }
      };
      for (const isle::IfLet& condition : rule.if_lets) each_call(condition.value, look);
      each_call(rule.result, take);
    }
  }
  std::ranges::copy_if(rules_, std::back_inserter(for_features_),
                       [&](RuleId id) { return needing_features_.contains(id); });
}

const RuleShapes& RuleShapes::of_optimizer() {
  static constexpr std::string_view kEntries[] = {"simplify"};
  static const RuleShapes shapes(files_of(verify::optimizer_sources()), kEntries, nullptr);
  return shapes;
}

std::span<const RuleShapes> RuleShapes::of_machines() {
  static constexpr std::string_view kEntries[] = {"lower", "lower_branch"};
  static const std::vector<RuleShapes> shapes = [] {
    std::vector<RuleShapes> out;
    for (const IsaKind isa : kAllIsas) {
      if (const verify::RuleSources* sources = verify::rule_sources(isa)) {
        out.push_back({files_of(*sources), kEntries, isa::find_isa(isa)});
      }
    }
    return out;
  }();
  return shapes;
}

const RuleShapes* RuleShapes::of_machine(IsaKind isa) {
  size_t number = 0;
  for (const IsaKind other : kAllIsas) {
    if (verify::rule_sources(other) == nullptr) continue;
    if (other == isa) return &of_machines()[number];
    ++number;
  }
  return nullptr;
}

RulePlan RuleShapes::plan(Random& random, std::span<const ir::Type> types) const {
  // Few programs are compiled with all features: what needs one is asked for more often.
  const std::vector<RuleId>& rules = !for_features_.empty() && random.chance(30) ? for_features_ : rules_;
  return plan(rules[random.below(static_cast<uint32_t>(rules.size()))], random, types);
}

RulePlan RuleShapes::plan_for(std::string_view rule, Random& random, std::span<const ir::Type> types) const {
  const RuleId target = checked_.program->find_rule(rule);
  return target && limits_.contains(target) ? plan(target, random, types) : RulePlan{rule, {}};
}

RulePlan RuleShapes::plan(RuleId target, Random& random, std::span<const ir::Type> types) const {
  const isle::Program& program = *checked_.program;
  const auto any = [&](size_t size) { return random.below(static_cast<uint32_t>(size)); };

  // From the rule up to an entry, by callers from where there is a way short enough.
  std::vector<RuleLink> chain = {{&program.rules[target], nullptr, limits_.at(target)}};
  uint32_t distance = distance_.at(program.rules[target].term) + (random.chance(30) ? random.below(kDetour + 1) : 0);
  while (distance_.at(chain.front().rule->term) != 0) {
    --distance;
    std::vector<Call> callers;
    for (const Call& call : calls_.at(chain.front().rule->term)) {
      if (distance_.at(program.rules[call.from].term) <= distance) callers.push_back(call);
    }
    const Call& call = callers[any(callers.size())];
    chain.insert(chain.begin(), {&program.rules[call.from], call.call, limits_.at(call.from)});
  }

  RulePlan plan{program.rules[target].name, {}};
  plan.needs_features =
      std::ranges::any_of(chain, [&](const RuleLink& link) { return needing_features_.contains(link.rule->id); });
  for (unsigned tries = 0; tries < kTries; ++tries) {
    RulePlanner planner(program, random, types);
    if (!planner.plan(chain)) continue;
    const bool holds = planner.meet_conditions();
    // Now and then what just misses the conditions: they may admit too much.
    if (random.chance(8)) planner.shake();
    plan.nodes = planner.take();
    if (holds || random.chance(10)) break;
  }
  return plan;
}

}  // namespace assay::fuzz
