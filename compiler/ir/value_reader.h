// Reads the values of run directives from text. Internal to compiler/ir: data_value.cpp and run_directive.cpp share it.
#pragma once

#include <string>
#include <string_view>

#include "compiler/ir/data_value.h"
#include "compiler/ir/lexer.h"

namespace assay::ir {

class ValueReader {
 public:
  // Errors have `place`'s file and line; columns are counted from `place.column` on.
  ValueReader(std::string_view text, Place place) : lexer_(text, 0, 1), place_(std::move(place)) { advance(); }

  const Token& token() const { return token_; }
  void advance() { token_ = lexer_.next(); }
  bool accept(char c);
  bool expect(char c);
  bool expect_end();
  // A value of this type. Vectors are `[lane lane …]` or one hexadecimal literal of all their bits.
  bool read_value(Type type, DataValue& value);
  bool fail(std::string message, std::string hint = {});
  const Diagnostic& error() const { return error_; }
  std::string found() const;

 private:
  bool read_scalar(Type type, DataValue& value);

  Lexer lexer_;
  Token token_;
  Place place_;
  Diagnostic error_;
};

}  // namespace assay::ir
