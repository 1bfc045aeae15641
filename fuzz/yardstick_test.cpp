// The yardstick's parts: patches and weaving on small texts, and that every seeded mistake of the tree still applies
// and can be woven. Whether the woven tree builds is ci/mutants' to say.
#include "fuzz/yardstick.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "fuzz/measured_process.h"
#include "fuzz/seeded_mistake.h"
#include "fuzz/seeded_weave.h"

namespace assay::fuzz {
namespace {

constexpr char kFolder[] = "corpus/mutants/seeded";

constexpr char kPatch[] =
    "Title: t\nArea: rules\nISA: x64\nStage: virtual\nCulprit: a | b\nOrigin: -\n\n"
    "--- a/dir/f.cpp\n+++ b/dir/f.cpp\n@@ -2,3 +2,3 @@\n two\n-three\n+drei\n four\n";

TEST(SeededMistake, IsRead) {
  const auto mistake = parse_mistake("x/012-some-name.patch", kPatch);
  ASSERT_TRUE(mistake) << render(mistake.error());
  EXPECT_EQ(mistake->number, 12u);
  EXPECT_EQ(mistake->name, "some-name");
  EXPECT_EQ(mistake->culprits, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(mistake->is_harmless);
  ASSERT_EQ(mistake->edits.count("dir/f.cpp"), 1u);
  EXPECT_FALSE(parse_mistake("some-name.patch", kPatch));
  EXPECT_FALSE(parse_mistake("012-x.patch", "Title: t\nArea: rules\nISA: x64\n"));
}

TEST(SeededMistake, IsAppliedWhereItsLinesAre) {
  const auto mistake = parse_mistake("012-x.patch", kPatch);
  ASSERT_TRUE(mistake);
  const auto& hunks = mistake->edits.at("dir/f.cpp");
  EXPECT_EQ(patched("one\ntwo\nthree\nfour\n", hunks), "one\ntwo\ndrei\nfour\n");
  EXPECT_EQ(patched("new\nnew\none\ntwo\nthree\nfour\nfive\n", hunks), "new\nnew\none\ntwo\ndrei\nfour\nfive\n");
  EXPECT_FALSE(patched("one\ntwo\n3\nfour\n", hunks));
}

TEST(SeededMistake, IsMadeOfTwoTexts) {
  const std::string before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  for (const std::string after : {"1\n2\n3\n4\nv\n6\n7\n8\n9\n", "I\n2\n3\n4\n5\n6\n7\n8\n9\n",
                                  "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "1\n2\n3\n5\n6\n7\n8\n9\n"}) {
    const std::string patch = "Title: t\nArea: rules\nISA: x64\nStage: virtual\nCulprit: a\nOrigin: -\n\n" +
                              diff_of("dir/f.cpp", before, after);
    const auto mistake = parse_mistake("012-x.patch", patch);
    ASSERT_TRUE(mistake) << patch;
    EXPECT_EQ(patched(before, mistake->edits.at("dir/f.cpp")), after) << patch;
  }
  EXPECT_EQ(diff_of("dir/f.cpp", before, before), "");
}

TEST(Weave, BodiesOfFunctionsAreChosenAtRunTime) {
  const std::string clean =
      "namespace n {\nint f(int a) { return a; }\nstruct S {\n  int g() const { return '{'; }\n};\n}\n";
  const std::string other =
      "namespace n {\nint f(int a) { return a + 1; }\nstruct S {\n  int g() const { return '{'; }\n};\n}\n";
  const auto woven = weave_cpp(clean, {{7, other}});
  ASSERT_TRUE(woven) << render(woven.error());
  EXPECT_NE(woven->find("if (::assay::fault(7)) { return a + 1; } else { return a; }"), std::string::npos) << *woven;
  EXPECT_NE(woven->find("int g() const { return '{'; }"), std::string::npos) << *woven;
}

// A mistake in islec may number the values of functions otherwise.
TEST(Weave, NumbersOfParametersMayDiffer) {
  const auto woven =
      weave_cpp("bool f(A& a_2, B& b_6) {\n  return g(a_2, b_6);\n}\n",
                {{7, "bool f(A& a_1, B& b_5) {\n  const int b_6 = 1;\n  return g(b_5, b_6, a_1);\n}\n"}});
  ASSERT_TRUE(woven) << render(woven.error());
  EXPECT_NE(woven->find("fault(7)) {\n  const int b_6_ = 1;\n  return g(b_6, b_6_, a_2);\n} else"), std::string::npos)
      << *woven;
  EXPECT_FALSE(weave_cpp("int f(A a_2) { return 1; }\n", {{7, "int f(A b_2) { return 2; }\n"}}));
}

TEST(Weave, RefusesWhatIsNoBody) {
  EXPECT_FALSE(
      weave_cpp("const int k = 1;\nint f() { return k; }\n", {{7, "const int k = 2;\nint f() { return k; }\n"}}));
  EXPECT_FALSE(weave_cpp("int f() { return 1; }\n", {{7, "int f() { return 1; }\nint g() { return 1; }\n"}}));
  EXPECT_FALSE(weave_isle("(decl a (B) C)\n", {{7, "(decl a (B) D)\n"}}));
}

TEST(Weave, RulesStandTwice) {
  const std::string clean = ";; text\n(rule one 1 (lower (a x)) (b x))\n(rule two (lower (c x)) (d x))\n";
  const Version version{7, ";; text\n(rule one 1 (lower (a x)) (e x))\n(rule two (lower (c x)) (d x))\n"};
  const auto woven = weave_isle(clean, {version});
  ASSERT_TRUE(woven) << render(woven.error());
  EXPECT_EQ(*woven,
            ";; text\n(rule one 1 (lower (a x)) (if-let false (fault 7)) (b x))\n(rule two (lower (c x)) (d x))\n"
            "(rule one__7 1 (lower (a x)) (if-let true (fault 7)) (e x))\n");
  const auto under = isle_under_fault(clean, version);
  ASSERT_TRUE(under);
  EXPECT_EQ(*under, ";; text\n(rule one__7 1 (lower (a x)) (e x))\n(rule two (lower (c x)) (d x))\n");
}

// Of the same priority as they are, islec takes no two that may match at once.
TEST(Weave, VersionsOfARuleExcludeEachOther) {
  const auto woven = weave_isle("(rule one (lower x) (b x))\n",
                                {{7, "(rule one (lower x) (c x))\n"}, {8, "(rule one (lower x) (d x))\n"}});
  ASSERT_TRUE(woven) << render(woven.error());
  EXPECT_EQ(*woven,
            "(rule one (lower x) (if-let false (fault 7)) (if-let false (fault 8)) (b x))\n"
            "(rule one__7 (lower x) (if-let true (fault 7)) (c x))\n"
            "(rule one__8 (lower x) (if-let true (fault 8)) (if-let false (fault 7)) (d x))\n");
}

// Fails when an edit of the tree has left a seeded mistake behind: make its patch anew against the new text.
TEST(SeededMistakes, AllApplyAndCanBeWoven) {
  const auto mistakes = read_mistakes(kFolder);
  ASSERT_TRUE(mistakes) << render(mistakes.error());
  std::map<std::string, std::vector<Version>> versions;
  for (const SeededMistake& mistake : *mistakes) {
    for (const auto& [path, hunks] : mistake.edits) {
      const auto text = read_file(path);
      ASSERT_TRUE(text) << mistake.number << ": " << render(text.error());
      auto changed = patched(*text, hunks);
      ASSERT_TRUE(changed) << mistake.number << "-" << mistake.name << ", " << path << ": " << render(changed.error());
      EXPECT_NE(*changed, *text) << mistake.number;
      versions[path].push_back({mistake.number, std::move(*changed)});
    }
  }
  for (const auto& [path, all] : versions) {
    const auto text = read_file(path);
    ASSERT_TRUE(text);
    if (path.ends_with(".cpp") || path.ends_with(".h")) {
      const auto woven = weave_cpp(*text, all);
      EXPECT_TRUE(woven) << path << ": " << render(woven.error());
    } else if (path.ends_with(".isle")) {
      const auto woven = weave_isle(*text, all);
      EXPECT_TRUE(woven) << path << ": " << render(woven.error());
    }
  }
}

// What the copy needs besides: its patch, and that rules of every unit that a mistake edits can ask for the fault.
TEST(SeededMistakes, SupportApplies) {
  const auto text = read_file(std::string(kFolder) + "/support.diff");
  ASSERT_TRUE(text);
  const auto support = parse_mistake("1-support.patch", *text);
  ASSERT_TRUE(support) << render(support.error());
  for (const auto& [path, hunks] : support->edits) {
    const auto clean = read_file(path);
    ASSERT_TRUE(clean) << path;
    EXPECT_TRUE(patched(*clean, hunks)) << path;
  }
  const auto mistakes = read_mistakes(kFolder);
  ASSERT_TRUE(mistakes);
  for (const SeededMistake& mistake : *mistakes) {
    for (const auto& [path, hunks] : mistake.edits) {
      if (!path.ends_with(".isle")) continue;
      const bool is_mid_end = path.starts_with("compiler/opt/");
      EXPECT_TRUE(support->edits.contains(is_mid_end ? "compiler/opt/prelude.isle" : "compiler/machine/prelude.isle"));
    }
  }
}

// What a patch says is to blame is in a file that it edits: names go stale when code moves.
TEST(SeededMistakes, CulpritsAreWhereThePatchIs) {
  const auto mistakes = read_mistakes(kFolder);
  ASSERT_TRUE(mistakes);
  for (const SeededMistake& mistake : *mistakes) {
    bool is_there = mistake.is_harmless;
    for (const auto& [path, hunks] : mistake.edits) {
      const auto text = read_file(path);
      ASSERT_TRUE(text);
      for (const std::string& name : mistake.culprits) {
        const size_t colons = name.rfind("::");  // within its class a function has its plain name
        const std::string culprit = colons == std::string::npos ? name : name.substr(colons + 2);
        const bool is_rule = path.ends_with(".isle");
        const std::string wanted = is_rule                                          ? "(rule " + culprit
                                   : path.ends_with(".cpp") || path.ends_with(".h") ? culprit + "("
                                                                                    : culprit;
        is_there |= text->find(wanted + (is_rule ? " " : "")) != std::string::npos ||
                    (is_rule && text->find(wanted + "\n") != std::string::npos);
      }
    }
    EXPECT_TRUE(is_there) << mistake.number << "-" << mistake.name << ": " << mistake.culprits.front();
  }
}

TEST(SeededMistakes, AreManyOfAllKindsOnAllMachines) {
  const auto mistakes = read_mistakes(kFolder);
  ASSERT_TRUE(mistakes);
  unsigned count = 0, harmless = 0;
  std::set<std::string> areas, isas;
  for (const SeededMistake& mistake : *mistakes) {
    ++(mistake.is_harmless ? harmless : count);
    areas.insert(mistake.area);
    isas.insert(mistake.isa);
  }
  EXPECT_GE(count, 60u);
  EXPECT_GE(harmless, 10u);
  for (const char* area : {"rules", "specs", "abi", "encoder", "allocator", "interpreter", "rule compiler", "labels"}) {
    EXPECT_TRUE(areas.count(area)) << area;
  }
  for (const char* isa : {"x64", "aarch64", "riscv64", "s390x"}) EXPECT_TRUE(isas.count(isa)) << isa;
}

TEST(MeasuredProcess, TellsOutputAndStatus) {
  const auto result = run_measured(
      {.command = {"sh", "-c", "echo $GREETING; echo wrong >&2; exit 3"}, .environment = {{"GREETING", "hello"}}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "hello\n");
  EXPECT_EQ(result->errors, "wrong\n");
  EXPECT_EQ(result->status, 3);
  EXPECT_FALSE(result->is_stopped);
}

TEST(MeasuredProcess, IsStoppedWithItsChildrenAtALimitOfProcessorTime) {
  const auto result = run_measured({.command = {"sh", "-c", "sh -c 'while :; do :; done'"}, .cpu_limit = 0.2});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->is_stopped);
  EXPECT_GT(result->cpu_seconds, 0.19);
}

TEST(MeasuredProcess, EndsWithWhoStartedIt) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t starter = fork();
  ASSERT_GE(starter, 0);
  if (starter == 0) {
    const std::string to = std::to_string(ends[1]);
    (void)run_measured({.command = {"sh", "-c", "echo x >&" + to + "; exec sleep 100"}});
    _exit(0);
  }
  close(ends[1]);
  char started[2];
  ASSERT_EQ(read(ends[0], started, sizeof started), 2);
  kill(starter, SIGKILL);
  EXPECT_EQ(waitpid(starter, nullptr, 0), starter);
  // The pipe ends when the last process that has it does.
  pollfd end{.fd = ends[0], .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&end, 1, 10'000), 1);
  close(ends[0]);
}

TEST(Yardstick, CountsWhatWasNoticed) {
  Verdict found{.number = 1, .area = "rules"}, missed{.number = 2, .area = "abi"}, spec{.number = 3, .area = "specs"};
  found.judges = {{"verify", true, 1.0, "rule"}, {"fuzz", true, 2.0, "result 0"}};
  found.instructions = 2;
  found.is_stage_right = true;
  found.is_culprit_right = false;
  missed.judges = {{"fuzz", false, 60.0, ""}};
  spec.is_compiled = false;
  spec.judges = {{"verify", true, 1.0, "rule"}};
  Verdict harmless{.number = 4, .is_harmless = true};
  harmless.judges = {{"fuzz", false, 30.0, ""}};
  const Summary summary = summarise({found, missed, spec, harmless});
  EXPECT_EQ(summary.mistakes, 3u);
  EXPECT_EQ(summary.noticed, 2u);
  EXPECT_EQ(summary.compiled, 2u);
  EXPECT_EQ(summary.fuzzed, 1u);
  EXPECT_EQ(summary.stage_right, 1u);
  EXPECT_EQ(summary.culprit_right, 0u);
  EXPECT_EQ(summary.harmless_reported, 0u);
  EXPECT_EQ(summary.median_rule_size, 2);
  EXPECT_NE(to_markdown({found}).find("| 1 |"), std::string::npos);
}

}  // namespace
}  // namespace assay::fuzz
