// All machines that this build can compile for.
#pragma once

#include <span>
#include <string_view>

#include "compiler/machine/isa.h"

namespace assay::isa {

// In the order of IsaKind; a machine whose backend is not part of this build is missing.
std::span<const machine::TargetIsa* const> all_isas();

// Null if the backend is not part of this build.
const machine::TargetIsa* find_isa(IsaKind kind);
// By any spelling that isa_from_name accepts.
const machine::TargetIsa* isa_by_name(std::string_view name);

}  // namespace assay::isa
