// The machine, instruction by instruction, against the allocated code whose bytes it runs: the first instruction that
// does something else, and whether its encoding, its meaning, a label or the frame is wrong.
#include <algorithm>
#include <bit>
#include <cctype>

#include "compiler/ir/printer.h"
#include "compiler/machine/frame.h"
#include "fuzz/triage_parts.h"
#include "oracles/abi_facts.h"
#include "oracles/disassembler.h"

namespace assay::fuzz {

using machine::EmittedInst;
using machine::Operand;
using machine::OperandKind;
using oracles::ExecutorKind;

namespace {

// Steps of the machine that belong to one emitted instruction.
struct Group {
  size_t inst = 0;            // index into EmittedCode::insts
  size_t first = 0, end = 0;  // of the steps
};

class ByteCheck {
 public:
  explicit ByteCheck(TriageContext& context)
      : context_(context),
        isa_(context.traces.isa()),
        code_(context.traces.code(ExecutorKind::Allocated)),
        emitted_(context.traces.emitted()),
        bytes_(context.traces.linked()) {
    events_ = context.traces.trace(ExecutorKind::Allocated, allocated_);
    find_open_bits();
    steps_ = context.traces.steps(outcome_);
    group();
    auto made = oracles::Disassembler::make(context.isa, oracles::DisassemblerKind::Llvm);
    if (made) disassembler_ = std::move(*made);
  }

  // Does the machine do something else than the allocated code, for the function by itself?
  bool differs() const {
    return outcome_.kind != allocated_.kind || outcome_.results != allocated_.results ||
           outcome_.memory != allocated_.memory;
  }

  void run() {
    if (groups_.empty()) {
      context_.blame(Decision::Emission, "the machine runs none of the function's instructions");
      return;
    }
    if (static_text_differs() || prologue_is_wrong()) return;
    if (!walk()) frame_or_traps();
  }

 private:
  const EmittedInst& emitted(size_t i) const { return emitted_.insts[i]; }
  uint32_t end_of(size_t i) const {
    return i + 1 < emitted_.insts.size() ? emitted_.insts[i + 1].offset : emitted_.code_size;
  }
  size_t inst_at(uint32_t offset) const {
    const auto after = std::ranges::upper_bound(emitted_.insts, offset, {}, &EmittedInst::offset);
    return after == emitted_.insts.begin() ? 0 : static_cast<size_t>(after - emitted_.insts.begin() - 1);
  }
  void group() {
    if (emitted_.insts.empty()) return;
    for (size_t i = 0; i < steps_.size(); ++i) {
      const size_t inst = inst_at(steps_[i].offset);
      const bool again = groups_.empty() || groups_.back().inst != inst ||
                         (steps_[i].offset == emitted(inst).offset && steps_[i - 1].offset >= steps_[i].offset);
      if (again) groups_.push_back({inst, i, i});
      groups_.back().end = i + 1;
    }
  }

  // What the disassembler reads from the instruction's bytes.
  std::string read(size_t inst) const {
    if (!disassembler_) return {};
    std::string text;
    for (uint32_t at = emitted(inst).offset; at < end_of(inst);) {
      const auto piece = disassembler_->decode(bytes_.subspan(at, end_of(inst) - at), at);
      text += (text.empty() ? "" : "; ") + piece.text;
      at += std::max(piece.length, 1u);
    }
    return text;
  }

  void blame_instruction(size_t inst, std::string reason) {
    const machine::InstDesc& desc = isa_.desc(emitted(inst).opcode);
    context_.blame(CulpritKind::Instruction, desc.name, desc.file, desc.line, std::move(reason));
  }

  std::string show(size_t inst) const {
    std::string text = "  " + hex(emitted(inst).offset) + ":";
    char byte[8];
    for (uint32_t at = emitted(inst).offset; at < end_of(inst) && at < emitted(inst).offset + 16; ++at) {
      std::snprintf(byte, sizeof byte, " %02x", bytes_[at]);
      text += byte;
    }
    return text + "\n  written: " + emitted(inst).text + "\n  read:    " + read(inst);
  }

