// Every stage runs: machine code over virtual registers, and after register allocation, gives what the interpreter
// gives. On the corpus and on random programs, for all machines.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "compiler/ir/parser.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/compile.h"
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

// What the harness finds in random programs; with `choices`, in code for which the compiler chose at random.
void check_random_programs(oracles::Harness& harness, uint64_t seed, int programs, bool choices) {
  fuzz::Random random(seed);
  for (int i = 0; i < programs && !testing::Test::HasFailure(); ++i) {
    fuzz::Program program;
    fuzz::generate(random, {}, program);
    std::vector<const ir::Function*> functions;
    for (const ir::Function& function : program.functions) functions.push_back(&function);
    std::vector<oracles::Region> regions;
    for (const oracles::RegionDirective& region : program.regions) regions.push_back(oracles::make_region(region));
    std::vector<oracles::TestInput> inputs;
    for (const auto& args : program.inputs) inputs.push_back({args, random.next()});
    std::vector<oracles::Finding> findings;
    harness.check({.functions = functions,
                   .entry = static_cast<uint32_t>(functions.size() - 1),
                   .regions = regions,
                   .inputs = inputs,
                   .choice_seed = choices ? random.next() | 1 : 0},
                  findings);
    for (const oracles::Finding& finding : findings) ADD_FAILURE() << "program " << i << ": " << describe(finding);
  }
}

TEST(Stages, RandomProgramsOnVirtualAndPhysicalRegisters) {
  oracles::HarnessOptions options;
  options.unicorn = options.native = false;
  options.stages = true;
  oracles::Harness harness(options);
  check_random_programs(harness, 21, 60, false);
  for (const auto& [name, stats] : harness.stats().executors) EXPECT_GT(stats.runs, 100u) << name;
  EXPECT_EQ(harness.stats().executors.size(), 2 * isa::all_isas().size());
  for (const auto& [reason, count] : harness.stats().not_run) {
    // Stages before bytes have no return addresses to unwind and no library that thread-local values come from.
    EXPECT_TRUE(reason == "calls nested too deeply for the machine's stack" || reason.starts_with("not supported on "))
        << reason << ": " << count;
  }
}

TEST(Stages, RandomProgramsWithRandomChoices) {
  oracles::HarnessOptions options;
  options.stages = true;
  options.opt_levels = {machine::OptLevel::Speed};
  oracles::Harness harness(options);
  check_random_programs(harness, 22, 60, true);
}

