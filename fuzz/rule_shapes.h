// What the rules of the mid-end and of the machines match, as plans of expressions for the generator: by chance, few of
// thousands of rules meet the operations, the constants and the equal operands that their left sides ask for.
//
// A plan is chosen at random for a rule: its types, and what its constants and condition codes leave open. Conditions
// beside the pattern (`if-let`) are met, mostly, as far as they are about constants and types; not every plan makes its
// rule fire, nor is it known whether another rule fires first.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/ir/opcodes.h"
#include "compiler/ir/types.h"
#include "compiler/isle/sema.h"
#include "compiler/machine/isa.h"
#include "fuzz/random.h"

namespace assay::fuzz {

// A node of a plan. Operands come before it. Address: where an access may be.
struct ShapeNode {
  enum class Kind : uint8_t { Leaf, Constant, Operation, Address };
  Kind kind = Kind::Leaf;
  ir::Type type;                   // of its value; of an operation without results invalid
  unsigned __int128 bits = 0;      // Constant
  ir::Opcode opcode{};             // Operation
  ir::Type controlling;            // Operation
  uint8_t code = 0;                // Operation: its condition, trap code or what an atomic one does
  bool is_second_result = false;   // Operation
  std::vector<uint32_t> operands;  // Operation: indices of nodes
};

struct RulePlan {
  std::string_view rule;         // that it is for
  std::vector<ShapeNode> nodes;  // the root last; none: the choices led nowhere
  bool needs_features = false;   // it is for machines that have some
};

class RuleShapes {
 public:
  // Of the rules this program was built with; read once.
  static const RuleShapes& of_optimizer();
  static std::span<const RuleShapes> of_machines();
  // Null if the ISA is not part of the build.
  static const RuleShapes* of_machine(IsaKind isa);

  // An expression that one of the rules may match. Types are of `types` only. Without nodes: try again.
  RulePlan plan(Random& random, std::span<const ir::Type> types) const;
  // The same for one rule; without nodes, too, if there are no plans for it.
  RulePlan plan_for(std::string_view rule, Random& random, std::span<const ir::Type> types) const;

  // How many rules there are plans for.
  size_t size() const { return rules_.size(); }

 private:
  struct Call {
    isle::RuleId from;
    const isle::Expr* call;
  };

  RulePlan plan(isle::RuleId target, Random& random, std::span<const ir::Type> types) const;
  // `isa`: whose features rules may ask for; null: the mid-end's.
  RuleShapes(std::vector<isle::SourceFile> files, std::span<const std::string_view> entries,
             const machine::TargetIsa* isa);
  bool can_begin(const isle::Rule& rule) const;

  isle::CheckResult checked_;
  std::vector<isle::RuleId> rules_;                       // that there are plans for
  std::map<isle::TermId, std::vector<Call>> calls_;       // by what is called
  std::map<isle::TermId, uint32_t> distance_;             // from an entry, in calls
  std::map<isle::RuleId, std::vector<uint64_t>> limits_;  // numbers that matter to it
  std::set<isle::RuleId> needing_features_;
  std::vector<isle::RuleId> for_features_;  // the same that there are plans for, in order
};

}  // namespace assay::fuzz
