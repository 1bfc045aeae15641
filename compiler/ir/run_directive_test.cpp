#include "compiler/ir/run_directive.h"

#include <gtest/gtest.h>

namespace assay::ir {
namespace {

Signature signature(std::vector<Type> params, std::vector<Type> returns) {
  Signature s;
  for (Type t : params) s.params.push_back({t});
  for (Type t : returns) s.returns.push_back({t});
  return s;
}

TEST(DataValue, TextGoesBothWays) {
  for (const DataValue& value :
       {DataValue(kI8, 0xff), DataValue(kI16, 1), DataValue(kI64, uint64_t{1} << 63),
        DataValue(kI128, static_cast<unsigned __int128>(1) << 127), DataValue::f32(-0.0f), DataValue::f64(1.5),
        DataValue(kF32, 0x7f800001), DataValue(kF16, 0xfc00), DataValue(kI8x16, static_cast<unsigned __int128>(-3)),
        DataValue(kF32x4, 0x3f800000), DataValue(kI16.by(2), 0xfffe0001), DataValue(kF64x2, 0)}) {
    const Expected<DataValue> again = parse_data_value(to_string(value), value.type());
    ASSERT_TRUE(again.has_value()) << to_string(value) << " " << render(again.error());
    EXPECT_EQ(*again, value) << to_string(value);
  }
  EXPECT_EQ(to_string(DataValue(kI8, 200)), "-56");
  EXPECT_EQ(to_string(DataValue(kI16x8, 0x10002)), "[2 1 0 0 0 0 0 0]");
  EXPECT_EQ(parse_data_value("0x00112233445566778899aabbccddeeff", kI8x16)->lane(0), DataValue(kI8, 0xff));
  EXPECT_EQ(parse_data_value("255", kI8), parse_data_value("-1", kI8));
  EXPECT_EQ(DataValue(kI8, 0x80).as_signed(), -128);
  EXPECT_NE(DataValue::f64(0.0), DataValue::f64(-0.0));
}

TEST(DataValue, Errors) {
  const std::pair<const char*, Type> kBad[] = {
      {"256", kI8},         {"1.0", kF32},           {"0x1.0", kI32}, {"", kI32},
      {"[1 2 3]", kI32x4},  {"[1 2 3 4 5]", kI32x4}, {"1 2", kI32},   {"x", kI32},
      {"0x1", kI8.by(256)}, {"[1 2 3 4", kI32x4},    {"-129", kI8},   {"0x100000000000000000000000000000000", kI8x16}};
  for (const auto& [text, type] : kBad) EXPECT_FALSE(parse_data_value(text, type).has_value()) << text;
}

TEST(RunDirective, Forms) {
  const auto read = [](const char* text, const Signature& s) {
    const auto directive = parse_run_directive(text, s);
    EXPECT_TRUE(directive.has_value()) << text << render(directive.error());
    return directive.value_or(std::nullopt);
  };
  const auto run = read("; run: %f(1, 0x2) == 3", signature({kI32, kI64}, {kI32}));
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->function, "f");
  EXPECT_EQ(run->args, (std::vector<DataValue>{DataValue(kI32, 1), DataValue(kI64, 2)}));
  EXPECT_EQ(run->expected, std::vector<DataValue>{DataValue(kI32, 3)});
  EXPECT_TRUE(run->expects_equal);
  EXPECT_FALSE(read(";;run: %f() != -1", signature({}, {kI8}))->expects_equal);
  EXPECT_EQ(read("; run: %f() == [1, [2 3]]", signature({}, {kI8, kI64x2}))->expected.size(), 2u);
  EXPECT_EQ(read("; run: %f() == []", signature({}, {}))->expected.size(), 0u);
  EXPECT_EQ(read("; print: %f(NaN)", signature({kF32}, {kF32}))->kind, RunDirective::Kind::kPrint);
  EXPECT_FALSE(read("; run", signature({}, {kI8}))->has_invocation);
  EXPECT_FALSE(read("; running is fun", signature({}, {})).has_value());
  EXPECT_FALSE(read("; it may run: later", signature({}, {})).has_value());
  EXPECT_FALSE(read("; run this", signature({}, {})).has_value());
}

TEST(RunDirective, ErrorsHaveTheirPlace) {
  const Signature s = signature({kI32}, {kI32});
  const Place place{"x.clif", 7, 3, {}, {}};
  const std::pair<const char*, uint32_t> kBad[] = {
      {"; run: f(1) == 1", 10},    {"; run: %f() == 1", 13},   {"; run: %f(1, 2) == 1", 14}, {"; run: %f(1) = 1", 18},
      {"; run: %f(1)", 15},        {"; run: %f(1) == ", 19},   {"; run: %f(1) == 1 2", 21},  {"; run", 8},
      {"; run: %f(1.0) == 1", 13}, {"; print: %f(1) == 1", 18}};
  for (const auto& [text, column] : kBad) {
    const auto directive = parse_run_directive(text, s, place);
    ASSERT_FALSE(directive.has_value()) << text;
    EXPECT_EQ(directive.error().place.file, "x.clif");
    EXPECT_EQ(directive.error().place.line, 7u);
    EXPECT_EQ(directive.error().place.column, column) << text << render(directive.error());
  }
}

}  // namespace
}  // namespace assay::ir
