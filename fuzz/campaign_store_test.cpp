// What campaign_store.h and campaign.h promise of a campaign that is killed: it ends as one that was left alone.
#include "fuzz/campaign_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include "compiler/ir/printer.h"
#include "compiler/isa/registry.h"
#include "fuzz/campaign.h"
#include "fuzz/campaign_cases.h"
#include "fuzz/campaign_session.h"
#include "fuzz/case.h"

namespace assay::fuzz {
namespace {

namespace fs = std::filesystem;

class CampaignStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    if (isa::find_isa(IsaKind::x64) == nullptr) GTEST_SKIP() << "no x64 backend in this build";
    folder_ = testing::TempDir() + "campaign_store_test_" + std::to_string(getpid());
    fs::remove_all(folder_);
    options_.jobs = 2;
    options_.harness.isas = {IsaKind::x64};
    options_.harness.native = false;
    options_.generation = 64;
    options_.commit_seconds = 0.02;
    options_.harness.milliseconds = 30'000;  // a busy machine must not look like a hang
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Some code is spoiled, some kills the worker: by its content, so always the same.
  void make_mistakes() {
    options_.harness.tamper = [](IsaKind, oracles::Image& image) {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
      uint64_t hash = 0;
      for (uint8_t byte : image.bytes) hash = hash * 1099511628211u + byte;
      if (hash % 151 == 0) std::abort();
      if (hash % 13 != 0) return;
      image.bytes[image.functions.back().begin] = 0x0f;  // ud2
      image.bytes[image.functions.back().begin + 1] = 0x0b;
    };
  }

  std::unique_ptr<CampaignStore> open(const std::string& folder) {
    auto store = CampaignStore::open(folder, settings_of(options_));
    EXPECT_TRUE(store.has_value()) << render(store.error());
    return store ? std::move(*store) : nullptr;
  }
  void run(const std::string& folder) {
    const auto store = open(folder);
    ASSERT_NE(store, nullptr);
    const auto report = run_campaign(options_, store.get());
    ASSERT_TRUE(report.has_value()) << render(report.error());
  }

  // All that a campaign has to show, but times.
  struct State {
    std::vector<std::string> lines;
    std::map<std::string, std::string> files;
    uint64_t mutated = 0;
  };
  State state_of(const std::string& folder) {
    State out;
    const auto store = open(folder);
    if (store == nullptr) return out;
    const auto line = [&](auto... parts) {
      std::string text;
      ((text += std::string(parts) + " "), ...);
      out.lines.push_back(text);
    };
    const auto n = [](auto number) { return std::to_string(number); };
    const CampaignTotals& t = store->totals();
    const oracles::HarnessStats& s = t.stats;
    out.mutated = t.mutated;
    line("totals", n(t.programs), n(t.mutated), n(t.findings));
    line("stats", n(s.cases), n(s.functions), n(s.compiles), n(s.executions), n(s.steps), n(s.interpreted[0]),
         n(s.interpreted[1]), n(s.executors.at("unicorn-x64").runs), n(s.compile[0].machine_insts));
    for (const StoredFeature& f : store->features()) line("feature", n(f.id), to_string(f.feature.value()), n(f.count));
    for (const CorpusEntry& e : store->corpus()) line("entry", n(e.id), e.hash, n(e.features.size()), n(e.added));
    for (const auto& [key, count] : store->by_key()) line("key", key, n(count));
    for (const StoredFinding& f : store->findings()) line("finding", f.file, f.key, f.description);
    for (const char* below : {"/corpus", "/findings"}) {
      for (const auto& entry : fs::directory_iterator(folder + below)) {
        out.files[entry.path().filename()] = read_file(entry.path()).value_or("unreadable");
      }
    }
    return out;
  }

  static void expect_equal(const State& actual, const State& expected) {
    EXPECT_EQ(actual.lines.size(), expected.lines.size());
    for (size_t i = 0; i < std::min(actual.lines.size(), expected.lines.size()); ++i) {
      ASSERT_EQ(actual.lines[i], expected.lines[i]);
    }
    for (const auto& [file, text] : expected.files) EXPECT_TRUE(actual.files.contains(file)) << file << " is lost";
    for (const auto& [file, text] : actual.files) EXPECT_TRUE(expected.files.contains(file)) << file << " is too many";
    EXPECT_TRUE(actual.files == expected.files);
  }

