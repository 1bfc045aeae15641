// See host_function.h.
#include "interpreter/host_function.h"

#include <cstdio>

namespace assay::interpreter {

namespace {

uint64_t mix(uint64_t x) {  // splitmix64's finisher
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

std::string describe(const HostCall& call) {
  std::string out = call.name + "(";
  for (size_t i = 0; i < call.args.size(); ++i) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(call.args[i]));
    out += (i == 0 ? "" : ", ") + std::string(text);
  }
  return out + ")";
}

uint64_t thread_local_place(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return (hash >> 32) % (kHostMemory / 8) * 8;
}

void call_host(const HostCall& call, std::span<uint8_t> memory, std::span<const uint8_t> result_bits,
               std::vector<uint64_t>& results) {
  uint64_t name = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : call.name) name = (name ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  uint64_t hash = mix(name);
  for (const uint64_t arg : call.args) hash = mix(hash ^ arg);
  if (memory.size() >= kHostMemory) {
    constexpr unsigned kPlaces = kHostMemory / 8;
    const size_t from = 8 * (mix(name + 1) % kPlaces), to = 8 * (mix(name + 2) % kPlaces);
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; ++i) word |= uint64_t{memory[from + i]} << (8 * i);
    hash = mix(hash ^ word);
    for (unsigned i = 0; i < 8; ++i) memory[to + i] = static_cast<uint8_t>(hash >> (8 * i));
  }
  results.clear();
  for (size_t i = 0; i < result_bits.size(); ++i) {
    const unsigned low = result_bits[i] < 64 ? result_bits[i] : 64;
    const uint64_t bits = mix(hash + i + 1), mask = ~uint64_t{0} >> (64 - low);
    const uint64_t edges[] = {0, 1, mask, mask >> 1, (mask >> 1) + 1, bits & 0xff, bits, bits};
    results.push_back(edges[bits >> 61] & mask);
    if (result_bits[i] == 128) results.push_back(mix(bits) % 4 == 0 ? 0 : mix(bits));
  }
}

}  // namespace assay::interpreter
