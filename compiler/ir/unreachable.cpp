// See unreachable.h.
#include "compiler/ir/unreachable.h"

namespace assay::ir {

uint32_t remove_unreachable_blocks(Function& function, const ControlFlowGraph& cfg) {
  uint32_t removed = 0;
  for (Block block = function.first_block(), next; !block.is_none(); block = next) {
    next = function.next_block(block);
    if (cfg.is_reachable(block)) continue;
    for (const Inst inst : function.handler_addresses(block)) {
      const InstData& data = function.inst(inst);
      if (data.opcode != Opcode::kGetExceptionHandlerAddress || data.raw_block() != block) continue;
      function.replace_inst(inst, {.opcode = Opcode::kIconst, .type = data.type, .imm = 1});
    }
    function.remove_block(block);
    ++removed;
  }
  return removed;
}

}  // namespace assay::ir
