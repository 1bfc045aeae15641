// What every executor must do, on every ISA: the same hand-assembled programs, the same expectations.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <thread>

#include "oracles/abi_facts.h"
#include "oracles/executor.h"
#include "oracles/test_programs.h"

namespace assay::oracles {
namespace {

constexpr uint64_t kData = memory_map::kRegionsBegin;
constexpr uint64_t kConstants = memory_map::kRegionsBegin + 0x10000;
constexpr uint8_t kTrapCode = 7;

struct Subject {
  const char* name;
  IsaKind isa;
  std::unique_ptr<Executor> (*make)();
  bool stops_system_calls = true;
  bool tells_direction = true;  // whether a fault on unmapped memory was a load or a store
};

void PrintTo(const Subject& subject, std::ostream* out) { *out << subject.name; }

const Subject kSubjects[] = {
    {"unicorn_x64", IsaKind::x64, [] { return make_unicorn(IsaKind::x64); }},
    {"unicorn_aarch64", IsaKind::aarch64, [] { return make_unicorn(IsaKind::aarch64); }},
    {"unicorn_riscv64", IsaKind::riscv64, [] { return make_unicorn(IsaKind::riscv64); }},
    {"unicorn_s390x", IsaKind::s390x, [] { return make_unicorn(IsaKind::s390x); }},
    {"native_x64", IsaKind::x64, [] { return make_native(); }, false},
    {"qemu_x64", IsaKind::x64, [] { return make_qemu(IsaKind::x64); }, false},
    {"qemu_aarch64", IsaKind::aarch64, [] { return make_qemu(IsaKind::aarch64); }, false, false},
    {"qemu_riscv64", IsaKind::riscv64, [] { return make_qemu(IsaKind::riscv64); }, false, false},
    {"qemu_s390x", IsaKind::s390x, [] { return make_qemu(IsaKind::s390x); }, false, false},
};

class ExecutorTest : public testing::TestWithParam<Subject> {
 protected:
  void SetUp() override {
    executor_ = GetParam().make();
    if (const std::string reason = executor_->unavailable(); !reason.empty()) GTEST_SKIP() << reason;
  }

  IsaKind isa() const { return GetParam().isa; }

  // False if the ISA has no such program.
  bool load(std::string_view name, bool with_site = true) {
    const TestProgram* program = test_program(isa(), name);
    if (program == nullptr) return false;
    Image image;
    image.bytes = program->bytes();
    image.functions = {{0, static_cast<uint32_t>(image.bytes.size())}};
    site_ = program->site;
    if (with_site) image.traps = {{site_, kTrapCode, 42, 0}};
    const Region regions[] = {{kData, std::vector<uint8_t>(0x2000, 0x11), true},
                              {kConstants, std::vector<uint8_t>(0x1000, 0x22), false}};
    auto loaded = executor_->load(image, regions);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
    return true;
  }

  Plan plan(uint64_t first = 0, uint64_t second = 0) const {
    constexpr int kFirst[] = {7, 0, 10, 2};
    constexpr int kSecond[] = {6, 1, 11, 3};
    constexpr int kResult[] = {0, 0, 10, 2};
    const int index = static_cast<int>(isa());
    Plan plan;
    plan.registers = {{integer_register(kFirst[index]), {first, 0}}, {integer_register(kSecond[index]), {second, 0}}};
    plan.result_registers = {integer_register(kResult[index])};
    return plan;
  }

  static void expect_returned(const Outcome& outcome, uint64_t result) {
    EXPECT_EQ(outcome.kind, OutcomeKind::Returned) << describe(outcome);
    ASSERT_EQ(outcome.results.size(), 1u);
    EXPECT_EQ(outcome.results[0].low, result) << describe(outcome);
  }

  uint64_t load64(const Outcome& outcome, size_t offset) const {
    uint64_t value = 0;
    std::memcpy(&value, outcome.memory[0].data() + offset, 8);
    return endianness(isa()) == std::endian::native ? value : __builtin_bswap64(value);
  }

