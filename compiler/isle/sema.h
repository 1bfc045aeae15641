// The typed form of an ISLE program: every name resolved, every pattern and expression typed, implicit conversions
// written out, extractor macros expanded. What the C++ generator, the rule interpreter and the verifier read.
//
// Everything is a plain struct; nothing needs a visitor. Entities are indices into the tables of Program.
//
//   CheckResult result = check_program(sources);
//   if (!result.errors.empty()) … render(result.errors[i], text of the file) …
//   for (const Rule& rule : result.program->rules) { … rule.arguments, rule.if_lets, rule.result … }
//
// Guarantees of a program without errors:
//   S1  every Pattern and Expr has the type its context needs; arities agree.
//   S2  a pattern's variables are bound before they are used, in textual order: arguments left to right, depth first,
//       then the if-lets in order, then the result.
//   S3  a constructor in an if-let is pure; in the result of a rule of a pure term too.
//   S4  Kind::Term patterns name enum variants, structs or external extractors only (macros are expanded, unless
//       CheckOptions::expand_macros is off).
//   S5  depth of a tree is at most kMaxNesting (reader.h), and the number of nodes of a program is bounded.
//   S6  two rules of a term that is not `multi`, of equal priority, do not match the same input, and no rule is hidden
//       by one of higher priority (overlap.h).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/isle/ast.h"
#include "compiler/isle/rule_table.h"  // RuleId: index into Program::rules, and the id in the generated C++
#include "compiler/support/diagnostic.h"
#include "compiler/support/entity.h"

namespace assay::isle {

struct TypeTag;
struct TermTag;
struct ConstantTag;
struct VariableTag;
using TypeId = Entity<TypeTag>;
using TermId = Entity<TermTag>;
using ConstantId = Entity<ConstantTag>;  // an external constant, `$NAME`
using VariableId = Entity<VariableTag>;  // index into Rule::variables

// ---- types ----------------------------------------------------------------------------------------------------------

struct Field {
  std::string name;  // of a tuple-like variant: "0", "1", …
  TypeId type;
  Position position;
};

struct Variant {
  std::string name;       // "Iadd"
  std::string full_name;  // "InstructionData.Iadd"; of a struct type the type's name
  std::vector<Field> fields;
  bool is_tuple = false;
  TermId term;  // the term that builds and matches it
  Position position;
};

struct Type {
  enum class Kind : uint8_t {
    Bool,       // bool
    Int,        // u8 … u128, i8 … i128, usize, isize: bits, is_signed
    Primitive,  // opaque, defined in C++ as `primitive`
    Enum,       // variants
    Struct,     // exactly one variant
  };
  std::string name;
  Kind kind = Kind::Primitive;
  uint32_t bits = 0;
  bool is_signed = false;
  bool is_extern = false;
  bool is_nodebug = false;
  std::string primitive;
  std::vector<Variant> variants;
  Position position;

  bool is_integer() const { return kind == Kind::Int; }
  bool has_variants() const { return kind == Kind::Enum || kind == Kind::Struct; }
};

// An external constant, `(extern const $NAME TYPE)`.
struct Constant {
  std::string name;  // without '$'
  TypeId type;
  Position position;
};

// ---- terms ----------------------------------------------------------------------------------------------------------

struct TermFlags {
  bool is_pure = false;
  bool is_multi = false;
  bool is_partial = false;
  bool is_recursive = false;
};

struct Term {
  enum class Kind : uint8_t {
    Declared,  // (decl …): what builds and matches it is in `constructor` and `extractor`
    Variant,   // builds and matches a variant of an enum, or a struct: result type, variant index
  };
  enum class Constructor : uint8_t {
    None,
    Internal,  // rules
    External,  // constructor_function
  };
  enum class Extractor : uint8_t {
    None,
    Macro,     // macro
    External,  // extractor_function
  };

  std::string name;
  Kind kind = Kind::Declared;
  TermFlags flags;
  std::vector<TypeId> arguments;
  TypeId result;
  Position position;

  uint32_t variant = 0;  // Kind::Variant: index into the variants of `result`

  Constructor constructor = Constructor::None;
  std::string constructor_function;
  std::vector<RuleId> rules;  // Internal: in the order of the sources

  Extractor extractor = Extractor::None;
  std::string extractor_function;
  bool extractor_is_infallible = false;
  const ast::Extractor* macro = nullptr;  // in Program::definitions

  // Verification forms attached to the term, pointing into Program::definitions. A spec's number of arguments may
  // differ from the term's: then it is not meant for this program.
  std::vector<const ast::Spec*> specs;
  std::vector<const ast::Instantiation*> instantiations;
  std::vector<const ast::Attribute*> attributes;

