#include "checkpoint/config_topk.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa {
namespace {

constexpr std::int64_t kMostTokens = std::numeric_limits<std::int32_t>::max();
constexpr const char* kKey = "index_topk";

}  // namespace

void set_index_topk(IndexerConfig& indexer, const std::vector<std::int64_t>& list, std::int64_t layers,
                    std::string_view what) {
  if (list.empty() || std::ssize(list) != layers)
    fail("{} lists {} numbers, expected {}: one for each layer", what, list.size(), layers);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] < 1 || list[i] > kMostTokens)
      fail("{} is {} for layer {}, expected 1 to {}", what, list[i], i, kMostTokens);
    if (i > 0 && i < indexer.full.size() && !indexer.full[i] && list[i] != list[i - 1])
      fail("{} is {} for layer {}, expected {}: it shares the selection of the layer before it", what,
           list[i], i, list[i - 1]);
  }
  const bool equal = std::ranges::all_of(list, [&](std::int64_t tokens) { return tokens == list[0]; });
  indexer.layer_topk = equal ? LayerTopk() : LayerTopk(list);
  indexer.topk = equal ? list[0] : indexer.layer_topk.mean();
}

void read_index_topk(ConfigReader& config, std::int64_t layers, IndexerConfig& indexer) {
  const auto* value = config.find(kKey);
  if (value != nullptr && value->is_array())
    set_index_topk(indexer, config.integers(kKey), layers, config.who() + ": " + kKey);
  else
    indexer.topk = config.integer(kKey);
}

}  // namespace dsa
