// See memory.h.
#include "interpreter/memory.h"

#include <algorithm>
#include <cstring>

namespace assay::interpreter {

namespace {
// Between two slots, so that an access just past one does not silently hit the next.
constexpr uint64_t kGap = 16;
// How far above the topmost slot the stack is still memory, if it is not strict.
constexpr uint64_t kAboveTop = 256;
}  // namespace

void Memory::reset_stack(uint64_t base, uint64_t size, uint8_t fill, bool strict) {
  strict_ = strict;
  stack_base_ = base;
  stack_size_ = size;
  fill_ = fill;
  slots_.clear();
}

void Memory::start_tracking() {
  tracks_ = true;
  stack_free_.assign(stack_.size(), 0);
  region_free_.resize(std::max(region_free_.size(), regions_.size()));
  for (size_t i = 0; i < regions_.size(); ++i) region_free_[i].assign(regions_[i].bytes.size(), 0);
}

void Memory::grow_stack(size_t size) {
  if (stack_.size() < size) stack_.resize(std::max(size, stack_.size() * 2));
  if (tracks_ && stack_free_.size() < stack_.size()) stack_free_.resize(stack_.size());
}

Memory::Found Memory::stack_bytes(uint64_t offset) {
  return {Access::kOk, stack_.data() + offset, tracks_ ? stack_free_.data() + offset : nullptr};
}

uint64_t Memory::push_slot(uint32_t size, uint64_t align) {
  const uint64_t top = (slots_.empty() ? stack_base_ : slots_.back().end) + kGap;
  const uint64_t begin = (top + align - 1) & ~(align - 1);
  const uint64_t end = begin + size;
  if (end < begin || end > stack_base_ + stack_size_) return 0;
  const size_t offset = begin - stack_base_;
  grow_stack(offset + size);
  if (size != 0) std::memset(stack_.data() + offset, fill_, size);
  if (size != 0 && tracks_) std::memset(stack_free_.data() + offset, 0, size);
  slots_.push_back({begin, end});
  return begin;
}

Memory::Found Memory::find(uint64_t address, uint32_t size, bool write) {
  for (const Region& region : regions_) {
    const uint64_t offset = address - region.address;
    if (offset < region.bytes.size()) {
      const bool fits = region.bytes.size() - offset >= size;
      if (!fits || (write && !region.writable)) return {Access::kOutOfBounds};
      uint8_t* const free = tracks_ ? region_free_[static_cast<size_t>(&region - regions_.data())].data() : nullptr;
      return {Access::kOk, region.bytes.data() + offset, tracks_ ? free + offset : nullptr};
    }
    // The first bytes may lie below the region: out of bounds, unless they are in something else.
  }
  const uint64_t offset = address - stack_base_;
  if (offset < stack_size_ && !strict_ && !slots_.empty()) {
    const uint64_t end = slots_.back().end - stack_base_ + kAboveTop;
    if (offset + size > end) return {Access::kMeaningless};
    grow_stack(end);
    return stack_bytes(offset);
  }
  if (offset < stack_size_) {
    const auto above = std::upper_bound(slots_.begin(), slots_.end(), address,
                                        [](uint64_t a, const Slot& slot) { return a < slot.begin; });
    if (above == slots_.begin()) return {Access::kMeaningless};
    const Slot& slot = *(above - 1);
    if (address >= slot.end || slot.end - address < size) return {Access::kMeaningless};
    return stack_bytes(offset);
  }
  if (address >= code_.begin && address < code_.end && !strict_) {
    return {write || code_.end - address < size ? Access::kOutOfBounds : Access::kCode};
  }
  for (const AddressRange& range : reserved_) {
    // Touches it with any byte; an access that wraps around the address space touches nothing.
    if (address < range.end && address + size > range.begin && address + size > address) {
      return {Access::kMeaningless};
    }
  }
  return {Access::kOutOfBounds};
}

}  // namespace assay::interpreter
