// See mutator.h. Here: mutations of control flow, and stretches of code.
#include <algorithm>
#include <map>

#include "fuzz/function_generator.h"
#include "fuzz/mutator.h"

namespace assay::fuzz {

bool Mutator::insert_control_flow() {
  if (!may_grow(60)) return false;
  Editor editor(f(), random_);
  const Inst before = editor.any();
  if (before.is_none()) return false;
  return generate_before(before, editor, 0, random_.between(1, 2));
}

// The segment becomes a block of its own that repeats itself. What it defines is the last round's afterwards.
bool Mutator::loop_around(std::span<const Inst> segment, uint32_t times, Editor& editor) {
  const Inst first = segment.front(), last = segment.back();
  const Block before = f().inst_block(first);
  const Block rest = editor.split_before(f().next_inst(last));
  const Block body = editor.split_before(first);
  const Value counter = f().append_block_param(body, kI32);
  const Inst enter = f().make_inst({.opcode = Opcode::kNop});
  f().append_inst(enter, before);
  const Value count = editor.constant(kI32, times, enter);
  f().remove_inst(enter);
  editor.jump(before, body, {&count, 1});
  const Inst end = f().make_inst({.opcode = Opcode::kNop});
  f().append_inst(end, body);
  const Value next = editor.binary(Opcode::kIadd, counter, editor.constant(kI32, 0xffffffff, end), end);
  f().remove_inst(end);
  editor.brif(body, next, f().make_block_call(body, std::span<const Value>(&next, 1)), f().make_block_call(rest));
  return true;
}

bool Mutator::wrap_in_loop() {
  Editor editor(f(), random_);
  const std::vector<Inst> segment = editor.segment(12);
  if (segment.empty()) return false;
  return loop_around(segment, random_.between(1, 4), editor);
}

bool Mutator::splice() {
  const uint32_t which = random_.below(static_cast<uint32_t>(test_.functions.size()));
  if (which == index_) {
    const Function copy = f();
    return splice_from(copy);
  }
  return splice_from(test_.functions[which]);
}

// Instructions in a row of `donor`, anywhere; what they need from outside is taken from here. Without those that refer
// to the donor's preamble.
bool Mutator::splice_from(const Function& donor) {
  if (!may_grow(40)) return false;
  Editor editor(f(), random_);
  const Inst before = editor.any();
  if (before.is_none() || donor.entry_block().is_none()) return false;
  std::vector<Inst> insts;
  for (Block block : donor.blocks()) {
    for (Inst inst : donor.insts(block)) insts.push_back(inst);
  }
  const uint32_t begin = random_.below(static_cast<uint32_t>(insts.size())), count = random_.between(2, 24);
  std::map<uint32_t, Value> mapped;
  bool any = false;
  for (uint32_t i = begin; i < insts.size() && i < begin + count; ++i) {
    const Inst inst = insts[i];
    const OperationInfo& op = donor.info(inst);
    if (op.is_terminator() || op.is_call() || donor.inst(inst).entity != Inst::kNone) continue;
    std::vector<Value> args;
    bool fits = true;
    for (Value v : donor.args(inst)) {
      const Type type = donor.value_type(v);
      const Inst def = donor.def_inst(v);
      const bool is_constant = !def.is_none() && donor.inst(def).opcode == Opcode::kIconst;
      // An address must come along: any other number would hardly be one.
      const bool is_address = op.format == Format::kLoad || (op.format == Format::kStore && args.size() == 1);
      fits &= Editor::is_scalar(type);
      fits &= !is_address || is_constant || mapped.contains(donor.resolve(v).index);
      if (!fits) break;
      Value& now = mapped[donor.resolve(v).index];
      if (now.is_none()) {
        now = is_constant ? editor.constant(type, donor.inst(def).imm, before) : editor.pick(type, before);
      }
      args.push_back(now);
    }
    if (!fits) continue;
    InstData data = donor.inst(inst);
    data.args = f().make_values(args);
    data.results = {};
    data.calls = {};
    // Where the address comes from is not known.
    if (op.has(kCanLoad) || op.has(kCanStore)) {
      data.flags = MemFlags().with_trap(kHeapOutOfBounds).with_endianness(data.flags.endianness());
    }
    const Inst copy = editor.insert(data, before);
    for (size_t n = 0; n < donor.results(inst).size(); ++n) {
      mapped[donor.results(inst)[n].index] = f().results(copy)[n];
    }
    any = true;
  }
  if (!any) return false;
  // Something here uses what it made.
  for (auto it = mapped.rbegin(); it != mapped.rend() && random_.chance(85); ++it) {
    const Value v = it->second;
    const Inst user = f().info(before).is_terminator() ? before : f().next_inst(before);
    if (user.is_none() || editor.is_protected(user)) break;
    bool done = false;
    f().for_each_use_mutable(user, [&](Value& use) {
      if (!done && f().value_type(use) == f().value_type(v) && !editor.is_address(use)) {
        done = true;
        use = v;
      }
    });
    if (done) break;
  }
  return true;
}

// A branch goes to another block, further on, so that no loop comes into being.
bool Mutator::retarget_branch() {
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) { return !f().block_calls(i).empty() && !editor.is_protected(i); });
  if (inst.is_none()) return false;
  const uint32_t k = random_.below(static_cast<uint32_t>(f().block_calls(inst).size()));
  const Block to = editor.blocks()[random_.below(static_cast<uint32_t>(editor.blocks().size()))];
  if (!editor.cfg().is_reachable(to) || !editor.cfg().is_reachable(f().inst_block(inst)) ||
      editor.cfg().position(to) <= editor.cfg().position(f().inst_block(inst)) ||
      to == f().block_calls(inst)[k].block) {
    return false;
  }
  // Not into a loop's middle: its counter might be anything.
  for (Value v : f().block_params(to)) {
    if (editor.is_counter(v)) return false;
  }
  std::vector<BlockArg> args;
  const std::vector<Value> params(f().block_params(to).begin(), f().block_params(to).end());
  for (Value v : params) {
    if (!Editor::is_scalar(f().value_type(v))) return false;
    args.push_back(editor.pick(f().value_type(v), inst));
  }
  const BlockCall call = f().make_block_call(to, args);
  f().block_calls(inst)[k] = call;
  return true;
}

