// Cranelift's run tests as data (../shared/filetests): every file parses, verifies and prints to a fixed point, and
// every directive is understood. Where the files are: $ASSAY_SHARED, or ../shared; without them the test says so and is
// skipped.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/run_directive.h"
#include "compiler/ir/verifier.h"

namespace assay::ir {
namespace {

std::filesystem::path runtests() {
  const char* shared = std::getenv("ASSAY_SHARED");
  return std::filesystem::path(shared != nullptr ? shared : "../shared") / "filetests" / "runtests";
}

std::vector<std::string> clif_files(const std::filesystem::path& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".clif") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(Filetests, ParseVerifyRoundTrip) {
  if (!std::filesystem::exists(runtests())) GTEST_SKIP() << "no files at " << runtests();
  size_t files = 0, functions = 0, directives = 0;
  for (const std::string& path : clif_files(runtests())) {
    const Expected<std::string> text = read_file(path);
    ASSERT_TRUE(text.has_value());
    const std::expected<File, Diagnostics> file = parse_file(*text, path);
    if (!file) {
      ADD_FAILURE() << render(file.error().front(), *text);
      continue;
    }
    ++files;
    for (const ParsedFunction& parsed : file->functions) {
      ++functions;
      for (const Diagnostic& error : verify(parsed, path)) ADD_FAILURE() << render(error, *text);
      const std::string once = print(parsed.function);
      const std::expected<Function, Diagnostics> again = parse_function(once);
      if (!again) {
        ADD_FAILURE() << render(again.error().front(), once) << once;
        continue;
      }
      EXPECT_EQ(print(*again), once) << path;
      for (const Comment& comment : parsed.comments) {
        const Place place{path, comment.line, comment.column, {}, {}};
        const auto directive = parse_run_directive(comment.text, parsed.function.signature, place);
        if (!directive) {
          ADD_FAILURE() << render(directive.error(), *text);
        } else if (*directive) {
          ++directives;
          const std::string spelled = "; " + to_string(**directive);
          const auto reread = parse_run_directive(spelled, parsed.function.signature);
          ASSERT_TRUE(reread.has_value() && reread->has_value()) << spelled;
          EXPECT_EQ((*reread)->args, (*directive)->args) << spelled;
          EXPECT_EQ((*reread)->expected, (*directive)->expected) << spelled;
        }
      }
    }
    // The whole file, comments and all.
    const std::string printed = print(*file);
    const std::expected<File, Diagnostics> reread = parse_file(printed, path);
    ASSERT_TRUE(reread.has_value()) << render(reread.error().front(), printed);
    EXPECT_EQ(print(*reread), printed) << path;
  }
  std::printf("%zu files, %zu functions, %zu directives\n", files, functions, directives);
  EXPECT_EQ(files, 245u);
  EXPECT_EQ(directives, 8306u);
}

}  // namespace
}  // namespace assay::ir
