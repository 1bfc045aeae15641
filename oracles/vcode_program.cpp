// See vcode_program.h.
#include "oracles/vcode_program.h"

#include "oracles/quiet_insts.h"

#include <algorithm>
#include <cassert>

namespace assay::oracles {

using machine::Inst;
using machine::InstDesc;
using machine::Operand;
using machine::OperandKind;
using machine::PReg;
using machine::Reg;
using machine::RegClass;
using machine::VBlock;
using notation::InputKind;

namespace {

std::vector<notation::SourceFile> sources_of(const machine::InstSet& insts) {
  std::vector<notation::SourceFile> sources;
  for (size_t i = 0; i < insts.source_texts.size(); ++i)
    sources.push_back({insts.source_files[i], insts.source_texts[i]});
  return sources;
}

// The register that reads as zero, if the ISA has one.
PReg zero_register(IsaKind isa) {
  return isa == IsaKind::riscv64 ? PReg(RegClass::Gpr, 0) : isa == IsaKind::aarch64 ? PReg(RegClass::Gpr, 31) : PReg();
}

uint32_t align_up(uint32_t value, uint32_t alignment) { return (value + alignment - 1) / alignment * alignment; }

// Before allocation there need not be a frame; any with room for what the code names will do.
machine::FrameLayout virtual_frame(const machine::VCode& code, const machine::TargetIsa& isa) {
  const machine::AbiTable& abi = isa.abi;
  const machine::AbiTable& own = isa.abi_of(code.call_conv);
  machine::FrameLayout frame;
  frame.growth = code.tail_size > code.incoming_size ? code.tail_size - code.incoming_size : 0;
  frame.popped = own.callee_pops ? code.incoming_size + frame.growth : 0;
  frame.outgoing_size = code.has_calls || code.outgoing_size != 0 ? code.outgoing_size + abi.outgoing_base : 0;
  frame.slots_offset = align_up(frame.outgoing_size, std::max<uint32_t>(code.frame_align, 8));
  frame.size =
      align_up(frame.slots_offset + code.slots_size + abi.linkage_bytes + abi.return_address_bytes, abi.stack_align) -
      abi.return_address_bytes;
  frame.linkage_offset = frame.size - abi.linkage_bytes;
  frame.linkage_pointer = abi.frame_pointer_at_entry ? frame.size : frame.linkage_offset;
  frame.incoming_offset = int64_t(frame.size) + frame.growth + own.outgoing_base + abi.return_address_bytes;
  frame.needs_frame = true;
  return frame;
}

}  // namespace

// ---- meanings ----

VCodeMeanings::VCodeMeanings(const machine::TargetIsa& isa) : isa_(isa), evaluator_(definitions_) {
  const std::vector<notation::SourceFile> sources = sources_of(*isa.insts);
  notation::ParsedDefinitions parsed = notation::parse_definitions(sources);
  if (!parsed.errors.empty()) {
    problem_ = parsed.errors.front().message;
  } else if (parsed.definitions.insts.size() != isa.insts->descs.size()) {
    problem_ = "the definitions are not those that the tables are made from";
  } else {
    definitions_ = std::move(parsed.definitions);
  }
}

bool VCodeMeanings::is_zero(uint16_t opcode, std::span<const Operand> operands, unsigned slot) {
  const PReg zero = zero_register(isa_.kind);
  if (!zero || operands[slot].reg != Reg(zero)) return false;
  return zero != isa_.abi.stack_pointer || !prints_stack_pointer(definition(opcode), operands, slot);
}

bool VCodeMeanings::prints_stack_pointer(const notation::InstDef& inst, std::span<const Operand> operands,
                                         unsigned slot) const {
  const auto prints = [&](const std::string& set) {
    int found = definitions_.isa.find_regnames(set);
    const auto name_in = [&](int i) -> std::string_view {
      if (i < 0) return {};
      const auto& names = definitions_.isa.regnames[static_cast<size_t>(i)].names;
      return names.size() > 31 ? std::string_view(names[31]) : std::string_view();
    };
    std::string_view name = name_in(found);
    if (name.empty()) name = name_in(definitions_.isa.find_regnames("gpr"));
    return name == "sp" || name == "wsp";
  };
  for (const notation::OperandDef& operand : inst.operands) {
    if (operand.kind == notation::OperandDefKind::Mem) {
      if (slot == operand.slot) return true;  // a base
      continue;
    }
    if (operand.kind != notation::OperandDefKind::Reg || operand.slot != slot) continue;
    for (const notation::AsmText& text : inst.texts) {
      for (const notation::AsmPiece& piece : text.pieces) {
        if (piece.name != operand.name) continue;
        std::string set = piece.set.empty() ? "gpr" : piece.set;
        if (const int param = piece.set_param.empty() ? -1 : inst.find_param(piece.set_param); param >= 0) {
          const size_t p = static_cast<size_t>(param);
          const auto& enumeration = definitions_.library.enums[static_cast<size_t>(inst.params[p].enumeration)];
          set = enumeration.enumerators[static_cast<size_t>(operands[p].imm)].name;
          if (!piece.set.empty()) set += "." + piece.set;
        }
        return prints(set);
      }
    }
  }
  return false;
}

// ---- building ----

struct VCodeProgram::Builder {
  VCodeProgram& program;
  VCodeMeanings& meanings;
  const machine::TargetIsa& isa = meanings.isa();
  std::unordered_map<std::string_view, uint32_t> by_name = {};
  std::unordered_map<std::string_view, uint32_t> host_steps = {};
  const machine::VCode* code = nullptr;
  Function* function = nullptr;
  std::vector<uint32_t> pool = {};  // offsets of the function's constants
  std::string error = {};

