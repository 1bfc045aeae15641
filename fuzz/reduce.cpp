// See reduce.h.
#include "fuzz/reduce.h"

#include <algorithm>
#include <chrono>

#include "compiler/ir/verifier.h"

namespace assay::fuzz {

using namespace ir;

namespace {

unsigned count_instructions(const Case& test) {
  unsigned count = 0;
  for (const Function& f : test.functions) {
    for (Block block : f.blocks()) {
      for ([[maybe_unused]] Inst inst : f.insts(block)) ++count;
    }
  }
  return count;
}

bool is_removable(const Function& f, Inst inst) {
  const OperationInfo& info = f.info(inst);
  return !info.is_terminator();
}

// Unreachable blocks, then instructions without effect whose results nobody uses, then unused parameters of blocks.
void clean_up(Function& f) {
  f.resolve_all_aliases();
  std::vector<bool> reached(f.block_count());
  std::vector<Block> work = {f.entry_block()};
  reached[f.entry_block().index] = true;
  while (!work.empty()) {
    const Block block = work.back();
    work.pop_back();
    const Inst last = f.terminator(block);
    if (last.is_none()) continue;
    for (const BlockCall& call : f.block_calls(last)) {
      if (!reached[call.block.index]) {
        reached[call.block.index] = true;
        work.push_back(call.block);
      }
    }
  }
  for (Block block = f.first_block(); !block.is_none();) {
    const Block next = f.next_block(block);
    if (!reached[block.index]) f.remove_block(block);
    block = next;
  }
  for (bool changed = true; changed;) {
    changed = false;
    std::vector<bool> used(f.value_count());
    for (Block block : f.blocks()) {
      for (Inst inst : f.insts(block)) {
        f.for_each_use(inst, [&](Value v) { used[f.resolve(v).index] = true; });
      }
    }
    for (Block block : f.blocks()) {
      for (Inst inst = f.last_inst(block); !inst.is_none();) {
        const Inst previous = f.prev_inst(inst);
        const OperationInfo& info = f.info(inst);
        bool needed = info.is_terminator() || info.effects != Effects{};
        for (Value v : f.results(inst)) needed |= used[v.index];
        if (!needed) {
          f.remove_inst(inst);
          changed = true;
        }
        inst = previous;
      }
    }
    for (Block block : f.blocks()) {
      if (block == f.entry_block()) continue;
      for (unsigned n = static_cast<unsigned>(f.block_params(block).size()); n-- > 0;) {
        if (used[f.block_params(block)[n].index]) continue;
        f.remove_block_param(block, n);
        for (Block from : f.blocks()) {
          const Inst last = f.terminator(from);
          if (last.is_none()) continue;
          for (BlockCall& call : f.block_calls(last)) {
            if (call.block != block) continue;
            std::vector<BlockArg> args;
            for (BlockArg arg : f.args(call)) args.push_back(arg);
            args.erase(args.begin() + n);
            call.args = f.make_block_args(args);
          }
        }
        changed = true;
      }
    }
  }
}

class Reducer {
 public:
  Reducer(Case best, const std::function<bool(const Case&)>& holds, double seconds)
      : best_(std::move(best)), holds_(holds), deadline_(std::chrono::steady_clock::now() +
                                                         std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000))) {}

  ReduceResult run() {
    attempt([](Case& test) {
      for (Function& f : test.functions) clean_up(f);
    });
    unsigned before = 0;
    do {
      before = kept_;
      one_input();
      drop_functions();
      branches();
      remove_ranges();
      replace_results();
      forward_operands();
      merge_blocks();
      shrink_constants();
      shrink_inputs();
      shrink_signature();
      shrink_preamble();
    } while (kept_ != before && !out_of_time());
    ReduceResult result;
    result.instructions = count_instructions(best_);
    result.reduced = std::move(best_);
    result.tried = tried_;
    result.kept = kept_;
    return result;
  }

 private:
  bool out_of_time() const { return std::chrono::steady_clock::now() >= deadline_; }

  template <class Edit>
  bool attempt(Edit edit) {
    if (out_of_time()) return false;
    Case candidate = best_;
    edit(candidate);
    for (Function& f : candidate.functions) {
      if (!verify(f).empty()) return false;
    }
    ++tried_;
    if (!holds_(candidate)) return false;
    ++kept_;
    best_ = std::move(candidate);
    return true;
  }

