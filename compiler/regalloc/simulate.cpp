// See simulate.h.
#include "compiler/regalloc/simulate.h"

#include <unordered_map>

#include "compiler/regalloc/random_vcode.h"

namespace assay::regalloc {

using machine::Constraint;
using machine::Inst;
using machine::Operand;
using machine::Reg;
using machine::Role;
using machine::VBlock;
using machine::VCode;

namespace {

uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t z = a * 0x9e3779b97f4a7c15u + b + 0x7f4a7c15u;
  z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93u;
  return z ^ (z >> 29);
}

bool is_value(const Operand& operand) { return operand.is_reg() && !operand.reg.is_none(); }

uint64_t result_of(uint64_t inst, uint64_t operand, uint64_t uses, uint64_t step) {
  return mix(mix(inst, operand), mix(uses, step));
}

// The block that control goes to, or none after a return; the decision depends on the step alone.
machine::Block choose(const VCode& code, const VBlock& block, uint64_t seed, uint64_t step) {
  const auto succs = code.succs_of(block);
  if (succs.empty()) return {};
  return succs[mix(seed, step) % succs.size()];
}

// Registers and slots with values.
class Machine {
 public:
  explicit Machine(uint32_t slots) : slots_(slots) {
    for (uint64_t& value : registers_) value = garbage();
    for (uint64_t& value : slots_) value = garbage();
  }

  uint64_t read(PReg reg) const { return registers_[reg.code]; }
  void write(PReg reg, uint64_t value) { registers_[reg.code] = value; }
  void trash(PReg reg) {
    if (reg) registers_[reg.code] = garbage();
  }
  void trash(const PRegSet& set, const PRegSet& keep) {
    for (unsigned code = 0; code < machine::kRegClasses * 64; ++code) {
      const PReg reg = PReg::from_code(static_cast<uint8_t>(code));
      if (set.contains(reg) && !keep.contains(reg)) trash(reg);
    }
  }

  void store(uint32_t slot, RegClass reg_class, uint64_t value, std::string& error) {
    if (slot + (reg_class == RegClass::Vec ? 2 : 1) > slots_.size()) {
      error = "a slot is out of range";
      return;
    }
    slots_[slot] = value;
    if (reg_class == RegClass::Vec) slots_[slot + 1] = ~value;
  }
  uint64_t load(uint32_t slot, RegClass reg_class, std::string& error) {
    if (slot + (reg_class == RegClass::Vec ? 2 : 1) > slots_.size()) {
      error = "a slot is out of range";
      return garbage();
    }
    if (reg_class == RegClass::Vec && slots_[slot + 1] != ~slots_[slot]) return garbage();
    return slots_[slot];
  }

 private:
  uint64_t garbage() { return mix(++garbage_, 0xbad); }

  uint64_t registers_[256];
  std::vector<uint64_t> slots_;
  uint64_t garbage_ = 0;
};

// One instruction with physical registers: reads, writes, and all that the constraints say.
void execute(Machine& machine, const VCode& original, const Inst& inst, uint32_t index, const std::vector<PReg>& regs,
             const RegisterEnv& env, const InstClobbers& clobbers, uint64_t step, SimulationLog& log) {
  const auto operands = original.operands_of(inst);
  for (size_t k = 0; k < operands.size(); ++k) {
    if (!is_value(operands[k])) continue;
    const Operand& operand = operands[k];
    if (!regs[k]) {
      log.error = "an operand without a register";
      return;
    }
    if (operand.constraint == Constraint::Fixed && regs[k].code != operand.detail) log.error = "not the fixed register";
    if (operand.constraint == Constraint::Reuse && regs[k] != regs[operand.detail]) log.error = "not the tied register";
    if (operand.role == Role::EarlyDef && operand.constraint != Constraint::Reuse) machine.trash(regs[k]);
  }
  uint64_t uses = 0;
  for (size_t k = 0; k < operands.size(); ++k) {
    if (!is_value(operands[k]) || !operands[k].is_use() || operands[k].reg.is_physical()) continue;
    const uint64_t value = machine.read(regs[k]);
    log.values.push_back(value);
    uses = mix(uses, value);
  }
  PRegSet kept;
  for (size_t k = 0; k < operands.size(); ++k) {
    if (!is_value(operands[k]) || !operands[k].is_def()) continue;
    if (kept.contains(regs[k])) log.error = "two definitions in one register";
    if (operands[k].constraint == Constraint::Fixed || regs[k] == machine::kFlagsReg) kept.add(regs[k]);
    if (operands[k].constraint == Constraint::Reuse && operands[operands[k].detail].constraint == Constraint::Fixed) {
      kept.add(regs[k]);
    }
    machine.write(regs[k], result_of(index, k, uses, step));
  }
  machine.trash(clobbers.of(original, inst), kept);
  for (PReg scratch : env.scratch) machine.trash(scratch);
}

}  // namespace

