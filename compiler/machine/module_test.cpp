// Linking: each kind of relocation against the words that the machines' assemblers make.
#include "compiler/machine/module.h"

#include <gtest/gtest.h>

namespace assay::machine {
namespace {

std::vector<uint8_t> relocated(std::vector<uint8_t> bytes, uint64_t address, Relocation relocation, uint64_t symbol) {
  EXPECT_TRUE(apply_relocation(bytes, address, relocation, symbol));
  return bytes;
}

TEST(Module, X86Call) {  // e8 rel32, the field at 1
  EXPECT_EQ(relocated({0xe8, 0, 0, 0, 0}, 0x1000, {1, RelocKind::X86PcRel4, 0, -4}, 0x1100),
            (std::vector<uint8_t>{0xe8, 0xfb, 0, 0, 0}));
}

TEST(Module, Arm64Call) {  // bl .-16
  EXPECT_EQ(relocated({0, 0, 0, 0x94}, 0x1010, {0, RelocKind::Arm64Call, 0, 0}, 0x1000),
            (std::vector<uint8_t>{0xfc, 0xff, 0xff, 0x97}));
}

TEST(Module, RiscvCall) {  // auipc ra, 1 ; jalr -2048(ra): 0x800 ahead rounds the high part up
  EXPECT_EQ(relocated({0x97, 0, 0, 0, 0xe7, 0x80, 0, 0}, 0x1000, {0, RelocKind::RiscvCallPlt, 0, 0}, 0x1800),
            (std::vector<uint8_t>{0x97, 0x10, 0, 0, 0xe7, 0x80, 0x00, 0x80}));
}

TEST(Module, S390xCall) {  // brasl %r14, .+0x100: halfwords from the instruction, the field at 2
  EXPECT_EQ(relocated({0xc0, 0xe5, 0, 0, 0, 0}, 0x1000, {2, RelocKind::S390xPlt32Dbl, 0, 2}, 0x1100),
            (std::vector<uint8_t>{0xc0, 0xe5, 0, 0, 0, 0x80}));
}

TEST(Module, OutOfReach) {
  std::vector<uint8_t> bytes{0, 0, 0, 0x94};
  EXPECT_FALSE(apply_relocation(bytes, 0x1000, {0, RelocKind::Arm64Call, 0, 0}, 0x1000 + (1 << 27)));
  EXPECT_FALSE(
      apply_relocation(bytes, 0x1000, {2, RelocKind::X86PcRel4, 0, 0}, 0x1000));  // the field hangs over the end
}

CompiledFunction function(const char* name, std::vector<uint8_t> bytes) {
  CompiledFunction f;
  f.name = name;
  f.code.bytes = std::move(bytes);
  return f;
}

TEST(Module, FunctionsAreAlignedAndResolved) {
  CompiledFunction a = function("%a", {0xe8, 0, 0, 0, 0, 0xc3});
  a.symbols = {{"%b", false}};
  a.code.relocations = {{1, RelocKind::X86PcRel4, 0, -4}};
  a.code.traps = {{5, 9, 2}};
  CompiledFunction b = function("%b", {0xc3});
  const CompiledFunction functions[] = {a, b};
  const auto image = link(functions, 0x10000000);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->functions[1].begin, 16u);
  EXPECT_EQ(image->bytes[1], 11);
  EXPECT_EQ(image->traps[0].offset, 5u);
  EXPECT_EQ(image->traps[0].function, 0u);
}

TEST(Module, MissingAndDoubleNames) {
  CompiledFunction a = function("%a", {0, 0, 0, 0});
  a.symbols = {{"%missing", false}};
  a.code.relocations = {{0, RelocKind::X86PcRel4, 0, -4}};
  const CompiledFunction missing[] = {a};
  EXPECT_FALSE(link(missing, 0));
  const ExternalSymbol external[] = {{"%missing", 0x100}};
  EXPECT_TRUE(link(missing, 0, external));
  const CompiledFunction twice[] = {function("%a", {0}), function("%a", {0})};
  EXPECT_FALSE(link(twice, 0));
}

}  // namespace
}  // namespace assay::machine
