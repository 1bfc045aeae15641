// The `sem` and `trap` lines of operations.ops: each types at every scalar type its operation admits, and at 8 bits (16
// where there is no i8) each means what a C++ reference written from the operation's description says, on all edge
// values.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <map>

#include "compiler/ir/immediates.h"
#include "compiler/ir/operations.h"
#include "compiler/isle/notation/evaluate.h"
#include "compiler/isle/notation/semantics.h"

namespace assay::ir {
namespace {

using notation::Binding;
using notation::Bits;

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    out.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

constexpr uint32_t kFreeBits = 0xffffffee;  // the id of `free`, which says what bits of the result are left open

// One operation at one choice of types, ready to be evaluated.
struct Typed {
  notation::Library library;
  notation::Environment environment;
  notation::SemanticsText text;
  notation::Semantics semantics;
  Diagnostics errors;
  unsigned inputs = 0;

  explicit Typed(const OperationInfo& op, Type controlling, Type free, unsigned condition = 0) {
    notation::EnumDef conditions;
    conditions.name = "intcc";
    for (unsigned n = 0; n < kIntCCCount; ++n) {
      conditions.enumerators.push_back({.name = std::string(to_string(static_cast<IntCC>(n))), .number = n});
    }
    library.enums.push_back(conditions);
    notation::EnumDef float_conditions;
    float_conditions.name = "floatcc";
    for (unsigned n = 0; n < kFloatCCCount; ++n) {
      float_conditions.enumerators.push_back({.name = std::string(to_string(static_cast<FloatCC>(n))), .number = n});
    }
    library.enums.push_back(float_conditions);
    for (const OperandInfo& input : op.inputs) {
      const std::string name(input.name);
      if (input.kind == OperandKind::kValue) {
        const Type type = input.type.resolve(controlling);
        environment.names[name] = Binding::of_value(type.is_valid() ? type.bits() : free.bits(), inputs++);
      } else if (input.kind == OperandKind::kImm64) {
        environment.names[name] = Binding::of_value(64, inputs++);
      } else if (input.kind == OperandKind::kIeee16 || input.kind == OperandKind::kIeee32 ||
                 input.kind == OperandKind::kIeee64) {
        environment.names[name] = Binding::of_value(op.results[0].type.resolve(controlling).bits(), inputs++);
      } else if (input.kind == OperandKind::kIntCC || input.kind == OperandKind::kFloatCC) {
        environment.names[name] = Binding::of_enum(input.kind == OperandKind::kIntCC ? 0 : 1, condition);
      }
    }
    unsigned id = 0;
    for (const OperandInfo& result : op.results) {
      environment.names[std::string(result.name)] = Binding::of_result(result.type.resolve(controlling).bits(), id++);
    }
    if (id == 1)
      environment.names["free"] = Binding::of_result(op.results[0].type.resolve(controlling).bits(), kFreeBits);
    const Place place{std::string(op.name), 1, 1, {}, {}};
    for (const std::string& trap : lines(op.trap)) {
      const size_t when = trap.find(" when ");
      if (when == std::string::npos) continue;  // always
      text.traps.push_back({trap.substr(0, when), parse_expression(library, trap.substr(when + 6), place, errors)});
    }
    parse_statements(library, op.sem, place, text, errors);
    if (errors.empty()) instantiate(library, text, environment, semantics, errors);
  }

