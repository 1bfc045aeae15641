// The generated encoders and printers against the interpreted ones: bytes, texts, refusals, relocations, for legal and
// for random operands. Neither shares code with the other.
#include "verify/interpreted_insts.h"

#include <gtest/gtest.h>

#include <random>

#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"
#include "verify/operand_cases.h"

namespace assay::verify {
namespace {

using machine::EncodedInst;
using machine::EncodeError;
using machine::Operand;

int64_t displacement(const void* user, unsigned) { return *static_cast<const int64_t*>(user); }

std::string shown(EncodeError error, const EncodedInst& inst) {
  if (error != EncodeError::None) return "error " + std::to_string(static_cast<int>(error));
  std::string text;
  for (unsigned i = 0; i < inst.size; ++i)
    text += "0123456789abcdef"[inst.bytes[i] >> 4] + std::string(1, "0123456789abcdef"[inst.bytes[i] & 15]);
  text += " trap " + std::to_string(inst.trap_offset) + " features " + std::to_string(inst.features);
  if (inst.has_symbol) {
    text += " reloc " + std::to_string(static_cast<int>(inst.reloc)) + " at " + std::to_string(inst.symbol_offset) +
            " " + std::to_string(inst.symbol_addend);
  }
  return text;
}

// An operand that may be anything.
Operand any_operand(std::mt19937_64& random) {
  switch (random() % 6) {
    case 0:
      return {};
    case 1:
      return Operand::immediate(static_cast<int64_t>(random() >> random() % 64));
    case 2:
      return Operand::immediate(-static_cast<int64_t>(random() >> random() % 64));
    case 3:
      return Operand::symbol(0);
    case 4:
      return Operand::label(machine::Block(0));
    default:
      return Operand::use(
          machine::PReg(random() % 8 == 0 ? machine::RegClass::Vec : machine::RegClass::Gpr, random() % 16));
  }
}

TEST(InterpretedInsts, AreTheGeneratedOnes) {
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    const machine::InstSet& generated = *isa->insts;
    std::vector<notation::SourceFile> files;
    for (size_t i = 0; i < generated.source_files.size(); ++i) {
      files.push_back({generated.source_files[i], generated.source_texts[i]});
    }
    const InterpretedInsts interpreted(isa->kind, files);
    ASSERT_TRUE(interpreted.errors().empty());
    const InterpretedInsts::Scope scope(interpreted);
    EXPECT_EQ(machine::all_features(generated), machine::all_features(interpreted.set()));
    OperandCases cases(isa->kind, generated, interpreted.definitions(), 1);
    std::mt19937_64 random(1);
    size_t legal = 0, refused = 0, wrong = 0;
    machine::FeatureSet features = 0;
    const auto compare = [&](uint16_t opcode, const std::vector<Operand>& operands) {
      const int64_t distance = static_cast<int64_t>((random() >> random() % 64) * 2);
      const machine::EncodeContext context{displacement, &distance, features};
      EncodedInst a, b;
      const EncodeError theirs = generated.encode(opcode, operands, context, a);
      const EncodeError ours = interpreted.set().encode(opcode, operands, context, b);
      ++(theirs == EncodeError::None ? legal : refused);
      const std::string what = std::string(isa->name) + " " + generated.descs[opcode].name;
      if (shown(theirs, a) != shown(ours, b)) {
        ADD_FAILURE() << what << ": generated " << shown(theirs, a) << ", interpreted " << shown(ours, b) << " "
                      << generated.print(opcode, operands);
        ++wrong;
      } else if (theirs == EncodeError::None &&
                 generated.print(opcode, operands) != interpreted.print(opcode, operands)) {
        ADD_FAILURE() << what << ": generated " << generated.print(opcode, operands) << ", interpreted "
                      << interpreted.print(opcode, operands);
        ++wrong;
      }
    };
    for (uint16_t opcode = 0; opcode < generated.descs.size() && wrong < 20; ++opcode) {
      const machine::InstDesc& desc = generated.descs[opcode];
      EXPECT_STREQ(desc.name, interpreted.set().descs[opcode].name);
      EXPECT_EQ(desc.attributes, interpreted.set().descs[opcode].attributes) << desc.name;
      EXPECT_EQ(desc.features, interpreted.set().descs[opcode].features) << desc.name;
      EXPECT_EQ(desc.clobbers, interpreted.set().descs[opcode].clobbers) << desc.name;
      ASSERT_EQ(desc.operands.size(), interpreted.set().descs[opcode].operands.size()) << desc.name;
      for (size_t i = 0; i < desc.operands.size(); ++i) {
        const machine::OperandDesc &a = desc.operands[i], &b = interpreted.set().descs[opcode].operands[i];
        EXPECT_STREQ(a.name, b.name);
        EXPECT_TRUE(a.kind == b.kind && a.role == b.role && a.constraint == b.constraint && a.detail == b.detail &&
                    a.reg_class == b.reg_class && a.optional == b.optional)
            << desc.name << " " << a.name;
      }
      const auto lists = cases.systematic(opcode, 200);
      features = machine::all_features(generated);
      for (const std::vector<Operand>& operands : cases.around_shorts(opcode, 500)) compare(opcode, operands);
      for (std::vector<Operand> operands : lists) {
        if (wrong >= 20) break;
        features = random() & machine::all_features(generated);
        compare(opcode, operands);
        if (operands.empty()) continue;
        const size_t at = random() % operands.size();
        operands[at] = any_operand(random);
        compare(opcode, operands);
      }
    }
    EXPECT_GT(legal, 2000u) << isa->name;
    EXPECT_GT(refused, 500u) << isa->name;
  }
}

}  // namespace
}  // namespace assay::verify
