#include "checkpoint/safetensors_write.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

std::size_t bytes_of(const TensorHead& tensor) {
  DSA_CHECK(!is_quantized_block(tensor.type));
  std::int64_t elements = 1;
  for (const auto dim : tensor.shape) elements *= dim;
  const auto bytes = storage_bytes(tensor.type, elements);
  DSA_CHECK(bytes.has_value());
  return *bytes;
}

bool comes_before(const TensorHead& a, const TensorHead& b) {
  const auto size = [](const TensorHead& t) { return traits(t.type).block_bytes; };
  return size(a) != size(b) ? size(a) > size(b) : a.name < b.name;
}

std::string make_header(std::span<const TensorHead> tensors,
                        const std::map<std::string, std::string>& metadata) {
  // Kept in the order of the data, as readers that stream expect.
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t at = 0;
  for (const auto& tensor : tensors) {
    const std::size_t end = at + bytes_of(tensor);
    header[tensor.name] = {
        {"dtype", dsa::name(tensor.type)}, {"shape", tensor.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = json_text(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  DSA_CHECK(text.size() <= kMaxSafetensorsHeader);
  return text;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const fs::path& path, std::span<const TensorHead> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : file_(path) {
  DSA_CHECK(std::ranges::is_sorted(tensors, comes_before));
  for (const auto& tensor : tensors) left_ += bytes_of(tensor);
  const std::string header = make_header(tensors, metadata);
  std::array<std::byte, 8> length{};
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<std::byte>(header.size() >> (8 * i) & 0xFF);
  file_.write(length);
  file_.write(std::as_bytes(std::span(header)));
}

void SafetensorsWriter::write(std::span<const std::byte> bytes) {
  DSA_CHECK(bytes.size() <= left_);
  file_.write(bytes);
  left_ -= bytes.size();
}

void SafetensorsWriter::commit() {
  DSA_CHECK(left_ == 0);
  file_.commit();
}

void write_safetensors(const fs::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::ranges::sort(tensors, comes_before);
  const std::vector<TensorHead> heads(tensors.begin(), tensors.end());
  for (const auto& tensor : tensors) DSA_CHECK(tensor.bytes.size() == bytes_of(tensor));
  SafetensorsWriter writer(path, heads, metadata);
  for (const auto& tensor : tensors) writer.write(tensor.bytes);
  writer.commit();
}

}  // namespace dsa
