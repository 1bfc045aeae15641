// See control.h.
#include "compiler/opt/control.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "compiler/ir/unreachable.h"
#include "compiler/opt/changes.h"

namespace assay::opt {
namespace {

using ir::Block;
using ir::BlockArg;
using ir::BlockCall;
using ir::Function;
using ir::Inst;
using ir::InstData;
using ir::Opcode;
using ir::Value;

constexpr unsigned kMaxRounds = 4;
constexpr unsigned kMaxHops = 8;  // of threading, through blocks that only jump on

class Control {
 public:
  Control(Function& f, ControlStats& stats, Steps* steps) : f_(f), stats_(stats), steps_(steps) {}

  void run() {
    for (unsigned round = 0; round < kMaxRounds; ++round) {
      const uint64_t before = stats_.sum();
      for (Block block = f_.first_block(); !block.is_none(); block = f_.next_block(block)) fold(block);
      find_leads();
      for (Block block = f_.first_block(); !block.is_none(); block = f_.next_block(block)) thread(block);
      remove_unreachable();
      branches_to_traps();
      remove_params();
      join();
      f_.resolve_all_aliases();
      if (stats_.sum() == before) break;
    }
  }

 private:
  std::optional<uint64_t> constant(Value v) const {
    const Inst def = f_.def_inst(v);
    if (def.is_none() || f_.inst(def).opcode != Opcode::kIconst) return {};
    return f_.inst(def).imm;
  }

  bool is_plain(const BlockCall& call) const {
    return std::ranges::all_of(f_.args(call), [](const BlockArg& arg) { return arg.is_value(); });
  }
  bool same(const BlockCall& a, const BlockCall& b) const {
    return a.block == b.block && is_plain(a) && is_plain(b) &&
           std::ranges::equal(f_.args(a), f_.args(b), [](const BlockArg& x, const BlockArg& y) { return x == y; });
  }

  // -- C1, C2 --

  void become_jump(Inst inst, const BlockCall& call) {
    if (!may_take(steps_, [&] { return answers_for_jump(inst, call); })) return;
    InstData data;
    data.opcode = Opcode::kJump;
    data.calls = f_.make_calls({&call, 1});
    f_.replace_inst(inst, data);
    ++stats_.branches_folded;
  }

  void fold(Block block) {
    for (Inst inst = f_.first_inst(block), next; !inst.is_none(); inst = next) {
      next = f_.next_inst(inst);
      const Opcode opcode = f_.inst(inst).opcode;
      if (opcode == Opcode::kTrapz || opcode == Opcode::kTrapnz) {
        const auto condition = constant(f_.arg(inst, 0));
        if (!condition || !may_take(steps_, kFolding.function)) continue;
        ++stats_.traps_folded;
        if ((*condition != 0) == (opcode == Opcode::kTrapz)) {
          f_.remove_inst(inst);
          continue;
        }
        InstData data;
        data.opcode = Opcode::kTrap;
        data.code = f_.inst(inst).code;
        f_.replace_inst(inst, data);
        for (; !next.is_none(); next = f_.next_inst(inst)) f_.remove_inst(next);
        return;
      }
      if (opcode == Opcode::kBrif) {
        const BlockCall then = f_.block_calls(inst)[0], otherwise = f_.block_calls(inst)[1];
        if (const auto condition = constant(f_.arg(inst, 0))) {
          become_jump(inst, *condition != 0 ? then : otherwise);
        } else if (same(then, otherwise)) {
          become_jump(inst, then);
        }
      } else if (opcode == Opcode::kBrTable) {
        const auto calls = f_.block_calls(inst);
        if (const auto index = constant(f_.arg(inst, 0))) {
          // The default comes first.
          become_jump(inst, BlockCall(calls[*index < calls.size() - 1 ? *index + 1 : 0]));
        } else if (std::ranges::all_of(calls, [&](const BlockCall& call) { return same(call, calls[0]); })) {
          become_jump(inst, BlockCall(calls[0]));
        } else {
          shorten_table(inst);
        }
      }
    }
  }

