// See immediates.h. The spellings stand in tables in the order of the enumerations.
#include "compiler/ir/immediates.h"

#include <array>
#include <bit>
#include <charconv>

namespace assay::ir {

namespace {

constexpr std::array<std::string_view, kIntCCCount> kIntCCNames = {"eq",  "ne",  "slt", "sge", "sgt",
                                                                   "sle", "ult", "uge", "ugt", "ule"};
constexpr std::array<IntCC, kIntCCCount> kIntCCComplements = {IntCC::kNe,  IntCC::kEq,  IntCC::kSge, IntCC::kSlt,
                                                              IntCC::kSle, IntCC::kSgt, IntCC::kUge, IntCC::kUlt,
                                                              IntCC::kUle, IntCC::kUgt};
constexpr std::array<IntCC, kIntCCCount> kIntCCSwapped = {IntCC::kEq,  IntCC::kNe,  IntCC::kSgt, IntCC::kSle,
                                                          IntCC::kSlt, IntCC::kSge, IntCC::kUgt, IntCC::kUle,
                                                          IntCC::kUlt, IntCC::kUge};

constexpr std::array<std::string_view, kFloatCCCount> kFloatCCNames = {"ord", "uno", "eq", "ne",  "one", "ueq", "lt",
                                                                       "le",  "gt",  "ge", "ult", "ule", "ugt", "uge"};
constexpr std::array<FloatCC, kFloatCCCount> kFloatCCComplements = {
    FloatCC::kUno, FloatCC::kOrd, FloatCC::kNe,  FloatCC::kEq, FloatCC::kUeq, FloatCC::kOne, FloatCC::kUge,
    FloatCC::kUgt, FloatCC::kUle, FloatCC::kUlt, FloatCC::kGe, FloatCC::kGt,  FloatCC::kLe,  FloatCC::kLt};
constexpr std::array<FloatCC, kFloatCCCount> kFloatCCSwapped = {
    FloatCC::kOrd, FloatCC::kUno, FloatCC::kEq, FloatCC::kNe,  FloatCC::kOne, FloatCC::kUeq, FloatCC::kGt,
    FloatCC::kGe,  FloatCC::kLt,  FloatCC::kLe, FloatCC::kUgt, FloatCC::kUge, FloatCC::kUlt, FloatCC::kUle};

constexpr std::array<std::string_view, kAtomicRmwOpCount> kAtomicRmwOpNames = {
    "add", "sub", "and", "nand", "or", "xor", "xchg", "umin", "umax", "smin", "smax"};

constexpr std::array<std::string_view, 5> kTrapNames = {"stk_ovf", "heap_oob", "int_ovf", "int_divz", "bad_toint"};

template <class Enum, size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& names, std::string_view text) {
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(IntCC cc) { return kIntCCNames[static_cast<size_t>(cc)]; }
std::optional<IntCC> parse_int_cc(std::string_view text) { return find<IntCC>(kIntCCNames, text); }
IntCC complement(IntCC cc) { return kIntCCComplements[static_cast<size_t>(cc)]; }
IntCC swap_operands(IntCC cc) { return kIntCCSwapped[static_cast<size_t>(cc)]; }
bool is_signed(IntCC cc) { return cc >= IntCC::kSlt && cc <= IntCC::kSle; }
bool is_unsigned(IntCC cc) { return cc >= IntCC::kUlt; }

std::string_view to_string(FloatCC cc) { return kFloatCCNames[static_cast<size_t>(cc)]; }
std::optional<FloatCC> parse_float_cc(std::string_view text) { return find<FloatCC>(kFloatCCNames, text); }
FloatCC complement(FloatCC cc) { return kFloatCCComplements[static_cast<size_t>(cc)]; }
FloatCC swap_operands(FloatCC cc) { return kFloatCCSwapped[static_cast<size_t>(cc)]; }

std::string_view to_string(AtomicRmwOp op) { return kAtomicRmwOpNames[static_cast<size_t>(op)]; }
std::optional<AtomicRmwOp> parse_atomic_rmw_op(std::string_view text) {
  return find<AtomicRmwOp>(kAtomicRmwOpNames, text);
}

std::string to_string(TrapCode code) {
  if (!code.is_valid()) return "invalid_trap";
  if (code.is_user()) return "user" + std::to_string(code.code);
  return std::string(kTrapNames[code.code - kStackOverflow.code]);
}

std::optional<TrapCode> parse_trap_code(std::string_view text) {
  for (size_t i = 0; i < kTrapNames.size(); ++i) {
    if (kTrapNames[i] == text) return TrapCode{static_cast<uint8_t>(kStackOverflow.code + i)};
  }
  if (!text.starts_with("user") || text.size() < 5 || text.size() > 7 || text[4] == '0') return std::nullopt;
  unsigned number = 0;
  const auto [end, status] = std::from_chars(text.data() + 4, text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size() || number < 1 || number > 250) return std::nullopt;
  return TrapCode::user(static_cast<uint8_t>(number));
}

// The order is Cranelift's: trap code, then promises, then byte order, then region. heap_oob is the default and silent.
std::string to_string(MemFlags flags) {
  std::string out;
  if (flags.notrap()) {
    out += " notrap";
  } else if (flags.trap_code() != kHeapOutOfBounds) {
    out += " " + to_string(flags.trap_code());
  }
  if (flags.aligned()) out += " aligned";
  if (flags.readonly()) out += " readonly";
  if (flags.can_move()) out += " can_move";
  if (flags.endianness() == Endianness::kBig) out += " big";
  if (flags.endianness() == Endianness::kLittle) out += " little";
  if (!flags.region().is_none()) out += " " + to_string(flags.region());
  return out;
}

std::optional<unsigned __int128> IntegerLiteral::to_bits(unsigned width) const {
  using Bits = unsigned __int128;
  const Bits mask = width >= 128 ? ~Bits{0} : (Bits{1} << width) - 1;
  if (!negative) return magnitude <= mask ? std::optional(magnitude) : std::nullopt;
  return magnitude <= Bits{1} << (width - 1) ? std::optional(-magnitude & mask) : std::nullopt;
}

std::optional<IntegerLiteral> parse_integer(std::string_view text) {
  using Bits = unsigned __int128;
  IntegerLiteral literal;
  if (text.starts_with('-') || text.starts_with('+')) {
    literal.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  unsigned base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  bool any = false;
  for (char c : text) {
    if (c == '_') continue;
    unsigned digit = 16;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit >= base) return std::nullopt;
    any = true;
    if (literal.magnitude > (~Bits{0} - digit) / base) return std::nullopt;
    literal.magnitude = literal.magnitude * base + digit;
  }
  return any ? std::optional(literal) : std::nullopt;
}

std::string imm64_to_string(int64_t value) {
  if (value > -10000 && value < 10000) return std::to_string(value);
  const uint64_t word = static_cast<uint64_t>(value);
  std::string out = "0x";
  bool first = true;
  for (int shift = 48; shift >= 0; shift -= 16) {
    if (first && shift != 0 && word >> shift == 0) continue;
    if (!first) out += '_';
    first = false;
    for (int digit = 12; digit >= 0; digit -= 4) out += "0123456789abcdef"[word >> (shift + digit) & 0xf];
  }
  return out;
}

}  // namespace assay::ir
