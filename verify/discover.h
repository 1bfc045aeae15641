// Rules that nobody wrote: small terms over chosen operations, found equal by running them, then proven, and not
// derived by the rules there are.
//
//   enumerate ─▶ run on the interpreter (8 and 64 bits) ─▶ groups of equal results ─▶ the cheapest of each is the right
//   side; others that cost more and that the mid-end does not bring down to as little are left sides ─▶ prover
//
// D1  Terms are built of terms that are the cheapest of their group, so a left side has no part that another rule would
//     rewrite. Operands of commutative operations come in one order only.
// D2  What is proposed is sound whatever the tests missed: only what the solver says counts as proven, and what it
//     refutes is counted, not shown.
// D3  What follows from proposals that are shown, and the rules there are, is counted, not shown: of these, ones with
//     fewer operations and constants come first.
// Terms have one type throughout, two variables x and y and the constants 0, 1 and -1.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/support/diagnostic.h"

namespace assay::verify {

struct DiscoverOptions {
  std::vector<std::string> operations = {"iadd", "isub", "band", "bor",
                                         "bxor", "bnot", "ineg"};  // integer, of values of one type
  unsigned max_operations = 2;                                     // of a left side
  uint32_t max_terms = 20'000;                                     // enumerated; what is beyond is counted
  unsigned max_proposals = 100;  // asked of the prover, those with fewer operations first
  unsigned jobs = 0;
  unsigned timeout_ms = 10'000;
  std::span<const ir::Function* const> functions;  // in which gains are counted, as they are after the mid-end
};

struct Discovered {
  std::string rule;      // text in the rule language
  std::string status;    // "proven", "unknown: …"
  uint64_t matches = 0;  // of the left side in the functions
  uint64_t gain = 0;     // of cost, in all of them
};
struct DiscoverResult {
  uint64_t terms = 0, dropped = 0;  // enumerated; not, for the limit
  uint64_t groups = 0;
  uint64_t renamed = 0;    // the same as another proposal, with variables or operands exchanged
  uint64_t equal = 0;      // terms that cost more than another one of their group
  uint64_t derived = 0;    // of those, what the rules there are bring down as far
  uint64_t refuted = 0;    // of those asked, what the prover has a counterexample for
  uint64_t following = 0;  // proven, but others that are in `rules` make the left side as cheap
  uint64_t not_asked = 0;
  std::vector<Discovered> rules;  // the largest gain first
};

// Errors: an operation that does not exist, or that is not of integers of one type without traps.
Expected<DiscoverResult> discover(const DiscoverOptions& options);

}  // namespace assay::verify
