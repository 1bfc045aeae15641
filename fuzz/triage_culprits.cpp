// See triage_culprits.h.
#include "fuzz/triage_culprits.h"

#include <cassert>
#include <iterator>

namespace assay::fuzz {

namespace {

struct Row {
  Decision decision;
  const char* function;
  const char* file;  // * stands for the ISA
};

constexpr Row kRows[] = {
    {Decision::EdgesOfBlocks, "BlockOrder::collect_edges", "compiler/machine/block_order.cpp"},
    {Decision::BlockArguments, "LowerContext::pass_arguments", "compiler/machine/lower.cpp"},
    {Decision::OneInstruction, "LowerContext::lower_inst", "compiler/machine/lower.cpp"},
    {Decision::Results, "LowerContext::bind_results", "compiler/machine/lower.cpp"},
    {Decision::ConstantsKept, "LowerContext::materialise", "compiler/machine/lower.cpp"},
    {Decision::ConstantsHoisted, "LowerContext::hoisted", "compiler/machine/lower.cpp"},
    {Decision::ConstantsPlaced, "LowerContext::flush", "compiler/machine/lower.cpp"},
    {Decision::SlotPlaces, "LowerContext::lay_out_slots", "compiler/machine/lower.cpp"},
    {Decision::SlotAddress, "LowerContext::amode_slot", "compiler/machine/lower_externs.cpp"},
    {Decision::ArgumentPlaces, "compute_abi", "compiler/machine/abi.cpp"},
    {Decision::WordPlaces, "Places::next_word", "compiler/machine/abi.cpp"},
    {Decision::FloatPlaces, "Places::next_float", "compiler/machine/abi.cpp"},
    {Decision::PairPlaces, "Places::next_pair", "compiler/machine/abi.cpp"},
    {Decision::StackPlaces, "Places::next_slot", "compiler/machine/abi.cpp"},
    {Decision::WideDivision, "Expansion::run", "compiler/machine/expand_division.cpp"},
    {Decision::WideConversion, "expand_wide_conversion", "compiler/machine/expand_conversions.cpp"},
    {Decision::ExpandedAtomics, "expand_atomic", "compiler/machine/expand_atomics.cpp"},
    {Decision::ExpandedFloats, "expand_float", "compiler/machine/expand_floats.cpp"},
    {Decision::Call, "LowerContext::emit_call", "compiler/machine/lower_calls.cpp"},
    {Decision::Return, "LowerContext::gen_return", "compiler/machine/lower_calls.cpp"},
    {Decision::Arrival, "LowerContext::receive_arguments", "compiler/machine/lower_calls.cpp"},
    {Decision::Extension, "LowerContext::for_part", "compiler/machine/lower_calls.cpp"},
    {Decision::PassedArguments, "LowerContext::pass", "compiler/machine/lower_calls.cpp"},
    {Decision::Clobbers, "LowerContext::clobbers_of", "compiler/machine/lower_calls.cpp"},
    {Decision::CallWithHandlers, "LowerContext::emit_try_call", "compiler/machine/lower_calls.cpp"},
    {Decision::TailTarget, "LowerContext::gen_return_call_indirect", "compiler/machine/lower_calls.cpp"},
    {Decision::PreservedRegisters, "register_env", "compiler/isa/*/abi.cpp"},
    {Decision::FrameLayout, "layout_frame", "compiler/machine/frame.cpp"},
    {Decision::Prologue, "prologue", "compiler/isa/*/abi.cpp"},
    {Decision::Epilogue, "epilogue", "compiler/isa/*/abi.cpp"},
    {Decision::FrameAddress, "frame_address", "compiler/isa/*/abi.cpp"},
    {Decision::Allocation, "Allocator::run", "compiler/regalloc/allocator.cpp"},
    {Decision::InsertedMoves, "move_hooks", "compiler/machine/compile.cpp"},
    {Decision::RewrittenCode, "Applier::rewrite_operands", "compiler/regalloc/apply.cpp"},
    {Decision::SpillArea, "Applier::run", "compiler/regalloc/apply.cpp"},
    {Decision::Emission, "Emitter::emit_inst", "compiler/machine/emit.cpp"},
    {Decision::FrameOperands, "Emitter::emit_with_frame", "compiler/machine/emit.cpp"},
    {Decision::EndsOfBlocks, "Emitter::emit_block", "compiler/machine/emit.cpp"},
    {Decision::EmptyBlocks, "Emitter::redirect_blocks", "compiler/machine/emit.cpp"},
    {Decision::LongerBranches, "Emitter::relax", "compiler/machine/emit.cpp"},
    {Decision::BranchOverJump, "Emitter::encode_site", "compiler/machine/emit.cpp"},
    {Decision::LabelPlaces, "Emitter::target_of", "compiler/machine/emit.cpp"},
    {Decision::HandlerPlaces, "Emitter::put_together", "compiler/machine/emit.cpp"},
    {Decision::TrapPlaces, "Emitter::encode_fixed", "compiler/machine/emit.cpp"},
    {Decision::TailCall, "Emitter::emit_tail_call", "compiler/machine/emit.cpp"},
    {Decision::TrapPlacesOfSites, "Emitter::add_site", "compiler/machine/emit.cpp"},
    {Decision::ReferenceArithmetic, "evaluate", "interpreter/scalar.cpp"},
    {Decision::ReferenceWide, "evaluate_wide", "interpreter/wide.cpp"},
    {Decision::ReferenceWideSums, "add", "interpreter/wide.cpp"},
    {Decision::ReferenceWideDifferences, "subtract", "interpreter/wide.cpp"},
    {Decision::ReferenceWideProducts, "multiply_high", "interpreter/wide.cpp"},
    {Decision::ReferenceWideCounts, "count", "interpreter/wide.cpp"},
    {Decision::ReferenceWideOrder, "reverse", "interpreter/wide.cpp"},
    {Decision::ReferenceFloats, "evaluate_float", "interpreter/float.cpp"},
    {Decision::ReferenceHostFloats, "on_host", "interpreter/float.cpp"},
    {Decision::ReferenceSoftFloats, "in_software", "interpreter/float.cpp"},
    {Decision::ReferenceMemory, "Memory::find", "interpreter/memory.cpp"},
    {Decision::ReferenceControl, "Interpreter::execute", "interpreter/execute.cpp"},
    {Decision::Selection, "Builder::is_blocked", "compiler/isle/decision.cpp"},
    {Decision::Construction, "TermWriter::expr", "compiler/isle/codegen_term.cpp"},
};

// What differs by ISA.
const char* far_offsets(IsaKind isa) {
  return isa == IsaKind::x64 ? "lea" : isa == IsaKind::s390x ? "move_stack" : "add_offset";
}
const char* saved_places(IsaKind isa) {
  return isa == IsaKind::aarch64 ? "each_saved" : isa == IsaKind::s390x ? "first_saved" : "prologue";
}

}  // namespace

DecisionPlace place_of(Decision decision, IsaKind isa) {
  const auto of_isa = [&](std::string file) {
    if (const size_t star = file.find('*'); star != std::string::npos) file.replace(star, 1, name(isa));
    return file;
  };
  if (decision == Decision::FarFramePlaces) return {far_offsets(isa), of_isa("compiler/isa/*/abi.cpp")};
  if (decision == Decision::SavedPlaces) return {saved_places(isa), of_isa("compiler/isa/*/abi.cpp")};
  for (const Row& row : kRows) {
    if (row.decision == decision) return {row.function, of_isa(row.file)};
  }
  assert(false && "a decision without a row");
  return {};
}

}  // namespace assay::fuzz
