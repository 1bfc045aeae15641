// What harvest() writes for Souper, read back: each left side of the corpus, run by the rules of Souper's language,
// gives what the interpreter gives for the same term in CLIF.
#include <gtest/gtest.h>

#include <bit>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>

#include "compiler/ir/parser.h"
#include "compiler/opt/harvest.h"
#include "compiler/support/diagnostic.h"
#include "interpreter/interpreter.h"

namespace assay::opt {
namespace {

struct Number {
  uint64_t bits = 0;
  unsigned width = 0;
};
uint64_t masked(uint64_t bits, unsigned width) { return width >= 64 ? bits : bits & ((uint64_t{1} << width) - 1); }
int64_t as_signed(Number n) { return static_cast<int64_t>(n.bits << (64 - n.width)) >> (64 - n.width); }

// A left side: variables in the order of their lines. Null if a line is not Souper's: an operation it does not have,
// operands of different widths, a value that is not there, a shift by the width or more.
class Souper {
 public:
  explicit Souper(const std::string& text) : text_(text) {}

  std::vector<unsigned> variables() const {
    std::vector<unsigned> widths;
    std::istringstream in(text_);
    for (std::string line; std::getline(in, line);) {
      if (line.ends_with("= var")) widths.push_back(width_of(line.substr(line.find(':') + 1)));
    }
    return widths;
  }

  std::optional<Number> run(const std::vector<uint64_t>& inputs) {
    values_.clear();
    size_t next = 0;
    std::istringstream in(text_);
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string first, equals, operation;
      words >> first;
      if (first == "infer") {
        words >> first;
        return value(first);
      }
      words >> equals >> operation;
      const size_t colon = first.find(':');
      if (colon == std::string::npos || equals != "=") return {};
      const unsigned width = width_of(first.substr(colon + 1));
      std::vector<Number> args;
      for (std::string word; words >> word;) {
        if (word.ends_with(',')) word.pop_back();
        const auto arg = value(word);
        if (!arg) return {};
        args.push_back(*arg);
      }
      const auto result = operation == "var" ? std::optional(inputs[next++]) : compute(operation, args, width);
      if (!result) return {};
      values_[first.substr(0, colon)] = {masked(*result, width), width};
    }
    return {};
  }

 private:
  static unsigned width_of(const std::string& type) { return static_cast<unsigned>(std::stoul(type.substr(1))); }

  std::optional<Number> value(const std::string& word) const {
    if (word.starts_with('%')) {
      const auto found = values_.find(word);
      return found == values_.end() ? std::nullopt : std::optional(found->second);
    }
    const size_t colon = word.find(':');
    if (colon == std::string::npos) return {};
    return Number{std::stoull(word), width_of(word.substr(colon + 1))};
  }

  static std::optional<uint64_t> compute(const std::string& op, const std::vector<Number>& a, unsigned width) {
    if (a.size() == 1) {
      const uint64_t x = a[0].bits;
      const bool same = a[0].width == width;
      if (op == "zext" && a[0].width < width) return x;
      if (op == "sext" && a[0].width < width) return static_cast<uint64_t>(as_signed(a[0]));
      if (op == "trunc" && a[0].width > width) return x;
      if (op == "ctpop" && same) return static_cast<uint64_t>(std::popcount(x));
      if (op == "ctlz" && same) return static_cast<uint64_t>(std::countl_zero(x)) - (64 - width);
      if (op == "cttz" && same) return x == 0 ? width : static_cast<uint64_t>(std::countr_zero(x));
      if (op == "bswap" && same && width % 16 == 0) return __builtin_bswap64(x) >> (64 - width);
      if (op == "bitreverse" && same) {
        uint64_t out = 0;
        for (unsigned i = 0; i < width; ++i) out |= (x >> i & 1) << (width - 1 - i);
        return out;
      }
      return {};
    }
    if (op == "select" && a.size() == 3) {
      if (a[0].width != 1 || a[1].width != width || a[2].width != width) return {};
      return a[0].bits != 0 ? a[1].bits : a[2].bits;
    }
    if (a.size() != 2 || a[0].width != a[1].width) return {};
    const uint64_t x = a[0].bits, y = a[1].bits;
    const int64_t sx = as_signed(a[0]), sy = as_signed(a[1]);
    if (width == 1) {
      if (op == "eq") return x == y;
      if (op == "ne") return x != y;
      if (op == "ult") return x < y;
      if (op == "ule") return x <= y;
      if (op == "slt") return sx < sy;
      if (op == "sle") return sx <= sy;
    }
    if (a[0].width != width) return {};
    if (op == "add") return x + y;
    if (op == "sub") return x - y;
    if (op == "mul") return x * y;
    if (op == "and") return x & y;
    if (op == "or") return x | y;
    if (op == "xor") return x ^ y;
    if (y >= width) return {};
    if (op == "shl") return x << y;
    if (op == "lshr") return x >> y;
    if (op == "ashr") return static_cast<uint64_t>(sx >> y);
    return {};
  }

