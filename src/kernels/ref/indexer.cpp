#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <iterator>
#include <numeric>

#include "kernels/dequantize.h"
#include "kernels/quantize.h"
#include "kernels/ref/ref.h"
#include "kernels/scratch.h"

namespace dsa {
namespace {

/// Scores of row t at positions [0, out.size()), all of them visible.
void score_row(const IndexerSelectArgs& args, std::int64_t t, std::span<float> out) {
  const std::int32_t* pages = args.rows[t].pages;
  const std::int64_t dim = args.q.dim(2);
  std::array<float, kMaxIndexDim> key;
  for (std::int64_t s = 0; s < std::ssize(out); ++s) {
    for (std::int64_t d = 0; d < dim; ++d)
      dequantize(args.kv.layout.type, args.kv.key(pages[s / kPageTokens], s % kPageTokens, d),
                 std::span(key).subspan(static_cast<std::size_t>(d), 1));
    double score = 0;
    for (std::int64_t j = 0; j < args.q.dim(1); ++j) {
      const float* query = args.q.row(t, j);
      double dot = 0;
      for (std::int64_t d = 0; d < dim; ++d) dot += static_cast<double>(query[d]) * key[d];
      score += args.w(t, j) * (dot < 0 ? 0.0 : dot);  // NaN stays NaN
    }
    out[s] = static_cast<float>(score);
  }
}

/// The same over keys in int8, to the bit what every family has.
void score_row_int8(const IndexerSelectArgs& args, std::int64_t t, std::span<float> out) {
  const std::int32_t* pages = args.rows[t].pages;
  const std::int64_t dim = args.q.dim(2);
  std::fill(out.begin(), out.end(), 0.0F);
  std::array<std::int8_t, kMaxIndexDim> q;
  for (std::int64_t j = 0; j < args.q.dim(1); ++j) {
    const auto size = static_cast<std::size_t>(dim);
    const float w = args.w(t, j) * q8_row({args.q.row(t, j), size}, std::span(q).first(size));
    for (std::int64_t s = 0; s < std::ssize(out); ++s) {
      std::int32_t dot = 0;
      for (std::int64_t d = 0; d < dim; ++d)
        dot += q[static_cast<std::size_t>(d)] *
               static_cast<std::int8_t>(*args.kv.key(pages[s / kPageTokens], s % kPageTokens, d));
      out[s] = std::fma(w, static_cast<float>(std::max(dot, 0)), out[s]);
    }
  }
  for (std::int64_t s = 0; s < std::ssize(out); ++s) {
    float scale = 0;
    std::memcpy(&scale,
                args.kv.key_word(pages[s / kPageTokens], s % kPageTokens, args.kv.layout.key_words() - 1),
                sizeof scale);
    out[s] *= scale;
  }
}

}  // namespace

void ref::indexer_select(Exec& exec, const IndexerSelectArgs& args) {
  const std::int64_t n = args.q.dim(0);
  DSA_CHECK(args.w.rows() == n && args.w.cols() == args.q.dim(1));
  DSA_CHECK(args.kv.layout.index_dim == args.q.dim(2) && args.q.dim(2) <= kMaxIndexDim);
  DSA_CHECK(static_cast<std::int64_t>(args.rows.size()) == n);
  DSA_CHECK(args.q.dim(1) <= 1 || args.q.stride(1) == args.q.dim(2));
  DSA_CHECK(args.topk >= 1 && args.idx.rows() == n && args.idx.cols() >= args.topk);
  DSA_CHECK(static_cast<std::int64_t>(args.count.size()) == n);
  std::int64_t longest = 0;
  for (const KvRow& row : args.rows) longest = std::max(longest, row.visible);
  const std::size_t each = indexer_scratch_bytes(1, longest);
  exec.parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end, int rank) {
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t visible = args.rows[t].visible;
      const auto idx = args.idx.span(t);
      std::int64_t chosen = visible;
      if (visible <= args.topk) {
        std::iota(idx.begin(), idx.begin() + visible, 0);
      } else {
        DSA_CHECK(args.scratch.size() >= each * static_cast<std::size_t>(rank + 1));
        auto scratch = args.scratch.subspan(each * static_cast<std::size_t>(rank), each);
        const auto scores = take<float>(scratch, visible);
        (args.kv.layout.int8_keys ? score_row_int8 : score_row)(args, t, scores);
        chosen = topk_select(scores, args.topk, idx, scratch);
      }
      args.count[t] = static_cast<std::int32_t>(chosen);
      std::fill(idx.begin() + chosen, idx.end(), -1);
    }
  });
}

}  // namespace dsa
