// See verify_vcode.h.
#include "compiler/regalloc/verify_vcode.h"

#include <algorithm>

namespace assay::regalloc {

using machine::Block;
using machine::Constraint;
using machine::Inst;
using machine::kFlagsReg;
using machine::Operand;
using machine::OperandKind;
using machine::Reg;
using machine::Role;
using machine::VBlock;
using machine::VCode;

namespace {

constexpr uint32_t kNone = 0xffffffffu;
constexpr size_t kMaxDiagnostics = 100;

class Verifier {
 public:
  Verifier(const VCode& code, const InstClobbers& clobbers) : code_(code), clobbers_(clobbers) {}

  Diagnostics run() {
    // Each step relies on the ones before it.
    check_ranges();
    if (found_.empty()) check_edges();
    if (found_.empty()) check_operands();
    if (found_.empty()) check_definitions();
    if (found_.empty()) check_dominance();
    if (found_.empty()) check_flags();
    return std::move(found_);
  }

 private:
  void report(std::string message, uint32_t inst = kNone) {
    if (found_.size() >= kMaxDiagnostics) return;
    Place place;
    if (inst != kNone) place.instruction = "instruction " + std::to_string(inst);
    found_.push_back({place, std::move(message), {}});
  }
  static std::string block_name(uint32_t b) { return "block " + std::to_string(b); }
  static std::string value_name(uint32_t v) { return "v" + std::to_string(v); }

  static bool in_bounds(uint64_t first, uint64_t count, size_t size) { return first + count <= size; }

  void check_ranges() {
    uint32_t at = 0;
    if (code_.blocks.empty()) report("no blocks");
    for (uint32_t b = 0; b < code_.blocks.size(); ++b) {
      const VBlock& block = code_.blocks[b];
      if (block.first_inst != at || block.end_inst <= at || block.end_inst > code_.insts.size()) {
        report(block_name(b) + " is empty or does not follow the block before it");
        return;
      }
      at = block.end_inst;
      if (!in_bounds(block.first_param, block.param_count, code_.block_params.size()) ||
          !in_bounds(block.first_succ, block.succ_count, code_.succs.size()) ||
          !in_bounds(block.first_pred, block.pred_count, code_.preds.size()) ||
          !in_bounds(block.first_arg, block.arg_count, code_.branch_args.size())) {
        report(block_name(b) + " has a list that is out of bounds");
        return;
      }
    }
    if (at != code_.insts.size()) report("instructions after the last block");
    for (uint32_t i = 0; i < code_.insts.size(); ++i) {
      const Inst& inst = code_.insts[i];
      if (!in_bounds(inst.first_operand, inst.operand_count, code_.operands.size()))
        report("operands out of bounds", i);
      if (inst.clobbers != 0 && inst.clobbers >= code_.clobber_sets.size()) report("no such clobber set", i);
    }
    for (const auto* list : {&code_.succs, &code_.preds}) {
      for (Block block : *list) {
        if (block.index >= code_.blocks.size()) report("an edge to or from a block that does not exist");
      }
    }
    for (const auto* list : {&code_.block_params, &code_.branch_args}) {
      for (Reg reg : *list) {
        if (!is_known_value(reg)) report("a block parameter or branch argument is not a virtual register");
      }
    }
  }

  bool is_known_value(Reg reg) const { return reg.is_virtual() && reg.virtual_index() < code_.vreg_classes.size(); }

