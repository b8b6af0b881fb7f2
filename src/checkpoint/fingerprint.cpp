#include "checkpoint/fingerprint.h"

#include <nettle/sha2.h>

#include <array>
#include <bit>

#include "base/error.h"
#include "kernels/dequantize.h"

namespace dsa {
namespace {

class Hash {
 public:
  Hash() { sha256_init(&context_); }

  void add(std::string_view name, const StoredTensor& tensor) {
    if (tensor.type != DType::f32 && tensor.type != DType::bf16 && tensor.type != DType::f16)
      fail("{}: {} is stored as {}, expected F32, BF16 or F16", tensor.file, name, dsa::name(tensor.type));
    std::vector<float> values(tensor.bytes.size() / traits(tensor.type).block_bytes);
    dequantize(tensor.type, tensor.bytes.data(), values);
    for (const float value : values) {
      const auto bits = std::bit_cast<std::uint32_t>(value);
      const std::array<std::uint8_t, 4> bytes{
          static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8),
          static_cast<std::uint8_t>(bits >> 16), static_cast<std::uint8_t>(bits >> 24)};
      sha256_update(&context_, bytes.size(), bytes.data());
    }
  }

  std::string hex() {
    std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest{};
    sha256_digest(&context_, digest.size(), digest.data());
    std::string text;
    for (const auto byte : digest) text += fmt::format("{:02x}", byte);
    return text;
  }

 private:
  sha256_ctx context_;
};

constexpr std::array kNorms{"input_layernorm",          "self_attn.q_norm",
                            "self_attn.k_norm",         "self_attn.q_a_layernorm",
                            "self_attn.kv_a_layernorm", "post_attention_layernorm"};

}  // namespace

std::string fingerprint(const TensorSource& tensors, const ModelConfig& config) {
  Hash hash;
  const auto add = [&](const std::string& name, bool required) {
    if (const StoredTensor* tensor = tensors.find(name))
      hash.add(name, *tensor);
    else if (required)
      fail("weights: tensor {} is missing", name);
  };
  for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer)
    for (std::size_t i = 0; i < kNorms.size(); ++i)
      add(fmt::format("model.layers.{}.{}.weight", layer, kNorms[i]), /*required=*/i == 0);
  add("model.norm.weight", /*required=*/true);
  return hash.hex();
}

}  // namespace dsa
