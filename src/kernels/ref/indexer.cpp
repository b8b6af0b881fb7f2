#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "kernels/dequantize.h"
#include "kernels/ref/ref.h"
#include "kernels/scratch.h"

namespace dsa {
namespace {

/// One query against positions [first, first + out.size()), all of them visible.
void score_row(TensorView<const float, 3> q, TensorView<const float, 2> w, std::int64_t t, const KvView& kv,
               const KvRow& row, std::int64_t first, std::span<float> out) {
  const std::int64_t dim = q.dim(2);
  std::array<float, kMaxIndexDim> key;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t s = first + static_cast<std::int64_t>(i);
    for (std::int64_t d = 0; d < dim; ++d)
      dequantize(kv.layout.type, kv.key(row.pages[s / kPageTokens], s % kPageTokens, d),
                 std::span(key).subspan(static_cast<std::size_t>(d), 1));
    double score = 0;
    for (std::int64_t j = 0; j < q.dim(1); ++j) {
      const float* query = q.row(t, j);
      double dot = 0;
      for (std::int64_t d = 0; d < dim; ++d) dot += static_cast<double>(query[d]) * key[d];
      score += w(t, j) * (dot < 0 ? 0.0 : dot);  // NaN stays NaN
    }
    out[i] = static_cast<float>(score);
  }
}

void check(const TensorView<const float, 3>& q, const TensorView<const float, 2>& w, const KvView& kv,
           std::span<const KvRow> rows) {
  DSA_CHECK(w.rows() == q.dim(0) && w.cols() == q.dim(1));
  DSA_CHECK(kv.layout.index_dim == q.dim(2) && q.dim(2) <= kMaxIndexDim);
  DSA_CHECK(static_cast<std::int64_t>(rows.size()) == q.dim(0));
  DSA_CHECK(q.dim(1) <= 1 || q.stride(1) == q.dim(2));
}

}  // namespace

void ref::indexer_scores(Exec& exec, const IndexerScoresArgs& args) {
  check(args.q, args.w, args.kv, args.rows);
  DSA_CHECK(args.scores.rows() == args.q.dim(0));
  exec.parallel_for(args.q.dim(0), 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      const auto out = args.scores.span(t);
      const auto seen = std::clamp<std::int64_t>(args.rows[t].visible - args.first, 0, args.scores.cols());
      const auto visible = out.first(static_cast<std::size_t>(seen));
      score_row(args.q, args.w, t, args.kv, args.rows[t], args.first, visible);
      std::fill(out.begin() + seen, out.end(), -std::numeric_limits<float>::infinity());
    }
  });
}

void ref::indexer_select(Exec& exec, const IndexerSelectArgs& args) {
  check(args.q, args.w, args.kv, args.rows);
  const std::int64_t n = args.q.dim(0);
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
        score_row(args.q, args.w, t, args.kv, args.rows[t], 0, scores);
        chosen = topk_select(scores, args.topk, idx, scratch);
      }
      args.count[t] = static_cast<std::int32_t>(chosen);
      std::fill(idx.begin() + chosen, idx.end(), -1);
    }
  });
}

}  // namespace dsa
