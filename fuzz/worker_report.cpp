// See worker_report.h.
#include "fuzz/worker_report.h"

#include <nlohmann/json.hpp>

#include "fuzz/packed.h"

namespace assay::fuzz {

using nlohmann::json;

namespace {

// Stats is HarnessStats, const or not; likewise below.
template <class Io, class Stats>
void transfer_stats(Io& io, Stats& s) {
  io(s.cases), io(s.functions), io(s.compiles), io(s.executions);
  for (auto& count : s.interpreted) io(count);
  io(s.depends), io(s.steps), io(s.interpreter_nanoseconds);
  for (auto& c : s.compile) {
    for (auto& nanoseconds : c.nanoseconds) io(nanoseconds);
    io(c.clif_insts), io(c.vcode_insts), io(c.virtual_registers), io(c.moves), io(c.spilled), io(c.machine_insts);
  }
  for (auto& nanoseconds : s.compile_nanoseconds) io(nanoseconds);
  io.map(s.executors, [&](auto& e) { io(e.runs), io(e.nanoseconds); });
  io.map(s.not_run, [&](auto& count) { io(count); });
  io(s.excused);
}

template <class Io, class Report>
void transfer_report(Io& io, Report& report) {
  io.list(report.findings, [&](auto& f) { io(f.key), io(f.description), io(f.file); });
  io(report.error);
  transfer_stats(io, report.stats);
  io(report.text);
}

}  // namespace

std::string encode(const WorkerReport& report) {
  Packer io;
  transfer_report(io, report);
  io(unsigned{report.mutated});
  io.list(report.features, [&](const FeatureCount& f) { io(f.feature.bits()), io(f.count); });
  return io.take();
}

std::optional<WorkerReport> decode_report(std::string_view bytes) {
  WorkerReport report;
  Unpacker io(bytes);
  transfer_report(io, report);
  unsigned mutated = 0;
  io(mutated);
  report.mutated = mutated != 0;
  io.list(report.features, [&](FeatureCount& f) {
    uint32_t bits = 0;
    io(bits), io(f.count);
    f.feature = Feature(bits);
  });
  return io.ok() && io.at_end() ? std::optional(std::move(report)) : std::nullopt;
}

std::string encode(const oracles::HarnessStats& stats) {
  Packer io;
  transfer_stats(io, stats);
  return io.take();
}

std::optional<oracles::HarnessStats> decode_stats(std::string_view bytes) {
  oracles::HarnessStats stats;
  Unpacker io(bytes);
  transfer_stats(io, stats);
  return io.ok() && io.at_end() ? std::optional(std::move(stats)) : std::nullopt;
}

std::string encode(std::span<const oracles::Finding> findings) {
  json out = json::array();
  for (const oracles::Finding& f : findings) {
    out.push_back(
        {f.kind, f.isa, f.executor, f.opt_level, f.input ? json(*f.input) : json(), f.text, f.sort, f.choice_seed});
  }
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<oracles::Finding> decode_findings(const std::string& text) {
  std::vector<oracles::Finding> findings;
  for (const json& j : json::parse(text)) {
    oracles::Finding f{.kind = j.at(0), .isa = j.at(1), .executor = j.at(2), .opt_level = j.at(3)};
    if (!j.at(4).is_null()) f.input = j.at(4).get<size_t>();
    f.text = j.at(5);
    f.sort = j.at(6);
    f.choice_seed = j.at(7);
    findings.push_back(std::move(f));
  }
  return findings;
}

}  // namespace assay::fuzz
