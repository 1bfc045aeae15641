// See case.h.
#include "fuzz/case.h"

#include <algorithm>
#include <cstdlib>

#include "compiler/ir/parser.h"
#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"
#include "fuzz/worker_report.h"
#include "oracles/worker_pool.h"

namespace assay::fuzz {

uint64_t input_seed(const std::vector<ir::DataValue>& args) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a, a word at a time
  for (const ir::DataValue& value : args) hash = (hash ^ static_cast<uint64_t>(value.bits())) * 0x100000001b3u;
  return hash ^ (hash >> 32);
}

uint64_t choice_seed_of(const ir::File& file) {
  uint64_t seed = 0;
  for (const ir::Setting& setting : file.settings) {
    for (const ir::Flag& flag : setting.flags) {
      if (!setting.is_target && flag.name == "choice_seed") seed = std::strtoull(flag.value.c_str(), nullptr, 10);
    }
  }
  return seed;
}

Expected<Case> parse_case(const std::string& text, const std::string& filename) {
  auto file = ir::parse_file(text, filename);
  if (!file) return std::unexpected(file.error().front());
  Case out;
  out.choice_seed = choice_seed_of(*file);
  bool found = false;
  for (const ir::ParsedFunction& parsed : file->functions) {
    if (auto errors = ir::verify(parsed, filename); !errors.empty()) return std::unexpected(errors.front());
    out.functions.push_back(parsed.function);
    std::vector<oracles::TestInput> inputs;
    std::vector<oracles::RegionDirective> regions;
    for (const ir::Comment& comment : parsed.comments) {
      const Place place{.file = filename, .line = comment.line, .column = comment.column};
      auto region = oracles::parse_region_directive(comment.text, place);
      if (!region) return std::unexpected(region.error());
      if (*region) regions.push_back(**region);
      auto run = oracles::parse_test_directive(comment.text, parsed.function.signature, place);
      if (!run) return std::unexpected(run.error());
      if (*run) {
        inputs.push_back({.args = (*run)->run.args, .seed = input_seed((*run)->run.args)});
      }
    }
    if (inputs.empty()) continue;
    found = true;
    out.entry = static_cast<uint32_t>(out.functions.size() - 1);
    out.inputs = std::move(inputs);
    out.regions = std::move(regions);
  }
  if (!found) {
    return fail(Place{.file = filename}, "no function has a run directive", "add a line such as `; run: %f(1) == 2`");
  }
  return out;
}

namespace {

std::string print_with(const Case& test, const oracles::HarnessOptions& options,
                       std::span<const oracles::Harness::Reference> references, const std::vector<std::string>& head) {
  std::string out = "test interpret\ntest run\n";
  for (const IsaKind isa : options.isas) {
    out += std::string("target ") + (isa == IsaKind::x64 ? "x86_64" : name(isa));
    const machine::TargetIsa* target = isa::find_isa(isa);
    const machine::FeatureSet features = options.features[static_cast<size_t>(isa)];
    if (target != nullptr && features != 0) out += " " + machine::feature_names(*target->insts, features);
    out += "\n";
  }
  if (test.choice_seed != 0) out += "set choice_seed=" + std::to_string(test.choice_seed) + "\n";
  if (std::ranges::any_of(test.functions, oracles::uses_pinned_register)) out += "set enable_pinned_reg=true\n";
  out += "\n";
  for (const std::string& line : head) out += "; " + line + "\n";
  for (size_t i = 0; i < test.functions.size(); ++i) {
    out += "\n";
    ir::print(test.functions[i], out);
    if (i != test.entry) continue;
    for (const oracles::RegionDirective& region : test.regions) out += "; " + oracles::to_string(region) + "\n";
    for (size_t k = 0; k < test.inputs.size(); ++k) {
      const interpreter::Outcome* outcome = k < references.size() ? &references[k].outcome : nullptr;
      const oracles::TestDirective directive =
          oracles::directive_for(test.functions[i].name, test.inputs[k].args, outcome);
      out += "; " + oracles::to_string(directive) + "\n";
    }
  }
  return out;
}

}  // namespace

std::string print_case(const Case& test, const oracles::Harness& harness, const std::vector<std::string>& head) {
  return print_with(test, harness.options(), harness.references(), head);
}

std::string print_case(const Case& test) { return print_with(test, {}, {}, {}); }

std::vector<const ir::Function*> pointers_to(const std::vector<ir::Function>& functions) {
  std::vector<const ir::Function*> out;
  for (const ir::Function& function : functions) out.push_back(&function);
  return out;
}

void check_case(oracles::Harness& harness, const Case& test, std::vector<oracles::Finding>& findings,
                bool stop_at_first) {
  const std::vector<const ir::Function*> functions = pointers_to(test.functions);
  std::vector<oracles::Region> regions;
  for (const oracles::RegionDirective& region : test.regions) regions.push_back(oracles::make_region(region));
  harness.check({.functions = functions,
                 .entry = test.entry,
                 .regions = regions,
                 .inputs = test.inputs,
                 .choice_seed = test.choice_seed,
                 .only_isa = test.only_isa},
                findings, stop_at_first);
}

void check_isolated(oracles::Harness& harness, const Case& test, std::vector<oracles::Finding>& findings) {
  const Expected<std::string> result = oracles::run_isolated([&] {
    std::vector<oracles::Finding> found;
    check_case(harness, test, found);
    return encode(found);
  });
  if (!result) {
    findings.push_back(crash_finding(result.error().message));
    return;
  }
  for (oracles::Finding& finding : decode_findings(*result)) findings.push_back(std::move(finding));
}

oracles::Finding crash_finding(const std::string& reason) {
  constexpr std::string_view kCrashed = "crashed: ";
  oracles::Finding finding{.kind = oracles::FindingKind::Crash, .text = "the process that ran it " + reason};
  if (!reason.starts_with(kCrashed)) finding.text = "the process that ran it gave " + reason;
  finding.sort = reason.starts_with(kCrashed) ? reason.substr(kCrashed.size()) : reason;
  return finding;
}

std::string print_crashing_case(const Case& test, oracles::HarnessOptions options,
                                const std::vector<std::string>& head) {
  options.opt_levels = {};  // the interpreter only
  const Expected<std::string> text = oracles::run_isolated([&] {
    oracles::Harness harness(options);
    std::vector<oracles::Finding> none;
    check_case(harness, test, none);
    return print_case(test, harness, head);
  });
  return text ? *text : print_case(test, oracles::Harness(options), head);
}

}  // namespace assay::fuzz
