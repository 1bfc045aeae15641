// See random_vcode.h. First a control-flow graph over logical blocks and its dominators; then instructions, block by
// block in an order in which dominators come first; then edge blocks and the layout.
#include "compiler/regalloc/random_vcode.h"

#include <algorithm>
#include <numeric>

namespace assay::regalloc {

using machine::Block;
using machine::FrameArea;
using machine::Inst;
using machine::Operand;
using machine::Reg;
using machine::Role;
using machine::VBlock;

uint32_t RandomSource::below(uint32_t bound) {
  if (!from_bytes_) {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return static_cast<uint32_t>(((z & 0xffffffffu) * bound) >> 32);
  }
  uint32_t value = 0;
  for (uint32_t range = 1; range < bound && size_ != 0; range <<= 8) {
    value = value << 8 | *data_++;
    --size_;
    if (range > bound >> 8) break;
  }
  return value % bound;
}

namespace {

constexpr uint32_t kNone = 0xffffffffu;

struct LogicalBlock {
  std::vector<uint32_t> succs;
  uint32_t pred_count = 0;
  uint32_t idom = kNone;
  std::vector<Reg> params;
  std::vector<Reg> available;  // at the end of the block
  std::vector<Inst> insts;     // without branches; first_operand indexes `operands`
  std::vector<Operand> operands;
  std::vector<Reg> branch_uses;
};

// What one instruction asks of the registers of a class, to keep it satisfiable.
struct Demand {
  uint32_t registers = 0;
  std::vector<Reg> plain;
  std::vector<std::pair<PReg, Reg>> fixed_uses;
  uint64_t fixed_use_mask = 0, late_mask = 0;  // registers fixed at the start; fixed or clobbered at the end
  uint64_t fixed_def_mask = 0;
  uint32_t strict = 0, plain_defs = 0;

  bool is_satisfiable() const {
    const uint32_t strict_choice = registers - uint32_t(__builtin_popcountll(fixed_use_mask | late_mask));
    const uint32_t use_choice = registers - uint32_t(__builtin_popcountll(fixed_use_mask));
    const uint32_t late_choice = registers - uint32_t(__builtin_popcountll(late_mask));
    return strict <= strict_choice && strict + plain.size() <= use_choice && strict + plain_defs <= late_choice;
  }
};

class Generator {
 public:
  Generator(RandomSource& random, const RandomVCodeOptions& options) : random_(random), options_(options) {}

  RandomCase run() {
    const uint32_t low = options_.min_registers, high = std::max(low, options_.max_registers);
    registers_ = low + random_.below(high - low + 1);
    case_ = test_machine(registers_);
    make_graph();
    find_dominators();
    for (uint32_t b : order_) fill_block(b);
    lay_out();
    return std::move(case_);
  }

 private:
  machine::VCode& code() { return case_.code; }

  void make_graph() {
    const uint32_t count = 1 + random_.below(options_.max_blocks);
    blocks_.resize(count);
    for (uint32_t b = 0; b < count; ++b) {
      auto& succs = blocks_[b].succs;
      // The next block first, so that most blocks are reachable.
      if (b + 1 < count && !random_.chance(10)) succs.push_back(b + 1);
      const uint32_t more = random_.chance(50) ? random_.below(random_.chance(20) ? 4 : 2) : 0;
      for (uint32_t k = 0; k < more && count > 1; ++k) succs.push_back(1 + random_.below(count - 1));
    }
    // Reverse post-order from the entry; unreachable blocks are left out.
    std::vector<std::pair<uint32_t, size_t>> stack{{0, 0}};
    std::vector<bool> seen(count);
    seen[0] = true;
    while (!stack.empty()) {
      auto& [b, next] = stack.back();
      if (next == blocks_[b].succs.size()) {
        order_.push_back(b);
        stack.pop_back();
        continue;
      }
      const uint32_t succ = blocks_[b].succs[next++];
      if (!seen[succ]) {
        seen[succ] = true;
        stack.push_back({succ, 0});
      }
    }
    std::reverse(order_.begin(), order_.end());
    for (uint32_t b : order_) {
      for (uint32_t succ : blocks_[b].succs) ++blocks_[succ].pred_count;
    }
  }

