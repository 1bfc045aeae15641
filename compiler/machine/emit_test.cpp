// Emission over a machine made up for the purpose: a jump with a short and a long form, a branch with a short one only,
// which with a feature has a form that is shorter still, a jump table. A byte interpreter and a block interpreter must
// visit the same blocks.
#include "compiler/machine/emit.h"

#include <gtest/gtest.h>

#include <random>

namespace assay::machine {
namespace {

enum Opcode : uint16_t {
  kArgs,
  kMark,
  kFill,
  kJumpShort,
  kJumpLong,
  kBranch,
  kRet,
  kTable,
  kLoadConstant,
  kTrapping,
  kFrame
};

constexpr FeatureSet kTiny = 1;  // branches of one byte

constexpr OperandDesc kMarkOperands[] = {{"id", SlotKind::Imm, Role::Use, Constraint::Reg, 0, RegClass::Gpr, false}};
constexpr OperandDesc kJumpOperands[] = {
    {"target", SlotKind::Label, Role::Use, Constraint::Reg, 0, RegClass::Gpr, false}};
constexpr OperandDesc kBranchOperands[] = {
    {"cc", SlotKind::Param, Role::Use, Constraint::Reg, 0, RegClass::Gpr, false},
    {"target", SlotKind::Label, Role::Use, Constraint::Reg, 0, RegClass::Gpr, false}};
constexpr OperandDesc kConstantOperands[] = {
    {"c", SlotKind::Constant, Role::Use, Constraint::Reg, 0, RegClass::Gpr, false}};
constexpr OperandDesc kFrameOperands[] = {
    {"base", SlotKind::MemBase, Role::Use, Constraint::Reg, 0, RegClass::Gpr, true},
    {"index", SlotKind::MemIndex, Role::Use, Constraint::Reg, 0, RegClass::Gpr, true},
    {"shift", SlotKind::MemShift, Role::Use, Constraint::Reg, 0, RegClass::Gpr, false},
    {"disp", SlotKind::MemDisp, Role::Use, Constraint::Reg, 0, RegClass::Gpr, false}};

InstDesc desc(const char* name, std::span<const OperandDesc> operands, uint16_t attributes, int8_t invert = -1) {
  return {name, name, operands, {}, attributes, 0, invert, "", 0};
}

const InstDesc kDescs[] = {
    desc("args", {}, kIsVariadic),
    desc("mark", kMarkOperands, 0),
    desc("fill", kMarkOperands, 0),
    desc("jump_short", kJumpOperands, kIsJump),
    desc("jump_long", kJumpOperands, kIsJump),
    desc("branch", kBranchOperands, kIsBranch, 0),
    desc("ret", {}, kIsReturn),
    desc("table", {}, kIsJump | kIsVariadic),
    desc("load_constant", kConstantOperands, 0),
    desc("trapping", {}, kCanTrap),
    desc("frame", kFrameOperands, 0),
};

void put(EncodedInst& out, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) out.bytes[out.size++] = static_cast<uint8_t>(value >> (8 * i));
}

EncodeError encode(uint16_t opcode, std::span<const Operand> operands, const EncodeContext& context, EncodedInst& out) {
  const auto displacement = [&](unsigned slot) { return context.displacement(context.user, slot); };
  switch (opcode) {
    case kArgs:
      return EncodeError::None;
    case kMark:
      put(out, 0x40, 1);
      put(out, uint64_t(operands[0].imm), 2);
      return EncodeError::None;
    case kFill:
      for (int64_t i = 0; i < operands[0].imm; ++i) put(out, 0, 1);
      return EncodeError::None;
    case kJumpShort:
    case kBranch: {
      const int64_t d = displacement(opcode == kBranch ? 1 : 0);
      if (opcode == kBranch && (context.features & kTiny) != 0 && d >= -16 && d < 16) {
        put(out, 0xc0 | uint64_t(operands[0].imm) << 5 | (uint64_t(d) & 0x1f), 1);
        out.features = kTiny;
        return EncodeError::None;
      }
      if (d < -128 || d > 127) return EncodeError::OutOfRange;
      put(out, opcode == kBranch ? 0x20 + uint64_t(operands[0].imm) : 0x10, 1);
      put(out, uint64_t(d), 1);
      return EncodeError::None;
    }
    case kJumpLong:
      put(out, 0x11, 1);
      put(out, uint64_t(displacement(0)), 4);
      return EncodeError::None;
    case kRet:
      put(out, 0x30, 1);
      return EncodeError::None;
    case kTable:
      return EncodeError::NeedsHatch;
    case kLoadConstant:
      put(out, 0x50, 1);
      put(out, uint64_t(displacement(0)), 4);
      return EncodeError::None;
    case kTrapping:
      put(out, 0x60, 1);
      return EncodeError::None;
    case kFrame:
      if (operands[3].imm < 0 || operands[3].imm > 1000) return EncodeError::BadOperand;
      put(out, 0x70, 1);
      put(out, operands[0].reg.preg().number(), 1);
      put(out, uint64_t(operands[3].imm), 2);
      return EncodeError::None;
  }
  return EncodeError::BadOperand;
}

// Entries of 4 bytes from the instruction's start: 0x80, count, table.
EncodeError hatch(uint16_t, std::span<const Operand> operands, const HatchContext& context, std::vector<uint8_t>& out,
                  uint32_t& data_begin) {
  out.push_back(0x80);
  out.push_back(static_cast<uint8_t>(operands.size()));
  data_begin = 2;
  for (unsigned i = 0; i < operands.size(); ++i) {
    const uint64_t d = uint64_t(context.displacement(context.user, i));
    for (unsigned b = 0; b < 4; ++b) out.push_back(static_cast<uint8_t>(d >> (8 * b)));
  }
  return EncodeError::None;
}

void invert(uint16_t, std::span<Operand> operands) { operands[0].imm ^= 1; }

TargetIsa make_isa() {
  static const InstSet set{
      "toy",  kDescs,
      encode, [](uint16_t opcode, std::span<const Operand>) { return std::string(kDescs[opcode].name); },
      invert, {},
      {}};
  TargetIsa isa;
  isa.name = "toy";
  isa.insts = &set;
  isa.opcodes = {kArgs, kRet, 0, 0, kJumpShort};
  isa.abi.stack_pointer = PReg(RegClass::Gpr, 15);
  isa.abi.frame_scratch = PReg(RegClass::Gpr, 14);
  isa.longer_branch = [](uint16_t opcode) { return opcode == kJumpShort ? uint16_t(kJumpLong) : kNoOpcode; };
  isa.hatch = hatch;
  isa.frame_address = [](PReg, int64_t offset, InstList& out) { out.push(kMark, {Operand::immediate(offset)}); };
  return isa;
}

class CodeMaker {
 public:
  CodeMaker() { code.clear(); }
  void begin() { code.blocks.push_back({.first_inst = uint32_t(code.insts.size())}); }
  void add(uint16_t opcode, std::initializer_list<Operand> operands, uint8_t trap = kNoTrap,
           uint32_t source = kNoSource) {
    Inst inst;
    inst.opcode = opcode;
    inst.operand_count = static_cast<uint16_t>(operands.size());
    inst.first_operand = static_cast<uint32_t>(code.operands.size());
    inst.trap = trap;
    inst.source = source;
    code.operands.insert(code.operands.end(), operands);
    code.insts.push_back(inst);
    code.blocks.back().end_inst = static_cast<uint32_t>(code.insts.size());
  }
  void jump(uint32_t target) { add(kJumpShort, {Operand::label(Block(target))}); }
  void branch(int cc, uint32_t target) { add(kBranch, {Operand::immediate(cc), Operand::label(Block(target))}); }
  void mark(uint32_t id) { add(kMark, {Operand::immediate(id)}); }
  VCode code;
};

EmittedCode emit(const VCode& code) {
  static const TargetIsa isa = make_isa();
  Emitter emitter;
  EmittedCode out;
  FrameLayout frame;
  const auto result = emitter.emit(code, isa, frame, true, out);
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
  return out;
}

bool decision(uint32_t step) { return (step * 2654435761u >> 13) & 1; }

// The marks that running the blocks visits, at most `limit`.
std::vector<uint32_t> run_blocks(const VCode& code, size_t limit) {
  std::vector<uint32_t> trace;
  uint32_t block = 0;
  for (int fuel = 0; fuel < 100000 && trace.size() < limit; ++fuel) {
    const VBlock& b = code.blocks[block];
    for (uint32_t i = b.first_inst; i < b.end_inst; ++i) {
      const std::span<const Operand> operands = code.operands_of(code.insts[i]);
      const uint16_t opcode = code.insts[i].opcode;
      if (opcode == kMark) trace.push_back(uint32_t(operands[0].imm));
      if (opcode == kRet) return trace;
      if (opcode == kJumpShort) {
        block = uint32_t(operands[0].imm);
        break;
      }
      if (opcode == kBranch && decision(uint32_t(trace.size())) == (operands[0].imm == 0)) {
        block = uint32_t(operands[1].imm);
        break;
      }
      if (opcode == kTable) {
        block = uint32_t(operands[trace.size() % operands.size()].imm);
        break;
      }
    }
  }
  return trace;
}

int32_t get(const std::vector<uint8_t>& bytes, size_t at, unsigned count) {
  uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i) value |= uint64_t(bytes.at(at + i)) << (8 * i);
  return count == 1 ? int8_t(value) : int32_t(value);
}

