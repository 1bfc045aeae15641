#include "oracles/guest_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "oracles/guest_images.h"

namespace assay::oracles {
namespace {

namespace map = memory_map;

static_assert(sizeof(assay_control) <= SharedArena::kControlSize);
static_assert(offsetof(assay_control, entry) == 0x300 && offsetof(assay_control, command) == 0x400);

constexpr const char* kProgram[] = {"qemu-x86_64", "qemu-aarch64", "qemu-riscv64", "qemu-s390x"};
// All that QEMU 7.2 has; its RISC-V has no `max`.
constexpr const char* kModel[] = {"max", "max",
                                  "rv64,v=true,vlen=128,vext_spec=v1.0,Zfh=true,zbkb=true,zbkc=true,zbkx=true", "max"};
constexpr const char* kCrossPackages[] = {"gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
                                          "gcc-riscv64-linux-gnu libc6-dev-riscv64-cross",
                                          "gcc-s390x-linux-gnu libc6-dev-s390x-cross"};
constexpr int kStartMilliseconds = 10'000;
constexpr int kPatienceMilliseconds = 2'000;  // for a server that was asked to stop

// The emulator's path, or empty.
std::string find_program(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/bin";
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    for (const char* suffix : {"", "-static"}) {
      std::string file = std::string(rest.substr(0, end)) + '/' + program + suffix;
      if (access(file.c_str(), X_OK) == 0) return file;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return "";
}

// A memory file that holds the guest program, or -1.
int program_file(std::span<const uint8_t> image) {
  const int file = memfd_create("assay-guest", MFD_CLOEXEC);
  while (file >= 0 && !image.empty()) {
    const ssize_t written = write(file, image.data(), image.size());
    if (written <= 0) {
      close(file);
      return -1;
    }
    image = image.subspan(static_cast<size_t>(written));
  }
  return file;
}

// The child's half of start(): only async-signal-safe calls, since the parent may have threads.
[[noreturn]] void become_qemu(const char* const* arguments, int arena, int channel, int program) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(null, 1);
  dup2(null, 2);
  // First out of the way of the numbers they get, then there; dup2 leaves them open across exec.
  const int high_arena = fcntl(arena, F_DUPFD, 200);
  const int high_channel = fcntl(channel, F_DUPFD, 200);
  const int high_program = fcntl(program, F_DUPFD, 200);
  dup2(high_arena, ASSAY_ARENA_FILE);
  dup2(high_channel, ASSAY_CHANNEL);
  dup2(high_program, ASSAY_SERVER_FILE);
  for (int file : {high_arena, high_channel, high_program}) close(file);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execv(arguments[0], const_cast<char* const*>(arguments));
  _exit(127);
}

}  // namespace

std::string GuestServer::unavailable(IsaKind isa) {
  const int index = static_cast<int>(isa);
  if (guest_image(isa).empty()) {
    return std::string("built without the guest server for ") + name(isa) + ": apt-get install " +
           kCrossPackages[index] + ", then configure and build again";
  }
  if (find_program(kProgram[index]).empty()) {
    return std::string(kProgram[index]) + " is missing: apt-get install qemu-user";
  }
  return "";
}

Expected<std::unique_ptr<GuestServer>> GuestServer::start(IsaKind isa) {
  if (std::string reason = unavailable(isa); !reason.empty()) return fail(reason);
  std::unique_ptr<GuestServer> server(new GuestServer(isa));
  if (!server->arena_.error().empty()) return fail(server->arena_.error());
  const int program = program_file(guest_image(isa));
  int channel[2];
  if (program < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0) {
    if (program >= 0) close(program);
    return fail(std::string("cannot start the guest server: ") + std::strerror(errno));
  }
  assay_control& control = server->control();
  server->put(control.stack_address, map::kStackLow);
  server->put(control.stack_size, map::kStackSize);
  server->put(control.stack_offset, SharedArena::kStackOffset);

  const char* model = kModel[static_cast<int>(isa)];
  const std::string emulator = find_program(kProgram[static_cast<int>(isa)]);
  const std::string server_path = "/proc/self/fd/" + std::to_string(ASSAY_SERVER_FILE);
  const std::string offset = std::to_string(SharedArena::kControlOffset);
  const char* const arguments[] = {emulator.c_str(), "-cpu", model, server_path.c_str(), offset.c_str(), nullptr};
  const pid_t process = fork();
  if (process == 0) become_qemu(arguments, server->arena_.file(), channel[1], program);
  const int fork_error = errno;
  close(program);
  close(channel[1]);
  server->channel_ = channel[0];
  server->process_ = process;
  if (process < 0) return fail(std::string("cannot start ") + emulator + ": " + std::strerror(fork_error));
  bool dead = false;
  if (!server->receive(kStartMilliseconds, dead)) return fail("the guest server does not start under " + emulator);
  return server;
}

GuestServer::~GuestServer() {
  if (channel_ >= 0) close(channel_);
  if (process_ > 0 && is_ours()) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
}

// Waits for a reply; false if there is none in time or the server is dead.
bool GuestServer::receive(int timeout_milliseconds, bool& dead) {
  pollfd waiting = {.fd = channel_, .events = POLLIN, .revents = 0};
  if (poll(&waiting, 1, timeout_milliseconds) <= 0) return false;
  char byte;
  ssize_t count;
  do {
    count = recv(channel_, &byte, 1, 0);
  } while (count < 0 && errno == EINTR);
  dead = count != 1;
  return count == 1;
}

int64_t GuestServer::cpu_nanoseconds() const {
  clockid_t clock;
  timespec now;
  if (clock_getcpuclockid(process_, &clock) != 0 || clock_gettime(clock, &now) != 0) return 0;
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

GuestServer::Reply GuestServer::send(uint64_t command, uint32_t milliseconds) {
  put(control().command, command);
  put(control().sequence, ++sequence_);
  const char byte = 0;
  if (::send(channel_, &byte, 1, MSG_NOSIGNAL) != 1) return Reply::Dead;

  constexpr int kTick = 5;
  bool dead = false;
  if (receive(kTick, dead)) return Reply::Done;
  if (dead) return Reply::Dead;
  // Slow, or the machine is busy: what counts from here on is the CPU time the server has used.
  using Clock = std::chrono::steady_clock;
  const int64_t used_before = cpu_nanoseconds() - kTick * 1'000'000;
  bool cancelled = false;
  Clock::time_point cancelled_at;
  for (;;) {
    if (receive(kTick, dead)) return cancelled ? Reply::Cancelled : Reply::Done;
    if (dead) return Reply::Dead;
    if (cancelled && Clock::now() - cancelled_at > std::chrono::milliseconds(kPatienceMilliseconds)) {
      kill(process_, SIGKILL);
      return Reply::Dead;
    }
    if (cpu_nanoseconds() - used_before < int64_t{milliseconds} * 1'000'000) continue;
    if (!cancelled) cancelled_at = Clock::now();
    cancelled = true;
    put(control().cancel, sequence_);
    kill(process_, SIGUSR1);
  }
}

}  // namespace assay::oracles
