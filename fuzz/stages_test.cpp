// Every stage runs: machine code over virtual registers, and after register allocation, gives what the interpreter
// gives. On the corpus and on random programs, for all machines.
#include <gtest/gtest.h>

#include <filesystem>

#include "compiler/isa/registry.h"
#include "fuzz/generate.h"
#include "oracles/filetest.h"
#include "oracles/harness.h"

namespace assay {
namespace {

TEST(Stages, CorpusOnVirtualAndPhysicalRegisters) {
  oracles::FiletestOptions options;
  options.executors.fill(false);
  for (size_t i = oracles::kFirstStageExecutor; i < oracles::kFiletestExecutors; ++i) options.executors[i] = true;
  oracles::FiletestRunner runner(options);
  oracles::FiletestReport all;
  for (const auto& entry : std::filesystem::directory_iterator("corpus/filetests")) {
    if (entry.path().extension() == ".clif") all.add(runner.run(entry.path().string()));
  }
  for (const oracles::FiletestFailure& failure : all.failures) {
    ADD_FAILURE() << failure.place.file << ":" << failure.place.line << ": " << failure.executor << ": "
                  << failure.message;
  }
  for (size_t i = oracles::kFirstStageExecutor; i < oracles::kFiletestExecutors; ++i) {
    EXPECT_GT(all.executors[i].passed, 100u) << oracles::kFiletestExecutorNames[i];
  }
}

TEST(Stages, RandomProgramsOnVirtualAndPhysicalRegisters) {
  oracles::HarnessOptions options;
  options.unicorn = options.native = false;
  options.stages = true;
  oracles::Harness harness(options);
  fuzz::Random random(21);
  for (int i = 0; i < 60 && !HasFailure(); ++i) {
    fuzz::Program program;
    fuzz::generate(random, {}, program);
    std::vector<const ir::Function*> functions;
    for (const ir::Function& function : program.functions) functions.push_back(&function);
    std::vector<oracles::Region> regions;
    for (const oracles::RegionDirective& region : program.regions) regions.push_back(oracles::make_region(region));
    std::vector<oracles::TestInput> inputs;
    for (const auto& args : program.inputs) inputs.push_back({args, random.next()});
    std::vector<oracles::Finding> findings;
    harness.check({functions, static_cast<uint32_t>(functions.size() - 1), regions, inputs}, findings);
    for (const oracles::Finding& finding : findings) ADD_FAILURE() << "program " << i << ": " << describe(finding);
  }
  for (const auto& [name, stats] : harness.stats().executors) EXPECT_GT(stats.runs, 100u) << name;
  EXPECT_EQ(harness.stats().executors.size(), 2 * isa::all_isas().size());
  for (const auto& [reason, count] : harness.stats().not_run) {
    EXPECT_EQ(reason, "calls nested too deeply for the machine's stack") << count;
  }
}

}  // namespace
}  // namespace assay
