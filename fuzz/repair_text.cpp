// See repair.h. Here: texts and cases.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/ir/parser.h"
#include "compiler/ir/verifier.h"
#include "fuzz/repair.h"

namespace assay::fuzz {

namespace {

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return hash;
}

bool starts_function(std::string_view line) {
  const size_t begin = line.find_first_not_of(" \t");
  return begin != std::string_view::npos && line.substr(begin).starts_with("function");
}

// Makes a text parse, by lines.
class TextRepairer {
 public:
  explicit TextRepairer(std::string_view text) {
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      lines_.emplace_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    if (std::none_of(lines_.begin(), lines_.end(), [](const std::string& line) { return starts_function(line); })) {
      lines_.insert(lines_.begin(), {"function %main() -> i64 system_v {", "block0:"});
      lines_.emplace_back("}");
    }
  }

  // Nothing if the text does not come right in a few rounds.
  std::optional<ir::File> run() {
    constexpr int kRounds = 10;
    for (int round = 0; round < kRounds; ++round) {
      auto file = ir::parse_file(joined(), "input.clif");
      if (file) return std::move(*file);
      mend(file.error());
    }
    // Each function for itself.
    std::optional<ir::File> out;
    for (size_t begin = 0; begin < lines_.size();) {
      size_t end = begin + 1;
      while (end < lines_.size() && !starts_function(lines_[end])) ++end;
      std::string text;
      for (size_t i = begin; i < end; ++i) text += lines_[i] + "\n";
      if (auto file = ir::parse_file(text, "input.clif"); file && !file->functions.empty()) {
        if (!out) {
          out = std::move(*file);
        } else {
          out->functions.push_back(std::move(file->functions.front()));
        }
      }
      begin = end;
    }
    return out;
  }

 private:
  std::string joined() const {
    std::string text;
    for (const std::string& line : lines_) {
      text += line;
      text += '\n';
    }
    return text;
  }

  // Of the function that line `at` belongs to: the line behind its first block's header.
  std::optional<size_t> body_of(size_t at) const {
    size_t begin = std::min(at, lines_.size() - 1);
    while (begin > 0 && !starts_function(lines_[begin])) --begin;
    for (size_t i = begin; i < lines_.size(); ++i) {
      const size_t word = lines_[i].find_first_not_of(" \t");
      if (word != std::string::npos && lines_[i].compare(word, 5, "block") == 0) return i + 1;
    }
    return std::nullopt;
  }
  size_t end_of(size_t at) const {
    for (size_t i = at; i < lines_.size(); ++i) {
      if (lines_[i].starts_with("}")) return i;
    }
    return lines_.size();
  }

  void mend(const Diagnostics& errors) {
    std::set<size_t> dropped;
    std::map<size_t, std::set<std::string>> added;  // before the line of that number
    bool unclosed = false;
    for (const Diagnostic& error : errors) {
      const size_t at = error.place.line == 0 ? 0 : error.place.line - 1;
      const std::string& message = error.message;
      // The name between the first two quotes.
      const size_t open = message.find('\''), close = message.find('\'', open + 1);
      const std::string name = open != std::string::npos && close != std::string::npos
                                   ? message.substr(open + 1, close - open - 1)
                                   : std::string();
      const bool not_there = message.find("is not defined") != std::string::npos;
      const auto body = body_of(at);
      if (body && name.starts_with("v") && (not_there || message.find("is not known here") != std::string::npos)) {
        added[*body].insert("    " + name + " = iconst.i64 0");
      } else if (name.starts_with("block") && not_there) {
        added[end_of(at)].insert(name + ":");
      } else if (at >= lines_.size()) {
        unclosed = true;
      } else {
        dropped.insert(at);
      }
    }
    std::vector<std::string> now;
    for (size_t i = 0; i <= lines_.size(); ++i) {
      if (const auto more = added.find(i); more != added.end()) {
        now.insert(now.end(), more->second.begin(), more->second.end());
      }
      if (i < lines_.size() && !dropped.contains(i)) now.push_back(std::move(lines_[i]));
    }
    if (unclosed) now.emplace_back("}");
    lines_ = std::move(now);
    if (lines_.empty()) lines_.emplace_back();
  }

