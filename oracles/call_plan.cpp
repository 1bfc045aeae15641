// See call_plan.h.
#include "oracles/call_plan.h"

#include "oracles/abi_facts.h"

#include <cassert>
#include <cstdio>

namespace assay::oracles {

namespace {

constexpr uint32_t kSlot = 8;

struct Convention {
  std::span<const uint8_t> arguments;
  std::span<const uint8_t> results;
  std::span<const uint8_t> float_arguments;
  std::span<const uint8_t> float_results;
};

// The numbers are those of the encodings: see RegisterId.
constexpr uint8_t kX64Arguments[] = {7, 6, 2, 1, 8, 9};  // rdi rsi rdx rcx r8 r9
constexpr uint8_t kX64Results[] = {0, 2};                // rax rdx
constexpr uint8_t kZeroToSeven[] = {0, 1, 2, 3, 4, 5, 6, 7};
constexpr uint8_t kZeroOne[] = {0, 1};
constexpr uint8_t kRiscv64Arguments[] = {10, 11, 12, 13, 14, 15, 16, 17};  // a0–a7, fa0–fa7
constexpr uint8_t kRiscv64Results[] = {10, 11};
constexpr uint8_t kS390xArguments[] = {2, 3, 4, 5, 6};
constexpr uint8_t kS390xResults[] = {2, 3, 4, 5};
constexpr uint8_t kS390xFloats[] = {0, 2, 4, 6};

// "Microsoft x64 calling convention".
constexpr uint8_t kWindowsArguments[] = {1, 2, 8, 9};  // rcx rdx r8 r9
constexpr uint8_t kZeroToThree[] = {0, 1, 2, 3};
constexpr uint8_t kZero[] = {0};
constexpr uint8_t kS390xTailArguments[] = {2, 3, 4};

Convention convention_of(IsaKind isa, ir::CallConv convention) {
  if (isa == IsaKind::x64 && convention == ir::CallConv::kWindowsFastcall) {
    return {kWindowsArguments, kZero, kZeroToThree, kZero};
  }
  if (isa == IsaKind::s390x && convention == ir::CallConv::kTail) {
    return {kS390xTailArguments, kS390xResults, kS390xFloats, kS390xFloats};
  }
  switch (isa) {
    case IsaKind::x64:
      return {kX64Arguments, kX64Results, kZeroToSeven, kZeroOne};
    case IsaKind::aarch64:
      return {kZeroToSeven, kZeroToSeven, kZeroToSeven, kZeroToSeven};
    case IsaKind::riscv64:
      return {kRiscv64Arguments, kRiscv64Results, kRiscv64Arguments, kRiscv64Results};
    case IsaKind::s390x:
      return {kS390xArguments, kS390xResults, kS390xFloats, kS390xFloats};
  }
  return {};
}

// Hands out registers, then slots.
class Places {
 public:
  Places(IsaKind isa, ir::CallConv convention, std::span<const uint8_t> registers, std::span<const uint8_t> floats,
         bool results)
      : isa_(isa),
        registers_(registers),
        floats_(floats),
        results_(results),
        is_windows_(isa == IsaKind::x64 && convention == ir::CallConv::kWindowsFastcall),
        is_apple_(isa == IsaKind::aarch64 && convention == ir::CallConv::kAppleAarch64),
        is_tail_(convention == ir::CallConv::kTail) {
    if (is_windows_ && !results) offset = 32;  // shadow space, the callee's
  }

  CallLocation next(const ir::AbiParam& param) {
    CallLocation location{.type = param.type, .value_type = param.type, .extension = param.extension, .parts = {}};
    if (param.purpose == ir::Purpose::kStructReturn && isa_ == IsaKind::aarch64 && !is_tail_ && !results_) {
      location.parts[0] = {.in_register = true, .id = integer_register(8)};
    } else if (param.type == ir::kF128) {
      place_quad(location);
    } else if (param.type.is_float()) {
      location.parts[0] = next_float(param.type);
    } else if (param.type.bits() <= 64) {
      location.parts[0] = next_integer(param.type.bytes());
    } else {
      place_pair(location);
    }
    return location;
  }
  CallPart next_integer(uint32_t bytes = kSlot) {
    if (used_ == registers_.size()) return next_slot(bytes);
    if (is_windows_ && !results_) used_floats_ = used_ + 1;
    return {.in_register = true, .id = integer_register(registers_[used_++])};
  }

