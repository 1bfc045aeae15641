// The rewrites of smt.h are identities (proven by Z3 itself at small widths, for all arguments), the bit counts agree
// with brute force, and the translation of typed semantics agrees with the notation's evaluator.
#include "verify/smt.h"

#include <gtest/gtest.h>

#include <bit>
#include <cctype>
#include <random>
#include <set>

#include "compiler/isle/notation/evaluate.h"
#include "compiler/isle/notation/floats.h"

namespace assay::verify {
namespace {

// A counterexample to `left` = `right`, or "" if there is none.
std::string differs(z3::context& context, const z3::expr& left, const z3::expr& right) {
  z3::solver solver(context);
  solver.add(left != right);
  switch (solver.check()) {
    case z3::unsat:
      return "";
    case z3::unknown:
      return "unknown";
    case z3::sat:
      break;
  }
  std::ostringstream text;
  text << solver.get_model();
  return text.str();
}

// The operators in `e` whose result is `width` bits wide.
std::set<std::string> operators(const z3::expr& e, unsigned width) {
  std::set<std::string> names;
  std::set<unsigned> seen;
  std::vector<z3::expr> work{e};
  while (!work.empty()) {
    const z3::expr at = work.back();
    work.pop_back();
    if (!at.is_app() || !seen.insert(at.id()).second) continue;
    if (at.is_bv() && at.get_sort().bv_size() == width) names.insert(at.decl().name().str());
    for (unsigned i = 0; i < at.num_args(); ++i) work.push_back(at.arg(i));
  }
  return names;
}

using Operation = std::function<z3::expr(Terms&, const z3::expr&, const z3::expr&)>;
struct Binary {
  const char* name;
  Operation rewritten, plain;
};
const Binary kBinaries[] = {
    {"udiv", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.udiv(a, b); },
     [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::udiv(a, b); }},
    {"sdiv", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.sdiv(a, b); },
     [](Terms&, const z3::expr& a, const z3::expr& b) { return a / b; }},
    {"urem", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.urem(a, b); },
     [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::urem(a, b); }},
    {"srem", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.srem(a, b); },
     [](Terms&, const z3::expr& a, const z3::expr& b) { return z3::srem(a, b); }},
    {"mul", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.mul(a, b); },
     [](Terms&, const z3::expr& a, const z3::expr& b) { return a * b; }},
    {"rotl", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.rotl(a, b); },
     [](Terms& t, const z3::expr& a, const z3::expr& b) {
       return z3::expr(t.context(), Z3_mk_ext_rotate_left(t.context(), a, b));
     }},
    {"rotr", [](Terms& t, const z3::expr& a, const z3::expr& b) { return t.rotr(a, b); },
     [](Terms& t, const z3::expr& a, const z3::expr& b) {
       return z3::expr(t.context(), Z3_mk_ext_rotate_right(t.context(), a, b));
     }},
};

// Every shape of argument that a rewrite looks for: plain, extended from fewer bits, constants, choices between them.
std::vector<std::pair<std::string, z3::expr>> arguments(z3::context& c, const std::string& name, unsigned width) {
  const z3::expr wide = c.bv_const(name.c_str(), width), half = c.bv_const((name + "half").c_str(), width / 2);
  const z3::expr third = c.bv_const((name + "third").c_str(), width / 2 - 1);
  const z3::expr condition = c.bool_const((name + "c").c_str());
  return {{"wide", wide},
          {"zext half", z3::zext(half, width / 2)},
          {"zext third", z3::zext(third, width / 2 + 1)},
          {"sext half", z3::sext(half, width / 2)},
          {"sext third", z3::sext(third, width / 2 + 1)},
          {"0", c.bv_val(0, width)},
          {"1", c.bv_val(1, width)},
          {"-1", c.bv_val(-1, width)},
          {"6", c.bv_val(6, width)},
          {"least", c.bv_val(1 << (width - 1), width)},
          {"1 or wide", z3::ite(condition, c.bv_val(1, width), wide)},
          {"zext half or -1", z3::ite(condition, z3::zext(half, width / 2), c.bv_val(-1, width))},
          {"low half of a choice",
           z3::ite(condition, c.bv_val(1, 2 * width), z3::sext(wide, width)).extract(width - 1, 0)}};
}

