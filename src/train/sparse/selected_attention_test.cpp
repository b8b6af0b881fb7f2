// Attention over a selection against its definition in double, and its gradient against finite differences.
#include "train/sparse/selected_attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "testing/runnable_rows.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kTokens = 150, kHeads = 6, kGroups = 2, kDim = 10, kTopk = 7;

// Row t selects every (t + 1) / min(t + 1, kTopk)-th token and always itself.
Selection selection() {
  Selection out{.topk = kTopk, .idx = std::vector<std::int32_t>(kTokens * kTopk, -1), .count = {}};
  for (std::int64_t t = 0; t < kTokens; ++t) {
    const std::int64_t count = std::min(t + 1, kTopk);
    out.count.push_back(static_cast<std::int32_t>(count));
    for (std::int64_t i = 0; i < count; ++i)
      out.idx[static_cast<std::size_t>(t * kTopk + i)] =
          static_cast<std::int32_t>((i + 1) * (t + 1) / count - 1);
  }
  return out;
}

struct Case {
  std::vector<float> q = test::random(kTokens * kHeads * kDim, 1),
                     k = test::random(kTokens * kGroups * kDim, 2),
                     v = test::random(kTokens * kGroups * kDim, 3),
                     d_out = test::random(kTokens * kHeads * kDim, 4);
  Selection selected = selection();

  [[nodiscard]] AttentionTensors tensors() const {
    return {.q = {q.data(), {kTokens, kHeads, kDim}},
            .k = {k.data(), {kTokens, kGroups, kDim}},
            .v = {v.data(), {kTokens, kGroups, kDim}}};
  }
  // sum over rows of d_out . out, in double; `mean`, if it is not null, gets row t's mean attention.
  [[nodiscard]] double loss(std::int64_t t, std::vector<double>* mean = nullptr) const {
    const auto in = tensors();
    const auto row = selected.row(t);
    double out = 0;
    if (mean != nullptr) mean->assign(row.size(), 0);
    for (std::int64_t h = 0; h < kHeads; ++h) {
      const std::int64_t g = h / (kHeads / kGroups);
      std::vector<double> p;
      double sum = 0;
      for (const std::int32_t s : row) {
        double dot = 0;
        for (std::int64_t d = 0; d < kDim; ++d)
          dot += static_cast<double>(in.q(t, h, d)) * static_cast<double>(in.k(s, g, d));
        sum += p.emplace_back(std::exp(dot / std::sqrt(static_cast<double>(kDim))));
      }
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (mean != nullptr) (*mean)[i] += p[i] / sum / kHeads;
        for (std::int64_t d = 0; d < kDim; ++d)
          out += p[i] / sum * static_cast<double>(in.v(row[i], g, d)) *
                 static_cast<double>(d_out[static_cast<std::size_t>((t * kHeads + h) * kDim + d)]);
      }
    }
    return out;
  }
  [[nodiscard]] double loss() const {
    double sum = 0;
    for (std::int64_t t = 0; t < kTokens; ++t) sum += loss(t);
    return sum;
  }
};

struct Result {
  std::vector<float> out, mean, dq, dk, dv;
};

Result run(const Case& c, const RowKernels& kernels, int threads) {
  Exec exec(threads);
  SelectedAttention attention(
      {.heads = kHeads, .groups = kGroups, .dim = kDim, .max_context = kTokens, .topk = kTopk}, exec,
      kernels);
  Result r{.out = std::vector<float>(c.q.size()),
           .mean = std::vector<float>(kTokens * kTopk),
           .dq = std::vector<float>(c.q.size(), NAN),
           .dk = std::vector<float>(c.k.size(), NAN),
           .dv = std::vector<float>(c.k.size(), NAN)};
  attention.forward(c.tensors(), c.selected, {r.out.data(), {kTokens, kHeads, kDim}},
                    {r.mean.data(), {kTokens, kTopk}});
  attention.backward(c.tensors(), c.selected, {c.d_out.data(), {kTokens, kHeads, kDim}},
                     {.q = {r.dq.data(), {kTokens, kHeads, kDim}},
                      .k = {r.dk.data(), {kTokens, kGroups, kDim}},
                      .v = {r.dv.data(), {kTokens, kGroups, kDim}}});
  return r;
}

