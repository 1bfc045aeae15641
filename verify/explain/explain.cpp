// See explain.h: what the compiler's observer shows, put together.
#include "verify/explain/explain.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "compiler/ir/printer.h"
#include "compiler/isa/registry.h"
#include "compiler/opt/optimize.h"
#include "oracles/disassembler.h"
#include "verify/rule_sources.h"
#include "verify/source_text.h"
#include "verify/verify.h"

namespace assay::verify::explain {

namespace {

using machine::Inst;
using machine::Operand;
using machine::VCode;

// The rule that begins on a line of a file, as it was built into this program.
std::string rule_text(IsaKind isa, std::string_view file, uint32_t line) {
  const RuleSources* sources = rule_sources(isa);
  if (sources == nullptr) return {};
  for (const RuleSource& source : sources->rules) {
    const std::string_view name = source.name;
    if (!name.ends_with(file) && !file.ends_with(name)) continue;
    size_t at = 0;
    for (uint32_t n = 1; n < line && at != std::string_view::npos; ++n) {
      at = source.text.find('\n', at);
      if (at != std::string_view::npos) ++at;
    }
    if (at == std::string_view::npos) return {};
    at = source.text.find('(', at);
    if (at == std::string_view::npos) return {};
    return std::string(source.text.substr(at, SourceText(source.text).end_of(at) - at));
  }
  return {};
}

std::string hex_bytes(std::span<const uint8_t> bytes) {
  std::string out;
  char text[4];
  for (const uint8_t byte : bytes) {
    std::snprintf(text, sizeof text, "%02x", byte);
    out += (out.empty() ? "" : " ") + std::string(text);
  }
  return out;
}

// What one compilation has shown.
struct Seen {
  VCode lowered, allocated;
  std::vector<machine::ValueRegs> value_regs;
  regalloc::Allocation allocation;
  std::vector<uint32_t> origins;
};

class Maker {
 public:
  Maker(const ir::Function& function, const machine::TargetIsa& isa, const Seen& seen, IsaExplanation& out)
      : function_(function), isa_(isa), seen_(seen), out_(out) {}

  void make(const machine::CompiledFunction& compiled) {
    place_code(compiled);
    for (uint32_t b = 0; b < seen_.lowered.blocks.size(); ++b) {
      const uint32_t source = seen_.lowered.blocks[b].source_block;
      out_.blocks.push_back("block" + std::to_string(b) +
                            (source == machine::kNoSource ? ": edge" : ": CLIF block" + std::to_string(source)));
    }
    add_code_of(machine::kNoSource, {});  // the prologue
    for (uint32_t b = 0; b < seen_.lowered.blocks.size(); ++b) add_block(b);
    add_folded();
    add_values();
  }

 private:
  struct Code {
    uint32_t offset;
    std::string bytes, text;
  };

  // The final code, by the allocated instruction it is for. Where instructions of ours are several of the machine's,
  // the disassembler tells.
  void place_code(const machine::CompiledFunction& compiled) {
    code_.resize(seen_.allocated.insts.size() + 1);
    const machine::EmittedCode& code = compiled.code;
    auto disassembler = oracles::Disassembler::make(isa_.kind, oracles::DisassemblerKind::Llvm);
    const auto is_data = [&](uint32_t at) {
      return std::ranges::any_of(code.data, [&](const auto& range) { return at >= range.begin && at < range.end; });
    };
    for (size_t i = 0; i < code.insts.size(); ++i) {
      const machine::EmittedInst& inst = code.insts[i];
      const uint32_t end = i + 1 < code.insts.size() ? code.insts[i + 1].offset : code.code_size;
      std::vector<Code>& list = code_[inst.vcode == machine::kNoSource ? code_.size() - 1 : inst.vcode];
      for (uint32_t at = inst.offset; at < end;) {
        uint32_t size = end - at;
        std::string text = is_data(at) ? ".data" : inst.text;
        if (disassembler && !is_data(at)) {
          const auto decoded = (*disassembler)->decode(std::span(code.bytes).subspan(at, end - at), at);
          size = std::max<uint32_t>(1, std::min(decoded.length, size));
          text = decoded.text;
        }
        list.push_back({at, hex_bytes(std::span(code.bytes).subspan(at, size)), text});
        at += size;
      }
    }
  }

