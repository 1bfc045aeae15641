// Specs of helper terms judged by the C++ they stand for.
//
// What the rules call but do not define (external constructors and extractors, external constants) is C++; proofs use
// its `spec` instead. Here every such term of an ISA's rules is called, in a context that is lowering a function, or,
// of the mid-end's rules, in one that has a function in its graph; and its spec evaluated on the same numbers, as a
// proof evaluates it: on all arguments if they are few, else on edge values, numbers related to each other, and random
// ones.
//
// H1  Where a term answers, its spec's `provide`s hold of the answer.
// H2  A partial term answers exactly where its `require`s hold. With the tag `partial_spec` it may also decline.
// H3  What proofs know of a term by its name, without a spec, is a contract by hand (helper_contracts.cpp).
// H4  Which terms there are is read from the rules; how to call them is in helper_table.cpp. One that is not there is
//     Missing, and so is one whose numbers can be compared but that has no spec.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "compiler/machine/isa.h"
#include "compiler/support/diagnostic.h"
#include "verify/judgement.h"

namespace assay::verify {

struct HelperContext;
struct HelperTable;
struct RuleSources;

struct HelperCheckOptions {
  unsigned random_cases = 6;  // later arguments for each first one, beside those related to it
  uint64_t seed = 1;
  std::set<std::string> only;  // terms' names; empty: all
};

// Of the rules this program was built with, in the order of the sources. Error: the ISA is not part of the build.
Expected<std::vector<Judgement>> check_helpers(IsaKind isa, const HelperCheckOptions& options = {});
// Of other rules or other C++.
Expected<std::vector<Judgement>> check_helpers(const machine::TargetIsa& isa, const RuleSources& sources,
                                               const HelperTable& table, const HelperCheckOptions& options = {});
// The same in a context that is at hand. The values that it is asked for: constants of all integers of at most 64 bits
// that number_cases() names, and a value of each scalar type.
Expected<std::vector<Judgement>> check_helpers(const HelperContext& context, const RuleSources& sources,
                                               const HelperTable& table, const HelperCheckOptions& options = {});
// The edge values and others of a width that arguments are taken from.
std::vector<uint64_t> number_cases(unsigned width);

// Those of the mid-end (helper_optimizer.cpp), of the rules this program was built with or of others.
Expected<std::vector<Judgement>> check_optimizer_helpers(const HelperCheckOptions& options = {});
Expected<std::vector<Judgement>> check_optimizer_helpers(const RuleSources& sources,
                                                         const HelperCheckOptions& options = {});

}  // namespace assay::verify
