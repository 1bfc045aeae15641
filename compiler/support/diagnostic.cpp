// See diagnostic.h.
#include "compiler/support/diagnostic.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace assay {

namespace {

// Line `number` (from 1) of `source`, without its newline; empty if there is none.
std::string_view line_of(std::string_view source, uint32_t number) {
  size_t begin = 0;
  for (uint32_t i = 1; i < number; ++i) {
    begin = source.find('\n', begin);
    if (begin == std::string_view::npos) return {};
    ++begin;
  }
  std::string_view rest = source.substr(begin);
  return rest.substr(0, rest.find('\n'));
}

}  // namespace

std::string render(const Diagnostic& diagnostic, std::string_view source) {
  const Place& place = diagnostic.place;
  std::string out;
  if (!place.file.empty()) out += place.file + ":";
  if (place.line != 0) out += std::to_string(place.line) + ":" + std::to_string(place.column) + ":";
  if (!out.empty()) out += " ";
  out += "error: " + diagnostic.message;
  if (!place.function.empty()) out += " (in function " + place.function + ")";
  if (!place.instruction.empty()) out += " (at " + place.instruction + ")";
  out += "\n";
  if (place.line != 0 && !source.empty()) {
    constexpr size_t kLongest = 200;  // a hostile line must not flood the terminal
    std::string_view text = line_of(source, place.line).substr(0, kLongest);
    out += "  ";
    out += text;
    out += "\n  ";
    for (uint32_t i = 1; i < place.column && i <= text.size(); ++i) out += text[i - 1] == '\t' ? '\t' : ' ';
    out += "^\n";
  }
  if (!diagnostic.hint.empty()) out += "hint: " + diagnostic.hint + "\n";
  return out;
}

Expected<std::string> read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return fail(Place{.file = path}, std::string("cannot read: ") + std::strerror(errno));
  std::string contents;
  char buffer[1 << 16];
  size_t count = 0;
  while ((count = std::fread(buffer, 1, sizeof buffer, file)) > 0) contents.append(buffer, count);
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed) return fail(Place{.file = path}, "cannot read: input/output error or a directory");
  return contents;
}

Expected<void> write_file(const std::string& path, std::string_view contents) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return fail(Place{.file = path}, std::string("cannot write: ") + std::strerror(errno));
  const bool written = std::fwrite(contents.data(), 1, contents.size(), file) == contents.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed) return fail(Place{.file = path}, "cannot write: disk full?");
  return {};
}

}  // namespace assay
