// LLVM's assembler as a judge: the bytes of a piece of assembly text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"

namespace assay::verify {

// Lines of assembly (AT&T on x64), all extensions of LLVM's generic CPU enabled that we may emit. Undefined symbols are
// left to relocation (zero bits). Fails with the assembler's message.
Expected<std::vector<uint8_t>> assemble(IsaKind isa, std::string_view text);

}  // namespace assay::verify
