// The allocator's third phase: every piece has its place; this writes down operands, and the moves that connect pieces.
//
// Moves are collected as parallel sets, in stages before an instruction:
//   0  at the start of a block: moves of its incoming edge, if they don't stand in the predecessor; stores of
//   parameters 1  in the gap: stores after a definition, moves between pieces, and copies into fixed and tied
//   registers, all reading
//      places as they were before the gap
//   2  before the branches of a block with one successor: the moves of its edge
#include <algorithm>

#include "compiler/regalloc/state.h"

namespace assay::regalloc {

using machine::Block;
using machine::Constraint;
using machine::Inst;
using machine::Operand;
using machine::OperandKind;
using machine::Role;
using machine::VBlock;

namespace {

constexpr uint8_t kEntryStage = 0;
constexpr uint8_t kGapStage = 1;
constexpr uint8_t kEdgeStage = 2;

class MovePlacer {
 public:
  explicit MovePlacer(AllocatorState& state) : s_(state), code_(*state.code) {}

  Expected<void> run() {
    s_.pending.clear();
    s_.result->operands.assign(code_.operands.size(), PReg());
    s_.result->moves.clear();
    assign_slots();
    for (Value& value : s_.values) value.use_cursor = value.first_piece;
    for (uint32_t b = 0; b < code_.blocks.size(); ++b) place_block(b);
    for (uint32_t v = 0; v < s_.values.size(); ++v) connect_pieces(v);
    return sequentialise();
  }

 private:
  uint32_t slot_units(RegClass reg_class) const { return reg_class == RegClass::Vec ? 2 : 1; }

  // Values in the order of their hulls' starts take the slot that has been free longest, or a new one (I4).
  void assign_slots() {
    slot_count_ = 0;
    s_.result->spilled_ranges = 0;
    for (unsigned c = 0; c < machine::kRegClasses; ++c) {
      s_.order.clear();
      for (uint32_t v = 0; v < s_.values.size(); ++v) {
        const Value& value = s_.values[v];
        if (!value.spilled || unsigned(value.reg_class) != c) continue;
        s_.order.push_back(uint64_t(s_.pieces[value.first_piece].from) << 32 | v);
      }
      if (s_.order.empty()) continue;
      std::sort(s_.order.begin(), s_.order.end());
      const uint32_t units = slot_units(RegClass(c));
      slot_count_ = (slot_count_ + units - 1) / units * units;
      s_.free_slots.clear();  // a heap of (end, slot)
      for (uint64_t item : s_.order) {
        const uint32_t v = static_cast<uint32_t>(item);
        uint32_t last = s_.values[v].first_piece;
        while (s_.pieces[last].next != kNone) last = s_.pieces[last].next;
        uint32_t slot;
        if (!s_.free_slots.empty() && (s_.free_slots.front() >> 32) <= (item >> 32)) {
          std::pop_heap(s_.free_slots.begin(), s_.free_slots.end(), std::greater<>());
          slot = static_cast<uint32_t>(s_.free_slots.back());
          s_.free_slots.pop_back();
        } else {
          slot = slot_count_;
          slot_count_ += units;
        }
        s_.values[v].slot = slot;
        s_.free_slots.push_back(uint64_t(s_.pieces[last].to) << 32 | slot);
        std::push_heap(s_.free_slots.begin(), s_.free_slots.end(), std::greater<>());
        ++s_.result->spilled_ranges;
      }
    }
  }

  Location location_of(const Piece& piece) const {
    return piece.reg ? Location::reg(piece.reg) : Location::slot(s_.values[piece.value].slot);
  }
  Location slot_of(uint32_t v) const { return Location::slot(s_.values[v].slot); }

  // Where the value is at a position. Questions about one value come in order, but those of one instruction (2u-1, 2u);
  // use_cursor, which the scan no longer needs, remembers the piece.
  Location location_at(uint32_t v, uint32_t position) {
    Value& value = s_.values[v];
    const uint32_t passed = (position - 1) | 1;
    uint32_t p = value.use_cursor;
    while (s_.pieces[p].to <= position && s_.pieces[p].next != kNone) {
      if (s_.pieces[p].to <= passed) value.use_cursor = s_.pieces[p].next;
      p = s_.pieces[p].next;
    }
    return location_of(s_.pieces[p]);
  }

  void move(uint32_t inst, uint8_t stage, uint32_t v, Location from, Location to) {
    if (from != to) s_.pending.push_back({inst, stage, s_.values[v].reg_class, {from, to}});
  }

