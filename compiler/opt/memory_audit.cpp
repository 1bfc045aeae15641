// Who answers for what Memory found out (memory.h), when somebody asks: M2 to M4 over again, by looking at every
// instruction between the two accesses.
#include <vector>

#include "compiler/opt/changes.h"
#include "compiler/opt/memory.h"

namespace assay::opt {

using ir::Block;
using ir::Inst;
using ir::InstData;
using ir::Opcode;

std::string_view Memory::answers_for(Inst load, const Known& known) const {
  const InstData& before = function_->inst(known.inst);
  const InstData& data = function_->inst(load);
  const bool is_same_operation =
      known.opcode == data.opcode || (known.opcode == Opcode::kStore && data.opcode == Opcode::kLoad);
  if (!is_same_operation || before.imm != data.imm || before.flags.endianness() != data.flags.endianness() ||
      function_->value_type(known.value) != function_->value_type(function_->result(load))) {
    return kSamePlace.function;
  }
  const auto concerns_load = [&](Inst inst) {
    const ir::OperationInfo& info = function_->info(inst);
    if ((info.effects & (ir::kCanStore | ir::kCalls | ir::kOtherSideEffects)) == 0) return false;
    const bool is_elsewhere = is_store(function_->inst(inst).opcode) && region(inst) != kRegions &&
                              region(load) != kRegions && region(inst) != region(load);
    return !is_elsewhere;
  };
  // All that may run after the access and before the load, backwards; the access dominates the load.
  std::vector<bool> seen(function_->block_count());
  std::vector<Block> work;
  bool is_written = false;
  const auto scan = [&](Block block, Inst last) {
    for (Inst inst = last; !inst.is_none(); inst = function_->prev_inst(inst)) {
      if (inst == known.inst) return;
      is_written |= concerns_load(inst);
    }
    for (const auto& edge : cfg_->predecessors(block)) {
      if (seen[edge.block.index]) continue;
      seen[edge.block.index] = true;
      work.push_back(edge.block);
    }
  };
  scan(block_, function_->prev_inst(load));
  while (!work.empty()) {
    const Block block = work.back();
    work.pop_back();
    scan(block, function_->last_inst(block));
  }
  return is_written ? kWritesBetween.function : kForwarding.function;
}

std::string_view Memory::answers_for_drop(Inst store) const {
  for (Inst inst = function_->next_inst(pending_); !inst.is_none() && inst != store;
       inst = function_->next_inst(inst)) {
    if (function_->info(inst).effects != 0) return kEffectsBetween.function;
  }
  return kDropping.function;
}

}  // namespace assay::opt
