// Frame layouts on three made-up machines: one that pushes return addresses, one with a link register, and one whose
// callers provide the save area.
#include "compiler/machine/frame.h"

#include <gtest/gtest.h>

namespace assay::machine {
namespace {

constexpr PReg gpr(unsigned n) { return PReg(RegClass::Gpr, n); }

const InstDesc kDescs[] = {{"args", "args", {}, {}, kIsVariadic, 0, -1, "", 0},
                           {"op", "op", {}, {}, kIsVariadic, 0, -1, "", 0}};
const InstSet kInsts{"toy", kDescs, nullptr, nullptr, nullptr, {}, {}};

TargetIsa make_isa(uint8_t return_address, uint8_t linkage, uint32_t outgoing_base, bool saves_in_caller) {
  TargetIsa isa;
  isa.insts = &kInsts;
  isa.abi.stack_pointer = gpr(15);
  isa.abi.frame_pointer = linkage != 0 ? gpr(14) : PReg();
  isa.abi.return_address_bytes = return_address;
  isa.abi.linkage_bytes = linkage;
  isa.abi.outgoing_base = outgoing_base;
  isa.abi.saves_in_caller_frame = saves_in_caller;
  for (unsigned n : {8, 9, 14}) isa.registers.callee_saved.add(gpr(n));
  return isa;
}

// A function that writes registers 1 and 9, with areas of the sizes given.
VCode code_with(uint32_t slots, uint32_t spills, bool calls, uint32_t outgoing,
                std::initializer_list<unsigned> writes = {1, 9}) {
  VCode code;
  code.clear();
  code.slots_size = slots;
  code.spills_size = spills;
  code.has_calls = calls;
  code.outgoing_size = outgoing;
  // Arguments arrive in register 8: that is no write.
  code.operands.push_back(Operand::fixed_def(gpr(8), gpr(8)));
  Inst args;
  args.opcode = 0;
  args.operand_count = 1;
  code.insts.push_back(args);
  for (unsigned n : writes) {
    Inst inst;
    inst.opcode = 1;
    inst.operand_count = 1;
    inst.first_operand = static_cast<uint32_t>(code.operands.size());
    code.operands.push_back(Operand::def(gpr(n)));
    code.insts.push_back(inst);
  }
  return code;
}

FrameLayout layout(const VCode& code, const TargetIsa& isa) {
  FrameLayout frame;
  layout_frame(code, isa, frame);
  return frame;
}

TEST(Frame, ALeafThatNeedsNothingHasNone) {
  const FrameLayout frame = layout(code_with(0, 0, false, 0, {1}), make_isa(8, 8, 0, false));
  EXPECT_FALSE(frame.needs_frame);
  EXPECT_EQ(frame.incoming_offset, 8);
}

TEST(Frame, AreasDoNotOverlapAndAreInside) {
  for (uint8_t return_address : {0, 8}) {
    for (uint32_t slots : {0u, 1u, 24u, 100u}) {
      for (uint32_t spills : {0u, 8u, 40u}) {
        for (uint32_t outgoing : {0u, 16u, 48u}) {
          const FrameLayout f =
              layout(code_with(slots, spills, true, outgoing), make_isa(return_address, 16, 0, false));
          EXPECT_EQ(f.saved, std::vector<PReg>{gpr(9)});
          EXPECT_GE(f.slots_offset, outgoing);
          EXPECT_GE(f.spills_offset, f.slots_offset + slots);
          EXPECT_GE(f.saves_offset, f.spills_offset + spills);
          EXPECT_EQ(f.linkage_offset, f.saves_offset + 8);
          EXPECT_EQ(f.size, f.linkage_offset + 16);
          EXPECT_EQ(f.slots_offset % 16, 0u);
          EXPECT_EQ(f.spills_offset % 8, 0u);
          EXPECT_EQ((f.size + return_address) % 16, 0u);
          EXPECT_EQ(f.incoming_offset, int64_t(f.size) + return_address);
        }
      }
    }
  }
}

TEST(Frame, TheCalleesAreaIsReservedForCalls) {
  const TargetIsa isa = make_isa(0, 0, 160, true);
  const FrameLayout leaf = layout(code_with(0, 0, false, 0), isa);
  EXPECT_TRUE(leaf.needs_frame);  // register 9 is saved, in the caller's area
  EXPECT_EQ(leaf.size, 0u);
  EXPECT_EQ(leaf.incoming_offset, 160);
  const FrameLayout caller = layout(code_with(8, 0, true, 16), isa);
  EXPECT_EQ(caller.slots_offset, 176u);
  EXPECT_EQ(caller.incoming_offset, int64_t(caller.size) + 160);
}

TEST(Frame, ClobbersCountAsWrites) {
  VCode code = code_with(0, 0, false, 0, {1});
  PRegSet set;
  set.add(gpr(8));
  code.clobber_sets.push_back(set);
  code.insts.back().clobbers = 1;
  EXPECT_EQ(layout(code, make_isa(0, 16, 0, false)).saved, std::vector<PReg>{gpr(8)});
}

TEST(Frame, LinkageSavesTheFramePointer) {
  EXPECT_TRUE(layout(code_with(0, 0, true, 0, {14}), make_isa(0, 16, 0, false)).saved.empty());
}

}  // namespace
}  // namespace assay::machine