  // An instruction of which a judge says that its encoding or its meaning is wrong.
  bool ask_about(size_t inst) {
    if (!context_.options.check_instruction) return false;
    const machine::InstDesc& desc = isa_.desc(emitted(inst).opcode);
    if (std::ranges::find(asked_, emitted(inst).opcode) != asked_.end()) return false;
    asked_.push_back(emitted(inst).opcode);
    const Opinion opinion = context_.options.check_instruction(context_.isa, desc.name);
    if (!opinion.asked) return false;
    context_.note(std::string(desc.name) + (opinion.holds ? " is encoded and behaves as its definition says"
                                                          : " fails its own test: " + opinion.text));
    if (!opinion.holds) {
      context_.result.divergence = show(inst) + "\n  " + opinion.text;
      blame_instruction(inst, opinion.text);
    }
    return !opinion.holds;
  }

  // Instructions whose bytes a disassembler reads as another mnemonic, or with other numbers or registers.
  bool static_text_differs() {
    for (size_t i = 0; i < emitted_.insts.size(); ++i) {
      const std::string text = read(i), theirs = normalised(text), ours = normalised(emitted(i).text);
      if (ours == theirs || ours.empty()) continue;
      const bool has_target = std::ranges::any_of(isa_.desc(emitted(i).opcode).operands, [](const auto& operand) {
        return operand.kind == machine::SlotKind::Label || operand.kind == machine::SlotKind::Place ||
               operand.kind == machine::SlotKind::Symbol || operand.kind == machine::SlotKind::Constant;
      });
      // Places are spelled in many ways; what is done with them is not.
      const auto mnemonic = [](std::string_view all) { return all.substr(0, all.find_first_of(" \t")); };
      if (has_target && mnemonic(emitted(i).text) == mnemonic(text)) continue;
      // Aliases are spelled differently: the instruction's own test decides.
      if (ask_about(i)) return true;
    }
    return false;
  }

  // The registers after a group.
  const uint64_t* after(size_t g) const {
    return groups_[g].end < steps_.size() ? steps_[groups_[g].end].registers : nullptr;
  }

  // Bits that an instruction's definition leaves open: they follow the number that a run is given.
  void find_open_bits() {
    constexpr uint64_t kRuns = 6;
    open_.resize(events_.size());
    for (uint64_t run = 1; run <= kRuns; ++run) {
      oracles::Outcome outcome;
      const std::vector<TraceEvent> other = context_.traces.trace(ExecutorKind::Allocated, outcome, run);
      for (size_t e = 0; e < events_.size() && e < other.size(); ++e) {
        if (other[e].inst != events_[e].inst || other[e].defined.size() != events_[e].defined.size()) break;
        open_[e].resize(events_[e].defined.size());
        for (size_t k = 0; k < open_[e].size(); ++k) {
          open_[e][k] |= other[e].defined[k].value.low() ^ events_[e].defined[k].value.low();
        }
      }
    }
  }
  // From the lowest to the highest of them, as some may have come out equal.
  uint64_t open_bits(size_t e, machine::Reg reg) const {
    for (size_t k = 0; k < open_[e].size(); ++k) {
      if (events_[e].defined[k].reg != reg || open_[e][k] == 0) continue;
      return ~uint64_t(0) >> std::countl_zero(open_[e][k]) & ~uint64_t(0) << std::countr_zero(open_[e][k]);
    }
    return 0;
  }

  // The stack pointer behind the prologue, from which instructions make addresses.
  bool prologue_is_wrong() {
    size_t body = 0;
    while (body < groups_.size() && emitted(groups_[body].inst).vcode == machine::kNoSource) ++body;
    if (body == 0 || body == groups_.size()) return false;
    const uint64_t entry_sp = steps_.front().registers[stack_pointer()];
    const uint64_t sp = steps_[groups_[body].first].registers[stack_pointer()];
    // A tail call may need more room for arguments than the function's own have.
    const uint64_t lowered = uint64_t{code_.frame->size} + code_.frame->growth;
    if (entry_sp - sp == lowered) return false;
    context_.note("the prologue lowers the stack pointer by " + std::to_string(entry_sp - sp) + ", the frame has " +
                  std::to_string(lowered) + " bytes");
    context_.result.divergence =
        "behind the prologue the stack pointer is " + hex(sp) + ", should be " + hex(entry_sp - lowered);
    context_.blame(Decision::FarFramePlaces, "the frame's size is not what the prologue makes room for");
    context_.blame(Decision::Prologue, "the frame's size is not what the prologue makes room for");
    return true;
  }

