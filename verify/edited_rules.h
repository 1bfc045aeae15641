// For tests: the rules of a build with one text put for another.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "verify/rule_sources.h"

namespace assay::verify {

class EditedRules {
 public:
  // `from` stands in one of the rule files; the first place counts.
  EditedRules(const RuleSources& built, std::string_view from, std::string_view to)
      : rules_(built.rules.begin(), built.rules.end()), sources_{rules_, built.instructions, built.operations} {
    for (RuleSource& source : rules_) {
      const size_t at = source.text.find(from);
      if (at == std::string_view::npos) continue;
      text_ = std::string(source.text).replace(at, from.size(), to);
      source.text = text_;
      return;
    }
  }
  EditedRules(const EditedRules&) = delete;  // the sources point into it
  EditedRules& operator=(const EditedRules&) = delete;

  bool found() const { return !text_.empty(); }
  const RuleSources& sources() const { return sources_; }

 private:
  std::string text_;
  std::vector<RuleSource> rules_;
  RuleSources sources_;
};

}  // namespace assay::verify
