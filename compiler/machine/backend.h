// What the backends' isa.cpp share: the entries of the generated lowering rules as functions of a TargetIsa.
#pragma once

#include <memory>
#include <vector>

#include "compiler/machine/isa.h"
#include "compiler/machine/lower.h"

namespace assay::machine {

// Lowering goes by the rules of Context's backend: its generated constructor_… functions, found beside Context, with a
// Context for the lowering context.
template <typename Context>
void set_lowering(TargetIsa& isa) {
  isa.make_context = [] { return std::unique_ptr<LowerContext>(new Context); };
  isa.lower = [](LowerContext& context, ir::Inst inst) {
    return constructor_lower(static_cast<Context&>(context), inst);
  };
  isa.lower_branch = [](LowerContext& context, ir::Inst inst, MachLabelSlice labels) {
    return constructor_lower_branch(static_cast<Context&>(context), inst, labels).has_value();
  };
  isa.extend = [](LowerContext& context, Reg value, unsigned bits, bool is_signed) {
    const ir::Type type = ir::Type::integer(bits);
    auto& own = static_cast<Context&>(context);
    return is_signed ? constructor_sext64_reg(own, type, value) : constructor_zext64_reg(own, type, value);
  };
}

// Emits the backend's jump table instruction: operand 0 is the index, the labels follow.
inline Unit emit_jump_table(LowerContext& context, uint16_t opcode, Reg index, MachLabelSlice targets) {
  std::vector<Operand> operands{Operand::use(index)};
  for (MachLabel target : targets) operands.push_back(Operand::label(target));
  context.emit(opcode, operands);
  return {};
}

}  // namespace assay::machine
