// From a CLIF signature and argument values to what an executor has to set and read: the C calling conventions, a
// second time.
//
// Written from the ABI documents (System V AMD64, AAPCS64, the RISC-V psABI, the s390x ELF ABI) and not from the
// compiler's tables, so that a mistake there is a difference here. For integers of at most 64 bits:
//   arguments   registers in order (rdi rsi rdx rcx r8 r9 · x0–x7 · a0–a7 · r2–r6), then 8-byte stack slots;
//   results     registers in order (rax rdx · x0–x7 · a0 a1 · r2–r5), then 8-byte slots of a return area, whose address
//               is passed as one more integer argument after all others (CLIF's extension of the C convention).
// A narrow value lies in the low bits of its register or slot. What is above those is arbitrary: it is filled with
// random bits on the way in and ignored on the way out, unless the signature says `uext` or `sext`. The return area
// lies in the caller's frame, above the stack arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/data_value.h"
#include "compiler/ir/signature.h"
#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"
#include "oracles/executor.h"

namespace assay::oracles {

// Where one argument or result is: in an integer register, or at a byte offset of the stack arguments or return area.
struct CallLocation {
  ir::Type type;
  ir::Extension extension = ir::Extension::kNone;
  bool in_register = true;
  uint8_t number = 0;   // of the register
  uint32_t offset = 0;  // in memory
};

// A signature laid out for one ISA; made once, used for every run.
struct CallLayout {
  IsaKind isa = IsaKind::x64;
  std::vector<CallLocation> params;
  std::vector<CallLocation> returns;
  bool has_return_area = false;
  CallLocation return_area;         // where its address is passed
  uint32_t return_area_offset = 0;  // from the first stack argument
  uint32_t return_area_size = 0;
  uint32_t stack_size = 0;  // of the stack arguments
};

// Fails with "not supported on <isa>: …" for types that are not planned for yet and for more arguments than a caller's
// frame holds.
Expected<CallLayout> lay_out_call(const ir::Signature& signature, IsaKind isa);

// The whole register or slot that a value is passed in, given what to put where nothing is promised.
uint64_t extend_word(uint64_t value, unsigned bits, ir::Extension extension, uint64_t arbitrary);

// One call of the function at `entry`. `args` are of the parameters' types; `seed` chooses the arbitrary bits.
// Overwrites `plan`, reusing its memory.
void make_plan(const CallLayout& layout, uint32_t entry, std::span<const ir::DataValue> args, uint64_t seed,
               Plan& plan);

// The first difference between the `expected` results and those of a machine that Returned from such a plan, or
// nothing. `free_bits`: those of each result that may be anything; empty if there are none.
std::optional<std::string> compare_results(const CallLayout& layout, std::span<const ir::DataValue> expected,
                                           const Outcome& outcome, std::span<const unsigned __int128> free_bits = {});

// The results of a machine as values of their types, upper bits dropped.
std::vector<ir::DataValue> machine_results(const CallLayout& layout, const Outcome& outcome);

}  // namespace assay::oracles
