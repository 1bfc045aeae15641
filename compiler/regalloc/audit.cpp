// See audit.h.
#include "compiler/regalloc/audit.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "compiler/regalloc/state.h"

namespace assay::regalloc {

using machine::Block;
using machine::Constraint;
using machine::Inst;
using machine::Operand;
using machine::OperandKind;
using machine::Reg;
using machine::Role;
using machine::VBlock;
using machine::VCode;

namespace {

constexpr char kRanges[] = "compiler/regalloc/ranges.cpp";
constexpr char kScan[] = "compiler/regalloc/scan.cpp";
constexpr char kMoves[] = "compiler/regalloc/moves.cpp";
constexpr char kParallel[] = "compiler/regalloc/parallel_move.cpp";
constexpr size_t kMostFindings = 20;

std::string name_of(uint32_t v) { return "v" + std::to_string(v); }
std::string name_of(Location place) {
  return place.is_none()   ? "nowhere"
         : place.is_slot() ? "slot " + std::to_string(place.slot_index())
                           : "register " + std::to_string(place.preg().code);
}

// What the phases share with their judges: facts of the code, none of which the allocator has worked out.
class Facts {
 public:
  explicit Facts(const AllocatorState& state) : s(state), code(*state.code) {}

  std::vector<AuditFinding> findings;

  void report(const char* function, const char* file, std::string text) {
    if (findings.size() < kMostFindings) findings.push_back({function, file, std::move(text)});
  }

 protected:
  // The value that the allocator places for an operand, or kNone.
  uint32_t value_of(const Operand& operand) const {
    return operand.kind == OperandKind::Reg ? value_of(operand.reg) : kNone;
  }
  uint32_t value_of(Reg reg) const {
    if (!reg.is_virtual() || code.vreg_classes[reg.virtual_index()] == RegClass::Flags) return kNone;
    return reg.virtual_index();
  }
  static bool is_tied(std::span<const Operand> operands, uint32_t use) {
    return std::ranges::any_of(operands, [&](const Operand& def) {
      return def.is_def() && def.constraint == Constraint::Reuse && def.detail == use;
    });
  }
  // Where a definition's register comes from if it is fixed, directly or by the use it is tied to.
  static PReg fixed_place(std::span<const Operand> operands, const Operand& def) {
    const Operand* said = &def;
    if (def.constraint == Constraint::Reuse && def.detail < operands.size()) said = &operands[def.detail];
    return said->constraint == Constraint::Fixed ? PReg::from_code(said->detail) : PReg();
  }
  template <class F>
  void for_each_inst(F f) const {
    for (uint32_t b = 0; b < code.blocks.size(); ++b) {
      for (uint32_t i = code.blocks[b].first_inst; i < code.blocks[b].end_inst; ++i) {
        f(b, i, code.operands_of(code.insts[i]));
      }
    }
  }
  template <class F>
  void for_each_piece(uint32_t v, F f) const {
    for (uint32_t p = s.values[v].first_piece; p != kNone; p = s.pieces[p].next) f(s.pieces[p]);
  }
  std::string at(uint32_t inst) const { return "instruction " + std::to_string(inst); }

  const AllocatorState& s;
  const VCode& code;
};

// ---- the first phase ----

class RangesAudit : public Facts {
 public:
  using Facts::Facts;

  void run() {
    for_each_inst([&](uint32_t b, uint32_t i, std::span<const Operand> operands) { inst(b, i, operands); });
    for (uint32_t b = 0; b < code.blocks.size(); ++b) edges(b);
    if (findings.empty()) liveness();
  }

