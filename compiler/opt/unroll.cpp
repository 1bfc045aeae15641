// See unroll.h.
#include "compiler/opt/unroll.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "compiler/ir/builder.h"
#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/loops.h"
#include "compiler/opt/changes.h"
#include "compiler/opt/unroll_audit.h"

namespace assay::opt {
namespace {

using ir::Block;
using ir::BlockArg;
using ir::BlockCall;
using ir::Function;
using ir::Inst;
using ir::InstBuilder;
using ir::InstData;
using ir::IntCC;
using ir::Loop;
using ir::Opcode;
using ir::Type;
using ir::Value;

constexpr unsigned kPasses = 3;
constexpr unsigned kMaxRounds = 32;       // of a loop that is unrolled wholly
constexpr unsigned kMaxWhole = 320;       // instructions that it may become
constexpr unsigned kMaxWholeBlocks = 96;  // and blocks
constexpr unsigned kMaxBody = 40;         // instructions of a loop that is unrolled in part
constexpr unsigned kMaxPart = 96;         // of all its copies
constexpr unsigned kMaxCopies = 4;        // then
constexpr unsigned kMaxBlocks = 16;       // of a loop
constexpr unsigned kMaxPartBlocks = 5;    // of one that is unrolled in part: more keep registers busy that go round
constexpr unsigned kMaxExits = 8;         // blocks that it is left to
constexpr uint64_t kMaxStep = 1 << 10;
constexpr uint64_t kGrowth = 4096;  // instructions that a function may grow by, beside as many as it has

class Unroller {
 public:
  Unroller(Function& f, Inst first, std::vector<Inst>& copied_from, UnrollStats& stats, Steps* steps)
      : f_(f), first_(first), copied_from_(copied_from), stats_(stats), steps_(steps) {}

  void run() {
    budget_ = f_.inst_count() + kGrowth;
    for (unsigned pass = 0; pass < kPasses; ++pass) {
      if (!one_pass()) break;
    }
  }

 private:
  // -- what counts --

  bool one_pass() {
    cfg_.compute(f_);
    dominators_.compute(f_, cfg_);
    loops_.compute(f_, cfg_, dominators_);
    if (loops_.size() == 0) return false;
    std::vector<char> has_inner(loops_.size(), 0);
    for (uint32_t l = 0; l < loops_.size(); ++l) {
      if (const Loop outer = loops_.parent(Loop(l)); !outer.is_none()) has_inner[outer.index] = 1;
    }
    std::vector<std::vector<Block>> blocks(loops_.size());
    for (const Block block : cfg_.reverse_postorder()) {
      const Loop loop = loops_.innermost(block);
      if (!loop.is_none() && has_inner[loop.index] == 0 && blocks[loop.index].size() <= kMaxBlocks) {
        blocks[loop.index].push_back(block);
      }
    }
    candidates_.clear();
    candidate_.assign(loops_.size(), kNone);
    for (uint32_t l = 0; l < loops_.size(); ++l) {
      if (blocks[l].empty() || blocks[l].size() > kMaxBlocks) continue;
      Counted c;
      c.header = loops_.header(Loop(l));
      c.blocks = std::move(blocks[l]);
      if (!counts(c, Loop(l)) || !worthwhile(c)) continue;
      if (!may_take(steps_, [&] { return answers_for(c); })) continue;
      candidate_[l] = static_cast<uint32_t>(candidates_.size());
      candidates_.push_back(std::move(c));
    }
    if (candidates_.empty()) return false;
    close();
    bool changed = false;
    for (Counted& c : candidates_) {
      const uint64_t added = uint64_t(c.copies) * c.size;
      if (!c.fits || added > budget_) continue;
      budget_ -= added;
      if (c.whole) {
        unroll_wholly(c);
      } else {
        unroll_in_part(c);
      }
      changed = true;
    }
    return changed;
  }

  bool is_done(Block header) const { return header.index < done_.size() && done_[header.index] != 0; }
  void set_done(Block header) {
    if (done_.size() <= header.index) done_.resize(f_.block_count());
    done_[header.index] = 1;
  }
  bool in_loop(Block block, Loop loop) const { return loops_.innermost(block) == loop; }

