// Where the compiler crashes on a case: the stage it had reached, and the functions on its stack.
#pragma once

#include <vector>

#include "compiler/machine/compile.h"
#include "fuzz/case.h"
#include "fuzz/symbols.h"

namespace assay::fuzz {

struct CrashTrace {
  bool crashed = false;
  machine::Stage stage = machine::Stage::Lower;  // that was running, or the last before it that can be observed
  std::vector<SourceFrame> frames;               // innermost first; empty if addr2line is missing
};

// Compiles the case's functions in a process of its own.
CrashTrace trace_compiler_crash(const Case& test, const machine::TargetIsa& isa,
                                const machine::CompileOptions& options);

}  // namespace assay::fuzz
