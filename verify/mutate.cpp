// See mutate.h. Patterns and expressions are walked in their typed form, with extractor macros as written; a node that
// the checker put in (an implicit conversion) has its operand's place, and is told by its name not standing there.
#include "verify/mutate.h"

#include <algorithm>
#include <map>
#include <set>

#include "verify/rule_users.h"
#include "verify/source_text.h"
#include "verify/spec.h"
#include "verify/symbol.h"
#include "verify/symmetry.h"

namespace assay::verify {

namespace {

using isle::Expr;
using isle::Pattern;
using isle::TermId;
using isle::VariableId;
using isle::ast::SpecExpr;

constexpr size_t kNeighbours = 3;  // replacements at one place

// ---- the edits ------------------------------------------------------------------------------------------------------

// Operators of specs that are easily taken for each other.
const std::vector<std::vector<std::string>>& operator_groups() {
  static const std::vector<std::vector<std::string>> groups = {
      {"zero_ext", "sign_ext"},
      {"bvadd", "bvsub"},
      {"bvand", "bvor", "bvxor"},
      {"bvshl", "bvlshr", "bvashr"},
      {"rotl", "rotr"},
      {"bvult", "bvule", "bvslt", "bvsle"},
      {"bvugt", "bvuge", "bvsgt", "bvsge"},
      {"bvudiv", "bvsdiv"},
      {"bvurem", "bvsrem"},
      {"clz", "cls", "popcnt", "rev"},
      {"bvneg", "bvnot"},
      {"and", "or"},
      {"<=", "<"},
      {">=", ">"},
      {"+", "-"},
  };
  return groups;
}

std::string decimal(isle::Int128 value) {
  const bool negative = value < 0;
  isle::Uint128 rest = negative ? -static_cast<isle::Uint128>(value) : static_cast<isle::Uint128>(value);
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  return (negative ? "-" : "") + digits;
}

class Deriver {
 public:
  // `written`: with macros as they stand; `expanded`: without. The same rules and terms.
  Deriver(const isle::Program& written, const isle::Program& expanded, const notation::Definitions& instructions,
          std::vector<Mutant>& out)
      : program_(written), users_(expanded), symmetry_(written, instructions), out_(out) {
    for (const isle::SourceFile& file : written.files) texts_.emplace_back(file.text);
    if (const TermId lower = written.find_term("lower"); lower) prelude_ = written.terms[lower].position.file;
    for (const isle::ast::Converter& converter : written.definitions.converters) {
      converters_[{written.find_type(converter.inner.text).index, written.find_type(converter.outer.text).index}] =
          converter.term.text;
    }
    for (const isle::Rule& rule : written.rules) {
      if (!users_.reached(rule.term)) continue;
      for (const Pattern& argument : rule.arguments) collect_terms(argument, matched_);
      for (const isle::IfLet& if_let : rule.if_lets) collect_terms(if_let.pattern, matched_);
    }
  }

  void derive_rule(const isle::Rule& rule) {
    if (!users_.reached(rule.term)) return;
    rule_ = &rule;
    scope_.clear();
    same_as_.clear();
    used_.assign(rule.variables.size(), false);
    for (const Pattern& argument : rule.arguments) mark_used(argument);
    for (const isle::IfLet& if_let : rule.if_lets) {
      mark_used(if_let.pattern);
      mark_used(if_let.value);
    }
    mark_used(rule.result);
    subject_ = {.subject = rule.name, .judges = users_.judges_of_rule(rule), .is_helper = !users_.is_root(rule.term)};
    const SourceText& text = texts_[rule.position.file];
    const Span whole = span(rule.position);
    // (rule NAME PRIORITY PATTERN …: the pattern is the first list.
    size_t at = text.skip_blanks(whole.begin + 1);
    while (at < whole.end && text.text()[at] != '(') at = text.skip_blanks(std::max(text.end_of(at), at + 1));
    const Span root{whole.file, at, text.end_of(at)};
    for (const Pattern& argument : rule.arguments) pattern(argument, root);
    for (const isle::IfLet& if_let : rule.if_lets) guard(if_let);
    expression(rule.result, span(rule.result.position));
  }

