// Lowering: from a CLIF function to VCode over virtual registers, driven by an ISA's rules.
//
// Blocks and instructions are visited backwards, so that all users of a value are seen before what defines it: a pure
// instruction that every user has folded into its own is never lowered. The instructions that one CLIF instruction
// becomes are collected forwards. LowerContext is what the rules talk to: it implements the external terms of
// prelude.isle (a method of the same name each) and the emission functions under the generated instruction terms. An
// ISA derives its Context from Terms<LowerContext> (generated) and adds the externs that its own rules need.
//
// L1  A value has at most one virtual register (an i128 two), made when its first user asks. When the definition's rule
//     returns another register, the two become aliases; aliases are resolved when the function is finished.
// L2  An `iconst` never has a register of its own: it is lowered anew, in front of everything that the CLIF instruction
//     that needs it in a register emits (so it cannot come between a flags writer and its reader); or, with
//     care_for_loops, at the end of the block before the loop.
// L3  What lies above a narrow value's bits in its register is arbitrary.
// L4  Nothing is emitted for instructions without effect and used results, or for unreachable blocks.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/isle/rule_table.h"
#include "compiler/machine/abi.h"
#include "compiler/machine/block_order.h"
#include "compiler/machine/clif_view.h"
#include "compiler/machine/coverage.h"
#include "compiler/machine/isa.h"
#include "compiler/machine/rule_chains.h"
#include "compiler/machine/vcode.h"
#include "compiler/support/diagnostic.h"

namespace assay::machine {

struct LowerOptions {
  // Off: rules look through nothing but constants (opt_level none).
  bool look_through = true;
  // Loops are laid out for few branches, and constants that they need in registers are made before them.
  bool care_for_loops = false;
  // Keep value_regs() and, for each instruction, the rules that emitted it.
  bool want_origins = false;
  bool pinned_register = false;          // CLIF's pinned register is there
  bool preserve_frame_pointers = false;  // every function has a frame with its linkage
  uint8_t probe_log2 = 0;                // not 0: touch every page of so many bytes of the frame
  FeatureSet features = 0;               // that rules may ask for
  // Not 0: a rule that matches is passed over at random, if others match too, and blocks come in a random order.
  uint64_t choice_seed = 0;
};

class LowerContext {
 public:
  // Names of CLIF's and this folder's types, so that derived contexts need not qualify them.
  using Unit = machine::Unit;
  using Type = ir::Type;
  using Inst = ir::Inst;
  using Value = ir::Value;
  using ValueSlice = machine::ValueSlice;
  using Imm64 = machine::Imm64;
  using Ieee16 = machine::Ieee16;
  using Ieee32 = machine::Ieee32;
  using Ieee64 = machine::Ieee64;
  using Offset32 = machine::Offset32;
  using MemFlags = ir::MemFlags;
  using TrapCode = ir::TrapCode;
  using StackSlot = ir::StackSlot;
  using FuncRef = ir::FuncRef;
  using SigRef = ir::SigRef;
  using GlobalValue = ir::GlobalValue;
  using Reg = machine::Reg;
  using MultiReg = machine::MultiReg;
  using ValueRegs = machine::ValueRegs;
  using Flags = machine::Flags;
  using Amode = machine::Amode;
  using InstOutput = machine::InstOutput;
  using MachLabel = machine::MachLabel;
  using MachLabelSlice = machine::MachLabelSlice;
  using ExternalName = SymbolRef;
  using PoolConstant = machine::PoolConstant;

  LowerContext() = default;
  LowerContext(const LowerContext&) = delete;
  LowerContext& operator=(const LowerContext&) = delete;
  virtual ~LowerContext() = default;

  // Lowers `function`, which must have passed the verifier, into `vcode` (cleared first). The context can be reused for
  // the next function and keeps its memory.
  Expected<void> lower_function(const ir::Function& function, const TargetIsa& isa, const LowerOptions& options,
                                isle::RuleState& rules, VCode& vcode);

  // After lower_function with want_origins: the virtual registers of each CLIF value; none if it has none of its own.
  std::span<const ValueRegs> value_regs() const { return value_regs_; }

  // ---- emission: what the generated instruction terms (Terms<LowerContext>) are made of ----

  // A fresh virtual register.
  Reg new_reg(RegClass reg_class) { return vcode_->new_vreg(reg_class); }
  // Appends an instruction. `trap` is the CLIF trap code it raises if it traps.
  void emit(uint16_t opcode, std::span<const Operand> operands, uint8_t trap = kNoTrap) {
    emit_with_clobbers(opcode, operands, trap, 0);
  }
  void emit(uint16_t opcode, std::initializer_list<Operand> operands, uint8_t trap = kNoTrap) {
    emit_with_clobbers(opcode, {operands.begin(), operands.size()}, trap, 0);
  }
  void emit_with_clobbers(uint16_t opcode, std::span<const Operand> operands, uint8_t trap, uint8_t clobbers);
  void emit(const SimpleInst& inst) { emit(inst.opcode, inst.span()); }
  // The four operands of an addressing mode. In a frame, the base is the stack pointer.
  void amode_operands(const Amode& amode, Operand out[kAmodeOperands]) const;
  static uint8_t trap_of(TrapCode code) { return code.code; }
  static uint8_t trap_of(MemFlags flags) { return flags.trap_code().code; }

