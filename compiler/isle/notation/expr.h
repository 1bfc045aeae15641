// The expression language of the definition notation (docs/notation.md, "Expressions"): syntax tree and parser.
//
// Everything parsed for one set of definitions shares one Library, which owns the syntax tree, the enumerations and the
// `fn` macros. Text is parsed into statements here; semantics.h gives them types and turns them into a graph that can
// be evaluated or handed to a solver. The parser never crashes and reports every error with its place; nesting is
// limited (kMaxNesting).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/support/diagnostic.h"

namespace assay::notation {

inline constexpr unsigned kMaxNesting = 400;

// An enumeration: the type of static parameters.
struct Enumerator {
  std::string name;
  int64_t number = 0;                                   // what goes into the bits
  std::string text;                                     // what goes into assembly
  int inverse = -1;                                     // index of the inverse enumerator, or -1
  std::unordered_map<std::string, int64_t> attributes;  // `where bits=32`
  std::string inverse_name;                             // as written
};

struct EnumDef {
  std::string name;
  std::vector<Enumerator> enumerators;
  Place place;

  // Index of the enumerator, or -1.
  int find(std::string_view enumerator) const;
  // Whether any enumerator has an inverse (then `~` means it; else `~name:width` complements the number's bits).
  bool has_inverses() const;
};

using ExprId = uint32_t;
inline constexpr ExprId kNoExpr = 0xffffffffu;

enum class ExprKind : uint8_t {
  Number,     // `number`
  Name,       // `name`
  Attribute,  // `name` . `text2`: a parameter's attribute, a part of a memory operand
  Unary,      // `op`: - ~ not
  Binary,     // `op`
  If,         // condition, then, else
  Let,        // `name` = children[0] in children[1]
  Slice,      // children: value, high, low
  Call,       // `name`(children…): built-in function or `fn`
  Match,      // children: subject, then one per arm; arm labels in Ast::labels
  In,         // children[0] `in` `name` (s8, u12x2 …)
  True,
  False,
};

enum class ExprOp : uint8_t {
  None,
  Add,
  Sub,
  Mul,
  UDiv,
  SDiv,
  URem,
  SRem,
  And,
  Or,
  Xor,
  Not,
  Neg,
  Shl,
  LShr,
  AShr,
  Eq,
  Ne,
  Ult,
  Ule,
  Ugt,
  Uge,
  Slt,
  Sle,
  Sgt,
  Sge,
  Lt,
  Le,
  Gt,
  Ge,
  LogicalAnd,
  LogicalOr,
  LogicalNot,
};

// Where a node stands: an index into Ast::files, and line and column from 1.
struct ExprPlace {
  uint32_t line = 0;
  uint16_t column = 0;
  uint16_t file = 0;
};

struct ExprNode {
  ExprKind kind = ExprKind::Number;
  ExprOp op = ExprOp::None;
  uint32_t name = 0;         // index into Ast::names
  uint32_t name2 = 0;        // Attribute: the part after the dot; Match: first index into Ast::labels
  uint32_t first_child = 0;  // in Ast::children
  uint32_t child_count = 0;
  ExprPlace place;
  uint16_t depth = 0;  // of the tree below; at most kMaxNesting
  __int128 number = 0;
};

// The arms of a match: arm i has the labels [begin, end) of `names`; an empty list stands for `_`.
struct ArmLabels {
  std::vector<uint32_t> names;
};

// Syntax trees of one Library, in flat arrays.
struct Ast {
  std::vector<ExprNode> nodes;
  std::vector<ExprId> children;
  std::vector<ArmLabels> labels;
  std::vector<std::string> names;
  std::vector<std::string> files;
  std::unordered_map<std::string, uint32_t> name_index;

  ExprId child(const ExprNode& node, unsigned i) const { return children[node.first_child + i]; }
  const std::string& name(uint32_t index) const { return names[index]; }
  uint32_t intern(std::string_view name);
  uint16_t file(std::string_view name);
  Place place(ExprId expr) const;
};

// `fn name(parameters) = body`
struct FnDef {
  std::string name;
  std::vector<uint32_t> parameters;  // names
  ExprId body = kNoExpr;
  Place place;
};

enum class StatementKind : uint8_t {
  Assign,  // name := value
  Let,     // let name = value; visible in later statements
  Store,   // store(bits, address, value)
  Branch,  // branch(value)
};
enum class ByteOrder : uint8_t { Machine, Little, Big };

struct Statement {
  StatementKind kind = StatementKind::Assign;
  ByteOrder order = ByteOrder::Machine;
  uint32_t name = 0;
  ExprId bits = kNoExpr;
  ExprId address = kNoExpr;
  ExprId value = kNoExpr;
  Place place;
};

// Under which condition something traps. `code` is empty for machine instructions (the instruction carries it).
struct TrapClause {
  std::string code;
  ExprId condition = kNoExpr;
};

// What a definition does, as written.
struct SemanticsText {
  std::vector<TrapClause> traps;
  std::vector<Statement> statements;

  bool empty() const { return traps.empty() && statements.empty(); }
};

struct Library {
  Ast ast;
  std::vector<EnumDef> enums;
  std::vector<FnDef> fns;
  std::unordered_map<std::string, uint32_t> fn_index;

  // Index of the enumeration, or -1.
  int find_enum(std::string_view name) const;
};

// The parsers take text that starts at `place` (file, line, column); the text may hold several lines, lines and columns
// are counted from there. Errors are appended; the result is then partial (kNoExpr, or without the offending
// statement). `#` starts a comment.

// `name := expr; store(…); branch(…); let x = e; …`, appended to `out`.
void parse_statements(Library& library, std::string_view text, const Place& place, SemanticsText& out,
                      Diagnostics& errors);
// One expression.
ExprId parse_expression(Library& library, std::string_view text, const Place& place, Diagnostics& errors);
// `name(a, b) = expr`, what follows the word `fn`; added to the library.
void parse_fn(Library& library, std::string_view text, const Place& place, Diagnostics& errors);

// For a definition that is all in one text: parse_statements into a new SemanticsText, one diagnostic on failure.
Expected<SemanticsText> parse_semantics(Library& library, std::string_view text, const Place& place);

}  // namespace assay::notation
