// libFuzzer target: the input is CLIF, a filetest (fuzz/case.h), and is optimised. What comes out must verify and do on
// the interpreter what went in. What is no valid CLIF is repaired (fuzz/repair.h); mutations work on the IR. Which
// rules of the mid-end fired counts as coverage. A bit of the input's hash for each pass says whether it runs.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "compiler/opt/optimize.h"
#include "fuzz/mutate_case.h"
#include "fuzz/optimize_case.h"
#include "fuzz/repair.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using namespace assay;

constexpr fuzz::GenerateOptions kGenerate = {.max_functions = 2, .max_instructions = 40};
constexpr fuzz::MutateOptions kMutate = {.max_instructions = 300, .max_functions = 3, .generate = kGenerate};
constexpr size_t kMaxText = 32 * 1024;

// By rule: how often.
__attribute__((section("__libfuzzer_extra_counters"), used)) uint8_t g_rules[1 << 12];

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return hash ^ hash >> 29;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  fuzz::Random random(seed);
  if (size != 0 && random.chance(1)) return LLVMFuzzerMutate(data, size, max_size);  // repaired when it runs
  fuzz::Case test = size == 0 || random.chance(10)
                        ? fuzz::generate_case(random, kGenerate)
                        : fuzz::repair_case({reinterpret_cast<const char*>(data), size}, kGenerate);
  fuzz::mutate(test, random, kMutate);
  const std::string text = fuzz::print_case(test);
  if (text.size() > std::min(max_size, kMaxText)) return size;
  std::memcpy(data, text.data(), text.size());
  return text.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static oracles::Harness harness([] {
    oracles::HarnessOptions options;
    options.isas.clear();  // the interpreter alone
    return options;
  }());
  static opt::Optimizer optimizer;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const fuzz::Case test = fuzz::repair_case(text, kGenerate);
  opt::OptimizeOptions options;
  const uint64_t hash = hash_of(text);
  if (hash % 4 == 0) {
    for (size_t i = 0; i < opt::kPasses.size(); ++i) options.*opt::kPasses[i].on = (hash >> (8 + i) & 1) != 0;
  }
  std::vector<oracles::Finding> findings;
  fuzz::check_optimized(harness, test, optimizer, options, findings);
  for (uint32_t i = 0; i < optimizer.rules().rules().size() && i < sizeof g_rules; ++i) {
    g_rules[i] = static_cast<uint8_t>(std::min<uint64_t>(optimizer.rules().count(isle::RuleId(i)), 255));
  }
  optimizer.rules().reset_counts();
  if (findings.empty()) return 0;
  const std::string path = "finding-" + std::to_string(hash) + ".clif";
  const std::string finding = fuzz::print_case(test, harness, {oracles::describe(findings[0])});
  if (auto wrote = write_file(path, finding); !wrote) std::fputs(render(wrote.error()).c_str(), stderr);
  std::fprintf(stderr, "%s\n%s\n", oracles::describe(findings[0]).c_str(), finding.c_str());
  std::abort();
}