  void derive_spec(TermId id) {
    const isle::Term& term = program_.terms[id];
    if (term.specs.empty() || term.specs[0]->arguments.size() != term.arguments.size()) return;
    subject_ = {.subject = term.name, .judges = users_.judges_of_spec(id), .is_external = !term.has_rules()};
    if (subject_.judges.empty()) return;
    const isle::ast::Spec& spec = *term.specs[0];
    std::vector<std::string> names;
    for (const isle::ast::Ident& argument : spec.arguments) names.push_back(argument.text);
    for (const SpecExpr& e : spec.provides) spec_expression(e, span(e.position), names);
    for (const SpecExpr& e : spec.requirements) {
      const Span at = span(e.position);
      add(MutationKind::SpecRequire, at, "true", at);
      spec_expression(e, at, names);
    }
  }

 private:
  // ---- places ----

  Span span(isle::Position position) const {
    const SourceText& text = texts_[position.file];
    const size_t begin = text.offset(position);
    return {position.file, begin, text.end_of(begin)};
  }
  // Of a pattern, `x @ p` included.
  Span span(const Pattern& pattern) const {
    Span out = span(pattern.position);
    if (pattern.kind == Pattern::Kind::Bind && !(pattern.children[0].position == pattern.position)) {
      out.end = span(pattern.children[0]).end;
    }
    return out;
  }
  std::string text_of(const Span& span) const {
    return std::string(texts_[span.file].text().substr(span.begin, span.end - span.begin));
  }
  // The word behind an opening parenthesis, or the word itself.
  Span head(const Span& list) const {
    const SourceText& text = texts_[list.file];
    if (list.begin >= text.text().size() || text.text()[list.begin] != '(') return list;
    const size_t begin = text.skip_blanks(list.begin + 1);
    return {list.file, begin, text.end_of(begin)};
  }
  bool is_written(TermId term, const Span& at) const { return text_of(head(at)) == program_.terms[term].name; }

  // ---- variables ----

  void mark_used(const Pattern& p) {
    if (p.kind == Pattern::Kind::Variable) used_[p.variable.index] = true;
    for (const Pattern& child : p.children) mark_used(child);
  }
  void mark_used(const Expr& e) {
    if (e.kind == Expr::Kind::Variable) used_[e.variable.index] = true;
    for (const isle::Let& let : e.lets) mark_used(let.value);
    for (const Expr& child : e.children) mark_used(child);
  }
  bool binds_what_is_used(const Pattern& p) const {
    if (p.kind == Pattern::Kind::Bind && used_[p.variable.index]) return true;
    return std::any_of(p.children.begin(), p.children.end(), [&](const Pattern& c) { return binds_what_is_used(c); });
  }
  static bool can_fail(const Pattern& p) {
    if (p.kind != Pattern::Kind::Wildcard && p.kind != Pattern::Kind::Bind) return true;
    return std::any_of(p.children.begin(), p.children.end(), can_fail);
  }

  // (fits_in_64 ty), which `ty` may stand for.
  static bool is_guard(const Pattern& p) {
    return p.kind == Pattern::Kind::Term && p.children.size() == 1 && p.children[0].type == p.type;
  }

  // ---- emission ----

