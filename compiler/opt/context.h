// What the mid-end's rules talk to: the extern terms of prelude.isle and nodes.isle over an EGraph. One lives while the
// rules of one node fire.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <tuple>

#include "compiler/opt/constants.h"
#include "compiler/opt/egraph.h"
#include "compiler/opt/float_constants.h"
#include "compiler/opt/magic.h"
#include "compiler/opt/node.h"

namespace assay::opt {

// What rules call $I32 …
inline constexpr Type I32 = ir::kI32;
inline constexpr Type I64 = ir::kI64;
inline constexpr Type F16 = ir::kF16;
inline constexpr Type F32 = ir::kF32;
inline constexpr Type F64 = ir::kF64;

class Context : public IntegerFolding, public FloatFolding {
 public:
  using Type = ir::Type;

  explicit Context(EGraph& graph) : graph_(graph) {}

  // Asked when a rule has matched: whether it is applied. One of `simplify` need not be; others define a term.
  bool rule_enabled(isle::RuleId rule) const {
    isle::RuleState& rules = graph_.rules();
    if (!rules.rule_enabled(rule)) return false;
    const isle::RuleInfo& info = rules.rules()[rule.index];
    return graph_.steps() == nullptr || info.term != "simplify" || graph_.steps()->take(info.name);
  }
  void rule_fired(isle::RuleId rule) { graph_.rules().rule_fired(rule); }

  void node(Value v, isle::Results<std::tuple<Type, NodeData>>& out) const { nodes_of_result(v, 0, out); }
  void second_node(Value v, isle::Results<std::tuple<Type, NodeData>>& out) const { nodes_of_result(v, 1, out); }
  // The other result of the instruction is not used.
  std::optional<Value> alone(Value v) const { return graph_.is_alone() ? std::optional(v) : std::nullopt; }
  Value make_node(Type type, const NodeData& data) { return graph_.add_node(type, data); }
  Value subsume(Value v) {
    graph_.subsume(v);
    return v;
  }

  Type value_type(Value v) const { return graph_.function().value_type(v); }
  std::optional<Type> fits_in_64(Type t) const { return is_int(t) && t.bits() <= 64 ? std::optional(t) : std::nullopt; }
  std::optional<Type> wide(Type t) const { return is_int(t) && t.bits() == 128 ? std::optional(t) : std::nullopt; }
  std::optional<Type> ty_int(Type t) const { return is_int(t) ? std::optional(t) : std::nullopt; }
  std::optional<Type> float_32_or_64(Type t) const { return t == F32 || t == F64 ? std::optional(t) : std::nullopt; }
  Type type_i8() const { return ir::kI8; }
  uint64_t ty_bits(Type t) const { return t.bits(); }
  uint64_t ty_mask(Type t) const { return static_cast<uint64_t>(low_bits(t, ~Word128{0})); }
  uint64_t ty_shift_mask(Type t) const { return t.bits() - 1; }

  std::optional<Value> not_constant(Value v) const {
    bool found = false;
    graph_.for_each_member(v, [&](Value member) {
      const ir::Inst inst = graph_.node(member);
      found = found || (!inst.is_none() && graph_.function().inst(inst).opcode == Opcode::kIconst);
    });
    return found ? std::nullopt : std::optional(v);
  }
  std::optional<Word128> constant_bits(Value v) const { return graph_.constant(v); }
  uint64_t f32_bits(Ieee32 value) const { return value.bits; }
  uint64_t f64_bits(Ieee64 value) const { return value.bits; }
  Ieee16 f16_of(uint64_t bits) const { return {static_cast<uint16_t>(bits)}; }
  Ieee32 f32_of(uint64_t bits) const { return {static_cast<uint32_t>(bits)}; }
  Ieee64 f64_of(uint64_t bits) const { return {bits}; }
  uint64_t imm_zext(Imm64 imm) const { return static_cast<uint64_t>(imm.value); }
  Imm64 imm_of(Type t, uint64_t k) const { return {static_cast<int64_t>(k & ty_mask(t))}; }
  int64_t sign_extend(Type t, uint64_t k) const { return static_cast<int64_t>(as_signed(t, k)); }

