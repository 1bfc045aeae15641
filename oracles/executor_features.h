// Which features of its ISA (docs/features.md) an executor can run.
#pragma once

#include <string_view>

#include "compiler/machine/inst_desc.h"

namespace assay::oracles {

// `executor`: "unicorn", "qemu", "native", or a name of one, up to its dash. For native what CPUID says; of the others
// what was measured (corpus/oracles and exclusions.h know what they get wrong).
machine::FeatureSet executor_features(std::string_view executor, const machine::InstSet& insts);

}  // namespace assay::oracles
