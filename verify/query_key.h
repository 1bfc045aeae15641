// The canonical form of a query, as a hash. Internal to verify/.
//
// Terms are hashed from the leaves up; operands of commutative operators in the order of their hashes, because Z3's
// simplifier orders them by when they were made. Variables count by name: Terms::begin() makes names start over, so the
// same rule with the same choices has the same names in every run.
#pragma once

#include <string>
#include <vector>

#include "verify/proof_cache.h"
#include "verify/smt.h"

namespace assay::verify {

// Of the conjunction of the assertions.
class CanonicalQuery {
 public:
  explicit CanonicalQuery(const std::vector<z3::expr>& assertions);
  // Asked of that solver.
  QueryKey key(const std::string& solver) const;

 private:
  std::string bytes_;
};

}  // namespace assay::verify
