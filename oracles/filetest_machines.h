// The machine side of filetests: a file's functions compiled and linked for each ISA, and called.
//
// Internal to filetest.cpp.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/parser.h"
#include "compiler/machine/isa_kind.h"
#include "oracles/executor.h"
#include "oracles/filetest_directive.h"
#include "oracles/machine_session.h"

namespace assay::oracles {

// What a call did, whoever made it.
struct CallResult {
  enum class Kind : uint8_t { kReturned, kTrapped, kWrong };
  Kind kind = Kind::kReturned;
  std::vector<ir::DataValue> values;
  std::vector<unsigned __int128> free_bits;  // by value: the bits that CLIF leaves open. Empty: none
  ir::TrapCode trap;
  std::string text;  // kWrong: what went wrong beside values: a fault, a violated ABI, results not extended, …
};

// What is wrong with this result, if anything is.
std::optional<std::string> judge(const TestDirective& directive, const CallResult& result);

class FiletestMachines {
 public:
  using Targets = std::array<const machine::TargetIsa*, kIsaCount>;  // null: that of the registry
  explicit FiletestMachines(const Targets& targets);
  ~FiletestMachines();

  // Compiles the functions of `file`, at `level` or as the file says; the stages are kept if they are to be run. What
  // was prepared for this ISA before is forgotten.
  void prepare(IsaKind isa, const ir::File& file, bool keep_stages = false, std::optional<machine::OptLevel> level = {},
               machine::FeatureSet features = 0);

  struct Readiness {
    enum class Kind : uint8_t { kReady, kNotSupported, kBroken };
    Kind kind = Kind::kReady;
    std::string reason;  // "not supported on x64: fadd.f32", or the error that should not be
  };
  // Can this function of the prepared file be called, with all that it calls, directly and not?
  Readiness readiness(IsaKind isa, uint32_t function) const;

  // Calls a ready function. Returns why it could not, if it could not.
  std::optional<std::string> run(IsaKind isa, ExecutorKind kind, uint32_t function, std::span<const ir::DataValue> args,
                                 const std::vector<Region>& regions, CallResult& result);
  // Could a wrong result be the executor's own mistake?
  bool may_be_wrong(IsaKind isa, ExecutorKind kind);

 private:
  struct Side;
  const Targets targets_;
  std::array<std::unique_ptr<Side>, kIsaCount> sides_;
};

}  // namespace assay::oracles