  // Entries at the end that are the default need not be there; one entry is a branch.
  void shorten_table(Inst inst) {
    std::vector<BlockCall> calls(f_.block_calls(inst).begin(), f_.block_calls(inst).end());
    const size_t before = calls.size();
    while (calls.size() > 2 && same(calls.back(), calls[0])) calls.pop_back();
    const Value index = f_.arg(inst, 0);
    InstData data = f_.inst(inst);
    if (calls.size() == 2) {
      data = InstData();
      data.opcode = Opcode::kBrif;
      data.type = f_.value_type(index);
      data.args = f_.make_values({&index, 1});
    } else if (calls.size() == before) {
      return;
    }
    if (!may_take(steps_, [&] { return answers_for_table(inst, calls.size()); })) return;
    data.calls = f_.make_calls(calls);
    f_.replace_inst(inst, data);
    ++stats_.branches_folded;
  }

  // -- C3 --

  enum Lead : uint8_t { kNoLead, kJumps, kDecides };

  // The blocks that only jump on, to another block, or only branch on a parameter, and whose parameters nobody else
  // uses.
  void find_leads() {
    leads_.assign(f_.block_count(), 0);
    uses_.assign(f_.value_count(), 0);
    for (const Block block : f_.blocks()) {
      for (const Inst inst : f_.insts(block)) f_.for_each_use(inst, [&](Value use) { ++uses_[use.index]; });
    }
    for (const Block block : f_.blocks()) {
      const Inst only = f_.first_inst(block);
      if (block == f_.entry_block() || only.is_none()) continue;
      const auto params = f_.block_params(block);
      const Opcode opcode = f_.inst(only).opcode;
      if (opcode != Opcode::kJump && opcode != Opcode::kBrif) continue;
      if (opcode == Opcode::kBrif && std::ranges::find(params, f_.arg(only, 0)) == params.end()) continue;
      bool fits = true;
      for (const BlockCall& call : f_.block_calls(only)) fits = fits && call.block != block && is_plain(call);
      if (!fits) continue;
      here_.assign(params.size(), 0);
      f_.for_each_use(only, [&](Value use) {
        if (const auto at = std::ranges::find(params, use); at != params.end())
          ++here_[static_cast<size_t>(at - params.begin())];
      });
      for (size_t i = 0; i < params.size(); ++i) fits = fits && uses_[params[i].index] == here_[i];
      leads_[block.index] = !fits ? kNoLead : opcode == Opcode::kJump ? kJumps : kDecides;
    }
  }

  // What `value`, as the block that `call` leads to sees it, is where the call stands.
  Value passed(const BlockCall& call, Value value) const {
    const auto params = f_.block_params(call.block);
    const auto at = std::ranges::find(params, value);
    return at == params.end() ? value : f_.args(call)[static_cast<size_t>(at - params.begin())].value();
  }
  BlockCall passed(const BlockCall& call, const BlockCall& on) {
    std::vector<Value> args;
    for (const BlockArg& arg : f_.args(on)) args.push_back(passed(call, arg.value()));
    return f_.make_block_call(on.block, std::span<const Value>(args));
  }

  void thread(Block block) {
    const Inst branch = f_.terminator(block);
    if (branch.is_none()) return;
    const Opcode opcode = f_.inst(branch).opcode;
    if (opcode != Opcode::kJump && opcode != Opcode::kBrif && opcode != Opcode::kBrTable) return;
    if (leads_[block.index] != kNoLead) return;  // nobody goes there once all are threaded, or it is part of a ring
    for (size_t i = 0; i < f_.block_calls(branch).size(); ++i) {
      for (unsigned hop = 0; hop < kMaxHops; ++hop) {
        const BlockCall call = f_.block_calls(branch)[i];
        const uint8_t lead = leads_[call.block.index];
        if (lead == kNoLead || !is_plain(call)) break;
        const Inst next = f_.first_inst(call.block);
        size_t side = 0;
        if (lead == kDecides) {
          const Value condition = passed(call, f_.arg(next, 0));
          if (const auto known = constant(condition)) {
            side = *known != 0 ? 0 : 1;
          } else {
            const bool is_jump = f_.inst(branch).opcode == Opcode::kJump;  // not, if it is a branch by now
            if (is_jump && may_thread(call.block, kBranching)) branch_instead(branch, call, next, condition);
            break;
          }
        }
        if (!may_thread(call.block, kThreading)) break;
        const BlockCall on = passed(call, BlockCall(f_.block_calls(next)[side]));
        f_.block_calls(branch)[i] = on;
        ++stats_.threaded;
      }
    }
  }

