// See yardstick.h.
#include "cli/yardstick.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "cli/command.h"

namespace assay::cli {

namespace {

constexpr char kBegin[] = "<!-- table: assay mutants --kind seeded --table -->\n";
constexpr char kEnd[] = "<!-- end of table -->";

// Replaces what stands between the marks.
int write_table(const std::string& path, const std::string& table) {
  auto text = read_file(path);
  if (!text) return report(text.error());
  const size_t begin = text->find(kBegin), end = text->find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    return report(Diagnostic{{.file = path}, "there are no marks for the table", std::string("expected ") + kBegin});
  }
  const size_t from = begin + sizeof kBegin - 1;
  text->replace(from, end - from, "\n" + table + "\n");
  if (auto written = write_file(path, *text); !written) return report(written.error());
  return kNothingWrong;
}

int list(const SeededArguments& arguments) {
  const auto mistakes = fuzz::read_mistakes(arguments.options.mistakes);
  if (!mistakes) return report(mistakes.error());
  const std::vector<unsigned>& only = arguments.options.only;
  for (const fuzz::SeededMistake& mistake : *mistakes) {
    if (!only.empty() && std::ranges::find(only, mistake.number) == only.end()) continue;
    std::printf("%3u  %-13s %-8s %s%s\n", mistake.number, mistake.area.c_str(), mistake.isa.c_str(),
                mistake.is_harmless ? "harmless: " : "", mistake.title.c_str());
  }
  return kNothingWrong;
}

}  // namespace

void add_seeded_options(CLI::App& command, SeededArguments& arguments) {
  fuzz::YardstickOptions& options = arguments.options;
  command.add_option("--only", options.only, "seeded: only the mistakes of these numbers")
      ->delimiter(',')
      ->transform([](const std::string& text) {  // as files have them: 012 is twelve, not octal
        const size_t begin = text.find_first_not_of('0');
        return begin == std::string::npos ? text : text.substr(begin);
      });
  command.add_option("--seconds", options.seconds, "seeded: processor time for fuzzing each")
      ->check(CLI::Range(0.1, 1e6));
  command.add_option("--mistakes", options.mistakes, "seeded: the folder of patches")->capture_default_str();
  command.add_option("--tree", options.tree, "seeded: the copy of the tree that ci/mutants makes")
      ->capture_default_str();
  command.add_option("--results", options.results, "seeded: what has been measured")->capture_default_str();
  command.add_flag("--fresh", options.is_fresh, "seeded: measure again what has been");
  command.add_flag("--fuzz-only", options.fuzz_only, "seeded: ask no judge but the fuzzer");
  command.add_option("--table", arguments.table, "seeded: write the table into this Markdown file too");
}

int run_seeded(const SeededArguments& arguments) {
  if (arguments.list) return list(arguments);
  fuzz::YardstickOptions options = arguments.options;
  if (!arguments.json) {
    options.progress = [](const fuzz::Verdict& verdict) {
      std::fprintf(stderr, "%3u %-28s", verdict.number, verdict.name.c_str());
      for (const auto& n : verdict.judges) {
        std::fprintf(stderr, "  %s %s", n.judge.c_str(), n.noticed ? "" : "-");
        if (n.noticed) std::fprintf(stderr, "%.1f s", n.seconds);
      }
      std::fprintf(stderr, "\n");
    };
  }
  const auto verdicts = fuzz::measure(options);
  if (!verdicts) return report(verdicts.error());
  if (arguments.json) {
    std::printf("%s\n", fuzz::to_json(*verdicts).c_str());
  } else {
    std::printf("%s", fuzz::to_markdown(*verdicts).c_str());
  }
  if (!arguments.table.empty()) {
    if (const int status = write_table(arguments.table, fuzz::to_markdown(*verdicts)); status != kNothingWrong) {
      return status;
    }
  }
  const fuzz::Summary summary = fuzz::summarise(*verdicts);
  return summary.noticed == summary.mistakes && summary.harmless_reported == 0 ? kNothingWrong : kFinding;
}

}  // namespace assay::cli
