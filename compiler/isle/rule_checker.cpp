// Rules: from syntax to typed trees. Resolves names, infers and checks types, inserts implicit conversions, expands
// extractor macros, checks purity, multiplicity and partiality.
//
// Hostile input: depth of the result is bounded by kMaxNesting, the number of nodes by kMaxRuleNodes a rule and
// kMaxProgramNodes a program, so macros that expand exponentially are an error, not a hang.
#include <deque>

#include "compiler/isle/checker.h"
#include "compiler/isle/codegen.h"  // file_stem

namespace assay::isle {
namespace {

constexpr size_t kMaxRuleNodes = 50'000;
constexpr size_t kMaxProgramNodes = 4'000'000;
constexpr size_t kMaxConversions = 8;

// What an expression may call.
struct Allowed {
  bool pure_only = false;
  bool multi = false;
  bool partial = false;
};

// The arguments of a macro under expansion, and where they come from.
struct MacroFrame {
  const ast::Extractor* macro;
  std::vector<const ast::Pattern*> arguments;
  const MacroFrame* caller;
};

class RuleChecker {
 public:
  RuleChecker(Checker& checker, Rule& rule, size_t& program_nodes)
      : checker_(checker), program_(checker.program), rule_(rule), program_nodes_(program_nodes) {}

  // False if there was an error.
  bool check(const ast::Rule& source) {
    size_t errors_before = errors_before_ = checker_.errors.size();
    const Term& root = program_.terms[rule_.term];
    if (!arity_is_good(root, source.pattern.children.size(), source.pattern.position)) return false;
    for (size_t i = 0; i < root.arguments.size(); i++) {
      Pattern argument;
      pattern(source.pattern.children[i], root.arguments[i], nullptr, 1, argument);
      rule_.arguments.push_back(std::move(argument));
    }
    Allowed in_if_let{true, root.flags.is_multi, true};
    for (const ast::IfLet& source_if_let : source.if_lets) {
      IfLet if_let;
      if_let.position = source_if_let.position;
      if (expr(source_if_let.value, TypeId(), in_if_let, 1, if_let.value)) {
        pattern(source_if_let.pattern, if_let.value.type, nullptr, 1, if_let.pattern);
      }
      rule_.if_lets.push_back(std::move(if_let));
    }
    Allowed in_result{root.flags.is_pure, root.flags.is_multi, root.flags.is_partial};
    expr(source.result, root.result, in_result, 1, rule_.result);
    return checker_.errors.size() == errors_before;
  }

 private:
  // ---- names and limits ----

  bool arity_is_good(const Term& term, size_t count, Position position) {
    if (term.arguments.size() == count) return true;
    checker_.error(position, "'" + term.name + "' takes " + std::to_string(term.arguments.size()) +
                                 (term.arguments.size() == 1 ? " argument" : " arguments") + " but " +
                                 std::to_string(count) + (count == 1 ? " is given" : " are given"));
    return false;
  }

  // Counts a node; false if the rule is too large or too deep.
  bool within_limits(Position position, uint32_t depth) {
    if (gave_up_) return false;
    nodes_++;
    program_nodes_++;
    if (depth <= kMaxNesting && nodes_ <= kMaxRuleNodes && program_nodes_ <= kMaxProgramNodes) return true;
    gave_up_ = true;
    checker_.error(position,
                   depth > kMaxNesting ? "rule is nested too deeply after the expansion of extractors"
                                       : "rule becomes too large by the expansion of extractors",
                   "at most " + std::to_string(kMaxNesting) + " levels, " + std::to_string(kMaxRuleNodes) +
                       " nodes a rule and " + std::to_string(kMaxProgramNodes) + " a program");
    return false;
  }

  VariableId look_up(const std::string& name) const {
    auto it = scope_.find(name);
    return it == scope_.end() || it->second.empty() ? VariableId() : it->second.back();
  }

  VariableId bind(const std::string& name, TypeId type, Position position) {
    VariableId id(static_cast<uint32_t>(rule_.variables.size()));
    rule_.variables.push_back({name, type, position});
    scope_[name].push_back(id);
    return id;
  }

