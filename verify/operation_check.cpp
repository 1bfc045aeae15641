// See operation_check.h. One combination of operation, types, condition and trap code is an Instance: a CLIF function
// for the interpreter, typed semantics for the evaluator, and solver terms over free constants, which are then replaced
// by each case's numbers (so that what the translation rewrites is what it rewrites in a proof).
#include "verify/operation_check.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <random>

#include "compiler/ir/parser.h"
#include "compiler/ir/run_directive.h"
#include "compiler/ir/verifier.h"
#include "compiler/isle/notation/evaluate.h"
#include "interpreter/interpreter.h"
#include "verify/expand.h"
#include "verify/rule_sources.h"

namespace assay::verify {

namespace {

// As rules see types (symbol.h).
constexpr unsigned kTypes[] = {8, 16, 32, 64, 128, kFloatType + 16, kFloatType + 32, kFloatType + 64, kFloatType + 128};

// ---- types ----------------------------------------------------------------------------------------------------------

// Types of all operands and results; 0 for what is no value.
struct Typing {
  std::vector<unsigned> inputs, results;
  std::vector<unsigned> variables;  // by type variable of the file; 0: not chosen
};

struct Typings {
  std::vector<Typing> all;
  bool has_vectors = false;  // which the operation admits beside them
};

ir::Type type_of(unsigned type) { return *ir::Type::parse(type_name(type)); }

std::vector<unsigned> widths_of(const std::vector<unsigned>& types) {
  std::vector<unsigned> widths;
  for (const unsigned type : types) widths.push_back(type_width(type));
  return widths;
}

std::vector<unsigned> scalar_types(const ops::TypeSet& set) {
  std::vector<unsigned> types;
  if ((set.lanes & 1) == 0) return types;
  for (const unsigned type : kTypes) {
    if ((type < kFloatType ? set.ints : set.floats) >> std::countr_zero(type_width(type)) & 1) types.push_back(type);
  }
  return types;
}

// The types that `function` of a type can give.
std::vector<unsigned> apply_function(const std::string& function, unsigned type) {
  std::vector<unsigned> types;
  if (function == "as_truthy") return {8};
  if (function == "half_width") return {type / 2};
  if (function == "double_width") return {type * 2};
  if (function == "wider" || function == "narrower") {
    for (const unsigned other : kTypes) {
      if ((other ^ type) & kFloatType) continue;
      if (function == "wider" ? other > type : other < type) types.push_back(other);
    }
    return types;
  }
  return function.empty() || function == "lane_of" || function == "as_int" ? std::vector{type} : types;
}

Typings typings_of(const ops::OpsFile& file, const ops::Operation& op) {
  Typings out;
  out.all.push_back({.variables = std::vector<unsigned>(file.variables.size())});
  const auto choose = [&](const ops::Operand& operand, std::vector<unsigned> Typing::* list) {
    const ops::Kind& kind = operand.kind;
    std::vector<Typing> next;
    for (const Typing& typing : out.all) {
      const auto add = [&](unsigned variable_type, unsigned type) {
        if (type_width(type) < 8 || type_width(type) > 128) return;
        if (op.name == "bitcast" && list == &Typing::inputs && type_width(type) != type_width(typing.results[0]))
          return;
        next.push_back(typing);
        if (variable_type != 0) next.back().variables[kind.variable] = variable_type;
        (next.back().*list).push_back(type);
      };
      if (!kind.is_value()) {
        next.push_back(typing);
        (next.back().*list).push_back(0);
      } else if (kind.sort == ops::Kind::Sort::kType) {
        const std::optional<ir::Type> type = ir::Type::parse(kind.name);
        if (type && (type->is_int() || type->is_float())) add(0, type->bits() + (type->is_float() ? kFloatType : 0));
      } else {
        const ops::TypeSet& set = file.variables[kind.variable].set;
        const unsigned known = typing.variables[kind.variable];
        for (unsigned variable : known != 0 ? std::vector{known} : scalar_types(set)) {
          for (unsigned type : apply_function(kind.function, variable)) add(variable, type);
        }
        out.has_vectors |= (set.lanes & ~1u) != 0 || set.dynamic != 0;
      }
    }
    out.all = std::move(next);
  };
  for (const ops::Operand& result : op.results) choose(result, &Typing::results);
  for (const ops::Operand& input : op.inputs) choose(input, &Typing::inputs);
  return out;
}

std::string show_types(const ops::Operation& op, const Typing& typing) {
  std::string text;
  for (const unsigned type : typing.inputs) {
    if (type != 0) text += (text.empty() ? "" : ", ") + type_name(type);
  }
  if (!typing.results.empty()) text += text.empty() ? "->" : " ->";
  for (size_t i = 0; i < typing.results.size(); ++i) {
    text += (i == 0 ? " " : ", ") + type_name(typing.results[i]);
  }
  return text;
}

// ---- numbers --------------------------------------------------------------------------------------------------------

using Number = unsigned __int128;

Number cut(Number value, unsigned width) { return width >= 128 ? value : value & ((Number{1} << width) - 1); }

std::vector<Number> float_edges(unsigned width, bool few) {
  const unsigned fraction = width == 16 ? 10 : width == 32 ? 23 : width == 64 ? 52 : 112;
  const Number one = 1, bias = (one << (width - fraction - 2)) - 1, infinity = (2 * bias + 1) << fraction;
  const auto power = [&](unsigned exponent) { return (bias + exponent) << fraction; };
  const Number quiet = one << (fraction - 1);
  std::vector<Number> list = {0, infinity, infinity | quiet, infinity | 1, power(0), power(1) | quiet, power(7), 1};
  if (!few) {
    for (Number more : {infinity | quiet | 5, infinity - 1, one << fraction, (one << fraction) - 1, power(0) - 1,
                        power(0) | 1, power(0) | quiet, power(2) | (quiet >> 1),
                        // Halves, the last of them where fractions end.
                        power(0) - (one << fraction), power(1) | (quiet >> 1), power(fraction - 1) | 1}) {
      list.push_back(more);
    }
    for (unsigned bits : {7u, 8u, 15u, 16u, 31u, 32u, 63u, 64u}) {
      if (bits > bias) continue;
      for (Number n : {power(bits), power(bits) - 1, power(bits) + 1}) list.push_back(n);
      if (bits <= fraction) list.push_back(power(bits) | (one << (fraction - bits)));
    }
  }
  const Number sign = one << (width - 1);
  for (size_t i = list.size(); i-- > 0;) list.push_back(list[i] | sign);
  return list;
}

std::vector<Number> edges(unsigned width, bool few) {
  const Number least = Number{1} << (width - 1), ones = ~Number{0};
  std::vector<Number> list = {0, 1, least - 1, least, ones, ones / 3, width - 1u, width};
  if (!few) {
    for (Number more :
         {Number{2}, Number{3}, Number{7}, Number{10}, Number{width + 1}, Number{width / 2}, least + 1, least - 2,
          ones - 1, ones - 2, ones - 9, ones / 3 * 2, (Number{1} << width / 2) - 1, Number{1} << width / 2,
          ones << width / 2, Number{0x0123456789abcdef} << 64 | 0x0123456789abcdef,
          Number{0x8040201008040201} << 64 | 0x8040201008040201}) {
      list.push_back(more);
    }
  }
  for (Number& value : list) value = cut(value, width);
  std::ranges::sort(list);
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

using Case = std::vector<Number>;  // by input; 0 for what is no value

// How many cases of an instance are wanted.
struct Amount {
  unsigned exhaustive_bits = 0;
  bool few_edges = false;
  unsigned random_cases = 0;
};

// All values if the inputs have at most so many bits, else edge values of all inputs crossed; then random ones, of
// which some are related to each other: equal, complementary, a short way apart.
std::vector<Case> cases_of(const Typing& typing, const Amount& amount, std::mt19937_64& random) {
  std::vector<size_t> values;
  unsigned bits = 0;
  for (size_t i = 0; i < typing.inputs.size(); ++i) {
    bits += type_width(typing.inputs[i]);
    if (typing.inputs[i] != 0) values.push_back(i);
  }
  const bool all = bits <= amount.exhaustive_bits;
  std::vector<Case> cases = {Case(typing.inputs.size())};
  for (size_t i : values) {
    const unsigned width = type_width(typing.inputs[i]);
    const bool few = amount.few_edges || values.size() > 2;
    std::vector<Number> list = typing.inputs[i] < kFloatType ? edges(width, few) : float_edges(width, few);
    if (all) {
      list.resize(size_t(1) << width);
      std::iota(list.begin(), list.end(), Number{0});
    }
    std::vector<Case> next;
    for (const Case& c : cases) {
      for (Number value : list) {
        next.push_back(c);
        next.back()[i] = value;
      }
    }
    cases = std::move(next);
  }
  for (unsigned n = 0; n < amount.random_cases && !values.empty() && !all; ++n) {
    Case c(typing.inputs.size());
    for (size_t k = 0; k < values.size(); ++k) {
      const unsigned width = type_width(typing.inputs[values[k]]);
      Number value = width > 64 ? (Number{random()} << 64 | random()) >> random() % 128 : random() >> random() % 64;
      if (k > 0 && random() % 4 == 0) {
        const Number other = c[values[k - 1]];
        const Number related[] = {other, ~other, -other, other + 1, other - 1};
        value = related[random() % 5];
      }
      c[values[k]] = cut(value, width);
    }
    cases.push_back(std::move(c));
  }
  return cases;
}

// ---- one combination ------------------------------------------------------------------------------------------------

// What an operation did: trapped with a code, or gave results.
struct Effect {
  ir::TrapCode trap;
  std::vector<Number> results;
  Number free = 0;    // bits of the first result that may be anything
  std::string other;  // the interpreter neither returned nor trapped; the solver gave no number
  bool operator==(const Effect&) const = default;
};

struct Instance {
  const ops::Operation& op;
  const Typing& typing;
  int condition = -1;                      // ir::IntCC, ir::FloatCC
  ir::TrapCode code;                       // of the operand, if there is one
  std::optional<uint64_t> immediate = {};  // of an imm64 or float operand
};

bool has_effect(const ops::Operation& op, std::string_view effect) {
  return std::ranges::find(op.effects, effect) != op.effects.end();
}

std::string show(const std::vector<Number>& numbers) {
  std::string text;
  for (Number n : numbers) {
    // As a signed number if it is a large one.
    const bool small = n >> 64 == 0;
    text += (text.empty() ? "" : ", ") +
            (small ? std::to_string(static_cast<uint64_t>(n)) : ir::to_string(ir::DataValue(ir::kI128, n)));
  }
  return text;
}

// A function of the operation alone: its values are the parameters.
std::string clif_of(const Instance& in) {
  std::string params, typed, operands, results, returns;
  unsigned next = 0;
  for (size_t i = 0; i < in.op.inputs.size(); ++i) {
    const std::string& kind = in.op.inputs[i].kind.name;
    std::string operand;
    if (in.typing.inputs[i] != 0) {
      const std::string type = type_name(in.typing.inputs[i]), value = "v" + std::to_string(next++);
      params += (params.empty() ? "" : ", ") + type;
      typed += (typed.empty() ? "" : ", ") + value + ": " + type;
      operand = value;
    } else if (kind == "intcc") {
      operands += " " + std::string(ir::to_string(static_cast<ir::IntCC>(in.condition)));
      continue;
    } else if (kind == "floatcc") {
      operands += " " + std::string(ir::to_string(static_cast<ir::FloatCC>(in.condition)));
      continue;
    } else if (kind.starts_with("ieee")) {
      operand = ir::float_to_string(*in.immediate, type_width(in.typing.results[0]));
    } else if (kind == "memflags") {
      continue;
    } else if (kind == "trapcode") {
      operand = ir::to_string(in.code);
    } else if (kind == "imm64") {
      operand = std::to_string(static_cast<int64_t>(*in.immediate));
    }
    const bool first = operands.empty() || (i > 0 && in.op.inputs[i - 1].kind.name.ends_with("cc"));
    operands += (first ? " " : ", ") + operand;
  }
  for (const unsigned type : in.typing.results) {
    results += (results.empty() ? "" : ", ") + ("v" + std::to_string(next++));
    returns += (returns.empty() ? "" : ", ") + type_name(type);
  }
  std::string name = in.op.name;
  if (in.op.polymorphic && !in.op.infers_type) name += "." + type_name(in.typing.variables[in.op.controlling]);
  std::string text = "function %f(" + params + ")" + (returns.empty() ? "" : " -> " + returns) + " {\nblock0";
  text += (typed.empty() ? "" : "(" + typed + ")") + ":\n    " + (results.empty() ? "" : results + " = ") + name;
  text += operands + "\n";
  if (!has_effect(in.op, "terminates_block")) text += "    return" + (results.empty() ? "" : " " + results) + "\n";
  return text + "}\n";
}

// The parameters' values of a case.
std::vector<ir::DataValue> arguments_of(const Instance& in, const Case& c) {
  std::vector<ir::DataValue> args;
  for (size_t i = 0; i < c.size(); ++i) {
    if (in.typing.inputs[i] != 0) args.emplace_back(type_of(in.typing.inputs[i]), c[i]);
  }
  return args;
}

std::string describe(const Effect& effect) {
  if (!effect.other.empty()) return effect.other;
  if (effect.trap.is_valid()) return "traps " + ir::to_string(effect.trap);
  if (effect.results.empty()) return "returns";
  return show(effect.results) + (effect.free != 0 ? " but for the bits " + show({effect.free}) : "");
}

// For `assay test`: what the definition says the interpreter should do.
std::string reproducer(const std::string& clif, const Instance& in, const Case& c, const Effect& expected) {
  std::string text = "test interpret\n\n" + clif + "; run: %f(";
  const std::vector<ir::DataValue> args = arguments_of(in, c);
  for (size_t i = 0; i < args.size(); ++i) text += (i == 0 ? "" : ", ") + ir::to_string(args[i]);
  text += ")";
  if (expected.trap.is_valid()) return text + " traps " + ir::to_string(expected.trap) + "\n";
  for (size_t i = 0; i < expected.results.size(); ++i) {
    const ir::DataValue value(type_of(in.typing.results[i]), expected.results[i]);
    text += (i == 0 ? " == " : ", ") + ir::to_string(value);
  }
  return text + "\n";
}

ir::TrapCode code_of(const Instance& in, const notation::Trap& trap) {
  for (const ops::Operand& input : in.op.inputs) {
    if (input.name == trap.code) return in.code;
  }
  return ir::parse_trap_code(trap.code).value_or(ir::TrapCode{});
}

// The number that input `id` of the semantics stands for.
Number input_of(const Instance& in, const Case& c, uint32_t id) {
  return in.op.inputs[id].kind.is_value() ? c[id] : Number{*in.immediate};
}

Effect evaluate(const Instance& in, const notation::Semantics& semantics, const Case& c,
                notation::Evaluation& scratch) {
  std::vector<notation::Bits> bits;
  for (const notation::Input& input : semantics.inputs) {
    bits.push_back(notation::bits_of(static_cast<__int128>(input_of(in, c, input.id)), input.width));
  }
  notation::evaluate(semantics, bits, nullptr, scratch);
  if (scratch.status == notation::EvaluateStatus::Trapped) return {.trap = code_of(in, semantics.traps[scratch.trap])};
  if (scratch.status != notation::EvaluateStatus::Done) return {.other = "touches memory"};
  Effect out;
  out.results.assign(in.typing.results.size(), 0);
  for (const notation::Assignment& a : semantics.results) {
    const notation::Bits& value = scratch.values[a.value];
    (a.id == kFreeId ? out.free : out.results[a.id]) = Number{value.words[1]} << 64 | value.words[0];
  }
  return out;
}

Effect interpret(const interpreter::Program& program, const Instance& in, const Case& c,
                 interpreter::Interpreter& machine, interpreter::Outcome& outcome) {
  machine.run(program, 0, arguments_of(in, c), {}, {}, outcome);
  if (outcome.kind == interpreter::OutcomeKind::Trapped) return {.trap = outcome.trap};
  if (outcome.kind != interpreter::OutcomeKind::Returned) return {.other = interpreter::describe(outcome)};
  Effect out;
  for (const ir::DataValue& value : outcome.results) out.results.push_back(value.bits());
  if (!outcome.free_bits.empty()) out.free = outcome.free_bits[0];
  return out;
}

// The semantics as solver terms over free constants.
class SolverTerms {
 public:
  SolverTerms(z3::context& context, const notation::Semantics& semantics)
      : context_(context), terms_(context), semantics_(semantics), free_(context), nodes_(context) {
    for (const notation::Input& input : semantics.inputs) free_.push_back(terms_.fresh(input.name, input.width));
    nodes_ = translate(
        terms_, semantics, [&](uint32_t i) { return z3::expr(free_[i]); },
        [&](uint32_t event, const z3::expr&) { return terms_.fresh("loaded", semantics.events[event].bits); });
  }

  Effect evaluate(const Instance& in, const Case& c) {
    z3::expr_vector numbers(context_);
    for (const notation::Input& input : semantics_.inputs) {
      const Number number = cut(input_of(in, c, input.id), input.width);
      const auto low = static_cast<uint64_t>(number), high = static_cast<uint64_t>(number >> 64);
      numbers.push_back(input.width <= 64 ? terms_.bv(input.width, low)
                                          : z3::concat(terms_.bv(input.width - 64, high), terms_.bv(64, low)));
    }
    const auto value = [&](notation::NodeId id) { return z3::expr(nodes_[id]).substitute(free_, numbers).simplify(); };
    for (const notation::Trap& trap : semantics_.traps) {
      const z3::expr condition = value(trap.condition);
      if (condition.is_true()) return {.trap = code_of(in, trap)};
      if (!condition.is_false()) return {.other = "no truth value for when " + trap.code + " strikes"};
    }
    Effect out;
    out.results.assign(in.typing.results.size(), 0);
    for (const notation::Assignment& a : semantics_.results) {
      const z3::expr result = value(a.value);
      const unsigned width = result.get_sort().bv_size();
      uint64_t low = 0, high = 0;
      const bool known = width <= 64 ? result.is_numeral_u64(low)
                                     : result.extract(63, 0).simplify().is_numeral_u64(low) &&
                                           result.extract(width - 1, 64).simplify().is_numeral_u64(high);
      if (!known) return {.other = "no number for " + a.name};
      (a.id == kFreeId ? out.free : out.results[a.id]) = Number{high} << 64 | low;
    }
    return out;
  }

 private:
  z3::context& context_;
  Terms terms_;
  const notation::Semantics& semantics_;
  z3::expr_vector free_, nodes_;
};

// ---- the operations that are not run --------------------------------------------------------------------------------

constexpr const char* kAccess = "memory: the prover knows it by name (values.cpp); executions judge it";
constexpr const char* kMemory = "memory: no proof uses its meaning; executions judge it";
constexpr const char* kControl = "control flow: a proof compares where both sides go; executions judge it";
constexpr const char* kCall = "follows the ABI, a contract that executions judge";
constexpr const char* kAddress = "an address that CLIF leaves open; executions judge what is done with it";
constexpr const char* kNoEffect = "no result, no effect";
constexpr const char* kUnwinding = "unwinding and stacks have no model; no proof uses its meaning";
constexpr const char* kPinned = "a register outside of CLIF's values";

// Why an operation has no `sem`.
constexpr std::pair<std::string_view, const char*> kWithoutMeaning[] = {
    {"jump", kControl},
    {"brif", kControl},
    {"br_table", kControl},
    {"return", kCall},
    {"call", kCall},
    {"call_indirect", kCall},
    {"return_call", kCall},
    {"return_call_indirect", kCall},
    {"try_call", kUnwinding},
    {"try_call_indirect", kUnwinding},
    {"get_exception_handler_address", kUnwinding},
    {"stack_switch", kUnwinding},
    {"debugtrap", "stops in a debugger: no result"},
    {"nop", kNoEffect},
    {"sequence_point", kNoEffect},
    {"fence", "orders memory accesses: one thread cannot tell"},
    {"func_addr", kAddress},
    {"stack_addr", kAddress},
    {"dynamic_stack_addr", kAddress},
    {"symbol_value", kAddress},
    {"tls_value", kAddress},
    {"get_frame_pointer", kAddress},
    {"get_stack_pointer", kAddress},
    {"get_return_address", kAddress},
    {"get_pinned_reg", kPinned},
    {"set_pinned_reg", kPinned},
    {"load", kAccess},
    {"store", kAccess},
    {"uload8", kAccess},
    {"sload8", kAccess},
    {"istore8", kAccess},
    {"uload16", kAccess},
    {"sload16", kAccess},
    {"istore16", kAccess},
    {"uload32", kAccess},
    {"sload32", kAccess},
    {"istore32", kAccess},
    {"atomic_rmw", kMemory},
    {"atomic_cas", kMemory},
    {"atomic_load", kMemory},
    {"atomic_store", kMemory},
    {"f128const", "a constant of the pool; no proof uses its meaning"},
    {"x86_cvtt2dq", "shaped like a vector instruction; no proof uses its meaning"},
    {"blendv", "shaped like a vector instruction; no proof uses its meaning"},
};

Judgement without_meaning(const ops::Operation& op, const Typings& typings) {
  Judgement row{.name = op.name, .state = JudgementState::NotJudged};
  if (typings.all.empty()) {
    row.types = "vectors";
    row.reason = "outside the scalar types";
    return row;
  }
  for (const auto& [name, reason] : kWithoutMeaning) {
    if (name == op.name) row.reason = reason;
  }
  if (row.reason.empty()) {
    row.state = JudgementState::Missing;
    row.reason = "has no sem: write one in operations.ops, or say in verify/operation_check.cpp why it has none";
  }
  return row;
}

// ---- the check ------------------------------------------------------------------------------------------------------

class Check {
 public:
  Check(Definitions& definitions, const OperationCheckOptions& options)
      : definitions_(definitions), file_(definitions.operations()), options_(options), random_(options.seed) {}

  void operation(int index, std::vector<Judgement>& rows) {
    const ops::Operation& op = file_.operations[index];
    const Typings typings = typings_of(file_, op);
    if (op.sem.empty() && op.traps.empty()) {
      rows.push_back(without_meaning(op, typings));
      return;
    }
    for (const Typing& typing : typings.all) {
      Judgement row{.name = op.name, .types = show_types(op, typing), .state = JudgementState::Holds};
      at_types(index, typing, row);
      rows.push_back(std::move(row));
    }
    if (typings.has_vectors) {
      rows.push_back({.name = op.name,
                      .types = "vectors",
                      .state = JudgementState::NotJudged,
                      .reason = "outside the scalar types"});
    }
  }

 private:
  // Every condition, a few trap codes, edge immediates, whatever the operation has.
  void at_types(int index, const Typing& typing, Judgement& row) {
    const ops::Operation& op = file_.operations[index];
    const auto has = [&](std::string_view kind) {
      return std::ranges::any_of(op.inputs, [&](const ops::Operand& input) { return input.kind.name == kind; });
    };
    const auto fails = [&] { return row.state == JudgementState::Fails; };
    if (has("intcc")) {
      for (unsigned cc = 0; cc < ir::kIntCCCount && !fails(); ++cc) {
        instance(index, {.op = op, .typing = typing, .condition = static_cast<int>(cc)}, row);
      }
    } else if (has("floatcc")) {
      for (unsigned cc = 0; cc < ir::kFloatCCCount && !fails(); ++cc) {
        instance(index, {.op = op, .typing = typing, .condition = static_cast<int>(cc)}, row);
      }
    } else if (has("ieee16") || has("ieee32") || has("ieee64")) {
      for (const Number immediate : float_edges(type_width(typing.results[0]), false)) {
        if (!fails()) instance(index, {.op = op, .typing = typing, .immediate = uint64_t(immediate)}, row);
      }
    } else if (has("trapcode")) {
      for (const ir::TrapCode code : {ir::TrapCode::user(1), ir::TrapCode::user(250), ir::kHeapOutOfBounds}) {
        if (!fails()) instance(index, {.op = op, .typing = typing, .code = code}, row);
      }
    } else if (has("imm64")) {
      // As a signed number of the type: that is how its text is read back.
      const unsigned width = typing.results.empty() ? 64 : typing.results[0];
      std::vector<Number> immediates = edges(width, false);
      for (unsigned n = 0; n < options_.random_cases / 4; ++n) immediates.push_back(cut(random_(), width));
      for (const Number immediate : immediates) {
        const auto number = static_cast<uint64_t>(immediate);
        const auto value = static_cast<uint64_t>(static_cast<int64_t>(number << (64 - width)) >> (64 - width));
        if (!fails()) instance(index, {.op = op, .typing = typing, .immediate = value}, row);
      }
    } else {
      instance(index, {.op = op, .typing = typing}, row);
    }
  }

  // Floats, and what the expression language cannot do with them.
  static bool is_outside(const Typing& typing) {
    bool floats = false, unusual = false;
    for (const std::vector<unsigned>* list : {&typing.inputs, &typing.results}) {
      for (const unsigned type : *list) {
        floats |= type >= kFloatType;
        unusual |= type == 128 || type == kFloatType + 128;
      }
    }
    return floats && unusual;
  }

  void instance(int index, const Instance& in, Judgement& row) {
    const auto fail = [&](std::string reason) {
      row.state = JudgementState::Fails;
      row.reason = std::move(reason);
    };
    std::string reason;
    const notation::Semantics* semantics = definitions_.operation_semantics(
        index, widths_of(in.typing.inputs), widths_of(in.typing.results), in.condition, reason);
    if (semantics == nullptr && is_outside(in.typing)) {
      row.state = JudgementState::NotJudged;
      row.reason = "the expression language computes with floats of 16 to 64 bits, and integers of up to 64";
      return;
    }
    if (semantics == nullptr) return fail(reason);
    const auto results = std::ranges::count_if(semantics->results,
                                               [](const notation::Assignment& result) { return result.id != kFreeId; });
    if (!in.op.sem.empty() && static_cast<size_t>(results) != in.typing.results.size())
      return fail("the sem leaves a result open");
    const std::string clif = clif_of(in);
    const auto function = ir::parse_function(clif);
    if (!function) return fail("its function does not parse: " + function.error()[0].message + "\n" + clif);
    if (const Diagnostics errors = ir::verify(*function); !errors.empty()) {
      return fail("its function does not verify: " + errors[0].message + "\n" + clif);
    }
    program_.clear();
    program_.add(*function);
    program_.link();

    const auto differs = [&](const Case& c, const Effect& expected, const char* who, const Effect& actual) {
      std::vector<Number> values;
      for (const ir::DataValue& value : arguments_of(in, c)) values.push_back(value.bits());
      fail("on (" + show(values) + ") the definition " + describe(expected) + ", " + who + " " + describe(actual));
      row.reproducer = reproducer(clif, in, c, expected);
    };
    for (const Case& c : cases_of(in.typing, {options_.exhaustive_bits, false, options_.random_cases}, random_)) {
      ++row.cases;
      const Effect expected = evaluate(in, *semantics, c, evaluation_);
      const Effect run = interpret(program_, in, c, interpreter_, outcome_);
      if (run != expected) return differs(c, expected, "the interpreter", run);
    }
    SolverTerms solver(context_, *semantics);
    std::vector<Case> cases = cases_of(in.typing, {0, true, options_.solver_cases / 4}, random_);
    std::ranges::shuffle(cases, random_);
    for (size_t i = 0; i < std::min<size_t>(cases.size(), options_.solver_cases); ++i) {
      ++row.cases;
      const Effect expected = evaluate(in, *semantics, cases[i], evaluation_);
      const Effect solved = solver.evaluate(in, cases[i]);
      if (solved != expected) return differs(cases[i], expected, "the solver's term", solved);
    }
  }

  Definitions& definitions_;
  const ops::OpsFile& file_;
  const OperationCheckOptions& options_;
  std::mt19937_64 random_;
  z3::context context_;
  interpreter::Interpreter interpreter_;
  interpreter::Program program_;
  interpreter::Outcome outcome_;
  notation::Evaluation evaluation_;
};

}  // namespace

Expected<std::vector<Judgement>> check_operations(std::string_view operations, const OperationCheckOptions& options) {
  Diagnostics errors;
  const std::unique_ptr<Definitions> definitions = Definitions::load({}, {}, operations, errors);
  if (definitions == nullptr) return std::unexpected(errors[0]);
  std::vector<Judgement> rows;
  Check check(*definitions, options);
  for (size_t i = 0; i < definitions->operations().operations.size(); ++i) {
    if (!options.only.empty() && definitions->operations().operations[i].name != options.only) continue;
    check.operation(static_cast<int>(i), rows);
  }
  return rows;
}

Expected<std::vector<Judgement>> check_operations(const OperationCheckOptions& options) {
  for (const IsaKind isa : kAllIsas) {
    if (const RuleSources* sources = rule_sources(isa)) return check_operations(sources->operations, options);
  }
  return fail("no backend is part of this build");
}

}  // namespace assay::verify
