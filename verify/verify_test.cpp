// The prover on small rules for an invented machine: right ones are proven, each kind of mistake is refuted with a
// counterexample that names the rule's variables, and what has no model is Unknown with a reason.
#include "verify/verify.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>

#include "verify/edited_rules.h"
#include "verify/rule_sources.h"
#include "verify/toy_rules.h"

namespace assay::verify {
namespace {

constexpr std::string_view kMachine = R"(
isa toy
  prefix  t
  order   little
  flags   2
  feature has_wings "wings"
  regname gpr 0..31 r{}

enum Cc
  Eq = 0 "eq" inverse Ne
  Ne = 1 "ne" inverse Eq
  Lo = 2 "lo" inverse Hs
  Hs = 3 "hs" inverse Lo
enum Bits
  B = 0 "b" where bits=8
  H = 1 "h" where bits=16
  W = 2 "w" where bits=32
  X = 3 "x" where bits=64

amode disp12 base + disp: s12 asm {disp}({base})

fn holds(cc, f) = match(cc, Eq: f[0:0] = 1, Ne: f[0:0] = 0, Lo: f[1:1] = 1, Hs: f[1:1] = 0)
fn compared(a, b) = concat(bool(a <u b), bool(a = b))

inst add
  asm   add {rd}, {a}, {b}
  regs  def rd: gpr; use a: gpr; use b: gpr
  bits  rd:5 a:5 b:5 00000000000000001
  sem   rd := a + b
inst wing_add
  asm   wing {rd}, {a}, {b}
  needs has_wings
  regs  def rd: gpr; use a: gpr; use b: gpr
  bits  rd:5 a:5 b:5 00000000010000001
  sem   rd := a + b
inst sub
  asm   sub {rd}, {a}, {b}
  regs  def rd: gpr; use a: gpr; use b: gpr
  bits  rd:5 a:5 b:5 00000000000000010
  sem   rd := a - b
inst addi
  asm   addi {rd}, {a}, {k}
  regs  def rd: gpr; use a: gpr; imm k: s12
  bits  rd:5 a:5 k:12 0000000011
  sem   rd := a + k
inst andi
  asm   andi {rd}, {a}, {k}
  regs  def rd: gpr; use a: gpr; imm k: u12
  bits  rd:5 a:5 k:12 0000000100
  sem   rd := a & k
inst sll                                          # amounts above 63 give 0, unlike CLIF
  asm   sll {rd}, {a}, {b}
  regs  def rd: gpr; use a: gpr; use b: gpr
  bits  rd:5 a:5 b:5 00000000000000101
  sem   rd := a << b
inst zext(sz: Bits)
  asm   zext{sz} {rd}, {a}
  regs  def rd: gpr; use a: gpr
  bits  rd:5 a:5 sz:2 00000000000000000110
  sem   rd := zext(64, a[sz.bits-1:0])
inst sext(sz: Bits)
  asm   sext{sz} {rd}, {a}
  regs  def rd: gpr; use a: gpr
  bits  rd:5 a:5 sz:2 00000000000000000111
  sem   rd := sext(64, a[sz.bits-1:0])
inst cmp
  asm   cmp {a}, {b}
  regs  use a: gpr; use b: gpr; flags def
  bits  a:5 b:5 0000000000000000001000
  sem   flags := compared(a, b)
inst addf
  asm   addf {rd}, {a}, {b}
  regs  def rd: gpr; use a: gpr; use b: gpr; flags def
  bits  rd:5 a:5 b:5 00000000000001001
  sem   rd := a + b; flags := compared(a + b, a)
inst set(cc: Cc)
  asm   set{cc} {rd}
  regs  def rd: gpr; flags use
  bits  rd:5 cc:2 0000000000000000000001010
  sem   rd := zext(64, bool(holds(cc, flags)))
inst bcc(cc: Cc)
  asm   b{cc} {target}
  regs  flags use; label target: s12
  bits  target:12 cc:2 000000000000001011
  sem   branch(holds(cc, flags))
  invert cc
  is    branch
inst jump
  asm   jump {target}
  regs  label target: s12
  bits  target:12 00000000000000001100
  is    jump
inst udiv                                         # by zero: whatever
  asm   udiv {rd}, {a}, {b}
  regs  def rd: gpr; use a: gpr; use b: gpr
  bits  rd:5 a:5 b:5 00000000000001101
  sem   rd := if b = 0 then undefined(64) else a /u b
inst trap_zero
  asm   tz {a}
  regs  use a: gpr; code
  bits  a:5 000000000000000000000001110
  trap  a = 0
inst load(sz: Bits)                               # zero-extends
  asm   l{sz} {rd}, {m}
  regs  def rd: gpr; mem m: disp12; memflags
  bits  m.disp[11:0] m.base:5 sz:2 rd:5 00001111
  sem   rd := zext(64, load(sz.bits, addr(m)))
inst store(sz: Bits)
  asm   s{sz} {a}, {m}
  regs  use a: gpr; mem m: disp12; memflags
  bits  m.disp[11:0] m.base:5 sz:2 a:5 00010000
  sem   storele(sz.bits, addr(m), a[sz.bits-1:0])
inst store_reversed(sz: Bits)
  asm   sr{sz} {a}, {m}
  regs  use a: gpr; mem m: disp12; memflags
  bits  m.disp[11:0] m.base:5 sz:2 a:5 00010001
  sem   storebe(sz.bits, addr(m), a[sz.bits-1:0])
inst brk
  asm   brk
  bits  00000000000000000000000000010010
inst mystery
  asm   mystery {a}
  regs  use a: gpr
  bits  a:5 000000000000000000000010011
inst wide                                         # a 128-bit register: what the rule language calls Reg holds 64
  asm   wide {rd}, {a}
  regs  def rd: gpr; use a: vec
  bits  rd:5 a:5 0000000000000000010100
  sem   rd := a[127:64]
)";

// What every case may use.
constexpr std::string_view kCommon = R"(
(decl zext64 (Value) Reg)
(spec (zext64 x) (provide (= result (zero_ext 64 x))) (require (<= (widthof x) 64)))
(rule zext64_8 (zext64 x @ (value_type $I8)) (t_zext (Bits.B) x))
(rule zext64_16 (zext64 x @ (value_type $I16)) (t_zext (Bits.H) x))
(rule zext64_32 (zext64 x @ (value_type $I32)) (t_zext (Bits.W) x))
(rule zext64_64 (zext64 x @ (value_type $I64)) x)
(decl jump_table (Reg MachLabelSlice) Unit)
(extern constructor jump_table jump_table)
(rule common_nop (lower (nop)) (no_code))
(rule common_jump (lower_branch (jump) (one_target l)) (emit_jump l))
)";

