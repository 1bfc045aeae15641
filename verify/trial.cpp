// See trial.h.
#include "verify/trial.h"

#include <algorithm>
#include <random>
#include <unordered_map>

#include "compiler/isle/notation/graph.h"

namespace assay::verify {

using notation::Bits;
using notation::NodeId;
using notation::Op;

namespace {

constexpr size_t kMostNodes = 20'000;
constexpr size_t kMostNumbers = 64;
constexpr size_t kCheapWork = 20'000;  // nodes times tries
constexpr size_t kLeastTries = 8, kMostTries = 100;

struct CannotEvaluate {};

unsigned width_of(const z3::expr& e) {
  if (e.is_bool()) return 0;
  if (!e.is_bv() || e.get_sort().bv_size() > notation::kMaxWidth) throw CannotEvaluate{};
  return e.get_sort().bv_size();
}

Bits number_of(const z3::expr& e) {
  uint64_t low = 0;
  if (e.is_numeral_u64(low)) return Bits(low);
  Bits value;
  for (const char digit : e.get_decimal_string(0)) {
    value = notation::apply(Op::Mul, notation::kMaxWidth, notation::kMaxWidth, 0, 0, value, Bits(10), {});
    value = notation::apply(Op::Add, notation::kMaxWidth, notation::kMaxWidth, 0, 0, value,
                            Bits(static_cast<uint64_t>(digit - '0')), {});
  }
  return value;
}

z3::expr numeral(z3::context& context, const Bits& value, unsigned width) {
  if (width == 0) return context.bool_val(value.low() != 0);
  z3::expr out = context.bv_val(static_cast<uint64_t>(value.words[0]), std::min(64u, width));
  for (unsigned low = 64; low < width; low += 64) {
    const unsigned part = std::min(64u, width - low);
    out = z3::concat(context.bv_val(static_cast<uint64_t>(value.words[low / 64]), part), out);
  }
  return out;
}

// Terms as nodes in normal form.
class Normalizer {
 public:
  Normalizer(notation::Semantics& out, std::vector<z3::expr>& constants)
      : out_(out), graph_(out), constants_(constants) {}

  NodeId convert(const z3::expr& root) {
    std::vector<z3::expr> work{root};
    while (!work.empty()) {
      const z3::expr e = work.back();
      if (known_.contains(e.id())) {
        work.pop_back();
        continue;
      }
      if (!e.is_app() || out_.nodes.size() > kMostNodes) throw CannotEvaluate{};
      const size_t before = work.size();
      for (unsigned i = 0; i < e.num_args(); ++i) {
        if (!known_.contains(e.arg(i).id())) work.push_back(e.arg(i));
      }
      if (work.size() != before) continue;
      work.pop_back();
      known_.emplace(e.id(), node_of(e));
    }
    return known_.at(root.id());
  }

 private:
  bool is_number(NodeId id, uint64_t value) const {
    return graph_.is_constant(id) && graph_.constant_value(id) == Bits(value);
  }
  bool is_ones(NodeId id) const {
    return graph_.is_constant(id) && graph_.constant_value(id) == notation::bits_of(-1, std::max(1u, graph_.width(id)));
  }

  NodeId inverted(NodeId a) {
    const notation::Node& node = out_.nodes[a];
    return node.op == Op::Not ? node.a : graph_.unary(Op::Not, a);
  }

  // And, Or, Xor, Add, Mul, Eq: operands in order, neutral ones left out.
  NodeId commutative(Op op, NodeId a, NodeId b) {
    if (a > b) std::swap(a, b);
    for (const auto& [x, y] : {std::pair(a, b), std::pair(b, a)}) {
      switch (op) {
        case Op::And:
          if (is_ones(x)) return y;
          if (is_number(x, 0)) return x;
          break;
        case Op::Or:
          if (is_number(x, 0)) return y;
          if (is_ones(x)) return x;
          break;
        case Op::Xor:
        case Op::Add:
          if (is_number(x, 0)) return y;
          break;
        case Op::Mul:
          if (is_number(x, 1)) return y;
          if (is_number(x, 0)) return x;
          break;
        case Op::Eq:
          if (graph_.width(x) != 0) break;
          if (is_number(x, 1)) return y;
          if (is_number(x, 0)) return inverted(y);
          break;
        default:
          break;
      }
    }
    if (a == b && (op == Op::And || op == Op::Or)) return a;
    if (a == b && op == Op::Xor) return graph_.constant(Bits(), graph_.width(a));
    if (op == Op::Eq) return a == b ? graph_.boolean(true) : graph_.compare(op, a, b);
    return graph_.binary(op, a, b);
  }

