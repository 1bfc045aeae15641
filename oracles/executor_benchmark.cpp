// What a run costs: cached code, and a new 20-instruction function each time, with one 4 KiB region.
#include <benchmark/benchmark.h>

#include "oracles/executor.h"
#include "oracles/test_programs.h"

namespace assay::oracles {
namespace {

using Factory = std::unique_ptr<Executor> (*)();

Image image_of(IsaKind isa, std::string_view name) {
  const TestProgram* program = test_program(isa, name);
  Image image;
  image.bytes = program->bytes();
  image.functions = {{0, static_cast<uint32_t>(image.bytes.size())}};
  image.traps = {{program->site, 1, 0, 0}};
  return image;
}

Plan plan_of(IsaKind isa, uint64_t first, uint64_t second) {
  constexpr int kFirst[] = {7, 0, 10, 2};
  constexpr int kSecond[] = {6, 1, 11, 3};
  constexpr int kResult[] = {0, 0, 10, 2};
  const int index = static_cast<int>(isa);
  Plan plan;
  plan.registers = {{integer_register(kFirst[index]), {first, 0}}, {integer_register(kSecond[index]), {second, 0}}};
  plan.result_registers = {integer_register(kResult[index])};
  return plan;
}

const Region kRegions[] = {{memory_map::kRegionsBegin, std::vector<uint8_t>(4096), true}};

void cached(benchmark::State& state, Factory make) {
  auto executor = make();
  if (!executor->unavailable().empty()) return state.SkipWithError(executor->unavailable().c_str());
  if (!executor->load(image_of(executor->isa(), "add_chain"), kRegions)) return state.SkipWithError("cannot load");
  const Plan plan = plan_of(executor->isa(), 1, 2);
  Outcome outcome;
  for (auto _ : state) executor->run(plan, {}, outcome);
  if (outcome.kind != OutcomeKind::Returned) state.SkipWithError(describe(outcome).c_str());
}

void new_code(benchmark::State& state, Factory make) {
  auto executor = make();
  if (!executor->unavailable().empty()) return state.SkipWithError(executor->unavailable().c_str());
  const Image images[] = {image_of(executor->isa(), "add_chain"), image_of(executor->isa(), "sum")};
  const Plan plan = plan_of(executor->isa(), 1, 2);
  Outcome outcome;
  bool odd = false;
  for (auto _ : state) {
    if (!executor->load(images[odd = !odd], kRegions)) return state.SkipWithError("cannot load");
    executor->run(plan, {}, outcome);
  }
  if (outcome.kind != OutcomeKind::Returned) state.SkipWithError(describe(outcome).c_str());
}

// A run that ends in a trap: explicit, or a fault on memory whose place has to be found.
void trapped(benchmark::State& state, Factory make, const char* program) {
  auto executor = make();
  if (!executor->unavailable().empty()) return state.SkipWithError(executor->unavailable().c_str());
  if (!executor->load(image_of(executor->isa(), program), kRegions)) return state.SkipWithError("cannot load");
  const Plan plan = plan_of(executor->isa(), memory_map::kRegionsBegin + (*program == 'l' ? 4096 : 0), 2);
  Outcome outcome;
  for (auto _ : state) executor->run(plan, {}, outcome);
  if (outcome.kind != OutcomeKind::Trapped) state.SkipWithError(describe(outcome).c_str());
}

struct Subject {
  const char* name;
  Factory make;
};
constexpr Subject kSubjects[] = {
    {"unicorn-x64", [] { return make_unicorn(IsaKind::x64); }},
    {"unicorn-aarch64", [] { return make_unicorn(IsaKind::aarch64); }},
    {"unicorn-riscv64", [] { return make_unicorn(IsaKind::riscv64); }},
    {"unicorn-s390x", [] { return make_unicorn(IsaKind::s390x); }},
    {"native-x64", [] { return make_native(); }},
    {"qemu-x64", [] { return make_qemu(IsaKind::x64); }},
    {"qemu-aarch64", [] { return make_qemu(IsaKind::aarch64); }},
    {"qemu-riscv64", [] { return make_qemu(IsaKind::riscv64); }},
    {"qemu-s390x", [] { return make_qemu(IsaKind::s390x); }},
};

}  // namespace
}  // namespace assay::oracles

int main(int argc, char** argv) {
  using namespace assay::oracles;
  for (const Subject& subject : kSubjects) {
    const std::string name = subject.name;
    const Factory make = subject.make;
    auto add = [&](const char* what, auto function) {
      benchmark::RegisterBenchmark((name + "/" + what).c_str(), function)->Unit(benchmark::kMicrosecond)->UseRealTime();
    };
    add("cached", [make](benchmark::State& state) { cached(state, make); });
    add("new", [make](benchmark::State& state) { new_code(state, make); });
    add("trap", [make](benchmark::State& state) { trapped(state, make, "trap"); });
    add("fault", [make](benchmark::State& state) { trapped(state, make, "load"); });
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
