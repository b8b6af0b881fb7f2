#include "kernels/attention.h"

#include <numeric>
#include <optional>

#include "testing/families.h"

namespace dsa {
namespace {

/// One call's inputs, kept so that rows can be recomputed alone.
struct Problem {
  Problem(KvLayout layout, std::int64_t heads, std::vector<std::int64_t> visible, bool mla)
      : n(static_cast<std::int64_t>(visible.size())),
        cache(layout, 2, *std::max_element(visible.begin(), visible.end())),
        q_pe({n, heads, layout.rope_dim}) {
    cache.fill(1);
    q_pe.fill(2);
    if (mla) q_c.emplace(std::array<std::int64_t, 3>{n, heads, layout.rank}).fill(3);
    if (layout.type == DType::bf16) {
      q_pe.round_to_bf16();
      if (mla) q_c->round_to_bf16();
    }
    for (std::int64_t t = 0; t < n; ++t) rows.push_back(cache.row(t % 2, visible[t]));
  }
  /// Sparse: row t attends to lists[t].
  void attend_to(const std::vector<std::vector<std::int32_t>>& lists) {
    std::size_t longest = 1;
    for (const auto& list : lists) longest = std::max(longest, list.size());
    width = static_cast<std::int64_t>(longest);
    idx.assign(static_cast<std::size_t>(n) * longest, 0);  // past count: a valid position nobody may read
    count.clear();
    for (std::size_t t = 0; t < lists.size(); ++t) {
      std::copy(lists[t].begin(), lists[t].end(), idx.begin() + static_cast<std::ptrdiff_t>(t * longest));
      count.push_back(static_cast<std::int32_t>(lists[t].size()));
    }
  }