Expected<UnitResult> try_to_prove(const std::string& rules, const VerifyOptions& options) {
  const ToyRules toy(kMachine, {{"common.isle", kCommon}, {"rules.isle", rules}});
  return verify_sources(IsaKind::riscv64, toy.sources(), options);
}

UnitResult prove(const std::string& rules, const std::string& cache = "") {
  auto unit = try_to_prove(rules, {.jobs = 1, .timeout_ms = 20'000, .cache = cache, .functions = false});
  if (!unit) {
    ADD_FAILURE() << rules << "\n" << render(unit.error());
    return {};
  }
  return *std::move(unit);
}

const RuleResult& rule(const UnitResult& unit, const std::string& name) {
  for (const RuleResult& result : unit.rules) {
    if (result.name == name) return result;
  }
  static const RuleResult none;
  ADD_FAILURE() << "no rule " << name;
  return none;
}

// The first rule's state, and everything that is said about it.
void expect_state(const std::string& rules, const std::string& name, RuleState state,
                  const std::vector<std::string>& parts = {}) {
  const UnitResult unit = prove(rules);
  const RuleResult& result = rule(unit, name);
  EXPECT_EQ(to_string(result.state), std::string(to_string(state))) << rules << "\n"
                                                                    << result.reason << "\n"
                                                                    << result.counterexample;
  for (const std::string& part : parts) {
    EXPECT_NE((result.reason + result.counterexample).find(part), std::string::npos)
        << rules << "\nwanted: " << part << "\n"
        << result.reason << "\n"
        << result.counterexample;
  }
}
void expect_proven(const std::string& rules, const std::string& name = "r") {
  expect_state(rules, name, RuleState::Proven);
}
void expect_refuted(const std::string& rules, const std::vector<std::string>& parts, const std::string& name = "r") {
  expect_state(rules, name, RuleState::Failed, parts);
}
void expect_unknown(const std::string& rules, const std::vector<std::string>& parts, const std::string& name = "r") {
  expect_state(rules, name, RuleState::Unknown, parts);
}

TEST(Verify, RightRulesAreProven) {
  expect_proven("(rule r (lower (has_type (fits_in_64 _) (iadd x y))) (t_add x y))");
  expect_proven("(rule r (lower (has_type (fits_in_64 _) (uextend x))) (zext64 x))");
  expect_proven("(rule r (lower (iadd x (iconst_sext k))) (if-let n (signed_fits 12 k)) (t_addi x n))");
  expect_proven(
      "(rule r (lower (has_type (fits_in_64 ty) (ishl x (in_reg y)))) (t_sll x (t_andi y (ty_shift_mask ty))))");
  expect_proven(
      "(rule r (lower (icmp (IntCC.UnsignedLessThan) (in_reg x) y)) (t_set (Cc.Lo) (t_cmp (zext64 x) (zext64 y))))");
  expect_proven(
      "(rule r (lower (has_type (fits_in_64 _) (udiv x y))) (let ((b Reg (zext64 y)) "
      "(_ Unit (t_trap_zero b (trap_code_division_by_zero)))) (t_udiv (zext64 x) b)))");
  expect_proven("(rule r (lower (trapz (in_reg c) code)) (t_trap_zero (zext64 c) code))");
  expect_proven("(rule r (lower (debugtrap)) (t_brk))");
  expect_proven(
      "(rule r (lower_branch (brif (in_reg c)) (two_targets a b)) "
      "(branch_else (t_bcc (Cc.Ne) (t_cmp (zext64 c) (t_andi (zext64 c) 0)) a) b))");
}

TEST(Verify, FeaturesAreAskedForBeforeTheyAreUsed) {
  const std::string pattern = "(rule r 1 (lower (has_type (fits_in_64 _) (iadd x y)))";
  expect_proven(pattern + "(if (has_wings)) (t_wing_add x y))");
  expect_refuted(pattern + "(t_wing_add x y))", {"the features that wing_add needs are on"});
  expect_refuted("(rule r (lower (isub x y)) (if (has_wings)) (t_wing_add x y))", {"x = 0x"});
  // By a helper term's rule it is the caller that asks, or the rule itself if the term has a spec.
  const std::string helper = "(decl sum (Reg Reg) Reg)(rule sum_rule (sum a b) (t_wing_add a b))";
  expect_proven(helper + pattern + "(if (has_wings)) (sum x y))");
  expect_refuted(helper + pattern + "(sum x y))", {"wing_add"});
  expect_refuted(helper + "(spec (sum a b) (provide (= result (bvadd a b))))" + pattern + "(if (has_wings)) (sum x y))",
                 {"wing_add"}, "sum_rule");
}

TEST(Verify, WrongArithmeticIsRefuted) {
  // The opcode.
  expect_refuted("(rule r (lower (iadd x y)) (t_sub x y))", {"x = 0x", "y = 0x", "result 0", "does not hold"});
  // The order of operands.
  expect_refuted("(rule r (lower (isub x y)) (t_sub y x))", {"x = 0x", "y = 0x"});
  // The extension.
  expect_refuted("(rule r (lower (uextend x @ (value_type $I8))) (t_sext (Bits.B) x))", {"x = 0x", "x: i8"});
  // None at all: what lies above a narrow value is arbitrary.
  expect_refuted("(rule r (lower (uextend x)) (put_in_reg x))", {"x = 0x"});
  // The type: right for 32 bits only.
  expect_refuted("(rule r (lower (uextend x)) (t_zext (Bits.W) x))", {"uextend"});
  expect_proven("(rule r (lower (has_type $I64 (uextend x @ (value_type $I32)))) (t_zext (Bits.W) x))");
  // An amount that is not masked.
  expect_refuted("(rule r (lower (has_type $I64 (ishl x y))) (t_sll x (zext64 y)))", {"x = 0x", "y = 0x"});
  // The condition code.
  expect_refuted("(rule r (lower (icmp (IntCC.UnsignedLessThan) x y)) (t_set (Cc.Hs) (t_cmp (zext64 x) (zext64 y))))",
                 {"ult"});
  expect_refuted("(rule r (lower (icmp cc x y)) (t_set (Cc.Eq) (t_cmp (zext64 x) (zext64 y))))", {"x = 0x"});
  // A constant taken as signed.
  expect_refuted(
      "(rule r (lower (icmp (IntCC.UnsignedLessThan) x (iconst_sext 5))) (t_set (Cc.Lo) (t_cmp (zext64 x) "
      "(t_addi (t_andi x 0) 6))))",
      {"x = 0x"});
}

TEST(Verify, RangesOfImmediatesAreObligations) {
  expect_refuted("(rule r (lower (iadd x (iconst_sext k))) (t_addi x k))", {"operands of addi are in range", "k = 0x"});
  expect_refuted("(rule r (lower (iadd x (iconst_sext k))) (if-let n (signed_fits 13 k)) (t_addi x n))", {"in range"});
  // Signed where the instruction takes unsigned numbers, and the other way round.
  expect_refuted("(rule r (lower (band x (iconst_sext k))) (if-let n (signed_fits 12 k)) (t_andi x n))", {"in range"});
  expect_refuted("(rule r (lower (iadd x (iconst_sext k))) (if-let n (unsigned_fits 12 k)) (t_addi x n))",
                 {"in range"});
  expect_proven("(rule r (lower (band x (iconst_zext k))) (if-let n (unsigned_fits 12 k)) (t_andi x n))");
  // The constant's upper bits are not those of the instruction's immediate.
  expect_refuted(
      "(rule r (lower (has_type $I64 (iadd x (uextend (iconst_zext k))))) (if-let n (signed_fits 12 (i64_sub k 1))) "
      "(t_addi x n))",
      {"k = 0x"});
}

TEST(Verify, FlagsMustReachTheirReader) {
  const std::string reader =
      "(rule r (lower (icmp (IntCC.Equal) (in_reg x) y)) (let ((f Flags (t_cmp (zext64 x) (zext64 y))) ";
  expect_proven(reader + "(z Reg (t_add x y))) (t_set (Cc.Eq) f)))");
  expect_refuted(reader + "(z Reg (t_addf x y))) (t_set (Cc.Eq) f)))",
                 {"no instruction writes the flags before set reads them"});
  // A helper with a spec hides the instruction that writes them.
  const std::string helper =
      "(decl sum (Reg Reg) Reg) (spec (sum a b) (provide (= result (bvadd a b)))) (rule sum_rule (sum a b) (t_addf a "
      "b))";
  expect_refuted(reader + "(z Reg (sum x y))) (t_set (Cc.Eq) f)))" + helper, {"no instruction writes the flags"});
  expect_state(reader + "(z Reg (sum x y))) (t_set (Cc.Eq) f)))" + helper, "sum_rule", RuleState::Proven);
  expect_unknown(
      "(rule r (lower (icmp (IntCC.Equal) x y)) (t_set (Cc.Eq) (flags_of (pair x y)))) "
      "(decl pair (Reg Reg) MultiReg) (extern constructor pair pair)",
      {"pair"});
}

TEST(Verify, TrapsAreCompared) {
  // None.
  expect_refuted("(rule r (lower (udiv x y)) (t_udiv (zext64 x) (zext64 y)))", {"traps", "y = 0x"});
  // The code.
  expect_refuted(
      "(rule r (lower (udiv x y)) (let ((b Reg (zext64 y)) "
      "(_ Unit (t_trap_zero b (trap_code_integer_overflow)))) (t_udiv (zext64 x) b)))",
      {"traps", "machine trap code: 0xfd"});
  // The condition.
  expect_refuted("(rule r (lower (trapnz c code)) (t_trap_zero (zext64 c) code))", {"c = 0x", "code = 0x"});
  // One too many; one that bits above the value decide.
  expect_refuted(
      "(rule r (lower (iadd x y)) (let ((_ Unit (t_trap_zero x (trap_code_integer_overflow)))) (t_add x y)))",
      {"traps"});
  expect_refuted("(rule r (lower (trapz c code)) (t_trap_zero c code))", {"traps"});
  // In a branch, and behind a spec that says nothing of it.
  expect_refuted(
      "(rule r (lower_branch (jump) (one_target l)) (seq (t_trap_zero (t_zero) (trap_code_integer_overflow)) "
      "(emit_jump l))) (decl t_zero () Reg) (extern constructor t_zero t_zero) "
      "(spec (t_zero) (provide (= result #x0000000000000000)))",
      {"does not trap"});
  expect_refuted(
      "(rule root (lower (iadd x y)) (sum x y)) (decl sum (Reg Reg) Reg) "
      "(spec (sum a b) (provide (= result (bvadd a b)))) (rule r (sum a b) "
      "(let ((_ Unit (t_trap_zero a (trap_code_integer_overflow)))) (t_add a b)))",
      {"does not trap"});
}

TEST(Verify, MemoryIsCompared) {
  const std::string little = "(if (mem_little flags)) (if-let k (signed_fits 12 (offset_as_i64 off))) ";
  const auto load = [&](const std::string& sz) {
    return "(rule r (lower (has_type $I32 (load flags p off))) " + little + "(t_load (Bits." + sz +
           ") (amode_disp p k) flags))";
  };
  expect_proven(load("W"));
  expect_refuted(load("X"), {"memory access 1 is of the same kind, size"});  // too wide
  expect_refuted(load("H"), {"memory access 1 is of the same kind, size"});
  const auto store = [&](const std::string& term, const std::string& address, const std::string& order = "little") {
    return "(rule r (lower (store flags x @ (value_type $I32) p off)) (if (mem_" + order +
           " flags)) (if-let k (signed_fits 12 (offset_as_i64 off))) (" + term + " (Bits.W) x " + address + " flags))";
  };
  expect_proven(store("t_store", "(amode_disp p k)"));
  expect_proven(store("t_store_reversed", "(amode_disp p k)", "big"));
  expect_refuted(store("t_store_reversed", "(amode_disp p k)"), {"the stored bytes"});
  expect_refuted(store("t_store", "(amode_disp p k)", "big"), {"the stored bytes"});
  expect_refuted(store("t_store", "(amode_disp p 0)"), {"the address"});
  // Parts that the addressing mode does not have.
  expect_refuted(store("t_store", "(amode_index p p 1 k)"), {"has no index"});
  // The displacement's range.
  expect_refuted(
      "(rule r (lower (has_type $I32 (load flags p off))) (if (mem_little flags)) "
      "(t_load (Bits.W) (amode_disp p (offset_as_i64 off)) flags))",
      {"operands of load are in range"});
  // The byte order is not asked for.
  expect_refuted(
      "(rule r (lower (has_type $I32 (load flags p off))) (if-let k (signed_fits 12 (offset_as_i64 off))) "
      "(t_load (Bits.W) (amode_disp p k) flags))",
      {"big-endian"});
  // Twice; not at all; by an operation that does not touch memory.
  expect_refuted(
      "(rule r (lower (store flags x @ (value_type $I32) p (offset_as_zero))) (if (mem_little flags)) "
      "(seq (t_store (Bits.W) x (amode_disp p 0) flags) (t_store (Bits.W) x (amode_disp p 0) flags))) "
      "(decl offset_as_zero () Offset32) (extern extractor offset_as_zero offset_as_zero) "
      "(spec (offset_as_zero) (provide (= result 0)))",
      {"memory accesses"});
  expect_refuted("(rule r (lower (store flags x p off)) (no_code))", {"memory accesses"});
}

// What a machine that folds memory accesses into other instructions could get wrong.
TEST(Verify, AccessesAreNeitherMovedNorRepeated) {
  const std::string where = "(if (mem_little flags)) (if-let k (signed_fits 12 (offset_as_i64 off))) ";
  const std::string word = "(t_load (Bits.W) (amode_disp p k) flags)";
  // Read twice, to the same end.
  expect_refuted("(rule r (lower (has_type $I32 (load flags p off))) " + where + "(let ((a Reg " + word + ") (b Reg " +
                     word + ")) (t_sub (t_add a b) a)))",
                 {"make 1 memory accesses, not 2"});
  // In halves: another thread may write in between, and a device sees two accesses.
  expect_refuted(
      "(rule r (lower (has_type $I16 (load flags p off))) " + where +
          "(let ((a Reg (t_load (Bits.B) (amode_disp p k) flags)) (b Reg (t_load (Bits.B) (amode_disp p k) flags))) "
          "(t_add a b)))",
      {"make 1 memory accesses, not 2"});
  // The bytes around a store are read and written back.
  expect_refuted("(rule r (lower (store flags x @ (value_type $I16) p off)) " + where + "(let ((old Reg " + word +
                     ")) (t_store (Bits.W) old (amode_disp p k) flags)))",
                 {"make 1 memory accesses, not 2"});
  // An operand's load that moves to its user, over whatever lies between, a store for one; or into a store.
  for (const char* rule : {"(rule r (lower (has_type $I32 (iadd x (load flags p off)))) ",
                           "(rule r (lower (store flags (has_type $I32 (load _ p _)) q off)) ",
                           "(rule r (lower (store flags x @ (value_type $I32) (load _ p _) off)) "}) {
    expect_unknown(rule + where + "(t_add " + word + " " + word + "))", {});
  }
  // A trap behind the access, and in front of it.
  const std::string store = "(t_store (Bits.W) x (amode_disp p k) flags)",
                    trap = "(t_trap_zero (zext64 x) (trap_code_integer_overflow))";
  const std::string stores = "(rule r (lower (store flags x @ (value_type $I32) p off)) " + where;
  expect_proven(stores + store + ")");
  expect_refuted(stores + "(seq " + store + " " + trap + "))", {"traps"});
  expect_refuted(stores + "(seq " + trap + " " + store + "))", {"traps"});
}

// Of an access of 128 bits the half at the lower address comes first, in stores and loads alike: what a device or
// another thread sees is an order, and none that differs is taken to be as good.
TEST(Verify, AccessesKeepTheirOrder) {
  const std::string where =
      "(decl pure partial next_word (i64) i64) (extern constructor next_word next_word) "
      "(spec (next_word k) (provide (= result (bvadd k (int2bv 64 8)))) (require (bvsle k (int2bv 64 2000)) "
      "(bvsge k (int2bv 64 (- 0 2000))))) ";
  const std::string offsets =
      "(if (mem_little flags)) (if-let k (signed_fits 12 (offset_as_i64 off))) (if-let next (next_word k)) ";
  const auto store = [](const std::string& half, const std::string& k) {
    return "(t_store (Bits.X) (" + half + "_reg x) (amode_disp p " + k + ") flags)";
  };
  const auto stores = [&](const std::string& first, const std::string& second) {
    return where + "(rule r (lower (store flags x @ (value_type $I128) p off)) " + offsets + "(seq " + first + " " +
           second + "))";
  };
  expect_proven(stores(store("low", "k"), store("high", "next")));
  expect_refuted(stores(store("high", "next"), store("low", "k")), {"memory access 1"});
  expect_refuted(stores(store("low", "next"), store("high", "k")), {"memory access 1"});
  const auto loads = [&](const std::string& first, const std::string& second) {
    return where + "(rule r (lower (has_type $I128 (load flags p off))) " + offsets +
           "(let ((a Reg (t_load (Bits.X) (amode_disp p " + first + ") flags)) (b Reg (t_load (Bits.X) (amode_disp p " +
           second + ") flags))) (output_pair (two_regs " + (first == "k" ? "a b" : "b a") + "))))";
  };
  expect_proven(loads("k", "next"));
  expect_refuted(loads("next", "k"), {"memory access 1"});
}

TEST(Verify, BranchesAreCompared) {
  const auto brif = [](const std::string& cc, const std::string& taken, const std::string& otherwise) {
    return "(rule r (lower_branch (brif (in_reg c)) (two_targets a b)) (branch_else (t_bcc (Cc." + cc +
           ") (t_cmp (zext64 c) (t_andi (zext64 c) 0)) " + taken + ") " + otherwise + "))";
  };
  expect_proven(brif("Ne", "a", "b"));
  expect_proven(brif("Eq", "b", "a"));
  expect_refuted(brif("Eq", "a", "b"), {"target", "c = 0x"});  // inverted
  expect_refuted(brif("Ne", "b", "a"), {"target"});
  expect_refuted(brif("Ne", "a", "a"), {"target"});
  expect_refuted(
      "(rule r (lower_branch (brif c) (two_targets a b)) (t_bcc (Cc.Ne) "
      "(t_cmp (zext64 c) (t_andi (zext64 c) 0)) a))",
      {"target"});  // falls off the block's end
  expect_proven("(rule r (lower_branch (jump) (one_target l)) (t_jump l))");
}

TEST(Verify, BoundsOfTablesAreChecked) {
  const auto table = [](const std::string& cc, const std::string& index, const std::string& target = "d") {
    return "(rule r (lower_branch (br_table x) (table_targets d ts)) (let ((index Reg " + index +
           ") (_ Unit (t_bcc (Cc." + cc + ") (t_cmp index (constant (table_size ts))) " + target +
           "))) (jump_table index ts))) "
           "(decl pure constant (u32) Reg) (extern constructor constant constant) (spec (constant k) (provide (= "
           "result (zero_ext 64 k))))";
  };
  expect_proven(table("Hs", "(zext64 x)"));
  expect_refuted(table("Hs", "x"), {"target"});           // upper bits
  expect_refuted(table("Eq", "(zext64 x)"), {"target"});  // only the size itself is excluded
  expect_refuted(table("Lo", "(zext64 x)"), {"target"});
  expect_refuted(table("Hs", "(t_addi (zext64 x) 1)"), {"target"});
  expect_refuted("(rule r (lower_branch (br_table x) (table_targets d ts)) (jump_table (zext64 x) ts))",
                 {"size of the table", "target"});
}

TEST(Verify, WhatHasNoModelIsUnknown) {
  // Never applies: the types; a condition; an operation that is not looked through.
  expect_unknown("(rule r (lower (has_type $I16 (uload32 flags p off))) (put_in_reg p))", {"no instantiation applies"});
  expect_unknown("(rule r (lower (iadd x (iconst_zext k))) (if-let 1 (i64_and k 2)) (t_add x x))",
                 {"no instantiation applies"});
  expect_unknown("(rule r (lower (iadd x (udiv y z))) (t_sub x x))", {"no instantiation applies"});
  expect_unknown("(rule r (lower (iadd x (load flags p off))) (t_sub x x))", {"no instantiation applies"});
  // A value may be either of several results.
  expect_unknown("(rule r (lower (iadd x (uadd_overflow y z))) (t_add x (t_add y z)))", {"several results"});
  // Instructions without a meaning do anything.
  expect_unknown(
      "(rule r (lower (nop)) (t_mystery (t_zero))) (decl t_zero () Reg) (extern constructor t_zero t_zero) "
      "(spec (t_zero) (provide (= result #x0000000000000000)))",
      {"instruction mystery has no sem"});
  // Recursion.
  const std::string recursive =
      "(rule r (lower (has_type (fits_in_64 _) (iadd x y))) (sum x y)) (decl rec sum (Reg Reg) Reg) (rule sum_again 1 "
      "(sum a b) (sum b a)) "
      "(rule sum_rule 0 (sum a b) (t_add a b))";
  expect_unknown(recursive, {"recursive term sum needs a spec"});
  expect_refuted(recursive + "(spec (sum a b) (provide (= result (bvadd a b))))", {"the recursion of sum ends"},
                 "sum_again");
  // The same thing behind two names cannot be told.
  expect_unknown(
      "(rule r (lower (iadd (stack_addr s off) (stack_addr s off))) (t_sub (t_zero) (t_zero))) "
      "(decl t_zero () Reg) (extern constructor t_zero t_zero) "
      "(spec (t_zero) (provide (= result #x0000000000000000)))",
      {"without a model are compared"});
}

// A rule that is not for i128 says so: of its result, an operand, an amount.
TEST(Verify, ValuesMustFitInRegisters) {
  expect_proven("(rule r (lower (ireduce (in_reg x))) (put_in_reg x))");
  expect_refuted("(rule r (lower (iadd x y)) (t_add x y))", {"fits in a register", "iadd.i128(x: i128, y: i128)"});
  expect_refuted("(rule r (lower (has_type $I64 (ishl x y))) (t_sll x (t_andi y 63)))",
                 {"y fits in a register", "y: i128"});
  expect_refuted("(rule r (lower (uextend x @ (value_type $I64))) (put_in_reg x))", {"result 0 fits in a register"});
  expect_refuted("(rule r (lower (has_type $I64 (ireduce x))) (put_in_reg x))", {"x: i128"});
  // By the requirement of a helper.
  expect_refuted("(rule r (lower (trapz c code)) (t_trap_zero (zext64 c) code))", {"requirement of zext64", "c: i128"});
}

// Only a marked rule may lean on those before it, and on no more than their conditions.
TEST(Verify, LeaningOnHigherPriority) {
  const auto count = [](const std::string& bits, const std::string& mark) {
    return "(decl rec count (i64) Reg) (spec (count k) (provide (= result k))) "
           "(decl t_zero () Reg) (extern constructor t_zero t_zero) (spec (t_zero) (provide (= result "
           "#x0000000000000000))) "
           "(rule root (lower (has_type $I64 (iadd x (iconst_sext k)))) (t_add x (count k))) "
           "(rule small 1 (count k) (if-let n (signed_fits " +
           bits +
           " k)) (t_addi (t_zero) n)) "
           "(rule r (count k) (t_add (count (i64_sshr k 1)) (count (i64_sub k (i64_sshr k 1)))))" +
           mark;
  };
  const std::string marked = "(attr rule r (veri priority))";
  expect_proven(count("12", marked));
  expect_proven(count("2", marked));
  expect_refuted(count("12", ""), {"the recursion of count ends"});
  expect_refuted(count("1", marked), {"the recursion of count ends", "k = 0x0000000000000001"});
  expect_state(count("1", marked), "root", RuleState::Unknown, {"rests on the spec of count"});
  // What holds without the mark holds with it; what the other rules do not say is not known.
  const std::string sum =
      "(rule root (lower (has_type $I64 (iadd x y))) (sum x y 5)) (decl sum (Reg Reg i64) Reg) "
      "(spec (sum a b k) (provide (= result (if (= k #x0000000000000007) a (bvadd a b))))) "
      "(rule seven 1 (sum a _ 7) a) ";
  expect_refuted(sum + "(rule r (sum a b _) (t_add a b))", {"the spec"});
  expect_proven(sum + "(rule r (sum a b _) (t_add a b)) (attr rule r (veri priority))");
  expect_refuted(sum + "(rule r (sum a b _) (t_sub a b)) (attr rule r (veri priority))", {"the spec"});
  // A condition that is not exactly known.
  expect_unknown(
      "(rule root (lower (has_type $I64 (iadd x y))) (sum x y)) (decl sum (Value Value) Reg) "
      "(spec (sum a b) (provide (= result (bvadd a b)))) (rule first 1 (sum a (iconst_sext 0)) a) "
      "(rule r (sum a b) (t_add a b)) (attr rule r (veri priority))",
      {"the exact condition of first"});
}

TEST(Verify, OtherEffectsAreNotIgnored) {
  expect_refuted("(rule r (lower (debugtrap)) (no_code))", {"stops in a debugger"});
  expect_refuted("(rule r (lower (nop)) (t_brk))", {"stops in a debugger"});
  expect_refuted("(rule r (lower (iadd x y)) (output2 (t_add x y) (t_add x y)))", {"number of results"});
  expect_refuted(
      "(rule r (lower (nop)) (output1 (t_zero))) (decl t_zero () Reg) (extern constructor t_zero t_zero) "
      "(spec (t_zero) (provide (= result #x0000000000000000)))",
      {"number of results"});
  // A 128-bit register: nothing is known of its upper half.
  expect_refuted("(rule r (lower (has_type $I64 (band x (iconst_zext 0)))) (t_wide x))", {"result 0"});
}

TEST(Verify, WhatWasProvenIsNotAskedAgain) {
  const auto path = std::filesystem::temp_directory_path() / ("assay_verify_cache_" + std::to_string(getpid()));
  const std::string add =
      "(rule r (lower (has_type (fits_in_64 _) (iadd x (iconst_sext k)))) (if-let n (signed_fits 12 k)) (t_addi x n))";
  const std::string sub = "(rule s (lower (has_type (fits_in_64 _) (isub x y))) (t_sub x (t_andi y 0xfff)))";
  const UnitResult first = prove(add, path), second = prove(add, path), edited = prove(add + sub, path);
  EXPECT_GT(first.queries, 0u);
  EXPECT_EQ(second.known, second.queries);
  EXPECT_EQ(second.proven, first.proven);
  ASSERT_FALSE(rule(first, "r").solvers.empty());
  EXPECT_EQ(rule(first, "r").solvers, rule(second, "r").solvers);
  EXPECT_NE(rule(first, "r").solvers.back().find("z3 "), std::string::npos);
  EXPECT_EQ(edited.known, first.queries);
  EXPECT_EQ(rule(edited, "s").state, RuleState::Failed);
  // A counterexample is never taken from the cache: there is none in it.
  EXPECT_NE(rule(prove(add + sub, path), "s").counterexample, "");
  // A wrong verdict is found by asking again.
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, "UPDATE verdicts SET satisfiable = 1 - satisfiable", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(database);
  const auto again = try_to_prove(add, {.jobs = 1, .cache = path, .recheck = 1});
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().message.find("the proof cache has a wrong verdict about "), std::string::npos)
      << again.error().message;
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path.string() + suffix);
}

