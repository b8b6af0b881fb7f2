#include "train/warmup/indexer_parameters.h"

#include <fmt/ranges.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/rng.h"
#include "kernels/dequantize.h"

namespace dsa::train {
namespace {

constexpr double kDeviation = 0.04;

// Two uniform draws make one normal one (Box, Muller 1958).
float normal(const CounterRng& rng, std::uint64_t i) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.unit(2 * i)));
  return static_cast<float>(kDeviation * radius * std::cos(2 * std::numbers::pi * rng.unit(2 * i + 1)));
}

}  // namespace

template <class T>
LayerTensors<T> IndexerTensors::cut(T* values, std::int64_t layer) const {
  T* at = values + layer * shape_.layer_size();
  const auto take = [&](std::int64_t count) {
    const std::span<T> part(at, static_cast<std::size_t>(count));
    at += count;
    return part;
  };
  LayerTensors<T> out;
  out.wq = take(shape_.heads * shape_.dim * shape_.query_input());
  out.wk = take(shape_.dim * shape_.hidden);
  out.weights_proj = take(shape_.heads * shape_.hidden);
  out.k_norm = take(shape_.dim);
  out.k_norm_bias = take(shape_.dim);
  return out;
}

template LayerTensors<float> IndexerTensors::cut(float*, std::int64_t) const;
template LayerTensors<const float> IndexerTensors::cut(const float*, std::int64_t) const;

void IndexerTensors::for_each(const Visit& visit) {
  for (std::int64_t i = 0; i < shape_.layers; ++i) {
    const auto name = [&](std::string_view part) {
      return fmt::format("model.layers.{}.self_attn.indexer.{}", i, part);
    };
    const LayerTensors<float> t = layer(i);
    visit(name(shape_.q_lora_rank > 0 ? "wq_b.weight" : "wq.weight"),
          {shape_.heads * shape_.dim, shape_.query_input()}, t.wq);
    visit(name("wk.weight"), {shape_.dim, shape_.hidden}, t.wk);
    visit(name("weights_proj.weight"), {shape_.heads, shape_.hidden}, t.weights_proj);
    visit(name("k_norm.weight"), {shape_.dim}, t.k_norm);
    visit(name("k_norm.bias"), {shape_.dim}, t.k_norm_bias);
  }
}

void initialize(IndexerTensors& parameters, std::uint64_t seed) {
  std::uint64_t stream = 0;
  parameters.for_each(
      [&](const std::string& name, const std::vector<std::int64_t>& shape, std::span<float> values) {
        const CounterRng rng(seed, stream++);
        if (shape.size() == 1)
          std::ranges::fill(values, name.ends_with("weight") ? 1.0F : 0.0F);
        else
          for (std::size_t i = 0; i < values.size(); ++i) values[i] = normal(rng, i);
      });
}

void read(IndexerTensors& tensors, const TensorSource& source) {
  tensors.for_each(
      [&](const std::string& name, const std::vector<std::int64_t>& shape, std::span<float> values) {
        const StoredTensor* stored = source.find(name);
        if (stored == nullptr) fail("the indexer's tensor {} is missing", name);
        if (stored->shape != shape)
          fail("{}: {} has shape {}, expected {}", stored->file, name, stored->shape, shape);
        dequantize(stored->type, stored->bytes.data(), values);
      });
}

}  // namespace dsa::train
