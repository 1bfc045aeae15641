// Tokens, comments, integers, nesting, and what the reader says of broken text.
#include "compiler/isle/reader.h"

#include <gtest/gtest.h>

namespace assay::isle {
namespace {

std::string print(const Sexpr& item) {
  if (!item.is_list()) return std::string(item.text);
  std::string text = "(";
  for (const Sexpr& child : item.children) text += (text.size() > 1 ? " " : "") + print(child);
  return text + ")";
}

// The forms printed back, then the errors as "line:column message".
std::string read(std::string_view text) {
  std::vector<PositionedError> errors;
  std::string result;
  for (const Sexpr& form : read_sexprs(0, text, errors)) result += print(form) + "\n";
  for (const PositionedError& error : errors) {
    result +=
        std::to_string(error.position.line) + ":" + std::to_string(error.position.column) + " " + error.message + "\n";
  }
  return result;
}

TEST(Reader, Tokens) {
  EXPECT_EQ(read("(a b-c (d) e@(f))"), "(a b-c (d) e @ (f))\n");
  EXPECT_EQ(read("(+ => fp.+oo #b01 :x y? z!)(1 -2)"), "(+ => fp.+oo #b01 :x y? z!)\n(1 -2)\n");
  EXPECT_EQ(read(""), "");
}

TEST(Reader, Comments) {
  EXPECT_EQ(read("; one\n(a ; two )\n b) ;; three"), "(a b)\n");
  EXPECT_EQ(read("(a (; x (; nested ;) ) ;) b)"), "(a b)\n");
  EXPECT_EQ(read("(a)\n (; open"), "(a)\n2:2 block comment is not closed\n");
}

TEST(Reader, Positions) {
  std::vector<PositionedError> errors;
  auto forms = read_sexprs(3, "(a\n  bc)", errors);
  ASSERT_EQ(forms.size(), 1u);
  EXPECT_EQ(forms[0].position, (Position{3, 1, 1}));
  EXPECT_EQ(forms[0].children[1].position, (Position{3, 2, 3}));
}

TEST(Reader, Integers) {
  auto value = [](std::string_view text) {
    Int128 result = 0;
    EXPECT_TRUE(parse_int(text, result)) << text;
    return result;
  };
  EXPECT_EQ(value("0"), 0);
  EXPECT_EQ(value("-12"), -12);
  EXPECT_EQ(value("1_000_000"), 1000000);
  EXPECT_EQ(value("0xFf"), 255);
  EXPECT_EQ(value("-0x10"), -16);
  EXPECT_EQ(value("0b1010"), 10);
  EXPECT_EQ(value("0o17"), 15);
  EXPECT_EQ(value("340282366920938463463374607431768211455"), Int128(-1));  // 2^128 - 1
  EXPECT_EQ(value("-170141183460469231731687303715884105728"), Int128(Uint128(1) << 127));
  EXPECT_EQ(value("-0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff"), 1);  // modulo 2^128
  for (std::string_view text : {"", "-", "0x", "0xg", "12a", "0b2", "_1", "340282366920938463463374607431768211456"}) {
    Int128 result = 0;
    EXPECT_FALSE(parse_int(text, result)) << text;
  }
}

TEST(Reader, BrokenText) {
  EXPECT_EQ(read("(a (b)\n(c)"), "1:1 '(' is not closed\n");
  EXPECT_EQ(read("(a))\n(b)"), "(a)\n(b)\n1:4 ')' without a '('\n");
  EXPECT_EQ(read("x y (b)"), "(b)\n1:1 expected '(' but found 'x'\n");
  EXPECT_EQ(read("(a 12x)\n(b)"), "(b)\n1:4 malformed integer '12x'\n");
  // A form that is not closed ends at the next one.
  EXPECT_EQ(read("(rule (a\n(decl b () c)"), "(decl b () c)\n1:7 '(' is not closed\n");
}

TEST(Reader, NestingIsBounded) {
  std::string deep(kMaxNesting, '('), deeper(100 * kMaxNesting, '(');
  EXPECT_EQ(read(deep + std::string(kMaxNesting, ')')).find("nested"), std::string::npos);
  EXPECT_NE(read(deeper + std::string(100 * kMaxNesting, ')')).find("nested deeper than 1000"), std::string::npos);
  EXPECT_NE(read(deeper).find("nested deeper than 1000"), std::string::npos);
}

TEST(Reader, NumberOfErrorsIsBounded) {
  std::string text;
  for (int i = 0; i < 5000; i++) text += "(1x)\n";
  std::vector<PositionedError> errors;
  read_sexprs(0, text, errors);
  EXPECT_EQ(errors.size(), kMaxErrors);
}

}  // namespace
}  // namespace assay::isle
