// Parser of the expression language: precedence climbing with a nesting limit (see expr.h).
#include "compiler/isle/notation/expr.h"

#include <algorithm>
#include <span>
#include <utility>

#include "compiler/isle/notation/lexer.h"

namespace assay::notation {

int EnumDef::find(std::string_view enumerator) const {
  for (size_t i = 0; i < enumerators.size(); ++i) {
    if (enumerators[i].name == enumerator) return static_cast<int>(i);
  }
  return -1;
}

bool EnumDef::has_inverses() const {
  return std::any_of(enumerators.begin(), enumerators.end(),
                     [](const Enumerator& e) { return !e.inverse_name.empty(); });
}

int Library::find_enum(std::string_view name) const {
  for (size_t i = 0; i < enums.size(); ++i) {
    if (enums[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

uint32_t Ast::intern(std::string_view name) {
  auto [it, inserted] = name_index.try_emplace(std::string(name), static_cast<uint32_t>(names.size()));
  if (inserted) names.emplace_back(name);
  return it->second;
}

uint16_t Ast::file(std::string_view name) {
  for (size_t i = files.size(); i-- > 0;) {
    if (files[i] == name) return static_cast<uint16_t>(i);
  }
  if (files.size() >= 0xffff) return 0;
  files.emplace_back(name);
  return static_cast<uint16_t>(files.size() - 1);
}

Place Ast::place(ExprId expr) const {
  const ExprPlace& at = nodes[expr].place;
  Place place;
  place.file = files[at.file];
  place.line = at.line;
  place.column = at.column;
  return place;
}

namespace {

struct BinaryOperator {
  std::string_view text;
  int level;  // higher binds tighter
  ExprOp op;
};

constexpr int kOrLevel = 1, kAndLevel = 2, kComparisonLevel = 4;
constexpr BinaryOperator kBinaryOperators[] = {
    {"or", kOrLevel, ExprOp::LogicalOr},
    {"and", kAndLevel, ExprOp::LogicalAnd},
    {"=", kComparisonLevel, ExprOp::Eq},
    {"!=", kComparisonLevel, ExprOp::Ne},
    {"<u", kComparisonLevel, ExprOp::Ult},
    {"<=u", kComparisonLevel, ExprOp::Ule},
    {">u", kComparisonLevel, ExprOp::Ugt},
    {">=u", kComparisonLevel, ExprOp::Uge},
    {"<s", kComparisonLevel, ExprOp::Slt},
    {"<=s", kComparisonLevel, ExprOp::Sle},
    {">s", kComparisonLevel, ExprOp::Sgt},
    {">=s", kComparisonLevel, ExprOp::Sge},
    {"<", kComparisonLevel, ExprOp::Lt},
    {"<=", kComparisonLevel, ExprOp::Le},
    {">", kComparisonLevel, ExprOp::Gt},
    {">=", kComparisonLevel, ExprOp::Ge},
    {"|", 5, ExprOp::Or},
    {"^", 6, ExprOp::Xor},
    {"&", 7, ExprOp::And},
    {"<<", 8, ExprOp::Shl},
    {">>u", 8, ExprOp::LShr},
    {">>s", 8, ExprOp::AShr},
    {"+", 9, ExprOp::Add},
    {"-", 9, ExprOp::Sub},
    {"*", 10, ExprOp::Mul},
    {"/u", 10, ExprOp::UDiv},
    {"/s", 10, ExprOp::SDiv},
    {"%u", 10, ExprOp::URem},
    {"%s", 10, ExprOp::SRem},
};

constexpr std::string_view kReserved[] = {"if", "then", "else", "let",   "in",   "and",
                                          "or", "not",  "true", "false", "match"};

bool is_reserved(std::string_view name) {
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

class Parser {
 public:
  Parser(Library& library, std::string_view text, const Place& place, Diagnostics& errors)
      : library_(library), ast_(library.ast), errors_(errors), file_(place.file) {
    const size_t before = errors.size();
    tokens_ = tokenize(text, place, errors);
    failed_ = errors.size() != before;
    file_index_ = ast_.file(place.file);
  }

  bool failed() const { return failed_; }
  bool at_end() const { return current().kind == TokenKind::End; }

  ExprId whole_expression() {
    ExprId result = expression();
    if (!failed_ && !at_end()) error("unexpected " + describe(current()) + " after the expression");
    return failed_ ? kNoExpr : result;
  }

  void statements(SemanticsText& out) {
    while (!at_end()) {
      if (accept(";")) continue;
      statement(out);
      if (!failed_ && !at_end() && !peek(";")) {
        error("unexpected " + describe(current()) + " after a statement", "statements are separated by ';'");
      }
      if (failed_) {
        // Go on behind the next semicolon, so that one mistake does not hide the others.
        while (!at_end() && !peek(";")) ++position_;
        failed_ = false;
      }
    }
  }

  void fn() {
    FnDef def;
    def.place = place(current());
    def.name = expect_name("the macro's name");
    expect("(");
    if (!failed_ && !peek(")")) {
      do {
        const uint32_t parameter = ast_.intern(expect_name("a parameter"));
        if (std::find(def.parameters.begin(), def.parameters.end(), parameter) != def.parameters.end()) {
          error("parameter '" + ast_.name(parameter) + "' is declared twice");
        }
        def.parameters.push_back(parameter);
      } while (!failed_ && accept(","));
    }
    expect(")");
    expect("=");
    if (failed_) return;
    def.body = whole_expression();
    if (failed_) return;
    if (!library_.fn_index.try_emplace(def.name, static_cast<uint32_t>(library_.fns.size())).second) {
      errors_.push_back({def.place, "fn '" + def.name + "' is defined twice", ""});
      return;
    }
    library_.fns.push_back(std::move(def));
  }

 private:
  const Token& current() const { return tokens_[position_]; }
  const Token& following() const { return tokens_[std::min(position_ + 1, tokens_.size() - 1)]; }
  bool peek(std::string_view text) const {
    return (current().kind == TokenKind::Symbol || current().kind == TokenKind::Name) && current().text == text;
  }
  bool accept(std::string_view text) {
    if (!peek(text)) return false;
    ++position_;
    return true;
  }
  void expect(std::string_view text) {
    if (failed_ || accept(text)) return;
    error("expected '" + std::string(text) + "' but found " + describe(current()));
  }
  std::string_view expect_name(std::string_view what) {
    if (failed_) return {};
    if (current().kind != TokenKind::Name || is_reserved(current().text)) {
      error("expected " + std::string(what) + " but found " + describe(current()));
      return {};
    }
    return tokens_[position_++].text;
  }
  static std::string describe(const Token& token) {
    return token.kind == TokenKind::End ? "the end" : "'" + std::string(token.text.substr(0, 40)) + "'";
  }
  Place place(const Token& token) const {
    Place place;
    place.file = file_;
    place.line = token.line;
    place.column = token.column;
    return place;
  }
  void error(std::string message, std::string hint = {}) {
    if (!failed_) errors_.push_back({place(current()), std::move(message), std::move(hint)});
    failed_ = true;
  }

  ExprId add(ExprNode node, const Token& token, std::initializer_list<ExprId> children) {
    return add(node, token, std::span<const ExprId>(children.begin(), children.size()));
  }
  ExprId add(ExprNode node, const Token& token, std::span<const ExprId> children) {
    node.place.line = token.line;
    node.place.column = static_cast<uint16_t>(std::min<uint32_t>(token.column, 0xffff));
    node.place.file = file_index_;
    node.first_child = static_cast<uint32_t>(ast_.children.size());
    node.child_count = static_cast<uint32_t>(children.size());
    ast_.children.insert(ast_.children.end(), children.begin(), children.end());
    for (ExprId child : children) node.depth = std::max<uint16_t>(node.depth, ast_.nodes[child].depth + 1);
    if (node.depth > kMaxNesting) error("the expression is nested too deeply", "split it with let");
    ast_.nodes.push_back(node);
    return static_cast<ExprId>(ast_.nodes.size() - 1);
  }

  // Every recursive step passes through here or through unary(), so the nesting limit bounds the host's stack.
  struct Nesting {
    explicit Nesting(Parser& parser) : parser(parser) {
      if (++parser.nesting_ > kMaxNesting) parser.error("the expression is nested too deeply");
    }
    ~Nesting() { --parser.nesting_; }
    Parser& parser;
  };

  ExprId expression() {
    Nesting nesting(*this);
    if (failed_) return kNoExpr;
    const Token token = current();
    if (accept("if")) {
      const ExprId condition = expression();
      expect("then");
      const ExprId then = expression();
      expect("else");
      const ExprId otherwise = expression();
      if (failed_) return kNoExpr;
      return add({.kind = ExprKind::If}, token, {condition, then, otherwise});
    }
    if (accept("let")) {
      const uint32_t name = ast_.intern(expect_name("a name"));
      expect("=");
      ++let_values_;
      const ExprId value = expression();
      --let_values_;
      expect("in");
      const ExprId body = expression();
      if (failed_) return kNoExpr;
      return add({.kind = ExprKind::Let, .name = name}, token, {value, body});
    }
    return binary(0);
  }

  const BinaryOperator* binary_operator() const {
    if (current().kind != TokenKind::Symbol && current().kind != TokenKind::Name) return nullptr;
    for (const BinaryOperator& candidate : kBinaryOperators) {
      if (candidate.text == current().text) return &candidate;
    }
    return nullptr;
  }

  ExprId binary(int minimum) {
    Nesting nesting(*this);
    if (failed_) return kNoExpr;
    ExprId left;
    const Token first = current();
    if (minimum <= kAndLevel + 1 && accept("not")) {
      left = binary(kAndLevel + 1);
      if (failed_) return kNoExpr;
      left = add({.kind = ExprKind::Unary, .op = ExprOp::LogicalNot}, first, {left});
      minimum = std::min(minimum, kAndLevel);  // what follows `not x` can only be `and`, `or`
    } else {
      left = unary();
    }
    while (!failed_) {
      const Token token = current();
      if (minimum <= kComparisonLevel && peek_in_range()) {
        ++position_;
        const uint32_t range = ast_.intern(expect_name("a range such as s12"));
        if (failed_) break;
        left = add({.kind = ExprKind::In, .name = range}, token, {left});
        continue;
      }
      const BinaryOperator* op = binary_operator();
      if (op == nullptr || op->level < minimum) break;
      ++position_;
      const bool opens = peek("if") || peek("let");
      const ExprId right = opens ? expression() : binary(op->level + 1);
      if (failed_) break;
      left = add({.kind = ExprKind::Binary, .op = op->op}, token, {left, right});
    }
    return failed_ ? kNoExpr : left;
  }

  // `x in s8`, as opposed to the `in` of `let y = x in s8 + 1`: a range name ends the comparison.
  bool peek_in_range() const {
    if (!peek("in") || let_values_ != 0) return false;
    const Token& next = following();
    if (next.kind != TokenKind::Name || next.text.size() < 2) return false;
    return (next.text[0] == 's' || next.text[0] == 'u') &&
           next.text.find_first_not_of("0123456789x", 1) == std::string_view::npos;
  }

  ExprId unary() {
    Nesting nesting(*this);
    if (failed_) return kNoExpr;
    const Token token = current();
    if (accept("-")) {
      const ExprId operand = unary();
      return failed_ ? kNoExpr : add({.kind = ExprKind::Unary, .op = ExprOp::Neg}, token, {operand});
    }
    if (accept("~")) {
      const ExprId operand = unary();
      return failed_ ? kNoExpr : add({.kind = ExprKind::Unary, .op = ExprOp::Not}, token, {operand});
    }
    return postfix();
  }

  ExprId postfix() {
    ExprId value = primary();
    while (!failed_ && peek("[")) {
      const Token token = current();
      ++position_;
      const unsigned outer_lets = std::exchange(let_values_, 0);
      const ExprId high = expression();
      ExprId low = high;
      if (!failed_ && accept(":")) low = expression();
      expect("]");
      let_values_ = outer_lets;
      if (!failed_) value = add({.kind = ExprKind::Slice}, token, {value, high, low});
    }
    return failed_ ? kNoExpr : value;
  }

  ExprId primary() {
    if (failed_) return kNoExpr;
    // Inside brackets an `in` cannot belong to a `let` outside.
    const unsigned outer_lets = std::exchange(let_values_, 0);
    const ExprId result = primary_inside();
    let_values_ = outer_lets;
    return result;
  }

  ExprId primary_inside() {
    const Token token = current();
    if (token.kind == TokenKind::Number) {
      ++position_;
      return add({.kind = ExprKind::Number, .number = token.number}, token, {});
    }
    if (accept("(")) {
      const ExprId inner = expression();
      expect(")");
      return inner;
    }
    if (accept("true")) return add({.kind = ExprKind::True}, token, {});
    if (accept("false")) return add({.kind = ExprKind::False}, token, {});
    if (accept("match")) return match(token);
    if (token.kind != TokenKind::Name || is_reserved(token.text)) {
      error("expected an expression but found " + describe(token));
      return kNoExpr;
    }
    ++position_;
    const uint32_t name = ast_.intern(token.text);
    if (accept("(")) {
      std::vector<ExprId> arguments;
      if (!peek(")")) {
        do {
          arguments.push_back(expression());
        } while (!failed_ && accept(","));
      }
      expect(")");
      if (failed_) return kNoExpr;
      return add({.kind = ExprKind::Call, .name = name}, token, arguments);
    }
    if (accept(".")) {
      const uint32_t part = ast_.intern(expect_name("an attribute's name"));
      if (failed_) return kNoExpr;
      return add({.kind = ExprKind::Attribute, .name = name, .name2 = part}, token, {});
    }
    return add({.kind = ExprKind::Name, .name = name}, token, {});
  }

  // match(subject, A: e, B | C: e, _: e)
  ExprId match(const Token& token) {
    expect("(");
    std::vector<ExprId> children{expression()};
    std::vector<ArmLabels> arms;
    while (!failed_ && accept(",")) {
      ArmLabels arm;
      do {
        std::string_view label = expect_name("an enumerator");
        if (label != "_") arm.names.push_back(ast_.intern(label));
      } while (!failed_ && accept("|"));
      expect(":");
      children.push_back(expression());
      arms.push_back(std::move(arm));
    }
    expect(")");
    if (failed_) return kNoExpr;
    const uint32_t first = static_cast<uint32_t>(ast_.labels.size());
    ast_.labels.insert(ast_.labels.end(), arms.begin(), arms.end());
    return add({.kind = ExprKind::Match, .name2 = first}, token, children);
  }

  void statement(SemanticsText& out) {
    const Token token = current();
    Statement result;
    result.place = place(token);
    if (token.kind == TokenKind::Name && following().kind == TokenKind::Symbol && following().text == "(") {
      if (token.text == "store" || token.text == "storele" || token.text == "storebe") {
        position_ += 2;
        result.kind = StatementKind::Store;
        result.order = token.text == "store"     ? ByteOrder::Machine
                       : token.text == "storele" ? ByteOrder::Little
                                                 : ByteOrder::Big;
        result.bits = expression();
        expect(",");
        result.address = expression();
        expect(",");
        result.value = expression();
        expect(")");
        if (!failed_) out.statements.push_back(result);
        return;
      }
      if (token.text == "branch") {
        position_ += 2;
        result.kind = StatementKind::Branch;
        result.value = expression();
        expect(")");
        if (!failed_) out.statements.push_back(result);
        return;
      }
    }
    if (accept("let")) {
      result.kind = StatementKind::Let;
      result.name = ast_.intern(expect_name("a name"));
      expect("=");
    } else {
      result.name = ast_.intern(expect_name("a statement (name := expr, store, branch, let)"));
      expect(":=");
    }
    result.value = expression();
    if (!failed_) out.statements.push_back(result);
  }

  Library& library_;
  Ast& ast_;
  Diagnostics& errors_;
  std::string file_;
  uint16_t file_index_ = 0;
  std::vector<Token> tokens_;
  size_t position_ = 0;
  unsigned nesting_ = 0;
  unsigned let_values_ = 0;
  bool failed_ = false;
};

}  // namespace

void parse_statements(Library& library, std::string_view text, const Place& place, SemanticsText& out,
                      Diagnostics& errors) {
  Parser parser(library, text, place, errors);
  if (!parser.failed()) parser.statements(out);
}

ExprId parse_expression(Library& library, std::string_view text, const Place& place, Diagnostics& errors) {
  Parser parser(library, text, place, errors);
  return parser.failed() ? kNoExpr : parser.whole_expression();
}

void parse_fn(Library& library, std::string_view text, const Place& place, Diagnostics& errors) {
  Parser parser(library, text, place, errors);
  if (!parser.failed()) parser.fn();
}

Expected<SemanticsText> parse_semantics(Library& library, std::string_view text, const Place& place) {
  SemanticsText out;
  Diagnostics errors;
  parse_statements(library, text, place, out, errors);
  if (!errors.empty()) return std::unexpected(errors.front());
  return out;
}

}  // namespace assay::notation
