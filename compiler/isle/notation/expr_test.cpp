// The expression language: precedence, widths, values, errors with their places, hostile input.
#include <gtest/gtest.h>

#include "compiler/isle/notation/evaluate.h"
#include "compiler/isle/notation/semantics.h"

namespace assay::notation {
namespace {

const Place kStart{.file = "t", .line = 1, .column = 1};

// x and y are 32 bits, z 64, n an 8-bit signed immediate; the result `a` has `width` bits.
struct Fixture {
  Library library;
  Environment environment;
  std::vector<Bits> values = {Bits(7), Bits(3), Bits(0x8000000000000001u), Bits(static_cast<uint64_t>(-5))};

  explicit Fixture(unsigned width = 32) {
    environment.names["x"] = Binding::of_value(32, 0);
    environment.names["y"] = Binding::of_value(32, 1);
    environment.names["z"] = Binding::of_value(64, 2);
    environment.names["n"] = Binding::of_imm(8, 3);
    environment.names["a"] = Binding::of_result(width, 0);
    environment.names["b"] = Binding::of_result(width, 1);
    environment.names["sz"] = Binding::of_enum(0, 1);
    EnumDef size;
    size.name = "Size";
    size.enumerators.push_back({.name = "W", .number = 10, .attributes = {{"bits", 32}}});
    size.enumerators.push_back({.name = "X", .number = 11, .attributes = {{"bits", 64}}});
    library.enums.push_back(size);
  }

  Expected<Semantics> typed(std::string_view text) {
    auto parsed = parse_semantics(library, text, kStart);
    if (!parsed) return std::unexpected(parsed.error());
    return instantiate(library, *parsed, environment);
  }

