// Code over virtual registers against CLIF: the first CLIF value that is not what the interpreter has, and who made it.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <tuple>
#include <unordered_map>

#include "compiler/ir/printer.h"
#include "compiler/machine/abi.h"
#include "compiler/machine/expand.h"
#include "fuzz/reduce_edits.h"
#include "fuzz/triage_parts.h"

namespace assay::fuzz {

using namespace ir;
using oracles::ExecutorKind;

namespace {

constexpr char kExterns[] = "compiler/machine/lower_externs.cpp";

uint64_t low_bits(uint64_t value, unsigned bits) { return bits >= 64 ? value : value & ((uint64_t(1) << bits) - 1); }
uint64_t low_bits(uint64_t value, Type type) { return low_bits(value, type.bits()); }

// Is the float where a register of the ISA has it? NaNs are all one.
bool holds_float(IsaKind isa, const notation::Bits& found, const DataValue& expected) {
  const unsigned bits = expected.type().bits();
  if (bits > 64) return true;
  const unsigned fraction = bits == 64 ? 52 : bits == 32 ? 23 : 10;
  const uint64_t infinity = low_bits(~uint64_t(0), bits - 1) >> fraction << fraction;
  const auto is_nan = [&](uint64_t v) { return low_bits(v, bits - 1) > infinity; };
  const uint64_t wanted = expected.as_u64();
  // On s390x on the left.
  const uint64_t part = isa == IsaKind::s390x ? found.words[0] >> (64 - bits) : low_bits(found.words[0], bits);
  return part == wanted || (is_nan(part) && is_nan(wanted));
}

struct WrongValue {
  size_t event = 0;
  Value value;
  bool is_param = false;  // of a block
  uint32_t block = 0;     // is_param: of VCode
  uint32_t inst = 0;      // else: of VCode
  uint64_t found = 0, expected = 0;
};

// Values that are addresses, or made of them: they need not be what they are in the interpreter.
std::vector<bool> made_of_addresses(const Function& f) {
  std::vector<bool> out(f.value_count());
  const auto is_one = [&](Value v) { return out[f.resolve(v).index]; };
  for (bool changed = true; changed;) {
    changed = false;
    const auto mark = [&](Value v) {
      changed |= !out[v.index];
      out[v.index] = true;
    };
    for (Block block : f.blocks()) {
      for (Inst inst : f.insts(block)) {
        const Opcode opcode = f.inst(inst).opcode;
        const bool makes_one = opcode == Opcode::kStackAddr || opcode == Opcode::kFuncAddr ||
                               opcode == Opcode::kGetFramePointer || opcode == Opcode::kGetStackPointer ||
                               opcode == Opcode::kGetReturnAddress;
        const bool reads = (f.info(inst).effects & kCanLoad) != 0 || f.info(inst).is_call();
        if (makes_one || (!reads && std::ranges::any_of(f.args(inst), is_one))) {
          for (Value v : f.results(inst)) mark(v);
        }
        for (const BlockCall& call : f.block_calls(inst)) {
          const auto args = f.args(call);
          const auto params = f.block_params(call.block);
          for (size_t i = 0; i < args.size() && i < params.size(); ++i) {
            if (args[i].is_value() && is_one(args[i].value())) mark(params[i]);
          }
        }
      }
    }
  }
  return out;
}

std::optional<WrongValue> first_wrong_value(TriageContext& context, const std::vector<TraceEvent>& events) {
  const Function& f = context.entry();
  const oracles::VCodeFunction& code = context.traces.code(ExecutorKind::Virtual);
  struct Held {
    Value value;
    bool is_high = false;  // the upper half of an i128
  };
  std::unordered_map<uint32_t, std::vector<Held>> values_in;  // by virtual register
  for (uint32_t v = 0; v < code.value_regs.size() && v < f.value_count(); ++v) {
    if (f.value_kind(Value(v)) == ValueKind::kAlias) continue;
    const machine::ValueRegs regs = code.value_regs[v];
    if (regs.low.is_virtual()) values_in[regs.low.virtual_index()].push_back({Value(v)});
    if (regs.high.is_virtual()) values_in[regs.high.virtual_index()].push_back({Value(v), true});
  }
  ClifValues clif(context.test, byte_order(context.isa));
  const std::vector<bool> addresses = made_of_addresses(f);
  std::vector<bool> seen[2] = {addresses, addresses};  // low halves, high halves
  for (size_t e = 0; e < events.size(); ++e) {
    const TraceEvent& event = events[e];
    for (const oracles::VCodeValue& made : event.defined) {
      if (!made.reg.is_virtual()) continue;
      const auto found = values_in.find(made.reg.virtual_index());
      if (found == values_in.end()) continue;
      for (const auto& [v, is_high] : found->second) {
        if (seen[is_high][v.index]) continue;
        seen[is_high][v.index] = true;
        const Type type = f.value_type(v);
        if (!type.is_int() && !type.is_float()) continue;
        const auto expected = clif.first(v);
        if (!expected) continue;
        const uint64_t wanted = static_cast<uint64_t>(expected->bits() >> (is_high ? 64 : 0));
        const bool is_right = type.is_float() ? holds_float(context.isa, made.value, *expected)
                                              : low_bits(made.value.low(), type) == low_bits(wanted, type);
        if (is_right) continue;
        return WrongValue{e, v, event.is_entry, event.inst, event.inst, low_bits(made.value.low(), type), wanted};
      }
    }
  }
  return std::nullopt;
}

// The terminator after which the machine goes to a block that the interpreter never gets to, before event `end`.
Inst first_wrong_way(TriageContext& context, const std::vector<TraceEvent>& events, size_t end) {
  const Function& f = context.entry();
  const machine::VCode& code = context.traces.code(ExecutorKind::Virtual).code;
  std::vector<int> reached(f.block_count(), -1);
  Inst last;
  for (size_t e = 0; e < end; ++e) {
    if (events[e].is_entry) continue;
    const machine::Inst& inst = code.insts[events[e].inst];
    const auto block = std::ranges::find_if(code.blocks, [&](const machine::VBlock& b) {
      return b.first_inst <= events[e].inst && events[e].inst < b.end_inst;
    });
    if (block != code.blocks.end() && block->source_block != machine::kNoSource) {
      int& known = reached[block->source_block];
      if (known < 0) known = reaches(context.test, Block(block->source_block), byte_order(context.isa));
      if (known == 0) return last;
    }
    if (inst.source != machine::kNoSource && inst.source < f.inst_count() &&
        f.info(Inst(inst.source)).is_terminator()) {
      last = Inst(inst.source);
    }
  }
  return {};
}

// Two edges of one branch to the same block with different arguments.
bool has_twin_edges(const Function& f) {
  for (Block block : f.blocks()) {
    const Inst last = f.terminator(block);
    if (last.is_none()) continue;
    const auto calls = f.block_calls(last);
    for (size_t a = 0; a < calls.size(); ++a) {
      for (size_t b = a + 1; b < calls.size(); ++b) {
        if (calls[a].block == calls[b].block && !std::ranges::equal(f.args(calls[a]), f.args(calls[b]))) return true;
      }
    }
  }
  return false;
}

// The rules that made code for a CLIF instruction.
std::vector<isle::RuleId> rules_for(TriageContext& context, Inst source) {
  std::vector<isle::RuleId> out;
  const machine::VCode& code = context.traces.code(ExecutorKind::Virtual).code;
  for (uint32_t i = 0; i < code.insts.size(); ++i) {
    if (code.insts[i].source != source.index) continue;
    for (isle::RuleId rule : context.traces.rules_of(i)) {
      if (std::ranges::find(out, rule) == out.end()) out.push_back(rule);
    }
  }
  return out;
}

// Whose machine code was running when the machine faulted: the last instruction that ran before, or the one after it.
Inst faulting(TriageContext& context, const oracles::Outcome& outcome, const std::vector<TraceEvent>& events) {
  const Function& f = context.entry();
  const machine::VCode& code = context.traces.code(ExecutorKind::Virtual).code;
  const auto last =
      std::ranges::find_if(events.rbegin(), events.rend(), [](const TraceEvent& e) { return !e.is_entry; });
  const uint64_t step = outcome.fault_pc - oracles::memory_map::kCodeBase;
  const uint64_t first = context.traces.session().entry_step(ExecutorKind::Virtual, context.test.entry);
  uint32_t inst = last == events.rend() ? 0 : last->inst;
  if (step >= first && step - first < code.insts.size()) inst = static_cast<uint32_t>(step - first);
  for (uint32_t i = inst + 1; i-- > 0;) {
    if (code.insts[i].source < f.inst_count()) return Inst(code.insts[i].source);
  }
  return {};
}

bool is_direct_call(Opcode opcode) { return opcode == Opcode::kCall || opcode == Opcode::kReturnCall; }

// Whom a call calls, as far as that can be read.
std::optional<ExternalName> callee_of(const Function& f, Inst call) {
  const Opcode opcode = f.inst(call).opcode;
  if (is_direct_call(opcode)) return f.functions[f.inst(call).func_ref()].name;
  if (opcode != Opcode::kCallIndirect && opcode != Opcode::kReturnCallIndirect) return std::nullopt;
  const ValueDef def = f.value_def(f.resolve(f.arg(call, 0)));
  if (def.kind != ValueKind::kResult) return std::nullopt;
  const InstData& data = f.inst(def.inst);
  if (data.opcode == Opcode::kFuncAddr) return f.functions[data.func_ref()].name;
  if (data.opcode == Opcode::kSymbolValue) return f.global_values[data.global_value()].name;
  return std::nullopt;
}

// The caller keeps the contract, and yet the result of a call is wrong: the callee, by itself, on the same arguments.
void blame_call(TriageContext& context, Inst call) {
  const bool is_of_callee = look_into_callee(context, call, [](TriageContext& callee) {
    if (!fails_before_allocation(callee, callee.test)) return false;
    blame_lowering(callee);
    return true;
  });
  if (!is_of_callee) context.blame(Decision::Call, "a call goes wrong");
}

// Does code for `source` read a constant that is none of the instruction's, nor of those that are part of it? One that
// was made for another value serves only the same value at the same type.
bool blame_constants(TriageContext& context, Inst source) {
  const Function& f = context.entry();
  const machine::VCode& code = context.traces.code(ExecutorKind::Virtual).code;
  std::vector<uint32_t> maker(code.vreg_classes.size(), machine::kNoSource);  // by virtual register
  std::vector<uint32_t> block_of(code.insts.size());
  for (uint32_t b = 0; b < code.blocks.size(); ++b) {
    for (uint32_t i = code.blocks[b].first_inst; i < code.blocks[b].end_inst; ++i) {
      block_of[i] = b;
      for (const machine::Operand& operand : code.operands_of(code.insts[i])) {
        if (operand.is_def() && operand.reg.is_virtual()) maker[operand.reg.virtual_index()] = i;
      }
    }
  }
  constexpr unsigned kDeepest = 4;
  std::vector<Inst> cone = {source};
  for (size_t begin = 0, depth = 0; depth < kDeepest; ++depth) {
    const size_t end = cone.size();
    for (; begin < end; ++begin) {
      f.for_each_use(cone[begin], [&](Value use) {
        const ValueDef def = f.value_def(f.resolve(use));
        if (def.kind == ValueKind::kResult) cone.push_back(def.inst);
      });
    }
  }
  const auto is_constant = [&](uint32_t inst) {
    return inst < f.inst_count() && f.inst(Inst(inst)).opcode == Opcode::kIconst;
  };
  for (uint32_t i = 0; i < code.insts.size(); ++i) {
    if (code.insts[i].source != source.index) continue;
    for (const machine::Operand& operand : code.operands_of(code.insts[i])) {
      if (!operand.is_use() || !operand.reg.is_virtual()) continue;
      const uint32_t made = maker[operand.reg.virtual_index()];
      if (made == machine::kNoSource || !is_constant(code.insts[made].source)) continue;
      const Inst constant(code.insts[made].source);
      const bool is_meant = std::ranges::any_of(cone, [&](Inst other) {
        return f.inst(other).opcode == Opcode::kIconst && f.inst(other).imm == f.inst(constant).imm &&
               f.value_type(f.result(other)) == f.value_type(f.result(constant));
      });
      if (is_meant) continue;
      const bool is_elsewhere = block_of[made] != block_of[i];
      context.blame(is_elsewhere ? Decision::ConstantsHoisted : Decision::ConstantsKept,
                    "`" + context.traces.print(ExecutorKind::Virtual, i) + "` reads what was made for " +
                        ir::print_inst(f, constant));
      return true;
    }
  }
  return false;
}

bool has_code(TriageContext& context, Inst source) {
  const machine::VCode& code = context.traces.code(ExecutorKind::Virtual).code;
  return std::ranges::any_of(code.insts, [&](const machine::Inst& inst) { return inst.source == source.index; });
}

// The externs that rules call, held against their specs.
bool blame_helpers(TriageContext& context) {
  if (!context.options.wrong_helpers) return false;
  const std::vector<std::string> wrong = context.options.wrong_helpers(context.isa);
  for (const std::string& term : wrong) {
    context.blame(CulpritKind::Function, "LowerContext::" + term, kExterns, 0,
                  "this term's C++ does not do what its spec says");
  }
  if (wrong.empty()) context.note("the C++ that rules call agrees with its specs");
  return !wrong.empty();
}

// How far from the inside a rule stands in the chains of rules that made instructions; those of whole operations last.
size_t depth_in_chains(TriageContext& context, const std::string& name) {
  size_t depth = 0;
  for (const isle::RuleInfo& rule : context.traces.isa().rules) {
    if (rule.name == name && rule.term.starts_with("lower")) depth = context.traces.isa().rules.size();
  }
  const machine::VCode& code = context.traces.code(ExecutorKind::Virtual).code;
  for (uint32_t i = 0; i < code.insts.size(); ++i) {
    const std::vector<isle::RuleId> chain = context.traces.rules_of(i);
    for (size_t k = 0; k < chain.size(); ++k) {
      if (context.traces.isa().rules[chain[k].index].name == name) depth = std::max(depth, k);
    }
  }
  return depth;
}

}  // namespace

bool look_into_callee(TriageContext& context, Inst call, const std::function<bool(TriageContext&)>& look) {
  constexpr unsigned kDeepest = 8;
  const Function& f = context.entry();
  const std::optional<ExternalName> name = callee_of(f, call);
  if (!name || context.depth >= kDeepest) return false;
  Case inner = context.test;
  uint32_t k = 0;
  while (k < inner.functions.size() && (!(inner.functions[k].name == *name) || k == context.test.entry)) ++k;
  if (k == inner.functions.size()) return false;
  inner.entry = k;
  ClifValues values(context.test, byte_order(context.isa));
  std::vector<DataValue> args;
  for (Value arg : f.args(call).subspan(is_direct_call(f.inst(call).opcode) ? 0 : 1)) {  // the address comes first
    const auto value = values.first(arg);
    if (!value) return false;
    args.push_back(*value);
  }
  inner.inputs = {{.args = args, .seed = input_seed(args)}};
  StageTraces traces(inner, context.isa, context.level, context.traces.options().choice_seed, context.options.harness);
  if (!traces.problem().empty()) return false;
  TriageContext callee{
      inner,  context.options, context.isa,      context.level, interpret(inner, byte_order(context.isa)),
      traces, context.result,  context.depth + 1};
  const size_t noted = context.result.evidence.size();
  const bool is_of_callee = look(callee);
  context.result.evidence.insert(context.result.evidence.begin() + static_cast<ptrdiff_t>(noted),
                                 is_of_callee
                                     ? "a call goes wrong: its callee " + to_string(*name) + " is looked at by itself"
                                     : "a call goes wrong, but not its callee " + to_string(*name) + " by itself");
  return is_of_callee;
}

// Of the rules that are refuted, one that another's proof takes apart explains that one; and a rule that has no proof
// of its own is taken apart in those of its users, so if the case passes without it, their failure is its own. Where
// that leaves several, the proofs that fail tell, and programs that were made for each: those in which the rule to
// blame takes part fail, whoever calls it, and the others do not. The programs also weigh more than some proof that a
// rule without one of its own takes part in.
bool ask_judges(TriageContext& context, std::string_view complained_of) {
  constexpr size_t kMostInstructions = 6, kMostNamed = 5, kMostRepaired = 4;
  constexpr double kClearly = 0.1;  // of shares
  struct Suspect {
    Culprit culprit;
    size_t rank = 0;
    long share = 0;                // in what fails, programs and proofs, in twentieths
    size_t place = 0, number = 0;  // place: in its chain, innermost first
    bool stands_in_others = false;
    bool is_refuted = false, is_mended = false;  // is_mended: by one edit
  };
  std::vector<Suspect> suspects;
  std::vector<std::string> rules;
  for (const Culprit& culprit : context.result.culprits) {
    if (culprit.kind == CulpritKind::Rule) rules.push_back(culprit.name);
  }
  std::vector<Opinion> opinions;
  if (context.options.prove_rules && !rules.empty()) opinions = context.options.prove_rules(context.isa, rules);
  size_t next = 0;
  bool any_refuted = false;
  double refuted_share = 1;
  for (Culprit& culprit : context.result.culprits) {
    Opinion opinion;
    if (culprit.kind == CulpritKind::Rule && next < opinions.size()) opinion = std::move(opinions[next++]);
    if (opinion.asked) {
      culprit.reason += opinion.holds ? "; its proof stands" : "; the solver refutes it";
      context.note("rule " + culprit.name + (opinion.holds ? " is proven: " : " is refuted: ") + opinion.text);
    }
    const bool is_refuted = opinion.asked && !opinion.holds;
    const bool fixes = culprit.reason.starts_with(kFixesCase);
    if (is_refuted) refuted_share = any_refuted ? std::max(refuted_share, culprit.share) : culprit.share;
    any_refuted |= is_refuted;
    const size_t rank = is_refuted && fixes ? 0 : !opinion.asked && fixes ? 1 : is_refuted ? 2 : opinion.asked ? 4 : 3;
    const size_t place = is_refuted && culprit.name != complained_of ? depth_in_chains(context, culprit.name) + 1 : 0;
    const long share = std::lround(10 * (culprit.share + opinion.share));
    suspects.push_back({std::move(culprit), rank, share, place, suspects.size(),
                        opinion.asked && opinion.holds && !opinion.is_own, is_refuted});
  }
  for (Suspect& suspect : suspects) {
    if (suspect.stands_in_others && suspect.culprit.share > refuted_share + kClearly) suspect.rank = 2;
  }
  // A rule without which the case passes may only be one of those that call the rule to blame.
  double called_share = 0;
  for (const Suspect& suspect : suspects) {
    if (suspect.rank == 2 && !suspect.stands_in_others) called_share = std::max(called_share, suspect.culprit.share);
  }
  for (Suspect& suspect : suspects) {
    const bool is_weaker = suspect.culprit.share > 0 && suspect.culprit.share + kClearly < called_share;
    if (suspect.rank == 0 && is_weaker) suspect.rank = 2;
  }
  std::ranges::sort(suspects, {}, [](const Suspect& s) {
    return std::tuple(s.rank, s.rank == 0 || s.rank == 2 ? -s.share : 0, s.place, s.number);
  });
  // Of those that are refuted, what one edit mends comes first.
  std::vector<std::string> refuted;
  for (const Suspect& suspect : suspects) {
    if (suspect.is_refuted && refuted.size() < kMostRepaired) refuted.push_back(suspect.culprit.name);
  }
  std::vector<ProposedRepair> repairs;
  if (context.options.repair_rules && any_refuted) repairs = context.options.repair_rules(context.isa, refuted);
  for (const ProposedRepair& repair : repairs) {
    for (Suspect& suspect : suspects) {
      if (suspect.culprit.name != repair.rule || suspect.culprit.kind != CulpritKind::Rule) continue;
      suspect.culprit.reason += "; all proofs stand if it reads " + repair.change;
      suspect.is_mended = !repair.takes_away;
    }
  }
  for (size_t i = 0; i < suspects.size(); ++i) suspects[i].number = i;
  std::ranges::sort(suspects, {}, [](const Suspect& s) { return std::pair(!s.is_mended, s.number); });
  context.result.culprits.clear();
  if (!any_refuted) {
    blame_helpers(context);
    blame_definitions(context, ExecutorKind::Virtual, kMostInstructions);
  }
  const bool any_found = any_refuted || !context.result.culprits.empty();
  context.result.rules_stand = !any_found && context.options.prove_rules;
  for (Suspect& suspect : suspects) {
    if (context.result.culprits.size() < kMostNamed) context.result.culprits.push_back(std::move(suspect.culprit));
  }
  return any_found;
}

// A block's parameter is the first wrong value: of branches that go the wrong way, the rules are refuted; if none is,
// what is passed is wrong.
static void blame_block(TriageContext& context) {
  const Function& f = context.entry();
  const std::string what = "the first wrong value is a parameter of a block";
  context.note(what);
  std::vector<isle::RuleId> branches;
  for (Block block : f.blocks()) {
    const Inst last = f.terminator(block);
    if (last.is_none() || !f.info(last).is_branch()) continue;
    for (isle::RuleId rule : rules_for(context, last)) {
      if (std::ranges::find(branches, rule) == branches.end()) branches.push_back(rule);
    }
  }
  const std::vector<RuleSuspect> suspects = bisect_rules(context);
  if (!blame_rules(context, suspects, {}, branches) || !ask_judges(context)) context.result.culprits.clear();
  if (has_twin_edges(f)) {
    context.blame(Decision::EdgesOfBlocks, what + ", to which one branch passes different arguments on two edges");
  }
  context.blame(Decision::BlockArguments, what);
}

// The rules are right, as far as judges can tell: what the instruction reads is then wrong when it comes to be read
// again, through parameters of blocks or as a constant that serves other blocks. Blamed before the rules.
static void blame_operands(TriageContext& context, Inst source) {
  const Function& f = context.entry();
  bool reads_param = false, reads_constant = false;
  f.for_each_use(source, [&](Value use) {
    const ValueDef def = f.value_def(f.resolve(use));
    reads_param |= def.kind == ValueKind::kParam && def.block != f.entry_block();
    reads_constant |= def.kind == ValueKind::kResult && f.inst(def.inst).opcode == Opcode::kIconst &&
                      f.inst_block(def.inst) != f.inst_block(source);
  });
  std::vector<Culprit> rules = std::move(context.result.culprits);
  context.result.culprits.clear();
  if (reads_param) context.blame(Decision::BlockArguments, "no rule is refuted, and it reads a block's parameter");
  if (reads_constant)
    context.blame(Decision::ConstantsHoisted, "no rule is refuted, and it reads another block's constant");
  std::ranges::move(rules, std::back_inserter(context.result.culprits));
}

void blame_lowering(TriageContext& context) {
  if (blame_selection(context) || blame_expansion(context)) return;
  const Function& f = context.entry();
  StageTraces& traces = context.traces;
  oracles::Outcome outcome;
  const std::vector<TraceEvent> events = traces.trace(ExecutorKind::Virtual, outcome);
  const auto wrong = first_wrong_value(context, events);
  const Inst way = first_wrong_way(context, events, wrong ? wrong->event : events.size());
  Inst source;
  std::vector<isle::RuleId> emitted;

  if (!way.is_none()) {
    source = way;
    context.note("control goes another way than in the interpreter");
  } else if (wrong) {
    const ValueDef def = f.value_def(wrong->value);
    std::string at = "v" + std::to_string(wrong->value.index);
    if (def.kind == ValueKind::kResult) at = print_inst(f, def.inst);
    context.result.divergence = at + "\n  should be " + hex(wrong->expected) + "\n  is " + hex(wrong->found);
    if (wrong->is_param) return blame_block(context);
    emitted = traces.rules_of(wrong->inst);
    context.result.divergence += "\n  made by " + traces.print(ExecutorKind::Virtual, wrong->inst);
    if (def.kind == ValueKind::kParam) return context.blame(Decision::Arrival, "an argument arrives wrong");
    source = def.inst;
  } else if (context.expected.kind == interpreter::OutcomeKind::Trapped) {
    source = context.expected.function == context.test.entry ? context.expected.inst : Inst();
    if (outcome.kind == oracles::OutcomeKind::Trapped && outcome.trap_function == context.test.entry &&
        !(Inst(outcome.trap_inst) == source)) {
      context.note("another instruction traps than should");
      source = Inst(outcome.trap_inst);
    }
  } else if (outcome.kind == oracles::OutcomeKind::Trapped && outcome.trap_function == context.test.entry) {
    source = Inst(outcome.trap_inst);
  } else if (outcome.kind == oracles::OutcomeKind::Faulted) {
    source = faulting(context, outcome, events);
  }
  if (source.is_none()) {
    // The result, or memory: the last thing with an effect.
    for (Block block : f.blocks()) {
      for (Inst inst : f.insts(block)) {
        if (f.info(inst).effects != Effects{} && !f.info(inst).is_terminator()) source = inst;
      }
    }
  }
  if (!source.is_none()) {
    context.note("the first CLIF instruction whose machine code is wrong: " + print_inst(f, source));
    if (context.result.divergence.empty()) context.result.divergence = print_inst(f, source);
    if (!has_code(context, source) && f.info(source).effects != Effects{}) {
      context.blame(Decision::OneInstruction, "no machine code was made for an instruction that has an effect");
      return;
    }
    if (f.info(source).is_call()) return blame_call(context, source);
    if (blame_constants(context, source)) return;
  }
  if (!wrong && source.is_none()) {
    // What a tail call returns is its callee's.
    for (Block block : f.blocks()) {
      const Inst last = f.terminator(block);
      const bool is_tail = !last.is_none() && f.info(last).is_call();
      if (is_tail && reaches(context.test, block, byte_order(context.isa))) return blame_call(context, last);
    }
  }
  // What an expansion computes has no registers under its own name.
  if (!wrong && source.is_none() && !machine::needs_expansion(f, traces.isa(), false)) {
    // All values are right, what is returned is not: a constant that is made where it is returned has no register of
    // its own.
    std::vector<isle::RuleId> returning;
    for (Block block : f.blocks()) {
      const Inst last = f.terminator(block);
      if (last.is_none() || f.inst(last).opcode != Opcode::kReturn) continue;
      std::ranges::copy(rules_for(context, last), std::back_inserter(returning));
    }
    blame_rules(context, bisect_rules(context), {}, returning);
    if (!ask_judges(context)) context.result.culprits.clear();
    context.blame(Decision::Return, "all values are right, but not what is returned");
    return;
  }

  const std::vector<isle::RuleId> concerned =
      source.is_none() ? std::vector<isle::RuleId>{} : rules_for(context, source);
  const std::vector<RuleSuspect> suspects = bisect_rules(context);
  blame_rules(context, suspects, emitted, concerned);
  if (!ask_judges(context) && !source.is_none()) blame_operands(context, source);
  if (context.result.culprits.empty()) context.blame(Decision::Results, "no rule explains it");
}

// "(instruction 7)" of the entry function: the rules that made it.
static std::vector<isle::RuleId> rules_of_refused(TriageContext& context, const std::string& message) {
  constexpr std::string_view kMark = "(instruction ";
  const size_t at = message.find(kMark);
  const bool is_entry = message.find(ir::to_string(context.entry().name) + ":") != std::string::npos;
  if (at == std::string::npos || !is_entry || !context.traces.problem().empty()) return {};
  const unsigned long inst = std::strtoul(message.c_str() + at + kMark.size(), nullptr, 10);
  const size_t count = context.traces.code(ExecutorKind::Virtual).code.insts.size();
  return inst < count ? context.traces.rules_of(static_cast<uint32_t>(inst)) : std::vector<isle::RuleId>();
}

void blame_refused(TriageContext& context, const std::string& message) {
  context.result.divergence = message;
  const auto mentions = [&](const char* text) { return message.find(text) != std::string::npos; };
  const bool in_emitter = mentions("stage emit");
  const bool misplaced = !in_emitter && (mentions("before") || mentions("dominate") || mentions("defin"));
  if (misplaced) {
    context.blame(Decision::ConstantsPlaced,
                  "a register is used where it has no value: a constant may have been kept too long");
    context.blame(Decision::ConstantsKept, "the same");
  }
  if (blame_selection(context)) return;
  std::vector<Culprit> functions = std::move(context.result.culprits);
  context.result.culprits.clear();
  const bool helpers = blame_helpers(context);
  if (!misplaced || !helpers) {
    const std::vector<isle::RuleId> made = rules_of_refused(context, message);
    blame_rules(context, bisect_rules(context), made, {});
    const std::string_view innermost = made.empty() ? "" : context.traces.isa().rules[made[0].index].name;
    if (!misplaced) ask_judges(context, innermost);
  }
  std::vector<Culprit>& culprits = context.result.culprits;
  culprits.insert(misplaced ? culprits.begin() : culprits.end(), functions.begin(), functions.end());
}

}  // namespace assay::fuzz