  void find_dominators() {
    std::vector<uint32_t> index(blocks_.size(), kNone);
    for (uint32_t n = 0; n < order_.size(); ++n) index[order_[n]] = n;
    blocks_[0].idom = 0;
    for (bool changed = true; changed;) {
      changed = false;
      for (uint32_t b : order_) {
        for (uint32_t succ : blocks_[b].succs) {
          if (blocks_[b].idom == kNone || succ == 0) continue;
          uint32_t meet = b;
          if (uint32_t other = blocks_[succ].idom; other != kNone) {
            while (meet != other) {
              if (index[meet] > index[other])
                meet = blocks_[meet].idom;
              else
                other = blocks_[other].idom;
            }
          }
          if (blocks_[succ].idom != meet) {
            blocks_[succ].idom = meet;
            changed = true;
          }
        }
      }
    }
  }

  RegClass random_class() { return random_.chance(70) ? RegClass::Gpr : RegClass::Vec; }
  PReg random_register(RegClass reg_class) { return PReg(reg_class, random_.below(registers_)); }
  RegClass class_of(Reg reg) { return code().vreg_classes[reg.virtual_index()]; }

  Reg pick(const std::vector<Reg>& from) {
    const uint32_t n = static_cast<uint32_t>(from.size());
    return random_.chance(60) ? from[n - 1 - random_.below(std::min(n, 6u))] : from[random_.below(n)];
  }

  void fill_block(uint32_t b) {
    LogicalBlock& block = blocks_[b];
    if (b != 0) block.available = blocks_[block.idom].available;
    if (b != 0 && random_.chance(60)) {
      const uint32_t count = random_.below(random_.chance(10) ? 12 : 4);
      for (uint32_t k = 0; k < count; ++k) {
        block.params.push_back(code().new_vreg(random_class()));
        block.available.push_back(block.params.back());
      }
    }
    if (b == 0) add_args();
    flags_ = Reg();
    const uint32_t count = random_.below(options_.max_insts + 1);
    for (uint32_t k = 0; k < count; ++k) add_inst(block);
    if (block.succs.empty()) {
      add_return(block);
    } else if (block.succs.size() > 1 && !block.available.empty()) {
      for (uint32_t k = random_.below(3); k > 0; --k) {
        if (const Reg reg = pick(block.available); true) block.branch_uses.push_back(reg);
      }
      if (flags_.is_virtual() && random_.chance(50)) block.branch_uses.push_back(flags_);
    }
  }

  void begin_inst(LogicalBlock& block, uint16_t opcode) {
    block.insts.push_back({opcode, 0, static_cast<uint32_t>(block.operands.size())});
    for (unsigned c = 0; c < 2; ++c) demand_[c] = Demand{registers_, {}, {}, 0, 0, 0, 0, 0};
  }
  void push_operand(LogicalBlock& block, const Operand& operand) {
    block.operands.push_back(operand);
    ++block.insts.back().operand_count;
  }

  void add_args() {
    LogicalBlock& block = blocks_[0];
    begin_inst(block, kTestArgs);
    uint64_t used[2] = {};
    for (uint32_t k = random_.below(6); k > 0; --k) {
      const RegClass c = random_class();
      const PReg at = random_register(c);
      if (used[unsigned(c)] >> at.number() & 1) continue;
      used[unsigned(c)] |= uint64_t(1) << at.number();
      const Reg reg = code().new_vreg(c);
      push_operand(block, Operand::fixed_def(reg, at));
      block.available.push_back(reg);
    }
  }

  void add_return(LogicalBlock& block) {
    begin_inst(block, kTestReturn);
    for (uint32_t k = random_.below(4); k > 0 && !block.available.empty(); --k) {
      const Reg reg = pick(block.available);
      try_fixed_use(block, reg, random_register(class_of(reg)));
    }
  }