std::vector<uint32_t> run_bytes(const std::vector<uint8_t>& bytes, size_t limit) {
  std::vector<uint32_t> trace;
  size_t pc = 0;
  for (int fuel = 0; fuel < 1000000 && trace.size() < limit; ++fuel) {
    const uint8_t op = bytes.at(pc);
    if (op == 0) {
      ++pc;
    } else if (op == 0x40) {
      trace.push_back(uint32_t(bytes.at(pc + 1) | bytes.at(pc + 2) << 8));
      pc += 3;
    } else if (op == 0x10) {
      pc += get(bytes, pc + 1, 1);
    } else if (op == 0x11) {
      pc += get(bytes, pc + 1, 4);
    } else if (op == 0x20 || op == 0x21) {
      pc += decision(uint32_t(trace.size())) == (op == 0x20) ? get(bytes, pc + 1, 1) : 2;
    } else if ((op & 0xc0) == 0xc0) {
      const int distance = (op & 0x1f) - ((op & 0x10) << 1);
      pc += decision(uint32_t(trace.size())) == ((op & 0x20) == 0) ? distance : 1;
    } else if (op == 0x80) {
      pc += get(bytes, pc + 2 + 4 * (trace.size() % bytes.at(pc + 1)), 4);
    } else {
      EXPECT_EQ(op, 0x30);
      return trace;
    }
  }
  return trace;
}

