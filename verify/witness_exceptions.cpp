// Rules that no function can make fire, and why: each of them is a case that its term needs to be total, or that
// another part of the compiler takes first. A rule that fires nevertheless fails witness_test.
#include "verify/witness.h"

#include <optional>

namespace assay::verify {

namespace {

struct Exception {
  std::optional<IsaKind> isa;  // none: all
  const char* rule;
  const char* reason;
};

constexpr const char* kNarrowOnly = "its users pass narrow types only; the case makes the term total";

const Exception kExceptions[] = {
    {{}, "nop", "an instruction without result and effect is not lowered"},
    {{}, "symbol_value", "where a symbol lies is the linker's affair: no witness can expect a value"},
    {IsaKind::riscv64, "zext64_reg_i64", kNarrowOnly},
    {IsaKind::riscv64, "sext64_reg_i64", kNarrowOnly},
};

}  // namespace

const char* witness_exception(IsaKind isa, const std::string& rule) {
  for (const Exception& exception : kExceptions) {
    if (exception.rule == rule && exception.isa.value_or(isa) == isa) return exception.reason;
  }
  return nullptr;
}

}  // namespace assay::verify
