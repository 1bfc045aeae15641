// `assay run`: calls compiled functions on machines, and says where they differ from the interpreter.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "compiler/ir/parser.h"
#include "compiler/ir/verifier.h"
#include "oracles/filetest_directive.h"
#include "oracles/harness.h"

namespace assay::cli {

namespace {

struct Options {
  std::string path;
  std::vector<std::string> targets;
  std::vector<std::string> calls;
  std::string features;
  bool qemu = false;
  bool json = false;
};

// The inputs for one function: those of the command line, or those of its directives.
Expected<std::vector<oracles::TestInput>> inputs_of(const ir::ParsedFunction& function, const std::string& file,
                                                    const Options& options) {
  std::vector<oracles::TestInput> inputs;
  const auto add = [&](std::string_view text, const Place& place) -> Expected<void> {
    const auto directive = oracles::parse_test_directive(text, function.function.signature, place);
    if (!directive) return std::unexpected(directive.error());
    if (directive->has_value()) inputs.push_back({(*directive)->run.args, inputs.size() + 1});
    return {};
  };
  for (const ir::Comment& comment : function.comments) {
    if (!options.calls.empty()) break;
    if (const auto added = add(comment.text, {file, comment.line, comment.column}); !added) {
      return std::unexpected(added.error());
    }
  }
  for (const std::string& call : options.calls) {
    if (call.substr(0, call.find('(')) != to_string(function.function.name)) continue;
    if (const auto added = add("; print: " + call, {}); !added) return std::unexpected(added.error());
  }
  return inputs;
}

int run_run(const Options& options) {
  const auto text = read_input(options.path);
  if (!text) return report(text.error());
  const auto file = ir::parse_file(*text, options.path);
  if (!file) return report(file.error(), *text);
  std::vector<const ir::Function*> functions;
  for (const ir::ParsedFunction& function : file->functions) {
    const Diagnostics errors = ir::verify(function, options.path);
    if (!errors.empty()) return report(errors, *text);
    functions.push_back(&function.function);
  }
  oracles::HarnessOptions harness_options;
  harness_options.fuel = 100'000'000;
  harness_options.milliseconds = 10'000;
  harness_options.qemu = options.qemu;
  auto isas = named_isas(options.targets);
  if (!isas) return report(isas.error());
  const auto features = named_features(options.features, *isas);
  if (!features) return report(features.error());
  harness_options.features = *features;
  harness_options.isas = std::move(*isas);
  oracles::Harness harness(harness_options);
  std::vector<oracles::Finding> findings;
  nlohmann::json out = {{"calls", nlohmann::json::array()}, {"findings", nlohmann::json::array()}};
  size_t made = 0;
  for (uint32_t number = 0; number < functions.size(); ++number) {
    const ir::ParsedFunction& function = file->functions[number];
    const auto inputs = inputs_of(function, options.path, options);
    if (!inputs) return report(inputs.error(), *text);
    if (inputs->empty()) continue;
    made += inputs->size();
    std::vector<oracles::Region> regions;
    for (const ir::Comment& comment : function.comments) {
      const auto region = oracles::parse_region_directive(comment.text, {options.path, comment.line, comment.column});
      if (!region) return report(region.error(), *text);
      if (region->has_value()) regions.push_back(oracles::make_region(**region));
    }
    std::sort(regions.begin(), regions.end(), [](const auto& a, const auto& b) { return a.address < b.address; });
    const size_t before = findings.size();
    harness.check({.functions = functions, .entry = number, .regions = regions, .inputs = *inputs}, findings);
    for (size_t i = 0; i < inputs->size(); ++i) {
      ir::RunDirective call;
      call.kind = ir::RunDirective::Kind::kPrint;
      call.has_invocation = true;
      call.function = to_string(function.function.name).substr(1);
      call.args = (*inputs)[i].args;
      const std::string name = to_string(call).substr(std::string("print: ").size());
      const oracles::Harness::Reference& reference = harness.references()[i];
      const std::string what = describe(reference.outcome) + (reference.comparable ? "" : " (not compared)");
      if (options.json) {
        out["calls"].push_back({{"call", name}, {"interpreter", what}, {"compared", reference.comparable}});
      } else {
        std::printf("%s %s\n", name.c_str(), what.c_str());
      }
    }
    for (size_t i = before; i < findings.size(); ++i) {
      if (options.json) {
        out["findings"].push_back({{"function", to_string(function.function.name)}, {"text", describe(findings[i])}});
      } else {
        std::printf("  %s\n", describe(findings[i]).c_str());
      }
    }
  }
  if (made < options.calls.size()) return report(Diagnostic{{}, "--call names no function of " + options.path, ""});
  for (const auto& [name, stats] : harness.stats().executors) {
    out["executors"][name] = stats.runs;
    if (!options.json) std::printf("%s: %llu runs\n", name.c_str(), static_cast<unsigned long long>(stats.runs));
  }
  for (const auto& [reason, count] : harness.stats().not_run) {
    out["not_run"][reason] = count;
    if (!options.json) std::printf("not run: %s (%llu)\n", reason.c_str(), static_cast<unsigned long long>(count));
  }
  if (options.json) std::puts(out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  return findings.empty() ? kNothingWrong : kFinding;
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("run", "Compile functions, call them on machines, compare with the interpreter");
  command->add_option("PATH", options->path, "A CLIF file; - is standard input")->required();
  command->add_option("--target", options->targets, "x64, aarch64, riscv64 or s390x (several); default: all");
  command->add_option("--call", options->calls, "Make this call (several); default: those of the file's directives");
  command->add_option("--features", options->features, kFeaturesHelp);
  command->add_flag("--qemu", options->qemu, "Also under user-mode QEMU");
  command->add_flag("--json", options->json, "Print one JSON object");
  add_example(*command, "assay run gcd.clif --target riscv64 --call '%gcd(12, 18)'");
  command->callback([options, &action] { action = [options] { return run_run(*options); }; });
}

}  // namespace assay::cli
