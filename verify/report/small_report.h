// For tests: a report on three rules for an invented machine, one proven, one refuted, one without a model.
#pragma once

#include "verify/report/report.h"

namespace assay::verify::report {

Report small_report();

}  // namespace assay::verify::report
