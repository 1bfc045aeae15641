// Symbolic execution of lowering rules: one rule, one choice of types, conditions and helper rules at a time.
//
// A run starts from a CLIF instruction about which nothing is known. Matching the rule's pattern makes it known: its
// operation, its types, what defines its operands. Evaluating the right side expands helper rules and collects what the
// machine does: instructions' results, traps, memory accesses and branches in order. Wherever there are several
// possibilities (a type, a condition code, a rule of a helper term), the run asks choose(); the driver repeats the run
// with every combination, cutting off those that cannot match. One complete run is an Instantiation.
//
// E1  A run depends on the choices only.
// E2  An instantiation assumes nothing about rules of higher priority: it holds whichever rule is tried first. Only for
//     a rule that is marked so, `(attr rule NAME (veri priority))`, the exact conditions of those before it do not
//     hold.
// E3  Nothing is known about what lies above a narrow value in its register: each gets fresh bits.
//     A value is of any scalar type that the pattern admits, i128 included. That a value which is put in a register
//     fits in one is a goal like any other: a rule that is not for i128 says so.
// E4  What has no model ends the run as Unsupported; nothing is taken for granted. An instruction without a `sem`, for
//     one, may do anything.
// E6  A feature of the machine is on or off: an unknown condition of the rules that ask for it, the same for all. An
//     instruction that needs one is a goal like any other: the rules that led to it have asked.
// E7  A register's class is known of CLIF values, by their types, and of what instructions define; they must be read as
//     such. Of arguments and results of terms with a spec it is not: there the compiler's own check stands alone.
// E5  A recursive term comes nearer to an end at each step: its first number nearer to 0 or -1, whichever is nearer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "compiler/isle/notation/definition.h"
#include "compiler/isle/ops/ops_reader.h"
#include "compiler/isle/sema.h"
#include "verify/spec.h"
#include "verify/symbol.h"

namespace assay::verify {

// Of the unknown that says whether a feature is on; its name follows.
inline constexpr std::string_view kFeatureUnknown = "feature_";

inline constexpr uint32_t kConditionId = 0xffffffefu;
// The bits of an operation's result that may be anything (`free` in its sem).
inline constexpr uint32_t kFreeId = 0xffffffeeu;

// What is read once for an ISA: rules, instructions, operations, with their typed meanings cached.
class Definitions {
 public:
  // `error` names a file and line if anything does not parse.
  static std::unique_ptr<Definitions> load(std::vector<isle::SourceFile> rules,
                                           std::vector<notation::SourceFile> instructions, std::string_view operations,
                                           Diagnostics& errors);

  const isle::Program& program() const { return *program_; }
  const notation::Definitions& instructions() const { return instructions_; }
  const ops::OpsFile& operations() const { return operations_; }
  // Whether building this term may emit an instruction that writes the flags.
  bool writes_flags(isle::TermId term) const { return writes_flags_[term.index]; }

  int find_operation_variant(const std::string& variant) const;  // "Iadd"
  int find_instruction(const std::string& term) const;           // "rv_addi" or "rv_addi_multi"
  // The meaning of an instruction with these enumerators, or null with the reason.
  const notation::Semantics* instruction_semantics(int instruction, const std::vector<unsigned>& params,
                                                   std::string& reason);
  // The meaning of an operation with these widths of inputs and results, and this condition code (or -1).
  const notation::Semantics* operation_semantics(int operation, const std::vector<unsigned>& input_widths,
                                                 const std::vector<unsigned>& result_widths, int condition,
                                                 std::string& reason);
  // The meaning of what specs may call: a condition among the functions of the instructions' notation, `name(a, b, …)`,
  // or a CLIF operation with one result. Null with the reason if there is none for these arguments. Inputs have the
  // argument's index as id; a condition's result, one bit, has kConditionId. `result_width`: of an operation's result,
  // or 0: it follows from the arguments.
  const notation::Semantics* function_semantics(const std::string& name, std::span<const SpecValue> arguments,
                                                std::string& reason, unsigned result_width = 0);

 private:
  void find_flag_writers();

