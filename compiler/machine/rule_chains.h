// Which rules were being applied when an instruction was emitted, as small numbers.
//
// A chain is a rule and the chain that was being applied when it matched; equal chains of one function have one number.
// Chains are numbered when something is emitted, not for each application: most rules that fire emit through another.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/machine/vcode.h"

namespace assay::machine {

class RuleChains {
 public:
  // Starts over, writing to `chains`; if not `active`, there will be none, and it costs nothing.
  void begin(std::vector<RuleChain>& chains, bool active) {
    chains_ = &chains;
    active_ = active;
    chains.clear();
    base_ = 0;
    stack_.clear();
    if (active) slots_.assign(kSlots, kNoRuleChain);
  }

  // A rule begins and ends to compute its result.
  void enter(isle::RuleId rule) {
    if (active_) stack_.push_back({rule, kUnknown});
  }
  void leave() {
    if (active_) stack_.pop_back();
  }
  // What has been entered so far counts no more until resume() with the number returned: code for another purpose
  // follows.
  size_t suspend() {
    const size_t base = base_;
    base_ = stack_.size();
    return base;
  }
  void resume(size_t base) { base_ = base; }
  size_t base() const { return base_; }

  // The number of what is being applied. kNoRuleChain if that is nothing, or if there are too many chains.
  uint16_t current() {
    if (stack_.size() == base_) return kNoRuleChain;
    if (stack_.back().chain == kUnknown) number();
    return static_cast<uint16_t>(stack_.back().chain);
  }

 private:
  static constexpr uint32_t kUnknown = 0xffffffffu;
  static constexpr size_t kSlots = 256;  // a power of two; doubled when half full
  struct Application {
    isle::RuleId rule;
    uint32_t chain;
  };

  void number() {
    size_t known = stack_.size();
    while (known > base_ && stack_[known - 1].chain == kUnknown) --known;
    uint16_t chain = known == base_ ? kNoRuleChain : static_cast<uint16_t>(stack_[known - 1].chain);
    for (; known < stack_.size(); ++known) stack_[known].chain = chain = find({stack_[known].rule, chain});
  }

  static size_t hash(const RuleChain& chain) { return chain.rule.index * 0x9e3779b1u + chain.caller * 0x85ebca77u; }

  uint16_t find(const RuleChain& chain) {
    size_t at = hash(chain) >> 8;
    for (;; ++at) {
      const uint16_t found = slots_[at & (slots_.size() - 1)];
      if (found == kNoRuleChain) break;
      if ((*chains_)[found] == chain) return found;
    }
    if (chains_->size() >= kNoRuleChain) return kNoRuleChain;
    const uint16_t added = static_cast<uint16_t>(chains_->size());
    chains_->push_back(chain);
    slots_[at & (slots_.size() - 1)] = added;
    if (2 * chains_->size() >= slots_.size()) grow();
    return added;
  }

  void grow() {
    slots_.assign(2 * slots_.size(), kNoRuleChain);
    for (size_t i = 0; i < chains_->size(); ++i) {
      size_t at = hash((*chains_)[i]) >> 8;
      while (slots_[at & (slots_.size() - 1)] != kNoRuleChain) ++at;
      slots_[at & (slots_.size() - 1)] = static_cast<uint16_t>(i);
    }
  }

  std::vector<RuleChain>* chains_ = nullptr;
  bool active_ = false;
  std::vector<Application> stack_;
  size_t base_ = 0;  // applications below are suspended
  std::vector<uint16_t> slots_;
};

}  // namespace assay::machine
