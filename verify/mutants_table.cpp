// The table of docs/mutants.md (mutants.h).
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <vector>

#include "verify/mutants.h"

namespace assay::verify {

namespace {

constexpr std::string_view kBegin = "<!-- mutants -->\n", kEnd = "<!-- end -->";
constexpr std::string_view kHead =
    "| ISA | mutants of | counted | killed | by proof | totality, overlap | C++ | disassembler | machine | "
    "explained | open | equivalent | refused |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";

const char* group_of(MutationKind kind) {
  return is_of_instruction(kind) ? "encodings" : is_of_spec(kind) ? "specs" : "rules";
}

struct Row {
  size_t proof = 0, totality = 0, code = 0, disassembler = 0, machine = 0;
  size_t explained = 0, open = 0, equivalent = 0, refused = 0;

  void add(const MutantResult& result) {
    switch (result.state) {
      case MutantState::Invalid:
        ++refused;
        return;
      case MutantState::Equivalent:
        ++equivalent;
        return;
      case MutantState::Explained:
        ++explained;
        return;
      case MutantState::Survived:
      case MutantState::Unjudged:
        ++open;
        return;
      case MutantState::Refuted:
      case MutantState::Noticed:
        break;
    }
    const std::string& judge = result.judge;
    if (judge == "totality" || judge == "overlap") {
      ++totality;
    } else if (judge == "C++") {
      ++code;
    } else if (judge == "disassembler") {
      ++disassembler;
    } else if (judge.starts_with("unicorn-") || judge.starts_with("native-") || judge.starts_with("qemu-")) {
      ++machine;
    } else {
      ++proof;
    }
  }
  std::string text(const std::string& key) const {
    const size_t killed = proof + totality + code + disassembler + machine, counted = killed + explained + open;
    char share[16];
    std::snprintf(share, sizeof share, "%.1f %%",
                  counted == 0 ? 100.0 : 100.0 * static_cast<double>(killed) / static_cast<double>(counted));
    std::string out = key + " " + std::to_string(counted) + " | " + share + " |";
    for (const size_t n : {proof, totality, code, disassembler, machine, explained, open, equivalent, refused}) {
      out += " " + std::to_string(n) + " |";
    }
    return out;
  }
};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

Expected<std::string> with_table_rows(std::string_view text, const MutantReport& report) {
  const size_t begin = text.find(kBegin), end = text.find(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    return fail("the page has no table of mutants", "it stands between <!-- mutants --> and <!-- end -->");
  }
  std::map<std::string, Row> rows;  // by the first two cells
  for (const MutantResult& result : report.results) {
    rows["| " + report.unit + " | " + group_of(result.mutant.kind) + " |"].add(result);
  }
  std::map<std::string, std::string> table;
  for (const std::string& line : lines_of(text.substr(begin + kBegin.size(), end - begin - kBegin.size()))) {
    const size_t second = line.find(" |", line.find('|', 1) + 1);
    if (!line.starts_with("| ") || second == std::string::npos || line.starts_with("| ISA") || line.starts_with("| --"))
      continue;
    table[line.substr(0, second + 2)] = line;
  }
  for (const auto& [key, row] : rows) table[key] = row.text(key);
  std::string out(text.substr(0, begin + kBegin.size()));
  out += kHead;
  for (const auto& [key, line] : table) out += line + "\n";
  return out + std::string(text.substr(end));
}

}  // namespace assay::verify
