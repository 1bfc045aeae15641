// See crash_trace.h. The child writes to shared memory how far it got, and on a signal the return addresses of its
// stack.
#include "fuzz/crash_trace.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>

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

std::vector<CrashTrace::Frame> name_frames(const Shared& shared) {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&on_signal), &info) == 0) return {};
  char program[4096];
  const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  if (length <= 0) return {};
  std::string command = "addr2line -Cfe '" + std::string(program, static_cast<size_t>(length)) + "'";
  const auto base = reinterpret_cast<uintptr_t>(info.dli_fbase);
  for (int i = 0; i < shared.frames; ++i) {
    Dl_info at{};
    if (dladdr(shared.addresses[i], &at) == 0 || at.dli_fbase != info.dli_fbase) continue;
    char text[32];
    // The call before the return address.
    std::snprintf(text, sizeof text, " 0x%zx", reinterpret_cast<uintptr_t>(shared.addresses[i]) - base - 1);
    command += text;
  }
  command += " 2>/dev/null";
  std::vector<CrashTrace::Frame> frames;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return frames;
  char line[4096];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    std::string function = line;
    if (std::fgets(line, sizeof line, pipe) == nullptr) break;
    std::string place = line;
    while (!function.empty() && function.back() == '\n') function.pop_back();
    while (!place.empty() && place.back() == '\n') place.pop_back();
    if (place.starts_with("??")) place.clear();
    if (function.find("on_signal") != std::string::npos || function.starts_with("??")) continue;
    frames.push_back({std::move(function), std::move(place)});
  }
  pclose(pipe);
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
