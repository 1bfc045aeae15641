// Where the compiler crashes on a case: the stage it had reached, and the functions on its stack.
#pragma once

#include <string>
#include <vector>

#include "compiler/machine/compile.h"
#include "fuzz/case.h"

namespace assay::fuzz {

struct CrashTrace {
  struct Frame {
    std::string function;  // as the debugger's tools spell it
    std::string place;     // file:line, if the program has line numbers
  };
  bool crashed = false;
  machine::Stage stage = machine::Stage::Lower;  // that was running, or the last before it that can be observed
  std::vector<Frame> frames;                     // innermost first; empty if addr2line is missing
};

// Compiles the case's functions in a process of its own.
CrashTrace trace_compiler_crash(const Case& test, const machine::TargetIsa& isa,
                                const machine::CompileOptions& options);

}  // namespace assay::fuzz