// Each solver's verdict is kept as its own, whatever it was asked for.
TEST(Verify, CrossCheckIsKeptAsCvc5s) {
  const auto path = std::filesystem::temp_directory_path() / ("assay_cross_check_" + std::to_string(getpid()));
  const std::string add =
      "(rule r (lower (has_type (fits_in_64 _) (iadd x (iconst_sext k)))) (if-let n (signed_fits 12 k)) (t_addi x n))";
  const auto check = [&] { return try_to_prove(add, {.jobs = 1, .cache = path, .cross_check = true}); };
  const auto first = check();
  ASSERT_TRUE(first.has_value()) << render(first.error());
  EXPECT_GT(first->confirmed, 0u);
  EXPECT_EQ(first->unconfirmed, 0u);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  const auto has = [&](const std::string& solver) {
    sqlite3_stmt* rows = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(database, ("SELECT 1 FROM verdicts WHERE solver LIKE '" + solver + "'").c_str(), -1,
                                 &rows, nullptr),
              SQLITE_OK);
    const bool found = sqlite3_step(rows) == SQLITE_ROW;
    sqlite3_finalize(rows);
    return found;
  };
  EXPECT_TRUE(has("z3 %"));
  EXPECT_TRUE(has("cvc5 %, bit vectors"));
  EXPECT_FALSE(has("cvc5 %, integers"));  // nobody asked it
  sqlite3_close(database);
  const auto second = check();
  ASSERT_TRUE(second.has_value()) << render(second.error());
  EXPECT_EQ(second->confirmed, first->confirmed);
  EXPECT_EQ(rule(*second, "r").solvers, rule(*first, "r").solvers);
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path.string() + suffix);
}

