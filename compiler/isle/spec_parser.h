// The verification forms: spec, model, form, instantiate, state, macro, attr. Private to the parser.
#pragma once

#include <string_view>

#include "compiler/isle/ast.h"
#include "compiler/isle/cursor.h"

namespace assay::isle {

// Parses the form if `keyword` is one of the verification forms; else returns false. Throws FormError.
bool parse_spec_form(std::string_view keyword, Cursor& cursor, ast::Definitions& definitions);

}  // namespace assay::isle
