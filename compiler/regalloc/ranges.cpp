// The allocator's first phase: one pass over the instructions, last to first, collects uses, definitions, constraints
// and register reservations; then each value's live range is found and cut into contiguous pieces.
//
// Liveness is found value by value, walking from the uses up to the definition. The walk's unit is a chain: consecutive
// blocks each of which, but the first, has the one before it as its only predecessor. What is live in a chain
// is a prefix of it (or starts at the definition), so one number per chain and value will do.
#include <algorithm>

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

namespace {

constexpr uint64_t kLivenessBudget = uint64_t(1) << 29;
constexpr uint8_t kTiedUse = 1;       // the def tied to it is written at the end: others may read its copy
constexpr uint8_t kTiedUseEarly = 2;  // ... at the start

class RangeBuilder {
 public:
  explicit RangeBuilder(AllocatorState& state) : s_(state), code_(*state.code) {}

  Expected<void> build() {
    init();
    for (uint32_t b = static_cast<uint32_t>(code_.blocks.size()); b-- > 0;) {
      if (auto done = collect_block(b); !done) return done;
    }
    find_loops();
    for (uint32_t v = 0; v < s_.values.size(); ++v) {
      if (auto done = build_value(v); !done) return done;
    }
    return {};
  }

 private:
  void init() {
    const size_t block_count = code_.blocks.size();
    s_.values.resize(code_.vreg_classes.size());
    for (uint32_t v = 0; v < s_.values.size(); ++v) {
      s_.values[v] =
          Value{kNone,         kNone, kNone, kNone, kNone, kNone, kNone, v, kNone, kNone, code_.vreg_classes[v],
                DefKind::None, {},    {},    {},    {},    false, false};
    }
    s_.uses.clear();
    s_.pieces.clear();
    for (uint8_t reg : s_.reserved_used) s_.reserved[reg].clear();
    s_.reserved_used.clear();
    s_.unit_block.resize(code_.insts.size() + block_count);
    s_.block_tail.resize(block_count);
    s_.block_chain.resize(block_count);
    s_.chain_head.clear();
    for (uint32_t b = 0; b < block_count; ++b) {
      const VBlock& block = code_.blocks[b];
      if (b == 0 || block.pred_count != 1 || code_.preds_of(block)[0].index != b - 1) s_.chain_head.push_back(b);
      s_.block_chain[b] = static_cast<uint32_t>(s_.chain_head.size() - 1);
      std::fill(s_.unit_block.begin() + (block.first_inst + b), s_.unit_block.begin() + (block.end_inst + b + 1), b);
    }
    s_.chain_head.push_back(static_cast<uint32_t>(block_count));
    s_.chain_stamp.assign(s_.chain_head.size(), kNone);
    s_.chain_reach.resize(s_.chain_head.size());
  }

  static bool is_branch(std::span<const Operand> operands) {
    for (const Operand& operand : operands) {
      if (operand.kind == OperandKind::Label) return true;
    }
    return false;
  }

