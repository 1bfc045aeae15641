// See judges.h.
#include "cli/judges.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/command.h"
#include "compiler/isa/registry.h"
#include "oracles/executor.h"
#include "verify/conformance.h"
#include "verify/encoding_check.h"
#include "verify/interpreted_insts.h"
#include "verify/rule_sources.h"

namespace assay::cli {

namespace {

using Clock = std::chrono::steady_clock;

// The definitions of an ISA in a source tree; their bytes come from an encoder that reads the text.
struct EditedInsts {
  std::unique_ptr<verify::SourceTree> tree;
  std::unique_ptr<verify::InterpretedInsts> insts;
};

Expected<EditedInsts> read_edited(IsaKind kind, const std::string& root) {
  auto tree = verify::SourceTree::read(kind, root);
  if (!tree) return std::unexpected(tree.error());
  EditedInsts out{.tree = *std::move(tree)};
  std::vector<notation::SourceFile> files;
  for (const verify::RuleSource& source : out.tree->sources().instructions) files.push_back({source.name, source.text});
  out.insts = std::make_unique<verify::InterpretedInsts>(kind, files);
  if (!out.insts->errors().empty()) return std::unexpected(out.insts->errors().front());
  return out;
}

// An ISA before one judge. A round is a choice of cases for every instruction; rounds add up.
class Unit {
 public:
  // `edited`: whose definitions are judged instead of those built in, or null.
  Unit(const machine::TargetIsa& isa, const EditedInsts* edited, std::string judge)
      : isa(isa), judge(std::move(judge)), edited_(edited) {}
  virtual ~Unit() = default;
  void round(uint64_t seed, const std::vector<std::string>& only) {
    if (edited_ == nullptr) return run(seed, only);
    const verify::InterpretedInsts::Scope scope(*edited_->insts);
    run(seed, only);
  }
  const machine::InstSet& insts() const { return edited_ == nullptr ? *isa.insts : edited_->insts->set(); }
  virtual nlohmann::json to_json() const = 0;
  virtual void print(bool list) const = 0;
  virtual bool has_disagreement() const = 0;
  virtual size_t cases() const = 0;

  const machine::TargetIsa& isa;
  const std::string judge;
  uint64_t rounds = 0;
  double seconds = 0;
  bool is_busy = false;

 protected:
  virtual void run(uint64_t seed, const std::vector<std::string>& only) = 0;
  nlohmann::json common(size_t instructions, const std::map<std::string, size_t>& cases_of) const {
    return {{"isa", isa.name},
            {"judge", judge},
            {"instructions", instructions},
            {"of", insts().descs.size()},
            {"cases", cases()},
            {"cases_of", cases_of},
            {"rounds", rounds},
            {"seconds", seconds}};
  }
  void print_cases(const std::map<std::string, size_t>& cases_of) const {
    for (const auto& [name, count] : cases_of) std::printf("  %-24s %zu\n", name.c_str(), count);
  }

 private:
  const EditedInsts* edited_;
};

class Meanings final : public Unit {
 public:
  Meanings(const machine::TargetIsa& isa, const EditedInsts* edited, std::unique_ptr<oracles::Executor> executor,
           bool only_features)
      : Unit(isa, edited, executor->name()), executor_(std::move(executor)), only_features_(only_features) {}

  void run(uint64_t seed, const std::vector<std::string>& only) override {
    const verify::ConformanceOptions options{.seed = seed, .only = only, .only_features = only_features_};
    verify::add(sum_, verify::check_conformance(isa.kind, insts(), *executor_, options));
  }
  bool has_disagreement() const override { return !sum_.mismatches.empty(); }
  size_t cases() const override { return sum_.cases; }