  bool try_fixed_use(LogicalBlock& block, Reg reg, PReg at) {
    Demand& demand = demand_[unsigned(class_of(reg))];
    for (auto& [used, by] : demand.fixed_uses) {
      if (used == at && by != reg) return false;
    }
    Demand changed = demand;
    changed.fixed_uses.push_back({at, reg});
    changed.fixed_use_mask |= uint64_t(1) << at.number();
    if (!changed.is_satisfiable()) return false;
    demand = changed;
    push_operand(block, Operand::fixed_use(reg, at));
    return true;
  }

  bool try_plain_use(LogicalBlock& block, Reg reg) {
    Demand& demand = demand_[unsigned(class_of(reg))];
    Demand changed = demand;
    if (std::find(changed.plain.begin(), changed.plain.end(), reg) == changed.plain.end()) changed.plain.push_back(reg);
    if (!changed.is_satisfiable()) return false;
    demand = changed;
    push_operand(block, Operand::use(reg));
    return true;
  }

  void add_clobbers(LogicalBlock& block, const PRegSet& clobbers) {
    for (unsigned c = 0; c < 2; ++c) demand_[c].late_mask |= clobbers.words[c];
  }

  void add_inst(LogicalBlock& block) {
    const uint32_t kind = random_.below(100);
    const bool is_call = kind < 15;
    begin_inst(block, is_call ? kTestCall : kind < 25 ? kTestFlagsOp : kTestOp);
    if (is_call) add_clobbers(block, case_.opcode_clobbers[kTestCall]);
    if (random_.chance(8)) {
      const uint32_t set = 1 + random_.below(static_cast<uint32_t>(code().clobber_sets.size()) - 1);
      block.insts.back().clobbers = static_cast<uint8_t>(set);
      add_clobbers(block, code().clobber_sets[set]);
    }
    if (flags_.is_virtual() && random_.chance(40)) push_operand(block, Operand::use(flags_));
    if (random_.chance(5)) push_operand(block, Operand::use(Reg(kTestStackPointer)));
    if (random_.chance(10)) push_operand(block, Operand::immediate(7));
    if (random_.chance(5)) push_operand(block, Operand{});

    const uint32_t fixed_percent = is_call ? 70 : random_.chance(30) ? 50 : 5;
    if (!block.available.empty()) {
      for (uint32_t k = random_.below(random_.chance(10) ? 8 : 4); k > 0; --k) {
        const Reg reg = pick(block.available);
        if (random_.chance(fixed_percent))
          try_fixed_use(block, reg, random_register(class_of(reg)));
        else
          try_plain_use(block, reg);
      }
    }
    const uint32_t use_end = block.insts.back().operand_count;
    std::vector<bool> tied(use_end, false);
    std::vector<Reg> defined;
    for (uint32_t k = random_.below(random_.chance(10) ? 5 : 3); k > 0; --k)
      add_def(block, tied, fixed_percent, defined);
    if (random_.chance(12)) {
      // Defs before uses: rotate, if no operand is referred to by number.
      if (std::find(tied.begin(), tied.end(), true) == tied.end()) {
        auto first = block.operands.begin() + block.insts.back().first_operand;
        std::rotate(first, first + use_end, block.operands.end());
      }
    }
    block.available.insert(block.available.end(), defined.begin(), defined.end());
    const bool writes_flags = block.insts.back().opcode != kTestOp;
    if (writes_flags) flags_ = Reg();
    if (random_.chance(8)) {
      flags_ = code().new_vreg(RegClass::Flags);
      push_operand(block, Operand::def(flags_));
    }
  }