  std::string folder_;
  CampaignOptions options_;
};

// Starts `work` in a process group of its own.
template <class Work>
pid_t start(const Work& work) {
  const pid_t pid = fork();
  if (pid == 0) {
    setpgid(0, 0);
    work();
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  setpgid(pid, pid);
  return pid;
}

TEST_F(CampaignStoreTest, KilledTenTimesAtRandomItEndsAsOneThatWasNot) {
  make_mistakes();
  options_.programs = 1200;
  const std::string whole = folder_ + "/whole", killed = folder_ + "/killed";
  int status = 0;
  waitpid(start([&] { run(whole); }), &status, 0);
  ASSERT_EQ(status, 0);

  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed of the moments " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int kills = 0; kills < 10; ++kills) {
    const pid_t pid = start([&] { run(killed); });
    std::this_thread::sleep_for(std::chrono::milliseconds(10 + random() % 90));
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it was over before it could be killed";
  }
  waitpid(start([&] { run(killed); }), &status, 0);
  ASSERT_EQ(status, 0);

  const State expected = state_of(whole), actual = state_of(killed);
  expect_equal(actual, expected);
  // It was worth it.
  size_t entries = 0, findings = 0;
  for (const auto& [file, text] : expected.files) (file.starts_with("seed1_program") ? findings : entries) += 1;
  EXPECT_GT(expected.mutated, 100u);
  EXPECT_GT(entries, 50u);
  EXPECT_GE(findings, 4u);
}

TEST_F(CampaignStoreTest, WhatItDoesDoesNotDependOnTheNumberOfWorkersOrTurns) {
  make_mistakes();
  options_.programs = 200;
  options_.jobs = 1;
  run(folder_ + "/one");
  options_.jobs = 3;
  for (options_.programs = 40; options_.programs <= 200; options_.programs += 40) run(folder_ + "/three");
  const State one = state_of(folder_ + "/one"), three = state_of(folder_ + "/three");
  expect_equal(three, one);
}

TEST_F(CampaignStoreTest, EveryEntryIsACaseAndNoTwoHaveTheSameCoverage) {
  options_.programs = 200;
  run(folder_);
  const auto store = open(folder_);
  ASSERT_NE(store, nullptr);
  std::set<uint32_t> seen;
  for (const CorpusEntry& entry : store->corpus()) {
    const std::string path = folder_ + "/corpus/" + entry.hash + ".clif";
    const auto text = read_file(path);
    ASSERT_TRUE(text.has_value());
    EXPECT_EQ(content_hash(*text), entry.hash);
    EXPECT_TRUE(parse_case(*text, path).has_value()) << *text;
    const size_t before = seen.size();
    seen.insert(entry.features.begin(), entry.features.end());
    EXPECT_GT(seen.size(), before) << path;
  }
  EXPECT_GT(seen.size(), 500u);
  EXPECT_EQ(seen.size(), store->features().size());
}

// What is rare in the corpus is made more often, from the third generation on.
TEST_F(CampaignStoreTest, GeneratedProgramsFollowWhatIsRare) {
  options_.programs = 200;
  options_.mutated_percent = 0;
  run(folder_);
  {
    const auto store = open(folder_);
    ASSERT_NE(store, nullptr);
    ASSERT_FALSE(store->corpus().empty());
    CorpusReader reader(folder_);
    for (const CorpusEntry& entry : store->corpus()) {
      EXPECT_EQ(reader.features_of(entry.id).size(), entry.features.size());
    }
  }
  CampaignCases steered(options_, folder_), other(options_, "");
  unsigned differ = 0;
  for (uint64_t number = 0; number < options_.programs; ++number) {
    Case a, b;
    EXPECT_FALSE(steered.make(number, a));
    EXPECT_FALSE(other.make(number, b));
    const bool is_same = ir::print(a.functions.back()) == ir::print(b.functions.back());
    if (number < options_.generation) EXPECT_TRUE(is_same) << number;
    differ += !is_same;
  }
  EXPECT_GT(differ, 60u);  // three in four of those after the first two generations
}

TEST_F(CampaignStoreTest, SeedsAndFilesPutIntoTheCorpusAreRunOnce) {
  const std::string seed = folder_ + ".clif";
  ASSERT_TRUE(write_file(seed,
                         "test interpret\nfunction %f(i8) -> i8 {\nblock0(v0: i8):\n    v1 = bitrev v0\n"
                         "    return v1\n}\n; run: %f(1) == 128\n"));
  options_.seeds = {seed};
  options_.programs = 10;
  run(folder_);
  ASSERT_TRUE(write_file(folder_ + "/corpus/mine.clif",
                         "function %f(i8) -> i8 {\nblock0(v0: i8):\n    v1 = popcnt v0\n"
                         "    return v1\n}\n; run: %f(7) == 3\n"));
  ASSERT_TRUE(write_file(folder_ + "/corpus/garbage.clif", "garbage"));
  run(folder_);
  run(folder_);
  const auto store = open(folder_);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->totals().programs, 10u);
  EXPECT_EQ(store->totals().stats.cases, 12u);
  ASSERT_FALSE(store->corpus().empty());
  EXPECT_EQ(store->corpus().front().added, -1);
  fs::remove(seed);
}

