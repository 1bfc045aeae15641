// See worker_pool.h. Each worker has a pipe for the numbers of items and one for results, in the same order: length,
// then bytes.
#include "oracles/worker_pool.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <set>
#include <thread>
#include <vector>

namespace assay::oracles {

namespace {

using Clock = std::chrono::steady_clock;

bool write_all(int descriptor, const void* data, size_t size) {
  const char* bytes = static_cast<const char*>(data);
  while (size != 0) {
    const ssize_t count = write(descriptor, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

bool read_all(int descriptor, void* data, size_t size) {
  char* bytes = static_cast<char*>(data);
  while (size != 0) {
    const ssize_t count = read(descriptor, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

bool write_message(int descriptor, const std::string& message) {
  const uint64_t size = message.size();
  return write_all(descriptor, &size, sizeof size) && write_all(descriptor, message.data(), message.size());
}

struct Worker {
  pid_t pid = -1;
  int to = -1;                 // numbers of items
  int from = -1;               // results
  std::deque<size_t> items;    // handed over; it is at the first
  Clock::time_point deadline;  // of the first
  std::string received;

  bool is_running() const { return pid > 0; }
};

class Pool {
 public:
  Pool(const WorkerPoolOptions& options, const std::function<std::string(size_t)>& work)
      : options_(options), work_(work) {}

  bool run(size_t count, const std::function<void(size_t, Expected<std::string>)>& done);

 private:
  bool start(Worker& worker);
  // Hands over items as long as there are any and the worker has room; false if it could not be started.
  bool feed(Worker& worker, size_t count);
  // Waits for results, or the first deadline.
  void wait(std::vector<bool>& readable);
  // Ends the process; says why it had ended by itself, if it had.
  std::string stop(Worker& worker, bool kill_it);
  [[noreturn]] void serve(int in, int out);
  // Takes what has arrived; false at the end of the stream.
  static bool receive(Worker& worker);
  // A whole result, if there is one.
  static std::optional<std::string> take(Worker& worker);
  Clock::time_point deadline() const { return Clock::now() + std::chrono::milliseconds(options_.milliseconds); }
  void finish();

  const WorkerPoolOptions& options_;
  const std::function<std::string(size_t)>& work_;
  std::vector<Worker> workers_;
  size_t next_ = 0;
  std::set<size_t> again_;  // items of workers that died before they came to them
};

void Pool::serve(int in, int out) {
  uint64_t item = 0;
  while (read_all(in, &item, sizeof item)) {
    if (!write_message(out, work_(item))) _exit(0);
  }
  if (options_.last_word && options_.heard) write_message(out, options_.last_word());
  _exit(0);
}

bool Pool::start(Worker& worker) {
  int to[2], from[2];
  if (pipe(to) != 0) return false;
  if (pipe(from) != 0) {
    close(to[0]);
    close(to[1]);
    return false;
  }
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);       // else it would end its item first, however long that takes
    for (const Worker& other : workers_) {  // or they would not see their pipes end
      if (other.to >= 0) close(other.to);
      if (other.from >= 0) close(other.from);
    }
    close(to[1]);
    close(from[0]);
    serve(to[0], from[1]);
  }
  close(to[0]);
  close(from[1]);
  if (pid < 0) {
    close(to[1]);
    close(from[0]);
    return false;
  }
  worker = Worker{.pid = pid, .to = to[1], .from = from[0]};
  return true;
}

std::string Pool::stop(Worker& worker, bool kill_it) {
  if (!worker.is_running()) return {};
  if (worker.to >= 0) close(worker.to);
  close(worker.from);
  if (kill_it) kill(worker.pid, SIGKILL);
  int status = 0;
  while (waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) {
  }
  worker = Worker{};
  if (WIFSIGNALED(status)) return "crashed: " + std::string(strsignal(WTERMSIG(status)));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

bool Pool::receive(Worker& worker) {
  char buffer[1 << 16];
  const ssize_t count = read(worker.from, buffer, sizeof buffer);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (count <= 0) return false;
  worker.received.append(buffer, static_cast<size_t>(count));
  return true;
}

std::optional<std::string> Pool::take(Worker& worker) {
  uint64_t size = 0;
  if (worker.received.size() < sizeof size) return std::nullopt;
  std::memcpy(&size, worker.received.data(), sizeof size);
  if (worker.received.size() - sizeof size < size) return std::nullopt;
  std::string result = worker.received.substr(sizeof size, size);
  worker.received.erase(0, sizeof size + size);
  return result;
}

// An item may wait for what comes of earlier ones. So a worker gets its items in ascending order: the first that is not
// done is then the first of a worker, or will be of the one that takes a dead one's place.
bool Pool::feed(Worker& worker, size_t count) {
  while (worker.items.size() < std::max(1u, options_.queue)) {
    if (again_.empty() && (next_ >= count || Clock::now() >= options_.until)) break;
    if (!again_.empty() && !worker.items.empty() && *again_.begin() < worker.items.back()) break;
    if (!worker.is_running() && !start(worker)) return false;
    const uint64_t item = again_.empty() ? next_ : *again_.begin();
    if (!write_all(worker.to, &item, sizeof item)) {
      if (worker.items.empty()) stop(worker, true);
      break;  // if it had items, the end of its results says so
    }
    again_.empty() ? static_cast<void>(++next_) : static_cast<void>(again_.erase(again_.begin()));
    if (worker.items.empty()) worker.deadline = deadline();
    worker.items.push_back(item);
  }
  return true;
}

void Pool::wait(std::vector<bool>& readable) {
  std::vector<pollfd> polled;
  auto first_deadline = Clock::time_point::max();
  for (const Worker& worker : workers_) {
    // A negative descriptor is passed over.
    polled.push_back({.fd = worker.items.empty() ? -1 : worker.from, .events = POLLIN, .revents = 0});
    if (!worker.items.empty()) first_deadline = std::min(first_deadline, worker.deadline);
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(first_deadline - Clock::now()).count();
  poll(polled.data(), polled.size(), static_cast<int>(std::clamp<long long>(left + 1, 0, 1000)));
  for (size_t i = 0; i < workers_.size(); ++i) readable[i] = polled[i].revents != 0;
  // With much to do before a worker misses us, it need not wake us for every result.
  constexpr unsigned kLongQueue = 16;
  if (options_.queue >= kLongQueue) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

bool Pool::run(size_t count, const std::function<void(size_t, Expected<std::string>)>& done) {
  workers_.resize(std::max<size_t>(1, std::min<size_t>(options_.jobs, count)));
  std::vector<bool> readable(workers_.size());
  for (;;) {
    bool any = false, started = false;
    for (Worker& worker : workers_) {
      started |= feed(worker, count);
      any |= !worker.items.empty();
    }
    if (!any) {
      if (!started) return false;
      if (!again_.empty() || (next_ < count && Clock::now() < options_.until)) continue;  // one died as it was fed
      finish();
      return true;
    }
    wait(readable);
    for (size_t i = 0; i < workers_.size(); ++i) {
      Worker& worker = workers_[i];
      if (worker.items.empty()) continue;
      const bool open = !readable[i] || receive(worker);
      while (std::optional<std::string> result = take(worker)) {
        const size_t item = worker.items.front();
        worker.items.pop_front();
        worker.deadline = deadline();
        done(item, std::move(*result));
      }
      const bool late = Clock::now() >= worker.deadline;
      if (open && (!late || worker.items.empty())) continue;
      const std::deque<size_t> items = std::move(worker.items);
      std::string reason = stop(worker, open);
      if (open) reason = "no result after " + std::to_string(options_.milliseconds / 1000) + " s";
      if (items.empty()) continue;
      again_.insert(items.begin() + 1, items.end());
      done(items.front(), fail(reason));
    }
  }
}

// The pipe's end is what tells a worker that there is no more to do.
void Pool::finish() {
  for (Worker& worker : workers_) {
    if (worker.to >= 0) close(worker.to);
    worker.to = -1;
  }
  for (Worker& worker : workers_) {
    if (!worker.is_running()) continue;
    const Clock::time_point end = deadline();
    bool open = true;
    while (open && Clock::now() < end) {
      pollfd polled{.fd = worker.from, .events = POLLIN, .revents = 0};
      if (poll(&polled, 1, 1000) > 0) open = receive(worker);
    }
    while (std::optional<std::string> last = take(worker)) options_.heard(std::move(*last));
    stop(worker, open);
  }
}

}  // namespace

Expected<std::string> run_isolated(const std::function<std::string()>& work, uint32_t milliseconds) {
  Expected<std::string> result = fail("no process could be started");
  run_isolated(
      1, {.milliseconds = milliseconds}, [&](size_t) { return work(); },
      [&](size_t, Expected<std::string> done) { result = std::move(done); });
  return result;
}

bool run_isolated(size_t count, const WorkerPoolOptions& options, const std::function<std::string(size_t)>& work,
                  const std::function<void(size_t, Expected<std::string>)>& done) {
  // A worker that dies between two items must not take this process with it.
  struct sigaction ignore{}, before{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &before);
  const bool ran = Pool(options, work).run(count, done);
  sigaction(SIGPIPE, &before, nullptr);
  return ran;
}

}  // namespace assay::oracles
