// libFuzzer target, of two kinds by the first byte.
//   An instruction: the bytes choose ISA, opcode and operands, legal or not. The generated encoder and printer must say
//   what the definition says, as a second encoder reads it (verify/interpreted_insts.h).
//   Branches: the bytes choose blocks, how much code lies in each (near the limits of short branches: 128 bytes on x64,
//   4 KiB on RISC-V, 32 KiB on AArch64, 64 KiB on s390x) and how they lead to each other. It is compiled for every ISA
//   and run: each block leaves its mark in the result, so a wrong displacement or condition shows.
// Links assay_fuzz, assay_conformance.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "compiler/ir/builder.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"
#include "fuzz/case.h"
#include "fuzz/random.h"
#include "verify/interpreted_insts.h"

namespace {

using namespace assay;
using machine::Operand;

[[noreturn]] void found(const std::string& what) {
  std::fprintf(stderr, "emit_fuzzer: %s\n", what.c_str());
  std::abort();
}

// ---- one instruction ----

int64_t number(fuzz::Random& random) {
  int64_t value = random.below(256);
  switch (random.below(6)) {
    case 0:
      return value;
    case 1:
      return -value;
    case 2:
      return int64_t(1) << (value % 63);
    case 3:
      return (int64_t(1) << (value % 63)) - 1;
    case 4:
      return -(int64_t(1) << (value % 63));
    default:
      return value << random.below(48);
  }
}

Operand operand(fuzz::Random& random, const machine::OperandDesc& slot, unsigned registers) {
  using machine::SlotKind;
  if (random.below(40) == 0) return Operand::immediate(number(random));  // of any kind
  switch (slot.kind) {
    case SlotKind::Param:
      return Operand::immediate(random.below(24));
    case SlotKind::Imm:
    case SlotKind::MemDisp:
      return Operand::immediate(number(random));
    case SlotKind::MemShift:
      return Operand::immediate(random.below(5));
    case SlotKind::Label:
      return Operand::label(machine::Block(0));
    case SlotKind::Place:
      return Operand::place(machine::Block(0));
    case SlotKind::Symbol:
      return Operand::symbol(0);
    case SlotKind::Constant:
      return Operand::constant(0);
    default:
      break;
  }
  if (slot.optional && random.chance(30)) return {};
  const machine::PReg reg = slot.constraint == machine::Constraint::Fixed && random.chance(90)
                                ? machine::PReg::from_code(slot.detail)
                                : machine::PReg(slot.reg_class, random.below(registers));
  Operand out = Operand::use(reg);
  out.role = slot.role;
  return out;
}

struct Machine {
  const machine::TargetIsa* isa;
  std::unique_ptr<verify::InterpretedInsts> defined;
};

const Machine& machine_of(IsaKind kind) {
  static std::array<Machine, kIsaCount> all;
  Machine& out = all[static_cast<size_t>(kind)];
  if (out.isa != nullptr) return out;
  out.isa = isa::find_isa(kind);
  const machine::InstSet& insts = *out.isa->insts;
  std::vector<notation::SourceFile> files;
  for (size_t i = 0; i < insts.source_files.size(); ++i)
    files.push_back({insts.source_files[i], insts.source_texts[i]});
  out.defined = std::make_unique<verify::InterpretedInsts>(kind, files);
  return out;
}

std::string shown(machine::EncodeError error, const machine::EncodedInst& inst) {
  if (error != machine::EncodeError::None) return "error " + std::to_string(static_cast<int>(error));
  std::string text;
  char byte[4];
  for (unsigned i = 0; i < inst.size; ++i) {
    std::snprintf(byte, sizeof byte, "%02x ", inst.bytes[i]);
    text += byte;
  }
  if (inst.has_symbol) text += "symbol at " + std::to_string(inst.symbol_offset);
  return text + " trap at " + std::to_string(inst.trap_offset);
}

void check_instruction(fuzz::Random& random) {
  const Machine& m = machine_of(kAllIsas[random.below(kIsaCount)]);
  const machine::InstSet& insts = *m.isa->insts;
  const auto opcode = static_cast<uint16_t>(random.below(static_cast<uint32_t>(insts.descs.size())));
  const machine::InstDesc& desc = insts.descs[opcode];
  std::vector<Operand> operands;
  const unsigned registers = m.isa->kind == IsaKind::x64 || m.isa->kind == IsaKind::s390x ? 16 : 32;
  for (const machine::OperandDesc& slot : desc.operands) operands.push_back(operand(random, slot, registers));
  for (size_t i = 0; i < operands.size(); ++i) {  // two-operand machines
    if (desc.operands[i].constraint == machine::Constraint::Reuse)
      operands[i].reg = operands[desc.operands[i].detail].reg;
  }
  // Branch distances are even on most machines; the product may wrap, any distance is an input.
  const auto distance = static_cast<int64_t>(static_cast<uint64_t>(number(random)) * (random.chance(80) ? 2 : 1));
  const machine::EncodeContext context{[](const void* user, unsigned) { return *static_cast<const int64_t*>(user); },
                                       &distance, random.next() & machine::all_features(insts)};
  machine::EncodedInst a, b;
  const auto generated = insts.encode(opcode, operands, context, a);
  const verify::InterpretedInsts::Scope scope(*m.defined);
  const auto defined = m.defined->encode(opcode, operands, context, b);
  const std::string what = std::string(m.isa->name) + " " + desc.name + ": ";
  if (shown(generated, a) != shown(defined, b)) {
    found(what + "the encoder gives " + shown(generated, a) + ", the definition " + shown(defined, b));
  }
  if (generated != machine::EncodeError::None) return;
  if (insts.print(opcode, operands) != m.defined->print(opcode, operands)) {
    found(what + "the printer gives " + insts.print(opcode, operands) + ", the definition " +
          m.defined->print(opcode, operands));
  }
}

// ---- branches ----

// How many stores, of 4 to 10 bytes each.
unsigned filling(fuzz::Random& random, unsigned& budget) {
  constexpr unsigned kLimits[] = {16, 500, 1000, 4000, 8100, 16300};
  const unsigned limit = kLimits[random.chance(85) ? random.below(3) : random.below(std::size(kLimits))];
  const unsigned count = random.chance(60) ? random.below(12) : limit + random.below(64) - random.below(limit / 2);
  const unsigned taken = std::min(count, budget);
  budget -= taken;
  return taken;
}

fuzz::Case make_branches(fuzz::Random& random) {
  using namespace ir;
  constexpr uint64_t kRegion = 0x20000000;
  constexpr int64_t kVisits = 12;
  Function f;
  f.name = ExternalName::testcase("main");
  f.signature.call_conv = CallConv::kSystemV;
  f.signature.params = {{.type = kI64}, {.type = kI64}};
  f.signature.returns = {{.type = kI64}};
  InstBuilder b(f);
  const auto block = [&](unsigned params) {
    const Block made = f.make_block();
    for (unsigned i = 0; i < params; ++i) f.append_block_param(made, kI64);
    return made;
  };
  const Block entry = block(2), exit = block(1);
  std::vector<Block> blocks;  // (choices, visits left, trail)
  for (unsigned count = random.between(2, 7); count > 0; --count) blocks.push_back(block(3));
  const auto any = [&] { return blocks[random.below(static_cast<uint32_t>(blocks.size()))]; };
  f.append_block(entry);
  b.set_block(entry);
  const Value start = f.block_params(entry)[0], threshold = f.block_params(entry)[1];
  const Value base = b.iconst(kI64, kRegion), visits = b.iconst(kI64, kVisits), zero = b.iconst(kI64, 0);
  b.jump(b.call_to(blocks[0], {start, visits, zero}));
  unsigned budget = random.chance(10) ? 20000 : 2500;
  for (size_t i = 0; i < blocks.size(); ++i) {
    f.append_block(blocks[i]);
    b.set_block(blocks[i]);
    const Value choices = f.block_params(blocks[i])[0], left = f.block_params(blocks[i])[1];
    const Value trail = f.block_params(blocks[i])[2];
    const Value mark = b.iadd(b.imul(trail, b.iconst(kI64, 31)), b.iconst(kI64, static_cast<int64_t>(i + 1)));
    for (unsigned n = filling(random, budget); n > 0; --n) {
      b.store(MemFlags(), random.chance(50) ? mark : choices, base, static_cast<int32_t>(8 * random.below(256)));
    }
    const Value fewer = b.iadd(left, b.iconst(kI64, -1));
    const Value rest = b.rotr(choices, b.iconst(kI64, 1));
    const Block go_on = block(0);
    b.brif(fewer, b.call_to(go_on), b.call_to(exit, {mark}));
    f.append_block(go_on);
    b.set_block(go_on);
    const auto to = [&] { return b.call_to(any(), {rest, fewer, mark}); };
    switch (random.below(5)) {
      case 0:
        b.jump(to());
        break;
      case 1:
        b.brif(b.band(choices, b.iconst(kI64, int64_t(1) << random.below(63))), to(), to());
        break;
      case 2:
        b.brif(b.icmp(IntCC(random.below(10)), choices, threshold), to(), to());
        break;
      case 3:
        b.brif(b.icmp(IntCC(random.below(10)), rest, b.iconst(kI64, number(random))), to(), to());
        break;
      default: {
        const BlockCall targets[] = {to(), to(), to()};
        b.br_table(b.ireduce(kI32, b.band(choices, b.iconst(kI64, 3))), targets[0], std::span(targets).subspan(1));
        break;
      }
    }
  }
  f.append_block(exit);
  b.set_block(exit);
  b.return_({f.block_params(exit)[0]});
  fuzz::Case test;
  test.functions.push_back(std::move(f));
  test.regions.push_back({.address = kRegion, .size = 4096});
  for (int i = 0; i < 3; ++i) {
    std::vector<DataValue> args = {fuzz::random_value(random, kI64), fuzz::random_value(random, kI64)};
    test.inputs.push_back({.args = args, .seed = fuzz::input_seed(args)});
  }
  return test;
}

void check_branches(fuzz::Random& random) {
  static oracles::Harness harness;
  const fuzz::Case test = make_branches(random);
  std::vector<oracles::Finding> findings;
  fuzz::check_case(harness, test, findings, true);
  if (findings.empty()) return;
  found(oracles::describe(findings[0]) + "\n" + fuzz::print_case(test, harness, {}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  fuzz::Random random(std::span<const uint8_t>(data + 1, size - 1));
  if (data[0] % 16 == 0) {
    check_branches(random);
  } else {
    check_instruction(random);
  }
  return 0;
}
