// One run of the symbolic execution; see expand.h. Internal to verify/.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "verify/expand.h"
#include "verify/spec.h"

namespace assay::verify {

// Thrown inside verify/ only: this combination of choices cannot match; this cannot be expressed.
struct Pruned {};
struct Unsupported {
  std::string reason;
  bool is_contract = false;  // it need not be proven: `reason` names what stands in
};

// `(attr TERM (tag takes_zero_reg))`: its register arguments may be AArch64's register 31, so all that its rules do
// with them has to read that as zero.
inline constexpr std::string_view kTakesZeroRegister = "takes_zero_reg";

// The choices of one run, replayed from the front: depth-first search over runs; or taken at random.
class Choices {
 public:
  Choices() = default;
  // At random; of a term's rules those in `preferred`, if there are any.
  Choices(uint64_t seed, const std::vector<bool>& preferred) : random_(seed), preferred_(&preferred) {}

  // Helper terms that have a spec are expanded nevertheless.
  bool expands_all() const { return preferred_ != nullptr; }
  unsigned choose(unsigned count) {
    if (count == 0) throw Pruned{};
    ++drawn_;
    if (preferred_ != nullptr) return static_cast<unsigned>(random_() % count);
    if (position_ == made_.size()) made_.push_back({0, count});
    return made_[position_++].first;
  }
  isle::RuleId choose_rule(const std::vector<isle::RuleId>& rules) {
    if (preferred_ == nullptr) return rules[choose(static_cast<unsigned>(rules.size()))];
    std::vector<isle::RuleId> good;
    for (const isle::RuleId rule : rules) {
      if ((*preferred_)[rule.index]) good.push_back(rule);
    }
    const std::vector<isle::RuleId>& from = good.empty() || random_() % 8 == 0 ? rules : good;
    return from[choose(static_cast<unsigned>(from.size()))];
  }
  // How many choices this run has made.
  size_t made() const { return preferred_ == nullptr ? position_ : drawn_; }
  // All of them, as text.
  std::string text() const {
    std::string out;
    for (size_t i = 0; i < position_; ++i) out += std::to_string(made_[i].first) + " ";
    return out;
  }
  // Prepares the next run; false when all have been made.
  bool advance() {
    made_.resize(position_);
    position_ = 0;
    while (!made_.empty() && made_.back().first + 1 == made_.back().second) made_.pop_back();
    if (made_.empty()) return false;
    ++made_.back().first;
    return true;
  }

 private:
  std::vector<std::pair<unsigned, unsigned>> made_;  // chosen, out of
  size_t position_ = 0;
  size_t drawn_ = 0;  // of runs at random
  std::mt19937_64 random_;
  const std::vector<bool>* preferred_ = nullptr;  // null: not at random
};

// It has no effect but that it may trap.
bool only_traps(const ops::Operation& op);

class Run {
 public:
  Run(Definitions& definitions, Terms& terms, Choices& choices, const CallObserver& observe = {});
  Run(const Run&) = delete;  // specs call back into it
  Run& operator=(const Run&) = delete;

  // Executes a rule of lower or lower_branch, or of a term with a spec of its own, and fills in the goals.
  void execute(isle::RuleId rule, Instantiation& out);
  // What is known of a run that ended early.
  void describe(Instantiation& out);
  const std::set<uint32_t>& rules_used() const { return rules_used_; }

 private:
  using Bindings = std::vector<Symbol>;  // by VariableId

  // -- patterns (patterns.cpp) --
  void match(const isle::Rule& rule, const isle::Pattern& pattern, const Symbol& value, Bindings& bindings);
  void match_term(const isle::Rule& rule, const isle::Pattern& pattern, const Symbol& value, Bindings& bindings);
  void match_fields(const isle::Rule& rule, const isle::Pattern& pattern, const std::vector<Symbol>& fields,
                    Bindings& bindings);
  void match_by_spec(const isle::Rule& rule, const isle::Pattern& pattern, const Symbol& value, Bindings& bindings);
  void require_equal(const Symbol& a, const Symbol& b);
  void assume(const z3::expr& condition);

  // -- expressions (run.cpp) --
  void if_lets(const isle::Rule& rule, Bindings& bindings);
  Symbol evaluate(const isle::Rule& rule, const isle::Expr& expr, Bindings& bindings);
  Symbol construct(isle::TermId term, std::vector<Symbol> arguments);
  isle::RuleId choose_rule(const isle::Term& term, const std::vector<Symbol>& arguments);
  Symbol apply_rule(const isle::Rule& rule, const std::vector<Symbol>& arguments);
  Bindings match_rule(const isle::Rule& rule, const std::vector<Symbol>& arguments);
  Symbol build_rule(const isle::Rule& rule, Bindings bindings);
  std::vector<z3::expr> required_of_callers();
  Symbol construct_by_rules(const isle::Term& term, const std::vector<Symbol>& arguments);
  bool construct_builtin(const isle::Term& term, std::vector<Symbol>& arguments, Symbol& result);
  void construct_jump_table(const isle::Term& term, const std::vector<Symbol>& arguments);
  void assume_others_failed(const isle::Rule& rule, const std::vector<Symbol>& arguments);
  void require_progress(isle::TermId id, const std::vector<Symbol>& arguments);
  z3::expr measure(const z3::expr& number);
  Symbol construct_by_spec(isle::TermId id, const std::vector<Symbol>& arguments);
  Symbol construct_instruction(const isle::Term& term, int instruction, const std::vector<Symbol>& arguments);
  bool without_meaning(const notation::InstDef& def, const std::vector<Symbol>& arguments);
  void check_address(const notation::InstDef& def, const notation::AmodeDef& mode, const SymbolicAmode& amode);
  bool has_stack_pointer_as_zero() const;
  void require_zero_base(const Symbol& base);
  void require_class(const Symbol& symbol, machine::RegClass reg_class, const std::string& what);
  void require_fresh_flags(const Symbol& symbol, const std::string& reader);
  const SymbolicAmode& amode_of(const Symbol& symbol);

