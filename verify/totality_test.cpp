// Every operation that a backend claims is covered at every type, and a gap in rules is found with the input that falls
// in.
#include "verify/totality.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "verify/edited_rules.h"
#include "verify/rule_sources.h"

namespace assay::verify {
namespace {

bool covers(const Totality& totality, const std::string& what) {
  return std::find(totality.covered.begin(), totality.covered.end(), what) != totality.covered.end();
}

std::string holes(const Totality& totality) {
  std::string text;
  for (const Hole& hole : totality.holes) text += hole.what + ": " + hole.reason + "\n";
  return text;
}

// The rules of an ISA with one text put for another.
Totality with_edit(IsaKind isa, std::string_view from, std::string_view to) {
  const RuleSources* sources = rule_sources(isa);
  const EditedRules edited(*sources, from, to);
  EXPECT_TRUE(edited.found()) << from;
  const auto totality = check_totality(edited.sources());
  EXPECT_TRUE(totality.has_value()) << (totality ? "" : totality.error().message);
  return totality ? *totality : Totality{};
}

TEST(Totality, OfAllBackends) {
  for (const IsaKind isa : kAllIsas) {
    if (rule_sources(isa) == nullptr) continue;
    const auto totality = check_totality(isa);
    ASSERT_TRUE(totality.has_value()) << totality.error().message;
    EXPECT_EQ(holes(*totality), "") << name(isa);
    // Form tells all rules of equal priority apart: there is no pair to ask about today.
    for (const Hole& overlap : totality->overlaps)
      ADD_FAILURE() << name(isa) << " " << overlap.what << ": " << overlap.reason;
    for (const char* type : {"i8", "i16", "i32", "i64"}) {
      const std::string t = type;
      for (const char* op : {"iadd", "isub", "imul", "udiv", "srem", "ishl", "rotl", "band", "smin"}) {
        EXPECT_TRUE(covers(*totality, std::string(op) + "." + t + " " + t + " " + t))
            << name(isa) << " " << op << " " << t;
      }
    }
  }
}

// A rule that asks for a feature leaves the machines without it to others.
TEST(Totality, WithoutFeatures) {
  if (rule_sources(IsaKind::riscv64) == nullptr) GTEST_SKIP();
  const Totality totality = with_edit(IsaKind::riscv64, "(rule smin (lower (has_type (fits_in_64 ty) (smin x y)))",
                                      "(rule smin (lower (has_type (fits_in_32 ty) (smin x y)))");
  EXPECT_FALSE(covers(totality, "smin.i64 i64 i64"));
  EXPECT_TRUE(covers(totality, "smin.i32 i32 i32"));
  EXPECT_NE(holes(totality).find("feature_has_zbb"), std::string::npos) << holes(totality);
}

// What one backend compiles at a type, all compile.
TEST(Totality, BackendsClaimTheSame) {
  std::map<std::string, std::set<std::string>> backends;  // by operation and types
  size_t count = 0;
  for (const IsaKind isa : kAllIsas) {
    const auto totality = check_totality(isa);
    if (!totality) continue;
    ++count;
    for (std::string what : totality->covered) {
      for (const char* order : {" big", " little"}) {
        if (what.ends_with(order)) what.resize(what.size() - std::string(order).size());
      }
      // Of a rule that is for all types of a value, and of terms that are no operations.
      if (what.find(" any") == std::string::npos && what.find('.') != std::string::npos)
        backends[what].insert(name(isa));
    }
  }
  EXPECT_GT(backends.size(), 250u);
  for (const auto& [what, isas] : backends) {
    // Where there is none, it is a loop around the aligned word's (machine/expand.h).
    if (what.starts_with("atomic_cas.i8 ") || what.starts_with("atomic_cas.i16 ")) continue;
    // What no instruction does is a loop, too; not every machine has accesses of 128 bits.
    if (what.starts_with("atomic_rmw.") || (what.starts_with("atomic_") && what.find("i128") != std::string::npos))
      continue;
    // Floats come one backend after the other.
    if (what.find(" f") != std::string::npos || what.find(".f") != std::string::npos) continue;
    EXPECT_EQ(isas.size(), count) << what << " is compiled by " << *isas.begin()
                                  << (isas.size() > 1 ? " and others only" : " only");
  }
}

TEST(Totality, AGapIsFound) {
  if (rule_sources(IsaKind::riscv64) == nullptr) GTEST_SKIP() << "riscv64 is not part of this build";
  // A type that no rule is left for.
  const Totality narrow = with_edit(IsaKind::riscv64, "(rule sext64_i8 0 (sext64 x @ (value_type $I8))",
                                    "(rule sext64_i8 0 (sext64 x @ (value_type $I16))");
  EXPECT_NE(holes(narrow).find("sext64 i8: "), std::string::npos) << holes(narrow);
  // A number that no rule is left for.
  const Totality number = with_edit(IsaKind::riscv64, "(rule load_imm_64 0 (load_imm k)\n",
                                    "(rule load_imm_64 0 (load_imm k)\n  (if-let _ (unsigned_fits 63 k))\n");
  EXPECT_NE(holes(number).find("load_imm: no rule matches input0 = #x"), std::string::npos) << holes(number);
}

// A helper term without a spec is asked about where it is called.
TEST(Totality, AGapOfAHelperIsFound) {
  if (rule_sources(IsaKind::aarch64) == nullptr) GTEST_SKIP() << "aarch64 is not part of this build";
  const Totality type =
      with_edit(IsaKind::aarch64, "(rule tst_by_64 1 (tst_by $I64 r k)", "(rule tst_by_64 1 (tst_by $I32 r k)");
  EXPECT_NE(holes(type).find("tst_by i64: called by "), std::string::npos) << holes(type);
  // For the arguments that the caller lets through, by what it asks of them.
  const Totality number = with_edit(IsaKind::aarch64, "(rule tst_by_64 1 (tst_by $I64 r k)",
                                    "(rule tst_by_64 1 (tst_by $I64 r k) (if-let _ (signed_fits 20 k))");
  EXPECT_NE(holes(number).find("tst_by i64: called by "), std::string::npos) << holes(number);
  EXPECT_NE(holes(number).find("no rule matches "), std::string::npos) << holes(number);
}

TEST(Totality, AnOverlapIsFound) {
  if (rule_sources(IsaKind::riscv64) == nullptr) GTEST_SKIP() << "riscv64 is not part of this build";
  const Totality same =
      with_edit(IsaKind::riscv64, "(rule load_imm_32 1 (load_imm k)", "(rule load_imm_32 2 (load_imm k)");
  ASSERT_EQ(same.overlaps.size(), 1u);
  EXPECT_EQ(same.overlaps[0].what, "load_imm");
  EXPECT_TRUE(same.overlaps[0].reason.starts_with("load_imm_12 and load_imm_32, of equal priority, match input0 = #x"))
      << same.overlaps[0].reason;
}

}  // namespace
}  // namespace assay::verify
