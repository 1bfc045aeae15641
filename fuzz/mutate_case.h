// Mutation of test cases, on their IR: what a fuzzer does to a corpus entry. Everything follows from the seed.
//
//   M1  A mutated case verifies, and its inputs fit. Numbers of values and blocks stay small (repair.h, compact).
//   M2  Loops that counted still count: what decides that a loop ends is not touched, what is added is bounded. Where a
//       program does not end all the same, the interpreter's fuel does it.
//   M3  Values made from addresses of slots or functions are not made operands of more; where an outcome depends on
//   them
//       all the same, the harness finds out and does not compare.
//   M4  Operations and types that are added are those of the generator.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fuzz/case.h"

namespace assay::fuzz {

struct MutateOptions {
  unsigned max_mutations = 4;     // of one call: 1 to so many, few more often
  size_t max_instructions = 600;  // of a function; it does not grow beyond
  size_t max_functions = 6;
  GenerateOptions generate;  // for functions that are made anew
};

// Changes the case; returns the names of the mutations made, in order ("insert operation", …). Of a case with more
// functions than that many, some function becomes the entry, and what it doesn't reach is dropped.
std::vector<const char*> mutate(Case& test, Random& random, const MutateOptions& options = {});

// Takes something over from `donor`: a stretch of a block, a function that is called, inputs, regions. False: nothing
// fitted.
bool crossover(Case& test, const Case& donor, Random& random, const MutateOptions& options = {});

// Changes the case in ways that keep what it does: the same results, traps, memory and calls of host functions for each
// input, trap places aside. Returns the names of the mutations made.
std::vector<const char*> mutate_preserving(Case& test, Random& random, const MutateOptions& options = {});

// Judges a pair made by mutate_preserving: the second is run like any case, and its outcomes on the interpreter are
// held against those of the first. Inputs on which either has no comparable outcome are passed over, but where only the
// second's depends on addresses or on what fresh stack holds.
// With `original`, which gives for an instruction of a function of `after` that of `before`, places of traps count,
// too.
using OriginalInst = std::function<ir::Inst(uint32_t function, ir::Inst inst)>;
void check_preserving(oracles::Harness& harness, const Case& before, const Case& after,
                      std::vector<oracles::Finding>& findings, const OriginalInst& original = {});

// Names of all mutations of either sort, for statistics.
std::vector<const char*> mutation_names();
std::vector<const char*> preserving_mutation_names();

}  // namespace assay::fuzz
