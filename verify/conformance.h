// Meanings judged by machines: what an instruction's definition computes is what emulators and the host's processor do.
//
// Each case is one instruction with random operands (any register, edges of every immediate) and register values,
// between code that sets and reads the flags. Memory operands lie anywhere in two pages, at their ends, and beyond.
// Compared are all general registers (also that nothing else changed), flags, memory, the branch's decision and whether
// it traps. Bits that a definition leaves undefined are not compared.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/isle/notation/definition.h"
#include "compiler/machine/inst_desc.h"
#include "compiler/machine/isa_kind.h"
#include "oracles/executor.h"

namespace assay::verify {

struct ConformanceMismatch {
  std::string instruction;
  std::string text;     // the instruction as it ran
  std::string problem;  // what differs: expected, found, and the inputs
};

struct ConformanceReport {
  std::string executor;
  size_t instructions = 0;
  size_t cases = 0;
  size_t faults = 0;                       // of the cases: accesses that leave the mapped memory, and have to strike
  size_t short_forms = 0;                  // of the cases: in a short form of the instruction
  std::map<std::string, size_t> cases_of;  // by instruction
  std::vector<ConformanceMismatch> mismatches;  // at most a few for each instruction
  std::vector<std::string> not_run;             // with the reason
};

// Is QEMU to judge instructions that need no feature, too? Unicorn may not judge the condition code of overflows on
// s390x, nor narrow floats on RISC-V.
constexpr bool qemu_judges_all(IsaKind isa) { return isa == IsaKind::s390x || isa == IsaKind::riscv64; }

struct ConformanceOptions {
  size_t cases_per_instruction = 150;  // at least two for each combination of parameters
  uint64_t seed = 1;
  std::vector<std::string> only;  // names of instructions; empty: all
  bool only_features = false;     // only those that need a feature
};

ConformanceReport check_conformance(IsaKind isa, const machine::InstSet& insts, oracles::Executor& executor,
                                    const ConformanceOptions& options = {});

// Adds a further round of the same instructions and executor, with another seed. At most a few mismatches for each
// instruction are kept.
void add(ConformanceReport& sum, const ConformanceReport& round);

// For people.
std::string describe(const ConformanceReport& report);

}  // namespace assay::verify
