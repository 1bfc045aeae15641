// Disassemblers as judges of our encoders: LLVM for every ISA, Capstone as a second opinion where it can.
//
// Capstone 4 has no RISC-V and misses most of AArch64 after v8.0 and all s390x vectors: an invalid instruction of its
// is an abstention, not a verdict. Text is one line: mnemonic, a space, operands.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"

namespace assay::oracles {

enum class DisassemblerKind : uint8_t { Llvm, Capstone };

struct DisassembledInst {
  uint32_t offset = 0;
  uint32_t length = 0;
  bool valid = true;  // false: could not be decoded; text is "<invalid>", length what to skip
  std::string text;
  bool operator==(const DisassembledInst&) const = default;
};

struct DisassemblerOptions {
  bool intel_syntax = false;  // x64
};

class Disassembler {
 public:
  // Fails if that disassembler does not know the ISA.
  static Expected<std::unique_ptr<Disassembler>> make(IsaKind isa, DisassemblerKind kind,
                                                      DisassemblerOptions options = {});
  virtual ~Disassembler() = default;

  // One instruction at the start of `bytes`, which must not be empty; x64 prefixes belong to their instruction.
  virtual DisassembledInst decode(std::span<const uint8_t> bytes, uint64_t address) = 0;

  // All of `bytes`, to the end, whatever they are.
  std::vector<DisassembledInst> disassemble(std::span<const uint8_t> bytes, uint64_t address);
};

// How many bytes to skip where no instruction could be decoded; at most bytes.size().
uint32_t undecodable_length(IsaKind isa, std::span<const uint8_t> bytes);

}  // namespace assay::oracles
