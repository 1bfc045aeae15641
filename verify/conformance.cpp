// See conformance.h.
//
// A case's code: set the flags from a spare register, the instruction, read the flags into the spare register, return.
// For a branch: the instruction, then two ways to return that leave 0 or 1 in the spare register. Constants follow.
#include "verify/conformance.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "compiler/isle/notation/inst_eval.h"
#include "compiler/machine/features.h"
#include "oracles/disassembler.h"
#include "oracles/exclusions.h"
#include "oracles/executor_features.h"
#include "verify/assembler.h"
#include "verify/operand_cases.h"
#include "verify/zero_register.h"

namespace assay::verify {

namespace {

using machine::Operand;
using machine::OperandKind;
using machine::PReg;
using machine::RegClass;
using machine::SlotKind;
using notation::Bits;
using notation::OperandDefKind;

constexpr uint64_t kRegion = oracles::memory_map::kRegionsBegin;
constexpr uint64_t kRegionSize = 2 * oracles::memory_map::kPage;
constexpr uint8_t kTrapCode = 77;
constexpr unsigned kConstantBytes = 32;

// What the test needs to know of a machine: registers it may use, and the code around the instruction.
struct MachineFacts {
  std::vector<unsigned> registers;
  const char* register_name;  // {} is the number
  const char* set_flags;      // {} is the spare register
  const char* read_flags;
  const char* return_0;
  const char* return_1;
};

std::vector<unsigned> registers_but(unsigned count, std::set<unsigned> reserved) {
  std::vector<unsigned> list;
  for (unsigned i = 0; i < count; ++i) {
    if (!reserved.contains(i)) list.push_back(i);
  }
  return list;
}

MachineFacts facts_of(IsaKind isa) {
  switch (isa) {
    case IsaKind::x64:
      return {registers_but(16, {4, 5}), "", "pushq {}\npopfq\n", "pushfq\npopq {}\nret\n", "movq $0, {}\nret\n",
              "movq $1, {}\nret\n"};
    case IsaKind::aarch64:
      return {registers_but(31, {18, 29, 30}),
              "x",
              "msr nzcv, {}\n",
              "mrs {}, nzcv\nret\n",
              "mov {}, #0\nret\n",
              "mov {}, #1\nret\n"};
    case IsaKind::riscv64:
      return {registers_but(32, {0, 1, 2, 3, 4, 8}), "x", "", "ret\n", "li {}, 0\nret\n", "li {}, 1\nret\n"};
    case IsaKind::s390x:
      return {registers_but(16, {0, 11, 14, 15}),
              "%r",
              "spm {}\n",
              "lghi {}, 0\nipm {}\nbr %r14\n",
              "lghi {}, 0\nbr %r14\n",
              "lghi {}, 1\nbr %r14\n"};
  }
  return {};
}

// The machine's flags register as the model's bits, and back.
uint64_t flags_to_machine(IsaKind isa, uint64_t model) {
  switch (isa) {
    case IsaKind::x64:  // OF SF ZF CF PF
      return 2 | (model >> 4 & 1) << 11 | (model >> 3 & 1) << 7 | (model >> 2 & 1) << 6 | (model >> 1 & 1) |
             (model & 1) << 2;
    case IsaKind::aarch64:
    case IsaKind::s390x:
      return model << 28;
    case IsaKind::riscv64:
      break;
  }
  return 0;
}
uint64_t flags_from_machine(IsaKind isa, uint64_t bits) {
  switch (isa) {
    case IsaKind::x64:
      return (bits >> 11 & 1) << 4 | (bits >> 7 & 1) << 3 | (bits >> 6 & 1) << 2 | (bits & 1) << 1 | (bits >> 2 & 1);
    case IsaKind::aarch64:
      return bits >> 28 & 15;
    case IsaKind::s390x:
      return bits >> 28 & 3;
    case IsaKind::riscv64:
      break;
  }
  return 0;
}

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

// One instruction with its operands, inputs, and place in the image.
struct Case {
  std::vector<Operand> operands;
  uint64_t registers[32] = {};
  Bits vectors[32];  // the class Vec
  uint64_t flags = 0;
  machine::FeatureSet features = 0;  // of short forms
  bool is_short = false;             // as encoded
  unsigned spare = 0;
  uint8_t constant[kConstantBytes] = {};
  bool is_unboxed = false;  // what is above a narrow float is not compared
  bool any_nan = false;     // the executor may give another NaN (oracles::Trust::NotNanBits)
  uint32_t entry = 0;
  uint32_t inst = 0;    // offset of the instruction
  uint32_t target = 0;  // offset of the label
  uint32_t constant_offset = 0;
};

class RegionMemory final : public notation::Memory {
 public:
  explicit RegionMemory(std::vector<uint8_t> bytes) : bytes(std::move(bytes)) {}
  bool read(uint64_t address, std::span<uint8_t> out) override {
    if (!inside(address, out.size())) return false;
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(address - kRegion), out.size(), out.begin());
    if (first_read.empty()) first_read.assign(out.begin(), out.end());
    return true;
  }
  bool write(uint64_t address, std::span<const uint8_t> in) override {
    if (!inside(address, in.size())) return false;
    std::copy(in.begin(), in.end(), bytes.begin() + static_cast<ptrdiff_t>(address - kRegion));
    return true;
  }
  std::vector<uint8_t> bytes;
  std::vector<uint8_t> first_read;