  uint32_t rule_index(isle::RuleId id) {
    const auto [it, inserted] = rules_.try_emplace(id.index, static_cast<uint32_t>(out_.rules.size()));
    if (inserted) {
      const isle::RuleInfo& info = isa_.rules[id.index];
      out_.rules.push_back({std::string(info.name),
                            std::string(info.term),
                            std::string(info.file),
                            info.line,
                            rule_text(isa_.kind, info.file, info.line),
                            {}});
    }
    return it->second;
  }

  std::string text_of(const VCode& code, const Inst& inst) const {
    const std::span<const Operand> operands = code.operands_of(inst);
    const machine::InstDesc& desc = isa_.desc(inst.opcode);
    std::string text = isa_.insts->print(inst.opcode, operands);
    if (text.empty()) text = desc.name;
    for (size_t i = 0; i < operands.size(); ++i) {
      const Operand& operand = operands[i];
      if (operand.kind == machine::OperandKind::Frame) {
        constexpr const char* kAreas[] = {"outgoing", "slots", "spills", "incoming"};
        text += std::string(" [") + kAreas[size_t(operand.area())] + "+" + std::to_string(operand.imm) + "]";
      } else if (operand.kind == machine::OperandKind::Symbol && size_t(operand.imm) < code.symbols.size()) {
        text += " " + code.symbols[size_t(operand.imm)].name;
      } else if (i >= desc.operands.size() && operand.kind == machine::OperandKind::Label) {
        text += " block" + std::to_string(operand.imm);
      } else if (i >= desc.operands.size() && operand.is_reg() && operand.reg.is_virtual()) {
        text += (operand.is_def() ? " def " : " ") + reg_text(operand.reg) + "=" +
                reg_text(machine::Reg(machine::PReg::from_code(operand.detail)));
      }
    }
    return text;
  }

  // As the machine calls it: the first operand of a move, printed.
  std::string reg_text(machine::Reg reg) const {
    if (reg.is_virtual()) return "v" + std::to_string(reg.virtual_index());
    if (reg.is_none()) return "?";
    const machine::PReg preg = reg.preg();
    if (preg.reg_class() == machine::RegClass::Flags) return "flags";
    const machine::SimpleInst move = isa_.move(preg.reg_class(), reg, reg);
    std::string text = isa_.insts->print(move.opcode, move.span());
    const size_t begin = text.find(' '), end = text.find(',');
    return begin == std::string::npos || end < begin ? text : text.substr(begin + 1, end - begin - 1);
  }

  Row row_of(const VCode& code, const Inst& inst, uint32_t block) {
    Row row{.block = block, .inst = inst.source == machine::kNoSource ? kNone : inst.source};
    for (uint16_t at = inst.rules; at != machine::kNoRuleChain; at = code.rule_chains[at].caller) {
      row.rules.push_back(rule_index(code.rule_chains[at].rule));
    }
    return row;
  }

  // A row for the allocated instruction, and one more for each further line of code.
  void add_code_of(uint32_t allocated, Row row) {
    std::vector<Code>& code = code_[allocated == machine::kNoSource ? code_.size() - 1 : allocated];
    if (code.empty()) {
      if (allocated != machine::kNoSource) out_.rows.push_back(std::move(row));
      return;
    }
    for (size_t i = 0; i < code.size(); ++i) {
      row.offset = code[i].offset;
      row.bytes = code[i].bytes;
      row.disassembly = code[i].text;
      out_.rows.push_back(row);
      row.virtual_text.clear();
      row.allocated_text.clear();
    }
  }

