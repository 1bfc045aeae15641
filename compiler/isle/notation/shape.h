// What is known of an expression without its context: a number known now, an enumerator, a boolean, a bit vector of a
// known width, or "as wide as its context" (numbers, immediates, memory operands, one-argument zext and sext). Internal
// to the notation library.
//
// Expressions are looked at under a frame: macro arguments and `let` names stand for expressions in the frame of their
// use (by name). Results are kept for each (expression, frame), so shared work is done once; the number of frames is
// limited, which bounds macros that double.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/isle/notation/floats.h"
#include "compiler/isle/notation/graph.h"
#include "compiler/isle/notation/semantics.h"

namespace assay::notation {

constexpr unsigned kDefaultImmWidth = 64;  // of an immediate where the context says nothing
constexpr unsigned kMaxDepth = 1000;       // through macros and lets
constexpr size_t kMaxFrames = 1 << 15;

using FrameId = uint32_t;

enum class ShapeKind : uint8_t { Error, Int, Enum, StaticBool, Bool, Bv, Flexible };

struct Shape {
  ShapeKind kind = ShapeKind::Error;
  unsigned width = 0;          // Bv
  unsigned default_width = 0;  // Flexible: 64 if an immediate is in it, 0 if the context must say
  uint32_t enumeration = 0;    // Enum
  __int128 value = 0;          // Int, Enum (index), StaticBool
  FrameId frame = 0;           // of the body, for calls of macros and lets

  static Shape error() { return {}; }
  static Shape integer(__int128 value) { return {.kind = ShapeKind::Int, .value = value}; }
  static Shape known(bool value) { return {.kind = ShapeKind::StaticBool, .value = value}; }
  static Shape boolean() { return {.kind = ShapeKind::Bool}; }
  static Shape bv(unsigned width) { return {.kind = ShapeKind::Bv, .width = width}; }
  static Shape flexible(unsigned default_width) {
    return {.kind = ShapeKind::Flexible, .default_width = default_width};
  }
  bool is_boolean() const { return kind == ShapeKind::Bool || kind == ShapeKind::StaticBool; }
};

// What a local name stands for: an expression in the frame of its use, or a value (a statement's `let`).
struct Local {
  uint32_t name = 0;
  ExprId expr = kNoExpr;
  FrameId frame = 0;
  NodeId node = kNoNode;
};

struct Frame {
  FrameId parent = 0;  // of itself: none
  std::vector<Local> locals;
};

// The base of the type checker (typecheck.cpp).
class Shapes {
 protected:
  Shapes(const Library& library, const Environment& environment, Semantics& out);

  const Local* find_local(uint32_t name, FrameId frame) const;
  const Binding* find_binding(uint32_t name) const;
  // The binding that a name, possibly passed through macro arguments, stands for; null if it is something else.
  const Binding* binding_of(ExprId expr, FrameId frame, std::string* spelled = nullptr) const;
  const EnumDef& enum_def(uint32_t index) const;
  FrameId new_frame(FrameId parent, std::vector<Local> locals);
  struct Depth {
    explicit Depth(Shapes& shapes) : shapes(shapes) { ++shapes.depth_; }
    ~Depth() { --shapes.depth_; }
    Shapes& shapes;
  };

  bool out_of_budget() const;
  static uint64_t key(ExprId expr, FrameId frame) { return uint64_t(frame) << 32 | expr; }
  Shape shape(ExprId expr, FrameId frame);
  // Of two expressions that must have the same width.
  Shape common(const Shape& a, const Shape& b);
  // An integer known now; enumerators count by their number.
  std::optional<__int128> as_int(const Shape& shape) const;
  Shape find_shape(ExprId expr, FrameId frame);
  std::optional<int64_t> static_int(ExprId expr, FrameId frame);
  Shape name_shape(ExprId expr, const ExprNode& node, FrameId frame);
  Shape attribute_shape(ExprId, const ExprNode& node, FrameId frame);
  const Binding* attribute_binding(const ExprNode& node, FrameId frame, Shape& subject);
  struct MemoryPart {
    Shape shape;
    unsigned offset = 0;
    bool is_register = false;
    bool present = false;
  };

  MemoryPart memory_part(const Binding& binding, uint32_t part_name) const;
  Shape unary_shape(const ExprNode& node, FrameId frame);
  // An enumerator's name, as the other side of a comparison with a static parameter.
  Shape enumerator_shape(ExprId expr, FrameId frame, const Shape& other);
  Shape binary_shape(const ExprNode& node, FrameId frame);
  static bool compare(ExprOp op, __int128 a, __int128 b);
  // Exact integer arithmetic; nothing where the result depends on a width or is out of all proportion.
  static std::optional<__int128> fold(ExprOp op, __int128 a, __int128 b);
  // `s12`, `u6`, `s13x2`.
  struct Range {
    bool valid = false;
    bool is_signed = false;
    unsigned bits = 0;
    unsigned scale = 1;
  };

  static Range parse_range(std::string_view text);
  static bool in_range(__int128 value, std::string_view text);
  // The child of the arm that a static match takes, or -1.
  int static_arm(const ExprNode& node, FrameId frame);
  // Of a part of a concat: an immediate counts with its own width. 0: not known.
  unsigned part_width(ExprId expr, FrameId frame);
  Shape call_shape(const ExprNode& node, FrameId frame);

  const Library& library_;
  const Ast& ast_;
  const Environment& environment_;
  GraphBuilder graph_;
  std::vector<Frame> frames_;  // 0: the statements' own
  std::unordered_map<uint64_t, Shape> shapes_;
  unsigned depth_ = 0;
};

bool is_comparison(ExprOp op);
bool is_shift(ExprOp op);

}  // namespace assay::notation
