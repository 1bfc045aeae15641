// See features.h.
#include "compiler/machine/features.h"

#include <algorithm>

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace assay::machine {

namespace {

#ifdef __x86_64__
// Intel SDM 2A, CPUID: the leaf's register (0 EAX … 3 EDX) and bit. AVX also wants an operating system that keeps its
// registers.
struct CpuidBit {
  std::string_view name;
  unsigned leaf, reg, bit;
  bool wide = false;
};
constexpr CpuidBit kCpuidBits[] = {
    {"has_sse3", 1, 2, 0},       {"has_ssse3", 1, 2, 9},      {"has_cmpxchg16b", 1, 2, 13},
    {"has_sse41", 1, 2, 19},     {"has_sse42", 1, 2, 20},     {"has_popcnt", 1, 2, 23},
    {"has_avx", 1, 2, 28, true}, {"has_fma", 1, 2, 12, true}, {"has_avx2", 7, 1, 5, true},
    {"has_bmi1", 7, 1, 3},       {"has_bmi2", 7, 1, 8},       {"has_lzcnt", 0x80000001, 2, 5},
};

bool saves_wide_registers() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c >> 27 & 1) == 0) return false;  // OSXSAVE
  unsigned low = 0, high = 0;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & 6) == 6;
}

bool host_has(std::string_view name) {
  for (const CpuidBit& feature : kCpuidBits) {
    if (feature.name != name) continue;
    unsigned regs[4] = {};
    if (__get_cpuid_count(feature.leaf, 0, &regs[0], &regs[1], &regs[2], &regs[3]) == 0) return false;
    return (regs[feature.reg] >> feature.bit & 1) != 0 && (!feature.wide || saves_wide_registers());
  }
  return false;
}

constexpr std::string_view kHost = "x64";
#else
bool host_has(std::string_view) { return false; }
constexpr std::string_view kHost = "";
#endif

}  // namespace

FeatureSet features_by_name(const InstSet& insts, std::string_view name) {
  for (size_t i = 0; i < insts.features.size(); ++i) {
    if (insts.features[i].name == name) return FeatureSet(1) << i;
  }
  for (const FeaturePreset& preset : insts.presets) {
    if (preset.name == name) return preset.features;
  }
  return 0;
}

FeatureSet all_features(const InstSet& insts) {
  return insts.features.empty() ? 0 : ~FeatureSet(0) >> (64 - insts.features.size());
}

FeatureSet host_features(const InstSet& insts) {
  FeatureSet features = 0;
  if (insts.isa != kHost) return features;
  for (size_t i = 0; i < insts.features.size(); ++i) {
    if (host_has(insts.features[i].name)) features |= FeatureSet(1) << i;
  }
  return features;
}

Expected<FeatureSet> parse_features(const InstSet& insts, std::string_view list, FeatureSet features) {
  while (!list.empty()) {
    std::string_view word = list.substr(0, list.find(','));
    list.remove_prefix(std::min(word.size() + 1, list.size()));
    bool on = true;
    if (const size_t equals = word.find('='); equals != std::string_view::npos) {
      const std::string_view value = word.substr(equals + 1);
      if (value != "true" && value != "false") return fail("'" + std::string(word) + "' is neither =true nor =false");
      on = value == "true";
      word = word.substr(0, equals);
    }
    if (word.empty()) continue;
    const FeatureSet named = word == "all"    ? all_features(insts)
                             : word == "host" ? host_features(insts)
                                              : features_by_name(insts, word);
    if (named == 0 && word != "all" && word != "host") {
      return fail(std::string(insts.isa) + " has no feature '" + std::string(word) + "'",
                  "its features are " + feature_names(insts, all_features(insts)));
    }
    features = on ? features | named : features & ~named;
  }
  return features;
}

std::string feature_names(const InstSet& insts, FeatureSet features) {
  std::string names;
  for (size_t i = 0; i < insts.features.size(); ++i) {
    if ((features >> i & 1) != 0) names += (names.empty() ? "" : " ") + std::string(insts.features[i].name);
  }
  return names;
}

}  // namespace assay::machine
