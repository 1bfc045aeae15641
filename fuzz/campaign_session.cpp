// See campaign_session.h.
#include "fuzz/campaign_session.h"

#include <algorithm>
#include <chrono>

#include "fuzz/campaign_print.h"
#include "fuzz/fuzzer_target.h"

namespace assay::fuzz {

namespace {

using Clock = std::chrono::steady_clock;

// The targets that were asked for, as far as they are built.
Expected<std::vector<FuzzerTarget>> chosen_targets(const SessionOptions& session, bool& differential,
                                                   std::vector<std::string>& notes) {
  std::vector<FuzzerTarget> built = built_targets(session.fuzzers);
  differential = session.targets.empty();
  if (session.targets.empty()) {
    if (built.empty()) {
      notes.push_back("no libFuzzer targets are built in " + session.fuzzers +
                      ", so only differential runs; ci/build fuzz builds them");
    }
    return built;
  }
  std::vector<FuzzerTarget> out;
  for (const std::string& name : session.targets) {
    const auto it = std::ranges::find(built, name, &FuzzerTarget::name);
    if (name == "differential") {
      differential = true;
    } else if (it != built.end()) {
      out.push_back(*it);
    } else {
      notes.push_back("target " + name + " is not built in " + session.fuzzers + "; ci/build fuzz builds it");
    }
  }
  if (out.empty() && !differential) return fail("none of these targets is built", "ci/build fuzz builds them");
  return out;
}

Expected<void> write_reports(const SessionOptions& session, const CampaignReport& report, const std::string& settings) {
  const std::string title = session.folder + " " + settings;
  for (const auto& [file, text] :
       {std::pair{"/report.html", to_html(report, title)}, {"/report.json", to_json(report) + "\n"}}) {
    if (auto wrote = write_file(session.folder + file, text); !wrote) return wrote;
  }
  return {};
}

Expected<void> minimise(CampaignStore& store) {
  CampaignBatch batch{.totals = store.totals()};
  batch.dropped = superfluous(store.corpus());
  batch.totals.minimised = store.corpus().size() - batch.dropped.size();
  return store.commit(batch);
}

}  // namespace

Expected<CampaignReport> run_session(const SessionOptions& session, const CampaignOptions& options,
                                     std::vector<std::string>& notes) {
  bool differential = false;
  const auto targets = chosen_targets(session, differential, notes);
  if (!targets) return std::unexpected(targets.error());
  const std::string settings = settings_of(options);
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(options.seconds * 1000));
  const auto left = [&] { return std::chrono::duration<double>(end - Clock::now()).count(); };
  bool must_minimise = session.minimise;
  for (;;) {
    // Each turn opens the folder anew: what it holds is all that turns share.
    auto store = CampaignStore::open(session.folder, settings);
    if (!store) return std::unexpected(store.error());
    if (std::exchange(must_minimise, false)) {
      if (auto done = minimise(**store); !done) return std::unexpected(done.error());
      continue;
    }
    CampaignOptions turn = options;
    const double share = differential && !targets->empty() ? left() / 2 : left();
    turn.seconds = std::clamp(share, 0.0, session.turn_seconds);
    Expected<CampaignReport> report =
        differential ? run_campaign(turn, store->get()) : campaign_report(options, **store);
    if (!report) return report;
    const bool is_last = left() <= 0 || (options.programs != 0 && report->programs >= options.programs);
    if (!targets->empty() && left() > 0) {
      store->reset();
      store = CampaignStore::open(session.folder, settings);
      if (!store) return std::unexpected(store.error());
      const double time = std::clamp(left(), 0.0, session.turn_seconds) * std::max(1u, options.jobs);
      const double each = std::min(left(), time / static_cast<double>(targets->size()));
      if (auto done = run_targets(*targets, each, options.jobs, **store); !done) return std::unexpected(done.error());
      store->reset();
      store = CampaignStore::open(session.folder, settings);
      if (!store) return std::unexpected(store.error());
      report = campaign_report(options, **store);
      if (!report) return report;
    }
    if (auto wrote = write_reports(session, *report, settings); !wrote) return std::unexpected(wrote.error());
    if (is_last || left() <= 0) return report;
  }
}

}  // namespace assay::fuzz
