// See vcode.h.
#include "compiler/machine/vcode.h"

namespace assay::machine {

void VCode::clear() {
  insts.clear();
  operands.clear();
  blocks.clear();
  block_params.clear();
  succs.clear();
  preds.clear();
  branch_args.clear();
  vreg_classes.clear();
  clobber_sets.assign(1, {});
  symbols.clear();
  constants.clear();
  rule_chains.clear();
  slots_size = outgoing_size = incoming_size = spills_size = 0;
  features = 0;
  frame_align = 16;
  has_calls = has_tail_calls = needs_linkage = false;
  tail_size = 0;
  probe_log2 = 0;
  pinned_register = false;
  call_conv = ir::CallConv::kSystemV;
}

}  // namespace assay::machine
