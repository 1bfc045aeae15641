// See reduce.h.
#include "fuzz/reduce.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <span>

#include "compiler/ir/verifier.h"
#include "fuzz/reduce_edits.h"

namespace assay::fuzz {

using namespace ir;

namespace {

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
      cut_early();
      drop_functions();
      shrink_signature();
      branches();
      replace_results();
      forward_operands();
      inline_calls();
      merge_blocks();
      name_values();
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
    if constexpr (std::is_same_v<decltype(edit(candidate)), bool>) {
      if (!edit(candidate)) return false;  // it does not apply
    } else {
      edit(candidate);
    }
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
        if (attempt([&](Case& test) { return edit(test, chunk); })) {
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

  // The entry function returns as early as it can: what it computes last, or any of what it computes before. Elsewhere,
  // and where that does not do, blocks end with a return of zeros.
  void cut_early() {
    constexpr size_t kTries = 64;
    const std::vector<Inst> candidates = instructions(entry());
    const size_t stride = candidates.size() / kTries + 1;
    for (size_t i = stride - 1; i < candidates.size() && !out_of_time(); i += stride) {
      const Inst inst = candidates[i];
      if (entry().results(inst).empty()) continue;
      // It must get shorter: shrink_signature takes the result away again if it does not matter.
      const unsigned before = count_instructions(best_);
      if (attempt([&](Case& test) { return return_early(test, inst) && count_instructions(test) < before; })) break;
    }
    for (size_t k = best_.functions.size(); k-- > 0;) {
      for (Block block : std::vector<Block>(best_.functions[k].blocks().begin(), best_.functions[k].blocks().end())) {
        const Function& f = best_.functions[k];
        const Inst last = f.is_inserted(block) ? f.terminator(block) : Inst();
        if (last.is_none() || f.inst(last).opcode == Opcode::kReturn) continue;
        attempt([&](Case& test) {
          const bool done = return_zeros(test.functions[k], last);
          clean_up(test.functions[k]);
          return done;
        });
      }
    }
  }
  void inline_calls() {
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      for (Inst inst : instructions(best_.functions[k])) {
        if (best_.functions[k].inst(inst).opcode != Opcode::kCall) continue;
        attempt([&](Case& test) { return inline_call(test, k, inst); });
      }
    }
  }

  // What the entry function computes before what matters becomes an argument of it, of the value that the interpreter
  // finds for it: the last first, so that all that it is made of goes at once.
  void name_values() {
    if (best_.inputs.size() != 1) return;
    const std::vector<Inst> candidates = instructions(entry());
    for (size_t i = candidates.size(); i-- > 0 && !out_of_time();) {
      const Inst inst = candidates[i];
      if (entry().inst_block(inst).is_none() || entry().results(inst).empty()) continue;
      const auto values = first_results(best_, inst);
      if (values) attempt([&](Case& test) { return make_parameters(test, inst, *values); });
    }
  }

