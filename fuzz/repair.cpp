// See repair.h. Here: functions.
#include "fuzz/repair.h"

#include <algorithm>
#include <vector>

#include "compiler/ir/builder.h"
#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/unreachable.h"
#include "compiler/ir/verifier.h"
#include "fuzz/function_generator.h"

namespace assay::fuzz {

using namespace ir;

namespace {

class Repairer {
 public:
  explicit Repairer(Function& f) : f_(f) {}

  bool run() {
    f_.resolve_all_aliases();
    end_blocks();
    fix_entry();
    remove_unreachable();
    dominators_.compute(f_, cfg_);
    number();
    for (Block block : f_.blocks()) {
      for (Inst inst = f_.first_inst(block); !inst.is_none();) {
        const Inst next = f_.next_inst(inst);
        fix(inst);
        inst = next;
      }
    }
    return drop_what_is_left();
  }

 private:
  // ---- constants and conversions ----

  Inst insert(InstData data, Inst before) {
    const Inst inst = f_.make_inst(data);
    f_.make_results(inst);
    f_.insert_inst_before(inst, before);
    return inst;
  }

  // Zero of the type; none if there is no constant of that type.
  Value zero(Type type, Inst before) {
    if (!type.is_int() && !type.is_float()) return {};
    InstBuilder builder(f_);
    builder.set_before(before);
    return builder.constant(type, 0);
  }

  bool is_available(Value v, Inst at) const {
    if (v.is_none() || v.index >= f_.value_count()) return false;
    const ValueDef def = f_.value_def(v);
    const Block here = f_.inst_block(at);
    if (def.kind == ValueKind::kParam) return f_.is_inserted(def.block) && dominators_.dominates(def.block, here);
    if (def.kind != ValueKind::kResult) return false;
    const Block home = f_.inst_block(def.inst);
    if (home.is_none()) return false;
    if (home != here) return home.index < known_blocks_ && dominators_.dominates(home, here);
    return position(def.inst) < position(at);
  }

  // `v` as the type, at a place where it is available; none if there is no way.
  Value convert(Value v, Type want, Inst before) {
    if (!is_available(v, before)) return zero(want, before);
    const Type type = f_.value_type(v);
    if (type == want) return v;
    if (!type.is_int() || !want.is_int()) return zero(want, before);
    const Opcode opcode = want.bits() < type.bits() ? Opcode::kIreduce : Opcode::kUextend;
    return f_.result(insert({.opcode = opcode, .type = want, .args = f_.make_values({&v, 1})}, before));
  }

  // ---- structure ----

  // Every block ends with its only terminator.
  void end_blocks() {
    if (f_.entry_block().is_none()) f_.append_block(f_.make_block());
    for (Block block : f_.blocks()) {
      Inst inst = f_.first_inst(block);
      while (!inst.is_none() && !f_.info(inst).is_terminator()) inst = f_.next_inst(inst);
      if (inst.is_none()) {
        terminate(block);
        continue;
      }
      for (Inst rest = f_.next_inst(inst); !rest.is_none();) {
        const Inst next = f_.next_inst(rest);
        f_.remove_inst(rest);
        rest = next;
      }
    }
  }

  // On to the next block if it takes nothing, else back from the function. fix() finds the results.
  void terminate(Block block) {
    const Block next = f_.next_block(block);
    InstData data{.opcode = Opcode::kReturn};
    if (!next.is_none() && f_.block_params(next).empty()) {
      const BlockCall call = f_.make_block_call(next);
      data = {.opcode = Opcode::kJump, .calls = f_.make_calls({&call, 1})};
    }
    f_.append_inst(f_.make_inst(data), block);
  }

  // The entry block has the signature's parameters, and nothing branches to it; else there is one more, in front.
  void fix_entry() {
    const Block entry = f_.entry_block();
    const auto params = f_.block_params(entry);
    const auto& wanted = f_.signature.params;
    bool right = std::equal(params.begin(), params.end(), wanted.begin(), wanted.end(),
                            [&](Value v, const AbiParam& p) { return f_.value_type(v) == p.type; });
    for (Block block : f_.blocks()) {
      for (const BlockCall& call : f_.block_calls(f_.last_inst(block))) right &= call.block != entry;
    }
    if (right) return;
    const Block front = f_.make_block();
    f_.insert_block_before(front, entry);
    std::vector<BlockArg> args;
    for (const AbiParam& param : wanted) args.push_back(f_.append_block_param(front, param.type));
    const BlockCall call = f_.make_block_call(entry, args);
    f_.append_inst(f_.make_inst({.opcode = Opcode::kJump, .calls = f_.make_calls({&call, 1})}), front);
  }

