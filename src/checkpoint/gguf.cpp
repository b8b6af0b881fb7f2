#include "checkpoint/gguf.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/who.h"

namespace dsa {
namespace {

// "u32", "array of string"
std::string describe(const GgufValue& value) {
  if (value.type != GgufType::array) return std::string(name(value.type));
  return fmt::format("array of {}", name(value.element));
}

}  // namespace

std::string_view name(GgufType type) {
  static constexpr std::array<std::string_view, 13> kNames{
      "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64"};
  const auto i = static_cast<std::size_t>(type);
  DSA_CHECK(i < kNames.size());
  return kNames[i];
}

GgufFile::GgufFile(const std::filesystem::path& path)
    : file_(path), who_(dsa::who(path)), contents_(parse_gguf(file_->bytes(), who_)) {}

GgufFile::GgufFile(std::span<const std::byte> bytes, std::string who)
    : who_(std::move(who)), contents_(parse_gguf(bytes, who_)) {}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto& entries = contents_.entries;
  const auto it = std::ranges::lower_bound(entries, key, {}, &GgufEntry::key);
  return it != entries.end() && it->key == key ? &it->value : nullptr;
}

const GgufValue& GgufFile::get(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) fail("{}: metadata key {} is missing", who_, printable(key));
  return *value;
}

void GgufFile::wrong_type(std::string_view key, std::string_view expected, const GgufValue& got) const {
  fail("{}: metadata key {} is of type {}, expected {}", who_, printable(key), describe(got), expected);
}

template <class T>
T GgufFile::scalar(std::string_view key, const GgufValue& value, GgufType type) const {
  if (value.type != type) wrong_type(key, name(type), value);
  T out{};
  std::memcpy(&out, value.bytes.data(), sizeof out);
  return out;
}

template <class T>
std::vector<T> GgufFile::numbers(std::string_view key, GgufType type) const {
  const GgufValue& value = get(key);
  if (value.type != GgufType::array || value.element != type)
    wrong_type(key, fmt::format("array of {}", name(type)), value);
  std::vector<T> out(value.count);
  if (!out.empty()) std::memcpy(out.data(), value.bytes.data(), out.size() * sizeof(T));
  return out;
}

std::uint32_t GgufFile::get_u32(std::string_view key) const {
  return scalar<std::uint32_t>(key, get(key), GgufType::u32);
}

float GgufFile::get_f32(std::string_view key) const { return scalar<float>(key, get(key), GgufType::f32); }

bool GgufFile::get_bool(std::string_view key) const {
  return scalar<std::uint8_t>(key, get(key), GgufType::boolean) != 0;
}

std::string_view GgufFile::get_string(std::string_view key) const {
  const GgufValue& value = get(key);
  if (value.type != GgufType::string) wrong_type(key, name(GgufType::string), value);
  return {reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()};
}

std::optional<std::uint32_t> GgufFile::find_u32(std::string_view key) const {
  return has(key) ? std::optional(get_u32(key)) : std::nullopt;
}

std::optional<float> GgufFile::find_f32(std::string_view key) const {
  return has(key) ? std::optional(get_f32(key)) : std::nullopt;
}

std::optional<bool> GgufFile::find_bool(std::string_view key) const {
  return has(key) ? std::optional(get_bool(key)) : std::nullopt;
}

std::optional<std::string_view> GgufFile::find_string(std::string_view key) const {
  return has(key) ? std::optional(get_string(key)) : std::nullopt;
}

std::vector<std::string_view> GgufFile::get_strings(std::string_view key) const {
  const GgufValue& value = get(key);
  if (value.type != GgufType::array || value.element != GgufType::string)
    wrong_type(key, "array of string", value);
  std::vector<std::string_view> out;
  out.reserve(value.count);
  // The parser has checked every length, but somebody may have written to the file since.
  auto rest = value.bytes;
  for (std::uint64_t i = 0; i < value.count; ++i) {
    std::uint64_t length = 0;
    const bool whole = rest.size() >= sizeof length;
    if (whole) std::memcpy(&length, rest.data(), sizeof length);
    if (!whole || length > rest.size() - sizeof length)
      fail("{}: metadata key {} has changed while it was read: open the file again", who_, printable(key));
    out.emplace_back(reinterpret_cast<const char*>(rest.data()) + sizeof length, length);
    rest = rest.subspan(sizeof length + length);
  }
  return out;
}

std::vector<std::int32_t> GgufFile::get_i32s(std::string_view key) const {
  return numbers<std::int32_t>(key, GgufType::i32);
}

std::vector<std::uint32_t> GgufFile::get_u32s(std::string_view key) const {
  return numbers<std::uint32_t>(key, GgufType::u32);
}

std::vector<float> GgufFile::get_f32s(std::string_view key) const {
  return numbers<float>(key, GgufType::f32);
}

}  // namespace dsa
