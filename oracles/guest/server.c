// The guest server: runs under user-mode QEMU (qemu-ARCH -cpu max), executes what the host puts into shared memory.
//
// Started by oracles/qemu_executor.cpp with two inherited files: the arena, and a socket that carries a byte for each
// command and a byte for each reply; everything else is in the control page. Code is mapped anew for each load, which
// is how QEMU learns that it changed. Signals end a run: the handler notes what happened and continues at
// assay_abort, in the trampoline. Code under test runs with foreign gp and tp on RISC-V, so the handler touches
// neither thread-local nor gp-relative data (the build switches off both, and the stack protector).
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "oracles/guest/control.h"

void assay_enter(void);
extern char assay_return[], assay_abort[], assay_end[];

static struct assay_control* const control = (struct assay_control*)ASSAY_CONTROL;
static volatile int running;

static uint64_t* program_counter(ucontext_t* context) {
#if defined(__x86_64__)
  return (uint64_t*)&context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
  return (uint64_t*)&context->uc_mcontext.pc;
#elif defined(__riscv)
  return (uint64_t*)&context->uc_mcontext.__gregs[0];
#elif defined(__s390x__)
  return (uint64_t*)&context->uc_mcontext.psw.addr;
#endif
}

static void on_signal(int signal, siginfo_t* info, void* raw) {
  ucontext_t* context = raw;
  uint64_t* pc = program_counter(context);
  const int in_trampoline = *pc >= (uint64_t)&assay_enter && *pc < (uint64_t)assay_end;
  if (signal == SIGUSR1) {
    // The host asks again if this is ignored.
    if (!running || in_trampoline || control->cancel != control->sequence) return;
    control->event = ASSAY_CANCELLED;
  } else {
    if (!running || in_trampoline) _exit(3);
    control->event = ASSAY_SIGNAL;
    control->signal = (uint64_t)signal;
    control->signal_code = (uint64_t)info->si_code;
    control->pc = *pc;
    control->address = (uint64_t)info->si_addr;
#if defined(__x86_64__)
    control->fault_bits = (uint64_t)context->uc_mcontext.gregs[REG_ERR];
    context->uc_mcontext.gregs[REG_EFL] &= ~0x500ll;
#endif
  }
  // An undefined instruction may be a call of the host: it wants the registers. The trampoline notes all but the link.
  *pc = signal == SIGILL ? (uint64_t)assay_return : (uint64_t)assay_abort;
#if defined(__aarch64__)
  control->integer[30] = context->uc_mcontext.regs[30];
#elif defined(__riscv)
  control->integer[1] = context->uc_mcontext.__gregs[1];
#elif defined(__s390x__)
  control->integer[14] = context->uc_mcontext.gregs[14];
#endif
}

static int map_file(uint64_t address, uint64_t size, int protection, uint64_t offset) {
  void* mapped = mmap((void*)address, size, protection, MAP_SHARED | MAP_FIXED, ASSAY_ARENA_FILE, (off_t)offset);
  if (mapped != MAP_FAILED) return 1;
  control->failure = (uint64_t)errno;
  return 0;
}

static struct assay_region mapped[ASSAY_MAX_REGIONS];
static uint64_t mapped_count, mapped_code;

static void load(void) {
  control->failure = 0;
  if (mapped_code > control->code_size) munmap((void*)control->code_address, mapped_code);
  if (!map_file(control->code_address, control->code_size, PROT_READ | PROT_EXEC, control->code_offset)) return;
  mapped_code = control->code_size;
  int same = mapped_count == control->region_count;
  for (uint64_t i = 0; same && i < mapped_count; ++i) {
    same = mapped[i].address == control->regions[i].address && mapped[i].size == control->regions[i].size &&
           mapped[i].writable == control->regions[i].writable;
  }
  if (same) return;
  for (uint64_t i = 0; i < mapped_count; ++i) munmap((void*)mapped[i].address, mapped[i].size);
  mapped_count = 0;
  for (uint64_t i = 0; i < control->region_count; ++i) {
    const struct assay_region* region = &control->regions[i];
    const int protection = region->writable ? PROT_READ | PROT_WRITE : PROT_READ;
    if (!map_file(region->address, region->size, protection, region->offset)) return;
    mapped[mapped_count++] = *region;
  }
}

static void run(void) {
  control->event = ASSAY_RETURNED;
  running = 1;
  __asm__ volatile("" ::: "memory");
  assay_enter();
  __asm__ volatile("" ::: "memory");
  running = 0;
}

int main(int argc, char** argv) {
  (void)argc;
  // The offset of the control page in the arena comes as the first argument, in decimal.
  uint64_t offset = 0;
  for (const char* digit = argv[1]; *digit; ++digit) offset = offset * 10 + (uint64_t)(*digit - '0');
  if (mmap((void*)ASSAY_CONTROL, 0x10000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, ASSAY_ARENA_FILE,
           (off_t)offset) == MAP_FAILED) {
    return 1;
  }
  if (!map_file(control->stack_address, control->stack_size, PROT_READ | PROT_WRITE, control->stack_offset)) return 1;
  control->return_address = (uint64_t)assay_return;

  static char alternate[65536] __attribute__((aligned(64)));
  const stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack(&stack, 0);
  static const int kSignals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP, SIGSYS, SIGUSR1};
  for (unsigned i = 0; i < sizeof kSignals / sizeof *kSignals; ++i) {
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigaction(kSignals[i], &action, 0);
  }
  char byte = 0;
  while (write(ASSAY_CHANNEL, &byte, 1) == 1 && read(ASSAY_CHANNEL, &byte, 1) == 1) {
    if (control->command == ASSAY_LOAD) load();
    if (control->command == ASSAY_RUN) run();
  }
  return 0;
}
