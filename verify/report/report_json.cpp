// The report as JSON. The page reads the same object.
#include <nlohmann/json.hpp>

#include "verify/report/print.h"

namespace assay::verify::report {

namespace {

using Json = nlohmann::json;

std::string dump(const Json& json, int indent) { return json.dump(indent, ' ', false, Json::error_handler_t::replace); }

Json to_json(const Judgement& row) {
  Json out = {{"name", row.name}, {"state", to_string(row.state)}, {"cases", row.cases}};
  if (!row.types.empty()) out["types"] = row.types;
  if (!row.reason.empty()) out["reason"] = row.reason;
  if (!row.reproducer.empty()) out["reproducer"] = row.reproducer;
  return out;
}

Json to_json(const std::vector<Judgement>& rows) {
  Json out = Json::array();
  for (const Judgement& row : rows) out.push_back(to_json(row));
  return out;
}

Json to_json(const Rung& rung) {
  Json out = {{"state", to_string(rung.state)}, {"judged", rung.judged}, {"of", rung.of}};
  if (!rung.open.empty()) out["open"] = rung.open;
  return out;
}

Json to_json(const RuleRow& row) {
  const RuleResult& result = row.result;
  const bool from_lemmas = result.state == RuleState::Proven && !result.lemmas.empty();
  Json out = {{"name", result.name},
              {"term", result.term},
              {"file", result.file},
              {"line", result.line},
              {"text", row.text},
              {"state", from_lemmas ? "proven from lemmas" : to_string(result.state)},
              {"applicable", result.applicable},
              {"inapplicable", result.inapplicable},
              {"seconds", result.seconds},
              {"solvers", result.solvers},
              {"lemmas", result.lemmas},
              {"operations", row.operations},
              {"helpers", row.helpers},
              {"instructions", row.instructions},
              {"rungs",
               {{"meaning", to_json(row.meaning)},
                {"helper", to_json(row.helper)},
                {"encode", to_json(row.encoding)},
                {"machine", to_json(row.machine)}}}};
  if (!result.reason.empty()) out["reason"] = result.reason;
  if (!result.counterexample.empty()) out["counterexample"] = result.counterexample;
  if (!result.function.empty()) out["function"] = result.function;
  if (row.fired) out["fired"] = *row.fired;
  if (row.witness) out["witness"] = to_json(*row.witness);
  if (row.selection) out["selection"] = to_json(*row.selection);
  if (row.growth) {
    out["class"] = to_string(row.growth->rule_class);
    out["cost"] = {{"left", row.growth->left_cost}, {"right", row.growth->right_cost}};
    if (!row.growth->reason.empty()) out["class_reason"] = row.growth->reason;
    out["law"] = row.growth->law;
  }
  return out;
}

Json to_json(const InstructionRow& row) {
  return {{"name", row.name},
          {"term", row.term},
          {"file", row.file},
          {"line", row.line},
          {"text", row.text},
          {"encode", to_json(row.encoding)},
          {"rules", row.rules},
          {"machines", to_json(row.machines)},
          {"determined", to_json(row.determined)}};
}

Json totals(const IsaReport& isa) {
  const UnitResult& unit = isa.totals;
  const auto count = [](const auto& rows, const auto& state) {
    Json out = Json::object();
    for (const JudgementState s : kJudgementStates) {
      size_t n = 0;
      for (const auto& row : rows) n += state(row) == s;
      out[to_string(s)] = n;
    }
    return out;
  };
  Json out = {{"rules", isa.rules.size()},
              {"proven", unit.proven},
              {"from_lemmas", isa.from_lemmas},
              {"trusted", unit.trusted},
              {"failed", unit.failed},
              {"unknown", unit.unknown},
              {"instantiations", unit.instantiations},
              {"seconds", unit.seconds},
              {"cpu_seconds", unit.cpu_seconds},
              {"instructions", isa.instructions.size()},
              {"helpers", count(isa.helpers, [](const Judgement& row) { return row.state; })},
              {"encodings", count(isa.instructions, [](const InstructionRow& row) { return row.encoding.state; })}};
  Json holes = Json::array();
  for (const Hole& hole : isa.totality.holes) holes.push_back({{"what", hole.what}, {"reason", hole.reason}});
  Json overlaps = Json::array();
  for (const Hole& overlap : isa.totality.overlaps)
    overlaps.push_back({{"what", overlap.what}, {"reason", overlap.reason}});
  out["totality"] = {{"covered", isa.totality.covered.size()}, {"holes", holes}, {"overlaps", overlaps}};
  if (isa.classes) {
    Json cycles = Json::array();
    for (const RuleCycle& cycle : isa.classes->cycles) {
      cycles.push_back({{"class", to_string(cycle.rule_class)}, {"rules", cycle.rules}});
    }
    out["classes"] = {{"shrinking", isa.classes->shrinking},
                      {"reordering", isa.classes->reordering},
                      {"growing", isa.classes->growing},
                      {"families", isa.classes->families},
                      {"cycles", cycles}};
  }
  Json machines = Json::object();
  if (!isa.instructions.empty()) {
    for (size_t i = 0; i < isa.instructions.front().machines.size(); ++i) {
      machines[isa.instructions.front().machines[i].name] =
          count(isa.instructions, [i](const InstructionRow& row) { return row.machines[i].state; });
    }
  }
  out["machines"] = machines;
  return out;
}

}  // namespace

std::string to_json(const Report& report, int indent) {
  Json units = Json::object();
  for (const IsaReport& isa : report.isas) {
    Json rules = Json::array(), instructions = Json::array();
    for (const RuleRow& row : isa.rules) rules.push_back(to_json(row));
    for (const InstructionRow& row : isa.instructions) instructions.push_back(to_json(row));
    units[isa.totals.unit] = {{"totals", totals(isa)},
                              {"rules", std::move(rules)},
                              {"instructions", std::move(instructions)},
                              {"helpers", to_json(isa.helpers)}};
  }
  Json out = {{"units", std::move(units)}, {"operations", to_json(report.operations)}, {"open", report.open()}};
  if (report.campaign) {
    out["campaign"] = {{"seconds", report.campaign->seconds},
                       {"functions", report.campaign->functions},
                       {"findings", report.campaign->findings}};
  }
  return dump(out, indent);
}

std::string totals_json(const Report& report) {
  Json units = Json::object();
  for (const IsaReport& isa : report.isas) units[isa.totals.unit] = totals(isa);
  return dump({{"units", std::move(units)}, {"open", report.open()}}, 2);
}

}  // namespace assay::verify::report
