// Making programs valid: of any text a test case, of any function one that verifies.
//
// What is valid stays as it is. What is not is changed as little as a simple, bounded procedure can: lines that do not
// parse are dropped, values that are not defined (or not on every path) become constants, operands are extended or
// reduced to the type that is wanted, missing terminators, arguments and blocks are added. Deterministic.
//   R1  repair() gives a function that verifies, or false; then the function is of no use.
//   R2  repair_case() always gives a case that verifies and has inputs.
//   R3  Linear in the input, but for a constant number of rounds.
#pragma once

#include <string_view>

#include "fuzz/case.h"

namespace assay::fuzz {

// Also drops blocks that cannot be reached. Signatures and declarations must be sound.
bool repair(ir::Function& function);

// The same function with its values, blocks and instructions numbered as they stand, without what is not in the layout:
// printed numbers stay small however often a function is changed.
void compact(const ir::Function& from, ir::Function& to);

// The nearest test case to the text. Of an empty text, or one that has nothing to keep, a generated program.
Case repair_case(std::string_view text, const GenerateOptions& options = {});

// A generated program as a case.
Case generate_case(Random& random, const GenerateOptions& options = {});

// Inputs of the right number and types for the entry, and at least one of them.
void repair_inputs(Case& test, Random& random);

}  // namespace assay::fuzz
