// libFuzzer target: the input is CLIF, a filetest (fuzz/case.h), and is run on every executor. What is no valid CLIF is
// repaired (fuzz/repair.h), mutations and crossover work on the IR (fuzz/mutate_case.h). Some inputs are also changed
// in ways that keep their meaning, and both versions held against each other. Which lowering rules fired counts as
// coverage. A finding is written as a filetest beside the crash file (`finding-….clif` in the working folder) before
// the process stops.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "fuzz/coverage.h"
#include "fuzz/mutate_case.h"
#include "fuzz/repair.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using namespace assay;

constexpr fuzz::GenerateOptions kGenerate = {.max_functions = 2, .max_instructions = 30};
constexpr size_t kMaxText = 48 * 1024;  // longer ones cost more than they find
constexpr fuzz::MutateOptions kMutate = {.max_instructions = 300, .max_functions = 4, .generate = kGenerate};

// By a hash of the feature: how often.
__attribute__((section("__libfuzzer_extra_counters"), used)) uint8_t g_features[1 << 15];

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return hash ^ hash >> 29;
}

// What a mutation made is what runs next: reading it again would only cost time.
struct Last {
  std::string text;
  fuzz::Case test;
  fuzz::Tilt tilt;
} g_last;

fuzz::Steering& steering() {
  static fuzz::Steering steering;
  return steering;
}

fuzz::Case read(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (size != 0 && text == g_last.text) return g_last.test;
  return fuzz::repair_case(text, kGenerate);
}

// 0 if it does not fit.
size_t write(fuzz::Case& test, const fuzz::Tilt& tilt, uint8_t* data, size_t max_size) {
  std::string text = fuzz::print_case(test);
  if (text.size() > std::min(max_size, kMaxText)) return 0;
  std::memcpy(data, text.data(), text.size());
  g_last = {std::move(text), std::move(test), tilt};
  return g_last.text.size();
}

size_t write_generated(fuzz::Random& random, uint8_t* data, size_t max_size) {
  for (unsigned size = 30; size >= 4; size /= 2) {
    const fuzz::Tilt tilt = steering().choose(random);
    fuzz::Case test = fuzz::generate_case(
        random, {.max_functions = 1 + size / 16, .max_instructions = size, .inputs = 2, .tilt = tilt});
    if (const size_t written = write(test, tilt, data, max_size); written != 0) return written;
  }
  return 0;
}

// What the run reached, for libFuzzer and for the generator.
void take_features(oracles::Harness& harness, const fuzz::Case& test, const fuzz::Tilt* tilt) {
  static std::vector<fuzz::FeatureCount> features;
  static std::vector<uint32_t> reached;
  features.clear();
  reached.clear();
  fuzz::take_features(harness, test, features);
  for (const fuzz::FeatureCount& feature : features) {
    reached.push_back(feature.feature.bits());
    const uint32_t hash = feature.feature.bits() * 0x9e3779b1u;
    uint8_t& counter = g_features[hash >> (32 - 15)];
    counter = static_cast<uint8_t>(std::min<uint64_t>(counter + feature.count, 255));
  }
  if (tilt != nullptr) steering().learn(*tilt, reached);
}

[[noreturn]] void report(const fuzz::Case& test, const oracles::Harness& harness, const oracles::Finding& finding) {
  const std::string text = fuzz::print_case(test, harness, {oracles::describe(finding)});
  const std::string path = "finding-" + std::to_string(hash_of(text)) + ".clif";
  if (auto wrote = write_file(path, text); !wrote) std::fputs(render(wrote.error()).c_str(), stderr);
  std::fprintf(stderr, "%s\n%s\n", oracles::describe(finding).c_str(), text.c_str());
  std::abort();
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  fuzz::Random random(seed);
  if (size == 0 || random.chance(5)) {
    const size_t written = write_generated(random, data, max_size);
    return written != 0 ? written : size;
  }
  if (random.chance(1)) return LLVMFuzzerMutate(data, size, max_size);  // repaired when it runs
  const fuzz::Case original = read(data, size);
  constexpr unsigned kTries = 4;
  for (unsigned tries = 0; tries < kTries; ++tries) {
    fuzz::Case test = original;
    fuzz::MutateOptions options = kMutate;
    options.generate.tilt = steering().choose(random);
    if (random.chance(25)) {
      fuzz::mutate_preserving(test, random, options);
    } else {
      fuzz::mutate(test, random, options);
    }
    if (const size_t written = write(test, options.generate.tilt, data, max_size); written != 0) return written;
  }
  const size_t written = write_generated(random, data, max_size);
  return written != 0 ? written : size;
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1, const uint8_t* data2, size_t size2,
                                            uint8_t* out, size_t max_size, unsigned seed) {
  fuzz::Random random(seed);
  fuzz::Case test = read(data1, size1);
  const fuzz::Case donor = read(data2, size2);
  fuzz::crossover(test, donor, random, kMutate);
  return write(test, {}, out, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static oracles::Harness harness;
  // As `assay fuzz` counts, so that the two can be compared.
  static const struct Count {
    ~Count() { std::fprintf(stderr, "stat::number_of_functions:      %" PRIu64 "\n", harness.stats().functions); }
  } count;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool is_last = size != 0 && text == g_last.text;
  const fuzz::Case test = read(data, size);
  std::vector<oracles::Finding> findings;
  fuzz::check_case(harness, test, findings);
  take_features(harness, test, is_last ? &g_last.tilt : nullptr);
  if (!findings.empty()) report(test, harness, findings[0]);

  const uint64_t hash = hash_of(text);
  constexpr uint64_t kOneIn = 16;
  if (hash % kOneIn != 0) return 0;
  fuzz::Case same = test;
  fuzz::Random random(hash);
  fuzz::mutate_preserving(same, random, kMutate);
  fuzz::check_preserving(harness, test, same, findings);
  if (!findings.empty()) report(same, harness, findings[0]);
  return 0;
}
