// The program as people and scripts see it: exit status, what goes to which stream, one JSON object, errors with
// places.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace {

struct Ran {
  int status = -1;
  std::string out;
  std::string err;
};

class Cli : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "assay_cli_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  Ran run(const std::string& arguments) {
    const std::string errors = folder_ / "stderr";
    const std::string command = program_ + " " + arguments + " 2>" + errors + " </dev/null";
    Ran ran;
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return ran;
    std::array<char, 4096> buffer{};
    size_t count = 0;
    while ((count = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0) ran.out.append(buffer.data(), count);
    const int status = pclose(pipe);
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    std::ifstream in(errors);
    ran.err.assign(std::istreambuf_iterator<char>(in), {});
    return ran;
  }

  std::filesystem::path folder_;
  std::string program_ = ASSAY_PROGRAM;
};

constexpr char kFunction[] = "function %f(i8) -> i8 {\nblock0(v0: i8):\n    v1 = iadd v0, v0\n    return v1\n}\n";

TEST_F(Cli, HelpSucceedsAndHasAnExample) {
  EXPECT_EQ(run("--help").status, 0);
  for (const char* command : {"cat", "cfg", "compile", "interpret", "mutants", "report", "run", "test"}) {
    const Ran ran = run(std::string(command) + " --help");
    EXPECT_EQ(ran.status, 0) << command;
    EXPECT_NE(ran.out.find("Example:"), std::string::npos) << command;
  }
}

TEST_F(Cli, BadCommandLinesAreStatus2) {
  for (const char* arguments :
       {"", "nonsense", "test", "test --nonsense x", "cat /no/such/file", "test --executor vax .",
        "compile --target vax x", "mutants --isa vax", "mutants --kind nonsense"}) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.status, 2) << arguments;
    EXPECT_FALSE(ran.err.empty()) << arguments;
  }
}

TEST_F(Cli, ErrorsHaveAPlace) {
  const std::string path =
      file("bad.clif", "test interpret\nfunction %f() {\nblock0:\n    v0 = nonsense\n    return\n}\n");
  for (const char* command : {"cat ", "cfg ", "compile ", "interpret ", "run ", "test "}) {
    const Ran ran = run(command + path);
    EXPECT_EQ(ran.status, 2) << command;
    EXPECT_NE(ran.err.find("bad.clif:4:"), std::string::npos) << command << ran.err;
  }
}

TEST_F(Cli, GarbageIsAnErrorEverywhere) {
  std::string bytes;
  for (int i = 0; i < 4000; ++i) bytes += static_cast<char>(i * i * 31 + i / 7);
  const std::string path = file("garbage.clif", bytes);
  const std::string cut = file("cut.clif", std::string(kFunction).substr(0, 40));
  for (const char* command : {"cat ", "cfg ", "compile ", "interpret ", "run ", "test "}) {
    EXPECT_EQ(run(command + path).status, 2) << command;
    EXPECT_EQ(run(command + cut).status, 2) << command;
  }
}

TEST_F(Cli, CatPrintsWhatReadsBack) {
  const Ran first = run("cat " + file("f.clif", kFunction));
  EXPECT_EQ(first.status, 0);
  EXPECT_EQ(run("cat " + file("g.clif", first.out)).out, first.out);
}

TEST_F(Cli, TestTellsFindingsFromPasses) {
  const std::string good = file("good.clif", std::string("test interpret\n") + kFunction + "; run: %f(2) == 4\n");
  EXPECT_EQ(run("test " + good).status, 0);
  const std::string wrong = file("wrong.clif", std::string("test interpret\n") + kFunction + "; run: %f(2) == 5\n");
  const Ran ran = run("test " + wrong);
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.out.find("wrong.clif:7: interpreter: run: %f(2) == 5: returned 4, should be 5"), std::string::npos)
      << ran.out;
}

