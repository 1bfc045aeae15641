// What mutations need to know of a function while they change it: which values are available where, which must be left
// alone, and short ways to add instructions. Not for others than mutate_*.cpp.
//
// A snapshot: after a change of blocks it is stale, and refresh() makes it anew. Instructions that were added since are
// no candidates of its choices, but the choices stay right.
#pragma once

#include <span>
#include <vector>

#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/function.h"
#include "fuzz/random.h"

namespace assay::fuzz {

class Editor {
 public:
  Editor(ir::Function& function, Random& random) : f(function), random(random) { refresh(); }
  void refresh();

  ir::Function& f;
  Random& random;

  // ---- where ----
  // Instructions of the layout, in order.
  std::span<const ir::Inst> insts() const { return insts_; }
  std::span<const ir::Block> blocks() const { return blocks_; }
  // One that `accept` accepts, or none: chance first, then the first one behind a random place.
  template <class Accept>
  ir::Inst any(Accept&& accept) {
    if (insts_.empty()) return {};
    const uint32_t count = static_cast<uint32_t>(insts_.size()), begin = random.below(count);
    for (uint32_t i = 0; i < count; ++i) {
      const ir::Inst inst = insts_[(begin + i) % count];
      if (accept(inst)) return inst;
    }
    return {};
  }
  ir::Inst any() {
    return any([](ir::Inst) { return true; });
  }
  // Does it decide when a loop ends?
  bool is_protected(ir::Inst inst) const { return inst.index < protected_.size() && protected_[inst.index]; }
  // A parameter that does: what is passed for it stays.
  bool is_counter(ir::Value v) const { return v.index < counters_.size() && counters_[v.index]; }
  // Does it make the address of a load or store, or part of it? Mutations mostly leave these alone: accesses that were
  // inside a region would be anywhere.
  bool makes_address(ir::Inst inst) const { return inst.index < makes_address_.size() && makes_address_[inst.index]; }
  // Neither of the two; sometimes those that make addresses, too.
  bool may_change(ir::Inst inst) { return !is_protected(inst) && (!makes_address(inst) || random.chance(3)); }
  // Accesses whose address an instruction may have made into another one promise nothing any more.
  void distrust_accesses();
  // Pure, of one integer result, and not protected.
  bool is_plain(ir::Inst inst) const;
  uint32_t position(ir::Inst inst) const { return inst.index < position_.size() ? position_[inst.index] : 0; }
  const ir::ControlFlowGraph& cfg() const { return cfg_; }
  const ir::DominatorTree& dominators() const { return dominators_; }

  // ---- values ----
  bool is_available(ir::Value v, ir::Inst before) const;
  bool is_address(ir::Value v) const { return v.index < addresses_.size() && addresses_[v.index]; }
  // All that may be used before the instruction, but addresses.
  std::vector<ir::Value> available(ir::Inst before) const;
  // One of the type, else a new constant.
  ir::Value pick(ir::Type type, ir::Inst before);
  // None if there is none but `except`.
  ir::Value pick_existing(ir::Type type, ir::Inst before, ir::Value except = {});
  static bool is_int(ir::Type type) { return type.is_int(); }  // scalar, of any width
  // What mutations handle: integers, and floats of 32 and 64 bits.
  static bool is_scalar(ir::Type type) { return is_int(type) || type == ir::kF32 || type == ir::kF64; }
  ir::Type any_type();  // of the integers

  // ---- new instructions ----
  ir::Inst insert(const ir::InstData& data, ir::Inst before);
  ir::Value emit(const ir::InstData& data, ir::Inst before) { return f.result(insert(data, before)); }
  // Of an integer type or a float's; bits past the type's are dropped.
  ir::Value constant(ir::Type type, unsigned __int128 bits, ir::Inst before);
  ir::Value random_constant(ir::Type type, ir::Inst before);
  ir::Value unary(ir::Opcode opcode, ir::Type type, ir::Value x, ir::Inst before);
  ir::Value binary(ir::Opcode opcode, ir::Value x, ir::Value y, ir::Inst before);
  ir::Value compare(ir::IntCC cc, ir::Value x, ir::Value y, ir::Inst before);
  // To an integer type: extended or reduced; of a float, its bits.
  ir::Value convert(ir::Value v, ir::Type to, ir::Inst before);
  ir::Inst jump(ir::Block from, ir::Block to, std::span<const ir::Value> args = {});
  ir::Inst brif(ir::Block from, ir::Value condition, ir::BlockCall then_call, ir::BlockCall else_call);

  // Puts `now` in the place of `old` in the operands of all instructions but `except`. Linear.
  void replace_uses(ir::Value old, ir::Value now, ir::Inst except = {});
  // `inst` and what follows it go to a new block behind; the old one is left without a terminator.
  ir::Block split_before(ir::Inst inst);
  // Some instructions in a row of one block, without its terminator and protected ones; perhaps none.
  std::vector<ir::Inst> segment(uint32_t longest);

 private:
  void find_protected();
  void find_addresses();
  void find_address_makers();

  std::vector<ir::Inst> insts_;
  std::vector<ir::Block> blocks_;
  std::vector<ir::Value> values_;  // scalars, in order
  std::vector<uint32_t> position_;
  std::vector<bool> protected_, counters_, addresses_, makes_address_;
  ir::ControlFlowGraph cfg_;
  ir::DominatorTree dominators_;
};

}  // namespace assay::fuzz
