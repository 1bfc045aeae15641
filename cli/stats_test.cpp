// `assay stats diff` on two runs written by hand.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using Json = nlohmann::json;

class Stats : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "assay_stats_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The status, and what `assay stats diff` prints of these two runs as JSON.
  int diff(const std::string& before, const std::string& after, Json& out, const std::string& options = "") {
    std::ofstream(folder_ / "before.json") << before;
    std::ofstream(folder_ / "after.json") << after;
    const std::string command = std::string(ASSAY_PROGRAM) + " stats diff " + (folder_ / "before.json").string() + " " +
                                (folder_ / "after.json").string() + " --json " + options + " 2>/dev/null";
    std::string text;
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return -1;
    std::array<char, 4096> buffer{};
    for (size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) text.append(buffer.data(), n);
    const int status = pclose(pipe);
    out = Json::parse(text, nullptr, false);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }

  std::filesystem::path folder_;
};

Json function(const std::string& name, int nodes, int before, Json rules = Json::object()) {
  return {{"file", "a.clif"},
          {"function", name},
          {"stats", {{"nodes", nodes}, {"instructions_before", before}, {"rules", std::move(rules)}}}};
}
std::string run_of(Json functions) { return Json{{"functions", std::move(functions)}}.dump(); }

TEST_F(Stats, ChangesAreNamedByFunctionAndRule) {
  Json out;
  ASSERT_EQ(diff(run_of({function("%same", 5, 5), function("%f", 10, 9, {{"iadd_zero", 3}, {"gone", 1}}),
                         function("%old", 1, 1)}),
                 run_of({function("%same", 5, 5), function("%f", 12, 9, {{"iadd_zero", 1}, {"came", 4}}),
                         function("%new", 2, 2)}),
                 out),
            0);
  EXPECT_EQ(out["same"], 1);
  EXPECT_EQ(out["only_before"], Json({"a.clif %old"}));
  EXPECT_EQ(out["only_after"], Json({"a.clif %new"}));
  ASSERT_EQ(out["functions"].size(), 1u);
  EXPECT_EQ(out["functions"][0]["function"], "a.clif %f");
  const Json expected = {{"nodes", {{"before", 10}, {"after", 12}}},
                         {"rule iadd_zero", {{"before", 3}, {"after", 1}}},
                         {"rule gone", {{"before", 1}, {"after", 0}}},
                         {"rule came", {{"before", 0}, {"after", 4}}}};
  EXPECT_EQ(out["functions"][0]["changes"], expected);
  EXPECT_EQ(out["total"]["nodes"], Json({{"before", 16}, {"after", 19}}));
  EXPECT_TRUE(out["abnormal"].empty());
}

TEST_F(Stats, AFunctionFarFromTheOthersOfItsSizeIsAbnormal) {
  Json functions = Json::array();
  for (const char* name : {"%a", "%b", "%c", "%d"}) functions.push_back(function(name, 20, 20));
  functions.push_back(function("%huge", 100, 20));
  Json limited = function("%limited", 20, 20);
  limited["stats"]["depth_limit"] = 2;
  functions.push_back(limited);
  Json out;
  ASSERT_EQ(diff(run_of(functions), run_of(functions), out), 0);
  ASSERT_EQ(out["abnormal"].size(), 2u);
  EXPECT_EQ(out["abnormal"][0]["function"], "a.clif %huge");
  EXPECT_EQ(out["abnormal"][0]["figure"], "nodes");
  EXPECT_EQ(out["abnormal"][0]["usual"], 20.0);
  EXPECT_EQ(out["abnormal"][1]["figure"], "depth_limit");
  ASSERT_EQ(diff(run_of(functions), run_of(functions), out, "--abnormal 6"), 0);
  EXPECT_EQ(out["abnormal"].size(), 1u);
}

TEST_F(Stats, OtherFilesAreRefused) {
  Json out;
  for (const char* text : {"", "[]", "{}", "{\"functions\": [1]}", "{\"functions\": [{\"stats\": 3}]}"}) {
    EXPECT_EQ(diff(text, run_of(Json::array()), out), 2) << text;
  }
}

}  // namespace
