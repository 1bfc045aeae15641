// See filetest.h. This file reads tests, runs them on the interpreter and counts; machines are in
// filetest_machines.cpp.
#include "oracles/filetest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"
#include "interpreter/interpreter.h"
#include "oracles/filetest_directive.h"
#include "oracles/filetest_machines.h"
#include "oracles/worker_pool.h"

namespace assay::oracles {

namespace {

constexpr uint64_t kFuel = 100'000'000;  // some files have long loops, and nothing here runs a thousand times

IsaKind isa_of(size_t executor) {
  if (executor >= kFirstStageExecutor) return static_cast<IsaKind>((executor - kFirstStageExecutor) / 2);
  return executor == kNativeExecutor ? IsaKind::x64 : static_cast<IsaKind>(executor - 1);
}

ExecutorKind kind_of(size_t executor) {
  if (executor >= kFirstStageExecutor) {
    return (executor - kFirstStageExecutor) % 2 == 0 ? ExecutorKind::Virtual : ExecutorKind::Allocated;
  }
  return executor == kNativeExecutor ? ExecutorKind::Native : ExecutorKind::Unicorn;
}

// Which executors a file asks for. Interpreter and native follow from the rest.
struct Wanted {
  bool run = false;        // `test run`
  bool interpret = false;  // `test interpret`
  bool targets = false;    // has target lines; if not, every ISA is meant
  std::array<bool, kIsaCount> isas{};
  std::array<std::vector<machine::FeatureSet>, kIsaCount> features;  // of the target lines, each once
  bool canonical_nans = false;                                       // `set enable_nan_canonicalization`

  // The most that an ISA has.
  size_t target_lines() const {
    return std::ranges::max_element(features, {}, &std::vector<machine::FeatureSet>::size)->size();
  }

