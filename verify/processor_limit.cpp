// See processor_limit.h. One thread watches the clocks of those that ask; it sleeps as long as none can have used up
// its time: processor time passes no faster than the clock.
#include "verify/processor_limit.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <list>
#include <mutex>
#include <thread>

namespace assay::verify {

namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

nanoseconds time_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

class Watch {
 public:
  struct Entry {
    const z3::solver& solver;
    clockid_t clock;     // of the thread that asks
    nanoseconds latest;  // by that clock
  };
  using Place = std::list<Entry>::iterator;

  static Watch& shared() {
    static Watch watch;
    return watch;
  }
  ~Watch() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  Place add(const z3::solver& solver, nanoseconds limit) {
    clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
    pthread_getcpuclockid(pthread_self(), &clock);
    const std::lock_guard lock(mutex_);
    const Place place = entries_.insert(entries_.end(), {solver, clock, time_of(clock) + limit});
    if (steady_clock::now() + limit < next_) changed_.notify_all();
    return place;
  }
  void remove(Place place) {
    const std::lock_guard lock(mutex_);
    entries_.erase(place);
  }

 private:
  Watch() : thread_([this] { run(); }) {}

  void run() {
    std::unique_lock lock(mutex_);
    while (!is_over_) {
      nanoseconds shortest = std::chrono::hours(1);
      for (const Entry& entry : entries_) {
        const nanoseconds left = entry.latest - time_of(entry.clock);
        if (left <= nanoseconds(0)) Z3_solver_interrupt(entry.solver.ctx(), entry.solver);
        // A solver that has not begun yet, or is done, does not hear of it: it is told again until it leaves.
        shortest = std::min(shortest, std::max(left, nanoseconds(std::chrono::milliseconds(20))));
      }
      next_ = steady_clock::now() + shortest;
      changed_.wait_until(lock, next_);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Entry> entries_;
  steady_clock::time_point next_;  // when the thread looks again
  bool is_over_ = false;
  std::thread thread_;  // last: it uses all the others
};

// While it lives the solver's time is limited.
class Limit {
 public:
  Limit(const z3::solver& solver, unsigned milliseconds)
      : place_(Watch::shared().add(solver, std::chrono::milliseconds(milliseconds))) {}
  ~Limit() { Watch::shared().remove(place_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  Watch::Place place_;
};

}  // namespace

z3::check_result check_within(z3::solver& solver, unsigned milliseconds) {
  const Limit limit(solver, milliseconds);
  return solver.check();
}

z3::check_result check_within(z3::solver& solver, z3::expr_vector& assumed, unsigned milliseconds) {
  const Limit limit(solver, milliseconds);
  return solver.check(assumed);
}

}  // namespace assay::verify
