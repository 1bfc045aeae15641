// See cpp_keyword.h.
#include "compiler/support/cpp_keyword.h"

#include <unordered_set>

namespace assay {

bool is_cpp_keyword(std::string_view name) {
  static const std::unordered_set<std::string_view> kKeywords = {
      "alignas",   "alignof",   "and",      "and_eq",   "asm",       "auto",     "bitand",   "bitor",   "bool",
      "break",     "case",      "catch",    "char",     "class",     "compl",    "concept",  "const",   "consteval",
      "constexpr", "constinit", "continue", "co_await", "co_return", "co_yield", "decltype", "default", "delete",
      "do",        "double",    "else",     "enum",     "explicit",  "export",   "extern",   "false",   "float",
      "for",       "friend",    "goto",     "if",       "inline",    "int",      "long",     "mutable", "namespace",
      "new",       "noexcept",  "not",      "not_eq",   "nullptr",   "operator", "or",       "or_eq",   "private",
      "protected", "public",    "register", "requires", "return",    "short",    "signed",   "sizeof",  "static",
      "struct",    "switch",    "template", "this",     "throw",     "true",     "try",      "typedef", "typeid",
      "typename",  "union",     "unsigned", "using",    "virtual",   "void",     "volatile", "while",   "xor",
      "xor_eq"};
  return kKeywords.contains(name);
}

}  // namespace assay
