// See steering.h.
#include "fuzz/steering.h"

#include <algorithm>
#include <iterator>

#include "compiler/ir/operations.h"

namespace assay::fuzz {

using ir::Opcode;

namespace {

constexpr Opcode kOperations[] = {Opcode::kIadd,
                                  Opcode::kIsub,
                                  Opcode::kImul,
                                  Opcode::kUmulhi,
                                  Opcode::kSmulhi,
                                  Opcode::kSmin,
                                  Opcode::kUmin,
                                  Opcode::kSmax,
                                  Opcode::kUmax,
                                  Opcode::kBand,
                                  Opcode::kBor,
                                  Opcode::kBxor,
                                  Opcode::kUdiv,
                                  Opcode::kSdiv,
                                  Opcode::kUrem,
                                  Opcode::kSrem,
                                  Opcode::kIshl,
                                  Opcode::kUshr,
                                  Opcode::kSshr,
                                  Opcode::kRotl,
                                  Opcode::kRotr,
                                  Opcode::kIneg,
                                  Opcode::kIabs,
                                  Opcode::kBnot,
                                  Opcode::kBitrev,
                                  Opcode::kClz,
                                  Opcode::kCls,
                                  Opcode::kCtz,
                                  Opcode::kPopcnt,
                                  Opcode::kBswap,
                                  Opcode::kUextend,
                                  Opcode::kSextend,
                                  Opcode::kIreduce,
                                  Opcode::kIcmp,
                                  Opcode::kSelect,
                                  Opcode::kBitselect,
                                  Opcode::kBmask,
                                  Opcode::kIconcat,
                                  Opcode::kIsplit,
                                  Opcode::kIconst,
                                  Opcode::kUaddOverflow,
                                  Opcode::kSaddOverflow,
                                  Opcode::kUsubOverflow,
                                  Opcode::kSsubOverflow,
                                  Opcode::kUmulOverflow,
                                  Opcode::kSmulOverflow,
                                  Opcode::kUaddOverflowCin,
                                  Opcode::kSaddOverflowCin,
                                  Opcode::kUsubOverflowBin,
                                  Opcode::kSsubOverflowBin,
                                  Opcode::kUaddOverflowTrap,
                                  Opcode::kSelectSpectreGuard,
                                  Opcode::kLoad,
                                  Opcode::kUload8,
                                  Opcode::kSload8,
                                  Opcode::kUload16,
                                  Opcode::kSload16,
                                  Opcode::kUload32,
                                  Opcode::kSload32,
                                  Opcode::kStore,
                                  Opcode::kIstore8,
                                  Opcode::kIstore16,
                                  Opcode::kIstore32,
                                  Opcode::kBrif,
                                  Opcode::kTrapz,
                                  Opcode::kTrapnz};
constexpr size_t kCount = std::size(kOperations);
constexpr ir::Type kTypes[] = {ir::kI8, ir::kI16, ir::kI32, ir::kI64, ir::kI128};

// May the operation be inside of another: has it a result?
bool has_result(Opcode opcode) { return ir::operation_info(opcode).fixed_results != 0; }

size_t index_of(Opcode opcode) {
  return static_cast<size_t>(std::find(std::begin(kOperations), std::end(kOperations), opcode) - kOperations);
}
size_t index_of(ir::Type type) {
  return static_cast<size_t>(std::find(std::begin(kTypes), std::end(kTypes), type) - kTypes);
}

}  // namespace

std::string to_string(const Tilt& tilt) {
  if (!tilt.is_set()) return "none";
  return std::string(ir::to_string(tilt.operation)) + "." + tilt.type.to_string() + " of " +
         std::string(ir::to_string(tilt.inner));
}

std::span<const Opcode> tilt_operations() { return kOperations; }

void Steering::Arm::add(double reward) {
  // Old rewards fade: what was new then is not any more.
  constexpr double kFade = 0.9;
  sum = sum * kFade + reward;
  count = count * kFade + 1;
}

// A narrower result of a type is of 64 bits at most, and halves put together are 64 bits at most.
bool has_type(Opcode operation, ir::Type type) {
  switch (operation) {
    case Opcode::kUextend:
    case Opcode::kSextend:
      return type != ir::kI8;
    case Opcode::kIreduce:
    case Opcode::kIconcat:
      return type.bits() < 64;
    // Their controlling type is the address's.
    case Opcode::kUload32:
    case Opcode::kSload32:
    case Opcode::kIstore32:
      return type == ir::kI64;
    default:
      return ir::operation_info(operation).controlling.contains(type);
  }
}

Steering::Steering() : operations_(kCount * std::size(kTypes)), inner_(kCount) {
  for (size_t i = 0; i < kCount; ++i) {
    for (size_t k = 0; k < std::size(kTypes); ++k) {
      // Operations without the type have no weight: they are never chosen.
      if (!has_type(kOperations[i], kTypes[k])) operations_[i * std::size(kTypes) + k].count = 0;
    }
    if (!has_result(kOperations[i])) inner_[i].count = 0;
  }
}

uint32_t Steering::pick(Random& random, std::span<const double> weights) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  double at = sum * static_cast<double>(random.next() >> 11) * 0x1p-53;
  for (uint32_t i = 0; i < weights.size(); ++i) {
    if (at < weights[i]) return i;
    at -= weights[i];
  }
  return static_cast<uint32_t>(std::max_element(weights.begin(), weights.end()) - weights.begin());
}

Tilt Steering::choose(Random& random) const {
  if (random.chance(25)) return {};
  std::vector<double> weights;
  for (const Arm& arm : operations_) weights.push_back(arm.count == 0 ? 0 : arm.weight());
  const uint32_t chosen = pick(random, weights);
  weights.clear();
  for (const Arm& arm : inner_) weights.push_back(arm.count == 0 ? 0 : arm.weight());
  const uint32_t inner = pick(random, weights);
  return {kOperations[chosen / std::size(kTypes)], kTypes[chosen % std::size(kTypes)], kOperations[inner]};
}

void Steering::learn(const Tilt& tilt, std::span<const uint32_t> features) {
  // New counts one, what was seen n times before 1 / (n + 1)², so nearly nothing soon.
  double reward = 0;
  for (const uint32_t feature : features) {
    const double before = seen_[feature]++;
    if (before < 8) reward += 1 / ((before + 1) * (before + 1));
  }
  // Against what programs bring at this time.
  constexpr double kSlow = 0.02, kMost = 8;
  usual_ += kSlow * (reward - usual_);
  reward = std::min(reward / (usual_ + 0.02), kMost);
  if (!tilt.is_set()) return;
  operations_[index_of(tilt.operation) * std::size(kTypes) + index_of(tilt.type)].add(reward);
  inner_[index_of(tilt.inner)].add(reward);
}

void Steering::want(Opcode operation, ir::Type type, double how_much) {
  const size_t index = index_of(operation);
  if (index == kCount) return;
  for (size_t k = 0; k < std::size(kTypes); ++k) {
    Arm& arm = operations_[index * std::size(kTypes) + k];
    if (arm.count != 0 && (!type.is_valid() || type == kTypes[k])) arm.sum += how_much * arm.count;
  }
  if (inner_[index].count != 0) inner_[index].sum += how_much * inner_[index].count;
}

}  // namespace assay::fuzz