TEST(Verify, ContractsAreTrusted) {
  const std::string term =
      "(rule r (lower (iadd x y)) (by_contract x y)) (decl by_contract (Reg Reg) Reg) "
      "(extern constructor by_contract by_contract) ";
  expect_unknown(term, {"constructor by_contract has no spec"});
  expect_state(term + "(attr by_contract (tag abi_contract))", "r", RuleState::Trusted, {"call_plan_test"});
  // The contract of another operation is none.
  expect_unknown("(rule r (lower (iadd x y)) (gen_set_pinned x))", {"gen_set_pinned is not the contract of iadd"});
}

TEST(Verify, HelpersWithSpecs) {
  const std::string root =
      "(rule root (lower (has_type (fits_in_64 _) (iadd x y))) (sum x y)) (decl sum (Reg Reg) Reg) ";
  const std::string right = "(spec (sum a b) (provide (= result (bvadd a b)))) ";
  expect_state(root + right + "(rule r (sum a b) (t_add a b))", "root", RuleState::Proven);
  expect_proven(root + right + "(rule r (sum a b) (t_add a b))");
  expect_refuted(root + right + "(rule r (sum a b) (t_sub a b))", {"the spec", "a = 0x"});
  expect_refuted(root + "(spec (sum a b) (provide (= result (bvsub a b)))) (rule r (sum a b) (t_add a b))",
                 {"the spec"});
  // The user relies on the spec.
  expect_refuted(root + "(spec (sum a b) (provide (= result (bvsub a b)))) (rule r (sum a b) (t_sub a b))",
                 {"result 0"}, "root");
  // A requirement holds for the rules and is owed by the users.
  const std::string small = "(spec (sum a b) (provide (= result (bvadd a b))) (require (bvult b #x0000000000001000))) ";
  expect_proven(root + small + "(rule r (sum a b) (t_add a (t_andi b 0xfff)))");
  expect_refuted(root + small + "(rule r (sum a b) (t_add a (t_andi b 0xfff)))", {"requirement of sum"}, "root");
  // Who rests on a lemma that is not proven is not proven.
  expect_unknown(root + right + "(rule r (sum a b) (t_sub a b))",
                 {"rests on the spec of sum, whose rule r is not proven"}, "root");
  EXPECT_EQ(rule(prove(root + right + "(rule r (sum a b) (t_add a b))"), "root").lemmas,
            std::vector<std::string>{"sum"});
  // A helper without a spec is proven where it is used; its mistake is its user's.
  expect_state(root + "(rule r (sum a b) (t_add a b))", "r", RuleState::Proven);
  expect_refuted(root + "(rule r (sum a b) (t_sub a b))", {"result 0"}, "root");
}

