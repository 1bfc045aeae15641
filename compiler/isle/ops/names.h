// Names of operations and operands as ISLE and C++ spell them, for the programs that generate from operations.ops.
#pragma once

#include <cctype>
#include <string>
#include <string_view>

namespace assay::ops {

// "sadd_overflow" as "SaddOverflow".
inline std::string pascal(std::string_view name) {
  std::string result;
  bool upper = true;
  for (char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    result += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return result;
}

inline std::string lower(std::string_view name) {
  std::string result(name);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

}  // namespace assay::ops