  const Type& type_of(TypeId id) const { return program_.types[id]; }

  bool int_fits(TypeId type, Int128 value, Position position) {
    const Type& t = type_of(type);
    if (t.kind != Type::Kind::Int && t.kind != Type::Kind::Primitive) {
      checker_.error(position, "integer found where type '" + t.name + "' is expected");
      return false;
    }
    if (t.kind != Type::Kind::Int || t.bits == 128) return true;
    // As signed or unsigned: rules write -1 for all ones, and 0xff for an i8.
    Int128 limit = Int128(1) << t.bits;
    if (value >= -(limit / 2) && value < limit) return true;
    checker_.error(position, "integer does not fit in type '" + t.name + "'");
    return false;
  }

  bool constant(const ast::Ident& name, TypeId expected, ConstantId& id, TypeId& type) {
    id = program_.find_constant(name.text);
    if (!id) {
      checker_.unknown(name.position, "unknown constant '$" + name.text + "'",
                       "declare it: (extern const $" + name.text + " …)");
      return false;
    }
    type = program_.constants[id].type;
    if (expected && type != expected) {
      checker_.error(name.position, "constant '$" + name.text + "' has type '" + checker_.name(type) + "' but '" +
                                        checker_.name(expected) + "' is expected");
      return false;
    }
    return true;
  }

  TermId converter(TypeId inner, TypeId outer) const {
    auto it = checker_.converters.find({inner, outer});
    return it == checker_.converters.end() ? TermId() : it->second;
  }

  // The converters that lead from one type to the other, innermost first. There may be several: if the converter for a
  // pair of types has another result, that is converted in turn.
  template <class Usable>
  bool conversion(TypeId from, TypeId to, std::vector<TermId>& chain, Usable is_usable) const {
    for (TypeId type = from; type != to || chain.empty();) {
      TermId through = converter(type, to);
      if (!through || !is_usable(program_.terms[through]) || chain.size() == kMaxConversions) return false;
      chain.push_back(through);
      type = program_.terms[through].result;
    }
    return true;
  }

  // A variant without fields may be written without parentheses.
  TermId bare_variant(const std::string& name) const {
    if (name.find('.') == std::string::npos) return TermId();
    TermId id = program_.find_term(name);
    return id && program_.terms[id].is_variant() ? id : TermId();
  }

  // ---- patterns ----

  bool pattern(const ast::Pattern& source, TypeId expected, const MacroFrame* frame, uint32_t depth, Pattern& out) {
    if (!within_limits(source.position, depth)) return false;
    out.type = expected;
    out.position = source.position;
    using Kind = ast::Pattern::Kind;
    switch (source.kind) {
      case Kind::Wildcard:
        return true;
      case Kind::Bool:
        out.kind = Pattern::Kind::Bool;
        out.value = source.value;
        if (type_of(expected).kind == Type::Kind::Bool) return true;
        checker_.error(source.position, "boolean found where type '" + checker_.name(expected) + "' is expected");
        return false;
      case Kind::Int:
        out.kind = Pattern::Kind::Int;
        out.value = source.value;
        return int_fits(expected, source.value, source.position);
      case Kind::Constant:
        out.kind = Pattern::Kind::Constant;
        return constant(source.name, expected, out.constant, out.type);
      case Kind::And: {
        out.kind = Pattern::Kind::And;
        bool is_good = true;
        for (const ast::Pattern& child : source.children) {
          is_good &= pattern(child, expected, frame, depth + 1, out.children.emplace_back());
        }
        return is_good;
      }
      case Kind::Bind:
        return bind_pattern(source, expected, frame, depth, out);
      case Kind::Variable:
        return variable_pattern(source, expected, frame, depth, out);
      case Kind::Term: {
        TermId term = program_.find_term(source.name.text);
        if (!term) {
          checker_.unknown(source.name.position, "unknown term '" + source.name.text + "' in a pattern");
          return false;
        }
        return term_pattern(source, term, expected, frame, depth, out);
      }
    }
    return false;
  }

