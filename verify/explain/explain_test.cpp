// Explanations: every stage and every connection is there, in the value, in the text, and in the page as a headless
// browser shows it.
#include "verify/explain/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "compiler/ir/parser.h"
#include "verify/page_test_support.h"

namespace assay::verify::explain {
namespace {

constexpr char kFunction[] = R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = imul v0, v1
    v3 = sdiv v2, v1
    brif v3, block1(v3), block2

block1(v4: i64):
    v5 = isub v4, v0
    return v5

block2:
    return v2
})";

Explanation explain(std::vector<IsaKind> isas = {std::begin(kAllIsas), std::end(kAllIsas)}) {
  const auto function = ir::parse_function(kFunction);
  EXPECT_TRUE(function.has_value());
  ExplainOptions options{.isas = std::move(isas)};
  options.prove = [](IsaKind, const std::vector<std::string>& rules) {
    Verdicts verdicts;
    for (const std::string& rule : rules) verdicts[rule] = {"proven", ""};
    return verdicts;
  };
  return make_explanation(*function, options);
}

TEST(Explain, EveryStageOfEveryMachine) {
  const Explanation explanation = explain();
  EXPECT_EQ(explanation.function, "%f");
  EXPECT_EQ(explanation.clif.size(), 3u + 6u);
  ASSERT_EQ(explanation.isas.size(), kIsaCount);
  for (const IsaExplanation& isa : explanation.isas) {
    SCOPED_TRACE(name(isa.isa));
    ASSERT_EQ(isa.error, "");
    uint32_t end = 0;
    for (const Row& row : isa.rows) {
      EXPECT_FALSE(row.virtual_text.empty() && row.allocated_text.empty() && row.bytes.empty());
      if (row.offset == kNone) continue;
      EXPECT_EQ(row.offset, end) << row.disassembly;  // bytes are in order, and complete
      end = row.offset + static_cast<uint32_t>(row.bytes.size() + 1) / 3;
      EXPECT_FALSE(row.disassembly.empty());
    }
    EXPECT_EQ(end, isa.code_bytes);
    // The multiplication's instructions come from a rule of `lower` and use registers.
    const auto mul = std::ranges::find_if(isa.rows, [](const Row& row) { return row.inst == 0 && !row.rules.empty(); });
    ASSERT_NE(mul, isa.rows.end());
    EXPECT_EQ(isa.rules.at(mul->rules.back()).term, "lower");
    EXPECT_GE(mul->registers.size(), 2u);
    for (const Rule& rule : isa.rules) {
      EXPECT_TRUE(rule.text.starts_with("(rule")) << rule.name;
      EXPECT_EQ(std::ranges::count(rule.text, '('), std::ranges::count(rule.text, ')')) << rule.text;
      EXPECT_EQ(rule.verdict.state, "proven");
    }
    const auto value = std::ranges::find(isa.values, "v2", &Value::name);
    ASSERT_NE(value, isa.values.end());
    ASSERT_FALSE(value->places.empty());
    for (const Place& place : value->places) EXPECT_FALSE(std::isdigit(place.where[0])) << place.where;
  }
}

TEST(Explain, TextNamesRulesAndPlaces) {
  const std::string text = to_text(explain({IsaKind::x64}));
  for (const char* part :
       {"%f on x64", "v2 = imul v0, v1", "imulq", "compiler/isa/x64/", "proven", "where values live"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Explain, WhatWasFoldedIsWithItsUser) {
  const auto function = ir::parse_function(R"(function %f(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 100
    v2 = icmp ult v0, v1
    brif v2, block1, block2
block1:
    return v0
block2:
    v3 = iadd v0, v0
    return v3
})");
  ASSERT_TRUE(function.has_value());
  const Explanation explanation = make_explanation(*function, {.isas = {IsaKind::x64}});
  const std::vector<Row>& rows = explanation.isas.at(0).rows;
  EXPECT_TRUE(std::ranges::none_of(rows, [](const Row& row) { return row.inst == 0 || row.inst == 1; }));
  const auto branch = std::ranges::find(rows, 2u, &Row::inst);
  ASSERT_NE(branch, rows.end());
  EXPECT_EQ(branch->folded, (std::vector<uint32_t>{1, 0}));
}

TEST(Explain, WhatIsNotSupportedIsSaid) {
  const auto function = ir::parse_function(
      "function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = splat.i64x2 v0\n  v2 = iadd v1, v1\n"
      "  v3 = extractlane v2, 0\n  return v3\n}\n");
  ASSERT_TRUE(function.has_value());
  const Explanation explanation = make_explanation(*function, {.isas = {IsaKind::riscv64}});
  EXPECT_TRUE(explanation.isas.at(0).error.starts_with("not supported on riscv64"));
  EXPECT_NE(to_text(explanation).find("not supported on riscv64"), std::string::npos);
}

// ---- the page ----

class ExplainPage : public PageTest {
 protected:
  std::string document(const Explanation& explanation, const std::string& hash = "") {
    return document_of(to_html({explanation}), hash);
  }
};

TEST_F(ExplainPage, ConnectsWhatBelongsTogether) {
  const Explanation explanation = explain();
  const std::string dom = document(explanation, "#aarch64/%25f/i0");
  EXPECT_NE(dom.find("data-ready=\"true\""), std::string::npos) << dom;
  EXPECT_NE(dom.find("aria-pressed=\"true\">aarch64<"), std::string::npos) << dom;
  const IsaExplanation& isa = explanation.isas.at(static_cast<size_t>(IsaKind::aarch64));
  // Pinned: the CLIF instruction. Lit: it and its rows. Shaded: the rules of these, and the values they use.
  const auto rows = static_cast<size_t>(std::ranges::count_if(isa.rows, [](const Row& row) { return row.inst == 0; }));
  EXPECT_GT(rows, 0u);
  EXPECT_EQ(count(dom, "class=\"lit"), rows + 1) << dom;
  EXPECT_EQ(count(dom, "lit pinned\""), 1u);
  EXPECT_GT(count(dom, "class=\"near\""), 0u);
  EXPECT_EQ(count(dom, "<span>proven</span>"), isa.rules.size());
}

TEST_F(ExplainPage, ReadsNoTextAsHtml) {
  Explanation explanation = explain({IsaKind::x64});
  explanation.isas[0].rules.at(0).text = "</script><b id=injected>";
  const std::string dom = document(explanation);
  EXPECT_NE(dom.find("data-ready=\"true\""), std::string::npos) << dom;
  EXPECT_EQ(dom.find("<b id=\"injected\""), std::string::npos);
  EXPECT_EQ(count(dom, "class=\"lit"), 0u);
}

}  // namespace
}  // namespace assay::verify::explain
