// See unroll_audit.h.
#include "compiler/opt/unroll_audit.h"

#include <algorithm>

#include "compiler/opt/changes.h"

namespace assay::opt {
namespace {

using ir::Block;
using ir::BlockCall;
using ir::Function;
using ir::Inst;
using ir::IntCC;
using ir::Opcode;
using ir::Value;

// Numbers of a loop's type, as the machine has them.
class Numbers {
 public:
  explicit Numbers(ir::Type type) : unused_(64 - type.bits()) {}

  uint64_t low(uint64_t n) const { return n << unused_ >> unused_; }
  bool holds(IntCC cc, uint64_t a, uint64_t b) const {
    const uint64_t x = a << unused_, y = b << unused_;
    const bool less = x < y, less_signed = static_cast<int64_t>(x) < static_cast<int64_t>(y);
    switch (cc) {
      case IntCC::kEq:
        return x == y;
      case IntCC::kNe:
        return x != y;
      case IntCC::kUlt:
        return less;
      case IntCC::kUge:
        return !less;
      case IntCC::kUle:
        return less || x == y;
      case IntCC::kUgt:
        return !less && x != y;
      case IntCC::kSlt:
        return less_signed;
      case IntCC::kSge:
        return !less_signed;
      case IntCC::kSle:
        return less_signed || x == y;
      case IntCC::kSgt:
        return !less_signed && x != y;
    }
    return false;
  }
  // What a straight line of the builder's instructions comes to; nothing if there is one that is not known here.
  std::optional<uint64_t> evaluate(const Function& f, Block block, Value wanted, uint64_t counter,
                                   uint64_t limit) const {
    std::vector<uint64_t> known(f.value_count());
    known[f.block_params(block)[0].index] = counter;
    known[f.block_params(block)[1].index] = limit;
    for (const Inst inst : f.insts(block)) {
      const ir::InstData& data = f.inst(inst);
      const auto arg = [&](size_t i) { return known[f.arg(inst, i).index]; };
      const auto choose = [&](IntCC cc) { return holds(cc, arg(0), arg(1)) ? arg(0) : arg(1); };
      uint64_t& result = known[f.result(inst).index];
      switch (data.opcode) {
        case Opcode::kIconst:
          result = static_cast<uint64_t>(data.imm);
          break;
        case Opcode::kIadd:
          result = arg(0) + arg(1);
          break;
        case Opcode::kIsub:
          result = arg(0) - arg(1);
          break;
        case Opcode::kUmax:
          result = choose(IntCC::kUgt);
          break;
        case Opcode::kUmin:
          result = choose(IntCC::kUlt);
          break;
        case Opcode::kSmax:
          result = choose(IntCC::kSgt);
          break;
        case Opcode::kSmin:
          result = choose(IntCC::kSlt);
          break;
        case Opcode::kIcmp:
          result = holds(data.int_cc(), arg(0), arg(1)) ? 1 : 0;
          break;
        default:
          return {};
      }
      result = data.opcode == Opcode::kIcmp ? result : low(result);
    }
    return known[wanted.index];
  }

 private:
  unsigned unused_;
};

class Audit {
 public:
  Audit(const Function& f, const ir::ControlFlowGraph& cfg, const Counted& c) : f_(f), cfg_(cfg), c_(c), n_(c.type) {}

  Responsible run(const BuildGuard& build_guard) const {
    const auto at_fault = [](const Change& change) { return Responsible{change.function, true}; };
    if (!is_test()) return at_fault(kLoopTest);
    if (!is_condition()) return at_fault(kCounter);
    if (const Change* wrong = wrong_step()) return at_fault(*wrong);
    if (!moves_towards_limit()) return at_fault(kTowardsLimit);
    if (c_.rounds) {
      if (!is_one_start()) return at_fault(kCounter);
      if (!are_rounds()) return at_fault(kRounds);
    }
    const bool is_sensible = c_.whole ? c_.rounds && *c_.rounds == c_.copies : c_.copies > 1 && c_.type.bits() >= 32;
    if (!is_sensible) return at_fault(kWorthwhile);
    if (c_.whole) return {kUnrollingWholly.function};
    return is_guard(build_guard) ? Responsible{kUnrollingInPart.function} : at_fault(kRoundsFollow);
  }

 private:
  bool in_loop(Block block) const { return std::ranges::find(c_.blocks, block) != c_.blocks.end(); }
  std::optional<uint64_t> constant(Value v) const {
    const Inst def = f_.def_inst(v);
    if (def.is_none() || f_.inst(def).opcode != Opcode::kIconst) return {};
    return n_.low(static_cast<uint64_t>(f_.inst(def).imm));
  }
  Value counter() const { return f_.block_params(c_.header)[c_.counter]; }

  bool is_test() const {
    if (c_.test != f_.terminator(c_.header) || f_.inst(c_.test).opcode != Opcode::kBrif) return false;
    const auto calls = f_.block_calls(c_.test);
    return in_loop(calls[c_.stays].block) && !in_loop(calls[1 - c_.stays].block);
  }

