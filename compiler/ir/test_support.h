// Shared by the tests of compiler/ir.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"

namespace assay::ir {

inline std::string rendered(const Diagnostics& errors, std::string_view text = {}) {
  std::string out;
  for (const Diagnostic& error : errors) out += render(error, text);
  return out;
}

// The function, which must parse.
inline Function parsed(std::string_view text) {
  std::expected<Function, Diagnostics> function = parse_function(text);
  if (!function) {
    ADD_FAILURE() << rendered(function.error(), text);
    return {};
  }
  return std::move(*function);
}

// The function, which must parse and verify.
inline Function verified(std::string_view text) {
  Function function = parsed(text);
  const Diagnostics errors = verify(function);
  EXPECT_TRUE(errors.empty()) << rendered(errors);
  return function;
}

}  // namespace assay::ir
