// Distinct one-word index types and the tables they index.
//
// `struct BlockTag; using Block = Entity<BlockTag>;` makes a 32-bit index that does not mix with other kinds.
// Data is kept in dense vectors (Table<K, V>), so that passes run over contiguous memory.
#pragma once

#include <cassert>
#include <compare>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace assay {

// A typed index. The default value is `none`, which indexes nothing.
template <class Tag>
struct Entity {
  static constexpr uint32_t kNone = 0xffffffffu;
  uint32_t index = kNone;

  constexpr Entity() = default;
  constexpr explicit Entity(uint32_t i) : index(i) {}
  constexpr bool is_none() const { return index == kNone; }
  constexpr explicit operator bool() const { return index != kNone; }
  constexpr auto operator<=>(const Entity&) const = default;
};

// A dense map from an Entity to V. push() makes the next entity.
template <class K, class V>
class Table {
 public:
  Table() = default;
  explicit Table(size_t count, const V& value = V()) : items_(count, value) {}

  V& operator[](K key) {
    assert(key.index < items_.size());
    return items_[key.index];
  }
  const V& operator[](K key) const {
    assert(key.index < items_.size());
    return items_[key.index];
  }
  K push(V value) {
    items_.push_back(std::move(value));
    return K(static_cast<uint32_t>(items_.size() - 1));
  }
  bool contains(K key) const { return key.index < items_.size(); }
  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  void resize(size_t count, const V& value = V()) { items_.resize(count, value); }
  void clear() { items_.clear(); }
  void reserve(size_t count) { items_.reserve(count); }
  auto begin() { return items_.begin(); }
  auto end() { return items_.end(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  V& back() { return items_.back(); }
  V* data() { return items_.data(); }
  const V* data() const { return items_.data(); }

 private:
  std::vector<V> items_;
};

}  // namespace assay

template <class Tag>
struct std::hash<assay::Entity<Tag>> {
  size_t operator()(const assay::Entity<Tag>& entity) const noexcept { return entity.index * 0x9e3779b1u; }
};
