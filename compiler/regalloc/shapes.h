// Functions of one shape and any size, for benchmarks and tests of scalability, on the test machine of random_vcode.h.
#pragma once

#include <cstdint>

#include "compiler/regalloc/random_vcode.h"

namespace assay::regalloc {

enum class Shape : uint8_t {
  Small,     // about 30 instructions whatever the size: arguments, a loop, tied operands, a call, a return
  Straight,  // one block of `size` two-operand instructions over a window of recent values, a call now and then
  Diamonds,  // `size` diamonds in a row with parameters at the joins, and values live through all of them
  Loops,     // `size` loops in a row, nested three deep, with loop-carried values
  Pressure,  // `size` values defined first, used afterwards in another order
  Chain,     // `size` blocks in a row, as many values live through all of them
  Switch,    // one branch to `size` blocks that meet again
  Calls,     // `size` calls, with values live across all of them
};
inline constexpr Shape kShapes[] = {Shape::Small,    Shape::Straight, Shape::Diamonds, Shape::Loops,
                                    Shape::Pressure, Shape::Chain,    Shape::Switch,   Shape::Calls};
const char* name_of(Shape shape);

RandomCase make_shape(Shape shape, uint32_t size);

}  // namespace assay::regalloc
