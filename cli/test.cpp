// `assay test`: runs filetests and says how many directives passed, failed and could not run, and why.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/command.h"
#include "oracles/filetest.h"

namespace assay::cli {

namespace {

using oracles::FiletestReport;
using oracles::Totals;

struct Options {
  std::vector<std::string> paths;
  std::vector<std::string> executors;
  std::string features;
  unsigned jobs = 0;
  unsigned max_failures = 50;
  bool json = false;
};

nlohmann::json to_json(const Totals& totals) {
  return {{"passed", totals.passed}, {"failed", totals.failed}, {"not_run", totals.not_run}};
}

nlohmann::json to_json(const FiletestReport& report, size_t files) {
  nlohmann::json out = {{"files", files},
                        {"executors", nlohmann::json::object()},
                        {"commands", nlohmann::json::object()},
                        {"reasons", report.reasons},
                        {"failures", nlohmann::json::array()},
                        {"errors", nlohmann::json::array()}};
  for (size_t i = 0; i < oracles::kFiletestExecutors; ++i) {
    if (i >= oracles::kFirstStageExecutor && report.executors[i].sum() == 0) continue;
    out["executors"][oracles::kFiletestExecutorNames[i]] = to_json(report.executors[i]);
  }
  for (const auto& [name, totals] : report.commands) out["commands"][name] = to_json(totals);
  for (const oracles::FiletestFailure& failure : report.failures) {
    out["failures"].push_back({{"executor", failure.executor},
                               {"file", failure.place.file},
                               {"line", failure.place.line},
                               {"message", failure.message}});
  }
  for (const Diagnostic& error : report.errors) {
    out["errors"].push_back({{"file", error.place.file},
                             {"line", error.place.line},
                             {"column", error.place.column},
                             {"message", error.message}});
  }
  return out;
}

void print_totals(const char* name, const Totals& totals) {
  std::printf("%-18s %6u passed %6u failed %6u not run\n", name, totals.passed, totals.failed, totals.not_run);
}

void print_report(const FiletestReport& report, const Options& options) {
  unsigned shown = 0;
  for (const oracles::FiletestFailure& failure : report.failures) {
    if (shown++ == options.max_failures) {
      std::printf("… and %zu more failures\n", report.failures.size() - options.max_failures);
      break;
    }
    std::printf("%s:%u: %s: %s\n", failure.place.file.c_str(), failure.place.line, failure.executor.c_str(),
                failure.message.c_str());
  }
  if (!report.reasons.empty()) std::printf("not run:\n");
  for (const auto& [reason, count] : report.reasons) std::printf("  %6u  %s\n", count, reason.c_str());
  for (const auto& [name, totals] : report.commands) print_totals(("test " + name).c_str(), totals);
  for (size_t i = 0; i < oracles::kFiletestExecutors; ++i) {
    if (i >= oracles::kFirstStageExecutor && report.executors[i].sum() == 0) continue;
    print_totals(oracles::kFiletestExecutorNames[i], report.executors[i]);
  }
}

int run_test(const Options& options) {
  oracles::FiletestOptions test_options;
  if (!options.executors.empty()) {
    test_options.executors.fill(false);
    for (const std::string& name : options.executors) {
      for (size_t i = 0; i < oracles::kFiletestExecutors; ++i) {
        const bool is_stage = i >= oracles::kFirstStageExecutor;
        if (name == oracles::kFiletestExecutorNames[i] || (name == "stages" && is_stage)) {
          test_options.executors[i] = true;
        }
      }
    }
  }
  const auto features = named_features(options.features, {std::begin(kAllIsas), std::end(kAllIsas)});
  if (!features) return report(features.error());
  test_options.features = *features;
  const auto files = expand_paths(options.paths);
  if (!files) return report(files.error());
  if (files->empty()) return report(Diagnostic{Place{.file = options.paths.front()}, "no .clif files here", ""});
  const unsigned jobs = options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  const bool live = !options.json && is_terminal(STDERR_FILENO);
  const auto progress = [&](size_t done, size_t total) {
    if (live) std::fprintf(stderr, "\r%zu of %zu files%s", done, total, done == total ? "\r\033[K" : "");
  };
  const FiletestReport result = oracles::run_filetests(*files, test_options, jobs, progress);
  for (const Diagnostic& error : result.errors) report(error);
  if (options.json) {
    std::puts(to_json(result, files->size()).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    print_report(result, options);
  }
  if (result.has_failures()) return kFinding;
  return result.errors.empty() ? kNothingWrong : kBadInput;
}

}  // namespace

void add_test(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("test", "Run filetests on the interpreter, the four ISAs and the host");
  command->add_option("PATH", options->paths, "CLIF files or directories")->required();
  std::vector<std::string> names(oracles::kFiletestExecutorNames.begin(), oracles::kFiletestExecutorNames.end());
  names.push_back("stages");
  command
      ->add_option("--executor", options->executors,
                   "Run only on these (several); `stages`: machine code that has no bytes yet, on all ISAs")
      ->check(CLI::IsMember(std::move(names)));
  command->add_option("--features", options->features,
                      "ISA features beside those of the files' target lines, separated by commas; all, host");
  command->add_option("-j,--jobs", options->jobs, "Processes to use; default: one for each core");
  command->add_option("--max-failures", options->max_failures, "How many failures to print")->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object");
  add_example(*command, "assay test corpus/filetests --executor interpreter --executor x64");
  command->callback([options, &action] { action = [options] { return run_test(*options); }; });
}

}  // namespace assay::cli
