// The checker's steps in order; what a program declares: types, constants, terms and what builds and matches them.
#include "compiler/isle/sema.h"

#include <algorithm>
#include <tuple>

#include "compiler/isle/checker.h"
#include "compiler/isle/parser.h"

namespace assay::isle {
namespace {

void add_builtin(Program& program, std::string name, uint32_t bits, bool is_signed) {
  Type type;
  type.name = name;
  type.kind = name == "bool" ? Type::Kind::Bool : Type::Kind::Int;
  type.bits = bits;
  type.is_signed = is_signed;
  type.primitive = name;
  program.type_by_name.emplace(std::move(name), program.types.push(std::move(type)));
}

void add_builtins(Program& program) {
  add_builtin(program, "bool", 1, false);
  for (uint32_t bits : {8, 16, 32, 64, 128}) {
    add_builtin(program, "u" + std::to_string(bits), bits, false);
    add_builtin(program, "i" + std::to_string(bits), bits, true);
  }
  add_builtin(program, "usize", 64, false);
  add_builtin(program, "isize", 64, true);
}

void declare_type(Checker& checker, const ast::Type& definition) {
  Program& program = checker.program;
  if (TypeId old = program.find_type(definition.name.text)) {
    const Type& type = program.types[old];
    bool is_builtin = type.position.line == 0;
    // A built-in type may be declared as what it is: (type u32 (primitive u32)).
    if (is_builtin && definition.kind == ast::Type::Kind::Primitive && definition.primitive.text == type.name) return;
    checker.error(definition.name.position, "type '" + type.name + "' is defined twice",
                  is_builtin ? "it is a built-in type" : "first defined in " + render_position(program, type.position));
    return;
  }
  Type type;
  type.name = definition.name.text;
  type.is_extern = definition.is_extern;
  type.is_nodebug = definition.is_nodebug;
  type.position = definition.name.position;
  switch (definition.kind) {
    case ast::Type::Kind::Primitive:
      type.kind = Type::Kind::Primitive;
      type.primitive = definition.primitive.text;
      if (type.is_extern || type.is_nodebug) {
        checker.error(type.position, "a primitive type cannot be extern or nodebug");
      }
      break;
    case ast::Type::Kind::Enum:
      type.kind = Type::Kind::Enum;
      break;
    case ast::Type::Kind::Struct:
      type.kind = Type::Kind::Struct;
      break;
  }
  if (type.is_extern && type.is_nodebug) checker.error(type.position, "an extern type cannot be nodebug");
  TypeId id = program.types.push(std::move(type));
  program.type_by_name.emplace(definition.name.text, id);
}

// The variants, once all types are known by name.
void define_variants(Checker& checker, const ast::Type& definition) {
  Program& program = checker.program;
  TypeId id = program.find_type(definition.name.text);
  if (program.types[id].position != definition.name.position) return;  // a duplicate
  std::unordered_map<std::string_view, Position> seen;
  for (const ast::Variant& source : definition.variants) {
    if (!seen.emplace(source.name.text, source.name.position).second) {
      checker.error(source.name.position,
                    "type '" + definition.name.text + "' has two variants named '" + source.name.text + "'");
      continue;
    }
    Variant variant;
    variant.name = source.name.text;
    variant.full_name = definition.kind == ast::Type::Kind::Struct ? definition.name.text
                                                                   : definition.name.text + "." + source.name.text;
    variant.is_tuple = source.is_tuple;
    variant.position = source.name.position;
    std::unordered_map<std::string_view, Position> fields;
    for (const ast::Field& field : source.fields) {
      if (!fields.emplace(field.name.text, field.name.position).second) {
        checker.error(field.name.position,
                      "'" + variant.full_name + "' has two fields named '" + field.name.text + "'");
      }
      TypeId type = program.find_type(field.type.text);
      if (!type) checker.unknown(field.type.position, "unknown type '" + field.type.text + "' of a field");
      variant.fields.push_back({field.name.text, type ? type : TypeId(0), field.name.position});
    }
    program.types[id].variants.push_back(std::move(variant));
  }
}

bool is_known_type(Checker& checker, const ast::Ident& name, TypeId& type) {
  type = checker.program.find_type(name.text);
  if (!type) checker.unknown(name.position, "unknown type '" + name.text + "'");
  return bool(type);
}

TermId add_term(Checker& checker, Term term) {
  Program& program = checker.program;
  auto [it, is_new] = program.term_by_name.emplace(term.name, TermId());
  if (!is_new) {
    checker.error(term.position, "term '" + term.name + "' is declared twice",
                  "first declared in " + render_position(program, program.terms[it->second].position));
    return TermId();
  }
  return it->second = program.terms.push(std::move(term));
}

void declare_variant_terms(Checker& checker) {
  Program& program = checker.program;
  for (uint32_t t = 0; t < program.types.size(); t++) {
    size_t count = program.types[TypeId(t)].variants.size();
    for (uint32_t v = 0; v < count; v++) {
      const Variant& variant = program.types[TypeId(t)].variants[v];
      Term term;
      term.name = variant.full_name;
      term.kind = Term::Kind::Variant;
      term.flags.is_pure = true;
      for (const Field& field : variant.fields) term.arguments.push_back(field.type);
      term.result = TypeId(t);
      term.variant = v;
      term.position = variant.position;
      TermId id = add_term(checker, std::move(term));
      program.types[TypeId(t)].variants[v].term = id;
    }
  }
}

void declare_term(Checker& checker, const ast::Decl& decl) {
  Term term;
  term.name = decl.term.text;
  term.position = decl.term.position;
  term.flags = {decl.is_pure, decl.is_multi, decl.is_partial, decl.is_recursive};
  if (decl.is_multi && decl.is_partial) {
    checker.error(term.position, "term '" + term.name + "' cannot be both multi and partial",
                  "a multi term without a result is what partial would mean");
  }
  bool is_good = true;
  for (const ast::Ident& argument : decl.arguments) {
    TypeId type;
    is_good &= is_known_type(checker, argument, type);
    term.arguments.push_back(type);
  }
  is_good &= is_known_type(checker, decl.result, term.result);
  if (!is_good) {
    // Keep the term known, so that its uses are not reported too.
    for (TypeId& type : term.arguments) type = type ? type : TypeId(0);
    if (!term.result) term.result = TypeId(0);
  }
  add_term(checker, std::move(term));
}

// The declared term an extern, macro or rule is for; null if there is none.
Term* declared_term(Checker& checker, const ast::Ident& name, std::string_view what) {
  TermId id = checker.program.find_term(name.text);
  if (!id) {
    checker.unknown(name.position, std::string(what) + " for the undeclared term '" + name.text + "'",
                    "declare it: (decl " + name.text + " (…) …)");
    return nullptr;
  }
  Term& term = checker.program.terms[id];
  if (term.is_variant()) {
    checker.error(name.position, std::string(what) + " for '" + name.text + "', which is a variant or struct");
    return nullptr;
  }
  return &term;
}

void declare_extern(Checker& checker, const ast::Extern& external) {
  switch (external.kind) {
    case ast::Extern::Kind::Constant:
      return;  // done in declare_types
    case ast::Extern::Kind::Constructor: {
      Term* term = declared_term(checker, external.name, "external constructor");
      if (!term) return;
      if (term->constructor != Term::Constructor::None) {
        checker.error(external.position, "term '" + term->name + "' has two constructors");
        return;
      }
      term->constructor = Term::Constructor::External;
      term->constructor_function = external.function.text;
      return;
    }
    case ast::Extern::Kind::Extractor: {
      Term* term = declared_term(checker, external.name, "external extractor");
      if (!term) return;
      if (term->extractor != Term::Extractor::None) {
        checker.error(external.position, "term '" + term->name + "' has two extractors");
        return;
      }
      term->extractor = Term::Extractor::External;
      term->extractor_function = external.function.text;
      term->extractor_is_infallible = external.is_infallible;
      return;
    }
  }
}

void declare_macro(Checker& checker, const ast::Extractor& macro) {
  Term* term = declared_term(checker, macro.term, "extractor");
  if (!term) return;
  if (term->arguments.size() != macro.arguments.size()) {
    checker.error(macro.term.position, "extractor of '" + term->name + "' has " +
                                           std::to_string(macro.arguments.size()) + " arguments but the term has " +
                                           std::to_string(term->arguments.size()));
    return;
  }
  if (term->extractor != Term::Extractor::None) {
    checker.error(macro.term.position, "term '" + term->name + "' has two extractors");
    return;
  }
  if (term->flags.is_multi) {
    checker.error(macro.term.position, "the multi term '" + term->name + "' cannot have an internal extractor");
    return;
  }
  std::unordered_map<std::string_view, int> seen;
  for (const ast::Ident& argument : macro.arguments) {
    if (seen[argument.text]++) {
      checker.error(argument.position, "two arguments of the extractor are named '" + argument.text + "'");
    }
  }
  term->extractor = Term::Extractor::Macro;
  term->macro = &macro;
}

// The macros that a macro's body mentions.
void collect_macros(const Program& program, const ast::Pattern& pattern, std::vector<TermId>& out) {
  if (pattern.kind == ast::Pattern::Kind::Term) {
    TermId id = program.find_term(pattern.name.text);
    if (id && program.terms[id].is_macro()) out.push_back(id);
  }
  for (const ast::Pattern& child : pattern.children) collect_macros(program, child, out);
}

// Reports macros that expand to themselves, and makes them unusable.
void check_macro_cycles(Checker& checker) {
  Program& program = checker.program;
  enum class Mark : uint8_t { New, Open, Done };
  Table<TermId, Mark> marks(program.terms.size(), Mark::New);
  struct Frame {
    TermId term;
    std::vector<TermId> uses;
    size_t next = 0;
  };
  std::vector<Frame> stack;
  auto open = [&](TermId id) {
    marks[id] = Mark::Open;
    Frame frame{id, {}, 0};
    collect_macros(program, program.terms[id].macro->body, frame.uses);
    stack.push_back(std::move(frame));
  };
  for (uint32_t i = 0; i < program.terms.size(); i++) {
    if (!program.terms[TermId(i)].is_macro() || marks[TermId(i)] != Mark::New) continue;
    open(TermId(i));
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next == frame.uses.size()) {
        marks[frame.term] = Mark::Done;
        stack.pop_back();
        continue;
      }
      TermId use = frame.uses[frame.next++];
      if (marks[use] == Mark::New) {
        open(use);
      } else if (marks[use] == Mark::Open) {
        Term& term = program.terms[frame.term];
        checker.error(term.macro->term.position, "extractor '" + term.name + "' expands to itself",
                      "through '" + program.terms[use].name + "'");
        frame.next = frame.uses.size();
        term.extractor = Term::Extractor::None;
      }
    }
  }
}