  void add_def(LogicalBlock& block, std::vector<bool>& tied, uint32_t fixed_percent, std::vector<Reg>& defined) {
    const RegClass c = random_class();
    Demand& demand = demand_[unsigned(c)];
    Demand changed = demand;
    Operand operand;
    const uint32_t kind = random_.below(100);
    const Inst& inst = block.insts.back();
    if (kind < fixed_percent) {
      const PReg at = random_register(c);
      const uint64_t bit = uint64_t(1) << at.number();
      if (changed.fixed_def_mask & bit) return;
      operand = Operand::fixed_def(Reg(), at);
      changed.fixed_def_mask |= bit;
      changed.late_mask |= bit;
      if (random_.chance(15) && !(changed.fixed_use_mask & bit)) {
        operand.role = Role::EarlyDef;
        changed.fixed_use_mask |= bit;
        changed.fixed_uses.push_back({at, Reg()});
      }
    } else if (kind < fixed_percent + 25) {
      // Tied: to any use of the class not tied yet.
      std::vector<uint32_t> candidates;
      for (uint32_t k = 0; k < tied.size(); ++k) {
        const Operand& use = block.operands[inst.first_operand + k];
        if (!tied[k] && use.is_use() && use.reg.is_virtual() && class_of(use.reg) == c) candidates.push_back(k);
      }
      if (candidates.empty()) return;
      const uint32_t k = candidates[random_.below(static_cast<uint32_t>(candidates.size()))];
      const Operand& use = block.operands[inst.first_operand + k];
      operand = Operand::def(Reg());
      operand.constraint = machine::Constraint::Reuse;
      if (random_.chance(20)) operand.role = Role::EarlyDef;
      operand.detail = static_cast<uint8_t>(k);
      if (use.constraint == machine::Constraint::Fixed) {
        const uint64_t bit = uint64_t(1) << PReg::from_code(use.detail).number();
        if (changed.fixed_def_mask & bit) return;
        if (operand.role == Role::EarlyDef) {
          uint32_t readers = 0;
          for (const auto& fixed : changed.fixed_uses)
            readers += fixed.first.number() == PReg::from_code(use.detail).number();
          if (readers > 1) return;
        }
        changed.fixed_def_mask |= bit;
        changed.late_mask |= bit;
      } else {
        ++changed.strict;
      }
      if (!changed.is_satisfiable()) return;
      tied[k] = true;
    } else if (kind < fixed_percent + 35) {
      operand = Operand::def(Reg());
      operand.role = Role::EarlyDef;
      ++changed.strict;
    } else {
      operand = Operand::def(Reg());
      ++changed.plain_defs;
    }
    if (!changed.is_satisfiable()) return;
    demand = changed;
    operand.reg = code().new_vreg(c);
    push_operand(block, operand);
    if (!random_.chance(15)) defined.push_back(operand.reg);  // the others are never used
  }

