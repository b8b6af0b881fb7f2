// The memory of what earlier tokens left behind.
#pragma once

#include <cstdint>
#include <vector>

#include "checkpoint/model_config.h"
#include "kernels/types.h"
#include "tensor/buffer.h"

namespace dsa {

/// What one layer keeps per token.  The indexer key is part of the entry's page:
/// shared, evicted and saved with it.
KvLayout kv_layout(const ModelConfig& config, std::int64_t layer, Compute compute);
/// Over all layers: what one token costs.
std::size_t kv_token_bytes(const ModelConfig& config, Compute compute);

/// Pages of 64 tokens for every layer; page p of all layers belongs to the same 64 tokens.  Owns the memory,
/// which costs nothing until it is written.  Who holds which page is the PagePool's business (engine/).
/// Writing two pages from two threads is safe.
class KvCache {
 public:
  /// Throws Error if the memory cannot be had.
  KvCache(const ModelConfig& config, Compute compute, std::int64_t pages);

  [[nodiscard]] std::int64_t pages() const { return pages_; }
  [[nodiscard]] const KvView& layer(std::int64_t i) const { return layers_[static_cast<std::size_t>(i)]; }

 private:
  Buffer memory_;
  std::vector<KvView> layers_;
  std::int64_t pages_ = 0;
};

}  // namespace dsa
