// See program.h.
#include "interpreter/program.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "interpreter/float.h"
#include "interpreter/library.h"

namespace assay::interpreter {

namespace {

using ir::Opcode;
using ir::Type;

// 0: values of this type have no slots.
unsigned slots_of(Type type) {
  if (!type.is_valid() || type.is_dynamic_vector() || type.bits() > 128) return 0;
  return type.bits() <= 64 ? 1 : 2;
}

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
  void decode_value_operation(ir::Inst inst, Step step);
  void decode_memory(ir::Inst inst, Step step);
  void decode_atomic(ir::Inst inst, Step step);
  void decode_call(ir::Inst inst, Step step);
  void decode_try_call(ir::Inst inst, CallSite& site);
  void decode_stack_limit();
  // `site` is for edges of try_calls.
  uint32_t edge(const ir::BlockCall& call, const CallSite* site = nullptr);
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
  std::vector<uint32_t> slots_;         // by value: its first slot
  std::vector<uint32_t> block_start_;   // by block: its first step
  std::vector<uint32_t> first_place_;   // by block: that of its try_call's handlers
  std::vector<uint32_t> result_slots_;  // by result of the try_call that is being decoded
  ir::Value without_slot_;              // a parameter of a block that has no slots, if any
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
    out_.stack_slots.push_back({slot.size, uint64_t{1} << std::min<unsigned>(slot.align_log2, 16)});
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

