// See evaluate.h. Values of up to 64 bits, nearly all there are, take the short way: plain 64-bit arithmetic.
#include "compiler/isle/notation/evaluate.h"

#include <algorithm>
#include <bit>

namespace assay::notation {

namespace {

uint64_t mask(unsigned width) { return width >= 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1; }
int64_t sign_extended(uint64_t value, unsigned width) {
  return static_cast<int64_t>(value << (64 - width)) >> (64 - width);
}

// Operands and result have at most 64 bits; true if the operator is done here.
bool apply_narrow(const Node& node, unsigned operand_width, uint64_t a, uint64_t b, uint64_t c, uint64_t& out) {
  const unsigned width = node.width == 0 ? 1 : node.width;
  switch (node.op) {
    case Op::Not:
      out = ~a & mask(width);
      return true;
    case Op::Neg:
      out = -a & mask(width);
      return true;
    case Op::Clz:
      out = a == 0 ? width : static_cast<unsigned>(std::countl_zero(a)) - (64 - width);
      break;
    case Op::Ctz:
      out = a == 0 ? width : static_cast<unsigned>(std::countr_zero(a));
      break;
    case Op::Popcnt:
      out = static_cast<unsigned>(std::popcount(a));
      break;
    case Op::Add:
      out = a + b;
      break;
    case Op::Sub:
      out = a - b;
      break;
    case Op::Mul:
      out = a * b;
      break;
    case Op::UDiv:
      out = b == 0 ? ~uint64_t(0) : a / b;
      break;
    case Op::URem:
      out = b == 0 ? a : a % b;
      break;
    case Op::And:
      out = a & b;
      return true;
    case Op::Or:
      out = a | b;
      return true;
    case Op::Xor:
      out = a ^ b;
      return true;
    case Op::Shl:
      out = b >= width ? 0 : a << b;
      break;
    case Op::LShr:
      out = b >= width ? 0 : a >> b;
      return true;
    case Op::AShr:
      out = static_cast<uint64_t>(sign_extended(a, width) >> std::min<uint64_t>(b, width - 1));
      break;
    case Op::Eq:
      out = a == b;
      return true;
    case Op::Ult:
      out = a < b;
      return true;
    case Op::Ule:
      out = a <= b;
      return true;
    case Op::Slt:
      out = sign_extended(a, operand_width) < sign_extended(b, operand_width);
      return true;
    case Op::Sle:
      out = sign_extended(a, operand_width) <= sign_extended(b, operand_width);
      return true;
    case Op::If:
      out = a != 0 ? b : c;
      return true;
    case Op::Slice:
      out = a >> node.aux;
      break;
    case Op::ZExt:
      out = a;
      return true;
    case Op::SExt:
      out = static_cast<uint64_t>(sign_extended(a, operand_width));
      break;
    default:
      return false;
  }
  out &= mask(width);
  return true;
}

class Evaluator {
 public:
  Evaluator(const Semantics& semantics, std::span<const Bits> inputs, Memory* memory, Evaluation& out)
      : semantics_(semantics), inputs_(inputs), memory_(memory), out_(out) {}

  void run() {
    out_.status = EvaluateStatus::Done;
    out_.branch_taken = false;
    out_.values.resize(semantics_.nodes.size());
    // Trap conditions come before statements (T4): the nodes they need are those up to the largest of them.
    NodeId id = 0;
    for (size_t i = 0; i < semantics_.traps.size(); ++i) {
      const NodeId condition = semantics_.traps[i].condition;
      if (!run_nodes(id, condition + 1)) return;
      id = std::max(id, condition + 1);
      if (out_.values[condition].low() != 0) {
        out_.status = EvaluateStatus::Trapped;
        out_.trap = static_cast<uint32_t>(i);
        return;
      }
    }
    for (uint32_t i = 0; i < semantics_.events.size(); ++i) {
      const Event& event = semantics_.events[i];
      if (!event.is_store) continue;
      if (!run_nodes(id, event.position)) return;
      id = std::max<NodeId>(id, event.position);
      if (!store(event)) {
        out_.status = EvaluateStatus::Faulted;
        out_.fault_event = i;
        return;
      }
    }
    if (!run_nodes(id, static_cast<NodeId>(semantics_.nodes.size()))) return;
    if (semantics_.branch != kNoNode) out_.branch_taken = out_.values[semantics_.branch].low() != 0;
  }

 private:
  bool run_nodes(NodeId begin, NodeId end) {
    for (NodeId id = begin; id < end; ++id) {
      if (!run_node(id)) return false;
    }
    return true;
  }

  bool run_node(NodeId id) {
    const Node& node = semantics_.nodes[id];
    Bits& result = out_.values[id];
    switch (node.op) {
      case Op::Input:
        result = inputs_[node.aux];
        return true;
      case Op::Constant:
        result = semantics_.constants[node.aux];
        return true;
      case Op::Load:
        return load(node, result);
      default:
        break;
    }
    static const Bits kNone;
    const Bits& a = out_.values[node.a];
    const Bits& b = node.b == kNoNode ? kNone : out_.values[node.b];
    const Bits& c = node.c == kNoNode ? kNone : out_.values[node.c];
    const unsigned operand_width = semantics_.nodes[node.a].width;
    if (node.width <= 64 && operand_width <= 64) {
      uint64_t narrow = 0;
      if (apply_narrow(node, operand_width, a.low(), b.low(), c.low(), narrow)) {
        result = Bits(narrow);
        return true;
      }
    }
    result = apply(node.op, node.width, operand_width, node.b == kNoNode ? 0 : semantics_.nodes[node.b].width, node.aux,
                   a, b, c);
    return true;
  }

  bool load(const Node& node, Bits& result) {
    const Event& event = semantics_.events[node.aux];
    uint8_t bytes[kMaxWidth / 8];
    const unsigned count = event.bits / 8;
    if (memory_ == nullptr || !memory_->read(out_.values[node.a].low(), {bytes, count})) {
      out_.status = EvaluateStatus::Faulted;
      out_.fault_event = node.aux;
      return false;
    }
    result = Bits();
    for (unsigned i = 0; i < count; ++i) {
      const unsigned place = event.big_endian ? count - 1 - i : i;
      result.words[place / 8] |= uint64_t(bytes[i]) << (place % 8 * 8);
    }
    return true;
  }

  bool store(const Event& event) {
    uint8_t bytes[kMaxWidth / 8];
    const unsigned count = event.bits / 8;
    const Bits& value = out_.values[event.value];
    for (unsigned i = 0; i < count; ++i) {
      const unsigned place = event.big_endian ? count - 1 - i : i;
      bytes[i] = static_cast<uint8_t>(value.words[place / 8] >> (place % 8 * 8));
    }
    return memory_ != nullptr && memory_->write(out_.values[event.address].low(), {bytes, count});
  }

  const Semantics& semantics_;
  std::span<const Bits> inputs_;
  Memory* memory_;
  Evaluation& out_;
};

}  // namespace

void evaluate(const Semantics& semantics, std::span<const Bits> inputs, Memory* memory, Evaluation& out) {
  Evaluator(semantics, inputs, memory, out).run();
}

}  // namespace assay::notation
