// Grouped latent attention (docs/architecture.md, "One attention, every model"),
// dense over a range or sparse over a list.
#pragma once

#include <algorithm>

#include "exec/exec.h"
#include "kernels/types.h"

namespace dsa {

/// Head h belongs to group g = h / (heads / groups).
///   score[t, h, s] = scale * ( q_c[t, h] . c[s, g] + q_pe[t, h] . k_pe[s, g] )
///   out[t, h]      = sum_s softmax_s(score)[s] * c[s, g]
/// s runs over [0, rows[t].visible) (dense: idx empty) or over idx[t, 0 .. count[t]) (sparse; ascending).
/// An index < 0 or >= visible is no token.  A row without any token writes out = 0.
/// Queries are float32, a cache of BF16 is widened exactly, products and sums are float32; but under
/// Compute::automatic a family with BF16 products (KernelTable::bf16_products) rounds queries and weights to
/// BF16 (nearest even) where the cache is BF16.
/// The softmax runs over blocks of kPageTokens consecutive positions (dense) or selection ranks (sparse) in
/// ascending order, partial results of segments (below) merged in ascending order: the result depends on the
/// row and its tokens alone, never on n, its neighbours or the thread count; a list of all visible positions
/// gives exactly the dense result.
struct AttentionArgs {
  TensorView<const float, 3> q_c;   // [n, heads, rank], or empty (GQA: c takes no part in the score)
  TensorView<const float, 3> q_pe;  // [n, heads, rope_dim]
  KvView kv;
  std::span<const KvRow> rows;            // [n]
  TensorView<const std::int32_t, 2> idx;  // [n, topk], or empty: dense
  std::span<const std::int32_t> count;    // [n] valid entries of idx, or empty: dense
  float scale = 1;
  Compute compute = Compute::automatic;
  TensorView<float, 3> out;      // [n, heads, rank]; may not alias the queries
  std::span<std::byte> scratch;  // >= attention_scratch_bytes(...)
};

/// The segments of a row, each the work of one thread: fixed, never by threads.  Short ones at first, so that
/// a selection of some hundred tokens is shared out; then long ones, so that partial results stay few.
inline constexpr std::int64_t kShortSegment = 256, kShortSegments = 8, kAttentionSegment = 1024;
/// The first position or rank of segment i.
constexpr std::int64_t attention_segment_start(std::int64_t i) {
  return i <= kShortSegments ? i * kShortSegment
                             : kShortSegments * kShortSegment + (i - kShortSegments) * kAttentionSegment;
}
/// Segments of a row of `tokens` positions or ranks.
constexpr std::int64_t attention_segments(std::int64_t tokens) {
  constexpr std::int64_t kShort = kShortSegments * kShortSegment;
  if (tokens <= kShort) return (tokens + kShortSegment - 1) / kShortSegment;
  return kShortSegments + (tokens - kShort + kAttentionSegment - 1) / kAttentionSegment;
}

/// A call of at most this many rows may split a row's segments over threads;
/// with more rows one thread does a whole row.
inline constexpr std::int64_t kAttentionSplitRows = 16;

/// What the partial results of one call may take: at long contexts fewer rows than kAttentionSplitRows are
/// then split, and a single one always may be.
inline constexpr std::int64_t kAttentionPartialFloats = std::int64_t{16} << 20;

/// Enough for every family: per thread one row's scores, and per segment of every (row, head)
/// of a call that splits rows a partial result (rank + 48 floats).
/// A call whose partial results find no room has one thread do a whole row, with the same result.
constexpr std::size_t attention_scratch_bytes(int threads, std::int64_t n, std::int64_t heads,
                                              std::int64_t rank, std::int64_t rope_dim,
                                              std::int64_t longest) {
  const std::int64_t segments = attention_segments(longest);
  const std::int64_t rows = n < kAttentionSplitRows ? n : kAttentionSplitRows;
  const std::int64_t one_row = segments > 1 ? heads * segments * (rank + 48) : 0;
  const std::int64_t partial = std::max(one_row, std::min(rows * one_row, kAttentionPartialFloats));
  const std::int64_t thread = heads * (rank + rope_dim + 256) + kAttentionSegment * (rank + rope_dim + 64);
  return static_cast<std::size_t>(partial + threads * thread) * 4 + 4096;
}

/// Writes entries into the cache: row t goes to position rows[t].visible - 1 of its sequence.  c and k_pe are
/// rounded to the cache's type (nearest even), keys in int8 by q8_row() (kernels/quantize.h).
/// c is [n, groups, rank], k_pe [n, groups, rope_dim], key [n, index_dim] or empty.
struct CacheWriteArgs {
  TensorView<const float, 3> c;
  TensorView<const float, 3> k_pe;
  TensorView<const float, 2> key;
  KvView kv;
  std::span<const KvRow> rows;
};

}  // namespace dsa
