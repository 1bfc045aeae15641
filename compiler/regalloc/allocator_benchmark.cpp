// Time of allocation, checking and applying, by shape and size: µs per function for the small one, and n against 2n.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "compiler/regalloc/allocator.h"
#include "compiler/regalloc/apply.h"
#include "compiler/regalloc/checker.h"
#include "compiler/regalloc/shapes.h"

namespace assay::regalloc {
namespace {

void allocate_shape(benchmark::State& state, Shape shape) {
  const RandomCase test = make_shape(shape, static_cast<uint32_t>(state.range(0)));
  Allocator allocator;
  Allocation allocation;
  for (auto _ : state) {
    if (!allocator.run(test.code, test.env, test.clobbers(), {}, allocation)) std::abort();
    benchmark::DoNotOptimize(allocation.moves.data());
  }
  state.SetComplexityN(state.range(0));
  state.counters["insts"] = static_cast<double>(test.code.insts.size());
  state.counters["moves"] = static_cast<double>(allocation.moves.size());
  state.counters["slots"] = allocation.spill_slot_count;
}

void check_shape(benchmark::State& state, Shape shape) {
  const RandomCase test = make_shape(shape, static_cast<uint32_t>(state.range(0)));
  const Allocation allocation = *allocate(test.code, test.env, test.clobbers());
  for (auto _ : state) {
    if (!check(test.code, allocation, test.env, test.clobbers()).empty()) std::abort();
  }
  state.SetComplexityN(state.range(0));
}

void apply_shape(benchmark::State& state, Shape shape) {
  const RandomCase test = make_shape(shape, static_cast<uint32_t>(state.range(0)));
  const Allocation allocation = *allocate(test.code, test.env, test.clobbers());
  machine::VCode code;
  for (auto _ : state) {
    code = test.code;
    apply_allocation(code, allocation, kTestMoveHooks);
    benchmark::DoNotOptimize(code.insts.data());
  }
}

const int kRegistered = [] {
  for (Shape shape : kShapes) {
    const std::string name = name_of(shape);
    auto* allocation = benchmark::RegisterBenchmark(("allocate/" + name).c_str(), allocate_shape, shape);
    auto* checking = benchmark::RegisterBenchmark(("check/" + name).c_str(), check_shape, shape);
    if (shape == Shape::Small) {
      allocation->Arg(0);
      checking->Arg(0);
      benchmark::RegisterBenchmark("apply_and_copy/small", apply_shape, shape)->Arg(0);
    } else {
      for (int64_t size : {12500, 25000, 50000, 100000}) {
        allocation->Arg(size);
        checking->Arg(size);
      }
      allocation->Complexity()->Unit(benchmark::kMillisecond);
      checking->Complexity()->Unit(benchmark::kMillisecond);
    }
  }
  return 0;
}();

}  // namespace
}  // namespace assay::regalloc

BENCHMARK_MAIN();
