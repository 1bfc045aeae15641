// `assay cat`: reads CLIF, checks it and prints it in its canonical form.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"

namespace assay::cli {

namespace {

struct Options {
  std::vector<std::string> paths;
  bool no_verify = false;
  bool json = false;
};

int run_cat(const Options& options) {
  nlohmann::json out = {{"files", nlohmann::json::array()}};
  const int status = for_each_file(options.paths, [&](const ClifFile& file) {
    int status = kNothingWrong;
    if (!options.no_verify) {
      for (const ir::ParsedFunction& function : file.parsed.functions) {
        const Diagnostics errors = ir::verify(function, file.path);
        if (!errors.empty()) status = report(errors, file.text);
      }
    }
    const std::string printed = ir::print(file.parsed);
    if (options.json) {
      out["files"].push_back({{"file", file.path}, {"text", printed}});
    } else {
      std::fwrite(printed.data(), 1, printed.size(), stdout);
    }
    return status;
  });
  // Names and comments of the input need not be UTF-8.
  if (options.json) std::puts(out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  return status;
}

}  // namespace

void add_cat(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("cat", "Read CLIF, check it and print it in its canonical form");
  command->add_option("PATH", options->paths, "CLIF files or directories; - is standard input")->required();
  command->add_flag("--no-verify", options->no_verify, "Print what parses, even if it is not well formed");
  command->add_flag("--json", options->json, "Print one JSON object");
  add_example(*command, "assay cat corpus/filetests/iadd.clif");
  command->callback([options, &action] { action = [options] { return run_cat(*options); }; });
}

}  // namespace assay::cli
