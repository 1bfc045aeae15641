// Stops native runs that take too long: a thread looks every few milliseconds and signals the thread of a run that has
// used up its CPU time.
//
// There is at most one native run at a time (see native_executor.cpp), so this is one record. Starting a run costs a
// few stores and no system call. The thread sleeps when nothing has run for a while.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>

namespace assay::oracles {

class NativeWatchdog {
 public:
  static NativeWatchdog& instance();

  // The calling thread starts a run that may use so much CPU time; the run's number.
  uint64_t start(uint32_t milliseconds, int signal);
  void finish() { running_.store(0, std::memory_order_release); }
  // The number of the run that has to stop. Safe in signal handlers.
  uint64_t cancelled() const { return cancelled_.load(std::memory_order_acquire); }

 private:
  // New ones after a fork: a condition that somebody waited for in the parent may lose the child's wake-ups.
  struct Bell {
    std::mutex mutex;
    std::condition_variable wake;
  };
  void ensure_thread();
  void watch(Bell& bell);

  std::atomic<uint64_t> running_{0};  // number of the current run, 0: none
  std::atomic<uint64_t> cancelled_{0};
  std::atomic<uint32_t> milliseconds_{0};
  std::atomic<int> signal_{0};
  std::atomic<int> thread_id_{0};
  std::atomic<clockid_t> clock_{0};
  std::atomic<bool> asleep_{false};
  uint64_t sequence_ = 0;
  uint64_t thread_generation_ = ~uint64_t{0};  // the fork_generation() in which the watching thread was started
  Bell* bell_ = nullptr;
};

}  // namespace assay::oracles
