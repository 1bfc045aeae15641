// The mid-end: rewrites a function into one that does the same and costs less.
//
//   branches and blocks are simplified (control.h), before and after all else; loops that count are unrolled
//   (unroll.h); pure operations go into an e-graph,
//   where the rules fire (egraph.h); operations that may trap, or have several results, are merged with equal ones that
//   dominate them; loads of what is known and stores that nobody sees go (memory.h); then everything is placed anew
//   (elaborate.h)
//
// What the function does for every input is unchanged: results, traps with their codes and the order of all effects.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/isle/rule_table.h"
#include "compiler/opt/control.h"
#include "compiler/opt/egraph.h"
#include "compiler/opt/elaborate.h"
#include "compiler/opt/memory.h"
#include "compiler/opt/options.h"
#include "compiler/opt/unroll.h"

namespace assay::opt {

struct OptimizeStats {
  EGraphStats graph;
  ElaborationStats elaboration;
  uint64_t merged = 0;          // operations that may trap or have several results, replaced by an earlier one
  uint64_t loads_extended = 0;  // loads that extend what they load, where an extension followed
  MemoryStats memory;
  ControlStats control;
  UnrollStats unroll;

  OptimizeStats& operator+=(const OptimizeStats& other);
};

// Every figure with its name, always in the same order.
std::vector<std::pair<std::string_view, uint64_t>> named(const OptimizeStats& stats);

// Keeps its memory from function to function; one thread at a time.
class Optimizer {
 public:
  Optimizer();
  ~Optimizer();

  // The function must have passed the verifier; it passes it afterwards.
  void run(ir::Function& function, const OptimizeOptions& options = {});

  // The instruction of the function given that `inst`, after run(), is or is a copy of.
  ir::Inst original(ir::Inst inst) const {
    if (inst < first_new_ || inst.index - first_new_.index >= copied_from_.size()) return inst;
    const ir::Inst from = copied_from_[inst.index - first_new_.index];
    return from.is_none() ? inst : from;
  }

  // Of all functions so far.
  const OptimizeStats& stats() const { return stats_; }
  // Which rules are on, and how often each has fired.
  isle::RuleState& rules() { return *rules_; }

 private:
  struct State;
  class Walk;
  std::unique_ptr<isle::RuleState> rules_;
  std::unique_ptr<State> state_;
  OptimizeStats stats_;
  ir::Inst first_new_{0};              // of the last run: what the function did not have before
  std::vector<ir::Inst> copied_from_;  // by number above that
};

}  // namespace assay::opt
