// See filetest_directive.h.
#include "oracles/filetest_directive.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace assay::oracles {

namespace {

constexpr uint32_t kMaxRegionSize = 1u << 20;

// Words of a comment, each with its column in it.
struct Words {
  std::string_view text;
  size_t at = 0;
  size_t begin = 0;  // of the last word

  std::string_view next() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
    begin = at;
    while (at < text.size() && text[at] != ' ' && text[at] != '\t') ++at;
    return text.substr(begin, at - begin);
  }
};

std::optional<uint64_t> parse_number(std::string_view text) {
  std::string digits;
  for (char c : text) {
    if (c != '_') digits += c;
  }
  const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
  const char* first = digits.data() + (hex ? 2 : 0);
  const char* last = digits.data() + digits.size();
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(first, last, value, hex ? 16 : 10);
  if (error != std::errc() || end != last || first == last) return std::nullopt;
  return value;
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::string hex(uint64_t value) {
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, "0x%llx", static_cast<unsigned long long>(value));
  return buffer;
}

// What follows `;`s and blanks.
std::string_view body(std::string_view comment) {
  const size_t begin = comment.find_first_not_of("; \t");
  return begin == std::string_view::npos ? std::string_view() : comment.substr(begin);
}

}  // namespace

Expected<std::optional<RegionDirective>> parse_region_directive(std::string_view comment, const Place& place) {
  const std::string_view text = body(comment);
  if (!text.starts_with("region:")) return std::nullopt;
  const auto column = static_cast<uint32_t>(comment.size() - text.size());
  Words words{text, std::string_view("region:").size()};
  const auto wrong = [&](std::string message) {
    Place where = place;
    where.column += column + static_cast<uint32_t>(words.begin);
    return fail(where, std::move(message), "region: ADDRESS SIZE [fill BYTE | seed NUMBER | bytes HEX] [readonly]");
  };
  RegionDirective region;
  const auto address = parse_number(words.next());
  if (!address) return wrong("expected the region's address");
  if (*address % memory_map::kPage != 0 || *address < memory_map::kRegionsBegin ||
      *address >= memory_map::kRegionsEnd) {
    return wrong("a region's address must be a multiple of 4096 from 0x20000000 to below 0x30000000");
  }
  region.address = *address;
  const auto size = parse_number(words.next());
  if (!size || *size == 0 || *size > kMaxRegionSize || *size > memory_map::kRegionsEnd - *address) {
    return wrong("expected the region's size, from 1 to 1048576 bytes");
  }
  region.size = static_cast<uint32_t>(*size);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    if (word == "readonly") {
      region.writable = false;
    } else if (word == "fill" || word == "seed") {
      region.fill = word == "fill" ? RegionDirective::Fill::kByte : RegionDirective::Fill::kSeed;
      const auto value = parse_number(words.next());
      if (!value || (region.fill == RegionDirective::Fill::kByte && *value > 255)) return wrong("expected a number");
      region.value = *value;
    } else if (word == "bytes") {
      region.fill = RegionDirective::Fill::kBytes;
      const std::string_view digits = words.next();
      if (digits.size() % 2 != 0 || digits.size() / 2 > region.size) {
        return wrong("expected two hex digits for each byte, no more bytes than the region has");
      }
      for (size_t i = 0; i < digits.size(); i += 2) {
        const auto high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);
        if (!high || !low) return wrong("expected hex digits");
        region.bytes.push_back(static_cast<uint8_t>(*high << 4 | *low));
      }
    } else {
      return wrong("unknown word `" + std::string(word.substr(0, 40)) + "`");
    }
  }
  return region;
}

std::string to_string(const RegionDirective& directive) {
  std::string out = "region: " + hex(directive.address) + " " + std::to_string(directive.size);
  switch (directive.fill) {
    case RegionDirective::Fill::kByte:
      if (directive.value != 0) out += " fill " + hex(directive.value);
      break;
    case RegionDirective::Fill::kSeed:
      out += " seed " + std::to_string(directive.value);
      break;
    case RegionDirective::Fill::kBytes: {
      constexpr char kDigits[] = "0123456789abcdef";
      out += " bytes ";
      for (uint8_t byte : directive.bytes) {
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
      }
      break;
    }
  }
  if (!directive.writable) out += " readonly";
  return out;
}

Region make_region(const RegionDirective& directive) {
  Region region{.address = directive.address, .bytes = {}, .writable = directive.writable};
  region.bytes.resize(directive.size);
  switch (directive.fill) {
    case RegionDirective::Fill::kByte:
      std::fill(region.bytes.begin(), region.bytes.end(), static_cast<uint8_t>(directive.value));
      break;
    case RegionDirective::Fill::kSeed: {
      uint64_t state = directive.value;
      for (uint8_t& byte : region.bytes) {  // a 64-bit linear congruential generator, its top byte
        state = state * 6364136223846793005u + 1442695040888963407u;
        byte = static_cast<uint8_t>(state >> 56);
      }
      break;
    }
    case RegionDirective::Fill::kBytes:
      std::copy(directive.bytes.begin(), directive.bytes.end(), region.bytes.begin());
      break;
  }
  return region;
}

Expected<std::optional<TestDirective>> parse_test_directive(std::string_view comment, const ir::Signature& signature,
                                                            const Place& place) {
  // `run: %f(…) traps CODE` is read as `print: %f(…)`, the only form without an expected value.
  constexpr std::string_view kTraps = ") traps ";
  const size_t traps = comment.rfind(kTraps);
  TestDirective directive;
  std::string plain(comment);
  if (traps != std::string_view::npos && body(comment).starts_with("run:")) {
    std::string_view code = comment.substr(traps + kTraps.size());
    code = code.substr(0, code.find_last_not_of(" \t\r") + 1);
    directive.trap = ir::parse_trap_code(code);
    if (!directive.trap) {
      Place where = place;
      where.column += static_cast<uint32_t>(traps + kTraps.size());
      return fail(where, "unknown trap code `" + std::string(code.substr(0, 40)) + "`");
    }
    plain.resize(traps + 1);
    plain.replace(plain.find("run:"), 3, "print");
  }
  auto run = ir::parse_run_directive(plain, signature, place);
  if (!run) return std::unexpected(run.error());
  if (!run->has_value()) return std::nullopt;
  directive.run = std::move(**run);
  if (directive.trap) directive.run.kind = ir::RunDirective::Kind::kRun;
  return directive;
}

TestDirective directive_for(const ir::ExternalName& function, const std::vector<ir::DataValue>& args,
                            const interpreter::Outcome* outcome) {
  TestDirective directive;
  directive.run.has_invocation = true;
  const std::string name = ir::to_string(function);
  directive.run.function = name.substr(name.starts_with('%') ? 1 : 0);
  directive.run.args = args;
  if (outcome != nullptr && outcome->kind == interpreter::OutcomeKind::Returned) {
    directive.run.expected = outcome->results;
  } else if (outcome != nullptr && outcome->kind == interpreter::OutcomeKind::Trapped) {
    directive.trap = outcome->trap;
  } else {
    directive.run.kind = ir::RunDirective::Kind::kPrint;
  }
  return directive;
}

std::string to_string(const TestDirective& directive) {
  if (!directive.trap) return ir::to_string(directive.run);
  ir::RunDirective call = directive.run;
  call.kind = ir::RunDirective::Kind::kPrint;
  std::string text = ir::to_string(call);
  text.replace(0, 5, "run");
  return text + " traps " + ir::to_string(*directive.trap);
}

}  // namespace assay::oracles