// Their bits are the same: that a rule reads an integer register where the value is in a float register, or leaves its
// result in the other one, is a goal of its own.
TEST(Verify, RegistersAreOfTheirClass) {
  const RuleSources* original = rule_sources(IsaKind::s390x);
  if (original == nullptr) GTEST_SKIP();
  const std::string right = "(s390_ldgr (s390_logic (Logic.And) (s390_lgdr x) (s390_lgdr y)))";
  const std::pair<std::string, std::string> kMistakes[] = {
      {"(s390_ldgr (s390_logic (Logic.And) x (s390_lgdr y)))", "r2 of logic is in an integer register"},
      {"(s390_ldr (s390_logic (Logic.And) (s390_lgdr x) (s390_lgdr y)))", "is in a float register"},
      {"(s390_logic (Logic.And) (s390_lgdr x) (s390_lgdr y))", "result 0 is in a float register"},
  };
  for (const auto& [wrong, goal] : kMistakes) {
    const EditedRules edited(*original, right, wrong);
    ASSERT_TRUE(edited.found());
    const auto unit =
        verify_sources(IsaKind::s390x, edited.sources(), {.jobs = 1, .rules = {"float_band"}, .functions = false});
    ASSERT_TRUE(unit.has_value()) << unit.error().message;
    ASSERT_EQ(unit->rules.size(), 1u);
    EXPECT_EQ(unit->rules[0].state, RuleState::Failed) << wrong;
    EXPECT_NE(unit->rules[0].counterexample.find(goal), std::string::npos) << unit->rules[0].counterexample;
  }
}