  NodeId sliced(NodeId a, unsigned high, unsigned low) {
    for (;;) {
      const notation::Node node = out_.nodes[a];
      if (node.op == Op::Slice) {
        high += node.aux;
        low += node.aux;
        a = node.a;
      } else if (node.op == Op::Concat && high < graph_.width(node.b)) {
        a = node.b;
      } else if (node.op == Op::Concat && low >= graph_.width(node.b)) {
        high -= graph_.width(node.b);
        low -= graph_.width(node.b);
        a = node.a;
      } else if ((node.op == Op::ZExt || node.op == Op::SExt) && high < graph_.width(node.a)) {
        a = node.a;
      } else if (node.op == Op::ZExt && low >= graph_.width(node.a)) {
        return graph_.constant(Bits(), high - low + 1);
      } else {
        return graph_.slice(a, high, low);
      }
    }
  }

  NodeId concatenated(NodeId high, NodeId low) {
    if (is_number(high, 0)) return graph_.zero_extend(low, graph_.width(high) + graph_.width(low));
    const notation::Node x = out_.nodes[high], y = out_.nodes[low];
    if (x.op == Op::Slice && y.op == Op::Slice && x.a == y.a && x.aux == y.aux + y.width) {
      return graph_.slice(x.a, x.aux + x.width - 1, y.aux);
    }
    return graph_.concat(high, low);
  }

  // A comparison of what is not smaller is that of what is.
  NodeId ordered(Op op, NodeId a, NodeId b) {
    if (a == b) return graph_.boolean(op == Op::Ule || op == Op::Sle);
    if (op == Op::Ule) return inverted(graph_.compare(Op::Ult, b, a));
    if (op == Op::Sle) return inverted(graph_.compare(Op::Slt, b, a));
    return graph_.compare(op, a, b);
  }