  // The results, or nothing if it traps; the trap's number is in `trap`.
  std::vector<uint64_t> run(const std::vector<uint64_t>& values, int& trap) const {
    std::vector<Bits> bits;
    for (const notation::Input& input : semantics.inputs) {
      bits.push_back(notation::truncated(Bits(values[input.id]), input.width));
    }
    notation::Evaluation evaluation;
    notation::evaluate(semantics, bits, nullptr, evaluation);
    trap = -1;
    if (evaluation.status == notation::EvaluateStatus::Trapped) {
      trap = static_cast<int>(evaluation.trap);
      return {};
    }
    std::vector<uint64_t> results(semantics.results.size());
    for (const notation::Assignment& a : semantics.results) results[a.id] = evaluation.values[a.value].low();
    return results;
  }
};

const Type kScalars[] = {kI8, kI16, kI32, kI64, kI128, kF16, kF32, kF64, kF128};

bool has_free_operand(const OperationInfo& op) {
  for (const OperandInfo& input : op.inputs) {
    if (input.kind == OperandKind::kValue &&
        (input.type.kind == TypeConstraint::Kind::kFree || input.type.function == TypeFunction::kNarrower ||
         input.type.function == TypeFunction::kWider)) {
      return true;
    }
  }
  return false;
}

bool free_operands_allow(const OperationInfo& op, Type free, Type controlling) {
  for (const OperandInfo& input : op.inputs) {
    if (input.kind != OperandKind::kValue || input.type.resolve(controlling).is_valid()) continue;
    if (!input.type.allows(free, controlling)) return false;
  }
  return true;
}

TEST(Semantics, TypesAtEveryScalarType) {
  unsigned instances = 0;
  for (unsigned n = 0; n < kOpcodeCount; ++n) {
    const OperationInfo& op = operation_info(static_cast<Opcode>(n));
    if (op.sem.empty() && op.trap.empty()) continue;
    for (Type controlling : kScalars) {
      if (op.polymorphic && !op.controlling.contains(controlling)) continue;
      for (Type free : kScalars) {
        if (has_free_operand(op) ? !free_operands_allow(op, free, controlling) : free != kI8) continue;
        if (op.name == "bitcast" && free.bits() != controlling.bits()) continue;  // the verifier refuses it
        const Typed typed(op, controlling, free);
        ++instances;
        // What operations on floats mean is said with the file's `fn` lines, which the tables here do not have:
        // verify/operation_check_test reads the file itself.
        const bool floats = controlling.is_float() || (has_free_operand(op) && free.is_float()) ||
                            (op.fixed_results > 0 && op.results[0].type.resolve(controlling).is_float());
        if (floats && !typed.errors.empty()) continue;
        for (const Diagnostic& error : typed.errors) {
          ADD_FAILURE() << op.name << " " << controlling.to_string() << ": " << render(error, op.sem);
        }
        const auto results = std::ranges::count_if(typed.semantics.results,
                                                   [](const notation::Assignment& a) { return a.id != kFreeBits; });
        EXPECT_EQ(results, op.sem.empty() ? 0 : op.fixed_results) << op.name;
      }
    }
  }
  EXPECT_GT(instances, 300u);
}

// ---- meaning at 8 bits ----

using U = uint8_t;
using S = int8_t;
using Results = std::vector<uint64_t>;
struct Reference {
  std::function<Results(U x, U y, U z)> results;
  std::function<int(U x, U y, U z)> trap = nullptr;  // number of the trap clause, or -1
};

U u(int v) { return static_cast<U>(v); }
S s(U v) { return static_cast<S>(v); }
Results with_overflow(int exact, bool is_signed) {
  const int wrapped = is_signed ? s(u(exact)) : u(exact);
  return {u(exact), exact != wrapped};
}

const std::map<std::string_view, Reference>& references() {
  static const std::map<std::string_view, Reference> table = {
      {"iadd", {[](U x, U y, U) { return Results{u(x + y)}; }}},
      {"isub", {[](U x, U y, U) { return Results{u(x - y)}; }}},
      {"ineg", {[](U x, U, U) { return Results{u(-x)}; }}},
      {"iabs", {[](U x, U, U) { return Results{u(std::abs(int{s(x)}))}; }}},
      {"imul", {[](U x, U y, U) { return Results{u(x * y)}; }}},
      {"umulhi", {[](U x, U y, U) { return Results{u(x * y >> 8)}; }}},
      {"smulhi", {[](U x, U y, U) { return Results{u(s(x) * s(y) >> 8)}; }}},
      {"udiv", {[](U x, U y, U) { return Results{u(x / y)}; }, [](U, U y, U) { return y == 0 ? 0 : -1; }}},
      {"sdiv",
       {[](U x, U y, U) { return Results{u(s(x) / s(y))}; },
        [](U x, U y, U) { return y == 0                   ? 0
                                 : x == 0x80 && y == 0xff ? 1
                                                          : -1; }}},
      {"urem", {[](U x, U y, U) { return Results{u(x % y)}; }, [](U, U y, U) { return y == 0 ? 0 : -1; }}},
      {"srem", {[](U x, U y, U) { return Results{u(s(x) % s(y))}; }, [](U, U y, U) { return y == 0 ? 0 : -1; }}},
      {"smin", {[](U x, U y, U) { return Results{s(x) < s(y) ? x : y}; }}},
      {"umin", {[](U x, U y, U) { return Results{x < y ? x : y}; }}},
      {"smax", {[](U x, U y, U) { return Results{s(x) > s(y) ? x : y}; }}},
      {"umax", {[](U x, U y, U) { return Results{x > y ? x : y}; }}},
      {"uadd_overflow", {[](U x, U y, U) { return with_overflow(x + y, false); }}},
      {"sadd_overflow", {[](U x, U y, U) { return with_overflow(s(x) + s(y), true); }}},
      {"usub_overflow", {[](U x, U y, U) { return with_overflow(x - y, false); }}},
      {"ssub_overflow", {[](U x, U y, U) { return with_overflow(s(x) - s(y), true); }}},
      {"umul_overflow", {[](U x, U y, U) { return with_overflow(x * y, false); }}},
      {"smul_overflow", {[](U x, U y, U) { return with_overflow(s(x) * s(y), true); }}},
      {"uadd_overflow_cin", {[](U x, U y, U c) { return with_overflow(x + y + (c != 0), false); }}},
      {"sadd_overflow_cin", {[](U x, U y, U c) { return with_overflow(s(x) + s(y) + (c != 0), true); }}},
      {"usub_overflow_bin", {[](U x, U y, U c) { return with_overflow(x - y - (c != 0), false); }}},
      {"ssub_overflow_bin", {[](U x, U y, U c) { return with_overflow(s(x) - s(y) - (c != 0), true); }}},
      {"band", {[](U x, U y, U) { return Results{u(x & y)}; }}},
      {"bor", {[](U x, U y, U) { return Results{u(x | y)}; }}},
      {"bxor", {[](U x, U y, U) { return Results{u(x ^ y)}; }}},
      {"bnot", {[](U x, U, U) { return Results{u(~x)}; }}},
      {"bitselect", {[](U c, U x, U y) { return Results{u((c & x) | (~c & y))}; }}},
      {"bitrev", {[](U x, U, U) {
         U r = 0;
         for (int n = 0; n < 8; ++n) r |= (x >> n & 1) << (7 - n);
         return Results{r};
       }}},
      {"clz", {[](U x, U, U) { return Results{u(std::countl_zero(x))}; }}},
      {"ctz", {[](U x, U, U) { return Results{u(std::countr_zero(x))}; }}},
      {"cls", {[](U x, U, U) { return Results{u(std::countl_zero(u(s(x) < 0 ? ~x : x)) - 1)}; }}},
      {"popcnt", {[](U x, U, U) { return Results{u(std::popcount(x))}; }}},
      {"ishl", {[](U x, U y, U) { return Results{u(x << (y & 7))}; }}},
      {"ushr", {[](U x, U y, U) { return Results{u(x >> (y & 7))}; }}},
      {"sshr", {[](U x, U y, U) { return Results{u(s(x) >> (y & 7))}; }}},
      {"rotl", {[](U x, U y, U) { return Results{std::rotl(x, y & 7)}; }}},
      {"rotr", {[](U x, U y, U) { return Results{std::rotr(x, y & 7)}; }}},
      {"select", {[](U c, U x, U y) { return Results{c != 0 ? x : y}; }}},
      {"select_spectre_guard", {[](U c, U x, U y) { return Results{c != 0 ? x : y}; }}},
      {"bmask", {[](U x, U, U) { return Results{u(x != 0 ? 0xff : 0)}; }}},
      {"iconst", {[](U x, U, U) { return Results{x}; }}},
      {"iconcat", {[](U lo, U hi, U) { return Results{static_cast<uint64_t>(hi << 8 | lo)}; }}},
      {"trapz", {[](U, U, U) { return Results{}; }, [](U c, U, U) { return c == 0 ? 0 : -1; }}},
      {"trapnz", {[](U, U, U) { return Results{}; }, [](U c, U, U) { return c != 0 ? 0 : -1; }}},
  };
  return table;
}

constexpr U kEdges[] = {0, 1, 2, 3, 7, 8, 9, 0x0f, 0x10, 0x55, 0x7e, 0x7f, 0x80, 0x81, 0xaa, 0xf0, 0xfe, 0xff};

TEST(Semantics, MeansWhatTheReferenceSays) {
  std::vector<std::string> without;
  for (unsigned n = 0; n < kOpcodeCount; ++n) {
    const OperationInfo& op = operation_info(static_cast<Opcode>(n));
    // What has no integer of 8 bits is held against the interpreter, floats too, by verify/operation_check_test.
    const auto is_float = [](const OperandInfo& operand) {
      return operand.kind == OperandKind::kValue && operand.type.resolve(kI8).is_float();
    };
    const bool floats = (op.polymorphic && !op.controlling.contains(kI8) && op.controlling.contains(kF32)) ||
                        std::ranges::any_of(op.results, is_float) || op.name == "bitcast" ||
                        op.name.starts_with("fcvt");
    if (op.sem.empty() || floats) continue;
    const auto found = references().find(op.name);
    if (found == references().end()) {
      without.emplace_back(op.name);
      continue;
    }
    const Typed typed(op, kI8, kI8);
    ASSERT_TRUE(typed.errors.empty()) << op.name;
    for (U x : kEdges) {
      for (U y : kEdges) {
        for (U z : kEdges) {
          int trap = -1;
          const Results actual = typed.run({x, y, z}, trap);
          const int expected_trap = found->second.trap ? found->second.trap(x, y, z) : -1;
          ASSERT_EQ(trap, expected_trap) << op.name << " " << int{x} << " " << int{y};
          if (trap < 0) ASSERT_EQ(actual, found->second.results(x, y, z)) << op.name << " " << int{x} << " " << int{y};
        }
      }
    }
  }
  // These are tested below, at other types.
  EXPECT_EQ(without, (std::vector<std::string>{"uadd_overflow_trap", "bswap", "icmp", "ireduce", "uextend", "sextend",
                                               "isplit"}));
}

TEST(Semantics, OthersMeanWhatTheReferenceSays) {
  const auto run = [](Opcode opcode, Type controlling, Type free, std::vector<uint64_t> values,
                      unsigned condition = 0) {
    const Typed typed(operation_info(opcode), controlling, free, condition);
    EXPECT_TRUE(typed.errors.empty());
    int trap = -1;
    Results results = typed.run(values, trap);
    if (trap >= 0) results.assign(1, 999);
    return results;
  };
  EXPECT_EQ(run(Opcode::kUaddOverflowTrap, kI32, kI32, {0xffffffff, 1}), Results{999});
  EXPECT_EQ(run(Opcode::kUaddOverflowTrap, kI32, kI32, {0xfffffffe, 1}), Results{0xffffffff});
  EXPECT_EQ(run(Opcode::kBswap, kI32, kI32, {0x11223344}), Results{0x44332211});
  EXPECT_EQ(run(Opcode::kIreduce, kI8, kI32, {0x11223344}), Results{0x44});
  EXPECT_EQ(run(Opcode::kUextend, kI32, kI8, {0x84}), Results{0x84});
  EXPECT_EQ(run(Opcode::kSextend, kI32, kI8, {0x84}), Results{0xffffff84});
  EXPECT_EQ(run(Opcode::kIsplit, kI16, kI16, {0x1234}), (Results{0x34, 0x12}));
  // Shift amounts of every width are masked, not clamped.
  EXPECT_EQ(run(Opcode::kIshl, kI8, kI64, {1, (uint64_t{1} << 40) + 9}), Results{2});
  EXPECT_EQ(run(Opcode::kIshl, kI64, kI8, {1, 0xff}), Results{uint64_t{1} << 63});
  for (unsigned n = 0; n < kIntCCCount; ++n) {
    for (U x : kEdges) {
      for (U y : kEdges) {
        const bool holds[] = {x == y,      x != y,       s(x) < s(y),       s(x) >= s(y),
                              s(x) > s(y), s(x) <= s(y), x<y, x >= y, x> y, x <= y};
        ASSERT_EQ(run(Opcode::kIcmp, kI8, kI8, {x, y}, n), Results{holds[n]}) << n << " " << int{x} << " " << int{y};
      }
    }
  }
}

}  // namespace
}  // namespace assay::ir
