// What alias regions promise: within one activation of a function, accesses that name different regions touch different
// bytes, unless nothing is written there. Accesses that name none may touch any. Only what is accessed is remembered.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

namespace assay::interpreter {

class AliasRegions {
 public:
  void clear() { bytes_.clear(); }
  // Notes an access of region number `region` to [address, address + size); false if it breaks the promise.
  // `activation` tells calls apart. Costs a search for each byte.
  bool access(uint64_t activation, uint64_t address, uint32_t size, uint16_t region, bool write) {
    bool keeps = true;
    for (uint64_t at = address; at != address + size; ++at) {
      Use& use = bytes_.try_emplace({activation, at}, Use{region}).first->second;
      use.is_shared |= use.region != region;
      use.is_written |= write;
      keeps &= !(use.is_shared && use.is_written);
    }
    return keeps;
  }

 private:
  struct Use {
    uint16_t region = 0;  // the first
    bool is_shared = false, is_written = false;
  };
  std::map<std::pair<uint64_t, uint64_t>, Use> bytes_;  // by activation and address
};

}  // namespace assay::interpreter
