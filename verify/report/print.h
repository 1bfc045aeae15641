// A report for programs and for people: JSON, and one page that needs nothing but itself.
#pragma once

#include <string>
#include <string_view>

#include "verify/report/report.h"

namespace assay::verify::report {

// `indent` < 0: on one line.
std::string to_json(const Report& report, int indent = 2);
// The counts alone, one object for each ISA: what `assay report --json` prints.
std::string totals_json(const Report& report);

// JSON that may stand inside <script>: no '<' is left, so no tag can end there. Reads as the same value.
std::string embeddable(std::string_view json);
// One HTML page with its style, script and data inline.
std::string to_html(const Report& report);

}  // namespace assay::verify::report
