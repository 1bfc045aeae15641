// One interface for everything that runs machine code: load an image and memory, run a plan, get an outcome to compare.
//
// The layer knows registers, bytes and addresses, not CLIF and not calling conventions: its caller (who knows both)
// says which registers hold which values and where results will be. Memory regions, code and stack sit at the same
// fixed addresses in every executor (see memory_map), so a stored pointer is the same number everywhere and outcomes
// of different machines can be compared with `==`.
//
// Guarantees:
//   G1  run() is a function of image, regions, plan and limits: registers the plan does not name, the caller's frame
//       and the top of the stack hold fixed patterns; regions are reset before every run.
//   G2  A hardware event at a pc in the image's trap table is Trapped with that site's code; any other is Faulted.
//   G3  Registers the C ABI preserves, the stack pointer and the caller's frame are checked after a return.
//       A call of a function outside of the image is handed to the plan's HostHandler, which sees and sets registers
//       and memory as a callee would (host_calls.h); the run goes on behind it.
//   G4  An executor that cannot run something says Unsupported, with the reason.
// Not guaranteed: the in-process native executor and QEMU's guest server share their address space with the code
// under test, so a wild store may hit them; Unicorn maps nothing but what is listed here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "compiler/support/diagnostic.h"

namespace assay::oracles {

// Where things are, in every executor; all below 2^31. Everything between is unmapped.
namespace memory_map {
inline constexpr uint64_t kPage = 4096;
inline constexpr uint64_t kCodeBase = 0x1000'0000;  // an Image's only possible base
inline constexpr uint64_t kCodeSize = 0x0100'0000;
inline constexpr uint64_t kRegionsBegin = 0x2000'0000;  // regions lie in [begin, end), an unmapped page apart
inline constexpr uint64_t kRegionsEnd = 0x3000'0000;
inline constexpr uint64_t kStackLow = 0x3001'0000;  // lowest stack byte; 64 KiB below are unmapped
inline constexpr uint64_t kStackSize = 0x0040'0000;
inline constexpr uint64_t kCallerFrame = 0x2000;  // the topmost bytes: incoming arguments, then a checked pattern
inline constexpr uint64_t kCallerSp = kStackLow + kStackSize - kCallerFrame;  // the caller's SP, 16-byte aligned
inline constexpr uint64_t kMaxStackArguments = 0x1000;

// The SP when the entry function starts: on x64 the return address is at that address.
constexpr uint64_t entry_sp(IsaKind isa) { return isa == IsaKind::x64 ? kCallerSp - 8 : kCallerSp; }

// The address of the first stack argument as the callee sees it: above the return address on x64, above the register
// save area on s390x. Also where Plan::result_stack_bytes are read.
constexpr uint64_t stack_arguments(IsaKind isa) { return isa == IsaKind::s390x ? kCallerSp + 160 : kCallerSp; }
}  // namespace memory_map

// A register by class and by its number in the machine's encoding: x64 0=rax 1=rcx 2=rdx 3=rbx 4=rsp …, aarch64
// x0–x30 and 31=sp, riscv64 x0–x31, s390x r0–r15. Float and Vector are the same registers seen differently: xmm and v
// registers on x64 and aarch64; on riscv64 Float is f0–f31 and Vector, v0–v31, is in no executor yet; on s390x Float is
// the high half of v0–v15.
enum class RegisterClass : uint8_t { Integer, Float, Vector };
struct RegisterId {
  RegisterClass cls = RegisterClass::Integer;
  uint8_t number = 0;
  bool operator==(const RegisterId&) const = default;
};
constexpr RegisterId integer_register(int number) { return {RegisterClass::Integer, static_cast<uint8_t>(number)}; }
constexpr RegisterId float_register(int number) { return {RegisterClass::Float, static_cast<uint8_t>(number)}; }
constexpr RegisterId vector_register(int number) { return {RegisterClass::Vector, static_cast<uint8_t>(number)}; }

// A register's bits as one number; `high` is bits 64–127 and only used by Vector.
struct RegisterBits {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const RegisterBits&) const = default;
};

// A place where the code may trap on purpose: the offset of the instruction's first byte.
struct TrapSite {
  uint32_t offset = 0;
  uint8_t code = 0;       // the IR's trap code; this layer only passes it on
  uint32_t inst = 0;      // index of the IR instruction it came from
  uint32_t function = 0;  // index into Image::functions
};

struct CodeRange {
  uint32_t begin = 0;
  uint32_t end = 0;
};

// Linked code, relocated for memory_map::kCodeBase. Constants may lie between functions; code is never writable.
struct Image {
  std::vector<uint8_t> bytes;
  std::vector<TrapSite> traps;  // any order; load() sorts its copy
  std::vector<CodeRange> functions;
  // Offsets of trapping instructions that stand for functions outside of the image (HostHandler), by rising offset.
  std::vector<uint32_t> host_stubs;
};

