// `assay explain`: functions through all stages of the compiler, side by side, with the rules that made each
// instruction.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "compiler/ir/parser.h"
#include "compiler/ir/verifier.h"
#include "compiler/isa/registry.h"
#include "verify/explain/explain.h"
#include "verify/proof_cache.h"

namespace assay::cli {

namespace {

using verify::explain::Explanation;

struct Options {
  std::vector<std::string> paths;
  std::vector<std::string> targets;
  std::string function;
  std::string opt_level = "speed";
  std::string features;
  uint64_t choice_seed = 0;
  unsigned max_registers = 0;
  std::string html;
  std::string cache = verify::default_cache_path();
  bool no_proofs = false;
  bool json = false;
};

int run_explain(const Options& options) {
  verify::explain::ExplainOptions what;
  auto isas = named_isas(options.targets);
  if (!isas) return report(isas.error());
  const auto features = named_features(options.features, *isas);
  if (!features) return report(features.error());
  what.features = *features;
  what.isas = std::move(*isas);
  what.compile.opt_level = *machine::opt_level_from_name(options.opt_level);
  what.compile.choice_seed = options.choice_seed;
  what.compile.max_registers = options.max_registers;
  what.compile.verify_ir = false;
  if (!options.no_proofs) {
    what.prove = [&](IsaKind isa, const std::vector<std::string>& rules) {
      return verify::explain::prove_rules(isa, rules, options.cache);
    };
  }
  const auto files = expand_paths(options.paths);
  if (!files) return report(files.error());
  std::vector<Explanation> explanations;
  for (const std::string& path : *files) {
    const auto text = read_input(path);
    if (!text) return report(text.error());
    const auto file = ir::parse_file(*text, path);
    if (!file) return report(file.error(), *text);
    for (const ir::ParsedFunction& parsed : file->functions) {
      const std::string name = to_string(parsed.function.name);
      if (!options.function.empty() && name != options.function && name != "%" + options.function) continue;
      if (const Diagnostics errors = ir::verify(parsed, path); !errors.empty()) return report(errors, *text);
      explanations.push_back(verify::explain::make_explanation(parsed.function, what));
    }
  }
  if (explanations.empty()) {
    return report(Diagnostic{
        {}, options.function.empty() ? "no functions here" : "no function is called " + options.function, ""});
  }
  if (!options.html.empty()) {
    if (auto written = write_file(options.html, verify::explain::to_html(explanations)); !written)
      return report(written.error());
  }
  if (options.json) {
    std::puts(verify::explain::to_json(explanations).c_str());
  } else if (options.html.empty()) {
    for (const Explanation& explanation : explanations) {
      std::fputs(verify::explain::to_text(explanation, {.color = use_color(STDOUT_FILENO)}).c_str(), stdout);
    }
  }
  int status = kNothingWrong;
  for (const Explanation& explanation : explanations) {
    for (const auto& isa : explanation.isas) {
      if (isa.error.starts_with("internal error")) status = kInternal;
    }
  }
  return status;
}

}  // namespace

void add_explain(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("explain", "Show functions through all stages: rules, registers, bytes");
  command->add_option("PATH", options->paths, "CLIF files or directories; - is standard input")->required();
  command->add_option("--target", options->targets, "x64, aarch64, riscv64 or s390x (several); default: all")
      ->delimiter(',');
  command->add_option("--function", options->function, "Only this function");
  command->add_option("--opt-level", options->opt_level, "none, speed or speed_and_size")
      ->check(CLI::IsMember({"none", "speed", "speed_and_size"}))
      ->capture_default_str();
  command->add_option("--features", options->features, kFeaturesHelp);
  command->add_option("--choice-seed", options->choice_seed,
                      "Let the compiler choose at random where any choice is right");
  command->add_option("--max-registers", options->max_registers, "Allocate with so few registers (0: all)");
  command->add_option("--html", options->html, "Write a page with everything to this file instead");
  command->add_option("--cache", options->cache, "File with the verdicts of earlier proofs")->capture_default_str();
  command->add_flag("--no-proofs", options->no_proofs, "Do not ask whether the rules are proven");
  command->add_flag("--json", options->json, "Print one JSON array");
  add_example(*command, "assay explain loop.clif --target x64,riscv64 --html loop.html");
  command->callback([options, &action] { action = [options] { return run_explain(*options); }; });
}

}  // namespace assay::cli
