// Filetests from text: what is counted as passed, failed and not run, and what is an error.
#include "oracles/filetest.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"

namespace assay::oracles {
namespace {

FiletestReport run(const std::string& text, bool machines = false) {
  FiletestOptions options;
  options.executors.fill(machines);
  options.executors[kInterpreterExecutor] = true;
  return FiletestRunner(options).run_text(text, "test.clif");
}

constexpr char kFunction[] = R"(function %f(i8, i8) -> i8 {
block0(v0: i8, v1: i8):
    v2 = udiv v0, v1
    return v2
}
)";

Totals interpreter(const FiletestReport& report) { return report.executors[kInterpreterExecutor]; }

TEST(Filetest, CountsPassesAndFailures) {
  const FiletestReport report =
      run(std::string("test interpret\n") + kFunction +
          "; run: %f(7, 2) == 3\n; run: %f(7, 2) != 4\n; run: %f(1, 0) traps int_divz\n"
          "; print: %f(1, 1)\n; run: %f(7, 2) == 4\n; run: %f(1, 0) == 0\n; run: %f(1, 1) traps user1\n");
  EXPECT_EQ(interpreter(report), (Totals{.passed = 4, .failed = 3}));
  ASSERT_EQ(report.failures.size(), 3u);
  EXPECT_EQ(report.failures[0].place.line, 11u);
  EXPECT_EQ(report.failures[0].message, "run: %f(7, 2) == 4: returned 3, should be 4");
  EXPECT_EQ(report.failures[1].message, "run: %f(1, 0) == 0: trapped with int_divz, should return");
  EXPECT_EQ(report.failures[2].message, "run: %f(1, 1) traps user1: returned 1, should trap with user1");
}

TEST(Filetest, CallsTheFunctionTheCommentBelongsTo) {
  const FiletestReport report = run(std::string("test interpret\n") + kFunction + "; run: %other(8, 2) == 4\n");
  EXPECT_EQ(interpreter(report), (Totals{.passed = 1}));
}

TEST(Filetest, PlainRunWantsATruthValue) {
  const FiletestReport report =
      run("test interpret\nfunction %t() -> i8 {\nblock0:\n    v0 = iconst.i8 2\n    return v0\n}\n; run\n"
          "function %f() -> i8 {\nblock0:\n    v0 = iconst.i8 0\n    return v0\n}\n; run\n");
  EXPECT_EQ(interpreter(report), (Totals{.passed = 1, .failed = 1}));
}

TEST(Filetest, SaysWhatTheInterpreterDoesNotKnow) {
  const FiletestReport report = run(
      "test interpret\nfunction %f(i32x4) -> i32x4 {\nblock0(v0: i32x4):\n    v1 = ineg v0\n    return v1\n}\n; run: "
      "%f([1 2 3 4]) == [-1 -2 -3 -4]\n");
  EXPECT_EQ(interpreter(report), (Totals{.not_run = 1}));
  EXPECT_EQ(report.reasons.at("not supported on interpreter: ineg.i32x4"), 1u);
}

// A NaN's sign, and its payload if an operand had another than the canonical one, may be anything.
TEST(Filetest, NansAreComparedButForWhatIsOpen) {
  const std::string function = "function %f(f32) -> f32 {\nblock0(v0: f32):\n    v1 = fadd v0, v0\n    return v1\n}\n";
  const auto judged = [&](const std::string& directive) {
    return interpreter(run("test interpret\n" + function + "; run: " + directive + "\n"));
  };
  EXPECT_EQ(judged("%f(NaN) == -NaN"), (Totals{.passed = 1}));
  EXPECT_EQ(judged("%f(NaN) == NaN:0x1"), (Totals{.failed = 1}));
  EXPECT_EQ(judged("%f(NaN:0x2) == -NaN:0x1"), (Totals{.passed = 1}));
  EXPECT_EQ(judged("%f(sNaN:0x2) == sNaN:0x2"), (Totals{.failed = 1}));
  EXPECT_EQ(judged("%f(NaN) == Inf"), (Totals{.failed = 1}));
  EXPECT_EQ(interpreter(run("test interpret\nset enable_nan_canonicalization=true\ntarget x86_64\n" + function +
                            "; run: %f(NaN) == -NaN\n")),
            (Totals{.failed = 1}));
}

// Whatever machine code is made for, it computes the same.
TEST(Filetest, FeaturesChangeNoResult) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator("corpus/filetests")) {
    if (entry.path().filename() == "tail_loops.clif") continue;  // millions of calls, which no feature changes
    if (entry.path().extension() == ".clif") files.push_back(entry.path().string());
  }
  for (const bool all : {true, false}) {
    FiletestOptions options;
    for (const IsaKind isa : kAllIsas) {
      const machine::TargetIsa* target = isa::find_isa(isa);
      if (target == nullptr) continue;
      // Every second one, so that what one of two rivals leaves to the other is seen, too.
      options.features[static_cast<size_t>(isa)] =
          machine::all_features(*target->insts) & (all ? ~machine::FeatureSet{0} : 0x5555'5555'5555'5555);
    }
    const FiletestReport report = run_filetests(files, options, 2, {});
    EXPECT_FALSE(report.has_failures()) << report.failures.front().place.file << ": "
                                        << report.failures.front().message;
    EXPECT_TRUE(report.errors.empty());
    EXPECT_GT(report.executors[kInterpreterExecutor].passed, 1000u);
  }
}

