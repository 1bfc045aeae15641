// See call_plan.h.
#include "oracles/call_plan.h"

#include <cassert>
#include <cstdio>

namespace assay::oracles {

namespace {

struct Convention {
  std::span<const uint8_t> arguments;
  std::span<const uint8_t> results;
};

constexpr uint32_t kSlot = 8;

// The numbers are those of the encodings: see RegisterId.
constexpr uint8_t kX64Arguments[] = {7, 6, 2, 1, 8, 9};  // rdi rsi rdx rcx r8 r9
constexpr uint8_t kX64Results[] = {0, 2};                // rax rdx
constexpr uint8_t kAarch64Registers[] = {0, 1, 2, 3, 4, 5, 6, 7};
constexpr uint8_t kRiscv64Arguments[] = {10, 11, 12, 13, 14, 15, 16, 17};  // a0–a7
constexpr uint8_t kRiscv64Results[] = {10, 11};
constexpr uint8_t kS390xArguments[] = {2, 3, 4, 5, 6};
constexpr uint8_t kS390xResults[] = {2, 3, 4, 5};

Convention convention_of(IsaKind isa) {
  switch (isa) {
    case IsaKind::x64:
      return {kX64Arguments, kX64Results};
    case IsaKind::aarch64:
      return {kAarch64Registers, kAarch64Registers};
    case IsaKind::riscv64:
      return {kRiscv64Arguments, kRiscv64Results};
    case IsaKind::s390x:
      return {kS390xArguments, kS390xResults};
  }
  return {};
}

// Hands out registers, then slots.
struct Places {
  std::span<const uint8_t> registers;
  size_t used = 0;
  uint32_t offset = 0;

