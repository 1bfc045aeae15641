// How many instructions a call executes: of CLIF on the interpreter, of machine code under Unicorn. What benchmarks of
// generated code are made of; counts are exact and the same on every host.
//
// Machine code is ours or somebody else's (a peer): the bytes of one function that needs nothing outside of itself.
// Results are compared with what the directive expects, so a figure is that of code that is right.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/machine/compile.h"
#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"
#include "oracles/executor.h"
#include "oracles/filetest_directive.h"
#include "oracles/machine_session.h"

namespace assay::oracles {

// One call whose cost is asked for.
struct CountedCall {
  const ir::Function* function = nullptr;  // verified; calls no other
  const TestDirective* directive = nullptr;
  std::span<const Region> regions;
};

struct MachineCount {
  uint64_t executed = 0;
  size_t code_bytes = 0;
};

// Keeps engines and compilers from call to call. One thread at a time.
class InstructionCounter {
 public:
  InstructionCounter();
  ~InstructionCounter();

  // On the interpreter, as it is or after the mid-end.
  Expected<uint64_t> interpreted(const CountedCall& call, bool optimized);
  // Compiled by us.
  Expected<MachineCount> compiled(const CountedCall& call, IsaKind isa, machine::OptLevel level);
  // Compiled by somebody else: the function begins with the first byte and follows the C ABI.
  Expected<MachineCount> peer(const CountedCall& call, IsaKind isa, std::span<const uint8_t> code);

 private:
  struct Machine;
  Machine& machine(IsaKind isa);
  Expected<MachineCount> run(const CountedCall& call, IsaKind isa, const Image& image, uint32_t entry,
                             size_t code_bytes);

  std::array<std::unique_ptr<Machine>, kIsaCount> machines_;
};

}  // namespace assay::oracles
