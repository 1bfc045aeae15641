// See triage_trace.h.
#include "fuzz/triage_trace.h"

#include <cstdio>

#include "fuzz/reduce_edits.h"

namespace assay::fuzz {

using oracles::ExecutorKind;

namespace {

class Recorder final : public oracles::VCodeTrace {
 public:
  Recorder(uint32_t entry, std::vector<TraceEvent>& events) : entry_(entry), events_(events) {}
  void executed(uint32_t function, uint32_t inst, uint32_t depth,
                std::span<const oracles::VCodeValue> defined) override {
    add(function, depth, false, inst, defined);
  }
  void entered(uint32_t function, uint32_t block, uint32_t depth,
               std::span<const oracles::VCodeValue> params) override {
    add(function, depth, true, block, params);
  }

 private:
  void add(uint32_t function, uint32_t depth, bool is_entry, uint32_t inst,
           std::span<const oracles::VCodeValue> values) {
    if (function != entry_ || depth != 0 || events_.size() >= kLongestTrace) return;
    events_.push_back({is_entry, inst, {values.begin(), values.end()}});
  }

  uint32_t entry_;
  std::vector<TraceEvent>& events_;
};

constexpr oracles::Limits kLimits{.fuel = 200'000, .milliseconds = 2000};

}  // namespace

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

StageTraces::StageTraces(const Case& test, IsaKind isa, machine::OptLevel level, uint64_t choice_seed,
                         const oracles::HarnessOptions& harness)
    : test_(test), session_(isa), functions_(pointers_to(test.functions)) {
  for (const oracles::RegionDirective& region : test.regions) regions_.push_back(oracles::make_region(region));
  options_ = oracles::compile_options(harness, functions_, isa, level, choice_seed);
  options_.verify_machine = options_.verify_optimized = options_.check_allocation = false;
  options_.want_listing = true;
  session_.prepare(functions_, options_, true);
  const auto& status = session_.status(test.entry);
  if (status.kind != oracles::MachineSession::Status::Kind::Ready) problem_ = status.reason;
  if (problem_.empty() && harness.tamper) harness.tamper(isa, session_.image());
}

std::vector<TraceEvent> StageTraces::trace(ExecutorKind stage, oracles::Outcome& outcome, uint64_t open_bits) {
  std::vector<TraceEvent> events;
  if (!problem_.empty() || !session_.load(stage, regions_)) return events;
  Recorder recorder(test_.entry, events);
  session_.set_trace(stage, &recorder, open_bits);
  const oracles::TestInput& input = test_.inputs[0];
  if (!session_.run(stage, test_.entry, input.args, input.seed, kLimits, outcome)) outcome = {};
  session_.set_trace(stage, nullptr);
  return events;
}

std::vector<MachineStep> StageTraces::steps(oracles::Outcome& outcome) {
  std::vector<MachineStep> steps;
  if (!problem_.empty()) return steps;
  const Expected<oracles::CallLayout>& layout = session_.layout(test_.entry);
  if (!layout) return steps;
  const uint32_t begin = session_.entry_offset(test_.entry);
  const uint32_t end = begin + static_cast<uint32_t>(emitted().bytes.size());
  const auto executor =
      oracles::make_stepping_unicorn(session_.isa(), [&](uint64_t pc, std::span<const uint64_t> regs) {
        const uint64_t offset = pc - oracles::memory_map::kCodeBase;
        if (offset < begin || offset >= end || steps.size() >= kLongestTrace) return;
        MachineStep step{.offset = static_cast<uint32_t>(offset) - begin};
        std::copy_n(regs.begin(), std::min<size_t>(regs.size(), 32), step.registers);
        steps.push_back(step);
      });
  if (!executor->unavailable().empty() || !executor->load(session_.image(), regions_)) return steps;
  oracles::Plan plan;
  oracles::make_plan(*layout, begin, test_.inputs[0].args, test_.inputs[0].seed, plan);
  executor->run(plan, kLimits, outcome);
  return steps;
}

std::vector<isle::RuleId> StageTraces::rules_of(uint32_t inst) {
  const machine::VCode& code = this->code(ExecutorKind::Virtual).code;
  std::vector<isle::RuleId> rules;
  for (uint16_t chain = code.insts[inst].rules; chain != machine::kNoRuleChain;
       chain = code.rule_chains[chain].caller) {
    rules.push_back(code.rule_chains[chain].rule);
  }
  return rules;
}

std::string StageTraces::print(ExecutorKind stage, uint32_t inst) {
  const machine::VCode& code = this->code(stage).code;
  const machine::Inst& made = code.insts[inst];
  std::string text = isa().insts->print(made.opcode, code.operands_of(made));
  return text.empty() ? isa().desc(made.opcode).name : text;
}

std::optional<ir::DataValue> ClifValues::first(ir::Value v) {
  const ir::Function& f = test_.functions[test_.entry];
  v = f.resolve(v);
  if (const auto found = known_.find(v.index); found != known_.end()) return found->second;
  std::optional<ir::DataValue> value;
  const ir::ValueDef def = f.value_def(v);
  if (def.kind == ir::ValueKind::kResult) {
    if (const auto values = first_results(test_, def.inst, order_)) value = (*values)[def.number];
  } else if (def.kind == ir::ValueKind::kParam && def.block == f.entry_block()) {
    value = test_.inputs[0].args[def.number];
  } else if (def.kind == ir::ValueKind::kParam) {
    value = first_param(test_, def.block, def.number, order_);
  }
  known_.emplace(v.index, value);
  return value;
}

}  // namespace assay::fuzz
