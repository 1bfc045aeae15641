// CLIF value types: a Type is one 16-bit word with Cranelift's numbering.
//
// Numbering: 0 is "no type"; 0x74..0x78 are i8..i128; 0x79..0x7c are f16..f128; a fixed vector adds 0x10 for each
// doubling of the lanes (up to 256); a dynamic vector is the fixed vector it is a multiple of, plus 0x80.
// Every query is a few instructions on that word. Derived types that do not exist are kInvalid.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace assay::ir {

class Type {
 public:
  constexpr Type() = default;
  constexpr explicit Type(uint16_t number) : number_(number) {}

  constexpr uint16_t number() const { return number_; }
  constexpr bool is_valid() const { return number_ != 0; }
  constexpr auto operator<=>(const Type&) const = default;

  // The integer type of 8, 16, 32, 64 or 128 bits; kInvalid for other widths.
  static constexpr Type integer(unsigned bits) {
    return bits >= 8 && bits <= 128 && std::has_single_bit(bits) ? Type(0x74 + std::countr_zero(bits) - 3) : Type();
  }
  // The float type of 16, 32, 64 or 128 bits; kInvalid for other widths.
  static constexpr Type floating(unsigned bits) {
    return bits >= 16 && bits <= 128 && std::has_single_bit(bits) ? Type(0x79 + std::countr_zero(bits) - 4) : Type();
  }

  constexpr bool is_lane() const { return number_ >= 0x70 && number_ < 0x80; }
  constexpr bool is_vector() const { return number_ >= 0x80 && number_ < 0x100; }  // fixed lanes only
  constexpr bool is_dynamic_vector() const { return number_ >= 0x100 && number_ < 0x180; }
  // A scalar integer or a scalar float.
  constexpr bool is_int() const { return number_ >= 0x74 && number_ <= 0x78; }
  constexpr bool is_float() const { return number_ >= 0x79 && number_ <= 0x7c; }

  // The type of one lane; a scalar is its own lane type.
  constexpr Type lane_type() const { return number_ < 0x80 ? *this : Type(0x70 | (number_ & 0xf)); }
  // The number of lanes: 1 for scalars; for a dynamic vector the least number it can have.
  constexpr unsigned lanes() const {
    if (number_ < 0x80) return number_ == 0 ? 0 : 1;
    const unsigned fixed = is_dynamic_vector() ? number_ - 0x80u : number_;
    return 1u << ((fixed - 0x70) >> 4);
  }
  constexpr unsigned log2_lanes() const { return lanes() == 0 ? 0 : std::countr_zero(lanes()); }
  constexpr unsigned lane_bits() const {
    const unsigned lane = lane_type().number_;
    if (lane >= 0x74 && lane <= 0x78) return 8u << (lane - 0x74);
    if (lane >= 0x79 && lane <= 0x7c) return 16u << (lane - 0x79);
    return 0;
  }
  // Total size; for a dynamic vector the least size it can have.
  constexpr unsigned bits() const { return lane_bits() * lanes(); }
  constexpr unsigned bytes() const { return bits() / 8; }

  // The same shape with other lanes: lanes half or twice as wide, as integers, …
  constexpr Type half_width() const { return with_lane(lane_of_bits(lane_bits() / 2)); }
  constexpr Type double_width() const { return with_lane(lane_of_bits(lane_bits() * 2)); }
  constexpr Type as_int() const { return with_lane(integer(lane_bits())); }
  // What a comparison of this type returns: i8 for scalars, integer lanes of the same width for vectors.
  constexpr Type as_truthy() const { return is_lane() ? Type(0x74) : as_int(); }
  // Half as many lanes twice as wide, and the other way round.
  constexpr Type merge_lanes() const { return double_width().half_lanes(); }
  constexpr Type split_lanes() const { return half_width().double_lanes(); }
  constexpr Type half_lanes() const {
    return lanes() < 2 || (is_dynamic_vector() && lanes() < 4) ? Type() : Type(number_ - 0x10);
  }
  constexpr Type double_lanes() const { return !is_valid() || lanes() >= 256 ? Type() : Type(number_ + 0x10); }
  // A fixed vector of `count` (a power of two, 1..256) of this lane type.
  constexpr Type by(unsigned count) const {
    if (!is_lane() || !std::has_single_bit(count) || count > 256) return Type();
    return Type(number_ + (std::countr_zero(count) << 4));
  }
  // Fixed vector <-> the dynamic vector that is a multiple of it.
  constexpr Type to_dynamic() const { return is_vector() ? Type(number_ + 0x80) : Type(); }
  constexpr Type dynamic_to_vector() const { return is_dynamic_vector() ? Type(number_ - 0x80) : Type(); }

  // `i32`, `f64x2`, `i8x16xN` (dynamic), `invalid`.
  std::string to_string() const;
  // The inverse of to_string for scalars and fixed vectors; dynamic vectors have no spelling in CLIF text.
  static std::optional<Type> parse(std::string_view text);

 private:
  constexpr Type lane_of_bits(unsigned width) const {
    return lane_type().is_float() ? floating(width) : integer(width);
  }
  constexpr Type with_lane(Type lane) const {
    return lane.is_valid() && is_valid() ? Type((number_ & ~0xf) | (lane.number_ & 0xf)) : Type();
  }

  uint16_t number_ = 0;
};

inline constexpr Type kInvalid{};
inline constexpr Type kI8{0x74}, kI16{0x75}, kI32{0x76}, kI64{0x77}, kI128{0x78};
inline constexpr Type kF16{0x79}, kF32{0x7a}, kF64{0x7b}, kF128{0x7c};
inline constexpr Type kI8x8 = kI8.by(8), kI16x4 = kI16.by(4), kI32x2 = kI32.by(2), kF32x2 = kF32.by(2);
inline constexpr Type kI8x16 = kI8.by(16), kI16x8 = kI16.by(8), kI32x4 = kI32.by(4), kI64x2 = kI64.by(2);
inline constexpr Type kF16x8 = kF16.by(8), kF32x4 = kF32.by(4), kF64x2 = kF64.by(2);

// A set of types, as the operations table constrains its operands with: one bit per log2 of the lane width in
// `ints` and `floats` (bit 3 is 8 bits), per log2 of the lane count in `lanes` (bit 0 is scalars) and `dynamic_lanes`.
struct TypeSet {
  uint16_t ints = 0;
  uint16_t floats = 0;
  uint16_t lanes = 0;
  uint16_t dynamic_lanes = 0;

  constexpr bool contains(Type type) const {
    if (!type.is_valid()) return false;
    const uint16_t widths = type.lane_type().is_int() ? ints : floats;
    const uint16_t counts = type.is_dynamic_vector() ? dynamic_lanes : lanes;
    return (widths >> std::countr_zero(type.lane_bits()) & 1) != 0 && (counts >> type.log2_lanes() & 1) != 0;
  }
  // How many types there are in it.
  constexpr unsigned size() const {
    return (std::popcount(ints) + std::popcount(floats)) * (std::popcount(lanes) + std::popcount(dynamic_lanes));
  }
  constexpr bool operator==(const TypeSet&) const = default;
};

}  // namespace assay::ir

template <>
struct std::hash<assay::ir::Type> {
  size_t operator()(assay::ir::Type type) const noexcept { return type.number() * 0x9e3779b1u; }
};
