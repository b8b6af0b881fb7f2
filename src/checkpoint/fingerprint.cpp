#include "checkpoint/fingerprint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "base/little_endian.h"
#include "base/sha256.h"
#include "checkpoint/tensor_names.h"
#include "kernels/dequantize.h"

namespace dsa {
namespace {

void add(Sha256& hash, std::string_view name, const StoredTensor& tensor) {
  if (tensor.type != DType::f32 && tensor.type != DType::bf16 && tensor.type != DType::f16)
    fail("{}: {} is stored as {}, expected F32, BF16 or F16", tensor.file, name, dsa::name(tensor.type));
  std::vector<float> values(tensor.bytes.size() / traits(tensor.type).block_bytes);
  dequantize(tensor.type, tensor.bytes.data(), values);
  for (const float value : values) hash.add(little_endian(std::bit_cast<std::uint32_t>(value)));
}

}  // namespace

std::string fingerprint(const TensorSource& tensors, const ModelConfig& config) {
  Sha256 hash;
  const auto add_norm = [&](const std::string& norm, bool required) {
    const std::string name = tensor_names::weight(norm);
    if (const StoredTensor* tensor = tensors.find(name))
      add(hash, name, *tensor);
    else if (required)
      fail("weights: tensor {} is missing", name);
  };
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const auto layer = tensor_names::layer(i);
    add_norm(layer.input_layernorm, /*required=*/true);
    for (const auto& norm : {layer.q_norm, layer.k_norm, layer.q_a_layernorm, layer.kv_a_layernorm,
                             layer.post_attention_layernorm})
      add_norm(norm, /*required=*/false);
  }
  add_norm(tensor_names::kNorm, /*required=*/true);
  return hash.hex();
}

std::string weights_digest(const TensorSource& tensors) {
  constexpr std::size_t kPiece = 1024;
  Sha256 hash;
  tensors.for_each([&](std::string_view name, const StoredTensor& tensor) {
    // The lengths are in it, so that no two lists of tensors read as the same bytes.
    const std::string head = fmt::format("{} {} {} {} {}\n", name.size(), name, dsa::name(tensor.type),
                                         fmt::join(tensor.shape, "x"), tensor.bytes.size());
    hash.add(std::as_bytes(std::span(head)));
    const auto bytes = tensor.bytes;
    const std::size_t piece = std::min(kPiece, bytes.size());
    for (const std::size_t first : {std::size_t{0}, (bytes.size() - piece) / 2, bytes.size() - piece})
      hash.add(bytes.subspan(first, piece));
  });
  return hash.hex();
}

}  // namespace dsa
