// See match.h.
#include "compiler/isle/match.h"

#include <optional>
#include <tuple>

namespace assay::isle {
namespace {

constexpr size_t kMaxTests = 500;  // of a rule; bounds the depth of the decision tree

struct BindingLess {
  bool operator()(const Binding& a, const Binding& b) const { return a.key() < b.key(); }
};

class Collector {
 public:
  Collector(const Program& program, MatchTerm& out) : program_(program), out_(out) {}

  bool is_too_large() const { return is_too_large_; }

  // The place of the contradiction, if the rule can never match (or has too many tests).
  std::optional<Position> add(const Rule& rule, uint32_t number) {
    rule_ = MatchRule();
    rule_.rule = rule.id;
    rule_.number = number;
    rule_.priority = rule.priority;
    rule_.position = rule.position;
    rule_.variables.assign(rule.variables.size(), BindingId());
    source_ = &rule;
    contradiction_.reset();
    is_too_large_ = false;
    occurrences_.clear();
    for (uint32_t i = 0; i < rule.arguments.size(); i++) {
      Binding argument;
      argument.kind = Binding::Kind::Argument;
      argument.type = rule.arguments[i].type;
      argument.index = i;
      match(rule.arguments[i], intern(std::move(argument)));
    }
    for (const IfLet& if_let : rule.if_lets) match(if_let.pattern, evaluate(if_let.value));
    if (rule_.tests.size() > kMaxTests) {
      is_too_large_ = true;
      return rule.position;
    }
    if (!contradiction_) out_.rules.push_back(std::move(rule_));
    return contradiction_;
  }

 private:
  BindingId intern(Binding binding) {
    auto [it, is_new] = ids_.emplace(std::move(binding), BindingId());
    if (is_new) {
      it->second = out_.bindings.push(it->first);
      out_.names.push({});
    }
    return it->second;
  }

  bool is_multi(TermId term) const { return program_.terms[term].flags.is_multi; }

  // Two uses of a multi term on the same value are two loops, not one.
  uint32_t occurrence(const Binding& binding) {
    return is_multi(binding.term) ? occurrences_[{binding.term, binding.sources}]++ : 0;
  }

  void test(Test test, Position position) {
    if (test.kind == Test::Kind::Equal) {
      if (test.binding == test.other) return;
      rule_.has_equalities = true;
      rule_.tests.push_back(test);
      return;
    }
    auto [it, is_new] = rule_.test_of.emplace(test.binding, rule_.tests.size());
    if (is_new) {
      rule_.tests.push_back(test);
    } else if (rule_.tests[it->second] != test && !contradiction_) {
      contradiction_ = position;
    }
  }

  void bind(VariableId variable, BindingId binding) {
    rule_.variables[variable.index] = binding;
    std::string& name = out_.names[binding];
    if (name.empty()) name = source_->variables[variable.index].name;
  }

  void match(const Pattern& pattern, BindingId value) {
    using Kind = Pattern::Kind;
    switch (pattern.kind) {
      case Kind::Wildcard:
        return;
      case Kind::Bind:
        match(pattern.children[0], value);
        bind(pattern.variable, value);
        return;
      case Kind::Variable: {
        BindingId other = rule_.variables[pattern.variable.index];
        test({std::max(value, other), Test::Kind::Equal, 0, {}, std::min(value, other)}, pattern.position);
        return;
      }
      case Kind::Bool:
        return test({value, Test::Kind::Bool, pattern.value, {}, {}}, pattern.position);
      case Kind::Int: {
        Int128 canonical = canonical_int(program_.types[pattern.type], pattern.value);
        return test({value, Test::Kind::Int, canonical, {}, {}}, pattern.position);
      }
      case Kind::Constant:
        return test({value, Test::Kind::Constant, 0, pattern.constant, {}}, pattern.position);
      case Kind::And:
        for (const Pattern& child : pattern.children) match(child, value);
        return;
      case Kind::Term:
        return match_term(pattern, value);
    }
  }

