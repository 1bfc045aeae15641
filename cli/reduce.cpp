// `assay reduce`: shrinks a failing case to a minimal one that fails in the same way.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "fuzz/reduce.h"

namespace assay::cli {

namespace {

struct Options {
  std::string path;
  std::string out;
  std::vector<std::string> targets;
  double seconds = 60;
  unsigned max_registers = 0;
  bool same_symptom = false;
  bool json = false;
};

int run_reduce(const Options& options) {
  const auto text = read_input(options.path);
  if (!text) return report(text.error());
  const auto test = fuzz::parse_case(*text, options.path);
  if (!test) return report(test.error(), *text);
  oracles::HarnessOptions harness_options{.max_registers = options.max_registers};
  auto isas = named_isas(options.targets);
  if (!isas) return report(isas.error());
  harness_options.isas = std::move(*isas);
  const auto result =
      fuzz::reduce(harness_options, *test, {.seconds = options.seconds, .any_symptom = !options.same_symptom});
  if (!result) return report(result.error());
  const std::string reduced =
      fuzz::print_crashing_case(result->reduced, harness_options, {result->finding, "reduced from " + options.path});
  if (!options.out.empty()) {
    if (auto wrote = write_file(options.out, reduced); !wrote) return report(wrote.error());
  }
  if (options.json) {
    std::printf("%s\n", nlohmann::json{{"finding", result->finding},
                                       {"key", result->key},
                                       {"instructions", result->instructions},
                                       {"tried", result->tried},
                                       {"clif", reduced}}
                            .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                            .c_str());
  } else {
    if (options.out.empty()) std::fputs(reduced.c_str(), stdout);
    std::fprintf(stderr, "%s\n%u instructions left; %u candidates tried, %u kept\n", result->finding.c_str(),
                 result->instructions, result->tried, result->kept);
  }
  return kFinding;
}

}  // namespace

void add_reduce(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("reduce", "Shrink a failing case");
  command->add_option("CASE", options->path, "a filetest that fails; - is standard input")->required();
  command->add_option("--out", options->out, "write the reduced case here instead of standard output");
  command->add_option("--target", options->targets, "only these ISAs");
  command->add_option("--seconds", options->seconds, "give up after so long")->check(CLI::Range(0.1, 1e9));
  command->add_option("--max-registers", options->max_registers, "allocate with so few registers (0: all)");
  command->add_flag("--same-symptom", options->same_symptom,
                    "keep the finding's key; else whatever the same ISA does wrong counts");
  command->add_flag("--json", options->json, "one JSON object on standard output");
  add_example(*command, "assay reduce findings/seed1_program42_0.clif --out minimal.clif");
  command->callback([options, &action] { action = [options] { return run_reduce(*options); }; });
}

}  // namespace assay::cli
