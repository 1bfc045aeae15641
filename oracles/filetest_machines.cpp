// See filetest_machines.h.
#include "oracles/filetest_machines.h"

#include <algorithm>
#include <cstdlib>

namespace assay::oracles {

struct FiletestMachines::Side {
  Side(IsaKind isa, const machine::TargetIsa* target) : session(isa, target) {}

  MachineSession session;
  // What each executor has loaded: nothing, or the prepared module with these regions.
  std::array<bool, kExecutorKinds> is_loaded{};
  std::array<std::vector<Region>, kExecutorKinds> loaded;
};

namespace {

bool same(const std::vector<Region>& a, const std::vector<Region>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].address != b[i].address || a[i].bytes != b[i].bytes || a[i].writable != b[i].writable) return false;
  }
  return true;
}

}  // namespace

FiletestMachines::FiletestMachines(const Targets& targets) : targets_(targets) {}
FiletestMachines::~FiletestMachines() = default;

void FiletestMachines::prepare(IsaKind isa, const ir::File& file, bool keep_stages,
                               std::optional<machine::OptLevel> level, machine::FeatureSet features) {
  auto& side = sides_[static_cast<size_t>(isa)];
  if (!side) side = std::make_unique<Side>(isa, targets_[static_cast<size_t>(isa)]);
  std::vector<const ir::Function*> functions;
  for (const ir::ParsedFunction& function : file.functions) functions.push_back(&function.function);
  machine::CompileOptions options;
  options.verify_ir = false;
  bool probes = false;
  uint8_t probe_log2 = 12;
  options.features = features;
  for (const ir::Setting& setting : file.settings) {
    for (const ir::Flag& flag : setting.flags) {
      if (flag.name == "enable_nan_canonicalization") options.canonical_nans = flag.value != "false";
      if (setting.is_target) continue;
      if (flag.name == "opt_level") {
        options.opt_level = machine::opt_level_from_name(flag.value).value_or(machine::OptLevel::Speed);
      } else if (flag.name == "mid_end") {
        options.optimize = flag.value != "false";
      } else if (flag.name == "enable_pinned_reg") {
        options.pinned_register = flag.value != "false";
      } else if (flag.name == "preserve_frame_pointers") {
        options.preserve_frame_pointers = flag.value != "false";
      } else if (flag.name == "enable_probestack") {
        probes = flag.value != "false";
      } else if (flag.name == "probestack_size_log2") {
        probe_log2 = static_cast<uint8_t>(std::clamp(std::atoi(flag.value.c_str()), 12, 24));
      } else if (flag.name == "choice_seed") {
        options.choice_seed = std::strtoull(flag.value.c_str(), nullptr, 10);
      }
    }
  }
  if (probes) options.probe_log2 = probe_log2;
  if (level) options.opt_level = *level;
  side->session.prepare(functions, options, keep_stages);
  side->is_loaded.fill(false);
}

FiletestMachines::Readiness FiletestMachines::readiness(IsaKind isa, uint32_t function) const {
  const MachineSession::Status& status = sides_[static_cast<size_t>(isa)]->session.status(function);
  switch (status.kind) {
    case MachineSession::Status::Kind::Ready:
      return {};
    case MachineSession::Status::Kind::NotSupported:
      return {Readiness::Kind::kNotSupported, status.reason};
    case MachineSession::Status::Kind::Broken:
      break;
  }
  return {Readiness::Kind::kBroken, status.reason};
}

std::optional<std::string> FiletestMachines::run(IsaKind isa, ExecutorKind kind, uint32_t function,
                                                 std::span<const ir::DataValue> args,
                                                 const std::vector<Region>& regions, CallResult& result) {
  Side& side = *sides_[static_cast<size_t>(isa)];
  // What Unicorn has no instructions for runs under QEMU.
  if (kind == ExecutorKind::Unicorn && !side.session.lacking(kind).empty()) kind = ExecutorKind::Qemu;
  const auto index = static_cast<size_t>(kind);
  if (!side.is_loaded[index] || !same(side.loaded[index], regions)) {
    const auto loaded = side.session.load(kind, regions);
    if (!loaded) return loaded.error().message;
    side.is_loaded[index] = true;
    side.loaded[index] = regions;
  }
  constexpr Limits kLimits{.fuel = 100'000'000, .milliseconds = 10'000};
  Outcome outcome;
  const auto ran = side.session.run(kind, function, args, /*seed=*/1, kLimits, outcome);
  if (!ran) return ran.error().message;
  switch (outcome.kind) {
    case OutcomeKind::Unsupported:
      return std::string(side.session.executor_name(kind)) + ": " + outcome.text;
    case OutcomeKind::Returned: {
      const CallLayout& layout = *side.session.layout(function);
      result.values = machine_results(layout, outcome);
      if (const auto wrong = compare_results(layout, result.values, outcome)) {  // only extensions can be wrong here
        result.kind = CallResult::Kind::kWrong;
        result.text = *wrong;
      }
      break;
    }
    case OutcomeKind::Trapped:
      result.kind = CallResult::Kind::kTrapped;
      result.trap = ir::TrapCode{outcome.trap_code};
      break;
    default:
      result.kind = CallResult::Kind::kWrong;
      result.text = describe(outcome);
  }
  return std::nullopt;
}

bool FiletestMachines::may_be_wrong(IsaKind isa, ExecutorKind kind) {
  return sides_[static_cast<size_t>(isa)]->session.may_be_wrong(kind);
}

}  // namespace assay::oracles
