// Random VCode for the allocator's tests and fuzzers: valid by construction (verify_vcode agrees), with every kind of
// constraint, loops of any shape, shuffled layouts, and registers few enough to hurt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/regalloc/allocation.h"
#include "compiler/regalloc/apply.h"

namespace assay::regalloc {

// Choices, from a seed or from a fuzzer's bytes (zeros after their end).
class RandomSource {
 public:
  explicit RandomSource(uint64_t seed) : state_(seed) {}
  RandomSource(const uint8_t* data, size_t size) : data_(data), size_(size), from_bytes_(true) {}

  // A number in [0, bound); bound > 0.
  uint32_t below(uint32_t bound);
  bool chance(uint32_t percent) { return below(100) < percent; }
  bool is_exhausted() const { return from_bytes_ && size_ == 0; }

 private:
  uint64_t state_ = 0;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  bool from_bytes_ = false;
};

struct RandomVCodeOptions {
  uint32_t max_blocks = 12;
  uint32_t max_insts = 10;     // per block
  uint32_t min_registers = 2;  // per class
  uint32_t max_registers = 16;
};

// A function with the machine it is for. The machine: Gpr and Vec registers 0 .. n-1 are allocatable, 40 is the scratch
// register of either class, Gpr 31 is reserved and appears directly in operands.
struct RandomCase {
  machine::VCode code;
  RegisterEnv env;
  std::vector<PRegSet> opcode_clobbers;

  InstClobbers clobbers() const { return {opcode_clobbers}; }
};

inline constexpr PReg kTestStackPointer{RegClass::Gpr, 31};
// Opcodes of the test machine; no meaning but these is attached to them.
enum TestOpcode : uint16_t {
  kTestArgs,
  kTestReturn,
  kTestJump,
  kTestBranch,
  kTestOp,
  kTestFlagsOp,  // writes flags by its opcode's clobbers
  kTestCall,     // clobbers the caller-saved registers by its opcode's clobbers
  kTestMove,     // made by kTestMoveHooks
  kTestSpill,
  kTestReload,
  kTestOpcodeCount,
};

RandomCase random_vcode(RandomSource& random, const RandomVCodeOptions& options = {});

// The machine alone, with this many registers per class, half of them callee-saved.
RandomCase test_machine(uint32_t registers);

// The code as text, with the allocation's registers and moves if there is one.
std::string dump(const machine::VCode& code, const Allocation* allocation = nullptr);

extern const MoveHooks kTestMoveHooks;

}  // namespace assay::regalloc
