// See campaign_cases.h.
#include "fuzz/campaign_cases.h"

#include <utility>

namespace assay::fuzz {

CampaignCases::CampaignCases(const CampaignOptions& options, const std::string& folder)
    : options_(options), folder_(folder) {}

bool CampaignCases::make(uint64_t number, Case& test) {
  Random choices(options_.seed ^ number * 0x9e3779b97f4a7c15u);
  test.choice_seed = choices.chance(options_.choices_percent) ? choices.next() | 1 : 0;
  Random random(options_.seed * 0x9e3779b97f4a7c15u + number);
  if (!folder_.empty() && options_.mutated_percent != 0) {
    Random choice(random.next() ^ number);
    if (choice.chance(options_.mutated_percent) && mutate(choice, number, test)) return true;
    random = Random(options_.seed * 0x9e3779b97f4a7c15u + number);
  }
  generate(random, test);
  return false;
}

void CampaignCases::generate(Random& random, Case& test) {
  std::swap(test.functions, program_.functions);  // both keep their memory
  fuzz::generate(random, options_.generate, program_);
  std::swap(test.functions, program_.functions);
  test.entry = static_cast<uint32_t>(test.functions.size() - 1);
  test.regions = program_.regions;
  test.inputs.clear();
  for (const auto& args : program_.inputs) test.inputs.push_back({.args = args, .seed = input_seed(args)});
}

bool CampaignCases::mutate(Random&, uint64_t, Case&) { return false; }

}  // namespace assay::fuzz
