// Who answers for the unrolling of a loop, when somebody asks: what Unroller (unroll.h) has found out about it is
// worked out once more, from the loop's instructions and by counting, and the function that got it wrong is named.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "compiler/ir/cfg.h"
#include "compiler/ir/function.h"
#include "compiler/support/steps.h"

namespace assay::opt {

// A loop that counts (U1).
struct Counted {
  ir::Block header;
  std::vector<ir::Block> blocks;  // in reverse post-order: the header first
  std::vector<ir::Block> exits;   // blocks that it is left to
  unsigned size = 0;              // instructions, without those that are part of others or go
  ir::Inst test;                  // the header's branch
  unsigned stays = 0;             // which of its calls stays in the loop
  unsigned counter = 0;           // the header's parameter
  ir::Type type;
  ir::IntCC cc{};                    // it stays while `counter cc limit`
  ir::Value limit;                   // none: a constant
  std::optional<uint64_t> constant;  // the limit, if known
  int64_t step = 0;
  std::optional<unsigned> rounds;  // if known, and few
  unsigned copies = 0;             // what is to be done: so many, or all of them
  bool whole = false;
  bool fits = true;
};

// Builds the test before unrolled rounds at the end of `loop.header`, a block of another function, and returns it.
using BuildGuard = std::function<ir::Value(ir::Function&, const Counted& loop)>;

// Who is at fault; if nobody is found to be, the change itself: unrolling wholly or in part. `loop` is decided on, and
// `function` not changed yet. Not fast: the test before unrolled rounds is tried with some ten thousand numbers.
Responsible audit_unrolling(const ir::Function& function, const ir::ControlFlowGraph& cfg, const Counted& loop,
                            const BuildGuard& build_guard);

}  // namespace assay::opt
