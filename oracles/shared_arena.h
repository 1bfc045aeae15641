// Code, stack and regions in one memory file, so that the host can write what the machine may only read or execute, and
// so that another process (QEMU's guest server) can map the same bytes.
//
// The file is sparse: only touched pages cost memory. Offsets are fixed by the layout below.
#pragma once

#include <cstdint>
#include <string>

#include "oracles/executor.h"

namespace assay::oracles {

class SharedArena {
 public:
  static constexpr uint64_t kCodeOffset = 0;
  static constexpr uint64_t kStackOffset = memory_map::kCodeSize;
  static constexpr uint64_t kControlOffset = kStackOffset + memory_map::kStackSize;
  static constexpr uint64_t kControlSize = 0x10000;
  static constexpr uint64_t kRegionsOffset = kControlOffset + kControlSize;
  static constexpr uint64_t kSize = kRegionsOffset + memory_map::kRegionsEnd - memory_map::kRegionsBegin;

  SharedArena();
  ~SharedArena();
  SharedArena(const SharedArena&) = delete;
  SharedArena& operator=(const SharedArena&) = delete;

  // Why there is none; empty if there is.
  const std::string& error() const { return error_; }
  int file() const { return file_; }

  // The host's view, always readable and writable.
  uint8_t* code() const { return view_ + kCodeOffset; }
  uint8_t* stack() const { return view_ + kStackOffset; }
  uint8_t* control() const { return view_ + kControlOffset; }
  uint8_t* region(uint64_t address) const { return view_ + region_offset(address); }
  static constexpr uint64_t region_offset(uint64_t address) {
    return kRegionsOffset + address - memory_map::kRegionsBegin;
  }

 private:
  int file_ = -1;
  uint8_t* view_ = nullptr;
  std::string error_;
};

// Increases in the child whenever the process forks: shared memory and helpers of the parent must then be left alone.
uint64_t fork_generation();

}  // namespace assay::oracles
