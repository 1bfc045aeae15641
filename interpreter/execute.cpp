// The interpreter's inner loop: control flow, memory and calls; the meaning of arithmetic is in scalar.cpp, wide.cpp
// and float.cpp.
//
// I1  Slots hold values zero-extended to 64 bits; values of 128 bits have two, low half first.
// I2  Moves on an edge, into a callee and back out are simultaneous: all are read before any is written.
// I3  The loop exists twice. The one without tracking ends before the first step that makes a free bit; the other then
//     goes on from there, with a mask beside each slot that says which of its bits are free.
#include <algorithm>
#include <cassert>

#include "interpreter/free_bits.h"
#include "interpreter/interpreter.h"

namespace assay::interpreter {

namespace {

uint64_t read(const uint8_t* bytes, unsigned count, bool big) {
  uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i) value |= uint64_t{bytes[i]} << (8 * (big ? count - 1 - i : i));
  return value;
}

void write(uint8_t* bytes, unsigned count, bool big, uint64_t value) {
  for (unsigned i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * (big ? count - 1 - i : i)));
}

Word128 read_wide(const uint8_t* bytes, unsigned count, bool big) {
  if (count <= 8) return read(bytes, count, big);
  return Word128{read(bytes + (big ? 8 : 0), 8, big)} | Word128{read(bytes + (big ? 0 : 8), 8, big)} << 64;
}

void write_wide(uint8_t* bytes, unsigned count, bool big, Word128 value) {
  if (count <= 8) return write(bytes, count, big, static_cast<uint64_t>(value));
  write(bytes + (big ? 8 : 0), 8, big, static_cast<uint64_t>(value));
  write(bytes + (big ? 0 : 8), 8, big, static_cast<uint64_t>(value >> 64));
}

Word128 get(const uint64_t* slots, uint32_t slot, bool wide) {
  return wide ? Word128{slots[slot]} | Word128{slots[slot + 1]} << 64 : Word128{slots[slot]};
}

void set(uint64_t* slots, uint32_t slot, bool wide, Word128 value) {
  slots[slot] = static_cast<uint64_t>(value);
  if (wide) slots[slot + 1] = static_cast<uint64_t>(value >> 64);
}

// What atomic_rmw writes.
Word128 combine(ir::AtomicRmwOp operation, Word128 old, Word128 x, unsigned bits) {
  const __int128 signed_old = sign_extend_wide(old, bits), signed_x = sign_extend_wide(x, bits);
  switch (operation) {
    case ir::AtomicRmwOp::kAdd:
      return truncate_wide(old + x, bits);
    case ir::AtomicRmwOp::kSub:
      return truncate_wide(old - x, bits);
    case ir::AtomicRmwOp::kAnd:
      return old & x;
    case ir::AtomicRmwOp::kNand:
      return truncate_wide(~(old & x), bits);
    case ir::AtomicRmwOp::kOr:
      return old | x;
    case ir::AtomicRmwOp::kXor:
      return old ^ x;
    case ir::AtomicRmwOp::kXchg:
      return x;
    case ir::AtomicRmwOp::kUmin:
      return old < x ? old : x;
    case ir::AtomicRmwOp::kUmax:
      return old > x ? old : x;
    case ir::AtomicRmwOp::kSmin:
      return signed_old < signed_x ? old : x;
    case ir::AtomicRmwOp::kSmax:
      return signed_old > signed_x ? old : x;
  }
  return x;
}

// From a float to an integer.
bool is_conversion(ir::Opcode opcode) {
  return opcode == ir::Opcode::kFcvtToUint || opcode == ir::Opcode::kFcvtToSint ||
         opcode == ir::Opcode::kFcvtToUintSat || opcode == ir::Opcode::kFcvtToSintSat;
}

constexpr uint32_t kNoSlot = 0xffffffffu;
constexpr uint64_t kSymbolSize = 4096;

}  // namespace

