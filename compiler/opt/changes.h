// What the mid-end does beyond rules that it need not do: each change asks for a step (support/steps.h) under the name
// of the function that answers for it, or of one that it relies on. fuzz/triage_test.cpp holds the names against the
// tree.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>

namespace assay::opt {

struct Change {
  std::string_view function;
  std::string_view file;
};

inline constexpr Change kFolding{"Control::fold", "compiler/opt/control.cpp"};
inline constexpr Change kShortening{"Control::shorten_table", "compiler/opt/control.cpp"};
inline constexpr Change kThreading{"Control::thread", "compiler/opt/control.cpp"};
inline constexpr Change kBranching{"Control::branch_instead", "compiler/opt/control.cpp"};
inline constexpr Change kConditionalTraps{"Control::branches_to_traps", "compiler/opt/control.cpp"};
inline constexpr Change kParameters{"Control::remove_params", "compiler/opt/control.cpp"};
inline constexpr Change kJoining{"Control::join", "compiler/opt/control.cpp"};
inline constexpr Change kUnrollingWholly{"Unroller::unroll_wholly", "compiler/opt/unroll.cpp"};
inline constexpr Change kUnrollingInPart{"Unroller::unroll_in_part", "compiler/opt/unroll.cpp"};
inline constexpr Change kNodes{"Optimizer::Walk::take", "compiler/opt/optimize.cpp"};
inline constexpr Change kMerging{"Optimizer::Walk::merge", "compiler/opt/optimize.cpp"};
inline constexpr Change kExtending{"Optimizer::Walk::make_extending", "compiler/opt/optimize.cpp"};
inline constexpr Change kSharing{"EGraph::find_or_register", "compiler/opt/egraph.cpp"};
inline constexpr Change kHoisting{"Elaborator::hoisted", "compiler/opt/elaborate.cpp"};
inline constexpr Change kAccesses{"Optimizer::Walk::access", "compiler/opt/optimize.cpp"};

inline constexpr Change kChanges[] = {kFolding,    kShortening, kThreading,       kBranching,       kConditionalTraps,
                                      kParameters, kJoining,    kUnrollingWholly, kUnrollingInPart, kNodes,
                                      kMerging,    kExtending,  kSharing,         kHoisting,        kAccesses};

// What such a change rests on, and an audit works out once more when steps are counted: it stands in for the change's
// name if it finds that the function decided wrongly (Responsible). If it finds none, none of these is to blame.
inline constexpr Change kForwarding{"Memory::known", "compiler/opt/memory.cpp"};
inline constexpr Change kDropping{"Memory::needless", "compiler/opt/memory.cpp"};
inline constexpr Change kSamePlace{"Memory::key", "compiler/opt/memory.cpp"};
inline constexpr Change kWhatWrites{"Memory::writes", "compiler/opt/memory.cpp"};
inline constexpr Change kWritesBetween{"Memory::apply", "compiler/opt/memory.cpp"};
inline constexpr Change kMeeting{"Memory::analyze", "compiler/opt/memory.cpp"};
inline constexpr Change kPassing{"Memory::passed", "compiler/opt/memory.cpp"};
inline constexpr Change kLeads{"Control::find_leads", "compiler/opt/control.cpp"};
inline constexpr Change kSameCalls{"Control::same", "compiler/opt/control.cpp"};
inline constexpr Change kConstants{"Control::constant", "compiler/opt/control.cpp"};
inline constexpr Change kEqualNodes{"EGraph::equal", "compiler/opt/egraph.cpp"};
inline constexpr Change kMayMerge{"may_merge", "compiler/opt/optimize.cpp"};
inline constexpr Change kExtensions{"Optimizer::Walk::find_extensions", "compiler/opt/optimize.cpp"};
inline constexpr Change kLoopTest{"Unroller::find_test", "compiler/opt/unroll.cpp"};
inline constexpr Change kCounter{"Unroller::find_counter", "compiler/opt/unroll.cpp"};
inline constexpr Change kStep{"Unroller::step_of", "compiler/opt/unroll.cpp"};
inline constexpr Change kTowardsLimit{"Unroller::moves_towards_limit", "compiler/opt/unroll.cpp"};
inline constexpr Change kRounds{"Unroller::count_rounds", "compiler/opt/unroll.cpp"};
inline constexpr Change kWorthwhile{"Unroller::worthwhile", "compiler/opt/unroll.cpp"};
inline constexpr Change kRoundsFollow{"Unroller::rounds_follow", "compiler/opt/unroll.cpp"};

inline constexpr Change kAudited[] = {kForwarding, kDropping,     kSamePlace,  kWhatWrites, kWritesBetween,
                                      kMeeting,    kPassing,      kLeads,      kSameCalls,  kConstants,
                                      kEqualNodes, kMayMerge,     kExtensions, kLoopTest,   kCounter,
                                      kStep,       kTowardsLimit, kRounds,     kWorthwhile, kRoundsFollow};

// Of either; null if nothing has that name.
inline const Change* find_change(std::string_view function) {
  for (const std::span<const Change> changes : {std::span<const Change>(kChanges), std::span<const Change>(kAudited)}) {
    const auto found = std::ranges::find(changes, function, &Change::function);
    if (found != changes.end()) return &*found;
  }
  return nullptr;
}

}  // namespace assay::opt
