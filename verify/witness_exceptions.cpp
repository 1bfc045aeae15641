// Rules that no function can make fire, and why: each of them is a case that its term needs to be total, or that
// another part of the compiler takes first. A rule that fires nevertheless fails witness_test. And rules that fire, but
// of whose results nobody can say what they should be.
#include "verify/witness.h"

#include <span>
#include <string_view>

namespace assay::verify {

namespace {

struct Exception {
  std::string_view unit;  // empty: all
  const char* rule;
  const char* reason;
};

constexpr const char* kNarrowOnly = "its users pass narrow types only; the case makes the term total";

constexpr const char* kFrameAddress =
    "where the stack lies is the caller's affair; corpus/filetests/special_registers.clif compares what is known";

const Exception kExceptions[] = {
    {"", "nop", "an instruction without result and effect is not lowered"},
    {"", "symbol_value", "where a symbol lies is the linker's affair: no witness can expect a value"},
    {"riscv64", "zext64_reg_i64", kNarrowOnly},
    {"opt", "select_bxor_one",
     "bxor_icmp_one takes the bxor away, but where a limit of the graph keeps it from firing"},
};

const Exception kUnjudged[] = {
    {"", "get_stack_pointer", kFrameAddress},
    {"", "get_frame_pointer", kFrameAddress},
    {"", "get_return_address", kFrameAddress},
};

const char* reason_in(std::span<const Exception> exceptions, const std::string& unit, const std::string& rule) {
  for (const Exception& exception : exceptions) {
    if (exception.rule == rule && (exception.unit.empty() || exception.unit == unit)) return exception.reason;
  }
  return nullptr;
}

}  // namespace

const char* witness_exception(const std::string& unit, const std::string& rule) {
  return reason_in(kExceptions, unit, rule);
}

const char* why_not_judged(const std::string& unit, const std::string& rule) {
  return reason_in(kUnjudged, unit, rule);
}

}  // namespace assay::verify