 private:
  bool inside(uint64_t address, size_t size) const {
    return address >= kRegion && address - kRegion <= bytes.size() && size <= bytes.size() - (address - kRegion);
  }
};

class CaseInputs final : public notation::InstInputs {
 public:
  CaseInputs(IsaKind isa, const Case& test, bool ones) : isa_(isa), test_(test), ones_(ones) {}
  Bits reg(unsigned, const Operand& operand) override {
    if (operand.reg == machine::Reg(machine::kFlagsReg)) return Bits(test_.flags);
    const PReg reg = operand.reg.preg();
    return reg.reg_class() == RegClass::Vec ? test_.vectors[reg.number()] : Bits(test_.registers[reg.number()]);
  }
  uint64_t address(unsigned, const Operand& operand) override {
    return oracles::memory_map::kCodeBase +
           (operand.kind == OperandKind::Constant ? test_.constant_offset : test_.target);
  }
  Bits constant(unsigned, const Operand&, unsigned bits) override {
    Bits value;
    for (unsigned i = 0; i < bits / 8; ++i) {
      const unsigned place = endianness(isa_) == std::endian::big ? bits / 8 - 1 - i : i;
      value.words[place / 8] |= uint64_t(test_.constant[i]) << (place % 8 * 8);
    }
    return value;
  }
  Bits undefined(unsigned, unsigned bits) override { return ones_ ? notation::bits_of(-1, bits) : Bits(); }

 private:
  IsaKind isa_;
  const Case& test_;
  bool ones_;
};

class Checker {
 public:
  Checker(IsaKind isa, const machine::InstSet& insts, oracles::Executor& executor, const ConformanceOptions& options)
      : isa_(isa),
        insts_(insts),
        executor_(executor),
        options_(options),
        facts_(facts_of(isa)),
        parsed_(notation::parse_definitions(insts)),
        evaluator_(parsed_.definitions),
        cases_(isa, insts, parsed_.definitions, options.seed),
        random_(options.seed),
        disassembler_(oracles::Disassembler::make(isa, oracles::DisassemblerKind::Llvm)) {
    // QEMU's guest comes to the code through a register.
    if (std::string_view(executor.name()) == "qemu-s390x") std::erase(facts_.registers, 1u);
    if (std::string_view(executor.name()) == "qemu-aarch64") std::erase(facts_.registers, 16u);
    if (std::string_view(executor.name()) == "qemu-riscv64") std::erase(facts_.registers, 31u);
    cases_.set_registers(facts_.registers);
    report_.executor = executor.name();
  }

  ConformanceReport run() {
    if (const std::string missing = executor_.unavailable(); !missing.empty()) {
      report_.not_run.push_back("everything: " + missing);
      return report_;
    }
    for (uint16_t opcode = 0; opcode < insts_.descs.size(); ++opcode) {
      if (!is_wanted(options_.only, insts_.descs[opcode].name)) continue;
      if (options_.only_features && insts_.descs[opcode].features == 0) continue;
      const std::string reason = run(opcode);
      if (!reason.empty()) report_.not_run.push_back(std::string(insts_.descs[opcode].name) + ": " + reason);
    }
    return report_;
  }

 private:
  // ---- choosing ----

  uint64_t random_value() {
    constexpr uint64_t kEdges[] = {0,
                                   1,
                                   2,
                                   0x7f,
                                   0x80,
                                   0xff,
                                   0x7fff,
                                   0x8000,
                                   0xffff,
                                   0x7fffffff,
                                   0x80000000,
                                   0xffffffff,
                                   0x100000000,
                                   0x7fffffffffffffff,
                                   0x8000000000000000,
                                   0x8000000000000001,
                                   0xffffffff80000000,
                                   0xfffffffffffffffe,
                                   0xffffffffffffffff};
    switch (random_() % 5) {
      case 0:
        return kEdges[random_() % std::size(kEdges)];
      case 1:
        return random_() % (random_() % 2 == 0 ? 4 : 70);
      case 2:
        return kEdges[random_() % std::size(kEdges)] ^ (random_() << 32 << (random_() % 2 * 8));
      case 3:
        return uint64_t(1) << (random_() % 64);
      default:
        return random_();
    }
  }

