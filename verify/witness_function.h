// From the CLIF that an instantiation is about to a function: what the rule looked through becomes instructions, what
// it knew nothing of parameters, numbers come from a model. Internal to verify/.
//
// Loads and stores go to the region kRegion, or to a stack slot as large; branches go to blocks that return different
// numbers.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "verify/expand.h"

namespace assay::verify {

class WitnessFunction {
 public:
  static constexpr uint64_t kRegion = 0x20000000;
  static constexpr uint32_t kRegionSize = 4096;

  // `instantiation` must outlive it. `both_sides`: of a rule of the mid-end, the function also computes what the rule
  // makes, and returns that second.
  WitnessFunction(Definitions& definitions, Terms& terms, const Instantiation& instantiation, bool both_sides = false);

  // Why there can be no function; empty if there can be.
  const std::string& obstacle() const { return obstacle_; }
  // Beside the assumptions: constants that their type can hold, stack slots of some size. `in_memory`: accesses that go
  // to the region; not satisfiable if the rule wants them elsewhere.
  const std::vector<z3::expr>& constraints() const { return constraints_; }
  const std::vector<z3::expr>& in_memory() const { return in_memory_; }

  struct Parameter {
    unsigned type = 0;             // see kFloatType
    std::optional<z3::expr> term;  // none: the rule never asked for it
  };
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const std::vector<z3::expr>& immediates() const { return immediates_; }
  bool touches_memory() const { return touches_memory_; }

  // The function's text. `same_address`: what is stored is returned, for all calls store where the model does.
  std::string print(const std::string& name, const z3::model& model, bool same_address = false);

  // What the model says that a call gives.
  struct Outcome {
    bool known = false;  // it does not depend on memory or on addresses
    uint8_t trap = 0;
    std::vector<unsigned __int128> results;
  };
  // `memory_is_given`: what the region holds is what the model says that is loaded.
  Outcome outcome(const z3::model& model, bool memory_is_given = false) const;

 private:
  using ValuePtr = const ClifValue*;

  ValuePtr representative(ValuePtr value) const;
  bool is_constant(ValuePtr value) const;
  void collect(const ClifInst& inst);
  void collect_value(const Symbol& symbol);
  void stay_in_memory();
  const ops::Operation& operation(const ClifInst& inst) const;

  std::string emit_inst(const ClifInst& inst, std::vector<std::string>& results);
  std::string emit_value(const Symbol& symbol);
  std::string emit_constant(unsigned type, unsigned __int128 bits);
  std::string new_value() { return "v" + std::to_string(next_value_++); }
  void line(const std::string& text) { body_ += "    " + text + "\n"; }
  // Nobody may use what the instruction gives: memory is looked at instead.
  bool discards() const;
  void emit_branch(const ClifInst& inst);
  void emit_memory_check(bool before);
  void emit_return(const std::vector<std::string>& values, const std::vector<unsigned>& types);

  Definitions& definitions_;
  Terms& terms_;
  const Instantiation& instantiation_;
  const ClifSide& clif_;
  const bool both_sides_;
  std::string obstacle_;
  std::map<ValuePtr, ValuePtr> same_as_;
  std::set<ValuePtr> constants_;
  std::vector<z3::expr> constraints_, in_memory_, immediates_;
  std::vector<Parameter> parameters_;
  std::map<ValuePtr, size_t> parameter_of_;
  std::map<int64_t, unsigned> slots_;  // by identity
  bool touches_memory_ = false, uses_function_ = false;

  // While printing.
  const z3::model* model_ = nullptr;
  bool same_address_ = false;
  std::map<ValuePtr, std::string> printed_;
  std::string body_, returns_;
  unsigned next_value_ = 0;
};

// The number of a term, of at most 64 bits, or of 128; the model is completed.
uint64_t number_of(const z3::model& model, const z3::expr& term);
unsigned __int128 wide_number_of(const z3::model& model, const z3::expr& term);

}  // namespace assay::verify