  // In step with the allocated code. True: something was blamed.
  bool walk() {
    size_t e = 0;
    const auto is_silent = [&](const TraceEvent& event) {
      return std::ranges::none_of(emitted_.insts,
                                  [&](const EmittedInst& inst) { return inst.vcode == event.inst && !inst.is_extra; });
    };
    for (size_t g = 0; g < groups_.size(); ++g) {
      const EmittedInst& inst = emitted(groups_[g].inst);
      if (inst.vcode == machine::kNoSource || inst.is_extra) continue;
      while (e < events_.size() && (events_[e].is_entry || is_silent(events_[e]))) ++e;
      if (e >= events_.size()) {
        // The next one traps, and is not among the events.
        const machine::Inst& next = code_.code.insts[inst.vcode];
        const bool traps = allocated_.kind == oracles::OutcomeKind::Trapped &&
                           allocated_.trap_function == context_.test.entry && e != 0;
        if (!traps) break;
        if (code_.origins[inst.vcode] == machine::kNoSource) continue;  // a move of the allocator
        if (next.source != allocated_.trap_inst) return wrong_way(g, e);
        break;
      }
      if (events_[e].inst != inst.vcode) return wrong_way(g, e);
      if (const uint64_t* registers = after(g)) {
        for (const oracles::VCodeValue& made : events_[e].defined) {
          if (!made.reg.is_physical() || made.reg.preg().reg_class() != machine::RegClass::Gpr) continue;
          const unsigned number = made.reg.preg().number();
          if (number == stack_pointer() || ((registers[number] ^ made.value.low()) & ~open_bits(e, made.reg)) == 0)
            continue;
          if (isa_.desc(inst.opcode).is(machine::kIsCall)) return wrong_call(g);
          return wrong_result(g, number, made.value.low(), registers[number]);
        }
      }
      ++e;
    }
    while (e < events_.size() && (events_[e].is_entry || is_silent(events_[e]))) ++e;
    if (e < events_.size() && outcome_.kind == oracles::OutcomeKind::Faulted) return faulted();
    return false;
  }
  unsigned stack_pointer() const { return oracles::abi_facts(context_.isa).stack_pointer; }

  bool wrong_result(size_t g, unsigned number, uint64_t expected, uint64_t found) {
    const size_t inst = groups_[g].inst;
    const std::string place = oracles::register_name(context_.isa, oracles::integer_register(static_cast<int>(number)));
    context_.result.divergence =
        show(inst) + "\n  " + place + " should be " + hex(expected) + "\n  " + place + " is " + hex(found);
    if (frame_address_is_wrong(inst)) return true;
    blame_instruction(inst, normalised(read(inst)) == normalised(emitted(inst).text)
                                ? "the machine computes another value than the definition"
                                : "its bytes read `" + read(inst) + "`");
    return true;
  }
  // A call of the function goes wrong: is it the callee's fault?
  bool into_callee(size_t inst) {
    const uint32_t vcode = emitted(inst).vcode;
    if (vcode == machine::kNoSource || !isa_.desc(emitted(inst).opcode).is(machine::kIsCall)) return false;
    const uint32_t source = code_.code.insts[vcode].source;
    const ir::Function& f = context_.entry();
    if (source >= f.inst_count() || !f.info(ir::Inst(source)).is_call()) return false;
    return look_into_callee(context_, ir::Inst(source), [](TriageContext& callee) {
      ByteCheck inner(callee);
      if (!inner.differs()) return false;
      inner.run();
      return true;
    });
  }
  bool wrong_call(size_t g) {
    context_.result.divergence = show(groups_[g].inst);
    if (into_callee(groups_[g].inst)) return true;
    context_.blame(Decision::FrameLayout, "a call returns something else than on allocated code");
    blame_instruction(groups_[g].inst, "a call returns something else than on allocated code");
    return true;
  }

