// A test case as a file and in memory: functions, memory regions, inputs of the entry function.
//
// As text it is a filetest (docs/filetests.md): functions in order, the last one with directives is the entry;
// `; region:` and `; run:` comments. So a finding opens in an editor, and `assay test` runs it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/ir/parser.h"
#include "compiler/support/diagnostic.h"
#include "fuzz/generate.h"
#include "oracles/harness.h"

namespace assay::fuzz {

struct Case {
  std::vector<ir::Function> functions;
  uint32_t entry = 0;
  std::vector<oracles::RegionDirective> regions;
  std::vector<oracles::TestInput> inputs;
  uint64_t choice_seed = 0;         // oracles::TestCase::choice_seed; as text: `set choice_seed=5`
  std::optional<IsaKind> only_isa;  // oracles::TestCase::only_isa; not in the text
};

// As a harness wants them.
std::vector<const ir::Function*> pointers_to(const std::vector<ir::Function>& functions);

// Of the bits that nothing is promised about: follows from the arguments, so that a case read from its file runs as it
// did before it was written.
uint64_t input_seed(const std::vector<ir::DataValue>& args);

// What the file's `set choice_seed=` lines say in the end; 0 without.
uint64_t choice_seed_of(const ir::File& file);

// Parsed and verified; the entry is the last function that has run directives. Errors have their place.
Expected<Case> parse_case(const std::string& text, const std::string& filename);

// The text, each input with the outcome that `harness` found for it on the interpreter in its last check() of this very
// case. `head` goes before as comments, one a line.
std::string print_case(const Case& test, const oracles::Harness& harness, const std::vector<std::string>& head);

// As a corpus entry: without expectations, for every ISA.
std::string print_case(const Case& test);

// Runs `test` through the harness.
void check_case(oracles::Harness& harness, const Case& test, std::vector<oracles::Finding>& findings,
                bool stop_at_first = false);

// The same in a process of its own: if that dies, the one finding is the crash.
void check_isolated(oracles::Harness& harness, const Case& test, std::vector<oracles::Finding>& findings);

// A process that had this to compile and run died, or was killed: "crashed: Aborted", "no result after 60 s".
oracles::Finding crash_finding(const std::string& reason);

// print_case of a case that may crash whatever touches it: expectations come from an interpreter in a process of its
// own; if that dies too, there are none.
std::string print_crashing_case(const Case& test, oracles::HarnessOptions options,
                                const std::vector<std::string>& head);

}  // namespace assay::fuzz
