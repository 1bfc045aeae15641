// The directives of run tests that CLIF's own grammar does not have: memory regions, and expected traps.
//
//   ; region: 0x20000000 4096 seed 7       memory of that size at that address, full of pseudo-random bytes;
//   ; region: 0x20002000 64 bytes 0102ff   … these bytes, then zeros; `fill 0xab`: all the same; nothing: zeros;
//                                          `readonly` may follow.
//   ; run: %f(1, 0) traps int_divz         the call must trap with that code.
// A region is there for every directive of the function that its comment is attached to. Compare docs/filetests.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/immediates.h"
#include "compiler/ir/run_directive.h"
#include "compiler/support/diagnostic.h"
#include "interpreter/outcome.h"
#include "oracles/executor.h"

namespace assay::oracles {

struct RegionDirective {
  enum class Fill : uint8_t { kByte, kSeed, kBytes };
  uint64_t address = 0;
  uint32_t size = 0;
  bool writable = true;
  Fill fill = Fill::kByte;
  uint64_t value = 0;          // the byte, or the seed
  std::vector<uint8_t> bytes;  // kBytes

  bool operator==(const RegionDirective&) const = default;
};

// The region in this comment (its text starts with `;`), nothing if it is no region directive, or what is wrong with
// it.
Expected<std::optional<RegionDirective>> parse_region_directive(std::string_view comment, const Place& place = {});
// `region: 0x20000000 4096 seed 7`, without the `; `.
std::string to_string(const RegionDirective& directive);
// The memory that a directive describes.
Region make_region(const RegionDirective& directive);

// A run or print directive, or one that expects a trap.
struct TestDirective {
  ir::RunDirective run;
  std::optional<ir::TrapCode> trap;
};
Expected<std::optional<TestDirective>> parse_test_directive(std::string_view comment, const ir::Signature& signature,
                                                            const Place& place = {});
// That this call does what the interpreter did; a print directive if it neither returned nor trapped, or `outcome` is
// null.
TestDirective directive_for(const ir::ExternalName& function, const std::vector<ir::DataValue>& args,
                            const interpreter::Outcome* outcome);
// `run: %f(1, 0) traps int_divz`, without the `; `.
std::string to_string(const TestDirective& directive);

}  // namespace assay::oracles
