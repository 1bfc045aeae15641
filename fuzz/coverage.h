// What an input made the compilers and the interpreter do, as features: a campaign keeps the inputs that bring new
// ones, and reports which there are and how often.
//
// A feature is an operation at a type (generated; compiled for an ISA), a rule at a type, a machine instruction, an
// event of a compiler (machine/coverage.h), an outcome, or a trap of an operation at a type. In one process a feature
// is a number; in files it is its name ("rule x64 iadd_imm i32"), which survives changes of the tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "fuzz/case.h"
#include "oracles/harness.h"

namespace assay::fuzz {

enum class FeatureKind : uint8_t { Operation, Rule, Instruction, Event, Outcome, Trap };

class Feature {
 public:
  Feature() = default;
  explicit Feature(uint32_t bits) : bits_(bits) {}
  // `isa`: nothing for what is no machine's. `index`: opcode, rule, event, outcome; of a trap the opcode and the code.
  Feature(FeatureKind kind, std::optional<IsaKind> isa, uint32_t index, uint8_t type_class = 0)
      : bits_(uint32_t(kind) << 29 | (isa ? uint32_t(*isa) : kNoIsa) << 26 | index << 5 | type_class) {}
  static Feature trap(ir::Opcode opcode, uint8_t type_class, ir::TrapCode code) {
    return {FeatureKind::Trap, std::nullopt, uint32_t(opcode) << 8 | code.code, type_class};
  }

  uint32_t bits() const { return bits_; }
  FeatureKind kind() const { return FeatureKind(bits_ >> 29); }
  std::optional<IsaKind> isa() const {
    const uint32_t isa = bits_ >> 26 & 7;
    return isa == kNoIsa ? std::nullopt : std::optional(IsaKind(isa));
  }
  uint32_t index() const { return bits_ >> 5 & 0x1fffff; }
  uint8_t type_class() const { return bits_ & 31; }
  auto operator<=>(const Feature&) const = default;

 private:
  static constexpr uint32_t kNoIsa = 7;
  uint32_t bits_ = 0;
};

// "operation iadd i32", "operation x64 iadd i32", "rule x64 iadd_imm i32", "rule opt iadd_zero", "instruction x64
// add_rr", "event x64 cycle", "outcome returned", "trap sdiv i32 int_divz".
std::string to_string(Feature feature);
// The inverse; nothing if there is no such rule, operation … in this build.
std::optional<Feature> parse_feature(std::string_view name);

// Of an operation: "iadd.i32". Of a rule: "x64: iadd_imm".
std::string operation_name(Feature feature);
std::string rule_name(Feature feature);

struct FeatureCount {
  Feature feature;
  uint64_t count = 0;
};

// Appends what has happened in the harness since the last call, the last case of which was `test`. No feature twice.
void take_features(oracles::Harness& harness, const Case& test, std::vector<FeatureCount>& out);

// "x64: iadd_imm" for every rule of these ISAs' backends, "opt: iadd_zero" for every rewrite of the mid-end.
std::vector<std::string> rule_names(const std::vector<IsaKind>& isas);
// "iadd.i32": the operations that the generator is for, each at the types it takes.
std::vector<std::string> wanted_operations();

}  // namespace assay::fuzz
