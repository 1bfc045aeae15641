// The report of small rules for an invented machine: each row has its text, its state and what it rests on; the JSON
// has the fields that docs/report.md promises, and the page holds nothing that its data could end.
#include "verify/report/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compiler/isa/registry.h"
#include "verify/report/print.h"
#include "verify/report/small_report.h"
#include "verify/rule_sources.h"
#include "verify/witness.h"

namespace assay::verify::report {
namespace {

using Json = nlohmann::json;

const RuleRow& row(const Report& report, const std::string& name) {
  for (const RuleRow& row : report.isas.at(0).rules) {
    if (row.result.name == name) return row;
  }
  static const RuleRow none;
  ADD_FAILURE() << "no rule " << name;
  return none;
}

TEST(Report, EmbeddedJsonCannotEndItsElement) {
  EXPECT_EQ(embeddable(R"(["</script>", "<!--"])"), R"(["\u003c/script>", "\u003c!--"])");
  const Json value = {{"text", "</script><b>&amp;\"\\ \n\u2028"}, {"more", "<!--<script>"}};
  const std::string text = embeddable(value.dump());
  EXPECT_EQ(text.find('<'), std::string::npos);
  EXPECT_EQ(Json::parse(text), value);
}

TEST(Report, RowsHaveTextStateAndReason) {
  const Report report = small_report();
  const RuleRow& right = row(report, "right");
  EXPECT_EQ(right.result.state, RuleState::Proven);
  EXPECT_EQ(right.text,
            "; A comment </script><b id=injected> that is hostile.\n(rule right (lower (has_type (fits_in_64 _) (iadd "
            "x y)))\n  (sum x y))");
  EXPECT_EQ(right.operations, std::vector<std::string>{"iadd"});
  // Through the rule of `sum`.
  EXPECT_EQ(right.instructions, std::vector<std::string>{"add"});
  EXPECT_EQ(right.meaning.state, JudgementState::Holds);
  EXPECT_EQ(right.encoding.judged, 1u);

  const RuleRow& wrong = row(report, "wrong");
  EXPECT_EQ(wrong.result.state, RuleState::Failed);
  EXPECT_NE(wrong.result.counterexample.find("x = 0x"), std::string::npos);
  EXPECT_EQ(wrong.machine.state, JudgementState::Fails);
  EXPECT_EQ(wrong.machine.open, std::vector<std::string>{"sub"});

  const RuleRow& unknown = row(report, "no_model");
  EXPECT_EQ(unknown.result.state, RuleState::Unknown);
  EXPECT_FALSE(unknown.result.reason.empty());
  EXPECT_EQ(unknown.helper.state, JudgementState::NotJudged);
  EXPECT_EQ(unknown.helper.open, std::vector<std::string>{"oracle"});
  EXPECT_EQ(unknown.encoding.of, 0u);

  // `wrong` and `no_model`, and what the machine says of `sub`.
  EXPECT_EQ(report.open(), 3u);
}

TEST(Report, JsonHasWhatTheDocsPromise) {
  const Json json = Json::parse(to_json(small_report()));
  const Json& unit = json.at("units").at("riscv64");
  const Json& totals = unit.at("totals");
  EXPECT_EQ(totals.at("failed"), 1);
  EXPECT_EQ(totals.at("unknown"), 1);
  EXPECT_EQ(totals.at("rules"), unit.at("rules").size());
  EXPECT_EQ(totals.at("machines").at("unicorn-toy").at("fails"), 1);
  EXPECT_EQ(json.at("open"), 3);
  bool seen = false;
  for (const Json& rule : unit.at("rules")) {
    for (const char* key : {"name", "term", "file", "line", "text", "state", "applicable", "inapplicable", "seconds",
                            "lemmas", "operations", "helpers", "instructions", "rungs"}) {
      EXPECT_TRUE(rule.contains(key)) << key;
    }
    if (rule.at("name") == "wrong") {
      seen = true;
      EXPECT_EQ(rule.at("state"), "failed");
      EXPECT_NE(rule.at("counterexample").get<std::string>().find("does not hold"), std::string::npos);
      EXPECT_EQ(rule.at("rungs").at("machine").at("state"), "fails");
      EXPECT_FALSE(rule.contains("fired"));
    }
  }
  EXPECT_TRUE(seen);
  EXPECT_EQ(Json::parse(totals_json(small_report())).at("units").at("riscv64").at("failed"), 1);
}

TEST(Report, WitnessesAreRows) {
  Report report = small_report();
  WitnessReport witnesses;
  witnesses.witnesses.push_back({.rule = "right", .first = {"right", "sum_rule"}, .text = "function %f"});
  witnesses.missing.push_back({.rule = "no_model", .reason = "nothing was found"});
  add_witnesses(report.isas.at(0), witnesses);
  EXPECT_EQ(row(report, "sum_rule").witness->reproducer, "function %f");
  EXPECT_FALSE(row(report, "wrong").witness.has_value());
  EXPECT_EQ(report.open(), 4u);  // one more
  report.isas.at(0).totality.holes.push_back({"iadd.i8", "no rule"});
  EXPECT_EQ(report.open(), 5u);
  const Json json = Json::parse(to_json(report));
  EXPECT_EQ(json.at("units").at("riscv64").at("totals").at("totality").at("holes").size(), 1u);
}

TEST(Report, SelectionIsARungOfRules) {
  Report report = small_report();
  EXPECT_FALSE(row(report, "right").selection.has_value());
  add_selection(
      report.isas.at(0),
      {.functions = 9, .applied = {{"right", 4}, {"sum_rule", 0}, {"wrong", 2}}, .wrong = {{"wrong", "trees: sub"}}});
  EXPECT_EQ(row(report, "right").selection->state, JudgementState::Holds);
  EXPECT_EQ(row(report, "right").selection->cases, 4u);
  EXPECT_EQ(row(report, "sum_rule").selection->state, JudgementState::NotJudged);
  EXPECT_EQ(row(report, "wrong").selection->state, JudgementState::Fails);
  EXPECT_EQ(row(report, "wrong").selection->reproducer, "trees: sub");
  EXPECT_EQ(report.open(), 4u);  // one more
}

TEST(Report, CampaignIsLeftOutOrCounted) {
  Report report = small_report();
  report.campaign = Campaign{.seconds = 1,
                             .functions = 7,
                             .findings = 2,
                             .rules_fired = {{"riscv64: right", 5}, {"riscv64: wrong", 0}, {"x64: right", 9}}};
  add_campaign(report.isas.at(0), *report.campaign);
  EXPECT_EQ(row(report, "right").fired, 5u);
  EXPECT_EQ(row(report, "wrong").fired, 0u);
  EXPECT_FALSE(row(report, "no_model").fired.has_value());
  EXPECT_EQ(report.open(), 5u);
  EXPECT_EQ(Json::parse(to_json(report)).at("campaign").at("functions"), 7);
}

TEST(Report, EveryInstructionOfEveryMachineIsARow) {
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    const auto rows = judge_instructions(*isa, *rule_sources(isa->kind));
    EXPECT_EQ(rows.size(), isa->insts->descs.size());
    size_t encoded = 0, run = 0;
    for (const InstructionRow& row : rows) {
      EXPECT_NE(row.text.find("inst "), std::string::npos) << row.name << " " << row.file << ":" << row.line;
      EXPECT_FALSE(row.machines.empty());
      encoded += row.encoding.state == JudgementState::Holds;
      run += row.machines[0].state == JudgementState::Holds;
      EXPECT_TRUE(row.encoding.state == JudgementState::Holds || !row.encoding.reason.empty()) << row.name;
      EXPECT_TRUE(row.machines[0].state == JudgementState::Holds || !row.machines[0].reason.empty()) << row.name;
    }
    EXPECT_GT(encoded, 50u);
    for (const InstructionRow& row : rows) EXPECT_FALSE(is_failure(row.determined.state)) << row.name;
    EXPECT_GT(run, 40u);
  }
}

}  // namespace
}  // namespace assay::verify::report