 private:
  bool has_use(uint32_t v, uint32_t position, bool must) const {
    for (uint32_t u = s.values[v].first_use; u != kNone; u = s.uses[u].next) {
      if (s.uses[u].position == position && (!must || s.uses[u].must())) return true;
    }
    return false;
  }
  bool is_reserved(PReg reg, uint32_t position) const {
    return std::ranges::any_of(s.reserved[reg.code], [&](const Reservation& r) { return r.position == position; });
  }
  void expect_reserved(PReg reg, uint32_t position, uint32_t i, const char* why) {
    if (!s.allocatable.contains(reg) || is_reserved(reg, position)) return;
    report("RangeBuilder::collect_inst", kRanges,
           at(i) + ": register " + std::to_string(reg.code) + " is not kept free at position " +
               std::to_string(position) + " (" + why + ")");
  }

  void inst(uint32_t b, uint32_t i, std::span<const Operand> operands) {
    const uint32_t position = AllocatorState::position_of(i, b);
    for (uint32_t k = 0; k < operands.size(); ++k) {
      const Operand& operand = operands[k];
      const uint32_t v = value_of(operand);
      if (v == kNone) continue;
      const PReg fixed = operand.is_def()                          ? fixed_place(operands, operand)
                         : operand.constraint == Constraint::Fixed ? PReg::from_code(operand.detail)
                                                                   : PReg();
      if (operand.is_def()) {
        const bool is_early = operand.role == Role::EarlyDef || operand.constraint == Constraint::Reuse;
        const DefKind kind = fixed ? DefKind::Fixed : is_early ? DefKind::Early : DefKind::Plain;
        if (s.values[v].def_kind != kind || s.values[v].def_position != position) {
          report("RangeBuilder::collect_inst", kRanges, at(i) + ": the definition of " + name_of(v) + " is not noted");
        }
        if (fixed) expect_reserved(fixed, position + 1, i, "a fixed definition");
        if (fixed && operand.role == Role::EarlyDef && operand.constraint == Constraint::Fixed) {
          expect_reserved(fixed, position, i, "an early definition");
        }
        continue;
      }
      if (fixed) expect_reserved(fixed, position, i, "a fixed use");
      const bool reads_copy = fixed || is_tied(operands, k) || shares_copy(operands, v);
      if (!has_use(v, position, !reads_copy)) {
        report("RangeBuilder::collect_inst", kRanges, at(i) + ": the use of " + name_of(v) + " is not noted");
      }
    }
    const PRegSet clobbered = s.clobbers->of(code, code.insts[i]);
    for (unsigned reg = 0; reg < 64 * machine::kRegClasses; ++reg) {
      const PReg place = PReg::from_code(static_cast<uint8_t>(reg));
      if (clobbered.contains(place)) expect_reserved(place, position + 1, i, "a clobber");
    }
  }
  // A plain use of a value that a definition is tied to may read that copy.
  bool shares_copy(std::span<const Operand> operands, uint32_t v) const {
    for (uint32_t k = 0; k < operands.size(); ++k) {
      if (operands[k].is_use() && value_of(operands[k]) == v && is_tied(operands, k)) return true;
    }
    return false;
  }

  void edges(uint32_t b) {
    const VBlock& block = code.blocks[b];
    for (Reg param : code.params_of(block)) {
      const uint32_t v = value_of(param);
      if (v == kNone) continue;
      if (s.values[v].def_kind != DefKind::Parameter || s.values[v].def_position != s.block_start(b)) {
        report("RangeBuilder::collect_block", kRanges, "parameter " + name_of(v) + " of a block is not noted");
      }
    }
    for (Reg arg : code.args_of(block)) {
      const uint32_t v = value_of(arg);
      if (v != kNone && !has_use(v, s.block_end(b), false)) {
        report("RangeBuilder::collect_block", kRanges, "argument " + name_of(v) + " of a branch is not noted");
      }
    }
  }

