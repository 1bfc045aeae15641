// The program weave_faults: makes a copy of the tree in which every seeded mistake can be switched on at run time, with
// the environment variable ASSAY_FAULT=NNN. With none it does exactly what the tree does.
//
//   weave_faults tree ROOT OUT
//       OUT: the copy. Files that mistakes edit are woven (seeded_weave.h); what the rules and instruction definitions
//       are under fault N, and under none if that differs, stands in OUT/seeded/N. support.diff, beside the mistakes,
//       is what the copy needs besides.
//   weave_faults generated ROOT PROGRAM ARGUMENTS…
//       In the copy's build: runs islec or instgen as it is and once for every mistake that changes its input or
//       itself, and weaves what they wrote. ARGUMENTS have `--out FOLDER`.
//
// Files whose text does not change are not touched, so that little is built again.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "fuzz/seeded_mistake.h"
#include "fuzz/seeded_weave.h"

namespace {

using namespace assay;
using namespace assay::fuzz;
namespace fs = std::filesystem;

constexpr char kMistakes[] = "corpus/mutants/seeded";

Expected<void> write_if_changed(const fs::path& path, const std::string& text) {
  if (auto old = read_file(path.string()); old && *old == text) return {};
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  return write_file(path.string(), text);
}

bool is_rules(const std::string& path) { return path.ends_with(".isle"); }
bool is_cpp(const std::string& path) { return path.ends_with(".cpp") || path.ends_with(".h"); }

std::unexpected<Diagnostic> in_file(Diagnostic error, const std::string& file) {
  error.place.file = file;
  return std::unexpected(std::move(error));
}

// What the woven copy includes everywhere. `folder`: where the texts under each fault are.
std::string fault_header(const fs::path& folder) {
  return R"(// Which seeded mistake is active, and texts under it. Written by weave_faults.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace assay {

inline constexpr char kFaultFolder[] = ")" +
         folder.string() + R"(";

inline long active_fault() {
  static const char* const text = std::getenv("ASSAY_FAULT");
  static const long number = text != nullptr ? std::atol(text) : 0;
  return number;
}
inline bool fault(long number) { return active_fault() == number; }

// A file's text under the active fault. It lives as long as the program.
inline const char* fault_text(const char* file, const char* built_in) {
  if (active_fault() == 0) return built_in;
  std::ifstream in(kFaultFolder + ("/" + std::to_string(active_fault()) + "/") + file);
  if (!in) return built_in;
  return (new std::string(std::istreambuf_iterator<char>(in), {}))->c_str();
}

}  // namespace assay
)";
}

// Every file of the tree: hidden folders, builds and findings are not part of it.
std::vector<std::string> files_of(const fs::path& root) {
  std::vector<std::string> out;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    const std::string name = it->path().filename().string();
    if (it->is_directory() && (name == "build" || name == "findings" || name.starts_with(".git"))) {
      it.disable_recursion_pending();
    } else if (it->is_regular_file()) {
      out.push_back(fs::relative(it->path(), root).string());
    }
  }
  return out;
}

