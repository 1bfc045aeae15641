// Looks for values under which conditions hold by trying some: edge values, numbers that stand in the conditions,
// random ones. What a mistaken rule does wrong it mostly does wrong for one of these, and an assumption that can hold
// mostly holds for one: most queries that can be satisfied need no search by a solver.
//
// The terms become a graph of compiler/isle/notation: equal nodes are shared, constants folded, operands of what
// commutes put in order, and a few identities applied; so what cannot hold is often found out, too.
// An assignment is checked by Z3's own evaluation before anybody is told of it. Internal to verify/.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "compiler/isle/notation/semantics.h"
#include "verify/smt.h"

namespace assay::verify {

class Trial {
 public:
  // Of the conjunction of `conditions`; `observed` are terms of which values can be had.
  explicit Trial(const std::vector<z3::expr>& conditions, const std::vector<z3::expr>& observed = {});

  // The graph says that they cannot hold together.
  bool is_impossible() const { return is_impossible_; }
  // The conditions as equations between the terms' constants and numbers, if they hold for some of the first `count`
  // tries (0: as many as cost little); the tries are the same in every run. Nothing for terms that it cannot evaluate:
  // functions, Z3's floats.
  std::optional<std::vector<z3::expr>> find(unsigned count = 0);
  // Whether they hold for two assignments with different values of what is observed; false if none are found.
  bool has_two(unsigned count = 0);

 private:
  unsigned tries() const;
  bool try_number(unsigned number);  // values_ then has what each node is
  std::vector<z3::expr> equations() const;
  bool confirmed(const std::vector<z3::expr>& equations) const;

  const std::vector<z3::expr> conditions_;
  notation::Semantics graph_;
  std::vector<z3::expr> constants_;       // by the graph's input
  std::vector<notation::NodeId> wanted_;  // the conditions
  std::vector<notation::NodeId> observed_;
  std::vector<notation::Bits> numbers_;  // that stand in the graph
  std::vector<notation::Bits> inputs_, values_;
  bool is_impossible_ = false;
  bool can_evaluate_ = true;
};

}  // namespace assay::verify