  // -- values (values.cpp) --
  Symbol fresh(isle::TypeId type, const std::string& name);
  SpecValue spec_value(const Symbol& symbol);
  SpecEnvironment spec_environment();  // empty, with the functions that specs may call
  Symbol from_spec_value(const SpecValue& value, isle::TypeId type);
  std::shared_ptr<ClifValue> fresh_value(const std::string& name, unsigned type);
  z3::expr term_of(const std::shared_ptr<ClifValue>& value);
  unsigned type_of(const std::shared_ptr<ClifValue>& value);
  unsigned choose_type();  // any scalar one
  unsigned choose_type(const std::vector<unsigned>& types);
  z3::expr register_of(const std::shared_ptr<ClifValue>& value);
  // Of the registers that hold values of the type, as lowering says (machine/lower.h).
  static machine::RegClass class_of(unsigned type) {
    return type >= kFloatType ? machine::RegClass::Vec : machine::RegClass::Gpr;
  }
  notation::FloatPlace float_place(unsigned type) const;  // of a type in its register
  z3::expr part_of(const std::shared_ptr<ClifValue>& value, bool high);
  z3::expr pair_of(const Symbol& multi);   // 128 bits: the second register, the first
  z3::expr bits_of(const Symbol& symbol);  // any symbol with a bit vector
  void set_operation(ClifInst& inst, int operation);
  void choose_types(ClifInst& inst);
  z3::expr_vector operation_results(ClifInst& inst, std::vector<Effect>* effects,
                                    std::optional<z3::expr>* free_bits = nullptr);
  // The result of a node: some value that the operation may give.
  z3::expr node_result(ClifInst& inst, std::vector<Effect>* effects);
  z3::expr loaded(size_t index, unsigned bits);
  bool is_big(int64_t memflags);
  z3::expr opaque_address(int64_t identity);
  // The identity of the stack pointer, the frame pointer and the return address: what a function can read of them.
  static std::optional<int64_t> place_of_frame(std::string_view operation);
  z3::expr effective_address(const SymbolicAmode& amode);

  // -- the mid-end's nodes (nodes.cpp) --
  void match_node(const isle::Rule& rule, const isle::Pattern& pattern, const Symbol& value, Bindings& bindings,
                  unsigned result);
  Symbol construct_node(unsigned type, const Symbol& data);
  bool types_fit(const ClifInst& inst) const;
  void require_nodes(const ClifInst& root);
  void compare_rewrite(const Symbol& value, const Symbol& result, Instantiation& out);

  // -- goals (goals.cpp) --
  void compare_lowering(ClifInst& root, const Symbol& output, Instantiation& out);
  void compare_branch(ClifInst& root, Instantiation& out);
  void compare_spec(const isle::Rule& rule, const std::vector<Symbol>& arguments, const Symbol& result,
                    Instantiation& out);
  void add_goal(Instantiation& out, const std::string& name, const z3::expr& goal);
  z3::expr trap_outcome(const std::vector<Effect>& effects);
  void split_access(const Effect& access, std::vector<Effect>& out);
  void compare_memory(const std::vector<Effect>& left, bool is_atomic, const z3::expr& no_trap, Instantiation& out);
  void expect_no_effects(std::initializer_list<Effect::Kind> kinds, Instantiation& out);
  z3::expr target_of(int64_t label);
  z3::expr table_entry(const z3::expr& index);
  const z3::expr& table_size();

  Definitions& definitions_;
  const isle::Program& program_;
  Terms& terms_;
  Choices& choices_;
  const CallObserver observe_;
  const SpecFunctions spec_functions_;
  std::vector<z3::expr> assumptions_;
  std::vector<z3::expr> given_;  // those of the assumptions that no rule makes
  bool may_decline_ = false;
  bool result_unused_ = false;                                 // a rule has asked, and was told so
  std::vector<Effect> effects_;                                // of the machine side
  std::vector<std::pair<std::string, z3::expr>> obligations_;  // ranges of immediates, flags undisturbed
  std::vector<std::pair<std::shared_ptr<ClifValue>, std::shared_ptr<ClifInst>>> nodes_;  // matched, of the mid-end
  std::vector<std::shared_ptr<ClifValue>> looked_through_;  // had a term before their definition was known
  std::map<std::pair<size_t, unsigned>, z3::expr> loaded_;
  std::map<int64_t, bool> big_endian_;
  std::map<int64_t, z3::expr> opaque_terms_;
  std::optional<z3::expr> table_size_;  // entries of a br_table, without the default
  std::vector<uint32_t> expanding_;     // the terms whose rules are being applied, outermost first
  std::vector<Symbol> root_arguments_;  // of the outermost rule
  std::set<uint32_t> rules_used_;
  std::set<uint32_t> lemmas_;         // terms with rules for which their spec stood
  machine::FeatureSet features_ = 0;  // assumed to be on
  std::vector<std::pair<const isle::Rule*, Bindings>> root_bindings_;
  int64_t next_identity_ = 1;
  int64_t flags_epoch_ = 0;  // instructions so far that write the flags
  std::string description_;
  ClifSide clif_;
};

}  // namespace assay::verify
