// See emit.h: what becomes of blocks, then single instructions, then sites and their growth.
#include "compiler/machine/emit.h"

#include <algorithm>
#include <cstdio>

#include "compiler/machine/frame.h"

namespace assay::machine {
namespace {

constexpr uint32_t kNoIndex = 0xffffffffu;

bool has_late_operand(std::span<const Operand> operands) {
  return std::ranges::any_of(operands, [](const Operand& operand) {
    return operand.kind == OperandKind::Label || operand.kind == OperandKind::Place ||
           operand.kind == OperandKind::Constant;
  });
}

// The slot of the only label or place, or -1 if there is none or several.
int only_label(std::span<const Operand> operands) {
  int slot = -1;
  for (size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].kind != OperandKind::Label && operands[i].kind != OperandKind::Place) continue;
    if (slot >= 0) return -1;
    slot = static_cast<int>(i);
  }
  return slot;
}

}  // namespace

// Answers the encoder's question for where a label or constant is, from the first byte of the instruction.
struct Emitter::DisplacementQuery {
  const Emitter* emitter = nullptr;
  std::span<const Operand> operands;
  int64_t start = 0;
  int64_t fixed = 0;  // the answer if `emitter` is null
};

int64_t Emitter::displacement(const void* user, unsigned slot) {
  const auto& query = *static_cast<const DisplacementQuery*>(user);
  if (query.emitter == nullptr) return query.fixed;
  return query.emitter->target_of(query.operands[slot]) - query.start;
}

int64_t Emitter::target_of(const Operand& operand) const {
  if (operand.kind == OperandKind::Label || operand.kind == OperandKind::Place) {
    return final_offset(labels_[redirect_[size_t(operand.imm)].index]);
  }
  if (operand.kind == OperandKind::Constant) return constant_offsets_[size_t(operand.imm)];
  return 0;
}

Expected<void> Emitter::emit(const VCode& vcode, const TargetIsa& isa, const FrameLayout& frame, bool want_listing,
                             EmittedCode& out) {
  vcode_ = &vcode;
  isa_ = &isa;
  frame_ = &frame;
  out_ = &out;
  want_listing_ = want_listing;
  error_.clear();
  base_.clear();
  sites_.clear();
  site_operands_.clear();
  traps_.clear();
  relocs_.clear();
  marks_.clear();
  points_.clear();
  lines_.clear();
  calls_.clear();
  handlers_.clear();
  emitted_.clear();
  last_source_ = current_vcode_ = kNoSource;
  in_list_ = false;
  out.data.clear();
  out.features = 0;
  out.instructions = 0;
  out.long_branches = 0;
  out.listing.clear();
  out.insts.clear();
  labels_.assign(vcode.blocks.size(), {});

  redirect_blocks();
  find_landings();
  land(0);
  if (frame.needs_frame) {
    list_.clear();
    probe_stack();
    isa.prologue(frame, list_);
    emit_list(kNoSource);
  }
  for (uint32_t i = 0; i < emitted_.size() && error_.empty(); ++i) emit_block(i);
  if (error_.empty()) relax();
  if (error_.empty()) put_together();
  if (!error_.empty()) return fail(error_, "this is a mistake of a lowering rule or of the backend");
  return {};
}

// ---- labels and blocks ----

bool Emitter::jumps_only(const VBlock& block, Block* target) const {
  if (block.end_inst != block.first_inst + 1) return false;
  const Inst& inst = vcode_->insts[block.first_inst];
  if (!isa_->desc(inst.opcode).is(kIsJump) || inst.operand_count != 1) return false;
  const Operand& operand = vcode_->operands_of(inst)[0];
  if (operand.kind != OperandKind::Label) return false;
  *target = Block(static_cast<uint32_t>(operand.imm));
  return true;
}