void declare_converter(Checker& checker, const ast::Converter& converter) {
  TypeId inner, outer;
  bool is_good = is_known_type(checker, converter.inner, inner);
  is_good &= is_known_type(checker, converter.outer, outer);
  TermId id = checker.program.find_term(converter.term.text);
  if (!id) checker.unknown(converter.term.position, "unknown term '" + converter.term.text + "'");
  if (!is_good || !id) return;
  const Term& term = checker.program.terms[id];
  // Its types need not be the two: a conversion may take several steps (rule_checker.cpp).
  if (term.arguments.size() != 1) {
    checker.error(converter.term.position, "converter '" + term.name + "' must take one argument");
    return;
  }
  if (inner == outer) {
    checker.error(converter.position, "conversion of type '" + checker.name(inner) + "' to itself");
    return;
  }
  if (!checker.converters.emplace(std::pair(inner, outer), id).second) {
    checker.error(converter.position,
                  "there is already a converter from '" + checker.name(inner) + "' to '" + checker.name(outer) + "'");
  }
}

// Which terms have rules: known before the rules are checked.
void declare_rule_roots(Checker& checker) {
  for (const ast::Rule& rule : checker.program.definitions.rules) {
    if (rule.pattern.kind != ast::Pattern::Kind::Term) {
      checker.error(rule.pattern.position, "the pattern of a rule must be a term, (name argument…)");
      continue;
    }
    Term* term = declared_term(checker, rule.pattern.name, "rule");
    if (!term) continue;
    if (term->is_external_constructor()) {
      checker.error(rule.position, "rule for '" + term->name + "', which has an external constructor");
      continue;
    }
    term->constructor = Term::Constructor::Internal;
  }
}

}  // namespace

