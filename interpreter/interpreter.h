// The reference interpreter: runs decoded functions on given arguments and memory, and says what happened.
//
// Everything is bounded: steps by fuel, calls by a depth (no recursion on the host stack), the stack by its size; past
// either of the last two the call traps with stk_ovf. Given the same inputs the outcome is the same on every host.
//
// Stack slots have addresses in [stack_base, …), functions from function_base on, 16 bytes each. Frame pointers, one
// for each depth, lie at the end of the stack, return addresses among the functions. Real machines put all of them
// elsewhere: whoever compares runs again with a layout_seed, and lets the input go if it can tell.
//
// Most bits of a NaN that arithmetic makes are open in CLIF. From the first such NaN on, the interpreter tracks which
// bits are (free_bits.h), at half the speed: in the outcome, in memory. A program whose course depends on them is
// Undetermined.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/ir/data_value.h"
#include "interpreter/alias_regions.h"
#include "interpreter/library.h"
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
  uint64_t symbol_base = 0x4000'0000;  // where symbols that are no defined functions lie, a page apart
  // Not 0: the bases, how far things lie apart, the order of stack slots and what fresh ones are full of are drawn from
  // it, within what CLIF promises. Only with a strict stack.
  uint64_t layout_seed = 0;
  bool canonical_nans = false;  // the setting enable_nan_canonicalization: arithmetic makes only canonical NaNs
  // Conversions of floats to i128 as Cranelift's interpreter does them, for tests made with it (as_cranelift, float.h).
  bool cranelift_i128_conversions = false;
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
  // Which bits of a region are open after the last run, a mask for each byte. Empty: none is.
  std::span<const uint8_t> free_memory(size_t region) const { return memory_.free_bits(region); }

 private:
  // Where the run is.
  struct Cursor {
    const DecodedFunction* f = nullptr;
    uint32_t pc = 0;  // of the next step
    uint64_t fuel = 0;
  };

  struct Layout {
    uint64_t stack_base = 0;
    uint64_t function_base = 0;
    uint64_t symbol_base = 0;
    uint64_t function_size = 16;  // functions are that far apart
    uint64_t call_size = 16;      // return addresses are
    uint64_t frame_size = 64;     // frame pointers are
    uint64_t stack_pointer = 0;   // how far it lies below the frame pointer
    uint8_t stack_fill = 0;
  };

  struct Frame {
    uint32_t function = 0;
    uint32_t pc = 0;          // of the next step, while a callee runs
    size_t base = 0;          // first of its slots in values_
    size_t open_slots = 0;    // of memory_, before it was entered
    size_t stack_slots = 0;   // where its addresses begin in slot_addresses_
    uint64_t activation = 0;  // how many were entered before it
  };

  // Runs on from the cursor, to the end (then true), or to a step that makes free bits, if these are not tracked.
  template <bool kTracks>
  bool execute(Cursor& cursor);
  void start_tracking();
  // Where a run with this configuration puts what CLIF gives no address.
  static Layout layout_of(const Config& config, std::span<const Region> regions);
  // Ends the run at the step before `pc`.
  void stop(OutcomeKind kind, const DecodedFunction& f, uint32_t pc, std::string_view text = {});

  // Opens a frame whose parameters are the values in scratch_. False if there is no room.
  bool enter(uint32_t function);
  void leave();
  uint64_t frame_pointer(size_t frame) const;
  // Of the innermost frame.
  uint64_t stack_pointer() const;
  uint64_t return_address() const;
  // The number of the function at an address, or kNoFunction.
  uint32_t function_at(uint64_t address) const;
  uint64_t address_of(uint32_t function) const;

  // Gives the newest frame copies of what its struct arguments point to. False: they point to no memory.
  bool copy_struct_arguments(const DecodedFunction& caller, const CallSite& site);
  enum class LibraryOutcome : uint8_t { kReturned, kThrown, kUndefined, kUndetermined, kOutOfFuel };
  // Calls a routine with the arguments in scratch_; leaves its results there.
  LibraryOutcome call_library(LibraryFunction function, uint64_t& fuel);
  LibraryOutcome copy_or_compare(LibraryFunction function, uint64_t& fuel);
  // Calls a host function with the arguments in scratch_; leaves its results there. False: they depend on free bits.
  bool call_host_function(const HostFunction& function);
  // Throws with the arguments in scratch_: closes all frames that do not handle the exception. The newest is then the
  // one that does, its payload set, and `edge` the one to follow there.
  LibraryOutcome unwind(LibraryFunction function, uint32_t& edge);
  // Does a handler of frame number `frame` take what is thrown? Nothing: that depends on free bits.
  std::optional<bool> takes(const Handler& handler, size_t frame, LibraryFunction function) const;
  uint64_t address_of(const DecodedFunction& f, uint32_t place) const;

  const Program* program_ = nullptr;
  const Config* config_ = nullptr;
  Layout layout_;
  Outcome* outcome_ = nullptr;
  bool tracks_ = false;
  std::vector<uint64_t> values_;
  std::vector<uint64_t> free_;            // by slot: its free bits, if they are tracked
  std::vector<uint64_t> scratch_;         // values on their way between slots
  std::vector<uint64_t> scratch_free_;    // and their free bits
  std::vector<uint64_t> slot_addresses_;  // of the stack slots of all frames
  std::vector<Frame> frames_;
  Memory memory_;
  AliasRegions regions_;
  uint64_t activations_ = 0;
  uint64_t host_address_ = 0;       // where the memory of host functions is
  size_t host_region_ = 0;          // which region host functions use …
  std::span<uint8_t> host_memory_;  // … and its bytes; empty if there is none
  uint64_t pinned_ = 0;
  uint64_t pinned_free_ = 0;
  uint64_t executed_ = 0;
  uint32_t deepest_ = 0;
  uint64_t fault_address_ = 0;
};

}  // namespace assay::interpreter
