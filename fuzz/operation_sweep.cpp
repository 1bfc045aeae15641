// See operation_sweep.h. A pattern is 64 bytes in the table: three operands of 16 bytes each, little-endian, and a
// result.
#include "fuzz/operation_sweep.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "compiler/ir/parser.h"
#include "fuzz/function_generator.h"
#include "interpreter/float.h"
#include "oracles/harness.h"

namespace assay::fuzz {

namespace {

constexpr unsigned kPattern = 64, kOperand = 16;
// So many a run: the harness plays at most 4096 calls of the library in one.
constexpr unsigned kMany = 4000, kFew = 800;
// Of operands that trap: so many in a program, and kept of those drawn for a table.
constexpr unsigned kTrapsPerProgram = 200, kTrapsPerTable = 50;

struct Operation {
  Opcode opcode{};
  unsigned operands = 1;
  Type from, to;
  std::string name;

  bool is_division() const { return from.is_int() && to.is_int(); }
  bool may_call() const { return from == kF16 || from == kF128 || to == kF16 || to == kF128; }
};

std::vector<Operation> operations() {
  std::vector<Operation> out;
  constexpr Type kFloats[] = {kF16, kF32, kF64, kF128};
  const auto add = [&](Opcode opcode, unsigned operands, Type from, Type to) {
    std::string name = std::string(ir::to_string(opcode)) + "." + to.to_string();
    if (from != to) name += "." + from.to_string();
    out.push_back({opcode, operands, from, to, std::move(name)});
  };
  for (const Type type : kFloats) {
    for (const Opcode opcode :
         {Opcode::kFadd, Opcode::kFsub, Opcode::kFmul, Opcode::kFdiv, Opcode::kFmin, Opcode::kFmax}) {
      add(opcode, 2, type, type);
    }
    for (const Opcode opcode : {Opcode::kSqrt, Opcode::kCeil, Opcode::kFloor, Opcode::kTrunc, Opcode::kNearest}) {
      add(opcode, 1, type, type);
    }
    add(Opcode::kFma, 3, type, type);
    for (const Type other : kFloats) {
      if (other != type) add(other.bits() > type.bits() ? Opcode::kFpromote : Opcode::kFdemote, 1, type, other);
    }
    for (const Type integer : kTypes) {
      for (const Opcode opcode : {Opcode::kFcvtFromSint, Opcode::kFcvtFromUint}) add(opcode, 1, integer, type);
      for (const Opcode opcode :
           {Opcode::kFcvtToSint, Opcode::kFcvtToUint, Opcode::kFcvtToSintSat, Opcode::kFcvtToUintSat}) {
        add(opcode, 1, type, integer);
      }
    }
  }
  for (const Type type : kTypes) {
    for (const Opcode opcode : {Opcode::kSdiv, Opcode::kUdiv, Opcode::kSrem, Opcode::kUrem}) add(opcode, 2, type, type);
  }
  return out;
}

bool traps(const Operation& operation, const Bits (&x)[3]) {
  if (operation.is_division()) {
    const Bits least = Bits(1) << (operation.from.bits() - 1), all = least | (least - 1);
    return x[1] == 0 || (operation.opcode == Opcode::kSdiv && x[0] == least && x[1] == all);
  }
  if (operation.opcode != Opcode::kFcvtToSint && operation.opcode != Opcode::kFcvtToUint) return false;
  const interpreter::ScalarOperation scalar{operation.opcode, static_cast<uint8_t>(operation.from.bits()),
                                            static_cast<uint8_t>(operation.to.bits()), 0};
  return interpreter::evaluate_float(scalar, x[0]).trap.is_valid();
}

std::string function_text(const Operation& operation) {
  const std::string from = operation.from.to_string(), to = operation.to.to_string();
  std::string operands, loads;
  for (unsigned i = 0; i < operation.operands; ++i) {
    const std::string v = "v" + std::to_string(10 + i);
    loads += "    " + v + " = load." + from + " little v2+" + std::to_string(kOperand * i) + "\n";
    operands += (i == 0 ? "" : ", ") + v;
  }
  const std::string suffix = operation.from == operation.to ? "" : "." + to;
  return "function %sweep(i64, i64) {\nblock0(v0: i64, v1: i64):\n    jump block1(v0)\nblock1(v2: i64):\n" + loads +
         "    v3 = " + std::string(ir::to_string(operation.opcode)) + suffix + " " + operands +
         "\n    store little v3, v2+48\n    v4 = iconst.i64 64\n    v5 = iadd v2, v4\n    v6 = icmp ult v5, v1\n"
         "    brif v6, block1(v5), block2\nblock2:\n    return\n}\n";
}

class Sweep {
 public:
  Sweep(const Operation& operation, const SweepOptions& options)
      : operation_(operation), options_(options), random_(options.seed), harness_([&] {
          oracles::HarnessOptions wanted;
          wanted.isas = options.isas;
          wanted.opt_levels = {machine::OptLevel::Speed};
          wanted.fuel = 1'000'000;
          wanted.milliseconds = 20'000;
          return wanted;
        }()) {}

