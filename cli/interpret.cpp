// `assay interpret`: calls functions on the reference interpreter and shows what they return.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "compiler/ir/parser.h"
#include "compiler/ir/verifier.h"
#include "interpreter/interpreter.h"
#include "oracles/filetest_directive.h"

namespace assay::cli {

namespace {

struct Options {
  std::string path;
  std::vector<std::string> calls;
  uint64_t fuel = 100'000'000;
  bool big_endian = false;
  bool json = false;
};

struct Call {
  uint32_t function = 0;
  oracles::TestDirective directive;
  std::vector<oracles::Region> regions;
};

// The calls to make: those of the command line, or else the file's directives.
Expected<std::vector<Call>> calls_of(const ir::File& file, const Options& options) {
  std::vector<Call> calls;
  for (uint32_t number = 0; number < file.functions.size(); ++number) {
    const ir::ParsedFunction& function = file.functions[number];
    std::vector<oracles::Region> regions;
    for (const ir::Comment& comment : function.comments) {
      const auto region = oracles::parse_region_directive(comment.text, {file.name, comment.line, comment.column});
      if (!region) return std::unexpected(region.error());
      if (region->has_value()) regions.push_back(oracles::make_region(**region));
    }
    for (const ir::Comment& comment : function.comments) {
      if (!options.calls.empty()) break;
      const auto directive = oracles::parse_test_directive(comment.text, function.function.signature,
                                                           {file.name, comment.line, comment.column});
      if (!directive) return std::unexpected(directive.error());
      if (directive->has_value()) calls.push_back({number, **directive, regions});
    }
    for (const std::string& call : options.calls) {
      if (call.substr(0, call.find('(')) != to_string(function.function.name)) continue;
      const auto directive = oracles::parse_test_directive("; print: " + call, function.function.signature);
      if (!directive) return std::unexpected(directive.error());
      if (directive->has_value()) calls.push_back({number, **directive, regions});
    }
  }
  if (calls.size() < options.calls.size()) return fail("--call names no function of " + file.name);
  return calls;
}

int run_interpret(const Options& options) {
  const auto text = read_input(options.path);
  if (!text) return report(text.error());
  const auto file = ir::parse_file(*text, options.path);
  if (!file) return report(file.error(), *text);
  interpreter::Program program;
  for (const ir::ParsedFunction& function : file->functions) {
    const Diagnostics errors = ir::verify(function, options.path);
    if (!errors.empty()) return report(errors, *text);
    program.add(function.function);
  }
  program.link();
  const auto calls = calls_of(*file, options);
  if (!calls) return report(calls.error(), *text);

  interpreter::Interpreter interpreter;
  interpreter::Config config;
  config.fuel = options.fuel;
  if (options.big_endian) config.byte_order = ir::Endianness::kBig;
  nlohmann::json out = {{"calls", nlohmann::json::array()}};
  for (Call call : *calls) {
    std::vector<interpreter::Region> memory;
    for (oracles::Region& region : call.regions) memory.push_back({region.address, region.bytes, region.writable});
    const interpreter::Outcome outcome =
        interpreter.run(program, call.function, call.directive.run.args, memory, config);
    ir::RunDirective shown = call.directive.run;
    shown.kind = ir::RunDirective::Kind::kPrint;
    shown.function = program.function(call.function).name.substr(1);
    shown.has_invocation = true;
    const std::string name = to_string(shown).substr(std::string("print: ").size());
    std::string what = describe(outcome);
    if (outcome.kind == interpreter::OutcomeKind::Trapped) {
      what += " of " + program.function(outcome.function).name;
    }
    if (options.json) {
      nlohmann::json results = nlohmann::json::array();
      for (const ir::DataValue& value : outcome.results) results.push_back(to_string(value));
      out["calls"].push_back({{"call", name},
                              {"outcome", interpreter::name(outcome.kind)},
                              {"results", results},
                              {"text", what},
                              {"instructions", interpreter.executed()}});
    } else {
      std::printf("%s %s\n", name.c_str(), what.c_str());
    }
  }
  if (options.json) std::puts(out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  return kNothingWrong;
}

}  // namespace

void add_interpret(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("interpret", "Call functions on the reference interpreter");
  command->add_option("PATH", options->path, "A CLIF file; - is standard input")->required();
  command->add_option("--call", options->calls, "Make this call (several); default: those of the file's directives");
  command->add_option("--fuel", options->fuel, "Instructions to run at most")->capture_default_str();
  command->add_flag("--big-endian", options->big_endian, "Memory accesses that name no byte order are big-endian");
  command->add_flag("--json", options->json, "Print one JSON object");
  add_example(*command, "assay interpret gcd.clif --call '%gcd(12, 18)'");
  command->callback([options, &action] { action = [options] { return run_interpret(*options); }; });
}

}  // namespace assay::cli