  // `context`: the list to show, around the edit.
  void add(MutationKind kind, const Span& at, const std::string& replacement, Span context, bool equivalent = false) {
    context.begin = std::min(context.begin, at.begin);
    context.end = std::max(context.end, at.end);
    const std::string before = text_of(context);
    std::string after = before;
    after.replace(at.begin - context.begin, at.end - at.begin, replacement);
    const std::string shown_before = normalized(before), shown_after = normalized(after);
    if (shown_before == shown_after) return;
    if (!seen_.insert({at.file, at.begin, at.end, replacement}).second) return;
    Mutant mutant = subject_;
    mutant.kind = kind;
    mutant.change = shown_before + " => " + (shown_after.empty() ? "nothing" : shown_after);
    mutant.file = at.file;
    const std::string_view text = texts_[at.file].text();
    const std::string_view above = text.substr(0, at.begin);
    mutant.line = static_cast<uint32_t>(std::count(above.begin(), above.end(), '\n') + 1);
    const size_t column = at.begin - (above.rfind('\n') + 1) + 1;  // npos + 1 is 0
    mutant.id = program_.files[at.file].name + ":" + std::to_string(mutant.line) + ":" + std::to_string(column) + " " +
                to_string(kind) + " " + (replacement.empty() ? "nothing" : normalized(replacement));
    mutant.begin = at.begin;
    mutant.end = at.end;
    mutant.replacement = replacement;
    mutant.is_equivalent = equivalent;
    out_.push_back(std::move(mutant));
  }

  // The names nearest to `name`.
  static std::vector<std::string> nearest(const std::string& name, std::vector<std::string> candidates) {
    std::sort(candidates.begin(), candidates.end(), [&](const std::string& a, const std::string& b) {
      return std::pair(edit_distance(name, a), a) < std::pair(edit_distance(name, b), b);
    });
    if (candidates.size() > kNeighbours) candidates.resize(kNeighbours);
    return candidates;
  }

  // Does the guard that is being walked, by its spec, admit fewer inputs with `value` for this operand of it, and
  // otherwise give the same?
  bool is_narrower(const Expr& operand, isle::Int128 value) {
    if (guard_value_ == nullptr) return false;
    for (uint32_t i = 0; i < guard_value_->children.size(); ++i) {
      if (&guard_value_->children[i] != &operand) continue;
      const auto before = static_cast<uint64_t>(operand.value), after = static_cast<uint64_t>(value);
      const auto [it, is_new] = narrower_.try_emplace({guard_value_->term.index, i, before, after}, false);
      if (is_new) it->second = admits_fewer(program_.terms[guard_value_->term], i, before, after);
      return it->second;
    }
    return false;
  }
  bool admits_fewer(const isle::Term& term, size_t operand, uint64_t before, uint64_t after) {
    if (term.specs.empty() || term.specs[0]->arguments.size() != term.arguments.size()) return false;
    const isle::ast::Spec& spec = *term.specs[0];
    SpecEnvironment old_values, new_values;
    for (size_t i = 0; i < term.arguments.size(); ++i) {
      const isle::Type& type = program_.types[term.arguments[i]];
      const std::string& name = spec.arguments[i].text;
      if (type.kind != isle::Type::Kind::Int || type.bits > 64) return false;
      const auto is_changed = [&](const SpecExpr& e) { return i == operand && mentions(e, name); };
      if (std::any_of(spec.provides.begin(), spec.provides.end(), is_changed)) return false;
      const SpecValue any = SpecValue::of(terms_.fresh(name, type.bits));
      old_values.insert_or_assign(name, i == operand ? SpecValue::of(terms_.bv(type.bits, before)) : any);
      new_values.insert_or_assign(name, i == operand ? SpecValue::of(terms_.bv(type.bits, after)) : any);
    }
    try {
      z3::solver solver(context_);
      z3::expr admitted = terms_.boolean(true);
      for (const SpecExpr& e : spec.requirements) {
        admitted = admitted && evaluate_condition(terms_, e, old_values);
        solver.add(evaluate_condition(terms_, e, new_values));
      }
      solver.add(!admitted);
      return solver.check() == z3::unsat;
    } catch (const SpecError&) {
      return false;
    }
  }
  static bool mentions(const SpecExpr& e, const std::string& name) {
    if (e.kind == SpecExpr::Kind::Variable) return e.name.text == name;
    if (e.kind != SpecExpr::Kind::Op) return e.kind != SpecExpr::Kind::Int && e.kind != SpecExpr::Kind::BitVector;
    return std::any_of(e.children.begin(), e.children.end(), [&](const SpecExpr& c) { return mentions(c, name); });
  }