TEST(Smt, ArithmeticRewritesAreIdentities) {
  z3::context context;
  Terms terms(context);
  for (const unsigned width : {4u, 6u}) {
    for (const Binary& op : kBinaries) {
      for (const auto& [a_name, a] : arguments(context, "a", width)) {
        for (const auto& [b_name, b] : arguments(context, "b", width)) {
          EXPECT_EQ(differs(context, op.rewritten(terms, a, b), op.plain(terms, a, b)), "")
              << op.name << " of " << a_name << ", " << b_name << " at " << width << " bits";
        }
      }
    }
  }
}

TEST(Smt, ProductsByHalvesAreProducts) {
  z3::context context;
  Terms terms(context);
  for (const unsigned width : {4u, 8u}) {
    for (const auto& [a_name, a] : arguments(context, "a", width)) {
      for (const auto& [b_name, b] : arguments(context, "b", width)) {
        EXPECT_EQ(differs(context, terms.product_by_halves(a, b), a * b), "")
            << a_name << ", " << b_name << " at " << width << " bits";
      }
    }
  }
}

TEST(Smt, LowBitsAreThoseOfTheOperands) {
  z3::context context;
  Terms terms(context);
  for (const auto& [a_name, a] : arguments(context, "a", 6)) {
    for (const auto& [b_name, b] : arguments(context, "b", 6)) {
      for (const z3::expr& e : {a + b, a - b, a * b, z3::zext(a + b, 6), z3::sext(a * (a - b), 6)}) {
        for (const unsigned width : {1u, 3u, 5u}) {
          EXPECT_EQ(differs(context, terms.low_bits(e, width), e.extract(width - 1, 0)), "")
              << a_name << ", " << b_name;
        }
      }
    }
  }
}

// The rewrites do narrow: otherwise the tests above would be about nothing.
TEST(Smt, ArithmeticOfExtendedValuesIsNarrow) {
  z3::context context;
  Terms terms(context);
  const z3::expr a = context.bv_const("a", 4), b = context.bv_const("b", 4);
  for (const Binary& op : std::span(kBinaries).first(4)) {
    const bool is_signed = op.name[0] == 's';
    const auto extend = [&](const z3::expr& e) { return is_signed ? z3::sext(e, 8) : z3::zext(e, 8); };
    const z3::expr result = op.rewritten(terms, extend(a), extend(b));
    for (const std::string& name : operators(result, 12)) {
      EXPECT_TRUE(name.find("div") == std::string::npos && name.find("rem") == std::string::npos)
          << op.name << ": " << name;
    }
    const std::string division =
        is_signed ? "bvsdiv" : "bvudiv";  // "_i" once the simplifier has set division by 0 apart
    EXPECT_TRUE(operators(result, 4).contains(division) || operators(result, 4).contains(division + "_i")) << op.name;
  }
  EXPECT_FALSE(operators(terms.mul(z3::zext(a, 8), z3::zext(b, 8)), 12).contains("bvmul"));
  EXPECT_TRUE(operators(terms.mul(z3::sext(a, 8), z3::sext(b, 8)), 8).contains("bvmul"));
  EXPECT_FALSE(operators(terms.mul(z3::sext(a, 8), z3::sext(b, 8)), 12).contains("bvmul"));
}

TEST(Smt, UninterpretedDivisionsAreFunctionsOfTheirArguments) {
  z3::context context;
  Terms terms(context);
  terms.set_mode(ArithmeticMode::Uninterpreted);
  const z3::expr a = context.bv_const("a", 8), b = context.bv_const("b", 8), c = context.bv_const("c", 8);
  EXPECT_FALSE(terms.take_functions_seen());
  const z3::expr quotient = terms.udiv(a, b);
  EXPECT_TRUE(terms.take_functions_seen());
  EXPECT_FALSE(terms.take_functions_seen());
  EXPECT_TRUE(operators(quotient, 8).contains("udiv8"));
  // Congruence, and nothing else: not that a / 1 is a.
  EXPECT_EQ(differs(context, z3::implies(b == c, quotient == terms.udiv(a, c)), context.bool_val(true)), "");
  EXPECT_NE(differs(context, terms.udiv(a, terms.bv(8, 1)), a), "");
  EXPECT_NE(differs(context, quotient, terms.sdiv(a, b)), "");
}

