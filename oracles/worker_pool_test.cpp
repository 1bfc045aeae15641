// Every item done once, whatever the workers do.
#include "oracles/worker_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <map>
#include <thread>

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

}  // namespace
}  // namespace assay::oracles
