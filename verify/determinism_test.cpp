// Every instruction of every ISA determines what it defines; one that does not is found.
#include "verify/determinism.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace assay::verify {
namespace {

TEST(Determinism, OfAllInstructions) {
  for (const IsaKind isa : kAllIsas) {
    const RuleSources* sources = rule_sources(isa);
    if (sources == nullptr) continue;
    const auto rows = check_determinism(*sources);
    ASSERT_TRUE(rows.has_value()) << rows.error().message;
    EXPECT_GT(rows->size(), 60u) << name(isa);
    EXPECT_TRUE(std::ranges::none_of(*rows, [](const Judgement& row) { return is_failure(row.state); }))
        << name(isa) << ": " << describe(*rows);
    std::printf("%s: %s", name(isa), describe(*rows).c_str());
    // What is undefined is said where it is, not by leaving something out.
    for (const Judgement& row : *rows) {
      if (row.state == JudgementState::Weaker) {
        // Whether an exclusive store succeeded is left in a register of which nothing is promised.
        const bool is_loop = row.name == "cas" && row.reason == "bits are undefined in status";
        EXPECT_TRUE(isa == IsaKind::x64 || isa == IsaKind::s390x || is_loop) << row.name << ": " << row.reason;
      }
    }
  }
}

constexpr std::string_view kMachine = R"(
isa toy
  prefix  t
  order   little
  flags   2
  regname gpr 0..31 r{}

enum Kind
  A = 0 "a"
  B = 1 "b"

amode plain base asm ({base})

inst good(k: Kind)
  asm   good{k} {rd}, {a}
  regs  def rd: gpr; use a: gpr
  bits  rd:5 a:5 k:1 000000000000000000001
  sem   rd := match(k, A: a, B: ~a)
inst upper
  asm   upper {rd}, {a}
  regs  def rd: gpr; use a: gpr
  bits  rd:5 a:5 0000000000000000000010
  sem   rd := concat(undefined(32), a[31:0])
inst hidden                                       # whatever it is, it does not matter
  asm   hidden {rd}, {a}
  regs  def rd: gpr; use a: gpr
  bits  rd:5 a:5 0000000000000000000011
  sem   rd := a & ~(undefined(64) & 0)
inst stores
  asm   stores {a}, {m}
  regs  use a: gpr; mem m: plain; memflags
  bits  a:5 m.base:5 0000000000000000000100
  sem   storele(64, addr(m), concat(undefined(32), a[31:0]))
inst traps
  asm   traps {a}
  regs  use a: gpr; code
  bits  a:5 000000000000000000000000101
  trap  a + undefined(64) = 0
)";

TEST(Determinism, WhatIsLeftOpenIsFound) {
  const RuleSource file{"toy.inst", kMachine};
  RuleSources sources;
  sources.instructions = std::span(&file, 1);
  const auto rows = check_determinism(sources);
  ASSERT_TRUE(rows.has_value()) << rows.error().message;
  std::string text;
  for (const Judgement& row : *rows) {
    text += row.name + "(" + row.types + "): " + to_string(row.state) + (row.reason.empty() ? "" : ", " + row.reason) +
            "\n";
  }
  EXPECT_EQ(text,
            "good(A): holds\n"
            "good(B): holds\n"
            "upper(): weaker spec, bits are undefined in rd\n"
            "hidden(): holds\n"
            "stores(): fails, what it stores is not determined\n"
            "traps(): fails, whether it traps is not determined\n");
}

}  // namespace
}  // namespace assay::verify
