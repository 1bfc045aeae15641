// See doubts.h. Two steps, in processes of their own: programs are gathered; then every change of a place that ran in
// the case is tried on the case, and those that mend it on all programs.
#include "fuzz/doubts.h"

#include <sys/time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "compiler/support/what_if.h"
#include "fuzz/mutate_case.h"
#include "fuzz/reduce_edits.h"
#include "fuzz/repair.h"
#include "fuzz/symbols.h"
#include "oracles/worker_pool.h"

namespace assay::fuzz {

namespace {

using nlohmann::json;

constexpr size_t kMostFailing = 24, kMostPassing = 60, kMostOthers = 15;  // others: not made from the case
constexpr size_t kFewFailing = 8, kFewPassing = 20, kMostBest = 10;
constexpr double kLeastScore = 0.6;
constexpr unsigned kMostSpoilt = 4;
constexpr size_t kMany = 4;  // functions
constexpr unsigned kBatches = 6, kBatch = 60;
// Of processor time, for making and judging a program, for a change and the case, and for one and all programs: with
// some changes they do not end.
constexpr uint32_t kMillisecondsForOne = 1000, kMilliseconds = 30, kMillisecondsForAll = 3000;

// "compiler/opt/memory.cpp" of "/home/me/assay/compiler/opt/memory.cpp".
std::string in_tree(const std::string& file) {
  const size_t at = file.rfind("compiler/");
  return at == std::string::npos ? file : file.substr(at);
}

GenerateOptions small_programs() {
  GenerateOptions options;
  options.max_instructions = 10;
  options.inputs = 3;
  return options;
}

// For each place and each of the two bits of WhatIfPlace::ran: with how many programs.
struct Runs {
  std::vector<unsigned> failed, passed;

  Runs() : failed(2 * what_if_places().size()), passed(failed.size()) {}
  double presence(size_t place, unsigned all_failed) const {
    double best = 0;
    for (size_t i = 2 * place; i < 2 * place + 2; ++i) {
      if (failed[i] == 0) continue;
      best = std::max(best, failed[i] / std::sqrt(double(all_failed) * (failed[i] + passed[i])));
    }
    return best;
  }
};

struct Programs {
  std::vector<Case> failing, passing;
  std::vector<size_t> code;  // of the passing: hashes
  unsigned all_failing = 0, all_passing = 0;
  Runs runs;
};

// Ends this process, by a signal, after so much processor time.
void end_after(uint32_t milliseconds) {
  const itimerval limit{
      .it_interval = {},
      .it_value = {.tv_sec = milliseconds / 1000, .tv_usec = 1000 * suseconds_t(milliseconds % 1000)}};
  setitimer(ITIMER_PROF, &limit, nullptr);
}

// Programs near to the case: what fails is changed further, so that there is much that fails in other surroundings.
// Each is made and judged in another process, and costs only itself if the compiler does not survive it.
class Gatherer {
 public:
  Gatherer(const Case& failing, const DoubtJudge& judge) : failing_(failing), judge_(judge) {}

  void run(Programs& programs) {
    oracles::WorkerPoolOptions options{.milliseconds = 20 * kMillisecondsForOne};
    (void)oracles::run_isolated(
        kBatches * kBatch, options, [&](size_t i) { return work(i); },
        [&](size_t i, Expected<std::string> result) {
          const json entry = result ? json::parse(*result, nullptr, false) : json();
          if (entry.is_object()) take(programs, entry);
          if (i == 0 && programs.all_failing == 0) options.until = {};  // it was no failure of this stage
        });
  }

 private:
  // Made from those of the same batch, all of which are made from the case. Workers keep what failed; a new one knows
  // what has arrived here.
  void start_batch(size_t batch) {
    if (batch == batch_) return;
    batch_ = batch;
    pool_ = {failing_};
  }

  std::string work(size_t i) {
    end_after(kMillisecondsForOne);
    start_batch(i / kBatch);
    if (i == 0) return judged(failing_, 0, false);
    Random random(i + 1);
    const bool is_other = random.chance(25);
    Case test =
        is_other ? generate_case(random, small_programs()) : pool_[random.below(static_cast<uint32_t>(pool_.size()))];
    test.choice_seed = failing_.choice_seed;
    if (!is_other) {
      (void)mutate(test, random, {.max_mutations = random.chance(60) ? 1u : 3u, .max_instructions = most()});
    }
    return judged(test, i / kBatch, is_other);
  }

  // As JSON; nothing if it cannot be judged.
  std::string judged(const Case& test, size_t batch, bool is_other) {
    const std::span<WhatIfPlace> places = what_if_places();
    for (WhatIfPlace& place : places) place.ran = 0;
    const DoubtVerdict verdict = judge_.judge(test);
    if (verdict == DoubtVerdict::Void) return {};
    std::string ran;
    for (const WhatIfPlace& place : places) ran += static_cast<char>('0' + (place.ran & 3));
    const bool fails = verdict == DoubtVerdict::Fails;
    json entry = {{"text", print_case(test)}, {"fails", fails}, {"batch", batch}, {"ran", ran}, {"other", is_other}};
    entry["code"] = fails ? 0 : std::hash<std::string>()(judge_.code(test));
    if (fails) keep(test);
    return entry.dump(-1, ' ', false, json::error_handler_t::replace);
  }