  void place_block(uint32_t b) {
    const VBlock& block = code_.blocks[b];
    for (const auto param : code_.params_of(block)) {
      const Value& value = s_.values[param.virtual_index()];
      if (value.spilled && value.def_piece != kNone && s_.pieces[value.def_piece].reg) {
        move(block.first_inst, kEntryStage, param.virtual_index(), location_of(s_.pieces[value.def_piece]),
             Location::slot(value.slot));
      }
    }
    for (uint32_t i = block.first_inst; i < block.end_inst; ++i) place_inst(i, b);
    if (block.arg_count == 0) return;
    const auto params = code_.params_of(code_.blocks[code_.succs_of(block)[0].index]);
    const auto args = code_.args_of(block);
    for (uint32_t k = 0; k < args.size(); ++k) {
      const uint32_t param = params[k].virtual_index();
      const uint32_t def_piece = s_.values[param].def_piece;
      if (s_.values[param].reg_class == RegClass::Flags || def_piece == kNone) continue;
      move(s_.block_tail[b], kEdgeStage, param, location_at(args[k].virtual_index(), s_.block_end(b) - 1),
           location_of(s_.pieces[def_piece]));
    }
  }

  // Where a value is read from by a copy in a gap: its place before the gap.
  Location copy_source(uint32_t v, uint32_t gap) {
    const Value& value = s_.values[v];
    if (value.def_kind == DefKind::Fixed && value.def_position + 2 == gap) return Location::reg(value.fixed_def);
    return location_at(v, gap - 1);
  }

  void place_inst(uint32_t i, uint32_t b) {
    const uint32_t position = s_.position_of(i, b);
    const Inst& inst = code_.insts[i];
    const auto operands = code_.operands_of(inst);
    PReg* out = s_.result->operands.data() + inst.first_operand;
    bool has_tie = false;
    for (uint32_t k = 0; k < operands.size(); ++k) {
      const Operand& operand = operands[k];
      if (operand.kind != OperandKind::Reg || operand.reg.is_none()) continue;
      if (operand.reg.is_physical()) {
        out[k] = operand.reg.preg();
        continue;
      }
      const uint32_t v = operand.reg.virtual_index();
      const Value& value = s_.values[v];
      if (value.reg_class == RegClass::Flags) {
        out[k] = machine::kFlagsReg;
      } else if (operand.role == Role::Use) {
        if (operand.constraint == Constraint::Fixed) {
          out[k] = PReg::from_code(operand.detail);
          move(i, kGapStage, v, copy_source(v, position), Location::reg(out[k]));
        } else {
          // Wrong if the value is read from a tied def's register; corrected below.
          out[k] = s_.values[v].first_piece == kNone ? PReg() : register_at(v, position);
        }
      } else {
        has_tie |= operand.constraint == Constraint::Reuse;
        define(i, v, value, out[k]);
      }
    }
    if (has_tie) tie(i, position, operands, out);
  }

  PReg register_at(uint32_t v, uint32_t position) {
    const Location location = location_at(v, position);
    return location.is_reg() ? location.preg() : PReg();
  }

  void define(uint32_t i, uint32_t v, const Value& value, PReg& out) {
    if (value.def_kind == DefKind::Fixed) {
      out = value.fixed_def;
      if (value.def_piece != kNone) {
        move(i + 1, kGapStage, v, Location::reg(out), location_of(s_.pieces[value.def_piece]));
      }
    } else {
      out = s_.pieces[value.def_piece].reg;
      assert(out);
    }
    if (value.spilled) move(i + 1, kGapStage, v, Location::reg(out), slot_of(v));
  }

  void tie(uint32_t i, uint32_t position, std::span<const Operand> operands, PReg* out) {
    for (uint32_t d = 0; d < operands.size(); ++d) {
      const Operand& def = operands[d];
      if (!def.is_def() || def.constraint != Constraint::Reuse || !def.reg.is_virtual()) continue;
      const Operand& tied = operands[def.detail];
      if (tied.constraint == Constraint::Fixed) continue;  // the def was made fixed, too
      const uint32_t v = tied.reg.virtual_index();
      move(i, kGapStage, v, copy_source(v, position), Location::reg(out[d]));
      out[def.detail] = out[d];
      if (def.role == Role::EarlyDef) continue;
      // Other plain uses of the value read the same copy.
      for (uint32_t k = 0; k < operands.size(); ++k) {
        if (operands[k].is_use() && operands[k].constraint == Constraint::Reg && operands[k].reg == tied.reg &&
            !is_tied(operands, k)) {
          out[k] = out[d];
        }
      }
    }
  }

  static bool is_tied(std::span<const Operand> operands, uint32_t use) {
    for (const Operand& operand : operands) {
      if (operand.is_def() && operand.constraint == Constraint::Reuse && operand.detail == use) return true;
    }
    return false;
  }