  void one_input() {
    for (size_t i = 0; best_.inputs.size() > 1 && i < best_.inputs.size(); ++i) {
      if (attempt([&](Case& test) { test.inputs = {test.inputs[i]}; })) return;
    }
  }

  void drop_functions() {
    for (size_t i = best_.functions.size(); i-- > 0;) {
      if (i == best_.entry) continue;
      attempt([&](Case& test) {
        test.functions.erase(test.functions.begin() + static_cast<std::ptrdiff_t>(i));
        if (i < test.entry) --test.entry;
      });
    }
  }

  // The instructions of function `k`, in layout order.
  static std::vector<Inst> instructions(const Function& f) {
    std::vector<Inst> out;
    for (Block block : f.blocks()) {
      for (Inst inst : f.insts(block)) out.push_back(inst);
    }
    return out;
  }

  // A branch becomes a jump to one of its targets.
  void branches() {
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      for (Inst inst : instructions(best_.functions[k])) {
        const Function& f = best_.functions[k];
        if (f.inst_block(inst).is_none() || !f.info(inst).is_terminator()) continue;
        const size_t targets = f.block_calls(inst).size();
        for (size_t t = 0; targets > 1 && t < targets; ++t) {
          if (attempt([&](Case& test) {
                Function& g = test.functions[k];
                const BlockCall call = g.block_calls(inst)[t];
                g.replace_inst(inst, {.opcode = Opcode::kJump, .calls = g.make_calls({&call, 1})});
                clean_up(g);
              })) {
            break;
          }
        }
      }
    }
  }

  // An instruction's results become constants (0, then 1), and it goes.
  static void make_constant(Function& f, Inst inst, uint64_t value) {
    const std::vector<Value> results(f.results(inst).begin(), f.results(inst).end());
    for (Value result : results) {
      const Type type = f.value_type(result);
      const Inst constant = f.make_inst(
          {.opcode = Opcode::kIconst, .type = type, .imm = value & (~uint64_t(0) >> (64 - type.bits()))});
      f.make_results(constant);
      f.insert_inst_before(constant, inst);
      const Value replacement = f.result(constant);
      replace_uses(f, result, replacement);
    }
    f.remove_inst(inst);
  }
  static void replace_uses(Function& f, Value from, Value to) {
    for (Block block : f.blocks()) {
      for (Inst user : f.insts(block)) {
        f.for_each_use_mutable(user, [&](Value& v) {
          if (f.resolve(v) == from) v = to;
        });
      }
    }
  }

  // Whole ranges of instructions at once, halving the length.
  void remove_ranges() {
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      size_t length = instructions(best_.functions[k]).size() / 2;
      for (; length >= 2; length /= 2) {
        for (size_t begin = 0;; begin += length) {
          const std::vector<Inst> all = instructions(best_.functions[k]);
          if (begin >= all.size()) break;
          std::vector<Inst> range;  // what there is to do: an edit that changes nothing would be kept for ever
          for (size_t i = begin; i < std::min(all.size(), begin + length); ++i) {
            const Function& f = best_.functions[k];
            if (is_removable(f, all[i]) && f.inst(all[i]).opcode != Opcode::kIconst) range.push_back(all[i]);
          }
          if (range.empty()) continue;
          attempt([&](Case& test) {
            for (Inst inst : range) make_constant(test.functions[k], inst, 0);
            clean_up(test.functions[k]);
          });
        }
      }
    }
  }

  void replace_results() {
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      const std::vector<Inst> all = instructions(best_.functions[k]);
      for (size_t i = all.size(); i-- > 0;) {
        const Inst inst = all[i];
        const Function& f = best_.functions[k];
        if (f.inst_block(inst).is_none() || !is_removable(f, inst) || f.inst(inst).opcode == Opcode::kIconst) continue;
        for (uint64_t value : {uint64_t(0), uint64_t(1), ~uint64_t(0)}) {
          if (attempt([&](Case& test) {
                make_constant(test.functions[k], inst, value);
                clean_up(test.functions[k]);
              })) {
            break;
          }
        }
      }
    }
  }

  // A result becomes one of the instruction's own operands, or a parameter of the function, of its type.
  void forward_operands() {
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      for (Inst inst : instructions(best_.functions[k])) {
        const Function& f = best_.functions[k];
        if (f.inst_block(inst).is_none() || f.results(inst).size() != 1) continue;
        const Value result = f.result(inst);
        std::vector<Value> candidates(f.args(inst).begin(), f.args(inst).end());
        const auto params = f.block_params(f.entry_block());
        if (f.inst(inst).opcode != Opcode::kIconst) candidates.insert(candidates.end(), params.begin(), params.end());
        for (Value candidate : candidates) {
          if (f.value_type(candidate) != f.value_type(result)) continue;
          if (attempt([&](Case& test) {
                Function& g = test.functions[k];
                replace_uses(g, result, candidate);
                g.remove_inst(inst);
                clean_up(g);
              })) {
            break;
          }
        }
      }
    }
  }

  // A block that is entered by one jump only is appended to the block that jumps.
  void merge_blocks() {
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      bool merged = true;
      while (merged) {
        merged = false;
        const Function& f = best_.functions[k];
        std::vector<unsigned> entries(f.block_count());
        for (Block block : f.blocks()) {
          const Inst last = f.terminator(block);
          if (last.is_none()) continue;
          for (const BlockCall& call : f.block_calls(last)) ++entries[call.block.index];
        }
        for (Block block : f.blocks()) {
          const Inst last = f.terminator(block);
          if (last.is_none() || f.inst(last).opcode != Opcode::kJump) continue;
          const Block target = f.block_calls(last)[0].block;
          if (target == block || entries[target.index] != 1) continue;
          merged = attempt([&](Case& test) {
            Function& g = test.functions[k];
            const BlockCall call = g.block_calls(last)[0];
            const std::vector<Value> params(g.block_params(target).begin(), g.block_params(target).end());
            std::vector<Value> args;
            for (BlockArg arg : g.args(call)) args.push_back(arg.value());
            for (size_t i = 0; i < params.size(); ++i) replace_uses(g, params[i], args[i]);
            g.remove_inst(last);
            if (!g.first_inst(target).is_none()) g.move_tail(g.first_inst(target), block);
            g.remove_block(target);
          });
          if (merged) break;
        }
      }
    }
  }

  void shrink_constants() {
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      for (Inst inst : instructions(best_.functions[k])) {
        if (best_.functions[k].inst_block(inst).is_none()) continue;
        const InstData data = best_.functions[k].inst(inst);
        if (data.opcode == Opcode::kIconst) {
          for (uint64_t value : {uint64_t(0), uint64_t(1), ~uint64_t(0), data.imm & 0xff, data.imm & 0xffff}) {
            if (value == data.imm) break;
            const uint64_t canonical = value & (~uint64_t(0) >> (64 - data.type.bits()));
            if (canonical == data.imm) break;
            if (attempt([&](Case& test) { test.functions[k].inst(inst).imm = canonical; })) break;
          }
        } else if (data.flags != MemFlags() && !best_.functions[k].info(inst).is_terminator()) {
          attempt([&](Case& test) { test.functions[k].inst(inst).flags = MemFlags(); });
        }
      }
    }
  }

  void shrink_inputs() {
    for (size_t i = 0; i < best_.inputs.size(); ++i) {
      for (size_t a = 0; a < best_.inputs[i].args.size(); ++a) {
        const DataValue value = best_.inputs[i].args[a];
        const auto bits = static_cast<uint64_t>(value.bits());
        for (uint64_t smaller : {uint64_t(0), uint64_t(1), bits & 0xff, bits & 0xffff, bits & 0xffffffff}) {
          const DataValue candidate(value.type(), smaller);
          if (smaller >= bits) continue;
          if (attempt([&](Case& test) { test.inputs[i].args[a] = candidate; })) break;
        }
      }
    }
  }

  // Results and parameters of the entry function that do not matter.
  void shrink_signature() {
    Function& f = best_.functions[best_.entry];
    for (size_t i = f.signature.returns.size(); i-- > 0;) {
      attempt([&](Case& test) {
        Function& g = test.functions[test.entry];
        g.signature.returns.erase(g.signature.returns.begin() + static_cast<std::ptrdiff_t>(i));
        for (Inst inst : instructions(g)) {
          if (g.inst(inst).opcode != Opcode::kReturn) continue;
          std::vector<Value> args(g.args(inst).begin(), g.args(inst).end());
          args.erase(args.begin() + static_cast<std::ptrdiff_t>(i));
          g.inst(inst).args = g.make_values(args);
        }
        clean_up(g);
      });
    }
    for (size_t i = best_.functions[best_.entry].signature.params.size(); i-- > 0;) {
      attempt([&](Case& test) {
        Function& g = test.functions[test.entry];
        const Value param = g.block_params(g.entry_block())[i];
        bool used = false;
        for (Inst inst : instructions(g)) g.for_each_use(inst, [&](Value v) { used |= g.resolve(v) == param; });
        if (used) {
          const Inst constant = g.make_inst(
              {.opcode = Opcode::kIconst,
               .type = g.value_type(param),
               .imm = test.inputs[0].args[i].as_u64()});
          g.make_results(constant);
          g.insert_inst_before(constant, g.first_inst(g.entry_block()));
          replace_uses(g, param, g.result(constant));
        }
        g.remove_block_param(g.entry_block(), static_cast<unsigned>(i));
        g.signature.params.erase(g.signature.params.begin() + static_cast<std::ptrdiff_t>(i));
        for (oracles::TestInput& input : test.inputs) input.args.erase(input.args.begin() + static_cast<std::ptrdiff_t>(i));
      });
    }
  }

  void shrink_preamble() {
    for (size_t i = best_.regions.size(); i-- > 0;) {
      attempt([&](Case& test) { test.regions.erase(test.regions.begin() + static_cast<std::ptrdiff_t>(i)); });
    }
    for (size_t i = 0; i < best_.regions.size(); ++i) {
      if (best_.regions[i].fill != oracles::RegionDirective::Fill::kSeed) continue;
      attempt([&](Case& test) {
        test.regions[i].fill = oracles::RegionDirective::Fill::kByte;
        test.regions[i].value = 0;
      });
    }
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      const Function& f = best_.functions[k];
      bool slots = false, callees = false, signatures = false;
      for (Inst inst : instructions(f)) {
        const Opcode opcode = f.inst(inst).opcode;
        slots |= opcode == Opcode::kStackAddr;
        callees |= opcode == Opcode::kCall || opcode == Opcode::kFuncAddr;
        signatures |= opcode == Opcode::kCallIndirect;
      }
      // Only what is there and unused: an edit that changes nothing would be kept for ever.
      if (!slots && !f.stack_slots.empty()) attempt([&](Case& test) { test.functions[k].stack_slots.clear(); });
      if (!callees && !best_.functions[k].functions.empty()) {
        attempt([&](Case& test) { test.functions[k].functions.clear(); });
      }
      if (!callees && !signatures && !best_.functions[k].signatures.empty()) {
        attempt([&](Case& test) { test.functions[k].signatures.clear(); });
      }
    }
  }

  Case best_;
  const std::function<bool(const Case&)>& holds_;
  std::chrono::steady_clock::time_point deadline_;
  unsigned tried_ = 0, kept_ = 0;
};

}  // namespace

ReduceResult reduce(const Case& test, const std::function<bool(const Case&)>& holds, const ReduceOptions& options) {
  return Reducer(test, holds, options.seconds).run();
}

Expected<ReduceResult> reduce(oracles::Harness& harness, const Case& test, const ReduceOptions& options) {
  std::vector<oracles::Finding> findings;
  check_case(harness, test, findings, true);
  if (findings.empty()) return fail("nothing is wrong with this case", "reduce needs a case that `assay test` fails on");
  const std::string key = findings[0].key();
  const std::function<bool(const Case&)> holds = [&](const Case& candidate) {
    std::vector<oracles::Finding> now;
    check_case(harness, candidate, now);
    return std::any_of(now.begin(), now.end(), [&](const oracles::Finding& f) { return f.key() == key; });
  };
  ReduceResult result = reduce(test, holds, options);
  result.key = key;
  std::vector<oracles::Finding> last;
  check_case(harness, result.reduced, last);
  for (const oracles::Finding& finding : last) {
    if (finding.key() == key) {
      result.finding = oracles::describe(finding);
      break;
    }
  }
  return result;
}

}  // namespace assay::fuzz
