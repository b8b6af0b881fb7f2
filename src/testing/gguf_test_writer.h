// GGUF files for tests, good and bad: every number can be set to a lie.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/gguf.h"

namespace dsa {

/// The bytes of a number, little-endian.
template <class T>
std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline std::string gguf_string(std::string_view text) {
  return bytes_of<std::uint64_t>(text.size()) + std::string(text);
}

struct GgufTestTensor {
  std::string name = "t";
  std::vector<std::uint64_t> sizes{32};
  std::uint32_t type = 0;                 // F32
  std::optional<std::uint64_t> offset{};  // else after the tensor before
  std::optional<std::uint32_t> dims{};    // else sizes.size()
  std::uint64_t bytes = 128;              // how far the next one moves on
};

class GgufTestWriter {
 public:
  std::uint32_t version = 3;
  std::optional<std::uint64_t> entry_count, tensor_count;  // the header's lies
  std::uint64_t alignment = 32;
  std::optional<std::size_t> data_bytes;  // else as much as the tensors need
  std::vector<GgufTestTensor> tensors;

  /// A metadata entry: `value` holds the bytes after the type.
  GgufTestWriter& raw(std::string_view key, std::uint32_t type, std::string value) {
    return keyed(gguf_string(key), type, std::move(value));
  }
  /// The same with the key's own length prefix in the caller's hands.
  GgufTestWriter& keyed(std::string key, std::uint32_t type, std::string value) {
    entries_ += std::move(key) + bytes_of(type) + std::move(value);
    ++count_;
    return *this;
  }
  GgufTestWriter& u32(std::string_view key, std::uint32_t v) { return put(key, GgufType::u32, bytes_of(v)); }
  GgufTestWriter& i32(std::string_view key, std::int32_t v) { return put(key, GgufType::i32, bytes_of(v)); }
  GgufTestWriter& u16(std::string_view key, std::uint16_t v) { return put(key, GgufType::u16, bytes_of(v)); }
  GgufTestWriter& f32(std::string_view key, float v) { return put(key, GgufType::f32, bytes_of(v)); }
  GgufTestWriter& boolean(std::string_view key, int v) {
    return put(key, GgufType::boolean, bytes_of(static_cast<std::uint8_t>(v)));
  }
  GgufTestWriter& string(std::string_view key, std::string_view v) {
    return put(key, GgufType::string, gguf_string(v));
  }
  GgufTestWriter& strings(std::string_view key, const std::vector<std::string>& values) {
    std::string body;
    for (const auto& v : values) body += gguf_string(v);
    return array(key, GgufType::string, values.size(), body);
  }
  template <class T>
  GgufTestWriter& numbers(std::string_view key, GgufType element, const std::vector<T>& values) {
    std::string body;
    for (const auto& v : values) body += bytes_of(v);
    return array(key, element, values.size(), body);
  }
  GgufTestWriter& array(std::string_view key, GgufType element, std::uint64_t count, std::string_view body) {
    return put(key, GgufType::array,
               bytes_of(static_cast<std::uint32_t>(element)) + bytes_of(count) + std::string(body));
  }

  [[nodiscard]] std::string build() const {
    std::string out = "GGUF" + bytes_of(version) + bytes_of(tensor_count.value_or(tensors.size())) +
                      bytes_of(entry_count.value_or(count_)) + entries_;
    std::uint64_t end = 0;
    for (const auto& t : tensors) {
      out += gguf_string(t.name) + bytes_of(t.dims.value_or(static_cast<std::uint32_t>(t.sizes.size())));
      for (const auto size : t.sizes) out += bytes_of(size);
      out += bytes_of(t.type) + bytes_of(t.offset.value_or(end));
      end = (end + t.bytes + alignment - 1) / alignment * alignment;
    }
    if (tensors.empty()) return out;
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + std::string(data_bytes.value_or(end), '\0');
  }

 private:
  GgufTestWriter& put(std::string_view key, GgufType type, std::string value) {
    return raw(key, static_cast<std::uint32_t>(type), std::move(value));
  }

  std::string entries_;
  std::uint64_t count_ = 0;
};

inline std::span<const std::byte> as_span(const std::vector<char>& bytes) {
  return std::as_bytes(std::span(bytes));
}

}  // namespace dsa
