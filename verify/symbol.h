// Values of the symbolic execution of rules: what an ISLE variable stands for while a rule is being proven.
//
// A Type, an enum variant and a boolean known from them are static: rules are executed once for each choice of them.
// Numbers and values are solver terms. A CLIF value or instruction is a node that becomes known piece by piece, as
// patterns look at it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/isle/sema.h"
#include "compiler/machine/reg.h"
#include "verify/smt.h"

namespace assay::verify {

// A scalar type as rules see it (prelude.isle): its width, of a float 1024 more. 0: not chosen yet.
inline constexpr unsigned kFloatType = 1024;
constexpr unsigned type_width(unsigned type) { return type & (kFloatType - 1); }
inline std::string type_name(unsigned type) {
  return (type >= kFloatType ? "f" : "i") + std::to_string(type_width(type));
}

// ISLE's FloatCC, in order, as CLIF spells them.
inline constexpr const char* kFloatConditions[] = {"ord", "uno", "eq", "ne",  "one", "ueq", "lt",
                                                   "le",  "gt",  "ge", "ult", "ule", "ugt", "uge"};

// The type that an ISLE constant ("I32", "F64") is; 0 if it is none.
inline unsigned type_constant(const std::string& name) {
  if (name.size() < 2 || (name[0] != 'I' && name[0] != 'F')) return 0;
  return static_cast<unsigned>(std::stoul(name.substr(1))) + (name[0] == 'F' ? kFloatType : 0);
}

struct ClifInst;

// A CLIF value: its type (0: not chosen yet), its term once somebody asks for it, and its defining instruction once
// a pattern has looked through it.
struct ClifValue {
  std::string name;
  unsigned type = 0;
  std::optional<z3::expr> term;
  std::shared_ptr<ClifInst> def;
  std::optional<z3::expr> reg;  // the register it lives in
};

struct Symbol;

// A CLIF instruction: -1 while its operation is not known.
struct ClifInst {
  std::string name;
  int operation = -1;          // index into the operations
  unsigned result_type = 0;    // of the first result; 0: not chosen yet
  std::vector<Symbol> inputs;  // by operand
  std::vector<unsigned> result_types;
  std::vector<unsigned> variables;  // type per type variable of the operations' file; 0: not chosen
  bool typed = false;
  bool is_definition = false;  // found by looking through a value
  bool is_node = false;        // of the mid-end's e-graph
  unsigned result = 0;         // of is_definition: which result of it the value is
};

// A memory operand.
struct SymbolicAmode {
  std::optional<z3::expr> base, index, shift, disp;  // 64 bits each; absent parts are absent in the operand
};

struct Symbol {
  enum class Kind : uint8_t {
    None,
    Type,      // number: see kFloatType
    Number,    // term: bit vector of the ISLE type's width
    Bool,      // term: boolean
    Reg,       // term: 64 bits; number: kZeroRegister if it is the machine's own zero
    Flags,     // term: as wide as the ISA's flags; number: how many instructions had written flags then
               // (Run::flags_epoch_)
    Variant,   // number: index of the variant; fields
    Value,     // value
    Inst,      // inst
    Amode,     // amode
    Multi,     // fields: registers of one instruction, then perhaps its flags
    Output,    // fields: registers of a CLIF instruction's results
    Label,     // number: which target
    Labels,    // of a terminator; number: 1 if it is a table's entries without the default
    MemFlags,  // number: identity; endianness is in the path
    Unit,
    Opaque,  // number: identity; nothing is known about it
  };
  Kind kind = Kind::None;
  int64_t number = 0;
  std::optional<z3::expr> term;
  std::vector<Symbol> fields;
  std::shared_ptr<ClifValue> value;
  std::shared_ptr<ClifInst> inst;
  std::shared_ptr<SymbolicAmode> amode;
  const isle::Type* type = nullptr;                 // Variant
  std::optional<machine::RegClass> reg_class = {};  // Reg: if it is known

  static constexpr int64_t kZeroRegister = 1;
  bool is_zero_register() const { return kind == Kind::Reg && number == kZeroRegister; }

  static Symbol of_type(unsigned type) { return {.kind = Kind::Type, .number = static_cast<int64_t>(type)}; }
  static Symbol of_number(z3::expr term) { return {.kind = Kind::Number, .term = std::move(term)}; }
  static Symbol of_bool(z3::expr term) { return {.kind = Kind::Bool, .term = std::move(term)}; }
  static Symbol of_reg(z3::expr term, std::optional<machine::RegClass> reg_class = {}) {
    return {.kind = Kind::Reg, .term = std::move(term), .reg_class = reg_class};
  }
  static Symbol unit() { return {.kind = Kind::Unit}; }
};

}  // namespace assay::verify
