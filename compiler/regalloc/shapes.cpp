// See shapes.h.
#include "compiler/regalloc/shapes.h"

#include "compiler/regalloc/test_builder.h"

namespace assay::regalloc {

using machine::Operand;
using machine::Reg;

namespace {

constexpr uint32_t kRegisters = 14;

class ShapeBuilder {
 public:
  RandomCase run(Shape shape, uint32_t size) {
    switch (shape) {
      case Shape::Small:
        small();
        break;
      case Shape::Straight:
        straight(size);
        break;
      case Shape::Diamonds:
        diamonds(size);
        break;
      case Shape::Loops:
        loops(size);
        break;
      case Shape::Pressure:
        pressure(size);
        break;
      case Shape::Chain:
        chain(size);
        break;
      case Shape::Switch:
        switch_(size);
        break;
      case Shape::Calls:
        calls(size);
        break;
    }
    f_.finish();
    return {std::move(f_.code()), std::move(f_.env()), test_machine(kRegisters).opcode_clobbers};
  }

 private:
  static PReg r(unsigned number) { return PReg(RegClass::Gpr, number); }

  std::vector<Reg> args(uint32_t count) {
    std::vector<Reg> regs;
    std::vector<Operand> operands;
    for (uint32_t k = 0; k < count; ++k) {
      regs.push_back(f_.gpr());
      operands.push_back(Operand::fixed_def(regs.back(), r(k)));
    }
    f_.inst(kTestArgs, operands);
    return regs;
  }
  Reg constant() {
    const Reg reg = f_.gpr();
    f_.inst(kTestOp, {Operand::def(reg), Operand::immediate(1)});
    return reg;
  }
  // Two-operand arithmetic, as on x64.
  Reg binary(Reg a, Reg b) {
    const Reg reg = f_.gpr();
    Operand def = Operand::def(reg);
    def.constraint = machine::Constraint::Reuse;
    def.detail = 1;
    f_.inst(kTestOp, {def, Operand::use(a), Operand::use(b)});
    return reg;
  }
  Reg call(Reg a, Reg b) {
    const Reg reg = f_.gpr();
    f_.inst(kTestCall, {Operand::fixed_use(a, r(0)), Operand::fixed_use(b, r(1)), Operand::fixed_def(reg, r(0))});
    return reg;
  }
  void ret(Reg a) { f_.inst(kTestReturn, {Operand::fixed_use(a, r(0))}); }

  void small() {
    f_.block();
    const auto in = args(3);
    Reg x = binary(in[0], in[1]);
    Reg y = binary(x, in[2]);
    for (int k = 0; k < 4; ++k) y = binary(y, k & 1 ? x : in[1]);
    const Reg zero = constant();
    f_.jump(1, {y, zero});
    const Reg sum = f_.gpr(), i = f_.gpr();
    f_.block({sum, i});
    Reg next = binary(sum, x);
    for (int k = 0; k < 4; ++k) next = binary(next, k & 1 ? i : in[2]);
    const Reg step = binary(i, in[0]);
    f_.branch({2, 3}, {Operand::use(step)});
    f_.block();
    f_.jump(1, {next, step});
    f_.block();
    const Reg result = call(next, in[1]);
    Reg out = binary(result, next);
    for (int k = 0; k < 5; ++k) out = binary(out, k & 1 ? result : in[0]);
    ret(out);
  }

  void straight(uint32_t size) {
    f_.block();
    std::vector<Reg> recent = args(6);
    for (uint32_t k = 0; k < size; ++k) {
      const Reg a = recent[recent.size() - 1 - k % 3], b = recent[recent.size() - 1 - k * 7 % 6];
      recent.push_back(k % 50 == 49 ? call(a, b) : binary(a, b));
    }
    ret(recent.back());
  }

