// See fuzzer_target.h. A turn of a target is counted when it is over; if a kill comes before, libFuzzer's corpus and
// crash files are there all the same, and the crash files are looked at in the next turn.
#include "fuzz/fuzzer_target.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "fuzz/campaign.h"
#include "oracles/worker_pool.h"

namespace assay::fuzz {

namespace fs = std::filesystem;

namespace {

constexpr const char* kSuffix = "_fuzzer";

// Runs a program to its end with its output in `log`. It dies with this process.
void run_program(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Unicorn keeps memory of its own, and fake stacks cost a factor of four in executions.
    setenv("ASAN_OPTIONS", "detect_leaks=0:detect_stack_use_after_return=0", 0);
    const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 || dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0) _exit(126);
    signal(SIGPIPE, SIG_DFL);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
}

uint64_t executions_in(const std::string& log) {
  constexpr std::string_view kMark = "stat::number_of_executed_units:";
  const size_t at = log.rfind(kMark);
  return at == std::string::npos ? 0 : std::strtoull(log.c_str() + at + kMark.size(), nullptr, 10);
}

// The line that says what is wrong: the target's own, or a sanitizer's.
std::string complaint_in(const std::string& log, const std::string& name) {
  for (const std::string& mark :
       {name + kSuffix + ": ", std::string("runtime error: "), std::string("SUMMARY: "), std::string("ERROR: ")}) {
    const size_t at = log.find(mark);
    if (at == std::string::npos) continue;
    const size_t begin = at + (mark == "SUMMARY: " || mark == "ERROR: " ? mark.size() : 0);
    return log.substr(begin, std::min(log.find('\n', begin), begin + 300) - begin);
  }
  return "ended";
}

// Without folders and numbers, so that the same failure has the same key in every build.
std::string sort_of(const std::string& complaint) {
  std::string out;
  for (size_t i = 0; i < complaint.size() && out.size() < 160; ++i) {
    const auto is_digit = [&](size_t at) {
      return at < complaint.size() && complaint[at] >= '0' && complaint[at] <= '9';
    };
    if (complaint[i] == '/') {
      while (!out.empty() && out.back() != ' ') out.pop_back();
    } else if (is_digit(i)) {
      out += '#';
      while (is_digit(i + 1)) ++i;
    } else {
      out += complaint[i];
    }
  }
  return out;
}

std::vector<std::string> files_of(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) out.push_back(entry.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

std::string folder_of(const CampaignStore& store, const FuzzerTarget& target) {
  return store.folder() + "/targets/" + target.name;
}

std::string run_turn(const FuzzerTarget& target, const std::string& folder, double seconds) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // of the worker process that this runs in
  std::vector<std::string> command = {target.program,
                                      "-max_total_time=" + std::to_string(std::lround(std::max(1.0, seconds))),
                                      "-timeout=20",
                                      "-rss_limit_mb=4096",
                                      "-print_final_stats=1",
                                      "-verbosity=0",
                                      "-artifact_prefix=" + folder + "/crashes/"};
  std::error_code ignored;
  if (fs::exists(target.program + ".dict", ignored)) command.push_back("-dict=" + target.program + ".dict");
  command.push_back(folder + "/corpus");
  if (fs::exists(target.program + "_seeds", ignored)) command.push_back(target.program + "_seeds");
  run_program(command, folder + "/log");
  return {};
}

// What `file` makes the target complain about.
std::string complaint_of(const FuzzerTarget& target, const std::string& folder, const std::string& file) {
  const std::string log = folder + "/again";
  const auto ran = oracles::run_isolated(
      [&] {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run_program({target.program, "-timeout=20", "-rss_limit_mb=4096", file}, log);
        return std::string();
      },
      60'000);
  const auto text = read_file(log);
  return ran && text ? complaint_in(*text, target.name) : "no result after 60 s";
}

}  // namespace

std::vector<FuzzerTarget> built_targets(const std::string& folder) {
  std::vector<FuzzerTarget> out;
  for (const std::string& file : files_of(folder)) {
    if (!file.ends_with(kSuffix)) continue;
    const std::string name = file.substr(0, file.size() - std::string_view(kSuffix).size());
    std::error_code error;
    const fs::path program = fs::absolute(folder + "/" + file, error);
    if (name != "differential" && fs::is_regular_file(program, error)) out.push_back({name, program});
  }
  return out;
}

Expected<void> run_targets(const std::vector<FuzzerTarget>& targets, double seconds, unsigned jobs,
                           CampaignStore& store) {
  std::error_code error;
  for (const FuzzerTarget& target : targets) {
    for (const char* below : {"/corpus", "/crashes"}) fs::create_directories(folder_of(store, target) + below, error);
    if (error) return fail(Place{.file = folder_of(store, target)}, "cannot make the folder: " + error.message());
  }
  CampaignBatch batch{.totals = store.totals()};
  batch.targets = store.targets();
  std::map<std::string, uint64_t> by_key = store.by_key();
  std::map<std::string, unsigned> kept;
  std::set<std::string> known;
  for (const StoredFinding& f : store.findings()) {
    known.insert(f.file);
    ++kept[f.key];
  }
  const auto begin = std::chrono::steady_clock::now();
  oracles::WorkerPoolOptions pool{.jobs = jobs};
  pool.milliseconds = static_cast<uint32_t>((seconds + 90) * 1000);
  const auto work = [&](size_t i) { return run_turn(targets[i], folder_of(store, targets[i]), seconds); };
  const auto done = [&](size_t i, const Expected<std::string>&) {
    TargetTotals& totals = batch.targets[targets[i].name];
    ++totals.slices;
    totals.seconds += seconds;
    if (const auto log = read_file(folder_of(store, targets[i]) + "/log")) totals.executions += executions_in(*log);
  };
  if (!oracles::run_isolated(targets.size(), pool, work, done)) return fail("no process could be started");

  std::vector<std::string> looked_at;
  for (const FuzzerTarget& target : targets) {
    const std::string folder = folder_of(store, target);
    for (const std::string& crash : files_of(folder + "/crashes")) {
      const std::string path = folder + "/crashes/" + crash;
      const std::string file = target.name + "-" + crash;
      looked_at.push_back(path);
      if (!known.insert(file).second) continue;
      const std::string complaint = complaint_of(target, folder, path);
      const std::string key = "target " + target.name + ": " + sort_of(complaint);
      const bool keep = kept[key] < kFilesPerKey;
      if (keep) {
        ++kept[key];
        fs::copy_file(path, store.findings_folder() + "/" + file, fs::copy_options::overwrite_existing, error);
        if (error) return fail(Place{.file = store.findings_folder() + "/" + file}, error.message());
      }
      ++batch.totals.findings;
      ++batch.targets[target.name].findings;
      batch.by_key[key] = ++by_key[key];
      batch.findings.push_back({file, key, complaint, keep});
    }
  }
  batch.totals.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (auto stored = store.commit(batch); !stored) return stored;
  for (const std::string& path : looked_at) fs::remove(path, error);
  return {};
}

}  // namespace assay::fuzz