  uint32_t reg_index(Reg reg) const {
    return reg.is_virtual() ? kPhysical + reg.virtual_index() : uint32_t(reg.preg().code);
  }
  uint32_t constant(const notation::Bits& value) {
    program.constants.push_back(value);
    return static_cast<uint32_t>(program.constants.size() - 1);
  }
  uint64_t address_of(const Operand& operand) const {
    if (operand.kind == OperandKind::Symbol) {
      const std::string& name = code->symbols[size_t(operand.imm)].name;
      if (const auto found = by_name.find(name); found != by_name.end()) {
        return memory_map::kCodeBase + program.functions[found->second].first_step +
               static_cast<uint64_t>(code->symbols[size_t(operand.imm)].offset);
      }
      const auto host = host_steps.find(name);
      return host == host_steps.end() ? 0 : memory_map::kCodeBase + host->second;
    }
    if (operand.kind == OperandKind::Place) {
      return memory_map::kCodeBase + function->first_step + code->blocks[size_t(operand.imm)].first_inst;
    }
    if (operand.kind == OperandKind::Constant) return memory_map::kCodeBase + pool[size_t(operand.imm)];
    return 0;
  }

  void add_meaning(Step& step, const Inst& inst, std::span<const Operand> operands) {
    const notation::InstDef& def = meanings.definition(inst.opcode);
    const notation::Semantics& semantics = *step.semantics;
    step.inputs.first = static_cast<uint32_t>(program.inputs.size());
    for (const notation::Input& input : semantics.inputs) {
      Input made{.kind = Input::Kind::Constant, .width = input.width, .index = 0};
      if (input.kind == InputKind::Undefined) {
        made.kind = Input::Kind::Undefined;
        program.inputs.push_back(made);
        continue;
      }
      const unsigned slot = input.id == notation::kFlagsId ? static_cast<unsigned>(def.flags_use_slot) : input.id;
      const Operand& operand = operands[slot];
      notation::Bits value;
      switch (input.kind) {
        case InputKind::Value:
          if (operand.is_reg() && !meanings.is_zero(inst.opcode, operands, slot)) {
            made.kind = Input::Kind::Register;
            made.index = reg_index(operand.reg);
          }
          break;
        case InputKind::Imm:
          value.words[0] = operand.kind == OperandKind::Frame
                               ? static_cast<uint64_t>(function->frame.offset_of(operand.area()) + operand.imm)
                               : static_cast<uint64_t>(operand.imm);
          break;
        case InputKind::Constant: {
          const std::vector<uint8_t>& bytes = code->constants[size_t(operand.imm)];
          const bool big = endianness(isa.kind) == std::endian::big;
          const size_t count = std::min<size_t>(bytes.size(), input.width / 8);
          for (size_t i = 0; i < count; ++i) {
            const size_t place = big ? count - 1 - i : i;
            value.words[place / 8] |= uint64_t(bytes[i]) << (place % 8 * 8);
          }
          break;
        }
        case InputKind::Address:
          value.words[0] = address_of(operand);
          break;
        case InputKind::Bool:
        case InputKind::Undefined:
          break;
      }
      if (made.kind == Input::Kind::Constant) made.index = constant(value);
      program.inputs.push_back(made);
    }
    step.inputs.count = static_cast<uint32_t>(program.inputs.size()) - step.inputs.first;
    step.outputs.first = static_cast<uint32_t>(program.outputs.size());
    for (const notation::Assignment& result : semantics.results) {
      const bool is_flags = result.id == notation::kFlagsId;
      if (is_flags && def.flags_def_slot < 0) continue;
      const unsigned slot = is_flags ? static_cast<unsigned>(def.flags_def_slot) : result.id;
      const Operand& operand = operands[slot];
      if (!operand.is_reg() || meanings.is_zero(inst.opcode, operands, slot)) continue;
      program.outputs.push_back({reg_index(operand.reg), result.value, static_cast<uint16_t>(slot)});
    }
    step.outputs.count = static_cast<uint32_t>(program.outputs.size()) - step.outputs.first;
  }