  nlohmann::json to_json() const override {
    nlohmann::json out = common(sum_.instructions, sum_.cases_of), disagreements = nlohmann::json::array();
    for (const verify::ConformanceMismatch& m : sum_.mismatches) {
      disagreements.push_back({{"instruction", m.instruction}, {"text", m.text}, {"problem", m.problem}});
    }
    out["leave_memory"] = sum_.faults;
    out["disagreements"] = std::move(disagreements);
    out["not_run"] = sum_.not_run;
    return out;
  }
  void print(bool list) const override {
    std::printf("%-16s %zu of %zu instructions, %zu cases (%zu leave the mapped memory), %zu disagreements; %.1f s\n",
                judge.c_str(), sum_.instructions, insts().descs.size(), sum_.cases, sum_.faults, sum_.mismatches.size(),
                seconds);
    for (const auto& m : sum_.mismatches) {
      std::printf("  %s: %s: %s\n", m.instruction.c_str(), m.text.c_str(), m.problem.c_str());
    }
    if (!list) return;
    print_cases(sum_.cases_of);
    for (const std::string& reason : sum_.not_run) std::printf("  not run: %s\n", reason.c_str());
  }

 private:
  std::unique_ptr<oracles::Executor> executor_;
  const bool only_features_;  // only instructions that need one
  verify::ConformanceReport sum_;
};

class Encodings final : public Unit {
 public:
  Encodings(const machine::TargetIsa& isa, const EditedInsts* edited)
      : Unit(isa, edited, std::string("llvm-") + isa.name) {}

  void run(uint64_t seed, const std::vector<std::string>& only) override {
    verify::add(sum_, verify::check_encodings(isa.kind, insts(), {.seed = seed, .only = only, .hatches = &isa}));
  }
  bool has_disagreement() const override { return !sum_.mismatches.empty(); }
  size_t cases() const override { return sum_.cases; }

  nlohmann::json to_json() const override {
    nlohmann::json out = common(sum_.instructions, sum_.cases_of), disagreements = nlohmann::json::array();
    for (const verify::EncodingMismatch& m : sum_.mismatches) {
      disagreements.push_back({{"instruction", m.instruction},
                               {"text", m.ours},
                               {"bytes", m.bytes},
                               {"read_as", m.theirs},
                               {"problem", m.problem}});
    }
    out["by_text"] = sum_.by_text;
    out["by_assembler"] = sum_.by_assembler;
    out["disagreements"] = std::move(disagreements);
    out["not_run"] = sum_.not_checked;
    return out;
  }
  void print(bool list) const override {
    std::printf(
        "%-16s %zu of %zu instructions, %zu cases (%zu agree by text, %zu by the assembler), %zu disagreements; "
        "%.1f s\n",
        judge.c_str(), sum_.instructions, insts().descs.size(), sum_.cases, sum_.by_text, sum_.by_assembler,
        sum_.mismatches.size(), seconds);
    for (const auto& m : sum_.mismatches) {
      std::printf("  %s: %s is %s, read as %s%s%s\n", m.instruction.c_str(), m.ours.c_str(), m.bytes.c_str(),
                  m.theirs.c_str(), m.problem.empty() ? "" : ": ", m.problem.c_str());
    }
    if (!list) return;
    print_cases(sum_.cases_of);
    for (const std::string& name : sum_.not_checked) std::printf("  not checked: %s\n", name.c_str());
  }

