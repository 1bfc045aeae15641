// What every subcommand of the program `assay` shares: how it is registered, its exit status, and how it prints.
//
// A subcommand NAME is one file, cli/NAME.cpp, with `void add_NAME(CLI::App& app, Action& action)`: it adds a
// subcommand with its options to `app` and, in the subcommand's callback, sets `action` to what is to be done. Then one
// line in ASSAY_COMMANDS below. The work itself is done by the libraries; see cfg.cpp for a short example.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "compiler/ir/parser.h"
#include "compiler/machine/inst_desc.h"
#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"

namespace CLI {
class App;
}

// In the order in which `assay --help` lists them. A name with a hyphen is written with an underscore.
#define ASSAY_COMMANDS(COMMAND) \
  COMMAND(bench)                \
  COMMAND(campaign)             \
  COMMAND(cat)                  \
  COMMAND(cfg)                  \
  COMMAND(compile)              \
  COMMAND(discover)             \
  COMMAND(explain)              \
  COMMAND(fuzz)                 \
  COMMAND(harvest)              \
  COMMAND(interpret)            \
  COMMAND(mutants)              \
  COMMAND(opt)                  \
  COMMAND(reduce)               \
  COMMAND(report)               \
  COMMAND(run)                  \
  COMMAND(stats)                \
  COMMAND(test)                 \
  COMMAND(triage)               \
  COMMAND(verify)

namespace assay::cli {

enum ExitStatus : int {
  kNothingWrong = 0,
  kFinding = 1,   // a mismatch, a failed proof, a failed test
  kBadInput = 2,  // the input or the command line
  kInternal = 3   // Assay itself is at fault
};

using Action = std::function<int()>;

#define ASSAY_DECLARE_COMMAND(name) void add_##name(CLI::App& app, Action& action);
ASSAY_COMMANDS(ASSAY_DECLARE_COMMAND)
#undef ASSAY_DECLARE_COMMAND

// Gives `app` the footer with its example: `--help` of every subcommand has one.
void add_example(CLI::App& app, const std::string& example);

// The CLIF files that `paths` stand for: files as they are, directories walked, every .clif file below them in order of
// names. `-` is standard input. Fails for a path that does not exist.
Expected<std::vector<std::string>> expand_paths(const std::vector<std::string>& paths);

// The text of a file, or of standard input for `-`.
Expected<std::string> read_input(const std::string& path);

// The ISAs of these names; all if there are none. Fails for a name that no ISA has.
Expected<std::vector<IsaKind>> named_isas(const std::vector<std::string>& names);
// Whose rules: of the ISAs of the first list, and of the units of the second, ISAs or "opt"; of neither: all.
struct Units {
  std::vector<IsaKind> isas;
  bool optimizer = false;  // the mid-end's
};
Expected<Units> named_units(const std::vector<std::string>& isas, const std::vector<std::string>& units);

// The features named by `--features`, separated by commas: for each of the ISAs those it has. `all` and `host` are all
// and those that this computer has. Fails for a name that none of them has.
Expected<std::array<machine::FeatureSet, kIsaCount>> named_features(const std::string& list,
                                                                    const std::vector<IsaKind>& isas);
inline constexpr const char* kFeaturesHelp =
    "ISA features to compile for, separated by commas; all, host: this computer's; NAME=false: not that one";

struct ClifFile {
  const std::string& path;
  const std::string& text;
  const ir::File& parsed;
};

// Reads the CLIF files that `paths` stand for, one after the other, and has `action` work on each; its answer is an
// exit status. What cannot be read or parsed is reported, and the next file follows. Returns the greatest status.
int for_each_file(const std::vector<std::string>& paths, const std::function<int(const ClifFile&)>& action);

// Prints errors on standard error, with the line and a caret if `source` is the file's text. Returns kBadInput.
int report(const Diagnostic& diagnostic, std::string_view source = {});
int report(const Diagnostics& diagnostics, std::string_view source = {});

// May output on this stream use colours? Is it a terminal? NO_COLOR is respected.
bool is_terminal(int descriptor);
bool use_color(int descriptor);

}  // namespace assay::cli
