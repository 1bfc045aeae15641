// See interpreted.h.
#include "compiler/isa/interpreted.h"

#include "compiler/isa/registry.h"
#ifdef ASSAY_HAS_X64
#include "compiler/isa/x64/context.h"
#include "isle/x64/x64_isle_interpret.h"
#endif
#ifdef ASSAY_HAS_AARCH64
#include "compiler/isa/aarch64/context.h"
#include "isle/aarch64/aarch64_isle_interpret.h"
#endif
#ifdef ASSAY_HAS_RISCV64
#include "compiler/isa/riscv64/context.h"
#include "isle/riscv64/riscv64_isle_interpret.h"
#endif
#ifdef ASSAY_HAS_S390X
#include "compiler/isa/s390x/context.h"
#include "isle/s390x/s390x_isle_interpret.h"
#endif

namespace assay::isa {

using machine::LowerContext;
using machine::TargetIsa;

std::unique_ptr<TargetIsa> interpreted_isa(IsaKind kind) {
  const TargetIsa* isa = find_isa(kind);
  if (isa == nullptr) return nullptr;
  auto result = std::make_unique<TargetIsa>(*isa);
  switch (kind) {
#define ASSAY_INTERPRETED(machine_name)                                                                       \
  case IsaKind::machine_name:                                                                                 \
    result->lower = [](LowerContext& context, ir::Inst inst) {                                                \
      return machine_name::interpret_lower(static_cast<machine_name::Context&>(context), inst);               \
    };                                                                                                        \
    result->lower_branch = [](LowerContext& context, ir::Inst inst, machine::MachLabelSlice labels) {         \
      return machine_name::interpret_lower_branch(static_cast<machine_name::Context&>(context), inst, labels) \
          .has_value();                                                                                       \
    };                                                                                                        \
    return result;
#ifdef ASSAY_HAS_X64
    ASSAY_INTERPRETED(x64)
#endif
#ifdef ASSAY_HAS_AARCH64
    ASSAY_INTERPRETED(aarch64)
#endif
#ifdef ASSAY_HAS_RISCV64
    ASSAY_INTERPRETED(riscv64)
#endif
#ifdef ASSAY_HAS_S390X
    ASSAY_INTERPRETED(s390x)
#endif
#undef ASSAY_INTERPRETED
    default:
      return nullptr;
  }
}

void set_interpreted_rules(IsaKind kind, const isle::Program* rules) {
  switch (kind) {
#ifdef ASSAY_HAS_X64
    case IsaKind::x64:
      return x64::interpret_edited_rules(rules);
#endif
#ifdef ASSAY_HAS_AARCH64
    case IsaKind::aarch64:
      return aarch64::interpret_edited_rules(rules);
#endif
#ifdef ASSAY_HAS_RISCV64
    case IsaKind::riscv64:
      return riscv64::interpret_edited_rules(rules);
#endif
#ifdef ASSAY_HAS_S390X
    case IsaKind::s390x:
      return s390x::interpret_edited_rules(rules);
#endif
    default:
      return;
  }
}

}  // namespace assay::isa