  // `operand`: the expression, if it is one.
  void integers(isle::Int128 value, isle::TypeId type, const Span& at, const Span& context,
                const Expr* operand = nullptr) {
    const isle::Type& t = program_.types[type];
    std::vector<isle::Int128> seen = {isle::canonical_int(t, value)};
    for (const isle::Int128 other : {value + 1, value - 1, -value, value / 2}) {
      const isle::Int128 canonical = isle::canonical_int(t, other);
      if (std::find(seen.begin(), seen.end(), canonical) != seen.end()) continue;
      seen.push_back(canonical);
      if (operand != nullptr && is_narrower(*operand, canonical)) continue;  // rarer, not wrong
      add(MutationKind::Integer, at, decimal(other), context);
    }
  }

  void constants(isle::ConstantId constant, const Span& at, const Span& context) {
    const isle::Constant& original = program_.constants[constant];
    std::vector<std::string> names;
    for (const isle::Constant& other : program_.constants) {
      // Of types, integers for integers and floats for floats: the names' first letters say which.
      if (other.type == original.type && other.name != original.name && other.name[0] == original.name[0])
        names.push_back("$" + other.name);
    }
    for (const std::string& name : nearest("$" + original.name, names)) add(MutationKind::Type, at, name, context);
  }

  void enumerators(const isle::Term& term, const Span& name, const Span& context) {
    const isle::Type& type = program_.types[term.result];
    std::vector<std::string> names;
    for (const isle::Variant& other : type.variants) {
      const isle::Term& candidate = program_.terms[other.term];
      if (candidate.name != term.name && candidate.arguments == term.arguments) names.push_back(candidate.name);
    }
    for (const std::string& other : nearest(term.name, names)) add(MutationKind::Enumerator, name, other, context);
  }

  // The types that a guard lets through, by its spec.
  std::set<int64_t> admitted(const isle::Term& term) {
    std::set<int64_t> out;
    for (const int64_t width : {8u, 16u, 32u, 64u, 128u, kFloatType + 16, kFloatType + 32, kFloatType + 64}) {
      SpecEnvironment env;
      bool admits = true;
      try {
        env.insert_or_assign("result", SpecValue::of(width));
        for (const isle::ast::Ident& name : term.specs.at(0)->arguments) {
          env.insert_or_assign(name.text, SpecValue::of(width));
        }
        for (const SpecExpr& e : term.specs[0]->requirements)
          admits &= evaluate_condition(terms_, e, env).simplify().is_true();
      } catch (const SpecError&) {
        admits = true;
      }
      if (admits) out.insert(width);
    }
    return out;
  }
  bool guards_types(const isle::Term& term) const {
    const auto is_type = [&](isle::TypeId id) { return program_.types[id].name == "Type"; };
    return term.arguments.size() == 1 && is_type(term.arguments[0]) && is_type(term.result) && term.has_extractor() &&
           !term.specs.empty();
  }

  void neighbours(TermId id, bool in_pattern, const Span& name, const Span& context) {
    const isle::Term& term = program_.terms[id];
    const bool types = in_pattern && guards_types(term);
    const std::set<int64_t> admits = types ? admitted(term) : std::set<int64_t>();
    std::vector<std::string> names;
    for (uint32_t i = 0; i < program_.terms.size(); ++i) {
      const isle::Term& other = program_.terms[TermId(i)];
      if (!other.is_declared() || other.name == term.name || other.result != term.result) continue;
      if (other.arguments != term.arguments || (in_pattern && !types && !matched_.contains(i))) continue;
      const uint32_t file = other.position.file;
      if (file != term.position.file && file != name.file && file != prelude_) continue;
      if (in_pattern ? !other.has_extractor() : !other.has_constructor()) continue;
      const bool less_pure = term.flags.is_pure && !other.flags.is_pure;
      const bool more_partial = !term.flags.is_partial && other.flags.is_partial;
      if (!in_pattern && (less_pure || more_partial)) continue;
      if (types && guards_types(other)) {
        // One that lets fewer types through makes the rule rarer, not wrong.
        const std::set<int64_t> others = admitted(other);
        if (std::includes(admits.begin(), admits.end(), others.begin(), others.end())) continue;
      }
      names.push_back(other.name);
    }
    for (const std::string& other : nearest(term.name, names)) {
      add(types ? MutationKind::Type : MutationKind::Term, name, other, context);
    }
  }