Expected<void> weave_tree(const fs::path& root, const fs::path& out) {
  const auto mistakes = read_mistakes((root / kMistakes).string());
  if (!mistakes) return std::unexpected(mistakes.error());
  const std::string support_path = (root / kMistakes / "support.diff").string();
  const auto support_text = read_file(support_path);
  if (!support_text) return std::unexpected(support_text.error());
  const auto support = parse_mistake("1-support.patch", *support_text);
  if (!support) return in_file(support.error(), support_path);

  std::error_code error;
  fs::remove_all(out / "seeded", error);
  fs::remove_all(out / kMistakes, error);
  // What islec and instgen write follows from these, beside their inputs.
  std::string stamp;
  for (const SeededMistake& mistake : *mistakes) {
    for (const auto& [path, hunks] : mistake.edits) {
      if (path.ends_with(".inst") || path.starts_with("compiler/isle/")) stamp += mistake.text;
    }
  }
  if (auto written = write_if_changed(out / "seeded.stamp", stamp); !written) return written;
  for (const std::string& path : files_of(root)) {
    const auto clean = read_file((root / path).string());
    if (!clean) return std::unexpected(clean.error());
    std::string text = *clean;
    std::vector<Version> versions;
    for (const SeededMistake& mistake : *mistakes) {
      const auto edit = mistake.edits.find(path);
      if (edit == mistake.edits.end()) continue;
      auto changed = patched(*clean, edit->second);
      if (!changed) return in_file(changed.error(), std::to_string(mistake.number) + "-" + mistake.name + ": " + path);
      versions.push_back({mistake.number, std::move(*changed)});
    }
    if (!versions.empty()) {
      for (const Version& version : versions) {
        if (is_cpp(path)) break;
        const auto under = is_rules(path) ? isle_under_fault(*clean, version) : Expected<std::string>(version.text);
        if (!under) return in_file(under.error(), path);
        const fs::path place = out / "seeded" / std::to_string(version.number) / path;
        if (auto written = write_if_changed(place, *under); !written) return written;
      }
      auto woven = is_cpp(path)     ? weave_cpp(*clean, versions)
                   : is_rules(path) ? weave_isle(*clean, versions)
                                    : Expected<std::string>(*clean);
      if (!woven) return in_file(woven.error(), path);
      text = std::move(*woven);
    }
    const auto edit = support->edits.find(path);
    const bool is_definition = is_rules(path) || path.ends_with(".inst");
    if (is_definition && (!versions.empty() || edit != support->edits.end())) {
      if (auto written = write_if_changed(out / "seeded" / "0" / path, *clean); !written) return written;
    }
    if (edit != support->edits.end()) {
      auto changed = patched(text, edit->second);
      if (!changed) return in_file(changed.error(), support_path + ": " + path);
      text = std::move(*changed);
    }
    if (auto written = write_if_changed(out / path, text); !written) return written;
    fs::permissions(out / path, fs::status(root / path).permissions(), error);
  }
  return write_if_changed(out / "compiler/support/fault.h", fault_header(fs::absolute(out) / "seeded"));
}

