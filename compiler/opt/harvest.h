// Candidates for rules, taken from real functions: the terms of pure operations that they compute, and how often.
//
// A term is an operation with its operands' operations down to a depth; what is deeper, loaded, passed or called is a
// variable. Equal terms of one type are one, whatever function they are from. Linear in operations times 3^depth.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/function.h"

namespace assay::opt {

struct HarvestOptions {
  unsigned depth = 3;           // operations on the way from the root to a variable, at most
  unsigned min_operations = 2;  // of a term, constants not counted
};

struct Harvested {
  std::string term;    // (iadd i64 x0 (ishl i64 x1 (k i64 3)))
  std::string souper;  // the same as a left side of Souper's; empty: it has an operation that Souper does not
  uint64_t count = 0;
  unsigned operations = 0;
};

// The most frequent first.
std::vector<Harvested> harvest(std::span<const ir::Function* const> functions, const HarvestOptions& options = {});

}  // namespace assay::opt
