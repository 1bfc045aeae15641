// Features of the ISAs: their names, and that code compiled without one does not need it.
#include "compiler/machine/features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "compiler/ir/parser.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/compile.h"

namespace assay::machine {
namespace {

TEST(Features, HaveNames) {
  for (const TargetIsa* isa : isa::all_isas()) {
    const InstSet& insts = *isa->insts;
    EXPECT_EQ(insts.features.empty(), all_features(insts) == 0);
    for (size_t i = 0; i < insts.features.size(); ++i) {
      EXPECT_EQ(features_by_name(insts, insts.features[i].name), FeatureSet(1) << i);
    }
    EXPECT_EQ(features_by_name(insts, "has_wings"), 0u);
    EXPECT_EQ(parse_features(insts, "all").value(), all_features(insts));
    EXPECT_EQ(parse_features(insts, "").value(), 0u);
    EXPECT_FALSE(parse_features(insts, "all,has_wings"));
    EXPECT_EQ(host_features(insts) & ~all_features(insts), 0u);
  }
  if (const TargetIsa* x64 = isa::find_isa(IsaKind::x64)) {
    EXPECT_EQ(feature_names(*x64->insts, parse_features(*x64->insts, "sse41,has_bmi1,has_sse3=false").value()),
              "has_ssse3 has_sse41 has_bmi1");
    EXPECT_FALSE(parse_features(*x64->insts, "has_bmi1=maybe"));
  }
}

// CPUID's word against the kernel's.
TEST(Features, OfTheHostAreWhatTheKernelSays) {
  const TargetIsa* isa = isa::find_isa(IsaKind::x64);
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line) && !line.starts_with("flags")) {
  }
  if (isa == nullptr || !file) GTEST_SKIP();
  static constexpr std::pair<const char*, const char*> kNames[] = {
      {"has_sse3", " pni "},      {"has_ssse3", " ssse3 "}, {"has_sse41", " sse4_1 "}, {"has_sse42", " sse4_2 "},
      {"has_popcnt", " popcnt "}, {"has_lzcnt", " abm "},   {"has_bmi1", " bmi1 "},    {"has_bmi2", " bmi2 "},
      {"has_avx", " avx "},       {"has_avx2", " avx2 "},   {"has_fma", " fma "},      {"has_cmpxchg16b", " cx16 "}};
  FeatureSet known = 0, said = 0;
  for (const auto& [name, word] : kNames) {
    known |= features_by_name(*isa->insts, name);
    if ((line + " ").find(word) != std::string::npos) said |= features_by_name(*isa->insts, name);
  }
  EXPECT_EQ(known, all_features(*isa->insts));
  EXPECT_EQ(feature_names(*isa->insts, host_features(*isa->insts)), feature_names(*isa->insts, said));
}

TEST(Features, CodeNeedsNoneThatIsOff) {
  const auto function = ir::parse_function(
      "function %f(i64, i64) -> i64 {\nblock0(v0: i64, v1: i64):\n  v2 = bnot v1\n  v3 = band v0, v2\n"
      "  v4 = popcnt v3\n  return v4\n}\n");
  ASSERT_TRUE(function);
  for (const TargetIsa* isa : isa::all_isas()) {
    Compiler compiler(*isa);
    const FeatureSet all = all_features(*isa->insts);
    const auto without = compiler.compile(*function, {});
    ASSERT_TRUE(without);
    EXPECT_EQ(without->code.features, 0u) << isa->name;
    FeatureSet seen = 0;
    for (size_t i = 0; i < isa->insts->features.size(); ++i) {
      const auto with = compiler.compile(*function, {.features = FeatureSet(1) << i});
      ASSERT_TRUE(with);
      EXPECT_EQ(with->code.features & ~(FeatureSet(1) << i), 0u) << isa->name;
      seen |= with->code.features;
    }
    if (isa->kind != IsaKind::aarch64) EXPECT_NE(seen, 0u) << isa->name;
    for (uint64_t seed = 1; seed < 20; ++seed) {
      const auto random = compiler.compile(*function, {.choice_seed = seed});
      ASSERT_TRUE(random);
      EXPECT_EQ(random->code.features & ~chosen_features(*isa->insts, {.choice_seed = seed}), 0u);
      seen |= chosen_features(*isa->insts, {.choice_seed = seed});
    }
    EXPECT_EQ(seen, all) << isa->name;
    const FeatureSet kept = all & 1;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      const CompileOptions options{.features = all, .left_out = all & ~kept, .choice_seed = seed};
      EXPECT_EQ(chosen_features(*isa->insts, options), kept) << isa->name << " " << seed;
    }
  }
}

