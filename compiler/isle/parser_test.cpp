// The forms, one by one, and the errors of malformed ones.
#include "compiler/isle/parser.h"

#include <gtest/gtest.h>

namespace assay::isle {
namespace {

ast::Definitions parse(std::string_view text) {
  ast::Definitions definitions;
  std::vector<PositionedError> errors;
  parse_file(0, text, definitions, errors);
  for (const PositionedError& error : errors) ADD_FAILURE() << error.position.line << ": " << error.message;
  return definitions;
}

// "line:column message" of the only error.
std::string error_of(std::string_view text) {
  ast::Definitions definitions;
  std::vector<PositionedError> errors;
  parse_file(0, text, definitions, errors);
  if (errors.size() != 1) return std::to_string(errors.size()) + " errors";
  return std::to_string(errors[0].position.line) + ":" + std::to_string(errors[0].position.column) + " " +
         errors[0].message;
}

TEST(Parser, Types) {
  auto types = parse(
                   "(type A (primitive B)) (type C extern (enum X (Y (a u8) (b A)) (Z u8 A)))"
                   "(type D nodebug (enum)) (type E (struct (x u8))) (type F (struct u8 u16)) (type G (struct))")
                   .types;
  ASSERT_EQ(types.size(), 6u);
  EXPECT_EQ(types[0].primitive.text, "B");
  EXPECT_TRUE(types[1].is_extern);
  ASSERT_EQ(types[1].variants.size(), 3u);
  EXPECT_TRUE(types[1].variants[0].fields.empty());
  EXPECT_EQ(types[1].variants[1].fields[1].name.text, "b");
  EXPECT_TRUE(types[1].variants[2].is_tuple);
  EXPECT_EQ(types[1].variants[2].fields[1].name.text, "1");
  EXPECT_TRUE(types[2].is_nodebug);
  EXPECT_EQ(types[3].variants[0].fields[0].type.text, "u8");
  EXPECT_EQ(types[4].variants[0].fields.size(), 2u);
  EXPECT_TRUE(types[5].variants[0].fields.empty());
}

TEST(Parser, Decls) {
  auto decls =
      parse("(decl a () T) (decl pure multi partial rec b (T U) V) (decl partial (T) U) (decl rec pure c () T)").decls;
  ASSERT_EQ(decls.size(), 4u);
  EXPECT_FALSE(decls[0].is_pure);
  EXPECT_TRUE(decls[1].is_pure && decls[1].is_multi && decls[1].is_partial && decls[1].is_recursive);
  EXPECT_EQ(decls[1].arguments.size(), 2u);
  EXPECT_EQ(decls[2].term.text, "partial");  // a modifier may be a name
  EXPECT_TRUE(decls[3].is_pure && decls[3].is_recursive);
}

TEST(Parser, Externs) {
  auto externs = parse(
                     "(extern constructor a f) (extern extractor b g) (extern extractor infallible c h)"
                     "(extern const $D T)")
                     .externs;
  ASSERT_EQ(externs.size(), 4u);
  EXPECT_EQ(externs[0].function.text, "f");
  EXPECT_FALSE(externs[1].is_infallible);
  EXPECT_TRUE(externs[2].is_infallible);
  EXPECT_EQ(externs[3].name.text, "D");
}

TEST(Parser, Rules) {
  auto rules =
      parse("(rule (a x) x) (rule 3 (a _) 1) (rule name (a _) 1) (rule name -4 (a _) (if-let y (b)) (if (c)) y)").rules;
  ASSERT_EQ(rules.size(), 4u);
  EXPECT_FALSE(rules[0].name || rules[0].priority);
  EXPECT_EQ(rules[1].priority, 3);
  EXPECT_EQ(rules[2].name->text, "name");
  EXPECT_EQ(rules[3].priority, -4);
  ASSERT_EQ(rules[3].if_lets.size(), 2u);
  EXPECT_EQ(rules[3].if_lets[0].pattern.kind, ast::Pattern::Kind::Variable);
  EXPECT_EQ(rules[3].if_lets[1].pattern.kind, ast::Pattern::Kind::Wildcard);
}

TEST(Parser, Patterns) {
  auto rules = parse("(rule (a x y @ (b _) z@1 $C T.V true #f -0x10 (and p (c))) x)").rules;
  ASSERT_EQ(rules.size(), 1u);
  const auto& children = rules[0].pattern.children;
  using Kind = ast::Pattern::Kind;
  std::vector<Kind> kinds;
  for (const auto& child : children) kinds.push_back(child.kind);
  EXPECT_EQ(kinds, (std::vector{Kind::Variable, Kind::Bind, Kind::Bind, Kind::Constant, Kind::Variable, Kind::Bool,
                                Kind::Bool, Kind::Int, Kind::And}));
  EXPECT_EQ(children[1].children[0].name.text, "b");
  EXPECT_EQ(children[3].name.text, "C");
  EXPECT_EQ(children[5].value, 1);
  EXPECT_EQ(children[7].value, -16);
}

TEST(Parser, Expressions) {
  auto rules = parse("(rule (a) (let ((x T 1) (y U (f x))) (g x y $C #t (h))))").rules;
  ASSERT_EQ(rules.size(), 1u);
  const ast::Expr& let = rules[0].result;
  ASSERT_EQ(let.kind, ast::Expr::Kind::Let);
  EXPECT_EQ(let.lets[1].type.text, "U");
  EXPECT_EQ(let.children[0].children.size(), 5u);
}

TEST(Parser, OtherForms) {
  auto definitions = parse("(extractor (a x y) (b x (c y))) (convert T U term) (pragma overlap_errors)");
  EXPECT_EQ(definitions.extractors[0].arguments.size(), 2u);
  EXPECT_EQ(definitions.converters[0].outer.text, "U");
}

TEST(Parser, Specs) {
  auto specs = parse(
                   "(spec (f x y) (provide (= result (bvadd x y)) (=> true (not false)))"
                   " (require (= #b01 #x1f)) (match (bvult x y)) (modifies trap) (modifies mem cond))")
                   .specs;
  ASSERT_EQ(specs.size(), 1u);
  EXPECT_EQ(specs[0].provides.size(), 2u);
  EXPECT_EQ(specs[0].matches.size(), 1u);
  const ast::SpecExpr& require = specs[0].requirements[0];
  EXPECT_EQ(require.children[0].width, 2u);
  EXPECT_EQ(require.children[1].width, 8u);
  EXPECT_EQ(require.children[1].value, 31u);
  EXPECT_EQ(specs[0].modifies[1].condition->text, "cond");
}

TEST(Parser, SpecExpressions) {
  auto macros =
      parse(
          "(macro (m a b) (let ((x (:field a)) (y (other! b 1))) (match x ((Some v) (Some? v)) ((None) false))))"
          "(macro (n) (with (p q) (switch p (1 q) (2 (as q (bv 8))))))"
          "(macro (o) (struct (l (T.V 1)) (r (macro (z) z))))"
          "(macro (p x) (call holds x 1))")
          .macros;
  ASSERT_EQ(macros.size(), 4u);
  using Kind = ast::SpecExpr::Kind;
  const ast::SpecExpr& let = macros[0].body;
  EXPECT_EQ(let.kind, Kind::Let);
  EXPECT_EQ(let.bindings[0].value.kind, Kind::Field);
  EXPECT_EQ(let.bindings[1].value.kind, Kind::Expand);
  EXPECT_EQ(let.children[0].arms[0].body.kind, Kind::Discriminator);
  const ast::SpecExpr& with = macros[1].body;
  EXPECT_EQ(with.names.size(), 2u);
  EXPECT_EQ(with.children[0].children[2].kind, Kind::Pair);
  EXPECT_EQ(with.children[0].children[2].children[1].type->width, 8u);
  EXPECT_EQ(macros[2].body.bindings[0].value.kind, Kind::Enum);
  EXPECT_EQ(macros[2].body.bindings[1].value.kind, Kind::Macro);
  EXPECT_EQ(macros[3].body.kind, Kind::Call);
  EXPECT_EQ(macros[3].body.name.text, "holds");
  EXPECT_EQ(macros[3].body.children.size(), 2u);
}

TEST(Parser, ModelsFormsStates) {
  auto definitions = parse(
      "(model A (type (bv 64))) (model B (type (struct (x Bool) (y (named A))))) (model C (const #x01))"
      "(model D (enum (X 1) (Y))) (model E (type !)) (model F (type (bv)))"
      "(form g ((args (bv 8) Int) (ret _)) ((args) (ret Unit) (canon (bv 8))))"
      "(instantiate t g) (instantiate t g (tag slow)) (instantiate t ((args (bv 8)) (ret (bv 8))))"
      "(state s (type Bool) (default (not s)))"
      "(attr t (veri chain) (tag x)) (attr rule r (veri priority))");
  EXPECT_EQ(definitions.models.size(), 6u);
  EXPECT_EQ(definitions.models[1].type.fields[1].type.name.text, "A");
  EXPECT_EQ(definitions.models[3].enum_values.size(), 2u);
  EXPECT_FALSE(definitions.models[5].type.width);
  EXPECT_TRUE(definitions.forms[0].signatures[1].canonical);
  EXPECT_EQ(definitions.instantiations[1].tags[0].text, "slow");
  EXPECT_EQ(definitions.instantiations[2].signatures.size(), 1u);
  EXPECT_EQ(definitions.states[0].initial.kind, ast::SpecExpr::Kind::Op);
  EXPECT_EQ(definitions.attributes[0].items.size(), 2u);
  EXPECT_TRUE(definitions.attributes[1].is_rule);
}

TEST(Parser, Errors) {
  EXPECT_EQ(error_of("(foo)"), "1:2 unknown form 'foo'");
  EXPECT_EQ(error_of("()"), "1:1 expected the keyword of a form before the end of this form");
  EXPECT_EQ(error_of("(rule (a))"), "1:1 expected an expression before the end of this form");
  EXPECT_EQ(error_of("(rule (a) 1 2)"), "1:13 unexpected item: the form should end here");
  EXPECT_EQ(error_of("(type A (foo))"), "1:10 unknown kind of type");
  EXPECT_EQ(error_of("(type A odd (enum))"), "1:9 unknown modifier of a type");
  EXPECT_EQ(error_of("(decl pur a () T)"), "1:7 unknown modifier of a declaration");
  EXPECT_EQ(error_of("(decl a+b () T)"), "1:7 'a+b' is not a name");
  EXPECT_EQ(error_of("(extern const X T)"), "1:15 'X' is not the name of a constant");
  EXPECT_EQ(error_of("(extern thing x y)"), "1:9 unknown kind of extern");
  EXPECT_EQ(error_of("(rule (a (1)) 2)"), "1:11 expected the name of a term but found '1'");
  EXPECT_EQ(error_of("(rule (a @) 2)"), "1:10 expected a pattern but found '@'");
  EXPECT_EQ(error_of("(pragma odd)"), "1:9 unknown pragma 'odd'");
  EXPECT_EQ(error_of("(spec (f) (provide (odd 1)))"), "1:21 unknown spec operator 'odd'");
  EXPECT_EQ(error_of("(spec (f) (odd 1))"), "1:12 unknown clause of a spec");
  EXPECT_EQ(error_of("(model A (type (bv 0)))"), "1:20 the width of a bit vector must be a number from 1 to 2^20");
}

TEST(Parser, OneErrorAFormAndTheRestIsParsed) {
  ast::Definitions definitions;
  std::vector<PositionedError> errors;
  parse_file(0, "(decl a)\n(decl b () T)\n(rule)\n(rule (b) 1)", definitions, errors);
  EXPECT_EQ(errors.size(), 2u);
  EXPECT_EQ(definitions.decls.size(), 1u);
  EXPECT_EQ(definitions.rules.size(), 1u);
}

}  // namespace
}  // namespace assay::isle
