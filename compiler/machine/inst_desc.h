// The tables generated from an ISA's instruction definitions (docs/notation.md): what every opcode's operands are, and
// how to encode and print it. The rest of the compiler reads instructions only through these.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/machine/inst.h"

namespace assay::machine {

// One operand slot of an instruction definition. A `mem` operand is four slots (base, index, shift, disp) in a row.
enum class SlotKind : uint8_t { Param, Reg, Imm, Label, Place, Symbol, Constant, MemBase, MemIndex, MemShift, MemDisp };

struct OperandDesc {
  const char* name;
  SlotKind kind;
  Role role;              // Reg, MemBase, MemIndex
  Constraint constraint;  // Reg
  uint8_t detail;         // Constraint::Fixed: PReg code; Reuse: operand slot
  RegClass reg_class;     // Reg, MemBase, MemIndex
  bool optional;          // may be None
};

enum InstAttribute : uint16_t {
  kIsCall = 1,
  kIsReturn = 2,
  kIsBranch = 4,  // conditional branch to a label, falls through otherwise
  kIsJump = 8,    // unconditional branch to a label, or an indirect one; never falls through
  kIsMove = 16,
  kIsPseudo = 32,
  kIsCommutative = 64,
  kIsVariadic = 128,  // operands may follow those in the table (calls, returns, jump tables)
  kLoads = 256,
  kStores = 512,
  kCanTrap = 1024,
  kReadsFlags = 2048,
  kWritesFlags = 4096,
  kHasMemFlags = 8192,
};

// What of a machine not every one has, and ways to compile for it: a bit each, by its place in InstSet::features.
using FeatureSet = uint64_t;

struct FeatureDesc {
  const char* name;  // Cranelift's: "has_bmi1"
  const char* text;
};

// A name for several features: "sse42".
struct FeaturePreset {
  const char* name;
  FeatureSet features;
};

struct InstDesc {
  const char* name;  // as in the definition, with the form's suffix: "add_rr"
  const char* term;  // the ISLE term: "x64_add_rr"
  std::span<const OperandDesc> operands;
  PRegSet clobbers;
  uint16_t attributes;
  uint8_t trap_offset;  // as EncodedInst's, unless that depends on the encoding (`trap_at last`: 0 here)
  int8_t invert_param;  // operand slot of the param to invert a branch, or -1
  const char* file;     // where it is defined
  uint32_t line;
  FeatureSet features = 0;  // all that the machine has to have

  bool is(InstAttribute attribute) const { return (attributes & attribute) != 0; }
};

// A place inside encoded bytes that needs a value known later.
enum class FixupKind : uint8_t {
  Label,     // the bits of a label field: patch by re-encoding with the displacement known
  Symbol,    // a relocation against VCode::symbols[index]
  Constant,  // against the constant pool
};

// Relocations as the linker of compiled modules (module.h) resolves them; S symbol, A addend, P place.
enum class RelocKind : uint8_t {
  Abs8,       // 64-bit S + A
  X86PcRel4,  // 32-bit S + A - P (the addend includes the -4)
  Arm64Call,  // 26-bit (S + A - P) / 4
  Arm64Jump,  // likewise, of a branch that does not link
  Arm64AdrPrelPgHi21,
  Arm64AddAbsLo12Nc,
  RiscvCallPlt,        // auipc + jalr pair, S + A - P
  RiscvPcrelHi20Lo12,  // auipc + addi pair, S + A - P
  S390xPlt32Dbl,       // 32-bit (S + A - P) / 2 (big-endian), the addend includes the +2
  S390xPcRel32Dbl,
};

struct Relocation {
  uint32_t offset;  // of the field (or of the pair's first instruction) in the code
  RelocKind kind;
  uint32_t symbol;  // index into symbols
  int64_t addend;
};

// The bytes of one instruction; enough for the longest pseudo-instruction but jump tables.
struct EncodedInst {
  static constexpr unsigned kCapacity = 64;
  uint8_t bytes[kCapacity];
  uint8_t size = 0;
  uint8_t trap_offset = 0;  // of the trapping (sub)instruction inside the bytes
  bool has_symbol = false;  // a Symbol operand: the field stands at `symbol_offset`, kind as below
  uint8_t symbol_offset = 0;
  RelocKind reloc = RelocKind::Abs8;
  int8_t symbol_addend = 0;
  FeatureSet features = 0;  // what the short form takes, if one was used
};

// What encoding needs beside the instruction: displacements of labels and constants from the start of the instruction,
// and for which machine short forms are chosen.
struct EncodeContext {
  // Displacement in bytes from the first byte of this instruction to operand slot i's target. Only asked for
  // Label and Constant slots.
  int64_t (*displacement)(const void* user, unsigned slot) = nullptr;
  const void* user = nullptr;
  FeatureSet features = 0;  // short forms that take no more than these are used
};

// Why an instruction could not be encoded.
enum class EncodeError : uint8_t {
  None,
  OutOfRange,  // a label's displacement does not fit (the caller relaxes the branch)
  BadOperand,  // an immediate outside its range, an operand of the wrong kind or class, `when` is false
  NeedsHatch,  // encoded by the ISA's own function (jump tables)
};

// Everything generated for one ISA.
struct InstSet {
  const char* isa;
  std::span<const InstDesc> descs;  // by opcode
  // Encodes with physical registers. `operands` as in the desc.
  EncodeError (*encode)(uint16_t opcode, std::span<const Operand> operands, const EncodeContext& context,
                        EncodedInst& out);
  // Assembly text, as LLVM's disassembler would print it where that is practical; virtual registers print as v12.
  std::string (*print)(uint16_t opcode, std::span<const Operand> operands);
  // The operands with the branch's decision inverted (in place); the desc has invert_param >= 0.
  void (*invert)(uint16_t opcode, std::span<Operand> operands);
  // The definitions' text, for the prover and the evaluator (the same files the tables are made from).
  std::span<const char* const> source_files;
  std::span<const char* const> source_texts;
  std::span<const FeatureDesc> features = {};  // in the order of their bits
  std::span<const FeaturePreset> presets = {};
};

}  // namespace assay::machine