class SelectedAttentionTest : public ::testing::TestWithParam<const RowKernels*> {};
INSTANTIATE_TEST_SUITE_P(, SelectedAttentionTest, ::testing::ValuesIn(test::runnable_rows()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST_P(SelectedAttentionTest, IsItsDefinition) {
  const Case c;
  const Result r = run(c, *GetParam(), 2);
  for (std::int64_t t = 0; t < kTokens; ++t) {
    std::vector<double> mean;
    const double expected = c.loss(t, &mean);
    double sum = 0;
    for (std::int64_t i = t * kHeads * kDim; i < (t + 1) * kHeads * kDim; ++i)
      sum += static_cast<double>(r.out[static_cast<std::size_t>(i)]) *
             static_cast<double>(c.d_out[static_cast<std::size_t>(i)]);
    ASSERT_NEAR(sum, expected, 1e-3) << t;
    for (std::size_t i = 0; i < mean.size(); ++i)
      ASSERT_NEAR(r.mean[static_cast<std::size_t>(t * kTopk) + i], mean[i], 1e-6) << t;
  }
}

TEST_P(SelectedAttentionTest, GradientMatchesFiniteDifferences) {
  Case c;
  const Result r = run(c, *GetParam(), 2);
  const auto compare = [&](std::vector<float>& values, const std::vector<float>& gradient, const char* name) {
    for (std::size_t i = 0; i < values.size(); i += 97) {
      constexpr float kStep = 1.0F / 1024;
      const float before = values[i];
      values[i] = before + kStep;
      const double above = c.loss();
      values[i] = before - kStep;
      const double below = c.loss();
      values[i] = before;
      ASSERT_NEAR(gradient[i], (above - below) / (2.0 * static_cast<double>(kStep)), 2e-3)
          << name << " " << i;
    }
  };
  compare(c.q, r.dq, "q");
  compare(c.k, r.dk, "k");
  compare(c.v, r.dv, "v");
}

TEST_P(SelectedAttentionTest, ThreadsChangeNothing) {
  const Case c;
  const Result one = run(c, *GetParam(), 1), three = run(c, *GetParam(), 3);
  EXPECT_EQ(one.out, three.out);
  EXPECT_EQ(one.dq, three.dq);
  EXPECT_EQ(one.dk, three.dk);
  EXPECT_EQ(one.dv, three.dv);
}

TEST_P(SelectedAttentionTest, WhatIsNotSelectedDoesNotMatter) {
  Case c;
  const Result before = run(c, *GetParam(), 1);
  // Every row selects itself: one that no other row selects changes its own output alone.
  std::vector<int> readers(kTokens);
  for (std::int64_t t = 0; t < kTokens; ++t)
    for (const std::int32_t s : c.selected.row(t)) ++readers[static_cast<std::size_t>(s)];
  std::int64_t lonely = -1;
  for (std::int64_t t = 0; t < kTokens; ++t)
    if (readers[static_cast<std::size_t>(t)] == 1) lonely = t;
  ASSERT_GE(lonely, 0);
  for (std::int64_t i = lonely * kGroups * kDim; i < (lonely + 1) * kGroups * kDim; ++i)
    c.k[static_cast<std::size_t>(i)] = c.v[static_cast<std::size_t>(i)] = NAN;
  const Result after = run(c, *GetParam(), 1);
  for (std::int64_t t = 0; t < kTokens; ++t)
    for (std::int64_t i = t * kHeads * kDim; i < (t + 1) * kHeads * kDim && t != lonely; ++i)
      ASSERT_EQ(before.out[static_cast<std::size_t>(i)], after.out[static_cast<std::size_t>(i)]) << t;
}

}  // namespace
}  // namespace dsa::train
