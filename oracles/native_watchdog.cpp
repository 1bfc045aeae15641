#include "oracles/native_watchdog.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "oracles/shared_arena.h"

namespace assay::oracles {
namespace {

constexpr std::chrono::milliseconds kTick(5);
constexpr int kIdleTicks = 40;

int64_t nanoseconds(clockid_t clock) {
  timespec now;
  if (clock_gettime(clock, &now) != 0) return 0;
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

struct ThreadIdentity {
  uint64_t generation = ~uint64_t{0};
  int id = 0;
  clockid_t clock = 0;
};

const ThreadIdentity& this_thread() {
  thread_local ThreadIdentity identity;
  if (identity.generation != fork_generation()) {
    identity.generation = fork_generation();
    identity.id = static_cast<int>(syscall(SYS_gettid));
    pthread_getcpuclockid(pthread_self(), &identity.clock);
  }
  return identity;
}

}  // namespace

NativeWatchdog& NativeWatchdog::instance() {
  static NativeWatchdog* watchdog = new NativeWatchdog();  // its thread outlives main()
  return *watchdog;
}

uint64_t NativeWatchdog::start(uint32_t milliseconds, int signal) {
  const ThreadIdentity& self = this_thread();
  if (thread_generation_ != self.generation) ensure_thread();
  milliseconds_.store(milliseconds, std::memory_order_relaxed);
  signal_.store(signal, std::memory_order_relaxed);
  thread_id_.store(self.id, std::memory_order_relaxed);
  clock_.store(self.clock, std::memory_order_relaxed);
  const uint64_t number = ++sequence_;
  // Sequentially consistent with asleep_, so that either this sees the watcher asleep or it sees the run.
  running_.store(number);
  if (asleep_.load()) {
    std::lock_guard lock(bell_->mutex);
    bell_->wake.notify_one();
  }
  return number;
}

void NativeWatchdog::ensure_thread() {
  thread_generation_ = fork_generation();
  asleep_.store(false);
  bell_ = new Bell();  // the old one, if there was one, cannot be destroyed: it may have a waiter
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // the host's signals are for the host's threads
  std::thread([this, bell = bell_] { watch(*bell); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void NativeWatchdog::watch(Bell& bell) {
  uint64_t seen = 0;
  int64_t used_before = 0;
  int idle = 0;
  for (;;) {
    const uint64_t now = running_.load();
    idle = now == 0 || now == seen ? idle : 0;
    if (now == 0) {
      ++idle;
    } else if (now != seen) {
      seen = now;
      used_before = nanoseconds(clock_.load(std::memory_order_relaxed));
    } else {
      const int64_t used = nanoseconds(clock_.load(std::memory_order_relaxed)) - used_before;
      if (used >= int64_t{milliseconds_.load(std::memory_order_relaxed)} * 1'000'000 && running_.load() == seen) {
        cancelled_.store(seen, std::memory_order_release);
        syscall(SYS_tgkill, getpid(), thread_id_.load(std::memory_order_relaxed),
                signal_.load(std::memory_order_relaxed));
      }
    }
    if (idle < kIdleTicks) {
      std::this_thread::sleep_for(kTick);
      continue;
    }
    idle = 0;
    std::unique_lock lock(bell.mutex);
    asleep_.store(true);
    bell.wake.wait(lock, [&] { return running_.load() != 0; });
    asleep_.store(false);
  }
}

}  // namespace assay::oracles
