// From syntax to typed semantics: widths flow both ways (bottom-up by shape(), top-down by build()).
//
// shape() (shape.h) says what is known of an expression without its context; build() then makes nodes for a wanted
// width. Both walk the syntax tree under frames and keep their results. `if` and `match` on static conditions check
// only the branch taken.
#include <algorithm>
#include <optional>

#include "compiler/isle/notation/shape.h"

namespace assay::notation {

namespace {

constexpr int kAnyWidth = -1;  // build(): whatever the expression has
constexpr int kBoolean = 0;

bool is_logical(ExprOp op) { return op >= ExprOp::LogicalAnd && op <= ExprOp::LogicalNot; }

class Typer : Shapes {
 public:
  Typer(const Library& library, const Environment& environment, Semantics& out, Diagnostics& errors)
      : Shapes(library, environment, out), out_(out), errors_(errors) {}

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
    if (const FloatFunction* function = find_float_function(name)) {
      return takes(function->form == FloatForm::Conversion ? 2u : function->operands)
                 ? build_float(expr, node, frame, width, *function)
                 : kNoNode;
    }
    if (name == "fisnan") {
      if (!takes(1)) return kNoNode;
      const NodeId value = build(child(0), frame, kAnyWidth);
      if (value == kNoNode || !is_float(child(0), value)) return kNoNode;
      return graph_.unary(Op::Not, graph_.of_floats(Op::FEq, 0, value, value));
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

  // Complains if it is not.
  bool is_float(ExprId expr, NodeId node) {
    if (is_float_width(graph_.width(node))) return true;
    error(expr, bits_text(graph_.width(node)) + " where a float is wanted", "floats have 16, 32 or 64 bits");
    return false;
  }

  // The number of arguments is right.
  NodeId build_float(ExprId expr, const ExprNode& node, FrameId frame, int width, const FloatFunction& function) {
    const auto aux = static_cast<uint32_t>(function.rounding);
    if (function.form == FloatForm::Conversion) {
      const ExprId inner = ast_.child(node, 1);
      if (width <= 0) return error(ast_.child(node, 0), "a width known now, 1 to 256, is wanted here");
      const NodeId value = build(inner, frame, kAnyWidth);
      if (value == kNoNode) return kNoNode;
      const auto to = static_cast<unsigned>(width);
      const bool from_integer = function.op == Op::FFromSInt || function.op == Op::FFromUInt;
      const bool to_integer = function.op == Op::FToSInt || function.op == Op::FToUInt;
      if (!from_integer && !is_float(inner, value)) return kNoNode;
      if (!to_integer && !is_float_width(to)) {
        return error(expr, bits_text(to) + " where a float is wanted", "floats have 16, 32 or 64 bits");
      }
      if (const unsigned bits = to_integer ? to : graph_.width(value); bits == 0 || bits > 64) {
        return error(expr, "integers of 1 to 64 bits become floats, and floats such integers");
      }
      if (function.op == Op::FConvert && to == graph_.width(value)) {
        return error(expr, "fconvert to the width that the float has");
      }
      return graph_.of_floats(function.op, to, value);
    }
    NodeId operands[3] = {kNoNode, kNoNode, kNoNode};
    for (unsigned i = 0; i < function.operands; ++i) {
      // The operands of a comparison are as wide as the first of them.
      const bool first = function.form == FloatForm::Comparison && i == 0;
      const int wanted = function.form == FloatForm::Arithmetic ? width
                         : first                                ? kAnyWidth
                                                                : static_cast<int>(graph_.width(operands[0]));
      operands[i] = build(ast_.child(node, i), frame, wanted);
      if (operands[i] == kNoNode || !is_float(ast_.child(node, i), operands[i])) return kNoNode;
    }
    const unsigned bits = function.form == FloatForm::Comparison ? 0 : graph_.width(operands[0]);
    return graph_.of_floats(function.op, bits, operands[0], operands[1], operands[2], aux);
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

  Semantics& out_;
  Diagnostics& errors_;
  std::unordered_map<std::pair<uint64_t, int>, NodeId, PairHash> built_;
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
