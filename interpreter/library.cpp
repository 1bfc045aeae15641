// See library.h.
#include "interpreter/library.h"

namespace assay::interpreter {

namespace {

using ir::Opcode;

constexpr LibraryFunctionInfo kFunctions[kLibraryFunctionCount] = {
    {"%CeilF32", 1, 1, 32, Opcode::kCeil},
    {"%CeilF64", 1, 1, 64, Opcode::kCeil},
    {"%FloorF32", 1, 1, 32, Opcode::kFloor},
    {"%FloorF64", 1, 1, 64, Opcode::kFloor},
    {"%TruncF32", 1, 1, 32, Opcode::kTrunc},
    {"%TruncF64", 1, 1, 64, Opcode::kTrunc},
    {"%NearestF32", 1, 1, 32, Opcode::kNearest},
    {"%NearestF64", 1, 1, 64, Opcode::kNearest},
    {"%FmaF32", 3, 1, 32, Opcode::kFma},
    {"%FmaF64", 3, 1, 64, Opcode::kFma},
    {"%Memcpy", 3, 1},  // to, from, size -> to
    {"%Memmove", 3, 1},
    {"%Memset", 3, 1},  // to, byte, size -> to
    {"%Memcmp", 3, 1},  // left, right, size -> less than, equal to or greater than 0
    {"%__cranelift_throw", 6, 0},
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
