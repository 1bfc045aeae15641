// LLVM's names for our machines. Internal to verify/: its users include LLVM's headers themselves.
#pragma once

#include "compiler/machine/isa_kind.h"

namespace assay::verify {

struct LlvmTarget {
  const char* triple;
  const char* cpu;
  const char* features;
};

// Makes LLVM's assembler and disassembler for the machine known to LLVM, once.
LlvmTarget llvm_target(IsaKind isa);

}  // namespace assay::verify
