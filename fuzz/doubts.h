// Which function of the compiler's C++ is to blame, found by doubting its decisions one by one: with a condition the
// other way, or a number one off (compiler/support/what_if.h), does what failed pass, and what passed still pass? Asked
// of a failing case, of programs near to it that fail and that pass, and of some others. Of decisions that are alike in
// that, the better is the one with which fewer of the passing programs become other code: the rest turn off what is
// right, too. And of those the better one does with the case what no other does: there are many ways not to do what is
// done wrongly, and few to do it right. Deterministic; in a build without places the answer is empty.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fuzz/case.h"

namespace assay::fuzz {

enum class DoubtVerdict : uint8_t { Passes, Fails, Void };

// What the stage in question makes of programs. Called in other processes: what the functions change is lost.
struct DoubtJudge {
  std::function<DoubtVerdict(const Case&)> judge;
  std::function<std::string(const Case&)> code;           // what it makes, to be compared
  std::function<bool(const std::string& file)> has_file;  // is "compiler/opt/memory.cpp" part of it?
};

struct DoubtedFunction {
  // What becomes of programs with a change.
  struct Tally {
    double mends = 0;   // of the failing programs, the share that passes
    double spoils = 0;  // of the passing programs, the share that fails
    double alters = 0;  // … that becomes other code
    // The mistake's own place mends all, spoils nothing, and leaves what was right alone.
    double score() const { return mends * (1 - spoils) - 0.2 * alters; }
  };
  std::string name;  // as plain_function has it
  std::string file;  // relative to the source tree
  uint32_t line = 0;
  std::string change;           // the best of them, in words; empty if none mends the case
  bool is_condition = false;    // it is a condition that is changed, not an answer or a number
  bool is_everywhere = false;   // it runs with every program
  bool is_one_of_many = false;  // changes of other functions make the same code of the case: what is wrong is not done
  unsigned places = 0;          // how many decisions the function makes
  Tally tally;
  double presence = 0;  // how well "a place of it ran" tells failing from passing (Ochiai's coefficient), 0 to 1
};

struct Doubts {
  unsigned failing = 0, passing = 0;  // programs
  // That ran in the case, the most doubtful first; where programs do not tell, the one with the fewest decisions.
  std::vector<DoubtedFunction> functions;

  // Nothing if it did not run.
  const DoubtedFunction* find(const std::string& name) const;
};

bool can_doubt();
Doubts doubt_functions(const Case& failing, const DoubtJudge& judge);

}  // namespace assay::fuzz
