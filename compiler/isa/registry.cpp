// See registry.h. CMake says which backends there are (ASSAY_HAS_…).
#include "compiler/isa/registry.h"

#include <vector>

// Each backend's own header is not needed, only that it has this function.
#define ASSAY_DECLARE_BACKEND(folder)     \
  namespace assay::isa::folder {          \
  const machine::TargetIsa& target_isa(); \
  }
#ifdef ASSAY_HAS_X64
ASSAY_DECLARE_BACKEND(x64)
#endif
#ifdef ASSAY_HAS_AARCH64
ASSAY_DECLARE_BACKEND(aarch64)
#endif
#ifdef ASSAY_HAS_RISCV64
ASSAY_DECLARE_BACKEND(riscv64)
#endif
#ifdef ASSAY_HAS_S390X
ASSAY_DECLARE_BACKEND(s390x)
#endif

namespace assay::isa {

std::span<const machine::TargetIsa* const> all_isas() {
  static const std::vector<const machine::TargetIsa*> isas = {
#ifdef ASSAY_HAS_X64
      &x64::target_isa(),
#endif
#ifdef ASSAY_HAS_AARCH64
      &aarch64::target_isa(),
#endif
#ifdef ASSAY_HAS_RISCV64
      &riscv64::target_isa(),
#endif
#ifdef ASSAY_HAS_S390X
      &s390x::target_isa(),
#endif
  };
  return isas;
}

const machine::TargetIsa* find_isa(IsaKind kind) {
  for (const machine::TargetIsa* isa : all_isas()) {
    if (isa->kind == kind) return isa;
  }
  return nullptr;
}

const machine::TargetIsa* isa_by_name(std::string_view name) {
  const std::optional<IsaKind> kind = isa_from_name(name);
  return kind ? find_isa(*kind) : nullptr;
}

}  // namespace assay::isa
