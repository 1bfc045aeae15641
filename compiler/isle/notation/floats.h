// Floats in the expression language: bit vectors of 16, 32 or 64 bits read as IEEE 754 numbers.
//
// Every operation rounds to nearest, ties to even, and is total. Where its result is a NaN it is the canonical one:
// quiet, positive, the rest 0. What a machine or CLIF does about NaNs instead is written around it (docs/notation.md).
#pragma once

#include <cstdint>
#include <string_view>

#include "compiler/isle/notation/semantics.h"

namespace assay::notation {

// Which way FRound goes: its node's aux.
enum class Rounding : uint8_t { NearestEven, Up, Down, Zero };

// The types of a float function's operands and result.
enum class FloatForm : uint8_t {
  Arithmetic,  // as wide as the result, all of them
  Comparison,  // as wide as each other; a boolean
  Conversion,  // f(width, x)
};

struct FloatFunction {
  std::string_view name;
  Op op = Op::FAdd;
  FloatForm form = FloatForm::Arithmetic;
  uint8_t operands = 2;
  Rounding rounding = Rounding::NearestEven;
};
// Null if the language has no float function of that name.
const FloatFunction* find_float_function(std::string_view name);

constexpr bool is_float_width(unsigned width) { return width == 16 || width == 32 || width == 64; }
constexpr uint64_t canonical_nan(unsigned width) {
  return width == 16 ? 0x7e00u : width == 32 ? 0x7fc0'0000u : 0x7ff8'0000'0000'0000u;
}

// Applies FAdd … FToUInt. `width` is the result's, `operand_width` that of a; integers have at most 64 bits.
uint64_t apply_float(Op op, unsigned width, unsigned operand_width, uint32_t aux, uint64_t a, uint64_t b, uint64_t c);

}  // namespace assay::notation