  // Blocks at whose start a value is live, by the textbook; then every stretch that follows must be covered.
  void liveness() {
    const size_t blocks = code.blocks.size(), values = s.values.size();
    if (blocks * values > size_t(1) << 26) return;
    std::vector<std::vector<bool>> live_in(blocks, std::vector<bool>(values)), live_out = live_in;
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t b = blocks; b-- > 0;) {
        std::vector<bool> live(values);
        for (Block succ : code.succs_of(code.blocks[b])) {
          for (size_t v = 0; v < values; ++v) live[v] = live[v] || live_in[succ.index][v];
        }
        live_out[b] = live;
        for (Reg arg : code.args_of(code.blocks[b])) set(live, value_of(arg), true);
        for (uint32_t i = code.blocks[b].end_inst; i-- > code.blocks[b].first_inst;) {
          const auto operands = code.operands_of(code.insts[i]);
          for (const Operand& operand : operands) {
            if (operand.is_def()) set(live, value_of(operand), false);
          }
          for (const Operand& operand : operands) {
            if (operand.is_use()) set(live, value_of(operand), true);
          }
        }
        for (Reg param : code.params_of(code.blocks[b])) set(live, value_of(param), false);
        if (live != live_in[b]) {
          live_in[b] = live;
          changed = true;
        }
      }
    }
    covered_ = live_ranges(s);
    for (uint32_t b = 0; b < blocks; ++b) cover_block(b, live_in[b], live_out[b]);
  }
  static void set(std::vector<bool>& live, uint32_t v, bool is_live) {
    if (v != kNone) live[v] = is_live;
  }

  void cover_block(uint32_t b, const std::vector<bool>& live_in, const std::vector<bool>& live_out) {
    const VBlock& block = code.blocks[b];
    std::map<uint32_t, uint32_t> from, to;  // by value
    for (uint32_t v = 0; v < live_in.size(); ++v) {
      if (live_in[v]) from[v] = s.block_start(b);
    }
    for (Reg param : code.params_of(block)) {
      if (value_of(param) != kNone) from[value_of(param)] = s.block_start(b);
    }
    for (uint32_t i = block.first_inst; i < block.end_inst; ++i) {
      const uint32_t position = AllocatorState::position_of(i, b);
      const auto operands = code.operands_of(code.insts[i]);
      for (uint32_t k = 0; k < operands.size(); ++k) {
        const uint32_t v = value_of(operands[k]);
        if (v == kNone) continue;
        if (operands[k].is_def()) {
          const DefKind kind = s.values[v].def_kind;
          from[v] = position + (kind == DefKind::Early ? 0 : kind == DefKind::Plain ? 1 : 2);
        } else {
          const bool reads_copy =
              operands[k].constraint == Constraint::Fixed || is_tied(operands, k) || shares_copy(operands, v);
          to[v] = std::max(to[v], reads_copy ? position : position + 1);
        }
      }
    }
    for (Reg arg : code.args_of(block)) {
      if (value_of(arg) != kNone) to[value_of(arg)] = s.block_end(b);
    }
    for (uint32_t v = 0; v < live_out.size(); ++v) {
      if (live_out[v]) to[v] = s.block_end(b);
    }
    for (const auto& [v, end] : to) {
      const auto start = from.find(v);
      if (start == from.end() || start->second >= end) continue;
      const bool is_covered = std::ranges::any_of(
          covered_[v], [&](const auto& range) { return range.first <= start->second && end <= range.second; });
      if (is_covered) continue;
      report("RangeBuilder::build_value", kRanges,
             name_of(v) + " lives from position " + std::to_string(start->second) + " to " + std::to_string(end) +
                 " (block " + std::to_string(b) + "), its range does not say so");
    }
  }

  LiveRanges covered_;
};

// ---- the second phase ----

class ScanAudit : public Facts {
 public:
  ScanAudit(const AllocatorState& state, const LiveRanges& before) : Facts(state), before_(before) {}

