// The C++ behind prelude.isle's externs, held against the `spec` that stands beside each and that the prover uses: on
// all types, edge numbers and random ones. The specs are evaluated here by a few lines that share nothing with the
// prover.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <stdexcept>

#include "compiler/ir/parser.h"
#include "compiler/isle/parser.h"
#include "compiler/machine/lower.h"

namespace assay::machine {
namespace {

using isle::ast::SpecExpr;

// An integer (width 0) or a bit vector; booleans are integers 0 and 1.
struct SpecValue {
  uint64_t bits = 0;
  unsigned width = 0;
  bool operator==(const SpecValue&) const = default;
};

uint64_t cut(uint64_t bits, unsigned width) { return width >= 64 ? bits : bits & ((uint64_t(1) << width) - 1); }
int64_t as_signed(SpecValue v) { return static_cast<int64_t>(v.bits << (64 - v.width)) >> (64 - v.width); }

using Environment = std::map<std::string, SpecValue>;

SpecValue evaluate(const SpecExpr& e, const Environment& environment) {
  const auto arg = [&](size_t i) { return evaluate(e.children[i], environment); };
  const auto bv = [](uint64_t bits, unsigned width) { return SpecValue{cut(bits, width), width}; };
  switch (e.kind) {
    case SpecExpr::Kind::Int:
      return {uint64_t(e.value), 0};
    case SpecExpr::Kind::BitVector:
      return bv(uint64_t(e.value), e.width);
    case SpecExpr::Kind::Variable:
      return environment.at(e.name.text);
    case SpecExpr::Kind::Op:
      break;
    default:
      throw std::runtime_error("spec form not handled");
  }
  const std::string& op = e.name.text;
  if (op == "=") return {arg(0) == arg(1), 0};
  if (op == "<=") return {int64_t(arg(0).bits) <= int64_t(arg(1).bits), 0};
  if (op == "or") return {arg(0).bits | arg(1).bits, 0};
  if (op == "int2bv") return bv(arg(1).bits, unsigned(arg(0).bits));
  if (op == "widthof") return {arg(0).width, 0};
  if (op == "sign_ext") return bv(uint64_t(as_signed(arg(1))), unsigned(arg(0).bits));
  if (op == "zero_ext") return bv(arg(1).bits, unsigned(arg(0).bits));
  const SpecValue a = arg(0);
  if (op == "bvneg") return bv(-a.bits, a.width);
  if (op == "bvnot") return bv(~a.bits, a.width);
  const SpecValue b = arg(1);
  EXPECT_EQ(a.width, b.width) << op;
  if (op == "bvadd") return bv(a.bits + b.bits, a.width);
  if (op == "bvsub") return bv(a.bits - b.bits, a.width);
  if (op == "bvand") return bv(a.bits & b.bits, a.width);
  if (op == "bvshl") return bv(b.bits >= a.width ? 0 : a.bits << b.bits, a.width);
  if (op == "bvlshr") return bv(b.bits >= a.width ? 0 : a.bits >> b.bits, a.width);
  if (op == "bvashr") return bv(uint64_t(as_signed(a) >> std::min<uint64_t>(b.bits, a.width - 1)), a.width);
  throw std::runtime_error("spec operator not handled: " + op);
}

const isle::ast::Definitions& prelude() {
  static const isle::ast::Definitions definitions = [] {
    isle::ast::Definitions d;
    std::vector<isle::PositionedError> errors;
    const auto text = read_file("compiler/machine/prelude.isle");
    EXPECT_TRUE(text.has_value());
    isle::parse_file(0, *text, d, errors);
    EXPECT_TRUE(errors.empty());
    return d;
  }();
  return definitions;
}

const isle::ast::Spec& spec_of(const std::string& term) {
  for (const isle::ast::Spec& spec : prelude().specs) {
    if (spec.term.text == term) return spec;
  }
  ADD_FAILURE() << "no spec of " << term;
  std::abort();
}

// What the C++ gave: nothing, if it is partial and did not apply.
using Given = std::optional<SpecValue>;

void hold(const std::string& term, const std::vector<SpecValue>& arguments, Given result) {
  const isle::ast::Spec& spec = spec_of(term);
  ASSERT_EQ(spec.arguments.size(), arguments.size()) << term;
  Environment environment;
  std::string shown = term;
  for (size_t i = 0; i < arguments.size(); ++i) {
    environment[spec.arguments[i].text] = arguments[i];
    shown += " " + std::to_string(int64_t(arguments[i].bits));
  }
  bool required = true;
  for (const SpecExpr& e : spec.requirements) required = required && evaluate(e, environment).bits != 0;
  EXPECT_EQ(required, result.has_value()) << shown;
  if (!result) return;
  environment["result"] = *result;
  for (const SpecExpr& e : spec.provides)
    EXPECT_NE(evaluate(e, environment).bits, 0u) << shown << " = " << int64_t(result->bits);
}

const std::vector<uint64_t>& numbers() {
  static const std::vector<uint64_t> list = [] {
    std::vector<uint64_t> l;
    for (unsigned bit = 0; bit < 64; ++bit) {
      for (int64_t d = -1; d <= 1; ++d) {
        l.push_back((uint64_t(1) << bit) + uint64_t(d));
        l.push_back(-(uint64_t(1) << bit) + uint64_t(d));
      }
    }
    std::mt19937_64 random(7);
    for (int i = 0; i < 100; ++i) l.push_back(random());
    return l;
  }();
  return list;
}

const LowerContext& context() {
  static const LowerContext c;
  return c;
}

TEST(LowerExterns, OfOneNumber) {
  const LowerContext& c = context();
  for (uint64_t n : numbers()) {
    const SpecValue v{n, 64};
    const auto bv64 = [](int64_t value) { return SpecValue{uint64_t(value), 64}; };
    hold("i64_neg", {v}, bv64(c.i64_neg(int64_t(n))));
    hold("i64_not", {v}, bv64(c.i64_not(int64_t(n))));
    hold("u64_as_i64", {v}, bv64(c.u64_as_i64(n)));
    hold("imm64_as_i64", {v}, bv64(c.imm64_as_i64({int64_t(n)})));
    hold("u32_as_i64", {{cut(n, 32), 32}}, bv64(c.u32_as_i64(uint32_t(n))));
    hold("u8_as_i64", {{cut(n, 8), 8}}, bv64(c.u8_as_i64(uint8_t(n))));
    hold("offset_as_i64", {{cut(n, 32), 32}}, bv64(c.offset_as_i64({int32_t(n)})));
  }
}

TEST(LowerExterns, OfTwoNumbers) {
  const LowerContext& c = context();
  const std::pair<const char*, int64_t (LowerContext::*)(int64_t, int64_t) const> kFunctions[] = {
      {"i64_add", &LowerContext::i64_add},   {"i64_sub", &LowerContext::i64_sub},
      {"i64_and", &LowerContext::i64_and},   {"i64_shl", &LowerContext::i64_shl},
      {"i64_sshr", &LowerContext::i64_sshr}, {"i64_ushr", &LowerContext::i64_ushr}};
  std::vector<uint64_t> second;
  for (uint64_t i = 0; i <= 66; ++i) second.push_back(i);
  for (size_t i = 0; i < numbers().size(); i += 7) second.push_back(numbers()[i]);
  for (const auto& [name, function] : kFunctions) {
    for (uint64_t a : numbers()) {
      for (uint64_t b : second) {
        hold(name, {{a, 64}, {b, 64}}, SpecValue{uint64_t((c.*function)(int64_t(a), int64_t(b))), 64});
      }
    }
  }
}

TEST(LowerExterns, Ranges) {
  const LowerContext& c = context();
  for (unsigned bits = 0; bits <= 70; ++bits) {
    for (uint64_t n : numbers()) {
      const auto given = [](std::optional<int64_t> k) { return k ? Given({uint64_t(*k), 64}) : std::nullopt; };
      if (bits <= 64) hold("signed_fits", {{bits, 8}, {n, 64}}, given(c.signed_fits(uint8_t(bits), int64_t(n))));
      hold("unsigned_fits", {{bits, 8}, {n, 64}}, given(c.unsigned_fits(uint8_t(bits), int64_t(n))));
    }
  }
}

TEST(LowerExterns, Types) {
  const LowerContext& c = context();
  for (unsigned width : {8u, 16u, 32u, 64u, 128u}) {
    const ir::Type type = ir::Type::integer(width);
    const SpecValue v{width, 0};
    const auto given = [](std::optional<ir::Type> t) { return t ? Given({t->bits(), 0}) : std::nullopt; };
    hold("fits_in_16", {v}, given(c.fits_in_16(type)));
    hold("fits_in_32", {v}, given(c.fits_in_32(type)));
    hold("fits_in_64", {v}, given(c.fits_in_64(type)));
    hold("ty_32_or_64", {v}, given(c.ty_32_or_64(type)));
    hold("ty_8_or_16", {v}, given(c.ty_8_or_16(type)));
    if (width > 64) continue;
    hold("ty_bits", {v}, SpecValue{c.ty_bits(type), 8});
    hold("ty_shift_mask", {v}, SpecValue{c.ty_shift_mask(type), 64});
    hold("ty_mask", {v}, SpecValue{c.ty_mask(type), 64});
    hold("ty_least", {v}, SpecValue{uint64_t(c.ty_least(type)), 64});
  }
  // Rules for integers must not see floats and vectors of the same size.
  for (ir::Type type : {ir::kF32, ir::kF64, ir::kI8x8, ir::kI32x4}) EXPECT_FALSE(c.fits_in_64(type));
}

// Every spec of the prelude that a C++ extern stands behind is held above, or is about things only a function has.
TEST(LowerExterns, NoneIsLeftOut) {
  const std::set<std::string> elsewhere = {"value_type", "put_in_reg", "iconst_sext", "iconst_zext"};
  const std::set<std::string> here = {"i64_neg",    "i64_not",       "u64_as_i64", "imm64_as_i64", "u32_as_i64",
                                      "u8_as_i64",  "offset_as_i64", "i64_add",    "i64_sub",      "i64_and",
                                      "i64_shl",    "i64_sshr",      "i64_ushr",   "signed_fits",  "unsigned_fits",
                                      "fits_in_16", "fits_in_32",    "fits_in_64", "ty_32_or_64",  "ty_8_or_16",
                                      "ty_bits",    "ty_shift_mask", "ty_mask",    "ty_least"};
  std::set<std::string> externs;
  for (const isle::ast::Extern& e : prelude().externs) externs.insert(e.name.text);
  for (const isle::ast::Spec& spec : prelude().specs) {
    const std::string& term = spec.term.text;
    if (externs.contains(term)) {
      EXPECT_TRUE(here.contains(term) || elsewhere.contains(term)) << term;
    }
  }
}

}  // namespace
}  // namespace assay::machine
