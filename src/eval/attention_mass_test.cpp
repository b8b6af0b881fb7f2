#include "eval/attention_mass.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "testing/cases.h"

namespace dsa {
namespace {

using test::Padded;
using test::TestCache;

struct Case {
  KvLayout layout;
  std::int64_t heads;
  bool latent;  // c takes part in the score, as in MLA
};

// One row by the definition, in double.
std::vector<double> expected(const Case& c, const TestCache& cache, const AttentionInputs& in,
                             std::int64_t row) {
  const std::int64_t visible = in.rows[static_cast<std::size_t>(row)].visible;
  const std::int64_t entry = c.layout.rank + c.layout.rope_dim;
  std::vector<double> mass(static_cast<std::size_t>(visible));
  for (std::int64_t h = 0; h < c.heads; ++h) {
    const std::int64_t at = h / (c.heads / c.layout.groups) * entry;
    std::vector<double> p;
    double sum = 0;
    for (std::int64_t s = 0; s < visible; ++s) {
      double dot = 0;
      for (std::int64_t i = 0; c.latent && i < c.layout.rank; ++i)
        dot += static_cast<double>(in.q_c(row, h, i)) * static_cast<double>(cache.entry(0, s, at + i));
      for (std::int64_t i = 0; i < c.layout.rope_dim; ++i)
        dot += static_cast<double>(in.q_pe(row, h, i)) *
               static_cast<double>(cache.entry(0, s, at + c.layout.rank + i));
      p.push_back(std::exp(static_cast<double>(in.scale) * dot));
      sum += p.back();
    }
    for (std::size_t s = 0; s < p.size(); ++s) mass[s] += p[s] / sum / static_cast<double>(c.heads);
  }
  return mass;
}

TEST(AttentionMass, IsTheMeanOfTheHeadsSoftmaxes) {
  constexpr std::int64_t kCtx = 200, kRows = 5;
  const Case cases[] = {
      {{.type = DType::bf16, .groups = 2, .rank = 10, .rope_dim = 10, .index_dim = 6}, 6, false},
      {{.type = DType::f32, .groups = 1, .rank = 22, .rope_dim = 8, .index_dim = 0}, 5, true},
      {{.type = DType::f32, .groups = 3, .rank = 8, .rope_dim = 8, .index_dim = 0}, 3, false}};
  for (const Case& c : cases)
    for (const int threads : {1, 3}) {
      TestCache cache(c.layout, 2, kCtx);
      cache.fill(1);
      Padded<3> q_pe({kRows, c.heads, c.layout.rope_dim}), latent({kRows, c.heads, c.layout.rank});
      q_pe.fill(3);
      latent.fill(4);
      std::vector<KvRow> rows;
      for (const std::int64_t visible : {1, 64, 65, 130, 200}) rows.push_back(cache.row(0, visible));
      AttentionInputs in{.h = {},
                         .q_c = {},
                         .q_pe = q_pe.view(),
                         .c = {},
                         .k_pe = {},
                         .scale = 0.7F,
                         .rows = rows,
                         .index_q = {},
                         .index_w = {}};
      if (c.latent) in.q_c = latent.view();

      Exec exec(threads);
      AttentionMass mass(exec, choose_kernels());
      const std::array<std::int64_t, 4> wanted{0, 1, 3, 4};
      std::array<std::vector<float>, 4> got;
      for (int repeat = 0; repeat < 2; ++repeat)  // scratch of an earlier call does no harm
        mass.of_rows(in, cache.view(), wanted, [&](std::size_t i, std::span<const float> values, int) {
          got.at(i).assign(values.begin(), values.end());
        });
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto want = expected(c, cache, in, wanted[i]);
        ASSERT_EQ(got[i].size(), want.size());
        for (std::size_t s = 0; s < want.size(); ++s)
          EXPECT_NEAR(static_cast<double>(got[i][s]), want[s], 1e-5 * want[s] + 1e-7) << i << " " << s;
      }
    }
}

}  // namespace
}  // namespace dsa
