// The C++ behind the external terms of the mid-end's rules (opt::Context), and a context to call it in: a graph that
// has every constant the check needs.
#include <algorithm>
#include <map>
#include <random>

#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/immediates.h"
#include "compiler/ir/parser.h"
#include "compiler/opt/context.h"
#include "verify/helper_call.h"
#include "verify/helper_check.h"
#include "verify/rule_sources.h"

namespace assay::verify {

namespace {

using opt::Context;

// A class with an iconst is declined, any other given back.
std::string not_constant(const HelperContext& context, const std::string&, size_t& cases) {
  for (const ir::Type type : {ir::kI8, ir::kI16, ir::kI32, ir::kI64}) {
    for (const uint64_t number : {0, 1, 0x7f}) {
      ++cases;
      if (context.optimizer->not_constant(context.value({.type = type, .bits = number}))) {
        return "gives back a constant of type " + type.to_string();
      }
    }
    const ir::Value value = context.value({.type = type, .is_constant = false});
    ++cases;
    if (context.optimizer->not_constant(value) != value)
      return "does not give back a value of type " + type.to_string();
  }
  return "";
}

// Constants that no iconst makes.
std::vector<HelperValue> other_constants() {
  const unsigned __int128 high = static_cast<unsigned __int128>(1) << 127;
  return {{.type = ir::kF16, .bits = 0x3c00},     {.type = ir::kF16, .bits = 0xfe01},
          {.type = ir::kF32, .bits = 0x80000000}, {.type = ir::kF64, .bits = 0xc004000000000000},
          {.type = ir::kI128, .bits = 0},         {.type = ir::kI128, .bits = high - 1},
          {.type = ir::kI128, .bits = high | 7},  {.type = ir::kI128, .bits = ~uint64_t{0}}};
}

// The bits of each constant, also of those that are put together or extended; of nothing else.
std::string constant_bits(const HelperContext& context, const std::string&, size_t& cases) {
  std::vector<HelperValue> constants = other_constants();
  for (const ir::Type type : {ir::kI8, ir::kI16, ir::kI32, ir::kI64}) {
    for (const uint64_t n : number_cases(type.bits())) constants.push_back({.type = type, .bits = n});
  }
  for (const HelperValue& constant : constants) {
    ++cases;
    if (context.optimizer->constant_bits(context.value(constant)) != constant.bits) {
      return "does not give the bits of a constant of type " + constant.type.to_string();
    }
    HelperValue unknown = constant;
    unknown.is_constant = false;
    if (context.optimizer->constant_bits(context.value(unknown))) return "gives bits of what is no constant";
  }
  return "";
}

// Nothing, but while rules fire on one of two results.
std::string alone(const HelperContext& context, const std::string&, size_t& cases) {
  ++cases;
  return context.optimizer->alone(context.value({.type = ir::kI64, .is_constant = false})) ? "gives back any value"
                                                                                           : "";
}

// The float of these bits.
std::string f32_of(const HelperContext& context, const std::string&, size_t& cases) {
  for (const uint64_t bits : number_cases(64)) {
    ++cases;
    if (context.optimizer->f32_of(bits).bits != (bits & 0xffffffff)) return "changes " + std::to_string(bits);
  }
  return "";
}
std::string f64_of(const HelperContext& context, const std::string&, size_t& cases) {
  for (const uint64_t bits : number_cases(64)) {
    ++cases;
    if (context.optimizer->f64_of(bits).bits != bits) return "changes " + std::to_string(bits);
  }
  return "";
}

// A multiplier is given for one divisor and every dividend, so it is tried on many: of 8 bits all, with all divisors.
template <class Quotient>
std::string multipliers(const HelperContext& context, size_t& cases,
                        std::optional<uint64_t> (Context::*method)(ir::Type, ir::Value, uint64_t, uint64_t) const,
                        bool is_signed, const Quotient& quotient) {
  std::mt19937_64 random(11);
  for (const ir::Type type : {ir::kI8, ir::kI16, ir::kI32, ir::kI64}) {
    const unsigned width = type.bits();
    const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    const ir::Value any = context.value({.type = type, .is_constant = false});
    std::vector<uint64_t> numbers = number_cases(width);
    for (int i = 0; i < 100 && width > 8; ++i) numbers.push_back(random() & mask);
    const size_t step = width == 8 ? 1 : 5;  // of the dividends
    for (const uint64_t d : numbers) {
      for (unsigned s = 0; s < 66; ++s) {
        const auto m = (context.optimizer->*method)(type, any, d, s);
        if (!m) continue;
        if (d < 3 || s >= width || d >> (width - 1) != 0) return "answers for the divisor " + std::to_string(d);
        for (size_t i = d % step; i < numbers.size(); i += step) {
          ++cases;
          const uint64_t x = numbers[i];
          const int64_t x_signed = static_cast<int64_t>(x << (64 - width)) >> (64 - width);
          const uint64_t expected = is_signed ? static_cast<uint64_t>(x_signed / static_cast<int64_t>(d)) : x / d;
          if (((quotient(width, x, x_signed, *m, s) ^ expected) & mask) == 0) continue;
          return std::to_string(x) + " / " + std::to_string(d) + " of type " + type.to_string() + " comes out wrong";
        }
      }
    }
  }
  return cases == 0 ? "answers for no divisor" : "";
}

using Wide = unsigned __int128;
using SignedWide = __int128;
uint64_t umulhi(unsigned width, uint64_t a, uint64_t b) { return static_cast<uint64_t>(Wide{a} * b >> width); }
int64_t smulhi(unsigned width, int64_t a, uint64_t b) {
  const int64_t b_signed = static_cast<int64_t>(b << (64 - width)) >> (64 - width);
  return static_cast<int64_t>(SignedWide{a} * b_signed >> width);
}

std::string udiv_short(const HelperContext& context, const std::string&, size_t& cases) {
  return multipliers(context, cases, &Context::udiv_short_magic, false,
                     [](unsigned w, uint64_t x, int64_t, uint64_t m, unsigned s) { return umulhi(w, x, m) >> s; });
}
std::string udiv_long(const HelperContext& context, const std::string&, size_t& cases) {
  return multipliers(context, cases, &Context::udiv_long_magic, false,
                     [](unsigned w, uint64_t x, int64_t, uint64_t m, unsigned s) {
                       const uint64_t q = umulhi(w, x, m);
                       return (((x - q) >> 1) + q) >> s;
                     });
}
std::string sdiv_short(const HelperContext& context, const std::string&, size_t& cases) {
  return multipliers(context, cases, &Context::sdiv_short_magic, true,
                     [](unsigned w, uint64_t, int64_t x, uint64_t m, unsigned s) {
                       return static_cast<uint64_t>((smulhi(w, x, m) >> (s - 1)) + (x < 0));
                     });
}
std::string sdiv_long(const HelperContext& context, const std::string&, size_t& cases) {
  return multipliers(
      context, cases, &Context::sdiv_long_magic, true, [](unsigned w, uint64_t, int64_t x, uint64_t m, unsigned s) {
        // Wraps at the width.
        const auto sum =
            static_cast<int64_t>((static_cast<uint64_t>(smulhi(w, x, m)) + static_cast<uint64_t>(x)) << (64 - w));
        return static_cast<uint64_t>((sum >> (64 - w) >> s) + (x < 0));
      });
}

std::string negated_divisor(const HelperContext& context, const std::string&, size_t& cases) {
  for (const ir::Type type : {ir::kI8, ir::kI16, ir::kI32, ir::kI64}) {
    const unsigned unused = 64 - type.bits();
    const ir::Value any = context.value({.type = type, .is_constant = false});
    const auto as_signed = [unused](uint64_t n) { return static_cast<int64_t>(n << unused) >> unused; };
    for (const uint64_t n : number_cases(type.bits())) {
      const auto d = context.optimizer->negated_divisor(type, any, n);
      const bool has_one = as_signed(n) < 0 && n != uint64_t{1} << (type.bits() - 1);
      if (d.has_value() != has_one) return "is wrong about whether there is one of " + std::to_string(n);
      for (const uint64_t x : number_cases(type.bits())) {
        if (!d || (as_signed(n) == -1 && x == uint64_t{1} << (type.bits() - 1))) continue;
        ++cases;
        const int64_t divisor = as_signed(n), other = static_cast<int64_t>(*d), dividend = as_signed(x);
        if (dividend / divisor != -(dividend / other) || dividend % divisor != dividend % other || -divisor != other) {
          return "gives " + std::to_string(*d) + " for " + std::to_string(n);
        }
      }
    }
  }
  return "";
}

HelperTable make_table() {
  using C = Context;
  constexpr const char* kNode =
      "reads or makes a node: the prover follows the operation's definition, witnesses run it";
  return {
      .functions = {{"value_type", call(&C::value_type)},
                    {"fits_in_64", call(&C::fits_in_64)},
                    {"ty_int", call(&C::ty_int)},
                    {"ty_bits", call(&C::ty_bits)},
                    {"ty_mask", call(&C::ty_mask)},
                    {"ty_shift_mask", call(&C::ty_shift_mask)},
                    {"imm_zext", call(&C::imm_zext)},
                    {"imm_of", call(&C::imm_of)},
                    {"sign_extend", call(&C::sign_extend)},
                    {"i64_as_u64", call(&C::i64_as_u64)},
                    {"u64_add", call(&C::u64_add)},
                    {"u64_sub", call(&C::u64_sub)},
                    {"u64_mul", call(&C::u64_mul)},
                    {"u64_and", call(&C::u64_and)},
                    {"u64_or", call(&C::u64_or)},
                    {"u64_xor", call(&C::u64_xor)},
                    {"u64_not", call(&C::u64_not)},
                    {"u64_shl", call(&C::u64_shl)},
                    {"u64_ushr", call(&C::u64_ushr)},
                    {"u64_sshr", call(&C::u64_sshr)},
                    {"u64_log2", call(&C::u64_log2)},
                    {"u64_is_power_of_2", call(&C::u64_is_power_of_2)},
                    {"u64_eq", call(&C::u64_eq)},
                    {"u64_lt", call(&C::u64_lt)},
                    {"i64_lt", call(&C::i64_lt)},
                    {"fold_clz", call(&C::fold_clz)},
                    {"fold_ctz", call(&C::fold_ctz)},
                    {"fold_cls", call(&C::fold_cls)},
                    {"fold_popcnt", call(&C::fold_popcnt)},
                    {"fold_bitrev", call(&C::fold_bitrev)},
                    {"fold_bswap", call(&C::fold_bswap)},
                    {"fold_ineg", call(&C::fold_ineg)},
                    {"fold_iabs", call(&C::fold_iabs)},
                    {"fold_iadd", call(&C::fold_iadd)},
                    {"fold_isub", call(&C::fold_isub)},
                    {"fold_imul", call(&C::fold_imul)},
                    {"fold_umulhi", call(&C::fold_umulhi)},
                    {"fold_smulhi", call(&C::fold_smulhi)},
                    {"fold_umin", call(&C::fold_umin)},
                    {"fold_umax", call(&C::fold_umax)},
                    {"fold_smin", call(&C::fold_smin)},
                    {"fold_smax", call(&C::fold_smax)},
                    {"fold_ishl", call(&C::fold_ishl)},
                    {"fold_ushr", call(&C::fold_ushr)},
                    {"fold_sshr", call(&C::fold_sshr)},
                    {"fold_rotl", call(&C::fold_rotl)},
                    {"fold_rotr", call(&C::fold_rotr)},
                    {"fold_udiv", call(&C::fold_udiv)},
                    {"fold_urem", call(&C::fold_urem)},
                    {"fold_sdiv", call(&C::fold_sdiv)},
                    {"fold_srem", call(&C::fold_srem)},
                    {"fold_icmp", call(&C::fold_icmp)},
                    {"fold_sextend", call(&C::fold_sextend)},
                    {"fold_bmask", call(&C::fold_bmask)},
                    {"fold_umul_overflow", call(&C::fold_umul_overflow)},
                    {"fold_smul_overflow", call(&C::fold_smul_overflow)},
                    {"fold_fadd", call(&C::fold_fadd)},
                    {"fold_fsub", call(&C::fold_fsub)},
                    {"fold_fmul", call(&C::fold_fmul)},
                    {"fold_fdiv", call(&C::fold_fdiv)},
                    {"fold_fmin", call(&C::fold_fmin)},
                    {"fold_fmax", call(&C::fold_fmax)},
                    {"fold_fcopysign", call(&C::fold_fcopysign)},
                    {"fold_fma", call(&C::fold_fma)},
                    {"fold_sqrt", call(&C::fold_sqrt)},
                    {"fold_ceil", call(&C::fold_ceil)},
                    {"fold_floor", call(&C::fold_floor)},
                    {"fold_trunc", call(&C::fold_trunc)},
                    {"fold_nearest", call(&C::fold_nearest)},
                    {"fold_fneg", call(&C::fold_fneg)},
                    {"fold_fabs", call(&C::fold_fabs)},
                    {"fold_fcmp", call(&C::fold_fcmp)},
                    {"fold_fpromote", call(&C::fold_fpromote)},
                    {"fold_fdemote", call(&C::fold_fdemote)},
                    {"fold_fcvt_from_uint", call(&C::fold_fcvt_from_uint)},
                    {"fold_fcvt_from_sint", call(&C::fold_fcvt_from_sint)},
                    {"fold_fcvt_to_uint_sat", call(&C::fold_fcvt_to_uint_sat)},
                    {"fold_fcvt_to_sint_sat", call(&C::fold_fcvt_to_sint_sat)},
                    {"fold_fcvt_to_uint", call(&C::fold_fcvt_to_uint)},
                    {"fold_fcvt_to_sint", call(&C::fold_fcvt_to_sint)},
                    {"u128_and", call(&C::u128_and)},
                    {"u128_or", call(&C::u128_or)},
                    {"u128_xor", call(&C::u128_xor)},
                    {"u128_not", call(&C::u128_not)},
                    {"u128_low", call(&C::u128_low)},
                    {"u128_high", call(&C::u128_high)},
                    {"f16_of", call(&C::f16_of)},
                    {"magic_shift", call(&C::magic_shift)},
                    {"wide", call(&C::wide)},
                    {"float_32_or_64", call(&C::float_32_or_64)},
                    {"type_i8", call(&C::type_i8)},
                    {"f32_bits", call(&C::f32_bits)},
                    {"f64_bits", call(&C::f64_bits)}},
      .contracts = {{"not_constant", not_constant},
                    {"alone", alone},
                    {"constant_bits", constant_bits},
                    {"f32_of", f32_of},
                    {"f64_of", f64_of},
                    {"negated_divisor", negated_divisor},
                    {"udiv_short_magic", udiv_short},
                    {"udiv_long_magic", udiv_long},
                    {"sdiv_short_magic", sdiv_short},
                    {"sdiv_long_magic", sdiv_long}},
      .without_values = {{"node", kNode},
                         {"second_node", kNode},
                         {"make_node", kNode},
                         {"subsume", "its argument, which the other members of the class give way to"}},
      .constants = {{"I32", ir::kI32}, {"I64", ir::kI64}, {"F16", ir::kF16}, {"F32", ir::kF32}, {"F64", ir::kF64}},
  };
}

// A graph over a function that has all constants of number_cases() and a value of each scalar type.
class Graph {
 public:
  Graph() : rules_(opt::opt_rules()) {
    const ir::Type types[] = {ir::kI8, ir::kI16, ir::kI32, ir::kI64, ir::kI128, ir::kF16, ir::kF32, ir::kF64};
    std::string types_text, params, constants;
    uint32_t next = 0;
    for (const ir::Type type : types) {
      const std::string separator = next == 0 ? "" : ", ";
      types_text += separator + type.to_string();
      params += separator + "v" + std::to_string(next) + ": " + type.to_string();
      variables_[type.to_string()] = ir::Value(next++);
    }
    const auto line = [&](const std::string& operation) {
      constants += "    v" + std::to_string(next) + " = " + operation + "\n";
      return ir::Value(next++);
    };
    const auto integer = [&](ir::Type type, uint64_t n) {
      const unsigned unused = 64 - type.bits();
      return line("iconst." + type.to_string() + " " + std::to_string(static_cast<int64_t>(n << unused) >> unused));
    };
    for (const ir::Type type : {ir::kI8, ir::kI16, ir::kI32, ir::kI64}) {
      for (const uint64_t n : number_cases(type.bits())) constants_[{type.to_string(), n}] = integer(type, n);
    }
    for (const HelperValue& v : other_constants()) {
      ir::Value& value = constants_[{v.type.to_string(), v.bits}];
      if (v.type.is_float()) {
        value = line(v.type.to_string() + "const " + ir::float_to_string(v.bits, v.type.bits()));
        continue;
      }
      // By an extension, if that gives it.
      const auto low = static_cast<uint64_t>(v.bits), high = static_cast<uint64_t>(v.bits >> 64);
      const std::string half = to_string(integer(ir::kI64, low));
      value = high == 0 ? line("uextend.i128 " + half)
                        : line("iconcat " + half + ", " + to_string(integer(ir::kI64, high)));
    }
    function_ = std::move(*ir::parse_function("function %f(" + types_text + ") {\nblock0(" + params + "):\n" +
                                              constants + "    return\n}\n"));
    cfg_.compute(function_);
    dominators_.compute(function_, cfg_);
    graph_.begin(function_, dominators_, rules_);
    const ir::Block entry = function_.entry_block();
    graph_.set_block(entry);
    std::map<ir::Value, ir::Value> classes;
    for (ir::Inst inst = function_.first_inst(entry), next_inst; !function_.info(inst).is_terminator();
         inst = next_inst) {
      next_inst = function_.next_inst(inst);
      function_.for_each_use_mutable(inst, [&](ir::Value& use) { use = classes.at(use); });
      function_.remove_inst(inst);
      classes[function_.result(inst)] = graph_.add_inst(inst);
    }
    for (auto& [key, value] : constants_) value = classes.at(value);
  }

  opt::EGraph& graph() { return graph_; }
  ir::Value value(const HelperValue& v) const {
    return v.is_constant ? constants_.at({v.type.to_string(), v.bits}) : variables_.at(v.type.to_string());
  }

 private:
  ir::Function function_;
  ir::ControlFlowGraph cfg_;
  ir::DominatorTree dominators_;
  isle::RuleState rules_;
  opt::EGraph graph_;
  std::map<std::string, ir::Value> variables_;  // by type
  std::map<std::pair<std::string, unsigned __int128>, ir::Value> constants_;
};

}  // namespace

const HelperTable& optimizer_helper_table() {
  static const HelperTable table = make_table();
  return table;
}

Expected<std::vector<Judgement>> check_optimizer_helpers(const RuleSources& sources,
                                                         const HelperCheckOptions& options) {
  Graph graph;
  const Context context(graph.graph());
  const HelperContext here{.optimizer = &context, .value = [&](const HelperValue& v) { return graph.value(v); }};
  return check_helpers(here, sources, optimizer_helper_table(), options);
}

Expected<std::vector<Judgement>> check_optimizer_helpers(const HelperCheckOptions& options) {
  return check_optimizer_helpers(optimizer_sources(), options);
}

}  // namespace assay::verify
