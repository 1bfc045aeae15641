// Every instruction of every backend in this build against LLVM's disassembler and assembler; and that a wrong encoding
// is noticed.
#include "verify/encoding_check.h"

#include <gtest/gtest.h>

#include "compiler/isa/registry.h"
#include "verify/assembler.h"

namespace assay::verify {
namespace {

TEST(EncodingCheck, EveryInstructionOfEveryMachine) {
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    const EncodingReport report = check_encodings(isa->kind, *isa->insts, {.hatches = isa});
    EXPECT_TRUE(report.mismatches.empty()) << isa->name << ": " << describe(report);
    EXPECT_GT(report.cases, 500u) << isa->name;
    if (isa->kind == IsaKind::riscv64) {
      EXPECT_GT(report.short_forms, 3000u);
    } else {
      EXPECT_GT(report.by_capstone, report.cases * 7 / 10) << isa->name;
    }
    std::printf("%s: %s", isa->name, describe(report).c_str());
  }
}

// A set whose encoder swaps two bits of everything must be found out.
const machine::InstSet* g_original;
machine::EncodeError encode_wrongly(uint16_t opcode, std::span<const machine::Operand> operands,
                                    const machine::EncodeContext& context, machine::EncodedInst& out) {
  const machine::EncodeError error = g_original->encode(opcode, operands, context, out);
  if (error == machine::EncodeError::None && out.size > 1) out.bytes[1] ^= 0x09;
  return error;
}

TEST(EncodingCheck, NoticesWrongBits) {
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    g_original = isa->insts;
    machine::InstSet wrong = *isa->insts;
    wrong.encode = encode_wrongly;
    EXPECT_GT(check_encodings(isa->kind, wrong, {.cases_per_instruction = 10}).mismatches.size(), 10u) << isa->name;
  }
}

// A set whose encoder knows no short forms, and one that takes a short form's register for another.
machine::EncodeError encode_long(uint16_t opcode, std::span<const machine::Operand> operands,
                                 const machine::EncodeContext& context, machine::EncodedInst& out) {
  return g_original->encode(opcode, operands, {context.displacement, context.user}, out);
}
machine::EncodeError encode_other_short(uint16_t opcode, std::span<const machine::Operand> operands,
                                        const machine::EncodeContext& context, machine::EncodedInst& out) {
  const machine::EncodeError error = g_original->encode(opcode, operands, context, out);
  if (error == machine::EncodeError::None && out.features != 0) out.bytes[0] ^= 0x80;
  return error;
}

TEST(EncodingCheck, NoticesShortForms) {
  const machine::TargetIsa* isa = isa::find_isa(IsaKind::riscv64);
  if (isa == nullptr) GTEST_SKIP();
  g_original = isa->insts;
  for (const auto encode : {encode_long, encode_other_short}) {
    machine::InstSet wrong = *isa->insts;
    wrong.encode = encode;
    std::map<std::string, size_t> found;
    for (const EncodingMismatch& m : check_encodings(isa->kind, wrong, {.cases_per_instruction = 60}).mismatches) {
      ++found[m.instruction];
    }
    constexpr size_t kInstructionsWithShortForms = 32;
    EXPECT_EQ(found.size(), kInstructionsWithShortForms);
  }
}

// A set whose clobbers are forgotten: the link register of calls, the flags of what sets them by the way.
TEST(EncodingCheck, NoticesForgottenClobbers) {
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    machine::InstSet wrong = *isa->insts;
    std::vector<machine::InstDesc> descs(wrong.descs.begin(), wrong.descs.end());
    for (machine::InstDesc& desc : descs) desc.clobbers = {};
    wrong.descs = descs;
    const bool expected = isa->kind != IsaKind::x64;  // its calls push the return address
    const auto tables = check_encodings(isa->kind, wrong, {.only = {"jump_table"}, .hatches = isa});
    EXPECT_FALSE(tables.mismatches.empty()) << isa->name;
    EXPECT_EQ(!check_encodings(isa->kind, wrong, {.cases_per_instruction = 10}).mismatches.empty(), expected)
        << isa->name;
  }
}

TEST(Assembler, KnownBytes) {
  EXPECT_EQ(assemble(IsaKind::x64, "addq %rbx, %r12").value(), (std::vector<uint8_t>{0x49, 0x01, 0xdc}));
  EXPECT_EQ(assemble(IsaKind::riscv64, "add a0, a1, t6").value(), (std::vector<uint8_t>{0x33, 0x85, 0xf5, 0x01}));
  EXPECT_EQ(assemble(IsaKind::riscv64, "add a0, a0, t6").value(), (std::vector<uint8_t>{0x33, 0x05, 0xf5, 0x01}));
  EXPECT_EQ(assemble(IsaKind::riscv64, "add a0, a0, t6", Forms::Short).value(), (std::vector<uint8_t>{0x7e, 0x95}));
  EXPECT_EQ(assemble(IsaKind::aarch64, "add x1, x2, x3").value(), (std::vector<uint8_t>{0x41, 0x00, 0x03, 0x8b}));
  EXPECT_EQ(assemble(IsaKind::s390x, "agrk %r1, %r2, %r15").value(), (std::vector<uint8_t>{0xb9, 0xe8, 0xf0, 0x12}));
  EXPECT_FALSE(assemble(IsaKind::x64, "frobnicate %rax"));
}

}  // namespace
}  // namespace assay::verify
