// The syntax tree of ISLE files, as parsed: names are still text, nothing is resolved.
//
// One struct per form. All trees are plain values (a node owns its children in a vector); the parser bounds their depth
// (see kMaxNesting in reader.h), so recursive functions over them are safe. What the names mean is found by sema.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace assay::isle {

using Int128 = __int128;
using Uint128 = unsigned __int128;

// A place in the source files of a program: the index of the file, line and column from 1. Line 0: nowhere.
struct Position {
  uint32_t file = 0;
  uint32_t line = 0;
  uint32_t column = 0;
  bool operator==(const Position&) const = default;
};

// A source file: `name` is what diagnostics show.
struct SourceFile {
  std::string name;
  std::string text;
};

namespace ast {

struct Ident {
  std::string text;
  Position position;
};

// ---- types and terms ------------------------------------------------------------------------------------------------

struct Field {
  Ident name;  // of a tuple-like variant: "0", "1", …
  Ident type;
};

struct Variant {
  Ident name;
  std::vector<Field> fields;
  bool is_tuple = false;  // fields are written as bare types, without names
};

// (type NAME [extern] [nodebug] (primitive P) | (enum VARIANT…) | (struct FIELD…))
struct Type {
  enum class Kind : uint8_t { Primitive, Enum, Struct };
  Position position;
  Ident name;
  Kind kind = Kind::Primitive;
  bool is_extern = false;
  bool is_nodebug = false;
  Ident primitive;                // Kind::Primitive
  std::vector<Variant> variants;  // Kind::Enum; Kind::Struct has exactly one, named like the type
};

// (decl [pure] [multi] [partial] [rec] NAME (ARG…) RETURN)
struct Decl {
  Position position;
  Ident term;
  std::vector<Ident> arguments;
  Ident result;
  bool is_pure = false;
  bool is_multi = false;
  bool is_partial = false;
  bool is_recursive = false;
};

// (extern constructor T F), (extern extractor [infallible] T F), (extern const $C TYPE)
struct Extern {
  enum class Kind : uint8_t { Constructor, Extractor, Constant };
  Position position;
  Kind kind = Kind::Constructor;
  bool is_infallible = false;
  Ident name;      // the term; of a constant its name without '$'
  Ident function;  // Constructor, Extractor
  Ident type;      // Constant
};

// (convert INNER OUTER TERM)
struct Converter {
  Position position;
  Ident inner;
  Ident outer;
  Ident term;
};

// ---- rules ----------------------------------------------------------------------------------------------------------

struct Pattern {
  enum class Kind : uint8_t {
    Wildcard,  // _
    Variable,  // x: binds at its first mention, afterwards must be equal
    Bind,      // x @ children[0]
    Bool,      // true, false, #t, #f
    Int,
    Constant,  // $NAME
    Term,      // (name children…), also an enum variant
    And,       // (and children…)
  };
  Kind kind = Kind::Wildcard;
  Position position;
  Ident name;        // Variable, Bind, Constant (without '$'), Term
  Int128 value = 0;  // Bool, Int
  std::vector<Pattern> children;
};

struct Expr;

struct LetBinding;

struct Expr {
  enum class Kind : uint8_t { Variable, Bool, Int, Constant, Term, Let };
  Kind kind = Kind::Variable;
  Position position;
  Ident name;                    // Variable, Constant (without '$'), Term
  Int128 value = 0;              // Bool, Int
  std::vector<LetBinding> lets;  // Let
  std::vector<Expr> children;    // Term: the arguments; Let: the body
};

struct LetBinding {
  Ident name;
  Ident type;
  Expr value;
};

// (if-let PATTERN EXPR), or (if EXPR), which is (if-let _ EXPR)
struct IfLet {
  Position position;
  Pattern pattern;
  Expr value;
};

// (rule [NAME] [PRIORITY] PATTERN IFLET… EXPR)
struct Rule {
  Position position;
  std::optional<Ident> name;
  std::optional<int64_t> priority;
  Pattern pattern;
  std::vector<IfLet> if_lets;
  Expr result;
};

// (extractor (NAME ARG…) PATTERN)
struct Extractor {
  Position position;
  Ident term;
  std::vector<Ident> arguments;
  Pattern body;
};

// ---- verification forms ---------------------------------------------------------------------------------------------

struct ModelField;

struct ModelType {
  enum class Kind : uint8_t {
    Unspecified,  // !
    Auto,         // _
    Bool,
    Int,
    Unit,
    BitVector,  // (bv) or (bv N)
    Struct,     // (struct (name type)…)
    Enum,       // (enum (Variant VALUE?)…): the older form, in which a variant is a number
    Named,      // (named T): the model of type T
  };
  Kind kind = Kind::Auto;
  Position position;
  std::optional<uint32_t> width;   // BitVector
  std::vector<ModelField> fields;  // Struct
  Ident name;                      // Named
};

struct ModelField {
  Ident name;
  ModelType type;
};

struct SpecBinding;
struct SpecArm;

struct SpecExpr {
  enum class Kind : uint8_t {
    Int,
    BitVector,      // #b0101, #x1f: value, width
    Bool,           // value
    Variable,       // name
    As,             // (as children[0] type)
    Field,          // (:name children[0])
    Discriminator,  // (Variant? children[0])
    Op,             // (name children…), e.g. bvadd; `switch` has Pair children after the first
    Call,           // (call name children…): a function of the verifier's
    Match,          // (match children[0] ((Variant arg…) body)…): arms
    Let,            // (let ((name expr)…) children[0]): bindings
    With,           // (with (name…) children[0]): names
    Macro,          // (macro (name…) children[0]): names; an anonymous macro
    Expand,         // (name! children…)
    Pair,           // (children[0] children[1]), in a switch
    Enum,           // (Type.Variant children…): name is the type, variant the variant
    Struct,         // (struct (name expr)…): bindings
  };
  Kind kind = Kind::Int;
  Position position;
  Ident name;
  Ident variant;  // Enum
  Uint128 value = 0;
  uint32_t width = 0;                 // BitVector
  std::optional<ModelType> type;      // As
  std::vector<Ident> names;           // With, Macro
  std::vector<SpecBinding> bindings;  // Let, Struct
  std::vector<SpecArm> arms;          // Match
  std::vector<SpecExpr> children;
};

struct SpecBinding {
  Ident name;
  SpecExpr value;
};

struct SpecArm {
  Position position;
  Ident variant;
  std::vector<Ident> arguments;
  SpecExpr body;
};

// (modifies STATE [CONDITION])
struct Modifies {
  Ident state;
  std::optional<Ident> condition;
};

// (spec (TERM ARG…) (provide E…) (require E…) (match E…) (modifies S [C])…)
struct Spec {
  Position position;
  Ident term;
  std::vector<Ident> arguments;
  std::vector<SpecExpr> provides;
  std::vector<SpecExpr> requirements;
  std::vector<SpecExpr> matches;
  std::vector<Modifies> modifies;
};

// (macro (NAME PARAM…) BODY)
struct SpecMacro {
  Position position;
  Ident name;
  std::vector<Ident> parameters;
  SpecExpr body;
};

// (model NAME (type T)) for a type, (model NAME (const E)) for an external constant, and the older
// (model NAME (enum (VARIANT [E])…)), which numbers the variants
struct Model {
  struct EnumValue {
    Ident variant;
    std::optional<SpecExpr> value;
  };
  enum class Kind : uint8_t { Type, Constant, Enum };
  Position position;
  Ident name;
  Kind kind = Kind::Type;
  ModelType type;                      // Type
  std::optional<SpecExpr> value;       // Constant
  std::vector<EnumValue> enum_values;  // Enum
};

// (state NAME (type T) (default E))
struct State {
  Position position;
  Ident name;
  ModelType type;
  SpecExpr initial;
};

// ((args T…) (ret T) [(canon T)])
struct Signature {
  Position position;
  std::vector<ModelType> arguments;
  ModelType result;
  std::optional<ModelType> canonical;
};

// (form NAME SIGNATURE…)
struct Form {
  Position position;
  Ident name;
  std::vector<Signature> signatures;
};

// (instantiate TERM SIGNATURE…) or (instantiate TERM FORM [(tag T)…])
struct Instantiation {
  Position position;
  Ident term;
  std::optional<Ident> form;
  std::vector<Signature> signatures;
  std::vector<Ident> tags;
};

// (attr [rule] NAME (veri chain)|(veri priority)|(tag T) …)
struct Attribute {
  enum class Kind : uint8_t { Chain, Priority, Tag };
  struct Item {
    Kind kind = Kind::Tag;
    Ident tag;
  };
  Position position;
  bool is_rule = false;
  Ident target;
  std::vector<Item> items;
};

// ---- files ----------------------------------------------------------------------------------------------------------

// All forms of a program, each kind in the order of the files.
struct Definitions {
  std::vector<Type> types;
  std::vector<Decl> decls;
  std::vector<Rule> rules;
  std::vector<Extractor> extractors;
  std::vector<Extern> externs;
  std::vector<Converter> converters;
  std::vector<Spec> specs;
  std::vector<SpecMacro> macros;
  std::vector<Model> models;
  std::vector<State> states;
  std::vector<Form> forms;
  std::vector<Instantiation> instantiations;
  std::vector<Attribute> attributes;
};

}  // namespace ast
}  // namespace assay::isle
