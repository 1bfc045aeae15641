// Many independent pieces of work in several processes, so that one that crashes or hangs takes only itself down.
//
// Processes, not threads: what runs here are compilers and machine code under test. A worker that dies is replaced and
// the item it had is reported as lost, with the reason; all others are done exactly once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "compiler/support/diagnostic.h"

namespace assay::oracles {

struct WorkerPoolOptions {
  unsigned jobs = 1;              // worker processes at a time
  uint32_t milliseconds = 60000;  // after which an item's worker is killed
  // Items handed to a worker at a time: with several it never waits for the next; with 16 or more, `done` comes some
  // milliseconds later, for many at once.
  unsigned queue = 1;
  // No item is handed out after that; `done` and `heard` may bring it forward.
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
  // If there are both: called in every worker that lives to see the end, and here with its result.
  std::function<std::string()> last_word;
  std::function<void(std::string)> heard;
};

// Calls `work(item)` for every item below `count`, in worker processes, and `done(item, result)` here, in the order in
// which they finish. The result is what `work` returned, or an error: "crashed: Aborted", "no result after 60 s".
// An item may wait for what `done` does about earlier ones, in memory that is shared or in files.
// The processes are forks: they see all memory as it was when they were started, and what they change in it is lost.
// Must not be called while other threads run. False if not even one process could be started.
bool run_isolated(size_t count, const WorkerPoolOptions& options, const std::function<std::string(size_t)>& work,
                  const std::function<void(size_t, Expected<std::string>)>& done);

// The same for a single piece of work.
Expected<std::string> run_isolated(const std::function<std::string()>& work, uint32_t milliseconds = 60000);

}  // namespace assay::oracles