  // Uses or defs that stand in fixed registers, as copies from or to those. Allocated code needs no copies, but the
  // trace wants to know what is defined.
  void add_transfers(Range<Transfer>& range, std::span<const Operand> operands, bool defs) {
    range.first = static_cast<uint32_t>(program.transfers.size());
    for (size_t i = 0; i < operands.size(); ++i) {
      const Operand& operand = operands[i];
      if (!operand.is_reg() || operand.is_def() != defs || operand.constraint != machine::Constraint::Fixed) continue;
      const uint32_t fixed = program.stage == VCodeStage::Virtual ? operand.detail : reg_index(operand.reg);
      const uint32_t own = reg_index(operand.reg);
      program.transfers.push_back(defs ? Transfer{own, fixed, static_cast<uint16_t>(i)}
                                       : Transfer{fixed, own, static_cast<uint16_t>(i)});
    }
    range.count = static_cast<uint32_t>(program.transfers.size()) - range.first;
  }

  uint32_t add_edge(const VBlock& from, uint32_t to) {
    const VBlock& block = code->blocks[to];
    Edge edge{.step = function->first_step + block.first_inst, .block = to, .arguments = {}};
    edge.arguments.first = static_cast<uint32_t>(program.transfers.size());
    const std::span<const Reg> args = code->args_of(from);
    const std::span<const Reg> params = code->params_of(block);
    for (size_t i = 0; i < args.size() && i < params.size(); ++i) {
      program.transfers.push_back({reg_index(params[i]), reg_index(args[i]), 0});
    }
    edge.arguments.count = static_cast<uint32_t>(program.transfers.size()) - edge.arguments.first;
    program.edges.push_back(edge);
    return static_cast<uint32_t>(program.edges.size() - 1);
  }

  void add_clobbers(Step& step, const Inst& inst, std::span<const Operand> operands) {
    if (program.stage == VCodeStage::Virtual) return;
    machine::PRegSet set = isa.desc(inst.opcode).clobbers | code->clobber_sets[inst.clobbers];
    for (const Operand& operand : operands) {
      if (operand.is_def() && operand.reg.is_physical()) set.remove(operand.reg.preg());
    }
    if (set.empty()) return;
    step.clobbers = static_cast<uint32_t>(program.clobber_sets.size());
    program.clobber_sets.push_back(set);
  }

  Step make_step(const VBlock& block, const Inst& inst) {
    Step step;
    const std::span<const Operand> operands = code->operands_of(inst);
    const InstDesc& desc = isa.desc(inst.opcode);
    add_clobbers(step, inst, operands);
    if (inst.opcode == isa.opcodes.args) {
      step.kind = Kind::Args;
      add_transfers(step.before, operands, true);
      return step;
    }
    if (inst.opcode == isa.opcodes.tail_call || inst.opcode == isa.opcodes.tail_call_indirect) {
      const Operand& callee = operands[0];
      step.kind = Kind::TailCall;
      step.targets = static_cast<uint32_t>(operands.back().imm);
      if (callee.kind == OperandKind::Symbol) {
        const auto found = by_name.find(code->symbols[size_t(callee.imm)].name);
        if (found == by_name.end()) error = "a tail call of " + code->symbols[size_t(callee.imm)].name;
        step.target = found == by_name.end() ? 0 : found->second;
      } else {
        step.kind = Kind::TailCallIndirect;
        step.address = reg_index(callee.reg);
      }
      add_transfers(step.before, operands, false);
      return step;
    }
    if (desc.is(machine::kIsReturn)) {
      step.kind = Kind::Return;
      add_transfers(step.before, operands, false);
      return step;
    }
    if (desc.is(machine::kIsCall)) {
      const Operand& callee = operands[0];
      if (callee.kind == OperandKind::Symbol) {
        const std::string& name = code->symbols[size_t(callee.imm)].name;
        const auto found = by_name.find(name);
        const auto host = host_steps.find(name);
        if (found == by_name.end() && host == host_steps.end()) {
          error = "call of " + name;
          return step;
        }
        step.kind = found != by_name.end() ? Kind::Call : Kind::CallHost;
        step.target = found != by_name.end() ? found->second : host->second;
      } else {
        step.kind = Kind::CallIndirect;
        step.address = reg_index(callee.reg);
      }
      add_transfers(step.before, operands, false);
      add_transfers(step.after, operands, true);
      // With handlers, results stay in their registers for the `args` of the successors.
      if (std::ranges::any_of(operands, [](const Operand& o) { return o.kind == OperandKind::Label; }))
        step.clobbers = 0;
      for (size_t i = desc.operands.size(); i < operands.size(); ++i) {
        if (operands[i].kind != OperandKind::Imm) continue;
        step.targets = static_cast<uint32_t>(operands[i].imm);
        break;
      }
      return step;
    }
    step.semantics = meanings.semantics(inst.opcode, operands);
    if (step.semantics != nullptr) {
      step.kind = Kind::Plain;
      add_meaning(step, inst, operands);
      if (desc.is(machine::kIsBranch)) {
        for (const Operand& operand : operands) {
          if (operand.kind != OperandKind::Label) continue;
          step.kind = Kind::Branch;
          step.target = add_edge(block, static_cast<uint32_t>(operand.imm));
        }
      }
      return step;
    }
    if (desc.is(machine::kIsJump)) {
      step.target = static_cast<uint32_t>(program.edges.size());
      for (const Operand& operand : operands) {
        if (operand.kind != OperandKind::Label) continue;
        add_edge(block, static_cast<uint32_t>(operand.imm));
        ++step.targets;
      }
      const bool is_table = !operands.empty() && operands[0].is_reg();
      if (is_table) step.address = reg_index(operands[0].reg);
      if (step.targets != 0) step.kind = is_table ? Kind::JumpTable : Kind::Jump;
    } else if (std::ranges::none_of(operands, [](const Operand& operand) { return operand.is_def(); })) {
      step.kind = is_quiet(desc.name) ? Kind::Nothing : Kind::Breakpoint;
    }
    if (step.kind == Kind::Invalid) error = std::string("instruction ") + desc.name + " has no meaning that can be run";
    return step;
  }

