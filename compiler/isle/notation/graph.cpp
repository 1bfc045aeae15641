// See graph.h.
#include "compiler/isle/notation/graph.h"

namespace assay::notation {

size_t GraphBuilder::KeyHash::operator()(const Key& key) const {
  uint64_t hash = static_cast<uint64_t>(key.node.op) | static_cast<uint64_t>(key.node.width) << 8;
  for (uint64_t part : {uint64_t(key.node.a), uint64_t(key.node.b), uint64_t(key.node.c), uint64_t(key.node.aux),
                        key.value.words[0], key.value.words[1]}) {
    hash = (hash ^ part) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  }
  return hash;
}

NodeId GraphBuilder::intern(const Key& key) {
  auto [it, inserted] = known_.try_emplace(key, static_cast<NodeId>(out_.nodes.size()));
  if (!inserted) return it->second;
  Node node = key.node;
  if (node.op == Op::Constant) {
    node.aux = static_cast<uint32_t>(out_.constants.size());
    out_.constants.push_back(key.value);
  }
  out_.nodes.push_back(node);
  return it->second;
}

NodeId GraphBuilder::constant(const Bits& value, unsigned width) {
  Key key;
  key.node.op = Op::Constant;
  key.node.width = static_cast<uint16_t>(width);
  key.value = value;
  return intern(key);
}

NodeId GraphBuilder::input(InputKind kind, unsigned width, uint32_t id, const std::string& name) {
  for (size_t i = 0; i < out_.inputs.size(); ++i) {
    const Input& input = out_.inputs[i];
    if (input.kind == kind && input.width == width && input.id == id) {
      Key key;
      key.node = {Op::Input, input.width, kNoNode, kNoNode, kNoNode, static_cast<uint32_t>(i)};
      return intern(key);
    }
  }
  out_.inputs.push_back({kind, static_cast<uint16_t>(width), id, name});
  Key key;
  key.node = {Op::Input, static_cast<uint16_t>(width),
              kNoNode,   kNoNode,
              kNoNode,   static_cast<uint32_t>(out_.inputs.size() - 1)};
  return intern(key);
}

NodeId GraphBuilder::make(Op op, unsigned width, NodeId a, NodeId b, NodeId c, uint32_t aux) {
  const bool constant_operands = is_constant(a) && (b == kNoNode || is_constant(b)) && (c == kNoNode || is_constant(c));
  if (constant_operands) {
    const Bits none;
    return constant(apply(op, width, this->width(a), b == kNoNode ? 0 : this->width(b), aux, constant_value(a),
                          b == kNoNode ? none : constant_value(b), c == kNoNode ? none : constant_value(c)),
                    width);
  }
  Key key;
  key.node = {op, static_cast<uint16_t>(width), a, b, c, aux};
  return intern(key);
}

NodeId GraphBuilder::choose(NodeId condition, NodeId then, NodeId otherwise) {
  if (is_constant(condition)) return constant_value(condition).low() != 0 ? then : otherwise;
  if (then == otherwise) return then;
  return make(Op::If, width(then), condition, then, otherwise);
}

NodeId GraphBuilder::slice(NodeId a, unsigned high, unsigned low) {
  if (low == 0 && high + 1 == width(a)) return a;
  return make(Op::Slice, high - low + 1, a, kNoNode, kNoNode, low);
}

NodeId GraphBuilder::resize(NodeId a, unsigned to, bool is_signed) {
  if (to <= width(a)) return slice(a, to - 1, 0);
  return is_signed ? sign_extend(a, to) : zero_extend(a, to);
}

NodeId GraphBuilder::shift(Op op, NodeId a, NodeId amount) {
  const unsigned width_a = width(a);
  const unsigned width_amount = width(amount);
  if (width_amount < width_a) {
    amount = zero_extend(amount, width_a);
  } else if (width_amount > width_a) {
    if (op == Op::Rotl || op == Op::Rotr) {
      amount = binary(Op::URem, amount, constant(Bits(width_a), width_amount));
      amount = slice(amount, width_a - 1, 0);
    } else {
      const NodeId limit = constant(Bits(width_a), width_amount);
      amount = slice(choose(compare(Op::Ult, limit, amount), limit, amount), width_a - 1, 0);
    }
  }
  return binary(op, a, amount);
}

NodeId GraphBuilder::load(unsigned bits, NodeId address, bool big_endian) {
  const uint64_t key = uint64_t(address) << 32 | uint64_t(bits) << 1 | (big_endian ? 1 : 0);
  auto [it, inserted] = loads_.try_emplace(key, static_cast<NodeId>(out_.nodes.size()));
  if (!inserted) return it->second;
  out_.nodes.push_back(
      {Op::Load, static_cast<uint16_t>(bits), address, kNoNode, kNoNode, static_cast<uint32_t>(out_.events.size())});
  Event event;
  event.bits = static_cast<uint16_t>(bits);
  event.big_endian = big_endian;
  event.address = address;
  event.value = it->second;
  event.position = it->second;
  out_.events.push_back(event);
  return it->second;
}

void GraphBuilder::store(unsigned bits, NodeId address, NodeId value, bool big_endian) {
  loads_.clear();
  Event event;
  event.is_store = true;
  event.bits = static_cast<uint16_t>(bits);
  event.big_endian = big_endian;
  event.address = address;
  event.value = value;
  event.position = static_cast<uint32_t>(out_.nodes.size());
  out_.events.push_back(event);
}

}  // namespace assay::notation
