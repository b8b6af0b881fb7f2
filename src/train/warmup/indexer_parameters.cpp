#include "train/warmup/indexer_parameters.h"

#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "base/error.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "checkpoint/tensor_names.h"
#include "kernels/dequantize.h"
#include "train/loop/clip.h"

namespace dsa::train {
namespace {

constexpr double kDeviation = 0.04;

// Two uniform draws make one normal one (Box, Muller 1958).
float normal(const CounterRng& rng, std::uint64_t i) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.unit(2 * i)));
  return static_cast<float>(kDeviation * radius * std::cos(2 * std::numbers::pi * rng.unit(2 * i + 1)));
}

}  // namespace

nlohmann::json to_json(const IndexerShape& s) {
  return {{"layers", s.layers},
          {"hidden", s.hidden},
          {"heads", s.heads},
          {"dim", s.dim},
          {"rope_dim", s.rope_dim},
          {"k_norm_eps", s.k_norm_eps},
          {"q_lora_rank", s.q_lora_rank}};
}

IndexerShape indexer_shape_from(const nlohmann::json& j) {
  return {.layers = j.at("layers"),
          .hidden = j.at("hidden"),
          .heads = j.at("heads"),
          .dim = j.at("dim"),
          .rope_dim = j.at("rope_dim"),
          .k_norm_eps = j.at("k_norm_eps"),
          .q_lora_rank = j.value("q_lora_rank", std::int64_t{0})};
}

template <class T>
LayerTensors<T> IndexerTensors::cut(T* values, std::int64_t layer) const {
  T* at = values + layer * shape_.layer_size();
  const auto next = [&](std::int64_t count) {
    const std::span<T> part(at, static_cast<std::size_t>(count));
    at += count;
    return part;
  };
  LayerTensors<T> out;
  out.wq = next(shape_.heads * shape_.dim * shape_.query_input());
  out.wk = next(shape_.dim * shape_.hidden);
  out.weights_proj = next(shape_.heads * shape_.hidden);
  out.k_norm = next(shape_.dim);
  out.k_norm_bias = next(shape_.dim);
  return out;
}

template LayerTensors<float> IndexerTensors::cut(float*, std::int64_t) const;
template LayerTensors<const float> IndexerTensors::cut(const float*, std::int64_t) const;

void IndexerTensors::for_each(const Visit& visit) {
  for (std::int64_t i = 0; i < shape_.layers; ++i) {
    const auto name = tensor_names::layer(i).indexer;
    const LayerTensors<float> t = layer(i);
    visit(tensor_names::weight(name.query(/*from_latent=*/shape_.q_lora_rank > 0)),
          {shape_.heads * shape_.dim, shape_.query_input()}, t.wq);
    visit(tensor_names::weight(name.wk), {shape_.dim, shape_.hidden}, t.wk);
    visit(tensor_names::weight(name.weights_proj), {shape_.heads, shape_.hidden}, t.weights_proj);
    visit(tensor_names::weight(name.k_norm), {shape_.dim}, t.k_norm);
    visit(tensor_names::bias(name.k_norm), {shape_.dim}, t.k_norm_bias);
  }
}

void add_tensors(IndexerTensors& parameters, std::vector<TensorToWrite>& tensors) {
  parameters.for_each(
      [&](const std::string& name, const std::vector<std::int64_t>& shape, std::span<float> values) {
        tensors.push_back({name, DType::f32, shape, std::as_bytes(values)});
      });
}

std::vector<double> clip_layers(IndexerTensors& gradient, double clip, Exec& exec) {
  std::vector<double> norms(usize(gradient.shape().layers));
  exec.parallel_for(gradient.shape().layers, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t layer = begin; layer < end; ++layer)
      norms[usize(layer)] = clip_norm(gradient.layer_values(layer), clip);
  });
  return norms;
}

void check_finite(std::span<const double> layer_kl, std::span<const double> layer_norms) {
  for (std::size_t layer = 0; layer < layer_kl.size(); ++layer) {
    if (!std::isfinite(layer_kl[layer])) fail("layer {}: the indexer's loss is not a finite number", layer);
    if (!std::isfinite(layer_norms[layer]))
      fail("layer {}: the indexer's gradient is not a finite number", layer);
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
