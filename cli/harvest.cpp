// `assay harvest`: candidate terms for rules from functions.
#include "compiler/opt/harvest.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "compiler/ir/parser.h"
#include "compiler/ir/verifier.h"
#include "compiler/opt/optimize.h"

namespace assay::cli {

namespace {

struct Options {
  std::vector<std::string> paths;
  opt::HarvestOptions harvest;
  size_t most = 100;
  bool optimized = false;
  bool souper = false;
  bool json = false;
};

int run_harvest(const Options& options) {
  std::vector<ir::Function> functions;
  opt::Optimizer optimizer;
  const int status = for_each_file(options.paths, [&](const ClifFile& file) {
    for (const ir::ParsedFunction& parsed : file.parsed.functions) {
      if (const Diagnostics errors = ir::verify(parsed, file.path); !errors.empty()) return report(errors, file.text);
      functions.push_back(parsed.function);
      functions.back().resolve_all_aliases();
      if (options.optimized) optimizer.run(functions.back());
    }
    return static_cast<int>(kNothingWrong);
  });
  if (status != kNothingWrong) return status;
  std::vector<const ir::Function*> pointers;
  for (const ir::Function& function : functions) pointers.push_back(&function);
  std::vector<opt::Harvested> found = opt::harvest(pointers, options.harvest);
  if (options.souper) std::erase_if(found, [](const opt::Harvested& h) { return h.souper.empty(); });
  const size_t all = found.size();
  if (found.size() > options.most) found.resize(options.most);
  if (options.json) {
    nlohmann::json out = {{"terms", all}, {"shown", nlohmann::json::array()}};
    for (const opt::Harvested& h : found) {
      out["shown"].push_back(
          {{"term", h.term}, {"souper", h.souper}, {"count", h.count}, {"operations", h.operations}});
    }
    std::puts(out.dump().c_str());
    return kNothingWrong;
  }
  for (const opt::Harvested& h : found) {
    if (options.souper) {
      std::printf("; %s\n; %llu times\n%s\n", h.term.c_str(), static_cast<unsigned long long>(h.count),
                  h.souper.c_str());
    } else {
      std::printf("%6llu %s\n", static_cast<unsigned long long>(h.count), h.term.c_str());
    }
  }
  std::printf("; %zu of %zu terms of %zu functions\n", found.size(), all, functions.size());
  return kNothingWrong;
}

}  // namespace

void add_harvest(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("harvest", "List the terms that functions compute, as candidates for rules");
  command->add_option("PATH", options->paths, "CLIF files or directories; - is standard input")->required();
  command->add_option("--depth", options->harvest.depth, "of a term")->check(CLI::Range(1, 6))->capture_default_str();
  command->add_option("--min-operations", options->harvest.min_operations, "of a term")->capture_default_str();
  command->add_option("--most", options->most, "Print so many, the most frequent first")->capture_default_str();
  command->add_flag("--optimized", options->optimized, "Of the functions as the mid-end leaves them: what it misses");
  command->add_flag("--souper", options->souper, "In Souper's format, as left sides");
  command->add_flag("--json", options->json, "Print one JSON object, with both forms");
  add_example(*command, "assay harvest corpus/programs --optimized --souper");
  command->callback([options, &action] { action = [options] { return run_harvest(*options); }; });
}

}  // namespace assay::cli
