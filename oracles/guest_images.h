// The guest servers, built for each ISA by the cross compilers and carried inside the library.
#pragma once

#include <cstdint>
#include <span>

#include "compiler/machine/isa_kind.h"

namespace assay::oracles {

// The static ELF program for that ISA; empty if its cross compiler was missing when this was built.
std::span<const uint8_t> guest_image(IsaKind isa);

}  // namespace assay::oracles