  NodeId node_of(const z3::expr& e) {
    const unsigned width = width_of(e);
    if (e.is_numeral()) return graph_.constant(number_of(e), width);
    const auto arg = [&](unsigned i) { return known_.at(e.arg(i).id()); };
    const auto fold = [&](Op op) {
      NodeId all = arg(0);
      for (unsigned i = 1; i < e.num_args(); ++i) all = commutative(op, all, arg(i));
      return all;
    };
    const auto two = [&](Op op) { return graph_.binary(op, arg(0), arg(1)); };
    switch (e.decl().decl_kind()) {
      case Z3_OP_TRUE:
        return graph_.boolean(true);
      case Z3_OP_FALSE:
        return graph_.boolean(false);
      case Z3_OP_UNINTERPRETED:
        if (e.num_args() != 0) throw CannotEvaluate{};
        constants_.push_back(e);
        return graph_.input(notation::InputKind::Value, width, static_cast<uint32_t>(constants_.size() - 1), "");
      case Z3_OP_NOT:
      case Z3_OP_BNOT:
        return inverted(arg(0));
      case Z3_OP_AND:
      case Z3_OP_BAND:
        return fold(Op::And);
      case Z3_OP_OR:
      case Z3_OP_BOR:
        return fold(Op::Or);
      case Z3_OP_XOR:
      case Z3_OP_BXOR:
        return fold(Op::Xor);
      case Z3_OP_BADD:
        return fold(Op::Add);
      case Z3_OP_BMUL:
        return fold(Op::Mul);
      case Z3_OP_IMPLIES:
        return commutative(Op::Or, inverted(arg(0)), arg(1));
      case Z3_OP_IFF:
      case Z3_OP_EQ:
        return commutative(Op::Eq, arg(0), arg(1));
      case Z3_OP_DISTINCT:
        if (e.num_args() != 2) throw CannotEvaluate{};
        return inverted(commutative(Op::Eq, arg(0), arg(1)));
      case Z3_OP_BCOMP:
        return graph_.choose(commutative(Op::Eq, arg(0), arg(1)), graph_.constant(Bits(1), 1),
                             graph_.constant(Bits(), 1));
      case Z3_OP_ITE:
        return graph_.choose(arg(0), arg(1), arg(2));
      case Z3_OP_BNEG:
        return graph_.unary(Op::Neg, arg(0));
      case Z3_OP_BSUB:
        if (e.num_args() != 2) throw CannotEvaluate{};
        return arg(0) == arg(1) ? graph_.constant(Bits(), width) : two(Op::Sub);
      case Z3_OP_BUDIV:
      case Z3_OP_BUDIV_I:
        return two(Op::UDiv);
      case Z3_OP_BSDIV:
      case Z3_OP_BSDIV_I:
        return two(Op::SDiv);
      case Z3_OP_BUREM:
      case Z3_OP_BUREM_I:
        return two(Op::URem);
      case Z3_OP_BSREM:
      case Z3_OP_BSREM_I:
        return two(Op::SRem);
      case Z3_OP_BSHL:
        return two(Op::Shl);
      case Z3_OP_BLSHR:
        return two(Op::LShr);
      case Z3_OP_BASHR:
        return two(Op::AShr);
      case Z3_OP_EXT_ROTATE_LEFT:
        return two(Op::Rotl);
      case Z3_OP_EXT_ROTATE_RIGHT:
        return two(Op::Rotr);
      case Z3_OP_ULT:
        return ordered(Op::Ult, arg(0), arg(1));
      case Z3_OP_UGT:
        return ordered(Op::Ult, arg(1), arg(0));
      case Z3_OP_ULEQ:
        return ordered(Op::Ule, arg(0), arg(1));
      case Z3_OP_UGEQ:
        return ordered(Op::Ule, arg(1), arg(0));
      case Z3_OP_SLT:
        return ordered(Op::Slt, arg(0), arg(1));
      case Z3_OP_SGT:
        return ordered(Op::Slt, arg(1), arg(0));
      case Z3_OP_SLEQ:
        return ordered(Op::Sle, arg(0), arg(1));
      case Z3_OP_SGEQ:
        return ordered(Op::Sle, arg(1), arg(0));
      case Z3_OP_EXTRACT:
        return sliced(arg(0), e.hi(), e.lo());
      case Z3_OP_ZERO_EXT:
        return graph_.zero_extend(arg(0), width);
      case Z3_OP_SIGN_EXT:
        return graph_.sign_extend(arg(0), width);
      case Z3_OP_CONCAT: {
        NodeId all = arg(e.num_args() - 1);
        for (unsigned i = e.num_args() - 1; i-- > 0;) all = concatenated(arg(i), all);
        return all;
      }
      default:
        throw CannotEvaluate{};
    }
  }

  notation::Semantics& out_;
  notation::GraphBuilder graph_;
  std::vector<z3::expr>& constants_;
  std::unordered_map<unsigned, NodeId> known_;  // by the term's id
};

// An edge value, a number that stands in the conditions or one beside it, a small number, any.
Bits value_for(unsigned width, const std::vector<Bits>& numbers, std::mt19937_64& random) {
  if (width == 0) return Bits(random() & 1);
  Bits value;
  switch (random() % 8) {
    case 0:
      value = Bits(random() % 4);
      break;
    case 1:
      value = notation::bits_of(-1 - static_cast<__int128>(random() % 4), width);
      break;
    case 2:
      value.set_bit(static_cast<unsigned>(random() % width));
      break;
    case 3:
      if (!numbers.empty()) value = numbers[random() % numbers.size()];
      value.words[0] += random() % 3 - 1;
      break;
    case 4:
      value = Bits(random() % 256);
      break;
    default:
      for (uint64_t& word : value.words) word = random();
  }
  return notation::truncated(value, width);
}

}  // namespace

Trial::Trial(const std::vector<z3::expr>& conditions, const std::vector<z3::expr>& observed) : conditions_(conditions) {
  try {
    Normalizer normalizer(graph_, constants_);
    for (const z3::expr& e : conditions) {
      const NodeId id = normalizer.convert(e);
      if (graph_.nodes[id].op == Op::Constant) {
        is_impossible_ |= graph_.constants[graph_.nodes[id].aux].is_zero();
      } else {
        wanted_.push_back(id);
      }
    }
    for (const z3::expr& e : observed) observed_.push_back(normalizer.convert(e));
  } catch (const CannotEvaluate&) {
    can_evaluate_ = false;
    return;
  }
  numbers_.assign(graph_.constants.begin(), graph_.constants.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                           graph_.constants.size(), kMostNumbers)));
  values_.resize(graph_.nodes.size());
  inputs_.resize(graph_.inputs.size());
}

