// Index keys in int8: what the cache holds, and that every family selects to the bit what the formula says.
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/quantize.h"
#include "kernels/ref/ref.h"
#include "testing/families.h"

namespace dsa {
namespace {

KvLayout layout_of(std::int64_t dim) {
  return {.type = DType::bf16, .groups = 1, .rank = 3, .rope_dim = 2, .index_dim = dim, .int8_keys = true};
}

class Int8KeysTest : public test::PerFamily {
 protected:
  /// Keys of positions [0, keys.rows()) of sequence 0.
  static void write(const KernelTable& by, test::TestCache& cache, const TensorView<const float, 2>& keys) {
    const std::int64_t n = keys.rows();
    test::Padded<3> c({n, 1, 3}), k_pe({n, 1, 2});
    c.fill(1), k_pe.fill(2);
    std::vector<KvRow> rows;
    for (std::int64_t s = 0; s < n; ++s) rows.push_back(cache.row(0, s + 1));
    Exec exec(2);
    by.cache_write(exec, {.c = c.view(), .k_pe = k_pe.view(), .key = keys, .kv = cache.view(), .rows = rows});
  }

  static std::vector<std::int32_t> select(const KernelTable& by, int threads, const test::TestCache& cache,
                                          const TensorView<const float, 3>& q,
                                          const TensorView<const float, 2>& w, std::span<const KvRow> rows,
                                          std::int64_t topk) {
    std::int64_t longest = 0;
    for (const KvRow& row : rows) longest = std::max(longest, row.visible);
    const auto n = static_cast<std::int64_t>(rows.size());
    std::vector<std::byte> scratch(indexer_scratch_bytes(threads, longest));
    std::vector<std::int32_t> idx(rows.size() * static_cast<std::size_t>(topk)), count(rows.size());
    Exec exec(threads);
    by.indexer_select(exec, {.q = q,
                             .w = w,
                             .kv = cache.view(),
                             .rows = rows,
                             .topk = topk,
                             .idx = {idx.data(), {n, topk}},
                             .count = count,
                             .scratch = scratch});
    return idx;
  }
};

TEST_P(Int8KeysTest, TheCacheHoldsWhatQ8RowSays) {
  for (const std::int64_t dim : {1, 3, 8, 33, 128, 1024}) {
    test::TestCache cache(layout_of(dim), 1, 70), expected(layout_of(dim), 1, 70);
    test::Padded<2> keys({70, dim});
    keys.fill(3);
    for (std::int64_t i = 0; i < dim; ++i) keys.view()(1, i) = 0;
    keys.view()(2, dim - 1) = test::kNaN;
    keys.view()(3, 0) = test::kInf;
    for (std::int64_t i = 0; i < dim; ++i) keys.view()(4, i) *= 1e-42F;
    write(kernels(), cache, keys.view());
    write(kRefKernels, expected, keys.view());
    EXPECT_EQ(cache.bytes(), expected.bytes()) << dim;
    std::vector<std::int8_t> q(static_cast<std::size_t>(dim));
    for (const std::int64_t s : {0, 1, 4, 63, 64, 69}) {
      const float scale = q8_row(keys.view().span(s), q);
      float kept = 0;
      std::memcpy(&kept, expected.view().key_word(cache.row(0, 1).pages[s / 64], s % 64, (dim + 3) / 4),
                  sizeof kept);
      EXPECT_TRUE(test::same_bits({&kept, 1}, {&scale, 1})) << dim << " of " << s;
      for (std::int64_t i = 0; i < dim; ++i)
        ASSERT_EQ(static_cast<std::int8_t>(*expected.view().key(cache.row(0, 1).pages[s / 64], s % 64, i)),
                  q[static_cast<std::size_t>(i)]);
    }
  }
}

// With 127 the largest of every key and query the scales are 1, and scores whole numbers that float32 holds.
TEST_P(Int8KeysTest, SelectsByTheFormula) {
  constexpr std::int64_t kCtx = 700;
  for (const std::int64_t dim : {1, 8, 33})
    for (const std::int64_t heads : {1, 5}) {
      test::Padded<2> keys({kCtx, dim}), w({2, heads}), queries({2, heads * dim});
      const auto q = queries.as_heads(heads);
      const auto whole = [&](float* x, std::uint64_t seed) {
        test::Padded<1> drawn({dim});
        drawn.fill(seed, 127).round_to_whole();
        for (std::int64_t i = 0; i < dim; ++i) x[i] = std::clamp(drawn.view().data()[i], -127.0F, 127.0F);
        x[seed % static_cast<std::uint64_t>(dim)] = seed % 3 == 0 ? 127.0F : -127.0F;
      };
      for (std::int64_t s = 0; s < kCtx; ++s) whole(keys.view().row(s), static_cast<std::uint64_t>(s));
      for (std::int64_t t = 0; t < 2; ++t)
        for (std::int64_t j = 0; j < heads; ++j)
          whole(q.row(t, j), static_cast<std::uint64_t>(1000 + 10 * t + j));
      w.fill(5, 3).round_to_whole();
      test::TestCache cache(layout_of(dim), 1, kCtx);
      write(kernels(), cache, keys.view());
      const std::vector<KvRow> rows{cache.row(0, kCtx), cache.row(0, 131)};
      for (const std::int64_t topk : {1, 40, 130}) {
        const auto got = select(kernels(), 2, cache, q, w.view(), rows, topk);
        for (std::int64_t t = 0; t < 2; ++t) {
          std::vector<float> scores;
          for (std::int64_t s = 0; s < rows[static_cast<std::size_t>(t)].visible; ++s) {
            double score = 0;
            for (std::int64_t j = 0; j < heads; ++j) {
              double dot = 0;
              for (std::int64_t d = 0; d < dim; ++d)
                dot += static_cast<double>(q(t, j, d)) * static_cast<double>(keys.view()(s, d));
              score += static_cast<double>(w.view()(t, j)) * std::max(dot, 0.0);
            }
            scores.push_back(static_cast<float>(score));
          }
          std::vector<std::int32_t> expected(static_cast<std::size_t>(topk));
          std::vector<std::byte> scratch(topk_scratch_bytes(kCtx));
          topk_select(scores, topk, expected, scratch);
          const auto at = got.begin() + t * topk;
          ASSERT_EQ(std::vector<std::int32_t>(at, at + topk), expected)
              << "dim " << dim << " heads " << heads << " topk " << topk << " row " << t;
        }
      }
    }
}

TEST_P(Int8KeysTest, EveryFamilyHasTheReferencesBits) {
  constexpr std::int64_t kCtx = 900, kRows = 13;
  for (const std::int64_t dim : {8, 33, 128})
    for (const std::int64_t heads : {1, 5, 64}) {
      test::Padded<2> keys({kCtx, dim}), w({kRows, heads});
      test::Padded<2> queries({kRows, heads * dim});
      keys.fill(3), queries.fill(4), w.fill(5);
      keys.view()(700, 1) = test::kNaN;
      test::TestCache cache(layout_of(dim), 1, kCtx);
      write(kRefKernels, cache, keys.view());
      const auto q = queries.as_heads(heads);
      std::vector<KvRow> rows;
      for (std::int64_t t = 0; t < kRows; ++t) rows.push_back(cache.row(0, kCtx - kRows + t + 1));
      const auto expected = select(kRefKernels, 1, cache, q, w.view(), rows, 300);
      for (const int threads : test::kThreadCounts)
        ASSERT_EQ(select(kernels(), threads, cache, q, w.view(), rows, 300), expected)
            << "dim " << dim << " heads " << heads << ", " << threads << " threads";
      // A row alone is searched by all threads.
      const auto alone = select(kernels(), 3, cache, q.slice(5, 1), w.view().slice(5, 1),
                                std::span(rows).subspan(5, 1), 300);
      ASSERT_EQ(alone, std::vector<std::int32_t>(expected.begin() + 5 * 300, expected.begin() + 6 * 300));
    }
}

DSA_FOR_EACH_FAMILY(Int8KeysTest);

}  // namespace
}  // namespace dsa
