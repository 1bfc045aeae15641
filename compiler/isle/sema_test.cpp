// Types and names: what checks, what is reported and where, and that hostile programs end in an error.
#include "compiler/isle/sema.h"

#include <gtest/gtest.h>

#include "compiler/isle/test_util.h"

namespace assay::isle {
namespace {

TEST(Sema, TypedRule) {
  CheckResult result = check_text(
      "(type V (primitive Val)) (type E extern (enum (A (x V)) B))\n"
      "(decl get (E) V) (extern extractor infallible get get_it)\n"
      "(decl pure partial p (V) u8) (extern constructor p p)\n"
      "(decl f (V u8) u8)\n"
      "(rule named 2 (f (get (E.A y)) k) (if-let 7 (p y)) k)\n");
  ASSERT_EQ(errors_of(result), "");
  const Program& program = *result.program;
  const Rule& rule = program.rules[program.find_rule("named")];
  EXPECT_EQ(rule.priority, 2);
  EXPECT_EQ(program.terms[rule.term].name, "f");
  EXPECT_EQ(rule.position.line, 5u);
  ASSERT_EQ(rule.arguments.size(), 2u);
  const Pattern& get = rule.arguments[0];
  EXPECT_EQ(get.kind, Pattern::Kind::Term);
  EXPECT_EQ(program.types[get.type].name, "V");
  EXPECT_EQ(program.types[get.children[0].type].name, "E");
  EXPECT_EQ(program.variant_of(program.terms[get.children[0].term]).name, "A");
  EXPECT_EQ(rule.arguments[1].kind, Pattern::Kind::Bind);
  ASSERT_EQ(rule.if_lets.size(), 1u);
  EXPECT_EQ(rule.if_lets[0].pattern.value, 7);
  EXPECT_EQ(rule.variables[rule.result.variable.index].name, "k");
}

TEST(Sema, RuleNames) {
  CheckResult result = check_text("(decl f (u8) u8)\n(rule (f 1) 1) (rule (f 2) 1)\n(rule given (f 3) 1)");
  ASSERT_EQ(errors_of(result), "");
  EXPECT_TRUE(result.program->find_rule("f_t_2"));
  EXPECT_TRUE(result.program->find_rule("f_t_2_2"));
  EXPECT_TRUE(result.program->find_rule("given"));
  EXPECT_EQ(errors_of("(decl f (u8) u8)\n(rule a (f 1) 1)\n(rule a (f 2) 1)"), "3:1: two rules are named 'a'\n");
}

TEST(Sema, ImplicitConversions) {
  std::string types =
      "(type A (primitive A)) (type B (primitive B)) (type C (primitive C))\n"
      "(decl a2b (A) B) (extern constructor a2b a2b) (extern extractor a2b a2b)\n"
      "(decl b2c (B) C) (extern constructor b2c b2c) (extern extractor b2c b2c)\n"
      "(decl a () A) (extern constructor a a) (extern extractor a a)\n";
  // One step, in an expression and in a pattern.
  EXPECT_EQ(errors_of(types + "(convert A B a2b) (decl f (B) B) (rule (f (a)) (a))"), "");
  // Two steps: the converter of the pair yields B, which is converted in turn.
  CheckResult result = check_text(types + "(convert A C a2b) (convert B C b2c) (decl f (C) C) (rule (f (a)) (a))");
  ASSERT_EQ(errors_of(result), "");
  const Rule& rule = result.program->rules[RuleId(0)];
  EXPECT_EQ(result.program->terms[rule.result.term].name, "b2c");
  EXPECT_EQ(result.program->terms[rule.result.children[0].term].name, "a2b");
  EXPECT_EQ(result.program->terms[rule.arguments[0].term].name, "b2c");
  EXPECT_EQ(errors_of(types + "(decl f (B) B) (rule (f x) (a))"),
            "5:28: expression 'a' has type 'A' but type 'B' is expected\n");
  // A cycle ends.
  EXPECT_NE(errors_of(types + "(decl c2a (C) A) (extern constructor c2a c2a) (convert A C a2b) (convert B C c2a)"
                              "(decl f (C) C) (rule (f x) (a))"),
            "");
}

TEST(Sema, Macros) {
  std::string text =
      "(type V (primitive V)) (type I extern (enum (Add (x V) (y V)) (Neg (x V))))\n"
      "(decl inst (I) V) (extern extractor infallible inst inst)\n"
      "(decl add (V V) V) (extractor (add a b) (inst (I.Add a b)))\n"
      "(decl double (V) V) (extractor (double a) (add a a))\n"
      "(decl f (V) V)\n";
  CheckResult result = check_text(text + "(rule (f (double (inst (I.Neg x)))) x)");
  ASSERT_EQ(errors_of(result), "");
  const Pattern& add = result.program->rules[RuleId(0)].arguments[0].children[0];
  EXPECT_EQ(result.program->terms[add.term].name, "I.Add");
  EXPECT_EQ(add.children[0].kind, Pattern::Kind::Term);
  // Each use of the argument is the pattern again: the second `x` must equal the first.
  EXPECT_EQ(add.children[1].children[0].children[0].kind, Pattern::Kind::Variable);
  CheckOptions options;
  options.expand_macros = false;
  result = check_text(text + "(rule (f (double x)) x)", options);
  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(result.program->terms[result.program->rules[RuleId(0)].arguments[0].term].name, "double");
}

TEST(Sema, Declarations) {
  EXPECT_EQ(errors_of("(type u8 (primitive u8)) (decl f (u8) u8) (rule (f x) x)"), "");
  EXPECT_EQ(errors_of("(type u8 (primitive Foo))"), "1:7: type 'u8' is defined twice\n");
  EXPECT_EQ(errors_of("(type A (enum X))\n(type A (enum))"), "2:7: type 'A' is defined twice\n");
  EXPECT_EQ(errors_of("(type A (enum X X))"), "1:17: type 'A' has two variants named 'X'\n");
  EXPECT_EQ(errors_of("(type A (enum (X (f B))))"), "1:21: unknown type 'B' of a field\n");
  EXPECT_EQ(errors_of("(type A extern (primitive B))"), "1:7: a primitive type cannot be extern or nodebug\n");
  EXPECT_EQ(errors_of("(decl f (B) C)"),
            "1:7: term 'f' has no rules, no extractor and no extern\n"
            "1:10: unknown type 'B'\n1:13: unknown type 'C'\n");
  EXPECT_EQ(errors_of("(decl f () u8)\n(decl f () u8) (rule (f) 1)"), "2:7: term 'f' is declared twice\n");
  EXPECT_EQ(errors_of("(decl multi partial f () u8) (rule (f) 1)"),
            "1:21: term 'f' cannot be both multi and partial\n");
  EXPECT_EQ(errors_of("(extern constructor f f)"), "1:21: external constructor for the undeclared term 'f'\n");
  EXPECT_EQ(errors_of("(decl f () u8) (extern constructor f f) (extern constructor f g)"),
            "1:49: term 'f' has two constructors\n");
  EXPECT_EQ(errors_of("(decl f () u8) (extern constructor f f) (rule (f) 1)"),
            "1:41: rule for 'f', which has an external constructor\n");
  EXPECT_EQ(errors_of("(type A (enum X)) (rule (A.X) 1)"), "1:26: rule for 'A.X', which is a variant or struct\n");
  EXPECT_EQ(errors_of("(extern const $X T)"), "1:18: unknown type 'T'\n");
  EXPECT_EQ(errors_of("(decl multi f (u8) u8) (extractor (f x) x)"),
            "1:13: term 'f' has no rules, no extractor and no extern\n"
            "1:36: the multi term 'f' cannot have an internal extractor\n");
}

TEST(Sema, Patterns) {
  std::string f =
      "(type E (enum A (B (x u8)))) (extern const $C u8) (decl g (u8) u8) (rule (g x) x)\n"
      "(decl f (E u8 bool) u8)\n";
  EXPECT_EQ(errors_of(f + "(rule (f E.A $C true) 1)"), "");
  EXPECT_EQ(errors_of(f + "(rule (f _ _) 1)"), "3:7: 'f' takes 3 arguments but 2 are given\n");
  EXPECT_EQ(errors_of(f + "(rule (f (E.B) _ _) 1)"), "3:10: 'E.B' takes 1 argument but 0 are given\n");
  EXPECT_EQ(errors_of(f + "(rule (f 1 _ _) 1)"), "3:10: integer found where type 'E' is expected\n");
  EXPECT_EQ(errors_of(f + "(rule (f _ 256 _) 1)"), "3:12: integer does not fit in type 'u8'\n");
  EXPECT_EQ(errors_of(f + "(rule (f _ -129 _) 1)"), "3:12: integer does not fit in type 'u8'\n");
  EXPECT_EQ(errors_of(f + "(rule (f _ -128 _) 1)"), "");
  EXPECT_EQ(errors_of(f + "(rule (f _ true _) 1)"), "3:12: boolean found where type 'u8' is expected\n");
  EXPECT_EQ(errors_of(f + "(rule (f _ (E.A) _) 1)"), "3:12: pattern 'E.A' has type 'E' but type 'u8' is expected\n");
  EXPECT_EQ(errors_of(f + "(rule (f $C _ _) 1)"), "3:10: constant '$C' has type 'u8' but 'E' is expected\n");
  EXPECT_EQ(errors_of(f + "(rule (f _ $D _) 1)"), "3:12: unknown constant '$D'\n");
  EXPECT_EQ(errors_of(f + "(rule (f _ (g x) _) 1)"), "3:12: term 'g' has no extractor\n");
  EXPECT_EQ(errors_of(f + "(rule (f _ (h x) _) 1)"), "3:13: unknown term 'h' in a pattern\n");
  EXPECT_EQ(errors_of(f + "(rule (f x x _) 1)"), "3:12: variable 'x' has type 'E' but is matched against type 'u8'\n");
  EXPECT_EQ(errors_of(f + "(rule (f x x@3 _) 1)"), "3:12: variable 'x' is already bound\n");
}

TEST(Sema, Expressions) {
  std::string f =
      "(type E (enum A (B (x u8)))) (decl pure g (u8) u8) (extern constructor g g)\n"
      "(decl h (u8) u8) (extern constructor h h) (decl partial p () u8) (extern constructor p p)\n"
      "(decl multi m () u8) (extern constructor m m) (decl x1 (u8) E) (extern extractor x1 x1)\n"
      "(decl f (u8) E)\n";
  EXPECT_EQ(errors_of(f + "(rule (f y) (let ((z u8 (h y)) (y u8 (g z))) (E.B y)))"), "");
  EXPECT_EQ(errors_of(f + "(rule (f y) E.A)"), "");
  EXPECT_EQ(errors_of(f + "(rule (f y) y)"), "5:13: variable 'y' has type 'u8' but type 'E' is expected\n");
  EXPECT_EQ(errors_of(f + "(rule (f y) z)"), "5:13: unknown variable 'z'\n");
  EXPECT_EQ(errors_of(f + "(rule (f y) (y))"), "5:14: unknown term 'y' in an expression\n");
  EXPECT_EQ(errors_of(f + "(rule (f y) (E.B 300))"), "5:18: integer does not fit in type 'u8'\n");
  EXPECT_EQ(errors_of(f + "(rule (f y) (E.B (x1 y)))"),
            "5:18: expression 'x1' has type 'E' but type 'u8' is expected\n");
  EXPECT_EQ(errors_of(f + "(rule (f y) (x1 y))"), "5:13: term 'x1' has no constructor\n");
  EXPECT_EQ(errors_of(f + "(rule (f y) (if-let z (h y)) (E.B z))"), "5:23: constructor 'h' is not pure\n");
  EXPECT_EQ(errors_of(f + "(rule (f y) (if-let z 3) (E.B z))"), "5:23: the type of this integer is not known here\n");
  EXPECT_EQ(errors_of(f + "(rule (f y) (E.B (p)))"), "5:18: partial constructor 'p' in the result of a rule\n");
  EXPECT_EQ(errors_of(f + "(rule (f y) (E.B (m)))"),
            "5:18: multi constructor 'm' in a rule for a term that is not multi\n");
  EXPECT_EQ(errors_of(f + "(rule (f y) (let ((z u8 1)) (E.B z)))"), "");
  EXPECT_EQ(errors_of(f + "(rule (f y) (let ((z Z 1)) (E.B z)))"),
            "5:22: unknown type 'Z'\n"
            "5:24: the type of this integer is not known here\n");
  EXPECT_EQ(errors_of("(decl pure f (u8) u8) (decl h (u8) u8) (extern constructor h h) (rule (f x) (h x))"),
            "1:77: constructor 'h' is not pure\n");
}

TEST(Sema, Recursion) {
  EXPECT_EQ(errors_of("(decl f (u8) u8) (rule (f x) (f x))"), "1:7: term 'f' is recursive but not declared rec\n");
  EXPECT_EQ(errors_of("(decl rec f (u8) u8) (rule (f x) (f x))"), "");
  EXPECT_EQ(errors_of("(decl rec f (u8) u8) (decl g (u8) u8) (rule (f x) (g x)) (rule (g x) (f x))"),
            "1:28: term 'g' is recursive but not declared rec\n");
}

TEST(Sema, Specs) {
  CheckResult result = check_text(
      "(decl f (u8) u8) (rule r (f x) x) (type T (primitive T)) (extern const $C u8)\n"
      "(spec (f x) (provide (= result x))) (model T (type (bv 8))) (model C (const 1))\n"
      "(form w ((args (bv 8)) (ret (bv 8)))) (instantiate f w) (state s (type Bool) (default true))\n"
      "(attr f (veri chain)) (attr rule r (tag x)) (spec (f y) (modifies s))");
  ASSERT_EQ(errors_of(result), "");
  const Term& term = result.program->terms[result.program->find_term("f")];
  EXPECT_EQ(term.specs.size(), 2u);
  EXPECT_EQ(term.instantiations.size(), 1u);
  EXPECT_EQ(term.attributes.size(), 1u);
  EXPECT_EQ(result.program->rules[RuleId(0)].attributes.size(), 1u);
  EXPECT_EQ(errors_of("(spec (f))"), "1:8: spec for the unknown term 'f'\n");
  EXPECT_EQ(errors_of("(model T (type Bool))"), "1:8: model of an unknown type 'T'\n");
  EXPECT_EQ(errors_of("(attr rule r (tag x))"), "1:12: attribute for the unknown rule 'r'\n");
  EXPECT_EQ(errors_of("(state s (type Bool) (default true))\n(state s (type Bool) (default true))"),
            "2:8: state 's' is defined twice\n");
}

TEST(Sema, ErrorsOfAllFilesWithCaret) {
  std::vector<SourceFile> files;
  files.push_back({"a.isle", "(decl f (u8) u8)\n(rule (f x) y)\n(rule"});
  files.push_back({"b.isle", "(rule (f 1) 300)\n"});
  CheckResult result = check_program(std::move(files));
  EXPECT_EQ(render_errors(result),
            "a.isle:2:13: error: unknown variable 'y'\n"
            "  (rule (f x) y)\n"
            "              ^\n"
            "a.isle:3:1: error: '(' is not closed\n"
            "  (rule\n"
            "  ^\n"
            "b.isle:1:13: error: integer does not fit in type 'u8'\n"
            "  (rule (f 1) 300)\n"
            "              ^\n");
}

// ---- hostile programs ----

TEST(Sema, CyclicMacros) {
  EXPECT_EQ(errors_of("(decl a (u8) u8) (extractor (a x) (b x))\n(decl b (u8) u8) (extractor (b x) (a x))\n"
                      "(decl f (u8) u8) (rule (f (a x)) x)"),
            "1:35: term 'b' has no extractor\n"
            "2:7: term 'b' has no rules, no extractor and no extern\n"
            "2:30: extractor 'b' expands to itself\n");
}

TEST(Sema, ExponentialMacros) {
  std::string text = "(decl m0 (u8) u8) (extractor (m0 x) (and x x))\n";
  for (int i = 1; i < 64; i++) {
    std::string n = std::to_string(i), previous = "m" + std::to_string(i - 1);
    text += "(decl m" + n + " (u8) u8) (extractor (m" + n + " x) (and (" + previous + " x) (" + previous + " x)))\n";
  }
  text += "(decl f (u8) u8) (rule (f (m63 x)) x)";
  EXPECT_NE(errors_of(text).find("by the expansion of extractors"), std::string::npos);
  // A long chain is too deep rather than too large.
  text = "(decl m0 (u8) u8) (extractor (m0 x) x)\n";
  for (int i = 1; i < 5000; i++) {
    std::string n = std::to_string(i);
    text += "(decl m" + n + " (u8) u8) (extractor (m" + n + " x) (m" + std::to_string(i - 1) + " x))\n";
  }
  text += "(decl f (u8) u8) (rule (f (m4999 x)) x)";
  EXPECT_NE(errors_of(text).find("nested too deeply"), std::string::npos);
}

TEST(Sema, DeepRules) {
  std::string text = "(decl pure g (u8) u8) (extern constructor g g) (decl f (u8) u8) (rule (f x) ";
  for (int i = 0; i < 900; i++) text += "(g ";
  EXPECT_EQ(errors_of(text + "x" + std::string(901, ')')), "");
  for (int i = 0; i < 200; i++) text += "(g ";
  EXPECT_NE(errors_of(text + "x" + std::string(1101, ')')), "");
}

TEST(Sema, LongRules) {
  std::string binds = "(decl f (u8) u8) (rule (f ", arguments = "(decl f (", patterns;
  for (int i = 0; i < 100000; i++) binds += "x" + std::to_string(i) + " @ ";
  EXPECT_NE(errors_of(binds + "_) 1)").find("too many variables"), std::string::npos);
  for (int i = 0; i < 20000; i++) {
    arguments += "u8 ";
    patterns += "1 ";
  }
  EXPECT_NE(errors_of(arguments + ") u8) (rule (f " + patterns + ") 1)").find("too many tests"), std::string::npos);
}

TEST(Sema, ManyOverlappingRules) {
  std::string text = "(decl f (u8 u32) u8)\n";
  for (int i = 0; i < 5000; i++)
    text += "(rule " + std::to_string(i) + " (f _ " + std::to_string(i) + ") 1) (rule " + std::to_string(5000 + i) +
            " (f 1 _) 2)\n";
  EXPECT_NE(errors_of(text), "");
}

}  // namespace
}  // namespace assay::isle