// A jump or two-way branch becomes a table, of few entries or of many; its targets stay.
bool Mutator::make_table() {
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) {
    return (f().inst(i).opcode == Opcode::kJump || f().inst(i).opcode == Opcode::kBrif) && !editor.is_protected(i);
  });
  if (inst.is_none()) return false;
  static constexpr uint32_t kSizes[] = {0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 63, 64};
  const uint32_t entries = random_.below(300) == 0 ? 4097 : kSizes[random_.below(std::size(kSizes))];
  const std::vector<BlockCall> old(f().block_calls(inst).begin(), f().block_calls(inst).end());
  std::vector<BlockCall> calls;
  for (uint32_t i = 0; i <= entries; ++i) {
    const BlockCall& call = old[random_.below(static_cast<uint32_t>(old.size()))];
    const std::vector<BlockArg> args(f().args(call).begin(), f().args(call).end());
    calls.push_back(f().make_block_call(call.block, args));
  }
  Value index = editor.pick(kI32, inst);
  if (random_.chance(70)) {
    index = editor.binary(Opcode::kBand, index, editor.constant(kI32, std::bit_ceil(entries + 1) * 2 - 1, inst), inst);
  }
  f().replace_inst(inst,
                   {.opcode = Opcode::kBrTable, .args = f().make_values({&index, 1}), .calls = f().make_calls(calls)});
  return true;
}

bool Mutator::straighten_branch() {
  Editor editor(f(), random_);
  const Inst inst = editor.any([&](Inst i) { return f().block_calls(i).size() > 1 && !editor.is_protected(i); });
  if (inst.is_none()) return false;
  const Opcode opcode = f().inst(inst).opcode;
  if (opcode != Opcode::kBrif && opcode != Opcode::kBrTable) return false;
  const BlockCall call = f().block_calls(inst)[random_.below(static_cast<uint32_t>(f().block_calls(inst).size()))];
  f().replace_inst(inst, {.opcode = Opcode::kJump, .calls = f().make_calls({&call, 1})});
  return true;
}

}  // namespace assay::fuzz
