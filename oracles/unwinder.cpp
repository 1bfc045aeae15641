// See unwinder.h.
#include "oracles/unwinder.h"

#include <algorithm>

#include "oracles/abi_facts.h"

namespace assay::oracles {

namespace {

namespace map = memory_map;

constexpr uint64_t kLost = 0x1057'1057'1057'1057;

// The first two result registers of the C convention.
constexpr uint8_t kPayload[][2] = {{0, 2}, {0, 1}, {10, 11}, {2, 3}};

const UnwindFrame* frame_at(std::span<const UnwindFrame> frames, uint64_t pc) {
  for (const UnwindFrame& frame : frames) {
    if (pc >= map::kCodeBase + frame.begin && pc < map::kCodeBase + frame.end) return &frame;
  }
  return nullptr;
}

const machine::CallSiteRecord* call_site_at(const UnwindFrame& frame, uint64_t pc) {
  const auto offset = static_cast<uint32_t>(pc - map::kCodeBase - frame.begin);
  const auto found = std::ranges::lower_bound(frame.call_sites, offset, {}, &machine::CallSiteRecord::return_offset);
  return found != frame.call_sites.end() && found->return_offset == offset ? &*found : nullptr;
}

// All but the stack pointer, the frame pointer, and what is no allocatable register.
void forget_registers(IsaKind isa, MachineState& state) {
  const AbiFacts& facts = abi_facts(isa);
  for (uint8_t i = 0; i < facts.integer_registers; ++i) {
    const bool is_reserved = isa == IsaKind::riscv64 && (i == 0 || i == 3 || i == 4);
    if (i != facts.stack_pointer && !is_reserved) state.integer[i] = kLost + i;
  }
  for (RegisterBits& vector : state.vector) vector = {kLost, ~kLost};
}

}  // namespace

std::string unwind(IsaKind isa, std::span<const UnwindFrame> frames, std::span<const uint64_t> arguments, uint64_t pc,
                   uint64_t sp, HostContext& context) {
  const AbiFacts& abi = abi_facts(isa);
  const uint64_t pushed = abi.link < 0 ? 8 : 0;
  const auto tag = static_cast<uint32_t>(arguments[3]);
  for (const UnwindFrame* frame = frame_at(frames, pc); frame != nullptr; frame = frame_at(frames, pc)) {
    // By now the callee's arguments that it would have popped are above the stack pointer: `sp` is what this frame has
    // behind the call.
    const uint64_t frame_pointer = sp + static_cast<uint64_t>(frame->facts.frame_pointer);
    if (frame_pointer == arguments[0]) break;
    if (const machine::CallSiteRecord* site = call_site_at(*frame, pc); site != nullptr) {
      for (uint32_t i = 0; i < site->handler_count; ++i) {
        const machine::HandlerRecord& handler = frame->handlers[site->first_handler + i];
        if (!handler.any_tag && handler.tag != tag) continue;
        forget_registers(isa, context.state);
        context.state.integer[abi.stack_pointer] = sp;
        if (isa != IsaKind::s390x) context.state.integer[abi.frame_pointer] = frame_pointer;
        for (unsigned word = 0; word < 2; ++word) {
          context.state.integer[kPayload[static_cast<int>(isa)][word]] = arguments[4 + word];
        }
        context.pc = map::kCodeBase + frame->begin + handler.offset;
        return {};
      }
    }
    const uint64_t place = sp + static_cast<uint64_t>(frame->facts.return_address);
    if (place < map::kStackLow || place - map::kStackLow > map::kStackSize - 8) return "a frame is not in the stack";
    uint64_t next = 0;
    for (unsigned i = 0; i < 8; ++i) {
      const unsigned shift = 8 * (endianness(isa) == std::endian::big ? 7 - i : i);
      next |= uint64_t{context.stack[place - map::kStackLow + i]} << shift;
    }
    // AArch64 may have signed it: the signature is above the bits of an address in the image.
    static_assert(map::kCodeBase + map::kCodeSize <= uint64_t{1} << 32);
    pc = isa == IsaKind::aarch64 ? next & 0xffff'ffff : next;
    sp += frame->facts.size + pushed + frame->facts.popped;
    const UnwindFrame* caller = frame_at(frames, pc);
    const machine::CallSiteRecord* site = caller == nullptr ? nullptr : call_site_at(*caller, pc);
    if (site != nullptr) sp -= site->popped;
  }
  return "an exception without a handler";
}

}  // namespace assay::oracles
