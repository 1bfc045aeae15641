// A report for programs and for people: JSON, and one page that needs nothing but itself.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "verify/report/report.h"
#include "verify/rule_sources.h"

namespace assay::verify::report {

// `indent` < 0: on one line.
std::string to_json(const Report& report, int indent = 2);
// The counts alone, one object for each ISA: what `assay report --json` prints.
std::string totals_json(const Report& report);

// JSON that may stand inside <script>: no '<' is left, so no tag can end there. Reads as the same value.
std::string embeddable(std::string_view json);
// A page: the part whose name ends in .html, with each {{name}} in it replaced by the part whose name ends so, and
// {{data}} by the JSON.
std::string fill_page(std::span<const RuleSource> parts, std::string_view json);
// One HTML page with its style, script and data inline.
std::string to_html(const Report& report);

}  // namespace assay::verify::report
