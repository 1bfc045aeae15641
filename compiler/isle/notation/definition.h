// Machine instructions as written in .inst files (docs/notation.md): parsed blocks, checked for consistency.
//
// parse_definitions() reads all files of one ISA and reports every error it finds. What it returns without errors is
// consistent (D1–D4):
//   D1  names are unique; every name in bits, forms, sem, asm, when resolves;
//   D2  every encoding adds up to whole bytes and names operands of the right kind;
//   D3  every def is assigned exactly once by `sem` (calls, returns, jumps, variadic and pseudo-instructions may lack
//   it
//       altogether), and `sem` type-checks for every combination of parameters;
//   D4  an instruction's forms are expanded: each is an InstDef of its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/isle/notation/expr.h"
#include "compiler/isle/notation/semantics.h"
#include "compiler/machine/inst_desc.h"
#include "compiler/machine/reg.h"

namespace assay::notation {

// A set of printing names for registers: `regname gpr 0 zero`, `regname W 0..30 w{}`. A set lacking a number falls back
// to the class's own set.
struct RegNameSet {
  std::string name;
  std::vector<std::string> names;  // by hardware number; empty: none
};

// Where a float that is narrower than its register lies in it, and what is beside it.
enum class FloatPlace : uint8_t {
  Low,    // anything
  Boxed,  // in the low bits; ones, of what comes in and goes out
  High,   // in the high bits; anything
};

// A part of the machine that not every one has, or a way to compile for it: `feature has_bmi1 "ANDN, BLSI, …"`.
struct FeatureDef {
  std::string name;
  std::string text;
};
// Several at once: `preset sse41 has_sse3 has_ssse3 has_sse41`.
struct PresetDef {
  std::string name;
  machine::FeatureSet features = 0;
};

struct IsaDef {
  std::string name;
  std::string prefix;
  bool big_endian = false;
  unsigned flags_width = 0;
  FloatPlace floats = FloatPlace::Low;
  std::string imm_prefix;  // before every immediate in assembly: "$" on x64
  std::vector<RegNameSet> regnames;
  std::vector<FeatureDef> features;  // by their number in a machine::FeatureSet
  std::vector<PresetDef> presets;
  Place place;

  // Index into regnames, or -1.
  int find_regnames(std::string_view set) const;
  // Index into features, or -1.
  int find_feature(std::string_view feature) const;
};

// The values an immediate, a displacement or a label's distance may have.
struct ImmKind {
  enum class Kind : uint8_t { Signed, Unsigned, Any, Hatch } kind = Kind::Any;
  unsigned bits = 64;  // Signed, Unsigned
  unsigned scale = 1;  // a multiple of this
  std::string hatch;   // Hatch: the C++ function's name
  std::string text;    // as written

