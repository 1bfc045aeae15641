// See campaign_print.h.
#include "fuzz/campaign_print.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace assay::fuzz {

namespace {

[[gnu::format(printf, 2, 3)]] void add(std::string& out, const char* format, ...) {
  std::array<char, 1024> line;
  va_list arguments;
  va_start(arguments, format);
  const int size = std::vsnprintf(line.data(), line.size(), format, arguments);
  va_end(arguments);
  if (size > 0) out.append(line.data(), std::min<size_t>(static_cast<size_t>(size), line.size() - 1));
}

using ull = unsigned long long;

double per_second(uint64_t count, double seconds) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

// What became of the inputs, in percent.
struct Shares {
  double returned = 0, trapped = 0, out_of_fuel = 0, not_compared = 0;
};

Shares shares_of(const oracles::HarnessStats& stats) {
  using Kind = interpreter::OutcomeKind;
  uint64_t inputs = stats.depends;
  for (uint64_t count : stats.interpreted) inputs += count;
  const auto percent = [&](uint64_t count) {
    return inputs != 0 ? 100.0 * static_cast<double>(count) / static_cast<double>(inputs) : 0;
  };
  const auto of = [&](Kind kind) { return stats.interpreted[static_cast<size_t>(kind)]; };
  return {.returned = percent(of(Kind::Returned)),
          .trapped = percent(of(Kind::Trapped)),
          .out_of_fuel = percent(of(Kind::OutOfFuel)),
          .not_compared =
              percent(of(Kind::UndefinedBehaviour) + of(Kind::Unsupported) + of(Kind::Undetermined) + stats.depends)};
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// Operations by name: of each, by type, how often it was compiled for each ISA.
using Matrix = std::map<std::string, std::map<std::string, std::map<std::string, uint64_t>>>;

Matrix matrix_of(const CampaignReport& report, std::set<std::string>& isas) {
  Matrix out;
  for (const auto& [feature, count] : report.features) {
    const std::vector<std::string> parts = words(feature);
    if (parts[0] != "operation" || parts.size() < 3 || !isa_from_name(parts[1])) continue;
    isas.insert(parts[1]);
    out[parts[2]][parts.size() > 3 ? parts[3] : ""][parts[1]] = count;
  }
  return out;
}

constexpr const char* kStyle =
    "body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1b1b1b}"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}"
    "table{border-collapse:collapse}td,th{padding:.1rem .5rem;text-align:left;border-bottom:1px solid #ddd}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.none{background:#f6d5d0}td.rare{background:#"
    "faf0cf}"
    "code{font:13px ui-monospace,monospace}.scroll{overflow-x:auto}";

void add_matrix(std::string& out, const CampaignReport& report) {
  std::set<std::string> isas;
  const Matrix matrix = matrix_of(report, isas);
  constexpr uint64_t kRare = 10;
  out +=
      "<h2>Operations by type and ISA</h2><p>How often each was compiled. Yellow: less than ten times; red: not for "
      "this"
      " ISA.</p><div class=scroll><table><tr><th>operation<th>type";
  for (const std::string& isa : isas) out += "<th class=n>" + isa;
  out += "\n";
  for (const auto& [operation, types] : matrix) {
    for (const auto& [type, counts] : types) {
      out += "<tr><td><code>" + operation + "</code><td><code>" + type + "</code>";
      for (const std::string& isa : isas) {
        const auto it = counts.find(isa);
        const uint64_t count = it == counts.end() ? 0 : it->second;
        add(out, "<td class=\"n%s\">%llu", count == 0 ? " none" : count < kRare ? " rare" : "", ull{count});
      }
      out += "\n";
    }
  }
  out += "</table></div>\n";
}

void add_list(std::string& out, const char* title, const std::vector<std::string>& names, const char* if_none) {
  add(out, "<h2>%s: %zu</h2><p>", title, names.size());
  if (names.empty()) out += if_none;
  for (const std::string& name : names) out += "<code>" + escaped(name) + "</code><br>\n";
  out += "</p>\n";
}

}  // namespace

