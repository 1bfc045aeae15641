// The reference on trial: control flow, memory and block arguments walked a second time, as plainly as possible, with
// only the arithmetic of single operations taken from the interpreter (whose judge is TriageOptions::check_operation).
#include <algorithm>
#include <fstream>
#include <sstream>
#include <unordered_set>

#include "compiler/ir/printer.h"
#include "fuzz/reduce_edits.h"
#include "fuzz/triage_parts.h"
#include "interpreter/scalar.h"

namespace assay::fuzz {

using namespace ir;

namespace {

constexpr unsigned kMostSteps = 100'000;

class Walk {
 public:
  Walk(const Case& test, Endianness order) : test_(test), f_(test.functions[test.entry]), order_(order) {
    for (const oracles::RegionDirective& region : test.regions) regions_.push_back(oracles::make_region(region));
    values_.resize(f_.value_count());
  }

  // What ran, for the first time each: an instruction, or a branch to a block.
  struct Event {
    Inst inst;
    Block block;  // none: an instruction with results
    std::vector<uint64_t> values;
  };
  const std::vector<Event>& log() const { return log_; }

  std::optional<interpreter::Outcome> run(std::vector<std::vector<uint8_t>>& memory) {
    Block block = f_.entry_block();
    const auto params = f_.block_params(block);
    for (size_t i = 0; i < params.size(); ++i) values_[params[i].index] = test_.inputs[0].args[i].as_u64();
    // Wider values are not followed.
    const auto is_wide = [](const AbiParam& result) { return result.type.bits() > 64; };
    if (std::ranges::any_of(f_.signature.returns, is_wide)) return std::nullopt;
    Inst inst = f_.first_inst(block);
    for (unsigned step = 0; step < kMostSteps && !inst.is_none(); ++step) {
      const InstData& data = f_.inst(inst);
      const auto arg = [&](unsigned n) { return values_[f_.resolve(f_.arg(inst, n)).index]; };
      const BlockCall* taken = nullptr;
      switch (data.opcode) {
        case Opcode::kIconst:
          set(inst, 0, data.imm);
          break;
        case Opcode::kNop:
          break;
        case Opcode::kReturn: {
          interpreter::Outcome out{.kind = interpreter::OutcomeKind::Returned};
          for (Value v : f_.args(inst)) out.results.emplace_back(f_.value_type(v), values_[f_.resolve(v).index]);
          for (const oracles::Region& region : regions_) memory.push_back(region.bytes);
          return out;
        }
        case Opcode::kTrap:
          return trapped(inst, data.trap_code(), memory);
        case Opcode::kTrapz:
        case Opcode::kTrapnz:
          if ((arg(0) == 0) == (data.opcode == Opcode::kTrapz)) return trapped(inst, data.trap_code(), memory);
          break;
        case Opcode::kJump:
          taken = &f_.block_calls(inst)[0];
          break;
        case Opcode::kBrif:
          taken = &f_.block_calls(inst)[arg(0) != 0 ? 0 : 1];
          break;
        case Opcode::kBrTable: {
          const auto calls = f_.block_calls(inst);  // the default comes first
          taken = arg(0) < calls.size() - 1 ? &calls[1 + arg(0)] : &calls[0];
          break;
        }
        default: {
          if (interpreter::is_scalar_operation(data.opcode)) {
            if (!scalar(inst)) return std::nullopt;
            if (trap_.is_valid()) return trapped(inst, trap_, memory);
            break;
          }
          const auto done = access(inst);
          if (!done) return std::nullopt;
          if (!*done) {
            if (data.flags.notrap()) return std::nullopt;
            return trapped(inst, data.flags.trap_code(), memory);
          }
        }
      }
      if (taken == nullptr) {
        if (seen_.insert(inst.index).second && f_.has_results(inst)) {
          log_.push_back({inst, {}, {}});
          for (Value v : f_.results(inst)) log_.back().values.push_back(values_[v.index]);
        }
        inst = f_.next_inst(inst);
        continue;
      }
      std::vector<uint64_t> passed;
      for (BlockArg a : f_.args(*taken)) passed.push_back(values_[f_.resolve(a.value()).index]);
      const auto to = f_.block_params(taken->block);
      for (size_t i = 0; i < passed.size(); ++i) values_[to[i].index] = passed[i];
      if (entered_.insert(taken->block.index).second) log_.push_back({inst, taken->block, passed});
      inst = f_.first_inst(taken->block);
    }
    return std::nullopt;
  }

