// The parts of expand.h, and what they share. Each part takes one instruction and says whether it has replaced it;
// what it puts in its place may need expansion itself.
#pragma once

#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "compiler/ir/builder.h"
#include "compiler/machine/isa.h"

namespace assay::machine::expansion {

// A function while it is rewritten around one instruction.
class Rewriter {
 public:
  // Library functions are declared from `first_library` on.
  Rewriter(ir::Function& function, ir::Inst inst, uint32_t first_library)
      : f(function), b(function), inst_(inst), first_library_(first_library) {
    b.set_source_location(f.source_location(inst));
    b.set_before(inst);
  }

  ir::Function& f;
  ir::InstBuilder b;             // puts what it makes in front of the instruction, until a block is set
  bool converts_halves = false;  // Expanded::half_conversions

  ir::Inst inst() const { return inst_; }
  const ir::InstData& data() const { return f.inst(inst_); }
  ir::Value arg(unsigned n) const { return f.arg(inst_, n); }
  ir::Type type_of(ir::Value v) const { return f.value_type(v); }
  ir::Type result_type() const { return f.value_type(f.result(inst_)); }

  // Its users have `value` instead, and it is gone.
  void replace_with(ir::Value value);
  // It is gone; its block ends here and a new one, which is returned, goes on. What is built goes to the old one's end.
  ir::Block split();
  // A new block behind the last one made.
  ir::Block new_block();
  void build_in(ir::Block block) { b.set_block(block); }

  ir::Value call(const ir::ExternalName& name, std::initializer_list<ir::Value> args, ir::Type result);
  ir::Value library(std::string_view name, std::initializer_list<ir::Value> args, ir::Type result) {
    return call(ir::ExternalName::testcase(std::string(name)), args, result);
  }
  ir::Value bitcast(ir::Type to, ir::Value x);

 private:
  ir::Inst inst_;
  uint32_t first_library_;
  ir::Block last_;  // of those made so far
  ir::Value result_;
};

inline unsigned __int128 low_mask(unsigned bits) {
  return bits == 128 ? ~(unsigned __int128){0} : ((unsigned __int128){1} << bits) - 1;
}

// Which values of a function have users; asked first, it looks at all instructions. Values made later have some.
class UsedValues {
 public:
  explicit UsedValues(const ir::Function& function) : function_(function) {}
  bool has(ir::Value v);

 private:
  const ir::Function& function_;
  std::vector<bool> used_;
};

// atomic_rmw; atomic_cas of less than Expanded::least_atomic_bits; what is 128 bits wide.
bool wants_atomic(const ir::Function& function, ir::Inst inst, const TargetIsa& isa, UsedValues& used);
void expand_atomic(Rewriter& r, const TargetIsa& isa);

// Conversions between i128 and f32 or f64.
bool wants_wide_conversion(const ir::Function& function, ir::Inst inst);
void expand_wide_conversion(Rewriter& r);

// Operations on f16 and f128 that are more than moves; fma of f32 and f64 if Expanded::fma.
bool wants_float(const ir::Function& function, ir::Inst inst, const TargetIsa& isa);
void expand_float(Rewriter& r, const TargetIsa& isa);

// Structs by value whose size is no multiple of 8: callers make copies that may be read in whole words.
bool has_odd_structs(const ir::Function& function);
void expand_odd_structs(ir::Function& function, const std::function<void(ir::Inst)>& belongs_to);

// Thread-local values; symbols with an odd offset.
bool wants_symbol(const ir::Function& function, ir::Inst inst);
void expand_symbol(Rewriter& r);

// Puts the canonical NaN in the place of others that the instruction makes, behind it.
bool makes_nans(const ir::Function& function, ir::Inst inst);
void canonicalize_nan(ir::Function& function, ir::Inst inst);

// Values of types for which the machine has no registers become integers of that size; signatures, too.
bool has_unknown_floats(const ir::Function& function, const TargetIsa& isa);
void make_integers_of_floats(ir::Function& function, const TargetIsa& isa);

}  // namespace assay::machine::expansion
