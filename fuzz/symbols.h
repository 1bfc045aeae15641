// Names of functions for places in this program's code, by `addr2line` and what the program tells of itself.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace assay::fuzz {

struct SourceFrame {
  std::string function;  // as the debugger's tools spell it
  std::string place;     // file:line; empty if the program has no line numbers there
};

// For each address the function there, the innermost first: those that were inlined before those they were inlined
// into. Empty for addresses outside of the program, and for all if addr2line is missing.
std::vector<std::vector<SourceFrame>> name_addresses(std::span<const uintptr_t> addresses);

// "Control::fold" for "assay::opt::(anonymous namespace)::Control::fold(int)::{lambda()#1}::operator()() const":
// classes stay, namespaces go, what stands inside of a function is the function. Empty for what is not Assay's.
std::string plain_function(std::string_view function);

}  // namespace assay::fuzz
