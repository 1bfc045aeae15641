// Native execution: the host's own processor, in process.
//
// One address window per process holds code (mapped for execution only; written through an alias), stack and regions.
// Native executors share it: one runs at a time, under a mutex, and an executor that finds another's image in the
// window installs its own again. A trampoline loads all registers from a control page at a fixed address and stores
// them there after the return, so that no register needs to survive. Faults come as signals on an alternate stack; the
// handler notes what happened and continues in the trampoline, which restores the host's stack. A watchdog thread
// stops what takes too long, measured in the runner's CPU time, so that a busy machine makes no false verdicts.
//
// Signals that do not belong to a run go to whoever handled them before.
#include "oracles/executor.h"

#if !defined(__x86_64__) || !defined(__linux__)

namespace assay::oracles {
namespace {

class NoNativeExecutor final : public Executor {
 public:
  const char* name() const override { return "native"; }
  IsaKind isa() const override { return IsaKind::x64; }
  std::string unavailable() const override { return "native execution needs an x86-64 Linux host"; }
  Expected<void> load(const Image&, std::span<const Region>) override { return fail(unavailable()); }
  Expected<void> set_memory(std::span<const Region>) override { return fail(unavailable()); }
  void run(const Plan&, const Limits&, Outcome& outcome) override {
    outcome = Outcome();
    outcome.text = unavailable();
  }
};

}  // namespace

std::unique_ptr<Executor> make_native() { return std::make_unique<NoNativeExecutor>(); }

}  // namespace assay::oracles

#else

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "oracles/machine_executor.h"
#include "oracles/native_watchdog.h"
#include "oracles/shared_arena.h"

// The control page: 0x32000000. Offsets are those of NativeFrame below.
extern "C" {
void assay_native_enter();
extern char assay_native_return[];
extern char assay_native_abort[];
extern char assay_native_end[];
}

asm(R"(
  .pushsection .text
  .balign 64
  .globl assay_native_enter, assay_native_return, assay_native_abort, assay_native_end
  .hidden assay_native_enter, assay_native_return, assay_native_abort, assay_native_end
  .type assay_native_enter, @function
  .set frame, 0x32000000
assay_native_enter:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, frame + 0x190
  stmxcsr frame + 0x1a0
  movups frame + 0x80, %xmm0
  movups frame + 0x90, %xmm1
  movups frame + 0xa0, %xmm2
  movups frame + 0xb0, %xmm3
  movups frame + 0xc0, %xmm4
  movups frame + 0xd0, %xmm5
  movups frame + 0xe0, %xmm6
  movups frame + 0xf0, %xmm7
  movups frame + 0x100, %xmm8
  movups frame + 0x110, %xmm9
  movups frame + 0x120, %xmm10
  movups frame + 0x130, %xmm11
  movups frame + 0x140, %xmm12
  movups frame + 0x150, %xmm13
  movups frame + 0x160, %xmm14
  movups frame + 0x170, %xmm15
  ldmxcsr frame + 0x1a4
  movq frame + 0x00, %rax
  movq frame + 0x08, %rcx
  movq frame + 0x10, %rdx
  movq frame + 0x18, %rbx
  movq frame + 0x28, %rbp
  movq frame + 0x30, %rsi
  movq frame + 0x38, %rdi
  movq frame + 0x40, %r8
  movq frame + 0x48, %r9
  movq frame + 0x50, %r10
  movq frame + 0x58, %r11
  movq frame + 0x60, %r12
  movq frame + 0x68, %r13
  movq frame + 0x70, %r14
  movq frame + 0x78, %r15
  movq frame + 0x20, %rsp
  jmpq *frame + 0x180
assay_native_return:
  movq %rsp, frame + 0x20
  movq frame + 0x190, %rsp
  pushfq
  popq frame + 0x188
  movq %rax, frame + 0x00
  movq %rcx, frame + 0x08
  movq %rdx, frame + 0x10
  movq %rbx, frame + 0x18
  movq %rbp, frame + 0x28
  movq %rsi, frame + 0x30
  movq %rdi, frame + 0x38
  movq %r8, frame + 0x40
  movq %r9, frame + 0x48
  movq %r10, frame + 0x50
  movq %r11, frame + 0x58
  movq %r12, frame + 0x60
  movq %r13, frame + 0x68
  movq %r14, frame + 0x70
  movq %r15, frame + 0x78
  movups %xmm0, frame + 0x80
  movups %xmm1, frame + 0x90
  movups %xmm2, frame + 0xa0
  movups %xmm3, frame + 0xb0
  movups %xmm4, frame + 0xc0
  movups %xmm5, frame + 0xd0
  movups %xmm6, frame + 0xe0
  movups %xmm7, frame + 0xf0
  movups %xmm8, frame + 0x100
  movups %xmm9, frame + 0x110
  movups %xmm10, frame + 0x120
  movups %xmm11, frame + 0x130
  movups %xmm12, frame + 0x140
  movups %xmm13, frame + 0x150
  movups %xmm14, frame + 0x160
  movups %xmm15, frame + 0x170
assay_native_abort:
  movq frame + 0x190, %rsp
  cld
  ldmxcsr frame + 0x1a0
  cmpb $0, frame + 0x1a8
  je 1f
  vzeroupper
1:
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret
assay_native_end:
  .size assay_native_enter, . - assay_native_enter
  .popsection
)");

