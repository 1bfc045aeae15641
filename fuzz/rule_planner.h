// One plan for a rule: see rule_shapes.h.
//
// A rule of an entry term (`simplify`, `lower`) is planned from its own pattern. One of another term is reached by a
// chain of calls, each from a rule's result or conditions: what the called rule's patterns ask of an argument is then
// asked, beside what the calling rule's own pattern says, of the variable that is passed.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "compiler/ir/operations.h"
#include "fuzz/rule_conditions.h"
#include "fuzz/rule_shapes.h"

namespace assay::fuzz {

// A rule, and the call in it that leads to the next one of a chain; null: the last.
struct RuleLink {
  const isle::Rule* rule = nullptr;
  const isle::Expr* call = nullptr;
  std::span<const uint64_t> limits;  // numbers that matter to it
};

// Can nodes of this operation be planned?
bool can_plan(ir::Opcode opcode);
// The operation that a variant of InstructionData (of the mid-end: NodeData) stands for.
std::optional<ir::Opcode> opcode_of(const isle::Program& program, const isle::Term& term);

class RulePlanner {
 public:
  RulePlanner(const isle::Program& program, Random& random, std::span<const ir::Type> types)
      : program_(program), conditions_(program), random_(random), types_(types), is_loose_(random.chance(28)) {}

  // False if the choices led nowhere.
  bool plan(std::span<const RuleLink> chain);
  // Changes constants that are free until the conditions of all rules of the chain hold, as far as is known. False:
  // they do not hold in the end.
  bool meet_conditions();
  // Changes a constant by little: conditions may just hold now, or just not.
  void shake();
  std::vector<ShapeNode> take() { return std::move(nodes_); }

 private:
  using Kind = ShapeNode::Kind;
  using Bits = unsigned __int128;

  struct Asking {
    const isle::Pattern* pattern;
    uint32_t rule;  // of the chain
  };
  // What patterns ask of one value.
  struct Asked {
    std::vector<Asking> types;  // of the first result
    std::vector<Asking> data;   // patterns of operations
    std::vector<Asking> unsigned_numbers, signed_numbers;
    std::vector<uint32_t> names;   // variables that stand for it
    std::optional<uint32_t> node;  // it is one that was made before
    bool is_second_result = false;
    bool is_impossible = false;
  };

  // One whose bits the rules do not spell, and who asks for it.
  struct FreeConstant {
    uint32_t node;
    std::vector<Asking> unsigned_numbers, signed_numbers;
  };

  static uint32_t key(const Asking& asking) { return asking.rule << 16 | asking.pattern->variable.index; }
  Known& known(const Asking& asking) { return known_[asking.rule][asking.pattern->variable.index]; }
  bool pass(const RuleLink& link, const isle::Rule& called, uint32_t number);

  void collect(const Asking& asking, Asked& asked) const;
  Asked collect(std::span<const Asking> askings) const;
  static std::vector<Asking> children(std::span<const Asking> askings, size_t child);

  bool is_allowed(ir::Type type) const;
  bool admits(const Asking& asking, ir::Type type) const;
  bool admits(const Asked& asked, ir::Type type) const;
  void bind(const Asking& asking, const Known& value);
  template <class IsPossible>
  ir::Type any_type(const IsPossible& is_possible);
  ir::Type first_result(const ir::OperationInfo& info, ir::Type controlling) const;
  bool is_possible(const Asked& asked, ir::Type type) const;

  std::optional<uint32_t> value(const Asked& asked, ir::Type type);
  std::optional<uint32_t> operation(const Asked& asked, ir::Type type);
  std::optional<uint32_t> leaf(ir::Type type);
  std::optional<uint32_t> constant(std::span<const Asking> unsigned_numbers, std::span<const Asking> signed_numbers,
                                   ir::Type type);
  std::optional<uint8_t> code(std::span<const Asking> askings, unsigned count) const;
  std::optional<Bits> number(const Asking& asking) const;
  Bits any_number(ir::Type type);
  void set(const FreeConstant& constant, Bits bits);
  Bits another_number(const FreeConstant& constant);
  bool conditions_hold();
  uint32_t push(ShapeNode node);

  const isle::Program& program_;
  RuleConditions conditions_;
  Random& random_;
  std::span<const ir::Type> types_;
  const bool is_loose_;  // of any type that the operations have: the rule's guards may be too wide
  std::span<const RuleLink> chain_;
  std::vector<ShapeNode> nodes_;
  std::vector<Bits> numbers_;  // of the constants so far
  std::vector<FreeConstant> free_;
  std::vector<KnownVariables> known_;              // by rule of the chain
  std::map<uint32_t, uint32_t> values_;            // by variable: the node
  std::map<uint32_t, std::vector<Asking>> asked_;  // by variable: what called rules ask of it
};

}  // namespace assay::fuzz
