// See campaign.h.
#include "fuzz/campaign.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "compiler/isle/rule_table.h"
#include "fuzz/case.h"

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

class Campaign {
 public:
  explicit Campaign(const CampaignOptions& options) : options_(options) {}

  Expected<CampaignReport> run() {
    std::error_code error;
    std::filesystem::create_directories(options_.out, error);
    if (error) return fail(Place{.file = options_.out}, "cannot make the folder: " + error.message());
    begin_ = Clock::now();
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(1u, options_.jobs); ++i) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    if (failure_) return std::unexpected(*failure_);
    report_.seconds = since(begin_);
    for (const std::string& wanted : wanted_operations()) {
      if (!report_.exercised.contains(wanted)) report_.never.push_back(wanted);
    }
    return report_;
  }

 private:
  void work() {
    oracles::Harness harness(options_.harness);
    Program program;
    Case test;
    // Counted by opcode and width, merged into the report at the end.
    std::unordered_map<uint32_t, std::pair<uint64_t, std::string>> exercised;
    auto last_merge = Clock::now();
    while (!stop_) {
      const uint64_t number = next_++;
      if (options_.programs != 0 && number >= options_.programs) break;
      if (since(begin_) >= options_.seconds) break;
      Random random(options_.seed * 0x9e3779b97f4a7c15u + number);
      generate(random, options_.generate, program);
      test.functions = std::move(program.functions);
      test.entry = static_cast<uint32_t>(test.functions.size() - 1);
      test.regions = program.regions;
      test.inputs.clear();
      for (auto& args : program.inputs) test.inputs.push_back({.args = args, .seed = number * 16 + test.inputs.size() + 1});
      for (const ir::Function& f : test.functions) {
        for (ir::Block block : f.blocks()) {
          for (ir::Inst inst : f.insts(block)) {
            const ir::InstData& data = f.inst(inst);
            auto& entry = exercised[static_cast<uint32_t>(data.opcode) << 16 | data.type.number()];
            if (entry.first++ == 0) entry.second = operation_name(f, inst);
          }
        }
      }
      std::vector<oracles::Finding> findings;
      check_case(harness, test, findings);
      for (const oracles::Finding& finding : findings) record(finding, test, harness, number);
      program.functions = std::move(test.functions);
      ++programs_;
      if (Clock::now() - last_merge > std::chrono::seconds(1)) {
        merge(harness);
        last_merge = Clock::now();
      }
    }
    merge(harness);
    const std::lock_guard lock(mutex_);
    for (auto& [key, entry] : exercised) report_.exercised[entry.second] += entry.first;
    for (const IsaKind isa : options_.harness.isas) {
      machine::Compiler* compiler = harness.compiler(isa);
      if (compiler == nullptr) continue;
      const isle::RuleState& rules = compiler->rules();
      for (uint32_t i = 0; i < rules.rules().size(); ++i) {
        report_.rules_fired[std::string(name(isa)) + ": " + std::string(rules.rules()[i].name)] += rules.count(isle::RuleId(i));
      }
    }
  }

  void merge(oracles::Harness& harness) {
    const std::lock_guard lock(mutex_);
    report_.stats += harness.stats();
    harness.clear_stats();
    report_.programs = programs_;
    report_.seconds = since(begin_);
    if (options_.progress) options_.progress(report_);
  }

  // C1, C3.
  void record(const oracles::Finding& finding, const Case& test, const oracles::Harness& harness, uint64_t number) {
    const std::lock_guard lock(mutex_);
    ++report_.findings;
    const uint64_t count = ++report_.by_key[finding.key()];
    if (count > kFilesPerKey) return;
    const std::string text = print_case(
        test, harness,
        {oracles::describe(finding),
         "seed " + std::to_string(options_.seed) + ", program " + std::to_string(number) + "; key " + finding.key()});
    const std::string path = options_.out + "/seed" + std::to_string(options_.seed) + "_program" + std::to_string(number) +
                             "_" + std::to_string(report_.files.size()) + ".clif";
    if (auto wrote = write_file(path, text); !wrote) {
      failure_ = wrote.error();
      stop_ = true;
      return;
    }
    report_.files.push_back(path);
    report_.descriptions.push_back(oracles::describe(finding));
  }

  const CampaignOptions& options_;
  Clock::time_point begin_;
  std::atomic<uint64_t> next_{0};
  std::atomic<uint64_t> programs_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  CampaignReport report_;
  std::optional<Diagnostic> failure_;
};

}  // namespace

double CampaignReport::functions_per_second() const {
  return seconds > 0 ? static_cast<double>(stats.functions) / seconds : 0;
}

Expected<CampaignReport> run_campaign(const CampaignOptions& options) { return Campaign(options).run(); }

}  // namespace assay::fuzz