  // Then accesses that name no byte order are meant to be big-endian.
  bool only_big_endian() const {
    bool any = false;
    for (IsaKind isa : kAllIsas) {
      if (!isas[static_cast<size_t>(isa)]) continue;
      if (endianness(isa) != std::endian::big) return false;
      any = true;
    }
    return any;
  }
};

// Of a target line; names that we don't know are another compiler's.
machine::FeatureSet features_of(const ir::Setting& setting, IsaKind isa) {
  const machine::TargetIsa* target = isa::find_isa(isa);
  machine::FeatureSet features = 0;
  for (const ir::Flag& flag : setting.flags) {
    if (target == nullptr) break;
    const machine::FeatureSet named = machine::features_by_name(*target->insts, flag.name);
    features = flag.value == "false" ? features & ~named : features | named;
  }
  return features;
}

Wanted wanted_by(const ir::File& file, const FiletestOptions& options) {
  Wanted wanted;
  for (const ir::TestCommand& command : file.commands) {
    wanted.run = wanted.run || command.name == "run";
    wanted.interpret = wanted.interpret || command.name == "interpret";
  }
  for (const ir::Setting& setting : file.settings) {
    for (const ir::Flag& flag : setting.flags) {
      if (flag.name == "enable_nan_canonicalization") wanted.canonical_nans = flag.value != "false";
    }
    if (!setting.is_target) continue;
    wanted.targets = true;
    const auto isa = isa_from_name(std::string_view(setting.target).substr(0, setting.target.find('-')));
    if (!isa) continue;
    wanted.isas[static_cast<size_t>(*isa)] = true;
    const machine::FeatureSet features = features_of(setting, *isa) | options.features[static_cast<size_t>(*isa)];
    auto& sets = wanted.features[static_cast<size_t>(*isa)];
    if (std::ranges::find(sets, features) == sets.end()) sets.push_back(features);
  }
  if (!wanted.targets) wanted.isas.fill(true);
  for (size_t isa = 0; isa < kIsaCount; ++isa) {
    if (wanted.features[isa].empty()) wanted.features[isa].push_back(options.features[isa]);
  }
  return wanted;
}

std::string list(std::span<const ir::DataValue> values) {
  std::string out = values.size() == 1 ? "" : "[";
  for (size_t i = 0; i < values.size(); ++i) out += (i == 0 ? "" : ", ") + ir::to_string(values[i]);
  return out + (values.size() == 1 ? "" : "]");
}

bool says_level(const ir::File& file) {
  return std::ranges::any_of(file.settings, [](const ir::Setting& setting) {
    return !setting.is_target &&
           std::ranges::any_of(setting.flags, [](const ir::Flag& flag) { return flag.name == "opt_level"; });
  });
}

}  // namespace

std::optional<std::string> judge(const TestDirective& directive, const CallResult& result) {
  const ir::RunDirective& run = directive.run;
  if (result.kind == CallResult::Kind::kTrapped) {
    if (directive.trap == result.trap) return std::nullopt;
    return "trapped with " + ir::to_string(result.trap) +
           (directive.trap ? ", should trap with " + ir::to_string(*directive.trap) : ", should return");
  }
  if (result.kind == CallResult::Kind::kWrong) return result.text;
  if (directive.trap) return "returned " + list(result.values) + ", should trap with " + ir::to_string(*directive.trap);
  if (run.kind == ir::RunDirective::Kind::kPrint) return std::nullopt;
  if (!run.has_invocation) {  // `run`: a truth value is expected
    if (result.values.size() == 1 && result.values[0].bits() != 0) return std::nullopt;
    return "returned " + list(result.values) + ", should be other than 0";
  }
  bool equal = result.values.size() == run.expected.size();
  for (size_t i = 0; equal && i < run.expected.size(); ++i) {
    const unsigned __int128 free = result.free_bits.empty() ? 0 : result.free_bits[i];
    equal = ((result.values[i].bits() ^ run.expected[i].bits()) & ~free) == 0;
  }
  if (equal == run.expects_equal) return std::nullopt;
  return "returned " + list(result.values) + ", should be " + (run.expects_equal ? "" : "other than ") +
         list(run.expected);
}

void FiletestReport::add(const FiletestReport& other) {
  for (size_t i = 0; i < kFiletestExecutors; ++i) executors[i] += other.executors[i];
  for (const auto& [name, totals] : other.commands) commands[name] += totals;
  for (const auto& [reason, count] : other.reasons) reasons[reason] += count;
  failures.insert(failures.end(), other.failures.begin(), other.failures.end());
  errors.insert(errors.end(), other.errors.begin(), other.errors.end());
}

struct FiletestRunner::Implementation {
  explicit Implementation(const FiletestOptions& options) : options(options), machines(options.targets) {}

  FiletestOptions options;
  interpreter::Program program;
  interpreter::Interpreter interpreter;
  interpreter::Outcome outcome;
  FiletestMachines machines;

  // Of the file being run.
  const ir::File* file = nullptr;
  Wanted wanted;
  size_t target_line = 0;  // which of an ISA's several, with other features each
  bool is_first = true;    // of several levels: of the others only failures count
  FiletestReport report;

  void fail_test(std::string executor, Place place, std::string message) {
    report.failures.push_back({std::move(executor), std::move(place), std::move(message)});
  }
  void count_not_run(Totals& totals, const std::string& reason) {
    if (!is_first) return;
    ++totals.not_run;
    ++report.reasons[reason];
  }

