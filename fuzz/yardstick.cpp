// See yardstick.h. Judges are programs of the woven build, run with ASSAY_FAULT set, cheapest first; fuzzing last, for
// its finding is minimised and triaged.
#include "fuzz/yardstick.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "fuzz/measured_process.h"

namespace assay::fuzz {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Notice = Verdict::Notice;

constexpr char kBuild[] = "build/release";

json parse_json(const std::string& text) { return json::parse(text, nullptr, false); }

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// The tests that look at what a mistake of an area is in, beside the fuzzer; "rules" have the prover.
std::vector<std::string> tests_of(const std::string& area) {
  static const std::map<std::string, std::vector<std::string>> tests = {
      {"specs", {"verify/helper_check_test", "verify/conformance_test"}},
      {"encoder",
       {"verify/encoding_check_test", "compiler/isa/aarch64/isa_aarch64_test", "compiler/isle/notation/notation_test"}},
      {"abi", {"compiler/machine/machine_test", "compiler/isa/isa_compile_test"}},
      {"lowering", {"compiler/machine/machine_test", "compiler/isa/isa_compile_test", "verify/helper_check_test"}},
      {"labels", {"compiler/machine/machine_test", "compiler/isa/isa_compile_test"}},
      {"allocator", {"compiler/regalloc/regalloc_test"}},
      {"mid-end", {"compiler/opt/opt_test", "fuzz/optimize_test"}},
      {"interpreter", {"interpreter/interpreter_test", "verify/operation_check_test"}},
      {"rule compiler", {"compiler/isle/isle_test"}},
  };
  const auto found = tests.find(area);
  return found != tests.end() ? found->second : std::vector<std::string>();
}

class Measurement {
 public:
  Measurement(const YardstickOptions& options, const SeededMistake& mistake) : options_(options), mistake_(mistake) {
    tree_ = fs::absolute(options.tree).string();
    program_ = tree_ + "/" + kBuild + "/assay";
    scratch_ = tree_ + "/scratch/" + std::to_string(mistake.number);
  }

  Expected<Verdict> run() {
    std::error_code error;
    fs::remove_all(scratch_, error);
    fs::create_directories(scratch_, error);
    if (!options_.fuzz_only) {
      for (auto judge : {&Measurement::verify, &Measurement::filetests, &Measurement::tests}) {
        if (auto done = (this->*judge)(); !done) return std::unexpected(done.error());
      }
    }
    // What is not compiled cannot be found so; that a harmless change is not reported is worth the time.
    if (!mistake_.is_compiled) return verdict_;
    if (auto done = fuzz(); !done) return std::unexpected(done.error());
    return verdict_;
  }

 private:
  Expected<ProcessResult> start(std::vector<std::string> command, double cpu_limit, std::function<bool()> until = {}) {
    return run_measured({.command = std::move(command),
                         .environment = {{"ASSAY_FAULT", std::to_string(mistake_.number)}, {"NO_COLOR", "1"}},
                         .directory = tree_,
                         .cpu_limit = cpu_limit,
                         .wall_limit = 20 * cpu_limit + 60,
                         .until = std::move(until)});
  }

  // The prover, on the rules of the ISAs or the mid-end whose rules or definitions the mistake edits.
  Expected<void> verify() {
    std::set<std::string> units;
    for (const auto& [path, hunks] : mistake_.edits) {
      const bool is_definition = path.ends_with(".isle") || path.ends_with(".inst");
      for (const char* isa : {"x64", "aarch64", "riscv64", "s390x"}) {
        if (is_definition && path.starts_with("compiler/isa/" + std::string(isa) + "/")) units.insert(isa);
      }
      if (is_definition && path.starts_with("compiler/opt/")) units.insert("opt");
    }
    if (units.empty()) return {};
    std::vector<std::string> command = {program_, "verify", "--json", "--jobs", "1", "--timeout", "10"};
    for (const std::string& unit : units) command.insert(command.end(), {"--unit", unit});
    const auto result = start(std::move(command), 300);
    if (!result) return std::unexpected(result.error());
    Notice notice{"verify", result->status != 0, result->cpu_seconds, first_line(result->errors)};
    const json report = parse_json(result->output);
    if (report.is_object()) {
      for (const auto& [isa, unit] : report["units"].items()) {
        for (const json& rule : unit.value("open", json::array())) {
          notice.noticed = true;
          if (notice.what.empty()) notice.what = rule.value("name", "");
        }
      }
    }
    verdict_.judges.push_back(std::move(notice));
    return {};
  }

