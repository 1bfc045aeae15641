// See parser.h. Each form is parsed from its list with a Cursor; the first error in a form abandons it (FormError is
// thrown and caught inside this file, once a form).
#include "compiler/isle/parser.h"

#include <string>

#include "compiler/isle/spec_parser.h"

namespace assay::isle {
namespace {

ast::Pattern parse_pattern(Cursor& cursor, uint32_t binds = 0);
ast::Expr parse_expr(Cursor& cursor);

constexpr uint32_t kMaxBinds = 16;  // in x @ y @ … pattern; bounds the depth of the tree

bool is_true(std::string_view text) { return text == "true" || text == "#t"; }
bool is_false(std::string_view text) { return text == "false" || text == "#f"; }

ast::Ident parse_constant_name(Cursor& cursor) {
  ast::Ident name = cursor.ident("a constant, like $NAME");
  if (name.text[0] != '$' || name.text.size() < 2) {
    throw FormError{{name.position, "'" + name.text + "' is not the name of a constant", "constants start with '$'"}};
  }
  name.text.erase(0, 1);
  return name;
}

ast::Pattern parse_list_pattern(const Sexpr& list) {
  ast::Pattern pattern;
  pattern.position = list.position;
  Cursor items(list);
  if (items.eat("and")) {
    pattern.kind = ast::Pattern::Kind::And;
  } else {
    pattern.kind = ast::Pattern::Kind::Term;
    pattern.name = items.ident("the name of a term");
  }
  while (!items.at_end()) pattern.children.push_back(parse_pattern(items));
  return pattern;
}

// `binds`: how many `x @` stand in front of the pattern.
ast::Pattern parse_pattern(Cursor& cursor, uint32_t binds) {
  const Sexpr& item = cursor.next("a pattern");
  if (item.is_list()) return parse_list_pattern(item);
  ast::Pattern pattern;
  pattern.position = item.position;
  if (item.is_int()) {
    pattern.kind = ast::Pattern::Kind::Int;
    pattern.value = item.value;
    return pattern;
  }
  if (!item.is_symbol()) throw FormError{{item.position, "expected a pattern but found '@'", ""}};
  if (item.text == "_") return pattern;
  if (is_true(item.text) || is_false(item.text)) {
    pattern.kind = ast::Pattern::Kind::Bool;
    pattern.value = is_true(item.text);
    return pattern;
  }
  cursor.back();
  if (item.text[0] == '$') {
    pattern.kind = ast::Pattern::Kind::Constant;
    pattern.name = parse_constant_name(cursor);
    return pattern;
  }
  pattern.name = cursor.ident("a pattern");
  pattern.kind = ast::Pattern::Kind::Variable;
  if (cursor.eat_at()) {
    if (binds == kMaxBinds) throw FormError{{pattern.position, "too many variables are bound to one value", ""}};
    pattern.kind = ast::Pattern::Kind::Bind;
    pattern.children.push_back(parse_pattern(cursor, binds + 1));
  }
  return pattern;
}

ast::Expr parse_list_expr(const Sexpr& list) {
  ast::Expr expr;
  expr.position = list.position;
  Cursor items(list);
  if (!items.eat("let")) {
    expr.kind = ast::Expr::Kind::Term;
    expr.name = items.ident("the name of a term");
    while (!items.at_end()) expr.children.push_back(parse_expr(items));
    return expr;
  }
  expr.kind = ast::Expr::Kind::Let;
  Cursor bindings(items.list("the bindings of a let, ((name type value)…)"));
  while (!bindings.at_end()) {
    Cursor binding(bindings.list("a binding, (name type value)"));
    ast::LetBinding let;
    let.name = binding.ident("the name of a variable");
    let.type = binding.ident("the type of the variable");
    let.value = parse_expr(binding);
    binding.end();
    expr.lets.push_back(std::move(let));
  }
  expr.children.push_back(parse_expr(items));
  items.end();
  return expr;
}

ast::Expr parse_expr(Cursor& cursor) {
  const Sexpr& item = cursor.next("an expression");
  if (item.is_list()) return parse_list_expr(item);
  ast::Expr expr;
  expr.position = item.position;
  if (item.is_int()) {
    expr.kind = ast::Expr::Kind::Int;
    expr.value = item.value;
    return expr;
  }
  if (!item.is_symbol()) throw FormError{{item.position, "expected an expression but found '@'", ""}};
  if (is_true(item.text) || is_false(item.text)) {
    expr.kind = ast::Expr::Kind::Bool;
    expr.value = is_true(item.text);
    return expr;
  }
  cursor.back();
  if (item.text[0] == '$') {
    expr.kind = ast::Expr::Kind::Constant;
    expr.name = parse_constant_name(cursor);
  } else {
    expr.kind = ast::Expr::Kind::Variable;
    expr.name = cursor.ident("an expression");
  }
  return expr;
}

std::vector<ast::Field> parse_fields(Cursor& cursor, bool& is_tuple) {
  std::vector<ast::Field> fields;
  is_tuple = !cursor.at_end() && cursor.peek().is_symbol();
  while (!cursor.at_end()) {
    ast::Field field;
    if (is_tuple) {
      field.type = cursor.ident("the type of a field");
      field.name = {std::to_string(fields.size()), field.type.position};
    } else {
      Cursor items(cursor.list("a field, (name type)"));
      field.name = items.ident("the name of a field");
      field.type = items.ident("the type of the field");
      items.end();
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

ast::Variant parse_variant(Cursor& cursor) {
  ast::Variant variant;
  if (cursor.peek().is_list()) {
    Cursor items(cursor.list("a variant"));
    variant.name = items.ident("the name of a variant");
    variant.fields = parse_fields(items, variant.is_tuple);
  } else {
    variant.name = cursor.ident("the name of a variant");
  }
  return variant;
}

ast::Type parse_type(Cursor& cursor) {
  ast::Type type;
  type.name = cursor.ident("the name of a type");
  type.position = type.name.position;
  while (!cursor.at_end() && cursor.peek().is_symbol()) {
    if (cursor.eat("extern")) {
      type.is_extern = true;
    } else if (cursor.eat("nodebug")) {
      type.is_nodebug = true;
    } else {
      cursor.fail("unknown modifier of a type", "extern or nodebug");
    }
  }
  Cursor body(cursor.list("(primitive …), (enum …) or (struct …)"));
  if (body.eat("primitive")) {
    type.primitive = body.ident("the name of the C++ type");
    body.end();
  } else if (body.eat("enum")) {
    type.kind = ast::Type::Kind::Enum;
    while (!body.at_end()) type.variants.push_back(parse_variant(body));
  } else if (body.eat("struct")) {
    type.kind = ast::Type::Kind::Struct;
    ast::Variant variant;
    variant.name = type.name;
    variant.fields = parse_fields(body, variant.is_tuple);
    type.variants.push_back(std::move(variant));
  } else {
    body.fail("unknown kind of type", "(primitive …), (enum …) or (struct …)");
  }
  return type;
}

ast::Decl parse_decl(Cursor& cursor) {
  ast::Decl decl;
  decl.position = cursor.position();
  // A modifier may also be the term's name: it is one only if another word follows it.
  auto modifier = [&](std::string_view word) { return cursor.remaining() > 3 && cursor.eat(word); };
  while (cursor.remaining() > 3) {
    if (modifier("pure")) {
      decl.is_pure = true;
    } else if (modifier("multi")) {
      decl.is_multi = true;
    } else if (modifier("partial")) {
      decl.is_partial = true;
    } else if (modifier("rec")) {
      decl.is_recursive = true;
    } else {
      cursor.fail("unknown modifier of a declaration", "pure, multi, partial or rec");
    }
  }
  decl.term = cursor.ident("the name of a term");
  Cursor arguments(cursor.list("the types of the arguments, in parentheses"));
  while (!arguments.at_end()) decl.arguments.push_back(arguments.ident("the type of an argument"));
  decl.result = cursor.ident("the type of the result");
  return decl;
}

ast::Extern parse_extern(Cursor& cursor) {
  ast::Extern external;
  external.position = cursor.position();
  if (cursor.eat("const")) {
    external.kind = ast::Extern::Kind::Constant;
    external.name = parse_constant_name(cursor);
    external.type = cursor.ident("the type of the constant");
    return external;
  }
  if (cursor.eat("extractor")) {
    external.kind = ast::Extern::Kind::Extractor;
    external.is_infallible = cursor.remaining() > 2 && cursor.eat("infallible");
  } else if (!cursor.eat("constructor")) {
    cursor.fail("unknown kind of extern", "(extern constructor …), (extern extractor …) or (extern const …)");
  }
  external.name = cursor.ident("the name of a term");
  external.function = cursor.ident("the name of a C++ function");
  return external;
}

ast::Extractor parse_extractor(Cursor& cursor) {
  ast::Extractor extractor;
  extractor.position = cursor.position();
  Cursor head(cursor.list("the term and its arguments, (name arg…)"));
  extractor.term = head.ident("the name of a term");
  while (!head.at_end()) extractor.arguments.push_back(head.ident("the name of an argument"));
  extractor.body = parse_pattern(cursor);
  return extractor;
}

ast::Converter parse_converter(Cursor& cursor) {
  ast::Converter converter;
  converter.position = cursor.position();
  converter.inner = cursor.ident("the type to convert from");
  converter.outer = cursor.ident("the type to convert to");
  converter.term = cursor.ident("the name of a term");
  return converter;
}

// (if-let PATTERN EXPR) or (if EXPR)
ast::IfLet parse_if_let(const Sexpr& list) {
  ast::IfLet if_let;
  if_let.position = list.position;
  Cursor items(list);
  if (items.eat("if-let")) {
    if_let.pattern = parse_pattern(items);
  } else {
    items.eat("if");
    if_let.pattern.position = items.position();
  }
  if_let.value = parse_expr(items);
  items.end();
  return if_let;
}

ast::Rule parse_rule(Cursor& cursor, Position start) {
  ast::Rule rule;
  rule.position = start;
  if (!cursor.at_end() && cursor.peek().is_symbol()) rule.name = cursor.ident("the name of a rule");
  if (!cursor.at_end() && cursor.peek().is_int()) {
    const Sexpr& item = cursor.next("a priority");
    if (item.value != static_cast<int64_t>(item.value)) {
      throw FormError{{item.position, "priority does not fit in 64 bits", ""}};
    }
    rule.priority = static_cast<int64_t>(item.value);
  }
  rule.pattern = parse_pattern(cursor);
  while (!cursor.at_end() && cursor.peek().is_list() && !cursor.peek().children.empty() &&
         (cursor.peek().children[0].is_symbol("if-let") || cursor.peek().children[0].is_symbol("if"))) {
    rule.if_lets.push_back(parse_if_let(cursor.next("if-let")));
  }
  rule.result = parse_expr(cursor);
  return rule;
}

void parse_form(const Sexpr& form, ast::Definitions& definitions) {
  Cursor cursor(form);
  const Sexpr& keyword = cursor.next("the keyword of a form");
  std::string_view word = keyword.is_symbol() ? keyword.text : "";
  if (word == "rule") {
    definitions.rules.push_back(parse_rule(cursor, form.position));
  } else if (word == "decl") {
    definitions.decls.push_back(parse_decl(cursor));
  } else if (word == "type") {
    definitions.types.push_back(parse_type(cursor));
  } else if (word == "extern") {
    definitions.externs.push_back(parse_extern(cursor));
  } else if (word == "extractor") {
    definitions.extractors.push_back(parse_extractor(cursor));
  } else if (word == "convert") {
    definitions.converters.push_back(parse_converter(cursor));
  } else if (word == "pragma") {
    ast::Ident name = cursor.ident("the name of a pragma");
    // Pragmas of earlier versions that changed how Cranelift's compiler works, not what the rules mean.
    if (name.text != "overlap_errors") throw FormError{{name.position, "unknown pragma '" + name.text + "'", ""}};
  } else if (!parse_spec_form(word, cursor, definitions)) {
    throw FormError{{keyword.position, "unknown form" + (word.empty() ? "" : " '" + std::string(word) + "'"),
                     "type, decl, rule, extractor, extern, convert, pragma, spec, model, form, instantiate, state, "
                     "macro or attr"}};
  }
  cursor.end();
}

}  // namespace

void parse_file(uint32_t file, std::string_view text, ast::Definitions& definitions,
                std::vector<PositionedError>& errors) {
  for (const Sexpr& form : read_sexprs(file, text, errors)) {
    try {
      parse_form(form, definitions);
    } catch (FormError& error) {
      if (errors.size() < kMaxErrors) errors.push_back(std::move(error.error));
    }
  }
}

}  // namespace assay::isle
