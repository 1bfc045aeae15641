// `assay verify --witnesses`: functions that make each rule fire.
#pragma once

#include <string>
#include <vector>

#include "compiler/machine/isa_kind.h"

namespace assay::cli {

struct WitnessArguments {
  std::string directory;   // gets UNIT.clif for each; made if it is not there
  bool optimizer = false;  // also those of the mid-end
  unsigned per_rule = 4;
  std::vector<std::string> rules;
  bool json = false;
};

// Nothing is proven. The exit status: a finding if a rule has no witness or something differs.
int run_witnesses(const WitnessArguments& arguments, const std::vector<IsaKind>& isas);

}  // namespace assay::cli
