// For the mid-end's tests: functions as text, optimised.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "compiler/opt/optimize.h"

namespace assay::opt {

// The optimised function's text; it must verify.
inline std::string optimized(const std::string& text, OptimizeOptions options = {}) {
  auto parsed = ir::parse_function(text);
  if (!parsed) return render(parsed.error().front(), text);
  Optimizer optimizer;
  optimizer.run(*parsed, options);
  for (const Diagnostic& d : ir::verify(*parsed)) ADD_FAILURE() << d.message << "\n" << ir::print(*parsed);
  return ir::print(*parsed);
}

inline size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace assay::opt
