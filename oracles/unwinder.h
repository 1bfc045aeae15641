// A small unwinder: from a call that throws to the handler that takes the exception.
//
// It walks frames by what the compiler says of each function (machine::UnwindFacts) and looks return addresses up among
// the call sites: a call site with a handler for the tag is where it ends, and the machine goes on at the handler, with
// the stack and frame pointers of that frame and the exception's two words in the first two result registers. No
// other general register survives. The context of a handler is in memory, in the frame that stands at the call. Nothing
// here trusts a frame pointer in memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/machine/compile.h"
#include "oracles/machine_executor.h"

namespace assay::oracles {

// What compiled code calls to throw: (entry frame pointer, frame pointer, pc, tag, word 0, word 1), for the second also
// the context; and to go on at a handler: (frame pointer, address, word 0, word 1). See interpreter/library.h.
inline constexpr std::string_view kThrowName = "%__cranelift_throw", kThrowInContextName = "%__assay_throw",
                                  kResumeName = "%__assay_resume";
inline bool unwinds(std::string_view name) {
  return name == kThrowName || name == kThrowInContextName || name == kResumeName;
}

// What compiled code calls for the address of a thread-local variable, with that of the variable's control object,
// whose name this is with the variable's behind it. The platforms' emulation of thread-local storage has these names.
inline constexpr std::string_view kThreadLocalName = "%__emutls_get_address";
inline constexpr std::string_view kControlPrefix = "%__emutls_v.";

// A linked function.
struct UnwindFrame {
  uint32_t begin = 0;  // in the image
  uint32_t end = 0;
  machine::UnwindFacts facts;
  std::vector<machine::CallSiteRecord> call_sites;  // offsets from `begin`
  std::vector<machine::HandlerRecord> handlers;
};

// The machine has just called `routine`, which unwinds, with `arguments`; it would return to `pc` with the stack
// pointer `sp`. Sets registers and context.pc, or says why it cannot. `frames` by rising address.
std::string unwind(IsaKind isa, std::span<const UnwindFrame> frames, std::string_view routine,
                   std::span<const uint64_t> arguments, uint64_t pc, uint64_t sp, HostContext& context);

}  // namespace assay::oracles