// Memory the code may touch. The address is a multiple of memory_map::kPage; the mapped size is `bytes` rounded up, and
// a write into the rounding is reported as AbiViolated. Regions are at least one page apart.
struct Region {
  uint64_t address = 0;
  std::vector<uint8_t> bytes;
  bool writable = true;
};

// Which registers the callee promises to preserve.
enum class Preserves : uint8_t {
  CAbi,              // the platform's C ABI (abi_facts.h)
  FramePointerOnly,  // Cranelift's `tail`: SP and the frame pointer
};

class HostHandler;

// One call: what to set, and what to read afterwards.
struct Plan {
  uint32_t entry = 0;  // offset of the function in the image
  std::vector<std::pair<RegisterId, RegisterBits>> registers;
  std::vector<uint8_t> stack_arguments;      // bytes placed at memory_map::stack_arguments(isa)
  std::vector<RegisterId> result_registers;  // read in this order into Outcome::results
  uint32_t result_stack_offset = 0;          // bytes read after a return, from stack_arguments(isa) + offset; they may
  uint32_t result_stack_bytes = 0;           // lie beyond the arguments and belong to the callee
  uint32_t callee_pops = 0;                  // bytes by which the callee raises SP on return (`tail`)
  Preserves preserves = Preserves::CAbi;
  const std::vector<RegisterId>* preserved = nullptr;  // if given, those instead
  HostHandler* host = nullptr;                         // asked when the code gets to one of Image::host_stubs
};

// How long a run may take. Unicorn counts basic blocks; native code and QEMU are stopped by the clock.
struct Limits {
  uint64_t fuel = 1'000'000;
  uint32_t milliseconds = 200;
};

enum class OutcomeKind : uint8_t { Returned, Trapped, OutOfFuel, Faulted, AbiViolated, Unsupported };
const char* name(OutcomeKind kind);

enum class FaultKind : uint8_t { None, Read, Write, Fetch, Illegal, Arithmetic, Breakpoint, Other };
const char* name(FaultKind kind);

// What happened. Fields that do not belong to the kind keep their defaults, so `==` compares just what matters.
struct Outcome {
  OutcomeKind kind = OutcomeKind::Unsupported;
  std::vector<RegisterBits> results;  // Returned: as Plan::result_registers; whole registers, upper bits included
  std::vector<uint8_t> stack_results;
  uint8_t trap_code = 0;  // Trapped: the site's
  uint32_t trap_inst = 0;
  uint32_t trap_function = 0;
  FaultKind fault = FaultKind::None;  // Faulted
  uint64_t fault_pc = 0;
  uint64_t fault_address = 0;  // of Read and Write, where the machine tells; else 0
  std::string text;            // AbiViolated: what; Unsupported: why
  // Returned, Trapped, Faulted, AbiViolated: the bytes of each region afterwards, empty for read-only ones. Empty for
  // OutOfFuel, whose moment no two executors agree on.
  std::vector<std::vector<uint8_t>> memory;

  bool operator==(const Outcome&) const = default;
};

// For people: one line, without the memory.
std::string describe(const Outcome& outcome);

// One executor belongs to one thread at a time. Different executors may be used from different threads.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual const char* name() const = 0;  // "unicorn-x64", "native-x64", "qemu-s390x"
  virtual IsaKind isa() const = 0;
  // Empty if it can run here; otherwise what is missing.
  virtual std::string unavailable() const = 0;
  // Takes copies. Load once, run many times. Fails on a malformed image or overlapping regions.
  virtual Expected<void> load(const Image& image, std::span<const Region> regions) = 0;
  // Replaces the contents of the writable regions as the next runs find them; same sizes as loaded.
  virtual Expected<void> set_memory(std::span<const Region> regions) = 0;
  // Reuses the outcome's buffers.
  virtual void run(const Plan& plan, const Limits& limits, Outcome& outcome) = 0;

  Outcome run(const Plan& plan, const Limits& limits = {}) {
    Outcome outcome;
    run(plan, limits, outcome);
    return outcome;
  }
};

// Each never fails: an executor that cannot run here answers unavailable() and Unsupported.
std::unique_ptr<Executor> make_unicorn(IsaKind isa);
// Unicorn, told of each instruction before it runs: its address, and the integer registers by number.
std::unique_ptr<Executor> make_stepping_unicorn(
    IsaKind isa, std::function<void(uint64_t pc, std::span<const uint64_t> integers)> step);
std::unique_ptr<Executor> make_native();
std::unique_ptr<Executor> make_qemu(IsaKind isa);

}  // namespace assay::oracles