TEST_F(Cli, JsonIsOneObjectAndNothingElse) {
  const std::string path = file("f.clif", std::string("test interpret\n") + kFunction + "; run: %f(2) == 4\n");
  for (const char* command : {"cat", "cfg", "compile", "interpret", "run", "test"}) {
    const Ran ran = run(std::string(command) + " --json " + path);
    const auto json = nlohmann::json::parse(ran.out, nullptr, false);
    EXPECT_TRUE(json.is_object()) << command << ": " << ran.out;
    EXPECT_EQ(ran.status, 0) << command << ran.err;
  }
  const auto json = nlohmann::json::parse(run("test --json " + path).out);
  for (const char* executor : {"interpreter", "x64", "aarch64", "riscv64", "s390x", "native"}) {
    for (const char* count : {"passed", "failed", "not_run"}) {
      EXPECT_TRUE(json["executors"][executor][count].is_number()) << executor << count;
    }
  }
  EXPECT_EQ(json["executors"]["interpreter"]["passed"], 1);
  EXPECT_TRUE(json["reasons"].is_object());
}

TEST_F(Cli, SeededMistakesHaveTheNumbersOfTheirFiles) {
  const std::string list = "mutants --kind seeded --list --mistakes " ASSAY_TREE "/corpus/mutants/seeded --only ";
  for (const char* number : {"011", "11"}) {
    const Ran ran = run(list + number);
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_TRUE(ran.out.starts_with(" 11 ")) << ran.out;
    EXPECT_EQ(std::ranges::count(ran.out, '\n'), 1) << ran.out;
  }
}

// No proof depends on priorities; the build would refuse the rules.
TEST_F(Cli, VerifyOfATreeRefusesRulesThatOverlap) {
  std::filesystem::copy(std::filesystem::path(ASSAY_TREE) / "compiler", folder_ / "compiler",
                        std::filesystem::copy_options::recursive);
  const std::string verify = "verify --no-cache --isa x64 --rule sshr_imm --tree " + folder_.string();
  const Ran right = run(verify);
  if (right.status == 2) GTEST_SKIP() << right.err;  // x64 is not part of this build
  EXPECT_EQ(right.status, 0) << right.out << right.err;
  const std::filesystem::path path = folder_ / "compiler/isa/x64/lower_bits.isle";
  std::ifstream in(path);
  std::string text(std::istreambuf_iterator<char>(in), {});
  const size_t at = text.find("(rule sshr_imm 2 ");
  ASSERT_NE(at, std::string::npos);
  text[at + 15] = '0';
  std::ofstream(path) << text;
  const Ran wrong = run(verify);
  EXPECT_EQ(wrong.status, 2) << wrong.out;
  EXPECT_NE(wrong.err.find("overlap"), std::string::npos) << wrong.err;
}

// From left to right, as the words of a list that is not one ISA's, too.
TEST_F(Cli, FeaturesAreSwitchedOnAndOff) {
  const std::string compile =
      "compile " +
      file("f.clif", "function %f(i64) -> i64 {\nblock0(v0: i64):\n    v1 = popcnt v0\n    return v1\n}\n") +
      " --target x64";
  const std::string without = run(compile).out, with = run(compile + " --features has_popcnt").out;
  if (without.empty()) GTEST_SKIP() << "x64 is not part of this build";
  EXPECT_NE(with, without);
  EXPECT_EQ(run(compile + " --features has_popcnt,has_popcnt=false").out, without);
  EXPECT_EQ(run(compile + " --features has_popcnt=false,has_popcnt=true").out, with);
}

TEST_F(Cli, InterpretMakesCalls) {
  const Ran ran = run("interpret " + file("f.clif", kFunction) + " --call '%f(21)'");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, "%f(21) returned 42\n");
}

TEST_F(Cli, TriageGoesOnAsTheProgramWhoseCompilerCanDecideOtherwise) {
  const std::string path = file("f.clif", std::string("test run\ntarget x86_64\n") + kFunction + "; run: %f(1) == 2\n");
  const std::string arguments = "triage " + path + " --out " + (folder_ / "out").string();
  program_ = folder_ / "assay";
  std::filesystem::copy_file(ASSAY_PROGRAM, program_);
  EXPECT_EQ(run(arguments).status, 0);  // without it, by itself
  const std::string other = file("assay-what-if", "#!/bin/sh\necho became \"$@\"\nexit 7\n");
  std::filesystem::permissions(other, std::filesystem::perms::owner_all);
  const Ran became = run(arguments);
  EXPECT_EQ(became.status, 7);
  EXPECT_EQ(became.out, "became " + arguments + "\n");
  EXPECT_EQ(run(arguments + " --no-doubt").status, 0);
}

}  // namespace
