// What instgen writes for one instruction set (see generate_*.cpp; one function a file). Internal to the notation
// library.
#pragma once

#include <span>
#include <string>

#include "compiler/isle/notation/definition.h"

namespace assay::notation {

// insts.h: opcodes, the enumerations of parameters, inst_set(); includes terms.h.
std::string generate_header(const Definitions& definitions);
// terms.h: `Terms<Base>`, a method for every instruction term.
std::string generate_terms(const Definitions& definitions);
// insts.isle: the same terms' declarations, and the types of parameters.
std::string generate_isle(const Definitions& definitions);
// insts.cpp: descriptions, printing tables, inversion, the definitions' texts.
std::string generate_tables(const Definitions& definitions, std::span<const SourceFile> files);
// encode.cpp: one function an instruction.
std::string generate_encoder(const Definitions& definitions);
// insts.md: a page for people.
std::string generate_page(const Definitions& definitions);

// ---- shared by the generators ----

// `call_indirect` becomes `kCallIndirect`.
std::string opcode_constant(const InstDef& inst);
// A C++ identifier: keywords get a trailing underscore.
std::string cpp_identifier(const std::string& name);
std::string cpp_string(std::string_view text);
const char* cpp_class(machine::RegClass reg_class);
// The tables `kNumber_ENUM`, `kInverse_ENUM` and `kAttribute_ENUM_NAME` that static expressions use.
std::string enum_tables(const Definitions& definitions);
// Whether the instruction has an ISLE term (variadic ones have none), and whether it has a second one, TERM_multi.
bool has_term(const InstDef& inst);
bool has_multi_term(const InstDef& inst);

}  // namespace assay::notation
