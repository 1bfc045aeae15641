// `assay cfg`: the control flow graph of each function, as input for Graphviz' dot.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"

namespace assay::cli {

namespace {

struct Options {
  std::vector<std::string> paths;
  bool json = false;
};

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// One digraph: a node for each block with its instructions' text, an edge for each block call.
std::string dot(const ir::Function& function) {
  std::string out = "digraph " + quote(to_string(function.name)) + " {\n  node [shape=box, fontname=monospace];\n";
  for (ir::Block block : function.blocks()) {
    std::string label = quote(ir::print_block_header(function, block));
    label.pop_back();
    label += "\\l";
    for (ir::Inst inst : function.insts(block)) {
      const std::string line = quote(ir::print_inst(function, inst));
      label += "  " + line.substr(1, line.size() - 2) + "\\l";
    }
    out += "  " + to_string(block) + " [label=" + label + "\"];\n";
    const ir::Inst last = function.terminator(block);
    if (last.is_none()) continue;
    for (const ir::BlockCall& call : function.block_calls(last)) {
      out += "  " + to_string(block) + " -> " + to_string(call.block) + ";\n";
    }
  }
  return out + "}\n";
}

int run_cfg(const Options& options) {
  nlohmann::json out = {{"functions", nlohmann::json::array()}};
  const int status = for_each_file(options.paths, [&](const ClifFile& file) {
    for (const ir::ParsedFunction& parsed : file.parsed.functions) {
      const std::string graph = dot(parsed.function);
      if (options.json) {
        out["functions"].push_back({{"file", file.path}, {"name", to_string(parsed.function.name)}, {"dot", graph}});
      } else {
        std::fputs(graph.c_str(), stdout);
      }
    }
    return int{kNothingWrong};
  });
  if (options.json) std::puts(out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  return status;
}

}  // namespace

void add_cfg(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("cfg", "Print the control flow graph of each function for Graphviz");
  command->add_option("PATH", options->paths, "CLIF files or directories; - is standard input")->required();
  command->add_flag("--json", options->json, "Print one JSON object");
  add_example(*command, "assay cfg loop.clif | dot -Tsvg > loop.svg");
  command->callback([options, &action] { action = [options] { return run_cfg(*options); }; });
}

}  // namespace assay::cli
