// Allocated code against the same code over virtual registers: the first operand that reads another value than it
// should, and who wrote its place last. Which function decided it, the allocator's own audit says (regalloc/audit.h),
// or a comparison of the allocation with what became of it.
#include <algorithm>
#include <unordered_map>

#include "compiler/regalloc/allocator.h"
#include "compiler/regalloc/audit.h"
#include "fuzz/triage_parts.h"
#include "oracles/abi_facts.h"

namespace assay::fuzz {

using machine::Operand;
using machine::OperandKind;
using machine::PReg;
using oracles::ExecutorKind;

namespace {

struct WrongRead {
  size_t virtual_event = 0;    // events before it are right
  size_t allocated_event = 0;  // of the instruction that reads
  uint32_t inst = 0;           // in the virtual code
  uint32_t allocated_inst = 0;
  unsigned operand = 0;
  machine::Reg vreg;
  PReg place;
  uint64_t found = 0, expected = 0;
};

class Comparison {
 public:
  explicit Comparison(TriageContext& context)
      : context_(context),
        virtual_code_(context.traces.code(ExecutorKind::Virtual)),
        allocated_code_(context.traces.code(ExecutorKind::Allocated)) {
    oracles::Outcome outcome;
    virtual_ = context.traces.trace(ExecutorKind::Virtual, outcome);
    allocated_ = context.traces.trace(ExecutorKind::Allocated, outcome_);
  }

  const oracles::Outcome& outcome() const { return outcome_; }

  // Walks both in step.
  std::optional<WrongRead> find() {
    size_t a = 0;
    for (size_t v = 0; v < virtual_.size(); ++v) {
      const TraceEvent& event = virtual_[v];
      if (!event.is_entry) {
        while (a < allocated_.size() && origin(allocated_[a]) == machine::kNoSource) remember(a++);
        if (a >= allocated_.size() || origin(allocated_[a]) != event.inst) {
          // Moves to oneself and branches to the next block are dropped; anything else that is missing is a divergence.
          if (is_dropped(event.inst)) {
            keep(event);
            continue;
          }
          return last_branch(v, a);
        }
        if (auto wrong = compare_uses(v, a)) return wrong;
        remember(a++);
      }
      keep(event);
    }
    return std::nullopt;
  }

  // The event of the allocated code before `event` that wrote this register last, if any.
  std::optional<size_t> last_writer(PReg place, size_t event) const {
    for (size_t i = event; i-- > 0;) {
      for (const oracles::VCodeValue& made : allocated_[i].defined) {
        if (made.reg == machine::Reg(place)) return i;
      }
      const machine::Inst& inst = allocated_code_.code.insts[allocated_[i].inst];
      machine::PRegSet set = context_.traces.isa().desc(inst.opcode).clobbers;
      if (inst.clobbers != 0) set = set | allocated_code_.code.clobber_sets[inst.clobbers];
      if (set.contains(place)) return i;
    }
    return std::nullopt;
  }

  uint32_t origin(const TraceEvent& event) const { return allocated_code_.origins[event.inst]; }
  const TraceEvent& allocated(size_t i) const { return allocated_[i]; }
  const machine::Inst& inst_of(size_t i) const { return allocated_code_.code.insts[allocated_[i].inst]; }
  std::span<const Operand> operands_of(size_t i) const { return allocated_code_.code.operands_of(inst_of(i)); }
  bool is_param(machine::Reg vreg) const {
    return std::ranges::find(virtual_code_.code.block_params, vreg) != virtual_code_.code.block_params.end();
  }
  bool writes(size_t i, PReg place) const {
    return std::ranges::any_of(allocated_[i].defined,
                               [&](const oracles::VCodeValue& made) { return made.reg == machine::Reg(place); });
  }
  // The slot an allocator's load or store goes to, or -1.
  int64_t slot_of(size_t i) const {
    if (origin(allocated_[i]) != machine::kNoSource) return -1;
    for (const Operand& operand : operands_of(i)) {
      if (operand.kind == OperandKind::Frame && operand.area() == machine::FrameArea::Spills) return operand.imm;
    }
    return -1;
  }
  bool is_store(size_t i) const { return context_.traces.isa().desc(inst_of(i).opcode).is(machine::kStores); }
  bool has_loop() const {
    const auto& blocks = virtual_code_.code.blocks;
    for (uint32_t b = 0; b < blocks.size(); ++b) {
      for (machine::Block succ : virtual_code_.code.succs_of(blocks[b])) {
        if (succ.index <= b) return true;
      }
    }
    return false;
  }

