// See outcome.h.
#include "interpreter/outcome.h"

namespace assay::interpreter {

const char* name(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::Returned:
      return "returned";
    case OutcomeKind::Trapped:
      return "trapped";
    case OutcomeKind::OutOfFuel:
      return "out of fuel";
    case OutcomeKind::UndefinedBehaviour:
      return "undefined behaviour";
    case OutcomeKind::Unsupported:
      return "not supported";
  }
  return "?";
}

std::string describe(const Outcome& outcome) {
  std::string out = name(outcome.kind);
  const std::string place = " at function " + std::to_string(outcome.function) + ", " + ir::to_string(outcome.inst);
  switch (outcome.kind) {
    case OutcomeKind::Returned:
      for (size_t i = 0; i < outcome.results.size(); ++i) {
        out += (i == 0 ? " " : ", ") + ir::to_string(outcome.results[i]);
      }
      break;
    case OutcomeKind::Trapped:
      out += " " + ir::to_string(outcome.trap) + place;
      break;
    case OutcomeKind::OutOfFuel:
      break;
    case OutcomeKind::UndefinedBehaviour:
    case OutcomeKind::Unsupported:
      out += ": " + outcome.text + place;
      break;
  }
  return out;
}

}  // namespace assay::interpreter
