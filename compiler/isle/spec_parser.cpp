// See spec_parser.h.
#include "compiler/isle/spec_parser.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "compiler/isle/parser.h"

namespace assay::isle {

bool is_spec_operator(std::string_view name) {
  static const std::unordered_set<std::string_view> kOperators = {
      // booleans and integers
      "=", "and", "or", "not", "=>", "+", "-", "*", "<", "<=", ">", ">=", "if", "switch",
      // bit vectors
      "bvnot", "bvand", "bvor", "bvxor", "bvneg", "bvadd", "bvsub", "bvmul", "bvudiv", "bvurem", "bvsdiv", "bvsrem",
      "bvshl", "bvlshr", "bvashr", "bvsaddo", "bvule", "bvult", "bvuge", "bvugt", "bvsle", "bvslt", "bvsge", "bvsgt",
      "rotl", "rotr", "extract", "zero_ext", "sign_ext", "concat", "replicate", "conv_to", "int2bv", "bv2nat", "bv2int",
      "widthof", "typeof", "popcnt", "rev", "cls", "clz", "subs",
      // floating point
      "to_fp", "to_fp_unsigned", "to_fp_from_fp", "fp.to_ubv", "fp.to_sbv", "fp.+oo", "fp.-oo", "fp.+zero", "fp.-zero",
      "fp.NaN", "fp.eq", "fp.ne", "fp.lt", "fp.gt", "fp.le", "fp.ge", "fp.add", "fp.sub", "fp.mul", "fp.div", "fp.min",
      "fp.max", "fp.neg", "fp.ceil", "fp.floor", "fp.sqrt", "fp.trunc", "fp.nearest", "fp.isZero", "fp.isInfinite",
      "fp.isNaN", "fp.isNegative", "fp.isPositive"};
  return kOperators.contains(name);
}

namespace {

using ast::ModelType;
using ast::SpecExpr;

SpecExpr parse_spec_expr(Cursor& cursor);

std::vector<ast::Ident> parse_names(const Sexpr& list, std::string_view expected) {
  std::vector<ast::Ident> names;
  Cursor items(list);
  while (!items.at_end()) names.push_back(items.ident(expected));
  return names;
}

ModelType parse_model_type(Cursor& cursor) {
  ModelType type;
  type.position = cursor.position();
  using enum ModelType::Kind;
  struct Word {
    std::string_view text;
    ModelType::Kind kind;
  };
  for (Word word : {Word{"!", Unspecified}, {"_", Auto}, {"Bool", Bool}, {"Int", Int}, {"Unit", Unit}}) {
    if (!cursor.eat(word.text)) continue;
    type.kind = word.kind;
    return type;
  }
  Cursor items(cursor.list("a model type: Bool, Int, Unit, !, _, (bv [N]), (struct …) or (named T)"));
  if (items.eat("bv")) {
    type.kind = BitVector;
    if (!items.at_end()) {
      const Sexpr& width = items.next("a width");
      if (!width.is_int() || width.value < 1 || width.value > (1 << 20)) {
        throw FormError{{width.position, "the width of a bit vector must be a number from 1 to 2^20", ""}};
      }
      type.width = static_cast<uint32_t>(width.value);
    }
  } else if (items.eat("struct")) {
    type.kind = Struct;
    while (!items.at_end()) {
      Cursor field(items.list("a field, (name type)"));
      ast::Ident name = field.ident("the name of a field");
      ModelType field_type = parse_model_type(field);
      field.end();
      type.fields.push_back({std::move(name), std::move(field_type)});
    }
  } else if (items.eat("named")) {
    type.kind = Named;
    type.name = items.ident("the name of a type");
  } else {
    items.fail("unknown model type", "Bool, Int, Unit, !, _, (bv [N]), (struct …) or (named T)");
  }
  items.end();
  return type;
}

// (TAG TYPE…)
Cursor tagged(Cursor& cursor, std::string_view tag) {
  std::string expected = "(" + std::string(tag) + " …)";
  Cursor items(cursor.list(expected));
  if (!items.eat(tag)) items.fail("expected " + expected, "");
  return items;
}

bool is_bit_vector(std::string_view text) { return text.starts_with("#b") || text.starts_with("#x"); }

SpecExpr parse_atom(const Sexpr& item) {
  SpecExpr expr;
  expr.position = item.position;
  if (item.is_int()) {
    expr.value = static_cast<Uint128>(item.value);
    return expr;
  }
  if (!item.is_symbol()) throw FormError{{item.position, "expected a spec expression but found '@'", ""}};
  if (is_bit_vector(item.text)) {
    expr.kind = SpecExpr::Kind::BitVector;
    bool is_hex = item.text[1] == 'x';
    std::string digits = (is_hex ? "0x" : "0b") + std::string(item.text.substr(2));
    Int128 value = 0;
    if (item.text.find('_') != std::string_view::npos || !parse_int(digits, value)) {
      throw FormError{{item.position, "malformed bit vector", "#b or #x and up to 128 bits of digits"}};
    }
    expr.value = static_cast<Uint128>(value);
    expr.width = static_cast<uint32_t>((item.text.size() - 2) * (is_hex ? 4 : 1));
    return expr;
  }
  if (item.text == "true" || item.text == "false") {
    expr.kind = SpecExpr::Kind::Bool;
    expr.value = item.text == "true";
    return expr;
  }
  Cursor::check_ident(item.text, item.position);
  expr.kind = SpecExpr::Kind::Variable;
  expr.name = {std::string(item.text), item.position};
  return expr;
}

void parse_rest(Cursor& items, SpecExpr& expr) {
  while (!items.at_end()) expr.children.push_back(parse_spec_expr(items));
}

void parse_arms(Cursor& items, SpecExpr& expr) {
  while (!items.at_end()) {
    ast::SpecArm arm;
    arm.position = items.position();
    Cursor parts(items.list("an arm, ((Variant arg…) body)"));
    Cursor head(parts.list("(Variant arg…)"));
    arm.variant = head.ident("the name of a variant");
    while (!head.at_end()) arm.arguments.push_back(head.ident("the name of a field"));
    arm.body = parse_spec_expr(parts);
    parts.end();
    expr.arms.push_back(std::move(arm));
  }
}

void parse_bindings(Cursor& items, SpecExpr& expr) {
  while (!items.at_end()) {
    Cursor parts(items.list("a binding, (name expr)"));
    ast::Ident name = parts.ident("a name");
    SpecExpr value = parse_spec_expr(parts);
    parts.end();
    expr.bindings.push_back({std::move(name), std::move(value)});
  }
}

// Forms with a syntax of their own. False if `word` is none of them.
bool parse_special(std::string_view word, Cursor& items, SpecExpr& expr) {
  using enum SpecExpr::Kind;
  if (word == "switch") {
    expr.kind = Op;
    expr.children.push_back(parse_spec_expr(items));
    while (!items.at_end()) {
      SpecExpr pair;
      pair.kind = Pair;
      pair.position = items.position();
      Cursor parts(items.list("a case, (value result)"));
      pair.children.push_back(parse_spec_expr(parts));
      pair.children.push_back(parse_spec_expr(parts));
      parts.end();
      expr.children.push_back(std::move(pair));
    }
  } else if (word == "let") {
    expr.kind = Let;
    Cursor bindings(items.list("the bindings of a let, ((name expr)…)"));
    parse_bindings(bindings, expr);
    expr.children.push_back(parse_spec_expr(items));
  } else if (word == "with") {
    expr.kind = With;
    expr.names = parse_names(items.list("the names of the variables"), "the name of a variable");
    expr.children.push_back(parse_spec_expr(items));
  } else if (word == "macro") {
    expr.kind = Macro;
    expr.names = parse_names(items.list("the parameters of the macro"), "the name of a parameter");
    expr.children.push_back(parse_spec_expr(items));
  } else if (word == "call") {
    // Not of Cranelift's language: what is called stands in the definitions of instructions and operations.
    expr.kind = Call;
    expr.name = items.ident("the name of a function");
    while (!items.at_end()) expr.children.push_back(parse_spec_expr(items));
  } else if (word == "match") {
    expr.kind = Match;
    expr.children.push_back(parse_spec_expr(items));
    parse_arms(items, expr);
  } else if (word == "struct") {
    expr.kind = Struct;
    parse_bindings(items, expr);
  } else if (word == "as") {
    expr.kind = As;
    expr.children.push_back(parse_spec_expr(items));
    expr.type = parse_model_type(items);
  } else {
    return false;
  }
  items.end();
  return true;
}

SpecExpr parse_list(const Sexpr& list) {
  SpecExpr expr;
  expr.position = list.position;
  Cursor items(list);
  const Sexpr& head = items.next("a spec operator");
  if (!head.is_symbol()) throw FormError{{head.position, "expected a spec operator", ""}};
  std::string_view word = head.text;
  auto name = [&](std::string_view text) {
    Cursor::check_ident(text, head.position);
    return ast::Ident{std::string(text), head.position};
  };
  using enum SpecExpr::Kind;
  if (parse_special(word, items, expr)) {
    if (expr.kind != Call) expr.name = {std::string(word), head.position};
    return expr;
  }
  if (is_spec_operator(word)) {
    expr.kind = Op;
    expr.name = {std::string(word), head.position};
  } else if (word.ends_with('?')) {
    expr.kind = Discriminator;
    expr.name = name(word.substr(0, word.size() - 1));
  } else if (word.ends_with('!')) {
    expr.kind = Expand;
    expr.name = name(word.substr(0, word.size() - 1));
  } else if (word.starts_with(':')) {
    expr.kind = Field;
    expr.name = name(word.substr(1));
  } else if (size_t dot = word.find('.'); dot != std::string_view::npos) {
    expr.kind = Enum;
    expr.name = name(word.substr(0, dot));
    expr.variant = name(word.substr(dot + 1));
  } else {
    throw FormError{{head.position, "unknown spec operator '" + std::string(word.substr(0, 60)) + "'",
                     "macros are expanded with (name! …), fields read with (:name x), variants tested with (Name? x)"}};
  }
  parse_rest(items, expr);
  if ((expr.kind == Discriminator || expr.kind == Field) && expr.children.size() != 1) {
    throw FormError{{expr.position, "'" + std::string(word) + "' takes one argument", ""}};
  }
  return expr;
}

SpecExpr parse_spec_expr(Cursor& cursor) {
  const Sexpr& item = cursor.next("a spec expression");
  return item.is_list() ? parse_list(item) : parse_atom(item);
}

ast::Spec parse_spec(Cursor& cursor, Position position) {
  ast::Spec spec;
  spec.position = position;
  Cursor head(cursor.list("the term and its arguments, (name arg…)"));
  spec.term = head.ident("the name of a term");
  while (!head.at_end()) spec.arguments.push_back(head.ident("the name of an argument"));
  while (!cursor.at_end()) {
    Cursor clause(cursor.list("(provide …), (require …), (match …) or (modifies …)"));
    if (clause.eat("modifies")) {
      ast::Modifies modifies;
      modifies.state = clause.ident("the name of a state");
      if (!clause.at_end()) modifies.condition = clause.ident("the name of a condition");
      clause.end();
      spec.modifies.push_back(std::move(modifies));
      continue;
    }
    std::vector<SpecExpr>* exprs = clause.eat("provide")   ? &spec.provides
                                   : clause.eat("require") ? &spec.requirements
                                   : clause.eat("match")   ? &spec.matches
                                                           : nullptr;
    if (!exprs) clause.fail("unknown clause of a spec", "provide, require, match or modifies");
    while (!clause.at_end()) exprs->push_back(parse_spec_expr(clause));
  }
  return spec;
}

ast::Model parse_model(Cursor& cursor, Position position) {
  ast::Model model;
  model.position = position;
  model.name = cursor.ident("the name of a type or constant");
  Cursor body(cursor.list("(type …), (const …) or (enum …)"));
  if (body.eat("type")) {
    model.type = parse_model_type(body);
  } else if (body.eat("const")) {
    model.kind = ast::Model::Kind::Constant;
    model.value = parse_spec_expr(body);
  } else if (body.eat("enum")) {
    model.kind = ast::Model::Kind::Enum;
    while (!body.at_end()) {
      Cursor item(body.list("a variant, (Name [value])"));
      ast::Model::EnumValue value{item.ident("the name of a variant"), std::nullopt};
      if (!item.at_end()) value.value = parse_spec_expr(item);
      item.end();
      model.enum_values.push_back(std::move(value));
    }
  } else {
    body.fail("unknown kind of model", "(type …), (const …) or (enum …)");
  }
  body.end();
  return model;
}

std::vector<ast::Signature> parse_signatures(Cursor& cursor) {
  std::vector<ast::Signature> signatures;
  while (!cursor.at_end()) {
    ast::Signature signature;
    signature.position = cursor.position();
    Cursor items(cursor.list("a signature, ((args T…) (ret T))"));
    Cursor arguments = tagged(items, "args");
    while (!arguments.at_end()) signature.arguments.push_back(parse_model_type(arguments));
    Cursor result = tagged(items, "ret");
    signature.result = parse_model_type(result);
    result.end();
    if (!items.at_end()) {
      Cursor canonical = tagged(items, "canon");
      signature.canonical = parse_model_type(canonical);
      canonical.end();
    }
    items.end();
    signatures.push_back(std::move(signature));
  }
  return signatures;
}

ast::Instantiation parse_instantiation(Cursor& cursor, Position position) {
  ast::Instantiation instantiation;
  instantiation.position = position;
  instantiation.term = cursor.ident("the name of a term");
  if (cursor.at_end() || cursor.peek().is_list()) {
    instantiation.signatures = parse_signatures(cursor);
    return instantiation;
  }
  instantiation.form = cursor.ident("the name of a form");
  while (!cursor.at_end()) {
    Cursor tag = tagged(cursor, "tag");
    instantiation.tags.push_back(tag.ident("the name of a tag"));
    tag.end();
  }
  return instantiation;
}

ast::State parse_state(Cursor& cursor, Position position) {
  ast::State state;
  state.position = position;
  state.name = cursor.ident("the name of a state");
  Cursor type = tagged(cursor, "type");
  state.type = parse_model_type(type);
  type.end();
  Cursor initial = tagged(cursor, "default");
  state.initial = parse_spec_expr(initial);
  initial.end();
  return state;
}

ast::Attribute parse_attribute(Cursor& cursor, Position position) {
  ast::Attribute attribute;
  attribute.position = position;
  attribute.is_rule = cursor.eat("rule");
  attribute.target = cursor.ident("the name of a term or rule");
  while (!cursor.at_end()) {
    Cursor items(cursor.list("(veri chain), (veri priority) or (tag NAME)"));
    ast::Attribute::Item item;
    if (items.eat("tag")) {
      item.tag = items.ident("the name of a tag");
    } else if (items.eat("veri")) {
      if (items.eat("chain")) {
        item.kind = ast::Attribute::Kind::Chain;
      } else if (items.eat("priority")) {
        item.kind = ast::Attribute::Kind::Priority;
      } else {
        items.fail("unknown verification attribute", "chain or priority");
      }
    } else {
      items.fail("unknown attribute", "(veri chain), (veri priority) or (tag NAME)");
    }
    items.end();
    attribute.items.push_back(std::move(item));
  }
  return attribute;
}

}  // namespace

bool parse_spec_form(std::string_view keyword, Cursor& cursor, ast::Definitions& definitions) {
  Position position = cursor.position();
  if (keyword == "spec") {
    definitions.specs.push_back(parse_spec(cursor, position));
  } else if (keyword == "model") {
    definitions.models.push_back(parse_model(cursor, position));
  } else if (keyword == "form") {
    ast::Form form{position, cursor.ident("the name of a form"), {}};
    form.signatures = parse_signatures(cursor);
    definitions.forms.push_back(std::move(form));
  } else if (keyword == "instantiate") {
    definitions.instantiations.push_back(parse_instantiation(cursor, position));
  } else if (keyword == "state") {
    definitions.states.push_back(parse_state(cursor, position));
  } else if (keyword == "macro") {
    ast::SpecMacro macro;
    macro.position = position;
    Cursor head(cursor.list("the macro and its parameters, (name param…)"));
    macro.name = head.ident("the name of a macro");
    while (!head.at_end()) macro.parameters.push_back(head.ident("the name of a parameter"));
    macro.body = parse_spec_expr(cursor);
    definitions.macros.push_back(std::move(macro));
  } else if (keyword == "attr") {
    definitions.attributes.push_back(parse_attribute(cursor, position));
  } else {
    return false;
  }
  return true;
}

}  // namespace assay::isle
