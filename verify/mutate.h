// Mutants of rules and specs: small mistakes, each one edit of the text at a place known from the typed rules.
//
// What there is to find out is whether the prover notices them (mutants.h). Every mutant parses as far as can be told
// from the types here; the rule compiler has the last word. Derivation depends on the texts only: the same texts give
// the same mutants in the same order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/support/diagnostic.h"
#include "verify/rule_sources.h"

namespace assay::verify {

enum class MutationKind : uint8_t {
  Swap,        // two operands of one type
  Guard,       // a condition of the left side is gone
  Unwrap,      // a term is replaced by its operand: no extension, no check
  Enumerator,  // another one of the same enum; another boolean
  Integer,     // k + 1, k - 1, -k, k / 2
  Term,        // another term of the same signature
  Type,        // another type, or a guard of types that admits others
  Variable,    // another variable of the same type
  SpecSwap,    // in a spec: operands
  SpecOperator,
  SpecInteger,
  SpecVariable,
  SpecRequire,  // a requirement less
  // Of instruction definitions (mutate_instructions.h):
  Bits,       // an opcode's bit, a field: another, in another place, other bits of it
  Range,      // of an immediate, a displacement, a distance: width, sign, scale
  Role,       // use, def, early, reuse, fixed, clobber, flags; the order of operands
  Condition,  // when an encoding is legal, or chosen
  Text,       // assembly
  Meaning,    // operator, integer, operand, extension, slice, order of operands
  Trap,       // when it traps
  Place,      // of the trapping instruction, of a relocation
};
const char* to_string(MutationKind kind);
inline bool is_of_instruction(MutationKind kind) { return kind >= MutationKind::Bits; }
inline bool is_of_spec(MutationKind kind) { return kind >= MutationKind::SpecSwap && !is_of_instruction(kind); }

struct Mutant {
  MutationKind kind = MutationKind::Swap;
  std::string id;       // "lower.isle:43:12 swap 1 2": unique, and stable as long as the file is
  std::string subject;  // the rule's name; of a spec the term's
  std::string change;   // "(rv_sub a b) => (rv_sub b a)": the list around the edit, blanks normalised
  uint32_t file = 0;    // index into RuleSources::rules; of an instruction's into RuleSources::instructions
  uint32_t line = 0;
  size_t begin = 0, end = 0;  // the bytes that are replaced
  std::string replacement;
  // The rules whose proof the edit can affect: the mutated rule if it is proven itself, else those that reach its term
  // through terms without a spec; of a spec its term's rules and those that rely on it; of an instruction's definition
  // the instructions.
  std::vector<std::string> judges;
  bool is_helper = false;      // the subject is a rule that is proven in its judges only
  bool is_external = false;    // the spec of a term that is C++: what holds it is a test of its own
  bool is_equivalent = false;  // operands in another order, of an operation that does not mind
  bool is_meaning = false;     // the edit is in what instructions mean, not in how they are written
};

struct MutationOptions {
  bool rules = true;
  bool specs = true;
  bool encodings = false;  // of instruction definitions
};

// In the order of the texts. Errors: the texts do not parse, before any edit.
Expected<std::vector<Mutant>> derive_mutants(const RuleSources& sources, const MutationOptions& options = {});

// The text of the mutant's file with the edit.
std::string mutated_text(const Mutant& mutant, std::string_view text);

}  // namespace assay::verify
