// AArch64 as the shared code sees it: its tables and functions, and the few externs of its rules.
#include "compiler/isa/aarch64/abi.h"
#include "compiler/isa/aarch64/context.h"
#include "compiler/machine/backend.h"
#include "isle/aarch64/aarch64_isle.h"

namespace assay::isa::aarch64 {

namespace {

machine::TargetIsa make() {
  machine::TargetIsa isa;
  isa.kind = IsaKind::aarch64;
  isa.name = name(isa.kind);
  isa.insts = &inst_set();
  isa.opcodes = {.args = kArgs,
                 .ret = kRet,
                 .call = kCall,
                 .call_indirect = kCallIndirect,
                 .jump = kB,
                 .tail_call = kTailCall,
                 .tail_call_indirect = kTailCallIndirect};
  isa.expanded = {.half_conversions = true, .wide_cas = true};
  isa.expanded_with = [](machine::FeatureSet features, machine::Expanded& expanded) {
    expanded.half = (features & kHasFp16) != 0;
    if ((features & kHasLse) != 0) expanded.atomic_rmw = machine::rmw_kinds({ir::AtomicRmwOp::kNand});
  };
  isa.rules = aarch64_rules();
  machine::set_lowering<Context>(isa);
  set_abi(isa);
  return isa;
}

}  // namespace

const machine::TargetIsa& target_isa() {
  static const machine::TargetIsa isa = make();
  return isa;
}

std::optional<int64_t> Context::logical32(int64_t k) const {
  uint32_t bits = 0;
  return bitmask32(k, bits) ? std::optional(k) : std::nullopt;
}

std::optional<int64_t> Context::logical64(int64_t k) const {
  uint32_t bits = 0;
  return bitmask64(k, bits) ? std::optional(k) : std::nullopt;
}

Unit Context::jump_table(Reg index, MachLabelSlice targets) {
  return machine::emit_jump_table(*this, kJumpTable, index, targets);
}

}  // namespace assay::isa::aarch64
