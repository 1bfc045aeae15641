// Seeded mistakes: the yardstick's input. Each is a patch (unified diff) in corpus/mutants/seeded/, NNN-name.patch, as
// one would make the mistake by hand. Lines before the diff describe it, `Key: text` each:
//
//   Title: what is wrong, in a line                     Area: rules, specs, abi, encoder, allocator, interpreter, …
//   ISA: x64, aarch64, riscv64, s390x or all            Stage: the first stage that differs
//   Culprit: names, any of which triage may say, `|` between them
//   Origin: a line of the history of real compilers' mistakes, or `-`
//   Harmless: yes                                       only for those that nobody may report
//   Compiled: no                                        only for those that compiled code cannot show (a spec)
//
// A patch says what it replaces by its text, not by line numbers: edits elsewhere in a file do not disturb it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/support/diagnostic.h"

namespace assay::fuzz {

// Lines to find (context and removed ones) and what stands there instead.
struct Hunk {
  std::vector<std::string> before, after;
  size_t line = 0;  // where `before` was when the patch was made, from 1; the nearest place that fits is taken
};

struct SeededMistake {
  unsigned number = 0;  // NNN
  std::string name;     // of the file, without number and .patch
  std::string title, area, isa, stage, origin;
  std::vector<std::string> culprits;
  bool is_harmless = false;
  bool is_compiled = true;
  std::map<std::string, std::vector<Hunk>> edits;  // by file, relative to the root
  std::string text;                                // of the patch
};

// A unified diff of one hunk, from the first line that differs to the last, with three lines around it; `file` is
// relative to the root. Empty if nothing differs.
std::string diff_of(const std::string& file, std::string_view before, std::string_view after);

Expected<SeededMistake> parse_mistake(const std::string& path, std::string text);

// All of a folder, by number. Errors: one cannot be read, or two have the same number.
Expected<std::vector<SeededMistake>> read_mistakes(const std::string& folder);

// `text` with the hunks applied. Errors: a hunk's lines are not there.
Expected<std::string> patched(std::string_view text, const std::vector<Hunk>& hunks);

}  // namespace assay::fuzz
