// Nested lists to the syntax tree: which forms there are and how they are spelled (docs/isle.md lists them).
#pragma once

#include <string_view>
#include <vector>

#include "compiler/isle/ast.h"
#include "compiler/isle/reader.h"

namespace assay::isle {

// Parses one file's text and appends its forms to `definitions`. A form with an error is left out and reported; the
// others are parsed.
void parse_file(uint32_t file, std::string_view text, ast::Definitions& definitions,
                std::vector<PositionedError>& errors);

// Whether `name` is an operator of spec expressions, like bvadd.
bool is_spec_operator(std::string_view name);

}  // namespace assay::isle
