// See program.h.
#include "interpreter/program.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace assay::interpreter {

namespace {

using ir::Opcode;
using ir::Type;

// 0: values of this type have no slots.
unsigned slots_of(Type type) {
  if (!type.is_valid() || type.is_dynamic_vector() || type.bits() > 128) return 0;
  return type.bits() <= 64 ? 1 : 2;
}

bool is_narrow_int(Type type) { return type.is_int() && type.bits() <= 64; }
// One slot, whatever is in it.
bool is_one_slot(Type type) { return slots_of(type) == 1; }

constexpr uint32_t kNoSlot = 0xffffffffu;

}  // namespace

// Turns one ir::Function into a DecodedFunction.
class Decoder {
 public:
  Decoder(Program& program, const ir::Function& function, DecodedFunction& out)
      : program_(program), function_(function), out_(out) {}

  void run();

 private:
  void assign_slots();
  bool assign_slot(ir::Value value);
  void decode(ir::Inst inst);
  void decode_scalar(ir::Inst inst, Step step);
  void decode_memory(ir::Inst inst, Step step);
  void decode_call(ir::Inst inst, Step step);
  uint32_t edge(const ir::BlockCall& call);
  std::pair<uint32_t, uint32_t> slot_list(std::span<const ir::Value> values);
  bool all_have_slots(ir::Inst inst) const;
  // A step that stops with "operation.type".
  void unsupported(ir::Inst inst, Step step, std::string what = {});

  uint32_t slot(ir::Value value) const { return slots_[function_.resolve(value).index]; }
  Type type(ir::Value value) const { return function_.value_type(value); }
  void push(const Step& step) { out_.steps.push_back(step); }

  Program& program_;
  const ir::Function& function_;
  DecodedFunction& out_;
  std::vector<uint32_t> slots_;        // by value: its first slot
  std::vector<uint32_t> block_start_;  // by block: its first step
  ir::Value without_slot_;             // a parameter of a block that has no slots, if any
};

bool Decoder::assign_slot(ir::Value value) {
  const unsigned count = slots_of(type(value));
  if (count == 0) return false;
  slots_[value.index] = out_.slots;
  out_.slots += count;
  return true;
}

void Decoder::assign_slots() {
  slots_.assign(function_.value_count(), kNoSlot);
  for (ir::Block block : function_.blocks()) {
    for (ir::Value param : function_.block_params(block)) {
      if (!assign_slot(param)) without_slot_ = param;
    }
    for (ir::Inst inst : function_.insts(block)) {
      for (ir::Value result : function_.results(inst)) assign_slot(result);
    }
  }
}

void Decoder::run() {
  out_.name = ir::to_string(function_.name);
  out_.signature = program_.signature_number(function_.signature);
  for (const ir::AbiParam& param : function_.signature.params) out_.params.push_back(param.type);
  for (const ir::AbiParam& param : function_.signature.returns) out_.returns.push_back(param.type);
  for (const ir::StackSlotData& slot : function_.stack_slots) {
    // At least 16, as the stack of every machine gives.
    out_.stack_slots.push_back({slot.size, uint64_t{1} << std::clamp<unsigned>(slot.align_log2, 4, 16)});
  }
  for (const ir::FunctionDeclaration& declaration : function_.functions) {
    out_.callee_names.push_back(ir::to_string(declaration.name));
    const bool may_be_host = declaration.declared && is_host_name(out_.callee_names.back());
    out_.callee_signatures.push_back(
        may_be_host ? program_.signature_number(function_.signatures[declaration.signature]) : 0);
  }
  out_.callees.assign(out_.callee_names.size(), kNoFunction);

  assign_slots();
  if (without_slot_ || function_.entry_block().is_none()) {
    // A value of this type cannot be passed at all, so the function as a whole is not supported.
    Step step;
    step.inst = ir::Inst::kNone;
    unsupported(ir::Inst(), step, without_slot_ ? "value." + type(without_slot_).to_string() : "function without body");
    return;
  }
  for (ir::Value param : function_.block_params(function_.entry_block())) out_.param_slots.push_back(slot(param));

  block_start_.assign(function_.block_count(), 0);
  for (ir::Block block : function_.blocks()) {
    block_start_[block.index] = static_cast<uint32_t>(out_.steps.size());
    for (ir::Inst inst : function_.insts(block)) decode(inst);
  }
  // Edges hold block numbers until here.
  for (Edge& edge : out_.edges) edge.target = block_start_[edge.target];
}

