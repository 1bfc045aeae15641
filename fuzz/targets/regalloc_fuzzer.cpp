// libFuzzer target: the bytes choose a function (compiler/regalloc/random_vcode.h), which must be allocated, pass the
// symbolic checker, and compute what it computed over virtual registers. Links assay_regalloc_testing.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "compiler/regalloc/allocator.h"
#include "compiler/regalloc/checker.h"
#include "compiler/regalloc/random_vcode.h"
#include "compiler/regalloc/simulate.h"
#include "compiler/regalloc/verify_vcode.h"

namespace {

using namespace assay;
using namespace assay::regalloc;

[[noreturn]] void found(const char* what, const std::string& detail, const RandomCase& test,
                        const Allocation* allocation) {
  std::fprintf(stderr, "regalloc_fuzzer: %s: %s\n%s\n", what, detail.c_str(), dump(test.code, allocation).c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  RandomSource random(data, size);
  const AllocateOptions options{.max_registers = random.chance(25) ? 1 + random.below(8) : 0};
  const RandomCase test = random_vcode(random, {.max_blocks = 24, .max_insts = 16});
  if (const Diagnostics violations = verify_vcode(test.code, test.clobbers()); !violations.empty()) {
    found("the generator made invalid code", render(violations[0]), test, nullptr);
  }
  static Allocator allocator;
  Allocation allocation;
  if (auto done = allocator.run(test.code, test.env, test.clobbers(), options, allocation); !done) {
    found("allocation failed", render(done.error()), test, nullptr);
  }
  if (const Diagnostics findings = check(test.code, allocation, test.env, test.clobbers()); !findings.empty()) {
    found("the checker objects", render(findings[0]), test, &allocation);
  }
  for (uint64_t path = 0; path < 2; ++path) {
    const SimulationLog expected = simulate_virtual(test.code, path, 200);
    const SimulationLog actual = simulate_allocated(test.code, allocation, test.env, test.clobbers(), path, 200);
    if (!actual.error.empty()) found("execution failed", actual.error, test, &allocation);
    if (actual.values != expected.values) found("execution differs", "", test, &allocation);
  }
  return 0;
}
