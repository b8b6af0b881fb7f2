// The numbers of every layer's indexer, in one vector: what every training trains, the warm-up nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/model_config.h"
#include "checkpoint/safetensors_write.h"
#include "checkpoint/tensor_source.h"
#include "exec/exec.h"

namespace dsa::train {

/// Sizes of the indexers of a model, the same in every layer.
struct IndexerShape {
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t dim = 0;
  std::int64_t rope_dim = 0;  // the first dims of each head
  double k_norm_eps = 1e-6;
  /// Of the query latent, where the model has one (MLA): wq is then its wq_b, and reads that.  0: none.
  std::int64_t q_lora_rank = 0;

  [[nodiscard]] std::int64_t query_input() const { return q_lora_rank > 0 ? q_lora_rank : hidden; }
  [[nodiscard]] std::int64_t layer_size() const {
    return heads * dim * query_input() + (dim + heads) * hidden + 2 * dim;
  }
  [[nodiscard]] std::int64_t size() const { return layers * layer_size(); }
};

/// As a checkpoint's JSON holds it ("shape"); reading throws nlohmann's exceptions.
nlohmann::json to_json(const IndexerShape& shape);
IndexerShape indexer_shape_from(const nlohmann::json& json);

/// One layer's tensors, by the names of the indexer folder (wq_b in a checkpoint with a query latent).  T is
/// float or const float.
template <class T>
struct LayerTensors {
  std::span<T> wq;            // [heads * dim, query input]
  std::span<T> wk;            // [dim, hidden]
  std::span<T> weights_proj;  // [heads, hidden]
  std::span<T> k_norm;        // [dim]
  std::span<T> k_norm_bias;   // [dim]
};

/// Parameters, or their gradient, or an optimizer's moments: they all have this form.
class IndexerTensors {
 public:
  explicit IndexerTensors(const IndexerShape& shape)
      : shape_(shape), values_(static_cast<std::size_t>(shape.size())) {}

  [[nodiscard]] const IndexerShape& shape() const { return shape_; }
  [[nodiscard]] std::span<float> values() { return values_; }
  [[nodiscard]] std::span<const float> values() const { return values_; }
  [[nodiscard]] std::span<float> layer_values(std::int64_t layer) {
    const auto size = static_cast<std::size_t>(shape_.layer_size());
    return std::span(values_).subspan(static_cast<std::size_t>(layer) * size, size);
  }
  [[nodiscard]] LayerTensors<float> layer(std::int64_t i) { return cut<float>(values_.data(), i); }
  [[nodiscard]] LayerTensors<const float> layer(std::int64_t i) const {
    return cut<const float>(values_.data(), i);
  }

  /// Every tensor with its full name and shape, as it stands in indexer.safetensors or in the checkpoint.
  using Visit = std::function<void(const std::string& name, const std::vector<std::int64_t>& shape,
                                   std::span<float> values)>;
  void for_each(const Visit& visit);

 private:
  template <class T>
  [[nodiscard]] LayerTensors<T> cut(T* values, std::int64_t layer) const;

  IndexerShape shape_;
  std::vector<float> values_;
};

/// Names every tensor for a file.
void add_tensors(IndexerTensors& parameters, std::vector<TensorToWrite>& tensors);

/// Scales each layer's gradient down to a norm of at most `clip` (layers learn apart from each other: one
/// whose gradient is large must not slow the others down) and returns the norms before.
std::vector<double> clip_layers(IndexerTensors& gradient, double clip, Exec& exec);

/// Throws Error that names the layer whose loss or gradient is no finite number.
void check_finite(std::span<const double> layer_kl, std::span<const double> layer_norms);

/// Matrices normal with a standard deviation of 0.04 (an index score then starts near 0, its keys are
/// normed), the norm 1 and 0: the same for a seed on every machine.
void initialize(IndexerTensors& parameters, std::uint64_t seed);

/// Takes every tensor from a file of F32 or BF16 tensors.  Throws Error
/// if one is missing or has another shape.
void read(IndexerTensors& tensors, const TensorSource& source);

}  // namespace dsa::train
