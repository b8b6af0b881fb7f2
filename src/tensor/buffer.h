// Owned, aligned memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace dsa {

/// Owns page-aligned bytes.  Movable, never copied by accident.
class Buffer {
 public:
  Buffer() = default;
  /// Zeroed memory that is committed when first touched.  Throws Error("not enough memory for `what`: ...").
  Buffer(std::size_t bytes, const char* what);

  [[nodiscard]] std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data(), size_}; }
  template <class T>
  [[nodiscard]] T* as() const {
    return reinterpret_cast<T*>(data());
  }

 private:
  struct Unmap {
    std::size_t size;
    void operator()(std::byte* data) const;
  };
  std::unique_ptr<std::byte, Unmap> data_{nullptr, Unmap{0}};
  std::size_t size_ = 0;
};

}  // namespace dsa
