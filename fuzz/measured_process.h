// A program run in a process group of its own, with its processor time, that of its children included, measured while
// it runs: it can be stopped after so many seconds of it, or as soon as something has happened.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/support/diagnostic.h"

namespace assay::fuzz {

struct ProcessOptions {
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> environment;  // beside this process's
  std::string directory;                                         // to run in; empty: this one
  double cpu_limit = 60;                                         // seconds
  double wall_limit = 600;
  std::function<bool()> until;  // asked some ten times a second; the group is killed when it says so. May be empty
};

struct ProcessResult {
  int status = 0;           // exit status; 128 + signal
  bool is_stopped = false;  // by a limit or `until`
  double cpu_seconds = 0;
  std::string output;  // standard output
  std::string errors;  // standard error
};

// Errors: no process can be started. A program that cannot be executed exits with 127.
Expected<ProcessResult> run_measured(const ProcessOptions& options);

}  // namespace assay::fuzz
