// The `spec` forms of rule files, evaluated to solver terms: `(spec (ty_mask arg) (provide (= result …)))`.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/isle/ast.h"
#include "compiler/isle/sema.h"
#include "verify/smt.h"

namespace assay::verify {

// A value of the spec language: an integer that is known (a type's width, say), a bit vector, a boolean, or an enum's
// variant with its fields.
struct SpecValue {
  enum class Kind : uint8_t { Integer, Term, Variant } kind = Kind::Integer;
  int64_t integer = 0;  // Variant: its index
  std::optional<z3::expr> term;
  const isle::Type* type = nullptr;  // Variant
  std::vector<SpecValue> fields;     // Variant
  unsigned value_type = 0;           // of a CLIF value: as rules see types

  static SpecValue of(int64_t value) { return {.integer = value}; }
  static SpecValue of(z3::expr value) { return {.kind = Kind::Term, .term = std::move(value)}; }
  bool is_integer() const { return kind == Kind::Integer; }
};

// What (call name …) gives; throws SpecError if there is no such function.
using SpecFunctions = std::function<SpecValue(const std::string& name, const std::vector<SpecValue>& arguments)>;

// What the names of a spec stand for.
struct SpecEnvironment : std::map<std::string, SpecValue> {
  const SpecFunctions* functions = nullptr;
};

// Why an expression could not be evaluated.
struct SpecError {
  std::string message;
};

// The value of `e`; throws SpecError for what is not in the language or not bound (never crosses verify/'s boundary).
SpecValue evaluate_spec(Terms& terms, const isle::ast::SpecExpr& e, const SpecEnvironment& environment);
// The same, as a condition; an integer comparison gives a constant.
z3::expr evaluate_condition(Terms& terms, const isle::ast::SpecExpr& e, const SpecEnvironment& environment);

// If `e` is (= name E), (= E name), or (= (extract N 0 name) E) for a register, or an `if` that types decide with such
// an arm, and `name` is not bound but E can be evaluated: binds it and returns true.
bool bind_by_definition(Terms& terms, const isle::ast::SpecExpr& e, SpecEnvironment& environment);

}  // namespace assay::verify
