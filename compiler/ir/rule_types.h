// CLIF's immediates as rules see them: the C++ types behind the primitive types of clif.isle and nodes.isle.
#pragma once

#include <cstdint>

namespace assay::ir::rules {

// An iconst's immediate as written: only the bits of its type count.
struct Imm64 {
  int64_t value = 0;
  bool operator==(const Imm64&) const = default;
};
struct Offset32 {
  int32_t value = 0;
  bool operator==(const Offset32&) const = default;
};
struct Ieee16 {
  uint16_t bits = 0;
  bool operator==(const Ieee16&) const = default;
};
struct Ieee32 {
  uint32_t bits = 0;
  bool operator==(const Ieee32&) const = default;
};
struct Ieee64 {
  uint64_t bits = 0;
  bool operator==(const Ieee64&) const = default;
};

// In the order of ir::IntCC.
enum class IntCC : uint8_t {
  Equal,
  NotEqual,
  SignedLessThan,
  SignedGreaterThanOrEqual,
  SignedGreaterThan,
  SignedLessThanOrEqual,
  UnsignedLessThan,
  UnsignedGreaterThanOrEqual,
  UnsignedGreaterThan,
  UnsignedLessThanOrEqual,
};

// In the order of ir::FloatCC.
enum class FloatCC : uint8_t {
  Ordered,
  Unordered,
  Equal,
  NotEqual,
  OrderedNotEqual,
  UnorderedOrEqual,
  LessThan,
  LessThanOrEqual,
  GreaterThan,
  GreaterThanOrEqual,
  UnorderedOrLessThan,
  UnorderedOrLessThanOrEqual,
  UnorderedOrGreaterThan,
  UnorderedOrGreaterThanOrEqual,
};

// In the order of ir::AtomicRmwOp.
enum class AtomicRmwOp : uint8_t { Add, Sub, And, Nand, Or, Xor, Xchg, Umin, Umax, Smin, Smax };

}  // namespace assay::ir::rules
