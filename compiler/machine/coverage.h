// What a Compiler has done, counted: the operations it compiled, the instructions it emitted, and what allocator,
// frames and emission had to do. Campaigns keep inputs that make it do something for the first time. Rules count
// themselves (isle::RuleState). Costs an increment for each instruction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/machine/emit.h"
#include "compiler/machine/isa.h"
#include "compiler/machine/vcode.h"

namespace assay::machine {

// The lane's type, and whether it is a vector: what rules are told apart by. 0: no type. Below
// isle::RuleState::kColumns.
constexpr uint8_t type_class(ir::Type type) {
  return !type.is_valid() ? 0 : static_cast<uint8_t>((type.lane_type().number() & 0xf) | (type.is_lane() ? 0 : 0x10));
}
inline constexpr unsigned kTypeClasses = 32;
// "i32", "i32xN"; empty for 0.
std::string type_class_name(uint8_t type_class);

enum class CompilerEvent : uint8_t {
  MoveGpr,
  MoveVec,
  SpillGpr,
  SpillVec,
  ReloadGpr,
  ReloadVec,
  MoveAfter,     // a move behind the instruction, not before it
  SlotToSlot,    // through the scratch register
  Cycle,         // of registers in a parallel move
  CycleOfSlots,  // one with slots in it
  Spilled1,
  Spilled4,
  Spilled16,  // values with a slot, of a function: at least so many
  Split1,
  Split4,
  Split16,  // live ranges that were cut
  NoFrame,
  SmallFrame,
  PageFrame,
  LargeFrame,  // without; below 4 KiB, below 32 KiB, above
  SavesRegisters,
  OutgoingArguments,
  IncomingArguments,
  LongBranch,
  JumpTable,
  Constants,
  Relocation,
};
inline constexpr unsigned kCompilerEvents = static_cast<unsigned>(CompilerEvent::Relocation) + 1;
std::string_view name(CompilerEvent event);

class Coverage {
 public:
  enum class Kind : uint8_t { Operation, Instruction, Event };

  explicit Coverage(const TargetIsa& isa);

  // An allocation before it is applied; a compiled function.
  void count_allocation(const VCode& code, const regalloc::Allocation& allocation);
  void count_code(const ir::Function& function, const VCode& code, const FrameLayout& frame,
                  const EmittedCode& emitted);

  // Calls `take(kind, index, type_class, count)` for what was counted since the last call: an ir::Opcode with its type,
  // an opcode of the machine, a CompilerEvent.
  template <class Take>
  void take(const Take& take) {
    for (uint32_t cell : touched_) {
      const uint64_t count = std::exchange(cells_[cell], 0);
      if (cell < first_instruction()) {
        take(Kind::Operation, cell / kTypeClasses, static_cast<uint8_t>(cell % kTypeClasses), count);
      } else if (cell < first_event_) {
        take(Kind::Instruction, cell - first_instruction(), uint8_t{0}, count);
      } else {
        take(Kind::Event, cell - first_event_, uint8_t{0}, count);
      }
    }
    touched_.clear();
  }

 private:
  static constexpr uint32_t first_instruction() { return ir::kOpcodeCount * kTypeClasses; }
  void count(uint32_t cell) {
    if (cells_[cell]++ == 0) touched_.push_back(cell);
  }
  void count(CompilerEvent event) { count(first_event_ + static_cast<uint32_t>(event)); }

  const TargetIsa& isa_;
  uint32_t first_event_;
  std::vector<uint32_t> cells_;
  std::vector<uint32_t> touched_;  // cells that are not 0
};

}  // namespace assay::machine