  // The actual pattern for a macro's argument of this name; null if it is none.
  static const ast::Pattern* macro_argument(const MacroFrame* frame, const std::string& name) {
    if (!frame) return nullptr;
    for (size_t i = 0; i < frame->arguments.size(); i++) {
      if (frame->macro->arguments[i].text == name) return frame->arguments[i];
    }
    return nullptr;
  }

  bool bind_pattern(const ast::Pattern& source, TypeId expected, const MacroFrame* frame, uint32_t depth,
                    Pattern& out) {
    const ast::Pattern& child = source.children[0];
    if (const ast::Pattern* argument = macro_argument(frame, source.name.text)) {
      if (child.kind == ast::Pattern::Kind::Wildcard)
        return pattern(*argument, expected, frame->caller, depth + 1, out);
      // `argument @ pattern` inside a macro: both must match.
      out.kind = Pattern::Kind::And;
      bool is_good = pattern(child, expected, frame, depth + 1, out.children.emplace_back());
      return pattern(*argument, expected, frame->caller, depth + 1, out.children.emplace_back()) && is_good;
    }
    out.kind = Pattern::Kind::Bind;
    bool is_good = pattern(child, expected, frame, depth + 1, out.children.emplace_back());
    if (look_up(source.name.text)) {
      checker_.error(source.name.position, "variable '" + source.name.text + "' is already bound",
                     "a variable can be bound with '@' only at its first mention");
      return false;
    }
    out.variable = bind(source.name.text, expected, source.name.position);
    return is_good;
  }

  bool variable_pattern(const ast::Pattern& source, TypeId expected, const MacroFrame* frame, uint32_t depth,
                        Pattern& out) {
    if (const ast::Pattern* argument = macro_argument(frame, source.name.text)) {
      return pattern(*argument, expected, frame->caller, depth + 1, out);
    }
    if (TermId variant = bare_variant(source.name.text)) {
      return term_pattern(source, variant, expected, frame, depth, out);
    }
    VariableId variable = look_up(source.name.text);
    if (variable) {
      out.kind = Pattern::Kind::Variable;
      out.variable = variable;
      TypeId type = rule_.variables[variable.index].type;
      if (type == expected) return true;
      checker_.error(source.position, "variable '" + source.name.text + "' has type '" + checker_.name(type) +
                                          "' but is matched against type '" + checker_.name(expected) + "'");
      return false;
    }
    out.kind = Pattern::Kind::Bind;
    Pattern wildcard;
    wildcard.type = expected;
    wildcard.position = source.position;
    out.children.push_back(std::move(wildcard));
    out.variable = bind(source.name.text, expected, source.position);
    return true;
  }

  bool term_pattern(const ast::Pattern& source, TermId id, TypeId expected, const MacroFrame* frame, uint32_t depth,
                    Pattern& out) {
    const Term& term = program_.terms[id];
    if (term.result != expected) {
      std::vector<TermId> chain;
      bool converts = conversion(term.result, expected, chain, [](const Term& t) { return t.has_extractor(); });
      if (converts) return convert_pattern(source, chain, expected, frame, depth, out);
      checker_.error(source.position, "pattern '" + term.name + "' has type '" + checker_.name(term.result) +
                                          "' but type '" + checker_.name(expected) + "' is expected");
      return false;
    }
    if (!arity_is_good(term, source.children.size(), source.position)) return false;
    std::vector<const ast::Pattern*> arguments;
    for (const ast::Pattern& child : source.children) arguments.push_back(&child);
    return apply_extractor(id, arguments, source.position, frame, depth, out);
  }

