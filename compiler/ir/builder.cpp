// See builder.h.
#include "compiler/ir/builder.h"

#include <vector>

namespace assay::ir {

Inst InstBuilder::insert(const InstData& data) {
  const Inst i = function_.make_inst(data);
  function_.make_results(i);
  if (before_.is_none()) {
    assert(!block_.is_none());
    function_.append_inst(i, block_);
  } else {
    function_.insert_inst_before(i, before_);
  }
  if (location_ != kNoSourceLocation) function_.set_source_location(i, location_);
  return i;
}

InstData constant_data(Function& function, Type type, unsigned __int128 bits) {
  assert(type.is_float() || (type.is_int() && type.bits() <= 64));
  if (type == kF128) {
    std::vector<uint8_t> bytes;
    for (unsigned i = 0; i < 16; ++i) bytes.push_back(static_cast<uint8_t>(bits >> (8 * i)));
    return {.opcode = Opcode::kF128const, .entity = function.add_constant(bytes).index};
  }
  const uint64_t imm = static_cast<uint64_t>(bits) & (~uint64_t(0) >> (64 - type.bits()));
  if (type.is_int()) return {.opcode = Opcode::kIconst, .type = type, .imm = imm};
  return {.opcode = type == kF16   ? Opcode::kF16const
                    : type == kF32 ? Opcode::kF32const
                                   : Opcode::kF64const,
          .imm = imm};
}

Value InstBuilder::constant(Type type, unsigned __int128 bits) {
  if (type != kI128) return function_.result(insert(constant_data(function_, type, bits)));
  const auto low_bits = static_cast<uint64_t>(bits), high_bits = static_cast<uint64_t>(bits >> 64);
  const Value low = iconst(kI64, low_bits);
  if (high_bits == 0) return uextend(kI128, low);
  if (high_bits == 0 - (low_bits >> 63)) return sextend(kI128, low);
  return iconcat(low, iconst(kI64, high_bits));
}

Slice InstBuilder::make_calls(const BlockCall& first, std::span<const BlockCall> rest) {
  std::vector<BlockCall> calls{first};
  calls.insert(calls.end(), rest.begin(), rest.end());
  return function_.make_calls(calls);
}

Slice InstBuilder::make_values(Value first, std::span<const Value> rest) {
  std::vector<Value> values{first};
  values.insert(values.end(), rest.begin(), rest.end());
  return function_.make_values(values);
}

}  // namespace assay::ir
