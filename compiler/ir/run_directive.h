// `; run: %f(1, 0x2) == 3` and `; print: %f(4)`: what a test file says should happen when a function is called.
//
// The types of arguments and results come from the signature of the function the comment is attached to; the name that
// is written need not be that function's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/data_value.h"
#include "compiler/ir/signature.h"

namespace assay::ir {

struct RunDirective {
  enum class Kind : uint8_t { kRun, kPrint };
  Kind kind = Kind::kRun;
  bool has_invocation = false;  // false: plain `run`: call without arguments, expect a result other than 0
  std::string function;         // as written, without the `%`
  std::vector<DataValue> args;
  bool expects_equal = true;  // `==`, or `!=`
  std::vector<DataValue> expected;
};

// Is this comment text (as the parser keeps it, starting with `;`) a run or print directive?
bool is_run_directive(std::string_view comment);
// The directive in `comment`, nullopt if it is none, or what is wrong with it. A place has `place`'s file and line and
// the column counted from `place.column`. Arguments for `vmctx` and `sret` parameters are written like any other.
Expected<std::optional<RunDirective>> parse_run_directive(std::string_view comment, const Signature& signature,
                                                          const Place& place = {});
// `run: %f(1, 2) == 3`, without the `; `.
std::string to_string(const RunDirective& directive);

}  // namespace assay::ir
