// What a judge says of one thing that the prover takes for granted: the meaning of an operation at one choice of types
// (operation_check.h), the spec of a term that is C++ (helper_check.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace assay::verify {

enum class JudgementState : uint8_t {
  Holds,      // in all cases run
  Weaker,     // holds, but the spec says less than the code does, and is marked so
  NotJudged,  // `reason` says why, and what stands in
  Missing,    // nobody has said how to judge it: a failure, `reason` says what to write
  Fails,
};
inline constexpr JudgementState kJudgementStates[] = {JudgementState::Holds, JudgementState::Weaker,
                                                      JudgementState::NotJudged, JudgementState::Missing,
                                                      JudgementState::Fails};
// "holds", "weaker spec", "not judged", "missing", "fails".
const char* to_string(JudgementState state);
constexpr bool is_failure(JudgementState state) {
  return state == JudgementState::Missing || state == JudgementState::Fails;
}

struct Judgement {
  std::string name;   // of the operation or term
  std::string types;  // "i8, i64"; empty if it has none
  JudgementState state = JudgementState::Missing;
  size_t cases = 0;
  std::string reason;      // of all states but Holds
  std::string reproducer;  // of Fails, if it can be run: CLIF with a directive, for `assay test`
};

// For people: counts by state, then the failures; with `all`, every row.
std::string describe(const std::vector<Judgement>& rows, bool all = false);

}  // namespace assay::verify
