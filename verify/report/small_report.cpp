// See small_report.h. One rule holds a comment that would end the page's script, were it not escaped.
#include "verify/report/small_report.h"

#include <gtest/gtest.h>

#include "verify/toy_rules.h"

namespace assay::verify::report {

namespace {

constexpr std::string_view kMachine = R"(
isa toy
  prefix  t
  order   little
  flags   2
  regname gpr 0..31 r{}
inst add
  asm   add {rd}, {a}, {b}
  regs  def rd: gpr; use a: gpr; use b: gpr
  bits  rd:5 a:5 b:5 00000000000000001
  sem   rd := a + b
inst sub
  asm   sub {rd}, {a}, {b}
  regs  def rd: gpr; use a: gpr; use b: gpr
  bits  rd:5 a:5 b:5 00000000000000010
  sem   rd := a - b
inst jump
  asm   jump {target}
  regs  label target: s12
  bits  target:12 00000000000000000100
  is    jump
)";

constexpr std::string_view kRules = R"(
;;;; A heading

; A comment </script><b id=injected> that is hostile.
(rule right (lower (has_type (fits_in_64 _) (iadd x y)))
  (sum x y))
(decl sum (Reg Reg) Reg)
(rule sum_rule (sum a b) (t_add a b))
(rule jump (lower_branch (jump) (one_target l)) (emit_jump l))
(rule wrong (lower (has_type (fits_in_64 _) (isub x y))) (t_sub y x))
(decl oracle (Value) Reg)
(extern constructor oracle oracle)
(rule no_model (lower (has_type (fits_in_64 _) (ineg x))) (oracle x))
)";

}  // namespace

Report small_report() {
  const ToyRules toy(kMachine, {{"rules.isle", kRules}});
  const RuleSources& sources = toy.sources();
  auto unit = verify_sources(IsaKind::riscv64, sources, {.jobs = 1, .timeout_ms = 20'000});
  if (!unit) {
    ADD_FAILURE() << render(unit.error());
    return {};
  }

  const auto holds = [](const char* judge) {
    return Judgement{.name = judge, .state = JudgementState::Holds, .cases = 10};
  };
  const auto not_judged = [](const char* judge) {
    return Judgement{.name = judge, .state = JudgementState::NotJudged, .reason = "nothing to compare"};
  };
  std::vector<InstructionRow> rows = {
      {.name = "add", .term = "t_add", .file = "toy.inst", .line = 7, .encoding = holds("LLVM")},
      {.name = "sub", .term = "t_sub", .file = "toy.inst", .line = 12, .encoding = holds("LLVM")},
      {.name = "jump", .term = "t_jump", .file = "toy.inst", .line = 17, .encoding = not_judged("LLVM")}};
  for (InstructionRow& row : rows) row.determined = holds("determined");
  rows[0].machines = {holds("unicorn-toy")};
  rows[1].machines = {
      {.name = "unicorn-toy", .state = JudgementState::Fails, .cases = 3, .reason = "<i>rd</i> differs"}};
  rows[2].machines = {not_judged("unicorn-toy")};
  Report out;
  for (const char* operation : {"iadd", "isub", "ineg"}) {
    out.operations.push_back({.name = operation, .types = "i8", .state = JudgementState::Holds, .cases = 65536});
    out.operations.push_back(
        {.name = operation, .types = "i128", .state = JudgementState::NotJudged, .reason = "wider than 64 bits"});
  }
  auto isa = make_isa_report(std::move(*unit), sources, out.operations, {not_judged("oracle")}, std::move(rows));
  if (!isa) {
    ADD_FAILURE() << render(isa.error());
    return out;
  }
  out.isas.push_back(std::move(*isa));
  return out;
}

}  // namespace assay::verify::report