void Emitter::redirect_blocks() {
  const uint32_t count = static_cast<uint32_t>(vcode_->blocks.size());
  enum : uint8_t { kUnseen, kOnPath, kDone };
  redirect_.resize(count);
  state_.assign(count, kUnseen);
  for (uint32_t b = 0; b < count; ++b) {
    path_.clear();
    Block at(b);
    Block next;
    while (state_[at.index] == kUnseen && at.index != 0 && jumps_only(vcode_->blocks[at.index], &next)) {
      state_[at.index] = kOnPath;
      path_.push_back(at.index);
      at = next;
    }
    // A cycle keeps the block where it closes; a block that does more is its own target.
    const Block target = state_[at.index] == kDone ? redirect_[at.index] : at;
    redirect_[at.index] = target;
    state_[at.index] = kDone;
    for (uint32_t p : path_) {
      redirect_[p] = target;
      state_[p] = kDone;
    }
  }
  for (uint32_t b = 0; b < count; ++b) {
    if (redirect_[b].index == b) emitted_.push_back(b);
  }
}

// Where jump tables lead, and who unwinds, if the machine wants to know.
void Emitter::find_landings() {
  landings_.clear();
  if (isa_->landing == nullptr || (vcode_->features & isa_->landing_features) == 0) return;
  landings_.assign(vcode_->blocks.size(), 0);
  for (const Inst& inst : vcode_->insts) {
    const InstDesc& desc = isa_->desc(inst.opcode);
    if (!(desc.is(kIsJump) || desc.is(kIsCall)) || !desc.is(kIsVariadic)) continue;
    for (const Operand& operand : vcode_->operands_of(inst)) {
      if (operand.kind == OperandKind::Label) landings_[redirect_[size_t(operand.imm)].index] = 1;
    }
  }
}

// The instruction that indirect calls (of block 0) or jumps want to find there.
void Emitter::land(uint32_t block) {
  if (landings_.empty()) return;
  list_.clear();
  isa_->landing(block == 0, list_);
  emit_list(kNoSource);
}

void Emitter::emit_block(uint32_t order_index) {
  const uint32_t index = emitted_[order_index];
  const Block next = order_index + 1 < emitted_.size() ? Block(emitted_[order_index + 1]) : Block();
  const VBlock& block = vcode_->blocks[index];
  labels_[index] = here();
  if (index != 0 && !landings_.empty() && landings_[index] != 0) land(index);

  // What becomes of the last two branches.
  uint32_t end = block.end_inst;
  uint32_t inverted = kNoIndex;
  Block inverted_target;
  const auto label_of = [&](uint32_t i) -> Block {
    const Inst& inst = vcode_->insts[i];
    const std::span<const Operand> operands = vcode_->operands_of(inst);
    const int slot = only_label(operands);
    return slot < 0 ? Block() : redirect_[size_t(operands[size_t(slot)].imm)];
  };
  if (end > block.first_inst) {
    const Inst& last = vcode_->insts[end - 1];
    if (isa_->desc(last.opcode).is(kIsJump) && last.operand_count == 1) {
      const Block jump_target = label_of(end - 1);
      if (!jump_target.is_none()) {
        if (end - 1 > block.first_inst) {
          const InstDesc& before = isa_->desc(vcode_->insts[end - 2].opcode);
          const Block branch_target = before.is(kIsBranch) ? label_of(end - 2) : Block();
          if (!branch_target.is_none() && branch_target == jump_target) {
            // Both ways lead to the same place.
            for (uint32_t i = block.first_inst; i < end - 2 && error_.empty(); ++i) {
              emit_inst(vcode_->insts[i], vcode_->operands_of(vcode_->insts[i]));
            }
            if (jump_target != next) emit_inst(last, vcode_->operands_of(last));
            return;
          }
          if (!branch_target.is_none() && branch_target == next && before.invert_param >= 0) {
            inverted = end - 2;
            inverted_target = jump_target;
            --end;
          }
        }
        if (inverted == kNoIndex && jump_target == next) --end;
      }
    }
  }

  for (uint32_t i = block.first_inst; i < end && error_.empty(); ++i) {
    const Inst& inst = vcode_->insts[i];
    const std::span<const Operand> operands = vcode_->operands_of(inst);
    if (i != inverted) {
      emit_inst(inst, operands);
      continue;
    }
    inverted_operands_.assign(operands.begin(), operands.end());
    isa_->insts->invert(inst.opcode, inverted_operands_);
    inverted_operands_[size_t(only_label(inverted_operands_))] = Operand::label(inverted_target);
    emit_inst(inst, inverted_operands_);
  }
}

