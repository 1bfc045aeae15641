// Which case a campaign's program of a number is: generated, or mutated from entries of the corpus (C2 of campaign.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "fuzz/campaign.h"
#include "fuzz/case.h"

namespace assay::fuzz {

class CampaignCases {
 public:
  // `folder`: of the store; empty if there is none.
  CampaignCases(const CampaignOptions& options, const std::string& folder);

  // Puts program `number` into `test`; true if it is a mutation.
  bool make(uint64_t number, Case& test);

 private:
  std::optional<IsaKind> one_machine(Random& random) const;
  void generate(Random& random, Case& test);
  bool mutate(Random& random, Case& test);
  // Makes the entries, and what they say is rare, those that the program of this number is to see.
  void see_corpus(uint64_t number);
  void steer();
  const Case* entry(Random& random);

  const CampaignOptions& options_;
  std::string folder_;
  Program program_;
  std::unique_ptr<CorpusReader> reader_;
  uint64_t generation_ = 0;  // that `ids_` and `steering_` are for
  std::vector<int64_t> ids_;
  std::optional<Steering> steering_;
  std::unordered_map<int64_t, std::unique_ptr<Case>> entries_;  // null: cannot be used
};

}  // namespace assay::fuzz