SimulationLog simulate_virtual(const VCode& code, uint64_t seed, uint32_t max_insts) {
  SimulationLog log;
  std::vector<uint64_t> values(code.vreg_classes.size(), 0);
  machine::Block at(0);
  for (uint64_t step = 0; at && step < max_insts;) {
    const VBlock& block = code.blocks[at.index];
    for (uint32_t i = block.first_inst; i < block.end_inst; ++i, ++step) {
      uint64_t uses = 0;
      const auto operands = code.operands_of(code.insts[i]);
      for (const Operand& operand : operands) {
        if (!is_value(operand) || !operand.is_use() || operand.reg.is_physical()) continue;
        const uint64_t value = values[operand.reg.virtual_index()];
        log.values.push_back(value);
        uses = mix(uses, value);
      }
      for (size_t k = 0; k < operands.size(); ++k) {
        if (is_value(operands[k]) && operands[k].is_def() && operands[k].reg.is_virtual()) {
          values[operands[k].reg.virtual_index()] = result_of(i, k, uses, step);
        }
      }
    }
    at = choose(code, block, seed, step);
    if (!at) break;
    log.values.push_back(at.index);
    std::vector<uint64_t> passed;
    for (Reg arg : code.args_of(block)) passed.push_back(values[arg.virtual_index()]);
    const auto params = code.params_of(code.blocks[at.index]);
    for (size_t k = 0; k < params.size(); ++k) values[params[k].virtual_index()] = passed[k];
  }
  return log;
}

SimulationLog simulate_allocated(const VCode& code, const Allocation& allocation, const RegisterEnv& env,
                                 const InstClobbers& clobbers, uint64_t seed, uint32_t max_insts) {
  SimulationLog log;
  Machine machine(allocation.spill_slot_count);
  std::vector<std::vector<Move>> before(code.insts.size()), after(code.insts.size());
  for (const Move& move : allocation.moves) {
    if (move.inst >= code.insts.size()) {
      log.error = "a move at no instruction";
      return log;
    }
    (move.point == Point::Before ? before : after)[move.inst].push_back(move);
  }
  auto run_moves = [&](const std::vector<Move>& moves) {
    for (const Move& move : moves) {
      const uint64_t value = move.from.is_slot() ? machine.load(move.from.slot_index(), move.reg_class, log.error)
                                                 : machine.read(move.from.preg());
      if (move.to.is_slot())
        machine.store(move.to.slot_index(), move.reg_class, value, log.error);
      else
        machine.write(move.to.preg(), value);
    }
  };
  machine::Block at(0);
  std::vector<PReg> regs;
  for (uint64_t step = 0; at && step < max_insts;) {
    const VBlock& block = code.blocks[at.index];
    for (uint32_t i = block.first_inst; i < block.end_inst; ++i, ++step) {
      const Inst& inst = code.insts[i];
      run_moves(before[i]);
      const auto first = allocation.operands.begin() + inst.first_operand;
      regs.assign(first, first + inst.operand_count);
      execute(machine, code, inst, i, regs, env, clobbers, step, log);
      run_moves(after[i]);
      if (!log.error.empty()) return log;
    }
    at = choose(code, block, seed, step);
    if (at) log.values.push_back(at.index);
  }
  return log;
}

SimulationLog simulate_applied(const VCode& applied, const VCode& original, const RegisterEnv& env,
                               const InstClobbers& clobbers, uint64_t seed, uint32_t max_insts) {
  SimulationLog log;
  Machine machine(applied.spills_size / 8);
  machine::Block at(0);
  std::vector<PReg> regs;
  for (uint64_t step = 0; at && step < max_insts;) {
    const VBlock& block = applied.blocks[at.index];
    uint32_t index = original.blocks[at.index].first_inst;
    for (uint32_t i = block.first_inst; i < block.end_inst; ++i) {
      const Inst& inst = applied.insts[i];
      const auto operands = applied.operands_of(inst);
      if (inst.opcode == kTestMove) {
        machine.write(operands[0].reg.preg(), machine.read(operands[1].reg.preg()));
      } else if (inst.opcode == kTestSpill) {
        const PReg from = operands[1].reg.preg();
        machine.store(static_cast<uint32_t>(operands[0].imm / 8), from.reg_class(), machine.read(from), log.error);
      } else if (inst.opcode == kTestReload) {
        const PReg to = operands[0].reg.preg();
        machine.write(to, machine.load(static_cast<uint32_t>(operands[1].imm / 8), to.reg_class(), log.error));
      } else {
        regs.clear();
        for (const Operand& operand : operands) {
          regs.push_back(is_value(operand) && operand.reg.is_physical() ? operand.reg.preg() : PReg());
        }
        execute(machine, original, original.insts[index], index, regs, env, clobbers, step, log);
        ++index;
        ++step;
      }
      if (!log.error.empty()) return log;
    }
    at = choose(applied, block, seed, step);
    if (at) log.values.push_back(at.index);
  }
  return log;
}

}  // namespace assay::regalloc