// ---- instructions ----

void Emitter::mark_source(uint32_t source) {
  if (source == last_source_ && !marks_.empty()) return;
  marks_.push_back({here(), source});
  last_source_ = source;
}

void Emitter::need_features(const InstDesc& desc) {
  assert((desc.features & ~vcode_->features) == 0);
  out_->features |= desc.features;
}

void Emitter::add_listing(uint16_t opcode, std::span<const Operand> operands) {
  if (!want_listing_) return;
  lines_.push_back({here(), {.vcode = current_vcode_, .opcode = opcode, .is_extra = in_list_}});
  lines_.back().inst.text = isa_->insts->print(opcode, operands);
}

void Emitter::refuse(uint16_t opcode, std::span<const Operand> operands, EncodeError error) {
  error_ = error == EncodeError::OutOfRange   ? "no form of this instruction reaches its target: "
           : error == EncodeError::NeedsHatch ? "there is no function that encodes this instruction: "
                                              : "an operand is outside the instruction's range: ";
  error_ += isa_->insts->print(opcode, operands);
  error_ += std::string(" (") + isa_->desc(opcode).name + ")";
}

void Emitter::emit_simple(const SimpleInst& inst) { encode_fixed(inst.opcode, inst.span(), kNoTrap, last_source_); }

void Emitter::emit_list(uint32_t source) {
  mark_source(source);
  in_list_ = true;
  for (const SimpleInst& inst : list_.insts()) emit_simple(inst);
  in_list_ = false;
}

void Emitter::emit_inst(const Inst& inst, std::span<const Operand> operands) {
  const InstDesc& desc = isa_->desc(inst.opcode);
  if (inst.opcode == isa_->opcodes.args) {
    if (operands.empty()) points_.push_back({here(), inst.source});  // a sequence point
    return;
  }
  current_vcode_ = static_cast<uint32_t>(&inst - vcode_->insts.data());
  mark_source(inst.source);
  if (inst.opcode == isa_->opcodes.tail_call || inst.opcode == isa_->opcodes.tail_call_indirect) {
    return emit_tail_call(inst, operands);
  }
  if (desc.is(kIsReturn) && frame_->needs_frame) {
    list_.clear();
    isa_->epilogue(*frame_, frame_->popped, list_);
    emit_list(inst.source);
  }
  if (desc.is(kIsCall)) return emit_call(inst, operands);
  emit_with_frame(inst.opcode, operands, inst.trap, inst.source);
}

// The call, then what it takes to have the stack pointer where it was. Handlers are reached from elsewhere (V6).
void Emitter::emit_call(const Inst& inst, std::span<const Operand> operands) {
  const size_t own = isa_->desc(inst.opcode).operands.size();
  encode_fixed(inst.opcode, operands.first(own), inst.trap, inst.source);
  points_.push_back({here(), inst.source});
  size_t at = own;
  while (at < operands.size() && operands[at].kind != OperandKind::Imm) ++at;
  if (at == operands.size()) return;
  const auto popped = static_cast<uint32_t>(operands[at++].imm);
  PendingCall call{here(), {.popped = popped, .first_handler = static_cast<uint32_t>(handlers_.size())}};
  FramePlace context;
  for (; at + 1 < operands.size(); at += 2) {
    if (const Operand& place = operands[at]; place.kind == OperandKind::Frame) {
      context.offset = static_cast<uint32_t>(place.imm + frame_->offset_of(place.area()));
      context.size = static_cast<uint32_t>(operands[at + 1].imm);
      continue;
    }
    const int64_t tag = operands[at].imm;
    const HandlerRecord handler{
        .any_tag = tag < 0, .tag = tag < 0 ? 0 : static_cast<uint32_t>(tag), .context = context};
    handlers_.push_back({handler, operands[at + 1]});
    ++call.site.handler_count;
  }
  calls_.push_back(call);
  if (popped == 0) return;
  list_.clear();
  isa_->lower_stack(popped, list_);
  emit_list(inst.source);
}

