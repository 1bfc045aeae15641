// Where the time of a differential run goes: the whole, and each stage alone, on a program of the campaign's usual
// size. Counters of `whole`: microseconds a program of the interpreter, of compiling for each ISA, of running on each
// executor.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "compiler/ir/parser.h"
#include "oracles/harness.h"

namespace {

using namespace assay;
using namespace assay::oracles;

constexpr char kProgram[] = R"(function %f(i64, i32, i16) -> i32, i64 {
    ss0 = explicit_slot 16
    fn0 = %g(i32, i64) -> i64
block0(v0: i64, v1: i32, v2: i16):
    v3 = iconst.i32 5
    v4 = stack_addr.i64 ss0
    v5 = sextend.i64 v2
    store.i64 notrap little v5, v4
    v6 = iconst.i64 0
    jump block1(v3, v6)
block1(v7: i32, v8: i64):
    v9 = load.i32 little v0+8
    v10 = bxor v9, v1
    v11 = call fn0(v10, v8)
    v12 = load.i64 notrap little v4
    v13 = iadd v12, v11
    store.i64 notrap little v13, v4
    v14 = iconst.i32 -1
    v15 = iadd v7, v14
    v16 = rotl v13, v15
    brif v15, block1(v15, v16), block2
block2:
    v17 = ireduce.i32 v16
    v18 = icmp ult v17, v1
    v19 = select v18, v17, v10
    istore8 v19, v0+3
    v20 = clz v16
    v21 = popcnt v12
    v22 = imul v20, v21
    return v19, v22
}
function %g(i32, i64) -> i64 {
block0(v0: i32, v1: i64):
    v2 = uextend.i64 v0
    v3 = iconst.i64 7
    v4 = bor v2, v3
    v5 = urem v1, v4
    v6 = imul v5, v2
    v7 = iconst.i32 11
    v8 = sshr v6, v7
    v9 = bnot v8
    return v9
})";

struct Setup {
  ir::File file;
  std::vector<const ir::Function*> functions;
  std::vector<Region> regions;
  std::vector<TestInput> inputs;

  Setup() {
    auto parsed = ir::parse_file(kProgram, "benchmark");
    if (!parsed) std::abort();
    file = std::move(*parsed);
    for (const ir::ParsedFunction& function : file.functions) functions.push_back(&function.function);
    regions.push_back({.address = memory_map::kRegionsBegin, .bytes = std::vector<uint8_t>(memory_map::kPage, 3)});
    for (uint64_t i = 0; i < 4; ++i) {
      inputs.push_back({{{ir::kI64, memory_map::kRegionsBegin}, {ir::kI32, i * 0x1234567}, {ir::kI16, i * 77}}, i});
    }
  }
  TestCase test() const { return {.functions = functions, .entry = 0, .regions = regions, .inputs = inputs}; }
};

// Two functions, all ISAs, both levels, four inputs, the interpreter, Unicorn and the host.
void whole(benchmark::State& state) {
  const Setup setup;
  Harness harness;
  std::vector<Finding> findings;
  for (auto _ : state) harness.check(setup.test(), findings);
  if (!findings.empty()) state.SkipWithError(describe(findings[0]).c_str());
  const HarnessStats& stats = harness.stats();
  const auto per_program = [&](uint64_t nanoseconds) {
    return static_cast<double>(nanoseconds) / 1000 / static_cast<double>(stats.cases);
  };
  state.SetItemsProcessed(static_cast<int64_t>(stats.functions));
  state.counters["interpreter"] = per_program(stats.interpreter_nanoseconds);
  for (IsaKind isa : kAllIsas) {
    state.counters[std::string("compile-") + assay::name(isa)] =
        per_program(stats.compile_nanoseconds[static_cast<size_t>(isa)]);
  }
  for (const auto& [name, executor] : stats.executors) state.counters[name] = per_program(executor.nanoseconds);
}
BENCHMARK(whole)->Unit(benchmark::kMicrosecond);

void compile_and_link(benchmark::State& state) {
  const Setup setup;
  MachineSession session(static_cast<IsaKind>(state.range(0)));
  machine::CompileOptions options;
  options.verify_ir = false;
  for (auto _ : state) session.prepare(setup.functions, options);
  state.SetLabel(assay::name(session.isa()));
}
BENCHMARK(compile_and_link)->DenseRange(0, kIsaCount - 1)->Unit(benchmark::kMicrosecond);

// Loading, then four runs.
void execute(benchmark::State& state) {
  const Setup setup;
  MachineSession session(static_cast<IsaKind>(state.range(0)));
  const auto kind = static_cast<ExecutorKind>(state.range(1));
  if (!MachineSession::exists(kind, session.isa())) return state.SkipWithError("there is no such executor");
  machine::CompileOptions options;
  options.verify_ir = false;
  session.prepare(setup.functions, options, is_stage(kind));
  if (session.status(0).kind != MachineSession::Status::Kind::Ready) return state.SkipWithError("no backend");
  Outcome outcome;
  uint64_t executed = 0;  // before there are bytes: instructions
  for (auto _ : state) {
    if (!session.load(kind, setup.regions)) return state.SkipWithError("cannot run here");
    for (const TestInput& input : setup.inputs) {
      if (!session.run(kind, 0, input.args, input.seed, {}, outcome)) return state.SkipWithError("cannot be called");
      if (is_stage(kind)) executed += session.executed(kind);
    }
  }
  if (is_stage(kind)) state.SetItemsProcessed(static_cast<int64_t>(executed));
  state.SetLabel(session.executor_name(kind));
}
BENCHMARK(execute)->ArgsProduct({{0, 1, 2, 3}, {0, 1, 2, 3, 4}})->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