  // ---- rules: counted, and switched off, by their number in the program ----

  bool rule_enabled(isle::RuleId rule) { return rules_->rule_enabled(rule) && (passes_left_ == 0 || !passes_over()); }
  void rule_fired(isle::RuleId rule) {
    rules_->rule_fired(rule);
    chains_.enter(rule);
  }
  void rule_done() { chains_.leave(); }

  // ---- the function being lowered, for the extern methods of an ISA's context ----

  const ir::Function& function() const { return *function_; }
  const TargetIsa& isa() const { return *isa_; }
  VCode& vcode() { return *vcode_; }
  ir::Inst current_inst() const { return current_inst_; }
  // Is this feature on? By its place in InstSet::features.
  std::optional<Unit> has_feature(unsigned feature) const {
    return (options_.features >> feature & 1) != 0 ? std::optional<Unit>(Unit{}) : std::nullopt;
  }
  // Follows CLIF aliases and block parameters that have only one possible value.
  Value resolve(Value v) const { return values_.resolve(v); }
  // Lowering goes on, but the function is refused in the end.
  void unsupported(std::string what);

  // ---- externs of prelude.isle ----

  // Partial constructors and fallible extractors answer with std::optional; extractors of several values with a tuple.

  // An iconst is visible always; other pure instructions if they are cheap to repeat or have this one user.
  std::optional<Inst> def_inst(Value v) const;
  InstructionData inst_data(Inst inst) const { return InstructionData(values_, *function_, inst); }
  // The type of the first result; of an instruction without results its controlling type.
  Type result_type(Inst inst) const {
    return function_->has_results(inst) ? function_->value_type(function_->result(inst)) : function_->inst(inst).type;
  }
  Type value_type(Value v) const { return function_->value_type(v); }
  // Of the instruction that is being lowered, which has one.
  std::optional<Unit> result_unused() const {
    return uses_[function_->result(current_inst_).index] == 0 ? std::optional<Unit>(Unit{}) : std::nullopt;
  }
  Reg put_in_reg(Value v) { return put_in_regs(v).low; }
  ValueRegs put_in_regs(Value v);
  Reg high_reg(Value v) { return put_in_regs(v).high; }

  InstOutput output_none(Unit) { return {}; }
  InstOutput output1(Reg r);
  InstOutput output2(Reg a, Reg b);
  InstOutput output_pair(const MultiReg& m) { return output2(m.regs[0], m.regs[1]); }
  InstOutput output_pair_and(const MultiReg& m, Reg other);
  Unit no_code() { return {}; }
  Unit seq(Unit, Unit) { return {}; }
  Reg first(const MultiReg& m) const { return m.regs[0]; }
  Reg second(const MultiReg& m) const { return m.regs[1]; }
  MultiReg two_regs(Reg low, Reg high) const { return {{low, high}, {}}; }
  Flags flags_of(const MultiReg& m) const { return m.flags; }

  std::optional<int64_t> iconst_sext(Value v) const;
  std::optional<uint64_t> iconst_zext(Value v) const;
  int64_t imm64_as_i64(Imm64 imm) const { return imm.value; }

  std::optional<Type> fits_in_16(Type t) const { return int_of(t, 8, 16); }
  std::optional<Type> fits_in_32(Type t) const { return int_of(t, 8, 32); }
  std::optional<Type> fits_in_64(Type t) const { return int_of(t, 8, 64); }
  std::optional<Type> ty_32_or_64(Type t) const { return int_of(t, 32, 64); }
  std::optional<Type> ty_8_or_16(Type t) const { return int_of(t, 8, 16); }
  std::optional<Type> ty_float(Type t) const {
    return t == ir::kF32 || t == ir::kF64 ? std::optional<Type>(t) : std::nullopt;
  }
  std::optional<Type> float_to_64(Type t) const { return t == ir::kF16 ? std::optional<Type>(t) : ty_float(t); }
  uint8_t ty_bits(Type t) const { return static_cast<uint8_t>(t.bits()); }
  uint64_t ty_shift_mask(Type t) const { return t.bits() - 1; }
  uint64_t ty_mask(Type t) const { return ~uint64_t(0) >> (64 - t.bits()); }
  int64_t ty_least(Type t) const { return static_cast<int64_t>(~uint64_t(0) << (t.bits() - 1)); }
  TrapCode trap_code_division_by_zero() const { return ir::kIntegerDivisionByZero; }
  TrapCode trap_code_integer_overflow() const { return ir::kIntegerOverflow; }
  TrapCode trap_code_bad_conversion() const { return ir::kBadConversionToInteger; }
  int64_t ieee16_bits(Ieee16 k) const { return k.bits; }
  int64_t ieee32_bits(Ieee32 k) const { return k.bits; }
  int64_t ieee64_bits(Ieee64 k) const { return static_cast<int64_t>(k.bits); }