  Expected<void> filetests() {
    const auto result = start({program_, "test", "corpus/filetests"}, 120);
    if (!result) return std::unexpected(result.error());
    const bool noticed = result->status != 0;
    const std::string text = result->errors.empty() ? result->output : result->errors;
    verdict_.judges.push_back({"filetests", noticed, result->cpu_seconds, noticed ? first_line(text) : ""});
    return {};
  }

  Expected<void> tests() {
    Notice notice{"tests", false, 0, ""};
    for (const std::string& test : tests_of(mistake_.area)) {
      const std::string path = tree_ + "/" + kBuild + "/" + test;
      if (!fs::exists(path)) continue;
      const auto result = start({path, "--gtest_brief=1", "--gtest_color=no"}, 120);
      if (!result) return std::unexpected(result.error());
      notice.seconds += result->cpu_seconds;
      if (result->status == 0) continue;
      notice.noticed = true;
      const size_t failed = result->output.find("[  FAILED  ] ");
      notice.what = fs::path(test).filename().string();
      if (failed != std::string::npos) {
        const std::string line = first_line(result->output.substr(failed + 13));
        notice.what += ": " + line.substr(0, line.find(" ("));
      }
      break;
    }
    if (!tests_of(mistake_.area).empty()) verdict_.judges.push_back(std::move(notice));
    return {};
  }

  std::string finding() const {
    std::string first;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(scratch_ + "/findings", error)) {
      const std::string path = entry.path().string();
      if (path.ends_with(".clif") && (first.empty() || path < first)) first = path;
    }
    return first;
  }

  Expected<void> fuzz() {
    const double limit = mistake_.is_harmless ? options_.seconds / 2 : options_.seconds;
    const auto result = start({program_, "fuzz", "--seconds", "100000", "--jobs", "1", "--seed",
                               std::to_string(options_.seed), "--out", scratch_ + "/findings", "--json"},
                              limit, [&] { return !finding().empty(); });
    if (!result) return std::unexpected(result.error());
    const std::string path = finding();
    Notice notice{"fuzz", !path.empty(), result->cpu_seconds, ""};
    if (path.empty() && !result->is_stopped) notice.what = "ended: " + first_line(result->errors);
    if (!path.empty()) {
      // The finding may still have been on its way to the disk; the run was stopped, so it is what it will be.
      const auto text = read_file(path);
      for (std::string line; text && notice.what.empty();) {
        const size_t at = text->find("; ");
        line = at == std::string::npos ? "" : first_line(text->substr(at + 2));
        notice.what = line.empty() ? "?" : line;
      }
    }
    verdict_.judges.push_back(notice);
    if (path.empty() || mistake_.is_harmless) return {};
    if (auto done = minimise(path); !done) return done;
    return triage(path);
  }

  Expected<void> minimise(const std::string& path) {
    const auto result = start({program_, "reduce", path, "--seconds", "60", "--json"}, 30);
    if (!result) return std::unexpected(result.error());
    const json report = parse_json(result->output);
    if (report.is_object() && report.contains("instructions")) {
      verdict_.instructions = report["instructions"].get<unsigned>();
    }
    return {};
  }

  // What `assay triage --json` says of the finding: its stage, and who is to blame, the most likely first.
  Expected<void> triage(const std::string& path) {
    const auto result = start({program_, "triage", path, "--json", "--out", scratch_ + "/triage"}, 180);
    if (!result) return std::unexpected(result.error());
    const json report = parse_json(result->output);
    if (!report.is_object() || !report.contains("results")) return {};  // there is no such subcommand, or it failed
    verdict_.stage = "none";
    for (const json& triaged : report["results"]) {
      verdict_.stage = triaged.value("stage", "none");
      for (const json& culprit : triaged.value("culprits", json::array())) {
        verdict_.culprits.push_back(culprit.value("name", ""));
      }
    }
    return {};
  }

  const YardstickOptions& options_;
  const SeededMistake& mistake_;
  std::string tree_, program_, scratch_;
  Verdict verdict_;
};

// A rule in the woven text has its fault's number behind its name, an operation its type.
std::string plain_name(const std::string& name) { return name.substr(0, std::min(name.find("__"), name.find('.'))); }

