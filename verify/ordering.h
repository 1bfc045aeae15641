// The order of memory accesses as other threads see it. No execution on one thread shows it and no `sem` says it, so it
// is a contract: what an atomic operation of CLIF becomes has to be ordered by the means that the ISA's manual gives
// for sequential consistency. Internal to verify/.
//
//   x64, s390x   loads and stores are ordered but for a load after a store: a store is followed by a fence
//   aarch64      loads that acquire, stores that release
//   riscv64      a fence of all accesses before and after each
//
// Instructions are known by their assembly, which disassemblers hold against the bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/isle/notation/definition.h"
#include "verify/expand.h"

namespace assay::verify {

// It orders all accesses before it and after it, and does nothing else.
bool is_fence(const notation::InstDef& def);
// Its accesses are sequentially consistent among each other, and it reads and writes in one step.
bool is_ordered_access(const notation::InstDef& def);

// What the order of these effects lacks for the operation; empty if nothing, or if the operation does not ask for any.
std::string missing_order(std::string_view operation, std::string_view isa, const std::vector<Effect>& effects);

}  // namespace assay::verify
