// From syntax to typed semantics: widths flow both ways (bottom-up by shape(), top-down by build()).
//
// shape() says what is known of an expression without its context: a number known now, an enumerator, a boolean, a bit
// vector of a known width, or "as wide as its context" (numbers, immediates, memory operands, one-argument zext/sext).
// build() then makes nodes for a wanted width. Both walk the syntax tree under a Frame (macro arguments and lets, by
// name); results are kept per (expression, frame), so shared work is done once; the number of frames is limited, which
// bounds macros that double. `if` and `match` on static conditions check only the branch taken.
#include <algorithm>
#include <optional>

#include "compiler/isle/notation/graph.h"
#include "compiler/isle/notation/semantics.h"

namespace assay::notation {

namespace {

constexpr int kAnyWidth = -1;  // build(): whatever the expression has
constexpr int kBoolean = 0;
constexpr unsigned kDefaultImmWidth = 64;
constexpr unsigned kMaxDepth = 1000;  // through macros and lets
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

bool is_comparison(ExprOp op) { return op >= ExprOp::Eq && op <= ExprOp::Ge; }
bool is_logical(ExprOp op) { return op >= ExprOp::LogicalAnd && op <= ExprOp::LogicalNot; }
bool is_shift(ExprOp op) { return op == ExprOp::Shl || op == ExprOp::LShr || op == ExprOp::AShr; }

constexpr __int128 kIntLimit = static_cast<__int128>(1) << 120;

class Typer {
 public:
  Typer(const Library& library, const Environment& environment, Semantics& out, Diagnostics& errors)
      : library_(library), ast_(library.ast), environment_(environment), graph_(out), out_(out), errors_(errors) {
    frames_.push_back({});  // 0: no locals
  }

  bool run(const SemanticsText& text, const std::vector<ExprId>& required) {
    const size_t before = errors_.size();
    for (ExprId expr : required) {
      const NodeId node = build(expr, 0, kBoolean);
      if (node != kNoNode) out_.required.push_back(node);
    }
    for (const TrapClause& clause : text.traps) {
      const NodeId node = build(clause.condition, 0, kBoolean);
      if (node != kNoNode) out_.traps.push_back({clause.code, node});
    }
    for (const Statement& statement : text.statements) {
      run(statement);
      if (graph_.too_large() || frames_.size() > kMaxFrames) {
        errors_.push_back({statement.place, "the meaning is too large", "macros that double at each step?"});
        break;
      }
    }
    return errors_.size() == before;
  }

 private:
  void run(const Statement& statement) {
    switch (statement.kind) {
      case StatementKind::Assign:
        assign(statement);
        break;
      case StatementKind::Let: {
        const NodeId node = build(statement.value, 0, kAnyWidth);
        if (node == kNoNode) break;
        frames_[0].locals.push_back({statement.name, kNoExpr, 0, node});
        forget_shapes();
        break;
      }
      case StatementKind::Store: {
        const std::optional<int64_t> bits = memory_bits(statement.bits, 0);
        const NodeId address = build(statement.address, 0, 64);
        if (!bits) break;
        const NodeId value = build(statement.value, 0, static_cast<int>(*bits));
        if (address == kNoNode || value == kNoNode) break;
        graph_.store(static_cast<unsigned>(*bits), address, value, big_endian(statement.order));
        forget_shapes();  // loads of the same text now see other memory
        break;
      }
      case StatementKind::Branch: {
        const NodeId node = build(statement.value, 0, kBoolean);
        if (out_.branch != kNoNode) errors_.push_back({statement.place, "a second branch", ""});
        out_.branch = node;
        break;
      }
    }
  }

  void assign(const Statement& statement) {
    const std::string& name = ast_.name(statement.name);
    const auto it = environment_.names.find(name);
    if (it == environment_.names.end()) {
      errors_.push_back({statement.place, "unknown name '" + name + "'", "a def operand or flags; `let` makes a name"});
      return;
    }
    const Binding& binding = it->second;
    if (binding.kind != BindingKind::Result && !binding.assignable) {
      errors_.push_back(
          {statement.place, "'" + name + "' cannot be assigned: it is not defined by this definition", ""});
      return;
    }
    for (const Assignment& other : out_.results) {
      if (other.id == binding.id) {
        errors_.push_back({statement.place, "'" + name + "' is assigned twice", ""});
        return;
      }
    }
    const NodeId node = build(statement.value, 0, binding.width);
    if (node == kNoNode) return;
    out_.results.push_back({binding.id, name, node});
    forget_shapes();
  }

  // After a statement has changed what names mean: lets, results and memory. Frames stay.
  void forget_shapes() {
    built_.clear();
    shapes_.clear();
  }

  // ---- errors ----

  NodeId error(ExprId at, std::string message, std::string hint = {}) {
    constexpr size_t kMostErrors = 100;
    if (errors_.size() < kMostErrors) errors_.push_back({ast_.place(at), std::move(message), std::move(hint)});
    return kNoNode;
  }
  static std::string bits_text(unsigned width) { return width == 0 ? "a boolean" : std::to_string(width) + " bits"; }

  // ---- names ----

  const Local* find_local(uint32_t name, FrameId frame) const {
    while (true) {
      const Frame& here = frames_[frame];
      for (size_t i = here.locals.size(); i-- > 0;) {
        if (here.locals[i].name == name) return &here.locals[i];
      }
      if (frame == 0) return nullptr;
      frame = here.parent;
    }
  }
  const Binding* find_binding(uint32_t name) const {
    const auto it = environment_.names.find(ast_.name(name));
    return it == environment_.names.end() ? nullptr : &it->second;
  }

  // The binding that a name, possibly passed through macro arguments, stands for; null if it is something else.
  const Binding* binding_of(ExprId expr, FrameId frame, std::string* spelled = nullptr) const {
    for (unsigned steps = 0; steps < kMaxDepth; ++steps) {
      const ExprNode& node = ast_.nodes[expr];
      if (node.kind != ExprKind::Name) return nullptr;
      const Local* local = find_local(node.name, frame);
      if (local == nullptr) {
        if (spelled != nullptr) *spelled = ast_.name(node.name);
        return find_binding(node.name);
      }
      if (local->expr == kNoExpr) return nullptr;
      expr = local->expr;
      frame = local->frame;
    }
    return nullptr;
  }

  const EnumDef& enum_def(uint32_t index) const { return library_.enums[index]; }

  FrameId new_frame(FrameId parent, std::vector<Local> locals) {
    frames_.push_back({parent, std::move(locals)});
    return static_cast<FrameId>(frames_.size() - 1);
  }

