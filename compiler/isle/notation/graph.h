// Builds the node array of a Semantics: shares equal nodes, folds constants. Internal to the notation library.
#pragma once

#include <unordered_map>

#include "compiler/isle/notation/semantics.h"

namespace assay::notation {

class GraphBuilder {
 public:
  explicit GraphBuilder(Semantics& out) : out_(out) {}

  static constexpr size_t kMaxNodes = 1 << 16;
  bool too_large() const { return out_.nodes.size() > kMaxNodes; }

  unsigned width(NodeId id) const { return out_.nodes[id].width; }
  bool is_constant(NodeId id) const { return out_.nodes[id].op == Op::Constant; }
  const Bits& constant_value(NodeId id) const { return out_.constants[out_.nodes[id].aux]; }

  NodeId constant(const Bits& value, unsigned width);
  NodeId boolean(bool value) { return constant(Bits(value), 0); }
  NodeId input(InputKind kind, unsigned width, uint32_t id, const std::string& name);
  NodeId unary(Op op, NodeId a) { return make(op, width(a), a); }
  // Arithmetic and logic: both as wide as the result.
  NodeId binary(Op op, NodeId a, NodeId b) { return make(op, width(a), a, b); }
  NodeId compare(Op op, NodeId a, NodeId b) { return make(op, 0, a, b); }
  // Of floats, with what FRound has in aux.
  NodeId of_floats(Op op, unsigned width, NodeId a, NodeId b = kNoNode, NodeId c = kNoNode, uint32_t aux = 0) {
    return make(op, width, a, b, c, aux);
  }
  NodeId choose(NodeId condition, NodeId then, NodeId otherwise);
  NodeId slice(NodeId a, unsigned high, unsigned low);
  NodeId concat(NodeId high, NodeId low) { return make(Op::Concat, width(high) + width(low), high, low); }
  NodeId zero_extend(NodeId a, unsigned to) { return to == width(a) ? a : make(Op::ZExt, to, a); }
  NodeId sign_extend(NodeId a, unsigned to) { return to == width(a) ? a : make(Op::SExt, to, a); }
  // Slice or extension to `to` bits.
  NodeId resize(NodeId a, unsigned to, bool is_signed);
  // A shift; the amount may have any width.
  NodeId shift(Op op, NodeId a, NodeId amount);
  NodeId load(unsigned bits, NodeId address, bool big_endian);
  void store(unsigned bits, NodeId address, NodeId value, bool big_endian);

 private:
  struct Key {
    Node node;
    Bits value;  // of a constant
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  NodeId make(Op op, unsigned width, NodeId a, NodeId b = kNoNode, NodeId c = kNoNode, uint32_t aux = 0);
  NodeId intern(const Key& key);

  Semantics& out_;
  std::unordered_map<Key, NodeId, KeyHash> known_;
  std::unordered_map<uint64_t, NodeId> loads_;  // since the last store, by address node, width and order
};

}  // namespace assay::notation