TEST(Smt, UninterpretedWideProductsCommuteAndNothingElse) {
  z3::context context;
  Terms terms(context);
  terms.set_mode(ArithmeticMode::Uninterpreted);
  const z3::expr a = context.bv_const("a", 32), b = context.bv_const("b", 32), narrow = context.bv_const("n", 8);
  terms.mul(narrow, narrow);
  terms.mul(a, terms.bv(32, 3));
  EXPECT_FALSE(terms.take_functions_seen());
  const z3::expr product = terms.mul(a, b);
  EXPECT_TRUE(terms.take_functions_seen());
  EXPECT_TRUE(z3::eq(product, terms.mul(b, a)));
  EXPECT_NE(differs(context, z3::implies(a == terms.bv(32, 1), product == b), context.bool_val(true)), "");
  // The low bits of a function are those of the product of the low bits.
  EXPECT_TRUE(operators(terms.low_bits(product, 16), 16).contains("bvmul"));
}

TEST(Smt, BitCountsAgreeWithBruteForce) {
  z3::context context;
  Terms terms(context);
  const auto value = [](const z3::expr& e) { return e.simplify().get_numeral_uint64(); };
  for (unsigned x = 0; x < 256; ++x) {
    const z3::expr e = context.bv_val(x, 8);
    const auto byte = static_cast<uint8_t>(x);
    EXPECT_EQ(value(terms.clz(e)), static_cast<unsigned>(std::countl_zero(byte))) << x;
    EXPECT_EQ(value(terms.ctz(e)), static_cast<unsigned>(std::countr_zero(byte))) << x;
    EXPECT_EQ(value(terms.popcnt(e)), static_cast<unsigned>(std::popcount(byte))) << x;
    unsigned copies = 0, reversed = 0;
    while (copies < 7 && (x >> (6 - copies) & 1) == x >> 7) ++copies;
    for (unsigned i = 0; i < 8; ++i) reversed |= (x >> i & 1) << (7 - i);
    EXPECT_EQ(value(terms.cls(e)), copies) << x;
    EXPECT_EQ(value(terms.bitrev(e)), reversed) << x;
    for (unsigned n = 0; n < 20; ++n) {
      EXPECT_EQ(value(terms.rotl(e, context.bv_val(n, 8))), std::rotl(byte, static_cast<int>(n % 8))) << x << ", " << n;
      EXPECT_EQ(value(terms.rotr(e, context.bv_val(n, 8))), std::rotr(byte, static_cast<int>(n % 8))) << x << ", " << n;
    }
  }
  EXPECT_EQ(value(terms.bswap(context.bv_val(uint64_t(0x0102030405060708), 64))), 0x0807060504030201u);
  EXPECT_EQ(value(terms.bswap(context.bv_val(0x12, 8))), 0x12u);
  EXPECT_EQ(value(terms.sext(context.bv_val(0x80, 8), 16)), 0xff80u);
  EXPECT_EQ(value(terms.zext(context.bv_val(0x80, 8), 16)), 0x80u);
  EXPECT_EQ(value(terms.zext(context.bv_val(0x1280, 16), 8)), 0x80u);
}

// Random expressions of the notation's language, as text.
class Expressions {
 public:
  explicit Expressions(unsigned seed) : random_(seed) {}

