// `assay discover`: proposes rules for the mid-end.
#include "verify/discover.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "compiler/ir/parser.h"
#include "compiler/ir/verifier.h"

namespace assay::cli {

namespace {

struct Options {
  verify::DiscoverOptions discover;
  std::vector<std::string> paths;
  bool json = false;
};

int run_discover(const Options& options) {
  std::vector<ir::Function> functions;
  const int status = for_each_file(options.paths, [&](const ClifFile& file) {
    for (const ir::ParsedFunction& parsed : file.parsed.functions) {
      if (const Diagnostics errors = ir::verify(parsed, file.path); !errors.empty()) return report(errors, file.text);
      functions.push_back(parsed.function);
    }
    return static_cast<int>(kNothingWrong);
  });
  if (status != kNothingWrong) return status;
  std::vector<const ir::Function*> pointers;
  for (const ir::Function& function : functions) pointers.push_back(&function);
  verify::DiscoverOptions discover = options.discover;
  discover.functions = pointers;
  const auto result = verify::discover(discover);
  if (!result) return report(result.error());
  if (options.json) {
    nlohmann::json out = {{"terms", result->terms},         {"dropped", result->dropped},
                          {"groups", result->groups},       {"equal", result->equal},
                          {"derived", result->derived},     {"renamed", result->renamed},
                          {"refuted", result->refuted},     {"following", result->following},
                          {"not_asked", result->not_asked}, {"rules", nlohmann::json::array()}};
    for (const verify::Discovered& found : result->rules) {
      out["rules"].push_back(
          {{"rule", found.rule}, {"status", found.status}, {"matches", found.matches}, {"gain", found.gain}});
    }
    std::puts(out.dump().c_str());
    return kNothingWrong;
  }
  for (const verify::Discovered& found : result->rules) {
    std::printf(";; %s", found.status.c_str());
    if (!functions.empty()) {
      std::printf("; matches %llu times, gain %llu", static_cast<unsigned long long>(found.matches),
                  static_cast<unsigned long long>(found.gain));
    }
    std::printf("\n%s\n", found.rule.c_str());
  }
  std::printf(
      "; %llu terms (%llu more not looked at) in %llu groups; %llu equal cheaper ones, %llu of them derived by the "
      "rules there are, %llu refuted, %llu that follow from those shown, %llu not asked about\n",
      static_cast<unsigned long long>(result->terms), static_cast<unsigned long long>(result->dropped),
      static_cast<unsigned long long>(result->groups), static_cast<unsigned long long>(result->equal),
      static_cast<unsigned long long>(result->derived), static_cast<unsigned long long>(result->refuted),
      static_cast<unsigned long long>(result->following), static_cast<unsigned long long>(result->not_asked));
  return kNothingWrong;
}

}  // namespace

void add_discover(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("discover", "Propose rules for the mid-end: small terms found equal, and proven");
  verify::DiscoverOptions& discover = options->discover;
  command->add_option("PATH", options->paths, "CLIF files or directories, in which gains are counted");
  command->add_option("--operations", discover.operations, "what terms are made of, by commas")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--max-operations", discover.max_operations, "in a term")
      ->check(CLI::Range(1, 4))
      ->capture_default_str();
  command->add_option("--max-terms", discover.max_terms, "to look at")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command->add_option("--max-proposals", discover.max_proposals, "to prove")->capture_default_str();
  command->add_option("--jobs", discover.jobs, "threads; default: one per processor");
  command->add_option("--timeout", discover.timeout_ms, "milliseconds per query")->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object");
  add_example(*command, "assay discover corpus/programs --operations iadd,isub,ineg --max-operations 2");
  command->callback([options, &action] { action = [options] { return run_discover(*options); }; });
}

}  // namespace assay::cli
