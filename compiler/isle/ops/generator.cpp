// See generator.h.
#include "compiler/isle/ops/generator.h"

#include <cstdio>

namespace assay::ops {

int run_generator(int argc, char** argv, const char* program,
                  const std::function<std::vector<GeneratedFile>(const OpsFile&)>& generate) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s operations.ops OUT_FOLDER\n", program);
    return 2;
  }
  const Expected<std::string> text = read_file(argv[1]);
  if (!text) {
    std::fputs(render(text.error()).c_str(), stderr);
    return 2;
  }
  const auto file = read_operations(*text, argv[1]);
  if (!file) {
    for (const Diagnostic& error : file.error()) std::fputs(render(error, *text).c_str(), stderr);
    return 2;
  }
  for (const GeneratedFile& generated : generate(*file)) {
    const Expected<void> written = write_file(std::string(argv[2]) + "/" + generated.name, generated.contents);
    if (!written) {
      std::fputs(render(written.error()).c_str(), stderr);
      return 2;
    }
  }
  return 0;
}

}  // namespace assay::ops