  void check_edges() {
    const VBlock& entry = code_.blocks[0];
    if (entry.pred_count != 0 || entry.param_count != 0) report("V5: the entry block has predecessors or parameters");
    std::vector<uint64_t> forward, backward;
    for (uint32_t b = 0; b < code_.blocks.size(); ++b) {
      for (Block succ : code_.succs_of(code_.blocks[b])) forward.push_back(uint64_t(b) << 32 | succ.index);
      for (Block pred : code_.preds_of(code_.blocks[b])) backward.push_back(uint64_t(pred.index) << 32 | b);
    }
    std::sort(forward.begin(), forward.end());
    std::sort(backward.begin(), backward.end());
    if (forward != backward) report("V3: successors and predecessors do not agree");

    for (uint32_t b = 0; b < code_.blocks.size(); ++b) {
      const VBlock& block = code_.blocks[b];
      if (block.succ_count > 1) {
        if (block.arg_count != 0) report("V2: " + block_name(b) + " has several successors and passes arguments");
        for (Block succ : code_.succs_of(block)) {
          if (code_.blocks[succ.index].pred_count > 1) {
            report("V2: the edge from " + block_name(b) + " to " + block_name(succ.index) + " is critical");
          }
        }
      }
      const bool passes_nothing = block.succ_count != 1 && block.arg_count == 0;
      if (!passes_nothing) check_arguments(b);
      check_branches(b);
    }
    for (uint32_t b = 0; b < code_.blocks.size(); ++b) {
      const VBlock& block = code_.blocks[b];
      if (block.param_count == 0) continue;
      for (Block pred : code_.preds_of(block)) {
        if (code_.blocks[pred.index].succ_count != 1)
          report("V2: parameters of " + block_name(b) + " get no arguments");
      }
    }
  }

  void check_arguments(uint32_t b) {
    const VBlock& block = code_.blocks[b];
    if (block.succ_count != 1) return report(block_name(b) + " passes arguments to no successor");
    const auto args = code_.args_of(block);
    const auto params = code_.params_of(code_.blocks[code_.succs_of(block)[0].index]);
    if (args.size() != params.size()) {
      return report(block_name(b) + " passes " + std::to_string(args.size()) + " arguments for " +
                    std::to_string(params.size()) + " parameters");
    }
    for (size_t k = 0; k < args.size(); ++k) {
      if (class_of(args[k]) != class_of(params[k])) report(block_name(b) + " passes an argument of the wrong class");
      if (class_of(args[k]) == RegClass::Flags) report("V4: flags are passed to another block");
    }
  }

  RegClass class_of(Reg reg) const { return code_.vreg_classes[reg.virtual_index()]; }

  void check_branches(uint32_t b) {
    const VBlock& block = code_.blocks[b];
    successor_of_.resize(code_.blocks.size(), kNone);
    for (Block succ : code_.succs_of(block)) successor_of_[succ.index] = b;
    bool in_branches = false;
    for (uint32_t i = block.first_inst; i < block.end_inst; ++i) {
      bool has_label = false;
      for (const Operand& operand : code_.operands_of(code_.insts[i])) {
        if (operand.kind != OperandKind::Label) continue;
        has_label = true;
        if (uint64_t(operand.imm) >= code_.blocks.size() || successor_of_[size_t(operand.imm)] != b) {
          report("V3: a branch to a block that is not listed as successor", i);
        }
      }
      if (in_branches && !has_label) report("V3: an instruction after a branch", i);
      const bool is_second = in_branches;
      in_branches |= has_label;
      if (!has_label) continue;
      for (const Operand& operand : code_.operands_of(code_.insts[i])) {
        if (!operand.is_reg() || !operand.reg.is_virtual()) continue;
        if (!is_known_value(operand.reg) || class_of(operand.reg) == RegClass::Flags) continue;
        if (block.succ_count == 1) report("a branch of a block with one successor has a virtual operand", i);
        if (is_second && operand.constraint != Constraint::Reg) report("a constraint on a second branch of a block", i);
      }
    }
    if (block.succ_count != 0 && !in_branches) report("V3: " + block_name(b) + " does not end in a branch");
  }

