// See checker.h, which defines what is computed here.
#include "compiler/regalloc/checker.h"

#include <algorithm>

namespace assay::regalloc {

using machine::Block;
using machine::Constraint;
using machine::Inst;
using machine::kFlagsReg;
using machine::Operand;
using machine::OperandKind;
using machine::Role;
using machine::VBlock;
using machine::VCode;

namespace {

constexpr uint32_t kNothing = 0xffffffffu;
constexpr size_t kMaxFindings = 100;
constexpr uint64_t kDemandBudget = uint64_t(1) << 27;
constexpr uint32_t kRegisterCodes = machine::kRegClasses * 64;

// What part of a value a location holds: everything, or one half of a 16-byte slot.
enum class Part : uint8_t { Whole, Low, High };

// A write of one location. Written in order of time, then grouped by location.
struct Write {
  enum Kind : uint8_t { Def, Clobber, FromMove } kind;
  Part part;
  uint32_t time;     // unique per step, rising through the function
  uint32_t gap;      // two points with one gap number in a block have no instruction between them
  uint32_t subject;  // Def: the value, kNothing if unknown; FromMove: the move
  uint32_t inst;
  uint32_t block;
};

struct Demand {
  uint32_t location;  // register code, or kRegisterCodes + slot unit
  Part part;
  uint32_t value;
  uint32_t block;
  uint32_t time;  // the location must hold the value just before this
  uint32_t gap;
  uint32_t inst, operand;  // whose demand it is; operand kNothing: unknown
};

// An exact set of (a, b, c): a word of 64 neighbouring numbers a for each b and c, open addressing.
class TripleSet {
 public:
  bool insert(uint32_t a, uint32_t b, uint32_t c) {
    if ((count_ + 1) * 2 > slots_.size()) grow();
    Word& word = find(a / 64, b, c);
    if (word.bits == 0) {
      word = {a / 64, b, c, 0};
      ++count_;
    }
    const uint64_t bit = uint64_t(1) << (a % 64);
    if ((word.bits & bit) != 0) return false;
    word.bits |= bit;
    return true;
  }

 private:
  struct Word {
    uint32_t a = 0, b = 0, c = 0;
    uint64_t bits = 0;  // 0: nothing is here
  };
  // Where it is, or the free place for it.
  Word& find(uint32_t a, uint32_t b, uint32_t c) {
    uint64_t h = (uint64_t(a) << 32 | b) * 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 29) ^ c) * 0xbf58476d1ce4e5b9u;
    for (size_t i = (h ^ (h >> 31)) & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1)) {
      Word& word = slots_[i];
      if (word.bits == 0 || (word.a == a && word.b == b && word.c == c)) return word;
    }
  }
  void grow() {
    std::vector<Word> old(std::max<size_t>(64, slots_.size() * 2));
    old.swap(slots_);
    for (const Word& word : old) {
      if (word.bits != 0) find(word.a, word.b, word.c) = word;
    }
  }
  std::vector<Word> slots_;
  size_t count_ = 0;
};

class Checker {
 public:
  Checker(const VCode& code, const Allocation& allocation, const RegisterEnv& env, const InstClobbers& clobbers)
      : code_(code), allocation_(allocation), env_(env), clobbers_(clobbers) {
    for (const auto& list : env.allocatable) {
      for (PReg reg : list) allocatable_.add(reg);
    }
  }

  Diagnostics run() {
    check_shape();
    if (!findings_.empty()) return std::move(findings_);
    find_reachable();
    find_chains();
    for (uint32_t b = 0; b < code_.blocks.size(); ++b) walk_block(b);
    if (findings_.empty()) {
      group_writes();
      follow_demands();
    }
    return std::move(findings_);
  }

 private:
  // ---- reporting

  void report(std::string message, uint32_t inst = kNothing, std::string hint = {}) {
    if (findings_.size() >= kMaxFindings) return;
    Place place;
    if (inst != kNothing) place.instruction = "instruction " + std::to_string(inst);
    findings_.push_back({std::move(place), std::move(message), std::move(hint)});
  }
  void report_operand(uint32_t inst, uint32_t k, const std::string& message) {
    const Operand& operand = code_.operands_of(code_.insts[inst])[k];
    std::string text = "operand " + std::to_string(k);
    if (operand.reg.is_virtual()) text += " (v" + std::to_string(operand.reg.virtual_index()) + ")";
    report(text + " " + message, inst);
  }
  static std::string name_of(PReg reg) {
    if (!reg) return "no register";
    static constexpr const char* kClassNames[] = {"gpr", "vec", "flags", "class3_"};
    return kClassNames[reg.code >> 6] + std::to_string(reg.number());
  }
  static std::string location_name(uint32_t location) {
    if (location < kRegisterCodes) return name_of(PReg::from_code(static_cast<uint8_t>(location)));
    return "slot " + std::to_string(location - kRegisterCodes);
  }