  Expected<void> collect_block(uint32_t b) {
    const VBlock& block = code_.blocks[b];
    if (block.first_inst >= block.end_inst) return fail("block " + std::to_string(b) + " has no instructions");
    uint32_t tail = block.end_inst;
    while (tail > block.first_inst && is_branch(code_.operands_of(code_.insts[tail - 1]))) --tail;
    s_.block_tail[b] = tail;
    if (block.succ_count == 1 && tail == block.end_inst) {
      return fail("block " + std::to_string(b) + " has a successor but does not end in a branch");
    }

    if (block.arg_count != 0) {
      if (block.succ_count != 1) return fail("a block with several successors passes arguments");
      const auto params = code_.params_of(code_.blocks[code_.succs_of(block)[0].index]);
      const auto args = code_.args_of(block);
      if (params.size() != args.size()) return fail("the number of branch arguments is not that of the parameters");
      const uint32_t end = s_.block_end(b);
      for (uint32_t k = 0; k < args.size(); ++k) {
        const uint32_t arg = args[k].virtual_index();
        const uint32_t param = params[k].virtual_index();
        if (s_.values[arg].reg_class != s_.values[param].reg_class) {
          return fail("a branch argument and its parameter have different classes");
        }
        add_use(arg, end, end, false);
        if (!s_.values[arg].preferred) s_.values[arg].preferred = s_.values[param].preferred;
        s_.join_groups(arg, param);
        // Blocks come last first: of a loop's parameter, this is the argument that comes round.
        if (s_.values[arg].partner == kNone) s_.values[arg].partner = param;
        if (s_.values[param].partner == kNone) s_.values[param].partner = arg;
      }
    }
    for (uint32_t i = block.end_inst; i-- > block.first_inst;) {
      if (auto done = collect_inst(i, b, tail); !done) return done;
    }
    for (Reg param : code_.params_of(block)) {
      if (auto done = define(param.virtual_index(), s_.block_start(b), DefKind::Parameter); !done) return done;
    }
    return {};
  }

  void add_use(uint32_t v, uint32_t position, uint32_t reach, bool must, uint32_t earliest = 0) {
    Value& value = s_.values[v];
    const uint32_t index = static_cast<uint32_t>(s_.uses.size());
    const uint32_t next = value.first_use;
    const uint32_t next_must = must ? index : next == kNone ? kNone : s_.uses[next].next_must;
    s_.uses.push_back({position, must ? earliest : position, reach, next, next_must, must});
    value.first_use = index;
  }

  Expected<void> define(uint32_t v, uint32_t position, DefKind kind) {
    Value& value = s_.values[v];
    if (value.def_kind != DefKind::None) {
      return fail(instruction_place(s_.inst_at(position)), "v" + std::to_string(v) + " is defined twice");
    }
    value.def_position = position;
    value.def_kind = kind;
    return {};
  }

  // Reservations arrive with falling positions; those of one position may repeat.
  Expected<void> reserve(PReg reg, uint32_t position, uint32_t owner) {
    auto& list = s_.reserved[reg.code];
    if (list.empty()) s_.reserved_used.push_back(reg.code);
    if (!list.empty() && list.back().position == position) {
      if (list.back().owner == owner) return {};
      return fail(instruction_place(s_.inst_at(position)), "two operands want the same fixed register",
                  "register code " + std::to_string(reg.code));
    }
    list.push_back({position, owner});
    return {};
  }

  Expected<void> check_fixed(uint32_t i, PReg reg, RegClass reg_class) const {
    if (reg.code >= machine::kRegClasses * 64 || reg.reg_class() != reg_class) {
      return fail(instruction_place(i), "a fixed register is not of the operand's class");
    }
    if (reg == s_.env->scratch[unsigned(reg_class)]) {
      return fail(instruction_place(i), "an operand is fixed to the scratch register");
    }
    return {};
  }

  // A virtual register the allocator deals with: its value, or kNone.
  uint32_t allocated_value(const Operand& operand) const {
    if (operand.kind != OperandKind::Reg || !operand.reg.is_virtual()) return kNone;
    const uint32_t v = operand.reg.virtual_index();
    return s_.values[v].reg_class == RegClass::Flags ? kNone : v;
  }