  SweptOperation run() {
    SweptOperation out{.name = operation_.name};
    const auto function = ir::parse_function(function_text(operation_));
    if (!function) {
      out.findings.push_back("the function does not parse: " + function.error().front().message);
      return out;
    }
    const auto begin = std::chrono::steady_clock::now();
    const unsigned bits = operation_.operands * operation_.from.bits();
    out.is_complete = bits <= 20 && (uint64_t{1} << bits) <= options_.patterns;
    const uint64_t wanted = out.is_complete ? uint64_t{1} << bits : options_.patterns;
    while (out.patterns + out.traps < wanted && out.findings.empty()) {
      const unsigned room = operation_.may_call() ? kFew : kMany;
      const auto count = static_cast<unsigned>(std::min<uint64_t>(room, wanted - out.patterns - out.traps));
      draw(count, out.is_complete);
      out.patterns += table_.size() / kPattern;
      out.traps += drawn_traps_;
      check(*function, table_, false, out);
      if (trapping_.size() >= kTrapsPerProgram * kPattern) check(*function, trapping_, true, out);
    }
    check(*function, trapping_, true, out);
    out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    for (const auto& [name, stats] : harness_.stats().executors) {
      out.executors.push_back(name);
      out.runs += stats.runs;
    }
    for (const auto& [why, count] : harness_.stats().not_run) out.not_run.push_back(why);
    return out;
  }

 private:
  Bits operand() {
    const unsigned bits = operation_.from.bits();
    const Bits mask = bits == 128 ? ~Bits(0) : (Bits(1) << bits) - 1;
    const Bits any = (Bits(random_.next()) << 64 | random_.next()) & mask;
    if (random_.chance(40)) return any;
    return operation_.from.is_float() ? random_float_bits(random_, bits) & mask : random_bits(random_, bits);
  }

  // The operands of pattern n of all.
  void enumerate(uint64_t n, Bits (&x)[3]) const {
    const unsigned bits = operation_.from.bits();
    for (unsigned i = 0; i < operation_.operands; ++i) x[i] = n >> (i * bits) & ((uint64_t{1} << bits) - 1);
  }

  // Fills table_ with up to `count` patterns that do not trap, and appends those that do to trapping_.
  void draw(unsigned count, bool enumerated) {
    table_.clear();
    drawn_traps_ = 0;
    for (unsigned tries = 0, kept = 0; kept < count && tries < 4 * count; ++tries) {
      Bits x[3] = {};
      if (enumerated) {
        enumerate(next_++, x);
      } else {
        for (Bits& each : x) each = operand();
        if (random_.chance(6)) x[1] = x[0];
      }
      const bool does_trap = traps(operation_, x);
      if (does_trap && !enumerated && drawn_traps_ == kTrapsPerTable) continue;
      std::vector<uint8_t>& to = does_trap ? trapping_ : table_;
      const size_t at = to.size();
      to.resize(at + kPattern, 0xa5);
      for (unsigned i = 0; i < kOperand * 3; ++i) {
        to[at + i] = static_cast<uint8_t>(x[i / kOperand] >> (8 * (i % kOperand)));
      }
      drawn_traps_ += does_trap ? 1 : 0;
      ++kept;
    }
  }

  // Runs the function on the table and empties it: at once, or on each pattern alone.
  void check(const ir::Function& function, std::vector<uint8_t>& table, bool alone, SweptOperation& out) {
    const uint64_t count = table.size() / kPattern;
    if (count == 0) return;
    table.resize((table.size() + 4095) / 4096 * 4096);
    const oracles::Region region{.address = kRegionsBase, .bytes = std::move(table)};
    table.clear();
    std::vector<oracles::TestInput> inputs;
    for (uint64_t from = 0, step = alone ? 1 : count; from < count; from += step) {
      const auto address = [](uint64_t n) { return ir::DataValue(kI64, kRegionsBase + kPattern * n); };
      inputs.push_back({.args = {address(from), address(from + step)}});
    }
    const ir::Function* const functions[] = {&function};
    std::vector<oracles::Finding> findings;
    harness_.check({.functions = functions, .regions = {&region, 1}, .inputs = inputs}, findings);
    for (const auto& reference : harness_.references()) {
      if (!reference.comparable) out.findings.push_back("the interpreter has no outcome: " + reference.outcome.text);
    }
    for (const oracles::Finding& finding : findings) out.findings.push_back(describe(finding));
  }

  const Operation& operation_;
  const SweepOptions& options_;
  Random random_;
  oracles::Harness harness_;
  std::vector<uint8_t> table_, trapping_;
  unsigned drawn_traps_ = 0;  // by the last draw()
  uint64_t next_ = 0;         // pattern, where all are taken
};

}  // namespace

std::vector<std::string> swept_operations() {
  std::vector<std::string> names;
  for (const Operation& operation : operations()) names.push_back(operation.name);
  return names;
}

SweptOperation sweep_operation(const std::string& name, const SweepOptions& options) {
  for (const Operation& operation : operations()) {
    if (operation.name == name) return Sweep(operation, options).run();
  }
  return {.name = name, .findings = {"there is no such operation"}};
}

}  // namespace assay::fuzz