 private:
  void set(Inst inst, unsigned n, uint64_t value) { values_[f_.result(inst, n).index] = value; }

  std::optional<interpreter::Outcome> trapped(Inst inst, TrapCode code, std::vector<std::vector<uint8_t>>& memory) {
    for (const oracles::Region& region : regions_) memory.push_back(region.bytes);
    return interpreter::Outcome{
        .kind = interpreter::OutcomeKind::Trapped, .trap = code, .function = test_.entry, .inst = inst};
  }

  bool scalar(Inst inst) {
    const InstData& data = f_.inst(inst);
    const auto args = f_.args(inst);
    uint64_t operands[3] = {};
    for (size_t i = 0; i < args.size(); ++i) {
      const Type type = f_.value_type(args[i]);
      if (i >= 3 || !type.is_int() || type.bits() > 64) return false;
      operands[i] = values_[f_.resolve(args[i]).index];
    }
    interpreter::ScalarOperation operation{.opcode = data.opcode, .code = data.code};
    const bool picks = data.opcode == Opcode::kSelect || data.opcode == Opcode::kBitselect ||
                       data.opcode == Opcode::kSelectSpectreGuard;
    if (!args.empty()) operation.bits = static_cast<uint8_t>(f_.value_type(args[picks ? 1 : 0]).bits());
    if (f_.has_results(inst)) {
      if (f_.value_type(f_.result(inst)).bits() > 64) return false;
      operation.result_bits = static_cast<uint8_t>(f_.value_type(f_.result(inst)).bits());
    }
    const interpreter::ScalarResult result = interpreter::evaluate(operation, operands[0], operands[1], operands[2]);
    trap_ = result.trap;
    if (trap_.is_valid()) return true;
    if (f_.has_results(inst)) set(inst, 0, result.value);
    if (f_.results(inst).size() > 1) set(inst, 1, result.second);
    return true;
  }

  // A load or store of up to 64 bits. Nothing: it is something else; false: out of bounds.
  std::optional<bool> access(Inst inst) {
    const InstData& data = f_.inst(inst);
    unsigned bits = 0;
    bool is_store = false, is_signed = false;
    switch (data.opcode) {
      case Opcode::kLoad:
        bits = f_.value_type(f_.result(inst)).bits();
        break;
      case Opcode::kStore:
        bits = f_.value_type(f_.arg(inst, 0)).bits(), is_store = true;
        break;
      case Opcode::kUload8:
        bits = 8;
        break;
      case Opcode::kUload16:
        bits = 16;
        break;
      case Opcode::kUload32:
        bits = 32;
        break;
      case Opcode::kSload8:
        bits = 8, is_signed = true;
        break;
      case Opcode::kSload16:
        bits = 16, is_signed = true;
        break;
      case Opcode::kSload32:
        bits = 32, is_signed = true;
        break;
      case Opcode::kIstore8:
        bits = 8, is_store = true;
        break;
      case Opcode::kIstore16:
        bits = 16, is_store = true;
        break;
      case Opcode::kIstore32:
        bits = 32, is_store = true;
        break;
      default:
        return std::nullopt;
    }
    if (bits > 64) return std::nullopt;
    const uint64_t address =
        values_[f_.resolve(f_.arg(inst, is_store ? 1 : 0)).index] + static_cast<uint64_t>(int64_t(data.offset()));
    const uint64_t size = bits / 8;
    const Endianness said = data.flags.endianness();
    const bool big = (said == Endianness::kNative ? order_ : said) == Endianness::kBig;
    for (oracles::Region& region : regions_) {
      const uint64_t at = address - region.address;
      if (address < region.address || region.bytes.size() < size || at > region.bytes.size() - size) continue;
      if (is_store && !region.writable) return false;
      uint64_t value = is_store ? values_[f_.resolve(f_.arg(inst, 0)).index] : 0;
      for (uint64_t i = 0; i < size; ++i) {
        uint8_t& byte = region.bytes[at + (big ? size - 1 - i : i)];
        if (is_store) {
          byte = static_cast<uint8_t>(value >> (8 * i));
        } else {
          value |= uint64_t(byte) << (8 * i);
        }
      }
      if (is_store) return true;
      const unsigned wide = f_.value_type(f_.result(inst)).bits();
      if (is_signed) value = interpreter::truncate(static_cast<uint64_t>(interpreter::sign_extend(value, bits)), wide);
      set(inst, 0, value);
      return true;
    }
    return false;
  }

