#include "train/warmup/layer_loss.h"

#include <algorithm>

namespace dsa::train {

IndexerRecord record_of(std::span<const LayerLoss> losses) {
  IndexerRecord out;
  const auto layers = static_cast<double>(losses.size());
  for (const LayerLoss& layer : losses) {
    out.kl += layer.kl / layers;
    out.layer_kl.push_back(layer.kl);
    if (layer.recall.rows == 0) continue;
    if (!out.kept) out.kept.emplace();
    out.kept->indexer += layer.recall.indexer / layers;
    out.kept->best += layer.recall.best / layers;
    out.kept->worst_layer = std::min(out.kept->worst_layer, layer.recall.indexer / layer.recall.best);
  }
  return out;
}

}  // namespace dsa::train
