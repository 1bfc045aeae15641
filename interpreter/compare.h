// The ten conditions of icmp, for operands of any width.
#pragma once

#include "compiler/ir/immediates.h"

namespace assay::interpreter {

// Does the condition hold between two numbers, given both as unsigned and as signed ones?
template <typename Unsigned, typename Signed>
constexpr bool compare(ir::IntCC condition, Unsigned x, Unsigned y, Signed signed_x, Signed signed_y) {
  switch (condition) {
    case ir::IntCC::kEq:
      return x == y;
    case ir::IntCC::kNe:
      return x != y;
    case ir::IntCC::kSlt:
      return signed_x < signed_y;
    case ir::IntCC::kSge:
      return signed_x >= signed_y;
    case ir::IntCC::kSgt:
      return signed_x > signed_y;
    case ir::IntCC::kSle:
      return signed_x <= signed_y;
    case ir::IntCC::kUlt:
      return x < y;
    case ir::IntCC::kUge:
      return x >= y;
    case ir::IntCC::kUgt:
      return x > y;
    case ir::IntCC::kUle:
      return x <= y;
  }
  return false;
}

}  // namespace assay::interpreter