// ---- generated code ----

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Is what PROGRAM writes with these arguments another under the mistake?
bool concerns(const SeededMistake& mistake, const std::string& program, const std::vector<std::string>& arguments) {
  const bool is_instgen = fs::path(program).filename() == "instgen";
  const bool is_this_isa = mistake.isa == "all" || std::any_of(arguments.begin(), arguments.end(), [&](const auto& a) {
                             return a == mistake.isa || a.find("/isa/" + mistake.isa + "/") != std::string::npos;
                           });
  for (const auto& [path, hunks] : mistake.edits) {
    if (path.ends_with(".inst") && is_instgen &&
        std::find(arguments.begin(), arguments.end(), path) != arguments.end()) {
      return true;
    }
    const bool is_generator = path.starts_with("compiler/isle/") && path.ends_with(".cpp") &&
                              path.starts_with("compiler/isle/notation/") == is_instgen;
    if (is_generator && is_this_isa) return true;
  }
  return false;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// The definitions that stand in insts.cpp, as text: from the first to the list of their files.
std::pair<size_t, size_t> embedded_sources(const std::string& text) {
  const size_t begin = text.find("constexpr char kSource0[]"), end = text.find("constexpr const char* kSourceFiles[]");
  return begin < end && end != std::string::npos ? std::pair(begin, end) : std::pair(size_t{0}, size_t{0});
}

// The text of insts.cpp with the definitions of another.
std::string with_sources_of(const std::string& clean, std::string text) {
  const auto [from, to] = embedded_sources(clean);
  const auto [begin, end] = embedded_sources(text);
  return text.replace(begin, end - begin, clean.substr(from, to - from));
}

// Has the definitions read from the files under the active fault.
std::string with_fault_texts(std::string text) {
  const std::string files = "constexpr const char* kSourceFiles[] = {",
                    texts = "constexpr const char* kSourceTexts[] = {";
  size_t file = text.find(files), at = text.find(texts);
  if (file == std::string::npos || at == std::string::npos) return text;
  std::string list;
  file += files.size();
  for (unsigned i = 0; text[file] != '}'; ++i) {
    const size_t end = text.find('"', file + 1) + 1;
    list += "::assay::fault_text(" + text.substr(file, end - file) + ", kSource" + std::to_string(i) + "), ";
    file = text[end] == ',' ? end + 2 : end;
  }
  const size_t end = text.find('}', at);
  return text.replace(at, end - at, "const char* const kSourceTexts[] = {" + list);
}

// What a generator wrote under a mistake into this file.
Expected<std::string> generated_version(unsigned number, const std::string& path, const std::string& clean) {
  auto text = read_file(path);
  if (!text) return text;
  replace_all(*text, "seeded/" + std::to_string(number) + "/", "");
  return with_sources_of(clean, std::move(*text));
}

// Can all that a generator wrote under the mistake be woven? One in islec itself may divide the rules of some ISA into
// other functions: that ISA is then without it.
Expected<void> check_weave(const SeededMistake& mistake, const std::string& clean_folder, const std::string& folder) {
  for (const auto& entry : fs::directory_iterator(clean_folder)) {
    const std::string name = entry.path().filename().string();
    const auto clean = read_file(entry.path().string());
    if (!clean) return std::unexpected(clean.error());
    auto other = generated_version(mistake.number, folder + "/" + name, *clean);
    if (!other) return std::unexpected(other.error());
    if (!is_cpp(name) || *other == *clean) continue;
    const auto woven = weave_cpp(*clean, {{mistake.number, std::move(*other)}});
    if (!woven) return in_file(woven.error(), entry.path().string());
  }
  return {};
}

Expected<void> weave_generated(const std::string& program, const std::vector<std::string>& arguments) {
  const auto out_option = std::find(arguments.begin(), arguments.end(), "--out");
  if (out_option == arguments.end() || out_option + 1 == arguments.end()) return fail("there is no --out");
  const std::string folder = *(out_option + 1);
  const auto mistakes = read_mistakes(kMistakes);
  if (!mistakes) return std::unexpected(mistakes.error());

  const auto run = [&](unsigned number, const std::string& into) -> Expected<void> {
    std::string command = "ASSAY_FAULT=" + std::to_string(number) + " " + quoted(program);
    for (const std::string& argument : arguments) {
      const std::string other = "seeded/" + std::to_string(number) + "/" + argument;
      const bool is_file = number != 0 && argument.ends_with(".inst") && fs::exists(other);
      command += " " + quoted(&argument == &*(out_option + 1) ? into : is_file ? other : argument);
    }
    if (std::system(command.c_str()) != 0) return fail("this failed: " + command);
    return {};
  };
  std::error_code error;
  fs::create_directories(folder + ".clean", error);
  if (auto ran = run(0, folder + ".clean"); !ran) return ran;
  std::map<unsigned, std::string> variants;
  for (const SeededMistake& mistake : *mistakes) {
    if (!concerns(mistake, program, arguments)) continue;
    const std::string into = folder + "." + std::to_string(mistake.number);
    fs::create_directories(into, error);
    if (auto ran = run(mistake.number, into); !ran) return ran;
    const auto can = check_weave(mistake, folder + ".clean", into);
    if (can) {
      variants[mistake.number] = into;
    } else if (mistake.isa == "all") {
      std::fprintf(stderr, "not woven into %s: %s", folder.c_str(), render(can.error()).c_str());
    } else {
      return can;
    }
  }
  for (const auto& entry : fs::directory_iterator(folder + ".clean")) {
    const std::string name = entry.path().filename().string();
    const auto clean = read_file(entry.path().string());
    if (!clean) return std::unexpected(clean.error());
    std::string text = *clean;
    std::vector<Version> versions;
    for (const auto& [number, into] : variants) {
      auto other = generated_version(number, into + "/" + name, *clean);
      if (!other) return std::unexpected(other.error());
      if (*other != *clean) versions.push_back({number, std::move(*other)});
    }
    if (!versions.empty() && is_cpp(name)) {
      auto woven = weave_cpp(*clean, versions);
      if (!woven) return in_file(woven.error(), entry.path().string());
      text = std::move(*woven);
    }
    if (name == "insts.cpp" && !variants.empty()) {
      text = with_fault_texts(std::move(text));
      if (!text.starts_with("#include")) text = "#include \"compiler/support/fault.h\"\n" + text;
    }
    if (auto written = write_if_changed(fs::path(folder) / name, text); !written) return written;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  Expected<void> result;
  if (words.size() == 3 && words[0] == "tree") {
    result = weave_tree(words[1], words[2]);
  } else if (words.size() > 3 && words[0] == "generated") {
    fs::current_path(words[1]);
    result = weave_generated(words[2], {words.begin() + 3, words.end()});
  } else {
    std::fputs("usage: weave_faults tree ROOT OUT | weave_faults generated ROOT PROGRAM ARGUMENTS…\n", stderr);
    return 2;
  }
  if (result) return 0;
  std::fputs(render(result.error()).c_str(), stderr);
  return 2;
}