TEST(Emit, JumpToTheNextBlockIsDropped) {
  CodeMaker make;
  make.begin();
  make.mark(1);
  make.jump(1);
  make.begin();
  make.add(kRet, {});
  const EmittedCode code = emit(make.code);
  EXPECT_EQ(code.bytes, (std::vector<uint8_t>{0x40, 1, 0, 0x30}));
}

TEST(Emit, BranchToTheNextBlockIsInverted) {
  CodeMaker make;
  make.begin();
  make.branch(0, 1);
  make.jump(2);
  make.begin();
  make.mark(1);
  make.add(kRet, {});
  make.begin();
  make.mark(2);
  make.add(kRet, {});
  const EmittedCode code = emit(make.code);
  EXPECT_EQ(code.bytes, (std::vector<uint8_t>{0x21, 6, 0x40, 1, 0, 0x30, 0x40, 2, 0, 0x30}));
}

TEST(Emit, ChainsOfEmptyBlocksAreFollowedToTheirEnd) {
  CodeMaker make;
  make.begin();
  make.branch(0, 1);
  make.jump(4);
  for (uint32_t b = 1; b < 4; ++b) {
    make.begin();
    make.jump(b == 3 ? 5 : b + 1);
  }
  make.begin();
  make.mark(4);
  make.add(kRet, {});
  make.begin();
  make.mark(5);
  make.add(kRet, {});
  const EmittedCode code = emit(make.code);
  EXPECT_EQ(code.bytes, (std::vector<uint8_t>{0x20, 6, 0x40, 4, 0, 0x30, 0x40, 5, 0, 0x30}));
}