  Expected<void> collect_inst(uint32_t i, uint32_t b, uint32_t tail) {
    const VBlock& block = code_.blocks[b];
    const uint32_t position = s_.position_of(i, b);
    const Inst& inst = code_.insts[i];
    const auto operands = code_.operands_of(inst);
    const bool in_tail = i >= tail;
    bool has_virtual = false, has_early_fixed = false;
    bool has_tie = false;

    // Definitions. A def tied to a fixed use is a def fixed to that register.
    for (uint32_t k = 0; k < operands.size(); ++k) {
      const Operand& operand = operands[k];
      const uint32_t v = allocated_value(operand);
      if (v == kNone) continue;
      if (in_tail && block.succ_count == 1) {
        return fail(instruction_place(i), "a branch of a block with one successor has a virtual operand");
      }
      if (operand.role == Role::Use) {
        has_virtual = true;
        continue;
      }
      if (in_tail && s_.values[v].first_use != kNone) {
        return fail(instruction_place(i), "a value defined by a branch is used");
      }
      PReg fixed;
      if (operand.constraint == Constraint::Fixed) {
        fixed = PReg::from_code(operand.detail);
      } else if (operand.constraint == Constraint::Reuse) {
        if (!has_tie) s_.operand_flags.assign(operands.size(), 0);
        has_tie = true;
        const uint32_t target = operand.detail;
        const uint32_t used = target < operands.size() ? allocated_value(operands[target]) : kNone;
        if (used == kNone || operands[target].role != Role::Use ||
            s_.values[used].reg_class != s_.values[v].reg_class || s_.operand_flags[target]) {
          return fail(instruction_place(i), "a tied def names no use of its class that it can be tied to");
        }
        s_.operand_flags[target] = operand.role == Role::EarlyDef ? kTiedUseEarly : kTiedUse;
        s_.values[v].tied_to = used;
        if (operands[target].constraint == Constraint::Fixed) {
          fixed = PReg::from_code(operands[target].detail);
        } else {
          if (in_tail && i != tail) return fail(instruction_place(i), "a constraint on a second branch of a block");
          if (!s_.values[used].preferred) s_.values[used].preferred = s_.values[v].preferred;
          s_.join_groups(used, v);
        }
      }
      if (fixed) {
        if (auto ok = check_fixed(i, fixed, s_.values[v].reg_class); !ok) return ok;
        if (auto ok = reserve(fixed, position + 1, v); !ok) return ok;
        s_.values[v].fixed_def = fixed;
        has_early_fixed |= operand.role == Role::EarlyDef && operand.constraint == Constraint::Fixed;
        if (auto ok = define(v, position, DefKind::Fixed); !ok) return ok;
      } else {
        const bool early = operand.role == Role::EarlyDef || operand.constraint == Constraint::Reuse;
        if (auto ok = define(v, position, early ? DefKind::Early : DefKind::Plain); !ok) return ok;
      }
    }

    const PRegSet clobbered = s_.clobbers->of(code_, inst);
    for (unsigned c = 0; c < machine::kRegClasses; ++c) {
      const uint64_t relevant = clobbered.words[c] & s_.allocatable.words[c];
      if (relevant != 0 && in_tail && block.succ_count == 1) {
        return fail(instruction_place(i), "a branch of a block with one successor clobbers registers");
      }
      for (uint64_t bits = relevant; bits != 0; bits &= bits - 1) {
        const PReg reg(RegClass(c), static_cast<unsigned>(__builtin_ctzll(bits)));
        auto& list = s_.reserved[reg.code];
        if (list.empty()) s_.reserved_used.push_back(reg.code);
        if (list.empty() || list.back().position != position + 1) list.push_back({position + 1, kNone});
      }
    }
    if (has_early_fixed) {
      for (const Operand& operand : operands) {
        if (operand.role != Role::EarlyDef || operand.constraint != Constraint::Fixed) continue;
        const uint32_t v = allocated_value(operand);
        if (v == kNone) continue;
        if (auto ok = reserve(PReg::from_code(operand.detail), position, v); !ok) return ok;
      }
    }
    if (!has_virtual) return {};

    // Uses.
    for (uint32_t k = 0; k < operands.size(); ++k) {
      const Operand& operand = operands[k];
      if (operand.role != Role::Use) continue;
      const uint32_t v = allocated_value(operand);
      if (v == kNone) continue;
      if (operand.constraint == Constraint::Fixed) {
        if (in_tail && i != tail) return fail(instruction_place(i), "a constraint on a second branch of a block");
        const PReg reg = PReg::from_code(operand.detail);
        if (auto ok = check_fixed(i, reg, s_.values[v].reg_class); !ok) return ok;
        // If an early def takes the register over, other operands can't read the value there.
        const bool is_taken = has_tie && s_.operand_flags[k] == kTiedUseEarly;
        if (auto ok = reserve(reg, position, is_taken ? tied_def(operands, k) : v); !ok) return ok;
        add_use(v, position, position, false);
        s_.values[v].preferred = reg;
      } else if (has_tie && (s_.operand_flags[k] != 0 || reads_tied_copy(operands, v))) {
        add_use(v, position, position, false);
      } else {
        add_use(v, position, position + 1, true, in_tail ? s_.position_of(tail, b) : position);
      }
    }
    return {};
  }

