// Meanings of CLIF's operations judged by the reference interpreter: what `sem` and `trap` in operations.ops say is
// what the interpreter does with a function of that one operation, and what the prover's terms for them evaluate to.
//
// Every operation with a `sem` or `trap` is run at every choice of scalar integer types and every
// condition code, on edge values crossed with each other and on random ones; narrow operands take all their values. The
// three that must agree share no code: the evaluator of typed semantics, the interpreter, the solver's simplifier on
// the translation that goals are made of. Every other operation, and the types left out, are rows with the reason.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/support/diagnostic.h"
#include "verify/judgement.h"

namespace assay::verify {

struct OperationCheckOptions {
  unsigned exhaustive_bits = 16;  // operands of together so many bits take all their values
  unsigned random_cases = 150;    // at each choice of types and condition, beside edge values
  unsigned solver_cases = 80;     // at most so many are put to the solver: edge values crossed, and random ones
  uint64_t seed = 1;
  std::string only;  // an operation's name; empty: all
};

// Of the operations this program was built with, in the order of their file.
Expected<std::vector<Judgement>> check_operations(const OperationCheckOptions& options = {});
// Of other operations, given as text in the notation of operations.ops; names and operands must be CLIF's.
Expected<std::vector<Judgement>> check_operations(std::string_view operations,
                                                  const OperationCheckOptions& options = {});

}  // namespace assay::verify
