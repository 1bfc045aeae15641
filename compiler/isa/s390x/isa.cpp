// s390x as the shared code sees it: its tables and functions, and the few externs of its rules.
#include "compiler/isa/s390x/abi.h"
#include "compiler/isa/s390x/context.h"
#include "compiler/machine/backend.h"
#include "isle/s390x/s390x_isle.h"

namespace assay::isa::s390x {

namespace {

constexpr uint16_t kLoops =
    machine::rmw_kinds({ir::AtomicRmwOp::kNand, ir::AtomicRmwOp::kXchg, ir::AtomicRmwOp::kUmin, ir::AtomicRmwOp::kUmax,
                        ir::AtomicRmwOp::kSmin, ir::AtomicRmwOp::kSmax});

machine::TargetIsa make() {
  machine::TargetIsa isa;
  isa.kind = IsaKind::s390x;
  isa.name = name(isa.kind);
  isa.insts = &inst_set();
  isa.opcodes = {.args = kArgs,
                 .ret = kRet,
                 .call = kCall,
                 .call_indirect = kCallIndirect,
                 .jump = kJ,
                 .tail_call = kTailCall,
                 .tail_call_indirect = kTailCallIndirect};
  isa.expanded = {.least_atomic_bits = 32, .atomic_rmw = kLoops, .wide_cas = true, .wide_loads = true};
  isa.rules = s390x_rules();
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

}  // namespace assay::isa::s390x
