// The language of `spec` forms: values, widths, errors, binding by definition.
#include "verify/spec.h"

#include <gtest/gtest.h>

#include "compiler/isle/sema.h"

namespace assay::verify {
namespace {

// `x` is the byte 0xa5, `y` the byte 0x3c, `w` 16 bits 0x1234, `ty` the integer 32, `b` true.
class Spec : public testing::Test {
 protected:
  const isle::ast::SpecExpr& parse(const std::string& text) {
    isle::CheckResult checked = isle::check_program(
        {{"t.isle",
          "(type u8 (primitive u8)) (decl t (u8) u8) (extern constructor t t) (spec (t arg) (provide " + text + "))"}});
    EXPECT_TRUE(checked.ok()) << text << "\n" << (checked.errors.empty() ? "" : checked.errors[0].message);
    programs_.push_back(std::move(checked.program));
    const isle::Program& program = *programs_.back();
    return program.terms[program.find_term("t")].specs.at(0)->provides.at(0);
  }
  SpecEnvironment environment() {
    SpecEnvironment env;
    env.emplace("x", SpecValue::of(terms_.bv(8, 0xa5)));
    env.emplace("y", SpecValue::of(terms_.bv(8, 0x3c)));
    env.emplace("w", SpecValue::of(terms_.bv(16, 0x1234)));
    env.emplace("ty", SpecValue::of(int64_t(32)));
    env.emplace("b", SpecValue::of(terms_.boolean(true)));
    env.emplace("some", SpecValue{.kind = SpecValue::Kind::Variant,
                                  .integer = 1,
                                  .type = &option_,
                                  .fields = {SpecValue::of(terms_.bv(8, 7))}});
    env.functions = &functions_;
    return env;
  }
  std::string value(const std::string& text) {
    try {
      const SpecValue v = evaluate_spec(terms_, parse(text), environment());
      if (v.is_integer()) return std::to_string(v.integer);
      const z3::expr e = v.term->simplify();
      if (e.is_bool()) return e.is_true() ? "true" : e.is_false() ? "false" : "?";
      return std::to_string(e.get_sort().bv_size()) + ":" + std::to_string(e.get_numeral_uint64());
    } catch (const SpecError& error) {
      return "error: " + error.message;
    }
  }

