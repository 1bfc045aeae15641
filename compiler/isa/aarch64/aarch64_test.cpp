// AArch64: encodings against the assembler's own bytes (llvm-mc), logical immediates, the jump table's hatch, frames.
#include <gtest/gtest.h>

#include <set>

#include "compiler/isa/aarch64/context.h"

namespace assay::isa::aarch64 {
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
    {kAdd, {imm(int(Size::W)), def(0), use(1), use(2)}, "add w0, w1, w2", "20 00 02 0b"},
    {kAdd, {imm(int(Size::X)), def(30), use(31), use(9)}, "add x30, xzr, x9", "fe 03 09 8b"},
    {kSub, {imm(int(Size::X)), def(3), use(4), use(5)}, "sub x3, x4, x5", "83 00 05 cb"},
    {kAddShifted,
     {imm(int(Size::X)), imm(int(Shift::Lsl)), def(1), use(2), use(3), imm(63)},
     "add x1, x2, x3, lsl #63",
     "41 fc 03 8b"},
    {kAddShifted,
     {imm(int(Size::W)), imm(int(Shift::Lsr)), def(1), use(2), use(3), imm(31)},
     "add w1, w2, w3, lsr #31",
     "41 7c 43 0b"},
    {kSubShifted,
     {imm(int(Size::X)), imm(int(Shift::Asr)), def(1), use(2), use(3), imm(7)},
     "sub x1, x2, x3, asr #7",
     "41 1c 83 cb"},
    {kAddShifted,
     {imm(int(Size::X)), imm(int(Shift::Lsl)), def(1), use(2), use(3), imm(0)},
     "add x1, x2, x3",
     "41 00 03 8b"},
    {kAddImm,
     {imm(int(Size::X)), imm(int(ImmShift::Lsl0)), def(31), use(31), imm(4095)},
     "add sp, sp, #4095",
     "ff ff 3f 91"},
    {kAddImm,
     {imm(int(Size::W)), imm(int(ImmShift::Lsl12)), def(7), use(8), imm(1)},
     "add w7, w8, #1, lsl #12",
     "07 05 40 11"},
    {kSubImm,
     {imm(int(Size::X)), imm(int(ImmShift::Lsl12)), def(7), use(8), imm(4095)},
     "sub x7, x8, #4095, lsl #12",
     "07 fd 7f d1"},
    {kSubImm,
     {imm(int(Size::W)), imm(int(ImmShift::Lsl0)), def(31), use(8), imm(16)},
     "sub wsp, w8, #16",
     "1f 41 00 51"},
    {kAddExtended,
     {imm(int(Size::W)), imm(int(Extend::Uxtb)), def(1), use(2), use(3)},
     "add w1, w2, w3, uxtb",
     "41 00 23 0b"},
    {kAddExtended,
     {imm(int(Size::X)), imm(int(Extend::Uxth)), def(1), use(2), use(3)},
     "add x1, x2, w3, uxth",
     "41 20 23 8b"},
    {kAddExtended,
     {imm(int(Size::X)), imm(int(Extend::Uxtw)), def(1), use(2), use(3)},
     "add x1, x2, w3, uxtw",
     "41 40 23 8b"},
    {kAddExtended,
     {imm(int(Size::W)), imm(int(Extend::Sxtb)), def(1), use(2), use(3)},
     "add w1, w2, w3, sxtb",
     "41 80 23 0b"},
    {kAddExtended,
     {imm(int(Size::X)), imm(int(Extend::Sxth)), def(1), use(2), use(3)},
     "add x1, x2, w3, sxth",
     "41 a0 23 8b"},
    {kAddExtended,
     {imm(int(Size::X)), imm(int(Extend::Sxtw)), def(1), use(2), use(3)},
     "add x1, x2, w3, sxtw",
     "41 c0 23 8b"},
    {kSubExtended,
     {imm(int(Size::W)), imm(int(Extend::Sxth)), def(1), use(2), use(3)},
     "sub w1, w2, w3, sxth",
     "41 a0 23 4b"},
    {kAddSp, {def(31), use(31), use(17)}, "add sp, sp, x17, uxtx", "ff 63 31 8b"},
    {kNeg, {imm(int(Size::W)), def(1), use(2)}, "neg w1, w2", "e1 03 02 4b"},
    {kAdds, {imm(int(Size::X)), def(1), use(2), use(3), flags()}, "adds x1, x2, x3", "41 00 03 ab"},
    {kSubs, {imm(int(Size::W)), def(1), use(2), use(3), flags()}, "subs w1, w2, w3", "41 00 03 6b"},
    {kAddsImm,
     {imm(int(Size::W)), imm(int(ImmShift::Lsl12)), def(1), use(2), imm(9), flags()},
     "adds w1, w2, #9, lsl #12",
     "41 24 40 31"},
    {kSubsImm,
     {imm(int(Size::X)), imm(int(ImmShift::Lsl0)), def(1), use(2), imm(9), flags()},
     "subs x1, x2, #9",
     "41 24 00 f1"},
    {kAdcs, {imm(int(Size::X)), flags(), def(1), use(2), use(3), flags()}, "adcs x1, x2, x3", "41 00 03 ba"},
    {kSbcs, {imm(int(Size::W)), flags(), def(1), use(2), use(3), flags()}, "sbcs w1, w2, w3", "41 00 03 7a"},
    {kCmp, {imm(int(Size::X)), use(2), use(3), flags()}, "cmp x2, x3", "5f 00 03 eb"},
    {kCmpShifted,
     {imm(int(Size::X)), imm(int(Shift::Asr)), use(2), use(3), imm(63), flags()},
     "cmp x2, x3, asr #63",
     "5f fc 83 eb"},
    {kCmpExtended,
     {imm(int(Size::W)), imm(int(Extend::Sxtb)), use(2), use(3), flags()},
     "cmp w2, w3, sxtb",
     "5f 80 23 6b"},
    {kCmpExtended,
     {imm(int(Size::X)), imm(int(Extend::Uxtw)), use(2), use(3), flags()},
     "cmp x2, w3, uxtw",
     "5f 40 23 eb"},
    {kCmpImm,
     {imm(int(Size::W)), imm(int(ImmShift::Lsl0)), use(2), imm(4095), flags()},
     "cmp w2, #4095",
     "5f fc 3f 71"},
    {kCmnImm,
     {imm(int(Size::X)), imm(int(ImmShift::Lsl12)), use(2), imm(1), flags()},
     "cmn x2, #1, lsl #12",
     "5f 04 40 b1"},
    {kCcmpImm,
     {imm(int(Size::W)), imm(int(Cond::Eq)), flags(), use(2), imm(1), flags()},
     "ccmp w2, #1, #0, eq",
     "40 08 41 7a"},
    {kTst, {imm(int(Size::X)), use(2), use(3), flags()}, "tst x2, x3", "5f 00 03 ea"},
    {kTstImm32, {use(2), imm(255), flags()}, "tst w2, #0xff", "5f 1c 00 72"},
    {kTstImm64, {use(2), imm(0x5555555555555555), flags()}, "tst x2, #0x5555555555555555", "5f f0 00 f2"},
    {kMovz, {imm(int(Piece::P0)), def(4), imm(65535)}, "mov x4, #65535", "e4 ff 9f d2"},
    {kMovz, {imm(int(Piece::P48)), def(4), imm(1)}, "movz x4, #1, lsl #48", "24 00 e0 d2"},
    {kMovn, {imm(int(Piece::P0)), def(4), imm(0)}, "movn x4, #0", "04 00 80 92"},
    {kMovn, {imm(int(Piece::P16)), def(4), imm(5)}, "movn x4, #5, lsl #16", "a4 00 a0 92"},
    {kMovk, {imm(int(Piece::P32)), def(4), use(4), imm(4660)}, "movk x4, #4660, lsl #32", "84 46 c2 f2"},
    {kMovk, {imm(int(Piece::P0)), def(4), use(4), imm(4660)}, "movk x4, #4660", "84 46 82 f2"},
    {kMovBitmask, {def(4), imm(0x0101010101010101)}, "orr x4, xzr, #0x101010101010101", "e4 c3 00 b2"},
    {kMov, {def(4), use(5)}, "mov x4, x5", "e4 03 05 aa"},
    {kMov32, {def(4), use(5)}, "mov w4, w5", "e4 03 05 2a"},
    {kMovSp, {def(29), use(31)}, "add x29, sp, #0", "fd 03 00 91"},
    {kMovSp, {def(31), use(29)}, "add sp, x29, #0", "bf 03 00 91"},
    {kLogic, {imm(int(Logic::And)), imm(int(Size::W)), def(1), use(2), use(3)}, "and w1, w2, w3", "41 00 03 0a"},
    {kLogic, {imm(int(Logic::Bic)), imm(int(Size::X)), def(1), use(2), use(3)}, "bic x1, x2, x3", "41 00 23 8a"},
    {kLogic, {imm(int(Logic::Orr)), imm(int(Size::W)), def(1), use(2), use(3)}, "orr w1, w2, w3", "41 00 03 2a"},
    {kLogic, {imm(int(Logic::Orn)), imm(int(Size::X)), def(1), use(2), use(3)}, "orn x1, x2, x3", "41 00 23 aa"},
    {kLogic, {imm(int(Logic::Eor)), imm(int(Size::X)), def(1), use(2), use(3)}, "eor x1, x2, x3", "41 00 03 ca"},
    {kLogic, {imm(int(Logic::Eon)), imm(int(Size::W)), def(1), use(2), use(3)}, "eon w1, w2, w3", "41 00 23 4a"},
    {kLogicShifted,
     {imm(int(Logic::Orr)), imm(int(Size::X)), imm(int(Shift::Lsl)), def(1), use(2), use(3), imm(40)},
     "orr x1, x2, x3, lsl #40",
     "41 a0 03 aa"},
    {kLogicShifted,
     {imm(int(Logic::Bic)), imm(int(Size::W)), imm(int(Shift::Asr)), def(1), use(2), use(3), imm(4)},
     "bic w1, w2, w3, asr #4",
     "41 10 a3 0a"},
    {kLogicImm32, {imm(int(LogicImm::And)), def(1), use(2), imm(0xffffff00)}, "and w1, w2, #0xffffff00", "41 5c 18 12"},
    {kLogicImm32,
     {imm(int(LogicImm::Eor)), def(31), use(2), imm(0x80000001)},
     "eor wsp, w2, #0x80000001",
     "5f 04 01 52"},
    {kLogicImm64,
     {imm(int(LogicImm::Orr)), def(1), use(2), imm(0x00ff00ff00ff00ff)},
     "orr x1, x2, #0xff00ff00ff00ff",
     "41 9c 00 b2"},
    {kLogicImm64,
     {imm(int(LogicImm::And)), def(1), use(2), imm(-16)},
     "and x1, x2, #0xfffffffffffffff0",
     "41 ec 7c 92"},
    {kMvn, {imm(int(Size::X)), def(1), use(2)}, "mvn x1, x2", "e1 03 22 aa"},
    {kMul, {imm(int(Size::W)), def(1), use(2), use(3)}, "mul w1, w2, w3", "41 7c 03 1b"},
    {kMadd, {imm(int(Size::X)), def(1), use(2), use(3), use(4)}, "madd x1, x2, x3, x4", "41 10 03 9b"},
    {kMsub, {imm(int(Size::W)), def(1), use(2), use(3), use(4)}, "msub w1, w2, w3, w4", "41 90 03 1b"},
    {kMneg, {imm(int(Size::X)), def(1), use(2), use(3)}, "mneg x1, x2, x3", "41 fc 03 9b"},
    {kSmull, {def(1), use(2), use(3)}, "smull x1, w2, w3", "41 7c 23 9b"},
    {kUmull, {def(1), use(2), use(3)}, "umull x1, w2, w3", "41 7c a3 9b"},
    {kSmulh, {def(1), use(2), use(3)}, "smulh x1, x2, x3", "41 7c 43 9b"},
    {kUmulh, {def(1), use(2), use(3)}, "umulh x1, x2, x3", "41 7c c3 9b"},
    {kUdiv, {imm(int(Size::W)), def(1), use(2), use(3)}, "udiv w1, w2, w3", "41 08 c3 1a"},
    {kSdiv, {imm(int(Size::X)), def(1), use(2), use(3)}, "sdiv x1, x2, x3", "41 0c c3 9a"},
    {kLslv, {imm(int(Size::W)), def(1), use(2), use(3)}, "lsl w1, w2, w3", "41 20 c3 1a"},
    {kLsrv, {imm(int(Size::X)), def(1), use(2), use(3)}, "lsr x1, x2, x3", "41 24 c3 9a"},
    {kAsrv, {imm(int(Size::W)), def(1), use(2), use(3)}, "asr w1, w2, w3", "41 28 c3 1a"},
    {kRorv, {imm(int(Size::X)), def(1), use(2), use(3)}, "ror x1, x2, x3", "41 2c c3 9a"},
    {kLslImm, {imm(int(Size::W)), def(1), use(2), imm(31)}, "lsl w1, w2, #31", "41 00 01 53"},
    {kLslImm, {imm(int(Size::X)), def(1), use(2), imm(1)}, "lsl x1, x2, #1", "41 f8 7f d3"},
    {kLsrImm, {imm(int(Size::W)), def(1), use(2), imm(3)}, "lsr w1, w2, #3", "41 7c 03 53"},
    {kLsrImm, {imm(int(Size::X)), def(1), use(2), imm(63)}, "lsr x1, x2, #63", "41 fc 7f d3"},
    {kAsrImm, {imm(int(Size::W)), def(1), use(2), imm(3)}, "asr w1, w2, #3", "41 7c 03 13"},
    {kAsrImm, {imm(int(Size::X)), def(1), use(2), imm(33)}, "asr x1, x2, #33", "41 fc 61 93"},
    {kRorImm, {imm(int(Size::W)), def(1), use(2), imm(3)}, "ror w1, w2, #3", "41 0c 82 13"},
    {kRorImm, {imm(int(Size::X)), def(1), use(2), imm(33)}, "ror x1, x2, #33", "41 84 c2 93"},
    {kUbfx, {imm(int(Narrow::B)), def(1), use(2), imm(3), imm(5)}, "ubfx w1, w2, #3, #5", "41 1c 03 53"},
    {kUbfx, {imm(int(Narrow::H)), def(1), use(2), imm(0), imm(16)}, "uxth w1, w2", "41 3c 00 53"},
    {kSbfx,
     {imm(int(Narrow::H)), imm(int(Size::X)), def(1), use(2), imm(15), imm(1)},
     "sbfx x1, x2, #15, #1",
     "41 3c 4f 93"},
    {kSbfx,
     {imm(int(Narrow::B)), imm(int(Size::W)), def(1), use(2), imm(7), imm(1)},
     "sbfx w1, w2, #7, #1",
     "41 1c 07 13"},
    {kUxt, {imm(int(Narrow::B)), def(1), use(2)}, "uxtb w1, w2", "41 1c 00 53"},
    {kUxt, {imm(int(Narrow::H)), def(1), use(2)}, "uxth w1, w2", "41 3c 00 53"},
    {kSxt, {imm(int(Narrow::B)), imm(int(Size::W)), def(1), use(2)}, "sxtb w1, w2", "41 1c 00 13"},
    {kSxt, {imm(int(Narrow::H)), imm(int(Size::X)), def(1), use(2)}, "sxth x1, w2", "41 3c 40 93"},
    {kSxtw, {def(1), use(2)}, "sxtw x1, w2", "41 7c 40 93"},
    {kBfi, {imm(int(Narrow::B)), def(1), use(1), use(2)}, "bfi w1, w2, #8, #8", "41 1c 18 33"},
    {kBfi, {imm(int(Narrow::H)), def(1), use(1), use(2)}, "bfi w1, w2, #16, #16", "41 3c 10 33"},
    {kRbit, {imm(int(Size::W)), def(1), use(2)}, "rbit w1, w2", "41 00 c0 5a"},
    {kRbit, {imm(int(Size::X)), def(1), use(2)}, "rbit x1, x2", "41 00 c0 da"},
    {kRev, {imm(int(Size::W)), def(1), use(2)}, "rev w1, w2", "41 08 c0 5a"},
    {kRev, {imm(int(Size::X)), def(1), use(2)}, "rev x1, x2", "41 0c c0 da"},
    {kClz, {imm(int(Size::W)), def(1), use(2)}, "clz w1, w2", "41 10 c0 5a"},
    {kClz, {imm(int(Size::X)), def(1), use(2)}, "clz x1, x2", "41 10 c0 da"},
    {kCls, {imm(int(Size::W)), def(1), use(2)}, "cls w1, w2", "41 14 c0 5a"},
    {kCls, {imm(int(Size::X)), def(1), use(2)}, "cls x1, x2", "41 14 c0 da"},
    {kRev16, {def(1), use(2)}, "rev16 w1, w2", "41 04 c0 5a"},
    {kCsel,
     {imm(int(Cond::Eq)), imm(int(Size::W)), flags(), def(1), use(2), use(3)},
     "csel w1, w2, w3, eq",
     "41 00 83 1a"},
    {kCsinc,
     {imm(int(Cond::Hs)), imm(int(Size::X)), flags(), def(1), use(2), use(3)},
     "csinc x1, x2, x3, hs",
     "41 24 83 9a"},
    {kCsinv,
     {imm(int(Cond::Lt)), imm(int(Size::W)), flags(), def(1), use(2), use(3)},
     "csinv w1, w2, w3, lt",
     "41 b0 83 5a"},
    {kCsneg,
     {imm(int(Cond::Pl)), imm(int(Size::X)), flags(), def(1), use(2), use(3)},
     "csneg x1, x2, x3, pl",
     "41 54 83 da"},
    {kCset, {imm(int(Cond::Hi)), flags(), def(1)}, "cset w1, hi", "e1 97 9f 1a"},
    {kCsetm, {imm(int(Cond::Le)), flags(), def(1)}, "csetm x1, le", "e1 c3 9f da"},
    {kCset, {imm(int(Cond::Vs)), flags(), def(1)}, "cset w1, vs", "e1 77 9f 1a"},
    {kLoad, {imm(int(Load::B)), def(1), use(31), none(), imm(0), imm(4095)}, "ldrb w1, [sp, #4095]", "e1 ff 7f 39"},
    {kLoad, {imm(int(Load::H)), def(1), use(31), none(), imm(0), imm(8190)}, "ldrh w1, [sp, #8190]", "e1 ff 7f 79"},
    {kLoad, {imm(int(Load::W)), def(1), use(31), none(), imm(0), imm(16380)}, "ldr w1, [sp, #16380]", "e1 ff 7f b9"},
    {kLoad, {imm(int(Load::X)), def(1), use(31), none(), imm(0), imm(32760)}, "ldr x1, [sp, #32760]", "e1 ff 7f f9"},
    {kLoad, {imm(int(Load::SB)), def(1), use(31), none(), imm(0), imm(0)}, "ldrsb x1, [sp]", "e1 03 80 39"},
    {kLoad, {imm(int(Load::SH)), def(1), use(31), none(), imm(0), imm(2)}, "ldrsh x1, [sp, #2]", "e1 07 80 79"},
    {kLoad, {imm(int(Load::SW)), def(1), use(31), none(), imm(0), imm(4)}, "ldrsw x1, [sp, #4]", "e1 07 80 b9"},
    {kLoadUnscaled,
     {imm(int(Load::B)), def(1), use(2), none(), imm(0), imm(-256)},
     "ldurb w1, [x2, #-256]",
     "41 00 50 38"},
    {kLoadIndex,
     {imm(int(Load::B)), imm(int(Index::Lsl)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldrb w1, [x2, x3, lsl #0]",
     "41 78 63 38"},
    {kLoadIndex,
     {imm(int(Load::B)), imm(int(Index::Uxtw)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldrb w1, [x2, w3, uxtw #0]",
     "41 58 63 38"},
    {kLoadIndex,
     {imm(int(Load::B)), imm(int(Index::Sxtw)), imm(int(Scale::Bytes)), def(1), use(2), use(3)},
     "ldrb w1, [x2, w3, sxtw]",
     "41 c8 63 38"},
    {kLoadUnscaled,
     {imm(int(Load::H)), def(1), use(2), none(), imm(0), imm(-256)},
     "ldurh w1, [x2, #-256]",
     "41 00 50 78"},
    {kLoadIndex,
     {imm(int(Load::H)), imm(int(Index::Lsl)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldrh w1, [x2, x3, lsl #1]",
     "41 78 63 78"},
    {kLoadIndex,
     {imm(int(Load::H)), imm(int(Index::Uxtw)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldrh w1, [x2, w3, uxtw #1]",
     "41 58 63 78"},
    {kLoadIndex,
     {imm(int(Load::H)), imm(int(Index::Sxtw)), imm(int(Scale::Bytes)), def(1), use(2), use(3)},
     "ldrh w1, [x2, w3, sxtw]",
     "41 c8 63 78"},
    {kLoadUnscaled,
     {imm(int(Load::W)), def(1), use(2), none(), imm(0), imm(-256)},
     "ldur w1, [x2, #-256]",
     "41 00 50 b8"},
    {kLoadIndex,
     {imm(int(Load::W)), imm(int(Index::Lsl)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldr w1, [x2, x3, lsl #2]",
     "41 78 63 b8"},
    {kLoadIndex,
     {imm(int(Load::W)), imm(int(Index::Uxtw)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldr w1, [x2, w3, uxtw #2]",
     "41 58 63 b8"},
    {kLoadIndex,
     {imm(int(Load::W)), imm(int(Index::Sxtw)), imm(int(Scale::Bytes)), def(1), use(2), use(3)},
     "ldr w1, [x2, w3, sxtw]",
     "41 c8 63 b8"},
    {kLoadUnscaled,
     {imm(int(Load::X)), def(1), use(2), none(), imm(0), imm(-256)},
     "ldur x1, [x2, #-256]",
     "41 00 50 f8"},
    {kLoadIndex,
     {imm(int(Load::X)), imm(int(Index::Lsl)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldr x1, [x2, x3, lsl #3]",
     "41 78 63 f8"},
    {kLoadIndex,
     {imm(int(Load::X)), imm(int(Index::Uxtw)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldr x1, [x2, w3, uxtw #3]",
     "41 58 63 f8"},
    {kLoadIndex,
     {imm(int(Load::X)), imm(int(Index::Sxtw)), imm(int(Scale::Bytes)), def(1), use(2), use(3)},
     "ldr x1, [x2, w3, sxtw]",
     "41 c8 63 f8"},
    {kLoadUnscaled,
     {imm(int(Load::SB)), def(1), use(2), none(), imm(0), imm(-256)},
     "ldursb x1, [x2, #-256]",
     "41 00 90 38"},
    {kLoadIndex,
     {imm(int(Load::SB)), imm(int(Index::Lsl)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldrsb x1, [x2, x3, lsl #0]",
     "41 78 a3 38"},
    {kLoadIndex,
     {imm(int(Load::SB)), imm(int(Index::Uxtw)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldrsb x1, [x2, w3, uxtw #0]",
     "41 58 a3 38"},
    {kLoadIndex,
     {imm(int(Load::SB)), imm(int(Index::Sxtw)), imm(int(Scale::Bytes)), def(1), use(2), use(3)},
     "ldrsb x1, [x2, w3, sxtw]",
     "41 c8 a3 38"},
    {kLoadUnscaled,
     {imm(int(Load::SH)), def(1), use(2), none(), imm(0), imm(-256)},
     "ldursh x1, [x2, #-256]",
     "41 00 90 78"},
    {kLoadIndex,
     {imm(int(Load::SH)), imm(int(Index::Lsl)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldrsh x1, [x2, x3, lsl #1]",
     "41 78 a3 78"},
    {kLoadIndex,
     {imm(int(Load::SH)), imm(int(Index::Uxtw)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldrsh x1, [x2, w3, uxtw #1]",
     "41 58 a3 78"},
    {kLoadIndex,
     {imm(int(Load::SH)), imm(int(Index::Sxtw)), imm(int(Scale::Bytes)), def(1), use(2), use(3)},
     "ldrsh x1, [x2, w3, sxtw]",
     "41 c8 a3 78"},
    {kLoadUnscaled,
     {imm(int(Load::SW)), def(1), use(2), none(), imm(0), imm(-256)},
     "ldursw x1, [x2, #-256]",
     "41 00 90 b8"},
    {kLoadIndex,
     {imm(int(Load::SW)), imm(int(Index::Lsl)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldrsw x1, [x2, x3, lsl #2]",
     "41 78 a3 b8"},
    {kLoadIndex,
     {imm(int(Load::SW)), imm(int(Index::Uxtw)), imm(int(Scale::Elements)), def(1), use(2), use(3)},
     "ldrsw x1, [x2, w3, uxtw #2]",
     "41 58 a3 b8"},
    {kLoadIndex,
     {imm(int(Load::SW)), imm(int(Index::Sxtw)), imm(int(Scale::Bytes)), def(1), use(2), use(3)},
     "ldrsw x1, [x2, w3, sxtw]",
     "41 c8 a3 b8"},
    {kLoadIndex,
     {imm(int(Load::X)), imm(int(Index::Lsl)), imm(int(Scale::Bytes)), def(1), use(31), use(3)},
     "ldr x1, [sp, x3]",
     "e1 6b 63 f8"},
    {kStore, {imm(int(Store::B)), use(31), use(31), none(), imm(0), imm(1)}, "strb wzr, [sp, #1]", "ff 07 00 39"},
    {kStoreUnscaled,
     {imm(int(Store::B)), use(1), use(2), none(), imm(0), imm(255)},
     "sturb w1, [x2, #255]",
     "41 f0 0f 38"},
    {kStoreIndex,
     {imm(int(Store::B)), imm(int(Index::Lsl)), imm(int(Scale::Elements)), use(1), use(2), use(3)},
     "strb w1, [x2, x3, lsl #0]",
     "41 78 23 38"},
    {kStoreIndex,
     {imm(int(Store::B)), imm(int(Index::Sxtw)), imm(int(Scale::Elements)), use(1), use(2), use(3)},
     "strb w1, [x2, w3, sxtw #0]",
     "41 d8 23 38"},
    {kStoreIndex,
     {imm(int(Store::B)), imm(int(Index::Uxtw)), imm(int(Scale::Bytes)), use(1), use(2), use(3)},
     "strb w1, [x2, w3, uxtw]",
     "41 48 23 38"},
    {kStore, {imm(int(Store::H)), use(31), use(31), none(), imm(0), imm(2)}, "strh wzr, [sp, #2]", "ff 07 00 79"},
    {kStoreUnscaled,
     {imm(int(Store::H)), use(1), use(2), none(), imm(0), imm(255)},
     "sturh w1, [x2, #255]",
     "41 f0 0f 78"},
    {kStoreIndex,
     {imm(int(Store::H)), imm(int(Index::Lsl)), imm(int(Scale::Elements)), use(1), use(2), use(3)},
     "strh w1, [x2, x3, lsl #1]",
     "41 78 23 78"},
    {kStoreIndex,
     {imm(int(Store::H)), imm(int(Index::Sxtw)), imm(int(Scale::Elements)), use(1), use(2), use(3)},
     "strh w1, [x2, w3, sxtw #1]",
     "41 d8 23 78"},
    {kStoreIndex,
     {imm(int(Store::H)), imm(int(Index::Uxtw)), imm(int(Scale::Bytes)), use(1), use(2), use(3)},
     "strh w1, [x2, w3, uxtw]",
     "41 48 23 78"},
    {kStore, {imm(int(Store::W)), use(31), use(31), none(), imm(0), imm(4)}, "str wzr, [sp, #4]", "ff 07 00 b9"},
    {kStoreUnscaled,
     {imm(int(Store::W)), use(1), use(2), none(), imm(0), imm(255)},
     "stur w1, [x2, #255]",
     "41 f0 0f b8"},
    {kStoreIndex,
     {imm(int(Store::W)), imm(int(Index::Lsl)), imm(int(Scale::Elements)), use(1), use(2), use(3)},
     "str w1, [x2, x3, lsl #2]",
     "41 78 23 b8"},
    {kStoreIndex,
     {imm(int(Store::W)), imm(int(Index::Sxtw)), imm(int(Scale::Elements)), use(1), use(2), use(3)},
     "str w1, [x2, w3, sxtw #2]",
     "41 d8 23 b8"},
    {kStoreIndex,
     {imm(int(Store::W)), imm(int(Index::Uxtw)), imm(int(Scale::Bytes)), use(1), use(2), use(3)},
     "str w1, [x2, w3, uxtw]",
     "41 48 23 b8"},
    {kStore, {imm(int(Store::X)), use(31), use(31), none(), imm(0), imm(8)}, "str xzr, [sp, #8]", "ff 07 00 f9"},
    {kStoreUnscaled,
     {imm(int(Store::X)), use(1), use(2), none(), imm(0), imm(255)},
     "stur x1, [x2, #255]",
     "41 f0 0f f8"},
    {kStoreIndex,
     {imm(int(Store::X)), imm(int(Index::Lsl)), imm(int(Scale::Elements)), use(1), use(2), use(3)},
     "str x1, [x2, x3, lsl #3]",
     "41 78 23 f8"},
    {kStoreIndex,
     {imm(int(Store::X)), imm(int(Index::Sxtw)), imm(int(Scale::Elements)), use(1), use(2), use(3)},
     "str x1, [x2, w3, sxtw #3]",
     "41 d8 23 f8"},
    {kStoreIndex,
     {imm(int(Store::X)), imm(int(Index::Uxtw)), imm(int(Scale::Bytes)), use(1), use(2), use(3)},
     "str x1, [x2, w3, uxtw]",
     "41 48 23 f8"},
    {kStoreIndex,
     {imm(int(Store::X)), imm(int(Index::Lsl)), imm(int(Scale::Bytes)), use(1), use(31), use(3)},
     "str x1, [sp, x3]",
     "e1 6b 23 f8"},
    {kLea, {def(1), use(31), none(), imm(0), imm(100)}, "add x1, sp, #100", "e1 93 01 91"},
    {kPushPair, {use(29), use(30)}, "stp x29, x30, [sp, #-16]!", "fd 7b bf a9"},
    {kPopPair, {def(29), def(30)}, "ldp x29, x30, [sp], #16", "fd 7b c1 a8"},
    {kStorePair, {use(19), use(20), use(29), none(), imm(0), imm(-80)}, "stp x19, x20, [x29, #-80]", "b3 53 3b a9"},
    {kLoadPair, {def(19), def(20), use(29), none(), imm(0), imm(-16)}, "ldp x19, x20, [x29, #-16]", "b3 53 7f a9"},
    {kB, {imm(-8)}, "b -8", "fe ff ff 17"},
    {kBcond, {imm(int(Cond::Lo)), flags(), imm(1048572)}, "b.lo 1048572", "e3 ff 7f 54"},
    {kCb, {imm(int(Zero::Z)), imm(int(Size::W)), use(1), imm(-4)}, "cbz w1, -4", "e1 ff ff 34"},
    {kCb, {imm(int(Zero::Nz)), imm(int(Size::X)), use(1), imm(8)}, "cbnz x1, 8", "41 00 00 b5"},
    {kTb, {imm(int(Zero::Z)), use(1), imm(31), imm(8)}, "tbz w1, #31, 8", "41 00 f8 36"},
    {kTb, {imm(int(Zero::Nz)), use(1), imm(32), imm(-8)}, "tbnz x1, #32, -8", "c1 ff 07 b7"},
    {kRet, {}, "ret", "c0 03 5f d6"},
    {kCallIndirect, {use(8)}, "blr x8", "00 01 3f d6"},
    {kTrap, {}, "udf #49439", "1f c1 00 00"},
    {kBrk, {}, "brk #0", "00 00 20 d4"},
    {kNop, {}, "nop", "1f 20 03 d5"},
};

TEST(Aarch64Encoding, MatchesTheAssembler) {
  for (const Case& c : kCases) {
    EXPECT_EQ(encoded(c.opcode, c.operands), c.bytes) << c.assembly;
    EXPECT_EQ(inst_set().print(c.opcode, c.operands), c.assembly);
  }
}

TEST(Aarch64Encoding, RefusesWhatDoesNotFit) {
  const std::string bad = "error " + std::to_string(int(EncodeError::BadOperand));
  auto load = [](Load kind, int64_t disp) {
    const std::vector<Operand> operands = {imm(int(kind)), def(0), use(1), none(), imm(0), imm(disp)};
    return encoded(kLoad, operands);
  };
  EXPECT_EQ(load(Load::X, 4), bad);
  EXPECT_EQ(load(Load::X, 32768), bad);
  EXPECT_EQ(load(Load::B, 4096), bad);
  EXPECT_EQ(load(Load::H, -2), bad);
  const std::vector<Operand> shift = {imm(int(Size::W)), def(0), use(1), imm(32)};
  EXPECT_EQ(encoded(kLslImm, shift), bad);
  const std::vector<Operand> mask = {imm(int(LogicImm::And)), def(0), use(1), imm(5)};
  EXPECT_EQ(encoded(kLogicImm64, mask), bad);
}

// A conditional trap is the inverse branch over `udf`.
TEST(Aarch64Encoding, ConditionalTrap) {
  const std::vector<Operand> on_flags = {imm(int(Cond::Hs)), flags()};
  EXPECT_EQ(encoded(kTrapIf, on_flags), "43 00 00 54 1f c1 00 00");
  const std::vector<Operand> on_zero = {imm(int(Zero::Z)), imm(int(Size::X)), use(3)};
  EXPECT_EQ(encoded(kTrapIfZero, on_zero), "43 00 00 b5 1f c1 00 00");
  EXPECT_EQ(inst_set().descs[kTrapIf].trap_offset, 4);
  EXPECT_EQ(inst_set().descs[kTrapIfZero].trap_offset, 4);
}

// Every logical immediate of 64 bits, by the manual's DecodeBitMasks: value and fields N:immr:imms.
std::vector<std::pair<uint64_t, uint32_t>> all_logical_immediates() {
  std::vector<std::pair<uint64_t, uint32_t>> all;
  for (unsigned size = 2; size <= 64; size *= 2) {
    for (unsigned ones = 1; ones < size; ++ones) {
      for (unsigned rotate = 0; rotate < size; ++rotate) {
        uint64_t value = 0;
        for (unsigned bit = 0; bit < 64; ++bit) {
          if ((bit + rotate) % size < ones) value |= uint64_t(1) << bit;
        }
        const uint32_t imms = size == 64 ? ones - 1 : (0x3f & ~(2 * size - 1)) | (ones - 1);
        all.emplace_back(value, uint32_t(size == 64) << 12 | rotate << 6 | imms);
      }
    }
  }
  return all;
}

TEST(Aarch64Bitmask, AcceptsEveryLogicalImmediateAsItsFields) {
  const auto all = all_logical_immediates();
  EXPECT_EQ(all.size(), 5334u);
  for (const auto& [value, fields] : all) {
    uint32_t bits = 0;
    ASSERT_TRUE(bitmask64(static_cast<int64_t>(value), bits)) << std::hex << value;
    EXPECT_EQ(bits, fields) << std::hex << value;
    const uint64_t low = value & 0xffffffff;
    const bool narrow = (fields >> 12) == 0;
    EXPECT_EQ(bitmask32(static_cast<int64_t>(low), bits) && bits == fields, narrow) << std::hex << value;
    if (value >> 32 != 0) EXPECT_FALSE(bitmask32(static_cast<int64_t>(value), bits));
  }
}

TEST(Aarch64Bitmask, AcceptsNothingElse) {
  std::set<uint64_t> members;
  for (const auto& [value, fields] : all_logical_immediates()) members.insert(value);
  auto check = [&](uint64_t value) {
    uint32_t bits = 0;
    EXPECT_EQ(bitmask64(static_cast<int64_t>(value), bits), members.contains(value)) << std::hex << value;
    const uint64_t low = value & 0xffffffff;
    EXPECT_EQ(bitmask32(static_cast<int64_t>(low), bits), members.contains(low << 32 | low)) << std::hex << low;
  };
  for (uint64_t value = 0; value < 0x10000; ++value) {
    check(value);
    check(value * 0x0001000100010001);
    check(~value);
    check(value << 40);
  }
  // One bit away from a member.
  for (uint64_t member : members) {
    for (unsigned bit = 0; bit < 64; bit += 7) check(member ^ uint64_t(1) << bit);
  }
}

TEST(Aarch64JumpTable, EntriesAreDistancesFromTheTable) {
  const std::vector<Operand> operands = {use(1), Operand::label(machine::Block(3)), Operand::label(machine::Block(7))};
  const machine::HatchContext context{[](const void*, unsigned slot) { return slot == 1 ? int64_t(100) : int64_t(-6); },
                                      nullptr};
  std::vector<uint8_t> out;
  uint32_t data_begin = 0;
  ASSERT_EQ(target_isa().hatch(kJumpTable, operands, context, out, data_begin), EncodeError::None);
  EXPECT_EQ(data_begin, 16u);
  // adr x16, #16 ; ldrsw x17, [x16, w1, uxtw #2] ; add x16, x16, x17 ; br x16
  EXPECT_EQ(hex(out),
            "90 00 00 10 11 5a a1 b8 10 02 11 8b 00 02 1f d6 "
            "54 00 00 00 ea ff ff ff");
}

std::string printed(const machine::InstList& list) {
  std::string text;
  for (const machine::SimpleInst& inst : list.insts()) text += inst_set().print(inst.opcode, inst.span()) + "\n";
  return text;
}

TEST(Aarch64Frame, SavedRegistersStandBelowTheLinkage) {
  machine::FrameLayout frame;
  frame.needs_frame = true;
  frame.saved = {gpr(19), gpr(20), gpr(21)};
  frame.size = 64;
  frame.linkage_offset = 48;
  frame.saves_offset = 16;
  machine::InstList prologue_code, epilogue_code;
  target_isa().prologue(frame, prologue_code);
  EXPECT_EQ(printed(prologue_code),
            "stp x29, x30, [sp, #-16]!\nadd x29, sp, #0\nsub sp, sp, #48\nstp x19, x20, [x29, #-32]\n"
            "stur x21, [x29, #-16]\n");
  target_isa().epilogue(frame, 0, epilogue_code);
  EXPECT_EQ(printed(epilogue_code),
            "ldp x19, x20, [x29, #-32]\nldur x21, [x29, #-16]\nadd sp, x29, #0\nldp x29, x30, [sp], #16\n");
}

TEST(Aarch64Frame, OffsetsBeyondAnImmediateGoThroughARegister) {
  machine::InstList code;
  target_isa().frame_address(gpr(17), 0x12345678, code);
  EXPECT_EQ(printed(code), "mov x17, #22136\nmovk x17, #4660, lsl #16\nadd x17, sp, x17, uxtx\n");
  machine::FrameLayout frame;
  frame.needs_frame = true;
  frame.size = 0x10010;
  frame.linkage_offset = 0x10000;
  machine::InstList prologue_code;
  target_isa().prologue(frame, prologue_code);
  EXPECT_EQ(printed(prologue_code),
            "stp x29, x30, [sp, #-16]!\nadd x29, sp, #0\nmovn x17, #65535\nadd sp, sp, x17, uxtx\n");
}

}  // namespace
}  // namespace assay::isa::aarch64
