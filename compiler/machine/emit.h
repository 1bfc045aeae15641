// From VCode over physical registers to bytes: prologue and epilogues, labels, branch forms, jump tables, constants.
//
// The code is written once into a base buffer with holes ("sites") for what depends on labels or on the constant pool;
// then the sites grow from their shortest form until every displacement fits; then both are put together.
//
// E1  A block that only jumps is not emitted; labels that name it lead to where it jumps (through chains; a cycle of
//     such blocks keeps one of them). The entry block is always emitted.
// E2  A jump to the block that is emitted next is dropped; a conditional branch to it is inverted if a jump follows;
//     two branches to the same place become one.
// E3  A branch that does not reach takes its next longer form: first its ordinary one if it was in a short form (of a
//     feature), then TargetIsa::longer_branch; with none left, it becomes the inverted branch over an unconditional
//     jump, and that jump may grow likewise. Sites never shrink, after kMaxShortRounds none is in a short form, and
//     after kMaxRounds all take their longest form, so the time is linear. The address of a place is found likewise.
// E4  Frame operands become displacements from the stack pointer; one that does not fit its instruction goes through
//     abi.frame_scratch.
// E5  Bytes: code (with jump tables between), padding, constant pool. Constants are aligned to their size (at most 16).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/machine/isa.h"
#include "compiler/machine/vcode.h"
#include "compiler/support/diagnostic.h"

namespace assay::machine {

// An instruction that may trap on purpose: its first byte, the CLIF trap code, the CLIF instruction.
struct TrapRecord {
  uint32_t offset = 0;
  uint8_t code = 0;
  uint32_t inst = kNoSource;
  bool operator==(const TrapRecord&) const = default;
};

// From this offset on, up to the next mark, the code comes from this CLIF instruction (kNoSource: from none).
struct SourceMark {
  uint32_t offset = 0;
  uint32_t inst = kNoSource;
  bool operator==(const SourceMark&) const = default;
};

// A value in the frame of a function that is making a call: so many bytes, in the machine's byte order, so far above
// the stack pointer that the function has behind the call.
struct FramePlace {
  uint32_t offset = 0;
  uint32_t size = 0;  // 0: there is none
  bool operator==(const FramePlace&) const = default;
};

// Where a call goes on if it unwinds with an exception of this tag, and of this context if the handler is under one.
struct HandlerRecord {
  bool any_tag = false;
  uint32_t tag = 0;
  uint32_t offset = 0;
  FramePlace context;  // an integer narrower than 64 bits is zero-extended to that
  bool operator==(const HandlerRecord&) const = default;
};

// What an unwinder has to know of a call: those with handlers and those whose callee pops arguments.
struct CallSiteRecord {
  uint32_t return_offset = 0;  // where the call returns to
  uint32_t popped = 0;         // bytes by which the callee raises the stack pointer
  uint32_t first_handler = 0;  // in EmittedCode::handlers, to be tried in order
  uint32_t handler_count = 0;
  bool operator==(const CallSiteRecord&) const = default;
};

// Bytes among the code that are not instructions: [begin, end).
struct DataRange {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool operator==(const DataRange&) const = default;
};

// One instruction as it was emitted, with the bytes from `offset` up to the next one's.
struct EmittedInst {
  uint32_t offset = 0;
  uint32_t vcode = kNoSource;  // the VCode instruction for which it was; kNoSource: the prologue
  uint16_t opcode = 0;
  bool is_extra = false;  // of an epilogue, or to reach a far place in the frame
  std::string text;
};

struct EmittedCode {
  std::vector<uint8_t> bytes;
  uint32_t code_size = 0;                  // without padding and constant pool
  std::vector<DataRange> data;             // jump tables, by offset
  std::vector<Relocation> relocations;     // symbols as in VCode::symbols
  std::vector<TrapRecord> traps;           // by offset
  std::vector<SourceMark> sources;         // by offset
  std::vector<CallSiteRecord> call_sites;  // by offset
  std::vector<HandlerRecord> handlers;     // of all call sites
  std::vector<SourceMark> points;          // where calls return to, and sequence points with debug tags, by offset
  FeatureSet features = 0;                 // what the machine has to have to run it
  uint32_t instructions = 0;               // emitted, pseudo-instructions counting as one
  uint32_t long_branches = 0;              // sites that grew
  std::string listing;                     // if asked for: offset, bytes and text of every instruction, one a line
  std::vector<EmittedInst> insts;          // likewise, by offset
};

class Emitter {
 public:
  static constexpr unsigned kMaxShortRounds = 8;
  static constexpr unsigned kMaxRounds = 16;

  // `vcode` is only read. `out` is overwritten; its memory is reused, as is the emitter's. Fails if an operand is
  // outside its instruction's range: a mistake of a rule or of the backend.
  Expected<void> emit(const VCode& vcode, const TargetIsa& isa, const FrameLayout& frame, bool want_listing,
                      EmittedCode& out);

