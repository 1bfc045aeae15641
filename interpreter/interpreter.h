// The reference interpreter: runs decoded functions on given arguments and memory, and says what happened.
//
// Everything is bounded: steps by fuel, calls by a depth (no recursion on the host stack), the stack by its size; past
// either of the last two the call traps with stk_ovf. Given the same inputs the outcome is the same on every host.
// Stack slots have addresses in [stack_base, …), functions from function_base on, 16 bytes each. Real machines put both
// elsewhere: whoever compares runs twice with other bases (and another stack_fill), and lets the input go if it can
// tell.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/ir/data_value.h"
#include "interpreter/memory.h"
#include "interpreter/outcome.h"
#include "interpreter/program.h"

namespace assay::interpreter {

struct Config {
  uint64_t fuel = 1'000'000;                            // steps, one for each CLIF instruction
  uint32_t max_depth = 2000;                            // of calls
  ir::Endianness byte_order = ir::Endianness::kLittle;  // of accesses that do not name one
  uint64_t stack_base = 0x3001'0000;
  uint64_t stack_size = 0x0040'0000;
  uint8_t stack_fill = 0;  // what a fresh stack slot is full of
  // Accesses to the stack outside of every slot are UndefinedBehaviour. Off: they hit the bytes between slots, which is
  // what happens on machines, and what some old tests count on.
  bool strict_stack = true;
  uint64_t function_base = 0x1000'0000;
  // Addresses of which CLIF says nothing but where a machine has something mapped: touching them is UndefinedBehaviour,
  // where other addresses outside the regions trap.
  std::span<const AddressRange> reserved = {};
};

// Keeps its buffers from run to run. One thread at a time.
class Interpreter {
 public:
  // Runs `function` of `program` on `args`, whose types are its parameters'. Changes the regions' bytes.
  // Reuses the outcome's memory.
  void run(const Program& program, uint32_t function, std::span<const ir::DataValue> args,
           std::span<const Region> regions, const Config& config, Outcome& outcome);
  Outcome run(const Program& program, uint32_t function, std::span<const ir::DataValue> args,
              std::span<const Region> regions = {}, const Config& config = {}) {
    Outcome outcome;
    run(program, function, args, regions, config, outcome);
    return outcome;
  }

  // Steps of the last run.
  uint64_t executed() const { return executed_; }
  // The deepest nesting of calls in the last run; 1 without calls.
  uint32_t deepest() const { return deepest_; }
  // If the last run trapped at a load or store: the address. 0 otherwise.
  uint64_t fault_address() const { return fault_address_; }

 private:
  struct Frame {
    uint32_t function = 0;
    uint32_t pc = 0;         // of the next step, while a callee runs
    size_t base = 0;         // first of its slots in values_
    size_t open_slots = 0;   // of memory_, before it was entered
    size_t stack_slots = 0;  // where its addresses begin in slot_addresses_
  };

  // Opens a frame whose parameters are the values in scratch_. False if there is no room.
  bool enter(const Program& program, uint32_t function, const Config& config);
  void leave();

  std::vector<uint64_t> values_;
  std::vector<uint64_t> scratch_;         // values on their way between slots
  std::vector<uint64_t> slot_addresses_;  // of the stack slots of all frames
  std::vector<Frame> frames_;
  Memory memory_;
  uint64_t pinned_ = 0;
  uint64_t executed_ = 0;
  uint32_t deepest_ = 0;
  uint64_t fault_address_ = 0;
};

}  // namespace assay::interpreter
