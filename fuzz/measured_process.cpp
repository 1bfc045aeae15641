// See measured_process.h. Processor time of a group is summed over /proc; what processes that ended have used is in
// their parents' counts of children, so it is not lost while the first process lives.
#include "fuzz/measured_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>

namespace assay::fuzz {

namespace {

double seconds_of(const rusage& usage) {
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Of all processes of the group that run, with their children that have been waited for.
double group_seconds(pid_t group) {
  static const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  double sum = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    if (name.empty() || name[0] < '0' || name[0] > '9') continue;
    const auto stat = read_file(entry.path().string() + "/stat");
    if (!stat) continue;
    const size_t end = stat->rfind(')');  // of the program's name
    if (end == std::string::npos) continue;
    std::istringstream fields(stat->substr(end + 2));
    std::string field;
    double ticks = 0;
    bool is_member = false;
    for (unsigned i = 3; i <= 17 && fields >> field; ++i) {  // numbered as in proc(5)
      if (i == 5) is_member = std::atol(field.c_str()) == group;
      if (i >= 14) ticks += std::atof(field.c_str());
    }
    if (is_member) sum += ticks * tick;
  }
  return sum;
}

// A file without a name for a child's output.
int scratch_file() { return open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); }

std::string contents(int file) {
  std::string out;
  char buffer[65536];
  lseek(file, 0, SEEK_SET);
  for (ssize_t n; (n = read(file, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<size_t>(n));
  close(file);
  return out;
}

}  // namespace

Expected<ProcessResult> run_measured(const ProcessOptions& options) {
  const int output = scratch_file(), errors = scratch_file();
  if (output < 0 || errors < 0) return fail("cannot make a file in /tmp");
  std::vector<char*> words;
  for (const std::string& word : options.command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child < 0) return fail("cannot start a process");
  if (child == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody would stop it
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
    if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(127);
    execvp(words[0], words.data());
    _exit(127);
  }
  setpgid(child, child);

  ProcessResult result;
  int status = 0;
  rusage usage{};
  for (unsigned round = 0;; ++round) {
    if (wait4(child, &status, WNOHANG, &usage) == child) {
      result.cpu_seconds = seconds_of(usage);
      break;
    }
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const bool is_due = round % 8 == 7;
    const bool is_over = wall > options.wall_limit || (is_due && group_seconds(child) > options.cpu_limit);
    if (is_over || (options.until && options.until())) {
      result.is_stopped = true;
      result.cpu_seconds = group_seconds(child);
      kill(-child, SIGKILL);
      wait4(child, &status, 0, &usage);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(round < 50 ? 5 : 50));
  }
  kill(-child, SIGKILL);  // what it left behind
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.output = contents(output);
  result.errors = contents(errors);
  return result;
}

}  // namespace assay::fuzz
