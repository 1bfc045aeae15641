// See function.h.
#include "compiler/ir/function.h"

#include <algorithm>
#include <bit>

namespace assay::ir {

void Function::clear() {
  name = {};
  signature.params.clear();
  signature.returns.clear();
  signature.call_conv = CallConv::kFast;
  stack_slots.clear();
  dynamic_stack_slots.clear();
  dynamic_types.clear();
  global_values.clear();
  signatures.clear();
  functions.clear();
  constants.clear();
  regions.clear();
  immediates.clear();
  exception_tables.clear();
  stack_limit = GlobalValue();
  insts_.clear();
  links_.clear();
  values_.clear();
  blocks_.clear();
  value_lists_.clear();
  block_args_.clear();
  calls_.clear();
  first_block_ = last_block_ = Block();
  locations_.clear();
  debug_tags_.clear();
  stack_maps_.clear();
  handler_addresses_.clear();
  constant_index_.clear();
  indexed_constants_ = 0;
}

Constant Function::add_constant(std::span<const uint8_t> bytes) {
  // The index covers constants[0, constant_index_.size()) unless someone declared constants directly: catch up first.
  if (indexed_constants_ > constants.size()) {
    constant_index_.clear();
    indexed_constants_ = 0;
  }
  const auto key = [](std::span<const uint8_t> b) { return std::string(b.begin(), b.end()); };
  for (; indexed_constants_ < constants.size(); ++indexed_constants_) {
    const Constant c(static_cast<uint32_t>(indexed_constants_));
    if (constants[c].declared) constant_index_.emplace(key(constants[c].bytes), c);
  }
  const auto [entry, is_new] = constant_index_.emplace(key(bytes), Constant());
  if (is_new) {
    ConstantData data;
    data.bytes.assign(bytes.begin(), bytes.end());
    entry->second = constants.push(std::move(data));
    ++indexed_constants_;
  }
  return entry->second;
}

// ---- instructions ----

SigRef Function::call_signature(Inst i) const {
  const InstData& data = insts_[i];
  switch (info(i).format) {
    case Format::kCall:
      return functions.contains(data.func_ref()) ? functions[data.func_ref()].signature : SigRef();
    case Format::kCallIndirect:
      return data.sig_ref();
    case Format::kTryCall:
    case Format::kTryCallIndirect:
      return exception_table(i).signature;
    default:
      return SigRef();
  }
}

Inst Function::make_inst(const InstData& data) {
  const Inst i = insts_.push(data);
  insts_[i].results = {};
  links_.push({});
  note_handler_address(i);
  return i;
}

Inst Function::copy_inst(Inst i) {
  InstData data = insts_[i];
  const std::vector<Value> operands(args(i).begin(), args(i).end());
  data.args = make_values(operands);
  std::vector<BlockCall> calls(block_calls(i).begin(), block_calls(i).end());
  for (BlockCall& call : calls) {
    const std::vector<BlockArg> passed(args(call).begin(), args(call).end());
    call = make_block_call(call.block, passed);
  }
  data.calls = make_calls(calls);
  if (info(i).format == Format::kTryCall || info(i).format == Format::kTryCallIndirect) {
    data.imm = exception_tables.push(ExceptionTableData(exception_tables[data.exception_table()])).index;
  }
  return make_inst(data);
}

Slice Function::make_values(std::span<const Value> values) {
  const Slice slice{static_cast<uint32_t>(value_lists_.size()), static_cast<uint32_t>(values.size())};
  value_lists_.insert(value_lists_.end(), values.begin(), values.end());
  return slice;
}

Slice Function::make_block_args(std::span<const BlockArg> args) {
  const Slice slice{static_cast<uint32_t>(block_args_.size()), static_cast<uint32_t>(args.size())};
  block_args_.insert(block_args_.end(), args.begin(), args.end());
  return slice;
}

BlockCall Function::make_block_call(Block block, std::span<const BlockArg> args) {
  return {block, make_block_args(args)};
}

BlockCall Function::make_block_call(Block block, std::span<const Value> args) {
  const Slice slice{static_cast<uint32_t>(block_args_.size()), static_cast<uint32_t>(args.size())};
  block_args_.insert(block_args_.end(), args.begin(), args.end());
  return {block, slice};
}

Slice Function::make_calls(std::span<const BlockCall> calls) {
  const Slice slice{static_cast<uint32_t>(calls_.size()), static_cast<uint32_t>(calls.size())};
  calls_.insert(calls_.end(), calls.begin(), calls.end());
  return slice;
}

// Lists grow by doubling: a list of n values owns bit_ceil(n) places.
void Function::push_value(Slice& list, Value v) {
  if (list.count == 0 || std::has_single_bit(list.count)) {
    const uint32_t begin = static_cast<uint32_t>(value_lists_.size());
    value_lists_.resize(begin + std::bit_ceil(list.count + 1));
    std::copy_n(value_lists_.begin() + list.begin, list.count, value_lists_.begin() + begin);
    list.begin = begin;
  }
  value_lists_[list.begin + list.count++] = v;
}

void Function::make_results(Inst i) {
  const OperationInfo& op = info(i);
  if (op.variable_results) {
    const SigRef sig = call_signature(i);
    if (!signatures.contains(sig)) return;
    const size_t count = signatures[sig].returns.size();
    for (size_t n = 0; n < count; ++n) append_result(i, signatures[sig].returns[n].type);
    return;
  }
  for (const OperandInfo& result : op.results) append_result(i, result.type.resolve(insts_[i].type));
}

Value Function::append_result(Inst i, Type type) {
  const Value v = make_undefined_value();
  attach_result(i, v, type);
  return v;
}

void Function::attach_result(Inst i, Value value, Type type) {
  assert(value_kind(value) == ValueKind::kUndefined);
  Slice& list = insts_[i].results;
  values_[value] = {type, static_cast<uint8_t>(ValueKind::kResult), list.count, i.index};
  push_value(list, value);
}

void Function::set_results(Inst i, std::span<const Value> values, std::span<const Type> types) {
  assert(values.size() == types.size());
  const std::vector<Value> copy(values.begin(), values.end());  // may alias the list that is taken away
  detach_results(i);
  for (size_t n = 0; n < copy.size(); ++n) attach_result(i, copy[n], types[n]);
}

void Function::detach_results(Inst i) {
  for (Value v : results(i)) {
    if (value_kind(v) == ValueKind::kResult && values_[v].source == i.index) {
      values_[v].kind = static_cast<uint8_t>(ValueKind::kUndefined);
    }
  }
  insts_[i].results = {};
}

void Function::replace_inst(Inst i, const InstData& data) {
  const Slice results = insts_[i].results;
  insts_[i] = data;
  insts_[i].results = results;
  note_handler_address(i);
}

// ---- values ----

ValueDef Function::value_def(Value v) const {
  const ValueData& data = values_[v];
  ValueDef def;
  def.kind = static_cast<ValueKind>(data.kind);
  def.number = def.kind == ValueKind::kAlias ? 0 : data.number;
  switch (def.kind) {
    case ValueKind::kUndefined:
      break;
    case ValueKind::kResult:
      def.inst = Inst(data.source);
      break;
    case ValueKind::kParam:
      def.block = Block(data.source);
      break;
    case ValueKind::kAlias:
      def.original = Value(data.source);
      break;
  }
  return def;
}

Value Function::resolve_alias(Value v) const {
  for (size_t steps = values_.size(); steps > 0 && is_alias(v); --steps) v = Value(values_[v].number);
  return v;
}

Value Function::make_undefined_value() { return values_.push({}); }

void Function::make_alias(Value alias, Value original) {
  const Value end = resolve(original);
  assert(end != alias);
  values_[alias] = {values_[end].type, static_cast<uint8_t>(ValueKind::kAlias), end.index, original.index};
}

void Function::resolve_all_aliases() {
  // Shorten every chain to one step first, so that long chains stay linear.
  std::vector<Value> chain;
  for (uint32_t n = 0; n < values_.size(); ++n) {
    Value v(n);
    if (!is_alias(v)) continue;
    chain.clear();
    while (is_alias(v) && chain.size() <= values_.size()) {
      chain.push_back(v);
      v = Value(values_[v].number);
    }
    for (Value link : chain) {
      values_[link].number = v.index;
      values_[link].type = values_[v].type;
    }
  }
  for (uint32_t n = 0; n < insts_.size(); ++n) {
    const Inst i(n);
    if (inst_block(i).is_none()) continue;
    for_each_use_mutable(i, [this](Value& v) { v = resolve(v); });
  }
}

// ---- blocks ----

Block Function::make_block() { return blocks_.push({}); }

Value Function::append_block_param(Block b, Type type) {
  const Value v = make_undefined_value();
  attach_block_param(b, v, type);
  return v;
}

void Function::attach_block_param(Block b, Value value, Type type) {
  assert(value_kind(value) == ValueKind::kUndefined);
  Slice& list = blocks_[b].params;
  values_[value] = {type, static_cast<uint8_t>(ValueKind::kParam), list.count, b.index};
  push_value(list, value);
}

void Function::remove_block_param(Block b, unsigned n) {
  Slice& list = blocks_[b].params;
  assert(n < list.count);
  const std::vector<Value> params(block_params(b).begin(), block_params(b).end());
  values_[params[n]].kind = static_cast<uint8_t>(ValueKind::kUndefined);
  list = {};
  for (unsigned k = 0; k < params.size(); ++k) {
    if (k == n) continue;
    values_[params[k]].number = list.count;
    push_value(list, params[k]);
  }
}

// ---- layout ----

void Function::append_block(Block b) {
  BlockData& data = blocks_[b];
  assert(!data.inserted);
  data.inserted = true;
  data.prev = last_block_;
  data.next = Block();
  (last_block_.is_none() ? first_block_ : blocks_[last_block_].next) = b;
  last_block_ = b;
}

void Function::insert_block_before(Block b, Block before) {
  BlockData& data = blocks_[b];
  assert(!data.inserted && blocks_[before].inserted);
  data.inserted = true;
  data.next = before;
  data.prev = blocks_[before].prev;
  (data.prev.is_none() ? first_block_ : blocks_[data.prev].next) = b;
  blocks_[before].prev = b;
}

void Function::insert_block_after(Block b, Block after) {
  const Block next = blocks_[after].next;
  if (next.is_none()) {
    append_block(b);
  } else {
    insert_block_before(b, next);
  }
}

void Function::remove_block(Block b) {
  BlockData& data = blocks_[b];
  assert(data.inserted);
  for (Inst i = data.first_inst; !i.is_none();) {
    const Inst next = next_inst(i);
    links_[i] = {};
    i = next;
  }
  (data.prev.is_none() ? first_block_ : blocks_[data.prev].next) = data.next;
  (data.next.is_none() ? last_block_ : blocks_[data.next].prev) = data.prev;
  data.first_inst = data.last_inst = Inst();
  data.prev = data.next = Block();
  data.inserted = false;
}

void Function::append_inst(Inst i, Block b) {
  assert(inst_block(i).is_none());
  BlockData& data = blocks_[b];
  links_[i] = {data.last_inst, Inst(), b};
  (data.last_inst.is_none() ? data.first_inst : links_[data.last_inst].next) = i;
  data.last_inst = i;
}

void Function::insert_inst_before(Inst i, Inst before) {
  assert(inst_block(i).is_none() && !inst_block(before).is_none());
  const Block b = inst_block(before);
  const Inst prev = prev_inst(before);
  links_[i] = {prev, before, b};
  (prev.is_none() ? blocks_[b].first_inst : links_[prev].next) = i;
  links_[before].prev = i;
}

void Function::insert_inst_after(Inst i, Inst after) {
  const Inst next = next_inst(after);
  if (next.is_none()) {
    append_inst(i, inst_block(after));
  } else {
    insert_inst_before(i, next);
  }
}

void Function::remove_inst(Inst i) {
  const InstLinks links = links_[i];
  assert(!links.block.is_none());
  (links.prev.is_none() ? blocks_[links.block].first_inst : links_[links.prev].next) = links.next;
  (links.next.is_none() ? blocks_[links.block].last_inst : links_[links.next].prev) = links.prev;
  links_[i] = {};
}

void Function::move_tail(Inst first, Block to) {
  if (first.is_none()) return;
  const Block from = inst_block(first);
  for (Inst i = first; !i.is_none();) {
    const Inst next = next_inst(i);
    remove_inst(i);
    append_inst(i, to);
    i = next;
  }
  auto node = handler_addresses_.extract(from);
  if (node.empty()) return;
  for (const Inst i : node.mapped()) {
    InstData& data = insts_[i];
    if (data.opcode != Opcode::kGetExceptionHandlerAddress || data.raw_block() != from) continue;
    data.entity = to.index;
    note_handler_address(i);
  }
}

void Function::note_handler_address(Inst i) {
  const InstData& data = insts_[i];
  if (data.opcode == Opcode::kGetExceptionHandlerAddress) handler_addresses_[data.raw_block()].push_back(i);
}

std::span<const Inst> Function::handler_addresses(Block b) const {
  const auto found = handler_addresses_.find(b);
  return found == handler_addresses_.end() ? std::span<const Inst>() : std::span<const Inst>(found->second);
}

// ---- side tables ----

void Function::set_source_location(Inst i, uint32_t location) {
  if (i.index >= locations_.size()) {
    if (location == kNoSourceLocation) return;
    locations_.resize(std::max<size_t>(i.index + 1, insts_.size()), kNoSourceLocation);
  }
  locations_[i.index] = location;
}

std::span<const DebugTag> Function::debug_tags(Inst i) const {
  if (debug_tags_.empty()) return {};
  const auto found = debug_tags_.find(i);
  return found == debug_tags_.end() ? std::span<const DebugTag>() : std::span<const DebugTag>(found->second);
}

void Function::set_debug_tags(Inst i, std::vector<DebugTag> tags) {
  if (tags.empty()) {
    debug_tags_.erase(i);
  } else {
    debug_tags_[i] = std::move(tags);
  }
}

std::span<const StackMapEntry> Function::stack_map(Inst i) const {
  if (stack_maps_.empty()) return {};
  const auto found = stack_maps_.find(i);
  return found == stack_maps_.end() ? std::span<const StackMapEntry>() : std::span<const StackMapEntry>(found->second);
}

void Function::set_stack_map(Inst i, std::vector<StackMapEntry> entries) {
  if (entries.empty()) {
    stack_maps_.erase(i);
  } else {
    stack_maps_[i] = std::move(entries);
  }
}

}  // namespace assay::ir