  // Immediates: two's complement of 64 bits; shifts by 64 or more as in the expression language.
  int64_t i64_add(int64_t a, int64_t b) const { return int64_t(uint64_t(a) + uint64_t(b)); }
  int64_t i64_sub(int64_t a, int64_t b) const { return int64_t(uint64_t(a) - uint64_t(b)); }
  int64_t i64_neg(int64_t a) const { return int64_t(-uint64_t(a)); }
  int64_t i64_not(int64_t a) const { return ~a; }
  int64_t i64_and(int64_t a, int64_t b) const { return a & b; }
  int64_t i64_shl(int64_t a, int64_t b) const { return uint64_t(b) > 63 ? 0 : int64_t(uint64_t(a) << b); }
  int64_t i64_sshr(int64_t a, int64_t b) const { return a >> (uint64_t(b) > 63 ? 63 : b); }
  int64_t i64_ushr(int64_t a, int64_t b) const { return uint64_t(b) > 63 ? 0 : int64_t(uint64_t(a) >> b); }
  int64_t u64_as_i64(uint64_t a) const { return static_cast<int64_t>(a); }
  int64_t u32_as_i64(uint32_t a) const { return a; }
  int64_t u8_as_i64(uint8_t a) const { return a; }
  std::optional<int64_t> signed_fits(uint8_t bits, int64_t k) const;
  std::optional<int64_t> unsigned_fits(uint8_t bits, int64_t k) const;

  int64_t offset_as_i64(Offset32 offset) const { return offset.value; }
  std::optional<Unit> mem_big(MemFlags flags) const;
  std::optional<Unit> mem_little(MemFlags flags) const;
  Amode amode_disp(Reg base, int64_t disp);
  Amode amode_index(Reg base, Reg index, uint8_t shift, int64_t disp);
  Amode amode_slot(StackSlot slot, Offset32 offset) const;

  InstOutput gen_call(FuncRef callee, ValueSlice args);
  InstOutput gen_call_indirect(SigRef signature, Value callee, ValueSlice args);
  InstOutput gen_return(ValueSlice results);
  InstOutput gen_return_call(FuncRef callee, ValueSlice args);
  InstOutput gen_return_call_indirect(SigRef signature, Value callee, ValueSlice args);
  Unit gen_try_call(FuncRef callee, ValueSlice args, MachLabelSlice labels);
  Unit gen_try_call_indirect(Value callee, ValueSlice args, MachLabelSlice labels);
  MachLabel handler_label();
  ExternalName func_ref_name(FuncRef callee);
  ExternalName global_symbol(GlobalValue global);
  InstOutput gen_stack_pointer();
  InstOutput gen_frame_pointer();
  InstOutput gen_return_address();
  InstOutput gen_get_pinned();
  InstOutput gen_set_pinned(Value v);

  std::optional<std::tuple<MachLabel, MachLabel>> two_targets(MachLabelSlice labels) const;
  std::optional<MachLabel> one_target(MachLabelSlice labels) const;
  std::optional<std::tuple<MachLabel, MachLabelSlice>> table_targets(MachLabelSlice labels) const;
  uint32_t table_size(MachLabelSlice labels) const { return static_cast<uint32_t>(labels.size()); }
  Unit emit_jump(MachLabel target);

  // A constant of the pool, in the machine's byte order; equal ones are shared.
  PoolConstant pool_constant(std::span<const uint8_t> bytes);

 private:
  bool has_short_address(Inst inst) const;
  std::string operation_name(Inst inst) const;
  Expected<void> prepare(const ir::Function& function);
  void lay_out_slots();
  void count_uses();
  void lower_blocks();
  void begin_inst(Inst inst);
  void lower_block(uint32_t index);
  void lower_terminator(const BlockOrder::Entry& entry);
  template <class F>
  auto apply_rules(F lower);
  bool passes_over();
  void lower_inst(Inst inst);
  void pass_arguments(uint32_t index, const ir::BlockCall& call);
  void bind_results(Inst inst, const InstOutput& output);
  void receive_arguments();
  void flush();
  void finish();