  // The jump `jump` to the block of `decision` becomes that branch.
  void branch_instead(Inst jump, const BlockCall& call, Inst decision, Value condition) {
    const BlockCall calls[2] = {passed(call, BlockCall(f_.block_calls(decision)[0])),
                                passed(call, BlockCall(f_.block_calls(decision)[1]))};
    InstData data;
    data.opcode = Opcode::kBrif;
    data.type = f_.inst(decision).type;
    data.args = f_.make_values({&condition, 1});
    data.calls = f_.make_calls({calls, 2});
    f_.replace_inst(jump, data);
    ++stats_.threaded;
  }

  // -- C7 --

  void remove_unreachable() {
    cfg_.compute(f_);
    stats_.blocks_removed += ir::remove_unreachable_blocks(f_, cfg_);
  }

  // -- C5 --

  void branches_to_traps() {
    bool changed = false;
    for (const Block block : f_.blocks()) {
      const Inst branch = f_.terminator(block);
      if (branch.is_none() || f_.inst(branch).opcode != Opcode::kBrif) continue;
      for (const unsigned side : {0u, 1u}) {
        const BlockCall to_trap = f_.block_calls(branch)[side], other = f_.block_calls(branch)[1 - side];
        const Inst trap = f_.first_inst(to_trap.block);
        if (f_.inst(trap).opcode != Opcode::kTrap || cfg_.predecessors(to_trap.block).size() != 1) continue;
        if (!may_take(steps_, kConditionalTraps.function)) continue;
        InstData data;
        data.opcode = side == 0 ? Opcode::kTrapnz : Opcode::kTrapz;
        data.code = f_.inst(trap).code;
        data.type = f_.inst(branch).type;
        const Value condition = f_.arg(branch, 0);
        data.args = f_.make_values({&condition, 1});
        f_.remove_inst(trap);
        f_.replace_inst(trap, data);
        f_.insert_inst_before(trap, branch);
        InstData jump;
        jump.opcode = Opcode::kJump;
        jump.calls = f_.make_calls({&other, 1});
        f_.replace_inst(branch, jump);
        emptied_.push_back(to_trap.block);
        ++stats_.conditional_traps;
        changed = true;
        break;
      }
    }
    for (const Block block : emptied_) f_.remove_block(block);
    emptied_.clear();
    if (changed) cfg_.compute(f_);
  }

  // -- C4 --

  void remove_params() {
    for (const Block block : cfg_.reverse_postorder()) {
      const auto predecessors = cfg_.predecessors(block);
      const size_t count = f_.block_params(block).size();
      if (count == 0 || predecessors.empty() || block == f_.entry_block()) continue;
      if (std::ranges::any_of(predecessors, [&](const auto& p) {
            const BlockCall& call = f_.block_calls(p.branch)[p.call_index];
            return !is_plain(call) || f_.args(call).size() != count;
          })) {
        continue;
      }
      values_.assign(count, Value());
      bool any = false;
      for (size_t i = 0; i < count; ++i) {
        const Value param = f_.block_params(block)[i];
        Value single;
        bool one = true;
        for (const auto& p : predecessors) {
          const Value arg = f_.resolve(f_.args(f_.block_calls(p.branch)[p.call_index])[i].value());
          if (arg == param) continue;
          one = one && (single.is_none() || single == arg);
          single = arg;
        }
        if (!one || single.is_none() || f_.value_type(single) != f_.value_type(param)) continue;
        if (!may_take(steps_, kParameters.function)) continue;
        values_[i] = single;
        any = true;
      }
      if (!any) continue;
      for (const auto& p : predecessors) {
        const BlockCall call = f_.block_calls(p.branch)[p.call_index];
        std::vector<Value> args;
        for (size_t i = 0; i < count; ++i) {
          if (values_[i].is_none()) args.push_back(f_.args(call)[i].value());
        }
        f_.block_calls(p.branch)[p.call_index] = f_.make_block_call(block, std::span<const Value>(args));
      }
      for (size_t i = count; i-- > 0;) {
        if (values_[i].is_none()) continue;
        const Value param = f_.block_params(block)[i];
        f_.remove_block_param(block, static_cast<unsigned>(i));
        f_.make_alias(param, values_[i]);
        ++stats_.params_removed;
      }
    }
  }

