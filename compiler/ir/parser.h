// CLIF text to functions.
//
// Accepts the current language and the older spellings listed in parser_legacy.cpp (they are expanded into current
// operations). Promises: linear time and memory in the text; no recursion; every error of the file is reported, in
// order, with its place (up to kMaxErrors); never more than kMaxBlocks blocks in a function. Entity numbers are kept as
// written, gaps and all; numbers far beyond what the text could define are refused.
// The parser settles types (suffix or inference) and reports unknown names and shapes; the verifier checks the rest.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/support/diagnostic.h"

namespace assay::ir {

inline constexpr uint32_t kMaxBlocks = 100000;
inline constexpr size_t kMaxErrors = 100;

// A comment, from its `;` to the end of the line.
struct Comment {
  uint32_t line = 0;
  uint32_t column = 0;
  std::string text;
  bool operator==(const Comment&) const = default;
};

// `set opt_level=speed` or a word of a `target` line. A bare word has an empty value.
struct Flag {
  std::string name;
  std::string value;
  bool operator==(const Flag&) const = default;
};

struct TestCommand {  // `test compile precise-output`
  std::string name;
  std::vector<std::string> options;
  uint32_t line = 0;
};
struct Setting {  // a `set` or `target` line; in file order, since `set` applies to the targets after it
  bool is_target = false;
  std::string target;  // of a target line: its first word
  std::vector<Flag> flags;
  uint32_t line = 0;
};
struct Feature {  // `feature "name"`, `feature !"name"`
  std::string name;
  bool negated = false;
};

// Where a word of the text stands; from 1, columns in bytes.
struct TextPlace {
  uint32_t line = 0;
  uint32_t column = 0;
  bool operator==(const TextPlace&) const = default;
};

// A function with the places of what is in it, for diagnostics, and the comments inside it and after it.
struct ParsedFunction {
  Function function;
  uint32_t line = 0, column = 0;        // of the word `function`
  std::vector<Comment> comments;        // inside and after it, up to the next `function`: where directives stand
  std::vector<TextPlace> inst_places;   // by Inst index: of the operation's name
  std::vector<TextPlace> block_places;  // by Block index; 0 if it is not defined
};

// `set` lines that stand before a target apply to it: the flags for target number `n` are those of every earlier set
// line, in order, then its own.
struct File {
  std::string name;
  std::vector<TestCommand> commands;
  std::vector<Setting> settings;
  std::vector<Feature> features;
  std::vector<Comment> comments;  // before the first function
  std::deque<ParsedFunction> functions;
};

struct ParseOptions {
  // The convention of signatures that name none. Without one: system_v in files with a `test run` command (Cranelift
  // takes the host's own), else fast.
  std::optional<CallConv> default_call_conv;
};

// The file, or all its errors (never empty).
std::expected<File, Diagnostics> parse_file(std::string_view text, std::string filename,
                                            const ParseOptions& options = {});
// For tests and small tools: the text of exactly one function.
std::expected<Function, Diagnostics> parse_function(std::string_view text);

}  // namespace assay::ir
