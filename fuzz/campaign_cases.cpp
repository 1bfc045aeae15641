// See campaign_cases.h.
#include "fuzz/campaign_cases.h"

#include <utility>

#include "fuzz/mutate_case.h"

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

// A mutant of one entry, sometimes crossed with another.
bool CampaignCases::mutate(Random& random, uint64_t number, Case& test) {
  const uint64_t generation = number / options_.generation;
  if (reader_ == nullptr || generation != generation_) {
    if (reader_ == nullptr) reader_ = std::make_unique<CorpusReader>(folder_);
    ids_ = reader_->entries_after(generation == 0 ? 0 : (generation - 1) * options_.generation);
    generation_ = generation;
  }
  const Case* parent = entry(random);
  if (parent == nullptr) return false;
  const uint64_t choice_seed = test.choice_seed;
  test = *parent;
  test.choice_seed = choice_seed;
  const MutateOptions how{.generate = options_.generate};
  if (random.chance(20)) {
    const Case* donor = entry(random);
    if (donor != nullptr && donor != parent) crossover(test, *donor, random, how);
  }
  fuzz::mutate(test, random, how);
  return true;
}

const Case* CampaignCases::entry(Random& random) {
  if (ids_.empty()) return nullptr;
  const int64_t id = ids_[random.below(static_cast<uint32_t>(ids_.size()))];
  const auto [it, is_new] = entries_.try_emplace(id);
  if (is_new) {
    const std::string text = reader_->text_of(id);
    if (auto parsed = parse_case(text, "entry " + std::to_string(id))) {
      it->second = std::make_unique<Case>(std::move(*parsed));
    }
  }
  return it->second.get();
}

}  // namespace assay::fuzz
