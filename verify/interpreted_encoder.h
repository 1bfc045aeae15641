// The bytes of an instruction from its `bits` or `form` lines (docs/notation.md). See interpreted_insts.h.
#pragma once

#include <span>

#include "compiler/isle/notation/definition.h"
#include "compiler/machine/inst_desc.h"
#include "compiler/machine/isa_kind.h"

namespace assay::verify {

// As InstSet::encode. The definitions must be free of errors; immediates of a named kind need the backend in this
// build.
machine::EncodeError encode_as_defined(IsaKind isa, const notation::Definitions& definitions,
                                       const notation::InstDef& inst, std::span<const machine::Operand> operands,
                                       const machine::EncodeContext& context, machine::EncodedInst& out);

}  // namespace assay::verify
