// Features by their names: from the text of target lines and options to a FeatureSet, and back.
#pragma once

#include <string>
#include <string_view>

#include "compiler/machine/inst_desc.h"
#include "compiler/support/diagnostic.h"

namespace assay::machine {

// A feature or a preset of this ISA; 0 if it has none of that name.
FeatureSet features_by_name(const InstSet& insts, std::string_view name);
// Names separated by commas, each perhaps with `=true` or `=false`, from left to right on `features`; `all`, and
// `host` (what this computer has of them).
Expected<FeatureSet> parse_features(const InstSet& insts, std::string_view list, FeatureSet features = 0);
// "has_bmi1 has_lzcnt".
std::string feature_names(const InstSet& insts, FeatureSet features);
FeatureSet all_features(const InstSet& insts);
// Which features this computer has, if it is such a machine; none elsewhere. Ways to compile count as features it has.
FeatureSet host_features(const InstSet& insts);

}  // namespace assay::machine
