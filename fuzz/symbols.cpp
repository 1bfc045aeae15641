// See symbols.h.
#include "fuzz/symbols.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>

namespace assay::fuzz {

namespace {

std::string first_line_of(const char* text) {
  std::string line = text;
  return line.substr(0, line.find('\n'));
}

}  // namespace

std::vector<std::vector<SourceFrame>> name_addresses(std::span<const uintptr_t> addresses) {
  std::vector<std::vector<SourceFrame>> out(addresses.size());
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&name_addresses), &info) == 0) return out;
  char program[4096];
  const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  if (length <= 0) return out;
  // Each address is printed before its frames, so that they can be told apart.
  std::string command = "addr2line -aiCfe '" + std::string(program, static_cast<size_t>(length)) + "'";
  const auto base = reinterpret_cast<uintptr_t>(info.dli_fbase);
  std::vector<size_t> asked;
  for (size_t i = 0; i < addresses.size(); ++i) {
    Dl_info at{};
    if (dladdr(reinterpret_cast<void*>(addresses[i]), &at) == 0 || at.dli_fbase != info.dli_fbase) continue;
    char text[32];
    std::snprintf(text, sizeof text, " 0x%zx", addresses[i] - base);
    command += text;
    asked.push_back(i);
  }
  if (asked.empty()) return out;
  FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return out;
  char line[8192];
  size_t next = 0;
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    std::string function = first_line_of(line);
    if (function.starts_with("0x")) {
      ++next;
      continue;
    }
    if (next == 0 || next > asked.size() || std::fgets(line, sizeof line, pipe) == nullptr) break;
    std::string place = first_line_of(line);
    if (place.starts_with("??")) place.clear();
    if (!function.starts_with("??")) out[asked[next - 1]].push_back({std::move(function), std::move(place)});
  }
  pclose(pipe);
  return out;
}

std::string plain_function(std::string_view function) {
  constexpr std::string_view kUnnamed = "(anonymous namespace)::";
  const size_t begin = function.find("assay::");
  // Not what only has something of Assay's among its arguments.
  if (begin == std::string_view::npos || function.find_first_of("<(") < begin) return {};
  std::string_view rest = function.substr(begin);
  for (;;) {
    if (rest.starts_with(kUnnamed)) {
      rest.remove_prefix(kUnnamed.size());
      continue;
    }
    const size_t end = rest.find_first_of(":(<");
    const bool is_namespace = end != std::string_view::npos && rest.substr(end).starts_with("::") &&
                              std::islower(static_cast<unsigned char>(rest[0])) != 0;
    if (!is_namespace) break;
    rest.remove_prefix(end + 2);
  }
  return std::string(rest.substr(0, rest.find_first_of("(<")));
}

}  // namespace assay::fuzz
