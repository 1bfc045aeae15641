// s390x as the shared code sees it: its tables and functions, and the few externs of its rules.
#include "compiler/isa/s390x/abi.h"
#include "compiler/isa/s390x/context.h"
#include "isle/s390x/s390x_isle.h"

namespace assay::isa::s390x {

using machine::LowerContext;
using machine::Operand;
using machine::TargetIsa;

namespace {

Context& context_of(LowerContext& context) { return static_cast<Context&>(context); }

std::optional<InstOutput> lower(LowerContext& context, Inst inst) {
  return constructor_lower(context_of(context), inst);
}

bool lower_branch(LowerContext& context, Inst inst, MachLabelSlice labels) {
  return constructor_lower_branch(context_of(context), inst, labels).has_value();
}

Reg extend(LowerContext& context, Reg value, unsigned bits, bool is_signed) {
  const Type type = Type::integer(bits);
  return is_signed ? constructor_sext64_reg(context_of(context), type, value)
                   : constructor_zext64_reg(context_of(context), type, value);
}

TargetIsa make() {
  TargetIsa isa;
  isa.kind = IsaKind::s390x;
  isa.name = name(isa.kind);
  isa.insts = &inst_set();
  isa.registers = register_env();
  isa.abi = kAbi;
  isa.opcodes = {.args = kArgs, .ret = kRet, .call = kCall, .call_indirect = kCallIndirect, .jump = kJ};
  isa.rules = s390x_rules();
  isa.make_context = [] { return std::unique_ptr<LowerContext>(new Context); };
  isa.lower = lower;
  isa.lower_branch = lower_branch;
  isa.extend = extend;
  isa.move = move;
  isa.load = load;
  isa.store = store;
  isa.address = address;
  isa.prologue = prologue;
  isa.epilogue = epilogue;
  isa.frame_address = frame_address;
  isa.longer_branch = longer_branch;
  isa.hatch = encode_hatch;
  return isa;
}

}  // namespace

const TargetIsa& target_isa() {
  static const TargetIsa isa = make();
  return isa;
}

Unit Context::jump_table(Reg index, MachLabelSlice targets) {
  std::vector<Operand> operands{Operand::use(index)};
  for (MachLabel target : targets) operands.push_back(Operand::label(target));
  emit(kJumpTable, operands);
  return {};
}

}  // namespace assay::isa::s390x
