// Any bytes as a safetensors file: an Error, or tensors that lie inside the file and do not overlap.
#include <algorithm>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  try {
    const auto contents = dsa::parse_safetensors(file, "fuzz.safetensors");
    std::size_t total = 0;
    for (const auto& [name, tensor] : contents.tensors) {
      std::int64_t elements = 1;
      for (const auto dim : tensor.shape) elements = dim == 0 || elements == 0 ? 0 : elements * dim;
      DSA_CHECK(dsa::storage_bytes(tensor.type, elements) == tensor.bytes.size());
      DSA_CHECK(tensor.bytes.empty() || (tensor.bytes.data() >= file.data() + 8 &&
                                         tensor.bytes.data() + tensor.bytes.size() <= file.data() + size));
      total += tensor.bytes.size();
    }
    DSA_CHECK(total <= size);
  } catch (const dsa::Error& error) {
    const std::string_view text = error.what();
    DSA_CHECK(text.starts_with("fuzz.safetensors: ") && text.size() < 2000);
  }
  return 0;
}