  // An instruction that has no rows has become part of those that use its results.
  void add_folded() {
    std::map<uint32_t, std::set<uint32_t>> parts;  // by CLIF instruction: those whose rows it is in
    for (const Row& row : out_.rows) {
      if (row.inst != kNone) parts[row.inst] = {row.inst};
    }
    std::vector<ir::Inst> order;
    std::map<uint32_t, std::set<uint32_t>> users;
    const auto use = [&](ir::Value value, ir::Inst user) {
      const ir::Inst def = function_.def_inst(value);
      if (!def.is_none()) users[def.index].insert(user.index);
    };
    for (const ir::Block block : function_.blocks()) {
      for (const ir::Inst inst : function_.insts(block)) {
        order.push_back(inst);
        for (const ir::Value value : function_.args(inst)) use(value, inst);
        for (const ir::BlockCall& call : function_.block_calls(inst)) {
          for (const ir::BlockArg arg : function_.args(call)) {
            if (arg.is_value()) use(arg.value(), inst);
          }
        }
      }
    }
    std::map<uint32_t, std::vector<uint32_t>> folded;
    for (size_t i = order.size(); i-- > 0;) {
      const uint32_t inst = order[i].index;
      if (parts.contains(inst)) continue;
      std::set<uint32_t> into;
      for (const uint32_t user : users[inst]) {
        if (const auto found = parts.find(user); found != parts.end())
          into.insert(found->second.begin(), found->second.end());
      }
      for (const uint32_t part : into) folded[part].push_back(inst);
      parts[inst] = std::move(into);
    }
    for (Row& row : out_.rows) {
      if (const auto found = folded.find(row.inst); found != folded.end()) row.folded = found->second;
    }
  }

  void add_block(uint32_t b) {
    const machine::VBlock& before = seen_.lowered.blocks[b];
    const machine::VBlock& after = seen_.allocated.blocks[b];
    uint32_t v = before.first_inst;
    const auto virtual_row = [&](uint32_t i) {
      const Inst& inst = seen_.lowered.insts[i];
      Row row = row_of(seen_.lowered, inst, b);
      row.number = i;
      row.virtual_text = text_of(seen_.lowered, inst);
      for (const Operand& operand : seen_.lowered.operands_of(inst)) {
        if (operand.is_reg() && operand.reg.is_virtual()) row.registers.push_back(operand.reg.virtual_index());
      }
      return row;
    };
    for (uint32_t a = after.first_inst; a < after.end_inst; ++a) {
      const Inst& inst = seen_.allocated.insts[a];
      const uint32_t origin = seen_.origins[a];
      Row row;
      if (origin == machine::kNoSource) {
        row = row_of(seen_.allocated, inst, b);
      } else {
        for (; v < origin; ++v) out_.rows.push_back(virtual_row(v));  // dropped: moves that do nothing
        row = virtual_row(v++);
      }
      row.allocated_text = text_of(seen_.allocated, inst);
      add_code_of(a, std::move(row));
    }
    for (; v < before.end_inst; ++v) out_.rows.push_back(virtual_row(v));
  }

  // ---- where values live ----

  std::string where(regalloc::Location location) const {
    if (location.is_slot()) return "slot " + std::to_string(location.slot_index());
    return reg_text(machine::Reg(location.preg()));
  }

  void add_values() {
    const VCode& code = seen_.lowered;
    std::vector<Value> values(code.vreg_classes.size());
    for (uint32_t r = 0; r < values.size(); ++r) values[r].reg = r;
    for (uint32_t v = 0; v < seen_.value_regs.size(); ++v) {
      for (const machine::Reg reg : {seen_.value_regs[v].low, seen_.value_regs[v].high}) {
        if (!reg.is_virtual() || reg.virtual_index() >= values.size()) continue;
        std::string& name = values[reg.virtual_index()].name;
        name += (name.empty() ? "v" : " v") + std::to_string(v);
      }
    }
    const auto note = [&](uint32_t reg, regalloc::Location location, uint32_t inst) {
      std::vector<Place>& places = values[reg].places;
      std::string text = where(location);
      if (!places.empty() && places.back().where == text) {
        places.back().last = std::max(places.back().last, inst);
      } else {
        places.push_back({std::move(text), inst, inst});
      }
    };
    std::map<regalloc::Location, uint32_t> holds;  // what each place holds, in the order of the code
    size_t move = 0;
    const auto moves_at = [&](uint32_t inst, regalloc::Point point) {
      const auto& moves = seen_.allocation.moves;
      for (; move < moves.size() && moves[move].inst == inst && moves[move].point == point; ++move) {
        const auto held = holds.find(moves[move].from);
        if (held == holds.end()) continue;
        const uint32_t reg = held->second;
        holds[moves[move].to] = reg;
        note(reg, moves[move].to, inst);
      }
    };
    for (uint32_t i = 0; i < code.insts.size(); ++i) {
      moves_at(i, regalloc::Point::Before);
      const Inst& inst = code.insts[i];
      for (uint32_t k = inst.first_operand; k < inst.first_operand + inst.operand_count; ++k) {
        const Operand& operand = code.operands[k];
        if (!operand.is_reg() || !operand.reg.is_virtual() || !seen_.allocation.operands[k]) continue;
        const regalloc::Location location = regalloc::Location::reg(seen_.allocation.operands[k]);
        holds[location] = operand.reg.virtual_index();
        note(operand.reg.virtual_index(), location, i);
      }
      moves_at(i, regalloc::Point::After);
    }
    for (Value& value : values) {
      if (!value.places.empty()) out_.values.push_back(std::move(value));
    }
  }

