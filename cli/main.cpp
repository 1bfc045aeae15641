// The program `assay`: finds the subcommand, runs it, and turns whatever happens into an exit status.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>

#include "cli/command.h"

int main(int argc, char** argv) {
  using namespace assay::cli;
  try {
    CLI::App app{"Assay: a code generator that can be trusted, and the harness that makes it so", "assay"};
    Action action;
    app.require_subcommand(1);
    app.fallthrough(false);
    app.footer(
        "Exit status: 0 nothing wrong, 1 a finding, 2 bad input or command line, 3 an error of Assay itself.\n"
        "`assay COMMAND --help` describes a command.");
#define ASSAY_ADD_COMMAND(name) add_##name(app, action);
    ASSAY_COMMANDS(ASSAY_ADD_COMMAND)
#undef ASSAY_ADD_COMMAND
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app.exit(error) == 0 ? kNothingWrong : kBadInput;  // --help is such an "error", with status 0
    }
    const int status = action();
    // Output that could not be written is not a success.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      std::fputs("assay: cannot write the output\n", stderr);
      return status == kNothingWrong ? kBadInput : status;
    }
    return status;
  } catch (const std::bad_alloc&) {
    std::fputs("assay: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "assay: internal error: %s\n", error.what());
  } catch (...) {
    std::fputs("assay: internal error\n", stderr);
  }
  return kInternal;
}
