// The memory a program sees: the caller's regions at fixed addresses, and the stack that its slots lie in.
//
// Regions belong to the caller and are changed in place. Accesses say what they found instead of failing: whether an
// address that is in no region traps or has no meaning depends on the instruction. Once asked to, memory also keeps for
// every byte which of its bits are free (free_bits.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/support/random_choices.h"

namespace assay::interpreter {

struct Region {
  uint64_t address = 0;
  std::span<uint8_t> bytes;
  bool writable = true;
};

// Addresses [begin, end) that mean something to a machine but nothing to CLIF: its code, its own frames, …
struct AddressRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};

class Memory {
 public:
  // Regions must not overlap each other, the stack or `reserved`. The spans must stay valid as long as this is used.
  void set_regions(std::span<const Region> regions, std::span<const AddressRange> reserved) {
    regions_ = regions;
    reserved_ = reserved;
    tracks_ = false;
  }
  // Where functions lie. Unless the stack is strict, they can be read, and all bits are free.
  void set_code(AddressRange code) { code_ = code; }
  // Makes the stack empty, at these addresses, its slots to be filled with `fill`. Unless it is `strict`, the bytes
  // between and just above the slots are memory, too. A `layout_seed` says how far apart slots are, and whether a new
  // one lies above or below all others; 0: above, as close as may be. With one the stack must be strict.
  void reset_stack(AddressRange stack, uint8_t fill, bool strict, uint64_t layout_seed);

  // Opens a slot and returns its address, a multiple of `align`, which is a power of two, and of 8; without a
  // layout_seed of 16. 0 if the stack is full.
  uint64_t push_slot(uint32_t size, uint64_t align);
  // The number of open slots, and closing all but the first `count`.
  size_t slot_count() const { return slots_.size(); }
  void pop_slots(size_t count) { slots_.resize(count); }

  // From here on free bits are tracked; there are none yet.
  void start_tracking();
  // Which bits of a region are free, by byte. Empty: none is.
  std::span<const uint8_t> free_bits(size_t region) const {
    return tracks_ ? std::span<const uint8_t>(region_free_[region]) : std::span<const uint8_t>();
  }

  enum class Access : uint8_t { kOk, kOutOfBounds, kMeaningless, kCode };
  struct Found {
    Access access = Access::kOutOfBounds;
    uint8_t* bytes = nullptr;  // only if kOk
    uint8_t* free = nullptr;   // only if kOk and tracked: a mask for each byte
  };
  // The bytes at [address, address + size), size > 0. A write to a read-only region is out of bounds.
  Found find(uint64_t address, uint32_t size, bool write);

 private:
  void grow_stack(size_t size);
  Found stack_bytes(uint64_t offset);

  struct Slot {
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  std::span<const Region> regions_;
  std::span<const AddressRange> reserved_;
  AddressRange stack_range_;
  RandomChoices layout_;
  bool grows_down_ = false;
  uint8_t fill_ = 0;
  bool strict_ = true;
  AddressRange code_;
  std::vector<uint8_t> stack_;  // grows to what was needed
  std::vector<Slot> slots_;     // by rising address, or falling if it grows down
  bool tracks_ = false;
  std::vector<uint8_t> stack_free_;  // as long as stack_, if tracked
  std::vector<std::vector<uint8_t>> region_free_;
};

}  // namespace assay::interpreter
