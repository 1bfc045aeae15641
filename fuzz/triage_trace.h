// The reduced case on one ISA at one level, stage by stage, with everything that happened: what triage looks at.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fuzz/case.h"
#include "oracles/machine_session.h"

namespace assay::fuzz {

// An instruction of the entry function that ran (of its outermost activation), or a block's parameters that got values.
struct TraceEvent {
  bool is_entry = false;  // of block `inst`
  uint32_t inst = 0;
  std::vector<oracles::VCodeValue> defined;
};

// An instruction of the entry function that the machine ran, and the integer registers before it.
struct MachineStep {
  uint32_t offset = 0;  // in the function's bytes
  uint64_t registers[32] = {};
};

constexpr size_t kLongestTrace = 20'000;

class StageTraces {
 public:
  // Compiles `test`, which must stay alive, without any check; otherwise as a harness with these options does. With a
  // choice_seed, the compiler's choices are made from it.
  StageTraces(const Case& test, IsaKind isa, machine::OptLevel level, uint64_t choice_seed,
              const oracles::HarnessOptions& options);

  // Does the entry function compile? Otherwise why not.
  const std::string& problem() const { return problem_; }
  oracles::MachineSession& session() { return session_; }
  const oracles::VCodeFunction& code(oracles::ExecutorKind stage) const { return session_.stage(stage, test_.entry); }
  const machine::EmittedCode& emitted() const { return session_.compiled(test_.entry).code; }
  // The bytes of the entry function as they are linked.
  std::span<const uint8_t> linked() {
    return std::span(session_.image().bytes).subspan(session_.entry_offset(test_.entry), emitted().bytes.size());
  }
  const machine::CompileOptions& options() const { return options_; }
  const machine::TargetIsa& isa() { return session_.compiler().isa(); }

  // Runs the first input on code over virtual or physical registers. Bits that definitions leave open depend on
  // `open_bits`.
  std::vector<TraceEvent> trace(oracles::ExecutorKind stage, oracles::Outcome& outcome, uint64_t open_bits = 0);
  // Runs it on Unicorn, instruction by instruction.
  std::vector<MachineStep> steps(oracles::Outcome& outcome);

  // "[isub_imm < lower …]": the rules that emitted an instruction of the virtual code, innermost first.
  std::vector<isle::RuleId> rules_of(uint32_t inst);
  // A line of the virtual code.
  std::string print(oracles::ExecutorKind stage, uint32_t inst);

 private:
  const Case& test_;
  oracles::MachineSession session_;
  machine::CompileOptions options_;
  std::vector<const ir::Function*> functions_;
  std::vector<oracles::Region> regions_;
  std::string problem_;
};

// The first value that each CLIF value of the entry function has on the first input, as the interpreter says; nothing
// for those it does not get to. Asked one by one.
class ClifValues {
 public:
  ClifValues(const Case& test, ir::Endianness order) : test_(test), order_(order) {}
  std::optional<ir::DataValue> first(ir::Value v);

 private:
  const Case& test_;
  ir::Endianness order_;
  std::unordered_map<uint32_t, std::optional<ir::DataValue>> known_;
};

std::string hex(uint64_t value);
using oracles::byte_order;

}  // namespace assay::fuzz