  // A place in the frame reached by extra instructions: do they make its address?
  bool frame_address_is_wrong(size_t inst) {
    if (inst == 0 || !emitted(inst - 1).is_extra || emitted(inst - 1).vcode != emitted(inst).vcode) return false;
    const auto group = std::ranges::find(groups_, inst, &Group::inst);
    const auto operands = code_.code.operands_of(code_.code.insts[emitted(inst).vcode]);
    const auto place = std::ranges::find(operands, OperandKind::Frame, &Operand::kind);
    bool is_made = false;
    if (group != groups_.end() && place != operands.end()) {
      const uint64_t* registers = steps_[group->first].registers;
      const int64_t offset = place->imm + code_.frame->offset_of(place->area());
      is_made =
          registers[isa_.abi.frame_scratch.number()] == registers[stack_pointer()] + static_cast<uint64_t>(offset);
    }
    context_.blame(is_made ? Decision::Emission : Decision::FrameAddress,
                   is_made ? "the address of a far place in the frame is made, and not used as it should be"
                           : "the address of a far place in the frame is made wrongly");
    return true;
  }

  // The machine went on at another instruction than the allocated code.
  bool wrong_way(size_t g, size_t e) {
    size_t from = g;
    const auto is_between = [&](const EmittedInst& before) {
      return before.is_extra ||
             (before.vcode != machine::kNoSource && code_.origins[before.vcode] == machine::kNoSource);
    };
    while (from > 0 && is_between(emitted(groups_[from - 1].inst))) --from;
    if (from == 0) return false;
    const size_t inst = groups_[from - 1].inst;
    const machine::InstDesc& desc = isa_.desc(emitted(inst).opcode);
    const uint32_t wanted = e < events_.size() ? events_[e].inst : machine::kNoSource;
    size_t target = e < events_.size() ? 0 : emitted_.insts.size();
    while (target < emitted_.insts.size() && emitted(target).vcode != wanted) ++target;
    context_.result.divergence = show(inst) + "\n  should go on at " +
                                 (target < emitted_.insts.size() ? hex(emitted(target).offset) : "another block") +
                                 "\n  goes on at " + hex(emitted(groups_[g].inst).offset);
    if (!desc.is(machine::kIsBranch) && !desc.is(machine::kIsJump)) {
      // Without a branch: the one that should be there was left out.
      context_.blame(Decision::EndsOfBlocks, "falls through where it should branch");
      return true;
    }
    if (ask_about(inst)) return true;
    blame_branch(inst);
    return true;
  }

  // The labels of a branch are right in the code and wrong in the bytes.
  bool is_table(size_t inst) const {
    const machine::InstDesc& desc = isa_.desc(emitted(inst).opcode);
    return (desc.is(machine::kIsBranch) || desc.is(machine::kIsJump)) && desc.is(machine::kIsVariadic) &&
           !desc.operands.empty();
  }

  void blame_branch(size_t inst) {
    if (is_table(inst)) {
      blame_instruction(inst, "a jump table leads to another block than its label");
      return;
    }
    const machine::Inst& made = code_.code.insts[emitted(inst).vcode];
    const bool over_empty = targets_empty_block(made);
    const bool is_changed = emitted(inst).text != isa_.insts->print(made.opcode, code_.code.operands_of(made));
    const bool is_long = emitted_.long_branches != 0;
    if (over_empty) context_.blame(Decision::EmptyBlocks, "the branch's label is a block that only jumps");
    if (is_long) {
      const bool has_jump_behind = end_of(inst) - emitted(inst).offset > 6;
      if (has_jump_behind) {
        context_.blame(Decision::BranchOverJump, "an inverted branch over a jump stands for the branch");
      }
      context_.blame(Decision::LongerBranches, "branches of the function had to be lengthened");
    } else if (is_changed) {
      context_.blame(Decision::EndsOfBlocks, "the branch was turned round: " + emitted(inst).text);
    } else if (!over_empty) {
      blame_instruction(inst, "its displacement leads to another block than its label");
    }
    context_.blame(Decision::EndsOfBlocks, "a branch of the last two of a block");
    if (!over_empty) context_.blame(Decision::EmptyBlocks, "labels are resolved there");
  }
  bool targets_empty_block(const machine::Inst& inst) const {
    return std::ranges::any_of(code_.code.operands_of(inst), [&](const Operand& operand) {
      if (operand.kind != OperandKind::Label) return false;
      const machine::VBlock& block = code_.code.blocks[size_t(operand.imm)];
      return block.end_inst == block.first_inst + 1 &&
             isa_.desc(code_.code.insts[block.first_inst].opcode).is(machine::kIsJump);
    });
  }

