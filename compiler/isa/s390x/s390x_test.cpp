// s390x: what is written by hand: frames, far branches, the jump table's hatch. The encodings of the definitions are
// held against the assembler by verify/encoding_check.
#include <gtest/gtest.h>

#include "compiler/isa/s390x/context.h"

namespace assay::isa::s390x {
namespace {

using machine::EncodeError;
using machine::Operand;
using machine::PReg;
using machine::RegClass;

PReg gpr(unsigned number) { return PReg(RegClass::Gpr, number); }
Operand imm(int64_t value) { return Operand::immediate(value); }

std::string hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string printed(const machine::InstList& list) {
  std::string text;
  for (const machine::SimpleInst& inst : list.insts()) {
    machine::EncodedInst encoded;
    EXPECT_EQ(inst_set().encode(inst.opcode, inst.span(), {}, encoded), EncodeError::None);
    text += inst_set().print(inst.opcode, inst.span()) + "\n";
  }
  return text;
}

std::string prologue_of(const machine::FrameLayout& frame) {
  machine::InstList list;
  target_isa().prologue(frame, list);
  return printed(list);
}

std::string epilogue_of(const machine::FrameLayout& frame) {
  machine::InstList list;
  target_isa().epilogue(frame, 0, list);
  return printed(list);
}

machine::FrameLayout frame_of(uint32_t size, bool has_calls, std::vector<PReg> saved) {
  machine::FrameLayout frame;
  frame.needs_frame = true;
  frame.size = size;
  frame.has_calls = has_calls;
  frame.saved = std::move(saved);
  return frame;
}

TEST(S390xFrame, RegistersGoToTheirPlacesInTheCallersFrame) {
  const machine::FrameLayout frame = frame_of(168, true, {gpr(8), gpr(11)});
  EXPECT_EQ(prologue_of(frame), "stmg %r8, %r15, 64(%r15)\nlay %r15, -168(%r15)\n");
  EXPECT_EQ(epilogue_of(frame), "lmg %r8, %r15, 232(%r15)\n");
}

TEST(S390xFrame, CallsSaveTheLinkRegister) {
  const machine::FrameLayout frame = frame_of(160, true, {});
  EXPECT_EQ(prologue_of(frame), "stmg %r14, %r15, 112(%r15)\nlay %r15, -160(%r15)\n");
  EXPECT_EQ(epilogue_of(frame), "lmg %r14, %r15, 272(%r15)\n");
}

TEST(S390xFrame, LeavesMoveTheStackPointerOnly) {
  const machine::FrameLayout frame = frame_of(16, false, {});
  EXPECT_EQ(prologue_of(frame), "lay %r15, -16(%r15)\n");
  EXPECT_EQ(epilogue_of(frame), "lay %r15, 16(%r15)\n");
}

TEST(S390xFrame, LargeFrames) {
  const machine::FrameLayout frame = frame_of(1u << 30, false, {gpr(6)});
  EXPECT_EQ(prologue_of(frame), "stmg %r6, %r15, 48(%r15)\nagfi %r15, -1073741824\n");
  EXPECT_EQ(epilogue_of(frame), "agfi %r15, 1073741824\nlmg %r6, %r15, 48(%r15)\n");
  // The last size at which r15 comes back with the others.
  EXPECT_EQ(epilogue_of(frame_of(524232, false, {gpr(6)})), "lmg %r6, %r15, 524280(%r15)\n");
  EXPECT_EQ(epilogue_of(frame_of(524240, false, {gpr(6)})), "lay %r15, 524240(%r15)\nlmg %r6, %r15, 48(%r15)\n");
}

TEST(S390xFrame, OffsetsBeyondADisplacementGoThroughARegister) {
  machine::InstList list;
  target_isa().frame_address(gpr(1), 524287, list);
  target_isa().frame_address(gpr(1), int64_t(1) << 31, list);
  EXPECT_EQ(printed(list), "lay %r1, 524287(%r15)\nllilf %r1, 2147483648\nlay %r1, 0(%r1,%r15)\n");
}

TEST(S390xBranch, LongerForms) {
  EXPECT_EQ(target_isa().longer_branch(kJ), kJg);
  EXPECT_EQ(target_isa().longer_branch(kBranch), kBranchLong);
  EXPECT_EQ(target_isa().longer_branch(kCompareBranch), machine::kNoOpcode);
}

// A trap is two zero bytes, behind a branch that skips it.
TEST(S390xTrap, BytesAndPlace) {
  machine::EncodedInst out;
  const Operand operands[] = {imm(int(Cond::E)), Operand::use(machine::kFlagsReg)};
  ASSERT_EQ(inst_set().encode(kTrapIf, operands, {}, out), EncodeError::None);
  EXPECT_EQ(hex({out.bytes, out.size}), "a77400030000");
  EXPECT_EQ(inst_set().descs[kTrapIf].trap_offset, 4);
  const Operand compared[] = {imm(int(Cmp::L)), imm(int(Order::U64)), Operand::use(gpr(2)), Operand::use(gpr(3))};
  ASSERT_EQ(inst_set().encode(kTrapIfCompare, compared, {}, out), EncodeError::None);
  EXPECT_EQ(hex({out.bytes, out.size}), "ec230004a0650000");
}

TEST(S390xJumpTable, EntriesAreDistancesFromTheTable) {
  const std::vector<Operand> operands = {Operand::use(gpr(5)), Operand::label(machine::Block(3)),
                                         Operand::label(machine::Block(7))};
  const machine::HatchContext context{[](const void*, unsigned slot) { return slot == 1 ? int64_t(100) : int64_t(-6); },
                                      nullptr};
  std::vector<uint8_t> out;
  uint32_t data_begin = 0;
  ASSERT_EQ(target_isa().hatch(kJumpTable, operands, context, out, data_begin), EncodeError::None);
  EXPECT_EQ(data_begin, 28u);
  EXPECT_EQ(hex(out), "eb150002000dc0000000000bb9080010e31010000014b908001007f100000048ffffffde");
}

}  // namespace
}  // namespace assay::isa::s390x
