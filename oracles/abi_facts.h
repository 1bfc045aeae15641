// What a caller may rely on after calling a function that follows the platform's C ABI, and how registers are named.
//
// Written from the ABI documents (System V AMD64 psABI, AAPCS64, RISC-V psABI, s390x ELF ABI) and on purpose not from
// the compiler's own tables in compiler/isa: these facts judge those tables.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/signature.h"
#include "oracles/executor.h"

namespace assay::oracles {

struct AbiFacts {
  IsaKind isa;
  std::span<const uint8_t> preserved_integer;  // whole registers, without the stack pointer
  std::span<const uint8_t> preserved_float;    // 64 bits of each
  uint8_t stack_pointer;
  uint8_t frame_pointer;
  int8_t link;                // the return address register, or -1: on the stack
  uint8_t integer_registers;  // how many there are
  uint8_t float_registers;
  uint8_t vector_registers;    // 128-bit; 0: none that every executor has
  uint32_t callee_save_bytes;  // bytes at the caller's SP that the callee may overwrite
};

const AbiFacts& abi_facts(IsaKind isa);

// The registers that a function of a convention keeps for its caller, beside the stack pointer. With `is_pinned`,
// CLIF's pinned register belongs to whoever sets it: nobody keeps it.
const std::vector<RegisterId>& preserved_registers(IsaKind isa, ir::CallConv convention, bool is_pinned = false);

// Whether a function whose prologue lowers the stack pointer by so much has it aligned as calls want it.
bool is_aligned_frame(IsaKind isa, uint32_t frame_size);

// "rax", "x19", "v8", "a0", "%r15", "%f8".
std::string register_name(IsaKind isa, RegisterId id);

// Whether the ISA has the register.
bool is_register(IsaKind isa, RegisterId id);

}  // namespace assay::oracles
