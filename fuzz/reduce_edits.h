// The edits that reduction tries: each changes a case, and keeps neither its meaning nor its validity; whoever asks for
// one verifies the result and looks whether what matters is still there.
//
// All work on functions without aliases in operands (clean_up resolves them) and are linear in the function unless they
// say otherwise.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "fuzz/case.h"

namespace assay::fuzz {

// In all functions of the case.
unsigned count_instructions(const Case& test);
// In layout order.
std::vector<ir::Inst> instructions(const ir::Function& f);
// A jump, brif or br_table.
bool is_plain_branch(const ir::Function& f, ir::Inst inst);

// Unreachable blocks, instructions without effect whose results nobody needs, and parameters of blocks that nobody
// needs go.
void clean_up(ir::Function& f);

// Every use of a value that has a replacement (by value) becomes one of that, or of what that is replaced by.
void replace_uses(ir::Function& f, std::vector<ir::Value> replacements);
// An integer or float, no vector.
bool is_scalar(ir::Type type);
// The bits of a small number in a scalar type.
unsigned __int128 small_number(ir::Type type, int value);
// Is the instruction (part of) how a constant of a scalar type is written?
bool is_constant(const ir::Function& f, ir::Inst inst);
// Of a scalar type.
ir::Value insert_constant(ir::Function& f, ir::Inst before, ir::Type type, unsigned __int128 bits);
// The instructions' results, all scalars, become constants of this value, 0, 1 or -1, and they go.
void make_constants(ir::Function& f, std::span<const ir::Inst> insts, int value);
// The instructions' only results become, by number, other values of their type, and they go.
void forward(ir::Function& f, std::span<const ir::Inst> insts, std::span<const ir::Value> to);

// Does a function of the case name this one, to call it or for its address?
bool is_called(const Case& test, const ir::Function& callee);

// The entry function returns the results of `inst` as soon as they are there; its other returns return zeros. False
// (and nothing is changed) if a result is no scalar, or the entry function may be called.
bool return_early(Case& test, ir::Inst inst);
// The case on its first input, as the interpreter says. `order` is that of accesses that name none. `memory`, if given,
// gets the regions' bytes afterwards.
interpreter::Outcome interpret(const Case& test, ir::Endianness order = ir::Endianness::kLittle,
                               std::vector<std::vector<uint8_t>>* memory = nullptr);
// What the results of `inst` of the entry function are when it runs for the first time; nothing if it does not get
// there.
std::optional<std::vector<ir::DataValue>> first_results(const Case& test, ir::Inst inst,
                                                        ir::Endianness order = ir::Endianness::kLittle);
// Likewise of a block's parameter, when the block is entered for the first time.
std::optional<ir::DataValue> first_param(const Case& test, ir::Block block, uint32_t number,
                                         ir::Endianness order = ir::Endianness::kLittle);
// Does the entry function get to this block on the first input?
bool reaches(const Case& test, ir::Block block, ir::Endianness order = ir::Endianness::kLittle);
// The results of `inst`, which goes, become new parameters of the entry function, with these arguments in the first
// input. False as for return_early.
bool make_parameters(Case& test, ir::Inst inst, std::span<const ir::DataValue> values);
// The body of the called function in place of a call in function `k`. False if it is not a direct call of a function of
// the case that calls nothing itself.
bool inline_call(Case& test, size_t k, ir::Inst call);
// The terminator becomes a return of zeros. False if a result is no scalar.
bool return_zeros(ir::Function& f, ir::Inst terminator);

}  // namespace assay::fuzz