  z3::context context_;
  Terms terms_{context_};
  // (type Option (enum None (Some …)))
  const isle::Type option_{.name = "Option", .variants = {{.name = "None"}, {.name = "Some"}}};
  const SpecFunctions functions_ = [](const std::string& name, const std::vector<SpecValue>& arguments) {
    if (name != "sum") throw SpecError{"no function " + name};
    return SpecValue::of(*arguments.at(0).term + *arguments.at(1).term);
  };
  std::vector<std::unique_ptr<isle::Program>> programs_;
};

TEST_F(Spec, Values) {
  const std::pair<const char*, const char*> cases[] = {
      {"5", "5"},
      {"true", "true"},
      {"#xff", "8:255"},
      {"#b0101", "4:5"},
      {"x", "8:165"},
      {"(bvadd x y)", "8:225"},
      {"(call sum x (call sum y y))", "8:29"},
      {"(match some ((None) x) ((Some a) (bvadd a y)))", "8:67"},
      {"(if (<= ty 64) x w)", "8:165"},  // the other arm has another width
      {"(bvsub y x)", "8:151"},
      {"(bvmul x y)", "8:172"},
      {"(bvudiv x y)", "8:2"},
      {"(bvurem x y)", "8:45"},
      {"(bvsdiv x y)", "8:255"},
      {"(bvsrem x y)", "8:225"},
      {"(bvand x y)", "8:36"},
      {"(bvor x y)", "8:189"},
      {"(bvxor x y)", "8:153"},
      {"(bvnot x)", "8:90"},
      {"(bvneg x)", "8:91"},
      {"(bvshl x 4)", "8:80"},
      {"(bvlshr x 4)", "8:10"},
      {"(bvashr x 4)", "8:250"},
      {"(bvshl x 9)", "8:0"},
      {"(rotl x 4)", "8:90"},
      {"(rotr x 1)", "8:210"},
      {"(clz y)", "8:2"},
      {"(cls x)", "8:0"},
      {"(popcnt x)", "8:4"},
      {"(rev y)", "8:60"},
      {"(zero_ext 16 x)", "16:165"},
      {"(sign_ext 16 x)", "16:65445"},
      {"(zero_ext ty x)", "32:165"},
      {"(int2bv 8 ty)", "8:32"},
      {"(int2bv 8 -1)", "8:255"},
      {"(extract 7 4 x)", "4:10"},
      {"(extract (- ty 25) 0 w)", "8:52"},
      {"(concat x y)", "16:42300"},
      {"(widthof w)", "16"},
      {"(+ (* ty 2) 1)", "65"},
      {"(= x #xa5)", "true"},
      {"(= ty 32)", "true"},
      {"(= x 165)", "true"},
      {"(= y x)", "false"},
      {"(bvult x y)", "false"},
      {"(bvslt x y)", "true"},
      {"(bvsge x y)", "false"},
      {"(bvule x x)", "true"},
      {"(<= ty 32)", "true"},
      {"(< ty 32)", "false"},
      {"(and b (= ty 32) (not false))", "true"},
      {"(or false (> ty 33))", "false"},
      {"(=> b false)", "false"},
      {"(if b x y)", "8:165"},
      {"(if (= ty 64) x 7)", "8:7"},
      {"(let ((k x) (m (bvadd k 1))) (bvadd k m))", "8:75"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(value(text), expected) << text;
}

TEST_F(Spec, Errors) {
  const std::pair<const char*, const char*> cases[] = {
      {"nobody", "error: not bound: nobody"},
      {"(bvadd x w)", "error: operands of different widths: bvadd"},
      {"(bvadd ty 1)", "error: an integer stands where a bit vector is needed: bvadd"},
      {"(and x b)", "error: a condition is expected"},
      {"(= x b)", "error: operands of different widths: ="},
      {"(<= x y)", "error: '<=' compares integers"},
      {"(+ x 1)", "error: '+' works on integers"},
      {"(extract 8 0 x)", "error: bad bounds: extract"},
      {"(extract 0 3 x)", "error: bad bounds: extract"},
      {"(zero_ext 0 x)", "error: bad width: zero_ext"},
      {"(zero_ext x x)", "error: bad width: zero_ext"},
      {"(match some ((None) x))", "error: no arm for Some"},
      {"(match some ((Some a b) x))", "error: number of fields: Some"},
      {"(match x ((Some a) x))", "error: match needs a variant"},
      {"(bvadd some x)", "error: a variant stands where a bit vector is needed: bvadd"},
      {"(zero_ext 16 some)", "error: a variant has no bits: zero_ext"},
      {"(call difference x y)", "error: no function difference"},
      {"(widthof ty)", "error: an integer stands where a bit vector is needed: widthof"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(value(text), expected) << text;
}

TEST_F(Spec, BindsByDefinition) {
  SpecEnvironment env = environment();
  env.emplace("q", SpecValue::of(terms_.fresh("q", 8)));
  EXPECT_TRUE(bind_by_definition(terms_, parse("(= result (bvadd x 1))"), env));
  EXPECT_EQ(env.at("result").term->simplify().get_numeral_uint64(), 0xa6u);
  EXPECT_TRUE(bind_by_definition(terms_, parse("(= (+ ty 1) size)"), env));
  EXPECT_EQ(env.at("size").integer, 33);
  EXPECT_TRUE(bind_by_definition(terms_, parse("(if (<= ty 32) (= (extract 7 0 low) x) (= low w))"), env));
  const z3::expr low = *env.at("low").term;
  EXPECT_EQ(low.get_sort().bv_size(), 64u);
  EXPECT_EQ(low.extract(7, 0).simplify().get_numeral_uint64(), 0xa5u);
  EXPECT_FALSE(low.extract(8, 8).simplify().is_numeral());  // the other bits are anyone's
  EXPECT_FALSE(bind_by_definition(terms_, parse("(= (extract 8 0 other) x)"), env));
  EXPECT_FALSE(bind_by_definition(terms_, parse("(= (extract 7 1 other) (extract 7 1 x))"), env));
  EXPECT_FALSE(bind_by_definition(terms_, parse("(if (= q x) (= other x) (= other y))"), env));
  // Both sides known, the other side unknown, no equation: nothing to bind.
  EXPECT_FALSE(bind_by_definition(terms_, parse("(= result x)"), env));
  EXPECT_FALSE(bind_by_definition(terms_, parse("(= other (bvadd missing 1))"), env));
  EXPECT_FALSE(bind_by_definition(terms_, parse("(bvult other x)"), env));
  EXPECT_FALSE(env.contains("other"));
}

}  // namespace
}  // namespace assay::verify
