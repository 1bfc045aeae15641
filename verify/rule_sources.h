// The text of the rules, instructions and operations this program was built with, embedded by CMake.
#pragma once

#include <span>
#include <string_view>

#include "compiler/machine/isa_kind.h"

namespace assay::verify {

struct RuleSource {
  const char* name;  // the file
  std::string_view text;
};
struct RuleSources {
  std::span<const RuleSource> rules;
  std::span<const RuleSource> instructions;
  std::string_view operations;
};

// Null if the ISA is not part of the build.
const RuleSources* rule_sources(IsaKind isa);

}  // namespace assay::verify