// has_c halves what it can, has_zcb more, and nothing else changes.
TEST(Features, ShortFormsMakeCodeSmaller) {
  const TargetIsa* isa = isa::find_isa(IsaKind::riscv64);
  if (isa == nullptr) GTEST_SKIP();
  const auto function = ir::parse_function(
      "function %f(i64, i64) -> i64 {\nblock0(v0: i64, v1: i64):\n  v2 = band v0, v1\n  v3 = imul v2, v1\n"
      "  return v3\n}\n");
  ASSERT_TRUE(function);
  const auto compiled = [&](const char* features) {
    return compile(*function, *isa, {.features = parse_features(*isa->insts, features).value(), .want_listing = true})
        ->code;
  };
  const EmittedCode plain = compiled("has_zcb"), c = compiled("has_c"), zcb = compiled("has_c,has_zcb");
  EXPECT_EQ(plain.code_size, 12u);
  EXPECT_EQ(plain.features, 0u);
  EXPECT_EQ(c.code_size, 8u) << c.listing;
  EXPECT_EQ(feature_names(*isa->insts, c.features), "has_c");
  EXPECT_EQ(zcb.code_size, 6u) << zcb.listing;
  EXPECT_EQ(feature_names(*isa->insts, zcb.features), "has_c has_zcb");
  ASSERT_EQ(plain.insts.size(), zcb.insts.size());
  for (size_t i = 0; i < plain.insts.size(); ++i) EXPECT_EQ(plain.insts[i].text, zcb.insts[i].text);
}

// The words of a jump table stand where words are loaded fast, wherever the instructions before it end.
TEST(Features, JumpTablesAreAligned) {
  const TargetIsa* isa = isa::find_isa(IsaKind::riscv64);
  if (isa == nullptr) GTEST_SKIP();
  for (unsigned before = 0; before < 4; ++before) {
    std::string text = "function %f(i64, i32) -> i64 {\nblock0(v0: i64, v1: i32):\n";
    for (unsigned i = 0; i < before; ++i) {
      text += "  v" + std::to_string(10 + i) + " = band v0, v" + std::to_string(i == 0 ? 0 : 9 + i) + "\n";
    }
    text +=
        "  br_table v1, block1, [block1, block2, block1]\nblock1:\n  return v0\nblock2:\n  v2 = iadd v0, v0\n"
        "  return v2\n}\n";
    const auto function = ir::parse_function(text);
    ASSERT_TRUE(function);
    const auto code = compile(*function, *isa, {.features = features_by_name(*isa->insts, "has_c"), .optimize = false});
    ASSERT_TRUE(code);
    ASSERT_EQ(code->code.data.size(), 1u);
    EXPECT_EQ(code->code.data[0].begin % 4, 0u) << before;
  }
}

// Who unwinds may well go there by an indirect jump.
TEST(Features, HandlersAreMarkedAsLandings) {
  const TargetIsa* isa = isa::find_isa(IsaKind::aarch64);
  if (isa == nullptr) GTEST_SKIP();
  const auto function = ir::parse_function(
      "function %f() {\n  sig0 = () tail\n  fn0 = %g() tail\nblock0:\n  try_call fn0(), sig0, block1, [ tag1: block2, "
      "default: block3 ]\nblock1:\n  return\nblock2:\n  trap user1\nblock3:\n  trap user2\n}\n");
  ASSERT_TRUE(function);
  const FeatureSet features = parse_features(*isa->insts, "use_bti").value();
  const auto code = compile(*function, *isa, {.features = features, .want_listing = true});
  ASSERT_TRUE(code);
  ASSERT_EQ(code->code.handlers.size(), 2u);
  for (const HandlerRecord& handler : code->code.handlers) {
    const std::vector<uint8_t> bti_j = {0x9f, 0x24, 0x03, 0xd5};
    EXPECT_TRUE(std::equal(bti_j.begin(), bti_j.end(), code->code.bytes.begin() + handler.offset))
        << code->code.listing;
  }
}

TEST(Features, ReturnAddressesAreSignedAndLandingsMarked) {
  const TargetIsa* isa = isa::find_isa(IsaKind::aarch64);
  if (isa == nullptr) GTEST_SKIP();
  const auto function = ir::parse_function(
      "function %f(i32) -> i32 {\nblock0(v0: i32):\n  br_table v0, block1, [block2, block1, block2]\nblock1:\n  return "
      "v0\n"
      "block2:\n  v1 = iadd v0, v0\n  return v1\n}\n");
  ASSERT_TRUE(function);
  const auto listing = [&](const char* features) {
    const auto code =
        compile(*function, *isa, {.features = parse_features(*isa->insts, features).value(), .want_listing = true});
    return code ? code->code.listing : code.error().message;
  };
  const auto count = [](const std::string& text, const char* what) {
    size_t n = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count(listing("has_lse"), "bti") + count(listing("sign_return_address"), "asp"), 0u);
  const std::string both = listing("use_bti,sign_return_address_all");
  EXPECT_EQ(count(both, "bti c"), 1u) << both;
  EXPECT_EQ(count(both, "bti j"), 2u) << both;
  EXPECT_EQ(count(both, "paciasp"), 1u) << both;
  EXPECT_EQ(count(both, "autiasp"), 2u) << both;
  EXPECT_LT(both.find("bti c"), both.find("paciasp"));
  EXPECT_EQ(count(listing("sign_return_address_all,sign_return_address_with_bkey"), "pacibsp"), 1u);
}

}  // namespace
}  // namespace assay::machine
