// AArch64: immediates of logical instructions (Arm ARM, DecodeBitMasks). Such a number is an element of 2, 4, 8, 16, 32
// or 64 bits, repeated; the element is a run of ones, neither none nor all of it, rotated.
#pragma once

#include <cstdint>

namespace assay::isa::aarch64 {

// True if `value` is one at 64 bits; `bits` are then the fields N:immr:imms (1, 6, 6 bits). These two are what the
// instructions' `imm: bitmask64` and `imm: bitmask32` call.
bool bitmask64(int64_t value, uint32_t& bits);
// At 32 bits; the value's upper half must be zero.
bool bitmask32(int64_t value, uint32_t& bits);

}  // namespace assay::isa::aarch64
