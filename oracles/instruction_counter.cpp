// See instruction_counter.h.
#include "oracles/instruction_counter.h"

#include "compiler/opt/optimize.h"
#include "interpreter/interpreter.h"
#include "oracles/call_plan.h"

namespace assay::oracles {

namespace {
constexpr uint64_t kFuel = 20'000'000;
constexpr uint32_t kMilliseconds = 60'000;
}  // namespace

struct InstructionCounter::Machine {
  explicit Machine(IsaKind isa)
      : session(isa), executor(make_stepping_unicorn(isa, [this](uint64_t pc, std::span<const uint64_t>) {
          if (pc - memory_map::kCodeBase < code_size) ++executed;
        })) {}

  MachineSession session;
  uint64_t code_size = 0;
  uint64_t executed = 0;
  std::unique_ptr<Executor> executor;
};

InstructionCounter::InstructionCounter() = default;
InstructionCounter::~InstructionCounter() = default;

InstructionCounter::Machine& InstructionCounter::machine(IsaKind isa) {
  auto& machine = machines_[static_cast<size_t>(isa)];
  if (!machine) machine = std::make_unique<Machine>(isa);
  return *machine;
}

Expected<uint64_t> InstructionCounter::interpreted(const CountedCall& call, bool optimized) {
  ir::Function function = *call.function;
  if (optimized) opt::Optimizer().run(function);
  interpreter::Program program;
  program.add(function);
  program.link();
  std::vector<Region> memory(call.regions.begin(), call.regions.end());
  std::vector<interpreter::Region> regions;
  for (Region& region : memory) regions.push_back({region.address, region.bytes, region.writable});
  interpreter::Interpreter interpreter;
  interpreter::Config config;
  config.fuel = kFuel;
  const interpreter::Outcome outcome = interpreter.run(program, 0, call.directive->run.args, regions, config);
  if (outcome.kind != interpreter::OutcomeKind::Returned || outcome.results != call.directive->run.expected) {
    return fail("on the interpreter: " + describe(outcome));
  }
  return interpreter.executed();
}

Expected<MachineCount> InstructionCounter::compiled(const CountedCall& call, IsaKind isa, machine::OptLevel level) {
  MachineSession& session = machine(isa).session;
  if (!session.has_backend()) return fail("no backend");
  machine::CompileOptions options;
  options.opt_level = level;
  session.prepare({&call.function, 1}, options);
  if (session.status(0).kind != MachineSession::Status::Kind::Ready) return fail(session.status(0).reason);
  return run(call, isa, session.image(), session.entry_offset(0), session.compiled(0).code.bytes.size());
}

Expected<MachineCount> InstructionCounter::peer(const CountedCall& call, IsaKind isa, std::span<const uint8_t> code) {
  Image image;
  image.bytes.assign(code.begin(), code.end());
  image.functions.push_back({0, static_cast<uint32_t>(code.size())});
  return run(call, isa, image, 0, code.size());
}

Expected<MachineCount> InstructionCounter::run(const CountedCall& call, IsaKind isa, const Image& image, uint32_t entry,
                                               size_t code_bytes) {
  Machine& machine = this->machine(isa);
  const auto layout = lay_out_call(call.function->signature, isa);
  if (!layout) return std::unexpected(layout.error());
  if (auto loaded = machine.executor->load(image, call.regions); !loaded) return std::unexpected(loaded.error());
  machine.code_size = image.bytes.size();
  machine.executed = 0;
  Plan plan;
  make_plan(*layout, entry, call.directive->run.args, 1, plan);
  const Outcome outcome = machine.executor->run(plan, {.fuel = kFuel, .milliseconds = kMilliseconds});
  if (outcome.kind != OutcomeKind::Returned) return fail(describe(outcome));
  if (const auto difference = compare_results(*layout, call.directive->run.expected, outcome)) return fail(*difference);
  return MachineCount{machine.executed, code_bytes};
}

}  // namespace assay::oracles
