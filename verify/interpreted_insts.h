// The instructions of an ISA as their definitions say, without generated code: a second encoder and printer, which read
// the parsed text.
//
// They serve texts that no program was built from (mutants of .inst files), and are held against the generated encoders
// (interpreted_insts_test): the same bytes, texts and refusals for the same operands.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compiler/isle/notation/definition.h"
#include "compiler/machine/inst_desc.h"
#include "compiler/machine/isa_kind.h"

namespace assay::verify {

class InterpretedInsts {
 public:
  // Copies the texts. `errors()` says whether they hold together; nothing else may be asked if there are any.
  InterpretedInsts(IsaKind isa, std::span<const notation::SourceFile> files);

  const Diagnostics& errors() const { return parsed_.errors; }
  const notation::Definitions& definitions() const { return parsed_.definitions; }

  machine::EncodeError encode(uint16_t opcode, std::span<const machine::Operand> operands,
                              const machine::EncodeContext& context, machine::EncodedInst& out) const;
  std::string print(uint16_t opcode, std::span<const machine::Operand> operands) const;
  void invert(uint16_t opcode, std::span<machine::Operand> operands) const;

  // As an InstSet, for whoever takes one. Its functions have no place for an object: they ask the instructions of the
  // innermost Scope of their thread.
  const machine::InstSet& set() const { return set_; }
  class Scope {
   public:
    explicit Scope(const InterpretedInsts& insts);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    const InterpretedInsts* outer_;
  };

 private:
  void describe();
  std::vector<machine::OperandDesc> slots(const notation::InstDef& inst);

  IsaKind isa_;
  std::vector<std::string> texts_;  // what the parsed definitions view
  std::vector<std::string> files_;
  notation::ParsedDefinitions parsed_;
  std::vector<machine::InstDesc> descs_;
  std::vector<std::vector<machine::OperandDesc>> operands_;  // by opcode
  std::vector<std::unique_ptr<std::string>> names_;          // of parts of memory operands
  std::vector<machine::FeatureDesc> features_;
  std::vector<const char*> file_pointers_, text_pointers_;
  machine::InstSet set_;
};

}  // namespace assay::verify
