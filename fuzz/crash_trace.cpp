// See crash_trace.h. The child writes to shared memory how far it got, and on a signal the return addresses of its
// stack.
#include "fuzz/crash_trace.h"

#include <execinfo.h>
#include <signal.h>
#include <sys/mman.h>

#include "oracles/worker_pool.h"

namespace assay::fuzz {

namespace {

constexpr int kMostFrames = 40;

struct Shared {
  int stage = 0;
  int frames = 0;
  void* addresses[kMostFrames];
};
Shared* g_shared = nullptr;

void on_signal(int number) {
  g_shared->frames = backtrace(g_shared->addresses, kMostFrames);
  signal(number, SIG_DFL);
  raise(number);
}

std::vector<SourceFrame> name_frames(const Shared& shared) {
  std::vector<uintptr_t> calls;  // that the return addresses are behind
  for (int i = 0; i < shared.frames; ++i) calls.push_back(reinterpret_cast<uintptr_t>(shared.addresses[i]) - 1);
  std::vector<SourceFrame> frames;
  for (const std::vector<SourceFrame>& at : name_addresses(calls)) {
    for (const SourceFrame& frame : at) {
      if (frame.function.find("on_signal") == std::string::npos) frames.push_back(frame);
    }
  }
  return frames;
}

}  // namespace

CrashTrace trace_compiler_crash(const Case& test, const machine::TargetIsa& isa, const machine::CompileOptions& given) {
  CrashTrace trace;
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return trace;
  g_shared = new (memory) Shared;
  g_shared->stage = static_cast<int>(machine::Stage::Lower);
  void* warm_up[1];
  backtrace(warm_up, 1);  // loads what it needs before the signal
  const auto ran = oracles::run_isolated([&]() -> std::string {
    for (int number : {SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGBUS}) signal(number, on_signal);
    machine::Compiler compiler(isa);
    machine::CompileOptions options = given;
    options.observe = [](const machine::StageView& view) {
      g_shared->stage = static_cast<int>(view.stage == machine::Stage::Lower      ? machine::Stage::Allocate
                                         : view.stage == machine::Stage::Allocate ? machine::Stage::Apply
                                                                                  : machine::Stage::Emit);
    };
    options.dump = [](machine::Stage stage, const std::string&) {
      if (stage == machine::Stage::Optimize) g_shared->stage = static_cast<int>(machine::Stage::Lower);
    };
    for (const ir::Function& f : test.functions) {
      g_shared->stage =
          static_cast<int>(machine::will_optimize(options) ? machine::Stage::Optimize : machine::Stage::Lower);
      (void)compiler.compile(f, options);
    }
    return "done";
  });
  trace.crashed = !ran;
  trace.stage = static_cast<machine::Stage>(g_shared->stage);
  if (trace.crashed) trace.frames = name_frames(*g_shared);
  munmap(memory, sizeof(Shared));
  g_shared = nullptr;
  return trace;
}

}  // namespace assay::fuzz
