// Executes typed semantics on concrete values: one pass over the node array, no allocation once the scratch has grown.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/isle/notation/semantics.h"

namespace assay::notation {

// What loads and stores of an evaluation act on. Both return false for memory that is not there.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual bool read(uint64_t address, std::span<uint8_t> bytes) = 0;
  virtual bool write(uint64_t address, std::span<const uint8_t> bytes) = 0;
};

enum class EvaluateStatus : uint8_t {
  Done,     // all results are valid
  Trapped,  // Evaluation::trap says which clause; no store has happened
  Faulted,  // an event touched memory that is not there (Evaluation::fault_event); earlier stores have happened
};

// The outcome and the scratch space; reuse it from call to call.
struct Evaluation {
  EvaluateStatus status = EvaluateStatus::Done;
  uint32_t trap = 0;         // index into Semantics::traps
  uint32_t fault_event = 0;  // index into Semantics::events
  bool branch_taken = false;
  std::vector<Bits> values;  // by NodeId; results are values[assignment.value]
};

// `inputs[i]` is the value of semantics.inputs[i] (booleans 0 or 1), with no bit above its width.
// `memory` may be null if there are no events; an event then faults.
void evaluate(const Semantics& semantics, std::span<const Bits> inputs, Memory* memory, Evaluation& out);

}  // namespace assay::notation