  struct Depth {
    explicit Depth(Typer& typer) : typer(typer) { ++typer.depth_; }
    ~Depth() { --typer.depth_; }
    Typer& typer;
  };
  bool out_of_budget() const { return depth_ > kMaxDepth || frames_.size() > kMaxFrames || graph_.too_large(); }

  // ---- shapes ----

  static uint64_t key(ExprId expr, FrameId frame) { return uint64_t(frame) << 32 | expr; }

  Shape shape(ExprId expr, FrameId frame) {
    if (const auto it = shapes_.find(key(expr, frame)); it != shapes_.end()) return it->second;
    Depth depth(*this);
    if (out_of_budget()) return Shape::error();
    const Shape result = find_shape(expr, frame);
    shapes_.emplace(key(expr, frame), result);
    return result;
  }

  // Of two expressions that must have the same width.
  Shape common(const Shape& a, const Shape& b) {
    if (a.kind == ShapeKind::Error || b.kind == ShapeKind::Error) return Shape::error();
    if (a.is_boolean() || b.is_boolean()) return Shape::boolean();
    if (a.kind == ShapeKind::Bv) return a;
    if (b.kind == ShapeKind::Bv) return b;
    return Shape::flexible(std::max(a.default_width, b.default_width));
  }

  // An integer known now; enumerators count by their number.
  std::optional<__int128> as_int(const Shape& shape) const {
    if (shape.kind == ShapeKind::Int) return shape.value;
    if (shape.kind == ShapeKind::Enum) {
      return enum_def(shape.enumeration).enumerators[static_cast<size_t>(shape.value)].number;
    }
    return std::nullopt;
  }

  Shape find_shape(ExprId expr, FrameId frame) {
    const ExprNode& node = ast_.nodes[expr];
    switch (node.kind) {
      case ExprKind::Number:
        return Shape::integer(node.number);
      case ExprKind::True:
        return Shape::known(true);
      case ExprKind::False:
        return Shape::known(false);
      case ExprKind::Name:
        return name_shape(expr, node, frame);
      case ExprKind::Attribute:
        return attribute_shape(expr, node, frame);
      case ExprKind::Unary:
        return unary_shape(node, frame);
      case ExprKind::Binary:
        return binary_shape(node, frame);
      case ExprKind::If: {
        const Shape condition = shape(ast_.child(node, 0), frame);
        if (condition.kind == ShapeKind::StaticBool)
          return shape(ast_.child(node, condition.value != 0 ? 1 : 2), frame);
        return common_branch(shape(ast_.child(node, 1), frame), shape(ast_.child(node, 2), frame));
      }
      case ExprKind::Let: {
        const FrameId inner = new_frame(frame, {{node.name, ast_.child(node, 0), frame, kNoNode}});
        Shape result = shape(ast_.child(node, 1), inner);
        result.frame = inner;
        return result;
      }
      case ExprKind::Slice: {
        const auto high = static_int(ast_.child(node, 1), frame);
        const auto low = static_int(ast_.child(node, 2), frame);
        if (!high || !low || *high < *low || *high - *low >= kMaxWidth) return Shape::error();
        return Shape::bv(static_cast<unsigned>(*high - *low + 1));
      }
      case ExprKind::Call:
        return call_shape(node, frame);
      case ExprKind::Match: {
        const int arm = static_arm(node, frame);
        return arm < 0 ? Shape::error() : shape(ast_.child(node, static_cast<unsigned>(arm)), frame);
      }
      case ExprKind::In: {
        const auto value = as_int(shape(ast_.child(node, 0), frame));
        return value ? Shape::known(in_range(*value, ast_.name(node.name))) : Shape::boolean();
      }
    }
    return Shape::error();
  }

  // Branches of a dynamic `if`: numbers stay as wide as the context, they do not become one number.
  Shape common_branch(const Shape& a, const Shape& b) { return common(a, b); }

  std::optional<int64_t> static_int(ExprId expr, FrameId frame) {
    const auto value = as_int(shape(expr, frame));
    if (!value || *value < INT64_MIN || *value > INT64_MAX) return std::nullopt;
    return static_cast<int64_t>(*value);
  }

  Shape name_shape(ExprId expr, const ExprNode& node, FrameId frame) {
    if (const Local* local = find_local(node.name, frame)) {
      if (local->expr == kNoExpr) {
        const unsigned width = graph_.width(local->node);
        return width == 0 ? Shape::boolean() : Shape::bv(width);
      }
      Shape result = shape(local->expr, local->frame);
      result.frame = 0;
      return result;
    }
    const Binding* binding = find_binding(node.name);
    if (binding == nullptr) return Shape::error();
    switch (binding->kind) {
      case BindingKind::Value:
      case BindingKind::Result:
        return binding->width == 0 ? Shape::boolean() : Shape::bv(binding->width);
      case BindingKind::Bool:
        return Shape::boolean();
      case BindingKind::Imm:
        return Shape::flexible(kDefaultImmWidth);
      case BindingKind::Memory:
      case BindingKind::Constant:
        return Shape::flexible(0);
      case BindingKind::Address:
        return Shape::error();
      case BindingKind::StaticInt:
        return Shape::integer(binding->value);
      case BindingKind::StaticEnum: {
        Shape result;
        result.kind = ShapeKind::Enum;
        result.enumeration = binding->enumeration;
        result.value = binding->value;
        return result;
      }
    }
    return Shape::error();
  }

  Shape attribute_shape(ExprId, const ExprNode& node, FrameId frame) {
    // The name may be a macro's parameter: follow it.
    Shape subject;
    const Binding* binding = attribute_binding(node, frame, subject);
    if (binding != nullptr && binding->kind == BindingKind::Memory) return memory_part(*binding, node.name2).shape;
    if (subject.kind != ShapeKind::Enum) return Shape::error();
    const Enumerator& enumerator = enum_def(subject.enumeration).enumerators[static_cast<size_t>(subject.value)];
    const auto it = enumerator.attributes.find(ast_.name(node.name2));
    return it == enumerator.attributes.end() ? Shape::error() : Shape::integer(it->second);
  }

  const Binding* attribute_binding(const ExprNode& node, FrameId frame, Shape& subject) {
    if (const Local* local = find_local(node.name, frame)) {
      if (local->expr == kNoExpr) return nullptr;
      subject = shape(local->expr, local->frame);
      return binding_of(local->expr, local->frame);
    }
    const Binding* binding = find_binding(node.name);
    if (binding != nullptr && binding->kind == BindingKind::StaticEnum) {
      subject.kind = ShapeKind::Enum;
      subject.enumeration = binding->enumeration;
      subject.value = binding->value;
    }
    return binding;
  }

