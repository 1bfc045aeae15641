// x64 as the shared code sees it: its tables and functions, and the few externs of its rules.
#include "compiler/isa/x64/abi.h"
#include "compiler/isa/x64/context.h"
#include "compiler/machine/backend.h"
#include "isle/x64/x64_isle.h"

namespace assay::isa::x64 {

namespace {

// What there is no instruction for that also says what was there before.
constexpr uint16_t kLoops = machine::rmw_kinds({ir::AtomicRmwOp::kAnd, ir::AtomicRmwOp::kNand, ir::AtomicRmwOp::kOr,
                                                ir::AtomicRmwOp::kXor, ir::AtomicRmwOp::kUmin, ir::AtomicRmwOp::kUmax,
                                                ir::AtomicRmwOp::kSmin, ir::AtomicRmwOp::kSmax});

// To memory alone there is one.
constexpr uint16_t kOnMemory = machine::rmw_kinds({ir::AtomicRmwOp::kAnd, ir::AtomicRmwOp::kOr, ir::AtomicRmwOp::kXor});

machine::TargetIsa make() {
  machine::TargetIsa isa;
  isa.kind = IsaKind::x64;
  isa.name = name(isa.kind);
  isa.insts = &inst_set();
  isa.opcodes = {.args = kArgs,
                 .ret = kRet,
                 .call = kCall,
                 .call_indirect = kCallIndirect,
                 .jump = kJmp,
                 .tail_call = kTailCall,
                 .tail_call_indirect = kTailCallIndirect};
  isa.expanded = {.fma = true, .atomic_rmw = kLoops, .unused_atomic_rmw = kOnMemory};
  isa.expanded_with = [](machine::FeatureSet features, machine::Expanded& expanded) {
    expanded.fma = (features & kHasFma) == 0;
    expanded.wide_cas = (features & kHasCmpxchg16b) != 0;
  };
  isa.rules = x64_rules();
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

}  // namespace assay::isa::x64
