// The yardstick: every seeded mistake (seeded_mistake.h) switched on, one after the other, in a program that has them
// all (weave_faults.cpp), and every judge asked whether it notices. Processor seconds are those of the judge's
// processes.
//
// Results are kept, one JSON object a line, by mistake and by the text of its patch: what is there is not measured
// again, so a run that was stopped goes on where it was.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compiler/support/diagnostic.h"
#include "fuzz/seeded_mistake.h"

namespace assay::fuzz {

struct YardstickOptions {
  std::string mistakes = "corpus/mutants/seeded";
  std::string tree = "build/mutants";  // the woven copy, with its build
  std::string results = "build/mutants/results.jsonl";
  std::vector<unsigned> only;  // numbers; empty: all
  double seconds = 60;         // of processor time, for fuzzing
  unsigned seed = 1;           // of the campaign
  bool is_fresh = false;       // measure again what is in the results
  bool fuzz_only = false;      // ask no other judge
  // Told after each mistake.
  std::function<void(const struct Verdict&)> progress;
};

struct Verdict {
  unsigned number = 0;
  std::string name, title, area, isa;
  bool is_harmless = false, is_compiled = true;
  struct Notice {
    std::string judge;  // "verify", "filetests", "tests", "fuzz"
    bool noticed = false;
    double seconds = 0;  // of processor time
    std::string what;    // what it said, in a line
  };
  std::vector<Notice> judges;
  std::optional<unsigned> instructions;  // of the minimised case
  std::string stage;                     // what triage said; empty: it was not run
  std::vector<std::string> culprits;     // the most likely first
  std::optional<bool> is_stage_right, is_culprit_right;

  const Notice* find(const std::string& judge) const;
  bool is_noticed() const;
};

// Errors: a mistake cannot be read, the program is not built.
Expected<std::vector<Verdict>> measure(const YardstickOptions& options);

struct Summary {
  unsigned mistakes = 0, noticed = 0;
  unsigned compiled = 0, fuzzed = 0;  // those that compiled code can show; of them, found by fuzzing alone
  unsigned triaged = 0, stage_right = 0, culprit_right = 0;
  unsigned harmless = 0, harmless_reported = 0;
  double median_rule_size = 0;  // instructions of minimised cases of mistakes in rules
};
Summary summarise(const std::vector<Verdict>& verdicts);

std::string to_json(const std::vector<Verdict>& verdicts);      // with the summary
std::string to_markdown(const std::vector<Verdict>& verdicts);  // the table, and the summary below it

}  // namespace assay::fuzz
