// The page in a headless browser: what its script makes of the data. Skipped where there is no Chromium.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "verify/report/print.h"
#include "verify/report/small_report.h"

namespace assay::verify::report {
namespace {

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  std::array<char, 4096> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), n);
  pclose(pipe);
  return out;
}

size_t count(const std::string& text, std::string_view part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

class Page : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string_view(ASSAY_BROWSER).empty()) GTEST_SKIP() << "there is no Chromium here: apt-get install chromium";
    folder_ = std::filesystem::temp_directory_path() / ("assay_page_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  // The document after its script has run, without the script elements.
  std::string document(const Report& report, const std::string& hash = "") {
    const std::string file = folder_ / "index.html";
    EXPECT_TRUE(write_file(file, to_html(report)));
    std::string dom =
        output_of("timeout 60 " ASSAY_BROWSER " --headless --no-sandbox --disable-gpu --user-data-dir='" +
                  (folder_ / "profile").string() + "' --dump-dom 'file://" + file + hash + "' 2>/dev/null");
    for (size_t at = dom.find("<script"); at != std::string::npos; at = dom.find("<script")) {
      dom.erase(at, dom.find("</script>", at) + 9 - at);
    }
    return dom;
  }

  std::filesystem::path folder_;
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
