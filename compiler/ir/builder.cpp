// See builder.h.
#include "compiler/ir/builder.h"

#include <vector>

namespace assay::ir {

Inst InstBuilder::insert(const InstData& data) {
  const Inst i = function_.make_inst(data);
  function_.make_results(i);
  if (before_.is_none()) {
    assert(!block_.is_none());
    function_.append_inst(i, block_);
  } else {
    function_.insert_inst_before(i, before_);
  }
  if (location_ != kNoSourceLocation) function_.set_source_location(i, location_);
  return i;
}

Slice InstBuilder::make_calls(const BlockCall& first, std::span<const BlockCall> rest) {
  std::vector<BlockCall> calls{first};
  calls.insert(calls.end(), rest.begin(), rest.end());
  return function_.make_calls(calls);
}

Slice InstBuilder::make_values(Value first, std::span<const Value> rest) {
  std::vector<Value> values{first};
  values.insert(values.end(), rest.begin(), rest.end());
  return function_.make_values(values);
}

}  // namespace assay::ir
