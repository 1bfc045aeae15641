// Weaving: many mistaken versions of a file in one text, chosen at run time by `fault(N)`.
//
// C++: the file and each version must differ inside bodies of functions only. A body that differs becomes
//   { if (::assay::fault(7)) { …version 7… } else if (::assay::fault(9)) { …version 9… } else { …as it is… } }
// so with no fault active the function does what it did. Parameters may have another number at the end of their names
// (islec numbers them). Functions that are evaluated at compile time and initialiser lists of constructors cannot be
// woven.
//
// ISLE: a rule that differs stands there twice, with `(if-let false (fault N))` and as `<name>__N` with
// `(if-let true (fault N))`: at the same priorities, so that the order in which rules are tried is kept.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/support/diagnostic.h"

namespace assay::fuzz {

struct Version {
  unsigned number = 0;  // of the mistake
  std::string text;     // of the whole file
};

Expected<std::string> weave_cpp(std::string_view text, const std::vector<Version>& versions);
Expected<std::string> weave_isle(std::string_view text, const std::vector<Version>& versions);

// The rules as they are under one fault, under the names they have in the woven text, without guards.
Expected<std::string> isle_under_fault(std::string_view text, const Version& version);

}  // namespace assay::fuzz
