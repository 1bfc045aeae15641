// See host_calls.h.
#include "oracles/host_calls.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace assay::oracles {

namespace {

namespace map = memory_map;

// How far below its stack pointer a host function writes.
constexpr uint64_t kFrame = 256;

uint64_t mix(uint64_t x) {  // splitmix64's finisher
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

// Host memory of `size` stack bytes, or null.
uint8_t* stack_bytes(HostContext& context, uint64_t address, uint64_t size) {
  if (address < map::kStackLow || size > map::kStackSize || address - map::kStackLow > map::kStackSize - size) {
    return nullptr;
  }
  return context.stack + (address - map::kStackLow);
}

}  // namespace

std::span<const uint8_t> HostFunctions::stub(IsaKind isa) {
  // ud2, udf, unimp, no instruction.
  static constexpr uint8_t kX64[] = {0x0f, 0x0b}, kAarch64[] = {0x37, 0xc1, 0, 0}, kRiscv64[] = {0x73, 0x10, 0, 0xc0},
                           kS390x[] = {0, 0};
  switch (isa) {
    case IsaKind::x64:
      return kX64;
    case IsaKind::aarch64:
      return kAarch64;
    case IsaKind::riscv64:
      return kRiscv64;
    case IsaKind::s390x:
      return kS390x;
  }
  return {};
}

Expected<void> HostFunctions::add(const std::string& name, const ir::Signature& signature) {
  auto layout = lay_out_call(signature, isa_);
  if (!layout) return std::unexpected(layout.error());
  Function function{.name = name, .layout = std::move(*layout), .result_bits = {}, .operation = {}};
  for (const ir::AbiParam& param : signature.returns) {
    function.result_bits.push_back(static_cast<uint8_t>(param.type.bits()));
  }
  add(std::move(function));
  return {};
}

void HostFunctions::add(Function function) {
  for (const RegisterId id : preserved_registers(isa_, function.layout.convention)) {
    (id.cls == RegisterClass::Integer ? function.kept_integers
     : id.cls == RegisterClass::Float ? function.kept_floats
                                      : function.kept_vectors) |= uint32_t{1} << id.number;
  }
  functions_.push_back(std::move(function));
}

ir::Signature library_signature(const interpreter::LibraryFunctionInfo& info) {
  ir::Signature signature;
  signature.params.assign(info.arguments, {info.from});
  signature.returns.assign(info.results, {info.to});
  return signature;
}

Expected<void> HostFunctions::add(interpreter::LibraryFunction operation) {
  const interpreter::LibraryFunctionInfo& info = library_function(operation);
  auto layout = lay_out_call(library_signature(info), isa_);
  if (!layout) return std::unexpected(layout.error());
  add({.name = std::string(info.name), .layout = std::move(*layout), .result_bits = {}, .operation = operation});
  return {};
}

std::string HostFunctions::call(size_t number, HostContext& context) {
  const Function& function = functions_[number];
  const CallLayout& layout = function.layout;
  const AbiFacts& facts = abi_facts(isa_);
  const auto violated = [&](const std::string& what) { return "call of " + function.name + ": " + what; };
  const uint64_t sp = context.state.integer[facts.stack_pointer];
  const uint64_t return_size = facts.link < 0 ? 8 : 0;
  const uint64_t alignment = isa_ == IsaKind::s390x ? 8 : 16;
  if ((sp + return_size) % alignment != 0) return violated("the stack pointer is not aligned: " + hex(sp));
  const uint64_t arguments = sp + return_size + facts.callee_save_bytes;
  uint8_t* const stack = stack_bytes(context, arguments, layout.stack_size);
  if (stack == nullptr || stack_bytes(context, sp - kFrame, kFrame + return_size) == nullptr) {
    return violated("the stack pointer is not in the stack: " + hex(sp));
  }

  std::string wrong;
  const std::endian order = endianness(isa_);
  const auto memory_word = [&](const uint8_t* at, unsigned size) {
    uint64_t word = 0;
    for (unsigned i = 0; i < size; ++i) word |= uint64_t{at[i]} << (8 * (order == std::endian::big ? size - 1 - i : i));
    return word;
  };
  const auto put_memory_word = [&](uint8_t* at, uint64_t word, unsigned size) {
    for (unsigned i = 0; i < size; ++i) {
      at[i] = static_cast<uint8_t>(word >> (8 * (order == std::endian::big ? size - 1 - i : i)));
    }
  };
  const auto part_of = [&](const CallPart& part, ir::Type type) {
    if (!part.in_register) return memory_word(stack + part.offset, size_in_memory(type));
    if (part.id.cls == RegisterClass::Integer) return context.state.integer[part.id.number];
    const RegisterBits& bits = context.state.vector[part.id.number];
    return from_register(isa_, type, part.id.cls, isa_ == IsaKind::s390x ? bits.high : bits.low);
  };
  const auto take = [&](const CallLocation& location, const std::string& what) -> Word128 {
    if (location.is_whole()) {
      const RegisterBits& reg = context.state.vector[location.parts[0].id.number];
      return Word128{reg.high} << 64 | reg.low;
    }
    const uint64_t word = part_of(location.parts[0], location.by_reference ? ir::kI64 : location.type);
    if (location.by_reference) {
      const uint8_t* copy = stack_bytes(context, word, 16);
      if (copy == nullptr) {
        if (wrong.empty()) wrong = violated(what + " is not in the stack: " + hex(word));
        return 0;
      }
      const uint64_t first = memory_word(copy, 8), second = memory_word(copy + 8, 8);
      return order == std::endian::big ? Word128{first} << 64 | second : Word128{second} << 64 | first;
    }
    if (location.part_count == 2) return Word128{part_of(location.parts[1], location.type)} << 64 | word;
    if (location.type.is_float()) return word & (~uint64_t{0} >> (64 - location.type.bits()));
    // Where nothing is promised, the upper bits are right whatever they are.
    const bool is_packed = layout.convention == ir::CallConv::kAppleAarch64 && !location.parts[0].in_register;
    if (!is_packed && word != extend_word(word, location.type.bits(), location.extension, word) && wrong.empty()) {
      wrong = violated(what + " is not extended: the register or slot holds " + hex(word));
    }
    return extend_word(word, location.type.bits(), ir::Extension::kUext, 0);
  };
  args_.clear();
  for (size_t i = 0; i < layout.params.size(); ++i) {
    args_.push_back(take(layout.params[i], "argument " + std::to_string(i)));
  }
  if (!wrong.empty()) return wrong;
  const uint64_t area = layout.has_return_area ? part_of(layout.return_area, ir::kI64) : 0;
  uint8_t* const return_area = stack_bytes(context, area, layout.return_area_size);
  if (layout.has_return_area && return_area == nullptr) {
    return violated("the return area is not in the stack: " + hex(area));
  }

  uint64_t next = 0;
  if (facts.link >= 0) {
    next = context.state.integer[facts.link];
  } else {
    std::memcpy(&next, context.stack + (sp - map::kStackLow), 8);
  }
  if (unwinds(function.name)) {
    const std::vector<uint64_t> words(args_.begin(), args_.end());
    const std::string problem = unwind(isa_, frames_, function.name, words, next, sp + return_size, context);
    return problem.empty() ? problem : violated(problem);
  }
  std::optional<uint64_t> variable;  // where a thread-local one is
  if (function.name == kThreadLocalName) {
    const auto control = std::ranges::find(addresses_, args_.empty() ? 0 : static_cast<uint64_t>(args_[0]));
    const size_t which = static_cast<size_t>(control - addresses_.begin());
    if (which >= functions_.size() || !functions_[which].name.starts_with(kControlPrefix)) {
      return violated("the argument is no thread-local variable's control object");
    }
    const std::string name = "%" + functions_[which].name.substr(kControlPrefix.size());
    variable = memory_address_ + interpreter::thread_local_place(name);
  }
  const uint64_t seed = mix((calls_.size() + ++operations_) * 0x9e3779b97f4a7c15u + sp);
  std::vector<Word128> results;
  if (variable) {
    results.push_back(*variable);
  } else if (function.operation) {
    args_.resize(3);
    const interpreter::FloatResult result = interpreter::evaluate_float(
        interpreter::library_function(*function.operation).operation(), args_[0], args_[1], args_[2]);
    // Of a NaN, any that the operation may make.
    const Word128 other = Word128{mix(seed + 1)} << 64 | mix(seed + 2);
    results.push_back(result.value ^ (other & result.free));
  } else {
    interpreter::HostCall& call = calls_.emplace_back();
    call.name = function.name;
    for (size_t i = 0; i < args_.size(); ++i) {
      call.args.push_back(static_cast<uint64_t>(args_[i]));
      if (layout.params[i].type.bits() > 64) call.args.push_back(static_cast<uint64_t>(args_[i] >> 64));
    }
    interpreter::call_host(call, context.memory, function.result_bits, results_);
    for (size_t word = 0; const uint8_t bits : function.result_bits) {
      results.push_back(results_[word++]);
      if (bits > 64) results.back() |= Word128{results_[word++]} << 64;
    }
  }
  clobber(function, seed, arguments, context);
  context.state.integer[facts.stack_pointer] = sp + return_size + layout.callee_pops;
  context.pc = next;
  for (size_t i = 0; i < layout.returns.size(); ++i) {
    const CallLocation& location = layout.returns[i];
    for (unsigned p = 0; p < location.part_count; ++p) {
      const CallPart& part = location.parts[p];
      const auto bits = static_cast<uint64_t>(results[i] >> (64 * p));
      const bool is_narrow = location.type.is_int() && location.type.bits() < 64;
      const uint64_t word =
          is_narrow ? extend_word(bits, location.type.bits(), location.extension, mix(seed + i)) : bits;
      if (!part.in_register) {
        put_memory_word(return_area + part.offset, word, size_in_memory(location.type));
      } else if (location.is_whole()) {
        context.state.vector[part.id.number] = {word, static_cast<uint64_t>(results[i] >> 64)};
      } else if (part.id.cls == RegisterClass::Integer) {
        context.state.integer[part.id.number] = word;
      } else {
        RegisterBits& reg = context.state.vector[part.id.number];
        (isa_ == IsaKind::s390x ? reg.high : reg.low) =
            to_register(isa_, location.type, part.id.cls, word, mix(seed + i));
      }
    }
  }
  return {};
}

// All that a callee may change, changed.
void HostFunctions::clobber(const Function& function, uint64_t seed, uint64_t arguments, HostContext& context) const {
  const AbiFacts& facts = abi_facts(isa_);
  const auto keeps = [](uint32_t kept, unsigned number) { return (kept >> number & 1) != 0; };
  for (uint8_t i = 0; i < facts.integer_registers; ++i) {
    if (i == facts.stack_pointer || keeps(function.kept_integers, i)) continue;
    if (isa_ == IsaKind::riscv64 && i == 0) continue;
    context.state.integer[i] = mix(seed + 100 + i);
  }
  for (uint8_t i = 0; i < std::max(facts.float_registers, facts.vector_registers); ++i) {
    RegisterBits now{mix(seed + 200 + i), mix(seed + 300 + i)};
    if (keeps(function.kept_vectors, i)) continue;
    if (keeps(function.kept_floats, i)) {
      const RegisterBits old = context.state.vector[i];
      (isa_ == IsaKind::s390x ? now.high : now.low) = isa_ == IsaKind::s390x ? old.high : old.low;
    }
    context.state.vector[i] = now;
  }
  // Below the stack pointer, the return address, the save area and the arguments: the callee's.
  const uint64_t sp = context.state.integer[facts.stack_pointer];
  const uint64_t end = arguments + function.layout.stack_size;
  for (uint64_t address = sp - kFrame; address < end; address += 8) {
    const uint64_t word = mix(seed + address);
    std::memcpy(context.stack + (address - map::kStackLow), &word, 8);
  }
}

}  // namespace assay::oracles