  std::vector<std::string> lines_;
};

// As Executor::load wants them.
void repair_regions(std::vector<oracles::RegionDirective>& regions) {
  std::sort(regions.begin(), regions.end(), [](const auto& a, const auto& b) { return a.address < b.address; });
  constexpr uint64_t kPage = oracles::memory_map::kPage;
  uint64_t free_from = oracles::memory_map::kRegionsBegin;
  std::erase_if(regions, [&](const oracles::RegionDirective& region) {
    const uint64_t end = (region.address + region.size + kPage - 1) / kPage * kPage + kPage;
    if (region.address < free_from || end > oracles::memory_map::kRegionsEnd) return true;
    free_from = end;
    return false;
  });
}

}  // namespace

Case generate_case(Random& random, const GenerateOptions& options) {
  Program program;
  generate(random, options, program);
  Case test;
  test.functions = std::move(program.functions);
  test.entry = static_cast<uint32_t>(test.functions.size() - 1);
  test.regions = std::move(program.regions);
  for (auto& args : program.inputs) {
    const uint64_t seed = input_seed(args);
    test.inputs.push_back({.args = std::move(args), .seed = seed});
  }
  return test;
}

void repair_inputs(Case& test, Random& random) {
  const auto& params = test.functions[test.entry].signature.params;
  constexpr size_t kMaxInputs = 16;
  if (test.inputs.size() > kMaxInputs) test.inputs.resize(kMaxInputs);
  for (unsigned n = 0; test.inputs.empty() && n < 2; ++n) test.inputs.resize(n + 1);
  for (oracles::TestInput& input : test.inputs) {
    bool changed = input.args.size() > params.size();
    if (changed) input.args.resize(params.size());
    for (size_t i = 0; i < params.size(); ++i) {
      if (i < input.args.size() && input.args[i].type() == params[i].type) continue;
      const ir::DataValue value = random_value(random, params[i].type);
      if (i < input.args.size()) {
        input.args[i] = value;
      } else {
        input.args.push_back(value);
      }
      changed = true;
    }
    if (changed || input.args.empty()) input.seed = input_seed(input.args);
  }
}

Case repair_case(std::string_view text, const GenerateOptions& options) {
  Random random(hash_of(text));
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return generate_case(random, options);
  std::optional<ir::File> file = TextRepairer(text).run();
  Case test;
  if (file) test.choice_seed = choice_seed_of(*file);
  bool found = false;
  for (ir::ParsedFunction& parsed : file ? file->functions : std::deque<ir::ParsedFunction>()) {
    if (!ir::verify(parsed.function).empty() && !repair(parsed.function)) continue;
    std::vector<oracles::TestInput> inputs;
    std::vector<oracles::RegionDirective> regions;
    for (const ir::Comment& comment : parsed.comments) {
      if (auto region = oracles::parse_region_directive(comment.text); region && *region) regions.push_back(**region);
      auto run = oracles::parse_test_directive(comment.text, parsed.function.signature);
      if (run && *run) inputs.push_back({.args = (*run)->run.args, .seed = input_seed((*run)->run.args)});
    }
    test.functions.push_back(std::move(parsed.function));
    if (inputs.empty() && found) continue;
    if (regions.empty() && inputs.empty() && test.functions.size() > 1 && !test.regions.empty()) continue;
    test.entry = static_cast<uint32_t>(test.functions.size() - 1);
    test.inputs = std::move(inputs);
    test.regions = std::move(regions);
    found = !test.inputs.empty();
  }
  if (test.functions.empty()) return generate_case(random, options);
  repair_regions(test.regions);
  repair_inputs(test, random);
  return test;
}

}  // namespace assay::fuzz
