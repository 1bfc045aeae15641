// See campaign_cases.h.
#include "fuzz/campaign_cases.h"

#include <algorithm>
#include <utility>

#include "compiler/isa/registry.h"
#include "compiler/machine/compile.h"
#include "compiler/machine/coverage.h"
#include "compiler/machine/features.h"
#include "fuzz/mutate_case.h"

namespace assay::fuzz {

namespace {

constexpr unsigned kFew = 4;  // entries

// With which the compiler chooses at random, but all features that there are (machine::chosen_features).
uint64_t choices_with_all_features(Random& random) {
  for (unsigned tries = 0;; ++tries) {
    const uint64_t seed = random.next() | 1;
    const bool has_all = std::ranges::all_of(isa::all_isas(), [&](const machine::TargetIsa* isa) {
      return machine::chosen_features(*isa->insts, {.choice_seed = seed}) == machine::all_features(*isa->insts);
    });
    if (has_all || tries == 100) return seed;
  }
}

}  // namespace

CampaignCases::CampaignCases(const CampaignOptions& options, const std::string& folder)
    : options_(options), folder_(folder) {}

bool CampaignCases::make(uint64_t number, Case& test) {
  Random choices(options_.seed ^ number * 0x9e3779b97f4a7c15u);
  test.choice_seed = choices.chance(options_.choices_percent) ? choices.next() | 1 : 0;
  Random random(options_.seed * 0x9e3779b97f4a7c15u + number);
  if (!folder_.empty()) {
    see_corpus(number);
    Random choice(random.next() ^ number);
    if (choice.chance(options_.mutated_percent) && mutate(choice, test)) return true;
    random = Random(options_.seed * 0x9e3779b97f4a7c15u + number);
  }
  generate(random, test);
  if (program_.wants_features && test.choice_seed == 0 && choices.chance(3 * options_.choices_percent)) {
    test.choice_seed = choices_with_all_features(choices);
  }
  return false;
}

// The machine that a program is made for and tried on; none: all of them.
std::optional<IsaKind> CampaignCases::one_machine(Random& random) const {
  if (options_.focus_percent == 0 || !random.chance(options_.focus_percent)) return std::nullopt;
  return options_.harness.isas[random.below(static_cast<uint32_t>(options_.harness.isas.size()))];
}

void CampaignCases::generate(Random& random, Case& test) {
  std::swap(test.functions, program_.functions);  // both keep their memory
  GenerateOptions how = options_.generate;
  if (steering_) how.tilt = steering_->choose(random);
  // What is made for one machine is tried there only: four times as many programs in the same time.
  how.focus = one_machine(random);
  fuzz::generate(random, how, program_);
  std::swap(test.functions, program_.functions);
  test.entry = static_cast<uint32_t>(test.functions.size() - 1);
  test.only_isa = how.focus;
  test.regions = program_.regions;
  test.inputs.clear();
  for (const auto& args : program_.inputs) test.inputs.push_back({.args = args, .seed = input_seed(args)});
}

void CampaignCases::see_corpus(uint64_t number) {
  const uint64_t generation = number / options_.generation;
  if (reader_ != nullptr && generation == generation_) return;
  if (reader_ == nullptr) reader_ = std::make_unique<CorpusReader>(folder_);
  ids_ = reader_->entries_after(generation == 0 ? 0 : (generation - 1) * options_.generation);
  generation_ = generation;
  steer();
}

// What few entries reach is rare, and the operations of those few are where there is more of it: operations at types
// are wanted as much as their entries' rarest features, those that no entry has most.
void CampaignCases::steer() {
  steering_.reset();
  if (ids_.empty()) return;
  std::vector<std::vector<Feature>> entries;
  std::unordered_map<uint32_t, unsigned> count;  // of entries, by feature
  for (const int64_t id : ids_) {
    entries.push_back(reader_->features_of(id));
    for (const Feature feature : entries.back()) ++count[feature.bits()];
  }
  const auto is_operation = [](Feature f) { return f.kind() == FeatureKind::Operation && !f.isa(); };
  std::unordered_map<uint32_t, double> wanted;  // by operation at a type
  for (const std::vector<Feature>& entry : entries) {
    double rarity = 0;
    unsigned operations = 1;
    for (const Feature feature : entry) {
      operations += is_operation(feature);
      if (count[feature.bits()] <= kFew) rarity += 1.0 / count[feature.bits()];
    }
    for (const Feature feature : entry) {
      if (is_operation(feature)) wanted[feature.bits()] += rarity / operations;
    }
  }
  double sum = 0;
  for (const auto& [feature, rarity] : wanted) sum += rarity;
  const double mean = wanted.empty() ? 1 : sum / static_cast<double>(wanted.size()) + 1e-9;
  constexpr double kMost = 4;
  steering_.emplace();
  for (const ir::Opcode operation : tilt_operations()) {
    for (const ir::Type type : {ir::kI8, ir::kI16, ir::kI32, ir::kI64, ir::kI128}) {
      if (!has_type(operation, type)) continue;
      const Feature feature(FeatureKind::Operation, std::nullopt, uint32_t(operation), machine::type_class(type));
      const auto found = wanted.find(feature.bits());
      const bool is_known = found != wanted.end();
      steering_->want(operation, type, is_known ? std::min(found->second / mean, kMost) : kMost);
    }
  }
}

// A mutant of one entry, sometimes crossed with another.
bool CampaignCases::mutate(Random& random, Case& test) {
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
  test.only_isa = one_machine(random);
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
