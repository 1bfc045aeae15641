// See llvm_target.h.
#include "verify/llvm_target.h"

#include <llvm-c/Target.h>

#include <mutex>

namespace assay::verify {

namespace {

void initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmParser();
    LLVMInitializeX86Disassembler();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmParser();
    LLVMInitializeAArch64Disassembler();
    LLVMInitializeRISCVTargetInfo();
    LLVMInitializeRISCVTargetMC();
    LLVMInitializeRISCVAsmParser();
    LLVMInitializeRISCVDisassembler();
    LLVMInitializeSystemZTargetInfo();
    LLVMInitializeSystemZTargetMC();
    LLVMInitializeSystemZAsmParser();
    LLVMInitializeSystemZDisassembler();
  });
}

}  // namespace

LlvmTarget llvm_target(IsaKind isa, Forms forms) {
  initialize();
  switch (isa) {
    case IsaKind::x64:
      return {"x86_64-unknown-linux-gnu", "x86-64", ""};
    case IsaKind::aarch64:
      return {"aarch64-unknown-linux-gnu", "generic", "+lse,+fullfp16,+pauth,+bti"};
    case IsaKind::riscv64:
      return {"riscv64-unknown-linux-gnu", "generic-rv64",
              forms == Forms::Long ? "+m,+a,+f,+d,+zba,+zbb,+zbs,+zbkb,+zicond,+zfa,+zfh,-relax"
                                   : "+m,+a,+f,+d,+zba,+zbb,+zbs,+zbkb,+zicond,+zfa,+zfh,-relax,+c,+zcb"};
    case IsaKind::s390x:
      return {"s390x-unknown-linux-gnu", "z15", ""};
  }
  return {"", "", ""};
}

}  // namespace assay::verify
