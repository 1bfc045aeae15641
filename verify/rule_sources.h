// The text of the rules, instructions and operations this program was built with, embedded by CMake.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"

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

// The mid-end's; there are no instructions.
const RuleSources& optimizer_sources();
// Null if the ISA is not part of the build.
const RuleSources* rule_sources(IsaKind isa);

// The same files as they are now in a source tree, and those that are new beside them, so that an edit can be judged
// before it is built. What is made at build time is made anew from the instructions; the operations' terms are those of
// the build.
class SourceTree {
 public:
  // Errors: a file is missing, the instructions do not parse, the ISA is not part of the build.
  static Expected<std::unique_ptr<SourceTree>> read(IsaKind isa, const std::string& root);
  static Expected<std::unique_ptr<SourceTree>> read(const RuleSources& built, const std::string& root);
  SourceTree(const SourceTree&) = delete;  // the sources point into it
  SourceTree& operator=(const SourceTree&) = delete;

  const RuleSources& sources() const { return sources_; }

 private:
  SourceTree() = default;

  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<RuleSource> rules_, instructions_;
  RuleSources sources_;
};

}  // namespace assay::verify
