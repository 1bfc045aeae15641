// See run_directive.h, value_reader.h.
#include "compiler/ir/run_directive.h"

#include "compiler/ir/immediates.h"
#include "compiler/ir/value_reader.h"

namespace assay::ir {

// ---- ValueReader ----

bool ValueReader::accept(char c) {
  if (!token_.is(c)) return false;
  advance();
  return true;
}

bool ValueReader::expect(char c) { return accept(c) || fail(std::string("expected '") + c + "', found " + found()); }

bool ValueReader::expect_end() { return token_.is(Token::Kind::kEnd) || fail("unexpected " + found() + " at the end"); }

std::string ValueReader::found() const {
  return token_.is(Token::Kind::kEnd) ? "the end" : "'" + printable(token_.text.substr(0, 40)) + "'";
}

bool ValueReader::fail(std::string message, std::string hint) {
  Place place = place_;
  place.column = (place.column == 0 ? 1 : place.column) + token_.column - 1;
  error_ = {std::move(place), std::move(message), std::move(hint)};
  return false;
}

bool ValueReader::read_scalar(Type type, DataValue& value) {
  if (!token_.is(Token::Kind::kNumber))
    return fail("expected a value of type " + type.to_string() + ", found " + found());
  std::optional<unsigned __int128> bits;
  if (type.is_float()) {
    bits = parse_float(token_.text, type.bits());
  } else if (const std::optional<IntegerLiteral> literal = parse_integer(token_.text)) {
    bits = literal->to_bits(type.bits());
  }
  if (!bits) {
    return fail(found() + " is not a value of type " + type.to_string(),
                type.is_float() ? "floats are hexadecimal: 0x1.8p3, 0.0, Inf, NaN:0x1" : "");
  }
  value = DataValue(type, *bits);
  advance();
  return true;
}

bool ValueReader::read_value(Type type, DataValue& value) {
  if (!type.is_valid() || type.is_dynamic_vector() || type.bytes() > 16) {
    return fail("values of type " + type.to_string() + " cannot be written");
  }
  if (type.is_lane()) return read_scalar(type, value);
  value = DataValue(type, 0);
  if (!token_.is('[')) {
    const std::optional<IntegerLiteral> literal =
        token_.is(Token::Kind::kNumber) && token_.text.starts_with("0x") ? parse_integer(token_.text) : std::nullopt;
    if (!literal)
      return fail("expected a value of type " + type.to_string() + ", found " + found(), "[1 2 3 4] or 0x…");
    const std::optional<unsigned __int128> bits = literal->to_bits(type.bits());
    if (!bits) return fail(found() + " is longer than " + type.to_string());
    value = DataValue(type, *bits);
    advance();
    return true;
  }
  advance();
  for (unsigned n = 0; n < type.lanes(); ++n) {
    DataValue lane;
    if (token_.is(']')) {
      return fail("expected " + std::to_string(type.lanes()) + " lanes, found " + std::to_string(n));
    }
    if (!read_scalar(type.lane_type(), lane)) return false;
    value.set_lane(n, lane);
    accept(',');
  }
  return expect(']');
}

// ---- directives ----

namespace {

// The comment's text without `;` and spaces before it.
std::string_view content(std::string_view comment) {
  const size_t begin = comment.find_first_not_of("; \t");
  return begin == std::string_view::npos ? std::string_view() : comment.substr(begin);
}

bool starts_with_command(std::string_view text, std::string_view command) {
  if (!text.starts_with(command)) return false;
  const std::string_view rest = text.substr(command.size());
  const size_t next = rest.find_first_not_of(" \t\r");
  // `run: …`, or `run` alone: prose that starts with the word is no directive.
  return next == std::string_view::npos || rest[next] == ':';
}

bool read_values(ValueReader& reader, const std::vector<AbiParam>& types, char end, std::string_view what,
                 std::vector<DataValue>& values) {
  for (size_t n = 0; n < types.size(); ++n) {
    if (reader.token().is(end)) {
      return reader.fail("expected " + std::to_string(types.size()) + " " + std::string(what) + ", found " +
                         std::to_string(n));
    }
    if (n != 0 && !reader.expect(',')) return false;
    DataValue value;
    if (!reader.read_value(types[n].type, value)) return false;
    values.push_back(value);
  }
  if (reader.token().is(',')) {
    return reader.fail("expected " + std::to_string(types.size()) + " " + std::string(what) + ", found more");
  }
  return reader.expect(end);
}

bool read_directive(ValueReader& reader, const Signature& signature, RunDirective& directive) {
  directive.kind = reader.token().is_word("run") ? RunDirective::Kind::kRun : RunDirective::Kind::kPrint;
  reader.advance();
  if (!reader.accept(':')) {
    if (directive.kind == RunDirective::Kind::kRun &&
        (!signature.params.empty() || signature.returns.size() != 1 || !signature.returns[0].type.is_int())) {
      return reader.fail("'run' without a call needs a function without parameters that returns an integer");
    }
    return reader.expect_end();
  }
  directive.has_invocation = true;
  if (!reader.token().is(Token::Kind::kName)) {
    return reader.fail("expected the function's name, found " + reader.found(), "%name(arguments)");
  }
  directive.function = reader.token().text.substr(1);
  reader.advance();
  if (!reader.expect('(') || !read_values(reader, signature.params, ')', "arguments", directive.args)) return false;
  if (directive.kind == RunDirective::Kind::kPrint) return reader.expect_end();

  if (reader.accept('!')) {
    directive.expects_equal = false;
  } else if (!reader.token().is('=')) {
    return reader.fail("expected == or !=, found " + reader.found());
  } else {
    reader.advance();
  }
  if (!reader.expect('=')) return false;
  if (signature.returns.size() == 1) {
    DataValue value;
    // A single value may stand in brackets of its own.
    const bool bracket = signature.returns[0].type.is_lane() && reader.accept('[');
    if (!reader.read_value(signature.returns[0].type, value)) return false;
    directive.expected.push_back(value);
    if (bracket && !reader.expect(']')) return false;
  } else if (!reader.expect('[') || !read_values(reader, signature.returns, ']', "results", directive.expected)) {
    return false;
  }
  return reader.expect_end();
}

void append_values(std::string& out, const std::vector<DataValue>& values) {
  for (size_t n = 0; n < values.size(); ++n) {
    if (n != 0) out += ", ";
    out += to_string(values[n]);
  }
}

}  // namespace

bool is_run_directive(std::string_view comment) {
  const std::string_view text = content(comment);
  return starts_with_command(text, "run") || starts_with_command(text, "print");
}

Expected<std::optional<RunDirective>> parse_run_directive(std::string_view comment, const Signature& signature,
                                                          const Place& place) {
  if (!is_run_directive(comment)) return std::nullopt;
  const std::string_view text = content(comment);
  Place start = place;
  start.column = (place.column == 0 ? 1 : place.column) + static_cast<uint32_t>(text.data() - comment.data());
  ValueReader reader(text, start);
  RunDirective directive;
  if (!read_directive(reader, signature, directive)) return std::unexpected(reader.error());
  return directive;
}

std::string to_string(const RunDirective& directive) {
  std::string out = directive.kind == RunDirective::Kind::kRun ? "run" : "print";
  if (!directive.has_invocation) return out;
  out += ": %" + directive.function + "(";
  append_values(out, directive.args);
  out += ")";
  if (directive.kind == RunDirective::Kind::kPrint) return out;
  out += directive.expects_equal ? " == " : " != ";
  if (directive.expected.size() == 1) return out + to_string(directive.expected[0]);
  out += "[";
  append_values(out, directive.expected);
  return out + "]";
}

}  // namespace assay::ir
