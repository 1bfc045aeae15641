// The four sample instruction sets in testdata/: bytes as llvm-mc gives them, text, descriptions, evaluation.
#include <gtest/gtest.h>

#include <map>

#include "compiler/isa/sample_aarch64/insts.h"
#include "compiler/isa/sample_riscv/insts.h"
#include "compiler/isa/sample_s390x/insts.h"
#include "compiler/isa/sample_x64/insts.h"
#include "compiler/isle/notation/inst_eval.h"

namespace assay::isa::sample_aarch64 {
// A hatch: a run of eight ones, rotated: 0xff << n is N=1, immr = 64 - n, imms = 7.
bool byte_mask(int64_t value, uint32_t& bits) {
  for (unsigned n = 0; n < 56; ++n) {
    if (static_cast<uint64_t>(value) == uint64_t(0xff) << n) {
      bits = 1u << 12 | ((64 - n) & 63) << 6 | 7;
      return true;
    }
  }
  return false;
}
}  // namespace assay::isa::sample_aarch64

namespace assay::notation {
namespace {

using machine::EncodedInst;
using machine::EncodeError;
using machine::InstSet;
using machine::Operand;
using machine::PReg;
using machine::RegClass;

namespace rv = isa::sample_riscv;
namespace a64 = isa::sample_aarch64;
namespace s390 = isa::sample_s390x;
namespace x64 = isa::sample_x64;

Operand def(unsigned n) { return Operand::def(PReg(RegClass::Gpr, n)); }
Operand use(unsigned n) { return Operand::use(PReg(RegClass::Gpr, n)); }
Operand imm(int64_t value) { return Operand::immediate(value); }
const Operand kNone;
const Operand kFlagsUse = Operand::use(machine::kFlagsReg);
const Operand kFlagsDef = Operand::def(machine::kFlagsReg);

// The bytes in hexadecimal, or the error.
std::string encode(const InstSet& set, uint16_t opcode, std::vector<Operand> operands, EncodedInst* out = nullptr,
                   machine::FeatureSet features = 0) {
  EncodedInst inst;
  const EncodeError error = set.encode(opcode, operands, {.features = features}, inst);
  if (out != nullptr) *out = inst;
  if (error == EncodeError::OutOfRange) return "far";
  if (error == EncodeError::BadOperand) return "bad";
  if (error == EncodeError::NeedsHatch) return "hatch";
  std::string hex;
  for (unsigned i = 0; i < inst.size; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[inst.bytes[i] >> 4];
    hex += kDigits[inst.bytes[i] & 15];
  }
  return hex;
}

std::string text(const InstSet& set, uint16_t opcode, std::vector<Operand> operands) {
  return set.print(opcode, operands);
}

TEST(SampleRiscv, Encoding) {
  const InstSet& set = rv::inst_set();
  EXPECT_EQ(encode(set, rv::kAdd, {def(10), use(11), use(31)}), "3385f501");
  EXPECT_EQ(encode(set, rv::kFaddD,
                   {Operand::def(PReg(RegClass::Vec, 1)), Operand::use(PReg(RegClass::Vec, 2)),
                    Operand::use(PReg(RegClass::Vec, 3))}),
            "d3703102");
  EXPECT_EQ(encode(set, rv::kAddi, {def(1), use(2), imm(-2048)}), "93000180");
  EXPECT_EQ(encode(set, rv::kAddi, {def(1), use(2), imm(2048)}), "bad");
  EXPECT_EQ(encode(set, rv::kAddi, {def(1), use(2)}), "bad");
  EXPECT_EQ(encode(set, rv::kAddi, {def(1), imm(2), imm(0)}), "bad");
  EXPECT_EQ(encode(set, rv::kAddi, {def(1), Operand::use(machine::Reg::virtual_reg(3)), imm(0)}), "bad");
  EXPECT_EQ(encode(set, rv::kLoad, {imm(1), def(5), use(6), kNone, imm(0), imm(-4)}), "8322c3ff");
  EXPECT_EQ(encode(set, rv::kLoad, {imm(1), def(5), use(6), use(7), imm(0), imm(-4)}), "bad");  // no index in the mode
  EXPECT_EQ(encode(set, rv::kLoad, {imm(4), def(5), use(6), kNone, imm(0), imm(-4)}), "bad");   // no such enumerator
  EXPECT_EQ(encode(set, rv::kStore, {use(7), use(8), kNone, imm(0), imm(2047)}), "a32f747e");
  EXPECT_EQ(encode(set, rv::kBranch, {imm(0), use(10), use(11), imm(4094)}), "e30fb57e");
  EXPECT_EQ(encode(set, rv::kBranch, {imm(1), use(10), use(11), imm(-4096)}), "6310b580");
  EXPECT_EQ(encode(set, rv::kBranch, {imm(1), use(10), use(11), imm(4096)}), "far");
  EXPECT_EQ(encode(set, rv::kBranch, {imm(1), use(10), use(11), imm(3)}), "far");
  EXPECT_EQ(encode(set, rv::kTrapIf, {imm(1), use(3), use(4)}),
            "63844100"
            "731000c0");
  EXPECT_EQ(encode(set, rv::kLoadConstant, {def(5), imm(2288)}),
            "97120000"
            "83b2028f");
  EncodedInst call;
  EXPECT_EQ(encode(set, rv::kCall, {Operand::symbol(0)}, &call),
            "97000000"
            "e7800000");
  EXPECT_TRUE(call.has_symbol);
  EXPECT_EQ(call.reloc, machine::RelocKind::RiscvCallPlt);
  EXPECT_EQ(encode(set, 999, {}), "bad");
}

TEST(SampleRiscv, ShortForms) {
  const InstSet& set = rv::inst_set();
  EncodedInst inst;
  const auto with = [&](machine::FeatureSet features, uint16_t opcode, std::vector<Operand> operands) {
    return encode(set, opcode, std::move(operands), &inst, features);
  };
  EXPECT_EQ(with(rv::kHasC, rv::kAddi, {def(10), use(10), imm(-3)}), "7515");
  EXPECT_EQ(inst.features, rv::kHasC);
  EXPECT_EQ(with(rv::kHasC, rv::kAddi, {def(31), use(0), imm(31)}), "fd4f");
  EXPECT_EQ(with(0, rv::kAddi, {def(10), use(10), imm(-3)}), "1305d5ff");
  EXPECT_EQ(inst.features, 0u);
  EXPECT_EQ(with(rv::kHasC, rv::kAddi, {def(10), use(11), imm(-3)}), "1385d5ff");
  EXPECT_EQ(with(rv::kHasC, rv::kAddi, {def(10), use(10), imm(32)}), "13050502");
  EXPECT_EQ(with(rv::kHasC, rv::kAddi, {def(10), use(10), imm(2048)}), "bad");
  EXPECT_EQ(with(rv::kHasC, rv::kAddi, {def(10), Operand::use(machine::Reg::virtual_reg(3)), imm(0)}), "bad");
  const std::vector<Operand> lbu = {imm(3), def(10), use(11), kNone, imm(0), imm(2)};
  EXPECT_EQ(with(rv::kHasC | rv::kHasZcb, rv::kLoad, lbu), "a881");
  EXPECT_EQ(inst.features, rv::kHasC | rv::kHasZcb);
  EXPECT_EQ(with(rv::kHasC, rv::kLoad, lbu), "03c52500");
  EXPECT_EQ(with(rv::kHasZcb, rv::kLoad, lbu), "03c52500");
  EXPECT_EQ(with(rv::kHasC, rv::kBranch, {imm(0), use(8), use(0), imm(-256)}), "01d0");
  EXPECT_EQ(with(rv::kHasC, rv::kBranch, {imm(0), use(8), use(0), imm(256)}), "63000410");
  EXPECT_EQ(with(rv::kHasC, rv::kBranch, {imm(1), use(8), use(0), imm(-256)}), "e31004f0");
}

TEST(SampleRiscv, LabelsAskForTheirDisplacement) {
  const int64_t distance = 8;
  machine::EncodeContext context;
  context.user = &distance;
  context.displacement = [](const void* user, unsigned slot) {
    return slot == 3 ? *static_cast<const int64_t*>(user) : 1;
  };
  const std::vector<Operand> operands = {imm(0), use(3), use(4), Operand::label(machine::Block(7))};
  EncodedInst out;
  ASSERT_EQ(rv::inst_set().encode(rv::kBranch, operands, context, out), EncodeError::None);
  EXPECT_EQ(out.bytes[0] | out.bytes[1] << 8 | out.bytes[2] << 16 | out.bytes[3] << 24, 0x00418463);
}

TEST(SampleRiscv, TextAndDescriptions) {
  const InstSet& set = rv::inst_set();
  EXPECT_EQ(text(set, rv::kAdd, {def(10), use(0), Operand::use(machine::Reg::virtual_reg(12))}), "add x10, zero, v12");
  EXPECT_EQ(text(set, rv::kLoad, {imm(3), def(5), use(6), kNone, imm(0), imm(-4)}), "lbu x5, -4(x6)");
  EXPECT_EQ(text(set, rv::kLui, {def(10), imm(-1)}), "lui x10, 1048575");
  EXPECT_EQ(text(set, rv::kTrapIf, {imm(0), use(5), use(6)}), "bne x5, x6, .+8 ; unimp");
  EXPECT_EQ(text(set, rv::kLoad, {imm(3), def(5)}), "load <operands missing>");
  const machine::InstDesc& load = set.descs[rv::kLoad];
  EXPECT_STREQ(load.term, "rv_load");
  EXPECT_EQ(load.operands.size(), 6u);
  EXPECT_TRUE(load.is(machine::kLoads) && load.is(machine::kCanTrap) && load.is(machine::kHasMemFlags));
  EXPECT_FALSE(load.is(machine::kStores));
  EXPECT_TRUE(set.descs[rv::kStore].is(machine::kStores));
  EXPECT_EQ(set.descs[rv::kTrapIf].trap_offset, 4);
  EXPECT_TRUE(set.descs[rv::kCall].clobbers.contains(PReg(RegClass::Gpr, 6)));
  std::vector<Operand> branch = {imm(0), use(1), use(2), Operand::label(machine::Block(0))};
  EXPECT_EQ(set.descs[rv::kBranch].invert_param, 0);
  set.invert(rv::kBranch, branch);
  EXPECT_EQ(branch[0].imm, 1);
}

TEST(SampleAarch64, Encoding) {
  const InstSet& set = a64::inst_set();
  EXPECT_EQ(encode(set, a64::kAddShift, {imm(0), imm(1), def(1), use(2), use(3), imm(31)}), "417c430b");
  EXPECT_EQ(encode(set, a64::kAddShift, {imm(0), imm(1), def(1), use(2), use(3), imm(32)}), "bad");  // `when`
  EXPECT_EQ(encode(set, a64::kAddShift, {imm(1), imm(0), def(1), use(2), use(3), imm(0)}), "4100038b");
  EXPECT_EQ(encode(set, a64::kAddImm, {imm(1), def(31), use(29), imm(4095)}), "bfff3f91");
  EXPECT_EQ(encode(set, a64::kLslImm, {def(3), use(4), imm(5)}), "83e87bd3");
  EXPECT_EQ(encode(set, a64::kLdr, {def(1), use(31), kNone, imm(0), imm(32760)}), "e1ff7ff9");
  EXPECT_EQ(encode(set, a64::kLdr, {def(1), use(31), kNone, imm(0), imm(4)}), "bad");
  EXPECT_EQ(encode(set, a64::kLdr, {def(1), kNone, kNone, imm(0), imm(8)}), "bad");  // the mode does not say `base?`
  EXPECT_EQ(encode(set, a64::kOrrImm, {def(1), use(2), imm(0xff)}), "411c40b2");
  EXPECT_EQ(encode(set, a64::kOrrImm, {def(1), use(2), imm(0xff00)}), "411c78b2");
  EXPECT_EQ(encode(set, a64::kOrrImm, {def(1), use(2), imm(0xfe)}), "bad");
  EXPECT_EQ(encode(set, a64::kSubs, {def(1), use(2), use(3), kFlagsDef}), "410003eb");
  EXPECT_EQ(encode(set, a64::kCsetLt, {kFlagsUse, def(9)}), "e9a79f9a");
}

TEST(SampleAarch64, Text) {
  const InstSet& set = a64::inst_set();
  EXPECT_EQ(text(set, a64::kAddShift, {imm(0), imm(1), def(1), use(31), use(3), imm(31)}), "add w1, wzr, w3, lsr #31");
  EXPECT_EQ(text(set, a64::kAddShift, {imm(1), imm(0), def(1), use(2), use(3), imm(0)}), "add x1, x2, x3");
  EXPECT_EQ(text(set, a64::kAddImm, {imm(1), def(31), use(29), imm(4095)}), "add sp, x29, #0xfff");
  EXPECT_EQ(text(set, a64::kAddImm, {imm(0), def(31), use(2), imm(1)}),
            "add wsp, x2, #0x1");  // falls back to the class's names
  EXPECT_EQ(text(set, a64::kLdr, {def(1), use(2), kNone, imm(0), imm(0)}), "ldr x1, [x2]");
  EXPECT_EQ(text(set, a64::kLdr, {def(1), use(2), kNone, imm(0), imm(8)}), "ldr x1, [x2, #8]");
}

TEST(SampleS390x, Encoding) {
  const InstSet& set = s390::inst_set();
  EXPECT_EQ(encode(set, s390::kAgrk, {def(1), use(2), use(15), kFlagsDef}), "b9e8f012");
  EXPECT_EQ(encode(set, s390::kAgr, {def(3), use(3), use(4)}), "b9080034");
  EXPECT_EQ(encode(set, s390::kAgr, {def(3), use(5), use(4)}), "bad");  // tied operands must agree
  EXPECT_EQ(encode(set, s390::kLg, {def(1), use(3), use(2), imm(0), imm(-524288)}), "e31230008004");
  EXPECT_EQ(encode(set, s390::kLg, {def(1), use(3), kNone, imm(0), imm(5)}), "e31030050004");
  EXPECT_EQ(encode(set, s390::kLg, {def(1), kNone, kNone, imm(0), imm(5)}), "e31000050004");
  EXPECT_EQ(encode(set, s390::kCr, {imm(0), use(1), use(2), kFlagsDef}), "1912");
  EXPECT_EQ(encode(set, s390::kCr, {imm(1), use(1), use(2), kFlagsDef}), "1512");
  EXPECT_EQ(encode(set, s390::kBrcl, {kFlagsUse, imm(1048574)}), "c0840007ffff");
  EXPECT_EQ(encode(set, s390::kBrcl, {kFlagsUse, imm(-60)}), "c084ffffffe2");
  EXPECT_EQ(encode(set, s390::kBrcl, {kFlagsUse, imm(int64_t(1) << 32)}), "far");
  EXPECT_EQ(encode(set, s390::kDlgr, {def(2), def(3), use(2), use(3), use(9)}), "b9870029");
  EXPECT_EQ(encode(set, s390::kDlgr, {def(2), def(4), use(2), use(3), use(9)}), "bad");  // fixed registers
  EXPECT_EQ(text(set, s390::kLg, {def(1), use(3), use(2), imm(0), imm(-8)}), "lg %r1, -8(%r2,%r3)");
  EXPECT_EQ(text(set, s390::kLg, {def(1), use(3), kNone, imm(0), imm(5)}), "lg %r1, 5(%r3)");
}

std::vector<Operand> memory(std::vector<Operand> before, Operand base, Operand index, int64_t shift, int64_t disp) {
  before.insert(before.end(), {base, index, imm(shift), imm(disp)});
  return before;
}

TEST(SampleX64, Encoding) {
  const InstSet& set = x64::inst_set();
  const int64_t b = 0, d = 1, q = 2;
  auto rr = [&](int64_t size, unsigned dst, unsigned src) {
    return encode(set, x64::kAddRr, {imm(size), def(dst), use(dst), kFlagsDef, use(src)});
  };
  EXPECT_EQ(rr(b, 0, 6), "4002c6");  // sil needs a REX prefix
  EXPECT_EQ(rr(b, 0, 3), "02c3");
  EXPECT_EQ(rr(b, 8, 3), "4402c3");
  EXPECT_EQ(rr(d, 1, 9), "4103c9");
  EXPECT_EQ(rr(q, 12, 3), "4c03e3");
  auto rm = [&](int64_t size, unsigned dst, Operand base, Operand index, int64_t shift, int64_t disp) {
    return encode(set, x64::kAddRm, memory({imm(size), def(dst), use(dst), kFlagsDef}, base, index, shift, disp));
  };
  EXPECT_EQ(rm(q, 0, use(4), kNone, 0, 0), "48030424");
  EXPECT_EQ(rm(q, 0, use(5), kNone, 0, 0), "48034500");
  EXPECT_EQ(rm(q, 0, use(12), kNone, 0, 0), "49030424");
  EXPECT_EQ(rm(q, 13, use(13), kNone, 0, 0), "4d036d00");
  EXPECT_EQ(rm(q, 0, use(0), use(9), 3, 127), "4a0344c87f");
  EXPECT_EQ(rm(q, 0, use(13), use(5), 1, -129), "4903846d7fffffff");
  EXPECT_EQ(rm(q, 0, kNone, use(1), 2, 16), "4803048d10000000");
  EXPECT_EQ(rm(q, 0, kNone, kNone, 0, 100), "4803042564000000");
  EXPECT_EQ(rm(q, 0, use(7), kNone, 0, 0), "480307");
  EXPECT_EQ(rm(b, 6, use(7), kNone, 0, 3), "40027703");
  EXPECT_EQ(rm(q, 0, use(0), use(4), 0, 0), "bad");  // rsp is no index
  EXPECT_EQ(rm(q, 0, use(0), use(1), 4, 0), "bad");
  auto ri = [&](int64_t size, unsigned dst, int64_t value) {
    return encode(set, x64::kAddRi, {imm(size), def(dst), use(dst), kFlagsDef, imm(value)});
  };
  EXPECT_EQ(ri(q, 8, 127), "4983c07f");
  EXPECT_EQ(ri(q, 1, 128), "4881c180000000");
  EXPECT_EQ(ri(d, 1, -1), "83c1ff");
  EXPECT_EQ(ri(b, 6, -1), "4080c6ff");
  EXPECT_EQ(ri(b, 6, 128), "bad");  // no encoding has an 8-bit immediate that large
  EXPECT_EQ(ri(q, 1, int64_t(1) << 31), "bad");
  EXPECT_EQ(encode(set, x64::kAddRc, {imm(q), def(2), use(2), kFlagsDef, imm(4096 + 7)}), "48031500100000");
  EXPECT_EQ(encode(set, x64::kMovabs, {def(10), imm(0x123456789abcdef0)}), "49baf0debc9a78563412");
  EXPECT_EQ(encode(set, x64::kSetcc, {imm(0), kFlagsUse, def(6)}), "400f94c6");
  EXPECT_EQ(encode(set, x64::kSetcc, {imm(1), kFlagsUse, def(0)}), "0f95c0");
}

TEST(SampleX64, BranchesAndPseudoInstructions) {
  const InstSet& set = x64::inst_set();
  EXPECT_EQ(encode(set, x64::kJcc, {imm(0), kFlagsUse, imm(129)}), "747f");
  EXPECT_EQ(encode(set, x64::kJcc, {imm(0), kFlagsUse, imm(130)}), "0f847c000000");
  EXPECT_EQ(encode(set, x64::kJcc, {imm(1), kFlagsUse, imm(-126)}), "7580");
  EXPECT_EQ(encode(set, x64::kJcc, {imm(1), kFlagsUse, imm(int64_t(1) << 32)}), "far");
  EXPECT_EQ(encode(set, x64::kTrapIf, {imm(0), kFlagsUse}), "75020f0b");
  EncodedInst call;
  EXPECT_EQ(encode(set, x64::kCall, {Operand::symbol(3)}, &call), "e800000000");
  EXPECT_TRUE(call.has_symbol);
  EXPECT_EQ(call.symbol_offset, 1);
  EXPECT_EQ(call.symbol_addend, -4);
  EXPECT_EQ(call.reloc, machine::RelocKind::X86PcRel4);
  EncodedInst divide;
  EXPECT_EQ(encode(set, x64::kDivide, {imm(2), def(0), def(2), use(0), use(9)}, &divide),
            "31d2"
            "49f7f1");
  EXPECT_EQ(divide.trap_offset, 2);
  EXPECT_EQ(encode(set, x64::kDivide, {imm(0), def(0), def(2), use(0), use(9)}),
            "bad");  // every alternative has a condition
}

TEST(SampleX64, Text) {
  const InstSet& set = x64::inst_set();
  EXPECT_EQ(text(set, x64::kAddRi, {imm(2), def(8), use(8), kFlagsDef, imm(5)}), "addq $5, %r8");
  EXPECT_EQ(text(set, x64::kAddRm, memory({imm(2), def(8), use(8), kFlagsDef}, use(3), use(9), 3, -4)),
            "addq -4(%rbx,%r9,8), %r8");
  EXPECT_EQ(text(set, x64::kAddRm, memory({imm(2), def(8), use(8), kFlagsDef}, use(3), kNone, 0, 0)),
            "addq (%rbx), %r8");
  EXPECT_EQ(text(set, x64::kAddRm, memory({imm(2), def(8), use(8), kFlagsDef}, kNone, use(1), 2, 16)),
            "addq 16(,%rcx,4), %r8");
}

// ---- evaluation ----

class MapMemory final : public Memory {
 public:
  bool read(uint64_t address, std::span<uint8_t> out) override {
    for (size_t i = 0; i < out.size(); ++i) {
      const auto it = bytes.find(address + i);
      if (it == bytes.end()) return false;
      out[i] = it->second;
    }
    return true;
  }
  bool write(uint64_t address, std::span<const uint8_t> in) override {
    for (size_t i = 0; i < in.size(); ++i) bytes[address + i] = in[i];
    return true;
  }
  std::map<uint64_t, uint8_t> bytes;
};

class Registers final : public InstInputs {
 public:
  Bits reg(unsigned, const Operand& operand) override {
    return operand.reg == machine::Reg(machine::kFlagsReg) ? flags : values[operand.reg.preg().number()];
  }
  Bits constant(unsigned, const Operand&, unsigned) override { return Bits(0xc0de); }
  Bits undefined(unsigned, unsigned bits) override { return truncated(bits_of(-1, 256), bits); }
  Bits values[32];
  Bits flags;
};

struct Machine {
  explicit Machine(const InstSet& set) : parsed(parse_definitions(set)), evaluator(parsed.definitions) {
    EXPECT_TRUE(parsed.errors.empty());
  }
  EvaluateStatus run(uint16_t opcode, std::vector<Operand> operands) {
    EXPECT_TRUE(evaluator.evaluate(opcode, operands, registers, &memory, outcome));
    return outcome.status;
  }
  uint64_t result(unsigned slot) {
    for (const auto& [id, value] : outcome.results) {
      if (id == slot) return value.low();
    }
    ADD_FAILURE() << "no result in slot " << slot;
    return 0;
  }
  ParsedDefinitions parsed;
  InstEvaluator evaluator;
  Registers registers;
  MapMemory memory;
  InstOutcome outcome;
};

TEST(Evaluator, Riscv) {
  Machine m(rv::inst_set());
  m.registers.values[6] = Bits(1000);
  m.registers.values[7] = Bits(5);
  EXPECT_EQ(m.run(rv::kAddi, {def(1), use(7), imm(-6)}), EvaluateStatus::Done);
  EXPECT_EQ(m.result(0), ~uint64_t(0));
  const uint8_t bytes[] = {0x80, 0xff, 0xff, 0xff};
  m.memory.write(996, bytes);
  m.run(rv::kLoad, {imm(1), def(5), use(6), kNone, imm(0), imm(-4)});
  EXPECT_EQ(m.result(1), uint64_t(-128));
  m.run(rv::kLoad, {imm(3), def(5), use(6), kNone, imm(0), imm(-4)});
  EXPECT_EQ(m.result(1), 0x80u);
  EXPECT_EQ(m.run(rv::kLoad, {imm(2), def(5), use(6), kNone, imm(0), imm(-4)}), EvaluateStatus::Faulted);
  m.run(rv::kStore, {use(7), use(6), kNone, imm(0), imm(8)});
  EXPECT_EQ(m.memory.bytes[1008], 5);
  EXPECT_EQ(m.memory.bytes[1011], 0);
  EXPECT_EQ(m.memory.bytes.count(1012), 0u);
  m.registers.values[1] = Bits(0x3ff0000000000000);
  m.registers.values[2] = Bits(0x4000000000000000);
  m.run(rv::kFaddD, {Operand::def(PReg(RegClass::Vec, 3)), Operand::use(PReg(RegClass::Vec, 1)),
                     Operand::use(PReg(RegClass::Vec, 2))});
  EXPECT_EQ(m.result(0), 0x4008000000000000u);
  m.run(rv::kBranch, {imm(1), use(6), use(7), imm(8)});
  EXPECT_TRUE(m.outcome.branch_taken);
  m.run(rv::kBranch, {imm(0), use(6), use(7), imm(8)});
  EXPECT_FALSE(m.outcome.branch_taken);
  EXPECT_EQ(m.run(rv::kTrapIf, {imm(0), use(6), use(6)}), EvaluateStatus::Trapped);
  EXPECT_EQ(m.run(rv::kTrapIf, {imm(0), use(6), use(7)}), EvaluateStatus::Done);
  m.run(rv::kLoadConstant, {def(5), Operand::constant(0)});
  EXPECT_EQ(m.result(0), 0xc0deu);
}

TEST(Evaluator, FlagsAndPairs) {
  Machine a(a64::inst_set());
  a.registers.values[2] = Bits(3);
  a.registers.values[3] = Bits(4);
  a.run(a64::kSubs, {def(1), use(2), use(3), kFlagsDef});
  EXPECT_EQ(a.result(0), ~uint64_t(0));
  EXPECT_EQ(a.result(3), 0b1000u);
  a.registers.flags = Bits(0b1000);
  a.run(a64::kCsetLt, {kFlagsUse, def(1)});
  EXPECT_EQ(a.result(1), 1u);
  a.run(a64::kAddShift, {imm(0), imm(2), def(1), use(2), use(3), imm(1)});
  EXPECT_EQ(a.result(2), 5u);
  Machine s(s390::inst_set());
  s.registers.values[2] = Bits(1);
  s.registers.values[3] = Bits(7);
  s.registers.values[9] = Bits(10);
  s.run(s390::kDlgr, {def(2), def(3), use(2), use(3), use(9)});
  EXPECT_EQ(s.result(0), 3u);  // 2^64 + 7 = 10 * 1844674407370955162 + 3
  EXPECT_EQ(s.result(1), 1844674407370955162u);
  const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};
  s.memory.write(11, bytes);
  s.run(s390::kLg, {def(1), use(9), kNone, imm(0), imm(1)});
  EXPECT_EQ(s.result(0), 0x0102030405060708u);
}

TEST(Evaluator, X64OperandKindsShareOneMeaning) {
  Machine m(x64::inst_set());
  m.registers.values[0] = Bits(0xffffffffffffffff);
  m.registers.values[1] = Bits(0x101);
  m.run(x64::kAddRr, {imm(0), def(0), use(0), kFlagsDef, use(1)});
  EXPECT_EQ(m.result(1), 0xffffffffffffff00u);  // 8 bits: the rest stays
  EXPECT_EQ(m.result(3), 0b00100u);
  m.run(x64::kAddRr, {imm(1), def(0), use(0), kFlagsDef, use(1)});
  EXPECT_EQ(m.result(1), 0x100u);  // 32 bits: the upper half is cleared
  m.run(x64::kAddRi, {imm(2), def(0), use(0), kFlagsDef, imm(-1)});
  EXPECT_EQ(m.result(1), ~uint64_t(1));
  const uint8_t bytes[] = {2, 0, 0, 0};
  m.memory.write(0x101 * 2 + 4, bytes);
  m.run(x64::kAddRm, memory({imm(1), def(0), use(0), kFlagsDef}, kNone, use(1), 1, 4));
  EXPECT_EQ(m.result(1), 1u);
  // The load is one event although `sem` names the operand twice.
  EXPECT_EQ(m.evaluator.semantics(x64::kAddRm, memory({imm(1), def(0), use(0), kFlagsDef}, kNone, use(1), 1, 4))
                ->events.size(),
            1u);
  m.run(x64::kSetcc, {imm(1), kFlagsUse, def(0)});
  EXPECT_EQ(m.result(2), 0xffffffffffffff01u);
  EXPECT_EQ(m.evaluator.semantics(x64::kAddRr, std::vector<Operand>{imm(7), def(0), use(0), kFlagsDef, use(1)}),
            nullptr);
}

}  // namespace
}  // namespace assay::notation