  // ---- the allocation's shape

  void check_shape() {
    if (allocation_.operands.size() != code_.operands.size()) report("the allocation is of another function");
    uint64_t last = 0;
    for (const Move& move : allocation_.moves) {
      if (move.inst >= code_.insts.size()) {
        report("a move at an instruction that does not exist");
        return;
      }
      const uint64_t at = uint64_t(move.inst) << 1 | unsigned(move.point);
      if (at < last) report("moves are not in order", move.inst);
      last = at;
      if (unsigned(move.reg_class) >= machine::kRegClasses || move.reg_class == RegClass::Flags) {
        report("a move of flags", move.inst);
        return;
      }
      if (move.from.is_slot() && move.to.is_slot()) report("a move from slot to slot", move.inst);
      for (Location location : {move.from, move.to}) {
        if (location.is_slot()) {
          if (uint64_t(location.slot_index()) + units(move.reg_class) > allocation_.spill_slot_count) {
            report("slot " + std::to_string(location.slot_index()) + " is out of range", move.inst);
          }
          if (location.slot_index() % units(move.reg_class) != 0) report("a slot is not aligned", move.inst);
        } else if (location.bits >= kRegisterCodes || location.preg().reg_class() != move.reg_class) {
          report("a move names a register of another class, or none", move.inst);
        }
      }
    }
  }
  static uint32_t units(RegClass reg_class) { return reg_class == RegClass::Vec ? 2 : 1; }

  void find_reachable() {
    reachable_.assign(code_.blocks.size(), false);
    std::vector<uint32_t> stack;
    if (!code_.blocks.empty()) {
      stack.push_back(0);
      reachable_[0] = true;
    }
    while (!stack.empty()) {
      const uint32_t b = stack.back();
      stack.pop_back();
      for (Block succ : code_.succs_of(code_.blocks[b])) {
        if (reachable_[succ.index]) continue;
        reachable_[succ.index] = true;
        stack.push_back(succ.index);
      }
    }
    parameter_index_.assign(code_.vreg_classes.size(), kNothing);
    parameter_block_.assign(code_.vreg_classes.size(), kNothing);
    for (uint32_t b = 0; b < code_.blocks.size(); ++b) {
      const auto params = code_.params_of(code_.blocks[b]);
      for (uint32_t k = 0; k < params.size(); ++k) {
        parameter_index_[params[k].virtual_index()] = k;
        parameter_block_[params[k].virtual_index()] = b;
      }
    }
  }

  // A block whose only predecessor is the block before it continues that one's chain.
  void find_chains() {
    chain_head_.resize(code_.blocks.size());
    for (uint32_t b = 0; b < code_.blocks.size(); ++b) {
      const auto preds = code_.preds_of(code_.blocks[b]);
      chain_head_[b] = b > 0 && preds.size() == 1 && preds[0].index + 1 == b ? chain_head_[b - 1] : b;
    }
  }

  // ---- one pass forward: local rules, writes, the demands of uses

  void walk_block(uint32_t b) {
    const VBlock& block = code_.blocks[b];
    block_begin_.push_back(time_);
    current_block_ = b;
    bool after_branch = false;
    for (uint32_t i = block.first_inst; i < block.end_inst; ++i) {
      walk_moves(i, Point::Before, after_branch);
      walk_inst(i, b);
      for (const Operand& operand : code_.operands_of(code_.insts[i])) {
        after_branch |= operand.kind == OperandKind::Label;
      }
      walk_moves(i, Point::After, after_branch);
    }
    block_end_.push_back(++time_);
  }