  // ---- the left side ----

  void pattern(const Pattern& p, const Span& context) {
    const Span at = span(p);
    switch (p.kind) {
      case Pattern::Kind::Wildcard:
      case Pattern::Kind::Variable:
        return;
      case Pattern::Kind::Bind: {
        const Pattern& inner = p.children[0];
        if (!(inner.position == p.position)) {
          // x @ p: without p
          if (can_fail(inner) && !binds_what_is_used(inner))
            add(MutationKind::Guard, at, text_of(span(p.position)), context);
          pattern(inner, context);
        }
        scope_.push_back(p.variable);
        return;
      }
      case Pattern::Kind::Bool:
        add(MutationKind::Enumerator, at, p.value != 0 ? "false" : "true", context);
        return;
      case Pattern::Kind::Int:
        integers(p.value, p.type, at, context);
        return;
      case Pattern::Kind::Constant:
        constants(p.constant, at, context);
        return;
      case Pattern::Kind::And:
        for (const Pattern& child : p.children) pattern(child, at);
        return;
      case Pattern::Kind::Term:
        break;
    }
    if (!is_written(p.term, at)) {
      for (const Pattern& child : p.children) pattern(child, context);
      return;
    }
    const isle::Term& term = program_.terms[p.term];
    // The edit of a name is shown in its list; of the list itself in the list around it.
    if (term.is_variant()) {
      enumerators(term, head(at), at);
    } else {
      neighbours(p.term, true, head(at), at);
    }
    for (const Pattern& child : p.children) {
      if (child.type != p.type) continue;
      // What binds a variable stays; a guard among the others goes by itself.
      const bool others_stay = std::any_of(p.children.begin(), p.children.end(), [&](const Pattern& other) {
        return &other != &child && (binds_what_is_used(other) || is_guard(other));
      });
      if (!others_stay) add(MutationKind::Guard, at, text_of(span(child)), context);
    }
    for (const Pattern& child : p.children) pattern(child, at);
  }

  void guard(const isle::IfLet& if_let) {
    const Span at = span(if_let.position);
    const Expr& value = if_let.value;
    const bool partial = value.kind == Expr::Kind::Term && program_.terms[value.term].flags.is_partial;
    if ((partial || can_fail(if_let.pattern)) && !binds_what_is_used(if_let.pattern))
      add(MutationKind::Guard, at, "", at);
    if (partial) {
      for (const Expr& child : value.children) {
        if (child.type == value.type) add(MutationKind::Guard, span(value.position), text_of(span(child.position)), at);
      }
    }
    guard_value_ = partial ? &value : nullptr;
    expression(value, at);
    guard_value_ = nullptr;
    pattern(if_let.pattern, at);
    note_origin(if_let);
  }

  // ---- the right side ----

  // The type of an expression before it is converted.
  isle::TypeId written_type(const Expr& e) const {
    const Expr* node = &e;
    while (node->kind == Expr::Kind::Term && node->children.size() == 1 &&
           node->children[0].position == node->position) {
      node = &node->children[0];
    }
    return node->type;
  }

  void unwrap(const Expr& e, const Span& at, const Span& context) {
    const Expr* candidate = nullptr;
    for (const Expr& child : e.children) {
      const isle::TypeId type = written_type(child);
      const auto converter = converters_.find({type.index, e.type.index});
      if (type != e.type && converter == converters_.end()) continue;
      if (converter != converters_.end() && converter->second == program_.terms[e.term].name) return;  // put in again
      if (candidate != nullptr) return;
      candidate = &child;
    }
    if (candidate != nullptr && candidate->kind != Expr::Kind::Int) {
      add(MutationKind::Unwrap, at, text_of(span(candidate->position)), context);
    }
  }