TEST_F(CampaignStoreTest, ItBelongsToOneProcessAndOneCampaign) {
  const auto store = open(folder_);
  int status = 0;
  waitpid(start([&] { EXPECT_FALSE(CampaignStore::open(folder_, settings_of(options_)).has_value()); }), &status, 0);
  EXPECT_EQ(status, 0);
  options_.seed = 2;
  const auto other = CampaignStore::open(folder_, settings_of(options_));
  ASSERT_FALSE(other.has_value());
  EXPECT_NE(other.error().message.find("--seed 1"), std::string::npos);
  // Levels are named only if they are not the usual ones, as older folders have none.
  options_.seed = 1;
  const std::string usual = settings_of(options_);
  options_.harness.opt_levels = {machine::OptLevel::Speed};
  EXPECT_NE(settings_of(options_), usual);
  EXPECT_EQ(usual.find("--opt-level"), std::string::npos);
  EXPECT_NE(settings_of(options_).find("--opt-level speed"), std::string::npos);
}

TEST_F(CampaignStoreTest, AFindingWhoseRowIsMissingIsAdopted) {
  options_.programs = 10;
  run(folder_);
  ASSERT_TRUE(write_file(folder_ + "/findings/seed1_program5_0.clif",
                         "; result: …\n; seed 1, program 5; key result x64: value\n"));
  ASSERT_TRUE(write_file(folder_ + "/findings/seed1_program50_0.clif", "; its program is still to come\n"));
  run(folder_);
  run(folder_);
  const auto store = open(folder_);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->by_key(), (std::map<std::string, uint64_t>{{"result x64: value", 1}}));
  ASSERT_EQ(store->findings().size(), 1u);
  EXPECT_EQ(store->totals().findings, 1u);
}

TEST(SuperfluousTest, KeepsWhatCoversAllWithFewAndSmallEntries) {
  const auto entry = [](int64_t id, std::vector<uint32_t> features, size_t size) {
    return CorpusEntry{.id = id, .hash = {}, .text = {}, .features = std::move(features), .size = size};
  };
  // 3 has most; then 5 is smaller than 4; 1 and 2 add nothing.
  EXPECT_EQ(superfluous({entry(1, {0, 1}, 1), entry(2, {2}, 1), entry(3, {0, 1, 2}, 50), entry(4, {2, 3}, 9),
                         entry(5, {3}, 8)}),
            (std::vector<int64_t>{1, 2, 4}));
  EXPECT_TRUE(superfluous({}).empty());
}

}  // namespace
}  // namespace assay::fuzz