  // Layout: edge blocks beside their sources or at the end; logical blocks sometimes shuffled.
  void lay_out() {
    struct Placed {
      uint32_t logical;  // kNone: an edge block
      uint32_t source, edge;
    };
    std::vector<uint32_t> logical = order_;
    if (random_.chance(30)) {
      for (size_t n = logical.size(); n > 2; --n) {
        std::swap(logical[n - 1], logical[1 + random_.below(static_cast<uint32_t>(n - 1))]);
      }
    }
    std::vector<Placed> placed, last;
    for (uint32_t b : logical) {
      placed.push_back({b, 0, 0});
      const auto& succs = blocks_[b].succs;
      if (succs.size() < 2) continue;
      for (uint32_t k = 0; k < succs.size(); ++k) {
        const LogicalBlock& target = blocks_[succs[k]];
        if (target.pred_count < 2 && target.params.empty()) continue;
        (random_.chance(70) ? placed : last).push_back({kNone, b, k});
      }
    }
    placed.insert(placed.end(), last.begin(), last.end());

    std::vector<uint32_t> index_of(blocks_.size(), kNone);
    std::vector<std::vector<uint32_t>> targets(blocks_.size());  // VCode blocks of the edges
    for (uint32_t b : order_) targets[b].assign(blocks_[b].succs.size(), kNone);
    for (uint32_t n = 0; n < placed.size(); ++n) {
      if (placed[n].logical != kNone)
        index_of[placed[n].logical] = n;
      else
        targets[placed[n].source][placed[n].edge] = n;
    }
    for (uint32_t b : order_) {
      for (size_t k = 0; k < targets[b].size(); ++k) {
        if (targets[b][k] == kNone) targets[b][k] = index_of[blocks_[b].succs[k]];
      }
    }

    for (const Placed& place : placed) {
      VBlock block;
      block.first_inst = static_cast<uint32_t>(code().insts.size());
      block.first_param = static_cast<uint32_t>(code().block_params.size());
      block.first_succ = static_cast<uint32_t>(code().succs.size());
      block.first_arg = static_cast<uint32_t>(code().branch_args.size());
      if (place.logical == kNone) {
        const uint32_t target = blocks_[place.source].succs[place.edge];
        code().succs.push_back(Block(index_of[target]));
        pass_arguments(place.source, target);
        emit(kTestJump, {Operand::label(Block(index_of[target]))});
      } else {
        LogicalBlock& source = blocks_[place.logical];
        code().block_params.insert(code().block_params.end(), source.params.begin(), source.params.end());
        for (uint32_t target : targets[place.logical]) code().succs.push_back(Block(target));
        for (const Inst& inst : source.insts) {
          Inst copy = inst;
          copy.first_operand = static_cast<uint32_t>(code().operands.size());
          code().insts.push_back(copy);
          auto first = source.operands.begin() + inst.first_operand;
          code().operands.insert(code().operands.end(), first, first + inst.operand_count);
        }
        if (source.succs.size() == 1) pass_arguments(place.logical, source.succs[0]);
        emit_branches(source, targets[place.logical]);
      }
      block.end_inst = static_cast<uint32_t>(code().insts.size());
      block.param_count = static_cast<uint32_t>(code().block_params.size()) - block.first_param;
      block.succ_count = static_cast<uint32_t>(code().succs.size()) - block.first_succ;
      block.arg_count = static_cast<uint32_t>(code().branch_args.size()) - block.first_arg;
      code().blocks.push_back(block);
    }
    set_preds();
  }

  void emit(uint16_t opcode, std::vector<Operand> operands) {
    code().insts.push_back(
        {opcode, static_cast<uint16_t>(operands.size()), static_cast<uint32_t>(code().operands.size())});
    code().operands.insert(code().operands.end(), operands.begin(), operands.end());
  }

  void pass_arguments(uint32_t source, uint32_t target) {
    for (const Reg param : blocks_[target].params) {
      std::vector<Reg> fitting;
      for (Reg reg : blocks_[source].available) {
        if (class_of(reg) == class_of(param)) fitting.push_back(reg);
      }
      // Where nothing fits, define something: a parameterless class needs a source. The source's own block can't be
      // added to any more, so the entry's arguments provide one.
      code().branch_args.push_back(fitting.empty() ? fallback(class_of(param)) : pick(fitting));
    }
  }

  // A value of the class defined by the first instruction of the entry block, which is laid out first.
  Reg fallback(RegClass reg_class) {
    Reg& reg = fallback_[unsigned(reg_class)];
    if (!reg.is_none()) return reg;
    reg = code().new_vreg(reg_class);
    return reg;
  }

  void emit_branches(const LogicalBlock& source, const std::vector<uint32_t>& targets) {
    if (targets.empty()) return;
    if (targets.size() == 1) return emit(kTestJump, {Operand::label(Block(targets[0]))});
    std::vector<Operand> uses;
    uint32_t counts[machine::kRegClasses] = {};
    for (Reg reg : source.branch_uses) {
      if (class_of(reg) != RegClass::Flags && ++counts[unsigned(class_of(reg))] > registers_ / 2) continue;
      uses.push_back(Operand::use(reg));
    }
    if (random_.chance(50)) {
      // One instruction with all labels, perhaps with a temporary or a fixed register.
      for (uint32_t target : targets) uses.push_back(Operand::label(Block(target)));
      if (random_.chance(40)) {
        Operand temporary = Operand::def(code().new_vreg(RegClass::Gpr));
        temporary.role = Role::EarlyDef;
        uses.push_back(temporary);
      }
      if (uses[0].is_use() && class_of(uses[0].reg) != RegClass::Flags && random_.chance(40) && registers_ > 3) {
        const PReg at = random_register(class_of(uses[0].reg));
        uses[0] = Operand::fixed_use(uses[0].reg, at);
      }
      return emit(kTestBranch, uses);
    }
    for (size_t k = 0; k + 1 < targets.size(); ++k) {
      std::vector<Operand> operands{Operand::label(Block(targets[k]))};
      for (const Operand& use : uses) {
        if (random_.chance(60)) operands.push_back(use);
      }
      emit(kTestBranch, operands);
    }
    emit(kTestJump, {Operand::label(Block(targets.back()))});
  }

