// Runs one CLIF filetest: its run directives on the interpreter and on every machine it names, and the other test
// commands. The format, and what of Cranelift's is and is not followed, is in docs/filetests.md.
//
// Every run directive is counted once for each executor, as passed, failed or not run; nothing is skipped in silence.
// What cannot run says why, and only the directives that need it: a function that a machine does not support takes down
// those that call it, directly or not, and no others.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/machine/inst_desc.h"
#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"

namespace assay::machine {
struct TargetIsa;
}

namespace assay::oracles {

// interpreter, the four ISAs in the order of IsaKind (on Unicorn), the host's own processor, and for each ISA the
// stages before there are bytes: code over virtual and over physical registers.
inline constexpr size_t kFiletestExecutors = 14;
inline constexpr std::array<const char*, kFiletestExecutors> kFiletestExecutorNames = {
    "interpreter",     "x64",
    "aarch64",         "riscv64",
    "s390x",           "native",
    "virtual-x64",     "allocated-x64",
    "virtual-aarch64", "allocated-aarch64",
    "virtual-riscv64", "allocated-riscv64",
    "virtual-s390x",   "allocated-s390x"};
inline constexpr size_t kInterpreterExecutor = 0, kNativeExecutor = 5, kFirstStageExecutor = 6;

struct Totals {
  uint32_t passed = 0;
  uint32_t failed = 0;
  uint32_t not_run = 0;

  uint32_t sum() const { return passed + failed + not_run; }
  Totals& operator+=(const Totals& other) {
    passed += other.passed;
    failed += other.failed;
    not_run += other.not_run;
    return *this;
  }
  bool operator==(const Totals&) const = default;
};

struct FiletestFailure {
  std::string executor;  // or the test command: "verifier", "cat", …
  Place place;
  std::string message;
};

struct FiletestReport {
  std::array<Totals, kFiletestExecutors> executors;  // counted in directives
  std::map<std::string, Totals> commands;            // verifier, cat, compile: counted in functions
  std::map<std::string, uint32_t> reasons;           // why not run, and how often
  std::vector<FiletestFailure> failures;
  Diagnostics errors;  // what is wrong with the file itself

  bool has_failures() const { return !failures.empty(); }
  void add(const FiletestReport& other);
};

struct FiletestOptions {
  // Which to use; the stages only when asked for.
  std::array<bool, kFiletestExecutors> executors = {true, true, true, true, true, true};
  std::array<const machine::TargetIsa*, kIsaCount> targets{};  // what to compile for instead of the registry's ISA
  std::array<machine::FeatureSet, kIsaCount> features{};       // beside those of the target lines
};

// Keeps engines and compilers from file to file. One thread at a time.
class FiletestRunner {
 public:
  explicit FiletestRunner(const FiletestOptions& options);
  ~FiletestRunner();
  FiletestReport run(const std::string& path);
  // The same, with the text at hand; `path` is for messages.
  FiletestReport run_text(const std::string& text, const std::string& path);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

// Runs many files in `jobs` processes. A file whose process crashed or hung counts as one failure of its own.
// `progress(done, total)` is called after each file if it is given.
FiletestReport run_filetests(const std::vector<std::string>& paths, const FiletestOptions& options, unsigned jobs,
                             const std::function<void(size_t, size_t)>& progress = {});

}  // namespace assay::oracles
