// Operands to try an instruction with: every register, every enumerator, the edges of every immediate, from its
// definition.
//
// "Legal" means that the encoder accepts them: ranges, `when`, fixed and tied registers hold.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/isle/notation/definition.h"
#include "compiler/machine/inst_desc.h"
#include "compiler/machine/isa_kind.h"

namespace assay::verify {

// Whether the list, of names of instructions, names this one; an empty list stands for all.
bool is_wanted(std::span<const std::string> names, std::string_view name);

class OperandCases {
 public:
  // Both must outlive this; the definitions are those of the InstSet.
  OperandCases(IsaKind isa, const machine::InstSet& insts, const notation::Definitions& definitions, uint64_t seed);

  // Registers to choose from; default: all that have a number.
  void set_registers(std::vector<unsigned> general) {
    general_ = std::move(general);
    values_.clear();
  }

  // All combinations of the instruction's parameters, as leading operands.
  std::vector<std::vector<machine::Operand>> params(uint16_t opcode) const;
  // A random legal assignment that begins with these parameters; false if none was found.
  bool random(uint16_t opcode, std::span<const machine::Operand> params, std::vector<machine::Operand>& out);
  // For each combination of parameters: every value of every slot in turn, the others random. At most `limit` lists.
  std::vector<std::vector<machine::Operand>> systematic(uint16_t opcode, size_t limit);
  // A random legal assignment of which the condition of this short form of the instruction holds; false if none was
  // found.
  bool random_short(uint16_t opcode, const notation::ShortForm& form, std::span<const machine::Operand> params,
                    std::vector<machine::Operand>& out);
  // For each short form: operands that it can hold, then every value of every slot in turn, of parameters too, also of
  // all slots with the same register at once. Legal ones, at most `limit` lists.
  std::vector<std::vector<machine::Operand>> around_shorts(uint16_t opcode, size_t limit);
  // For each combination of parameters, each immediate in turn at each edge of its range, the others legal with some
  // value of it; whether all together are legal is not asked. Not of immediates that a function of the ISA judges.
  std::vector<std::vector<machine::Operand>> edges(uint16_t opcode);
  // What the range of a slot admits and no legal operands were found for: the definition promises what it cannot
  // encode. Asked of the halves of the range that lie farthest from 0, and of odd multiples of its scale: an
  // instruction's own condition may exclude single numbers, and narrow a memory operand's displacement (see
  // `of_displacement`).
  struct Refused {
    unsigned slot;
    std::string what;  // "from 2048 to 4095"
    bool of_displacement;
  };
  std::vector<Refused> refused(uint16_t opcode);

 private:
  // What to try in a slot; made once.
  const std::vector<machine::Operand>& values(uint16_t opcode, unsigned slot);
  std::vector<machine::Operand> make_values(const machine::OperandDesc& slot,
                                            const notation::OperandDef* operand) const;
  const notation::OperandDef* operand_of(uint16_t opcode, unsigned slot) const;
  bool is_possible(uint16_t opcode, unsigned slot, const machine::Operand& value);
  void tie(uint16_t opcode, std::vector<machine::Operand>& operands) const;
  bool legal(uint16_t opcode, std::span<const machine::Operand> operands) const;
  machine::Operand pick(uint16_t opcode, unsigned slot);

  const machine::InstSet& insts_;
  const notation::Definitions& definitions_;
  std::vector<unsigned> general_;
  std::vector<unsigned> vector_;
  std::unordered_map<uint32_t, std::vector<machine::Operand>> values_;  // by opcode and slot
  std::mt19937_64 random_;
};

}  // namespace assay::verify
