// Evaluation of a rule's right side in a run: helper rules, specs, instructions. See expand.h, run.h.
#include <algorithm>
#include <bit>
#include <utility>

#include "oracles/quiet_insts.h"
#include "verify/ordering.h"
#include "verify/run.h"
#include "verify/zero_register.h"

namespace assay::verify {

namespace {

// `e` in a wider place: what lies above is not known.
z3::expr widened(Terms& terms, const z3::expr& e, unsigned width) {
  const unsigned from = e.get_sort().bv_size();
  return from < width ? z3::concat(terms.fresh("above", width - from), e) : terms.low_bits(e, width);
}

// What stands in for the proof of a term whose meaning is a contract, marked so where it is declared; null if it is
// none.
const char* contract_of(const isle::Term& term) {
  return has_tag(term, "abi_contract") ? "what the ABI does at calls and returns is a contract; "
                                         "corpus/filetests/call*.clif and call_plan_test execute it"
                                       : nullptr;
}

// What an immediate can hold whose range is C++: the manual's words once more (Arm ARM, DecodeBitMasks). A number that
// is not known has come from the C++ itself.
bool is_encodable(const notation::ImmKind& kind, uint64_t value) {
  if (kind.hatch != "bitmask32" && kind.hatch != "bitmask64") return true;
  if (kind.hatch == "bitmask32") {
    if (value >> 32 != 0) return false;
    value |= value << 32;
  }
  if (value == 0 || value == ~uint64_t{0}) return false;
  // The least element that is repeated has one run of ones, and so two edges.
  unsigned size = 2;
  while (std::rotr(value, static_cast<int>(size)) != value) size *= 2;
  return static_cast<unsigned>(std::popcount(value ^ std::rotl(value, 1))) == 128 / size;
}

// The contract `gen_call` is that of `call` and no other operation's.
bool is_contract_for(std::string_view term, std::string_view operation) {
  if (!term.starts_with("gen_")) return true;
  term.remove_prefix(4);
  return operation == term || operation == std::string(term) + "_reg";
}

bool leans_on_priority(const isle::Rule& rule) {
  for (const isle::ast::Attribute* attribute : rule.attributes) {
    for (const isle::ast::Attribute::Item& item : attribute->items) {
      if (item.kind == isle::ast::Attribute::Kind::Priority) return true;
    }
  }
  return false;
}

bool is_breakpoint(const std::string& name) {
  return name == "int3" || name == "ebreak" || name == "brk" || name == "breakpoint";
}

}  // namespace

Run::Run(Definitions& definitions, Terms& terms, Choices& choices, const CallObserver& observe)
    : definitions_(definitions),
      program_(definitions.program()),
      terms_(terms),
      choices_(choices),
      observe_(observe),
      spec_functions_([this](const std::string& name, const std::vector<SpecValue>& arguments) {
        return call_spec_function(definitions_, terms_, name, arguments);
      }) {}

Symbol Run::apply_rule(const isle::Rule& rule, const std::vector<Symbol>& arguments) {
  return build_rule(rule, match_rule(rule, arguments));
}

Run::Bindings Run::match_rule(const isle::Rule& rule, const std::vector<Symbol>& arguments) {
  // Anything else would end only where the rules do.
  if (std::find(expanding_.begin(), expanding_.end(), rule.term.index) != expanding_.end()) {
    throw Unsupported{"recursive term " + program_.terms[rule.term].name + " needs a spec"};
  }
  if (expanding_.empty()) root_arguments_ = arguments;
  expanding_.push_back(rule.term.index);
  rules_used_.insert(rule.id.index);
  if (leans_on_priority(rule)) assume_others_failed(rule, arguments);
  Bindings bindings(rule.variables.size());
  for (size_t i = 0; i < rule.arguments.size(); ++i) match(rule, rule.arguments[i], arguments[i], bindings);
  if_lets(rule, bindings);
  return bindings;
}

Symbol Run::build_rule(const isle::Rule& rule, Bindings bindings) {
  Symbol result = evaluate(rule, rule.result, bindings);
  expanding_.pop_back();
  if (expanding_.empty()) root_bindings_.push_back({&rule, std::move(bindings)});
  return result;
}

void Run::if_lets(const isle::Rule& rule, Bindings& bindings) {
  for (const isle::IfLet& if_let : rule.if_lets) {
    match(rule, if_let.pattern, evaluate(rule, if_let.value, bindings), bindings);
  }
}

Symbol Run::evaluate(const isle::Rule& rule, const isle::Expr& expr, Bindings& bindings) {
  switch (expr.kind) {
    case isle::Expr::Kind::Variable:
      return bindings[expr.variable.index];
    case isle::Expr::Kind::Bool:
      return Symbol::of_bool(terms_.boolean(expr.value != 0));
    case isle::Expr::Kind::Int: {
      const isle::Type& type = program_.types[expr.type];
      const unsigned width = type.kind == isle::Type::Kind::Int ? type.bits : 64;
      return Symbol::of_number(terms_.context().bv_val(static_cast<int64_t>(expr.value), width));
    }
    case isle::Expr::Kind::Constant: {
      const std::string& name = program_.constants[expr.constant].name;
      if (const unsigned type = type_constant(name); type != 0) return Symbol::of_type(type);
      throw Unsupported{"constant $" + name + " has no model"};
    }
    case isle::Expr::Kind::Let:
      for (const isle::Let& let : expr.lets) bindings[let.variable.index] = evaluate(rule, let.value, bindings);
      return evaluate(rule, expr.children[0], bindings);
    case isle::Expr::Kind::Term: {
      std::vector<Symbol> arguments;
      for (const isle::Expr& child : expr.children) arguments.push_back(evaluate(rule, child, bindings));
      return construct(expr.term, std::move(arguments));
    }
  }
  throw Unsupported{"an expression of unknown kind"};
}

Symbol Run::construct(isle::TermId id, std::vector<Symbol> arguments) {
  const isle::Term& term = program_.terms[id];
  if (term.is_variant()) {
    return {.kind = Symbol::Kind::Variant,
            .number = term.variant,
            .fields = std::move(arguments),
            .type = &program_.types[term.result]};
  }
  Symbol result;
  if (construct_builtin(term, arguments, result)) return result;
  if (const int instruction = definitions_.find_instruction(term.name); instruction >= 0) {
    return construct_instruction(term, instruction, arguments);
  }
  if (!term.specs.empty() && !(term.has_rules() && choices_.expands_all())) return construct_by_spec(id, arguments);
  if (term.has_rules()) return construct_by_rules(term, arguments);
  throw Unsupported{"constructor " + term.name + " has no spec"};
}

// What the spec of the outermost rule's term asks of those who build it.
std::vector<z3::expr> Run::required_of_callers() {
  const isle::Term& term = program_.terms[isle::TermId(expanding_.front())];
  std::vector<z3::expr> out;
  if (term.flags.is_partial || term.specs.empty() || term.specs[0]->arguments.size() != root_arguments_.size())
    return out;
  try {
    SpecEnvironment env = spec_environment();
    for (size_t i = 0; i < root_arguments_.size(); ++i) {
      env.insert_or_assign(term.specs[0]->arguments[i].text, spec_value(root_arguments_[i]));
    }
    for (const isle::ast::SpecExpr& e : term.specs[0]->requirements) {
      out.push_back(terms_.simplify(evaluate_condition(terms_, e, env)));
    }
  } catch (const SpecError&) {
    out.clear();  // the proof says so
  }
  return out;
}

// By one of its rules. The observer is told of its left side, also if it does not match.
Symbol Run::construct_by_rules(const isle::Term& term, const std::vector<Symbol>& arguments) {
  if (!observe_ || term.flags.is_partial) return apply_rule(program_.rules[choose_rule(term, arguments)], arguments);
  const std::vector<z3::expr> required = required_of_callers();
  HelperCall call{choices_.text(), term, arguments, assumptions_, {}};
  call.before.insert(call.before.end(), required.begin(), required.end());
  const size_t before = assumptions_.size();
  const size_t given = given_.size();
  const size_t structure = clif_.constants.size() + clif_.same.size() + looked_through_.size();
  const bool may_decline = std::exchange(may_decline_, false);
  const isle::Rule* rule = nullptr;
  Bindings bindings;
  try {
    rule = &program_.rules[choose_rule(term, arguments)];
    bindings = match_rule(*rule, arguments);
  } catch (const Pruned&) {
    observe_(call);
    throw;
  }
  // What looks at how a value is defined, or may decline, covers nothing.
  if (!may_decline_ && clif_.constants.size() + clif_.same.size() + looked_through_.size() == structure) {
    call.condition.emplace();
    for (size_t i = before; i < assumptions_.size(); ++i) {
      const bool is_given = std::any_of(given_.begin() + static_cast<std::ptrdiff_t>(given), given_.end(),
                                        [&](const z3::expr& condition) { return z3::eq(condition, assumptions_[i]); });
      if (!is_given) call.condition->push_back(assumptions_[i]);
    }
  }
  observe_(call);
  may_decline_ |= may_decline;
  return build_rule(*rule, std::move(bindings));
}

// One of a term's rules: of those that the arguments' variants and types allow. Others would be found not to match
// later, and at random a chain of tables of conditions would hardly ever be guessed right.
isle::RuleId Run::choose_rule(const isle::Term& term, const std::vector<Symbol>& arguments) {
  const auto allows = [&](const isle::Pattern& argument, const Symbol& symbol) {
    const isle::Pattern& pattern = argument.kind == isle::Pattern::Kind::Bind ? argument.children[0] : argument;
    if (symbol.kind == Symbol::Kind::Type && pattern.kind == isle::Pattern::Kind::Constant) {
      const unsigned type = type_constant(program_.constants[pattern.constant].name);
      return type == 0 || symbol.number == static_cast<int64_t>(type);
    }
    if (symbol.kind != Symbol::Kind::Variant || pattern.kind != isle::Pattern::Kind::Term) return true;
    const isle::Term& variant = program_.terms[pattern.term];
    return !variant.is_variant() || variant.variant == symbol.number;
  };
  std::vector<isle::RuleId> rules;
  for (const isle::RuleId id : term.rules) {
    const std::vector<isle::Pattern>& patterns = program_.rules[id].arguments;
    bool all = true;
    for (size_t i = 0; i < patterns.size() && i < arguments.size() && all; ++i) all = allows(patterns[i], arguments[i]);
    if (all) rules.push_back(id);
  }
  return choices_.choose_rule(rules);
}

bool Run::construct_builtin(const isle::Term& term, std::vector<Symbol>& arguments, Symbol& result) {
  const std::string& name = term.name;
  if (name == "make_node") {
    result = construct_node(static_cast<unsigned>(arguments[0].number), arguments[1]);
  } else if (name == "subsume") {
    result = arguments[0];
  } else if (name == "put_in_reg") {
    const z3::expr reg = register_of(arguments[0].value);
    result = Symbol::of_reg(reg, class_of(type_of(arguments[0].value)));
  } else if (name == "low_reg" || name == "high_reg") {
    const z3::expr reg = part_of(arguments[0].value, name == "high_reg");
    result = Symbol::of_reg(reg, class_of(type_of(arguments[0].value)));
  } else if (name == "two_regs") {
    result = {.kind = Symbol::Kind::Multi, .fields = arguments};
  } else if (name == "output_pair" || name == "output_pair_and") {
    for (const Symbol& part : arguments[0].fields) {
      require_class(part, machine::RegClass::Gpr, "each half of the result");
    }
    arguments[0] = Symbol::of_reg(pair_of(arguments[0]));
    result = {.kind = Symbol::Kind::Output, .fields = arguments};
  } else if (name == "output1" || name == "output2") {
    result = {.kind = Symbol::Kind::Output, .fields = arguments};
  } else if (name == "output_none") {
    result = {.kind = Symbol::Kind::Output};
  } else if (name == "zero_reg") {
    result = {.kind = Symbol::Kind::Reg, .number = Symbol::kZeroRegister, .term = terms_.bv(64, 0)};
    result.reg_class = machine::RegClass::Gpr;
  } else if (name == "seq" || name == "no_code") {
    result = Symbol::unit();
  } else if (name == "first" || name == "second") {
    const size_t index = name == "first" ? 0 : 1;
    const std::vector<Symbol>& fields = arguments[0].fields;
    if (fields.size() <= index || fields[index].kind != Symbol::Kind::Reg) {
      throw Unsupported{name + " of an instruction without that register"};
    }
    result = fields[index];
  } else if (name == "flags_of") {
    const std::vector<Symbol>& fields = arguments[0].fields;
    if (fields.empty() || fields.back().kind != Symbol::Kind::Flags) {
      throw Unsupported{"flags_of of an instruction without flags"};
    }
    result = fields.back();
  } else if (name == "mem_big" || name == "mem_little") {
    if (is_big(arguments[0].number) != (name == "mem_big")) throw Pruned{};
    result = Symbol::unit();
  } else if (name == "result_unused") {
    result_unused_ = true;
    assume(terms_.context().bool_const((std::string(kFeatureUnknown) + name).c_str()));
    result = Symbol::unit();
  } else if (name == "amode_disp" || name == "amode_index") {
    auto amode = std::make_shared<SymbolicAmode>();
    amode->base = bits_of(arguments[0]);
    require_zero_base(arguments[0]);
    require_class(arguments[0], machine::RegClass::Gpr, "the base of an address");
    if (name == "amode_disp") {
      amode->disp = bits_of(arguments[1]);
    } else {
      amode->index = bits_of(arguments[1]);
      require_class(arguments[1], machine::RegClass::Gpr, "the index of an address");
      amode->shift = terms_.zext(bits_of(arguments[2]), 64);
      amode->disp = bits_of(arguments[3]);
    }
    result = {.kind = Symbol::Kind::Amode, .amode = amode};
  } else if (name == "amode_slot") {
    auto amode = std::make_shared<SymbolicAmode>();
    // The displacement is known once the frame is laid out; the emitter then sees to those that do not fit.
    amode->base = opaque_address(arguments[0].number) + terms_.sext(bits_of(arguments[1]), 64);
    result = {.kind = Symbol::Kind::Amode, .amode = amode};
  } else if (name == "frame_address") {
    result = Symbol::of_reg(effective_address(amode_of(arguments[0])), machine::RegClass::Gpr);
  } else if (name == "func_ref_name" || name == "global_symbol") {
    result = arguments[0];
  } else if (const auto place = place_of_frame(name.starts_with("gen_") ? name.substr(4) : name)) {
    result = {.kind = Symbol::Kind::Output, .fields = {Symbol::of_reg(opaque_address(*place))}};
  } else if (name == "handler_label") {
    result = {.kind = Symbol::Kind::Label, .number = *place_of_frame("exception_handler_address")};
  } else if (name == "emit_jump") {
    if (arguments[0].kind != Symbol::Kind::Label) throw Unsupported{"a jump to a label that has no model"};
    effects_.push_back(
        {.kind = Effect::Kind::Branch, .condition = terms_.boolean(true), .target = target_of(arguments[0].number)});
    result = Symbol::unit();
  } else if (name == "table_size") {
    if (arguments[0].number != 1) throw Unsupported{"the size of what is no table"};
    result = Symbol::of_number(table_size());
  } else if (name == "jump_table") {
    construct_jump_table(term, arguments);
    result = Symbol::unit();
  } else if (name == "trap_code_division_by_zero") {
    result = Symbol::of_number(terms_.bv(8, 254));
  } else if (name == "trap_code_integer_overflow") {
    result = Symbol::of_number(terms_.bv(8, 253));
  } else if (name == "trap_code_bad_conversion") {
    result = Symbol::of_number(terms_.bv(8, 255));
  } else if (const char* contract = contract_of(term)) {
    const int operation = clif_.root != nullptr ? clif_.root->operation : -1;
    const std::string name = operation < 0 ? "" : definitions_.operations().operations[operation].name;
    if (!is_contract_for(term.name, name)) throw Unsupported{term.name + " is not the contract of " + name};
    throw Unsupported{contract, true};
  } else if (const int index = definitions_.instructions().isa.find_feature(name); index >= 0) {
    features_ |= machine::FeatureSet(1) << index;
    assume(terms_.context().bool_const((std::string(kFeatureUnknown) + name).c_str()));
    result = Symbol::unit();
  } else {
    return false;
  }
  return true;
}

// `result` is what the term yields. A partial term's requirements decide whether it yields anything; another's must
// hold.
Symbol Run::construct_by_spec(isle::TermId id, const std::vector<Symbol>& arguments) {
  const isle::Term& term = program_.terms[id];
  const isle::ast::Spec& spec = *term.specs[0];
  if (spec.arguments.size() != arguments.size()) throw Unsupported{"spec of " + term.name + ": number of arguments"};
  if (term.has_rules()) {
    lemmas_.insert(id.index);
    require_progress(id, arguments);
  }
  if (term.flags.is_partial && has_tag(term, "partial_spec")) may_decline_ = true;
  for (const Symbol& argument : arguments) {
    require_fresh_flags(argument, term.name);
    if (argument.is_zero_register() && term.has_rules() && has_stack_pointer_as_zero() &&
        !has_tag(term, kTakesZeroRegister)) {
      throw Unsupported{"zero_reg as an argument of " + term.name + ", which has a spec and is not marked so"};
    }
  }
  // The spec says what is yielded, not which instructions do it.
  if (definitions_.writes_flags(id)) ++flags_epoch_;
  try {
    SpecEnvironment env = spec_environment();
    for (size_t i = 0; i < arguments.size(); ++i) {
      env.insert_or_assign(spec.arguments.at(i).text, spec_value(arguments[i]));
    }
    for (const isle::ast::SpecExpr& e : spec.requirements) {
      const z3::expr condition = evaluate_condition(terms_, e, env);
      if (term.flags.is_partial) {
        assume(condition);
      } else {
        obligations_.push_back({"requirement of " + term.name, condition});
        // What it would yield has no meaning, and perhaps not even a width.
        if (terms_.simplify(condition).is_false()) return fresh(term.result, term.name);
      }
    }
    for (const isle::ast::SpecExpr& e : spec.provides) bind_by_definition(terms_, e, env);
    if (!env.contains("result")) {
      const Symbol result = fresh(term.result, term.name);
      env.insert_or_assign("result", spec_value(result));
      for (const isle::ast::SpecExpr& e : spec.provides) {
        const z3::expr provided = terms_.simplify(evaluate_condition(terms_, e, env));
        assume(provided);
        if (!term.flags.is_partial) given_.push_back(provided);
      }
      return result;
    }
    return from_spec_value(env.at("result"), term.result);
  } catch (const SpecError& error) {
    throw Unsupported{"spec of " + term.name + ": " + error.message};
  }
}

// The distance of a number from 0 or -1, whichever is nearer.
z3::expr Run::measure(const z3::expr& number) {
  return z3::ite(z3::slt(number, terms_.context().bv_val(0, number.get_sort().bv_size())), ~number, number);
}

// E5. A term's spec is relied on in the proof of its own rules: that is an induction, and it has to end.
void Run::require_progress(isle::TermId id, const std::vector<Symbol>& arguments) {
  if (expanding_.empty() || !program_.terms[id].flags.is_recursive) return;
  const isle::Term& term = program_.terms[isle::TermId(expanding_.front())];
  if (!term.flags.is_recursive) return;
  const std::string goal = "the recursion of " + term.name + " ends";
  for (size_t i = 0; i < arguments.size() && id.index == expanding_.front(); ++i) {
    if (program_.types[term.arguments[i]].kind != isle::Type::Kind::Int) continue;
    const z3::expr before = bits_of(root_arguments_[i]), now = bits_of(arguments[i]);
    obligations_.push_back({goal, z3::ult(measure(now), measure(before))});
    return;
  }
  obligations_.push_back({goal, terms_.boolean(false)});  // no measure: it goes through other terms, or has no number
}

// E2. `rule` is marked (veri priority): those of its term's rules that are tried before it do not match.
void Run::assume_others_failed(const isle::Rule& rule, const std::vector<Symbol>& arguments) {
  for (const isle::RuleId id : program_.terms[rule.term].rules) {
    const isle::Rule& other = program_.rules[id];
    if (other.priority <= rule.priority) continue;
    const std::vector<z3::expr> assumptions = std::move(assumptions_);
    assumptions_.clear();
    const size_t choices = choices_.made();
    const unsigned terms = terms_.made();
    const size_t structure = clif_.constants.size() + clif_.same.size();
    const bool may_decline = std::exchange(may_decline_, false);
    const machine::FeatureSet features = features_;
    const bool result_unused = result_unused_;
    bool can_match = true;
    try {
      Bindings bindings(other.variables.size());
      for (size_t i = 0; i < other.arguments.size(); ++i) match(other, other.arguments[i], arguments[i], bindings);
      if_lets(other, bindings);
    } catch (const Pruned&) {
      can_match = false;
    }
    z3::expr matches = terms_.boolean(true);
    for (const z3::expr& e : assumptions_) matches = matches && e;
    assumptions_ = assumptions;
    // Neither a choice nor something new, nor how a value is defined: the condition is exactly about the arguments.
    if (choices_.made() != choices || terms_.made() != terms || may_decline_ ||
        clif_.constants.size() + clif_.same.size() != structure) {
      throw Unsupported{"the exact condition of " + other.name + ", before which " + rule.name + " is marked to come"};
    }
    may_decline_ = may_decline;
    features_ = features;
    result_unused_ = result_unused;
    if (can_match) assume(!matches);
  }
}

// An instruction without `sem` and `trap`: handles those whose name or attributes tell what they do.
bool Run::without_meaning(const notation::InstDef& def, const std::vector<Symbol>& arguments) {
  if ((def.attributes & (machine::kIsCall | machine::kIsReturn)) != 0) {
    throw Unsupported{"instruction " + def.name + " calls or returns"};
  }
  if (def.has_sem || !def.sem.traps.empty()) return false;
  if (is_fence(def)) {
    effects_.push_back({.kind = Effect::Kind::Fence});
    return true;
  }
  if (oracles::is_quiet(def.name)) return true;
  if (is_breakpoint(def.name)) {
    effects_.push_back({.kind = Effect::Kind::Breakpoint});
    return true;
  }
  if ((def.attributes & machine::kIsJump) != 0 && arguments.size() == 1 && arguments[0].kind == Symbol::Kind::Label) {
    effects_.push_back(
        {.kind = Effect::Kind::Branch, .condition = terms_.boolean(true), .target = target_of(arguments[0].number)});
    return true;
  }
  throw Unsupported{"instruction " + def.name + " has no sem"};
}

const SymbolicAmode& Run::amode_of(const Symbol& symbol) {
  if (symbol.amode == nullptr) throw Unsupported{"an address that has no model"};
  return *symbol.amode;
}

// The parts that the rule gives must be parts that the instruction encodes.
void Run::check_address(const notation::InstDef& def, const notation::AmodeDef& mode, const SymbolicAmode& amode) {
  const auto zero = [&](const std::optional<z3::expr>& part) {
    return part ? *part == terms_.bv(64, 0) : terms_.boolean(true);
  };
  const auto require = [&](const std::string& what, const z3::expr& condition) {
    obligations_.push_back({"the address of " + def.name + " has " + what, condition});
  };
  // x64's ModRM can leave either out.
  const bool any = !def.forms.empty();
  if (!amode.base && mode.has_base && !mode.base_optional && !any) require("a base", terms_.boolean(false));
  if (!amode.index && mode.has_index && !mode.index_optional && !any) require("an index", terms_.boolean(false));
  if (!mode.has_base) require("no base", terms_.boolean(!amode.base));
  if (!mode.has_index) require("no index", terms_.boolean(!amode.index));
  if (!mode.has_shift) require("no shift", zero(amode.shift));
  if (!mode.has_disp) require("no displacement", zero(amode.disp));
}

// AArch64's register 31 is zero in some operands and the stack pointer in others.
bool Run::has_stack_pointer_as_zero() const { return definitions_.instructions().isa.name == "aarch64"; }
void Run::require_zero_base(const Symbol& base) {
  if (base.is_zero_register() && has_stack_pointer_as_zero()) {
    obligations_.push_back({"the base of an address is zero, not the stack pointer", terms_.boolean(false)});
  }
}

// E7. `what` is read from or put into a register of the class.
void Run::require_class(const Symbol& symbol, machine::RegClass reg_class, const std::string& what) {
  if (symbol.kind != Symbol::Kind::Reg || !symbol.reg_class || *symbol.reg_class == reg_class) return;
  const bool is_float = reg_class == machine::RegClass::Vec;
  obligations_.push_back(
      {what + (is_float ? " is in a float register" : " is in an integer register"), terms_.boolean(false)});
}

// Flags live in the machine's one register for them: who reads them must be the next who has to do with them.
void Run::require_fresh_flags(const Symbol& symbol, const std::string& reader) {
  if (symbol.kind == Symbol::Kind::Flags && symbol.number != flags_epoch_) {
    obligations_.push_back({"no instruction writes the flags before " + reader + " reads them", terms_.boolean(false)});
  }
  for (const Symbol& field : symbol.fields) require_fresh_flags(field, reader);
}

// Goes to the entry that `index` selects. A spec of the ISA's term says which bits of the register count.
void Run::construct_jump_table(const isle::Term& term, const std::vector<Symbol>& arguments) {
  if (arguments.size() != 2 || arguments[1].number != 1) throw Unsupported{"a table jump of unknown shape"};
  z3::expr index = bits_of(arguments[0]);
  if (!term.specs.empty()) {
    const isle::ast::Spec& spec = *term.specs[0];
    SpecEnvironment env = spec_environment();
    if (!spec.arguments.empty()) env.insert_or_assign(spec.arguments[0].text, SpecValue::of(index));
    try {
      for (const isle::ast::SpecExpr& e : spec.provides) bind_by_definition(terms_, e, env);
    } catch (const SpecError& error) {
      throw Unsupported{"spec of " + term.name + ": " + error.message};
    }
    const auto it = env.find("result");
    if (it == env.end() || it->second.is_integer() || !it->second.term->is_bv()) {
      throw Unsupported{"spec of " + term.name + " does not say which entry is taken"};
    }
    index = terms_.zext(*it->second.term, 64);
  }
  effects_.push_back({.kind = Effect::Kind::Branch, .condition = terms_.boolean(true), .target = table_entry(index)});
  ++flags_epoch_;
}

Symbol Run::construct_instruction(const isle::Term& term, int instruction, const std::vector<Symbol>& arguments) {
  const notation::InstDef& def = definitions_.instructions().insts[instruction];
  if (without_meaning(def, arguments)) return Symbol::unit();
  if ((def.features & ~features_) != 0) {
    obligations_.push_back({"the features that " + def.name + " needs are on", terms_.boolean(false)});
  }
  std::vector<unsigned> params;
  for (size_t i = 0; i < def.params.size(); ++i) {
    if (arguments.at(i).kind != Symbol::Kind::Variant)
      throw Unsupported{"a parameter of " + def.name + " is not known"};
    params.push_back(static_cast<unsigned>(arguments[i].number));
  }
  std::string reason;
  const notation::Semantics* semantics = definitions_.instruction_semantics(instruction, params, reason);
  if (semantics == nullptr) throw Unsupported{reason};

  std::map<uint32_t, z3::expr> by_slot;  // inputs by operand slot
  std::optional<z3::expr> code;
  int64_t memflags = 0, label = -1;
  size_t next = def.params.size();
  for (const notation::TermArgument& argument : def.arguments) {
    const Symbol& symbol = arguments.at(next++);
    switch (argument.kind) {
      case notation::TermArgument::Kind::Flags:
        by_slot.emplace(notation::kFlagsId, bits_of(symbol));
        require_fresh_flags(symbol, def.name);
        break;
      case notation::TermArgument::Kind::Code:
        code = bits_of(symbol);
        break;
      case notation::TermArgument::Kind::MemFlags:
        memflags = symbol.number;
        break;
      case notation::TermArgument::Kind::Operand: {
        const notation::OperandDef& operand = def.operands[argument.operand];
        switch (operand.kind) {
          case notation::OperandDefKind::Reg:
            by_slot.emplace(operand.slot, bits_of(symbol));
            require_class(symbol, operand.reg_class, operand.name + " of " + def.name);
            if (symbol.is_zero_register() && !reads_zero(definitions_.instructions(), def, operand)) {
              obligations_.push_back(
                  {operand.name + " of " + def.name + " reads zero, not the stack pointer", terms_.boolean(false)});
            }
            break;
          case notation::OperandDefKind::Imm:
            if (uint64_t number = 0; terms_.simplify(bits_of(symbol)).is_numeral_u64(number)) {
              if (!is_encodable(operand.imm, number)) {
                obligations_.push_back({"operands of " + def.name + " are in range", terms_.boolean(false)});
              }
            }
            by_slot.emplace(operand.slot, terms_.zext(bits_of(symbol), 64));
            break;
          case notation::OperandDefKind::Mem: {
            const SymbolicAmode& amode = amode_of(symbol);
            check_address(def, definitions_.instructions().amodes[operand.amode], amode);
            const std::optional<z3::expr>* parts[] = {&amode.base, &amode.index, &amode.shift, &amode.disp};
            for (unsigned part = 0; part < 4; ++part) {
              if (*parts[part]) by_slot.emplace(operand.slot + part, **parts[part]);
            }
            break;
          }
          case notation::OperandDefKind::Label:
            if (symbol.kind != Symbol::Kind::Label) throw Unsupported{"a branch to a label that has no model"};
            if (operand.is_place) {
              if (symbol.number >= 0) throw Unsupported{"the address of a branch's target"};
              by_slot.emplace(operand.slot, opaque_address(symbol.number));
              break;
            }
            label = symbol.number;
            break;
          case notation::OperandDefKind::Symbol:
          case notation::OperandDefKind::Constant: {
            by_slot.emplace(operand.slot, opaque_address(symbol.number));
            break;
          }
        }
        break;
      }
    }
  }

  size_t loads_before = 0;
  for (const Effect& effect : effects_)
    loads_before += effect.kind == Effect::Kind::Load || effect.kind == Effect::Kind::Store;
  const z3::expr_vector nodes = translate(
      terms_, *semantics,
      [&](uint32_t i) -> z3::expr {
        const notation::Input& in = semantics->inputs[i];
        if (in.kind == notation::InputKind::Undefined) return terms_.fresh("undefined", in.width);
        const auto it = by_slot.find(in.id);
        const bool known = it != by_slot.end();
        switch (in.kind) {
          case notation::InputKind::Value:
            if (known) return widened(terms_, it->second, in.width);
            if (in.name.find('.') != std::string::npos) return terms_.bv(in.width, 0);  // an absent part of an address
            return terms_.fresh(in.name, in.width);
          case notation::InputKind::Imm:
            return known ? terms_.zext(it->second, in.width) : terms_.bv(in.width, 0);
          case notation::InputKind::Address:
            if (known) return terms_.zext(it->second, in.width);
            return terms_.fresh(in.name, in.width);
          default:
            return terms_.fresh(in.name, in.width);
        }
      },
      [&](uint32_t event, const z3::expr&) {
        const notation::Event& e = semantics->events[event];
        const z3::expr memory = loaded(loads_before + event, e.bits);
        return e.big_endian ? terms_.bswap(memory) : memory;
      });
  for (const notation::NodeId required : semantics->required) {
    obligations_.push_back({"operands of " + def.name + " are in range", nodes[required]});
  }
  for (const notation::Trap& trap : semantics->traps) {
    if (!code) throw Unsupported{"instruction " + def.name + " traps but carries no code"};
    effects_.push_back({.kind = Effect::Kind::Trap, .condition = nodes[trap.condition], .code = code});
  }
  for (uint32_t event = 0; event < semantics->events.size(); ++event) {
    const notation::Event& e = semantics->events[event];
    const z3::expr value = e.is_store ? (e.big_endian ? terms_.bswap(nodes[e.value]) : z3::expr(nodes[e.value]))
                                      : loaded(loads_before + event, e.bits);
    effects_.push_back({.kind = e.is_store ? Effect::Kind::Store : Effect::Kind::Load,
                        .address = nodes[e.address],
                        .value = value,
                        .bits = e.bits,
                        .memflags = memflags,
                        .is_ordered = is_ordered_access(def)});
  }
  if (semantics->branch != notation::kNoNode) {
    if (label < 0) throw Unsupported{"instruction " + def.name + " branches without a label"};
    effects_.push_back(
        {.kind = Effect::Kind::Branch, .condition = nodes[semantics->branch], .target = target_of(label)});
  }
  if (def.flags_def || def.flags_clobber) ++flags_epoch_;

  std::vector<Symbol> registers;
  std::optional<Symbol> flags;
  for (const notation::OperandDef& operand : def.operands) {
    if (!operand.is_def) continue;
    std::optional<z3::expr> value;
    for (const notation::Assignment& result : semantics->results) {
      if (result.id == operand.slot) value = nodes[result.value];
    }
    registers.push_back(
        Symbol::of_reg(value ? terms_.zext(*value, 64) : terms_.fresh(operand.name, 64), operand.reg_class));
  }
  if (def.flags_def) {
    std::optional<z3::expr> value;
    for (const notation::Assignment& result : semantics->results) {
      if (result.id == notation::kFlagsId) value = nodes[result.value];
    }
    const unsigned width = std::max(1u, definitions_.instructions().isa.flags_width);
    flags = Symbol{
        .kind = Symbol::Kind::Flags, .number = flags_epoch_, .term = value ? *value : terms_.fresh("flags", width)};
  }
  const std::string& result_type = program_.types[term.result].name;
  if (result_type == "Reg") return registers.at(0);
  if (result_type == "Flags") return *flags;
  if (result_type == "MultiReg") {
    if (flags) registers.push_back(*flags);
    return {.kind = Symbol::Kind::Multi, .fields = std::move(registers)};
  }
  return Symbol::unit();
}

}  // namespace assay::verify
