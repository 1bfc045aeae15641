// For the programs that write C++: what may not be an identifier.
#pragma once

#include <string_view>

namespace assay {

// Is it a keyword of C++ or an alternative token (`and`, `xor_eq`)?
bool is_cpp_keyword(std::string_view name);

}  // namespace assay
