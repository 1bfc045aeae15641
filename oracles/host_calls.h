// The other side of a call from compiled code: a C function as the platform's ABI sees it, played by the harness.
//
// A host function (interpreter/host_function.h) stands in the image as one trapping instruction. The executor stops
// there, and this takes the arguments out of registers and stack as the ABI says, checks what the caller has promised
// (stack pointer aligned, narrow arguments extended), does what the host function does, overwrites every register and
// all memory that a callee may (its own frame, the area of its arguments, the save area of s390x), and puts the results
// where the ABI wants them. Written from the ABI documents (abi_facts.h, call_plan.h), like the rest of the harness.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "interpreter/host_function.h"
#include "oracles/call_plan.h"
#include "oracles/machine_executor.h"

namespace assay::oracles {

class HostFunctions final : public HostHandler {
 public:
  explicit HostFunctions(IsaKind isa) : isa_(isa) {}

  void clear() { functions_.clear(); }
  // In the order of Image::host_stubs. Fails as lay_out_call does.
  Expected<void> add(const std::string& name, const ir::Signature& signature);
  size_t size() const { return functions_.size(); }
  const std::string& name(size_t number) const { return functions_[number].name; }
  // The code of one: an instruction that traps.
  static std::span<const uint8_t> stub(IsaKind isa);

  void begin() override { calls_.clear(); }
  std::string call(size_t number, HostContext& context) override;
  // Of the last run, in order.
  const std::vector<interpreter::HostCall>& calls() const { return calls_; }

 private:
  struct Function {
    std::string name;
    CallLayout layout;
    std::vector<uint8_t> result_bits;
  };
  void clobber(const CallLayout& layout, uint64_t seed, uint64_t arguments, HostContext& context) const;

  IsaKind isa_;
  std::vector<Function> functions_;
  std::vector<interpreter::HostCall> calls_;
  std::vector<uint64_t> results_;
};

}  // namespace assay::oracles
