// Reads operations.ops: the one definition of every CLIF operation (its head describes the notation).
//
// Used by irgen (opcode tables) and islec (ISLE terms and meanings). Operand kinds, formats and effects are checked
// here; the text of `sem` and `trap` lines is kept as it stands, with its place, for whoever compiles it. Shares no
// header with compiler/ir, because compiler/ir is built from its output.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/support/diagnostic.h"

namespace assay::ops {

// A set of types. Bit n of `ints` and `floats` stands for lanes of 2^n bits, bit n of `lanes` and `dynamic` for 2^n
// lanes.
struct TypeSet {
  uint16_t ints = 0;
  uint16_t floats = 0;
  uint16_t lanes = 1;
  uint16_t dynamic = 0;

  // Exactly one type: such a variable constrains nothing else and controls nothing.
  bool is_singleton() const;
  bool operator==(const TypeSet&) const = default;
};

struct TypeVariable {
  std::string name;
  TypeSet set;
  Place place;
};

// What stands after an operand's colon.
struct Kind {
  enum class Sort : uint8_t { kVariable, kType, kVarargs, kImmediate };
  Sort sort = Sort::kImmediate;
  std::string name;       // of the variable, the type (`i8`) or the immediate or entity kind (`imm64`, `func_ref`)
  std::string function;   // kVariable: `lane_of`, `wider` …, or empty
  uint32_t variable = 0;  // kVariable: index in OpsFile::variables

  bool is_value() const { return sort == Sort::kVariable || sort == Sort::kType; }
};

struct Operand {
  std::string name;
  Kind kind;
  Place place;
};

// The raw text of one `sem`, `trap` or `fn` line with its continuation lines (joined by newlines), and where it starts.
struct Clause {
  std::string text;
  Place place;
};

struct Operation {
  std::string name;
  std::vector<Operand> inputs;
  std::vector<Operand> results;
  std::string doc;
  std::string format;
  std::vector<std::string> effects;
  std::vector<Clause> traps;  // "int_divz when y = 0"
  std::vector<Clause> sem;    // "a := x + y; of := …"
  Place place;

  // The controlling type variable (see compiler/ir/operations.h), worked out from the operands and the format.
  bool polymorphic = false;
  uint32_t controlling = 0;         // index in OpsFile::variables, if polymorphic
  bool infers_type = false;         // value input `type_operand` has exactly that type
  bool needs_type_operand = false;  // … and the first result has not
  uint32_t type_operand = 0;        // counted among the value inputs
};

struct OpsFile {
  std::vector<TypeVariable> variables;
  std::vector<Clause> functions;  // "name(a, b) = expression": the raw text of `fn` lines
  std::vector<Operation> operations;
};

// The file, or all its errors.
std::expected<OpsFile, Diagnostics> read_operations(std::string_view text, const std::string& filename);

// The spellings that the reader accepts, for messages and generators.
const std::vector<std::string_view>& format_names();         // in the order of ir::Format
const std::vector<std::string_view>& immediate_names();      // in the order of ir::OperandKind, from imm64 on
const std::vector<std::string_view>& effect_names();         // in the order of the bits of ir::Effects
const std::vector<std::string_view>& type_function_names();  // in the order of ir::TypeFunction; the first is ""

}  // namespace assay::ops
