// A value of a CLIF type as bits: what constants, arguments of run directives and results are compared as.
//
// Comparison is bitwise: -0.0 differs from 0.0 and NaNs compare by payload. Bytes are little-endian: byte 0 is the
// least significant byte of lane 0, on every host and for every target. Bytes past the type's size are 0.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "compiler/ir/types.h"
#include "compiler/support/diagnostic.h"

namespace assay::ir {

class DataValue {
 public:
  DataValue() = default;
  // A scalar integer or float (as its bits), or a vector's whole bits; bits past the type's size are dropped.
  DataValue(Type type, unsigned __int128 bits);
  static DataValue from_bytes(Type type, const uint8_t* bytes);  // type.bytes() bytes
  static DataValue f32(float value);
  static DataValue f64(double value);

  Type type() const { return type_; }
  unsigned __int128 bits() const {
    unsigned __int128 word;
    std::memcpy(&word, bytes_.data(), sizeof word);
    return word;
  }
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  __int128 as_signed() const;  // of a scalar, sign-extended
  uint64_t as_u64() const { return static_cast<uint64_t>(bits()); }
  float as_f32() const;
  double as_f64() const;

  // Lane `n` as a scalar DataValue; of a scalar, lane 0 is the value itself.
  DataValue lane(unsigned n) const;
  void set_lane(unsigned n, const DataValue& value);

  bool operator==(const DataValue&) const = default;

 private:
  Type type_;
  std::array<uint8_t, 16> bytes_{};
};

// As run directives spell values: signed decimals, hex floats, `[1 2 3 4]`. parse_data_value reads it back bit for bit.
std::string to_string(const DataValue& value);
// Integers in decimal or hex (signed or unsigned range), hex floats / Inf / NaN:0x…, vectors as `[lane lane …]` or one
// hex literal. The types that fit in 16 bytes only. The place of an error has only a column.
Expected<DataValue> parse_data_value(std::string_view text, Type type);

}  // namespace assay::ir