  const ir::Function& function_;
  const machine::TargetIsa& isa_;
  const Seen& seen_;
  IsaExplanation& out_;
  std::vector<std::vector<Code>> code_;  // by allocated instruction; the last: of the prologue
  std::map<uint32_t, uint32_t> rules_;
};

}  // namespace

Explanation make_explanation(const ir::Function& given, const ExplainOptions& options) {
  Explanation out;
  out.function = to_string(given.name);
  const bool optimize = machine::will_optimize(options.compile);
  ir::Function function = given;
  if (optimize) {
    for (const ir::Block block : given.blocks()) {
      out.source.push_back(ir::print_block_header(given, block));
      for (const ir::Inst inst : given.insts(block)) out.source.push_back(ir::print_inst(given, inst));
    }
    opt::Optimizer optimizer;
    optimizer.run(function, machine::mid_end_options(options.compile));
    const auto& rules = optimizer.rules();
    for (uint32_t i = 0; i < rules.rules().size(); ++i) {
      const isle::RuleInfo& rule = rules.rules()[i];
      if (const uint64_t count = rules.count(isle::RuleId(i)); count != 0 && rule.term == "simplify") {
        out.rewrites.push_back({std::string(rule.name), std::string(rule.file), rule.line, count});
      }
    }
  }
  for (const ir::Block block : function.blocks()) {
    out.clif.push_back({kNone, ir::print_block_header(function, block)});
    for (const ir::Inst inst : function.insts(block)) out.clif.push_back({inst.index, ir::print_inst(function, inst)});
  }
  for (const IsaKind kind : options.isas) {
    IsaExplanation& explanation = out.isas.emplace_back();
    explanation.isa = kind;
    const machine::TargetIsa* isa = isa::find_isa(kind);
    if (isa == nullptr) {
      explanation.error = std::string("not supported on ") + name(kind) + ": no backend in this build";
      continue;
    }
    Seen seen;
    machine::CompileOptions compile_options = options.compile;
    compile_options.features = options.features[static_cast<size_t>(kind)];
    compile_options.optimize = false;
    compile_options.want_listing = true;
    compile_options.observe = [&](const machine::StageView& view) {
      switch (view.stage) {
        case machine::Stage::Lower:
          seen.lowered = view.vcode;
          seen.value_regs.assign(view.value_regs.begin(), view.value_regs.end());
          break;
        case machine::Stage::Allocate:
          seen.allocation = *view.allocation;
          break;
        default:
          seen.allocated = view.vcode;
          seen.origins.assign(view.origins.begin(), view.origins.end());
      }
    };
    const auto compiled = machine::compile(function, *isa, compile_options);
    if (!compiled) {
      explanation.error = compiled.error().message;
      continue;
    }
    Maker(function, *isa, seen, explanation).make(*compiled);
    explanation.code_bytes = compiled->code.code_size;
    explanation.frame_bytes = compiled->frame_size;
    if (!options.prove) continue;
    std::vector<std::string> names;
    for (const Rule& rule : explanation.rules) names.push_back(rule.name);
    const Verdicts verdicts = options.prove(kind, names);
    for (Rule& rule : explanation.rules) {
      if (const auto found = verdicts.find(rule.name); found != verdicts.end()) rule.verdict = found->second;
    }
  }
  return out;
}

Verdicts prove_rules(IsaKind isa, const std::vector<std::string>& rules, const std::string& cache) {
  Verdicts out;
  if (rules.empty()) return out;
  const auto unit = verify_isa(isa, {.timeout_ms = 10'000, .rules = rules, .cache = cache});
  if (!unit) return out;
  for (const RuleResult& rule : unit->rules) out[rule.name] = {to_string(rule.state), rule.reason};
  return out;
}

}  // namespace assay::verify::explain