  // Of `width` bits: zeros, subnormals, NaNs of either kind, numbers at the limits of integers, …
  uint64_t random_float(unsigned width) {
    const unsigned fraction = width == 16 ? 10 : width == 32 ? 23 : 52;
    const uint64_t bias = width == 16 ? 15 : width == 32 ? 127 : 1023, infinity = (2 * bias + 1) << fraction;
    const uint64_t sign = random_() % 2 << (width - 1), payload = random_() & ((uint64_t{1} << fraction) - 1);
    const uint64_t few = uint64_t{1} << random_() % fraction, quiet = uint64_t{1} << (fraction - 1);
    const auto power = [&](int64_t exponent) { return (bias + static_cast<uint64_t>(exponent)) << fraction; };
    switch (nans_only_ ? 2 + random_() % 3 : random_() % 14) {
      case 0:
        return sign;
      case 1:
        return sign | infinity;
      case 2:
        return sign | infinity | quiet;
      case 3:
        return sign | infinity | quiet | payload;
      case 4:
        return sign | infinity | (payload & ~quiet) | 1;
      case 5:
        return sign | (random_() % 2 == 0 ? few : payload);
      case 6:
        return sign | (infinity - 1 - random_() % 3);
      case 7:
        return sign | ((uint64_t{1} << fraction) + random_() % 3 - 1);
      case 8: {  // about the limits of integers
        constexpr int64_t kBits[] = {7, 8, 15, 16, 31, 32, 63, 64};
        return (sign | power(kBits[random_() % (width == 16 ? 3 : std::size(kBits))])) + random_() % 5 - 2;
      }
      case 9:  // with a fraction, or halfway between integers
        return sign | power(static_cast<int64_t>(random_() % (fraction + 2)) - 1) |
               (random_() % 2 == 0 ? few : payload);
      case 10:
        return sign | power(0) | (random_() % 3 == 0 ? few : 0);
      case 11:  // near each other
        return sign | power(static_cast<int64_t>(random_() % 4)) | random_() % 4;
      default:
        return random_() >> (64 - width);
    }
  }
  // Floats of one width in all registers, at the bottom and above; now and then equal ones, or equal but for the sign.
  // Unicorn 2.0.1 knows nothing of RISC-V's boxes: it gets them right, and is not asked what it makes.
  void choose_vectors(uint16_t opcode, std::span<const Operand> params, Case& test) {
    const bool boxes = parsed_.definitions.isa.floats == notation::FloatPlace::Boxed;
    test.is_unboxed = boxes && std::string_view(executor_.name()).starts_with("unicorn");
    unsigned width = random_() % 2 == 0 ? 32 : 64;
    if (test.is_unboxed) width = takes_singles(opcode, params) ? 32 : 64;
    const bool boxed = boxes && (test.is_unboxed || random_() % 8 != 0);
    const bool halves = boxes && takes_halves(opcode);
    const auto word = [&] {
      if (halves && boxed) return ~uint64_t{0xffff} | random_float(16);
      if (width == 64) return random_float(64);
      return (boxed ? ~uint64_t{0} : random_float(32)) << 32 | random_float(32);
    };
    const bool equal = random_() % 6 == 0;
    // Of several NaNs which comes out depends on the order of operands.
    nans_only_ = random_() % 8 == 0;
    for (Bits& vector : test.vectors) {
      vector.words[0] = word();
      vector.words[1] = word();
      if (!equal) continue;
      const uint64_t signs = random_();
      vector.words[0] = test.vectors[0].words[0] ^ (!halves && (width == 64 || !boxed) ? signs % 2 << 63 : 0) ^
                        (halves        ? (signs >> 1) % 2 << 15
                         : width == 32 ? (signs >> 1) % 2 << 31
                                       : 0);
    }
    nans_only_ = false;
  }
  bool takes_halves(uint16_t opcode) const {
    const std::string& name = parsed_.definitions.insts[opcode].name;
    return name.starts_with("half_") && name != "half_from";
  }
  // One of its parameters is the size of 32 bits; or it converts from that to the other.
  bool takes_singles(uint16_t opcode, std::span<const Operand> params) const {
    const notation::InstDef& inst = parsed_.definitions.insts[opcode];
    const bool converts = inst.params.size() == 1 && inst.params[0].name == "to";
    for (size_t i = 0; i < inst.params.size(); ++i) {
      const notation::EnumDef& kind =
          parsed_.definitions.library.enums[static_cast<size_t>(inst.params[i].enumeration)];
      if (kind.name == "FloatSize") return (params[i].imm == 0) != converts;
    }
    return false;
  }

  // Where an access may begin: anywhere in the region, around the page boundary inside it, at and beyond its two ends.
  // What reads and writes at once is aligned, but for x64, and what is 128 bits wide: it traps elsewhere, and of that
  // CLIF says nothing.
  uint64_t random_place(uint16_t opcode, const Case& test) {
    const machine::InstDesc& desc = insts_.descs[opcode];
    const notation::Semantics* semantics = evaluator_.semantics(opcode, test.operands);
    const bool wide = semantics != nullptr && std::ranges::any_of(semantics->events, [](const notation::Event& event) {
                        return event.bits == 128;
                      });
    const bool aligned = isa_ != IsaKind::x64 && desc.is(machine::kLoads) && desc.is(machine::kStores);
    return random_place() & ~uint64_t{wide ? 15u : aligned ? 7u : 0u};
  }
  uint64_t random_place() {
    using oracles::memory_map::kPage;
    switch (random_() % 6) {
      case 0:
        return kRegion + kPage - random_() % 17;
      case 1:
        return kRegion + kRegionSize - random_() % 17;
      case 2:
        return kRegion + random_() % 17 - random_() % 9;
      default:
        return kRegion + 64 + random_() % (kRegionSize - 192);
    }
  }

  // A register that reads as zero in place of one that is read, where the machine has one. AArch64's number 31 is the
  // stack pointer in other operands: the text tells.
  void place_zero(uint16_t opcode, Case& test) {
    if (random_() % 8 != 0) return;
    const notation::InstDef& inst = parsed_.definitions.insts[opcode];
    for (const notation::OperandDef& operand : inst.operands) {
      if (operand.kind != OperandDefKind::Reg || operand.is_def || operand.fixed >= 0 || is_tied(inst, operand))
        continue;
      if (operand.reg_class != RegClass::Gpr || random_() % 2 == 0) continue;
      if (!reads_zero(parsed_.definitions, inst, operand)) continue;
      const unsigned number = isa_ == IsaKind::riscv64 ? 0 : 31;
      test.operands[operand.slot] = Operand::use(PReg(RegClass::Gpr, number));
      test.registers[number] = 0;
    }
  }
  static bool is_tied(const notation::InstDef& inst, const notation::OperandDef& use) {
    return std::any_of(inst.operands.begin(), inst.operands.end(), [&](const notation::OperandDef& operand) {
      return operand.reuse_operand >= 0 && &inst.operands[static_cast<size_t>(operand.reuse_operand)] == &use;
    });
  }

