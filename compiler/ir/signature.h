// Function signatures and the names of functions and symbols.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/types.h"

namespace assay::ir {

enum class CallConv : uint8_t {
  kFast,
  kTail,
  kSystemV,
  kWindowsFastcall,
  kAppleAarch64,
  kProbestack,
  kWinch,
  kPreserveAll
};
inline constexpr unsigned kCallConvCount = 8;
std::string_view to_string(CallConv convention);
std::optional<CallConv> parse_call_conv(std::string_view text);

enum class Extension : uint8_t { kNone, kUext, kSext };
enum class Purpose : uint8_t { kNormal, kStructArgument, kStructReturn, kVMContext };

struct AbiParam {
  Type type;
  Extension extension = Extension::kNone;
  Purpose purpose = Purpose::kNormal;
  uint32_t struct_size = 0;  // of a kStructArgument, in bytes
  bool is_quad = false;      // an i128 that machine/expand.h made of an f128: passed as that is; not in texts

  bool operator==(const AbiParam&) const = default;
};
std::string to_string(const AbiParam& param);  // `i32 uext`, `i64 sarg(64)`

struct Signature {
  std::vector<AbiParam> params;
  std::vector<AbiParam> returns;
  CallConv call_conv = CallConv::kFast;

  bool operator==(const Signature&) const = default;
};
std::string to_string(const Signature& signature);  // `(i32, i64 vmctx) -> i32 fast`

enum class LibCall : uint8_t {
  kProbestack,
  kCeilF32,
  kCeilF64,
  kFloorF32,
  kFloorF64,
  kTruncF32,
  kTruncF64,
  kNearestF32,
  kNearestF64,
  kFmaF32,
  kFmaF64,
  kMemcpy,
  kMemset,
  kMemmove,
  kMemcmp,
  kElfTlsGetAddr,
  kElfTlsGetOffset,
  kX86Pshufb
};
inline constexpr unsigned kLibCallCount = 18;
std::string_view to_string(LibCall libcall);  // without the `%`
std::optional<LibCall> parse_libcall(std::string_view text);

enum class KnownSymbol : uint8_t { kElfGlobalOffsetTable, kCoffTlsIndex };
std::string_view to_string(KnownSymbol symbol);
std::optional<KnownSymbol> parse_known_symbol(std::string_view text);

// The name of a function or symbol: `%name`, `u1:2`, a library routine, a linker's symbol, or `userextname3`.
struct ExternalName {
  enum class Kind : uint8_t { kTestcase, kUser, kLibCall, kKnownSymbol, kUserRef };
  Kind kind = Kind::kTestcase;
  std::string name;    // kTestcase: without the `%`
  uint32_t space = 0;  // kUser
  uint32_t index = 0;  // kUser, kUserRef; the LibCall or KnownSymbol otherwise

  static ExternalName testcase(std::string name) { return {.kind = Kind::kTestcase, .name = std::move(name)}; }
  static ExternalName user(uint32_t space, uint32_t index) { return {Kind::kUser, {}, space, index}; }
  static ExternalName of(LibCall libcall) { return {Kind::kLibCall, {}, 0, static_cast<uint32_t>(libcall)}; }
  static ExternalName of(KnownSymbol symbol) { return {Kind::kKnownSymbol, {}, 0, static_cast<uint32_t>(symbol)}; }
  static ExternalName user_ref(uint32_t index) { return {Kind::kUserRef, {}, 0, index}; }

  bool is_libcall() const { return kind == Kind::kLibCall; }
  LibCall libcall() const { return static_cast<LibCall>(index); }  // only if is_libcall()
  bool operator==(const ExternalName&) const = default;
};
std::string to_string(const ExternalName& name);  // with its `%`

}  // namespace assay::ir