uint32_t Decoder::edge(const ir::BlockCall& call) {
  Edge edge;
  edge.target = call.block.index;
  edge.moves_begin = static_cast<uint32_t>(out_.moves.size());
  const auto params = function_.block_params(call.block);
  const auto args = function_.args(call);
  for (size_t i = 0; i < args.size() && i < params.size(); ++i) {
    const uint32_t from = slot(args[i].value()), to = slot(params[i]);
    for (unsigned n = 0; n < slots_of(type(params[i])); ++n) {
      if (from != to) out_.moves.push_back({from + n, to + n});
    }
  }
  edge.moves_count = static_cast<uint32_t>(out_.moves.size()) - edge.moves_begin;
  out_.edges.push_back(edge);
  return static_cast<uint32_t>(out_.edges.size() - 1);
}

std::pair<uint32_t, uint32_t> Decoder::slot_list(std::span<const ir::Value> values) {
  const auto begin = static_cast<uint32_t>(out_.slot_lists.size());
  for (ir::Value value : values) {
    for (unsigned n = 0; n < slots_of(type(value)); ++n) out_.slot_lists.push_back(slot(value) + n);
  }
  return {begin, static_cast<uint32_t>(out_.slot_lists.size()) - begin};
}

bool Decoder::all_have_slots(ir::Inst inst) const {
  bool all = true;
  function_.for_each_use(inst, [&](ir::Value value) { all = all && slot(value) != kNoSlot; });
  for (ir::Value result : function_.results(inst)) all = all && slot(result) != kNoSlot;
  return all;
}

void Decoder::unsupported(ir::Inst inst, Step step, std::string what) {
  if (what.empty()) {
    const ir::InstData& data = function_.inst(inst);
    what = ir::to_string(data.opcode);
    Type of = data.type;
    if (!of.is_valid() && function_.has_results(inst)) of = type(function_.result(inst));
    if (of.is_valid()) what += "." + of.to_string();
  }
  step.kind = StepKind::kUnsupported;
  step.b = static_cast<uint32_t>(out_.messages.size());
  out_.messages.push_back(std::move(what));
  push(step);
}