  void run() {
    const LiveRanges now = live_ranges(s);
    std::map<uint8_t, std::vector<const Piece*>> by_register;
    for (uint32_t v = 0; v < s.values.size(); ++v) {
      if (now[v] != before_[v]) report("Scan::cut_at", kScan, "part of the range of " + name_of(v) + " is lost");
      bool in_slot = false;
      for_each_piece(v, [&](const Piece& piece) {
        in_slot |= !piece.reg;
        if (piece.reg) by_register[piece.reg.code].push_back(&piece);
        piece_of(v, piece);
      });
      if (in_slot && !s.values[v].spilled) {
        report("Scan::to_memory", kScan, name_of(v) + " is partly in a slot and not noted as spilled");
      }
      needs(v);
    }
    for (auto& [reg, pieces] : by_register) {
      std::ranges::sort(pieces, {}, &Piece::from);
      for (size_t i = 1; i < pieces.size(); ++i) {
        if (pieces[i - 1]->to <= pieces[i]->from) continue;
        report("Scan::expire", kScan,
               name_of(pieces[i - 1]->value) + " and " + name_of(pieces[i]->value) + " are in register " +
                   std::to_string(reg) + " at once");
      }
    }
  }

 private:
  void piece_of(uint32_t v, const Piece& piece) {
    if (!piece.reg) return;
    if (!s.allocatable.contains(piece.reg) || piece.reg.reg_class() != s.values[v].reg_class) {
      report("Scan::run", kScan, name_of(v) + " is in a register that it must not have");
    }
    for (const Reservation& reservation : s.reserved[piece.reg.code]) {
      if (reservation.position < piece.from || reservation.position >= piece.to || reservation.owner == v) continue;
      report("Scan::next_reservation", kScan,
             name_of(v) + " is in register " + std::to_string(piece.reg.code) + " at position " +
                 std::to_string(reservation.position) + ", where an instruction needs it");
    }
  }
  const Piece* piece_at(uint32_t v, uint32_t position) const {
    const Piece* found = nullptr;
    for_each_piece(v, [&](const Piece& piece) {
      if (piece.from <= position && position < piece.to) found = &piece;
    });
    return found;
  }
  // Uses that read a register, definitions that write one.
  void needs(uint32_t v) {
    const Value& value = s.values[v];
    for (uint32_t u = value.first_use; u != kNone; u = s.uses[u].next) {
      if (!s.uses[u].must()) continue;
      const Piece* piece = piece_at(v, s.uses[u].position);
      if (piece == nullptr || !piece->reg) {
        report("Scan::need_at_start", kScan,
               name_of(v) + " is not in a register where " + at(s.inst_at(s.uses[u].position)) + " reads it");
      }
    }
    const bool is_written = value.def_kind == DefKind::Plain || value.def_kind == DefKind::Early;
    if (is_written && (value.def_piece == kNone || !s.pieces[value.def_piece].reg)) {
      report("Scan::need_at_start", kScan, name_of(v) + " is not in a register where it is defined");
    }
  }

  const LiveRanges& before_;
};

// ---- the third phase ----

class MovesAudit : public Facts {
 public:
  using Facts::Facts;

  void run() {
    slots();
    if (findings.empty()) expected_moves();
    if (findings.empty()) sequences();
  }

 private:
  struct Expected {
    uint32_t inst;
    uint8_t stage;
    uint32_t value;
    Location from, to;
    const char* function;
    bool is_met = false;
  };

  Location location_of(const Piece& piece) const {
    return piece.reg ? Location::reg(piece.reg) : Location::slot(s.values[piece.value].slot);
  }
  // The last piece if none reaches beyond the position.
  Location location_at(uint32_t v, uint32_t position) const {
    const Piece* found = nullptr;
    for_each_piece(v, [&](const Piece& piece) {
      if (found == nullptr || found->to <= position) found = &piece;
    });
    return found != nullptr ? location_of(*found) : Location();
  }