  Bits value(std::string_view expression) {
    auto semantics = typed("a := " + std::string(expression));
    if (!semantics) {
      ADD_FAILURE() << expression << ": " << render(semantics.error());
      return {};
    }
    std::vector<Bits> inputs;
    for (const Input& input : semantics->inputs) inputs.push_back(values[input.id]);
    Evaluation evaluation;
    evaluate(*semantics, inputs, nullptr, evaluation);
    return evaluation.values[semantics->results.at(0).value];
  }
};

uint64_t value32(std::string_view expression) { return Fixture(32).value(expression).low(); }
uint64_t value64(std::string_view expression) { return Fixture(64).value(expression).low(); }

std::string error_of(std::string_view text, unsigned width = 32) {
  auto semantics = Fixture(width).typed(text);
  if (semantics) return "no error";
  const Diagnostic& error = semantics.error();
  return std::to_string(error.place.line) + ":" + std::to_string(error.place.column) + " " + error.message;
}

TEST(Expr, Precedence) {
  EXPECT_EQ(value32("x + y * 2"), 13u);
  EXPECT_EQ(value32("x << 1 + 1"), 28u);
  EXPECT_EQ(value32("x & 3 | 8 ^ 1"), 11u);
  EXPECT_EQ(value32("x - y - 1"), 3u);
  EXPECT_EQ(value32("-x + 1"), 0xfffffffau);
  EXPECT_EQ(value32("if x = 7 and y <u x or false then 1 else 2"), 1u);
  EXPECT_EQ(value32("if not x = 7 or y = 3 then 1 else 2"), 1u);
  EXPECT_EQ(value32("if not (x = 7 or y = 3) then 1 else 2"), 2u);
}

TEST(Expr, SliceOfParenthesesNeedsItsWidth) {
  EXPECT_EQ(error_of("a := (x + y)[3:1]"), "1:13 3 bits where 32 bits are wanted");
  EXPECT_EQ(value32("zext((x + y)[3:1])"), 5u);
  EXPECT_EQ(value32("zext(x[0])"), 1u);
}

TEST(Expr, Widths) {
  EXPECT_EQ(value64("sext(x - 8)"), ~uint64_t(0));
  EXPECT_EQ(value64("zext(x - 8)"), 0xffffffffu);
  EXPECT_EQ(value32("trunc(32, z) + n"), 0xfffffffcu);
  EXPECT_EQ(value32("sext(n)"), 0xfffffffbu);
  EXPECT_EQ(value32("zext(n)"), 0xfbu);
  EXPECT_EQ(value64("concat(n, bv(8, 1), x[15:0], x)"), 0xfb01000700000007u);
  EXPECT_EQ(value32("bv(32, width(z) * 2 + width(n))"), 136u);
  EXPECT_EQ(value64("trunc(64, (sext(128, z) * sext(128, z)) >>u 64)"), 0x3fffffffffffffffu);
  EXPECT_EQ(value64("let p = zext(2 * width(z), z) * zext(128, z) in p[2 * width(z) - 1 : width(z)]"),
            0x4000000000000001u);
  EXPECT_EQ(value32("bool2bv(32, n <s 0)"), 1u);
  EXPECT_EQ(value32("bool2bv(32, n in s3)"), 0u);
  EXPECT_EQ(value32("bool2bv(32, n in s4)"), 1u);
  EXPECT_EQ(value32("bool2bv(32, 16 in u5x8)"), 1u);
  EXPECT_EQ(value32("let q = (x in u3) in bool2bv(32, q)"), 1u);
}

TEST(Expr, Operators) {
  EXPECT_EQ(value32("x /u (y - 3)"), 0xffffffffu);
  EXPECT_EQ(value32("x %u (y - 3)"), 7u);
  EXPECT_EQ(value32("-x /s y"), 0xfffffffeu);
  EXPECT_EQ(value32("-x %s y"), 0xffffffffu);
  EXPECT_EQ(value32("x << 32"), 0u);
  EXPECT_EQ(value32("-x >>s z"), 0xffffffffu);
  EXPECT_EQ(value32("x >>u z"), 0u);
  EXPECT_EQ(value32("rotl(x, 33)"), 14u);
  EXPECT_EQ(value32("rotr(x, z)"), 0x80000003u);
  EXPECT_EQ(value32("clz(x)"), 29u);
  EXPECT_EQ(value32("ctz(x - 7)"), 32u);
  EXPECT_EQ(value32("cls(-x)"), 28u);
  EXPECT_EQ(value32("popcnt(x)"), 3u);
  EXPECT_EQ(value32("bitrev(x)"), 0xe0000000u);
  EXPECT_EQ(value32("bswap(x)"), 0x07000000u);
  EXPECT_EQ(value32("if x >=s y then ~x else 0"), 0xfffffff8u);
}

TEST(Expr, Floats) {
  const std::string one = "0x3f800000", two = "0x40000000", nan = "0x7f800001";
  EXPECT_EQ(value32("fadd(" + one + ", " + one + ")"), 0x40000000u);
  EXPECT_EQ(value32("fsub(" + one + ", " + nan + ")"), 0x7fc00000u);  // the canonical NaN
  EXPECT_EQ(value32("fdiv(0, 0)"), 0x7fc00000u);
  EXPECT_EQ(value32("ffma(" + two + ", " + two + ", " + one + ")"), 0x40a00000u);
  EXPECT_EQ(value32("fsqrt(" + two + ")"), 0x3fb504f3u);
  EXPECT_EQ(value32("fceil(0x3e800000)"), 0x3f800000u);
  EXPECT_EQ(value32("ffloor(0xbe800000)"), 0xbf800000u);
  EXPECT_EQ(value32("ftrunc(0xbe800000)"), 0x80000000u);
  EXPECT_EQ(value32("fnearest(0x40200000)"), 0x40000000u);  // 2.5
  EXPECT_EQ(value32("if fisnan(bv(32, " + nan + ")) then 1 else 2"), 1u);
  EXPECT_EQ(value32("if flt(bv(32, " + one + "), " + two + ") and not feq(bv(32, " + nan + "), " + nan +
                    ") and fle(bv(32, 0), 0x80000000) then 1 else 2"),
            1u);
  EXPECT_EQ(value64("fconvert(64, bv(32, " + two + "))"), 0x4000000000000000u);
  EXPECT_EQ(value32("fconvert(32, bv(64, 0x7ff0000000000001))"), 0x7fc00000u);
  EXPECT_EQ(value32("sint_to_float(32, bv(8, 0xff))"), 0xbf800000u);
  EXPECT_EQ(value32("uint_to_float(32, bv(8, 0xff))"), 0x437f0000u);
  EXPECT_EQ(value32("float_to_sint(32, bv(32, 0xff800000))"), 0x80000000u);
  EXPECT_EQ(value32("float_to_uint(32, bv(32, 0xbf800000))"), 0u);
  EXPECT_EQ(value64("float_to_uint(64, bv(64, 0x43effffffffffff0))"), 0xffffffffffff8000u);
  EXPECT_EQ(value64("float_to_sint(64, bv(32, " + nan + "))"), 0u);
  EXPECT_EQ(value32("zext(32, fadd(bv(16, 0x3c00), bv(16, 0x1000)))"), 0x3c00u);  // a tie
  EXPECT_EQ(value32("zext(32, ffma(bv(16, 0x3c00), bv(16, 0x3c01), bv(16, 0x1000)))"), 0x3c02u);
  EXPECT_EQ(value32("zext(32, fconvert(16, bv(64, 0x40effe0000000001)))"), 0x7c00u);
  EXPECT_EQ(value32("zext(32, fconvert(16, bv(64, 0x3e60000000000001)))"), 0x0001u);
  EXPECT_EQ(value32("fconvert(32, bv(16, 0x0001))"), 0x33800000u);
  EXPECT_EQ(value32("zext(32, fdiv(bv(16, 0), bv(16, 0)))"), 0x7e00u);
  EXPECT_EQ(error_of("a := trunc(32, zext(64, fadd(bv(8, 1), bv(8, 1))))"), "1:30 8 bits where a float is wanted");
  EXPECT_EQ(error_of("a := fadd(x)"), "1:6 'fadd' takes 2 arguments, not 1");
  EXPECT_EQ(error_of("a := fconvert(32, x)"), "1:6 fconvert to the width that the float has");
  EXPECT_EQ(error_of("a := float_to_sint(32, trunc(8, x))"), "1:24 8 bits where a float is wanted");
}

// What machines make of NaNs is written around the operations (docs/notation.md).
TEST(Expr, NanRulesOfMachines) {
  constexpr std::string_view kRules[] = {
      "quiet_bit(x) = if width(x) = 64 then bv(64, 0x0008000000000000) else bv(32, 0x00400000)",
      "is_signalling(x) = fisnan(x) and (x & quiet_bit(x)) = 0",
      "sse_nan(r, x, y) = if fisnan(x) then x | quiet_bit(x) else if fisnan(y) then y | quiet_bit(y) "
      "else if fisnan(r) then -quiet_bit(r) else r",
      "arm_nan(r, x, y) = if is_signalling(x) then x | quiet_bit(x) else if is_signalling(y) then y | quiet_bit(y) "
      "else if fisnan(x) then x else if fisnan(y) then y else r"};
  const auto value = [&](const std::string& rule, uint64_t x, uint64_t y) {
    Fixture fixture;
    fixture.values[0] = Bits(x);
    fixture.values[1] = Bits(y);
    Diagnostics errors;
    for (std::string_view text : kRules) parse_fn(fixture.library, text, kStart, errors);
    EXPECT_TRUE(errors.empty());
    return fixture.value(rule + "(fadd(x, y), x, y)").low();
  };
  constexpr uint64_t kOne = 0x3f800000, kQuiet = 0xffc00012, kSignalling = 0x7f800001, kInfinity = 0x7f800000;
  EXPECT_EQ(value("sse_nan", kOne, kOne), 0x40000000u);
  EXPECT_EQ(value("sse_nan", kQuiet, kSignalling), kQuiet);
  EXPECT_EQ(value("sse_nan", kOne, kSignalling), 0x7fc00001u);
  EXPECT_EQ(value("sse_nan", kInfinity, kInfinity | 0x80000000), 0xffc00000u);
  EXPECT_EQ(value("arm_nan", kQuiet, kSignalling), 0x7fc00001u);
  EXPECT_EQ(value("arm_nan", kOne, kQuiet), kQuiet);
  EXPECT_EQ(value("arm_nan", kInfinity, kInfinity | 0x80000000), 0x7fc00000u);
}

TEST(Expr, StaticParameters) {
  EXPECT_EQ(value32("match(sz, W: 1, X: 2)"), 2u);
  EXPECT_EQ(value32("match(sz, W: z, _: x)"), 7u);  // the other arm has another width
  EXPECT_EQ(value32("if sz = W then z else y"), 3u);
  EXPECT_EQ(value32("bv(32, sz.bits + number(sz))"), 75u);
  EXPECT_EQ(value64("if sz.bits = 64 then z else zext(x)"), 0x8000000000000001u);
}

TEST(Expr, Macros) {
  Fixture fixture;
  Diagnostics errors;
  parse_fn(fixture.library, "twice(v) = v + v", kStart, errors);
  parse_fn(fixture.library, "low(w, v) = trunc(w, v)", kStart, errors);
  parse_fn(fixture.library, "loop(v) = loop(v)", kStart, errors);
  ASSERT_TRUE(errors.empty());
  EXPECT_EQ(fixture.value("twice(twice(x) + 1)").low(), 30u);
  EXPECT_EQ(fixture.value("let x = y in twice(x)").low(), 6u);
  EXPECT_EQ(fixture.value("low(32, n)").low(), 0xfffffffbu);  // as wide as asked
  EXPECT_EQ(fixture.value("low(sz.bits - 32, z)").low(), 1u);
  EXPECT_FALSE(fixture.typed("a := loop(x)"));
}

TEST(Expr, Statements) {
  EXPECT_EQ(error_of("a := 1; a := 2"), "1:9 'a' is assigned twice");
  EXPECT_EQ(error_of("a := b; b := 1"), "1:6 'b' is read before it is assigned");
  EXPECT_EQ(error_of("let t = x + y; b := t; a := b + t"), "no error");
  EXPECT_EQ(error_of("x := 1"), "1:1 'x' cannot be assigned: it is not defined by this definition");
}

TEST(Expr, ErrorsHavePlaces) {
  EXPECT_EQ(error_of("a := x +\n  q"), "2:3 unknown name 'q'");
  EXPECT_EQ(error_of("a := x + z"), "1:10 64 bits where 32 bits are wanted");
  EXPECT_EQ(error_of("a := x = y"), "1:8 a boolean where 32 bits are wanted");
  EXPECT_EQ(error_of("a := if x then 1 else 2"), "1:9 a bit vector where a boolean is wanted");
  EXPECT_EQ(error_of("a := x < y"), "1:8 a boolean where 32 bits are wanted");
  EXPECT_EQ(error_of("a := bool2bv(32, x < y)"), "1:20 comparing bit vectors needs a signedness");
  EXPECT_EQ(error_of("a := x[32:0]"), "1:7 33 bits where 32 bits are wanted");
  EXPECT_EQ(error_of("a := zext(x[32:31])"), "1:12 slice [32:31] of 32 bits");
  EXPECT_EQ(error_of("a := frob(x)"), "1:6 unknown function 'frob'");
  EXPECT_EQ(error_of("a := x + 0x100000000"), "1:10 the number does not fit 32 bits");
  EXPECT_EQ(error_of("a := (x"), "1:8 expected ')' but found the end");
  EXPECT_EQ(error_of("a := match(sz, W: x)"), "1:6 no arm for 'X'");
  EXPECT_EQ(error_of("a := zext(if x = 1 then bool2bv(1, true) else 0) +"),
            "1:51 expected an expression but found the end");
  EXPECT_EQ(error_of("a := zext(1 + 1 << 2)"), "no error");
}

TEST(Expr, HostileInput) {
  std::string nested = "a := ";
  for (int i = 0; i < 100000; ++i) nested += "(";
  EXPECT_NE(error_of(nested), "no error");
  std::string minus = "a := ";
  for (int i = 0; i < 100000; ++i) minus += "-";
  EXPECT_NE(error_of(minus + "x"), "no error");
  std::string sum = "a := x";
  for (int i = 0; i < 100000; ++i) sum += "+x";
  EXPECT_NE(error_of(sum), "no error");
  EXPECT_NE(error_of("a := \xff\x01 99999999999999999999999999999999999999999999 '"), "no error");
  Fixture fixture;
  Diagnostics errors;
  for (int i = 0; i < 40; ++i) {
    const std::string next = std::to_string(i + 1);
    parse_fn(fixture.library, "f" + std::to_string(i) + "(v) = f" + next + "(v) + f" + next + "(v + 1)", kStart,
             errors);
  }
  parse_fn(fixture.library, "f40(v) = v", kStart, errors);
  EXPECT_FALSE(fixture.typed("a := f0(x)"));
}

TEST(Expr, SharedNodesAndLoads) {
  Fixture fixture(64);
  auto semantics = fixture.typed("let p = load(64, z); a := p + load(64, z); store(64, z, p); b := load(64, z)");
  ASSERT_TRUE(semantics) << render(semantics.error());
  ASSERT_EQ(semantics->events.size(), 3u);  // the store separates the loads
  EXPECT_FALSE(semantics->events[0].is_store);
  EXPECT_TRUE(semantics->events[1].is_store);
  EXPECT_EQ(error_of("a := if x = 1 then load(32, z) else 0"), "1:6 a load under a condition that is not static");
}

// The narrow evaluator against the wide operators: every operator, at several widths, on edge and mixed values.
TEST(Evaluate, NarrowAgreesWithWide) {
  const uint64_t kValues[] = {0,
                              1,
                              2,
                              3,
                              0x7f,
                              0x80,
                              0xff,
                              0x7fff,
                              0x80000000,
                              0xffffffff,
                              0x8000000000000000,
                              ~uint64_t(0),
                              0x123456789abcdef0};
  for (unsigned width : {1u, 8u, 13u, 32u, 63u, 64u}) {
    for (int op = static_cast<int>(Op::Not); op <= static_cast<int>(Op::Sle); ++op) {
      if (Op(op) == Op::BSwap && width % 8 != 0) continue;
      const bool unary = op <= static_cast<int>(Op::BSwap);
      const bool compare = op >= static_cast<int>(Op::Eq);
      Semantics semantics;
      semantics.inputs = {{InputKind::Value, uint16_t(width), 0, "x"}, {InputKind::Value, uint16_t(width), 1, "y"}};
      semantics.nodes = {{Op::Input, uint16_t(width), kNoNode, kNoNode, kNoNode, 0},
                         {Op::Input, uint16_t(width), kNoNode, kNoNode, kNoNode, 1}};
      semantics.nodes.push_back({Op(op), uint16_t(compare ? 0 : width), 0, unary ? kNoNode : 1, kNoNode, 0});
      Evaluation evaluation;
      for (uint64_t x : kValues) {
        for (uint64_t y : kValues) {
          const Bits inputs[] = {truncated(Bits(x), width), truncated(Bits(y), width)};
          evaluate(semantics, inputs, nullptr, evaluation);
          const Bits wide =
              apply(Op(op), compare ? 0 : width, width, width, 0, inputs[0], unary ? Bits() : inputs[1], Bits());
          ASSERT_EQ(evaluation.values[2], wide) << name(Op(op)) << " " << width << " " << x << " " << y;
        }
      }
    }
  }
}

TEST(Evaluate, WideArithmetic) {
  Bits a;
  a.words = {~uint64_t(0), ~uint64_t(0), 5, 1};
  Bits b;
  b.words = {3, 7, 0, 0};
  const Bits quotient = apply(Op::UDiv, 256, 256, 256, 0, a, b, Bits());
  const Bits rest = apply(Op::URem, 256, 256, 256, 0, a, b, Bits());
  const Bits product = apply(Op::Mul, 256, 256, 256, 0, quotient, b, Bits());
  EXPECT_EQ(apply(Op::Add, 256, 256, 256, 0, product, rest, Bits()), a);
  EXPECT_NE(apply(Op::Ult, 0, 256, 256, 0, rest, b, Bits()), Bits());
}

}  // namespace
}  // namespace assay::notation
