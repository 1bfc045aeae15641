// Region and trap directives: read, printed back, and refused with a place.
#include "oracles/filetest_directive.h"

#include <gtest/gtest.h>

namespace assay::oracles {
namespace {

RegionDirective region(std::string_view text) {
  auto parsed = parse_region_directive(text);
  EXPECT_TRUE(parsed.has_value() && parsed->has_value()) << text;
  return parsed.has_value() && parsed->has_value() ? **parsed : RegionDirective{};
}

TEST(FiletestDirective, RegionsRoundTrip) {
  for (std::string text : {"region: 0x20000000 4096", "region: 0x20002000 64 seed 7",
                           "region: 0x20002000 3 bytes 01ff readonly", "region: 0x2ffff000 4096 fill 0xab"}) {
    EXPECT_EQ(to_string(region("; " + text)), text);
  }
  const Region bytes = make_region(region("; region: 0x2000_2000 3 bytes 01ff readonly"));
  EXPECT_EQ(bytes.bytes, (std::vector<uint8_t>{1, 0xff, 0}));
  EXPECT_FALSE(bytes.writable);
  EXPECT_EQ(make_region(region("; region: 0x20000000 2 fill 7")).bytes, (std::vector<uint8_t>{7, 7}));
  EXPECT_NE(make_region(region("; region: 0x20000000 8 seed 1")).bytes,
            make_region(region("; region: 0x20000000 8 seed 2")).bytes);
}

TEST(FiletestDirective, BadRegionsHaveAPlace) {
  const Place place{.file = "f.clif", .line = 3, .column = 5};
  for (std::string text :
       {"; region:", "; region: 1 4096", "; region: 0x20000000", "; region: 0x20000000 0",
        "; region: 0x20000000 16 bytes 0", "; region: 0x20000000 1 bytes 0102", "; region: 0x20000000 16 bytes zz",
        "; region: 0x20000000 16 fill 256", "; region: 0x20000000 16 rw", "; region: 0x2ffff000 8192"}) {
    const auto parsed = parse_region_directive(text, place);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().place.line, 3u);
    EXPECT_GE(parsed.error().place.column, 5u);
  }
  EXPECT_FALSE(parse_region_directive("; regional").value().has_value());
}

TEST(FiletestDirective, ExpectedTraps) {
  const ir::Signature signature{.params = {{ir::kI32}, {ir::kI32}}, .returns = {{ir::kI32}}};
  const auto parsed = parse_test_directive("; run: %f(1, 0) traps int_divz", signature);
  ASSERT_TRUE(parsed.has_value() && parsed->has_value());
  EXPECT_EQ((*parsed)->trap, ir::kIntegerDivisionByZero);
  EXPECT_EQ((*parsed)->run.args.size(), 2u);
  EXPECT_EQ(to_string(**parsed), "run: %f(1, 0) traps int_divz");
  EXPECT_FALSE(parse_test_directive("; run: %f(1, 0) traps never", signature).has_value());
  const auto plain = parse_test_directive("; run: %f(1, 2) == 3", signature);
  ASSERT_TRUE(plain.has_value() && plain->has_value());
  EXPECT_FALSE((*plain)->trap.has_value());
  EXPECT_EQ(to_string(**plain), "run: %f(1, 2) == 3");
  EXPECT_FALSE(parse_test_directive("; running", signature).value().has_value());
}

}  // namespace
}  // namespace assay::oracles