  // Whether a plain operand can read the copy of `v` that stands in a tied def's register.
  bool reads_tied_copy(std::span<const Operand> operands, uint32_t v) const {
    for (uint32_t k = 0; k < operands.size(); ++k) {
      if (s_.operand_flags[k] == kTiedUse && operands[k].constraint != Constraint::Fixed &&
          allocated_value(operands[k]) == v) {
        return true;
      }
    }
    return false;
  }

  uint32_t tied_def(std::span<const Operand> operands, uint32_t use) const {
    for (const Operand& operand : operands) {
      if (operand.is_def() && operand.constraint == Constraint::Reuse && operand.detail == use) {
        return allocated_value(operand);
      }
    }
    return kNone;
  }

  // A back edge in emission order makes the blocks from its target to its source a loop. Exact for loops laid out
  // contiguously; a heuristic for others, on which nothing but costs depends.
  void find_loops() {
    s_.loops.clear();
    const uint32_t block_count = static_cast<uint32_t>(code_.blocks.size());
    bool any = false;
    for (uint32_t b = 0; b < block_count; ++b) {
      for (Block succ : code_.succs_of(code_.blocks[b])) {
        if (succ.index > b) continue;
        if (!any) s_.loop_end.assign(block_count, kNone);
        any = true;
        uint32_t& end = s_.loop_end[succ.index];
        if (end == kNone || end < b) end = b;
      }
    }
    if (!any) return;
    s_.block_loop.resize(block_count);
    uint32_t current = kNone;
    for (uint32_t b = 0; b < block_count; ++b) {
      while (current != kNone && s_.loops[current].end <= s_.block_start(b)) current = s_.loops[current].parent;
      if (s_.loop_end[b] != kNone) {
        uint32_t end = s_.block_end(s_.loop_end[b]);
        if (current != kNone) end = std::min(end, s_.loops[current].end);
        s_.loops.push_back({s_.block_start(b), end, current, current == kNone ? 1 : s_.loops[current].depth + 1});
        current = static_cast<uint32_t>(s_.loops.size() - 1);
      }
      s_.block_loop[b] = current;
    }
  }

  uint32_t chain_start(uint32_t chain) const { return s_.block_start(s_.chain_head[chain]); }
  uint32_t chain_end(uint32_t chain) const { return s_.block_end(s_.chain_head[chain + 1] - 1); }