  bool convert_pattern(const ast::Pattern& source, const std::vector<TermId>& chain, TypeId expected,
                       const MacroFrame* frame, uint32_t depth, Pattern& out) {
    if (chain.size() == 1) return apply_extractor(chain[0], {&source}, source.position, frame, depth, out);
    // (last … (first source)): as a macro of one argument, so that `source` is not copied.
    ast::Extractor& macro = conversions_.emplace_back();
    macro.arguments.push_back({"$source", source.position});
    macro.body.kind = ast::Pattern::Kind::Variable;
    macro.body.name = macro.arguments[0];
    macro.body.position = source.position;
    for (TermId term : chain) {
      ast::Pattern outer;
      outer.kind = ast::Pattern::Kind::Term;
      outer.name = {program_.terms[term].name, source.position};
      outer.position = source.position;
      outer.children.push_back(std::move(macro.body));
      macro.body = std::move(outer);
    }
    MacroFrame expansion{&macro, {&source}, frame};
    return pattern(macro.body, expected, &expansion, depth + 1, out);
  }

  bool apply_extractor(TermId id, const std::vector<const ast::Pattern*>& arguments, Position position,
                       const MacroFrame* frame, uint32_t depth, Pattern& out) {
    const Term& term = program_.terms[id];
    if (!term.has_extractor()) {
      checker_.unknown(position, "term '" + term.name + "' has no extractor", "it cannot be used in a pattern");
      return false;
    }
    if (term.is_macro() && checker_.options.expand_macros) {
      MacroFrame expansion{term.macro, arguments, frame};
      return pattern(term.macro->body, term.result, &expansion, depth + 1, out);
    }
    if (term.flags.is_multi && !program_.terms[rule_.term].flags.is_multi) {
      checker_.error(position, "multi extractor '" + term.name + "' in a rule for a term that is not multi");
      return false;
    }
    out.kind = Pattern::Kind::Term;
    out.term = id;
    out.type = term.result;
    bool is_good = true;
    out.children.reserve(arguments.size());
    for (size_t i = 0; i < arguments.size(); i++) {
      is_good &= pattern(*arguments[i], term.arguments[i], frame, depth + 1, out.children.emplace_back());
    }
    return is_good;
  }

  // ---- expressions; `expected` may be none, then the expression's own type is taken ----

  bool expr(const ast::Expr& source, TypeId expected, const Allowed& allowed, uint32_t depth, Expr& out) {
    if (!within_limits(source.position, depth)) return false;
    out.position = source.position;
    out.type = expected;
    using Kind = ast::Expr::Kind;
    switch (source.kind) {
      case Kind::Bool:
        out.kind = Expr::Kind::Bool;
        out.value = source.value;
        out.type = program_.find_type("bool");
        if (!expected || expected == out.type) return true;
        checker_.error(source.position, "boolean found where type '" + checker_.name(expected) + "' is expected");
        return false;
      case Kind::Int:
        out.kind = Expr::Kind::Int;
        out.value = source.value;
        if (expected) return int_fits(expected, source.value, source.position);
        checker_.error(source.position, "the type of this integer is not known here",
                       "bind it with a type: (let ((name type value)) …)");
        return false;
      case Kind::Constant: {
        out.kind = Expr::Kind::Constant;
        ConstantId id = program_.find_constant(source.name.text);
        if (id && expected && program_.constants[id].type != expected) {
          bool found = false;
          bool is_good = convert(source, program_.constants[id].type, expected, allowed, depth, out, found);
          if (found) return is_good;
        }
        return constant(source.name, expected, out.constant, out.type);
      }
      case Kind::Variable:
        return variable_expr(source, expected, allowed, depth, out);
      case Kind::Let:
        return let_expr(source, expected, allowed, depth, out);
      case Kind::Term: {
        TermId term = program_.find_term(source.name.text);
        if (!term) {
          checker_.unknown(
              source.name.position, "unknown term '" + source.name.text + "' in an expression",
              look_up(source.name.text) ? "there is a variable of this name: leave out the parentheses" : "");
          return false;
        }
        return term_expr(source, term, expected, allowed, depth, out);
      }
    }
    return false;
  }