  void set_preds() {
    for (Reg reg : fallback_) {
      if (reg.is_none()) continue;
      // The args instruction is the first of the entry: give it one more def, in a register of its own if one is left.
      Inst& args = code().insts[0];
      std::vector<Operand> operands(code().operands.begin() + args.first_operand,
                                    code().operands.begin() + args.first_operand + args.operand_count);
      uint64_t used = 0;
      for (const Operand& operand : operands) {
        if (PReg::from_code(operand.detail).reg_class() == class_of(reg)) used |= uint64_t(1) << (operand.detail & 63);
      }
      const uint32_t number = static_cast<uint32_t>(__builtin_ctzll(~used));
      if (number < registers_) {
        operands.push_back(Operand::fixed_def(reg, PReg(class_of(reg), number)));
      } else {
        // All are taken: one def serves as the fallback, too.
        for (const Operand& operand : operands) {
          if (class_of(operand.reg) != class_of(reg)) continue;
          std::replace(code().branch_args.begin(), code().branch_args.end(), reg, operand.reg);
          break;
        }
      }
      args.first_operand = static_cast<uint32_t>(code().operands.size());
      args.operand_count = static_cast<uint16_t>(operands.size());
      code().operands.insert(code().operands.end(), operands.begin(), operands.end());
    }
    for (uint32_t target = 0; target < code().blocks.size(); ++target) {
      VBlock& block = code().blocks[target];
      block.first_pred = static_cast<uint32_t>(code().preds.size());
      for (uint32_t b = 0; b < code().blocks.size(); ++b) {
        for (Block succ : code().succs_of(code().blocks[b])) {
          if (succ.index == target) code().preds.push_back(Block(b));
        }
      }
      block.pred_count = static_cast<uint32_t>(code().preds.size()) - block.first_pred;
    }
  }

