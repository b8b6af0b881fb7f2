#include "kernels/indexer.h"

#include "testing/families.h"

namespace dsa {
namespace {

/// Rows with gaps between them, the heads of a row beside each other.
class Queries {
 public:
  Queries(std::int64_t n, std::int64_t heads, std::int64_t dim) : data_({n, heads * dim}), heads_(heads) {}
  [[nodiscard]] TensorView<float, 3> view() const { return data_.as_heads(heads_); }
  void fill(std::uint64_t seed) { data_.fill(seed).round_to_bf16(); }
  void set(float value) { data_.set(value); }

 private:
  test::Padded<2> data_;
  std::int64_t heads_;
};

class IndexerTest : public test::PerFamily {
 protected:
  static std::vector<float> scores(Exec& exec, const test::TestCache& cache, const Queries& q,
                                   test::Padded<2>& w, std::span<const KvRow> rows, std::int64_t first,
                                   std::int64_t count) {
    test::Padded<2> out({q.view().dim(0), count});
    kernels().indexer_scores(exec, {.q = q.view(),
                                    .w = w.view(),
                                    .kv = cache.view(),
                                    .rows = rows,
                                    .first = first,
                                    .scores = out.view()});
    EXPECT_TRUE(out.gaps_untouched());
    return out.values();
  }

