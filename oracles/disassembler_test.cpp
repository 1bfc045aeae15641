// Known bytes and their text, what does not decode, and the test programs read back.
#include "oracles/disassembler.h"

#include <gtest/gtest.h>

#include "oracles/test_programs.h"

namespace assay::oracles {
namespace {

std::string text_of(IsaKind isa, DisassemblerKind kind, std::vector<uint8_t> bytes, DisassemblerOptions options = {}) {
  auto disassembler = Disassembler::make(isa, kind, options);
  if (!disassembler) return disassembler.error().message;
  std::string text;
  for (const DisassembledInst& inst : (*disassembler)->disassemble(bytes, 0x1000)) {
    if (!text.empty()) text += "; ";
    text += inst.text;
  }
  return text;
}

constexpr auto kLlvm = DisassemblerKind::Llvm;
constexpr auto kCapstone = DisassemblerKind::Capstone;

TEST(DisassemblerTest, LlvmKnowsAllFour) {
  EXPECT_EQ(text_of(IsaKind::x64, kLlvm, {0x48, 0x8d, 0x04, 0x37, 0xc3}), "leaq (%rdi,%rsi), %rax; retq");
  EXPECT_EQ(text_of(IsaKind::x64, kLlvm, {0x48, 0x8d, 0x04, 0x37}, {.intel_syntax = true}), "lea rax, [rdi + rsi]");
  EXPECT_EQ(text_of(IsaKind::aarch64, kLlvm, {0x00, 0x00, 0x01, 0x8b}), "add x0, x0, x1");
  EXPECT_EQ(text_of(IsaKind::riscv64, kLlvm, {0x33, 0x85, 0xb5, 0x00, 0x82, 0x80}), "add a0, a1, a1; ret");
  EXPECT_EQ(text_of(IsaKind::s390x, kLlvm, {0xb9, 0x08, 0x00, 0x23, 0x07, 0xfe}), "agr %r2, %r3; br %r14");
}

TEST(DisassemblerTest, CapstoneKnowsThree) {
  EXPECT_EQ(text_of(IsaKind::x64, kCapstone, {0x48, 0x8d, 0x04, 0x37, 0xc3}), "leaq (%rdi, %rsi), %rax; retq");
  EXPECT_EQ(text_of(IsaKind::aarch64, kCapstone, {0x00, 0x00, 0x01, 0x8b}), "add x0, x0, x1");
  EXPECT_EQ(text_of(IsaKind::s390x, kCapstone, {0xb9, 0x08, 0x00, 0x23}), "agr %r2, %r3");
  EXPECT_FALSE(Disassembler::make(IsaKind::riscv64, kCapstone));
}

TEST(DisassemblerTest, PrefixesBelongToTheirInstruction) {
  // lock addq $1, (%rdi)
  const std::vector<uint8_t> bytes = {0xf0, 0x48, 0x83, 0x07, 0x01};
  EXPECT_EQ(text_of(IsaKind::x64, kLlvm, bytes), "lock addq $1, (%rdi)");
  EXPECT_EQ(text_of(IsaKind::x64, kCapstone, bytes), "lock addq $1, (%rdi)");
  EXPECT_EQ(text_of(IsaKind::x64, kLlvm, {0xf0}), "<invalid>");
}

TEST(DisassemblerTest, NewerInstructions) {
  // sel: z15; czero.eqz: Zicond; ldadd: LSE; vaddps zmm: AVX-512.
  EXPECT_EQ(text_of(IsaKind::s390x, kLlvm, {0xb9, 0xe3, 0x48, 0x23}), "selgre %r2, %r3, %r4");
  EXPECT_EQ(text_of(IsaKind::riscv64, kLlvm, {0x33, 0xd5, 0xc5, 0x0e}), "czero.eqz a0, a1, a2");
  EXPECT_EQ(text_of(IsaKind::aarch64, kLlvm, {0x41, 0x00, 0x20, 0xf8}), "ldadd x0, x1, [x2]");
  EXPECT_EQ(text_of(IsaKind::x64, kLlvm, {0x62, 0xf1, 0x74, 0x48, 0x58, 0xc2}), "vaddps %zmm2, %zmm1, %zmm0");
}

TEST(DisassemblerTest, WhatDoesNotDecodeIsSkippedWithinBounds) {
  for (IsaKind isa : kAllIsas) {
    auto disassembler = Disassembler::make(isa, kLlvm);
    ASSERT_TRUE(disassembler);
    uint32_t seed = 1;
    for (size_t size = 1; size < 200; ++size) {
      std::vector<uint8_t> bytes(size);
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
      uint32_t end = 0;
      for (const DisassembledInst& inst : (*disassembler)->disassemble(bytes, 0)) {
        ASSERT_EQ(inst.offset, end);
        ASSERT_GT(inst.length, 0u);
        end += inst.length;
      }
      ASSERT_EQ(end, size);
    }
  }
}

TEST(DisassemblerTest, TestProgramsDecode) {
  for (const TestProgram& program : kTestPrograms) {
    auto disassembler = Disassembler::make(program.isa, kLlvm);
    ASSERT_TRUE(disassembler);
    bool site_seen = false;
    for (const DisassembledInst& inst : (*disassembler)->disassemble(program.bytes(), 0)) {
      site_seen |= inst.offset == program.site;
      // s390x has no defined illegal instruction; two zero bytes are what we use, .short 1 is its breakpoint.
      EXPECT_TRUE(inst.valid || program.isa == IsaKind::s390x) << program.name << " at " << inst.offset;
    }
    EXPECT_TRUE(site_seen) << program.name;
  }
}

}  // namespace
}  // namespace assay::oracles
