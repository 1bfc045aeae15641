// The audit finds nothing in what the allocator does with random functions, and names the function that a spoilt state
// comes from.
#include "compiler/regalloc/audit.h"

#include <gtest/gtest.h>

#include "compiler/regalloc/random_vcode.h"
#include "compiler/regalloc/state.h"

namespace assay::regalloc {
namespace {

using machine::Constraint;
using machine::Role;

void expect_clean(uint64_t seed, const RandomVCodeOptions& options, const AllocateOptions& allocate_options) {
  RandomSource random(seed);
  const RandomCase test = random_vcode(random, options);
  for (const AuditFinding& finding : audit_allocator(test.code, test.env, test.clobbers(), allocate_options)) {
    ADD_FAILURE() << "seed " << seed << ": " << finding.function << ": " << finding.text << "\n" << dump(test.code);
  }
}

TEST(Audit, FindsNothingInRandomFunctions) {
  for (uint64_t seed = 0; seed < 1500 && !testing::Test::HasFailure(); ++seed) {
    expect_clean(seed, {}, {});
    expect_clean(seed, {.max_blocks = 8, .max_insts = 20, .min_registers = 2, .max_registers = 4}, {});
    expect_clean(seed, {.min_registers = 8}, {.max_registers = 2, .choice_seed = seed});
  }
}

// The phases of one random function after the other, the state spoilt after one of them by `spoil`, which says whether
// it could. What is found first.
enum class Phase { Ranges, Scan, Moves };
template <class F>
std::string found_if(Phase spoilt, F spoil) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    RandomSource random(seed);
    const RandomCase test =
        random_vcode(random, {.max_blocks = 6, .max_insts = 20, .min_registers = 2, .max_registers = 3});
    AllocatorState state;
    Allocation result;
    const InstClobbers clobbers = test.clobbers();
    state.code = &test.code;
    state.env = &test.env;
    state.clobbers = &clobbers;
    state.result = &result;
    for (const auto& list : test.env.allocatable) {
      for (PReg reg : list) state.allocatable.add(reg);
    }
    if (!build_ranges(state)) continue;
    const LiveRanges before = live_ranges(state);
    std::vector<AuditFinding> findings;
    if (spoilt == Phase::Ranges) {
      if (!spoil(state)) continue;
      findings = audit_ranges(state);
    } else {
      if (!scan_pieces(state)) continue;
      if (spoilt == Phase::Scan) {
        if (!spoil(state)) continue;
        findings = audit_scan(state, before);
      } else {
        if (!place_moves(state) || !spoil(state)) continue;
        findings = audit_moves(state);
      }
    }
    if (!findings.empty()) return findings[0].function;
  }
  return "nothing";
}

TEST(Audit, NamesWhatMakesRanges) {
  EXPECT_EQ(found_if(Phase::Ranges,
                     [](AllocatorState& s) {
                       if (s.pieces.empty() || s.pieces[0].to < s.pieces[0].from + 4) return false;
                       s.pieces[0].to -= 2;
                       return true;
                     }),
            "RangeBuilder::build_value");
  EXPECT_EQ(found_if(Phase::Ranges,
                     [](AllocatorState& s) {
                       if (s.reserved_used.empty()) return false;
                       s.reserved[s.reserved_used[0]].clear();
                       return true;
                     }),
            "RangeBuilder::collect_inst");
}

TEST(Audit, NamesWhatAssignsRegisters) {
  EXPECT_EQ(found_if(Phase::Scan,
                     [](AllocatorState& s) {
                       for (Piece& a : s.pieces) {
                         for (const Piece& b : s.pieces) {
                           if (!a.reg || !b.reg || a.reg == b.reg || a.reg.reg_class() != b.reg.reg_class()) continue;
                           if (a.from >= b.to || b.from >= a.to || !s.reserved[b.reg.code].empty()) continue;
                           a.reg = b.reg;
                           return true;
                         }
                       }
                       return false;
                     }),
            "Scan::expire");
}

TEST(Audit, NamesWhatPlacesMoves) {
  EXPECT_EQ(found_if(Phase::Moves,
                     [](AllocatorState& s) {
                       for (Value& a : s.values) {
                         for (const Value& b : s.values) {
                           if (!a.spilled || !b.spilled || a.slot == b.slot || a.reg_class != b.reg_class) continue;
                           a.slot = b.slot;
                           return true;
                         }
                       }
                       return false;
                     }),
            "MovePlacer::assign_slots");
  EXPECT_EQ(found_if(Phase::Moves,
                     [](AllocatorState& s) {
                       for (size_t i = 0; i < s.pending.size(); ++i) {
                         if (s.pending[i].stage != 2) continue;
                         s.pending.erase(s.pending.begin() + static_cast<ptrdiff_t>(i));
                         return true;
                       }
                       return false;
                     }),
            "MovePlacer::place_block");
  EXPECT_EQ(found_if(Phase::Moves,
                     [](AllocatorState& s) {
                       if (s.result->moves.size() < 2) return false;
                       s.result->moves[1].from = s.result->moves[0].to;
                       return true;
                     }),
            "ParallelMoveResolver::resolve");
  // An operand beside the one that a definition takes over, of the same value, which ends there.
  EXPECT_EQ(found_if(Phase::Moves,
                     [](AllocatorState& s) {
                       for (const machine::Inst& inst : s.code->insts) {
                         const auto operands = s.code->operands_of(inst);
                         PReg* out = s.result->operands.data() + inst.first_operand;
                         for (size_t d = 0; d < operands.size(); ++d) {
                           if (operands[d].role != Role::Def || operands[d].constraint != Constraint::Reuse) continue;
                           const uint32_t tied = operands[d].detail;
                           if (!operands[tied].reg.is_virtual()) continue;
                           const uint32_t only = s.values[operands[tied].reg.virtual_index()].first_piece;
                           if (only == kNone || s.pieces[only].next != kNone) continue;
                           for (size_t k = 0; k < operands.size(); ++k) {
                             const bool is_beside = k != tied && operands[k].is_use() && out[k] == out[d] &&
                                                    operands[k].constraint == Constraint::Reg &&
                                                    operands[k].reg == operands[tied].reg;
                             if (!is_beside) continue;
                             out[k] = PReg();
                             return true;
                           }
                         }
                       }
                       return false;
                     }),
            "MovePlacer::tie");
  // What a cycle is parked in beyond all slots that are counted.
  EXPECT_EQ(found_if(Phase::Moves,
                     [](AllocatorState& s) {
                       if (s.result->moves.empty()) return false;
                       Move park = s.result->moves[0];
                       park.from = park.to;
                       park.to = Location::slot(s.result->spill_slot_count);
                       s.result->moves.push_back(park);
                       return true;
                     }),
            "MovePlacer::sequentialise");
}

}  // namespace
}  // namespace assay::regalloc
