#include "compiler/isle/ops/ops_reader.h"

#include <gtest/gtest.h>

namespace assay::ops {
namespace {

TEST(OpsReader, ReadsTheOperations) {
  const std::string path = "compiler/ir/operations.ops";
  const Expected<std::string> text = read_file(path);
  ASSERT_TRUE(text.has_value()) << "run from the project's root";
  const std::expected<OpsFile, Diagnostics> file = read_operations(*text, path);
  ASSERT_TRUE(file.has_value()) << render(file.error().front(), *text);
  EXPECT_EQ(file->operations.size(), 163u);
}

TEST(OpsReader, KeepsClausesAsTheyStand) {
  const char* text =
      "typevar T = ints 8..64\n"
      "op f(x: T, y: i8) -> a: T, b: T.double_width()  \"Does # things.\"   # a comment\n"
      "  \"More.\"\n"
      "  format  binary\n"
      "  effects can_trap other_side_effects\n"
      "  trap    int_divz when y = 0\n"
      "  sem     a := x;\n"
      "          b := concat(x, x)\n";
  const auto file = read_operations(text, "t.ops");
  ASSERT_TRUE(file.has_value()) << render(file.error().front(), text);
  const Operation& op = file->operations.at(0);
  EXPECT_EQ(op.doc, "Does # things. More.");
  ASSERT_EQ(op.sem.size(), 1u);
  EXPECT_EQ(op.sem[0].text, "a := x;\nb := concat(x, x)");
  EXPECT_EQ(op.sem[0].place.line, 7u);
  EXPECT_EQ(op.sem[0].place.column, 11u);
  ASSERT_EQ(op.traps.size(), 1u);
  EXPECT_EQ(op.traps[0].text, "int_divz when y = 0");
  EXPECT_EQ(op.results[1].kind.function, "double_width");
  EXPECT_TRUE(op.polymorphic && op.infers_type && !op.needs_type_operand);
}

TEST(OpsReader, ErrorsHaveTheirPlace) {
  struct Case {
    const char* text;
    uint32_t line, column;
    const char* message;
  };
  const Case kCases[] = {
      {"operation f()\n", 1, 1, "expected 'typevar', 'fn' or 'op'"},
      {"typevar T = ints 7\n", 1, 19, "powers of two"},
      {"typevar T = words all\n", 1, 13, "unknown kind of type set"},
      {"typevar T = lanes all\n", 1, 9, "no lane types"},
      {"typevar T = ints all\ntypevar T = ints all\n", 2, 9, "already defined"},
      {"op f(x: q) \"d\"\n  format nullary\n", 1, 9, "neither a type variable"},
      {"op f(x: i8, x: i8) \"d\"\n  format binary\n", 1, 13, "already defined"},
      {"op f( \"d\"\n", 1, 7, "operand's name"},
      {"op f() \"d\n", 1, 9, "does not end"},
      {"op f() \"d\"\n  format odd\n", 2, 10, "unknown format"},
      {"op f() \"d\"\n  format nullary\n  effects odd\n", 3, 11, "unknown effect"},
      {"op f() \"d\"\n  format nullary\n  odd\n", 3, 3, "unknown clause"},
      {"op f() \"d\"\n", 1, 4, "no format"},
      {"op f()\n  format nullary\n", 1, 4, "no doc"},
      {"typevar T = ints all\ntypevar U = ints all\nop f(x: T) -> a: T, b: U \"d\"\n  format unary\n", 3, 4, "control"},
      {"op f() \"d\"\n  format nullary\nop f() \"d\"\n", 3, 4, "already defined"},
      {"  sem a := b\n", 1, 3, "outside an operation"},
  };
  for (const Case& c : kCases) {
    const auto file = read_operations(c.text, "t.ops");
    ASSERT_FALSE(file.has_value()) << c.text;
    EXPECT_EQ(file.error()[0].place.line, c.line) << render(file.error()[0], c.text);
    EXPECT_EQ(file.error()[0].place.column, c.column) << render(file.error()[0], c.text);
    EXPECT_NE(file.error()[0].message.find(c.message), std::string::npos) << render(file.error()[0], c.text);
  }
  const auto both = read_operations("op f(x: q) \"d\"\nop g(x: r) \"d\"\n", "t.ops");
  ASSERT_FALSE(both.has_value());
  EXPECT_EQ(both.error().size(), 2u);
}

}  // namespace
}  // namespace assay::ops