void Decoder::decode(ir::Inst inst) {
  const ir::InstData& data = function_.inst(inst);
  const auto args = function_.args(inst);
  const auto results = function_.results(inst);
  const auto calls = function_.block_calls(inst);
  Step step;
  step.inst = inst.index;
  step.opcode = data.opcode;
  step.code = data.code;
  step.imm = data.imm;
  if (!all_have_slots(inst)) return unsupported(inst, step);
  if (is_scalar_operation(data.opcode)) return decode_scalar(inst, step);
  if (!results.empty()) step.d = slot(results[0]);
  if (!args.empty()) step.a = slot(args[0]);

  switch (data.opcode) {
    case Opcode::kIconst:
      step.imm = truncate(data.imm, type(results[0]).bits());
      [[fallthrough]];
    case Opcode::kF16const:
    case Opcode::kF32const:
    case Opcode::kF64const:
      step.kind = StepKind::kConstant;
      break;
    case Opcode::kBitcast:
      if (type(args[0]).is_lane() && type(results[0]).is_lane()) {
        step.kind = slots_of(type(args[0])) == 1 ? StepKind::kCopy : StepKind::kWideCopy;
        break;
      }
      return unsupported(inst, step);

    case Opcode::kLoad:
    case Opcode::kStore:
    case Opcode::kUload8:
    case Opcode::kUload16:
    case Opcode::kUload32:
    case Opcode::kSload8:
    case Opcode::kSload16:
    case Opcode::kSload32:
    case Opcode::kIstore8:
    case Opcode::kIstore16:
    case Opcode::kIstore32:
      return decode_memory(inst, step);

    case Opcode::kStackAddr:
      program_.sees_addresses_ = true;
      step.kind = StepKind::kStackAddress;
      step.b = data.entity;
      step.imm = static_cast<uint64_t>(int64_t{data.offset()});
      step.result_bits = static_cast<uint8_t>(type(results[0]).bits());
      break;
    case Opcode::kFuncAddr:
      program_.sees_addresses_ = true;
      step.kind = StepKind::kFunctionAddress;
      step.b = data.entity;
      step.result_bits = static_cast<uint8_t>(type(results[0]).bits());
      break;
    case Opcode::kGetPinnedReg:
      step.kind = StepKind::kGetPinned;
      break;
    case Opcode::kSetPinnedReg:
      step.kind = StepKind::kSetPinned;
      break;
    case Opcode::kNop:
    case Opcode::kFence:
    case Opcode::kSequencePoint:
      step.kind = StepKind::kNop;
      break;

    case Opcode::kJump:
      step.kind = StepKind::kJump;
      step.b = edge(calls[0]);
      break;
    case Opcode::kBrif:
      if (!is_narrow_int(type(args[0]))) return unsupported(inst, step);
      step.kind = StepKind::kBrif;
      step.b = edge(calls[0]);
      step.c = edge(calls[1]);
      break;
    case Opcode::kBrTable:
      step.kind = StepKind::kBrTable;
      step.b = edge(calls[0]);
      for (const ir::BlockCall& entry : calls.subspan(1)) edge(entry);
      step.c = static_cast<uint32_t>(calls.size() - 1);
      break;
    case Opcode::kTrap:
      step.kind = StepKind::kTrap;
      break;
    case Opcode::kTrapz:
    case Opcode::kTrapnz:
      if (!is_narrow_int(type(args[0]))) return unsupported(inst, step);
      step.kind = data.opcode == Opcode::kTrapz ? StepKind::kTrapUnless : StepKind::kTrapIf;
      break;
    case Opcode::kReturn:
      step.kind = StepKind::kReturn;
      std::tie(step.b, step.c) = slot_list(args);
      break;
    case Opcode::kCall:
    case Opcode::kCallIndirect:
    case Opcode::kReturnCall:
    case Opcode::kReturnCallIndirect:
      return decode_call(inst, step);
    default:
      return unsupported(inst, step);
  }
  push(step);
}

void Decoder::decode_scalar(ir::Inst inst, Step step) {
  const auto args = function_.args(inst);
  const auto results = function_.results(inst);
  bool bitwise = false;  // floats and short vectors are as good as integers
  switch (step.opcode) {
    case Opcode::kBand:
    case Opcode::kBor:
    case Opcode::kBxor:
    case Opcode::kBnot:
    case Opcode::kBitselect:
      bitwise = true;
      break;
    case Opcode::kSelect:
    case Opcode::kSelectSpectreGuard:
      if (!is_narrow_int(type(args[0]))) return unsupported(inst, step);
      bitwise = true;
      if (is_one_slot(type(args[1]))) break;
      step.kind = StepKind::kWideSelect;
      step.d = slot(results[0]);
      step.a = slot(args[0]);
      step.b = slot(args[1]);
      step.c = slot(args[2]);
      return push(step);
    default:
      break;
  }
  const bool shifts = step.opcode == Opcode::kIshl || step.opcode == Opcode::kUshr || step.opcode == Opcode::kSshr ||
                      step.opcode == Opcode::kRotl || step.opcode == Opcode::kRotr;
  for (ir::Value value : args) {
    // Of an amount only the low bits count, so its low slot is enough.
    if (shifts && value == args[1] && type(value).is_int() && is_narrow_int(type(args[0]))) continue;
    if (!(bitwise ? is_one_slot(type(value)) : is_narrow_int(type(value)))) return unsupported(inst, step);
  }
  for (ir::Value value : results) {
    if (!(bitwise ? is_one_slot(type(value)) : is_narrow_int(type(value)))) return unsupported(inst, step);
  }
  step.kind = StepKind::kScalar;
  step.bits = static_cast<uint8_t>(type(args[0]).bits());
  step.result_bits = static_cast<uint8_t>(type(results[0]).bits());
  step.d = slot(results[0]);
  step.e = results.size() > 1 ? slot(results[1]) : kNoSlot;
  step.a = slot(args[0]);
  step.b = args.size() > 1 ? slot(args[1]) : step.a;
  step.c = args.size() > 2 ? slot(args[2]) : step.a;
  push(step);
}

