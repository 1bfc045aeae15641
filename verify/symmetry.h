// Terms that do not mind the order of two of their arguments, by their meaning: instructions by their `sem`, helpers by
// their `spec`. "No" may also mean that it is not seen; "yes" is certain.
#pragma once

#include <string>
#include <unordered_map>

#include "compiler/isle/notation/definition.h"
#include "compiler/isle/sema.h"

namespace assay::verify {

class Symmetry {
 public:
  Symmetry(const isle::Program& program, const notation::Definitions& instructions);

  bool symmetric(isle::TermId term, size_t first, size_t second) const;

 private:
  bool instruction_symmetric(const notation::InstDef& def, size_t first, size_t second) const;

  const isle::Program& program_;
  const notation::Definitions& instructions_;
  std::unordered_map<std::string, size_t> instruction_by_term_;
};

}  // namespace assay::verify
