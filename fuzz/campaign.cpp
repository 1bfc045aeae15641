// See campaign.h.
#include "fuzz/campaign.h"

#include <chrono>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "compiler/isle/rule_table.h"
#include "fuzz/case.h"
#include "fuzz/worker_report.h"
#include "oracles/worker_pool.h"

namespace assay::fuzz {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// The scalar integer operations of the subset, each at the types it takes: what a campaign should reach.
std::vector<std::string> wanted_operations() {
  std::vector<std::string> out;
  const auto add = [&](std::initializer_list<const char*> names, std::initializer_list<int> widths) {
    for (const char* name : names) {
      for (int width : widths) out.push_back(std::string(name) + ".i" + std::to_string(width));
    }
  };
  add({"iconst", "iadd", "isub", "ineg", "iabs", "imul", "umulhi", "smulhi", "udiv", "sdiv", "urem", "srem", "smin",
       "umin", "smax", "umax", "band", "bor", "bxor", "bnot", "bitselect", "ishl", "ushr", "sshr", "rotl", "rotr",
       "bitrev", "clz", "cls", "ctz", "popcnt", "icmp", "select", "select_spectre_guard", "bmask", "uadd_overflow",
       "sadd_overflow", "usub_overflow", "ssub_overflow", "umul_overflow", "smul_overflow", "uadd_overflow_cin",
       "sadd_overflow_cin", "usub_overflow_bin", "ssub_overflow_bin", "load", "store", "brif", "trapz", "trapnz"},
      {8, 16, 32, 64});
  add({"bswap", "uextend", "sextend", "uload8", "sload8", "istore8"}, {16, 32, 64});
  add({"ireduce"}, {8, 16, 32});
  add({"uload16", "sload16", "istore16", "uadd_overflow_trap"}, {32, 64});
  add({"uload32", "sload32", "istore32", "stack_addr", "func_addr", "call_indirect"}, {64});
  for (const char* name : {"jump", "br_table", "return", "trap", "call", "nop"}) out.push_back(name);
  return out;
}

std::string operation_name(const ir::Function& f, ir::Inst inst) {
  const ir::InstData& data = f.inst(inst);
  std::string name(f.info(inst).name);
  if (data.type.is_valid() && data.opcode != ir::Opcode::kBrTable) name += "." + data.type.to_string();
  return name;
}

// Program `number`, C2.
void make_program(const CampaignOptions& options, uint64_t number, Program& program, Case& test) {
  Random random(options.seed * 0x9e3779b97f4a7c15u + number);
  generate(random, options.generate, program);
  std::swap(test.functions, program.functions);  // both keep their memory
  test.entry = static_cast<uint32_t>(test.functions.size() - 1);
  test.regions = program.regions;
  test.inputs.clear();
  for (const auto& args : program.inputs) test.inputs.push_back({.args = args, .seed = input_seed(args)});
}

std::string path_of(const CampaignOptions& options, uint64_t number, size_t count) {
  return options.out + "/seed" + std::to_string(options.seed) + "_program" + std::to_string(number) + "_" +
         std::to_string(count) + ".clif";
}

std::vector<std::string> head_of(const CampaignOptions& options, uint64_t number, const oracles::Finding& finding) {
  return {oracles::describe(finding),
          "seed " + std::to_string(options.seed) + ", program " + std::to_string(number) + "; key " + finding.key()};
}

constexpr const char* kNotRun = "not run";  // instead of a report

// What a worker process does.
class Worker {
 public:
  // `files`: of every key, how many were written before this process was started. `pause`: seconds between reports.
  Worker(const CampaignOptions& options, std::map<std::string, unsigned> files, double pause)
      : options_(options), files_(std::move(files)), pause_(pause), harness_(options.harness) {}

  // One program, unless time is up. A report if there is something to say, else nothing.
  std::string run(uint64_t number, Clock::time_point until) {
    if (Clock::now() >= until) return kNotRun;
    make_program(options_, number, program_, test_);
    count_operations();
    findings_.clear();
    check_case(harness_, test_, findings_);
    if (!findings_.empty()) record(number);
    std::swap(test_.functions, program_.functions);
    if (findings_.empty() && since(last_report_) < pause_) return {};
    return report();
  }

  std::string report() {
    last_report_ = Clock::now();
    report_.stats = harness_.stats();
    harness_.clear_stats();
    for (auto& [key, entry] : exercised_) report_.exercised[entry.second] += std::exchange(entry.first, 0);
    for (const IsaKind isa : options_.harness.isas) {
      machine::Compiler* compiler = harness_.compiler(isa);
      if (compiler == nullptr) continue;
      isle::RuleState& rules = compiler->rules();
      for (uint32_t i = 0; i < rules.rules().size(); ++i) {
        report_.rules_fired[std::string(name(isa)) + ": " + std::string(rules.rules()[i].name)] +=
            rules.count(isle::RuleId(i));
      }
      rules.reset_counts();
    }
    return encode(std::exchange(report_, {}));
  }

 private:
  void count_operations() {
    for (const ir::Function& f : test_.functions) {
      for (ir::Block block : f.blocks()) {
        for (ir::Inst inst : f.insts(block)) {
          const ir::InstData& data = f.inst(inst);
          auto& entry = exercised_[static_cast<uint32_t>(data.opcode) << 16 | data.type.number()];
          if (entry.first++ == 0 && entry.second.empty()) entry.second = operation_name(f, inst);
        }
      }
    }
  }

