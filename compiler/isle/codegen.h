// C++ from a checked program: types, and one function a term with rules (docs/isle.md, "Generated code").
//
//   <unit>_isle.h            enums and structs, declarations of all constructors; included by the context's header
//   <unit>_isle_rules.cpp    the table of all rules
//   <unit>_isle_<stem>.cpp   one for each source file: the terms whose first rule is in that file
//
// Output depends only on what it has to: editing a rule changes the .cpp of its term, and the table if lines move.
#pragma once

#include <string>
#include <vector>

#include "compiler/isle/sema.h"

namespace assay::isle {

struct CodegenOptions {
  std::string unit;                   // prefix of the files' names
  std::string name_space;             // "assay::isa::x64"
  std::string context = "Context";    // the class of the context, in the namespace
  std::string context_header;         // defines it; included by the .cpp files
  std::vector<std::string> includes;  // included by the .h: what defines the primitive and external types
};

struct GeneratedFile {
  std::string name;
  std::string text;
};

struct CodegenResult {
  std::vector<GeneratedFile> files;
  Diagnostics errors;
};

// The program must have no errors.
CodegenResult generate_cpp(const Program& program, const CodegenOptions& options);

// <unit>_isle_interpret.{h,cpp}: interpret_<term>(ctx, …) for each term with rules, which does what constructor_<term>
// does by the rule interpreter (rule_interpreter.h), in the same context. For tests of the generator on real rules.
std::vector<GeneratedFile> generate_interpreter(const Program& program, const CodegenOptions& options);

// "lower" for "isa/x64/lower.isle": names the .cpp of a source file; other characters than letters and digits are '_'.
std::string file_stem(const std::string& path);

}  // namespace assay::isle
