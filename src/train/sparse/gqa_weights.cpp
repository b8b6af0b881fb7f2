#include "train/sparse/gqa_weights.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "base/rng.h"
#include "checkpoint/tensor_names.h"
#include "kernels/dequantize.h"
#include "model/weights.h"

namespace dsa::train {
namespace {

namespace names = tensor_names;

constexpr std::uint64_t kLoraDraws = std::uint64_t{3} << 32;  // apart from the sampler's streams

// The one list of them, in the order of the row.
struct Visitor {
  std::function<void(const std::string& name, const Linear&)> matrix;
  std::function<void(const std::string& name, const std::vector<float>&)> vector;
};
void for_each_weight(const ModelConfig& config, const ModelWeights& weights, const Visitor& visit) {
  const auto linear = [&](const std::string& name, const Linear& l) {
    visit.matrix(names::weight(name), l);
    if (!l.bias.empty()) visit.vector(names::bias(name), l.bias);
  };
  const auto norm = [&](const std::string& name, const std::vector<float>& values) {
    visit.vector(names::weight(name), values);
  };
  linear(names::kEmbedTokens, weights.embed_tokens);
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    const LayerWeights& layer = weights.layers[i];
    const auto name = names::layer(static_cast<std::int64_t>(i));
    norm(name.input_layernorm, layer.input_layernorm);
    linear(name.q_proj, layer.gqa->q_proj);
    linear(name.k_proj, layer.gqa->k_proj);
    linear(name.v_proj, layer.gqa->v_proj);
    linear(name.o_proj, layer.o_proj);
    if (config.qk_norm) {
      norm(name.q_norm, layer.gqa->q_norm);
      norm(name.k_norm, layer.gqa->k_norm);
    }
    norm(name.post_attention_layernorm, layer.post_attention_layernorm);
    linear(name.mlp.gate_proj, layer.mlp->gate_proj);
    linear(name.mlp.up_proj, layer.mlp->up_proj);
    linear(name.mlp.down_proj, layer.mlp->down_proj);
  }
  norm(names::kNorm, weights.norm);
  if (!config.tie_word_embeddings) linear(names::kLmHead, weights.lm_head);
}

}  // namespace

FlatTensors gqa_weights(const ModelFiles& files, Exec& exec) {
  ModelConfig config = files.config;
  config.indexer.reset();
  DSA_CHECK(!config.mla && !config.moe);
  const ModelWeights weights =
      load_weights(config, *files.tensors, nullptr, choose_kernels(), Compute::f32, exec);
  std::vector<FlatTensors::Entry> entries;
  for_each_weight(config, weights,
                  {.matrix =
                       [&](const std::string& name, const Linear& l) {
                         entries.push_back({.name = name, .shape = {l.weight.rows, l.weight.cols}});
                       },
                   .vector =
                       [&](const std::string& name, const std::vector<float>& v) {
                         entries.push_back({.name = name, .shape = {static_cast<std::int64_t>(v.size())}});
                       }});
  FlatTensors out(std::move(entries));
  auto entry = out.entries().begin();
  for_each_weight(
      config, weights,
      {.matrix =
           [&](const std::string&, const Linear& l) {
             const auto values = out.of(*entry++);
             const auto cols = static_cast<std::size_t>(l.weight.cols);
             exec.parallel_for(l.weight.rows, 64, [&](std::int64_t begin, std::int64_t end, int) {
               for (std::int64_t r = begin; r < end; ++r)
                 dequantize_row(l.weight, r, values.subspan(static_cast<std::size_t>(r) * cols, cols));
             });
           },
       .vector = [&](const std::string&,
                     const std::vector<float>& v) { std::ranges::copy(v, out.of(*entry++).begin()); }});
  return out;
}

bool has_lora(const FlatTensors::Entry& entry) {
  return entry.shape.size() == 2 && entry.name.starts_with(names::kLayers);
}
std::string lora_a(const std::string& matrix) { return matrix + ".lora_A"; }
std::string lora_b(const std::string& matrix) { return matrix + ".lora_B"; }

FlatTensors lora_weights(const FlatTensors& main, std::int64_t rank, std::int64_t seed) {
  std::vector<FlatTensors::Entry> entries;
  for (const auto& entry : main.entries()) {
    if (!has_lora(entry)) continue;
    entries.push_back({.name = lora_a(entry.name), .shape = {rank, entry.shape[1]}});
    entries.push_back({.name = lora_b(entry.name), .shape = {entry.shape[0], rank}});
  }
  FlatTensors out(std::move(entries));
  for (std::size_t i = 0; i < out.entries().size(); i += 2) {
    const auto& a = out.entries()[i];
    const CounterRng rng(static_cast<std::uint64_t>(seed), kLoraDraws + i);
    const double size = 1 / std::sqrt(static_cast<double>(a.shape[1]));
    const auto values = out.of(a);
    for (std::size_t j = 0; j < values.size(); ++j)
      values[j] = static_cast<float>(size * (2 * rng.unit(j) - 1));
  }
  return out;
}

void merge_lora(const FlatTensors& lora, FlatTensors& main, Exec& exec) {
  for (const auto& entry : main.entries()) {
    if (!has_lora(entry)) continue;
    const auto &a = *lora.find(lora_a(entry.name)), &b = *lora.find(lora_b(entry.name));
    const std::int64_t rank = a.shape[0], cols = entry.shape[1];
    const auto to = main.of(entry);
    const auto av = lora.of(a), bv = lora.of(b);
    exec.parallel_for(entry.shape[0], 16, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t r = begin; r < end; ++r)
        for (std::int64_t j = 0; j < rank; ++j) {
          const float factor = kLoraScale * bv[static_cast<std::size_t>(r * rank + j)];
          for (std::int64_t c = 0; c < cols; ++c)
            to[static_cast<std::size_t>(r * cols + c)] += factor * av[static_cast<std::size_t>(j * cols + c)];
        }
    });
  }
}

}  // namespace dsa::train