  unsigned pick(unsigned count) { return random_() % count; }
  unsigned width() {
    static constexpr unsigned kWidths[] = {1, 5, 8, 16, 32, 64};
    return kWidths[pick(6)];
  }
  // Of `w` bits.
  std::string expression(unsigned w, unsigned depth) {
    if (depth == 0) {
      if (pick(4) == 0) return "bv(" + std::to_string(w) + ", " + std::to_string(pick(w < 8 ? 2 : 200)) + ")";
      const std::string name(1, "xyz"[pick(3)]);
      return w == 64 ? name : name + "[" + std::to_string(w - 1) + ":0]";
    }
    const auto sub = [&](unsigned width) { return expression(width, depth - 1); };
    const auto call = [&](const std::string& name) { return name + "(" + sub(w) + ")"; };
    switch (pick(12)) {
      case 0:
      case 1:
      case 2: {
        static constexpr const char* kOps[] = {"+", "-", "*", "/u", "/s",  "%u", "%s",
                                               "&", "|", "^", "<<", ">>u", ">>s"};
        return "(" + sub(w) + " " + kOps[pick(13)] + " " + sub(w) + ")";
      }
      case 3:
        return (pick(2) != 0 ? "rotl(" : "rotr(") + sub(w) + ", " + sub(w) + ")";
      case 4:
        return std::string(pick(2) != 0 ? "(~" : "(-") + sub(w) + ")";
      case 5: {
        static constexpr const char* kCounts[] = {"clz", "ctz", "cls", "popcnt", "bitrev"};
        return call(kCounts[pick(5)]);
      }
      case 6:
        return w % 8 == 0 ? call("bswap") : call("bitrev");
      case 7:
        return "(if " + condition(depth - 1) + " then " + sub(w) + " else " + sub(w) + ")";
      case 8: {
        const unsigned low = pick(64);
        return "zext(" + std::to_string(w + low) + ", " + sub(w) + ")[" + std::to_string(w + low - 1) + ":" +
               std::to_string(low) + "]";
      }
      case 9: {
        if (w == 1) return "bool(" + condition(depth - 1) + ")";
        const unsigned high = 1 + pick(w - 1);
        return "concat(" + sub(high) + ", " + sub(w - high) + ")";
      }
      case 10: {
        // Arithmetic of extended values, where the rewrites are.
        static constexpr const char* kOps[] = {"*", "/u", "/s", "%u", "%s"};
        const std::string extend = (pick(2) != 0 ? "zext(" : "sext(") + std::to_string(2 * w + 1) + ", ";
        return "trunc(" + std::to_string(w) + ", " + extend + sub(w) + ") " + kOps[pick(5)] + " " + extend + sub(w) +
               "))";
      }
      default:
        return "bool2bv(" + std::to_string(w) + ", " + condition(depth - 1) + ")";
    }
  }
  std::string condition(unsigned depth) {
    static constexpr const char* kOps[] = {"=", "!=", "<u", "<=u", ">u", ">=u", "<s", "<=s", ">s", ">=s"};
    if (depth > 0 && pick(4) == 0) {
      return pick(3) == 0 ? "(not " + condition(depth - 1) + ")"
                          : "(" + condition(depth - 1) + (pick(2) != 0 ? " and " : " or ") + condition(depth - 1) + ")";
    }
    const unsigned w = width(), next = depth == 0 ? 0 : depth - 1;
    return "(" + expression(w, next) + " " + kOps[pick(10)] + " " + expression(w, next) + ")";
  }
  uint64_t operand() {
    static constexpr uint64_t kEdges[] = {0,           1,           2,           0x7f,       0x80, 0xff,
                                          0x7fff'ffff, 0x8000'0000, 0xffff'ffff, 1ull << 63, ~0ull};
    return pick(2) != 0 ? kEdges[pick(11)] : (uint64_t(random_()) << 32 | random_()) >> pick(64);
  }

 private:
  std::mt19937 random_;
};

TEST(Smt, TranslationAgreesWithTheEvaluator) {
  std::set<notation::Op> seen;
  unsigned compared = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    Expressions random(seed);
    const unsigned width = random.width();
    const std::string text = "r := " + random.expression(width, 1 + seed % 4);
    notation::Library library;
    notation::Environment environment;
    for (unsigned i = 0; i < 3; ++i) environment.names[std::string(1, "xyz"[i])] = notation::Binding::of_value(64, i);
    environment.names["r"] = notation::Binding::of_result(width, 0);
    auto parsed = notation::parse_semantics(library, text, {});
    ASSERT_TRUE(parsed) << text << "\n" << parsed.error().message;
    auto semantics = notation::instantiate(library, *parsed, environment);
    ASSERT_TRUE(semantics) << text << "\n" << semantics.error().message;
    for (const notation::Node& node : semantics->nodes) seen.insert(node.op);

    z3::context context;
    Terms terms(context);
    z3::expr_vector names(context);
    for (unsigned i = 0; i < 3; ++i) names.push_back(context.bv_const(std::string(1, "xyz"[i]).c_str(), 64));
    const z3::expr_vector nodes = translate(
        terms, *semantics, [&](uint32_t i) { return names[semantics->inputs[i].id]; },
        [&](uint32_t, const z3::expr& address) { return address; });
    z3::expr result = nodes[semantics->results[0].value];
    for (unsigned sample = 0; sample < 6; ++sample) {
      uint64_t operands[3];
      z3::expr_vector numbers(context);
      for (uint64_t& operand : operands) {
        operand = random.operand();
        numbers.push_back(context.bv_val(operand, 64));
      }
      std::vector<notation::Bits> inputs;
      for (const notation::Input& input : semantics->inputs) inputs.push_back(notation::Bits(operands[input.id]));
      notation::Evaluation evaluation;
      notation::evaluate(*semantics, inputs, nullptr, evaluation);
      const z3::expr value = result.substitute(names, numbers).simplify();
      uint64_t number = 0;
      ASSERT_TRUE(value.is_numeral_u64(number)) << text << "\n" << value;
      EXPECT_EQ(number, evaluation.values[semantics->results[0].value].low())
          << text << "\nx = " << operands[0] << ", y = " << operands[1] << ", z = " << operands[2];
      ++compared;
    }
  }
  EXPECT_EQ(compared, 1800u);
  // Every operator but loads has been met.
  for (unsigned op = 0; op <= static_cast<unsigned>(notation::Op::SExt); ++op) {
    EXPECT_TRUE(seen.contains(static_cast<notation::Op>(op))) << notation::name(static_cast<notation::Op>(op));
  }
}