  // The machine faulted where the allocated code went on, or at a trap that no site explains.
  // Unicorn stops at what it does not have. Of the instructions that would have followed, the tests of each ask all but
  // what tables lead to.
  bool stopped_at_feature() {
    if (context_.traces.session().lacking(ExecutorKind::Unicorn).empty()) return false;
    for (const TraceEvent& event : events_) {
      const auto found = std::ranges::find(emitted_.insts, event.inst, &EmittedInst::vcode);
      if (event.is_entry || found == emitted_.insts.end()) continue;
      const auto inst = static_cast<size_t>(found - emitted_.insts.begin());
      if (!is_table(inst)) continue;
      context_.result.divergence = oracles::describe(outcome_) + "\n" + show(inst);
      blame_branch(inst);
      return true;
    }
    return false;
  }

  bool faulted() {
    const uint64_t base = oracles::memory_map::kCodeBase + context_.traces.session().entry_offset(context_.test.entry);
    const uint64_t offset = outcome_.fault_pc - base;
    if (offset >= emitted_.code_size) {
      context_.result.divergence = oracles::describe(outcome_);
      const size_t inst = groups_.back().inst;
      context_.result.divergence += "\n" + show(inst);
      if (into_callee(inst)) return true;
      if (ask_about(inst) || tail_arguments_are_misplaced()) return true;
      const machine::InstDesc& desc = isa_.desc(emitted(inst).opcode);
      if (desc.is(machine::kIsReturn)) return false;
      if (desc.is(machine::kIsBranch) || desc.is(machine::kIsJump)) {
        blame_branch(inst);
      } else {
        context_.blame(Decision::EndsOfBlocks, "the machine falls out of the function behind its last instruction");
      }
      return true;
    }
    const size_t inst = inst_at(static_cast<uint32_t>(offset));
    context_.result.divergence = oracles::describe(outcome_) + "\n" + show(inst);
    const EmittedInst& at = emitted(inst);
    const bool may_trap = at.vcode != machine::kNoSource && code_.code.insts[at.vcode].trap != machine::kNoTrap;
    if (may_trap) {
      context_.blame(Decision::TrapPlaces, "the trap is not registered where it strikes");
      context_.blame(Decision::TrapPlacesOfSites, "the trap is not registered where it strikes");
      return true;
    }
    if (frame_address_is_wrong(inst)) return true;
    if (ask_about(inst) || stopped_at_feature()) return true;
    if (leaves_open(at)) return true;
    blame_instruction(inst, "the machine faults at it");
    return true;
  }

  // The machine faults where the definition leaves the results open: whoever made the instruction gave it operands that
  // it must not have.
  bool leaves_open(const EmittedInst& at) {
    if (at.vcode == machine::kNoSource || at.is_extra) return false;
    bool is_open = false;
    for (size_t e = 0; e < events_.size(); ++e) {
      if (events_[e].is_entry || events_[e].inst != at.vcode) continue;
      is_open |= std::ranges::any_of(open_[e], [](uint64_t bits) { return bits != 0; });
    }
    const uint32_t origin = code_.origins[at.vcode];
    if (!is_open || origin == machine::kNoSource) return false;
    context_.note("the instruction's definition leaves open what it does with these operands");
    for (isle::RuleId rule : context_.traces.rules_of(origin)) {
      const isle::RuleInfo& info = isa_.rules[rule.index];
      context_.blame(CulpritKind::Rule, std::string(info.name), std::string(info.file), info.line,
                     "it made an instruction that faults, with operands that its definition leaves open");
    }
    if (context_.result.culprits.empty()) return false;
    context_.result.stage = TriageStage::Virtual;
    ask_judges(context_);
    return true;
  }

  // ---- what no instruction explains: frame, preserved registers, trap tables ----

