// See apply.h.
#include "compiler/regalloc/apply.h"

namespace assay::regalloc {

using machine::Inst;
using machine::Operand;
using machine::OperandKind;
using machine::Reg;
using machine::VBlock;
using machine::VCode;

namespace {

class Applier {
 public:
  Applier(VCode& code, const Allocation& allocation, const MoveHooks& hooks, std::vector<uint32_t>* origins)
      : code_(code), allocation_(allocation), hooks_(hooks), origins_(origins) {}

  void run() {
    rewrite_operands();
    output_.reserve(code_.insts.size() + allocation_.moves.size());
    for (VBlock& block : code_.blocks) {
      const uint32_t first = static_cast<uint32_t>(output_.size());
      for (uint32_t i = block.first_inst; i < block.end_inst; ++i) {
        insert_moves(i, Point::Before);
        if (!hooks_.is_no_op || !hooks_.is_no_op(code_, code_.insts[i])) {
          output_.push_back(code_.insts[i]);
          if (origins_ != nullptr) origins_->push_back(i);
        }
        insert_moves(i, Point::After);
      }
      block.first_inst = first;
      block.end_inst = static_cast<uint32_t>(output_.size());
      block.first_param = block.param_count = block.first_arg = block.arg_count = 0;
    }
    code_.insts.swap(output_);
    code_.block_params.clear();
    code_.branch_args.clear();
    code_.spills_size = allocation_.spill_slot_count * 8;
  }

 private:
  void rewrite_operands() {
    for (size_t k = 0; k < code_.operands.size(); ++k) {
      Operand& operand = code_.operands[k];
      if (operand.kind == OperandKind::Reg && operand.reg.is_virtual()) operand.reg = Reg(allocation_.operands[k]);
    }
  }

  void insert_moves(uint32_t inst, Point point) {
    const auto& moves = allocation_.moves;
    for (; next_move_ < moves.size() && moves[next_move_].inst == inst && moves[next_move_].point == point;
         ++next_move_) {
      const Move& move = moves[next_move_];
      if (move.from == move.to) continue;
      const size_t first = output_.size();
      if (move.to.is_slot()) {
        hooks_.make_move(MoveKind::Spill, PReg(), move.from.preg(), move.reg_class, move.to.slot_index(), output_,
                         code_.operands);
      } else if (move.from.is_slot()) {
        hooks_.make_move(MoveKind::Reload, move.to.preg(), PReg(), move.reg_class, move.from.slot_index(), output_,
                         code_.operands);
      } else {
        hooks_.make_move(MoveKind::Move, move.to.preg(), move.from.preg(), move.reg_class, 0, output_, code_.operands);
      }
      for (size_t i = first; i < output_.size(); ++i) output_[i].source = code_.insts[inst].source;
      if (origins_ != nullptr) origins_->resize(output_.size(), machine::kNoSource);
    }
  }

  VCode& code_;
  const Allocation& allocation_;
  const MoveHooks& hooks_;
  std::vector<uint32_t>* origins_;
  std::vector<Inst> output_;
  size_t next_move_ = 0;
};

}  // namespace

void apply_allocation(VCode& code, const Allocation& allocation, const MoveHooks& hooks,
                      std::vector<uint32_t>* origins) {
  if (origins != nullptr) origins->clear();
  Applier(code, allocation, hooks, origins).run();
}

}  // namespace assay::regalloc
