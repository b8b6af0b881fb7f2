// The memory of what earlier tokens left behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
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
  /// Of one page of all layers, index keys included: a block that load_page() of any cache of this model and
  /// arithmetic takes, whatever its number of pages.
  [[nodiscard]] std::size_t page_bytes() const { return page_bytes_; }
  /// `to` and `from` have page_bytes() bytes.
  void save_page(std::int32_t page, std::span<std::byte> to) const;
  void load_page(std::int32_t page, std::span<const std::byte> from);
  void copy_page(std::int32_t from, std::int32_t to);
  [[nodiscard]] const KvView& layer(std::int64_t i) const { return layers_[static_cast<std::size_t>(i)]; }

 private:
  Buffer memory_;
  std::vector<KvView> layers_;
  std::int64_t pages_ = 0;
  std::size_t page_bytes_ = 0;
};

}  // namespace dsa