  void check_operands() {
    for (uint32_t i = 0; i < code_.insts.size(); ++i) {
      const auto operands = code_.operands_of(code_.insts[i]);
      for (const Operand& operand : operands) {
        if (!operand.is_reg() || operand.reg.is_none()) continue;
        if (operand.reg.is_physical()) {
          if (operand.reg.preg().code >= machine::kRegClasses * 64) report("no such physical register", i);
          continue;
        }
        if (!is_known_value(operand.reg)) {
          report("no such virtual register", i);
          continue;
        }
        if (operand.constraint == Constraint::Fixed) {
          const PReg reg = PReg::from_code(operand.detail);
          if (reg.code >= machine::kRegClasses * 64 || reg.reg_class() != class_of(operand.reg)) {
            report("a fixed register of the wrong class", i);
          }
        } else if (operand.constraint == Constraint::Reuse) {
          if (!operand.is_def() || operand.detail >= operands.size() || !operands[operand.detail].is_use() ||
              !is_known_value(operands[operand.detail].reg) ||
              class_of(operands[operand.detail].reg) != class_of(operand.reg)) {
            report("a tied def names no use of its class", i);
          }
        }
      }
    }
  }

  void check_definitions() {
    def_block_.assign(code_.vreg_classes.size(), kNone);
    def_inst_.assign(code_.vreg_classes.size(), kNone);  // kNone: a parameter
    auto define = [&](Reg reg, uint32_t b, uint32_t inst) {
      const uint32_t v = reg.virtual_index();
      if (def_block_[v] != kNone) report("V1: " + value_name(v) + " is defined twice", inst);
      def_block_[v] = b;
      def_inst_[v] = inst;
    };
    for (uint32_t b = 0; b < code_.blocks.size(); ++b) {
      for (Reg param : code_.params_of(code_.blocks[b])) define(param, b, kNone);
      for (uint32_t i = code_.blocks[b].first_inst; i < code_.blocks[b].end_inst; ++i) {
        for (const Operand& operand : code_.operands_of(code_.insts[i])) {
          if (operand.is_def() && operand.reg.is_virtual()) define(operand.reg, b, i);
        }
      }
    }
  }

  void check_dominance() {
    order_blocks();
    find_dominators();
    for (uint32_t b = 0; b < code_.blocks.size(); ++b) {
      const VBlock& block = code_.blocks[b];
      if (preorder_[b] == kNone) continue;  // unreachable
      for (uint32_t i = block.first_inst; i < block.end_inst; ++i) {
        for (const Operand& operand : code_.operands_of(code_.insts[i])) {
          if (operand.is_use() && operand.reg.is_virtual()) check_use(operand.reg, b, i);
        }
      }
      for (Reg arg : code_.args_of(block)) check_use(arg, b, block.end_inst);
    }
  }

  void check_use(Reg reg, uint32_t b, uint32_t inst) {
    const uint32_t v = reg.virtual_index();
    const uint32_t def = def_block_[v];
    const bool dominates = def != kNone && (def == b ? def_inst_[v] == kNone || def_inst_[v] < inst
                                                     : preorder_[def] != kNone && preorder_[def] <= preorder_[b] &&
                                                           preorder_[b] < postorder_[def]);
    if (!dominates) report("V1: " + value_name(v) + " is used where its definition does not dominate", inst);
  }

  // Depth-first, in pre-order: parents and dominators come before their children.
  void order_blocks() {
    order_.assign(1, 0);
    parent_.assign(1, 0);
    index_.assign(code_.blocks.size(), kNone);
    index_[0] = 0;
    std::vector<std::pair<uint32_t, uint32_t>> stack{{0, 0}};
    while (!stack.empty()) {
      auto& [b, next] = stack.back();
      const auto succs = code_.succs_of(code_.blocks[b]);
      if (next == succs.size()) {
        stack.pop_back();
        continue;
      }
      const uint32_t succ = succs[next++].index;
      if (index_[succ] != kNone) continue;
      index_[succ] = static_cast<uint32_t>(order_.size());
      order_.push_back(succ);
      parent_.push_back(index_[b]);
      stack.push_back({succ, 0});
    }
  }