  // Divisors: what holds, holds of all dividends.
  std::optional<uint64_t> magic_shift(Type t, uint64_t d) const {
    return fits_in_64(t) ? opt::magic_shift(t, d) : std::nullopt;
  }
  std::optional<uint64_t> negated_divisor(Type t, Value, uint64_t n) const { return opt::negated_divisor(t, n); }
  std::optional<uint64_t> udiv_short_magic(Type t, Value, uint64_t d, uint64_t s) const {
    return opt::udiv_short_magic(t, d, s);
  }
  std::optional<uint64_t> udiv_long_magic(Type t, Value, uint64_t d, uint64_t s) const {
    return opt::udiv_long_magic(t, d, s);
  }
  std::optional<uint64_t> sdiv_short_magic(Type t, Value, uint64_t d, uint64_t s) const {
    return opt::sdiv_short_magic(t, d, s);
  }
  std::optional<uint64_t> sdiv_long_magic(Type t, Value, uint64_t d, uint64_t s) const {
    return opt::sdiv_long_magic(t, d, s);
  }

  uint64_t u64_add(uint64_t a, uint64_t b) const { return a + b; }
  uint64_t u64_sub(uint64_t a, uint64_t b) const { return a - b; }
  uint64_t u64_mul(uint64_t a, uint64_t b) const { return a * b; }
  uint64_t u64_and(uint64_t a, uint64_t b) const { return a & b; }
  uint64_t u64_or(uint64_t a, uint64_t b) const { return a | b; }
  uint64_t u64_xor(uint64_t a, uint64_t b) const { return a ^ b; }
  uint64_t u64_not(uint64_t a) const { return ~a; }
  // Shifts by 64 or more as in the expression language: nothing is left, or the sign.
  uint64_t u64_shl(uint64_t a, uint64_t b) const { return b > 63 ? 0 : a << b; }
  uint64_t u64_ushr(uint64_t a, uint64_t b) const { return b > 63 ? 0 : a >> b; }
  uint64_t u64_sshr(uint64_t a, uint64_t b) const {
    return static_cast<uint64_t>(static_cast<int64_t>(a) >> (b > 63 ? 63 : b));
  }
  uint64_t i64_as_u64(int64_t a) const { return static_cast<uint64_t>(a); }
  uint64_t u64_log2(uint64_t a) const { return static_cast<uint64_t>(63 - std::countl_zero(a | 1)); }
  std::optional<uint64_t> u64_is_power_of_2(uint64_t a) const {
    return std::has_single_bit(a) ? std::optional(a) : std::nullopt;
  }
  bool u64_eq(uint64_t a, uint64_t b) const { return a == b; }
  bool u64_lt(uint64_t a, uint64_t b) const { return a < b; }
  bool i64_lt(int64_t a, int64_t b) const { return a < b; }

 private:
  void nodes_of_result(Value v, size_t number, isle::Results<std::tuple<Type, NodeData>>& out) const {
    const ir::Function& f = graph_.function();
    graph_.for_each_member(v, [&](Value member) {
      const ir::Inst inst = graph_.node(member);
      if (inst.is_none() || !is_seen(member)) return;
      if (f.results(inst).size() <= number || f.results(inst)[number] != member) return;
      for (const Value arg : f.args(inst)) {
        if (!is_seen(arg)) return;
      }
      out.push({f.value_type(f.result(inst)), graph_.data(inst)});
    });
  }
  // No rule is proven for f128.
  bool is_seen(Value v) const { return graph_.function().value_type(v) != ir::kF128; }
  static bool is_int(Type t) { return t.is_int(); }

  EGraph& graph_;
};

}  // namespace assay::opt
#include "isle/opt/opt_isle.h"
