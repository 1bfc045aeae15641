// See command.h.
#include "cli/command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"

namespace assay::cli {

void add_example(CLI::App& app, const std::string& example) { app.footer("Example:\n  " + example); }

Expected<std::vector<IsaKind>> named_isas(const std::vector<std::string>& names) {
  std::vector<IsaKind> isas;
  for (const std::string& text : names) {
    const auto isa = isa_from_name(text);
    if (!isa) return fail("no ISA is called " + text, "use x64, aarch64, riscv64 or s390x");
    isas.push_back(*isa);
  }
  if (isas.empty()) isas.assign(std::begin(kAllIsas), std::end(kAllIsas));
  return isas;
}

Expected<Units> named_units(const std::vector<std::string>& isas, const std::vector<std::string>& units) {
  const bool all = isas.empty() && units.empty();
  Units out{.optimizer = all || std::ranges::find(units, "opt") != units.end()};
  std::vector<std::string> names = isas;
  std::ranges::copy_if(units, std::back_inserter(names), [](const std::string& unit) { return unit != "opt"; });
  if (names.empty() && !all) return out;
  auto named = named_isas(names);
  if (!named) return std::unexpected(named.error());
  out.isas = std::move(*named);
  return out;
}

Expected<std::array<machine::FeatureSet, kIsaCount>> named_features(const std::string& list,
                                                                    const std::vector<IsaKind>& isas) {
  std::array<machine::FeatureSet, kIsaCount> features{};
  for (size_t at = 0; at < list.size();) {
    const size_t end = std::min(list.find(',', at), list.size());
    const std::string word = list.substr(at, end - at);
    at = end + 1;
    std::optional<Diagnostic> unknown;
    bool is_known = false;
    for (const IsaKind kind : isas) {
      const machine::TargetIsa* isa = isa::find_isa(kind);
      if (isa == nullptr) continue;
      machine::FeatureSet& known = features[static_cast<size_t>(kind)];
      if (auto named = machine::parse_features(*isa->insts, word, known)) {
        known = *named;
        is_known = true;
      } else {
        unknown = std::move(named.error());
      }
    }
    if (!is_known && unknown) return std::unexpected(std::move(*unknown));
  }
  return features;
}

Expected<std::vector<std::string>> expand_paths(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (path != "-" && !fs::exists(status)) return fail(Place{.file = path}, "no such file or directory");
    if (!fs::is_directory(status)) {
      files.push_back(path);
      continue;
    }
    const size_t first = files.size();
    fs::recursive_directory_iterator it(path, fs::directory_options::skip_permission_denied, error);
    for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      std::error_code ignored;
      if (it->path().extension() == ".clif" && it->is_regular_file(ignored)) files.push_back(it->path().string());
    }
    if (error) return fail(Place{.file = path}, "cannot read the directory: " + error.message());
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(first), files.end());
  }
  return files;
}

Expected<std::string> read_input(const std::string& path) {
  if (path != "-") return read_file(path);
  std::string text;
  char buffer[1 << 16];
  size_t count = 0;
  while ((count = std::fread(buffer, 1, sizeof buffer, stdin)) > 0) text.append(buffer, count);
  return text;
}

int for_each_file(const std::vector<std::string>& paths, const std::function<int(const ClifFile&)>& action) {
  const auto files = expand_paths(paths);
  if (!files) return report(files.error());
  int status = kNothingWrong;
  for (const std::string& path : *files) {
    const auto text = read_input(path);
    if (!text) {
      status = std::max(status, report(text.error()));
      continue;
    }
    const auto parsed = ir::parse_file(*text, path);
    status = std::max(status, parsed ? action({path, *text, *parsed}) : report(parsed.error(), *text));
  }
  return status;
}

int report(const Diagnostic& diagnostic, std::string_view source) {
  std::fputs(render(diagnostic, source).c_str(), stderr);
  return kBadInput;
}

int report(const Diagnostics& diagnostics, std::string_view source) {
  for (const Diagnostic& diagnostic : diagnostics) report(diagnostic, source);
  return kBadInput;
}

bool is_terminal(int descriptor) { return isatty(descriptor) == 1; }

bool use_color(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && is_terminal(descriptor);
}

}  // namespace assay::cli
