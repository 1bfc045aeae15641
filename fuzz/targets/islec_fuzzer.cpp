// libFuzzer target `islec`: any bytes as an ISLE file. Reader, parser and checker must report errors, never crash or
// hang; what checks is also turned into C++.
#include <cstddef>
#include <cstdint>
#include <string>

#include "compiler/isle/codegen.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace assay::isle;
  std::vector<SourceFile> files;
  files.push_back({"input.isle", std::string(reinterpret_cast<const char*>(data), size)});
  CheckResult result = check_program(std::move(files));
  if (!result.ok()) {
    render_errors(result);
    return 0;
  }
  if (result.program->rules.size() > 200) return 0;  // time goes with the square of the rules that share nothing
  CodegenOptions options;
  options.unit = "fuzz";
  options.name_space = "fuzz";
  generate_cpp(*result.program, options);
  return 0;
}
