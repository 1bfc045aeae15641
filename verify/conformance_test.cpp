// Every instruction's meaning against Unicorn, and the host's processor for x64; and that a wrong meaning is noticed.
#include "verify/conformance.h"

#include <gtest/gtest.h>

#include "compiler/isa/registry.h"

namespace assay::verify {
namespace {

TEST(Conformance, EveryInstructionOnUnicorn) {
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    const auto executor = oracles::make_unicorn(isa->kind);
    const ConformanceReport report = check_conformance(isa->kind, *isa->insts, *executor);
    EXPECT_TRUE(report.mismatches.empty()) << describe(report);
    EXPECT_GT(report.instructions, 20u) << describe(report);
    EXPECT_GT(report.faults, 0u) << describe(report);
    std::printf("%s", describe(report).c_str());
  }
}

TEST(Conformance, EveryInstructionOnTheHost) {
  const machine::TargetIsa* isa = isa::find_isa(IsaKind::x64);
  const auto executor = oracles::make_native();
  if (isa == nullptr || executor->isa() != IsaKind::x64 || !executor->unavailable().empty()) GTEST_SKIP();
  const ConformanceReport report = check_conformance(isa->kind, *isa->insts, *executor);
  EXPECT_TRUE(report.mismatches.empty()) << describe(report);
  EXPECT_GT(report.instructions, 20u) << describe(report);
  std::printf("%s", describe(report).c_str());
}

// Where Unicorn may not judge: overflows on s390x, and narrow floats that are not boxed on RISC-V. Elsewhere what it
// has no instructions for.
TEST(Conformance, UnderQemu) {
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    const auto executor = oracles::make_qemu(isa->kind);
    if (!executor->unavailable().empty()) continue;
    const bool all = isa->kind == IsaKind::s390x || isa->kind == IsaKind::riscv64;
    const ConformanceReport report = check_conformance(isa->kind, *isa->insts, *executor, {.only_features = !all});
    EXPECT_TRUE(report.mismatches.empty()) << describe(report);
    if (all) EXPECT_GT(report.instructions, 20u) << describe(report);
    std::printf("%s", describe(report).c_str());
  }
}

// An access that reaches one byte further than the machine's is only noticed at the end of what is mapped.
TEST(Conformance, NoticesTooWideAccesses) {
  const machine::TargetIsa* isa = isa::find_isa(IsaKind::riscv64);
  if (isa == nullptr) GTEST_SKIP();
  std::vector<std::string> texts;
  bool is_changed = false;
  for (const char* text : isa->insts->source_texts) {
    texts.emplace_back(text);
    const std::string load = "load(w.bits, addr(m))";
    for (size_t at = texts.back().find(load); at != std::string::npos; at = texts.back().find(load, at + 30)) {
      texts.back().replace(at, load.size(), "trunc(w.bits, load(w.bits + 8, addr(m)))");
      is_changed = true;
    }
  }
  ASSERT_TRUE(is_changed);
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  machine::InstSet wrong = *isa->insts;
  wrong.source_texts = pointers;
  const auto executor = oracles::make_unicorn(isa->kind);
  const auto report =
      check_conformance(isa->kind, wrong, *executor, {.cases_per_instruction = 20000, .only = {"load"}});
  ASSERT_FALSE(report.mismatches.empty()) << describe(report);
}

// One operator of each definition file replaced: addition by subtraction.
TEST(Conformance, NoticesWrongMeanings) {
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    std::vector<std::string> texts;
    for (const char* text : isa->insts->source_texts) {
      texts.emplace_back(text);
      std::string& changed = texts.back();
      for (size_t at = changed.find("sem "); at != std::string::npos; at = changed.find("sem ", at + 4)) {
        const size_t end = changed.find('\n', at);
        const size_t plus = changed.find(" + ", at);
        if (plus < end) changed[plus + 1] = '-';
      }
    }
    std::vector<const char*> pointers;
    for (const std::string& text : texts) pointers.push_back(text.c_str());
    machine::InstSet wrong = *isa->insts;
    wrong.source_texts = pointers;
    const auto executor = oracles::make_unicorn(isa->kind);
    EXPECT_FALSE(check_conformance(isa->kind, wrong, *executor, {.cases_per_instruction = 20}).mismatches.empty())
        << isa->name;
  }
}

}  // namespace
}  // namespace assay::verify
