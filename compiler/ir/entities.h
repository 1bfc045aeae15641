// The things a function refers to by number: distinct one-word index types, spelled `v3`, `block1`, `fn0` … in text.
#pragma once

#include <string>

#include "compiler/support/entity.h"

namespace assay::ir {

using Inst = Entity<struct InstTag>;                          // not named in text; diagnostics say inst3
using Block = Entity<struct BlockTag>;                        // block3
using Value = Entity<struct ValueTag>;                        // v3
using StackSlot = Entity<struct StackSlotTag>;                // ss3
using DynamicStackSlot = Entity<struct DynamicStackSlotTag>;  // dss3
using DynamicType = Entity<struct DynamicTypeTag>;            // dt3
using GlobalValue = Entity<struct GlobalValueTag>;            // gv3
using SigRef = Entity<struct SigRefTag>;                      // sig3
using FuncRef = Entity<struct FuncRefTag>;                    // fn3
using Constant = Entity<struct ConstantTag>;                  // const3
using AliasRegion = Entity<struct AliasRegionTag>;            // region3
using Immediate = Entity<struct ImmediateTag>;                // a 16-byte immediate (shuffle masks); not named in text
using ExceptionTable = Entity<struct ExceptionTableTag>;      // the handlers of one try_call; not named in text

inline std::string to_string(Inst e) { return "inst" + std::to_string(e.index); }
inline std::string to_string(Block e) { return "block" + std::to_string(e.index); }
inline std::string to_string(Value e) { return "v" + std::to_string(e.index); }
inline std::string to_string(StackSlot e) { return "ss" + std::to_string(e.index); }
inline std::string to_string(DynamicStackSlot e) { return "dss" + std::to_string(e.index); }
inline std::string to_string(DynamicType e) { return "dt" + std::to_string(e.index); }
inline std::string to_string(GlobalValue e) { return "gv" + std::to_string(e.index); }
inline std::string to_string(SigRef e) { return "sig" + std::to_string(e.index); }
inline std::string to_string(FuncRef e) { return "fn" + std::to_string(e.index); }
inline std::string to_string(Constant e) { return "const" + std::to_string(e.index); }
inline std::string to_string(AliasRegion e) { return "region" + std::to_string(e.index); }

// What a branch passes to a block parameter: a value, or (try_call only) `retN`, the call's Nth result, or `exnN`,
// the Nth word of the exception's payload. One word: the kind is in the top two bits.
class BlockArg {
 public:
  constexpr BlockArg() = default;
  constexpr BlockArg(Value value) : word_(value.index) {}  // implicit: nearly every argument is a value
  static constexpr BlockArg ret(uint32_t index) { return BlockArg(kRet | index, 0); }
  static constexpr BlockArg exn(uint32_t index) { return BlockArg(kExn | index, 0); }

  constexpr bool is_value() const { return (word_ & kKind) == 0; }
  constexpr bool is_ret() const { return (word_ & kKind) == kRet; }
  constexpr bool is_exn() const { return (word_ & kKind) == kExn; }
  constexpr Value value() const { return Value(word_); }       // only if is_value()
  constexpr uint32_t index() const { return word_ & ~kKind; }  // of a ret or exn
  constexpr bool operator==(const BlockArg&) const = default;

 private:
  static constexpr uint32_t kKind = 0xc0000000u, kRet = 0x40000000u, kExn = 0x80000000u;
  constexpr BlockArg(uint32_t word, int) : word_(word) {}
  uint32_t word_ = 0;
};

}  // namespace assay::ir
