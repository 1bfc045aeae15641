// See diagnostic.h.
#include "compiler/support/diagnostic.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

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

// The length of the printable UTF-8 character at the start of `text`; 0 if there is none.
size_t printable_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool control = first == 0xc2 && second < 0xa0;
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second >= 0xa0;
  const bool too_large = first == 0xf4 && second >= 0x90;
  return control || overlong || surrogate || too_large ? 0 : length;
}

// How many characters a printable text shows.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string printable(std::string_view text, std::string_view keep) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    size_t length = printable_length(text);
    if (length == 0 && keep.find(text[0]) != std::string_view::npos) length = 1;
    if (length != 0) {
      out += text.substr(0, length);
    } else {
      const auto byte = static_cast<unsigned char>(text[0]);
      out += {'\\', 'x', "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
      length = 1;
    }
    text.remove_prefix(length);
  }
  return out;
}

std::string render(const Diagnostic& diagnostic, std::string_view source) {
  const Place& place = diagnostic.place;
  std::string out;
  if (!place.file.empty()) out += printable(place.file) + ":";
  if (place.line != 0) out += std::to_string(place.line) + ":" + std::to_string(place.column) + ":";
  if (!out.empty()) out += " ";
  out += "error: " + printable(diagnostic.message, "\n\t");
  if (!place.function.empty()) out += " (in function " + printable(place.function) + ")";
  if (!place.instruction.empty()) out += " (at " + printable(place.instruction) + ")";
  out += "\n";
  if (place.line != 0 && !source.empty()) {
    constexpr size_t kLongest = 200;  // a hostile line must not flood the terminal
    std::string_view text = line_of(source, place.line).substr(0, kLongest);
    if (text.ends_with('\r')) text.remove_suffix(1);
    const std::string_view before = text.substr(0, place.column == 0 ? 0 : place.column - 1);
    out += "  " + printable(text, "\t") + "\n  ";
    // Tabs are repeated, so that the caret stands below whatever their width is.
    std::string_view rest = before;
    for (size_t tab = rest.find('\t'); tab != std::string_view::npos; tab = rest.find('\t')) {
      out.append(width(printable(rest.substr(0, tab))), ' ');
      out += '\t';
      rest.remove_prefix(tab + 1);
    }
    out.append(width(printable(rest)), ' ');
    out += "^\n";
  }
  if (!diagnostic.hint.empty()) out += "hint: " + printable(diagnostic.hint, "\n\t") + "\n";
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

// All or nothing even if this process is killed: beside it, then renamed; but what is no file (a pipe) stays what it
// is.
Expected<void> write_file(const std::string& path, std::string_view contents) {
  std::error_code ignored;
  const auto kind = std::filesystem::symlink_status(path, ignored).type();
  const bool is_renamed = kind == std::filesystem::file_type::not_found || kind == std::filesystem::file_type::regular;
  const std::string beside = is_renamed ? path + ".new" : path;
  std::FILE* file = std::fopen(beside.c_str(), "wb");
  if (file == nullptr) return fail(Place{.file = path}, std::string("cannot write: ") + std::strerror(errno));
  const bool written = std::fwrite(contents.data(), 1, contents.size(), file) == contents.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed) return fail(Place{.file = path}, "cannot write: disk full?");
  if (is_renamed && std::rename(beside.c_str(), path.c_str()) != 0) {
    return fail(Place{.file = path}, std::string("cannot write: ") + std::strerror(errno));
  }
  return {};
}

}  // namespace assay