template <bool kTracks>
bool Interpreter::execute(Cursor& cursor) {
  const Program& program = *program_;
  const Config& config = *config_;
  const DecodedFunction* f = cursor.f;
  uint32_t pc = cursor.pc;
  uint64_t* v = values_.data() + frames_.back().base;
  [[maybe_unused]] uint64_t* free = kTracks ? free_.data() + frames_.back().base : nullptr;

  const auto stop = [&](OutcomeKind kind, std::string_view text = {}) {
    this->stop(kind, *f, pc, text);
    return true;
  };
  const auto trap = [&](ir::TrapCode code) {
    outcome_->trap = code;
    return stop(OutcomeKind::Trapped);
  };
  const auto undetermined = [&](std::string_view what) { return stop(OutcomeKind::Undetermined, what); };
  const auto go_to_frame = [&] {
    const Frame& frame = frames_.back();
    f = &program.function(frame.function);
    v = values_.data() + frame.base;
    if constexpr (kTracks) free = free_.data() + frame.base;
    pc = frame.pc;
  };
  const auto follow = [&](uint32_t number) {
    const Edge& edge = f->edges[number];
    const Move* moves = f->moves.data() + edge.moves_begin;
    const auto move = [&](uint64_t* slots) {
      if (edge.moves_count == 1) {
        slots[moves[0].to] = slots[moves[0].from];
      } else if (edge.moves_count != 0) {
        if (scratch_.size() < edge.moves_count) scratch_.resize(edge.moves_count);
        for (uint32_t i = 0; i < edge.moves_count; ++i) scratch_[i] = slots[moves[i].from];
        for (uint32_t i = 0; i < edge.moves_count; ++i) slots[moves[i].to] = scratch_[i];
      }
    };
    move(v);
    if constexpr (kTracks) move(free);
    pc = edge.target;
  };
  const auto collect = [&](uint32_t begin, uint32_t count) {
    scratch_.clear();
    for (uint32_t i = 0; i < count; ++i) scratch_.push_back(v[f->slot_lists[begin + i]]);
    if constexpr (kTracks) {
      scratch_free_.clear();
      for (uint32_t i = 0; i < count; ++i) scratch_free_.push_back(free[f->slot_lists[begin + i]]);
    }
  };
  // The results in scratch_, to where the call whose step is before `pc` wants them; a try_call then goes on elsewhere.
  const auto deliver = [&] {
    const Step& call = f->steps[pc - 1];
    const CallSite& site = f->calls[call.c];
    assert(site.results_count <= scratch_.size());
    for (uint32_t i = 0; i < site.results_count; ++i) {
      v[f->slot_lists[site.results_begin + i]] = scratch_[i];
      if constexpr (kTracks) free[f->slot_lists[site.results_begin + i]] = scratch_free_[i];
    }
    if (call.kind == StepKind::kTryCall || call.kind == StepKind::kTryCallIndirect) follow(site.normal_edge);
  };
  // The free bits of the results, if an operand of the step has any.
  [[maybe_unused]] const auto spread_from = [&](const Step& step, const ScalarOperation& operation) {
    Known x, y, z;
    if constexpr (kTracks) {
      const bool wide = step.kind == StepKind::kWide;
      const uint64_t slots = wide ? step.imm : 0;
      x = {get(v, step.a, slots & kWideA), get(free, step.a, slots & kWideA)};
      y = {get(v, step.b, slots & kWideB), get(free, step.b, slots & kWideB)};
      z = {get(v, step.c, slots & kWideC), get(free, step.c, slots & kWideC)};
    }
    if ((x.free | y.free | z.free) == 0) return FreeResults{};
    return spread(operation, x, y, z, config.canonical_nans);
  };
  // Is the truth of a|e certain? Of steps that go one way or another.
  [[maybe_unused]] const auto is_certain = [&](const Step& step) {
    if constexpr (kTracks) {
      const Known low{v[step.a], free[step.a]}, high{v[step.e], free[step.e]};
      return low.is_surely_nonzero() || high.is_surely_nonzero() || (low.free | high.free) == 0;
    }
    return true;
  };
  constexpr std::string_view kBranchDepends = "a branch depends on bits that CLIF leaves open";
  constexpr std::string_view kTrapDepends = "a trap depends on bits that CLIF leaves open";
  constexpr std::string_view kAddressDepends = "an address depends on bits that CLIF leaves open";

  for (uint64_t fuel = cursor.fuel; fuel != 0; --fuel) {
    const Step& step = f->steps[pc++];
    ++executed_;
    // For the loop that tracks: it starts with the step at hand.
    const auto leave_to_tracking = [&] {
      --executed_;
      cursor = {.f = f, .pc = pc - 1, .fuel = fuel};
      return false;
    };
    switch (step.kind) {
      case StepKind::kScalar: {
        const ScalarOperation operation{step.opcode, step.bits, step.result_bits, step.code};
        if constexpr (kTracks) {
          const FreeResults results_free = spread_from(step, operation);
          if (results_free.trap_depends) return undetermined(kTrapDepends);
          const ScalarResult result = evaluate(operation, v[step.a], v[step.b], v[step.c]);
          if (result.trap.is_valid()) return trap(result.trap);
          v[step.d] = result.value;
          free[step.d] = static_cast<uint64_t>(results_free.value);
          if (step.e != kNoSlot) {
            v[step.e] = result.second;
            free[step.e] = static_cast<uint64_t>(results_free.second);
          }
          break;
        }
        const ScalarResult result = evaluate(operation, v[step.a], v[step.b], v[step.c]);
        if (result.trap.is_valid()) return trap(result.trap);
        v[step.d] = result.value;
        if (step.e != kNoSlot) v[step.e] = result.second;
        break;
      }
      case StepKind::kFloat:
      case StepKind::kWide: {
        const ScalarOperation operation{step.opcode, step.bits, step.result_bits, step.code};
        const uint64_t wide = step.kind == StepKind::kWide ? step.imm : 0;
        const Word128 x = get(v, step.a, wide & kWideA), y = get(v, step.b, wide & kWideB),
                      z = get(v, step.c, wide & kWideC);
        Word128 second = 0;
        FreeResults results_free = spread_from(step, operation);
        if (results_free.trap_depends) return undetermined(kTrapDepends);
        FloatResult result;
        if (step.kind == StepKind::kFloat || is_float_operation(step.opcode)) {
          const bool is_odd =
              config.cranelift_i128_conversions && step.result_bits == 128 && is_conversion(step.opcode);
          result = is_odd ? convert_as_cranelift(operation, x) : evaluate_float(operation, x, y, z);
          if (result.free != 0 && !(config.canonical_nans && is_float_arithmetic(step.opcode))) {
            if constexpr (!kTracks) return leave_to_tracking();
            if (results_free.value == 0) results_free.value = result.free;
          }
        } else {
          const WideResult integers = evaluate_wide(operation, x, y, z);
          result = {.value = integers.value, .trap = integers.trap};
          second = integers.second;
        }
        if (result.trap.is_valid()) return trap(result.trap);
        set(v, step.d, wide & kWideD, result.value);
        if (step.e != kNoSlot) set(v, step.e, wide & kWideE, second);
        if constexpr (kTracks) {
          set(free, step.d, wide & kWideD, results_free.value);
          if (step.e != kNoSlot) set(free, step.e, wide & kWideE, results_free.second);
        }
        break;
      }
      case StepKind::kWideConstant:
        v[step.d + 1] = uint64_t{step.c} << 32 | step.b;
        if constexpr (kTracks) free[step.d + 1] = 0;
        [[fallthrough]];
      case StepKind::kConstant:
        v[step.d] = step.imm;
        if constexpr (kTracks) free[step.d] = 0;
        break;
      case StepKind::kWideCopy:
        v[step.d + 1] = v[step.a + 1];
        if constexpr (kTracks) free[step.d + 1] = free[step.a + 1];
        [[fallthrough]];
      case StepKind::kCopy:
        v[step.d] = v[step.a];
        if constexpr (kTracks) free[step.d] = free[step.a];
        break;
      case StepKind::kWideSelect: {
        const uint32_t from = v[step.a] != 0 ? step.b : step.c;
        if constexpr (kTracks) {
          const ScalarOperation operation{step.opcode, step.bits, step.result_bits, 0};
          const Known x{v[step.a], free[step.a]};
          const Known y{get(v, step.b, true), get(free, step.b, true)},
              z{get(v, step.c, true), get(free, step.c, true)};
          set(free, step.d, true, spread(operation, x, y, z, false).value);
        }
        const uint64_t low = v[from];
        v[step.d + 1] = v[from + 1];
        v[step.d] = low;
        break;
      }

      case StepKind::kLoad:
      case StepKind::kStore:
      case StepKind::kWideLoad:
      case StepKind::kWideStore:
      case StepKind::kAtomicRmw:
      case StepKind::kAtomicCas: {
        const bool is_store = step.kind != StepKind::kLoad && step.kind != StepKind::kWideLoad;
        const bool is_atomic = step.kind == StepKind::kAtomicRmw || step.kind == StepKind::kAtomicCas;
        const unsigned size = step.bits / 8;
        const uint64_t address = v[step.b] + (is_atomic ? 0 : step.imm);
        if constexpr (kTracks) {
          if (free[step.b] != 0) return undetermined(kAddressDepends);
        }
        const auto order = static_cast<ir::Endianness>(step.order);
        const bool big = (order == ir::Endianness::kNative ? config.byte_order : order) == ir::Endianness::kBig;
        const Memory::Found found = memory_.find(address, size, is_store);
        if (found.access != Memory::Access::kOk) {
          if (found.access == Memory::Access::kCode) {
            if constexpr (!kTracks) return leave_to_tracking();
            set(v, step.d, size == 16, 0);
            if constexpr (kTracks) set(free, step.d, size == 16, truncate_wide(~Word128{0}, step.result_bits));
            break;
          }
          if (found.access == Memory::Access::kMeaningless) {
            return stop(OutcomeKind::UndefinedBehaviour, "access to memory that is no object of the program");
          }
          if (step.code == 0) return stop(OutcomeKind::UndefinedBehaviour, "notrap access out of bounds");
          if (step.kind == StepKind::kAtomicCas) {
            // Machines that write only what has been compared with success do not trap.
            const Memory::Found readable = memory_.find(address, size, false);
            const bool is_read_only = readable.access == Memory::Access::kOk;
            bool is_known = true;
            if constexpr (kTracks) {
              const Word128 old_free = is_read_only ? read_wide(readable.free, size, big) : 0;
              is_known = (old_free | get(free, step.c, size == 16)) == 0;
            }
            if (is_read_only && !(is_known && read_wide(readable.bytes, size, big) == get(v, step.c, size == 16))) {
              return stop(OutcomeKind::UndefinedBehaviour, "a comparison that fails in memory that is not writable");
            }
          }
          fault_address_ = address;
          return trap(ir::TrapCode{step.code});
        }
        if (step.aligned && address % size != 0) {
          return stop(OutcomeKind::UndefinedBehaviour,
                      is_atomic ? "misaligned atomic access" : "misaligned access that promised alignment");
        }
        if (step.region != 0 && !regions_.access(frames_.back().activation, address, size, step.region, is_store)) {
          return stop(OutcomeKind::UndefinedBehaviour, "accesses of different alias regions touch the same bytes");
        }
        switch (step.kind) {
          case StepKind::kStore:
            write(found.bytes, size, big, v[step.a]);
            if constexpr (kTracks) write(found.free, size, big, free[step.a]);
            break;
          case StepKind::kWideStore:
            write_wide(found.bytes, size, big, get(v, step.a, true));
            if constexpr (kTracks) write_wide(found.free, size, big, get(free, step.a, true));
            break;
          case StepKind::kWideLoad:
            set(v, step.d, true, read_wide(found.bytes, size, big));
            if constexpr (kTracks) set(free, step.d, true, read_wide(found.free, size, big));
            break;
          case StepKind::kAtomicRmw: {
            const bool wide = size == 16;
            const auto operation = static_cast<ir::AtomicRmwOp>(step.imm);
            const Word128 old = read_wide(found.bytes, size, big), x = get(v, step.a, wide);
            write_wide(found.bytes, size, big, combine(operation, old, x, step.bits));
            if constexpr (kTracks) {
              const Word128 old_free = read_wide(found.free, size, big), x_free = get(free, step.a, wide);
              const bool any = (old_free | x_free) != 0;
              write_wide(found.free, size, big,
                         operation == ir::AtomicRmwOp::kXchg ? x_free
                         : any                               ? truncate_wide(~Word128{0}, step.bits)
                                                             : 0);
              set(free, step.d, wide, old_free);
            }
            set(v, step.d, wide, old);
            break;
          }
          case StepKind::kAtomicCas: {
            const bool wide = size == 16;
            const Word128 old = read_wide(found.bytes, size, big), expected = get(v, step.c, wide);
            [[maybe_unused]] const Word128 old_free = kTracks ? read_wide(found.free, size, big) : 0;
            if constexpr (kTracks) {
              const Word128 either = old_free | get(free, step.c, wide);
              if (either != 0 && ((old ^ expected) & ~either) == 0) return undetermined(kBranchDepends);
            }
            if (old == expected) {
              write_wide(found.bytes, size, big, get(v, step.a, wide));
              if constexpr (kTracks) write_wide(found.free, size, big, get(free, step.a, wide));
            }
            set(v, step.d, wide, old);
            if constexpr (kTracks) set(free, step.d, wide, old_free);
            break;
          }
          default: {
            const auto extend = [&](uint64_t value) {
              return step.sign ? truncate(static_cast<uint64_t>(sign_extend(value, step.bits)), step.result_bits)
                               : value;
            };
            v[step.d] = extend(read(found.bytes, size, big));
            if constexpr (kTracks) free[step.d] = extend(read(found.free, size, big));
          }
        }
        break;
      }

      case StepKind::kStackAddress:
        v[step.d] = truncate(slot_addresses_[frames_.back().stack_slots + step.b] + step.imm, step.result_bits);
        if constexpr (kTracks) free[step.d] = 0;
        break;
      case StepKind::kFunctionAddress: {
        const uint32_t callee = f->callees[step.b];
        if (callee == kNoFunction) return stop(OutcomeKind::Unsupported, "func_addr of " + f->callee_names[step.b]);
        v[step.d] = truncate(address_of(callee), step.result_bits);
        if constexpr (kTracks) free[step.d] = 0;
        break;
      }
      case StepKind::kSymbolAddress: {
        if (step.result_bits > 64) return stop(OutcomeKind::Unsupported, "an address of more than 64 bits");
        const uint32_t function = program.symbol_function(step.b);
        const uint64_t symbol =
            function != kNoFunction ? address_of(function) : layout_.symbol_base + step.b * kSymbolSize;
        v[step.d] = truncate(symbol + step.imm, step.result_bits);
        if constexpr (kTracks) free[step.d] = 0;
        break;
      }
      case StepKind::kThreadLocal:
        if (step.result_bits > 64) return stop(OutcomeKind::Unsupported, "an address of more than 64 bits");
        v[step.d] = truncate(host_address_ + step.imm, step.result_bits);
        if constexpr (kTracks) free[step.d] = 0;
        break;
      case StepKind::kFramePointer:
        v[step.d] =
            truncate(step.opcode == ir::Opcode::kGetStackPointer ? stack_pointer() : frame_pointer(frames_.size() - 1),
                     step.result_bits);
        if constexpr (kTracks) free[step.d] = 0;
        break;
      case StepKind::kReturnAddress:
        v[step.d] = truncate(return_address(), step.result_bits);
        if constexpr (kTracks) free[step.d] = 0;
        break;
      case StepKind::kHandlerAddress:
        v[step.d] = truncate(address_of(*f, step.b), step.result_bits);
        if constexpr (kTracks) free[step.d] = 0;
        break;
      case StepKind::kStackLimit:
        if constexpr (kTracks) {
          if (free[step.a] != 0) return undetermined(kTrapDepends);
        }
        if (frame_pointer(frames_.size() - 1) < v[step.a]) return trap(ir::TrapCode{step.code});
        break;
      case StepKind::kGetPinned:
        if constexpr (!kTracks) {
          if (pinned_free_ != 0) return leave_to_tracking();
        }
        v[step.d] = pinned_;
        if constexpr (kTracks) free[step.d] = pinned_free_;
        break;
      case StepKind::kSetPinned:
        pinned_ = v[step.a];
        pinned_free_ = kTracks ? free[step.a] : 0;
        break;
      case StepKind::kNop:
        break;

      case StepKind::kJump:
        follow(step.b);
        break;
      case StepKind::kBrif:
        if (!is_certain(step)) return undetermined(kBranchDepends);
        follow((v[step.a] | v[step.e]) != 0 ? step.b : step.c);
        break;
      case StepKind::kBrTable:
        if constexpr (kTracks) {
          if (free[step.a] != 0) return undetermined(kBranchDepends);
        }
        follow(v[step.a] < step.c ? step.b + 1 + static_cast<uint32_t>(v[step.a]) : step.b);
        break;
      case StepKind::kTrap:
        return trap(ir::TrapCode{step.code});
      case StepKind::kTrapIf:
        if (!is_certain(step)) return undetermined(kTrapDepends);
        if ((v[step.a] | v[step.e]) != 0) return trap(ir::TrapCode{step.code});
        break;
      case StepKind::kTrapUnless:
        if (!is_certain(step)) return undetermined(kTrapDepends);
        if ((v[step.a] | v[step.e]) == 0) return trap(ir::TrapCode{step.code});
        break;

      case StepKind::kReturn: {
        collect(step.b, step.c);
        if (frames_.size() == 1) {
          size_t next = 0;
          bool any_free = false;
          for (ir::Type type : f->returns) {
            const bool wide = type.bits() > 64;
            const auto at = static_cast<uint32_t>(next);
            next += wide ? 2 : 1;
            outcome_->results.emplace_back(type, get(scratch_.data(), at, wide));
            if constexpr (kTracks) {
              outcome_->free_bits.push_back(get(scratch_free_.data(), at, wide));
              any_free = any_free || outcome_->free_bits.back() != 0;
            }
          }
          if (!any_free) outcome_->free_bits.clear();
          outcome_->kind = OutcomeKind::Returned;
          return true;
        }
        leave();
        go_to_frame();
        deliver();
        break;
      }

      case StepKind::kCall:
      case StepKind::kCallIndirect:
      case StepKind::kTailCall:
      case StepKind::kTailCallIndirect:
      case StepKind::kTryCall:
      case StepKind::kTryCallIndirect: {
        const CallSite& site = f->calls[step.c];
        const bool is_tail = step.kind == StepKind::kTailCall || step.kind == StepKind::kTailCallIndirect;
        uint32_t callee = kNoFunction;
        if (step.kind == StepKind::kCall || step.kind == StepKind::kTailCall || step.kind == StepKind::kTryCall) {
          callee = f->callees[step.b];
          if (callee == kNoFunction) return stop(OutcomeKind::Unsupported, "call of " + f->callee_names[step.b]);
        } else {
          if constexpr (kTracks) {
            if (free[step.a] != 0) return undetermined(kAddressDepends);
          }
          callee = function_at(v[step.a]);
          if (callee == kNoFunction) {
            return stop(OutcomeKind::UndefinedBehaviour, "call through a pointer to no function");
          }
        }
        collect(site.args_begin, site.args_count);
        frames_.back().pc = pc;
        if (callee >= kFirstLibraryFunction) {
          const auto routine = static_cast<LibraryFunction>(callee - kFirstLibraryFunction);
          if (is_tail) return stop(OutcomeKind::Unsupported, "tail call of a library routine");
          if (library_function(routine).is_operation() && !kTracks) {
            // Whether it makes a NaN is seen too late to leave before it.
            return leave_to_tracking();
          }
          if (library_function(routine).unwinds()) {
            if (scratch_.size() != library_function(routine).arguments) {
              return stop(OutcomeKind::UndefinedBehaviour, "call with another signature than the function's");
            }
            uint32_t edge = 0;
            const LibraryOutcome unwound = unwind(routine, edge);
            if (unwound == LibraryOutcome::kUndetermined) return undetermined(kBranchDepends);
            if (unwound != LibraryOutcome::kThrown) {
              return stop(OutcomeKind::UndefinedBehaviour, "an exception without a handler");
            }
            go_to_frame();
            follow(edge);
            break;
          }
          switch (call_library(routine, fuel)) {
            case LibraryOutcome::kUndefined:
              return stop(OutcomeKind::UndefinedBehaviour, "library call with wrong arguments");
            case LibraryOutcome::kUndetermined:
              return undetermined(kAddressDepends);
            case LibraryOutcome::kOutOfFuel:
              return stop(OutcomeKind::OutOfFuel);
            default:
              break;
          }
          if (site.results_count > scratch_.size()) {
            return stop(OutcomeKind::UndefinedBehaviour, "call with another signature than the function's");
          }
          deliver();
          break;
        }
        const bool is_host = callee >= program.size();
        const HostFunction* host = is_host ? &program.host_functions()[callee - program.size()] : nullptr;
        if ((is_host ? host->signature : program.function(callee).signature) != site.signature) {
          return stop(OutcomeKind::UndefinedBehaviour, "call with another signature than the function's");
        }
        if (is_host) {
          if (is_tail) return stop(OutcomeKind::Unsupported, "tail call of " + host->name);
          if (!call_host_function(*host)) return undetermined("a host call depends on bits that CLIF leaves open");
          fuel -= std::min(fuel - 1, kHostCallFuel);
          deliver();
          break;
        }
        const DecodedFunction& caller = *f;
        if (is_tail) leave();
        if (!enter(callee)) return trap(ir::kStackOverflow);
        if (site.struct_arguments_count != 0 && !copy_struct_arguments(caller, site)) {
          return stop(OutcomeKind::UndefinedBehaviour, "struct argument that points to no memory");
        }
        go_to_frame();
        break;
      }
      case StepKind::kUnsupported:
        return stop(OutcomeKind::Unsupported, f->messages[step.b]);
    }
  }
  return stop(OutcomeKind::OutOfFuel);
}

template bool Interpreter::execute<false>(Cursor& cursor);
template bool Interpreter::execute<true>(Cursor& cursor);

}  // namespace assay::interpreter
