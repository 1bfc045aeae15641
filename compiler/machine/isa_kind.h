// Which machine: the four instruction sets, their names and the few facts everybody needs before any table is loaded.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

namespace assay {

enum class IsaKind : uint8_t { x64, aarch64, riscv64, s390x };

inline constexpr IsaKind kAllIsas[] = {IsaKind::x64, IsaKind::aarch64, IsaKind::riscv64, IsaKind::s390x};
inline constexpr int kIsaCount = 4;

// The name used in file names, `--target` and reports.
constexpr const char* name(IsaKind isa) {
  switch (isa) {
    case IsaKind::x64:
      return "x64";
    case IsaKind::aarch64:
      return "aarch64";
    case IsaKind::riscv64:
      return "riscv64";
    case IsaKind::s390x:
      return "s390x";
  }
  return "?";
}

// Accepts the names above and `x86_64`, `arm64`, the spellings of `target` lines in filetests.
constexpr std::optional<IsaKind> isa_from_name(std::string_view text) {
  if (text == "x64" || text == "x86_64" || text == "x86-64") return IsaKind::x64;
  if (text == "aarch64" || text == "arm64") return IsaKind::aarch64;
  if (text == "riscv64" || text == "riscv64gc") return IsaKind::riscv64;
  if (text == "s390x") return IsaKind::s390x;
  return std::nullopt;
}

constexpr std::endian endianness(IsaKind isa) { return isa == IsaKind::s390x ? std::endian::big : std::endian::little; }

// Every supported machine has 64-bit pointers.
constexpr int pointer_bytes(IsaKind) { return 8; }

}  // namespace assay