  struct MemoryPart {
    Shape shape;
    unsigned offset = 0;
    bool is_register = false;
    bool present = false;
  };
  MemoryPart memory_part(const Binding& binding, uint32_t part_name) const {
    const std::string& part = ast_.name(part_name);
    if (part == "base") return {Shape::bv(64), 0, true, binding.has_base};
    if (part == "index") return {Shape::bv(64), 1, true, binding.has_index};
    if (part == "shift") return {Shape::flexible(kDefaultImmWidth), 2, false, binding.has_shift};
    if (part == "disp") return {Shape::flexible(kDefaultImmWidth), 3, false, binding.has_disp};
    return {Shape::error(), 0, false, false};
  }

  Shape unary_shape(const ExprNode& node, FrameId frame) {
    const Shape operand = shape(ast_.child(node, 0), frame);
    if (node.op == ExprOp::LogicalNot) {
      if (operand.kind == ShapeKind::StaticBool) return Shape::known(operand.value == 0);
      return Shape::boolean();
    }
    if (const auto value = as_int(operand)) return Shape::integer(node.op == ExprOp::Neg ? -*value : ~*value);
    return operand.is_boolean() ? Shape::error() : operand;
  }

  // An enumerator's name, as the other side of a comparison with a static parameter.
  Shape enumerator_shape(ExprId expr, FrameId frame, const Shape& other) {
    const ExprNode& node = ast_.nodes[expr];
    if (other.kind != ShapeKind::Enum || node.kind != ExprKind::Name) return Shape::error();
    if (find_local(node.name, frame) != nullptr) return Shape::error();
    const int index = enum_def(other.enumeration).find(ast_.name(node.name));
    if (index < 0) return Shape::error();
    Shape result = other;
    result.value = index;
    return result;
  }

  Shape binary_shape(const ExprNode& node, FrameId frame) {
    Shape left = shape(ast_.child(node, 0), frame);
    Shape right = shape(ast_.child(node, 1), frame);
    if (node.op == ExprOp::LogicalAnd || node.op == ExprOp::LogicalOr) {
      const bool absorbing = node.op == ExprOp::LogicalOr;
      for (const Shape& side : {left, right}) {
        if (side.kind == ShapeKind::StaticBool && (side.value != 0) == absorbing) return Shape::known(absorbing);
      }
      if (left.kind == ShapeKind::StaticBool && right.kind == ShapeKind::StaticBool) return Shape::known(!absorbing);
      return Shape::boolean();
    }
    if (is_comparison(node.op)) {
      if (node.op == ExprOp::Eq || node.op == ExprOp::Ne) {
        if (left.kind == ShapeKind::Enum) {
          const Shape named = enumerator_shape(ast_.child(node, 1), frame, left);
          if (named.kind == ShapeKind::Enum)
            return Shape::known((left.value == named.value) == (node.op == ExprOp::Eq));
        } else if (right.kind == ShapeKind::Enum) {
          const Shape named = enumerator_shape(ast_.child(node, 0), frame, right);
          if (named.kind == ShapeKind::Enum)
            return Shape::known((right.value == named.value) == (node.op == ExprOp::Eq));
        }
        if (left.kind == ShapeKind::Enum && right.kind == ShapeKind::Enum && left.enumeration == right.enumeration) {
          return Shape::known((left.value == right.value) == (node.op == ExprOp::Eq));
        }
      }
      const auto a = as_int(left);
      const auto b = as_int(right);
      return a && b ? Shape::known(compare(node.op, *a, *b)) : Shape::boolean();
    }
    const auto a = as_int(left);
    const auto b = as_int(right);
    if (a && b) {
      if (const auto value = fold(node.op, *a, *b)) return Shape::integer(*value);
      return Shape::flexible(0);  // depends on the width
    }
    if (is_shift(node.op))
      return left.is_boolean() || as_int(left) ? (as_int(left) ? Shape::flexible(0) : Shape::error()) : left;
    // A boolean here is a mistake, except under & | ^.
    return common(as_int(left) ? Shape::flexible(0) : left, as_int(right) ? Shape::flexible(0) : right);
  }

  static bool compare(ExprOp op, __int128 a, __int128 b) {
    switch (op) {
      case ExprOp::Eq:
        return a == b;
      case ExprOp::Ne:
        return a != b;
      case ExprOp::Ult:
      case ExprOp::Slt:
      case ExprOp::Lt:
        return a < b;
      case ExprOp::Ule:
      case ExprOp::Sle:
      case ExprOp::Le:
        return a <= b;
      case ExprOp::Ugt:
      case ExprOp::Sgt:
      case ExprOp::Gt:
        return a > b;
      default:
        return a >= b;
    }
  }

  // Exact integer arithmetic; nothing where the result depends on a width or is out of all proportion.
  static std::optional<__int128> fold(ExprOp op, __int128 a, __int128 b) {
    if (a > kIntLimit || a < -kIntLimit || b > kIntLimit || b < -kIntLimit) return std::nullopt;
    __int128 result = 0;
    switch (op) {
      case ExprOp::Add:
        result = a + b;
        break;
      case ExprOp::Sub:
        result = a - b;
        break;
      case ExprOp::Mul:
        if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
        break;
      case ExprOp::UDiv:
        if (a < 0 || b <= 0) return std::nullopt;
        return a / b;
      case ExprOp::URem:
        if (a < 0 || b <= 0) return std::nullopt;
        return a % b;
      case ExprOp::And:
        return a & b;
      case ExprOp::Or:
        return a | b;
      case ExprOp::Xor:
        return a ^ b;
      case ExprOp::Shl:
        if (b < 0 || b > 119 || __builtin_mul_overflow(a, static_cast<__int128>(1) << b, &result)) return std::nullopt;
        break;
      case ExprOp::LShr:
        if (a < 0 || b < 0 || b > 119) return std::nullopt;
        return a >> b;
      case ExprOp::AShr:
        if (a < 0 || b < 0 || b > 119) return std::nullopt;
        return a >> b;
      default:
        return std::nullopt;
    }
    if (result > kIntLimit || result < -kIntLimit) return std::nullopt;
    return result;
  }

