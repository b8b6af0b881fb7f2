// The lightning indexer: scores of all visible tokens and the selection of the best.
#pragma once

#include "exec/exec.h"
#include "kernels/types.h"

namespace dsa {

inline constexpr std::int64_t kMaxIndexDim = 1024;  // lets a family widen a key on the stack

/// The `topk` highest of scores[0 .. count), ties to the lower position; NaN counts as -inf.
/// Writes positions in ascending order, min(topk, count) of them, and returns how many.  -inf scores are
/// eligible (last, lowest position first).  Exact and deterministic.  `scratch` >= topk_scratch_bytes(count).
std::int64_t topk_select(std::span<const float> scores, std::int64_t topk, std::span<std::int32_t> out,
                         std::span<std::byte> scratch);
constexpr std::size_t topk_scratch_bytes(std::int64_t count) {
  return static_cast<std::size_t>(count) * 8 + 64;
}

/// Selects, for each row, the `topk` positions with the highest scores
///   score[t, s] = sum_j w[t, j] * relu(q[t, j] . key[s])    for s in [0, rows[t].visible)
/// (inference/kernel.py fp8_index; docs/checkpoints.md).  All constant factors are folded into w.
/// ReLU comes before the head weight; w may be negative.  relu(NaN) is NaN.
/// float32 (a family with BF16 products rounds q to BF16 where the cache is BF16), head sums in ascending j.
/// Over int8_keys, of scale k[s]: q8_row() makes int8 of each q[t, j] with a scale q'[t, j], and
///   score[t, s] = k[s] * sum_j (w[t, j] * q'[t, j]) * relu(int8 dot product, exact),
/// each term added by one FMA: the same bits in every family.
/// A score depends on nothing but its query row and its key: not on n or the thread count.  Which are the
/// highest: topk_select().  If rows[t].visible <= topk all of [0, visible) is selected and nothing is scored.
/// Never holds per-head scores, nor the scores of more than kIndexRows rows a thread.
struct IndexerSelectArgs {
  TensorView<const float, 3> q;  // [n, heads, dim <= kMaxIndexDim], rotated; a row's heads touch
  TensorView<const float, 2> w;  // [n, heads]
  KvView kv;                     // keys: layout.index_dim == dim
  std::span<const KvRow> rows;   // [n]
  std::int64_t topk = 0;         // >= 1
  Compute compute = Compute::automatic;
  TensorView<std::int32_t, 2> idx;  // [n, >= topk]: ascending positions; entries past count[t] are set to -1
  std::span<std::int32_t> count;    // [n]
  std::span<std::byte> scratch;     // >= indexer_scratch_bytes(threads, longest visible)
};
inline constexpr std::int64_t kIndexRows = 4;  // rows that a thread may score together
constexpr std::size_t indexer_scratch_bytes(int threads, std::int64_t visible) {
  const std::int64_t padded = (visible + 1023) / 1024 * 1024;
  return static_cast<std::size_t>(threads) *
         (static_cast<std::size_t>(kIndexRows * padded) * 4 + topk_scratch_bytes(padded) + 4096);
}

}  // namespace dsa