  // Not for Hatch (true).
  bool contains(int64_t value) const;
  // The natural width that zext, sext and width() see.
  unsigned width() const { return kind == Kind::Signed || kind == Kind::Unsigned ? bits : 64; }
};
// `s12`, `u6`, `s13x2`, `i64`; anything else that is a name is a hatch. False if it is not a name.
bool parse_imm_kind(std::string_view text, ImmKind& out);

// A piece of assembly text: literal, or an operand's value in some presentation.
struct AsmPiece {
  std::string literal;    // if `name` is empty
  std::string name;       // operand, parameter; base, index, shift, disp, scale inside an amode
  std::string part;       // {m.base}: a part of a memory operand
  bool inverse = false;   // {~cc}
  std::string set;        // {rd:W}: register name set; {imm:x}: hexadecimal
  unsigned low_bits = 0;  // {imm:u20}: the low bits, unsigned
  std::string set_param;  // {rd:sz} or {rd:sz.SP}: the set is the enumerator's name, then `set`
  Place place;
};
struct AsmText {
  std::vector<AsmPiece> pieces;
  ExprId condition = kNoExpr;  // the first text whose condition holds is printed
};

struct AmodeDef {
  std::string name;
  bool has_base = false, has_index = false, has_shift = false, has_disp = false;
  bool base_optional = false, index_optional = false;  // `base?`: may be absent, encodes as 0
  ImmKind disp;
  std::vector<AsmText> texts;
  Place place;
};

enum class OperandDefKind : uint8_t { Reg, Imm, Mem, Label, Symbol, Constant };

struct OperandDef {
  std::string name;
  OperandDefKind kind = OperandDefKind::Reg;
  bool is_def = false;
  bool early = false;
  bool optional = false;
  machine::RegClass reg_class = machine::RegClass::Gpr;
  int fixed = -1;  // hardware number, or -1
  std::string reuse;
  int reuse_operand = -1;  // index into InstDef::operands
  ImmKind imm;             // Imm, Label
  bool is_place = false;   // Label: the address is wanted, the instruction does not branch
  int amode = -1;          // Mem: index into Definitions::amodes
  unsigned slot = 0;       // first operand slot
  Place place;
};

// The arguments of the ISLE term after the parameters, in order.
struct TermArgument {
  enum class Kind : uint8_t { Flags, Operand, Code, MemFlags } kind = Kind::Operand;
  int operand = -1;
};

struct ParamDef {
  std::string name;
  int enumeration = -1;  // index into Library::enums
};

// One field of a `bits` line, from the most significant bit down.
struct BitField {
  enum class Kind : uint8_t {
    Literal,  // `value`
    Operand,  // bits [low + width - 1 : low] of the operand's number, value or displacement
    Param,    // of the enumerator's number
    Part,     // of a part of a memory operand: base, index, shift, disp
    Expr,     // of a static expression
  } kind = Kind::Literal;
  unsigned width = 0;
  unsigned low = 0;
  uint64_t value = 0;
  bool inverse = false;  // ~name: the inverse enumerator, or for others the complement of the bits
  int index = -1;        // operand or parameter
  unsigned part = 0;     // 0 base, 1 index, 2 shift, 3 disp
  ExprId expr = kNoExpr;
  Place place;
};
struct BitsLine {
  std::vector<BitField> fields;
  unsigned width = 0;  // in bits
  Place place;
};

// One x64 encoding: a list of steps in the order of Intel's manual.
struct X64Step {
  enum class Kind : uint8_t {
    Prefix,      // legacy prefix byte `value`, if `condition` (or kNoExpr)
    Rex,         // W if `condition` (kNoExpr: always)
    Vex,         // in place of REX: opcode map (bits 0-4) and prefix (bits 5-6) are `value`; 128 bits, W as with Rex
    Rex8,        // 8-bit register operands, if `condition` (kNoExpr: always)
    Byte,        // opcode byte `value`
    ByteReg,     // + register number of opreg
    ByteCond,    // + number of the enumerator of `cc`
    ModRmReg,    // /r
    ModRmDigit,  // /value
    Imm,         // `value` bytes of imm
    Rel,         // `value` bytes of label displacement
  } kind = Kind::Byte;
  unsigned value = 0;
  ExprId condition = kNoExpr;
};
struct X64Encoding {
  std::vector<X64Step> steps;
  int reg = -1, rm = -1, opreg = -1, vvvv = -1, imm = -1, label = -1;  // operands
  int cc = -1;                                                         // parameter
  bool cc_inverse = false;
  Place place;
};
struct X64Alternative {
  std::vector<X64Encoding> sequence;  // one, or several of a `seq`
  ExprId condition = kNoExpr;
  Place place;
};

// A shorter encoding of an instruction that has `bits`: what it means, its text and its operands are the instruction's.
struct ShortForm {
  machine::FeatureSet features = 0;  // what it takes, beside what the instruction needs
  BitsLine bits;
  ExprId condition = kNoExpr;  // when it can hold the operands; registers are their numbers. kNoExpr: always
};

struct RelocDef {
  bool present = false;
  std::string kind;  // machine::RelocKind's enumerator
  unsigned at = 0;
  int addend = 0;
  Place place;
};

struct InstDef {
  std::string name;              // with the form's suffix
  std::string family;            // as written
  std::string term;              // with the ISA's prefix
  std::string manual;            // the comment behind the head
  std::vector<ParamDef> params;  // slots 0 .. params.size() - 1
  std::vector<OperandDef> operands;
  std::vector<TermArgument> arguments;
  bool flags_use = false, flags_def = false, flags_clobber = false;
  int flags_use_slot = -1, flags_def_slot = -1;
  bool has_code = false, has_memflags = false;
  machine::PRegSet clobbers;
  unsigned slot_count = 0;
  std::vector<AsmText> texts;
  std::vector<ExprId> when;      // all must hold
  std::vector<ExprId> required;  // `when` and the ranges of immediates
  std::vector<BitsLine> bits;
  std::vector<X64Alternative> forms;
  std::vector<ShortForm> shorts;  // the first that is possible is used
  RelocDef reloc;
  SemanticsText sem;
  bool has_sem = false;
  unsigned trap_at = 0;
  bool trap_at_last = false;  // the last encoding of a `seq`
  int invert_param = -1;
  uint16_t attributes = 0;           // machine::InstAttribute; derived ones included
  machine::FeatureSet features = 0;  // `needs`: all of them
  std::string hatch;                 // C++ function that encodes it
  Place place;

  int find_operand(std::string_view operand) const;
  int find_param(std::string_view param) const;
  bool has_encoding() const { return !bits.empty() || !forms.empty() || !hatch.empty(); }
};

struct Definitions {
  IsaDef isa;
  Library library;
  std::vector<AmodeDef> amodes;
  std::vector<InstDef> insts;  // by opcode

  // Index of the instruction, or -1 (linear).
  int find_inst(std::string_view name) const;
};

struct SourceFile {
  std::string name;
  std::string_view text;
};

// Reads and checks. `definitions` is usable (for printing, say) even if there are errors, but not D1–D4.
struct ParsedDefinitions {
  Definitions definitions;
  Diagnostics errors;
};
ParsedDefinitions parse_definitions(std::span<const SourceFile> files);
// From the texts embedded in a compiled InstSet.
ParsedDefinitions parse_definitions(const machine::InstSet& inst_set);

// Calls `visit(indices)` for every combination of enumerators of the instruction's parameters, in order.
template <class Visit>
void for_each_param_combination(const Definitions& definitions, const InstDef& inst, Visit visit) {
  std::vector<unsigned> indices(inst.params.size(), 0);
  while (true) {
    visit(std::span<const unsigned>(indices));
    size_t i = indices.size();
    while (i > 0) {
      --i;
      if (++indices[i] < definitions.library.enums[inst.params[i].enumeration].enumerators.size()) break;
      indices[i] = 0;
      if (i == 0) return;
    }
    if (indices.empty()) return;
  }
}

// The names an instruction's `sem`, `trap` and `when` see, for the given enumerators. Ids are operand slots; flags have
// kFlagsId.
Environment environment_of(const Definitions& definitions, const InstDef& inst, std::span<const unsigned> params);
// Typed semantics of the instruction, `required` included.
bool instantiate(const Definitions& definitions, const InstDef& inst, std::span<const unsigned> params, Semantics& out,
                 Diagnostics& errors);

}  // namespace assay::notation