  // Leaves the control flow graph as it then is.
  void remove_unreachable() {
    cfg_.compute(f_);
    if (ir::remove_unreachable_blocks(f_, cfg_) != 0) cfg_.compute(f_);
    known_blocks_ = static_cast<uint32_t>(f_.block_count());
  }

  void number() {
    position_.assign(f_.inst_count(), 0);
    uint32_t next = 1;
    for (Block block : f_.blocks()) {
      for (Inst inst : f_.insts(block)) position_[inst.index] = next++;
    }
  }
  // Of instructions that were added: before everything, for they stand just before what uses them.
  uint32_t position(Inst inst) const { return inst.index < position_.size() ? position_[inst.index] : 0; }

  // ---- instructions ----

  // What an operand's type has to be; invalid if any of several will do, and this one is none of them.
  Type wanted_type(const TypeConstraint& constraint, Type controlling) const {
    if (const Type type = constraint.resolve(controlling); type.is_valid()) return type;
    for (const Type type : {kI64, kI32, kI16, kI8}) {
      if (constraint.allows(type, controlling)) return type;
    }
    return {};
  }

  bool fix(Inst inst) {
    const OperationInfo& op = f_.info(inst);
    if (op.polymorphic && !op.controlling.contains(f_.inst(inst).type)) return give_up(inst);
    if (!op.variable_args && f_.args(inst).size() != op.value_operands) return give_up(inst);
    unsigned n = 0;
    for (const OperandInfo& operand : op.inputs) {
      if (operand.kind != OperandKind::kValue) continue;
      const Type controlling = f_.inst(inst).type;
      const Value v = f_.arg(inst, n);
      if (!is_available(v, inst) || !operand.type.allows(f_.value_type(v), controlling)) {
        const Type want = wanted_type(operand.type, controlling);
        const Value now = want.is_valid() ? convert(v, want, inst) : Value();
        if (now.is_none()) return give_up(inst);
        f_.args(inst)[n] = now;
      }
      ++n;
    }
    if (op.is_return() && op.format == Format::kMultiary) {
      if (!fix_list(inst, 0, f_.signature.returns)) return give_up(inst);
    } else if (op.is_call() && op.variable_args) {
      const SigRef sig = f_.call_signature(inst);
      if (!f_.signatures.contains(sig)) return give_up(inst);
      const Signature signature = f_.signatures[sig];
      if (!fix_list(inst, op.value_operands, signature.params)) return give_up(inst);
      if (op.variable_results && !op.is_terminator()) fix_results(inst, signature.returns);
    } else if (!op.variable_results) {
      fix_result_types(inst, op);
    }
    for (size_t k = 0; k < f_.block_calls(inst).size(); ++k) fix_block_call(inst, k);
    if (op.format == Format::kTryCall || op.format == Format::kTryCallIndirect) fix_contexts(inst);
    return true;
  }

  void fix_contexts(Inst inst) {
    for (ExceptionItem& item : f_.exception_tables[f_.inst(inst).exception_table()].items) {
      if (item.kind != ExceptionItem::Kind::kContext || is_available(item.context, inst)) continue;
      item.context = convert({}, kI64, inst);
    }
  }

  // The arguments from `first` on are one for each of `params`.
  bool fix_list(Inst inst, size_t first, const std::vector<AbiParam>& params) {
    const auto args = f_.args(inst);
    bool right = args.size() == first + params.size();
    for (size_t i = 0; right && i < params.size(); ++i) {
      right = is_available(args[first + i], inst) && f_.value_type(args[first + i]) == params[i].type;
    }
    if (right) return true;
    std::vector<Value> old(args.begin(), args.end());
    std::vector<Value> now(old.begin(), old.begin() + static_cast<std::ptrdiff_t>(std::min(first, old.size())));
    for (size_t i = 0; i < params.size(); ++i) {
      now.push_back(convert(first + i < old.size() ? old[first + i] : Value(), params[i].type, inst));
      if (now.back().is_none()) return false;
    }
    const Slice slice = f_.make_values(now);
    f_.inst(inst).args = slice;
    return true;
  }