  void frame_or_traps() {
    const oracles::AbiFacts& facts = oracles::abi_facts(context_.isa);
    if (outcome_.kind == oracles::OutcomeKind::Faulted && faulted()) return;
    if (outcome_.kind == oracles::OutcomeKind::Trapped) {
      context_.result.divergence = oracles::describe(outcome_);
      context_.blame(Decision::TrapPlaces,
                     "the machine traps as it should, but the trap is attributed to another place");
      context_.blame(Decision::TrapPlacesOfSites, "the same");
      return;
    }
    if (outcome_.kind == oracles::OutcomeKind::AbiViolated) context_.result.divergence = outcome_.text;
    if (tail_arguments_are_misplaced()) return;
    const uint32_t align = isa_.abi.stack_align;
    const uint64_t entry_sp = steps_.front().registers[stack_pointer()];
    if (code_.frame->has_calls && (entry_sp - code_.frame->size) % align != 0) {
      context_.blame(Decision::FrameLayout, "the stack pointer is not aligned at calls");
      return;
    }
    // Registers that callers rely on.
    for (uint8_t number : facts.preserved_integer) {
      const machine::PReg reg(machine::RegClass::Gpr, number);
      const bool is_written = writes(reg);
      const bool is_saved = std::ranges::find(code_.frame->saved, reg) != code_.frame->saved.end();
      if (!is_written) continue;
      const std::string text = oracles::register_name(context_.isa, oracles::integer_register(number));
      if (is_saved || number == facts.frame_pointer) continue;
      if (!isa_.registers.callee_saved.contains(reg)) {
        context_.blame(Decision::PreservedRegisters, text + " is written and not listed as preserved");
      } else {
        context_.blame(Decision::FrameLayout, text + " is written and not saved");
      }
      return;
    }
    if (outcome_.text.starts_with("stack pointer")) {
      context_.blame(Decision::Epilogue, "the prologue lowers the stack pointer rightly; it is wrong after the return");
    }
    blame_saves();
    if (context_.result.culprits.empty() || outcome_.kind == oracles::OutcomeKind::AbiViolated) {
      context_.blame(Decision::Epilogue, "instructions are right; what they leave behind is not");
      context_.blame(Decision::Prologue, "instructions are right; what they leave behind is not");
      context_.blame(Decision::FrameLayout, "instructions are right; what they leave behind is not");
    }
  }
  // The stack arguments of a tail call end where the function's own end: is there a store to each place?
  bool tail_arguments_are_misplaced() {
    constexpr int64_t kNear = 2000;  // displacements that need no further instructions
    const machine::VCode& code = code_.code;
    for (uint32_t i = 0; i < code.insts.size(); ++i) {
      const uint16_t opcode = code.insts[i].opcode;
      if (opcode != isa_.opcodes.tail_call && opcode != isa_.opcodes.tail_call_indirect) continue;
      const int64_t bytes = code.operands_of(code.insts[i]).back().imm;
      for (int64_t at = 0; at < bytes; at += 8) {
        machine::Amode place{
            .base = {}, .index = {}, .shift = 0, .in_frame = true, .area = machine::FrameArea::Incoming};
        place.disp = static_cast<int32_t>(code.incoming_size - bytes + at);
        const machine::SimpleInst store = isa_.store(ir::kI64, isa_.abi.tail_scratch, place);
        std::vector<Operand> operands(store.span().begin(), store.span().end());
        for (Operand& operand : operands) {
          if (operand.kind == OperandKind::Frame) {
            operand = Operand::immediate(operand.imm + code_.frame->offset_of(operand.area()));
            if (operand.imm > kNear) return false;
          }
        }
        const std::string text = isa_.insts->print(store.opcode, operands);
        const bool is_there = std::ranges::any_of(
            emitted_.insts, [&](const EmittedInst& inst) { return inst.vcode == i && inst.text == text; });
        if (is_there) continue;
        context_.result.divergence += "\n  a tail call does not store an argument: " + text;
        context_.blame(Decision::TailCall, "an argument of a tail call is not put where the callee looks for it");
        return true;
      }
    }
    return false;
  }
  bool writes(machine::PReg reg) const {
    for (const machine::Inst& inst : code_.code.insts) {
      machine::PRegSet set = isa_.desc(inst.opcode).clobbers;
      if (inst.clobbers != 0) set = set | code_.code.clobber_sets[inst.clobbers];
      if (set.contains(reg)) return true;
      for (const Operand& operand : code_.code.operands_of(inst)) {
        if (operand.is_def() && operand.reg == machine::Reg(reg)) return true;
      }
    }
    return false;
  }