  const Case& test_;
  const Function& f_;
  Endianness order_;
  std::vector<oracles::Region> regions_;
  std::vector<uint64_t> values_;
  std::vector<Event> log_;
  std::unordered_set<uint32_t> seen_, entered_;
  TrapCode trap_{};
};

// Most operations on 128 bits are one expression of C++; what the others do is in functions that several share.
Decision part_of_wide(Opcode opcode) {
  switch (opcode) {
    case Opcode::kUaddOverflow:
    case Opcode::kUaddOverflowCin:
    case Opcode::kSaddOverflow:
    case Opcode::kSaddOverflowCin:
      return Decision::ReferenceWideSums;
    case Opcode::kUsubOverflow:
    case Opcode::kUsubOverflowBin:
    case Opcode::kSsubOverflow:
    case Opcode::kSsubOverflowBin:
      return Decision::ReferenceWideDifferences;
    case Opcode::kUmulhi:
      return Decision::ReferenceWideProducts;
    case Opcode::kClz:
    case Opcode::kCtz:
    case Opcode::kCls:
      return Decision::ReferenceWideCounts;
    case Opcode::kBitrev:
    case Opcode::kBswap:
      return Decision::ReferenceWideOrder;
    default:
      return Decision::ReferenceWide;
  }
}

Decision part_of_floats(Opcode opcode, unsigned bits) {
  switch (opcode) {
    case Opcode::kFadd:
    case Opcode::kFsub:
    case Opcode::kFmul:
    case Opcode::kFdiv:
    case Opcode::kSqrt:
    case Opcode::kFma:
    case Opcode::kCeil:
    case Opcode::kFloor:
    case Opcode::kTrunc:
    case Opcode::kNearest:
      return bits == 32 || bits == 64 ? Decision::ReferenceHostFloats : Decision::ReferenceSoftFloats;
    default:
      return Decision::ReferenceFloats;
  }
}

// Who in the interpreter does this. `in_place`: an access that finds its bytes and reads or writes them wrongly.
Decision part_of_interpreter(const Function& f, Inst inst, bool in_place) {
  const bool is_access = (f.info(inst).effects & (kCanLoad | kCanStore)) != 0 && !f.info(inst).is_call();
  const auto is_of = [&](auto property) {
    return std::ranges::any_of(f.args(inst), [&](Value v) { return property(f.value_type(v)); }) ||
           std::ranges::any_of(f.results(inst), [&](Value v) { return property(f.value_type(v)); });
  };
  if (is_access) return in_place ? Decision::ReferenceControl : Decision::ReferenceMemory;
  if (f.info(inst).is_terminator() || f.info(inst).is_call()) return Decision::ReferenceControl;
  if (is_of([](Type type) { return type.is_float(); })) {
    return part_of_floats(f.inst(inst).opcode, f.has_results(inst) ? f.value_type(f.result(inst)).bits() : 0);
  }
  if (is_of([](Type type) { return type.is_int() && type.bits() > 64; })) return part_of_wide(f.inst(inst).opcode);
  return interpreter::is_scalar_operation(f.inst(inst).opcode) ? Decision::ReferenceArithmetic
                                                               : Decision::ReferenceControl;
}

// Where interpreter and walk part: the instruction, and what to say of it.
std::pair<Inst, std::string> where_they_part(const Case& test, const Walk& walk, Endianness order) {
  const Function& f = test.functions[test.entry];
  for (const Walk::Event& event : walk.log()) {
    if (!event.block.is_none()) {
      if (!reaches(test, event.block, order))
        return {event.inst, "the interpreter does not go where this branch leads"};
      const auto params = f.block_params(event.block);
      for (uint32_t i = 0; i < params.size(); ++i) {
        const auto first = first_param(test, event.block, i, order);
        if (first && first->as_u64() != event.values[i]) return {event.inst, "a block gets another argument"};
      }
      continue;
    }
    const auto first = first_results(test, event.inst, order);
    for (size_t i = 0; first && i < first->size(); ++i) {
      if ((*first)[i].as_u64() != event.values[i]) return {event.inst, "its result is another one"};
    }
  }
  return {Inst(), ""};
}

}  // namespace

std::optional<interpreter::Outcome> second_opinion(const Case& test, Endianness order,
                                                   std::vector<std::vector<uint8_t>>& memory) {
  if (test.inputs.empty()) return std::nullopt;
  return Walk(test, order).run(memory);
}

bool blame_reference(const Case& test, const TriageOptions& options, Endianness order, TriageResult& result) {
  const Function& f = test.functions[test.entry];
  const auto blame = [&](Decision decision, const std::string& operation, const std::string& reason) {
    const DecisionPlace place = place_of(decision, IsaKind::x64);
    result.culprits.push_back(
        {CulpritKind::Function, place.function, place.file, line_of(place.file, place.function), reason});
    result.culprits.push_back({CulpritKind::Operation, operation, place.file, 0, reason});
  };
  // Single operations, by their definitions; of callees as well.
  std::vector<std::string> asked;
  for (const Function& function : test.functions) {
    for (Inst inst : instructions(function)) {
      const std::string name(function.info(inst).name);
      if (!options.check_operation || std::ranges::find(asked, name) != asked.end()) continue;
      asked.push_back(name);
      const Opinion opinion = options.check_operation(name);
      if (!opinion.asked || opinion.holds) continue;
      result.evidence.push_back("the interpreter and the definition of " + name + " differ: " + opinion.text);
      result.divergence = print_inst(function, inst) + "\n  " + opinion.text;
      blame(part_of_interpreter(function, inst, false), name, "it differs from the operation's definition");
      return true;
    }
  }
  if (!asked.empty())
    result.evidence.push_back("the interpreter agrees with the definitions of all operations in the case");
  if (test.inputs.empty()) return false;
  std::vector<std::vector<uint8_t>> memory;
  Walk walk(test, order);
  const auto second = walk.run(memory);
  if (!second) return false;
  std::vector<std::vector<uint8_t>> reference_memory;
  const interpreter::Outcome reference = interpret(test, order, &reference_memory);
  const bool same_memory = memory == reference_memory;
  if (*second == reference && same_memory) {
    result.evidence.push_back("a second walk through the function agrees with the interpreter");
    return false;
  }
  const auto describe = [&](const interpreter::Outcome& outcome) {
    return outcome.kind == interpreter::OutcomeKind::Trapped && !outcome.inst.is_none() &&
                   outcome.inst.index < f.inst_count()
               ? "trapped " + to_string(outcome.trap) + " in " + print_inst(f, outcome.inst)
               : interpreter::describe(outcome);
  };
  result.divergence = "the interpreter: " + describe(reference) + "\na second walk:   " + describe(*second);
  result.evidence.push_back("a second walk through the function does not agree with the interpreter");
  auto [inst, reason] = where_they_part(test, walk, order);
  bool traps = false;
  // All that both did is the same: one of them trapped, or stored elsewhere.
  if (inst.is_none()) {
    reason = "it traps for one of the two only, or goes elsewhere in memory";
    for (const interpreter::Outcome* outcome : {&reference, &*second}) {
      if (outcome->kind == interpreter::OutcomeKind::Trapped && !outcome->inst.is_none()) inst = outcome->inst;
      traps |= !inst.is_none();
    }
    for (Inst other : instructions(f)) {
      if (inst.is_none() && (f.info(other).effects & kCanStore) != 0) inst = other;
    }
  }
  if (inst.is_none() || inst.index >= f.inst_count()) {
    blame(Decision::ReferenceControl, "return", "what is returned");
    return true;
  }
  result.divergence += "\n  first at " + print_inst(f, inst);
  blame(part_of_interpreter(f, inst, !traps), std::string(f.info(inst).name), reason);
  return true;
}

uint32_t line_of(const std::string& file, const std::string& function) {
  std::ifstream in(file);
  const size_t colons = function.rfind("::");
  const std::string plain = colons == std::string::npos ? function : function.substr(colons + 2);
  uint32_t number = 0, first = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const bool opens = line.find('{') != std::string::npos || line.ends_with(",");
    if (!opens) continue;
    if (line[0] != ' ' && line.find(function + "(") != std::string::npos) return number;
    // Within its class: a type stands before the name, and nothing that makes it a call.
    const size_t inside = line.find(" " + plain + "(");
    if (first != 0 || inside == std::string::npos || line.find("return ") < inside) continue;
    if (line.find_first_of("=(;") >= inside && line.find_first_not_of(' ') < inside) first = number;
  }
  return first;
}

}  // namespace assay::fuzz