  void run_file(const ir::File& parsed);
  void run_verifier();
  void run_cat();
  void run_compile();
  // `level`: that of machines, if the file does not say.
  void run_directives(std::optional<machine::OptLevel> level, bool first);
  void run_directive(uint32_t function, const TestDirective& directive, const std::vector<Region>& regions,
                     const Place& place);
  // Makes the call on the interpreter, into `outcome`.
  void interpret(uint32_t function, std::span<const ir::DataValue> args, const std::vector<Region>& regions);
  // These say why not, or count a pass or a failure.
  void run_on_interpreter(uint32_t function, const TestDirective& directive, const std::vector<Region>& regions,
                          const Place& place);
  void run_on_machine(size_t executor, uint32_t function, const TestDirective& directive,
                      const std::vector<Region>& regions, const Place& place);
};

FiletestRunner::FiletestRunner(const FiletestOptions& options)
    : implementation_(std::make_unique<Implementation>(options)) {}

FiletestRunner::~FiletestRunner() = default;

FiletestReport FiletestRunner::run(const std::string& path) {
  const auto text = read_file(path);
  if (text) return run_text(*text, path);
  FiletestReport report;
  report.errors.push_back(text.error());
  return report;
}

FiletestReport FiletestRunner::run_text(const std::string& text, const std::string& path) {
  Implementation& self = *implementation_;
  self.report = {};
  const auto file = ir::parse_file(text, path);
  if (!file) {
    self.report.errors = file.error();
  } else {
    self.run_file(*file);
  }
  return std::move(self.report);
}

void FiletestRunner::Implementation::run_file(const ir::File& parsed) {
  file = &parsed;
  wanted = wanted_by(parsed, options);
  bool expects_errors = false;
  for (const ir::TestCommand& command : parsed.commands) expects_errors = expects_errors || command.name == "verifier";

  if (!expects_errors) {
    for (const ir::ParsedFunction& function : parsed.functions) {
      const Diagnostics errors = ir::verify(function, parsed.name);
      report.errors.insert(report.errors.end(), errors.begin(), errors.end());
    }
    if (!report.errors.empty()) return;
  }
  bool runs = false;
  for (const ir::TestCommand& command : parsed.commands) {
    if (command.name == "run" || command.name == "interpret") {
      runs = true;
    } else if (command.name == "verifier") {
      run_verifier();
    } else if (command.name == "cat") {
      run_cat();
    } else if (command.name == "compile") {
      run_compile();
    } else {
      count_not_run(report.commands[command.name], "test command not known: " + command.name);
    }
  }
  if (runs && !expects_errors) {
    for (target_line = 0; target_line < wanted.target_lines(); ++target_line) {
      if (!wanted.run || says_level(*file)) {
        run_directives({}, target_line == 0);
      } else {
        run_directives(machine::OptLevel::Speed, target_line == 0);
        run_directives(machine::OptLevel::None, false);
      }
    }
    is_first = true;
  }
}

// A comment `; error: text` means that the verifier complains about its line and says `text`; there must be no other
// complaints.
void FiletestRunner::Implementation::run_verifier() {
  Totals& totals = report.commands["verifier"];
  for (const ir::ParsedFunction& function : file->functions) {
    Diagnostics errors = ir::verify(function, file->name);
    const size_t failures_before = report.failures.size();
    for (const ir::Comment& comment : function.comments) {
      const size_t begin = comment.text.find_first_not_of("; \t");
      constexpr std::string_view kError = "error:";
      if (begin == std::string::npos || !std::string_view(comment.text).substr(begin).starts_with(kError)) continue;
      std::string_view expected = std::string_view(comment.text).substr(begin + kError.size());
      expected.remove_prefix(std::min(expected.find_first_not_of(" \t"), expected.size()));
      expected = expected.substr(0, expected.find_last_not_of(" \t\r") + 1);
      const auto found = std::find_if(errors.begin(), errors.end(), [&](const Diagnostic& error) {
        return error.place.line == comment.line && error.message.find(expected) != std::string::npos;
      });
      if (found != errors.end()) {
        errors.erase(found);
      } else {
        fail_test("verifier", Place{.file = file->name, .line = comment.line, .column = comment.column},
                  "the verifier does not say \"" + std::string(expected) + "\" of this line");
      }
    }
    for (const Diagnostic& error : errors) fail_test("verifier", error.place, "not expected: " + error.message);
    ++(report.failures.size() == failures_before ? totals.passed : totals.failed);
  }
}

// What is printed reads back, and prints the same again.
void FiletestRunner::Implementation::run_cat() {
  Totals& totals = report.commands["cat"];
  for (const ir::ParsedFunction& function : file->functions) {
    const std::string printed = ir::print(function.function);
    const auto again = ir::parse_function(printed);
    const Place place{.file = file->name, .line = function.line, .column = 1};
    if (!again) {
      ++totals.failed;
      fail_test("cat", place, "what is printed does not parse: " + again.error().front().message);
    } else if (ir::print(*again) != printed) {
      ++totals.failed;
      fail_test("cat", place, "what is printed reads back as something else");
    } else {
      ++totals.passed;
    }
  }
}

void FiletestRunner::Implementation::run_compile() {
  for (IsaKind isa : kAllIsas) {
    const auto index = static_cast<size_t>(isa);
    if (!wanted.isas[index] || !options.executors[index + 1]) continue;
    Totals& totals = report.commands[std::string("compile ") + name(isa)];
    machines.prepare(isa, *file, false, {}, wanted.features[index].front());
    for (size_t i = 0; i < file->functions.size(); ++i) {
      const FiletestMachines::Readiness ready = machines.readiness(isa, static_cast<uint32_t>(i));
      const Place place{.file = file->name, .line = file->functions[i].line, .column = 1};
      switch (ready.kind) {
        case FiletestMachines::Readiness::Kind::kReady:
          ++totals.passed;
          break;
        case FiletestMachines::Readiness::Kind::kNotSupported:
          count_not_run(totals, ready.reason);
          break;
        case FiletestMachines::Readiness::Kind::kBroken:
          ++totals.failed;
          fail_test(std::string("compile ") + name(isa), place, ready.reason);
          break;
      }
    }
  }
}

void FiletestRunner::Implementation::run_directives(std::optional<machine::OptLevel> level, bool first) {
  is_first = first;
  program.clear();
  for (const ir::ParsedFunction& function : file->functions) program.add(function.function);
  program.link();
  if (wanted.run) {
    for (IsaKind isa : kAllIsas) {
      const auto index = static_cast<size_t>(isa);
      bool used = false, stages = false;
      for (size_t executor = 1; executor < kFiletestExecutors; ++executor) {
        if (!options.executors[executor] || isa_of(executor) != isa) continue;
        used = true;
        stages = stages || executor >= kFirstStageExecutor;
      }
      if (!wanted.isas[index] || !used || target_line >= wanted.features[index].size()) continue;
      machines.prepare(isa, *file, stages, level, wanted.features[index][target_line]);
    }
  }
  uint32_t number = 0;
  for (const ir::ParsedFunction& function : file->functions) {
    std::vector<Region> regions;
    for (const ir::Comment& comment : function.comments) {
      const Place place{.file = file->name, .line = comment.line, .column = comment.column};
      const auto region = parse_region_directive(comment.text, place);
      if (!region) {
        if (first) report.errors.push_back(region.error());
      } else if (region->has_value()) {
        regions.push_back(make_region(**region));
      }
    }
    std::sort(regions.begin(), regions.end(), [](const Region& a, const Region& b) { return a.address < b.address; });
    for (size_t i = 1; i < regions.size(); ++i) {
      if (regions[i].address < regions[i - 1].address + regions[i - 1].bytes.size() + memory_map::kPage) {
        if (first) {
          report.errors.push_back({Place{.file = file->name, .line = function.line, .column = function.column},
                                   "regions must lie at least a page (4096 bytes) apart", ""});
        }
        regions.clear();
      }
    }
    for (const ir::Comment& comment : function.comments) {
      const Place place{.file = file->name, .line = comment.line, .column = comment.column};
      const auto directive = parse_test_directive(comment.text, function.function.signature, place);
      if (!directive) {
        if (first) report.errors.push_back(directive.error());
      } else if (directive->has_value()) {
        run_directive(number, **directive, regions, place);
      }
    }
    ++number;
  }
}

void FiletestRunner::Implementation::run_directive(uint32_t function, const TestDirective& directive,
                                                   const std::vector<Region>& regions, const Place& place) {
  if (options.executors[kInterpreterExecutor] && is_first) run_on_interpreter(function, directive, regions, place);
  for (size_t executor = 1; executor < kFiletestExecutors; ++executor) {
    if (!options.executors[executor]) continue;
    const IsaKind isa = isa_of(executor);
    if (!wanted.run) {
      count_not_run(report.executors[executor], "the file is only for `test interpret`");
    } else if (!wanted.isas[static_cast<size_t>(isa)]) {
      count_not_run(report.executors[executor], std::string("the file has no target line for ") + name(isa));
    } else if (target_line < wanted.features[static_cast<size_t>(isa)].size()) {
      run_on_machine(executor, function, directive, regions, place);
    }
  }
}

void FiletestRunner::Implementation::interpret(uint32_t function, std::span<const ir::DataValue> args,
                                               const std::vector<Region>& regions) {
  std::vector<std::vector<uint8_t>> bytes;
  std::vector<interpreter::Region> memory;
  for (const Region& region : regions) bytes.push_back(region.bytes);
  for (size_t i = 0; i < regions.size(); ++i) memory.push_back({regions[i].address, bytes[i], regions[i].writable});
  interpreter::Config config;
  config.fuel = kFuel;
  config.strict_stack = false;
  config.canonical_nans = wanted.canonical_nans;
  config.cranelift_i128_conversions = !wanted.run;
  if (wanted.only_big_endian()) config.byte_order = ir::Endianness::kBig;
  interpreter.run(program, function, args, memory, config, outcome);
}

void FiletestRunner::Implementation::run_on_interpreter(uint32_t function, const TestDirective& directive,
                                                        const std::vector<Region>& regions, const Place& place) {
  Totals& totals = report.executors[kInterpreterExecutor];
  interpret(function, directive.run.args, regions);
  CallResult result;
  switch (outcome.kind) {
    case interpreter::OutcomeKind::Returned:
      result.values = outcome.results;
      result.free_bits = outcome.free_bits;
      break;
    case interpreter::OutcomeKind::Trapped:
      result.kind = CallResult::Kind::kTrapped;
      result.trap = outcome.trap;
      break;
    case interpreter::OutcomeKind::Unsupported:
      return count_not_run(totals, "not supported on interpreter: " + outcome.text);
    case interpreter::OutcomeKind::OutOfFuel:
      return count_not_run(totals, "interpreter: out of fuel");
    case interpreter::OutcomeKind::UndefinedBehaviour:
    case interpreter::OutcomeKind::Undetermined:
      result.kind = CallResult::Kind::kWrong;
      result.text = interpreter::describe(outcome);
      break;
  }
  if (const auto wrong = judge(directive, result)) {
    ++totals.failed;
    fail_test("interpreter", place, to_string(directive) + ": " + *wrong);
  } else {
    ++totals.passed;
  }
}

void FiletestRunner::Implementation::run_on_machine(size_t executor, uint32_t function, const TestDirective& directive,
                                                    const std::vector<Region>& regions, const Place& place) {
  Totals& totals = report.executors[executor];
  const IsaKind isa = isa_of(executor);
  const FiletestMachines::Readiness ready = machines.readiness(isa, function);
  if (ready.kind == FiletestMachines::Readiness::Kind::kNotSupported) return count_not_run(totals, ready.reason);
  std::optional<std::string> wrong;
  if (ready.kind == FiletestMachines::Readiness::Kind::kBroken) {
    wrong = ready.reason;
  } else {
    const ExecutorKind kind = kind_of(executor);
    CallResult result;
    if (const auto reason = machines.run(isa, kind, function, directive.run.args, regions, result)) {
      return count_not_run(totals, *reason);
    }
    wrong = judge(directive, result);
    if (wrong && result.kind == CallResult::Kind::kReturned) {  // in bits that CLIF leaves open?
      interpret(function, directive.run.args, regions);
      if (outcome.kind == interpreter::OutcomeKind::Returned) result.free_bits = outcome.free_bits;
      if (!result.free_bits.empty()) wrong = judge(directive, result);
    }
    if (wrong && machines.may_be_wrong(isa, kind)) {  // then the referee decides
      CallResult second;
      if (!machines.run(isa, ExecutorKind::Qemu, function, directive.run.args, regions, second)) {
        second.free_bits = result.free_bits;
        wrong = judge(directive, second);
      }
    }
  }
  if (wrong) {
    ++totals.failed;
    fail_test(kFiletestExecutorNames[executor], place, to_string(directive) + ": " + *wrong);
  } else {
    totals.passed += is_first;
  }
}

// ---- many files ----

namespace {

nlohmann::json to_json(const Place& place) {
  return {place.file, place.line, place.column, place.function, place.instruction};
}
Place place_from(const nlohmann::json& json) {
  return {.file = json[0], .line = json[1], .column = json[2], .function = json[3], .instruction = json[4]};
}
nlohmann::json to_json(const Totals& totals) { return {totals.passed, totals.failed, totals.not_run}; }
Totals totals_from(const nlohmann::json& json) { return {json[0], json[1], json[2]}; }

// A report on its way from a worker; only this file reads it.
std::string pack(const FiletestReport& report) {
  nlohmann::json out = {{"executors", nlohmann::json::array()},
                        {"commands", nlohmann::json::object()},
                        {"reasons", report.reasons},
                        {"failures", nlohmann::json::array()},
                        {"errors", nlohmann::json::array()}};
  for (const Totals& totals : report.executors) out["executors"].push_back(to_json(totals));
  for (const auto& [name, totals] : report.commands) out["commands"][name] = to_json(totals);
  for (const FiletestFailure& f : report.failures) out["failures"].push_back({f.executor, to_json(f.place), f.message});
  for (const Diagnostic& e : report.errors) out["errors"].push_back({to_json(e.place), e.message, e.hint});
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

FiletestReport unpack(const std::string& text) {
  const nlohmann::json in = nlohmann::json::parse(text);
  FiletestReport report;
  for (size_t i = 0; i < kFiletestExecutors; ++i) report.executors[i] = totals_from(in["executors"][i]);
  for (const auto& [name, totals] : in["commands"].items()) report.commands[name] = totals_from(totals);
  report.reasons = in["reasons"].get<std::map<std::string, uint32_t>>();
  for (const auto& f : in["failures"]) report.failures.push_back({f[0], place_from(f[1]), f[2]});
  for (const auto& e : in["errors"]) report.errors.push_back({place_from(e[0]), e[1], e[2]});
  return report;
}

}  // namespace

FiletestReport run_filetests(const std::vector<std::string>& paths, const FiletestOptions& options, unsigned jobs,
                             const std::function<void(size_t, size_t)>& progress) {
  std::vector<FiletestReport> reports(paths.size());
  std::unique_ptr<FiletestRunner> runner;  // one in each worker, made at its first file
  const auto work = [&](size_t item) {
    if (!runner) runner = std::make_unique<FiletestRunner>(options);
    return pack(runner->run(paths[item]));
  };
  size_t finished = 0;
  const auto done = [&](size_t item, Expected<std::string> result) {
    if (result) {
      reports[item] = unpack(*result);
    } else {
      reports[item].commands["files"].failed = 1;
      reports[item].failures.push_back({"file", Place{.file = paths[item]}, result.error().message});
    }
    if (progress) progress(++finished, paths.size());
  };
  FiletestReport all;
  // A file with a million calls takes most of a minute in a build with sanitizers, on a busy machine more.
  if (!run_isolated(paths.size(), {.jobs = jobs, .milliseconds = 600'000}, work, done)) {
    all.failures.push_back({"file", Place{}, "cannot start a process"});
  }
  for (const FiletestReport& report : reports) all.add(report);  // in the order of paths
  return all;
}

}  // namespace assay::oracles
