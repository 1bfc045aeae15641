// What proofs cost: rules of every unit proven anew, without what is known from earlier runs, in one thread. The
// counter `per_core_second` is instantiations a second of processor time.
#include <benchmark/benchmark.h>

#include <optional>
#include <string>

#include "verify/rule_sources.h"
#include "verify/verify.h"

namespace {

using namespace assay;
using namespace assay::verify;

// The rules whose name contains `rule`, of an ISA or, without one, of the mid-end.
void prove(benchmark::State& state, std::optional<IsaKind> isa, const std::string& rule) {
  const RuleSources* sources = isa ? rule_sources(*isa) : &optimizer_sources();
  if (sources == nullptr) return state.SkipWithError("the backend is not part of this build");
  const VerifyOptions options{.jobs = 1, .rules = {rule}, .with_users = true, .functions = false};
  uint64_t instantiations = 0;
  double seconds = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto unit = isa ? verify_sources(*isa, *sources, options) : verify_optimizer(*sources, options);
    if (!unit || unit->failed + unit->unknown != 0) return state.SkipWithError("a rule is not proven");
    instantiations += unit->instantiations;
    seconds += unit->cpu_seconds;
  }
  state.counters["instantiations"] =
      benchmark::Counter(static_cast<double>(instantiations), benchmark::Counter::kAvgIterations);
  state.counters["per_core_second"] = static_cast<double>(instantiations) / seconds;
}

}  // namespace

int main(int argc, char** argv) {
  // Sums and comparisons are typical; products and divisions are what solvers find hard; loads have memory and types.
  for (const char* rule : {"iadd", "icmp", "mul", "div", "load", "shl"}) {
    for (const IsaKind isa : kAllIsas) {
      benchmark::RegisterBenchmark((std::string(name(isa)) + "/" + rule).c_str(), [=](benchmark::State& state) {
        prove(state, isa, rule);
      })->Unit(benchmark::kMillisecond);
    }
    benchmark::RegisterBenchmark((std::string("opt/") + rule).c_str(), [=](benchmark::State& state) {
      prove(state, {}, rule);
    })->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
