#include "model/kv_cache.h"

#include <cstring>

#include "base/checked.h"
#include "base/error.h"
#include "base/numeric.h"

namespace dsa {

KvLayout kv_layout(const ModelConfig& config, std::int64_t layer, Compute compute) {
  KvLayout layout{.type = compute == Compute::f32 ? DType::f32 : DType::bf16};
  if (config.mla) {
    layout.groups = 1;
    layout.rank = config.mla->kv_lora_rank;
    layout.rope_dim = config.mla->qk_rope_head_dim;
  } else {
    layout.groups = config.num_key_value_heads;
    layout.rank = config.head_dim;
    layout.rope_dim = config.head_dim;
  }
  if (config.indexer && config.indexer->full[static_cast<std::size_t>(layer)])
    layout.index_dim = config.indexer->head_dim;
  layout.int8_keys = layout.index_dim > 0 && config.indexer->int8_keys && compute == Compute::automatic;
  return layout;
}

std::size_t kv_token_bytes(const ModelConfig& config, Compute compute) {
  std::size_t bytes = 0;
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i)
    bytes += kv_layout(config, i, compute).token_bytes();
  return bytes;
}

KvCache::KvCache(const ModelConfig& config, Compute compute, std::int64_t pages)
    : pages_(pages), page_bytes_(usize(kPageTokens) * kv_token_bytes(config, compute)) {
  const auto total = checked_mul(page_bytes_, usize(pages));
  if (!total)
    fail("KV cache: {} pages of {} bytes do not fit in memory: lower `context`", pages, page_bytes_);
  memory_ = Buffer(*total, "the KV cache (lower `context`)");
  std::byte* base = memory_.data();
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers_.emplace_back(kv_layout(config, i, compute), base, pages);
    base += layers_.back().layout.page_bytes() * static_cast<std::size_t>(pages);
  }
}

void KvCache::save_page(std::int32_t page, std::span<std::byte> to) const {
  DSA_CHECK(page >= 0 && page < pages_ && to.size() == page_bytes_);
  std::byte* next = to.data();
  for (const KvView& layer : layers_) {
    const std::size_t entries = layer.layout.entries_page_bytes(), keys = layer.layout.keys_page_bytes();
    std::memcpy(next, layer.entry(page, 0), entries);
    std::memcpy(next + entries, layer.key_page(page), keys);
    next += entries + keys;
  }
}

void KvCache::load_page(std::int32_t page, std::span<const std::byte> from) {
  DSA_CHECK(page >= 0 && page < pages_ && from.size() == page_bytes_);
  const std::byte* next = from.data();
  for (const KvView& layer : layers_) {
    const std::size_t entries = layer.layout.entries_page_bytes(), keys = layer.layout.keys_page_bytes();
    std::memcpy(layer.entry(page, 0), next, entries);
    std::memcpy(layer.key_page(page), next + entries, keys);
    next += entries + keys;
  }
}

void KvCache::copy_page(std::int32_t from, std::int32_t to) {
  DSA_CHECK(from >= 0 && from < pages_ && to >= 0 && to < pages_ && from != to);
  for (const KvView& layer : layers_) {
    std::memcpy(layer.entry(to, 0), layer.entry(from, 0), layer.layout.entries_page_bytes());
    std::memcpy(layer.key_page(to), layer.key_page(from), layer.layout.keys_page_bytes());
  }
}

}  // namespace dsa