  // Lets every memory operand point into the region; false if its registers cannot.
  bool place_memory(uint16_t opcode, Case& test) {
    const notation::InstDef& inst = parsed_.definitions.insts[opcode];
    for (const notation::OperandDef& operand : inst.operands) {
      if (operand.kind != OperandDefKind::Mem) continue;
      const Operand& base = test.operands[operand.slot];
      const Operand& index = test.operands[operand.slot + 1];
      const int64_t shift = test.operands[operand.slot + 2].imm;
      const int64_t disp = test.operands[operand.slot + 3].imm;
      const uint64_t target = random_place(opcode, test);
      if (!base.is_reg()) {
        if (!index.is_reg()) return false;
        const uint64_t place = (target - static_cast<uint64_t>(disp)) >> shift;
        if (target % 16 == 0 && (place << shift) + static_cast<uint64_t>(disp) != target) return false;
        test.registers[index.reg.preg().number()] = place;
        continue;
      }
      uint64_t scaled = 0;
      if (index.is_reg()) {
        if (index.reg == base.reg) return false;
        test.registers[index.reg.preg().number()] = random_value();
        scaled = test.registers[index.reg.preg().number()] << shift;
      }
      test.registers[base.reg.preg().number()] = target - static_cast<uint64_t>(disp) - scaled;
    }
    return true;
  }

  // Operands, register values, flags, memory, constants. `form`: operands for this short form; null: any.
  std::optional<Case> choose(uint16_t opcode, std::span<const Operand> params, const notation::ShortForm* form,
                             const std::vector<uint8_t>& memory) {
    const notation::InstDef& inst = parsed_.definitions.insts[opcode];
    Case test;
    const bool is_found = form == nullptr ? cases_.random(opcode, params, test.operands)
                                          : cases_.random_short(opcode, *form, params, test.operands);
    if (!is_found) return std::nullopt;
    if (form != nullptr) test.features = form->features;
    std::set<unsigned> used;
    for (const Operand& operand : test.operands) {
      if (!operand.is_reg() || operand.reg.preg().reg_class() != RegClass::Gpr) continue;
      if (machine_clobbers(opcode).contains(operand.reg.preg())) return std::nullopt;  // nowhere the allocator puts it
      used.insert(operand.reg.preg().number());
    }
    for (unsigned number = 0; number < 32; ++number) {
      if (machine_clobbers(opcode).contains(PReg(RegClass::Gpr, number))) used.insert(number);
    }
    for (unsigned number : used) {
      if (number != 0 && std::find(facts_.registers.begin(), facts_.registers.end(), number) == facts_.registers.end())
        return std::nullopt;
    }
    for (size_t i = facts_.registers.size(); i-- > 0;) {
      if (!used.contains(facts_.registers[i])) {
        test.spare = facts_.registers[i];
        break;
      }
    }
    for (unsigned number : facts_.registers) test.registers[number] = random_value();
    choose_vectors(opcode, params, test);
    if (used.contains(0)) test.registers[0] = random_value();
    test.flags = random_() & ((uint64_t(1) << parsed_.definitions.isa.flags_width) - 1);
    for (uint8_t& byte : test.constant) byte = static_cast<uint8_t>(random_());
    for (size_t i = 0; i < test.operands.size(); ++i) {
      const SlotKind kind = insts_.descs[opcode].operands[i].kind;
      if (kind == SlotKind::Label) test.operands[i] = Operand::label(machine::Block(0));
      if (kind == SlotKind::Place) test.operands[i] = Operand::place(machine::Block(0));
      if (kind == SlotKind::Constant) test.operands[i] = Operand::constant(0);
    }
    if (random_() % 6 == 0) {  // pairs that only meet on purpose: the least number by -1, and their like
      const unsigned width = 8u << random_() % 4;
      const uint64_t least = uint64_t(1) << (width - 1);
      const uint64_t choices[] = {least, ~uint64_t(0), least - 1, 0, 1, ~uint64_t(0) << (width - 1)};
      for (unsigned number : used) test.registers[number] = choices[random_() % std::size(choices)];
    }
    if (!place_memory(opcode, test)) return std::nullopt;
    // Operands that are equal on purpose find more than random ones do: the same value twice, now and then.
    if (random_() % 4 == 0 && facts_.registers.size() > 1 && !has_memory(inst)) {
      const uint64_t value = random_value();
      for (unsigned number : used) test.registers[number] = value;
    }
    const machine::InstDesc& desc = insts_.descs[opcode];
    if (desc.is(machine::kLoads) || desc.is(machine::kStores)) place_address(opcode, test);
    if (desc.is(machine::kLoads) && desc.is(machine::kStores)) place_expected(opcode, memory, test);
    if (!has_memory(inst)) place_zero(opcode, test);
    if (isa_ == IsaKind::riscv64) test.registers[0] = 0;
    return test;
  }

  uint64_t fault_address(uint16_t opcode, const Case& test, const notation::InstOutcome& outcome) {
    const notation::Semantics* semantics = evaluator_.semantics(opcode, test.operands);
    return outcome.evaluation.values[semantics->events[outcome.evaluation.fault_event].address].low();
  }
  // Not in the region, nor in anything else that is mapped.
  static bool is_beside_region(uint64_t address) {
    return address >= kRegion - 64 && address < kRegion + kRegionSize + 64;
  }

  // An address that is computed from register operands: moves one of them so that the first access hits the region.
  void place_address(uint16_t opcode, Case& test) {
    const RegionMemory memory{std::vector<uint8_t>(kRegionSize)};
    auto faults = [&](uint64_t& address) {
      RegionMemory scratch = memory;
      CaseInputs inputs(isa_, test, false);
      notation::InstOutcome outcome;
      if (!evaluator_.evaluate(opcode, test.operands, inputs, &scratch, outcome)) return false;
      if (outcome.status != notation::EvaluateStatus::Faulted) return false;
      address = fault_address(opcode, test, outcome);
      return true;
    };
    uint64_t address = 0;
    if (!faults(address)) return;
    for (const Operand& operand : test.operands) {
      if (!operand.is_use() || operand.reg.preg().reg_class() != RegClass::Gpr) continue;
      uint64_t& value = test.registers[operand.reg.preg().number()];
      const uint64_t old = value;
      value += random_place(opcode, test) - address;
      uint64_t moved = 0;
      if (!faults(moved) || is_beside_region(moved)) return;
      value = old;
    }
  }

