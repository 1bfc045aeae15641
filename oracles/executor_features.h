// Which features of its ISA (docs/features.md) an executor can run.
#pragma once

#include <string_view>

#include "compiler/machine/inst_desc.h"

namespace assay::oracles {

// `executor`: "unicorn", "qemu", "native", or a name of one, up to its dash. For native what CPUID says; of the others
// what was measured (corpus/oracles and exclusions.h know what they get wrong).
machine::FeatureSet executor_features(std::string_view executor, const machine::InstSet& insts);

// Those that choose nothing but shorter encodings of the same instructions, and that no executor has: code is run
// without them.
machine::FeatureSet encodings_of_no_executor(const machine::InstSet& insts);

// Those that neither Unicorn nor QEMU runs. Code that uses one is only looked at, not run.
machine::FeatureSet features_of_no_executor(const machine::InstSet& insts);

}  // namespace assay::oracles
