// See helper_check.h. The terms are called from within the lowering of a function that has every constant the check
// needs: its context is then in the state in which rules call them.
#include "verify/helper_check.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <map>
#include <random>

#include "compiler/ir/parser.h"
#include "compiler/isa/registry.h"
#include "compiler/support/softfloat.h"
#include "verify/expand.h"
#include "verify/helper_table.h"
#include "verify/rule_sources.h"
#include "verify/spec.h"

namespace assay::verify {

namespace {

constexpr unsigned kWidths[] = {8, 16, 32, 64};

using Number = unsigned __int128;

Number cut(Number value, unsigned width) { return value & (~Number(0) >> (128 - width)); }

// ---- numbers --------------------------------------------------------------------------------------------------------

// Numbers that a second argument may meet a first one with: equal, complementary, what fits so many bits, amounts.
std::vector<Number> related(Number first) {
  const auto high = static_cast<uint64_t>(first >> 64);
  const int size = high != 0 ? 64 + std::bit_width(high) : std::bit_width(static_cast<uint64_t>(first));
  std::vector<Number> list = {first, ~first, -first, 0, 1, 31, 32, 63, 64, 65, static_cast<Number>(size - 1)};
  if (first > 128) return list;
  for (const unsigned bit : {static_cast<unsigned>(first), static_cast<unsigned>(first) - 1}) {
    if (bit > 127) continue;
    for (const Number d : {~Number(0), Number(0), Number(1)}) {
      list.push_back((Number(1) << bit) + d);
      list.push_back(-(Number(1) << bit) + d);
    }
  }
  return list;
}

// The bits of floats: zeros, numbers with few digits of all magnitudes, those next to them, subnormal numbers,
// infinities, NaNs; random ones.
std::vector<Number> make_float_cases(unsigned width) {
  const FloatFormat format = float_format(width);
  const unsigned fraction = format.fraction_bits();
  const Number sign = format.sign_bit(), one = Number(1) << fraction, exponents = sign >> fraction;
  std::vector<Number> list;
  const Number bias = exponents / 2 - 1;
  for (const int64_t e :
       {-150, -30, -2, -1, 0, 1, 2, 3, 6, 7, 8, 14, 15, 16, 22, 23, 24, 30, 31, 32, 51, 52, 53, 62, 63, 64, 65, 120}) {
    for (const Number digits : {Number(0), one >> 1, one - 1, one >> 2 | 1}) {
      list.push_back(((bias + static_cast<Number>(e)) << fraction) + digits);
    }
  }
  for (const Number exponent : {Number(0), Number(1), exponents - 2, exponents - 1}) {
    for (const Number digits : {Number(0), Number(1), one >> 1, one - 1}) list.push_back(exponent << fraction | digits);
  }
  std::mt19937_64 random(5);
  for (int n = 0; n < 40; ++n) {
    // Of one magnitude, so that they round and cancel; of any.
    const auto digits = [&] { return Number(random()) << 64 | random(); };
    list.push_back((bias + random() % 4) << fraction | (digits() & (one - 1)));
    list.push_back(digits() & (sign - 1));
  }
  for (size_t i = 0, positive = list.size(); i < positive; ++i) list.push_back(list[i] | sign);
  for (Number& n : list) n = cut(n, width);
  std::ranges::sort(list);
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

// Made once for each width: they are asked for at every first argument.
const std::vector<Number>& float_cases(unsigned width) {
  static const std::map<unsigned, std::vector<Number>> lists = [] {
    std::map<unsigned, std::vector<Number>> out;
    for (const unsigned bits : {16u, 32u, 64u, 128u}) out.emplace(bits, make_float_cases(bits));
    return out;
  }();
  return lists.at(width);
}

// Of one half or of both, in turn.
std::vector<Number> wide_number_cases() {
  std::vector<Number> list = {Number(1) << 63, Number(1) << 127, ~Number(0)};
  for (const uint64_t n : number_cases(64)) {
    const Number high = Number(n) << 64;
    list.push_back(list.size() % 3 == 0 ? n : list.size() % 3 == 1 ? high : high | ~n);
  }
  return list;
}

// ---- models ---------------------------------------------------------------------------------------------------------

// How the values of a type of the rules are spec values.
struct Model {
  enum class Kind : uint8_t { None, Type, Value, Bool, Number, Variant } kind = Kind::None;
  unsigned width = 0;                // Number
  bool is_float = false;             // Number: its bits
  const isle::Type* type = nullptr;  // Variant: an enum without fields
};

// A type as rules see it (symbol.h).
bool is_scalar(ir::Type type) { return type.is_int() || type.is_float(); }
unsigned type_number(ir::Type type) { return type.bits() + (type.is_float() ? kFloatType : 0); }

Model model_of(const isle::Program& program, isle::TypeId id) {
  const isle::Type& type = program.types[id];
  if (type.kind == isle::Type::Kind::Bool) return {Model::Kind::Bool};
  if (type.kind == isle::Type::Kind::Int) return {Model::Kind::Number, type.bits};
  if (type.name == "Type") return {Model::Kind::Type};
  if (type.name == "Value") return {Model::Kind::Value};
  if (type.kind == isle::Type::Kind::Enum &&
      std::ranges::all_of(type.variants, [](const isle::Variant& variant) { return variant.fields.empty(); })) {
    return {.kind = Model::Kind::Variant, .type = &type};
  }
  for (const isle::ast::Model& model : program.definitions.models) {
    if (model.name.text == type.name && model.type.kind == isle::ast::ModelType::Kind::BitVector && model.type.width) {
      return {Model::Kind::Number, *model.type.width, type.name.starts_with("Ieee")};
    }
  }
  return {};
}

std::vector<HelperValue> domain(const Model& model) {
  std::vector<HelperValue> list;
  switch (model.kind) {
    case Model::Kind::None:
      break;
    case Model::Kind::Bool:
      return {{.bits = 0}, {.bits = 1}};
    case Model::Kind::Number:
      if (model.is_float || model.width == 128) {
        for (const Number n : model.is_float ? float_cases(model.width) : wide_number_cases()) {
          list.push_back({.bits = n});
        }
        break;
      }
      for (const uint64_t n : number_cases(model.width)) list.push_back({.bits = n});
      break;
    case Model::Kind::Variant:
      for (uint64_t n = 0; n < model.type->variants.size(); ++n) list.push_back({.bits = n});
      break;
    case Model::Kind::Type:
      // Vectors have no model: rules for scalars must not see them.
      for (const ir::Type type : {ir::kI8, ir::kI16, ir::kI32, ir::kI64, ir::kI128, ir::kF16, ir::kF32, ir::kF64,
                                  ir::kF128, ir::kI8x8, ir::kI16x4, ir::kF32x2, ir::kI8x16, ir::kI64x2}) {
        list.push_back({.type = type});
      }
      break;
    case Model::Kind::Value:
      for (unsigned width : kWidths) {
        for (uint64_t n : number_cases(width)) list.push_back({.type = ir::Type::integer(width), .bits = n});
        list.push_back({.type = ir::Type::integer(width), .is_constant = false});
      }
      for (const ir::Type type : {ir::kI128, ir::kF32, ir::kF64}) list.push_back({.type = type, .is_constant = false});
      break;
  }
  return list;
}

std::string show(const HelperValue& v, const Model& model) {
  if (model.kind == Model::Kind::Type) return v.type.to_string();
  char text[48];
  const auto high = static_cast<unsigned long long>(v.bits >> 64), low = static_cast<unsigned long long>(v.bits);
  std::snprintf(text, sizeof text, high != 0 ? "0x%llx%016llx" : "0x%.0llx%llx", high, low);
  if (model.kind != Model::Kind::Value) return text;
  return (v.is_constant ? text : std::string("a value")) + ": " + v.type.to_string();
}

// ---- the context ----------------------------------------------------------------------------------------------------

// Calls `body` in a context of the ISA that is lowering a function with all constants of the domain of Value.
class Probe {
 public:
  explicit Probe(const machine::TargetIsa& isa) : isa_(isa) {
    std::string params, constants;
    uint32_t next = 0;
    for (unsigned width : kWidths) {
      const std::string type = "i" + std::to_string(width);
      params += (params.empty() ? "" : ", ") + ("v" + std::to_string(next)) + ": " + type;
      types_ += (types_.empty() ? "" : ", ") + type;
      variables_[width] = ir::Value(next++);
    }
    for (const ir::Type type : {ir::kF32, ir::kF64}) {
      params += ", v" + std::to_string(next) + ": " + type.to_string();
      types_ += ", " + type.to_string();
      variables_[type_number(type)] = ir::Value(next++);
    }
    for (unsigned width : kWidths) {
      for (uint64_t n : number_cases(width)) {
        const int64_t number = static_cast<int64_t>(n << (64 - width)) >> (64 - width);
        constants += "    v" + std::to_string(next) + " = iconst.i" + std::to_string(width) + " " +
                     std::to_string(number) + "\n";
        constants_[{width, n}] = ir::Value(next++);
      }
    }
    constants += "    v" + std::to_string(next) + " = uextend.i128 v3\n";  // there is no constant of that type
    variables_[128] = ir::Value(next++);
    // Some that rules may look through, and some that they may not.
    for (const char* operation :
         {"iadd v3, v3", "ineg v3", "uextend.i64 v2", "icmp slt v2, v2", "imul v3, v3", "udiv v3, v3", "sdiv v3, v3",
          "srem v2, v2", "uadd_overflow_trap v3, v3, user1", "load.i64 v3", "load.i32 notrap readonly v3",
          "uload8.i64 v3", "get_pinned_reg.i64"}) {
      constants += "    v" + std::to_string(next++) + " = " + operation + "\n";
    }
    text_ = "function %f(" + types_ + ") {\nblock0(" + params + "):\n" + constants + "    return\n}\n";
  }

  Expected<void> run(std::function<void(const HelperContext&)> body) {
    auto function = ir::parse_function(text_);
    if (!function) return std::unexpected(function.error()[0]);
    machine::TargetIsa isa = isa_;
    isa.lower = [](machine::LowerContext& context, ir::Inst) -> std::optional<machine::InstOutput> {
      if (Probe* probe = std::exchange(current_, nullptr)) {
        probe->body_({.lower = &context, .value = [probe](const HelperValue& v) { return probe->value(v); }});
      }
      return std::nullopt;  // this is no rule; the function is refused, which is all the same
    };
    body_ = std::move(body);
    current_ = this;
    const std::unique_ptr<machine::LowerContext> context = isa.make_context();
    isle::RuleState rules(isa.rules);
    machine::VCode code;
    (void)context->lower_function(*function, isa, {}, rules, code);
    if (std::exchange(current_, nullptr) != nullptr) return fail("the function of constants was not lowered");
    return {};
  }

 private:
  ir::Value value(const HelperValue& v) const {
    return v.is_constant ? constants_.at({v.type.bits(), static_cast<uint64_t>(v.bits)})
                         : variables_.at(type_number(v.type));
  }

  static thread_local Probe* current_;  // what TargetIsa::lower, which takes no user data, is to call
  const machine::TargetIsa& isa_;
  std::string types_, text_;
  std::map<unsigned, ir::Value> variables_;  // by type
  std::map<std::pair<unsigned, uint64_t>, ir::Value> constants_;
  std::function<void(const HelperContext&)> body_;
};
thread_local Probe* Probe::current_ = nullptr;

// ---- the check ------------------------------------------------------------------------------------------------------

class Check {
 public:
  Check(Definitions& definitions, const HelperTable& table, const HelperCheckOptions& options)
      : definitions_(definitions),
        program_(definitions.program()),
        table_(table),
        options_(options),
        terms_(context_),
        functions_([this](const std::string& name, const std::vector<SpecValue>& arguments) {
          return call_spec_function(definitions_, terms_, name, arguments);
        }) {}
  Check(const Check&) = delete;  // functions_ calls back
  Check& operator=(const Check&) = delete;

  // All of the program's, in its order.
  void run(const HelperContext& context, std::vector<Judgement>& rows) {
    const auto wanted = [&](const std::string& name) { return options_.only.empty() || options_.only.contains(name); };
    size_t instruction_terms = 0;
    for (const isle::Constant& constant : program_.constants) {
      if (wanted("$" + constant.name)) rows.push_back(this->constant(constant));
    }
    for (const isle::Term& term : program_.terms) {
      if (definitions_.find_instruction(term.name) >= 0) {
        ++instruction_terms;
        continue;
      }
      if (!wanted(term.name) || has_tag(term, "node")) continue;
      if (definitions_.instructions().isa.find_feature(term.name) >= 0) {
        rows.push_back({.name = term.name,
                        .types = "-> Unit",
                        .state = JudgementState::NotJudged,
                        .reason = "a feature: true if its bit is in the set; filetests run with it and without"});
        continue;
      }
      if (term.is_external_constructor()) rows.push_back(this->term(term, false, context));
      if (term.is_external_extractor()) rows.push_back(this->term(term, true, context));
    }
    if (options_.only.empty() && instruction_terms != 0) {
      rows.push_back(
          {.name = "(instructions)",
           .state = JudgementState::NotJudged,
           .reason = std::to_string(instruction_terms) +
                     " terms that emit one instruction each: its conformance and encoding checks judge them"});
    }
  }

 private:
  // A constructor is given its arguments and yields `result`; an extractor is given `result` and yields its argument.
  struct Subject {
    const isle::Term& term;
    const isle::ast::Spec& spec;
    const HelperFunction& function;
    bool is_extractor = false;
    std::vector<Model> given = {};
    std::vector<std::string> names = {};  // of what is given, in the spec
    Model yielded = {};
    std::string yielded_name = {};
    bool is_partial = false, is_weaker = false;
  };

  Judgement term(const isle::Term& term, bool as_extractor, const HelperContext& context) {
    Judgement row{.name = term.name, .types = signature(term), .state = JudgementState::Missing};
    // A term may be both; then the table tells them apart.
    const bool both = term.is_external_constructor() && term.is_external_extractor();
    const std::string key = term.name + (both && as_extractor ? " extractor" : "");
    if (const auto contract = table_.contracts.find(key); contract != table_.contracts.end()) {
      row.reason = contract->second(context, term.name, row.cases);
      row.state = row.reason.empty() ? JudgementState::Holds : JudgementState::Fails;
      return row;
    }
    const auto function = table_.functions.find(key);
    if (function == table_.functions.end()) {
      const auto reason = table_.without_values.find(key);
      if (reason == table_.without_values.end()) {
        row.reason =
            "no check: give \"" + key +
            "\" a line in verify/helper_table.cpp or helper_optimizer.cpp: its C++ among the functions or, if " +
            "there is nothing to compare, the reason among the terms without values";
      } else {
        row.state = JudgementState::NotJudged;
        row.reason = reason->second;
      }
      return row;
    }
    if (term.specs.empty()) {
      row.reason = "yields values but has no spec: without one every rule that uses it is unknown";
      return row;
    }
    row.state = JudgementState::Holds;
    Subject subject{.term = term, .spec = *term.specs[0], .function = function->second, .is_extractor = as_extractor};
    judge(subject, context, row);
    return row;
  }

  Judgement constant(const isle::Constant& constant) {
    Judgement row{
        .name = "$" + constant.name, .types = program_.types[constant.type].name, .state = JudgementState::Missing};
    const auto found = table_.constants.find(constant.name);
    if (found == table_.constants.end()) {
      row.reason = "no check: give \"" + constant.name + "\" a line among the constants of verify/helper_table.cpp";
      return row;
    }
    // Proofs read the width off the name (patterns.cpp).
    row.cases = 1;
    const ir::Type type = found->second;
    row.state = is_scalar(type) && type_number(type) == type_constant(constant.name) ? JudgementState::Holds
                                                                                     : JudgementState::Fails;
    if (row.state == JudgementState::Fails) row.reason = "stands for " + type.to_string();
    return row;
  }

  std::string signature(const isle::Term& term) const {
    std::string text;
    for (const isle::TypeId type : term.arguments) text += (text.empty() ? "" : ", ") + program_.types[type].name;
    return text + (text.empty() ? "-> " : " -> ") + program_.types[term.result].name;
  }

  void judge(Subject& subject, const HelperContext& context, Judgement& row) {
    const auto fails = [&](std::string reason) {
      row.state = JudgementState::Fails;
      row.reason = std::move(reason);
    };
    const isle::Term& term = subject.term;
    const isle::ast::Spec& spec = subject.spec;
    if (spec.arguments.size() != term.arguments.size()) return fails("the spec has another number of arguments");
    if (spec.provides.empty()) return fails("the spec provides nothing");
    if (subject.is_extractor) {
      if (term.arguments.size() != 1) return fails("yields several fields: helper_check.cpp knows extractors of one");
      subject.given = {model_of(program_, term.result)};
      subject.names = {"result"};
      subject.yielded = model_of(program_, term.arguments[0]);
      subject.yielded_name = spec.arguments[0].text;
    } else {
      for (size_t i = 0; i < term.arguments.size(); ++i) {
        subject.given.push_back(model_of(program_, term.arguments[i]));
        subject.names.push_back(spec.arguments[i].text);
      }
      subject.yielded = model_of(program_, term.result);
      subject.yielded_name = "result";
    }
    subject.is_partial = subject.is_extractor ? !term.extractor_is_infallible : term.flags.is_partial;
    subject.is_weaker |= has_tag(term, "partial_spec");
    if (subject.is_weaker && !subject.is_partial) return fails("is tagged partial_spec but always succeeds");

    size_t answered = 0, declined = 0;
    try {
      for (const std::vector<HelperValue>& arguments : cases(subject.given)) {
        if (std::string problem = run(subject, context, arguments, row.cases, answered, declined); !problem.empty()) {
          std::string shown;
          for (size_t i = 0; i < arguments.size(); ++i) {
            shown += (i == 0 ? "" : ", ") + show(arguments[i], subject.given[i]);
          }
          return fails("on (" + shown + ") " + problem);
        }
      }
    } catch (const SpecError& error) {
      return fails("spec: " + error.message);
    } catch (const z3::exception& error) {
      return fails(std::string("spec: ") + error.msg());
    }
    if (answered == 0) return fails("answers on none of the " + std::to_string(row.cases) + " cases");
    if (subject.is_weaker) {
      row.state = JudgementState::Weaker;
      row.reason = "the spec does not say when it succeeds: declined " + std::to_string(declined) + " of " +
                   std::to_string(answered + declined) + " cases that the spec allows";
    }
  }

  // All combinations, if there is one argument; else for each first argument those related to it and a few of all.
  std::vector<std::vector<HelperValue>> cases(const std::vector<Model>& models) {
    std::vector<std::vector<HelperValue>> all = {{}};
    std::mt19937_64 random(options_.seed);
    for (size_t i = 0; i < models.size(); ++i) {
      const std::vector<HelperValue> domain_of_model = domain(models[i]);
      std::vector<std::vector<HelperValue>> next;
      for (const std::vector<HelperValue>& before : all) {
        const auto add = [&](const HelperValue& value) {
          next.push_back(before);
          next.back().push_back(value);
        };
        // A number of any type is one of that which is named before it.
        const ir::Type type = models[i].width == 128 ? last_type(models, before) : ir::Type();
        const bool is_float = type.is_valid() && type.is_float();
        std::vector<HelperValue> floats;
        if (is_float) {
          for (const Number n : float_cases(type.bits())) floats.push_back({.bits = n});
        }
        const std::vector<HelperValue>& list = is_float ? floats : domain_of_model;
        if (i == 0 || list.size() <= 16) {
          for (const HelperValue& value : list) add(value);
          continue;
        }
        const Model::Kind previous = models[i - 1].kind, kind = models[i].kind;
        if (is_float && previous == Model::Kind::Number) {
          const Number bits = before.back().bits, sign = Number(1) << (type.bits() - 1);
          for (const Number n : {bits, bits ^ sign, bits ^ 1, bits ^ sign ^ 1}) add({.bits = n});
        } else if (kind == Model::Kind::Number && previous == Model::Kind::Number) {
          for (const Number n : related(before.back().bits)) add({.bits = cut(n, models[i].width)});
        }
        unsigned count = options_.random_cases;
        if (is_float && previous == Model::Kind::Type) {
          for (const HelperValue& value : list) add(value);
          continue;
        }
        if (kind == Model::Kind::Number && previous == Model::Kind::Type) {
          // Of the type's numbers: all, if they are few.
          const unsigned width = before.back().type.bits();
          if (width == 8) {
            for (uint64_t n = 0; n < 256; ++n) add({.bits = n});
          }
          for (const Number n : related(width)) add({.bits = cut(n, models[i].width)});
          count *= 4;
        }
        if (previous == Model::Kind::Variant) count *= 8;
        for (unsigned n = 0; n < count; ++n) add(list[random() % list.size()]);
      }
      all = std::move(next);
    }
    return all;
  }

  static ir::Type last_type(const std::vector<Model>& models, const std::vector<HelperValue>& values) {
    for (size_t i = values.size(); i-- > 0;) {
      if (models[i].kind == Model::Kind::Type) return values[i].type;
    }
    return {};
  }

  // What is wrong with the C++'s answer on these arguments, or nothing.
  std::string run(const Subject& subject, const HelperContext& context, const std::vector<HelperValue>& arguments,
                  size_t& cases, size_t& answered, size_t& declined) {
    SpecEnvironment env;
    env.functions = &functions_;
    bool has_model = true;
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (subject.given[i].kind == Model::Kind::Type && !is_scalar(arguments[i].type)) {
        has_model = false;
      } else {
        env.insert_or_assign(subject.names[i], spec_value(arguments[i], subject.given[i]));
      }
    }
    if (!has_model) {
      if (!subject.is_partial) return "";  // the rules never ask
      ++cases;
      return subject.function(context, arguments) ? "succeeds, but vector types have no model" : "";
    }
    const bool allowed = requirements_hold(subject, env);
    if (!allowed && !subject.is_partial) return "";  // proofs oblige the rules not to ask
    ++cases;
    const HelperAnswer answer = subject.function(context, arguments);
    if (!answer) {
      if (!subject.is_partial) return "gives nothing";
      declined += allowed;
      return allowed && !subject.is_weaker ? "declines, where the spec's requirements hold" : "";
    }
    ++answered;
    if (!allowed)
      return "succeeds with " + show(*answer, subject.yielded) + ", where the spec's requirements do not hold";
    env.insert_or_assign(subject.yielded_name, spec_value(*answer, subject.yielded));
    for (const isle::ast::SpecExpr& e : subject.spec.provides) {
      if (!evaluate_condition(terms_, e, env).simplify().is_true()) {
        return "gives " + show(*answer, subject.yielded) + ", of which the spec does not hold";
      }
    }
    return "";
  }

  // As a proof does it: what an extractor yields follows from its spec's `provide`s.
  bool requirements_hold(const Subject& subject, SpecEnvironment env) {
    if (subject.is_extractor) {
      for (const isle::ast::SpecExpr& e : subject.spec.provides) bind_by_definition(terms_, e, env);
    }
    for (const isle::ast::SpecExpr& e : subject.spec.requirements) {
      if (!evaluate_condition(terms_, e, env).simplify().is_true()) return false;
    }
    return true;
  }

  SpecValue spec_value(const HelperValue& v, const Model& model) {
    switch (model.kind) {
      case Model::Kind::Type:
        return SpecValue::of(static_cast<int64_t>(type_number(v.type)));
      case Model::Kind::Bool:
        return SpecValue::of(terms_.boolean(v.bits != 0));
      case Model::Kind::Number:
        return SpecValue::of(number(v.bits, model.width));
      case Model::Kind::Variant:
        return {.kind = SpecValue::Kind::Variant, .integer = static_cast<int64_t>(v.bits), .type = model.type};
      case Model::Kind::Value: {
        SpecValue value =
            SpecValue::of(v.is_constant ? number(v.bits, v.type.bits()) : terms_.fresh("value", v.type.bits()));
        value.value_type = type_number(v.type);
        return value;
      }
      case Model::Kind::None:
        break;
    }
    throw SpecError{"a type without a model"};
  }

  z3::expr number(Number bits, unsigned width) {
    bits = cut(bits, width);
    if (bits >> 64 == 0) return terms_.bv(width, static_cast<uint64_t>(bits));
    const z3::expr both =
        z3::concat(terms_.bv(64, static_cast<uint64_t>(bits >> 64)), terms_.bv(64, static_cast<uint64_t>(bits)));
    return both.extract(width - 1, 0).simplify();
  }

  Definitions& definitions_;
  const isle::Program& program_;
  const HelperTable& table_;
  const HelperCheckOptions& options_;
  z3::context context_;
  Terms terms_;
  const SpecFunctions functions_;
};

}  // namespace

// Small numbers, those next to powers of two and their negatives, runs of ones that repeat (masks), random ones.
std::vector<uint64_t> number_cases(unsigned width) {
  std::vector<uint64_t> list;
  if (width <= 8) {
    for (uint64_t n = 0; n < uint64_t(1) << width; ++n) list.push_back(n);
    return list;
  }
  for (uint64_t n = 0; n <= 70; ++n) list.push_back(n);
  for (unsigned bit = 0; bit < width; ++bit) {
    for (int64_t d = -1; d <= 1; ++d) {
      list.push_back((uint64_t(1) << bit) + uint64_t(d));
      list.push_back(-(uint64_t(1) << bit) + uint64_t(d));
    }
  }
  std::mt19937_64 random(7);
  for (int n = 0; n < 150; ++n) {
    const unsigned size = 2u << random() % 6;
    uint64_t element = (uint64_t(1) << (1 + random() % (size - 1))) - 1;
    for (unsigned filled = size; filled < 64; filled *= 2) element |= element << filled;
    list.push_back(std::rotl(element, static_cast<int>(random() % 64)));
    if (n % 5 == 0) list.back() ^= uint64_t(1) << random() % 64;
    list.push_back(random() >> random() % 64);
  }
  for (uint64_t& n : list) n = static_cast<uint64_t>(cut(n, width));
  std::ranges::sort(list);
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

Expected<std::vector<Judgement>> check_helpers(const machine::TargetIsa& isa, const RuleSources& sources,
                                               const HelperTable& table, const HelperCheckOptions& options) {
  Diagnostics errors;
  const auto definitions = load_definitions(sources, errors);
  if (definitions == nullptr) return std::unexpected(errors[0]);
  std::vector<Judgement> rows;
  Check check(*definitions, table, options);
  Probe probe(isa);
  const Expected<void> ran = probe.run([&](const HelperContext& context) { check.run(context, rows); });
  if (!ran) return std::unexpected(ran.error());
  return rows;
}

Expected<std::vector<Judgement>> check_helpers(const HelperContext& context, const RuleSources& sources,
                                               const HelperTable& table, const HelperCheckOptions& options) {
  Diagnostics errors;
  const auto definitions = load_definitions(sources, errors);
  if (definitions == nullptr) return std::unexpected(errors[0]);
  std::vector<Judgement> rows;
  Check(*definitions, table, options).run(context, rows);
  return rows;
}

Expected<std::vector<Judgement>> check_helpers(IsaKind kind, const HelperCheckOptions& options) {
  const machine::TargetIsa* isa = isa::find_isa(kind);
  const RuleSources* sources = rule_sources(kind);
  if (isa == nullptr || sources == nullptr) return fail(std::string(name(kind)) + " is not part of this build");
  return check_helpers(*isa, *sources, helper_table(kind), options);
}

}  // namespace assay::verify
