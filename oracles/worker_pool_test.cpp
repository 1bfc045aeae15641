// Every item done once, whatever the workers do.
#include "oracles/worker_pool.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <thread>
#include <vector>

namespace assay::oracles {
namespace {

std::map<size_t, Expected<std::string>> run(size_t count, unsigned jobs, const std::function<std::string(size_t)>& work,
                                            uint32_t milliseconds = 60000) {
  std::map<size_t, Expected<std::string>> results;
  EXPECT_TRUE(run_isolated(count, {.jobs = jobs, .milliseconds = milliseconds}, work, [&](size_t item, auto result) {
    EXPECT_TRUE(results.emplace(item, std::move(result)).second) << item;
  }));
  return results;
}

TEST(WorkerPool, EveryItemOnce) {
  const auto results = run(100, 3, [](size_t item) { return std::string(item * 1000, 'x') + std::to_string(item); });
  ASSERT_EQ(results.size(), 100u);
  EXPECT_EQ(results.at(0).value(), "0");
  EXPECT_EQ(results.at(99).value().size(), 99002u);
}

TEST(WorkerPool, ACrashLosesOneItem) {
  const auto results = run(10, 2, [](size_t item) {
    if (item == 4) std::raise(SIGKILL);
    if (item == 5) _exit(7);
    return std::string("ok");
  });
  ASSERT_EQ(results.size(), 10u);
  EXPECT_EQ(results.at(4).error().message, "crashed: Killed");
  EXPECT_EQ(results.at(5).error().message, "ended with status 7");
  EXPECT_EQ(results.at(9).value(), "ok");
}

// As in a campaign, where a generation begins when the one before it is done.
TEST(WorkerPool, ItemsMayWaitForEarlierOnesWhateverCrashes) {
  constexpr size_t kItems = 400, kGeneration = 8;
  auto* finished = static_cast<std::atomic<size_t>*>(
      mmap(nullptr, sizeof(std::atomic<size_t>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(finished, MAP_FAILED);
  std::vector<bool> is_done(kItems + 1);
  size_t late = 0;
  const auto work = [&](size_t item) {
    while (finished->load() < item / kGeneration * kGeneration) usleep(100);
    if (item % 7 == 3) std::raise(SIGKILL);
    return std::string("ok");
  };
  EXPECT_TRUE(run_isolated(kItems, {.jobs = 3, .milliseconds = 5000, .queue = 32}, work, [&](size_t item, auto result) {
    if (!result && item % 7 != 3) ++late;
    is_done[item] = true;
    while (is_done[finished->load()]) finished->fetch_add(1);
  }));
  EXPECT_EQ(finished->load(), kItems);
  EXPECT_EQ(late, 0u);
  munmap(finished, sizeof *finished);
}

TEST(WorkerPool, AHangLosesOneItem) {
  const auto results = run(
      3, 1,
      [](size_t item) {
        if (item == 1) std::this_thread::sleep_for(std::chrono::seconds(30));
        return std::string("ok");
      },
      300);
  EXPECT_FALSE(results.at(1).has_value());
  EXPECT_EQ(results.at(2).value(), "ok");
}

// A crash loses the item, not those that the worker was to do next; they see the end together with all others.
TEST(WorkerPool, QueuedItemsOutliveACrash) {
  for (unsigned queue : {4u, 20u}) {
    std::map<size_t, std::string> results;
    size_t heard = 0;
    WorkerPoolOptions options{.jobs = 2, .queue = queue};
    size_t mine = 0;  // a worker's own
    options.last_word = [&] { return std::to_string(mine); };
    options.heard = [&](std::string text) { heard += std::stoul(text); };
    const auto work = [&](size_t item) {
      if (item % 10 == 3) std::abort();
      ++mine;
      return std::string("ok");
    };
    EXPECT_TRUE(run_isolated(100, options, work, [&](size_t item, Expected<std::string> result) {
      EXPECT_TRUE(results.emplace(item, result ? *result : result.error().message).second) << item;
    }));
    ASSERT_EQ(results.size(), 100u);
    for (const auto& [item, result] : results) EXPECT_EQ(result, item % 10 == 3 ? "crashed: Aborted" : "ok") << item;
    EXPECT_GT(heard, 0u);
    EXPECT_LE(heard, 90u);
  }
}

TEST(WorkerPool, StopsInTime) {
  const auto begin = std::chrono::steady_clock::now();
  size_t count = 0;
  const WorkerPoolOptions options{.queue = 2, .until = begin + std::chrono::milliseconds(100)};
  EXPECT_TRUE(run_isolated(
      SIZE_MAX, options,
      [](size_t) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        return std::string();
      },
      [&](size_t item, auto) { EXPECT_EQ(item, count++); }));
  EXPECT_GT(count, 0u);
  EXPECT_LE(count, 25u);
}

TEST(WorkerPool, OnePiece) {
  EXPECT_EQ(run_isolated([] { return std::string("x"); }).value(), "x");
  EXPECT_EQ(run_isolated([]() -> std::string { std::abort(); }).error().message, "crashed: Aborted");
}

}  // namespace
}  // namespace assay::oracles