  // `s12`, `u6`, `s13x2`.
  struct Range {
    bool valid = false;
    bool is_signed = false;
    unsigned bits = 0;
    unsigned scale = 1;
  };
  static Range parse_range(std::string_view text) {
    Range range;
    range.is_signed = text[0] == 's';
    size_t at = 1;
    auto number = [&]() {
      unsigned value = 0;
      while (at < text.size() && text[at] >= '0' && text[at] <= '9' && value < 1000)
        value = value * 10 + (text[at++] - '0');
      return value;
    };
    range.bits = number();
    if (at < text.size() && text[at] == 'x') {
      ++at;
      range.scale = number();
    }
    range.valid = (text[0] == 's' || text[0] == 'u') && at == text.size() && range.bits >= 1 && range.bits <= 64 &&
                  range.scale >= 1 && (range.scale & (range.scale - 1)) == 0 && range.scale < (1u << 16);
    return range;
  }
  static bool in_range(__int128 value, std::string_view text) {
    const Range range = parse_range(text);
    if (!range.valid) return false;
    const __int128 one = 1;
    const __int128 low = range.is_signed ? -(one << (range.bits - 1)) : 0;
    const __int128 high = range.is_signed ? (one << (range.bits - 1)) - 1 : (one << range.bits) - 1;
    return value >= low && value <= high && value % range.scale == 0;
  }

  // The child of the arm that a static match takes, or -1.
  int static_arm(const ExprNode& node, FrameId frame) {
    const Shape subject = shape(ast_.child(node, 0), frame);
    if (subject.kind != ShapeKind::Enum) return -1;
    const std::string& wanted = enum_def(subject.enumeration).enumerators[static_cast<size_t>(subject.value)].name;
    for (unsigned i = 1; i < node.child_count; ++i) {
      const ArmLabels& labels = ast_.labels[node.name2 + i - 1];
      if (labels.names.empty()) return static_cast<int>(i);
      for (uint32_t label : labels.names) {
        if (ast_.name(label) == wanted) return static_cast<int>(i);
      }
    }
    return -1;
  }

  // Of a part of a concat: an immediate counts with its own width. 0: not known.
  unsigned part_width(ExprId expr, FrameId frame) {
    if (const Binding* binding = binding_of(expr, frame)) {
      if (binding->kind == BindingKind::Imm) return binding->width;
    }
    const Shape form = shape(expr, frame);
    return form.kind == ShapeKind::Bv ? form.width : 0;
  }

  Shape call_shape(const ExprNode& node, FrameId frame) {
    const std::string& name = ast_.name(node.name);
    const auto fn = library_.fn_index.find(name);
    if (fn != library_.fn_index.end()) {
      const FnDef& def = library_.fns[fn->second];
      if (def.parameters.size() != node.child_count || def.body == kNoExpr) return Shape::error();
      std::vector<Local> locals;
      for (unsigned i = 0; i < node.child_count; ++i) {
        locals.push_back({def.parameters[i], ast_.child(node, i), frame, kNoNode});
      }
      const FrameId inner = new_frame(0, std::move(locals));
      Shape result = shape(def.body, inner);
      result.frame = inner;
      return result;
    }
    auto argument = [&](unsigned i) { return shape(ast_.child(node, i), frame); };
    auto static_width = [&]() {
      const auto width = node.child_count > 0 ? static_int(ast_.child(node, 0), frame) : std::nullopt;
      return width && *width >= 1 && *width <= kMaxWidth ? Shape::bv(static_cast<unsigned>(*width)) : Shape::error();
    };
    if (name == "zext" || name == "sext") {
      if (node.child_count == 2) return static_width();
      if (node.child_count != 1) return Shape::error();
      const Shape inner = argument(0);
      if (inner.kind == ShapeKind::Int || inner.kind == ShapeKind::Flexible) return inner;
      return Shape::flexible(0);
    }
    if (name == "trunc" || name == "bv" || name == "bool2bv" || name == "load" || name == "loadle" ||
        name == "loadbe" || name == "undefined") {
      return static_width();
    }
    if (node.child_count == 0) return Shape::error();
    if (name == "clz" || name == "ctz" || name == "cls" || name == "popcnt" || name == "bitrev" || name == "bswap" ||
        name == "rotl" || name == "rotr") {
      const Shape inner = argument(0);
      return inner.kind == ShapeKind::Int ? Shape::flexible(0) : inner;
    }
    if (name == "bool") return Shape::bv(1);
    if (name == "concat") {
      unsigned width = 0;
      for (unsigned i = 0; i < node.child_count; ++i) {
        const unsigned part = part_width(ast_.child(node, i), frame);
        if (part == 0) return Shape::error();
        width += part;
      }
      return width <= kMaxWidth ? Shape::bv(width) : Shape::error();
    }
    if (name == "width") {
      if (const Binding* binding = binding_of(ast_.child(node, 0), frame)) {
        if (binding->kind == BindingKind::Imm) return Shape::integer(binding->width);
      }
      const Shape inner = argument(0);
      return inner.kind == ShapeKind::Bv ? Shape::integer(inner.width) : Shape::error();
    }
    if (name == "number") {
      const auto value = as_int(argument(0));
      return value ? Shape::integer(*value) : Shape::error();
    }
    if (name == "addr") return Shape::bv(64);
    if (name == "has") return Shape::boolean();
    return Shape::error();
  }

  // ---- nodes ----

  NodeId build(ExprId expr, FrameId frame, int want) {
    const std::pair<uint64_t, int> memo{key(expr, frame), want};
    if (const auto it = built_.find(memo); it != built_.end()) return it->second;
    Depth depth(*this);
    if (out_of_budget()) return error(expr, "the meaning is too deep or too large", "does a macro call itself?");
    const size_t before = errors_.size();
    const NodeId result = find_node(expr, frame, want);
    if (result == kNoNode && errors_.size() == before) error(expr, "this has no meaning here");
    built_.emplace(memo, result);
    return result;
  }

  struct PairHash {
    size_t operator()(const std::pair<uint64_t, int>& pair) const {
      return (pair.first ^ static_cast<uint64_t>(pair.second) << 55) * 0x9e3779b97f4a7c15u;
    }
  };