// Stack arguments go from the outgoing area to where the callee looks for them: they end where this function's end. The
// two do not overlap, and nothing of the frame is above its linkage but this function's own arguments.
void Emitter::emit_tail_call(const Inst& inst, std::span<const Operand> operands) {
  const auto bytes = static_cast<uint32_t>(operands.back().imm);
  const PReg word = isa_->abi.tail_scratch;
  const int64_t to = int64_t(vcode_->incoming_size) - bytes;
  for (uint32_t at = 0; at < bytes; at += 8) {
    Amode place{.base = {}, .index = {}, .shift = 0, .in_frame = true, .area = FrameArea::Outgoing};
    place.disp = static_cast<int32_t>(isa_->abi.outgoing_base + at);
    SimpleInst move = isa_->load(ir::kI64, word, place);
    emit_with_frame(move.opcode, move.span(), kNoTrap, inst.source);
    place.area = FrameArea::Incoming;
    place.disp = static_cast<int32_t>(to + at);
    move = isa_->store(ir::kI64, word, place);
    emit_with_frame(move.opcode, move.span(), kNoTrap, inst.source);
  }
  if (frame_->needs_frame) {
    list_.clear();
    isa_->epilogue(*frame_, frame_->popped - bytes, list_);
    emit_list(inst.source);
  }
  encode_fixed(inst.opcode, operands.first(isa_->desc(inst.opcode).operands.size()), inst.trap, inst.source);
}

// A load from every page of the frame, so that no guard page is passed over.
void Emitter::probe_stack() {
  const int64_t page = int64_t(1) << frame_->probe_log2;
  if (page == 1) return;
  const PReg place = isa_->abi.frame_scratch;
  for (int64_t at = page; at <= int64_t(frame_->size) + frame_->growth; at += page) {
    isa_->frame_address(place, -at, list_);
    list_.push(isa_->load(ir::kI64, place, Amode{.base = place}));
  }
}

void Emitter::emit_with_frame(uint16_t opcode, std::span<const Operand> operands, uint8_t trap, uint32_t source) {
  const InstDesc& desc = isa_->desc(opcode);
  const auto frame_operand =
      std::ranges::find_if(operands, [](const Operand& operand) { return operand.kind == OperandKind::Frame; });
  if (frame_operand == operands.end()) {
    if (has_late_operand(operands)) {
      add_site(opcode, operands, trap, source);
    } else {
      encode_fixed(opcode, operands, trap, source);
    }
    return;
  }

  const size_t slot = size_t(frame_operand - operands.begin());
  const int64_t offset = frame_operand->imm + frame_->offset_of(frame_operand->area());
  scratch_operands_.assign(operands.begin(), operands.end());
  scratch_operands_[slot] = Operand::immediate(offset);
  if (offset < 0 || offset > kNearInFrame || offset % 8 != 0) {
    EncodedInst encoded;
    const EncodeError error = isa_->insts->encode(opcode, scratch_operands_, {.features = vcode_->features}, encoded);
    if (error == EncodeError::BadOperand && slot < desc.operands.size() &&
        desc.operands[slot].kind == SlotKind::MemDisp) {
      list_.clear();
      isa_->frame_address(isa_->abi.frame_scratch, offset, list_);
      emit_list(source);
      scratch_operands_[slot] = Operand::immediate(0);
      scratch_operands_[slot - 3].reg = isa_->abi.frame_scratch;
    }
  }
  encode_fixed(opcode, scratch_operands_, trap, source);
}