  std::unique_ptr<isle::Program> program_;
  notation::Definitions instructions_;
  ops::OpsFile operations_;
  notation::Library operations_library_;
  std::map<std::string, int> operation_by_variant_;
  std::map<std::string, int> instruction_by_term_;
  std::vector<bool> writes_flags_;  // by term
  struct Cached {
    notation::Semantics semantics;
    std::string reason;
    bool ok = false;
  };
  std::map<std::pair<int, std::vector<unsigned>>, Cached> instruction_cache_;
  std::map<std::vector<unsigned>, Cached> operation_cache_;
  std::map<std::pair<std::string, std::vector<unsigned>>, Cached> function_cache_;
};

// Whether `(attr TERM (tag NAME))` stands in the rules.
bool has_tag(const isle::Term& term, std::string_view tag);

// What (call NAME …) gives in a spec: throws SpecError if there is no such function.
SpecValue call_spec_function(Definitions& definitions, Terms& terms, const std::string& name,
                             const std::vector<SpecValue>& arguments);

struct RuleSources;
// Null with the errors if anything does not parse.
std::unique_ptr<Definitions> load_definitions(const RuleSources& sources, Diagnostics& errors);

// Something that happens on one side, in order. `condition`: for traps and branches.
struct Effect {
  enum class Kind : uint8_t { Trap, Branch, Load, Store, Breakpoint, Fence };
  Kind kind = Kind::Trap;
  std::optional<z3::expr> condition;  // Trap, Branch
  std::optional<z3::expr> code;       // Trap: 8 bits
  std::optional<z3::expr> target;     // Branch: see Run::target_of
  std::optional<z3::expr> address;    // Load, Store: 64 bits
  std::optional<z3::expr> value;      // Load, Store: in little-endian order
  unsigned bits = 0;
  int64_t memflags = 0;
  bool is_ordered = false;  // Load, Store: by the instruction itself (ordering.h)
};

// A value of the rule's own variables, for counterexamples.
struct NamedTerm {
  std::string name;
  z3::expr term;
};

// The CLIF that an instantiation is about: what a function must look like for the rule to see it (witness.h).
struct ClifSide {
  std::shared_ptr<ClifInst> root;  // null for rules of helper terms
  std::vector<std::pair<std::shared_ptr<ClifValue>, std::shared_ptr<ClifValue>>> same;  // are one value
  std::vector<std::shared_ptr<ClifValue>> constants;                                    // must be defined by an iconst
  std::map<int64_t, bool> big_endian;  // by identity of the access's flags
  std::map<int64_t, z3::expr> opaque;  // where stack slots and functions lie, by identity
  std::optional<z3::expr> table_size;  // of a br_table, without the default
  std::vector<z3::expr> addresses;     // of the accesses
  std::vector<z3::expr> contents;      // what each loads or stores, in little-endian order
  std::vector<z3::expr> results;       // of the root, if it does not trap
  std::optional<z3::expr> trap_code;   // 0: none
  std::optional<z3::expr> target;      // of a branch: see Run::target_of
};

struct Instantiation {
  std::string description;            // "i32, eq: iadd(x, iconst)"
  std::vector<z3::expr> assumptions;  // types and patterns match, if-lets succeed
  std::vector<z3::expr> goals;        // what must follow
  std::vector<std::string> goal_names;
  size_t observable = 0;             // the first so many goals are about what a function does; others about how
  std::vector<NamedTerm> variables;  // of the rule
  std::vector<NamedTerm> outcomes;   // of both sides
  std::set<uint32_t> rules;          // indices of all rules that took part
  std::set<uint32_t> lemmas;         // terms with rules that stood for their spec
  machine::FeatureSet features = 0;  // of the machine, assumed to be on
  std::vector<Symbol> arguments;     // of the rule's term
  std::vector<z3::expr>
      given;  // of the assumptions, those that no rule makes: on types, required of callers, provided by lemmas
  bool discards_results = false;  // the rule gives none, having asked that nobody uses them
  bool may_decline = false;       // a term was asked that may decline although its spec's requirements hold
  std::vector<z3::expr> facts;    // that hold of the functions it uses
  bool uses_functions = false;
  Symbol result;                // what the rule builds
  std::vector<Effect> effects;  // of the machine side, in order
  bool uses_floats = false;     // of Z3
  ClifSide clif;
};

// In one run: a helper term without a spec is built, which may not decline, and one of its rules is tried.
struct HelperCall {
  std::string choices;  // made before: the same in all runs that come to this call
  const isle::Term& term;
  const std::vector<Symbol>& arguments;
  std::vector<z3::expr> before;                    // what is assumed before the rule is tried
  std::optional<std::vector<z3::expr>> condition;  // what the rule's left side adds; none if it does not match
};
using CallObserver = std::function<void(const HelperCall&)>;

// Runs the rule with all choices. `visit` gets each complete instantiation and returns false to stop early;
// `unsupported` is told why a run could not be expressed, whether a contract stands in for its proof, and the rules
// that took part. `observe`, if there is one, is told of all calls, of runs that end early, too.
void expand_rule(Definitions& definitions, Terms& terms, isle::RuleId rule,
                 const std::function<bool(Instantiation&)>& visit,
                 const std::function<void(const std::string&, bool, const std::set<uint32_t>&)>& unsupported,
                 const CallObserver& observe = {});

// One run with choices taken at random. Helper terms are expanded even if they have a spec, by rules that are in
// `preferred` (by rule index) where there are any. False if the choices cannot match. What has no model ends the run
// early: `out` then says what was assumed so far, and may lack results.
bool sample_rule(Definitions& definitions, Terms& terms, isle::RuleId rule, uint64_t seed,
                 const std::vector<bool>& preferred, Instantiation& out);

}  // namespace assay::verify
