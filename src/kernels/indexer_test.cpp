#include "kernels/indexer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "testing/families.h"

namespace dsa {
namespace {

/// Rows with gaps between them, the heads of a row beside each other.
class Queries {
 public:
  Queries(std::int64_t n, std::int64_t heads, std::int64_t dim) : data_({n, heads * dim}), heads_(heads) {}
  [[nodiscard]] TensorView<float, 3> view() const { return data_.as_heads(heads_); }
  void fill(std::uint64_t seed) { data_.fill(seed).round_to_bf16(); }
  void fill_whole(std::uint64_t seed) { data_.fill(seed, 2).round_to_whole(); }
  void set(float value) { data_.set(value); }

 private:
  test::Padded<2> data_;
  std::int64_t heads_;
};

struct Selected {
  std::vector<std::int32_t> idx, count;
  /// What was selected for row t.
  [[nodiscard]] std::vector<std::int32_t> row(std::int64_t t) const {
    const auto width = static_cast<std::int64_t>(idx.size() / count.size());
    return {idx.begin() + t * width, idx.begin() + (t + 1) * width};
  }
};

class IndexerTest : public test::PerFamily {
 protected:
  static Selected select(Exec& exec, const test::TestCache& cache, const TensorView<const float, 3>& q,
                         const TensorView<const float, 2>& w, std::span<const KvRow> rows, std::int64_t topk,
                         std::int64_t extra = 0) {
    const std::int64_t n = q.dim(0);
    std::int64_t longest = 0;
    for (const KvRow& row : rows) longest = std::max(longest, row.visible);
    std::vector<std::byte> scratch(indexer_scratch_bytes(exec.threads(), longest));
    Selected out{std::vector<std::int32_t>(static_cast<std::size_t>(n * (topk + extra)), -9),
                 std::vector<std::int32_t>(static_cast<std::size_t>(n), -9)};
    kernels().indexer_select(exec, {.q = q,
                                    .w = w,
                                    .kv = cache.view(),
                                    .rows = rows,
                                    .topk = topk,
                                    .idx = {out.idx.data(), {n, topk + extra}},
                                    .count = out.count,
                                    .scratch = scratch});
    return out;
  }
};

KvLayout layout_of(DType type, std::int64_t dim) {
  return {.type = type, .groups = 1, .rank = 3, .rope_dim = 2, .index_dim = dim};
}

/// Small whole numbers in place of the keys.
void make_whole(test::TestCache& cache, std::int64_t sequences, std::int64_t context, std::int64_t dim) {
  for (std::int64_t q = 0; q < sequences; ++q)
    for (std::int64_t s = 0; s < context; ++s)
      for (std::int64_t d = 0; d < dim; ++d) cache.set_key(q, s, d, std::round(2 * cache.key(q, s, d)));
}

/// Scores of row t at the positions it sees, in double.  Of small whole numbers every family's float32 score
/// is the same: a selection then shows the whole formula.
std::vector<float> exact_scores(const test::TestCache& cache, std::int64_t sequence, std::int64_t visible,
                                const Queries& q, const test::Padded<2>& w, std::int64_t t) {
  std::vector<float> scores;
  for (std::int64_t s = 0; s < visible; ++s) {
    double score = 0;
    for (std::int64_t j = 0; j < q.view().dim(1); ++j) {
      double dot = 0;
      for (std::int64_t d = 0; d < q.view().dim(2); ++d)
        dot += static_cast<double>(q.view()(t, j, d)) * static_cast<double>(cache.key(sequence, s, d));
      score += static_cast<double>(w.view()(t, j)) * std::max(dot, 0.0);
    }
    scores.push_back(static_cast<float>(score));
  }
  return scores;
}

/// What topk_select() makes of scores, in `width` places filled up with -1.
std::vector<std::int32_t> best(std::span<const float> scores, std::int64_t topk, std::int64_t width) {
  std::vector<std::int32_t> out(static_cast<std::size_t>(width), -1);
  std::vector<std::byte> scratch(topk_scratch_bytes(static_cast<std::int64_t>(scores.size())));
  topk_select(scores, topk, out, scratch);
  return out;
}

TEST_P(IndexerTest, SelectsByTheFormula) {
  for (const DType type : {DType::bf16, DType::f32})
    for (const std::int64_t dim : {8, 33, 128})
      for (const std::int64_t heads : {1, 5, 64}) {
        constexpr std::int64_t kCtx = 131;
        test::TestCache cache(layout_of(type, dim), 2, kCtx);
        cache.fill(1);
        make_whole(cache, 2, kCtx, dim);
        const std::array<std::int64_t, 4> sequences{0, 1, 0, 1}, visible{131, 1, 64, 65};
        std::vector<KvRow> rows;
        for (std::size_t t = 0; t < 4; ++t) rows.push_back(cache.row(sequences[t], visible[t]));
        Queries q(4, heads, dim);
        test::Padded<2> w({4, heads});
        q.fill_whole(2);
        w.fill(3, 3).round_to_whole();  // both signs
        Exec exec(2);
        for (const std::int64_t topk : {1, 7, 30, 60, 100}) {
          const auto got = select(exec, cache, q.view(), w.view(), rows, topk);
          for (std::size_t t = 0; t < 4; ++t)
            ASSERT_EQ(got.row(t), best(exact_scores(cache, sequences[t], visible[t], q, w, t), topk, topk))
                << "dim " << dim << " heads " << heads << " topk " << topk << " row " << t;
        }
      }
}

TEST_P(IndexerTest, NothingLeftOutIsBetterThanRoundingExplains) {
  for (const DType type : {DType::bf16, DType::f32})
    for (const std::int64_t dim : {33, 128}) {
      constexpr std::int64_t kCtx = 900, kTopk = 300;
      test::TestCache cache(layout_of(type, dim), 1, kCtx);
      cache.fill(1);
      Queries q(1, 16, dim);
      test::Padded<2> w({1, 16});
      q.fill(2);
      w.fill(3);
      Exec exec(1);
      const std::vector<KvRow> row{cache.row(0, kCtx)};
      const auto scores = exact_scores(cache, 0, kCtx, q, w, 0);
      float least = test::kInf, most_left = -test::kInf, size = 0;
      std::vector<bool> chosen(kCtx);
      for (const auto s : select(exec, cache, q.view(), w.view(), row, kTopk).idx) chosen[s] = true;
      for (std::size_t s = 0; s < kCtx; ++s) {
        float& bound = chosen[s] ? least : most_left;
        bound = chosen[s] ? std::min(bound, scores[s]) : std::max(bound, scores[s]);
        size = std::max(size, std::abs(scores[s]));
      }
      EXPECT_GE(least, most_left - 1e-5F * size) << "dim " << dim;
    }
}

TEST_P(IndexerTest, ReluComesBeforeTheWeight) {
  test::TestCache cache(layout_of(DType::f32, 2), 1, 2);
  cache.fill(1);
  for (std::int64_t s = 0; s < 2; ++s)
    for (std::int64_t d = 0; d < 2; ++d) cache.set_key(0, s, d, s == 0 ? 1.0F : 0.0F);
  Queries q(1, 2, 2);
  test::Padded<2> w({1, 2});
  q.set(0);
  q.view()(0, 0, 0) = 3;
  q.view()(0, 1, 1) = 1;
  w.view()(0, 0) = -2;
  w.view()(0, 1) = 4;
  Exec exec(1);
  const std::vector<KvRow> rows{cache.row(0, 2)};
  // Position 0: -2 relu(3) + 4 relu(1) = -2.  Position 1: 0.  (After the weight it would be 4 and 0.)
  EXPECT_EQ(select(exec, cache, q.view(), w.view(), rows, 1).idx, (std::vector<std::int32_t>{1}));
}

TEST_P(IndexerTest, EqualKeysScoreTheSameWhereverTheyLie) {
  for (const DType type : {DType::bf16, DType::f32})
    for (const std::int64_t heads : {1, 7}) {
      constexpr std::int64_t kDim = 65;
      test::TestCache cache(layout_of(type, kDim), 1, 300);
      cache.fill(4);
      for (std::int64_t s = 1; s < 300; ++s)
        for (std::int64_t d = 0; d < kDim; ++d) cache.set_key(0, s, d, cache.key(0, 0, d));
      Queries q(1, heads, kDim);
      test::Padded<2> w({1, heads});
      q.fill(5);
      w.fill(6);
      Exec exec(1);
      for (const std::int64_t visible : {2, 17, 63, 64, 65, 129, 300})
        for (std::int64_t topk = 1; topk < visible; topk += topk + 1) {
          std::vector<std::int32_t> first(static_cast<std::size_t>(topk));
          std::iota(first.begin(), first.end(), 0);
          const std::vector<KvRow> row{cache.row(0, visible)};
          ASSERT_EQ(select(exec, cache, q.view(), w.view(), row, topk).idx, first)
              << visible << " visible, " << topk;
        }
    }
}

TEST_P(IndexerTest, SelectsAcrossPagesAndTies) {
  for (const DType type : {DType::bf16, DType::f32}) {
    constexpr std::int64_t kCtx = 1500;
    test::TestCache cache(layout_of(type, 32), 1, kCtx);
    cache.fill(7);
    make_whole(cache, 1, kCtx, 32);
    // Equal keys give equal scores: a plateau of ties across page borders.
    for (std::int64_t s = 100; s < 400; ++s)
      for (std::int64_t d = 0; d < 32; ++d) cache.set_key(0, s, d, 1);
    const std::vector<std::int64_t> visible{1, 49, 50, 51, 64, 129, 450, 1500};
    std::vector<KvRow> rows;
    for (const std::int64_t v : visible) rows.push_back(cache.row(0, v));
    const auto n = static_cast<std::int64_t>(rows.size());
    Queries q(n, 4, 32);
    test::Padded<2> w({n, 4});
    q.fill_whole(8);
    w.fill(9, 3).round_to_whole();
    for (const int threads : test::kThreadCounts)
      for (const std::int64_t topk : {1, 50, 200}) {
        Exec exec(threads);
        const auto got = select(exec, cache, q.view(), w.view(), rows, topk, /*extra=*/3);
        for (std::size_t t = 0; t < rows.size(); ++t) {
          EXPECT_EQ(got.count[t], std::min(topk, visible[t]));
          ASSERT_EQ(got.row(t), best(exact_scores(cache, 0, visible[t], q, w, t), topk, topk + 3))
              << "visible " << visible[t] << " topk " << topk;
        }
      }
  }
}

// Long rows go by a threshold from a sample, and one that comes alone is searched by all threads.
TEST_P(IndexerTest, SelectsFromLongRows) {
  constexpr std::int64_t kCtx = 9001;
  test::TestCache cache(layout_of(DType::bf16, 8), 2, kCtx);
  cache.fill(21);
  make_whole(cache, 1, kCtx, 8);
  for (std::int64_t s = 3000; s < 5500; ++s)  // more equal scores than are wanted
    for (std::int64_t d = 0; d < 8; ++d) cache.set_key(0, s, d, 1);
  for (std::int64_t s = 0; s < kCtx; ++s)  // all of the best in one place
    for (std::int64_t d = 0; d < 8; ++d) cache.set_key(1, s, d, s < 700 ? 1.0F + 0.001F * s : 0.0F);
  Queries q(1, 2, 8);
  test::Padded<2> w({1, 2});
  q.set(1);
  w.set(1);
  for (const std::int64_t sequence : {0, 1}) {
    const auto scores = exact_scores(cache, sequence, kCtx, q, w, 0);
    for (const std::int64_t visible : {2047, 2048, 4095, 4096, 6143, 9001}) {
      const std::vector<KvRow> row{cache.row(sequence, visible)};
      for (const std::int64_t topk : {1, 512, 2000}) {
        const auto expected = best(std::span(scores).first(static_cast<std::size_t>(visible)), topk, topk);
        for (const int threads : test::kThreadCounts) {
          Exec exec(threads);
          ASSERT_EQ(select(exec, cache, q.view(), w.view(), row, topk).idx, expected)
              << "sequence " << sequence << " visible " << visible << " topk " << topk << " threads "
              << threads;
        }
      }
    }
  }
}

TEST_P(IndexerTest, ShortRowsReadNoKey) {
  // Every key is NaN: a row that sees at most topk tokens selects all of them without looking.
  test::TestCache cache(layout_of(DType::bf16, 16), 1, 10);
  Queries q(2, 1, 16);
  test::Padded<2> w({2, 1});
  q.fill(1);
  w.fill(2);
  Exec exec(1);
  const std::vector<KvRow> rows{cache.row(0, 3), cache.row(0, 4)};
  const auto got = select(exec, cache, q.view(), w.view(), rows, 4);
  EXPECT_EQ(got.idx, (std::vector<std::int32_t>{0, 1, 2, -1, 0, 1, 2, 3}));
  EXPECT_EQ(got.count, (std::vector<std::int32_t>{3, 4}));
}

TEST_P(IndexerTest, NaNAndInfinityInKeys) {
  test::TestCache cache(layout_of(DType::f32, 8), 1, 70);
  cache.fill(3);
  Queries q(1, 1, 8);
  test::Padded<2> w({1, 1});
  q.set(1);
  w.set(1);
  cache.set_key(0, 5, 3, test::kNaN);   // its score is NaN, which counts as -inf: never among the best
  cache.set_key(0, 66, 0, test::kInf);  // the very best
  Exec exec(1);
  const std::vector<KvRow> rows{cache.row(0, 70)};
  EXPECT_EQ(select(exec, cache, q.view(), w.view(), rows, 1).idx[0], 66);
  const auto most = select(exec, cache, q.view(), w.view(), rows, 69).idx;
  EXPECT_EQ(std::count(most.begin(), most.end(), 5), 0);
}

TEST_P(IndexerTest, RowsAreIndependent) {
  constexpr std::int64_t kCtx = 500;
  test::TestCache cache(layout_of(DType::bf16, 64), 3, kCtx);
  cache.fill(11);
  Queries q(9, 8, 64);
  test::Padded<2> w({9, 8});
  q.fill(12);
  w.fill(13);
  std::vector<KvRow> rows;
  for (std::int64_t t = 0; t < 9; ++t) rows.push_back(cache.row(t % 3, 60 + 50 * t));
  test::expect_rows_independent(9, [&](Exec& exec, std::int64_t first, std::int64_t count) {
    const auto got = select(exec, cache, q.view().slice(first, count), w.view().slice(first, count),
                            std::span(rows).subspan(first, count), 70);
    return std::vector<float>(got.idx.begin(), got.idx.end());
  });
}

TEST_P(IndexerTest, RowsOfOneSequenceComeInAnyOrder) {
  // Neighbours may be scored together: each sees its own part, whichever of them sees most.
  test::TestCache cache(layout_of(DType::bf16, 64), 1, 200);
  cache.fill(21);
  Queries q(12, 8, 64);
  test::Padded<2> w({12, 8});
  q.fill(22);
  w.fill(23);
  std::vector<KvRow> rows;
  for (const std::int64_t visible : {101, 104, 103, 102, 150, 199, 120, 160, 90, 91, 200, 71})
    rows.push_back(cache.row(0, visible));
  test::expect_rows_independent(12, [&](Exec& exec, std::int64_t first, std::int64_t count) {
    const auto got = select(exec, cache, q.view().slice(first, count), w.view().slice(first, count),
                            std::span(rows).subspan(first, count), 70);
    return std::vector<float>(got.idx.begin(), got.idx.end());
  });
}

TEST_P(IndexerTest, NoRows) {
  test::TestCache cache(layout_of(DType::bf16, 16), 1, 1);
  Queries q(0, 2, 16);
  test::Padded<2> w({0, 2});
  Exec exec(2);
  EXPECT_TRUE(select(exec, cache, q.view(), w.view(), {}, 4).idx.empty());
}

DSA_FOR_EACH_FAMILY(IndexerTest);

}  // namespace
}  // namespace dsa
