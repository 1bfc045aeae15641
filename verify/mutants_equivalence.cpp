// See mutants_equivalence.h.
#include "verify/mutants_equivalence.h"

#include <algorithm>
#include <map>
#include <optional>

#include "verify/processor_limit.h"
#include "verify/smt.h"

namespace assay::verify {

namespace {

using notation::kNoNode;
using notation::NodeId;
using notation::Semantics;

// One instruction with its parameters chosen, as terms over inputs that both versions share.
class Meaning {
 public:
  Meaning(Terms& terms, const Semantics& sem)
      : terms_(terms),
        sem_(sem),
        nodes_(translate(
            terms, sem, [&](uint32_t i) { return input(sem.inputs[i]); },
            [&](uint32_t event, const z3::expr& address) { return load(event, address); })) {}

  const Semantics& sem() const { return sem_; }
  z3::expr node(NodeId id) const { return nodes_[static_cast<int>(id)]; }
  z3::expr required() const {
    z3::expr all = terms_.boolean(true);
    for (const NodeId id : sem_.required) all = all && node(id);
    return all;
  }
  z3::expr traps() const {
    z3::expr any = terms_.boolean(false);
    for (const notation::Trap& trap : sem_.traps) any = any || node(trap.condition);
    return any;
  }

 private:
  z3::expr input(const notation::Input& input) {
    const std::string name = std::to_string(static_cast<int>(input.kind)) + "_" + std::to_string(input.id);
    if (input.kind == notation::InputKind::Bool) return terms_.context().bool_const(name.c_str());
    if (input.kind == notation::InputKind::Imm) return terms_.context().bv_const(name.c_str(), 64);
    // Of whatever width, the low bits are the same.
    constexpr unsigned kWidest = 256;
    return terms_.low_bits(terms_.context().bv_const(name.c_str(), std::max<unsigned>(kWidest, input.width)),
                           input.width);
  }
  // Memory is a function of the address for each width, byte order and number of stores before.
  z3::expr load(uint32_t event, const z3::expr& address) {
    const notation::Event& e = sem_.events[event];
    const auto stores = std::count_if(sem_.events.begin(), sem_.events.begin() + event,
                                      [](const notation::Event& before) { return before.is_store; });
    const std::string name = "load" + std::to_string(e.bits) + (e.big_endian ? "be" : "le") + std::to_string(stores);
    z3::context& context = terms_.context();
    return context.function(name.c_str(), context.bv_sort(64), context.bv_sort(e.bits))(address);
  }

  Terms& terms_;
  const Semantics& sem_;
  z3::expr_vector nodes_;
};

// What has to hold for both to do the same; nothing if they differ in what they touch.
std::optional<z3::expr> same(Terms& terms, const Meaning& a, const Meaning& b) {
  const Semantics &x = a.sem(), &y = b.sem();
  if (x.events.size() != y.events.size() || (x.branch == kNoNode) != (y.branch == kNoNode) ||
      x.results.size() != y.results.size()) {
    return std::nullopt;
  }
  z3::expr all = terms.boolean(true);
  for (const notation::Assignment& result : x.results) {
    const auto other = std::find_if(y.results.begin(), y.results.end(),
                                    [&](const notation::Assignment& candidate) { return candidate.id == result.id; });
    if (other == y.results.end() || x.node(result.value).width != y.node(other->value).width) return std::nullopt;
    all = all && a.node(result.value) == b.node(other->value);
  }
  for (size_t i = 0; i < x.events.size(); ++i) {
    const notation::Event &e = x.events[i], &f = y.events[i];
    if (e.is_store != f.is_store || e.big_endian != f.big_endian || e.bits != f.bits) return std::nullopt;
    all = all && a.node(e.address) == b.node(f.address);
    if (e.is_store) all = all && a.node(e.value) == b.node(f.value);
  }
  if (x.branch != kNoNode) all = all && a.node(x.branch) == b.node(y.branch);
  return b.required() && a.traps() == b.traps() && (a.traps() || all);
}

bool mean_the_same(const Semantics& original, const Semantics& mutated, unsigned timeout_ms) {
  z3::context context;
  Terms terms(context);
  const Meaning a(terms, original), b(terms, mutated);
  const auto condition = same(terms, a, b);
  if (!condition) return false;
  z3::solver solver(context);
  solver.add(a.required());
  solver.add(!*condition);
  return check_within(solver, timeout_ms) == z3::unsat;
}

}  // namespace

bool mean_the_same(const notation::Definitions& original, const notation::Definitions& mutated,
                   const std::vector<std::string>& instructions, unsigned timeout_ms) {
  for (const std::string& name : instructions) {
    const int i = original.find_inst(name), k = mutated.find_inst(name);
    if (i < 0 || k < 0) return false;
    const notation::InstDef &x = original.insts[static_cast<size_t>(i)], &y = mutated.insts[static_cast<size_t>(k)];
    if (!x.has_sem && x.sem.traps.empty() && !y.has_sem && y.sem.traps.empty()) continue;
    bool all = true;
    notation::for_each_param_combination(original, x, [&](std::span<const unsigned> params) {
      Semantics before, after;
      Diagnostics errors;
      all = all && instantiate(original, x, params, before, errors) && instantiate(mutated, y, params, after, errors) &&
            mean_the_same(before, after, timeout_ms);
    });
    if (!all) return false;
  }
  return true;
}

}  // namespace assay::verify
