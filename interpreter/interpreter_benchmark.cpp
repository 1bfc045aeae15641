// How fast the interpreter decodes and runs: instructions per second.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "compiler/ir/parser.h"
#include "interpreter/interpreter.h"

namespace {

using namespace assay;

ir::Function parse(const std::string& text) {
  auto function = ir::parse_function(text);
  if (!function) std::abort();
  return std::move(*function);
}

// A loop of a dozen instructions: arithmetic, a load and a store, a comparison, a branch with arguments.
const char* kLoop = R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = iconst.i64 0
    jump block1(v0, v2)
block1(v3: i64, v4: i64):
    v5 = load.i32 little v1
    v6 = uextend.i64 v5
    v7 = imul v6, v3
    v8 = iadd v4, v7
    v9 = iconst.i64 13
    v10 = rotl v8, v9
    v11 = ireduce.i32 v10
    store.i32 little v11, v1
    v12 = iconst.i64 -1
    v13 = iadd v3, v12
    brif v13, block1(v13, v10), block2
block2:
    return v10
})";

void run(benchmark::State& state) {
  interpreter::Program program;
  program.add(parse(kLoop));
  program.link();
  interpreter::Interpreter interpreter;
  std::vector<uint8_t> bytes(4096, 1);
  const interpreter::Region region{0x2000'0000, bytes, true};
  const ir::DataValue args[] = {{ir::kI64, 10'000}, {ir::kI64, 0x2000'0000}};
  interpreter::Outcome outcome;
  uint64_t steps = 0;
  for (auto _ : state) {
    interpreter.run(program, 0, args, {&region, 1}, {}, outcome);
    steps += interpreter.executed();
  }
  state.SetItemsProcessed(static_cast<int64_t>(steps));
}
BENCHMARK(run);

void call(benchmark::State& state) {
  interpreter::Program program;
  program.add(parse("function %f(i64) -> i64 {\nblock0(v0: i64):\n    v1 = iadd v0, v0\n    return v1\n}"));
  program.link();
  interpreter::Interpreter interpreter;
  const ir::DataValue args[] = {{ir::kI64, 21}};
  interpreter::Outcome outcome;
  for (auto _ : state) interpreter.run(program, 0, args, {}, {}, outcome);
}
BENCHMARK(call);

void decode(benchmark::State& state) {
  const ir::Function function = parse(kLoop);
  interpreter::Program program;
  for (auto _ : state) {
    program.clear();
    program.add(function);
    program.link();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * function.inst_count()));
}
BENCHMARK(decode);

}  // namespace

BENCHMARK_MAIN();
