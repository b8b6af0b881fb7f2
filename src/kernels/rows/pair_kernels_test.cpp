#include "kernels/rows/pair_kernels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "testing/runnable_rows.h"

namespace dsa {
namespace {

const PairKernels* pairs() { return choose_kernels().pairs; }

// To nearest even, by bits; NaN stays NaN.
std::uint16_t rounded(float x) {
  if (std::isnan(x)) return 0x7FC0;
  if (std::abs(x) < std::numeric_limits<float>::min()) return std::signbit(x) ? 0x8000 : 0;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
float widened(std::uint32_t half) { return std::bit_cast<float>(half << 16); }
float element(const std::vector<std::uint32_t>& words, std::int64_t word, bool second) {
  return widened(second ? words[static_cast<std::size_t>(word)] >> 16
                        : words[static_cast<std::size_t>(word)] & 0xFFFF);
}

class Pairs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (pairs() == nullptr) GTEST_SKIP() << "this processor does not multiply BF16";
  }
};

TEST_F(Pairs, RowsAndPanelsAreRoundedToNearestEven) {
  for (const std::int64_t dim : {1, 2, 15, 16, 17, 31, 32, 33, 64, 80})
    for (const std::int64_t rows : {1, 5, 16}) {
      const std::int64_t stride = dim + 3, words = pairs_for(dim);
      auto x = test::random(rows * stride, 7);
      const float odd[] = {1 + 0x1p-8F, 1 + 0x1p-7F + 0x1p-8F, INFINITY, -0.0F, 1e-39F, NAN, 3.4e38F};
      for (std::size_t i = 0; i < std::size(odd) && i < static_cast<std::size_t>(dim); ++i) x[i] = odd[i];
      constexpr std::uint32_t kGuard = 0xDEADBEEF;
      std::vector<std::uint32_t> flat(static_cast<std::size_t>(rows * words + 16), kGuard);
      std::vector<std::uint32_t> panel(static_cast<std::size_t>(words * kPanel + 16), kGuard);
      const RoundArgs args{.rows = rows, .dim = dim, .x = x.data(), .stride = stride, .scale = 0.5F};
      RoundArgs to_rows = args, to_panel = args;
      to_rows.to = flat.data(), to_panel.to = panel.data();
      pairs()->round_rows(to_rows);
      pairs()->round_panel(to_panel);
      for (std::int64_t i = 0; i < kPanel; ++i)
        for (std::int64_t d = 0; d < 2 * words; ++d) {
          const bool there = i < rows && d < dim;
          const float expected =
              there ? widened(rounded(x[static_cast<std::size_t>(i * stride + d)] * 0.5F)) : 0.0F;
          const float turned = element(panel, d / 2 * kPanel + i, d % 2 != 0);
          ASSERT_TRUE(turned == expected || (std::isnan(turned) && std::isnan(expected)))
              << dim << " " << i << " " << d << ": " << turned << " " << expected;
          if (i >= rows) continue;
          const float row = element(flat, i * words + d / 2, d % 2 != 0);
          ASSERT_TRUE(row == expected || (std::isnan(row) && std::isnan(expected))) << row << " " << expected;
        }
      for (std::size_t i = 0; i < 16; ++i) {
        ASSERT_EQ(flat[static_cast<std::size_t>(rows * words) + i], kGuard) << "written past its end";
        ASSERT_EQ(panel[static_cast<std::size_t>(words * kPanel) + i], kGuard) << "written past its end";
      }
    }
}

TEST_F(Pairs, ProductIsTheSumOfWhatIsRounded) {
  for (const std::int64_t m : {1, 2, 3, 5, 6, 7, 24})
    for (const std::int64_t panels : {1, 3, 4, 5, 9})
      for (const std::int64_t dim : {1, 10, 33, 64}) {
        const std::int64_t n = panels * kPanel, words = pairs_for(dim), c_row = n + 5;
        const auto x = test::random(m * dim, 1), y = test::random(n * dim, 2);
        std::vector<std::uint32_t> a(static_cast<std::size_t>(m * words)),
            b(static_cast<std::size_t>(panels * words * kPanel));
        pairs()->round_rows({.rows = m, .dim = dim, .x = x.data(), .stride = dim, .to = a.data()});
        for (std::int64_t p = 0; p < panels; ++p)
          pairs()->round_panel({.rows = kPanel,
                                .dim = dim,
                                .x = y.data() + p * kPanel * dim,
                                .stride = dim,
                                .to = b.data() + p * words * kPanel});
        std::vector<float> c(static_cast<std::size_t>(m * c_row), -7);
        pairs()->product({.m = m,
                          .panels = panels,
                          .pairs = words,
                          .a = a.data(),
                          .b = b.data(),
                          .c = c.data(),
                          .c_row = c_row});
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            double sum = 0;
            for (std::int64_t d = 0; d < dim; ++d)
              sum += static_cast<double>(widened(rounded(x[static_cast<std::size_t>(i * dim + d)]))) *
                     static_cast<double>(widened(rounded(y[static_cast<std::size_t>(j * dim + d)])));
            ASSERT_NEAR(c[static_cast<std::size_t>(i * c_row + j)], sum, 2e-4) << m << " " << n << " " << dim;
          }
          for (std::int64_t j = n; j < c_row; ++j)
            ASSERT_EQ(c[static_cast<std::size_t>(i * c_row + j)], -7) << "written past the row";
        }
        // A row's bits are those it has alone.
        std::vector<float> alone(static_cast<std::size_t>(n));
        pairs()->product({.m = 1,
                          .panels = panels,
                          .pairs = words,
                          .a = a.data() + (m - 1) * words,
                          .b = b.data(),
                          .c = alone.data(),
                          .c_row = n});
        for (std::int64_t j = 0; j < n; ++j)
          ASSERT_EQ(alone[static_cast<std::size_t>(j)], c[static_cast<std::size_t>((m - 1) * c_row + j)]);
      }
}

}  // namespace
}  // namespace dsa