TEST(Filetest, EveryDirectiveCountsOnEveryExecutor) {
  const FiletestReport report = run(
      std::string("test run\ntarget x86_64 has_avx\ntarget pulley64\n") + kFunction + "; run: %f(7, 2) == 3\n", true);
  for (const Totals& totals : report.executors) EXPECT_EQ(totals.sum(), 1u);
  EXPECT_EQ(report.reasons.at("the file has no target line for s390x"), 3u);  // the machine and two stages
  EXPECT_FALSE(report.has_failures());
}

TEST(Filetest, InterpretOnlyFilesDoNotRunOnMachines) {
  const FiletestReport report = run(std::string("test interpret\n") + kFunction + "; run: %f(7, 2) == 3\n", true);
  EXPECT_EQ(report.reasons.at("the file is only for `test interpret`"), kFiletestExecutors - 1);
}

TEST(Filetest, RegionsAreThere) {
  const FiletestReport report = run(R"(test interpret
function %f(i64) -> i32 {
block0(v0: i64):
    v1 = load.i32 little v0
    istore8 v1, v0+1
    v2 = load.i32 little v0
    return v2
}
; region: 0x20000000 8 bytes 01020304
; run: %f(0x20000000) == 0x04030101
; run: %f(0x20000000) == 0x04030101
; run: %f(0x20000005) traps heap_oob
)");
  EXPECT_EQ(interpreter(report), (Totals{.passed = 3}));
}

TEST(Filetest, FilesForBigEndianMachinesOnly) {
  const std::string body = R"(function %f(i32) -> i8 {
    ss0 = explicit_slot 4
block0(v0: i32):
    v1 = stack_addr.i64 ss0
    store.i32 v0, v1
    v2 = load.i8 v1
    return v2
}
; run: %f(0x01020304) == 1
)";
  EXPECT_EQ(interpreter(run("test run\ntarget s390x\n" + body)), (Totals{.passed = 1}));
  EXPECT_EQ(interpreter(run("test run\ntarget s390x\ntarget x86_64\n" + body)), (Totals{.failed = 1}));
}

TEST(Filetest, BadFilesAreErrorsWithAPlace) {
  EXPECT_EQ(run("test interpret\nfunction %f( {\n").errors.at(0).place.line, 2u);
  const FiletestReport verifier =
      run("test interpret\nfunction %f() -> i8 {\nblock0:\n    return\n}\n; run: %f() == 1\n");
  ASSERT_FALSE(verifier.errors.empty());
  EXPECT_EQ(verifier.errors[0].place.line, 4u);
  const FiletestReport directive = run(std::string("test interpret\n") + kFunction + "; run: %f(1) == 1\n");
  ASSERT_FALSE(directive.errors.empty());
  EXPECT_EQ(directive.errors[0].place.line, 7u);
  EXPECT_EQ(interpreter(run("")), Totals{});
}

TEST(Filetest, VerifierAnnotations) {
  const std::string text =
      "test verifier\nfunction %f() -> i8 {\nblock0:\n    v0 = iconst.i32 1\n    return v0 ; error: ";
  EXPECT_EQ(run(text + "return\n}\n").commands.at("verifier").sum(), 1u);
  EXPECT_EQ(run(text + "no such words\n}\n").commands.at("verifier"), (Totals{.failed = 1}));
  EXPECT_EQ(run("test verifier\n" + std::string(kFunction)).commands.at("verifier"), (Totals{.passed = 1}));
  EXPECT_TRUE(run(text + "no such words\n}\n").has_failures());
}

TEST(Filetest, CatRoundTrips) {
  EXPECT_EQ(run("test cat\n" + std::string(kFunction)).commands.at("cat"), (Totals{.passed = 1}));
}

TEST(Filetest, UnknownCommandsAreShown) {
  const FiletestReport report = run("test legalizer\n" + std::string(kFunction));
  EXPECT_EQ(report.reasons.at("test command not known: legalizer"), 1u);
}

TEST(Filetest, ManyFilesInProcesses) {
  FiletestOptions options;
  options.executors.fill(false);
  options.executors[kInterpreterExecutor] = true;
  size_t last = 0;
  const FiletestReport report =
      run_filetests({"corpus/filetests/iadd.clif", "corpus/filetests/trap.clif", "corpus/none.clif"}, options, 2,
                    [&](size_t done, size_t) { last = done; });
  EXPECT_EQ(last, 3u);
  EXPECT_GT(interpreter(report).passed, 100u);
  EXPECT_EQ(interpreter(report).failed, 0u);
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_EQ(report.errors[0].place.file, "corpus/none.clif");
}

}  // namespace
}  // namespace assay::oracles
