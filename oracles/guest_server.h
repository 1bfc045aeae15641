// One running guest server: a child process of user-mode QEMU with shared memory and a channel of single bytes.
//
// Started once and kept. It can die (a wild store of the code under test hits it) or hang; both are noticed, and the
// owner starts another. Its control page is in the guest's byte order: use put() and get().
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "oracles/guest/control.h"
#include "oracles/shared_arena.h"

namespace assay::oracles {

class GuestServer {
 public:
  enum class Reply : uint8_t { Done, Cancelled, Dead };

  // Why it can't be started here, empty if it can: the guest program or QEMU is missing.
  static std::string unavailable(IsaKind isa);
  static Expected<std::unique_ptr<GuestServer>> start(IsaKind isa);
  ~GuestServer();
  GuestServer(const GuestServer&) = delete;
  GuestServer& operator=(const GuestServer&) = delete;

  SharedArena& arena() { return arena_; }
  assay_control& control() { return *reinterpret_cast<assay_control*>(arena_.control()); }
  uint64_t order(uint64_t value) const { return swap_ ? __builtin_bswap64(value) : value; }
  void put(uint64_t& field, uint64_t value) const { field = order(value); }

  // Has the server carry out `command`. After so much CPU time it asks the server to stop the run (Cancelled, or Done
  // if it was about to end); a server that does not react is killed and counts as Dead.
  Reply send(uint64_t command, uint32_t milliseconds);

  // False after a fork: the server belongs to the parent.
  bool is_ours() const { return generation_ == fork_generation(); }

 private:
  explicit GuestServer(IsaKind isa) : swap_(endianness(isa) != std::endian::native) {}
  bool receive(int timeout_milliseconds, bool& dead);
  int64_t cpu_nanoseconds() const;

  SharedArena arena_;
  bool swap_;
  int channel_ = -1;
  pid_t process_ = -1;
  uint64_t sequence_ = 0;
  uint64_t generation_ = fork_generation();
};

}  // namespace assay::oracles
