// Float immediates as text (see immediates.h): exact, for every width, without the host's floating point.
#include <bit>

#include "compiler/ir/immediates.h"

namespace assay::ir {

namespace {

using Bits = unsigned __int128;

struct FloatFormat {
  unsigned exponent_bits;
  unsigned fraction_bits;

  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  Bits max_exponent() const { return (Bits{1} << exponent_bits) - 1; }
  Bits quiet_bit() const { return Bits{1} << (fraction_bits - 1); }
};

FloatFormat format_of(unsigned width) {
  switch (width) {
    case 16:
      return {5, 10};
    case 32:
      return {8, 23};
    case 64:
      return {11, 52};
    default:
      return {15, 112};
  }
}

std::string hex(Bits value, unsigned digits) {
  std::string out;
  for (unsigned i = digits; i-- > 0;) out += "0123456789abcdef"[static_cast<unsigned>(value >> (4 * i)) & 0xf];
  return out;
}

std::string hex(Bits value) {
  unsigned digits = 1;
  while (digits < 32 && value >> (4 * digits) != 0) ++digits;
  return hex(value, digits);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

unsigned bit_width(Bits value) {
  const uint64_t high = static_cast<uint64_t>(value >> 64);
  return high != 0 ? 64 + std::bit_width(high) : std::bit_width(static_cast<uint64_t>(value));
}

unsigned trailing_zeros(Bits value) {
  const uint64_t low = static_cast<uint64_t>(value);
  return low != 0 ? std::countr_zero(low) : 64 + std::countr_zero(static_cast<uint64_t>(value >> 64));
}

// A payload: hex digits only, less than the quiet bit.
std::optional<Bits> parse_payload(std::string_view text, const FloatFormat& format) {
  if (text.empty() || text.size() > 31) return std::nullopt;
  Bits value = 0;
  for (char c : text) {
    const int digit = hex_digit(c);
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<unsigned>(digit);
  }
  return value < format.quiet_bit() ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string float_to_string(Bits bits, unsigned width) {
  const FloatFormat format = format_of(width);
  const Bits fraction = bits & ((Bits{1} << format.fraction_bits) - 1);
  const Bits exponent = bits >> format.fraction_bits & format.max_exponent();
  const bool negative = (bits >> (width - 1) & 1) != 0;
  const unsigned digits = (format.fraction_bits + 3) / 4;
  const Bits aligned = fraction << (4 * digits - format.fraction_bits);

  std::string out = negative ? "-" : "";
  if (exponent == 0) {
    if (fraction == 0) return out + "0.0";
    return out + "0x0." + hex(aligned, digits) + "p" + std::to_string(1 - format.bias());
  }
  if (exponent == format.max_exponent()) {
    if (!negative) out += '+';
    if (fraction == 0) return out + "Inf";
    const Bits payload = fraction & (format.quiet_bit() - 1);
    if ((fraction & format.quiet_bit()) == 0) return out + "sNaN:0x" + hex(payload);
    return payload == 0 ? out + "NaN" : out + "NaN:0x" + hex(payload);
  }
  return out + "0x1." + hex(aligned, digits) + "p" + std::to_string(static_cast<int>(exponent) - format.bias());
}

std::optional<Bits> parse_float(std::string_view text, unsigned width) {
  const FloatFormat format = format_of(width);
  Bits sign = 0;
  if (text.starts_with('-') || text.starts_with('+')) {
    if (text[0] == '-') sign = Bits{1} << (width - 1);
    text.remove_prefix(1);
  }
  const Bits infinity = format.max_exponent() << format.fraction_bits;
  if (text == "0.0") return sign;
  if (text == "Inf") return sign | infinity;
  if (text == "NaN") return sign | infinity | format.quiet_bit();
  if (text.starts_with("NaN:0x")) {
    const std::optional<Bits> payload = parse_payload(text.substr(6), format);
    if (!payload) return std::nullopt;
    return sign | infinity | format.quiet_bit() | *payload;
  }
  if (text.starts_with("sNaN:0x")) {
    const std::optional<Bits> payload = parse_payload(text.substr(7), format);
    if (!payload || *payload == 0) return std::nullopt;
    return sign | infinity | *payload;
  }
  if (!text.starts_with("0x")) return std::nullopt;

  // The value is significand * 2^exponent.
  Bits significand = 0;
  int64_t exponent = 0;
  bool any_digit = false, after_point = false;
  size_t i = 2;
  for (; i < text.size() && text[i] != 'p'; ++i) {
    if (text[i] == '.') {
      if (after_point) return std::nullopt;
      after_point = true;
      continue;
    }
    if (text[i] == '_') continue;
    const int digit = hex_digit(text[i]);
    if (digit < 0) return std::nullopt;
    any_digit = true;
    if (significand >> 124 != 0) {
      if (digit != 0) return std::nullopt;  // more digits than any format holds
      exponent += 4;
    } else {
      significand = significand << 4 | static_cast<unsigned>(digit);
    }
    if (after_point) exponent -= 4;
  }
  if (!any_digit) return std::nullopt;
  if (i < text.size()) {  // p and a decimal exponent
    ++i;
    bool negative = false;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) negative = text[i++] == '-';
    int64_t number = 0;
    if (i == text.size()) return std::nullopt;
    for (; i < text.size(); ++i) {
      if (text[i] < '0' || text[i] > '9' || number > 1000000) return std::nullopt;
      number = number * 10 + (text[i] - '0');
    }
    exponent += negative ? -number : number;
  }
  if (significand == 0) return sign;

  const unsigned zeros = trailing_zeros(significand);
  significand >>= zeros;
  exponent += zeros;
  const int top = static_cast<int>(bit_width(significand)) - 1;  // of the leading 1
  const int64_t unbiased = exponent + top;
  const int64_t least = 1 - format.bias();
  if (unbiased > format.bias()) return std::nullopt;
  // The weight of the last fraction bit: nothing may lie below it.
  const int64_t unit = (unbiased < least ? least : unbiased) - static_cast<int64_t>(format.fraction_bits);
  if (exponent < unit) return std::nullopt;
  const Bits scaled = significand << (exponent - unit);
  if (unbiased < least) return sign | scaled;
  const Bits fraction = scaled & ((Bits{1} << format.fraction_bits) - 1);
  return sign | static_cast<Bits>(unbiased + format.bias()) << format.fraction_bits | fraction;
}

}  // namespace assay::ir
