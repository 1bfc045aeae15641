// The C++ behind the external terms of the rules, each as a function of plain numbers: one line a term.
//
// Adding an external constructor or extractor that yields values means adding its line here. One whose meaning the
// prover knows by its name, without a spec, has a contract, written by hand; one that has nothing to compare (emission,
// the ABI) gets a reason instead. helper_check_test fails until one of them is there.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/machine/isa_kind.h"
#include "compiler/machine/lower.h"

namespace assay::opt {
class Context;
}

namespace assay::verify {

// An argument or an answer. A Type is `type` alone; a Value is `type` and its bits, if it is a constant; anything else
// is `bits`.
struct HelperValue {
  ir::Type type;
  unsigned __int128 bits = 0;
  bool is_constant = true;  // of a Value
};

// Where the helpers are called: while a function is lowered, or is in the mid-end's graph, that has the values as
// instructions. One of the two is null.
struct HelperContext {
  machine::LowerContext* lower = nullptr;
  const opt::Context* optimizer = nullptr;
  std::function<ir::Value(const HelperValue&)> value;
};

// The result of a constructor, or the field that an extractor yields; nothing if it does not succeed.
using HelperAnswer = std::optional<HelperValue>;
using HelperFunction = std::function<HelperAnswer(const HelperContext&, std::span<const HelperValue>)>;

// What is wrong with a term, or nothing; counts the cases it tried.
using HelperContract = std::function<std::string(const HelperContext&, const std::string& term, size_t& cases)>;

struct HelperTable {
  std::map<std::string, HelperFunction> functions;    // by term
  std::map<std::string, HelperContract> contracts;    // by term
  std::map<std::string, std::string> without_values;  // by term: why there is nothing to compare, and who judges it
  std::map<std::string, ir::Type> constants;          // by name: the types that `(extern const $NAME Type)` stand for
};

// Of the ISA's own terms and of those that all share.
const HelperTable& helper_table(IsaKind isa);
// Of the mid-end's terms (helper_optimizer.cpp).
const HelperTable& optimizer_helper_table();
// Those of prelude.isle (helper_contracts.cpp).
std::map<std::string, HelperContract> helper_contracts();

}  // namespace assay::verify
