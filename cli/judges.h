// `assay verify --conformance` and `--encodings`: the instructions' definitions against machines and disassemblers, for
// as long as asked.
#pragma once

#include <string>
#include <vector>

#include "compiler/machine/isa_kind.h"

namespace assay::cli {

struct JudgeArguments {
  bool conformance = false;  // meanings, on Unicorn and the host
  bool encodings = false;    // bytes and texts, by LLVM
  double seconds = 0;        // at least one round of each is run
  uint64_t seed = 1;
  unsigned jobs = 0;                      // threads; 0: one per processor
  std::vector<std::string> instructions;  // parts of names; empty: all
  std::string tree;                       // take the definitions from this source tree; empty: those built in
  bool list = false;                      // cases of each instruction, and why those left out are
  bool json = false;
};

// The exit status: a finding if a judge disagrees.
int run_judges(const JudgeArguments& arguments, const std::vector<IsaKind>& isas);

}  // namespace assay::cli
