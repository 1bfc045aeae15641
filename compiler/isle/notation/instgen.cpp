// The program instgen: from the .inst files of one instruction set to C++, ISLE declarations and a page of
// documentation.
//
//   instgen --out FOLDER FILE.inst…      writes insts.h terms.h insts.cpp encode.cpp insts.isle insts.md
//   instgen FILE.inst…                   only checks
//
// Files are written only if they changed. Exit status 2: the definitions have errors, all of them printed.
#include <cstdio>
#include <string>
#include <vector>

#include "compiler/isle/notation/generate.h"

namespace {

using namespace assay;
using namespace assay::notation;

bool write_if_changed(const std::string& path, const std::string& contents) {
  if (const auto old = read_file(path); old && *old == contents) return true;
  if (const auto written = write_file(path, contents); !written) {
    std::fputs(render(written.error()).c_str(), stderr);
    return false;
  }
  return true;
}

int run(int argc, char** argv) {
  std::string folder;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--out" && i + 1 < argc)
      folder = argv[++i];
    else if (argument == "--help" || argument.starts_with("-")) {
      std::puts(
          "usage: instgen [--out FOLDER] FILE.inst…\nexample: instgen --out generated compiler/isa/riscv64/*.inst");
      return argument == "--help" ? 0 : 2;
    } else
      paths.push_back(argument);
  }
  std::vector<std::string> texts;
  for (const std::string& path : paths) {
    auto text = read_file(path);
    if (!text) {
      std::fputs(render(text.error()).c_str(), stderr);
      return 2;
    }
    texts.push_back(std::move(*text));
  }
  std::vector<SourceFile> files;
  for (size_t i = 0; i < paths.size(); ++i) files.push_back({paths[i], texts[i]});
  const ParsedDefinitions parsed = parse_definitions(files);
  for (const Diagnostic& error : parsed.errors) {
    std::string_view source;
    for (const SourceFile& file : files) {
      if (file.name == error.place.file) source = file.text;
    }
    std::fputs(render(error, source).c_str(), stderr);
  }
  if (!parsed.errors.empty()) return 2;
  if (folder.empty()) return 0;
  const Definitions& definitions = parsed.definitions;
  const bool written = write_if_changed(folder + "/insts.h", generate_header(definitions)) &&
                       write_if_changed(folder + "/terms.h", generate_terms(definitions)) &&
                       write_if_changed(folder + "/insts.cpp", generate_tables(definitions, files)) &&
                       write_if_changed(folder + "/encode.cpp", generate_encoder(definitions)) &&
                       write_if_changed(folder + "/insts.isle", generate_isle(definitions)) &&
                       write_if_changed(folder + "/insts.md", generate_page(definitions));
  return written ? 0 : 3;
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv); }
