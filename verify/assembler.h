// LLVM's assembler as a judge: the bytes of a piece of assembly text, and its relocations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"
#include "verify/llvm_target.h"

namespace assay::verify {

// Lines of assembly (AT&T on x64), all extensions of LLVM's generic CPU enabled that we may emit. Undefined symbols are
// left to relocation (zero bits). Fails with the assembler's message. Forms::Short: the shortest encodings that the
// machine has.
Expected<std::vector<uint8_t>> assemble(IsaKind isa, std::string_view text, Forms forms = Forms::Long);

// What is left to the linker, in the order of the places.
struct AssembledRelocation {
  uint64_t offset = 0;
  std::string type;  // ELF's name: "R_X86_64_PLT32"
  int64_t addend = 0;
};
Expected<std::vector<AssembledRelocation>> relocations_of(IsaKind isa, std::string_view text);

}  // namespace assay::verify