  void walk_moves(uint32_t inst, Point point, bool after_branch) {
    const auto& moves = allocation_.moves;
    for (; next_move_ < moves.size() && moves[next_move_].inst == inst && moves[next_move_].point == point;
         ++next_move_) {
      const Move& move = moves[next_move_];
      const uint32_t gap = inst + (point == Point::After);
      if (after_branch) report("a move after a branch", inst);
      if (move.to.is_reg()) check_move_target(move, gap);
      ++time_;
      auto write = [&](uint32_t location, Part part) {
        add_write(location, {Write::FromMove, part, time_, gap, next_move_, inst, current_block_});
      };
      if (move.to.is_reg()) {
        write(move.to.preg().code, Part::Whole);
      } else if (move.reg_class == RegClass::Vec) {
        write(kRegisterCodes + move.to.slot_index(), Part::Low);
        write(kRegisterCodes + move.to.slot_index() + 1, Part::High);
      } else {
        write(kRegisterCodes + move.to.slot_index(), Part::Whole);
      }
      move_times_.push_back(time_);
      move_gaps_.push_back(gap);
    }
  }

  // Only allocatable and scratch registers may be written by moves, and those an operand of the next instruction is
  // fixed to.
  void check_move_target(const Move& move, uint32_t next_inst) {
    const PReg to = move.to.preg();
    if (allocatable_.contains(to) || to == env_.scratch[unsigned(move.reg_class)]) return;
    if (next_inst < code_.insts.size()) {
      for (const Operand& operand : code_.operands_of(code_.insts[next_inst])) {
        if (operand.is_use() && operand.constraint == Constraint::Fixed && operand.detail == to.code) return;
      }
    }
    report("a move writes the reserved register " + name_of(to), move.inst);
  }

  void add_write(uint32_t location, const Write& write) {
    writes_.push_back(write);
    write_locations_.push_back(location);
  }

  bool is_fixed_def(std::span<const Operand> operands, const Operand& def) const {
    if (def.constraint == Constraint::Fixed) return true;
    return def.constraint == Constraint::Reuse && operands[def.detail].constraint == Constraint::Fixed;
  }

  void walk_inst(uint32_t i, uint32_t b) {
    const Inst& inst = code_.insts[i];
    const auto operands = code_.operands_of(inst);
    const PReg* regs = allocation_.operands.data() + inst.first_operand;
    const PRegSet clobbered = clobbers_.of(code_, inst);
    const uint32_t read_time = ++time_;
    const uint32_t write_time = ++time_;
    PRegSet defined;
    for (uint32_t k = 0; k < operands.size(); ++k) {
      const Operand& operand = operands[k];
      if (operand.kind != OperandKind::Reg || operand.reg.is_none()) {
        if (regs[k]) report("operand " + std::to_string(k) + " is no register but got one", i);
        continue;
      }
      const PReg reg = regs[k];
      if (operand.reg.is_physical()) {
        if (reg != operand.reg.preg()) report_operand(i, k, "is physical but was changed to " + name_of(reg));
        continue;
      }
      const uint32_t v = operand.reg.virtual_index();
      const RegClass reg_class = code_.vreg_classes[v];
      if (!reg || reg.code >= kRegisterCodes || reg.reg_class() != reg_class) {
        report_operand(i, k, "got " + name_of(reg) + ", which is not of its class");
        continue;
      }
      if (reg_class == RegClass::Flags) {
        if (reg != kFlagsReg) report_operand(i, k, "is not in the flags register");
      } else if (operand.constraint == Constraint::Fixed) {
        if (reg.code != operand.detail) {
          report_operand(i, k, "must be in " + name_of(PReg::from_code(operand.detail)) + " but is in " + name_of(reg));
        }
      } else if (operand.constraint == Constraint::Reuse && regs[operand.detail] != reg) {
        report_operand(i, k,
                       "must be in the register of operand " + std::to_string(operand.detail) + ", " +
                           name_of(regs[operand.detail]) + ", but is in " + name_of(reg));
      } else if (!allocatable_.contains(reg) && !is_fixed_def(operands, operand)) {
        report_operand(i, k, "is in the reserved register " + name_of(reg));
      }
      if (operand.is_use()) {
        if (reachable_[b]) demands_.push_back({reg.code, Part::Whole, v, b, read_time, i, i, k});
        continue;
      }
      if (defined.contains(reg)) report_operand(i, k, "shares " + name_of(reg) + " with another definition");
      defined.add(reg);
      if (clobbered.contains(reg) && reg_class != RegClass::Flags && !is_fixed_def(operands, operand)) {
        report_operand(i, k, "is defined in " + name_of(reg) + ", which the instruction clobbers");
      }
      if (operand.role == Role::EarlyDef) check_early(i, k, operands, regs);
    }

    for (uint32_t c = 0; c < machine::kRegClasses; ++c) {
      for (uint64_t bits = clobbered.words[c]; bits != 0; bits &= bits - 1) {
        const uint32_t code = c * 64 + static_cast<uint32_t>(__builtin_ctzll(bits));
        if (!defined.contains(PReg::from_code(static_cast<uint8_t>(code)))) {
          add_write(code, {Write::Clobber, Part::Whole, write_time, i + 1, kNothing, i, b});
        }
      }
    }
    for (uint32_t k = 0; k < operands.size(); ++k) {
      if (!operands[k].is_def() || operands[k].reg.is_none() || !regs[k]) continue;
      const uint32_t v = operands[k].reg.is_virtual() ? operands[k].reg.virtual_index() : kNothing;
      add_write(regs[k].code, {Write::Def, Part::Whole, write_time, i + 1, v, i, b});
    }
  }

