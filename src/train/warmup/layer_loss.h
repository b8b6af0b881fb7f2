// What one layer's indexer has lost on a document, and the same over all layers.
#pragma once

#include <cstdint>
#include <span>

#include "train/loop/train_log.h"

namespace dsa::train {

/// Over the sampled rows that see more than `topk` tokens: the share of their attention (the target's mix of
/// heads) that a selection of `topk` keeps.
struct Recall {
  std::int64_t rows = 0;
  double indexer = 0;  // mean share that the indexer's selection keeps
  double best = 0;     // of the best possible selection
};

struct LayerLoss {
  double kl = 0;  // mean over the rows of KL(target || softmax(index scores)), nats
  Recall recall;
};

/// Losses alone, of a layer and over all; what is kept where it was measured.
IndexerRecord record_of(std::span<const LayerLoss> layers);

}  // namespace dsa::train