  NodeId find_node(ExprId expr, FrameId frame, int want) {
    const Shape form = shape(expr, frame);
    // What is known now becomes a constant.
    if (form.kind == ShapeKind::StaticBool) {
      return want > 0 ? error(expr, "a boolean where " + bits_text(want) + " are wanted", "bool2bv(w, c) converts")
                      : graph_.boolean(form.value != 0);
    }
    if (const auto value = as_int(form)) return number(expr, *value, want);
    int width = want;
    if (want == kAnyWidth) {
      if (form.is_boolean())
        width = kBoolean;
      else if (form.kind == ShapeKind::Bv)
        width = static_cast<int>(form.width);
      else if (form.kind == ShapeKind::Flexible && form.default_width != 0)
        width = static_cast<int>(form.default_width);
      else if (form.kind == ShapeKind::Flexible) {
        return error(expr, "the width of this is not known here", "bv(w, n), zext(w, e) or trunc(w, e) give the width");
      }
    } else if (form.kind == ShapeKind::Bv && want != static_cast<int>(form.width) &&
               !passes_width_on(ast_.nodes[expr])) {
      if (want == kBoolean) return error(expr, "a bit vector where a boolean is wanted", "compare it: `… = 1`");
      return error(expr, bits_text(form.width) + " where " + bits_text(want) + " are wanted",
                   "zext, sext, trunc or a slice change the width");
    } else if (form.kind == ShapeKind::Flexible && want == kBoolean) {
      return error(expr, "a bit vector where a boolean is wanted");
    } else if (form.is_boolean() && want > 0) {
      return error(expr, "a boolean where " + bits_text(want) + " are wanted", "bool2bv(w, c) converts");
    }
    const ExprNode& node = ast_.nodes[expr];
    switch (node.kind) {
      case ExprKind::Number:
      case ExprKind::True:
      case ExprKind::False:
        break;
      case ExprKind::Name:
        return build_name(expr, node, frame, width);
      case ExprKind::Attribute:
        return build_attribute(expr, node, frame, width);
      case ExprKind::Unary: {
        const NodeId operand = build(ast_.child(node, 0), frame, node.op == ExprOp::LogicalNot ? kBoolean : width);
        if (operand == kNoNode) return kNoNode;
        return graph_.unary(node.op == ExprOp::Neg ? Op::Neg : Op::Not, operand);
      }
      case ExprKind::Binary:
        return build_binary(expr, node, frame, width);
      case ExprKind::If: {
        const Shape condition = shape(ast_.child(node, 0), frame);
        if (condition.kind == ShapeKind::StaticBool) {
          return build(ast_.child(node, condition.value != 0 ? 1 : 2), frame, width);
        }
        const NodeId test = build(ast_.child(node, 0), frame, kBoolean);
        const size_t events = out_.events.size();
        const NodeId then = build(ast_.child(node, 1), frame, width);
        const NodeId otherwise = build(ast_.child(node, 2), frame, width);
        if (test == kNoNode || then == kNoNode || otherwise == kNoNode) return kNoNode;
        if (out_.events.size() != events) {
          return error(expr, "a load under a condition that is not static", "load first, with let");
        }
        return graph_.choose(test, then, otherwise);
      }
      case ExprKind::Let:
        return form.frame == 0 ? kNoNode : build(ast_.child(node, 1), form.frame, width);
      case ExprKind::Slice:
        return build_slice(expr, node, frame);
      case ExprKind::Call:
        return build_call(expr, node, frame, width, form);
      case ExprKind::Match:
        return build_match(expr, node, frame, width);
      case ExprKind::In:
        return build_in(expr, node, frame);
    }
    return kNoNode;
  }

  // Whether an inner expression has the width, and so the better place for an error about it.
  bool passes_width_on(const ExprNode& node) const {
    return node.kind == ExprKind::If || node.kind == ExprKind::Match || node.kind == ExprKind::Let;
  }

  NodeId number(ExprId expr, __int128 value, int want) {
    if (want == kAnyWidth) return error(expr, "the width of this number is not known here", "bv(w, n) gives it");
    if (want == kBoolean) return error(expr, "a number where a boolean is wanted");
    const __int128 one = 1;
    if (want < 120 && (value >= (one << want) || value < -(one << (want - 1)))) {
      return error(expr, "the number does not fit " + bits_text(want));
    }
    return graph_.constant(bits_of(value, static_cast<unsigned>(want)), static_cast<unsigned>(want));
  }

  NodeId build_name(ExprId expr, const ExprNode& node, FrameId frame, int width) {
    if (const Local* local = find_local(node.name, frame)) {
      if (local->expr == kNoExpr) return local->node;
      return build(local->expr, local->frame, width);
    }
    const std::string& name = ast_.name(node.name);
    const Binding* binding = find_binding(node.name);
    if (binding == nullptr) return error(expr, "unknown name '" + name + "'");
    switch (binding->kind) {
      case BindingKind::Value:
        return graph_.input(InputKind::Value, binding->width, binding->id, name);
      case BindingKind::Bool:
        return graph_.input(InputKind::Bool, 0, binding->id, name);
      case BindingKind::Imm:
        return graph_.resize(graph_.input(InputKind::Imm, 64, binding->id, name), static_cast<unsigned>(width), true);
      case BindingKind::Memory: {
        if (width <= 0 || width % 8 != 0) return error(expr, "memory is read in whole bytes");
        return graph_.load(static_cast<unsigned>(width), memory_address(*binding, name), environment_.big_endian);
      }
      case BindingKind::Constant:
        if (width <= 0 || width % 8 != 0) return error(expr, "constants are read in whole bytes");
        return graph_.input(InputKind::Constant, static_cast<unsigned>(width), binding->id, name);
      case BindingKind::Result:
        for (const Assignment& result : out_.results) {
          if (result.id == binding->id) return result.value;
        }
        return error(expr, "'" + name + "' is read before it is assigned");
      case BindingKind::Address:
        return error(expr, "'" + name + "' has no value", "addr(" + name + ") is its address");
      case BindingKind::StaticInt:
      case BindingKind::StaticEnum:
        break;
    }
    return kNoNode;
  }

  NodeId memory_address(const Binding& binding, const std::string& name) {
    NodeId sum = kNoNode;
    auto plus = [&](NodeId part) { sum = sum == kNoNode ? part : graph_.binary(Op::Add, sum, part); };
    if (binding.has_base) plus(graph_.input(InputKind::Value, 64, binding.id, name + ".base"));
    if (binding.has_index) {
      NodeId index = graph_.input(InputKind::Value, 64, binding.id + 1, name + ".index");
      if (binding.has_shift) {
        index = graph_.shift(Op::Shl, index, graph_.input(InputKind::Imm, 64, binding.id + 2, name + ".shift"));
      }
      plus(index);
    }
    if (binding.has_disp) plus(graph_.input(InputKind::Imm, 64, binding.id + 3, name + ".disp"));
    return sum == kNoNode ? graph_.constant(Bits(), 64) : sum;
  }

