// Size: the largest functions, hostile files, and that twice the input takes about twice the time.
#include <chrono>
#include <cmath>
#include <ctime>

#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/test_support.h"

namespace assay::ir {
namespace {

// A chain of diamonds: every block passes a value, the deepest dominator tree there is.
std::string diamonds(unsigned blocks) {
  std::string text = "function %big(i32) -> i32 fast {\nblock0(v0: i32):\n    jump block1(v0)\n";
  unsigned value = 1;
  for (unsigned b = 1; b + 1 < blocks; ++b) {
    const std::string v = "v" + std::to_string(value), w = "v" + std::to_string(value + 1);
    value += 2;
    text += "\nblock" + std::to_string(b) + "(" + v + ": i32):\n    " + w + " = iadd " + v + ", " + v + "\n    brif " +
            w + ", block" + std::to_string(b + 1) + "(" + w + "), block" + std::to_string(std::min(b + 2, blocks - 1)) +
            "(" + v + ")\n";
  }
  text += "\nblock" + std::to_string(blocks - 1) + "(v" + std::to_string(value) + ": i32):\n    return v" +
          std::to_string(value) + "\n}\n";
  return text;
}

// Seconds of processor time to read, verify and print: others may be busy.
double measure(const std::string& text) {
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    const std::clock_t start = std::clock();
    const Function f = verified(text);
    EXPECT_EQ(print(f).size(), text.size());
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return best;
}

TEST(Scale, AHundredThousandBlocks) {
  const std::string text = diamonds(kMaxBlocks);
  const Function f = verified(text);
  EXPECT_EQ(f.block_count(), kMaxBlocks);
  EXPECT_EQ(print(f), text);
}

TEST(Scale, OneBlockMoreIsAnError) {
  const std::string text = diamonds(kMaxBlocks + 1);
  const std::expected<Function, Diagnostics> f = parse_function(text);
  ASSERT_FALSE(f.has_value());
  EXPECT_EQ(f.error().front().message, "too many blocks");
}

TEST(Scale, NearLinear) {
  const double small = measure(diamonds(20000)), large = measure(diamonds(80000));
  const double exponent = std::log(large / small) / std::log(4.0);
  std::printf("20,000 blocks %.3f s, 80,000 blocks %.3f s, exponent %.2f\n", small, large, exponent);
  EXPECT_LT(exponent, 1.5);  // the machine's noise included
}

TEST(Scale, HostileFiles) {
  const auto reject = [](const std::string& text, const char* what) {
    const auto start = std::chrono::steady_clock::now();
    const std::expected<File, Diagnostics> file = parse_file(text, what);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    EXPECT_FALSE(file.has_value()) << what;
    if (!file) EXPECT_LE(file.error().size(), kMaxErrors);
    EXPECT_LT(seconds, 20) << what;
  };
  const auto repeat = [](std::string_view piece, size_t count) {
    std::string text;
    for (size_t n = 0; n < count; ++n) text += piece;
    return text;
  };
  constexpr size_t kMany = 1000000;
  const std::string open = "function %f() {\nblock0:\n";
  reject(repeat("( ", kMany), "parentheses");
  reject(repeat("function ", kMany), "the word function");
  reject(repeat("function %f() {\n", kMany / 4), "functions without end");
  reject(open + repeat("block0 ", kMany), "block headers");
  reject(open + repeat("v0 = ", kMany), "equals signs");
  reject(open + repeat("v0 = iadd.i32 v1, v2\n", kMany / 8), "one value many times");
  reject(open + "br_table v0, block0, [" + repeat("block1, ", kMany), "a table without end");
  reject(open + "call fn0(" + repeat("v1, ", kMany), "arguments without end");
  reject("function %f(" + repeat("i32, ", kMany), "parameters without end");
  reject("function %f() {\n" + repeat("const0 = 0x00\n", kMany / 4), "one constant many times");
  reject("function %f() {\n const0 = 0x" + repeat("00", kMany) + "\n", "a long constant");
  reject(open + " v0 = f64const 0x" + repeat("1", kMany) + "\n}", "a long float");
  reject(open + " v0 = iconst.i32 " + repeat("1", kMany) + "\n}", "a long integer");
  reject(repeat("function %f() {\nblock99999:\n v900000 = iconst.i32 0\n return\n}\n", 2000), "large numbers often");

  // Chains and cycles of aliases.
  std::string aliases = open;
  for (size_t n = 0; n < 200000; ++n) aliases += "v" + std::to_string(n) + " -> v" + std::to_string(n + 1) + "\n";
  reject(aliases + "v200000 -> v0\n return\n}", "a long cycle of aliases");
  const Function f = verified(aliases + "v200000 = iconst.i32 1\n return\n}");
  EXPECT_EQ(f.resolve(Value(0)), Value(200000));
}

// A good file of a million tokens: one block, and one table with every block.
TEST(Scale, LongBlocksAndWideTables) {
  std::string text = "function %long(i32) -> i32 fast {\nblock0(v0: i32):\n";
  for (unsigned n = 0; n < 120000; ++n) {
    text += "    v" + std::to_string(n + 1) + " = iadd v" + std::to_string(n) + ", v0\n";
  }
  EXPECT_EQ(print(verified(text + "    return v120000\n}\n")).size(), text.size() + 21);

  std::string wide = "function %wide(i32) fast {\nblock0(v0: i32):\n    br_table v0, block1, [";
  for (unsigned n = 0; n < 99999; ++n) wide += (n == 0 ? "block" : ", block") + std::to_string(n % 50000 + 1);
  wide += "]\n";
  for (unsigned n = 1; n <= 50000; ++n) wide += "\nblock" + std::to_string(n) + ":\n    return\n";
  EXPECT_EQ(print(verified(wide + "}\n")), wide + "}\n");
}

}  // namespace
}  // namespace assay::ir
