// Each feature of each ISA by itself, off and on: what the filetests of features say comes out, whichever it is. Prints
// which features no machine here has: their code is run before it has bytes.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"
#include "compiler/machine/isa.h"
#include "oracles/executor_features.h"
#include "oracles/filetest.h"

namespace assay::oracles {
namespace {

constexpr const char* kTargets[kIsaCount] = {"x86_64", "aarch64", "riscv64", "s390x"};

// The file with these target lines in the place of its own.
std::string text_for(const std::string& path, const std::string& targets) {
  std::ifstream in(path);
  std::string text, line;
  while (std::getline(in, line)) {
    if (!line.starts_with("target ")) text += line + "\n";
    if (line == "test run") text += targets;
  }
  return text;
}

std::string file_of(std::string_view feature) {
  if (feature == "has_fp16" || feature.starts_with("has_zfh")) return "corpus/filetests/f16.clif";
  if (feature == "has_lse") return "corpus/filetests/atomics.clif";
  if (feature == "has_cmpxchg16b") return "corpus/filetests/atomics_i128.clif";
  if (feature.starts_with("sign_return_address") || feature == "use_bti") return "corpus/filetests/call.clif";
  return "corpus/filetests/features.clif";
}

TEST(EachFeature, OffAndOnTheSameComesOut) {
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    const auto index = static_cast<size_t>(isa->kind);
    FiletestOptions options;
    options.executors.fill(false);
    options.executors[kInterpreterExecutor] = options.executors[1 + index] = true;
    options.executors[kNativeExecutor] = isa->kind == IsaKind::x64;
    FiletestRunner runner(options);
    for (const machine::FeatureDesc& feature : isa->insts->features) {
      const std::string target = std::string("target ") + kTargets[index], path = file_of(feature.name);
      // Without this one there is no code.
      const bool is_needed = std::string_view(feature.name) == "has_cmpxchg16b";
      const std::string text = text_for(path, (is_needed ? "" : target + "\n") + target + " " + feature.name + "\n");
      ASSERT_FALSE(text.empty()) << path;
      const FiletestReport report = runner.run_text(text, path);
      EXPECT_TRUE(report.errors.empty()) << path;
      for (const FiletestFailure& failure : report.failures) {
        ADD_FAILURE() << isa->name << " " << feature.name << ": " << failure.executor << ": " << failure.message;
      }
      EXPECT_GT(report.executors[1 + index].passed, 0u) << isa->name << " " << feature.name;
      const machine::FeatureSet bit = machine::features_by_name(*isa->insts, feature.name);
      if (((executor_features("unicorn", *isa->insts) | executor_features("qemu", *isa->insts)) & bit) == 0) {
        std::printf("%s %s: no machine here has it\n", isa->name, feature.name);
      }
    }
  }
}

}  // namespace
}  // namespace assay::oracles
