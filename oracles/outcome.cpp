#include <cstdio>

#include "oracles/executor.h"

namespace assay::oracles {

const char* name(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::Returned:
      return "returned";
    case OutcomeKind::Trapped:
      return "trapped";
    case OutcomeKind::OutOfFuel:
      return "out of fuel";
    case OutcomeKind::Faulted:
      return "faulted";
    case OutcomeKind::AbiViolated:
      return "violated the ABI";
    case OutcomeKind::Unsupported:
      return "unsupported";
  }
  return "?";
}

const char* name(FaultKind kind) {
  switch (kind) {
    case FaultKind::None:
      return "none";
    case FaultKind::Read:
      return "read";
    case FaultKind::Write:
      return "write";
    case FaultKind::Fetch:
      return "fetch";
    case FaultKind::Illegal:
      return "illegal instruction";
    case FaultKind::Arithmetic:
      return "arithmetic";
    case FaultKind::Breakpoint:
      return "breakpoint";
    case FaultKind::Other:
      return "other";
  }
  return "?";
}

std::string describe(const Outcome& outcome) {
  auto hex = [](uint64_t value) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return std::string(text);
  };
  std::string text = name(outcome.kind);
  switch (outcome.kind) {
    case OutcomeKind::Returned:
      for (const RegisterBits& bits : outcome.results) {
        text += ' ' + hex(bits.low);
        if (bits.high != 0) text += ':' + hex(bits.high);
      }
      if (!outcome.stack_results.empty()) text += " stack ";
      for (uint8_t byte : outcome.stack_results) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
      }
      break;
    case OutcomeKind::Trapped:
      text += " with code " + std::to_string(outcome.trap_code) + " at inst" + std::to_string(outcome.trap_inst) +
              " of function " + std::to_string(outcome.trap_function);
      break;
    case OutcomeKind::Faulted:
      text += std::string(" (") + name(outcome.fault) + ") at pc " + hex(outcome.fault_pc);
      if (outcome.fault == FaultKind::Read || outcome.fault == FaultKind::Write) {
        text += ", address " + hex(outcome.fault_address);
      }
      break;
    case OutcomeKind::AbiViolated:
    case OutcomeKind::Unsupported:
      text += ": " + outcome.text;
      break;
    case OutcomeKind::OutOfFuel:
      break;
  }
  return text;
}

}  // namespace assay::oracles