  bool counts(Counted& c, Loop loop) {
    if (c.header == f_.entry_block() || is_done(c.header) || f_.is_cold(c.header)) return false;
    for (const Block block : c.blocks) {
      const Inst last = f_.terminator(block);
      if (last.is_none()) return false;
      const Opcode end = f_.inst(last).opcode;
      if (end != Opcode::kJump && end != Opcode::kBrif && end != Opcode::kBrTable) return false;
      for (const BlockCall& call : f_.block_calls(last)) {
        if (!in_loop(call.block, loop) && std::ranges::find(c.exits, call.block) == c.exits.end()) {
          c.exits.push_back(call.block);
        }
      }
      for (const Inst inst : f_.insts(block)) {
        const ir::OperationInfo& info = f_.info(inst);
        if (info.variable_results) return false;  // calls
        const Opcode opcode = f_.inst(inst).opcode;
        if (opcode != Opcode::kIconst && opcode != Opcode::kJump) ++c.size;
      }
    }
    return c.exits.size() <= kMaxExits && find_test(c, loop) && find_counter(c, loop);
  }

  // A comparison that decides whether the loop is left.
  bool find_test(Counted& c, Loop loop) {
    c.test = f_.terminator(c.header);
    if (f_.inst(c.test).opcode != Opcode::kBrif) return false;
    const auto calls = f_.block_calls(c.test);
    const bool first = in_loop(calls[0].block, loop), second = in_loop(calls[1].block, loop);
    if (first == second) return false;
    c.stays = first ? 0 : 1;
    return calls[c.stays].block != c.header;
  }

  std::optional<uint64_t> constant(Value v) const {
    const Inst def = f_.def_inst(v);
    if (def.is_none() || f_.inst(def).opcode != Opcode::kIconst) return {};
    return f_.inst(def).imm;
  }
  Block def_block(Value v) const {
    const ir::ValueDef def = f_.value_def(v);
    return def.kind == ir::ValueKind::kParam ? def.block : f_.inst_block(def.inst);
  }

  bool find_counter(Counted& c, Loop loop) {
    const Value condition = f_.arg(c.test, 0);
    const auto params = f_.block_params(c.header);
    const auto is_counter = [&](Value v) {
      const auto at = std::ranges::find(params, v);
      if (at == params.end()) return false;
      c.counter = static_cast<unsigned>(at - params.begin());
      return true;
    };
    Value limit;
    const Inst def = f_.def_inst(condition);
    if (is_counter(condition)) {
      c.cc = IntCC::kNe;
      c.constant = 0;
    } else if (!def.is_none() && f_.inst(def).opcode == Opcode::kIcmp) {
      c.cc = f_.inst(def).int_cc();
      limit = f_.arg(def, 1);
      if (!is_counter(f_.arg(def, 0))) {
        if (!is_counter(limit)) return false;
        limit = f_.arg(def, 0);
        c.cc = ir::swap_operands(c.cc);
      }
    } else {
      return false;
    }
    c.type = f_.value_type(params[c.counter]);
    if (!c.type.is_int() || c.type.bits() > 64) return false;
    if (c.stays == 1) c.cc = ir::complement(c.cc);
    if (!limit.is_none()) {
      c.constant = constant(limit);
      if (!c.constant) {
        if (in_loop(def_block(limit), loop)) return false;
        c.limit = limit;
      }
    }
    // Every way back adds one constant; what comes in may be one constant.
    std::optional<uint64_t> start;
    bool one_start = true, any = false;
    for (const auto& from : cfg_.predecessors(c.header)) {
      const BlockCall& call = f_.block_calls(from.branch)[from.call_index];
      if (c.counter >= f_.args(call).size() || !f_.args(call)[c.counter].is_value()) return false;
      const Value arg = f_.args(call)[c.counter].value();
      if (!in_loop(from.block, loop)) {
        const auto value = constant(arg);
        one_start = one_start && value && (!start || *start == *value);
        start = value;
        continue;
      }
      const auto step = step_of(arg, params[c.counter], c.type);
      if (!step || (any && *step != c.step)) return false;
      c.step = *step;
      any = true;
    }
    if (!any || c.step == 0 || !moves_towards_limit(c)) return false;
    if (one_start && start && c.constant) c.rounds = count_rounds(c, *start);
    return true;
  }

  // What `next` is more than `counter`.
  std::optional<int64_t> step_of(Value next, Value counter, Type type) const {
    const Inst def = f_.def_inst(next);
    if (def.is_none()) return {};
    const Opcode opcode = f_.inst(def).opcode;
    if (opcode != Opcode::kIadd && opcode != Opcode::kIsub) return {};
    Value left = f_.arg(def, 0), right = f_.arg(def, 1);
    if (opcode == Opcode::kIadd && left != counter) std::swap(left, right);
    const auto k = constant(right);
    if (left != counter || !k) return {};
    const int64_t step = sign_extended(opcode == Opcode::kIadd ? *k : 0 - *k, type);
    if (step > int64_t(kMaxStep) || step < -int64_t(kMaxStep)) return {};
    return step;
  }

