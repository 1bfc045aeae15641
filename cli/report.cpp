// `assay report`: what every judge says of every rule and instruction, as one page and as JSON.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "compiler/isa/registry.h"
#include "fuzz/campaign.h"
#include "fuzz/selection.h"
#include "verify/proof_cache.h"
#include "verify/report/print.h"

namespace assay::cli {

namespace {

struct Options {
  std::string out;
  std::vector<std::string> isas;
  unsigned jobs = 0;
  double timeout = 60;
  double seconds = 0;
  uint64_t seed = 1;
  std::string cache = verify::default_cache_path();
  bool no_cache = false;
  bool witnesses = false;
  bool json = false;
};

Expected<verify::report::Campaign> run_campaign(const Options& options, const std::vector<IsaKind>& isas) {
  fuzz::CampaignOptions campaign{.seconds = options.seconds, .seed = options.seed, .out = options.out + "/findings"};
  campaign.harness.isas = isas;
  const auto result = fuzz::run_campaign(campaign);
  if (!result) return std::unexpected(result.error());
  return verify::report::Campaign{.seconds = result->seconds,
                                  .functions = result->stats.functions,
                                  .findings = result->findings,
                                  .rules_fired = result->rules_fired};
}

// By random functions and by those that were found for single rules.
void judge_selection(verify::report::IsaReport& report, uint64_t seed) {
  const auto isa = isa_from_name(report.totals.unit);
  if (!isa) return;  // of the mid-end
  constexpr unsigned kPrograms = 200;
  std::vector<std::string> texts;
  for (const verify::report::RuleRow& row : report.rules) {
    if (row.witness && !row.witness->reproducer.empty()) texts.push_back(row.witness->reproducer);
  }
  fuzz::Selection found = fuzz::check_selection(*isa::find_isa(*isa), kPrograms, seed, texts);
  verify::report::add_selection(report, {found.functions, std::move(found.applied), std::move(found.wrong)});
}

void print_text(const verify::report::Report& report, const std::string& out) {
  for (const verify::report::IsaReport& isa : report.isas) {
    const auto& totals = isa.totals;
    std::printf(
        "%-8s %zu rules: %u proven (%u of them from lemmas), %u trusted, %u failed, %u unknown; %zu instructions\n",
        totals.unit.c_str(), isa.rules.size(), totals.proven, isa.from_lemmas, totals.trusted, totals.failed,
        totals.unknown, isa.instructions.size());
  }
  std::printf("open: %zu\n%s/index.html\n%s/report.json\n", report.open(), out.c_str(), out.c_str());
}

int run_report(const Options& options) {
  verify::report::ReportOptions what;
  what.optimizer = options.isas.empty();
  auto isas = named_isas(options.isas);
  if (!isas) return report(isas.error());
  what.isas = std::move(*isas);
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error) return report(Diagnostic{{.file = options.out}, "cannot make the folder: " + error.message(), ""});

  if (options.seconds > 0) {  // first: its workers are forks, and the prover has threads
    auto campaign = run_campaign(options, what.isas);
    if (!campaign) return report(campaign.error());
    what.campaign = std::move(*campaign);
  }
  what.witnesses = options.witnesses;
  what.verify.jobs = options.jobs;
  what.verify.timeout_ms = static_cast<unsigned>(options.timeout * 1000);
  what.verify.cache = options.no_cache ? "" : options.cache;
  unsigned done = 0;
  const bool show = !options.json && is_terminal(STDERR_FILENO);
  if (show) {
    what.verify.progress = [&](const verify::RuleResult& rule) {
      std::fprintf(stderr, "\r\033[K%u %s", ++done, rule.name.c_str());
    };
  }
  auto result = verify::report::make_report(what);
  if (show) std::fprintf(stderr, "\r\033[K");
  if (!result) return report(result.error());
  for (verify::report::IsaReport& isa : result->isas) judge_selection(isa, options.seed);
  for (const auto& [file, text] : {std::pair{"/index.html", verify::report::to_html(*result)},
                                   {"/report.json", verify::report::to_json(*result)}}) {
    if (const auto written = write_file(options.out + file, text); !written) return report(written.error());
  }
  if (options.json) {
    std::printf("%s\n", verify::report::totals_json(*result).c_str());
  } else {
    print_text(*result, options.out);
  }
  return result->open() != 0 ? kFinding : kNothingWrong;
}

}  // namespace

void add_report(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("report", "Write what is proven and judged, as a page and as JSON");
  command->add_option("--out", options->out, "folder for index.html and report.json; made if it does not exist")
      ->required();
  command->add_option("--isa,--target", options->isas, "x64, aarch64, riscv64, s390x; several; default: all");
  command->add_option("--jobs", options->jobs, "threads; default: one per processor");
  command->add_option("--timeout", options->timeout, "seconds per query")->check(CLI::Range(0.001, 86400.0));
  command
      ->add_option("--seconds", options->seconds, "count which rules a campaign of this length fires; 0: no campaign")
      ->check(CLI::Range(0.0, 1e9));
  command->add_flag("--witnesses", options->witnesses, "look for a function that makes each rule fire");
  command->add_option("--seed", options->seed, "of the campaign");
  command->add_option("--cache", options->cache, "file with the verdicts of earlier runs")->capture_default_str();
  command->add_flag("--no-cache", options->no_cache, "ask the solver everything");
  command->add_flag("--json", options->json, "the totals as one JSON object on standard output");
  add_example(*command, "assay report --out report --isa riscv64 --seconds 5");
  command->callback([options, &action] { action = [options] { return run_report(*options); }; });
}

}  // namespace assay::cli
