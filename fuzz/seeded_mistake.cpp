// See seeded_mistake.h.
#include "fuzz/seeded_mistake.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "compiler/support/text.h"

namespace assay::fuzz {

namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

// "a/compiler/x.cpp" or "compiler/x.cpp\t2026-…" as "compiler/x.cpp".
std::string path_in(std::string_view header) {
  header = header.substr(0, header.find('\t'));
  if (header.starts_with("a/") || header.starts_with("b/")) header.remove_prefix(2);
  return std::string(trimmed(header));
}

void set_field(SeededMistake& mistake, std::string_view key, std::string_view value) {
  const std::pair<std::string_view, std::string SeededMistake::*> fields[] = {{"Title", &SeededMistake::title},
                                                                              {"Area", &SeededMistake::area},
                                                                              {"ISA", &SeededMistake::isa},
                                                                              {"Stage", &SeededMistake::stage},
                                                                              {"Origin", &SeededMistake::origin}};
  for (const auto& [name, field] : fields) {
    if (key == name) mistake.*field = value;
  }
  if (key == "Harmless") mistake.is_harmless = value == "yes";
  if (key == "Compiled") mistake.is_compiled = value != "no";
  if (key != "Culprit") return;
  while (!value.empty()) {
    const size_t bar = value.find('|');
    mistake.culprits.emplace_back(trimmed(value.substr(0, bar)));
    value.remove_prefix(bar == std::string_view::npos ? value.size() : bar + 1);
  }
}

// Where `block` begins in `lines`, nearest to `wanted`; lines.size() if nowhere.
size_t find_block(const std::vector<std::string>& lines, const std::vector<std::string>& block, size_t wanted) {
  size_t best = lines.size();
  for (size_t i = 0; i + block.size() <= lines.size(); ++i) {
    if (!std::equal(block.begin(), block.end(), lines.begin() + static_cast<ptrdiff_t>(i))) continue;
    const auto distance = [&](size_t at) { return at > wanted ? at - wanted : wanted - at; };
    if (best == lines.size() || distance(i) < distance(best)) best = i;
  }
  return best;
}

}  // namespace

std::string diff_of(const std::string& file, std::string_view before, std::string_view after) {
  constexpr size_t kAround = 3;
  const std::vector<std::string> old_lines = lines_of(before), new_lines = lines_of(after);
  const size_t least = std::min(old_lines.size(), new_lines.size());
  size_t same = 0, same_below = 0;
  while (same < least && old_lines[same] == new_lines[same]) ++same;
  if (same == old_lines.size() && same == new_lines.size()) return "";
  while (same_below < least - same &&
         old_lines[old_lines.size() - 1 - same_below] == new_lines[new_lines.size() - 1 - same_below]) {
    ++same_below;
  }
  const size_t begin = same - std::min(same, kAround), below = std::min(same_below, kAround);
  const size_t old_end = old_lines.size() - same_below, new_end = new_lines.size() - same_below;
  const auto range = [&](size_t end) { return std::to_string(begin + 1) + "," + std::to_string(end + below - begin); };
  std::string out = "--- a/" + file + "\n+++ b/" + file + "\n@@ -" + range(old_end) + " +" + range(new_end) + " @@\n";
  const auto add = [&](char kind, const std::vector<std::string>& lines, size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) out += kind + lines[i] + "\n";
  };
  add(' ', old_lines, begin, same);
  add('-', old_lines, same, old_end);
  add('+', new_lines, same, new_end);
  add(' ', old_lines, old_end, old_end + below);
  return out;
}

Expected<SeededMistake> parse_mistake(const std::string& path, std::string text) {
  const Place place{.file = path};
  SeededMistake out;
  const std::string stem = std::filesystem::path(path).stem().string();
  const auto number = std::from_chars(stem.data(), stem.data() + stem.size(), out.number);
  if (number.ec != std::errc() || *number.ptr != '-' || out.number == 0) {
    return fail(place, "the name of a seeded mistake is NNN-name.patch");
  }
  out.name = stem.substr(static_cast<size_t>(number.ptr - stem.data()) + 1);
  std::vector<Hunk>* hunks = nullptr;
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("--- ")) {
      hunks = &out.edits[path_in(std::string_view(line).substr(4))];
    } else if (line.starts_with("+++ ")) {
      continue;
    } else if (hunks == nullptr) {
      const size_t colon = line.find(": ");
      if (colon != std::string::npos) set_field(out, line.substr(0, colon), trimmed(line.substr(colon + 2)));
    } else if (line.starts_with("@@ -")) {
      hunks->emplace_back();
      std::from_chars(line.data() + 4, line.data() + line.size(), hunks->back().line);
    } else if (!hunks->empty() && !line.starts_with("\\")) {
      const char kind = line.empty() ? ' ' : line[0];
      const std::string rest = line.empty() ? "" : line.substr(1);
      if (kind == ' ' || kind == '-') hunks->back().before.push_back(rest);
      if (kind == ' ' || kind == '+') hunks->back().after.push_back(rest);
    }
  }
  if (out.edits.empty()) return fail(place, "there is no diff");
  if (out.title.empty() || out.area.empty() || out.isa.empty()) {
    return fail(place, "the lines before the diff give no Title, Area or ISA");
  }
  if (!out.is_harmless && (out.stage.empty() || out.culprits.empty())) {
    return fail(place, "the lines before the diff give no Stage or Culprit", "only `Harmless: yes` goes without");
  }
  out.text = std::move(text);
  return out;
}

Expected<std::vector<SeededMistake>> read_mistakes(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".patch") paths.push_back(entry.path().string());
  }
  if (error) return fail(Place{.file = folder}, "cannot list the folder: " + error.message());
  std::sort(paths.begin(), paths.end());
  std::vector<SeededMistake> out;
  for (const std::string& path : paths) {
    auto text = read_file(path);
    if (!text) return std::unexpected(text.error());
    auto mistake = parse_mistake(path, std::move(*text));
    if (!mistake) return std::unexpected(mistake.error());
    if (!out.empty() && out.back().number == mistake->number) {
      return fail(Place{.file = path}, "two seeded mistakes have this number");
    }
    out.push_back(std::move(*mistake));
  }
  return out;
}

Expected<std::string> patched(std::string_view text, const std::vector<Hunk>& hunks) {
  std::vector<std::string> lines = lines_of(text);
  ptrdiff_t shift = 0;  // of what stands below the hunks applied so far
  for (const Hunk& hunk : hunks) {
    const auto wanted = static_cast<ptrdiff_t>(hunk.line) - 1 + shift;
    const size_t at = find_block(lines, hunk.before, static_cast<size_t>(std::max<ptrdiff_t>(wanted, 0)));
    if (at == lines.size()) {
      return fail("the lines of the hunk at line " + std::to_string(hunk.line) + " are not there: " +
                  (hunk.before.empty() ? std::string("(none)") : std::string(trimmed(hunk.before.front()))));
    }
    const auto begin = lines.begin() + static_cast<ptrdiff_t>(at);
    lines.erase(begin, begin + static_cast<ptrdiff_t>(hunk.before.size()));
    lines.insert(lines.begin() + static_cast<ptrdiff_t>(at), hunk.after.begin(), hunk.after.end());
    shift += static_cast<ptrdiff_t>(hunk.after.size()) - static_cast<ptrdiff_t>(hunk.before.size());
  }
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace assay::fuzz
