// libFuzzer target: bytes steer the generator, and the program is run on every executor. A finding is written as a
// filetest beside the crash file (`finding-….clif` in the working folder) before the process stops.
#include <cstdio>
#include <cstdlib>

#include "fuzz/case.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace assay;
  static oracles::Harness harness;
  static fuzz::Program program;
  fuzz::Random random(std::span<const uint8_t>(data, size));
  fuzz::generate(random, {.max_functions = 2, .max_instructions = 30}, program);
  fuzz::Case test;
  test.functions = program.functions;
  test.entry = static_cast<uint32_t>(test.functions.size() - 1);
  test.regions = program.regions;
  for (auto& args : program.inputs) test.inputs.push_back({.args = args, .seed = fuzz::input_seed(args)});
  std::vector<oracles::Finding> findings;
  fuzz::check_case(harness, test, findings);
  if (findings.empty()) return 0;
  const std::string text = fuzz::print_case(test, harness, {oracles::describe(findings[0])});
  const std::string path = "finding-" + std::to_string(program.regions[0].value) + ".clif";
  if (auto wrote = write_file(path, text); !wrote) std::fputs(render(wrote.error()).c_str(), stderr);
  std::fprintf(stderr, "%s\n%s\n", oracles::describe(findings[0]).c_str(), text.c_str());
  std::abort();
}
