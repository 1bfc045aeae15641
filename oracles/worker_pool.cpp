// See worker_pool.h. Each worker has a pipe for the numbers of items and one for results: length, then bytes.
#include "oracles/worker_pool.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
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

struct Worker {
  pid_t pid = -1;
  int to = -1;    // numbers of items
  int from = -1;  // results
  std::optional<size_t> item;
  Clock::time_point deadline;
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
  // Ends the process; says why it had ended by itself, if it had.
  std::string stop(Worker& worker, bool kill_it);
  [[noreturn]] void serve(int in, int out);
  // Takes what has arrived; true if a whole result or the end of the stream is there.
  bool receive(Worker& worker, bool& ended);

  WorkerPoolOptions options_;
  const std::function<std::string(size_t)>& work_;
  std::vector<Worker> workers_;
};

void Pool::serve(int in, int out) {
  uint64_t item = 0;
  while (read_all(in, &item, sizeof item)) {
    const std::string result = work_(item);
    const uint64_t size = result.size();
    if (!write_all(out, &size, sizeof size) || !write_all(out, result.data(), size)) break;
  }
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
  close(worker.to);
  close(worker.from);
  if (kill_it) kill(worker.pid, SIGKILL);
  int status = 0;
  while (waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) {
  }
  worker = Worker{};
  if (WIFSIGNALED(status)) return "crashed: " + std::string(strsignal(WTERMSIG(status)));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

bool Pool::receive(Worker& worker, bool& ended) {
  char buffer[1 << 16];
  const ssize_t count = read(worker.from, buffer, sizeof buffer);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (count <= 0) {
    ended = true;
    return true;
  }
  worker.received.append(buffer, static_cast<size_t>(count));
  uint64_t size = 0;
  if (worker.received.size() < sizeof size) return false;
  std::memcpy(&size, worker.received.data(), sizeof size);
  return worker.received.size() >= sizeof size + size;
}

bool Pool::run(size_t count, const std::function<void(size_t, Expected<std::string>)>& done) {
  size_t next = 0, finished = 0;
  workers_.resize(std::max<size_t>(1, std::min<size_t>(options_.jobs, count)));
  while (finished < count) {
    // Give every idle worker an item, starting it if need be.
    bool any = false;
    for (Worker& worker : workers_) {
      if (!worker.item && next < count && (worker.is_running() || start(worker))) {
        const uint64_t item = next;
        if (write_all(worker.to, &item, sizeof item)) {
          worker.item = next++;
          worker.deadline = Clock::now() + std::chrono::milliseconds(options_.milliseconds);
        } else {
          stop(worker, true);
        }
      }
      any = any || worker.item;
    }
    if (!any) return false;

    std::vector<pollfd> polled;
    std::vector<Worker*> who;
    auto first_deadline = Clock::time_point::max();
    for (Worker& worker : workers_) {
      if (!worker.item) continue;
      polled.push_back({.fd = worker.from, .events = POLLIN, .revents = 0});
      who.push_back(&worker);
      first_deadline = std::min(first_deadline, worker.deadline);
    }
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(first_deadline - Clock::now()).count();
    poll(polled.data(), polled.size(), static_cast<int>(std::clamp<long long>(wait + 1, 0, 1000)));

    for (size_t i = 0; i < who.size(); ++i) {
      Worker& worker = *who[i];
      const size_t item = *worker.item;
      bool ended = false;
      if (polled[i].revents != 0 && receive(worker, ended)) {
        if (ended) {
          done(item, fail(stop(worker, false)));
        } else {
          std::string result = worker.received.substr(sizeof(uint64_t));
          worker.received.clear();
          worker.item.reset();
          done(item, std::move(result));
        }
        ++finished;
      } else if (Clock::now() >= worker.deadline) {
        stop(worker, true);
        done(item, fail("no result after " + std::to_string(options_.milliseconds / 1000) + " s"));
        ++finished;
      }
    }
  }
  for (Worker& worker : workers_) stop(worker, false);
  return true;
}

}  // namespace

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