std::vector<std::string> rules_never_fired(const CampaignReport& report) {
  std::vector<std::string> out;
  for (const auto& [rule, count] : report.rules_fired) {
    if (count == 0) out.push_back(rule);
  }
  return out;
}

std::string to_text(const CampaignReport& report) {
  const auto& stats = report.stats;
  std::string out;
  for (size_t i = 0; i < report.files.size(); ++i) {
    out += "finding: " + report.files[i] + "\n  " + printable(report.descriptions[i]) + "\n";
  }
  add(out, "%llu functions in %.1f s: %.0f functions/s, each compiled %.1f times (ISAs, levels)\n",
      ull{stats.functions}, report.seconds, report.functions_per_second(),
      static_cast<double>(stats.compiles) / static_cast<double>(std::max<uint64_t>(stats.functions, 1)));
  add(out, "%llu compiles, %llu executions (%.0f/s)\n", ull{stats.compiles}, ull{stats.executions},
      per_second(stats.executions, report.seconds));
  for (const auto& [name, executor] : stats.executors) {
    add(out, "  %-16s %9llu executions, %6.2f us each\n", name.c_str(), ull{executor.runs},
        executor.runs != 0 ? static_cast<double>(executor.nanoseconds) * 1e-3 / static_cast<double>(executor.runs) : 0);
  }
  const Shares shares = shares_of(stats);
  add(out, "inputs: %.1f %% return, %.1f %% trap, %.1f %% run out of fuel, %.1f %% cannot be compared\n",
      shares.returned, shares.trapped, shares.out_of_fuel, shares.not_compared);
  for (const auto& [reason, count] : stats.not_run) {
    out += "not run: " + reason + " (" + std::to_string(count) + " inputs)\n";
  }
  if (report.never.empty()) {
    out += "every operation of the subset was exercised at every type\n";
  } else {
    out += "never exercised:";
    for (const std::string& operation : report.never) out += " " + operation;
    out += "\n";
  }
  add(out, "rules: %zu of %zu fired\n", report.rules_fired.size() - rules_never_fired(report).size(),
      report.rules_fired.size());
  if (report.corpus != 0) {
    add(out, "corpus: %llu entries with %zu features; %llu of %llu programs were mutations\n", ull{report.corpus},
        report.features.size(), ull{report.mutated}, ull{report.programs});
  }
  for (const auto& [name, target] : report.targets) {
    add(out, "  target %-12s %9llu executions in %.0f s, %llu findings\n", name.c_str(), ull{target.executions},
        target.seconds, ull{target.findings});
  }
  add(out, "findings: %llu\n", ull{report.findings});
  return out;
}

std::string to_json(const CampaignReport& report) {
  using nlohmann::json;
  const auto& stats = report.stats;
  json executors = json::object(), files = json::array(), outcomes = json::object(), targets = json::object();
  for (const auto& [name, executor] : stats.executors) {
    executors[name] = {{"executions", executor.runs}, {"seconds", static_cast<double>(executor.nanoseconds) * 1e-9}};
  }
  for (size_t i = 0; i < report.files.size(); ++i) {
    files.push_back({{"file", report.files[i]}, {"what", report.descriptions[i]}});
  }
  for (size_t i = 0; i < stats.interpreted.size(); ++i) {
    outcomes[interpreter::name(static_cast<interpreter::OutcomeKind>(i))] = stats.interpreted[i];
  }
  for (const auto& [name, target] : report.targets) {
    targets[name] = {{"slices", target.slices},
                     {"executions", target.executions},
                     {"findings", target.findings},
                     {"seconds", target.seconds}};
  }
  json out = {{"functions", stats.functions},
              {"programs", report.programs},
              {"seconds", report.seconds},
              {"functions_per_second", report.functions_per_second()},
              {"compiles", stats.compiles},
              {"executions", stats.executions},
              {"executions_per_second", per_second(stats.executions, report.seconds)},
              {"findings", report.findings},
              {"findings_by_key", report.by_key},
              {"files", files},
              {"outcomes", outcomes},
              {"executors", executors},
              {"not_run", stats.not_run},
              {"never_exercised", report.never},
              {"rules_fired", report.rules_fired},
              {"rules_never_fired", rules_never_fired(report)}};
  if (report.corpus != 0) {
    out.update(
        {{"corpus", report.corpus}, {"mutated", report.mutated}, {"features", report.features}, {"targets", targets}});
  }
  return out.dump(2, ' ', false, json::error_handler_t::replace);
}

