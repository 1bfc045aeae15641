// How fast the compiler is: microseconds a function (CPU time) and CLIF instructions a second, for each machine, in all
// and by stage (stages by the wall clock, the best time of each function, so that a busy machine does not matter).
//
//   compile_benchmark --benchmark_filter=riscv64
//
// The input is generated: functions as the fuzzer makes them, with loops, calls, traps, memory and many live values.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <deque>
#include <random>
#include <string>

#include "compiler/ir/parser.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/compile.h"

namespace assay {
namespace {

// A function of about `size` instructions over i32 and i64 values; the same for the same seed.
std::string random_function(uint32_t seed, unsigned size) {
  std::mt19937 random(seed);
  std::string text =
      "function %f(i64, i64, i32, i32) -> i64 {\n  ss0 = explicit_slot 64\n  fn0 = %f(i64, i64, i32, i32) -> i64\n";
  text += "block0(v0: i64, v1: i64, v2: i32, v3: i32):\n";
  unsigned next = 4;
  std::vector<std::string> wide{"v0", "v1"}, narrow{"v2", "v3"};
  const auto pick = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
  const auto fresh = [&] { return "v" + std::to_string(next++); };
  unsigned block = 1;
  for (unsigned i = 0; i < size; ++i) {
    const bool is_wide = random() % 2 == 0;
    std::vector<std::string>& values = is_wide ? wide : narrow;
    const std::string type = is_wide ? "i64" : "i32";
    const std::string a = pick(values);
    const std::string b = pick(values);
    const std::string v = fresh();
    static const char* const kBinary[] = {"iadd", "isub", "imul", "band", "bor",  "bxor",
                                          "ishl", "ushr", "sshr", "rotl", "smin", "umax"};
    switch (random() % 16) {
      case 0:
        text += "  " + v + " = iconst." + type + " " + std::to_string(random() % 2 ? random() % 100 : random()) + "\n";
        break;
      case 1: {
        const std::string c = fresh();
        text += "  " + c + " = icmp ult " + a + ", " + b + "\n  " + v + " = select " + c + ", " + a + ", " + b + "\n";
        break;
      }
      case 2:
        text += "  " + v + " = " + (is_wide ? "sextend.i64 " + pick(narrow) : "ireduce.i32 " + pick(wide)) + "\n";
        break;
      case 3: {
        const std::string p = fresh();
        text += "  " + p + " = stack_addr.i64 ss0\n  store notrap " + a + ", " + p + "+" +
                std::to_string(random() % 7 * 8) + "\n  " + v + " = load." + type + " notrap " + p + "+" +
                std::to_string(random() % 7 * 8) + "\n";
        break;
      }
      case 4: {
        // A branch over nothing to a new block, with the value as its argument.
        const std::string c = fresh();
        const std::string target = "block" + std::to_string(block++);
        text += "  " + c + " = icmp slt " + a + ", " + b + "\n  brif " + c + ", " + target + "(" + a + "), " + target +
                "(" + b + ")\n" + target + "(" + v + ": " + type + "):\n";
        break;
      }
      default:
        text += "  " + v + " = " + kBinary[random() % std::size(kBinary)] + " " + a + ", " + b + "\n";
    }
    values.push_back(v);
    if (values.size() > 24) values.erase(values.begin() + static_cast<long>(random() % 8));
  }
  text +=
      "  " + fresh() + " = call fn0(" + wide.back() + ", " + wide[0] + ", " + narrow.back() + ", " + narrow[0] + ")\n";
  text += "  return v" + std::to_string(next - 1) + "\n}\n";
  return text;
}

const std::deque<ir::Function>& functions(unsigned size) {
  static std::deque<ir::Function> small, large;
  std::deque<ir::Function>& list = size < 100 ? small : large;
  for (uint32_t seed = 0; list.size() < 64; ++seed) {
    auto function = ir::parse_function(random_function(seed, size));
    if (!function) {
      std::fputs(render(function.error().front(), random_function(seed, size)).c_str(), stderr);
      std::abort();
    }
    list.push_back(std::move(*function));
  }
  return list;
}

void compile_functions(benchmark::State& state, const machine::TargetIsa& isa, unsigned size, bool checks) {
  const std::deque<ir::Function>& list = functions(size);
  machine::Compiler compiler(isa);
  machine::CompileOptions options;
  options.verify_ir = options.verify_machine = options.check_allocation = checks;
  std::vector<machine::CompileStats> best(list.size());  // by function: of each stage the shortest time
  uint64_t count = 0, insts = 0;
  for (auto _ : state) {
    const size_t index = count++ % list.size();
    auto code = compiler.compile(list[index], options);
    if (!code) {
      state.SkipWithError(code.error().message.c_str());
      return;
    }
    insts += code->stats.clif_insts;
    for (unsigned stage = 0; stage < machine::kStageCount; ++stage) {
      uint64_t& ns = code->stats.nanoseconds[stage];
      if (count > list.size()) ns = std::min(ns, best[index].nanoseconds[stage]);
    }
    best[index] = code->stats;
  }
  state.SetItemsProcessed(static_cast<int64_t>(insts));
  machine::CompileStats total;
  for (const machine::CompileStats& stats : best) total += stats;
  const double functions = static_cast<double>(std::min<uint64_t>(count, list.size()));
  for (unsigned stage = 0; stage < machine::kStageCount; ++stage) {
    if (total.nanoseconds[stage] == 0) continue;
    const double ns = static_cast<double>(total.nanoseconds[stage]);
    const std::string name(machine::name(static_cast<machine::Stage>(stage)));
    state.counters[name + "_us"] = ns / 1e3 / functions;
    state.counters[name + "_Minsts/s"] = static_cast<double>(total.clif_insts) / ns * 1e3;
  }
  state.counters["machine_insts/inst"] =
      static_cast<double>(total.machine_insts) / static_cast<double>(total.clif_insts);
}

}  // namespace
}  // namespace assay

int main(int argc, char** argv) {
  using namespace assay;
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    for (unsigned size : {30u, 400u}) {
      for (bool checks : {false, true}) {
        const std::string name = std::string(isa->name) + "/" + std::to_string(size) + (checks ? "/checked" : "/plain");
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          compile_functions(state, *isa, size, checks);
        })->Unit(benchmark::kMicrosecond);
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