  uint32_t offset = 0;  // behind the slots used
  uint32_t copies = 0;  // bytes

 private:
  CallPart next_slot(uint32_t bytes = kSlot) {
    if (!is_apple_ || results_) bytes = kSlot;
    offset = (offset + bytes - 1) / bytes * bytes + bytes;
    return {.in_register = false, .id = {}, .offset = offset - bytes};
  }
  CallPart next_float(ir::Type type) {
    if (used_floats_ < floats_.size()) {
      if (is_windows_ && !results_) used_ = used_floats_ + 1;
      return {.in_register = true, .id = float_register(floats_[used_floats_++])};
    }
    if (isa_ == IsaKind::riscv64 && !results_) return next_integer();
    CallPart part = next_slot(type.bytes());
    if (endianness(isa_) == std::endian::big) part.offset += kSlot - type.bytes();
    return part;
  }
  // One vector register, or memory like an i128.
  void place_quad(CallLocation& location) {
    if (used_floats_ < floats_.size()) {
      location.parts[0] = {.in_register = true, .id = vector_register(floats_[used_floats_++])};
    } else {
      location.type = ir::kI128;
      location.part_count = 2;
      place_in_memory(location);
    }
  }
  void place_pair(CallLocation& location) {
    if (((isa_ == IsaKind::s390x && !is_tail_) || is_windows_) && !results_) {
      location.parts[0] = next_integer();
      location.by_reference = true;
      location.copy_offset = copies;
      copies += 2 * kSlot;
      return;
    }
    location.part_count = 2;
    const size_t total = registers_.size();
    switch (isa_) {
      case IsaKind::aarch64:
        if (used_ % 2 == 1 && !is_apple_) ++used_;
        if (used_ + 1 >= total) {
          used_ = total;
          return place_in_memory(location);
        }
        break;
      case IsaKind::x64:
        if (total - used_ < 2) return place_in_memory(location);
        break;
      case IsaKind::riscv64:
        if (used_ == total || (results_ && used_ + 1 == total)) return place_in_memory(location);
        break;
      case IsaKind::s390x:
        if ((results_ && !is_tail_) || total - used_ < 2) return place_in_memory(location);
        break;
    }
    if (is_windows_) return place_in_memory(location);
    location.parts[0] = next_integer();
    location.parts[1] = next_integer();
  }
  void place_in_memory(CallLocation& location) {
    if (!results_) offset = (offset + 15) & ~15u;
    const CallPart first = next_slot(), second = next_slot();
    const bool big = endianness(isa_) == std::endian::big;
    location.parts = {big ? second : first, big ? first : second};
  }

