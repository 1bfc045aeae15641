// See triage_report.h.
#include "fuzz/triage_report.h"

#include <nlohmann/json.hpp>

namespace assay::fuzz {

namespace {

const char* level_name(machine::OptLevel level) { return machine::name(level).data(); }

std::string at(const Culprit& culprit) {
  if (culprit.file.empty()) return {};
  return culprit.file + (culprit.line != 0 ? ":" + std::to_string(culprit.line) : "");
}

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string headline(const TriageResult& result) {
  if (result.culprits.empty()) return std::string("Stage ") + name(result.stage) + ": " + result.key;
  const Culprit& culprit = result.culprits[0];
  return std::string("Stage ") + name(result.stage) + ": " + name(culprit.kind) + " " + culprit.name;
}

std::string isa_list(const TriageResult& result) {
  std::string out;
  for (IsaKind isa : result.isas) out += (out.empty() ? "" : ", ") + std::string(assay::name(isa));
  return out.empty() ? "none" : out;
}

nlohmann::json json_of(const Culprit& culprit) {
  return {{"kind", name(culprit.kind)},
          {"name", culprit.name},
          {"file", culprit.file},
          {"line", culprit.line},
          {"reason", culprit.reason}};
}

nlohmann::json json_of(const TriageResult& result) {
  nlohmann::json culprits = nlohmann::json::array(), observations = nlohmann::json::array();
  nlohmann::json isas = nlohmann::json::array();
  for (const Culprit& culprit : result.culprits) culprits.push_back(json_of(culprit));
  for (const Observation& seen : result.observations) {
    observations.push_back({{"isa", assay::name(seen.isa)},
                            {"level", level_name(seen.level)},
                            {"executor", seen.executor},
                            {"agrees", seen.agrees},
                            {"text", seen.text}});
  }
  for (IsaKind isa : result.isas) isas.push_back(assay::name(isa));
  return nlohmann::json{{"file", result.file},
                        {"fails", result.fails},
                        {"flaky", result.is_flaky},
                        {"runs", result.runs},
                        {"failures", result.failures},
                        {"stage", name(result.stage)},
                        {"isas", isas},
                        {"culprits", culprits},
                        {"severity", name(result.severity)},
                        {"writes_outside", result.severity_text},
                        {"group", result.group},
                        {"key", result.key},
                        {"finding", result.finding},
                        {"evidence", result.evidence},
                        {"observations", observations},
                        {"divergence", result.divergence},
                        {"instructions", result.instructions},
                        {"clif", result.clif},
                        {"vcode", result.vcode},
                        {"disassembly", result.disassembly},
                        {"cpu_seconds", result.cpu_seconds}};
}

}  // namespace

std::string to_json(const std::vector<TriageResult>& results) {
  nlohmann::json groups = nlohmann::json::array(), all = nlohmann::json::array();
  for (const auto& group : group_by_cause(results)) {
    const TriageResult& first = *group.front();
    nlohmann::json files = nlohmann::json::array();
    for (const TriageResult* member : group) files.push_back(member->file);
    nlohmann::json entry = {{"name", first.group},
                            {"stage", name(first.stage)},
                            {"severity", name(first.severity)},
                            {"instructions", first.instructions},
                            {"files", files}};
    if (!first.culprits.empty()) entry["culprit"] = json_of(first.culprits[0]);
    groups.push_back(std::move(entry));
  }
  for (const TriageResult& result : results) all.push_back(json_of(result));
  return nlohmann::json{{"groups", groups}, {"results", all}}.dump(2, ' ', false,
                                                                   nlohmann::json::error_handler_t::replace);
}

std::string to_markdown(std::span<const TriageResult* const> group) {
  const TriageResult& result = *group.front();
  std::string out = "# " + headline(result) + "\n\n" + result.finding + "\n\n";
  out += "| | |\n| --- | --- |\n";
  out += std::string("| first stage that differs | ") + name(result.stage) + " |\n";
  out += "| ISAs | " + isa_list(result) + " |\n";
  out += std::string("| severity | ") + name(result.severity) + " |\n";
  out += "| can it write outside memory it was given? | " + result.severity_text + " |\n";
  out += "| cases | " + std::to_string(group.size()) + " |\n\n";
  out += "## Who is to blame\n\n";
  for (const Culprit& culprit : result.culprits) {
    out += std::string("1. ") + name(culprit.kind) + " `" + culprit.name + "`" +
           (at(culprit).empty() ? "" : " (`" + at(culprit) + "`)") + ": " + culprit.reason + "\n";
  }
  if (result.culprits.empty()) out += "Nothing was found.\n";
  out += "\n## First divergence\n\n```\n" + result.divergence + "\n```\n";
  out +=
      "\n## Minimal case (" + std::to_string(result.instructions) + " instructions)\n\n```\n" + result.clif + "```\n";
  if (!result.vcode.empty())
    out += "\n## Machine code over virtual registers, and its rules\n\n```\n" + result.vcode + "```\n";
  if (!result.disassembly.empty()) out += "\n## Bytes\n\n```\n" + result.disassembly + "```\n";
  out += "\n## Evidence\n\n";
  for (const std::string& line : result.evidence) out += "- " + line + "\n";
  out += "\n| ISA | level | executor | |\n| --- | --- | --- | --- |\n";
  for (const Observation& seen : result.observations) {
    out += std::string("| ") + assay::name(seen.isa) + " | " + level_name(seen.level) + " | " + seen.executor + " | " +
           (seen.agrees ? "agrees" : seen.text) + " |\n";
  }
  out += "\n## Cases\n\n";
  for (const TriageResult* member : group) out += "- " + member->file + "\n";
  return out;
}

std::string to_html(std::span<const TriageResult* const> group) {
  const TriageResult& result = *group.front();
  const auto block = [](const std::string& title, const std::string& text) {
    return text.empty() ? std::string()
                        : "<section><h2>" + escaped(title) + "</h2><pre>" + escaped(text) + "</pre></section>\n";
  };
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + escaped(headline(result)) +
      "</title>\n<style>\nbody{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:80em;padding:0 "
      "1em;color:#222}\npre{background:#f5f5f2;padding:.8em;overflow:auto;font-size:13px}\n"
      ".side{display:grid;grid-template-columns:repeat(auto-fit,minmax(28em,1fr));gap:1em}\n"
      "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2em .6em;text-align:left}\n"
      ".bad{background:#fbe3e0}\n@media(prefers-color-scheme:dark){body{background:#1c1c1c;color:#ddd}"
      "pre{background:#282828}.bad{background:#5a2a26}}\n</style></head><body>\n<h1>" +
      escaped(headline(result)) + "</h1>\n<p>" + escaped(result.finding) + "</p>\n";
  out += "<table><tr><th>ISAs</th><td>" + isa_list(result) + "</td></tr><tr><th>severity</th><td>" +
         name(result.severity) + "</td></tr><tr><th>can it write outside memory it was given?</th><td>" +
         escaped(result.severity_text) + "</td></tr></table>\n<h2>Who is to blame</h2><ol>\n";
  for (const Culprit& culprit : result.culprits) {
    out += std::string("<li>") + name(culprit.kind) + " <code>" + escaped(culprit.name) + "</code> " +
           escaped(at(culprit)) + ": " + escaped(culprit.reason) + "</li>\n";
  }
  out += "</ol>\n" + block("First divergence", result.divergence) + "<div class=\"side\">" +
         block("Minimal case", result.clif) +
         block("Machine code over virtual registers, and its rules", result.vcode) +
         block("Bytes", result.disassembly) + "</div>\n<h2>Evidence</h2><ul>\n";
  for (const std::string& line : result.evidence) out += "<li>" + escaped(line) + "</li>\n";
  out += "</ul>\n<table><tr><th>ISA</th><th>level</th><th>executor</th><th></th></tr>\n";
  for (const Observation& seen : result.observations) {
    out += std::string(seen.agrees ? "<tr>" : "<tr class=\"bad\">") + "<td>" + assay::name(seen.isa) + "</td><td>" +
           level_name(seen.level) + "</td><td>" + escaped(seen.executor) + "</td><td>" +
           (seen.agrees ? "agrees" : escaped(seen.text)) + "</td></tr>\n";
  }
  out += "</table>\n<h2>Cases</h2><ul>\n";
  for (const TriageResult* member : group) out += "<li>" + escaped(member->file) + "</li>\n";
  return out + "</ul></body></html>\n";
}

std::string file_stem(const TriageResult& result) {
  constexpr size_t kLongest = 80;
  std::string out;
  for (char c : result.group) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (is_plain) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
    if (out.size() == kLongest) break;
  }
  return out;
}

}  // namespace assay::fuzz