 private:
  void keep(const TraceEvent& event) {
    for (const oracles::VCodeValue& made : event.defined) values_[made.reg.bits] = made.value.low();
  }
  void remember(size_t a) {
    for (const oracles::VCodeValue& made : allocated_[a].defined) places_[made.reg.bits] = made.value.low();
    const machine::Inst& inst = inst_of(a);
    machine::PRegSet set = context_.traces.isa().desc(inst.opcode).clobbers;
    if (inst.clobbers != 0) set = set | allocated_code_.code.clobber_sets[inst.clobbers];
    for (unsigned code = 0; code < 64 * machine::kRegClasses; ++code) {
      const PReg reg = PReg::from_code(static_cast<uint8_t>(code));
      const bool defined = std::ranges::any_of(
          allocated_[a].defined, [&](const oracles::VCodeValue& made) { return made.reg == machine::Reg(reg); });
      if (set.contains(reg) && !defined) places_[machine::Reg(reg).bits] = 0xbad0bad0bad0bad0u;
    }
  }
  bool is_dropped(uint32_t inst) const {
    return std::ranges::find(allocated_code_.origins, inst) == allocated_code_.origins.end();
  }
  std::optional<WrongRead> compare_uses(size_t v, size_t a) const {
    const auto uses = virtual_code_.code.operands_of(virtual_code_.code.insts[virtual_[v].inst]);
    const auto places = operands_of(a);
    for (unsigned k = 0; k < uses.size() && k < places.size(); ++k) {
      if (!uses[k].is_use() || !uses[k].reg.is_virtual() || !places[k].is_reg() || !places[k].reg.is_physical())
        continue;
      const auto expected = values_.find(uses[k].reg.bits);
      const auto found = places_.find(places[k].reg.bits);
      if (expected == values_.end() || (found != places_.end() && found->second == expected->second)) continue;
      return WrongRead{v,
                       a,
                       virtual_[v].inst,
                       allocated_[a].inst,
                       k,
                       uses[k].reg,
                       places[k].reg.preg(),
                       found == places_.end() ? 0 : found->second,
                       expected->second};
    }
    return std::nullopt;
  }
  std::optional<WrongRead> last_branch(size_t, size_t) const { return std::nullopt; }