  // Semi-NCA (Georgiadis 2005), whose walks are compressed, so that a block with a hundred thousand predecessors costs
  // no more than they do; then the dominator tree is numbered, so that a question takes constant time.
  void find_dominators() {
    const uint32_t count = static_cast<uint32_t>(order_.size());
    std::vector<uint32_t> semi(count), label(count), ancestor(count, kNone), idom(parent_), path;
    for (uint32_t n = 0; n < count; ++n) semi[n] = label[n] = n;
    for (uint32_t n = count; n-- > 1;) {
      for (Block pred : code_.preds_of(code_.blocks[order_[n]])) {
        const uint32_t p = index_[pred.index];
        if (p == kNone) continue;  // unreachable
        // The least semidominator on the way up from p, as far as blocks have been done.
        if (ancestor[p] != kNone) {
          uint32_t top = p;
          path.clear();
          for (; ancestor[ancestor[top]] != kNone; top = ancestor[top]) path.push_back(top);
          for (uint32_t above = top; !path.empty(); path.pop_back()) {
            const uint32_t u = path.back();
            if (semi[label[above]] < semi[label[u]]) label[u] = label[above];
            ancestor[u] = ancestor[top];
            above = u;
          }
        }
        semi[n] = std::min(semi[n], semi[label[p]]);
      }
      ancestor[n] = parent_[n];
    }
    for (uint32_t n = 1; n < count; ++n) {
      while (idom[n] > semi[n]) idom[n] = idom[idom[n]];
    }
    // Sizes bottom up, then numbers top down.
    std::vector<uint32_t> size(count, 1), next(count, 0);
    for (uint32_t n = count; n-- > 1;) size[idom[n]] += size[n];
    preorder_.assign(code_.blocks.size(), kNone);
    postorder_.assign(code_.blocks.size(), kNone);
    for (uint32_t n = 0; n < count; ++n) {
      uint32_t number = 0;
      if (n > 0) {
        number = next[idom[n]];
        next[idom[n]] += size[n];
      }
      preorder_[order_[n]] = number;
      postorder_[order_[n]] = number + size[n];
      next[n] = number + 1;
    }
  }

  void check_flags() {
    for (const VBlock& block : code_.blocks) {
      Reg current;
      for (uint32_t i = block.first_inst; i < block.end_inst; ++i) {
        const Inst& inst = code_.insts[i];
        for (const Operand& operand : code_.operands_of(inst)) {
          if (!operand.is_use() || !operand.reg.is_virtual() || class_of(operand.reg) != RegClass::Flags) continue;
          if (operand.reg != current) {
            report("V4: " + value_name(operand.reg.virtual_index()) + " is not in the flags any more", i);
          }
        }
        if (clobbers_.of(code_, inst).contains(kFlagsReg)) current = Reg();
        for (const Operand& operand : code_.operands_of(inst)) {
          if (!operand.is_def() || operand.reg.is_none()) continue;
          const bool is_flags =
              operand.reg.is_virtual() ? class_of(operand.reg) == RegClass::Flags : operand.reg == Reg(kFlagsReg);
          if (is_flags) current = operand.reg;
        }
      }
    }
  }

  const VCode& code_;
  const InstClobbers& clobbers_;
  Diagnostics found_;
  std::vector<uint32_t> successor_of_;  // the last block looked at that has this block as successor
  std::vector<uint32_t> def_block_, def_inst_;
  std::vector<uint32_t> order_, parent_, index_;  // reachable blocks in depth-first order; by block: its place there
  std::vector<uint32_t> preorder_, postorder_;    // of the dominator tree; kNone: unreachable
};

}  // namespace

Diagnostics verify_vcode(const VCode& code, const InstClobbers& clobbers) { return Verifier(code, clobbers).run(); }

}  // namespace assay::regalloc