  Expected<void> build_value(uint32_t v) {
    const Value& value = s_.values[v];
    if (value.reg_class == RegClass::Flags) return {};
    if (value.def_kind == DefKind::None) {
      if (value.first_use == kNone) return {};
      return fail("v" + std::to_string(v) + " is used but never defined");
    }

    uint32_t start = 0, must_until = 0;
    switch (value.def_kind) {
      case DefKind::Parameter:
        start = value.def_position;
        break;
      case DefKind::Plain:
        start = value.def_position + 1;
        must_until = start + 1;
        break;
      case DefKind::Early:
        start = value.def_position;
        must_until = start + 2;
        break;
      case DefKind::Fixed:
        start = value.def_position + 2;
        break;
      case DefKind::None:
        break;
    }
    if (value.first_use == kNone) {
      if (must_until != 0) add_piece(v, start, must_until, must_until);
      return {};
    }
    const uint32_t def_block = s_.block_at(value.def_position);
    const uint32_t def_chain = s_.block_chain[def_block];
    if (value.def_kind != DefKind::Parameter && value.def_position + 2 == s_.block_end(def_block)) {
      return fail(instruction_place(s_.inst_at(value.def_position)),
                  "a value defined by the last instruction of a block is used");
    }

    uint32_t local_reach = start;
    s_.touched.clear();
    s_.worklist.clear();
    auto need = [&](uint32_t chain, uint32_t reach) {
      if (++budget_used_ > kLivenessBudget) return false;
      if (chain == def_chain) {
        if (reach < start) return false;
        local_reach = std::max(local_reach, reach);
      } else if (s_.chain_stamp[chain] != v) {
        s_.chain_stamp[chain] = v;
        s_.chain_reach[chain] = reach;
        s_.touched.push_back(chain);
        s_.worklist.push_back(chain);
      } else {
        s_.chain_reach[chain] = std::max(s_.chain_reach[chain], reach);
      }
      return true;
    };
    for (uint32_t u = value.first_use; u != kNone; u = s_.uses[u].next) {
      const UseRecord& use = s_.uses[u];
      // The unit before is of the same block, for an argument (the end of its block) and for an instruction.
      const uint32_t block = s_.block_at(use.position - 2);
      if (!need(s_.block_chain[block], use.reach)) return liveness_failure(v);
    }
    while (!s_.worklist.empty()) {
      const uint32_t chain = s_.worklist.back();
      s_.worklist.pop_back();
      const uint32_t head = s_.chain_head[chain];
      if (head == 0) return liveness_failure(v);
      for (Block pred : code_.preds_of(code_.blocks[head])) {
        if (!need(s_.block_chain[pred.index], s_.block_end(pred.index))) return liveness_failure(v);
      }
    }

    const uint32_t def_end = std::max(local_reach, must_until);
    if (s_.touched.empty()) {
      if (def_end > start) add_piece(v, start, def_end, must_until);
      return {};
    }
    s_.touched.push_back(def_chain);
    std::sort(s_.touched.begin(), s_.touched.end());
    uint32_t from = kNone, to = kNone;  // the piece being put together
    bool holds_def = false;
    auto flush = [&] {
      if (from != kNone && to > from) add_piece(v, from, to, holds_def ? must_until : 0, holds_def);
    };
    for (uint32_t chain : s_.touched) {
      const bool is_def = chain == def_chain;
      const uint32_t chain_from = is_def ? start : chain_start(chain);
      const uint32_t chain_to = is_def ? def_end : s_.chain_reach[chain];
      if (from == kNone || is_def || chain_from != to) {
        flush();
        from = chain_from;
        holds_def = is_def;
      }
      to = chain_to;
    }
    flush();
    return {};
  }

  std::unexpected<Diagnostic> liveness_failure(uint32_t v) const {
    if (budget_used_ > kLivenessBudget) {
      return fail("the function has too many values live across too many blocks", "split the function");
    }
    return fail("v" + std::to_string(v) + " is used where its definition does not dominate");
  }

  void add_piece(uint32_t v, uint32_t from, uint32_t to, uint32_t must_until, bool holds_def = true) {
    const uint32_t index = static_cast<uint32_t>(s_.pieces.size());
    Value& value = s_.values[v];
    s_.pieces.push_back({v, from, to, kNone, must_until, PReg(), holds_def && value.def_kind == DefKind::Early, false});
    if (value.first_piece == kNone) {
      value.first_piece = index;
    } else {
      s_.pieces[index - 1].next = index;  // the pieces of a value are added in order, one after the other
    }
    if (holds_def) value.def_piece = index;
  }

  AllocatorState& s_;
  const machine::VCode& code_;
  uint64_t budget_used_ = 0;
};

}  // namespace

Expected<void> build_ranges(AllocatorState& state) { return RangeBuilder(state).build(); }

Place instruction_place(uint32_t inst) {
  Place place;
  place.instruction = "instruction " + std::to_string(inst);
  return place;
}

}  // namespace assay::regalloc