  std::unique_ptr<Executor> executor_;
  uint32_t site_ = 0;
};

TEST_P(ExecutorTest, ReturnsASum) {
  ASSERT_TRUE(load("sum"));
  expect_returned(executor_->run(plan(40, 2)), 42);
  expect_returned(executor_->run(plan(~uint64_t{0}, 1)), 0);
}

TEST_P(ExecutorTest, NewCodeReplacesOld) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(load("sum"));
    expect_returned(executor_->run(plan(7, 2)), 9);
    ASSERT_TRUE(load("divide"));
    expect_returned(executor_->run(plan(7, 2)), 3);
    ASSERT_TRUE(load("count"));
    expect_returned(executor_->run(plan(7, 2)), 28);
  }
}

TEST_P(ExecutorTest, LoadsAndStores) {
  ASSERT_TRUE(load("memory"));
  const Outcome first = executor_->run(plan(kData + 0x1ff0, 3));
  expect_returned(first, 0x1111'1111'1111'1111);
  EXPECT_EQ(load64(first, 0x1ff8), 0x1111'1111'1111'1114u);
  ASSERT_EQ(first.memory.size(), 2u);
  EXPECT_TRUE(first.memory[1].empty()) << "read-only regions are not copied";
  EXPECT_EQ(executor_->run(plan(kData + 0x1ff0, 3)), first) << "memory is reset between runs";
  EXPECT_NE(executor_->run(plan(kData + 0x1ff0, 4)), first);
}

TEST_P(ExecutorTest, SetMemoryReplacesContents) {
  ASSERT_TRUE(load("memory"));
  const Region regions[] = {{kData, std::vector<uint8_t>(0x2000, 0x33), true},
                            {kConstants, std::vector<uint8_t>(0x1000, 0x22), false}};
  ASSERT_TRUE(executor_->set_memory(regions));
  expect_returned(executor_->run(plan(kData, 3)), 0x3333'3333'3333'3333);
  EXPECT_FALSE(executor_->set_memory(std::span(regions, 1)));
}

TEST_P(ExecutorTest, ExplicitTrap) {
  ASSERT_TRUE(load("trap"));
  for (int i = 0; i < 3; ++i) {
    const Outcome outcome = executor_->run(plan(kData, 5));
    EXPECT_EQ(outcome.kind, OutcomeKind::Trapped) << describe(outcome);
    EXPECT_EQ(outcome.trap_code, kTrapCode);
    EXPECT_EQ(outcome.trap_inst, 42u);
    EXPECT_EQ(load64(outcome, 0), 5u) << "effects before the trap are seen";
  }
  ASSERT_TRUE(load("trap", false));
  const Outcome outcome = executor_->run(plan(kData, 5));
  EXPECT_EQ(outcome.kind, OutcomeKind::Faulted) << describe(outcome);
  EXPECT_EQ(outcome.fault, FaultKind::Illegal);
  EXPECT_EQ(outcome.fault_pc, memory_map::kCodeBase + site_);
}

TEST_P(ExecutorTest, DivisionByZero) {
  ASSERT_TRUE(load("divide"));
  for (int i = 0; i < 3; ++i) {
    const Outcome outcome = executor_->run(plan(100, 0));
    EXPECT_EQ(outcome.kind, OutcomeKind::Trapped) << describe(outcome);
    EXPECT_EQ(outcome.trap_code, kTrapCode);
    expect_returned(executor_->run(plan(100, 7)), 14);
  }
}

TEST_P(ExecutorTest, EndlessLoopRunsOutOfFuel) {
  ASSERT_TRUE(load("loop"));
  const Outcome outcome = executor_->run(plan(), {.fuel = 1000, .milliseconds = 30});
  EXPECT_EQ(outcome.kind, OutcomeKind::OutOfFuel) << describe(outcome);
  ASSERT_TRUE(load("count"));
  expect_returned(executor_->run(plan(1000, 0)), 500500);
}

TEST_P(ExecutorTest, PreservedRegisters) {
  for (const char* name : {"clobber", "clobber_float", "flags"}) {
    if (!load(name)) continue;
    const Outcome outcome = executor_->run(plan());
    EXPECT_EQ(outcome.kind, OutcomeKind::AbiViolated) << name << ": " << describe(outcome);
    Plan tail = plan();
    tail.preserves = Preserves::FramePointerOnly;
    tail.result_registers.clear();
    if (std::string_view(name) != "flags") {
      EXPECT_EQ(executor_->run(tail).kind, OutcomeKind::Returned) << name;
    }
  }
}

TEST_P(ExecutorTest, StackDiscipline) {
  ASSERT_TRUE(load("save_area"));
  expect_returned(executor_->run(plan(1, 77)), 77);
  ASSERT_TRUE(load("write_above"));
  const Outcome above = executor_->run(plan(1, 2));
  EXPECT_EQ(above.kind, OutcomeKind::AbiViolated) << describe(above);
  Plan with_argument = plan(1, 2);
  with_argument.stack_arguments.resize(8);
  EXPECT_EQ(executor_->run(with_argument).kind, OutcomeKind::Returned) << "incoming arguments belong to the callee";
  EXPECT_EQ(executor_->run(plan(1, 2)), above) << "the frame is whole again";
  ASSERT_TRUE(load("store"));
  const uint64_t frame_end = memory_map::kCallerSp + memory_map::kCallerFrame;
  EXPECT_EQ(executor_->run(plan(frame_end - 8, 2)).kind, OutcomeKind::AbiViolated) << "all of the frame is watched";
  ASSERT_TRUE(load("unbalanced"));
  EXPECT_EQ(executor_->run(plan()).kind, OutcomeKind::AbiViolated);
}

TEST_P(ExecutorTest, CalleePopsArguments) {
  ASSERT_TRUE(load("pops"));
  Plan pops = plan();
  pops.stack_arguments = {9, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(executor_->run(pops).kind, OutcomeKind::AbiViolated);
  pops.callee_pops = 16;
  expect_returned(executor_->run(pops), 0x0900'0000'0000'0009);
}

TEST_P(ExecutorTest, StackArgumentsAndResults) {
  ASSERT_TRUE(load("stack"));
  Plan stack = plan();
  stack.stack_arguments.assign(16, 0);
  const bool big = endianness(isa()) == std::endian::big;
  stack.stack_arguments[big ? 7 : 0] = 50;
  stack.stack_arguments[big ? 15 : 8] = 8;
  EXPECT_EQ(executor_->run(stack).kind, OutcomeKind::AbiViolated) << "the result area was not announced";
  stack.result_stack_offset = 16;
  stack.result_stack_bytes = 8;
  const Outcome outcome = executor_->run(stack);
  expect_returned(outcome, 58);
  std::vector<uint8_t> difference(8);
  difference[big ? 7 : 0] = 42;
  EXPECT_EQ(outcome.stack_results, difference);
}

TEST_P(ExecutorTest, WildAccess) {
  for (const char* name : {"load", "store"}) {
    ASSERT_TRUE(load(name));
    for (uint64_t address :
         {kData + 0x2000, kData - 8, memory_map::kStackLow - 8, uint64_t{0}, uint64_t{0x7fff'ffff'ffff'fff0}}) {
      const Outcome outcome = executor_->run(plan(address, 2));
      EXPECT_EQ(outcome.kind, OutcomeKind::Trapped) << name << ' ' << std::hex << address << ": " << describe(outcome);
    }
    EXPECT_EQ(executor_->run(plan(kData, 2)).kind, OutcomeKind::Returned) << name;
    ASSERT_TRUE(load(name, false));
    const Outcome outcome = executor_->run(plan(kData + 0x2000, 2));
    EXPECT_EQ(outcome.kind, OutcomeKind::Faulted);
    if (GetParam().tells_direction) {
      EXPECT_EQ(outcome.fault, std::string_view(name) == "load" ? FaultKind::Read : FaultKind::Write);
    }
    EXPECT_EQ(outcome.fault_pc, memory_map::kCodeBase + site_) << describe(outcome);
    // The address as far as the machine tells: s390x gives the page.
    EXPECT_EQ(outcome.fault_address / 4096, (kData + 0x2000) / 4096) << describe(outcome);
  }
}

TEST_P(ExecutorTest, CodeAndConstantsAreReadOnly) {
  ASSERT_TRUE(load("store"));
  for (uint64_t address : {kConstants + 8, memory_map::kCodeBase + 0x40, memory_map::kCodeBase}) {
    for (int i = 0; i < 2; ++i) {
      const Outcome outcome = executor_->run(plan(address, 2));
      EXPECT_EQ(outcome.kind, OutcomeKind::Trapped) << std::hex << address << ": " << describe(outcome);
    }
  }
  ASSERT_TRUE(load("load"));
  expect_returned(executor_->run(plan(kConstants, 2)), 0x2222'2222'2222'2222);
  EXPECT_EQ(executor_->run(plan(memory_map::kCodeBase, 2)).kind, OutcomeKind::Returned);
}

TEST_P(ExecutorTest, WildJump) {
  ASSERT_TRUE(load("jump"));
  for (uint64_t target : {kData, memory_map::kStackLow, uint64_t{0x7000'0000}, uint64_t{0x1000}, uint64_t{0}}) {
    const Outcome outcome = executor_->run(plan(target));
    EXPECT_EQ(outcome.kind, OutcomeKind::Faulted) << std::hex << target << ": " << describe(outcome);
    EXPECT_EQ(outcome.fault, FaultKind::Fetch) << std::hex << target << ": " << describe(outcome);
    EXPECT_EQ(outcome.fault_pc, target);
  }
}

TEST_P(ExecutorTest, SystemCallsAndBreakpointsAreFaults) {
  ASSERT_TRUE(load("breakpoint", false));
  const Outcome breakpoint = executor_->run(plan());
  EXPECT_EQ(breakpoint.kind, OutcomeKind::Faulted) << describe(breakpoint);
  EXPECT_EQ(breakpoint.fault_pc, memory_map::kCodeBase + site_) << describe(breakpoint);
  if (!GetParam().stops_system_calls) return;
  ASSERT_TRUE(load("system_call", false));
  const Outcome call = executor_->run(plan());
  EXPECT_EQ(call.kind, OutcomeKind::Faulted) << describe(call);
  EXPECT_EQ(call.fault_pc, memory_map::kCodeBase + site_) << describe(call);
}

TEST_P(ExecutorTest, FloatArgumentsAndResults) {
  ASSERT_TRUE(load("float_add"));
  const int first = isa() == IsaKind::riscv64 ? 10 : 0;
  const int second = isa() == IsaKind::riscv64 ? 11 : isa() == IsaKind::s390x ? 2 : 1;
  Plan add;
  add.registers = {{float_register(first), {std::bit_cast<uint64_t>(1.5), 0}},
                   {float_register(second), {std::bit_cast<uint64_t>(2.25), 0}}};
  add.result_registers = {float_register(first)};
  expect_returned(executor_->run(add), std::bit_cast<uint64_t>(3.75));
}

TEST_P(ExecutorTest, VectorArgumentsAndResults) {
  if (!load("vector_add")) GTEST_SKIP() << "no vectors in this executor";
  const int first = isa() == IsaKind::s390x ? 24 : 0;
  const int second = isa() == IsaKind::s390x ? 26 : 1;
  Plan add;
  add.registers = {{vector_register(first), {10, 20}}, {vector_register(second), {1, 2}}};
  add.result_registers = {vector_register(first)};
  const Outcome outcome = executor_->run(add);
  ASSERT_EQ(outcome.kind, OutcomeKind::Returned) << describe(outcome);
  EXPECT_EQ(outcome.results[0], (RegisterBits{11, 22}));
}

TEST_P(ExecutorTest, RunsAreReproducible) {
  for (const TestProgram& program : kTestPrograms) {
    if (program.isa != isa() || program.name == "loop" || program.name == "count") continue;
    if (program.name == "system_call" && !GetParam().stops_system_calls) continue;
    ASSERT_TRUE(load(program.name));
    const Outcome first = executor_->run(plan(kData, 24));
    EXPECT_EQ(executor_->run(plan(kData, 24)), first) << program.name;
    auto other = GetParam().make();
    executor_.swap(other);
    other.reset();
    ASSERT_TRUE(load(program.name));
    EXPECT_EQ(executor_->run(plan(kData, 24)), first) << program.name;
  }
}

TEST_P(ExecutorTest, RefusesWhatItCannotDo) {
  EXPECT_EQ(executor_->run(plan()).kind, OutcomeKind::Unsupported) << "nothing is loaded";
  ASSERT_TRUE(load("sum"));
  Plan bad = plan();
  bad.entry = 100;
  EXPECT_EQ(executor_->run(bad).kind, OutcomeKind::Unsupported);
  bad = plan();
  bad.result_registers = {integer_register(32)};
  EXPECT_EQ(executor_->run(bad).kind, OutcomeKind::Unsupported);
  bad = plan();
  bad.registers.push_back({integer_register(abi_facts(isa()).stack_pointer), {0, 0}});
  EXPECT_EQ(executor_->run(bad).kind, OutcomeKind::Unsupported);
  bad = plan();
  bad.stack_arguments.resize(5000);
  EXPECT_EQ(executor_->run(bad).kind, OutcomeKind::Unsupported);
  Image image;
  EXPECT_FALSE(executor_->load(image, {})) << "no code";
  image.bytes = {0, 0};
  const Region overlapping[] = {{kData, std::vector<uint8_t>(0x2000), true}, {kData + 0x2000, {1}, true}};
  EXPECT_FALSE(executor_->load(image, overlapping)) << "no page between";
  const Region misplaced[] = {{kData + 8, {1}, true}};
  EXPECT_FALSE(executor_->load(image, misplaced));
  const Region outside[] = {{memory_map::kRegionsEnd - 4096, {1}, true}};
  EXPECT_FALSE(executor_->load(image, outside));
}

TEST_P(ExecutorTest, SmallRegionsEndWhereTheySay) {
  const TestProgram* program = test_program(isa(), "store");
  Image image;
  image.bytes = program->bytes();
  const Region regions[] = {{kData, std::vector<uint8_t>(24), true}};
  ASSERT_TRUE(executor_->load(image, regions));
  EXPECT_EQ(executor_->run(plan(kData + 16, 2)).kind, OutcomeKind::Returned);
  EXPECT_EQ(executor_->run(plan(kData + 17, 2)).kind,
            endianness(isa()) == std::endian::big ? OutcomeKind::AbiViolated : OutcomeKind::Returned);
  const Outcome beyond = executor_->run(plan(kData + 24, 2));
  EXPECT_EQ(beyond.kind, OutcomeKind::AbiViolated) << describe(beyond);
  EXPECT_EQ(executor_->run(plan(kData + 16, 2)).kind, OutcomeKind::Returned) << "the rounding is clean again";
}

TEST_P(ExecutorTest, ThreadsHaveTheirOwn) {
  ASSERT_TRUE(load("count"));
  std::thread other([&] {
    auto executor = GetParam().make();
    Image image;
    image.bytes = test_program(isa(), "divide")->bytes();
    image.traps = {{test_program(isa(), "divide")->site, kTrapCode, 1, 0}};
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(executor->load(image, {}));
      EXPECT_EQ(executor->run(plan(100, 0)).kind, OutcomeKind::Trapped);
      expect_returned(executor->run(plan(100, 7)), 14);
    }
  });
  for (int i = 0; i < 200; ++i) expect_returned(executor_->run(plan(100, 0)), 5050);
  other.join();
}

INSTANTIATE_TEST_SUITE_P(All, ExecutorTest, testing::ValuesIn(kSubjects),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace assay::oracles
