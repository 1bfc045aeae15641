// The explanation for a terminal. Above each group of instructions stands the CLIF instruction they come from; beside
// them the rule that emitted them.
#include <algorithm>
#include <cstdio>

#include "verify/explain/explain.h"

namespace assay::verify::explain {

namespace {

constexpr size_t kWidest = 44;  // of a column; longer texts push the rest of their line

class Writer {
 public:
  Writer(const Explanation& explanation, const TextOptions& options) : explanation_(explanation), options_(options) {}

  std::string write() {
    write_optimized();
    for (const IsaExplanation& isa : explanation_.isas) write(isa);
    return std::move(out_);
  }

 private:
  std::string dim(const std::string& text) const { return options_.color ? "\033[2m" + text + "\033[0m" : text; }
  std::string bold(const std::string& text) const { return options_.color ? "\033[1m" + text + "\033[0m" : text; }

  static std::string padded(const std::string& text, size_t width) {
    return text.size() >= width ? text + "  " : text + std::string(width - text.size() + 2, ' ');
  }

  // What the mid-end has made of it, if that is something else.
  void write_optimized() {
    const bool same = std::ranges::equal(explanation_.source, explanation_.clif, {}, {}, &ClifLine::text);
    if (explanation_.source.empty() || same) return;
    out_ += bold(explanation_.function + " optimised") + "\n";
    for (const ClifLine& line : explanation_.clif) out_ += (line.inst == kNone ? "" : "    ") + line.text + "\n";
    std::string rules;
    for (const Rewrite& rewrite : explanation_.rewrites) rules += (rules.empty() ? "" : ", ") + rewrite.rule;
    if (!rules.empty()) out_ += dim("  by the rules " + rules) + "\n";
    out_ += "\n";
  }

  void write(const IsaExplanation& isa) {
    out_ += bold(explanation_.function + " on " + name(isa.isa)) + "\n";
    if (!isa.error.empty()) {
      out_ += "  " + isa.error + "\n\n";
      return;
    }
    size_t virtual_width = 16, allocated_width = 16, code_width = 16;
    for (const Row& row : isa.rows) {
      virtual_width = std::max(virtual_width, row.virtual_text.size());
      allocated_width = std::max(allocated_width, row.allocated_text.size());
      code_width = std::max(code_width, row.disassembly.size());
    }
    virtual_width = std::min(virtual_width, kWidest);
    allocated_width = std::min(allocated_width, kWidest);
    code_width = std::min(code_width, kWidest);
    out_ += dim("    " + padded("virtual registers", virtual_width) + padded("allocated", allocated_width) +
                padded("bytes", 8) + padded("disassembly", code_width) + "rule") +
            "\n";
    uint32_t block = kNone, inst = kNone;
    bool begun = false;
    for (const Row& row : isa.rows) {
      const bool is_prologue = row.number == kNone && row.allocated_text.empty() && row.inst == kNone && !begun;
      if (!is_prologue && row.block != block) {
        block = row.block;
        inst = kNone;
        begun = true;
        out_ += dim(isa.blocks[block]) + "\n";
      }
      if (row.inst != inst && row.inst != kNone) {
        inst = row.inst;
        out_ += "  " + bold(clif(inst)) + "\n";
      }
      std::string line = "    " + padded(row.virtual_text, virtual_width) + padded(row.allocated_text, allocated_width);
      char offset[16] = "";
      if (row.offset != kNone) std::snprintf(offset, sizeof offset, "%x", row.offset);
      line += padded(offset, 8) + padded(row.disassembly, code_width);
      if (!row.rules.empty() && !row.virtual_text.empty()) line += rule(isa, row.rules);
      line.erase(line.find_last_not_of(' ') + 1);
      out_ += line + "\n";
    }
    out_ += "  " + std::to_string(isa.code_bytes) + " bytes of code, " + std::to_string(isa.frame_bytes) +
            " bytes of stack\n";
    write_folded(isa);
    write_values(isa);
    write_rules(isa);
    out_ += "\n";
  }

  std::string clif(uint32_t inst) const {
    for (const ClifLine& line : explanation_.clif) {
      if (line.inst == inst) return line.text;
    }
    return {};
  }

  static std::string rule(const IsaExplanation& isa, const std::vector<uint32_t>& rules) {
    std::string out;
    for (const uint32_t r : rules) out += (out.empty() ? "" : " < ") + isa.rules[r].name;
    return out;
  }

  void write_folded(const IsaExplanation& isa) {
    std::string out;
    for (const ClifLine& line : explanation_.clif) {
      if (line.inst == kNone) continue;
      const bool seen = std::ranges::any_of(isa.rows, [&](const Row& row) { return row.inst == line.inst; });
      if (!seen) out += "    " + line.text + "\n";
    }
    if (!out.empty()) out_ += "  without code of their own (folded into others, or not needed):\n" + out;
  }

  void write_values(const IsaExplanation& isa) {
    std::string out;
    for (const Value& value : isa.values) {
      if (value.name.empty()) continue;
      std::string places;
      for (const Place& place : value.places) places += (places.empty() ? "" : ", ") + place.where;
      out += "    " + padded(value.name, 6) + padded("v" + std::to_string(value.reg), 6) + places + "\n";
    }
    if (!out.empty()) out_ += "  where values live (CLIF value, virtual register, places in order):\n" + out;
  }

  void write_rules(const IsaExplanation& isa) {
    if (isa.rules.empty()) return;
    size_t width = 8;
    for (const Rule& rule : isa.rules) width = std::max(width, rule.name.size());
    out_ += "  rules:\n";
    for (const Rule& rule : isa.rules) {
      std::string state = rule.verdict.state;
      if (!rule.verdict.reason.empty()) state += ": " + rule.verdict.reason;
      out_ += "    " + padded(rule.name, width) + rule.file + ":" + std::to_string(rule.line) +
              (state.empty() ? "" : "  " + state) + "\n";
    }
  }

  const Explanation& explanation_;
  const TextOptions& options_;
  std::string out_;
};

}  // namespace

std::string to_text(const Explanation& explanation, const TextOptions& options) {
  return Writer(explanation, options).write();
}

}  // namespace assay::verify::explain
