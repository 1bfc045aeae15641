// What every executor of machine code has in common: the checks on its input, registers and memory as a run finds
// them, and the judgement of what the machine did.
//
// A backend (Unicorn, native, QEMU) derives from MachineExecutor. It provides host-visible memory for code, stack and
// regions, and execute(): set these registers, jump to the entry, come back with registers and an Event. It neither
// knows plans' results nor trap tables nor ABIs. So an error in the judgement shows on all backends alike, and each
// backend is small.
#pragma once

#include <mutex>

#include "oracles/abi_facts.h"
#include "oracles/executor.h"

namespace assay::oracles {

// All registers of a machine. `vector` holds xmm0–15, v0–31, f0–31 (in `low`) or the s390x v0–31.
struct MachineState {
  uint64_t integer[32] = {};
  RegisterBits vector[32] = {};
  uint64_t flags = 0;  // x64: rflags; else unused
};

// Why a run ended, as the machine told it.
struct Event {
  enum class Kind : uint8_t { Returned, OutOfFuel, Fault, Unsupported } kind = Kind::Returned;
  FaultKind fault = FaultKind::None;
  uint64_t pc = 0;         // Fault: the first byte of the instruction; Fetch: the address that could not be fetched
  uint64_t address = 0;    // Read and Write
  std::string text = {};   // Unsupported
  bool imprecise = false;  // a fault whose place is not known: execute() again from the start, precisely
};

// What a function outside of the image sees when it is called, and leaves behind.
struct HostContext {
  MachineState& state;
  uint8_t* stack;             // memory_map::kStackSize bytes
  std::span<uint8_t> memory;  // the first writable region of some size, or nothing
  uint64_t pc = 0;            // to be set: where the run goes on
};

class HostHandler {
 public:
  virtual ~HostHandler() = default;
  // A run begins, perhaps once more.
  virtual void begin() = 0;
  // What the caller violated, or nothing; then the run goes on. `number`: of the stub.
  virtual std::string call(size_t number, HostContext& context) = 0;
};

class MachineExecutor : public Executor {
 public:
  explicit MachineExecutor(IsaKind isa) : isa_(isa) {}
  IsaKind isa() const final { return isa_; }
  Expected<void> load(const Image& image, std::span<const Region> regions) final;
  Expected<void> set_memory(std::span<const Region> regions) final;
  using Executor::run;
  void run(const Plan& plan, const Limits& limits, Outcome& outcome) final;

 protected:
  // Makes code (image().bytes at kCodeBase) and regions() accessible to the machine and to view_. Called by load().
  virtual Expected<void> install() = 0;
  // Runs from `entry` with `state`; leaves the final registers there. Memory was reset before. `wanted` lists the
  // registers that must be right afterwards; at a fault at one of the image's host stubs, all of them must be.
  // `precise`: an Event that is imprecise will not do.
  virtual Event execute(uint64_t entry, MachineState& state, std::span<const RegisterId> wanted, const Limits& limits,
                        bool precise) = 0;
  // Held from before memory is prepared until it has been judged, for backends that share memory with one another.
  // May fail, then run() answers Unsupported.
  virtual Expected<std::unique_lock<std::mutex>> acquire() { return std::unique_lock<std::mutex>(); }
  // The value of the return address: where Event::Kind::Returned happens.
  virtual uint64_t return_address() const = 0;

  const Image& image() const { return image_; }
  std::span<const Region> regions() const { return regions_; }
  size_t mapped_size(const Region& region) const;
  // Writes regions and stack as a run must find them. For backends that run a plan twice.
  void reset_memory();
  bool is_host_stub(uint64_t pc) const;

  // Host-visible memory; the backend sets these in install().
  struct View {
    uint8_t* stack = nullptr;       // memory_map::kStackSize bytes
    std::vector<uint8_t*> regions;  // mapped_size() bytes each
    const uint8_t* code = nullptr;  // set if the machine could write to code: then it is compared after the run
  } view_;

 private:
  const TrapSite* find_trap(uint64_t pc) const;
  // From the plan's entry to the end, through host functions; what a caller of one violated goes to `violation`.
  Event run_through(const Plan& plan, const Limits& limits, bool precise, std::string& violation);
  bool check_plan(const Plan& plan, Outcome& outcome) const;
  void prepare(const Plan& plan);
  bool check_memory(Outcome& outcome) const;
  bool check_registers(const Plan& plan, Outcome& outcome) const;
  bool check_flags(Outcome& outcome) const;
  void copy_memory(Outcome& outcome) const;

  IsaKind isa_;
  Image image_;
  std::vector<Region> regions_;
  bool loaded_ = false;
  MachineState before_;
  MachineState state_;
  std::vector<RegisterId> wanted_;
  std::vector<uint8_t> stack_top_;  // the caller's frame and some bytes below, as every run finds them
  size_t owned_begin_ = 0;          // the part of the caller's frame the callee may write, in stack_top_
  size_t owned_end_ = 0;
};

// The bits of a register of any class within a state.
RegisterBits get_register(IsaKind isa, const MachineState& state, RegisterId id);
void set_register(IsaKind isa, MachineState& state, RegisterId id, RegisterBits bits);

}  // namespace assay::oracles
