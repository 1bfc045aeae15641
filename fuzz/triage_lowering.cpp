// Code over virtual registers against CLIF: the first CLIF value that is not what the interpreter has, and who made it.
#include <algorithm>
#include <unordered_map>

#include "compiler/ir/printer.h"
#include "compiler/machine/abi.h"
#include "fuzz/triage_parts.h"

namespace assay::fuzz {

using namespace ir;
using oracles::ExecutorKind;

namespace {

constexpr char kLower[] = "compiler/machine/lower.cpp";
constexpr char kCalls[] = "compiler/machine/lower_calls.cpp";
constexpr char kExterns[] = "compiler/machine/lower_externs.cpp";
constexpr char kAbi[] = "compiler/machine/abi.cpp";
constexpr char kOrder[] = "compiler/machine/block_order.cpp";

uint64_t low_bits(uint64_t value, Type type) {
  return type.bits() >= 64 ? value : value & ((uint64_t(1) << type.bits()) - 1);
}

struct WrongValue {
  Value value;
  bool is_param = false;  // of a block
  uint32_t block = 0;     // is_param: of VCode
  uint32_t inst = 0;      // else: of VCode
  uint64_t found = 0, expected = 0;
};

std::optional<WrongValue> first_wrong_value(TriageContext& context, const std::vector<TraceEvent>& events) {
  const Function& f = context.entry();
  const oracles::VCodeFunction& code = context.traces.code(ExecutorKind::Virtual);
  std::unordered_map<uint32_t, std::vector<Value>> values_in;  // by virtual register
  for (uint32_t v = 0; v < code.value_regs.size() && v < f.value_count(); ++v) {
    const machine::Reg reg = code.value_regs[v].low;  // of an i128 the low half
    if (reg.is_virtual() && f.value_kind(Value(v)) != ValueKind::kAlias) {
      values_in[reg.virtual_index()].push_back(Value(v));
    }
  }
  ClifValues clif(context.test, byte_order(context.isa));
  std::vector<bool> seen(f.value_count());
  for (const TraceEvent& event : events) {
    for (const oracles::VCodeValue& made : event.defined) {
      if (!made.reg.is_virtual()) continue;
      const auto found = values_in.find(made.reg.virtual_index());
      if (found == values_in.end()) continue;
      for (Value v : found->second) {
        if (seen[v.index]) continue;
        seen[v.index] = true;
        const Type type = f.value_type(v);
        if (!type.is_int() || type.bits() > 64) continue;
        const auto expected = clif.first(v);
        if (!expected || low_bits(made.value.low(), type) == low_bits(expected->as_u64(), type)) continue;
        return WrongValue{
            v, event.is_entry, event.inst, event.inst, low_bits(made.value.low(), type), expected->as_u64()};
      }
    }
  }
  return std::nullopt;
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

bool has_extensions(const Signature& signature) {
  const auto is_extended = [](const AbiParam& param) { return param.extension != Extension::kNone; };
  return std::ranges::any_of(signature.params, is_extended) || std::ranges::any_of(signature.returns, is_extended);
}

// Somewhere arguments or results of this signature go wrong.
void blame_calling_convention(TriageContext& context, const Signature& signature, const std::string& what) {
  const machine::AbiTable& abi = context.traces.isa().abi;
  const bool on_stack = signature.params.size() > abi.argument_registers.size();
  const bool in_memory = signature.returns.size() > abi.result_registers.size();
  if (has_extensions(signature)) {
    context.blame_function("LowerContext::extended", kCalls, what + ", and the signature extends some");
  }
  if (in_memory) context.blame_function("LowerContext::emit_call", kCalls, what + ", and some results are in memory");
  if (on_stack) context.blame_function("compute_abi", kAbi, what + ", and some are on the stack");
  context.blame_function("LowerContext::emit_call", kCalls, what);
  context.blame_function("compute_abi", kAbi, what);
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

bool has_code(TriageContext& context, Inst source) {
  const machine::VCode& code = context.traces.code(ExecutorKind::Virtual).code;
  return std::ranges::any_of(code.insts, [&](const machine::Inst& inst) { return inst.source == source.index; });
}

bool uses_slots(const Function& f) { return !f.stack_slots.empty(); }

void blame_slots(TriageContext& context) {
  const oracles::VCodeFunction& code = context.traces.code(ExecutorKind::Virtual);
  uint64_t needed = 0;
  for (const StackSlotData& slot : context.entry().stack_slots) needed += slot.size;
  if (code.code.slots_size < needed) {
    context.blame_function(
        "LowerContext::lay_out_slots", kLower,
        "the slots have " + std::to_string(needed) + " bytes, their area " + std::to_string(code.code.slots_size));
  }
  context.blame_function("LowerContext::amode_slot", kExterns, "what is wrong lies in a stack slot");
  context.blame_function("LowerContext::lay_out_slots", kLower, "what is wrong lies in a stack slot");
}

// The externs that rules call, held against their specs.
bool blame_helpers(TriageContext& context) {
  if (!context.options.wrong_helpers) return false;
  const std::vector<std::string> wrong = context.options.wrong_helpers(context.isa);
  for (const std::string& term : wrong) {
    context.blame_function("LowerContext::" + term, kExterns, "this term's C++ does not do what its spec says");
  }
  if (wrong.empty()) context.note("the C++ that rules call agrees with its specs");
  return !wrong.empty();
}

// A rule that is to blame and yet proven: what its proof rests on moves before it.
void ask_judges(TriageContext& context) {
  std::vector<Culprit>& culprits = context.result.culprits;
  if (!context.options.prove_rule) return;
  bool any_fails = false;
  std::vector<size_t> refuted;
  for (size_t i = 0; i < culprits.size() && i < 3; ++i) {
    if (culprits[i].kind != CulpritKind::Rule) continue;
    const Opinion opinion = context.options.prove_rule(context.isa, culprits[i].name);
    if (!opinion.asked) continue;
    if (opinion.holds) {
      culprits[i].reason += "; its proof stands";
      context.note("rule " + culprits[i].name + " is proven: " + opinion.text);
    } else {
      culprits[i].reason += "; the solver refutes it";
      context.note("rule " + culprits[i].name + " is refuted: " + opinion.text);
      any_fails = true;
      refuted.push_back(i);
    }
  }
  if (any_fails) {
    // What is refuted comes first, in the order found otherwise.
    std::vector<Culprit> sorted;
    for (size_t i : refuted) sorted.push_back(culprits[i]);
    for (size_t i = 0; i < culprits.size(); ++i) {
      if (std::ranges::find(refuted, i) == refuted.end()) sorted.push_back(culprits[i]);
    }
    culprits = std::move(sorted);
    return;
  }
  // Proven, and yet wrong: C++ that it calls, or the definition of an instruction it makes.
  std::vector<Culprit> rules = std::move(culprits);
  culprits.clear();
  blame_helpers(context);
  culprits.insert(culprits.end(), rules.begin(), rules.end());
  if (!context.options.check_instruction) return;
  const machine::VCode& code = context.traces.code(ExecutorKind::Virtual).code;
  std::vector<std::string> asked;
  constexpr size_t kMost = 6;
  for (const machine::Inst& inst : code.insts) {
    const machine::InstDesc& desc = context.traces.isa().desc(inst.opcode);
    if (asked.size() >= kMost || std::ranges::find(asked, desc.name) != asked.end()) continue;
    asked.push_back(desc.name);
    const Opinion opinion = context.options.check_instruction(context.isa, desc.name);
    if (!opinion.asked || opinion.holds) continue;
    culprits.insert(culprits.begin(), {CulpritKind::Instruction, desc.name, desc.file, desc.line,
                                       "its definition is not what machines do: " + opinion.text});
  }
}

}  // namespace

void blame_lowering(TriageContext& context) {
  if (blame_selection(context)) return;
  const Function& f = context.entry();
  StageTraces& traces = context.traces;
  oracles::Outcome outcome;
  const std::vector<TraceEvent> events = traces.trace(ExecutorKind::Virtual, outcome);
  const auto wrong = first_wrong_value(context, events);
  Inst source;
  std::vector<isle::RuleId> emitted;

  if (wrong) {
    const ValueDef def = f.value_def(wrong->value);
    std::string at = "v" + std::to_string(wrong->value.index);
    if (def.kind == ValueKind::kResult) at = print_inst(f, def.inst);
    context.result.divergence = at + "\n  should be " + hex(wrong->expected) + "\n  is " + hex(wrong->found);
    if (wrong->is_param) {
      const std::string what = "the first wrong value is a parameter of a block";
      context.note(what);
      if (has_twin_edges(f)) {
        context.blame_function("BlockOrder::collect_edges", kOrder,
                               what + ", to which one branch passes different arguments on two edges");
      }
      context.blame_function("LowerContext::pass_arguments", kLower, what);
      return;
    }
    emitted = traces.rules_of(wrong->inst);
    context.result.divergence += "\n  made by " + traces.print(ExecutorKind::Virtual, wrong->inst);
    if (def.kind == ValueKind::kParam) {
      blame_calling_convention(context, f.signature, "an argument arrives wrong");
      return;
    }
    source = def.inst;
    if (f.info(source).is_call()) {
      blame_calling_convention(context, f.signatures[f.call_signature(source)], "the result of a call is wrong");
      return;
    }
  } else if (context.expected.kind == interpreter::OutcomeKind::Trapped) {
    source = context.expected.function == context.test.entry ? context.expected.inst : Inst();
    if (outcome.kind == oracles::OutcomeKind::Trapped && outcome.trap_function == context.test.entry &&
        !(Inst(outcome.trap_inst) == source)) {
      context.note("another instruction traps than should");
      source = Inst(outcome.trap_inst);
    }
  } else if (outcome.kind == oracles::OutcomeKind::Trapped && outcome.trap_function == context.test.entry) {
    source = Inst(outcome.trap_inst);
  } else {
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
      context.blame_function("LowerContext::lower_inst", kLower,
                             "no machine code was made for an instruction that has an effect");
      return;
    }
    if (f.info(source).is_call()) {
      blame_calling_convention(context, f.signatures[f.call_signature(source)], "a call goes wrong");
      return;
    }
  }
  if (!wrong && source.is_none()) {
    // All values are right, what is returned is not.
    blame_calling_convention(context, f.signature, "all values are right, but not what is returned");
    return;
  }

  const std::vector<isle::RuleId> concerned =
      source.is_none() ? std::vector<isle::RuleId>{} : rules_for(context, source);
  const std::vector<RuleSuspect> suspects = bisect_rules(context);
  const bool found = blame_rules(context, suspects, emitted, concerned);
  if (uses_slots(f)) blame_slots(context);
  if (found) {
    ask_judges(context);
  } else {
    blame_helpers(context);
    context.blame_function("LowerContext::bind_results", kLower, "no rule explains it");
  }
}

void blame_refused(TriageContext& context, const std::string& message) {
  context.result.divergence = message;
  const auto mentions = [&](const char* text) { return message.find(text) != std::string::npos; };
  const bool in_emitter = mentions("stage emit");
  const bool misplaced = !in_emitter && (mentions("before") || mentions("dominate") || mentions("defin"));
  if (misplaced) {
    context.blame_function("LowerContext::flush", kLower,
                           "a register is used where it has no value: a constant may have been kept too long");
    context.blame_function("LowerContext::materialise", kLower, "the same");
  }
  if (blame_selection(context)) return;
  std::vector<Culprit> functions = std::move(context.result.culprits);
  context.result.culprits.clear();
  const bool helpers = blame_helpers(context);
  if (!misplaced || !helpers) blame_rules(context, bisect_rules(context), {}, {});
  std::vector<Culprit>& culprits = context.result.culprits;
  culprits.insert(misplaced ? culprits.begin() : culprits.end(), functions.begin(), functions.end());
}

}  // namespace assay::fuzz
