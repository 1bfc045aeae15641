// The driver: order of work, registers of values, finishing. What rules call is in lower_externs.cpp, calls in
// lower_calls.cpp.
#include "compiler/machine/lower.h"

#include "compiler/machine/frame.h"

#include <algorithm>
#include <utility>

namespace assay::machine {

namespace {

// Why no machine here has it.
std::string_view reason_against(ir::Opcode opcode) {
  switch (opcode) {
    case ir::Opcode::kStackSwitch:
      return " (frames are laid out, probed and unwound for one stack)";
    default:
      return "";
  }
}

}  // namespace

Expected<void> LowerContext::lower_function(const ir::Function& function, const TargetIsa& isa,
                                            const LowerOptions& options, isle::RuleState& rules, VCode& vcode) {
  function_ = &function;
  isa_ = &isa;
  rules_ = &rules;
  vcode_ = &vcode;
  options_ = options;
  error_.clear();
  if (Expected<void> ready = prepare(function); !ready) return ready;
  try {
    lower_blocks();
  } catch (const isle::NoRuleMatched& none) {  // the rules have a gap, or one was switched off
    unsupported((current_inst_.is_none() ? "" : operation_name(current_inst_) + ", ") + "no rule of " + none.term() +
                " matches");
  }
  if (!error_.empty()) {
    Place place;
    place.function = to_string(function.name);
    return fail(std::move(place), std::string("not supported on ") + isa.name + ": " + error_);
  }
  finish();
  return {};
}

// "iadd.i128": the operation and its controlling type, or else its result's.
std::string LowerContext::operation_name(Inst inst) const {
  std::string text(function_->info(inst).name);
  Type type = function_->inst(inst).type;
  if (!type.is_valid() && function_->has_results(inst)) type = function_->value_type(function_->result(inst));
  if (type.is_valid()) text += "." + type.to_string();
  return text;
}

void LowerContext::unsupported(std::string what) {
  if (error_.empty()) error_ = std::move(what);
}

// ---- before the first instruction ----

Expected<void> LowerContext::prepare(const ir::Function& function) {
  vcode_->clear();
  vcode_->features = options_.features;
  chains_.begin(vcode_->rule_chains, options_.want_origins);
  current_.clear();
  before_.clear();
  reversed_.clear();
  operands_.clear();
  output_regs_.clear();
  in_before_ = constants_in_place_ = false;
  const size_t values = function.value_count();
  values_.function = &function;
  values_.single_values.assign(values, {});
  uses_.assign(values, 0);
  value_regs_.assign(values, {});
  constant_regs_.resize(values);
  constant_stamps_.assign(values, 0);
  stamp_ = 0;
  vreg_alias_.clear();
  abi_known_.assign(function.signatures.size(), 0);
  if (abis_.size() < function.signatures.size()) abis_.resize(function.signatures.size());
  symbols_.assign(function.functions.size(), 0xffffffffu);
  return_area_ = {};
  call_area_size_ = 0;

  if (Expected<void> own = compute_abi(function.signature, *isa_, own_abi_); !own) return own;
  vcode_->incoming_size = own_abi_.stack_size;
  vcode_->call_conv = function.signature.call_conv;
  vcode_->needs_linkage = options_.preserve_frame_pointers;
  vcode_->probe_log2 = options_.probe_log2;
  vcode_->pinned_register = options_.pinned_register;
  if (!function.stack_limit.is_none()) unsupported("a stack limit that is not computed from vmctx");
  if (own_abi_.has_return_area) return_area_ = new_reg(RegClass::Gpr);
  lay_out_slots();
  choices_ = RandomChoices(options_.choice_seed, RandomChoices::kForLowering);
  passes_left_ = 0;
  order_.compute(function, RandomChoices(options_.choice_seed, RandomChoices::kForBlocks), options_.care_for_loops);
  hoisted_.clear();
  if (options_.care_for_loops) {
    hoisted_.resize(function.block_count());
    hoisted_count_.assign(order_.loops().size(), 0);
  }
  count_uses();
  return {};
}

void LowerContext::lay_out_slots() {
  slot_offsets_.clear();
  call_area_offset_ = 0;
  if (Expected<std::vector<uint32_t>> offsets = machine::lay_out_slots(*function_, *isa_); offsets) {
    call_area_offset_ = offsets->back();
    slot_offsets_ = std::move(*offsets);
  } else {
    unsupported(offsets.error().message);
    slot_offsets_.resize(function_->stack_slots.size());
  }
  vcode_->slots_size = call_area_offset_;
}

// In reverse post-order, so that a block's single values are known before its instructions are seen.
void LowerContext::count_uses() {
  for (ir::Block block : order_.reverse_postorder()) {
    if (const ir::BlockCall* call = order_.only_edge(block)) {
      const std::span<const Value> params = function_->block_params(block);
      const std::span<const ir::BlockArg> args = function_->args(*call);
      for (size_t i = 0; i < params.size() && i < args.size(); ++i) {
        if (args[i].is_value()) values_.single_values[params[i].index] = resolve(args[i].value());
      }
    }
    for (Inst inst : function_->insts(block)) {
      for (Value v : function_->args(inst)) ++uses_[resolve(v).index];
      function_->for_each_context(inst, [&](Value v) { ++uses_[resolve(v).index]; });
      for (const ir::BlockCall& call : function_->block_calls(inst)) {
        if (order_.only_edge(call.block) != nullptr) continue;
        for (ir::BlockArg arg : function_->args(call)) {
          if (arg.is_value()) ++uses_[resolve(arg.value()).index];
        }
      }
    }
  }
}

// ---- backwards through the function ----

void LowerContext::lower_blocks() {
  const std::span<const uint32_t> order = order_.lowering_order();
  reversed_ranges_.assign(order.size(), {});
  vcode_->blocks.assign(order.size(), {});
  for (size_t i = order.size(); i-- > 0 && error_.empty();) {
    const uint32_t begin = static_cast<uint32_t>(reversed_.size());
    lower_block(order[i]);
    reversed_ranges_[order[i]] = {begin, static_cast<uint32_t>(reversed_.size())};
  }
}

void LowerContext::begin_inst(Inst inst) {
  current_inst_ = inst;
  rules_->set_column(inst.is_none() ? 0 : type_class(function_->inst(inst).type));
}

void LowerContext::lower_block(uint32_t index) {
  const BlockOrder::Entry& entry = order_.entries()[index];
  begin_inst(entry.branch);
  current_block_ = entry.source;
  if (entry.source.is_none() && entry.is_try_edge) {
    land(entry);
    pass_arguments(index, entry.call);
    emit_jump(order_.successors(entry)[0]);
    flush();
    return;
  }
  if (entry.source.is_none()) {
    emit_jump(order_.successors(entry)[0]);
    flush();
    pass_arguments(index, entry.call);
    flush();
    return;
  }
  if (!entry.branch.is_none()) {
    lower_terminator(entry);
    flush();
    if (entry.passes_args) pass_arguments(index, entry.call);
    flush();
    if (options_.care_for_loops) make_hoisted(entry.source);
  }
  Inst inst = entry.branch.is_none() ? function_->last_inst(entry.source) : function_->prev_inst(entry.branch);
  for (; !inst.is_none() && error_.empty(); inst = function_->prev_inst(inst)) {
    lower_inst(inst);
    flush();
  }
  // A parameter that is only passed round a loop may not have been asked for yet.
  for (Value param : function_->block_params(entry.source)) {
    if (is_passed(param) && entry.source != function_->entry_block()) regs_of(param);
  }
  if (entry.source == function_->entry_block() && error_.empty()) {
    begin_inst(Inst());
    receive_arguments();
    flush();
  }
}

// lower(): whether, or with what, rules matched. With choices to be made, some rules that match are passed over at
// first; if no other takes their place, everything is done again without. Of every fourth instruction only, as most
// often that costs an exception for nothing.
template <class F>
auto LowerContext::apply_rules(F lower) {
  if (!choices_.active() || !choices_.one_in(4)) return lower();
  constexpr int kAttempts = 2;
  constexpr uint32_t kPasses = 8;
  const size_t current = current_.size(), before = before_.size(), operands = operands_.size();
  const size_t outputs = output_regs_.size(), rules = chains_.base();
  const bool in_before = in_before_, in_place = constants_in_place_;
  const Inst inst = current_inst_;
  for (int i = 0; i < kAttempts; ++i) {
    passes_left_ = kPasses;
    try {
      auto result = lower();
      passes_left_ = 0;
      if (result && error_.empty()) return result;
    } catch (const isle::NoRuleMatched&) {
      passes_left_ = 0;
    }
    current_.resize(current);
    before_.resize(before);
    operands_.resize(operands);
    output_regs_.resize(outputs);
    chains_.resume(rules);
    in_before_ = in_before;
    constants_in_place_ = in_place;
    current_inst_ = inst;
    error_.clear();
    ++stamp_;  // constants made meanwhile are gone
  }
  return lower();
}

bool LowerContext::passes_over() {
  if (!choices_.one_in(4)) return false;
  --passes_left_;
  return true;
}

void LowerContext::lower_terminator(const BlockOrder::Entry& entry) {
  const std::span<const Block> labels = order_.labels(entry);
  const ir::OperationInfo& info = function_->info(entry.branch);
  if (entry.succ_count == 1 && info.format != ir::Format::kJump && info.format != ir::Format::kTryCall &&
      info.format != ir::Format::kTryCallIndirect) {
    emit_jump(labels[0]);  // every way leads to the same block: nothing to decide
    return;
  }
  if (!apply_rules([&] { return isa_->lower_branch(*this, entry.branch, labels); })) {
    unsupported(operation_name(entry.branch));
  }
}

// The moves of block arguments are the allocator's; here they only get registers.
void LowerContext::pass_arguments(uint32_t index, const ir::BlockCall& call) {
  VBlock& block = vcode_->blocks[index];
  block.first_arg = static_cast<uint32_t>(vcode_->branch_args.size());
  constants_in_place_ = true;
  const std::span<const ir::BlockArg> args = function_->args(call);
  const std::span<const Value> params = function_->block_params(call.block);
  for (const ir::BlockArg& arg : args) {
    const size_t param = static_cast<size_t>(&arg - args.data());
    if (!is_passed(params[param]) || order_.only_edge(call.block) != nullptr) continue;
    const bool by_result = function_->block_calls(current_inst_).size() == 1;  // see land
    const ValueRegs regs = arg.is_value() ? put_in_regs(arg.value()) : landed_[by_result ? arg.index() : param];
    vcode_->branch_args.push_back(own_reg(regs.low));
    if (!regs.high.is_none()) vcode_->branch_args.push_back(own_reg(regs.high));
  }
  constants_in_place_ = false;
  block.arg_count = static_cast<uint32_t>(vcode_->branch_args.size()) - block.first_arg;
}

void LowerContext::lower_inst(Inst inst) {
  const ir::OperationInfo& info = function_->info(inst);
  const ir::InstData& data = function_->inst(inst);
  if (data.opcode == ir::Opcode::kIconst) return;  // made where it is needed (L2)
  const bool may_drop = !info.variable_results && !info.is_terminator() && ((info.effects & ~ir::kCanLoad) == 0) &&
                        (info.effects == 0 || data.flags.notrap());
  if (may_drop) {
    const std::span<const Value> results = function_->results(inst);
    const bool used = std::ranges::any_of(results, [&](Value v) { return !value_regs_[v.index].is_none(); });
    if (!used) return;
  }
  begin_inst(inst);
  if (has_short_address(inst)) return unsupported(operation_name(inst) + " with an address of type i32");
  const std::optional<InstOutput> output = apply_rules([&] { return isa_->lower(*this, inst); });
  if (!output) {
    unsupported(operation_name(inst) + std::string(reason_against(data.opcode)));
    return;
  }
  bind_results(inst, *output);
  // A place that has no code.
  if (data.opcode == ir::Opcode::kSequencePoint && !function_->debug_tags(inst).empty()) emit(isa_->opcodes.args, {});
}

// CLIF's addresses are as wide as the target's; no target here has any but 64 bits, and rules need not ask.
bool LowerContext::has_short_address(Inst inst) const {
  const ir::OperationInfo& info = function_->info(inst);
  if ((info.effects & (ir::kCanLoad | ir::kCanStore | ir::kCalls)) == 0) return false;
  const std::span<const Value> args = function_->args(inst);
  size_t next = 0;
  for (const ir::OperandInfo& operand : info.inputs) {
    if (operand.kind != ir::OperandKind::kValue) continue;
    const Value v = args[next++];
    if (operand.type.variable == "iAddr" && function_->value_type(v) != ir::kI64) return true;
  }
  return false;
}

void LowerContext::bind_results(Inst inst, const InstOutput& output) {
  uint32_t next = 0;
  for (Value result : function_->results(inst)) {
    const ValueRegs wanted = value_regs_[result.index];
    const uint32_t parts = function_->value_type(result) == ir::kI128 ? 2 : 1;
    if (next + parts > output.count) {
      // A rule may leave results out only if nobody uses them.
      if (!wanted.is_none()) return unsupported(operation_name(inst));
      continue;
    }
    if (!wanted.is_none()) {
      alias(wanted.low, output_regs_[output.first + next]);
      if (parts == 2) alias(wanted.high, output_regs_[output.first + next + 1]);
    }
    next += parts;
  }
  output_regs_.clear();
}

// What users know as `wanted` is what the definition left in `reg`.
void LowerContext::alias(Reg wanted, Reg reg) {
  if (reg.is_physical()) {
    emit(isa_->move(reg.preg().reg_class(), wanted, reg));
    return;
  }
  assert(reg.is_virtual());
  const uint32_t index = wanted.virtual_index();
  if (vreg_alias_.size() <= index) vreg_alias_.resize(vcode_->vreg_classes.size());
  assert(resolve_alias(reg) != wanted);
  vreg_alias_[index] = reg;
}

// ---- emission ----

void LowerContext::emit_with_clobbers(uint16_t opcode, std::span<const Operand> operands, uint8_t trap,
                                      uint8_t clobbers) {
  machine::Inst inst;
  inst.opcode = opcode;
  inst.operand_count = static_cast<uint16_t>(operands.size());
  inst.first_operand = static_cast<uint32_t>(operands_.size());
  inst.source = current_inst_.index;
  inst.trap = trap;
  inst.clobbers = clobbers;
  inst.rules = chains_.current();
  if (operands.size() > 0xffff) return unsupported("an instruction with more than 65535 operands");
  operands_.insert(operands_.end(), operands.begin(), operands.end());
  (in_before_ ? before_ : current_).push_back(inst);
}

// What has been collected forwards joins the reversed code.
void LowerContext::flush() {
  reversed_.insert(reversed_.end(), current_.rbegin(), current_.rend());
  reversed_.insert(reversed_.end(), before_.rbegin(), before_.rend());
  current_.clear();
  before_.clear();
  ++stamp_;
}

// ---- registers of values ----

bool LowerContext::is_constant(Value v) const {
  const Inst def = function_->def_inst(v);
  return !def.is_none() && function_->inst(def).opcode == ir::Opcode::kIconst;
}

ValueRegs LowerContext::put_in_regs(Value v) {
  v = resolve(v);
  if (!is_constant(v)) return regs_of(v);
  const Reg before_loop = hoisted(v);
  return {before_loop.is_none() ? materialise(v) : before_loop, {}};
}

ValueRegs LowerContext::regs_of(Value v) {
  ValueRegs& regs = value_regs_[v.index];
  if (regs.is_none()) {
    const Type type = function_->value_type(v);
    if (!is_in_registers(type, *isa_)) unsupported("a value of type " + type.to_string());
    regs.low = new_reg(reg_class(type));
    if (type == ir::kI128) regs.high = new_reg(RegClass::Gpr);
  }
  return regs;
}

Reg LowerContext::materialise(Value v) {
  // Stamps start at 1, so that 0 means never.
  if (constant_stamps_[v.index] == stamp_ + 1) return constant_regs_[v.index];
  const bool outer = in_before_;
  in_before_ = !constants_in_place_;
  const Reg reg = lower_constant(v);
  in_before_ = outer;
  constant_stamps_[v.index] = stamp_ + 1;
  constant_regs_[v.index] = reg;
  return reg;
}

Reg LowerContext::lower_constant(Value v) {
  // The constant's own rules and instruction are to blame for what it becomes, not its user's.
  const Inst user = std::exchange(current_inst_, function_->def_inst(v));
  const size_t rules = chains_.suspend();
  const std::optional<InstOutput> output = isa_->lower(*this, current_inst_);
  chains_.resume(rules);
  current_inst_ = user;
  if (!output || output->count != 1) {
    unsupported("iconst." + function_->value_type(v).to_string());
    return new_reg(RegClass::Gpr);
  }
  const Reg reg = output_regs_[output->first];
  output_regs_.resize(output->first);
  return reg;
}

// Of the loops around the current block, the outermost that has not too many already: what is made before a loop
// occupies a register all through it.
Reg LowerContext::hoisted(Value v) {
  if (!options_.care_for_loops || constants_in_place_ || current_block_.is_none()) return {};
  const ir::InstData& data = function_->inst(function_->def_inst(v));
  if (data.imm == 0 || function_->is_cold(current_block_)) return {};  // 0 costs nothing on most machines
  const ir::LoopForest& loops = order_.loops();
  const uint32_t most = isa_->kind == IsaKind::aarch64 || isa_->kind == IsaKind::riscv64 ? 8 : 3;
  ir::Block best;
  ir::Loop out_of;
  for (ir::Loop loop = loops.innermost(current_block_); !loop.is_none(); loop = loops.parent(loop)) {
    const ir::Block home = order_.dominators().immediate_dominator(loops.header(loop));
    if (home.is_none() || loops.depth(home) >= loops.depth(loop)) break;
    for (const Hoisted& known : hoisted_[home.index]) {
      const ir::InstData& other = function_->inst(function_->def_inst(known.constant));
      if (other.imm == data.imm && function_->value_type(known.constant) == function_->value_type(v)) return known.reg;
    }
    uint32_t live = 0;
    for (ir::Loop l = loop; !l.is_none(); l = loops.parent(l)) live += hoisted_count_[l.index];
    if (live >= most) continue;
    best = home;
    out_of = loop;
  }
  if (best.is_none()) return {};
  ++hoisted_count_[out_of.index];
  const Reg reg = new_reg(RegClass::Gpr);
  hoisted_[best.index].push_back({v, reg});
  return reg;
}

void LowerContext::make_hoisted(ir::Block block) {
  for (const Hoisted& hoisted : hoisted_[block.index]) {
    if (!error_.empty()) return;
    alias(hoisted.reg, lower_constant(hoisted.constant));
    flush();
  }
}

Reg LowerContext::own_reg(Reg reg) {
  if (!reg.is_physical()) return reg;
  const Reg copy = new_reg(reg.preg().reg_class());
  emit(isa_->move(reg.preg().reg_class(), copy, reg));
  return copy;
}

Reg LowerContext::resolve_alias(Reg reg) {
  const auto next = [&](Reg r) {
    return r.is_virtual() && r.virtual_index() < vreg_alias_.size() ? vreg_alias_[r.virtual_index()] : Reg();
  };
  Reg end = reg;
  while (!next(end).is_none()) end = next(end);
  while (reg != end) {
    const Reg step = next(reg);
    vreg_alias_[reg.virtual_index()] = end;
    reg = step;
  }
  return end;
}

// ---- after the last instruction: forwards, aliases resolved, registers numbered anew ----

void LowerContext::finish() {
  VCode& vcode = *vcode_;
  new_numbers_.assign(vcode.vreg_classes.size(), {});
  std::vector<RegClass> classes;
  classes.reserve(vcode.vreg_classes.size());
  const auto renumber = [&](Reg reg) {
    if (!reg.is_virtual()) return reg;
    reg = resolve_alias(reg);
    if (!reg.is_virtual()) return reg;
    Reg& number = new_numbers_[reg.virtual_index()];
    if (number.is_none()) {
      number = Reg::virtual_reg(static_cast<uint32_t>(classes.size()));
      classes.push_back(vcode.vreg_classes[reg.virtual_index()]);
    }
    return number;
  };

  vcode.insts.reserve(reversed_.size());
  vcode.operands.reserve(operands_.size());
  const std::span<const BlockOrder::Entry> entries = order_.entries();
  for (size_t b = 0; b < entries.size(); ++b) {
    const BlockOrder::Entry& entry = entries[b];
    VBlock& block = vcode.blocks[b];
    block.source_block = entry.source.index;
    block.cold = entry.cold;
    block.first_param = static_cast<uint32_t>(vcode.block_params.size());
    if (!entry.source.is_none() && entry.source != function_->entry_block() &&
        order_.only_edge(entry.source) == nullptr) {
      for (Value param : function_->block_params(entry.source)) {
        if (!is_passed(param)) continue;
        const ValueRegs regs = value_regs_[param.index];
        vcode.block_params.push_back(renumber(regs.low));
        if (!regs.high.is_none()) vcode.block_params.push_back(renumber(regs.high));
      }
    }
    block.param_count = static_cast<uint32_t>(vcode.block_params.size()) - block.first_param;
    block.first_succ = static_cast<uint32_t>(vcode.succs.size());
    for (Block succ : order_.successors(entry)) {
      vcode.succs.push_back(succ);
      ++vcode.blocks[succ.index].pred_count;
    }
    block.succ_count = entry.succ_count;

    block.first_inst = static_cast<uint32_t>(vcode.insts.size());
    for (uint32_t i = reversed_ranges_[b].second; i-- > reversed_ranges_[b].first;) {
      machine::Inst inst = reversed_[i];
      const uint32_t first = static_cast<uint32_t>(vcode.operands.size());
      for (uint32_t o = 0; o < inst.operand_count; ++o) {
        Operand operand = operands_[inst.first_operand + o];
        if (operand.is_reg()) operand.reg = renumber(operand.reg);
        vcode.operands.push_back(operand);
      }
      inst.first_operand = first;
      vcode.insts.push_back(inst);
    }
    block.end_inst = static_cast<uint32_t>(vcode.insts.size());
  }
  for (Reg& arg : vcode.branch_args) arg = renumber(arg);
  if (options_.want_origins) {
    // One that no instruction has left (its value was folded into others, or is only passed on) has no number.
    const auto known = [&](Reg reg) {
      if (!reg.is_virtual()) return reg;
      reg = resolve_alias(reg);
      return reg.is_virtual() ? new_numbers_[reg.virtual_index()] : reg;
    };
    for (ValueRegs& regs : value_regs_) regs = {known(regs.low), known(regs.high)};
  }

  uint32_t at = 0;
  for (VBlock& block : vcode.blocks) {
    block.first_pred = at;
    at += block.pred_count;
    block.pred_count = 0;
  }
  vcode.preds.resize(at);
  for (uint32_t b = 0; b < vcode.blocks.size(); ++b) {
    for (Block succ : vcode.succs_of(vcode.blocks[b])) {
      VBlock& target = vcode.blocks[succ.index];
      vcode.preds[target.first_pred + target.pred_count++] = Block(b);
    }
  }
  vcode.vreg_classes = std::move(classes);
  vcode.slots_size += call_area_size_;
}

}  // namespace assay::machine