void Emitter::encode_fixed(uint16_t opcode, std::span<const Operand> operands, uint8_t trap, uint32_t source) {
  EncodedInst encoded;
  const EncodeError error = isa_->insts->encode(opcode, operands, {.features = vcode_->features}, encoded);
  if (error == EncodeError::NeedsHatch) return add_site(opcode, operands, trap, source);
  if (error != EncodeError::None) return refuse(opcode, operands, error);
  if (encoded.size == 0) return;
  ++out_->instructions;
  need_features(isa_->desc(opcode));
  out_->features |= encoded.features;
  add_listing(opcode, operands);
  if (trap != kNoTrap) traps_.push_back({here(), encoded.trap_offset, trap, source});
  if (encoded.has_symbol) {
    const auto symbol =
        std::ranges::find_if(operands, [](const Operand& operand) { return operand.kind == OperandKind::Symbol; });
    assert(symbol != operands.end());
    relocs_.push_back({here(),
                       {encoded.symbol_offset, encoded.reloc, static_cast<uint32_t>(symbol->imm),
                        encoded.symbol_addend + vcode_->symbols[size_t(symbol->imm)].offset}});
  }
  base_.insert(base_.end(), encoded.bytes, encoded.bytes + encoded.size);
}

// ---- sites ----

void Emitter::add_site(uint16_t opcode, std::span<const Operand> operands, uint8_t trap, uint32_t source) {
  const InstDesc& desc = isa_->desc(opcode);
  ++out_->instructions;
  need_features(desc);
  add_listing(opcode, operands);
  if (trap != kNoTrap) traps_.push_back({here(), desc.trap_offset, trap, source});
  Site site;
  site.base = static_cast<uint32_t>(base_.size());
  site.first_operand = static_cast<uint32_t>(site_operands_.size());
  site.operand_count = static_cast<uint16_t>(operands.size());
  site.opcode = opcode;
  const int label = only_label(operands);
  const bool is_branch =
      label >= 0 && (desc.is(kIsBranch) || desc.is(kIsJump) || operands[size_t(label)].kind == OperandKind::Place);
  site.label_slot = is_branch ? static_cast<uint8_t>(label) : 0;
  site.kind = is_branch ? SiteKind::Branch : SiteKind::Fixed;
  site_operands_.insert(site_operands_.end(), operands.begin(), operands.end());
  measure(site);
  sites_.push_back(site);
}

// Encodes one instruction of a site into piece_, by the tables or the ISA's hatch. `features` are those of short forms.
EncodeError Emitter::encode_piece(uint16_t opcode, std::span<const Operand> operands, const DisplacementQuery& query,
                                  FeatureSet features) {
  piece_.clear();
  EncodedInst encoded;
  EncodeError error = isa_->insts->encode(opcode, operands, {displacement, &query, features}, encoded);
  piece_features_ = encoded.features;
  if (error == EncodeError::None) {
    piece_.insert(piece_.end(), encoded.bytes, encoded.bytes + encoded.size);
    piece_data_ = encoded.size;
  } else if (error == EncodeError::NeedsHatch && isa_->hatch != nullptr) {
    piece_data_ = kNoIndex;
    error = isa_->hatch(opcode, operands, {displacement, &query, query.start, features}, piece_, piece_data_);
  }
  return error;
}