// AArch64's register 31 is zero in some operands and the stack pointer in others.
TEST(Verify, RegisterThatIsZeroOrTheStackPointer) {
  const RuleSources* sources = rule_sources(IsaKind::aarch64);
  if (sources == nullptr) GTEST_SKIP();
  const auto state = [&](std::string_view from, std::string_view to, const std::string& name) {
    const EditedRules edited(*sources, from, to);
    EXPECT_TRUE(edited.found()) << from;
    const auto unit =
        verify_sources(IsaKind::aarch64, edited.sources(), {.jobs = 1, .rules = {name}, .functions = false});
    EXPECT_TRUE(unit.has_value());
    for (const RuleResult& result : unit->rules) {
      if (result.name == name) return result.state;
    }
    ADD_FAILURE() << "no rule " << name;
    return RuleState::Unknown;
  };
  EXPECT_EQ(state("(pick ty (truth c) a (zero_reg))", "(pick ty (truth c) a (zero_reg))", "select_zero"),
            RuleState::Proven);
  // The first operand of a comparison with an extended register may be the stack pointer, and never zero.
  const std::string_view borrow = "(a64_cmp (Size.W) (zero_reg) (zext32 c))";
  EXPECT_EQ(state(borrow, borrow, "usub_overflow_bin_wide"), RuleState::Proven);
  EXPECT_EQ(state(borrow, "(a64_cmp_extended (Size.W) (Extend.Uxtb) (zero_reg) c)", "usub_overflow_bin_wide"),
            RuleState::Failed);
  // What it may be handed to has to be marked, and to treat it so.
  EXPECT_EQ(state("(attr pick (tag takes_zero_reg))", "", "select_zero"), RuleState::Unknown);
  EXPECT_EQ(state("(a64_csel cc (size ty) flags a b)",
                  "(a64_csel cc (size ty) flags (a64_add_imm (Size.X) (ImmShift.Lsl0) a 0) b)", "pick_rule"),
            RuleState::Failed);
}

}  // namespace
}  // namespace assay::verify
