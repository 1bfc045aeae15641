// See selection.h.
#include "fuzz/selection.h"

#include "compiler/ir/parser.h"
#include "compiler/isa/interpreted.h"
#include "compiler/machine/features.h"
#include "fuzz/generate.h"
#include "oracles/harness.h"

namespace assay::fuzz {

namespace {

// The rules whose application emitted each instruction, from the innermost out.
std::string provenance(const machine::VCode& code, const machine::TargetIsa& isa) {
  std::string text;
  for (const machine::Inst& inst : code.insts) {
    text += "rules";
    for (uint16_t at = inst.rules; at != machine::kNoRuleChain; at = code.rule_chains[at].caller) {
      text += ' ';
      text += isa.rules[code.rule_chains[at].rule.index].name;
    }
    text += '\n';
  }
  return text;
}

// The VCode after lowering with what it comes from, or the error.
std::string lower(machine::Compiler& compiler, const ir::Function& function, machine::OptLevel level,
                  machine::FeatureSet features) {
  std::string text;
  machine::CompileOptions options;
  options.opt_level = level;
  options.features = features;
  options.pinned_register = oracles::uses_pinned_register(function);
  options.check_allocation = false;
  options.dump = [&](machine::Stage stage, const std::string& dumped) {
    if (stage == machine::Stage::Lower) text += dumped;
  };
  options.observe = [&](const machine::StageView& view) {
    if (view.stage == machine::Stage::Lower) text += provenance(view.vcode, compiler.isa());
  };
  auto compiled = compiler.compile(function, options);
  return compiled ? text : text + compiled.error().message;
}

std::string line_at(const std::string& text, size_t at) {
  const size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;  // npos + 1 is 0
  return text.substr(begin, text.find('\n', at) - begin);
}

}  // namespace

SelectionChecker::SelectionChecker(const machine::TargetIsa& isa)
    : interpreted_(isa::interpreted_isa(isa.kind)), trees_(isa), rules_(*interpreted_) {}

std::string SelectionChecker::compare(const ir::Function& function) {
  constexpr machine::OptLevel kNone = machine::OptLevel::None, kSpeed = machine::OptLevel::Speed;
  const machine::FeatureSet all = machine::all_features(*trees_.isa().insts);
  for (const auto& [level, features] :
       {std::pair(kNone, all & 0), std::pair(kSpeed, all & 0), std::pair(kSpeed, all)}) {
    const std::string by_trees = lower(trees_, function, level, features);
    const std::string by_rules = lower(rules_, function, level, features);
    if (by_trees == by_rules) continue;
    size_t at = 0;
    while (at < by_trees.size() && at < by_rules.size() && by_trees[at] == by_rules[at]) ++at;
    return "trees: " + line_at(by_trees, at) + "\nrules: " + line_at(by_rules, at) + "\n";
  }
  return "";
}

void SelectionChecker::enable_rule(isle::RuleId rule, bool enabled) {
  trees_.rules().enable_rule(rule, enabled);
  rules_.rules().enable_rule(rule, enabled);
}

Selection check_selection(const machine::TargetIsa& isa, unsigned programs, uint64_t seed,
                          std::span<const std::string> texts) {
  SelectionChecker checker(isa);
  Selection out;
  std::vector<uint64_t> before(isa.rules.size());
  const auto compare = [&](const ir::Function& function) {
    ++out.functions;
    const std::string difference = checker.compare(function);
    for (uint32_t i = 0; i < isa.rules.size(); ++i) {
      const uint64_t now = checker.trees().rules().count(isle::RuleId(i));
      if (now != before[i] && !difference.empty()) out.wrong.try_emplace(std::string(isa.rules[i].name), difference);
      before[i] = now;
    }
  };
  Random random(seed);
  for (unsigned i = 0; i < programs; ++i) {
    Program program;
    generate(random, {}, program);
    for (const ir::Function& function : program.functions) compare(function);
  }
  for (const std::string& text : texts) {
    const auto file = ir::parse_file(text, "");
    if (!file) continue;
    for (const ir::ParsedFunction& parsed : file->functions) compare(parsed.function);
  }
  for (uint32_t i = 0; i < isa.rules.size(); ++i) out.applied[std::string(isa.rules[i].name)] = before[i];
  return out;
}

}  // namespace assay::fuzz
