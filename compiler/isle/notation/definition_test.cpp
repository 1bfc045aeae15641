// Errors of definitions: every inconsistency is found, with its place, all at once; nothing crashes on hostile files.
#include <gtest/gtest.h>

#include "compiler/isle/notation/definition.h"
#include "compiler/isle/notation/generate.h"

namespace assay::notation {
namespace {

constexpr std::string_view kHead =
    "isa t\n"
    "enum Cc\n"
    "  Eq = 0 \"eq\" inverse Ne\n"
    "  Ne = 1 \"ne\" inverse Eq\n"
    "amode m base + disp: s12 asm {disp}({base})\n";
constexpr uint32_t kHeadLines = 5;

// All errors of kHead followed by `text`, a line each, lines counted from the start of `text`.
std::string errors_of(std::string_view text) {
  const std::string whole = std::string(kHead) + std::string(text);
  const SourceFile file{"t.inst", whole};
  std::string out;
  for (const Diagnostic& error : parse_definitions({&file, 1}).errors) {
    out += std::to_string(int64_t(error.place.line) - kHeadLines) + ":" + std::to_string(error.place.column) + " " +
           error.message + "\n";
  }
  return out;
}

TEST(Definition, Good) {
  EXPECT_EQ(errors_of("inst add # 1.2\n  asm add {rd}, {rs}\n  regs def rd: gpr; use rs: gpr\n"
                      "  bits 000000 rd:5 rs:5\n  sem rd := rs\n"),
            "");
}

TEST(Definition, Bits) {
  EXPECT_EQ(errors_of("inst a\n  asm a\n  bits 0000000\n"), "3:3 the line has 7 bits, no whole bytes\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  bits 000 rx:5\n"),
            "3:12 unknown operand 'rx'\n3:3 the line has 3 bits, no whole bytes\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs use r: gpr\n  bits 00000000\n"),
            "3:8 'r' is in no field of the encoding\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs imm k: s12\n  bits k:11 00000\n"),
            "3:8 not every bit of 'k' is in the encoding\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs label k: s13x2\n  bits k[12:2] 00000\n"),
            "3:8 not every bit of 'k' is in the encoding\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs mem x: m\n  bits x.base:4 0000\n"),
            "3:8 'x.disp' is in no field of the encoding\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs symbol f\n  bits 00000000\n"), "1:1 a symbol needs a `reloc` line\n");
  EXPECT_EQ(errors_of("inst a(c: Cc)\n  asm a\n  bits c:0 0000000 (c + q):1\n"),
            "3:8 ':0' gives no bits\n3:25 unknown name 'q'\n");
}

TEST(Definition, ShortForms) {
  const std::string head =
      "inst a\n  asm a\n  regs def d: gpr; use r: gpr; imm k: s6\n  bits d:5 r:5 k:6\n  sem d := r\n";
  const auto errors_with = [](const std::string& inst) {
    const std::string whole = "isa t\n  feature f \"F\"\n" + inst;
    const SourceFile file{"t.inst", whole};
    std::string out;
    for (const Diagnostic& error : parse_definitions({&file, 1}).errors) out += error.message + "\n";
    return out;
  };
  EXPECT_EQ(errors_with(head + "  short f: r:5 k[2:0] if d = r and k in u3\n"), "");
  EXPECT_EQ(errors_with(head + "  short f: r:5 k[2:0] if k in u3\n"), "'d' is in no field of the encoding\n");
  EXPECT_EQ(errors_with(head + "  short f: r:5 k[2:0] if d = r\n"), "not every bit of 'k' is in the encoding\n");
  EXPECT_EQ(errors_with(head + "  short f: d:5 r:5 k:6\n"), "a short form is shorter than `bits`\n");
  EXPECT_EQ(errors_with(head + "  short g: 00000000 if d = r and k = 0\n"), "unknown feature 'g'\n");
  EXPECT_EQ(errors_with(head + "  short : 00000000 if d = r and k = 0\n"), "a short form needs a feature\n");
  EXPECT_EQ(errors_with(head + "  short f 00000000\n"), "a short form is FEATURE …: FIELD … if CONDITION\n");
  EXPECT_EQ(errors_with("inst a\n  asm a\n  bits 00000000\n  bits 00000000\n  short f: 00000000\n"),
            "only an instruction of one `bits` line has short forms\n");
}

