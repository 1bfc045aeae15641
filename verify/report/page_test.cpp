// The page in a headless browser: what its script makes of the data. Skipped where there is no Chromium.
#include "verify/page_test_support.h"
#include "verify/report/print.h"
#include "verify/report/small_report.h"

namespace assay::verify::report {
namespace {

class Page : public PageTest {
 protected:
  std::string document(const Report& report, const std::string& hash = "") {
    return document_of(to_html(report), hash);
  }
};

TEST_F(Page, ShowsEveryRuleAndOpensFailures) {
  const Report report = small_report();
  const std::string dom = document(report);
  EXPECT_NE(dom.find("data-ready=\"true\""), std::string::npos) << dom;
  EXPECT_EQ(count(dom, "<tr data-name="), report.isas.at(0).rules.size());
  EXPECT_NE(dom.find("data-name=\"right\" data-isa=\"riscv64\" data-states=\"proven\""), std::string::npos) << dom;
  EXPECT_NE(dom.find("data-name=\"wrong\" data-isa=\"riscv64\" data-states=\"failed\""), std::string::npos) << dom;
  EXPECT_NE(dom.find("data-name=\"no_model\" data-isa=\"riscv64\" data-states=\"unknown\""), std::string::npos) << dom;
  // The counterexample, and the reason of the rule that is open; the proven rule is folded.
  EXPECT_EQ(count(dom, "<tr class=\"detail\">"), 2u);
  EXPECT_NE(dom.find("does not hold: result 0"), std::string::npos) << dom;
  EXPECT_NE(dom.find("(rule wrong (lower"), std::string::npos) << dom;
  EXPECT_EQ(count(dom, ">fired</th>"), 0u) << "a column without data";
  EXPECT_EQ(count(dom, "data-total="), 1u);
}

TEST_F(Page, FiltersAndOpensByItsAddress) {
  const Report report = small_report();
  const std::string dom = document(report, "#rules/right");
  // All rows but one, and the opened parts of `wrong` and `no_model`; the row of that name is open.
  EXPECT_EQ(count(dom, " hidden=\"\""), report.isas.at(0).rules.size() + 1) << dom;
  EXPECT_EQ(count(dom, "<tr class=\"detail\">"), 1u) << dom;
  EXPECT_EQ(dom.find("<b id=\"injected\""), std::string::npos);
  EXPECT_NE(dom.find("&lt;/script&gt;&lt;b id=injected&gt;"), std::string::npos) << dom;
  EXPECT_NE(dom.find(">1 of " + std::to_string(report.isas.at(0).rules.size()) + "<"), std::string::npos);
}

TEST_F(Page, ReadsNoTextAsHtml) {
  const std::string instructions = document(small_report(), "#instructions");
  EXPECT_NE(instructions.find("&lt;i&gt;rd&lt;/i&gt; differs"), std::string::npos) << instructions;
  EXPECT_EQ(instructions.find("<i>rd"), std::string::npos);
  EXPECT_EQ(count(instructions, "<tr data-name="), 3u);
}

TEST_F(Page, ShowsSelectionIfItWasAsked) {
  Report report = small_report();
  EXPECT_EQ(count(document(report), ">selection</th>"), 0u);
  add_selection(report.isas.at(0), {.functions = 1, .applied = {{"right", 4}}});
  EXPECT_EQ(count(document(report), ">selection</th>"), 1u);
}

TEST_F(Page, ShowsACampaignIfThereWasOne) {
  Report report = small_report();
  report.campaign =
      Campaign{.seconds = 1, .functions = 7, .rules_fired = {{"riscv64: right", 5}, {"riscv64: wrong", 0}}};
  add_campaign(report.isas.at(0), *report.campaign);
  const std::string dom = document(report);
  EXPECT_NE(dom.find("<span>never</span>"), std::string::npos) << dom;
  EXPECT_NE(dom.find("1 of 2 rules fired"), std::string::npos) << dom;
  EXPECT_EQ(count(dom, ">fired</th>"), 1u);
}

}  // namespace
}  // namespace assay::verify::report
