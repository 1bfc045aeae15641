// The table of exclusions against reality: each reproducer in corpus/oracles on every executor of its ISA.
//
// A reproducer is lines of `isa`, `wrong` (executors that get it wrong), `asm`, `code` (hex), `set` and `expect`
// (register, then its value; `low:high` for 128 bits). What is expected is what the manual says.
#include "oracles/exclusions.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "oracles/executor.h"

namespace assay::oracles {
namespace {

const std::filesystem::path kFolder = "corpus/oracles";

struct Reproducer {
  IsaKind isa = IsaKind::x64;
  std::set<std::string> wrong;
  std::vector<uint8_t> code;
  std::vector<std::pair<RegisterId, RegisterBits>> set;
  std::vector<std::pair<RegisterId, RegisterBits>> expected;
};

RegisterId parse_register(IsaKind isa, const std::string& text) {
  constexpr const char* kX64[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"};
  for (int i = 0; i < 8; ++i) {
    if (isa == IsaKind::x64 && text == kX64[i]) return integer_register(i);
  }
  const size_t digits = text.find_first_of("0123456789");
  if (digits == std::string::npos) throw std::runtime_error("no register " + text);
  const int number = std::stoi(text.substr(digits));
  const std::string prefix = text.substr(0, digits);
  if (prefix == "f") return float_register(number);
  if (prefix == "xmm" || prefix == "v") return vector_register(number);
  return integer_register(number);
}

RegisterBits parse_bits(const std::string& text) {
  const size_t colon = text.find(':');
  RegisterBits bits{std::stoull(text.substr(0, colon), nullptr, 0), 0};
  if (colon != std::string::npos) bits.high = std::stoull(text.substr(colon + 1), nullptr, 0);
  return bits;
}

Reproducer parse(const std::string& text) {
  Reproducer result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key, first, second;
    words >> key >> first >> second;
    if (key == "isa") result.isa = isa_from_name(first).value();
    if (key == "wrong") {
      result.wrong.insert(first);
      if (!second.empty()) result.wrong.insert(second);
    }
    for (size_t i = 0; key == "code" && i + 1 < first.size(); i += 2) {
      result.code.push_back(static_cast<uint8_t>(std::stoi(first.substr(i, 2), nullptr, 16)));
    }
    if (key == "set") result.set.emplace_back(parse_register(result.isa, first), parse_bits(second));
    if (key == "expect") result.expected.emplace_back(parse_register(result.isa, first), parse_bits(second));
  }
  return result;
}

Expected<Reproducer> reproducer(const std::string& name) {
  auto text = read_file((kFolder / (name + ".case")).string());
  if (!text) return std::unexpected(text.error());
  return parse(*text);
}

// Empty if the executor agrees with the manual.
std::string difference(Executor& executor, const Reproducer& reproducer) {
  Image image;
  image.bytes = reproducer.code;
  if (auto loaded = executor.load(image, {}); !loaded) return loaded.error().message;
  Plan plan;
  plan.registers = reproducer.set;
  for (const auto& [id, bits] : reproducer.expected) plan.result_registers.push_back(id);
  const Outcome outcome = executor.run(plan);
  if (outcome.kind != OutcomeKind::Returned) return describe(outcome);
  for (size_t i = 0; i < reproducer.expected.size(); ++i) {
    if (outcome.results[i] != reproducer.expected[i].second) return describe(outcome);
  }
  return "";
}

TEST(ExclusionsTest, ReproducersAreWrongWhereTheySayAndRightElsewhere) {
  int run = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".case") continue;
    const std::string name = entry.path().stem().string();
    auto test = reproducer(name);
    ASSERT_TRUE(test) << name;
    std::vector<std::unique_ptr<Executor>> executors;
    executors.push_back(make_unicorn(test->isa));
    executors.push_back(make_qemu(test->isa));
    if (test->isa == IsaKind::x64) executors.push_back(make_native());
    for (const auto& executor : executors) {
      if (!executor->unavailable().empty()) continue;
      ++run;
      const std::string who = executor->name();
      const std::string found = difference(*executor, *test);
      if (test->wrong.contains(who.substr(0, who.find('-')))) {
        EXPECT_NE(found, "") << name << ": " << who << " is right by now; the exclusion may go";
      } else {
        EXPECT_EQ(found, "") << name << ": " << who << " is wrong and not excluded";
      }
    }
  }
  EXPECT_GT(run, 15) << "run from the top of the source tree";
}