  // What can go, one way or another. An edit that changes nothing would be kept for ever.
  std::vector<Inst> removable(size_t k) const {
    const Function& f = best_.functions[k];
    std::vector<Inst> out;
    for (Inst inst : instructions(f)) {
      const auto results = f.results(inst);
      if (!f.info(inst).is_terminator() && !is_constant(f, inst) &&
          std::ranges::all_of(results, [&](Value v) { return is_scalar(f.value_type(v)); })) {
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
        for (const int value : {1, -1}) {
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

  // Simpler values, the simplest first; then one bit less, or one more at the top.
  static std::vector<uint64_t> simpler(uint64_t value, unsigned bits) {
    const uint64_t mask = ~uint64_t(0) >> (64 - bits);
    std::vector<uint64_t> out;
    // Distance from 0, at equal distance the positive number first: every step goes down, so that there is an end.
    const auto rank = [&](uint64_t v) {
      const uint64_t minus = (uint64_t(0) - v) & mask;
      return std::pair(std::min(v, minus), v > minus);
    };
    for (uint64_t candidate : {uint64_t(0), uint64_t(1), mask, uint64_t(2), value & 0xf, value & 0xff, value & 0xffff,
                               value & 0xffffffff, (uint64_t(1) << (bits - 1)) & value}) {
      if (rank(candidate) < rank(value)) out.push_back(candidate);
    }
    for (unsigned bit = bits; bit-- > 0;) {
      const uint64_t candidate = value ^ uint64_t(1) << bit;
      if (rank(candidate) < rank(value)) out.push_back(candidate);
    }
    return out;
  }
  // Lowers a number by attempts that set it, until none succeeds.
  template <class Set>
  void lower(uint64_t value, unsigned bits, Set set) {
    for (bool lowered = true; lowered && !out_of_time();) {
      lowered = false;
      for (uint64_t candidate : simpler(value, bits)) {
        if (!attempt([&](Case& test) { set(test, candidate); })) continue;
        value = candidate;
        lowered = true;
        break;
      }
    }
  }

  // Of floats: 0, 1, then fewer digits. Each has fewer bits that are set, or is one of these two: there is an end.
  template <class Set>
  void lower_float(Type type, unsigned __int128 value, Set set) {
    const unsigned __int128 one = small_number(type, 1);
    std::vector<unsigned __int128> candidates;
    if (value != 0) candidates.push_back(0);
    if (value != 0 && value != one) candidates.push_back(one);
    for (unsigned cut = type.bits() - 1; cut > 3 && value != one; cut -= 4) {
      const unsigned __int128 less = value >> cut << cut;
      if (less != value && less != 0) candidates.push_back(less);
    }
    for (const unsigned __int128 candidate : candidates) {
      if (attempt([&](Case& test) { set(test, candidate); })) return;
    }
  }

  void shrink_constants() {
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      for (Inst inst : instructions(best_.functions[k])) {
        if (best_.functions[k].inst_block(inst).is_none()) continue;
        const InstData data = best_.functions[k].inst(inst);
        if (data.opcode == Opcode::kIconst) {
          lower(data.imm, data.type.bits(), [&](Case& test, uint64_t v) { test.functions[k].inst(inst).imm = v; });
        } else if (is_constant(best_.functions[k], inst) && data.opcode != Opcode::kF128const &&
                   best_.functions[k].args(inst).empty()) {
          lower_float(
              best_.functions[k].value_type(best_.functions[k].result(inst)), data.imm,
              [&](Case& test, unsigned __int128 v) { test.functions[k].inst(inst).imm = static_cast<uint64_t>(v); });
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
        const auto set = [&](Case& test, unsigned __int128 v) { test.inputs[i].args[a] = DataValue(value.type(), v); };
        if (value.type().is_float()) lower_float(value.type(), value.bits(), set);
        if (!value.type().is_int()) continue;
        const bool is_cut = (value.bits() >> 64) == 0 || attempt([&](Case& test) { set(test, value.as_u64()); });
        if (is_cut) lower(value.as_u64(), std::min<unsigned>(value.type().bits(), 64), set);
      }
    }
  }

  // Results of functions that no other calls, and parameters of the entry function, that do not matter.
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
    for (size_t k = 0; k < best_.functions.size(); ++k) {
      if (k != best_.entry && is_called(best_, best_.functions[k])) continue;
      in_chunks([&] { return numbers(best_.functions[k].signature.returns.size()); },
                [&](Case& test, std::span<const size_t> chunk) {
                  Function& g = test.functions[k];
                  erase(g.signature.returns, chunk);
                  for (Inst inst : instructions(g)) {
                    if (g.inst(inst).opcode != Opcode::kReturn) continue;
                    std::vector<Value> args(g.args(inst).begin(), g.args(inst).end());
                    erase(args, chunk);
                    g.inst(inst).args = g.make_values(args);
                  }
                  clean_up(g);
                });
    }
    in_chunks([&] { return numbers(entry().signature.params.size()); },
              [&](Case& test, std::span<const size_t> chunk) {
                Function& g = test.functions[test.entry];
                const Block block = g.entry_block();
                std::vector<bool> used(g.value_count());
                for (Inst inst : instructions(g))
                  g.for_each_use(inst, [&](Value v) { used[g.resolve(v).index] = true; });
                for (size_t i : chunk) {
                  if (used[g.block_params(block)[i].index]) return false;
                }
                for (size_t n = chunk.size(); n-- > 0;) {
                  g.remove_block_param(block, static_cast<unsigned>(chunk[n]));
                }
                erase(g.signature.params, chunk);
                for (oracles::TestInput& input : test.inputs) erase(input.args, chunk);
                return true;
              });
    for (std::vector<AbiParam> Signature::* list : {&Signature::returns, &Signature::params}) {
      for (size_t i = 0; i < (entry().signature.*list).size(); ++i) {
        if ((entry().signature.*list)[i].extension == Extension::kNone) continue;
        attempt([&](Case& test) { (test.functions[test.entry].signature.*list)[i].extension = Extension::kNone; });
      }
    }
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

// Is what a machine does different from what it should do, in whatever way?
bool is_behaviour(oracles::FindingKind kind) {
  using enum oracles::FindingKind;
  return kind == Result || kind == Outcome || kind == Memory || kind == Fault || kind == Hang;
}

// Should the program trap? What a wild access meets differs between executors, so that one that does not trap tells
// less.
bool should_trap(const oracles::Finding& finding) { return finding.key().ends_with(", should trap"); }

}  // namespace

bool is_same_failure(const oracles::Finding& found, const oracles::Finding& wanted, bool any_symptom) {
  if (any_symptom && is_behaviour(found.kind) && is_behaviour(wanted.kind)) {
    return found.isa == wanted.isa && (should_trap(wanted) || !should_trap(found));
  }
  return found.key() == wanted.key();
}

namespace {

const oracles::Finding* find_same(std::span<const oracles::Finding> findings, const oracles::Finding& wanted,
                                  bool any_symptom) {
  for (const oracles::Finding& finding : findings) {
    if (is_same_failure(finding, wanted, any_symptom)) return &finding;
  }
  return nullptr;
}

bool fails_alike(oracles::Harness& harness, const Case& test, const oracles::Finding& wanted, bool any_symptom) {
  std::vector<oracles::Finding> findings;
  check_isolated(harness, test, findings);
  return find_same(findings, wanted, any_symptom) != nullptr;
}

// As little of the harness as still has the finding: one ISA, one level, one executor or none. It costs little to find
// out, and saves as much on every candidate.
oracles::HarnessOptions narrowed(oracles::HarnessOptions options, const Case& test, const oracles::Finding& finding) {
  const auto keep_if_it_fails = [&](oracles::HarnessOptions less) {
    oracles::Harness harness(less);
    if (fails_alike(harness, test, finding, false)) options = std::move(less);
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
  const oracles::Finding wanted = findings[0];
  oracles::Harness harness(narrowed(harness_options, test, wanted));
  Case start = test;
  start.choice_seed = 0;
  if (test.choice_seed != 0 && !fails_alike(harness, start, wanted, false)) start.choice_seed = test.choice_seed;
  // Every candidate is checked in a process of its own, a copy of this one: it should find compilers and engines made.
  if (const auto warm_up = parse_case("function %f() {\nblock0:\n return\n}\n; print: %f()\n", "warm-up")) {
    std::vector<oracles::Finding> none;
    check_case(harness, *warm_up, none);
  }
  ReduceResult result = reduce(
      start, [&](const Case& candidate) { return fails_alike(harness, candidate, wanted, options.any_symptom); },
      options);
  std::vector<oracles::Finding> last;
  check_isolated(harness, result.reduced, last);
  const oracles::Finding* left = find_same(last, wanted, options.any_symptom);
  result.key = left != nullptr ? left->key() : wanted.key();
  if (left != nullptr) result.finding = oracles::describe(*left);
  return result;
}

}  // namespace assay::fuzz
