// The routines that code may call without defining them: CLIF's library calls, and those that unwind.
//
// `%__cranelift_throw(entry_fp, fp, pc, tag, payload0, payload1)` unwinds from the frame whose frame pointer is `fp`,
// up to and without the one of `entry_fp`, to the first try_call that handles `tag`; filetests throw with it. 0 stands
// for the frame that calls it, and for no limit. Nothing is done with `pc`, and contexts do not count.
// `%__assay_throw(entry_fp, fp, pc, tag, payload0, payload1, context)` passes over what handles the tag under a context
// that is another number.
// `%__assay_resume(fp, address, payload0, payload1)` goes on in the frame of `fp`, which stands at a try_call, at its
// handler of that address (get_exception_handler_address).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "compiler/ir/operations.h"
#include "interpreter/scalar.h"

namespace assay::interpreter {

// Operations on floats, with CLIF's meaning: CLIF's own names, then those that code for f16 and f128 calls
// (compiler/machine/expand.h): compiler-rt's, and libm's for f128.
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
  kAddTf,
  kSubTf,
  kMulTf,
  kDivTf,
  kSqrtTf,
  kFmaTf,
  kCeilTf,
  kFloorTf,
  kTruncTf,
  kNearestTf,
  kExtendHfSf,
  kExtendSfTf,
  kExtendDfTf,
  kTruncSfHf,
  kTruncDfHf,
  kTruncTfHf,
  kTruncTfSf,
  kTruncTfDf,
  kFloatDiTf,
  kFloatUnDiTf,
  kFloatTiTf,
  kFloatUnTiTf,
  kMemcpy,
  kMemmove,
  kMemset,
  kMemcmp,
  kThrow,
  kThrowInContext,
  kResume
};
inline constexpr unsigned kLibraryFunctionCount = 39;

struct LibraryFunctionInfo {
  std::string_view name;  // with its `%`
  uint8_t arguments = 0;
  uint8_t results = 0;
  // If it is an operation on floats: which, on arguments of which type, with a result of which type.
  ir::Opcode opcode{};
  ir::Type from, to;

  bool is_operation() const { return from.is_valid(); }
  bool unwinds() const { return results == 0; }
  ScalarOperation operation() const {
    return {opcode, static_cast<uint8_t>(from.bits()), static_cast<uint8_t>(to.bits()), 0};
  }
};
const LibraryFunctionInfo& library_function(LibraryFunction function);
std::optional<LibraryFunction> find_library_function(std::string_view name);

}  // namespace assay::interpreter
