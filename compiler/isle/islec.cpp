// The program islec: checks ISLE files, and writes the C++ of a unit. Files whose text has not changed are not touched,
// so that only what depends on an edit is built again.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "compiler/isle/codegen.h"

namespace {

using namespace assay;
using namespace assay::isle;

// Exit statuses of the whole project: bad input is 2, our own fault 3.
constexpr int kBadInput = 2;

int write_files(const std::vector<GeneratedFile>& files, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  for (const GeneratedFile& file : files) {
    std::string path = (std::filesystem::path(folder) / file.name).string();
    if (auto old = read_file(path); old && *old == file.text) continue;
    if (auto written = write_file(path, file.text); !written) {
      std::fputs(render(written.error()).c_str(), stderr);
      return kBadInput;
    }
  }
  return 0;
}

int run(const std::vector<std::string>& paths, const CodegenOptions& options, const std::string& folder,
        bool for_interpreter) {
  CheckResult checked = check_files(paths);
  std::fputs(render_errors(checked).c_str(), stderr);
  if (!checked.ok()) return kBadInput;
  if (folder.empty()) return 0;
  if (for_interpreter) return write_files(generate_interpreter(*checked.program, options), folder);
  CodegenResult generated = generate_cpp(*checked.program, options);
  for (const Diagnostic& error : generated.errors) std::fputs(render(error).c_str(), stderr);
  if (!generated.errors.empty()) return kBadInput;
  return write_files(generated.files, folder);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Checks ISLE files; with --out, writes their C++.\n"
      "Example: islec --out build/x64 --unit x64 --namespace assay::isa::x64 "
      "--context-header compiler/isa/x64/lower.h inst.isle lower.isle"};
  std::vector<std::string> paths;
  std::string folder;
  bool for_interpreter = false;
  CodegenOptions options;
  options.unit = "rules";
  options.name_space = "assay";
  app.add_option("--out", folder, "folder to write into; without it the files are only checked");
  app.add_option("--unit", options.unit, "prefix of the files' names");
  app.add_option("--namespace", options.name_space, "namespace of the generated code");
  app.add_option("--context", options.context, "class of the context, in that namespace");
  app.add_option("--context-header", options.context_header, "header that defines the context");
  app.add_option("--include", options.includes, "headers that define the primitive and external types")
      ->allow_extra_args(false);
  app.add_flag("--interpret", for_interpreter,
               "write <unit>_isle_interpret.{h,cpp} instead: the rules by the rule interpreter");
  app.add_option("files", paths, "ISLE files, or folders of them")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadInput;
  }
  return run(paths, options, folder, for_interpreter);
}