std::string to_html(const CampaignReport& report, const std::string& title) {
  const auto& stats = report.stats;
  const Shares shares = shares_of(stats);
  std::string out = "<!doctype html><html lang=en><meta charset=utf-8><title>Campaign</title><style>";
  out += kStyle;
  out += "</style><h1>Campaign</h1><p><code>" + escaped(title) + "</code></p><table>\n";
  add(out,
      "<tr><td>time<td class=n>%.0f s\n<tr><td>programs<td class=n>%llu\n<tr><td>… of them mutations<td class=n>%llu\n",
      report.seconds, ull{report.programs}, ull{report.mutated});
  add(out,
      "<tr><td>functions<td class=n>%llu\n<tr><td>… per second<td class=n>%.0f\n<tr><td>executions<td class=n>%llu\n",
      ull{stats.functions}, report.functions_per_second(), ull{stats.executions});
  add(out, "<tr><td>corpus entries<td class=n>%llu\n<tr><td>features seen<td class=n>%zu\n", ull{report.corpus},
      report.features.size());
  add(out, "<tr><td>inputs that return<td class=n>%.1f %%\n<tr><td>… trap<td class=n>%.1f %%\n", shares.returned,
      shares.trapped);
  add(out, "<tr><td>… run out of fuel<td class=n>%.1f %%\n<tr><td>… cannot be compared<td class=n>%.1f %%\n</table>\n",
      shares.out_of_fuel, shares.not_compared);

  add(out, "<h2>Findings: %llu</h2>", ull{report.findings});
  if (report.by_key.empty()) out += "<p>None.</p>";
  out += "<table>\n";
  for (const auto& [key, count] : report.by_key) {
    add(out, "<tr><td class=n>%llu<td>", ull{count});
    out += escaped(key) + "\n";
  }
  out += "</table>\n<p>";
  for (size_t i = 0; i < report.files.size(); ++i) {
    const std::string name = report.files[i].substr(report.files[i].rfind('/') + 1);
    out += "<a href=\"findings/" + escaped(name) + "\"><code>" + escaped(name) + "</code></a> " +
           escaped(report.descriptions[i]) + "<br>\n";
  }
  out += "</p>\n";

  if (!report.targets.empty()) {
    out += "<h2>Other targets</h2><table><tr><th>target<th class=n>executions<th class=n>seconds<th class=n>findings\n";
    for (const auto& [name, target] : report.targets) {
      add(out, "<tr><td>%s<td class=n>%llu<td class=n>%.0f<td class=n>%llu\n", escaped(name).c_str(),
          ull{target.executions}, target.seconds, ull{target.findings});
    }
    out += "</table>\n";
  }
  add_list(out, "Operations never exercised", report.never, "None.");
  add_list(out, "Rules never fired", rules_never_fired(report), "None.");
  add_matrix(out, report);
  std::vector<std::string> events;
  for (const auto& [feature, count] : report.features) {
    if (feature.starts_with("event ") || feature.starts_with("trap ") || feature.starts_with("outcome ")) {
      events.push_back(feature + " " + std::to_string(count));
    }
  }
  add_list(out, "Events, traps and outcomes", events, "None.");
  return out + "</html>\n";
}

}  // namespace assay::fuzz
