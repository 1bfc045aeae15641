// Tokens of the expression language. Internal to the notation library.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/isle/notation/expr.h"

namespace assay::notation {

enum class TokenKind : uint8_t { End, Name, Number, Symbol };

struct Token {
  TokenKind kind = TokenKind::End;
  std::string_view text;  // Symbol: with its suffix: ">>u", "<=s"
  __int128 number = 0;
  uint32_t line = 0;
  uint32_t column = 0;
};

// Splits `text`, which begins at `place`; ends with an End token. Reports characters that begin no token and numbers
// that are too large.
std::vector<Token> tokenize(std::string_view text, const Place& place, Diagnostics& errors);

}  // namespace assay::notation