TEST(Definition, Names) {
  EXPECT_EQ(errors_of("inst a(c: Dd)\n  asm {x}\n  bits 00000000\n"),
            "1:11 unknown enum 'Dd'\n2:7 asm: unknown operand 'x'\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  bits 00000000\ninst a\n  asm a\n  bits 00000000\n"),
            "4:1 instruction 'a' is defined twice\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs use r: gpr; use r: gpr\n  bits 000 r:5\n"),
            "3:20 'r' is declared twice\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs def d: gpr reuse q; use r: xmm\n  bits 000 d:5\n  sem d := 1\n"),
            "3:35 expected a register class\n3:8 'q' is no use of the same register class\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  bits 00000000\n  is funny\n"), "4:6 unknown attribute 'funny'\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs symbol f\n  bits 00000000\n  reloc Foo at 3\n"),
            "5:8 unknown relocation 'Foo'\n5:8 the relocation lies outside of the instruction\n");
}

TEST(Definition, Meaning) {
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs def d: gpr; def e: gpr\n  bits d:4 e:4\n  sem d := 1\n"),
            "3:20 'e' is not assigned by `sem`\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs def d: gpr\n  bits 000 d:5\n"), "1:1 the instruction has no `sem`\n");
  EXPECT_EQ(errors_of("inst a(c: Cc)\n  asm a\n  regs def d: gpr; use r: gpr\n  bits c:1 000 d:5 r:5 00\n"
                      "  sem d := match(c, Eq: r, Ne: r[31:0])\n"),
            "5:33 32 bits where 64 bits are wanted (in a with c = Ne)\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs use r: gpr\n  bits 000 r:5\n  trap r = 0\n"),
            "1:1 an instruction that traps needs `code` among its operands\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs label l: s9\n  bits l:9 0000000\n  sem branch(true)\n  is branch\n"),
            "1:1 a conditional branch needs an `invert` line\n");
}

TEST(Definition, X64) {
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs def d: gpr reuse s; use s: gpr\n  form rr: use r: gpr : 03 /r reg=d "
                      "rm=r\n  sem d := s + r\n"),
            "");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs use s: gpr\n  form : : 03 /r rm=s\n"),
            "4:12 the encoding needs reg=…\n");
  EXPECT_EQ(errors_of("inst a\n  asm a\n  regs use s: gpr\n  form : : 03 ix rm=s | 04 /0 rm=q\n"),
            "4:15 'ix' is no part of an encoding\n4:31 unknown operand 'q'\n4:12 reg and rm need /r or /0…/7\n"
            "3:8 's' is in no field of the encoding of a\n4:25 the encoding needs rm=…\n3:8 's' is in no field of the "
            "encoding of a\n");
}

TEST(Definition, Structure) {
  EXPECT_EQ(errors_of("foo\n  bar\n"), "1:1 'foo' begins no block\n");
  EXPECT_EQ(
      errors_of("inst a\n  frob x\n"),
      "2:3 'frob' begins no line of inst\n1:1 the instruction has no asm line\n1:1 the instruction has no encoding\n");
  EXPECT_EQ(errors_of("enum E\n  A = 0 inverse B\n"), "1:1 'B' is no enumerator of E\n");
  const SourceFile empty{"e.inst", ""};
  EXPECT_EQ(parse_definitions({&empty, 1}).errors.size(), 1u);
}

// Every prefix and many mutations of a real file: errors, never a crash.
TEST(Definition, HostileInput) {
  for (const char* name : {"sample_riscv", "sample_x64", "sample_aarch64", "sample_s390x"}) {
    auto text = read_file(std::string("compiler/isle/notation/testdata/") + name + ".inst");
    ASSERT_TRUE(text);
    for (size_t length = 0; length < text->size(); length += 17) {
      const SourceFile file{"t.inst", std::string_view(*text).substr(0, length)};
      const ParsedDefinitions parsed = parse_definitions({&file, 1});
      if (parsed.errors.empty()) generate_encoder(parsed.definitions);
    }
    uint64_t state = 12345;
    for (int round = 0; round < 300; ++round) {
      std::string mutated = *text;
      for (int i = 0; i < 3; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const size_t at = (state >> 33) % mutated.size();
        constexpr char kReplacements[] = "()[]{}:;,|=#\"'x0 \n~<.";
        mutated[at] = kReplacements[(state >> 20) % (sizeof kReplacements - 1)];
      }
      const SourceFile file{"t.inst", mutated};
      const ParsedDefinitions parsed = parse_definitions({&file, 1});
      if (parsed.errors.empty()) {
        generate_encoder(parsed.definitions);
        generate_tables(parsed.definitions, {&file, 1});
      }
    }
  }
}

}  // namespace
}  // namespace assay::notation