  NodeId build_attribute(ExprId expr, const ExprNode& node, FrameId frame, int width) {
    Shape subject;
    const Binding* binding = attribute_binding(node, frame, subject);
    const std::string full = ast_.name(node.name) + "." + ast_.name(node.name2);
    if (binding == nullptr || binding->kind != BindingKind::Memory) {
      if (subject.kind == ShapeKind::Enum) {
        return error(expr, "enumerator '" +
                               enum_def(subject.enumeration).enumerators[static_cast<size_t>(subject.value)].name +
                               "' has no attribute '" + ast_.name(node.name2) + "'");
      }
      return error(expr, "'" + full + "' is neither an enumerator's attribute nor a part of a memory operand");
    }
    const MemoryPart part = memory_part(*binding, node.name2);
    if (!part.present) return error(expr, "the addressing mode has no part '" + full + "'");
    const NodeId input =
        graph_.input(part.is_register ? InputKind::Value : InputKind::Imm, 64, binding->id + part.offset, full);
    return part.is_register ? input : graph_.resize(input, static_cast<unsigned>(width), true);
  }

  NodeId build_binary(ExprId expr, const ExprNode& node, FrameId frame, int width) {
    const ExprId left = ast_.child(node, 0);
    const ExprId right = ast_.child(node, 1);
    if (is_logical(node.op)) {
      const NodeId a = build(left, frame, kBoolean);
      const NodeId b = build(right, frame, kBoolean);
      if (a == kNoNode || b == kNoNode) return kNoNode;
      return graph_.binary(node.op == ExprOp::LogicalAnd ? Op::And : Op::Or, a, b);
    }
    if (is_comparison(node.op)) return build_comparison(expr, node, frame);
    const NodeId a = build(left, frame, width);
    if (is_shift(node.op)) {
      const NodeId amount = build_amount(right, frame, width);
      if (a == kNoNode || amount == kNoNode) return kNoNode;
      return graph_.shift(node.op == ExprOp::Shl ? Op::Shl : node.op == ExprOp::LShr ? Op::LShr : Op::AShr, a, amount);
    }
    const NodeId b = build(right, frame, width);
    if (a == kNoNode || b == kNoNode) return kNoNode;
    Op op = Op::Add;
    switch (node.op) {
      case ExprOp::Add:
        op = Op::Add;
        break;
      case ExprOp::Sub:
        op = Op::Sub;
        break;
      case ExprOp::Mul:
        op = Op::Mul;
        break;
      case ExprOp::UDiv:
        op = Op::UDiv;
        break;
      case ExprOp::SDiv:
        op = Op::SDiv;
        break;
      case ExprOp::URem:
        op = Op::URem;
        break;
      case ExprOp::SRem:
        op = Op::SRem;
        break;
      case ExprOp::And:
        op = Op::And;
        break;
      case ExprOp::Or:
        op = Op::Or;
        break;
      case ExprOp::Xor:
        op = Op::Xor;
        break;
      default:
        return kNoNode;
    }
    if (width == kBoolean && op != Op::And && op != Op::Or && op != Op::Xor) {
      return error(expr, "arithmetic on booleans", "bool2bv(w, c) converts");
    }
    return graph_.binary(op, a, b);
  }

  // The amount of a shift or rotate has its own width; a number takes the shifted value's (or 64 bits if that is too
  // narrow).
  NodeId build_amount(ExprId expr, FrameId frame, int width) {
    const Shape amount = shape(expr, frame);
    if (const auto value = as_int(amount)) {
      if (*value < 0) return error(expr, "a negative amount");
      return number(expr, *value, std::max(width, 64));
    }
    if (amount.kind == ShapeKind::Flexible && amount.default_width == 0) return build(expr, frame, width);
    return build(expr, frame, kAnyWidth);
  }

  NodeId build_comparison(ExprId expr, const ExprNode& node, FrameId frame) {
    const ExprId left = ast_.child(node, 0);
    const ExprId right = ast_.child(node, 1);
    const Shape a = shape(left, frame);
    const Shape b = shape(right, frame);
    int width = kAnyWidth;
    if (a.kind == ShapeKind::Bv)
      width = static_cast<int>(a.width);
    else if (b.kind == ShapeKind::Bv)
      width = static_cast<int>(b.width);
    else if (a.is_boolean() || b.is_boolean())
      width = kBoolean;
    else if (std::max(a.default_width, b.default_width) != 0)
      width = kDefaultImmWidth;
    const bool plain = node.op == ExprOp::Lt || node.op == ExprOp::Le || node.op == ExprOp::Gt || node.op == ExprOp::Ge;
    if (plain && (a.kind == ShapeKind::Bv || b.kind == ShapeKind::Bv)) {
      return error(expr, "comparing bit vectors needs a signedness", "<u or <s");
    }
    if (width == kBoolean && node.op != ExprOp::Eq && node.op != ExprOp::Ne)
      return error(expr, "booleans have no order");
    if (a.kind == ShapeKind::Enum || b.kind == ShapeKind::Enum) {
      const Shape& subject = a.kind == ShapeKind::Enum ? a : b;
      const ExprId other = a.kind == ShapeKind::Enum ? right : left;
      if (ast_.nodes[other].kind == ExprKind::Name && find_binding(ast_.nodes[other].name) == nullptr) {
        return error(other, "'" + ast_.name(ast_.nodes[other].name) + "' is no enumerator of " +
                                enum_def(subject.enumeration).name);
      }
    }
    const NodeId x = build(left, frame, width);
    const NodeId y = build(right, frame, width);
    if (x == kNoNode || y == kNoNode) return kNoNode;
    switch (node.op) {
      case ExprOp::Eq:
        return graph_.compare(Op::Eq, x, y);
      case ExprOp::Ne:
        return graph_.unary(Op::Not, graph_.compare(Op::Eq, x, y));
      case ExprOp::Ult:
        return graph_.compare(Op::Ult, x, y);
      case ExprOp::Ule:
        return graph_.compare(Op::Ule, x, y);
      case ExprOp::Ugt:
        return graph_.compare(Op::Ult, y, x);
      case ExprOp::Uge:
        return graph_.compare(Op::Ule, y, x);
      case ExprOp::Slt:
      case ExprOp::Lt:
        return graph_.compare(Op::Slt, x, y);
      case ExprOp::Sle:
      case ExprOp::Le:
        return graph_.compare(Op::Sle, x, y);
      case ExprOp::Sgt:
      case ExprOp::Gt:
        return graph_.compare(Op::Slt, y, x);
      default:
        return graph_.compare(Op::Sle, y, x);
    }
  }

