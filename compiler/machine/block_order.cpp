// See block_order.h: edges first, then places, then the labels, which need both.
#include "compiler/machine/block_order.h"

#include <algorithm>

namespace assay::machine {
namespace {

constexpr uint32_t kUnplaced = 0xffffffffu;

bool same_args(const ir::Function& function, const ir::BlockCall& a, const ir::BlockCall& b) {
  return std::ranges::equal(function.args(a), function.args(b));
}

uint64_t hash_edge(const ir::Function& function, const ir::BlockCall& call) {
  uint64_t hash = call.block.index * 0x9e3779b97f4a7c15u + 1;
  for (ir::BlockArg arg : function.args(call)) {
    const uint64_t word = arg.is_value() ? arg.value().index : ~uint64_t(arg.index());
    hash = (hash ^ word) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

void BlockOrder::collect_edges(const ir::Function& function, ir::Inst branch) {
  BlockEdges& block = blocks_.back();
  block.branch = branch;
  block.first_edge = static_cast<uint32_t>(edges_.size());
  block.first_call = static_cast<uint32_t>(edge_of_call_.size());
  const std::span<const ir::BlockCall> calls = function.block_calls(branch);
  block.call_count = static_cast<uint32_t>(calls.size());
  const ir::Format format = function.info(branch).format;
  block.is_try_call = format == ir::Format::kTryCall || format == ir::Format::kTryCallIndirect;
  if (calls.size() > 4) seen_.clear();
  for (const ir::BlockCall& call : calls) {
    uint32_t edge = kUnplaced;
    if (block.is_try_call) {
      // All different.
    } else if (calls.size() <= 4) {
      for (uint32_t e = block.first_edge; e < edges_.size(); ++e) {
        if (edges_[e].call.block == call.block && same_args(function, edges_[e].call, call)) edge = e;
      }
    } else {
      // A collision of hashes costs an edge block more, nothing else.
      const auto [it, inserted] = seen_.try_emplace(hash_edge(function, call), static_cast<uint32_t>(edges_.size()));
      if (!inserted && edges_[it->second].call.block == call.block &&
          same_args(function, edges_[it->second].call, call)) {
        edge = it->second;
      }
    }
    if (edge == kUnplaced) {
      edge = static_cast<uint32_t>(edges_.size());
      edges_.push_back({call, false, Block()});
      ++edge_count_[call.block.index];
      only_edge_[call.block.index] = call;
    }
    edge_of_call_.push_back(edge);
  }
  block.edge_count = static_cast<uint32_t>(edges_.size()) - block.first_edge;
}

// Fills layout_: reverse post-order, but every loop in one piece, and turned.
//
// A loop whose last block jumps to its header runs two branches a round: that jump, and a branch that stays in the
// loop. Turned behind a block that may leave the loop, the jump is none. Entering the loop costs a jump then.
void BlockOrder::lay_out_loops(const ir::Function& function) {
  struct Item {
    ir::Block block;  // or, if none:
    ir::Loop loop;
  };
  const std::span<const ir::Block> order = cfg_.reverse_postorder();
  std::vector<std::vector<Item>> items(loops_.size() + 1);  // the last: of no loop
  const auto items_of = [&](ir::Loop loop) -> std::vector<Item>& {
    return items[loop.is_none() ? loops_.size() : loop.index];
  };
  for (ir::Block block : order) {
    const ir::Loop loop = loops_.innermost(block);
    if (!loop.is_none() && loops_.header(loop) == block) items_of(loops_.parent(loop)).push_back({{}, loop});
    items_of(loop).push_back({block, {}});
  }
  const auto leaves = [&](ir::Block block, ir::Loop loop) {
    const ir::Inst last = function.last_inst(block);
    if (last.is_none() || function.inst(last).opcode != ir::Opcode::kBrif) return false;
    for (const ir::BlockCall& call : function.block_calls(last)) {
      if (!loops_.contains(loop, call.block)) return true;
    }
    return false;
  };
  for (uint32_t l = 0; l < loops_.size(); ++l) {
    const ir::Loop loop(l);
    std::vector<Item>& list = items[l];
    if (list.size() < 2 || loops_.header(loop) == function.entry_block() || list.back().block.is_none()) continue;
    const ir::Inst back = function.last_inst(list.back().block);
    if (back.is_none() || function.inst(back).opcode != ir::Opcode::kJump ||
        function.block_calls(back)[0].block != loops_.header(loop)) {
      continue;
    }
    for (size_t i = 0; i + 1 < list.size(); ++i) {
      if (list[i].block.is_none() || !leaves(list[i].block, loop)) continue;
      std::rotate(list.begin(), list.begin() + static_cast<ptrdiff_t>(i) + 1, list.end());
      break;
    }
  }
  layout_.clear();
  std::vector<std::pair<const std::vector<Item>*, size_t>> open = {{&items.back(), 0}};
  while (!open.empty()) {
    auto& [list, next] = open.back();
    if (next == list->size()) {
      open.pop_back();
      continue;
    }
    const Item item = (*list)[next++];
    if (item.block.is_none()) {
      open.push_back({&items[item.loop.index], 0});
    } else {
      layout_.push_back(item.block);
    }
  }
}

void BlockOrder::compute(const ir::Function& function, RandomChoices choices, bool with_loops) {
  cfg_.compute(function);
  if (with_loops) {
    dominators_.compute(function, cfg_);
    loops_.compute(function, cfg_, dominators_);
    lay_out_loops(function);
  } else {
    layout_.assign(cfg_.reverse_postorder().begin(), cfg_.reverse_postorder().end());
  }
  entries_.clear();
  succs_.clear();
  labels_.clear();
  edges_.clear();
  edge_of_call_.clear();
  blocks_.clear();
  edge_count_.assign(function.block_count(), 0);
  only_edge_.assign(function.block_count(), {});
  place_.assign(function.block_count(), kUnplaced);

  const std::span<const ir::Block> order = cfg_.reverse_postorder();
  emission_.clear();
  for (const bool cold : {false, true}) {
    for (ir::Block block : layout_) {
      // The entry block comes first even if it is cold.
      if ((function.is_cold(block) && block != function.entry_block()) == cold) emission_.push_back(block);
    }
  }
  if (choices.active()) choices.shuffle(std::span(emission_).subspan(1));
  for (ir::Block block : emission_) {
    blocks_.push_back({.block = block, .branch = ir::Inst()});
    const ir::Inst last = function.last_inst(block);
    if (!last.is_none() && function.block_calls(last).size() != 0) collect_edges(function, last);
  }

  // Places: each block, then its edge blocks, the one that can fall through last.
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const BlockEdges& block = blocks_[i];
    const bool cold = function.is_cold(block.block);
    place_[block.block.index] = static_cast<uint32_t>(entries_.size());
    entries_.push_back({.source = block.block, .call = {}, .branch = block.branch, .cold = cold});
    const ir::Block next = i + 1 < blocks_.size() ? blocks_[i + 1].block : ir::Block();
    Edge* falls_through = nullptr;
    const auto place_edge = [&](Edge& edge) {
      edge.label = Block(static_cast<uint32_t>(entries_.size()));
      entries_.push_back({.source = ir::Block(),
                          .call = edge.call,
                          .branch = block.branch,
                          .cold = cold,
                          .is_try_edge = block.is_try_call});
    };
    for (uint32_t e = block.first_edge; e < block.first_edge + block.edge_count; ++e) {
      Edge& edge = edges_[e];
      edge.split = block.is_try_call || (block.edge_count > 1 && edge_count_[edge.call.block.index] > 1);
      if (!edge.split) continue;
      if (edge.call.block == next && falls_through == nullptr) {
        falls_through = &edge;
      } else {
        place_edge(edge);
      }
    }
    if (falls_through != nullptr) place_edge(*falls_through);
  }

  // Successors and labels, now that every place is known.
  for (const BlockEdges& block : blocks_) {
    Entry& entry = entries_[place_[block.block.index]];
    entry.first_succ = static_cast<uint32_t>(succs_.size());
    entry.succ_count = block.edge_count;
    for (uint32_t e = block.first_edge; e < block.first_edge + block.edge_count; ++e) {
      Edge& edge = edges_[e];
      const Block target(place_[edge.call.block.index]);
      if (!edge.split) edge.label = target;
      succs_.push_back(edge.label);
    }
    // The successors of edge blocks stand behind those of their source.
    for (uint32_t e = block.first_edge; e < block.first_edge + block.edge_count; ++e) {
      if (!edges_[e].split) continue;
      Entry& edge_entry = entries_[edges_[e].label.index];
      edge_entry.first_succ = static_cast<uint32_t>(succs_.size());
      edge_entry.succ_count = 1;
      edge_entry.passes_args = edges_[e].call.args.count != 0;
      succs_.push_back(Block(place_[edges_[e].call.block.index]));
    }
    entry.passes_args = block.edge_count == 1 && !block.is_try_call &&
                        edge_count_[edges_[block.first_edge].call.block.index] > 1 &&
                        edges_[block.first_edge].call.args.count != 0;
    if (block.edge_count == 1) entry.call = edges_[block.first_edge].call;
    entry.first_label = static_cast<uint32_t>(labels_.size());
    entry.label_count = block.call_count;
    for (uint32_t c = 0; c < block.call_count; ++c)
      labels_.push_back(edges_[edge_of_call_[block.first_call + c]].label);
  }

  lowering_order_.clear();
  for (ir::Block block : order) {
    uint32_t entry = place_[block.index];
    do {
      lowering_order_.push_back(entry++);
    } while (entry < entries_.size() && entries_[entry].source.is_none());
  }
}

}  // namespace assay::machine