unsigned Trial::tries() const {
  return static_cast<unsigned>(
      std::clamp(kCheapWork / std::max<size_t>(1, graph_.nodes.size()), kLeastTries, kMostTries));
}

bool Trial::try_number(unsigned number) {
  std::mt19937_64 random(number);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    inputs_[i] = value_for(graph_.inputs[i].width, numbers_, random);
    if (i == 0 || random() % 8 != 0) continue;
    const size_t other = random() % i;
    if (graph_.inputs[other].width == graph_.inputs[i].width) inputs_[i] = inputs_[other];
  }
  // What has to be a number is that number.
  for (const NodeId id : wanted_) {
    const notation::Node& node = graph_.nodes[id];
    if (node.op != Op::Eq) continue;
    for (const auto& [x, y] : {std::pair(node.a, node.b), std::pair(node.b, node.a)}) {
      if (graph_.nodes[x].op != Op::Input || graph_.nodes[y].op != Op::Constant) continue;
      inputs_[graph_.nodes[x].aux] = graph_.constants[graph_.nodes[y].aux];
    }
  }
  const Bits none;
  const auto of = [&](NodeId id) -> const Bits& { return id == notation::kNoNode ? none : values_[id]; };
  size_t next = 0;
  const auto evaluate_up_to = [&](size_t end) {
    for (; next < end; ++next) {
      const notation::Node& node = graph_.nodes[next];
      if (node.op == Op::Input) {
        values_[next] = inputs_[node.aux];
      } else if (node.op == Op::Constant) {
        values_[next] = graph_.constants[node.aux];
      } else {
        const unsigned low_width = node.b == notation::kNoNode ? 0 : graph_.nodes[node.b].width;
        values_[next] = notation::apply(node.op, node.width, graph_.nodes[node.a].width, low_width, node.aux,
                                        of(node.a), of(node.b), of(node.c));
      }
    }
  };
  // Condition by condition: most tries fail at the first, whose nodes stand at the front.
  for (const NodeId id : wanted_) {
    evaluate_up_to(id + 1);
    if (values_[id].is_zero()) return false;
  }
  if (!observed_.empty()) evaluate_up_to(values_.size());
  return true;
}

std::vector<z3::expr> Trial::equations() const {
  std::vector<z3::expr> out;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const z3::expr& constant = constants_[graph_.inputs[i].id];
    out.push_back(constant == numeral(constant.ctx(), inputs_[i], graph_.inputs[i].width));
  }
  return out;
}

bool Trial::confirmed(const std::vector<z3::expr>& equations) const {
  if (conditions_.empty()) return true;
  z3::context& context = conditions_.front().ctx();
  z3::expr_vector from(context), to(context);
  for (const z3::expr& equation : equations) {
    from.push_back(equation.arg(0));
    to.push_back(equation.arg(1).simplify());
  }
  return std::all_of(conditions_.begin(), conditions_.end(), [&](const z3::expr& condition) {
    return z3::expr(condition).substitute(from, to).simplify().is_true();
  });
}

std::optional<std::vector<z3::expr>> Trial::find(unsigned count) {
  if (!can_evaluate_ || is_impossible_) return {};
  if (count == 0) count = tries();
  for (unsigned i = 0; i < count; ++i) {
    if (!try_number(i)) continue;
    std::vector<z3::expr> found = equations();
    if (confirmed(found)) return found;
    return {};  // the two evaluations differ: whoever asked has to ask the solver
  }
  return {};
}

bool Trial::has_two(unsigned count) {
  if (!can_evaluate_ || is_impossible_) return false;
  const auto seen = [&] {
    std::vector<Bits> out;
    for (const NodeId id : observed_) out.push_back(values_[id]);
    return out;
  };
  std::optional<std::vector<Bits>> first;
  if (count == 0) count = tries();
  for (unsigned i = 0; i < count; ++i) {
    if (!try_number(i)) continue;
    if (first && *first == seen()) continue;
    if (!confirmed(equations())) return false;
    if (first) return true;
    first = seen();
    if (observed_.empty()) return true;
  }
  return false;
}

}  // namespace assay::verify
