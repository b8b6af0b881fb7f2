// Named tensors in memory: what a trainer holds, a benchmark draws and a test makes up, read as a
// checkpoint's are.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"
#include "tensor/buffer.h"

namespace dsa {

/// Owns its tensors.  Not to be changed while it is read.
class MemoryTensors final : public TensorSource {
 public:
  /// `file`: what errors about its tensors name.
  explicit MemoryTensors(std::string file) : file_(std::move(file)) {}
  MemoryTensors(const MemoryTensors&) = delete;
  MemoryTensors& operator=(const MemoryTensors&) = delete;

  /// A new tensor of zeros, to be filled; one of the same name is replaced.  Plain elements or whole blocks.
  std::span<std::byte> add(std::string name, DType type, std::vector<std::int64_t> shape);
  /// The same for elements of type T, which `type` must be.
  template <class T>
  std::span<T> add(std::string name, DType type, std::vector<std::int64_t> shape) {
    const auto bytes = add(std::move(name), type, std::move(shape));
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  void remove(std::string_view name);

  [[nodiscard]] const StoredTensor* find(std::string_view name) const override;
  /// By name.
  void for_each(const std::function<void(std::string_view name, const StoredTensor&)>& visit) const override;

 private:
  struct Item {
    Buffer memory;
    StoredTensor tensor;
  };

  std::string file_;
  std::map<std::string, Item, std::less<>> items_;
};

}  // namespace dsa
