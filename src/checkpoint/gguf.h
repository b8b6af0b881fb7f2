// GGUF files, versions 2 and 3 (github.com/ggml-org/ggml, gguf.md): metadata and tensors, read in place.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/dtype.h"

namespace dsa {

/// Types of metadata values; the numbers are the file's.
enum class GgufType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64
};

std::string_view name(GgufType type);

/// A metadata value where it lies in the file.
struct GgufValue {
  GgufType type = GgufType::u8;
  GgufType element = GgufType::u8;   // of an array
  std::uint64_t count = 1;           // of an array
  std::span<const std::byte> bytes;  // a scalar; a string's text; an array's elements
};

struct GgufEntry {
  std::string_view key;
  GgufValue value;
};

/// A tensor under its GGUF name, dimensions in ggml's order: sizes[0] is the contiguous one.
struct GgufTensor {
  std::string_view name;
  DType type = DType::f32;
  std::uint32_t dims = 0;
  std::array<std::int64_t, 4> sizes{1, 1, 1, 1};
  std::span<const std::byte> bytes;
};

struct GgufContents {
  std::uint32_t version = 0;
  std::vector<GgufEntry> entries;   // sorted by key, no two alike
  std::vector<GgufTensor> tensors;  // in file order, no two names alike, no two overlapping
};

/// Checks everything but the tensors' values and describes the file held in `bytes`, which the result points
/// into.  Throws Error that starts with `who` (the path).  Memory stays within a few times the header's size.
GgufContents parse_gguf(std::span<const std::byte> bytes, std::string_view who);

/// One file with typed access to its metadata.  Immutable: safe to read from many threads.
///
/// get_x() throws Error if the key is missing, find_x() returns nothing then; both throw if the value has
/// another type: llama.cpp converts nothing either.
class GgufFile {
 public:
  explicit GgufFile(const std::filesystem::path& path);
  /// For tests and fuzzing: `bytes` must outlive the object.
  GgufFile(std::span<const std::byte> bytes, std::string who);
  GgufFile(const GgufFile&) = delete;
  GgufFile& operator=(const GgufFile&) = delete;

  [[nodiscard]] const std::string& who() const { return who_; }
  /// See MappedFile::changed().
  [[nodiscard]] bool changed() const { return file_ && file_->changed(); }
  [[nodiscard]] std::uint32_t version() const { return contents_.version; }
  [[nodiscard]] const std::vector<GgufEntry>& entries() const { return contents_.entries; }
  [[nodiscard]] const std::vector<GgufTensor>& tensors() const { return contents_.tensors; }

  /// nullptr if absent.
  [[nodiscard]] const GgufValue* find(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }

  [[nodiscard]] std::uint32_t get_u32(std::string_view key) const;
  [[nodiscard]] float get_f32(std::string_view key) const;
  [[nodiscard]] bool get_bool(std::string_view key) const;
  [[nodiscard]] std::string_view get_string(std::string_view key) const;  // any bytes; lives as the file

  [[nodiscard]] std::optional<std::uint32_t> find_u32(std::string_view key) const;
  [[nodiscard]] std::optional<float> find_f32(std::string_view key) const;
  [[nodiscard]] std::optional<bool> find_bool(std::string_view key) const;
  [[nodiscard]] std::optional<std::string_view> find_string(std::string_view key) const;

  /// Arrays; the strings are views into the file.
  [[nodiscard]] std::vector<std::string_view> get_strings(std::string_view key) const;
  [[nodiscard]] std::vector<std::int32_t> get_i32s(std::string_view key) const;
  [[nodiscard]] std::vector<std::uint32_t> get_u32s(std::string_view key) const;
  [[nodiscard]] std::vector<float> get_f32s(std::string_view key) const;

 private:
  [[nodiscard]] const GgufValue& get(std::string_view key) const;
  [[noreturn]] void wrong_type(std::string_view key, std::string_view expected, const GgufValue& got) const;
  template <class T>
  [[nodiscard]] T scalar(std::string_view key, const GgufValue& value, GgufType type) const;
  template <class T>
  [[nodiscard]] std::vector<T> numbers(std::string_view key, GgufType type) const;

  std::optional<MappedFile> file_;
  std::string who_;
  GgufContents contents_;
};

}  // namespace dsa
