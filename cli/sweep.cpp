// See sweep.h.
#include "cli/sweep.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "cli/command.h"

namespace assay::cli {

int run_sweep(const SweepArguments& arguments) {
  std::vector<std::string> names;
  for (std::string& name : fuzz::swept_operations()) {
    const auto& parts = arguments.options.only;
    const auto is_part = [&](const std::string& part) { return name.find(part) != std::string::npos; };
    if (parts.empty() || std::ranges::any_of(parts, is_part)) names.push_back(std::move(name));
  }
  if (names.empty())
    return report(Diagnostic{{}, "no operation has a name like that", "assay verify --operations --rule fma"});

  const auto begin = std::chrono::steady_clock::now();
  std::vector<fuzz::SweptOperation> rows(names.size());
  std::mutex mutex;
  size_t next = 0;
  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (next < names.size()) {
      const double past = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      if (arguments.seconds > 0 && past > arguments.seconds) return;
      const size_t mine = next++;
      lock.unlock();
      fuzz::SweptOperation row = fuzz::sweep_operation(names[mine], arguments.options);
      lock.lock();
      rows[mine] = std::move(row);
    }
  };
  const unsigned jobs = arguments.jobs != 0 ? arguments.jobs : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::min<size_t>(jobs, names.size()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();

  uint64_t patterns = 0, traps = 0, done = 0, disagreements = 0;
  std::set<std::string> not_run;
  nlohmann::json list = nlohmann::json::array();
  for (const fuzz::SweptOperation& row : rows) {
    if (row.name.empty()) continue;
    ++done;
    patterns += row.patterns;
    traps += row.traps;
    disagreements += row.findings.size();
    not_run.insert(row.not_run.begin(), row.not_run.end());
    if (arguments.json) {
      list.push_back({{"operation", row.name},
                      {"patterns", row.patterns},
                      {"traps", row.traps},
                      {"complete", row.is_complete},
                      {"seconds", row.seconds},
                      {"executors", row.executors},
                      {"not_run", row.not_run},
                      {"findings", row.findings}});
      continue;
    }
    if (arguments.list || !row.findings.empty()) {
      std::printf("%-28s %8llu patterns, %6llu that trap%s, %zu executors; %.1f s\n", row.name.c_str(),
                  static_cast<unsigned long long>(row.patterns), static_cast<unsigned long long>(row.traps),
                  row.is_complete ? " (all there are)" : "", row.executors.size(), row.seconds);
    }
    for (const std::string& finding : row.findings) std::printf("  %s\n", finding.c_str());
  }
  if (arguments.json) {
    std::printf("%s\n", nlohmann::json{{"operations", list}, {"of", names.size()}}.dump(2).c_str());
  } else {
    std::printf("%llu of %zu operations, %llu patterns and %llu that trap, %llu disagreements\n",
                static_cast<unsigned long long>(done), names.size(), static_cast<unsigned long long>(patterns),
                static_cast<unsigned long long>(traps), static_cast<unsigned long long>(disagreements));
    for (const std::string& why : not_run) std::printf("not run: %s\n", why.c_str());
  }
  return disagreements != 0 ? kFinding : kNothingWrong;
}

}  // namespace assay::cli
