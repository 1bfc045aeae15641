// The inside of mutate_case.h, shared by mutate_*.cpp: one mutation is one method that says whether it found a place.
// Not for others.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fuzz/mutate_case.h"
#include "fuzz/mutate_editor.h"

namespace assay::fuzz {

class Mutator {
 public:
  Mutator(Case& test, Random& random, const MutateOptions& options) : test_(test), random_(random), options_(options) {}

  struct Mutation {
    const char* name;
    bool (Mutator::*apply)();
    uint32_t weight;
  };
  static std::span<const Mutation> mutations();
  static std::span<const Mutation> preserving_mutations();

  // Tries until `count` were made or none seems to fit; the names go to `made`.
  void run(std::span<const Mutation> mutations, unsigned count, std::vector<const char*>& made);

  bool crossover(const Case& donor);

 private:
  // ---- mutate_case.cpp: choosing, and what all need ----
  template <class Apply>
  bool attempt(Apply&& apply);
  ir::Function& f() { return test_.functions[index_]; }
  void choose_function();
  bool may_grow(size_t by = 0);
  // A writable region of some size; makes one if there is none. None if there is no room.
  std::optional<uint64_t> region_address();
  std::string fresh_name(const std::string& wanted) const;
  // A generator's own statements or control flow, before an instruction.
  bool generate_before(ir::Inst before, Editor& editor, unsigned statements, unsigned depth);

  // ---- mutate_instructions.cpp ----
  bool insert_operation();
  bool delete_instruction();
  bool replace_operand();
  bool replace_operation();
  bool retype();
  bool constant_to_edge();
  bool change_condition();
  bool change_memory();
  bool spill_pressure();

  // ---- mutate_blocks.cpp ----
  bool insert_control_flow();
  bool wrap_in_loop();
  bool splice();
  bool retarget_branch();
  bool make_table();
  bool straighten_branch();
  bool splice_from(const ir::Function& donor);
  bool loop_around(std::span<const ir::Inst> segment, uint32_t times, Editor& editor);

  // ---- mutate_program.cpp ----
  bool outline();
  bool change_signature();
  bool change_inputs();
  bool change_regions();
  bool add_function();
  bool random_choices();
  bool take_function(const Case& donor);
  // Declares `callee` and calls it somewhere; its results are used.
  bool insert_call(const ir::Function& callee);
  void widen_signature(ir::Signature& signature, bool params);

  // ---- mutate_preserving.cpp ----
  bool add_dead_code();
  bool split_block();
  bool permute();
  bool duplicate();
  bool opaque_branch();
  bool commute();
  bool identity();
  bool rewrite();
  bool through_memory();
  bool loop_once();
  bool widen_operation();
  bool reorder_blocks();
  bool keep_alive();
  // A condition that is never zero, although no rule can easily tell.
  ir::Value opaque_true(Editor& editor, ir::Inst before);

  Case& test_;
  Random& random_;
  const MutateOptions& options_;
  size_t index_ = 0;
  bool case_changed_ = false;  // other functions, or what goes with them, were changed, too
};

}  // namespace assay::fuzz
