// See abi.h. Two counters of registers and one of slots; how pairs take them is the convention's.
#include "compiler/machine/abi.h"

#include <bit>
#include <string>

namespace assay::machine {
namespace {

constexpr uint32_t kSlot = 8;

std::unexpected<Diagnostic> unsupported(const TargetIsa& isa, const std::string& what) {
  return fail(std::string("not supported on ") + isa.name + ": " + what);
}

// Hands out places for arguments, or for results.
class Places {
 public:
  Places(const TargetIsa& isa, const AbiTable& abi, bool results)
      : abi_(abi),
        registers_(results ? abi.result_registers : abi.argument_registers),
        float_registers_(results ? abi.float_result_registers : abi.float_argument_registers),
        pairs_(abi.pairs),
        floats_overflow_to_integer_(abi.floats_overflow_to_integer),
        by_position_(abi.by_position && !results),
        packed_(abi.packed_arguments && !results),
        is_big_(endianness(isa.kind) == std::endian::big) {}

  // Precondition: is_in_registers(param.type) of the ISA.
  AbiLocation next(const ir::AbiParam& param, bool is_result) {
    AbiLocation location;
    location.type = param.type;
    location.extension = param.extension;
    location.purpose = param.purpose;
    if (param.purpose == ir::Purpose::kStructArgument && !is_result) {
      location.struct_size = param.struct_size;
      size = (size + kSlot - 1) / kSlot * kSlot;
      location.parts[0] = {PReg(), size};
      size += param.struct_size;
    } else if (param.purpose == ir::Purpose::kStructReturn && abi_.sret_register && !is_result) {
      location.parts[0] = {abi_.sret_register, 0};
    } else if (is_quad(param)) {
      next_quad(location, is_result);
    } else if (param.type.is_float()) {
      location.parts[0] = next_float(param.type, is_result);
    } else if (param.type.bits() <= 64) {
      location.parts[0] = next_word(param.type.bytes());
    } else if (pairs_ == Pairs::ByReference && !is_result) {
      location.parts[0] = next_word();
      location.by_reference = true;
      location.copy_offset = copies_size;
      copies_size += 2 * kSlot;
    } else {
      next_pair(location, is_result);
    }
    return location;
  }

  bool is_quad(const ir::AbiParam& param) const { return abi_.has_f128 && (param.type == ir::kF128 || param.is_quad); }

  uint32_t size = 0;         // of the slots given away
  uint32_t copies_size = 0;  // of the copies that references are of

 private:
  AbiPart next_slot(uint32_t bytes = kSlot) {
    if (!packed_) bytes = kSlot;
    size = (size + bytes - 1) / bytes * bytes;
    const AbiPart part{PReg(), size};
    size += bytes;
    return part;
  }
  AbiPart next_word(uint32_t bytes = kSlot) {
    if (used_ == registers_.size()) return next_slot(bytes);
    const AbiPart part{registers_[used_++], 0};
    if (by_position_) used_floats_ = used_;
    return part;
  }
  AbiPart next_float(ir::Type type, bool is_result) {
    if (used_floats_ < float_registers_.size()) {
      const AbiPart part{float_registers_[used_floats_++], 0};
      if (by_position_) used_ = used_floats_;
      return part;
    }
    if (floats_overflow_to_integer_ && !is_result && used_ < registers_.size()) return {registers_[used_++], 0};
    AbiPart part = next_slot(type.bytes());
    if (is_big_) part.offset += kSlot - type.bytes();  // the slot's last bytes, as an integer's low ones are
    return part;
  }
  void next_quad(AbiLocation& location, bool is_result) {
    location.type = ir::kI128;
    location.is_whole = used_floats_ < float_registers_.size();
    if (location.is_whole) {
      location.parts[0] = {float_registers_[used_floats_++], 0};
    } else {
      pair_in_memory(location, is_result);
    }
  }
  void next_pair(AbiLocation& location, bool is_result) {
    location.part_count = 2;
    if (pairs_ == Pairs::EvenOrMemory) used_ = (used_ + 1) & ~size_t{1};
    const size_t left = used_ < registers_.size() ? registers_.size() - used_ : 0;
    const bool in_registers = pairs_ != Pairs::ByReference && left >= 2;
    if (in_registers || (pairs_ == Pairs::Split && left == 1 && !is_result)) {
      location.parts[0] = next_word();
      location.parts[1] = next_word();
      return;
    }
    if (pairs_ == Pairs::EvenOrMemory || pairs_ == Pairs::NextOrMemory) used_ = registers_.size();
    pair_in_memory(location, is_result);
  }
  void pair_in_memory(AbiLocation& location, bool is_result) {
    location.part_count = 2;
    if (!is_result) size = (size + 15) / 16 * 16;
    location.parts[is_big_ ? 1 : 0] = next_slot();
    location.parts[is_big_ ? 0 : 1] = next_slot();
  }

  const AbiTable& abi_;
  std::span<const PReg> registers_, float_registers_;
  size_t used_ = 0, used_floats_ = 0;
  Pairs pairs_;
  bool floats_overflow_to_integer_, by_position_, packed_;
  bool is_big_;
};

}  // namespace

PRegSet all_registers(const regalloc::RegisterEnv& env) {
  PRegSet set;
  for (unsigned reg_class = 0; reg_class < 2; ++reg_class) {
    for (PReg reg : env.allocatable[reg_class]) set.add(reg);
    if (env.scratch[reg_class]) set.add(env.scratch[reg_class]);
  }
  return set | env.callee_saved;
}

bool is_in_registers(ir::Type type, const TargetIsa& isa) {
  if (type.is_int()) return type.bits() <= 64 || isa.abi.pairs != Pairs::None;
  if (!type.is_float() || type.bits() > 64 || isa.abi.float_argument_registers.empty()) return false;
  return type != ir::kF16 || isa.abi.has_f16;
}

Expected<void> compute_abi(const ir::Signature& signature, const TargetIsa& isa, AbiSignature& out) {
  const AbiTable& abi = isa.abi_of(signature.call_conv);
  out.call_conv = signature.call_conv;
  out.params.clear();
  out.returns.clear();
  Places arguments(isa, abi, false);
  for (const ir::AbiParam& param : signature.params) {
    if (!arguments.is_quad(param) && !is_in_registers(param.type, isa))
      return unsupported(isa, "argument of type " + param.type.to_string());
    if (param.purpose == ir::Purpose::kStructArgument && param.struct_size % kSlot != 0) {
      return unsupported(isa, "argument passed as a struct whose size is no multiple of 8");
    }
    out.params.push_back(arguments.next(param, false));
  }
  if (signature.call_conv == ir::CallConv::kPreserveAll && !signature.returns.empty()) {
    return unsupported(isa, "a function of preserve_all with results");
  }
  Places results(isa, abi, true);
  for (const ir::AbiParam& result : signature.returns) {
    if (!results.is_quad(result) && !is_in_registers(result.type, isa))
      return unsupported(isa, "result of type " + result.type.to_string());
    out.returns.push_back(results.next(result, true));
  }
  out.return_area_size = results.size;
  out.has_return_area = out.return_area_size != 0;
  out.return_area = {};
  if (out.has_return_area) out.return_area = arguments.next({ir::kI64}, false).parts[0];
  // A packed argument is stored as a whole word, the last one beyond its own end.
  const uint32_t beyond = abi.packed_arguments && arguments.size != 0 ? kSlot - 1 : 0;
  out.stack_size = (arguments.size + beyond + abi.stack_align - 1) / abi.stack_align * abi.stack_align;
  out.copies_size = arguments.copies_size;
  return {};
}

}  // namespace assay::machine
