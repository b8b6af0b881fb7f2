#include <complex>

#include "testing/families.h"

namespace dsa {
namespace {

class RopeTest : public test::PerFamily {};

test::Padded<2>& fill_angles(test::Padded<2>& cos_sin) {
  for (std::int64_t t = 0; t < cos_sin.view().rows(); ++t)
    for (std::int64_t i = 0; i < cos_sin.view().cols() / 2; ++i) {
      const double angle = 0.7 * static_cast<double>(t + 1) / static_cast<double>(i + 1);
      cos_sin.view()(t, i) = static_cast<float>(std::cos(angle));
      cos_sin.view()(t, cos_sin.view().cols() / 2 + i) = static_cast<float>(std::sin(angle));
    }
  return cos_sin;
}

TEST_P(RopeTest, IsComplexMultiplication) {
  for (const RopeLayout layout : {RopeLayout::half_split, RopeLayout::interleaved})
    for (const std::int64_t n : test::kBatchSizes)
      for (const std::int64_t dim : {2, 6, 16, 18, 64, 126}) {
        for (const std::int64_t rest : {0, 5}) {
          test::Padded<3> x({n, 3, dim + rest});
          test::Padded<3> expected({n, 3, dim + rest});
          test::Padded<2> cos_sin({n, dim});
          fill_angles(cos_sin);
          x.fill(1);
          expected.fill(1);  // what follows dim must stay
          for (std::int64_t t = 0; t < n; ++t)
            for (std::int64_t h = 0; h < 3; ++h)
              for (std::int64_t i = 0; i < dim / 2; ++i) {
                const bool split = layout == RopeLayout::half_split;
                const std::int64_t a = split ? i : 2 * i;
                const std::int64_t b = split ? i + dim / 2 : 2 * i + 1;
                const std::complex<double> turned =
                    std::complex<double>(x.view()(t, h, a), x.view()(t, h, b)) *
                    std::complex<double>(cos_sin.view()(t, i), cos_sin.view()(t, dim / 2 + i));
                expected.view()(t, h, a) = static_cast<float>(turned.real());
                expected.view()(t, h, b) = static_cast<float>(turned.imag());
              }
          Exec exec(2);
          kernels().rope(exec, {.x = x.view(), .dim = dim, .layout = layout, .cos_sin = cos_sin.view()});
          EXPECT_TRUE(test::close(x.view(), expected.view(), test::kElementwise)) << n << " x " << dim;
          EXPECT_TRUE(x.gaps_untouched());
          if (rest > 0 && n > 0) {
            EXPECT_EQ(x.view()(n - 1, 2, dim), expected.view()(n - 1, 2, dim));
          }
        }
      }
}

TEST_P(RopeTest, RotatesAPartThatIsNotFirst) {
  // MLA: the rope part of [n, heads, nope + rope].
  test::Padded<3> x({2, 2, 10});
  x.fill(2);
  const std::vector<float> before = x.values();
  test::Padded<2> cos_sin({2, 4});
  cos_sin.set(0);
  for (std::int64_t t = 0; t < 2; ++t) cos_sin.view()(t, 2) = cos_sin.view()(t, 3) = 1;  // a quarter turn
  const TensorView<float, 3> part(x.view().data() + 6, {2, 2, 4}, x.view().strides());
  Exec exec(1);
  kernels().rope(exec, {.x = part, .dim = 4, .layout = RopeLayout::interleaved, .cos_sin = cos_sin.view()});
  const std::vector<float> after = x.values();
  for (std::size_t row = 0; row < 40; row += 10) {
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(after[row + i], before[row + i]);
    EXPECT_EQ(after[row + 6], -before[row + 7]);  // (a, b) -> (-b, a)
    EXPECT_EQ(after[row + 7], before[row + 6]);
    EXPECT_EQ(after[row + 8], -before[row + 9]);
    EXPECT_EQ(after[row + 9], before[row + 8]);
  }
}

TEST_P(RopeTest, RowsAreIndependent) {
  test::Padded<2> cos_sin({9, 10});
  fill_angles(cos_sin);
  test::expect_rows_independent(9, [&](Exec& exec, std::int64_t first, std::int64_t count) {
    test::Padded<3> x({9, 2, 13});
    x.fill(3);
    kernels().rope(exec, {.x = x.view().slice(first, count),
                          .dim = 10,
                          .layout = RopeLayout::half_split,
                          .cos_sin = cos_sin.view().slice(first, count)});
    const auto all = x.values();
    return std::vector<float>(all.begin() + first * 26, all.begin() + (first + count) * 26);
  });
}

TEST_P(RopeTest, AnglesAreFloatProductsOfPositionAndFrequency) {
  const std::vector<float> frequencies{1.0F, 0.1F, 0.0123F, 7e-6F};
  std::vector<std::int64_t> positions{0, 1, 8000, 163839};
  for (std::int64_t t = 0; t < 20; ++t) positions.push_back(37 * t);
  for (const float magnitude : {1.0F, 1.3F}) {
    test::Padded<2> got({std::ssize(positions), 8});
    Exec exec(3);
    kernels().rope_angles(
        exec,
        {.positions = positions, .frequencies = frequencies, .magnitude = magnitude, .cos_sin = got.view()});
    for (std::int64_t t = 0; t < std::ssize(positions); ++t)
      for (std::int64_t i = 0; i < 4; ++i) {
        const float angle = static_cast<float>(positions[t]) * frequencies[i];
        EXPECT_EQ(got.view()(t, i), std::cos(angle) * magnitude);
        EXPECT_EQ(got.view()(t, 4 + i), std::sin(angle) * magnitude);
      }
    EXPECT_TRUE(got.gaps_untouched());
  }
}

DSA_FOR_EACH_FAMILY(RopeTest);

}  // namespace
}  // namespace dsa