  void keep(const Case& test) {
    if (count_instructions(test) <= most()) pool_.push_back(test);
  }

  void take(Programs& programs, const json& entry) {
    const bool fails = entry["fails"];
    ++(fails ? programs.all_failing : programs.all_passing);
    std::vector<unsigned>& counts = fails ? programs.runs.failed : programs.runs.passed;
    const auto ran = entry["ran"].get<std::string>();
    for (size_t p = 0; 2 * p < counts.size(); ++p) {
      counts[2 * p] += ran[p] & 1;
      counts[2 * p + 1] += ran[p] >> 1 & 1;
    }
    auto test = parse_case(entry["text"], "near");
    if (!test) return;
    const bool is_other = entry["other"];
    if (fails) {
      start_batch(entry["batch"]);
      keep(*test);
      if (programs.failing.size() < kMostFailing) programs.failing.push_back(std::move(*test));
    } else if (programs.passing.size() < kMostPassing && !(is_other && others_ >= kMostOthers)) {
      others_ += is_other;
      programs.passing.push_back(std::move(*test));
      programs.code.push_back(entry["code"].get<size_t>());
    }
  }

  size_t most() const { return 2 * count_instructions(failing_) + 12; }

  const Case& failing_;
  const DoubtJudge& judge_;
  size_t batch_ = SIZE_MAX;
  std::vector<Case> pool_;
  size_t others_ = 0;
};

using Tally = DoubtedFunction::Tally;

struct Change {
  size_t place = 0;
  uint8_t change = 0;
};

std::string in_words(const WhatIfPlace& place, uint8_t change) {
  static constexpr const char* kNumber[] = {"one more", "one less", "its left operand", "its right operand"};
  static constexpr const char* kKept[] = {"one more", "one less", "eight more", "eight less"};
  const auto what = [&]() -> std::string {
    switch (place.kind) {
      case WhatIfKind::Condition:
        return "the condition there were the other way";
      case WhatIfKind::Answer:
        return "its answer were the other one";
      case WhatIfKind::Limit:
        return "the limit there were one further or nearer";
      case WhatIfKind::Flag:
        return "the truth value there were the other one";
      case WhatIfKind::Kept:
        return std::string("the number handed on there were ") + kKept[change - 1];
      default:
        return std::string("the number there were ") + kNumber[change - 1];
    }
  };
  return "line " + std::to_string(place.line) + ": if " + what();
}

// Changes of what ran in the case.
std::vector<Change> changes_of(const Case& failing, const DoubtJudge& judge) {
  const std::span<WhatIfPlace> places = what_if_places();
  const auto ran = oracles::run_isolated([&] {
    for (WhatIfPlace& place : places) place.ran = 0;
    (void)judge.judge(failing);
    std::string out;
    for (const WhatIfPlace& place : places) out += place.ran != 0 ? '1' : '0';
    return out;
  });
  std::vector<Change> out;
  for (size_t p = 0; ran && p < places.size() && p < ran->size(); ++p) {
    if ((*ran)[p] == '0' || !judge.has_file(in_tree(places[p].file))) continue;
    const uint8_t most = what_if_changes(places[p].kind);
    for (uint8_t change = 1; change <= most; ++change) out.push_back({p, change});
  }
  return out;
}

}  // namespace

const DoubtedFunction* Doubts::find(const std::string& name) const {
  const auto found = std::ranges::find_if(functions, [&](const DoubtedFunction& function) {
    return function.name == name || function.name.ends_with("::" + name);
  });
  return found == functions.end() ? nullptr : &*found;
}

bool can_doubt() { return !what_if_places().empty(); }

Doubts doubt_functions(const Case& failing, const DoubtJudge& judge) {
  Doubts out;
  if (!can_doubt()) return out;
  const std::span<WhatIfPlace> places = what_if_places();
  Programs programs;
  Gatherer(failing, judge).run(programs);
  out.failing = programs.all_failing;
  out.passing = programs.all_passing;

  std::map<std::string, DoubtedFunction> functions;
  for (size_t p = 0; p < places.size(); ++p) {
    const double presence = programs.runs.presence(p, programs.all_failing);
    const std::string file = in_tree(places[p].file);
    if (presence == 0 || !judge.has_file(file)) continue;
    const std::string name = plain_function(places[p].function);
    DoubtedFunction& function = functions[name];
    if (function.name.empty()) function = {.name = name, .file = file, .line = places[p].line, .change = {}};
    function.presence = std::max(function.presence, presence);
    ++function.places;
    if (places[p].kind == WhatIfKind::Entry) {
      const unsigned ran = programs.runs.failed[2 * p] + programs.runs.passed[2 * p];
      function.is_everywhere = ran == programs.all_failing + programs.all_passing;
    }
  }

  // With most changes the compiler breaks, often with words.
  const auto with = [&](const Change& change, uint32_t milliseconds, const std::function<std::string()>& work) {
    static const bool is_quiet = std::freopen("/dev/null", "w", stderr) != nullptr;
    (void)is_quiet;
    end_after(milliseconds);
    places[change.place].change = change.change;
    std::string text = work();
    places[change.place].change = 0;
    return text;
  };
  const std::vector<Change> all = changes_of(failing, judge);
  std::vector<Change> changes;  // that mend the case
  oracles::run_isolated(
      all.size(), {.milliseconds = 20 * kMilliseconds},
      [&](size_t i) {
        return with(all[i], kMilliseconds, [&] { return judge.judge(failing) == DoubtVerdict::Passes ? "mends" : ""; });
      },
      [&](size_t i, Expected<std::string> result) {
        if (result && !result->empty()) changes.push_back(all[i]);
      });
  // Of each of these: what becomes of so many of the programs.
  const auto tally = [&](const std::vector<Change>& asked, size_t failing_count, size_t passing_count,
                         const std::function<void(size_t, const Tally&, size_t code)>& done) {
    failing_count = std::min(failing_count, programs.failing.size());
    passing_count = std::min(passing_count, programs.passing.size());
    oracles::run_isolated(
        asked.size(), {.milliseconds = 10 * kMillisecondsForAll},
        [&](size_t i) {
          return with(asked[i], kMillisecondsForAll, [&] {
            unsigned mended = 0, spoilt = 0, altered = 0;
            for (size_t k = 0; k < failing_count; ++k) {
              mended += judge.judge(programs.failing[k]) == DoubtVerdict::Passes;
            }
            // What mends few, or spoils many, need not be known better.
            if (2 * mended < failing_count) return json{mended, 0, 0, 0}.dump();
            for (size_t k = 0; k < passing_count && spoilt < kMostSpoilt; ++k) {
              spoilt += judge.judge(programs.passing[k]) == DoubtVerdict::Fails;
              altered += std::hash<std::string>()(judge.code(programs.passing[k])) != programs.code[k];
            }
            return json{mended, spoilt, altered, std::hash<std::string>()(judge.code(failing))}.dump();
          });
        },
        [&](size_t i, Expected<std::string> result) {
          const json counts = result ? json::parse(*result, nullptr, false) : json();
          if (!counts.is_array()) return;
          const auto share = [&](size_t k, size_t of) {
            return of == 0 ? 0 : counts[k].get<double>() / static_cast<double>(of);
          };
          done(i, {share(0, failing_count), share(1, passing_count), share(2, passing_count)}, counts[3]);
        });
  };
  std::vector<double> scores(changes.size());
  std::vector<size_t> codes(changes.size());
  std::map<size_t, std::set<std::string>> makers;  // functions, by the code of the case that their changes make
  tally(changes, kFewFailing, kFewPassing, [&](size_t i, const Tally& t, size_t code) {
    scores[i] = t.score();
    codes[i] = code;
    makers[code].insert(plain_function(places[changes[i].place].function));
  });
  const auto is_one_of_many = [&](size_t code) { return makers[code].size() >= kMany; };
  // The best once more, on all programs.
  std::vector<size_t> order(changes.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](size_t i) { return std::tuple(-scores[i], is_one_of_many(codes[i]), i); });
  std::vector<Change> best;
  for (size_t i : order) {
    if (best.size() < kMostBest && scores[i] > kLeastScore) best.push_back(changes[i]);
  }
  tally(best, kMostFailing, kMostPassing, [&](size_t i, const Tally& t, size_t code) {
    const WhatIfPlace& place = places[best[i].place];
    DoubtedFunction& function = functions[plain_function(place.function)];
    const bool is_condition = place.kind == WhatIfKind::Condition;
    const bool is_common = is_one_of_many(code);
    if (std::tuple(function.tally.score(), !function.is_one_of_many, function.is_condition) >=
        std::tuple(t.score(), !is_common, is_condition)) {
      return;
    }
    function.is_condition = is_condition;
    function.is_one_of_many = is_common;
    function.tally = t;
    function.change = in_words(place, best[i].change);
  });
  for (auto& [name, function] : functions) out.functions.push_back(std::move(function));
  std::ranges::sort(out.functions, {}, [](const DoubtedFunction& f) {
    return std::tuple(-f.tally.score(), f.is_one_of_many, !f.is_condition, f.change.empty() ? 0u : f.places,
                      -f.presence, f.name);
  });
  return out;
}

}  // namespace assay::fuzz