  // C1, C3.
  void record(uint64_t number) {
    std::set<std::string> seen;
    for (const oracles::Finding& finding : findings_) {
      ReportedFinding reported{.key = finding.key(), .description = oracles::describe(finding), .file = {}};
      if (seen.insert(reported.key).second && files_[reported.key] < kFilesPerKey) {
        const std::string path = path_of(options_, number, seen.size() - 1);
        const std::string text = print_case(test_, harness_, head_of(options_, number, finding));
        if (auto wrote = write_file(path, text); wrote) {
          ++files_[reported.key];
          reported.file = path;
        } else {
          report_.error = path + ": " + wrote.error().message;
        }
      }
      report_.findings.push_back(std::move(reported));
    }
  }

  const CampaignOptions& options_;
  std::map<std::string, unsigned> files_;  // by key
  double pause_;
  oracles::Harness harness_;
  Program program_;
  Case test_;
  std::vector<oracles::Finding> findings_;
  // By opcode and type: how often since the last report, and the name.
  std::unordered_map<uint32_t, std::pair<uint64_t, std::string>> exercised_;
  Clock::time_point last_report_ = Clock::now();
  WorkerReport report_;
};

// What the process that was started does: hands out programs, sums up, and writes down who died.
class Campaign {
 public:
  explicit Campaign(const CampaignOptions& options) : options_(options) {}

  Expected<CampaignReport> run() {
    std::error_code error;
    std::filesystem::create_directories(options_.out, error);
    if (error) return fail(Place{.file = options_.out}, "cannot make the folder: " + error.message());
    pool_.jobs = std::max(1u, options_.jobs);
    pool_.queue = 32;
    pool_.until = begin_ + std::chrono::milliseconds(static_cast<int64_t>(options_.seconds * 1000));
    std::unique_ptr<Worker> worker;  // of this process: stays empty in the one that was started
    const auto mine = [&]() -> Worker& {
      if (worker == nullptr) worker = std::make_unique<Worker>(options_, files_, pause());
      return *worker;
    };
    pool_.last_word = [&] { return mine().report(); };
    pool_.heard = [&](const std::string& text) { merge(text); };
    const auto done = [&](size_t number, const Expected<std::string>& result) {
      if (result && *result == kNotRun) return;
      ++report_.programs;
      if (!result) {
        crashed(number, result.error().message);
      } else if (!result->empty()) {
        merge(*result);
      }
    };
    const size_t count = options_.programs != 0 ? options_.programs : std::numeric_limits<size_t>::max();
    if (!oracles::run_isolated(count, pool_, [&](size_t number) { return mine().run(number, pool_.until); }, done)) {
      return fail("no worker process could be started");
    }
    if (failure_) return std::unexpected(*failure_);
    report_.seconds = since(begin_);
    for (const std::string& wanted : wanted_operations()) {
      if (!report_.exercised.contains(wanted)) report_.never.push_back(wanted);
    }
    return std::move(report_);
  }

 private:
  // Where workers live shortly, they report more often: little should be lost with each.
  double pause() const { return crashes_ == 0 ? 1.0 : std::min(1.0, since(begin_) / (4.0 * crashes_)); }

  void merge(const std::string& text) {
    const WorkerReport news = decode_report(text);
    if (!news.error.empty()) stop(news.error);
    for (const ReportedFinding& finding : news.findings) add(finding);
    report_.stats += news.stats;
    for (const auto& [operation, count] : news.exercised) report_.exercised[operation] += count;
    for (const auto& [rule, count] : news.rules_fired) report_.rules_fired[rule] += count;
    report_.seconds = since(begin_);
    if (options_.progress) options_.progress(report_);
  }

  void add(const ReportedFinding& finding) {
    ++report_.findings;
    ++report_.by_key[finding.key];
    if (finding.file.empty()) return;
    if (++files_[finding.key] > kFilesPerKey) {  // several workers found it at once
      std::error_code ignored;
      std::filesystem::remove(finding.file, ignored);
      return;
    }
    report_.files.push_back(finding.file);
    report_.descriptions.push_back(finding.description);
  }

  // C4.
  void crashed(uint64_t number, const std::string& reason) {
    ++crashes_;
    const oracles::Finding finding = crash_finding(reason);
    ReportedFinding reported{.key = finding.key(), .description = oracles::describe(finding), .file = {}};
    if (files_[reported.key] < kFilesPerKey) {
      reported.file = path_of(options_, number, 0);
      const std::vector<std::string> head = head_of(options_, number, finding);
      const auto text = oracles::run_isolated([&] {
        Program program;
        Case test;
        make_program(options_, number, program, test);
        return print_crashing_case(test, options_.harness, head);
      });
      const std::string lines = "; " + head[0] + "\n; " + head[1] + "\n; the generator crashed too\n";
      if (auto wrote = write_file(reported.file, text ? *text : lines); !wrote) {
        stop(reported.file + ": " + wrote.error().message);
      }
    }
    add(reported);
  }

  void stop(const std::string& reason) {
    failure_ = Diagnostic{{}, reason, ""};
    pool_.until = Clock::now();
  }

  const CampaignOptions& options_;
  const Clock::time_point begin_ = Clock::now();
  oracles::WorkerPoolOptions pool_;
  std::map<std::string, unsigned> files_;  // by key: written
  unsigned crashes_ = 0;
  CampaignReport report_;
  std::optional<Diagnostic> failure_;
};

}  // namespace

double CampaignReport::functions_per_second() const {
  return seconds > 0 ? static_cast<double>(stats.functions) / seconds : 0;
}

Expected<CampaignReport> run_campaign(const CampaignOptions& options) { return Campaign(options).run(); }

}  // namespace assay::fuzz