  // Stores of the prologue against loads of the epilogue, by their texts: the same registers at the same places?
  void blame_saves() {
    const auto numbers_of = [&](bool prologue) {
      std::vector<std::string> texts;
      for (const EmittedInst& inst : emitted_.insts) {
        const machine::InstDesc& desc = isa_.desc(inst.opcode);
        const bool mine = prologue ? inst.vcode == machine::kNoSource && desc.is(machine::kStores)
                                   : inst.is_extra && inst.vcode != machine::kNoSource && desc.is(machine::kLoads);
        if (!mine) continue;
        std::string text = inst.text;
        text.erase(0, text.find(' '));
        texts.push_back(normalised(text));
      }
      std::ranges::sort(texts);
      texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
      return texts;
    };
    const auto stored = numbers_of(true), loaded = numbers_of(false);
    const auto show_all = [](const std::vector<std::string>& texts) {
      std::string out;
      for (const std::string& text : texts) out += (out.empty() ? "" : "; ") + text;
      return out;
    };
    context_.note("the prologue stores " + show_all(stored) + "; the epilogue loads " + show_all(loaded));
    // Two registers at one place, or fewer registers than are to be saved: whoever enumerates them.
    if (stored == loaded) {
      context_.blame(Decision::SavedPlaces, "prologue and epilogue agree with each other on wrong places");
    }
  }

  TriageContext& context_;
  const machine::TargetIsa& isa_;
  const oracles::VCodeFunction& code_;
  const machine::EmittedCode& emitted_;
  std::span<const uint8_t> bytes_;
  std::vector<TraceEvent> events_;
  std::vector<std::vector<uint64_t>> open_;  // parallel to events_ and what they define
  std::vector<MachineStep> steps_;
  oracles::Outcome outcome_, allocated_;  // of the machine, and of the allocated code
  std::vector<Group> groups_;
  std::vector<uint16_t> asked_;
  std::unique_ptr<oracles::Disassembler> disassembler_;
};

}  // namespace

// Lower case, no blanks, `#`, `$` or `,`; numbers in decimal.
std::string normalised(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (std::isspace(static_cast<unsigned char>(c)) || c == '#' || c == '$' || c == ',') {
      ++i;
    } else if (std::isdigit(static_cast<unsigned char>(c)) &&
               (out.empty() || !std::isalnum(static_cast<unsigned char>(text[i - 1])))) {
      const bool is_hex = c == '0' && i + 1 < text.size() && (text[i + 1] | 0x20) == 'x';
      uint64_t value = 0;
      if (is_hex) i += 2;
      const unsigned base = is_hex ? 16 : 10;
      for (; i < text.size() && std::isxdigit(static_cast<unsigned char>(text[i])); ++i) {
        const char digit = static_cast<char>(text[i] | 0x20);
        if (!is_hex && !std::isdigit(static_cast<unsigned char>(text[i]))) break;
        value = value * base + static_cast<uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
      }
      out += ' ' + std::to_string(value);
    } else {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      ++i;
    }
  }
  return out;
}

bool blame_definitions(TriageContext& context, ExecutorKind stage, size_t most) {
  if (!context.options.check_instruction) return false;
  const machine::TargetIsa& isa = context.traces.isa();
  std::vector<uint16_t> asked;
  bool any = false;
  const auto functions = static_cast<uint32_t>(context.test.functions.size());
  for (uint32_t n = 0; n < functions; ++n) {
    const uint32_t function = (context.test.entry + n) % functions;
    for (const machine::Inst& inst : context.traces.session().stage(stage, function).code.insts) {
      if (asked.size() == most || std::ranges::find(asked, inst.opcode) != asked.end()) continue;
      asked.push_back(inst.opcode);
      const machine::InstDesc& desc = isa.desc(inst.opcode);
      const Opinion opinion = context.options.check_instruction(context.isa, desc.name);
      if (!opinion.asked || opinion.holds) continue;
      context.note(std::string(desc.name) + " fails its own test: " + opinion.text);
      context.blame(CulpritKind::Instruction, desc.name, desc.file, desc.line,
                    "its definition is not what machines do: " + opinion.text);
      any = true;
    }
  }
  return any;
}

