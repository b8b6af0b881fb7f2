#include <algorithm>
#include <bit>
#include <cstring>

#include "base/checked.h"
#include "base/error.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_tensor_type.h"

namespace dsa {
namespace {

// Far beyond any real file (the largest vocabularies have 256K tokens, the largest models 100K tensors).
constexpr std::uint64_t kMaxEntries = 65'536;
constexpr std::uint64_t kMaxTensors = 200'000;
constexpr std::uint64_t kMaxKey = 65'535;  // the format's own limit
constexpr std::uint64_t kMaxString = std::uint64_t{64} << 20;
constexpr std::uint64_t kMaxArray = 16'000'000;
constexpr std::uint64_t kMaxTensorName = 63;  // ggml's GGML_MAX_NAME, less the NUL
constexpr std::uint32_t kMaxDims = 4;
constexpr std::uint32_t kMaxAlignment = 65'536;
constexpr std::uint32_t kDefaultAlignment = 32;

// The fewest bytes a metadata entry (length, one byte of key, type, one byte of value) and a tensor's
// description (length, one byte of name, dims, one size, type, offset) can take.
constexpr std::uint64_t kMinEntry = 8 + 1 + 4 + 1;
constexpr std::uint64_t kMinTensor = 8 + 1 + 4 + 8 + 4 + 8;

constexpr std::array<std::size_t, 13> kScalarBytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};  // by GgufType

static_assert(std::endian::native == std::endian::little, "GGUF files are read in place");

bool is_plain_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7E; });
}

class GgufParser {
 public:
  GgufParser(std::span<const std::byte> bytes, std::string_view who) : bytes_(bytes), who_(who) {}

  GgufContents run() {
    const auto [tensors, entries] = read_head();
    result_.entries.reserve(entries);
    for (std::uint64_t i = 0; i < entries; ++i) read_entry();
    sort_entries();
    const std::uint32_t alignment = read_alignment();

    result_.tensors.reserve(tensors);
    offsets_.reserve(tensors);
    for (std::uint64_t i = 0; i < tensors; ++i) read_tensor(alignment);
    check_names();
    place_tensors(alignment);
    return std::move(result_);
  }

 private:
  struct Head {
    std::uint64_t tensors, entries;
  };

  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

  std::span<const std::byte> take(std::uint64_t count, std::string_view what) {
    if (count > left())
      fail("{}: {} takes {} bytes at byte {}, but only {} are left: the file is incomplete or damaged", who_,
           printable(what), count, at_, left());
    const auto out = bytes_.subspan(at_, count);
    at_ += count;
    return out;
  }

  template <class T>
  T number(std::string_view what) {
    T out{};
    std::memcpy(&out, take(sizeof out, what).data(), sizeof out);
    return out;
  }

  // A length and that many bytes.
  std::span<const std::byte> string(std::string_view what, std::uint64_t limit) {
    const auto length = number<std::uint64_t>(what);
    if (length > limit)
      fail("{}: {} at byte {} has a length of {} bytes, at most {} are accepted", who_, printable(what),
           at_ - 8, length, limit);
    return take(length, what);
  }