// Encodes a site that starts at `start`, with the labels where growth_ says. Without `out` the bytes are dropped.
EncodeError Emitter::encode_site(const Site& site, uint32_t start, std::vector<uint8_t>* out) {
  const std::span<const Operand> operands(site_operands_.data() + site.first_operand, site.operand_count);
  if (site.kind != SiteKind::InvertedBranch) {
    const EncodeError error = encode_piece(site.opcode, operands, {this, operands, start}, short_features(site));
    if (error != EncodeError::None) return error;
    if (piece_.size() != site.size) return EncodeError::OutOfRange;
    if (out == nullptr) return error;
    out_->features |= piece_features_;
    if (piece_data_ < piece_.size()) out_->data.push_back({start + piece_data_, start + site.size});
    out->insert(out->end(), piece_.begin(), piece_.end());
    return error;
  }
  const std::span<const Operand> target = operands.subspan(site.label_slot, 1);
  const DisplacementQuery to_target{this, target, int64_t(start) + site.branch_size};
  EncodeError error = encode_piece(site.jump, target, to_target, 0);
  if (error != EncodeError::None || out == nullptr) return error;
  const DisplacementQuery over_jump{nullptr, {}, 0, int64_t(site.size)};
  error = encode_piece(site.opcode, operands, over_jump, 0);
  if (error != EncodeError::None) return error;
  out->insert(out->end(), piece_.begin(), piece_.end());
  error = encode_piece(site.jump, target, to_target, 0);
  out->insert(out->end(), piece_.begin(), piece_.end());
  return error;
}

// Finds the size of a site's present form.
void Emitter::measure(Site& site) {
  const std::span<const Operand> operands(site_operands_.data() + site.first_operand, site.operand_count);
  const DisplacementQuery nowhere;
  EncodeError error = encode_piece(site.opcode, operands, nowhere, short_features(site));
  if (error != EncodeError::None) return refuse(site.opcode, operands, error);
  site.size = static_cast<uint32_t>(piece_.size());
  if (site.kind != SiteKind::InvertedBranch) return;
  site.branch_size = static_cast<uint8_t>(piece_.size());
  error = encode_piece(site.jump, operands.subspan(site.label_slot, 1), nowhere, 0);
  if (error != EncodeError::None) return refuse(site.jump, operands.subspan(site.label_slot, 1), error);
  site.size += static_cast<uint32_t>(piece_.size());
}

// A branch in its short form takes its ordinary one; false if it is in no short form.
bool Emitter::leave_short_form(Site& site) {
  if (site.kind != SiteKind::Branch || site.is_long) return false;
  const uint32_t before = site.size;
  site.is_long = true;
  measure(site);
  return site.size != before;
}

// Gives a site its next longer form; false if it has none.
bool Emitter::lengthen(Site& site) {
  if (leave_short_form(site)) return true;
  const InstDesc& desc = isa_->desc(site.opcode);
  if (site.kind == SiteKind::Branch) {
    const uint16_t longer = isa_->longer_branch == nullptr ? kNoOpcode : isa_->longer_branch(site.opcode);
    if (longer != kNoOpcode) {
      site.opcode = longer;
    } else if (desc.is(kIsBranch) && desc.invert_param >= 0) {
      isa_->insts->invert(site.opcode, {site_operands_.data() + site.first_operand, site.operand_count});
      site.kind = SiteKind::InvertedBranch;
      site.jump = isa_->opcodes.jump;
    } else {
      return false;
    }
  } else if (site.kind == SiteKind::InvertedBranch) {
    const uint16_t longer = isa_->longer_branch == nullptr ? kNoOpcode : isa_->longer_branch(site.jump);
    if (longer == kNoOpcode) return false;
    site.jump = longer;
  } else {
    return false;
  }
  if (!site.grown) ++out_->long_branches;
  site.grown = true;
  measure(site);
  return true;
}

