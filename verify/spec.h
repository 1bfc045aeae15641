// The `spec` forms of rule files, evaluated to solver terms: `(spec (ty_mask arg) (provide (= result …)))`.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "compiler/isle/ast.h"
#include "verify/smt.h"

namespace assay::verify {

// A value of the spec language: an integer that is known (a type's width, say), a bit vector or a boolean.
struct SpecValue {
  enum class Kind : uint8_t { Integer, Term } kind = Kind::Integer;
  int64_t integer = 0;
  std::optional<z3::expr> term;

  static SpecValue of(int64_t value) { return {Kind::Integer, value, std::nullopt}; }
  static SpecValue of(z3::expr value) { return {Kind::Term, 0, std::move(value)}; }
  bool is_integer() const { return kind == Kind::Integer; }
};

using SpecEnvironment = std::map<std::string, SpecValue>;

// Why an expression could not be evaluated.
struct SpecError {
  std::string message;
};

// The value of `e`; throws SpecError for what is not in the language or not bound (never crosses verify/'s boundary).
SpecValue evaluate_spec(Terms& terms, const isle::ast::SpecExpr& e, const SpecEnvironment& environment);
// The same, as a condition; an integer comparison gives a constant.
z3::expr evaluate_condition(Terms& terms, const isle::ast::SpecExpr& e, const SpecEnvironment& environment);

// If `e` is (= name E) or (= E name) and `name` is not bound but E can be evaluated: binds it and returns true.
bool bind_by_definition(Terms& terms, const isle::ast::SpecExpr& e, SpecEnvironment& environment);

}  // namespace assay::verify