// What the mistake says of itself, and whether triage was right: as the patch's head is now.
void describe(const SeededMistake& mistake, Verdict& v) {
  v.number = mistake.number;
  v.name = mistake.name;
  v.title = mistake.title;
  v.area = mistake.area;
  v.isa = mistake.isa;
  v.is_harmless = mistake.is_harmless;
  v.is_compiled = mistake.is_compiled;
  if (v.stage.empty()) return;
  v.is_stage_right = (" | " + mistake.stage + " | ").find(" " + v.stage + " ") != std::string::npos;
  v.is_culprit_right = false;
  const std::string named = v.culprits.empty() ? "" : plain_name(v.culprits.front());
  for (const std::string& culprit : mistake.culprits) {
    if (named == culprit || named.ends_with("::" + culprit)) v.is_culprit_right = true;
  }
}

// Of a patch's text, what decides whether a result still holds: the lines that it takes and gives.
std::string diff_of(const std::string& patch) {
  std::string out;
  const size_t begin = patch.find("--- ");
  for (size_t at = begin == std::string::npos ? patch.size() : begin; at < patch.size();) {
    const size_t end = std::min(patch.find('\n', at), patch.size());
    if (patch[at] == '-' || patch[at] == '+') out += patch.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return out;
}

json record_of(const Verdict& v) {
  json judges = json::array();
  for (const Notice& n : v.judges) {
    judges.push_back({{"judge", n.judge}, {"noticed", n.noticed}, {"cpu_seconds", n.seconds}, {"what", n.what}});
  }
  json out = {{"number", v.number}, {"name", v.name},   {"title", v.title}, {"area", v.area},
              {"isa", v.isa},       {"judges", judges}, {"stage", v.stage}, {"culprits", v.culprits}};
  if (v.is_harmless) out["harmless"] = true;
  if (v.instructions) out["instructions"] = *v.instructions;
  if (v.is_stage_right) out["stage_right"] = *v.is_stage_right;
  if (v.is_culprit_right) out["culprit_right"] = *v.is_culprit_right;
  return out;
}

// What was measured; the rest follows from the mistake.
Verdict verdict_of(const json& record) {
  Verdict v;
  for (const json& n : record.value("judges", json::array())) {
    v.judges.push_back(
        {n.value("judge", ""), n.value("noticed", false), n.value("cpu_seconds", 0.0), n.value("what", "")});
  }
  v.stage = record.value("stage", "");
  v.culprits = record.value("culprits", std::vector<std::string>());
  if (record.contains("instructions")) v.instructions = record["instructions"].get<unsigned>();
  return v;
}

// What is kept: by number, the last record whose patch has not changed since.
std::map<unsigned, json> read_results(const std::string& path) {
  std::map<unsigned, json> out;
  const auto text = read_file(path);
  if (!text) return out;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    const json record = parse_json(text->substr(at, end - at));
    if (record.is_object()) out[record.value("number", 0u)] = record;
    at = end + 1;
  }
  return out;
}

// Several runs may write to one file.
Expected<void> append(const std::string& path, const std::string& line) {
  std::ofstream out(path, std::ios::app);
  out << line + "\n" << std::flush;
  if (!out) return fail(Place{.file = path}, "cannot write");
  return {};
}

double percent(unsigned part, unsigned whole) { return whole != 0 ? 100.0 * part / whole : 100; }

std::string decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

}  // namespace

const Verdict::Notice* Verdict::find(const std::string& judge) const {
  const auto found = std::find_if(judges.begin(), judges.end(), [&](const Notice& n) { return n.judge == judge; });
  return found != judges.end() ? &*found : nullptr;
}

bool Verdict::is_noticed() const {
  return std::any_of(judges.begin(), judges.end(), [](const Notice& n) { return n.noticed; });
}

Expected<std::vector<Verdict>> measure(const YardstickOptions& options) {
  const auto mistakes = read_mistakes(options.mistakes);
  if (!mistakes) return std::unexpected(mistakes.error());
  const std::string program = options.tree + "/" + kBuild + "/assay";
  if (!fs::exists(program)) {
    return fail(Place{.file = program}, "the program with all mistakes is not built", "ci/mutants builds it");
  }
  std::map<unsigned, json> known = read_results(options.results);
  std::vector<Verdict> out;
  for (const SeededMistake& mistake : *mistakes) {
    const bool is_wanted = options.only.empty() ||
                           std::find(options.only.begin(), options.only.end(), mistake.number) != options.only.end();
    if (!is_wanted) continue;
    const auto record = known.find(mistake.number);
    const std::string diff = diff_of(mistake.text);
    if (!options.is_fresh && record != known.end() && diff_of(record->second.value("patch", "")) == diff) {
      out.push_back(verdict_of(record->second));
      describe(mistake, out.back());
      continue;
    }
    auto verdict = Measurement(options, mistake).run();
    if (!verdict) return std::unexpected(verdict.error());
    describe(mistake, *verdict);
    json kept = record_of(*verdict);
    kept["patch"] = diff;
    const std::string line = kept.dump(-1, ' ', false, json::error_handler_t::replace);
    if (auto written = append(options.results, line); !written) return std::unexpected(written.error());
    if (options.progress) options.progress(*verdict);
    out.push_back(std::move(*verdict));
  }
  return out;
}

