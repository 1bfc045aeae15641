// See interpreter.h. The meaning of memory, control flow and calls is here, that of arithmetic in scalar.cpp.
//
// I1  Slots hold values zero-extended to 64 bits.
// I2  Moves on an edge, into a callee and back out are simultaneous: all are read before any is written.
#include "interpreter/interpreter.h"

#include <algorithm>
#include <cassert>

namespace assay::interpreter {

namespace {

// Of all frames together; a function of a million values must not take the host's memory.
constexpr size_t kMaxSlots = size_t{1} << 24;
constexpr uint64_t kFunctionSize = 16;

uint64_t read(const uint8_t* bytes, unsigned count, bool big) {
  uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i) value |= uint64_t{bytes[i]} << (8 * (big ? count - 1 - i : i));
  return value;
}

void write(uint8_t* bytes, unsigned count, bool big, uint64_t value) {
  for (unsigned i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * (big ? count - 1 - i : i)));
}

// The slots of one value.
size_t slots_of(ir::Type type) { return type.bits() <= 64 ? 1 : 2; }

}  // namespace

bool Interpreter::enter(const Program& program, uint32_t function, const Config& config) {
  const DecodedFunction& f = program.function(function);
  if (frames_.size() >= config.max_depth) return false;
  size_t base = 0;
  if (!frames_.empty()) base = frames_.back().base + program.function(frames_.back().function).slots;
  if (base + f.slots > kMaxSlots) return false;
  Frame frame{
      .function = function, .base = base, .open_slots = memory_.slot_count(), .stack_slots = slot_addresses_.size()};
  for (const StackSlot& slot : f.stack_slots) {
    const uint64_t address = memory_.push_slot(slot.size, slot.align);
    if (address == 0) {
      memory_.pop_slots(frame.open_slots);
      slot_addresses_.resize(frame.stack_slots);
      return false;
    }
    slot_addresses_.push_back(address);
  }
  if (values_.size() < base + f.slots) values_.resize(std::max(base + f.slots, values_.size() * 2));
  size_t next = 0;
  for (size_t i = 0; i < f.param_slots.size(); ++i) {
    for (size_t n = 0; n < slots_of(f.params[i]) && next < scratch_.size(); ++n) {
      values_[base + f.param_slots[i] + n] = scratch_[next++];
    }
  }
  frames_.push_back(frame);
  deepest_ = std::max(deepest_, static_cast<uint32_t>(frames_.size()));
  return true;
}

void Interpreter::leave() {
  memory_.pop_slots(frames_.back().open_slots);
  slot_addresses_.resize(frames_.back().stack_slots);
  frames_.pop_back();
}