  IsaKind isa_;
  std::span<const uint8_t> registers_, floats_;
  bool results_, is_windows_, is_apple_, is_tail_;
  size_t used_ = 0, used_floats_ = 0;
};

uint64_t mix(uint64_t x) {  // splitmix64's finisher
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t low_bits(unsigned bits) { return ~uint64_t{0} >> (64 - bits); }

void put_bytes(std::vector<uint8_t>& bytes, uint32_t offset, uint64_t word, unsigned size, std::endian order) {
  if (bytes.size() < offset + size) bytes.resize(offset + size);
  for (uint32_t i = 0; i < size; ++i) {
    bytes[offset + i] = static_cast<uint8_t>(word >> (8 * (order == std::endian::big ? size - 1 - i : i)));
  }
}

uint64_t get_bytes(const std::vector<uint8_t>& bytes, uint32_t offset, unsigned size, std::endian order) {
  uint64_t word = 0;
  for (uint32_t i = 0; i < size && offset + i < bytes.size(); ++i) {
    word |= uint64_t{bytes[offset + i]} << (8 * (order == std::endian::big ? size - 1 - i : i));
  }
  return word;
}

// One result as the machine has it: each part's register or slot, whole.
struct ResultWords {
  uint64_t part[2] = {0, 0};
};

// Of every result in turn. Registers come in order in Outcome::results.
template <typename Act>
void each_result(const CallLayout& layout, const Outcome& outcome, Act act) {
  size_t next = 0;
  for (size_t i = 0; i < layout.returns.size(); ++i) {
    const CallLocation& location = layout.returns[i];
    ResultWords words;
    for (unsigned p = 0; p < location.part_count; ++p) {
      const CallPart& part = location.parts[p];
      if (!part.in_register) {
        words.part[p] =
            get_bytes(outcome.stack_results, part.offset, size_in_memory(location.type), endianness(layout.isa));
      } else {
        const RegisterBits reg = next < outcome.results.size() ? outcome.results[next] : RegisterBits();
        words.part[p] = from_register(layout.isa, location.type, part.id.cls, reg.low);
        if (part.id.cls == RegisterClass::Vector) words.part[1] = reg.high;
        ++next;
      }
    }
    if (!act(i, words)) return;
  }
}

ir::DataValue value_of(ir::Type type, const ResultWords& words) {
  return ir::DataValue(type, static_cast<unsigned __int128>(words.part[1]) << 64 | words.part[0]);
}

bool is_planned(ir::Type type) { return (type.is_int() || type.is_float()) && type.bits() <= 128; }

// Floats for which a convention has no registers are passed as the integers of their bits.
ir::AbiParam planned(ir::AbiParam param, IsaKind isa, ir::CallConv convention) {
  const bool is_windows = isa == IsaKind::x64 && convention == ir::CallConv::kWindowsFastcall;
  const bool has_quads = (isa == IsaKind::x64 || isa == IsaKind::aarch64) && !is_windows;
  const bool has_halves = isa != IsaKind::s390x;
  if ((param.type == ir::kF128 && !has_quads) || (param.type == ir::kF16 && !has_halves)) {
    param.type = param.type.as_int();
  }
  return param;
}

}  // namespace

unsigned size_in_memory(ir::Type type) { return type.is_float() ? type.bytes() : kSlot; }

uint64_t to_register(IsaKind isa, ir::Type type, RegisterClass cls, uint64_t bits, uint64_t arbitrary) {
  if (type.bits() >= 64) return bits;
  const uint64_t mask = low_bits(type.bits());
  if (cls == RegisterClass::Integer) return (bits & mask) | (arbitrary & ~mask);
  if (isa == IsaKind::s390x) return bits << (64 - type.bits()) | (arbitrary & (~uint64_t{0} >> type.bits()));
  return (bits & mask) | ((isa == IsaKind::riscv64 ? ~uint64_t{0} : arbitrary) & ~mask);
}

uint64_t from_register(IsaKind isa, ir::Type type, RegisterClass cls, uint64_t word) {
  const bool is_left = isa == IsaKind::s390x && cls == RegisterClass::Float && type.bits() < 64;
  return is_left ? word >> (64 - type.bits()) : word;
}

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
  const Convention convention = convention_of(isa, signature.call_conv);
  CallLayout layout;
  layout.isa = isa;
  layout.convention = signature.call_conv;
  Places arguments(isa, signature.call_conv, convention.arguments, convention.float_arguments, false);
  Places results(isa, signature.call_conv, convention.results, convention.float_results, true);
  for (const ir::AbiParam& given : signature.params) {
    const ir::AbiParam param = planned(given, isa, signature.call_conv);
    if (!is_planned(param.type)) return refuse("argument." + param.type.to_string());
    if (param.purpose == ir::Purpose::kStructArgument) return refuse("argument.sarg");
    layout.params.push_back(arguments.next(param));
    layout.params.back().value_type = given.type;
  }
  for (const ir::AbiParam& given : signature.returns) {
    const ir::AbiParam param = planned(given, isa, signature.call_conv);
    if (!is_planned(param.type)) return refuse("result." + param.type.to_string());
    layout.returns.push_back(results.next(param));
    layout.returns.back().value_type = given.type;
  }
  if (results.offset != 0) {
    layout.has_return_area = true;
    layout.return_area = arguments.next_integer();
    layout.return_area_size = results.offset;
  }
  const auto up16 = [](uint32_t size) { return (size + 15) & ~15u; };
  layout.stack_size = up16(arguments.offset);
  layout.callee_pops = signature.call_conv == ir::CallConv::kTail ? layout.stack_size : 0;
  layout.return_area_offset = layout.stack_size;
  layout.copies_offset = up16(layout.return_area_offset + layout.return_area_size);
  layout.copies_size = arguments.copies;
  if (layout.copies_offset + layout.copies_size > memory_map::kMaxStackArguments) {
    return refuse("a call with more stack arguments and results than the harness makes room for");
  }
  return layout;
}

void make_plan(const CallLayout& layout, uint32_t entry, std::span<const ir::DataValue> args, uint64_t seed, Plan& plan,
               bool is_pinned) {
  assert(args.size() == layout.params.size());
  const std::endian order = endianness(layout.isa);
  plan.entry = entry;
  plan.registers.clear();
  plan.stack_arguments.clear();
  plan.stack_arguments.resize(layout.copies_size != 0 ? layout.copies_offset + layout.copies_size : layout.stack_size);
  plan.result_registers.clear();
  plan.result_stack_offset = 0;
  plan.result_stack_bytes = 0;
  plan.callee_pops = layout.callee_pops;
  plan.preserved = &preserved_registers(layout.isa, layout.convention, is_pinned);
  plan.host = nullptr;

  const auto pass = [&](const CallPart& part, ir::Type type, uint64_t word, uint64_t arbitrary) {
    if (part.in_register) {
      plan.registers.push_back({part.id, RegisterBits{to_register(layout.isa, type, part.id.cls, word, arbitrary), 0}});
    } else {
      put_bytes(plan.stack_arguments, part.offset, word, size_in_memory(type), order);
    }
  };
  for (size_t i = 0; i < layout.params.size(); ++i) {
    const CallLocation& location = layout.params[i];
    const uint64_t arbitrary = mix(seed + 0x9e3779b97f4a7c15u * (i + 1));
    const uint64_t words[2] = {args[i].as_u64(), static_cast<uint64_t>(args[i].bits() >> 64)};
    if (location.by_reference) {
      const uint32_t at = layout.copies_offset + location.copy_offset;
      put_bytes(plan.stack_arguments, at, words[order == std::endian::big ? 1 : 0], kSlot, order);
      put_bytes(plan.stack_arguments, at + kSlot, words[order == std::endian::big ? 0 : 1], kSlot, order);
      pass(location.parts[0], ir::kI64, memory_map::stack_arguments(layout.isa) + at, 0);
    } else if (location.is_whole()) {
      plan.registers.push_back({location.parts[0].id, RegisterBits{words[0], words[1]}});
    } else if (location.type.is_float() || location.part_count == 2) {
      for (unsigned p = 0; p < location.part_count; ++p) pass(location.parts[p], location.type, words[p], arbitrary);
    } else {
      pass(location.parts[0], ir::kI64, extend_word(words[0], location.type.bits(), location.extension, arbitrary), 0);
    }
  }
  if (layout.has_return_area) {
    pass(layout.return_area, ir::kI64, memory_map::stack_arguments(layout.isa) + layout.return_area_offset, 0);
    plan.result_stack_offset = layout.return_area_offset;
    plan.result_stack_bytes = layout.return_area_size;
  }
  for (const CallLocation& location : layout.returns) {
    for (unsigned p = 0; p < location.part_count; ++p) {
      if (location.parts[p].in_register) plan.result_registers.push_back(location.parts[p].id);
    }
  }
}

std::optional<std::string> compare_results(const CallLayout& layout, std::span<const ir::DataValue> expected,
                                           const Outcome& outcome, std::span<const unsigned __int128> free_bits) {
  assert(expected.size() == layout.returns.size());
  std::optional<std::string> difference;
  each_result(layout, outcome, [&](size_t i, const ResultWords& words) {
    const CallLocation& location = layout.returns[i];
    const ir::DataValue value = value_of(location.value_type, words);
    // Where nothing is promised, the machine's own bits are right.
    const unsigned __int128 free = free_bits.empty() ? 0 : free_bits[i];
    const ir::DataValue right(location.value_type, (expected[i].bits() & ~free) | (value.bits() & free));
    if (value != right) {
      difference = "result " + std::to_string(i) + " is " + to_string(value) + ", should be " + to_string(expected[i]);
    } else if (location.type.is_int() && location.type.bits() < 64) {
      const uint64_t word = words.part[0];
      if (word != extend_word(right.as_u64(), location.type.bits(), location.extension, word)) {
        char bits[40];
        std::snprintf(bits, sizeof bits, "0x%016llx", static_cast<unsigned long long>(word));
        difference = "result " + std::to_string(i) + " is not extended: the register or slot holds " + bits;
      }
    }
    return !difference;
  });
  return difference;
}

std::vector<ir::DataValue> machine_results(const CallLayout& layout, const Outcome& outcome) {
  std::vector<ir::DataValue> values;
  each_result(layout, outcome, [&](size_t i, const ResultWords& words) {
    values.push_back(value_of(layout.returns[i].value_type, words));
    return true;
  });
  return values;
}

}  // namespace assay::oracles
