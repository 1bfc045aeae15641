// See allocator.h: the phases in order.
#include "compiler/regalloc/allocator.h"

#include <algorithm>

#include "compiler/regalloc/state.h"

namespace assay::regalloc {

Allocator::Allocator() : state_(std::make_unique<AllocatorState>()) {}
Allocator::~Allocator() = default;

namespace {

Expected<void> run_phases(AllocatorState& state) {
  state.result->splits = 0;
  if (auto done = build_ranges(state); !done) return done;
  if (auto done = scan_pieces(state); !done) return done;
  return place_moves(state);
}

}  // namespace

Expected<void> Allocator::run(const machine::VCode& code, const RegisterEnv& env, const InstClobbers& clobbers,
                              const AllocateOptions& options, Allocation& result) {
  AllocatorState& state = *state_;
  state.code = &code;
  state.env = &env;
  state.clobbers = &clobbers;
  state.result = &result;
  state.allocatable = {};
  size_t most_registers = 0;
  for (const auto& list : env.allocatable) {
    most_registers = std::max(most_registers, list.size());
    for (PReg reg : list) state.allocatable.add(reg);
  }
  // A function may need more than the artificial limit allows; then the limit yields.
  state.max_registers = options.max_registers;
  for (;;) {
    state.choices = RandomChoices(options.choice_seed, RandomChoices::kForAllocation);
    auto done = run_phases(state);
    if (done || state.max_registers == 0 || state.max_registers >= most_registers) return done;
    state.max_registers *= 2;
  }
}

Expected<Allocation> allocate(const machine::VCode& code, const RegisterEnv& env, const InstClobbers& clobbers,
                              const AllocateOptions& options) {
  Allocator allocator;
  Allocation result;
  if (auto done = allocator.run(code, env, clobbers, options, result); !done) return std::unexpected(done.error());
  return result;
}

}  // namespace assay::regalloc
