// Shared by the tests of ISLE: programs from strings, errors as text.
#pragma once

#include <string>

#include "compiler/isle/sema.h"

namespace assay::isle {

inline CheckResult check_text(std::string text, const CheckOptions& options = {}) {
  std::vector<SourceFile> files;
  files.push_back({"t.isle", std::move(text)});
  return check_program(std::move(files), options);
}

// "3:7: message", one a line; empty if there is no error.
inline std::string errors_of(const CheckResult& result) {
  std::string text;
  for (const Diagnostic& error : result.errors) {
    text += std::to_string(error.place.line) + ":" + std::to_string(error.place.column) + ": " + error.message + "\n";
  }
  return text;
}

inline std::string errors_of(std::string text) { return errors_of(check_text(std::move(text))); }

}  // namespace assay::isle
