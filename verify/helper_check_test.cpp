// The C++ behind every external term of every backend against its spec; and that wrong ones are noticed.
#include "verify/helper_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "compiler/isa/registry.h"
#include "verify/helper_table.h"
#include "verify/rule_sources.h"

namespace assay::verify {
namespace {

TEST(HelperCheck, EveryTermOfEveryMachine) {
  std::set<std::string> seen;
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    const auto rows = check_helpers(isa->kind);
    ASSERT_TRUE(rows.has_value()) << rows.error().message;
    size_t judged = 0;
    for (const Judgement& row : *rows) {
      EXPECT_FALSE(is_failure(row.state)) << isa->name << ": " << row.name << ": " << row.reason;
      if (row.state == JudgementState::NotJudged) EXPECT_FALSE(row.reason.empty()) << row.name;
      judged += row.state == JudgementState::Holds || row.state == JudgementState::Weaker;
      seen.insert(row.name);
    }
    EXPECT_GT(judged, 25u) << isa->name;
    std::printf("%s: %s", isa->name, describe(*rows).c_str());
  }
  // No line of the table outlives its term.
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    const HelperTable& table = helper_table(isa->kind);
    for (const auto& [name, function] : table.functions) EXPECT_TRUE(seen.contains(name)) << name;
    for (const auto& [name, contract] : table.contracts) EXPECT_TRUE(seen.contains(name)) << name;
    for (const auto& [name, reason] : table.without_values) EXPECT_TRUE(seen.contains(name)) << name;
    for (const auto& [name, type] : table.constants) EXPECT_TRUE(seen.contains("$" + name)) << name;
  }
}

TEST(HelperCheck, EveryTermOfTheMidEnd) {
  const auto rows = check_optimizer_helpers();
  ASSERT_TRUE(rows.has_value()) << rows.error().message;
  std::set<std::string> seen;
  for (const Judgement& row : *rows) {
    EXPECT_FALSE(is_failure(row.state)) << row.name << ": " << row.reason;
    if (row.state == JudgementState::NotJudged) EXPECT_FALSE(row.reason.empty()) << row.name;
    seen.insert(row.name);
  }
  std::printf("opt: %s", describe(*rows).c_str());
  const HelperTable& table = optimizer_helper_table();
  for (const auto& [name, function] : table.functions) EXPECT_TRUE(seen.contains(name)) << name;
  for (const auto& [name, contract] : table.contracts) EXPECT_TRUE(seen.contains(name)) << name;
  for (const auto& [name, reason] : table.without_values) EXPECT_TRUE(seen.contains(name)) << name;
}

// A spec that is wrong for one argument in many is found out.
TEST(HelperCheck, WrongSpecsOfTheMidEndAreNoticed) {
  for (const auto& [from, to, term] :
       {std::tuple("(spec (fold_clz ty a) (provide (= result (zero_ext 128 (call clz",
                   "(spec (fold_clz ty a) (provide (= result (zero_ext 128 (call ctz", "fold_clz"),
        {"(provide (= result (bvlshr a b)))", "(provide (= result (bvashr a b)))", "u64_ushr"},
        {"(spec (value_type arg) (provide (= arg (typeof result))))",
         "(spec (value_type arg) (provide (= arg (widthof result))))", "value_type"}}) {
    std::vector<std::string> texts;
    for (const RuleSource& source : optimizer_sources().rules) texts.emplace_back(source.text);
    size_t changed = 0;
    for (std::string& text : texts) {
      if (const size_t at = text.find(from); at != std::string::npos) {
        text.replace(at, std::string_view(from).size(), to);
        ++changed;
      }
    }
    EXPECT_EQ(changed, 1u) << from;
    std::vector<RuleSource> rules;
    for (size_t i = 0; i < texts.size(); ++i) rules.push_back({optimizer_sources().rules[i].name, texts[i]});
    const auto rows = check_optimizer_helpers({rules, {}, optimizer_sources().operations}, {.only = {term}});
    ASSERT_TRUE(rows.has_value()) << rows.error().message;
    ASSERT_EQ(rows->size(), 1u);
    EXPECT_EQ(rows->front().state, JudgementState::Fails) << term;
  }
}

// The rules of a machine with one text changed, or with `more` at the end of the first file.
class Changed {
 public:
  explicit Changed(const machine::TargetIsa& isa) : isa_(isa), original_(*rule_sources(isa.kind)) {
    for (const RuleSource& source : original_.rules) texts_.emplace_back(source.text);
  }

  Changed& replace(std::string_view from, std::string_view to) {
    size_t count = 0;
    for (std::string& text : texts_) {
      if (const size_t at = text.find(from); at != std::string::npos) {
        text.replace(at, from.size(), to);
        ++count;
      }
    }
    EXPECT_EQ(count, 1u) << from;
    return *this;
  }
  Changed& append(std::string_view more) {
    texts_[0] += more;
    return *this;
  }

  // The one row of a term.
  Judgement judge(const std::string& term, const HelperTable* table = nullptr) {
    std::vector<RuleSource> rules;
    for (size_t i = 0; i < texts_.size(); ++i) rules.push_back({original_.rules[i].name, texts_[i]});
    const RuleSources sources{rules, original_.instructions, original_.operations};
    const auto rows = check_helpers(isa_, sources, table ? *table : helper_table(isa_.kind), {.only = {term}});
    EXPECT_TRUE(rows.has_value()) << rows.error().message;
    if (!rows || rows->size() != 1) {
      ADD_FAILURE() << "no row for " << term;
      return {};
    }
    return (*rows)[0];
  }

 private:
  const machine::TargetIsa& isa_;
  const RuleSources& original_;
  std::vector<std::string> texts_;
};