  // `source`, of type `from`, through converters to `to`. Sets `found` if there are any.
  bool convert(const ast::Expr& source, TypeId from, TypeId to, const Allowed& allowed, uint32_t depth, Expr& out,
               bool& found) {
    std::vector<TermId> chain;
    found = conversion(from, to, chain, [](const Term& t) { return t.has_constructor(); });
    if (!found) return false;
    bool is_good = true;
    Expr* node = &out;
    for (size_t i = chain.size(); i-- > 0;) {
      const Term& term = program_.terms[chain[i]];
      node->kind = Expr::Kind::Term;
      node->term = chain[i];
      node->type = term.result;
      node->position = source.position;
      is_good &= may_call(term, allowed, source.position);
      if (i > 0 && program_.terms[chain[i - 1]].result != term.arguments[0]) {
        checker_.error(source.position, "conversion from '" + checker_.name(from) + "' to '" + checker_.name(to) +
                                            "' through '" + program_.terms[chain[i - 1]].name + "' and '" + term.name +
                                            "' does not fit");
        return false;
      }
      depth++;
      node = &node->children.emplace_back();
    }
    return expr(source, program_.terms[chain[0]].arguments[0], allowed, depth, *node) && is_good;
  }

  bool variable_expr(const ast::Expr& source, TypeId expected, const Allowed& allowed, uint32_t depth, Expr& out) {
    VariableId variable = look_up(source.name.text);
    if (!variable) {
      if (TermId variant = bare_variant(source.name.text)) {
        return term_expr(source, variant, expected, allowed, depth, out);
      }
      // After an error in a pattern, what it binds is not known.
      if (checker_.errors.size() != errors_before_) return false;
      TermId term = program_.find_term(source.name.text);
      checker_.error(source.position, "unknown variable '" + source.name.text + "'",
                     term ? "there is a term of this name: write it in parentheses" : "");
      return false;
    }
    TypeId type = rule_.variables[variable.index].type;
    if (!type) return false;  // its let had an error
    if (expected && type != expected) {
      bool found = false;
      bool is_good = convert(source, type, expected, allowed, depth, out, found);
      if (found) return is_good;
      checker_.error(source.position, "variable '" + source.name.text + "' has type '" + checker_.name(type) +
                                          "' but type '" + checker_.name(expected) + "' is expected");
      return false;
    }
    out.kind = Expr::Kind::Variable;
    out.variable = variable;
    out.type = type;
    return true;
  }

  bool let_expr(const ast::Expr& source, TypeId expected, const Allowed& allowed, uint32_t depth, Expr& out) {
    out.kind = Expr::Kind::Let;
    bool is_good = true;
    std::vector<std::string> bound;
    for (const ast::LetBinding& binding : source.lets) {
      TypeId type = program_.find_type(binding.type.text);
      if (!type) {
        checker_.unknown(binding.type.position, "unknown type '" + binding.type.text + "'");
        is_good = false;
      }
      Let let;
      is_good &= expr(binding.value, type, allowed, depth + 1, let.value);
      let.variable = bind(binding.name.text, type, binding.name.position);
      bound.push_back(binding.name.text);
      out.lets.push_back(std::move(let));
    }
    is_good &= expr(source.children[0], expected, allowed, depth + 1, out.children.emplace_back());
    out.type = out.children[0].type;
    for (const std::string& name : bound) scope_[name].pop_back();
    return is_good;
  }

  bool term_expr(const ast::Expr& source, TermId id, TypeId expected, const Allowed& allowed, uint32_t depth,
                 Expr& out) {
    const Term& term = program_.terms[id];
    if (expected && term.result != expected) {
      bool found = false;
      bool is_good = convert(source, term.result, expected, allowed, depth, out, found);
      if (found) return is_good;
      checker_.error(source.position, "expression '" + term.name + "' has type '" + checker_.name(term.result) +
                                          "' but type '" + checker_.name(expected) + "' is expected");
      return false;
    }
    out.kind = Expr::Kind::Term;
    out.term = id;
    out.type = term.result;
    if (!term.has_constructor()) {
      checker_.unknown(source.position, "term '" + term.name + "' has no constructor",
                       "it cannot be used in an expression");
      return false;
    }
    bool is_good = may_call(term, allowed, source.position);
    if (!arity_is_good(term, source.children.size(), source.position)) return false;
    out.children.reserve(source.children.size());
    for (size_t i = 0; i < source.children.size(); i++) {
      is_good &= expr(source.children[i], term.arguments[i], allowed, depth + 1, out.children.emplace_back());
    }
    return is_good;
  }