  void swaps(const Expr& e, const Span& at) {
    const std::vector<isle::TypeId>& types = program_.terms[e.term].arguments;
    for (size_t i = 0; i < e.children.size(); ++i) {
      for (size_t j = i + 1; j < e.children.size(); ++j) {
        if (types[i] != types[j]) continue;
        const Span a = span(e.children[i].position), b = span(e.children[j].position);
        if (normalized(text_of(a)) == normalized(text_of(b))) continue;
        const std::string between = text_of({a.file, a.end, b.begin});
        add(MutationKind::Swap, {a.file, a.begin, b.end}, text_of(b) + between + text_of(a), at,
            symmetry_.symmetric(e.term, i, j));
      }
    }
  }

  void variables(VariableId variable, const Span& at, const Span& context) {
    const isle::Variable& original = rule_->variables[variable.index];
    std::vector<std::string> names, same;
    for (const VariableId other : scope_) {
      const isle::Variable& candidate = rule_->variables[other.index];
      if (candidate.type != original.type || candidate.name == original.name || candidate.name == "_") continue;
      (origin(other) == origin(variable) ? same : names).push_back(candidate.name);
    }
    for (const std::string& name : nearest(original.name, names)) add(MutationKind::Variable, at, name, context);
    for (const std::string& name : same) add(MutationKind::Variable, at, name, context, true);
  }

  // The variable that this one was only checked from: in (if-let k (signed_fits 12 n)) k is n.
  uint32_t origin(VariableId variable) const {
    uint32_t index = variable.index;
    for (auto it = same_as_.find(index); it != same_as_.end(); it = same_as_.find(index)) index = it->second;
    return index;
  }
  void note_origin(const isle::IfLet& if_let) {
    const Expr& value = if_let.value;
    if (if_let.pattern.kind != Pattern::Kind::Bind || value.kind != Expr::Kind::Term) return;
    const isle::Term& term = program_.terms[value.term];
    if (term.specs.empty() || term.specs[0]->arguments.size() != value.children.size()) return;
    for (const SpecExpr& e : term.specs[0]->provides) {
      if (e.kind != SpecExpr::Kind::Op || e.name.text != "=" || e.children.size() != 2) continue;
      if (e.children[0].name.text != "result" || e.children[1].kind != SpecExpr::Kind::Variable) continue;
      for (size_t i = 0; i < value.children.size(); ++i) {
        if (term.specs[0]->arguments[i].text != e.children[1].name.text) continue;
        if (value.children[i].kind != Expr::Kind::Variable || value.children[i].type != value.type) continue;
        same_as_[if_let.pattern.variable.index] = value.children[i].variable.index;
      }
    }
  }

  void expression(const Expr& e, const Span& context) {
    const Span at = span(e.position);
    switch (e.kind) {
      case Expr::Kind::Variable:
        variables(e.variable, at, context);
        return;
      case Expr::Kind::Bool:
        add(MutationKind::Enumerator, at, e.value != 0 ? "false" : "true", context);
        return;
      case Expr::Kind::Int:
        integers(e.value, e.type, at, context, &e);
        return;
      case Expr::Kind::Constant:
        constants(e.constant, at, context);
        return;
      case Expr::Kind::Let: {
        const size_t before = scope_.size();
        for (const isle::Let& let : e.lets) {
          expression(let.value, span(let.value.position));
          scope_.push_back(let.variable);
        }
        expression(e.children[0], span(e.children[0].position));
        scope_.resize(before);
        return;
      }
      case Expr::Kind::Term:
        break;
    }
    if (!is_written(e.term, at)) {
      for (const Expr& child : e.children) expression(child, context);
      return;
    }
    const isle::Term& term = program_.terms[e.term];
    if (term.is_variant()) {
      enumerators(term, head(at), text_of(context) == text_of(at) ? at : context);
    } else {
      neighbours(e.term, false, head(at), at);
      unwrap(e, at, context);
    }
    swaps(e, at);
    for (const Expr& child : e.children) expression(child, at);
  }

  // ---- specs ----

