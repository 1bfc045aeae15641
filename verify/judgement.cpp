#include "verify/judgement.h"

#include <algorithm>

namespace assay::verify {

const char* to_string(JudgementState state) {
  switch (state) {
    case JudgementState::Holds:
      return "holds";
    case JudgementState::Weaker:
      return "weaker spec";
    case JudgementState::NotJudged:
      return "not judged";
    case JudgementState::Missing:
      return "missing";
    case JudgementState::Fails:
      return "fails";
  }
  return "?";
}

std::string describe(const std::vector<Judgement>& rows, bool all) {
  size_t cases = 0;
  for (const Judgement& row : rows) cases += row.cases;
  std::string out = std::to_string(rows.size()) + " rows, " + std::to_string(cases) + " cases";
  for (const JudgementState state : kJudgementStates) {
    const auto count = std::ranges::count(rows, state, &Judgement::state);
    if (count != 0) out += ", " + std::to_string(count) + " " + to_string(state);
  }
  out += "\n";
  for (const Judgement& row : rows) {
    if (!all && !is_failure(row.state)) continue;
    out += "  " + row.name + (row.types.empty() ? "" : " (" + row.types + ")") + ": " + to_string(row.state);
    if (row.cases != 0) out += ", " + std::to_string(row.cases) + " cases";
    if (!row.reason.empty()) out += ": " + row.reason;
    out += "\n" + row.reproducer;
  }
  return out;
}

}  // namespace assay::verify