TEST(ExclusionsTest, TableAndReproducersAgree) {
  std::set<std::string> named;
  for (const Exclusion& exclusion : exclusions()) {
    const std::string name = exclusion.reproducer;
    if (exclusion.trust == Trust::Absent) continue;
    ASSERT_FALSE(name.empty()) << exclusion.instructions;
    named.insert(name);
    auto test = reproducer(name);
    ASSERT_TRUE(test) << name;
    EXPECT_EQ(test->isa, exclusion.isa) << name;
    EXPECT_TRUE(test->wrong.contains(exclusion.executor)) << name << ' ' << exclusion.executor;
    // The entry catches its own reproducer.
    auto disassembler = Disassembler::make(test->isa, DisassemblerKind::Llvm);
    ASSERT_TRUE(disassembler);
    bool found = false;
    for (const DisassembledInst& inst : (*disassembler)->disassemble(test->code, 0)) {
      const Exclusion* hit = find_exclusion(exclusion.executor, test->isa, inst.text);
      found |= hit != nullptr && hit->trust == exclusion.trust;
    }
    EXPECT_TRUE(found) << name;
  }
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".case") continue;
    EXPECT_TRUE(named.contains(entry.path().stem().string())) << entry.path();
  }
}

TEST(ExclusionsTest, OnlyTheProcessorIsTrustedWithEverything) {
  EXPECT_TRUE(may_judge_all("native-x64", IsaKind::x64));
  for (const char* executor : {"unicorn", "unicorn-x64", "qemu-x64"}) {
    EXPECT_FALSE(may_judge_all(executor, IsaKind::x64)) << executor;
  }
  EXPECT_FALSE(may_judge_all("unicorn-s390x", IsaKind::s390x));
}

TEST(ExclusionsTest, CommonInstructionsAreJudged) {
  struct Line {
    IsaKind isa;
    const char* text;
  };
  constexpr Line kJudged[] = {
      {IsaKind::x64, "addq %rsi, %rax"},
      {IsaKind::x64, "pextrq $1, %xmm0, %rax"},
      {IsaKind::x64, "andnq %rax, %rcx, %rdx"},
      {IsaKind::x64, "addsd %xmm1, %xmm0"},
      {IsaKind::aarch64, "add x0, x1, x2"},
      {IsaKind::aarch64, "bfi x0, x1, #3, #4"},
      {IsaKind::aarch64, "bfxil x0, x1, #3, #4"},
      {IsaKind::aarch64, "bfc x0, #3, #4"},
      {IsaKind::aarch64, "ldaddal x0, x1, [x2]"},
      {IsaKind::aarch64, "stlr x0, [x1]"},
      {IsaKind::riscv64, "add a0, a1, a2"},
      {IsaKind::riscv64, "fadd.d fa0, fa0, fa1"},
      {IsaKind::riscv64, "sh a0, 0(a1)"},
      {IsaKind::riscv64, "lh a0, 0(a1)"},
      {IsaKind::s390x, "agr %r2, %r3"},
      {IsaKind::s390x, "locgrh %r2, %r3"},
      {IsaKind::s390x, "jhe 0x10"},
      {IsaKind::s390x, "popcnt %r2, %r3"},
      {IsaKind::s390x, "vag %v0, %v1, %v2"},
      {IsaKind::s390x, "locghie %r2, 1"},
      {IsaKind::s390x, "locgrnhe %r2, %r3"},
      {IsaKind::s390x, "vfadb %v0, %v1, %v2"},
      {IsaKind::s390x, "sgrk %r2, %r3, %r4"},
  };
  for (const Line& line : kJudged) EXPECT_TRUE(may_judge("unicorn-x", line.isa, line.text)) << line.text;
  constexpr Line kNotJudged[] = {
      {IsaKind::x64, "popcntq %rax, %rcx"},
      {IsaKind::x64, "pextq %rcx, %rdx, %rax"},
      {IsaKind::x64, "vaddps %ymm0, %ymm1, %ymm2"},
      {IsaKind::aarch64, "add z0.s, p0/m, z0.s, z1.s"},
      {IsaKind::aarch64, "bfdot v0.2s, v1.4h, v2.4h"},
      {IsaKind::riscv64, "sh1add a0, a1, a2"},
      {IsaKind::riscv64, "czero.eqz a0, a1, a2"},
      {IsaKind::riscv64, "fadd.h fa0, fa0, fa1"},
      {IsaKind::s390x, "jo 0x10"},
      {IsaKind::s390x, "locghio %r2, 1"},
      {IsaKind::s390x, "selgre %r2, %r3, %r4"},
      {IsaKind::s390x, "mgrk %r2, %r4, %r6"},
      {IsaKind::s390x, "wfasb %v0, %v1, %v2"},
  };
  for (const Line& line : kNotJudged) EXPECT_FALSE(may_judge("unicorn-x", line.isa, line.text)) << line.text;
  EXPECT_TRUE(may_judge("native-x64", IsaKind::x64, "pextq %rcx, %rdx, %rax"));
  EXPECT_TRUE(may_judge("qemu-s390x", IsaKind::s390x, "jo 0x10"));
}

}  // namespace
}  // namespace assay::oracles
