// Allocated code against the same code over virtual registers: the first operand that reads another value than it
// should, who wrote its place last, and which part of the allocator decides such things.
#include <algorithm>
#include <unordered_map>

#include "fuzz/triage_parts.h"
#include "oracles/abi_facts.h"

namespace assay::fuzz {

using machine::Operand;
using machine::OperandKind;
using machine::PReg;
using oracles::ExecutorKind;

namespace {

constexpr char kRanges[] = "compiler/regalloc/ranges.cpp";
constexpr char kMoves[] = "compiler/regalloc/moves.cpp";
constexpr char kParallel[] = "compiler/regalloc/parallel_move.cpp";
constexpr char kScan[] = "compiler/regalloc/scan.cpp";

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

// Does the value's wrong content come from a group of moves that stand together?
bool is_in_move_group(const Comparison& comparison, size_t writer) {
  const auto is_move = [&](size_t i) {
    return comparison.origin(comparison.allocated(i)) == machine::kNoSource && comparison.slot_of(i) < 0;
  };
  return is_move(writer) && ((writer > 0 && is_move(writer - 1)) || is_move(writer + 1));
}

void classify(TriageContext& context, const Comparison& comparison, const WrongRead& wrong) {
  const machine::TargetIsa& isa = context.traces.isa();
  const std::string value = "v" + std::to_string(wrong.vreg.virtual_index());
  const std::string reads = context.traces.print(ExecutorKind::Allocated, wrong.allocated_inst);
  const std::string place =
      oracles::register_name(context.isa, oracles::integer_register(static_cast<int>(wrong.place.number())));
  context.result.divergence = reads + "   (" + context.traces.print(ExecutorKind::Virtual, wrong.inst) + ")\n  " +
                              place + " should hold " + value + " = " + hex(wrong.expected) + "\n  it holds " +
                              hex(wrong.found);
  context.note("the first operand that reads a wrong value: " + value + " in " + place + " of `" + reads + "`");
  const auto writer = comparison.last_writer(wrong.place, wrong.allocated_event);
  if (!writer) {
    context.blame_function("RangeBuilder::collect_inst", kRanges, "nothing has written " + place + " before");
    context.blame_function("MovePlacer::place_block", kMoves, "nothing has written " + place + " before");
    return;
  }
  context.result.divergence +=
      "\n  last written by " + context.traces.print(ExecutorKind::Allocated, comparison.allocated(*writer).inst);
  const int64_t slot = comparison.slot_of(*writer);
  if (slot >= 0) {
    std::optional<size_t> store;
    for (size_t i = *writer; i-- > 0 && !store;) {
      if (comparison.slot_of(i) == slot && comparison.is_store(i)) store = i;
    }
    if (!store) {
      const bool is_param = comparison.is_param(wrong.vreg);
      const std::string what = value + " is loaded from a spill slot to which nothing was stored";
      context.blame_function(is_param ? "MovePlacer::place_block" : "MovePlacer::define", kMoves,
                             what + (is_param ? "; it is a block's parameter" : ""));
      context.blame_function("MovePlacer::connect_edges", kMoves, what);
      return;
    }
    context.blame_function("MovePlacer::assign_slots", kMoves,
                           "another value was stored to the spill slot of " + value);
    context.blame_function("MovePlacer::place_block", kMoves, "the spill slot of " + value + " holds an older value");
    context.blame_function("RangeBuilder::build_value", kRanges, "the spill slot of " + value + " was taken too early");
    return;
  }
  if (comparison.origin(comparison.allocated(*writer)) == machine::kNoSource) {
    if (is_in_move_group(comparison, *writer)) {
      context.blame_function("ParallelMoveResolver::break_cycle", kParallel,
                             "one of several moves together goes wrong");
    }
    context.blame_function("MovePlacer::connect_edges", kMoves, "a move of the allocator brought the wrong value");
    context.blame_function("ParallelMoveResolver::break_cycle", kParallel,
                           "a move of the allocator brought the wrong value");
    context.blame_function("RangeBuilder::build_value", kRanges, "a value's range may be too short");
    return;
  }
  const machine::InstDesc& desc = isa.desc(comparison.inst_of(*writer).opcode);
  if (desc.is(machine::kIsCall) || !comparison.writes(*writer, wrong.place)) {
    context.blame_function("RangeBuilder::collect_inst", kRanges,
                           std::string(desc.name) + " clobbers " + place + ", where " + value + " lives");
    return;
  }
  if (*writer + 1 == wrong.allocated_event || comparison.origin(comparison.allocated(*writer)) == wrong.inst) {
    context.blame_function("RangeBuilder::collect_inst", kRanges,
                           std::string(desc.name) + " writes " + place + " while " + value + " is still needed there");
  }
  if (comparison.has_loop()) {
    context.blame_function("RangeBuilder::build_value", kRanges,
                           value + " is overwritten while it lives, and the function has a loop");
  }
  context.blame_function("RangeBuilder::collect_inst", kRanges, value + " is overwritten while it lives");
  context.blame_function("Scan::assign", kScan, value + " is overwritten while it lives");
}

// Registers that live across a call although the platform's convention does not preserve them.
bool blame_clobbers(TriageContext& context, const Comparison& comparison, const WrongRead& wrong) {
  const auto writer = comparison.last_writer(wrong.place, wrong.allocated_event);
  const oracles::AbiFacts& facts = oracles::abi_facts(context.isa);
  const bool preserved =
      std::ranges::find(facts.preserved_integer, wrong.place.number()) != facts.preserved_integer.end();
  if (preserved) return false;
  for (size_t i = writer.value_or(0); i < wrong.allocated_event; ++i) {
    const machine::Inst& inst = comparison.inst_of(i);
    if (!context.traces.isa().desc(inst.opcode).is(machine::kIsCall) || (writer && i == *writer)) continue;
    context.note("a value stays across a call in a register that the convention does not preserve");
    context.blame_function("LowerContext::emit_call", "compiler/machine/lower_calls.cpp",
                           "the call does not clobber a register that callees may change");
    context.result.stage = TriageStage::Virtual;
    return true;
  }
  return false;
}

}  // namespace

void blame_allocation(TriageContext& context, const std::string& complaint) {
  if (!complaint.empty()) context.note("the checker of allocations complains: " + complaint);
  if (!context.traces.problem().empty()) {
    context.result.divergence = context.traces.problem();
    const bool is_move = complaint.find("move") != std::string::npos;
    context.blame_function(is_move ? "MovePlacer::connect_edges" : "Allocator::run",
                           is_move ? kMoves : "compiler/regalloc/allocator.cpp", context.traces.problem());
    return;
  }
  Comparison comparison(context);
  const auto wrong = comparison.find();
  if (complaint.empty()) context.note("the checker of allocations does not complain");
  if (!wrong) {
    if (comparison.outcome().kind == oracles::OutcomeKind::AbiViolated) {
      context.result.divergence = comparison.outcome().text;
      context.result.stage = TriageStage::Bytes;  // what is saved is the frame's affair
      return blame_bytes(context);
    }
    if (!complaint.empty()) context.result.divergence = complaint;
    const bool early = complaint.find("early") != std::string::npos;
    const bool clobber = complaint.find("clobber") != std::string::npos;
    const bool moves = complaint.find("move") != std::string::npos;
    if (moves) context.blame_function("MovePlacer::connect_edges", kMoves, complaint);
    if (early || clobber) context.blame_function("RangeBuilder::collect_inst", kRanges, complaint);
    context.blame_function("RangeBuilder::build_value", kRanges, "no operand was seen to read a wrong value");
    return;
  }
  if (complaint.empty() && blame_clobbers(context, comparison, *wrong)) return;
  classify(context, comparison, *wrong);
}

}  // namespace assay::fuzz
