// LLVM's names for our machines. Internal to verify/: its users include LLVM's headers themselves.
#pragma once

#include <cstdint>

#include "compiler/machine/isa_kind.h"

namespace assay::verify {

// Which encodings of instructions that have shorter ones.
enum class Forms : uint8_t { Long, Short };

struct LlvmTarget {
  const char* triple;
  const char* cpu;
  const char* features;
};

// Makes LLVM's assembler and disassembler for the machine known to LLVM, once. One with Forms::Short reads both.
LlvmTarget llvm_target(IsaKind isa, Forms forms);

}  // namespace assay::verify
