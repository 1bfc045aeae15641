// The C++ types behind the primitive types of prelude.isle and clif.isle, and InstructionData, through which rules look
// at CLIF instructions. All are small values.
//
// They are visible to every ISA's generated code as assay::isa::Reg, … (at the end of this file).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/ir/function.h"
#include "compiler/ir/rule_types.h"
#include "compiler/machine/inst.h"
#include "compiler/machine/reg.h"

namespace assay::machine {

struct Unit {
  bool operator==(const Unit&) const = default;
};

// Condition codes as a value: a virtual register of class Flags.
struct Flags {
  Reg reg;
  bool operator==(const Flags&) const = default;
};

// What one instruction with several definitions defines, or a number in two registers, the low half first.
struct MultiReg {
  Reg regs[2];
  Flags flags;
  bool operator==(const MultiReg&) const = default;
};

using MachLabel = Block;
using MachLabelSlice = std::span<const Block>;
using ValueSlice = std::span<const ir::Value>;

// A symbol that an instruction may name: an index into VCode::symbols.
struct SymbolRef {
  uint32_t index = 0;
  bool operator==(const SymbolRef&) const = default;
};

// An entry of the constant pool: an index into VCode::constants.
struct PoolConstant {
  uint32_t index = 0;
  bool operator==(const PoolConstant&) const = default;
};

using ir::rules::FloatCC;
using ir::rules::Ieee16;
using ir::rules::Ieee32;
using ir::rules::Ieee64;
using ir::rules::Imm64;
using ir::rules::IntCC;
using ir::rules::Offset32;

// The registers of an instruction's results, in order (of an i128 the low half first); they stand in the context.
struct InstOutput {
  uint32_t first = 0;
  uint32_t count = 0;
};

// What a value stands for: CLIF aliases, and block parameters that always equal one other value.
struct ValueResolver {
  const ir::Function* function = nullptr;
  std::vector<ir::Value> single_values;  // by value: what it always equals, or none

  ir::Value resolve(ir::Value v) const {
    const ir::Value original = function->resolve(v);
    const ir::Value same = single_values[original.index];
    return same.is_none() ? original : same;
  }
};

namespace clif {
using Value = ir::Value;
using MemFlags = ir::MemFlags;
using TrapCode = ir::TrapCode;
using StackSlot = ir::StackSlot;
using DynamicStackSlot = ir::DynamicStackSlot;
using FuncRef = ir::FuncRef;
using SigRef = ir::SigRef;
using GlobalValue = ir::GlobalValue;
using Uimm128 = ir::Immediate;
using ClifConstant = ir::Constant;
using AtomicRmwOp = ir::rules::AtomicRmwOp;
#include "compiler/machine/clif_inst_data.h"
}  // namespace clif
using clif::InstructionData;

}  // namespace assay::machine

// What the generated code of every ISA finds under the names that prelude.isle and clif.isle give.
namespace assay::isa {
using machine::Amode;
using machine::Flags;
using machine::FloatCC;
using machine::Ieee16;
using machine::Ieee32;
using machine::Ieee64;
using machine::Imm64;
using machine::InstOutput;
using machine::InstructionData;
using machine::IntCC;
using machine::MachLabel;
using machine::MachLabelSlice;
using machine::MultiReg;
using machine::Offset32;
using machine::PoolConstant;
using machine::Reg;
using machine::Unit;
using machine::ValueRegs;
using machine::ValueSlice;
using ExternalName = machine::SymbolRef;
using Type = ir::Type;
using Inst = ir::Inst;
using ir::DynamicStackSlot;
using ir::FuncRef;
using ir::GlobalValue;
using ir::MemFlags;
using ir::SigRef;
using ir::StackSlot;
using ir::TrapCode;
using ir::Value;
using ir::rules::AtomicRmwOp;
using Uimm128 = ir::Immediate;
using ClifConstant = ir::Constant;
inline constexpr ir::Type I8 = ir::kI8;
inline constexpr ir::Type I16 = ir::kI16;
inline constexpr ir::Type I32 = ir::kI32;
inline constexpr ir::Type I64 = ir::kI64;
inline constexpr ir::Type I128 = ir::kI128;
inline constexpr ir::Type F16 = ir::kF16;
inline constexpr ir::Type F32 = ir::kF32;
inline constexpr ir::Type F64 = ir::kF64;
inline constexpr ir::Type F128 = ir::kF128;
}  // namespace assay::isa