  CallLocation next(const ir::AbiParam& param) {
    CallLocation location{.type = param.type, .extension = param.extension};
    if (used < registers.size()) {
      location.number = registers[used++];
    } else {
      location.in_register = false;
      location.offset = offset;
      offset += kSlot;
    }
    return location;
  }
};

uint64_t mix(uint64_t x) {  // splitmix64's finisher
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t low_bits(unsigned bits) { return ~uint64_t{0} >> (64 - bits); }

void put_word(std::vector<uint8_t>& bytes, uint32_t offset, uint64_t word, std::endian order) {
  if (bytes.size() < offset + kSlot) bytes.resize(offset + kSlot);
  for (uint32_t i = 0; i < kSlot; ++i) {
    bytes[offset + i] = static_cast<uint8_t>(word >> (8 * (order == std::endian::big ? kSlot - 1 - i : i)));
  }
}

uint64_t get_word(const std::vector<uint8_t>& bytes, uint32_t offset, std::endian order) {
  uint64_t word = 0;
  for (uint32_t i = 0; i < kSlot && offset + i < bytes.size(); ++i) {
    word |= uint64_t{bytes[offset + i]} << (8 * (order == std::endian::big ? kSlot - 1 - i : i));
  }
  return word;
}

// Result `n` as the machine has it. Registers come in order in Outcome::results.
uint64_t result_word(const CallLayout& layout, const Outcome& outcome, size_t n) {
  if (layout.returns[n].in_register) return n < outcome.results.size() ? outcome.results[n].low : 0;
  return get_word(outcome.stack_results, layout.returns[n].offset, endianness(layout.isa));
}

}  // namespace

uint64_t extend_word(uint64_t value, unsigned bits, ir::Extension extension, uint64_t arbitrary) {
  if (bits >= 64) return value;
  const uint64_t mask = low_bits(bits);
  switch (extension) {
    case ir::Extension::kUext:
      return value & mask;
    case ir::Extension::kSext:
      return (value >> (bits - 1) & 1) != 0 ? value | ~mask : value & mask;
    case ir::Extension::kNone:
      break;
  }
  return (value & mask) | (arbitrary & ~mask);
}

Expected<CallLayout> lay_out_call(const ir::Signature& signature, IsaKind isa) {
  const auto refuse = [isa](const std::string& what) {
    return fail(std::string("not supported on ") + name(isa) + ": " + what);
  };
  const Convention convention = convention_of(isa);
  CallLayout layout;
  layout.isa = isa;
  Places arguments{convention.arguments};
  Places results{convention.results};
  for (const ir::AbiParam& param : signature.params) {
    if (!param.type.is_int() || param.type.bits() > 64) return refuse("argument." + param.type.to_string());
    if (param.purpose == ir::Purpose::kStructArgument) return refuse("argument.sarg");
    layout.params.push_back(arguments.next(param));
  }
  for (const ir::AbiParam& param : signature.returns) {
    if (!param.type.is_int() || param.type.bits() > 64) return refuse("result." + param.type.to_string());
    layout.returns.push_back(results.next(param));
  }
  if (results.offset != 0) {
    layout.has_return_area = true;
    layout.return_area = arguments.next({.type = ir::kI64});
    layout.return_area_size = results.offset;
  }
  layout.stack_size = (arguments.offset + 15) & ~15u;
  layout.return_area_offset = layout.stack_size;
  if (layout.stack_size + layout.return_area_size > memory_map::kMaxStackArguments) {
    return refuse("a call with more stack arguments and results than the harness makes room for");
  }
  return layout;
}

void make_plan(const CallLayout& layout, uint32_t entry, std::span<const ir::DataValue> args, uint64_t seed,
               Plan& plan) {
  assert(args.size() == layout.params.size());
  const std::endian order = endianness(layout.isa);
  plan.entry = entry;
  plan.registers.clear();
  plan.stack_arguments.clear();
  plan.stack_arguments.resize(layout.stack_size);
  plan.result_registers.clear();
  plan.result_stack_offset = 0;
  plan.result_stack_bytes = 0;
  plan.callee_pops = 0;
  plan.preserves = Preserves::CAbi;
  plan.host = nullptr;

  const auto pass = [&](const CallLocation& location, uint64_t word) {
    if (location.in_register) {
      plan.registers.push_back({integer_register(location.number), RegisterBits{word, 0}});
    } else {
      put_word(plan.stack_arguments, location.offset, word, order);
    }
  };
  for (size_t i = 0; i < layout.params.size(); ++i) {
    const CallLocation& location = layout.params[i];
    const uint64_t arbitrary = mix(seed + 0x9e3779b97f4a7c15u * (i + 1));
    pass(location, extend_word(args[i].as_u64(), location.type.bits(), location.extension, arbitrary));
  }
  if (layout.has_return_area) {
    pass(layout.return_area, memory_map::stack_arguments(layout.isa) + layout.return_area_offset);
    plan.result_stack_offset = layout.return_area_offset;
    plan.result_stack_bytes = layout.return_area_size;
  }
  for (const CallLocation& location : layout.returns) {
    if (location.in_register) plan.result_registers.push_back(integer_register(location.number));
  }
}

std::optional<std::string> compare_results(const CallLayout& layout, std::span<const ir::DataValue> expected,
                                           const Outcome& outcome, std::span<const unsigned __int128> free_bits) {
  assert(expected.size() == layout.returns.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const CallLocation& location = layout.returns[i];
    const uint64_t word = result_word(layout, outcome, i);
    // Where nothing is promised, the machine's own bits are right.
    const uint64_t free = free_bits.empty() ? 0 : static_cast<uint64_t>(free_bits[i]);
    const uint64_t low = (expected[i].as_u64() & ~free) | (word & free);
    const uint64_t right = extend_word(low, location.type.bits(), location.extension, word);
    if (word == right) continue;
    const ir::DataValue value(location.type, word);
    if (value == ir::DataValue(location.type, low)) {
      char bits[40];
      std::snprintf(bits, sizeof bits, "0x%016llx", static_cast<unsigned long long>(word));
      return "result " + std::to_string(i) + " is not extended: the register or slot holds " + bits;
    }
    return "result " + std::to_string(i) + " is " + to_string(value) + ", should be " + to_string(expected[i]);
  }
  return std::nullopt;
}

std::vector<ir::DataValue> machine_results(const CallLayout& layout, const Outcome& outcome) {
  std::vector<ir::DataValue> values;
  for (size_t i = 0; i < layout.returns.size(); ++i) {
    values.emplace_back(layout.returns[i].type, result_word(layout, outcome, i));
  }
  return values;
}

}  // namespace assay::oracles