  if (!function_.stack_limit.is_none()) decode_stack_limit();
  block_start_.assign(function_.block_count(), 0);
  first_place_.assign(function_.block_count(), 0);
  for (ir::Block block : function_.blocks()) {
    block_start_[block.index] = static_cast<uint32_t>(out_.steps.size());
    for (ir::Inst inst : function_.insts(block)) decode(inst);
  }
  // Edges hold block numbers until here.
  for (Edge& edge : out_.edges) edge.target = block_start_[edge.target];
  // So do the addresses of handlers.
  for (Step& step : out_.steps) {
    if (step.kind == StepKind::kHandlerAddress) step.b = first_place_[step.b] + static_cast<uint32_t>(step.imm);
  }
}

uint32_t Decoder::edge(const ir::BlockCall& call, const CallSite* site) {
  Edge edge;
  edge.target = call.block.index;
  edge.moves_begin = static_cast<uint32_t>(out_.moves.size());
  const auto params = function_.block_params(call.block);
  const auto args = function_.args(call);
  for (size_t i = 0; i < args.size() && i < params.size(); ++i) {
    uint32_t from = 0;
    if (args[i].is_value()) {
      from = slot(args[i].value());
    } else if (args[i].is_ret()) {
      from = result_slots_[args[i].index()];
    } else {
      from = site->payload + args[i].index();
    }
    const uint32_t to = slot(params[i]);
    for (unsigned n = 0; n < slots_of(type(params[i])); ++n) {
      if (from != to) out_.moves.push_back({from + n, to + n});
    }
  }
  edge.moves_count = static_cast<uint32_t>(out_.moves.size()) - edge.moves_begin;
  out_.edges.push_back(edge);
  return static_cast<uint32_t>(out_.edges.size() - 1);
}

// The limit is a global value: the vmctx parameter, loads from it and sums.
void Decoder::decode_stack_limit() {
  program_.sees_addresses_ = true;
  Step step;
  step.inst = ir::Inst::kNone;
  std::vector<ir::GlobalValue> chain = {function_.stack_limit};
  using Kind = ir::GlobalValueData::Kind;
  for (;;) {
    const ir::GlobalValueData& data = function_.global_values[chain.back()];
    if (data.kind != Kind::kLoad && data.kind != Kind::kIaddImm) break;
    if (chain.size() > function_.global_values.size()) break;  // the verifier allows no cycles
    chain.push_back(data.base);
  }
  const auto& params = function_.signature.params;
  const auto vmctx = std::find_if(params.begin(), params.end(),
                                  [](const ir::AbiParam& p) { return p.purpose == ir::Purpose::kVMContext; });
  if (function_.global_values[chain.back()].kind != Kind::kVMContext || vmctx == params.end()) {
    return unsupported(ir::Inst(), step, "stack limit that is not computed from vmctx");
  }
  uint32_t value = out_.param_slots[static_cast<size_t>(vmctx - params.begin())];
  chain.pop_back();
  for (; !chain.empty(); chain.pop_back()) {
    const ir::GlobalValueData& data = function_.global_values[chain.back()];
    Step next = step;
    next.imm = static_cast<uint64_t>(data.offset);
    next.bits = next.result_bits = static_cast<uint8_t>(data.type.bits());
    next.d = out_.slots++;
    if (data.kind == Kind::kLoad) {
      next.kind = StepKind::kLoad;
      next.b = value;
      next.code = data.flags.trap_code().code;
      next.order = static_cast<uint8_t>(data.flags.endianness());
      if (data.flags.endianness() == ir::Endianness::kNative) program_.depends_on_byte_order_ = true;
    } else {
      Step constant = next;
      constant.kind = StepKind::kConstant;
      constant.d = out_.slots++;
      push(constant);
      next.kind = StepKind::kScalar;
      next.opcode = Opcode::kIadd;
      next.a = next.c = value;
      next.b = constant.d;
      next.e = kNoSlot;
    }
    push(next);
    value = next.d;
  }
  step.kind = StepKind::kStackLimit;
  step.code = ir::kStackOverflow.code;
  step.a = value;
  push(step);
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
  if (is_scalar_operation(data.opcode) || is_float_operation(data.opcode)) return decode_value_operation(inst, step);
  if (!results.empty()) {
    step.d = slot(results[0]);
    step.result_bits = static_cast<uint8_t>(type(results[0]).bits());
  }
  if (!args.empty()) {
    step.a = slot(args[0]);
    step.e = step.a + slots_of(type(args[0])) - 1;
  }

  switch (data.opcode) {
    case Opcode::kIconst:
      step.imm = truncate(data.imm, type(results[0]).bits());
      [[fallthrough]];
    case Opcode::kF16const:
    case Opcode::kF32const:
    case Opcode::kF64const:
      step.kind = StepKind::kConstant;
      break;
    case Opcode::kF128const: {
      uint64_t words[2] = {};
      const std::vector<uint8_t>& bytes = function_.constants[data.constant()].bytes;
      for (size_t i = 0; i < bytes.size() && i < 16; ++i) words[i / 8] |= uint64_t{bytes[i]} << (i % 8 * 8);
      step.kind = StepKind::kWideConstant;
      step.imm = words[0];
      step.b = static_cast<uint32_t>(words[1]);
      step.c = static_cast<uint32_t>(words[1] >> 32);
      break;
    }
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
    case Opcode::kAtomicLoad:
    case Opcode::kAtomicStore:
      return decode_memory(inst, step);
    case Opcode::kAtomicRmw:
    case Opcode::kAtomicCas:
      return decode_atomic(inst, step);

    case Opcode::kStackAddr:
      program_.sees_addresses_ = true;
      step.kind = StepKind::kStackAddress;
      step.b = data.entity;
      step.imm = static_cast<uint64_t>(int64_t{data.offset()});
      break;
    case Opcode::kFuncAddr:
      program_.sees_addresses_ = true;
      step.kind = StepKind::kFunctionAddress;
      step.b = data.entity;
      break;
    case Opcode::kTlsValue: {
      const ir::GlobalValueData& symbol = function_.global_values[data.global_value()];
      step.kind = StepKind::kThreadLocal;
      step.imm = thread_local_place(ir::to_string(symbol.name)) + static_cast<uint64_t>(symbol.offset);
      break;
    }
    case Opcode::kSymbolValue: {
      const ir::GlobalValueData& symbol = function_.global_values[data.global_value()];
      program_.sees_addresses_ = true;
      step.kind = StepKind::kSymbolAddress;
      step.b = program_.symbol_number(ir::to_string(symbol.name));
      step.imm = static_cast<uint64_t>(symbol.offset);
      break;
    }
    case Opcode::kGetFramePointer:
    case Opcode::kGetStackPointer:  // a frame has no size here
    case Opcode::kGetReturnAddress:
      program_.sees_addresses_ = true;
      step.opcode = data.opcode;
      step.kind = data.opcode == Opcode::kGetReturnAddress ? StepKind::kReturnAddress : StepKind::kFramePointer;
      break;
    case Opcode::kGetExceptionHandlerAddress:
      program_.sees_addresses_ = true;
      step.kind = StepKind::kHandlerAddress;
      step.b = data.raw_block().index;
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
    case Opcode::kTryCall:
    case Opcode::kTryCallIndirect:
      return decode_call(inst, step);
    default:
      return unsupported(inst, step);
  }
  push(step);
}

void Decoder::decode_value_operation(ir::Inst inst, Step step) {
  const auto args = function_.args(inst);
  const auto results = function_.results(inst);
  bool bitwise = false;  // short vectors are as good as integers
  switch (step.opcode) {
    case Opcode::kBand:
    case Opcode::kBor:
    case Opcode::kBxor:
    case Opcode::kBnot:
    case Opcode::kBitselect:
      bitwise = type(args[0]).bits() <= 64;
      break;
    case Opcode::kSelect:
    case Opcode::kSelectSpectreGuard:
      bitwise = true;
      break;
    default:
      break;
  }
  const bool shifts = step.opcode == Opcode::kIshl || step.opcode == Opcode::kUshr || step.opcode == Opcode::kSshr ||
                      step.opcode == Opcode::kRotl || step.opcode == Opcode::kRotr;
  step.imm = 0;
  for (size_t i = 0; i < args.size(); ++i) {
    if (!bitwise && !type(args[i]).is_lane()) return unsupported(inst, step);
    // Of an amount only the low bits count, so its low slot is enough.
    if (slots_of(type(args[i])) == 2 && !(shifts && i == 1)) step.imm |= kWideA << i;
  }
  for (size_t i = 0; i < results.size(); ++i) {
    if (!bitwise && !type(results[i]).is_lane()) return unsupported(inst, step);
    if (slots_of(type(results[i])) == 2) step.imm |= kWideD << i;
  }
  step.bits = static_cast<uint8_t>(type(args[0]).bits());
  step.result_bits = static_cast<uint8_t>(type(results[0]).bits());
  step.d = slot(results[0]);
  step.e = results.size() > 1 ? slot(results[1]) : kNoSlot;
  step.a = slot(args[0]);
  step.b = args.size() > 1 ? slot(args[1]) : step.a;
  step.c = args.size() > 2 ? slot(args[2]) : step.a;
  const bool select = step.opcode == Opcode::kSelect || step.opcode == Opcode::kSelectSpectreGuard;
  if (select && step.imm == (kWideB | kWideC | kWideD)) {
    step.kind = StepKind::kWideSelect;
  } else if (step.imm != 0) {
    step.kind = StepKind::kWide;
  } else {
    step.kind = is_float_operation(step.opcode) ? StepKind::kFloat : StepKind::kScalar;
  }
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
  if (const ir::AliasRegion region = data.flags.region(); !region.is_none()) {
    step.region = static_cast<uint16_t>(region.index + 1);
  }
  if (bits > 8 && data.flags.endianness() == ir::Endianness::kNative) program_.depends_on_byte_order_ = true;
  step.imm = static_cast<uint64_t>(int64_t{data.offset()});
  if (data.opcode == Opcode::kAtomicLoad || data.opcode == Opcode::kAtomicStore) {
    step.imm = 0;
    step.aligned = true;  // where machines disagree
  }
  if (is_load) {
    step.d = slot(function_.result(inst));
    step.b = slot(args[0]);
  } else {
    step.a = slot(args[0]);
    step.b = slot(args[1]);
  }
  push(step);
}

void Decoder::decode_atomic(ir::Inst inst, Step step) {
  const ir::InstData& data = function_.inst(inst);
  const auto args = function_.args(inst);
  const Type value_type = type(function_.result(inst));
  const bool cas = data.opcode == Opcode::kAtomicCas;
  step.kind = cas ? StepKind::kAtomicCas : StepKind::kAtomicRmw;
  step.bits = step.result_bits = static_cast<uint8_t>(value_type.bits());
  step.sign = false;
  step.aligned = true;
  step.order = static_cast<uint8_t>(data.flags.endianness());
  if (step.bits > 8 && data.flags.endianness() == ir::Endianness::kNative) program_.depends_on_byte_order_ = true;
  step.imm = cas ? 0 : data.code;
  step.code = data.flags.trap_code().code;
  step.b = slot(args[0]);
  step.a = slot(args[cas ? 2 : 1]);
  step.c = slot(args[1]);
  push(step);
}

void Decoder::decode_call(ir::Inst inst, Step step) {
  const ir::InstData& data = function_.inst(inst);
  auto args = function_.args(inst);
  const bool tries = data.opcode == Opcode::kTryCall || data.opcode == Opcode::kTryCallIndirect;
  const bool indirect = data.opcode == Opcode::kCallIndirect || data.opcode == Opcode::kReturnCallIndirect ||
                        data.opcode == Opcode::kTryCallIndirect;
  const bool tail = data.opcode == Opcode::kReturnCall || data.opcode == Opcode::kReturnCallIndirect;
  if (indirect) {
    program_.sees_addresses_ = true;  // wherever it is from
    step.a = slot(args[0]);
    args = args.subspan(1);
  } else {
    step.b = data.entity;
  }
  step.kind = indirect ? (tail ? StepKind::kTailCallIndirect : StepKind::kCallIndirect)
                       : (tail ? StepKind::kTailCall : StepKind::kCall);
  if (tries) step.kind = indirect ? StepKind::kTryCallIndirect : StepKind::kTryCall;
  CallSite site;
  std::tie(site.args_begin, site.args_count) = slot_list(args);
  const ir::Signature& signature = function_.signatures[function_.call_signature(inst)];
  site.signature = program_.signature_number(signature);
  site.struct_arguments_begin = static_cast<uint32_t>(out_.struct_arguments.size());
  for (size_t i = 0; i < signature.params.size(); ++i) {
    const ir::AbiParam& param = signature.params[i];
    if (param.purpose != ir::Purpose::kStructArgument || param.struct_size == 0) continue;
    program_.sees_addresses_ = true;
    out_.struct_arguments.push_back({static_cast<uint32_t>(i), param.struct_size});
    ++site.struct_arguments_count;
  }
  if (tries) {
    for (const ir::AbiParam& result : signature.returns) {
      if (slots_of(result.type) == 0) return unsupported(inst, step);
    }
    decode_try_call(inst, site);
  } else {
    std::tie(site.results_begin, site.results_count) = slot_list(function_.results(inst));
  }
  step.c = static_cast<uint32_t>(out_.calls.size());
  out_.calls.push_back(site);
  push(step);
}

// Results and payload lie in slots of their own, from where the edges take them.
void Decoder::decode_try_call(ir::Inst inst, CallSite& site) {
  const ir::ExceptionTableData& table = function_.exception_table(inst);
  const auto calls = function_.block_calls(inst);
  result_slots_.clear();
  site.results_begin = static_cast<uint32_t>(out_.slot_lists.size());
  for (const ir::AbiParam& result : function_.signatures[table.signature].returns) {
    result_slots_.push_back(out_.slots);
    for (unsigned n = 0; n < slots_of(result.type); ++n) out_.slot_lists.push_back(out_.slots++);
  }
  site.results_count = static_cast<uint32_t>(out_.slot_lists.size()) - site.results_begin;
  site.payload = out_.slots;
  out_.slots += 2;
  site.normal_edge = edge(calls[0], &site);
  site.handlers_begin = static_cast<uint32_t>(out_.handlers.size());
  uint32_t& first_place = first_place_[function_.inst_block(inst).index];
  first_place = out_.places;
  out_.places += static_cast<uint32_t>(calls.size() - 1);
  ir::Value context;
  for (const ir::ExceptionItem& item : table.items) {
    if (item.kind == ir::ExceptionItem::Kind::kContext) {
      context = item.context;
      continue;
    }
    Handler handler{.tag = item.tag,
                    .any_tag = item.kind == ir::ExceptionItem::Kind::kDefault,
                    .edge = edge(calls[item.call_index], &site),
                    .place = first_place + item.call_index - 1};
    if (!context.is_none()) {
      handler.context = slot(context);
      handler.context_slots = slots_of(type(context));
    }
    out_.handlers.push_back(handler);
  }
  site.handlers_count = static_cast<uint32_t>(out_.handlers.size()) - site.handlers_begin;
}

void Program::clear() {
  for (size_t i = 0; i < count_; ++i) {
    DecodedFunction& f = functions_[i];
    f.params.clear();
    f.returns.clear();
    f.param_slots.clear();
    f.slots = f.places = 0;
    f.stack_slots.clear();
    f.steps.clear();
    f.edges.clear();
    f.moves.clear();
    f.slot_lists.clear();
    f.calls.clear();
    f.handlers.clear();
    f.struct_arguments.clear();
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
  symbols_.clear();
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

uint32_t Program::symbol_number(const std::string& name) {
  return symbols_.emplace(name, static_cast<uint32_t>(symbols_.size())).first->second;
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
  symbol_functions_.assign(symbols_.size(), kNoFunction);
  for (const auto& [name, number] : symbols_) symbol_functions_[number] = find(name);
  uint32_t steps = 0, places = 0;
  for (size_t i = 0; i < count_; ++i) {
    DecodedFunction& f = functions_[i];
    f.first_step = steps;
    steps += static_cast<uint32_t>(f.steps.size());
    f.first_place = places;
    places += f.places;
    for (size_t n = 0; n < f.callees.size(); ++n) {
      f.callees[n] = find(f.callee_names[n]);
      if (f.callees[n] != kNoFunction) continue;
      if (is_host_name(f.callee_names[n])) {
        f.callees[n] = link_host(f.callee_names[n], f.callee_signatures[n]);
      } else if (const auto routine = find_library_function(f.callee_names[n])) {
        f.callees[n] = kFirstLibraryFunction + static_cast<uint32_t>(*routine);
      }
    }
  }
}

uint32_t Program::link_host(const std::string& name, uint32_t signature) {
  if (!is_host_name(name)) return kNoFunction;
  uint32_t number = 0;
  while (number < host_functions_.size() && host_functions_[number].name != name) ++number;
  if (number == host_functions_.size()) {
    HostFunction host{.name = name, .signature = signature, .result_bits = {}};
    const auto fits = [](const ir::AbiParam& param) { return !param.type.is_vector() && param.type.bits() <= 128; };
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