  void match_term(const Pattern& pattern, BindingId value) {
    const Term& term = program_.terms[pattern.term];
    Binding part;
    part.term = pattern.term;
    if (term.is_variant()) {
      if (program_.types[term.result].kind == Type::Kind::Enum) {
        test({value, Test::Kind::Variant, term.variant, {}, {}}, pattern.position);
      }
      part.kind = Binding::Kind::Field;
      part.sources = {value};
    } else {
      Binding call;
      call.kind = Binding::Kind::Extract;
      call.term = pattern.term;
      call.type = term.result;
      call.sources = {value};
      call.index = occurrence(call);
      BindingId id = intern(std::move(call));
      if (term.flags.is_multi) {
        test({id, Test::Kind::Each, 0, {}, {}}, pattern.position);
      } else if (!term.extractor_is_infallible) {
        test({id, Test::Kind::Matched, 0, {}, {}}, pattern.position);
      }
      part.kind = Binding::Kind::Output;
      part.sources = {id};
    }
    for (uint32_t i = 0; i < pattern.children.size(); i++) {
      part.index = i;
      part.type = term.arguments[i];
      match(pattern.children[i], intern(part));
    }
  }

  // An expression of an if-let, or of a let in it.
  BindingId evaluate(const Expr& expr) {
    Binding binding;
    binding.type = expr.type;
    switch (expr.kind) {
      case Expr::Kind::Variable:
        return rule_.variables[expr.variable.index];
      case Expr::Kind::Bool:
        binding.kind = Binding::Kind::Bool;
        binding.value = expr.value;
        return intern(std::move(binding));
      case Expr::Kind::Int:
        binding.kind = Binding::Kind::Int;
        binding.value = canonical_int(program_.types[expr.type], expr.value);
        return intern(std::move(binding));
      case Expr::Kind::Constant:
        binding.kind = Binding::Kind::Constant;
        binding.constant = expr.constant;
        return intern(std::move(binding));
      case Expr::Kind::Let:
        for (const Let& let : expr.lets) {
          BindingId value = evaluate(let.value);
          bind(let.variable, value);
        }
        return evaluate(expr.children[0]);
      case Expr::Kind::Term:
        break;
    }
    const Term& term = program_.terms[expr.term];
    binding.term = expr.term;
    for (const Expr& child : expr.children) binding.sources.push_back(evaluate(child));
    if (term.is_variant()) {
      binding.kind = Binding::Kind::Make;
      return intern(std::move(binding));
    }
    binding.kind = Binding::Kind::Construct;
    binding.index = occurrence(binding);
    bool is_multi = term.flags.is_multi, is_partial = term.flags.is_partial;
    BindingId call = intern(std::move(binding));
    if (!is_multi && !is_partial) return call;
    test({call, is_multi ? Test::Kind::Each : Test::Kind::Matched, 0, {}, {}}, expr.position);
    Binding output;
    output.kind = Binding::Kind::Output;
    output.term = expr.term;
    output.type = term.result;
    output.sources = {call};
    return intern(std::move(output));
  }

  const Program& program_;
  MatchTerm& out_;
  MatchRule rule_;
  const Rule* source_ = nullptr;
  std::optional<Position> contradiction_;
  bool is_too_large_ = false;
  std::map<Binding, BindingId, BindingLess> ids_;
  std::map<std::pair<TermId, std::vector<BindingId>>, uint32_t> occurrences_;
};

}  // namespace

MatchTerm match_term(const Program& program, TermId term, std::vector<PositionedError>* errors) {
  MatchTerm out;
  out.term = term;
  Collector collector(program, out);
  for (uint32_t i = 0; i < program.terms[term].rules.size(); i++) {
    const Rule& rule = program.rules[program.terms[term].rules[i]];
    std::optional<Position> contradiction = collector.add(rule, i);
    if (contradiction && errors && errors->size() < kMaxErrors) {
      const char* what = collector.is_too_large() ? "' makes too many tests"
                                                  : "' can never match: two patterns for the same value differ";
      errors->push_back({*contradiction, "rule '" + rule.name + what, ""});
    }
  }
  return out;
}

bool may_overlap(const MatchRule& a, const MatchRule& b) {
  const MatchRule& small = a.test_of.size() <= b.test_of.size() ? a : b;
  const MatchRule& large = &small == &a ? b : a;
  for (auto [binding, index] : small.test_of) {
    auto it = large.test_of.find(binding);
    if (it != large.test_of.end() && large.tests[it->second] != small.tests[index]) return false;
  }
  return true;
}

bool is_subset(const MatchRule& narrow, const MatchRule& wide) {
  // Every test of the wide rule is one of the narrow rule's.
  for (const Test& test : wide.tests) {
    if (test.kind == Test::Kind::Equal) {
      bool found = false;
      for (const Test& other : narrow.tests) found = found || other == test;
      if (!found) return false;
      continue;
    }
    auto it = narrow.test_of.find(test.binding);
    if (it == narrow.test_of.end() || narrow.tests[it->second] != test) return false;
  }
  return true;
}

}  // namespace assay::isle
