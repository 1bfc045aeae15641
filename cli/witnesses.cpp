// See witnesses.h.
#include "cli/witnesses.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

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
  nlohmann::json units = nlohmann::json::object();
  for (const IsaKind isa : isas) {
    const auto found =
        verify::find_witnesses(isa, {.functions_per_rule = arguments.per_rule, .rules = arguments.rules});
    if (!found) return report(found.error());
    for (const auto& [features, text] : verify::to_filetests(*found)) {
      std::string path = arguments.directory + "/" + name(isa) + (features.empty() ? "" : "_") + features + ".clif";
      std::ranges::replace(path, ' ', '_');
      if (!(std::ofstream(path) << text)) return report(Diagnostic{{.file = path}, "cannot write the file", ""});
    }
    if (!found->missing.empty() || !found->mismatches.empty()) status = kFinding;
    if (arguments.json) {
      units[name(isa)] = to_json(*found);
    } else {
      std::printf("%s", verify::describe(*found).c_str());
    }
  }
  if (arguments.json) std::printf("%s\n", nlohmann::json{{"units", units}}.dump(2).c_str());
  return status;
}

}  // namespace assay::cli
