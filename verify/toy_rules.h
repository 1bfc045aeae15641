// Rules for a machine made up for a test, together with what the rules of all ISAs share. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "compiler/isle/notation/generate.h"
#include "verify/rule_sources.h"

namespace assay::verify {

class ToyRules {
 public:
  // `machine`: the text of its .inst file. `rules`: the files of its rules; their texts must outlive this.
  ToyRules(std::string_view machine, std::vector<RuleSource> rules) {
    const RuleSources* shared = nullptr;
    for (const IsaKind isa : kAllIsas) shared = shared != nullptr ? shared : rule_sources(isa);
    if (shared == nullptr) {
      ADD_FAILURE() << "no ISA is built in";
      return;
    }
    const notation::SourceFile file{"toy.inst", machine};
    const notation::ParsedDefinitions parsed = notation::parse_definitions(std::span(&file, 1));
    EXPECT_TRUE(parsed.errors.empty()) << render(parsed.errors.front());
    terms_ = notation::generate_isle(parsed.definitions);
    for (const RuleSource& source : shared->rules) {
      const std::string_view name = source.name;
      if (name.ends_with("prelude.isle") || name.ends_with("clif.isle")) rules_.push_back(source);
    }
    EXPECT_EQ(rules_.size(), 2u);
    rules_.push_back({"insts.isle", terms_});
    rules_.insert(rules_.end(), rules.begin(), rules.end());
    instructions_.push_back({"toy.inst", machine});
    sources_ = {rules_, instructions_, shared->operations};
  }
  ToyRules(const ToyRules&) = delete;  // the sources point into it
  ToyRules& operator=(const ToyRules&) = delete;

  const RuleSources& sources() const { return sources_; }

 private:
  std::string terms_;
  std::vector<RuleSource> rules_, instructions_;
  RuleSources sources_;
};

}  // namespace assay::verify