 private:
  // A place in the code: bytes of the base buffer, and how many sites stand before it.
  struct Position {
    uint32_t base = 0;
    uint32_t site = 0;
  };
  enum class SiteKind : uint8_t { Branch, InvertedBranch, Fixed };
  struct Site {
    uint32_t base = 0;
    uint32_t first_operand = 0;
    uint16_t operand_count = 0;
    uint16_t opcode = 0;
    uint16_t jump = kNoOpcode;  // InvertedBranch: the jump behind the branch
    SiteKind kind = SiteKind::Branch;
    uint8_t branch_size = 0;  // InvertedBranch: of the branch alone
    uint8_t label_slot = 0;   // Branch, InvertedBranch
    bool is_long = false;     // in no short form, whatever the features
    bool grown = false;
    uint32_t size = 0;
  };
  struct DisplacementQuery;
  static int64_t displacement(const void* user, unsigned slot);

  void redirect_blocks();
  void find_landings();
  void land(uint32_t block);
  void emit_block(uint32_t order_index);
  void emit_inst(const Inst& inst, std::span<const Operand> operands);
  void emit_call(const Inst& inst, std::span<const Operand> operands);
  void probe_stack();
  void emit_tail_call(const Inst& inst, std::span<const Operand> operands);
  void emit_with_frame(uint16_t opcode, std::span<const Operand> operands, uint8_t trap, uint32_t source);
  void emit_simple(const SimpleInst& inst);
  void emit_list(uint32_t source);
  void encode_fixed(uint16_t opcode, std::span<const Operand> operands, uint8_t trap, uint32_t source);
  void add_site(uint16_t opcode, std::span<const Operand> operands, uint8_t trap, uint32_t source);
  EncodeError encode_piece(uint16_t opcode, std::span<const Operand> operands, const DisplacementQuery& query,
                           FeatureSet features);
  FeatureSet short_features(const Site& site) const { return site.is_long ? 0 : vcode_->features; }
  bool leave_short_form(Site& site);
  bool lengthen(Site& site);
  void measure(Site& site);
  void relax();
  void put_together();
  bool jumps_only(const VBlock& block, Block* target) const;
  EncodeError encode_site(const Site& site, uint32_t start, std::vector<uint8_t>* out);
  int64_t target_of(const Operand& operand) const;
  void need_features(const InstDesc& desc);
  void add_listing(uint16_t opcode, std::span<const Operand> operands);
  void mark_source(uint32_t source);
  void refuse(uint16_t opcode, std::span<const Operand> operands, EncodeError error);
  Position here() const { return {static_cast<uint32_t>(base_.size()), static_cast<uint32_t>(sites_.size())}; }
  uint32_t final_offset(Position position) const { return position.base + growth_[position.site]; }

  const VCode* vcode_ = nullptr;
  const TargetIsa* isa_ = nullptr;
  const FrameLayout* frame_ = nullptr;
  EmittedCode* out_ = nullptr;
  bool want_listing_ = false;
  std::string error_;

  std::vector<Block> redirect_;    // by block
  std::vector<uint32_t> emitted_;  // blocks in order
  std::vector<uint32_t> path_;
  std::vector<uint8_t> state_;
  std::vector<uint8_t> landings_;  // by block: is it reached through a jump table, or by unwinding? Empty: no matter
  std::vector<uint8_t> base_;
  std::vector<Site> sites_;
  std::vector<Operand> site_operands_;
  std::vector<Position> labels_;            // by block
  std::vector<uint32_t> growth_;            // by site index: bytes of all sites before it; one more at the end
  std::vector<uint32_t> constant_offsets_;  // in the final bytes
  std::vector<Operand> scratch_operands_, inverted_operands_;
  std::vector<uint8_t> piece_;  // bytes of the instruction encoded last, and where data starts in it
  uint32_t piece_data_ = 0;
  FeatureSet piece_features_ = 0;
  InstList list_;
  struct PendingTrap {
    Position position;
    uint8_t offset;
    uint8_t code;
    uint32_t inst;
  };
  struct PendingReloc {
    Position position;
    Relocation reloc;
  };
  struct PendingMark {
    Position position;
    uint32_t inst;
  };
  struct PendingLine {
    Position position;
    EmittedInst inst;
  };
  struct PendingCall {
    Position position;
    CallSiteRecord site;
  };
  struct PendingHandler {
    HandlerRecord handler;
    Operand label;
  };
  std::vector<PendingTrap> traps_;
  std::vector<PendingReloc> relocs_;
  std::vector<PendingMark> marks_, points_;
  std::vector<PendingLine> lines_;
  std::vector<PendingCall> calls_;
  std::vector<PendingHandler> handlers_;
  uint32_t last_source_ = kNoSource;
  uint32_t current_vcode_ = kNoSource;
  bool in_list_ = false;
};

}  // namespace assay::machine