  // A key or a tensor's name: never empty, printable ASCII.
  std::string_view identifier(std::string_view what, std::uint64_t limit) {
    const auto bytes = string(what, limit);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.empty()) fail("{}: {} at byte {} is empty", who_, what, at_);
    if (!is_plain_text(text)) fail("{}: {} \"{}\" is not plain ASCII text", who_, what, printable(text));
    return text;
  }

  Head read_head() {
    if (bytes_.size() < 4 || std::memcmp(bytes_.data(), "GGUF", 4) != 0)
      fail("{}: is not a GGUF file: it does not start with \"GGUF\"", who_);
    at_ = 4;
    const auto version = number<std::uint32_t>("the version");
    if (version == 1)
      fail("{}: GGUF version 1 is not read (it was in use for a few weeks of 2023); convert the model again",
           who_);
    if (version != 0 && (version & 0xFFFFU) == 0)
      fail("{}: is a big-endian GGUF file (version word {:#010x}); only little-endian files are read", who_,
           version);
    if (version != 2 && version != 3) fail("{}: GGUF version {}, expected 2 or 3", who_, version);
    result_.version = version;
    const auto tensors = number<std::uint64_t>("the number of tensors");
    const auto entries = number<std::uint64_t>("the number of metadata entries");
    check_count("tensors", tensors, kMaxTensors, kMinTensor);
    check_count("metadata entries", entries, kMaxEntries, kMinEntry);
    return {tensors, entries};
  }

  void check_count(std::string_view what, std::uint64_t count, std::uint64_t limit,
                   std::uint64_t min_bytes) const {
    if (count > limit) fail("{}: header names {} {}, at most {} are accepted", who_, count, what, limit);
    if (count > left() / min_bytes)
      fail(
          "{}: header names {} {}, but the {} bytes that follow hold at most {}: "
          "the file is incomplete or damaged",
          who_, count, what, left(), left() / min_bytes);
  }

  GgufType value_type(std::string_view key) {
    const auto type = number<std::uint32_t>("a value's type");
    if (type >= kScalarBytes.size())
      fail("{}: metadata key {} has the unknown value type {}", who_, printable(key), type);
    return static_cast<GgufType>(type);
  }

  void read_entry() {
    const std::string_view key = identifier("a metadata key", kMaxKey);
    GgufValue value{.type = value_type(key), .element = {}, .count = 1, .bytes = {}};
    if (value.type == GgufType::string)
      value.bytes = string(key, kMaxString);
    else if (value.type == GgufType::array)
      read_array(key, value);
    else
      value.bytes = take(kScalarBytes[static_cast<std::size_t>(value.type)], key);
    if (value.type == GgufType::boolean || value.element == GgufType::boolean)
      check_booleans(key, value.bytes);
    result_.entries.push_back({key, value});
  }

  void read_array(std::string_view key, GgufValue& value) {
    value.element = value_type(key);
    if (value.element == GgufType::array)
      fail("{}: metadata key {} is an array of arrays, which no model uses", who_, printable(key));
    value.count = number<std::uint64_t>(key);
    if (value.count > kMaxArray)
      fail("{}: metadata key {} is an array of {} elements, at most {} are accepted", who_, printable(key),
           value.count, kMaxArray);
    if (value.element != GgufType::string) {
      value.bytes = take(value.count * kScalarBytes[static_cast<std::size_t>(value.element)], key);
      return;
    }
    const std::size_t begin = at_;
    for (std::uint64_t i = 0; i < value.count; ++i) string(key, kMaxString);
    value.bytes = bytes_.subspan(begin, at_ - begin);
  }

  void check_booleans(std::string_view key, std::span<const std::byte> bytes) const {
    for (const std::byte b : bytes)
      if (std::to_integer<int>(b) > 1)
        fail("{}: metadata key {} holds the bool {}, expected 0 or 1", who_, printable(key),
             std::to_integer<int>(b));
  }

  // By key: a lookup is a binary search, and equal keys become neighbours (no hash that a file could flood).
  void sort_entries() {
    std::ranges::sort(result_.entries, {}, &GgufEntry::key);
    const auto twice = std::ranges::adjacent_find(result_.entries, {}, &GgufEntry::key);
    if (twice != result_.entries.end())
      fail("{}: metadata key {} is there twice", who_, printable(twice->key));
  }

  [[nodiscard]] std::uint32_t read_alignment() const {
    constexpr std::string_view kKey = "general.alignment";
    const auto it = std::ranges::lower_bound(result_.entries, kKey, {}, &GgufEntry::key);
    if (it == result_.entries.end() || it->key != kKey) return kDefaultAlignment;
    if (it->value.type != GgufType::u32)
      fail("{}: metadata key {} is of type {}, expected u32", who_, kKey, name(it->value.type));
    std::uint32_t alignment = 0;
    std::memcpy(&alignment, it->value.bytes.data(), sizeof alignment);
    if (!std::has_single_bit(alignment) || alignment > kMaxAlignment)
      fail("{}: {} is {}, expected a power of two up to {}", who_, kKey, alignment, kMaxAlignment);
    return alignment;
  }

  void read_tensor(std::uint32_t alignment) {
    GgufTensor tensor;
    tensor.name = identifier("a tensor's name", kMaxTensorName);
    tensor.dims = number<std::uint32_t>(tensor.name);
    if (tensor.dims < 1 || tensor.dims > kMaxDims)
      fail("{}: tensor {} has {} dimensions, expected 1 to {}", who_, tensor.name, tensor.dims, kMaxDims);
    for (std::uint32_t d = 0; d < tensor.dims; ++d) {
      const auto size = checked_cast<std::int64_t>(number<std::uint64_t>(tensor.name));
      if (!size || *size == 0)
        fail("{}: tensor {} has a dimension that is 0 or beyond 2^63", who_, tensor.name);
      tensor.sizes[d] = *size;
    }
    tensor.type = tensor_type(tensor.name);
    const auto offset = number<std::uint64_t>(tensor.name);
    if (offset % alignment != 0)
      fail("{}: tensor {} starts at data offset {}, not a multiple of the alignment {}", who_, tensor.name,
           offset, alignment);
    result_.tensors.push_back(tensor);
    offsets_.push_back(offset);
  }

  DType tensor_type(std::string_view tensor) {
    const auto id = number<std::uint32_t>(tensor);
    const auto type = gguf_tensor_type(id);
    switch (type.status) {
      case GgufTensorType::Status::readable:
        return type.type;
      case GgufTensorType::Status::unsupported:
        fail("{}: tensor {} is stored as {}, which dsa does not read; use a file of {}", who_, tensor,
             type.name, weight_gguf_types());
      case GgufTensorType::Status::removed:
        fail("{}: tensor {} is stored as {}, which ggml has removed; convert the model again", who_, tensor,
             type.name);
      case GgufTensorType::Status::unknown:
        break;
    }
    fail("{}: tensor {} has the unknown ggml type {}", who_, tensor, id);
  }

  void check_names() const {
    std::vector<std::string_view> names;
    names.reserve(result_.tensors.size());
    for (const auto& tensor : result_.tensors) names.push_back(tensor.name);
    std::ranges::sort(names);
    const auto twice = std::ranges::adjacent_find(names);
    if (twice != names.end()) fail("{}: tensor {} is there twice", who_, *twice);
  }

  [[nodiscard]] std::size_t byte_count(const GgufTensor& tensor) const {
    std::int64_t elements = 1;
    for (const auto size : tensor.sizes) {
      const auto product = checked_mul(elements, size);
      if (!product) fail("{}: tensor {}: the product of its dimensions is beyond 2^63", who_, tensor.name);
      elements = *product;
    }
    if (tensor.sizes[0] % traits(tensor.type).block_elements != 0)
      fail("{}: tensor {} has rows of {} elements, not a multiple of the {} of a {} block", who_, tensor.name,
           tensor.sizes[0], traits(tensor.type).block_elements, dsa::name(tensor.type));
    const auto bytes = storage_bytes(tensor.type, elements);
    if (!bytes) fail("{}: tensor {} has more bytes than 64 bits can count", who_, tensor.name);
    return *bytes;
  }

  // The data starts at the next aligned byte; a file without tensors may end before it.
  void place_tensors(std::uint32_t alignment) {
    if (result_.tensors.empty()) return;
    const std::size_t padding = (alignment - at_ % alignment) % alignment;
    if (padding > left()) fail("{}: ends before the tensors' data: the file is incomplete", who_);
    const auto data = bytes_.subspan(at_ + padding);
    for (std::size_t i = 0; i < result_.tensors.size(); ++i) {
      GgufTensor& tensor = result_.tensors[i];
      const std::size_t bytes = byte_count(tensor);
      if (!range_inside(offsets_[i], bytes, data.size()))
        fail(
            "{}: tensor {} needs {} bytes at data offset {}, but the file holds {} bytes of data: "
            "it is incomplete or damaged",
            who_, tensor.name, bytes, offsets_[i], data.size());
      tensor.bytes = data.subspan(offsets_[i], bytes);
    }
    check_overlap();
  }

  void check_overlap() const {
    std::vector<const GgufTensor*> by_place;
    by_place.reserve(result_.tensors.size());
    for (const auto& tensor : result_.tensors) by_place.push_back(&tensor);
    std::ranges::sort(by_place, {}, [](const GgufTensor* t) { return t->bytes.data(); });
    for (std::size_t i = 1; i < by_place.size(); ++i) {
      const GgufTensor &before = *by_place[i - 1], &after = *by_place[i];
      if (after.bytes.data() < before.bytes.data() + before.bytes.size())
        fail("{}: tensor {} lies inside tensor {}", who_, after.name, before.name);
    }
  }

  std::span<const std::byte> bytes_;
  std::string_view who_;
  std::size_t at_ = 0;
  std::vector<std::uint64_t> offsets_;  // of result_.tensors, into the data
  GgufContents result_;
};

}  // namespace

GgufContents parse_gguf(std::span<const std::byte> bytes, std::string_view who) {
  return GgufParser(bytes, who).run();
}

}  // namespace dsa
