// A campaign's report for terminals, for programs (JSON), and as one HTML page that needs nothing but itself.
#pragma once

#include <string>
#include <vector>

#include "fuzz/campaign.h"

namespace assay::fuzz {

// "isa: rule"
std::vector<std::string> rules_never_fired(const CampaignReport& report);

std::string to_text(const CampaignReport& report);
std::string to_json(const CampaignReport& report);
// `title` goes on top: the folder, the settings.
std::string to_html(const CampaignReport& report, const std::string& title);

}  // namespace assay::fuzz
