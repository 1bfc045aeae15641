// What the mid-end does beyond rules that it need not do: each change asks for a step (support/steps.h) under the name
// of the function that answers for it. fuzz/triage_test.cpp holds the names against the tree.
#pragma once

#include <string_view>

namespace assay::opt {

struct Change {
  std::string_view function;
  std::string_view file;
};

inline constexpr Change kFolding{"Control::fold", "compiler/opt/control.cpp"};
inline constexpr Change kThreading{"Control::thread", "compiler/opt/control.cpp"};
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
// Of memory: which of them it is, Memory works out by itself.
inline constexpr Change kForwarding{"Memory::known", "compiler/opt/memory.cpp"};
inline constexpr Change kSamePlace{"Memory::key", "compiler/opt/memory.cpp"};
inline constexpr Change kWritesBetween{"Memory::apply", "compiler/opt/memory.cpp"};
inline constexpr Change kDropping{"Memory::needless", "compiler/opt/memory.cpp"};
inline constexpr Change kEffectsBetween{"Memory::passed", "compiler/opt/memory.cpp"};

inline constexpr Change kChanges[] = {
    kFolding,         kThreading, kConditionalTraps, kParameters, kJoining,       kUnrollingWholly,
    kUnrollingInPart, kNodes,     kMerging,          kExtending,  kSharing,       kHoisting,
    kForwarding,      kSamePlace, kWritesBetween,    kDropping,   kEffectsBetween};

}  // namespace assay::opt
