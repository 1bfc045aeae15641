// See operations.h. The tables are generated; this file adds the little code that reads them.
#include "compiler/ir/operations.h"

#include <unordered_map>

namespace assay::ir {

namespace {

#include "compiler/ir/operations_table.inc"

static_assert(std::size(kOperations) == kOpcodeCount);
static_assert(std::size(kFormatNames) == kFormatCount);

}  // namespace

const OperationInfo* const kOperationTable = kOperations;

std::string_view to_string(Format format) { return kFormatNames[static_cast<unsigned>(format)]; }

std::optional<Opcode> parse_opcode(std::string_view name) {
  static const std::unordered_map<std::string_view, Opcode> opcodes = [] {
    std::unordered_map<std::string_view, Opcode> map;
    for (unsigned i = 0; i < kOpcodeCount; ++i) map.emplace(kOperations[i].name, static_cast<Opcode>(i));
    return map;
  }();
  const auto found = opcodes.find(name);
  return found == opcodes.end() ? std::nullopt : std::optional(found->second);
}

Type TypeConstraint::resolve(Type controlling) const {
  if (kind == Kind::kFixed) return fixed;
  if (kind != Kind::kControlling) return kInvalid;
  switch (function) {
    case TypeFunction::kSame:
      return controlling;
    case TypeFunction::kLaneOf:
      return controlling.lane_type();
    case TypeFunction::kAsTruthy:
      return controlling.as_truthy();
    case TypeFunction::kHalfWidth:
      return controlling.half_width();
    case TypeFunction::kDoubleWidth:
      return controlling.double_width();
    case TypeFunction::kSplitLanes:
      return controlling.split_lanes();
    case TypeFunction::kMergeLanes:
      return controlling.merge_lanes();
    case TypeFunction::kDynamicToVector:
      return controlling.dynamic_to_vector();
    case TypeFunction::kNarrower:
    case TypeFunction::kWider:
      return kInvalid;
  }
  return kInvalid;
}

bool TypeConstraint::allows(Type type, Type controlling) const {
  if (!type.is_valid()) return false;
  if (kind == Kind::kFree) return set.contains(type);
  const bool same_shape = type.lanes() == controlling.lanes() &&
                          type.is_dynamic_vector() == controlling.is_dynamic_vector() &&
                          type.lane_type().is_int() == controlling.lane_type().is_int();
  if (kind == Kind::kControlling && function == TypeFunction::kNarrower) {
    return same_shape && type.lane_bits() < controlling.lane_bits();
  }
  if (kind == Kind::kControlling && function == TypeFunction::kWider) {
    return same_shape && type.lane_bits() > controlling.lane_bits();
  }
  return type == resolve(controlling);
}

}  // namespace assay::ir
