// See types.h.
#include "compiler/ir/types.h"

namespace assay::ir {

std::string Type::to_string() const {
  if (lane_bits() == 0) return "invalid";
  std::string out = lane_type().is_int() ? "i" : "f";
  out += std::to_string(lane_bits());
  if (lanes() > 1) out += "x" + std::to_string(lanes());
  if (is_dynamic_vector()) out += "xN";
  return out;
}

std::optional<Type> Type::parse(std::string_view text) {
  if (text.size() < 2 || (text[0] != 'i' && text[0] != 'f')) return std::nullopt;
  size_t i = 1;
  // Numbers of at most three digits without leading zeros.
  const auto number = [&]() -> unsigned {
    unsigned n = 0;
    const size_t start = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9' && i - start < 4) n = n * 10 + (text[i++] - '0');
    return i == start || text[start] == '0' ? 0 : n;
  };
  const unsigned bits = number();
  const Type lane = text[0] == 'i' ? integer(bits) : floating(bits);
  if (!lane.is_valid()) return std::nullopt;
  if (i == text.size()) return lane;
  if (text[i++] != 'x') return std::nullopt;
  const unsigned count = number();
  if (i != text.size() || count < 2) return std::nullopt;
  const Type vector = lane.by(count);
  return vector.is_valid() ? std::optional(vector) : std::nullopt;
}

}  // namespace assay::ir
