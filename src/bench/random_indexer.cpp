#include "bench/random_indexer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/rng.h"
#include "checkpoint/memory_tensors.h"
#include "checkpoint/tensor_names.h"

namespace dsa {
namespace {

constexpr std::uint64_t kSeed = 20250929;
constexpr double kDeviation = 0.04;

// Two uniform draws make one normal one (Box, Muller 1958).
float normal(const CounterRng& rng, std::uint64_t i) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.unit(2 * i)));
  return static_cast<float>(radius * std::cos(2 * std::numbers::pi * rng.unit(2 * i + 1)));
}

void add_matrix(MemoryTensors& to, const std::string& part, std::int64_t rows, std::int64_t cols,
                std::uint64_t stream) {
  const CounterRng rng(kSeed, stream);
  const auto values = to.add<bf16>(tensor_names::weight(part), DType::bf16, {rows, cols});
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = bf16(static_cast<float>(kDeviation) * normal(rng, i));
}

}  // namespace

RandomIndexerShape parse_indexer_shape(std::string_view text) {
  RandomIndexerShape shape;
  const char* end = text.data() + text.size();
  const auto heads = std::from_chars(text.data(), end, shape.heads);
  const bool cross = heads.ec == std::errc{} && heads.ptr != end && *heads.ptr == 'x';
  const auto dim = std::from_chars(cross ? heads.ptr + 1 : end, end, shape.dim);
  if (!cross || dim.ec != std::errc{} || dim.ptr != end || shape.heads < 1 || shape.dim < 1)
    fail("`random_indexer`: \"{}\" is not HEADSxDIM, as in 4x32", printable(text));
  return shape;
}

IndexerConfig random_indexer_config(const ModelConfig& model, RandomIndexerShape shape, std::int64_t topk) {
  IndexerConfig config;
  config.n_heads = shape.heads;
  config.head_dim = shape.dim;
  config.rope_head_dim = std::max<std::int64_t>(2, shape.dim / 4 * 2);
  config.topk = topk;
  validate_indexer(config, "`random_indexer`");
  config.full.assign(static_cast<std::size_t>(model.num_hidden_layers), true);
  return config;
}

std::unique_ptr<TensorSource> random_indexer_tensors(const ModelConfig& config) {
  const IndexerConfig& c = *config.indexer;
  const bool latent = config.mla && config.mla->q_lora_rank > 0;
  auto tensors = std::make_unique<MemoryTensors>("`random_indexer`");
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const tensor_names::Indexer name = tensor_names::layer(i).indexer;
    const auto stream = 5 * static_cast<std::uint64_t>(i);  // a layer has five tensors
    add_matrix(*tensors, name.query(latent), c.n_heads * c.head_dim,
               latent ? config.mla->q_lora_rank : config.hidden_size, stream);
    add_matrix(*tensors, name.wk, c.head_dim, config.hidden_size, stream + 1);
    add_matrix(*tensors, name.weights_proj, c.n_heads, config.hidden_size, stream + 2);
    const auto norm = tensors->add<bf16>(tensor_names::weight(name.k_norm), DType::bf16, {c.head_dim});
    std::ranges::fill(norm, bf16(1.0F));
    tensors->add(tensor_names::bias(name.k_norm), DType::bf16, {c.head_dim});
  }
  return tensors;
}

}  // namespace dsa
