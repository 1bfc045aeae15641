// See coverage.h.
#include "compiler/machine/coverage.h"

namespace assay::machine {

std::string type_class_name(uint8_t type_class) {
  if (type_class == 0) return {};
  return ir::Type(static_cast<uint16_t>(0x70 | (type_class & 0xf))).to_string() + (type_class & 0x10 ? "xN" : "");
}

std::string_view name(CompilerEvent event) {
  constexpr std::string_view kNames[kCompilerEvents] = {
      "move.gpr",   "move.vec",     "spill.gpr",       "spill.vec",          "reload.gpr",         "reload.vec",
      "move_after", "slot_to_slot", "cycle",           "cycle_of_slots",     "spilled.1",          "spilled.4",
      "spilled.16", "split.1",      "split.4",         "split.16",           "frame.none",         "frame.small",
      "frame.4KiB", "frame.32KiB",  "saves_registers", "outgoing_arguments", "incoming_arguments", "long_branch",
      "jump_table", "constants",    "relocation"};
  return kNames[static_cast<size_t>(event)];
}

Coverage::Coverage(const TargetIsa& isa)
    : isa_(isa),
      first_event_(first_instruction() + static_cast<uint32_t>(isa.insts->descs.size())),
      cells_(first_event_ + kCompilerEvents) {}

// The moves at one point are in order, so the one that empties the scratch register follows the one that filled it: at
// once if a slot is copied, later if a cycle is broken.
void Coverage::count_allocation(const VCode& code, const regalloc::Allocation& allocation) {
  using regalloc::Location;
  const std::vector<regalloc::Move>& moves = allocation.moves;
  for (size_t i = 0; i < moves.size(); ++i) {
    const regalloc::Move& move = moves[i];
    const bool gpr = move.reg_class == RegClass::Gpr;
    const Location scratch = Location::reg(isa_.registers.scratch[static_cast<size_t>(move.reg_class)]);
    if (move.point == regalloc::Point::After) count(CompilerEvent::MoveAfter);
    if (move.to == scratch) {
      const bool copies = move.from.is_slot() && i + 1 < moves.size() && moves[i + 1].from == scratch;
      count(copies                ? CompilerEvent::SlotToSlot
            : move.from.is_slot() ? CompilerEvent::CycleOfSlots
                                  : CompilerEvent::Cycle);
    } else if (move.to.is_slot()) {
      count(gpr ? CompilerEvent::SpillGpr : CompilerEvent::SpillVec);
    } else if (move.from.is_slot()) {
      count(gpr ? CompilerEvent::ReloadGpr : CompilerEvent::ReloadVec);
    } else {
      count(gpr ? CompilerEvent::MoveGpr : CompilerEvent::MoveVec);
    }
  }
  const auto steps = [&](uint32_t figure, CompilerEvent one, CompilerEvent four, CompilerEvent sixteen) {
    if (figure >= 1) count(one);
    if (figure >= 4) count(four);
    if (figure >= 16) count(sixteen);
  };
  steps(allocation.spilled_ranges, CompilerEvent::Spilled1, CompilerEvent::Spilled4, CompilerEvent::Spilled16);
  steps(allocation.splits, CompilerEvent::Split1, CompilerEvent::Split4, CompilerEvent::Split16);
  if (code.outgoing_size != 0) count(CompilerEvent::OutgoingArguments);
  if (code.incoming_size != 0) count(CompilerEvent::IncomingArguments);
}

void Coverage::count_code(const ir::Function& function, const VCode& code, const FrameLayout& frame,
                          const EmittedCode& emitted) {
  for (ir::Block block : function.blocks()) {
    for (ir::Inst inst : function.insts(block)) {
      const ir::InstData& data = function.inst(inst);
      count(static_cast<uint32_t>(data.opcode) * kTypeClasses + type_class(data.type));
    }
  }
  for (const Inst& inst : code.insts) count(first_instruction() + inst.opcode);
  constexpr uint32_t kPage = 4096, kLarge = 32768;
  count(!frame.needs_frame    ? CompilerEvent::NoFrame
        : frame.size < kPage  ? CompilerEvent::SmallFrame
        : frame.size < kLarge ? CompilerEvent::PageFrame
                              : CompilerEvent::LargeFrame);
  if (!frame.saved.empty()) count(CompilerEvent::SavesRegisters);
  if (emitted.long_branches != 0) count(CompilerEvent::LongBranch);
  if (!emitted.data.empty()) count(CompilerEvent::JumpTable);
  if (emitted.bytes.size() > emitted.code_size) count(CompilerEvent::Constants);
  if (!emitted.relocations.empty()) count(CompilerEvent::Relocation);
}

}  // namespace assay::machine
