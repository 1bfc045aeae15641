// A second solver, cvc5, on the terms that Z3 holds: for what bit-blasting does not decide, and to confirm what Z3
// says.
#pragma once

#include <string>
#include <vector>

#include "verify/smt.h"

namespace assay::verify {

enum class Cvc5Strategy : uint8_t {
  BitVectors,  // bit-blasting, by code that shares nothing with Z3's
  Integers,    // bit vectors as integers: decides products and divisions at 64 bits that bit-blasting does not
};

struct Cvc5Answer {
  enum class Verdict : uint8_t { Unsatisfiable, Satisfiable, Unknown } verdict = Verdict::Unknown;
  std::string reason;  // of Unknown
};

// "cvc5 1.0.3, bit vectors".
std::string cvc5_name(Cvc5Strategy strategy);

// Can all assertions hold? Unknown after `timeout_ms`, and if a term is none of the operators that Terms makes.
Cvc5Answer ask_cvc5(const std::vector<z3::expr>& assertions, Cvc5Strategy strategy, unsigned timeout_ms);

}  // namespace assay::verify