TEST(Emit, CyclesOfEmptyBlocksKeepOne) {
  CodeMaker make;
  make.begin();
  make.branch(0, 1);
  make.jump(3);
  make.begin();
  make.jump(2);
  make.begin();
  make.jump(1);
  make.begin();
  make.add(kRet, {});
  const EmittedCode code = emit(make.code);
  // An endless loop that the branch reaches, and the return.
  EXPECT_EQ(code.bytes.size(), 2u + 2u + 1u);
  EXPECT_EQ(run_bytes(code.bytes, 1).size(), 0u);
}

TEST(Emit, BranchesGrowOnlyWhereTheyMust) {
  for (int fill = 100; fill < 140; ++fill) {
    CodeMaker make;
    make.begin();
    make.branch(0, 2);
    make.jump(1);
    make.begin();
    make.mark(1);
    for (int rest = fill; rest > 0; rest -= 50) make.add(kFill, {Operand::immediate(std::min(rest, 50))});
    make.add(kRet, {});
    make.begin();
    make.mark(2);
    make.add(kRet, {});
    const EmittedCode code = emit(make.code);
    const int distance = 2 + 3 + fill + 1;
    EXPECT_EQ(code.long_branches, distance > 127 ? 1u : 0u) << fill;
    EXPECT_EQ(run_bytes(code.bytes, 10), run_blocks(make.code, 10)) << fill;
  }
}

TEST(Emit, ShortFormsAreTakenWhereTheyReach) {
  for (int fill = 0; fill < 30; ++fill) {
    CodeMaker make;
    make.code.features = kTiny;
    make.begin();
    make.branch(0, 2);
    make.jump(1);
    make.begin();
    make.mark(1);
    make.add(kFill, {Operand::immediate(fill)});
    make.add(kRet, {});
    make.begin();
    make.add(kTrapping, {}, 7, 3);
    make.add(kRet, {});
    const EmittedCode code = emit(make.code);
    const bool is_tiny = 1 + 3 + fill + 1 < 16;
    EXPECT_EQ(code.bytes.size(), (is_tiny ? 1u : 2u) + 3 + unsigned(fill) + 1 + 2) << fill;
    EXPECT_EQ(code.features, is_tiny ? kTiny : 0) << fill;
    EXPECT_EQ(code.long_branches, 0u);
    ASSERT_EQ(code.traps.size(), 1u);
    EXPECT_EQ(code.bytes[code.traps[0].offset], 0x60) << fill;
  }
}

TEST(Emit, BothWaysToOnePlaceNeedNoBranch) {
  CodeMaker make;
  make.begin();
  make.branch(0, 1);
  make.jump(2);
  make.begin();
  make.jump(2);
  make.begin();
  make.add(kRet, {});
  EXPECT_EQ(emit(make.code).bytes, (std::vector<uint8_t>{0x30}));
}

TEST(Emit, TrapsAndSourcesMoveWithTheSitesBeforeThem) {
  CodeMaker make;
  make.begin();
  make.branch(0, 2);
  make.jump(1);
  make.begin();
  make.add(kTrapping, {}, 7, 3);
  for (int i = 0; i < 4; ++i) make.add(kFill, {Operand::immediate(50)}, kNoTrap, 4);
  make.add(kRet, {});
  make.begin();
  make.add(kTrapping, {}, 8, 5);
  make.add(kRet, {});
  const EmittedCode code = emit(make.code);
  ASSERT_EQ(code.traps.size(), 2u);
  for (const TrapRecord& trap : code.traps) EXPECT_EQ(code.bytes[trap.offset], 0x60);
  EXPECT_EQ(code.traps[0].code, 7);
  EXPECT_EQ(code.traps[1].inst, 5u);
  for (const SourceMark& mark : code.sources) {
    if (mark.inst == 5) {
      EXPECT_EQ(mark.offset, code.traps[1].offset);
    }
  }
}

