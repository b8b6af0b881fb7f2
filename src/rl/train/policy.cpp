#include "rl/train/policy.h"

#include <algorithm>
#include <utility>

#include "kernels/registry.h"
#include "train/pretrain/mla_weights.h"

namespace dsa::rl {

train::IndexerShape indexer_shape_of(const ModelConfig& config) {
  if (config.mla) return train::mla_indexer_shape(config);
  if (!config.indexer) return {};
  return {.layers = config.num_hidden_layers,
          .hidden = config.hidden_size,
          .heads = config.indexer->n_heads,
          .dim = config.indexer->head_dim,
          .rope_dim = config.indexer->rope_head_dim,
          .k_norm_eps = config.indexer->k_norm_eps};
}

Policy::Policy(train::FlatTensors trained, const train::IndexerShape& indexer, Exec& exec)
    : exec_(exec),
      trained_(std::move(trained)),
      gradient_(trained_.zeros()),
      indexer_(indexer),
      indexer_gradient_(indexer),
      main_optimizer_(trained_.values(), exec, *choose_kernels().rows),
      indexer_optimizer_(indexer_.values(), exec, *choose_kernels().rows) {}

void Policy::restore(train::WeightsCheckpoint& checkpoint, const std::filesystem::path& folder) {
  train::restore_main(checkpoint, trained_, folder);
  std::ranges::copy(std::as_const(checkpoint.indexer).values(), indexer_.values().begin());
  train::restore(main_optimizer_, checkpoint.main_moments);
  train::restore(indexer_optimizer_, checkpoint.indexer_moments);
}

train::GradientNorms Policy::update(const Rates& rates) {
  const train::GradientNorms norms =
      train::clip_and_check({.main = gradient_, .indexer = indexer_gradient_}, {}, rates.clip, exec_);
  if (rates.main > 0) main_optimizer_.step(gradient_.values(), rates.main);
  if (rates.indexer > 0) indexer_optimizer_.step(indexer_gradient_.values(), rates.indexer);
  return norms;
}

}  // namespace dsa::rl
