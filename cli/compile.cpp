// `assay compile`: CLIF to machine code, and every stage in between as text.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/compile.h"

namespace assay::cli {

namespace {

struct Options {
  std::vector<std::string> paths;
  std::vector<std::string> targets;
  std::vector<std::string> emit;
  std::string function;
  std::string opt_level = "speed";
  std::string features;
  uint64_t choice_seed = 0;
  unsigned max_registers = 0;
  bool without_mid_end = false;
  bool stats = false;
  bool json = false;
};

std::string hex_bytes(const std::vector<uint8_t>& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0) out += i % 16 == 0 ? '\n' : ' ';
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15];
  }
  return out + "\n";
}

// One function for one machine: what was asked for, in the order of the stages.
struct Compiled {
  nlohmann::json parts = nlohmann::json::object();
  std::string text;
  std::optional<Diagnostic> error;
};

Compiled compile_one(const ir::Function& function, machine::Compiler& compiler, machine::FeatureSet features,
                     const Options& options) {
  Compiled result;
  const auto wants = [&](const char* part) {
    return std::find(options.emit.begin(), options.emit.end(), part) != options.emit.end();
  };
  const auto add = [&](const char* part, const std::string& text) {
    result.parts[part] = text;
    result.text += "; " + std::string(part) + "\n" + text + (text.empty() || text.back() != '\n' ? "\n" : "");
  };
  if (wants("clif")) add("clif", ir::print(function));
  machine::CompileOptions compile_options;
  compile_options.opt_level = *machine::opt_level_from_name(options.opt_level);
  compile_options.features = features;
  compile_options.choice_seed = options.choice_seed;
  compile_options.max_registers = options.max_registers;
  compile_options.optimize = !options.without_mid_end;
  compile_options.verify_ir = false;
  compile_options.want_listing = wants("asm");
  if (wants("optimized") || wants("vcode") || wants("allocated")) {
    compile_options.dump = [&](machine::Stage stage, const std::string& text) {
      if (stage == machine::Stage::Optimize && wants("optimized")) add("optimized", text);
      if (stage == machine::Stage::Lower && wants("vcode")) add("vcode", text);
      if (stage == machine::Stage::Apply && wants("allocated")) add("allocated", text);
    };
  }
  const auto compiled = compiler.compile(function, compile_options);
  if (!compiled) {
    result.error = compiled.error();
    return result;
  }
  if (wants("asm")) add("asm", compiled->code.listing);
  if (wants("asm") && !compiled->debug_tags.empty()) {
    std::string text;
    for (const machine::TaggedPlace& place : compiled->debug_tags) text += to_string(place) + "\n";
    add("debug tags", text);
  }
  if (wants("bytes")) add("bytes", hex_bytes(compiled->code.bytes));
  if (options.stats) {
    const machine::CompileStats& stats = compiled->stats;
    std::string text;
    for (unsigned i = 0; i < machine::kStageCount; ++i) {
      text += std::string(name(static_cast<machine::Stage>(i))) + " " + std::to_string(stats.nanoseconds[i]) + " ns\n";
    }
    text += std::to_string(stats.clif_insts) + " CLIF instructions, " + std::to_string(stats.machine_insts) +
            " machine instructions, " + std::to_string(compiled->code.bytes.size()) + " bytes, " +
            std::to_string(stats.spilled) + " spilled\n";
    add("stats", text);
  }
  return result;
}

int run_compile(const Options& options) {
  const auto isas = named_isas(options.targets);
  if (!isas) return report(isas.error());
  const auto features = named_features(options.features, *isas);
  if (!features) return report(features.error());
  std::vector<std::unique_ptr<machine::Compiler>> compilers;
  for (const IsaKind isa : *isas) {
    if (const machine::TargetIsa* found = isa::find_isa(isa))
      compilers.push_back(std::make_unique<machine::Compiler>(*found));
  }
  bool any = false;
  nlohmann::json out = {{"functions", nlohmann::json::array()}};
  int status = for_each_file(options.paths, [&](const ClifFile& file) {
    int status = kNothingWrong;
    for (const ir::ParsedFunction& parsed : file.parsed.functions) {
      const std::string function_name = to_string(parsed.function.name);
      if (!options.function.empty() && function_name != options.function && function_name != "%" + options.function)
        continue;
      any = true;
      const Diagnostics errors = ir::verify(parsed, file.path);
      if (!errors.empty()) {
        status = report(errors, file.text);
        continue;
      }
      for (auto& compiler : compilers) {
        Compiled compiled =
            compile_one(parsed.function, *compiler, (*features)[static_cast<size_t>(compiler->isa().kind)], options);
        if (compiled.error) {
          compiled.error->place.file = file.path;
          compiled.error->place.line = parsed.line;
          compiled.error->place.column = 1;
          compiled.error->place.function = function_name;
          report(*compiled.error, file.text);
          const bool internal = compiled.error->message.starts_with("internal error");
          status = std::max<int>(status, internal ? kInternal : kBadInput);
        }
        if (options.json) {
          nlohmann::json entry = {{"file", file.path}, {"function", function_name}, {"target", compiler->isa().name}};
          if (compiled.error) entry["error"] = compiled.error->message;
          entry.update(compiled.parts);
          out["functions"].push_back(entry);
        } else if (!compiled.error) {
          std::printf("; %s %s\n%s", function_name.c_str(), compiler->isa().name, compiled.text.c_str());
        }
      }
    }
    return status;
  });
  if (!any && !options.function.empty() && status == kNothingWrong) {
    return report(Diagnostic{{}, "no function is called " + options.function, ""});
  }
  if (options.json) std::puts(out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  return status;
}

}  // namespace

void add_compile(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("compile", "Compile functions and show the code, or any stage before it");
  command->add_option("PATH", options->paths, "CLIF files or directories; - is standard input")->required();
  command->add_option("--target", options->targets, "x64, aarch64, riscv64 or s390x (several); default: all");
  command
      ->add_option("--emit", options->emit,
                   "What to show (several): clif optimized vcode allocated asm bytes; default: asm")
      ->check(CLI::IsMember({"clif", "optimized", "vcode", "allocated", "asm", "bytes"}));
  command->add_option("--function", options->function, "Only this function");
  command->add_option("--opt-level", options->opt_level, "none, speed or speed_and_size")
      ->check(CLI::IsMember({"none", "speed", "speed_and_size"}))
      ->capture_default_str();
  command->add_option("--features", options->features, kFeaturesHelp);
  command->add_flag("--without-mid-end", options->without_mid_end, "Lower functions as they are, at any level");
  command->add_option("--choice-seed", options->choice_seed,
                      "Let the compiler choose at random where any choice is right");
  command->add_option("--max-registers", options->max_registers, "Allocate with so few registers (0: all)");
  command->add_flag("--stats", options->stats, "Time of every stage, and sizes");
  command->add_flag("--json", options->json, "Print one JSON object");
  add_example(*command, "assay compile loop.clif --target aarch64 --emit vcode --emit asm");
  command->callback([options, &action] {
    action = [options] {
      if (options->emit.empty()) options->emit.push_back("asm");
      return run_compile(*options);
    };
  });
}

}  // namespace assay::cli