void Decoder::decode_memory(ir::Inst inst, Step step) {
  const ir::InstData& data = function_.inst(inst);
  const auto args = function_.args(inst);
  const bool is_load = function_.has_results(inst);
  const Type value_type = is_load ? type(function_.result(inst)) : type(args[0]);
  unsigned bits = value_type.bits();
  switch (data.opcode) {
    case Opcode::kSload8:
      step.sign = true;
      [[fallthrough]];
    case Opcode::kUload8:
    case Opcode::kIstore8:
      bits = 8;
      break;
    case Opcode::kSload16:
      step.sign = true;
      [[fallthrough]];
    case Opcode::kUload16:
    case Opcode::kIstore16:
      bits = 16;
      break;
    case Opcode::kSload32:
      step.sign = true;
      [[fallthrough]];
    case Opcode::kUload32:
    case Opcode::kIstore32:
      bits = 32;
      break;
    default:
      break;
  }
  // The lanes of a vector in memory are a question of their own.
  if (!value_type.is_lane()) return unsupported(inst, step);
  step.kind = is_load ? (bits == 128 ? StepKind::kWideLoad : StepKind::kLoad)
                      : (bits == 128 ? StepKind::kWideStore : StepKind::kStore);
  step.bits = static_cast<uint8_t>(bits);
  step.result_bits = static_cast<uint8_t>(value_type.bits());
  step.code = data.flags.trap_code().code;
  step.aligned = data.flags.aligned();
  step.order = static_cast<uint8_t>(data.flags.endianness());
  if (bits > 8 && data.flags.endianness() == ir::Endianness::kNative) program_.depends_on_byte_order_ = true;
  step.imm = static_cast<uint64_t>(int64_t{data.offset()});
  if (is_load) {
    step.d = slot(function_.result(inst));
    step.b = slot(args[0]);
  } else {
    step.a = slot(args[0]);
    step.b = slot(args[1]);
  }
  push(step);
}

void Decoder::decode_call(ir::Inst inst, Step step) {
  const ir::InstData& data = function_.inst(inst);
  auto args = function_.args(inst);
  const bool indirect = data.opcode == Opcode::kCallIndirect || data.opcode == Opcode::kReturnCallIndirect;
  const bool tail = data.opcode == Opcode::kReturnCall || data.opcode == Opcode::kReturnCallIndirect;
  if (indirect) {
    step.a = slot(args[0]);
    args = args.subspan(1);
  } else {
    step.b = data.entity;
  }
  step.kind = indirect ? (tail ? StepKind::kTailCallIndirect : StepKind::kCallIndirect)
                       : (tail ? StepKind::kTailCall : StepKind::kCall);
  CallSite site;
  std::tie(site.args_begin, site.args_count) = slot_list(args);
  std::tie(site.results_begin, site.results_count) = slot_list(function_.results(inst));
  site.signature = program_.signature_number(function_.signatures[function_.call_signature(inst)]);
  step.c = static_cast<uint32_t>(out_.calls.size());
  out_.calls.push_back(site);
  push(step);
}