// `e`, whose leaves are numbers, with the host's results for functions that stand for float operations.
z3::expr with_meaning(const z3::expr& e) {
  z3::expr_vector args(e.ctx());
  for (unsigned i = 0; i < e.num_args(); ++i) args.push_back(with_meaning(e.arg(i)));
  if (e.decl().decl_kind() != Z3_OP_UNINTERPRETED || e.num_args() == 0) {
    return e.num_args() == 0 ? e : e.decl()(args).simplify();
  }
  const std::string function = e.decl().name().str();
  notation::Op op = notation::Op::FAdd;
  while (!function.starts_with(notation::name(op)) || isalpha(function[std::string_view(notation::name(op)).size()])) {
    op = static_cast<notation::Op>(static_cast<unsigned>(op) + 1);
  }
  const std::string rest = function.substr(std::string_view(notation::name(op)).size());
  uint64_t numbers[3] = {};
  for (unsigned i = 0; i < args.size(); ++i) numbers[i] = args[i].get_numeral_uint64();
  const unsigned width = e.get_sort().bv_size();
  const uint32_t aux = op == notation::Op::FRound ? static_cast<uint32_t>(rest[0] - '0') : 0;
  return e.ctx().bv_val(
      notation::apply_float(op, width, args[0].get_sort().bv_size(), aux, numbers[0], numbers[1], numbers[2]), width);
}

