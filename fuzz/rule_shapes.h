// What the mid-end's rules match, as plans of expressions for the generator: by chance, few of a thousand rules meet
// the operations, the constants and the equal operands that their left sides ask for.
//
// A plan is chosen at random for a rule: its types, and what its constants and condition codes leave open. Conditions
// beside the pattern (`if-let`) are not looked at, so not every plan makes its rule fire; nor does another rule first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/ir/opcodes.h"
#include "compiler/ir/types.h"
#include "compiler/isle/sema.h"
#include "fuzz/random.h"

namespace assay::fuzz {

// A node of a plan. Operands come before it.
struct ShapeNode {
  enum class Kind : uint8_t { Leaf, Constant, Operation };
  Kind kind = Kind::Leaf;
  ir::Type type;                   // of its value
  unsigned __int128 bits = 0;      // Constant
  ir::Opcode opcode{};             // Operation
  ir::Type controlling;            // Operation
  uint8_t code = 0;                // Operation: its condition
  bool is_second_result = false;   // Operation
  std::vector<uint32_t> operands;  // Operation: indices of nodes
};

class RuleShapes {
 public:
  // Of the rules this program was built with; read once.
  static const RuleShapes& of_optimizer();

  // The nodes of an expression that one of the rules may match, the root last. Types are of `types` only. Empty if the
  // choices led nowhere: try again.
  std::vector<ShapeNode> plan(Random& random, std::span<const ir::Type> types) const;

  size_t size() const { return rules_.size(); }

 private:
  RuleShapes();

  isle::CheckResult checked_;
  std::vector<isle::RuleId> rules_;
};

}  // namespace assay::fuzz
