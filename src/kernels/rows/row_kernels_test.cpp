#include "kernels/rows/row_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "testing/runnable_rows.h"

namespace dsa {
namespace {

std::vector<float> random(std::int64_t count, std::uint64_t seed, float size = 1) {
  const CounterRng rng(seed);
  std::vector<float> out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = size * static_cast<float>(2 * rng.unit(i) - 1);
  return out;
}

constexpr std::int64_t kLengths[] = {1, 2, 7, 8, 9, 15, 16, 17, 255, 256, 257, 1000};

class Rows : public ::testing::TestWithParam<const RowKernels*> {
 protected:
  static const RowKernels& rows() { return *GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(, Rows, ::testing::ValuesIn(test::runnable_rows()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST_P(Rows, ProductIsTheSum) {
  for (const std::int64_t m : {1, 2, 5, 6, 7, 13})
    for (const std::int64_t n : {1, 8, 15, 16, 17, 40})
      for (const std::int64_t k : {0, 1, 9, 33})
        for (const bool turned : {false, true}) {
          const auto a = random(m * k, 1), b = random(k * n, 2), before = random(m * n, 3);
          for (const bool accumulate : {false, true}) {
            auto c = before;
            rows().product({.m = m,
                            .n = n,
                            .k = k,
                            .a = a.data(),
                            .a_row = turned ? 1 : k,
                            .a_col = turned ? m : 1,
                            .b = b.data(),
                            .b_row = n,
                            .c = c.data(),
                            .c_row = n,
                            .accumulate = accumulate});
            for (std::int64_t i = 0; i < m; ++i)
              for (std::int64_t j = 0; j < n; ++j) {
                double sum =
                    accumulate ? static_cast<double>(before[static_cast<std::size_t>(i * n + j)]) : 0;
                for (std::int64_t t = 0; t < k; ++t)
                  sum += static_cast<double>(a[static_cast<std::size_t>(turned ? t * m + i : i * k + t)]) *
                         static_cast<double>(b[static_cast<std::size_t>(t * n + j)]);
                ASSERT_NEAR(c[static_cast<std::size_t>(i * n + j)], sum, 1e-5) << m << " " << n << " " << k;
              }
          }
        }
}

TEST_P(Rows, ProductReadsPanels) {
  constexpr std::int64_t kM = 7, kN = 3 * kPanel, kK = 5;
  const auto a = random(kM * kK, 1), b = random(kK * kN, 2);
  std::vector<float> panels(b.size()), flat(kM * kN), from_panels(kM * kN);
  for (std::int64_t j = 0; j < kN; ++j)
    for (std::int64_t k = 0; k < kK; ++k)
      panels[static_cast<std::size_t>((j / kPanel * kK + k) * kPanel + j % kPanel)] =
          b[static_cast<std::size_t>(k * kN + j)];
  ProductArgs args{.m = kM,
                   .n = kN,
                   .k = kK,
                   .a = a.data(),
                   .a_row = kK,
                   .b = b.data(),
                   .b_row = kN,
                   .c = flat.data(),
                   .c_row = kN};
  rows().product(args);
  args.b = panels.data();
  args.b_row = kPanel;
  args.b_panel = kPanel * kK;
  args.c = from_panels.data();
  rows().product(args);
  EXPECT_EQ(flat, from_panels);
}

std::vector<double> softmax(const std::vector<float>& x) {
  std::vector<double> p;
  double total = 0;
  const auto top = static_cast<double>(*std::ranges::max_element(x));
  for (const float v : x) p.push_back(std::exp(static_cast<double>(v) - top)), total += p.back();
  for (double& v : p) v /= total;
  return p;
}

TEST_P(Rows, AttentionIsAddedUp) {
  for (const std::int64_t n : kLengths) {
    auto scores = random(n, 4, 20);
    const auto p = softmax(scores);
    auto sum = random(n, 5), largest = random(n, 6);
    const auto sum_before = sum, largest_before = largest;
    rows().add_attention(scores.data(), n, sum.data(), largest.data());
    for (std::size_t s = 0; s < p.size(); ++s) {
      ASSERT_NEAR(sum[s], static_cast<double>(sum_before[s]) + p[s], 1e-6);
      ASSERT_NEAR(largest[s], std::max(static_cast<double>(largest_before[s]), p[s]), 1e-6);
    }
    scores = random(n, 4, 20);
    rows().add_attention(scores.data(), n, nullptr, nullptr);
  }
}

TEST_P(Rows, KlAndItsGradientAreTheClosedForm) {
  for (const std::int64_t n : kLengths) {
    auto scores = random(n, 7, 30), logits = random(n, 8, 30);
    const auto q = softmax(scores), p = softmax(logits);
    std::vector<float> target(p.begin(), p.end());
    double kl = 0;
    for (std::size_t s = 0; s < p.size(); ++s) {
      if (target[s] > 0)
        kl += static_cast<double>(target[s]) * (std::log(static_cast<double>(target[s])) - std::log(q[s]));
    }
    const double kl_found = rows().kl_row(scores.data(), target.data(), n, 0.5F);
    EXPECT_NEAR(kl_found, kl, 1e-5 * std::max(1.0, kl)) << n;
    for (std::size_t s = 0; s < p.size(); ++s)
      ASSERT_NEAR(scores[s], 0.5 * (q[s] - static_cast<double>(target[s])), 1e-6) << n;
  }
}

// A key that the indexer gives no chance keeps its whole gradient: with log(q + eps)
// it would never be learned.
TEST_P(Rows, ABadlyMissedKeyKeepsItsGradient) {
  std::vector<float> scores{50, 0}, target{0, 1};
  const double kl_found = rows().kl_row(scores.data(), target.data(), 2, 1);
  EXPECT_NEAR(kl_found, 50, 1e-4);
  EXPECT_NEAR(scores[0], 1, 1e-6);
  EXPECT_NEAR(scores[1], -1, 1e-6);
}

TEST_P(Rows, KlIsZeroWhereScoresMatch) {
  for (const std::int64_t n : kLengths) {
    std::vector<float> scores(static_cast<std::size_t>(n), 3.25F),
        target(scores.size(), 1.0F / static_cast<float>(n));
    EXPECT_NEAR(rows().kl_row(scores.data(), target.data(), n, 1), 0, 5e-6);
    for (const float g : scores) EXPECT_NEAR(g, 0, 1e-7);
  }
}

TEST_P(Rows, ReluForthAndBack) {
  for (const std::int64_t n : kLengths) {
    auto products = random(n, 9);
    products[0] = 0;  // the gradient of relu is 0 there
    const auto before = products, grad = random(n, 10);
    auto scores = random(n, 11);
    const auto scores_before = scores;
    rows().add_relu(products.data(), -1.5F, n, scores.data());
    double expected = 0;
    for (std::size_t s = 0; s < scores.size(); ++s) {
      ASSERT_NEAR(scores[s], scores_before[s] - 1.5F * std::max(0.0F, before[s]), 1e-6);
      expected += static_cast<double>(grad[s]) * static_cast<double>(std::max(0.0F, before[s]));
    }
    EXPECT_NEAR(rows().relu_backward(grad.data(), products.data(), -1.5F, n), expected, 1e-4);
    for (std::size_t s = 0; s < scores.size(); ++s)
      ASSERT_EQ(products[s], before[s] > 0 ? grad[s] * -1.5F : 0.0F);
  }
}

TEST_P(Rows, NotANumberStaysOne) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> products{1, nan, 2}, scores{0, 0, 0}, target{0.5F, 0.25F, 0.25F};
  rows().add_relu(products.data(), 1, 3, scores.data());
  EXPECT_TRUE(std::isnan(scores[1]));
  EXPECT_TRUE(std::isnan(rows().kl_row(scores.data(), target.data(), 3, 1)));
}

}  // namespace
}  // namespace dsa