void Interpreter::run(const Program& program, uint32_t function, std::span<const ir::DataValue> args,
                      std::span<const Region> regions, const Config& config, Outcome& outcome) {
  outcome.kind = OutcomeKind::OutOfFuel;
  outcome.results.clear();
  outcome.calls.clear();
  outcome.trap = {};
  outcome.function = 0;
  outcome.inst = {};
  outcome.text.clear();
  executed_ = 0;
  deepest_ = 0;
  fault_address_ = 0;
  pinned_ = 0;
  frames_.clear();
  slot_addresses_.clear();
  memory_.set_regions(regions, config.reserved);
  memory_.reset_stack(config.stack_base, config.stack_size, config.stack_fill, config.strict_stack);

  const DecodedFunction* f = &program.function(function);
  uint32_t pc = 0;
  uint64_t* v = nullptr;

  const auto stop = [&](OutcomeKind kind, std::string_view text = {}) {
    outcome.kind = kind;
    outcome.text = text;
    outcome.function = static_cast<uint32_t>(f - &program.function(0));
    if (pc != 0) outcome.inst = ir::Inst(f->steps[pc - 1].inst);
  };
  const auto trap = [&](ir::TrapCode code) {
    stop(OutcomeKind::Trapped);
    outcome.trap = code;
  };

  scratch_.clear();
  for (const ir::DataValue& arg : args) {
    if (arg.type().bits() > 128) return stop(OutcomeKind::Unsupported, "argument." + arg.type().to_string());
    scratch_.push_back(static_cast<uint64_t>(arg.bits()));
    if (slots_of(arg.type()) == 2) scratch_.push_back(static_cast<uint64_t>(arg.bits() >> 64));
  }
  if (!enter(program, function, config)) return trap(ir::kStackOverflow);
  v = values_.data() + frames_.back().base;

  const auto follow = [&](uint32_t number) {
    const Edge& edge = f->edges[number];
    const Move* moves = f->moves.data() + edge.moves_begin;
    if (edge.moves_count == 1) {
      v[moves[0].to] = v[moves[0].from];
    } else if (edge.moves_count != 0) {
      if (scratch_.size() < edge.moves_count) scratch_.resize(edge.moves_count);
      for (uint32_t i = 0; i < edge.moves_count; ++i) scratch_[i] = v[moves[i].from];
      for (uint32_t i = 0; i < edge.moves_count; ++i) v[moves[i].to] = scratch_[i];
    }
    pc = edge.target;
  };
  const auto collect = [&](uint32_t begin, uint32_t count) {
    scratch_.clear();
    for (uint32_t i = 0; i < count; ++i) scratch_.push_back(v[f->slot_lists[begin + i]]);
  };

  std::span<uint8_t> host_memory;
  for (const Region& region : regions) {
    if (!region.writable || region.bytes.size() < kHostMemory) continue;
    host_memory = region.bytes;
    break;
  }

  for (uint64_t fuel = config.fuel; fuel != 0; --fuel) {
    const Step& step = f->steps[pc++];
    ++executed_;
    switch (step.kind) {
      case StepKind::kScalar: {
        const ScalarOperation operation{step.opcode, step.bits, step.result_bits, step.code};
        const ScalarResult result = evaluate(operation, v[step.a], v[step.b], v[step.c]);
        if (result.trap.is_valid()) return trap(result.trap);
        v[step.d] = result.value;
        if (step.e != 0xffffffffu) v[step.e] = result.second;
        break;
      }
      case StepKind::kConstant:
        v[step.d] = step.imm;
        break;
      case StepKind::kWideCopy:
        v[step.d + 1] = v[step.a + 1];
        [[fallthrough]];
      case StepKind::kCopy:
        v[step.d] = v[step.a];
        break;
      case StepKind::kWideSelect: {
        const uint32_t from = v[step.a] != 0 ? step.b : step.c;
        v[step.d] = v[from];
        v[step.d + 1] = v[from + 1];
        break;
      }

      case StepKind::kLoad:
      case StepKind::kStore:
      case StepKind::kWideLoad:
      case StepKind::kWideStore: {
        const bool is_store = step.kind == StepKind::kStore || step.kind == StepKind::kWideStore;
        const unsigned size = step.bits / 8;
        const uint64_t address = v[step.b] + step.imm;
        const Memory::Found found = memory_.find(address, size, is_store);
        if (found.access != Memory::Access::kOk) {
          if (found.access == Memory::Access::kMeaningless) {
            return stop(OutcomeKind::UndefinedBehaviour, "access to memory that is no object of the program");
          }
          if (step.code == 0) return stop(OutcomeKind::UndefinedBehaviour, "notrap access out of bounds");
          fault_address_ = address;
          return trap(ir::TrapCode{step.code});
        }
        if (step.aligned && address % size != 0) {
          return stop(OutcomeKind::UndefinedBehaviour, "misaligned access that promised alignment");
        }
        const auto order = static_cast<ir::Endianness>(step.order);
        const bool big = (order == ir::Endianness::kNative ? config.byte_order : order) == ir::Endianness::kBig;
        switch (step.kind) {
          case StepKind::kStore:
            write(found.bytes, size, big, v[step.a]);
            break;
          case StepKind::kWideStore:
            write(found.bytes + (big ? 8 : 0), 8, big, v[step.a]);
            write(found.bytes + (big ? 0 : 8), 8, big, v[step.a + 1]);
            break;
          case StepKind::kWideLoad:
            v[step.d] = read(found.bytes + (big ? 8 : 0), 8, big);
            v[step.d + 1] = read(found.bytes + (big ? 0 : 8), 8, big);
            break;
          default: {
            const uint64_t value = read(found.bytes, size, big);
            v[step.d] =
                step.sign ? truncate(static_cast<uint64_t>(sign_extend(value, step.bits)), step.result_bits) : value;
          }
        }
        break;
      }

      case StepKind::kStackAddress:
        v[step.d] = truncate(slot_addresses_[frames_.back().stack_slots + step.b] + step.imm, step.result_bits);
        break;
      case StepKind::kFunctionAddress: {
        const uint32_t callee = f->callees[step.b];
        if (callee == kNoFunction) return stop(OutcomeKind::Unsupported, "func_addr of " + f->callee_names[step.b]);
        v[step.d] = truncate(config.function_base + callee * kFunctionSize, step.result_bits);
        break;
      }
      case StepKind::kGetPinned:
        v[step.d] = pinned_;
        break;
      case StepKind::kSetPinned:
        pinned_ = v[step.a];
        break;
      case StepKind::kNop:
        break;

      case StepKind::kJump:
        follow(step.b);
        break;
      case StepKind::kBrif:
        follow(v[step.a] != 0 ? step.b : step.c);
        break;
      case StepKind::kBrTable:
        follow(v[step.a] < step.c ? step.b + 1 + static_cast<uint32_t>(v[step.a]) : step.b);
        break;
      case StepKind::kTrap:
        return trap(ir::TrapCode{step.code});
      case StepKind::kTrapIf:
        if (v[step.a] != 0) return trap(ir::TrapCode{step.code});
        break;
      case StepKind::kTrapUnless:
        if (v[step.a] == 0) return trap(ir::TrapCode{step.code});
        break;

      case StepKind::kReturn: {
        collect(step.b, step.c);
        if (frames_.size() == 1) {
          size_t next = 0;
          for (ir::Type type : f->returns) {
            unsigned __int128 bits = scratch_[next++];
            if (slots_of(type) == 2) bits |= static_cast<unsigned __int128>(scratch_[next++]) << 64;
            outcome.results.emplace_back(type, bits);
          }
          outcome.kind = OutcomeKind::Returned;
          return;
        }
        leave();
        const Frame& frame = frames_.back();
        f = &program.function(frame.function);
        v = values_.data() + frame.base;
        pc = frame.pc;
        const CallSite& site = f->calls[f->steps[pc - 1].c];
        assert(site.results_count == scratch_.size());
        for (uint32_t i = 0; i < site.results_count; ++i) v[f->slot_lists[site.results_begin + i]] = scratch_[i];
        break;
      }

      case StepKind::kCall:
      case StepKind::kCallIndirect:
      case StepKind::kTailCall:
      case StepKind::kTailCallIndirect: {
        const CallSite& site = f->calls[step.c];
        uint32_t callee = kNoFunction;
        if (step.kind == StepKind::kCall || step.kind == StepKind::kTailCall) {
          callee = f->callees[step.b];
          if (callee == kNoFunction) return stop(OutcomeKind::Unsupported, "call of " + f->callee_names[step.b]);
        } else {
          const uint64_t offset = v[step.a] - config.function_base;
          if (offset % kFunctionSize != 0 ||
              offset / kFunctionSize >= program.size() + program.host_functions().size()) {
            return stop(OutcomeKind::UndefinedBehaviour, "call through a pointer to no function");
          }
          callee = static_cast<uint32_t>(offset / kFunctionSize);
        }
        const bool is_host = callee >= program.size();
        const HostFunction* host = is_host ? &program.host_functions()[callee - program.size()] : nullptr;
        if ((is_host ? host->signature : program.function(callee).signature) != site.signature) {
          return stop(OutcomeKind::UndefinedBehaviour, "call with another signature than the function's");
        }
        collect(site.args_begin, site.args_count);
        const bool is_tail = step.kind == StepKind::kTailCall || step.kind == StepKind::kTailCallIndirect;
        if (is_host) {
          if (is_tail) return stop(OutcomeKind::Unsupported, "tail call of " + host->name);
          outcome.calls.push_back({host->name, scratch_});
          call_host(outcome.calls.back(), host_memory, host->result_bits, scratch_);
          for (uint32_t i = 0; i < site.results_count; ++i) v[f->slot_lists[site.results_begin + i]] = scratch_[i];
          fuel -= std::min(fuel - 1, kHostCallFuel);
          break;
        }
        if (is_tail) {
          leave();
        } else {
          frames_.back().pc = pc;
        }
        if (!enter(program, callee, config)) return trap(ir::kStackOverflow);
        f = &program.function(callee);
        v = values_.data() + frames_.back().base;
        pc = 0;
        break;
      }
      case StepKind::kUnsupported:
        return stop(OutcomeKind::Unsupported, f->messages[step.b]);
    }
  }
  stop(OutcomeKind::OutOfFuel);
  outcome.function = 0;
  outcome.inst = {};
}

}  // namespace assay::interpreter
