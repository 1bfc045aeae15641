// See signature.h. The spellings stand in tables in the order of the enumerations.
#include "compiler/ir/signature.h"

#include <array>

namespace assay::ir {

namespace {

constexpr std::array<std::string_view, 8> kCallConvNames = {
    "fast", "tail", "system_v", "windows_fastcall", "apple_aarch64", "probestack", "winch", "preserve_all"};

constexpr std::array<std::string_view, kLibCallCount> kLibCallNames = {
    "Probestack", "CeilF32",    "CeilF64",    "FloorF32",      "FloorF64",        "TruncF32",
    "TruncF64",   "NearestF32", "NearestF64", "FmaF32",        "FmaF64",          "Memcpy",
    "Memset",     "Memmove",    "Memcmp",     "ElfTlsGetAddr", "ElfTlsGetOffset", "X86Pshufb"};

constexpr std::array<std::string_view, 2> kKnownSymbolNames = {"ElfGlobalOffsetTable", "CoffTlsIndex"};

template <class Enum, size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& names, std::string_view text) {
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

void append_params(std::string& out, const std::vector<AbiParam>& params) {
  bool first = true;
  for (const AbiParam& param : params) {
    if (!first) out += ", ";
    first = false;
    out += to_string(param);
  }
}

}  // namespace

std::string_view to_string(CallConv convention) { return kCallConvNames[static_cast<size_t>(convention)]; }
std::optional<CallConv> parse_call_conv(std::string_view text) { return find<CallConv>(kCallConvNames, text); }
std::string_view to_string(LibCall libcall) { return kLibCallNames[static_cast<size_t>(libcall)]; }
std::optional<LibCall> parse_libcall(std::string_view text) { return find<LibCall>(kLibCallNames, text); }
std::string_view to_string(KnownSymbol symbol) { return kKnownSymbolNames[static_cast<size_t>(symbol)]; }
std::optional<KnownSymbol> parse_known_symbol(std::string_view text) {
  return find<KnownSymbol>(kKnownSymbolNames, text);
}

std::string to_string(const AbiParam& param) {
  std::string out = param.type.to_string();
  if (param.extension == Extension::kUext) out += " uext";
  if (param.extension == Extension::kSext) out += " sext";
  switch (param.purpose) {
    case Purpose::kNormal:
      break;
    case Purpose::kStructArgument:
      out += " sarg(" + std::to_string(param.struct_size) + ")";
      break;
    case Purpose::kStructReturn:
      out += " sret";
      break;
    case Purpose::kVMContext:
      out += " vmctx";
      break;
  }
  return out;
}

std::string to_string(const Signature& signature) {
  std::string out = "(";
  append_params(out, signature.params);
  out += ")";
  if (!signature.returns.empty()) {
    out += " -> ";
    append_params(out, signature.returns);
  }
  out += " ";
  out += to_string(signature.call_conv);
  return out;
}

std::string to_string(const ExternalName& name) {
  switch (name.kind) {
    case ExternalName::Kind::kTestcase:
      return "%" + name.name;
    case ExternalName::Kind::kUser:
      return "u" + std::to_string(name.space) + ":" + std::to_string(name.index);
    case ExternalName::Kind::kLibCall:
      return "%" + std::string(to_string(name.libcall()));
    case ExternalName::Kind::kKnownSymbol:
      return "%" + std::string(to_string(static_cast<KnownSymbol>(name.index)));
    case ExternalName::Kind::kUserRef:
      return "userextname" + std::to_string(name.index);
  }
  return {};
}

}  // namespace assay::ir
