#include "oracles/shared_arena.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace assay::oracles {

SharedArena::SharedArena() {
  file_ = memfd_create("assay-arena", MFD_CLOEXEC);
  if (file_ < 0 || ftruncate(file_, static_cast<off_t>(kSize)) != 0) {
    error_ = std::string("cannot make a memory file: ") + std::strerror(errno);
    return;
  }
  void* view = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file_, 0);
  if (view == MAP_FAILED) {
    error_ = std::string("cannot map the memory file: ") + std::strerror(errno);
    return;
  }
  view_ = static_cast<uint8_t*>(view);
}

SharedArena::~SharedArena() {
  if (view_ != nullptr) munmap(view_, kSize);
  if (file_ >= 0) close(file_);
}

uint64_t fork_generation() {
  static std::atomic<uint64_t> generation{0};
  static const int registered = pthread_atfork(nullptr, nullptr, [] { ++generation; });
  (void)registered;
  return generation.load(std::memory_order_relaxed);
}

}  // namespace assay::oracles
