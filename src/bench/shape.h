// A model as arithmetic sees it: sizes and types of matrices, no values.
#pragma once

#include <cstdint>
#include <vector>

#include "checkpoint/model_config.h"
#include "kernels/types.h"

namespace dsa {

class Transformer;

/// Of `bytes` bytes, which are read whole; rows = out, cols = in.
struct MatrixShape {
  DType type = DType::f32;
  std::int64_t rows = 0, cols = 0;
  double bytes = 0;
};

struct LayerShape {
  std::vector<MatrixShape> matrices =
      {};  // that every token goes through: the router's and shared experts' too
  std::vector<MatrixShape> expert = {};  // of one routed expert; empty: there are none
  KvLayout cache = {};
};

struct ModelShape {
  Compute compute = Compute::automatic;
  std::vector<LayerShape> layers = {};
  MatrixShape head = {};  // to the logits
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t score_dim = 0;       // elements of a head's product with an entry; what it sums are cache.rank
  std::int64_t index_elements = 0;  // heads x dim of the indexer; 0: none
  std::int64_t topk = 0;            // the indexer's own, the mean over the layers; 0: none
  LayerTopk layer_topk = {};        // how it is divided among them
  std::int64_t experts = 0, experts_chosen = 0;
};

/// As it was loaded, packed weights by their packed size.
ModelShape shape_of(const Transformer& model);

/// As a configuration says, without any file: all matrices stored as `stored`.  Beside FP8 those stay BF16
/// that published checkpoints leave so: the router, the indexer's weights_proj and the head.
ModelShape shape_of(const ModelConfig& config, DType stored, Compute compute = Compute::automatic);

/// What they take, bytes.
double expert_bytes(const ModelShape& shape);  // all routed experts of all layers
double other_bytes(const ModelShape& shape);   // all other weights but the embedding
double token_bytes(const ModelShape& shape);   // of a token in the cache

}  // namespace dsa