  static uint64_t mask(Type type) { return ~uint64_t(0) >> (64 - type.bits()); }
  static int64_t sign_extended(uint64_t k, Type type) {
    const unsigned unused = 64 - type.bits();
    return static_cast<int64_t>(k << unused) >> unused;
  }

  static bool moves_towards_limit(const Counted& c) {
    switch (c.cc) {
      case IntCC::kUlt:
      case IntCC::kUle:
      case IntCC::kSlt:
      case IntCC::kSle:
        return c.step > 0;
      case IntCC::kUgt:
      case IntCC::kUge:
      case IntCC::kSgt:
      case IntCC::kSge:
        return c.step < 0;
      case IntCC::kNe:
        return c.step == 1 || c.step == -1;
      case IntCC::kEq:
        return false;
    }
    return false;
  }

  static bool holds(IntCC cc, uint64_t a, uint64_t b, Type type) {
    const int64_t x = sign_extended(a, type), y = sign_extended(b, type);
    switch (cc) {
      case IntCC::kEq:
        return a == b;
      case IntCC::kNe:
        return a != b;
      case IntCC::kUlt:
        return a < b;
      case IntCC::kUle:
        return a <= b;
      case IntCC::kUgt:
        return a > b;
      case IntCC::kUge:
        return a >= b;
      case IntCC::kSlt:
        return x < y;
      case IntCC::kSle:
        return x <= y;
      case IntCC::kSgt:
        return x > y;
      case IntCC::kSge:
        return x >= y;
    }
    return false;
  }

  static std::optional<unsigned> count_rounds(const Counted& c, uint64_t start) {
    uint64_t at = start & mask(c.type);
    for (unsigned n = 0; n <= kMaxRounds; ++n) {
      if (!holds(c.cc, at, *c.constant & mask(c.type), c.type)) return n;
      at = (at + static_cast<uint64_t>(c.step)) & mask(c.type);
    }
    return {};
  }

  static bool worthwhile(Counted& c) {
    if (c.rounds && *c.rounds > 0 && *c.rounds * c.size <= kMaxWhole &&
        *c.rounds * c.blocks.size() <= kMaxWholeBlocks) {
      c.whole = true;
      c.copies = *c.rounds;
      return true;
    }
    if (c.size > kMaxBody || c.blocks.size() > kMaxPartBlocks || (c.rounds && *c.rounds < 2)) return false;
    c.copies = std::min<unsigned>(kMaxCopies, std::bit_floor(kMaxPart / c.size));
    // Narrow counters overflow within the distances that are added below.
    return c.copies > 1 && c.type.bits() >= 32;
  }

  // -- what is used after a loop (U4) --

  struct Use {
    uint32_t candidate;
    Value value;
    Inst inst;
    Block exit;
  };

  uint32_t candidate_at(Block block) const {
    const Loop loop = loops_.innermost(block);
    return loop.is_none() ? kNone : candidate_[loop.index];
  }

  void close() {
    std::vector<Use> uses;
    for (const Block block : cfg_.reverse_postorder()) {
      const uint32_t here = candidate_at(block);
      for (const Inst inst : f_.insts(block)) {
        f_.for_each_use(inst, [&](Value v) {
          const uint32_t from = candidate_at(def_block(v));
          if (from == kNone || from == here || !candidates_[from].fits) return;
          const Block exit = exit_before(candidates_[from], from, block);
          if (exit.is_none()) {
            candidates_[from].fits = false;
          } else {
            uses.push_back({from, v, inst, exit});
          }
        });
      }
    }
    std::ranges::sort(uses, [](const Use& a, const Use& b) {
      return std::tuple(a.candidate, a.exit, a.value) < std::tuple(b.candidate, b.exit, b.value);
    });
    for (size_t i = 0; i < uses.size();) {
      const Use& use = uses[i];
      size_t end = i;
      while (end < uses.size() && uses[end].candidate == use.candidate && uses[end].exit == use.exit &&
             uses[end].value == use.value) {
        ++end;
      }
      if (candidates_[use.candidate].fits) {
        const Value param = f_.append_block_param(use.exit, f_.value_type(use.value));
        for (const auto& from : cfg_.predecessors(use.exit)) {
          const BlockCall call = f_.block_calls(from.branch)[from.call_index];
          std::vector<BlockArg> args(f_.args(call).begin(), f_.args(call).end());
          args.push_back(use.value);
          f_.block_calls(from.branch)[from.call_index] = f_.make_block_call(call.block, args);
        }
        for (size_t k = i; k < end; ++k) {
          f_.for_each_use_mutable(uses[k].inst, [&](Value& v) {
            if (v == use.value) v = param;
          });
        }
      }
      i = end;
    }
  }

