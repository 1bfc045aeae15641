#include "oracles/abi_facts.h"

namespace assay::oracles {
namespace {

// System V AMD64 psABI 3.2.1, figure 3.4: rbx, rbp, r12–r15; no vector register.
constexpr uint8_t kX64Preserved[] = {3, 5, 12, 13, 14, 15};
// AAPCS64 6.1.1 and 6.1.2: x19–x28, the frame pointer x29; the low 64 bits of v8–v15.
constexpr uint8_t kAarch64Preserved[] = {19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29};
constexpr uint8_t kAarch64PreservedFloat[] = {8, 9, 10, 11, 12, 13, 14, 15};
// RISC-V psABI, "Integer Register Convention": gp and tp are unallocatable, s0–s11; fs0–fs11 under lp64d.
constexpr uint8_t kRiscv64Preserved[] = {3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};
constexpr uint8_t kRiscv64PreservedFloat[] = {8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};
// s390x ELF ABI supplement 1.2.1: r6–r13 and the stack pointer r15; f8–f15.
constexpr uint8_t kS390xPreserved[] = {6, 7, 8, 9, 10, 11, 12, 13};
constexpr uint8_t kS390xPreservedFloat[] = {8, 9, 10, 11, 12, 13, 14, 15};

//                               integer            float                     sp  fp  lr  ints flts vecs save
constexpr AbiFacts kFacts[] = {
    {IsaKind::x64, kX64Preserved, {}, 4, 5, -1, 16, 16, 16, 0},
    {IsaKind::aarch64, kAarch64Preserved, kAarch64PreservedFloat, 31, 29, 30, 32, 32, 32, 0},
    {IsaKind::riscv64, kRiscv64Preserved, kRiscv64PreservedFloat, 2, 8, 1, 32, 32, 0, 0},
    {IsaKind::s390x, kS390xPreserved, kS390xPreservedFloat, 15, 11, 14, 16, 16, 32, 160},
};

constexpr const char* kX64Names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                     "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
constexpr const char* kRiscv64Names[] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                                         "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                         "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

}  // namespace

const AbiFacts& abi_facts(IsaKind isa) { return kFacts[static_cast<int>(isa)]; }

namespace {

std::vector<RegisterId> find_preserved(IsaKind isa, ir::CallConv convention) {
  std::vector<RegisterId> list;
  const AbiFacts& facts = abi_facts(isa);
  if (convention == ir::CallConv::kPreserveAll) {
    // All but what the code of a linker may use on the way, the return address, and x0.
    constexpr uint32_t kLost[] = {1u << 11, 1u << 16 | 1u << 17 | 1u << 30, 1u << 0 | 1u << 1 | 1u << 30 | 1u << 31,
                                  1u << 0 | 1u << 1 | 1u << 14};
    for (uint8_t i = 0; i < facts.integer_registers; ++i) {
      if (i == facts.stack_pointer || (kLost[static_cast<int>(isa)] >> i & 1) != 0) continue;
      if (isa == IsaKind::aarch64 && i == 18) continue;  // the platform's
      list.push_back(integer_register(i));
    }
    for (uint8_t i = 0; i < facts.float_registers; ++i) list.push_back(float_register(i));
    return list;
  }
  for (uint8_t number : facts.preserved_integer) list.push_back(integer_register(number));
  for (uint8_t number : facts.preserved_float) list.push_back(float_register(number));
  if (isa == IsaKind::x64 && convention == ir::CallConv::kWindowsFastcall) {
    for (uint8_t number : {6, 7}) list.push_back(integer_register(number));  // rsi, rdi
    for (uint8_t number = 6; number < 16; ++number) list.push_back(vector_register(number));
  }
  return list;
}

}  // namespace

const std::vector<RegisterId>& preserved_registers(IsaKind isa, ir::CallConv convention, bool is_pinned) {
  // What Cranelift pins: r15, x21, s11; on s390x nothing.
  static constexpr int kPinned[] = {15, 21, 27, -1};
  static const std::vector<std::vector<RegisterId>> lists = [] {
    std::vector<std::vector<RegisterId>> made;
    for (IsaKind each : kAllIsas) {
      for (unsigned c = 0; c < ir::kCallConvCount; ++c) {
        made.push_back(find_preserved(each, ir::CallConv(c)));
        made.push_back(made.back());
        const int pinned = kPinned[static_cast<int>(each)];
        if (pinned >= 0) std::erase(made.back(), integer_register(pinned));
      }
    }
    return made;
  }();
  const size_t place = static_cast<size_t>(isa) * ir::kCallConvCount + static_cast<size_t>(convention);
  return lists[2 * place + (is_pinned ? 1 : 0)];
}

bool is_aligned_frame(IsaKind isa, uint32_t frame_size) {
  const uint32_t return_address = abi_facts(isa).link < 0 ? 8 : 0;  // pushed by the call
  return (frame_size + return_address) % (isa == IsaKind::s390x ? 8 : 16) == 0;
}

bool is_register(IsaKind isa, RegisterId id) {
  const AbiFacts& facts = abi_facts(isa);
  switch (id.cls) {
    case RegisterClass::Integer:
      return id.number < facts.integer_registers;
    case RegisterClass::Float:
      return id.number < facts.float_registers;
    case RegisterClass::Vector:
      return id.number < facts.vector_registers;
  }
  return false;
}

std::string register_name(IsaKind isa, RegisterId id) {
  const std::string number = std::to_string(id.number);
  if (id.cls != RegisterClass::Integer) {
    switch (isa) {
      case IsaKind::x64:
        return "xmm" + number;
      case IsaKind::aarch64:
        return "v" + number;
      case IsaKind::riscv64:
        return (id.cls == RegisterClass::Float ? "f" : "v") + number;
      case IsaKind::s390x:
        return (id.cls == RegisterClass::Float ? "%f" : "%v") + number;
    }
  }
  switch (isa) {
    case IsaKind::x64:
      return id.number < 16 ? kX64Names[id.number] : "?" + number;
    case IsaKind::aarch64:
      return id.number == 31 ? "sp" : "x" + number;
    case IsaKind::riscv64:
      return id.number < 32 ? kRiscv64Names[id.number] : "?" + number;
    case IsaKind::s390x:
      return "%r" + number;
  }
  return "?" + number;
}

}  // namespace assay::oracles