void Emitter::relax() {
  const size_t count = sites_.size();
  growth_.assign(count + 1, 0);
  constant_offsets_.assign(vcode_->constants.size(), 0);
  for (unsigned round = 0;; ++round) {
    for (size_t i = 0; i < count; ++i) growth_[i + 1] = growth_[i] + sites_[i].size;
    const uint32_t code_size = static_cast<uint32_t>(base_.size()) + growth_[count];
    uint32_t at = code_size;
    for (size_t i = 0; i < constant_offsets_.size(); ++i) {
      const uint32_t size = static_cast<uint32_t>(vcode_->constants[i].size());
      const uint32_t alignment = size >= 16 ? 16 : size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1;
      at = (at + alignment - 1) / alignment * alignment;
      constant_offsets_[i] = at;
      at += size;
    }
    bool changed = false;
    for (size_t i = 0; i < count && error_.empty(); ++i) {
      Site& site = sites_[i];
      if (site.kind != SiteKind::Branch && site.kind != SiteKind::InvertedBranch) continue;
      if (round == kMaxShortRounds && leave_short_form(site)) changed = true;
      if (round >= kMaxRounds) {
        while (lengthen(site)) changed = true;
      } else if (encode_site(site, site.base + growth_[i], nullptr) == EncodeError::OutOfRange && lengthen(site)) {
        changed = true;
      }
    }
    if (!changed || !error_.empty()) return;
  }
}

void Emitter::put_together() {
  std::vector<uint8_t>& bytes = out_->bytes;
  bytes.clear();
  bytes.reserve(base_.size() + growth_.back() + 16);
  uint32_t copied = 0;
  for (size_t i = 0; i < sites_.size(); ++i) {
    const Site& site = sites_[i];
    bytes.insert(bytes.end(), base_.begin() + copied, base_.begin() + site.base);
    copied = site.base;
    const EncodeError error = encode_site(site, static_cast<uint32_t>(bytes.size()), &bytes);
    if (error != EncodeError::None) {
      return refuse(site.opcode, {site_operands_.data() + site.first_operand, site.operand_count}, error);
    }
    assert(bytes.size() == site.base + growth_[i + 1]);
  }
  bytes.insert(bytes.end(), base_.begin() + copied, base_.end());
  out_->code_size = static_cast<uint32_t>(bytes.size());
  for (size_t i = 0; i < constant_offsets_.size(); ++i) {
    bytes.resize(constant_offsets_[i], 0);
    bytes.insert(bytes.end(), vcode_->constants[i].begin(), vcode_->constants[i].end());
  }

  out_->traps.clear();
  for (const PendingTrap& t : traps_) out_->traps.push_back({final_offset(t.position) + t.offset, t.code, t.inst});
  out_->relocations.clear();
  for (PendingReloc& r : relocs_) {
    r.reloc.offset += final_offset(r.position);
    out_->relocations.push_back(r.reloc);
  }
  out_->call_sites.clear();
  for (const PendingCall& call : calls_) {
    out_->call_sites.push_back(call.site);
    out_->call_sites.back().return_offset = final_offset(call.position);
  }
  out_->handlers.clear();
  for (PendingHandler& h : handlers_) {
    h.handler.offset = static_cast<uint32_t>(target_of(h.label));
    out_->handlers.push_back(h.handler);
  }
  out_->points.clear();
  for (const PendingMark& point : points_) out_->points.push_back({final_offset(point.position), point.inst});
  out_->sources.clear();
  for (const PendingMark& m : marks_) {
    const uint32_t offset = final_offset(m.position);
    if (!out_->sources.empty() && out_->sources.back().offset == offset) out_->sources.pop_back();
    out_->sources.push_back({offset, m.inst});
  }
  char text[16];
  for (size_t i = 0; i < lines_.size(); ++i) {
    const uint32_t begin = final_offset(lines_[i].position);
    const uint32_t end = i + 1 < lines_.size() ? final_offset(lines_[i + 1].position) : out_->code_size;
    std::snprintf(text, sizeof text, "%6x:  ", begin);
    out_->listing += text;
    for (uint32_t b = begin; b < end; ++b) {
      std::snprintf(text, sizeof text, "%02x ", bytes[b]);
      out_->listing += text;
    }
    if (end - begin < 8) out_->listing.append((8 - (end - begin)) * 3, ' ');
    out_->listing += ' ' + lines_[i].inst.text + '\n';
    lines_[i].inst.offset = begin;
    out_->insts.push_back(std::move(lines_[i].inst));
  }
}

}  // namespace assay::machine
