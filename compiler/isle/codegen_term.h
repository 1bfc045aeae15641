// The C++ function of one term: its decision tree as nested switches and ifs. Private to the generator.
#pragma once

#include <string>
#include <vector>

#include "compiler/isle/sema.h"

namespace assay::isle {

// The definition of constructor_<term>, ready to stand in the unit's namespace. Of a term with many rules, the branches
// of the tree are functions of their own, each to be put where most of its rules are.
struct TermCode {
  struct Part {
    uint32_t file;  // of the source
    std::string text;
  };
  std::string text;
  std::vector<Part> parts;
};
TermCode cpp_constructor(const Program& program, TermId term, const std::string& context);

}  // namespace assay::isle
