// See witness_function.h. Rules' patterns bound the depth of the trees, so recursion is safe.
#include "verify/witness_function.h"

#include <algorithm>
#include <utility>

#include "compiler/ir/immediates.h"

namespace assay::verify {

namespace {

std::string signed_text(uint64_t value, unsigned width) {
  const unsigned unused = 64 - width;
  return std::to_string(static_cast<int64_t>(value << unused) >> unused);
}

constexpr uint64_t kInSlot = 0x8899aabbccddeeff;

// Width of the memory that an operation touches; 0 if it touches none.
unsigned memory_width(const ops::Operation& op, const ClifInst& inst) {
  if (op.name == "load" || op.name == "atomic_load" || op.name == "atomic_cas" || op.name == "atomic_rmw")
    return type_width(inst.result_type);
  if (op.name == "store" || op.name == "atomic_store") return type_width(inst.inputs[1].value->type);
  for (const char* prefix : {"uload", "sload", "istore"}) {
    if (op.name.starts_with(prefix))
      return static_cast<unsigned>(std::stoul(op.name.substr(std::string_view(prefix).size())));
  }
  return 0;
}

}  // namespace

uint64_t number_of(const z3::model& model, const z3::expr& term) {
  const z3::expr value = model.eval(term, true);
  uint64_t number = 0;
  if (value.is_bv()) value.is_numeral_u64(number);
  return number;
}

unsigned __int128 wide_number_of(const z3::model& model, const z3::expr& term) {
  if (!term.is_bv() || term.get_sort().bv_size() <= 64) return number_of(model, term);
  return static_cast<unsigned __int128>(number_of(model, term.extract(127, 64))) << 64 |
         number_of(model, term.extract(63, 0));
}

WitnessFunction::WitnessFunction(Definitions& definitions, Terms& terms, const Instantiation& instantiation,
                                 bool both_sides)
    : definitions_(definitions),
      terms_(terms),
      instantiation_(instantiation),
      clif_(instantiation.clif),
      both_sides_(both_sides) {
  if (clif_.root == nullptr || clif_.root->operation < 0) {
    obstacle_ = "it matches no particular operation, and no user of its term was found that fails";
    return;
  }
  for (const auto& value : clif_.constants) constants_.insert(value.get());
  for (const auto& [a, b] : clif_.same) {
    const ValuePtr x = representative(a.get()), y = representative(b.get());
    if (x == y) continue;
    // Whoever is known better stands for both.
    const bool x_known = x->def != nullptr || constants_.contains(x);
    same_as_[x_known ? y : x] = x_known ? x : y;
  }
  for (const auto& value : clif_.constants) constants_.insert(representative(value.get()));
  collect(*clif_.root);
  if (both_sides_) collect_value(instantiation_.result);
  for (const auto& [identity, address] : clif_.opaque) {
    if (slots_.contains(identity)) constraints_.push_back(address == terms_.bv(64, kRegion));
  }
  stay_in_memory();
}

WitnessFunction::ValuePtr WitnessFunction::representative(ValuePtr value) const {
  for (auto it = same_as_.find(value); it != same_as_.end(); it = same_as_.find(value)) value = it->second;
  return value;
}

const ops::Operation& WitnessFunction::operation(const ClifInst& inst) const {
  return definitions_.operations().operations[inst.operation];
}

// A constant that is no operation of the pattern's.
bool WitnessFunction::is_constant(ValuePtr value) const {
  return constants_.contains(value) && (value->def == nullptr || value->def->operation < 0);
}

void WitnessFunction::collect_value(const Symbol& symbol) {
  const ValuePtr value = representative(symbol.value.get());
  if (is_constant(value)) {
    if (value->term) immediates_.push_back(*value->term);
  } else if (value->def != nullptr && value->def->operation >= 0) {
    collect(*value->def);
  } else if (!parameter_of_.contains(value)) {
    parameter_of_[value] = parameters_.size();
    parameters_.push_back({value->type != 0 ? value->type : 64, value->term});
  }
}

void WitnessFunction::collect(const ClifInst& inst) {
  const ops::Operation& op = operation(inst);
  if (!inst.typed) obstacle_ = "the types of " + op.name + " are not known";
  for (size_t i = 0; i < inst.inputs.size(); ++i) {
    const Symbol& input = inst.inputs[i];
    const std::string& kind = op.inputs[i].kind.name;
    switch (input.kind) {
      case Symbol::Kind::Value:
        collect_value(input);
        break;
      case Symbol::Kind::Number:
        immediates_.push_back(*input.term);
        if (op.name == "iconst" && inst.result_type < 64) {
          constraints_.push_back(z3::ult(*input.term, terms_.bv(64, uint64_t(1) << inst.result_type)));
        }
        if (op.name == "stack_addr") constraints_.push_back(z3::ult(*input.term, terms_.bv(32, kRegionSize / 2)));
        break;
      case Symbol::Kind::Variant:
      case Symbol::Kind::MemFlags:
      case Symbol::Kind::None:
        break;
      default:
        if (kind == "stack_slot") {
          slots_.emplace(input.number, static_cast<unsigned>(slots_.size()));
        } else if (kind == "func_ref" && op.name == "func_addr") {
          uses_function_ = true;
        } else {
          obstacle_ = op.name + " takes an operand that has no model (" + kind + ")";
        }
    }
  }
  touches_memory_ |= memory_width(op, inst) != 0;
}

void WitnessFunction::stay_in_memory() {
  if (!slots_.empty() && !operation(*clif_.root).results.empty()) {
    for (const z3::expr& loaded : clif_.contents) {
      const z3::expr word = terms_.bv(64, kInSlot);
      constraints_.push_back(loaded == z3::concat(word, word).extract(loaded.get_sort().bv_size() - 1, 0));
    }
  }
  const bool is_atomic = operation(*clif_.root).name.starts_with("atomic_");
  for (const z3::expr& address : clif_.addresses) {
    // Of an atomic access that is not aligned CLIF says nothing.
    if (is_atomic) constraints_.push_back(address.extract(3, 0) == terms_.bv(4, 0));
    in_memory_.push_back(z3::uge(address, terms_.bv(64, kRegion)) &&
                         z3::ule(address, terms_.bv(64, kRegion + kRegionSize - 16)));
  }
}

// ---- text -----------------------------------------------------------------------------------------------------------

std::string WitnessFunction::emit_value(const Symbol& symbol) {
  const ValuePtr value = representative(symbol.value.get());
  if (const auto it = printed_.find(value); it != printed_.end()) return it->second;
  std::string name;
  if (is_constant(value)) {
    name = emit_constant(value->type, value->term ? wide_number_of(*model_, *value->term) : 0);
  } else {
    std::vector<std::string> results;
    emit_inst(*value->def, results);
    name = results.at(value->def->result);
  }
  printed_[value] = name;
  return name;
}

std::string WitnessFunction::emit_constant(unsigned type, unsigned __int128 bits) {
  const std::string name = new_value();
  if (type >= kFloatType) {
    line(name + " = " + type_name(type) + "const " + ir::float_to_string(bits, type_width(type)));
  } else if (type <= 64) {
    line(name + " = iconst." + type_name(type) + " " + signed_text(static_cast<uint64_t>(bits), type));
  } else {
    const std::string low = emit_constant(64, static_cast<uint64_t>(bits));
    const std::string high = emit_constant(64, bits >> 64);
    line(name + " = iconcat " + low + ", " + high);
  }
  return name;
}

// The instruction with its operands before it. Returns its name.
std::string WitnessFunction::emit_inst(const ClifInst& inst, std::vector<std::string>& results) {
  const ops::Operation& op = operation(inst);
  std::string operands, flags;
  const auto add = [&](const std::string& text) { operands += (operands.empty() ? " " : ", ") + text; };
  for (size_t i = 0; i < inst.inputs.size(); ++i) {
    const Symbol& input = inst.inputs[i];
    const std::string& kind = op.inputs[i].kind.name;
    if (input.kind == Symbol::Kind::Value) {
      add(emit_value(input));
    } else if (input.kind == Symbol::Kind::Variant) {
      flags += " ";
      flags += kind == "floatcc"         ? kFloatConditions[input.number]
               : kind == "atomic_rmw_op" ? ir::to_string(static_cast<ir::AtomicRmwOp>(input.number))
                                         : ir::to_string(static_cast<ir::IntCC>(input.number));
    } else if (input.kind == Symbol::Kind::MemFlags) {
      const auto it = clif_.big_endian.find(input.number);
      flags += it != clif_.big_endian.end() && it->second ? " big" : " little";
    } else if (kind == "offset32") {
      const std::string text = signed_text(number_of(*model_, *input.term), 32);
      operands += text[0] == '-' ? text : "+" + text;
    } else if (kind == "imm64") {
      add(signed_text(number_of(*model_, *input.term), op.name == "iconst" ? inst.result_type : 64));
    } else if (kind.starts_with("ieee")) {
      add(ir::float_to_string(number_of(*model_, *input.term), input.term->get_sort().bv_size()));
    } else if (kind == "trapcode") {
      add(ir::to_string(ir::TrapCode{static_cast<uint8_t>(number_of(*model_, *input.term))}));
    } else if (kind == "stack_slot") {
      add("ss" + std::to_string(slots_.at(input.number)));
    } else if (kind == "func_ref") {
      add("fn0");
    }
  }
  std::string name = op.name;
  if (op.polymorphic && !op.infers_type) {
    // What a rule of the mid-end makes has no variables; the type that is written is that of its result.
    name += "." + type_name(inst.variables.empty() ? inst.result_type : inst.variables[op.controlling]);
  }
  std::string text;
  for (size_t i = 0; i < op.results.size(); ++i) {
    results.push_back(new_value());
    text += (i == 0 ? "" : ", ") + results.back();
  }
  line(text + (text.empty() ? "" : " = ") + name + flags + operands);
  return name;
}

void WitnessFunction::emit_return(const std::vector<std::string>& values, const std::vector<unsigned>& types) {
  std::string text = "return";
  for (size_t i = 0; i < values.size(); ++i) {
    text += (i == 0 ? " " : ", ") + values[i];
    returns_ += (i == 0 ? "" : ", ") + type_name(types[i]);
  }
  line(text);
}

bool WitnessFunction::discards() const { return instantiation_.discards_results; }

void WitnessFunction::emit_branch(const ClifInst& inst) {
  const std::string& name = operation(inst).name;
  const auto block = [&](unsigned number, uint64_t result) {
    body_ += "block" + std::to_string(number) + ":\n";
    const std::string value = new_value();
    line(value + " = iconst.i32 " + std::to_string(result));
    line("return " + value);
  };
  returns_ = "i32";
  if (name == "jump") {
    line("jump block1");
    block(1, 1);
  } else if (name == "brif") {
    line("brif " + emit_value(inst.inputs[0]) + ", block1, block2");
    block(1, 1);
    block(2, 2);
  } else {
    const std::string index = emit_value(inst.inputs[0]);
    const uint64_t size = clif_.table_size ? number_of(*model_, *clif_.table_size) : 3;
    std::string entries;
    for (uint64_t i = 0; i < size; ++i) entries += (i == 0 ? "block" : ", block") + std::to_string(2 + i % 16);
    line("br_table " + index + ", block1, [" + entries + "]");
    block(1, 1);
    for (uint64_t i = 0; i < std::min<uint64_t>(size, 16); ++i) block(static_cast<unsigned>(2 + i), 100 + i);
  }
}

// What is in a fresh stack slot is not known: a number is stored where a load will look. What a store has put where is
// returned, from an address that owes nothing to the store's.
void WitnessFunction::emit_memory_check(bool before) {
  const ClifInst& root = *clif_.root;
  const unsigned width = memory_width(operation(root), root);
  const bool is_store = operation(root).results.empty() || discards();
  if (width == 0 || is_store == before || (slots_.empty() && (before || !same_address_))) return;
  const uint64_t at = number_of(*model_, clif_.addresses.at(0));
  if (at < kRegion || at + width / 8 > kRegion + kRegionSize) return;
  const std::string address = new_value();
  if (slots_.empty()) {
    line(address + " = iconst.i64 " + std::to_string(at));
  } else {
    line(address + " = stack_addr.i64 ss0+" + std::to_string(at - kRegion));
  }
  std::string value = new_value();
  if (before) {
    line(value + " = iconst." + type_name(std::min(width, 64u)) + " " + signed_text(kInSlot, std::min(width, 64u)));
    if (width == 128) {
      const std::string word = std::exchange(value, new_value());
      line(value + " = iconcat " + word + ", " + word);
    }
    line("store little " + value + ", " + address);
  } else {
    line(value + " = load." + type_name(width) + " little " + address);
    emit_return({value}, {width});
  }
}

std::string WitnessFunction::print(const std::string& name, const z3::model& model, bool same_address) {
  model_ = &model;
  same_address_ = same_address;
  printed_.clear();
  body_.clear();
  returns_.clear();
  next_value_ = 0;
  std::string types, typed;
  std::vector<std::string> names(parameters_.size());
  for (size_t i = 0; i < parameters_.size(); ++i) {
    names[i] = new_value();
    const std::string type = type_name(parameters_[i].type);
    types += (i == 0 ? "" : ", ") + type;
    typed += (i == 0 ? "" : ", ") + names[i] + ": " + type;
  }
  for (const auto& [value, index] : parameter_of_) printed_[value] = names[index];

  const ClifInst& root = *clif_.root;
  const ops::Operation& op = operation(root);
  const auto has_effect = [&](const char* effect) { return std::ranges::find(op.effects, effect) != op.effects.end(); };
  if (has_effect("branches")) {
    emit_branch(root);
  } else {
    emit_memory_check(true);
    std::vector<std::string> results;
    emit_inst(root, results);
    if (op.name == "stack_addr" || op.name == "func_addr") {
      // An address is not the same everywhere; a distance is.
      const std::string base = new_value(), result = new_value();
      line(base + (op.name == "stack_addr" ? " = stack_addr.i64 ss0" : " = func_addr.i64 fn0"));
      line(result + " = isub " + results[0] + ", " + base);
      emit_return({result}, {64});
    } else if (!has_effect("terminates_block")) {
      std::vector<unsigned> result_types = root.result_types;
      if (root.is_node && results.size() > 1) {
        // The rule is about one of them, and may ask that the other is not used.
        results = {results[root.result]};
        result_types = {result_types[root.result]};
      }
      if (both_sides_) {
        results.push_back(emit_value(instantiation_.result));
        result_types.push_back(instantiation_.result.value->type);
      }
      if (discards()) {
        results.clear();
        result_types.clear();
      }
      const size_t before = body_.size();
      emit_memory_check(false);
      if (body_.size() == before) emit_return(results, result_types);
    }
  }
  const std::string arrow = returns_.empty() ? "" : " -> " + returns_;
  std::string text = "function %" + name + "(" + types + ")" + arrow + " {\n";
  for (unsigned i = 0; i < slots_.size(); ++i) {
    text += "    ss" + std::to_string(i) + " = explicit_slot " + std::to_string(kRegionSize) + "\n";
  }
  if (uses_function_) text += "    fn0 = %" + name + "(" + types + ")" + arrow + "\n";
  return text + "block0" + (typed.empty() ? "" : "(" + typed + ")") + ":\n" + body_ + "}\n";
}

WitnessFunction::Outcome WitnessFunction::outcome(const z3::model& model, bool memory_is_given) const {
  Outcome out;
  const ops::Operation& op = operation(*clif_.root);
  const bool is_distance = op.name == "stack_addr" || op.name == "func_addr";
  if (touches_memory_ ? !memory_is_given : !clif_.opaque.empty() && !is_distance) return out;
  if (clif_.target) {
    const uint64_t number = number_of(model, clif_.target->extract(63, 0));
    const bool in_table = number_of(model, clif_.target->extract(71, 64)) == 1;
    const bool is_table = clif_.table_size.has_value();
    out.known = true;
    out.results = {in_table ? 100 + number % 16 : is_table ? 1 : 1 + number};
    return out;
  }
  if (!clif_.trap_code) return out;
  out.known = true;
  out.trap = static_cast<uint8_t>(number_of(model, *clif_.trap_code));
  if (out.trap != 0) return out;
  for (const z3::expr& result : clif_.results) out.results.push_back(wide_number_of(model, result));
  if (is_distance) out.results.at(0) -= number_of(model, clif_.opaque.begin()->second);
  if (touches_memory_ && out.results.empty()) {
    out.results.push_back(wide_number_of(model, discards() ? clif_.contents.back() : clif_.contents.at(0)));
  }
  return out;
}

}  // namespace assay::verify
