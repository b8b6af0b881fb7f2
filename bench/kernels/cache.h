// Caches to attend over, and the two models' heads.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/types.h"
#include "support.h"

namespace dsa::bench {

struct Heads {
  KvLayout layout;
  std::int64_t heads;
  std::int64_t index_heads;
  std::int64_t topk;
  bool absorbed;  // c takes part in the score (MLA)
};
inline const Heads kSmol{{.groups = 3, .rank = 64, .rope_dim = 64, .index_dim = 32}, 9, 4, 512, false};
inline const Heads kV32{{.groups = 1, .rank = 512, .rope_dim = 64, .index_dim = 128}, 128, 64, 2048, true};
/// The same with index keys in int8.
inline Heads with_int8_keys(Heads heads) {
  heads.layout.int8_keys = true;
  return heads;
}
inline const Heads kSmolInt8 = with_int8_keys(kSmol), kV32Int8 = with_int8_keys(kV32);

/// `context` tokens of noise in as many layers as it takes to be beyond the last-level cache.
class Cached {
 public:
  Cached(const KvLayout& layout, std::int64_t context) : layout_(layout), context_(context) {
    count_ = (context + kPageTokens - 1) / kPageTokens;
    const std::size_t bytes = layout.page_bytes() * static_cast<std::size_t>(count_);
    for (std::int64_t p = 0; p < count_; ++p) pages_.push_back(static_cast<std::int32_t>(p));
    for (std::int64_t i = layers_beyond_cache(bytes); i > 0; --i) {
      memory_.emplace_back(bytes, "cache");
      fill_with_noise(memory_.back().as<bf16>(), static_cast<std::int64_t>(bytes / sizeof(bf16)));
    }
  }
  /// The layers in turn.
  [[nodiscard]] KvView next() { return {layout_, memory_[turn_++ % memory_.size()].data(), count_}; }
  /// The last n tokens.
  [[nodiscard]] std::vector<KvRow> rows(std::int64_t n) const {
    std::vector<KvRow> out;
    for (std::int64_t t = 0; t < n; ++t) out.push_back({pages_.data(), context_ - n + 1 + t});
    return out;
  }

 private:
  KvLayout layout_;
  std::int64_t context_;
  std::int64_t count_ = 0;  // pages
  std::vector<Buffer> memory_;
  std::vector<std::int32_t> pages_;
  std::size_t turn_ = 0;
};

/// Everything `n` rows need to score, select and attend.
struct Queries {
  Heads h;
  std::int64_t n;
  std::vector<float> c, pe, index, weights, out;
  std::vector<std::int32_t> idx, count;
  std::vector<std::byte> attention_scratch, indexer_scratch;

  Queries(const Heads& heads, std::int64_t rows, std::int64_t context)
      : h(heads),
        n(rows),
        c(noise(n * h.heads * h.layout.rank)),
        pe(noise(n * h.heads * h.layout.rope_dim)),
        index(noise(n * h.index_heads * h.layout.index_dim)),
        weights(noise(n * h.index_heads)),
        out(c.size()),
        idx(static_cast<std::size_t>(n * h.topk)),
        count(static_cast<std::size_t>(n)),
        attention_scratch(dsa::attention_scratch_bytes(team().threads(), n, h.heads, h.layout.rank,
                                                       h.layout.rope_dim, context)),
        indexer_scratch(dsa::indexer_scratch_bytes(team().threads(), context)) {}

  [[nodiscard]] IndexerSelectArgs select(const KvView& kv, std::span<const KvRow> rows) {
    return {.q = {index.data(), {n, h.index_heads, h.layout.index_dim}},
            .w = {weights.data(), {n, h.index_heads}},
            .kv = kv,
            .rows = rows,
            .topk = h.topk,
            .idx = {idx.data(), {n, h.topk}},
            .count = count,
            .scratch = indexer_scratch};
  }
  [[nodiscard]] AttentionArgs dense(const KvView& kv, std::span<const KvRow> rows) {
    AttentionArgs args;
    if (h.absorbed) args.q_c = {c.data(), {n, h.heads, h.layout.rank}};
    args.q_pe = {pe.data(), {n, h.heads, h.layout.rope_dim}};
    args.kv = kv;
    args.rows = rows;
    args.scale = 0.1F;
    args.out = {out.data(), {n, h.heads, h.layout.rank}};
    args.scratch = attention_scratch;
    return args;
  }
  /// Over what select() found.
  [[nodiscard]] AttentionArgs sparse(const KvView& kv, std::span<const KvRow> rows) {
    AttentionArgs args = dense(kv, rows);
    args.idx = {idx.data(), {n, h.topk}};
    args.count = count;
    return args;
  }

  /// Least work over `tokens` tokens a row; the rows share what they read.
  [[nodiscard]] Cost attention_cost(double tokens) const {
    const auto entry = static_cast<double>(h.layout.entry_elements()) * sizeof(bf16);
    const std::int64_t width = h.layout.rank * (h.absorbed ? 2 : 1) + h.layout.rope_dim;
    return {.bytes = tokens * entry, .bf16_ops = 2 * tokens * static_cast<double>(n * h.heads * width)};
  }
  [[nodiscard]] Cost indexer_cost(double tokens) const {
    const auto dim = static_cast<double>(h.layout.index_dim);
    return {.bytes = tokens * static_cast<double>(h.layout.keys_page_bytes()) / kPageTokens,
            .int8_ops = 2 * tokens * dim * static_cast<double>(n * h.index_heads)};
  }
};

}  // namespace dsa::bench
