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
  const auto is_word = [](const ir::AbiParam& param) { return param.type.is_int() && param.type.bits() <= 64; };
  if (!std::ranges::all_of(signature.params, is_word) || !std::ranges::all_of(signature.returns, is_word)) {
    return fail("not supported by the harness: a host function with arguments or results that are not i8 to i64");
  }
  Function function{.name = name, .layout = std::move(*layout), .result_bits = {}};
  for (const ir::AbiParam& param : signature.returns) {
    function.result_bits.push_back(static_cast<uint8_t>(param.type.bits()));
  }
  functions_.push_back(std::move(function));
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
  const auto word_at = [&](const CallPart& part) {
    if (part.in_register) return context.state.integer[part.id.number];
    uint64_t word = 0;
    std::memcpy(&word, stack + part.offset, 8);
    return endianness(isa_) != std::endian::native ? __builtin_bswap64(word) : word;
  };
  const auto take = [&](const CallLocation& location, const std::string& what) {
    const uint64_t word = word_at(location.parts[0]);
    // Where nothing is promised, the upper bits are right whatever they are.
    if (word != extend_word(word, location.type.bits(), location.extension, word) && wrong.empty()) {
      wrong = violated(what + " is not extended: the register or slot holds " + hex(word));
    }
    return extend_word(word, location.type.bits(), ir::Extension::kUext, 0);
  };
  interpreter::HostCall call{.name = function.name, .args = {}};
  for (size_t i = 0; i < layout.params.size(); ++i) {
    call.args.push_back(take(layout.params[i], "argument " + std::to_string(i)));
  }
  if (!wrong.empty()) return wrong;
  const uint64_t area = layout.has_return_area ? word_at(layout.return_area) : 0;
  uint8_t* const return_area = stack_bytes(context, area, layout.return_area_size);
  if (layout.has_return_area && return_area == nullptr) {
    return violated("the return area is not in the stack: " + hex(area));
  }
  calls_.push_back(std::move(call));

  uint64_t next = 0;
  if (facts.link >= 0) {
    next = context.state.integer[facts.link];
  } else {
    std::memcpy(&next, context.stack + (sp - map::kStackLow), 8);
  }
  interpreter::call_host(calls_.back(), context.memory, function.result_bits, results_);
  const uint64_t seed = mix(calls_.size() * 0x9e3779b97f4a7c15u + sp);
  clobber(layout, seed, arguments, context);
  context.state.integer[facts.stack_pointer] = sp + return_size;
  context.pc = next;
  for (size_t i = 0; i < layout.returns.size(); ++i) {
    const CallLocation& location = layout.returns[i];
    uint64_t word = extend_word(results_[i], location.type.bits(), location.extension, mix(seed + i));
    if (const CallPart& part = location.parts[0]; part.in_register) {
      context.state.integer[part.id.number] = word;
    } else {
      if (endianness(isa_) != std::endian::native) word = __builtin_bswap64(word);
      std::memcpy(return_area + part.offset, &word, 8);
    }
  }
  return {};
}

// All that a callee may change, changed.
void HostFunctions::clobber(const CallLayout& layout, uint64_t seed, uint64_t arguments, HostContext& context) const {
  const AbiFacts& facts = abi_facts(isa_);
  const auto is_in = [](std::span<const uint8_t> list, uint8_t number) {
    return std::find(list.begin(), list.end(), number) != list.end();
  };
  for (uint8_t i = 0; i < facts.integer_registers; ++i) {
    if (i == facts.stack_pointer || is_in(facts.preserved_integer, i)) continue;
    if (isa_ == IsaKind::riscv64 && i == 0) continue;
    context.state.integer[i] = mix(seed + 100 + i);
  }
  for (uint8_t i = 0; i < std::max(facts.float_registers, facts.vector_registers); ++i) {
    RegisterBits now{mix(seed + 200 + i), mix(seed + 300 + i)};
    if (is_in(facts.preserved_float, i)) {
      const RegisterBits old = context.state.vector[i];
      (isa_ == IsaKind::s390x ? now.high : now.low) = isa_ == IsaKind::s390x ? old.high : old.low;
    }
    context.state.vector[i] = now;
  }
  // Below the stack pointer, the return address, the save area and the arguments: the callee's.
  const uint64_t sp = context.state.integer[facts.stack_pointer];
  const uint64_t end = arguments + layout.stack_size;
  for (uint64_t address = sp - kFrame; address < end; address += 8) {
    const uint64_t word = mix(seed + address);
    std::memcpy(context.stack + (address - map::kStackLow), &word, 8);
  }
}

}  // namespace assay::oracles
