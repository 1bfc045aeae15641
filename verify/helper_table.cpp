// See helper_table.h.
#include "verify/helper_call.h"

#ifdef ASSAY_HAS_AARCH64
#include "compiler/isa/aarch64/context.h"
#endif

namespace assay::verify {

namespace {

using machine::LowerContext;

// ---- the terms ------------------------------------------------------------------------------------------------------

constexpr const char* kRegisters = "passes registers on: the allocation checker and executions judge it";
constexpr const char* kFrame = "an address in the frame: executions judge it";
constexpr const char* kAbi = "follows the ABI, a contract that executions judge";
constexpr const char* kEmits = "emits instructions: the conformance of each and executions judge it";

HelperTable shared_terms() {
  using C = LowerContext;
  return {
      .functions =
          {
              {"value_type", call(&C::value_type)},
              {"iconst_sext", call(&C::iconst_sext)},
              {"iconst_zext", call(&C::iconst_zext)},
              {"fits_in_16", call(&C::fits_in_16)},
              {"fits_in_32", call(&C::fits_in_32)},
              {"fits_in_64", call(&C::fits_in_64)},
              {"ty_32_or_64", call(&C::ty_32_or_64)},
              {"ty_8_or_16", call(&C::ty_8_or_16)},
              {"ty_float", call(&C::ty_float)},
              {"float_to_64", call(&C::float_to_64)},
              {"ty_bits", call(&C::ty_bits)},
              {"ty_shift_mask", call(&C::ty_shift_mask)},
              {"ty_mask", call(&C::ty_mask)},
              {"ty_least", call(&C::ty_least)},
              {"imm64_as_i64", call(&C::imm64_as_i64)},
              {"trap_code_division_by_zero", call(&C::trap_code_division_by_zero)},
              {"trap_code_integer_overflow", call(&C::trap_code_integer_overflow)},
              {"trap_code_bad_conversion", call(&C::trap_code_bad_conversion)},
              {"ieee16_bits", call(&C::ieee16_bits)},
              {"ieee32_bits", call(&C::ieee32_bits)},
              {"ieee64_bits", call(&C::ieee64_bits)},
              {"i64_add", call(&C::i64_add)},
              {"i64_sub", call(&C::i64_sub)},
              {"i64_neg", call(&C::i64_neg)},
              {"i64_not", call(&C::i64_not)},
              {"i64_and", call(&C::i64_and)},
              {"i64_shl", call(&C::i64_shl)},
              {"i64_sshr", call(&C::i64_sshr)},
              {"i64_ushr", call(&C::i64_ushr)},
              {"u64_as_i64", call(&C::u64_as_i64)},
              {"u32_as_i64", call(&C::u32_as_i64)},
              {"u8_as_i64", call(&C::u8_as_i64)},
              {"signed_fits", call(&C::signed_fits)},
              {"unsigned_fits", call(&C::unsigned_fits)},
              {"offset_as_i64", call(&C::offset_as_i64)},
          },
      .contracts = helper_contracts(),
      .without_values =
          {
              {"output1", kRegisters},
              {"output2", kRegisters},
              {"output_none", kRegisters},
              {"output_pair", kRegisters},
              {"output_pair_and", kRegisters},
              {"put_in_reg", kRegisters},
              {"no_code", "does nothing"},
              {"seq", "the order of evaluation: executions judge it"},
              {"inst_data", "looks at a CLIF instruction: the prover follows the operation's definition"},
              {"result_unused", "wrong, it leaves a value undefined that has users: lowering refuses the function"},
              {"amode_slot", kFrame},
              {"frame_address", kFrame},
              {"gen_call", kAbi},
              {"gen_call_indirect", kAbi},
              {"gen_return", kAbi},
              {"gen_return_call", kAbi},
              {"gen_return_call_indirect", kAbi},
              {"gen_try_call", kAbi},
              {"gen_try_call_indirect", kAbi},
              {"gen_stack_pointer", kAbi},
              {"gen_frame_pointer", kAbi},
              {"gen_return_address", kAbi},
              {"gen_get_pinned", kAbi},
              {"gen_set_pinned", kAbi},
              {"global_symbol", "a name: executions judge where it leads"},
              {"func_ref_name", "a name: executions judge where calls go"},
              {"handler_label", "a place: executions judge where it is"},
              {"emit_jump", kEmits},
              {"jump_table", kEmits},
          },
      .constants = {{"I8", isa::I8},
                    {"I16", isa::I16},
                    {"I32", isa::I32},
                    {"I64", isa::I64},
                    {"I128", isa::I128},
                    {"F16", isa::F16},
                    {"F32", isa::F32},
                    {"F64", isa::F64},
                    {"F128", isa::F128}},
  };
}

HelperTable make_table(IsaKind isa) {
  HelperTable table = shared_terms();
  switch (isa) {
    case IsaKind::aarch64:
      table.without_values["zero_reg"] = "a register: the conformance of the instructions that read it judges it";
#ifdef ASSAY_HAS_AARCH64
      table.functions["logical32"] = call(&isa::aarch64::Context::logical32);
      table.functions["logical64"] = call(&isa::aarch64::Context::logical64);
#endif
      break;
    case IsaKind::riscv64:
      table.without_values["zero_reg"] = "a register: the conformance of the instructions that read it judges it";
      break;
    case IsaKind::x64:
      break;
    case IsaKind::s390x:
      break;
  }
  return table;
}

}  // namespace

const HelperTable& helper_table(IsaKind isa) {
  static const HelperTable tables[] = {make_table(IsaKind::x64), make_table(IsaKind::aarch64),
                                       make_table(IsaKind::riscv64), make_table(IsaKind::s390x)};
  return tables[static_cast<size_t>(isa)];
}

}  // namespace assay::verify
