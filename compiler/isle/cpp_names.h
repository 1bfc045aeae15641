// How ISLE's names and types are spelled in C++. Private to the generator.
#pragma once

#include <string>

#include "compiler/isle/sema.h"

namespace assay::isle {

// A name as a C++ identifier: '.' and '$' become '_', keywords and names that start with a digit get an underscore.
std::string cpp_name(std::string_view name);

// The same for a part of a longer identifier: constructor_<part>.
std::string cpp_part(std::string_view name);

std::string cpp_type(const Program& program, TypeId type);

// As the type of a parameter: by value if it is small for certain.
std::string cpp_parameter_type(const Program& program, TypeId type);

// The literal of an integer; for opaque primitive types a plain number.
std::string cpp_int(const Type& type, Int128 value);

// An enum without any field, which in C++ is an `enum class`.
bool is_plain_enum(const Type& type);

// "Ret constructor_lower(Context& ctx, Inst arg0)" without a semicolon.
std::string cpp_signature(const Program& program, const Term& term, const std::string& context,
                          const std::vector<std::string>& argument_names);

// Type definitions of the header, in an order that compiles. A type that contains itself is reported.
std::string cpp_types(const Program& program, Diagnostics& errors);

// The definitions of the rule table and of the arrays of rule ids.
std::string cpp_rule_table(const Program& program, const std::string& unit);

// A string as a C++ literal.
std::string cpp_string(std::string_view text);

}  // namespace assay::isle
