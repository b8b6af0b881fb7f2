#include "checkpoint/memory_tensors.h"

#include <functional>
#include <numeric>

#include "base/error.h"

namespace dsa {

std::span<std::byte> MemoryTensors::add(std::string name, DType type, std::vector<std::int64_t> shape) {
  const auto elements = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  const auto bytes = storage_bytes(type, elements);
  DSA_CHECK(bytes.has_value());
  Buffer memory(*bytes, name.c_str());
  const std::span<std::byte> values{memory.data(), *bytes};
  items_.insert_or_assign(
      std::move(name),
      Item{.memory = std::move(memory),
           .tensor = {.type = type, .shape = std::move(shape), .bytes = values, .file = file_}});
  return values;
}

void MemoryTensors::remove(std::string_view name) {
  const auto found = items_.find(name);
  DSA_CHECK(found != items_.end());
  items_.erase(found);
}

const StoredTensor* MemoryTensors::find(std::string_view name) const {
  const auto found = items_.find(name);
  return found == items_.end() ? nullptr : &found->second.tensor;
}

void MemoryTensors::for_each(
    const std::function<void(std::string_view name, const StoredTensor&)>& visit) const {
  for (const auto& [name, item] : items_) visit(name, item.tensor);
}

}  // namespace dsa