  // It stays while `counter cc limit`, and the limit is what it was.
  bool is_condition() const {
    const Value condition = f_.arg(c_.test, 0);
    if (condition == counter()) return c_.cc == (c_.stays == 0 ? IntCC::kNe : IntCC::kEq) && c_.constant == 0;
    const Inst compare = f_.def_inst(condition);
    if (compare.is_none() || f_.inst(compare).opcode != Opcode::kIcmp) return false;
    const bool is_left = f_.arg(compare, 0) == counter();
    if (!is_left && f_.arg(compare, 1) != counter()) return false;
    const Value limit = f_.arg(compare, is_left ? 1 : 0);
    if (const auto k = constant(limit)) {
      if (!c_.constant || n_.low(*c_.constant) != *k) return false;
    } else {
      const ir::ValueDef def = f_.value_def(limit);
      const Block block = def.kind == ir::ValueKind::kParam ? def.block : f_.inst_block(def.inst);
      if (c_.limit != limit || in_loop(block)) return false;
    }
    const IntCC cc = f_.inst(compare).int_cc();
    for (const auto& [a, b] : {std::pair<uint64_t, uint64_t>{0, 0}, {0, 1}, {1, 0}, {~0ull, 0}, {0, ~0ull}}) {
      const bool taken = is_left ? n_.holds(cc, a, b) : n_.holds(cc, b, a);
      if (n_.holds(c_.cc, a, b) != (taken == (c_.stays == 0))) return false;
    }
    return true;
  }

  // What a way back adds; nothing if that is not a constant.
  std::optional<uint64_t> added(Value next) const {
    const Inst def = f_.def_inst(next);
    if (def.is_none()) return {};
    const Opcode opcode = f_.inst(def).opcode;
    if (opcode == Opcode::kIadd && f_.arg(def, 0) == counter()) return constant(f_.arg(def, 1));
    if (opcode == Opcode::kIadd && f_.arg(def, 1) == counter()) return constant(f_.arg(def, 0));
    if (opcode != Opcode::kIsub || f_.arg(def, 0) != counter()) return {};
    const auto k = constant(f_.arg(def, 1));
    return k ? std::optional(n_.low(0 - *k)) : std::nullopt;
  }

  const Change* wrong_step() const {
    bool any_right = false, any_wrong = false;
    for (const Block block : c_.blocks) {
      for (const BlockCall& call : f_.block_calls(f_.terminator(block))) {
        if (call.block != c_.header) continue;
        const ir::BlockArg& arg = f_.args(call)[c_.counter];
        if (!arg.is_value()) return &kCounter;
        const auto step = added(arg.value());
        if (!step) return &kStep;
        (*step == n_.low(static_cast<uint64_t>(c_.step)) ? any_right : any_wrong) = true;
      }
    }
    if (any_wrong) return any_right ? &kCounter : &kStep;
    return any_right ? nullptr : &kCounter;
  }

  bool moves_towards_limit() const {
    if (c_.cc == IntCC::kEq) return false;
    if (c_.cc == IntCC::kNe) return c_.step == 1 || c_.step == -1;
    const bool is_below = n_.holds(c_.cc, 0, 1);  // as a signed and as an unsigned number
    return is_below ? c_.step > 0 : c_.step < 0;
  }

  std::optional<uint64_t> start() const {
    std::optional<uint64_t> one;
    for (const auto& from : cfg_.predecessors(c_.header)) {
      if (in_loop(from.block)) continue;
      const ir::BlockArg& arg = f_.args(f_.block_calls(from.branch)[from.call_index])[c_.counter];
      const auto k = arg.is_value() ? constant(arg.value()) : std::nullopt;
      if (!k || (one && *one != *k)) return {};
      one = k;
    }
    return one;
  }
  bool is_one_start() const { return start().has_value() && c_.constant.has_value(); }

  bool are_rounds() const {
    uint64_t at = *start();
    for (unsigned n = 0; n < *c_.rounds; ++n) {
      if (!n_.holds(c_.cc, at, *c_.constant)) return false;
      at = n_.low(at + static_cast<uint64_t>(c_.step));
    }
    return !n_.holds(c_.cc, at, *c_.constant);
  }

  // Numbers near to where something changes: 0, the greatest signed number, a known limit, by steps and by one.
  std::vector<uint64_t> samples() const {
    std::vector<uint64_t> bases = {0, uint64_t(1) << (c_.type.bits() - 1)};
    if (c_.constant) bases.push_back(*c_.constant);
    std::vector<uint64_t> out;
    const int64_t most = int64_t(c_.copies) + 1;
    for (const uint64_t base : bases) {
      for (int64_t rounds = -most; rounds <= most; ++rounds) {
        for (int64_t off = -2; off <= 2; ++off) out.push_back(n_.low(base + uint64_t(rounds * c_.step + off)));
      }
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  // Where the test before unrolled rounds says so, so many tests come out as staying.
  bool is_guard(const BuildGuard& build_guard) const {
    Function scratch;
    Counted twin = c_;
    twin.header = scratch.make_block();
    scratch.append_block(twin.header);
    twin.counter = 0;
    (void)scratch.append_block_param(twin.header, c_.type);
    const Value limit = scratch.append_block_param(twin.header, c_.type);
    twin.limit = c_.limit.is_none() ? Value() : limit;
    const Value guard = build_guard(scratch, twin);
    const std::vector<uint64_t> counters = samples();
    const std::vector<uint64_t> limits = c_.limit.is_none() ? std::vector{n_.low(*c_.constant)} : counters;
    for (const uint64_t end : limits) {
      for (const uint64_t begin : counters) {
        const auto enough = n_.evaluate(scratch, twin.header, guard, begin, end);
        if (!enough) return true;  // nothing is known of it
        uint64_t at = begin;
        for (unsigned n = 0; *enough != 0 && n < c_.copies; ++n) {
          if (!n_.holds(c_.cc, at, end)) return false;
          at = n_.low(at + static_cast<uint64_t>(c_.step));
        }
      }
    }
    return true;
  }

  const Function& f_;
  const ir::ControlFlowGraph& cfg_;
  const Counted& c_;
  const Numbers n_;
};

}  // namespace

Responsible audit_unrolling(const Function& function, const ir::ControlFlowGraph& cfg, const Counted& loop,
                            const BuildGuard& build_guard) {
  return Audit(function, cfg, loop).run(build_guard);
}

}  // namespace assay::opt