  // The exit through which every way from the loop to `block` goes, and no other way does.
  Block exit_before(const Counted& c, uint32_t candidate, Block block) const {
    for (const Block exit : c.exits) {
      if (!dominators_.dominates(exit, block)) continue;
      const bool only = std::ranges::all_of(cfg_.predecessors(exit),
                                            [&](const auto& from) { return candidate_at(from.block) == candidate; });
      return only ? exit : Block();
    }
    return {};
  }

  // -- copies --

  Value mapped(Value v) const { return v.index < map_.size() && !map_[v.index].is_none() ? map_[v.index] : v; }
  void map(Value from, Value to) {
    if (map_.size() <= from.index) map_.resize(f_.value_count());
    map_[from.index] = to;
    mapped_.push_back(from);
  }
  void forget_map() {
    for (const Value v : mapped_) map_[v.index] = {};
    mapped_.clear();
  }

  void note_copy(Inst copy, Inst of) {
    if (of >= first_ && of.index - first_.index < copied_from_.size()) {
      if (const Inst original = copied_from_[of.index - first_.index]; !original.is_none()) of = original;
    }
    const size_t at = copy.index - first_.index;
    if (copied_from_.size() <= at) copied_from_.resize(at + 1);
    copied_from_[at] = of;
    if (const uint32_t location = f_.source_location(of); location != ir::kNoSourceLocation) {
      f_.set_source_location(copy, location);
    }
    if (const auto tags = f_.debug_tags(of); !tags.empty()) f_.set_debug_tags(copy, {tags.begin(), tags.end()});
  }

  // A copy of the loop's first `count` blocks, behind the others; its ways back lead to `next`, or to itself.
  // Returns its header.
  Block copy(const Counted& c, Block next, size_t count) {
    std::vector<Block> made;
    for (size_t i = 0; i < count; ++i) {
      const Block block = f_.make_block();
      f_.insert_block_after(block, made.empty() ? c.blocks.back() : made.back());
      f_.set_cold(block, f_.is_cold(c.blocks[i]));
      made.push_back(block);
      for (size_t p = 0; p < f_.block_params(c.blocks[i]).size(); ++p) {
        const Value param = f_.block_params(c.blocks[i])[p];
        map(param, f_.append_block_param(block, f_.value_type(param)));
      }
    }
    if (next.is_none()) next = made[0];
    for (size_t i = 0; i < count; ++i) {
      for (const Inst inst : f_.insts(c.blocks[i])) {
        const Inst twin = f_.copy_inst(inst);
        f_.make_results(twin);
        f_.append_inst(twin, made[i]);
        note_copy(twin, inst);
        for (size_t r = 0; r < f_.results(inst).size(); ++r) map(f_.results(inst)[r], f_.results(twin)[r]);
      }
    }
    for (size_t i = 0; i < count; ++i) {
      for (const Inst inst : f_.insts(made[i])) f_.for_each_use_mutable(inst, [&](Value& v) { v = mapped(v); });
      for (BlockCall& call : f_.block_calls(f_.terminator(made[i]))) {
        if (call.block == c.header) {
          call.block = next;
        } else if (const auto at = std::ranges::find(c.blocks, call.block); at != c.blocks.end()) {
          const size_t place = static_cast<size_t>(at - c.blocks.begin());
          if (place < count) call.block = made[place];
        }
      }
    }
    forget_map();
    return made[0];
  }

  // The test of a header goes: it always takes this way.
  void decide(Block header, unsigned way) {
    const Inst test = f_.terminator(header);
    InstData jump;
    jump.opcode = Opcode::kJump;
    const BlockCall call = f_.block_calls(test)[way];
    jump.calls = f_.make_calls({&call, 1});
    f_.replace_inst(test, jump);
  }

  void redirect_ways_back(const Counted& c, Block to) {
    for (const Block block : c.blocks) {
      for (BlockCall& call : f_.block_calls(f_.terminator(block))) {
        if (call.block == c.header) call.block = to;
      }
    }
  }

  void unroll_wholly(const Counted& c) {
    Block next = copy(c, Block(), 1);
    decide(next, 1 - c.stays);
    for (unsigned n = 1; n < c.copies; ++n) {
      next = copy(c, next, c.blocks.size());
      decide(next, c.stays);
    }
    redirect_ways_back(c, next);
    decide(c.header, c.stays);
    ++stats_.unrolled_all;
  }