  void slots() {
    struct Hull {
      uint32_t value, from, to, slot, units;
    };
    std::vector<Hull> hulls;
    for (uint32_t v = 0; v < s.values.size(); ++v) {
      if (!s.values[v].spilled) continue;
      Hull hull{v, kNone, 0, s.values[v].slot, s.values[v].reg_class == RegClass::Vec ? 2u : 1u};
      for_each_piece(v, [&](const Piece& piece) {
        hull.from = std::min(hull.from, piece.from);
        hull.to = std::max(hull.to, piece.to);
      });
      if (hull.slot == kNone || hull.slot + hull.units > s.result->spill_slot_count) {
        report("MovePlacer::assign_slots", kMoves, "the spill slot of " + name_of(v) + " does not exist");
      }
      hulls.push_back(hull);
    }
    for (size_t a = 0; a < hulls.size(); ++a) {
      for (size_t b = 0; b < a; ++b) {
        const bool at_once = hulls[a].from < hulls[b].to && hulls[b].from < hulls[a].to;
        const bool in_one =
            hulls[a].slot < hulls[b].slot + hulls[b].units && hulls[b].slot < hulls[a].slot + hulls[a].units;
        if (!at_once || !in_one) continue;
        report("MovePlacer::assign_slots", kMoves,
               name_of(hulls[b].value) + " and " + name_of(hulls[a].value) + " have spill slot " +
                   std::to_string(hulls[a].slot) + " at once");
      }
    }
  }

  void expect(uint32_t inst, uint8_t stage, uint32_t v, Location from, Location to, const char* function) {
    if (from == to || from.is_none() || to.is_none()) return;
    expected_.push_back({inst, stage, v, from, to, function});
  }
  void expect_operand(uint32_t i, uint32_t k, PReg place, const char* function) {
    const PReg made = s.result->operands[code.insts[i].first_operand + k];
    if (made == place) return;
    report(function, kMoves, at(i) + ": operand " + std::to_string(k) + " is not where its value is");
  }

  void expected_moves() {
    constexpr uint8_t kEntry = 0, kEdge = 2;
    for (uint32_t b = 0; b < code.blocks.size(); ++b) {
      const VBlock& block = code.blocks[b];
      for (Reg param : code.params_of(block)) {
        const uint32_t v = value_of(param);
        if (v == kNone || !s.values[v].spilled || s.values[v].def_piece == kNone) continue;
        expect(block.first_inst, kEntry, v, location_of(s.pieces[s.values[v].def_piece]),
               Location::slot(s.values[v].slot), "MovePlacer::place_block");
      }
      if (block.arg_count != 0) {
        const auto params = code.params_of(code.blocks[code.succs_of(block)[0].index]);
        const auto args = code.args_of(block);
        for (size_t k = 0; k < args.size(); ++k) {
          const uint32_t v = value_of(params[k]);
          if (v == kNone || s.values[v].def_piece == kNone) continue;
          expect(s.block_tail[b], kEdge, v, location_at(value_of(args[k]), s.block_end(b) - 1),
                 location_of(s.pieces[s.values[v].def_piece]), "MovePlacer::place_block");
        }
      }
    }
    for_each_inst([&](uint32_t b, uint32_t i, std::span<const Operand> operands) { inst(b, i, operands); });
    for (uint32_t v = 0; v < s.values.size(); ++v) pieces_of(v);
    match();
  }

