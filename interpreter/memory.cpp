// See memory.h.
#include "interpreter/memory.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace assay::interpreter {

namespace {
// Between two slots, so that an access just past one does not silently hit the next.
constexpr uint64_t kGap = 16;
// How far above the topmost slot the stack is still memory, if it is not strict.
constexpr uint64_t kAboveTop = 256;
}  // namespace

void Memory::reset_stack(AddressRange stack, uint8_t fill, bool strict, uint64_t layout_seed) {
  strict_ = strict;
  stack_range_ = stack;
  fill_ = fill;
  slots_.clear();
  layout_ = RandomChoices(layout_seed, RandomChoices::kForLayout);
  grows_down_ = layout_.active() && layout_.one_in(2);
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
  // Machines align slots to 8 bytes, whatever is asked for.
  const uint64_t gap = kGap + (layout_.active() ? 8 * layout_.below(64) : 0);
  align = std::max<uint64_t>(align, layout_.active() ? 8 : 16);
  uint64_t begin = 0;
  if (grows_down_) {
    const uint64_t bottom = (slots_.empty() ? stack_range_.end : slots_.back().begin);
    if (bottom - stack_range_.begin < gap + size + align) return 0;
    begin = (bottom - gap - size) & ~(align - 1);
  } else {
    const uint64_t top = (slots_.empty() ? stack_range_.begin : slots_.back().end);
    if (stack_range_.end - top < gap + size + align) return 0;
    begin = (top + gap + align - 1) & ~(align - 1);
  }
  const size_t offset = begin - stack_range_.begin;
  grow_stack(offset + size);
  if (size != 0) std::memset(stack_.data() + offset, fill_, size);
  if (size != 0 && tracks_) std::memset(stack_free_.data() + offset, 0, size);
  slots_.push_back({begin, begin + size});
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
  const uint64_t offset = address - stack_range_.begin, stack_size = stack_range_.end - stack_range_.begin;
  if (offset < stack_size && !strict_ && !slots_.empty()) {
    const uint64_t end = slots_.back().end - stack_range_.begin + kAboveTop;
    if (offset + size > end) return {Access::kMeaningless};
    grow_stack(end);
    return stack_bytes(offset);
  }
  if (offset < stack_size) {
    // The only slot that may hold it is the highest one that does not begin above it.
    const auto begins_above = [&](const Slot& slot) { return slot.begin > address; };
    const Slot* found = nullptr;
    if (grows_down_) {
      const auto at = std::partition_point(slots_.begin(), slots_.end(), begins_above);
      if (at != slots_.end()) found = &*at;
    } else {
      const auto above = std::partition_point(slots_.begin(), slots_.end(), std::not_fn(begins_above));
      if (above != slots_.begin()) found = &*(above - 1);
    }
    if (found == nullptr || address >= found->end || found->end - address < size) return {Access::kMeaningless};
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
