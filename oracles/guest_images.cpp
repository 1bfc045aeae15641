#include "oracles/guest_images.h"

// The build defines ASSAY_GUEST_<ISA> as the path of each server it could make.
#define ASSAY_EMBED(symbol, path)                                                                                   \
  asm(".pushsection .rodata\n"                                                                                      \
      ".globl " #symbol ", " #symbol                                                                                \
      "_end\n"                                                                                                      \
      ".hidden " #symbol ", " #symbol "_end\n" #symbol ":\n.incbin \"" path "\"\n" #symbol "_end:\n.popsection\n"); \
  extern "C" const uint8_t symbol[], symbol##_end[];

#ifdef ASSAY_GUEST_X64
ASSAY_EMBED(assay_guest_x64, ASSAY_GUEST_X64)
#endif
#ifdef ASSAY_GUEST_AARCH64
ASSAY_EMBED(assay_guest_aarch64, ASSAY_GUEST_AARCH64)
#endif
#ifdef ASSAY_GUEST_RISCV64
ASSAY_EMBED(assay_guest_riscv64, ASSAY_GUEST_RISCV64)
#endif
#ifdef ASSAY_GUEST_S390X
ASSAY_EMBED(assay_guest_s390x, ASSAY_GUEST_S390X)
#endif

namespace assay::oracles {

std::span<const uint8_t> guest_image(IsaKind isa) {
  switch (isa) {
#ifdef ASSAY_GUEST_X64
    case IsaKind::x64:
      return {assay_guest_x64, assay_guest_x64_end};
#endif
#ifdef ASSAY_GUEST_AARCH64
    case IsaKind::aarch64:
      return {assay_guest_aarch64, assay_guest_aarch64_end};
#endif
#ifdef ASSAY_GUEST_RISCV64
    case IsaKind::riscv64:
      return {assay_guest_riscv64, assay_guest_riscv64_end};
#endif
#ifdef ASSAY_GUEST_S390X
    case IsaKind::s390x:
      return {assay_guest_s390x, assay_guest_s390x_end};
#endif
    default:
      return {};
  }
}

}  // namespace assay::oracles
