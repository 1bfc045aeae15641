// What triage found, for people and for programs: JSON of a result, and a Markdown and an HTML page of a group of equal
// causes.
#pragma once

#include <span>
#include <string>

#include "fuzz/triage.h"

namespace assay::fuzz {

// One JSON object: groups of equal causes, and all results. Its fields are described in docs/triage-a-miscompile.md and
// only ever grow.
std::string to_json(const std::vector<TriageResult>& results);

// Pages of results that have the same cause; the first stands for all. Not empty.
std::string to_markdown(std::span<const TriageResult* const> group);
std::string to_html(std::span<const TriageResult* const> group);

// A name for files of the group: letters, digits and hyphens.
std::string file_stem(const TriageResult& result);

}  // namespace assay::fuzz