namespace assay::oracles {
namespace {

namespace map = memory_map;

constexpr uint64_t kControl = 0x3200'0000;

struct NativeFrame {
  uint64_t integer[16];
  RegisterBits vector[16];
  uint64_t entry;
  uint64_t flags;
  uint64_t host_sp;
  uint64_t reserved;
  uint32_t host_mxcsr;
  uint32_t mxcsr;
  uint8_t has_avx;
};
static_assert(offsetof(NativeFrame, vector) == 0x80 && offsetof(NativeFrame, entry) == 0x180);
static_assert(offsetof(NativeFrame, flags) == 0x188 && offsetof(NativeFrame, host_sp) == 0x190);
static_assert(offsetof(NativeFrame, host_mxcsr) == 0x1a0 && offsetof(NativeFrame, mxcsr) == 0x1a4);
static_assert(offsetof(NativeFrame, has_avx) == 0x1a8);

// What the signal handler and the run on its thread tell each other.
struct ThreadRun {
  volatile sig_atomic_t active = 0;
  uint64_t sequence = 0;
  Event::Kind kind = Event::Kind::Returned;
  FaultKind fault = FaultKind::None;
  uint64_t pc = 0;
  uint64_t address = 0;
};
constinit thread_local ThreadRun t_run;

constexpr int kSignals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP};
struct sigaction g_previous[NSIG];

int watchdog_signal() { return SIGRTMIN + 9; }

// Hands a signal that is not ours to the handler before us; without one it kills the process as it would have.
void forward(int signal, siginfo_t* info, void* context) {
  const struct sigaction& previous = g_previous[signal];
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler == SIG_DFL) {
    // A fault strikes again at once, now with the default action; a signal that was sent has to be sent again.
    ::signal(signal, SIG_DFL);
    if (info->si_code <= 0) raise(signal);
  } else if (previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  }
}

bool in_trampoline(uint64_t pc) {
  return pc >= reinterpret_cast<uint64_t>(&assay_native_enter) && pc < reinterpret_cast<uint64_t>(assay_native_end);
}