  // Moves between the pieces of a value that was cut: in gaps where two meet, and on edges between blocks.
  void connect_pieces(uint32_t v) {
    const Value& value = s_.values[v];
    if (value.first_piece == kNone) return;
    const Piece& first = s_.pieces[value.first_piece];
    if (first.next == kNone) return;
    s_.value_pieces.clear();
    for (uint32_t p = value.first_piece; p != kNone; p = s_.pieces[p].next) s_.value_pieces.push_back(p);
    for (size_t n = 0; n < s_.value_pieces.size(); ++n) {
      const uint32_t p = s_.value_pieces[n];
      const Piece& piece = s_.pieces[p];
      const uint32_t first_block = s_.block_at(piece.from);
      const bool at_block_start = s_.block_start(first_block) == piece.from;
      if (at_block_start) {
        // A parameter's own block receives it as an argument.
        const bool is_parameter = value.def_kind == DefKind::Parameter && p == value.def_piece;
        if (!is_parameter) connect_edges(v, first_block, piece);
      } else if (n > 0 && s_.pieces[s_.value_pieces[n - 1]].to == piece.from && piece.reg) {
        move(s_.inst_at(piece.from), kGapStage, v, location_of(s_.pieces[s_.value_pieces[n - 1]]), location_of(piece));
      }
      // Within a chain, control comes only from the block before, within the piece.
      for (uint32_t chain = s_.block_chain[first_block] + 1; chain + 1 < s_.chain_head.size(); ++chain) {
        const uint32_t head = s_.chain_head[chain];
        if (s_.block_start(head) >= piece.to) break;
        connect_edges(v, head, piece);
      }
    }
  }

  void connect_edges(uint32_t v, uint32_t block, const Piece& piece) {
    if (!piece.reg) return;  // the slot holds it already (I2)
    for (Block pred : code_.preds_of(code_.blocks[block])) {
      const uint32_t end = s_.block_end(pred.index);
      // The last piece that begins before the end of the predecessor.
      size_t low = 0, high = s_.value_pieces.size();
      while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        (s_.pieces[s_.value_pieces[middle]].from < end ? low : high) = middle;
      }
      const Piece& source = s_.pieces[s_.value_pieces[low]];
      if (source.from >= end || source.to < end) continue;  // not live there: only from unreachable code
      const Location from = location_of(source), to = location_of(piece);
      if (from == to) continue;
      if (code_.blocks[pred.index].succ_count == 1) {
        move(s_.block_tail[pred.index], kEdgeStage, v, from, to);
      } else {
        move(code_.blocks[block].first_inst, kEntryStage, v, from, to);
      }
    }
  }

  Expected<void> sequentialise() {
    auto& pending = s_.pending;
    // Few moves are out of order; equal keys may come in any order, for they happen at once.
    const auto by_key = [](const PendingMove& a, const PendingMove& b) { return a.key() < b.key(); };
    if (!std::is_sorted(pending.begin(), pending.end(), by_key)) std::sort(pending.begin(), pending.end(), by_key);
    const uint32_t gpr_spare = slot_count_;
    const uint32_t vec_spare = (slot_count_ + 2) & ~1u;
    for (size_t n = 0; n < pending.size();) {
      const size_t begin = n;
      s_.parallel.clear();
      bool needs_scratch = false;
      for (; n < pending.size() && pending[n].key() == pending[begin].key(); ++n) {
        s_.parallel.push_back(pending[n].move);
        needs_scratch |= n > begin || (pending[n].move.from.is_slot() && pending[n].move.to.is_slot());
      }
      const RegClass reg_class = pending[begin].reg_class;
      const PReg scratch = s_.env->scratch[unsigned(reg_class)];
      if (needs_scratch && !scratch) return fail("moves need a scratch register, and the register class has none");
      const bool is_vec = reg_class == RegClass::Vec;
      const uint32_t spare = is_vec ? vec_spare : gpr_spare;
      s_.sequence.clear();
      if (s_.resolver.resolve(s_.parallel, scratch, Location::slot(spare), s_.sequence)) {
        slot_count_ = std::max(slot_count_, spare + slot_units(reg_class));
      }
      for (const ParallelMove& step : s_.sequence) {
        s_.result->moves.push_back({pending[begin].inst, Point::Before, reg_class, step.from, step.to});
      }
    }
    s_.result->spill_slot_count = slot_count_;
    s_.result->move_count = static_cast<uint32_t>(s_.result->moves.size());
    return {};
  }

  AllocatorState& s_;
  const machine::VCode& code_;
  uint32_t slot_count_ = 0;
};

}  // namespace

Expected<void> place_moves(AllocatorState& state) { return MovePlacer(state).run(); }

}  // namespace assay::regalloc
