// `assay mutants --kind seeded`: the mistakes of corpus/mutants/seeded, each held before every judge.
#pragma once

#include <string>
#include <vector>

#include "fuzz/yardstick.h"

namespace CLI {
class App;
}

namespace assay::cli {

struct SeededArguments {
  fuzz::YardstickOptions options;
  std::string table;  // write the table into this Markdown file, between its marks
  bool list = false;
  bool json = false;
};

// The options that only seeded mistakes have.
void add_seeded_options(CLI::App& command, SeededArguments& arguments);

// The exit status: kFinding if a mistake went unnoticed or a harmless change was reported.
int run_seeded(const SeededArguments& arguments);

}  // namespace assay::cli