  void inst(uint32_t b, uint32_t i, std::span<const Operand> operands) {
    constexpr uint8_t kGap = 1;
    const uint32_t position = AllocatorState::position_of(i, b);
    const auto source = [&](uint32_t v) {
      const Value& value = s.values[v];
      const bool just_defined = value.def_kind == DefKind::Fixed && value.def_position + 2 == position;
      return just_defined ? Location::reg(value.fixed_def) : location_at(v, position - 1);
    };
    const auto place_of_def = [&](const Operand& def) {
      const Value& value = s.values[value_of(def)];
      return value.def_kind == DefKind::Fixed ? value.fixed_def
             : value.def_piece != kNone       ? s.pieces[value.def_piece].reg
                                              : PReg();
    };
    // The definitions first: tied uses read where they write.
    std::map<uint32_t, PReg> copies;  // by value: where a late tied definition is made of it
    for (const Operand& def : operands) {
      const uint32_t v = value_of(def);
      if (!def.is_def() || v == kNone) continue;
      const Value& value = s.values[v];
      const PReg place = place_of_def(def);
      const auto k = static_cast<uint32_t>(&def - operands.data());
      expect_operand(i, k, place, "MovePlacer::define");
      if (value.def_kind == DefKind::Fixed && value.def_piece != kNone) {
        expect(i + 1, kGap, v, Location::reg(place), location_of(s.pieces[value.def_piece]), "MovePlacer::define");
      }
      if (value.spilled) {
        expect(i + 1, kGap, v, Location::reg(place), Location::slot(value.slot), "MovePlacer::define");
      }
      if (def.constraint != Constraint::Reuse || fixed_place(operands, def)) continue;
      const uint32_t tied = value_of(operands[def.detail]);
      expect(i, kGap, tied, source(tied), Location::reg(place), "MovePlacer::tie");
      expect_operand(i, def.detail, place, "MovePlacer::tie");
      if (def.role != Role::EarlyDef) copies[tied] = place;
    }
    for (uint32_t k = 0; k < operands.size(); ++k) {
      const uint32_t v = value_of(operands[k]);
      if (!operands[k].is_use() || v == kNone) continue;
      if (operands[k].constraint == Constraint::Fixed) {
        const PReg place = PReg::from_code(operands[k].detail);
        expect_operand(i, k, place, "MovePlacer::place_inst");
        expect(i, kGap, v, source(v), Location::reg(place), "MovePlacer::place_inst");
        continue;
      }
      if (is_tied(operands, k)) continue;
      const PReg made = s.result->operands[code.insts[i].first_operand + k];
      if (copies.contains(v) && made == copies[v]) continue;
      const Location place = location_at(v, position);
      if (copies.contains(v) && !place.is_reg()) {
        expect_operand(i, k, copies[v], "MovePlacer::tie");
        continue;
      }
      expect_operand(i, k, place.is_reg() ? place.preg() : PReg(), "MovePlacer::place_inst");
    }
  }

  // Where one piece of a value ends and another begins: in a gap, or on the edges into a block.
  void pieces_of(uint32_t v) {
    constexpr uint8_t kEntry = 0, kGap = 1, kEdge = 2;
    const Piece* previous = nullptr;
    for_each_piece(v, [&](const Piece& piece) {
      const Piece* before = std::exchange(previous, &piece);
      if (!piece.reg) return;
      for (uint32_t b = s.block_at(piece.from); b < code.blocks.size() && s.block_start(b) < piece.to; ++b) {
        if (s.block_start(b) < piece.from) continue;
        if (s.values[v].def_kind == DefKind::Parameter && s.values[v].def_position == s.block_start(b)) continue;
        for (Block pred : code.preds_of(code.blocks[b])) {
          const uint32_t end = s.block_end(pred.index);
          std::optional<Location> from;
          for_each_piece(v, [&](const Piece& source) {
            if (source.from < end && source.to >= end) from = location_of(source);
          });
          if (!from) continue;  // unreachable code
          const bool at_end = code.blocks[pred.index].succ_count == 1;
          expect(at_end ? s.block_tail[pred.index] : code.blocks[b].first_inst, at_end ? kEdge : kEntry, v, *from,
                 location_of(piece), "MovePlacer::connect_edges");
        }
      }
      const bool at_start = s.block_start(s.block_at(piece.from)) == piece.from;
      if (before != nullptr && before->to == piece.from && !at_start) {
        expect(s.inst_at(piece.from), kGap, v, location_of(*before), location_of(piece), "MovePlacer::connect_pieces");
      }
    });
  }

