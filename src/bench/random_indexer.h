// An untrained indexer for any model: its speed can be measured before anybody has trained one.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"

namespace dsa {

struct RandomIndexerShape {
  std::int64_t heads = 0;
  std::int64_t dim = 0;
};

/// "4x32" -> {4, 32}.  Throws Error.
RandomIndexerShape parse_indexer_shape(std::string_view text);

/// What a configuration of this shape says: half of each head is rotated, every layer has an indexer
/// of its own.  Throws Error if no indexer can have that shape.
IndexerConfig random_indexer_config(const ModelConfig& model, RandomIndexerShape shape, std::int64_t topk);

/// The tensors that `config.indexer` (from random_indexer_config) asks for: normal in BF16,
/// the same for every run.  Their selections mean nothing.
std::unique_ptr<TensorSource> random_indexer_tensors(const ModelConfig& config);

}  // namespace dsa