  void add_function(const VCodeFunction& source, uint32_t index) {
    code = &source.code;
    function = &program.functions[index];
    pool.clear();
    for (const std::vector<uint8_t>& bytes : code->constants) {
      pool.push_back(align_up(static_cast<uint32_t>(program.image.bytes.size()), 16));
      program.image.bytes.resize(pool.back());
      program.image.bytes.insert(program.image.bytes.end(), bytes.begin(), bytes.end());
    }
    for (const VBlock& block : code->blocks) {
      for (uint32_t i = block.first_inst; i < block.end_inst && error.empty(); ++i) {
        const Inst& inst = code->insts[i];
        program.steps[function->first_step + i] = make_step(block, inst);
        if (inst.trap != machine::kNoTrap) {
          program.image.traps.push_back({function->first_step + i, inst.trap, inst.source, function->number});
        }
      }
    }
  }
};

Expected<void> VCodeProgram::build(VCodeMeanings& meanings, VCodeStage at,
                                   std::span<const VCodeFunction* const> sources, std::span<const std::string> hosts) {
  stage = at;
  isa = &meanings.isa();
  functions.clear();
  steps.clear();
  inputs.clear();
  outputs.clear();
  transfers.clear();
  edges.clear();
  constants.clear();
  clobber_sets.assign(1, {});
  image = {};
  if (!meanings.problem().empty()) return fail(meanings.problem());
  Builder builder{.program = *this, .meanings = meanings};
  uint32_t total = 0;
  for (uint32_t i = 0; i < sources.size(); ++i) {
    const VCodeFunction& source = *sources[i];
    builder.by_name.emplace(source.name, i);
    functions.push_back({.number = source.number,
                         .first_step = total,
                         .registers = stage == VCodeStage::Virtual ? uint32_t(source.code.vreg_classes.size()) : 0,
                         .frame = source.frame ? *source.frame : virtual_frame(source.code, meanings.isa())});
    const uint32_t size = std::max(source.room, static_cast<uint32_t>(source.code.insts.size()));
    image.functions.push_back({total, total + size});
    total = align_up(total + size + 1, 16);  // addresses of functions are multiples of 16, and no two are equal
    if (total > memory_map::kCodeSize / 2) return fail("more than 8 million instructions");
  }
  for (const std::string& host : hosts) {
    builder.host_steps.emplace(host, total);
    image.host_stubs.push_back(total);
    total += 16;
  }
  steps.resize(total);
  image.bytes.resize(total);
  for (uint32_t i = 0; i < sources.size() && builder.error.empty(); ++i) builder.add_function(*sources[i], i);
  if (!builder.error.empty()) return fail(builder.error);
  return {};
}

const VCodeProgram::Function* VCodeProgram::function_at(uint32_t step) const {
  const auto found = std::ranges::lower_bound(functions, step, {}, &Function::first_step);
  return found != functions.end() && found->first_step == step ? &*found : nullptr;
}

const VCodeProgram::Function& VCodeProgram::function_of(uint32_t step) const {
  const auto after = std::ranges::upper_bound(functions, step, {}, &Function::first_step);
  assert(after != functions.begin());
  return *(after - 1);
}

}  // namespace assay::oracles
