// The unwinder alone, on a frame made by hand: which handler takes what, by tag, context and address, in both byte
// orders. That frames are as the compiler says, filetests show.
#include "oracles/unwinder.h"

#include <gtest/gtest.h>

#include <vector>

#include "oracles/abi_facts.h"

namespace assay::oracles {
namespace {

namespace map = memory_map;

class Unwinder : public testing::TestWithParam<IsaKind> {
 protected:
  static constexpr uint64_t kSp = map::kStackLow + 0x1000;

  void put(uint64_t address, uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i) {
      const unsigned shift = 8 * (endianness(GetParam()) == std::endian::big ? size - 1 - i : i);
      stack_[address - map::kStackLow + i] = static_cast<uint8_t>(value >> shift);
    }
  }
  // Where the run goes on in the code, or 0 and why not.
  uint64_t lands(std::string_view routine, std::vector<uint64_t> arguments) {
    context_.pc = 0;
    problem_ = unwind(GetParam(), {&frame_, 1}, routine, arguments, map::kCodeBase + 0x110, kSp, context_);
    return context_.pc == 0 ? 0 : context_.pc - map::kCodeBase - frame_.begin;
  }
  uint64_t throws(uint64_t tag, uint64_t context) { return lands("%__assay_throw", {0, 0, 0, tag, 11, 12, context}); }

  UnwindFrame frame_{.begin = 0x100,
                     .end = 0x180,
                     .facts = {.size = 0x80, .return_address = 0x78, .frame_pointer = 0x70},
                     .call_sites = {{.return_offset = 0x10, .handler_count = 5}},
                     .handlers = {{.tag = 1, .offset = 0x20},
                                  {.tag = 2, .offset = 0x30, .context = {.offset = 8, .size = 8}},
                                  {.tag = 3, .offset = 0x40, .context = {.offset = 16, .size = 4}},
                                  {.tag = 2, .offset = 0x50, .context = {.offset = 32, .size = 16}},
                                  {.any_tag = true, .offset = 0x60, .context = {.offset = 8, .size = 8}}}};
  MachineState state_;
  std::vector<uint8_t> stack_ = std::vector<uint8_t>(map::kStackSize);
  HostContext context_{.state = state_, .stack = stack_.data(), .memory = {}};
  std::string problem_;
};

TEST_P(Unwinder, AHandlerUnderAContextTakesWhatIsThrownInIt) {
  const bool is_big = endianness(GetParam()) == std::endian::big;
  put(kSp + 8, 0x1122'3344'5566'7788, 8);
  put(kSp + 16, 0x99aa'bbcc, 4);
  put(kSp + 32, is_big ? 0 : 77, 8);
  put(kSp + 40, is_big ? 77 : 0, 8);
  EXPECT_EQ(throws(1, 5), 0x20u) << problem_;
  EXPECT_EQ(throws(2, 0x1122'3344'5566'7788), 0x30u);
  EXPECT_EQ(throws(2, 0x1122'3344'5566'7789), 0x60u);
  EXPECT_EQ(throws(3, 0x99aa'bbcc), 0x40u);
  EXPECT_EQ(throws(3, 0x0100'0000'99aa'bbcc), 0x60u);
  EXPECT_EQ(throws(2, 77), 0x50u);
  put(kSp + (is_big ? 32 : 40), 1, 8);
  EXPECT_EQ(throws(2, 77), 0x60u);
  // Without a context, tags alone count.
  EXPECT_EQ(lands("%__cranelift_throw", {0, 0, 0, 3, 11, 12}), 0x40u);
}

TEST_P(Unwinder, AnAddressIsAHandlerOfTheFrame) {
  const uint64_t frame_pointer = kSp + 0x70, base = map::kCodeBase + 0x100;
  EXPECT_EQ(lands("%__assay_resume", {frame_pointer, base + 0x40, 11, 12}), 0x40u) << problem_;
  const int word = GetParam() == IsaKind::x64 || GetParam() == IsaKind::aarch64 ? 0
                   : GetParam() == IsaKind::s390x                               ? 2
                                                                                : 10;
  EXPECT_EQ(state_.integer[word], 11u);
  EXPECT_EQ(lands("%__assay_resume", {0, base + 0x50, 11, 12}), 0x50u);  // the frame that calls
  EXPECT_EQ(lands("%__assay_resume", {frame_pointer, base + 0x44, 11, 12}), 0u);
  EXPECT_NE(problem_, "");
  EXPECT_EQ(lands("%__assay_resume", {frame_pointer + 8, base + 0x40, 11, 12}), 0u);
}

TEST_P(Unwinder, SaysWhatIsWrong) {
  frame_.handlers[1].context.offset = 0x7fff'0000;
  EXPECT_EQ(throws(2, 1), 0u);
  EXPECT_EQ(problem_, "a context is not in the stack");
  EXPECT_EQ(lands("%__assay_throw", {0, 0, 0, 1, 11, 12}), 0u);
  EXPECT_EQ(problem_, "it has another number of arguments");
}

INSTANTIATE_TEST_SUITE_P(Isas, Unwinder,
                         testing::Values(IsaKind::x64, IsaKind::aarch64, IsaKind::riscv64, IsaKind::s390x),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace assay::oracles
