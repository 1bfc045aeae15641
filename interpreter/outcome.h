// What happened when the interpreter ran a function: a value to compare with `==`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/data_value.h"
#include "compiler/ir/entities.h"
#include "compiler/ir/immediates.h"
#include "interpreter/host_function.h"

namespace assay::interpreter {

enum class OutcomeKind : uint8_t {
  Returned,
  Trapped,
  OutOfFuel,
  // The program did something CLIF gives no meaning to, so no executor may be compared on this input: a notrap access
  // that is out of bounds, an `aligned` one that is not, an access to the stack outside every live slot, an atomic_cas
  // whose comparison fails in memory that is not writable (it traps on some machines), a call through a pointer that is
  // no function of that signature, and so on.
  UndefinedBehaviour,
  Unsupported,  // the interpreter does not know an operation that it reached
  // What happens next depends on bits that CLIF leaves open (free_bits.h): a branch on the sign of a NaN, an address
  // made of one. Nor may any executor be compared.
  Undetermined
};
inline constexpr size_t kOutcomeKinds = 6;
const char* name(OutcomeKind kind);

// Fields that do not belong to the kind keep their defaults.
struct Outcome {
  OutcomeKind kind = OutcomeKind::Unsupported;
  std::vector<ir::DataValue> results;  // Returned
  // Returned: by result, which of its bits CLIF leaves open; `results` has one choice of them. Empty: none.
  std::vector<unsigned __int128> free_bits;
  ir::TrapCode trap;            // Trapped: the code …
  uint32_t function = 0;        // … and of all but Returned and OutOfFuel the place:
  ir::Inst inst;                // function by its number in the Program, instruction by its number there
  std::vector<HostCall> calls;  // of host functions, in order; whatever the kind
  std::string text;             // UndefinedBehaviour, Undetermined: what; Unsupported: "operation.type"

  bool operator==(const Outcome&) const = default;
};

// Is `value` what the program may return as result `number` of this outcome, Returned, whatever the free bits are?
bool allows(const Outcome& outcome, size_t number, const ir::DataValue& value);

// For people: one line. `returned 1, 2`, `returned +NaN open 0x80000000` (a mask for each result), `trapped int_divz at
// function 0, inst3`, …
std::string describe(const Outcome& outcome);

}  // namespace assay::interpreter