std::string render_position(const Program& program, Position position) {
  Place place = program.place(position);
  return place.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

void declare_types(Checker& checker) {
  Program& program = checker.program;
  add_builtins(program);
  for (const ast::Type& type : program.definitions.types) declare_type(checker, type);
  for (const ast::Type& type : program.definitions.types) define_variants(checker, type);
  for (const ast::Extern& external : program.definitions.externs) {
    if (external.kind != ast::Extern::Kind::Constant) continue;
    TypeId type;
    if (!is_known_type(checker, external.type, type)) continue;
    auto [it, is_new] = program.constant_by_name.emplace(external.name.text, ConstantId());
    if (!is_new) {
      const Constant& old = program.constants[it->second];
      if (old.type != type) {
        checker.error(external.name.position, "constant '$" + external.name.text + "' is declared with two types");
      }
      continue;
    }
    it->second = program.constants.push({external.name.text, type, external.name.position});
  }
}

void declare_terms(Checker& checker) {
  const ast::Definitions& definitions = checker.program.definitions;
  declare_variant_terms(checker);
  for (const ast::Decl& decl : definitions.decls) declare_term(checker, decl);
  for (const ast::Extern& external : definitions.externs) declare_extern(checker, external);
  for (const ast::Extractor& macro : definitions.extractors) declare_macro(checker, macro);
  check_macro_cycles(checker);
  declare_rule_roots(checker);
  for (const ast::Converter& converter : definitions.converters) declare_converter(checker, converter);
}

CheckResult check_program(std::vector<SourceFile> files, const CheckOptions& options) {
  CheckResult result;
  result.program = std::make_unique<Program>();
  Program& program = *result.program;
  program.files = std::move(files);
  Checker checker{program, options, {}, {}};
  for (uint32_t i = 0; i < program.files.size(); i++) {
    parse_file(i, program.files[i].text, program.definitions, checker.errors);
  }
  checker.names_may_be_missing = !checker.errors.empty();
  declare_types(checker);
  declare_terms(checker);
  check_rules(checker);
  attach_specs(checker);
  if (checker.errors.empty()) {
    check_recursion(checker);
    if (options.check_overlap) check_overlap(checker);
  }
  std::sort(checker.errors.begin(), checker.errors.end(), [](const auto& a, const auto& b) {
    return std::tie(a.position.file, a.position.line, a.position.column, a.message) <
           std::tie(b.position.file, b.position.line, b.position.column, b.message);
  });
  for (PositionedError& error : checker.errors) {
    result.errors.push_back({program.place(error.position), std::move(error.message), std::move(error.hint)});
  }
  return result;
}

}  // namespace assay::isle
