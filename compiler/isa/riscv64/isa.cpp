// RISC-V 64 as the shared code sees it: its tables and functions, and the few externs of its rules.
#include "compiler/isa/riscv64/abi.h"
#include "compiler/isa/riscv64/context.h"
#include "compiler/machine/backend.h"
#include "isle/riscv64/riscv64_isle.h"

namespace assay::isa::riscv64 {

namespace {

machine::TargetIsa make() {
  machine::TargetIsa isa;
  isa.kind = IsaKind::riscv64;
  isa.name = name(isa.kind);
  isa.insts = &inst_set();
  isa.opcodes = {.args = kArgs,
                 .ret = kRet,
                 .call = kCall,
                 .call_indirect = kCallIndirect,
                 .jump = kJ,
                 .tail_call = kTailCall,
                 .tail_call_indirect = kTailCallIndirect};
  isa.expanded = {.least_atomic_bits = 32, .atomic_rmw = machine::rmw_kinds({ir::AtomicRmwOp::kNand})};
  isa.expanded_with = [](machine::FeatureSet features, machine::Expanded& expanded) {
    expanded.half_conversions = (features & kHasZfhmin) != 0;
    expanded.half = expanded.half_all = (features & kHasZfh) != 0;
  };
  isa.rules = riscv64_rules();
  machine::set_lowering<Context>(isa);
  set_abi(isa);
  return isa;
}

}  // namespace

const machine::TargetIsa& target_isa() {
  static const machine::TargetIsa isa = make();
  return isa;
}

Unit Context::jump_table(Reg index, MachLabelSlice targets) {
  return machine::emit_jump_table(*this, kJumpTable, index, targets);
}

}  // namespace assay::isa::riscv64
