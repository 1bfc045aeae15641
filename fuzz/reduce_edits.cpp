// See reduce_edits.h.
#include "fuzz/reduce_edits.h"

#include <algorithm>

#include "compiler/ir/builder.h"
#include "compiler/ir/unreachable.h"
#include "compiler/ir/verifier.h"
#include "interpreter/interpreter.h"

namespace assay::fuzz {

using namespace ir;

unsigned count_instructions(const Case& test) {
  unsigned count = 0;
  for (const Function& f : test.functions) {
    for (Block block : f.blocks()) {
      for ([[maybe_unused]] Inst inst : f.insts(block)) ++count;
    }
  }
  return count;
}

bool is_plain_branch(const Function& f, Inst inst) {
  const Opcode opcode = f.inst(inst).opcode;
  return opcode == Opcode::kJump || opcode == Opcode::kBrif || opcode == Opcode::kBrTable;
}

namespace {

// By value: does it, over however many instructions and parameters of blocks, reach an effect or a branch?
std::vector<bool> find_live_values(Function& f) {
  struct Edge {
    Inst branch;
    uint32_t call;
  };
  std::vector<std::vector<Edge>> edges(f.block_count());  // by target
  std::vector<bool> live(f.value_count());
  std::vector<Value> work;
  const auto mark = [&](Value v) {
    if (live[v.index]) return;
    live[v.index] = true;
    work.push_back(v);
  };
  for (Block block : f.blocks()) {
    for (Inst inst : f.insts(block)) {
      const auto calls = f.block_calls(inst);
      for (uint32_t n = 0; n < calls.size(); ++n) edges[calls[n].block.index].push_back({inst, n});
      if (is_plain_branch(f, inst)) {
        for (Value v : f.args(inst)) mark(v);
      } else if (f.info(inst).is_terminator() || f.info(inst).effects != Effects{}) {
        f.for_each_use(inst, mark);
      }
    }
  }
  while (!work.empty()) {
    const ValueDef def = f.value_def(work.back());
    work.pop_back();
    if (def.kind == ValueKind::kResult) {
      f.for_each_use(def.inst, mark);
    } else if (def.kind == ValueKind::kParam) {
      for (const Edge& edge : edges[def.block.index]) {
        const BlockArg arg = f.args(f.block_calls(edge.branch)[edge.call])[def.number];
        if (arg.is_value()) mark(arg.value());
      }
    }
  }
  return live;
}

}  // namespace

void clean_up(Function& f) {
  f.resolve_all_aliases();
  ControlFlowGraph cfg;
  cfg.compute(f);
  ir::remove_unreachable_blocks(f, cfg);
  const std::vector<bool> live = find_live_values(f);
  const auto is_live = [&](Value v) { return live[v.index]; };
  for (Block block : f.blocks()) {
    for (Inst inst = f.last_inst(block); !inst.is_none();) {
      const Inst previous = f.prev_inst(inst);
      const OperationInfo& info = f.info(inst);
      const auto results = f.results(inst);
      const bool needed =
          info.is_terminator() || info.effects != Effects{} || std::any_of(results.begin(), results.end(), is_live);
      if (!needed) f.remove_inst(inst);
      inst = previous;
    }
  }
  std::vector<BlockArg> args;
  for (Block block : f.blocks()) {
    const Inst last = f.terminator(block);
    if (last.is_none()) continue;
    for (BlockCall& call : f.block_calls(last)) {
      if (call.block == f.entry_block()) continue;
      const auto params = f.block_params(call.block);
      args.clear();
      for (size_t n = 0; n < params.size(); ++n) {
        if (is_live(params[n])) args.push_back(f.args(call)[n]);
      }
      if (args.size() != params.size()) call.args = f.make_block_args(args);
    }
  }
  for (Block block : f.blocks()) {
    if (block == f.entry_block()) continue;
    for (unsigned n = static_cast<unsigned>(f.block_params(block).size()); n-- > 0;) {
      if (!is_live(f.block_params(block)[n])) f.remove_block_param(block, n);
    }
  }
}

// Every use of a value that has a replacement becomes one of that, or of what that is replaced by.
void replace_uses(Function& f, std::vector<Value> replacements) {
  // In unreachable code a replacement may lead back to itself: no way is longer than there are values.
  const auto follow = [&](Value v) {
    for (size_t n = replacements.size(); n != 0; --n) {
      if (v.index >= replacements.size() || replacements[v.index].is_none()) break;
      v = f.resolve(replacements[v.index]);
    }
    return v;
  };
  for (Block block : f.blocks()) {
    for (Inst user : f.insts(block)) {
      f.for_each_use_mutable(user, [&](Value& v) {
        const Value from = f.resolve(v);
        v = follow(from);
        if (v != from) replacements[from.index] = v;  // so that the way of the next, in a chain, is short
      });
    }
  }
}

bool is_scalar(Type type) { return type.is_int() || type.is_float(); }

unsigned __int128 small_number(Type type, int value) {
  if (!type.is_float() || value == 0) return static_cast<unsigned __int128>(static_cast<__int128>(value));
  // 1.0: an exponent of all ones but the first.
  const unsigned bits = type.bits();
  const unsigned fraction = bits == 16 ? 10 : bits == 32 ? 23 : bits == 64 ? 52 : 112;
  const unsigned __int128 one = ((static_cast<unsigned __int128>(1) << (bits - 2 - fraction)) - 1) << fraction;
  return value < 0 ? one | static_cast<unsigned __int128>(1) << (bits - 1) : one;
}

bool is_constant(const Function& f, Inst inst) {
  const auto is_number = [&](Inst i) {
    const Opcode opcode = f.inst(i).opcode;
    return opcode == Opcode::kIconst || opcode == Opcode::kF16const || opcode == Opcode::kF32const ||
           opcode == Opcode::kF64const || opcode == Opcode::kF128const;
  };
  if (is_number(inst)) return true;
  const Opcode opcode = f.inst(inst).opcode;
  if (opcode != Opcode::kUextend && opcode != Opcode::kSextend && opcode != Opcode::kIconcat) return false;
  return f.value_type(f.result(inst)) == kI128 && std::ranges::all_of(f.args(inst), [&](Value arg) {
           const Inst def = f.def_inst(f.resolve(arg));
           return !def.is_none() && is_number(def);
         });
}

Value insert_constant(Function& f, Inst before, Type type, unsigned __int128 bits) {
  InstBuilder builder(f);
  builder.set_before(before);
  return builder.constant(type, bits);
}

// The instructions' results become constants, and they go.
void make_constants(Function& f, std::span<const Inst> insts, int value) {
  std::vector<Value> replacements(f.value_count());
  for (Inst inst : insts) {
    const std::vector<Value> results(f.results(inst).begin(), f.results(inst).end());
    for (Value result : results) {
      const Type type = f.value_type(result);
      const Value constant = insert_constant(f, inst, type, small_number(type, value));
      replacements.resize(f.value_count());
      replacements[result.index] = constant;
    }
  }
  replace_uses(f, replacements);
  for (Inst inst : insts) f.remove_inst(inst);
  clean_up(f);
}
// Results become, by number, other values of their type, of which they are made or which are always in scope.
void forward(Function& f, std::span<const Inst> insts, std::span<const Value> to) {
  std::vector<Value> replacements(f.value_count());
  for (size_t i = 0; i < insts.size(); ++i) replacements[f.resolve(f.result(insts[i])).index] = f.resolve(to[i]);
  replace_uses(f, replacements);
  for (Inst inst : insts) f.remove_inst(inst);
  clean_up(f);
}

std::vector<Inst> instructions(const Function& f) {
  std::vector<Inst> out;
  for (Block block : f.blocks()) {
    for (Inst inst : f.insts(block)) out.push_back(inst);
  }
  return out;
}

bool is_called(const Case& test, const Function& callee) {
  for (const Function& f : test.functions) {
    for (const FunctionDeclaration& declared : f.functions) {
      if (declared.name == callee.name) return true;
    }
    for (const GlobalValueData& global : f.global_values) {
      if (global.kind == GlobalValueData::Kind::kSymbol && global.name == callee.name) return true;
    }
  }
  return false;
}

namespace {

bool all_scalars(const Function& f, std::span<const Value> values) {
  return std::ranges::all_of(values, [&](Value v) { return is_scalar(f.value_type(v)); });
}

// `inst` and all behind it in its block go.
void cut_tail(Function& f, Inst inst) {
  while (!inst.is_none()) {
    const Inst next = f.next_inst(inst);
    f.remove_inst(inst);
    inst = next;
  }
}

}  // namespace

bool return_zeros(Function& f, Inst terminator) {
  for (const AbiParam& result : f.signature.returns) {
    if (!is_scalar(result.type)) return false;
  }
  std::vector<Value> zeros;
  for (const AbiParam& result : f.signature.returns) zeros.push_back(insert_constant(f, terminator, result.type, 0));
  f.replace_inst(terminator, {.opcode = Opcode::kReturn, .args = f.make_values(zeros)});
  return true;
}

namespace {

// `block` of the entry function ends with a return of these values, from `tail` (if it is an instruction) on.
bool return_at(Case& test, Block block, Inst tail, const std::vector<Value>& results) {
  Function& f = test.functions[test.entry];
  if (results.empty() || !all_scalars(f, results) || is_called(test, f)) return false;
  cut_tail(f, tail);
  f.signature.returns.clear();
  for (Value v : results) f.signature.returns.push_back({.type = f.value_type(v)});
  const Inst end = f.make_inst({.opcode = Opcode::kReturn, .args = f.make_values(results)});
  f.append_inst(end, block);
  for (Inst other : instructions(f)) {
    if (other != end && f.inst(other).opcode == Opcode::kReturn) return_zeros(f, other);
  }
  return true;
}

// What the function that return_at() changed returns there.
std::optional<std::vector<DataValue>> run_to(Case& cut, Block block, Endianness order) {
  Function& f = cut.functions[cut.entry];
  const Inst end = f.terminator(block);
  // Every other way out would look like a result: it traps instead.
  for (Inst other : instructions(f)) {
    if (other == end || f.inst(other).opcode != Opcode::kReturn) continue;
    f.replace_inst(other, {.opcode = Opcode::kTrap, .code = TrapCode{1}.code});
  }
  clean_up(f);
  if (!f.is_inserted(block)) return std::nullopt;
  for (const Function& function : cut.functions) {
    if (!verify(function).empty()) return std::nullopt;
  }
  interpreter::Outcome outcome = interpret(cut, order);
  if (outcome.kind != interpreter::OutcomeKind::Returned) return std::nullopt;
  return std::move(outcome.results);
}

}  // namespace

bool return_early(Case& test, Inst inst) {
  Function& f = test.functions[test.entry];
  const std::vector<Value> results(f.results(inst).begin(), f.results(inst).end());
  if (!return_at(test, f.inst_block(inst), f.next_inst(inst), results)) return false;
  clean_up(f);
  return true;
}

interpreter::Outcome interpret(const Case& test, Endianness order, std::vector<std::vector<uint8_t>>* memory) {
  interpreter::Program program;
  for (const Function& f : test.functions) program.add(f);
  program.link();
  std::vector<oracles::Region> contents;
  std::vector<interpreter::Region> regions;
  for (const oracles::RegionDirective& region : test.regions) contents.push_back(oracles::make_region(region));
  for (oracles::Region& region : contents) regions.push_back({region.address, region.bytes, region.writable});
  interpreter::Config config;
  config.fuel = 50'000;
  config.byte_order = order;
  interpreter::Interpreter machine;
  interpreter::Outcome outcome = machine.run(program, test.entry, test.inputs[0].args, regions, config);
  if (memory != nullptr) {
    for (oracles::Region& region : contents) memory->push_back(std::move(region.bytes));
  }
  return outcome;
}

std::optional<std::vector<DataValue>> first_results(const Case& test, Inst inst, Endianness order) {
  Case cut = test;
  Function& f = cut.functions[cut.entry];
  const Block block = f.inst_block(inst);
  const std::vector<Value> results(f.results(inst).begin(), f.results(inst).end());
  if (block.is_none() || !return_at(cut, block, f.next_inst(inst), results)) return std::nullopt;
  return run_to(cut, block, order);
}

std::optional<DataValue> first_param(const Case& test, Block block, uint32_t number, Endianness order) {
  Case cut = test;
  Function& f = cut.functions[cut.entry];
  if (!return_at(cut, block, f.first_inst(block), {f.block_params(block)[number]})) return std::nullopt;
  const auto values = run_to(cut, block, order);
  return values ? std::optional((*values)[0]) : std::nullopt;
}

bool reaches(const Case& test, Block block, Endianness order) {
  Case marked = test;
  Function& f = marked.functions[marked.entry];
  const Value mark = insert_constant(f, f.first_inst(block), kI64, 1);
  return first_results(marked, f.value_def(mark).inst, order).has_value();
}

bool make_parameters(Case& test, Inst inst, std::span<const DataValue> values) {
  Function& f = test.functions[test.entry];
  const std::vector<Value> results(f.results(inst).begin(), f.results(inst).end());
  if (results.empty() || results.size() != values.size() || test.inputs.size() != 1 || is_called(test, f)) return false;
  std::vector<Value> replacements(f.value_count());
  for (size_t i = 0; i < results.size(); ++i) {
    f.signature.params.push_back({.type = f.value_type(results[i])});
    test.inputs[0].args.push_back(values[i]);
    const Value param = f.append_block_param(f.entry_block(), f.value_type(results[i]));
    replacements[results[i].index] = param;
  }
  replace_uses(f, replacements);
  f.remove_inst(inst);
  clean_up(f);
  return true;
}

bool inline_call(Case& test, size_t k, Inst call) {
  Function& f = test.functions[k];
  if (f.inst(call).opcode != Opcode::kCall) return false;
  const ExternalName name = f.functions[f.inst(call).func_ref()].name;
  const auto found = std::ranges::find_if(test.functions, [&](const Function& g) { return g.name == name; });
  if (found == test.functions.end() || &*found == &f) return false;
  const Function& g = *found;
  const std::vector<Inst> body = instructions(g);
  for (Inst inst : body) {
    const InstData& data = g.inst(inst);
    // What refers to tables of its own function, apart from stack slots, is left alone.
    if (g.info(inst).is_call() || data.opcode == Opcode::kFuncAddr || g.info(inst).format == Format::kTryCall) {
      return false;
    }
    if (data.entity != Inst::kNone && data.opcode != Opcode::kStackAddr) return false;
  }

  // What follows the call moves to a block of its own, whose parameters are the call's results.
  const Block before = f.inst_block(call);
  const Block after = f.make_block();
  f.insert_block_after(after, before);
  f.move_tail(f.next_inst(call), after);
  std::vector<Value> replacements(f.value_count());
  const std::vector<Value> results(f.results(call).begin(), f.results(call).end());
  std::vector<Value> result_params;
  for (Value v : results) result_params.push_back(f.append_block_param(after, f.value_type(v)));
  replacements.resize(f.value_count());
  for (size_t i = 0; i < results.size(); ++i) replacements[results[i].index] = result_params[i];

  std::vector<StackSlot> slots;
  for (const StackSlotData& slot : g.stack_slots) slots.push_back(f.stack_slots.push(slot));
  std::vector<Block> blocks(g.block_count());
  std::vector<Value> values(g.value_count());
  Block last = before;
  for (Block block : g.blocks()) {
    const Block copy = blocks[block.index] = f.make_block();
    f.insert_block_after(copy, last);
    last = copy;
    for (Value param : g.block_params(block)) {
      values[param.index] = f.append_block_param(copy, g.value_type(param));
    }
  }
  const auto map = [&](Value v) { return values[g.resolve(v).index]; };
  struct Copied {
    Inst from, to;
  };
  std::vector<Copied> copied;
  for (Block block : g.blocks()) {
    for (Inst inst : g.insts(block)) {
      InstData data = g.inst(inst);
      data.args = data.results = data.calls = {};
      if (data.opcode == Opcode::kStackAddr) data.entity = slots[g.inst(inst).stack_slot().index].index;
      const Inst copy = f.make_inst(data);
      f.append_inst(copy, blocks[block.index]);
      for (Value v : g.results(inst)) values[v.index] = f.append_result(copy, g.value_type(v));
      copied.push_back({inst, copy});
    }
  }
  // Operands last: they may be defined further down.
  for (const auto& [from, to] : copied) {
    std::vector<Value> args;
    for (Value v : g.args(from)) args.push_back(map(v));
    if (g.inst(from).opcode == Opcode::kReturn) {
      const BlockCall target = f.make_block_call(after, args);
      f.replace_inst(to, {.opcode = Opcode::kJump, .calls = f.make_calls({&target, 1})});
      continue;
    }
    std::vector<BlockCall> calls;
    for (const BlockCall& target : g.block_calls(from)) {
      std::vector<Value> passed;
      for (BlockArg arg : g.args(target)) passed.push_back(map(arg.value()));
      calls.push_back(f.make_block_call(blocks[target.block.index], passed));
    }
    InstData& data = f.inst(to);
    data.args = f.make_values(args);
    data.calls = f.make_calls(calls);
  }
  const std::vector<Value> passed(f.args(call).begin(), f.args(call).end());
  f.remove_inst(call);
  const BlockCall enter = f.make_block_call(blocks[g.entry_block().index], passed);
  f.append_inst(f.make_inst({.opcode = Opcode::kJump, .calls = f.make_calls({&enter, 1})}), before);
  replacements.resize(f.value_count());
  replace_uses(f, replacements);
  clean_up(f);
  return true;
}

}  // namespace assay::fuzz
