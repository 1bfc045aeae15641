// See abi.h. One counter of registers and one of slots: all four platforms assign integers the same way.
#include "compiler/machine/abi.h"

#include <string>

namespace assay::machine {
namespace {

bool is_supported(ir::Type type) { return type.is_int() && type.bits() <= 64; }

std::unexpected<Diagnostic> unsupported(const TargetIsa& isa, const std::string& what) {
  return fail(std::string("not supported on ") + isa.name + ": " + what);
}

}  // namespace

Expected<void> compute_abi(const ir::Signature& signature, const TargetIsa& isa, AbiSignature& out) {
  const AbiTable& abi = isa.abi;
  out.params.clear();
  out.returns.clear();
  size_t next_register = 0;
  uint32_t stack_bytes = 0;
  const auto next_argument = [&](ir::AbiParam param) {
    AbiLocation location{PReg(), 0, param.type, param.extension, param.purpose};
    if (next_register < abi.argument_registers.size()) {
      location.reg = abi.argument_registers[next_register++];
    } else {
      location.offset = stack_bytes;
      stack_bytes += 8;
    }
    return location;
  };

  for (const ir::AbiParam& param : signature.params) {
    if (!is_supported(param.type)) return unsupported(isa, "argument of type " + param.type.to_string());
    if (param.purpose == ir::Purpose::kStructArgument) return unsupported(isa, "argument passed as a struct");
    out.params.push_back(next_argument(param));
  }

  out.return_area_size = 0;
  for (size_t i = 0; i < signature.returns.size(); ++i) {
    const ir::AbiParam& result = signature.returns[i];
    if (!is_supported(result.type)) return unsupported(isa, "result of type " + result.type.to_string());
    AbiLocation location{PReg(), 0, result.type, result.extension, result.purpose};
    if (i < abi.result_registers.size()) {
      location.reg = abi.result_registers[i];
    } else {
      location.offset = out.return_area_size;
      out.return_area_size += 8;
    }
    out.returns.push_back(location);
  }
  out.has_return_area = out.return_area_size != 0;
  out.return_area = {};
  if (out.has_return_area) out.return_area = next_argument({ir::kI64});
  out.stack_size = (stack_bytes + abi.stack_align - 1) / abi.stack_align * abi.stack_align;
  return {};
}

}  // namespace assay::machine
