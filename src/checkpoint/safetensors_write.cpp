#include "checkpoint/safetensors_write.h"

#include <algorithm>
#include <array>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

std::string make_header(const std::vector<TensorToWrite>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  // Kept in the order of the data, as readers that stream expect.
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t at = 0;
  for (const auto& tensor : tensors) {
    header[tensor.name] = {{"dtype", dsa::name(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {at, at + tensor.bytes.size()}}};
    at += tensor.bytes.size();
  }
  std::string text = json_text(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  DSA_CHECK(text.size() <= kMaxSafetensorsHeader);
  return text;
}

void check(const TensorToWrite& tensor) {
  DSA_CHECK(!is_quantized_block(tensor.type));
  std::int64_t elements = 1;
  for (const auto dim : tensor.shape) elements *= dim;
  DSA_CHECK(storage_bytes(tensor.type, elements) == tensor.bytes.size());
}

}  // namespace

void write_safetensors(const fs::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::for_each(tensors.begin(), tensors.end(), check);
  std::sort(tensors.begin(), tensors.end(), [](const TensorToWrite& a, const TensorToWrite& b) {
    const auto size = [](const TensorToWrite& t) { return traits(t.type).block_bytes; };
    return size(a) != size(b) ? size(a) > size(b) : a.name < b.name;
  });
  const std::string header = make_header(tensors, metadata);
  std::array<std::byte, 8> length{};
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<std::byte>(header.size() >> (8 * i) & 0xFF);

  AtomicFile file(path);
  file.write(length);
  file.write(std::as_bytes(std::span(header)));
  for (const auto& tensor : tensors) file.write(tensor.bytes);
  file.commit();
}

}  // namespace dsa