  RandomSource& random_;
  const RandomVCodeOptions& options_;
  RandomCase case_;
  uint32_t registers_ = 0;
  std::vector<LogicalBlock> blocks_;
  std::vector<uint32_t> order_;
  Demand demand_[2];
  Reg flags_;
  Reg fallback_[2];
};

void make_test_move(MoveKind kind, PReg to, PReg from, RegClass reg_class, uint32_t slot, std::vector<Inst>& insts,
                    std::vector<Operand>& operands) {
  const uint16_t opcode = kind == MoveKind::Move ? kTestMove : kind == MoveKind::Spill ? kTestSpill : kTestReload;
  insts.push_back({opcode, 2, static_cast<uint32_t>(operands.size())});
  const Operand place = Operand::frame(FrameArea::Spills, int64_t(slot) * 8);
  operands.push_back(kind == MoveKind::Spill ? place : Operand::def(Reg(to)));
  operands.push_back(kind == MoveKind::Reload ? place : Operand::use(Reg(from)));
}

std::string name_of(PReg reg) {
  if (!reg) return "-";
  return std::string(1, "rvf"[reg.code >> 6]) + std::to_string(reg.number());
}
std::string name_of(Location location) {
  if (location.is_none()) return "-";
  return location.is_reg() ? name_of(location.preg()) : "slot" + std::to_string(location.slot_index());
}
std::string name_of(Reg reg, const machine::VCode& code) {
  if (reg.is_none()) return "-";
  if (reg.is_physical()) return name_of(reg.preg());
  return std::string(1, "gvf"[unsigned(code.vreg_classes[reg.virtual_index()])]) + "%" +
         std::to_string(reg.virtual_index());
}

}  // namespace

std::string dump(const machine::VCode& code, const Allocation* allocation) {
  static constexpr const char* kNames[] = {"args",     "return", "jump", "branch", "op",
                                           "flags_op", "call",   "move", "spill",  "reload"};
  std::string out;
  size_t next_move = 0;
  auto print_moves = [&](uint32_t inst, Point point) {
    if (!allocation) return;
    for (; next_move < allocation->moves.size(); ++next_move) {
      const Move& move = allocation->moves[next_move];
      if (move.inst != inst || move.point != point) break;
      out += "        " + name_of(move.from) + " -> " + name_of(move.to) + "\n";
    }
  };
  for (uint32_t b = 0; b < code.blocks.size(); ++b) {
    const VBlock& block = code.blocks[b];
    out += "block" + std::to_string(b) + "(";
    for (Reg param : code.params_of(block)) out += " " + name_of(param, code);
    out += " ) from";
    for (Block pred : code.preds_of(block)) out += " " + std::to_string(pred.index);
    out += "\n";
    for (uint32_t i = block.first_inst; i < block.end_inst; ++i) {
      const Inst& inst = code.insts[i];
      print_moves(i, Point::Before);
      out += "  " + std::to_string(i) + ": " + (inst.opcode < kTestOpcodeCount ? kNames[inst.opcode] : "?");
      if (inst.clobbers) out += " clobbers" + std::to_string(inst.clobbers);
      const auto operands = code.operands_of(inst);
      for (uint32_t k = 0; k < operands.size(); ++k) {
        const Operand& operand = operands[k];
        out += k == 0 ? " " : ", ";
        if (operand.kind == machine::OperandKind::Label)
          out += "block" + std::to_string(operand.imm);
        else if (operand.kind != machine::OperandKind::Reg)
          out += "#" + std::to_string(operand.imm);
        else {
          out += operand.role == Role::Use ? "use " : operand.role == Role::Def ? "def " : "early ";
          out += name_of(operand.reg, code);
          if (operand.constraint == machine::Constraint::Fixed) out += "@" + name_of(PReg::from_code(operand.detail));
          if (operand.constraint == machine::Constraint::Reuse) out += "=#" + std::to_string(operand.detail);
          if (allocation) out += ":" + name_of(allocation->operands[inst.first_operand + k]);
        }
      }
      out += "\n";
      print_moves(i, Point::After);
    }
    if (block.arg_count) {
      out += "    passes";
      for (Reg arg : code.args_of(block)) out += " " + name_of(arg, code);
      out += "\n";
    }
  }
  return out;
}

const MoveHooks kTestMoveHooks{&make_test_move, nullptr};

RandomCase test_machine(uint32_t registers) {
  RandomCase result;
  result.opcode_clobbers.resize(kTestOpcodeCount);
  result.opcode_clobbers[kTestFlagsOp].add(machine::kFlagsReg);
  result.opcode_clobbers[kTestCall].add(machine::kFlagsReg);
  PRegSet few, many;
  for (unsigned c = 0; c < 2; ++c) {
    for (unsigned n = 0; n < registers; ++n) {
      const PReg reg(RegClass(c), n);
      result.env.allocatable[c].push_back(reg);
      // As on most machines, vector registers are all caller-saved.
      if (c == 0 && n >= (registers + 1) / 2)
        result.env.callee_saved.add(reg);
      else
        result.opcode_clobbers[kTestCall].add(reg);
      if (n < 2) few.add(reg);
      many.add(reg);
    }
    result.env.scratch[c] = PReg(RegClass(c), 40);
  }
  result.code.clobber_sets = {PRegSet(), few, many};
  return result;
}

RandomCase random_vcode(RandomSource& random, const RandomVCodeOptions& options) {
  return Generator(random, options).run();
}

}  // namespace assay::regalloc
