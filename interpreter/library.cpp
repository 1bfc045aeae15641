// See library.h.
#include "interpreter/library.h"

namespace assay::interpreter {

namespace {

using ir::Opcode;

constexpr LibraryFunctionInfo kFunctions[kLibraryFunctionCount] = {
    {"%CeilF32", 1, 1, Opcode::kCeil, ir::kF32, ir::kF32},
    {"%CeilF64", 1, 1, Opcode::kCeil, ir::kF64, ir::kF64},
    {"%FloorF32", 1, 1, Opcode::kFloor, ir::kF32, ir::kF32},
    {"%FloorF64", 1, 1, Opcode::kFloor, ir::kF64, ir::kF64},
    {"%TruncF32", 1, 1, Opcode::kTrunc, ir::kF32, ir::kF32},
    {"%TruncF64", 1, 1, Opcode::kTrunc, ir::kF64, ir::kF64},
    {"%NearestF32", 1, 1, Opcode::kNearest, ir::kF32, ir::kF32},
    {"%NearestF64", 1, 1, Opcode::kNearest, ir::kF64, ir::kF64},
    {"%FmaF32", 3, 1, Opcode::kFma, ir::kF32, ir::kF32},
    {"%FmaF64", 3, 1, Opcode::kFma, ir::kF64, ir::kF64},
    {"%__addtf3", 2, 1, Opcode::kFadd, ir::kF128, ir::kF128},
    {"%__subtf3", 2, 1, Opcode::kFsub, ir::kF128, ir::kF128},
    {"%__multf3", 2, 1, Opcode::kFmul, ir::kF128, ir::kF128},
    {"%__divtf3", 2, 1, Opcode::kFdiv, ir::kF128, ir::kF128},
    {"%sqrtf128", 1, 1, Opcode::kSqrt, ir::kF128, ir::kF128},
    {"%fmaf128", 3, 1, Opcode::kFma, ir::kF128, ir::kF128},
    {"%ceilf128", 1, 1, Opcode::kCeil, ir::kF128, ir::kF128},
    {"%floorf128", 1, 1, Opcode::kFloor, ir::kF128, ir::kF128},
    {"%truncf128", 1, 1, Opcode::kTrunc, ir::kF128, ir::kF128},
    {"%roundevenf128", 1, 1, Opcode::kNearest, ir::kF128, ir::kF128},
    {"%__extendhfsf2", 1, 1, Opcode::kFpromote, ir::kF16, ir::kF32},
    {"%__extendsftf2", 1, 1, Opcode::kFpromote, ir::kF32, ir::kF128},
    {"%__extenddftf2", 1, 1, Opcode::kFpromote, ir::kF64, ir::kF128},
    {"%__truncsfhf2", 1, 1, Opcode::kFdemote, ir::kF32, ir::kF16},
    {"%__truncdfhf2", 1, 1, Opcode::kFdemote, ir::kF64, ir::kF16},
    {"%__trunctfhf2", 1, 1, Opcode::kFdemote, ir::kF128, ir::kF16},
    {"%__trunctfsf2", 1, 1, Opcode::kFdemote, ir::kF128, ir::kF32},
    {"%__trunctfdf2", 1, 1, Opcode::kFdemote, ir::kF128, ir::kF64},
    {"%__floatditf", 1, 1, Opcode::kFcvtFromSint, ir::kI64, ir::kF128},
    {"%__floatunditf", 1, 1, Opcode::kFcvtFromUint, ir::kI64, ir::kF128},
    {"%__floattitf", 1, 1, Opcode::kFcvtFromSint, ir::kI128, ir::kF128},
    {"%__floatuntitf", 1, 1, Opcode::kFcvtFromUint, ir::kI128, ir::kF128},
    {"%Memcpy", 3, 1},  // to, from, size -> to
    {"%Memmove", 3, 1},
    {"%Memset", 3, 1},  // to, byte, size -> to
    {"%Memcmp", 3, 1},  // left, right, size -> less than, equal to or greater than 0
    {"%__cranelift_throw", 6, 0},
    {"%__assay_throw", 7, 0},
    {"%__assay_resume", 4, 0},
};

}  // namespace

const LibraryFunctionInfo& library_function(LibraryFunction function) {
  return kFunctions[static_cast<size_t>(function)];
}

std::optional<LibraryFunction> find_library_function(std::string_view name) {
  for (unsigned i = 0; i < kLibraryFunctionCount; ++i) {
    if (kFunctions[i].name == name) return static_cast<LibraryFunction>(i);
  }
  return std::nullopt;
}

}  // namespace assay::interpreter
