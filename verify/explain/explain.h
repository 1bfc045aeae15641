// One function through all stages of the compiler, with what connects them: which CLIF instruction and which rules each
// machine instruction comes from, what the prover says of those rules, and where values live.
//
//   make_explanation()  collects it from one compilation for each machine
//   to_text()           for a terminal: the stages side by side
//   to_json(), to_html()  for programs, and as one page that needs nothing but itself
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/machine/compile.h"
#include "compiler/machine/isa_kind.h"

namespace assay::verify::explain {

inline constexpr uint32_t kNone = 0xffffffffu;

// A line of the CLIF: a block's header, or an instruction.
struct ClifLine {
  uint32_t inst = kNone;
  std::string text;
};

// What the prover says of a rule.
struct Verdict {
  std::string state;  // "proven", "trusted", "failed", "unknown"; empty: nobody was asked
  std::string reason;
};
using Verdicts = std::map<std::string, Verdict>;  // by the rule's name

// A rule that was applied.
struct Rule {
  std::string name, term, file;
  uint32_t line = 0;
  std::string text;  // as it stands in its file; empty if that is not known
  Verdict verdict;
};

// One instruction in as many stages as it is in. What a stage lacks is empty: a move of the allocator has no virtual
// instruction, a jump to the next block no bytes, and an instruction may need several rows of bytes.
struct Row {
  uint32_t block = 0;
  uint32_t inst = kNone;            // the CLIF instruction
  std::vector<uint32_t> folded;     // CLIF instructions without code of their own that have become part of it
  uint32_t number = kNone;          // of the virtual instruction
  std::vector<uint32_t> rules;      // that emitted it, the innermost first: indices into IsaExplanation::rules
  std::vector<uint32_t> registers;  // virtual ones it reads or writes
  std::string virtual_text, allocated_text;
  uint32_t offset = kNone;
  std::string bytes, disassembly;
};

// Where a value is from one virtual instruction to another.
struct Place {
  std::string where;  // "%rax", "slot 2"
  uint32_t first = 0, last = 0;
};
struct Value {
  uint32_t reg = 0;  // virtual
  std::string name;  // of the CLIF value: "v3"; empty if the rules made it
  std::vector<Place> places;
};

struct IsaExplanation {
  IsaKind isa{};
  std::string error;  // why there is nothing else: "not supported on …"
  std::vector<Row> rows;
  std::vector<std::string> blocks;  // headers: "block1, CLIF block3"
  std::vector<Rule> rules;          // in the order in which instructions name them
  std::vector<Value> values;
  uint32_t code_bytes = 0, frame_bytes = 0;
};

// A rule of the mid-end that fired.
struct Rewrite {
  std::string rule, file;
  uint32_t line = 0;
  uint64_t count = 0;
};

struct Explanation {
  std::string function;
  std::vector<ClifLine> clif;       // as lowered: optimised, if the mid-end has run
  std::vector<std::string> source;  // the lines as given, if the mid-end has run
  std::vector<Rewrite> rewrites;
  std::vector<IsaExplanation> isas;
};

struct ExplainOptions {
  std::vector<IsaKind> isas;
  std::array<machine::FeatureSet, kIsaCount> features{};  // to compile for, by ISA
  machine::CompileOptions compile;                        // its observer and listing are the explanation's
  // Asked once for each ISA, with the names of the rules that were applied; none: no verdicts.
  std::function<Verdicts(IsaKind, const std::vector<std::string>& rules)> prove;
};

// The function must have passed the verifier.
Explanation make_explanation(const ir::Function& function, const ExplainOptions& options);
// What verify_isa says of these rules, from the cache if it knows.
Verdicts prove_rules(IsaKind isa, const std::vector<std::string>& rules, const std::string& cache);

struct TextOptions {
  bool color = false;
};
std::string to_text(const Explanation& explanation, const TextOptions& options = {});
std::string to_json(const std::vector<Explanation>& explanations, int indent = 2);
// The page; of several functions one is shown at a time.
std::string to_html(const std::vector<Explanation>& explanations);

}  // namespace assay::verify::explain