// Where in the frame something is, the emitter knows first: an instruction that cannot say so should have been another,
// and what makes the address of a far place is in no code before.
static void blame_frame_places(TriageContext& context, const oracles::VCodeFunction& function,
                               const std::string& message) {
  const size_t open = message.rfind('('), close = message.rfind(')');
  if (!function.frame || open == std::string::npos || close == std::string::npos || close < open) return;
  const std::string refused = message.substr(open + 1, close - open - 1), text = message.substr(0, open);
  bool is_in_code = false, has_far = false, is_place = false;
  for (const machine::Inst& inst : function.code.insts) {
    const bool is_refused = refused == context.traces.isa().desc(inst.opcode).name;
    is_in_code |= is_refused;
    for (const Operand& operand : function.code.operands_of(inst)) {
      if (operand.kind != OperandKind::Frame) continue;
      const int64_t offset = operand.imm + function.frame->offset_of(operand.area());
      has_far |= offset > machine::kNearInFrame;
      is_place |= is_refused && text.find(std::to_string(offset)) != std::string::npos;
    }
  }
  if (is_place) context.blame(Decision::FrameOperands, "a place in the frame is out of the instruction's reach");
  if (!has_far || is_in_code) return;
  context.blame(Decision::FarFramePlaces, "the address of a far place in the frame is made wrongly");
  context.blame(Decision::FrameAddress, "the address of a far place in the frame is made wrongly");
}

void blame_emission(TriageContext& context, const std::string& message) {
  context.result.divergence = message;
  if (message.find("no form of this instruction reaches") != std::string::npos) {
    return context.blame(Decision::LongerBranches, "a branch was not lengthened until it reached");
  }
  // Whose instruction was refused? Those of frames are made outside of the code.
  const machine::TargetIsa& isa = context.traces.isa();
  for (uint32_t i = 0; i < context.test.functions.size(); ++i) {
    const oracles::VCodeFunction& function = context.traces.session().stage(ExecutorKind::Allocated, i);
    const bool is_named = message.find(ir::to_string(context.test.functions[i].name) + ":") != std::string::npos;
    if (!function.frame || !function.frame->needs_frame) {
      if (is_named) blame_frame_places(context, function, message);
      continue;
    }
    bool is_access = false;  // what saves or restores registers cannot say where
    const auto refuses = [&](auto make) {
      machine::InstList list;
      make(list);
      return std::ranges::any_of(list.insts(), [&](const machine::SimpleInst& inst) {
        machine::EncodedInst encoded;
        const machine::EncodeError error = isa.insts->encode(inst.opcode, inst.span(), {}, encoded);
        const bool is_refused = error == machine::EncodeError::BadOperand || error == machine::EncodeError::OutOfRange;
        const machine::InstDesc& desc = isa.desc(inst.opcode);
        is_access |= is_refused && std::ranges::any_of(desc.operands, [](const auto& slot) {
                       return slot.kind == machine::SlotKind::MemDisp;
                     });
        return is_refused;
      });
    };
    const bool is_far = function.frame->size > machine::kNearInFrame;
    const machine::FrameLayout& frame = *function.frame;
    const bool before = refuses([&](machine::InstList& list) { isa.prologue(frame, list); });
    const bool behind = refuses([&](machine::InstList& list) { isa.epilogue(frame, frame.popped, list); });
    const auto blame_ends = [&] {
      if (before) context.blame(Decision::Prologue, "one of its instructions cannot be encoded");
      if (behind) context.blame(Decision::Epilogue, "one of its instructions cannot be encoded");
    };
    if (is_access) blame_ends();
    if (is_named) blame_frame_places(context, function, message);
    if (is_far && (before || behind))
      context.blame(Decision::FarFramePlaces, "a large frame's size is taken apart wrongly");
    if (!is_access) blame_ends();
  }
}

void blame_bytes(TriageContext& context) { ByteCheck(context).run(); }

}  // namespace assay::fuzz