  const std::string& text_;
  std::map<std::string, Number> values_;
};

// A harvested term as a function of its variables, of these widths.
std::string function_of(const std::string& term, const std::vector<unsigned>& widths) {
  std::string body;
  size_t at = 0, next = widths.size();
  const auto word = [&] {
    while (term[at] == ' ') ++at;
    const size_t begin = at;
    while (at < term.size() && term[at] != ' ' && term[at] != ')') ++at;
    return term.substr(begin, at - begin);
  };
  std::string type;
  const auto value = [&](const auto& self) -> std::string {  // as deep as terms are
    while (term[at] == ' ') ++at;
    if (term[at] != '(') return "v" + word().substr(1);
    ++at;
    std::string operation = word(), condition;
    if (operation == "icmp") condition = word() + " ";
    const std::string own = word();
    std::string operands;
    if (operation == "k") {
      operands = " " + word();
      operation = "iconst";
    }
    while (term[at] != ')') operands += (operands.empty() ? " " : ", ") + self(self);
    ++at;
    const std::string v = "v" + std::to_string(next++);
    body += "  " + v + " = " + operation +
            (condition.empty() ? "." + own : " " + condition.substr(0, condition.size() - 1)) + operands + "\n";
    type = own;
    return v;
  };
  const std::string last = value(value);
  std::string types, params;
  for (size_t i = 0; i < widths.size(); ++i) {
    const std::string t = "i" + std::to_string(widths[i]);
    types += (i == 0 ? "" : ", ") + t;
    params += (i == 0 ? "v" : ", v") + std::to_string(i) + ": " + t;
  }
  return "function %f(" + types + ") -> " + type + " {\nblock0(" + params + "):\n" + body + "  return " + last +
         "\n}\n";
}

TEST(Souper, LeftSidesSayWhatTheTermsDo) {
  std::vector<ir::File> files;
  std::vector<const ir::Function*> functions;
  for (const auto& entry : std::filesystem::directory_iterator(ASSAY_PROGRAMS)) {
    if (entry.path().extension() != ".clif") continue;
    const auto text = read_file(entry.path().string());
    ASSERT_TRUE(text);
    auto file = ir::parse_file(*text, entry.path().string());
    ASSERT_TRUE(file);
    files.push_back(*std::move(file));
  }
  for (const ir::File& file : files) {
    for (const ir::ParsedFunction& parsed : file.functions) functions.push_back(&parsed.function);
  }
  uint64_t state = 7;
  unsigned judged = 0;
  interpreter::Interpreter interpreter;
  for (const Harvested& found : harvest(functions)) {
    if (found.souper.empty()) continue;
    Souper souper(found.souper);
    const std::vector<unsigned> widths = souper.variables();
    const std::string text = function_of(found.term, widths);
    const auto file = ir::parse_file(text, "");
    ASSERT_TRUE(file) << found.term << "\n" << text;
    interpreter::Program program;
    program.add(file->functions[0].function);
    program.link();
    for (int round = 0; round < 20; ++round) {
      std::vector<uint64_t> inputs;
      std::vector<ir::DataValue> args;
      for (const unsigned width : widths) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint64_t bits = state ^ state >> 29;
        if (round % 4 == 1) bits = static_cast<uint64_t>(round / 4) - 2;
        if (round % 4 == 2) bits = uint64_t{1} << (bits % width);
        inputs.push_back(masked(bits, width));
        args.emplace_back(ir::Type::integer(width), inputs.back());
      }
      const auto outcome = interpreter.run(program, 0, args, {}, {});
      const auto result = souper.run(inputs);
      ASSERT_TRUE(result) << found.souper;
      ASSERT_EQ(outcome.results.size(), 1u);
      ASSERT_EQ(result->bits, static_cast<uint64_t>(outcome.results[0].bits())) << found.term << "\n" << found.souper;
    }
    ++judged;
  }
  EXPECT_GT(judged, 100u);
}

}  // namespace
}  // namespace assay::opt
