// What the programs that generate from operations.ops share: their command line, `PROGRAM operations.ops OUT_FOLDER`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compiler/isle/ops/ops_reader.h"

namespace assay::ops {

struct GeneratedFile {
  std::string name;  // in the output folder
  std::string contents;
};

// Reads the file that the first argument names and writes what `generate` makes of it to the folder that the second
// names. The program's exit status: 0, or 2 with all errors printed.
int run_generator(int argc, char** argv, const char* program,
                  const std::function<std::vector<GeneratedFile>(const OpsFile&)>& generate);

}  // namespace assay::ops
