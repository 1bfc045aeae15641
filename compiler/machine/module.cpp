// See module.h. The relocations are those of the platforms' ELF supplements, as far as the backends use them.
#include "compiler/machine/module.h"

#include <unordered_map>

namespace assay::machine {
namespace {

void put_little(uint8_t* at, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) at[i] = static_cast<uint8_t>(value >> (8 * i));
}

void put_big(uint8_t* at, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) at[i] = static_cast<uint8_t>(value >> (8 * (bytes - 1 - i)));
}

uint32_t get_little32(const uint8_t* at) {
  return uint32_t(at[0]) | uint32_t(at[1]) << 8 | uint32_t(at[2]) << 16 | uint32_t(at[3]) << 24;
}

bool fits_signed(int64_t value, unsigned bits) {
  return value >= -(int64_t(1) << (bits - 1)) && value < int64_t(1) << (bits - 1);
}

// Replaces bits [low, low + width) of a little-endian instruction word.
void patch32(uint8_t* at, uint64_t value, unsigned low, unsigned width) {
  const uint32_t mask = (width == 32 ? ~uint32_t(0) : (uint32_t(1) << width) - 1) << low;
  put_little(at, (get_little32(at) & ~mask) | ((uint32_t(value) << low) & mask), 4);
}

Place in_function(const std::string& name) {
  Place place;
  place.function = name;
  return place;
}

constexpr unsigned field_bytes(RelocKind kind) {
  return kind == RelocKind::Abs8 || kind == RelocKind::RiscvCallPlt || kind == RelocKind::RiscvPcrelHi20Lo12 ? 8 : 4;
}

}  // namespace

bool apply_relocation(std::span<uint8_t> bytes, uint64_t address, const Relocation& relocation, uint64_t symbol) {
  if (uint64_t(relocation.offset) + field_bytes(relocation.kind) > bytes.size()) return false;
  uint8_t* at = bytes.data() + relocation.offset;
  const uint64_t target = symbol + uint64_t(relocation.addend);
  const uint64_t place = address + relocation.offset;
  const int64_t distance = static_cast<int64_t>(target - place);
  switch (relocation.kind) {
    case RelocKind::Abs8:
      put_little(at, target, 8);
      return true;
    case RelocKind::X86PcRel4:
      put_little(at, uint64_t(distance), 4);
      return fits_signed(distance, 32);
    case RelocKind::Arm64Call:
    case RelocKind::Arm64Jump:
      patch32(at, uint64_t(distance) >> 2, 0, 26);
      return distance % 4 == 0 && fits_signed(distance, 28);
    case RelocKind::Arm64AdrPrelPgHi21: {
      const int64_t pages = static_cast<int64_t>((target & ~uint64_t(0xfff)) - (place & ~uint64_t(0xfff))) >> 12;
      patch32(at, uint64_t(pages), 29, 2);
      patch32(at, uint64_t(pages) >> 2, 5, 19);
      return fits_signed(pages, 21);
    }
    case RelocKind::Arm64AddAbsLo12Nc:
      patch32(at, target & 0xfff, 10, 12);
      return true;
    case RelocKind::RiscvCallPlt:
    case RelocKind::RiscvPcrelHi20Lo12: {
      // The low part is signed, so the high part is rounded.
      const uint64_t high = (uint64_t(distance) + 0x800) >> 12;
      patch32(at, high, 12, 20);
      patch32(at + 4, uint64_t(distance), 20, 12);
      return fits_signed(distance + 0x800, 32);
    }
    case RelocKind::S390xPlt32Dbl:
    case RelocKind::S390xPcRel32Dbl:
      put_big(at, uint64_t(distance >> 1), 4);
      return distance % 2 == 0 && fits_signed(distance, 33);
  }
  return false;
}

Expected<LinkedImage> link(std::span<const CompiledFunction> functions, uint64_t base,
                           std::span<const ExternalSymbol> externals) {
  constexpr size_t kAlignment = 16;
  LinkedImage image;
  image.base = base;
  std::unordered_map<std::string_view, uint64_t> addresses;
  for (const CompiledFunction& function : functions) {
    image.bytes.resize((image.bytes.size() + kAlignment - 1) / kAlignment * kAlignment, 0);
    const uint32_t begin = static_cast<uint32_t>(image.bytes.size());
    const std::vector<uint8_t>& bytes = function.code.bytes;
    image.bytes.insert(image.bytes.end(), bytes.begin(), bytes.end());
    const uint32_t index = static_cast<uint32_t>(image.functions.size());
    image.functions.push_back({function.name, begin, static_cast<uint32_t>(image.bytes.size())});
    if (!addresses.try_emplace(function.name, base + begin).second) {
      return fail("two functions are called " + function.name);
    }
    for (const TrapRecord& trap : function.code.traps) {
      image.traps.push_back({begin + trap.offset, trap.code, trap.inst, index});
    }
  }
  // The module's own functions hide external ones.
  for (const ExternalSymbol& external : externals) addresses.try_emplace(external.name, external.address);
  for (size_t i = 0; i < functions.size(); ++i) {
    const CompiledFunction& function = functions[i];
    const LinkedFunction& place = image.functions[i];
    const std::span<uint8_t> bytes(image.bytes.data() + place.begin, place.end - place.begin);
    for (const Relocation& relocation : function.code.relocations) {
      const std::string& name = function.symbols[relocation.symbol].name;
      const auto address = addresses.find(name);
      if (address == addresses.end()) {
        return fail(in_function(function.name), "the function " + name + " is called but not defined");
      }
      if (!apply_relocation(bytes, base + place.begin, relocation, address->second)) {
        return fail(in_function(function.name), "the function " + name + " is too far away");
      }
    }
  }
  return image;
}

}  // namespace assay::machine
