// See coverage.h.
#include "fuzz/coverage.h"

#include <array>
#include <initializer_list>
#include <map>
#include <memory>
#include <unordered_map>

#include "compiler/isa/registry.h"
#include "compiler/opt/optimize.h"

namespace assay::fuzz {

namespace {

constexpr std::array<std::string_view, 6> kKinds = {"operation", "rule", "instruction", "event", "outcome", "trap"};

// The indices of an ISA's rules and instructions by name.
struct IsaNames {
  std::unordered_map<std::string_view, uint32_t> rules, instructions;
};

const IsaNames* names_of(IsaKind kind) {
  static std::array<std::unique_ptr<IsaNames>, kIsaCount> all;
  const machine::TargetIsa* isa = isa::find_isa(kind);
  if (isa == nullptr) return nullptr;
  std::unique_ptr<IsaNames>& names = all[static_cast<size_t>(kind)];
  if (names == nullptr) {
    names = std::make_unique<IsaNames>();
    for (uint32_t i = 0; i < isa->rules.size(); ++i) names->rules.emplace(isa->rules[i].name, i);
    for (uint32_t i = 0; i < isa->insts->descs.size(); ++i) names->instructions.emplace(isa->insts->descs[i].name, i);
  }
  return names.get();
}

// Of the mid-end; a feature of one has no ISA.
std::span<const isle::RuleInfo> optimizer_rules() {
  static const std::span<const isle::RuleInfo> rules = opt::Optimizer().rules().rules();
  return rules;
}
constexpr std::string_view kOptimizer = "opt";

// What it claims by itself: how a node is written is no claim.
bool is_rewrite(const isle::RuleInfo& rule) { return rule.term == "simplify"; }

std::optional<uint32_t> find_rewrite(std::string_view name) {
  const auto rules = optimizer_rules();
  for (uint32_t i = 0; i < rules.size(); ++i) {
    if (rules[i].name == name && is_rewrite(rules[i])) return i;
  }
  return std::nullopt;
}

std::optional<uint32_t> find(const std::unordered_map<std::string_view, uint32_t>& names, std::string_view name) {
  const auto it = names.find(name);
  return it == names.end() ? std::nullopt : std::optional(it->second);
}

std::optional<uint8_t> parse_type_class(std::string_view text) {
  if (text.empty()) return 0;
  const bool vector = text.ends_with("xN");
  const auto lane = ir::Type::parse(vector ? text.substr(0, text.size() - 2) : text);
  if (!lane || !lane->is_lane()) return std::nullopt;
  return machine::type_class(vector ? lane->by(2) : *lane);
}

std::optional<uint32_t> event_of(std::string_view text) {
  for (uint32_t i = 0; i < machine::kCompilerEvents; ++i) {
    if (machine::name(machine::CompilerEvent(i)) == text) return i;
  }
  return std::nullopt;
}

std::optional<uint32_t> outcome_of(std::string_view text) {
  for (uint32_t i = 0; i < interpreter::kOutcomeKinds; ++i) {
    if (interpreter::name(interpreter::OutcomeKind(i)) == text) return i;
  }
  return std::nullopt;
}

std::string with_type(std::string_view name, uint8_t type_class) {
  std::string out(name);
  if (type_class != 0) out += " " + machine::type_class_name(type_class);
  return out;
}

}  // namespace

std::string to_string(Feature feature) {
  std::string out(kKinds.at(static_cast<size_t>(feature.kind())));
  out += ' ';
  const machine::TargetIsa* isa = nullptr;
  if (feature.isa()) {
    isa = isa::find_isa(*feature.isa());
    out += std::string(name(*feature.isa())) + " ";
  }
  const uint32_t index = feature.index();
  const auto operation = [](uint32_t opcode) {
    return opcode < ir::kOpcodeCount ? ir::to_string(ir::Opcode(opcode)) : std::string_view("?");
  };
  switch (feature.kind()) {
    case FeatureKind::Operation:
      return out + with_type(operation(index), feature.type_class());
    case FeatureKind::Rule:
      if (!feature.isa()) {
        const auto rules = optimizer_rules();
        out += std::string(kOptimizer) + " ";
        return out + with_type(index < rules.size() ? rules[index].name : "?", feature.type_class());
      }
      return out + with_type(isa != nullptr && index < isa->rules.size() ? isa->rules[index].name : "?",
                             feature.type_class());
    case FeatureKind::Instruction:
      return out + (isa != nullptr && index < isa->insts->descs.size() ? isa->insts->descs[index].name : "?");
    case FeatureKind::Event:
      return out + std::string(index < machine::kCompilerEvents ? machine::name(machine::CompilerEvent(index)) : "?");
    case FeatureKind::Outcome:
      return out + interpreter::name(interpreter::OutcomeKind(index));
    case FeatureKind::Trap:
      return out + with_type(operation(index >> 8), feature.type_class()) + " " +
             ir::to_string(ir::TrapCode{static_cast<uint8_t>(index)});
  }
  return out;
}

std::optional<Feature> parse_feature(std::string_view text) {
  std::string_view rest = text;
  const auto word = [&] {
    const size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view out = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return out;
  };
  const std::string_view kind_name = word();
  size_t number = 0;
  while (number < kKinds.size() && kKinds[number] != kind_name) ++number;
  if (number == kKinds.size()) return std::nullopt;
  const auto kind = FeatureKind(number);
  if (kind == FeatureKind::Outcome) {
    const auto index = outcome_of(rest);
    return index ? std::optional(Feature(kind, std::nullopt, *index)) : std::nullopt;
  }
  std::string_view subject = word();
  if (kind == FeatureKind::Trap) {
    const auto opcode = ir::parse_opcode(subject);
    const std::string_view first = word();
    const auto type = rest.empty() ? std::optional<uint8_t>(0) : parse_type_class(first);
    const auto code = ir::parse_trap_code(rest.empty() ? first : rest);
    return opcode && type && code ? std::optional(Feature::trap(*opcode, *type, *code)) : std::nullopt;
  }
  const std::optional<IsaKind> isa = isa_from_name(subject);
  const bool is_optimizer = kind == FeatureKind::Rule && subject == kOptimizer;
  if (isa || is_optimizer) subject = word();
  if (!isa && !is_optimizer && kind != FeatureKind::Operation) return std::nullopt;
  const IsaNames* names = isa ? names_of(*isa) : nullptr;
  if (isa && names == nullptr) return std::nullopt;
  std::optional<uint32_t> index;
  switch (kind) {
    case FeatureKind::Operation:
      if (const auto opcode = ir::parse_opcode(subject)) index = static_cast<uint32_t>(*opcode);
      break;
    case FeatureKind::Rule:
      index = is_optimizer ? find_rewrite(subject) : find(names->rules, subject);
      break;
    case FeatureKind::Instruction:
      index = find(names->instructions, subject);
      break;
    default:
      index = event_of(subject);
      break;
  }
  const auto type = parse_type_class(rest);
  return index && type ? std::optional(Feature(kind, isa, *index, *type)) : std::nullopt;
}

std::string operation_name(Feature feature) {
  std::string out(ir::to_string(ir::Opcode(feature.index())));
  const bool has_type = feature.type_class() != 0 && ir::Opcode(feature.index()) != ir::Opcode::kBrTable;
  if (has_type) out += "." + machine::type_class_name(feature.type_class());
  return out;
}

std::string rule_name(Feature feature) {
  if (!feature.isa()) return std::string(kOptimizer) + ": " + std::string(optimizer_rules()[feature.index()].name);
  const IsaKind kind = feature.isa().value();
  return std::string(name(kind)) + ": " + std::string(isa::find_isa(kind)->rules[feature.index()].name);
}

void take_features(oracles::Harness& harness, const Case& test, std::vector<FeatureCount>& out) {
  std::map<uint32_t, uint64_t> own;  // few: those that are no machine's
  for (const ir::Function& f : test.functions) {
    for (ir::Block block : f.blocks()) {
      for (ir::Inst inst : f.insts(block)) {
        const ir::InstData& data = f.inst(inst);
        ++own[Feature(FeatureKind::Operation, std::nullopt, uint32_t(data.opcode), machine::type_class(data.type))
                  .bits()];
      }
    }
  }
  for (const oracles::Harness::Reference& reference : harness.references()) {
    const interpreter::Outcome& outcome = reference.outcome;
    ++own[Feature(FeatureKind::Outcome, std::nullopt, uint32_t(outcome.kind)).bits()];
    if (outcome.kind != interpreter::OutcomeKind::Trapped || outcome.function >= test.functions.size()) continue;
    const ir::Function& f = test.functions[outcome.function];
    if (outcome.inst.index >= f.inst_count()) continue;  // the interpreter's own limit
    const ir::InstData& data = f.inst(outcome.inst);
    ++own[Feature::trap(data.opcode, machine::type_class(data.type), outcome.trap).bits()];
  }
  for (const IsaKind isa : harness.options().isas) {
    machine::Compiler* compiler = harness.compiler(isa);
    if (compiler == nullptr) continue;
    compiler->optimizer().rules().take_cells([&](isle::RuleId rule, uint8_t type_class, uint64_t count) {
      if (!is_rewrite(optimizer_rules()[rule.index])) return;
      own[Feature(FeatureKind::Rule, std::nullopt, rule.index, type_class).bits()] += count;
    });
  }
  for (const auto& [bits, count] : own) out.push_back({Feature(bits), count});

  for (const IsaKind isa : harness.options().isas) {
    machine::Compiler* compiler = harness.compiler(isa);
    if (compiler == nullptr) continue;
    compiler->rules().take_cells([&](isle::RuleId rule, uint8_t type_class, uint64_t count) {
      out.push_back({Feature(FeatureKind::Rule, isa, rule.index, type_class), count});
    });
    compiler->coverage().take([&](machine::Coverage::Kind kind, uint32_t index, uint8_t type_class, uint64_t count) {
      const FeatureKind feature = kind == machine::Coverage::Kind::Operation     ? FeatureKind::Operation
                                  : kind == machine::Coverage::Kind::Instruction ? FeatureKind::Instruction
                                                                                 : FeatureKind::Event;
      out.push_back({Feature(feature, isa, index, type_class), count});
    });
  }
}

std::vector<std::string> rule_names(const std::vector<IsaKind>& isas) {
  std::vector<std::string> out;
  for (const IsaKind kind : isas) {
    const machine::TargetIsa* isa = isa::find_isa(kind);
    if (isa == nullptr) continue;
    for (const isle::RuleInfo& rule : isa->rules)
      out.push_back(std::string(name(kind)) + ": " + std::string(rule.name));
  }
  for (const isle::RuleInfo& rule : optimizer_rules()) {
    if (is_rewrite(rule)) out.push_back(std::string(kOptimizer) + ": " + std::string(rule.name));
  }
  return out;
}

std::vector<std::string> wanted_operations() {
  std::vector<std::string> out;
  const auto add = [&](std::initializer_list<const char*> names, std::initializer_list<int> widths) {
    for (const char* name : names) {
      for (int width : widths) out.push_back(std::string(name) + ".i" + std::to_string(width));
    }
  };
  add({"iconst", "umul_overflow", "smul_overflow"}, {8, 16, 32, 64});
  add({"iadd",
       "isub",
       "ineg",
       "iabs",
       "imul",
       "umulhi",
       "smulhi",
       "udiv",
       "sdiv",
       "urem",
       "srem",
       "smin",
       "umin",
       "smax",
       "umax",
       "band",
       "bor",
       "bxor",
       "bnot",
       "bitselect",
       "ishl",
       "ushr",
       "sshr",
       "rotl",
       "rotr",
       "bitrev",
       "clz",
       "cls",
       "ctz",
       "popcnt",
       "icmp",
       "select",
       "select_spectre_guard",
       "bmask",
       "uadd_overflow",
       "sadd_overflow",
       "usub_overflow",
       "ssub_overflow",
       "uadd_overflow_cin",
       "sadd_overflow_cin",
       "usub_overflow_bin",
       "ssub_overflow_bin",
       "load",
       "store",
       "brif",
       "trapz",
       "trapnz"},
      {8, 16, 32, 64, 128});
  add({"isplit", "bswap", "uextend", "sextend"}, {16, 32, 64, 128});
  add({"uload8", "sload8", "istore8"}, {16, 32, 64});
  add({"ireduce"}, {8, 16, 32, 64});
  add({"iconcat"}, {8, 16, 32, 64});
  add({"uload16", "sload16", "istore16", "uadd_overflow_trap"}, {32, 64});
  add({"uload32", "sload32", "istore32", "stack_addr", "func_addr", "call_indirect"}, {64});
  add({"atomic_rmw", "atomic_cas", "atomic_load", "atomic_store"}, {8, 16, 32, 64});
  add({"return_call_indirect", "try_call_indirect", "symbol_value", "tls_value", "get_frame_pointer",
       "get_stack_pointer", "get_return_address", "get_exception_handler_address", "get_pinned_reg", "set_pinned_reg"},
      {64});
  for (const char* name : {"fadd",    "fsub",           "fmul",          "fdiv",      "sqrt",
                           "fma",     "fneg",           "fabs",          "fcopysign", "fmin",
                           "fmax",    "ceil",           "floor",         "trunc",     "nearest",
                           "fcmp",    "load",           "store",         "select",    "select_spectre_guard",
                           "bitcast", "bitselect",      "band",          "bor",       "bxor",
                           "bnot",    "fcvt_from_uint", "fcvt_from_sint"}) {
    for (const char* type : {"f16", "f32", "f64", "f128"}) out.push_back(std::string(name) + "." + type);
  }
  add({"fcvt_to_uint", "fcvt_to_sint", "fcvt_to_uint_sat", "fcvt_to_sint_sat"}, {8, 16, 32, 64, 128});
  for (const char* name :
       {"fpromote.f32", "fpromote.f64", "fpromote.f128", "fdemote.f16", "fdemote.f32", "fdemote.f64", "jump",
        "br_table", "return", "trap", "call", "nop", "fence", "sequence_point", "return_call", "try_call"}) {
    out.push_back(name);
  }
  return out;
}

}  // namespace assay::fuzz
