// The values of a run: CLIF values and instructions that become known piece by piece. See expand.h, run.h.
#include <algorithm>

#include "compiler/ir/immediates.h"
#include "verify/run.h"

namespace assay::verify {

namespace {

constexpr unsigned kWidest = 128;

// The scalar types that the proofs range over; addresses are 64 bits.
std::vector<unsigned> types_of(const ops::TypeVariable& variable) {
  if (variable.name == "iAddr") return {64};
  std::vector<unsigned> types;
  if ((variable.set.lanes & 1) == 0) return types;
  for (unsigned log2 = 3; 1u << log2 <= kWidest; ++log2) {
    if (variable.set.ints >> log2 & 1) types.push_back(1u << log2);
  }
  for (unsigned log2 = 4; 1u << log2 <= kWidest; ++log2) {
    if (variable.set.floats >> log2 & 1) types.push_back(kFloatType + (1u << log2));
  }
  return types;
}

bool is_block_operand(const std::string& kind) {
  return kind == "block_call" || kind == "block_then" || kind == "block_else" || kind == "jump_table" ||
         kind == "exception_table" || kind == "raw_block";
}

// What a read-modify-write leaves in memory.
z3::expr combined(ir::AtomicRmwOp kind, const z3::expr& old, const z3::expr& x) {
  switch (kind) {
    case ir::AtomicRmwOp::kAdd:
      return old + x;
    case ir::AtomicRmwOp::kSub:
      return old - x;
    case ir::AtomicRmwOp::kAnd:
      return old & x;
    case ir::AtomicRmwOp::kNand:
      return ~(old & x);
    case ir::AtomicRmwOp::kOr:
      return old | x;
    case ir::AtomicRmwOp::kXor:
      return old ^ x;
    case ir::AtomicRmwOp::kXchg:
      return x;
    case ir::AtomicRmwOp::kUmin:
      return z3::ite(z3::ult(old, x), old, x);
    case ir::AtomicRmwOp::kUmax:
      return z3::ite(z3::ugt(old, x), old, x);
    case ir::AtomicRmwOp::kSmin:
      return z3::ite(z3::slt(old, x), old, x);
    case ir::AtomicRmwOp::kSmax:
      return z3::ite(z3::sgt(old, x), old, x);
  }
  return x;
}

}  // namespace

bool only_traps(const ops::Operation& op) {
  return op.effects == std::vector<std::string>{"can_trap", "side_effects_idempotent"};
}

Symbol Run::fresh(isle::TypeId type_id, const std::string& name) {
  const isle::Type& type = program_.types[type_id];
  using Kind = isle::Type::Kind;
  if (type.kind == Kind::Bool) return Symbol::of_bool(terms_.fresh(name, 0));
  if (type.kind == Kind::Int) return Symbol::of_number(terms_.fresh(name, type.bits));
  if (type.has_variants() && type.name != "InstructionData") {
    const unsigned variant = choices_.choose(static_cast<unsigned>(type.variants.size()));
    Symbol symbol{.kind = Symbol::Kind::Variant, .number = variant, .type = &type};
    for (const isle::Field& field : type.variants[variant].fields)
      symbol.fields.push_back(fresh(field.type, field.name));
    return symbol;
  }
  if (type.name == "Type") {
    return Symbol::of_type(choose_type());
  }
  if (type.name == "Value") return {.kind = Symbol::Kind::Value, .value = fresh_value(name, 0)};
  if (type.name == "Inst" || type.name == "InstructionData") {
    auto inst = std::make_shared<ClifInst>();
    inst->name = name;
    return {.kind = Symbol::Kind::Inst, .inst = inst};
  }
  if (type.name == "Reg") return Symbol::of_reg(terms_.fresh(name, 64));
  if (type.name == "MultiReg") {
    return {
        .kind = Symbol::Kind::Multi,
        .fields = {Symbol::of_reg(terms_.fresh(name + "_low", 64)), Symbol::of_reg(terms_.fresh(name + "_high", 64))}};
  }
  if (type.name == "Flags") {
    const unsigned width = std::max(1u, definitions_.instructions().isa.flags_width);
    return {.kind = Symbol::Kind::Flags, .number = flags_epoch_, .term = terms_.fresh(name, width)};
  }
  if (type.name == "Imm64") return Symbol::of_number(terms_.fresh(name, 64));
  if (type.name == "Offset32") return Symbol::of_number(terms_.fresh(name, 32));
  if (type.name == "Ieee16" || type.name == "Ieee32" || type.name == "Ieee64") {
    return Symbol::of_number(terms_.fresh(name, static_cast<unsigned>(std::stoul(type.name.substr(4)))));
  }
  if (type.name == "TrapCode") {
    const z3::expr code = terms_.fresh(name, 8);
    assumptions_.push_back(code != terms_.bv(8, 0));
    given_.push_back(assumptions_.back());
    return Symbol::of_number(code);
  }
  if (type.name == "MemFlags") return {.kind = Symbol::Kind::MemFlags, .number = next_identity_++};
  return {.kind = Symbol::Kind::Opaque, .number = next_identity_++};
}

std::shared_ptr<ClifValue> Run::fresh_value(const std::string& name, unsigned type) {
  auto value = std::make_shared<ClifValue>();
  value->name = name;
  value->type = type;
  return value;
}

unsigned Run::type_of(const std::shared_ptr<ClifValue>& value) {
  if (value->type == 0) value->type = choose_type();
  return value->type;
}

unsigned Run::choose_type() {
  return choose_type({8, 16, 32, 64, kWidest, kFloatType + 16, kFloatType + 32, kFloatType + 64, kFloatType + kWidest});
}

unsigned Run::choose_type(const std::vector<unsigned>& types) {
  const auto count = static_cast<unsigned>(types.size());
  const unsigned type = types[choices_.choose(count)];
  // Runs at random look for functions that reach a rule: most rules are for integers in one register.
  return choices_.expands_all() && type >= kWidest ? types[choices_.choose(count)] : type;
}

z3::expr Run::term_of(const std::shared_ptr<ClifValue>& value) {
  if (value->term) return *value->term;
  if (value->def && value->def->operation >= 0) {
    value->term = terms_.simplify(value->def->is_node ? node_result(*value->def, nullptr)
                                                      : operation_results(*value->def, nullptr)[value->def->result]);
  } else {
    value->term = terms_.fresh(value->name, type_width(type_of(value)));
    looked_through_.push_back(value);
  }
  return *value->term;
}

// E3: bits above the value's width are new; but see FloatPlace.
z3::expr Run::register_of(const std::shared_ptr<ClifValue>& value) {
  if (value->reg) return *value->reg;
  const z3::expr bits = term_of(value);
  const unsigned width = bits.get_sort().bv_size();
  if (width > 64) obligations_.push_back({value->name + " fits in a register", terms_.boolean(false)});
  if (width >= 64) {
    value->reg = width > 64 ? bits.extract(63, 0) : bits;
    return *value->reg;
  }
  const notation::FloatPlace place = float_place(type_of(value));
  if (place == notation::FloatPlace::Boxed) {
    value->reg = z3::concat(terms_.bv(64 - width, ~uint64_t{0} >> width), bits);
    return *value->reg;
  }
  const z3::expr other = terms_.fresh(value->name + "_above", 64 - width);
  value->reg = place == notation::FloatPlace::High ? z3::concat(bits, other) : z3::concat(other, bits);
  return *value->reg;
}

notation::FloatPlace Run::float_place(unsigned type) const {
  return type >= kFloatType && type_width(type) < 64 ? definitions_.instructions().isa.floats
                                                     : notation::FloatPlace::Low;
}

// The register of a value's low half, which is all of most values; the register of an i128's high half.
z3::expr Run::part_of(const std::shared_ptr<ClifValue>& value, bool high) {
  if (type_of(value) == kWidest) return high ? term_of(value).extract(127, 64) : term_of(value).extract(63, 0);
  if (!high) return register_of(value);
  obligations_.push_back({value->name + " has a high half", terms_.boolean(false)});
  return terms_.fresh(value->name + "_high", 64);
}

z3::expr Run::pair_of(const Symbol& multi) {
  const std::vector<Symbol>& fields = multi.fields;
  if (fields.size() < 2 || fields[0].kind != Symbol::Kind::Reg || fields[1].kind != Symbol::Kind::Reg) {
    throw Unsupported{"a number in two registers of what has less"};
  }
  const z3::expr &low = *fields[0].term, &high = *fields[1].term;
  // Both halves of one number are that number: taken apart, its sums would be hard to recognise.
  const auto is_slice = [](const z3::expr& e, unsigned from) {
    return e.is_app() && e.decl().decl_kind() == Z3_OP_EXTRACT && e.lo() == from &&
           e.arg(0).get_sort().bv_size() == 128;
  };
  if (is_slice(low, 0) && is_slice(high, 64) && z3::eq(low.arg(0), high.arg(0))) return low.arg(0);
  return z3::concat(high, low);
}

z3::expr Run::bits_of(const Symbol& symbol) {
  if (symbol.kind == Symbol::Kind::Value) return term_of(symbol.value);
  if (symbol.term) return *symbol.term;
  throw Unsupported{"a value that is no bit vector is used as one"};
}

SpecValue Run::spec_value(const Symbol& symbol) {
  switch (symbol.kind) {
    case Symbol::Kind::Type:
      return SpecValue::of(symbol.number);
    case Symbol::Kind::Value: {
      SpecValue value = SpecValue::of(term_of(symbol.value));
      value.value_type = type_of(symbol.value);
      return value;
    }
    case Symbol::Kind::Multi:
      return SpecValue::of(pair_of(symbol));
    case Symbol::Kind::Variant: {
      SpecValue value{.kind = SpecValue::Kind::Variant, .integer = symbol.number, .type = symbol.type};
      for (const Symbol& field : symbol.fields) value.fields.push_back(spec_value(field));
      return value;
    }
    default:
      if (symbol.term) return SpecValue::of(*symbol.term);
      throw Unsupported{"a spec needs a value that has no model"};
  }
}

Symbol Run::from_spec_value(const SpecValue& value, isle::TypeId type_id) {
  const isle::Type& type = program_.types[type_id];
  if (value.is_integer()) {
    if (type.name == "Type") return Symbol::of_type(static_cast<unsigned>(value.integer));
    if (type.kind == isle::Type::Kind::Int) return Symbol::of_number(terms_.context().bv_val(value.integer, type.bits));
    throw Unsupported{"a spec gives an integer for " + type.name};
  }
  if (!value.term) throw Unsupported{"a spec gives a variant for " + type.name};
  if (value.term->is_bool()) return Symbol::of_bool(*value.term);
  const unsigned width = value.term->get_sort().bv_size();
  if (type.name == "Value") {
    auto clif = fresh_value("v", width);
    clif->term = *value.term;
    return {.kind = Symbol::Kind::Value, .value = clif};
  }
  if (type.name == "Flags") return {.kind = Symbol::Kind::Flags, .number = flags_epoch_, .term = *value.term};
  if (type.name == "Reg") {
    if (width != 64) throw Unsupported{"a spec gives a register that is not 64 bits wide"};
    return Symbol::of_reg(*value.term);
  }
  if (type.name == "MultiReg") {
    if (width != 128) throw Unsupported{"a spec gives two registers that are not 128 bits wide"};
    return {.kind = Symbol::Kind::Multi,
            .fields = {Symbol::of_reg(value.term->extract(63, 0)), Symbol::of_reg(value.term->extract(127, 64))}};
  }
  if (type.kind == isle::Type::Kind::Int && width != type.bits) {
    throw Unsupported{"a spec gives " + std::to_string(width) + " bits for " + type.name};
  }
  return Symbol::of_number(*value.term);
}

// A condition of the ISA's instruction notation, or a CLIF operation's result.
SpecValue call_spec_function(Definitions& definitions, Terms& terms, const std::string& name,
                             const std::vector<SpecValue>& arguments) {
  static constexpr std::string_view kTraps = ".traps";
  const bool asks_for_traps = name.ends_with(kTraps);
  const std::string function = asks_for_traps ? name.substr(0, name.size() - kTraps.size()) : name;
  std::span<const SpecValue> operands = arguments;
  unsigned result_width = 0;
  if (!arguments.empty() && arguments[0].is_integer()) {
    if (arguments[0].integer < 1 || arguments[0].integer > kWidest) throw SpecError{name + " of no such width"};
    result_width = static_cast<unsigned>(arguments[0].integer);
    operands = operands.subspan(1);
  }
  std::string reason;
  const notation::Semantics* semantics = definitions.function_semantics(function, operands, reason, result_width);
  if (semantics == nullptr) throw SpecError{reason};
  for (const notation::Input& input : semantics->inputs) {
    if (!operands[input.id].term)
      throw SpecError{name + " needs a bit vector as argument " + std::to_string(input.id + 1)};
  }
  const z3::expr_vector nodes = translate(
      terms, *semantics, [&](uint32_t i) { return *operands[semantics->inputs[i].id].term; },
      [&](uint32_t, const z3::expr&) -> z3::expr { throw SpecError{name + " loads"}; });
  if (asks_for_traps) {
    z3::expr traps = terms.boolean(false);
    for (const notation::Trap& trap : semantics->traps) traps = traps || nodes[trap.condition];
    return SpecValue::of(traps);
  }
  const z3::expr result = nodes[semantics->results.at(0).value];
  return SpecValue::of(semantics->results[0].id == kConditionId ? result == terms.bv(1, 1) : result);
}

SpecEnvironment Run::spec_environment() {
  SpecEnvironment env;
  env.functions = &spec_functions_;
  return env;
}

void Run::set_operation(ClifInst& inst, int operation) {
  if (inst.operation == operation) return;
  if (inst.operation >= 0) throw Pruned{};
  if (inst.is_definition) {
    const ops::Operation& op = definitions_.operations().operations[operation];
    // def_inst does not look through it; a node of the mid-end is one that cannot trap, see require_nodes().
    if (!op.effects.empty() && !(inst.is_node && only_traps(op))) throw Pruned{};
    if (op.results.size() != 1 && !inst.is_node) throw Unsupported{"a value is one of several results of " + op.name};
  }
  inst.operation = operation;
  choose_types(inst);
  // No rule of the mid-end sees f128 (Context::node).
  const auto is_seen = [](unsigned type) { return type != kFloatType + kWidest; };
  if (!inst.is_node) return;
  bool all_seen = is_seen(inst.result_type);
  for (const Symbol& input : inst.inputs) {
    if (input.kind == Symbol::Kind::Value) all_seen = all_seen && is_seen(input.value->type);
  }
  if (!all_seen) throw Pruned{};
}

// Chooses a width for each type variable of the operation and makes the operands.
void Run::choose_types(ClifInst& inst) {
  const ops::OpsFile& file = definitions_.operations();
  const ops::Operation& op = file.operations[inst.operation];
  inst.variables.assign(file.variables.size(), 0);
  const auto type_of_kind = [&](const ops::Kind& kind, unsigned wanted) -> unsigned {
    if (kind.sort == ops::Kind::Sort::kType) {
      if (kind.name.find('x') != std::string::npos) throw Unsupported{"operates on " + kind.name};
      return static_cast<unsigned>(std::stoul(kind.name.substr(1))) + (kind.name[0] == 'f' ? kFloatType : 0);
    }
    unsigned& variable = inst.variables[kind.variable];
    if (variable == 0) {
      const std::vector<unsigned> types = types_of(file.variables[kind.variable]);
      if (types.empty()) throw Unsupported{"has no scalar types: " + op.name};
      if (wanted != 0 && kind.function.empty()) {
        if (std::find(types.begin(), types.end(), wanted) == types.end()) throw Pruned{};
        variable = wanted;
      } else {
        variable = choose_type(types);
      }
    }
    const std::string& function = kind.function;
    if (function.empty() || function == "lane_of" || function == "as_int") return variable;
    if (function == "as_truthy") return 8;
    if (function == "half_width" || function == "double_width") {
      const unsigned width = function == "half_width" ? variable / 2 : variable * 2;
      if (width < 8 || width > kWidest) throw Pruned{};
      return width;
    }
    if (function == "wider" || function == "narrower") {
      const unsigned of = variable & kFloatType;
      std::vector<unsigned> types;
      for (unsigned width = of != 0 ? 16 : 8; width <= kWidest; width *= 2) {
        if (function == "wider" ? of + width > variable : of + width < variable) types.push_back(of + width);
      }
      return types.empty() ? throw Pruned{} : choose_type(types);
    }
    throw Unsupported{"type function " + function};
  };
  // Results first: their type is often known already (has_type).
  for (size_t i = 0; i < op.results.size(); ++i) {
    if (!op.results[i].kind.is_value()) break;  // the results of calls
    inst.result_types.push_back(type_of_kind(op.results[i].kind, i == 0 ? inst.result_type : 0));
  }
  if (!inst.result_types.empty()) {
    if (inst.result_type != 0 && inst.result_type != inst.result_types[0]) throw Pruned{};
    inst.result_type = inst.result_types[0];
  }
  std::string types;
  for (const ops::Operand& operand : op.inputs) {
    Symbol symbol;
    const std::string& kind = operand.kind.name;
    if (operand.kind.is_value()) {
      const unsigned type = type_of_kind(operand.kind, 0);
      if (op.name == "bitcast" && type_width(type) != type_width(inst.result_type)) throw Pruned{};
      symbol = {.kind = Symbol::Kind::Value, .value = fresh_value(operand.name, type)};
      types += (types.empty() ? "" : ", ") + operand.name + ": " + type_name(type);
    } else if (kind == "imm64") {
      symbol = Symbol::of_number(terms_.fresh(operand.name, 64));
    } else if (kind == "offset32") {
      symbol = Symbol::of_number(terms_.fresh(operand.name, 32));
    } else if (kind == "intcc") {
      symbol = fresh(program_.find_type("IntCC"), operand.name);
      static constexpr const char* kNames[] = {"eq", "ne", "slt", "sge", "sgt", "sle", "ult", "uge", "ugt", "ule"};
      types += (types.empty() ? "" : ", ") + std::string(kNames[symbol.number]);
    } else if (kind == "floatcc") {
      symbol = fresh(program_.find_type("FloatCC"), operand.name);
      types += (types.empty() ? "" : ", ") + std::string(kFloatConditions[symbol.number]);
    } else if (kind == "atomic_rmw_op") {
      symbol = fresh(program_.find_type("AtomicRmwOp"), operand.name);
      types += (types.empty() ? "" : ", ") + std::string(ir::to_string(static_cast<ir::AtomicRmwOp>(symbol.number)));
    } else if (kind == "ieee16" || kind == "ieee32" || kind == "ieee64") {
      symbol = Symbol::of_number(terms_.fresh(operand.name, static_cast<unsigned>(std::stoul(kind.substr(4)))));
    } else if (kind == "trapcode") {
      symbol = fresh(program_.find_type("TrapCode"), operand.name);
    } else if (kind == "memflags") {
      symbol = {.kind = Symbol::Kind::MemFlags, .number = next_identity_++};
    } else if (is_block_operand(kind)) {
      symbol = {.kind = Symbol::Kind::None};
    } else {
      symbol = {.kind = Symbol::Kind::Opaque, .number = next_identity_++};
    }
    inst.inputs.push_back(std::move(symbol));
  }
  description_ += (description_.empty() ? "" : "; ") + op.name +
                  (inst.result_type != 0 ? "." + type_name(inst.result_type) : "") + "(" + types + ")";
  inst.typed = true;
}

z3::expr Run::loaded(size_t index, unsigned bits) {
  auto it = loaded_.find({index, bits});
  if (it == loaded_.end()) {
    it = loaded_.emplace(std::make_pair(index, bits), terms_.fresh("memory" + std::to_string(index), bits)).first;
  }
  return it->second;
}

bool Run::is_big(int64_t memflags) {
  const auto it = big_endian_.find(memflags);
  if (it != big_endian_.end()) return it->second;
  const bool big = choices_.choose(2) == 1;
  description_ += big ? " big-endian" : " little-endian";
  return big_endian_[memflags] = big;
}

std::optional<int64_t> Run::place_of_frame(std::string_view operation) {
  static constexpr std::string_view kPlaces[] = {"stack_pointer", "frame_pointer", "return_address",
                                                 "exception_handler_address"};
  const auto* place = std::ranges::find(kPlaces, operation);
  if (place == std::end(kPlaces)) return std::nullopt;
  return -1 - (place - kPlaces);  // slots, functions and symbols count from 0
}

z3::expr Run::opaque_address(int64_t identity) {
  auto it = opaque_terms_.find(identity);
  if (it == opaque_terms_.end()) it = opaque_terms_.emplace(identity, terms_.fresh("address", 64)).first;
  return it->second;
}

z3::expr Run::effective_address(const SymbolicAmode& amode) {
  z3::expr sum = amode.disp ? *amode.disp : terms_.bv(64, 0);
  if (amode.index) sum = sum + (amode.shift ? z3::shl(*amode.index, *amode.shift) : *amode.index);
  return amode.base ? *amode.base + sum : sum;
}

// The results of the operation, from its sem; its traps and memory accesses are appended to `effects`. Without a place
// for the bits of the result that may be anything there must be none.
z3::expr_vector Run::operation_results(ClifInst& inst, std::vector<Effect>* effects,
                                       std::optional<z3::expr>* free_bits) {
  const ops::Operation& op = definitions_.operations().operations[inst.operation];
  z3::expr_vector results(terms_.context());
  const auto memory_bits = [&](std::string_view prefix) -> unsigned {
    const std::string& name = op.name;
    if (!name.starts_with(prefix)) return 0;
    const std::string digits = name.substr(prefix.size());
    return digits == "8" ? 8 : digits == "16" ? 16 : digits == "32" ? 32 : 0;
  };
  const bool plain_load = op.name == "load", plain_store = op.name == "store";
  const unsigned uload = memory_bits("uload"), sload = memory_bits("sload"), istore = memory_bits("istore");
  if (plain_load || uload != 0 || sload != 0) {
    // inputs: flags, address, offset
    const unsigned width = type_width(inst.result_type), bits = plain_load ? width : uload + sload;
    const z3::expr address = term_of(inst.inputs[1].value) + terms_.sext(bits_of(inst.inputs[2]), 64);
    const z3::expr memory = bits == 128 ? z3::concat(loaded(1, 64), loaded(0, 64)) : loaded(0, bits);
    const z3::expr value = is_big(inst.inputs[0].number) ? terms_.bswap(memory) : memory;
    results.push_back(sload != 0 ? terms_.sext(value, width) : terms_.zext(value, width));
    if (effects != nullptr) {
      effects->push_back({.kind = Effect::Kind::Load,
                          .address = address,
                          .value = memory,
                          .bits = bits,
                          .memflags = inst.inputs[0].number});
    }
    return results;
  }
  if (plain_store || istore != 0) {
    // inputs: flags, value, address, offset
    const z3::expr full = term_of(inst.inputs[1].value);
    const unsigned bits = plain_store ? full.get_sort().bv_size() : istore;
    const z3::expr low = terms_.zext(full, bits);
    const z3::expr address = term_of(inst.inputs[2].value) + terms_.sext(bits_of(inst.inputs[3]), 64);
    if (effects != nullptr) {
      effects->push_back({.kind = Effect::Kind::Store,
                          .address = address,
                          .value = is_big(inst.inputs[0].number) ? terms_.bswap(low) : low,
                          .bits = bits,
                          .memflags = inst.inputs[0].number});
    }
    return results;
  }
  if (op.name == "stack_addr" || op.name == "func_addr" || op.name == "symbol_value") {
    // inputs: slot, offset, or function, or symbol; where these lie is not known
    if (type_width(inst.result_type) != 64) throw Unsupported{"an address of " + type_name(inst.result_type)};
    const z3::expr address = opaque_address(inst.inputs[0].number);
    results.push_back(op.name == "stack_addr" ? address + terms_.sext(bits_of(inst.inputs[1]), 64) : address);
    return results;
  }
  if (const auto place =
          op.name.starts_with("get_") ? place_of_frame(std::string_view(op.name).substr(4)) : std::nullopt) {
    results.push_back(opaque_address(*place));
    return results;
  }
  const bool atomic_store = op.name == "atomic_store", atomic_cas = op.name == "atomic_cas";
  const bool atomic_rmw = op.name == "atomic_rmw";
  if (op.name == "atomic_load" || atomic_store || atomic_cas || atomic_rmw) {
    // inputs: flags, address, and of a compare-and-swap what is expected and the new value; or flags, value, address;
    // or flags, kind, address, operand
    const uint32_t flags = inst.inputs[0].number;
    const auto in_order = [&](const z3::expr& value) { return is_big(flags) ? terms_.bswap(value) : value; };
    const z3::expr address = term_of(inst.inputs[atomic_store || atomic_rmw ? 2 : 1].value);
    const unsigned bits = atomic_store ? type_width(type_of(inst.inputs[1].value)) : type_width(inst.result_type);
    const auto access = [&](Effect::Kind kind, const z3::expr& value) {
      if (effects == nullptr) return;
      effects->push_back({.kind = kind, .address = address, .value = value, .bits = bits, .memflags = flags});
    };
    if (atomic_store) {
      access(Effect::Kind::Store, in_order(term_of(inst.inputs[1].value)));
      return results;
    }
    const z3::expr memory = loaded(0, bits), was = in_order(memory);
    access(Effect::Kind::Load, memory);
    if (atomic_cas) {
      const z3::expr fits = was == term_of(inst.inputs[2].value);
      access(Effect::Kind::Store, z3::ite(fits, in_order(term_of(inst.inputs[3].value)), memory));
    }
    if (atomic_rmw) {
      const auto kind = static_cast<ir::AtomicRmwOp>(inst.inputs[1].number);
      access(Effect::Kind::Store, in_order(combined(kind, was, term_of(inst.inputs[3].value))));
    }
    results.push_back(was);
    return results;
  }
  if (op.name == "debugtrap" && effects != nullptr) effects->push_back({.kind = Effect::Kind::Breakpoint});
  if (op.name == "nop" || op.name == "fence" || op.name == "debugtrap" || op.name == "sequence_point") {
    return results;
  }

  std::vector<unsigned> widths, result_widths;
  for (const unsigned type : inst.result_types) result_widths.push_back(type_width(type));
  int condition = -1;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    const Symbol& input = inst.inputs[i];
    widths.push_back(input.kind == Symbol::Kind::Value ? type_width(type_of(input.value)) : 0);
    if (input.kind == Symbol::Kind::Variant) condition = static_cast<int>(input.number);
  }
  std::string reason;
  const notation::Semantics* semantics =
      definitions_.operation_semantics(inst.operation, widths, result_widths, condition, reason);
  if (semantics == nullptr) throw Unsupported{reason};
  const z3::expr_vector nodes = translate(
      terms_, *semantics, [&](uint32_t i) { return bits_of(inst.inputs[semantics->inputs[i].id]); },
      [&](uint32_t, const z3::expr&) -> z3::expr { throw Unsupported{"an operation's sem loads"}; });
  for (uint32_t i = 0; i < result_widths.size(); ++i) {
    for (const notation::Assignment& result : semantics->results) {
      if (result.id == i) results.push_back(nodes[result.value]);
    }
  }
  for (const notation::Assignment& result : semantics->results) {
    if (result.id != kFreeId) continue;
    if (free_bits == nullptr) throw Unsupported{"looks through " + op.name + ", whose NaNs are open"};
    *free_bits = nodes[result.value];
  }
  if (effects != nullptr) {
    for (const notation::Trap& trap : semantics->traps) {
      std::optional<z3::expr> code;
      for (size_t i = 0; i < op.inputs.size(); ++i) {
        if (op.inputs[i].name == trap.code) code = bits_of(inst.inputs[i]);
      }
      if (!code) {
        const uint64_t number = trap.code == "int_divz"   ? 254
                                : trap.code == "int_ovf"  ? 253
                                : trap.code == "heap_oob" ? 252
                                : trap.code == "stk_ovf"  ? 251
                                                          : 255;
        code = terms_.bv(8, number);
      }
      effects->push_back({.kind = Effect::Kind::Trap, .condition = nodes[trap.condition], .code = code});
    }
  }
  return results;
}

}  // namespace assay::verify
