// Numbers and texts as bytes: what worker processes and a campaign's folder are told. Little numbers take one byte.
//
// A type is described once, by a function template `transfer(io, value)` that hands every field to `io`: a Packer
// writes them, an Unpacker reads them in the same order.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace assay::fuzz {

class Packer {
 public:
  std::string take() { return std::move(out_); }

  void operator()(std::unsigned_integral auto number) {
    uint64_t rest = number;
    for (; rest >= 0x80; rest >>= 7) out_ += static_cast<char>(rest | 0x80);
    out_ += static_cast<char>(rest);
  }
  void operator()(const std::string& text) {
    (*this)(text.size());
    out_ += text;
  }
  // The elements of a vector or a map; `each` gets one (of a map: its value).
  template <class T, class Each>
  void list(const std::vector<T>& values, const Each& each) {
    (*this)(values.size());
    for (const T& value : values) each(value);
  }
  template <class T, class Each>
  void map(const std::map<std::string, T>& values, const Each& each) {
    (*this)(values.size());
    for (const auto& [name, value] : values) {
      (*this)(name);
      each(value);
    }
  }

 private:
  std::string out_;
};

// Past the end, numbers are 0, texts and lists empty, and ok() is false.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

  template <std::unsigned_integral T>
  void operator()(T& number) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) {
        ok_ = false;
        value = 0;
        break;
      }
      const auto byte = static_cast<uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= uint64_t(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) break;
    }
    number = static_cast<T>(value);
  }
  void operator()(std::string& text) {
    const size_t size = count();
    text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
  }
  template <class T, class Each>
  void list(std::vector<T>& values, const Each& each) {
    values.resize(count());
    for (T& value : values) each(value);
  }
  template <class T, class Each>
  void map(std::map<std::string, T>& values, const Each& each) {
    values.clear();
    for (size_t left = count(); left-- > 0;) {
      std::string name;
      (*this)(name);
      each(values[name]);
    }
  }

 private:
  // How many bytes or elements follow: never more than there are bytes.
  size_t count() {
    uint64_t value = 0;
    (*this)(value);
    if (value <= bytes_.size()) return static_cast<size_t>(value);
    ok_ = false;
    bytes_ = {};
    return 0;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace assay::fuzz