  // Lets registers hold what the instruction will find in memory, or half of it each: what a compare-and-swap expects.
  // Those that it writes, too: a definition may have forgotten that one of them is read.
  void place_expected(uint16_t opcode, const std::vector<uint8_t>& bytes, Case& test) {
    if (random_() % 3 != 0) return;
    const auto first_read = [&] {
      RegionMemory memory(bytes);
      CaseInputs inputs(isa_, test, false);
      notation::InstOutcome outcome;
      evaluator_.evaluate(opcode, test.operands, inputs, &memory, outcome);
      return memory.first_read;
    };
    const std::vector<uint8_t> found = first_read();
    std::vector<unsigned> read;
    for (const bool is_use : {true, false}) {
      for (const Operand& operand : test.operands) {
        if (!operand.is_reg() || operand.is_use() != is_use || operand.reg.preg().reg_class() != RegClass::Gpr)
          continue;
        const unsigned number = operand.reg.preg().number();
        if (std::ranges::find(read, number) == read.end()) read.push_back(number);
      }
    }
    if (found.empty() || read.empty()) return;
    const size_t size = std::min<size_t>(found.size(), 8), words = found.size() / size;
    const size_t first = random_() % read.size(), step = random_() % 2 == 0 ? 1 : read.size() - 1;
    const Case before = test;
    for (size_t word = 0; word < words; ++word) {
      uint64_t value = 0;
      for (size_t i = 0; i < size; ++i) {
        const size_t place = endianness(isa_) == std::endian::big ? size - 1 - i : i;
        value |= uint64_t(found[word * size + place]) << (8 * i);
      }
      test.registers[read[(first + word * step) % read.size()]] = value;
    }
    if (first_read() != found) test = before;  // it was part of the address
  }

  static bool has_memory(const notation::InstDef& inst) {
    return std::any_of(inst.operands.begin(), inst.operands.end(),
                       [](const auto& operand) { return operand.kind == OperandDefKind::Mem; });
  }
  const machine::PRegSet& machine_clobbers(uint16_t opcode) const { return insts_.descs[opcode].clobbers; }

  // ---- code ----

  const std::vector<uint8_t>& code(const char* text, unsigned spare) {
    static const std::vector<uint8_t> kNone;
    if (*text == '\0') return kNone;
    std::string name = facts_.register_name + std::to_string(spare);
    if (isa_ == IsaKind::x64) {
      constexpr const char* kNames[] = {"%rax", "%rcx", "%rdx", "%rbx", "%rsp", "%rbp", "%rsi", "%rdi",
                                        "%r8",  "%r9",  "%r10", "%r11", "%r12", "%r13", "%r14", "%r15"};
      name = kNames[spare & 15];
    }
    std::string lines = text;
    for (size_t at = lines.find("{}"); at != std::string::npos; at = lines.find("{}")) lines.replace(at, 2, name);
    auto [it, inserted] = assembled_.try_emplace(lines);
    if (inserted) {
      if (auto bytes = assemble(isa_, lines)) it->second = *bytes;
    }
    return it->second;
  }