  void diamonds(uint32_t size) {
    f_.block();
    const auto in = args(6);
    Reg value = binary(in[0], in[1]);
    for (uint32_t k = 0; k < size; ++k) {
      const uint32_t first = 3 * k + 1;
      f_.branch({first, first + 1}, {Operand::use(value)});
      const Reg joined = f_.gpr();
      f_.block();
      f_.jump(first + 2, {binary(value, in[k % 6])});
      f_.block();
      f_.jump(first + 2, {binary(value, in[(k + 1) % 6])});
      f_.block({joined});
      value = joined;
    }
    ret(value);
  }

  void loops(uint32_t size) {
    f_.block();
    const auto in = args(4);
    Reg value = binary(in[0], in[1]);
    uint32_t b = 0;
    for (uint32_t k = 0; k < size; ++k) {
      // b -> outer(1) -> middle(2) -> inner(3), each with a back edge block.
      const Reg outer = f_.gpr(), middle = f_.gpr(), inner = f_.gpr();
      f_.jump(b + 1, {value});
      f_.block({outer});
      const Reg o = binary(outer, in[2]);
      f_.jump(b + 2, {o});
      f_.block({middle});
      const Reg m = binary(middle, outer);
      f_.jump(b + 3, {m});
      f_.block({inner});
      const Reg i = binary(inner, middle);
      f_.branch({b + 4, b + 5}, {Operand::use(i)});
      f_.block();
      f_.jump(b + 3, {i});
      f_.block();
      const Reg j = binary(i, in[3]);
      f_.branch({b + 6, b + 7}, {Operand::use(j)});
      f_.block();
      f_.jump(b + 2, {j});
      f_.block();
      const Reg l = binary(j, in[1]);
      f_.branch({b + 8, b + 9}, {Operand::use(l)});
      f_.block();
      f_.jump(b + 1, {l});
      f_.block();
      value = l;
      b += 9;
    }
    ret(value);
  }

  void pressure(uint32_t size) {
    f_.block();
    args(1);
    std::vector<Reg> values;
    for (uint32_t k = 0; k < size; ++k) values.push_back(constant());
    Reg sum = values[0];
    for (uint32_t k = 0; k < size; ++k) sum = binary(sum, values[uint64_t(k) * 7919 % size]);
    ret(sum);
  }

  void chain(uint32_t size) {
    f_.block();
    args(1);
    std::vector<Reg> values;
    for (uint32_t k = 0; k < size; ++k) values.push_back(constant());
    for (uint32_t k = 0; k < size; ++k) {
      f_.jump(k + 1);
      f_.block();
    }
    Reg sum = values[0];
    for (Reg value : values) sum = binary(sum, value);
    ret(sum);
  }

  void switch_(uint32_t size) {
    f_.block();
    const auto in = args(4);
    std::vector<Operand> operands{Operand::use(in[0])};
    for (uint32_t k = 0; k < size; ++k) {
      operands.push_back(Operand::label(machine::Block(k + 1)));
      f_.code().succs.push_back(machine::Block(k + 1));
    }
    f_.code().blocks.back().succ_count = size;
    // A jump table's operands are counted in 16 bits: the labels beyond are only in the list of successors.
    if (operands.size() > 60000) operands.resize(60000);
    f_.inst(kTestBranch, operands);
    const Reg joined = f_.gpr();
    for (uint32_t k = 0; k < size; ++k) {
      f_.block();
      f_.jump(size + 1, {k % 3 ? in[k % 4] : binary(in[1], in[2])});
    }
    f_.block({joined});
    ret(binary(joined, in[3]));
  }

  void calls(uint32_t size) {
    f_.block();
    const auto in = args(10);
    Reg value = in[0];
    for (uint32_t k = 0; k < size; ++k) value = call(value, in[k % 10]);
    for (Reg reg : in) value = binary(value, reg);
    ret(value);
  }

  TestFunction f_{kRegisters};
};

}  // namespace

const char* name_of(Shape shape) {
  static constexpr const char* kNames[] = {"small",    "straight", "diamonds", "loops",
                                           "pressure", "chain",    "switch",   "calls"};
  return kNames[unsigned(shape)];
}

RandomCase make_shape(Shape shape, uint32_t size) { return ShapeBuilder().run(shape, size); }

}  // namespace assay::regalloc
