// The routines that code may call without defining them: CLIF's library calls, and the one that throws.
//
// `%__cranelift_throw(entry_fp, fp, pc, tag, payload0, payload1)` unwinds from the frame whose frame pointer is `fp`,
// up to and without the one of `entry_fp`, to the first try_call that handles `tag`; filetests throw with it. Nothing
// is done with `pc`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "compiler/ir/operations.h"

namespace assay::interpreter {

enum class LibraryFunction : uint8_t {
  kCeilF32,
  kCeilF64,
  kFloorF32,
  kFloorF64,
  kTruncF32,
  kTruncF64,
  kNearestF32,
  kNearestF64,
  kFmaF32,
  kFmaF64,
  kMemcpy,
  kMemmove,
  kMemset,
  kMemcmp,
  kThrow
};
inline constexpr unsigned kLibraryFunctionCount = 15;

struct LibraryFunctionInfo {
  std::string_view name;  // with its `%`
  uint8_t arguments = 0;  // in slots
  uint8_t results = 0;
  uint8_t bits = 0;     // if it is an operation on floats: of which width …
  ir::Opcode opcode{};  // … and which
};
const LibraryFunctionInfo& library_function(LibraryFunction function);
std::optional<LibraryFunction> find_library_function(std::string_view name);

}  // namespace assay::interpreter