  NodeId build_slice(ExprId expr, const ExprNode& node, FrameId frame) {
    const auto high = static_int(ast_.child(node, 1), frame);
    const auto low = static_int(ast_.child(node, 2), frame);
    if (!high || !low) return error(expr, "the bounds of a slice must be known");
    const ExprId subject = ast_.child(node, 0);
    const Shape form = shape(subject, frame);
    // Immediates and numbers are sliced as 64-bit integers.
    const bool integer = as_int(form) || (form.kind == ShapeKind::Flexible && form.default_width != 0);
    const NodeId value = build(subject, frame, integer ? static_cast<int>(kDefaultImmWidth) : kAnyWidth);
    if (value == kNoNode) return kNoNode;
    const unsigned width = graph_.width(value);
    if (width == 0) return error(expr, "a slice of a boolean");
    if (*low < 0 || *high < *low || *high >= static_cast<int64_t>(width)) {
      return error(expr, "slice [" + std::to_string(*high) + ":" + std::to_string(*low) + "] of " + bits_text(width));
    }
    return graph_.slice(value, static_cast<unsigned>(*high), static_cast<unsigned>(*low));
  }

  NodeId build_match(ExprId expr, const ExprNode& node, FrameId frame, int width) {
    const Shape subject = shape(ast_.child(node, 0), frame);
    if (subject.kind != ShapeKind::Enum) {
      if (subject.kind == ShapeKind::Error) {
        const size_t before = errors_.size();
        build(ast_.child(node, 0), frame, kAnyWidth);
        if (errors_.size() != before) return kNoNode;
      }
      return error(ast_.child(node, 0), "match needs a static parameter");
    }
    const EnumDef& def = enum_def(subject.enumeration);
    for (unsigned i = 1; i < node.child_count; ++i) {
      for (uint32_t label : ast_.labels[node.name2 + i - 1].names) {
        // A macro may serve several enumerations, and have arms that one of them lacks.
        if (frame == 0 && def.find(ast_.name(label)) < 0) {
          return error(expr, "'" + ast_.name(label) + "' is no enumerator of " + def.name);
        }
      }
    }
    const int arm = static_arm(node, frame);
    if (arm < 0) {
      return error(expr, "no arm for '" + def.enumerators[static_cast<size_t>(subject.value)].name + "'",
                   "`_: …` is for all others");
    }
    return build(ast_.child(node, static_cast<unsigned>(arm)), frame, width);
  }

  NodeId build_in(ExprId expr, const ExprNode& node, FrameId frame) {
    const std::string& text = ast_.name(node.name);
    const Range range = parse_range(text);
    if (!range.valid) return error(expr, "'" + text + "' is no range", "s8, u12, s13x2 …");
    const Shape form = shape(ast_.child(node, 0), frame);
    const bool flexible = form.kind == ShapeKind::Flexible;
    const NodeId value = build(ast_.child(node, 0), frame, flexible ? static_cast<int>(kDefaultImmWidth) : kAnyWidth);
    if (value == kNoNode) return kNoNode;
    const unsigned width = graph_.width(value);
    if (width == 0) return error(expr, "a boolean where an integer is wanted");
    NodeId result = graph_.boolean(true);
    if (range.bits < width) {
      const NodeId low = graph_.slice(value, range.bits - 1, 0);
      result = graph_.compare(Op::Eq, value, graph_.resize(low, width, range.is_signed));
    }
    if (range.scale > 1) {
      const NodeId rest = graph_.binary(Op::And, value, graph_.constant(Bits(range.scale - 1), width));
      const NodeId multiple = graph_.compare(Op::Eq, rest, graph_.constant(Bits(), width));
      result = graph_.binary(Op::And, result, multiple);
    }
    return result;
  }

  bool big_endian(ByteOrder order) const {
    return order == ByteOrder::Machine ? environment_.big_endian : order == ByteOrder::Big;
  }

  std::optional<int64_t> memory_bits(ExprId expr, FrameId frame) {
    const auto bits = static_int(expr, frame);
    if (!bits || *bits < 8 || *bits > static_cast<int64_t>(kMaxWidth) || *bits % 8 != 0) {
      error(expr, "a number of bits known now, a multiple of 8, is wanted here");
      return std::nullopt;
    }
    return bits;
  }

