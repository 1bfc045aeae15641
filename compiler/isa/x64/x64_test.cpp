// x64: encodings against the assembler's own bytes (llvm-mc), the jump table's hatch, frames.
#include <gtest/gtest.h>

#include "compiler/isa/x64/context.h"

namespace assay::isa::x64 {
namespace {

using machine::EncodedInst;
using machine::EncodeError;
using machine::Operand;
using machine::PReg;
using machine::RegClass;

PReg gpr(unsigned number) { return PReg(RegClass::Gpr, number); }
Operand def(unsigned number) { return Operand::def(gpr(number)); }
Operand use(unsigned number) { return Operand::use(gpr(number)); }
Operand imm(int64_t value) { return Operand::immediate(value); }
Operand flags() { return Operand::use(machine::kFlagsReg); }
Operand none() { return {}; }

std::string hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (uint8_t byte : bytes) {
    if (!text.empty()) text += ' ';
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string encoded(uint16_t opcode, std::span<const Operand> operands) {
  EncodedInst out;
  const EncodeError error = inst_set().encode(opcode, operands, {}, out);
  return error == EncodeError::None ? hex({out.bytes, out.size}) : "error " + std::to_string(int(error));
}

struct Case {
  uint16_t opcode;
  std::vector<Operand> operands;
  const char* assembly;
  const char* bytes;
};

const Case kCases[] = {
    {kAddRr, {imm(int(Size::B)), def(6), use(6), flags(), use(7)}, "addb %dil, %sil", "40 00 fe"},
    {kAddRr, {imm(int(Size::W)), def(9), use(9), flags(), use(1)}, "addw %cx, %r9w", "66 41 01 c9"},
    {kAddRr, {imm(int(Size::D)), def(0), use(0), flags(), use(15)}, "addl %r15d, %eax", "44 01 f8"},
    {kAddRr, {imm(int(Size::Q)), def(12), use(12), flags(), use(13)}, "addq %r13, %r12", "4d 01 ec"},
    {kAddRi, {imm(int(Size::B)), def(5), use(5), flags(), imm(-128)}, "addb $-128, %bpl", "40 80 c5 80"},
    {kAddRi, {imm(int(Size::W)), def(2), use(2), flags(), imm(1000)}, "addw $1000, %dx", "66 81 c2 e8 03"},
    {kAddRi, {imm(int(Size::D)), def(2), use(2), flags(), imm(127)}, "addl $127, %edx", "83 c2 7f"},
    {kSubRi, {imm(int(Size::Q)), def(8), use(8), flags(), imm(-129)}, "subq $-129, %r8", "49 81 e8 7f ff ff ff"},
    {kAdcRr, {imm(int(Size::D)), flags(), def(3), use(3), flags(), use(10)}, "adcl %r10d, %ebx", "44 11 d3"},
    {kCmpRr, {imm(int(Size::B)), use(0), flags(), use(6)}, "cmpb %sil, %al", "40 38 f0"},
    {kCmpRi, {imm(int(Size::Q)), use(7), flags(), imm(2147483647)}, "cmpq $2147483647, %rdi", "48 81 ff ff ff ff 7f"},
    {kTestRr, {imm(int(Size::W)), use(14), flags(), use(14)}, "testw %r14w, %r14w", "66 45 85 f6"},
    {kTestRi, {imm(int(Size::B)), use(7), flags(), imm(15)}, "testb $15, %dil", "40 f6 c7 0f"},
    {kNeg, {imm(int(Size::B)), def(7), use(7), flags()}, "negb %dil", "40 f6 df"},
    {kNot, {imm(int(Wide::Q)), def(3), use(3)}, "notq %rbx", "48 f7 d3"},
    {kImulRr, {imm(int(Wide::Q)), def(1), use(1), flags(), use(11)}, "imulq %r11, %rcx", "49 0f af cb"},
    {kImulRri, {imm(int(Wide::D)), def(9), use(6), imm(100)}, "imull $100, %esi, %r9d", "44 6b ce 64"},
    {kImulRri, {imm(int(Wide::Q)), def(0), use(12), imm(100000)}, "imulq $100000, %r12, %rax", "49 69 c4 a0 86 01 00"},
    {kMulWide, {imm(int(Wide::Q)), def(0), def(2), use(0), use(8)}, "mulq %r8", "49 f7 e0"},
    {kImulWide, {imm(int(Wide::D)), def(0), def(2), use(0), use(3)}, "imull %ebx", "f7 eb"},
    {kShlRc, {imm(int(Wide::Q)), def(10), use(10), use(1)}, "shlq %cl, %r10", "49 d3 e2"},
    {kSarRi, {imm(int(Wide::D)), def(0), use(0), imm(31)}, "sarl $31, %eax", "c1 f8 1f"},
    {kRolRc, {imm(int(Size::B)), def(6), use(6), use(1)}, "rolb %cl, %sil", "40 d2 c6"},
    {kRolRi, {imm(int(Size::W)), def(8), use(8), imm(8)}, "rolw $8, %r8w", "66 41 c1 c0 08"},
    {kRorRi, {imm(int(Size::Q)), def(2), use(2), imm(63)}, "rorq $63, %rdx", "48 c1 ca 3f"},
    {kBsf, {def(0), use(0), use(9)}, "bsfq %r9, %rax", "49 0f bc c1"},
    {kBsr, {def(9), use(9), use(3)}, "bsrq %rbx, %r9", "4c 0f bd cb"},
    {kBswap, {imm(int(Wide::D)), def(13), use(13)}, "bswapl %r13d", "41 0f cd"},
    {kSetcc, {imm(int(Cc::G)), flags(), def(6)}, "setg %sil", "40 0f 9f c6"},
    {kSetcc, {imm(int(Cc::AE)), flags(), def(0)}, "setae %al", "0f 93 c0"},
    {kCmov,
     {imm(int(Cc::NE)), imm(int(Wide::Q)), flags(), def(3), use(3), use(14)},
     "cmovneq %r14, %rbx",
     "49 0f 45 de"},
    {kMov, {def(5), use(4)}, "movq %rsp, %rbp", "48 89 e5"},
    {kMovZx32, {def(8), use(7)}, "movl %edi, %r8d", "41 89 f8"},
    {kZero, {def(9)}, "xorl %r9d, %r9d", "45 31 c9"},
    {kMovU32, {def(15), imm(4294967295)}, "movl $4294967295, %r15d", "41 bf ff ff ff ff"},
    {kMovS32, {def(1), imm(-2)}, "movq $-2, %rcx", "48 c7 c1 fe ff ff ff"},
    {kMovabs, {def(12), imm(81985529216486895)}, "movabsq $81985529216486895, %r12", "49 bc ef cd ab 89 67 45 23 01"},
    {kMovzx, {imm(int(Narrow::B)), def(1), use(6)}, "movzbl %sil, %ecx", "40 0f b6 ce"},
    {kMovzx, {imm(int(Narrow::W)), def(9), use(6)}, "movzwl %si, %r9d", "44 0f b7 ce"},
    {kMovsx, {imm(int(Narrow::B)), imm(int(Wide::Q)), def(7), use(0)}, "movsbq %al, %rdi", "48 0f be f8"},
    {kMovsx, {imm(int(Narrow::W)), imm(int(Wide::D)), def(7), use(10)}, "movswl %r10w, %edi", "41 0f bf fa"},
    {kMovsxd, {def(0), use(8)}, "movslq %r8d, %rax", "49 63 c0"},
    {kLoad, {imm(int(Wide::Q)), def(0), use(4), none(), imm(0), imm(8)}, "movq 8(%rsp), %rax", "48 8b 44 24 08"},
    {kLoad, {imm(int(Wide::D)), def(9), use(12), none(), imm(0), imm(0)}, "movl (%r12), %r9d", "45 8b 0c 24"},
    {kLoad, {imm(int(Wide::Q)), def(9), use(5), none(), imm(0), imm(0)}, "movq (%rbp), %r9", "4c 8b 4d 00"},
    {kLoad, {imm(int(Wide::Q)), def(2), use(13), none(), imm(0), imm(-128)}, "movq -128(%r13), %rdx", "49 8b 55 80"},
    {kLoad,
     {imm(int(Wide::D)), def(2), use(0), use(12), imm(3), imm(128)},
     "movl 128(%rax,%r12,8), %edx",
     "42 8b 94 e0 80 00 00 00"},
    {kLoad, {imm(int(Wide::D)), def(2), use(13), use(5), imm(0), imm(0)}, "movl (%r13,%rbp), %edx", "41 8b 54 2d 00"},
    {kLoadZx, {imm(int(Narrow::B)), def(7), use(6), none(), imm(0), imm(0)}, "movzbl (%rsi), %edi", "0f b6 3e"},
    {kLoadZx,
     {imm(int(Narrow::W)), def(8), use(9), use(10), imm(1), imm(-1)},
     "movzwl -1(%r9,%r10,2), %r8d",
     "47 0f b7 44 51 ff"},
    {kLoadSx,
     {imm(int(Narrow::B)), imm(int(Wide::Q)), def(3), use(1), none(), imm(0), imm(0)},
     "movsbq (%rcx), %rbx",
     "48 0f be 19"},
    {kLoadSx,
     {imm(int(Narrow::W)), imm(int(Wide::D)), def(3), use(1), none(), imm(0), imm(1000000)},
     "movswl 1000000(%rcx), %ebx",
     "0f bf 99 40 42 0f 00"},
    {kLoadSxd, {def(3), use(14), none(), imm(0), imm(0)}, "movslq (%r14), %rbx", "49 63 1e"},
    {kStore, {imm(int(Size::B)), use(6), use(0), none(), imm(0), imm(0)}, "movb %sil, (%rax)", "40 88 30"},
    {kStore, {imm(int(Size::B)), use(1), use(0), use(8), imm(2), imm(4)}, "movb %cl, 4(%rax,%r8,4)", "42 88 4c 80 04"},
    {kStore, {imm(int(Size::W)), use(11), use(3), none(), imm(0), imm(0)}, "movw %r11w, (%rbx)", "66 44 89 1b"},
    {kStore, {imm(int(Size::D)), use(5), use(4), use(3), imm(0), imm(0)}, "movl %ebp, (%rsp,%rbx)", "89 2c 1c"},
    {kStore, {imm(int(Size::Q)), use(15), use(4), none(), imm(0), imm(-8)}, "movq %r15, -8(%rsp)", "4c 89 7c 24 f8"},
    {kStoreImm, {imm(int(Size::B)), imm(-1), use(7), none(), imm(0), imm(0)}, "movb $-1, (%rdi)", "c6 07 ff"},
    {kStoreImm,
     {imm(int(Size::W)), imm(300), use(7), none(), imm(0), imm(2)},
     "movw $300, 2(%rdi)",
     "66 c7 47 02 2c 01"},
    {kStoreImm,
     {imm(int(Size::Q)), imm(INT32_MIN), use(8), none(), imm(0), imm(0)},
     "movq $-2147483648, (%r8)",
     "49 c7 00 00 00 00 80"},
    {kLea,
     {imm(int(Wide::Q)), def(0), use(7), use(6), imm(3), imm(40)},
     "leaq 40(%rdi,%rsi,8), %rax",
     "48 8d 44 f7 28"},
    {kLea, {imm(int(Wide::D)), def(11), use(7), none(), imm(0), imm(-1)}, "leal -1(%rdi), %r11d", "44 8d 5f ff"},
    {kCallIndirect, {use(10)}, "callq *%r10", "41 ff d2"},
    {kRet, {}, "retq", "c3"},
    {kPush, {use(12)}, "pushq %r12", "41 54"},
    {kPop, {def(5)}, "popq %rbp", "5d"},
    {kTrap, {}, "ud2", "0f 0b"},
    {kInt3, {}, "int3", "cc"},
    {kNop, {}, "nop", "90"},
};

TEST(X64Encoding, MatchesTheAssembler) {
  for (const Case& c : kCases) {
    EXPECT_EQ(encoded(c.opcode, c.operands), c.bytes) << c.assembly;
    EXPECT_EQ(inst_set().print(c.opcode, c.operands), c.assembly);
  }
}

TEST(X64Encoding, RefusesImmediatesOutsideTheOperandSize) {
  const std::vector<Operand> too_wide = {imm(int(Size::B)), def(0), use(0), flags(), imm(128)};
  EXPECT_EQ(encoded(kAddRi, too_wide), "error " + std::to_string(int(EncodeError::BadOperand)));
  const std::vector<Operand> fits = {imm(int(Size::W)), def(0), use(0), flags(), imm(128)};
  EXPECT_EQ(encoded(kAddRi, fits), "66 81 c0 80 00");
}

// A conditional trap is the inverse branch over a ud2.
TEST(X64Encoding, ConditionalTrap) {
  const std::vector<Operand> operands = {imm(int(Cc::B)), flags()};
  EXPECT_EQ(encoded(kTrapIf, operands), "73 02 0f 0b");
  EXPECT_EQ(inst_set().descs[kTrapIf].trap_offset, 2);
}

TEST(X64Encoding, DivisionMakesTheHighHalfFirst) {
  const std::vector<Operand> wide = {imm(int(Dividend::Q)), def(0), def(2), use(0), use(9)};
  EXPECT_EQ(encoded(kSdivrem, wide), "48 99 49 f7 f9");
  EXPECT_EQ(encoded(kUdivrem, wide), "31 d2 49 f7 f1");
  const std::vector<Operand> narrow = {imm(int(Dividend::D)), def(0), def(2), use(0), use(1)};
  EXPECT_EQ(encoded(kSdivrem, narrow), "99 f7 f9");
  EXPECT_EQ(encoded(kUdivrem, narrow), "31 d2 f7 f1");
  const std::vector<Operand> word = {imm(int(Dividend::W)), def(0), def(2), use(0), use(6)};
  EXPECT_EQ(encoded(kSdivrem, word), "66 99 66 f7 fe");
  EXPECT_EQ(encoded(kUdivrem, word), "31 d2 66 f7 f6");
}

TEST(X64JumpTable, EntriesAreDistancesFromTheTable) {
  const std::vector<Operand> operands = {use(1), Operand::label(machine::Block(3)), Operand::label(machine::Block(7))};
  const machine::HatchContext context{[](const void*, unsigned slot) { return slot == 1 ? int64_t(100) : int64_t(-6); },
                                      nullptr};
  std::vector<uint8_t> out;
  uint32_t data_begin = 0;
  ASSERT_EQ(target_isa().hatch(kJumpTable, operands, context, out, data_begin), EncodeError::None);
  EXPECT_EQ(data_begin, 14u);
  EXPECT_EQ(hex(out),
            "4c 8d 1d 07 00 00 00 4d 03 1c cb 41 ff e3 "
            "56 00 00 00 00 00 00 00 ec ff ff ff ff ff ff ff");
}

std::string printed(const machine::InstList& list) {
  std::string text;
  for (const machine::SimpleInst& inst : list.insts()) text += inst_set().print(inst.opcode, inst.span()) + "\n";
  return text;
}

TEST(X64Frame, SavedRegistersStandBelowTheLinkage) {
  machine::FrameLayout frame;
  frame.needs_frame = true;
  frame.saved = {gpr(3), gpr(12)};
  frame.size = 56;
  frame.linkage_offset = 48;
  frame.saves_offset = 32;
  machine::InstList prologue_code, epilogue_code;
  target_isa().prologue(frame, prologue_code);
  EXPECT_EQ(printed(prologue_code),
            "pushq %rbp\nmovq %rsp, %rbp\nleaq -48(%rsp), %rsp\nmovq %rbx, -16(%rbp)\nmovq %r12, -8(%rbp)\n");
  target_isa().epilogue(frame, 0, epilogue_code);
  EXPECT_EQ(printed(epilogue_code), "movq -16(%rbp), %rbx\nmovq -8(%rbp), %r12\nmovq %rbp, %rsp\npopq %rbp\n");
}

TEST(X64Frame, OffsetsBeyondADisplacementGoThroughARegister) {
  machine::InstList code;
  target_isa().frame_address(gpr(11), int64_t(1) << 31, code);
  EXPECT_EQ(printed(code), "movabsq $2147483648, %r11\nleaq (%rsp,%r11), %r11\n");
}

}  // namespace
}  // namespace assay::isa::x64
