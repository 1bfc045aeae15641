// From a CLIF signature and argument values to what an executor has to set and read: the C calling conventions, a
// second time.
//
// Written from the ABI documents (System V AMD64, AAPCS64, the RISC-V psABI, the s390x ELF ABI) and not from the
// compiler's tables, so that a mistake there is a difference here. For scalars of at most 64 bits and i128:
//   arguments   integers in registers in order (rdi rsi rdx rcx r8 r9 · x0–x7 · a0–a7 · r2–r6), floats in theirs
//               (xmm0–7 · v0–v7 · fa0–fa7, then a0–a7 · f0 f2 f4 f6), then 8-byte stack slots;
//   f128        x64, AArch64: xmm0–7, v0–v7, then 16-byte aligned memory; RISC-V, s390x, Windows: as an i128;
//   i128        x64: two registers or, if there are not two, 16-byte aligned memory; AArch64: a pair that begins with
//               an even register, else memory, as all integers after it; RISC-V: two registers, the last one and a
//               slot, or 16-byte aligned memory; s390x: the address of a copy;
//   results     registers in order (rax rdx · x0–x7 · a0 a1 · r2–r5; xmm0 xmm1 · v0–v7 · fa0 fa1 · f0 f2 f4 f6), then
//               8-byte slots of a return area, whose address is passed as one more integer argument after all others
//               (CLIF's extension of the C convention).
// Other conventions: Windows x64 (the nth argument in the nth of rcx rdx r8 r9 or xmm0–3, i128 by reference, 32 bytes
// of shadow space, one result register of each class), Apple's AArch64 (stack arguments packed, no even pairs), and
// `tail` (the C convention, but the callee pops its stack arguments; s390x: r2–r4, i128 in registers). A narrow integer
// lies in the low bits of its register or slot, a float in the low bits of its register (s390x: the high ones) and of
// its slot. What is beside them is arbitrary: it is filled with random bits on the way in and ignored on the way out,
// unless the signature says `uext` or `sext`; on RISC-V floats in float registers are NaN-boxed. The return area lies
// in the caller's frame, above the stack arguments, and the copies above that.
#pragma once

#include <array>
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

// A register, or 8 bytes at an offset of the stack arguments or return area.
struct CallPart {
  bool in_register = true;
  RegisterId id;        // if so
  uint32_t offset = 0;  // in memory

  bool operator==(const CallPart&) const = default;
};

// Where one argument or result is: in one part, an i128 in two, the low half first.
struct CallLocation {
  ir::Type type;        // as it is passed: a float without registers of its own as an integer
  ir::Type value_type;  // as in the signature
  ir::Extension extension = ir::Extension::kNone;
  std::array<CallPart, 2> parts;
  uint8_t part_count = 1;
  bool by_reference = false;  // the part is the address of a copy
  uint32_t copy_offset = 0;   // of that copy, from the first one's place

  // All of an f128 in one vector register.
  bool is_whole() const { return parts[0].in_register && parts[0].id.cls == RegisterClass::Vector; }
};

// A signature laid out for one ISA; made once, used for every run.
struct CallLayout {
  IsaKind isa = IsaKind::x64;
  ir::CallConv convention = ir::CallConv::kSystemV;
  std::vector<CallLocation> params;
  std::vector<CallLocation> returns;
  bool has_return_area = false;
  CallPart return_area;             // where its address is passed
  uint32_t return_area_offset = 0;  // from the first stack argument
  uint32_t return_area_size = 0;
  uint32_t stack_size = 0;     // of the stack arguments
  uint32_t callee_pops = 0;    // by how much the callee raises the stack pointer (`tail`)
  uint32_t copies_offset = 0;  // of the copies of arguments passed by reference, from the first stack argument
  uint32_t copies_size = 0;
};

// Fails with "not supported on <isa>: …" for types that are not planned for yet and for more arguments than a caller's
// frame holds.
Expected<CallLayout> lay_out_call(const ir::Signature& signature, IsaKind isa);

// The whole register or slot that a value is passed in, given what to put where nothing is promised.
uint64_t extend_word(uint64_t value, unsigned bits, ir::Extension extension, uint64_t arbitrary);

// A value's bits in a register of a class, `arbitrary` ones beside them where nothing is promised, and back.
uint64_t to_register(IsaKind isa, ir::Type type, RegisterClass cls, uint64_t bits, uint64_t arbitrary);
uint64_t from_register(IsaKind isa, ir::Type type, RegisterClass cls, uint64_t word);
// Bytes that a part of a value of the type takes in memory: an integer's slot is all its own.
unsigned size_in_memory(ir::Type type);

// One call of the function at `entry`. `args` are of the parameters' types; `seed` chooses the arbitrary bits.
// `is_pinned`: the code has a pinned register, which is not preserved. Overwrites `plan`, reusing its memory.
void make_plan(const CallLayout& layout, uint32_t entry, std::span<const ir::DataValue> args, uint64_t seed, Plan& plan,
               bool is_pinned = false);

// The first difference between the `expected` results and those of a machine that Returned from such a plan, or
// nothing. `free_bits`: those of each result that may be anything; empty if there are none.
std::optional<std::string> compare_results(const CallLayout& layout, std::span<const ir::DataValue> expected,
                                           const Outcome& outcome, std::span<const unsigned __int128> free_bits = {});

// The results of a machine as values of their types, upper bits dropped.
std::vector<ir::DataValue> machine_results(const CallLayout& layout, const Outcome& outcome);

}  // namespace assay::oracles
