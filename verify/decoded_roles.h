// Which general registers and flags machine code reads and writes, by LLVM's tables: a judge of the roles that
// instruction definitions give their operands, and of what they clobber.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "compiler/machine/isa_kind.h"
#include "compiler/machine/reg.h"
#include "compiler/support/diagnostic.h"

namespace assay::verify {

struct DecodedRoles {
  machine::PRegSet reads;   // before it writes them
  machine::PRegSet writes;  // the whole or a part of
};

class RoleDecoder {
 public:
  static Expected<std::unique_ptr<RoleDecoder>> make(IsaKind isa);
  ~RoleDecoder();

  // Of the instructions in `bytes`, as one. Nothing if one of them cannot be decoded. The stack pointer and a zero
  // register are left out.
  std::optional<DecodedRoles> decode(std::span<const uint8_t> bytes);

 private:
  class Tables;  // LLVM's; its libraries have no run-time type information, so nothing here is virtual
  explicit RoleDecoder(std::unique_ptr<Tables> tables);

  std::unique_ptr<Tables> tables_;
};

}  // namespace assay::verify
