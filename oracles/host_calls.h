// The other side of a call from compiled code: a C function as the platform's ABI sees it, played by the harness.
//
// A host function (interpreter/host_function.h) or one of the library's operations on floats (interpreter/library.h)
// stands in the image as one trapping instruction. The executor stops there, and this takes the arguments out of
// registers and stack as the ABI says, checks what the caller has promised (stack pointer aligned, narrow arguments
// extended), does what the host function does, overwrites every register and all memory that a callee may (its own
// frame, the area of its arguments, the save area of s390x), and puts the results where the ABI wants them. One that
// throws (unwinder.h) goes on in a handler instead. Written from the ABI documents (abi_facts.h, call_plan.h), like the
// rest of the harness.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "interpreter/float.h"
#include "interpreter/host_function.h"
#include "interpreter/library.h"
#include "oracles/call_plan.h"
#include "oracles/machine_executor.h"
#include "oracles/unwinder.h"

namespace assay::oracles {

// What the operation is called with: arguments of one type, a result of another.
ir::Signature library_signature(const interpreter::LibraryFunctionInfo& info);

class HostFunctions final : public HostHandler {
 public:
  explicit HostFunctions(IsaKind isa) : isa_(isa) {}

  void clear() { functions_.clear(); }
  // The functions of the image, by rising address, for exceptions.
  void set_frames(std::vector<UnwindFrame> frames) { frames_ = std::move(frames); }
  // Where the stubs are in the linked code, and where the memory of host functions is: for thread-local variables.
  void set_addresses(std::vector<uint64_t> stubs) { addresses_ = std::move(stubs); }
  void set_memory_address(uint64_t address) { memory_address_ = address; }
  // In the order of Image::host_stubs. Fails as lay_out_call does.
  Expected<void> add(const std::string& name, const ir::Signature& signature);
  // An operation of the library; it is not among the calls kept.
  Expected<void> add(interpreter::LibraryFunction operation);
  size_t size() const { return functions_.size(); }
  const std::string& name(size_t number) const { return functions_[number].name; }
  // The code of one: an instruction that traps.
  static std::span<const uint8_t> stub(IsaKind isa);

  void begin() override {
    calls_.clear();
    operations_ = 0;
  }
  std::string call(size_t number, HostContext& context) override;
  // Of the last run, in order.
  const std::vector<interpreter::HostCall>& calls() const { return calls_; }

 private:
  struct Function {
    std::string name;
    CallLayout layout;
    std::vector<uint8_t> result_bits;
    std::optional<interpreter::LibraryFunction> operation;
    // What its convention preserves: a bit each, by number; of float registers, those of which only the float is.
    uint32_t kept_integers = 0, kept_floats = 0, kept_vectors = 0;
  };
  void add(Function function);
  void clobber(const Function& function, uint64_t seed, uint64_t arguments, HostContext& context) const;

  IsaKind isa_;
  std::vector<Function> functions_;
  std::vector<UnwindFrame> frames_;
  std::vector<uint64_t> addresses_;
  uint64_t memory_address_ = 0;
  std::vector<interpreter::HostCall> calls_;
  std::vector<uint64_t> results_;
  std::vector<Word128> args_;
  uint64_t operations_ = 0;  // done in this run
};

}  // namespace assay::oracles
