// One Unicorn engine: opened and set up for user-level code with floats and vectors, registers in and out by class and
// number, runs bounded by a block counter, and what Unicorn tells about traps brought into one form.
//
// Assumes Unicorn 2.0; its peculiarities are written down where they are worked round. An engine is used from one
// thread at a time. It maps host memory (uc_mem_map_ptr), so its owner reads and writes guest memory directly; after
// writing code the owner calls forget_code().
#pragma once

#include <unicorn/unicorn.h>

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "oracles/host_memory.h"
#include "oracles/machine_executor.h"

namespace assay::oracles {

class UnicornEngine {
 public:
  // Where the code returns to: mapped, but not at the start of a page (else RISC-V and s390x fail). There is a trapping
  // instruction, which is cheaper than arriving at uc_emu_start's end address (by 1.4 µs a run), but on s390x.
  static constexpr uint64_t kReturnAddress = 0x3200'0100;

  enum class Access : uint8_t { ReadExecute, Read, ReadWrite };

  // `precise` engines call a hook at each instruction: ten times slower, but faults have exact program counters.
  static Expected<std::unique_ptr<UnicornEngine>> open(IsaKind isa, bool precise);
  ~UnicornEngine();
  UnicornEngine(const UnicornEngine&) = delete;
  UnicornEngine& operator=(const UnicornEngine&) = delete;

  Expected<void> map(uint64_t address, size_t size, Access access, uint8_t* memory);
  void unmap(uint64_t address, size_t size);
  // Drops translations of [begin, end).
  void forget_code(uint64_t begin, uint64_t end);

  // Precise engines only: told of each instruction before it runs, with the integer registers as they are then.
  using Step = std::function<void(uint64_t pc, const MachineState& state)>;
  void set_step(Step step) { step_ = std::move(step); }

  // Runs until the return address, a fault, or `fuel` basic blocks.
  Event run(uint64_t entry, MachineState& state, std::span<const RegisterId> wanted, uint64_t fuel);

  // All registers, after a run that ended in a fault.
  void read_all(MachineState& state);

  // Whether Event::pc of a memory fault is the instruction's or only its block's.
  bool is_precise() const { return precise_; }

 private:
  UnicornEngine(IsaKind isa, bool precise) : isa_(isa), precise_(precise) {}
  Expected<void> setup();
  Expected<void> enable_s390x_vectors();
  bool s390x_context_is_known();
  void write_registers(const MachineState& state);
  void read_registers(MachineState& state, std::span<const RegisterId> wanted);
  uint64_t pc() const;
  Event classify(uc_err error);
  Event classify_interrupt();

  static void on_block(uc_engine*, uint64_t address, uint32_t size, void* self);
  static void on_code(uc_engine*, uint64_t address, uint32_t size, void* self);
  static void on_interrupt(uc_engine*, uint32_t number, void* self);
  static void on_syscall(uc_engine*, void* self);
  static bool on_invalid_access(uc_engine*, uc_mem_type, uint64_t address, int size, int64_t value, void* self);
  static void on_write(uc_engine*, uc_mem_type, uint64_t address, int size, int64_t value, void* self);

  IsaKind isa_;
  bool precise_;
  uc_engine* engine_ = nullptr;
  uc_context* base_ = nullptr;  // the state every run starts from: set up, and with base_state_ in the registers
  MachineState base_state_;
  std::vector<RegisterId> all_registers_;  // for read_all
  bool has_base_state_ = false;
  uc_context* scratch_ = nullptr;  // s390x: registers go in and out through it
  HostMemory return_page_;
  std::vector<std::pair<uint64_t, uint64_t>> protected_;  // s390x: [begin, end) of memory that must not be written

  Step step_;
  MachineState step_state_;
  uint64_t fuel_ = 0;
  bool out_of_fuel_ = false;
  bool syscall_ = false;
  int interrupt_ = -1;
  uint64_t fault_address_ = 0;
  uint64_t last_instruction_ = 0;
  bool wrote_protected_ = false;
};

}  // namespace assay::oracles