  bool may_call(const Term& term, const Allowed& allowed, Position position) {
    if (term.is_variant()) return true;
    bool is_good = true;
    auto refuse = [&](std::string message, std::string hint) {
      checker_.error(position, std::move(message), std::move(hint));
      is_good = false;
    };
    if (allowed.pure_only && !term.flags.is_pure) {
      refuse("constructor '" + term.name + "' is not pure", "if-lets and rules of pure terms may use pure terms only");
    }
    if (term.flags.is_multi && !allowed.multi) {
      refuse("multi constructor '" + term.name + "' in a rule for a term that is not multi", "");
    }
    if (term.flags.is_partial && !allowed.partial) {
      refuse("partial constructor '" + term.name + "' in the result of a rule",
             "move it to an if-let, or make the rule's term partial");
    }
    return is_good;
  }

  Checker& checker_;
  Program& program_;
  Rule& rule_;
  size_t& program_nodes_;
  size_t nodes_ = 0;
  size_t errors_before_ = 0;
  bool gave_up_ = false;
  std::unordered_map<std::string, std::vector<VariableId>> scope_;
  std::deque<ast::Extractor> conversions_;
};

void name_rules(Checker& checker) {
  Program& program = checker.program;
  for (Rule& rule : program.rules) {
    if (!rule.name_is_given) continue;
    auto [it, is_new] = program.rule_by_name.emplace(rule.name, rule.id);
    if (!is_new) {
      checker.error(rule.position, "two rules are named '" + rule.name + "'",
                    "the other is at " + render_position(program, program.rules[it->second].position));
    }
  }
  std::unordered_map<std::string, uint32_t> line_counts;
  for (Rule& rule : program.rules) {
    if (rule.name_is_given) continue;
    std::string base = program.terms[rule.term].name + "_" + file_stem(program.files[rule.position.file].name) + "_" +
                       std::to_string(rule.position.line);
    // Rules of one line are told apart by a number.
    uint32_t& count = line_counts[base];
    do {
      rule.name = ++count == 1 ? base : base + "_" + std::to_string(count);
    } while (!program.rule_by_name.emplace(rule.name, rule.id).second);
  }
  // The only rule of a term may also be named by the term.
  for (const Term& term : program.terms) {
    if (term.rules.size() == 1) program.rule_by_name.emplace(term.name, term.rules[0]);
  }
}

void check_unused_decls(Checker& checker) {
  Program& program = checker.program;
  for (const ast::Decl& decl : program.definitions.decls) {
    TermId id = program.find_term(decl.term.text);
    if (!id || program.terms[id].has_constructor() || program.terms[id].has_extractor()) continue;
    checker.unknown(decl.term.position, "term '" + decl.term.text + "' has no rules, no extractor and no extern");
  }
}

}  // namespace

void check_rules(Checker& checker) {
  Program& program = checker.program;
  size_t program_nodes = 0;
  for (const ast::Rule& source : program.definitions.rules) {
    if (source.pattern.kind != ast::Pattern::Kind::Term) continue;
    TermId root = program.find_term(source.pattern.name.text);
    if (!root || !program.terms[root].has_rules()) continue;
    Rule rule;
    rule.id = RuleId(static_cast<uint32_t>(program.rules.size()));
    rule.term = root;
    rule.position = source.position;
    rule.priority = source.priority.value_or(0);
    rule.name_is_given = source.name.has_value();
    if (source.name) rule.name = source.name->text;
    if (source.priority && program.terms[root].flags.is_multi) {
      checker.error(source.position, "a rule of a multi term cannot have a priority", "all its rules apply");
    }
    RuleChecker(checker, rule, program_nodes).check(source);
    program.terms[root].rules.push_back(rule.id);
    program.rules.push(std::move(rule));
    if (program_nodes > kMaxProgramNodes) break;
  }
  name_rules(checker);
  check_unused_decls(checker);
}

}  // namespace assay::isle
