// See witnesses.h.
#include "cli/witnesses.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"
#include "verify/witness.h"

namespace assay::cli {

namespace {

nlohmann::json to_json(const std::vector<verify::RuleNote>& notes) {
  nlohmann::json out = nlohmann::json::array();
  for (const verify::RuleNote& note : notes) {
    out.push_back({{"name", note.rule}, {"file", note.file}, {"line", note.line}, {"reason", note.reason}});
  }
  return out;
}

nlohmann::json to_json(const verify::WitnessReport& report) {
  return {{"rules", report.rules},
          {"witnessed", report.witnessed},
          {"functions", report.witnesses.size()},
          {"calls", report.inputs},
          {"foreseen", report.foreseen},
          {"missing", to_json(report.missing)},
          {"excused", to_json(report.excused)},
          {"not_judged", to_json(report.unjudged)},
          {"one_input", to_json(report.one_input)},
          {"mismatches", to_json(report.mismatches)},
          {"seconds", report.seconds}};
}

}  // namespace

int run_witnesses(const WitnessArguments& arguments, const std::vector<IsaKind>& isas) {
  std::error_code error;
  std::filesystem::create_directories(arguments.directory, error);
  if (error) return report(Diagnostic{{.file = arguments.directory}, "cannot make the folder: " + error.message(), ""});
  int status = kNothingWrong;
  nlohmann::json all = nlohmann::json::object();
  std::vector<std::optional<IsaKind>> units(isas.begin(), isas.end());
  if (arguments.optimizer) units.push_back({});
  for (const std::optional<IsaKind> unit : units) {
    const verify::WitnessOptions wanted{.functions_per_rule = arguments.per_rule, .rules = arguments.rules};
    const auto found = unit ? verify::find_witnesses(*unit, wanted) : verify::find_optimizer_witnesses(wanted);
    if (!found) return report(found.error());
    for (const auto& [features, text] : verify::to_filetests(*found)) {
      std::string path = arguments.directory + "/" + found->unit + (features.empty() ? "" : "_") + features + ".clif";
      std::ranges::replace(path, ' ', '_');
      if (!(std::ofstream(path) << text)) return report(Diagnostic{{.file = path}, "cannot write the file", ""});
    }
    if (!found->missing.empty() || !found->mismatches.empty()) status = kFinding;
    if (arguments.json) {
      all[found->unit] = to_json(*found);
    } else {
      std::printf("%s", verify::describe(*found).c_str());
    }
  }
  if (arguments.json) std::printf("%s\n", nlohmann::json{{"units", all}}.dump(2).c_str());
  return status;
}

}  // namespace assay::cli