  // -- C6 --

  void join() {
    for (Block block = f_.first_block(); !block.is_none(); block = f_.next_block(block)) {
      for (;;) {
        const Inst jump = f_.terminator(block);
        if (jump.is_none() || f_.inst(jump).opcode != Opcode::kJump) break;
        const BlockCall call = f_.block_calls(jump)[0];
        const Block to = call.block;
        if (to == block || to == f_.entry_block() || cfg_.predecessors(to).size() != 1 || !is_plain(call) ||
            f_.is_cold(to) != f_.is_cold(block) || !may_take(steps_, kJoining.function)) {
          break;
        }
        for (size_t i = f_.block_params(to).size(); i-- > 0;) {
          const Value param = f_.block_params(to)[i], arg = f_.args(call)[i].value();
          f_.remove_block_param(to, static_cast<unsigned>(i));
          f_.make_alias(param, f_.resolve(arg));
        }
        f_.remove_inst(jump);
        f_.move_tail(f_.first_inst(to), block);
        f_.remove_block(to);
        ++stats_.blocks_joined;
      }
    }
  }

  // -- What changes rest on, worked out once more for whoever counts steps --

  bool is_iconst(Value v) const {
    const Inst def = f_.def_inst(v);
    return !def.is_none() && f_.inst(def).opcode == Opcode::kIconst;
  }

  Responsible answers_for_jump(Inst branch, const BlockCall& call) const {
    const auto calls = f_.block_calls(branch);
    const Value condition = f_.arg(branch, 0);
    const auto is_call = [&](const BlockCall& other) {
      return other.block == call.block && std::ranges::equal(f_.args(other), f_.args(call));
    };
    if (!is_iconst(condition)) {
      if (constant(condition)) return {kConstants.function, true};
      const bool all_same = std::ranges::all_of(calls, is_call);
      return {all_same ? kFolding.function : kSameCalls.function, !all_same};
    }
    const uint64_t k = f_.inst(f_.def_inst(condition)).imm;
    const bool is_table = f_.inst(branch).opcode == Opcode::kBrTable;
    const size_t way = !is_table ? (k != 0 ? 0 : 1) : k < calls.size() - 1 ? static_cast<size_t>(k) + 1 : 0;
    return {kFolding.function, !is_call(calls[way])};
  }

  // What goes at the end of the table is the default.
  Responsible answers_for_table(Inst branch, size_t left) const {
    const auto calls = f_.block_calls(branch);
    const bool all_same = std::ranges::all_of(calls.subspan(left), [&](const BlockCall& call) {
      return call.block == calls[0].block && std::ranges::equal(f_.args(call), f_.args(calls[0]));
    });
    return {all_same ? kShortening.function : kSameCalls.function, !all_same};
  }

  // Through `lead`: it only jumps or decides, and nobody else uses its parameters.
  bool may_thread(Block lead, const Change& change) {
    if (steps_ == nullptr) return true;
    const Inst only = f_.first_inst(lead);
    bool is_lead = lead != f_.entry_block() && f_.next_inst(only).is_none();
    for (const Block block : f_.blocks()) {
      for (const Inst inst : f_.insts(block)) {
        if (inst == only) continue;
        f_.for_each_use(inst, [&](Value use) {
          const ir::ValueDef def = f_.value_def(use);
          is_lead = is_lead && !(def.kind == ir::ValueKind::kParam && def.block == lead);
        });
      }
    }
    for (const BlockCall& call : f_.block_calls(only)) is_lead = is_lead && call.block != lead;
    return steps_->take(is_lead ? Responsible{change.function} : Responsible{kLeads.function, true});
  }

  Function& f_;
  ControlStats& stats_;
  Steps* const steps_;
  ir::ControlFlowGraph cfg_;
  std::vector<uint8_t> leads_;  // Lead, by block
  std::vector<uint32_t> uses_, here_;
  std::vector<Value> values_;
  std::vector<Block> emptied_;
};

}  // namespace

void simplify_control(Function& function, ControlStats& stats, Steps* steps) { Control(function, stats, steps).run(); }

}  // namespace assay::opt
