// Who decides what: the decisions that triage tells apart, and the function that makes each. The one table by which it
// names C++; a test holds it against the tree. Rules, instructions and operations carry their own places, and the
// register allocator names its functions itself (regalloc/audit.h).
#pragma once

#include <string>

#include "compiler/machine/isa_kind.h"

namespace assay::fuzz {

enum class Decision : uint8_t {
  // CLIF to code over virtual registers
  EdgesOfBlocks,     // which edges there are, and in what order blocks stand
  BlockArguments,    // what a branch passes to a block
  OneInstruction,    // whether and how an instruction is lowered
  Results,           // which registers hold an instruction's results
  ConstantsKept,     // where a constant is made, and for how long it serves
  ConstantsHoisted,  // which serve a whole loop from before it
  ConstantsPlaced,   // that constants stand before what reads them
  SlotPlaces,        // where stack slots lie
  SlotAddress,       // the address of a place in a slot
  // what the machine has no instructions for
  WideDivision,
  WideConversion,
  ExpandedAtomics,
  ExpandedFloats,
  // calls
  ArgumentPlaces,  // where the convention has arguments and results: which of these decides
  WordPlaces,
  FloatPlaces,
  PairPlaces,
  StackPlaces,
  Call,              // results from their places, room for what is passed by reference
  Return,            // results to their places
  Arrival,           // arguments from their places
  Extension,         // of narrow arguments and results
  PassedArguments,   // arguments to their places, or copies of them; room on the stack
  Clobbers,          // what a callee may overwrite
  CallWithHandlers,  // what an exception that passes by leaves of registers
  TailTarget,        // where the address of an indirect tail call waits
  PreservedRegisters,
  // frames
  FrameLayout,
  Prologue,
  Epilogue,
  FarFramePlaces,  // offsets that no displacement reaches
  FrameAddress,
  SavedPlaces,  // which registers are saved where
  Allocation,   // as a whole; its audit tells more
  // allocation to code
  InsertedMoves,  // what moves, spills and reloads are as instructions; which moves do nothing
  RewrittenCode,  // operands of the allocated code
  SpillArea,      // how large it is
  // bytes
  Emission,
  FrameOperands,   // displacements of places in the frame
  EndsOfBlocks,    // the branches that are left out, inverted or merged
  EmptyBlocks,     // labels of blocks that only jump
  LongerBranches,  // when branches must be lengthened
  BranchOverJump,  // an inverted branch over a jump
  LabelPlaces,
  HandlerPlaces,
  TrapPlaces,  // of instructions without a label
  TrapPlacesOfSites,
  TailCall,  // arguments on the stack to where the callee looks for them
  // the reference
  ReferenceArithmetic,
  ReferenceWide,
  ReferenceWideSums,  // with their flags
  ReferenceWideDifferences,
  ReferenceWideProducts,
  ReferenceWideCounts,
  ReferenceWideOrder,  // of bits and bytes
  ReferenceFloats,
  ReferenceHostFloats,  // arithmetic in the host's formats, and in others
  ReferenceSoftFloats,
  ReferenceMemory,
  ReferenceControl,
  // the rule compiler
  Selection,
  Construction,
  Count,
};

struct DecisionPlace {
  std::string function;  // "LowerContext::emit_call"
  std::string file;      // relative to the root of the tree
};
DecisionPlace place_of(Decision decision, IsaKind isa);

}  // namespace assay::fuzz