void Program::clear() {
  for (size_t i = 0; i < count_; ++i) {
    DecodedFunction& f = functions_[i];
    f.params.clear();
    f.returns.clear();
    f.param_slots.clear();
    f.slots = 0;
    f.stack_slots.clear();
    f.steps.clear();
    f.edges.clear();
    f.moves.clear();
    f.slot_lists.clear();
    f.calls.clear();
    f.messages.clear();
    f.callees.clear();
    f.callee_names.clear();
    f.callee_signatures.clear();
  }
  count_ = 0;
  host_functions_.clear();
  signatures_.clear();
  by_name_.clear();
  by_signature_.clear();
  depends_on_byte_order_ = false;
  sees_addresses_ = false;
}

uint32_t Program::signature_number(const ir::Signature& signature) {
  // Few in practice: look through them before spelling one out.
  constexpr size_t kFew = 8;
  if (signatures_.size() <= kFew) {
    for (size_t i = 0; i < signatures_.size(); ++i) {
      if (signatures_[i] == signature) return static_cast<uint32_t>(i);
    }
  }
  if (signatures_.size() < kFew) {
    signatures_.push_back(signature);
    return static_cast<uint32_t>(signatures_.size() - 1);
  }
  if (by_signature_.empty()) {
    for (size_t i = 0; i < signatures_.size(); ++i) {
      by_signature_.emplace(ir::to_string(signatures_[i]), static_cast<uint32_t>(i));
    }
  }
  const auto [entry, added] =
      by_signature_.emplace(ir::to_string(signature), static_cast<uint32_t>(signatures_.size()));
  if (added) signatures_.push_back(signature);
  return entry->second;
}

uint32_t Program::add(const ir::Function& function) {
  if (count_ == functions_.size()) functions_.emplace_back();
  DecodedFunction& decoded = functions_[count_];
  Decoder(*this, function, decoded).run();
  return static_cast<uint32_t>(count_++);
}

void Program::link() {
  by_name_.clear();
  for (size_t i = 0; i < count_; ++i) by_name_.emplace(functions_[i].name, static_cast<uint32_t>(i));
  for (size_t i = 0; i < count_; ++i) {
    DecodedFunction& f = functions_[i];
    for (size_t n = 0; n < f.callees.size(); ++n) {
      f.callees[n] = find(f.callee_names[n]);
      if (f.callees[n] == kNoFunction) f.callees[n] = link_host(f.callee_names[n], f.callee_signatures[n]);
    }
  }
}

uint32_t Program::link_host(const std::string& name, uint32_t signature) {
  if (!is_host_name(name)) return kNoFunction;
  uint32_t number = 0;
  while (number < host_functions_.size() && host_functions_[number].name != name) ++number;
  if (number == host_functions_.size()) {
    HostFunction host{.name = name, .signature = signature, .result_bits = {}};
    const auto fits = [](const ir::AbiParam& param) { return param.type.is_int() && param.type.bits() <= 64; };
    const ir::Signature& types = signatures_[signature];
    if (!std::all_of(types.params.begin(), types.params.end(), fits)) return kNoFunction;
    if (!std::all_of(types.returns.begin(), types.returns.end(), fits)) return kNoFunction;
    for (const ir::AbiParam& param : types.returns) host.result_bits.push_back(static_cast<uint8_t>(param.type.bits()));
    host_functions_.push_back(std::move(host));
  }
  return static_cast<uint32_t>(count_) + number;
}

uint32_t Program::find(const std::string& name) const {
  const auto entry = by_name_.find(name);
  return entry == by_name_.end() ? kNoFunction : entry->second;
}

}  // namespace assay::interpreter
