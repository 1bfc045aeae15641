// Reduction: shrinks a failing case to a small one that fails in the same way.
//
// A candidate is made by a small edit (instructions become constants, branches jumps, a function goes), cleaned up,
// verified, and kept if the harness still has a finding of the same key (oracles::Finding::key). Edits are tried in
// rounds, many at once before single ones, until a whole round changes nothing. Works on a copy; deterministic.
// Candidates are checked in processes of their own, so that crashes reduce like anything else.
#pragma once

#include <functional>
#include <string>

#include "fuzz/case.h"

namespace assay::fuzz {

struct ReduceOptions {
  double seconds = 60;  // gives up then, with the best so far
  // A machine that does something else than it should is the same finding whatever it does, as long as it is the same
  // ISA: a wrong value that made a trap may go on as a wrong result (is_same_failure). Off: the key stays.
  bool any_symptom = false;
};

struct ReduceResult {
  Case reduced;
  std::string key;            // of the finding that was kept
  std::string finding;        // described, on the reduced case
  unsigned instructions = 0;  // left, in all functions
  unsigned tried = 0, kept = 0;
};

// Does `found` count as `wanted` in a reduction? With any symptom, too, a program that should not trap does not become
// one that should: what a wild access meets differs between executors.
bool is_same_failure(const oracles::Finding& found, const oracles::Finding& wanted, bool any_symptom);

// Fails if the case has no finding to begin with. Must not be called while other threads run.
Expected<ReduceResult> reduce(const oracles::HarnessOptions& harness, const Case& test,
                              const ReduceOptions& options = {});

// The same for any property; `holds` must hold of `test`.
ReduceResult reduce(const Case& test, const std::function<bool(const Case&)>& holds, const ReduceOptions& options = {});

}  // namespace assay::fuzz