  // Whether the floats of either size in these words, at the bottom or the top, are both NaNs, and what is beside them
  // is the same.
  static bool are_nans(uint64_t a, uint64_t b, uint64_t defined) {
    const auto is_nan64 = [](uint64_t x) { return (x & ~uint64_t{0} >> 1) > uint64_t{0x7ff} << 52; };
    const auto is_nan32 = [](uint64_t x) { return (x & 0x7fff'ffff) > 0x7f80'0000; };
    const uint64_t differ = (a ^ b) & defined;
    return (is_nan64(a) && is_nan64(b)) || (differ >> 32 == 0 && is_nan32(a) && is_nan32(b)) ||
           (static_cast<uint32_t>(differ) == 0 && is_nan32(a >> 32) && is_nan32(b >> 32));
  }

  // The float and vector registers that take part, and one that does not.
  std::vector<unsigned> vector_registers(uint16_t opcode, std::span<const Operand> operands) const {
    std::set<unsigned> used;
    for (const Operand& operand : operands) {
      if (operand.is_reg() && operand.reg.preg().reg_class() == RegClass::Vec) used.insert(operand.reg.preg().number());
    }
    if (used.empty()) return {};
    unsigned other = 0;
    while (used.contains(other) || machine_clobbers(opcode).contains(PReg(RegClass::Vec, other))) ++other;
    used.insert(other);
    return {used.begin(), used.end()};
  }
  // How an executor knows them: where floats are not the low half of something wider, as floats.
  oracles::RegisterId vector_id(unsigned number) const {
    return vector_words() == 2 ? oracles::vector_register(static_cast<int>(number))
                               : oracles::float_register(static_cast<int>(number));
  }
  unsigned vector_words() const { return isa_ == IsaKind::x64 || isa_ == IsaKind::aarch64 ? 2 : 1; }

  bool has_label(const notation::InstDef& inst) const {
    return std::any_of(inst.operands.begin(), inst.operands.end(),
                       [](const auto& operand) { return operand.kind == OperandDefKind::Label && !operand.is_place; });
  }

  struct Distances {
    int64_t label = 0, constant = 0;
    std::span<const Operand> operands;
  };

  bool encode(uint16_t opcode, const Case& test, int64_t label, int64_t constant, machine::EncodedInst& out) {
    const Distances distances{label, constant, test.operands};
    machine::EncodeContext context;
    context.features = test.features;
    context.user = &distances;
    context.displacement = [](const void* user, unsigned slot) {
      const auto& d = *static_cast<const Distances*>(user);
      return d.operands[slot].kind == OperandKind::Constant ? d.constant : d.label;
    };
    return insts_.encode(opcode, test.operands, context, out) == machine::EncodeError::None && !out.has_symbol;
  }

  bool emit(uint16_t opcode, Case& test, oracles::Image& image) {
    const notation::InstDef& inst = parsed_.definitions.insts[opcode];
    auto append = [&](std::span<const uint8_t> bytes) {
      image.bytes.insert(image.bytes.end(), bytes.begin(), bytes.end());
    };
    image.bytes.resize((image.bytes.size() + 15) / 16 * 16);
    const size_t begin = image.bytes.size();
    test.entry = static_cast<uint32_t>(begin);
    append(code(facts_.set_flags, test.spare));
    test.inst = static_cast<uint32_t>(image.bytes.size());
    const bool labelled = has_label(inst);
    // A first encoding tells the size; distances are small, so it stays.
    machine::EncodedInst encoded;
    if (!encode(opcode, test, 32, 96, encoded)) {
      image.bytes.resize(begin);
      return false;
    }
    const size_t behind = code(labelled ? facts_.return_0 : facts_.read_flags, test.spare).size();
    test.target = test.inst + encoded.size + static_cast<uint32_t>(behind);
    const size_t tail = labelled ? code(facts_.return_1, test.spare).size() : 0;
    test.constant_offset = static_cast<uint32_t>((test.target + tail + 31) / 32 * 32);
    if (!encode(opcode, test, int64_t(test.target) - test.inst, int64_t(test.constant_offset) - test.inst, encoded)) {
      image.bytes.resize(begin);
      return false;
    }
    // The executor may be known to be wrong about it.
    const std::string_view executor = executor_.name();
    for (const oracles::DisassembledInst& decoded : (*disassembler_)->disassemble({encoded.bytes, encoded.size}, 0)) {
      const oracles::Exclusion* known =
          oracles::find_exclusion(executor.substr(0, executor.find('-')), isa_, decoded.text);
      test.any_nan = test.any_nan || (known != nullptr && known->trust == oracles::Trust::NotNanBits);
      if (!oracles::may_judge(executor.substr(0, executor.find('-')), isa_, decoded.text)) {
        excluded_ = true;
        image.bytes.resize(begin);
        return false;
      }
    }
    test.is_short = encoded.features != 0;
    append({encoded.bytes, encoded.size});
    append(code(labelled ? facts_.return_0 : facts_.read_flags, test.spare));
    if (labelled) append(code(facts_.return_1, test.spare));
    image.bytes.resize(test.constant_offset);
    append(test.constant);
    oracles::CodeRange range;
    range.begin = test.entry;
    range.end = static_cast<uint32_t>(image.bytes.size());
    oracles::TrapSite site;
    site.offset = test.inst + encoded.trap_offset;
    site.code = kTrapCode;
    site.function = static_cast<uint32_t>(image.functions.size());
    if (insts_.descs[opcode].is(machine::kCanTrap)) image.traps.push_back(site);
    image.functions.push_back(range);
    return true;
  }

  // ---- running ----

  // Empty, or why the instruction was not run.
  std::string run(uint16_t opcode) {
    const notation::InstDef& inst = parsed_.definitions.insts[opcode];
    const machine::InstDesc& desc = insts_.descs[opcode];
    if (!inst.has_sem && inst.sem.traps.empty()) return "no meaning of its own";
    if (!inst.hatch.empty() || desc.is(machine::kIsVariadic)) return "not one instruction";
    for (const notation::OperandDef& operand : inst.operands) {
      if (operand.kind == OperandDefKind::Symbol) return "a symbol";
    }
    const machine::FeatureSet executor_features = oracles::executor_features(executor_.name(), insts_);
    if (const auto lacks = desc.features & ~executor_features) {
      return "this executor lacks " + machine::feature_names(insts_, lacks);
    }
    const auto combinations = cases_.params(opcode);
    const size_t share = std::max<size_t>(2, options_.cases_per_instruction / combinations.size());
    oracles::Image image;
    std::vector<Case> tests;
    excluded_ = false;
    oracles::Region region;
    region.address = kRegion;
    region.bytes.resize(kRegionSize);
    for (uint8_t& byte : region.bytes) byte = static_cast<uint8_t>(random_());
    const auto add_tests = [&](const std::vector<Operand>& params, const notation::ShortForm* form) {
      std::vector<Operand> any;
      if (form != nullptr && !cases_.random_short(opcode, *form, params, any)) return;  // not of these parameters
      for (size_t i = 0; i < share; ++i) {
        std::optional<Case> test;
        for (int attempt = 0; attempt < 20 && !test; ++attempt) test = choose(opcode, params, form, region.bytes);
        if (!test) break;
        if (emit(opcode, *test, image)) tests.push_back(std::move(*test));
      }
    };
    for (const std::vector<Operand>& params : combinations) {
      add_tests(params, nullptr);
      for (const notation::ShortForm& form : inst.shorts) {
        if ((form.features & ~executor_features) == 0) add_tests(params, &form);
      }
    }
    if (tests.empty()) return excluded_ ? "this executor may not judge it" : "no operands that the test can use";
    if (const auto loaded = executor_.load(image, {&region, 1}); !loaded)
      return "cannot be loaded: " + loaded.error().message;
    ++report_.instructions;
    unsigned wrong = 0;
    constexpr unsigned kMostMismatches = 3;
    for (const Case& test : tests) {
      if (wrong >= kMostMismatches) break;
      const std::string problem = run(opcode, test, region);
      if (problem.empty()) continue;
      ++wrong;
      std::string inputs;
      for (size_t i = 0; i < test.operands.size(); ++i) {
        if (!test.operands[i].is_use()) continue;
        const PReg reg = test.operands[i].reg.preg();
        if (reg.reg_class() == RegClass::Flags) continue;
        inputs += std::string(", ") + desc.operands[i].name + " = ";
        if (reg.reg_class() == RegClass::Gpr) {
          inputs += hex(test.registers[reg.number()]);
        } else {
          inputs += hex(test.vectors[reg.number()].words[1]) + " " + hex(test.vectors[reg.number()].words[0]);
        }
      }
      if (inst.flags_use) inputs += ", flags = " + hex(test.flags);
      report_.mismatches.push_back({desc.name, insts_.print(opcode, test.operands), problem + inputs});
    }
    return "";
  }

  // Empty if machine and definition agree (or the case is outside what the test can set up).
  std::string run(uint16_t opcode, const Case& test, const oracles::Region& region) {
    const notation::InstDef& inst = parsed_.definitions.insts[opcode];
    notation::InstOutcome expected;
    notation::InstOutcome other;
    RegionMemory memory(region.bytes);
    RegionMemory other_memory(region.bytes);
    CaseInputs zeros(isa_, test, false);
    CaseInputs ones(isa_, test, true);
    if (!evaluator_.evaluate(opcode, test.operands, zeros, &memory, expected)) return "cannot be evaluated";
    evaluator_.evaluate(opcode, test.operands, ones, &other_memory, other);
    const bool faults = expected.status == notation::EvaluateStatus::Faulted;
    if (faults && !is_beside_region(fault_address(opcode, test, expected))) return "";
    if (inst.invert_param >= 0) {
      std::vector<Operand> inverted = test.operands;
      insts_.invert(opcode, inverted);
      evaluator_.evaluate(opcode, inverted, zeros, &other_memory, other);
      if (other.branch_taken == expected.branch_taken) return "the inverse condition decides alike";
    }

    oracles::Plan plan;
    plan.entry = test.entry;
    plan.preserves = oracles::Preserves::FramePointerOnly;
    std::vector<unsigned> numbers = facts_.registers;
    if (std::find(numbers.begin(), numbers.end(), 0u) == numbers.end() && isa_ == IsaKind::s390x) numbers.push_back(0);
    for (unsigned number : numbers) {
      const uint64_t value = number == test.spare ? flags_to_machine(isa_, test.flags) : test.registers[number];
      plan.registers.push_back({oracles::integer_register(static_cast<int>(number)), {value, 0}});
      plan.result_registers.push_back(oracles::integer_register(static_cast<int>(number)));
    }
    const std::vector<unsigned> vectors = vector_registers(opcode, test.operands);
    for (unsigned number : vectors) {
      const Bits& value = test.vectors[number];
      plan.registers.push_back({vector_id(number), {value.words[0], value.words[1]}});
      plan.result_registers.push_back(vector_id(number));
    }
    const oracles::Outcome outcome = executor_.run(plan, {});
    ++report_.cases;
    ++report_.cases_of[insts_.descs[opcode].name];
    if (test.is_short) ++report_.short_forms;
    if (expected.status == notation::EvaluateStatus::Trapped) {
      if (outcome.kind == oracles::OutcomeKind::Trapped && outcome.trap_code == kTrapCode) return "";
      return "should trap; " + oracles::describe(outcome);
    }
    if (faults) {
      ++report_.faults;
      const bool struck = insts_.descs[opcode].is(machine::kCanTrap)
                              ? outcome.kind == oracles::OutcomeKind::Trapped && outcome.trap_code == kTrapCode
                              : outcome.fault == oracles::FaultKind::Read || outcome.fault == oracles::FaultKind::Write;
      return struck ? "" : "should leave the mapped memory; " + oracles::describe(outcome);
    }
    if (outcome.fault == oracles::FaultKind::Arithmetic) {
      // A definition may leave all results undefined where the machine raises an exception (a quotient that does not
      // fit).
      bool all_undefined = !expected.results.empty();
      for (size_t i = 0; i < expected.results.size(); ++i) {
        all_undefined &= expected.results[i].second != other.results[i].second;
      }
      if (all_undefined) return "";
    }
    if (outcome.kind != oracles::OutcomeKind::Returned) return "should not trap; " + oracles::describe(outcome);

    std::map<unsigned, std::pair<Bits, Bits>> results;  // by slot; with undefined bits 0 and 1
    for (size_t i = 0; i < expected.results.size(); ++i) {
      results[expected.results[i].first] = {expected.results[i].second, other.results[i].second};
    }
    std::string problem;
    for (size_t i = 0; i < vectors.size(); ++i) {
      const PReg reg(RegClass::Vec, vectors[i]);
      std::pair<Bits, Bits> value{test.vectors[vectors[i]], test.vectors[vectors[i]]};
      bool is_defined = true;
      for (size_t slot = 0; slot < test.operands.size(); ++slot) {
        if (!test.operands[slot].is_def() || test.operands[slot].reg != machine::Reg(reg)) continue;
        const auto found = results.find(static_cast<unsigned>(slot));
        is_defined = found != results.end();
        if (is_defined) value = found->second;
      }
      const oracles::RegisterBits& found = outcome.results[numbers.size() + i];
      const uint64_t words[2] = {found.low, found.high};
      for (unsigned word = 0; word < vector_words() && is_defined; ++word) {
        uint64_t defined = ~(value.first.words[word] ^ value.second.words[word]);
        if (test.is_unboxed && value.first.words[word] >> 32 == 0xffff'ffff) defined &= 0xffff'ffff;
        if (((value.first.words[word] ^ words[word]) & defined) == 0) continue;
        if (test.any_nan && word == 0 && are_nans(value.first.words[0], words[0], defined)) continue;
        problem += "float register " + std::to_string(vectors[i]) + (word == 0 ? "" : ", upper half") + ": expected " +
                   hex(value.first.words[word]) + ", found " + hex(words[word]) + "; ";
      }
    }
    auto compare = [&](const std::string& what, uint64_t zeros, uint64_t ones, uint64_t found) {
      const uint64_t defined = ~(zeros ^ ones);
      if (((zeros ^ found) & defined) != 0)
        problem += what + ": expected " + hex(zeros) + ", found " + hex(found) + "; ";
    };
    const bool labelled = has_label(inst);
    for (size_t i = 0; i < numbers.size(); ++i) {
      const unsigned number = numbers[i];
      const uint64_t found = outcome.results[i].low;
      if (number == test.spare) {
        if (labelled) {
          if (expected.evaluation.branch_taken != (found != 0))
            problem += std::string("branch ") + (found != 0 ? "" : "not ") + "taken; ";
        } else if (parsed_.definitions.isa.flags_width != 0 && !inst.flags_clobber) {
          const uint64_t flags = flags_from_machine(isa_, found);
          if (inst.flags_def) {
            const auto& value = results[static_cast<unsigned>(inst.flags_def_slot)];
            // exclusions.h lists readers of condition code 3, because Unicorn sets it wrongly when additions and
            // subtractions overflow.
            const bool excused =
                isa_ == IsaKind::s390x && report_.executor.starts_with("unicorn") && value.first.low() == 3;
            if (excused) continue;
            compare("flags", value.first.low(), value.second.low(), flags);
          } else {
            compare("flags (unchanged)", test.flags, test.flags, flags);
          }
        }
        continue;
      }
      const PReg reg(RegClass::Gpr, number);
      if (insts_.descs[opcode].clobbers.contains(reg)) continue;
      bool defined = false;
      for (const auto& [slot, value] : results) {
        if (slot >= test.operands.size() || !test.operands[slot].is_def() ||
            test.operands[slot].reg != machine::Reg(reg))
          continue;
        compare(insts_.descs[opcode].operands[slot].name, value.first.low(), value.second.low(), found);
        defined = true;
      }
      // A def without a meaning (a scratch register) may hold anything.
      for (const Operand& operand : test.operands)
        defined = defined || (operand.is_def() && operand.reg == machine::Reg(reg));
      if (!defined)
        compare("register " + std::to_string(number) + " (unchanged)", test.registers[number], test.registers[number],
                found);
    }
    if (!outcome.memory.empty() && outcome.memory[0] != memory.bytes) {
      for (size_t i = 0; i < memory.bytes.size(); ++i) {
        if (outcome.memory[0][i] != memory.bytes[i]) {
          problem += "memory at " + hex(kRegion + i) + ": expected " + hex(memory.bytes[i]) + ", found " +
                     hex(outcome.memory[0][i]) + "; ";
          break;
        }
      }
    }
    return problem;
  }

  IsaKind isa_;
  const machine::InstSet& insts_;
  oracles::Executor& executor_;
  ConformanceOptions options_;
  MachineFacts facts_;
  notation::ParsedDefinitions parsed_;
  notation::InstEvaluator evaluator_;
  OperandCases cases_;
  std::mt19937_64 random_;
  bool nans_only_ = false;  // of random_float()
  Expected<std::unique_ptr<oracles::Disassembler>> disassembler_;
  std::map<std::string, std::vector<uint8_t>> assembled_;
  ConformanceReport report_;
  bool excluded_ = false;
};

}  // namespace

ConformanceReport check_conformance(IsaKind isa, const machine::InstSet& insts, oracles::Executor& executor,
                                    const ConformanceOptions& options) {
  return Checker(isa, insts, executor, options).run();
}

void add(ConformanceReport& sum, const ConformanceReport& round) {
  constexpr size_t kMostMismatches = 3;
  for (const auto& [name, cases] : round.cases_of) sum.cases_of[name] += cases;
  sum.executor = round.executor;
  sum.instructions = std::max(sum.instructions, round.instructions);
  sum.cases += round.cases;
  sum.faults += round.faults;
  sum.short_forms += round.short_forms;
  sum.not_run = round.not_run;
  for (const ConformanceMismatch& mismatch : round.mismatches) {
    const auto same = std::count_if(sum.mismatches.begin(), sum.mismatches.end(),
                                    [&](const auto& known) { return known.instruction == mismatch.instruction; });
    if (static_cast<size_t>(same) < kMostMismatches) sum.mismatches.push_back(mismatch);
  }
}

std::string describe(const ConformanceReport& report) {
  std::string out = report.executor + ": " + std::to_string(report.instructions) + " instructions, " +
                    std::to_string(report.cases) + " cases (" + std::to_string(report.faults) +
                    " leave the mapped memory), " +
                    (report.short_forms == 0 ? "" : std::to_string(report.short_forms) + " in short forms, ") +
                    std::to_string(report.mismatches.size()) + " differ\n";
  for (const ConformanceMismatch& m : report.mismatches)
    out += "  " + m.instruction + ": " + m.text + ": " + m.problem + "\n";
  if (!report.not_run.empty()) {
    out += "  not run:";
    for (const std::string& name : report.not_run) out += " " + name + ";";
    out += "\n";
  }
  return out;
}

}  // namespace assay::verify
