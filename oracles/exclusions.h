// What an executor may not judge: instructions it silently gets wrong, and instructions it does not have.
//
// One table, kept by hand from measurements. Each wrong one has a reproducer in corpus/oracles, which exclusions_test
// runs: against the manual's result, on every executor of that ISA, the listed ones having to fail. So an entry that a
// newer emulator makes obsolete shows up as a failing test, and so does an emulator gone wrong.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "compiler/machine/isa_kind.h"
#include "oracles/disassembler.h"

namespace assay::oracles {

enum class Trust : uint8_t {
  Full,
  NotNanBits,  // right but for which NaN comes out when a signalling and a quiet one go in
  Wrong,       // known to give wrong results, for some operands
  Absent,      // not implemented: an illegal instruction there says nothing about the code
};

struct Exclusion {
  const char* executor;  // "unicorn", "qemu" or "native": the part of Executor::name() before the dash
  IsaKind isa;
  const char* instructions;  // patterns of LLVM's text (AT&T), separated by spaces; `*` matches anything, `_` a space
  Trust trust;
  const char* reason;
  const char* reproducer;  // corpus/oracles/<this>.case; empty only for Absent
};

std::span<const Exclusion> exclusions();

// The first entry about this instruction, given by its text as the LLVM disassembler prints it; null: full trust.
const Exclusion* find_exclusion(std::string_view executor, IsaKind isa, std::string_view text);

// Whether a difference that this instruction could explain counts. NaN bits aside: see Trust::NotNanBits.
bool may_judge(std::string_view executor, IsaKind isa, std::string_view text);

// Whether no entry forbids judging anything that this executor did.
bool may_judge_all(std::string_view executor, IsaKind isa);

// The first entry about any instruction of a piece of code that forbids judging it.
const Exclusion* find_exclusion(std::string_view executor, IsaKind isa, std::span<const DisassembledInst> code);

}  // namespace assay::oracles
