// Host functions: what a program calls and does not define, given a meaning by the harness.
//
// A function that is declared with a name of the form %host_… and defined nowhere is one. What it does follows from its
// name, its arguments and 16 places of 8 bytes in memory: it reads one of them, writes another, and its results are
// scrambled from all that, edge values often. So a call that is missing, made twice, made with other arguments or moved
// over a load or store shows. Interpreter and machines share this meaning: it is no part of what is judged, but the
// calls are: each is kept with its arguments, and the sequences compared.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace assay::interpreter {

struct HostCall {
  std::string name;            // with its `%`
  std::vector<uint64_t> args;  // zero-extended; of an i128 two, the low half first
  bool operator==(const HostCall&) const = default;
};
// `%host_a(1, 0x20)`
std::string describe(const HostCall& call);

// As printed, with its `%`.
inline bool is_host_name(std::string_view name) { return name.starts_with("%host_"); }

// The least size of the region that host functions read and write: the first writable one that has it.
inline constexpr size_t kHostMemory = 128;
// What a call costs of the interpreter's fuel: machines take some microseconds for one.
inline constexpr uint64_t kHostCallFuel = 100;

// Thread-local variables are there, too: where that of a name is, from the memory's begin. With little room, some share
// it.
uint64_t thread_local_place(std::string_view name);

// Does the call: `memory` is the region's, at least kHostMemory bytes, or empty; `results` have `result_bits` bits
// each, and become zero-extended; of 128 bits, two words.
void call_host(const HostCall& call, std::span<uint8_t> memory, std::span<const uint8_t> result_bits,
               std::vector<uint64_t>& results);

}  // namespace assay::interpreter
