// See encoding_check.h.
#include "verify/encoding_check.h"

#include <algorithm>

#include "oracles/disassembler.h"
#include "verify/assembler.h"
#include "verify/operand_cases.h"

namespace assay::verify {

namespace {

using machine::EncodedInst;
using machine::Operand;

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
        disassembler_(oracles::Disassembler::make(isa, oracles::DisassemblerKind::Llvm)) {}

  EncodingReport run() {
    if (!disassembler_ || !parsed_.errors.empty()) {
      report_.mismatches.push_back({"", "", "", "", "no disassembler, or bad definitions"});
      return report_;
    }
    for (uint16_t opcode = 0; opcode < insts_.descs.size(); ++opcode) {
      const machine::InstDesc& desc = insts_.descs[opcode];
      if (!is_wanted(options_.only, desc.name)) continue;
      const notation::InstDef& inst = parsed_.definitions.insts[opcode];
      if (inst.bits.empty() && inst.forms.empty()) {
        report_.not_checked.push_back(desc.name);
        continue;
      }
      const auto lists = cases_.systematic(opcode, options_.cases_per_instruction);
      if (lists.empty()) report_.not_checked.push_back(std::string(desc.name) + " (no legal operands)");
      ++report_.instructions;
      unsigned wrong = 0;
      constexpr unsigned kMostMismatches = 4;
      for (const std::vector<Operand>& operands : lists) {
        if (wrong >= kMostMismatches) break;
        if (!check(opcode, operands)) ++wrong;
      }
    }
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

  bool check(uint16_t opcode, const std::vector<Operand>& operands) {
    EncodedInst encoded;
    if (insts_.encode(opcode, operands, {}, encoded) != machine::EncodeError::None) return true;
    ++report_.cases;
    ++report_.cases_of[insts_.descs[opcode].name];
    const std::span<const uint8_t> bytes(encoded.bytes, encoded.size);
    // On x64 a label's distance is printed from the instruction's end.
    std::vector<Operand> shown = operands;
    const machine::InstDesc& desc = insts_.descs[opcode];
    for (size_t i = 0; i < desc.operands.size(); ++i) {
      if (isa_ == IsaKind::x64 &&
          (desc.operands[i].kind == machine::SlotKind::Label || desc.operands[i].kind == machine::SlotKind::Constant)) {
        shown[i].imm -= encoded.size;
      }
    }
    std::string ours = insts_.print(opcode, shown);
    replace_all(ours, "symbol0", "0");
    const std::string theirs = decoded(bytes);
    if (!theirs.empty() && normalised(ours) == theirs) {
      ++report_.by_text;
      return true;
    }
    std::string lines = insts_.print(opcode, operands);
    replace_all(lines, " ; ", "\n");
    std::string problem;
    const auto assembled = assemble(isa_, lines);
    const bool same_bytes = assembled && std::equal(assembled->begin(), assembled->end(), bytes.begin(), bytes.end());
    if (theirs.empty() && !same_bytes) {  // s390x's trap, a halfword of zeros, is no instruction: `.short 0`
      problem = "cannot be decoded";
    } else {
      if (!assembled) {
        problem = assembled.error().message;
      } else if (same_bytes || decoded(*assembled) == theirs) {
        ++report_.by_assembler;
        return true;
      } else {
        problem = "assembles to " + hex(*assembled) + " " + decoded(*assembled);
      }
    }
    report_.mismatches.push_back({desc.name, ours, hex(bytes), theirs, problem});
    return false;
  }

  IsaKind isa_;
  const machine::InstSet& insts_;
  EncodingOptions options_;
  notation::ParsedDefinitions parsed_;
  OperandCases cases_;
  Expected<std::unique_ptr<oracles::Disassembler>> disassembler_;
  EncodingReport report_;
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
                    std::to_string(report.by_assembler) + " by the assembler, " +
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