  void unroll_in_part(const Counted& c) {
    const Block rest = copy(c, Block(), c.blocks.size());
    Block next = c.header;
    for (unsigned n = 1; n < c.copies; ++n) {
      next = copy(c, next, c.blocks.size());
      decide(next, c.stays);
    }
    redirect_ways_back(c, next);
    // The header becomes the test before the copies; what it was, the first of them.
    const Block first = f_.make_block();
    f_.insert_block_after(first, c.header);
    for (size_t p = 0; p < f_.block_params(c.header).size(); ++p) {
      const Value param = f_.block_params(c.header)[p];
      map(param, f_.append_block_param(first, f_.value_type(param)));
    }
    f_.move_tail(f_.first_inst(c.header), first);
    for (const Block block : c.blocks) {
      for (const Inst inst : f_.insts(block == c.header ? first : block)) {
        f_.for_each_use_mutable(inst, [&](Value& v) { v = mapped(v); });
      }
    }
    forget_map();
    decide(first, c.stays);
    InstBuilder b(f_);
    b.set_block(c.header);
    const Value enough = rounds_follow(b, c);
    const std::vector<Value> params(f_.block_params(c.header).begin(), f_.block_params(c.header).end());
    b.brif(enough, b.call_to(first, params), b.call_to(rest, params));
    set_done(c.header);
    set_done(rest);
    ++stats_.unrolled;
  }

  // Whether the test of c.copies rounds from now on comes out as staying. The last of them sees the counter moved by
  // `distance`: it has to be on this side of the limit, and not to have overflowed.
  Value rounds_follow(InstBuilder& b, const Counted& c) {
    const Value counter = f_.block_params(c.header)[c.counter];
    const auto number = [&](uint64_t k) { return b.constant(c.type, k & mask(c.type)); };
    const Value limit = c.limit.is_none() ? number(*c.constant) : c.limit;
    const uint64_t distance = static_cast<uint64_t>(c.step < 0 ? -c.step : c.step) * (c.copies - 1);
    const uint64_t least = uint64_t(1) << (c.type.bits() - 1);
    const uint64_t greatest = least - 1;
    // An order that admits the limit itself reaches one further.
    switch (c.cc) {
      case IntCC::kUlt:
      case IntCC::kUle: {
        const uint64_t k = c.cc == IntCC::kUlt ? distance : distance - 1;
        return b.icmp(IntCC::kUlt, counter, b.isub(b.umax(limit, number(k)), number(k)));
      }
      case IntCC::kSlt:
      case IntCC::kSle: {
        const uint64_t k = c.cc == IntCC::kSlt ? distance : distance - 1;
        return b.icmp(IntCC::kSlt, counter, b.isub(b.smax(limit, number(least + k)), number(k)));
      }
      case IntCC::kUgt:
      case IntCC::kUge: {
        const uint64_t k = c.cc == IntCC::kUgt ? distance : distance - 1;
        return b.icmp(IntCC::kUgt, counter, b.iadd(b.umin(limit, number(mask(c.type) - k)), number(k)));
      }
      case IntCC::kSgt:
      case IntCC::kSge: {
        const uint64_t k = c.cc == IntCC::kSgt ? distance : distance - 1;
        return b.icmp(IntCC::kSgt, counter, b.iadd(b.smin(limit, number(greatest - k)), number(k)));
      }
      case IntCC::kNe:
      case IntCC::kEq:
        break;
    }
    const Value left = c.step > 0 ? b.isub(limit, counter) : b.isub(counter, limit);
    return b.icmp(IntCC::kUgt, left, number(distance));
  }

  // For whoever counts steps (unroll_audit.h).
  Responsible answers_for(const Counted& c) const {
    return audit_unrolling(f_, cfg_, c, [this](Function& f, const Counted& twin) {
      InstBuilder b(f);
      b.set_block(twin.header);
      return Unroller(f, first_, copied_from_, stats_, nullptr).rounds_follow(b, twin);
    });
  }

  static constexpr uint32_t kNone = 0xffffffffu;

  Function& f_;
  const Inst first_;
  std::vector<Inst>& copied_from_;
  UnrollStats& stats_;
  Steps* const steps_;
  uint64_t budget_ = 0;
  ir::ControlFlowGraph cfg_;
  ir::DominatorTree dominators_;
  ir::LoopForest loops_;
  std::vector<Counted> candidates_;
  std::vector<uint32_t> candidate_;  // by loop: its place in candidates_
  std::vector<char> done_;           // by header
  std::vector<Value> map_, mapped_;
};

}  // namespace

void unroll_loops(Function& function, Inst first, std::vector<Inst>& copied_from, UnrollStats& stats, Steps* steps) {
  Unroller(function, first, copied_from, stats, steps).run();
}

}  // namespace assay::opt