  void fix_results(Inst inst, const std::vector<AbiParam>& returns) {
    const auto results = f_.results(inst);
    if (std::equal(results.begin(), results.end(), returns.begin(), returns.end(),
                   [&](Value v, const AbiParam& p) { return f_.value_type(v) == p.type; })) {
      return;
    }
    std::vector<Value> kept;
    for (Value v : results) {
      if (kept.size() == returns.size() || f_.value_type(v) != returns[kept.size()].type) break;
      kept.push_back(v);
    }
    f_.detach_results(inst);
    for (size_t i = 0; i < returns.size(); ++i) {
      if (i < kept.size()) {
        f_.attach_result(inst, kept[i], returns[i].type);
      } else {
        f_.append_result(inst, returns[i].type);
      }
    }
  }

  void fix_result_types(Inst inst, const OperationInfo& op) {
    if (f_.results(inst).size() != op.fixed_results) {
      f_.detach_results(inst);
      f_.make_results(inst);
      return;
    }
    for (unsigned i = 0; i < op.fixed_results; ++i) {
      const Type type = op.results[i].type.resolve(f_.inst(inst).type);
      if (type.is_valid() && f_.value_type(f_.result(inst, i)) != type) f_.set_value_type(f_.result(inst, i), type);
    }
  }

  // Has that edge of the instruction this result, or this word of the exception, and of this type?
  bool is_given(Inst inst, size_t k, const BlockArg& arg, Type type) const {
    const Format format = f_.info(inst).format;
    if ((format != Format::kTryCall && format != Format::kTryCallIndirect) || arg.is_ret() != (k == 0)) return false;
    const SigRef sig = f_.call_signature(inst);
    if (!f_.signatures.contains(sig)) return false;
    const Signature& signature = f_.signatures[sig];
    if (arg.is_exn()) return type == kI64 && arg.index() < (signature.call_conv == CallConv::kWinch ? 0 : 2);
    return arg.index() < signature.returns.size() && signature.returns[arg.index()].type == type;
  }

  void fix_block_call(Inst inst, size_t k) {
    const BlockCall call = f_.block_calls(inst)[k];
    const auto params = f_.block_params(call.block);
    const auto args = f_.args(call);
    bool right = args.size() == params.size();
    const auto fits = [&](const BlockArg& arg, Type type) {
      if (!arg.is_value()) return is_given(inst, k, arg, type);
      return is_available(arg.value(), inst) && f_.value_type(arg.value()) == type;
    };
    for (size_t i = 0; right && i < params.size(); ++i) right = fits(args[i], f_.value_type(params[i]));
    if (right) return;
    const std::vector<BlockArg> old(args.begin(), args.end());
    const std::vector<Value> wanted(params.begin(), params.end());
    std::vector<BlockArg> now;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (i < old.size() && !old[i].is_value() && is_given(inst, k, old[i], f_.value_type(wanted[i]))) {
        now.push_back(old[i]);
        continue;
      }
      const bool is_value = i < old.size() && old[i].is_value();
      const Value v = convert(is_value ? old[i].value() : Value(), f_.value_type(wanted[i]), inst);
      if (v.is_none()) return;  // the verifier will say so
      now.push_back(v);
    }
    const BlockCall fixed = f_.make_block_call(call.block, now);
    f_.block_calls(inst)[k] = fixed;
  }

  // Without the instruction: its results are zero; a terminator becomes a trap.
  bool give_up(Inst inst) {
    if (f_.info(inst).is_terminator()) {
      f_.detach_results(inst);
      f_.replace_inst(inst, {.opcode = Opcode::kTrap, .code = TrapCode::user(1).code});
      return true;
    }
    const std::vector<Value> results(f_.results(inst).begin(), f_.results(inst).end());
    f_.detach_results(inst);
    for (Value v : results) {
      const Type type = f_.value_type(v);
      if (!type.is_int() || type.bits() > 64) continue;  // its uses are mended when they come
      const Inst constant = f_.make_inst({.opcode = Opcode::kIconst, .type = type});
      f_.attach_result(constant, v, type);
      f_.insert_inst_before(constant, inst);
      position_.resize(f_.inst_count());
      position_[constant.index] = position_[inst.index];
    }
    f_.remove_inst(inst);
    return true;
  }

