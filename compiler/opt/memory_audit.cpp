// Who answers for what Memory found out (memory.h), when somebody asks: M2 to M4 over again, by looking at every
// instruction between the two accesses; where one of them writes, each function on the way from it to the load is
// tried.
#include <algorithm>
#include <vector>

#include "compiler/opt/changes.h"
#include "compiler/opt/memory.h"

namespace assay::opt {

using ir::Block;
using ir::Inst;
using ir::InstData;
using ir::Opcode;

// The function that lets the write, which may run between the two accesses, leave the load's state as it was.
std::string_view Memory::forgets(Inst write, Inst load) const {
  if (!writes(function_->info(write))) return kWhatWrites.function;
  const unsigned region = this->region(load);
  States before, after;
  for (unsigned i = 0; i <= kRegions; ++i) before[i] = after[i] = ~State(0) - i;
  apply(write, after);
  if (after[region] == before[region]) return kWritesBetween.function;
  States now = at_entry_[block_.index];
  for (Inst inst = function_->first_inst(block_); inst != load; inst = function_->next_inst(inst)) apply(inst, now);
  if (now[region] != now_[region]) return kPassing.function;
  // Where ways meet with different states, the state is none of theirs, nor any other instruction's.
  for (const Block block : cfg_->reverse_postorder()) {
    bool differ = false, is_one = false;
    for (const auto& edge : cfg_->predecessors(block)) {
      States exit = at_entry_[edge.block.index];
      if (exit[kRegions] == 0) continue;
      for (const Inst inst : function_->insts(edge.block)) apply(inst, exit);
      (exit[region] == at_entry_[block.index][region] ? is_one : differ) = true;
    }
    if (differ && (is_one || is_state_of_inst(at_entry_[block.index][region]))) return kMeeting.function;
  }
  return kSamePlace.function;
}

bool Memory::is_state_of_inst(State state) const {
  for (const Block block : cfg_->reverse_postorder()) {
    for (const Inst inst : function_->insts(block)) {
      States after{};
      apply(inst, after);
      if (std::ranges::find(after, state) != after.end()) return true;
    }
  }
  return false;
}

Responsible Memory::answers_for(Inst load, const Known& known) const {
  const InstData& before = function_->inst(known.inst);
  const InstData& data = function_->inst(load);
  if (is_store(known.opcode) && known.opcode != Opcode::kStore) return {kPassing.function, true};
  const bool is_same_operation =
      known.opcode == data.opcode || (known.opcode == Opcode::kStore && data.opcode == Opcode::kLoad);
  if (!is_same_operation || before.imm != data.imm || before.flags.endianness() != data.flags.endianness() ||
      function_->value_type(known.value) != function_->value_type(function_->result(load))) {
    return {kSamePlace.function, true};
  }
  if (!dominators_->dominates(known.block, block_)) return {kForwarding.function, true};
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
  Inst write;
  const auto scan = [&](Block block, Inst last) {
    for (Inst inst = last; !inst.is_none(); inst = function_->prev_inst(inst)) {
      if (inst == known.inst) return;
      if (concerns_load(inst)) write = inst;
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
  if (!write.is_none()) return {forgets(write, load), true};
  return {kAccesses.function};
}

Responsible Memory::answers_for_drop(Inst store) const {
  for (Inst inst = function_->next_inst(pending_); !inst.is_none() && inst != store;
       inst = function_->next_inst(inst)) {
    if (function_->info(inst).effects != 0) return {kPassing.function, true};
  }
  const InstData& before = function_->inst(pending_);
  const InstData& data = function_->inst(store);
  const bool is_same =
      before.opcode == data.opcode && before.imm == data.imm && before.flags == data.flags &&
      function_->value_type(function_->arg(pending_, 0)) == function_->value_type(function_->arg(store, 0));
  return is_same ? Responsible{kAccesses.function} : Responsible{kDropping.function, true};
}

}  // namespace assay::opt