TEST(Emit, ConstantsStandAlignedBehindTheCode) {
  CodeMaker make;
  make.code.constants = {{1, 2, 3, 4}, {5, 6, 7, 8, 9, 10, 11, 12}};
  make.begin();
  make.add(kLoadConstant, {Operand::constant(1)});
  make.add(kRet, {});
  const EmittedCode code = emit(make.code);
  EXPECT_EQ(code.code_size, 6u);
  const size_t place = size_t(get(code.bytes, 1, 4));
  EXPECT_EQ(place % 8, 0u);
  EXPECT_EQ(code.bytes[place], 5);
  EXPECT_EQ(code.bytes.size(), place + 8);
}

TEST(Emit, FrameDisplacementsThatDoNotFitGoThroughTheScratchRegister) {
  static const TargetIsa isa = make_isa();
  CodeMaker make;
  make.begin();
  for (int64_t offset : {8, 2000}) {
    make.add(
        kFrame,
        {Operand::use(isa.abi.stack_pointer), {}, Operand::immediate(0), Operand::frame(FrameArea::Slots, offset)});
  }
  make.add(kRet, {});
  FrameLayout frame;
  frame.slots_offset = 16;
  Emitter emitter;
  EmittedCode code;
  ASSERT_TRUE(emitter.emit(make.code, isa, frame, false, code));
  EXPECT_EQ(code.bytes, (std::vector<uint8_t>{0x70, 15, 24, 0, 0x40, 2016 & 0xff, 2016 >> 8, 0x70, 14, 0, 0, 0x30}));
}

TEST(Emit, RandomGraphsRunTheSame) {
  std::mt19937 random(1);
  for (int round = 0; round < 400; ++round) {
    const uint32_t blocks = 1 + random() % 60;
    CodeMaker make;
    for (uint32_t b = 0; b < blocks; ++b) {
      make.begin();
      const bool empty = random() % 3 == 0;
      if (!empty) make.mark(b);
      if (random() % 2 == 0 && !empty) make.add(kFill, {Operand::immediate(random() % 60)});
      const auto target = [&] { return blocks == 1 ? 0u : 1 + random() % (blocks - 1); };
      switch (random() % 8) {
        case 0:
          make.add(kRet, {});
          break;
        case 1: {
          make.add(kTable,
                   {Operand::label(Block(target())), Operand::label(Block(target())), Operand::label(Block(target()))});
          break;
        }
        case 2:
        case 3:
          make.jump(target());
          break;
        default:
          make.branch(int(random() % 2), target());
          make.jump(target());
      }
    }
    for (const FeatureSet features : {FeatureSet(0), kTiny}) {
      make.code.features = features;
      const EmittedCode code = emit(make.code);
      ASSERT_EQ(run_bytes(code.bytes, 200), run_blocks(make.code, 200)) << "round " << round;
      for (const DataRange& data : code.data) EXPECT_EQ(code.bytes[data.begin - 2], 0x80);
    }
  }
}

// A ladder in which each branch grows only once the one behind it has: rounds are bounded, the result is right.
TEST(Emit, GrowthThatSpreadsSlowly) {
  CodeMaker make;
  const uint32_t steps = 3000;
  for (uint32_t b = 0; b < steps; ++b) {
    make.begin();
    make.mark(b);
    make.add(kFill, {Operand::immediate(int64_t(b % 3 == 0 ? 57 : 58))});
    make.branch(0, std::min(b + 2, steps));
    make.jump(b + 1);
  }
  make.begin();
  make.add(kRet, {});
  for (const FeatureSet features : {FeatureSet(0), kTiny}) {
    make.code.features = features;
    const EmittedCode code = emit(make.code);
    EXPECT_EQ(run_bytes(code.bytes, 5000), run_blocks(make.code, 5000));
  }
}

}  // namespace
}  // namespace assay::machine
