// The external types of testdata/example.isle.
#pragma once

#include <cstdint>

namespace assay::isle::example {

struct Unit {};

struct Node {
  uint32_t index = 0;
  bool operator==(const Node&) const = default;
};

enum class Width : uint8_t { W8, W16, W32 };

inline constexpr uint8_t ZERO = 0;
inline constexpr uint8_t LIMIT = 7;

// An external enum with fields, as islec expects one: kind(), and as_V() for each variant.
class Op {
 public:
  enum class Kind : uint8_t { Const, Add, Sub, Neg, Nop };
  struct ConstFields {
    uint8_t value;
  };
  struct BinaryFields {
    Node a, b;
  };
  struct UnaryFields {
    Node a;
  };

  Op(Kind kind, Node a, Node b, uint8_t value) : kind_(kind), a_(a), b_(b), value_(value) {}

  Kind kind() const { return kind_; }
  ConstFields as_Const() const { return {value_}; }
  BinaryFields as_Add() const { return {a_, b_}; }
  BinaryFields as_Sub() const { return {a_, b_}; }
  UnaryFields as_Neg() const { return {a_}; }

 private:
  Kind kind_;
  Node a_, b_;
  uint8_t value_;
};

}  // namespace assay::isle::example
