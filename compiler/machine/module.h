// Linking: compiled functions laid out one behind the other at a fixed address, references between them resolved.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/machine/compile.h"
#include "compiler/support/diagnostic.h"

namespace assay::machine {

struct LinkedFunction {
  std::string name;
  uint32_t begin = 0;  // offset in the image, a multiple of 16
  uint32_t end = 0;    // behind its constant pool
};

struct LinkedTrap {
  uint32_t offset = 0;
  uint8_t code = 0;
  uint32_t inst = kNoSource;  // index of the CLIF instruction
  uint32_t function = 0;      // index into functions
};

struct LinkedImage {
  uint64_t base = 0;  // where the first byte has to be
  std::vector<uint8_t> bytes;
  std::vector<LinkedFunction> functions;  // as given
  std::vector<LinkedTrap> traps;          // by offset
};

// A symbol outside of the module: library routines at known addresses.
struct ExternalSymbol {
  std::string name;  // as printed in CLIF
  uint64_t address = 0;
};

// Fails if a symbol is defined nowhere, or out of a relocation's reach, or two functions have one name.
Expected<LinkedImage> link(std::span<const CompiledFunction> functions, uint64_t base,
                           std::span<const ExternalSymbol> externals = {});

// Writes one relocation into `bytes`, which will stand at `address` (of bytes[0]). False if it does not reach.
bool apply_relocation(std::span<uint8_t> bytes, uint64_t address, const Relocation& relocation, uint64_t symbol);

}  // namespace assay::machine
