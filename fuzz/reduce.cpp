// See reduce.h.
#include "fuzz/reduce.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <span>

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

bool is_plain_branch(const Function& f, Inst inst) {
  const Opcode opcode = f.inst(inst).opcode;
  return opcode == Opcode::kJump || opcode == Opcode::kBrif || opcode == Opcode::kBrTable;
}

void remove_unreachable_blocks(Function& f) {
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
}

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

// Unreachable blocks, instructions without effect whose results nobody needs, and parameters of blocks that nobody
// needs go. Linear.
void clean_up(Function& f) {
  f.resolve_all_aliases();
  remove_unreachable_blocks(f);
  const std::vector<bool> live = find_live_values(f);
  const auto is_live = [&](Value v) { return live[v.index]; };
  for (Block block : f.blocks()) {
    for (Inst inst = f.last_inst(block); !inst.is_none();) {
      const Inst previous = f.prev_inst(inst);
      const OperationInfo& info = f.info(inst);
      const auto results = f.results(inst);
      const bool needed = info.is_terminator() || info.effects != Effects{} ||
                          std::any_of(results.begin(), results.end(), is_live);
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

class Reducer {
 public:
  Reducer(Case best, const std::function<bool(const Case&)>& holds, double seconds)
      : best_(std::move(best)),
        holds_(holds),
        deadline_(std::chrono::steady_clock::now() + std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000))) {}

  ReduceResult run() {
    attempt([](Case& test) {
      for (Function& f : test.functions) clean_up(f);
    });
    unsigned before = 0;
    do {
      before = kept_;
      one_input();
      drop_functions();
      shrink_signature();
      branches();
      replace_results();
      forward_operands();
      merge_blocks();
      shrink_constants();
      shrink_inputs();
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
    for (oracles::TestInput& input : candidate.inputs) input.seed = input_seed(input.args);
    for (Function& f : candidate.functions) {
      if (!verify(f).empty()) return false;
    }
    ++tried_;
    if (!holds_(candidate)) return false;
    ++kept_;
    best_ = std::move(candidate);
    return true;
  }

  // Applies `edit(case, chunk)` to chunks of what `list()` has, of half the list first, then of half that, down to
  // `shortest`. An edit that is kept makes the list shorter.
  template <class List, class Edit>
  void in_chunks(List list, Edit edit, size_t shortest = 1) {
    for (size_t length = (list().size() + 1) / 2; length >= shortest && !out_of_time(); length /= 2) {
      auto items = list();
      for (size_t begin = 0; begin < items.size() && !out_of_time();) {
        const auto chunk = std::span(items).subspan(begin, std::min(length, items.size() - begin));
        if (attempt([&](Case& test) { edit(test, chunk); })) {
          const size_t before = items.size();
          items = list();
          if (items.size() < before) continue;
        }
        begin += length;
      }
    }
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

  // Branches become jumps to one of their targets: many to their first or last, one to any.
  void branches() {
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      const auto list = [&] {
        std::vector<Inst> out;
        for (Inst inst : instructions(best_.functions[k])) {
          if (is_plain_branch(best_.functions[k], inst) && best_.functions[k].block_calls(inst).size() > 1) {
            out.push_back(inst);
          }
        }
        return out;
      };
      const auto take = [&](Case& test, std::span<const Inst> chunk, size_t target) {
        Function& g = test.functions[k];
        for (Inst inst : chunk) {
          const auto calls = g.block_calls(inst);
          const BlockCall call = calls[std::min(target, calls.size() - 1)];
          g.replace_inst(inst, {.opcode = Opcode::kJump, .calls = g.make_calls({&call, 1})});
        }
        clean_up(g);
      };
      in_chunks(list, [&](Case& test, std::span<const Inst> chunk) { take(test, chunk, 0); });
      in_chunks(list, [&](Case& test, std::span<const Inst> chunk) { take(test, chunk, SIZE_MAX); });
      for (Inst inst : list()) {
        if (best_.functions[k].inst_block(inst).is_none()) continue;
        const size_t targets = best_.functions[k].block_calls(inst).size();
        for (size_t t = 1; t + 1 < targets; ++t) {
          if (attempt([&](Case& test) { take(test, {&inst, 1}, t); })) break;
        }
      }
    }
  }

  // Every use of a value that has a replacement becomes one of that, or of what that is replaced by.
  static void replace_uses(Function& f, std::vector<Value> replacements) {
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
  static Value insert_constant(Function& f, Inst before, Type type, uint64_t value) {
    const Inst constant = f.make_inst(
        {.opcode = Opcode::kIconst, .type = type, .imm = value & (~uint64_t(0) >> (64 - type.bits()))});
    f.make_results(constant);
    f.insert_inst_before(constant, before);
    return f.result(constant);
  }
  // The instructions' results become constants, and they go.
  static void make_constants(Function& f, std::span<const Inst> insts, uint64_t value) {
    std::vector<Value> replacements(f.value_count());
    for (Inst inst : insts) {
      const std::vector<Value> results(f.results(inst).begin(), f.results(inst).end());
      for (Value result : results) replacements[result.index] = insert_constant(f, inst, f.value_type(result), value);
    }
    replace_uses(f, replacements);
    for (Inst inst : insts) f.remove_inst(inst);
    clean_up(f);
  }
  // Results become, by number, other values of their type, of which they are made or which are always in scope.
  static void forward(Function& f, std::span<const Inst> insts, std::span<const Value> to) {
    std::vector<Value> replacements(f.value_count());
    for (size_t i = 0; i < insts.size(); ++i) replacements[f.resolve(f.result(insts[i])).index] = f.resolve(to[i]);
    replace_uses(f, replacements);
    for (Inst inst : insts) f.remove_inst(inst);
    clean_up(f);
  }
  // What can go, one way or another. An edit that changes nothing would be kept for ever.
  std::vector<Inst> removable(size_t k) const {
    const Function& f = best_.functions[k];
    std::vector<Inst> out;
    for (Inst inst : instructions(f)) {
      const auto results = f.results(inst);
      if (!f.info(inst).is_terminator() && f.inst(inst).opcode != Opcode::kIconst &&
          std::all_of(results.begin(), results.end(), [&](Value v) { return f.value_type(v).is_int(); })) {
        out.push_back(inst);
      }
    }
    return out;
  }
  // The first operand that has the type of the only result.
  static Value operand_like_result(const Function& f, Inst inst) {
    if (f.results(inst).size() != 1) return {};
    for (Value arg : f.args(inst)) {
      if (f.value_type(arg) == f.value_type(f.result(inst))) return arg;
    }
    return {};
  }

  void replace_results() {
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      const auto zero = [&](Case& test, std::span<const Inst> chunk) { make_constants(test.functions[k], chunk, 0); };
      constexpr size_t kFewest = 8;  // of long chains nothing can go before they are shorter
      in_chunks([&] { return removable(k); }, zero, kFewest);
      const auto forwardable = [&] {
        std::vector<Inst> out = removable(k);
        std::erase_if(out, [&](Inst inst) { return operand_like_result(best_.functions[k], inst).is_none(); });
        return out;
      };
      in_chunks(forwardable, [&](Case& test, std::span<const Inst> chunk) {
        std::vector<Value> to;
        for (Inst inst : chunk) to.push_back(operand_like_result(test.functions[k], inst));
        forward(test.functions[k], chunk, to);
      });
      in_chunks([&] { return removable(k); }, zero);
      const std::vector<Inst> left = removable(k);
      for (size_t i = left.size(); i-- > 0;) {
        if (best_.functions[k].inst_block(left[i]).is_none()) continue;
        for (uint64_t value : {uint64_t(1), ~uint64_t(0)}) {
          if (attempt([&](Case& test) { make_constants(test.functions[k], {&left[i], 1}, value); })) break;
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
          if (attempt([&](Case& test) { forward(test.functions[k], {&inst, 1}, {&candidate, 1}); })) break;
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
            std::vector<Value> replacements(g.value_count());
            for (size_t i = 0; i < params.size(); ++i) replacements[params[i].index] = args[i];
            replace_uses(g, replacements);
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
    const auto numbers = [](size_t count) {
      std::vector<size_t> out(count);
      std::iota(out.begin(), out.end(), size_t(0));
      return out;
    };
    // `items` without those at `chunk`, which rises.
    const auto erase = [](auto& items, std::span<const size_t> chunk) {
      size_t at = 0, next = 0;
      std::erase_if(items, [&](const auto&) {
        const bool gone = next < chunk.size() && chunk[next] == at++;
        next += gone;
        return gone;
      });
    };
    in_chunks([&] { return numbers(entry().signature.returns.size()); },
              [&](Case& test, std::span<const size_t> chunk) {
                Function& g = test.functions[test.entry];
                erase(g.signature.returns, chunk);
                for (Inst inst : instructions(g)) {
                  if (g.inst(inst).opcode != Opcode::kReturn) continue;
                  std::vector<Value> args(g.args(inst).begin(), g.args(inst).end());
                  erase(args, chunk);
                  g.inst(inst).args = g.make_values(args);
                }
                clean_up(g);
              });
    in_chunks([&] { return numbers(entry().signature.params.size()); },
              [&](Case& test, std::span<const size_t> chunk) {
                Function& g = test.functions[test.entry];
                const Block block = g.entry_block();
                std::vector<bool> used(g.value_count());
                for (Inst inst : instructions(g))
                  g.for_each_use(inst, [&](Value v) { used[g.resolve(v).index] = true; });
                std::vector<Value> replacements(g.value_count());
                for (size_t i : chunk) {
                  const Value param = g.block_params(block)[i];
                  if (!used[param.index]) continue;
                  replacements[param.index] =
                      insert_constant(g, g.first_inst(block), g.value_type(param), test.inputs[0].args[i].as_u64());
                }
                replace_uses(g, replacements);
                for (size_t n = chunk.size(); n-- > 0;) {
                  g.remove_block_param(block, static_cast<unsigned>(chunk[n]));
                }
                erase(g.signature.params, chunk);
                for (oracles::TestInput& input : test.inputs) erase(input.args, chunk);
              });
  }
  const Function& entry() const { return best_.functions[best_.entry]; }

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

namespace {

bool has_key(oracles::Harness& harness, const Case& test, const std::string& key) {
  std::vector<oracles::Finding> findings;
  check_isolated(harness, test, findings);
  return std::any_of(findings.begin(), findings.end(), [&](const oracles::Finding& f) { return f.key() == key; });
}

// As little of the harness as still has the finding: one ISA, one level, one executor or none. It costs little to find
// out, and saves as much on every candidate.
oracles::HarnessOptions narrowed(oracles::HarnessOptions options, const Case& test, const oracles::Finding& finding) {
  const auto keep_if_it_fails = [&](oracles::HarnessOptions less) {
    oracles::Harness harness(less);
    if (has_key(harness, test, finding.key())) options = std::move(less);
  };
  const bool is_crash = finding.kind == oracles::FindingKind::Crash;
  const std::vector<IsaKind> isas = is_crash ? options.isas : std::vector{finding.isa};
  const std::vector<machine::OptLevel> levels = is_crash ? options.opt_levels : std::vector{finding.opt_level};
  for (size_t i = 0; i < isas.size() && options.isas.size() > 1; ++i) {
    oracles::HarnessOptions less = options;
    less.isas = {isas[i]};
    keep_if_it_fails(std::move(less));
  }
  for (size_t i = 0; i < levels.size() && options.opt_levels.size() > 1; ++i) {
    oracles::HarnessOptions less = options;
    less.opt_levels = {levels[i]};
    keep_if_it_fails(std::move(less));
  }
  oracles::HarnessOptions less = options;
  less.unicorn = finding.executor.starts_with("unicorn");
  less.native = finding.executor.starts_with("native");
  less.qemu = finding.executor.starts_with("qemu");
  keep_if_it_fails(std::move(less));
  return options;
}

}  // namespace

Expected<ReduceResult> reduce(const oracles::HarnessOptions& harness_options, const Case& test,
                              const ReduceOptions& options) {
  std::vector<oracles::Finding> findings;
  {
    oracles::Harness harness(harness_options);
    check_isolated(harness, test, findings);
  }
  if (findings.empty())
    return fail("nothing is wrong with this case", "reduce needs a case that `assay test` fails on");
  const std::string key = findings[0].key();
  oracles::Harness harness(narrowed(harness_options, test, findings[0]));
  // Every candidate is checked in a process of its own, a copy of this one: it should find compilers and engines made.
  if (const auto warm_up = parse_case("function %f() {\nblock0:\n return\n}\n; print: %f()\n", "warm-up")) {
    std::vector<oracles::Finding> none;
    check_case(harness, *warm_up, none);
  }
  ReduceResult result = reduce(test, [&](const Case& candidate) { return has_key(harness, candidate, key); }, options);
  result.key = key;
  std::vector<oracles::Finding> last;
  check_isolated(harness, result.reduced, last);
  for (const oracles::Finding& finding : last) {
    if (finding.key() == key) {
      result.finding = oracles::describe(finding);
      break;
    }
  }
  return result;
}

}  // namespace assay::fuzz
