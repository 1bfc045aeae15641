// VCode as text, over virtual or physical registers: for dumps and golden tests.
#pragma once

#include <string>

#include "compiler/machine/inst_desc.h"
#include "compiler/machine/vcode.h"

namespace assay::machine {

// One line an instruction. Operands that an instruction appends to its definition's (arguments of calls, results of
// returns) stand behind it as `v7=r10`; frame places as `slots+8`.
std::string print_vcode(const VCode& vcode, const InstSet& insts);

}  // namespace assay::machine
