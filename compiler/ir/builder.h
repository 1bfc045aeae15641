// Building instructions: `InstBuilder b(func); b.set_block(block); Value sum = b.iadd(x, y);`
//
// One method per operation, generated from operations.ops: operands in text order, then the controlling type where it
// cannot be read off an operand (`b.iconst(kI32, 7)`, `b.uextend(kI64, x)`, `b.load(kI32, flags, p, offset)`: the type
// comes first). A method returns its only result as a Value, nothing for operations without results, and the Inst for
// those with several (use func.result(inst, n)). `return` is called return_. Nothing is checked beyond asserts: run the
// verifier.
#pragma once

#include <initializer_list>
#include <span>

#include "compiler/ir/function.h"

namespace assay::ir {

// The one instruction that makes a constant of an integer type of at most 64 bits or of a float type, from its bits;
// what lies above the type's width is dropped. A constant of f128 goes to the function's pool.
InstData constant_data(Function& function, Type type, unsigned __int128 bits);

class InstBuilder {
 public:
  explicit InstBuilder(Function& function) : function_(function) {}

  Function& function() { return function_; }
  // New instructions go to the end of `block` …
  void set_block(Block block) {
    block_ = block;
    before_ = Inst();
  }
  // … or just before `inst`.
  void set_before(Inst inst) {
    before_ = inst;
    block_ = function_.inst_block(inst);
  }
  Block block() const { return block_; }
  void set_source_location(uint32_t location) { location_ = location; }

  // Any operation, from a filled InstData: makes it, gives it its results, inserts it.
  Inst insert(const InstData& data);
  // A constant of any scalar type: one instruction, or, of i128, which has no immediates, its halves extended or
  // joined.
  Value constant(Type type, unsigned __int128 bits);

  BlockCall call_to(Block block, std::span<const Value> args = {}) { return function_.make_block_call(block, args); }
  BlockCall call_to(Block block, std::initializer_list<Value> args) {
    return function_.make_block_call(block, std::span<const Value>(args.begin(), args.size()));
  }

#include "compiler/ir/builder_methods.inc"  // generated: one method per operation

 private:
  Slice make_calls(const BlockCall& first, std::span<const BlockCall> rest);
  Slice make_values(Value first, std::span<const Value> rest);

  Function& function_;
  Block block_;
  Inst before_;
  uint32_t location_ = kNoSourceLocation;
};

}  // namespace assay::ir
