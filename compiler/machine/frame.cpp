// See frame.h.
#include "compiler/machine/frame.h"

#include <algorithm>
#include <bit>
#include <string>

namespace assay::machine {
namespace {

uint32_t align_up(uint32_t value, uint32_t alignment) { return (value + alignment - 1) / alignment * alignment; }

}  // namespace

Expected<std::vector<uint32_t>> lay_out_slots(const ir::Function& function, const TargetIsa& isa) {
  constexpr uint64_t kMaxFrame = uint64_t(1) << 30;
  uint64_t at = 0;
  std::vector<uint32_t> offsets;
  for (const ir::StackSlotData& slot : function.stack_slots) {
    const uint64_t wanted = uint64_t(1) << std::min<unsigned>(slot.align_log2, 31);
    if (wanted > isa.abi.stack_align) {
      return fail("a stack slot aligned to " + std::to_string(wanted) + " bytes; the stack pointer is a multiple of " +
                  std::to_string(isa.abi.stack_align));
    }
    const uint64_t alignment = std::clamp<uint64_t>(wanted, 8, 16);
    at = (at + alignment - 1) / alignment * alignment;
    offsets.push_back(static_cast<uint32_t>(at));
    at += slot.size;
    if (at > kMaxFrame) return fail("stack slots of more than 1 GiB");
  }
  offsets.push_back(static_cast<uint32_t>((at + 7) / 8 * 8));
  return offsets;
}

void layout_frame(const VCode& vcode, const TargetIsa& isa, FrameLayout& out) {
  const AbiTable& abi = isa.abi;
  const AbiTable& own = isa.abi_of(vcode.call_conv);
  const PRegSet& callee_saved = isa.callee_saved(vcode.call_conv);
  PRegSet written;
  for (const Inst& inst : vcode.insts) {
    if (inst.opcode == isa.opcodes.args) continue;  // arguments arrive; nothing is written
    for (const Operand& operand : vcode.operands_of(inst)) {
      if (operand.is_def() && operand.reg.is_physical()) written.add(operand.reg.preg());
    }
    written = written | isa.desc(inst.opcode).clobbers | vcode.clobber_sets[inst.clobbers];
  }
  if (vcode.pinned_register && abi.pinned) written.remove(abi.pinned);
  out.features = vcode.features;
  out.saved.clear();
  for (unsigned reg_class = 0; reg_class < 2; ++reg_class) {
    uint64_t both = written.words[reg_class] & callee_saved.words[reg_class];
    // Linkage saves these itself.
    for (PReg linkage : {abi.frame_pointer, abi.link_register}) {
      if (abi.linkage_bytes != 0 && linkage && unsigned(linkage.reg_class()) == reg_class) {
        both &= ~(uint64_t(1) << linkage.number());
      }
    }
    for (; both != 0; both &= both - 1) {
      out.saved.push_back(PReg(RegClass(reg_class), static_cast<unsigned>(std::countr_zero(both))));
    }
  }

  out.has_calls = vcode.has_calls;
  out.probe_log2 = vcode.probe_log2;
  out.vec_save_bytes = own.vec_save_bytes;
  out.growth = vcode.tail_size > vcode.incoming_size ? vcode.tail_size - vcode.incoming_size : 0;
  out.popped = own.callee_pops ? vcode.incoming_size + out.growth : 0;
  out.outgoing_size = vcode.has_calls || vcode.outgoing_size != 0 ? vcode.outgoing_size + abi.outgoing_base : 0;
  out.slots_offset = align_up(out.outgoing_size, std::max<uint32_t>(vcode.frame_align, 8));
  const uint32_t spill_align =
      vcode.spills_size != 0 ? std::max<uint32_t>(isa.spill_types[size_t(RegClass::Vec)].bytes(), 8) : 8;
  out.spills_offset = align_up(out.slots_offset + vcode.slots_size, spill_align);
  out.saves_offset = out.spills_offset + align_up(vcode.spills_size, 8);
  uint32_t saves_bytes = 0;
  for (PReg reg : out.saved) {
    if (reg.reg_class() == RegClass::Vec) {
      saves_bytes += own.vec_save_bytes;
    } else if (!abi.saves_in_caller_frame) {
      saves_bytes += 8;
    }
  }
  const uint32_t body = out.saves_offset + saves_bytes;
  // Incoming arguments are addressed from the stack pointer, so they do not need a frame.
  out.needs_frame = body != 0 || vcode.has_calls || !out.saved.empty() || vcode.needs_linkage || out.popped != 0 ||
                    (vcode.features & isa.frame_features) != 0;
  if (!out.needs_frame) {
    out.size = 0;
    out.linkage_offset = 0;
    out.linkage_pointer = 0;
    out.incoming_offset = own.outgoing_base + abi.return_address_bytes;
    return;
  }
  // The stack pointer was a multiple of the alignment before the return address was pushed.
  const uint32_t total = align_up(body + abi.linkage_bytes + abi.return_address_bytes, abi.stack_align);
  out.size = total - abi.return_address_bytes;
  out.linkage_offset = out.size - abi.linkage_bytes;
  out.linkage_pointer = abi.frame_pointer_at_entry ? out.size : out.linkage_offset;
  // Saved registers stand right below the linkage, so that push-like prologues find them there.
  out.saves_offset = out.linkage_offset - saves_bytes;
  out.incoming_offset = int64_t(out.size) + out.growth + own.outgoing_base + abi.return_address_bytes;
}

}  // namespace assay::machine
