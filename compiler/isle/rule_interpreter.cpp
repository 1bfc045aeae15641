// See rule_interpreter.h.
#include "compiler/isle/rule_interpreter.h"

#include <algorithm>

namespace assay::isle {

RuleValue RuleValue::of_int(Int128 value) {
  RuleValue result;
  result.integer = value;
  return result;
}

RuleValue RuleValue::of_handle(uint64_t handle) {
  RuleValue result;
  result.kind = Kind::Handle;
  result.handle = handle;
  return result;
}

RuleValue RuleValue::of_variant(uint32_t variant, std::vector<RuleValue> fields) {
  RuleValue result;
  result.kind = Kind::Variant;
  result.variant = variant;
  if (!fields.empty()) result.fields = std::make_shared<const std::vector<RuleValue>>(std::move(fields));
  return result;
}

bool RuleValue::operator==(const RuleValue& other) const {
  if (kind != other.kind) return false;
  switch (kind) {
    case Kind::Int:
      return integer == other.integer;
    case Kind::Handle:
      return handle == other.handle;
    case Kind::Variant:
      break;
  }
  auto a = field_values(), b = other.field_values();
  return variant == other.variant && std::equal(a.begin(), a.end(), b.begin(), b.end());
}

RuleValue Externs::view(const Type&, const RuleValue& value) { return value; }
bool Externs::equal(const Type&, const RuleValue& a, const RuleValue& b) { return a == b; }
bool Externs::equals_int(const Type&, const RuleValue& value, Int128 literal) {
  return value.kind == RuleValue::Kind::Handle ? value.handle == static_cast<uint64_t>(literal)
                                               : value.integer == literal;
}
RuleValue Externs::literal(const Type&, Int128 value) { return RuleValue::of_handle(static_cast<uint64_t>(value)); }
bool Externs::rule_enabled(const Rule&) { return true; }
void Externs::rule_fired(const Rule&) {}
void Externs::rule_done(const Rule&) {}

RuleInterpreter::RuleInterpreter(const Program& program, Externs& externs, Limits limits)
    : program_(program), externs_(externs), limits_(limits) {}

RuleResult RuleInterpreter::apply(TermId term, std::vector<RuleValue> arguments) {
  fuel_ = limits_.fuel;
  depth_ = 0;
  error_.clear();
  unmatched_ = TermId();
  RuleResult result;
  result.values = apply_rules(term, arguments);
  if (has_failed()) {
    result.status = RuleResult::Status::Failed;
    result.values.clear();
    result.error = error_;
    result.unmatched = unmatched_;
  } else if (!result.values.empty() || program_.terms[term].flags.is_multi) {
    result.status = RuleResult::Status::Value;
  }
  return result;
}

bool RuleInterpreter::spend() {
  if (has_failed()) return false;
  if (fuel_ == 0) {
    fail("out of fuel");
    return false;
  }
  if (nesting_ > limits_.nesting) {
    fail("rules are applied too deeply");
    return false;
  }
  fuel_--;
  return true;
}

std::vector<RuleValue> RuleInterpreter::apply_rules(TermId id, const std::vector<RuleValue>& arguments) {
  const Term& term = program_.terms[id];
  if (depth_ >= limits_.depth) {
    fail("rules are applied too deeply in '" + term.name + "'");
    return {};
  }
  std::vector<RuleId>& rules = sorted_rules_[id];
  if (rules.empty()) {
    rules = term.rules;
    std::sort(rules.begin(), rules.end(), [&](RuleId a, RuleId b) {
      int64_t pa = program_.rules[a].priority, pb = program_.rules[b].priority;
      return pa != pb ? pa > pb : a < b;
    });
  }
  depth_++;
  std::vector<RuleValue> results;
  for (RuleId rule_id : rules) {
    const Rule& rule = program_.rules[rule_id];
    if (!externs_.rule_enabled(rule)) continue;
    std::vector<State> states = match_rule(rule, arguments);
    if (has_failed()) break;
    for (const State& state : states) {
      externs_.rule_fired(rule);
      for (Evaluated& evaluated : evaluate(rule.result, state)) {
        if (results.size() < kMaxResults) results.push_back(std::move(evaluated.value));
      }
      externs_.rule_done(rule);
    }
    if (!states.empty() && !term.flags.is_multi) {
      depth_--;
      return results;
    }
  }
  depth_--;
  if (!term.flags.is_multi && !term.flags.is_partial && !has_failed()) {
    unmatched_ = id;
    fail("no rule matched for '" + term.name + "'");
  }
  return results;
}

std::vector<RuleInterpreter::State> RuleInterpreter::match_rule(const Rule& rule,
                                                                const std::vector<RuleValue>& arguments) {
  std::vector<State> states = match_all(rule.arguments, arguments, State(rule.variables.size()));
  for (const IfLet& if_let : rule.if_lets) {
    std::vector<State> next;
    for (const State& state : states) {
      for (const Evaluated& evaluated : evaluate(if_let.value, state)) {
        for (State& matched : match(if_let.pattern, evaluated.value, evaluated.state))
          next.push_back(std::move(matched));
      }
    }
    states = std::move(next);
  }
  return states;
}

std::vector<RuleInterpreter::State> RuleInterpreter::match_all(const std::vector<Pattern>& patterns,
                                                               std::span<const RuleValue> values, const State& state) {
  std::vector<State> states = {state};
  for (size_t i = 0; i < patterns.size() && !states.empty(); i++) {
    std::vector<State> next;
    for (const State& before : states) {
      for (State& after : match(patterns[i], values[i], before)) next.push_back(std::move(after));
    }
    states = std::move(next);
  }
  return states;
}

std::vector<RuleInterpreter::State> RuleInterpreter::match(const Pattern& pattern, const RuleValue& value,
                                                           const State& state) {
  Nested nested(*this);
  if (!spend()) return {};
  const Type& type = program_.types[pattern.type];
  auto if_true = [&](bool condition) { return condition ? std::vector<State>{state} : std::vector<State>(); };
  switch (pattern.kind) {
    case Pattern::Kind::Wildcard:
      return {state};
    case Pattern::Kind::Bind: {
      std::vector<State> states = match(pattern.children[0], value, state);
      for (State& matched : states) matched[pattern.variable.index] = value;
      return states;
    }
    case Pattern::Kind::Variable:
      return if_true(externs_.equal(type, value, state[pattern.variable.index]));
    case Pattern::Kind::Bool:
      return if_true((value.integer != 0) == (pattern.value != 0));
    case Pattern::Kind::Int:
      if (type.is_integer()) return if_true(value.integer == canonical_int(type, pattern.value));
      return if_true(externs_.equals_int(type, value, pattern.value));
    case Pattern::Kind::Constant:
      return if_true(externs_.equal(type, value, externs_.constant(program_.constants[pattern.constant])));
    case Pattern::Kind::And: {
      std::vector<RuleValue> values(pattern.children.size(), value);
      return match_all(pattern.children, values, state);
    }
    case Pattern::Kind::Term:
      return match_term(pattern, value, state);
  }
  return {};
}

std::vector<RuleInterpreter::State> RuleInterpreter::match_term(const Pattern& pattern, const RuleValue& value,
                                                                const State& state) {
  const Term& term = program_.terms[pattern.term];
  if (term.is_variant()) {
    RuleValue view = value.kind == RuleValue::Kind::Variant ? value : externs_.view(program_.types[term.result], value);
    if (view.variant != term.variant) return {};
    return match_all(pattern.children, view.field_values(), state);
  }
  std::vector<State> states;
  for (const RuleValues& outputs : externs_.extract(term, value)) {
    for (State& matched : match_all(pattern.children, outputs, state)) states.push_back(std::move(matched));
  }
  return states;
}

std::vector<RuleInterpreter::Evaluated> RuleInterpreter::evaluate(const Expr& expr, const State& state) {
  Nested nested(*this);
  if (!spend()) return {};
  const Type& type = program_.types[expr.type];
  switch (expr.kind) {
    case Expr::Kind::Variable:
      return {{state[expr.variable.index], state}};
    case Expr::Kind::Bool:
      return {{RuleValue::of_int(expr.value), state}};
    case Expr::Kind::Int:
      return {
          {type.is_integer() ? RuleValue::of_int(canonical_int(type, expr.value)) : externs_.literal(type, expr.value),
           state}};
    case Expr::Kind::Constant:
      return {{externs_.constant(program_.constants[expr.constant]), state}};
    case Expr::Kind::Let: {
      std::vector<State> states = {state};
      for (const Let& let : expr.lets) {
        std::vector<State> next;
        for (const State& before : states) {
          for (Evaluated& evaluated : evaluate(let.value, before)) {
            evaluated.state[let.variable.index] = evaluated.value;
            next.push_back(std::move(evaluated.state));
          }
        }
        states = std::move(next);
      }
      std::vector<Evaluated> results;
      for (const State& bound : states) {
        for (Evaluated& evaluated : evaluate(expr.children[0], bound)) results.push_back(std::move(evaluated));
      }
      return results;
    }
    case Expr::Kind::Term:
      return evaluate_term(expr, state);
  }
  return {};
}

std::vector<RuleInterpreter::Evaluated> RuleInterpreter::evaluate_term(const Expr& expr, const State& state) {
  struct Partial {
    std::vector<RuleValue> arguments;
    State state;
  };
  std::vector<Partial> partials = {{{}, state}};
  for (const Expr& child : expr.children) {
    std::vector<Partial> next;
    for (const Partial& partial : partials) {
      for (Evaluated& evaluated : evaluate(child, partial.state)) {
        Partial extended{partial.arguments, std::move(evaluated.state)};
        extended.arguments.push_back(std::move(evaluated.value));
        next.push_back(std::move(extended));
      }
    }
    partials = std::move(next);
  }
  const Term& term = program_.terms[expr.term];
  std::vector<Evaluated> results;
  for (Partial& partial : partials) {
    if (has_failed()) return {};
    if (term.is_variant()) {
      results.push_back({RuleValue::of_variant(term.variant, std::move(partial.arguments)), std::move(partial.state)});
      continue;
    }
    for (RuleValue& value : call(term, expr.term, partial.arguments)) {
      results.push_back({std::move(value), partial.state});
    }
  }
  return results;
}

std::vector<RuleValue> RuleInterpreter::call(const Term& term, TermId id, const std::vector<RuleValue>& arguments) {
  if (term.has_rules()) return apply_rules(id, arguments);
  return externs_.construct(term, arguments);
}

}  // namespace assay::isle
