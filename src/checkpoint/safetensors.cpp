#include "checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "base/lfs_pointer.h"
#include "base/who.h"

namespace dsa {
namespace {

using nlohmann::json;

// Ours on top of the format's rules (docs/hostile-inputs.md).
constexpr std::size_t kMaxHeaderTensors = 200'000;
constexpr std::size_t kMaxShapeDims = 8;
constexpr std::size_t kMaxName = 1024;
constexpr std::size_t kMaxMetadata = std::size_t{16} << 20;

// Every dtype that the format knows: one that nothing here reads closes no file whose other tensors are read.
constexpr std::array kPublishedTypes{
    DType::f32,         DType::f16,         DType::bf16,    DType::f64,     DType::f8_e4m3, DType::f8_e5m2,
    DType::f8_e4m3fnuz, DType::f8_e5m2fnuz, DType::f8_e8m0, DType::f6_e2m3, DType::f6_e3m2, DType::f4,
    DType::i8,          DType::u8,          DType::i16,     DType::u16,     DType::i32,     DType::u32,
    DType::i64,         DType::u64,         DType::c64,     DType::boolean};

class SafetensorsParser {
 public:
  SafetensorsParser(std::span<const std::byte> bytes, std::string_view who) : bytes_(bytes), who_(who) {}

  SafetensorsContents run() {
    const json header = parse_header();
    if (header.size() > kMaxHeaderTensors + 1)
      fail("{}: header names {} tensors, at most {} are accepted", who_, header.size(), kMaxHeaderTensors);
    result_.tensors.reserve(header.size());
    ranges_.reserve(header.size());
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__")
        read_metadata(value);
      else
        read_tensor(name, value);
    }
    check_coverage();
    return std::move(result_);
  }

 private:
  struct Range {
    std::size_t begin, end;
    NamedTensor tensor;
  };

