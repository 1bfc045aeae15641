// See data_value.h.
#include "compiler/ir/data_value.h"

#include <algorithm>
#include <bit>

#include "compiler/ir/immediates.h"
#include "compiler/ir/lexer.h"
#include "compiler/ir/value_reader.h"

namespace assay::ir {

namespace {

using Bits = unsigned __int128;

std::string decimal(__int128 value) {
  Bits magnitude = value < 0 ? -static_cast<Bits>(value) : static_cast<Bits>(value);
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<unsigned>(magnitude % 10));
    magnitude /= 10;
  } while (magnitude != 0);
  if (value < 0) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace

DataValue::DataValue(Type type, Bits bits) : type_(type) {
  const unsigned width = std::min(type.bits(), 128u);
  if (width < 128) bits &= (Bits{1} << width) - 1;
  std::memcpy(bytes_.data(), &bits, sizeof bits);
}

DataValue DataValue::from_bytes(Type type, const uint8_t* bytes) {
  DataValue value;
  value.type_ = type;
  std::copy_n(bytes, std::min<size_t>(type.bytes(), value.bytes_.size()), value.bytes_.begin());
  return value;
}

DataValue DataValue::f32(float value) { return DataValue(kF32, std::bit_cast<uint32_t>(value)); }
DataValue DataValue::f64(double value) { return DataValue(kF64, std::bit_cast<uint64_t>(value)); }

__int128 DataValue::as_signed() const {
  const unsigned unused = 128 - std::min(type_.bits(), 128u);
  if (unused == 128) return 0;
  return static_cast<__int128>(bits() << unused) >> unused;
}

float DataValue::as_f32() const { return std::bit_cast<float>(static_cast<uint32_t>(bits())); }
double DataValue::as_f64() const { return std::bit_cast<double>(static_cast<uint64_t>(bits())); }

DataValue DataValue::lane(unsigned n) const {
  const Type lane = type_.lane_type();
  if ((n + 1) * lane.bytes() > bytes_.size()) return DataValue(lane, 0);
  return from_bytes(lane, bytes_.data() + n * lane.bytes());
}

void DataValue::set_lane(unsigned n, const DataValue& value) {
  const unsigned size = type_.lane_type().bytes();
  if ((n + 1) * size > bytes_.size()) return;
  std::copy_n(value.bytes_.begin(), size, bytes_.begin() + n * size);
}

std::string to_string(const DataValue& value) {
  const Type type = value.type();
  if (type.is_int()) return decimal(value.as_signed());
  if (type.is_float()) return float_to_string(value.bits(), type.bits());
  std::string out = "[";
  for (unsigned n = 0; n < type.lanes(); ++n) {
    if (n != 0) out += ' ';
    out += to_string(value.lane(n));
  }
  return out + "]";
}

Expected<DataValue> parse_data_value(std::string_view text, Type type) {
  ValueReader reader(text, Place{});
  DataValue value;
  if (!reader.read_value(type, value) || !reader.expect_end()) return std::unexpected(reader.error());
  return value;
}

}  // namespace assay::ir
