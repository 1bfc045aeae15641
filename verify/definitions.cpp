// Loading of rules, instructions and operations, and the cache of their typed meanings. See expand.h.
#include <algorithm>

#include "verify/expand.h"
#include "verify/rule_sources.h"
#include "verify/rule_users.h"

namespace assay::verify {

namespace {

// "uadd_overflow" -> "UaddOverflow": the name of the operation's variant in clif.isle.
std::string pascal_case(const std::string& name) {
  std::string out;
  bool upper = true;
  for (char c : name) {
    if (c == '_') {
      upper = true;
    } else {
      out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      upper = false;
    }
  }
  return out;
}

// The integer condition codes, in the order of ISLE's IntCC, spelled as the operations' `match` spells them.
constexpr const char* kConditions[] = {"eq", "ne", "slt", "sge", "sgt", "sle", "ult", "uge", "ugt", "ule"};

notation::EnumDef condition_enum(std::string name, std::span<const char* const> conditions) {
  notation::EnumDef out{.name = std::move(name)};
  for (const char* condition : conditions) out.enumerators.push_back({.name = condition});
  return out;
}

}  // namespace

std::unique_ptr<Definitions> Definitions::load(std::vector<isle::SourceFile> rules,
                                               std::vector<notation::SourceFile> instructions,
                                               std::string_view operations, Diagnostics& errors) {
  auto out = std::make_unique<Definitions>();
  isle::CheckResult checked = isle::check_program(std::move(rules), {.check_overlap = false});
  errors.insert(errors.end(), checked.errors.begin(), checked.errors.end());
  out->program_ = std::move(checked.program);
  if (!instructions.empty()) {  // none: only the operations are wanted
    notation::ParsedDefinitions parsed = notation::parse_definitions(instructions);
    errors.insert(errors.end(), parsed.errors.begin(), parsed.errors.end());
    out->instructions_ = std::move(parsed.definitions);
  }
  auto read = ops::read_operations(operations, "operations.ops");
  if (!read) {
    errors.insert(errors.end(), read.error().begin(), read.error().end());
  } else {
    out->operations_ = std::move(*read);
  }
  if (!errors.empty()) return nullptr;

  for (size_t i = 0; i < out->operations_.operations.size(); ++i) {
    out->operation_by_variant_[pascal_case(out->operations_.operations[i].name)] = static_cast<int>(i);
  }
  const auto& insts = out->instructions_.insts;
  for (size_t i = 0; i < insts.size(); ++i) {
    out->instruction_by_term_[insts[i].term] = static_cast<int>(i);
    out->instruction_by_term_[insts[i].term + "_multi"] = static_cast<int>(i);
  }
  out->operations_library_.enums.push_back(condition_enum("intcc", kConditions));
  out->operations_library_.enums.push_back(condition_enum("floatcc", kFloatConditions));
  for (const ops::Clause& function : out->operations_.functions) {
    notation::parse_fn(out->operations_library_, function.text, function.place, errors);
  }
  if (!errors.empty()) return nullptr;
  out->find_flag_writers();
  return out;
}

bool has_tag(const isle::Term& term, std::string_view tag) {
  for (const isle::ast::Attribute* attribute : term.attributes) {
    for (const isle::ast::Attribute::Item& item : attribute->items) {
      if (item.kind == isle::ast::Attribute::Kind::Tag && item.tag.text == tag) return true;
    }
  }
  return false;
}

std::unique_ptr<Definitions> load_definitions(const RuleSources& sources, Diagnostics& errors) {
  std::vector<isle::SourceFile> rules;
  for (const RuleSource& source : sources.rules) rules.push_back({source.name, std::string(source.text)});
  std::vector<notation::SourceFile> instructions;
  for (const RuleSource& source : sources.instructions) instructions.push_back({source.name, source.text});
  return Definitions::load(std::move(rules), std::move(instructions), sources.operations, errors);
}

void Definitions::find_flag_writers() {
  writes_flags_.assign(program_->terms.size(), false);
  std::vector<std::vector<isle::TermId>> users(program_->terms.size());  // the terms whose rules build this one
  std::vector<isle::TermId> work;
  for (uint32_t i = 0; i < program_->terms.size(); ++i) {
    const isle::TermId id(i);
    const isle::Term& term = program_->terms[id];
    std::set<uint32_t> built;
    for (const isle::RuleId rule : term.rules) {
      collect_terms(program_->rules[rule].result, built);
      for (const isle::IfLet& if_let : program_->rules[rule].if_lets) collect_terms(if_let.value, built);
    }
    for (const uint32_t t : built) users[t].push_back(id);
    const int instruction = find_instruction(term.name);
    bool writes = false;
    if (instruction >= 0) {
      writes = instructions_.insts[instruction].flags_def || instructions_.insts[instruction].flags_clobber;
    } else if (term.is_external_constructor() && !term.specs.empty()) {
      // C++ that may emit. Constants for put_in_reg go before all instructions of the CLIF instruction.
      writes = !term.flags.is_pure && term.name != "put_in_reg";
    }
    if (writes) {
      writes_flags_[i] = true;
      work.push_back(id);
    }
  }
  while (!work.empty()) {
    const isle::TermId term = work.back();
    work.pop_back();
    for (const isle::TermId user : users[term.index]) {
      if (writes_flags_[user.index]) continue;
      writes_flags_[user.index] = true;
      work.push_back(user);
    }
  }
}

int Definitions::find_operation_variant(const std::string& variant) const {
  const auto it = operation_by_variant_.find(variant);
  return it == operation_by_variant_.end() ? -1 : it->second;
}

int Definitions::find_instruction(const std::string& term) const {
  const auto it = instruction_by_term_.find(term);
  return it == instruction_by_term_.end() ? -1 : it->second;
}

const notation::Semantics* Definitions::instruction_semantics(int instruction, const std::vector<unsigned>& params,
                                                              std::string& reason) {
  auto [it, inserted] = instruction_cache_.try_emplace({instruction, params});
  Cached& cached = it->second;
  if (inserted) {
    const notation::InstDef& def = instructions_.insts[instruction];
    Diagnostics errors;
    cached.ok = notation::instantiate(instructions_, def, params, cached.semantics, errors);
    if (!cached.ok) cached.reason = "instruction " + def.name + ": " + (errors.empty() ? "?" : errors[0].message);
  }
  reason = cached.reason;
  return cached.ok ? &cached.semantics : nullptr;
}

const notation::Semantics* Definitions::operation_semantics(int operation, const std::vector<unsigned>& input_widths,
                                                            const std::vector<unsigned>& result_widths, int condition,
                                                            std::string& reason) {
  std::vector<unsigned> key = {static_cast<unsigned>(operation), static_cast<unsigned>(condition + 1)};
  key.insert(key.end(), input_widths.begin(), input_widths.end());
  key.insert(key.end(), result_widths.begin(), result_widths.end());
  auto [it, inserted] = operation_cache_.try_emplace(std::move(key));
  Cached& cached = it->second;
  reason = cached.reason;
  if (!inserted) return cached.ok ? &cached.semantics : nullptr;

  const ops::Operation& op = operations_.operations[operation];
  const auto set_reason = [&](std::string text) {
    cached.reason = reason = "operation " + op.name + ": " + std::move(text);
    return nullptr;
  };
  if (op.sem.empty() && op.traps.empty()) return set_reason("has no sem");
  notation::Environment env;
  for (uint32_t i = 0; i < op.inputs.size(); ++i) {
    const ops::Operand& operand = op.inputs[i];
    if (operand.kind.is_value()) {
      env.names[operand.name] = notation::Binding::of_value(input_widths[i], i);
    } else if (operand.kind.name == "imm64") {
      // A known 64-bit number: not an `imm`, whose width would follow the context.
      env.names[operand.name] = notation::Binding::of_value(64, i);
    } else if (operand.kind.name.starts_with("ieee")) {
      const auto width = static_cast<unsigned>(std::stoul(operand.kind.name.substr(4)));
      env.names[operand.name] = notation::Binding::of_value(width, i);
    } else if (operand.kind.name == "intcc" || operand.kind.name == "floatcc") {
      if (condition < 0) return set_reason("its condition is not known");
      env.names[operand.name] = notation::Binding::of_enum(operand.kind.name == "intcc" ? 0 : 1, condition);
    }
  }
  for (uint32_t i = 0; i < op.results.size(); ++i) {
    env.names[op.results[i].name] = notation::Binding::of_result(result_widths[i], i);
  }
  if (op.results.size() == 1) env.names["free"] = notation::Binding::of_result(result_widths[0], kFreeId);
  std::string text;
  for (const ops::Clause& clause : op.sem) text += (text.empty() ? "" : "; ") + clause.text;
  notation::SemanticsText parsed;
  Diagnostics errors;
  if (!text.empty()) {
    auto statements = notation::parse_semantics(operations_library_, text, op.sem[0].place);
    if (!statements) return set_reason(statements.error().message);
    parsed = std::move(*statements);
  }
  for (const ops::Clause& clause : op.traps) {
    const size_t when = clause.text.find(" when ");
    std::string code = clause.text.substr(0, when);
    code.erase(code.find_last_not_of(" \t\n") + 1);
    const std::string condition_text = when == std::string::npos ? "true" : clause.text.substr(when + 6);
    const notation::ExprId condition_expr =
        notation::parse_expression(operations_library_, condition_text, clause.place, errors);
    if (!errors.empty()) return set_reason(errors[0].message);
    parsed.traps.push_back({code, condition_expr});
  }
  if (!notation::instantiate(operations_library_, parsed, env, cached.semantics, errors)) {
    return set_reason(errors.empty() ? "?" : errors[0].message);
  }
  cached.ok = true;
  reason.clear();
  return &cached.semantics;
}

const notation::Semantics* Definitions::function_semantics(const std::string& name,
                                                           std::span<const SpecValue> arguments, std::string& reason,
                                                           unsigned result_width) {
  notation::Library& library = instructions_.library;
  const bool is_function = library.fn_index.contains(name);
  const auto operation = std::find_if(operations_.operations.begin(), operations_.operations.end(),
                                      [&](const ops::Operation& op) { return op.name == name; });
  if (!is_function && operation == operations_.operations.end()) {
    reason = "neither an operation nor a function of the instructions' notation: " + name;
    return nullptr;
  }
  std::vector<unsigned> key;  // widths of terms, numbers of enumerators
  for (const SpecValue& argument : arguments) {
    if (argument.is_integer() || (argument.term && !argument.term->is_bv())) {
      reason = name + " is called with what is neither a bit vector nor a variant";
      return nullptr;
    }
    key.push_back(argument.term ? argument.term->get_sort().bv_size() : static_cast<unsigned>(argument.integer));
  }
  if (!is_function) {
    const ops::Operation& op = *operation;
    if (op.results.size() != 1 || op.inputs.size() != arguments.size()) {
      reason = name + " is called with another number of arguments than the operation has, or has no single result";
      return nullptr;
    }
    int condition = -1;
    unsigned width = 0;  // of the first value
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (arguments[i].type != nullptr) condition = static_cast<int>(arguments[i].integer);
      if (width == 0 && op.inputs[i].kind.is_value() && arguments[i].term) width = key[i];
    }
    const ops::Kind& kind = op.results[0].kind;
    if (result_width != 0) {
      width = result_width;
    } else if (kind.sort == ops::Kind::Sort::kType) {
      width = static_cast<unsigned>(std::stoul(kind.name.substr(1)));
    } else if (kind.function == "as_truthy") {
      width = 8;
    } else if (!kind.function.empty() && kind.function != "as_int") {
      reason = "the width of " + name + "'s result does not follow from its arguments: it has to be the first";
      return nullptr;
    }
    return operation_semantics(static_cast<int>(operation - operations_.operations.begin()), key, {width}, condition,
                               reason);
  }
  auto [it, inserted] = function_cache_.try_emplace({name, key});
  Cached& cached = it->second;
  if (inserted) {
    notation::Environment env;
    std::string call;
    for (uint32_t i = 0; i < arguments.size(); ++i) {
      const std::string argument = "argument" + std::to_string(i);
      call += (i == 0 ? "" : ", ") + argument;
      if (arguments[i].type == nullptr) {
        env.names[argument] = notation::Binding::of_value(key[i], i);
      } else if (const int e = library.find_enum(arguments[i].type->name); e >= 0) {
        env.names[argument] = notation::Binding::of_enum(static_cast<uint32_t>(e), arguments[i].integer);
      }
    }
    env.names["result"] = notation::Binding::of_result(1, kConditionId);
    const auto text = notation::parse_semantics(library, "result := bool2bv(1, " + name + "(" + call + "))", {});
    Diagnostics errors;
    if (!text) errors.push_back(text.error());
    cached.ok = text && notation::instantiate(library, *text, env, cached.semantics, errors);
    if (!cached.ok) cached.reason = "function " + name + ": " + (errors.empty() ? "?" : errors[0].message);
  }
  reason = cached.reason;
  return cached.ok ? &cached.semantics : nullptr;
}

}  // namespace assay::verify
