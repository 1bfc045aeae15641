// Encodings judged by LLVM: what its disassembler reads from our bytes is what the instruction's own text says.
//
// Every instruction with an encoding is tried with every register, parameter and edge immediate (operand_cases.h).
// Texts are compared after normalising spaces and numbers; where LLVM prints an alias, our text is assembled, and must
// give the same bytes or what disassembles to the same text. LLVM's tables also say which registers and flags the bytes
// read and write (decoded_roles.h), which judges the operands' roles and the clobbers, of calls and returns too; and
// its assembler which relocation belongs where. Where the machine has short forms (`short`, docs/notation.md), the
// assembler says which operands have one: a shorter encoding that we do not use is a mismatch, too. Capstone has a say
// where it knows the instruction: its text, assembled, is the same instruction.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/isle/notation/definition.h"
#include "compiler/machine/inst_desc.h"
#include "compiler/machine/isa.h"
#include "compiler/machine/isa_kind.h"

namespace assay::verify {

struct EncodingMismatch {
  std::string instruction;
  std::string ours;  // InstSet::print
  std::string bytes;
  std::string theirs;   // the disassembler's text
  std::string problem;  // what the assembler said, if it was asked
};

struct EncodingReport {
  size_t instructions = 0;
  size_t cases = 0;
  std::map<std::string, size_t> cases_of;    // by instruction
  size_t by_text = 0;                        // texts agreed
  size_t by_assembler = 0;                   // the assembled text agreed
  size_t by_capstone = 0;                    // of these, what Capstone reads from the bytes too
  size_t short_forms = 0;                    // cases encoded in one
  std::vector<EncodingMismatch> mismatches;  // at most a few for each instruction
  std::vector<std::string> not_checked;      // hatches, and instructions no legal operands were found for
};

struct EncodingOptions {
  size_t cases_per_instruction = 600;
  uint64_t seed = 1;
  std::vector<std::string> only;  // names of instructions; empty: all
  // Whose hatches encode what the definitions cannot: then their roles and clobbers are judged too.
  const machine::TargetIsa* hatches = nullptr;
};

EncodingReport check_encodings(IsaKind isa, const machine::InstSet& insts, const EncodingOptions& options = {});

// Adds a further round with another seed. At most a few mismatches for each instruction are kept.
void add(EncodingReport& sum, const EncodingReport& round);

// For people.
std::string describe(const EncodingReport& report);

}  // namespace assay::verify