  struct Selected {
    std::vector<std::int32_t> idx, count;
  };
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

double exact_score(const test::TestCache& cache, std::int64_t sequence, std::int64_t s, const Queries& q,
                   const test::Padded<2>& w, std::int64_t t) {
  double score = 0;
  for (std::int64_t j = 0; j < q.view().dim(1); ++j) {
    double dot = 0;
    for (std::int64_t d = 0; d < q.view().dim(2); ++d)
      dot += static_cast<double>(q.view()(t, j, d)) * cache.key(sequence, s, d);
    score += w.view()(t, j) * std::max(dot, 0.0);
  }
  return score;
}

TEST_P(IndexerTest, ScoresAreTheFormula) {
  for (const DType type : {DType::bf16, DType::f32})
    for (const std::int64_t dim : {8, 33, 128})
      for (const std::int64_t heads : {1, 5, 64}) {
        constexpr std::int64_t kCtx = 131;
        test::TestCache cache(layout_of(type, dim), 2, kCtx);
        cache.fill(1);
        const std::vector<KvRow> rows{cache.row(0, 131), cache.row(1, 1), cache.row(0, 64), cache.row(1, 65)};
        const std::array<std::int64_t, 4> sequences{0, 1, 0, 1};
        Queries q(4, heads, dim);
        test::Padded<2> w({4, heads});
        q.fill(2);
        w.fill(3);  // both signs
        Exec exec(2);
        for (const std::int64_t first : {0, 63, 100})
          for (const std::int64_t count : {1, 31, 70}) {
            const auto got = scores(exec, cache, q, w, rows, first, count);
            std::vector<float> expected;
            for (std::int64_t t = 0; t < 4; ++t)
              for (std::int64_t s = first; s < first + count; ++s)
                expected.push_back(s < rows[t].visible
                                       ? static_cast<float>(exact_score(cache, sequences[t], s, q, w, t))
                                       : -test::kInf);
            ASSERT_TRUE(test::close(TensorView<const float, 2>(got.data(), {4, count}),
                                    TensorView<const float, 2>(expected.data(), {4, count}), {2e-5, 1e-5}))
                << "dim " << dim << " heads " << heads << " first " << first;
          }
      }
}

TEST_P(IndexerTest, ReluComesBeforeTheWeight) {
  test::TestCache cache(layout_of(DType::f32, 2), 1, 2);
  cache.fill(1);
  for (std::int64_t s = 0; s < 2; ++s) {
    cache.set_key(0, s, 0, s == 0 ? 1.0F : -1.0F);
    cache.set_key(0, s, 1, 0);
  }
  Queries q(1, 2, 2);
  test::Padded<2> w({1, 2});
  q.set(0);
  q.view()(0, 0, 0) = 3;
  q.view()(0, 1, 0) = -5;
  w.view()(0, 0) = -2;
  w.view()(0, 1) = 4;
  Exec exec(1);
  const std::vector<KvRow> rows{cache.row(0, 2)};
  EXPECT_EQ(scores(exec, cache, q, w, rows, 0, 2), (std::vector<float>{-6, 20}));
}

TEST_P(IndexerTest, ScoreDependsOnItsRowAndKeyAlone) {
  test::TestCache cache(layout_of(DType::bf16, 64), 1, 300);
  cache.fill(4);
  Queries q(1, 7, 64);
  test::Padded<2> w({1, 7});
  q.fill(5);
  w.fill(6);
  Exec exec(1);
  const std::vector<KvRow> rows{cache.row(0, 300)};
  const auto all = scores(exec, cache, q, w, rows, 0, 300);
  for (const std::int64_t first : {1, 17, 63, 64, 129})
    for (const std::int64_t count : {1, 3, 8, 65, 171}) {
      const auto part = scores(exec, cache, q, w, rows, first, count);
      EXPECT_TRUE(test::same_bits(part, std::span(all).subspan(first, count))) << first << " + " << count;
    }
}

TEST_P(IndexerTest, SelectsWhatScoresAndTopkSelect) {
  for (const DType type : {DType::bf16, DType::f32}) {
    constexpr std::int64_t kCtx = 1500;
    test::TestCache cache(layout_of(type, 32), 1, kCtx);
    cache.fill(7);
    // Equal keys give equal scores: a plateau of ties across page borders.
    for (std::int64_t s = 100; s < 400; ++s)
      for (std::int64_t d = 0; d < 32; ++d) cache.set_key(0, s, d, 0.5F);
    std::vector<KvRow> rows;
    for (const std::int64_t visible : {1, 49, 50, 51, 64, 129, 450, 1500})
      rows.push_back(cache.row(0, visible));
    const auto n = static_cast<std::int64_t>(rows.size());
    Queries q(n, 4, 32);
    test::Padded<2> w({n, 4});
    q.fill(8);
    w.fill(9);
    for (const int threads : test::kThreadCounts)
      for (const std::int64_t topk : {1, 50, 200}) {
        Exec exec(threads);
        const auto all = scores(exec, cache, q, w, rows, 0, kCtx);
        const auto got = select(exec, cache, q.view(), w.view(), rows, topk, /*extra=*/3);
        for (std::int64_t t = 0; t < n; ++t) {
          const std::span<const float> visible(all.data() + t * kCtx,
                                               static_cast<std::size_t>(rows[t].visible));
          std::vector<std::int32_t> expected(static_cast<std::size_t>(topk + 3), -1);
          std::vector<std::byte> scratch(topk_scratch_bytes(rows[t].visible));
          const std::int64_t count = topk_select(visible, topk, expected, scratch);
          EXPECT_EQ(got.count[t], count);
          const std::vector<std::int32_t> row(got.idx.begin() + t * (topk + 3),
                                              got.idx.begin() + (t + 1) * (topk + 3));
          ASSERT_EQ(row, expected) << "visible " << rows[t].visible << " topk " << topk;
        }
      }
  }
}

// Long rows go by a threshold from a sample, and one that comes alone is searched by all threads.
TEST_P(IndexerTest, SelectsFromLongRows) {
  constexpr std::int64_t kCtx = 9001;
  test::TestCache cache(layout_of(DType::bf16, 8), 2, kCtx);
  cache.fill(21);
  for (std::int64_t s = 3000; s < 5500; ++s)  // more equal scores than are wanted
    for (std::int64_t d = 0; d < 8; ++d) cache.set_key(0, s, d, 0.25F);
  for (std::int64_t s = 0; s < kCtx; ++s)  // all of the best in one place
    for (std::int64_t d = 0; d < 8; ++d) cache.set_key(1, s, d, s < 700 ? 1.0F + 0.001F * s : 0.0F);
  Queries q(1, 2, 8);
  test::Padded<2> w({1, 2});
  q.set(1);
  w.set(1);
  for (const std::int64_t sequence : {0, 1})
    for (const std::int64_t visible : {2047, 2048, 4095, 4096, 6143, 9001}) {
      const std::vector<KvRow> row{cache.row(sequence, visible)};
      Exec one(1);
      const auto all = scores(one, cache, q, w, row, 0, visible);
      for (const std::int64_t topk : {1, 512, 2000}) {
        std::vector<std::int32_t> expected(static_cast<std::size_t>(topk));
        std::vector<std::byte> scratch(topk_scratch_bytes(visible));
        topk_select(all, topk, expected, scratch);
        for (const int threads : test::kThreadCounts) {
          Exec exec(threads);
          ASSERT_EQ(select(exec, cache, q.view(), w.view(), row, topk, 0).idx, expected)
              << "sequence " << sequence << " visible " << visible << " topk " << topk << " threads "
              << threads;
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
  cache.set_key(0, 5, 3, test::kNaN);   // counts as -inf: never among the best
  cache.set_key(0, 66, 0, test::kInf);  // the very best
  Exec exec(1);
  const std::vector<KvRow> rows{cache.row(0, 70)};
  const auto all = scores(exec, cache, q, w, rows, 0, 70);
  EXPECT_TRUE(std::isnan(all[5]));
  EXPECT_EQ(all[66], test::kInf);
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
  EXPECT_TRUE(scores(exec, cache, q, w, {}, 0, 5).empty());
}

DSA_FOR_EACH_FAMILY(IndexerTest);

}  // namespace
}  // namespace dsa
