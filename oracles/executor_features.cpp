// See executor_features.h.
#include "oracles/executor_features.h"

#include <algorithm>

#include "compiler/machine/features.h"

namespace assay::oracles {

namespace {

// What an executor does not have; all else it runs, ways to compile among them.
struct Missing {
  std::string_view executor, isa, feature;
};
constexpr Missing kMissing[] = {
    {"unicorn", "x64", "has_popcnt"},      {"unicorn", "x64", "has_fma"},         {"unicorn", "x64", "has_avx"},
    {"unicorn", "x64", "has_avx2"},        {"unicorn", "riscv64", "has_zba"},     {"unicorn", "riscv64", "has_zbb"},
    {"unicorn", "riscv64", "has_zbc"},     {"unicorn", "riscv64", "has_zbs"},     {"unicorn", "riscv64", "has_zbkb"},
    {"unicorn", "riscv64", "has_zicond"},  {"unicorn", "riscv64", "has_zfa"},     {"unicorn", "riscv64", "has_zfh"},
    {"unicorn", "riscv64", "has_zfhmin"},  {"unicorn", "riscv64", "has_zcb"},     {"unicorn", "s390x", "has_mie2"},
    {"unicorn", "s390x", "has_mie3"},      {"unicorn", "s390x", "has_mie4"},      {"unicorn", "s390x", "has_vxrs_ext1"},
    {"unicorn", "s390x", "has_vxrs_ext2"}, {"unicorn", "s390x", "has_vxrs_ext3"}, {"qemu", "riscv64", "has_zicond"},
    {"qemu", "riscv64", "has_zfa"},        {"qemu", "riscv64", "has_zcb"},        {"qemu", "s390x", "has_mie4"},
    {"qemu", "s390x", "has_vxrs_ext3"},
};

}  // namespace

machine::FeatureSet executor_features(std::string_view executor, const machine::InstSet& insts) {
  executor = executor.substr(0, executor.find('-'));
  if (executor == "native") {
    static const machine::FeatureSet host = machine::host_features(insts);  // of one ISA, the host's
    return host;
  }
  machine::FeatureSet features = machine::all_features(insts);
  for (const Missing& missing : kMissing) {
    if (missing.executor == executor && missing.isa == insts.isa) {
      features &= ~machine::features_by_name(insts, missing.feature);
    }
  }
  return features;
}

machine::FeatureSet encodings_of_no_executor(const machine::InstSet& insts) {
  return std::string_view(insts.isa) == "riscv64" ? machine::features_by_name(insts, "has_zcb") : 0;
}

machine::FeatureSet features_of_no_executor(const machine::InstSet& insts) {
  return machine::all_features(insts) & ~executor_features("unicorn", insts) & ~executor_features("qemu", insts);
}

}  // namespace assay::oracles
