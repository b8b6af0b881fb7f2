// The weights of a model in one flat vector, by their published names: what an optimizer steps over, a
// checkpoint keeps and a folder is written from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dsa::train {

/// Values, a gradient, or an optimizer's moments.
class FlatTensors {
 public:
  struct Entry {
    std::string name;
    std::vector<std::int64_t> shape;
    std::int64_t first = 0;  // of its values in the vector; set by the constructor
    [[nodiscard]] std::int64_t size() const;
  };

  FlatTensors() = default;
  /// All zeros.
  explicit FlatTensors(std::vector<Entry> entries);
  /// The same tensors, all zeros.
  [[nodiscard]] FlatTensors zeros() const { return FlatTensors(entries_); }

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] std::span<float> values() { return values_; }
  [[nodiscard]] std::span<const float> values() const { return values_; }
  [[nodiscard]] std::span<float> of(const Entry& entry) {
    return std::span(values_).subspan(static_cast<std::size_t>(entry.first),
                                      static_cast<std::size_t>(entry.size()));
  }
  [[nodiscard]] std::span<const float> of(const Entry& entry) const {
    return std::span(values_).subspan(static_cast<std::size_t>(entry.first),
                                      static_cast<std::size_t>(entry.size()));
  }
  /// nullptr if there is none.
  [[nodiscard]] const Entry* find(const std::string& name) const;
  /// The tensor that value number i belongs to.
  [[nodiscard]] const Entry& at(std::int64_t i) const;

 private:
  std::vector<Entry> entries_;
  std::vector<float> values_;
};

}  // namespace dsa::train