  bool is_declared() const { return kind == Kind::Declared; }
  bool is_variant() const { return kind == Kind::Variant; }
  bool has_rules() const { return constructor == Constructor::Internal; }
  bool is_external_constructor() const { return constructor == Constructor::External; }
  bool is_external_extractor() const { return extractor == Extractor::External; }
  bool is_macro() const { return extractor == Extractor::Macro; }
  bool has_constructor() const { return is_variant() || constructor != Constructor::None; }
  bool has_extractor() const { return is_variant() || extractor != Extractor::None; }
};

// ---- rules ----------------------------------------------------------------------------------------------------------

// A typed pattern. It is matched against one value of type `type`.
struct Pattern {
  enum class Kind : uint8_t {
    Wildcard,  // matches anything
    Bind,      // matches children[0], then binds `variable` to the value
    Variable,  // the value must be equal to `variable`, which is already bound
    Bool,      // value is 0 or 1
    Int,       // value, as written; compare modulo the type's width (canonical_int below)
    Constant,  // equal to the external constant
    Term,      // `term` (variant, struct, external extractor) matches, and its fields match the children
    And,       // all children match the same value, in order
  };
  Kind kind = Kind::Wildcard;
  TypeId type;
  Position position;
  VariableId variable;
  Int128 value = 0;
  ConstantId constant;
  TermId term;
  std::vector<Pattern> children;
};

struct Let;

// A typed expression. Arguments are evaluated left to right; a partial constructor that yields nothing makes the whole
// expression yield nothing.
struct Expr {
  enum class Kind : uint8_t {
    Variable,
    Bool,
    Int,
    Constant,
    Term,  // constructor call or variant; children are the arguments
    Let,   // lets in order, then children[0]
  };
  Kind kind = Kind::Variable;
  TypeId type;
  Position position;
  VariableId variable;
  Int128 value = 0;
  ConstantId constant;
  TermId term;
  std::vector<Let> lets;
  std::vector<Expr> children;
};

struct Let {
  VariableId variable;
  Expr value;
};

// The rule goes on only if `value` yields a value (for a multi constructor: for each one) that matches `pattern`.
struct IfLet {
  Position position;
  Pattern pattern;
  Expr value;
};

struct Variable {
  std::string name;
  TypeId type;
  Position position;
};

struct Rule {
  RuleId id;
  std::string name;  // given, or <term>_<file stem>_<line>; unique in the program
  bool name_is_given = false;
  TermId term;           // the root
  int64_t priority = 0;  // higher is tried first
  Position position;
  std::vector<Pattern> arguments;  // one for each argument of the root term
  std::vector<IfLet> if_lets;
  Expr result;
  std::vector<Variable> variables;
  std::vector<const ast::Attribute*> attributes;
};

// ---- the program ----------------------------------------------------------------------------------------------------

struct Program {
  std::vector<SourceFile> files;
  ast::Definitions definitions;  // the syntax, incl. the verification forms; not to be changed any more
  Table<TypeId, Type> types;
  Table<TermId, Term> terms;
  Table<ConstantId, Constant> constants;
  Table<RuleId, Rule> rules;
  std::unordered_map<std::string, TypeId> type_by_name;
  std::unordered_map<std::string, TermId> term_by_name;
  std::unordered_map<std::string, ConstantId> constant_by_name;
  std::unordered_map<std::string, RuleId> rule_by_name;

  // The default id if there is none of that name.
  TypeId find_type(std::string_view name) const;
  TermId find_term(std::string_view name) const;
  ConstantId find_constant(std::string_view name) const;
  RuleId find_rule(std::string_view name) const;

  Place place(Position position) const;
  // The variant that a Kind::Variant term builds.
  const Variant& variant_of(const Term& term) const { return types[term.result].variants[term.variant]; }
};

struct CheckOptions {
  bool expand_macros = true;  // off: internal extractors stay Kind::Term patterns (a verifier with specs for them)
  bool check_overlap = true;  // S6
};

// `program` is always there; it is complete only if `errors` is empty.
struct CheckResult {
  std::unique_ptr<Program> program;
  Diagnostics errors;  // of all files, in the order of the sources

  bool ok() const { return errors.empty(); }
};

// Parses and checks the files together. Reports every error of all files.
CheckResult check_program(std::vector<SourceFile> files, const CheckOptions& options = {});

// Reads the files, then as above. A directory stands for all its *.isle files, sorted by name.
CheckResult check_files(const std::vector<std::string>& paths, const CheckOptions& options = {});

// `value` reduced to the integer type's width and extended back by its signedness: equal values of one type have
// equal canonical forms. Other types: the value itself.
Int128 canonical_int(const Type& type, Int128 value);

// All errors as text, each with its source line and a caret.
std::string render_errors(const CheckResult& result);

}  // namespace assay::isle