// For host functions: what the registers held.
void keep_registers(const ucontext_t& context) {
  static constexpr int kRegisters[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                       REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  NativeFrame& frame = *reinterpret_cast<NativeFrame*>(kControl);
  for (int i = 0; i < 16; ++i) frame.integer[i] = static_cast<uint64_t>(context.uc_mcontext.gregs[kRegisters[i]]);
  if (context.uc_mcontext.fpregs == nullptr) return;
  std::memcpy(frame.vector, context.uc_mcontext.fpregs->_xmm, sizeof frame.vector);
}

void on_signal(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto pc = static_cast<uint64_t>(registers[REG_RIP]);
  if (signal == watchdog_signal()) {
    // In the trampoline the host's stack is not yet saved, or already restored: the watchdog asks again.
    if (t_run.active && NativeWatchdog::instance().cancelled() == t_run.sequence && !in_trampoline(pc)) {
      t_run.kind = Event::Kind::OutOfFuel;
      registers[REG_RIP] = reinterpret_cast<greg_t>(assay_native_abort);
    }
    errno = saved_errno;
    return;
  }
  if (!t_run.active || in_trampoline(pc) || info->si_code <= 0) {
    forward(signal, info, context);
    errno = saved_errno;
    return;
  }
  ThreadRun& event = t_run;
  event.kind = Event::Kind::Fault;
  event.pc = pc;
  event.address = 0;
  constexpr greg_t kPageFault = 14, kWriteBit = 2, kFetchBit = 16;
  switch (signal) {
    case SIGILL:
      event.fault = FaultKind::Illegal;
      keep_registers(*static_cast<ucontext_t*>(context));
      break;
    case SIGFPE:
      event.fault = FaultKind::Arithmetic;
      break;
    case SIGTRAP:
      event.fault = FaultKind::Breakpoint;
      event.pc = pc - 1;
      break;
    case SIGSEGV:
      event.fault = FaultKind::Read;  // a general protection fault, of which the machine tells nothing
      if (registers[REG_TRAPNO] == kPageFault) {
        event.address = reinterpret_cast<uint64_t>(info->si_addr);
        if ((registers[REG_ERR] & kWriteBit) != 0) event.fault = FaultKind::Write;
        if ((registers[REG_ERR] & kFetchBit) != 0 || event.address == pc) {
          event.fault = FaultKind::Fetch;
          event.address = 0;
        }
      }
      break;
    default:
      event.fault = FaultKind::Other;
      break;
  }
  registers[REG_RIP] = reinterpret_cast<greg_t>(assay_native_abort);
  registers[REG_EFL] &= ~greg_t{0x500};  // no direction flag, no single-stepping
  errno = saved_errno;
}

// Installs the handlers, again if someone has replaced them since.
void claim_signals() {
  auto claim = [](int signal) {
    struct sigaction current;
    sigaction(signal, nullptr, &current);
    if ((current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == &on_signal) return;
    struct sigaction ours = {};
    ours.sa_sigaction = &on_signal;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&ours.sa_mask);
    sigaddset(&ours.sa_mask, watchdog_signal());
    g_previous[signal] = current;
    sigaction(signal, &ours, nullptr);
  };
  for (int signal : kSignals) claim(signal);
  claim(watchdog_signal());
}

// An alternate signal stack for this thread, unless it has a large one (sanitizers bring their own).
class AlternateStack {
 public:
  AlternateStack() {
    stack_t current;
    sigaltstack(nullptr, &current);
    if ((current.ss_flags & SS_DISABLE) == 0 && current.ss_size >= kSize / 2) return;
    void* memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    stack_t ours = {};
    ours.ss_sp = memory;
    ours.ss_size = kSize;
    previous_ = current;
    sigaltstack(&ours, nullptr);
    memory_ = memory;
  }
  ~AlternateStack() {
    if (memory_ == nullptr) return;
    stack_t current;
    sigaltstack(nullptr, &current);
    if (current.ss_sp == memory_) sigaltstack(&previous_, nullptr);
    munmap(memory_, kSize);
  }

 private:
  static constexpr size_t kSize = 64 * 1024;
  void* memory_ = nullptr;
  stack_t previous_ = {};
};

// The address window; see the top of the file.
class Window {
 public:
  static Window& instance() {
    static Window* window = new Window();  // never destroyed: threads may still run when the program ends
    return *window;
  }

  std::mutex mutex;
  const void* owner = nullptr;  // whose image is installed

  // Empty if the window could be mapped. After a fork the child maps its own.
  const std::string& error() {
    if (arena_ == nullptr || generation_ != fork_generation()) open();
    return error_;
  }
  SharedArena& arena() { return *arena_; }
  NativeFrame& frame() { return *reinterpret_cast<NativeFrame*>(kControl); }

  // Maps just these regions.
  Expected<void> map_regions(std::span<const Region> regions, std::span<const size_t> sizes) {
    bool same = mapped_.size() == regions.size();
    for (size_t i = 0; same && i < regions.size(); ++i) {
      same = mapped_[i].address == regions[i].address && mapped_[i].size == sizes[i] &&
             mapped_[i].writable == regions[i].writable;
    }
    if (same) return {};
    for (const Mapped& old : mapped_) {
      mmap(reinterpret_cast<void*>(old.address), old.size, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    }
    mapped_.clear();
    for (size_t i = 0; i < regions.size(); ++i) {
      void* mapped = mmap(reinterpret_cast<void*>(regions[i].address), sizes[i],
                          regions[i].writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_FIXED,
                          arena_->file(), static_cast<off_t>(SharedArena::region_offset(regions[i].address)));
      if (mapped == MAP_FAILED) return fail(std::string("cannot map a region: ") + std::strerror(errno));
      mapped_.push_back({regions[i].address, sizes[i], regions[i].writable});
    }
    return {};
  }

 private:
  struct Mapped {
    uint64_t address;
    size_t size;
    bool writable;
  };

  void open() {
    const bool again = arena_ != nullptr;
    generation_ = fork_generation();
    arena_ = new SharedArena();  // the parent's stays mapped and untouched
    owner = nullptr;
    mapped_.clear();
    error_ = arena_->error();
    const int placement = again ? MAP_FIXED : MAP_FIXED_NOREPLACE;
    auto place = [&](uint64_t address, size_t size, int protection, uint64_t offset) {
      if (!error_.empty()) return;
      const bool reserve = protection == PROT_NONE;
      const int kind = reserve ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED | MAP_NORESERVE;
      void* wanted = reinterpret_cast<void*>(address);
      void* mapped = mmap(wanted, size, protection, kind | placement, reserve ? -1 : arena_->file(),
                          reserve ? 0 : static_cast<off_t>(offset));
      if (mapped == wanted) return;
      error_ = "the address range of generated code is taken in this process";
      if (mapped != MAP_FAILED) munmap(mapped, size);
    };
    place(map::kCodeBase, map::kCodeSize, PROT_READ | PROT_EXEC, SharedArena::kCodeOffset);
    place(map::kRegionsBegin, map::kRegionsEnd - map::kRegionsBegin, PROT_NONE, 0);
    place(map::kStackLow - map::kPage, map::kPage, PROT_NONE, 0);
    place(map::kStackLow, map::kStackSize, PROT_READ | PROT_WRITE, SharedArena::kStackOffset);
    place(map::kStackLow + map::kStackSize, map::kPage, PROT_NONE, 0);
    place(kControl, map::kPage, PROT_READ | PROT_WRITE, SharedArena::kControlOffset);
    if (!error_.empty()) return;
    frame().mxcsr = 0x1f80;
    frame().has_avx = __builtin_cpu_supports("avx") ? 1 : 0;
  }

  SharedArena* arena_ = nullptr;
  uint64_t generation_ = 0;
  std::string error_;
  std::vector<Mapped> mapped_;
};

class NativeExecutor final : public MachineExecutor {
 public:
  NativeExecutor() : MachineExecutor(IsaKind::x64) {}
  ~NativeExecutor() override {
    Window& window = Window::instance();
    std::lock_guard lock(window.mutex);
    if (window.owner == this) window.owner = nullptr;
  }

  const char* name() const override { return "native-x64"; }
  std::string unavailable() const override {
    Window& window = Window::instance();
    std::lock_guard lock(window.mutex);
    return window.error();
  }

 protected:
  uint64_t return_address() const override { return reinterpret_cast<uint64_t>(assay_native_return); }

  Expected<std::unique_lock<std::mutex> > acquire() override {
    Window& window = Window::instance();
    std::unique_lock lock(window.mutex);
    if (!window.error().empty()) return fail(window.error());
    if (installed_ && window.owner != this) {
      if (auto done = occupy(); !done) return std::unexpected(done.error());
    }
    return lock;
  }

  Expected<void> install() override {
    installed_ = true;
    return occupy();
  }

  Event execute(uint64_t entry, MachineState& state, std::span<const RegisterId>, const Limits& limits, bool) override {
    thread_local AlternateStack alternate_stack;
    NativeFrame& frame = Window::instance().frame();
    std::memcpy(frame.integer, state.integer, sizeof frame.integer);
    std::memcpy(frame.vector, state.vector, sizeof frame.vector);
    frame.entry = entry;
    t_run.kind = Event::Kind::Returned;
    t_run.fault = FaultKind::None;
    t_run.sequence = NativeWatchdog::instance().start(limits.milliseconds, watchdog_signal());
    t_run.active = 1;
    asm volatile("" ::: "memory");
    assay_native_enter();
    asm volatile("" ::: "memory");
    t_run.active = 0;
    NativeWatchdog::instance().finish();
    if (t_run.kind == Event::Kind::Fault) {
      if (is_host_stub(t_run.pc)) {
        std::memcpy(state.integer, frame.integer, sizeof frame.integer);
        std::memcpy(state.vector, frame.vector, sizeof frame.vector);
      }
      return {.kind = Event::Kind::Fault, .fault = t_run.fault, .pc = t_run.pc, .address = t_run.address};
    }
    if (t_run.kind == Event::Kind::Returned) {
      std::memcpy(state.integer, frame.integer, sizeof frame.integer);
      std::memcpy(state.vector, frame.vector, sizeof frame.vector);
      state.flags = frame.flags;
    }
    return {.kind = t_run.kind};
  }

 private:
  // Puts this executor's image and regions into the window.
  Expected<void> occupy() {
    Window& window = Window::instance();
    claim_signals();
    std::vector<size_t> sizes;
    for (const Region& region : regions()) sizes.push_back(mapped_size(region));
    window.owner = nullptr;
    if (auto done = window.map_regions(regions(), sizes); !done) return done;
    SharedArena& arena = window.arena();
    // Bytes beyond the code trap, wherever an earlier image was longer too.
    constexpr size_t kSlack = 64;
    const size_t size = image().bytes.size();
    std::memcpy(arena.code(), image().bytes.data(), size);
    std::memset(arena.code() + size, 0xcc, std::min<size_t>(kSlack, map::kCodeSize - size));
    view_.stack = arena.stack();
    view_.regions.clear();
    for (size_t i = 0; i < regions().size(); ++i) {
      const Region& region = regions()[i];
      uint8_t* bytes = arena.region(region.address);
      if (!region.bytes.empty()) std::memcpy(bytes, region.bytes.data(), region.bytes.size());
      std::memset(bytes + region.bytes.size(), 0, sizes[i] - region.bytes.size());
      view_.regions.push_back(bytes);
    }
    window.owner = this;
    return {};
  }

  bool installed_ = false;
};

}  // namespace

std::unique_ptr<Executor> make_native() { return std::make_unique<NativeExecutor>(); }

}  // namespace assay::oracles

#endif
