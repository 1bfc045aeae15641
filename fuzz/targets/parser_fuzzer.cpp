// libFuzzer target: any bytes through the parser; what parses is verified, printed, read back and printed again.
#include <cstdio>
#include <cstdlib>

#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace assay;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = ir::parse_file(text, "input.clif");
  if (!file) return 0;
  for (const ir::ParsedFunction& parsed : file->functions) {
    if (!ir::verify(parsed, "input.clif").empty()) continue;
    const std::string once = ir::print(parsed.function);
    const auto again = ir::parse_function(once);
    if (!again) {
      std::fprintf(stderr, "printed text does not parse: %s\n%s\n", render(again.error().front()).c_str(),
                   once.c_str());
      std::abort();
    }
    if (const std::string twice = ir::print(*again); twice != once) {
      std::fprintf(stderr, "printed text changes:\n%s\n%s\n", once.c_str(), twice.c_str());
      std::abort();
    }
  }
  return 0;
}
