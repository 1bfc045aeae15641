// What is special about running in the host's own process: signals, threads, forks, the clock.
#include <gtest/gtest.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "oracles/executor.h"
#include "oracles/test_programs.h"

namespace assay::oracles {
namespace {

constexpr auto kX64 = IsaKind::x64;

Image image_of(std::string_view name) {
  Image image;
  image.bytes = test_program(kX64, name)->bytes();
  image.traps = {{test_program(kX64, name)->site, 9, 0, 0}};
  return image;
}

Plan plan_of(uint64_t first, uint64_t second) {
  Plan plan;
  plan.registers = {{integer_register(7), {first, 0}}, {integer_register(6), {second, 0}}};
  plan.result_registers = {integer_register(0)};
  return plan;
}

class NativeExecutorTest : public testing::Test {
 protected:
  void SetUp() override {
    executor_ = make_native();
    if (!executor_->unavailable().empty()) GTEST_SKIP() << executor_->unavailable();
  }
  std::unique_ptr<Executor> executor_;
};

std::atomic<int> g_caught{0};

TEST_F(NativeExecutorTest, OtherSignalsReachTheirHandlers) {
  struct sigaction previous, ours = {};
  ours.sa_handler = [](int) { ++g_caught; };
  sigaction(SIGALRM, &ours, &previous);
  ASSERT_TRUE(executor_->load(image_of("count"), {}));
  timer_t timer;
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGALRM;
  ASSERT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  itimerspec every = {{0, 1'000'000}, {0, 1'000'000}};
  timer_settime(timer, 0, &every, nullptr);
  for (int i = 0; i < 20; ++i) {
    const Outcome outcome = executor_->run(plan_of(5'000'000, 0), {.milliseconds = 2000});
    ASSERT_EQ(outcome.kind, OutcomeKind::Returned) << describe(outcome);
    EXPECT_EQ(outcome.results[0].low, 12'500'002'500'000u);
  }
  timer_delete(timer);
  sigaction(SIGALRM, &previous, nullptr);
  EXPECT_GT(g_caught, 5);
}

sigjmp_buf g_jump;

TEST_F(NativeExecutorTest, FaultsOfTheHostAreNotOurs) {
  struct sigaction previous, ours = {};
  ours.sa_sigaction = [](int, siginfo_t*, void*) { siglongjmp(g_jump, 1); };
  ours.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &ours, &previous);
  // Claims the signal on load and forwards what is not a run's.
  ASSERT_TRUE(executor_->load(image_of("trap"), {}));
  bool caught = false;
  if (sigsetjmp(g_jump, 1) == 0) {
    raise(SIGILL);
  } else {
    caught = true;
  }
  EXPECT_TRUE(caught);
  const Region regions[] = {{memory_map::kRegionsBegin, std::vector<uint8_t>(4096), true}};
  ASSERT_TRUE(executor_->load(image_of("trap"), regions));
  EXPECT_EQ(executor_->run(plan_of(memory_map::kRegionsBegin, 0)).kind, OutcomeKind::Trapped);
  sigaction(SIGILL, &previous, nullptr);
  // Someone has taken the signal away: the next load takes it back.
  ASSERT_TRUE(executor_->load(image_of("trap"), regions));
  EXPECT_EQ(executor_->run(plan_of(memory_map::kRegionsBegin, 0)).kind, OutcomeKind::Trapped);
}

TEST_F(NativeExecutorTest, TheClockStopsEndlessLoopsAgainAndAgain) {
  ASSERT_TRUE(executor_->load(image_of("loop"), {}));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(executor_->run(plan_of(0, 0), {.milliseconds = 10}).kind, OutcomeKind::OutOfFuel);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  // Also after the watchdog has gone to sleep.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(executor_->run(plan_of(0, 0), {.milliseconds = 10}).kind, OutcomeKind::OutOfFuel);
}

TEST_F(NativeExecutorTest, AForkedChildHasItsOwnMemory) {
  const Region regions[] = {{memory_map::kRegionsBegin, std::vector<uint8_t>(4096), true}};
  ASSERT_TRUE(executor_->load(image_of("memory"), regions));
  const Plan plan = plan_of(memory_map::kRegionsBegin, 3);
  const Outcome expected = executor_->run(plan);
  ASSERT_EQ(expected.kind, OutcomeKind::Returned) << describe(expected);
  const pid_t child = fork();
  if (child == 0) {
    bool good = true;
    const Plan other = plan_of(memory_map::kRegionsBegin, 4);
    for (int i = 0; i < 20'000; ++i) good &= executor_->run(other).kind == expected.kind;
    good &= executor_->load(image_of("loop"), {}).has_value();
    good &= executor_->run(plan, {.milliseconds = 10}).kind == OutcomeKind::OutOfFuel;
    _exit(good ? 0 : 1);
  }
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(executor_->run(plan), expected);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(NativeExecutorTest, ExecutorsTakeTurns) {
  auto other = make_native();
  const Region regions[] = {{memory_map::kRegionsBegin, std::vector<uint8_t>(4096, 7), true}};
  ASSERT_TRUE(executor_->load(image_of("memory"), regions));
  ASSERT_TRUE(other->load(image_of("sum"), {}));
  for (int i = 0; i < 10; ++i) {
    const Outcome memory = executor_->run(plan_of(memory_map::kRegionsBegin, 1));
    ASSERT_EQ(memory.kind, OutcomeKind::Returned) << describe(memory);
    EXPECT_EQ(memory.results[0].low, 0x0707'0707'0707'0707u);
    const Outcome sum = other->run(plan_of(20, 3));
    ASSERT_EQ(sum.kind, OutcomeKind::Returned) << describe(sum);
    EXPECT_EQ(sum.results[0].low, 23u);
    EXPECT_TRUE(sum.memory.empty());
  }
}

TEST_F(NativeExecutorTest, ManyThreadsTrapAndLoop) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&wrong, thread] {
      auto mine = make_native();
      for (int i = 0; i < 100; ++i) {
        if (!mine->load(image_of("divide"), {})) ++wrong;
        if (mine->run(plan_of(100, 0)).kind != OutcomeKind::Trapped) ++wrong;
        if (mine->run(plan_of(100, 1)).kind != OutcomeKind::Returned) ++wrong;
        if (i % 50 != thread) continue;
        if (!mine->load(image_of("loop"), {})) ++wrong;
        if (mine->run(plan_of(0, 0), {.milliseconds = 5}).kind != OutcomeKind::OutOfFuel) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace assay::oracles
