// `assay bench`: how many instructions the calls of run directives execute, beside another compiler's code.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "compiler/ir/parser.h"
#include "compiler/ir/verifier.h"
#include "oracles/instruction_counter.h"

namespace assay::cli {

namespace {

struct Options {
  std::vector<std::string> paths;
  std::vector<std::string> targets;
  std::string function;
  std::string peer;
  bool json = false;
};

struct Figures {
  uint64_t none = 0, speed = 0, peer = 0;  // instructions executed; 0: not measured
  uint64_t speed_bytes = 0, peer_bytes = 0;
  bool is_peer_wrong = false;  // for some arguments: then it has no figure
};
struct Row {
  std::string function;
  uint64_t interpreted = 0, optimized = 0;
  std::vector<Figures> machines;  // by position of the ISA in the list
};

// The geometric mean of what(row) over rows for which it is not 0.
template <class What>
double geometric_mean(const std::vector<Row>& rows, What&& what) {
  double sum = 0;
  size_t count = 0;
  for (const Row& row : rows) {
    const double ratio = what(row);
    if (ratio <= 0) continue;
    sum += std::log(ratio);
    ++count;
  }
  return count == 0 ? 0 : std::exp(sum / static_cast<double>(count));
}

double ratio(uint64_t a, uint64_t b) { return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b); }

std::string with_two_digits(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", x);
  return x == 0 ? "" : text;
}

void print_table(const std::vector<Row>& rows, const std::vector<IsaKind>& isas, bool has_peer) {
  std::string head = "| function | interpreted at none | speed | ", line = "| --- | ---: | ---: | ";
  for (const IsaKind isa : isas) {
    head += std::string(name(isa)) + " none | speed | " + (has_peer ? "LLVM | ratio | " : "");
    line += has_peer ? "---: | ---: | ---: | ---: | " : "---: | ---: | ";
  }
  std::printf("%s\n%s\n", head.c_str(), line.c_str());
  for (const Row& row : rows) {
    std::string text = "| " + row.function.substr(1) + " | " + std::to_string(row.interpreted) + " | " +
                       std::to_string(row.optimized) + " | ";
    for (const Figures& f : row.machines) {
      text += std::to_string(f.none) + " | " + std::to_string(f.speed) + " | ";
      if (has_peer) text += std::to_string(f.peer) + " | " + with_two_digits(ratio(f.speed, f.peer)) + " | ";
    }
    std::printf("%s\n", text.c_str());
  }
  std::string means =
      "| geometric mean of ratios | | " +
      with_two_digits(geometric_mean(rows, [](const Row& r) { return ratio(r.optimized, r.interpreted); })) + " | ";
  for (size_t i = 0; i < isas.size(); ++i) {
    means += "| " +
             with_two_digits(
                 geometric_mean(rows, [i](const Row& r) { return ratio(r.machines[i].speed, r.machines[i].none); })) +
             " | ";
    if (!has_peer) continue;
    means += "| **" +
             with_two_digits(
                 geometric_mean(rows, [i](const Row& r) { return ratio(r.machines[i].speed, r.machines[i].peer); })) +
             "** | ";
  }
  std::printf("%s\n", means.c_str());
}

int run_bench(const Options& options) {
  const auto files = expand_paths(options.paths);
  if (!files) return report(files.error());
  const auto isas = named_isas(options.targets);
  if (!isas) return report(isas.error());
  oracles::InstructionCounter counter;
  std::vector<Row> rows;
  int status = kNothingWrong;
  for (const std::string& path : *files) {
    const auto text = read_input(path);
    if (!text) return report(text.error());
    const auto file = ir::parse_file(*text, path);
    if (!file) return report(file.error(), *text);
    for (const ir::ParsedFunction& parsed : file->functions) {
      const std::string name = to_string(parsed.function.name);
      if (!options.function.empty() && name != "%" + options.function) continue;
      if (const Diagnostics errors = ir::verify(parsed, path); !errors.empty()) return report(errors, *text);
      std::vector<oracles::Region> regions;
      std::vector<oracles::TestDirective> calls;
      for (const ir::Comment& comment : parsed.comments) {
        const Place place{path, comment.line, comment.column};
        const auto region = oracles::parse_region_directive(comment.text, place);
        if (!region) return report(region.error(), *text);
        if (region->has_value()) regions.push_back(oracles::make_region(**region));
        const auto call = oracles::parse_test_directive(comment.text, parsed.function.signature, place);
        if (!call) return report(call.error(), *text);
        if (call->has_value() && !(*call)->trap) calls.push_back(**call);
      }
      if (calls.empty()) continue;
      Row row;
      row.function = name;
      row.machines.resize(isas->size());
      // Says what went wrong, and counts nothing then.
      const auto add = [&](uint64_t& to, const auto& figure, const char* where) {
        if (figure) {
          to += *figure;
          return;
        }
        status = std::max<int>(status, kFinding);
        report(Diagnostic{{.file = path}, name + " " + where + ": " + figure.error().message, ""});
      };
      for (const oracles::TestDirective& directive : calls) {
        const oracles::CountedCall call{&parsed.function, &directive, regions};
        add(row.interpreted, counter.interpreted(call, false), "at none");
        add(row.optimized, counter.interpreted(call, true), "at speed");
        for (size_t i = 0; i < isas->size(); ++i) {
          const IsaKind isa = (*isas)[i];
          Figures& figures = row.machines[i];
          const auto add_machine = [&](uint64_t& to, const Expected<oracles::MachineCount>& count, uint64_t& bytes) {
            if (count) bytes = count->code_bytes;
            add(to, count ? Expected<uint64_t>(count->executed) : std::unexpected(count.error()), assay::name(isa));
          };
          uint64_t ignored = 0;
          add_machine(figures.none, counter.compiled(call, isa, machine::OptLevel::None), ignored);
          add_machine(figures.speed, counter.compiled(call, isa, machine::OptLevel::Speed), figures.speed_bytes);
          if (options.peer.empty()) continue;
          const std::filesystem::path code =
              std::filesystem::path(options.peer) / assay::name(isa) / (name.substr(1) + ".bin");
          const auto bytes = read_file(code.string());
          if (!bytes) return report(bytes.error());
          const auto count = counter.peer(call, isa, {reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()});
          if (count) {
            figures.peer += count->executed;
            figures.peer_bytes = count->code_bytes;
          } else {  // not ours to judge
            figures.is_peer_wrong = true;
            std::fprintf(stderr, "%s: %s on %s, the peer: %s\n", path.c_str(), name.c_str(), assay::name(isa),
                         count.error().message.c_str());
          }
        }
      }
      for (Figures& figures : row.machines) {
        if (figures.is_peer_wrong) figures.peer = figures.peer_bytes = 0;
      }
      rows.push_back(std::move(row));
    }
  }
  if (options.json) {
    nlohmann::json out = {{"functions", nlohmann::json::array()}};
    for (const Row& row : rows) {
      nlohmann::json function = {{"function", row.function},
                                 {"interpreted", {{"none", row.interpreted}, {"speed", row.optimized}}}};
      for (size_t i = 0; i < isas->size(); ++i) {
        const Figures& f = row.machines[i];
        function[assay::name((*isas)[i])] = {{"none", f.none},
                                             {"speed", f.speed},
                                             {"peer", f.peer},
                                             {"speed_bytes", f.speed_bytes},
                                             {"peer_bytes", f.peer_bytes}};
      }
      out["functions"].push_back(function);
    }
    std::puts(out.dump().c_str());
    return status;
  }
  print_table(rows, *isas, !options.peer.empty());
  return status;
}

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("bench", "Count the instructions that run directives execute");
  command->add_option("PATH", options->paths, "CLIF files or directories; - is standard input")->required();
  command->add_option("--target", options->targets, "x64, aarch64, riscv64 or s390x (several); default: all");
  command->add_option("--function", options->function, "Only this function");
  command->add_option("--peer", options->peer,
                      "folder with another compiler's code: ISA/FUNCTION.bin, the function's bytes");
  command->add_flag("--json", options->json, "Print one JSON object");
  add_example(*command, "assay bench corpus/programs --target riscv64");
  command->callback([options, &action] { action = [options] { return run_bench(*options); }; });
}

}  // namespace assay::cli