  std::int64_t n;
  test::TestCache cache;
  std::optional<test::Padded<3>> q_c;
  test::Padded<3> q_pe;
  std::vector<KvRow> rows;
  std::int64_t width = 0;  // 0: dense
  std::vector<std::int32_t> idx, count;
  float scale = 0.3F;
};

class AttentionTest : public test::PerFamily {
 protected:
  static void run(Exec& exec, const Problem& p, std::int64_t first, std::int64_t n,
                  const TensorView<float, 3>& out) {
    const KvLayout& layout = p.cache.view().layout;
    std::int64_t longest = p.width;
    for (const KvRow& row : p.rows) longest = std::max(longest, row.visible);
    std::vector<std::byte> scratch(attention_scratch_bytes(exec.threads(), n, p.q_pe.view().dim(1),
                                                           layout.rank, layout.rope_dim, longest));
    AttentionArgs args{.q_c = {},
                       .q_pe = p.q_pe.view().slice(first, n),
                       .kv = p.cache.view(),
                       .rows = std::span(p.rows).subspan(first, n),
                       .idx = {},
                       .count = {},
                       .scale = p.scale,
                       .out = out,
                       .scratch = scratch};
    if (p.q_c) args.q_c = p.q_c->view().slice(first, n);
    if (p.width > 0) {
      args.idx = {p.idx.data() + first * p.width, {n, p.width}};
      args.count = std::span(p.count).subspan(first, n);
    }
    kernels().attention(exec, args);
  }
  static std::vector<float> run(Exec& exec, const Problem& p, std::int64_t first, std::int64_t n) {
    test::Padded<3> out({n, p.q_pe.view().dim(1), p.cache.view().layout.rank});
    run(exec, p, first, n, out.view());
    EXPECT_TRUE(out.gaps_untouched());
    return out.values();
  }
  static std::vector<float> run(const Problem& p, int threads = 2) {
    Exec exec(threads);
    return run(exec, p, 0, p.n);
  }
};

/// softmax in double over the positions a row may see.
std::vector<float> exact(const Problem& p) {
  const KvLayout& layout = p.cache.view().layout;
  const std::int64_t heads = p.q_pe.view().dim(1);
  std::vector<float> out;
  for (std::int64_t t = 0; t < p.n; ++t)
    for (std::int64_t h = 0; h < heads; ++h) {
      const std::int64_t base = h / (heads / layout.groups) * (layout.rank + layout.rope_dim);
      std::vector<std::int64_t> tokens;
      if (p.width == 0) {
        tokens.resize(static_cast<std::size_t>(p.rows[t].visible));
        std::iota(tokens.begin(), tokens.end(), 0);
      } else {
        for (std::int64_t i = 0; i < p.count[t]; ++i) {
          const std::int64_t s = p.idx[t * p.width + i];
          if (s >= 0 && s < p.rows[t].visible) tokens.push_back(s);
        }
      }
      std::vector<double> score;
      for (const std::int64_t s : tokens) {
        double dot = 0;
        for (std::int64_t r = 0; r < layout.rope_dim; ++r)
          dot +=
              static_cast<double>(p.q_pe.view()(t, h, r)) * p.cache.entry(t % 2, s, base + layout.rank + r);
        if (p.q_c)
          for (std::int64_t r = 0; r < layout.rank; ++r)
            dot += static_cast<double>(p.q_c->view()(t, h, r)) * p.cache.entry(t % 2, s, base + r);
        score.push_back(p.scale * dot);
      }
      const double max = score.empty() ? 0 : *std::max_element(score.begin(), score.end());
      double sum = 0;
      for (double& v : score) sum += v = std::exp(v - max);
      for (std::int64_t r = 0; r < layout.rank; ++r) {
        double o = 0;
        for (std::size_t i = 0; i < tokens.size(); ++i)
          o += score[i] * p.cache.entry(t % 2, tokens[i], base + r);
        out.push_back(tokens.empty() ? 0.0F : static_cast<float>(o / sum));
      }
    }
  return out;
}

::testing::AssertionResult close_to_exact(const Problem& p, const std::vector<float>& got,
                                          bool bf16_products) {
  const std::array<std::int64_t, 3> shape{p.n, p.q_pe.view().dim(1), p.cache.view().layout.rank};
  const auto expected = exact(p);
  // Outputs are means of values in [-1, 1]: errors are measured against 1, not against their small sums.
  const bool rounds = bf16_products && p.cache.view().layout.type == DType::bf16;
  const double tolerance = (rounds ? test::kSoftmaxBf16 : test::kSoftmax).relative;
  return test::close(TensorView<const float, 3>(got.data(), shape),
                     TensorView<const float, 3>(expected.data(), shape), {tolerance, tolerance});
}

KvLayout gqa(DType type, std::int64_t groups, std::int64_t head_dim) {
  return {.type = type, .groups = groups, .rank = head_dim, .rope_dim = head_dim, .index_dim = 5};
}
KvLayout mla(DType type) { return {.type = type, .groups = 1, .rank = 48, .rope_dim = 10, .index_dim = 0}; }

/// Every third position below ctx.
std::vector<std::int32_t> thirds(std::int64_t ctx) {
  std::vector<std::int32_t> out;
  for (std::int64_t s = ctx % 3; s < ctx; s += 3) out.push_back(static_cast<std::int32_t>(s));
  return out;
}

TEST_P(AttentionTest, DenseIsTheFormula) {
  for (const DType type : {DType::bf16, DType::f32})
    for (const std::int64_t ctx : test::kContexts) {
      EXPECT_TRUE([&] {
        const Problem p(gqa(type, 2, 16), 6, {ctx, (ctx + 1) / 2, 1}, /*mla=*/false);
        return close_to_exact(p, run(p), kernels().bf16_products);
      }()) << "gqa "
           << name(type) << " ctx " << ctx;
      EXPECT_TRUE([&] {
        const Problem p(mla(type), 5, {ctx, (ctx + 1) / 2}, /*mla=*/true);
        return close_to_exact(p, run(p), kernels().bf16_products);
      }()) << "mla "
           << name(type) << " ctx " << ctx;
    }
}

TEST_P(AttentionTest, OddWidths) {
  for (const std::int64_t rank : {1, 7, 9, 33})
    for (const std::int64_t rope_dim : {2, 6, 18}) {
      const KvLayout layout{
          .type = DType::bf16, .groups = 1, .rank = rank, .rope_dim = rope_dim, .index_dim = 3};
      const Problem p(layout, 3, {70, 64}, /*mla=*/true);
      EXPECT_TRUE(close_to_exact(p, run(p), kernels().bf16_products)) << rank << " + " << rope_dim;
    }
}

TEST_P(AttentionTest, SparseIsTheFormula) {
  for (const DType type : {DType::bf16, DType::f32})
    for (const std::int64_t ctx : test::kContexts)
      for (const bool latent : {false, true}) {
        Problem p(latent ? mla(type) : gqa(type, 3, 8), 6, {ctx, ctx, ctx}, latent);
        p.attend_to({thirds(ctx), {static_cast<std::int32_t>(ctx - 1)}, thirds((ctx + 1) / 2)});
        EXPECT_TRUE(close_to_exact(p, run(p), kernels().bf16_products))
            << name(type) << " ctx " << ctx << (latent ? " mla" : " gqa");
      }
}

TEST_P(AttentionTest, AListOfAllPositionsIsDenseToTheBit) {
  for (const DType type : {DType::bf16, DType::f32})
    for (const std::int64_t ctx : test::kContexts)
      for (const bool latent : {false, true}) {
        Problem p(latent ? mla(type) : gqa(type, 2, 16), 4, {ctx, (ctx + 1) / 2}, latent);
        const auto dense = run(p);
        std::vector<std::vector<std::int32_t>> lists;
        for (const KvRow& row : p.rows) {
          lists.emplace_back(static_cast<std::size_t>(row.visible));
          std::iota(lists.back().begin(), lists.back().end(), 0);
        }
        p.attend_to(lists);
        EXPECT_TRUE(test::same_bits(run(p), dense)) << name(type) << " ctx " << ctx;
      }
}

TEST_P(AttentionTest, BadIndicesAreNoTokens) {
  for (const bool latent : {false, true}) {
    const auto bad = test::bad_indices(200);
    std::vector<std::int32_t> mixed = thirds(200);
    for (const std::int32_t index : bad)
      mixed.insert(mixed.begin() + static_cast<std::ptrdiff_t>(mixed.size() / 2), index);
    mixed.insert(mixed.end(), 70, -1);  // a whole block without a token
    mixed.push_back(7);
    Problem p(latent ? mla(DType::bf16) : gqa(DType::bf16, 2, 16), 4, {200, 200, 200, 200}, latent);
    p.attend_to({mixed, {bad.begin(), bad.end()}, {}, std::vector<std::int32_t>(300, -1)});
    const auto got = run(p);
    EXPECT_TRUE(close_to_exact(p, got, kernels().bf16_products));
    const auto row = static_cast<std::ptrdiff_t>(got.size() / 4);
    EXPECT_TRUE(std::all_of(got.begin() + row, got.end(), [](float v) { return v == 0; }))
        << "rows without tokens";
  }
}

TEST_P(AttentionTest, SelectionsLongerThanASegment) {
  constexpr std::int64_t kCtx = 5000;
  Problem p(mla(DType::bf16), 2, {kCtx, kCtx}, /*mla=*/true);
  std::vector<std::int32_t> even;
  for (std::int32_t s = 0; s < kCtx; s += 2) even.push_back(s);
  p.attend_to({even, {0, 4999}});
  EXPECT_TRUE(close_to_exact(p, run(p), kernels().bf16_products));
}

TEST_P(AttentionTest, LargeScoresDoNotOverflow) {
  Problem p(gqa(DType::f32, 1, 8), 2, {1500, 700}, /*mla=*/false);
  p.scale = 3000;  // scores of several thousand: the softmax is nearly one-hot
  const auto got = run(p);
  EXPECT_TRUE(
      std::all_of(got.begin(), got.end(), [](float v) { return std::isfinite(v) && std::fabs(v) <= 1; }));
  // Scores that large carry float32 errors of about 1e-3: compare with what that allows.
  const auto expected = exact(p);
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 2e-2) << i;
}

TEST_P(AttentionTest, EqualScoresAverage) {
  Problem p(gqa(DType::f32, 1, 4), 1, {1100}, /*mla=*/false);
  p.q_pe.set(0);
  for (std::int64_t s = 0; s < 1100; ++s)
    for (std::int64_t i = 0; i < 4; ++i) p.cache.set_entry(0, s, i, s < 550 ? 1.0F : 3.0F);
  for (const float v : run(p)) EXPECT_NEAR(v, 2.0F, 1e-5);
}

TEST_P(AttentionTest, NonFiniteEntriesReachTheOutputOfTheirRowsAlone) {
  for (const float bad : {test::kNaN, test::kInf}) {
    Problem p(gqa(DType::bf16, 1, 16), 2, {130, 100, 130}, /*mla=*/false);
    const auto clean = run(p);
    p.cache.set_entry(0, 120, 16 + 3,
                      bad);  // a key that row 2 sees; row 0 sees it as well, row 1 is the other sequence
    const auto got = run(p);
    const std::size_t row = got.size() / 3;
    for (std::size_t i = 0; i < row; ++i) {
      // exp(inf - inf), or -inf for queries of the other sign: NaN or still a number, never a silent inf.
      if (std::isnan(bad)) {
        EXPECT_TRUE(std::isnan(got[i]) && std::isnan(got[2 * row + i]));
      }
      EXPECT_FALSE(std::isinf(got[i]));
    }
    EXPECT_TRUE(test::same_bits(std::span(got).subspan(row, row), std::span(clean).subspan(row, row)));
  }
}

TEST_P(AttentionTest, RowsAreIndependent) {
  // More rows than kAttentionSplitRows and rows longer than a segment: split and unsplit ways must agree.
  std::vector<std::int64_t> visible;
  for (std::int64_t t = 0; t < 19; ++t) visible.push_back(1 + t * 131);
  for (const bool latent : {false, true}) {
    Problem p(latent ? mla(DType::bf16) : gqa(DType::bf16, 2, 8), 2, visible, latent);
    test::expect_rows_independent(
        p.n, [&](Exec& exec, std::int64_t first, std::int64_t count) { return run(exec, p, first, count); });
    std::vector<std::vector<std::int32_t>> lists;
    for (const std::int64_t v : visible) lists.push_back(v > 1500 ? thirds(3 * v / 2) : thirds(v));
    p.attend_to(lists);  // the long ones name positions past visible
    test::expect_rows_independent(
        p.n, [&](Exec& exec, std::int64_t first, std::int64_t count) { return run(exec, p, first, count); });
  }
}

// Neighbouring rows of one sequence share their tiles.
TEST_P(AttentionTest, WhatARowDoesNotSeeChangesNothingInIt) {
  for (const bool latent : {false, true})
    for (const float unseen : {0.0F, test::kNaN, test::kInf}) {
      std::vector<std::int64_t> visible;
      for (std::int64_t t = 0; t < 41; ++t) visible.push_back(50 + t);
      const KvLayout layout = latent ? mla(DType::bf16) : gqa(DType::bf16, 1, 40);
      Problem p(layout, 3, visible, latent);
      for (std::int64_t t = 0; t < p.n; ++t)
        p.rows[static_cast<std::size_t>(t)] = p.cache.row(0, visible[static_cast<std::size_t>(t)]);
      if (unseen != 0)
        for (std::int64_t i = 0; i < layout.rank + layout.rope_dim; ++i) {
          p.cache.set_entry(0, 70, i, unseen);  // row 21 is the first to see it
          p.cache.set_entry(0, 90, i, unseen);  // nobody does
        }
      Exec exec(1);
      const std::vector<float> together = run(exec, p, 0, p.n);
      const std::size_t row = together.size() / static_cast<std::size_t>(p.n);
      for (std::int64_t t = 0; t < p.n; ++t) {
        const auto mine = std::span(together).subspan(row * static_cast<std::size_t>(t), row);
        EXPECT_TRUE(test::same_bits(run(exec, p, t, 1), mine)) << "row " << t;
        if (t < 21) {
          EXPECT_TRUE(std::ranges::all_of(mine, [](float v) { return std::isfinite(v); })) << "row " << t;
        }
      }
    }
}

TEST_P(AttentionTest, NoRows) {
  Problem p(gqa(DType::bf16, 1, 8), 2, {1}, /*mla=*/false);
  Exec exec(2);
  EXPECT_TRUE(run(exec, p, 0, 0).empty());
}

DSA_FOR_EACH_FAMILY(AttentionTest);

}  // namespace
}  // namespace dsa
