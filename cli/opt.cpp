// `assay opt`: what the mid-end makes of functions, and what it did.
#include "compiler/opt/optimize.h"

#include <CLI/CLI.hpp>
#include <algorithm>
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
  std::string function;
  std::vector<std::string> without_passes;
  std::vector<std::string> without_rules;
  bool stats = false;
  bool json = false;
};

uint64_t count_instructions(const ir::Function& function) {
  uint64_t count = 0;
  for (const ir::Block block : function.blocks()) {
    for ([[maybe_unused]] const ir::Inst inst : function.insts(block)) ++count;
  }
  return count;
}

// What happened to one function, by name; what did not happen is left out.
nlohmann::json to_json(const opt::OptimizeStats& now, const opt::OptimizeStats& before, const isle::RuleState& rules,
                       const std::vector<uint64_t>& fired_before) {
  nlohmann::json out = nlohmann::json::object();
  const auto names = opt::named(now), old = opt::named(before);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].second != old[i].second) out[std::string(names[i].first)] = names[i].second - old[i].second;
  }
  nlohmann::json fired = nlohmann::json::object();
  for (uint32_t i = 0; i < rules.rules().size(); ++i) {
    const uint64_t count = rules.count(isle::RuleId(i)) - fired_before[i];
    if (count != 0 && rules.rules()[i].term == "simplify") fired[std::string(rules.rules()[i].name)] = count;
  }
  out["rules"] = fired;
  return out;
}

int run_opt(const Options& options) {
  opt::Optimizer optimizer;
  opt::OptimizeOptions passes;
  for (const std::string& text : options.without_passes) {
    const auto pass = std::ranges::find(opt::kPasses, text, &opt::PassName::name);
    if (pass == opt::kPasses.end()) {
      return report(Diagnostic{{}, "no pass is called " + text, "rewrite, hoist, memory or control"});
    }
    passes.*pass->on = false;
  }
  for (const std::string& text : options.without_rules) {
    const isle::RuleId rule = optimizer.rules().find_rule(text);
    if (!rule)
      return report(Diagnostic{{}, "no rule of the mid-end is called " + text, "assay verify --unit opt --list"});
    optimizer.rules().enable_rule(rule, false);
  }
  const auto files = expand_paths(options.paths);
  if (!files) return report(files.error());
  int status = kNothingWrong;
  bool any = false;
  nlohmann::json out = {{"functions", nlohmann::json::array()}};
  for (const std::string& path : *files) {
    const auto text = read_input(path);
    if (!text) {
      status = report(text.error());
      continue;
    }
    const auto file = ir::parse_file(*text, path);
    if (!file) {
      status = report(file.error(), *text);
      continue;
    }
    for (const ir::ParsedFunction& parsed : file->functions) {
      const std::string name = to_string(parsed.function.name);
      if (!options.function.empty() && name != options.function && name != "%" + options.function) continue;
      any = true;
      if (const Diagnostics errors = ir::verify(parsed, path); !errors.empty()) {
        status = report(errors, *text);
        continue;
      }
      ir::Function function = parsed.function;
      const opt::OptimizeStats before = optimizer.stats();
      std::vector<uint64_t> fired;
      for (uint32_t i = 0; i < optimizer.rules().rules().size(); ++i) {
        fired.push_back(optimizer.rules().count(isle::RuleId(i)));
      }
      optimizer.run(function, passes);
      if (const Diagnostics errors = ir::verify(function); !errors.empty()) {
        report(Diagnostic{
            {.file = path}, "internal error: optimised, " + name + " does not verify: " + errors[0].message, ""});
        status = kInternal;
      }
      const std::string printed = ir::print(function);
      nlohmann::json stats = to_json(optimizer.stats(), before, optimizer.rules(), fired);
      stats["instructions_before"] = count_instructions(parsed.function);
      stats["instructions_after"] = count_instructions(function);
      if (options.json) {
        out["functions"].push_back({{"file", path}, {"function", name}, {"text", printed}, {"stats", stats}});
        continue;
      }
      std::fputs(printed.c_str(), stdout);
      if (!options.stats) continue;
      for (const auto& [key, value] : stats.items()) {
        if (key != "rules") std::printf("; %s %s\n", key.c_str(), value.dump().c_str());
      }
      for (const auto& [rule, count] : stats["rules"].items()) {
        std::printf("; rule %s %s\n", rule.c_str(), count.dump().c_str());
      }
    }
  }
  if (!any && !options.function.empty() && status == kNothingWrong) {
    return report(Diagnostic{{}, "no function is called " + options.function, ""});
  }
  if (options.json) std::puts(out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  return status;
}

}  // namespace

void add_opt(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("opt", "Optimise functions and print them");
  command->add_option("PATH", options->paths, "CLIF files or directories; - is standard input")->required();
  command->add_option("--function", options->function, "Only this function");
  command->add_option("--without-pass", options->without_passes, "rewrite, hoist, memory or control; several");
  command->add_option("--without-rule", options->without_rules, "A rule by its name; several");
  command->add_flag("--stats", options->stats, "What was done, and which rules fired, after each function");
  command->add_flag("--json", options->json, "Print one JSON object, with the figures");
  add_example(*command, "assay opt loop.clif --stats");
  command->callback([options, &action] { action = [options] { return run_opt(*options); }; });
}

}  // namespace assay::cli
