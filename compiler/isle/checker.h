// What the parts of the checker share. Private to the library; the interface is sema.h.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "compiler/isle/reader.h"
#include "compiler/isle/sema.h"

namespace assay::isle {

struct Checker {
  Program& program;
  const CheckOptions& options;
  std::vector<PositionedError> errors;
  std::map<std::pair<TypeId, TypeId>, TermId> converters;  // (inner, outer)
  bool names_may_be_missing = false;                       // some form could not be parsed

  void error(Position position, std::string message, std::string hint = {}) {
    if (errors.size() < kMaxErrors) errors.push_back({position, std::move(message), std::move(hint)});
  }
  // A name that is not declared. Not worth reporting if the form that declares it may have had an error itself.
  void unknown(Position position, std::string message, std::string hint = {}) {
    if (!names_may_be_missing) error(position, std::move(message), std::move(hint));
  }
  const std::string& name(TypeId type) const { return program.types[type].name; }
};

// "file:line:column"
std::string render_position(const Program& program, Position position);

// The steps, in this order. Each reports all errors it finds; the later ones cope with what is missing.
void declare_types(Checker& checker);    // types, constants
void declare_terms(Checker& checker);    // decls, externs, macros, converters; cycles among macros
void check_rules(Checker& checker);      // patterns and expressions
void attach_specs(Checker& checker);     // spec, model, form, instantiate, state, macro, attr: names and arities
void check_recursion(Checker& checker);  // cycles of terms need `rec`
void check_overlap(Checker& checker);    // overlap.cpp

}  // namespace assay::isle
