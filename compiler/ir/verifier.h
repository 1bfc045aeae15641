// Is this function well formed? Reports every error it finds, each with a place.
//
// Checks: operand kinds and types against the operations table, one definition for every value, uses dominated by
// definitions, arguments of branches, calls and returns, exception tables, ranges of immediates (lanes, shuffle masks,
// sizes of constants), references to declared entities, memory flags, aliases, and the layout (a block ends with its
// only terminator, nothing branches to the entry block, the entry block's parameters are the signature's).
// Cost: near-linear in instructions + block arguments.
#pragma once

#include "compiler/ir/function.h"
#include "compiler/ir/parser.h"
#include "compiler/support/diagnostic.h"

namespace assay::ir {

// May a call of this convention unwind? Only of such does a try_call call.
bool supports_exceptions(CallConv convention);

// All errors, in layout order; empty if there are none. Places have the function's name and the instruction's text.
Diagnostics verify(const Function& function);
// The same, with lines, for a function that was read from a file.
Diagnostics verify(const ParsedFunction& function, const std::string& filename);

}  // namespace assay::ir
