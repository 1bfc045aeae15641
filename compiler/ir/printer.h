// Functions to CLIF text: Cranelift's own canonical form, so that print(parse(print(f))) == print(f).
//
// Differences from Cranelift's writer, on purpose: atomic_rmw and atomic_cas keep their memory flags, an operation
// without operands has no trailing space, and the `; v3 = 7` comments about constants come only if asked for.
#pragma once

#include <string>

#include "compiler/ir/function.h"
#include "compiler/ir/parser.h"

namespace assay::ir {

struct PrintOptions {
  bool constant_comments = false;  // `; v1 = 7` after instructions that use constants
};

std::string print(const Function& function, const PrintOptions& options = {});
void print(const Function& function, std::string& out, const PrintOptions& options = {});
// One instruction on one line, without indentation or newline: `v2 = iadd v0, v1`.
std::string print_inst(const Function& function, Inst inst);
// One line: `block1(v0: i32) cold:`.
std::string print_block_header(const Function& function, Block block);
// Everything parse_file() reads: commands, settings, functions and the comments that belong to them (those inside a
// function move behind it).
std::string print(const File& file, const PrintOptions& options = {});

}  // namespace assay::ir
