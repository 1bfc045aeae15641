// `assay stats diff`: two runs of `assay opt --json`, function by function and rule by rule.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"

namespace assay::cli {

namespace {

struct Options {
  std::string before, after;
  double abnormal = 4;
  bool json = false;
};

// What was counted, by name; rules as "rule NAME".
using Counts = std::map<std::string, int64_t>;
struct Run {
  std::map<std::string, Counts> functions;  // by file and name
};

Expected<Run> read_run(const std::string& path) {
  const auto text = read_input(path);
  if (!text) return std::unexpected(text.error());
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  const Diagnostic wrong{{.file = path}, "this is not what `assay opt --json` prints", "assay opt PATH --json > FILE"};
  if (!json.is_object() || !json.contains("functions") || !json["functions"].is_array()) return std::unexpected(wrong);
  Run run;
  for (const nlohmann::json& function : json["functions"]) {
    if (!function.is_object() || !function.value("stats", nlohmann::json()).is_object()) return std::unexpected(wrong);
    Counts& counts = run.functions[function.value("file", "") + " " + function.value("function", "")];
    for (const auto& [name, value] : function["stats"].items()) {
      if (value.is_number_integer()) counts[name] += value.get<int64_t>();
      if (name != "rules" || !value.is_object()) continue;
      for (const auto& [rule, count] : value.items()) {
        if (count.is_number_integer()) counts["rule " + rule] += count.get<int64_t>();
      }
    }
  }
  return run;
}

struct Change {
  std::string name;
  int64_t before = 0, after = 0;
};

// What differs, the largest difference first.
std::vector<Change> changes(const Counts& before, const Counts& after) {
  std::vector<Change> out;
  for (const auto& [name, count] : before) {
    const auto found = after.find(name);
    const int64_t now = found == after.end() ? 0 : found->second;
    if (now != count) out.push_back({name, count, now});
  }
  for (const auto& [name, count] : after) {
    if (!before.contains(name) && count != 0) out.push_back({name, 0, count});
  }
  std::ranges::sort(out, [](const Change& a, const Change& b) {
    const int64_t x = std::abs(a.after - a.before), y = std::abs(b.after - b.before);
    return x != y ? x > y : a.name < b.name;
  });
  return out;
}

Counts sum(const Run& run) {
  Counts total;
  for (const auto& [function, counts] : run.functions) {
    for (const auto& [name, count] : counts) total[name] += count;
  }
  return total;
}

struct Abnormal {
  std::string function;
  std::string figure;
  int64_t value = 0;
  double usual = 0;  // for a function of that size
};

// Functions for which the optimiser did `factor` times as much of something, for their size, as for the middle one; and
// all that met a limit.
std::vector<Abnormal> abnormal(const Run& run, double factor) {
  std::vector<Abnormal> out;
  for (const char* figure : {"nodes", "unions", "placed", "duplicated", "instructions_after"}) {
    std::vector<double> rates;
    const auto rate = [&](const Counts& counts) {
      const auto size = counts.find("instructions_before"), value = counts.find(figure);
      if (size == counts.end() || size->second <= 0) return 0.0;
      return value == counts.end() ? 0.0 : static_cast<double>(value->second) / static_cast<double>(size->second);
    };
    for (const auto& [function, counts] : run.functions) rates.push_back(rate(counts));
    if (rates.size() < 3) continue;
    std::ranges::nth_element(rates, rates.begin() + static_cast<ptrdiff_t>(rates.size() / 2));
    const double middle = rates[rates.size() / 2];
    for (const auto& [function, counts] : run.functions) {
      // A few operations more are nothing, however small the function.
      const double usual =
          middle * static_cast<double>(counts.contains("instructions_before") ? counts.at("instructions_before") : 0);
      const auto value = counts.find(figure);
      if (value == counts.end() || value->second < 16 || static_cast<double>(value->second) <= factor * usual) continue;
      out.push_back({function, figure, value->second, usual});
    }
  }
  for (const char* limit : {"depth_limit", "class_limit"}) {
    for (const auto& [function, counts] : run.functions) {
      const auto value = counts.find(limit);
      if (value != counts.end() && value->second > 0) out.push_back({function, limit, value->second, 0});
    }
  }
  return out;
}

nlohmann::json to_json(const std::vector<Change>& changes) {
  nlohmann::json out = nlohmann::json::object();
  for (const Change& change : changes) out[change.name] = {{"before", change.before}, {"after", change.after}};
  return out;
}

int run_diff(const Options& options) {
  const auto before = read_run(options.before);
  if (!before) return report(before.error());
  const auto after = read_run(options.after);
  if (!after) return report(after.error());
  nlohmann::json out = {{"functions", nlohmann::json::array()}, {"abnormal", nlohmann::json::array()}};
  const auto print = [](const std::vector<Change>& changes) {
    for (const Change& change : changes) {
      std::printf("  %s %lld -> %lld (%+lld)\n", change.name.c_str(), static_cast<long long>(change.before),
                  static_cast<long long>(change.after), static_cast<long long>(change.after - change.before));
    }
  };
  size_t same = 0;
  for (const auto& [function, counts] : before->functions) {
    const auto found = after->functions.find(function);
    if (found == after->functions.end()) {
      out["only_before"].push_back(function);
      if (!options.json) std::printf("%s: only before\n", function.c_str());
      continue;
    }
    const std::vector<Change> different = changes(counts, found->second);
    if (different.empty()) {
      ++same;
      continue;
    }
    out["functions"].push_back({{"function", function}, {"changes", to_json(different)}});
    if (options.json) continue;
    std::printf("%s\n", function.c_str());
    print(different);
  }
  for (const auto& [function, counts] : after->functions) {
    if (before->functions.contains(function)) continue;
    out["only_after"].push_back(function);
    if (!options.json) std::printf("%s: only after\n", function.c_str());
  }
  const std::vector<Change> total = changes(sum(*before), sum(*after));
  out["same"] = same;
  out["total"] = to_json(total);
  for (const Abnormal& a : abnormal(*after, options.abnormal)) {
    out["abnormal"].push_back({{"function", a.function}, {"figure", a.figure}, {"value", a.value}, {"usual", a.usual}});
    if (options.json) continue;
    if (a.usual > 0) {
      std::printf("abnormal: %s %s %lld, usual for its size: %.0f\n", a.function.c_str(), a.figure.c_str(),
                  static_cast<long long>(a.value), a.usual);
    } else {
      std::printf("abnormal: %s %s %lld\n", a.function.c_str(), a.figure.c_str(), static_cast<long long>(a.value));
    }
  }
  if (options.json) {
    std::puts(out.dump().c_str());
  } else {
    std::printf("all functions (%zu unchanged)\n", same);
    print(total);
  }
  return kNothingWrong;
}

}  // namespace

void add_stats(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("stats", "Compare what the optimiser did in two runs");
  CLI::App* diff = command->add_subcommand("diff", "Two runs of `assay opt --json`, by function and rule");
  command->require_subcommand(1);
  diff->add_option("BEFORE", options->before, "What `assay opt --json` printed; - is standard input")->required();
  diff->add_option("AFTER", options->after, "Likewise")->required();
  diff->add_option("--abnormal", options->abnormal,
                   "Name functions of AFTER with so many times the usual figures for their size")
      ->capture_default_str();
  diff->add_flag("--json", options->json, "Print one JSON object");
  add_example(*command, "assay stats diff before.json after.json");
  add_example(*diff, "assay stats diff before.json after.json --json");
  diff->callback([options, &action] { action = [options] { return run_diff(*options); }; });
}

}  // namespace assay::cli
