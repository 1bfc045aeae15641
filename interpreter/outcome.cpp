// See outcome.h.
#include "interpreter/outcome.h"

#include <algorithm>

namespace assay::interpreter {

namespace {

std::string hex(unsigned __int128 value) {
  if (value == 0) return "0";
  std::string digits;
  for (; value != 0; value >>= 4) digits += "0123456789abcdef"[static_cast<unsigned>(value & 15)];
  std::reverse(digits.begin(), digits.end());
  return "0x" + digits;
}

}  // namespace

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
    case OutcomeKind::Undetermined:
      return "undetermined";
  }
  return "?";
}

bool allows(const Outcome& outcome, size_t number, const ir::DataValue& value) {
  const ir::DataValue& result = outcome.results[number];
  const unsigned __int128 free = outcome.free_bits.empty() ? 0 : outcome.free_bits[number];
  return value.type() == result.type() && ((value.bits() ^ result.bits()) & ~free) == 0;
}

std::string describe(const Outcome& outcome) {
  std::string out = name(outcome.kind);
  const std::string place = " at function " + std::to_string(outcome.function) + ", " + ir::to_string(outcome.inst);
  switch (outcome.kind) {
    case OutcomeKind::Returned:
      for (size_t i = 0; i < outcome.results.size(); ++i) {
        out += (i == 0 ? " " : ", ") + ir::to_string(outcome.results[i]);
      }
      for (size_t i = 0; i < outcome.free_bits.size(); ++i)
        out += (i == 0 ? " open " : ", ") + hex(outcome.free_bits[i]);
      break;
    case OutcomeKind::Trapped:
      out += " " + ir::to_string(outcome.trap) + place;
      break;
    case OutcomeKind::OutOfFuel:
      break;
    case OutcomeKind::UndefinedBehaviour:
    case OutcomeKind::Unsupported:
    case OutcomeKind::Undetermined:
      out += ": " + outcome.text + place;
      break;
  }
  return out;
}

}  // namespace assay::interpreter