  // What nothing above has mended: the verifier names it, it goes, and what used it is mended.
  bool drop_what_is_left() {
    constexpr int kRounds = 4;
    for (int round = 0; round < kRounds; ++round) {
      const Diagnostics errors = verify(f_);
      if (errors.empty()) return true;
      std::vector<std::string> wrong;
      for (const Diagnostic& error : errors) wrong.push_back(error.place.instruction);
      std::sort(wrong.begin(), wrong.end());
      bool any = false;
      for (Block block : f_.blocks()) {
        for (Inst inst = f_.first_inst(block); !inst.is_none();) {
          const Inst next = f_.next_inst(inst);
          if (std::binary_search(wrong.begin(), wrong.end(), print_inst(f_, inst))) {
            give_up(inst);
            any = true;
          }
          inst = next;
        }
      }
      if (!any) return false;
      remove_unreachable();
      dominators_.compute(f_, cfg_);
      number();
      for (Block block : f_.blocks()) {
        for (Inst inst = f_.first_inst(block); !inst.is_none();) {
          const Inst next = f_.next_inst(inst);
          fix(inst);
          inst = next;
        }
      }
    }
    return verify(f_).empty();
  }

  Function& f_;
  ControlFlowGraph cfg_;
  DominatorTree dominators_;
  uint32_t known_blocks_ = 0;
  std::vector<uint32_t> position_;  // by instruction
};

}  // namespace

bool repair(Function& function) { return Repairer(function).run(); }

void compact(const Function& from, Function& to) {
  to.clear();
  to.name = from.name;
  to.signature = from.signature;
  to.stack_slots = from.stack_slots;
  to.dynamic_stack_slots = from.dynamic_stack_slots;
  to.dynamic_types = from.dynamic_types;
  to.global_values = from.global_values;
  to.signatures = from.signatures;
  to.functions = from.functions;
  to.constants = from.constants;
  to.regions = from.regions;
  to.immediates = from.immediates;
  to.exception_tables = from.exception_tables;
  to.stack_limit = from.stack_limit;

  std::vector<Block> blocks(from.block_count());
  std::vector<Value> values(from.value_count());
  for (Block block : from.blocks()) {
    blocks[block.index] = to.make_block();
    to.append_block(blocks[block.index]);
    to.set_cold(blocks[block.index], from.is_cold(block));
    for (Value v : from.block_params(block)) {
      values[v.index] = to.append_block_param(blocks[block.index], from.value_type(v));
    }
    for (Inst inst : from.insts(block)) {
      for (Value v : from.results(inst)) values[v.index] = Value(0);  // known, not yet numbered
    }
  }
  std::vector<BlockCall> calls;
  for (Block block : from.blocks()) {
    for (Inst inst : from.insts(block)) {
      InstData data = from.inst(inst);
      data.args = to.make_values(from.args(inst));
      calls.clear();
      for (const BlockCall& call : from.block_calls(inst)) {
        calls.push_back(to.make_block_call(blocks[call.block.index], from.args(call)));
      }
      data.calls = to.make_calls(calls);
      data.results = {};
      if (from.info(inst).format == Format::kExceptionHandlerAddress) data.entity = blocks[data.entity].index;
      const Inst copy = to.make_inst(data);
      to.append_inst(copy, blocks[block.index]);
      for (Value v : from.results(inst)) values[v.index] = to.append_result(copy, from.value_type(v));
      if (const uint32_t location = from.source_location(inst); location != kNoSourceLocation) {
        to.set_source_location(copy, location);
      }
      if (const auto map = from.stack_map(inst); !map.empty()) to.set_stack_map(copy, {map.begin(), map.end()});
      if (const auto tags = from.debug_tags(inst); !tags.empty()) to.set_debug_tags(copy, {tags.begin(), tags.end()});
    }
  }
  for (Block block : to.blocks()) {
    for (Inst inst : to.insts(block)) {
      to.for_each_use_mutable(inst, [&](Value& v) { v = values[from.resolve(v).index]; });
    }
  }
}

}  // namespace assay::fuzz
