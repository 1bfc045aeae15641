// See unwinder.h.
#include "oracles/unwinder.h"

#include <algorithm>
#include <optional>

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

// So many bytes of the stack, at most eight.
std::optional<uint64_t> read(IsaKind isa, uint64_t place, unsigned size, const HostContext& context) {
  if (place < map::kStackLow || place - map::kStackLow > map::kStackSize - size) return std::nullopt;
  uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i) {
    const unsigned shift = 8 * (endianness(isa) == std::endian::big ? size - 1 - i : i);
    value |= uint64_t{context.stack[place - map::kStackLow + i]} << shift;
  }
  return value;
}

// Is the number in that place of a frame this one?
std::optional<bool> holds(IsaKind isa, uint64_t sp, const machine::FramePlace& place, uint64_t number,
                          const HostContext& context) {
  const bool is_wide = place.size == 16, is_big = endianness(isa) == std::endian::big;
  const unsigned size = std::min<unsigned>(place.size, 8);
  const auto low = read(isa, sp + place.offset + (is_wide && is_big ? 8 : 0), size, context);
  const auto high = is_wide ? read(isa, sp + place.offset + (is_big ? 0 : 8), size, context) : 0;
  if (!low || !high) return std::nullopt;
  return *low == number && *high == 0;
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

std::string unwind(IsaKind isa, std::span<const UnwindFrame> frames, std::string_view routine,
                   std::span<const uint64_t> arguments, uint64_t pc, uint64_t sp, HostContext& context) {
  const AbiFacts& abi = abi_facts(isa);
  const uint64_t pushed = abi.link < 0 ? 8 : 0;
  const bool resumes = routine == kResumeName, has_context = routine == kThrowInContextName;
  if (arguments.size() != (resumes ? 4u : has_context ? 7u : 6u)) return "it has another number of arguments";
  const size_t payload = resumes ? 2 : 4;
  std::optional<uint64_t> wanted;  // the frame pointer of the frame that goes on, if that is known
  if (resumes && arguments[0] != 0) wanted = arguments[0];
  for (const UnwindFrame* frame = frame_at(frames, pc); frame != nullptr; frame = frame_at(frames, pc)) {
    // By now the callee's arguments that it would have popped are above the stack pointer: `sp` is what this frame has
    // behind the call.
    const uint64_t frame_pointer = sp + static_cast<uint64_t>(frame->facts.frame_pointer);
    if (!resumes && frame_pointer == arguments[0]) break;
    if (resumes && !wanted) wanted = frame_pointer;
    const machine::CallSiteRecord* const here = call_site_at(*frame, pc);
    if (here != nullptr && wanted.value_or(frame_pointer) == frame_pointer) {
      for (uint32_t i = 0; i < here->handler_count; ++i) {
        const machine::HandlerRecord& handler = frame->handlers[here->first_handler + i];
        const uint64_t address = map::kCodeBase + frame->begin + handler.offset;
        if (resumes && address != arguments[1]) continue;
        if (!resumes && !handler.any_tag) {
          if (handler.tag != static_cast<uint32_t>(arguments[3])) continue;
          if (has_context && handler.context.size != 0) {
            const std::optional<bool> is_same = holds(isa, sp, handler.context, arguments[6], context);
            if (!is_same) return "a context is not in the stack";
            if (!*is_same) continue;
          }
        }
        forget_registers(isa, context.state);
        context.state.integer[abi.stack_pointer] = sp;
        if (isa != IsaKind::s390x) context.state.integer[abi.frame_pointer] = frame_pointer;
        for (unsigned word = 0; word < 2; ++word) {
          context.state.integer[kPayload[static_cast<int>(isa)][word]] = arguments[payload + word];
        }
        context.pc = address;
        return {};
      }
    }
    const uint64_t place = sp + static_cast<uint64_t>(frame->facts.return_address);
    const std::optional<uint64_t> next = read(isa, place, 8, context);
    if (!next) return "a frame is not in the stack";
    // AArch64 may have signed it: the signature is above the bits of an address in the image.
    static_assert(map::kCodeBase + map::kCodeSize <= uint64_t{1} << 32);
    pc = isa == IsaKind::aarch64 ? *next & 0xffff'ffff : *next;
    sp += frame->facts.size + pushed + frame->facts.popped;
    const UnwindFrame* caller = frame_at(frames, pc);
    const machine::CallSiteRecord* site = caller == nullptr ? nullptr : call_site_at(*caller, pc);
    if (site != nullptr) sp -= site->popped;
  }
  return "an exception without a handler";
}

}  // namespace assay::oracles
