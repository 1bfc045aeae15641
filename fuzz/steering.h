// Weights of the generator that follow coverage: what is rare is made more often.
//
// A program may be generated with a tilt: one operation at one type that it has much more of than usual, mostly applied
// to the result of one other operation. That is the shape of what lowering rules match. A campaign tells afterwards
// what the program reached, as features of any numbering (a rule at a type on an ISA, an instruction, an allocator's
// path, an operation at a type). What is new or still rare speaks for the tilt: it, and others with the same operation,
// type or inner operation, are chosen more often while that lasts. A program in four is not tilted at all.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/ir/opcodes.h"
#include "compiler/ir/types.h"
#include "fuzz/random.h"

namespace assay::fuzz {

// Of one program. Without a type there is none.
struct Tilt {
  ir::Opcode operation{};
  ir::Type type;
  ir::Opcode inner{};

  bool is_set() const { return type.is_valid(); }
  bool operator==(const Tilt&) const = default;
};
std::string to_string(const Tilt& tilt);  // "iadd.i32 of ishl"

// The operations that a tilt may name, and whether the generator makes one at a type.
std::span<const ir::Opcode> tilt_operations();
bool has_type(ir::Opcode operation, ir::Type type);

class Steering {
 public:
  Steering();

  // For the next program.
  Tilt choose(Random& random) const;
  // What a program made with `tilt`, or without, has reached.
  void learn(const Tilt& tilt, std::span<const uint32_t> features);
  // More of this operation, at this type or (without one) at all, from now on: something about it is known to be rare.
  void want(ir::Opcode operation, ir::Type type, double how_much = 1.0);

  // How many different features there have been.
  size_t features() const { return seen_.size(); }

 private:
  // Mean reward so far, from an optimistic start. What is usual is 1; the square favours what is more.
  struct Arm {
    double sum = 1.5, count = 1;
    double weight() const { return 0.02 + sum * sum / (count * count); }
    void add(double reward);
  };
  static uint32_t pick(Random& random, std::span<const double> weights);

  std::vector<Arm> operations_;                  // by index in tilt_operations() × type
  std::vector<Arm> inner_;                       // by index in tilt_operations()
  double usual_ = 1;                             // reward of a program
  std::unordered_map<uint32_t, uint32_t> seen_;  // feature: in how many programs
};

}  // namespace assay::fuzz