  void check_early(uint32_t i, uint32_t def, std::span<const Operand> operands, const PReg* regs) {
    for (uint32_t k = 0; k < operands.size(); ++k) {
      if (!operands[k].is_use() || regs[k] != regs[def]) continue;
      if (operands[def].constraint == Constraint::Reuse && operands[def].detail == k) continue;
      report_operand(i, def,
                     "is defined early in " + name_of(regs[def]) + ", which operand " + std::to_string(k) +
                         " is still to be read from");
    }
  }

  // ---- demands

  // Counting sort by location; times rise within one.
  void group_writes() {
    const uint32_t locations = kRegisterCodes + allocation_.spill_slot_count;
    first_write_.assign(locations + 1, 0);
    for (uint32_t location : write_locations_) ++first_write_[location + 1];
    for (uint32_t n = 0; n < locations; ++n) first_write_[n + 1] += first_write_[n];
    std::vector<uint32_t> next(first_write_.begin(), first_write_.end() - 1);
    std::vector<Write> grouped(writes_.size());
    for (size_t n = 0; n < writes_.size(); ++n) grouped[next[write_locations_[n]]++] = writes_[n];
    writes_.swap(grouped);
  }

  const Write* last_write(uint32_t location, uint32_t time, uint32_t first_block) const {
    const auto begin = writes_.begin() + first_write_[location], end = writes_.begin() + first_write_[location + 1];
    auto it = std::partition_point(begin, end, [&](const Write& write) { return write.time < time; });
    if (it == begin) return nullptr;
    --it;
    return it->time > block_begin_[first_block] ? &*it : nullptr;
  }

  void follow_demands() {
    move_value_.assign(allocation_.moves.size(), kNothing);
    uint64_t followed = 0;
    while (!demands_.empty() && findings_.size() < kMaxFindings) {
      const Demand demand = demands_.back();
      demands_.pop_back();
      if (++followed > kDemandBudget) {
        report("the function is too large to be checked");
        return;
      }
      follow(demand);
    }
  }

  // The block up to whose start a demand is followed in one step: control passes through all blocks from there, and
  // none of them but the first gives the value another name.
  uint32_t first_block_for(const Demand& demand) const {
    const uint32_t head = chain_head_[demand.block];
    const uint32_t parameter_block = parameter_block_[demand.value];
    return parameter_block != kNothing && parameter_block > head && parameter_block <= demand.block ? parameter_block
                                                                                                    : head;
  }

  void follow(const Demand& demand) {
    const uint32_t first_block = first_block_for(demand);
    const Write* write = last_write(demand.location, demand.time, first_block);
    if (demand.location < kRegisterCodes) {
      const PReg reg = PReg::from_code(static_cast<uint8_t>(demand.location));
      if (!allocatable_.contains(reg) && reg != kFlagsReg && (!write || write->gap != demand.gap)) {
        return complain(demand, "a reserved register carries it across an instruction", write);
      }
      if (reg == kFlagsReg && (!write || write->time < block_begin_[demand.block])) {
        return complain(demand, "flags are not defined in the block", nullptr);
      }
    }
    if (!write) return follow_to_predecessors(demand, first_block);
    switch (write->kind) {
      case Write::Def:
        if (write->subject != demand.value || demand.part != Part::Whole) complain(demand, "", write);
        return;
      case Write::Clobber:
        return complain(demand, "", write);
      case Write::FromMove:
        return follow_move(demand, *write);
    }
  }