  TriageContext& context_;
  const oracles::VCodeFunction& virtual_code_;
  const oracles::VCodeFunction& allocated_code_;
  std::vector<TraceEvent> virtual_, allocated_;
  oracles::Outcome outcome_;
  std::unordered_map<uint32_t, uint64_t> values_, places_;  // by Reg::bits
};

// What the first operand that reads a wrong value should have read, and who wrote its place last.
void describe(TriageContext& context, const Comparison& comparison, const WrongRead& wrong) {
  const std::string value = "v" + std::to_string(wrong.vreg.virtual_index());
  const std::string reads = context.traces.print(ExecutorKind::Allocated, wrong.allocated_inst);
  const std::string place =
      oracles::register_name(context.isa, oracles::integer_register(static_cast<int>(wrong.place.number())));
  context.result.divergence = reads + "   (" + context.traces.print(ExecutorKind::Virtual, wrong.inst) + ")\n  " +
                              place + " should hold " + value + " = " + hex(wrong.expected) + "\n  it holds " +
                              hex(wrong.found);
  context.note("the first operand that reads a wrong value: " + value + " in " + place + " of `" + reads + "`");
  if (const auto writer = comparison.last_writer(wrong.place, wrong.allocated_event)) {
    context.result.divergence +=
        "\n  last written by " + context.traces.print(ExecutorKind::Allocated, comparison.allocated(*writer).inst);
  }
}

// The registers that instructions overwrite, by opcode.
std::vector<machine::PRegSet> clobbers_of(const machine::TargetIsa& isa) {
  std::vector<machine::PRegSet> out;
  for (const machine::InstDesc& desc : isa.insts->descs) out.push_back(desc.clobbers);
  return out;
}

// The allocator's phases, on each function of the case.
bool blame_phases(TriageContext& context) {
  const regalloc::RegisterEnv registers =
      machine::allocatable_registers(context.traces.isa(), context.traces.options());
  const std::vector<machine::PRegSet> by_opcode = clobbers_of(context.traces.isa());
  for (uint32_t i = 0; i < context.test.functions.size(); ++i) {
    const machine::VCode& code = context.traces.session().stage(ExecutorKind::Virtual, i).code;
    if (code.insts.empty()) continue;
    const auto findings = regalloc::audit_allocator(code, registers, regalloc::InstClobbers{by_opcode},
                                                    machine::allocate_options(context.traces.options()));
    for (const regalloc::AuditFinding& finding : findings) {
      context.note("the allocator's audit: " + finding.text);
      context.blame(CulpritKind::Function, finding.function, finding.file, 0, finding.text);
    }
    if (!findings.empty()) return true;
  }
  return false;
}

// The allocation is right: is it what the allocated code says?
bool blame_application(TriageContext& context) {
  const std::vector<machine::PRegSet> by_opcode = clobbers_of(context.traces.isa());
  const machine::TargetIsa& isa = context.traces.isa();
  const regalloc::RegisterEnv registers = machine::allocatable_registers(isa, context.traces.options());
  for (uint32_t f = 0; f < context.test.functions.size(); ++f) {
    const machine::VCode& before = context.traces.session().stage(ExecutorKind::Virtual, f).code;
    const oracles::VCodeFunction& after = context.traces.session().stage(ExecutorKind::Allocated, f);
    const auto allocation = regalloc::allocate(before, registers, regalloc::InstClobbers{by_opcode},
                                               machine::allocate_options(context.traces.options()));
    if (!allocation || after.code.insts.empty()) continue;
    const auto print = [&](const machine::Inst& inst) {
      return isa.insts->print(inst.opcode, after.code.operands_of(inst));
    };
    std::vector<bool> is_there(before.insts.size());
    size_t next = 0;  // of the moves
    for (size_t i = 0; i < after.code.insts.size(); ++i) {
      const machine::Inst& inst = after.code.insts[i];
      const auto operands = after.code.operands_of(inst);
      if (after.origins[i] != machine::kNoSource) {
        is_there[after.origins[i]] = true;
        const machine::Inst& origin = before.insts[after.origins[i]];
        for (size_t k = 0; k < operands.size() && k < origin.operand_count; ++k) {
          const Operand& was = before.operands[origin.first_operand + k];
          if (!was.is_reg() || !was.reg.is_virtual()) continue;
          if (operands[k].reg == machine::Reg(allocation->operands[origin.first_operand + k])) continue;
          context.result.divergence = print(inst);
          context.blame(Decision::RewrittenCode, "an operand of `" + print(inst) + "` is not what was allocated");
          return true;
        }
        continue;
      }
      while (next < allocation->moves.size() && allocation->moves[next].from == allocation->moves[next].to) ++next;
      if (next >= allocation->moves.size()) break;
      const regalloc::Move& move = allocation->moves[next++];
      const Operand* slot = nullptr;
      bool has_from = move.from.is_slot(), has_to = move.to.is_slot();
      for (const Operand& operand : operands) {
        if (operand.kind == OperandKind::Frame && operand.area() == machine::FrameArea::Spills) slot = &operand;
        has_from |= move.from.is_reg() && operand.is_use() && operand.reg == machine::Reg(move.from.preg());
        has_to |= move.to.is_reg() && operand.is_def() && operand.reg == machine::Reg(move.to.preg());
      }
      const regalloc::Location memory = move.from.is_slot() ? move.from : move.to;
      const bool is_placed =
          memory.is_slot() == (slot != nullptr) && (slot == nullptr || slot->imm == int64_t(memory.slot_index()) * 8);
      if (has_from && has_to && is_placed) continue;
      context.result.divergence = print(inst);
      context.blame(Decision::InsertedMoves, "`" + print(inst) + "` is not the move that the allocator asked for");
      return true;
    }
    for (uint32_t i = 0; i < before.insts.size(); ++i) {
      if (is_there[i] || isa.desc(before.insts[i].opcode).is(machine::kIsMove)) continue;
      const std::string text = isa.insts->print(before.insts[i].opcode, before.operands_of(before.insts[i]));
      context.result.divergence = text;
      context.blame(Decision::InsertedMoves, "`" + text + "` is missing in the allocated code: it is no move");
      return true;
    }
  }
  return false;
}

}  // namespace

void blame_allocation(TriageContext& context, const std::string& complaint) {
  if (!complaint.empty()) context.note("the checker of allocations complains: " + complaint);
  if (!context.traces.problem().empty()) {
    context.result.divergence = context.traces.problem();
    if (!blame_phases(context)) context.blame(Decision::Allocation, context.traces.problem());
    return;
  }
  Comparison comparison(context);
  const auto wrong = comparison.find();
  if (wrong) {
    describe(context, comparison, *wrong);
  } else {
    context.result.divergence = complaint;
  }
  if (blame_phases(context) || blame_application(context)) return;
  if (!wrong && comparison.outcome().kind == oracles::OutcomeKind::AbiViolated) {
    context.result.divergence = comparison.outcome().text;
    context.result.stage = TriageStage::Bytes;  // what is saved is the frame's affair
    return blame_bytes(context);
  }
  context.blame(Decision::Allocation, "each phase delivers what it should, and the code is wrong");
}

}  // namespace assay::fuzz
