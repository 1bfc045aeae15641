// See shape.h.
#include "compiler/isle/notation/shape.h"

#include <algorithm>

namespace assay::notation {

namespace {

constexpr __int128 kIntLimit = static_cast<__int128>(1) << 120;

}  // namespace

bool is_comparison(ExprOp op) { return op >= ExprOp::Eq && op <= ExprOp::Ge; }
bool is_shift(ExprOp op) { return op == ExprOp::Shl || op == ExprOp::LShr || op == ExprOp::AShr; }

Shapes::Shapes(const Library& library, const Environment& environment, Semantics& out)
    : library_(library), ast_(library.ast), environment_(environment), graph_(out) {
  frames_.push_back({});
}

const Local* Shapes::find_local(uint32_t name, FrameId frame) const {
  while (true) {
    const Frame& here = frames_[frame];
    for (size_t i = here.locals.size(); i-- > 0;) {
      if (here.locals[i].name == name) return &here.locals[i];
    }
    if (frame == 0) return nullptr;
    frame = here.parent;
  }
}

const Binding* Shapes::find_binding(uint32_t name) const {
  const auto it = environment_.names.find(ast_.name(name));
  return it == environment_.names.end() ? nullptr : &it->second;
}

const Binding* Shapes::binding_of(ExprId expr, FrameId frame, std::string* spelled) const {
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

const EnumDef& Shapes::enum_def(uint32_t index) const { return library_.enums[index]; }

FrameId Shapes::new_frame(FrameId parent, std::vector<Local> locals) {
  frames_.push_back({parent, std::move(locals)});
  return static_cast<FrameId>(frames_.size() - 1);
}

bool Shapes::out_of_budget() const { return depth_ > kMaxDepth || frames_.size() > kMaxFrames || graph_.too_large(); }

Shape Shapes::shape(ExprId expr, FrameId frame) {
  if (const auto it = shapes_.find(key(expr, frame)); it != shapes_.end()) return it->second;
  Depth depth(*this);
  if (out_of_budget()) return Shape::error();
  const Shape result = find_shape(expr, frame);
  shapes_.emplace(key(expr, frame), result);
  return result;
}

Shape Shapes::common(const Shape& a, const Shape& b) {
  if (a.kind == ShapeKind::Error || b.kind == ShapeKind::Error) return Shape::error();
  if (a.is_boolean() || b.is_boolean()) return Shape::boolean();
  if (a.kind == ShapeKind::Bv) return a;
  if (b.kind == ShapeKind::Bv) return b;
  return Shape::flexible(std::max(a.default_width, b.default_width));
}

std::optional<__int128> Shapes::as_int(const Shape& shape) const {
  if (shape.kind == ShapeKind::Int) return shape.value;
  if (shape.kind == ShapeKind::Enum) {
    return enum_def(shape.enumeration).enumerators[static_cast<size_t>(shape.value)].number;
  }
  return std::nullopt;
}

Shape Shapes::find_shape(ExprId expr, FrameId frame) {
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
      if (condition.kind == ShapeKind::StaticBool) return shape(ast_.child(node, condition.value != 0 ? 1 : 2), frame);
      return common(shape(ast_.child(node, 1), frame), shape(ast_.child(node, 2), frame));
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

std::optional<int64_t> Shapes::static_int(ExprId expr, FrameId frame) {
  const auto value = as_int(shape(expr, frame));
  if (!value || *value < INT64_MIN || *value > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(*value);
}

Shape Shapes::name_shape(ExprId expr, const ExprNode& node, FrameId frame) {
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

Shape Shapes::attribute_shape(ExprId, const ExprNode& node, FrameId frame) {
  // The name may be a macro's parameter: follow it.
  Shape subject;
  const Binding* binding = attribute_binding(node, frame, subject);
  if (binding != nullptr && binding->kind == BindingKind::Memory) return memory_part(*binding, node.name2).shape;
  if (subject.kind != ShapeKind::Enum) return Shape::error();
  const Enumerator& enumerator = enum_def(subject.enumeration).enumerators[static_cast<size_t>(subject.value)];
  const auto it = enumerator.attributes.find(ast_.name(node.name2));
  return it == enumerator.attributes.end() ? Shape::error() : Shape::integer(it->second);
}

const Binding* Shapes::attribute_binding(const ExprNode& node, FrameId frame, Shape& subject) {
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

Shapes::MemoryPart Shapes::memory_part(const Binding& binding, uint32_t part_name) const {
  const std::string& part = ast_.name(part_name);
  if (part == "base") return {Shape::bv(64), 0, true, binding.has_base};
  if (part == "index") return {Shape::bv(64), 1, true, binding.has_index};
  if (part == "shift") return {Shape::flexible(kDefaultImmWidth), 2, false, binding.has_shift};
  if (part == "disp") return {Shape::flexible(kDefaultImmWidth), 3, false, binding.has_disp};
  return {Shape::error(), 0, false, false};
}

Shape Shapes::unary_shape(const ExprNode& node, FrameId frame) {
  const Shape operand = shape(ast_.child(node, 0), frame);
  if (node.op == ExprOp::LogicalNot) {
    if (operand.kind == ShapeKind::StaticBool) return Shape::known(operand.value == 0);
    return Shape::boolean();
  }
  if (const auto value = as_int(operand)) return Shape::integer(node.op == ExprOp::Neg ? -*value : ~*value);
  return operand.is_boolean() ? Shape::error() : operand;
}

Shape Shapes::enumerator_shape(ExprId expr, FrameId frame, const Shape& other) {
  const ExprNode& node = ast_.nodes[expr];
  if (other.kind != ShapeKind::Enum || node.kind != ExprKind::Name) return Shape::error();
  if (find_local(node.name, frame) != nullptr) return Shape::error();
  const int index = enum_def(other.enumeration).find(ast_.name(node.name));
  if (index < 0) return Shape::error();
  Shape result = other;
  result.value = index;
  return result;
}

Shape Shapes::binary_shape(const ExprNode& node, FrameId frame) {
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
        if (named.kind == ShapeKind::Enum) return Shape::known((left.value == named.value) == (node.op == ExprOp::Eq));
      } else if (right.kind == ShapeKind::Enum) {
        const Shape named = enumerator_shape(ast_.child(node, 0), frame, right);
        if (named.kind == ShapeKind::Enum) return Shape::known((right.value == named.value) == (node.op == ExprOp::Eq));
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

bool Shapes::compare(ExprOp op, __int128 a, __int128 b) {
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

std::optional<__int128> Shapes::fold(ExprOp op, __int128 a, __int128 b) {
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

Shapes::Range Shapes::parse_range(std::string_view text) {
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

bool Shapes::in_range(__int128 value, std::string_view text) {
  const Range range = parse_range(text);
  if (!range.valid) return false;
  const __int128 one = 1;
  const __int128 low = range.is_signed ? -(one << (range.bits - 1)) : 0;
  const __int128 high = range.is_signed ? (one << (range.bits - 1)) - 1 : (one << range.bits) - 1;
  return value >= low && value <= high && value % range.scale == 0;
}

int Shapes::static_arm(const ExprNode& node, FrameId frame) {
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

unsigned Shapes::part_width(ExprId expr, FrameId frame) {
  if (const Binding* binding = binding_of(expr, frame)) {
    if (binding->kind == BindingKind::Imm) return binding->width;
  }
  const Shape form = shape(expr, frame);
  return form.kind == ShapeKind::Bv ? form.width : 0;
}

Shape Shapes::call_shape(const ExprNode& node, FrameId frame) {
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
  if (name == "trunc" || name == "bv" || name == "bool2bv" || name == "load" || name == "loadle" || name == "loadbe" ||
      name == "undefined") {
    return static_width();
  }
  if (node.child_count == 0) return Shape::error();
  if (name == "clz" || name == "ctz" || name == "cls" || name == "popcnt" || name == "bitrev" || name == "bswap" ||
      name == "rotl" || name == "rotr") {
    const Shape inner = argument(0);
    return inner.kind == ShapeKind::Int ? Shape::flexible(0) : inner;
  }
  if (const FloatFunction* function = find_float_function(name)) {
    switch (function->form) {
      case FloatForm::Arithmetic: {
        Shape inner = argument(0);
        for (unsigned i = 1; i < node.child_count && inner.kind != ShapeKind::Bv; ++i) inner = argument(i);
        return inner.kind == ShapeKind::Int ? Shape::flexible(0) : inner;
      }
      case FloatForm::Comparison:
        return Shape::boolean();
      case FloatForm::Conversion:
        return static_width();
    }
  }
  if (name == "fisnan") return Shape::boolean();
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

}  // namespace assay::notation