  void follow_move(const Demand& demand, const Write& write) {
    if (write.part != demand.part)
      return complain(demand, "part of it was overwritten by a value of another size", &write);
    const uint32_t index = write.subject;
    const Move& move = allocation_.moves[index];
    // Slots are aligned, so that both halves were written by this move, or one of them has another part's mark.
    if (move_value_[index] == demand.value) return;
    if (move_value_[index] == kNothing)
      move_value_[index] = demand.value;
    else if (!seen_.insert(index, kNothing, demand.value))
      return;

    Demand before = demand;
    before.block = write.block;
    before.time = move_times_[index];
    before.gap = move_gaps_[index];
    if (move.from.is_reg()) {
      before.location = move.from.preg().code;
      before.part = Part::Whole;
      demands_.push_back(before);
      return;
    }
    before.location = kRegisterCodes + move.from.slot_index();
    if (move.reg_class == RegClass::Vec) {
      before.part = Part::Low;
      demands_.push_back(before);
      ++before.location;
      before.part = Part::High;
    } else {
      before.part = Part::Whole;
    }
    demands_.push_back(before);
  }

  void follow_to_predecessors(const Demand& demand, uint32_t block) {
    if (block == 0) return complain(demand, "it is not written before the function's entry", nullptr);
    // Location and part in one word: slots stay far below 2^30.
    if (!seen_.insert(block, demand.location | uint32_t(demand.part) << 30, demand.value)) return;
    const bool is_parameter = parameter_block_[demand.value] == block;
    for (Block pred : code_.preds_of(code_.blocks[block])) {
      if (!reachable_[pred.index]) continue;
      Demand before = demand;
      const VBlock& source = code_.blocks[pred.index];
      if (is_parameter) {
        const uint32_t k = parameter_index_[demand.value];
        if (k >= source.arg_count) return complain(demand, "a predecessor passes no argument for it", nullptr);
        before.value = code_.args_of(source)[k].virtual_index();
      }
      before.block = pred.index;
      before.time = block_end_[pred.index];
      before.gap = source.end_inst;
      demands_.push_back(before);
    }
  }

  void complain(const Demand& demand, const std::string& what, const Write* write) {
    const Inst& inst = code_.insts[demand.inst];
    const uint32_t wanted = code_.operands_of(inst)[demand.operand].reg.virtual_index();
    const PReg reg = allocation_.operands[inst.first_operand + demand.operand];
    std::string message = "operand " + std::to_string(demand.operand) + " must read v" + std::to_string(wanted) +
                          " in " + name_of(reg) + ", but ";
    const std::string place = location_name(demand.location);
    if (!what.empty()) {
      message += place + ": " + what;
    } else if (write && write->kind == Write::Clobber) {
      message += place + " is clobbered by instruction " + std::to_string(write->inst);
    } else if (write && write->subject != kNothing) {
      message += place + " holds v" + std::to_string(write->subject) + ", defined by instruction " +
                 std::to_string(write->inst);
    } else if (write) {
      message += place + " was written by instruction " + std::to_string(write->inst);
    }
    std::string hint;
    if (demand.value != wanted || place != name_of(reg)) {
      hint = "by way of block " + std::to_string(demand.block) + ", where " + place + " must hold v" +
             std::to_string(demand.value);
    }
    report(std::move(message), demand.inst, std::move(hint));
  }

  const VCode& code_;
  const Allocation& allocation_;
  const RegisterEnv& env_;
  const InstClobbers& clobbers_;
  Diagnostics findings_;
  PRegSet allocatable_;
  std::vector<bool> reachable_;
  std::vector<uint32_t> parameter_index_, parameter_block_;  // by value

  std::vector<uint32_t> chain_head_;  // by block

  uint32_t time_ = 0;
  uint32_t next_move_ = 0;
  uint32_t current_block_ = 0;
  std::vector<uint32_t> block_begin_, block_end_;  // times
  std::vector<uint32_t> move_times_, move_gaps_;
  std::vector<Write> writes_;
  std::vector<uint32_t> write_locations_;
  std::vector<uint32_t> first_write_;  // by location, in writes_ once grouped

  std::vector<Demand> demands_;
  std::vector<uint32_t> move_value_;  // the first value each move was found to carry
  TripleSet seen_;                    // (block, location and part, value), or (move, kNothing, value)
};

}  // namespace

Diagnostics check(const VCode& code, const Allocation& allocation, const RegisterEnv& env,
                  const InstClobbers& clobbers) {
  return Checker(code, allocation, env, clobbers).run();
}

}  // namespace assay::regalloc