 private:
  verify::EncodingReport sum_;
};

// The instructions of an ISA whose names contain one of the parts; all if there are no parts.
std::vector<std::string> chosen(const machine::InstSet& insts, const std::vector<std::string>& parts) {
  std::vector<std::string> out;
  for (const machine::InstDesc& desc : insts.descs) {
    const std::string name = desc.name;
    const bool wanted = std::any_of(parts.begin(), parts.end(),
                                    [&](const std::string& part) { return name.find(part) != std::string::npos; });
    if (wanted) out.push_back(name);
  }
  return out;
}

// Rounds in turn until the time is up, the unit with the least time first; every unit gets one.
void run_rounds(const JudgeArguments& arguments, std::vector<std::unique_ptr<Unit>>& units) {
  const auto begin = Clock::now();
  const auto seconds_since = [](Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  };
  std::mutex mutex;
  const bool show = !arguments.json && is_terminal(STDERR_FILENO);
  const auto next = [&]() -> Unit* {
    const bool is_over = seconds_since(begin) >= arguments.seconds;
    Unit* best = nullptr;
    for (const auto& unit : units) {
      if (unit->is_busy || (is_over && unit->rounds != 0)) continue;
      if (best == nullptr || unit->seconds < best->seconds) best = unit.get();
    }
    return best;
  };
  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (Unit* unit = next()) {
      unit->is_busy = true;
      const uint64_t seed = arguments.seed + unit->rounds;
      lock.unlock();
      const auto start = Clock::now();
      unit->round(seed, chosen(unit->insts(), arguments.instructions));
      lock.lock();
      unit->seconds += seconds_since(start);
      ++unit->rounds;
      unit->is_busy = false;
      if (!show) continue;
      size_t cases = 0;
      for (const auto& other : units) cases += other->is_busy ? 0 : other->cases();
      std::fprintf(stderr, "\r\033[K%.0f s, %zu cases", seconds_since(begin), cases);
    }
  };
  const unsigned jobs = arguments.jobs != 0 ? arguments.jobs : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::min<size_t>(jobs, units.size()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  if (show) std::fprintf(stderr, "\r\033[K");
}

}  // namespace

int run_judges(const JudgeArguments& arguments, const std::vector<IsaKind>& isas) {
  std::vector<std::unique_ptr<EditedInsts>> trees;
  std::vector<std::unique_ptr<Unit>> units;
  std::vector<std::string> missing;
  for (const IsaKind kind : isas) {
    const machine::TargetIsa* isa = isa::find_isa(kind);
    if (isa == nullptr) {
      return report(Diagnostic{{}, std::string("the backend ") + name(kind) + " is not part of this build", ""});
    }
    const EditedInsts* edited = nullptr;
    if (!arguments.tree.empty()) {
      auto read = read_edited(kind, arguments.tree);
      if (!read) return report(read.error());
      edited = trees.emplace_back(std::make_unique<EditedInsts>(*std::move(read))).get();
    }
    const machine::InstSet& insts = edited == nullptr ? *isa->insts : edited->insts->set();
    if (!arguments.instructions.empty() && chosen(insts, arguments.instructions).empty()) continue;
    const auto add_machine = [&](std::unique_ptr<oracles::Executor> executor, bool only_features = false) {
      if (executor->isa() != kind) return;
      if (const std::string why = executor->unavailable(); !why.empty()) {
        missing.push_back(std::string(executor->name()) + ": " + why);
      } else {
        units.push_back(std::make_unique<Meanings>(*isa, edited, std::move(executor), only_features));
      }
    };
    if (arguments.conformance) {
      add_machine(oracles::make_unicorn(kind));
      add_machine(oracles::make_native());
      add_machine(oracles::make_qemu(kind), !verify::qemu_judges_all(kind));
    }
    if (arguments.encodings) units.push_back(std::make_unique<Encodings>(*isa, edited));
  }
  if (units.empty() && missing.empty()) {
    return report(Diagnostic{{}, "no instruction has a name like that", "assay verify --conformance --list"});
  }
  run_rounds(arguments, units);

  const bool found = std::any_of(units.begin(), units.end(), [](const auto& unit) { return unit->has_disagreement(); });
  if (arguments.json) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& unit : units) all.push_back(unit->to_json());
    std::printf("%s\n", nlohmann::json{{"judges", all}, {"missing", missing}}.dump(2).c_str());
  } else {
    for (const auto& unit : units) unit->print(arguments.list);
    for (const std::string& why : missing) std::printf("cannot run: %s\n", why.c_str());
  }
  return found ? kFinding : kNothingWrong;
}

}  // namespace assay::cli