  void match() {
    const auto describe = [&](uint32_t inst, uint8_t stage, Location from, Location to) {
      constexpr const char* kStages[] = {"at the entry of a block", "in the gap", "at the end of a block"};
      return "from " + name_of(from) + " to " + name_of(to) + " before " + at(inst) + ", " + kStages[stage];
    };
    // A surplus move stands where the missing one should not: the missing one names the function.
    std::vector<AuditFinding> surplus;
    for (const PendingMove& made : s.pending) {
      bool is_known = false;
      for (Expected& wanted : expected_) {
        if (wanted.inst != made.inst || wanted.stage != made.stage || wanted.from != made.move.from ||
            wanted.to != made.move.to)
          continue;
        wanted.is_met = is_known = true;
      }
      if (is_known) continue;
      const auto meant = std::ranges::find_if(expected_, [&](const Expected& wanted) {
        return wanted.to == made.move.to && (wanted.from == made.move.from || wanted.inst == made.inst);
      });
      surplus.push_back(
          {meant != expected_.end() ? meant->function : "MovePlacer::place_block", kMoves,
           "a move that nothing calls for: " + describe(made.inst, made.stage, made.move.from, made.move.to)});
    }
    for (const Expected& wanted : expected_) {
      if (wanted.is_met) continue;
      report(wanted.function, kMoves,
             "no move of " + name_of(wanted.value) + " " + describe(wanted.inst, wanted.stage, wanted.from, wanted.to));
    }
    for (AuditFinding& finding : surplus) report(finding.function, finding.file, std::move(finding.text));
  }

  // The moves before an instruction: all of a set at once, one set after the other, against one move after the other.
  void sequences() {
    std::map<uint32_t, std::vector<const PendingMove*>> sets;
    for (const PendingMove& pending : s.pending) sets[pending.inst].push_back(&pending);
    std::map<uint32_t, std::vector<const Move*>> lists;
    for (const Move& move : s.result->moves) {
      lists[move.inst].push_back(&move);
      const uint32_t units = move.reg_class == RegClass::Vec ? 2 : 1;
      for (const Location place : {move.from, move.to}) {
        if (!place.is_slot() || place.slot_index() + units <= s.result->spill_slot_count) continue;
        report(
            "MovePlacer::sequentialise", kMoves,
            "a move before " + at(move.inst) + " goes through " + name_of(place) + ", which is no part of the frame");
      }
    }
    for (auto& [inst, set] : sets) {
      const uint32_t number = inst;
      for (size_t n = 1; n < set.size(); ++n) {
        if (belong_together(*set[n], *set[n - 1]) != (set[n]->key() == set[n - 1]->key())) {
          report("PendingMove::key", "compiler/regalloc/state.h",
                 "the moves before " + at(number) + " are not told apart as they should be: " +
                     name_of(set[n - 1]->move.to) + ", " + name_of(set[n]->move.to));
        }
      }
      std::ranges::sort(set, {},
                        [](const PendingMove* move) { return std::tuple(move->stage, move->reg_class, move); });
      using Contents = std::map<Location, Location>;  // by place: whose value of before it holds
      const auto content = [](const Contents& contents, Location place) {
        const auto found = contents.find(place);
        return found != contents.end() ? found->second : place;
      };
      Contents at_once, in_turn;
      std::set<Location> on_cycles;
      for (size_t n = 0; n < set.size();) {
        const Contents before = at_once;
        const size_t begin = n;
        for (; n < set.size() && belong_together(*set[n], *set[begin]); ++n) {
          at_once[set[n]->move.to] = content(before, set[n]->move.from);
        }
        const auto group = std::span(set).subspan(begin, n - begin);
        add_cycles(group, on_cycles);
      }
      bool is_parked = false;  // a cycle was broken: something was written that no move asks for
      for (const Move* move : lists[inst]) {
        is_parked |= !at_once.contains(move->to);
        in_turn[move->to] = content(in_turn, move->from);
      }
      for (const auto& [place, wanted] : at_once) {
        if (content(in_turn, place) == wanted) continue;
        const bool breaks = is_parked && on_cycles.contains(place);
        report(breaks ? "ParallelMoveResolver::break_cycle" : "ParallelMoveResolver::resolve", kParallel,
               "the moves before " + at(inst) + " leave in " + name_of(place) + " what was in " +
                   name_of(content(in_turn, place)) + ", not what was in " + name_of(wanted));
      }
    }
  }
  // Of the moves before one instruction.
  static bool belong_together(const PendingMove& a, const PendingMove& b) {
    return a.stage == b.stage && a.reg_class == b.reg_class;
  }
  // The places whose contents go round in a circle.
  static void add_cycles(std::span<const PendingMove* const> group, std::set<Location>& out) {
    std::map<Location, Location> source;
    for (const PendingMove* pending : group) source[pending->move.to] = pending->move.from;
    for (const auto& [start, from] : source) {
      Location place = from;
      for (size_t steps = 0; steps <= source.size(); ++steps) {
        if (place == start) out.insert(start);
        const auto next = source.find(place);
        if (place == start || next == source.end()) break;
        place = next->second;
      }
    }
  }

