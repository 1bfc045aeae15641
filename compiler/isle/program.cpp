// Look-ups and printing of sema.h; reading of files.
#include <algorithm>
#include <filesystem>

#include "compiler/isle/sema.h"

namespace assay::isle {
namespace {

template <class Id>
Id find(const std::unordered_map<std::string, Id>& map, std::string_view name) {
  auto it = map.find(std::string(name));
  return it == map.end() ? Id() : it->second;
}

}  // namespace

TypeId Program::find_type(std::string_view name) const { return find(type_by_name, name); }
TermId Program::find_term(std::string_view name) const { return find(term_by_name, name); }
ConstantId Program::find_constant(std::string_view name) const { return find(constant_by_name, name); }
RuleId Program::find_rule(std::string_view name) const { return find(rule_by_name, name); }

Place Program::place(Position position) const {
  Place place;
  if (position.file < files.size()) place.file = files[position.file].name;
  place.line = position.line;
  place.column = position.column;
  return place;
}

Int128 canonical_int(const Type& type, Int128 value) {
  if (type.kind != Type::Kind::Int || type.bits >= 128) return value;
  unsigned shift = 128 - type.bits;
  Uint128 high = static_cast<Uint128>(value) << shift;
  return type.is_signed ? static_cast<Int128>(high) >> shift : static_cast<Int128>(high >> shift);
}

std::string render_errors(const CheckResult& result) {
  std::string text;
  for (const Diagnostic& error : result.errors) {
    std::string_view source;
    for (const SourceFile& file : result.program->files) {
      if (file.name == error.place.file) source = file.text;
    }
    text += render(error, source);
  }
  return text;
}

CheckResult check_files(const std::vector<std::string>& paths, const CheckOptions& options) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      names.push_back(path);
      continue;
    }
    size_t first = names.size();
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".isle") names.push_back(it->path().string());
    }
    std::sort(names.begin() + static_cast<std::ptrdiff_t>(first), names.end());
  }
  std::vector<SourceFile> files;
  Diagnostics errors;
  for (const std::string& name : names) {
    auto text = read_file(name);
    if (text) {
      files.push_back({name, std::move(*text)});
    } else {
      errors.push_back(text.error());
    }
  }
  if (errors.empty()) return check_program(std::move(files), options);
  return {std::make_unique<Program>(), std::move(errors)};
}

}  // namespace assay::isle
