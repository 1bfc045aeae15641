// See what_if.h. The linker gathers the pass's records, and knows where they begin and end.
#include "compiler/support/what_if.h"

extern "C" {
[[gnu::weak]] extern assay::WhatIfPlace __start_assay_places[];
[[gnu::weak]] extern assay::WhatIfPlace __stop_assay_places[];
}

namespace assay {

std::span<WhatIfPlace> what_if_places() {
  return __start_assay_places == nullptr ? std::span<WhatIfPlace>()
                                         : std::span(__start_assay_places, __stop_assay_places);
}

}  // namespace assay