// Every float operation on edge values crossed and random ones: Z3's own arithmetic against the host's.
TEST(Smt, FloatsAgreeWithTheEvaluator) {
  struct Case {
    std::string text;
    unsigned operand, result;
  };
  std::vector<Case> cases;
  for (const unsigned w : {16u, 32u, 64u}) {
    const std::string same = std::to_string(w);
    for (const char* two : {"fadd(x, y)", "fsub(x, y)", "fmul(x, y)", "fdiv(x, y)", "fsqrt(x)", "ffma(x, y, z)",
                            "fnearest(x)", "fceil(x)", "ffloor(x)", "ftrunc(x)", "if fisnan(x) then 1 else 2",
                            "if feq(x, y) then 1 else 2", "if flt(x, y) then 1 else 2", "if fle(x, y) then 1 else 2"}) {
      cases.push_back({two, w, w});
    }
    for (const unsigned other : {16u, 32u, 64u}) {
      if (other != w) cases.push_back({"fconvert(" + std::to_string(other) + ", x)", w, other});
    }
    for (const char* conversion : {"sint_to_float", "uint_to_float"}) {
      cases.push_back({conversion + ("(" + same + ", x)"), 32, w});
      cases.push_back({conversion + ("(" + same + ", x)"), 64, w});
      cases.push_back({conversion + ("(" + same + ", x[7:0])"), 64, w});
    }
    for (const char* conversion : {"float_to_sint", "float_to_uint"}) {
      for (const unsigned bits : {8u, 32u, 64u}) {
        cases.push_back({conversion + ("(" + std::to_string(bits) + ", x)"), w, bits});
      }
    }
  }
  std::mt19937_64 random(1);
  for (const Case& test : cases) {
    notation::Library library;
    notation::Environment environment;
    for (unsigned i = 0; i < 3; ++i) {
      environment.names[std::string(1, "xyz"[i])] = notation::Binding::of_value(test.operand, i);
    }
    environment.names["r"] = notation::Binding::of_result(test.result, 0);
    auto parsed = notation::parse_semantics(library, "r := " + test.text, {});
    ASSERT_TRUE(parsed) << test.text;
    auto semantics = notation::instantiate(library, *parsed, environment);
    ASSERT_TRUE(semantics) << test.text << "\n" << semantics.error().message;

    std::vector<uint64_t> edges = {0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, ~uint64_t{0}};
    const unsigned fraction = test.operand == 16 ? 10 : test.operand == 32 ? 23 : 52;
    const uint64_t one = (test.operand == 16   ? uint64_t{15}
                          : test.operand == 32 ? 127
                                               : 1023)
                         << fraction,
                   sign = uint64_t{1} << (test.operand - 1);
    const uint64_t infinity = sign - (uint64_t{1} << fraction);
    for (const uint64_t magnitude : {uint64_t{0}, one, one + 1, one - 1, one + (uint64_t{7} << fraction), infinity,
                                     infinity - 1, infinity + 1, one + (uint64_t{63} << fraction)}) {
      edges.push_back(magnitude);
      edges.push_back(magnitude | sign);
    }
    z3::context context;
    Terms terms(context), functions(context);
    functions.set_mode(ArithmeticMode::Uninterpreted);
    for (unsigned n = 0; n < 200; ++n) {
      uint64_t operands[3];
      for (uint64_t& operand : operands) {
        operand = random() % 2 == 0 ? edges[random() % edges.size()] : random();
        if (random() % 4 == 0) operand = one + random() % (uint64_t{9} << fraction);
        operand &= ~uint64_t{0} >> (64 - test.operand);
      }
      std::vector<notation::Bits> inputs;
      for (const notation::Input& input : semantics->inputs) inputs.push_back(notation::Bits(operands[input.id]));
      notation::Evaluation evaluation;
      notation::evaluate(*semantics, inputs, nullptr, evaluation);
      const z3::expr_vector nodes = translate(
          terms, *semantics,
          [&](uint32_t i) { return context.bv_val(operands[semantics->inputs[i].id], test.operand); },
          [&](uint32_t, const z3::expr& address) { return address; });
      const z3::expr value = z3::expr(nodes[semantics->results[0].value]).simplify();
      // As functions, with what they stand for put in their place: what proofs know of them holds.
      functions.begin();
      const z3::expr_vector as_functions = translate(
          functions, *semantics,
          [&](uint32_t i) { return context.bv_val(operands[semantics->inputs[i].id], test.operand); },
          [&](uint32_t, const z3::expr& address) { return address; });
      const z3::expr same = with_meaning(as_functions[semantics->results[0].value]);
      EXPECT_TRUE(z3::eq(same, value)) << test.text << ": " << same << ", " << value;
      for (const z3::expr& fact : functions.facts()) {
        EXPECT_TRUE(with_meaning(fact).is_true()) << test.text << " of " << std::hex << operands[0] << ": " << fact;
      }
      uint64_t number = 0;
      ASSERT_TRUE(value.is_numeral_u64(number)) << test.text << "\n" << value;
      EXPECT_EQ(number, evaluation.values[semantics->results[0].value].low())
          << test.text << " at " << test.operand << " bits\nx = " << operands[0] << ", y = " << operands[1]
          << ", z = " << operands[2];
    }
  }
}

}  // namespace
}  // namespace assay::verify