Summary summarise(const std::vector<Verdict>& verdicts) {
  Summary out;
  std::vector<unsigned> sizes;
  for (const Verdict& v : verdicts) {
    if (v.is_harmless) {
      ++out.harmless;
      out.harmless_reported += v.is_noticed();
      continue;
    }
    ++out.mistakes;
    out.noticed += v.is_noticed();
    const Notice* fuzz = v.find("fuzz");
    out.compiled += v.is_compiled;
    out.fuzzed += v.is_compiled && fuzz != nullptr && fuzz->noticed;
    out.triaged += v.is_stage_right.has_value();
    out.stage_right += v.is_stage_right.value_or(false);
    out.culprit_right += v.is_culprit_right.value_or(false);
    if (v.area == "rules" && v.instructions) sizes.push_back(*v.instructions);
  }
  std::sort(sizes.begin(), sizes.end());
  if (!sizes.empty()) out.median_rule_size = (sizes[(sizes.size() - 1) / 2] + sizes[sizes.size() / 2]) / 2.0;
  return out;
}

std::string to_json(const std::vector<Verdict>& verdicts) {
  const Summary s = summarise(verdicts);
  json all = json::array();
  for (const Verdict& v : verdicts) all.push_back(record_of(v));
  return json{{"mistakes", s.mistakes},
              {"noticed", s.noticed},
              {"compiled", s.compiled},
              {"found_by_fuzzing", s.fuzzed},
              {"triaged", s.triaged},
              {"stage_right", s.stage_right},
              {"culprit_right", s.culprit_right},
              {"harmless", s.harmless},
              {"harmless_reported", s.harmless_reported},
              {"median_rule_size", s.median_rule_size},
              {"all", all}}
      .dump(2, ' ', false, json::error_handler_t::replace);
}

std::string to_markdown(const std::vector<Verdict>& verdicts) {
  const auto cell = [](const Verdict& v, const char* judge) -> std::string {
    const Notice* n = v.find(judge);
    if (n == nullptr) return "";
    return n->noticed ? decimal(n->seconds) : "–";
  };
  std::string out =
      "| | mistake | area | ISA | verify | filetests | tests | fuzz | size | stage | culprit |\n"
      "| --: | --- | --- | --- | --: | --: | --: | --: | --: | --- | --- |\n";
  for (const Verdict& v : verdicts) {
    const auto mark = [](const std::string& said, std::optional<bool> right) {
      return !right ? std::string() : *right ? said : "**" + said + "**";
    };
    out += "| " + std::to_string(v.number) + " | " + (v.is_harmless ? "harmless: " : "") + v.title + " | " + v.area +
           " | " + v.isa + " | " + cell(v, "verify") + " | " + cell(v, "filetests") + " | " + cell(v, "tests") + " | " +
           cell(v, "fuzz") + " | " + (v.instructions ? std::to_string(*v.instructions) : "") + " | " +
           mark(v.stage, v.is_stage_right) + " | " +
           mark(v.culprits.empty() ? "none" : plain_name(v.culprits.front()), v.is_culprit_right) + " |\n";
  }
  const Summary s = summarise(verdicts);
  const auto share = [](unsigned part, unsigned whole) {
    return std::to_string(part) + " of " + std::to_string(whole) + " (" + decimal(percent(part, whole)) + " %)";
  };
  out += "\nNoticed: " + share(s.noticed, s.mistakes) + ". By fuzzing alone: " + share(s.fuzzed, s.compiled) +
         " of those that compiled code can show. Harmless changes reported: " + share(s.harmless_reported, s.harmless) +
         ".\nMinimised cases of mistakes in rules: median " + decimal(s.median_rule_size) + " instructions.\n";
  out += s.triaged == 0 ? "Triage: not run.\n"
                        : "Triage: stage right " + share(s.stage_right, s.triaged) + ", culprit right " +
                              share(s.culprit_right, s.triaged) + ".\n";
  return out;
}

}  // namespace assay::fuzz
