// See encoding_check.h.
#include "verify/encoding_check.h"

#include <algorithm>
#include <numeric>

#include "compiler/machine/features.h"
#include "oracles/disassembler.h"
#include "oracles/quiet_insts.h"
#include "verify/assembler.h"
#include "verify/decoded_roles.h"
#include "verify/operand_cases.h"
#include "verify/static_value.h"

namespace assay::verify {

namespace {

using machine::EncodedInst;
using machine::Operand;

bool is_distance(machine::SlotKind kind) {
  return kind == machine::SlotKind::Label || kind == machine::SlotKind::Place || kind == machine::SlotKind::Constant;
}

std::string hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// Lower case, no spaces but one behind each mnemonic, numbers in decimal as signed 64-bit integers.
std::string normalised(std::string_view text) {
  std::string out;
  size_t i = 0;
  bool mnemonic = true;
  while (i < text.size()) {
    const char c = text[i];
    if (c == ' ' || c == '\t') {
      if (mnemonic && !out.empty() && out.back() != ';') out += ' ';
      mnemonic = false;
      while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
      continue;
    }
    if (c == ';') {
      while (!out.empty() && out.back() == ' ') out.pop_back();
      out += ';';
      mnemonic = true;
      ++i;
      while (i < text.size() && text[i] == ' ') ++i;
      continue;
    }
    const bool after_name =
        i > 0 && (std::isalnum(static_cast<unsigned char>(text[i - 1])) || text[i - 1] == '_' || text[i - 1] == '%');
    if (c >= '0' && c <= '9' && !after_name) {
      const int base = c == '0' && i + 1 < text.size() && text[i + 1] == 'x' ? 16 : 10;
      if (base == 16) i += 2;
      uint64_t value = 0;
      for (; i < text.size() && std::isxdigit(static_cast<unsigned char>(text[i])); ++i) {
        if (base == 10 && (text[i] < '0' || text[i] > '9')) break;
        const char digit = static_cast<char>(std::tolower(text[i]));
        value =
            value * static_cast<uint64_t>(base) + static_cast<uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
      }
      const bool negative = !out.empty() && out.back() == '-';
      if (negative) out.pop_back();
      out += std::to_string(static_cast<int64_t>(negative ? 0 - value : value));
      continue;
    }
    out += static_cast<char>(std::tolower(c));
    ++i;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

class Checker {
 public:
  Checker(IsaKind isa, const machine::InstSet& insts, const EncodingOptions& options)
      : isa_(isa),
        insts_(insts),
        options_(options),
        parsed_(notation::parse_definitions(insts)),
        cases_(isa, insts, parsed_.definitions, options.seed),
        disassembler_(oracles::Disassembler::make(isa, oracles::DisassemblerKind::Llvm)),
        capstone_(oracles::Disassembler::make(isa, oracles::DisassemblerKind::Capstone)),
        roles_(RoleDecoder::make(isa)),
        has_short_forms_(
            std::ranges::any_of(parsed_.definitions.insts, [](const auto& inst) { return !inst.shorts.empty(); })) {
    if (isa == IsaKind::aarch64) {  // the stack pointer or zero: the instruction's text says which
      std::vector<unsigned> all(32);
      std::iota(all.begin(), all.end(), 0u);
      cases_.set_registers(std::move(all));
    }
  }

  EncodingReport run() {
    if (!disassembler_ || !roles_ || !parsed_.errors.empty()) {
      report_.mismatches.push_back({"", "", "", "", "no disassembler, or bad definitions"});
      return report_;
    }
    for (uint16_t opcode = 0; opcode < insts_.descs.size(); ++opcode) {
      const machine::InstDesc& desc = insts_.descs[opcode];
      if (!is_wanted(options_.only, desc.name)) continue;
      const notation::InstDef& inst = parsed_.definitions.insts[opcode];
      if (inst.bits.empty() && inst.forms.empty()) {
        if (inst.hatch.empty() || options_.hatches == nullptr || !check_hatch(opcode)) {
          report_.not_checked.push_back(desc.name);
        }
        continue;
      }
      const auto lists = cases_.systematic(opcode, options_.cases_per_instruction);
      if (lists.empty()) {
        report_.mismatches.push_back({desc.name, "", "", "", "no operands are legal"});
        continue;
      }
      ++report_.instructions;
      unsigned wrong = 0;
      constexpr unsigned kMostMismatches = 4;
      for (const std::vector<Operand>& operands : lists) {
        if (wrong >= kMostMismatches) break;
        const bool is_right = check(opcode, operands) && check_capstone(opcode, operands) &&
                              check_roles(opcode, operands) && check_relocation(opcode, operands);
        if (!is_right) ++wrong;
      }
      check_short_forms(opcode, lists);
      check_admitted(opcode);
      check_ranges(opcode);
    }
    check_displacements();
    return report_;
  }

 private:
  // Everything in `bytes`, instructions separated by ';', normalised; empty if something cannot be decoded.
  std::string decoded(std::span<const uint8_t> bytes) {
    std::string text;
    for (const oracles::DisassembledInst& inst : (*disassembler_)->disassemble(bytes, 0)) {
      if (!inst.valid) return "";
      text += (text.empty() ? "" : ";") + normalised(inst.text);
    }
    return text;
  }

  // With all features on, what has a short form is in it, and nothing else: as the assembler sees it.
  void check_short_forms(uint16_t opcode, std::span<const std::vector<Operand>> lists) {
    const notation::InstDef& inst = parsed_.definitions.insts[opcode];
    if (!has_short_forms_ || inst.bits.size() != 1 || inst.reloc.present) return;
    for (const notation::ShortForm& form : inst.shorts) {
      const auto combinations = cases_.params(opcode);
      std::vector<Operand> operands;
      if (std::ranges::any_of(combinations,
                              [&](const auto& params) { return cases_.random_short(opcode, form, params, operands); }))
        continue;
      const std::string line = std::to_string(form.bits.place.line);
      report_.mismatches.push_back({inst.name, "the short form in line " + line, "", "", "no operands have it"});
      return;
    }
    std::vector<std::vector<Operand>> all = cases_.around_shorts(opcode, options_.cases_per_instruction);
    all.insert(all.end(), lists.begin(), lists.end());
    unsigned wrong = 0;
    constexpr unsigned kMostMismatches = 4;
    for (const std::vector<Operand>& operands : all) {
      if (wrong >= kMostMismatches) break;
      EncodedInst encoded;
      const machine::FeatureSet features = machine::all_features(insts_);
      if (insts_.encode(opcode, operands, {.features = features}, encoded) != machine::EncodeError::None) continue;
      if (encoded.features != 0) ++report_.short_forms;
      const bool is_right = check(opcode, operands, features) &&
                            (encoded.features == 0 || check_roles(opcode, operands, {encoded.bytes, encoded.size}));
      if (!is_right) ++wrong;
    }
  }

  bool check(uint16_t opcode, const std::vector<Operand>& operands, machine::FeatureSet features = 0) {
    EncodedInst encoded;
    if (insts_.encode(opcode, operands, {.features = features}, encoded) != machine::EncodeError::None) return true;
    ++report_.cases;
    ++report_.cases_of[insts_.descs[opcode].name];
    const std::span<const uint8_t> bytes(encoded.bytes, encoded.size);
    const machine::InstDesc& desc = insts_.descs[opcode];
    std::string ours = insts_.print(opcode, from_end(opcode, operands, encoded.size, true));
    replace_all(ours, "symbol0", "0");
    const std::string theirs = decoded(bytes);
    const bool same_text = !theirs.empty() && normalised(ours) == theirs;
    if (same_text && isa_ == IsaKind::x64) {  // has several encodings of most texts
      ++report_.by_text;
      return true;
    }
    std::string lines = insts_.print(opcode, from_end(opcode, operands, encoded.size, false));
    replace_all(lines, " ; ", "\n");
    std::string problem;
    const auto assembled = assemble(isa_, lines, features == 0 ? Forms::Long : Forms::Short);
    const bool same_bytes = assembled && std::equal(assembled->begin(), assembled->end(), bytes.begin(), bytes.end());
    if (same_text && (!assembled || same_bytes)) {
      ++report_.by_text;
      return true;
    }
    if (same_text) {
      problem = "assembles to " + hex(*assembled) + ": bits that the disassembler does not look at";
    } else if (theirs.empty() && !same_bytes) {  // s390x's trap, a halfword of zeros, is no instruction: `.short 0`
      problem = "cannot be decoded";
    } else {
      if (!assembled) {
        problem = assembled.error().message;
      } else if (same_bytes || (decoded(*assembled) == theirs && isa_ == IsaKind::x64)) {
        ++report_.by_assembler;
        return true;
      } else {
        problem = "assembles to " + hex(*assembled) + " " + decoded(*assembled);
      }
    }
    report_.mismatches.push_back({desc.name, ours, hex(bytes), theirs, problem});
    return false;
  }

  // On x64 distances are printed from the instruction's end; those of branches, by some.
  std::vector<Operand> from_end(uint16_t opcode, std::vector<Operand> operands, unsigned size, bool of_branches) const {
    const machine::InstDesc& desc = insts_.descs[opcode];
    for (size_t i = 0; i < desc.operands.size(); ++i) {
      const bool is_label = desc.operands[i].kind == machine::SlotKind::Label;
      if (isa_ == IsaKind::x64 && is_distance(desc.operands[i].kind) && (of_branches || !is_label)) {
        operands[i].imm -= size;
      }
    }
    return operands;
  }

  // Capstone writes some texts otherwise, so its and ours are compared as what LLVM assembles; it abstains from what it
  // does not know, or writes as nobody else does.
  bool check_capstone(uint16_t opcode, const std::vector<Operand>& operands) {
    EncodedInst encoded;
    if (!capstone_ || insts_.encode(opcode, operands, {}, encoded) != machine::EncodeError::None) return true;
    const std::span<const uint8_t> bytes(encoded.bytes, encoded.size);
    std::string lines;
    for (const oracles::DisassembledInst& inst : (*capstone_)->disassemble(bytes, 0)) {
      if (!inst.valid) return true;
      lines += inst.text + "\n";
    }
    std::string ours = insts_.print(opcode, from_end(opcode, operands, encoded.size, false));
    // A base of %r0 is none: Capstone then takes the index for the base. A jump inside of the text has another origin.
    if (isa_ == IsaKind::s390x && ours.find("%r0)") != std::string::npos) return true;
    if (ours.find(".+") != std::string::npos) return true;
    replace_all(ours, " ; ", "\n");
    const auto expected = assemble(isa_, ours), assembled = assemble(isa_, lines);
    if (!expected || !assembled) return true;
    if (*expected == *assembled) {
      ++report_.by_capstone;
      return true;
    }
    report_.mismatches.push_back({insts_.descs[opcode].name, insts_.print(opcode, operands), hex(bytes), lines,
                                  "Capstone's text assembles to " + hex(*assembled)});
    return false;
  }

  // Registers and flags that the machine reads and writes are uses and definitions, or clobbered. More of both may be
  // named (a partial write keeps the rest of its register; what a callee destroys), but a definition must be written.
  bool check_roles(uint16_t opcode, const std::vector<Operand>& operands) {
    EncodedInst encoded;
    if (insts_.encode(opcode, operands, {}, encoded) != machine::EncodeError::None) return true;
    return check_roles(opcode, operands, {encoded.bytes, encoded.size});
  }
  bool check_roles(uint16_t opcode, const std::vector<Operand>& operands, std::span<const uint8_t> bytes) {
    auto decoded = (*roles_)->decode(bytes);
    if (!decoded) return true;  // a trap, by intention no instruction
    const machine::InstDesc& desc = insts_.descs[opcode];
    if (isa_ == IsaKind::s390x) {
      // LLVM lets branches write the condition code, and what writes a pair of registers, or rotates and inserts, read
      // all that it writes.
      if (desc.is(machine::kIsBranch) || desc.is(machine::kIsCall)) decoded->writes.remove(machine::kFlagsReg);
      // A branch that is never taken, to nowhere.
      if (oracles::is_quiet(desc.name)) decoded->reads.remove(machine::kFlagsReg);
      for (unsigned number = 0; number < 16; ++number) {
        const machine::PReg reg(machine::RegClass::Gpr, number);
        if (decoded->writes.contains(reg)) decoded->reads.remove(reg);
      }
    }
    const notation::InstDef& inst = parsed_.definitions.insts[opcode];
    machine::PRegSet uses, defs, may_write = desc.clobbers;
    for (const Operand& operand : operands) {
      if (operand.is_reg()) (operand.is_def() ? defs : uses).add(operand.reg.preg());
    }
    may_write = may_write | defs;
    if (inst.flags_clobber) may_write.add(machine::kFlagsReg);
    const bool is_return = desc.is(machine::kIsReturn);  // its link register is no operand
    std::string problem;
    for (unsigned code = 0; code < 64 * machine::kRegClasses; ++code) {
      const machine::PReg reg = machine::PReg::from_code(static_cast<uint8_t>(code));
      if (is_left_out(reg)) continue;
      const char* what = nullptr;
      if (decoded->writes.contains(reg) && !may_write.contains(reg)) what = "writes ";
      if (decoded->reads.contains(reg) && !uses.contains(reg) && !is_return) what = "reads ";
      if (defs.contains(reg) && !decoded->writes.contains(reg)) what = "does not write ";
      if (what != nullptr)
        problem = what + (reg == machine::kFlagsReg ? "the flags" : "register " + std::to_string(reg.number()));
    }
    if (problem.empty()) return true;
    report_.mismatches.push_back({desc.name, insts_.print(opcode, operands), hex(bytes), "", problem});
    return false;
  }

  // What an instruction requires of its operands is what its encoder requires: `when`, the ranges, and the conditions
  // of its forms hold, so the bytes must have room for it.
  void check_admitted(uint16_t opcode) {
    const notation::InstDef& inst = parsed_.definitions.insts[opcode];
    for (const std::vector<Operand>& list : cases_.edges(opcode)) {
      EncodedInst encoded;
      if (insts_.encode(opcode, list, {}, encoded) != machine::EncodeError::BadOperand) continue;
      const StaticValues values{parsed_.definitions, &inst, list};
      if (!std::all_of(inst.required.begin(), inst.required.end(), [&](auto e) { return values.holds(e); })) continue;
      report_.mismatches.push_back(
          {inst.name, insts_.print(opcode, list), "", "", "is admitted by the definition and refused by its encoder"});
      return;
    }
  }

  // What the ranges admit can be encoded (OperandCases::refused).
  void check_ranges(uint16_t opcode) {
    for (const OperandCases::Refused& refused : cases_.refused(opcode)) {
      const machine::InstDesc& desc = insts_.descs[opcode];
      if (refused.of_displacement) {
        refused_[amode_of(opcode, refused.slot)][refused.what].push_back(opcode);
        continue;
      }
      report_.mismatches.push_back({desc.name, "operand " + std::to_string(refused.slot) + " " + refused.what, "", "",
                                    "is in the operand's range, and no encoding takes it"});
    }
  }

  // Which memory operand of the notation the slot belongs to.
  size_t amode_of(uint16_t opcode, unsigned slot) const {
    for (const notation::OperandDef& operand : parsed_.definitions.insts[opcode].operands) {
      if (operand.kind == notation::OperandDefKind::Mem && slot >= operand.slot &&
          slot < operand.slot + machine::kAmodeOperands) {
        return static_cast<size_t>(operand.amode);
      }
    }
    return 0;
  }

  // What is refused of a displacement's range may be so for one access and not for another: some instruction takes it.
  void check_displacements() {
    for (const auto& [amode, values] : refused_) {
      std::vector<uint16_t> users;
      for (uint16_t opcode = 0; opcode < insts_.descs.size(); ++opcode) {
        const notation::InstDef& inst = parsed_.definitions.insts[opcode];
        if (inst.bits.empty() && inst.forms.empty()) continue;
        const bool uses = std::any_of(inst.operands.begin(), inst.operands.end(), [&](const auto& operand) {
          return operand.kind == notation::OperandDefKind::Mem && static_cast<size_t>(operand.amode) == amode;
        });
        if (uses) users.push_back(opcode);
      }
      for (const auto& [what, opcodes] : values) {
        if (opcodes.size() < users.size()) continue;
        report_.mismatches.push_back({insts_.descs[users.front()].name,
                                      parsed_.definitions.amodes[amode].name + ": displacement " + what, "", "",
                                      "is in the displacement's range, and no encoding takes it"});
      }
    }
  }

  // What a hatch of the ISA writes, for every register: only roles can be judged, its text is nobody's. False if no
  // case could be made.
  bool check_hatch(uint16_t opcode) {
    const machine::InstDesc& desc = insts_.descs[opcode];
    const machine::HatchContext context{[](const void*, unsigned slot) { return int64_t(64) + 16 * slot; }, nullptr};
    // The ISA counts its instructions in the order of its files, which need not be that of the definitions here.
    const auto& descs = options_.hatches->insts->descs;
    const auto theirs = std::find_if(descs.begin(), descs.end(),
                                     [&](const auto& other) { return std::string_view(other.name) == desc.name; });
    if (theirs == descs.end()) return false;
    const auto hatched = static_cast<uint16_t>(theirs - descs.begin());
    size_t cases = 0;
    const unsigned registers = isa_ == IsaKind::x64 || isa_ == IsaKind::s390x ? 16 : 31;
    for (unsigned number = 0; number < registers; ++number) {
      std::vector<Operand> operands;
      for (const machine::OperandDesc& slot : desc.operands) {
        Operand operand = Operand::label(machine::Block(0));
        if (slot.kind == machine::SlotKind::Reg) {
          operand = Operand::use(machine::PReg(machine::RegClass::Gpr, number));
          operand.role = slot.role;
        }
        operands.push_back(operand);
      }
      // A use may lie in what is clobbered: not where the allocator puts it.
      const machine::PReg reg(machine::RegClass::Gpr, number);
      if (is_left_out(reg) || desc.clobbers.contains(reg)) continue;
      const std::vector<Operand> fixed = operands;
      for (int target = 0; target < 3 && desc.is(machine::kIsVariadic); ++target) {
        operands.push_back(Operand::label(machine::Block(0)));
      }
      std::vector<uint8_t> bytes;
      uint32_t data = 0;
      if (options_.hatches->hatch(hatched, operands, context, bytes, data) != machine::EncodeError::None) continue;
      if (data != 0) bytes.resize(std::min<size_t>(data, bytes.size()));
      ++cases;
      if (!check_roles(opcode, fixed, bytes)) break;
    }
    report_.cases += cases;
    report_.cases_of[desc.name] += cases;
    report_.instructions += cases != 0;
    return cases != 0;
  }

  // The relocation that our encoder asks for is the first of those that the assembler makes of the text.
  bool check_relocation(uint16_t opcode, const std::vector<Operand>& operands) {
    EncodedInst encoded;
    if (insts_.encode(opcode, operands, {}, encoded) != machine::EncodeError::None || !encoded.has_symbol) return true;
    const std::string text = insts_.print(opcode, operands);
    const auto theirs = relocations_of(isa_, text);
    const std::string_view wanted = elf_name(encoded.reloc);
    std::string problem;
    if (!theirs || theirs->empty()) {
      problem = "the assembler makes no relocation";
    } else if (const AssembledRelocation& first = theirs->front();
               first.type != wanted || first.offset != encoded.symbol_offset || first.addend != encoded.symbol_addend) {
      problem = "the assembler makes " + first.type + " at " + std::to_string(first.offset) + " addend " +
                std::to_string(first.addend) + ", not " + std::string(wanted) + " at " +
                std::to_string(encoded.symbol_offset) + " addend " + std::to_string(encoded.symbol_addend);
    }
    if (problem.empty()) return true;
    report_.mismatches.push_back({insts_.descs[opcode].name, text, hex({encoded.bytes, encoded.size}), "", problem});
    return false;
  }
  static std::string_view elf_name(machine::RelocKind kind) {
    switch (kind) {
      case machine::RelocKind::Abs8:
        return "R_X86_64_64";
      case machine::RelocKind::X86PcRel4:
        return "R_X86_64_PLT32";
      case machine::RelocKind::Arm64Jump:
        return "R_AARCH64_JUMP26";
      case machine::RelocKind::Arm64Call:
        return "R_AARCH64_CALL26";
      case machine::RelocKind::Arm64AdrPrelPgHi21:
        return "R_AARCH64_ADR_PREL_PG_HI21";
      case machine::RelocKind::Arm64AddAbsLo12Nc:
        return "R_AARCH64_ADD_ABS_LO12_NC";
      case machine::RelocKind::RiscvCallPlt:
        return "R_RISCV_CALL_PLT";
      case machine::RelocKind::RiscvPcrelHi20Lo12:
        return "R_RISCV_PCREL_HI20";
      case machine::RelocKind::S390xPlt32Dbl:
      case machine::RelocKind::S390xPcRel32Dbl:
        return "R_390_PC32DBL";
    }
    return "";
  }

  // Stack pointers and zero registers, which RoleDecoder does not tell; vector registers.
  bool is_left_out(machine::PReg reg) const {
    if (reg.reg_class() == machine::RegClass::Vec) return true;
    if (reg.reg_class() == machine::RegClass::Flags) return reg != machine::kFlagsReg;
    switch (isa_) {
      case IsaKind::x64:
        return reg.number() == 4;
      case IsaKind::aarch64:
        return reg.number() == 31;
      case IsaKind::riscv64:
        return reg.number() == 0 || reg.number() == 2;
      case IsaKind::s390x:
        return reg.number() == 15;
    }
    return false;
  }

  IsaKind isa_;
  const machine::InstSet& insts_;
  EncodingOptions options_;
  notation::ParsedDefinitions parsed_;
  OperandCases cases_;
  Expected<std::unique_ptr<oracles::Disassembler>> disassembler_, capstone_;
  Expected<std::unique_ptr<RoleDecoder>> roles_;
  bool has_short_forms_;
  EncodingReport report_;
  std::map<size_t, std::map<std::string, std::vector<uint16_t>>> refused_;  // by memory operand and displacements
};

}  // namespace

EncodingReport check_encodings(IsaKind isa, const machine::InstSet& insts, const EncodingOptions& options) {
  return Checker(isa, insts, options).run();
}

void add(EncodingReport& sum, const EncodingReport& round) {
  constexpr size_t kMostMismatches = 4;
  for (const auto& [name, cases] : round.cases_of) sum.cases_of[name] += cases;
  sum.instructions = std::max(sum.instructions, round.instructions);
  sum.cases += round.cases;
  sum.by_text += round.by_text;
  sum.by_assembler += round.by_assembler;
  sum.by_capstone += round.by_capstone;
  sum.short_forms += round.short_forms;
  sum.not_checked = round.not_checked;
  for (const EncodingMismatch& mismatch : round.mismatches) {
    const auto same = std::count_if(sum.mismatches.begin(), sum.mismatches.end(),
                                    [&](const auto& known) { return known.instruction == mismatch.instruction; });
    if (static_cast<size_t>(same) < kMostMismatches) sum.mismatches.push_back(mismatch);
  }
}

std::string describe(const EncodingReport& report) {
  std::string out = std::to_string(report.instructions) + " instructions, " + std::to_string(report.cases) +
                    " cases: " + std::to_string(report.by_text) + " agree by text, " +
                    std::to_string(report.by_assembler) + " by the assembler, " + std::to_string(report.by_capstone) +
                    " with Capstone, " +
                    (report.short_forms == 0 ? "" : std::to_string(report.short_forms) + " in short forms, ") +
                    std::to_string(report.mismatches.size()) + " differ\n";
  for (const EncodingMismatch& m : report.mismatches) {
    out += "  " + m.instruction + ": " + m.ours + " is " + m.bytes + ", read as " + m.theirs +
           (m.problem.empty() ? "" : " (" + m.problem + ")") + "\n";
  }
  if (!report.not_checked.empty()) {
    out += "  not checked:";
    for (const std::string& name : report.not_checked) out += " " + name;
    out += "\n";
  }
  return out;
}

}  // namespace assay::verify