  void spec_expression(const SpecExpr& e, const Span& context, const std::vector<std::string>& names) {
    const Span at = span(e.position);
    switch (e.kind) {
      case SpecExpr::Kind::Int:
        for (const int step : {1, -1}) {
          add(MutationKind::SpecInteger, at, decimal(static_cast<isle::Int128>(e.value) + step), context);
        }
        return;
      case SpecExpr::Kind::BitVector: {
        if (e.width > 64 || text_of(at).substr(0, 2) != "#x") return;
        for (const uint64_t step : {uint64_t(1), ~uint64_t(0)}) {
          const uint64_t mask = e.width == 64 ? ~uint64_t(0) : (uint64_t(1) << e.width) - 1;
          uint64_t value = (static_cast<uint64_t>(e.value) + step) & mask;
          std::string digits(e.width / 4, '0');
          for (size_t i = digits.size(); i-- > 0; value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
          add(MutationKind::SpecInteger, at, "#x" + digits, context);
        }
        return;
      }
      case SpecExpr::Kind::Variable:
        if (std::find(names.begin(), names.end(), e.name.text) == names.end()) return;
        for (const std::string& name : names) {
          if (name != e.name.text) add(MutationKind::SpecVariable, at, name, context);
        }
        return;
      case SpecExpr::Kind::Let:
        for (const auto& binding : e.bindings) spec_expression(binding.value, span(binding.value.position), names);
        for (const SpecExpr& child : e.children) spec_expression(child, at, names);
        return;
      case SpecExpr::Kind::Match:
        for (const SpecExpr& child : e.children) spec_expression(child, at, names);
        for (const isle::ast::SpecArm& arm : e.arms) spec_expression(arm.body, span(arm.body.position), names);
        return;
      case SpecExpr::Kind::Call:
        for (const SpecExpr& child : e.children) spec_expression(child, at, names);
        return;
      case SpecExpr::Kind::Op:
        break;
      default:
        return;
    }
    for (const auto& group : operator_groups()) {
      const auto it = std::find(group.begin(), group.end(), e.name.text);
      if (it == group.end()) continue;
      for (const std::string& other : group) {
        if (other != e.name.text) add(MutationKind::SpecOperator, head(at), other, at);
      }
    }
    static const std::set<std::string> kAnyOrder = {"=",     "and",  "or",    "bvadd", "bvmul",
                                                    "bvand", "bvor", "bvxor", "+",     "*"};
    static const std::set<std::string> kFixed = {"zero_ext", "sign_ext", "int2bv", "extract", "if"};
    if (e.children.size() >= 2 && !kAnyOrder.contains(e.name.text) && !kFixed.contains(e.name.text)) {
      const Span a = span(e.children[0].position), b = span(e.children[1].position);
      const std::string between = text_of({a.file, a.end, b.begin});
      add(MutationKind::SpecSwap, {a.file, a.begin, b.end}, text_of(b) + between + text_of(a), at);
    }
    if (e.name.text == "if" && e.children.size() == 3) {
      const Span a = span(e.children[1].position), b = span(e.children[2].position);
      const std::string between = text_of({a.file, a.end, b.begin});
      add(MutationKind::SpecSwap, {a.file, a.begin, b.end}, text_of(b) + between + text_of(a), at);
    }
    size_t first = 0;
    if (e.name.text == "extract" && e.children.size() == 3 && e.children[0].kind == SpecExpr::Kind::Int &&
        e.children[1].kind == SpecExpr::Kind::Int) {
      // Both bounds, for the width to stay.
      const Span a = span(e.children[0].position), b = span(e.children[1].position);
      for (const int step : {1, -1}) {
        const auto moved = [&](size_t i) { return decimal(static_cast<isle::Int128>(e.children[i].value) + step); };
        if (step > 0 || e.children[1].value != 0) {
          add(MutationKind::SpecInteger, {a.file, a.begin, b.end}, moved(0) + " " + moved(1), at);
        }
      }
      first = 2;
    } else if (e.name.text == "zero_ext" || e.name.text == "sign_ext" || e.name.text == "int2bv") {
      first = 1;  // another width is a mistake of types
    }
    for (size_t i = first; i < e.children.size(); ++i) spec_expression(e.children[i], at, names);
  }

  const isle::Program& program_;
  const RuleUsers users_;
  const Symmetry symmetry_;
  std::vector<Mutant>& out_;
  std::vector<SourceText> texts_;                                    // by file
  std::map<std::pair<uint32_t, uint32_t>, std::string> converters_;  // from inner and outer type to the term
  std::set<uint32_t> matched_;                                       // the extractors that rules use
  std::set<std::tuple<uint32_t, size_t, size_t, std::string>> seen_;
  uint32_t prelude_ = 0;  // the file that all ISAs share
  z3::context context_;
  Terms terms_{context_};
  const isle::Rule* rule_ = nullptr;
  const Expr* guard_value_ = nullptr;  // of the if-let that is being walked, if it is partial
  Mutant subject_;                     // what all mutants of the current rule or spec share
  std::vector<VariableId> scope_;      // bound so far
  std::vector<bool> used_;             // by variable
  std::map<std::tuple<uint32_t, uint32_t, uint64_t, uint64_t>, bool> narrower_;  // term, operand, before, after
  std::map<uint32_t, uint32_t> same_as_;                                         // from variable to variable
};

}  // namespace

const char* to_string(MutationKind kind) {
  switch (kind) {
    case MutationKind::Swap:
      return "swap";
    case MutationKind::Guard:
      return "guard";
    case MutationKind::Unwrap:
      return "unwrap";
    case MutationKind::Enumerator:
      return "enumerator";
    case MutationKind::Integer:
      return "integer";
    case MutationKind::Term:
      return "term";
    case MutationKind::Type:
      return "type";
    case MutationKind::Variable:
      return "variable";
    case MutationKind::SpecSwap:
      return "spec-swap";
    case MutationKind::SpecOperator:
      return "spec-operator";
    case MutationKind::SpecInteger:
      return "spec-integer";
    case MutationKind::SpecVariable:
      return "spec-variable";
    case MutationKind::SpecRequire:
      return "spec-require";
    case MutationKind::Bits:
      return "bits";
    case MutationKind::Range:
      return "range";
    case MutationKind::Role:
      return "role";
    case MutationKind::Condition:
      return "condition";
    case MutationKind::Text:
      return "text";
    case MutationKind::Meaning:
      return "meaning";
    case MutationKind::Trap:
      return "trap";
    case MutationKind::Place:
      return "place";
  }
  return "?";
}

Expected<std::vector<Mutant>> derive_mutants(const RuleSources& sources, const MutationOptions& options) {
  const auto check = [&](bool expand) {
    std::vector<isle::SourceFile> files;
    for (const RuleSource& source : sources.rules) files.push_back({source.name, std::string(source.text)});
    return isle::check_program(std::move(files), {.expand_macros = expand, .check_overlap = false});
  };
  const isle::CheckResult written = check(false), expanded = check(true);
  for (const auto* result : {&written, &expanded}) {
    if (!result->ok()) return std::unexpected(result->errors.front());
  }
  std::vector<notation::SourceFile> files;
  for (const RuleSource& source : sources.instructions) files.push_back({source.name, source.text});
  const notation::ParsedDefinitions parsed = notation::parse_definitions(files);
  // The mid-end's rules have no instructions.
  if (!files.empty() && !parsed.errors.empty()) return std::unexpected(parsed.errors.front());

  std::vector<Mutant> out;
  Deriver deriver(*written.program, *expanded.program, parsed.definitions, out);
  if (options.rules) {
    for (const isle::Rule& rule : written.program->rules) deriver.derive_rule(rule);
  }
  if (options.specs) {
    for (uint32_t i = 0; i < written.program->terms.size(); ++i) deriver.derive_spec(TermId(i));
  }
  return out;
}

std::string mutated_text(const Mutant& mutant, std::string_view text) {
  std::string out(text);
  out.replace(mutant.begin, mutant.end - mutant.begin, mutant.replacement);
  return out;
}

}  // namespace assay::verify
