// See ops_reader.h. One pass over the lines; each error is recorded and reading goes on at the next line.
#include "compiler/isle/ops/ops_reader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <unordered_map>

namespace assay::ops {

namespace {

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

int index_of(const std::vector<std::string_view>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

std::string joined(const std::vector<std::string_view>& names) {
  std::string out;
  for (std::string_view name : names) {
    if (name.empty()) continue;
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

bool is_fixed_type(std::string_view name) {
  static const std::vector<std::string_view> types = {"i8", "i16", "i32", "i64", "i128", "f16", "f32", "f64", "f128"};
  return index_of(types, name) >= 0;
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& filename) : text_(text), filename_(filename) {}

  std::expected<OpsFile, Diagnostics> read() {
    while (next_line()) {
      const size_t indent = position_;
      if (at_end()) continue;
      if (indent == 0) {
        read_top();
      } else {
        read_clause(indent);
      }
    }
    finish_operation();
    if (!errors_.empty()) return std::unexpected(std::move(errors_));
    return std::move(file_);
  }

 private:
  // ---- lines and words ----

  bool next_line() {
    if (begin_ >= text_.size()) return false;
    size_t end = text_.find('\n', begin_);
    if (end == std::string_view::npos) end = text_.size();
    line_ = text_.substr(begin_, end - begin_);
    begin_ = end + 1;
    ++number_;
    strip_comment();
    position_ = 0;
    skip_space();
    return true;
  }

  // A `#` outside a string starts a comment.
  void strip_comment() {
    bool in_string = false;
    for (size_t i = 0; i < line_.size(); ++i) {
      if (line_[i] == '"') in_string = !in_string;
      if (line_[i] == '#' && !in_string) {
        line_ = line_.substr(0, i);
        break;
      }
    }
    while (!line_.empty() && (line_.back() == ' ' || line_.back() == '\t' || line_.back() == '\r')) {
      line_.remove_suffix(1);
    }
  }

  void skip_space() {
    while (position_ < line_.size() && (line_[position_] == ' ' || line_[position_] == '\t')) ++position_;
  }
  bool at_end() const { return position_ >= line_.size(); }

  std::string_view word() {
    skip_space();
    const size_t start = position_;
    while (position_ < line_.size() && is_word_char(line_[position_])) ++position_;
    return line_.substr(start, position_ - start);
  }

  bool accept(std::string_view token) {
    skip_space();
    if (!line_.substr(position_).starts_with(token)) return false;
    position_ += token.size();
    return true;
  }

  bool expect(std::string_view token) {
    if (accept(token)) return true;
    error("expected '" + std::string(token) + "'");
    return false;
  }

  Place here() const { return {.file = filename_, .line = number_, .column = static_cast<uint32_t>(position_ + 1)}; }
  void error(std::string message, std::string hint = {}) { error_at(here(), std::move(message), std::move(hint)); }
  void error_at(Place place, std::string message, std::string hint = {}) {
    errors_.push_back({std::move(place), std::move(message), std::move(hint)});
  }

  // ---- typevar and op lines ----

  void read_top() {
    finish_operation();
    clause_ = nullptr;
    const Place place = here();
    const std::string_view keyword = word();
    if (keyword == "typevar") {
      read_typevar();
    } else if (keyword == "op") {
      read_op();
    } else if (keyword == "fn") {
      skip_space();
      file_.functions.push_back({std::string(line_.substr(position_)), here()});
      clause_ = &file_.functions.back();
      clause_indent_ = 0;
    } else {
      error_at(place, "expected 'typevar', 'fn' or 'op' at the start of a line",
               "clauses of an operation are indented");
    }
  }

  void read_typevar() {
    skip_space();
    TypeVariable variable;
    variable.place = here();
    variable.name = word();
    if (variable.name.empty()) return error("expected the type variable's name");
    if (!expect("=")) return;
    do {
      skip_space();
      const Place place = here();
      const std::string_view what = word();
      uint16_t* mask = nullptr;
      unsigned low = 0, high = 0;
      if (what == "ints") {
        mask = &variable.set.ints, low = 8, high = 128;
      } else if (what == "floats") {
        mask = &variable.set.floats, low = 16, high = 128;
      } else if (what == "lanes") {
        mask = &variable.set.lanes, low = 1, high = 256;
      } else if (what == "dynamic") {
        mask = &variable.set.dynamic, low = 2, high = 256;
      } else {
        return error_at(place, "unknown kind of type set '" + std::string(what) + "'",
                        "one of ints, floats, lanes, dynamic");
      }
      const std::optional<uint16_t> range = read_range(low, high);
      if (!range) return;
      *mask = *range;
    } while (accept(","));
    skip_space();
    if (!at_end()) return error("unexpected text after the type set");
    if (variable.set.ints == 0 && variable.set.floats == 0) {
      return error_at(variable.place, "type variable '" + variable.name + "' has no lane types");
    }
    if (!variable_index_.emplace(variable.name, static_cast<uint32_t>(file_.variables.size())).second) {
      return error_at(variable.place, "type variable '" + variable.name + "' is already defined");
    }
    file_.variables.push_back(std::move(variable));
  }

  // `all`, `8`, `8..64`: the mask of powers of two. `lanes 0` is the empty set.
  std::optional<uint16_t> read_range(unsigned lowest, unsigned highest) {
    skip_space();
    if (accept("all")) return mask_of(lowest, highest);
    const std::optional<unsigned> low = read_number();
    if (!low) return std::nullopt;
    if (*low == 0) return uint16_t{0};
    unsigned high = *low;
    if (accept("..")) {
      const std::optional<unsigned> number = read_number();
      if (!number) return std::nullopt;
      high = *number;
    }
    if (!std::has_single_bit(*low) || !std::has_single_bit(high) || *low < lowest || high > highest || high < *low) {
      error("not a range of powers of two from " + std::to_string(lowest) + " to " + std::to_string(highest));
      return std::nullopt;
    }
    return mask_of(*low, high);
  }

  static uint16_t mask_of(unsigned low, unsigned high) {
    uint16_t mask = 0;
    for (unsigned n = low; n <= high; n *= 2) mask |= 1u << std::countr_zero(n);
    return mask;
  }

  std::optional<unsigned> read_number() {
    skip_space();
    unsigned number = 0;
    const char* begin = line_.data() + position_;
    const auto [end, status] = std::from_chars(begin, line_.data() + line_.size(), number);
    if (status != std::errc() || number > 65536) {
      error("expected a number");
      return std::nullopt;
    }
    position_ += end - begin;
    return number;
  }

  void read_op() {
    skip_space();
    Operation op;
    op.place = here();
    op.name = word();
    if (op.name.empty()) return error("expected the operation's name");
    if (!expect("(")) return;
    skip_space();
    if (!accept(")")) {
      if (!read_operands(op.inputs) || !expect(")")) return;
    }
    if (accept("->") && !read_operands(op.results)) return;
    skip_space();
    if (!at_end() && !read_doc(op)) return;
    if (!operation_index_.emplace(op.name, file_.operations.size()).second) {
      return error_at(op.place, "operation '" + op.name + "' is already defined");
    }
    current_ = std::move(op);
  }

  bool read_operands(std::vector<Operand>& operands) {
    do {
      skip_space();
      Operand operand;
      operand.place = here();
      operand.name = word();
      if (operand.name.empty()) {
        error("expected an operand's name");
        return false;
      }
      if (!expect(":")) return false;
      if (!read_kind(operand.kind)) return false;
      for (const Operand& other : operands) {
        if (other.name == operand.name) error_at(operand.place, "operand '" + operand.name + "' is already defined");
      }
      operands.push_back(std::move(operand));
    } while (accept(","));
    return true;
  }

  bool read_kind(Kind& kind) {
    skip_space();
    const Place place = here();
    kind.name = word();
    if (kind.name == "varargs") {
      kind.sort = Kind::Sort::kVarargs;
      return true;
    }
    if (is_fixed_type(kind.name)) {
      kind.sort = Kind::Sort::kType;
      return true;
    }
    if (const auto found = variable_index_.find(kind.name); found != variable_index_.end()) {
      kind.sort = Kind::Sort::kVariable;
      kind.variable = found->second;
      if (accept(".")) {
        kind.function = word();
        if (kind.function.empty() || index_of(type_function_names(), kind.function) < 0) {
          error_at(place, "unknown type function '" + kind.function + "'", "one of " + joined(type_function_names()));
          return false;
        }
        return expect("(") && expect(")");
      }
      return true;
    }
    if (index_of(immediate_names(), kind.name) >= 0) {
      kind.sort = Kind::Sort::kImmediate;
      return true;
    }
    error_at(place, "'" + kind.name + "' is neither a type variable, a type nor an operand kind",
             "operand kinds: varargs, " + joined(immediate_names()));
    return false;
  }

  // A string; docs on several lines are joined by spaces.
  bool read_doc(Operation& op) {
    if (!expect("\"")) return false;
    const size_t end = line_.find('"', position_);
    if (end == std::string_view::npos) {
      error("the string does not end on this line");
      return false;
    }
    if (!op.doc.empty()) op.doc += ' ';
    op.doc += line_.substr(position_, end - position_);
    position_ = end + 1;
    skip_space();
    if (!at_end()) error("unexpected text after the doc string");
    return true;
  }

  // ---- clauses ----

  void read_clause(size_t indent) {
    if (clause_ != nullptr && indent > clause_indent_) {  // goes on
      clause_->text += '\n';
      clause_->text += line_.substr(indent);
      return;
    }
    if (!current_) {
      if (errors_.empty()) error("a clause outside an operation");
      return;
    }
    clause_ = nullptr;
    if (line_[position_] == '"') {
      read_doc(*current_);
      return;
    }
    const Place place = here();
    const std::string_view keyword = word();
    skip_space();
    if (keyword == "format") {
      const Place where = here();
      current_->format = word();
      if (index_of(format_names(), current_->format) < 0) {
        error_at(where, "unknown format '" + current_->format + "'", "one of " + joined(format_names()));
      }
      skip_space();
      if (!at_end()) error("unexpected text after the format");
    } else if (keyword == "effects") {
      while (!at_end()) {
        const Place where = here();
        const std::string_view effect = word();
        if (index_of(effect_names(), effect) < 0) {
          error_at(where, "unknown effect '" + std::string(effect) + "'", "one of " + joined(effect_names()));
          break;
        }
        current_->effects.emplace_back(effect);
        skip_space();
      }
    } else if (keyword == "trap" || keyword == "sem") {
      if (at_end()) return error("expected text after '" + std::string(keyword) + "'");
      std::vector<Clause>& clauses = keyword == "trap" ? current_->traps : current_->sem;
      clauses.push_back({std::string(line_.substr(position_)), here()});
      clause_ = &clauses.back();
      clause_indent_ = indent;
    } else {
      error_at(place, "unknown clause '" + std::string(keyword) + "'", "one of format, effects, trap, sem");
    }
  }

  // ---- what follows from an operation's lines ----

  void finish_operation() {
    if (!current_) return;
    Operation op = std::move(*current_);
    current_.reset();
    clause_ = nullptr;
    if (op.format.empty()) error_at(op.place, "operation '" + op.name + "' has no format");
    if (op.doc.empty()) error_at(op.place, "operation '" + op.name + "' has no doc string");
    if (!find_controlling(op)) {
      error_at(op.place, "operation '" + op.name + "' has type variables but none of them can control the others");
    }
    file_.operations.push_back(std::move(op));
  }

  bool is_free(const Operand& operand) const {
    return operand.kind.sort == Kind::Sort::kVariable && !file_.variables[operand.kind.variable].set.is_singleton();
  }

  // Can `variable` control? Every result must be fixed or follow from it; an input that is a function of a variable
  // must be one of this variable, other inputs may have variables of their own.
  bool can_control(const Operation& op, uint32_t variable) const {
    for (const Operand& result : op.results) {
      if (is_free(result) && result.kind.variable != variable) return false;
    }
    for (const Operand& input : op.inputs) {
      if (is_free(input) && input.kind.variable != variable && !input.kind.function.empty()) return false;
    }
    return true;
  }

  bool find_controlling(Operation& op) {
    std::vector<const Operand*> values;
    for (const Operand& input : op.inputs) {
      if (input.kind.is_value()) values.push_back(&input);
    }
    bool any_free = false;
    for (const Operand* value : values) any_free |= is_free(*value);
    for (const Operand& result : op.results) any_free |= is_free(result);
    if (!any_free) return true;
    op.polymorphic = true;
    const size_t designated = op.format == "ternary" ? 1 : op.format == "atomic_cas" ? 2 : 0;
    if (designated < values.size()) {
      const Kind& kind = values[designated]->kind;
      if (kind.sort == Kind::Sort::kVariable && kind.function.empty() && can_control(op, kind.variable)) {
        op.controlling = kind.variable;
        op.infers_type = true;
        op.type_operand = static_cast<uint32_t>(designated);
        op.needs_type_operand = op.results.empty() || op.results[0].kind.sort != Kind::Sort::kVariable ||
                                op.results[0].kind.variable != kind.variable || !op.results[0].kind.function.empty();
        return true;
      }
    }
    if (op.results.empty() || op.results[0].kind.sort != Kind::Sort::kVariable ||
        !op.results[0].kind.function.empty() || !can_control(op, op.results[0].kind.variable)) {
      return false;
    }
    op.controlling = op.results[0].kind.variable;
    return true;
  }

  std::string_view text_;
  const std::string& filename_;
  std::string_view line_;
  size_t begin_ = 0;
  size_t position_ = 0;
  uint32_t number_ = 0;
  OpsFile file_;
  Diagnostics errors_;
  std::optional<Operation> current_;
  Clause* clause_ = nullptr;  // the clause that deeper lines continue
  size_t clause_indent_ = 0;
  std::unordered_map<std::string, uint32_t> variable_index_;
  std::unordered_map<std::string, size_t> operation_index_;
};

}  // namespace

bool TypeSet::is_singleton() const {
  return (std::popcount(ints) + std::popcount(floats)) * (std::popcount(lanes) + std::popcount(dynamic)) == 1;
}

const std::vector<std::string_view>& format_names() {
  static const std::vector<std::string_view> names = {"unary",
                                                      "unary_imm",
                                                      "unary_ieee16",
                                                      "unary_ieee32",
                                                      "unary_ieee64",
                                                      "unary_const",
                                                      "unary_global_value",
                                                      "binary",
                                                      "binary_imm8",
                                                      "ternary",
                                                      "ternary_imm8",
                                                      "multiary",
                                                      "nullary",
                                                      "shuffle",
                                                      "int_compare",
                                                      "float_compare",
                                                      "int_add_trap",
                                                      "jump",
                                                      "brif",
                                                      "branch_table",
                                                      "call",
                                                      "call_indirect",
                                                      "try_call",
                                                      "try_call_indirect",
                                                      "func_addr",
                                                      "atomic_rmw",
                                                      "atomic_cas",
                                                      "load",
                                                      "load_no_offset",
                                                      "store",
                                                      "store_no_offset",
                                                      "stack_addr",
                                                      "dynamic_stack_addr",
                                                      "trap",
                                                      "cond_trap",
                                                      "exception_handler_address"};
  return names;
}

const std::vector<std::string_view>& immediate_names() {
  static const std::vector<std::string_view> names = {"imm64",
                                                      "uimm8",
                                                      "uimm128",
                                                      "offset32",
                                                      "ieee16",
                                                      "ieee32",
                                                      "ieee64",
                                                      "pool_constant",
                                                      "intcc",
                                                      "floatcc",
                                                      "atomic_rmw_op",
                                                      "trapcode",
                                                      "memflags",
                                                      "func_ref",
                                                      "sig_ref",
                                                      "stack_slot",
                                                      "dynamic_stack_slot",
                                                      "global_value",
                                                      "block_call",
                                                      "block_then",
                                                      "block_else",
                                                      "jump_table",
                                                      "exception_table",
                                                      "raw_block"};
  return names;
}

const std::vector<std::string_view>& effect_names() {
  static const std::vector<std::string_view> names = {"terminates_block",
                                                      "branches",
                                                      "returns",
                                                      "call",
                                                      "can_trap",
                                                      "can_load",
                                                      "can_store",
                                                      "other_side_effects",
                                                      "side_effects_idempotent"};
  return names;
}

const std::vector<std::string_view>& type_function_names() {
  static const std::vector<std::string_view> names = {"",
                                                      "lane_of",
                                                      "as_truthy",
                                                      "half_width",
                                                      "double_width",
                                                      "split_lanes",
                                                      "merge_lanes",
                                                      "dynamic_to_vector",
                                                      "narrower",
                                                      "wider"};
  return names;
}

std::expected<OpsFile, Diagnostics> read_operations(std::string_view text, const std::string& filename) {
  return Reader(text, filename).read();
}

}  // namespace assay::ops
