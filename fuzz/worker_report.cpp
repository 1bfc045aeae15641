// See worker_report.h. The text is JSON; both ends are the same program, so it is not checked again.
#include "fuzz/worker_report.h"

#include <nlohmann/json.hpp>

namespace assay::fuzz {

using nlohmann::json;

namespace {

std::string to_text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json stats_to_json(const oracles::HarnessStats& s) {
  json compile = json::array();
  for (const machine::CompileStats& c : s.compile) {
    compile.push_back(
        {c.nanoseconds, c.clif_insts, c.vcode_insts, c.virtual_registers, c.moves, c.spilled, c.machine_insts});
  }
  json executors = json::object();
  for (const auto& [name, e] : s.executors) executors[name] = {e.runs, e.nanoseconds};
  return {s.cases, s.functions, s.compiles, s.executions, s.interpreted, s.depends, s.steps, s.interpreter_nanoseconds,
          compile, s.compile_nanoseconds, executors, s.not_run, s.excused};
}

oracles::HarnessStats stats_from_json(const json& j) {
  oracles::HarnessStats s;
  size_t next = 0;
  const auto get = [&](auto& field) { j.at(next++).get_to(field); };
  get(s.cases), get(s.functions), get(s.compiles), get(s.executions), get(s.interpreted), get(s.depends), get(s.steps),
      get(s.interpreter_nanoseconds);
  const json& compile = j.at(next++);
  for (size_t i = 0; i < s.compile.size(); ++i) {
    machine::CompileStats& c = s.compile[i];
    size_t field = 0;
    const auto get_part = [&](auto& part) { compile.at(i).at(field++).get_to(part); };
    get_part(c.nanoseconds), get_part(c.clif_insts), get_part(c.vcode_insts), get_part(c.virtual_registers),
        get_part(c.moves), get_part(c.spilled), get_part(c.machine_insts);
  }
  get(s.compile_nanoseconds);
  for (const auto& [name, e] : j.at(next++).items()) s.executors[name] = {e.at(0), e.at(1)};
  get(s.not_run), get(s.excused);
  return s;
}

}  // namespace

std::string encode(const WorkerReport& report) {
  json findings = json::array();
  for (const ReportedFinding& f : report.findings) findings.push_back({f.key, f.description, f.file});
  return to_text({findings, report.error, stats_to_json(report.stats), report.exercised, report.rules_fired});
}

WorkerReport decode_report(const std::string& text) {
  const json j = json::parse(text);
  WorkerReport report{
      .error = j.at(1), .stats = stats_from_json(j.at(2)), .exercised = j.at(3), .rules_fired = j.at(4)};
  for (const json& f : j.at(0)) report.findings.push_back({f.at(0), f.at(1), f.at(2)});
  return report;
}

std::string encode(std::span<const oracles::Finding> findings) {
  json out = json::array();
  for (const oracles::Finding& f : findings) {
    out.push_back({f.kind, f.isa, f.executor, f.opt_level, f.input ? json(*f.input) : json(), f.text, f.sort,
                   f.choice_seed});
  }
  return to_text(out);
}

std::vector<oracles::Finding> decode_findings(const std::string& text) {
  std::vector<oracles::Finding> findings;
  for (const json& j : json::parse(text)) {
    oracles::Finding f{.kind = j.at(0), .isa = j.at(1), .executor = j.at(2), .opt_level = j.at(3)};
    if (!j.at(4).is_null()) f.input = j.at(4).get<size_t>();
    f.text = j.at(5);
    f.sort = j.at(6);
    f.choice_seed = j.at(7);
    findings.push_back(std::move(f));
  }
  return findings;
}

}  // namespace assay::fuzz
