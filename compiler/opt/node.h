// What the mid-end's rules see of CLIF: the types behind the primitive types of prelude.isle, and NodeData, an
// operation with its operands that stands in no block.
#pragma once

#include <cstdint>

#include "compiler/ir/function.h"
#include "compiler/ir/rule_types.h"

namespace assay::opt {

using FuncRef = ir::FuncRef;
using GlobalValue = ir::GlobalValue;
using MemFlags = ir::MemFlags;
using Opcode = ir::Opcode;
using StackSlot = ir::StackSlot;
using TrapCode = ir::TrapCode;
using Type = ir::Type;
using Value = ir::Value;
using ir::rules::FloatCC;
using ir::rules::Ieee16;
using ir::rules::Ieee32;
using ir::rules::Ieee64;
using ir::rules::Imm64;
using ir::rules::IntCC;
using ir::rules::Offset32;

#include "compiler/opt/node_data.h"

}  // namespace assay::opt