  static std::optional<Type> int_of(Type t, unsigned low, unsigned high) {
    return t.is_int() && t.bits() >= low && t.bits() <= high ? std::optional<Type>(t) : std::nullopt;
  }
  bool is_constant(Value v) const;
  bool is_passed(Value param) const {  // a block parameter that nobody uses is dropped, and its arguments with it
    return values_.single_values[param.index].is_none() && uses_[param.index] != 0;
  }
  ValueRegs regs_of(Value v);   // of a value that is not a constant
  Reg materialise(Value v);     // a constant, once within a CLIF instruction
  Reg lower_constant(Value v);  // what its rules leave it in
  Reg hoisted(Value v);         // the register of a constant that is made before the current loop, or none
  void make_hoisted(ir::Block block);
  Reg own_reg(Reg reg);  // a virtual register: itself, or a copy of a physical one
  void alias(Reg wanted, Reg reg);
  RegClass reg_class(Type type) const { return type.is_float() ? RegClass::Vec : RegClass::Gpr; }
  Reg extended(Reg reg, const AbiLocation& location);
  void load_part(const AbiLocation& location, Reg reg, const Amode& place);
  Reg for_part(Reg reg, const AbiLocation& location, unsigned part);
  Reg in_part(Value v, const AbiLocation& location, unsigned part);
  void store_copy(Value v, uint32_t offset);
  uint32_t store_context(Value v, uint32_t offset);
  const AbiSignature& abi_of(SigRef signature);
  void pass(const AbiSignature& abi, ValueSlice args, Reg return_area);
  void push_register_arguments(const AbiSignature& abi, ValueSlice args, Reg return_area);
  InstOutput emit_call(const AbiSignature& abi, uint16_t opcode, Operand callee, ValueSlice args);
  void check_tail_results(const ir::Signature& callee);
  InstOutput emit_tail_call(const AbiSignature& abi, uint16_t opcode, Operand callee, ValueSlice args);
  Unit emit_try_call(const AbiSignature& abi, uint16_t opcode, Operand callee, ValueSlice args, MachLabelSlice labels);
  void land(const BlockOrder::Entry& edge);
  const AbiSignature& abi_of_try(Inst inst);
  Reg copy_address(uint32_t offset);
  void copy_struct(Reg from, const AbiLocation& location, uint32_t base);
  PRegSet clobbers_of(ir::CallConv convention) const;
  uint8_t clobber_set(const PRegSet& set);
  uint32_t symbol(FuncRef callee);
  Amode frame_amode(FrameArea area, uint32_t offset) const;
  Reg resolve_alias(Reg reg);

  const ir::Function* function_ = nullptr;
  const TargetIsa* isa_ = nullptr;
  isle::RuleState* rules_ = nullptr;
  VCode* vcode_ = nullptr;
  LowerOptions options_;
  BlockOrder order_;
  Inst current_inst_;
  RuleChains chains_;
  RandomChoices choices_;
  uint32_t passes_left_ = 0;  // how often a rule may still be passed over
  std::string error_;

  ValueResolver values_;
  std::vector<uint32_t> uses_;         // by (resolved) value
  std::vector<ValueRegs> value_regs_;  // by (resolved) value
  std::vector<Reg> constant_regs_;     // by value; valid if constant_stamps_ == stamp_
  std::vector<uint32_t> constant_stamps_;
  uint32_t stamp_ = 0;
  struct Hoisted {
    Value constant;
    Reg reg;
  };
  std::vector<std::vector<Hoisted>> hoisted_;  // by CLIF block: the constants made at its end
  std::vector<uint32_t> hoisted_count_;        // by loop: out of it
  ir::Block current_block_;                    // none: an edge block's
  std::vector<Reg> vreg_alias_;                // by virtual register: what stands for it, or none
  std::vector<Reg> output_regs_;

  // Instructions of the current CLIF instruction, and those (constants) that go before them. All share `operands_`.
  std::vector<machine::Inst> current_, before_;
  bool in_before_ = false;
  bool constants_in_place_ = false;
  std::vector<machine::Inst> reversed_;
  std::vector<Operand> operands_;
  std::vector<std::pair<uint32_t, uint32_t>> reversed_ranges_;  // by block: its instructions in reversed_
  std::vector<Reg> new_numbers_;

  std::vector<uint32_t> slot_offsets_;
  AbiSignature own_abi_;
  Reg return_area_;                // holds the address for results in memory
  uint32_t call_area_offset_ = 0;  // in Slots: where callees put results that go to memory
  uint32_t call_area_size_ = 0;
  std::vector<AbiSignature> abis_;  // by SigRef
  std::vector<uint8_t> abi_known_;
  std::vector<uint32_t> symbols_;  // by FuncRef: index into VCode::symbols, or kNoSymbol
  std::vector<Operand> call_operands_;
  std::vector<Reg> arrivals_;  // registers that arguments arrive in, if those are not their own
  // What an edge of a try_call passes on of the call's results or the exception, by the edge's argument.
  std::vector<ValueRegs> landed_;
};

}  // namespace assay::machine