  json parse_header() {
    if (bytes_.size() < 8)
      fail("{}: not a safetensors file: {} bytes, expected at least 8", who_, bytes_.size());
    refuse_lfs_pointer({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}, who_);
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i)
      length = length << 8 | static_cast<std::uint64_t>(bytes_[static_cast<std::size_t>(i)]);
    if (length > kMaxSafetensorsHeader)
      fail("{}: header of {} bytes, at most {} are accepted (is this a safetensors file?)", who_, length,
           kMaxSafetensorsHeader);
    if (length > bytes_.size() - 8)
      fail("{}: header of {} bytes, but only {} follow: the file is incomplete", who_, length,
           bytes_.size() - 8);
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + 8,
                                static_cast<std::size_t>(length));
    data_ = bytes_.subspan(8 + static_cast<std::size_t>(length));
    json header =
        parse_json(text, who_, {.max_bytes = kMaxSafetensorsHeader, .max_depth = 4, .max_values = 4'000'000});
    if (!header.is_object()) fail("{}: header is a JSON {}, expected an object", who_, header.type_name());
    return header;
  }

  void read_metadata(const json& value) {
    if (value.is_null()) return;
    if (!value.is_object())
      fail("{}: __metadata__ is a JSON {}, expected an object", who_, value.type_name());
    std::size_t total = 0;
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string())
        fail("{}: __metadata__ \"{}\" is a JSON {}, expected a string", who_, printable(key),
             text.type_name());
      total += key.size() + text.get_ref<const std::string&>().size();
      if (total > kMaxMetadata) fail("{}: __metadata__ holds more than {} bytes", who_, kMaxMetadata);
      result_.metadata.emplace(key, text.get<std::string>());
    }
  }

  std::uint64_t whole_number(const json& value, std::string_view name, std::string_view what) {
    // A float, a negative number and anything beyond 2^64 have other JSON types here:
    // get<size_t>() would convert them.
    if (!value.is_number_unsigned())
      fail("{}: tensor {} has {} {}, expected whole numbers from 0", who_, printable(name), what,
           printable(json_text(value), 60));
    return value.get<std::uint64_t>();
  }

  void read_tensor(const std::string& name, const json& value) {
    if (name.empty() || name.size() > kMaxName)
      fail("{}: a tensor name has {} bytes, expected 1 to {}", who_, name.size(), kMaxName);
    if (name.find('\0') != std::string::npos)
      fail("{}: tensor name {} contains a NUL", who_, printable(name));
    // Further keys are passed over, as the reference reader does.
    if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") ||
        !value.contains("data_offsets"))
      fail("{}: tensor {} must have dtype, shape and data_offsets", who_, printable(name));

    StoredTensor tensor{.type = read_dtype(name, value["dtype"]), .shape = {}, .bytes = {}, .file = who_};
    const std::int64_t elements = read_shape(name, value["shape"], tensor.shape);
    const auto [begin, end] = read_offsets(name, value["data_offsets"]);
    if (elements % traits(tensor.type).block_elements != 0)
      fail("{}: tensor {} has {} elements of {}, not a multiple of the {} that share their bytes", who_,
           printable(name), elements, dsa::name(tensor.type), traits(tensor.type).block_elements);
    const auto bytes = storage_bytes(tensor.type, elements);
    if (!bytes) fail("{}: tensor {} has more bytes than 64 bits can count", who_, printable(name));
    if (end - begin != *bytes)
      fail("{}: tensor {} takes {} bytes in the file, its shape and dtype {} need {}", who_, printable(name),
           end - begin, dsa::name(tensor.type), *bytes);
    tensor.bytes = data_.subspan(begin, *bytes);
    ranges_.push_back({begin, end, {name, std::move(tensor)}});
  }

  DType read_dtype(const std::string& name, const json& value) {
    if (!value.is_string())
      fail("{}: tensor {} has a dtype that is a JSON {}, expected a string", who_, printable(name),
           value.type_name());
    const auto& text = value.get_ref<const std::string&>();
    for (const DType type : kPublishedTypes)
      if (dsa::name(type) == text) return type;
    fail("{}: tensor {} has the unknown dtype \"{}\"", who_, printable(name), printable(text, 40));
  }

  // The number of elements: 1 for [], 0 if any dimension is 0.
  std::int64_t read_shape(const std::string& name, const json& value, std::vector<std::int64_t>& shape) {
    if (!value.is_array() || value.size() > kMaxShapeDims)
      fail("{}: tensor {} has a shape that is not an array of at most {} numbers", who_, printable(name),
           kMaxShapeDims);
    for (const auto& dim : value) {
      const auto size = checked_cast<std::int64_t>(whole_number(dim, name, "the dimension"));
      if (!size) fail("{}: tensor {} has a dimension beyond 2^63", who_, printable(name));
      shape.push_back(*size);
    }
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
    std::int64_t elements = 1;
    for (const auto size : shape) {
      const auto product = checked_mul(elements, size);
      if (!product) fail("{}: tensor {}: the product of its shape is beyond 2^63", who_, printable(name));
      elements = *product;
    }
    return elements;
  }

  std::pair<std::size_t, std::size_t> read_offsets(const std::string& name, const json& value) {
    if (!value.is_array() || value.size() != 2)
      fail("{}: tensor {} has data_offsets that are not two numbers", who_, printable(name));
    const std::uint64_t begin = whole_number(value[0], name, "the data offset");
    const std::uint64_t end = whole_number(value[1], name, "the data offset");
    if (begin > end || end > data_.size())
      fail("{}: tensor {} has data_offsets [{}, {}], expected a range inside the {} bytes of data", who_,
           printable(name), begin, end, data_.size());
    return {begin, end};
  }

  // Every byte of the data belongs to exactly one tensor.
  void check_coverage() {
    std::sort(ranges_.begin(), ranges_.end(), [](const Range& a, const Range& b) {
      return std::tie(a.begin, a.end, a.tensor.name) < std::tie(b.begin, b.end, b.tensor.name);
    });
    std::size_t at = 0;
    for (auto& range : ranges_) {
      if (range.begin < at)
        fail("{}: tensor {} starts at byte {} of the data, inside the tensor before it (which ends at {})",
             who_, printable(range.tensor.name), range.begin, at);
      if (range.begin > at) fail("{}: bytes {} to {} of the data belong to no tensor", who_, at, range.begin);
      at = range.end;
      result_.tensors.push_back(std::move(range.tensor));
    }
    if (at != data_.size())
      fail("{}: {} bytes after the last tensor: the file is longer than its header says", who_,
           data_.size() - at);
  }

  std::span<const std::byte> bytes_;
  std::span<const std::byte> data_;
  std::string_view who_;
  std::vector<Range> ranges_;
  SafetensorsContents result_;
};

}  // namespace

SafetensorsContents parse_safetensors(std::span<const std::byte> bytes, std::string_view who) {
  return SafetensorsParser(bytes, who).run();
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(path), who_(dsa::who(path)), contents_(parse_safetensors(file_.bytes(), who_)) {}

}  // namespace dsa