  NodeId build_call(ExprId expr, const ExprNode& node, FrameId frame, int width, const Shape& form) {
    const std::string& name = ast_.name(node.name);
    const auto fn = library_.fn_index.find(name);
    if (fn != library_.fn_index.end()) {
      const FnDef& def = library_.fns[fn->second];
      if (def.parameters.size() != node.child_count) {
        return error(expr, "'" + name + "' takes " + std::to_string(def.parameters.size()) + " arguments, not " +
                               std::to_string(node.child_count));
      }
      if (form.frame == 0) return error(expr, "the meaning is too deep or too large", "does a macro call itself?");
      return build(def.body, form.frame, width);
    }
    auto child = [&](unsigned i) { return ast_.child(node, i); };
    auto takes = [&](unsigned count) {
      if (node.child_count == count) return true;
      error(expr,
            "'" + name + "' takes " + std::to_string(count) + " arguments, not " + std::to_string(node.child_count));
      return false;
    };
    if (name == "zext" || name == "sext") return build_extension(expr, node, frame, width, name == "sext");
    if (name == "trunc") {
      if (!takes(2)) return kNoNode;
      if (form.kind != ShapeKind::Bv) return error(child(0), "a width known now, 1 to 256, is wanted here");
      const Shape inner = shape(child(1), frame);
      if (inner.kind == ShapeKind::Flexible || as_int(inner)) return build(child(1), frame, width);
      const NodeId value = build(child(1), frame, kAnyWidth);
      if (value == kNoNode) return kNoNode;
      if (graph_.width(value) < static_cast<unsigned>(width)) {
        return error(expr,
                     "trunc to " + bits_text(static_cast<unsigned>(width)) + " of " + bits_text(graph_.width(value)));
      }
      return graph_.slice(value, static_cast<unsigned>(width) - 1, 0);
    }
    if (name == "bv") {
      if (!takes(2)) return kNoNode;
      if (form.kind != ShapeKind::Bv) return error(child(0), "a width known now, 1 to 256, is wanted here");
      return build(child(1), frame, width);
    }
    if (name == "undefined") {
      if (!takes(1)) return kNoNode;
      if (form.kind != ShapeKind::Bv) return error(child(0), "a width known now, 1 to 256, is wanted here");
      return graph_.input(InputKind::Undefined, static_cast<unsigned>(width), undefined_count_++, "undefined");
    }
    if (name == "bool2bv" || name == "bool") {
      const unsigned last = name == "bool" ? 0 : 1;
      if (!takes(last + 1)) return kNoNode;
      if (form.kind != ShapeKind::Bv) return error(child(0), "a width known now, 1 to 256, is wanted here");
      const NodeId condition = build(child(last), frame, kBoolean);
      if (condition == kNoNode) return kNoNode;
      const unsigned bits = static_cast<unsigned>(width);
      return graph_.choose(condition, graph_.constant(Bits(1), bits), graph_.constant(Bits(), bits));
    }
    if (name == "load" || name == "loadle" || name == "loadbe") {
      if (!takes(2)) return kNoNode;
      const auto bits = memory_bits(child(0), frame);
      const NodeId address = build(child(1), frame, 64);
      if (!bits || address == kNoNode) return kNoNode;
      const ByteOrder order = name == "load"     ? ByteOrder::Machine
                              : name == "loadle" ? ByteOrder::Little
                                                 : ByteOrder::Big;
      return graph_.load(static_cast<unsigned>(*bits), address, big_endian(order));
    }
    constexpr std::pair<std::string_view, Op> kUnary[] = {{"clz", Op::Clz},       {"ctz", Op::Ctz},
                                                          {"cls", Op::Cls},       {"popcnt", Op::Popcnt},
                                                          {"bitrev", Op::BitRev}, {"bswap", Op::BSwap}};
    for (const auto& [spelled, op] : kUnary) {
      if (name != spelled) continue;
      if (!takes(1)) return kNoNode;
      const NodeId value = build(child(0), frame, width);
      if (value == kNoNode) return kNoNode;
      if (op == Op::BSwap && graph_.width(value) % 8 != 0)
        return error(expr, "bswap of a number of bits that is no multiple of 8");
      return graph_.unary(op, value);
    }
    if (name == "rotl" || name == "rotr") {
      if (!takes(2)) return kNoNode;
      const NodeId value = build(child(0), frame, width);
      const NodeId amount = build_amount(child(1), frame, width);
      if (value == kNoNode || amount == kNoNode) return kNoNode;
      return graph_.shift(name == "rotl" ? Op::Rotl : Op::Rotr, value, amount);
    }
    if (name == "concat") {
      NodeId result = kNoNode;
      for (unsigned i = 0; i < node.child_count; ++i) {
        const unsigned bits = part_width(child(i), frame);
        const NodeId part = build(child(i), frame, bits == 0 ? kAnyWidth : static_cast<int>(bits));
        if (part == kNoNode) return kNoNode;
        if (graph_.width(part) == 0) return error(child(i), "a boolean where bits are wanted", "bool(c) is one bit");
        if (result != kNoNode && graph_.width(result) + graph_.width(part) > kMaxWidth) {
          return error(expr, "more than 256 bits");
        }
        result = result == kNoNode ? part : graph_.concat(result, part);
      }
      return result == kNoNode ? error(expr, "concat of nothing") : result;
    }
    if (name == "addr") {
      if (!takes(1)) return kNoNode;
      std::string spelled;
      const Binding* binding = binding_of(child(0), frame, &spelled);
      if (binding != nullptr && binding->kind == BindingKind::Memory) return memory_address(*binding, spelled);
      if (binding != nullptr && (binding->kind == BindingKind::Constant || binding->kind == BindingKind::Address)) {
        return graph_.input(InputKind::Address, 64, binding->id, spelled);
      }
      return error(child(0), "addr needs a memory operand, constant, symbol or label");
    }
    if (name == "width") {
      const size_t before = errors_.size();
      if (takes(1)) build(child(0), frame, kAnyWidth);
      return errors_.size() != before ? kNoNode : error(expr, "this has no width");
    }
    if (name == "number" || name == "has")
      return error(expr, "'" + name + "' needs a static parameter or an operand of `when`");
    return error(expr, "unknown function '" + name + "'", "built-in functions and `fn` macros are in docs/notation.md");
  }

  NodeId build_extension(ExprId expr, const ExprNode& node, FrameId frame, int width, bool is_signed) {
    if (node.child_count != 1 && node.child_count != 2) return error(expr, "an extension takes (e) or (width, e)");
    const ExprId inner = ast_.child(node, node.child_count - 1);
    if (node.child_count == 2 && !static_int(ast_.child(node, 0), frame)) {
      return error(ast_.child(node, 0), "a width known now, 1 to 256, is wanted here");
    }
    if (width <= 0) return error(expr, "the width of this is not known here", "give it: zext(w, e)");
    const unsigned to = static_cast<unsigned>(width);
    const Shape form = shape(inner, frame);
    if (const auto value = as_int(form)) return number(inner, *value, width);
    if (form.kind == ShapeKind::Flexible) {
      const Binding* binding = binding_of(inner, frame);
      if (binding != nullptr && binding->kind == BindingKind::Imm) {
        const NodeId input = build(inner, frame, kDefaultImmWidth);
        if (binding->width >= kDefaultImmWidth) return graph_.resize(input, to, is_signed);
        return graph_.resize(graph_.slice(input, binding->width - 1u, 0), to, is_signed);
      }
      return error(inner, "the width of this is not known here", "trunc(w, e) gives it");
    }
    const NodeId value = build(inner, frame, kAnyWidth);
    if (value == kNoNode) return kNoNode;
    if (graph_.width(value) == 0) return error(inner, "a boolean where bits are wanted", "bool2bv(w, c) converts");
    if (graph_.width(value) > to) {
      return error(expr, "an extension of " + bits_text(graph_.width(value)) + " to " + bits_text(to));
    }
    return graph_.resize(value, to, is_signed);
  }

  const Library& library_;
  const Ast& ast_;
  const Environment& environment_;
  GraphBuilder graph_;
  Semantics& out_;
  Diagnostics& errors_;
  std::vector<Frame> frames_;
  std::unordered_map<uint64_t, Shape> shapes_;
  std::unordered_map<std::pair<uint64_t, int>, NodeId, PairHash> built_;
  unsigned depth_ = 0;
  uint32_t undefined_count_ = 0;
};

}  // namespace

bool instantiate(const Library& library, const SemanticsText& text, const Environment& environment, Semantics& out,
                 Diagnostics& errors, const std::vector<ExprId>& required) {
  out = Semantics();
  return Typer(library, environment, out, errors).run(text, required);
}

Expected<Semantics> instantiate(const Library& library, const SemanticsText& text, const Environment& environment) {
  Semantics out;
  Diagnostics errors;
  if (!instantiate(library, text, environment, out, errors)) return std::unexpected(errors.front());
  return out;
}

}  // namespace assay::notation