// Calls of functions outside of the module: arguments in registers and on the stack, results, indirect calls.
TEST(Stages, HostFunctionsAreCalled) {
  const auto right = ir::parse_file(R"(function %main(i64, i32, i16) -> i64 {
    sig0 = (i64) -> i64
    fn0 = %host_a(i64, i32 sext, i16, i64, i64, i64, i64, i64, i64, i64) -> i64, i32
    fn1 = %host_b(i64) -> i64
block0(v0: i64, v1: i32, v2: i16):
    v3 = isub v0, v0
    v4 = bnot v0
    v5, v6 = call fn0(v0, v1, v2, v4, v3, v0, v4, v3, v0, v4)
    v7 = func_addr.i64 fn1
    v8 = call_indirect sig0, v7(v5)
    v9 = call fn1(v8)
    v10 = sextend.i64 v6
    v11 = iadd v9, v10
    v12 = iadd v11, v4
    return v12
})",
                                    "test.clif");
  ASSERT_TRUE(right.has_value()) << right.error().front().message;
  oracles::HarnessOptions options;
  options.stages = true;
  oracles::Harness harness(options);
  const ir::Function* function = &right->functions[0].function;
  const std::vector<oracles::Region> regions = {
      {.address = oracles::memory_map::kRegionsBegin, .bytes = std::vector<uint8_t>(256, 1)}};
  const std::vector<oracles::TestInput> inputs = {{{{ir::kI64, 5}, {ir::kI32, 0xffff'fff0}, {ir::kI16, 3}}, 1},
                                                  {{{ir::kI64, ~uint64_t(0)}, {ir::kI32, 7}, {ir::kI16, 0x8000}}, 2}};
  std::vector<oracles::Finding> findings;
  harness.check({.functions = {&function, 1}, .entry = 0, .regions = regions, .inputs = inputs}, findings);
  for (const oracles::Finding& finding : findings) ADD_FAILURE() << describe(finding);
  EXPECT_EQ(harness.references()[0].outcome.calls.size(), 3u);
  for (const auto& [name, stats] : harness.stats().executors) EXPECT_GT(stats.runs, 0u) << name;
  EXPECT_TRUE(harness.stats().not_run.empty()) << harness.stats().not_run.begin()->first;
}

// What an instruction defined, wherever that was.
struct Defined {
  uint32_t function, inst, depth;
  std::vector<std::pair<uint16_t, uint64_t>> values;  // by operand
  bool operator==(const Defined&) const = default;
};

class Recorder final : public oracles::VCodeTrace {
 public:
  void executed(uint32_t function, uint32_t inst, uint32_t depth,
                std::span<const oracles::VCodeValue> defined) override {
    Defined& made = steps.emplace_back(Defined{function, inst, depth, {}});
    for (const oracles::VCodeValue& value : defined) made.values.emplace_back(value.operand, value.value.low());
  }
  void entered(uint32_t, uint32_t, uint32_t, std::span<const oracles::VCodeValue>) override {}
  std::vector<Defined> steps;
};

// Instruction by instruction, code over virtual registers and the same code after allocation define the same values:
// what the allocator added aside, and but for moves that it found to do nothing.
TEST(Stages, VirtualAndAllocatedCodeInLockStep) {
  fuzz::Random random(24);
  size_t compared = 0;
  for (int i = 0; i < 30 && !HasFailure(); ++i) {
    fuzz::Program program;
    fuzz::generate(random, {}, program);
    std::vector<const ir::Function*> functions;
    for (const ir::Function& function : program.functions) functions.push_back(&function);
    std::vector<oracles::Region> regions;
    for (const oracles::RegionDirective& region : program.regions) regions.push_back(oracles::make_region(region));
    const uint32_t entry = static_cast<uint32_t>(functions.size() - 1);
    for (const machine::TargetIsa* isa : isa::all_isas()) {
      SCOPED_TRACE(std::string(isa->name) + ", program " + std::to_string(i));
      oracles::MachineSession session(isa->kind);
      session.prepare(functions, {.max_registers = i % 2 == 0 ? 0u : 4u}, true);
      if (session.status(entry).kind != oracles::MachineSession::Status::Kind::Ready) continue;
      const auto loaded = session.load(oracles::ExecutorKind::Virtual, regions);
      if (!loaded && loaded.error().message.starts_with("not supported on ")) continue;
      Recorder recorders[2];
      oracles::Outcome outcomes[2];
      for (const int stage : {0, 1}) {
        const auto kind = stage == 0 ? oracles::ExecutorKind::Virtual : oracles::ExecutorKind::Allocated;
        ASSERT_TRUE(session.load(kind, regions).has_value());
        session.set_trace(kind, &recorders[stage]);
        ASSERT_TRUE(session.run(kind, entry, program.inputs[0], 7, {}, outcomes[stage]).has_value());
      }
      EXPECT_EQ(outcomes[0], outcomes[1]);
      std::vector<Defined> mapped;
      for (Defined step : recorders[1].steps) {
        step.inst = session.stage(oracles::ExecutorKind::Allocated, step.function).origins[step.inst];
        if (step.inst != machine::kNoSource) mapped.push_back(std::move(step));
      }
      size_t at = 0;
      for (const Defined& step : recorders[0].steps) {
        const machine::VCode& code = session.stage(oracles::ExecutorKind::Virtual, step.function).code;
        if (at < mapped.size() && mapped[at] == step) {
          ++at;
        } else {
          ASSERT_TRUE(isa->desc(code.insts[step.inst].opcode).is(machine::kIsMove))
              << "function " << step.function << ", instruction " << step.inst;
        }
      }
      EXPECT_EQ(at, mapped.size());
      compared += at;
    }
  }
  EXPECT_GT(compared, 1000u);
}

// From one seed come the same choices; from another, other code; without a seed none are made.
TEST(Stages, ChoicesFollowFromTheirSeed) {
  fuzz::Random random(23);
  fuzz::Program program;
  fuzz::generate(random, {}, program);
  const ir::Function& function = program.functions.back();
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    SCOPED_TRACE(isa->name);
    const auto bytes = [&](uint64_t seed) {
      machine::CompileOptions options;
      options.choice_seed = seed;
      const auto compiled = machine::compile(function, *isa, options);
      EXPECT_TRUE(compiled.has_value()) << (compiled ? "" : compiled.error().message);
      return compiled ? compiled->code.bytes : std::vector<uint8_t>();
    };
    EXPECT_EQ(bytes(5), bytes(5));
    EXPECT_NE(bytes(5), bytes(6));
    EXPECT_NE(bytes(5), bytes(0));
  }
}

// The mid-end's, too: it leaves passes out, and takes other members of classes.
TEST(Stages, TheMidEndChooses) {
  using machine::OptLevel;
  const opt::OptimizeOptions plain = machine::mid_end_options({.opt_level = OptLevel::SpeedAndSize});
  EXPECT_EQ(plain.choice_seed, 0u);
  EXPECT_TRUE(plain.small);
  std::array<unsigned, opt::kPasses.size()> left_out{};
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const opt::OptimizeOptions chosen = machine::mid_end_options({.choice_seed = seed});
    EXPECT_NE(chosen.choice_seed, 0u);
    for (size_t i = 0; i < left_out.size(); ++i) left_out[i] += !(chosen.*opt::kPasses[i].on);
  }
  for (unsigned count : left_out) {
    EXPECT_GT(count, 5u);
    EXPECT_LT(count, 60u);
  }
}

}  // namespace
}  // namespace assay
