// Many independent pieces of work in several processes, so that one that crashes or hangs takes only itself down.
//
// Processes, not threads: what runs here are compilers and machine code under test. A worker that dies is replaced and
// the item it had is reported as lost, with the reason; all others are done exactly once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "compiler/support/diagnostic.h"

namespace assay::oracles {

struct WorkerPoolOptions {
  unsigned jobs = 1;              // worker processes at a time
  uint32_t milliseconds = 60000;  // after which an item's worker is killed
};

// Calls `work(item)` for every item below `count`, in worker processes, and `done(item, result)` here, in the order in
// which they finish. The result is what `work` returned, or an error: "crashed: signal 11", "no result after 60 s".
// The processes are forks: they see all memory as it is at the call, and what they change in it is lost.
// Must not be called while other threads run. False if not even one process could be started.
bool run_isolated(size_t count, const WorkerPoolOptions& options, const std::function<std::string(size_t)>& work,
                  const std::function<void(size_t, Expected<std::string>)>& done);

}  // namespace assay::oracles
