// See expand.h. Here: structs by value of odd sizes, thread-local values, symbols with an odd offset.
#include <algorithm>

#include "compiler/machine/expand_parts.h"

namespace assay::machine::expansion {

using ir::Opcode;
using ir::Type;
using ir::Value;

namespace {

constexpr uint32_t kWord = 8;

bool is_odd(const ir::AbiParam& param) {
  return param.purpose == ir::Purpose::kStructArgument && param.struct_size % kWord != 0;
}

bool has_odd(const ir::Signature& signature) { return std::ranges::any_of(signature.params, is_odd); }

uint32_t in_words(uint32_t size) { return (size + kWord - 1) / kWord * kWord; }

void round_up(ir::Signature& signature) {
  for (ir::AbiParam& param : signature.params) {
    if (is_odd(param)) param.struct_size = in_words(param.struct_size);
  }
}

// The address of a copy that may be read in whole words.
Value copy_in_words(Rewriter& r, Value from, uint32_t size) {
  const ir::StackSlot slot = r.f.stack_slots.push({.size = in_words(size)});
  const Value to = r.f.result(r.b.insert({.opcode = Opcode::kStackAddr, .type = ir::kI64, .entity = slot.index}));
  const ir::MemFlags flags = ir::MemFlags().with_notrap();
  constexpr Type kParts[] = {ir::kI64, ir::kI32, ir::kI16, ir::kI8};
  uint32_t at = 0;
  for (const Type part : kParts) {
    for (; size - at >= part.bytes(); at += part.bytes()) {
      const auto offset = static_cast<int32_t>(at);
      r.b.store(flags, r.b.load(part, flags, from, offset), to, offset);
    }
  }
  return to;
}

bool is_odd_symbol(const ir::Function& function, const ir::InstData& data) {
  return data.opcode == Opcode::kSymbolValue && function.global_values[data.global_value()].offset % 2 != 0;
}

Value address_of(Rewriter& r, ir::GlobalValueData symbol) {
  const ir::GlobalValue global = r.f.global_values.push(std::move(symbol));
  return r.f.result(r.b.insert({.opcode = Opcode::kSymbolValue, .type = r.data().type, .entity = global.index}));
}

Value plus(Rewriter& r, Value x, int64_t addend) {
  return addend == 0 ? x : r.b.iadd(x, r.b.constant(r.type_of(x), static_cast<uint64_t>(addend)));
}

}  // namespace

bool has_odd_structs(const ir::Function& function) {
  if (has_odd(function.signature)) return true;
  for (uint32_t i = 0; i < function.signatures.size(); ++i) {
    if (has_odd(function.signatures[ir::SigRef(i)])) return true;
  }
  return false;
}

void expand_odd_structs(ir::Function& function, const std::function<void(ir::Inst)>& belongs_to) {
  const auto count = static_cast<uint32_t>(function.inst_count());
  for (uint32_t i = 0; i < count; ++i) {
    const ir::Inst inst(i);
    const ir::OperationInfo& info = function.info(inst);
    if (function.inst_block(inst).is_none() || !info.is_call() || !info.variable_args) continue;
    const std::vector<ir::AbiParam> params = function.signatures[function.call_signature(inst)].params;
    Rewriter r(function, inst, 0);
    for (uint32_t k = 0; k < params.size(); ++k) {
      const uint32_t operand = info.value_operands + k;
      if (!is_odd(params[k])) continue;
      const Value copy = copy_in_words(r, r.arg(operand), params[k].struct_size);
      function.args(inst)[operand] = copy;
    }
    belongs_to(inst);
  }
  round_up(function.signature);
  for (uint32_t i = 0; i < function.signatures.size(); ++i) round_up(function.signatures[ir::SigRef(i)]);
}

bool wants_symbol(const ir::Function& function, ir::Inst inst) {
  const ir::InstData& data = function.inst(inst);
  return data.opcode == Opcode::kTlsValue || is_odd_symbol(function, data);
}

void expand_symbol(Rewriter& r) {
  ir::GlobalValueData symbol = r.f.global_values[r.data().global_value()];
  if (r.data().opcode == Opcode::kSymbolValue) {
    // s390x's instruction for addresses counts in halfwords.
    --symbol.offset;
    return r.replace_with(plus(r, address_of(r, std::move(symbol)), 1));
  }
  const int64_t offset = symbol.offset;
  std::string name = to_string(symbol.name);
  name.erase(0, name.find_first_not_of('%'));
  symbol.name = ir::ExternalName::testcase("__emutls_v." + name);
  symbol.tls = false;
  symbol.offset = 0;
  const Value control = address_of(r, std::move(symbol));
  r.replace_with(plus(r, r.library("__emutls_get_address", {control}, r.result_type()), offset));
}

}  // namespace assay::machine::expansion