const machine::TargetIsa& some_isa() { return *isa::all_isas()[0]; }

TEST(HelperCheck, NoticesWrongSpecs) {
  const struct {
    const char *term, *right, *wrong;
  } kMistakes[] = {
      {"i64_add", "(bvadd a b)", "(bvor a b)"},
      {"u8_as_i64", "(u8_as_i64 a) (provide (= result (zero_ext", "(u8_as_i64 a) (provide (= result (sign_ext"},
      {"offset_as_i64", "(offset_as_i64 a) (provide (= result (sign_ext",
       "(offset_as_i64 a) (provide (= result (zero_ext"},
      {"iconst_sext", "(= arg (sign_ext 64 result))", "(= arg (zero_ext 64 result))"},
      {"value_type", "(= arg (typeof result))", "(= arg 32)"},
      {"fits_in_32", "(require (<= arg 32))", "(require (< arg 32))"},
      {"ty_8_or_16", "(require (or (= arg 8) (= arg 16)))", ""},
      {"ty_mask", "(spec (ty_mask arg) (provide (= result (bvlshr", "(spec (ty_mask arg) (provide (= result (bvashr"},
      {"signed_fits", "(bvuge n #x40)", "(bvuge n #x3f)"},
      {"unsigned_fits", "(bvlshr k (zero_ext 64 n))", "(bvashr k (zero_ext 64 n))"},
      {"i64_sshr", "(i64_sshr a b) (provide (= result (bvashr", "(i64_sshr a b) (provide (= result (bvlshr"},
      {"iconst_zext", "(attr iconst_zext (tag partial_spec))", ""},
      {"trap_code_integer_overflow", "(= result #xfd)", "(= result #xfe)"},
  };
  for (const auto& mistake : kMistakes) {
    const Judgement row = Changed(some_isa()).replace(mistake.right, mistake.wrong).judge(mistake.term);
    EXPECT_EQ(row.state, JudgementState::Fails) << mistake.term << ": " << mistake.wrong;
    EXPECT_FALSE(row.reason.empty());
  }
}

TEST(HelperCheck, NoticesWrongCode) {
  const auto notices = [](const std::string& term, HelperFunction wrong) {
    HelperTable table = helper_table(some_isa().kind);
    table.functions[term] = std::move(wrong);
    EXPECT_EQ(Changed(some_isa()).judge(term, &table).state, JudgementState::Fails) << term;
  };
  using Values = std::span<const HelperValue>;
  notices("i64_shl", [](const HelperContext&, Values v) { return HelperValue{.bits = v[0].bits << (v[1].bits & 63)}; });
  notices("ty_least",
          [](const HelperContext&, Values v) { return HelperValue{.bits = uint64_t(1) << (v[0].type.bits() - 1)}; });
  notices("unsigned_fits", [](const HelperContext&, Values v) {
    return v[0].bits < 64 && v[1].bits >> v[0].bits != 0 ? std::nullopt
                                                         : HelperAnswer({.bits = v[1].bits + (v[0].bits == 37)});
  });
  // Off by one at one width only; a type that only looks like an integer; nothing at all.
  notices("signed_fits", [](const HelperContext&, Values v) {
    const int64_t k = static_cast<int64_t>(v[1].bits),
                  bound = v[0].bits > 63 ? INT64_MAX : int64_t(1) << v[0].bits >> 1;
    const bool fits = v[0].bits > 63 || (k >= -bound && k < bound + (v[0].bits == 12)) || (v[0].bits == 0 && k == 0);
    return fits ? HelperAnswer(v[1]) : std::nullopt;
  });
  notices("fits_in_64",
          [](const HelperContext&, Values v) { return v[0].type.bits() <= 64 ? HelperAnswer(v[0]) : std::nullopt; });
  notices("iconst_sext", [](const HelperContext&, Values) { return HelperAnswer(); });
}

TEST(HelperCheck, MaskImmediates) {
  const machine::TargetIsa* isa = isa::find_isa(IsaKind::aarch64);
  if (isa == nullptr) GTEST_SKIP();
  EXPECT_EQ(Changed(*isa).judge("logical64").state, JudgementState::Weaker);
  EXPECT_EQ(
      Changed(*isa)
          .replace("(spec (logical64 k) (provide (= result k)))", "(spec (logical64 k) (provide (= result (bvnot k))))")
          .judge("logical64")
          .state,
      JudgementState::Fails);
  EXPECT_EQ(Changed(*isa)
                .replace("(= (extract 63 32 k) #x00000000)", "(= (extract 31 0 k) #x00000000)")
                .judge("logical32")
                .state,
            JudgementState::Fails);
}

TEST(HelperCheck, ANewTermNeedsACheck) {
  const Judgement without_check = Changed(some_isa())
                                      .append(
                                          "(decl pure i64_half (i64) i64)\n(extern constructor i64_half i64_half)\n"
                                          "(spec (i64_half a) (provide (= result (bvlshr a #x0000000000000001))))\n")
                                      .judge("i64_half");
  EXPECT_EQ(without_check.state, JudgementState::Missing);
  EXPECT_TRUE(without_check.reason.contains("give \"i64_half\" a line in verify/helper_table.cpp"))
      << without_check.reason;
  const Judgement without_spec =
      Changed(some_isa()).replace("(spec (i64_neg a) (provide (= result (bvneg a))))", "").judge("i64_neg");
  EXPECT_EQ(without_spec.state, JudgementState::Missing);
  EXPECT_TRUE(without_spec.reason.contains("has no spec")) << without_spec.reason;
  EXPECT_EQ(Changed(some_isa()).append("(extern const $I24 Type)\n").judge("$I24").state, JudgementState::Missing);
}

}  // namespace
}  // namespace assay::verify