  std::vector<Expected> expected_;
};

}  // namespace

LiveRanges live_ranges(const AllocatorState& state) {
  LiveRanges all(state.values.size());
  for (uint32_t v = 0; v < state.values.size(); ++v) {
    for (uint32_t p = state.values[v].first_piece; p != kNone; p = state.pieces[p].next) {
      const Piece& piece = state.pieces[p];
      if (!all[v].empty() && all[v].back().second == piece.from) {
        all[v].back().second = piece.to;
      } else {
        all[v].emplace_back(piece.from, piece.to);
      }
    }
  }
  return all;
}

std::vector<AuditFinding> audit_ranges(const AllocatorState& state) {
  RangesAudit audit(state);
  audit.run();
  return std::move(audit.findings);
}

std::vector<AuditFinding> audit_scan(const AllocatorState& state, const LiveRanges& before) {
  ScanAudit audit(state, before);
  audit.run();
  return std::move(audit.findings);
}

std::vector<AuditFinding> audit_moves(const AllocatorState& state) {
  MovesAudit audit(state);
  audit.run();
  return std::move(audit.findings);
}

std::vector<AuditFinding> audit_allocator(const VCode& code, const RegisterEnv& env, const InstClobbers& clobbers,
                                          const AllocateOptions& options) {
  AllocatorState state;
  Allocation result;
  state.code = &code;
  state.env = &env;
  state.clobbers = &clobbers;
  state.result = &result;
  size_t most_registers = 0;
  for (const auto& list : env.allocatable) {
    most_registers = std::max(most_registers, list.size());
    for (PReg reg : list) state.allocatable.add(reg);
  }
  for (state.max_registers = options.max_registers;; state.max_registers *= 2) {
    result.splits = 0;
    state.choices = RandomChoices(options.choice_seed, RandomChoices::kForAllocation);
    if (auto built = build_ranges(state); !built) {
      const bool is_collecting = !built.error().place.instruction.empty();
      return {
          {is_collecting ? "RangeBuilder::collect_inst" : "RangeBuilder::build_value", kRanges, built.error().message}};
    }
    if (auto wrong = audit_ranges(state); !wrong.empty()) return wrong;
    const LiveRanges before = live_ranges(state);
    if (auto scanned = scan_pieces(state); !scanned) {
      if (state.max_registers != 0 && state.max_registers < most_registers) continue;
      return {{"Scan::process", kScan, scanned.error().message}};
    }
    if (auto wrong = audit_scan(state, before); !wrong.empty()) return wrong;
    if (auto placed = place_moves(state); !placed) {
      return {{"MovePlacer::sequentialise", kMoves, placed.error().message}};
    }
    return audit_moves(state);
  }
}

}  // namespace assay::regalloc
